"""Whole orders: they add up, rise with the cost of a shortage, and cost less on a sparse shop than by one quantile."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from ecomlib.decisions import (
    OrderSettings,
    error_quantiles,
    need_ahead,
    newsvendor_cost,
    order_list,
    order_quantiles,
    plan_orders,
)
from ecomlib.decisions.inventory import ALL, ALONE, LEAST, LEVELS, quantile_names
from ecomlib.errors import DataError

PRODUCTS, REGIONS = 500, 16
NAMES = [f"r{k:02d}" for k in range(REGIONS)]
RATIOS = (0.1, 0.5, 1.0, 2.0, 3.0, 5.0, 9.0, 19.0, 49.0)


@dataclass(frozen=True, eq=False)
class Shop:
    """Expected units of two weeks (P, R), what came at eight earlier origins, and at eight later ones."""

    mean: np.ndarray
    past: list[np.ndarray]
    after: list[np.ndarray]

    def quantiles(self) -> pd.DataFrame:
        return order_quantiles(np.tile(self.mean, (len(self.past), 1)), np.vstack(self.past), NAMES)

    def one_z(self) -> pd.DataFrame:
        """One quantile a region for all sizes, as a version of an older release has it: no cell is pooled."""
        off = (np.stack(self.past) - self.mean) / np.sqrt(self.mean + 0.5)
        z = np.quantile(off, LEVELS, axis=(0, 1)).T
        whole = (np.stack(self.past).sum(axis=2) - self.mean.sum(axis=1)) / np.sqrt(self.mean.sum(axis=1) + 0.5)
        table = pd.DataFrame(np.vstack([z, np.quantile(whole, LEVELS)]), columns=quantile_names())
        return table.assign(region_id=[*NAMES, ALL], at_least=0.0, rows=8 * PRODUCTS)

    def cost(self, order: np.ndarray, by: str) -> float:
        """Mean cost after the order, 3 a unit short and 1 over: by "cell", or by "product", whose regions share."""
        axis = {"cell": (), "product": 1}[by]
        return float(
            np.mean([newsvendor_cost(order.sum(axis=axis), came.sum(axis=axis), 3, 1).sum() for came in self.after])
        )

    def best_single_z(self, by: str) -> float:
        """Cost of the best rule "mean + z √(mean + ½), rounded" with one z for every cell, chosen in hindsight."""
        rules = (self.mean + z * np.sqrt(self.mean + 0.5) for z in np.arange(-0.5, 3.0, 0.05))
        return min(self.cost(np.maximum(np.floor(level + 0.5), 0.0), by) for level in rules)


def shop(kind: str, mean: float, seed: int = 0) -> Shop:
    """A heavy-tailed level a product, split unevenly over regions; counts around it, or with a shock a product."""
    rng = np.random.default_rng(seed)
    level = np.exp(rng.normal(size=PRODUCTS))[:, None] * rng.dirichlet(np.full(REGIONS, 3.0), PRODUCTS)
    level *= mean / level.mean()

    def draw() -> np.ndarray:
        shock = rng.gamma(1.0, 1.0, (PRODUCTS, 1)) if kind == "negative binomial" else 1.0
        return rng.poisson(level * shock).astype(float)

    return Shop(level, [draw() for _ in range(8)], [draw() for _ in range(8)])


KINDS = ("poisson", "negative binomial")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", [0, 1])
def test_a_sparse_shop_orders_what_the_cost_asks_for(kind: str, seed: int) -> None:
    """Nine cells in ten expect less than a unit: one z a region orders 30 % too little at 3 to 1, and this does not."""
    sparse = shop(kind, 0.4, seed)
    assert (sparse.mean < ALONE).mean() > 0.85
    expected = sparse.mean.sum()
    ours = plan_orders(sparse.mean, sparse.quantiles(), NAMES).order
    before = plan_orders(sparse.mean, sparse.one_z(), NAMES).order
    assert before.sum() < 0.75 * expected < expected <= ours.sum() < 1.6 * expected
    for by in ("product", "cell"):
        cost = sparse.cost(ours, by)
        assert cost < sparse.cost(before, by)
        assert cost <= 1.05 * sparse.best_single_z(by)
    assert sparse.cost(ours, "product") < 0.8 * sparse.cost(before, "product")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mean", [30.0, 200.0])
def test_a_dense_shop_orders_as_before(kind: str, mean: float) -> None:
    dense = shop(kind, mean)
    for ratio in (1.0, 3.0, 9.0):
        ours, before = (
            plan_orders(dense.mean, table, NAMES, ratio).order.sum() for table in (dense.quantiles(), dense.one_z())
        )
        assert ours == pytest.approx(before, rel=0.01)


def test_regions_add_up_to_the_product() -> None:
    """Where every cell is small the product's order is that of its sum, with a stock and without."""
    sparse = shop("poisson", 0.12)
    small = (sparse.mean < ALONE).all(axis=1)
    assert small.mean() > 0.9
    stock = np.random.default_rng(5).poisson(0.05, sparse.mean.shape).astype(float)
    for ratio in RATIOS:
        for held in (None, stock):
            regions = plan_orders(sparse.mean, sparse.quantiles(), NAMES, ratio, stock=held)
            total = plan_orders(
                sparse.mean.sum(axis=1, keepdims=True),
                sparse.quantiles(),
                [ALL],
                ratio,
                stock=None if held is None else held.sum(axis=1, keepdims=True),
            )
            assert (regions.order.sum(axis=1) == total.order[:, 0])[small].all()
            assert regions.level.sum(axis=1)[small] == pytest.approx(total.level[small, 0])


