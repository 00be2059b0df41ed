"""Compares a price with what a product usually costs (lesson 00, section 1; lesson 04, section 1)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ecomlib.errors import DataError, explained
from ecomlib.features.columns import numbers
from ecomlib.panel import check_panel

__all__ = ["relative_price", "usual_price"]


@explained()
def usual_price(panel: pd.DataFrame, column: str = "price") -> pd.DataFrame:
    """Average each series' prices so far, the row's own included (lesson 00, section 1).

    Parameters
    ----------
    panel : DataFrame
        As ``make_panel`` gives it.
    column : str
        The price, in currency.

    Returns
    -------
    DataFrame
        With the panel's index, one float64 column ``usual_<column>`` in currency: the geometric mean of the series'
        prices from its first row in this panel up to and including each row. Missing prices are left out of the mean.

    Raises
    ------
    DataError
        Not a panel, the column is absent, or a price is not above zero.

    Notes
    -----
    Known at: the time at which the row's own price is known. For the plan's ``price`` that is ahead of time, and so
    ``usual_price`` stands in ``panel.KNOWN_AHEAD``; for ``price_paid`` it is the end of the period. Of a series that
    has not begun nothing is known ahead: the mean counts from its first row.

    Examples
    --------
    >>> import pandas as pd
    >>> weeks = pd.date_range("2024-01-01", periods=3, freq="7D")
    >>> usual_price(pd.DataFrame({"unique_id": "mug", "ds": weeks, "price": [4.0, 9.0, 6.0]})).round(6)
       usual_price
    0          4.0
    1          6.0
    2          6.0
    """
    return np.exp(_usual_log(panel, column)).to_frame(f"usual_{column}")


@explained()
def relative_price(panel: pd.DataFrame, column: str = "price") -> pd.DataFrame:
    """Subtract the log of the usual price from the log of the price (lesson 00, section 1; lesson 04, section 1).

    0.1 says that the row is about a tenth dearer than the series has been so far; the first row of a series has 0.

    Parameters
    ----------
    panel : DataFrame
        As ``make_panel`` gives it.
    column : str
        The price, in currency.

    Returns
    -------
    DataFrame
        With the panel's index, one float64 column without unit: ``rel_price`` for ``"price"``, ``rel_<column>`` for
        another; NaN where the price is missing.

    Raises
    ------
    DataError
        Not a panel, the column is absent, or a price is not above zero.

    Notes
    -----
    Known at: as for ``usual_price``. ``rel_price`` stands in ``panel.KNOWN_AHEAD``, so windows take it as a covariate
    known ahead; ``rel_price_paid`` does not.

    Examples
    --------
    >>> import pandas as pd
    >>> weeks = pd.date_range("2024-01-01", periods=3, freq="7D")
    >>> relative_price(pd.DataFrame({"unique_id": "mug", "ds": weeks, "price": [4.0, 4.0, 5.0]})).round(3)
       rel_price
    0      0.000
    1      0.000
    2      0.149
    """
    usual = _usual_log(panel, column)
    name = "rel_price" if column == "price" else f"rel_{column}"
    return (np.log(panel[column].astype(float)) - usual).to_frame(name)


def _usual_log(panel: pd.DataFrame, column: str) -> pd.Series:
    """Mean of the log prices of each series up to and including each row."""
    starts, _ = check_panel(panel)
    price = numbers(panel, "panel", column)
    bad = np.flatnonzero(price <= 0)
    if bad.size:
        raise DataError(
            "a price must be above zero",
            table="panel",
            column=column,
            rows=list(bad[:6] + 1),
            value=float(price[bad[0]]),
            remedy="leave gifts out of the orders, or make the price missing there.",
        )
    series = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    mean = pd.Series(np.log(price)).groupby(series).expanding().mean().to_numpy()
    return pd.Series(mean, index=panel.index)
