"""Defines lesson 02's exercise on TF-IDF by hand: which words count, where they are counted, and how."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise

Floats = NDArray[np.float64]


def _stub(*_: Any) -> Any:
    return ...


def _tfidf(
    test: Sequence[str], vocabulary: Sequence[str], idf: Floats, *, presence: bool = False, norm: int | None = 2
) -> Floats:
    counts = np.array([[Counter(text.split())[word] for word in vocabulary] for text in test], dtype=float)
    rows = (np.minimum(counts, 1.0) if presence else counts) * idf
    if norm is None:
        return rows
    length = np.linalg.norm(rows, ord=norm, axis=1, keepdims=True)
    return np.asarray(rows / np.where(length > 0, length, 1.0))


def _words(texts: Sequence[str]) -> list[str]:
    return sorted({word for text in texts for word in text.split()})


def _df(texts: Sequence[str], vocabulary: Sequence[str]) -> Floats:
    return np.array([sum(word in text.split() for text in texts) for word in vocabulary], dtype=float)


def tfidf(train: Sequence[str], test: Sequence[str]) -> Floats:
    """Rows of test in the words of train (sorted): count times ln((1 + n) / (1 + df)) + 1, scaled to length one."""
    vocabulary = _words(train)
    return _tfidf(test, vocabulary, np.log((1 + len(train)) / (1 + _df(train, vocabulary))) + 1)


def _cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    words = np.array(["oak", "glass", "lamp", "mug", "plain", "fine", "tray", "blue", "set"])
    drawn = [" ".join(rng.choice(words, rng.integers(2, 6))) for _ in range(14)]
    return [
        (["oak lamp", "glass lamp", "oak tray", "lamp"], ["lamp lamp oak", "silver kite", "tray of glass"]),
        # A word within a longer one ("lamp" in "lampshade") is another word, in both parts.
        (["oak lamp", "glass lamp", "lampshade"], ["glass lampshade", "lamp"]),
        # Words are what split() gives: "Oak", "oak-framed", "mug," and "a" are words as they stand.
        (
            ["Oak lamp", "mirror oak-framed", "a mug, blue", "mug set", "a small lamp"],
            ["Oak mirror, oak-framed", "a blue mug", "mug, set of 2", "framed lamp"],
        ),
        (drawn[:9], [*drawn[9:], "unseen words only", "mug mug glass new"]),
        ([*drawn[:6], "mugs trays sets"], [*drawn[9:], "trays lamps"]),
    ]


def _with_idf(source: str, formula: Answer) -> Answer:
    def answer(train: Sequence[str], test: Sequence[str]) -> Floats:
        texts = {"train": list(train), "test": list(test), "both": [*train, *test]}[source]
        vocabulary = _words(train)
        with np.errstate(divide="ignore", invalid="ignore"):
            return _tfidf(test, vocabulary, formula(len(texts), _df(texts, vocabulary)))

    return answer


def _smooth(n: int, df: Floats) -> Floats:
    return np.asarray(np.log((1 + n) / (1 + df)) + 1)


def _whole_vocabulary(train: Sequence[str], test: Sequence[str]) -> Floats:
    vocabulary = _words([*train, *test])
    return _tfidf(test, vocabulary, _smooth(len(train) + len(test), _df([*train, *test], vocabulary)))


def _empty_rows_nan(train: Sequence[str], test: Sequence[str]) -> Floats:
    found = tfidf(train, test)
    return np.where((found == 0).all(axis=1, keepdims=True), np.nan, found)


def _train_idf(train: Sequence[str]) -> Floats:
    return _smooth(len(train), _df(train, _words(train)))


def _by_substring(count: bool, df: bool, presence: bool = False, scaled: bool = True) -> Answer:
    """Find words within longer words: in the counts of a title, in the document frequency, or in both."""

    def answer(train: Sequence[str], test: Sequence[str]) -> Floats:
        words = _words(train)
        df_found = np.array([sum(word in text for text in train) for word in words], float) if df else _df(train, words)
        found = [[text.count(w) if count else text.split().count(w) for w in words] for text in test]
        rows = np.array(found, dtype=float)
        rows = (np.minimum(rows, 1.0) if presence else rows) * _smooth(len(train), df_found)
        length = np.linalg.norm(rows, axis=1, keepdims=True) if scaled else 1.0
        return np.asarray(rows / np.where(length > 0, length, 1.0))

    return answer


def _token_count(train: Sequence[str], test: Sequence[str]) -> Floats:
    words = _words(train)
    df = np.array([sum(text.split().count(word) for text in train) for word in words], dtype=float)
    return _tfidf(test, words, _smooth(len(train), df))


def _df_of_test(train: Sequence[str], test: Sequence[str]) -> Floats:
    words = _words(train)
    return _tfidf(test, words, _smooth(len(train), _df(test, words)))


def _unsorted(train: Sequence[str], test: Sequence[str]) -> Floats:
    words = list(dict.fromkeys(word for text in train for word in text.split()))
    return _tfidf(test, words, _smooth(len(train), _df(train, words)))


def _set_order(train: Sequence[str], test: Sequence[str]) -> Floats:
    words = list({word for text in train for word in text.split()})
    return _tfidf(test, words, _smooth(len(train), _df(train, words)))


def _retold(answer: Answer) -> Answer:
    """An answer given titles in the words that scikit-learn's vectorisers find in them unless told otherwise."""

    def retell(titles: Sequence[str]) -> list[str]:
        return [" ".join(re.findall(r"(?u)\b\w\w+\b", title.lower())) for title in titles]

    return lambda train, test: answer(retell(train), retell(test))


