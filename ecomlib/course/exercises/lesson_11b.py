"""Defines lesson 11b's exercises: the class of an item, a quantile of counts; the first is in ``croston_rate``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise
from ecomlib.course.exercises.croston_rate import CROSTON

Floats = NDArray[np.float64]


# --- the class of an item ---


def demand_class(y: Floats) -> tuple[float, float, str]:
    """Weeks a sale, the squared coefficient of variation of the sales' sizes, and the class of Syntetos and Boylan."""
    values = np.asarray(y, dtype=float)
    sold = values[values > 0]
    return _classed(len(values) / len(sold), float((sold.std() / sold.mean()) ** 2))


def _classed(interval: float, spread: float, long: float = 1.32, large: float = 0.49) -> tuple[float, float, str]:
    words = ("smooth", "erratic", "intermittent", "lumpy")
    return interval, spread, words[2 * (interval >= long) + (spread >= large)]


def _class_stub(y: Floats) -> Any:
    return ...


def _class_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    return [
        (np.array([0.0, 6, 0, 0, 1, 0]),),
        (np.array([3.0, 4, 3, 5, 0, 4, 3, 4, 3, 4]),),
        (np.array([1.0, 1, 12, 1, 2, 1, 0, 1, 9, 1]),),
        (np.array([0.0, 3, 0, 2, 0, 0, 3, 0, 0, 0]),),
        (np.array([2.0, 0, 1, 2, 1, 0, 2, 1]),),
        (np.array([6.0, 1, 0, 2, 6, 1, 0, 5, 1, 7]),),
        (np.array([0.0, 5, 1, 0, 9, 0, 0, 2, 1, 0, 0, 0]),),
    ]


def _class_by(part: Callable[[Floats, Floats], tuple[float, float]], **limits: float) -> Answer:
    """From (all weeks, weeks with a sale) to interval and spread, then the class."""

    def answer(y: Floats) -> tuple[float, float, str]:
        values = np.asarray(y, dtype=float)
        return _classed(*part(values, values[values > 0]), **limits)

    return answer


def _cv2(sold: Floats, ddof: int = 0) -> float:
    return float((sold.std(ddof=ddof) / sold.mean()) ** 2)


def _words(order: Sequence[str]) -> Answer:
    def answer(y: Floats) -> tuple[float, float, str]:
        interval, spread, word = demand_class(y)
        return interval, spread, order[("smooth", "erratic", "intermittent", "lumpy").index(word)]

    return answer


def _mean_gap(y: Floats) -> float:
    place = np.flatnonzero(y > 0)
    return float(np.diff(place).mean()) if len(place) > 1 else float(len(y))


def _round(y: Floats, first: int, second: int) -> tuple[float, float, str]:
    interval, spread, word = demand_class(y)
    return round(interval, first), round(spread, second), word


def _sample(sold: Floats) -> float:
    return _cv2(sold, 1) if len(sold) > 1 else 0.0


def _either(y: Floats) -> tuple[float, float, str]:
    interval, spread, _ = demand_class(y)
    word = "lumpy" if interval >= 1.32 or spread >= 0.49 else "smooth"
    return interval, spread, word


