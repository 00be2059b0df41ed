"""Defines lesson 02b's exercise on a return rate from few lines, and the many ways to divide by something else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
# From (ordered_on, returned, today, wait): which lines count.
Lines = Callable[[Ints, Bools, int, int], Bools]


def return_rate(ordered_on: Ints, returned: Bools, today: int, wait: int, a: float, b: float) -> float:
    """(a + returned) / (a + b + lines) over the lines whose fate is known before ``today``."""
    known = ordered_on + wait < today
    return float((a + returned[known].sum()) / (a + b + known.sum()))


def _stub(ordered_on: Ints, returned: Bools, today: int, wait: int, a: float, b: float) -> Any:
    return ...


def _cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    days = np.sort(rng.integers(0, 300, 40))
    days[20] = 170  # day 200 less the wait of 30: known only after today
    back = rng.random(40) < 0.3
    back[20] = True
    return [
        (np.array([1, 5, 20, 45, 62]), np.array([True, False, True, True, True]), 50, 30, 1.0, 9.0),
        (days, back, 200, 30, 2.0, 14.0),
        (np.array([90, 95]), np.array([True, False]), 100, 30, 1.5, 8.5),  # nothing is known of it yet
    ]


def _known(ordered_on: Ints, returned: Bools, today: int, wait: int) -> Bools:
    return ordered_on + wait < today


def _known_tonight(ordered_on: Ints, returned: Bools, today: int, wait: int) -> Bools:
    return ordered_on + wait <= today


def _ordered(ordered_on: Ints, returned: Bools, today: int, wait: int) -> Bools:
    return ordered_on < today


def _all(ordered_on: Ints, returned: Bools, today: int, wait: int) -> Bools:
    return np.ones(len(returned), dtype=bool)


def _none(ordered_on: Ints, returned: Bools, today: int, wait: int) -> Bools:
    return np.zeros(len(returned), dtype=bool)


def _kept(ordered_on: Ints, returned: Bools, today: int, wait: int) -> Bools:
    return _known(ordered_on, returned, today, wait) & ~returned


def _returned(ordered_on: Ints, returned: Bools, today: int, wait: int) -> Bools:
    return _known(ordered_on, returned, today, wait) & returned


def _share(above: Lines, below: Lines, prior: Callable[[float, float], float] = lambda a, b: a + b) -> Answer:
    """(a + returned among ``above``) / (prior + number of ``below``)."""

    def wrong(ordered_on: Ints, returned: Bools, today: int, wait: int, a: float, b: float) -> float:
        lines = (ordered_on, returned, today, wait)
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(np.divide(a + returned[above(*lines)].sum(), prior(a, b) + below(*lines).sum()))

    return wrong


def _raw(ordered_on: Ints, returned: Bools, today: int, wait: int, a: float, b: float) -> float:
    known = ordered_on + wait < today
    return float(returned[known].mean()) if known.any() else float("nan")


def _raw_unless_new(ordered_on: Ints, returned: Bools, today: int, wait: int, a: float, b: float) -> float:
    share = _raw(ordered_on, returned, today, wait, a, b)
    return a / (a + b) if np.isnan(share) else share


_MISTAKES: dict[str, tuple[Answer, str]] = {
    "no_shrinkage": (
        _raw,
        "This is the raw share: a product with two lines, one of them sent back, would get 50 %. Start from the prior:"
        " as if a + b lines had been seen before, a of them sent back.",
    ),
    "no_shrinkage_but_for_newcomers": (
        _raw_unless_new,
        "This is the raw share; the prior speaks only where nothing is known. A product with two lines, one of them"
        " sent back, would still get 50 %: add the prior's lines everywhere, a above and a + b below.",
    ),
    "no_shrinkage_zero": (
        lambda ordered_on, returned, today, wait, a, b: np.nan_to_num(_raw(ordered_on, returned, today, wait, a, b)),
        "This is the raw share, and 0 where nothing is known. Nobody knows that a newcomer never comes back: without"
        " lines the answer is the prior's mean, a / (a + b).",
    ),
    "future_returns": (
        _share(_all, _all),
        "You counted lines of the future: their returns have not happened today. Keep the lines whose fate was known"
        " before today.",
    ),
    "no_wait": (
        _share(_ordered, _ordered),
        "You counted lines that were ordered before today, but whether the youngest come back is known only `wait` days"
        " later: their returns lie in the future.",
    ),
    "the_day_itself": (
        _share(_known_tonight, _known_tonight),
        "A line whose wait ends today is counted already. The package takes the strict past: what happens today is not"
        " known this morning. Use <.",
    ),
    "divided_by_all_lines": (
        _share(_known, _all),
        "Above the bar stand the known lines only, below it *all* lines. The young ones count as kept, though nobody"
        " knows yet: the same lines belong above and below.",
    ),
    "divided_by_lines_ordered": (
        _share(_known, _ordered),
        "The returns you count are those of known lines, but you divide by all lines ordered before today. Those still"
        " within their `wait` would count as kept.",
    ),
    "returns_of_all_lines": (
        _share(_all, _known),
        "Below the bar stand the known lines only, above it the returns of *all* lines: returns that have not happened"
        " yet are counted on too few lines.",
    ),
    "returns_of_lines_ordered": (
        _share(_ordered, _known),
        "You divide by the known lines, but count the returns of all lines ordered before today. Choose the lines once,"
        " and count both among them.",
    ),
    "divided_by_kept_lines": (
        _share(_known, _kept),
        "You divide by the lines that were *kept*: that gives odds. A rate is returned lines out of all known ones,"
        " the returned ones included.",
    ),
    "divided_by_returns": (
        _share(_known, _returned),
        "Below the bar you add the number of *returned* lines. `lines` is how many are known, whether they came back or"
        " not.",
    ),
    "prior_above_only": (
        _share(_known, _known, lambda a, b: 0.0),
        "a stands above the bar, but below it the prior is missing: its lines are a + b, and a newcomer without lines"
        " would be divided by zero.",
    ),
    "lines_forgotten": (
        _share(_known, _none),
        "You divide by a + b alone. Each line that is known counts below the bar too, whether it came back or not.",
    ),
    "a_below_forgotten": (
        _share(_known, _known, lambda a, b: b),
        "Below the bar you add b only. The prior has seen a + b lines: those sent back are lines as well.",
    ),
    "prior_mean_added": (
        lambda ordered_on, returned, today, wait, a, b: float(
            (a / (a + b) + returned[ordered_on + wait < today].sum()) / (1 + (ordered_on + wait < today).sum())
        ),
        "You added the prior's mean as one line. The prior is worth a + b lines: add a above and a + b below.",
    ),
    "b_forgotten": (
        _share(_known, _known, lambda a, b: a),
        "You added a to both sides and forgot b. The prior's lines are a sent back *and* b kept.",
    ),
    "b_above": (
        lambda ordered_on, returned, today, wait, a, b: float(
            (b + returned[ordered_on + wait < today].sum()) / (a + b + (ordered_on + wait < today).sum())
        ),
        "You add b above the bar. b is the prior's *kept* lines; above stand those sent back, and of these the prior"
        " has seen a.",
    ),
    "lines_kept": (
        lambda ordered_on, returned, today, wait, a, b: 1 - return_rate(ordered_on, returned, today, wait, a, b),
        "This is the share that was kept: the return rate is one minus it.",
    ),
}

RETURN_RATE = Exercise(
    "02b.return_rate",
    return_rate,
    _stub,
    _cases,
    _MISTAKES,
    "Two lines no longer make a rate, and no return is counted before it happened.",
)
