"""Reads and writes the sheet of a quarter: what a team orders up to, charges, and puts on the offers page, by product.

A sheet is a CSV file with a row a product. In the first round it has ``product_id, up_to``; each round adds the lever
that has opened: ``price``, then ``promote``. Whom to write to stands in a file of its own, as it is no product. Columns
that only inform (what is on hand, what was sold) may stay: they are not read.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.course.game.lists import MOST, Fault, ListRead, _products, _sentence, _where
from ecomlib.course.game.rules import TURN
from ecomlib.decisions.shop_quarter import COLUMNS, Quarter, Sheet
from ecomlib.errors import DataError
from ecomlib.stores.folder.table_file import read_table
from ecomlib.stores.schema import Column, Table
from ecomlib.stores.validation import missing_column

Floats = NDArray[np.float64]
_MEANS = {
    "up_to": "whole units: each Monday is ordered what is missing up to here",
    "price": "money, between price_low and price_high",
    "promote": "1 on the offers page, 0 not",
}
LETTERS_FILE = "-letters"  # of a file's name: who is written to
LETTERS = Table("letters", (Column("customer_id", "id", "who is written to"),), required=True)


@dataclass(frozen=True, eq=False)
class Turn:
    """Hold what a sheet must cover: the products that are known, the levers that are open, and what is allowed.

    Parameters
    ----------
    number : int
        The first turn is 1.
    weeks : range
        Of play, counted from 0.
    products : tuple of str (P,)
        In the order of the game's arrays, without those that nobody knows of yet.
    levers : tuple of str
        Those that are open in all of its weeks.
    low, high : array (P,)
        Money.
    places : int
        On the offers page.
    customers : frozenset of str
        Who is on the mailing list.
    """

    number: int
    weeks: range
    products: tuple[str, ...]
    levers: tuple[str, ...]
    low: Floats
    high: Floats
    places: int
    customers: frozenset[str] = frozenset()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read, without ``product_id``."""
        return tuple(COLUMNS[lever] for lever in self.levers if lever in COLUMNS)

    def text(self) -> str:
        """Write the turn down for those who look a sheet through without the referee."""
        mail = sorted(self.customers) if "mail" in self.levers else []
        held = {"number": self.number, "weeks": [self.weeks.start, self.weeks.stop], "products": self.products}
        held |= {"levers": self.levers, "low": self.low.tolist(), "high": self.high.tolist(), "places": self.places}
        return json.dumps(held | {"customers": mail}) + "\n"


def turn_of(folder: Path) -> Turn:
    """Read a turn that was handed out.

    Parameters
    ----------
    folder : Path
        Such as ``room/round-1``.

    Raises
    ------
    DataError
        It holds no turn.
    """
    try:
        held = json.loads((folder / TURN).read_text(encoding="utf-8"))
        low, high = (np.array(held[name], dtype=float) for name in ("low", "high"))
        lists = (range(*held["weeks"]), tuple(held["products"]), tuple(held["levers"]))
        return Turn(held["number"], *lists, low, high, held["places"], frozenset(held["customers"]))
    except (OSError, ValueError, TypeError, KeyError) as fault:
        remedy = "name the folder of one round, such as room/round-1."
        raise DataError("this is no round of a quarter", value=str(folder), remedy=remedy) from fault


@dataclass(frozen=True, eq=False)
class SheetRead(ListRead):
    """Hold what came of one sheet: ``units`` is the sheet, where there are no faults."""

    units: Sheet | None = None  # type: ignore[assignment]
    faults: tuple[Fault, ...] = ()
    turn: int | None = None  # that it names
    weeks: frozenset[pd.Timestamp] = field(default_factory=frozenset)

    @property
    def complete(self) -> str:
        """What a sheet without faults holds, in words."""
        sheet = self.units
        if sheet is None:
            return "nothing"
        said = [f"{len(sheet.products)} products"]
        said += [] if sheet.up_to is None else [f"up to {int(sheet.up_to.sum()):,} units"]
        said += [] if sheet.price is None else ["prices"]
        said += [] if sheet.promote is None else [f"{int(sheet.promote.sum())} on the offers page"]
        said += [] if sheet.mail is None else [f"{len(sheet.mail):,} letters"]
        return ", ".join(said)


