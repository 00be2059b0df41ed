"""Protocol W, weekly sales of Online Retail II: its series, its origins, and the same in small for trial runs.

Lines: both years joined without the overlap, cancellations out, quantity and price above zero, codes of five digits
and optional letters. Items: first sold at least 52 weeks before the end of the first test origin's week; of these the
500 with the largest revenue until then. Nothing after the first test origin decides which items are in.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from ecomlib.panel import make_panel
from ecomlib.stores import Store, load_store
from ecomlib.stores.published.online_retail import weekly_sales_lines

HORIZON = 4
ITEMS = 500
LAST_WEEK = pd.Timestamp("2011-11-28")
TUNING_ORIGINS = tuple(pd.Timestamp(day) for day in ("2010-12-27", "2011-01-24", "2011-02-21", "2011-03-21"))
TEST_ORIGINS = tuple(pd.date_range("2011-04-18", periods=8, freq="28D"))
WEEK = pd.Timedelta(weeks=1)


def panel(store: Store | None = None) -> pd.DataFrame:
    """The panel of protocol W: 500 series, 51,529 rows, 14.1 % zeros; checked here, so that no run is of other data."""
    store = load_store("online_retail") if store is None else store
    lines = weekly_sales_lines(store)
    frame = weekly(store, lines, TEST_ORIGINS[0], ITEMS)
    found = (frame["unique_id"].nunique(), len(frame), round(100 * float((frame["y"] == 0).mean()), 1))
    if found != (500, 51_529, 14.1):
        raise SystemExit(
            f"This is not protocol W: series, rows, per cent of zeros are {found}, not (500, 51529, 14.1)."
        )
    return frame


def weekly(store: Store, lines: pd.DataFrame, origin: pd.Timestamp, items: int) -> pd.DataFrame:
    """Units a week of the items that sold best until ``origin``, each from its first sale."""
    until = origin + WEEK  # the end of the origin's week
    first = lines.groupby("product_id", observed=True)["ordered_at"].min()
    old = first.index[first < until - 52 * WEEK]
    before = lines[(lines["ordered_at"] < until) & lines["product_id"].isin(old)]
    revenue = (before["quantity"] * before["unit_price"]).groupby(before["product_id"], observed=True).sum()
    chosen = revenue.nlargest(items).index
    kept = lines[lines["product_id"].isin(chosen)]
    return make_panel(replace(store, orders=kept), "W-MON", begin="sale", end=min(LAST_WEEK, _last_full_week(lines)))


def _last_full_week(lines: pd.DataFrame) -> pd.Timestamp:
    day = lines["ordered_at"].max().normalize() + pd.Timedelta(days=1)
    return day - pd.Timedelta(days=int(day.weekday())) - WEEK


def smoke_panel(items: int = 12) -> pd.DataFrame:
    """The same from an invented shop with a season and two years of lines: shows that the code runs, no more."""
    rng = np.random.default_rng(0)
    days = pd.date_range("2009-12-01", "2011-12-09", freq="2D")
    parts = []
    for k in range(2 * items):
        level = 3 + k + 2 * np.sin(2 * np.pi * days.dayofyear / 365.25)
        units = rng.poisson(level * rng.gamma(4, 1 / 4, len(days)))
        sold = units > 0
        codes = {"product_id": f"{20000 + k}", "order_id": [f"{k}-{d}" for d in range(int(sold.sum()))]}
        parts.append(
            pd.DataFrame({"ordered_at": days[sold], "quantity": units[sold], "unit_price": 1.0 + k % 5, **codes})
        )
    lines = pd.concat(parts, ignore_index=True)
    lines = lines.assign(region_id="here", customer_id=None, returned=False, quantity=lines["quantity"].astype("int64"))
    products = pd.DataFrame({"product_id": lines["product_id"].unique()}).assign(title="thing", description="")
    invented = Store(name="invented shop", products=products, orders=lines)
    return weekly(invented, weekly_sales_lines(invented), TEST_ORIGINS[0], items)