_MISTAKES: dict[str, tuple[Answer, str]] = {
    "idf_from_test": (
        _with_idf("test", _smooth),
        "Your idf was counted in the test titles. They belong to products that are not launched yet: how common a word"
        " is must be learnt from `train`.",
    ),
    "df_from_test": (
        _df_of_test,
        "Your n counts the training titles, your df the test titles. They are not launched yet and cannot say how"
        " common a word is: both numbers come from `train`.",
    ),
    "idf_from_both": (
        _with_idf("both", _smooth),
        "Your idf was counted in both parts. That is a leak, small and common: whoever fits the vectoriser before the"
        " split has it. Count in `train` alone.",
    ),
    "words_from_both": (
        _whole_vocabulary,
        "Your columns include words that only the test titles have. No training row tells what they are worth. The"
        " vocabulary comes from `train`.",
    ),
    "not_smoothed": (
        _with_idf("train", lambda n, df: np.log(n / df) + 1),
        "The idf is not the one asked for: one is added to n and to df, as if one more title had every word.",
    ),
    "one_forgotten": (
        _with_idf("train", lambda n, df: np.log((1 + n) / (1 + df))),
        "The + 1 outside the logarithm is missing: a word that stands in every title would vanish altogether.",
    ),
    "not_scaled": (
        lambda train, test: _tfidf(test, _words(train), _train_idf(train), norm=None),
        "The rows are not scaled: a long title would have a longer vector. Divide each row by its length.",
    ),
    "sum_one": (
        lambda train, test: _tfidf(test, _words(train), _train_idf(train), norm=1),
        "Each row's values sum up to one. Length one is meant: the root of the sum of squares.",
    ),
    "presence": (
        lambda train, test: _tfidf(test, _words(train), _train_idf(train), presence=True),
        "You looked at whether a word is there. The first factor counts how often: 'lamp lamp oak' has lamp twice.",
    ),
    "no_idf": (
        lambda train, test: _tfidf(test, _words(train), np.ones(len(_words(train)))),
        "These are plain word counts, scaled. The idf is missing: rare words tell more than common ones.",
    ),
    "substring_counts": (
        _by_substring(count=True, df=False),
        "You count letters, not words: `title.count(w)` and `w in title` find 'lamp' in 'lampshade' too. Split the"
        " title first, then count.",
    ),
    "substring_df": (
        _by_substring(count=False, df=True),
        "Your document frequency finds 'lamp' in 'lampshade' too: `w in title` looks for letters. Ask whether the word"
        " is in `title.split()`.",
    ),
    "substrings": (
        _by_substring(count=True, df=True),
        "You look for letters, not words, in the counts and in the document frequency: 'lamp' is found in 'lampshade'"
        " too. Split every title first.",
    ),
    "substring_presence": (
        _by_substring(count=True, df=True, presence=True),
        "Two things: `w in title` looks for letters, so that 'lamp' is found in 'lampshade'; and the first factor"
        " counts how often a word is there, not whether.",
    ),
    "token_count": (
        _token_count,
        "Your df counts how often a word occurs. The document frequency counts the *titles* that have it: a title that"
        " says it twice counts once.",
    ),
    "order_of_appearance": (
        _unsorted,
        "The numbers are right, the columns are not sorted: yours stand in the order in which the words appear. Sort"
        " the vocabulary.",
    ),
    "order_of_a_set": (
        _set_order,
        "The numbers are right, the columns stand in the order of a set, which changes from run to run. Sort the"
        " vocabulary.",
    ),
    "empty_rows_nan": (
        _empty_rows_nan,
        "A title without a single known word has length zero, and you divided by it. Such a row stays zero: this model"
        " knows nothing of it.",
    ),
}


_MISTAKES["default_words"] = (
    _retold(tfidf),
    "Your words are not those of split(), which leaves 'Oak', 'mug,' and 'oak-framed' as they stand. scikit-learn's"
    " vectorisers lower all letters, cut at commas and hyphens and drop words of one letter, unless they are told"
    " analyzer=str.split.",
)
_ALSO: dict[str, tuple[Answer, ...]] = {
    "default_words": (
        lambda train, test: tfidf([title.lower() for title in train], [title.lower() for title in test]),
        lambda train, test: tfidf(*([" ".join(re.findall(r"\w+", t)) for t in part] for part in (train, test))),
        lambda train, test: tfidf(*([" ".join(re.findall(r"\w+", t.lower())) for t in p] for p in (train, test))),
    ),
}
_PAIRS: dict[tuple[str, str], Answer] = {
    ("default_words", name): _retold(_MISTAKES[name][0])
    for name in _MISTAKES
    if name not in ("default_words", "order_of_a_set") and "substring" not in name
}
_PAIRS["substring_df", "not_scaled"] = _by_substring(count=False, df=True, scaled=False)


TFIDF = Exercise(
    "02.tfidf",
    tfidf,
    _stub,
    _cases,
    _MISTAKES,
    "The same numbers as scikit-learn's TfidfVectorizer with `analyzer=str.split`. "
    "This is the rival that BERT has to beat.",
    also=_ALSO,
    pairs=_PAIRS,
)
