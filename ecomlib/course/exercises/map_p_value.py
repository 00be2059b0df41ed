"""Defines lesson 05's third exercise: is the neighbourhood real? A test by wrong maps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def _mean_moran(values: Floats, weights: Floats) -> float:
    z = values - values.mean(axis=1, keepdims=True)
    return float(np.mean((z @ weights.T * z).sum(axis=1) / (z**2).sum(axis=1)))


def map_p_value(values: Floats, weights: Floats, orders: Ints) -> float:
    """Share of maps, the real one counted, whose mean Moran's I is at least the real one's."""
    real = _mean_moran(values, weights)
    wrong = np.array([_mean_moran(values[:, order], weights) for order in orders])
    return float((1 + (wrong >= real).sum()) / (1 + len(orders)))


def _p_stub(values: Floats, weights: Floats, orders: Ints) -> Any:
    return ...


def _p_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    weights = np.zeros((6, 6))
    for left in range(5):
        weights[left, left + 1] = weights[left + 1, left] = 1.0
    weights /= weights.sum(axis=1, keepdims=True)
    cases = []
    for slope, draws in ((0.35, 19), (0.0, 39), (0.2, 99), (0.8, 59)):
        values = rng.normal(size=(6, 6)) + slope * np.arange(6.0)
        orders = np.array([rng.permutation(6) for _ in range(draws)])
        mirrored = (orders == np.arange(5, -1, -1)).all(axis=1)  # its I is the real map's, but for the last digit
        orders[mirrored] = np.roll(np.arange(6), 1)
        orders[draws // 2] = np.arange(6)  # an arrangement equal to the real map counts, too
        cases.append((values, weights, orders))
    return cases


def _days(values: Floats, weights: Floats, orders: Ints) -> float:
    real = _mean_moran(values, weights)
    wrong = np.array([_mean_moran(values[order], weights) for order in orders])
    return float((1 + (wrong >= real - 1e-12).sum()) / (1 + len(orders)))


def _by(statistic: Callable[[Floats, Floats], float]) -> Answer:
    """The share with another statistic of a map and its weights."""

    def wrong(values: Floats, weights: Floats, orders: Ints) -> float:
        real = statistic(values, weights)
        found = np.array([statistic(values[:, order], weights) for order in orders])
        return float((1 + (found >= real - 1e-12).sum()) / (1 + len(orders)))

    return wrong


def _of_the_mean_map(values: Floats, weights: Floats) -> float:
    z = values.mean(axis=0) - values.mean()
    return float((z @ weights @ z) / (z @ z))


def _one_mean(values: Floats, weights: Floats) -> float:
    z = values - values.mean()
    return float(np.mean((z @ weights.T * z).sum(axis=1) / (z**2).sum(axis=1)))


def _pooled(values: Floats, weights: Floats) -> float:
    z = values - values.mean(axis=1, keepdims=True)
    return float((z @ weights.T * z).sum() / (z**2).sum())


def _weights_moved(values: Floats, weights: Floats, orders: Ints) -> float:
    real = _mean_moran(values, weights)
    found = np.array([_mean_moran(values, weights[np.ix_(order, order)]) for order in orders])
    return float((1 + (found >= real - 1e-12).sum()) / (1 + len(orders)))


def _tail(values: Floats, weights: Floats, orders: Ints) -> tuple[float, Floats]:
    return _mean_moran(values, weights), np.array([_mean_moran(values[:, order], weights) for order in orders])


def _rows_only(values: Floats, weights: Floats, orders: Ints) -> float:
    real = _mean_moran(values, weights)
    wrong = np.array([_mean_moran(values, weights[order]) for order in orders])
    return float((1 + (wrong >= real).sum()) / (1 + len(orders)))


def _p(*changes: str) -> Answer:
    """The share with these things done differently."""

    def wrong(values: Floats, weights: Floats, orders: Ints) -> float:
        real, wrong = _tail(values, weights, orders)
        if "above_only" in changes:
            return float((1 + (wrong >= real - 1e-12).sum()) / len(orders))
        if "absolute" in changes:
            real, wrong = abs(real), np.abs(wrong)
        if "lower" in changes:
            real, wrong = -real, -wrong
        count = (wrong > real).sum() if "strict" in changes else (wrong >= real).sum()
        share = count / len(orders) if "uncounted" in changes else (1 + count) / (1 + len(orders))
        return float(1 - share if "confidence" in changes else share)

    return wrong


def _normal(values: Floats, weights: Floats, orders: Ints) -> float:
    from scipy.stats import norm

    real, wrong = _tail(values, weights, orders)
    return float(norm.sf((real - wrong.mean()) / wrong.std()))


_P_MISTAKES: dict[str, tuple[Answer, str]] = {
    "time_permuted": (
        _days,
        "You shuffled the days. Moran's I looks at one day's map at a time, so its mean does not change at all when"
        " days change places, and p is always 1. The hypothesis is about the map: shuffle the regions with"
        " values[:, order].",
    ),
    "rows_only": (
        _rows_only,
        "You shuffled the rows of the weights alone: then a region may become its own neighbour, and that is no "
        "map."
        " Let the regions change places instead: values[:, order] with the weights left alone.",
    ),
    "real_map_not_counted": (
        _p("uncounted"),
        "The real map is one of the arrangements, too: count it above and below, (1 + k) / (1 + n). Without it p "
        "can"
        " be 0, and no finite number of shuffles proves that.",
    ),
    "counted_above_only": (
        _p("above_only"),
        "You count the real map above the line and not below it, (1 + k) / n. It is one of n + 1 maps: with n alone a p"
        " of more than 1 can come out.",
    ),
    "weights_moved": (
        _weights_moved,
        "You moved the weights' rows and columns and left the values: that is the *inverse* order, another map unless"
        " an order only swaps regions in pairs. Keep the weights and take values[:, order].",
    ),
    "of_the_mean_map": (
        _by(_of_the_mean_map),
        "You averaged the days to one map and took its Moran's I. Asked is the mean of Moran's I over the days: first"
        " each day's, then their mean.",
    ),
    "one_mean_for_all_days": (
        _by(_one_mean),
        "You subtracted one mean of all days and regions. Each day has a map of its own: subtract that day's mean,"
        " values.mean(axis=1, keepdims=True), or a good day makes all regions look alike.",
    ),
    "sums_over_all_days": (
        _by(_pooled),
        "You divided the sum over all days by the sum over all days, so days with large differences count for more."
        " Divide day by day, then take the mean of the days' Moran's I.",
    ),
    "ties_not_counted": (
        _p("strict"),
        "You counted the arrangements above the real map only. One that reaches it, as the real map itself among "
        "the orders"
        " does, counts as well: at least as high.",
    ),
    "other_tail": (
        _p("lower"),
        "You counted the wrong maps that are *less* alike than the real one. Neighbourhood shows where the real"
        " Moran's I is high: count those at or above it.",
    ),
    "confidence": (
        _p("confidence"),
        "This is 1 - p. The p-value is small where chance would hardly make such a map.",
    ),
    "normal_curve": (
        _normal,
        "You read the p-value off a normal curve. The shuffled maps are the distribution: count among them.",
    ),
    "absolute": (
        _p("absolute"),
        "You compared sizes without their signs, a test of two sides. A negative Moran's I means that neighbours"
        " *differ*: count the wrong maps whose I is at least as high as the real one's, signs kept.",
    ),
}

_P_CHANGES = {
    "real_map_not_counted": "uncounted",
    "ties_not_counted": "strict",
    "other_tail": "lower",
    "confidence": "confidence",
    "absolute": "absolute",
}
_P_PAIRS = {
    (one, other): _p(_P_CHANGES[one], _P_CHANGES[other])
    for one, other in combinations(_P_CHANGES, 2)
    if other != "confidence" or one == "real_map_not_counted"  # 1 - p is the other tail, but for ties
}


MAP_P_VALUE = Exercise(
    "05.map_p_value",
    solution=map_p_value,
    stub=_p_stub,
    cases=_p_cases,
    mistakes=_P_MISTAKES,
    pairs=_P_PAIRS,
    praise="The same trick judges a network in section 5: give it wrong maps, and see what it loses.",
)
