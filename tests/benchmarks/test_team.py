"""The averages of lesson 07's recorded run, and protocol W's forecasts added up."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("lightgbm")
from benchmarks.protocol_w import totals
from benchmarks.simulated import team


def test_a_difference_over_stores_has_students_interval_and_its_word() -> None:
    found = team.over_stores(np.array([-0.03, -0.02, -0.01, -0.02]))
    error = np.std([-0.03, -0.02, -0.01, -0.02], ddof=1) / 2
    assert found["relative"] == pytest.approx(-0.02)
    assert found["low"] == pytest.approx(-0.02 - 3.18245 * error, rel=1e-5)  # Student's t with three degrees
    assert found["smallest"] == pytest.approx((3.18245 + 0.97847) * error, rel=1e-4)
    assert (found["word"], found["wins"], found["of"]) == ("better", 4, 4)
    assert np.isnan(team.over_stores(np.array([0.1]))["low"])


def members(weeks: int) -> pd.DataFrame:
    """One product; seed 2 is right in the first half, the linear network in the second."""
    ds = pd.date_range("2024-01-01", periods=weeks, freq="7D")
    frame = pd.DataFrame({"unique_id": "mug", "ds": ds, "cutoff": ds[[0] * weeks], "y": 10.0})
    frame["cutoff"] = np.where(np.arange(weeks) < weeks // 2, ds[0], ds[weeks // 2])
    first = np.arange(weeks) < weeks // 2
    for seed in team.SEEDS:
        frame[f"GRU|{seed}"] = np.where(first & (seed == 2), 10.0, 13.0)
        frame[f"snapshot {seed}"] = 12.0
    frame["LightGBM"], frame[team.EIGHT] = 9.0, 30.0
    frame["linear"] = np.where(first, 16.0, 10.0)
    return frame


def test_the_best_of_the_early_rows_is_picked_and_nothing_else_is_looked_at() -> None:
    frame = members(6)
    early = (frame["cutoff"] == frame["cutoff"].min()).to_numpy()
    made = team.averaged(frame, early)
    assert made["best single on validation|2"].tolist() == made["GRU|2"].tolist()
    assert made["best single on validation|1"].tolist() == made["LightGBM"].tolist()
    assert made["three seeds"].iloc[0] == pytest.approx(12.0)
    assert made["network and trees"].iloc[0] == pytest.approx((12.0 + 9.0) / 2)
    assert made[f"mean of all without {team.EIGHT}"].iloc[0] == pytest.approx((13 + 10 + 13 + 9 + 16) / 5)
    assert made["free weights for each product"][early].to_numpy() == pytest.approx(10.0)


def test_scores_of_a_store_average_the_trainings_and_add_the_products_up() -> None:
    week = pd.Timestamp("2024-01-08")
    frame = pd.DataFrame({"unique_id": ["a", "b"], "ds": week, "cutoff": week - pd.Timedelta(weeks=1), "y": np.nan})
    frame = frame.assign(demand=[10.0, 10.0], **{"GRU|1": [8.0, 8.0], "GRU|2": [14.0, 10.0], "linear": [5.0, 15.0]})
    found = team.store_scores(frame).set_index("model")
    assert found.loc["GRU", "wape"] == pytest.approx((4 / 20 + 4 / 20) / 2)
    assert found.loc["GRU", "bias"] == pytest.approx((-4 / 20 + 4 / 20) / 2)
    assert found.loc["linear", "wape"] == pytest.approx(0.5)
    assert found.loc["linear", "total"] == pytest.approx(0.0)


def test_totals_add_up_and_the_rules_know_nothing_after_the_origin() -> None:
    ds = pd.date_range("2024-01-01", periods=12, freq="7D")
    panel = pd.DataFrame({"unique_id": np.repeat(["a", "b"], 12), "ds": [*ds, *ds], "y": np.arange(24.0)})
    last = panel[panel["ds"] == ds[11]].assign(cutoff=ds[10], model=[1.0, 2.0])
    summed = totals.added_up(last, panel)
    total = panel.groupby("ds")["y"].sum()
    assert summed[["y", "model"]].to_numpy().tolist() == [[total[ds[11]], 3.0]]
    assert summed[totals.NAIVE].iloc[0] == total[ds[10]]
    assert summed[totals.EIGHT].iloc[0] == pytest.approx(total[ds[3:11]].mean())
