"""Defines lesson 01's exercises: a robust score, zeros that are facts, a leak test, and a mean known on Monday."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise
from ecomlib.course.exercises.leak_test import LEAK_TEST

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


# --- robust z-score ---


def _z(values: Floats, centre: float, spread: float) -> Floats:
    return (values - centre) / spread


def _mad(values: Floats) -> float:
    return float(np.median(np.abs(values - np.median(values))))


def robust_z(values: Floats) -> Floats:
    """Distance from the median in units of 1.4826 times the median absolute deviation."""
    return _z(values, float(np.median(values)), 1.4826 * _mad(values))


def _z_stub(values: Floats) -> Any:
    return ...


def _z_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    heavy = rng.gamma(2.0, 5.0, 41)
    heavy[7] = 400.0
    return [(np.array([1.0, 2.0, 3.0, 5.0, 100.0]),), (rng.normal(20.0, 4.0, 30),), (heavy,)]


_Z_MISTAKES: dict[str, tuple[Answer, str]] = {
    "mean_and_sd": (
        lambda values: _z(values, values.mean(), values.std()),
        "This is the ordinary z-score. The outlier moves the mean and swells the standard deviation, and so hides"
        " itself: among five values no such score can be above 2 (1.8 with n - 1). Use the median for both jobs.",
    ),
    "mean_and_sample_sd": (
        lambda values: _z(values, values.mean(), values.std(ddof=1)),
        "This is the ordinary z-score with n - 1. The outlier still moves the mean and swells the standard"
        " deviation. Use the median for both jobs.",
    ),
    "no_constant": (
        lambda values: _z(values, float(np.median(values)), _mad(values)),
        "Median and MAD are right, but the scale is not that of a standard deviation: for normal values the MAD is only"
        " 0.67 of it, so every score is too large by half. Which constant repairs that?",
    ),
    "divided_by_constant": (
        lambda values: _z(values, float(np.median(values)), _mad(values) / 1.4826),
        "The constant stands on the wrong side: the MAD is smaller than the standard deviation, so it must be made"
        " larger.",
    ),
    "median_and_sd": (
        lambda values: _z(values, float(np.median(values)), values.std()),
        "The centre is right. The standard deviation is not robust: the outlier swells it and so hides itself. Take the"
        " median of the distances from the median.",
    ),
    "median_and_sample_sd": (
        lambda values: _z(values, float(np.median(values)), values.std(ddof=1)),
        "The centre is right. A standard deviation with n - 1 is swollen by the outlier as well. Take the median of the"
        " distances from the median.",
    ),
    "median_and_scaled_sd": (
        lambda values: _z(values, float(np.median(values)), 1.4826 * values.std()),
        "1.4826 turns a *MAD* into a standard deviation; you multiplied a standard deviation by it, which the outlier"
        " has swollen. Take the median of the distances from the median.",
    ),
    "quartiles": (
        lambda values: _z(
            values, float(np.median(values)), float(np.subtract(*np.quantile(values, [0.75, 0.25]))) / 1.349
        ),
        "This is a robust score by the distance between the quartiles. It is a good one, but the task asks for the"
        " median of the distances from the median (MAD).",
    ),
    "mean_deviation": (
        lambda values: _z(values, float(np.median(values)), 1.4826 * np.abs(values - np.median(values)).mean()),
        "You took the mean of the absolute deviations, and one outlier moves a mean as far as it likes. Take their"
        " median.",
    ),
    "centre_mean": (
        lambda values: _z(values, values.mean(), 1.4826 * float(np.median(np.abs(values - values.mean())))),
        "The spread is a median, but the centre is still the mean, which the outlier has dragged along.",
    ),
    "mean_in_numerator": (
        lambda values: _z(values, values.mean(), 1.4826 * _mad(values)),
        "The spread is right, but you measure the distance from the mean, which the outlier has dragged along. Measure"
        " it from the median.",
    ),
    "absolute": (
        lambda values: np.abs(robust_z(values)),
        "The sizes are right, the signs are gone: a score below zero says that a value is small. Take the absolute"
        " value inside the MAD only.",
    ),
    "absolute_mean": (
        lambda values: np.abs(_z(values, values.mean(), 1.4826 * _mad(values))),
        "Two things: the distance is measured from the mean, and its sign is gone. The score is a signed distance from"
        " the median.",
    ),
}


# --- zeros that are facts ---


def zero_fill(units: Floats, launch: int, in_stock: Bools) -> Floats:
    """Zero where nothing was sold although it could be; missing stays missing elsewhere."""
    could_sell = (np.arange(len(units)) >= launch) & in_stock
    return np.where(np.isnan(units) & could_sell, 0.0, units)


def _fill_stub(units: Floats, launch: int, in_stock: Bools) -> Any:
    return ...


def _fill_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    gap = np.nan
    small = np.array([gap, gap, 3.0, gap, gap, 2.0])
    stock = np.array([True, True, True, True, False, True])
    longer = np.where(rng.random(30) < 0.5, gap, rng.poisson(4.0, 30) + 1.0)
    longer[:8] = gap  # on offer from week 5 on, first sold in week 8
    shelf = rng.random(30) < 0.7
    shelf[:8], shelf[8] = True, False
    longer[8] = 5.0  # sold out within the week: what was sold stays
    ahead = np.array([gap, 1.0, gap, gap, 4.0])  # ordered ahead of the launch
    return [(small, 2, stock), (longer, 5, shelf), (ahead, 2, np.ones(5, dtype=bool))]


def _after_launch(units: Floats, launch: int, in_stock: Bools) -> Floats:
    return np.where(np.isnan(units) & (np.arange(len(units)) >= launch), 0.0, units)


def _after_first_sale(units: Floats, launch: int, in_stock: Bools) -> Floats:
    first = int(np.argmax(~np.isnan(units)))
    return zero_fill(units, first + 1, in_stock)


_FILL_MISTAKES: dict[str, tuple[Answer, str]] = {
    "everywhere": (
        lambda units, launch, in_stock: np.nan_to_num(units),
        "You wrote zeros before the launch and over empty shelves as well. A product that did not exist was not"
        " refused by anybody.",
    ),
    "before_launch": (
        lambda units, launch, in_stock: np.where(np.isnan(units) & in_stock, 0.0, units),
        "There are zeros before the launch. They drag the mean of every newcomer towards zero. Start at week `launch`.",
    ),
    "over_stock_outs": (
        _after_launch,
        "There are zeros in weeks with an empty shelf. What customers wanted then is unknown, and unknown is NaN,"
        " not zero.",
    ),
    "launch_week_left_out": (
        lambda units, launch, in_stock: zero_fill(units, launch + 1, in_stock),
        "The week of the launch itself belongs to the product's life: use >=, not >.",
    ),
    "after_first_sale": (
        _after_first_sale,
        "You began at the first sale. Between launch and first sale the product was on offer and nobody bought it:"
        " those zeros are facts.",
    ),
    "sales_overwritten": (
        lambda units, launch, in_stock: np.where((np.arange(len(units)) >= launch) & in_stock, 0.0, units),
        "You overwrote real sales with zeros: every week that could sell became a zero. Fill only where units is NaN.",
    ),
    "sales_overwritten_everywhere": (
        lambda units, launch, in_stock: np.where(np.arange(len(units)) >= launch, 0.0, units),
        "You overwrote real sales with zeros, and empty shelves too. Fill only where units is NaN *and* the product was"
        " on the shelf.",
    ),
    "in_stock_inverted": (
        lambda units, launch, in_stock: zero_fill(units, launch, ~in_stock),
        "The shelf is the wrong way round: you wrote zeros where it was empty and left the weeks in which nobody bought"
        " although they could. `in_stock` is True where there was something to buy.",
    ),
    "launch_inverted": (
        lambda units, launch, in_stock: np.where(
            np.isnan(units) & (np.arange(len(units)) < launch) & in_stock, 0.0, units
        ),
        "You filled the weeks *before* the launch. A zero is a fact from week `launch` on.",
    ),
    "sale_ahead_wiped": (
        lambda units, launch, in_stock: np.where(
            np.arange(len(units)) >= launch, zero_fill(units, launch, in_stock), np.nan
        ),
        "The zeros are right, but a sale before the launch is gone: somebody ordered ahead, and it stands in the books."
        " Leave every sale as it is.",
    ),
    "zeros_made_missing": (
        lambda units, launch, in_stock: np.where((np.arange(len(units)) >= launch) & in_stock, units, np.nan),
        "Nothing was filled, and known sales were thrown away. The task is to write zeros where nothing was sold"
        " although it could be, and to leave the rest as it is.",
    ),
    "sold_out_weeks_lost": (
        lambda units, launch, in_stock: np.where(
            (np.arange(len(units)) >= launch) & in_stock, np.nan_to_num(units), np.nan
        ),
        "You threw away sales of weeks in which the shelf became empty. What was sold is known; only what was not"
        " sold is in doubt.",
    ),
}


_FILL_ALSO: dict[str, tuple[Answer, ...]] = {
    "sales_overwritten": (
        lambda units, launch, in_stock: np.where((np.arange(len(units)) >= launch) & in_stock, 0.0, np.nan),
    ),
    "sold_out_weeks_lost": (
        lambda units, launch, in_stock: np.where(in_stock, _after_launch(units, launch, in_stock), np.nan),
    ),
}


# --- a rolling mean that is known on Monday ---


def rolling_mean(y: Floats, window: int) -> Floats:
    """Mean of the ``window`` weeks before each week; NaN until that many are known."""
    out = np.full(len(y), np.nan)
    for week in range(window, len(y)):
        out[week] = y[week - window : week].mean()
    return out


def _rolling_stub(y: Floats, window: int) -> Any:
    return ...


def _rolling_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    return [
        (np.array([2.0, 4.0, 6.0, 8.0, 1.0]), 3),
        (rng.poisson(9.0, 25).astype(float), 5),
        (rng.gamma(2.0, 3.0, 12), 3),
    ]


def _includes_today(y: Floats, window: int) -> Floats:
    out = np.full(len(y), np.nan)
    for week in range(window - 1, len(y)):
        out[week] = y[week - window + 1 : week + 1].mean()
    return out


def _centred(y: Floats, window: int) -> Floats:
    half, out = window // 2, np.full(len(y), np.nan)
    for week in range(half, len(y) - half):
        out[week] = y[week - half : week + half + 1].mean()
    return out


def _looks_ahead(y: Floats, window: int) -> Floats:
    return rolling_mean(y[::-1], window)[::-1]


def _partial(y: Floats, window: int) -> Floats:
    out = np.full(len(y), np.nan)
    for week in range(1, len(y)):
        out[week] = y[max(0, week - window) : week].mean()
    return out


def _of_all(y: Floats, window: int) -> Floats:
    return np.array([y[:week].mean() if week >= window else np.nan for week in range(len(y))])


def _one_short(first: int) -> Answer:
    """The mean of one week less than asked for, from week ``first`` of the window on."""

    def mean(y: Floats, window: int) -> Floats:
        out = np.full(len(y), np.nan)
        for week in range(window, len(y)):
            out[week] = y[week - window + first : week - 1 + first].mean()
        return out

    return mean


_ROLLING_MISTAKES: dict[str, tuple[Answer, str]] = {
    "includes_today": (
        _includes_today,
        "Your mean for a week contains that week's own sales. On Monday morning they have not happened: this is what"
        " `rolling(window).mean()` gives without `shift(1)`.",
    ),
    "centred": (
        _centred,
        "Your window is centred: half of it lies in the future. It smooths beautifully and cannot be used on Monday.",
    ),
    "looks_ahead": (
        _looks_ahead,
        "Your window lies in the future: the shift has the wrong sign, or the array is turned around.",
    ),
    "shift_minus_one": (
        lambda y, window: pd.Series(y).shift(-1).rolling(window).mean().to_numpy(),
        "shift(-1) brings *next* week's sales to this week: your mean reads the future. To move the past forward, the"
        " shift is positive.",
    ),
    "nan_to_zero": (
        lambda y, window: np.nan_to_num(rolling_mean(y, window)),
        "You wrote 0 where too few weeks are known. A zero says that nothing was sold, and nobody knows that: leave"
        " NaN.",
    ),
    "zeros_before_the_start": (
        lambda y, window: pd.Series(y).shift(1).fillna(0).rolling(window).mean().to_numpy(),
        "You filled the week before the first one with 0 and averaged it in. That week is unknown, not empty: leave"
        " NaN.",
    ),
    "one_week_short": (
        _one_short(1),
        "Your mean has one week too few in it: `y[a:b]` ends before b, so the `window` weeks before week t are"
        " `y[t - window : t]`.",
    ),
    "all_weeks": (
        _of_all,
        "You average *all* weeks so far, not the last `window`: a level of two years ago still counts as much as last"
        " week's. Let old weeks drop out, with rolling.",
    ),
    "two_weeks_back": (
        lambda y, window: np.append([np.nan], rolling_mean(y, window)[:-1]),
        "Your window ends two weeks before. Last week is known on Monday, and it tells most: shift by one.",
    ),
    "partial": (
        _partial,
        "Where fewer than `window` weeks are known, the task asks for NaN: a mean of one week is much noisier than the"
        " others and would pass for one of them.",
    ),
}

_ROLLING_ALSO: dict[str, tuple[Answer, ...]] = {
    "shift_minus_one": (lambda y, window: pd.Series(y).rolling(window).mean().shift(-1).to_numpy(),),
    "one_week_short": (_one_short(0), lambda y, window: rolling_mean(y, window - 1)),
    "all_weeks": (lambda y, window: np.array([y[:week].mean() if week else np.nan for week in range(len(y))]),),
}
_ROLLING_PAIRS: dict[tuple[str, str], Answer] = {
    ("includes_today", "partial"): lambda y, window: pd.Series(y).rolling(window, min_periods=1).mean().to_numpy(),
    ("includes_today", "all_weeks"): lambda y, window: pd.Series(y).expanding(window).mean().to_numpy(),
}


EXERCISES = (
    Exercise(
        "01.robust_z",
        solution=robust_z,
        stub=_z_stub,
        cases=_z_cases,
        mistakes=_Z_MISTAKES,
        praise="The outlier no longer votes on what is normal.",
        rtol=1e-4,  # 1.4826 and its exact value are both right
    ),
    Exercise(
        "01.zero_fill",
        solution=zero_fill,
        stub=_fill_stub,
        cases=_fill_cases,
        mistakes=_FILL_MISTAKES,
        also=_FILL_ALSO,
        praise="Every zero you wrote is a fact; what nobody knows stays unknown.",
    ),
    Exercise(
        "01.rolling_mean",
        solution=rolling_mean,
        stub=_rolling_stub,
        cases=_rolling_cases,
        mistakes=_ROLLING_MISTAKES,
        also=_ROLLING_ALSO,
        pairs=_ROLLING_PAIRS,
        praise="This mean exists on Monday morning. In pandas: y.shift(1).rolling(window).mean().",
    ),
    LEAK_TEST,
)
