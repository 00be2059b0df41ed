"""Which weeks a version is made of: whole ones; and what stands beside them begins and ends with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from weekly_shop import FIRST, weekly_shop

pytest.importorskip("onnxruntime")
from ecomlib.serving.release.bundle import RECENT, open_bundle, registry
from ecomlib.serving.release.inputs import NEVER, monday, week_of
from ecomlib.serving.release.snapshot import first_full_week, last_full_week, snapshot, tables_of
from ecomlib.serving.release.train import ReleaseSettings, train
from ecomlib.stores import Store

PLAN = ReleaseSettings(effects=False, model="window_mean")
WEEK = week_of(FIRST)


def without(store: Store, *, before: str = "2000-01-01", after: str = "2100-01-01") -> Store:
    """Drop the orders outside these days; both are kept."""
    day = store.orders["ordered_at"].dt.normalize()
    kept = (day >= pd.Timestamp(before)) & (day <= pd.Timestamp(after))
    return store.with_parts(orders=store.orders[kept].reset_index(drop=True))


@pytest.mark.parametrize(
    ("days", "before", "after", "first", "last"),
    [
        (range(7), "2024-01-01", "2024-06-16", 0, 23),  # Monday to Sunday: 24 whole weeks
        (range(7), "2024-01-07", "2024-06-16", 1, 23),  # the first week is its Sunday
        (range(7), "2024-01-02", "2024-06-16", 1, 23),  # … or lacks its Monday
        (range(7), "2024-01-01", "2024-06-15", 0, 22),  # the last one lacks its Sunday
        (range(7), "2024-01-01", "2024-06-10", 0, 22),  # … or is its Monday
        (range(6), "2024-01-01", "2024-06-15", 0, 23),  # closed on Sundays: a week that ends on Saturday is whole
        (range(6), "2024-01-01", "2024-06-14", 0, 22),  # … and one that ends on Friday is not
        (range(1, 7), "2024-01-02", "2024-06-16", 0, 23),  # closed on Mondays: a week that begins on Tuesday is whole
        (range(1, 7), "2024-01-03", "2024-06-16", 1, 23),
        ((2,), "2024-01-03", "2024-06-12", 0, 23),  # sells on Wednesdays only
    ],
)
def test_a_week_is_whole_where_no_open_day_is_missing(
    days: tuple[int, ...], before: str, after: str, first: int, last: int
) -> None:
    store = without(weekly_shop(np.full((3, 24), 42), days), before=before, after=after)
    assert (first_full_week(store) - WEEK, last_full_week(store) - WEEK) == (first, last)
    made = snapshot(store, 4, last_full_week(store))
    assert made.books.first == WEEK + first and made.books.last == WEEK + last
    assert (made.books.units == 42).all() and made.books.units.shape == (3, last - first + 1)
    assert made.by_region.shape == (3, 1, last - first + 1) and (made.by_region[:, 0] == 42).all()


def test_a_few_orders_on_a_closed_day_do_not_open_it() -> None:
    """One unit of a thousand is sold on a Sunday: the week that ends on Saturday is whole all the same."""
    store = weekly_shop(np.full((3, 24), 42), range(6))
    stray = store.orders.iloc[[0]].assign(ordered_at=FIRST + pd.Timedelta(days=6, hours=9), quantity=3, order_id="x")
    store = store.with_parts(orders=pd.concat([store.orders, stray], ignore_index=True))
    assert last_full_week(store) == WEEK + 23


def test_the_inventory_says_that_the_books_go_on() -> None:
    store = weekly_shop(np.full((2, 20), 42))
    days = FIRST + pd.to_timedelta(np.arange(7 * 22), unit="D")
    stock = pd.MultiIndex.from_product([["p0", "p1"], days], names=["product_id", "date"]).to_frame(index=False)
    stock = stock.assign(on_hand_start=9, received=np.int64(0), sold=np.int64(0))
    store = store.with_parts(inventory=stock)
    assert last_full_week(store) == WEEK + 21
    assert snapshot(store, 4, WEEK + 21).books.units[:, -3:].tolist() == [[42, 0, 0]] * 2


def late_starters() -> Store:
    """Begins on a Thursday; p1 is launched in that week, p2 in the fifth, p3 never sells."""
    units = np.full((4, 40), 14)
    units[2, :4] = units[3] = 0
    store = without(weekly_shop(units), before="2024-01-04")
    launched = [FIRST, FIRST + pd.Timedelta(days=4), FIRST + pd.Timedelta(weeks=4), FIRST + pd.Timedelta(weeks=90)]
    return store.with_parts(products=store.products.assign(launched_on=launched))


def test_what_stands_beside_the_weeks_begins_with_them() -> None:
    made = snapshot(late_starters(), 4, WEEK + 39)
    assert made.books.first == WEEK + 1 and made.books.units.shape == (4, 39)
    assert made.books.begin[:3].tolist() == [WEEK + 1, WEEK + 1, WEEK + 4]
    tables = tables_of(made)
    launches = tables["launches"].set_index("category")
    assert launches.loc["", "week1"] == 14, "p2's launch; that of p1 lies in the part of a week that was dropped"
    recent = tables["recent"]
    assert recent.groupby("row")["units"].sum().tolist() == [14 * RECENT] * 3 and recent["back"].max() == RECENT - 1
    assert tables["weeks"]["week"].min() == WEEK + 1 and tables["weeks"]["units"].sum() == 14 * (39 + 39 + 36)


def test_the_version_opens_as_it_was_taken(tmp_path: Path) -> None:
    store = late_starters()
    made = train(store, tmp_path, PLAN)
    registry(tmp_path).promote(1, "a test")
    bundle = open_bundle(tmp_path)
    assert bundle.settings["first_week"] == bundle.books.first == WEEK + 1
    assert (bundle.books.units == made.books.units).all() and bundle.cutoff == WEEK + 39
    assert (bundle.books.begin == made.books.begin).all()
    assert (bundle.recent[:3] == 14).all() and (bundle.recent[3] == 0).all()
    assert bundle.launches[""].tolist() == [14.0] * 4
    assert bundle.forecast(bundle.books, bundle.cutoff)[0][:3].tolist() == [[14.0] * 4] * 3


def test_a_young_shop_keeps_zeros_before_its_first_week(tmp_path: Path) -> None:
    """Fewer weeks than are kept: those that there were not are zero, and none of the dropped week's units is there."""
    store = without(weekly_shop(np.full((2, 20), 14)), before="2024-01-06")
    train(store, tmp_path, PLAN)
    registry(tmp_path).promote(1, "a test")
    bundle = open_bundle(tmp_path)
    assert bundle.books.units.shape == (2, 19)
    assert bundle.recent[:, 0].tolist() == [[0.0] * (RECENT - 19) + [14.0] * 19] * 2


