"""The cast is chosen by the rules that the notation page states. 8 tests on the tiny store, fixed seeds."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest

from ecomlib.course.cast import Cast, find_cast
from ecomlib.stores.simulated import make_store
from ecomlib.stores.store import Store


@pytest.fixture(scope="module")
def store() -> Store:
    return make_store("tiny", seed=0)


@pytest.fixture(scope="module")
def cast(store: Store) -> Cast:
    return find_cast(store.observed(), truth=store.truth)


def test_everybody_is_there_once_with_an_id_and_a_name(store: Store, cast: Cast) -> None:
    frame = cast.frame()
    assert len(frame) == len(fields(Cast)) == 9 and frame["id"].is_unique
    titles = store.products.set_index("product_id")["title"]
    for role in ("steady_seller", "promotion_driven", "newcomer", "runs_out"):
        assert titles[getattr(cast, role).id] == getattr(cast, role).name
    assert store.regions is not None
    names = store.regions.set_index("region_id")["name"]
    assert names[cast.upwind.id] == cast.upwind.name and names[cast.downwind.id] == cast.downwind.name


def test_the_steady_seller_is_steadiest_of_the_top_tenth(store: Store, cast: Cast) -> None:
    orders = store.orders
    week = (orders["ordered_at"] - orders["ordered_at"].min().normalize()).dt.days // 7
    table = pd.crosstab(week, orders["product_id"], values=orders["quantity"], aggfunc="sum").fillna(0).iloc[:-1]
    table = table.loc[:, table.iloc[:2].sum() > 0]
    top = table.sum().nlargest(int(np.ceil(table.shape[1] / 10))).index
    noise = {name: np.diff(table[name]).std(ddof=1) / table[name].mean() for name in top}
    assert min(noise, key=lambda name: noise[name]) == cast.steady_seller.id


def test_the_promotion_driven_one_sells_most_at_a_discount(store: Store, cast: Cast) -> None:
    depth = store.prices.set_index(["product_id", "date"])["depth"]
    lines = store.orders
    reduced = depth.loc[list(zip(lines["product_id"], lines["ordered_at"].dt.normalize(), strict=True))].to_numpy() > 0
    units = lines.groupby("product_id")["quantity"].sum().drop(cast.steady_seller.id)
    share = lines["quantity"].where(reduced, 0).groupby(lines["product_id"]).sum() / units[units >= units.median()]
    assert share.idxmax() == cast.promotion_driven.id and f"{share.max():.0%}" in cast.promotion_driven.why


def test_the_newcomer_is_cold_half_unseen_and_old_enough_to_judge(store: Store, cast: Cast) -> None:
    fact = store.truth.cold_start.set_index("product_id").loc[cast.newcomer.id]
    assert fact["cold"] and fact["unseen_share"] == 0.5
    launched = store.products.set_index("product_id").loc[cast.newcomer.id, "launched_on"]
    assert launched + pd.Timedelta(weeks=8) <= store.orders["ordered_at"].max()


def test_the_one_that_runs_out_has_most_empty_days(store: Store, cast: Cast) -> None:
    stock = store.inventory
    left = stock["on_hand_start"] + stock["received"] - stock["sold"]
    days = (left <= 0).groupby(stock["product_id"]).sum()
    taken = [cast.steady_seller.id, cast.promotion_driven.id, cast.newcomer.id]
    assert days.drop(taken).max() == days[cast.runs_out.id] > 0


def test_the_wind_blows_from_the_one_to_the_other(store: Store, cast: Cast) -> None:
    place = store.regions.set_index("region_id")[["row", "column"]]
    up, down = place.loc[cast.upwind.id], place.loc[cast.downwind.id]
    assert up["row"] == down["row"] and up["column"] + 1 == down["column"]


def test_leaver_and_driven_away_did_what_they_are_known_for(store: Store, cast: Cast) -> None:
    facts = store.truth.customers.set_index("customer_id")
    last = store.orders.groupby("customer_id")["ordered_at"].max()
    end = store.orders["ordered_at"].max()
    assert pd.notna(facts.loc[cast.leaver.id, "left_on"]) and end - last[cast.leaver.id] > pd.Timedelta(days=90)
    driven = facts.loc[cast.driven_away.id]
    sent = store.mailings[(store.mailings["customer_id"] == cast.driven_away.id) & store.mailings["treated"]]
    assert driven["mailing_effect"] < 0 and (sent["date"] + pd.Timedelta(days=7) == driven["left_on"]).any()
    line = store.orders[store.orders["order_id"] == cast.wholesale.id]
    assert line["quantity"].item() == store.orders["quantity"].max() == 144


def test_a_shop_with_two_tables_has_those_whom_two_tables_can_tell(store: Store) -> None:
    orders = store.orders.drop(columns=["customer_id", "region_id"])
    products = store.products[["product_id", "title"]]
    others = ("listings", "regions", "customers", "prices", "inventory", "sessions", "mailings", "reviews")
    empty = dict.fromkeys(others)
    bare = replace(store.observed(), products=products, orders=orders, **empty)
    cast = find_cast(bare)
    assert {field.name for field in fields(cast) if getattr(cast, field.name)} == {"steady_seller", "wholesale"}
    assert find_cast(store.observed()).driven_away is None
