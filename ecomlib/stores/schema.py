"""Defines what each table of a store must hold, and the rules that its rows obey (lesson 00, section 1).

The tables stand here once, as data: ``Store`` checks against them when it is made, the folder reader parses by them,
and the data check explains by them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

KIND_WORDS = {
    "id": "text",
    "text": "text",
    "count": "a whole number",
    "number": "a number",
    "flag": "true or false",
    "day": "a date (YYYY-MM-DD)",
    "moment": "a date and time (YYYY-MM-DD HH:MM)",
}


@dataclass(frozen=True)
class Column:
    """Describe one column: its kind (a key of ``KIND_WORDS``), its meaning with unit, and the values it may take."""

    name: str
    kind: str
    means: str
    required: bool = True
    null: bool = False
    low: float | None = None
    high: float | None = None
    above: float | None = None


@dataclass(frozen=True)
class Table:
    """Describe one table: its columns, those that name a row once (if they are there), and the tables it refers to."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    refers: tuple[tuple[str, str], ...] = ()
    required: bool = False

    def column(self, name: str) -> Column | None:
        """Find the column of that name, or None where the table may hold it but no rule speaks of it."""
        return next((column for column in self.columns if column.name == name), None)


def _option(name: str, kind: str, means: str, low: float | None = None, high: float | None = None) -> Column:
    # Values of an option may be missing; a flag or a count that may be missing would need a third kind of value.
    return Column(name, kind, means, required=False, null=kind not in ("flag", "count"), low=low, high=high)


_PRODUCT = Column("product_id", "id", "the product's identifier")
_REGION = _option("region_id", "id", "where it was sold")
_CUSTOMER = _option("customer_id", "id", "who bought; empty for a guest")
_DATE = Column("date", "day", "the day")
_PRICE = Column("unit_price", "number", "price of one unit", low=0)
_TO_PRODUCT, _TO_REGION = ("product_id", "products"), ("region_id", "regions")
_TO_CUSTOMER = ("customer_id", "customers")
_TABLES = (
    Table(
        "products",
        (
            _PRODUCT,
            Column("title", "text", "the words a customer sees"),
            _option("description", "text", "longer words"),
            _option("category", "text", "the product's group"),
            _option("list_price", "number", "price of one unit before any promotion", low=0),
            _option("unit_cost", "number", "what one unit costs the shop", low=0),
            _option("launched_on", "day", "first day on sale"),
            _option("image_path", "text", "file of a picture"),
        ),
        key=("product_id",),
        required=True,
    ),
    Table(
        "listings",
        (
            _PRODUCT,
            Column("version", "count", "number of the text's version", low=0),
            Column("valid_from", "day", "first day of this text"),
            Column("title", "text", "the title from that day"),
            Column("description", "text", "the description from that day", null=True),
        ),
        key=("product_id", "version"),
        refers=(_TO_PRODUCT,),
    ),
    Table(
        "regions",
        (
            Column("region_id", "id", "the region's identifier"),
            Column("name", "text", "the region's name"),
            _option("latitude", "number", "degrees north", -90, 90),
            _option("longitude", "number", "degrees east", -180, 180),
            _option("row", "number", "row on a map of cells"),
            _option("column", "number", "column on a map of cells"),
            _option("population", "number", "people who live there", low=0),
        ),
        key=("region_id",),
    ),
    Table(
        "customers",
        (
            Column("customer_id", "id", "the customer's identifier"),
            _option("region_id", "id", "where the customer lives"),
            _option("signed_up_on", "day", "day of registration"),
        ),
        key=("customer_id",),
        refers=(_TO_REGION,),
    ),
    Table(
        "orders",
        (
            Column("order_id", "id", "the order's identifier; its lines share it"),
            _PRODUCT,
            _REGION,
            _CUSTOMER,
            Column("ordered_at", "moment", "when the order was placed"),
            Column("quantity", "count", "units bought", above=0),
            _PRICE,
            _option("returned", "flag", "whether the line came back"),
        ),
        refers=(_TO_PRODUCT, _TO_REGION, _TO_CUSTOMER),
        required=True,
    ),
    Table(
        "prices",
        (
            _PRODUCT,
            _REGION,
            _DATE,
            _PRICE,
            Column("promoted", "flag", "whether a promotion ran"),
            _option("depth", "number", "discount as a share of the price", 0, 1),
            _option("price_test", "flag", "whether the price was drawn at random"),
            _option("promo_experiment", "flag", "whether the promotion was drawn at random"),
            _option("promo_propensity", "number", "probability of the promotion", 0, 1),
        ),
        key=("product_id", "region_id", "date"),
        refers=(_TO_PRODUCT, _TO_REGION),
    ),
    Table(
        "inventory",
        (
            _PRODUCT,
            _REGION,
            _DATE,
            Column("on_hand_start", "count", "units in stock in the morning", low=0),
            Column("received", "count", "units that arrived", low=0),
            Column("sold", "count", "units that left", low=0),
        ),
        key=("product_id", "region_id", "date"),
        refers=(_TO_PRODUCT, _TO_REGION),
    ),
    Table(
        "sessions",
        (
            Column("session_id", "id", "the visit's identifier"),
            _CUSTOMER,
            Column("started_at", "moment", "when the visit began"),
            Column("converted", "flag", "whether it ended in an order"),
        ),
        key=("session_id",),
        refers=(_TO_CUSTOMER,),
    ),
    Table(
        "mailings",
        (
            Column("customer_id", "id", "who could have been written to"),
            _DATE,
            Column("treated", "flag", "whether the mail was sent"),
            _option("propensity", "number", "probability that it was sent", 0, 1),
        ),
        key=("customer_id", "date"),
        refers=(_TO_CUSTOMER,),
    ),
    Table(
        "reviews",
        (
            _PRODUCT,
            _CUSTOMER,
            Column("written_at", "day", "day of the review"),
            Column("rating", "number", "stars", low=1, high=5),
            Column("text", "text", "the review's words", null=True),
        ),
        refers=(_TO_PRODUCT, _TO_CUSTOMER),
    ),
)
SCHEMA: Mapping[str, Table] = {table.name: table for table in _TABLES}