@pytest.mark.parametrize("mean", [0.05, 0.5, 4.0])
def test_no_order_falls_when_a_shortage_costs_more(mean: float) -> None:
    some = shop("negative binomial", mean)
    stock = np.random.default_rng(5).poisson(mean, some.mean.shape).astype(float)
    for held in (None, stock):
        orders = [plan_orders(some.mean, some.quantiles(), NAMES, ratio, stock=held).order for ratio in RATIOS]
        for less, more in pairwise(orders):
            assert (more >= less).all()
        assert orders[-1].sum() > orders[0].sum()


def test_units_of_a_pool_go_where_most_is_expected_for_what_is_held() -> None:
    table = pd.DataFrame([[0.0] * len(LEVELS)], columns=quantile_names())
    table = table.assign(region_id=ALL, at_least=0.0, rows=1000)  # the errors' quantiles are zero: orders are means
    mean = np.array([[0.9, 0.6, 0.5, 7.0]])
    found = plan_orders(mean, table, ["a", "b", "c", "d"])
    assert found.order.tolist() == [[1.0, 1.0, 0.0, 7.0]], "two units for 2.0 in three cells; seven for the fourth"
    held = plan_orders(mean, table, ["a", "b", "c", "d"], stock=np.array([[1.0, 0.0, 0.0, 5.0]]))
    assert held.order.tolist() == [[0.0, 1.0, 0.0, 2.0]], "what lies in the first serves the pool"
    nothing = plan_orders(np.zeros((1, 3)), table, ["a", "b", "c"], 9.0)
    assert nothing.order.sum() == 0


def test_alerts_and_the_most_urgent_first() -> None:
    table = pd.DataFrame([[0.0] * len(LEVELS)], columns=quantile_names())
    table = table.assign(region_id=ALL, at_least=0.0, rows=1000)
    mean = np.array([[4.0], [4.0], [4.0], [0.2]])
    found = plan_orders(mean, table, [ALL], soon=mean / 2, stock=np.array([[3.0], [0.0], [1.0], [0.0]]))
    assert found.urgency[:, 0].tolist() == [2, 0, 1, 2] and found.order[:, 0].tolist() == [1.0, 4.0, 3.0, 0.0]
    assert found.most_urgent(3)[0].tolist() == [1, 2, 0]


def test_size_classes_need_rows_of_their_own() -> None:
    few = error_quantiles(np.r_[np.full(LEAST - 1, 0.1), np.full(LEAST, 0.5), np.full(LEAST, 5.0)], np.zeros(299))
    assert few["at_least"].tolist() == [0.0, ALONE] and few["rows"].tolist() == [199, 100]
    top = error_quantiles(np.r_[np.full(LEAST, 0.1), np.full(LEAST, 0.5), np.full(LEAST - 1, 5.0)], np.zeros(299))
    assert top["at_least"].tolist() == [0.0, 0.25] and top["rows"].tolist() == [100, 199]
    two = error_quantiles([4.0, 4.0], [2.0, 6.0])
    known = np.isfinite(two[quantile_names()].to_numpy(dtype=float))[0]
    assert known.tolist() == (LEVELS < 0.67).tolist()
    assert plan_orders(np.array([[4.0]]), two, [ALL]).reason[0, 0] == "2 calibration rows, 3 needed"
    with pytest.raises(DataError, match="both finite"):
        error_quantiles([1.0, np.nan], [1.0, 1.0])


