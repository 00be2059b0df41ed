"""Panels and scored frames of a user's own making: what does not fit is said, with the column and the way out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ecomlib import (
    backtest,
    combine,
    compare,
    forecaster,
    lags,
    last_year,
    plots,
    rolling_origins,
    score,
    split_conformal,
)
from ecomlib.contract import join_frames
from ecomlib.contract.frame import sum_forecasts
from ecomlib.ensemble import adaptive_conformal, coverage_by, error_correlation, stacking_weights
from ecomlib.errors import DataError
from ecomlib.evaluation import POINT_METRICS, coverage, parts, quantile_loss
from ecomlib.models.baselines import WindowMean

WEEKS = pd.date_range("2024-01-01", periods=14, freq="7D")
Frame = pd.DataFrame


def panel(ids: Any = ("2", "10", "100")) -> Frame:
    """Three series of 14 weeks, in the order of their text."""
    units = np.arange(14.0) % 4
    made = [Frame({"unique_id": name, "ds": WEEKS, "y": units + k}) for k, name in enumerate(sorted(ids, key=str))]
    return pd.concat(made, ignore_index=True)


def scored() -> Frame:
    frame = panel()[lambda p: p["ds"] >= WEEKS[8]].assign(cutoff=lambda f: f["ds"] - pd.Timedelta(weeks=1))
    frame = frame.assign(near=frame["y"] + 1, far=frame["y"] + 2, **{"near-lo-90": 0.0, "near-hi-90": 9.0})
    return frame.reset_index(drop=True)


def with_value(frame: Frame, column: str, value: Any, row: int = 2) -> Frame:
    changed = frame.astype({column: object}) if column == "unique_id" else frame.copy()
    changed.loc[row, column] = value
    return changed


READ_PANELS: dict[str, Callable[[Frame], Any]] = {
    "backtest": lambda p: backtest(p, ["window_mean"], origins=2, horizon=2),
    "backtest, naive": lambda p: backtest(p, {"n": forecaster("naive")}, origins=2, horizon=2),
    "fit": lambda p: forecaster("window_mean").fit(p, 2),
    "lags": lambda p: lags(p, lags=(1,)),
    "last_year": lambda p: last_year(p, 4),
    "train of mase": lambda p: score(scored(), ["near"], ["mase"], train=p),
    "train of rmsse": lambda p: score(scored(), ["near"], ["rmsse"], train=p),
    "train of compare": lambda p: compare(scored(), "near", "far", "mase", rng=np.random.default_rng(0), train=p),
}
BAD_PANELS: dict[str, tuple[Callable[[Frame], Frame], str]] = {
    "numbers": (lambda p: p.astype({"unique_id": int}), r"'unique_id'.*must be text.*int64.*astype\(str\)"),
    "categories": (
        lambda p: p.astype({"unique_id": "category"}),
        r"'unique_id'.*be text.*category.*astype\(str\)",
    ),
    "mixed": (lambda p: with_value(p, "unique_id", 7), r"'unique_id'.*must be text.*7, int.*astype\(str\)"),
    "a name is missing": (lambda p: with_value(p, "unique_id", None), r"'unique_id', row 3: .*empty.*dropna"),
    "time zone": (lambda p: p.assign(ds=p["ds"].dt.tz_localize("Asia/Tokyo")), r"'ds'.*time zone.*Tokyo.*tz_localize"),
    "dates as text": (lambda p: p.assign(ds=p["ds"].astype(str)), r"'ds'.*no date.*to_datetime"),
    "a date is missing": (lambda p: with_value(p, "ds", pd.NaT), r"'ds', row 3: .*empty.*dropna"),
    "units as text": (lambda p: p.assign(y=p["y"].astype(str)), r"'y'.*numbers.*to_numeric"),
    "complex": (lambda p: p.assign(y=p["y"] + 0j), r"'y'.*numbers"),
}


UNITS = [name for name in READ_PANELS if name not in ("lags", "last_year")]  # these read a column of one's choice


@pytest.mark.parametrize(
    ("reader", "fault"), [(r, f) for r in READ_PANELS for f in BAD_PANELS if r in UNITS or f != "complex"]
)
def test_a_panel_that_is_none_is_refused_with_its_column_and_the_way_out(reader: str, fault: str) -> None:
    spoil, said = BAD_PANELS[fault]
    with pytest.raises(DataError, match=said):
        READ_PANELS[reader](spoil(panel()))


@pytest.mark.parametrize("reader", UNITS)
def test_infinite_units_are_refused_where_they_are_learnt_or_scored(reader: str) -> None:
    with pytest.raises(DataError, match="'y', row 3: an observed value is infinite"):
        READ_PANELS[reader](with_value(panel(), "y", np.inf))


@pytest.mark.parametrize("kind", ["string", pytest.param("string[pyarrow]", id="arrow")])
def test_pandas_own_text_is_text(kind: str) -> None:
    found = backtest(panel().astype({"unique_id": kind}), ["naive", "window_mean"], origins=2, horizon=2)
    expected = backtest(panel(), ["naive", "window_mean"], origins=2, horizon=2)
    assert found[["naive", "window_mean", "y"]].equals(expected[["naive", "window_mean", "y"]])
    with_train = score(found, ["naive"], ["mase"], train=panel())
    assert with_train["value"].tolist() == score(expected, ["naive"], ["mase"], train=panel())["value"].tolist()


def test_units_with_gaps_of_pandas_own_integers_are_read() -> None:
    found = backtest(with_value(panel(), "y", np.nan).astype({"y": "Int64"}), ["window_mean"], origins=2, horizon=2)
    assert found["window_mean"].equals(
        backtest(with_value(panel(), "y", np.nan), ["window_mean"], origins=2, horizon=2)["window_mean"]
    )


def test_a_mean_handed_categories_of_its_caller_maps_them_as_it_maps_text() -> None:
    """A forecaster may be asked directly, past the checks of backtest and fit."""
    known, ahead = panel(), panel()[["unique_id", "ds"]]
    kinds = {"unique_id": "category"}
    answer = WindowMean().answer(None, known.astype(kinds), ahead.astype(kinds))
    assert answer.tolist() == WindowMean().answer(None, known, ahead).tolist()


SCORERS: dict[str, Callable[[Frame], Any]] = {
    **{name: lambda f, name=name: parts(f, ["near", "far"], name, train=panel()) for name in POINT_METRICS},
    "score": lambda f: score(f, ["near", "far"]),
    "quantile_loss": lambda f: quantile_loss(f, ["near", "far"], 0.9),
    "coverage": lambda f: coverage(f, "near"),
    "compare": lambda f: compare(f, "near", "far", rng=np.random.default_rng(0)),
    "stacking_weights": lambda f: stacking_weights(f, ["near", "far"]),
    "error_correlation": lambda f: error_correlation(f, ["near", "far"]),
    "split_conformal": lambda f: split_conformal(f, Frame({"near": [1.0]}), "near", 0.5),
    "adaptive_conformal": lambda f: adaptive_conformal(f, "near", 0.5),
    "coverage_by": lambda f: coverage_by(f, ["unique_id"], "near"),
}
BAD_FRAMES: dict[str, tuple[Callable[[Frame], Frame], str]] = {
    "infinite units": (lambda f: with_value(f, "y", -np.inf), r"'y', row 3: an observed value is infinite"),
    "units as text": (lambda f: f.assign(y=f["y"].astype(str)), r"'y'.*numbers.*to_numeric"),
    "no units": (lambda f: f.drop(columns="y"), r"'y'.*missing"),
    "time zone": (lambda f: f.assign(cutoff=f["cutoff"].dt.tz_localize("UTC")), r"'cutoff'.*time zone.*tz_localize"),
    "a name is missing": (lambda f: with_value(f, "unique_id", None), r"'unique_id', row 3: .*empty"),
    "an origin is missing": (lambda f: with_value(f, "cutoff", pd.NaT), r"'cutoff', row 3: .*empty"),
}


@pytest.mark.parametrize("scorer", SCORERS)
@pytest.mark.parametrize("fault", BAD_FRAMES)
def test_a_scored_frame_that_is_none_is_refused_by_whatever_reads_it(scorer: str, fault: str) -> None:
    spoil, said = BAD_FRAMES[fault]
    SCORERS[scorer](scored())
    with pytest.raises(DataError, match=said):
        SCORERS[scorer](spoil(scored()))


@pytest.mark.parametrize("scorer", [name for name in SCORERS if name not in ("coverage", "coverage_by")])
def test_forecasts_as_text_are_refused(scorer: str) -> None:
    frame = scored()
    with pytest.raises(DataError, match=r"'near'.*holds no forecasts.*to_numeric"):
        SCORERS[scorer](frame.assign(near=frame["near"].astype(str)))


def test_ends_as_text_are_refused_and_sums_and_combinations_of_text_too() -> None:
    frame = scored()
    text = frame.assign(**{"near-lo-90": "0"})
    for read in (lambda: coverage(text, "near"), lambda: coverage_by(text, ["ds"], "near")):
        with pytest.raises(DataError, match=r"'near-lo-90'.*holds no forecasts"):
            read()
    words = frame.assign(near="many")
    for read in (lambda: combine(words, ["near", "far"]), lambda: sum_forecasts(words, "near")):
        with pytest.raises(DataError, match=r"'near'.*holds no forecasts.*many"):
            read()


def test_frames_whose_keys_are_of_two_kinds_are_not_joined() -> None:
    frame = scored()
    numbers = frame.astype({"unique_id": int})
    assert score(numbers, ["near"])["value"].tolist() == score(frame, ["near"])["value"].tolist(), "the numbers agree"
    with pytest.raises(DataError, match=r"'unique_id'.*holds numbers and the panel handed in as train= text"):
        score(numbers, ["near"], ["mase"], train=panel())
    with pytest.raises(DataError, match=r"'cutoff'.*text and the panel.*dates.*to_datetime"):
        score(frame.astype({"cutoff": str}), ["near"], ["mase"], train=panel())
    other = frame[["unique_id", "ds", "cutoff", "y"]].assign(third=1.0)
    with pytest.raises(DataError, match=r"'unique_id'.*text and another one numbers"):
        join_frames([frame, other.astype({"unique_id": int})])
    assert join_frames([frame, other])["third"].eq(1.0).all()


def test_origins_are_dates_where_truths_arrive_by_date() -> None:
    with pytest.raises(DataError, match=r"'ds'.*dates and its cutoff text"):
        adaptive_conformal(scored().astype({"cutoff": str}), "near")
    with pytest.raises(DataError, match="time zone"):
        rolling_origins(panel().assign(ds=lambda p: p["ds"].dt.tz_localize("UTC")), 2, 2)


def test_frames_put_beneath_each_other_keep_their_labels_in_adaptive_intervals() -> None:
    """Two joined without ignore_index hold each label twice: values must not be mixed up by them."""
    frame = scored()
    twice = frame.set_axis([*range(9), *range(len(frame) - 9)])
    found, expected = adaptive_conformal(twice, "near", 0.5), adaptive_conformal(frame, "near", 0.5)
    assert found.index.equals(twice.index) and found.reset_index(drop=True).equals(expected)


def test_a_scale_of_zero_is_refused_before_infinity_is_counted_in_it() -> None:
    known, ahead = Frame({"y": [1.0], "a": [2.0], "unit": [1.0]}), Frame({"a": [3.0, 4.0], "unit": [1.0, 0.0]})
    with pytest.raises(DataError, match="'unit', row 2: a scale must be above zero"):
        split_conformal(known, ahead, "a", 0.9, scale="unit")


def test_a_fan_says_what_its_frames_lack() -> None:
    frame = scored()
    zone = panel().assign(ds=lambda p: p["ds"].dt.tz_localize("UTC"))
    for history, said in ((zone, "time zone"), (panel().assign(ds="Monday"), "no date"), (panel(), "numbers")):
        with pytest.raises(DataError, match=said):
            plots.fan(history, frame.assign(cutoff=1), series="2", model="near")
    with pytest.raises(DataError, match=r"'cutoff'.*time zone"):
        plots.fan(panel(), frame.assign(cutoff=lambda f: f["cutoff"].dt.tz_localize("UTC")), series="2", model="near")
