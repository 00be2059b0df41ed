"""A quarter in rounds: levers open in turn, closed ones stay the shop's, and orders know the price to come."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from ecomlib.decisions import shop_rounds
from ecomlib.decisions.shop_env import ShopEnv, play
from ecomlib.decisions.shop_game import LEVERS, Game
from ecomlib.decisions.shop_lessons import (
    CAUSAL,
    FORECAST,
    MOVED,
    OPPONENTS,
    PLANNED,
    forecast_policy,
)
from ecomlib.decisions.shop_policies import (
    CostPlus,
    Smoothing,
    attainable_policy,
    mail_everybody,
    mail_nobody,
    shop_policy,
)
from ecomlib.decisions.shop_rounds import (
    CoverWeeks,
    InRounds,
    InTurn,
    MailThose,
    course_policy,
    days_left,
    last_week_policy,
    moved_letters,
    no_offers,
    quarter_options,
    recent_buyers,
    rounds,
    rule_policy,
)
from ecomlib.errors import DataError


@pytest.fixture(scope="module")
def env() -> ShopEnv:
    return ShopEnv(size="tiny", seed=3, **quarter_options("tiny"))


def test_a_quarter_has_four_rounds() -> None:
    game = Game(**quarter_options())
    assert [list(weeks) for weeks in rounds(game)] == [[0, 1, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11, 12]]
    assert [game.open_in(week) for week in (0, 3, 4, 9, 10, 12)] == [
        ("order",),
        ("order",),
        ("order", "price"),
        ("order", "price", "promote"),
        LEVERS,
        LEVERS,
    ]
    assert Game().open_in(0) == ("order",)
    assert len(rounds(Game())) == 1


@pytest.mark.parametrize("opens", [(0,), (0, 4, 7, -1), (0, 4, 7, 1.5), [0, 4, 7, 10], 3])
def test_opens_has_a_week_for_each_lever(opens: Any) -> None:
    with pytest.raises(DataError, match="a week for each lever"):
        Game(levers=LEVERS, opens=opens)


def test_what_is_asked_of_a_closed_lever_is_not_done(env: ShopEnv) -> None:
    asks: dict[str, Any] = {"price": np.full(60, 9.0), "promote": np.zeros(60), "mail": np.zeros(len(env.customer_ids))}
    shop, mine = [], []
    for actions, rows in (({}, shop), (asks, mine)):
        env.reset(seed=0)
        for _ in range(4):
            _, profit, _, _, info = env.step(actions)
            rows.append((profit, info["price"].sum(), info["letters"]))
    assert shop == mine
    env.reset(seed=0)
    for _ in range(4):
        env.step({})
    _, _, _, _, info = env.step(asks)  # in week 5 the price is open, inside its rails
    assert not np.allclose(info["price"], 9.0)
    assert info["price"].sum() != shop[-1][1]
    assert info["letters"] == pytest.approx(env.game.mailing_cost * round(info["letters"] / env.game.mailing_cost))


def test_the_shop_s_own_letters_are_sent_while_letters_are_closed(env: ShopEnv) -> None:
    weeks = play(env, shop_policy).weeks
    quiet = play(env, InRounds(env.game, {"mail": mail_nobody})).weeks
    assert (quiet["letters"].iloc[8:] == 0).all()
    assert quiet["letters"].iloc[:8].tolist() == weeks["letters"].iloc[:8].tolist()
    assert weeks["letters"].iloc[:8].sum() > 0


def test_a_policy_in_rounds_moves_what_is_open(env: ShopEnv) -> None:
    policy = rule_policy(env)
    obs, _ = env.reset(seed=0)
    seen = []
    for _ in range(env.game.weeks):
        action = policy(obs)
        seen.append(tuple(name for name in LEVERS if name in action))
        obs, *_ = env.step(action)
    assert seen == [env.game.open_in(week) for week in range(env.game.weeks)]
    with pytest.raises(DataError, match="no such lever"):
        InRounds(env.game, {"prices": shop_policy})


def test_the_last_order_before_prices_open_is_for_the_price_to_come(env: ShopEnv) -> None:
    """It is sold in the week in which the price is one's own: at a dearer one more is worth holding."""
    asked: list[np.ndarray] = []

    class Notes:
        history_by = None

        def __call__(self, obs: Any, history: Any = None) -> Any:
            asked.append(obs["plan_price"][:, :2].copy())
            return {"order": np.zeros(60, dtype=int)}

    play(env, InRounds(env.game, {"price": CostPlus(1.0), "order": Notes()}))
    obs, _ = env.reset(seed=0)
    mine = np.clip(2 * obs["cost"], obs["price_low"], obs["price_high"])
    live = obs["plan_price"][:, 1] > 0
    week_4 = asked[4]  # asked twice in that week: for the plan, and for the price to come
    np.testing.assert_allclose(week_4[live, 1], mine[live], atol=0.01)
    assert not np.allclose(asked[2][live, 1], mine[live], atol=0.01)


