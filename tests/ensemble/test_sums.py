"""Intervals of sums: paths added up by hand, what their width rests on, and how often they hold on invented shops."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, t

from ecomlib.ensemble import Hierarchy, independent_errors, path_sums, sum_intervals
from ecomlib.errors import DataError

WEEK = pd.Timedelta(days=7)
START = pd.Timestamp("2024-01-01")


def paths(y: np.ndarray, mean: np.ndarray, gap: int = 1) -> pd.DataFrame:
    """A scored frame from arrays of shape (series, origins, steps)."""
    n, k, h = y.shape
    cutoff = np.repeat(pd.DatetimeIndex([START + gap * WEEK * o for o in range(k)]), h)
    frame = pd.DataFrame(
        {
            "unique_id": np.repeat([f"p{i:03d}" for i in range(n)], k * h),
            "cutoff": np.tile(cutoff, n),
            "ds": np.tile(cutoff, n) + WEEK * (1 + np.tile(np.arange(h), n * k)),
            "y": y.ravel(),
            "model": mean.ravel(),
        }
    )
    frame.attrs["point"] = {"model": "mean"}
    return frame


def tree(n: int) -> Hierarchy:
    names = [f"p{i:03d}" for i in range(n)]
    panel = pd.DataFrame({"unique_id": names, "category": ["a" if i % 2 else "b" for i in range(n)]})
    return Hierarchy.of(panel, [[], ["category"]])


def test_paths_are_summed_over_nodes_and_weeks() -> None:
    rng = np.random.default_rng(0)
    y, mean = rng.poisson(3.0, (4, 3, 5)).astype(float), rng.uniform(1, 5, (4, 3, 5))
    found = path_sums(paths(y, mean, gap=2), "model", tree(4), [(1, 5), (2, 3)]).set_index(["node", "first", "cutoff"])
    assert found.loc[("total", 1, START + 2 * WEEK), "y"] == y[:, 1].sum()
    assert found.loc[("category=b", 2, START), "mean"] == pytest.approx(mean[[0, 2], 0, 1:3].sum())
    assert found.loc[("p003", 2, START + 4 * WEEK), "y"] == y[3, 2, 1:3].sum()
    assert sorted(found["origin"].unique()) == [0, 2, 4] and len(found) == 2 * 3 * 7
    forecast = paths(y, mean)[["unique_id", "cutoff", "ds", "model"]]
    forecast.attrs["point"] = {"model": "mean"}
    assert "y" not in path_sums(forecast, "model", tree(4), [(1, 5)])


def test_what_was_not_observed_is_no_zero() -> None:
    y = np.ones((2, 2, 3))
    y[0, 1, 1] = np.nan
    found = path_sums(paths(y, np.ones_like(y)), "model", tree(2), [(1, 3), (3, 3)]).set_index(
        ["node", "first", "origin"]
    )
    assert np.isnan(found.loc[("total", 1, 1), "y"]) and found.loc[("total", 1, 0), "y"] == 6
    assert found.loc[("total", 3, 1), "y"] == 2, "a later week is known again"
    assert found.loc[("p001", 1, 1), "y"] == 3


def test_a_sum_of_medians_has_no_interval() -> None:
    frame = paths(np.ones((2, 2, 2)), np.ones((2, 2, 2)))
    frame.attrs["point"] = {"model": "median"}
    with pytest.raises(DataError, match="a mean is needed here"):
        path_sums(frame, "model", tree(2), [(1, 2)])


def test_what_it_refuses() -> None:
    frame = paths(np.ones((2, 2, 2)), np.ones((2, 2, 2)))
    for span in ((1, 3), (0, 1), (2, 1)):
        with pytest.raises(DataError, match="outside the horizon"):
            path_sums(frame, "model", tree(2), [span])
    with pytest.raises(DataError, match="does not hold this series"):
        path_sums(frame, "model", tree(1), [(1, 2)])
    sums = path_sums(frame, "model", tree(2), [(1, 2)])
    with pytest.raises(DataError, match="is a share"):
        sum_intervals(sums, sums, 90)


def test_the_width_is_student_s_on_the_stretches_that_do_not_overlap() -> None:
    """One series, forecasts of 10, errors of +2 and -2 in turn: 5 origins a week apart, sums of 2 weeks."""
    error = np.array([2.0, -2.0, 2.0, -2.0, 2.0])
    mean = np.full((1, 5, 2), 5.0)
    y = mean + error[None, :, None] / 2
    sums = path_sums(paths(y, mean), "model", tree(1), [(1, 2)])
    ahead = sums[sums["cutoff"] == START].drop(columns="y")
    found = sum_intervals(sums, ahead)
    width = 2.0 * t.ppf(0.95, 1 + 4 / 2)  # origins cover 4 weeks: 3 stretches
    assert found["low"].to_numpy() == pytest.approx(10 - width, rel=1e-6)
    assert found["high"].to_numpy() == pytest.approx(10 + width, rel=1e-6)
    wider = sum_intervals(sums, ahead, 0.95)["high"].iloc[0] - 10
    assert wider / width == pytest.approx(t.ppf(0.975, 3) / t.ppf(0.95, 3))


def test_errors_that_come_together_are_few() -> None:
    rng = np.random.default_rng(1)
    own, common = rng.normal(size=(40, 300)), rng.normal(size=(1, 300))
    assert independent_errors(own, 300) == pytest.approx(300 * 40, rel=0.25)
    assert independent_errors(np.repeat(common, 40, axis=0), 300) == pytest.approx(300)
    rho = 0.5
    mixed = np.sqrt(rho) * common + np.sqrt(1 - rho) * own
    assert independent_errors(mixed, 1) == pytest.approx(1 / (rho + (1 - rho) / 40), rel=0.2), "lesson 07's formula"


def test_no_past_no_interval_and_never_below_zero() -> None:
    sums = path_sums(paths(np.ones((2, 3, 2)), np.full((2, 3, 2), 0.1)), "model", tree(2), [(1, 2)])
    ahead = sums[sums["cutoff"] == START].drop(columns="y")
    assert sum_intervals(sums, ahead)["low"].min() >= 0
    assert sum_intervals(sums[sums["level"] == "total"], ahead)["low"].isna().sum() == 4


@pytest.mark.parametrize(("nodes", "share"), [(12, 0.9), (12, 0.5)])
def test_sums_are_covered_where_adding_variances_is_not(nodes: int, share: float) -> None:
    """Invented shops whose errors share a level that moves for weeks: 100 quarters, each with its own past."""
    rng = np.random.default_rng(2)
    hierarchy, horizon, inside, naive, items = tree(nodes), 4, [], [], []
    for _ in range(100):
        level = rng.normal(0, 0.15, 40)
        shock = np.exp(np.convolve(level, np.ones(4) / 2)[3:40])
        units = rng.poisson(20 * shock, (nodes, len(shock))).astype(float)
        windows = np.stack([units[:, k : k + horizon] for k in range(0, len(shock) - horizon + 1)], axis=1)
        mean = np.full_like(windows, 20 * np.exp(0.0225 / 2))
        sums = path_sums(paths(windows, mean), "model", hierarchy, [(1, horizon)])
        last = sums["cutoff"].max()
        past = sums[sums["cutoff"] <= last - (horizon + 1) * WEEK]
        now = sums[sums["cutoff"] == last]
        found = sum_intervals(past, now, share)
        hit = (found["low"] <= found["y"]) & (found["y"] <= found["high"])
        inside.append(hit[found["level"] == "total"].iloc[0])
        items.append(hit[found["level"] == "series"].mean())
        alone = (windows[:, : -horizon - 1, 0] - mean[:, : -horizon - 1, 0]).var()
        half = norm.ppf((1 + share) / 2) * np.sqrt(nodes * horizon * alone)
        total = now[now["level"] == "total"].iloc[0]
        naive.append(abs(total["y"] - total["mean"]) < half)
    four = 4 * np.sqrt(share * (1 - share) / 100)
    assert abs(np.mean(inside) - share) < four + 0.02
    assert abs(np.mean(items) - share) < 0.06
    assert np.mean(naive) < share - 0.2
