"""Defines lesson 11b's first exercise: Croston's rate without its bias."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise

Floats = NDArray[np.float64]


def _sales(y: Any) -> tuple[Floats, Floats]:
    """Sizes of the sales, and the weeks from one to the next; the first is counted from the start."""
    values = np.asarray(y, dtype=float)
    place = np.flatnonzero(values > 0)
    return values[place], np.diff(place + 1, prepend=0).astype(float)


def _smooth(values: Any, alpha: float, start: float | None = None) -> float:
    """Smooth exponentially; begin with the first value unless told."""
    rest = list(values)
    level = rest.pop(0) if start is None else start
    for value in rest:
        level = alpha * value + (1 - alpha) * level
    return float(level)


def croston_rate(y: Floats, alpha: float) -> float:
    """The units a week by Croston's method with the correction of Syntetos and Boylan."""
    size, gap = _sales(y)
    return (1 - alpha / 2) * _smooth(size, alpha) / _smooth(gap, alpha)


def _stub(y: Floats, alpha: float) -> Any:
    return ...


def _cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    def drawn(weeks: int, share: float) -> Floats:
        y = (rng.random(weeks) < share) * (1.0 + rng.poisson(4.0, weeks))
        y[3], y[-1] = 5.0, 0.0  # it sells, and not in the last week
        return y

    return [(np.array([0.0, 6, 0, 0, 2, 0]), 0.5), (drawn(30, 0.3), 0.1), (drawn(50, 0.25), 0.2), (drawn(40, 0.5), 0.3)]


def _corrected(part: Callable[[Floats, float], float]) -> Answer:
    return lambda y, alpha: (1 - alpha / 2) * part(np.asarray(y, dtype=float), alpha)


def _ratio(y: Floats, alpha: float) -> float:
    size, gap = _sales(y)
    return _smooth(size, alpha) / _smooth(gap, alpha)


def _every_week(y: Floats, alpha: float) -> float:
    """The interval moved in each week, by the weeks since the last sale."""
    level, since, sizes = 0.0, 0, []
    for value in y:
        since += 1
        if value > 0:
            sizes.append(value)
        if sizes:
            level = since if level == 0 else alpha * since + (1 - alpha) * level
        since = 0 if value > 0 else since
    return _smooth(sizes, alpha) / level


def _gap_between(y: Floats, alpha: float) -> float:
    size, gap = _sales(y)
    return _smooth(size, alpha) / max(_smooth(gap - 1, alpha), 1e-9)


def _first_gap_one(y: Floats, alpha: float) -> float:
    size, gap = _sales(y)
    return _smooth(size, alpha) / _smooth([1.0, *gap[1:]], alpha)


def _counted_from_zero(y: Floats, alpha: float) -> float:
    size, gap = _sales(y)
    return _smooth(size, alpha) / _smooth([max(gap[0] - 1, 1e-9), *gap[1:]], alpha)


def _zeros_in_size(y: Floats, alpha: float) -> float:
    return _smooth(y, alpha) / _smooth(_sales(y)[1], alpha)


def _swapped(y: Floats, alpha: float) -> float:
    size, gap = _sales(y)
    return _smooth(size, 1 - alpha) / _smooth(gap, 1 - alpha)


def _from_zero(y: Floats, alpha: float) -> float:
    size, gap = _sales(y)
    return _smooth(size, alpha, 0.0) / _smooth(gap, alpha, 0.0)


def _never_reset(y: Floats, alpha: float) -> float:
    """The weeks counted from the start at each sale."""
    size, gap = _sales(y)
    return _smooth(size, alpha) / _smooth(np.cumsum(gap), alpha)


def _one_too_long(y: Floats, alpha: float) -> float:
    size, gap = _sales(y)
    return _smooth(size, alpha) / _smooth([gap[0], *(gap[1:] + 1)], alpha)


def _first_gap_dropped(y: Floats, alpha: float) -> float:
    size, gap = _sales(y)
    return _smooth(size, alpha) / _smooth(gap[1:], alpha)


def _rates(y: Floats, alpha: float) -> float:
    size, gap = _sales(y)
    return _smooth(size / gap, alpha)


def _tsb(y: Floats, alpha: float) -> float:
    return _smooth(y > 0, alpha) * _smooth(_sales(y)[0], alpha)


def _open_gap(y: Floats, alpha: float) -> float:
    """The weeks since the last sale taken for one more interval."""
    size, gap = _sales(y)
    return _smooth(size, alpha) / _smooth([*gap, len(y) - gap.sum()], alpha)


