"""What was known of a line: four lines by hand, and a return counts from the day it came."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ecomlib.errors import DataError
from ecomlib.features import line_history, table_rate


def lines() -> pd.DataFrame:
    days = pd.to_datetime(["2024-01-01", "2024-01-10", "2024-01-20", "2024-01-20"])
    frame = pd.DataFrame({"order_id": ["a", "b", "c", "c"], "product_id": ["mug", "mug", "mug", "tin"]})
    frame = frame.assign(customer_id=["k", "k", "l", "l"], ordered_at=days, quantity=[1, 4, 2, 1], unit_price=5.0)
    came = pd.to_datetime(["2024-01-15", None, None, None])
    return frame.assign(returned=[True, False, False, False], returned_at=came)


def test_by_hand() -> None:
    known = line_history(lines())
    assert known["product_lines"].tolist() == [0, 1, 2, 0]
    assert known["product_returns"].tolist() == [0, 0, 1, 0]  # on the 10th nobody knew that the first would come back
    assert known["customer_lines"].tolist() == [0, 1, 0, 0]
    assert known["product_since"].tolist()[1:3] == [9.0, 10.0] and np.isnan(known["product_since"].iloc[0])
    assert known["order_lines"].tolist() == [1, 1, 2, 2]
    assert known["log_order"].iloc[2] == pytest.approx(np.log(15.0))
    assert known["log_of_usual"].tolist() == pytest.approx([0.0, np.log(4), np.log(2) - np.log(4) / 2, 0.0])
    assert known["shop_returns"].tolist() == [0, 0, 1, 1]
    assert "region_lines" not in known


def test_a_later_line_under_the_same_number_is_not_known() -> None:
    frame = lines().assign(order_id="a")
    assert line_history(frame)["order_lines"].tolist() == [1, 1, 2, 2]


def test_rates_are_drawn_to_the_shops() -> None:
    made = table_rate(pd.Series([0.0, 10.0]), pd.Series([0.0, 10.0]), pd.Series([0.02, 0.02]), 40.0)
    assert made.tolist() == pytest.approx([0.02, (10 + 0.8) / 50])


def test_a_return_without_a_date_is_refused() -> None:
    frame = lines()
    frame.loc[0, "returned_at"] = pd.NaT
    with pytest.raises(DataError, match="came back"):
        line_history(frame)
    with pytest.raises(DataError, match="returned_at"):
        line_history(lines().drop(columns="returned_at"))
