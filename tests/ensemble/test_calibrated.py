"""Forecasters with intervals: what they promise, what they do with few rows, and that nothing looks ahead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ecomlib.contract import Forecaster, known_quantiles
from ecomlib.ensemble import Average, Conformal, conformal_quantile, coverage_by
from ecomlib.errors import DataError
from ecomlib.forecasting import backtest, forecaster, load, save
from ecomlib.models.baselines import Naive, WindowMean


def panel_of(rng: np.random.Generator, series: int = 30, weeks: int = 60) -> pd.DataFrame:
    """Counts about a level of each series; the second half of the series is four times as restless."""
    days = pd.date_range("2023-01-02", periods=weeks, freq="7D")
    parts = []
    for k in range(series):
        calm = k < series // 2
        units = np.maximum(40 + rng.normal(0, 2.0 if calm else 8.0, weeks), 0.0)
        parts.append(
            pd.DataFrame({"unique_id": f"p{k:02d}", "ds": days, "y": units, "kind": "calm" if calm else "wild"})
        )
    return pd.concat(parts, ignore_index=True)


class Spread(Forecaster):
    """The mean of what came, with quantiles and an interval of its own."""

    name, point = "spread_of_the_past", "median"

    def answer(self, learned: Any, past: pd.DataFrame, future: pd.DataFrame) -> pd.DataFrame:
        own = past.groupby("unique_id")["y"]
        found = pd.DataFrame(
            {
                "point": own.median(),
                "mean": own.mean(),
                "q0.9": own.quantile(0.9),
                "lo-80": own.min(),
                "hi-80": own.max(),
            }
        )
        return found.loc[future["unique_id"]].set_index(future.index)


def test_intervals_hold_what_they_promise_and_only_they_are_calibrated() -> None:
    rng = np.random.default_rng(0)
    frame = backtest(panel_of(rng), {"it": Conformal(Spread(), levels=(80, 90), origins=12)}, 8, 3)
    assert list(known_quantiles(frame, "it")) == [0.05, 0.1, 0.5, 0.9, 0.95]
    for level in (80, 90):
        whole = coverage_by(frame.assign(all=1), ["all"], "it", level)
        assert whole["coverage"].item() == pytest.approx(level / 100, abs=0.05)
    assert (frame["it-hi-90"] >= frame["it-hi-80"]).all() and frame.attrs["point"] == {"it": "median"}
    plain = backtest(panel_of(np.random.default_rng(0)), {"it": Spread()}, 8, 3)
    pd.testing.assert_frame_equal(frame[["it", "it-mean", "it-q0.9"]], plain[["it", "it-mean", "it-q0.9"]])
    assert not np.allclose(frame["it-hi-80"], plain["it-hi-80"]), (
        "the member's own ends are not passed on as calibrated"
    )


def test_widths_are_the_quantiles_of_errors_from_rolling_origins() -> None:
    panel = panel_of(np.random.default_rng(1), series=5, weeks=30)
    fitted = Conformal(Naive(), origins=4).fit(panel, 2)
    weeks = np.sort(panel["ds"].unique())
    wide = panel.pivot_table(index="ds", columns="unique_id", values="y")
    errors = [np.abs(wide.loc[weeks[at + h]] - wide.loc[weeks[at]]) for at in (24, 25, 26, 27) for h in (1, 2)]
    made = fitted.forecast()
    reach = conformal_quantile(np.concatenate(errors), 0.9)
    np.testing.assert_allclose(made["conformal-hi-90"] - made["conformal"], reach)
    np.testing.assert_allclose(made["conformal-lo-90"], np.maximum(made["conformal"] - reach, 0))


def test_each_step_ahead_has_a_width_of_its_own_where_rows_allow_it() -> None:
    rng = np.random.default_rng(2)
    walk = panel_of(rng)
    walk["y"] = rng.normal(0, 3, len(walk))
    walk["y"] = 500 + walk.groupby("unique_id")["y"].cumsum()
    made = Conformal(Naive(), origins=10).fit(walk, 4).forecast()
    width = (made["conformal-hi-90"] - made["conformal"]).to_numpy().reshape(-1, 4)
    assert (np.diff(width[0]) > 0).all(), "a random walk strays further from week to week"
    pooled = Conformal(Naive(), origins=10, least=10**6).fit(walk, 4).forecast()
    assert np.ptp(pooled["conformal-hi-90"] - pooled["conformal"]) < 1e-9


def test_groups_and_a_scale_follow_the_series() -> None:
    panel = panel_of(np.random.default_rng(3))
    grouped = Conformal(WindowMean(20), origins=12, by=("kind",))
    frame = backtest(panel, {"one": Conformal(WindowMean(20), origins=12), "own": grouped}, 8, 2)
    frame["kind"] = frame["unique_id"].map(panel.groupby("unique_id")["kind"].first())
    one, own = (coverage_by(frame, ["kind"], name).set_index("kind")["coverage"] for name in ("one", "own"))
    assert one["calm"] > 0.97 > 0.87 > one["wild"] and (own - 0.9).abs().max() < 0.05
    new = pd.concat([panel, panel[panel["unique_id"] == "p00"].assign(unique_id="new", kind="unheard of")])
    ahead = grouped.fit(panel, 2).forecast(new)
    assert np.isfinite(ahead["conformal-hi-90"]).all(), "a group that was never seen takes the width of all"
    large = panel.assign(y=panel["y"] * np.where(panel["unique_id"] < "p15", 0.05, 1.0))
    scaled = Conformal(WindowMean(20), origins=12, scale="root").fit(large, 2).forecast()
    width = (scaled["conformal-hi-90"] - scaled["conformal"]) / np.sqrt(scaled["conformal"] + 1)
    assert width.groupby(scaled.groupby("unique_id").cumcount()).agg(np.ptp).max() < 1e-9
    with pytest.raises(DataError, match="lacks a column to group by"):
        grouped.fit(panel.drop(columns="kind"), 2)


def test_too_few_rows_give_infinite_ends_and_the_reason() -> None:
    panel = panel_of(np.random.default_rng(4), series=1, weeks=20)
    made = Conformal(Naive(), levels=(50, 90), origins=4).fit(panel, 2).forecast(name="gru")
    assert np.isfinite(made["gru-hi-50"]).all()
    assert (made["gru-hi-90"] == np.inf).all() and (made["gru-lo-90"] == 0).all()
    assert made.attrs["unbounded"] == "90 %: 8 calibration rows, 9 needed"
    assert "unbounded" not in Conformal(Naive(), origins=5).fit(panel, 2).forecast().attrs
    hidden = panel.assign(y=panel["y"].where(~panel["ds"].isin(panel["ds"].iloc[-4:-1])))
    unseen = Conformal(WindowMean(8), origins=5).fit(hidden, 2).forecast()
    assert unseen.attrs["unbounded"] == "90 %: 4 calibration rows, 9 needed", "what was not observed is no error"


def test_the_member_never_sees_the_calibration_part_and_nothing_looks_ahead() -> None:
    seen = []

    class Noting(Naive):
        def learn(self, past: pd.DataFrame, horizon: int) -> None:
            seen.append(past["ds"].max())

    panel = panel_of(np.random.default_rng(5), weeks=40)
    weeks = np.sort(panel["ds"].unique())
    fitted = Conformal(Noting(), origins=3).fit(panel, 2, until=weeks[29])
    assert seen == [weeks[29 - 2 - 2]], "three origins, the last of them two periods before the end"
    later = panel.assign(y=panel["y"].where(panel["ds"] <= weeks[29], 1e6))
    pd.testing.assert_frame_equal(
        fitted.forecast(panel, at=weeks[29]),
        Conformal(Noting(), origins=3).fit(later, 2, until=weeks[29]).forecast(later, at=weeks[29]),
    )
    earlier = panel.assign(y=panel["y"].where(panel["ds"] != weeks[28], 1e3))  # ... while a calibration row does count
    wider = Conformal(Noting(), origins=3, least=1).fit(earlier, 2, until=weeks[29]).forecast(earlier, at=weeks[29])
    assert (wider["conformal-hi-90"] > fitted.forecast(panel, at=weeks[29])["conformal-hi-90"]).all()


def test_a_function_is_calibrated_as_well_and_a_name_is_not_taken_for_one() -> None:
    def last(past: pd.DataFrame, future: pd.DataFrame) -> pd.Series:
        return future["unique_id"].map(past.groupby("unique_id")["y"].last())

    panel = panel_of(np.random.default_rng(6), weeks=30)
    ours = Conformal(last).fit(panel, 2).forecast()
    pd.testing.assert_frame_equal(ours, Conformal(Naive()).fit(panel, 2).forecast(), check_exact=False)
    with pytest.raises(DataError, match=r'forecaster\("naive"\)'):
        Conformal("naive")  # type: ignore[arg-type]
    for wrong, said in (
        ({"levels": (0.9,)}, "write 90"),
        ({"levels": ()}, "needs a level"),
        ({"scale": "log"}, "no such"),
    ):
        with pytest.raises(DataError, match=said):
            Conformal(last, **wrong)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="too few for 8 origins"):
        Conformal(last).fit(panel[panel["ds"] < panel["ds"].iloc[7]], 2)


@pytest.mark.parametrize("by", [(), ("kind",)])
def test_a_loaded_one_forecasts_the_same(tmp_path: Path, by: tuple[str, ...]) -> None:
    panel = panel_of(np.random.default_rng(7))
    both = Average((Naive(), WindowMean(4)))
    fitted = forecaster("conformal", member=both, levels=(80, 90), origins=5, scale="root", by=by).fit(panel, 3)
    again = load(save(fitted, tmp_path / "it"))
    assert again.forecaster == fitted.forecaster
    pd.testing.assert_frame_equal(again.forecast(panel), fitted.forecast())
    young = panel[panel["unique_id"] == "p00"].tail(12)
    fitted = Conformal(Naive(), origins=3).fit(young, 2)
    again = load(save(fitted, tmp_path / "young"))
    assert (
        again.forecast(young).attrs == fitted.forecast().attrs
        and (again.forecast(young)["conformal-hi-90"] == np.inf).all()
    )


def test_an_average_passes_on_what_all_members_give() -> None:
    panel = panel_of(np.random.default_rng(8), series=4, weeks=30)

    class Double(Spread):
        name = "double_of_the_past"

        def answer(self, learned: Any, past: pd.DataFrame, future: pd.DataFrame) -> pd.DataFrame:
            return 2 * super().answer(learned, past, future)

    single = Spread().fit(panel, 2).forecast(name="m")
    for how in ("mean", "median"):
        made = Average((Spread(), Double()), how).fit(panel, 2).forecast(name="m")  # type: ignore[arg-type]
        np.testing.assert_allclose(made[list(single.columns[3:])], 1.5 * single[list(single.columns[3:])])
    weighed = Average((Spread(), Double()), weights=(0.25, 0.75)).fit(panel, 2).forecast(name="m")
    np.testing.assert_allclose(weighed["m-q0.9"], 1.75 * single["m-q0.9"])
    logs = Average((Spread(), Double()), "log_mean").fit(panel, 2).forecast(name="m")
    assert list(logs.columns[3:]) == ["m"]
    mixed = Average((Spread(), Naive())).fit(panel, 2).forecast(name="m")
    assert list(mixed.columns[3:]) == ["m", "m-mean"] and mixed.attrs["point"] == {"m": "neither"}
    last = Naive().fit(panel, 2).forecast()["naive"]
    np.testing.assert_allclose(mixed["m-mean"], (single["m-mean"] + last) / 2)
    means = Average((Naive(), WindowMean(3))).fit(panel, 2).forecast(name="m")
    assert list(means.columns[3:]) == ["m"] and means.attrs["point"] == {"m": "mean"}


def test_an_infinite_end_stays_infinite_in_an_average() -> None:
    panel = panel_of(np.random.default_rng(9), series=1, weeks=30)
    few, many = Conformal(Naive(), origins=2), Conformal(Naive(), origins=12)
    assert (Average((few, many)).fit(panel, 2).forecast()["average-hi-90"] == np.inf).all()
    assert np.isfinite(Average((few, many, many), "median").fit(panel, 2).forecast()["average-hi-90"]).all()