_MISTAKES: dict[str, tuple[Answer, str]] = {
    "no_correction": (
        lambda y, alpha: _ratio(y, alpha),
        "This is Croston's rate as he wrote it. A ratio of two averages is too high on average: multiply"
        " by 1 - alpha/2.",
    ),
    "correction_with_alpha": (
        lambda y, alpha: (1 - alpha) * _ratio(y, alpha),
        "The correction takes half of alpha: 1 - alpha/2. Yours takes all of it, and the rate is too low.",
    ),
    "correction_divided": (
        lambda y, alpha: _ratio(y, alpha) / (1 - alpha / 2),
        "Croston's rate is too high, so the correction lowers it: multiply by 1 - alpha/2, do not divide.",
    ),
    "correction_raises": (
        lambda y, alpha: (1 + alpha / 2) * _ratio(y, alpha),
        "Croston's rate is too high, and you raised it: the factor is 1 - alpha/2, below 1.",
    ),
    "correction_brackets": (
        lambda y, alpha: (1 - alpha) / 2 * _ratio(y, alpha),
        "Only alpha is halved: 1 - alpha/2. You halved all of 1 - alpha, and the rate is far too low.",
    ),
    "alpha_of_the_page": (
        lambda y, alpha: (1 - alpha / 2) * _ratio(y, 0.1),
        "Your averages move by 0.1 whatever alpha is (the default of croston above): hand alpha on to them.",
    ),
    "correction_of_the_page": (
        lambda y, alpha: 0.95 * _ratio(y, alpha),
        "0.95 is right for an alpha of 0.1 alone. The factor is 1 - alpha/2.",
    ),
    "interval_every_week": (
        _corrected(_every_week),
        "Your interval moves in weeks without a sale, too. Croston learns only when something sells: size and interval"
        " both stay as they are in between.",
    ),
    "zeros_in_the_size": (
        _corrected(_zeros_in_size),
        "Your size is smoothed over all weeks, zeros included. The interval already says how often"
        " nothing sells: smooth"
        " the sizes of weeks with a sale alone.",
    ),
    "weeks_between": (
        _corrected(_gap_between),
        "You counted the empty weeks between two sales. The interval is the distance: sales in two neighbouring weeks"
        " are one week apart, not none.",
    ),
    "first_interval_one": (
        _corrected(_first_gap_one),
        "Your first interval is 1. Count it from the start: a first sale in the second week has the interval 2.",
    ),
    "counted_from_zero": (
        _corrected(_counted_from_zero),
        "Your first interval is one too small: Python counts places from 0, weeks are counted from 1.",
    ),
    "never_reset": (
        _corrected(_never_reset),
        "Your interval grows from sale to sale: you count from the first week each time. Begin at 0 after each sale.",
    ),
    "one_too_long": (
        _corrected(_one_too_long),
        "From the second on, your intervals are one week too long: after a sale the count begins at 0, not at 1.",
    ),
    "first_interval_dropped": (
        _corrected(_first_gap_dropped),
        "Your first interval is the one between the first two sales. There is one before it: from the start to the"
        " first sale.",
    ),
    "rates_smoothed": (
        _corrected(_rates),
        "You divided at each sale and smoothed the ratios. Smooth sizes and intervals apart, and divide once, at the"
        " end.",
    ),
    "chance_every_week": (
        _tsb,
        "This is TSB: its chance of a sale moves every week. Croston keeps intervals, and moves them at sales alone.",
    ),
    "alpha_on_the_old": (
        _corrected(_swapped),
        "Your weights have changed places: alpha belongs to the new value, 1 - alpha to what was known.",
    ),
    "started_at_zero": (
        _corrected(_from_zero),
        "Your two averages start at 0 (so does ewm of pandas unless you say adjust=False). Start them at the first"
        " sale: its size, and its interval.",
    ),
    "last_weeks_as_interval": (
        _corrected(_open_gap),
        "You took the weeks since the last sale for an interval. It is not over: nobody knows yet how long it will be.",
    ),
    "plain_means": (
        _corrected(lambda y, alpha: float(_sales(y)[0].mean() / _sales(y)[1].mean())),
        "You took plain means of sizes and intervals. Asked are smoothed ones: each sale moves them by alpha.",
    ),
    "interval_over_size": (
        _corrected(lambda y, alpha: 1 / _ratio(y, alpha)),
        "Upside down: a rate is units over weeks, the size divided by the interval.",
    ),
    "size_alone": (
        _corrected(lambda y, alpha: _smooth(_sales(y)[0], alpha)),
        "This is the size of a sale. Divide by the interval to get units a week.",
    ),
    "mean_of_all_weeks": (
        lambda y, alpha: float(np.mean(y)),
        "This is the mean of all weeks. It weighs the first week like the last; Croston forgets, by alpha a sale.",
    ),
    "smoothed_weeks": (
        lambda y, alpha: _smooth(y, alpha),
        "This smooths all weeks, zeros and all: it is highest right after a sale. Croston keeps size and"
        " interval apart.",
    ),
}

_UNCORRECTED: dict[str, Callable[[Floats, float], float]] = {
    "interval_every_week": _every_week,
    "zeros_in_the_size": _zeros_in_size,
    "weeks_between": _gap_between,
    "first_interval_one": _first_gap_one,
    "counted_from_zero": _counted_from_zero,
    "alpha_on_the_old": _swapped,
    "started_at_zero": _from_zero,
    "last_weeks_as_interval": _open_gap,
    "never_reset": _never_reset,
    "one_too_long": _one_too_long,
    "first_interval_dropped": _first_gap_dropped,
    "rates_smoothed": _rates,
}


CROSTON = Exercise(
    "11b.croston_rate",
    solution=croston_rate,
    stub=_stub,
    cases=_cases,
    mistakes=_MISTAKES,
    also={
        "alpha_of_the_page": (lambda y, alpha: 0.95 * _ratio(y, 0.1), lambda y, alpha: _ratio(y, 0.1)),
        "chance_every_week": (_corrected(_tsb),),
    },
    pairs={
        ("no_correction", name): (lambda y, alpha, part=part: part(np.asarray(y, dtype=float), alpha))
        for name, part in _UNCORRECTED.items()
    },
    praise="Equal to statsforecast's CrostonSBA at alpha 0.1. It is a rate; it is no order yet.",
)
