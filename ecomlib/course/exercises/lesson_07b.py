"""Defines lesson 07b's exercises: coverage, the conformal quantile, and the reserve that two costs ask for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise

Floats = NDArray[np.float64]


# --- the conformal quantile ---


def conformal_quantile(scores: Floats, coverage: float) -> float:
    """The ceil((n + 1) coverage)-th smallest score; infinite where there are too few."""
    place = int(np.ceil(round((len(scores) + 1) * coverage, 9)))
    return float(np.sort(scores)[place - 1]) if place <= len(scores) else float("inf")


def _quantile_stub(scores: Floats, coverage: float) -> Any:
    return ...


def _quantile_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    return [
        (np.array([3.0, 1.0, 4.0, 1.5, 9.0, 2.6, 5.0, 3.5, 8.0, 7.0]), 0.75),
        (rng.gamma(2.0, 3.0, 30), 0.9),
        (rng.gamma(2.0, 3.0, 20), 0.5),
        (rng.gamma(2.0, 3.0, 7), 0.6),
        (np.array([2.0, 6.0, 4.0]), 0.9),
        (rng.gamma(2.0, 3.0, 19), 0.95),  # just enough scores: the largest
    ]


def _rank(scores: Floats, coverage: float) -> int:
    return int(np.ceil(round((len(scores) + 1) * coverage, 9)))


def _place(scores: Floats, place: float) -> float:
    return float(np.sort(scores)[int(np.clip(place, 1, len(scores))) - 1])


def _numpys(method: Any, beyond: str = "error", rounded: bool = True) -> Answer:
    """numpy's quantile at the level of the place; ``beyond``: what is done where the level lies above one."""

    def wrong(scores: Floats, coverage: float) -> float:
        n = len(scores)
        level = (np.ceil(round((n + 1) * coverage, 9)) if rounded else (n + 1) * coverage) / n
        if level > 1 and beyond == "infinite":
            return float("inf")
        return float(np.quantile(scores, min(level, 1.0) if beyond == "largest" else level, method=method))

    return wrong


_WAYS = [(beyond, rounded) for beyond in ("error", "largest", "infinite") for rounded in (True, False)]

_QUANTILE_MISTAKES: dict[str, tuple[Answer, str]] = {
    "numpys_quantile": (
        lambda scores, coverage: float(np.quantile(scores, coverage)),
        "This is numpy's quantile of the n scores. The new score is one of n + 1 and may be the largest of all: take"
        " the place ceil((n + 1) · coverage), and do not interpolate.",
    ),
    "without_the_plus_one": (
        lambda scores, coverage: _place(scores, np.ceil(round(len(scores) * coverage, 9))),
        "You took the place ceil(n · coverage): the interval is a little too narrow, and with few scores not so little."
        " The new score counts, too: n + 1.",
    ),
    "floor_for_ceil": (
        lambda scores, coverage: _place(scores, np.floor(round((len(scores) + 1) * coverage, 9))),
        "The place was rounded down. A promise of 'at least' needs the next whole place up: ceil.",
    ),
    "too_few_scores": (
        lambda scores, coverage: _place(scores, _rank(scores, coverage)),
        "Right, but for few scores: three of them cannot promise 90 %, however wide you go with what you have seen."
        " Where the place lies beyond n the answer is infinite.",
    ),
    "off_by_one": (
        lambda scores, coverage: float(np.sort(scores)[_rank(scores, coverage)]),
        "One place too far: Python counts from 0, so the k-th smallest stands at sorted[k - 1].",
    ),
    "off_by_one_or_infinite": (
        lambda scores, coverage: (
            float(np.sort(scores)[_rank(scores, coverage)]) if _rank(scores, coverage) <= len(scores) else float("inf")
        ),
        "One place too far: Python counts from 0, so the k-th smallest stands at sorted[k - 1]. Where k is n yours has"
        " no score left, and the answer is the largest.",
    ),
    "infinite_at_the_last": (
        lambda scores, coverage: (
            _place(scores, _rank(scores, coverage)) if _rank(scores, coverage) < len(scores) else float("inf")
        ),
        "Right, but for the last place: 19 scores are just enough for 95 %. Where k is n the answer is the largest"
        " score; infinite is only what lies beyond it.",
    ),
    "not_sorted_or_infinite": (
        lambda scores, coverage: (
            float(scores[_rank(scores, coverage) - 1]) if _rank(scores, coverage) <= len(scores) else float("inf")
        ),
        "The place is right, but you counted to it among scores in the order in which they came. Sort them first:"
        " np.sort.",
    ),
    "level_of_two_sides": (
        lambda scores, coverage: conformal_quantile(scores, (1 + coverage) / 2),
        "You left half of the misses on each side. The scores have no sign: both sides are in them already, so take the"
        " coverage itself.",
    ),
    "place_returned": (
        lambda scores, coverage: (
            float(_rank(scores, coverage)) if _rank(scores, coverage) <= len(scores) else float("inf")
        ),
        "This is the place. Asked is the score that stands there.",
    ),
    "not_sorted": (
        lambda scores, coverage: float(scores[min(_rank(scores, coverage), len(scores)) - 1]),
        "The place is right, but the scores still stand in the order in which they came. Sort them first.",
    ),
    "other_tail": (
        lambda scores, coverage: conformal_quantile(scores, 1 - coverage),
        "This is the quantile of the misses, 1 - coverage. Most scores lie below the one that is wanted.",
    ),
    "numpys_higher": (
        _numpys("higher"),
        "The level ceil((n + 1) · coverage) / n is right, and np.quantile counts otherwise: method='higher' looks at"
        " level · (n - 1), from 0 on, and mostly ends one score too high. Sort and count, or take"
        " method='inverted_cdf'. Above a level of one the answer is infinite.",
    ),
    "numpys_interpolation": (
        _numpys("linear"),
        "The level ceil((n + 1) · coverage) / n is right, but np.quantile interpolates between two scores. The promise"
        " is about a score that was seen: sort and count, or take method='inverted_cdf'. Above one it is infinite.",
    ),
}