_CLASS_MISTAKES: dict[str, tuple[Answer, str]] = {
    "not_squared": (
        _class_by(lambda y, sold: (len(y) / len(sold), float(sold.std() / sold.mean()))),
        "Your second number is the coefficient of variation. The limit 0.49 is for its square.",
    ),
    "zeros_in_the_spread": (
        _class_by(lambda y, sold: (len(y) / len(sold), _cv2(y))),
        "Your spread is that of all weeks, zeros included. Take the weeks with a sale alone: how often it"
        " sells is in the"
        " interval.",
    ),
    "sample_variance": (
        _class_by(lambda y, sold: (len(y) / len(sold), _sample(sold))),
        "Your variance is divided by n - 1 (pandas does that by itself). Here it is divided by n: ddof=0.",
    ),
    "variance_over_mean": (
        _class_by(lambda y, sold: (len(y) / len(sold), float(sold.var() / sold.mean()))),
        "You divided the variance by the mean. It is the standard deviation over the mean, squared: variance / mean².",
    ),
    "share_of_sales": (
        _class_by(lambda y, sold: (len(sold) / len(y), _cv2(sold))),
        "Your interval is upside down: weeks over weeks with a sale, at least 1.",
    ),
    "share_of_zeros": (
        _class_by(lambda y, sold: (1 - len(sold) / len(y), _cv2(sold))),
        "Your first number is the share of weeks without a sale. Asked are weeks a sale: all weeks over"
        " weeks with one.",
    ),
    "zeros_over_sales": (
        _class_by(lambda y, sold: ((len(y) - len(sold)) / len(sold), _cv2(sold))),
        "You divided the empty weeks by those with a sale. An item that sells every week has the interval"
        " 1, not 0: divide"
        " all weeks.",
    ),
    "until_the_last_sale": (
        _class_by(lambda y, sold: ((np.flatnonzero(y > 0)[-1] + 1) / len(sold), _cv2(sold))),
        "You counted weeks up to the last sale. The weeks after it count, too: all weeks over weeks with a sale.",
    ),
    "units_a_week": (
        _class_by(lambda y, sold: (float(sold.sum()) / len(y), _cv2(sold))),
        "Your first number is units a week, a rate. Asked are weeks a sale: all weeks over weeks with one.",
    ),
    "variance_alone": (
        _class_by(lambda y, sold: (len(y) / len(sold), float(sold.var()))),
        "Your second number is the variance. Divide it by the squared mean: a spread has no unit.",
    ),
    "weeks_over_units": (
        _class_by(lambda y, sold: (len(y) / float(sold.sum()), _cv2(sold))),
        "You divided by the units sold. Divide by the number of weeks with a sale.",
    ),
    "gaps_inside": (
        _class_by(lambda y, sold: (_mean_gap(y), _cv2(sold))),
        "You averaged the gaps between the first sale and the last. The weeks before and after count too:"
        " all weeks over"
        " weeks with a sale.",
    ),
    "limits_swapped": (
        _class_by(lambda y, sold: (len(y) / len(sold), _cv2(sold)), long=0.49, large=1.32),
        "The limits have changed places: 1.32 is the interval's, 0.49 the spread's.",
    ),
    "names_swapped": (
        _words(("smooth", "intermittent", "erratic", "lumpy")),
        "Numbers right, names not: often and in unlike amounts is erratic; seldom and in like amounts is intermittent.",
    ),
    "either_is_lumpy": (
        _either,
        "Lumpy needs both: a long interval and a large spread. One alone is intermittent, or erratic.",
    ),
    "order_of_the_numbers": (
        lambda y: tuple(demand_class(y)[place] for place in (1, 0, 2)),
        "Right, but in another order: first weeks over weeks with a sale, then the spread, then the class.",
    ),
    "class_alone": (
        lambda y: demand_class(y)[2],
        "The class is right. Return three things: the interval, the spread and the class.",
    ),
    "capital_letter": (
        lambda y: (*demand_class(y)[:2], demand_class(y)[2].capitalize()),
        'The class begins with a small letter: "lumpy".',
    ),
    "rounded": (
        lambda y: _round(y, 3, 3),
        "Right, but rounded. Return the numbers as they are; only the page shows three digits.",
    ),
    "upside_down": (
        _words(("lumpy", "intermittent", "erratic", "smooth")),
        "Numbers right, but your comparisons point the other way: a long interval and a large spread make it lumpy.",
    ),
}


# --- a quantile of counts ---


def count_quantile(mean: Floats, variance: Floats, share: float) -> Floats:
    """The quantile of the negative binomial with these means and variances, in whole units."""
    from scipy.stats import nbinom

    m, v = np.asarray(mean, dtype=float), np.asarray(variance, dtype=float)
    return np.asarray(nbinom.ppf(share, m**2 / (v - m), m / v), dtype=float)


def _quantile_stub(mean: Floats, variance: Floats, share: float) -> Any:
    return ...


def _quantile_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    mean = np.array([0.5, 2.0, 4.0])
    many = np.exp(rng.uniform(-1.0, 3.0, 40))
    more = np.exp(rng.uniform(1.0, 4.0, 40))
    return [
        (mean, np.array([2.0, 10.0, 12.0]), 0.9),
        (many, many + rng.uniform(0.5, 3.0, 40) * many**2, 0.75),
        (more, more + rng.uniform(0.2, 1.5, 40) * more**2, 0.9),
    ]


