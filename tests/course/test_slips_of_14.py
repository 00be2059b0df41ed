"""Answers to lesson 14's exercises as a learner wrote them, from the page alone: each gets the hint that fits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ecomlib.course.exercises import find, judge


def row(idle: Callable[..., Any] | None = None, gone: Callable[..., Any] | None = None) -> Callable[..., Any]:
    """An answer of days d, cut c and window w with another first or second part."""

    def answer(d: np.ndarray, c: float, w: float) -> tuple[Any, Any]:
        first = (c - d[d < c].max()) if idle is None else idle(d, c, w)
        return first, int(not ((d >= c) & (d < c + w)).any()) if gone is None else int(gone(d, c, w))

    return answer


def chance(odds: Callable[..., Any], for_once: float = 1.0) -> Callable[..., Any]:
    """An answer with other odds, and another value for who has bought once."""
    return lambda x, t, T, r, alpha, a, b: np.where(
        x > 0, 1 / (1 + odds(np.maximum(x, 1), t, T, r, alpha, a, b)), for_once
    )


def product(factor: Callable[..., float], moments: Callable[..., Any] | None = None) -> Callable[..., float]:
    """An answer that multiplies something for each of some days."""

    def answer(d: np.ndarray, b: np.ndarray, at: float) -> float:
        days = np.unique(d[(b == 1) & (d <= at)]) if moments is None else moments(d, b, at)
        return float(np.prod([factor(d, b, day) for day in days]))

    return answer


def share(d: np.ndarray, b: np.ndarray, day: float) -> float:
    return float(((d == day) & (b == 1)).sum() / (d >= day).sum())


def tail(x: np.ndarray, a: float, b: float) -> np.ndarray:
    return np.asarray(a / (b + x - 1))


SLIPS: list[tuple[str, Callable[..., Any], str]] = [
    ("14.label", row(gone=lambda d, c, w: c - d[d < c].max() > w), "the_column_itself"),
    ("14.label", row(gone=lambda d, c, w: not (d > c).any()), "cut_counts_as_before and no_end_of_the_window"),
    ("14.label", row(gone=lambda d, c, w: not ((d >= c) & (d <= c + w)).any()), "window_too_long"),
    (
        "14.label",
        row(gone=lambda d, c, w: not ((d > c) & (d <= c + w)).any()),
        "cut_counts_as_before and window_too_long",
    ),
    ("14.label", row(gone=lambda d, c, w: not ((d >= c) & (d < w)).any()), "window_as_a_day"),
    ("14.label", row(gone=lambda d, c, w: ((d >= c) & (d < c + w)).sum()), "how_many_came"),
    (
        "14.label",
        row(gone=lambda d, c, w: not (d >= c).any() or d[d >= c].min() - d[d < c].max() > w),
        "window_from_the_last_order",
    ),
    ("14.label", row(idle=lambda d, c, w: d[d < c].max() - c), "sign"),
    (
        "14.label",
        row(idle=lambda d, c, w: np.diff(d[d < c]).mean() if (d < c).sum() > 1 else 0.0),
        "gap_between_orders",
    ),
    ("14.label", row(idle=lambda d, c, w: c - d[0]), "first_order"),
    (
        "14.alive",
        chance(lambda x, t, T, r, al, a, b: tail(x, a, b) * ((al + T) / (al + t)) ** (r * x)),
        "exponent_multiplied",
    ),
    ("14.alive", chance(lambda x, t, T, r, al, a, b: tail(x, a, b) * ((al + T) / (al + t))), "no_exponent"),
    (
        "14.alive",
        chance(lambda x, t, T, r, al, a, b: a / (a + b + x - 1) * ((al + T) / (al + t)) ** (r + x)),
        "mean_of_the_beta",
    ),
    (
        "14.alive",
        chance(lambda x, t, T, r, al, a, b: a / (b + x + 1) * ((al + T) / (al + t)) ** (r + x)),
        "without_minus_one",
    ),
    (
        "14.alive",
        chance(lambda x, t, T, r, al, a, b: a / b * ((al + T) / (al + t)) ** (r + x)),
        "orders_missing_in_the_odds",
    ),
    ("14.alive", chance(lambda x, t, T, r, al, a, b: 1 / (b + x - 1) * ((al + T) / (al + t)) ** (r + x)), "a_missing"),
    (
        "14.alive",
        chance(lambda x, t, T, r, al, a, b: tail(x, a, b) * ((al + T - t) / al) ** (r + x)),
        "silence_over_alpha",
    ),
    (
        "14.alive",
        chance(lambda x, t, T, r, al, a, b: (a / b + x - 1) * ((al + T) / (al + t)) ** (r + x)),
        "fraction_without_brackets",
    ),
    (
        "14.alive",
        chance(lambda x, t, T, r, al, a, b: tail(x, a, b) * (al + T / al + t) ** (r + x)),
        "fraction_without_brackets",
    ),
    (
        "14.alive",
        chance(lambda x, t, T, r, al, a, b: tail(x, a, b) * ((al + T) / (al + t)) ** (r + x), 0.0),
        "zero_for_those_who_bought_once",
    ),
    (
        "14.alive",
        lambda x, t, T, r, al, a, b: np.where(
            x > 1, 1 / (1 + tail(np.maximum(x, 1), a, b) * ((al + T) / (al + t)) ** (r + x)), 1.0
        ),
        "one_repeat_taken_for_none",
    ),
    (
        "14.silent",
        product(lambda d, b, day: 1 - share(d, b, day), lambda d, b, at: d[(b == 1) & (d <= at)]),
        "a_day_for_each_person",
    ),
    ("14.silent", product(lambda d, b, day: 1 - share(d, b, day), lambda d, b, at: np.unique(d[b == 1])), "no_end"),
    ("14.silent", product(share), "shares_back_multiplied"),
    (
        "14.silent",
        product(lambda d, b, day: 1 - ((d == day) & (b == 1)).sum() / ((d >= day) & (b == 1)).sum()),
        "censored_left_out",
    ),
    ("14.silent", product(lambda d, b, day: np.exp(-share(d, b, day))), "exponential"),
    (
        "14.silent",
        product(lambda d, b, day: 1 - share(d, 1 - b, day), lambda d, b, at: np.unique(d[(b == 0) & (d <= at)])),
        "back_read_the_other_way",
    ),
    ("14.silent", lambda d, b, at: (d > at).mean(), "censored_come_back"),
    ("14.silent", lambda d, b, at: 1 - b.mean(), "at_is_not_read"),
    ("14.silent", lambda d, b, at: ((d > at) | (b == 0)).sum(), "a_count"),
]


@pytest.mark.parametrize(("name", "answer", "mistake"), SLIPS, ids=[f"{slip[0]}-{slip[2]}" for slip in SLIPS])
def test_a_slip_has_its_hint(name: str, answer: Callable[..., Any], mistake: str) -> None:
    with np.errstate(all="ignore"):
        verdict = judge(find(name), answer)
    assert (verdict.status, verdict.mistake) == ("mistake", mistake), verdict.text


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("14.label", lambda d, c, w: (c - d[d < c][-1], len(d[(d >= c) & (d < c + w)]) == 0)),
        ("14.label", lambda d, c, w: [c - d[d < c].max(), np.int64(not ((d >= c) & (d < c + w)).any())]),
        ("14.alive", lambda x, *rest: pd.Series(find("14.alive").solution(x, *rest))),
        ("14.alive", lambda x, *rest: find("14.alive").solution(x, *rest).tolist()),
        ("14.silent", product(lambda d, b, day: 1 - share(d, b, day), lambda d, b, at: np.unique(d[d <= at]))),
    ],
)
def test_another_form_of_the_right_answer_is_right(name: str, answer: Callable[..., Any]) -> None:
    assert judge(find(name), answer).status == "right"
