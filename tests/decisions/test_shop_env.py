"""The store as a game: exact under the shop's own actions, blind to the future, and every known trap sprung once.

Seeds are fixed. What a cheat would try stands under "nothing to be found".
"""

from __future__ import annotations

import copy
import pickle
import time
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("gymnasium", reason="the extra decide is not installed")
from gymnasium.utils.env_checker import check_env

from ecomlib.decisions.shop_env import LEAST_PRICE, LEVERS, Game, Obs, ShopEnv, play
from ecomlib.decisions.shop_policies import (
    BestSellers,
    CostPlus,
    MeanOfWeeks,
    ShopRule,
    attainable_policy,
    mail_everybody,
    shop_policy,
)
from ecomlib.errors import CallError, DataError
from ecomlib.panel import make_panel
from ecomlib.stores.simulated import make_store
from ecomlib.stores.simulated.world import World
from ecomlib.stores.store import Store

KINDS = ({}, {"misspecified": True}, {"substitution": True})
NAMES = ("default", "misspecified", "substitution")
WEEKS = 13
REGIONAL = ("product_id", "region_id")


@pytest.fixture(scope="module")
def store() -> Store:
    return make_store("tiny", 0)


@pytest.fixture(scope="module")
def env(store: Store) -> ShopEnv:
    """All levers, stock by region."""
    return ShopEnv.from_store(store, weeks=WEEKS, levers=LEVERS)


def reopened(env: ShopEnv, **options: Any) -> ShopEnv:
    """The same world under other rules."""
    return env.under(**options)


@pytest.fixture(scope="module")
def pooled(env: ShopEnv) -> ShopEnv:
    return reopened(env, levers=LEVERS, pooled=True)


def run(env: ShopEnv, act: Any, luck: int = 0) -> list[tuple[Obs, float, dict[str, Any]]]:
    """Play with full knowledge of obs and info: ``act(obs)`` gives the action."""
    obs, _ = env.reset(seed=luck)
    found, over = [], False
    while not over:
        obs, reward, over, cut, info = env.step(act(obs))
        found.append((obs, reward, info))
        assert not cut
    return found