def _nb(size: Callable[[Floats, Floats], Floats], chance: Callable[[Floats, Floats], Floats]) -> Answer:
    def answer(mean: Floats, variance: Floats, share: float) -> Floats:
        from scipy.stats import nbinom

        m, v = np.asarray(mean, dtype=float), np.asarray(variance, dtype=float)
        return np.asarray(nbinom.ppf(share, size(m, v), chance(m, v)), dtype=float)

    return answer


def _normal(mean: Floats, variance: Floats, share: float) -> Floats:
    from scipy.stats import norm

    return np.asarray(mean + norm.ppf(share) * np.sqrt(variance), dtype=float)


def _normal_of_variance(mean: Floats, variance: Floats, share: float) -> Floats:
    from scipy.stats import norm

    return np.asarray(mean + norm.ppf(share) * variance, dtype=float)


def _poisson(mean: Floats, variance: Floats, share: float) -> Floats:
    from scipy.stats import poisson

    return np.asarray(poisson.ppf(share, mean), dtype=float)


def _cdf(mean: Floats, variance: Floats, share: float) -> Floats:
    from scipy.stats import nbinom

    m, v = np.asarray(mean, dtype=float), np.asarray(variance, dtype=float)
    return np.asarray(nbinom.cdf(share, m**2 / (v - m), m / v), dtype=float)


def _gamma(mean: Floats, variance: Floats, share: float) -> Floats:
    from scipy.stats import gamma

    return np.asarray(gamma.ppf(share, mean**2 / variance, scale=variance / mean), dtype=float)


_QUANTILE_MISTAKES: dict[str, tuple[Answer, str]] = {
    "poisson": (
        _poisson,
        "This is Poisson's quantile, whose variance is the mean. Yours is larger: the order is too small"
        " where it matters.",
    ),
    "normal": (
        _normal,
        "Mean plus z standard deviations is the normal law's quantile. Counts near zero are not symmetric: half of that"
        " law's low side lies below zero.",
    ),
    "normal_rounded_up": (
        lambda mean, variance, share: np.ceil(_normal(mean, variance, share)),
        "Whole numbers, but of the normal law. Counts near zero are not symmetric: take the negative binomial.",
    ),
    "normal_with_the_variance": (
        _normal_of_variance,
        "You added z variances, of the normal law. It is the wrong law, and a quantile moves by standard deviations.",
    ),
    "chance_turned": (
        _nb(lambda m, v: m**2 / (v - m), lambda m, v: 1 - m / v),
        "Your chance is the other one: scipy's p is mean / variance; you gave it 1 - mean / variance.",
    ),
    "variance_taken_for_excess": (
        _nb(lambda m, v: m**2 / v, lambda m, v: m / (m + v)),
        "You took the variance for what lies above Poisson. n is mean² / (variance - mean), p is mean / variance.",
    ),
    "size_without_excess": (
        _nb(lambda m, v: m**2 / v, lambda m, v: m / v),
        "p is right, n is not: divide mean² by the excess, variance - mean, not by the variance.",
    ),
    "alpha_for_size": (
        _nb(lambda m, v: (v - m) / m**2, lambda m, v: m / v),
        "Your n is its inverse, the dispersion α. n is mean² / (variance - mean).",
    ),
    "alpha_for_size_throughout": (
        _nb(lambda m, v: (v - m) / m**2, lambda m, v: 1 / (1 + m / ((v - m) / m**2))),
        "You used the dispersion α where scipy wants n = 1 / α, in n and in p.",
    ),
    "mean_for_size": (
        _nb(lambda m, v: m, lambda m, v: m / v),
        "Your n is the mean. It is mean² / (variance - mean); only then are mean and variance what you were given.",
    ),
    "as_they_come": (
        _nb(lambda m, v: m, lambda m, v: v),
        "scipy's n and p are not the mean and the variance. Solve its two equations: p is mean / variance.",
    ),
    "places_swapped": (
        _nb(lambda m, v: m / v, lambda m, v: m**2 / (v - m)),
        "Right numbers in the wrong places: nbinom.ppf(share, n, p), with p the chance, at most 1.",
    ),
    "chance_upside_down": (
        _nb(lambda m, v: m**2 / (v - m), lambda m, v: v / m),
        "Your p is above 1, and scipy answers nan. It is mean / variance.",
    ),
    "size_upside_down": (
        _nb(lambda m, v: v - m, lambda m, v: m / v),
        "p is right. From mean = n (1 - p) / p follows n = mean p / (1 - p); you multiplied by (1 - p) / p.",
    ),
    "alpha_without_the_square": (
        _nb(lambda m, v: m / (v - m), lambda m, v: 1 / (1 + v - m)),
        "Your dispersion is (variance - mean) / mean. The variance is mean + alpha mean²: divide by the squared mean.",
    ),
    "size_rounded": (
        _nb(lambda m, v: np.ceil(m**2 / (v - m)), lambda m, v: m / v),
        "You rounded n. It need not be whole; only the quantile is.",
    ),
    "chance_of_the_share": (
        lambda mean, variance, share: _cdf(mean, variance, share),
        "This is a chance: cdf goes from units to a share. You need the way back, ppf.",
    ),
    "standard_deviation": (
        lambda mean, variance, share: count_quantile(mean, np.maximum(np.sqrt(variance), mean * (1 + 1e-9)), share),
        "You took a root: the second argument is the variance already, not the standard deviation.",
    ),
    "variance_squared": (
        lambda mean, variance, share: count_quantile(mean, np.asarray(variance, dtype=float) ** 2, share),
        "You squared the second argument: it is the variance already, not a standard deviation.",
    ),
    "other_tail": (
        lambda mean, variance, share: count_quantile(mean, variance, 1 - share),
        "This is the quantile of 1 - share: the amount that is exceeded nearly always. Take ppf(share),"
        " not isf(share).",
    ),
    "gamma": (
        _gamma,
        "A gamma law with this mean and variance has no whole numbers, and no weeks at zero. Take the"
        " negative binomial.",
    ),
    "one_too_many": (
        lambda mean, variance, share: count_quantile(mean, variance, share) + 1,
        "One too many: ppf is already the smallest whole number that holds the share.",
    ),
    "the_mean": (
        lambda mean, variance, share: np.asarray(mean, dtype=float),
        "This is the mean. It knows nothing of the share.",
    ),
}


