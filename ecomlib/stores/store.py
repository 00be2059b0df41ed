"""Holds the tables of an online store together (lesson 00, section 1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pandas as pd

from ecomlib.errors import CallError, MissingTableError, explained, unknown_name
from ecomlib.stores.schema import SCHEMA, conform

if TYPE_CHECKING:
    from ecomlib.stores.summary import Summary

TABLES = tuple(SCHEMA)

_PANEL = "units by product and week are a panel: make_panel(store)."
_TABLE = "it is a table: "
# What users of frames and of other libraries try on a store, and what they do here.
_FOREIGN = {
    "sales": _TABLE + "store.orders, a row a line; " + _PANEL,
    "transactions": _TABLE + "store.orders, a row a line.",
    "items": _TABLE + "store.products.",
    "catalog": _TABLE + "store.products.",
    "stock": _TABLE + "store.inventory.",
    "plot": "ecomlib.plots draws panels and maps; " + _PANEL,
    "head": "look at a table: store.orders.head().",
    "describe": "store.summary() sums it up.",
    "info": "store.summary() sums it up.",
    "columns": "look at a table: store.orders.columns.",
    "panel": _PANEL,
    "make_panel": _PANEL,
    "to_panel": _PANEL,
    "resample": _PANEL,
    "groupby": _PANEL,
    "merge": 'merge its tables, such as store.orders.merge(store.products, on="product_id").',
    "forecast": 'a forecaster needs a panel: forecaster("naive").fit(make_panel(store), horizon=4).forecast().',
    "save": "write its tables with store.to_directory(folder).",
    "to_csv": "write its tables with store.to_directory(folder).",
    "to_parquet": "write its tables with store.to_directory(folder).",
    "load": "read one by load_store(name_or_folder).",
}


class _Loads(type):
    """Answers constructors that other libraries have, such as ``Store.from_csv``."""

    if not TYPE_CHECKING:

        def __getattr__(cls, name: str) -> NoReturn:
            if name.startswith("_"):
                raise AttributeError(f"type object '{cls.__name__}' has no attribute '{name}'")
            read = "read a folder by Store.from_directory(folder), or hand frames in: Store(name, products, orders)."
            loads = name.startswith(("from_", "read", "load", "open"))
            raise unknown_name("Store", name, vars(cls), {name: read} if loads else _FOREIGN)


@explained(
    "Store(name, products, orders, …), with products and orders as frames",
    data="hand the tables in one by one: Store(name, products, orders).",
    path="read a folder by Store.from_directory(folder).",
    sales="the lines of orders are called orders here: Store(name, products, orders).",
    items="the list of products is called products here: Store(name, products, orders).",
)
@dataclass(frozen=True, eq=False, repr=False)
class Store(metaclass=_Loads):
    """Hold one store's tables, checked when it is made (lesson 00, section 1).

    Identifiers are plain strings, dates are timezone-free ``datetime64[ns]`` (midnight, except ``ordered_at`` and
    ``started_at``), prices are per unit in ``currency``, quantities are whole units above zero. The columns of each
    table stand in ``ecomlib.stores.schema``; further columns are kept. Printed, a store shows its summary.

    Parameters
    ----------
    name : str
        What messages and summaries call it.
    products, orders : DataFrame
        A row a product, and a row an order line.
    listings, regions, customers, prices, inventory, sessions, mailings, reviews : DataFrame, optional
        What more is known.
    currency : str
        Of all prices.
    notes : mapping
        Free facts about where the tables come from, for example ``cleaning``, the loader's report.
    truth : object, optional
        What is hidden from models; simulated stores alone have it.

    Raises
    ------
    DataError
        A table breaks a rule; names table, column, row (the first is 1), value and remedy.

    Examples
    --------
    >>> import pandas as pd
    >>> products = pd.DataFrame({"product_id": ["mug"], "title": ["red mug"]})
    >>> orders = pd.DataFrame({
    ...     "order_id": ["1", "2"], "product_id": "mug", "quantity": [2, 1], "unit_price": 5.0,
    ...     "ordered_at": pd.to_datetime(["2024-01-01 09:00", "2024-01-16 12:00"]),
    ... })
    >>> shop = Store("shop", products, orders)
    >>> [name for name, table in shop.tables()]
    ['products', 'orders']
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

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()

    if not TYPE_CHECKING:  # a type checker reports these itself

        def __getattr__(self, name: str) -> NoReturn:
            if name.startswith("_"):  # asked by copy, pickle and notebooks
                raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")
            raise unknown_name("a store", name, [*TABLES, *vars(type(self))], _FOREIGN)

        def __getitem__(self, table: object) -> NoReturn:
            way = f"write store.{table}." if table in TABLES else f"its tables are {', '.join(TABLES)}."
            raise CallError("a store's tables are attributes", value=table, remedy=way)

    def tables(self) -> Iterator[tuple[str, pd.DataFrame]]:
        """Give the name and frame of each table that this store has, in the order of ``TABLES``."""
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
        """Leave the truth away: this is the only thing that rooms after ``stores`` may receive."""
        if self.truth is None:
            return self
        return self.with_parts(truth=None)

    def with_parts(self, **tables: Any) -> Store:
        """Put parts of its own tables in their places, or None: they were checked, and are not again.

        Checking costs a second. For tables that come from anywhere else take ``dataclasses.replace``, which checks.
        """
        other = object.__new__(Store)
        other.__dict__.update({**self.__dict__, **tables})
        return other

    def summary(self) -> Summary:
        """Sum up what is sold, where, since when, how much, and what is missing; prints, and shows in a notebook."""
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