def _place_too_far(errors: Floats, share: float, *, beyond: str = "infinite") -> float:
    """The score after the right one, with what is done where there is none: infinite, or the largest."""
    place = _rank(errors, share)
    if place < len(errors):
        return float(np.sort(errors)[place])
    return float("inf") if beyond == "infinite" else float(np.max(errors))


_QUANTILE_ALSO: dict[str, tuple[Answer, ...]] = {
    "off_by_one_or_infinite": (_place_too_far,),
    "numpys_higher": tuple(_numpys("higher", *way) for way in _WAYS),
    "numpys_interpolation": tuple(_numpys("linear", *way) for way in _WAYS),
    "too_few_scores": (_numpys("inverted_cdf"),),
}


def _sorted_at(plus: int, rounding: Any, shift: int) -> Answer:
    """The score at a place that is counted with these slips, infinite beyond the last."""

    def wrong(scores: Floats, coverage: float) -> float:
        place = int(rounding(round((len(scores) + plus) * coverage, 9))) + shift
        return float(np.sort(scores)[max(place, 1) - 1]) if place <= len(scores) else float("inf")

    return wrong


_QUANTILE_PAIRS: dict[tuple[str, str], Answer] = {
    ("without_the_plus_one", "floor_for_ceil"): _sorted_at(0, np.floor, 0),
    ("without_the_plus_one", "off_by_one_or_infinite"): _sorted_at(0, np.ceil, 1),
    ("level_of_two_sides", "without_the_plus_one"): lambda scores, coverage: _sorted_at(0, np.ceil, 0)(
        scores, (1 + coverage) / 2
    ),
    ("other_tail", "without_the_plus_one"): lambda scores, coverage: _sorted_at(0, np.ceil, 0)(scores, 1 - coverage),
    ("numpys_quantile", "level_of_two_sides"): lambda scores, coverage: float(np.quantile(scores, (1 + coverage) / 2)),
    ("numpys_quantile", "other_tail"): lambda scores, coverage: float(np.quantile(scores, 1 - coverage)),
}


# --- coverage ---


def interval_coverage(y: Floats, low: Floats, high: Floats) -> float:
    """Share of the known truths inside their interval, ends included."""
    known = ~np.isnan(y)
    return float(((y >= low) & (y <= high))[known].mean())


