"""The floors of the simulated store: the closed forms equal simulation, and they lie in the order that they must.

Seeds are fixed. Comparisons with simulation use four standard errors: 4 statistical tests with 28 comparisons, most
of them over all series at once (there with a hundredth more, as the quantiles' shape is an approximation).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ecomlib.errors import DataError
from ecomlib.evaluation.filters import _cut_off, filter_states
from ecomlib.evaluation.floors import attainable, forecast_shock
from ecomlib.stores.simulated import Truth, make_store
from ecomlib.stores.store import Store

FOUR = 4.0


@pytest.fixture(scope="module")
def small() -> Store:
    return make_store("small", 0)


@pytest.fixture(scope="module")
def tiny() -> Store:
    return make_store("tiny", 0)


def simulate(
    truth: Truth, last_day: int, days: np.ndarray, paths: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw futures after ``last_day``: expected and realised units over ``days``, each (paths, P, R).

    Written without any formula of the floors: the shock and the momentum are stepped forward, demand is drawn.
    """
    s, now = truth.settings, last_day // 7
    horizon = int(days[-1]) - last_day
    shock = np.empty((paths, horizon, s.regions))
    state = np.repeat(truth.shock[last_day][None], paths, axis=0)
    for h in range(horizon):
        transition, innovation = truth.law.at(last_day + 1 + h)
        noise = rng.normal(size=(paths, s.regions)) * np.sqrt(np.diag(innovation))
        state = state @ transition.T + noise
        shock[:, h] = state
    rate, units = (np.zeros((paths, s.products, s.regions)) for _ in range(2))
    momentum, week = np.repeat(truth.momentum[now][None], paths, axis=0), now
    for day in range(last_day + 1, int(days[-1]) + 1):
        if day // 7 > week:
            week = day // 7
            momentum = s.momentum_persistence * momentum + rng.normal(0, s.momentum_sd, momentum.shape)
        if day not in days:
            continue
        calm = truth.expected_demand[:, :, day] / np.exp(truth.shock[day]) / np.exp(truth.momentum[week])[:, None]
        mean = calm * np.exp(shock[:, day - last_day - 1])[:, None, :] * np.exp(momentum)[:, :, None]
        rate += mean
        units += rng.poisson(mean * rng.gamma(s.overdispersion, 1 / s.overdispersion, mean.shape))
    return rate, units


@pytest.mark.parametrize(
    "by", [("product_id",), ("region_id",), ("product_id", "region_id"), ("category", "region_id")]
)
def test_closed_form_equals_simulation(tiny: Store, by: tuple[str, ...]) -> None:
    """Two weeks ahead from week 15. Means, within errors; quantiles, by the share of draws on either side."""
    truth, last_day = tiny.truth, 7 * 16 - 1
    days = np.arange(7 * 17, 7 * 18)
    cutoff = truth.dates[7 * 15]
    floor = attainable(tiny, [cutoff], 2, "W-MON", by, quantiles=(0.1, 0.5, 0.9))
    floor = floor[floor["ds"] == truth.dates[days[0]]].set_index("unique_id")
    rate, units = simulate(truth, last_day, days, 1500, np.random.default_rng(11))
    groups = truth.groups(by)
    ids = groups.unique_ids()
    of = groups.of_product[:, None] * ids.shape[1] + groups.of_region[None, :]
    to_series = np.eye(ids.size)[of.ravel()]
    rates, totals = rate.reshape(len(rate), -1) @ to_series, units.reshape(len(units), -1) @ to_series
    live = np.isin(ids.ravel(), floor.index)
    floor = floor.loc[ids.ravel()[live]]
    rates, totals = rates[:, live], totals[:, live]

    error = rates.std(axis=0) / np.sqrt(len(rates))
    z = (rates.mean(axis=0) - floor["attainable"].to_numpy()) / error
    assert np.abs(z).max() < 5.5, "no single series is off"
    whole = rates.sum(axis=1)
    assert abs(whole.mean() - floor["attainable"].sum()) < FOUR * whole.std() / np.sqrt(len(whole))
    for share in (0.1, 0.5, 0.9):
        quantile = floor[f"attainable-q{share:g}"].to_numpy()
        slack = FOUR * np.sqrt(share * (1 - share) / len(totals)) + 0.01  # the shape is an approximation
        assert ((totals < quantile).mean(axis=0) < share + slack).all()
        assert ((totals <= quantile).mean(axis=0) > share - slack).all()
    np.testing.assert_array_equal(floor["attainable-q0.5"], floor["attainable_median"])


