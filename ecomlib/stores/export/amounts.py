"""Works out what was paid for a unit, and how many units of a line were cancelled or came back."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from ecomlib.stores.export.values import look

_MANY = 0.9  # share of a product's priced lines that have a twin without a price, from which the twins are variants
_HALF = 0.4  # of the rows on which a total is price times quantity, so that it is one
_COMPARED = 3  # products with and without a discount from which their prices tell whether it is taken off already


def rounding(quantity: pd.Series) -> pd.Series:
    """Give how far a line's total may lie from price times quantity, where both were rounded to cents."""
    return 0.0061 + 0.0051 * quantity.abs()


def paid(lines: pd.DataFrame) -> pd.Series:
    """Give the price of a unit: by the line's total where that says something else, such as less after a discount.

    Parameters
    ----------
    lines : DataFrame
        Numbers: ``quantity`` and ``unit_price``, ``line_total`` or both.
    """
    if "line_total" not in lines:
        return lines["unit_price"]
    with np.errstate(divide="ignore", invalid="ignore"):
        each = (lines["line_total"] / lines["quantity"]).abs().round(4)
    if "unit_price" not in lines:
        return each
    unit = lines["unit_price"]
    apart = (unit * lines["quantity"] - lines["line_total"]).abs() > rounding(lines["quantity"])
    return each.where((apart | unit.isna()) & lines["quantity"].ne(0) & lines["line_total"].notna(), unit)


def reduced(unit: pd.Series, quantity: pd.Series, total: pd.Series) -> float:
    """Give the share of rows on which a total is less than price times quantity; zero where it is no total after that.

    It is one where it is price times quantity on many rows, of which some are of several units, and hardly ever more.
    """
    there = (total.abs() > 0) & unit.notna() & quantity.notna()
    apart = ((unit * quantity).abs() - total.abs())[there]
    if apart.empty:
        return 0.0
    same = apart.abs() <= rounding(quantity[there])
    less = int((apart[~same] > 0).sum())
    several = same & quantity[there].abs().gt(1)
    clear = (
        less >= _COMPARED and several.sum() >= _COMPARED and same.mean() > _HALF and less > 0.95 * int((~same).sum())
    )
    return less / len(apart) if clear else 0.0


def variants(lines: pd.DataFrame) -> pd.Series:
    """Tell which lines repeat a priced line of their order: the variant that a shop system writes below its parent.

    A gift of the same product looks alike, so a product's lines are taken for that only where nearly all have a twin.
    """
    key = [lines[name] for name in ("order_id", "product_id", "quantity")]
    free = lines["unit_price"] == 0
    priced = lines["unit_price"] > 0
    twin = free & priced.groupby(key).transform("any")
    if not twin.any():
        return twin
    has_twin = free.groupby(key).transform("any")[priced].groupby(lines["product_id"][priced]).mean()
    return twin & lines["product_id"].map(has_twin).ge(_MANY)


def downloaded_twice(frame: pd.DataFrame, read: Collection[str]) -> tuple[pd.Series, str]:
    """Tell which rows stand there a second time, word for word, though one column names each row: two downloads.

    Parameters
    ----------
    frame : DataFrame
        The rows as they stand in the file.
    read : collection of str
        Columns that are read as something else than a row's name: a moment or a price may be another in each row too.

    Returns
    -------
    Series of bool
        The second ones. All False where no column names the row, since a customer may buy the same twice.
    str
        The column that names the row.
    """
    again = frame.duplicated()
    if again.any():
        kept = frame[~again]
        for column in kept:
            values = kept[column].dropna()
            if column in read or len(values) < 0.99 * len(kept) or not values.is_unique:
                continue
            seen = look(values)
            if seen.dates < 0.5 and seen.cents < 0.5:
                return again & frame[column].notna(), str(column)
    return pd.Series(False, index=frame.index), ""
