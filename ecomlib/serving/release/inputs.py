"""Cuts windows from sales histories, the same for training, calibration, service and batch (lesson 08, section 2).

A model whose inputs differ between training and service is wrong without anyone noticing. So one function says what a
column holds in a week, ``covariates``: training flattens it to a ``panel``, the service reads it in place. And one
function cuts windows out of either, ``windowing.gather``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.panel import CALENDAR, LAST_YEAR, period_index, period_start
from ecomlib.windowing import Cut, WindowSettings, gather

Floats = NDArray[np.float64]
NEVER = np.iinfo(np.int64).max


def week_of(moment: Any) -> int:
    """Return the number of the week (Monday to Sunday) that holds a moment."""
    return int(period_index(moment, "W-MON"))


def monday(week: int) -> pd.Timestamp:
    """Return the first day of a week by its number."""
    return pd.Timestamp(period_start(week, "W-MON"))


@dataclass(frozen=True, eq=False)
class SalesHistory:
    """Holds what a forecast rests on: units by product and week, and the plan (lesson 08, section 2).

    products: identifiers (P), sorted; category (P); first: number of the first week; begin (P): week in which a
    product's history begins, ``NEVER`` for one that has none yet; units (P, W), 0 before ``begin``; plan: ``log_price``
    (over unit cost, or over the first price), ``promoted``, ``depth``, each (P, W + weeks ahead), where the shop has
    them. Beyond the plan's last week its last column stands.
    """

    products: tuple[str, ...]
    category: tuple[str, ...]
    first: int
    begin: NDArray[np.int64]
    units: Floats
    plan: Mapping[str, Floats]

    @property
    def last(self) -> int:
        """Number of the last week in the books."""
        return self.first + self.units.shape[1] - 1

    def followed_by(self, weeks: Sequence[Floats]) -> SalesHistory:
        """Return the books with more weeks (P,) appended; a product that had never sold begins with its first sale."""
        if not weeks:
            return self
        more = np.stack(weeks, axis=1).astype(float)
        sold = (more > 0).any(axis=1)
        start = np.where(sold, self.last + 1 + (more > 0).argmax(axis=1), NEVER)
        return replace(self, units=np.hstack([self.units, more]), begin=np.minimum(self.begin, start))


def windows_for(books: SalesHistory, horizon: int, look_back: int = 26, *, before: int | None = None) -> WindowSettings:
    """Choose the window that these books allow: shorter for a young shop, calendar and last year where there is a year.

    ``before``: the first origin at which candidates are tried. What is tried there was fitted on the weeks up to it, so
    a year must lie before it: a column that is 0 in all that was learned from means nothing where it is not.
    """
    weeks = books.units.shape[1]
    learned = (books.last if before is None else before) - books.first + 1
    plan = tuple(name for name in ("log_price", "promoted", "depth") if name in books.plan)
    season = ("week_sin", "week_cos", "week_sin2", "week_cos2", "to_christmas", "holidays")
    return WindowSettings(
        min(look_back, max(weeks // 3, 2)),
        horizon,
        ("y", *plan[:2]),
        (*plan, *((*season, *LAST_YEAR) if learned >= 65 else ())),
        ("category",) if levels_of(books) else (),
        also_known=("log_price",),
    )


def levels_of(books: SalesHistory) -> tuple[str, ...]:
    """List the categories in the order of their 0/1 columns; none where all products are of one."""
    levels = tuple(sorted(set(books.category)))
    return levels if len(levels) > 1 else ()


@lru_cache(maxsize=4096)
def _calendar(week: int) -> tuple[float, ...]:
    from ecomlib.features import calendar

    return tuple(calendar(pd.DatetimeIndex([monday(week)]), "W-MON").iloc[0])


def covariates(
    books: SalesHistory, names: Sequence[str], product: NDArray[np.int64], week: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Read the columns ``names`` of products in weeks, (…, C), units unscaled (lesson 08, section 2).

    ``product`` (rows of the books) and ``week`` (numbers of weeks) broadcast. Last year's weeks are 53, 52 and 51 back,
    0 where they are not in the product's history. Beyond the plan's last week its last column stands.
    """
    at = np.broadcast(product, week).shape

    def units(week: NDArray[np.int64]) -> tuple[Floats, NDArray[np.bool_]]:
        known = (week >= books.begin[product]) & (week >= books.first) & (week <= books.last)
        place = np.clip(week - books.first, 0, books.units.shape[1] - 1)
        return np.where(known, books.units[product, place], 0.0), known

    table = np.empty((*at, len(names)), dtype=np.float32)
    for k, name in enumerate(names):
        if name == "y":
            table[..., k] = units(week)[0]
        elif name == "last_year_known":
            table[..., k] = np.mean([units(week - back)[1] for back in (53, 52, 51)], axis=0)
        elif name in LAST_YEAR:
            table[..., k] = units(week - 53 + LAST_YEAR.index(name))[0]
        elif name in CALENDAR:
            low, high = (int(week.min()), int(week.max())) if week.size else (0, 0)
            known = np.array([_calendar(number)[CALENDAR.index(name)] for number in range(low, high + 1)])
            table[..., k] = known[week - low]
        else:
            plan = books.plan[name]
            table[..., k] = plan[product, np.clip(week - books.first, 0, plan.shape[1] - 1)]
    return table


