"""Answers to lesson 11b's exercises as a learner wrote them, from the page alone: each gets the hint that fits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import nbinom

from ecomlib.course.exercises import find, judge, same


def week_by_week(alpha: float | None = None, reset: int = 0, correction: str = "1 - a / 2") -> Callable[..., float]:
    """Croston in the loop of the page."""

    def rate(y: np.ndarray, a: float) -> float:
        weight, size, gap, since = alpha or a, 0.0, 0.0, 0
        for units in y:
            since += 1
            if units > 0:
                size = units if size == 0 else weight * units + (1 - weight) * size
                gap = since if gap == 0 else weight * since + (1 - weight) * gap
                since = reset if reset >= 0 else since
        return float(eval(correction, {"a": a}) * size / gap)

    return rate


def ewm(adjust: bool) -> Callable[..., float]:
    def rate(y: np.ndarray, alpha: float) -> float:
        place = np.flatnonzero(y > 0)
        parts = [pd.Series(part).ewm(alpha=alpha, adjust=adjust) for part in (y[place], np.diff(place, prepend=-1))]
        size, gap = (part.mean().iloc[-1] for part in parts)
        return float((1 - alpha / 2) * size / gap)

    return rate


def classed(spread: Callable[[np.ndarray], float], words: type = str) -> Callable[..., Any]:
    def answer(y: np.ndarray) -> tuple[float, float, str]:
        interval, found = len(y) / (y > 0).sum(), spread(y)
        names = np.array(["smooth", "erratic", "intermittent", "lumpy"])
        return interval, found, words(names[2 * (interval >= 1.32) + (found >= 0.49)])

    return answer


def series(y: np.ndarray) -> pd.Series:
    return pd.Series(y[y > 0])


SLIPS: list[tuple[str, Callable[..., Any], str]] = [
    ("11b.croston_rate", week_by_week(alpha=0.1), "alpha_of_the_page"),
    ("11b.croston_rate", week_by_week(correction="0.95"), "correction_of_the_page"),
    ("11b.croston_rate", week_by_week(correction="1 + a / 2"), "correction_raises"),
    ("11b.croston_rate", week_by_week(correction="(1 - a) / 2"), "correction_brackets"),
    ("11b.croston_rate", week_by_week(reset=1), "one_too_long"),
    ("11b.croston_rate", week_by_week(reset=-1), "never_reset"),
    ("11b.croston_rate", week_by_week(reset=-1, correction="1"), "no_correction and never_reset"),
    ("11b.croston_rate", ewm(adjust=True), "started_at_zero"),
    ("11b.demand_class", classed(lambda y: series(y).var() / series(y).mean() ** 2), "sample_variance"),
    ("11b.demand_class", classed(lambda y: series(y).std() / series(y).mean()), "not_squared and sample_variance"),
    ("11b.demand_class", classed(lambda y: (y.std() / y.mean()) ** 2), "zeros_in_the_spread"),
    ("11b.demand_class", classed(lambda y: y[y > 0].var() / y.mean() ** 2), "zeros_in_the_spread"),
    ("11b.count_quantile", lambda m, v, s: nbinom.ppf(s, m, v), "as_they_come"),
    ("11b.count_quantile", lambda m, v, s: nbinom.ppf(s, m**2 / (v - m), v / m), "chance_upside_down"),
    ("11b.count_quantile", lambda m, v, s: nbinom.ppf(s, m * (1 - m / v) * v / m, m / v), "size_upside_down"),
    ("11b.count_quantile", lambda m, v, s: nbinom.cdf(s, m**2 / (v - m), m / v), "chance_of_the_share"),
]


@pytest.mark.parametrize(("name", "answer", "mistake"), SLIPS, ids=[f"{slip[0]}-{slip[2]}" for slip in SLIPS])
def test_a_slip_has_its_hint(name: str, answer: Callable[..., Any], mistake: str) -> None:
    with np.errstate(all="ignore"):
        verdict = judge(find(name), answer)
    assert (verdict.status, verdict.mistake) == ("mistake", mistake), verdict.text


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("11b.croston_rate", week_by_week()),
        ("11b.croston_rate", ewm(adjust=False)),
        ("11b.demand_class", classed(lambda y: y[y > 0].var() / y[y > 0].mean() ** 2)),
        ("11b.demand_class", classed(lambda y: y[y > 0].var() / y[y > 0].mean() ** 2, np.str_)),
        ("11b.count_quantile", lambda m, v, s: nbinom.ppf(s, m**2 / (v - m), 1 / (1 + (v - m) / m))),
    ],
)
def test_another_form_of_the_right_answer_is_right(name: str, answer: Callable[..., Any]) -> None:
    assert judge(find(name), answer).status == "right"


def test_a_word_from_an_array_is_that_word() -> None:
    assert same(np.str_("lumpy"), "lumpy") and not same(np.str_("lumpy"), "smooth")
