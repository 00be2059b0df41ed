"""Defines lesson 01's exercise on leaks: give the future other values, and see which of the past move."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise

Floats = NDArray[np.float64]
Feature = Callable[[Floats], Floats]


@dataclass(frozen=True)
class _Named:
    """A feature of a table (weeks, 3: units, price, stockout) that shows its name and not an address."""

    name: str
    function: Feature

    def __call__(self, table: Floats) -> Floats:
        return self.function(np.asarray(table, dtype=float))

    def __repr__(self) -> str:
        return f"<{self.name}>"


def _shifted(values: Floats, by: int) -> Floats:
    """Values of ``by`` weeks ago (below zero: to come), NaN where there are none."""
    out = np.full(len(values), np.nan)
    if by > 0:
        out[by:] = values[:-by]
    else:
        out[:by] = values[-by:]
    return out


_SCALED = _Named("units scaled by mean and spread of all rows", lambda t: (t[:, 0] - t[:, 0].mean()) / t[:, 0].std())
_NEXT_PRICE = _Named("next week's price", lambda t: _shifted(t[:, 1], -1))
_LAST = _Named("last week's units", lambda t: _shifted(t[:, 0], 1))
_FIXED = _Named("units over their mean of the first six weeks", lambda t: t[:, 0] / t[:6, 0].mean())


def _moved(feature: Feature, table: Floats, changed: Floats, rows: int, equal_nan: bool = True) -> NDArray[np.bool_]:
    return ~np.isclose(feature(table)[:rows], feature(changed)[:rows], equal_nan=equal_nan)


def _splice(table: Floats, other: Floats, cut: int) -> Floats:
    return np.vstack([table[:cut], other[cut:]])


def leak_test(feature: Feature, table: Floats, other: Floats, cuts: Sequence[int]) -> Floats:
    """For each cut: share of the first ``cut`` values that move when all later rows come from ``other``."""
    return np.array([_moved(feature, table, _splice(table, other, cut), cut).mean() for cut in cuts])


def _stub(feature: Feature, table: Floats, other: Floats, cuts: Sequence[int]) -> Any:
    return ...


def _cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    cases = []
    for feature, weeks, cuts in (
        (_NEXT_PRICE, 6, [2, 4]),
        (_SCALED, 9, [3, 6]),
        (_LAST, 8, [3, 5]),
        (_FIXED, 12, [5, 9]),
    ):
        tables = []
        for scale in (1.0, 3.0):
            units = scale * (1 + rng.permutation(weeks).astype(float))
            price = (scale * rng.uniform(3, 9, weeks)).round(2)
            if feature is _FIXED and scale == 1:
                units[5:] = 7.0  # a shuffle of such a future changes nothing, whatever its seed
            tables.append(np.column_stack([units, price, rng.integers(0, 2, weeks)]))
        cases.append((feature, *tables, cuts))
    return cases


def _each(one: Callable[[Feature, Floats, Floats, int], Any]) -> Answer:
    return lambda feature, table, other, cuts: np.array([one(feature, table, other, cut) for cut in cuts])


def _no_copy(feature: Feature, table: Floats, other: Floats, cuts: Sequence[int]) -> Floats:
    """Writes the future into the table itself, so that the next cut finds it there."""
    work, shares = np.array(table), []
    for cut in cuts:
        before = feature(work)
        work[cut:] = other[cut:]
        shares.append(float((~np.isclose(before[:cut], feature(work)[:cut], equal_nan=True)).mean()))
    return np.array(shares)


def _no_copy_one_before(
    feature: Feature, table: Floats, other: Floats, cuts: Sequence[int], equal_nan: bool = True
) -> Floats:
    """The same, with the features of the untouched table taken once."""
    work, before = np.array(table), feature(table)
    shares = []
    for cut in cuts:
        work[cut:] = other[cut:]
        shares.append(float((~np.isclose(before[:cut], feature(work)[:cut], equal_nan=equal_nan)).mean()))
    return np.array(shares)


def _units_only(feature: Feature, table: Floats, other: Floats, cut: int) -> float:
    changed = table.copy()
    changed[cut:, 0] = other[cut:, 0]
    return float(_moved(feature, table, changed, cut).mean())


_MISTAKES: dict[str, tuple[Answer, str]] = {
    "dealt_anew": (
        lambda feature, table, other, cuts: np.zeros(len(cuts)),
        "Your test finds nothing at all, not even the scaler. Do you shuffle the future's own units? Their mean, spread"
        " and ranks stay the same. Take the later rows, all columns of them, from `other`; and write them into a"
        " copy, or before and after are one table.",
    ),
    "no_copy": (
        _no_copy,
        "You write the other future into `table` itself, so that at the next cut it stands there already and nothing"
        " moves. Work on a copy: changed = table.copy().",
    ),
    "no_copy_one_before": (
        _no_copy_one_before,
        "You write the other future into `table` itself, so that at the next cut the rows of the cut before are still"
        " another's. Begin each cut with a copy: changed = table.copy().",
    ),
    "units_only": (
        _each(_units_only),
        "You change the units alone, so that a feature which reads next week's *price* passes. Every column of the"
        " future must be another.",
    ),
    "last_cut_only": (
        lambda feature, table, other, cuts: leak_test(feature, table, other, cuts[-1:]),
        "You look at the last cut only. A mean of the first six weeks is honest after week six and a leak before: give"
        " one share for each cut.",
    ),
    "first_cut_only": (
        lambda feature, table, other, cuts: leak_test(feature, table, other, cuts[:1]),
        "You look at the first cut only: the loop ends too early. Give one share for each cut.",
    ),
    "mean_of_cuts": (
        lambda feature, table, other, cuts: float(leak_test(feature, table, other, cuts).mean()),
        "You average over the cuts. One share for each is asked for: they say from when on a feature is honest.",
    ),
    "future_compared_too": (
        _each(lambda f, table, other, cut: _moved(f, table, _splice(table, other, cut), len(table)).mean()),
        "You compare the future as well, which of course moves: last week's units would be a leak. Compare the first"
        " `cut` values alone.",
    ),
    "one_row_too_many": (
        _each(lambda f, table, other, cut: _moved(f, table, _splice(table, other, cut), cut + 1).mean()),
        "You compare one row too many: row number `cut` (counted from 0) is the first of the future.",
    ),
    "future_begins_late": (
        _each(lambda f, table, other, cut: _moved(f, table, _splice(table, other, cut + 1), cut).mean()),
        "Your future begins one row late: row number `cut` must come from `other`, or next week's price passes.",
    ),
    "past_changed": (
        _each(lambda f, table, other, cut: _moved(f, table, _splice(other, table, cut), cut).mean()),
        "You changed the past and kept the future. Then everything moves, the honest feature first.",
    ),
    "all_changed": (
        _each(lambda f, table, other, cut: _moved(f, table, other, cut).mean()),
        "You compare with the whole of `other`, its past included. Keep the first `cut` rows as they are.",
    ),
    "missing_moves": (
        _each(lambda f, table, other, cut: _moved(f, table, _splice(table, other, cut), cut, equal_nan=False).mean()),
        "A value that is missing in both counts as moved, because NaN is not equal to itself: np.isclose has"
        " equal_nan=True.",
    ),
    "count": (
        _each(lambda f, table, other, cut: _moved(f, table, _splice(table, other, cut), cut).sum()),
        "These are numbers of values. Divide by how many were compared.",
    ),
    "any": (
        _each(lambda f, table, other, cut: _moved(f, table, _splice(table, other, cut), cut).any()),
        "You say whether any value moved. How many did tells a leak of one week from a leak in all: give the share.",
    ),
    "share_that_stayed": (
        _each(lambda f, table, other, cut: 1 - _moved(f, table, _splice(table, other, cut), cut).mean()),
        "This is the share that stayed. The share that moved is asked for.",
    ),
}

LEAK_TEST = Exercise(
    "01.leak_test",
    leak_test,
    _stub,
    _cases,
    _MISTAKES,
    pairs={
        ("no_copy_one_before", "missing_moves"): lambda f, table, other, cuts: _no_copy_one_before(
            f, table, other, cuts, False
        )
    },
    praise="It finds what a shuffle of the units cannot. It finds leaks; that there are none, no test shows.",
)