def _coverage_stub(y: Floats, low: Floats, high: Floats) -> Any:
    return ...


def _coverage_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    y = rng.poisson(6.0, 50).astype(float)
    low, high = np.floor(rng.uniform(0, 6, 50)), np.floor(rng.uniform(5, 12, 50))
    y[[3, 17]] = np.nan
    small = (np.array([5.0, 0.0, 9.0, 7.0, np.nan]), np.array([3.0, 0.0, 4.0, 8.0, 1.0]))
    other = rng.poisson(6.0, 31).astype(float)
    other[rng.random(31) < 0.3] = np.nan
    return [(*small, np.array([6.0, 4.0, 8.0, 12.0, 5.0])), (y, low, high), (other, low[:31], high[:31])]


def _half_open(end: str) -> Answer:
    """The share with one of the two ends left out."""

    def wrong(y: Floats, low: Floats, high: Floats) -> float:
        inside = (y >= low) & (y < high) if end == "upper" else (y > low) & (y <= high)
        return float(inside[~np.isnan(y)].mean())

    return wrong


def _nan_as_miss(y: Floats, low: Floats, high: Floats) -> float:
    return float(((y >= low) & (y <= high)).mean())


_COVERAGE_MISTAKES: dict[str, tuple[Answer, str]] = {
    "mean_of_widths": (
        lambda y, low, high: float((high - low).mean()),
        "This is the mean width, in units. It says how much the interval claims, not whether the truth lies in it; the"
        " truth does not even occur in it. Count the rows with low <= y <= high.",
    ),
    "mean_of_known_widths": (
        lambda y, low, high: float((high - low)[~np.isnan(y)].mean()),
        "This is the mean width of the rows whose truth is known, in units. Coverage is a share: count the rows with"
        " low <= y <= high.",
    ),
    "ends_left_out": (
        lambda y, low, high: float(((y > low) & (y < high))[~np.isnan(y)].mean()),
        "You left the ends out. Units are whole numbers and often lie on an end; zero often is one. An interval holds"
        " its ends: <=, not <.",
    ),
    "upper_end_left_out": (
        _half_open("upper"),
        "You left the upper end out: y < high. Units are whole numbers and often lie on an end. An interval holds both"
        " of its ends: <=.",
    ),
    "lower_end_left_out": (
        _half_open("lower"),
        "You left the lower end out: y > low. A lower end of zero is frequent, and so is a week without a sale. An"
        " interval holds both of its ends: >=.",
    ),
    "zeros_dropped": (
        lambda y, low, high: float(((y >= low) & (y <= high))[np.nan_to_num(y) > 0].mean()),
        "You left out the weeks without a sale along with the unknown ones. A zero is a truth that is known; NaN alone"
        " is not: np.isnan.",
    ),
    "unknown_is_a_miss": (
        _nan_as_miss,
        "A row whose truth is unknown (NaN) was counted as a miss, as any comparison with NaN is False. Leave such rows"
        " out.",
    ),
    "unknown_is_inside": (
        lambda y, low, high: float((~((y < low) | (y > high))).mean()),
        "A row whose truth is unknown (NaN) was counted as inside: it is neither below nor above, as any comparison"
        " with NaN is False. Leave such rows out.",
    ),
    "a_count": (
        lambda y, low, high: float(((y >= low) & (y <= high)).sum()),
        "This is how many rows lie inside. Divide by the number of rows whose truth is known.",
    ),
    "upper_end_only": (
        lambda y, low, high: float((y <= high)[~np.isnan(y)].mean()),
        "You looked at the upper end only. An interval may also be missed from below.",
    ),
    "share_missed": (
        lambda y, low, high: 1 - interval_coverage(y, low, high),
        "This is the share of rows outside, the misses. Coverage is what lies inside.",
    ),
    "per_cent": (
        lambda y, low, high: 100 * interval_coverage(y, low, high),
        "Right, but in per cent. Here coverage is a share between 0 and 1.",
    ),
    "lower_end_only": (
        lambda y, low, high: float((y >= low)[~np.isnan(y)].mean()),
        "You looked at the lower end only. An interval may also be missed from above.",
    ),
}