def forecast(point: str = "mean") -> pd.DataFrame:
    weeks = pd.date_range("2024-01-01", periods=3, freq="7D")
    frame = pd.DataFrame({"unique_id": np.repeat(["cup", "mug"], 3), "ds": [*weeks, *weeks], "cutoff": weeks[0]})
    frame["gru"] = [3.0, 2.0, 1.0, 0.4, 0.2, 0.1]
    frame.attrs["point"] = {"gru": point}
    return frame


def test_an_order_list_from_frames() -> None:
    rng = np.random.default_rng(1)
    past = rng.uniform(0.05, 6.0, (400, 2))
    table = order_quantiles(past, rng.poisson(past).astype(float), ["north", "south"])
    shares = pd.DataFrame({"product_id": ["cup", "cup", "mug", "mug"], "region_id": ["north", "south"] * 2})
    shares["share"] = [0.75, 0.25, 0.5, 0.5]
    stock = pd.DataFrame({"product_id": ["cup", "mug"], "region_id": ["north", "south"], "on_hand": [2.0, 0.0]})
    how = OrderSettings(ratio=3.0, left=0.5)
    answer = order_list(forecast(), "gru", table, shares=shares, stock=stock, settings=how)
    keyed = answer.set_index(["product_id", "region_id"])
    assert keyed.loc[("cup", "north"), "expected"] == pytest.approx(0.75 * (0.5 * 3 + 2 + 0.5 * 1))
    assert keyed.loc[("cup", "north"), "on_hand"] == 2 and keyed.loc[("cup", "south"), "on_hand"] == 0
    assert keyed.loc[("cup", "south"), "alert"] == "out" and answer["product_id"].iloc[0] == "cup"
    dense = plan_orders(
        np.array([[3.0, 1.0], [0.225, 0.225]]), table, ["north", "south"], stock=np.array([[2.0, 0], [0, 0]])
    )
    assert keyed["order"].unstack().to_numpy(dtype=float).tolist() == dense.order.tolist()  # noqa: PD010
    whole = order_list(forecast(), "gru", table, settings=how).set_index("product_id")
    assert whole["region_id"].eq(ALL).all() and whole["expected"].tolist() == pytest.approx([4.0, 0.45])
    assert whole["on_hand"].isna().all() and whole["order"].ge(0).all()
    unknown = order_list(forecast(), "gru", error_quantiles([4.0, 4.0], [2.0, 6.0]))
    assert unknown["order"].isna().all() and unknown["reason"].eq("2 calibration rows, 3 needed").all()


def test_what_an_order_list_refuses() -> None:
    table = order_quantiles(np.ones((200, 1)), np.ones((200, 1)), ["a"])
    with pytest.raises(DataError, match="a mean is needed here"):
        order_list(forecast("median"), "gru", table)
    beside = forecast("median").assign(**{"gru-mean": 2.0})
    assert order_list(beside, "gru", table)["expected"].tolist() == [4.0, 4.0], "the mean beside a median is taken"
    twice = pd.concat([forecast(), forecast()])
    twice.attrs = forecast().attrs
    with pytest.raises(DataError, match="a ds is given twice for one unique_id"):
        order_list(twice, "gru", table)
    shares = pd.DataFrame({"product_id": ["cup"], "region_id": ["a"], "share": [1.0]})
    with pytest.raises(DataError, match="each product_id needs a value"):
        order_list(forecast(), "gru", table, shares=shares)
    with pytest.raises(DataError, match="the errors of the sum of all regions are missing"):
        order_list(forecast(), "gru", table[table["region_id"] != ALL])
    with pytest.raises(DataError, match="the forecast ends before the need"):
        need_ahead(np.ones((2, 3)), 3.0, 0.5)
