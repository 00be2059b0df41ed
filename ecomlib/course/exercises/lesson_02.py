"""Defines lesson 02's exercises: pooling, words that count, and a control that is fair."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


def _stub(*_: Any) -> Any:
    return ...


# --- mean pooling ---


def mean_pool(vectors: Floats, mask: Bools) -> Floats:
    """Mean of each text's piece vectors, padding left out: (B, L, D) and (B, L) to (B, D)."""
    weight = mask[:, :, None].astype(float)
    return np.asarray((vectors * weight).sum(axis=1) / weight.sum(axis=1))


def _pool_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    small = np.array(
        [[[1.0, 0.0], [3.0, 2.0], [5.0, 4.0], [9.0, 9.0]], [[2.0, 2.0], [4.0, 8.0], [6.0, 5.0], [8.0, 1.0]]]
    )
    lengths = np.array([3, 5, 8, 4])
    longer = rng.normal(size=(4, 8, 6))
    return [(small, np.array([[1, 1, 1, 0], [1, 1, 1, 1]], bool)), (longer, np.arange(8) < lengths[:, None])]


def _without_frame(vectors: Floats, mask: Bools) -> Floats:
    last = mask.sum(axis=1) - 1
    inner = mask & (np.arange(mask.shape[1]) > 0) & (np.arange(mask.shape[1]) < last[:, None])
    return mean_pool(vectors, inner)


def _unit(rows: Floats) -> Floats:
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True))


def _of_padding(vectors: Floats, mask: Bools) -> Floats:
    with np.errstate(invalid="ignore"):
        return mean_pool(vectors, ~mask)


_POOL_MISTAKES: dict[str, tuple[Answer, str]] = {
    "padding_counted": (
        lambda vectors, mask: vectors.mean(axis=1),
        "Your mean counts the padding. A short title in a batch with a long one would then get another vector than the"
        " same title alone. Let the mask say which pieces are words.",
    ),
    "cls_by_mistake": (
        lambda vectors, mask: vectors[:, 0],
        "This is the vector of the first piece, [CLS]. Some encoders are trained to put the text's meaning there; this"
        " one was trained with the mean of all pieces.",
    ),
    "padding_in_the_count": (
        lambda vectors, mask: (vectors * mask[:, :, None]).sum(axis=1) / mask.shape[1],
        "The sum leaves the padding out, the division does not: you divide by the longest text's length. Short titles"
        " get vectors that are too short.",
    ),
    "not_divided": (
        lambda vectors, mask: (vectors * mask[:, :, None]).sum(axis=1),
        "This is the sum of the pieces: a long description would weigh more than a short title. Divide by the number"
        " of pieces.",
    ),
    "largest": (
        lambda vectors, mask: np.where(mask[:, :, None], vectors, -np.inf).max(axis=1),
        "You took the largest value of each coordinate. That is max pooling, a method too, but not the one that this"
        " encoder was trained with.",
    ),
    "frame_left_out": (
        _without_frame,
        "You left out [CLS] and [SEP] as well. For contextual vectors the reference counts them: they have read the"
        " whole text too.",
    ),
    "length_one": (
        lambda vectors, mask: _unit(mean_pool(vectors, mask)),
        "The direction is right. You also scaled each vector to length one: that comes after pooling, and the task asks"
        " for the mean itself.",
    ),
    "mask_inverted": (
        _of_padding,
        "The mask is the wrong way round: this is the mean of the *padding*, and nan where a text has none. True stands"
        " at the pieces that are words.",
    ),
    "mean_length": (
        lambda vectors, mask: (vectors * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1).mean(),
        "One denominator for the whole batch, its mean number of pieces: long texts get vectors that are too long, and"
        " a text's vector depends on its neighbours. Divide each by its own number.",
    ),
    "over_the_batch": (
        lambda vectors, mask: (vectors * mask[:, :, None]).sum(axis=1) / mask.sum(),
        "You divide by the pieces of the whole batch. Each text has a number of its own: count along axis 1.",
    ),
}


_POOL_ALSO: dict[str, tuple[Answer, ...]] = {
    "mask_inverted": (
        lambda vectors, mask: (vectors * ~mask[:, :, None]).sum(axis=1) / np.maximum((~mask).sum(axis=1), 1)[:, None],
    ),
}
_POOL_PAIRS: dict[tuple[str, str], Answer] = {
    ("padding_counted", "not_divided"): lambda vectors, mask: vectors.sum(axis=1),
}


