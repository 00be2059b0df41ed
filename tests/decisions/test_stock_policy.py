"""A policy made of any forecaster: what it reads, what it orders, and that it cannot see ahead."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import ecomlib
from ecomlib.decisions.censored import recover_weeks
from ecomlib.decisions.shop_env import ShopEnv, play
from ecomlib.decisions.shop_policies import Smoothing, base_stock_order, lost_sales_order, shop_policy
from ecomlib.decisions.stock_policy import (
    ForecastOrders,
    Spread,
    fit_for_stock,
    lost_sales_from_quantiles,
    measure_spread,
    region_shares,
    stock_panel,
)
from ecomlib.errors import DataError

WEEKS = 6


@pytest.fixture(scope="module")
def env() -> ShopEnv:
    return ShopEnv(size="tiny", seed=0, weeks=WEEKS, pooled=True, holding=2.6)


@pytest.fixture(scope="module")
def about(env: ShopEnv) -> pd.DataFrame:
    products = env.opening().products
    return products[["product_id", "category"]].rename(columns={"product_id": "unique_id"})


def _trees(**more):  # type: ignore[no-untyped-def]
    reads = {"look_back": 6, "past": ("y", "rel_price", "promoted"), "future": ("rel_price", "promoted")}
    reads |= {"also_known": ("rel_price",), "static": ("category",), "n_estimators": 15}
    return ecomlib.forecaster("trees", **{**reads, **more})


@pytest.fixture(scope="module")
def learned(env: ShopEnv, about: pd.DataFrame):  # type: ignore[no-untyped-def]
    env.reset(seed=0)
    return fit_for_stock(_trees(scale="mean_abs", objective="tweedie"), stock_panel(env.history(), about), weeks=3)


def test_the_panel_holds_demand_prices_and_two_weeks_of_the_plan(env: ShopEnv, about: pd.DataFrame) -> None:
    obs, _ = env.reset(seed=0)
    books = env.history()
    panel = stock_panel(books, about, obs)
    ahead = panel[panel["ds"] > books["ds"].max()]
    assert ahead.groupby("unique_id").size().eq(2).all()
    assert ahead["y"].isna().all()
    assert panel["rel_price"].notna().all()
    first = ahead.groupby("unique_id")["price"].first()
    there = obs["age"] > 0
    assert first.to_numpy() == pytest.approx(obs["plan_price"][there, 0])
    known = panel[panel["ds"] <= books["ds"].max()].reset_index(drop=True)
    assert known["y"].to_numpy() == pytest.approx(recover_weeks(books).to_numpy())
    assert stock_panel(books, recovered=False)["y"].tolist() == books["y"].tolist()
    late = about[about["unique_id"] != about["unique_id"].iloc[0]]
    assert set(stock_panel(books, late)["category"]) == {*about["category"], "unknown"}


def test_books_of_another_game_are_refused(env: ShopEnv) -> None:
    obs, _ = env.reset(seed=0)
    books = env.history()
    with pytest.raises(DataError, match="other products"):
        stock_panel(books[books["unique_id"] != books["unique_id"].iloc[0]], obs=obs)


def test_spread_is_measured_by_step() -> None:
    rng = np.random.default_rng(0)
    mean = rng.gamma(2.0, 3.0, 40_000)
    came = rng.poisson(mean * rng.gamma(4.0, 0.25, mean.size))  # φ = 1/4
    when = {"ds": pd.Timestamp("2024-01-08"), "cutoff": pd.Timestamp("2024-01-01")}
    scored = pd.DataFrame({"unique_id": "a", **when, "y": came, "gru": mean / 1.25, "gru-mean": mean / 2})
    found = measure_spread(scored, "gru")
    assert found.factor == pytest.approx((2.0,), rel=0.02)  # the mean column goes first
    assert found.above == pytest.approx((0.25,), abs=0.02)
    said, variance = found.moments(np.array([4.0, -1.0]), 1)
    assert said == pytest.approx([8.0, 0.0], rel=0.02)
    assert variance == pytest.approx(said + found.above[0] * said**2)
    assert measure_spread(scored, "gru", correct=False).factor == (1.0,)
    with pytest.raises(DataError):
        measure_spread(scored.assign(**{"gru-mean": 0.0}), "gru")


def test_orders_are_the_lost_sales_rules_of_the_corrected_forecast(env: ShopEnv, about, learned) -> None:  # type: ignore[no-untyped-def]
    fitted, spread = learned
    obs, _ = env.reset(seed=0)
    policy = ForecastOrders(env.game, fitted, spread, about)
    order = policy(obs, env.history())["order"]
    frame, model = policy.forecast(obs, env.history())
    said = frame[model].to_numpy().reshape(-1, 2)
    there = obs["age"] > 0
    moments = [spread.moments(said[:, k], k + 1) for k in (0, 1)]
    available, ratio = (obs["on_hand"] + obs["arriving"])[there], policy.ratio(obs)[there]
    by_hand = np.where(ratio > 0, lost_sales_order(available, *moments, ratio), 0)
    assert order[there].tolist() == by_hand.tolist()
    base = replace(policy, how="base_stock")(obs, env.history())["order"][there]
    both = moments[0][0] + moments[1][0], moments[0][1] + moments[1][1]
    assert base.tolist() == np.where(ratio > 0, base_stock_order(available, *both, ratio), 0).tolist()


def test_it_plays_a_game_and_reads_its_own_books(env: ShopEnv, about, learned) -> None:  # type: ignore[no-untyped-def]
    policy = ForecastOrders(env.game, *learned, about)
    ours = play(env, policy)
    assert ours.profit == play(env, policy).profit  # nothing is kept from game to game
    assert ours.profit > 0.8 * play(env, shop_policy).profit
    more = ForecastOrders(env.game, learned[0], Spread((2.0, 2.0), learned[1].above), about)
    assert play(env, more).weeks["lost"].sum() < ours.weeks["lost"].sum()


def test_dearer_stock_means_smaller_orders_also_of_slow_products(env: ShopEnv, about, learned) -> None:  # type: ignore[no-untyped-def]
    orders = []
    for holding in (0.25, 2.6, 13.0):
        game = env.under(pooled=True, holding=holding)
        obs, _ = game.reset(seed=0)
        empty = {**obs, "on_hand": np.zeros_like(obs["on_hand"]), "arriving": np.zeros_like(obs["arriving"])}
        orders.append(ForecastOrders(game.game, *learned, about)(empty, game.history())["order"])
    slow = (obs["age"] > 0) & (obs["sold"].mean(axis=1) < 1)
    for part in (np.ones_like(slow), slow):
        units = [order[part].sum() for order in orders]
        assert units[0] > units[1] > units[2]
    pays = (obs["plan_price"][:, 1] > obs["cost"])[slow]
    assert orders[0][slow][pays].sum() >= obs["sold"].mean(axis=1)[slow][pays].sum()  # no rounding to nothing


def test_by_region_the_parts_follow_the_shares(env: ShopEnv, about, learned) -> None:  # type: ignore[no-untyped-def]
    game = env.under(pooled=False, holding=2.6)
    obs, _ = game.reset(seed=0)
    number = pd.factorize(about.set_index("unique_id")["category"].reindex(game.product_ids).fillna("none"))[0]
    policy = ForecastOrders(game.game, *learned, about, groups=number)
    order = policy(obs, game.history())["order"]
    assert order.shape == obs["on_hand"].shape
    assert play(game, policy).profit > 0.8 * play(game, Smoothing(game.game)).profit
    obs, _ = game.reset(seed=0)
    with pytest.raises(DataError, match="quantiles"):
        replace(policy, how="quantiles")(obs, game.history())


def test_shares_are_drawn_towards_the_group() -> None:
    sold = np.zeros((3, 2, 4))
    sold[0, :, -1], sold[1, :, -1] = [30, 10], [0, 100]
    shares = region_shares(sold, [0, 1, 0], shrink=1000.0)
    assert shares.sum(axis=1) == pytest.approx(1.0)
    assert shares[0, 0] == pytest.approx(0.66, abs=0.05)  # its group's, and a little of the shop's
    assert shares[2, 0] == pytest.approx(shares[0, 0], abs=0.02)
    assert shares[1, 0] < 0.1
    assert region_shares(sold, shrink=0.001)[1, 1] > 0.99


def test_quantiles_give_the_order_that_draws_give() -> None:
    rng, levels = np.random.default_rng(0), np.array([0.05, 0.25, 0.5, 0.75, 0.95])
    now, then = rng.normal(40, 8, 200_000), rng.normal(50, 10, 200_000)
    tables = [np.quantile(drawn, levels)[None] for drawn in (now, then)]
    found = lost_sales_from_quantiles(np.array([60.0]), levels.tolist(), *tables, np.array([0.9]))
    assert found[0] == pytest.approx(np.quantile(then - np.maximum(60 - now, 0), 0.9), abs=1.0)
    assert lost_sales_from_quantiles(np.array([60.0]), levels.tolist(), *tables, np.array([0.0])).tolist() == [0]


def test_a_forecaster_of_quantiles_plays(env: ShopEnv, about: pd.DataFrame) -> None:
    env.reset(seed=0)
    learned = fit_for_stock(_trees(quantiles=(0.1, 0.9)), stock_panel(env.history(), about), weeks=2, refit=False)
    assert play(env, ForecastOrders(env.game, *learned, about, how="quantiles")).profit > 0
    env.reset(seed=0)
    plain = fit_for_stock(ecomlib.forecaster("window_mean"), stock_panel(env.history(), about), weeks=2)
    with pytest.raises(DataError, match="no quantiles"):
        play(env, ForecastOrders(env.game, *plain, about, how="quantiles"))
