"""Trees on the networks' windows: what they may read, and what their forecasts keep."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ecomlib.errors import DataError
from ecomlib.features import calendar
from ecomlib.models.trees import Trees, window_table
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
    few = Trees.make(n_estimators=60, min_child_samples=20)
    answer = few.predict_windows(few.fit_windows(train), test)
    assert list(answer.columns) == ["unique_id", "ds", "cutoff", "y", "forecast"]
    promoted = answer.merge(frame[["unique_id", "ds", "promoted"]], on=["unique_id", "ds"])
    mean = promoted.groupby("promoted")["forecast"].mean()
    assert mean[1.0] > 1.6 * mean[0.0]
    level = frame[frame["ds"] <= frame["ds"].unique()[30]].groupby("unique_id")["y"].mean()
    flat = answer["unique_id"].map(level)
    assert (answer["forecast"] - answer["y"]).abs().mean() < 0.8 * (flat - answer["y"]).abs().mean()
    pair = replace(few, quantiles=(0.1, 0.9))
    both = pair.predict_windows(pair.fit_windows(train), test)
    low, middle, high = (both[name] for name in ("forecast-q0.1", "forecast", "forecast-q0.9"))
    assert (low <= middle).all() and (middle <= high).all() and (low >= 0).all()
    assert both["y"].between(low, high).mean() == pytest.approx(0.8, abs=0.12)
    again = few.predict_windows(few.fit_windows(train), test)
    pd.testing.assert_frame_equal(answer, again)


def plan_of(frame: pd.DataFrame) -> Trees:
    return Trees.make(
        look_back=6,
        past=("y", "promoted"),
        future=["promoted", "week_sin", "last_year"],
        static=("kind",),
        quantiles=(0.9, 0.1),
        n_estimators=20,
        min_child_samples=20,
    )


def test_keywords_find_their_place_and_a_slip_is_answered() -> None:
    made = plan_of(panel())
    assert made.window == WindowSettings(
        6, 4, past=("y", "promoted"), future=("promoted", "week_sin", "last_year"), static=("kind",)
    )
    assert made.quantiles == (0.1, 0.9) and made.options == {"n_estimators": 20, "min_child_samples": 20}
    assert made.known_ahead == ("promoted",), "the calendar and last year are made, not asked for"
    assert replace(made, window=replace(made.window, also_known=("week_sin",))).known_ahead == ("promoted", "week_sin")
    with pytest.raises(DataError, match=r"lookback.*did you mean look_back\?"):
        Trees.make(lookback=6)
    with pytest.raises(DataError, match="shares between 0 and 1"):
        Trees.make(quantiles=(5, 95))
    with pytest.raises(DataError, match="quantiles have an objective of their own"):
        Trees.make(quantiles=(0.1,), objective="poisson")


@pytest.mark.parametrize(
    ("settings", "point"),
    [
        ({}, "median"),
        ({"quantiles": (0.1, 0.9)}, "median"),
        ({"objective": "mae"}, "median"),
        ({"objective": "regression"}, "neither"),
        ({"objective": "regression", "scale": "mean_abs"}, "mean"),
        ({"objective": "poisson", "scale": "none"}, "mean"),
        ({"objective": "huber", "scale": "none"}, "neither"),
    ],
)
def test_the_objective_decides_what_the_point_is(settings: dict[str, object], point: str) -> None:
    assert Trees.make(**settings).point == point


def test_as_a_forecaster_it_equals_its_windows() -> None:
    frame = panel(30, 60)
    weeks = frame["ds"].unique()
    known = frame[frame["ds"] <= weeks[56]]
    plain = Trees.make(look_back=6, past=("y", "promoted"), future=("promoted",), static=("kind",), n_estimators=20)
    answer = plain.fit(frame, 2, until=weeks[56]).forecast(frame, at=weeks[56])
    windows = WindowSet.from_panel(frame, replace(plain.window, horizon=2))
    expected = plain.predict_windows(plain.fit_windows(windows.split(weeks[56], 1)[0]), windows.at(weeks[56]))
    np.testing.assert_array_equal(answer["trees"], expected["forecast"])
    assert answer.attrs["point"] == {"trees": "median"} and len(known) < len(frame)


def test_quantiles_the_calendar_and_a_category_that_is_new() -> None:
    frame = panel(30, 60)
    weeks = frame["ds"].unique()
    trees = plan_of(frame)
    fitted = trees.fit(frame, 3, until=weeks[50])
    answer = fitted.forecast(frame, at=weeks[56])
    assert list(answer.columns) == ["unique_id", "ds", "cutoff", "trees", "trees-q0.1", "trees-q0.9"]
    assert (answer["trees-q0.1"] <= answer["trees"]).all() and (answer["trees"] <= answer["trees-q0.9"]).all()
    strange = frame.assign(kind=frame["kind"].where(frame["unique_id"] != "p03", "strange"))
    other = fitted.forecast(strange, at=weeks[56])
    same = other["unique_id"] != "p03"
    pd.testing.assert_frame_equal(other[same], answer[same])
    assert np.isfinite(other["trees"]).all()
    own = pd.concat([frame, calendar(frame)[["week_sin"]]], axis=1)
    pd.testing.assert_frame_equal(fitted.forecast(own, at=weeks[56]), answer)
    with pytest.raises(DataError, match=r"'week_sin' is not what ecomlib makes.*also_known"):
        fitted.forecast(own.assign(week_sin=0.5), at=weeks[56])


def test_series_too_young_for_a_window_get_the_mean_of_what_they_sold() -> None:
    frame = panel(12, 30)
    weeks = frame["ds"].unique()
    frame = frame[(frame["unique_id"] != "p00") | (frame["ds"] >= weeks[24])]
    trees = Trees.make(look_back=6, least_history=8, quantiles=(0.1, 0.9), n_estimators=5, min_child_samples=5)
    answer = trees.fit(frame, 2, until=weeks[27]).forecast(frame, at=weeks[27])
    mean = frame.loc[(frame["unique_id"] == "p00") & (frame["ds"] <= weeks[27]), "y"].mean()
    young = answer[answer["unique_id"] == "p00"]
    assert (young[["trees", "trees-q0.1", "trees-q0.9"]] == mean).all(axis=None)
    assert answer.loc[answer["unique_id"] != "p00", "trees"].nunique() > 5
    nobody = trees.fit(frame[frame["ds"] < weeks[6]], 2).forecast()  # no series has eight weeks
    expected = frame[frame["ds"] < weeks[6]].groupby("unique_id")["y"].mean()
    np.testing.assert_allclose(nobody["trees"], nobody["unique_id"].map(expected))
