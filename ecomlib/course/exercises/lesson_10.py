"""Defines lesson 10's exercises: NDCG by hand, and EASE in closed form; the split by time has its own file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise
from ecomlib.course.exercises.time_split import SPLIT

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


# --- NDCG by hand ---


def _gains(shown: Whole, bought: Whole, places: int) -> Floats:
    """One where a place of the list holds something that was bought, (at most places,)."""
    return np.isin(shown[:places], bought).astype(float)


def _discount(places: int, shift: float = 1.0) -> Floats:
    return np.asarray(1 / np.log2(np.arange(1, places + 1) + shift))


def list_ndcg(shown: Whole, bought: Whole, places: int) -> float:
    """NDCG of the first places of a list, (I,), against what was bought, (n,)."""
    gains = _gains(shown, bought, places)
    best = _discount(min(len(bought), places)).sum()
    return float((gains * _discount(len(gains))).sum() / best)


def _ndcg_stub(shown: Whole, bought: Whole, places: int) -> Any:
    return ...


def _ndcg_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    def drawn(items: int, count: int, places: int) -> tuple[Any, ...]:
        shown = rng.permutation(items)
        bought = np.sort(np.append(rng.choice(shown[2:places], 2, replace=False), shown[places : places + count - 2]))
        return shown, bought, places

    hand = (np.array([7, 4, 9, 2, 5]), np.array([4, 5, 8]), 3)
    return [hand, drawn(12, 6, 5), drawn(20, 4, 8), drawn(15, 9, 6)]


def _over(best: Callable[[Floats, int, int], float], shift: float = 1.0) -> Answer:
    """The discounted gains over another best, from (gains, bought, places)."""

    def answer(shown: Whole, bought: Whole, places: int) -> float:
        gains = _gains(shown, bought, places)
        return float((gains * _discount(len(gains), shift)).sum() / best(gains, len(bought), places))

    return answer


def _of_gains(value: Callable[[Floats, int, int], float]) -> Answer:
    def answer(shown: Whole, bought: Whole, places: int) -> float:
        return float(value(_gains(shown, bought, places), len(bought), places))

    return answer


def _whole_list(shown: Whole, bought: Whole, places: int) -> float:
    return list_ndcg(shown, bought, len(shown))


def _first_undiscounted(shown: Whole, bought: Whole, places: int) -> float:
    def weight(n: int) -> Floats:
        return np.asarray(1 / np.maximum(np.log2(np.arange(1, n + 1)), 1.0))

    gains = _gains(shown, bought, places)
    return float((gains * weight(len(gains))).sum() / weight(min(len(bought), places)).sum())


def _reciprocal(shown: Whole, bought: Whole, places: int) -> float:
    gains = _gains(shown, bought, places)
    weight = 1 / np.arange(1, places + 1)
    return float((gains * weight[: len(gains)]).sum() / weight[: min(len(bought), places)].sum())


def _one_too_far(shown: Whole, bought: Whole, places: int) -> float:
    gains = _gains(shown, bought, places)
    best = _discount(min(len(bought), places), 2.0).sum()
    return float((gains * _discount(len(gains), 2.0)).sum() / best)


def _from_zero(shown: Whole, bought: Whole, places: int) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        gains, weight = _gains(shown, bought, places), 1 / np.log2(np.arange(places) + 1)
        return float((gains * weight[: len(gains)]).sum() / weight[: min(len(bought), places)].sum())


def _packed(gains: Floats, bought: int, places: int) -> float:
    return float(_discount(int(gains.sum())).sum() / _discount(min(bought, places)).sum())


def _precise_at_hits(gains: Floats, bought: int, places: int) -> float:
    return float((np.cumsum(gains) / np.arange(1, len(gains) + 1) * gains).sum() / min(bought, places))


def _multiplied(gains: Floats, bought: int, places: int) -> float:
    return float((gains / _discount(len(gains))).sum() / (1 / _discount(min(bought, places))).sum())


def _long_list_short_ideal(shown: Whole, bought: Whole, places: int) -> float:
    gains = _gains(shown, bought, len(shown))
    return float((gains * _discount(len(gains))).sum() / _discount(min(len(bought), places)).sum())


def _sorted_gains(shown: Whole, bought: Whole, places: int) -> float:
    found = int(_gains(shown, bought, len(shown)).sum())
    gains = _gains(shown, bought, places)
    return float((gains * _discount(len(gains))).sum() / _discount(max(min(found, places), 1)).sum())


def _same_places(shown: Whole, bought: Whole, places: int) -> float:
    count = min(len(bought), places)
    return float(((shown[:count] == bought[:count]) * _discount(count)).sum() / _discount(count).sum())


_NDCG_MISTAKES: dict[str, tuple[Answer, str]] = {
    "no_ideal": (
        _over(lambda gains, bought, places: 1.0),
        "This is the discounted gain alone. Divide by what the best possible list of so many places would get; then a"
        " perfect list has 1.",
    ),
    "ideal_fills_every_place": (
        _over(lambda gains, bought, places: float(_discount(places).sum())),
        "Your ideal list has a hit at every place, though fewer items were bought than there are places. It has"
        " min(bought, places) hits.",
    ),
    "ideal_beyond_the_places": (
        _over(lambda gains, bought, places: float(_discount(bought).sum())),
        "Your ideal list is longer than the places that are shown. No list could reach it: stop at `places`.",
    ),
    "ideal_of_the_hits": (
        _over(lambda gains, bought, places: float(_discount(max(int(gains.sum()), 1)).sum())),
        "Your ideal counts only what the list has found. So a list with one hit in front would be perfect, whatever it"
        " misses: the ideal knows all that was bought.",
    ),
    "whole_list": (
        _whole_list,
        "You went on to the list's end. Only the first `places` are shown.",
    ),
    "first_place_undiscounted": (
        _first_undiscounted,
        "Your discount begins with log2 of the place itself, so that the first two places count alike. The standard"
        " one is log2(place + 1), places from 1.",
    ),
    "counts_from_zero": (
        _from_zero,
        "Your first place divides by log2(1) = 0. Places count from 1: the discount is log2(place + 1).",
    ),
    "one_place_too_far": (
        _one_too_far,
        "Your discount is log2(place + 2), places from 1. The first place counts whole: log2(1 + 1) = 1.",
    ),
    "reciprocal_rank": (
        _reciprocal,
        "You discount by 1 / place. NDCG falls more slowly: 1 / log2(place + 1).",
    ),
    "hits_pushed_to_the_front": (
        _of_gains(_packed),
        "Your hits stand in front, wherever they were shown. Ask of each *place* whether what it shows was bought,"
        " `np.isin(shown, bought)`, and discount by that place.",
    ),
    "long_list_short_ideal": (
        _long_list_short_ideal,
        "Your gain goes on to the list's end, while your ideal stops in time. Only the first `places` are shown.",
    ),
    "sorted_gains": (
        _sorted_gains,
        "Your ideal sorts what the list holds. What was bought and is nowhere in the list is missing from it: the"
        " ideal has min(bought, places) hits.",
    ),
    "same_places": (
        _same_places,
        "You compared the two arrays place by place. What was bought has no order: ask whether it is among them,"
        " `np.isin(shown, bought)`.",
    ),
    "discount_multiplied": (
        _of_gains(_multiplied),
        "You multiplied by log2(place + 1): so the last place counts most. Divide by it.",
    ),
    "natural_logarithm": (
        _of_gains(lambda gains, bought, places: (gains * _discount(len(gains))).sum() / np.log(2)),
        "Two things: the logarithm is the natural one, log2 is asked for; and the best list's gain is not divided by.",
    ),
    "over_what_was_bought": (
        _of_gains(lambda gains, bought, places: (gains * _discount(len(gains))).sum() / bought),
        "You divided by how many were bought. Divide by the *discounted* gain of the best list, which is less.",
    ),
    "mean_over_places": (
        _of_gains(lambda gains, bought, places: (gains * _discount(len(gains))).sum() / places),
        "You took the mean over places. Divide by the discounted gain of the best list of so many places.",
    ),
    "percent": (
        lambda shown, bought, places: 100 * list_ndcg(shown, bought, places),
        "This is in per cent. Asked is a number between 0 and 1.",
    ),
    "average_precision": (
        _of_gains(_precise_at_hits),
        "This is average precision, a relative: the precision at each hit. NDCG gives each hit 1 / log2(place + 1).",
    ),
    "f1": (
        _of_gains(lambda gains, bought, places: 2 * gains.sum() / (bought + places)),
        "This is F1, of precision and recall. Neither asks at which place a hit stands: NDCG does.",
    ),
    "recall": (
        _of_gains(lambda gains, bought, places: gains.sum() / bought),
        "This is recall: the share of what was bought that is shown. NDCG also asks at which place.",
    ),
    "precision": (
        _of_gains(lambda gains, bought, places: gains.sum() / places),
        "This is precision: the share of the places that hit. NDCG weighs each hit by its place.",
    ),
    "hit_rate": (
        _of_gains(lambda gains, bought, places: float(gains.any())),
        "This only tells whether anything was hit. Add up the discounts of all hits, and divide by the ideal.",
    ),
    "first_hit_alone": (
        _of_gains(lambda gains, bought, places: 1 / (1 + int(gains.argmax())) if gains.any() else 0.0),
        "This is the reciprocal rank of the first hit. All hits count, each with its own discount.",
    ),
}


# --- EASE ---


def _inverse(x: Floats, penalty: float) -> Floats:
    return np.asarray(np.linalg.inv(x.T @ x + penalty * np.eye(x.shape[1])))


def ease_weights(x: Floats, penalty: float) -> Floats:
    """EASE's weights (I, I) of bought items (U, I): the closed form with a diagonal of zero."""
    inverse = _inverse(x, penalty)
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return np.asarray(weights)


