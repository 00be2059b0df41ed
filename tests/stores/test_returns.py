"""What came back: counted gross and net, by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from ecomlib.errors import DataError
from ecomlib.stores import Store
from ecomlib.stores.returns import came_back, returns_sentence, sold

DAYS = pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03"])
ORDERS = pd.DataFrame({"order_id": list("abc"), "product_id": "m", "ordered_at": DAYS, "quantity": [1, 2, 4]})
ORDERS = ORDERS.assign(unit_price=[10.0, 1.0, 2.0], returned=[False, True, False])
SHOP = Store("back", pd.DataFrame({"product_id": ["m"], "title": ["mug"]}), ORDERS)


def test_net_leaves_returned_lines_away() -> None:
    assert sold(SHOP) is SHOP and sold(SHOP, "gross") is SHOP
    assert sold(SHOP, "net").orders["quantity"].tolist() == [1, 4]


def test_what_is_not_known_did_not_come_back() -> None:
    assert came_back(ORDERS.assign(returned=[None, True, float("nan")])).tolist() == [False, True, False]
    assert came_back(ORDERS.drop(columns="returned")).tolist() == [False] * 3


def test_the_sentence_counts_lines_units_and_money() -> None:
    said = returns_sentence(ORDERS, "EUR")
    assert said.startswith("3 lines, 33.3% of them came back: 7 units gross, 5 net; 20 EUR gross, 18 EUR net.")
    assert returns_sentence(ORDERS.assign(returned=False)) == "None of the lines came back."
    assert returns_sentence(ORDERS.drop(columns="returned")) == ""


@pytest.mark.parametrize(
    ("orders", "asked", "words"),
    [
        (ORDERS, "netto", "use gross or net"),
        (ORDERS.drop(columns="returned"), "net", "nothing is known of returns"),
        (ORDERS.assign(returned=True), "net", "all lines came back"),
    ],
)
def test_what_cannot_be_counted_net_is_refused(orders: pd.DataFrame, asked: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        sold(Store("back", SHOP.products, orders), asked)
