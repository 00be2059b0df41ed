"""Reads the lists that teams hand in and says in words all that is wrong with them, not only the first thing."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from ecomlib.course.game.rules import WEEKS, Month, Units
from ecomlib.errors import DataError
from ecomlib.stores.folder.table_file import read_table
from ecomlib.stores.schema import Column, Table
from ecomlib.stores.validation import missing_column

MOST = 1_000_000  # units: more than this is a slip of the keyboard
_SHOWN = 6  # places that a short message names
LIST = Table(
    "order list",
    (
        Column("product_id", "id", "the product's identifier"),
        Column("week", "day", "the week's Monday"),
        Column("units", "number", "whole units to order, zero or more"),
    ),
    required=True,
)


@dataclass(frozen=True)
class Fault:
    """Hold one thing that is wrong with a list: a sentence, and every place where it is so."""

    says: str
    places: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self._with(_SHOWN)

    def full(self) -> str:
        """Format the sentence with all of its places."""
        return self._with(len(self.places))

    def _with(self, shown: int) -> str:
        named = ", ".join(self.places[:shown])
        more = f" and {len(self.places) - shown} more" if len(self.places) > shown else ""
        return f"{self.says}: {named}{more}." if named else self.says


@dataclass(frozen=True, eq=False)
class ListRead:
    """Hold what came of one file: units (P, 4), or the faults; ``weeks`` are those that it names."""

    units: Units | None = None
    faults: tuple[Fault, ...] = ()
    weeks: frozenset[pd.Timestamp] = field(default_factory=frozenset)

    @property
    def complete(self) -> str:
        """What a list without faults holds, in words."""
        count = (0, 0) if self.units is None else self.units.shape
        units = 0 if self.units is None else int(self.units.sum())
        return f"{count[0]} products, {count[1]} weeks, {units:,} units"

    def only_of(self, weeks: Iterable[pd.Timestamp]) -> bool:
        """Tell whether the file names no weeks but these: an earlier month's list that was left lying."""
        return bool(self.weeks) and self.weeks <= set(weeks)


def read_list(path: Path, month: Month) -> ListRead:
    """Read an order list, CSV with ``product_id, week, units``, and check it against the month.

    Parameters
    ----------
    path : Path
        The file; Excel's separators, decimal signs and dates are read where they are clear.
    month : Month
        Which products and weeks the list must hold, each pair once.

    Returns
    -------
    ListRead
        Faults in the order of the columns; nothing is dropped and nothing guessed.
    """
    if path.suffix.lower() not in (".csv", ".parquet"):
        return ListRead(faults=(Fault(f"a file of this kind cannot be read: {path.name}. Save it as 'CSV UTF-8'."),))
    found = read_table(path, LIST)
    if found.frame is None:
        return ListRead(faults=tuple(_sentence(fault) for fault in found.faults))
    frame, rows = found.frame, found.rows
    faults = [_sentence(fault) for fault in found.faults]
    for column in LIST.columns:
        if column.name not in found.columns:
            faults.append(_sentence(missing_column(LIST, column, found.columns)))
        elif column.name not in frame and not any(fault.column == column.name for fault in found.faults):
            faults.append(Fault(f"column '{column.name}': it is empty. Fill it in: {column.means}."))
    weeks: frozenset[pd.Timestamp] = frozenset()
    if "product_id" in frame:
        faults += _products(frame["product_id"], rows, month.products)
    if "week" in frame:
        weeks = frozenset(pd.Timestamp(day) for day in frame["week"].dropna().unique())
        faults += _weeks(frame["week"], rows, month)
    if "units" in frame:
        faults += _units(frame["units"], rows)
    if {"product_id", "week"} <= set(frame.columns):
        faults += _pairs(frame, rows, month)
    if faults:
        return ListRead(faults=tuple(faults), weeks=weeks)
    return ListRead(month.grid(frame["product_id"], frame["week"], frame["units"]).astype(np.int64), weeks=weeks)


def _sentence(fault: DataError) -> Fault:
    """A fault of the reader with all of its rows, of which the error itself prints five."""
    place = f"column '{fault.column}': " if fault.column else ""
    remedy = f" {fault.remedy[0].upper()}{fault.remedy[1:]}" if fault.remedy else ""
    value = "" if fault.value is None else f" (found {fault.value!r})"
    return Fault(f"{place}{fault.problem}{value}.{remedy}{' Rows' if fault.rows else ''}", _rows(fault.rows))


def _rows(rows: Iterable[int]) -> tuple[str, ...]:
    return tuple(str(row) for row in rows)


