"""Guesses the language of the titles (lesson 02, section 4).

Scripts are counted by letter, languages of the Latin script by their commonest small words and shop words. That is
enough to warn an owner; it is not a language identifier.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

SMALL_WORDS = {
    "English": "the of and with for in set box bag red white blue black small large heart pack design from mug",
    "German": "der die das und mit für aus von im dem den ein eine rot weiß blau schwarz klein groß stück tasche",
    "French": "le la les et avec pour de du des en un une rouge blanc bleu noir petit grand lot boîte sac",
    "Spanish": "el la los las y con para de del en un una rojo blanco azul negro pequeño grande caja bolsa juego",
    "Italian": "il lo la gli e con per di del della in un una rosso bianco blu nero piccolo grande scatola borsa",
    "Portuguese": "o a os as e com para de do da em um uma vermelho branco azul preto pequeno grande caixa bolsa",
    "Dutch": "de het een en met voor van in op rood wit blauw zwart klein groot doos tas stuks",
    "Polish": "i z do na w dla ze od czerwony biały niebieski czarny mały duży zestaw torba pudełko",
}
_LANGUAGE_OF_SCRIPT = {
    "CJK": "Chinese",
    "HIRAGANA": "Japanese",
    "KATAKANA": "Japanese",
    "HANGUL": "Korean",
    "CYRILLIC": "a language in Cyrillic letters",
    "ARABIC": "Arabic or Persian",
    "HEBREW": "Hebrew",
    "GREEK": "Greek",
    "THAI": "Thai",
    "DEVANAGARI": "a language in Devanagari letters",
}
_INDIC = ("BENGALI", "GURMUKHI", "GUJARATI", "ORIYA", "TAMIL", "TELUGU", "KANNADA", "MALAYALAM", "SINHALA")
_EAST_AND_SOUTH = ("LAO", "KHMER", "MYANMAR", "TIBETAN", "MONGOLIAN", "GEORGIAN", "ARMENIAN", "ETHIOPIC")
_OTHER_SCRIPTS = frozenset((*_INDIC, *_EAST_AND_SOUTH))


def guess_language(titles: Iterable[str], limit: int = 2000) -> str:
    """Guess ``"English"``, ``"Chinese"``, … or ``"unclear"`` from the first ``limit`` titles (lesson 02, section 4)."""
    scripts: Counter[str] = Counter()
    words: Counter[str] = Counter()
    looked = list(itertools.islice(titles, limit))
    for title in looked:
        # The Unicode name of a letter begins with its script: "CJK UNIFIED IDEOGRAPH-676F".
        scripts.update(unicodedata.name(letter, "?").split(" ")[0] for letter in title if letter.isalpha())
        words.update(re.findall(r"[^\W\d_]+", title.lower()))
    if not scripts:
        return "unclear"
    # A Japanese text holds more Chinese signs than kana, and any shop mixes in Latin brand names.
    for script in ("HIRAGANA", "KATAKANA"):
        if scripts[script] > 0.1 * scripts.total():
            return "Japanese"
    script, letters = max(
        ((s, n) for s, n in scripts.items() if s != "LATIN"), key=lambda pair: pair[1], default=("", 0)
    )
    if letters > 0.3 * scripts.total():
        other = f"a language in {script.capitalize()} letters" if script in _OTHER_SCRIPTS else "unclear"
        return _LANGUAGE_OF_SCRIPT.get(script, other)
    # A letter that stands alone is a code ("group a") sooner than an article, and one small word in all titles ("item
    # 15 of brand 12") is a pattern, no language.
    found = {
        language: Counter({word: words[word] for word in set(small.split()) if len(word) > 1 and words[word]})
        for language, small in SMALL_WORDS.items()
    }
    best = max(found, key=lambda language: found[language].total())
    # Codes (LA-3 DE-4, Model ET 5) are made of letters and hardly a word.
    speaks = sum(len(word) > 2 for word in words) >= min(12, max(4, len(looked) // 10))
    enough = speaks and found[best].total() >= max(3, 0.02 * words.total()) and len(found[best]) > 1
    return best if enough else "unclear"
