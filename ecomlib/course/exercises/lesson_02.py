"""Defines lesson 02's exercises: pooling, words that count, and a control that is fair."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise
from ecomlib.course.exercises.tfidf import TFIDF

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
    TFIDF,
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