# --- TF-IDF by hand ---


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


def _tfidf_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
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


_TFIDF_MISTAKES: dict[str, tuple[Answer, str]] = {
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


_TFIDF_MISTAKES["default_words"] = (
    _retold(tfidf),
    "Your words are not those of split(), which leaves 'Oak', 'mug,' and 'oak-framed' as they stand. scikit-learn's"
    " vectorisers lower all letters, cut at commas and hyphens and drop words of one letter, unless they are told"
    " analyzer=str.split.",
)
_TFIDF_ALSO: dict[str, tuple[Answer, ...]] = {
    "default_words": (
        lambda train, test: tfidf([title.lower() for title in train], [title.lower() for title in test]),
        lambda train, test: tfidf(*([" ".join(re.findall(r"\w+", t)) for t in part] for part in (train, test))),
        lambda train, test: tfidf(*([" ".join(re.findall(r"\w+", t.lower())) for t in p] for p in (train, test))),
    ),
}
_TFIDF_PAIRS: dict[tuple[str, str], Answer] = {
    ("default_words", name): _retold(_TFIDF_MISTAKES[name][0])
    for name in _TFIDF_MISTAKES
    if name not in ("default_words", "order_of_a_set") and "substring" not in name
}
_TFIDF_PAIRS["substring_df", "not_scaled"] = _by_substring(count=False, df=True, scaled=False)


# --- a fair control ---


def _weights(base: Floats, block: Floats, y: Floats, penalties: Floats) -> Floats:
    x = np.column_stack([base, block])
    return np.asarray(np.linalg.solve(x.T @ x + np.diag(penalties), x.T @ y))


def _ridge(base: Floats, block: Floats, y: Floats, penalties: Floats) -> Floats:
    return np.asarray(np.column_stack([base, block]) @ _weights(base, block, y, penalties))


def _dealt(vectors: Floats, fifth: Ints, lot: Floats) -> Floats:
    dealt = vectors.copy()
    for part in np.unique(fifth):
        rows = np.flatnonzero(fifth == part)
        dealt[rows] = vectors[rows[np.argsort(lot[rows])]]
    return dealt


def _free(base: Floats, block: Floats, penalty: float) -> Floats:
    return np.concatenate([np.zeros(base.shape[1]), np.full(block.shape[1], penalty)])


def fair_control(base: Floats, vectors: Floats, fifth: Ints, lot: Floats, y: Floats, penalty: float) -> Floats:
    """Fitted values (n,) of a ridge on the base, not penalised, and on vectors shuffled within each fifth."""
    block = _dealt(vectors, fifth, lot)
    return _ridge(base, block, y, _free(base, block, penalty))


def _control_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    cases = []
    for n, width, penalty in ((6, 1, 0.5), (30, 4, 5.0)):
        price = rng.normal(size=n)
        fifth = np.argsort(np.argsort(price)) * (2 if n == 6 else 5) // n
        base = np.column_stack([np.ones(n), price])
        y = 2 + price + rng.normal(size=n)
        cases.append(
            (base.round(2), rng.normal(size=(n, width)).round(2), fifth, rng.random(n).round(2), y.round(2), penalty)
        )
    return cases


def _backwards(vectors: Floats, fifth: Ints, lot: Floats) -> Floats:
    dealt = vectors.copy()
    for part in np.unique(fifth):
        rows = np.flatnonzero(fifth == part)
        dealt[rows[np.argsort(lot[rows])]] = vectors[rows]
    return dealt


def _counted_within(vectors: Floats, fifth: Ints, lot: Floats) -> Floats:
    dealt = vectors.copy()
    for part in np.unique(fifth):
        rows = np.flatnonzero(fifth == part)
        dealt[rows] = vectors[np.argsort(lot[rows])]
    return dealt


def _fit(block: Floats, base: Floats, y: Floats, penalty: float) -> Floats:
    return _ridge(base, block, y, _free(base, block, penalty))


def _common(base: Floats, block: Floats, y: Floats, penalty: float) -> Floats:
    return _ridge(base, block, y, np.full(base.shape[1] + block.shape[1], penalty))


_CONTROL_MISTAKES: dict[str, tuple[Answer, str]] = {
    "across_price": (
        lambda base, vectors, fifth, lot, y, penalty: _fit(vectors[np.argsort(lot)], base, y, penalty),
        "You shuffled across the fifths. A thing of low mark-up now has the text of one of high mark-up, so the control"
        " has also lost what text tells about price over cost, and real text would win for a reason that the base knows"
        " already. Shuffle within each fifth.",
    ),
    "common_penalty": (
        lambda base, vectors, fifth, lot, y, penalty: _common(base, _dealt(vectors, fifth, lot), y, penalty),
        "The texts are shuffled well, but one penalty holds the base down too. Useless columns then cost the base its"
        " weight, and the control looks worse than nothing. Penalise the vectors only.",
    ),
    "intercept_free_only": (
        lambda base, vectors, fifth, lot, y, penalty: _ridge(
            base,
            _dealt(vectors, fifth, lot),
            y,
            np.concatenate([[0.0], np.full(base.shape[1] - 1 + vectors.shape[1], penalty)]),
        ),
        "You freed the intercept alone. All base columns are known anyway: the price must be free too.",
    ),
    "both": (
        lambda base, vectors, fifth, lot, y, penalty: _common(base, vectors[np.argsort(lot)], y, penalty),
        "Two things: you shuffled across the fifths, and one penalty holds base and text down together.",
    ),
    "not_shuffled": (
        lambda base, vectors, fifth, lot, y, penalty: _fit(vectors, base, y, penalty),
        "This is the real text, every vector with its own product. A control must know nothing: shuffle the vectors.",
    ),
    "backwards": (
        lambda base, vectors, fifth, lot, y, penalty: _fit(_backwards(vectors, fifth, lot), base, y, penalty),
        "A fair shuffle, but not the one asked for: the k-th product of a fifth *receives* the vector of the product"
        " with the k-th smallest lot. You went the other way round.",
    ),
    "places_within_the_fifth": (
        lambda base, vectors, fifth, lot, y, penalty: _fit(_counted_within(vectors, fifth, lot), base, y, penalty),
        "`np.argsort(lot[rows])` counts places *within* the fifth, and you used them as rows of the whole table: every"
        " fifth receives the first products' vectors. Take `rows[np.argsort(lot[rows])]`.",
    ),
    "no_base": (
        lambda base, vectors, fifth, lot, y, penalty: _ridge(
            base[:, :0], _dealt(vectors, fifth, lot), y, np.full(vectors.shape[1], penalty)
        ),
        "The base is missing. The question is what text adds to what the shop knows anyway.",
    ),
    "coefficients": (
        lambda base, vectors, fifth, lot, y, penalty: _weights(
            base, _dealt(vectors, fifth, lot), y, _free(base, vectors, penalty)
        ),
        "These are the coefficients, one for each column. Asked for are the fitted values, one for each product: X"
        " times the coefficients.",
    ),
    "penalty_squared": (
        lambda base, vectors, fifth, lot, y, penalty: _fit(_dealt(vectors, fifth, lot), base, y, penalty**2),
        "You squared the penalty. The *coefficients* are squared in what is minimised; in (X'X + P) the penalty stands"
        " as it is.",
    ),
    "no_penalty": (
        lambda base, vectors, fifth, lot, y, penalty: _fit(_dealt(vectors, fifth, lot), base, y, 0.0),
        "Nothing is penalised: with hundreds of columns such a fit follows any noise. Penalise the vectors.",
    ),
}

_CONTROL_PAIRS: dict[tuple[str, str], Answer] = {
    ("across_price", "intercept_free_only"): lambda base, vectors, fifth, lot, y, penalty: _ridge(
        base, vectors[np.argsort(lot)], y, np.append(0.0, np.full(base.shape[1] - 1 + vectors.shape[1], penalty))
    ),
}


EXERCISES = (
    Exercise(
        "02.mean_pool",
        mean_pool,
        _stub,
        _pool_cases,
        _POOL_MISTAKES,
        "A title has the same vector alone and beside a long one.",
        also=_POOL_ALSO,
        pairs=_POOL_PAIRS,
    ),
    Exercise(
        "02.tfidf",
        tfidf,
        _stub,
        _tfidf_cases,
        _TFIDF_MISTAKES,
        "The same numbers as scikit-learn's TfidfVectorizer. This is the rival that BERT has to beat.",
        also=_TFIDF_ALSO,
        pairs=_TFIDF_PAIRS,
    ),
    Exercise(
        "02.fair_control",
        fair_control,
        _stub,
        _control_cases,
        _CONTROL_MISTAKES,
        "This control knows as much about price over cost as the text does, and nothing else about the product.",
        pairs=_CONTROL_PAIRS,
    ),
)