def test_the_reference_earns_more_than_the_rule_and_knows_when_levers_open(env: ShopEnv) -> None:
    best, rule = play(env, attainable_policy(env)), play(env, rule_policy(env))
    assert best.profit > rule.profit
    alone = env.under(levers=("order",), pooled=True, holding=2.6)
    orders = play(alone, attainable_policy(alone)).weeks["profit"]
    # Three weeks of orders alone are the same game; in the fourth the reference orders for its own prices.
    assert best.weeks["profit"].iloc[:4].tolist() == orders.iloc[:4].tolist()
    assert best.weeks["profit"].iloc[4] > orders.iloc[4]


def test_rules_that_a_person_can_say(env: ShopEnv) -> None:
    obs, _ = env.reset(seed=0)
    two, three = (CoverWeeks(env.game, cover)(obs)["order"] for cover in (2.0, 3.0))
    assert (three >= two).all()
    assert three.sum() > two.sum()
    assert no_offers(obs)["promote"].sum() == 0
    last = last_week_policy(env)(obs)["order"]
    old = ~obs["launching"].astype(bool)
    assert last[old].tolist() == obs["sold"][old, -1].tolist()
    some = np.zeros(len(env.customer_ids), dtype=bool)
    some[:5] = True
    mail = MailThose(some)(obs)["mail"]
    assert mail.sum() == (obs["listed"][:5] > 0).sum()


def test_recent_buyers_are_those_of_sixty_days(env: ShopEnv) -> None:
    shop = env.opening()
    few, more = recent_buyers(shop, env.customer_ids), recent_buyers(shop, env.customer_ids, days=120)
    assert 0 < few.sum() < more.sum()
    since = shop.orders["ordered_at"].max() - pd.Timedelta(days=60)
    ids = shop.orders.loc[shop.orders["ordered_at"] >= since, "customer_id"].dropna().unique()
    assert set(env.customer_ids[few]) == set(ids)


def test_a_lever_is_handed_from_one_policy_to_another(env: ShopEnv) -> None:
    everybody = InTurn(mail_nobody, mail_everybody, 9)
    weeks = play(env, InRounds(env.game, {"mail": everybody})).weeks["letters"]
    assert weeks.iloc[8] == 0
    assert weeks.iloc[9] > 0
    assert everybody.history_by is None
    assert InTurn(Smoothing(env.game), forecast_policy(env).parts["order"], 3).history_by == ("product_id",)


def test_the_course_s_policy_holds_no_secret_and_plays_every_lever(env: ShopEnv) -> None:
    policy = course_policy(env)
    obs, _ = env.reset(seed=1)
    for _ in range(9):
        obs, *_ = env.step(policy(obs, env.history()))
    assert set(policy(obs, env.history())) == set(LEVERS)
    held = [value for part in policy.parts.values() for value in getattr(part, "__dict__", {}).values()]
    assert not any(isinstance(value, ShopEnv) for value in held)


def test_a_shop_whose_promotions_cannot_be_judged_still_gets_a_policy(
    env: ShopEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a tiny shop the regression behind the lift may not converge: offers then earn by their discount alone."""

    def cannot(*_: Any) -> pd.DataFrame:
        raise DataError("the Poisson regression did not converge")

    monkeypatch.setattr(shop_rounds, "promotion_lift", cannot)
    policy = course_policy(env)
    assert policy.parts["promote"].lift == 0.0
    assert play(env, policy).profit > 0


def test_opponents_are_the_rule_with_one_lever_of_the_course(env: ShopEnv) -> None:
    rule = rule_policy(env).parts
    moved = {PLANNED: "order", FORECAST: "order", CAUSAL: "price", MOVED: "mail"}
    assert set(OPPONENTS) == set(moved)
    for name, lever in moved.items():
        parts = OPPONENTS[name](env).parts
        same = [other for other in rule if other != "mail" and parts[other] == rule[other]]
        assert lever not in same
        assert set(same) == set(rule) - {lever, "mail"}
        assert play(env, OPPONENTS[name](env)).profit > 0


def test_a_plan_is_made_once(env: ShopEnv) -> None:
    """What is sold in play does not move its orders, what is on the shelf does; smoothing follows sales."""
    orders = OPPONENTS[PLANNED](env).parts["order"]
    obs, _ = env.reset(seed=0)
    more = obs | {"smoothed": 3 * obs["smoothed"] + 1}
    known = ~np.isnan(orders.plan[:, 0])
    assert known.sum() > 40
    assert orders(more)["order"][known].tolist() == orders(obs)["order"][known].tolist()
    assert Smoothing(env.game)(more)["order"].sum() > Smoothing(env.game)(obs)["order"].sum()
    np.testing.assert_allclose(orders.rates(obs)[1][known], orders.plan[known, 1], atol=1e-5)


def test_letters_are_learnt_for_the_days_that_are_left(env: ShopEnv) -> None:
    assert days_left(env.game) == 14
    assert days_left(Game(**quarter_options())) == 21
    assert days_left(Game(weeks=26)) == 182
    shop = env.opening()
    few = moved_letters(env, shop).chosen
    assert 0 < few.sum() < len(few)
    silent = ~np.isin(env.customer_ids, shop.orders["customer_id"].dropna().unique())
    assert not few[silent].any()
    dear = env.under(**{**quarter_options("tiny"), "mailing_cost": 50.0})
    assert moved_letters(dear, shop).chosen.sum() == 0  # no order is worth that much
