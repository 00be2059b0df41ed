"""The newsvendor's quantile is the cheapest order, by brute force."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomlib.contract import sum_forecasts
from ecomlib.decisions import newsvendor_cost, newsvendor_quantile, order_from_quantiles, order_quantities
from ecomlib.errors import DataError

COSTS = st.integers(1, 20)


def test_known_values() -> None:
    assert newsvendor_quantile(3, 1) == 0.75
    assert newsvendor_quantile(0, 2) == 0.0 and newsvendor_quantile(2, 0) == 1.0
    np.testing.assert_allclose(newsvendor_cost([5, 5, 5], [5, 8, 1], 3, 1), [0, 9, 4])


@given(st.lists(st.integers(0, 30), min_size=1, max_size=40), COSTS, COSTS)
@settings(deadline=None, max_examples=60)
def test_no_other_order_is_cheaper(demand: list[int], c_u: int, c_o: int) -> None:
    def mean_cost(order: float) -> float:
        return float(newsvendor_cost(order, demand, c_u, c_o).mean())

    order = float(np.quantile(demand, newsvendor_quantile(c_u, c_o), method="inverted_cdf"))
    best = min(mean_cost(other) for other in range(31))
    assert mean_cost(order) == pytest.approx(best)


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


def fan(**more: list[float]) -> pd.DataFrame:
    weeks = pd.date_range("2024-01-01", periods=2, freq="7D")
    frame = pd.DataFrame({"unique_id": "mug", "ds": weeks, "cutoff": pd.Timestamp("2023-12-25"), "m": [5.0, 10.0]})
    return frame.assign(**more)


def test_orders_are_read_off_quantiles_and_interval_ends() -> None:
    quantiles = fan(**{"m-q0.5": [4.0, 8.0], "m-q0.75": [6.0, 12.0], "m-q0.9": [8.0, 20.0], "other-q0.75": [0.0, 0.0]})
    assert order_quantities(quantiles, "m", 3, 1).tolist() == [6.0, 12.0]
    assert order_quantities(quantiles, "m", [3.0, 1.0], [1.0, 1.0]).tolist() == [6.0, 8.0], "costs of each row"
    levels, table = (0.5, 0.75, 0.9), quantiles[["m-q0.5", "m-q0.75", "m-q0.9"]]
    np.testing.assert_array_equal(order_quantities(quantiles, "m", 8, 2), order_from_quantiles(levels, table, 8, 2))
    ends = fan(**{"m-lo-90": [0.0, 2.0], "m-hi-90": [18.0, 20.0], "m-lo-50": [4.0, 6.0], "m-hi-50": [9.0, 14.0]})
    assert order_quantities(ends, "m", 3, 1).tolist() == [9.0, 14.0], "the upper end of 50 % is the quantile 0.75"
    assert order_quantities(ends, "m", 0.05, 0.95).tolist() == [0.0, 2.0]
    assert order_quantities(ends, "m", 1, 1).tolist() == [6.5, 10.0], "nothing says that the point is a median"
    ends.attrs["point"] = {"m": "median"}
    assert order_quantities(ends, "m", 1, 1).tolist() == [5.0, 10.0]


def test_calibrated_ends_go_before_quantiles_and_keep_the_others_in_order() -> None:
    own = {"c-q0.05": 9.0, "c-q0.95": 11.0, "c-lo-90": 0.0, "c-hi-90": 25.0}
    assert order_quantities(pd.DataFrame([own]), "c", 19, 1).tolist() == [25.0], "the end that coverage reads"
    beyond = pd.DataFrame([{"c-q0.99": 12.0, "c-lo-90": 0.0, "c-hi-90": 25.0}])
    assert order_quantities(beyond, "c", 97, 3).tolist() == [25.0], "a 0.99-quantile is not below the 0.95-quantile"
    inside = pd.DataFrame([{"c-q0.75": q, "c-lo-90": 4.0, "c-hi-90": 8.0} for q in (1.0, 6.0, 9.0)])
    assert order_quantities(inside, "c", 3, 1).tolist() == [4.0, 6.0, 8.0]
    assert inside["c-q0.75"].tolist() == [1.0, 6.0, 9.0], "the frame stays as it was"


def test_an_order_without_quantiles_is_refused() -> None:
    for frame in (fan(), fan(**{"m-q0.9": [1.0, 2.0]}), fan(**{"m-mean": [1.0, 2.0]})):
        with pytest.raises(DataError, match=r"two quantiles of 'm' or more.*conformal"):
            order_quantities(frame, "m", 3, 1)
    young = fan(**{"m-lo-90": [0.0, 0.0], "m-hi-90": [9.0, np.inf]})
    with pytest.raises(DataError, match="no finite end"):
        order_quantities(young, "m", 19, 1)


def test_a_season_is_not_ordered_by_a_sum_of_medians() -> None:
    weeks = fan(**{"m-q0.5": [4.0, 8.0], "m-q0.9": [8.0, 20.0]})
    weeks.attrs["point"] = {"m": "median"}
    with pytest.raises(DataError, match="neither quantiles nor medians add up"):
        order_quantities(sum_forecasts(weeks, "m", by="unique_id"), "m", 3, 1)
