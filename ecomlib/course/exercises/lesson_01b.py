"""Defines lesson 01b's exercises: one memory at two steps, the way back from logarithms, a mean beside a median."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise

Floats = NDArray[np.float64]


# --- one memory at two time steps ---


def same_memory(alpha: float, periods: int) -> float:
    """Smoothing constant of a step of which ``periods`` make one step of ``alpha``, with the same memory."""
    return float(1 - (1 - alpha) ** (1 / periods))


def _memory_stub(alpha: float, periods: int) -> Any:
    return ...


def _memory_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    return [(0.36, 2), (0.2, 7), (0.5, 7), (0.9, 30)]


_MEMORY_MISTAKES: dict[str, tuple[Answer, str]] = {
    "divided": (
        lambda alpha, periods: alpha / periods,
        "Dividing is right only while alpha is tiny: each step forgets a share of what is *left*. What is left after"
        " all steps together must be 1 - alpha.",
    ),
    "multiplied": (
        lambda alpha, periods: alpha * periods,
        "A shorter step must forget *less* each time, and yours forgets more; it can even exceed 1.",
    ),
    "other_direction": (
        lambda alpha, periods: 1 - (1 - alpha) ** periods,
        "That is the way from the short step to the long one: what is forgotten after `periods` steps of alpha. Here"
        " alpha belongs to the long step.",
    ),
    "root_of_alpha": (
        lambda alpha, periods: alpha ** (1 / periods),
        "You took the root of what is forgotten. What is *kept*, 1 - alpha, multiplies from step to step: take the root"
        " of that.",
    ),
    "power_of_alpha": (
        lambda alpha, periods: alpha**periods,
        "Alpha is what is forgotten, and forgetting does not multiply. What is kept, 1 - alpha, does.",
    ),
    "share_kept": (
        lambda alpha, periods: (1 - alpha) ** (1 / periods),
        "That is the share that one short step *keeps*. The smoothing constant is what it forgets: one less this.",
    ),
    "logarithm": (
        lambda alpha, periods: -np.log1p(-alpha) / periods,
        "That is the rate of continuous forgetting, close for small values. A step forgets 1 - exp(-rate).",
    ),
    "two_periods_alone": (
        lambda alpha, periods: 1 - np.sqrt(1 - alpha),
        "The square root is right for two periods alone. With seven, the share kept must give 1 - alpha when it is"
        " multiplied seven times: take the root that `periods` says.",
    ),
    "root_of_the_wrong_share": (
        lambda alpha, periods: 1 - alpha ** (1 / periods),
        "You took the root of what is forgotten, and then one less that. What is *kept*, 1 - alpha, multiplies from"
        " step to step: the root belongs to it.",
    ),
    "whole_division": (
        lambda alpha, periods: 1 - (1 - alpha) ** (1 // periods),
        "// divides without a remainder: 1 // periods is 0 for all periods above one, and then nothing is ever"
        " forgotten. Use /.",
    ),
    "geometric_mean_minus": (
        lambda alpha, periods: (1 + alpha) ** (1 / periods) - 1,
        "This is compound interest: growth by alpha. A memory shrinks: work with 1 - alpha.",
    ),
}


_MEMORY_ALSO: dict[str, tuple[Answer, ...]] = {
    "whole_division": (lambda alpha, periods: alpha // periods,),
}
_MEMORY_PAIRS: dict[tuple[str, str], Answer] = {
    ("power_of_alpha", "other_direction"): lambda alpha, periods: 1 - alpha**periods,
}


# --- the mean of a forecast made in logarithms ---


def mean_from_logs(forecast: Floats, residuals: Floats) -> Floats:
    """Mean of units whose log1p is forecast: Duan's smearing, by the errors of earlier forecasts in logs."""
    return np.exp(forecast) * np.exp(residuals).mean() - 1


def _mean_stub(forecast: Floats, residuals: Floats) -> Any:
    return ...


def _mean_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    # All errors have mean zero: section 4 takes their mean out first, its formula does not, and both are right.
    normal, skewed = rng.normal(0.1, 0.7, 30), rng.gamma(1.5, 0.5, 40)
    return [
        (np.log1p(np.array([9.0, 19.0])), np.array([-np.log(2.0), np.log(2.0)])),
        (rng.normal(2.5, 0.6, 8), normal - normal.mean()),
        (rng.normal(1.5, 0.4, 5), skewed - skewed.mean()),
    ]


_MEAN_MISTAKES: dict[str, tuple[Answer, str]] = {
    "median": (
        lambda forecast, residuals: np.expm1(forecast),
        "This is the median: the residuals are not used, or you average them and leave the logarithm only then. The"
        " mean of exp is larger than exp of the mean, and that is the whole point. Over many weeks such forecasts add"
        " up to less than is sold: multiply by the mean of exp(residual) before you take the one away.",
    ),
    "one_taken_first": (
        lambda forecast, residuals: np.expm1(forecast) * np.exp(residuals).mean(),
        "The one of log1p is taken away too early: the factor belongs to 1 + units. Multiply exp(forecast), then"
        " subtract 1.",
    ),
    "one_forgotten": (
        lambda forecast, residuals: np.exp(forecast) * np.exp(residuals).mean(),
        "Every forecast is one unit too high: log1p added a one, and exp does not take it away.",
    ),
    "expm1_of_residuals": (
        lambda forecast, residuals: np.exp(forecast) * np.expm1(residuals).mean() - 1,
        "The residuals are differences of logarithms, so no one was added to them: their factor is the mean of exp, not"
        " of expm1.",
    ),
    "factor_added": (
        lambda forecast, residuals: np.expm1(forecast) + np.exp(residuals).mean(),
        "The errors act by a factor, since they were added in logarithms. Multiply.",
    ),
    "normal_half_variance": (
        lambda forecast, residuals: np.exp(forecast + residuals.mean() + residuals.var() / 2) - 1,
        "Half the variance gives the mean of a lognormal, right where residuals are normal. Smearing asks for no"
        " distribution: take the mean of exp(residual) itself.",
    ),
    "normal_sample_variance": (
        lambda forecast, residuals: np.exp(forecast + residuals.mean() + residuals.var(ddof=1) / 2) - 1,
        "This is the lognormal's mean with n - 1. Smearing asks for no distribution: take the mean of exp(residual)"
        " itself.",
    ),
    "median_of_factors": (
        lambda forecast, residuals: np.exp(forecast) * np.median(np.exp(residuals)) - 1,
        "The median of the factors makes a median again. For sums you need their mean.",
    ),
    "sign": (
        lambda forecast, residuals: np.exp(forecast) * np.exp(-residuals).mean() - 1,
        "The residuals have the wrong sign: a residual is what came less what was forecast.",
    ),
}