def _ease_stub(x: Floats, penalty: float) -> Any:
    return ...


def _ease_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    def drawn(people: int, items: int, penalty: float) -> tuple[Any, ...]:
        return (rng.random((people, items)) < rng.uniform(0.2, 0.7, items)).astype(float), penalty

    hand = (np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 1.0]]), 2.0)
    return [hand, drawn(12, 5, 3.0), drawn(30, 8, 0.5)]


def _ridge(x: Floats, penalty: float) -> Floats:
    return np.asarray(_inverse(x, penalty) @ (x.T @ x))


def _ridge_emptied(x: Floats, penalty: float) -> Floats:
    weights = _ridge(x, penalty)
    np.fill_diagonal(weights, 0.0)
    return weights


def _by_rows(x: Floats, penalty: float) -> Floats:
    return ease_weights(x, penalty).T


def _own_diagonal(x: Floats, penalty: float) -> Floats:
    inverse = _inverse(x, penalty)
    return np.asarray(-inverse / np.diag(inverse))


def _undivided(x: Floats, penalty: float) -> Floats:
    weights = -_inverse(x, penalty)
    np.fill_diagonal(weights, 0.0)
    return weights


def _wrong_sign(x: Floats, penalty: float) -> Floats:
    return -ease_weights(x, penalty)


