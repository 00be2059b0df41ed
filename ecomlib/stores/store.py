"""Holds the tables of an online store together (lesson 00, section 1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ecomlib.errors import MissingTableError
from ecomlib.stores.schema import SCHEMA, conform

if TYPE_CHECKING:
    from ecomlib.stores.summary import Summary

TABLES = tuple(SCHEMA)


@dataclass(frozen=True, eq=False)
class Store:
    """One store's tables, checked when it is made (lesson 00, section 1).

    Identifiers are plain strings, dates are timezone-free ``datetime64[ns]`` (midnight, except ``ordered_at`` and
    ``started_at``), prices are per unit in ``currency``, quantities are whole units above zero. The columns of each
    table stand in ``ecomlib.stores.schema``; further columns are kept. ``notes`` holds free facts about where they
    come from (for example ``cleaning``, the loader's report). ``truth`` holds what is hidden from models and exists for
    simulated stores only.

    Raises
    ------
    DataError: a table breaks a rule; names table, column, row (the first is 1), value and remedy.
    """

    name: str
    products: pd.DataFrame
    orders: pd.DataFrame
    listings: pd.DataFrame | None = None
    regions: pd.DataFrame | None = None
    customers: pd.DataFrame | None = None
    prices: pd.DataFrame | None = None
    inventory: pd.DataFrame | None = None
    sessions: pd.DataFrame | None = None
    mailings: pd.DataFrame | None = None
    reviews: pd.DataFrame | None = None
    currency: str = ""
    notes: Mapping[str, Any] = field(default_factory=dict)
    truth: Any = None

    def __post_init__(self) -> None:
        from ecomlib.stores.validation import faults

        for table, frame in list(self.tables()):
            object.__setattr__(self, table, conform(frame, SCHEMA[table]))
        found = faults(dict(self.tables()))
        if found:
            for other in found[1:]:
                found[0].add_note(str(other))
            raise found[0]

    def tables(self) -> Iterator[tuple[str, pd.DataFrame]]:
        """Name and frame of each table that this store has, in the order of ``TABLES``."""
        for table in TABLES:
            frame = getattr(self, table)
            if frame is not None:
                yield table, frame

    def require(self, *tables: str, why: str) -> None:
        """Raise ``MissingTableError`` naming the first absent table and what it is needed for."""
        for table in tables:
            if getattr(self, table) is None:
                raise MissingTableError(
                    f"the store '{self.name}' has no such table; it is needed {why}",
                    table=table,
                    remedy=f"add {table}.csv or {table}.parquet to the store's folder, or use another store.",
                )

    def observed(self) -> Store:
        """This store without its truth: the only thing that rooms after ``stores`` may receive."""
        if self.truth is None:
            return self
        return self.with_parts(truth=None)

    def with_parts(self, **tables: Any) -> Store:
        """This store with parts of its own tables in their places, or None: they were checked, and are not again.

        Checking costs a second. For tables that come from anywhere else take ``dataclasses.replace``, which checks.
        """
        other = object.__new__(Store)
        other.__dict__.update({**self.__dict__, **tables})
        return other

    def summary(self) -> Summary:
        """What is sold, where, since when, how much, and what is missing: print it, or let a notebook show it."""
        from ecomlib.stores.summary import summarise

        return summarise(self)

    @staticmethod
    def from_directory(path: str | Path, *, name: str | None = None, currency: str | None = None) -> Store:
        """Read a folder of CSV or Parquet files named after the tables (lesson 00, section 6).

        ``name`` and ``currency`` default to what ``to_directory`` left there, else to the folder's name and nothing.
        Raises ``DataError`` with the first thing that does not fit; ``ecomlib data check PATH`` lists all of them.
        """
        from ecomlib.stores.folder.read_write import read

        return read(path, name=name, currency=currency)

    def to_directory(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write each table as Parquet into a folder, whole or not at all; the truth and the notes stay behind.

        Raises ``DataError`` where the folder holds something and ``overwrite`` is False, or holds more than a store.
        """
        from ecomlib.stores.folder.read_write import write

        return write(self, path, overwrite=overwrite)