def read_sheet(path: Path, turn: Turn, letters: Path | None = None) -> SheetRead:
    """Read a sheet, and the list of letters beside it, and check both against the turn.

    Parameters
    ----------
    path : Path
        CSV with ``product_id`` and a column for each open lever of products; Excel's ways of writing are read.
    turn : Turn
        What it must cover.
    letters : Path, optional
        CSV with ``customer_id``; nobody is written to where there is none.

    Returns
    -------
    SheetRead
        All faults with their places; nothing is dropped and nothing guessed.
    """
    if path.suffix.lower() not in (".csv", ".parquet"):
        return SheetRead(faults=(Fault(f"a file of this kind cannot be read: {path.name}. Save it as 'CSV UTF-8'."),))
    number = Column("turn", "number", "the number of the turn that it is for", required=False)
    asked = tuple(Column(name, "number", _MEANS[name]) for name in turn.columns)
    table = Table("sheet", (Column("product_id", "id", "the product's identifier"), *asked, number), required=True)
    found = read_table(path, table)
    if found.frame is None:
        return SheetRead(faults=tuple(_sentence(fault) for fault in found.faults))
    frame, rows = found.frame, found.rows
    faults = [_sentence(fault) for fault in found.faults]
    for column in table.columns[:-1]:
        if column.name not in found.columns:
            faults.append(_sentence(missing_column(table, column, found.columns)))
        elif column.name not in frame and not any(fault.column == column.name for fault in found.faults):
            faults.append(Fault(f"column '{column.name}': it is empty. Fill it in: {column.means}."))
    named = frame["turn"].dropna().unique() if "turn" in frame else []
    if "product_id" in frame:
        faults += _covered(frame["product_id"], rows, turn)
    for name in turn.columns:
        if name in frame:
            faults += _values(name, frame, rows, turn)
    mail = None
    if "mail" in turn.levers:
        mail, more = read_letters(letters, turn)
        faults += more
    which = int(named[0]) if len(named) == 1 else None
    if faults:
        return SheetRead(faults=tuple(faults), turn=which)
    table_ = frame.set_index("product_id").reindex(list(turn.products))
    kinds = {"up_to": np.int64, "price": np.float64, "promote": np.int8}
    held: dict[str, Any] = {name: table_[name].to_numpy().astype(kinds[name]) for name in turn.columns}
    return SheetRead(Sheet(turn.products, **held, mail=mail), turn=which)


def _covered(ids: pd.Series, rows: NDArray[Any], turn: Turn) -> list[Fault]:
    """Whether each product stands there once, and no other."""
    faults = _products(ids, rows, turn.products)
    twice = ids.isin(turn.products) & ids.duplicated(keep="first")
    faults += _where(twice, rows, "this product stands in the sheet already", [str(name) for name in ids])
    gone = [product for product in turn.products if product not in set(ids)]
    are = "is" if len(gone) == 1 else "are"
    return faults + (
        [Fault(f"{len(gone)} of {len(turn.products)} products {are} missing", tuple(gone))] if gone else []
    )


