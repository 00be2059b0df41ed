"""Counts what came back: units and money gross and net of returned lines (lesson 01, section 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from ecomlib.errors import DataError

if TYPE_CHECKING:
    from ecomlib.stores.store import Store

UNITS = ("gross", "net")


def came_back(orders: pd.DataFrame) -> pd.Series:
    """Find the order lines that were returned; a line of which nothing is known was not."""
    return orders["returned"].eq(True) if "returned" in orders else pd.Series(False, index=orders.index)


def sold(store: Store, returns: str = "gross") -> Store:
    """Leave the returned lines of a store away where ``returns`` is ``"net"`` (lesson 01, section 3).

    Parameters
    ----------
    store : Store
    returns : {"gross", "net"}
        "gross" gives the store as it is.

    Returns
    -------
    Store
        Lines of the last weeks may come back yet: of these, net units are too many.

    Raises
    ------
    DataError
        Another word, a store that does not say what came back, or nothing was kept.

    Examples
    --------
    >>> import pandas as pd
    >>> from ecomlib.stores import Store
    >>> orders = pd.DataFrame({
    ...     "order_id": ["1", "2"], "product_id": "mug", "quantity": [2, 1], "unit_price": 5.0,
    ...     "ordered_at": pd.to_datetime(["2024-01-01", "2024-01-16"]), "returned": [True, False],
    ... })
    >>> shop = Store("shop", pd.DataFrame({"product_id": ["mug"], "title": ["red mug"]}), orders)
    >>> int(sold(shop, "net").orders["quantity"].sum())
    1
    """
    if returns not in UNITS:
        raise DataError("unknown returns", value=returns, remedy=f"use {' or '.join(UNITS)}.")
    if returns == "gross":
        return store
    if "returned" not in store.orders:
        raise DataError(
            "nothing is known of returns",
            table="orders",
            column="returned",
            remedy="add the column (true where a line came back), or count gross units.",
        )
    kept = store.orders[~came_back(store.orders)].reset_index(drop=True)
    if kept.empty:
        raise DataError("all lines came back", table="orders", column="returned", remedy="count gross units.")
    return store.with_parts(orders=kept)


def returns_sentence(orders: pd.DataFrame, currency: str = "") -> str:
    """Say what came back, gross and net; an empty text where the column ``returned`` is not there.

    Parameters
    ----------
    orders : DataFrame
        Order lines with ``quantity, unit_price, returned``.
    currency : str
        Of the prices.
    """
    if "returned" not in orders:
        return ""
    back = came_back(orders)
    if not back.any():
        return "None of the lines came back."
    money = f" {currency}" if currency else ""
    revenue, units = orders["quantity"] * orders["unit_price"], orders["quantity"]
    return (
        f"{len(orders):,} lines, {back.mean():.1%} of them came back: {units.sum():,} units gross, "
        f"{units[~back].sum():,} net; {revenue.sum():,.0f}{money} gross, {revenue[~back].sum():,.0f}{money} net. "
        'Panels and forecasts count gross units, unless told returns="net".'
    )


def cleaning_of(orders: pd.DataFrame) -> pd.DataFrame | None:
    """Count what was read, kept and came back: lines, units and money; None where nothing is known of returns."""
    if "returned" not in orders:
        return None
    money, back = orders["quantity"] * orders["unit_price"], came_back(orders)
    parts = {"read": back | True, "kept": back | True, "of these: came back": back, "of these: net of returns": ~back}
    rows = [(name, int(part.sum()), orders["quantity"][part].sum(), money[part].sum()) for name, part in parts.items()]
    return pd.DataFrame(rows, columns=["reason", "rows", "units", "revenue"])
