"""The shops on which `train` is judged keep what their names promise; made twice they are the same."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.service.shops import KINDS, RECIPES, expected, shop
from ecomlib.errors import DataError
from ecomlib.panel import make_panel
from ecomlib.stores import Store


def weekly(store: Store, by: tuple[str, ...] = ("product_id",)) -> pd.DataFrame:
    """Units by series and calendar week (columns, from the first to the last that holds an order)."""
    lines = store.orders.assign(week=store.orders["ordered_at"].dt.to_period("W-SUN").dt.start_time)
    table = lines.pivot_table("quantity", list(by), "week", "sum", fill_value=0)
    weeks = pd.date_range(table.columns.min(), table.columns.max(), freq="7D")
    return table.reindex(columns=weeks, fill_value=0)


def empty_cells(store: Store) -> float:
    """Share of cells of product, region and week without a sale, of all that the tables allow."""
    table = weekly(store, ("product_id", "region_id"))
    return 1 - float((table > 0).to_numpy().sum()) / (len(store.products) * len(store.regions) * table.shape[1])


@pytest.mark.parametrize("name", RECIPES)
def test_a_shop_is_a_valid_store_and_the_same_for_the_same_seed(name: str) -> None:
    store, again, other = shop(name, 5, "tiny"), shop(name, 5, "tiny"), shop(name, 6, "tiny")
    assert store.truth is None and store.notes["kind"] == KINDS[name]
    for table, frame in store.tables():
        pd.testing.assert_frame_equal(frame, getattr(again, table))
    assert not store.orders.equals(other.orders)
    panel = make_panel(store)
    assert panel["y"].sum() > 0 and panel["ds"].nunique() >= 22
    first = store.orders["ordered_at"].min()
    assert first.normalize() - pd.Timestamp(RECIPES[name].begin) < pd.Timedelta(days=7)


def test_the_simulated_store_is_one_of_them_and_an_unknown_shop_is_refused() -> None:
    store = shop("simulated", 3, "tiny")
    assert store.truth is None and len(store.products) == 60 and set(RECIPES) < set(KINDS)
    with pytest.raises(DataError, match="fashion"):
        shop("fashions")


@pytest.mark.slow
@pytest.mark.skipif(
    not (Path(os.environ.get("ECOMLIB_DATA_DIR", "nowhere")) / "online_retail").is_dir(), reason="needs the real data"
)
def test_the_real_shop_is_one_of_them() -> None:
    assert len(shop("online_retail").products) > 3_000


def test_dense_and_sparse_shops_differ_by_their_empty_weeks() -> None:
    dense, sparse = (weekly(shop(name, 0, "tiny")) for name in ("dense", "sparse"))
    assert (dense > 0).to_numpy().mean() > 0.99
    assert (sparse > 0).to_numpy().mean() < 0.4 and sparse.to_numpy().mean() < 1


@pytest.mark.parametrize("name", ["young", "fashion"])
def test_the_first_week_has_one_day(name: str) -> None:
    store = shop(name, 0, "tiny")
    first = store.orders["ordered_at"].min()
    assert first.dayofweek == 6
    totals = weekly(store).sum()
    assert totals.iloc[0] < 0.4 * totals.iloc[1:5].mean()


def test_fashion_has_the_size_the_returns_and_the_empty_cells_of_the_shop_that_it_follows() -> None:
    store = shop("fashion", 0)
    assert len(store.products) == 2_656 and len(store.regions) == 16
    table = weekly(store)
    assert table.shape[1] == 53  # a year from a Sunday on
    assert store.orders["returned"].mean() == pytest.approx(0.48, abs=0.01)
    assert empty_cells(store) > 0.95
    assert 60_000 < len(store.orders) < 140_000


def test_collections_start_and_end() -> None:
    table = weekly(shop("fashion", 0, "tiny")).to_numpy() > 0
    weeks = table.shape[1]
    first, last = table.argmax(axis=1), weeks - 1 - table[:, ::-1].argmax(axis=1)
    enough = table.sum(axis=1) >= 8
    assert (first[enough] > 8).mean() > 0.3, "collections start within the year"
    assert (last[enough] < weeks - 9).mean() > 0.2, "and end in it"
    assert ((first[enough] < 3) & (last[enough] > weeks - 4)).mean() > 0.05, "basics stay"


def test_a_third_of_the_lines_comes_back() -> None:
    store = shop("returned", 0, "tiny")
    kind = store.orders["product_id"].map(store.products.set_index("product_id")["category"])
    by_category = store.orders["returned"].groupby(kind).mean()
    assert (
        store.orders["returned"].mean() == pytest.approx(0.35, abs=0.05)
        and by_category.max() - by_category.min() > 0.08
    )


def test_the_season_is_a_wave_that_comes_back() -> None:
    store = shop("seasonal", 0, "tiny")
    kind = store.products.set_index("product_id")["category"]
    logs = np.log1p(weekly(store).groupby(kind).sum())
    shape = logs.sub(logs.mean(axis=1), axis=0)
    one, two = shape.iloc[:, :52].to_numpy(), shape.iloc[:, 52:104].to_numpy()
    assert np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(one, two, strict=True)]) > 0.6


def test_promotions_are_planned_and_sell_more() -> None:
    store = shop("promoted", 0, "tiny")
    panel = make_panel(store)
    usual = panel.groupby("unique_id")["y"].transform("mean")
    lift = (panel["y"] / usual)[panel["promoted"] == 1].mean() / (panel["y"] / usual)[panel["promoted"] == 0].mean()
    assert 0.05 < (panel["promoted"] == 1).mean() < 0.25 and lift > 1.3
    assert store.prices["date"].max() >= store.orders["ordered_at"].max().normalize()
    paid = store.orders["product_id"].map(store.products.set_index("product_id")["list_price"])
    assert (store.orders["unit_price"] <= paid + 1e-9).all() and (store.orders["unit_price"] < paid - 1e-9).any()


def test_the_wholesaler_is_flat_within_a_month_and_orders_on_mondays() -> None:
    store = shop("steps", 0, "tiny")
    assert set(store.orders["ordered_at"].dt.dayofweek) == {0}
    full = RECIPES["steps"]
    assert (full.products, full.regions) == (25, 58)
    totals = weekly(store).sum()
    month = totals.index.to_period("M")
    steps = np.abs(np.diff(np.log(totals)))
    inside = np.array(month[1:] == month[:-1])
    assert steps[inside].max() == 0 and np.median(steps[~inside]) > 0.01


def test_a_growing_shop_grows_and_has_newcomers() -> None:
    table = weekly(shop("growing", 0, "tiny"))
    totals = table.sum()
    assert totals.iloc[-8:].mean() > 1.5 * totals.iloc[:8].mean()
    assert (table.to_numpy()[:, :4].sum(axis=1) == 0).mean() > 0.2


def test_what_was_expected_came_on_average() -> None:
    rates, _ = expected("fashion", 0)
    assert rates.shape == (2_656, 53)
    came = shop("fashion", 0).orders["quantity"].sum()
    assert came == pytest.approx(rates[:, 1:].sum(), rel=0.02), "all weeks but the first, of one day"