def _values(name: str, frame: pd.DataFrame, rows: NDArray[Any], turn: Turn) -> list[Fault]:
    """What is wrong with one column's numbers."""
    values, says = frame[name], f"column '{name}': "
    size = values.fillna(0.0)
    written = [f"{value:g}" for value in size]
    faults = _where(values.isna(), rows, says + "the number is missing")
    if name == "up_to":
        faults += _where(size < 0, rows, says + "a level must not be negative", written)
        faults += _where(size % 1 != 0, rows, says + "a level is whole units; round it", written)
        faults += _where(size > MOST, rows, says + f"nobody orders more than {MOST:,} units; check it", written)
    elif name == "price" and "product_id" in frame:
        at = pd.Index(turn.products).get_indexer(frame["product_id"])
        low, high = (np.where(at >= 0, rail[at], ends) for rail, ends in ((turn.low, 0.0), (turn.high, np.inf)))
        off = values.notna() & ((size < low - 0.005) | (size > high + 0.005))
        said = [f"{value:g}, not {lo:g} to {hi:g}" for value, lo, hi in zip(size, low, high, strict=True)]
        faults += _where(off, rows, says + "a price must lie between price_low and price_high", said)
    elif name == "promote":
        faults += _where(values.notna() & ~size.isin([0, 1]), rows, says + "write 1 or 0", written)
        if (size == 1).sum() > turn.places:
            faults += [
                Fault(f"{says}the offers page has {turn.places} places, and {int((size == 1).sum())} are marked.")
            ]
    return faults


def read_letters(path: Path | None, turn: Turn) -> tuple[frozenset[str], list[Fault]]:
    """Read who is written to, and say what is wrong with the list.

    Parameters
    ----------
    path : Path, optional
        CSV with ``customer_id``; nobody where there is none.
    turn : Turn
        Who is on the mailing list.

    Returns
    -------
    tuple
        Customers, and faults.
    """
    if path is None or not path.is_file():
        return frozenset(), []
    found = read_table(path, LETTERS)
    faults = [_sentence(fault) for fault in found.faults]
    if found.frame is None or "customer_id" not in found.frame:
        missing = [] if faults else [_sentence(missing_column(LETTERS, LETTERS.columns[0], found.columns))]
        return frozenset(), [*faults, *missing]
    ids = found.frame["customer_id"]
    strange = ~ids.isin(turn.customers)
    faults += _where(strange, found.rows, "letters: nobody on the list is called so", [str(name) for name in ids])
    return frozenset(ids[~strange]), faults


def turn_of_quarter(quarter: Quarter, number: int, weeks: range) -> Turn:
    """Say what a sheet for these weeks must cover, as things stand in one shop.

    Parameters
    ----------
    quarter : Quarter
        At its first Monday.
    number, weeks : int, range
        As of ``Turn``.
    """
    obs, at = quarter.obs, quarter.known()
    ids, open_now = tuple(quarter.env.product_ids[at]), quarter.env.game.open_in(weeks.start)
    listed = frozenset(quarter.env.customer_ids[obs["listed"].astype(bool)])
    return Turn(number, weeks, ids, open_now, obs["price_low"][at], obs["price_high"][at], quarter.env.places, listed)


def read_lever(quarter: Quarter, lever: str, path: Path) -> Sheet:
    """Read one lever of the week to come from a file: a sheet's column, or a list of letters.

    Parameters
    ----------
    quarter : Quarter
        As it stands.
    lever : str
        ``order``, ``price``, ``promote`` or ``mail``.
    path : Path
        CSV with ``product_id`` and the lever's column; with ``customer_id`` for letters.

    Returns
    -------
    Sheet
        A policy of this lever.

    Raises
    ------
    DataError
        What is wrong with the file, all of it.
    """
    week = range(quarter.week, quarter.week + 1)
    turn = replace(turn_of_quarter(quarter, quarter.week + 1, week), levers=(lever,))
    if lever == "mail":
        mail, faults = read_letters(path, turn)
        sheet = Sheet((), mail=mail)
    else:
        found = read_sheet(path, turn)
        sheet, faults = found.units or Sheet(()), list(found.faults)
    if faults:
        said = " ".join(f"{number}. {fault}" for number, fault in enumerate(faults, start=1))
        raise DataError(f"the file has faults: {said}", value=str(path), remedy="mend them and read it again.")
    return quarter.playable(sheet)
