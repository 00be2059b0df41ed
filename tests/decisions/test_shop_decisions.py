"""Decisions from a shop's tables: the glue hands the pure functions what it says, and refuses what it cannot know."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from ecomlib.decisions.inventory import need_ahead, plan_orders
from ecomlib.decisions.price_advice import PriceRules, advise_prices
from ecomlib.decisions.regions import region_shares
from ecomlib.decisions.registry import DECISIONS, Decision, Options, decide, entry, names
from ecomlib.decisions.sales_plan import sales_plan
from ecomlib.decisions.shop import price as prices
from ecomlib.decisions.shop import stock as stocks
from ecomlib.decisions.shop.plan import doubt, series_of
from ecomlib.decisions.shop.weeks import monday, weeks_of
from ecomlib.errors import DataError
from ecomlib.stores import Store, load_store

MEAN = Options(model="window_mean")


def shop(weeks: int = 30, products: int = 4, *, regions: bool = False, stock: bool = False, **more: Any) -> Store:
    """Each product is sold every day, ``1 + its number`` units, and each region buys every second day."""
    days = pd.date_range("2024-01-01", periods=7 * weeks)
    ids = [f"P{k}" for k in range(products)]
    every = pd.MultiIndex.from_product([ids, days], names=["product_id", "ordered_at"]).to_frame(index=False)
    number = every["product_id"].str[1:].astype(int)
    orders = every.assign(order_id=[f"O{k}" for k in range(len(every))], quantity=1 + number, unit_price=5.0 + number)
    parts: dict[str, Any] = {}
    if regions:
        orders["region_id"] = np.where(orders["ordered_at"].dt.dayofyear % 2, "N", "S")
        parts["regions"] = pd.DataFrame(
            {"region_id": ["N", "S"], "name": ["North", "South"], "row": [0, 1], "column": 0}
        )
    if stock:
        last = pd.DataFrame({"product_id": ids, "date": days[-1], "on_hand_start": 10, "received": 5, "sold": 3})
        parts["inventory"] = last.assign(region_id="N") if regions else last
    titles = pd.DataFrame({"product_id": ids, "title": [f"title {k}" for k in range(products)]})
    return Store("corner shop", titles.assign(**more.pop("facts", {})), orders, **parts, **more)


@pytest.fixture(scope="module")
def tiny() -> Store:
    return load_store("tiny")


# --- the registry ----------------------------------------------------------------------------------------------------


def test_every_decision_is_made_of_the_sample_shop_and_says_how(tiny: Store) -> None:
    assert names() == ("plan", "stock", "price", "offers", "recommend", "retain")
    for one in DECISIONS:
        more = {"text": False} if "text" in one.more else {}
        made = decide(one.name, tiny, Options(more=more))
        assert isinstance(made, Decision) and len(made.table) > 10, one.name
        assert made.line.startswith("tiny: 26 full weeks up to 2025-06-29; ")
        assert {"shop", "weeks", "last_day", "model", "interval", "assumed"} <= set(made.how)
        assert made.how["assumed"] and all(isinstance(word, str) for word in made.how["assumed"])
        assert one.lesson and one.title and one.needs


def test_a_decision_reads_no_truth(monkeypatch: pytest.MonkeyPatch, tiny: Store) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(stocks, "decide_stock", lambda store, options: seen.append(store.truth))
    decide("stock", tiny.with_parts(truth="what nobody may know"))
    assert seen == [None]


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("stok", Options(), "did you mean stock"),
        ("everything", Options(), "plan, stock, price"),
        ("plan", Options(ratio=3.0), "it is for stock; plan reads horizon"),
        ("stock", Options(horizon=4), "it is for plan and price"),
        ("stock", Options(changes=4), "it is for price"),
        ("price", Options(more={"lead": 2}), "it is for stock"),
        ("price", Options(more={"colour": 2}), "price reads horizon, model"),
    ],
)
def test_what_a_decision_does_not_read_is_refused(tiny: Store, name: str, options: Options, says: str) -> None:
    with pytest.raises(DataError, match="What to do") as refused:
        decide(name, tiny, options)
    assert says in str(refused.value)


def test_an_entry_knows_its_function() -> None:
    assert entry("stock").load() is stocks.decide_stock


# --- weeks -----------------------------------------------------------------------------------------------------------


def test_weeks_are_full_ones_and_begin_on_a_monday() -> None:
    found = weeks_of(shop(10), Options(), 3, "a test")
    assert (found.count, f"{found.begins:%Y-%m-%d}", f"{found.ends:%Y-%m-%d}") == (10, "2024-01-01", "2024-03-10")
    panel = found.panel(ahead=2)
    assert panel["ds"].nunique() == 12 and panel.loc[panel["ds"] <= monday(found.last), "y"].tolist()[:2] == [7.0, 7.0]


def test_monthly_orders_and_too_few_weeks_are_refused() -> None:
    short = shop(11)
    with pytest.raises(DataError, match=r"14 full weeks of orders.*found 11"):
        decide("stock", short)
    monthly = short.orders.assign(ordered_at=pd.date_range("2022-01-01", periods=len(short.orders), freq="MS")[0])
    months = pd.date_range("2022-01-01", periods=30, freq="MS")
    lines = monthly.iloc[:30].assign(ordered_at=months, order_id=[f"M{k}" for k in range(30)])
    with pytest.raises(DataError, match="monthly"):
        decide("stock", short.with_parts(orders=lines.reset_index(drop=True)))


# --- stock -----------------------------------------------------------------------------------------------------------


def test_steady_demand_is_ordered_as_it_is() -> None:
    """No error ever: the order is the need of two weeks, less what lies there and what is on its way."""
    made = decide("stock", shop(), MEAN)
    table = made.table.set_index("product_id")
    assert table["expected"].to_dict() == {"P0": 14.0, "P1": 28.0, "P2": 42.0, "P3": 56.0}
    assert table["order"].to_dict() == {"P0": 14, "P1": 28, "P2": 42, "P3": 56}
    assert table["on_hand"].isna().all() and any("not known" in words for words in made.warnings)
    assert (table["expected_from"] == "2024-07-29").all() and (table["expected_until"] == "2024-08-12").all()
    there = decide("stock", shop(stock=True), MEAN).table.set_index("product_id")
    assert there["on_hand"].to_dict() == dict.fromkeys(("P0", "P1", "P2", "P3"), 12)
    assert there["order"].to_dict() == {"P0": 2, "P1": 16, "P2": 30, "P3": 44}
    assert there["alert"].to_dict() == {"P0": None, "P1": "low", "P2": "low", "P3": "low"}
    coming = pd.DataFrame({"product_id": ["P3", "P3"], "quantity": ["30", "10"]})
    less = decide("stock", shop(stock=True), Options(model="window_mean", more={"on_order": coming})).table
    row = less.set_index("product_id").loc["P3"]
    assert (row["arriving"], row["order"], row["alert"]) == (40, 4, None)


def test_orders_are_the_pure_functions(tiny: Store) -> None:
    made = decide("stock", tiny, Options(ratio=9.0))
    weeks = weeks_of(tiny, Options(), 14, "a test")
    panel = weeks.panel(ahead=3)
    from ecomlib.forecasting import forecaster

    frame = forecaster(stocks.MODEL).fit(panel, 3).forecast(panel, negative="clip")
    wide = frame.pivot_table(stocks.MODEL, "unique_id", "ds")
    inside = stocks._shop(weeks, list(wide.index))
    errors, rows = stocks._errors(inside, panel, stocks.MODEL, 2, stocks._origins(weeks, 2, len(wide)))
    assert rows == made.how["errors"] >= 398
    share = inside.shares(weeks.last)
    assert share.sum(axis=1) == pytest.approx(np.ones(len(wide)))
    need, soon = (need_ahead(wide.to_numpy(), periods)[:, None] * share for periods in (2, 1))
    stock, _ = stocks._on_hand(inside, monday(weeks.last + 1))
    found = plan_orders(need, errors, inside.regions, 9.0, soon=soon, stock=stock)
    assert made.table["order"].sum() == found.order.sum() == made.how["order_units"]
    row, column = found.most_urgent()
    first = made.table.iloc[0]
    assert (first["product_id"], first["region_id"]) == (inside.products[row[0]], inside.regions[column[0]])
    inventory = tiny.inventory
    assert inventory is not None
    last = inventory[inventory["date"] == inventory["date"].max()]
    assert stock is not None and stock.sum() == (last["on_hand_start"] + last["received"] - last["sold"]).sum()


def test_a_dearer_shortage_never_orders_less(tiny: Store) -> None:
    units = [decide("stock", tiny, Options(model="window_mean", ratio=r)).how["order_units"] for r in (1.0, 3.0, 19.0)]
    assert units == sorted(units) and units[0] < units[-1]


def test_longer_lead_and_review_cover_more_weeks() -> None:
    made = decide("stock", shop(), Options(model="window_mean", more={"lead": 2, "review": 2}))
    assert made.table.set_index("product_id")["order"].to_dict() == {"P0": 28, "P1": 56, "P2": 84, "P3": 112}
    assert made.how["expected_until"] == "2024-08-26" and "arrives after 2 weeks" in made.how["assumed"][0]
    for wrong in (0, 14, 1.5, True, "two"):
        with pytest.raises(DataError, match="whole weeks from 1 to 13"):
            decide("stock", shop(), Options(more={"lead": wrong}))


def test_a_week_that_has_begun_counts_for_what_is_left() -> None:
    """Tables that end on a Wednesday: four days of that week are still to come."""
    store = shop()
    three = store.orders[store.orders["ordered_at"] < "2024-01-04"]
    more = three.assign(ordered_at=three["ordered_at"] + pd.Timedelta(weeks=30), order_id=three["order_id"] + "x")
    made = decide("stock", store.with_parts(orders=pd.concat([store.orders, more], ignore_index=True)), MEAN)
    assert made.how["expected_from"] == "2024-08-01" and made.how["last_day"] == "2024-07-28"
    assert made.table.set_index("product_id").loc["P0", "expected"] == pytest.approx(14.0, abs=0.01)


def test_regions_share_by_what_they_bought() -> None:
    made = decide("stock", shop(regions=True, stock=True), MEAN).table
    assert set(made["region_id"]) <= {"N", "S"}
    north = made[made["region_id"] == "N"].set_index("product_id")
    assert north.loc["P3", "on_hand"] == 12 and made[made["region_id"] == "S"]["on_hand"].eq(0).all()
    assert made.groupby("product_id")["expected"].sum()["P3"] == pytest.approx(56, abs=0.02)
    bare = shop(regions=True, stock=True)
    assert bare.inventory is not None
    with pytest.raises(DataError, match="the inventory does not"):
        decide("stock", bare.with_parts(inventory=bare.inventory.drop(columns="region_id")), MEAN)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ({"product_id": ["P0"]}, "quantity"),
        ({"product_id": ["P0"], "quantity": ["many"]}, "at or above zero"),
        ({"product_id": ["P0"], "quantity": [-1]}, "at or above zero"),
        ({"product_id": ["P9"], "quantity": [1]}, "does not know"),
    ],
)
def test_what_is_on_its_way_is_checked(rows: dict[str, Any], says: str) -> None:
    with pytest.raises(DataError, match="on_order") as refused:
        decide("stock", shop(), Options(model="window_mean", more={"on_order": pd.DataFrame(rows)}))
    assert says in str(refused.value)


def test_one_product_and_few_errors_say_why_an_order_is_missing() -> None:
    made = decide("stock", shop(16, 1), Options(model="window_mean", ratio=19.0))
    assert made.table["order"].isna().all() and made.table["reason"].str.contains("calibration rows").all()
    assert any("cannot be told" in words for words in made.warnings)


def test_an_old_inventory_is_told() -> None:
    store = shop(stock=True)
    assert store.inventory is not None
    old = store.inventory.assign(date=store.inventory["date"] - pd.Timedelta(weeks=3))
    made = decide("stock", store.with_parts(inventory=old), MEAN)
    assert any("ends on 2024-07-07" in words for words in made.warnings)


def test_shares_lean_on_the_category() -> None:
    found = region_shares(np.array([[8.0, 2.0], [0.0, 0.0], [0.0, 0.0]]), ["a", "a", "b"])
    assert found.sum(axis=1) == pytest.approx(1.0)
    assert found[0, 0] > found[1, 0] > 0.5 and found[1, 0] == pytest.approx(found[2, 0], abs=0.1)


# --- price -----------------------------------------------------------------------------------------------------------


def priced(*, moves: bool = True, cost: bool = True) -> Store:
    """Two products whose prices go up and down by weeks; demand falls with the square of the price."""
    rng, days = np.random.default_rng(0), pd.date_range("2024-01-01", periods=7 * 40)
    rows, plan = [], []
    for number in range(18):
        level = rng.choice([8.0, 10.0, 12.0] if moves else [10.0], 44)
        for day in range(len(days) + 28):
            when = days[0] + pd.Timedelta(days=day)
            plan.append((f"P{number:02d}", when, level[day // 7], False))
            if day < len(days):
                units = rng.poisson(6 * (level[day // 7] / 10) ** -2.0)
                if units:
                    rows.append((f"O{len(rows)}", f"P{number:02d}", when, units, level[day // 7]))
    orders = pd.DataFrame(rows, columns=["order_id", "product_id", "ordered_at", "quantity", "unit_price"])
    lists = pd.DataFrame(plan, columns=["product_id", "date", "unit_price", "promoted"])
    products = pd.DataFrame({"product_id": [f"P{k:02d}" for k in range(18)], "title": "t"})
    products["category"] = ["cups", "cups", "mugs", "mugs", "pots", "pots"] * 3
    if cost:
        products["unit_cost"] = 6.0
    return Store("priced shop", products, orders, prices=lists)


QUIET = {"text": False}


def test_prices_find_the_truth_of_an_invented_shop() -> None:
    """Elasticity -2 at cost 6: the best price is 12, which lies on the upper rail."""
    made = decide("price", priced(), Options(model="window_mean", changes=100, more=QUIET))
    changed = made.table[made.table["price"] != made.table["price_now"]]
    assert len(changed) >= 6 and (changed["price"] >= 11).all() and (changed["gain_low"] > 0).all()
    assert made.table["elasticity"].between(-2.6, -1.5).all()
    assert (made.table["price_low"] == 8.0).all() and (made.table["price_high"] == 12.0).all()
    assert made.how["objective"] == "profit" and made.how["gain_a_week"][0] == pytest.approx(
        changed["gain"].sum(), abs=0.2
    )
    few = decide("price", priced(), Options(model="window_mean", changes=2, more=QUIET))
    assert few.how["changes"] == 2 and (few.table["reason"] == "waits: others gain more this week").any()


def test_the_list_is_the_pure_function() -> None:
    rows = pd.DataFrame({"product_id": ["a", "b"], "title": ["A", "B"], "category": "x", "units": [10.0, 20.0]})
    rows = rows.assign(price=10.0, unit_cost=6.0, price_low=8.0, price_high=[12.0, 11.0])
    effects = pd.DataFrame({"category": ["x"], "elasticity": [-2.0], "low": [-2.2], "high": [-1.8], "promotion": [0.1]})
    made = prices.price_list(rows, effects, PriceRules()).set_index("product_id")
    by_hand = advise_prices(rows, effects).set_index("product_id")
    for name in ("price", "gain", "gain_low", "gain_high", "reason"):
        assert made[name].to_dict() == pytest.approx(
            by_hand[name].round(2).to_dict() if name != "reason" else by_hand[name].to_dict()
        )
    free = prices.price_list(rows.assign(unit_cost=0.0), effects, PriceRules(), revenue=True)
    assert {"revenue", "revenue_now"} <= set(free) and not {"profit", "unit_cost"} & set(free)


def test_what_no_price_can_be_told_of_is_left_out_and_counted() -> None:
    rows = pd.DataFrame(
        {"product_id": list("abcde"), "units": [1.0, 1.0, np.nan, 1.0, 1.0], "unit_cost": [1, 1, 1, np.nan, 1]}
    )
    rows = rows.assign(price=[5.0, 5.0, 5.0, 5.0, np.nan], price_low=5.5, price_high=6.0, promoted=[0, 1, 0, 0, 0])
    kept, counts = prices.usable(rows)
    assert kept["product_id"].tolist() == ["a"] and list(counts.values()) == [1, 1, 1, 1]
    assert kept["price_low"].tolist() == [5.0], "today's price is one that was seen"


def test_rails_leave_promotions_out_where_they_can() -> None:
    price = np.array([[5.0, 4.0, 6.0], [5.0, 4.0, 6.0]])
    ran = np.array([[0.0, 1.0, 0.0], [1.0, 1.0, 1.0]])
    low, high = prices.observed(price, np.array([[True, True, True], [False, True, True]]), ran)
    assert (low.tolist(), high.tolist()) == ([5.0, 4.0], [6.0, 6.0])
    low, high = prices.observed(price, np.zeros((2, 3), dtype=bool))
    assert np.isnan(low).all() and np.isnan(high).all()


def test_a_dearer_product_that_sells_more_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    table = pd.DataFrame({"category": ["cups", "mugs", "pots"], "elasticity": [0.4, -2.0, -2.0]})
    table = table.assign(low=table["elasticity"] - 0.1, high=table["elasticity"] + 0.1)
    monkeypatch.setattr(prices, "_effects", lambda *given: (table, "by hand"))
    made = decide("price", priced(), Options(model="window_mean", more=QUIET))
    cups = made.table[made.table["category"] == "cups"]
    assert (cups["price"] == cups["price_now"]).all() and set(cups["reason"]) == {"effect unknown"}
    assert "Prices of cups stay" in made.warnings[0]


@pytest.mark.parametrize(
    ("store", "options", "says"),
    [
        (priced(cost=False), {}, "--set revenue=True"),
        (priced(moves=False), {}, "no price ever moved"),
        (shop(facts={"unit_cost": 1.0}), {}, "no price ever moved"),
        (shop(20, facts={"unit_cost": 1.0}), {}, "26 full weeks"),
        (priced(), {"least_margin": 2}, "rule"),
        (priced(), {"most_move": "far"}, "rules for prices"),
    ],
)
def test_prices_that_cannot_be_advised_are_refused(store: Store, options: dict[str, Any], says: str) -> None:
    with pytest.raises(DataError) as refused:
        decide("price", store, Options(model="window_mean", more=QUIET | options))
    assert says in str(refused.value)


def test_revenue_is_advised_where_it_is_asked_for() -> None:
    made = decide("price", priced(cost=False), Options(model="window_mean", more=QUIET | {"revenue": True}))
    assert "revenue" in made.table and made.how["objective"] == "revenue" and "not profit" in made.warnings[0]


def test_a_shop_without_price_lists_is_advised_by_its_ordinary_prices() -> None:
    """One elasticity for all, from what ordinary lines paid; said to be a guess."""
    made = decide("price", priced().with_parts(prices=None), Options(model="window_mean"))
    assert "ordinary prices" in made.how["effects"] and len(set(made.table["elasticity"])) == 1
    assert made.table["elasticity"].iloc[0] == pytest.approx(-2.0, abs=0.4) and "guess" in made.warnings[-1]
    far = decide("price", priced().with_parts(prices=None), Options(model="window_mean", more={"most_move": 0.5}))
    moves = [(one.table["price"] / one.table["price_now"] - 1).abs().max() for one in (made, far)]
    assert moves[0] == pytest.approx(0.2, abs=0.005) and moves[1] > 0.21, "a fifth, unless more is asked for"
    assert "no price moves by more than 20%" in made.how["assumed"]


# --- plan ------------------------------------------------------------------------------------------------------------


def test_the_plan_is_the_pure_function_and_adds_up(tiny: Store) -> None:
    made = decide("plan", tiny, Options(horizon=4, model="window_mean"))
    panel = weeks_of(tiny, Options(), 12, "a test").panel(("category", "region_id"), ahead=4)
    by_hand = sales_plan(panel, horizon=4, model="window_mean")
    assert made.table[["mean", "low", "high"]].to_numpy() == pytest.approx(
        by_hand[["mean", "low", "high"]].to_numpy(), abs=0.006
    )
    whole = made.table[made.table["span"] == "whole"].groupby("level")["mean"].sum()
    assert set(whole.index) == {"total", "category", "region", "category x region"}
    assert whole.to_numpy() == pytest.approx(np.full(4, whole["total"]), abs=0.5)
    weeks = made.table[(made.table["level"] == "total") & (made.table["span"] == "week")]
    assert weeks["mean"].sum() == pytest.approx(whole["total"], abs=0.05) and len(weeks) == 4
    assert made.how["total"][0] == pytest.approx(whole["total"], abs=0.06)


def test_series_are_what_the_shop_has(tiny: Store) -> None:
    assert series_of(tiny) == ("category", "region_id") and series_of(shop()) == ("product_id",)
    assert series_of(shop(regions=True)) == ("region_id",)
    assert series_of(tiny, "product_id") == ("product_id",)
    for store, asked in ((shop(), "category"), (shop(), "region_id"), (tiny, "colour")):
        with pytest.raises(DataError, match="no such series"):
            series_of(store, asked)
    by_product = decide("plan", shop(), Options(horizon=2, model="window_mean")).table
    assert set(by_product["level"]) == {"total", "product"} and by_product["mean"].iloc[0] == 140.0


def test_gaps_in_category_and_region_have_a_name() -> None:
    store = shop(regions=True, facts={"category": ["cups", None, "mugs", "mugs"]})
    orders = store.orders.copy()
    orders.loc[orders.index[::5], "region_id"] = None
    made = decide("plan", store.with_parts(orders=orders), Options(horizon=2, model="window_mean")).table
    nodes = set(made["node"])
    assert {"none", "unknown", "cups", "N"} <= nodes and made["mean"].iloc[0] == 140.0


def test_a_short_history_is_planned_as_far_as_it_carries(tiny: Store) -> None:
    made = decide("plan", tiny)
    assert made.how["weeks_ahead"][-1] == "2025-08-04" and "cut to 6" in made.warnings[0]
    for wrong in (0, 1, 2, True, "most"):
        with pytest.raises(DataError, match="share"):
            decide("plan", tiny, Options(more={"interval": wrong}))


def test_a_plan_far_from_last_year_is_doubted() -> None:
    """Steady demand: the same weeks a year ago, times a growth of one, are what is sold now."""
    weeks = weeks_of(shop(weeks=66), Options(), 12, "a test")
    sold = float(weeks.panel().groupby("ds")["y"].sum().tail(13).sum())
    assert doubt(weeks, 1.2 * sold, 13) == []
    (told,) = doubt(weeks, 1.5 * sold, 13)
    assert f"+50% from the same weeks a year ago times the growth since, {sold:,.0f} units" in told
    assert doubt(weeks_of(shop(weeks=60), Options(), 12, "a test"), 1.5 * sold, 13) == [], "no year and 13 weeks more"