def _no_penalty(x: Floats, penalty: float) -> Floats:
    return ease_weights(x, 1e-9)


def _penalty_squared(x: Floats, penalty: float) -> Floats:
    return ease_weights(x, penalty**2)


def _penalty_everywhere(x: Floats, penalty: float) -> Floats:
    inverse = np.linalg.inv(x.T @ x + penalty)
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return np.asarray(weights)


def _not_inverted(x: Floats, penalty: float) -> Floats:
    gram = x.T @ x + penalty * np.eye(x.shape[1])
    weights = gram / np.diag(gram)
    np.fill_diagonal(weights, 0.0)
    return np.asarray(weights)


def _of_people(x: Floats, penalty: float) -> Floats:
    return ease_weights(np.ascontiguousarray(x.T), penalty)


def _scores(x: Floats, penalty: float) -> Floats:
    return np.asarray(x @ ease_weights(x, penalty))


def _from_one(x: Floats, penalty: float) -> Floats:
    weights = np.ones((x.shape[1], x.shape[1])) + _own_diagonal(x, penalty)
    np.fill_diagonal(weights, 0.0)
    return weights


def _of_both(x: Floats, penalty: float) -> Floats:
    inverse = _inverse(x, penalty)
    weights = -inverse / np.sqrt(np.outer(np.diag(inverse), np.diag(inverse)))
    np.fill_diagonal(weights, 0.0)
    return np.asarray(weights)


