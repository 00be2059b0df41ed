"""Defines lesson 04a's exercises: a mask that hides the future, and a buyer's own loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise

Floats = NDArray[np.float64]


# --- attention that cannot see tomorrow ---


def causal_attention(scores: Floats) -> Floats:
    """Weights (T, T) from scores (T, T): row t spreads one over the weeks up to and including t."""
    hidden = np.where(np.tril(np.ones(scores.shape, dtype=bool)), scores, -np.inf)
    weights = np.exp(hidden - hidden.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def _attention_stub(scores: Floats) -> Any:
    return ...


def _attention_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    return [(np.array([[1.0, 2.0, 0.0], [0.0, 1.0, 3.0], [2.0, 0.0, 1.0]]),), (rng.normal(size=(6, 6)),)]


def _softmax(scores: Floats, allowed: Any, axis: int = 1) -> Floats:
    weights = np.where(allowed, np.exp(scores), 0.0)
    with np.errstate(invalid="ignore"):
        return weights / weights.sum(axis=axis, keepdims=True)


def _tri(scores: Floats, k: int = 0) -> Any:
    return np.tril(np.ones(scores.shape, dtype=bool), k)


_ATTENTION_MISTAKES: dict[str, tuple[Answer, str]] = {
    "off_by_one": (
        lambda scores: _softmax(scores, _tri(scores, 1)),
        "Your mask is off by one: week t sees week t + 1. Change tomorrow and today changes, the leak of lesson 01.",
    ),
    "first_row_empty": (
        lambda scores: np.nan_to_num(_softmax(scores, _tri(scores, -1))),
        "Your mask hides the week itself, so the first week has nowhere to look: its row adds up to zero. A week may"
        " see itself; it is over when we forecast.",
    ),
    "first_row_nan": (
        lambda scores: _softmax(scores, _tri(scores, -1)),
        "The first row is 0 / 0: your mask hides the week itself, and softmax over nothing is not a number. A week may"
        " see itself.",
    ),
    "mask_after_softmax": (
        lambda scores: np.where(_tri(scores), _softmax(scores, True), 0.0),
        "You masked after the softmax. The rows no longer add up to one, and the future has still had its say: it"
        " stands in the denominator. Mask the scores, then take the softmax.",
    ),
    "zero_instead_of_minus_infinity": (
        lambda scores: _softmax(np.where(_tri(scores), scores, 0.0), True),
        "You set the hidden scores to 0, and exp(0) is 1: the future still gets weight. What is hidden needs a score of"
        " minus infinity.",
    ),
    "mask_upside_down": (
        lambda scores: _softmax(scores, ~_tri(scores, -1)),
        "Your mask is upside down: each week sees itself and the future, and nothing of its past.",
    ),
    "softmax_over_columns": (
        lambda scores: _softmax(scores, _tri(scores), axis=0),
        "The columns add up to one. Each *row* is a week that looks back, so each row is to add up to one.",
    ),
    "no_mask": (
        lambda scores: _softmax(scores, True),
        "There is no mask yet: every week sees all the others, the future included.",
    ),
}


def _attend(mask: str, how: str = "before", axis: int = 1) -> Answer:
    """Attention with another mask, put elsewhere, or with its softmax over the other axis."""

    def wrong(scores: Floats) -> Floats:
        seen = {"right": _tri(scores), "off": _tri(scores, 1), "early": _tri(scores, -1), "up": ~_tri(scores, -1)}[mask]
        if how == "after":
            return np.where(seen, _softmax(scores, True, axis), 0.0)
        if how == "zero":
            return _softmax(np.where(seen, scores, 0.0), True, axis)
        return _softmax(scores, seen, axis)

    return wrong


_ATTENTION_PAIRS: dict[tuple[str, str], Answer] = {
    ("off_by_one", "mask_after_softmax"): _attend("off", "after"),
    ("off_by_one", "zero_instead_of_minus_infinity"): _attend("off", "zero"),
    ("off_by_one", "softmax_over_columns"): _attend("off", axis=0),
    ("mask_upside_down", "mask_after_softmax"): _attend("up", "after"),
    ("mask_upside_down", "zero_instead_of_minus_infinity"): _attend("up", "zero"),
    ("mask_upside_down", "softmax_over_columns"): _attend("up", axis=0),
    ("first_row_empty", "mask_after_softmax"): _attend("early", "after"),
    ("first_row_empty", "zero_instead_of_minus_infinity"): _attend("early", "zero"),
    ("mask_after_softmax", "softmax_over_columns"): _attend("right", "after", 0),
    ("zero_instead_of_minus_infinity", "softmax_over_columns"): _attend("right", "zero", 0),
    ("no_mask", "softmax_over_columns"): lambda scores: _softmax(scores, True, axis=0),
}


# --- a buyer whose shortage costs three times ---


def buyer_score(orders: Floats, tuning: Floats, test: Floats, shortage: float) -> tuple[float, float]:
    """The order that cost least in the tuning weeks, and its mean cost in the test weeks."""
    chosen = _best(orders, tuning, _buyer(shortage))
    return chosen, float(_buyer(shortage)(chosen, test).mean())


def _buyer(shortage: float) -> Callable[[Any, Floats], Floats]:
    return lambda order, came: shortage * np.maximum(came - order, 0.0) + np.maximum(order - came, 0.0)


def _best(orders: Floats, came: Floats, loss: Callable[[Any, Floats], Floats]) -> float:
    return float(orders[int(np.argmin([loss(order, came).mean() for order in orders]))])


def _buyer_stub(orders: Floats, tuning: Floats, test: Floats, shortage: float) -> Any:
    return ...


def _buyer_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    small = np.array([2.0, 3.0, 3.0, 4.0, 6.0, 7.0, 9.0, 30.0]), np.array([1.0, 2.0, 5.0, 12.0, 14.0])
    grid = np.arange(6.0, 96.0, 6.0)  # in packs: an order is not its place, and no quantile of the weeks
    return [
        (np.arange(2.0, 33.0), *small, 3.0),
        (grid, rng.gamma(2.0, 5.0, 60).round(), rng.gamma(2.0, 7.0, 40).round(), 3.0),
        (grid, rng.gamma(1.5, 6.0, 60).round(), rng.gamma(1.5, 4.0, 40).round(), 9.0),
    ]


def _scaled(answer: tuple[float, float], factor: float) -> tuple[float, float]:
    return answer[0], answer[1] * factor


def _chosen_by(loss: Callable[[Any, Floats], Floats]) -> Answer:
    def wrong(orders: Floats, tuning: Floats, test: Floats, shortage: float) -> tuple[float, float]:
        chosen = _best(orders, tuning, loss)
        return chosen, float(_buyer(shortage)(chosen, test).mean())

    return wrong


def _ratio(method: Any) -> Answer:
    """The order is a quantile of the tuning weeks."""

    def wrong(orders: Floats, tuning: Floats, test: Floats, shortage: float) -> tuple[float, float]:
        chosen = float(np.quantile(tuning, shortage / (1 + shortage), method=method))
        return chosen, float(_buyer(shortage)(chosen, test).mean())

    return wrong


def _index(orders: Floats, tuning: Floats, test: Floats, shortage: float) -> tuple[int, float]:
    chosen, cost = buyer_score(orders, tuning, test, shortage)
    return int(np.flatnonzero(orders == chosen)[0]), cost


def _index_costed(orders: Floats, tuning: Floats, test: Floats, shortage: float) -> tuple[int, float]:
    chosen, _ = _index(orders, tuning, test, shortage)
    return chosen, float(_buyer(shortage)(chosen, test).mean())


def _inverted(orders: Floats, tuning: Floats, test: Floats, shortage: float) -> tuple[float, float]:
    chosen, loss = _best(orders, tuning, _buyer(1 / shortage)), _buyer(1 / shortage)
    return chosen, float(shortage * loss(chosen, test).mean())


def _last(orders: Floats, tuning: Floats, test: Floats, shortage: float) -> tuple[float, float]:
    return buyer_score(orders[::-1], tuning, test, shortage)


_BUYER_MISTAKES: dict[str, tuple[Answer, str]] = {
    "squared_error": (
        _chosen_by(lambda order, came: (came - order) ** 2),
        "You chose by squared error, and got the mean. One week of 30 units drags it up; that it is near the right"
        " order at times is luck. Choose by what the mistakes cost.",
    ),
    "absolute_error": (
        _chosen_by(lambda order, came: np.abs(came - order)),
        "You chose by absolute error, and got the median: too small in half of all weeks. For a buyer whose shortage"
        " costs more than a leftover that is too often.",
    ),
    "tuned_on_test": (
        lambda orders, tuning, test, shortage: buyer_score(orders, test, test, shortage),
        "You chose the order on the test weeks and scored it there. Of course it looks good: it has seen the exam."
        " Choose on `tuning`, score on `test`.",
    ),
    "scored_on_tuning": (
        lambda orders, tuning, test, shortage: buyer_score(orders, tuning, tuning, shortage),
        "The choice is right, but the cost is that of the tuning weeks, for which the order was chosen. What it will"
        " cost is told by `test`.",
    ),
    "costs_inverted": (
        _inverted,
        "The costs are inverted: you let a *leftover* cost `shortage` times a missing unit, and order too little.",
    ),
    "pinball": (
        lambda orders, tuning, test, shortage: _scaled(buyer_score(orders, tuning, test, shortage), 1 / (1 + shortage)),
        "The choice is right. Your cost is the pinball loss, which is the buyer's divided by 1 + shortage: the same"
        " minimum, but not money. A leftover costs 1.",
    ),
    "total": (
        lambda orders, tuning, test, shortage: _scaled(buyer_score(orders, tuning, test, shortage), len(test)),
        "The choice is right; the cost is the sum over the test weeks. Asked is the mean, the cost of a week.",
    ),
    "last_of_equals": (
        _last,
        "Several orders cost the same in the tuning weeks, and you took the last of them. The task takes the first: no"
        " more is bought than need be (< where you compare, not <=; argmin does so by itself).",
    ),
    "index_returned": (
        _index,
        "You returned the *place* of the best order among the orders. argmin says where it stands: return the order"
        " itself, orders[place].",
    ),
    "critical_ratio": (
        _ratio("linear"),
        "You took the quantile at shortage / (1 + shortage), lesson 00's rule. It knows where the least cost lies, but"
        " here an order is one of `orders`, and a quantile of the tuning weeks need not be among them: try each order.",
    ),
}

_BUYER_ALSO: dict[str, tuple[Answer, ...]] = {
    "index_returned": (_index_costed,),
    "critical_ratio": tuple(
        _ratio(how) for how in ("inverted_cdf", "higher", "lower", "nearest", "midpoint", "hazen", "median_unbiased")
    ),
}
_BUYER_PAIRS: dict[tuple[str, str], Answer] = {
    ("squared_error", "scored_on_tuning"): lambda orders, tuning, test, shortage: _chosen_by(
        lambda order, came: (came - order) ** 2
    )(orders, tuning, tuning, shortage),
    ("absolute_error", "scored_on_tuning"): lambda orders, tuning, test, shortage: _chosen_by(
        lambda order, came: np.abs(came - order)
    )(orders, tuning, tuning, shortage),
    ("index_returned", "scored_on_tuning"): lambda orders, tuning, test, shortage: _index(
        orders, tuning, tuning, shortage
    ),
    ("index_returned", "tuned_on_test"): lambda orders, tuning, test, shortage: _index(orders, test, test, shortage),
    ("index_returned", "total"): lambda orders, tuning, test, shortage: (
        _index(orders, tuning, test, shortage)[0],
        len(test) * buyer_score(orders, tuning, test, shortage)[1],
    ),
    ("last_of_equals", "scored_on_tuning"): lambda orders, tuning, test, shortage: _last(
        orders, tuning, tuning, shortage
    ),
    ("scored_on_tuning", "total"): lambda orders, tuning, test, shortage: _scaled(
        buyer_score(orders, tuning, tuning, shortage), len(tuning)
    ),
}


EXERCISES = (
    Exercise(
        "04a.causal_attention",
        causal_attention,
        _attention_stub,
        _attention_cases,
        _ATTENTION_MISTAKES,
        "Every row adds up to one, and nothing in it comes from tomorrow.",
        pairs=_ATTENTION_PAIRS,
    ),
    Exercise(
        "04a.buyer_score",
        buyer_score,
        _buyer_stub,
        _buyer_cases,
        _BUYER_MISTAKES,
        "The loss is the buyer's, the choice is made on old weeks, and the score comes from new ones.",
        also=_BUYER_ALSO,
        pairs=_BUYER_PAIRS,
    ),
)