def _where(
    bad: pd.Series | np.ndarray, rows: np.ndarray, says: str, values: Sequence[str] | None = None
) -> list[Fault]:
    """One fault for the rows that are bad, each with its value where that helps."""
    at = np.flatnonzero(np.asarray(bad, dtype=bool))
    if not len(at):
        return []
    places = tuple(f"row {rows[k]}" + ("" if values is None else f" ({values[k]})") for k in map(int, at))
    return [Fault(says, places)]


def _products(ids: pd.Series, rows: np.ndarray, products: Sequence[str]) -> list[Fault]:
    blank = ids.isna() | (ids.astype(str).str.strip() == "")
    unknown = ~blank & ~ids.isin(products)
    hints, folded = {}, {_alike(known): known for known in products}
    for name in ids[unknown].unique():
        near = difflib.get_close_matches(_alike(name), folded, n=1, cutoff=0.6)
        hints[name] = f"'{name}'" + (f", perhaps {folded[near[0]]}?" if near else "")
    return [
        *_where(blank, rows, "column 'product_id': the product is missing"),
        *_where(
            unknown, rows, "column 'product_id': the shop has no such product", [hints.get(name, "") for name in ids]
        ),
    ]


def _alike(name: str) -> str:
    """A name without what eyes and fingers confuse: capitals, blanks, the letter O and the digit 0."""
    return str(name).strip().casefold().translate(str.maketrans("oli", "011"))


def _weeks(weeks: pd.Series, rows: np.ndarray, month: Month) -> list[Fault]:
    asked = ", ".join(f"{week:%Y-%m-%d}" for week in month.weeks)
    monday = weeks.dt.dayofweek == 0
    days = [f"{day:%a %Y-%m-%d}" if pd.notna(day) else "" for day in weeks]
    other = weeks.notna() & monday & ~weeks.isin(month.weeks)
    return [
        *_where(weeks.isna(), rows, "column 'week': the week is missing"),
        *_where(weeks.notna() & ~monday, rows, "column 'week': a week is named by its Monday", days),
        *_where(other, rows, f"column 'week': this month's weeks are {asked}; another one stands in", days),
    ]


def _units(units: pd.Series, rows: np.ndarray) -> list[Fault]:
    missing, size = units.isna(), units.fillna(0.0)
    says = "column 'units': "
    written = [f"{value:g}" for value in size]
    return [
        *_where(missing, rows, says + "the number is missing; write 0 where nothing is to be ordered"),
        *_where(size < 0, rows, says + "an order must not be negative", written),
        *_where((size % 1 != 0) & np.isfinite(size), rows, says + "an order is whole units; round it", written),
        *_where(size > MOST, rows, says + f"nobody orders more than {MOST:,} units; check the number", written),
    ]


def _pairs(frame: pd.DataFrame, rows: np.ndarray, month: Month) -> list[Fault]:
    """What stands twice, and what is missing: whole products, whole weeks, then single lines."""
    ours = frame["product_id"].isin(month.products) & frame["week"].isin(month.weeks)
    twice = ours & frame.duplicated(["product_id", "week"], keep="first")
    said = [
        f"{p}, {w:%Y-%m-%d}" if here else ""
        for p, w, here in zip(frame["product_id"], frame["week"], twice, strict=True)
    ]
    faults = _where(twice, rows, "this product and week stand in the list already", said)
    held = set(zip(frame.loc[ours, "product_id"], frame.loc[ours, "week"], strict=True))
    products, weeks = set(frame["product_id"]), set(frame["week"])
    gone = [product for product in month.products if product not in products]
    no_week = [f"{week:%Y-%m-%d}" for week in month.weeks if week not in weeks]
    single = [
        f"{product} in the week of {week:%Y-%m-%d}"
        for product in month.products
        for week in month.weeks
        if product in products and week in weeks and (product, week) not in held
    ]
    of = f"of {len(month.products)} products"
    faults += [Fault(f"{len(gone)} {of} {_are(gone)} missing", tuple(gone))] if gone else []
    faults += [Fault(f"{len(no_week)} of {WEEKS} weeks {_are(no_week)} missing", tuple(no_week))] if no_week else []
    lines = f"{len(single)} line{'s' * (len(single) > 1)} {_are(single)} missing (write 0 where nothing is ordered)"
    return faults + ([Fault(lines, tuple(single))] if single else [])


def _are(things: Sequence[str]) -> str:
    return "is" if len(things) == 1 else "are"
