"""The ensemble's own member under protocol W: nothing after the origin reaches it; its inputs mean what they say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("statsforecast")
pytest.importorskip("lightgbm")
from benchmarks.protocol_w import ensemble, members, protocol


def test_lines_after_the_origin_do_not_reach_the_forecast() -> None:
    panel = protocol.smoke_panel(6)
    lines, origin = ensemble.invented_lines(panel), protocol.TEST_ORIGINS[2]
    train = panel[panel["ds"] <= origin]
    future = panel.loc[(panel["ds"] > origin) & (panel["ds"] <= origin + 4 * protocol.WEEK), ["unique_id", "ds"]]
    settings = members.DirectSettings(trees=10)
    plain = members.direct(lines, settings)(train, future)
    assert plain.shape == (24,) and np.isfinite(plain).all() and (plain >= 0).all() and plain.std() > 0
    later = lines["ordered_at"] >= origin + protocol.WEEK
    assert later.any()
    changed = lines.assign(quantity=lines["quantity"].where(~later, 9_999), unit_price=lines["unit_price"] + 7 * later)
    np.testing.assert_array_equal(members.direct(changed, settings)(train, future), plain)
    earlier = lines.assign(quantity=lines["quantity"].where(later, lines["quantity"] * 5))
    assert (members.direct(earlier, settings)(train, future) > 2 * plain).mean() > 0.9


def test_tables_by_week_by_hand() -> None:
    lines = pd.DataFrame(
        {
            "product_id": ["A", "A", "A", "B"],
            "ordered_at": pd.to_datetime(["2011-01-03", "2011-01-05", "2011-01-12", "2011-01-13"]),
            "order_id": ["1", "1", "2", "3"],
            "customer_id": ["x", "x", None, "y"],
            "quantity": [2, 3, 100, 4],
            "unit_price": [1.0, 2.0, 1.0, 5.0],
        }
    )
    shop = members.weekly_tables(lines, pd.Timestamp("2011-01-10"), ["A", "B"])
    assert list(shop.items) == ["A", "B"] and list(shop.begin) == [0, 1] and len(shop.weeks) == 2
    expected = {
        "units": [[5, 100], [0, 4]],
        "revenue": [[8, 100], [0, 20]],
        "orders": [[1, 1], [0, 1]],
        "customers": [[1, 0], [0, 1]],
        "biggest": [[5, 100], [0, 4]],
        "small": [[0, 0], [0, 4]],
        "capped": [[5, 5 + 0.9 * 95], [0, 4]],
    }
    for name, table in expected.items():
        np.testing.assert_allclose(shop.table[name], table, err_msg=name)


def test_means_leave_closed_weeks_out() -> None:
    x = np.array([[1.0, np.nan, 3.0, 5.0]])
    np.testing.assert_allclose(members.mean(x, 2), [[1, 1, 3, 4]])
    np.testing.assert_array_equal(members.back(x, 1), [[np.nan, 1, np.nan, 3]])
    np.testing.assert_array_equal(members.forward(x), [[1, 1, 3, 5]])
