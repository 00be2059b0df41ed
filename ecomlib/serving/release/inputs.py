"""Cuts windows from sales histories, the same for training, calibration, service and batch (lesson 08, section 2).

A model whose inputs differ between training and service is wrong without anyone noticing. So one function says what a
column holds in a week, ``covariates``. Training flattens it to a panel; everything that comes after cuts windows out of
it. Publishing a version asserts that both ways give the same forecast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.panel import CALENDAR, LAST_YEAR, period_index, period_start
from ecomlib.serving.release.onnx_session import Session

Floats = NDArray[np.float64]
HORIZON = 4  # weeks ahead
NEVER = np.iinfo(np.int64).max
_IN_UNITS = ("y", *LAST_YEAR[:3])


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


@dataclass(frozen=True)
class WindowSpec:
    """Specifies a window: weeks back, columns known past, columns known ahead, the categories of ``z`` in order."""

    look_back: int
    past: tuple[str, ...]
    future: tuple[str, ...]
    levels: tuple[str, ...]


def shape_for(books: SalesHistory, look_back: int = 26) -> WindowSpec:
    """Choose the window that these books allow: shorter for a young shop, last year only where there is one."""
    weeks = books.units.shape[1]
    plan = tuple(name for name in ("log_price", "promoted", "depth") if name in books.plan)
    season = ("week_sin", "week_cos", "week_sin2", "week_cos2", "to_christmas", "holidays")
    levels = tuple(sorted(set(books.category)))
    return WindowSpec(
        min(look_back, max(weeks // 3, 2)),
        ("y", *plan[:2]),
        (*plan, *season, *(LAST_YEAR if weeks >= 65 else ())),
        levels if len(levels) > 1 else (),
    )


@lru_cache(maxsize=4096)
def _calendar(week: int) -> tuple[float, ...]:
    from ecomlib.features import calendar

    return tuple(calendar(pd.DatetimeIndex([monday(week)]), "W-MON").iloc[0])


def covariates(books: SalesHistory, names: Sequence[str], weeks: NDArray[np.int64]) -> NDArray[np.float32]:
    """Compute the columns ``names`` in ``weeks`` (n,), as (P, n, C), units unscaled (lesson 08, section 2).

    Last year's weeks are 53, 52 and 51 back, 0 where they are not in the product's history.
    """

    def units(at: NDArray[np.int64]) -> tuple[Floats, NDArray[np.bool_]]:
        known = (at >= books.begin[:, None]) & (at >= books.first) & (at <= books.last)
        return np.where(known, books.units[:, np.clip(at - books.first, 0, books.units.shape[1] - 1)], 0.0), known

    table = np.empty((len(books.products), len(weeks), len(names)), dtype=np.float32)
    for k, name in enumerate(names):
        if name == "y":
            table[..., k] = units(weeks)[0]
        elif name == "last_year_known":
            table[..., k] = np.mean([units(weeks - back)[1] for back in (53, 52, 51)], axis=0)
        elif name in LAST_YEAR:
            table[..., k] = units(weeks - 53 + LAST_YEAR.index(name))[0]
        elif name in CALENDAR:
            table[..., k] = [_calendar(int(week))[CALENDAR.index(name)] for week in weeks]
        else:
            plan = books.plan[name]
            table[..., k] = plan[:, np.clip(weeks - books.first, 0, plan.shape[1] - 1)]
    return table


def feed(
    books: SalesHistory, shape: WindowSpec, origin: int
) -> tuple[NDArray[np.intp], dict[str, NDArray[np.float32]]]:
    """Cut windows of all products that had begun by the week ``origin``: their rows, and the network's inputs by name.

    What ``WindowSet.at`` gives for the panel of the same books (scale "log1p_shift").
    """
    rows = np.flatnonzero(books.begin <= origin)
    back, ahead = np.arange(origin - shape.look_back + 1, origin + 1), np.arange(origin + 1, origin + HORIZON + 1)
    seen = (back >= books.begin[rows][:, None]) & (back >= books.first)
    x, f = covariates(books, shape.past, back)[rows], covariates(books, shape.future, ahead)[rows]
    logs = np.log1p(x[..., shape.past.index("y")]) * seen
    scale = logs.sum(1, keepdims=True) / np.maximum(seen.sum(1, keepdims=True), 1).astype(np.float32)
    for table, names in ((x, shape.past), (f, shape.future)):
        for k in (k for k, name in enumerate(names) if name in _IN_UNITS):
            table[..., k] = np.log1p(table[..., k]) - scale
    category = np.array(books.category)[rows]
    z = (category[:, None] == np.array(shape.levels)[None, :]) if shape.levels else np.zeros((len(rows), 0))
    return rows, {
        "x": x * seen[..., None].astype(np.float32),
        "seen": seen,
        "f": f,
        "z": z.astype(np.float32),
        "scale": scale.astype(np.float32),
    }


def predict(session: Session, books: SalesHistory, shape: WindowSpec, origin: int) -> Floats:
    """Forecast units of the four weeks after ``origin``, (P, 4); NaN without history (lesson 08, section 2)."""
    answer = np.full((len(books.products), HORIZON), np.nan)
    rows, given = feed(books, shape, origin)
    if len(rows):
        said = session.run(given)
        middle = said[:, :, said.shape[2] // 2].astype(float)
        answer[rows] = np.maximum(np.expm1(middle + given["scale"]), 0.0)
    return answer


def interval(forecast: Any, reach: Any, left: Any = 1.0) -> tuple[Any, Any]:
    """Compute an interval around units still to come: ``reach`` in roots of forecast + ½ (lesson 08, section 2).

    Units are whole, so the low end is: no shop sells fewer than 0.02 units and more than none. ``left`` is the share
    of the week that the forecast is for; the reach is that of a whole week, and shrinks with its root.
    """
    half = reach * np.sqrt(forecast + 0.5 * left)
    return np.floor(np.maximum(forecast - half, 0.0)), forecast + half


def panel(books: SalesHistory, shape: WindowSpec) -> pd.DataFrame:
    """Turn books into a long frame, each product from its start to ``HORIZON`` weeks ahead, where y is missing."""
    weeks = np.arange(books.first, books.last + HORIZON + 1)
    names = list(dict.fromkeys(shape.past + shape.future))
    table = covariates(books, names, weeks)
    product, at = np.nonzero((weeks >= books.begin[:, None]) & (books.begin[:, None] <= books.last))
    frame = pd.DataFrame(table[product, at], columns=names)
    frame.insert(0, "ds", period_start(weeks[at], "W-MON"))
    frame.insert(0, "unique_id", np.array(books.products, dtype=object)[product])
    frame["category"] = np.array(books.category, dtype=object)[product]
    frame["y"] = frame["y"].where(weeks[at] <= books.last)
    return frame
