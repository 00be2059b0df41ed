"""The tables of an online store and the rules they obey (lesson 00, section 1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from ecomlib.errors import MissingTableError

if TYPE_CHECKING:
    from pathlib import Path

TABLES = (
    "products", "listings", "regions", "customers", "orders", "prices", "inventory", "sessions", "mailings", "reviews",
)


@dataclass(frozen=True, eq=False)
class Store:
    """One store's tables, checked when it is made.

    Identifiers are plain strings, dates are timezone-free ``datetime64[ns]`` (midnight for columns called ``date``),
    prices are per unit in ``currency``, quantities are whole units. ``truth`` holds what is hidden from models and
    exists for simulated stores only.
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
        return replace(self, truth=None)