def _covered(*changes: str) -> Answer:
    """Coverage with these things done differently."""

    def wrong(y: Floats, low: Floats, high: Floats) -> float:
        inside = ((y > low) & (y < high)) if "open" in changes else ((y >= low) & (y <= high))
        if "upper" in changes:
            inside = y < high if "open" in changes else y <= high
        if "lower" in changes:
            inside = y > low if "open" in changes else y >= low
        if "counted_in" in changes:
            inside = inside | np.isnan(y)
        known = np.ones(len(y), bool) if {"counted_in", "counted_out"} & set(changes) else ~np.isnan(y)
        share = inside[known].sum() / (1 if "count" in changes else known.sum())
        return float((1 - share if "missed" in changes else share) * (100 if "per_cent" in changes else 1))

    return wrong


_COVERAGE_CHANGES = {
    "ends_left_out": "open",
    "upper_end_only": "upper",
    "lower_end_only": "lower",
    "unknown_is_a_miss": "counted_out",
    "unknown_is_inside": "counted_in",
    "share_missed": "missed",
    "per_cent": "per_cent",
    "a_count": "count",
}
_COVERAGE_EXCLUDE = (
    *({"upper", "lower"}, {"counted_out", "counted_in"}, {"count", "per_cent"}, {"count", "missed"}),
    {"count", "counted_out"},  # a count that leaves out the unknown is the same count
)
_COVERAGE_PAIRS = {
    (one, other): _covered(_COVERAGE_CHANGES[one], _COVERAGE_CHANGES[other])
    for one, other in combinations(_COVERAGE_CHANGES, 2)
    if {_COVERAGE_CHANGES[one], _COVERAGE_CHANGES[other]} not in _COVERAGE_EXCLUDE
}


# --- the reserve ---


def _at(errors: Floats, share: float, plus: int = 1, shift: int = 0) -> float:
    """The score at the place that a share asks for, infinite beyond the last."""
    place = int(np.ceil(round((len(errors) + plus) * share, 9))) + shift
    return float(np.sort(errors)[max(place, 1) - 1]) if place <= len(errors) else float("inf")


def reserve(errors: Floats, shortage: float, leftover: float) -> float:
    """What to add to a forecast: the conformal quantile of signed errors at shortage / (shortage + leftover)."""
    return _at(errors, shortage / (shortage + leftover))


def _reserve_stub(errors: Floats, shortage: float, leftover: float) -> Any:
    return ...


def _reserve_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    small = np.array([2.0, -4.0, 0.5, -1.0, 6.0, 1.0, -2.0, 3.0, 0.0])
    return [
        (small, 3.0, 1.0),
        (rng.normal(1.0, 5.0, 40), 9.0, 1.0),
        (rng.normal(-1.0, 4.0, 25), 1.0, 2.0),
        (rng.normal(0.0, 2.0, 7), 9.0, 1.0),  # too few for nine in ten
    ]


def _shared(share: Callable[[float, float], float], of: Callable[[Floats], Floats] = np.asarray) -> Answer:
    return lambda errors, shortage, leftover: _at(of(errors), float(share(shortage, leftover)))


def _right(shortage: float, leftover: float) -> float:
    return shortage / (shortage + leftover)


def _in_absolutes(how: Answer) -> Answer:
    return lambda errors, shortage, leftover: how(np.abs(errors), shortage, leftover)


