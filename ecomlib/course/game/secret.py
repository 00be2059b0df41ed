"""Draws the game's store from a pass-phrase: nobody can know the store before, everybody can check it after.

The phrase's SHA-256 is published before the game and the phrase after it: ``printf %s 'PHRASE' | sha256sum`` gives the
published digits, so from then on the store cannot be changed. What it does not prevent: a referee who tries phrases
before he publishes one, until a store suits somebody, or who tells a friend. Against the first a room adds words of its
own once the digits are known, and both together are the phrase (Blum, 1983). The seed is another hash of the phrase,
out of 2^62: seeds cannot be tried one after another, as those of the lessons' stores could in an afternoon.
"""

from __future__ import annotations

import hashlib
import secrets

from ecomlib.errors import DataError

SHORTEST = 20  # characters of a phrase of one's own: a shorter one could be guessed from its hash
STORE_OF_QUARTER, LUCK_OF_QUARTER = "the store of the quarter", "the luck of the quarter"
_SEED_BITS = 62  # the simulator adds small numbers to a seed of 64 bits


def draw_phrase() -> str:
    """Draw a phrase of 128 random bits, in groups that can be read out."""
    digits = secrets.token_hex(16)
    return "-".join(digits[start : start + 4] for start in range(0, len(digits), 4))


def check_phrase(phrase: str) -> str:
    """Return a phrase without blanks around it.

    Raises
    ------
    DataError
        It could be guessed. The message does not repeat it.
    """
    phrase = phrase.strip()
    if len(phrase) < SHORTEST or len(set(phrase)) < 6:
        raise DataError(
            f"a pass-phrase needs at least {SHORTEST} characters, six different ones: a simpler one can be guessed",
            remedy="take a sentence of your own, or leave --secret away and a phrase is drawn.",
        )
    if not phrase.isprintable():
        raise DataError("a pass-phrase is one line of text", remedy="leave out line breaks and tabs.")
    return phrase


def published_hash(phrase: str) -> str:
    """Compute the digits that are published before the game: SHA-256 of the phrase in UTF-8.

    Examples
    --------
    >>> published_hash("abc")[:16]
    'ba7816bf8f01cfea'
    """
    return hashlib.sha256(phrase.encode()).hexdigest()


def seed_of(phrase: str, of: str = "the store of the order-list game") -> int:
    """Compute the store's seed, or another number of the game, which the published hash does not tell.

    Parameters
    ----------
    phrase : str
        Of ``draw_phrase`` or one's own.
    of : str
        What the number is for: each has its own.
    """
    digest = hashlib.sha256(f"{of}\n{phrase}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> (64 - _SEED_BITS)