@dataclass(frozen=True, eq=False)
class _Column:
    """Something that is read at rows of the flat tables, as an array is."""

    at: Callable[[NDArray[np.int64]], NDArray[Any]]

    def __getitem__(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        return self.at(rows)


@dataclass(frozen=True, eq=False)
class _Tables:
    """Books as the flat tables that ``windowing.gather`` cuts, without a copy of them.

    A product's weeks, its history and the horizon, are ``width`` rows; row ``product * width + k`` stands for the
    k-th week of the books, and is read where that week lies in their matrices.
    """

    books: SalesHistory
    settings: WindowSettings
    levels: tuple[str, ...]
    width: int

    def _read(self, rows: NDArray[np.int64], names: Sequence[str]) -> NDArray[np.float32]:
        return covariates(self.books, names, rows // self.width, self.books.first + rows % self.width)

    @property
    def begin(self) -> NDArray[np.int64]:
        start = np.clip(self.books.begin, self.books.first, self.books.first + self.width) - self.books.first
        return np.asarray(np.arange(len(start)) * self.width + start)

    @property
    def stop(self) -> NDArray[np.int64]:
        return np.arange(1, len(self.books.products) + 1) * self.width

    @property
    def units(self) -> _Column:
        return _Column(lambda rows: self._read(rows, ("y",))[..., 0])

    @property
    def known(self) -> _Column:
        return _Column(lambda rows: rows % self.width < self.books.units.shape[1])

    @property
    def past(self) -> _Column:
        return _Column(lambda rows: self._read(rows, self.settings.past))

    @property
    def future(self) -> _Column:
        return _Column(lambda rows: self._read(rows, self.settings.future))

    @property
    def static(self) -> NDArray[np.float32]:
        if not self.settings.static:
            return np.zeros((len(self.books.products), 0), dtype=np.float32)
        same = np.array(self.books.category)[:, None] == np.array(self.levels)[None, :]
        return np.asarray(same, dtype=np.float32)


def cut_at(
    books: SalesHistory, settings: WindowSettings, levels: tuple[str, ...], origin: int
) -> tuple[NDArray[np.intp], Cut]:
    """Cut one window a product at the week ``origin``: rows of the books, and what ``windowing.gather`` gives.

    A product needs ``least_history`` weeks by then. It is what ``WindowSet.at`` gives for the ``panel`` of these books;
    the static column is the category, with its ``levels`` in order.
    """
    rows = np.flatnonzero(books.begin <= origin + 1 - max(settings.least_history, 1))
    width = max(books.units.shape[1], origin - books.first + 1) + settings.horizon
    first = rows * width + origin - books.first + 1
    return rows, gather(settings, _Tables(books, settings, levels, width), first, rows)


def interval(forecast: Any, reach: Any, left: Any = 1.0) -> tuple[Any, Any]:
    """Compute an interval around units still to come: ``reach`` in roots of forecast + ½ (lesson 08, section 2).

    Units are whole, so the low end is: no shop sells fewer than 0.02 units and more than none. ``left`` is the share
    of the week that the forecast is for; the reach is that of a whole week, and shrinks with its root.
    """
    half = reach * np.sqrt(forecast + 0.5 * left)
    return np.floor(np.maximum(forecast - half, 0.0)), forecast + half


def panel(books: SalesHistory, settings: WindowSettings) -> pd.DataFrame:
    """Turn books into a long frame, each product from its start to a horizon ahead of the books, where y is missing."""
    weeks = np.arange(books.first, books.last + settings.horizon + 1)
    names = list(dict.fromkeys(settings.past + settings.future))
    product, at = np.nonzero((weeks >= books.begin[:, None]) & (books.begin[:, None] <= books.last))
    frame = pd.DataFrame(covariates(books, names, product, weeks[at]), columns=names)
    frame.insert(0, "ds", period_start(weeks[at], "W-MON"))
    frame.insert(0, "unique_id", np.array(books.products, dtype=object)[product])
    frame["category"] = np.array(books.category, dtype=object)[product]
    frame["y"] = frame["y"].astype(float).where(weeks[at] <= books.last)
    return frame
