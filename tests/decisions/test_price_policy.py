"""Policies of prices, of offers, and of prices with stock: they do as their formulas say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import ecomlib
from ecomlib.causal import design, listing_texts
from ecomlib.decisions import PriceRules
from ecomlib.decisions.price_policy import (
    ESTIMATORS,
    AdvisedPrices,
    CarriedOrders,
    EarningOffers,
    OptimalPrices,
    by_product,
    carried_orders,
    carry,
    price_effects,
    promotion_lift,
    reading_orders,
    restate,
    with_all,
)
from ecomlib.decisions.shop_env import ShopEnv, play
from ecomlib.decisions.shop_policies import Together
from ecomlib.errors import DataError


@pytest.fixture(scope="module")
def env() -> ShopEnv:
    return ShopEnv(size="tiny", seed=0, weeks=4, levers=("order", "price"), pooled=True)


@pytest.fixture(scope="module")
def effects() -> pd.DataFrame:
    names = ["homeware", "gifts", "kitchen", "garden", "toys", "stationery"]
    slope = np.linspace(-1.0, -3.0, 6)
    return pd.DataFrame({"category": names, "elasticity": slope, "low": slope - 0.2, "high": slope + 0.2, "rows": 100})


def test_five_estimators_on_what_the_shop_knows(env: ShopEnv) -> None:
    shop = env.opening()
    vectors, frame = np.random.default_rng(0).normal(size=(len(listing_texts(shop)), 4)), design(shop)
    for how in ESTIMATORS:
        found = price_effects(shop, how, vectors=vectors, frame=frame)  # type: ignore[arg-type]
        assert {"category", "elasticity", "low", "high"} <= set(found) and len(found) == 6, how
    with pytest.raises(DataError, match="no such estimator"):
        price_effects(shop, "guessing")  # type: ignore[arg-type]


def test_a_lift_is_what_promotions_do_beside_their_discount(env: ShopEnv, effects: pd.DataFrame) -> None:
    found = promotion_lift(env.opening(), effects).iloc[0]
    assert found["category"] == "all" and found["promotion_low"] < found["promotion"] < found["promotion_high"]
    strong = promotion_lift(env.opening(), effects.assign(elasticity=2 * effects["elasticity"])).iloc[0]
    assert strong["promotion"] < found["promotion"], "a stronger price leaves less to the page"


def test_all_is_the_mean_by_rows_and_serves_the_unknown() -> None:
    effects = pd.DataFrame({"category": ["a", "b"], "elasticity": [-1.0, -3.0], "low": [-2, -4], "high": [0, -2]})
    mean = with_all(effects.assign(rows=[3, 1])).iloc[-1]
    assert (mean["category"], mean["elasticity"], mean["low"], mean["high"]) == ("all", -1.5, -2.5, -0.5)
    known = pd.DataFrame({"product_id": ["p"], "category": ["b"]})
    assert by_product(effects, known, ["new", "p"]).tolist() == [-2.0, -3.0]


def test_prices_are_the_formula_inside_the_rails(env: ShopEnv) -> None:
    obs, _ = env.reset(seed=0)
    price = OptimalPrices(np.full(60, -3.0))(obs)["price"]
    inside = (price > obs["price_low"] + 0.01) & (price < obs["price_high"] - 0.01)
    assert inside.any() and np.allclose(price[inside], 1.5 * obs["cost"][inside], atol=0.006)
    assert (price <= obs["price_high"].clip(0.05) + 0.006).all() and (price >= obs["price_low"] - 0.006).all()


def test_a_list_changes_few_prices_a_week_and_begins_anew(env: ShopEnv, effects: pd.DataFrame) -> None:
    category = env.opening().products.set_index("product_id")["category"].reindex(env.product_ids).to_numpy(object)
    policy = AdvisedPrices(effects, category, PriceRules(ladder=(0.49, 0.99), most_changes=3))
    obs, _ = env.reset(seed=0)
    first = policy(obs)["price"]
    changed = np.abs(first - np.maximum(obs["plan_price"][:, 0], 0.05)) > 1e-9
    assert changed.sum() == 3 and set(np.round(first[changed] % 1, 2)) <= {0.49, 0.99}
    later = policy(obs | {"week": np.int64(1)})["price"]
    assert (np.abs(later - first) > 1e-9).sum() == 3, "three more, and the first three stay"
    assert np.array_equal(policy(obs)["price"], first), "week 0 forgets the play before"
    assert play(env.under(levers=("price",), pooled=True), policy).profit > 0


def test_an_effect_is_carried_as_a_power() -> None:
    assert carry(np.array([20.0]), 5.0, 10.0, -2.0).tolist() == [5.0]  # type: ignore[arg-type]
    books = pd.DataFrame({"unique_id": ["a", "a", "b"], "y": [8.0, 2.0, 3.0], "price": [1.0, 2.0, 4.0]})
    books.attrs = {"freq": "W-MON"}
    found = restate(books, pd.Series({"a": 2.0}), pd.Series({"a": -2.0}))
    assert found["y"].tolist() == [2.0, 2.0, 3.0] and found["price"].tolist() == [2.0, 2.0, 4.0]
    assert found.attrs == books.attrs and books["y"].iloc[0] == 8.0


def test_offers_are_what_the_shelf_can_still_sell() -> None:
    obs: dict[str, Any] = {"age": np.array([9, 9, 9, 0]), "live": np.array([1, 1, 1, 0]), "cost": np.full(4, 2.0)}
    obs |= {"on_hand": np.array([99, 0, 99, 0]), "arriving": np.zeros(4), "plan_price": np.full((4, 2), 4.0)}
    weeks = pd.date_range("2025-01-06", periods=8, freq="W-MON")
    history = pd.concat([pd.DataFrame({"unique_id": name, "ds": weeks}) for name in "abc"], ignore_index=True)
    history = history.assign(y=np.repeat([10.0, 50.0, 20.0], 8), price=4.0, promoted=0.0, unstocked=0.0)
    policy = EarningOffers(1, 0.3, np.full(4, -2.0))
    assert policy.rate(obs, history)[:3] == pytest.approx([10.0, 50.0, 20.0])
    assert policy(obs, history)["promote"].tolist() == [0, 0, 1, 0], "b sells most and has nothing to sell"
    pushed = history.assign(promoted=(history["unique_id"] == "c").astype(float))
    assert policy.rate(obs, pushed)[2] == pytest.approx(20 * np.exp(-0.3)), "its offers are taken out"
    dear = history.assign(price=history["price"].where(history["unique_id"] != "c", 2.0))
    assert policy.rate(obs, dear)[2] == pytest.approx(5.0), "at this week's price, twice that of the last weeks"
    half = history.assign(unstocked=(history["unique_id"] == "c") * 0.5)
    assert policy.rate(obs, half)[2] == pytest.approx(40.0), "half the days there was nothing to buy"


def test_orders_follow_the_price_that_is_charged(env: ShopEnv, effects: pd.DataFrame) -> None:
    obs, _ = env.reset(seed=0)
    books, slope = env.history(), by_product(effects, env.opening().products, env.product_ids)
    mean = ecomlib.forecaster("window_mean", window=4)
    cost = pd.Series(obs["cost"], index=env.product_ids)
    carries = carried_orders(env.game, mean, books, slope, cost, weeks=2)
    reads = reading_orders(env.game, mean, books, weeks=2)
    assert isinstance(carries, CarriedOrders)
    dearer = obs | {"plan_price": 1.2 * obs["plan_price"]}
    row = np.flatnonzero(obs["age"] > 0)
    (one, label), (two, _) = carries.forecast(obs, books), carries.forecast(dearer, books)
    factor = np.repeat(1.2 ** slope[row], 2)
    assert np.allclose(two[label], one[label] * factor), "the forecast moves by the causal effect"
    assert np.allclose(reads.forecast(obs, books)[0][label], reads.forecast(dearer, books)[0][label])
    prices = OptimalPrices(slope)
    assert play(env, Together((prices, carries))).weeks["profit"].notna().all()


def test_what_restating_takes_out_does_not_depend_on_the_price_chosen(env: ShopEnv, effects: pd.DataFrame) -> None:
    obs, _ = env.reset(seed=0)
    books, slope = env.history(), by_product(effects, env.opening().products, env.product_ids)
    mean, cost = ecomlib.forecaster("window_mean", window=4), pd.Series(obs["cost"], index=env.product_ids)
    found = []
    for markup in (1.3, 2.0):
        orders = carried_orders(env.game, mean, books, slope, cost, markup=markup, weeks=2)
        frame, label = orders.forecast(obs, books)
        found.append(frame[label].to_numpy())
    assert np.allclose(*found)
