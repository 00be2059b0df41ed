"""Defines lesson 00's exercise: an order quantity from a forecast and two costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Exercise

Floats = NDArray[np.float64]


def _at(levels: Floats, forecast: Floats, ratio: float) -> Floats:
    return np.array([np.interp(ratio, levels, row) for row in forecast])


def order_quantity(levels: Floats, forecast: Floats, c_u: float, c_o: float) -> Floats:
    """The newsvendor's quantity: the forecast's quantile at the critical ratio c_u / (c_u + c_o)."""
    return _at(levels, forecast, c_u / (c_u + c_o))


def _stub(levels: Floats, forecast: Floats, c_u: float, c_o: float) -> Any:
    return ...


def _mean(levels: Floats, forecast: Floats, c_u: float, c_o: float) -> Floats:
    return np.asarray(forecast.mean(axis=1))


def _median(levels: Floats, forecast: Floats, c_u: float, c_o: float) -> Floats:
    return _at(levels, forecast, 0.5)


def _inverted(levels: Floats, forecast: Floats, c_u: float, c_o: float) -> Floats:
    return _at(levels, forecast, c_o / (c_u + c_o))


def _not_a_share(levels: Floats, forecast: Floats, c_u: float, c_o: float) -> Floats:
    return _at(levels, forecast, c_u / c_o)


def _one_less(levels: Floats, forecast: Floats, c_u: float, c_o: float) -> Floats:
    return _at(levels, forecast, 1 - c_o / c_u)


def _inverted_not_a_share(levels: Floats, forecast: Floats, c_u: float, c_o: float) -> Floats:
    return _at(levels, forecast, c_o / c_u)


def _axes_swapped(levels: Floats, forecast: Floats, c_u: float, c_o: float) -> Floats:
    return np.array([np.interp(c_u / (c_u + c_o), row, levels) for row in forecast])


def _scaled_median(levels: Floats, forecast: Floats, c_u: float, c_o: float) -> Floats:
    return _at(levels, forecast, 0.5) * c_u / c_o


def _nearest(levels: Floats, forecast: Floats, c_u: float, c_o: float) -> Floats:
    return np.asarray(forecast[:, int(np.abs(levels - c_u / (c_u + c_o)).argmin())])


def _next(levels: Floats, forecast: Floats, c_u: float, c_o: float) -> Floats:
    return np.asarray(forecast[:, int(np.searchsorted(levels, c_u / (c_u + c_o)))])


def _rounded(levels: Floats, forecast: Floats, c_u: float, c_o: float) -> Floats:
    return order_quantity(levels, forecast, c_u, c_o).round()


def _quantile_of_quantiles(levels: Floats, forecast: Floats, c_u: float, c_o: float) -> Floats:
    return np.quantile(forecast, c_u / (c_u + c_o), axis=1)


def _whole_table(levels: Floats, forecast: Floats, c_u: float, c_o: float) -> Any:
    return np.interp(c_u / (c_u + c_o), levels, forecast)  # type: ignore[arg-type]


def _cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    levels = np.array([0.1, 0.25, 0.5, 0.75, 0.9])
    skewed = np.sort(rng.gamma(2.0, 10.0, (4, 5)), axis=1)
    return [
        (levels, np.array([[2.0, 5.0, 10.0, 20.0, 40.0]]), 2.0, 1.0),
        (levels, skewed, 3.0, 1.0),
        (levels, skewed, 1.0, 4.0),
        (levels, skewed, 5.0, 4.0),
    ]


EXERCISES = (
    Exercise(
        "00.order_quantity",
        solution=order_quantity,
        stub=_stub,
        cases=_cases,
        mistakes={
            "mean": (
                _mean,
                "This is the mean of the quantiles, and it ignores both costs: with a shortage that costs three times"
                " as much it runs out too often. Which quantile makes the two expected costs equal?",
            ),
            "median": (
                _median,
                "This is the median, which is right only when both mistakes cost the same. Let c_u and c_o choose the"
                " quantile.",
            ),
            "inverted": (
                _inverted,
                "The ratio is the wrong way round: the dearer a shortage is, the more you should order; yours"
                " falls. The unit too few stands in the numerator.",
            ),
            "not_a_share": (
                _not_a_share,
                "c_u / c_o is not a share: it can be above one, and no quantile is. Divide by the sum of both costs.",
            ),
            "one_less_ratio": (
                _one_less,
                "1 - c_o / c_u falls below zero as soon as a unit too many costs more than one too few, and no quantile"
                " does. Divide by the sum of both costs.",
            ),
            "inverted_not_a_share": (
                _inverted_not_a_share,
                "Two things: c_o / c_u falls when a shortage grows dearer, and it can be above one. What is"
                " short stands in the numerator, the sum of both costs below.",
            ),
            "axes_swapped": (
                _axes_swapped,
                "np.interp got its arguments in the wrong order: it returns a level, a share between 0 and 1, not"
                " units. First where to read, then the levels, then the quantities at these levels.",
            ),
            "scaled": (
                _scaled_median,
                "Multiplying the median by the ratio of the costs forgets how uncertain the product is: a steady seller"
                " needs almost no reserve. Read the forecast at another quantile instead.",
            ),
            "nearest": (
                _nearest,
                "You take the nearest level that is there. The critical ratio mostly lies between two levels: go there"
                " in a straight line, with np.interp.",
            ),
            "next": (
                _next,
                "You take the next level above. The critical ratio mostly lies between two levels: go there in a"
                " straight line, with np.interp.",
            ),
            "rounded": (_rounded, "Right, but rounded: return the quantities as they are; the shop rounds at the end."),
            "quantile_of_quantiles": (
                _quantile_of_quantiles,
                "np.quantile treats a row as five observations. It holds quantiles already, at the levels given: read"
                " it at the critical ratio with np.interp.",
            ),
            "whole_table": (
                _whole_table,
                "np.interp reads one row at a time, and forecast has n of them: loop over the rows and collect"
                " the results.",
            ),
        },
        praise="This is the newsvendor's rule (Arrow, Harris and Marschak, 1951): the costs choose the quantile.",
    ),
)
