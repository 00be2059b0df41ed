"""The first order of a product that nobody has bought: the level before its launch, and the quantile of past misses."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ecomlib.decisions import first_order, launch_level
from ecomlib.errors import DataError
from ecomlib.stores import Store


def test_the_order_moves_by_the_quantile_that_the_costs_ask_for() -> None:
    misses = np.log([0.5, 1.0, 2.0])
    even = first_order(np.log([2.0, 1.0]), misses, 10.0, 14, 1.0, 1.0)
    np.testing.assert_allclose(even, [40, 20])  # the middle miss is none: two weeks of twice, and of once, ten units
    dear = first_order(np.log([2.0]), misses, 10.0, 14, np.array([3.0]), np.array([1.0]))
    np.testing.assert_allclose(dear, np.round(40 * 2**0.5))  # three quarters: half way from none to twice, in logs
    with pytest.raises(DataError, match="no past miss"):
        first_order([0.0], [], 1.0, 7, 1.0, 1.0)


def test_the_level_is_what_the_established_sold_before_the_launch() -> None:
    days = pd.date_range("2024-01-01", periods=140)
    opened = days[0]
    lines = [(day, name, 2 if day < days[70] else 4) for day in days for name in ("old", "older")]
    lines += [(day, "new", 100) for day in days[84:]]
    orders = pd.DataFrame(lines, columns=["ordered_at", "product_id", "quantity"])
    orders = orders.assign(order_id=[f"o{n}" for n in range(len(orders))], unit_price=1.0)
    names = ["old", "older", "new"]
    store = Store("three", pd.DataFrame({"product_id": names, "title": names}), orders)
    table = pd.DataFrame({"product_id": names, "first_day": [opened, opened, days[84]]})
    found = launch_level(store, table)
    # The newcomer comes on day 84: of the 56 days before, 42 had two units a product and 14 had four.
    np.testing.assert_allclose(found, [14.0, 14.0, (42 * 2 + 14 * 4) / 8])
