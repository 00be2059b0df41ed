"""Defines lesson 11b's exercises: Croston's rate without its bias, the class of an item, a quantile of counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise

Floats = NDArray[np.float64]


# --- Croston's rate, corrected ---


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


def _croston_stub(y: Floats, alpha: float) -> Any:
    return ...


def _croston_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
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


_CROSTON_MISTAKES: dict[str, tuple[Answer, str]] = {
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
    Exercise(
        "11b.croston_rate",
        solution=croston_rate,
        stub=_croston_stub,
        cases=_croston_cases,
        mistakes=_CROSTON_MISTAKES,
        also={
            "alpha_of_the_page": (lambda y, alpha: 0.95 * _ratio(y, 0.1), lambda y, alpha: _ratio(y, 0.1)),
            "chance_every_week": (_corrected(_tsb),),
        },
        pairs={
            ("no_correction", name): (lambda y, alpha, part=part: part(np.asarray(y, dtype=float), alpha))
            for name, part in _UNCORRECTED.items()
        },
        praise="Equal to statsforecast's CrostonSBA at alpha 0.1. It is a rate; it is no order yet.",
    ),
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