def _multiplied_by_it(x: Floats, penalty: float) -> Floats:
    inverse = _inverse(x, penalty)
    weights = -inverse * np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return np.asarray(weights)


def _cosines(x: Floats, penalty: float) -> Floats:
    gram = x.T @ x
    length = np.sqrt(np.diag(gram))
    weights = gram / np.outer(length, length)
    np.fill_diagonal(weights, 0.0)
    return np.asarray(weights)


def _emptied_before(x: Floats, penalty: float) -> Floats:
    gram = x.T @ x
    np.fill_diagonal(gram, 0.0)
    inverse = np.linalg.inv(gram + penalty * np.eye(len(gram)))
    with np.errstate(divide="ignore", invalid="ignore"):
        weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return np.asarray(weights)


def _mean_taken_off(x: Floats, penalty: float) -> Floats:
    return ease_weights(x - x.mean(axis=0), penalty)


def _entry_by_entry(x: Floats, penalty: float) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = 1 / (x.T @ x + penalty * np.eye(x.shape[1]))
        weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return np.asarray(weights)


_EASE_MISTAKES: dict[str, tuple[Answer, str]] = {
    "diagonal_kept": (
        _ridge,
        "Each item explains itself: its weight on the diagonal is the largest, and what is shown is what was bought."
        " This is ridge regression; EASE asks for the best weights with a diagonal of zero.",
    ),
    "diagonal_emptied_afterwards": (
        _ridge_emptied,
        "You fitted with the diagonal and emptied it afterwards. The other weights still lean on what is gone. EASE"
        " holds it at zero *while* fitting: each column of the inverse over its own diagonal entry.",
    ),
    "rows_divided": (
        _by_rows,
        "You divided rows. Column j holds the weights *for* item j, so column j is divided by P[j, j].",
    ),
    "minus_one_on_the_diagonal": (
        _own_diagonal,
        "Off the diagonal this is right. On it stands -1: the identity is missing, I - P / diag(P), which makes it 0.",
    ),
    "not_divided": (
        _undivided,
        "These are the entries of the inverse, with their sign turned. Divide each column by its diagonal entry.",
    ),
    "wrong_sign": (
        _wrong_sign,
        "The sign is turned round: things bought together have a *negative* entry in the inverse, and a positive"
        " weight.",
    ),
    "wrong_sign_and_rows": (
        lambda x, penalty: -_by_rows(x, penalty),
        "Two things: the sign is turned round, and rows are divided. Column j is divided by P[j, j], with a minus.",
    ),
    "wrong_sign_and_diagonal": (
        lambda x, penalty: -_own_diagonal(x, penalty),
        "Two things: the sign is turned round, things bought together need a positive weight; and the diagonal is not"
        " zero.",
    ),
    "rows_and_diagonal": (
        lambda x, penalty: _own_diagonal(x, penalty).T,
        "Two things: rows are divided, and column j should be, by P[j, j]; and the diagonal is not zero.",
    ),
    "identity_added_the_wrong_way": (
        lambda x, penalty: np.eye(x.shape[1]) - _own_diagonal(x, penalty),
        "You added P / diag(P) to the identity. It is taken off: I - P / diag(P), and then the diagonal is zero.",
    ),
    "divided_by_both": (
        _of_both,
        "You divided by the roots of both diagonal entries: that is the partial correlation, alike in both directions."
        " EASE divides column j by P[j, j] alone.",
    ),
    "multiplied_by_the_diagonal": (
        _multiplied_by_it,
        "You multiplied by the diagonal of P. Divide by it.",
    ),
    "cosine": (
        _cosines,
        "This is the cosine of item-kNN. EASE inverts the counts first; that is how what a third item explains is"
        " taken away.",
    ),
    "counts_emptied_before": (
        _emptied_before,
        "You emptied the diagonal of XᵀX before inverting. It stays: only the *weights* have a diagonal of zero.",
    ),
    "negative_weights_cut": (
        lambda x, penalty: np.maximum(ease_weights(x, penalty), 0.0),
        "You cut weights below zero. They stay: an item may speak against another.",
    ),
    "mean_taken_off": (
        _mean_taken_off,
        "You took the mean off each column. EASE reads the counts as they are.",
    ),
    "inverted_entry_by_entry": (
        _entry_by_entry,
        "You took 1 over each entry. Asked is the inverse of the matrix, np.linalg.inv.",
    ),
    "penalty_by_customer": (
        lambda x, penalty: ease_weights(x, penalty * len(x)),
        "Your penalty grows with the number of customers (a mean instead of a sum). Add it to XᵀX as it is.",
    ),
    "penalty_twice": (
        lambda x, penalty: ease_weights(x, 2 * penalty),
        "Your penalty is twice as large. It goes on the diagonal of XᵀX as it is.",
    ),
    "penalty_half": (
        lambda x, penalty: ease_weights(x, penalty / 2),
        "Your penalty is halved. It goes on the diagonal of XᵀX as it is.",
    ),
    "penalty_root": (
        lambda x, penalty: ease_weights(x, penalty**0.5),
        "You took the root of the penalty. It goes on the diagonal of XᵀX as it is.",
    ),
    "no_penalty": (
        _no_penalty,
        "The penalty is missing. Add it to the diagonal of XᵀX before inverting.",
    ),
    "penalty_squared": (
        _penalty_squared,
        "The penalty is squared in your matrix. It goes on the diagonal as it is.",
    ),
    "penalty_on_every_entry": (
        _penalty_everywhere,
        "You added the penalty to every entry of XᵀX. It belongs on the diagonal: penalty times the identity.",
    ),
    "not_inverted": (
        _not_inverted,
        "Nothing is inverted: these are shares of customers who bought both, which is item-kNN. Invert the matrix"
        " first; that is how what a third item explains is taken away.",
    ),
    "customers_for_items": (
        _of_people,
        "You have weights between customers. X has a row a customer and a column an item: XᵀX is (items, items).",
    ),
    "the_scores": (
        _scores,
        "These are the scores X B. Asked are the weights B, (items, items).",
    ),
    "one_in_place_of_the_identity": (
        _from_one,
        "Your 1 was added to every entry. It is the identity: 1 on the diagonal, 0 elsewhere.",
    ),
}


EXERCISES = (
    Exercise(
        "10.ndcg",
        solution=list_ndcg,
        stub=_ndcg_stub,
        cases=_ndcg_cases,
        mistakes=_NDCG_MISTAKES,
        praise="Every table of this lesson is the mean of this number over customers.",
    ),
    Exercise(
        "10.ease",
        solution=ease_weights,
        stub=_ease_stub,
        cases=_ease_cases,
        mistakes=_EASE_MISTAKES,
        praise="One inverse, no gradient, no learning rate: that is the whole model.",
    ),
    SPLIT,
)
