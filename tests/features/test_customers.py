"""Customers' histories with the question whether they come back: counted by hand, and blind to what is later."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ecomlib import load_store
from ecomlib.errors import DataError
from ecomlib.features import customer_panel
from ecomlib.stores import Store
from ecomlib.training import TrainSettings, fit, make_network, predict
from ecomlib.windowing import WindowSettings
from ecomlib.windows import WindowSet

WEEK = pd.Timedelta(weeks=1)
PAST = ("log_orders", "log_units", "log_money", "log_gap")


@pytest.fixture(scope="module")
def store() -> Store:
    return load_store("tiny").observed()


def small_shop() -> Store:
    """Ann orders in weeks 0 (twice, one of three lines), 3 and 6; Ben in week 1; a guest in every week up to 8."""
    monday = pd.Timestamp("2024-01-01")
    rows = [
        ("ann", 0, "a1", 2, 1.0),
        ("ann", 0, "a1", 1, 4.0),
        ("ann", 0, "a1", 3, 1.0),
        ("ann", 0, "a2", 1, 2.0),
        ("ann", 3, "a3", 5, 1.0),
        ("ann", 6, "a4", 1, 1.0),
        ("ben", 1, "b1", 1, 9.0),
    ]
    rows += [(None, week, f"g{week}", 1, 1.0) for week in range(9)]
    table = pd.DataFrame(rows, columns=["customer_id", "week", "order_id", "quantity", "unit_price"])
    table["ordered_at"] = monday + pd.to_timedelta(table["week"] * 7 + 6, unit="D") + pd.Timedelta(hours=12)
    orders = table.assign(product_id="p", region_id="here", returned=False).drop(columns="week")
    products = pd.DataFrame({"product_id": ["p"], "title": ["thing"], "description": [""]})
    return Store(name="two customers", products=products, orders=orders)


def test_counted_by_hand() -> None:
    panel = customer_panel(small_shop(), ahead=3)
    ann, ben = (panel[panel["unique_id"] == name].reset_index(drop=True) for name in ("ann", "ben"))
    assert panel["unique_id"].unique().tolist() == ["ann", "ben"]  # no guests
    # Nine full weeks, 0 to 8: the last question with an answer is asked for weeks 6, 7 and 8.
    assert list((ann["ds"] - pd.Timestamp("2024-01-01")) / WEEK) == [0, 1, 2, 3, 4, 5, 6]
    assert ann["orders"].tolist() == [2, 0, 0, 1, 0, 0, 1]
    assert ann["units"].tolist() == [7, 0, 0, 5, 0, 0, 1]
    assert ann["money"].tolist() == [11, 0, 0, 5, 0, 0, 1]
    assert ann["gap"].tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert ann["y"].tolist() == [1, 1, 1, 1, 1, 1, 1]
    assert list((ben["ds"] - pd.Timestamp("2024-01-01")) / WEEK) == [1, 2, 3, 4, 5, 6]
    assert ben["y"].tolist() == [1, 0, 0, 0, 0, 0]
    np.testing.assert_allclose(ann["log_money"], np.log1p(ann["money"]))


def test_against_a_slow_count(store: Store) -> None:
    panel = customer_panel(store, ahead=4)
    lines = store.orders.dropna(subset=["customer_id"])
    rows = panel.sample(40, random_state=0)
    assert rows["y"].nunique() == 2
    for row in rows.itertuples():
        mine = lines[lines["customer_id"] == row.unique_id]
        this = mine[mine["ordered_at"].between(row.ds, row.ds + WEEK, inclusive="left")]
        later = mine[mine["ordered_at"].between(row.ds, row.ds + 4 * WEEK, inclusive="left")]
        before = mine.loc[mine["ordered_at"] < row.ds + WEEK, "ordered_at"].max()
        assert row.orders == this["order_id"].nunique() and row.units == this["quantity"].sum()
        assert row.money == pytest.approx((this["quantity"] * this["unit_price"]).sum())
        assert row.y == float(len(later) > 0)
        assert row.gap == (row.ds - (before.normalize() - pd.Timedelta(days=before.weekday()))) / WEEK


def test_the_past_does_not_know_the_future(store: Store) -> None:
    """Orders after a week moved to other customers and days: covariates up to it, and labels that are over, stand."""
    panel = customer_panel(store, ahead=4)
    cut = panel["ds"].min() + 12 * WEEK  # the first week that is changed
    orders = store.orders.copy()
    late = orders["ordered_at"] >= cut
    rng = np.random.default_rng(0)
    orders.loc[late, "customer_id"] = rng.permutation(orders.loc[late, "customer_id"].to_numpy())
    orders.loc[late, "quantity"] = rng.permutation(orders.loc[late, "quantity"].to_numpy())
    changed = customer_panel(replace(store, orders=orders), ahead=4)
    covariates = [column for column in panel if column != "y"]
    old, new = (frame[frame["ds"] < cut].reset_index(drop=True) for frame in (panel, changed))
    pd.testing.assert_frame_equal(old[covariates], new[covariates])
    over = old["ds"] + 4 * WEEK <= cut
    pd.testing.assert_series_equal(old.loc[over, "y"], new.loc[over, "y"])
    assert (old.loc[~over, "y"] != new.loc[~over, "y"]).any()  # the test would see a leak


def test_a_longer_history_adds_rows_only(store: Store) -> None:
    panel = customer_panel(store, ahead=4)
    end = panel["ds"].min() + 15 * WEEK
    short = customer_panel(replace(store, orders=store.orders[store.orders["ordered_at"] < end]), ahead=4)
    same = panel[panel["ds"] + 4 * WEEK <= end].reset_index(drop=True)
    pd.testing.assert_frame_equal(short, same)


def test_the_network_forecasts_who_comes_back(store: Store) -> None:
    """Trained on answers that were over at the origin, it beats the share of all; the answer itself is not read."""
    ahead, panel = 4, customer_panel(store, ahead=4)
    settings = WindowSettings(look_back=8, horizon=1, past=PAST, scale="none")
    windows = WindowSet.from_panel(panel, settings)
    origin = panel["ds"].max() - WEEK
    train, test = windows.split(origin - (ahead - 1) * WEEK, 1, embargo=ahead - 1)
    assert train.origins().max() + WEEK + (ahead - 1) * WEEK == origin  # the newest label ends with the origin
    assert list(test.origins()) == [origin]
    net = make_network("gru", train, head="yes_no", hidden=8, decoder=8)
    fit(net, train, None, TrainSettings(epochs=4, lr=1e-2, batch_size=256, device="cpu"))
    answer = predict(net, test)
    assert answer["probability"].between(0, 1).all()
    share = float(panel.loc[panel["ds"] <= origin - (ahead - 1) * WEEK, "y"].mean())
    brier, plain = ((answer[["probability"]].assign(share=share).sub(answer["y"], axis=0)) ** 2).mean()
    assert brier < 0.97 * plain
    # The labels after the training part turned round: the forecasts do not move.
    turned = panel.assign(y=panel["y"].where(panel["ds"] <= origin - (ahead - 1) * WEEK, 1 - panel["y"]))
    again = predict(net, WindowSet.from_panel(turned, settings).at(origin))
    pd.testing.assert_series_equal(again["probability"], answer["probability"])


def test_refusals() -> None:
    shop = small_shop()
    with pytest.raises(DataError, match="13 full periods"):
        customer_panel(shop)
    guests = shop.orders.assign(customer_id=None)
    with pytest.raises(DataError, match="no customer"):
        customer_panel(replace(shop, orders=guests), ahead=2)


def test_the_question_looks_a_quarter_ahead_in_any_frequency(store: Store) -> None:
    pd.testing.assert_frame_equal(customer_panel(store, "weekly"), customer_panel(store, "W-MON", 13))
    pd.testing.assert_frame_equal(customer_panel(store, "month"), customer_panel(store, "MS", 3))
    assert customer_panel(store).attrs["freq"] == "W-MON"
