"""A shop made of a table of units by product and week, so that a test knows every week's sum."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ecomlib.stores import Store

FIRST = pd.Timestamp("2024-01-01")  # a Monday


def weekly_shop(units: np.ndarray, days: Sequence[int] = range(7), name: str = "weekly") -> Store:
    """Sell ``units`` (P, W), whole numbers, in even parts at noon of these days of each week, the rest on the first.

    No regions, no prices, no stock.
    """
    rows = []
    for product, row in enumerate(np.asarray(units).astype(int)):
        for week, whole in enumerate(row):
            for place, day in enumerate(days):
                part = whole // len(days) + (whole % len(days) if place == 0 else 0)
                if part:
                    when = FIRST + pd.Timedelta(weeks=week, days=day, hours=12)
                    rows.append({"product_id": f"p{product}", "ordered_at": when, "quantity": part})
    lines = pd.DataFrame(rows)
    orders = lines.assign(order_id=[f"o{k}" for k in range(len(lines))], unit_price=2.5)
    names = [f"p{k}" for k in range(len(units))]
    return Store(name, pd.DataFrame({"product_id": names, "title": names, "launched_on": FIRST}), orders)