def test_the_plan_of_prices_is_cut_with_the_weeks() -> None:
    """The price of week k is 2 to the power of k / 8: its logarithm says which week a column stands for."""
    store = without(weekly_shop(np.full((1, 24), 14)), before="2024-01-03")
    days = FIRST + pd.to_timedelta(np.arange(7 * 30), unit="D")
    prices = pd.DataFrame({"product_id": "p0", "date": days, "unit_price": 2.0 ** (np.arange(7 * 30) // 7 / 8)})
    made = snapshot(store.with_parts(prices=prices), 4, WEEK + 23)
    steps = np.diff(made.books.plan["log_price"][0]) / np.log(2) * 8
    assert made.books.first == WEEK + 1 and made.books.plan["log_price"].shape[1] >= 23 + 4
    np.testing.assert_allclose(steps[: 23 + 5], 1.0, rtol=1e-6)
    whole = snapshot(replace_first_days(store).with_parts(prices=prices), 4, WEEK + 23)
    np.testing.assert_array_equal(whole.books.plan["log_price"][:, 1:], made.books.plan["log_price"])


def replace_first_days(store: Store) -> Store:
    """The same with an order on the first Monday: its first week is whole."""
    first = store.orders.iloc[[0]].assign(ordered_at=FIRST + pd.Timedelta(hours=9), order_id="first")
    return store.with_parts(orders=pd.concat([first, store.orders], ignore_index=True))


def test_a_product_that_never_sold_has_not_begun() -> None:
    made = snapshot(late_starters(), 4, WEEK + 39)
    assert made.books.begin[3] == NEVER or made.books.begin[3] > made.books.last
    assert monday(made.books.last) == FIRST + pd.Timedelta(weeks=39)
