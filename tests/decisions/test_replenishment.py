"""The formulas of inventory theory, against textbooks, published tables and plain simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ecomlib.decisions.replenishment import (
    Stage,
    best_reorder,
    count_chances,
    newsvendor_count,
    newsvendor_normal,
    order_up_to,
    reorder_cost,
    serial_system,
)
from ecomlib.errors import DataError


def test_the_newsvendors_textbook_values() -> None:
    """Snyder and Shen (2019), example 4.3."""
    level, cost = newsvendor_normal(0.18, 0.70, mean=50, sd=8)
    assert level == pytest.approx(56.604, abs=5e-4)
    assert cost == pytest.approx(1.9976, abs=5e-5)


@pytest.mark.parametrize("variance", [None, 15.0])
def test_whole_units_cost_least_of_all_orders(variance: float | None) -> None:
    order, cost = newsvendor_count(1.0, 4.0, mean=6.0, variance=variance)
    chance = count_chances(6.0, variance)
    units = np.arange(len(chance))
    costs = [chance @ np.where(units > q, 4 * (units - q), q - units) for q in range(40)]
    assert order == int(np.argmin(costs))
    assert cost == pytest.approx(min(costs))


def test_chances_have_the_moments_that_were_asked_for() -> None:
    chance = count_chances(3.0, 7.5)
    units = np.arange(len(chance))
    mean = chance @ units
    assert (mean, chance @ (units - mean) ** 2) == (pytest.approx(3.0), pytest.approx(7.5))
    assert count_chances(3.0, 3.0)[:4] == pytest.approx(stats.poisson.pmf(np.arange(4), 3.0))


@pytest.mark.parametrize(
    ("mean", "s", "up_to", "cost"),
    # Zheng and Federgruen (1991): Poisson demand, K = 64, h = 1, p = 9, no lead time.
    [(10, 6, 40, 35.022), (20, 14, 62, 49.173), (40, 33, 87, 64.512), (60, 52, 129, 77.306), (75, 67, 86, 79.554)],
)
def test_the_published_table_of_reorder_points(mean: float, s: int, up_to: int, cost: float) -> None:
    found = best_reorder(mean, order_cost=64, holding=1, stockout=9)
    assert (found.reorder, found.up_to) == (s, up_to)
    assert found.cost == pytest.approx(cost, abs=6e-4)


def test_the_best_pair_is_the_best_of_all_pairs() -> None:
    chance = count_chances(2.0, 3.0)
    lead = np.convolve(chance, chance)  # one period of lead time
    wanted = np.arange(len(lead))

    def period(level: int) -> float:
        gap = level - wanted
        return float(lead @ np.where(gap > 0, gap, -6 * gap))

    pairs = {(s, top): reorder_cost(s, top, chance, 8.0, period) for s in range(-3, 12) for top in range(s + 1, 25)}
    found = best_reorder(2.0, 3.0, order_cost=8.0, holding=1.0, stockout=6.0, lead=1)
    assert pairs[found.reorder, found.up_to] == pytest.approx(min(pairs.values()))
    assert found.cost == pytest.approx(min(pairs.values()))


def test_the_exact_cost_is_that_of_a_long_run() -> None:
    rng, stock, money = np.random.default_rng(0), 30, []
    for wanted in rng.poisson(10, 40_000):
        paid = 64.0 if stock <= 6 else 0.0
        stock = (40 if stock <= 6 else stock) - wanted
        money.append(paid + (stock if stock > 0 else -9 * stock))
    assert np.mean(money) == pytest.approx(best_reorder(10, order_cost=64, holding=1, stockout=9).cost, rel=0.02)


def test_an_order_that_costs_nothing_is_placed_every_time() -> None:
    found = best_reorder(6.0, order_cost=0.0, holding=1.0, stockout=4.0)
    assert (found.up_to - found.reorder, found.up_to) == (1, newsvendor_count(1.0, 4.0, 6.0)[0])
    assert best_reorder(6.0, order_cost=0.05, holding=1.0, stockout=4.0).up_to == found.up_to


def test_order_up_to_counts_lead_time_and_review() -> None:
    assert order_up_to(10, 16, 0.9, lead=2, review=1, law="normal") == pytest.approx(
        30 + 1.28155 * np.sqrt(48), abs=1e-3
    )
    counts = order_up_to(np.array([2.0, 0.1, 0.0]), np.array([5.0, 0.1, 0.0]), 0.9, lead=1, review=1)
    assert counts.tolist() == [stats.nbinom.ppf(0.9, 16 / 6, 4 / 10), 1.0, 0.0]
    ratios = order_up_to(4.0, 4.0, np.array([0.5, 0.99]), lead=0, review=1)
    assert ratios.tolist() == stats.poisson.ppf([0.5, 0.99], 4.0).tolist()


def test_a_chain_of_warehouses_has_the_textbooks_cost() -> None:
    """Snyder and Shen (2019), example 6.1: 47.65 at 6.49, 12.02 and 22.71."""
    levels, cost = serial_system([Stage(3, 1), Stage(2, 1), Stage(2, 2)], 37.12, mean=5, sd=1)
    assert levels == pytest.approx([6.49, 12.02, 22.71], abs=0.01)
    assert cost == pytest.approx(47.65, abs=0.02)


def test_a_chain_of_one_is_a_newsvendor() -> None:
    (level,), cost = serial_system([Stage(1.0, 4.0)], 9.0, mean=10, sd=3)
    single = newsvendor_normal(1.0, 9.0, mean=40, sd=6)
    assert (level, cost) == (pytest.approx(single[0], abs=0.01), pytest.approx(single[1], rel=2e-3))


@pytest.mark.parametrize(
    "call",
    [
        lambda: newsvendor_normal(0.0, 1.0, 5, 1),
        lambda: newsvendor_count(1.0, 1.0, 0.0),
        lambda: count_chances(4.0, 3.0),
        lambda: order_up_to(4.0, 4.0, 1.0),
        lambda: order_up_to(4.0, 4.0, 0.5, law="uniform"),
        lambda: order_up_to(4.0, 4.0, 0.5, lead=-1),
        lambda: best_reorder(4.0, order_cost=-1, holding=1, stockout=2),
        lambda: best_reorder(4.0, order_cost=1, holding=1, stockout=2, lead=0.5),  # type: ignore[arg-type]
        lambda: reorder_cost(4, 4, count_chances(1.0), 1.0, lambda level: 0.0),
        lambda: serial_system([], 9.0, 10, 2),
        lambda: serial_system([Stage(1, 0)], 9.0, 10, 2),
    ],
)
def test_what_cannot_be_is_said(call) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataError):
        call()