def test_shock_forecast_by_powers_of_the_matrix(tiny: Store) -> None:
    truth = tiny.truth
    law = forecast_shock(truth, 50, 5)
    A, Q = truth.law.transition[0], truth.law.innovation[0]
    np.testing.assert_allclose(law.mean[4], np.linalg.matrix_power(A, 5) @ truth.shock[50], rtol=1e-10)
    power = [np.linalg.matrix_power(A, k) for k in range(6)]
    variance = {h: sum(power[k] @ Q @ power[k].T for k in range(h)) for h in (2, 5)}
    np.testing.assert_allclose(law.covariance[4, :, 4, :], variance[5], rtol=1e-10, atol=1e-15)
    np.testing.assert_allclose(law.covariance[1, :, 4, :], variance[2] @ power[3].T, rtol=1e-10, atol=1e-15)
    np.testing.assert_allclose(law.covariance[4, :, 1, :], power[3] @ variance[2], rtol=1e-10, atol=1e-15)


def test_the_filter_tells_shock_and_momentum_from_sales(small: Store) -> None:
    """Both are unbiased, their own error bars are right to a tenth, and momentum is known by half."""
    truth, found = small.truth, filter_states(small)
    error = (found.shock - truth.shock)[30:]
    assert np.corrcoef(found.shock[30:].ravel(), truth.shock[30:].ravel())[0, 1] > 0.95
    claimed = np.einsum("trr->tr", found.shock_spread)[30:]
    assert 0.9 < np.sqrt((error**2 / claimed).mean()) < 1.1 and abs(error.mean()) < 0.02
    week = np.arange(len(truth.dates) // 7)[:, None]
    seen = week >= truth.cold_start["launch_week"].to_numpy() + 8
    error = (found.momentum - truth.momentum)[seen]
    assert np.corrcoef(found.momentum[seen], truth.momentum[seen])[0, 1] > 0.5
    assert 0.9 < np.sqrt((error**2 / found.momentum_variance[seen]).mean()) < 1.1 and abs(error.mean()) < 0.02


def test_the_filter_reads_sales_and_neither_state_nor_demand(tiny: Store) -> None:
    """Shock and momentum of another path, with the same sales and the same rates without them: the same answer."""
    truth = tiny.truth
    lift = np.random.default_rng(3).normal(0, 0.3, truth.shock.shape)
    other = replace(
        truth,
        shock=truth.shock + lift,
        expected_demand=truth.expected_demand * np.exp(lift.T)[None],
        demand=truth.demand + 5,
    )
    told, again = filter_states(tiny), filter_states(tiny.with_parts(truth=other))
    np.testing.assert_allclose(again.shock, told.shock, atol=1e-6)
    np.testing.assert_allclose(again.momentum, told.momentum, atol=1e-6)


def test_sales_are_demand_cut_off_at_the_shelf() -> None:
    """Against sums over the negative binomial distribution, and their difference quotient."""
    from scipy.stats import nbinom

    rate = np.repeat(np.array([0.03, 0.8, 5.0, 20.0]), 6).reshape(4, 6)
    shelf = np.tile(np.array([0, 1, 2, 6, 21, 300]), (4, 1))

    def sales(mean: float, stock: int) -> float:
        k = np.arange(1500)
        return float((np.minimum(k, stock) * nbinom.pmf(k, 8, 8 / (8 + mean))).sum())

    found, pull = _cut_off(rate, shelf, 1 / 8)
    for at, mean in np.ndenumerate(rate):
        stock = int(shelf[at])
        assert found[at] == pytest.approx(sales(mean, stock), abs=2e-5, rel=5e-5)
        slope = (sales(mean * np.exp(1e-4), stock) - sales(mean * np.exp(-1e-4), stock)) / 2e-4
        assert pull[at] == pytest.approx(slope, abs=2e-4, rel=2e-3)


def scored(store: Store, cutoffs: pd.DatetimeIndex, horizon: int, freq: str, by: tuple[str, ...]) -> pd.DataFrame:
    floors = attainable(store, cutoffs, horizon, freq, by)
    y = store.truth.panel("demand", freq, by).rename(columns={"value": "y"})
    y["naive"] = y["y"]
    y["mean_8"] = y.groupby("unique_id")["y"].transform(lambda series: series.rolling(8).mean())
    known = y.drop(columns="y").rename(columns={"ds": "cutoff"})
    frame = floors.merge(y[["unique_id", "ds", "y"]], on=["unique_id", "ds"]).merge(known, on=["unique_id", "cutoff"])
    assert len(frame) == len(floors)
    return frame.dropna()


def wape(frame: pd.DataFrame, model: str) -> float:
    return float((frame["y"] - frame[model]).abs().sum() / frame["y"].sum())


def rmse(frame: pd.DataFrame, model: str) -> float:
    return float(np.sqrt(((frame["y"] - frame[model]) ** 2).mean()))


def test_the_tried_figures_hold(small: Store) -> None:
    """WAPE at product-weeks, four weeks ahead, as the store was tried out: within 15 %."""
    mondays = small.truth.dates[::7]
    frame = scored(small, mondays[8:-4:4], 4, "W-MON", ("product_id",))
    last = frame[frame["ds"] == frame["cutoff"] + pd.Timedelta(weeks=4)]
    found = {model: wape(last, model) for model in ("naive", "mean_8", "attainable_median", "omniscient_median")}
    tried = {"naive": 0.562, "mean_8": 0.445, "attainable_median": 0.302, "omniscient_median": 0.259}
    for model, value in tried.items():
        assert abs(found[model] / value - 1) < 0.15, f"{model}: {found[model]:.3f}, tried {value}"
    for metric, middle in ((wape, "_median"), (rmse, "")):
        order = [metric(frame, f"{floor}{middle}") for floor in ("omniscient", "attainable", "filter")]
        order.append(metric(frame, "mean_8"))
        assert order == sorted(order) and order[1] < 0.8 * metric(frame, "naive")
    assert wape(frame, "attainable_median") < wape(frame, "attainable"), "absolute error asks for the median"
    assert rmse(frame, "attainable") < rmse(frame, "attainable_median"), "squared error asks for the mean"


def test_knowing_the_shock_helps_where_it_is_felt(small: Store) -> None:
    """Regions by day: omniscient below attainable below filter below naive, and the gap narrows with the horizon."""
    frame = scored(small, small.truth.dates[60:-4:8], 3, "D", ("region_id",))
    order = [rmse(frame, model) for model in ("omniscient", "attainable", "filter", "naive")]
    assert order == sorted(order)
    step = (frame["ds"] - frame["cutoff"]).dt.days
    gap = [rmse(frame[step == h], "filter") - rmse(frame[step == h], "attainable") for h in (1, 3)]
    assert gap[0] > gap[1] > -0.02, "what is known of today matters less for later days"
    bias = frame["attainable"].sum() / frame["y"].sum() - 1
    assert abs(bias) < 0.03


def test_means_add_up(tiny: Store) -> None:
    cutoff = [tiny.truth.dates[7 * 12]]
    fine = attainable(tiny, cutoff, 3, "W-MON", ("product_id", "region_id"), filtered=False)
    fine["product"] = fine["unique_id"].str.split("|").str[0]
    coarse = attainable(tiny, cutoff, 3, "W-MON", ("product_id",), filtered=False)
    both = fine.groupby(["product", "ds"])[["attainable", "omniscient"]].sum()
    pd.testing.assert_frame_equal(
        both.reset_index(drop=True), coarse[["attainable", "omniscient"]], check_exact=False, rtol=1e-9
    )
    daily = attainable(tiny, [tiny.truth.dates[7 * 13 - 1]], 7, "D", filtered=False)
    first = coarse[coarse["ds"] == coarse["ds"].min()]
    np.testing.assert_allclose(
        daily.groupby("unique_id")["attainable"].sum().to_numpy(), first["attainable"].to_numpy(), rtol=1e-9
    )


def test_only_what_is_launched_and_what_fits(tiny: Store) -> None:
    truth = tiny.truth
    late = truth.cold_start.sort_values("launch_week").iloc[-1]
    mondays = truth.dates[::7]
    before, after = mondays[late["launch_week"] - 1], mondays[late["launch_week"]]
    floors = attainable(tiny, [before, after], 1)
    rows = floors[floors["unique_id"] == late["product_id"]]
    assert rows["cutoff"].tolist() == [after]
    assert not floors.isna().any().any() and (floors["attainable"] > 0).all()
    monthly = attainable(tiny, ["2025-02-01"], 2, "MS", ("region_id",))
    assert monthly["ds"].drop_duplicates().tolist() == [pd.Timestamp("2025-03-01"), pd.Timestamp("2025-04-01")]


def test_faults_are_explained(tiny: Store) -> None:
    mondays = tiny.truth.dates[::7]
    for cutoff, horizon, word in (("2025-03-04", 1, "whole W-MON period"), (mondays[-1], 1, "not all in the store")):
        with pytest.raises(DataError, match=word):
            attainable(tiny, [cutoff], horizon)
    with pytest.raises(DataError, match="not all in the store"):
        attainable(tiny, [mondays[5]], 0)
    with pytest.raises(DataError, match="has no truth"):
        attainable(tiny.observed(), [mondays[5]], 1)
