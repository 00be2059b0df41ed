"""Plays the baseline teams: lists that a shop-keeper could write from the sales of eight weeks, without any model."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.course.game.rules import LAST_WEEK, WEEKS, Month, Units, whole
from ecomlib.decisions.newsvendor import newsvendor_quantile

WINDOW = 8  # weeks that the rules look back on
MEAN, HALF_MORE, QUANTILE = "mean of 8 weeks", "mean plus half", "quantile of 8 weeks"
BOTS = (MEAN, HALF_MORE, QUANTILE)


def weekly_sales(orders: pd.DataFrame) -> pd.DataFrame:
    """Count the units sold by product and week: ``product_id, week`` (its Monday), ``quantity``; no row where none."""
    week = orders["ordered_at"].dt.to_period("W-SUN").dt.start_time.rename("week")
    return orders.groupby([orders["product_id"], week])["quantity"].sum().reset_index()


def recent_sales(orders: pd.DataFrame, products: pd.DataFrame, month: Month) -> NDArray[np.float64]:
    """Count the units sold in each of the last eight weeks, shape (P, 8), the last one at the end.

    Parameters
    ----------
    orders : DataFrame
        ``product_id, ordered_at, quantity`` up to the cut.
    products : DataFrame
        ``product_id, launched_on``.
    month : Month
        Whose products these are.

    Returns
    -------
    ndarray of float
        Zero in weeks without a sale, missing in weeks before the product's launch.
    """
    begin = month.weeks[0] - pd.Timedelta(weeks=WINDOW)
    late = orders[(orders["ordered_at"] >= begin) & (orders["ordered_at"] < month.weeks[0])]
    week = (late["ordered_at"] - begin).dt.days // 7
    table = pd.crosstab(late["product_id"], week, late["quantity"], aggfunc="sum")
    table = table.reindex(index=list(month.products), columns=range(WINDOW)).fillna(0.0).to_numpy(dtype=float)
    launch = products.set_index("product_id")["launched_on"].reindex(list(month.products))
    ends = begin + pd.to_timedelta(7 * np.arange(1, WINDOW + 1), unit="D")
    table[launch.to_numpy()[:, None] >= ends.to_numpy()[None, :]] = np.nan
    return table


def bot_lists(sales: NDArray[np.float64], month: Month) -> dict[str, Units]:
    """Write the lists of last week and of the three bots, each (P, 4).

    Parameters
    ----------
    sales : ndarray (P, 8)
        Of ``recent_sales``; the last week is never missing.
    month : Month
        What the lists must cover.

    Returns
    -------
    dict of str to ndarray
        By name: last week again; the mean; half as much again; each product's own quantile at its critical ratio.

    Examples
    --------
    >>> weeks = pd.date_range("2024-01-01", periods=4, freq="7D")
    >>> month = Month(1, ("mug",), weeks, c_u=np.full((1, 1), 3.0), c_o=np.ones((1, 1)))
    >>> {name: int(units[0, 0]) for name, units in bot_lists(np.arange(8.0)[None, :], month).items()}
    {'last week': 7, 'mean of 8 weeks': 4, 'mean plus half': 5, 'quantile of 8 weeks': 5}
    """
    mean = np.nanmean(sales, axis=1)
    ratio = newsvendor_quantile(month.c_u[:, 0], month.c_o[:, 0])
    own = [np.nanquantile(row, share) for row, share in zip(sales, ratio, strict=True)]
    rules = {LAST_WEEK: sales[:, -1], MEAN: mean, HALF_MORE: 1.5 * mean, QUANTILE: np.array(own)}
    return {name: np.repeat(whole(units)[:, None], WEEKS, axis=1) for name, units in rules.items()}