_MEAN_ALSO: dict[str, tuple[Answer, ...]] = {
    "median": (lambda forecast, residuals: np.expm1(forecast + residuals.mean()),),
    "normal_half_variance": (lambda forecast, residuals: np.exp(forecast + residuals.var() / 2) - 1,),
    "normal_sample_variance": (lambda forecast, residuals: np.exp(forecast + residuals.var(ddof=1) / 2) - 1,),
}
_MEAN_PAIRS: dict[tuple[str, str], Answer] = {
    ("one_taken_first", "normal_half_variance"): lambda forecast, residuals: (
        np.expm1(forecast) * np.exp(residuals.var() / 2)
    ),
}


# --- back from differences of logarithms ---


def invert_log_difference(changes: Floats, last: float) -> Floats:
    """Units from forecast differences of log1p(units), after a last known week of ``last`` units."""
    return np.expm1(np.log1p(last) + np.cumsum(changes))


def _invert_stub(changes: Floats, last: float) -> Any:
    return ...


def _invert_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    return [
        (np.array([np.log(2.0), 0.0, -np.log(2.0)]), 9.0),
        (rng.normal(0.0, 0.4, 6), 25.0),
        (rng.normal(0.1, 0.3, 4), 0.0),
    ]


_INVERT_MISTAKES: dict[str, tuple[Answer, str]] = {
    "order_of_operations": (
        lambda changes, last: last + np.cumsum(np.expm1(changes)),
        "The operations are in the wrong order. Last applied is first undone: the series was logged, then"
        " differenced; so add up first, and leave the logarithm last.",
    ),
    "exp_after_each_change": (
        lambda changes, last: last * np.cumprod(np.exp(changes)),
        "You multiply the units by exp(change). That undoes a difference of log(y), but this was log(1 + y): with"
        " few units the one matters, and from zero you would never come back.",
    ),
    "forgets_expm1": (
        lambda changes, last: np.log1p(last) + np.cumsum(changes),
        "These are still logarithms: nobody can order 2.7 log units. Undo log1p at the end.",
    ),
    "exp_for_expm1": (
        lambda changes, last: np.exp(np.log1p(last) + np.cumsum(changes)),
        "Every forecast is one unit too high: log1p added a one, and exp does not take it away. Its inverse is expm1.",
    ),
    "forgets_last_level": (
        lambda changes, last: np.expm1(np.cumsum(changes)),
        "You add up the changes but start from zero. A difference tells how far it goes, not from where: begin at"
        " the last known week.",
    ),
    "level_not_logged": (
        lambda changes, last: np.expm1(last + np.cumsum(changes)),
        "The last known week is in units, the changes are in logarithms: bring it to their scale before you add.",
    ),
    "level_added_in_units": (
        lambda changes, last: last + np.expm1(np.cumsum(changes)),
        "You leave the logarithm and then add the last week in units. A change of logarithms is a *factor*, and 9 units"
        " move further by it than one unit: add log1p(last) while all is still in logarithms, and leave them last.",
    ),
    "no_cumsum": (
        lambda changes, last: np.expm1(np.log1p(last) + changes),
        "Each change is counted from the last known week. The second change starts where the first one ended: add"
        " them up.",
    ),
    "last_week_returned_too": (
        lambda changes, last: np.concatenate([[last], invert_log_difference(changes, last)]),
        "You return H + 1 values: the last known week stands in front. It is known already; return the H forecast weeks"
        " alone.",
    ),
}


EXERCISES = (
    Exercise(
        "01b.same_memory",
        solution=same_memory,
        stub=_memory_stub,
        cases=_memory_cases,
        mistakes=_MEMORY_MISTAKES,
        also=_MEMORY_ALSO,
        pairs=_MEMORY_PAIRS,
        praise="Seven days of your alpha forget as much as one week of the other.",
    ),
    Exercise(
        "01b.invert_log_difference",
        solution=invert_log_difference,
        stub=_invert_stub,
        cases=_invert_cases,
        mistakes=_INVERT_MISTAKES,
        pairs={
            ("no_cumsum", "exp_for_expm1"): lambda changes, last: np.exp(np.log1p(last) + changes),
            ("level_added_in_units", "exp_for_expm1"): lambda changes, last: last + np.exp(np.cumsum(changes)),
        },
        praise="Last applied, first undone. The package's Chain does it for every series.",
    ),
    Exercise(
        "01b.mean_from_logs",
        solution=mean_from_logs,
        stub=_mean_stub,
        cases=_mean_cases,
        mistakes=_MEAN_MISTAKES,
        also=_MEAN_ALSO,
        pairs=_MEAN_PAIRS,
        praise="A mean adds up. The package's back_from_logs gives it beside the median.",
    ),
)
