"""A shop's rivals and its next order, on the tiny store: by the best forecaster, for the week after its tables end."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("lightgbm")
pytest.importorskip("statsforecast")
from ecomlib import load_store
from ecomlib.evaluation.shop_answer import shop_answer
from ecomlib.forecasting.shop_forecast import next_order, rival_forecasts, stock_of
from ecomlib.panel import make_panel
from ecomlib.stores import Store


@pytest.fixture(scope="module")
def shop() -> Store:
    store = load_store("tiny").observed()
    return store.with_parts(orders=store.orders.assign(quantity=store.orders["quantity"] * 3))


def test_every_rival_is_asked_and_the_best_writes_the_list(shop: Store) -> None:
    panel = make_panel(shop)
    keep = panel.groupby("unique_id")["y"].sum().nlargest(12).index
    panel = panel[panel["unique_id"].isin(keep)].reset_index(drop=True)
    scored = rival_forecasts(panel, 3, 4)
    assert {"smoothing", "LightGBM", "naive", "mean of 8 weeks", "ordering nothing"} <= set(scored.columns)
    answer = shop_answer(scored, "smoothing", panel, shop=shop.name)
    week = panel["ds"].max() + pd.Timedelta(days=7)
    card = next_order(shop, panel, answer, scored, today=week)
    assert len(card.order_list) == 12 and (card.order_list["week"] >= week).all()
    assert (card.order_list["low"] <= card.order_list["expected"]).all() and card.order_list["high"].notna().all()
    titles = shop.products.set_index("product_id")["title"]
    assert (card.order_list["title"] == titles[card.order_list["product_id"]].to_numpy()).all()
    own = panel.groupby("unique_id").tail(1).assign(ds=week, cutoff=week - pd.Timedelta(days=7), GRU=7.0)
    mine = shop_answer(scored.assign(GRU=scored["y"] + 0.1), "GRU", panel, shop=shop.name)
    assert mine.best == "GRU"
    assert (next_order(shop, panel, mine, scored.assign(GRU=scored["y"]), own).order_list["expected"] == 7.0).all()
    bare = shop.with_parts(inventory=None)  # an empty shelf
    lorry = pd.Series(4.0, index=pd.Index(keep))
    rest = next_order(bare, panel, mine, scored.assign(GRU=scored["y"]), own, arriving=lorry)
    assert (rest.order_list["order"] == 3).all(), "what is on its way is not ordered again"


def test_stock_is_what_was_left_on_the_last_day() -> None:
    days = pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-02"])
    lying = {"on_hand_start": [9, 5, 2], "received": [0, 4, 0], "sold": [1, 2, 2], "region_id": ["r", "r", "s"]}
    store = load_store("tiny").observed()
    part = pd.DataFrame({"product_id": store.products["product_id"].iloc[0], "date": days, **lying})
    assert np.isclose(stock_of(store.with_parts(inventory=part)), 7.0).all()  # type: ignore[arg-type]
    assert stock_of(store.with_parts(inventory=None)) is None