# --- the shop as it was -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
@pytest.mark.parametrize("explicit", [False, True])
def test_the_shops_own_actions_reproduce_the_published_store(kind: dict[str, bool], explicit: bool) -> None:
    store = make_store("tiny", 0, **kind)
    env = ShopEnv.from_store(store, weeks=WEEKS, levers=LEVERS)
    weeks = run(env, ShopRule(LEVERS) if explicit else lambda obs: {}, luck=3)
    truth, first = store.truth, env.week - WEEKS
    demand = truth.demand[:, :, 7 * first :].reshape(60, 9, WEEKS, 7).sum(axis=3)
    product, region, day, units = env._world.market.wholesale
    demand[product, region, day // 7 - first] -= units
    np.testing.assert_array_equal(np.stack([info["demand"] for _, _, info in weeks], axis=2), demand)
    for by in (("product_id",), REGIONAL):
        recorded, published = env.history(by), make_panel(store.observed(), by=by)
        pd.testing.assert_frame_equal(
            recorded[published.columns.intersection(recorded.columns)],
            published[published.columns.intersection(recorded.columns)],
            rtol=1e-12,
        )
    tested = store.prices.groupby(["product_id", "date"])["price_test"].first().reset_index()
    monday = tested[tested["date"].dt.dayofweek == 0].set_index(["product_id", "date"])["price_test"]
    mine = env.history().set_index(["product_id", "ds"])["price_test"]
    np.testing.assert_array_equal(monday.astype(float).to_numpy(), mine.to_numpy())
    stock = store.inventory
    last = stock[stock["date"] == stock["date"].max()]
    left = (last["on_hand_start"] + last["received"] - last["sold"]).to_numpy()
    np.testing.assert_array_equal(env._on_hand.ravel(), left)
    gone = store.truth.customers["left_on"].notna().to_numpy()
    with_the_end = env._world.people.leaving_day == 7 * 26  # their day lies after the store's last
    np.testing.assert_array_equal(~env.episode.alive, gone | with_the_end)


def test_a_store_by_name_is_the_store_at_hand(env: ShopEnv) -> None:
    by_name = ShopEnv(size="tiny", seed=0, weeks=WEEKS, levers=LEVERS)
    assert play(by_name, CostPlus(), luck=4).weeks.equals(play(env, CostPlus(), luck=4).weeks)


def test_the_pooled_shop_meets_the_same_demand(env: ShopEnv, pooled: ShopEnv) -> None:
    for one, all_ in zip(run(env, lambda obs: {}), run(pooled, lambda obs: {}), strict=True):
        np.testing.assert_array_equal(one[2]["demand"].sum(axis=1), all_[2]["demand"][:, 0])
    assert pooled.history()["stockout"].between(0, 1).all()
    with pytest.raises(DataError, match="no such series"):
        pooled.history(REGIONAL)


def test_books_balance_under_any_orders(env: ShopEnv) -> None:
    rng = np.random.default_rng(0)
    obs, _ = env.reset(seed=0)
    for _ in range(WEEKS):
        order = rng.integers(0, 4, (60, 9))
        due = np.where((obs["live"] + obs["launching"])[:, None] > 0, order, 0)
        before = obs
        obs, _, _, _, info = env.step({"order": order})
        sold = info["demand"] - info["lost"]
        np.testing.assert_array_equal(obs["on_hand"], before["on_hand"] + before["arriving"] - sold)
        np.testing.assert_array_equal(obs["arriving"], due)
        assert (info["lost"] >= 0).all() and (obs["on_hand"] >= 0).all()


# --- luck -------------------------------------------------------------------------------------------------------------


def test_the_same_luck_is_the_same_play_and_another_luck_another(env: ShopEnv) -> None:
    cheap = CostPlus(0.3)
    first, again, other = (play(env, cheap, luck=luck).weeks for luck in (1, 1, 2))
    assert first.equals(again) and not first["demand"].equals(other["demand"])
    assert play(env, shop_policy, luck=1).weeks.equals(play(env, shop_policy, luck=2).weeks)


def test_coupled_luck_tells_two_policies_apart(env: ShopEnv) -> None:
    """The spread of a difference under one luck is far below that under two lucks that know nothing of each other."""
    lucks = range(12)
    one, two = (np.array([play(env, CostPlus(share), luck=k).profit for k in lucks]) for share in (0.70, 0.75))
    assert (one - two).std() < 0.5 * (one - np.roll(two, 1)).std()


def test_lucks_are_no_replicates_where_orders_alone_are_played(env: ShopEnv) -> None:
    """The same is wanted in every luck, whatever is ordered; once prices are played it is not."""
    orders = reopened(env, levers=("order",), order_cost=0.5)
    for policy in (MeanOfWeeks(orders.game), attainable_policy(orders)):
        first, *others = (play(orders, policy, luck=luck).weeks for luck in (0, 7, 2**40))
        assert all(other.equals(first) for other in others)
    both = reopened(env, levers=("order", "price"))
    assert not play(both, CostPlus(0.3), luck=0).weeks.equals(play(both, CostPlus(0.3), luck=7).weeks)


def test_luck_is_no_new_world_and_who_has_played_it_before_knows_what_comes(env: ShopEnv) -> None:
    """Sees demand in a first play that never runs out; under another luck it orders what will be wanted."""
    game = reopened(env, levers=("order",), pooled=True, holding=2.6)
    seen: list[Any] = []

    def looks(obs: Obs, history: Any) -> dict[str, Any]:
        seen.append(obs["sold"][:, -1].copy())  # of the week before
        return {"order": np.full(60, 200)}

    def remembers(obs: Obs, history: Any) -> dict[str, Any]:
        week, later = int(obs["week"]), [*seen[1:], *2 * [2 * obs["smoothed"]]]
        left = np.maximum(obs["on_hand"] + obs["arriving"] - later[week], 0)
        worth = obs["plan_price"][:, 1] > obs["cost"]
        return {"order": np.where(worth, np.maximum(np.ceil(later[week + 1] - left), 0), 0)}

    looks.history_by = remembers.history_by = None  # type: ignore[attr-defined]
    play(game, looks, luck=100)
    cheat, honest = play(game, remembers, luck=1), play(game, attainable_policy(game), luck=1)
    assert cheat.profit > 1.01 * honest.profit and cheat.weeks["lost"].sum() < honest.weeks["lost"].sum()
    assert cheat.weeks.equals(play(game, remembers, luck=2).weeks), "orders alone meet one demand, whatever the luck"


def test_a_copy_made_in_play_goes_on_alike_and_leaves_the_first_alone() -> None:
    """In memory, or sent to another process."""
    env = ShopEnv(size="tiny", seed=0, weeks=WEEKS, levers=LEVERS)
    obs, _ = env.reset(seed=1)
    for _ in range(3):
        obs, *_ = env.step({"order": np.full((60, 9), 2)})
    act = {"price": (1.2 * obs["plan_price"][:, 0]).clip(LEAST_PRICE), "mail": obs["listed"]}
    copies = (copy.deepcopy(env), pickle.loads(pickle.dumps(env)))
    after = [[(other.step(act)[1], other.step({})[1]) for _ in range(2)] for other in copies]
    assert env.week == 26 - WEEKS + 3
    assert after[0] == after[1] == [(env.step(act)[1], env.step({})[1]) for _ in range(2)]
    assert copies[1].opening().products.equals(env.opening().products)


# --- Gymnasium --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_pooled", [False, True])
def test_the_checker_of_gymnasium_passes(env: ShopEnv, pooled: ShopEnv, is_pooled: bool) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_env(pooled if is_pooled else env, skip_render_check=True)


def test_each_lever_is_played_alone(env: ShopEnv) -> None:
    orders = reopened(env, levers=("order",))
    assert list(orders.action_space) == ["order"] and orders.action_space["order"].shape == (60, 9)
    obs, _ = orders.reset(seed=0)
    assert list(orders.shop_rule(obs)) == ["order"]
    with pytest.raises(DataError, match="not played"):
        orders.step({"price": np.ones(60)})
    prices = reopened(env, levers=("price",), pooled=True)
    obs, _ = prices.reset(seed=0)
    obs, *_ = prices.step({"price": obs["price_high"].clip(LEAST_PRICE)})
    assert obs in prices.observation_space


@pytest.mark.parametrize(
    ("action", "says"),
    [
        ({"order": np.full((60, 9), 1.5)}, "whole units"),
        ({"order": np.full((60, 9), -1)}, "whole units"),
        ({"order": np.ones(60)}, "shape"),
        ({"order": np.full((60, 9), np.nan)}, "whole units"),
        ({"order": np.full((60, 9), 10_001)}, "whole units"),
        ({"price": np.zeros(60)}, "money"),
        ({"price": np.full(60, np.inf)}, "money"),
        ({"promote": np.full(60, 2)}, "true or false"),
        ({"promote": np.ones(60, dtype=bool)}, "places"),
        ({"mail": np.ones(3, dtype=bool)}, "shape"),
        ({"bribe": np.ones(3)}, "not played"),
        ({"price": np.array(["1"] * 60)}, "money"),
    ],
)
def test_an_action_that_is_none_is_refused_and_changes_nothing(env: ShopEnv, action: Any, says: str) -> None:
    env.reset(seed=0)
    with pytest.raises(DataError, match=says):
        env.step(action)
    assert env.week == 26 - WEEKS


@pytest.mark.parametrize("action", [5, [1], "order", np.ones(60)])
def test_an_action_is_a_dict_or_none(env: ShopEnv, action: Any) -> None:
    env.reset(seed=0)
    with pytest.raises(DataError, match="a dict"):
        env.step(action)
    assert env.week == 26 - WEEKS
    env.step(None)


def test_a_luck_is_a_whole_number_of_any_kind(env: ShopEnv) -> None:
    cheap = CostPlus(0.3)
    assert play(env, cheap, luck=np.int64(3)).weeks.equals(play(env, cheap, luck=3).weeks)  # type: ignore[arg-type]
    for luck in (-1, 1.5, "a", True):
        with pytest.raises(DataError, match="luck"):
            play(env, cheap, luck=luck)  # type: ignore[arg-type]


def test_a_price_of_what_is_not_on_sale_is_not_read(env: ShopEnv) -> None:
    obs, _ = env.reset(seed=0)
    live = obs["live"].astype(bool)
    assert not live.all()
    asked = 1.1 * obs["plan_price"][:, 0]
    found = []
    for other in (0.0, np.nan, 3.0):
        env.reset(seed=0)
        found.append(env.step({"price": np.where(live, asked, other)})[1])
    assert found[0] == found[1] == found[2]


def test_options_that_make_no_game_are_refused(store: Store, env: ShopEnv) -> None:
    numbers = (
        {"weeks": 0},
        {"weeks": 2.5},
        {"weeks": True},
        {"ahead": 1},
        {"ahead": 5},
        {"places": -1},
        {"start": 9.5},
    )
    costs = ({"holding": np.inf}, {"holding": "a"}, {"order_cost": -1}, {"mailing_cost": np.nan}, {"price_tests": 1.5})
    rails = ({"rails": (2.0, 1.0)}, {"rails": (0.5,)}, {"rails": 0.5}, {"rails": ("a", "b")}, {"rails": (0.5, np.nan)})
    for options in ({"levers": ("oder",)}, {"levers": "order"}, *numbers, *costs, *rails):
        with pytest.raises(DataError):
            Game(**options)
    assert Game(weeks=np.int64(4), places=0, holding=0, rails=(0.5, 2)).places == 0
    with pytest.raises(CallError, match="lever"):
        Game(lever=("order",))
    with pytest.raises(DataError, match="truth"):
        ShopEnv.from_store(store.observed())
    with pytest.raises(DataError, match="26 weeks"):
        ShopEnv.from_store(store, weeks=20)
    other = make_store("tiny", 1).with_parts(notes={"seed": 0})
    with pytest.raises(DataError, match="another version"):
        ShopEnv.from_store(other, weeks=WEEKS)
    with pytest.raises(DataError, match="another world"):
        env.under(weeks=WEEKS - 1)
    assert env.under(weeks=WEEKS, places=3).places == 3
    run(env, lambda obs: {})
    with pytest.raises(DataError, match="over"):
        env.step({})


# --- nothing to be found ----------------------------------------------------------------------------------------------


def reachable(thing: Any, seen: dict[int, Any]) -> Iterator[Any]:
    """Everything that can be reached from a thing: items, attributes, bases of arrays, blocks of frames, closures."""
    if id(thing) in seen or isinstance(thing, type | str | bytes | int | float | bool | type(None)):
        if isinstance(thing, str | int | float):
            yield thing
        return
    seen[id(thing)] = thing
    yield thing
    parts: list[Any] = []
    if isinstance(thing, np.ndarray):
        parts.append(thing.base)
        if thing.dtype == object:
            parts += list(thing.ravel()[:50])
    elif isinstance(thing, Mapping):
        parts += [*thing.keys(), *thing.values()]
    elif isinstance(thing, list | tuple | set | frozenset):
        parts += list(thing)
    elif type(thing).__module__.split(".")[0] not in ("builtins", "datetime"):
        parts += list(getattr(thing, "__dict__", {}).values())
        for kind in type(thing).__mro__:
            slots = getattr(kind, "__slots__", ())
            parts += [getattr(thing, name, None) for name in ([slots] if isinstance(slots, str) else slots)]
        for name in ("_mgr", "blocks", "values", "_values", "_ndarray", "axes", "attrs", "base"):
            try:
                parts.append(getattr(thing, name, None))
            except Exception:
                continue
    for name in ("__closure__", "__self__", "__func__", "__globals__"):
        if name != "__globals__" and getattr(thing, name, None) is not None:
            parts.append(getattr(thing, name))
    for part in parts:
        yield from reachable(part, seen)


def test_a_policy_reaches_neither_truth_nor_seed(store: Store) -> None:
    seed = 424242
    env = ShopEnv(size="tiny", seed=seed, weeks=WEEKS, levers=LEVERS)
    world: World = env._world
    hidden = [
        world.factor,
        world.mean,
        world.demand,
        world.potential,
        world.market.expected,
        world.market.demand,
        world.market.shock,
        world.market.plan.momentum,
        world.market.plan.price,
        world.market.plan.propensity,
        world.market.ground.alpha,
        world.people.activity,
        world.people.hazard,
        world.people.mailing_effect,
        world.people.leaving_day,
        world.catalogue.quality,
        env._jitter,
        env._tested,
    ]
    looked = []

    def spy(obs: Obs, history: pd.DataFrame) -> dict[str, Any]:
        for thing in reachable((obs, history), {}):
            looked.append(thing)
            assert not isinstance(thing, ShopEnv | World | Store | np.random.Generator)
            assert not (isinstance(thing, str | int) and str(seed) in str(thing))
            if isinstance(thing, np.ndarray):
                assert not any(np.shares_memory(thing, secret) for secret in hidden)
                assert thing.shape not in {world.factor.shape, world.market.expected.shape}
        assert history["ds"].max() < world.market.dates[7 * env.week]
        return {"price": 1.1 * obs["plan_price"][:, 0].clip(LEAST_PRICE)}

    spy.history_by = REGIONAL  # type: ignore[attr-defined]
    play(env, spy)
    assert len(looked) > 500 and any(isinstance(thing, np.ndarray) for thing in looked)
    found = {id(thing) for thing in reachable({"a": [world.factor[1:, :2]]}, {})}
    assert id(world.factor) in found, "the walk finds what hangs on a view"
    shop = env.opening()
    begin = world.market.dates[7 * world.first]
    assert shop.truth is None and str(seed) not in shop.name and not shop.notes
    assert shop.orders["ordered_at"].max() < begin and (shop.products["launched_on"] < begin).all()
    assert shop.prices["date"].max() < begin + pd.Timedelta(weeks=env.game.ahead)


def test_the_shops_own_rule_holds_nothing_of_the_game(env: ShopEnv) -> None:
    rule = env.shop_rule
    assert rule == ShopRule(LEVERS) and reopened(env).shop_rule == ShopRule(("order",))
    for thing in reachable(rule, {}):
        assert not isinstance(thing, ShopEnv | World | Store | np.ndarray)
    assert play(env, rule, luck=5).weeks.equals(play(env, shop_policy, luck=5).weeks)
    assert pickle.loads(pickle.dumps(rule)) == rule


def test_a_game_for_people_leaves_no_file(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store by its name is kept with its truth, under a name that tells the seed; one made in secret is not."""
    for name in ("ECOMLIB_CACHE_DIR", "ECOMLIB_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path))
    secret = 515151
    env = ShopEnv.from_store(make_store("tiny", secret, cache=False), weeks=WEEKS, levers=LEVERS)
    assert len(env.opening().orders) > 0
    play(env, attainable_policy(env))
    assert env.history()["y"].sum() > 0
    assert not list(tmp_path.rglob("*"))
    by_name = ShopEnv(size="tiny", seed=secret, weeks=WEEKS)
    assert not list(tmp_path.rglob("*")), "a world is replayed in memory"
    by_name.opening()
    assert any(str(secret) in path.name for path in tmp_path.rglob("*"))


def test_what_a_policy_writes_into_its_arrays_changes_nothing(env: ShopEnv) -> None:
    def vandal(obs: Obs, history: pd.DataFrame) -> dict[str, Any]:
        for value in obs.values():
            if isinstance(value, np.ndarray):
                value[...] = 1
        history.loc[:, "y"] = 0.0
        history["ds"].to_numpy().setflags(write=False)
        obs.clear()
        obs["week"] = np.int64(3)
        return {}

    vandal.history_by = ("product_id",)  # type: ignore[attr-defined]
    calm = play(env, shop_policy).weeks
    books = env.history()
    assert play(env, vandal).weeks.equals(calm)
    pd.testing.assert_frame_equal(env.history(), books)


def test_an_array_of_the_policys_own_can_be_changed_later_without_effect(env: ShopEnv) -> None:
    order = np.zeros((60, 9), dtype=np.int64)
    obs, _ = env.reset(seed=0)
    env.step({"order": order})
    order[...] = 9_000
    obs, *_ = env.step({})
    assert obs["on_hand"].max() < 9_000


def test_the_observed_tables_after_the_start_are_never_used(store: Store) -> None:
    begin = store.truth.dates[7 * (26 - WEEKS)]
    late = store.orders["ordered_at"] >= begin
    inventory, prices = store.inventory.copy(), store.prices.copy()
    inventory.loc[inventory["date"] >= begin, ["on_hand_start", "received", "sold"]] = 9
    prices.loc[prices["date"] >= begin, "unit_price"] = 0.07
    wrong = store.with_parts(orders=store.orders[~late], inventory=inventory, prices=prices)
    plain, other = (ShopEnv.from_store(s, weeks=WEEKS) for s in (store, wrong))

    def twos(obs: Obs, history: pd.DataFrame) -> dict[str, Any]:
        return {"order": np.full((60, 9), 2)}

    assert play(plain, twos).weeks.equals(play(other, twos).weeks)
    pd.testing.assert_frame_equal(plain.history(), other.history())


def test_what_is_seen_and_recorded_depends_on_the_past_alone(env: ShopEnv) -> None:
    """Two plays that part in week 6 have seen the same until then; nothing of what is drawn later was in it."""

    def until(weeks: int, luck: int, later: float) -> tuple[Obs, pd.DataFrame]:
        obs, _ = env.reset(seed=luck)
        for week in range(weeks):
            price = obs["plan_price"][:, 0] * (1.1 if week < 5 else later)
            obs, *_ = env.step({"price": price.clip(LEAST_PRICE)})
        return obs, env.history()

    (obs, books), (_, longer) = until(5, 1, 1.0), until(9, 1, 0.8)
    cut = longer[longer["ds"] <= books["ds"].max()].reset_index(drop=True)
    pd.testing.assert_frame_equal(cut, books)
    again = until(5, 1, 3.0)[0]
    for name, value in obs.items():
        np.testing.assert_array_equal(value, again[name], err_msg=name)


# --- the traps --------------------------------------------------------------------------------------------------------


def test_the_last_order_arrives_after_the_end_and_is_neither_paid_nor_waste(env: ShopEnv) -> None:
    dear = reopened(env, order_cost=5.0, holding=2.6)

    def hoards(when: int) -> float:
        def act(obs: Obs) -> dict[str, Any]:
            return {"order": np.full((60, 9), 500)} if obs["week"] == when else {}

        return sum(reward for _, reward, _ in run(dear, act))

    usual = sum(reward for _, reward, _ in run(dear, lambda obs: {}))
    assert hoards(WEEKS - 1) == usual
    assert hoards(WEEKS - 2) < usual - 500, "the one before it is held for a week, and its lines are paid"


def test_products_launched_in_play_are_ordered_for_a_week_ahead_and_unseen_before(env: ShopEnv) -> None:
    launch = env._world.catalogue.launch_week
    in_play = np.flatnonzero(launch > env._world.first + env.game.ahead)
    assert len(in_play) > 0
    product, when = in_play[0], launch[in_play[0]]
    obs, _ = env.reset(seed=0)
    while env.week < when:
        announced = when < env.week + env.game.ahead
        for name in ("cost", "price_high", "list_price"):
            assert (obs[name][product] > 0) == announced, name
        assert (obs["plan_price"][product] > 0).any() == announced
        assert not obs["live"][product] and not obs["sold"][product].any()
        assert obs["launching"][product] == (env.week + 1 == when)
        order = env.shop_rule(obs)["order"]
        assert (order[product] > 0).any() == (env.week + 1 == when)
        order[product] = 7  # only the order of the week before the launch counts
        obs, *_ = env.step({"order": order})
        assert env.history()["product_id"].isin([env.product_ids[product]]).sum() == 0
    assert obs["live"][product] and (obs["arriving"][product] == 7).all() and not obs["on_hand"][product].any()
    obs, *_ = env.step({})
    assert env.history()["product_id"].isin([env.product_ids[product]]).sum() == 1


def test_prices_below_cost_lose_money_and_are_not_ordered_for(env: ShopEnv) -> None:
    cheap = reopened(env, levers=("order", "price"), rails=(0.1, 2.0), price_tests=0.0)
    weeks = run(cheap, lambda obs: {"price": np.maximum(0.5 * obs["cost"], LEAST_PRICE)})
    assert all(info["margin"] < 0 for _, _, info in weeks)
    from ecomlib.decisions.shop_policies import Smoothing

    obs, _ = cheap.reset(seed=0)
    obs["plan_price"][:10] = 0.5 * obs["cost"][:10, None]
    order = Smoothing(cheap.game)(obs)["order"]
    assert not order[:10].any() and order[10:].any()


def test_days_that_ended_without_stock_are_not_days_without_sales(env: ShopEnv) -> None:
    run(env, lambda obs: {})
    books = env.history(REGIONAL)
    short = books[(books["stockout"] > 0) & (books["unstocked"] < books["stockout"])]
    assert len(short) > 50 and (short["y"] > 0).all(), "the shelf was emptied by somebody"
    nothing = books[books["unstocked"] == 1]
    assert (nothing["y"] == 0).all()


def test_dropping_censored_weeks_keeps_only_the_slow_ones(env: ShopEnv) -> None:
    short = reopened(env, levers=("order",))
    wanted, ended = [], []
    obs, _ = short.reset(seed=0)
    over = False
    while not over:
        lean = np.floor(0.6 * short.shop_rule(obs)["order"]).astype(int)
        live = obs["live"].astype(bool)
        obs, _, over, _, info = short.step({"order": lean})
        wanted.append(info["demand"][live])
        ended.append(obs["stockout"][live])
    demand, out = np.concatenate(wanted).ravel(), np.concatenate(ended).ravel()
    assert demand[out == 0].mean() < 0.8 * demand.mean(), "the weeks that did not run out are the slow ones"


def test_a_share_of_ones_own_prices_is_tested_and_recorded(env: ShopEnv) -> None:
    prices = reopened(env, levers=("price",), rails=(0.05, 20.0))
    asked = []

    def act(obs: Obs) -> dict[str, Any]:
        asked.append(np.round((1.05 * obs["plan_price"][:, 0]).clip(LEAST_PRICE), 2))
        return {"price": asked[-1]}

    run(prices, act)
    first = prices._world.first
    live = prices._world.market.plan.live[:, first:]
    charged, tested = (getattr(prices._books, name)[:, first:][live] for name in ("price", "price_test"))
    off = np.log(charged / np.stack(asked, axis=1)[live])
    assert abs(tested.mean() - 0.1) < 4 * np.sqrt(0.09 / live.sum())
    assert np.abs(off[~tested]).max() < 1e-9
    assert abs(off[tested].std() - 0.08) < 4 * 0.08 / np.sqrt(2 * tested.sum())
    assert not prices._books.depth[:, first:].any(), "a price of one's own is no discount"
    books = prices.history()
    assert books.loc[books["ds"] >= prices._world.market.dates[7 * first], "price_test"].mean() == tested.mean()


def test_demand_answers_to_a_price_by_its_cause_not_by_its_history(env: ShopEnv) -> None:
    """A forecaster that has learnt from the shop's own prices is wrong once a policy moves them."""
    prices = reopened(env, levers=("price",), rails=(0.2, 5.0), price_tests=0.0)
    usual, moved = (
        run(prices, act)[0][2]
        for act in (
            lambda obs: {},
            lambda obs: {"price": np.round((1.2 * obs["plan_price"][:, 0]).clip(LEAST_PRICE), 2)},
        )
    )
    live = usual["expected"] > 0
    ratio = np.log(moved["expected"][live] / usual["expected"][live])
    slope = ratio / np.log(moved["price"] / usual["price"])[live]
    category = prices._world.catalogue.category[live]
    np.testing.assert_allclose(slope, np.array(prices._world.settings.elasticities)[category], rtol=1e-4)
    # What the shop's own weeks tell: sales against prices that rose with words and season.
    big = ShopEnv(size="tiny", seed=5, weeks=2)
    books = big.history()
    books["product_id"] = pd.factorize(books["product_id"])[0]
    books["category"] = big._world.catalogue.category[books["product_id"]]
    found = []
    for name, rows in books.groupby("category"):
        x, y = np.log(rows["price"]), np.log(rows["y"] + 0.5)
        x, y = x - x.groupby(rows["product_id"]).transform("mean"), y - y.groupby(rows["product_id"]).transform("mean")
        found.append((x @ y) / (x @ x) - big._world.settings.elasticities[name])
    assert np.mean(found) > 0.3, "its slope is much too weak"


def test_the_attainable_reference_does_not_see_shocks_to_come(env: ShopEnv) -> None:
    from dataclasses import replace

    world = env._world
    # Another future: from the next Monday on the shock is stronger, and what is expected with it.
    day = 7 * world.first
    shock = world.market.shock.copy()
    shock[day:] += 1.0
    by_region = world.market.ground.by_region.copy()
    by_region[:, :, day:] *= np.e
    ground = replace(world.market.ground, by_region=by_region)
    market = replace(world.market, shock=shock, ground=ground)
    stormy = replace(world, market=market, potential=world.potential * np.e)
    from ecomlib.evaluation.shop_references import Knowledge
    from ecomlib.stores.simulated.world import Episode

    nobody = np.zeros(len(world.people.region), dtype=bool)
    plan = [
        (world.market.price[:, w], world.market.plan.promoted[:, w], nobody) for w in (world.first, world.first + 1)
    ]
    for omniscient in (False, True):
        calm, storm = (
            Knowledge(each, pooled=True, omniscient=omniscient).demand(each.first, Episode(each, 0), plan)
            for each in (world, stormy)
        )
        ratio = storm[0][0].sum() / calm[0][0].sum()
        assert ratio == pytest.approx(np.e if omniscient else 1.0, rel=1e-6)


def test_prices_stay_inside_their_rails(env: ShopEnv) -> None:
    prices = reopened(env, levers=("price",), price_tests=0.0)
    obs, _ = prices.reset(seed=0)
    live = obs["live"].astype(bool)
    for far, rail in ((9_999.0, "price_high"), (LEAST_PRICE, "price_low")):
        low_or_high = obs[rail]
        _, _, _, _, info = prices.step({"price": np.full(60, far)})
        np.testing.assert_allclose(info["price"][live], low_or_high[live])
        obs, _ = prices.reset(seed=0)
    own = prices.shop_rule(obs)["price"]
    _, _, _, _, info = prices.step({"price": own.clip(LEAST_PRICE)})
    np.testing.assert_array_equal(info["price"][live], own[live])


def test_the_offers_page_has_so_many_places_and_no_more(env: ShopEnv) -> None:
    page = reopened(env, levers=("promote",), places=2)
    best = play(page, BestSellers(2))
    run(page, lambda obs: {})  # the shop's own habit is never cut
    assert best.weeks["margin_if_in_stock"].sum() > 0
    page.action_space.seed(0)
    assert all(page.action_space.sample()["promote"].sum() <= 2 for _ in range(20))


def test_letters_cost_and_only_those_on_the_list_get_one(env: ShopEnv) -> None:
    letters = reopened(env, levers=("mail",), mailing_cost=0.5, mail_gap=1)
    obs, _ = letters.reset(seed=0)
    _, _, _, _, info = letters.step({"mail": np.ones(len(obs["listed"]), dtype=bool)})
    assert info["letters"] == 0.5 * obs["listed"].sum()
    assert 0 < obs["listed"].sum() < len(obs["listed"])
    assert play(letters, mail_everybody).weeks["demand"].sum() != play(letters, shop_policy).weeks["demand"].sum()


def test_a_letter_that_comes_too_early_is_neither_sent_nor_paid(env: ShopEnv) -> None:
    letters = reopened(env, levers=("mail",), mailing_cost=1.0, mail_gap=4)
    obs, _ = letters.reset(seed=0)
    last = np.full(len(obs["listed"]), -99)
    last[letters._world.sent(12)] = -1  # the shop's own letters of the week before
    assert (last == -1).sum() > 50
    for week in range(9):
        listed = obs["listed"] > 0
        free = listed & (week - last >= 4)
        obs, _, _, _, info = letters.step({"mail": np.ones(len(free), dtype=bool)})
        assert info["letters"] == free.sum()
        last[free] = week
    assert (last[listed] >= 5).all(), "everybody got one within four weeks"


def test_a_gap_between_letters_holds_for_played_letters_alone(env: ShopEnv) -> None:
    usual, rare = (play(reopened(env, levers=("order",), mail_gap=gap), shop_policy).weeks for gap in (4, 12))
    assert usual.equals(rare), "the shop's own letters, eight weeks apart, were all sent"
    assert usual["letters"].sum() > 0


# --- money and time ---------------------------------------------------------------------------------------------------


def test_profit_is_what_its_parts_add_up_to(env: ShopEnv) -> None:
    costly = reopened(env, levers=("order",), order_cost=0.3, holding=2.6)
    for (_, reward, info), row in zip(
        run(costly, lambda obs: {}), play(costly, shop_policy).weeks.itertuples(), strict=True
    ):
        parts = info["margin"] - info["holding"] - info["ordering"] - info["letters"]
        assert reward == pytest.approx(parts) and row.profit == reward
    cost = costly._world.market.cost
    assert info["holding"] == pytest.approx(2.6 / 52 * (costly._on_hand.sum(axis=1) * cost).sum())
    assert play(costly, shop_policy).profit == pytest.approx(play(costly, shop_policy).weeks["profit"].sum())


@pytest.mark.slow
def test_half_a_year_of_600_products_takes_a_fifth_of_a_second() -> None:
    """Beside the policy and its history. CPU seconds, the best of five; a crowded machine may take twice as long."""
    env = ShopEnv(size="small", seed=0, weeks=26, levers=("price",))
    seconds = []
    for luck in range(5):
        start = time.process_time()
        play(env, CostPlus(), luck=luck)
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.4, seconds


def test_a_reference_earns_more_than_the_shop(env: ShopEnv) -> None:
    for levers in (("order",), ("price",)):
        game = reopened(env, levers=levers, pooled=True, holding=2.6)
        lucks = range(3)
        best = sum(play(game, attainable_policy(game), luck=k).profit for k in lucks)
        assert best > 1.02 * sum(play(game, shop_policy, luck=k).profit for k in lucks)
