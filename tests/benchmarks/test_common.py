"""The comparisons on several stores look back only: seasons, months and training windows end with the first origin."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.simulated import common, season, time_step
from ecomlib import load_store
from ecomlib.contract import rolling_origins
from ecomlib.training import TrainSettings
from ecomlib.windowing import WindowSettings

WEEK = pd.Timedelta(weeks=1)


def two_series(weeks: int = 130) -> pd.DataFrame:
    ds = pd.date_range("2022-01-03", periods=weeks, freq="W-MON")
    rng = np.random.default_rng(0)
    wave = np.exp(3 + 0.5 * np.sin(2 * np.pi * ds.dayofyear / 365.25))
    parts = [
        pd.DataFrame({"unique_id": name, "category": group, "ds": ds, "y": rng.poisson(k * wave).astype(float)})
        for k, (name, group) in enumerate([("a", "x"), ("b", "x"), ("c", "y")], 1)
    ]
    return pd.concat([*parts, parts[0].iloc[-30:].assign(unique_id="young", category="z")], ignore_index=True)


@pytest.mark.parametrize(("how", "by"), [("STL", "unique_id"), ("STL", "category"), ("waves", "category")])
def test_the_season_is_found_in_the_past(how: str, by: str) -> None:

    frame = two_series()
    end = frame["ds"].max() - 16 * WEEK
    found = season.seasons(frame, how, by, end)
    later = frame.assign(y=frame["y"].where(frame["ds"] <= end, 7 * frame["y"] + 5))
    np.testing.assert_allclose(season.seasons(later, how, by, end), found, atol=1e-12)
    assert (found[frame["unique_id"] == "young"] == 0).all()  # two full years have not been seen
    # What it finds is the wave that is there, also after the training part; STL less exactly, with 52 numbers to find.
    ahead = ((frame["unique_id"] == "c") & (frame["ds"] > end)).to_numpy()
    wave = 0.5 * np.sin(2 * np.pi * frame["ds"].dt.dayofyear / 365.25)
    assert np.corrcoef(found[ahead], wave[ahead])[0, 1] > (0.75 if how == "STL" else 0.99)


def test_a_month_counts_when_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, list[pd.Timestamp]]] = []

    def trained(frame: pd.DataFrame, window: WindowSettings, how: object, origins: list[pd.Timestamp], **_: object):  # type: ignore[no-untyped-def]
        seen.append((pd.infer_freq(frame[frame["unique_id"] == frame["unique_id"].iloc[0]]["ds"]), list(origins)))
        step = {"D": pd.offsets.Day(), "W-MON": WEEK, "MS": pd.offsets.MonthBegin()}[seen[-1][0]]
        rows = [
            (name, origin + k * step, origin, 1.0)
            for name in ("a", "b")
            for origin in origins
            for k in range(1, window.horizon + 1)
        ]
        return pd.DataFrame(rows, columns=["unique_id", "ds", "cutoff", "forecast"])

    monkeypatch.setattr(common, "trained", trained)
    store = load_store("tiny")
    origins = [pd.Timestamp("2025-03-24"), pd.Timestamp("2025-04-28"), pd.Timestamp("2025-05-26")]
    found = time_step.forecasts(store, origins, short=True)
    daily, weekly, monthly = seen
    assert daily == ("D", [o + pd.Timedelta(days=6) for o in origins]) and weekly == ("W-MON", origins)
    # The weeks end on 30 March, 4 May and 1 June: February, April and May are over by then.
    assert monthly == ("MS", [pd.Timestamp("2025-02-01"), pd.Timestamp("2025-04-01"), pd.Timestamp("2025-05-01")])
    day, week, month = (found[name][0].sort_values(["unique_id", "cutoff", "ds"]) for name in time_step.STEPS)
    assert (day["forecast"] == 7).all() and len(day) == len(week) == len(month) == 2 * 3 * 4
    # One unit a month: a week within March has 7/31, one from 28 April on has three days of April.
    rates = month.set_index(["unique_id", "cutoff", "ds"])["forecast"]
    assert rates["a", origins[0], pd.Timestamp("2025-04-07")] == pytest.approx(7 / 30)
    assert rates["a", origins[0], pd.Timestamp("2025-03-31")] == pytest.approx(1 / 31 + 6 / 30)


def test_orders_know_earlier_origins_of_their_store() -> None:
    weeks = pd.to_datetime(["2024-01-01", "2024-01-29"]).strftime("%Y-%m-%d")
    rows = [
        (s, f"{s}|{k}", f"{s}, {w}", 9.0 + 2 * k * j)
        for s in ("store 1", "store 2")
        for j, w in enumerate(weeks)
        for k in range(4)
    ]
    total = pd.DataFrame(rows, columns=["store", "unique_id", "cutoff", "y"]).assign(day=9.0, week=9.0, month=4.0, ds=0)
    costs = time_step.orders(total)
    assert costs["cutoff"].str.endswith(weeks[1]).all() and len(costs) == 8
    # Past errors were zero: the order is the forecast, and each missing unit costs three.
    np.testing.assert_allclose(costs["week"] - costs["y"], 3 * (costs["y"] - 9), atol=1e-9)
    np.testing.assert_allclose(costs["month"], costs["week"], atol=1e-9)  # its past errors told it to order 9 as well


def test_training_ends_with_the_first_origin() -> None:
    frame = common.panel(load_store("tiny"))
    origins = rolling_origins(frame, 4, 2)
    window = WindowSettings(6, 4, common.PAST, common.PLAN, also_known=common.OWN)
    how = TrainSettings(epochs=1, device="cpu")
    one = common.trained(frame, window, how, origins, hidden=4, decoder=4)
    rng = np.random.default_rng(0)
    late = (frame["ds"] > origins[0]).to_numpy()
    changed = frame.assign(y=np.where(late, rng.permutation(frame["y"]), frame["y"]))
    again = common.trained(changed, window, how, origins, hidden=4, decoder=4)
    first = one["cutoff"] == origins[0]
    pd.testing.assert_frame_equal(one[first], again[first])
    assert not np.allclose(one.loc[~first, "forecast"], again.loc[~first, "forecast"])


def test_a_verdict_is_paired_within_stores() -> None:
    frame = pd.DataFrame(
        {"unique_id": ["a", "b"] * 4, "cutoff": pd.to_datetime(["2024-01-01"] * 4 + ["2024-01-29"] * 4)}
    )
    frame["ds"] = frame["cutoff"] + WEEK * np.tile([1, 1, 2, 2], 2)
    frame["y"] = 10.0
    frame["good"], frame["poor"] = 9.0, 7.0
    both = common.pooled([frame, frame], (1, 2))
    assert both["unique_id"].nunique() == 4 and both["cutoff"].nunique() == 4
    table = common.verdicts(both, ["good", "poor"], "poor", "WAPE").set_index("model")
    assert table.loc["good", "value"] == pytest.approx(0.1) and table.loc["good", "word"] == "better"
    assert table.loc["good", "against"] == pytest.approx(-2 / 3) and table.loc["good", "wins"] == 4
