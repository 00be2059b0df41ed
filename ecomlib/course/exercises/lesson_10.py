"""Defines lesson 10's exercises: NDCG by hand, EASE in closed form, and a split by time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise

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


# --- a split by time ---


def time_split(customer: Whole, day: Whole, cut: int, days: int) -> Whole:
    """1 for history, 2 for targets, 0 for what is left out; lines (n,) of customers and days."""
    return _split(customer, day, cut, days)


def _split(
    customer: Whole,
    day: Whole,
    cut: int,
    days: int,
    *,
    earlier: int = 2,
    lines: bool = False,
    every: bool = False,
    last: bool = False,
    closed: bool = False,
) -> Whole:
    """The split, or one of its mistakes."""
    found = np.where(day < cut, 1, 0)
    ahead = (day >= cut) & ((day <= cut + days) if closed else (day < cut + days))
    for one in np.unique(customer):
        mine = customer == one
        before = day[mine & (day < cut)]
        if (len(before) if lines else len(np.unique(before))) >= earlier and (mine & ahead).any():
            choose = day[mine & ahead].max() if last else day[mine & ahead].min()
            found[mine & ahead & (every | (day == choose))] = 2
    return found


def _split_stub(customer: Whole, day: Whole, cut: int, days: int) -> Any:
    return ...


def _split_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    def drawn(people: int, lines: int, cut: int, days: int) -> tuple[Any, ...]:
        customer, day = rng.integers(0, people, lines), rng.integers(0, cut + 2 * days, lines)
        customer = np.concatenate([customer, [90, 90, 90, 91, 91, 91, 92, 92, 92, 93, 93, 94, 94, 94]])
        edge = [0, 3, cut, 1, 4, cut + days, 5, 5, cut + 1, cut + 1, cut + 2, 2, 6, cut - 1]
        return customer, np.concatenate([day, edge]), cut, days

    who = np.array([1, 1, 1, 1, 1, 2, 2, 3, 3, 3])
    when = np.array([2, 5, 10, 10, 14, 4, 12, 1, 6, 9])
    return [(who, when, 10, 10), drawn(8, 60, 30, 10), drawn(5, 40, 20, 7)]


def _leave_last_out(customer: Whole, day: Whole, cut: int, days: int) -> Whole:
    newest = {one: day[customer == one].max() for one in np.unique(customer)}
    several = {one: len(np.unique(day[customer == one])) > 2 for one in np.unique(customer)}
    return np.array(
        [2 if d == newest[c] and several[c] else 1 for c, d in zip(customer, day, strict=True)], dtype=np.int64
    )


def _all_else_is_history(customer: Whole, day: Whole, cut: int, days: int) -> Whole:
    return np.where(time_split(customer, day, cut, days) == 2, 2, 1)


def _cut_day_is_history(customer: Whole, day: Whole, cut: int, days: int) -> Whole:
    return _split(customer, day, cut + 1, days - 1)


def _only_served(customer: Whole, day: Whole, cut: int, days: int) -> Whole:
    right = time_split(customer, day, cut, days)
    return np.where(np.isin(customer, customer[right == 2]), right, 0)


def _as_mask(customer: Whole, day: Whole, cut: int, days: int) -> Any:
    return time_split(customer, day, cut, days) == 2


_SPLIT_MISTAKES: dict[str, tuple[Answer, str]] = {
    "leave_last_out": (
        _leave_last_out,
        "Each customer's last basket is held out, whenever it was. Then what others bought *after* it is in the"
        " history: the model knows next month's best sellers. One day cuts for everybody.",
    ),
    "everything_else_is_history": (
        _all_else_is_history,
        "All that is no target became history, what was bought after the cut too. Only days before the cut are known.",
    ),
    "cut_day_in_the_history": (
        _cut_day_is_history,
        "The day of the cut is in your history. History is before the cut, targets are on it or later.",
    ),
    "every_basket_after_it": (
        lambda customer, day, cut, days: _split(customer, day, cut, days, every=True),
        "You took all baskets of the window. The target is the *next* basket, the first day on which the customer"
        " comes back.",
    ),
    "the_last_basket_after_it": (
        lambda customer, day, cut, days: _split(customer, day, cut, days, last=True),
        "You took the window's last basket. The next one is the first.",
    ),
    "window_closed": (
        lambda customer, day, cut, days: _split(customer, day, cut, days, closed=True),
        "Your window is a day too long: from the cut on, so many days, the cut's own among them.",
    ),
    "newcomers_served": (
        lambda customer, day, cut, days: _split(customer, day, cut, days, earlier=0),
        "Customers without two earlier baskets are among your targets. They are another question: a cold start.",
    ),
    "one_basket_is_enough": (
        lambda customer, day, cut, days: _split(customer, day, cut, days, earlier=1),
        "You serve customers with a single earlier basket. Two are asked for.",
    ),
    "lines_for_baskets": (
        lambda customer, day, cut, days: _split(customer, day, cut, days, lines=True),
        "You counted lines. Two lines of a day are one basket: count a customer's different days.",
    ),
    "history_of_the_served_alone": (
        _only_served,
        "You threw away the history of those who are not served. A model learns from everybody.",
    ),
    "targets_alone": (
        _as_mask,
        "This only tells the targets. Asked are three numbers: 1 for history, 2 for targets, 0 for what is left out.",
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
    Exercise(
        "10.time_split",
        solution=time_split,
        stub=_split_stub,
        cases=_split_cases,
        mistakes=_SPLIT_MISTAKES,
        praise="One day for everybody: what a customer may be shown rests on what the shop knew that morning.",
    ),
)
