"""Trees on the networks' windows: what they may read, and what their forecasts keep."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ecomlib.errors import DataError
from ecomlib.models.trees import fit_trees, predict_trees, window_table
from ecomlib.windowing import WindowSettings
from ecomlib.windows import WindowSet

SETTINGS = WindowSettings(6, 2, past=("y", "promoted"), future=("promoted",), static=("kind",))


def panel(series: int = 30, weeks: int = 40) -> pd.DataFrame:
    """Weekly units that double under promotion, of two kinds of products."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "unique_id": np.repeat([f"p{k:02d}" for k in range(series)], weeks),
            "ds": np.tile(pd.date_range("2024-01-01", periods=weeks, freq="W-MON"), series),
            "promoted": rng.random(series * weeks) < 0.3,
        }
    )
    level = np.repeat(rng.gamma(4, 5, series), weeks)
    frame["promoted"] = frame["promoted"].astype(float)
    frame["kind"] = np.where(frame["unique_id"].str[-1].isin(list("02468")), "even", "odd")
    return frame.assign(y=rng.poisson(level * (1 + frame["promoted"])).astype(float))


def test_the_table_has_a_row_for_each_window_and_step() -> None:
    frame = panel(3, 12)
    windows = WindowSet.from_panel(frame, SETTINGS)
    table, known = window_table(windows), windows.frame()
    assert len(table) == len(known) and table["step"].tolist() == [1, 2] * len(windows)
    at = known.merge(frame[["unique_id", "ds", "promoted"]], on=["unique_id", "ds"])
    assert np.allclose(table["promoted"], at["promoted"]), "the plan is that of the step"
    last = known.merge(frame.rename(columns={"ds": "cutoff", "y": "last"}), on=["unique_id", "cutoff"])["last"]
    units = np.expm1(table["y -1"] + table["level"])
    assert np.allclose(units, last, atol=1e-3), "y -1 is the origin's own week, over the window's level"
    assert table.loc[table["history"] == 1, "y -2"].isna().all(), "a missing past is missing, not zero"
    with pytest.raises(DataError, match="no past units"):
        window_table(WindowSet.from_panel(frame, WindowSettings(6, 2, past=("promoted",))))


def test_nothing_after_the_origin_is_read() -> None:
    frame = panel(4, 20)
    origin = frame["ds"].unique()[12]
    changed = frame.assign(y=frame["y"].where(frame["ds"] <= origin, 999.0))
    tables = [window_table(WindowSet.from_panel(part, SETTINGS).at(origin)) for part in (frame, changed)]
    pd.testing.assert_frame_equal(*tables)


def test_medians_follow_the_plan_and_quantiles_do_not_cross() -> None:
    frame = panel()
    windows = WindowSet.from_panel(frame, SETTINGS)
    train, test = windows.split(frame["ds"].unique()[30], 9)
    few = {"n_estimators": 60, "min_child_samples": 20}
    answer = predict_trees(fit_trees(train, **few), test)
    assert list(answer.columns) == ["unique_id", "ds", "cutoff", "y", "forecast"]
    promoted = answer.merge(frame[["unique_id", "ds", "promoted"]], on=["unique_id", "ds"])
    mean = promoted.groupby("promoted")["forecast"].mean()
    assert mean[1.0] > 1.6 * mean[0.0]
    level = frame[frame["ds"] <= frame["ds"].unique()[30]].groupby("unique_id")["y"].mean()
    flat = answer["unique_id"].map(level)
    assert (answer["forecast"] - answer["y"]).abs().mean() < 0.8 * (flat - answer["y"]).abs().mean()
    both = predict_trees(fit_trees(train, (0.1, 0.9), **few), test)
    assert (both["q0.1"] <= both["q0.9"]).all() and (both["q0.1"] >= 0).all()
    assert both["y"].between(both["q0.1"], both["q0.9"]).mean() == pytest.approx(0.8, abs=0.12)
    again = predict_trees(fit_trees(train, **few), test)
    pd.testing.assert_frame_equal(answer, again)