_RESERVE_MISTAKES: dict[str, tuple[Answer, str]] = {
    "absolute_errors": (
        _shared(_right, np.abs),
        "You took the sizes of the errors. A reserve looks at one side only: an error below zero means that too much"
        " was forecast, and it asks for less. Keep the signs.",
    ),
    "ratio_inverted": (
        _shared(lambda shortage, leftover: leftover / (shortage + leftover)),
        "The share is the other one: where a shortage costs more, more weeks must be enough. It is shortage / (shortage"
        " + leftover).",
    ),
    "one_minus_the_ratio": (
        _shared(lambda shortage, leftover: float(np.clip(1 - leftover / shortage, 0.01, 0.99))),
        "1 - leftover / shortage is near the share where shortages are dear, and not it. The share is shortage /"
        " (shortage + leftover).",
    ),
    "both_sides": (
        _shared(lambda shortage, leftover: (1 + _right(shortage, leftover)) / 2),
        "You left half of the misses on each side, as a two-sided interval does. An order is missed on one side only:"
        " take the share itself.",
    ),
    "mean_of_the_errors": (
        lambda errors, shortage, leftover: float(errors.mean()),
        "This is the mean error: it mends the bias and knows nothing of costs. Sort the errors and take the place that"
        " the two costs ask for.",
    ),
    "numpys_quantile": (
        lambda errors, shortage, leftover: float(np.quantile(errors, _right(shortage, leftover))),
        "The share is right, but numpy's quantile of the n errors interpolates, and forgets that the new error is one"
        " of n + 1. Take the ceil((n + 1) · share)-th smallest.",
    ),
    "without_the_plus_one": (
        lambda errors, shortage, leftover: _at(errors, _right(shortage, leftover), plus=0),
        "You took the place ceil(n · share). The new error counts among its equals: n + 1.",
    ),
    "off_by_one": (
        lambda errors, shortage, leftover: _place_too_far(errors, _right(shortage, leftover)),
        "One place too far: Python counts from 0, so the k-th smallest stands at sorted[k - 1].",
    ),
    "not_sorted": (
        lambda errors, shortage, leftover: (
            float(errors[_rank(errors, _right(shortage, leftover)) - 1])
            if _rank(errors, _right(shortage, leftover)) <= len(errors)
            else float("inf")
        ),
        "The place is right, but the errors still stand in the order in which they came. Sort them first: np.sort.",
    ),
    "never_below_zero": (
        lambda errors, shortage, leftover: max(reserve(errors, shortage, leftover), 0.0),
        "A reserve may be negative: where leftovers are dear, it pays to order less than the forecast. Do not cut it at"
        " zero.",
    ),
    "sign_turned": (
        lambda errors, shortage, leftover: _at(-errors, _right(shortage, leftover)),
        "You sorted forecast less truth. The errors are truth less forecast: above zero too little was forecast.",
    ),
    "largest_where_too_few": (
        lambda errors, shortage, leftover: (
            float(np.max(errors))
            if np.isinf(reserve(errors, shortage, leftover))
            else reserve(errors, shortage, leftover)
        ),
        "Right, but for few errors: seven of them cannot say what is enough in nine weeks of ten. Where the place lies"
        " beyond n the answer is infinite.",
    ),
}

_RESERVE_ALSO: dict[str, tuple[Answer, ...]] = {
    "off_by_one": (
        lambda errors, shortage, leftover: float(np.sort(errors)[_rank(errors, _right(shortage, leftover))]),
        lambda errors, shortage, leftover: _place_too_far(errors, _right(shortage, leftover), beyond="largest"),
    ),
    "not_sorted": (lambda errors, shortage, leftover: float(errors[_rank(errors, _right(shortage, leftover)) - 1]),),
}

_RESERVE_PAIRS: dict[tuple[str, str], Answer] = {
    ("absolute_errors", other): _in_absolutes(_RESERVE_MISTAKES[other][0])
    for other in ("ratio_inverted", "not_sorted", "off_by_one")
}


EXERCISES = (
    Exercise(
        "07b.conformal_quantile",
        solution=conformal_quantile,
        stub=_quantile_stub,
        cases=_quantile_cases,
        mistakes=_QUANTILE_MISTAKES,
        also=_QUANTILE_ALSO,
        pairs=_QUANTILE_PAIRS,
        praise="One line, and the only promise about forecasts in this course that needs no model to be right.",
    ),
    Exercise(
        "07b.coverage",
        solution=interval_coverage,
        stub=_coverage_stub,
        cases=_coverage_cases,
        mistakes=_COVERAGE_MISTAKES,
        pairs=_COVERAGE_PAIRS,
        praise="Read it beside the width: infinite intervals cover everything.",
    ),
    Exercise(
        "07b.reserve",
        solution=reserve,
        stub=_reserve_stub,
        cases=_reserve_cases,
        mistakes=_RESERVE_MISTAKES,
        also=_RESERVE_ALSO,
        pairs=_RESERVE_PAIRS,
        praise="The same line as the width's, with the sign kept and the costs instead of a promise.",
    ),
)
