"""Counts what is sold in fractions, such as kilograms beside pieces, in whole numbers of a smaller unit."""

from __future__ import annotations

import pandas as pd

from ecomlib.stores.export.role import plain

_THOUSANDTH = {
    "kg": "g",
    "kilo": "g",
    "l": "ml",
    "lt": "ml",
    "ltr": "ml",
    "liter": "ml",
    "litre": "ml",
    "m": "mm",
    "mtr": "mm",
    "t": "kg",
}
_MOST = 0.9  # share of products in fractions from which the whole shop sells so


def broken(quantity: pd.Series) -> pd.Series:
    """Tell which quantities are no whole numbers."""
    return (quantity - quantity.round()).abs() > 1e-6


def in_fractions(lines: pd.DataFrame) -> pd.Series:
    """Tell which lines are of a product that is sold in fractions: by its unit where one is known, else by its lines.

    Parameters
    ----------
    lines : DataFrame
        ``product_id``, ``quantity`` and, where there is such a column, ``unit``.
    """
    parts = broken(lines["quantity"])
    if "unit" in lines and len(lines["unit"].dropna().unique()) > 1:
        # A kilogram on the dot is still sold by weight.
        parts |= lines["unit"].isin(lines.loc[parts, "unit"].dropna())
    return lines["product_id"].isin(lines.loc[parts, "product_id"])


def remedy(lines: pd.DataFrame) -> str:
    """Say how a mapping file makes these quantities whole."""
    parts = in_fractions(lines)
    products = lines["product_id"]
    if products[parts].nunique() > _MOST * products.nunique():
        return "sell by a smaller unit: quantity_times = 1000 in the mapping file turns kilograms into grams."
    return (
        f"fraction_times = 1000 in the mapping file counts the {products[parts].nunique():,} products that are sold in"
        " fractions by the thousandth (grams), and leaves pieces as they are."
    )


def small_units(lines: pd.DataFrame, times: float) -> pd.Series:
    """Name the unit that each product is counted in, where that is ``times`` smaller than the shop's own.

    Parameters
    ----------
    lines : DataFrame
        Lines of these products, with ``product_id`` and perhaps ``unit``.

    Returns
    -------
    Series of str
        By product: ``g``, or ``1/1000``.
    """
    share = f"1/{times:g}"
    if "unit" not in lines:
        return pd.Series(share, index=pd.Index(lines["product_id"].unique(), name="product_id"))

    def small(units: pd.Series) -> str:
        unit = next(iter(units.dropna().mode()), "")
        return _THOUSANDTH.get(plain(unit), f"{share} {unit}".strip()) if times == 1000 else f"{share} {unit}".strip()

    return lines.groupby("product_id")["unit"].agg(small)
