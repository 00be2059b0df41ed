"""Orders a product's first weeks before anybody has bought it (lesson 02, section 6)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.decisions.newsvendor import newsvendor_quantile
from ecomlib.errors import DataError
from ecomlib.stores.store import Store

Floats = NDArray[np.float64]


def launch_level(store: Store, table: pd.DataFrame, *, weeks: int = 8) -> Floats:
    """Compute what a mean established product sold before each launch, units a week, shape (n,).

    Established are the products of ``table`` that were there
    on the store's first day. Where no whole week came before the launch, the first ``weeks`` of the store stand in.
    Known at: the first day; for the products of the first day itself, after ``weeks``.

    Parameters
    ----------
    store : Store
        Whose orders are counted.
    table : DataFrame
        ``product_id, first_day``, a row a product.
    weeks : int
        How many weeks before a launch are averaged.
    """
    opened = table["first_day"].min()
    old = table.loc[table["first_day"] == opened, "product_id"]
    lines = store.orders[store.orders["product_id"].isin(old)]
    daily = lines["quantity"].groupby(lines["ordered_at"].dt.normalize()).sum()
    daily = daily.reindex(pd.date_range(opened, daily.index.max()), fill_value=0)
    so_far = pd.concat([pd.Series(0, [opened - pd.Timedelta(days=1)]), daily]).cumsum()
    end = table["first_day"].clip(lower=opened + pd.Timedelta(weeks=weeks)) - pd.Timedelta(days=1)
    start = (end - pd.Timedelta(weeks=weeks)).clip(lower=opened - pd.Timedelta(days=1))
    sold = so_far.reindex(end).to_numpy() - so_far.reindex(start).to_numpy()
    return np.asarray(sold / ((end - start).dt.days.to_numpy() / 7) / len(old), dtype=float)


def first_order(forecast: Any, misses: Any, level: Any, days: Any, c_u: Any, c_o: Any) -> Floats:
    """Order a newcomer's first days at once: units, whole, shape (n,) (lesson 02, section 6).

    The forecast moves up or down by that quantile of past misses which the two costs ask for, the newsvendor's.

    Parameters
    ----------
    forecast : array (n,)
        Log of units a week, less the log of what a mean established product sells.
    misses : array (m,)
        Truth less forecast, on the same scale, of products that the forecaster had not learnt from.
    level, days : array (n,) or float
        Units a week of a mean established product before the launch; how many days the order is to last.
    c_u, c_o : array (n,) or float
        Money lost by a unit too few and by one too many.

    Raises
    ------
    DataError
        There is no past miss.
    """
    past = np.asarray(misses, dtype=float)
    if not past.size:
        raise DataError("no past miss is given", remedy="forecast products that were not learnt from.")
    moved = np.asarray(forecast, dtype=float) + np.quantile(past, newsvendor_quantile(c_u, c_o))
    return np.asarray(np.round(np.exp(moved) * np.asarray(level) * np.asarray(days) / 7), dtype=float)