EXERCISES = (
    CROSTON,
    Exercise(
        "11b.demand_class",
        solution=demand_class,
        stub=_class_stub,
        cases=_class_cases,
        mistakes=_CLASS_MISTAKES,
        also={
            "zeros_in_the_spread": (
                _class_by(lambda y, sold: (len(y) / len(sold), float(sold.var() / y.mean() ** 2))),
                _class_by(lambda y, sold: (len(y) / len(sold), float(y.var() / sold.mean() ** 2))),
            ),
            "rounded": (lambda y: _round(y, 1, 3), lambda y: _round(y, 2, 2), lambda y: _round(y, 1, 2)),
        },
        pairs={
            ("not_squared", "sample_variance"): _class_by(
                lambda y, sold: (len(y) / len(sold), float(np.sqrt(_sample(sold))))
            ),
            ("not_squared", "zeros_in_the_spread"): _class_by(
                lambda y, sold: (len(y) / len(sold), float(y.std() / y.mean()))
            ),
            ("zeros_in_the_spread", "sample_variance"): _class_by(lambda y, sold: (len(y) / len(sold), _cv2(y, 1))),
        },
        praise="Two numbers an item, and you know which method to try first.",
    ),
    Exercise(
        "11b.count_quantile",
        solution=count_quantile,
        stub=_quantile_stub,
        cases=_quantile_cases,
        mistakes=_QUANTILE_MISTAKES,
        also={
            "normal_rounded_up": (lambda mean, variance, share: np.rint(_normal(mean, variance, share)),),
            "size_rounded": (
                _nb(lambda m, v: np.rint(m**2 / (v - m)), lambda m, v: m / v),
                _nb(lambda m, v: np.maximum(np.rint(m**2 / (v - m)), 1), lambda m, v: m / v),
                _nb(lambda m, v: np.floor(m**2 / (v - m)), lambda m, v: m / v),
            ),
            "alpha_without_the_square": (_nb(lambda m, v: m / (v - m), lambda m, v: m / v),),
            "standard_deviation": (lambda mean, variance, share: count_quantile(mean, np.sqrt(variance), share),),
        },
        praise="From a rate and a spread to an order in whole units.",
    ),
)
