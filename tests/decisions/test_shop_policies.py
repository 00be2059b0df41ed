"""Rules that need no model, and references: what they order, charge, promote and whom they write to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import nbinom, poisson

pytest.importorskip("gymnasium", reason="the extra decide is not installed")

from ecomlib.decisions.shop_env import ShopEnv, play
from ecomlib.decisions.shop_game import LEVERS, Policy
from ecomlib.decisions.shop_policies import (
    BestSellers,
    CostPlus,
    MeanOfWeeks,
    NothingBelowCost,
    ShopRule,
    Smoothing,
    Together,
    attainable_policy,
    base_stock_order,
    critical_ratio,
    expected_sales,
    list_price,
    lost_sales_order,
    mail_everybody,
    mail_nobody,
    omniscient_policy,
    shop_policy,
)
from ecomlib.errors import DataError


@pytest.fixture(scope="module")
def env() -> ShopEnv:
    return ShopEnv(size="tiny", seed=0, weeks=13, levers=LEVERS, pooled=True, holding=2.6)


def reopened(env: ShopEnv, **options: Any) -> ShopEnv:
    return env.under(**options)


def test_a_base_stock_order_is_a_quantile_of_a_negative_binomial_law() -> None:
    mean, variance = np.array([6.0, 0.4, 20.0, 0.0]), np.array([12.0, 0.9, 20.0, 0.0])
    order = base_stock_order(np.zeros(4), mean, variance, np.array([0.9]))
    size = mean[:2] ** 2 / (variance - mean)[:2]
    assert order[:2].tolist() == nbinom.ppf(0.9, size, size / (size + mean[:2])).tolist()
    assert order[2] == poisson.ppf(0.9, 20.0) and order[3] == 0
    assert base_stock_order(np.full(4, 100.0), mean, variance, np.array([0.9])).tolist() == [0, 0, 0, 0]


def test_a_lost_sales_order_lasts_as_often_as_asked_and_is_no_larger_than_base_stock() -> None:
    rng, ratio = np.random.default_rng(0), 0.9
    mean, available = np.array([8.0, 3.0, 30.0]), np.array([5.0, 9.0, 20.0])
    variance = mean + 0.2 * mean**2
    order = lost_sales_order(available, (mean, variance), (mean, variance), np.array([ratio]))
    size = mean**2 / (variance - mean)
    draws = [rng.negative_binomial(size, size / (size + mean), (200_000, 3)) for _ in range(2)]
    left = np.maximum(available - draws[0], 0)
    for units, enough in ((order, True), (order - 2, False)):
        share = (draws[1] <= left + units).mean(axis=0)
        assert ((share >= ratio - 0.005) == enough).all() or (not enough and (share < ratio).all()), share
    # Where nothing is left over it orders for one week; base stock would order this week's losses again.
    empty = lost_sales_order(np.zeros(3), (mean, variance), (mean, variance), np.array([ratio]))
    assert (empty < base_stock_order(np.zeros(3), 2 * mean, 2 * variance, np.array([ratio]))).all()


def test_expected_sales_are_the_mean_of_what_is_there_and_what_is_wanted() -> None:
    mean, variance, available = (
        np.array([0.5, 4.0, 30.0, 3.0]),
        np.array([0.9, 9.0, 60.0, 3.0]),
        np.array([1, 3, 28, 2]),
    )
    size = mean**2 / np.maximum(variance - mean, 1e-6 * mean)
    units = np.arange(400)[:, None]
    by_hand = (np.minimum(units, available) * nbinom.pmf(units, size, size / (size + mean))).sum(axis=0)
    np.testing.assert_allclose(expected_sales(available, mean, variance), by_hand, rtol=1e-6)
    assert expected_sales(np.zeros(1), np.ones(1), np.ones(1)) == 0


def test_ratios_of_prices_at_and_below_cost_and_of_free_stock() -> None:
    ratio = critical_ratio(np.array([4.0, 3.0, 5.0, 0.0]), np.array([4.0, 4.0, 4.0, 0.0]), holding=0.0)
    assert ratio.tolist() == [0.0, 0.0, 0.999, 0.0]


@pytest.mark.parametrize("is_pooled", [True, False])
def test_every_rule_plays_to_the_end(env: ShopEnv, is_pooled: bool) -> None:
    game = env if is_pooled else reopened(env, levers=LEVERS)
    rules: list[Policy] = [shop_policy, MeanOfWeeks(game.game), Smoothing(game.game, "base_stock"), list_price]
    rules = [
        NothingBelowCost(game.shop_rule),
        *rules,
        CostPlus(),
        BestSellers(game.places),
        mail_nobody,
        mail_everybody,
    ]
    rules += [Smoothing(game.game), Together((CostPlus(), Smoothing(game.game)))]
    for rule in rules if is_pooled else rules[:4]:
        played = play(game, rule)
        assert len(played.weeks) == 13 and played.profit > 0


def test_policies_move_their_own_levers(env: ShopEnv) -> None:
    obs, _ = env.reset(seed=0)
    live = obs["live"].astype(bool)
    page = BestSellers(5)(obs)["promote"]
    gross = (obs["plan_price"][:, 0] - obs["cost"]) * obs["sold"].sum(axis=1)
    assert page.sum() == 5 and set(np.flatnonzero(page)) == set(np.argsort(-gross)[:5])
    np.testing.assert_allclose(CostPlus(0.5)(obs)["price"][live], 1.5 * obs["cost"][live])
    assert list(Together((CostPlus(), mail_nobody))(obs)) == ["price", "mail"]
    assert not mail_nobody(obs)["mail"].any() and (mail_everybody(obs)["mail"] == obs["listed"]).all()


@pytest.mark.parametrize("is_pooled", [True, False])
def test_nothing_is_ordered_for_a_week_at_or_below_cost_and_the_shops_own_else(env: ShopEnv, is_pooled: bool) -> None:
    game = env if is_pooled else reopened(env)
    obs, _ = game.reset(seed=0)
    shops = game.shop_rule(obs)["order"]
    pays = obs["plan_price"][:, 1] > obs["cost"]
    selling = np.flatnonzero(pays & (shops.reshape(60, -1).sum(axis=1) > 0))[:9]
    obs["plan_price"][selling[:3], 1] = obs["cost"][selling[:3]]  # at cost
    obs["plan_price"][selling[3:6], 1] = 0.9 * obs["cost"][selling[3:6]]  # below it
    obs["plan_price"][selling[6:], 0] = 0.9 * obs["cost"][selling[6:]]  # this week's: its stock is here or gone
    order = NothingBelowCost(game.shop_rule)(obs)["order"]
    assert (
        not order[selling[:6]].any() and (order[selling[6:]] == shops[selling[6:]]).all() and order.shape == shops.shape
    )
    pays = obs["plan_price"][:, 1] > obs["cost"]
    np.testing.assert_array_equal(order[pays], shops[pays])


def test_the_shops_rule_by_hand(env: ShopEnv) -> None:
    """Two weeks of smoothed sales, 1.5 roots of them, a unit; no more than live, and a launch is laid in whole."""
    obs = {"smoothed": np.array([4.0, 0.0, 4.0, 4.0, 9.0]), "on_hand": np.array([3, 0, 99, 3, 0])}
    obs |= {
        "arriving": np.array([2, 0, 0, 0, 0]),
        "live": np.array([1, 1, 1, 0, 0]),
        "launching": np.array([0, 0, 0, 0, 1]),
    }
    # 8 + 1.5 √8 + 1 = 13.24 -> 14 - 5; 1; nothing; not on sale; 18 + 1.5 √18 + 1 = 25.36 -> 26
    assert ShopRule(("order",))(obs)["order"].tolist() == [9, 1, 0, 0, 26]
    assert list(env.shop_rule(env.reset(seed=0)[0])) == list(LEVERS)


def test_orders_are_made_for_the_prices_that_are_charged(env: ShopEnv) -> None:
    obs, _ = env.reset(seed=0)
    seen: list[Any] = []

    def looks(obs: Any, history: Any) -> dict[str, Any]:
        seen.append(obs["plan_price"])
        return {}

    looks.history_by = None  # type: ignore[attr-defined]
    plan = obs["plan_price"].copy()
    Together((looks, CostPlus(0.4), looks))(obs)
    live = plan > 0
    charged = np.clip(np.round(1.4 * obs["cost"], 2), obs["price_low"], obs["price_high"])
    np.testing.assert_array_equal(seen[0], plan)
    np.testing.assert_allclose(seen[1], np.where(live, charged[:, None], 0.0))
    np.testing.assert_array_equal(obs["plan_price"], plan)


def test_references_stand_above_the_rules_lever_by_lever(env: ShopEnv) -> None:
    rivals = {
        "order": (Smoothing(env.game), MeanOfWeeks(env.game)),
        "price": (list_price, CostPlus()),
        "promote": (BestSellers(6),),
        "mail": (mail_nobody, mail_everybody),
    }
    for lever, rules in rivals.items():
        game = reopened(env, levers=(lever,), pooled=True, holding=2.6)
        earned = [sum(play(game, rule, luck=k).profit for k in (1, 2)) for rule in (shop_policy, *rules)]
        reference = sum(play(game, attainable_policy(game), luck=k).profit for k in (1, 2))
        assert reference > max(earned), lever


@pytest.mark.parametrize("make", [attainable_policy, omniscient_policy])
def test_a_reference_refuses_a_game_that_it_does_not_know(env: ShopEnv, make: Callable[[ShopEnv], Policy]) -> None:
    """Its own game stands still meanwhile; another holding cost, lever, stock or seed would be played wrongly."""
    own = reopened(env, levers=("order",), pooled=True)
    reference, says = make(own), "a reference knows the game"
    others = [reopened(env, pooled=True, holding=2.6), reopened(env, levers=("price",), pooled=True), reopened(env)]
    others += [reopened(env, levers=("order",), pooled=True), ShopEnv(size="tiny", seed=1, weeks=13, pooled=True)]
    for other in others:
        for policy in (reference, Together((shop_policy, reference))):
            with pytest.raises(DataError, match=says):
                play(other, policy)
    for other in others[-2:]:  # of the same levers: inside a function it is told by the week
        with pytest.raises(DataError, match=says):
            play(other, lambda obs, history: reference(obs, history))
    assert play(own, Together((shop_policy, reference))).profit == play(own, reference).profit > 0


def test_who_knows_the_shocks_orders_better_still(env: ShopEnv) -> None:
    game = reopened(env, levers=("order",), pooled=True, holding=2.6)
    known, all_known = (
        sum(play(game, make(game), luck=k).profit for k in range(3)) for make in (attainable_policy, omniscient_policy)
    )
    assert all_known > known


def test_the_best_price_is_where_no_neighbour_earns_more(env: ShopEnv) -> None:
    game = reopened(env, levers=("price",), pooled=True, rails=(0.05, 20.0), price_tests=0.0)
    knows = game.knowledge(omniscient=False)
    best = knows.best_price(game._world.first)
    obs, _ = game.reset(seed=0)
    inside = np.isfinite(best) & (best < obs["price_high"]) & (best > obs["price_low"]) & (obs["live"] > 0)
    assert inside.sum() > 20
    earned = []
    for factor in (0.9, 1.0, 1.1):
        game.reset(seed=0)
        *_, info = game.step({"price": np.where(inside, factor * best, obs["plan_price"][:, 0]).clip(0.05)})
        earned.append((info["expected"] * (info["price"] - obs["cost"]))[inside])
    assert (earned[1] >= np.maximum(earned[0], earned[2]) * 0.999).all()


def test_a_letters_gain_is_what_the_loop_shows_in_the_mean(env: ShopEnv) -> None:
    """Margin of expected demand with a letter to the worthwhile, less that without, over many lucks."""
    game = reopened(env, levers=("mail",), pooled=True, mailing_cost=0.0, mail_gap=1)
    knows = game.knowledge(omniscient=True)
    game.reset(seed=0)
    plan = game._world.market.plan
    first = game._world.first
    gain = knows.letter_gain(first, game.episode, plan.price[:, first], plan.promoted[:, first])
    worth = gain > 0
    assert 0 < worth.sum() < len(worth)

    def margin(luck: int, letters: bool) -> float:
        game.reset(seed=luck)
        total, over, now = 0.0, False, letters
        while not over:
            mail = worth if now else np.zeros(len(worth), dtype=bool)
            _, _, over, _, info = game.step({"mail": mail})
            total, now = total + float(info["expected"] @ (info["price"] - game._world.market.cost)), False
        return total

    differences = [margin(luck, True) - margin(luck, False) for luck in range(12)]
    assert 0.5 < np.mean(differences) / gain[worth].sum() < 2.0


def test_the_reference_thinks_of_no_order_cost_and_is_beaten_where_lines_are_dear(env: ShopEnv) -> None:
    """It is no optimum; batches of ten weeks of smoothed sales show it."""
    game = reopened(env, levers=("order",), pooled=True, order_cost=5.0)

    def batches(obs: Any, history: Any) -> dict[str, Any]:
        there = obs["on_hand"] + obs["arriving"]
        due = (there < 2.2 * obs["smoothed"] + 1) & (obs["live"] + obs["launching"] > 0)
        return {"order": np.where(due, np.ceil(10 * obs["smoothed"] + 2 - there).clip(0), 0)}

    assert play(game, batches).profit > 1.02 * play(game, attainable_policy(game)).profit
