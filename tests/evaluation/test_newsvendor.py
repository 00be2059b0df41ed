"""The newsvendor's quantile is the cheapest order, by brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomlib.errors import DataError
from ecomlib.evaluation import newsvendor_cost, newsvendor_order, newsvendor_quantile, order_from_quantiles

COSTS = st.integers(1, 20)


def test_known_values() -> None:
    assert newsvendor_quantile(3, 1) == 0.75
    assert newsvendor_quantile(0, 2) == 0.0 and newsvendor_quantile(2, 0) == 1.0
    np.testing.assert_allclose(newsvendor_cost([5, 5, 5], [5, 8, 1], 3, 1), [0, 9, 4])
    assert newsvendor_order([0, 1, 2, 3], 3, 1) == 2  # the smallest x with P(demand <= x) >= 0.75
    assert newsvendor_order([[0, 1, 2, 3], [4, 4, 4, 4]], 3, 1).tolist() == [2, 4]
    assert newsvendor_order([[0, 4], [1, 4], [2, 4], [3, 4]], 3, 1, axis=0).tolist() == [2, 4]


@given(st.lists(st.integers(0, 30), min_size=1, max_size=40), COSTS, COSTS)
@settings(deadline=None, max_examples=60)
def test_no_other_order_is_cheaper(demand: list[int], c_u: int, c_o: int) -> None:
    def mean_cost(order: float) -> float:
        return float(newsvendor_cost(order, demand, c_u, c_o).mean())

    best = min(mean_cost(order) for order in range(31))
    assert mean_cost(float(newsvendor_order(demand, c_u, c_o))) == pytest.approx(best)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=40), COSTS, COSTS)
@settings(deadline=None, max_examples=30)
def test_cost_is_never_negative_and_zero_when_exact(demand: list[int], c_u: int, c_o: int) -> None:
    assert (newsvendor_cost(np.zeros(len(demand)), demand, c_u, c_o) >= 0).all()
    assert (newsvendor_cost(demand, demand, c_u, c_o) == 0).all()


@pytest.mark.parametrize("costs", [(-1, 1), (0, 0), (np.nan, 1), (np.inf, 1)])
def test_costs_without_meaning_are_refused(costs: tuple[float, float]) -> None:
    with pytest.raises(DataError, match="at or above zero"):
        newsvendor_quantile(*costs)
    with pytest.raises(DataError, match="at or above zero"):
        newsvendor_cost(1, 1, *costs)


def test_an_order_needs_samples() -> None:
    for bad in ([], [1, np.nan], 3):
        with pytest.raises(DataError, match="at least one finite sample"):
            newsvendor_order(bad, 1, 1)


def test_each_product_may_have_its_own_costs() -> None:
    np.testing.assert_allclose(newsvendor_quantile([3.0, 1.0], [1.0, 1.0]), [0.75, 0.5])
    np.testing.assert_allclose(newsvendor_cost([5, 5], [8, 1], [3.0, 9.0], [9.0, 2.0]), [9, 8])
    levels, forecast = [0.25, 0.5, 0.75], [[1.0, 2.0, 4.0], [10.0, 20.0, 40.0], [0.0, 0.0, 8.0]]
    np.testing.assert_allclose(order_from_quantiles(levels, forecast, [3, 1, 5], [1, 1, 3]), [4, 20, 4])
    np.testing.assert_allclose(order_from_quantiles(levels, forecast, 99, 1), [4, 40, 8])  # no guess beyond the fan
    with pytest.raises(DataError, match=r"found \(1.0, -2.0\)"):
        newsvendor_cost([1, 1], [1, 1], 1, [1.0, -2.0])
    with pytest.raises(DataError, match="one column for each level"):
        order_from_quantiles(levels, np.ones((2, 4)), 1, 1)