def plain_name(name: str) -> str:
    """Write a column's name as the schema does: ``Order ID``, ``OrderId``, ``order-id`` and ``ORDER_ID`` alike."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name.strip("\ufeff\u200b \t\r\n")).lower()
    return "_".join(re.split(r"[\s_.\-]+", words.strip()))


def conform(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """Remove harmless differences of type; returns the same object where there are none.

    Dates of another resolution become nanoseconds, whole numbers in a price column become floats, 0/1 becomes a flag,
    categories become plain strings. Nothing is guessed: whatever could change a value is left for the rules to refuse.
    """
    changed: dict[str, pd.Series] = {}
    for column in table.columns:
        if column.name not in frame.columns:
            continue
        old = frame[column.name]
        dtype = old.dtype
        if column.kind in ("id", "text"):
            if isinstance(dtype, pd.CategoricalDtype) or str(dtype).startswith("string"):
                changed[column.name] = old.astype(object).where(old.notna(), None).infer_objects()
        elif column.kind in ("day", "moment"):
            if isinstance(dtype, np.dtype) and dtype.kind == "M" and dtype != "datetime64[ns]":
                changed[column.name] = old.astype("datetime64[ns]")
        elif pd.api.types.is_object_dtype(dtype) and column.kind != "flag":
            continue
        elif column.kind == "number" and dtype != "float64" and pd.api.types.is_numeric_dtype(dtype):
            changed[column.name] = old.astype("float64")
        elif column.kind == "count" and dtype != "int64" and pd.api.types.is_integer_dtype(dtype) and old.notna().all():
            changed[column.name] = old.astype("int64")
        elif column.kind == "flag" and dtype != "bool" and old.isin([0, 1]).all():
            changed[column.name] = old.astype(bool)
    return frame.assign(**changed) if changed else frame
