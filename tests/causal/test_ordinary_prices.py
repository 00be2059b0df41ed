"""The price of ordinary lines beside the mean price paid: a large order's discount moves the second alone."""

from __future__ import annotations

import pandas as pd
import pytest

from ecomlib import load_store
from ecomlib.causal import ordinary_prices

MONDAYS = pd.date_range("2024-01-01", periods=12, freq="7D")


@pytest.fixture
def rows(tmp_path: object) -> pd.DataFrame:
    """One product at 4.00 each, two units a day for three days; in the last whole week a hundred more at 2.00."""
    days = [monday + pd.Timedelta(days=day) for monday in MONDAYS for day in range(3)]
    orders = pd.DataFrame({"product_id": "mug", "ordered_at": days, "quantity": 2, "unit_price": 4.0})
    large = orders.iloc[[-4]].assign(quantity=100, unit_price=2.0)
    orders = pd.concat([orders, large], ignore_index=True).rename_axis("order_id").reset_index()
    pd.DataFrame({"product_id": ["mug"], "title": ["A mug"]}).to_csv(f"{tmp_path}/products.csv", index=False)
    orders.to_csv(f"{tmp_path}/orders.csv", index=False)
    return ordinary_prices(load_store(str(tmp_path)))


def test_a_large_orders_discount_moves_the_mean_paid_and_not_the_ordinary_price(rows: pd.DataFrame) -> None:
    assert list(rows["ds"]) == list(MONDAYS[:-1])
    assert rows["ordinary"].eq(4.0).all()
    assert rows["price"].iloc[-1] == pytest.approx((6 * 4 + 100 * 2) / 106)
    assert rows["log_paid"].iloc[-1] < rows["log_ordinary"].iloc[-1]
    assert rows["category"].eq("all").all() and rows["promoted"].eq(0).all()
