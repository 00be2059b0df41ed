"""The peers answer as their libraries do, on every series, and see nothing of the future."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ecomlib.contract import Forecaster, rolling_origins
from ecomlib.ensemble.average import Average
from ecomlib.errors import DataError, MissingDependencyError
from ecomlib.evaluation import score
from ecomlib.forecasting import backtest
from ecomlib.models import baselines as peers
from ecomlib.periods import period_index, period_start

pytest.importorskip("statsforecast")
pytest.importorskip("lightgbm")
SMALL = peers.LightGBM(trees=40, rate=0.2, lags=(1, 2, 3, 52), windows=(4,))
ALL: dict[str, Forecaster] = {
    "naive": peers.Naive(),
    "seasonal_naive": peers.SeasonalNaive(),
    "window_mean": peers.WindowMean(),
    "ses": peers.ExponentialSmoothing(),
    "theta": peers.AutoTheta(),
    "ets": peers.AutoETS(),
    "ces": peers.Statsforecast("AutoCES"),
    "lightgbm": SMALL,
    "log_mean": Average((peers.Naive(), peers.WindowMean()), "log_mean"),
}


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    """Five series with a season and noise, one that starts late, one constant, one of zeros."""
    rng = np.random.default_rng(0)
    weeks = pd.date_range("2023-01-02", periods=80, freq="W-MON")
    frames = []
    for k in range(5):
        level = (10 + 5 * k) * np.exp(0.5 * np.sin(2 * np.pi * np.arange(80) / 52))
        frames.append(pd.DataFrame({"unique_id": f"p{k}", "ds": weeks, "y": rng.poisson(level).astype(float)}))
    frames.append(pd.DataFrame({"unique_id": "young", "ds": weeks[74:], "y": [2.0, 4.0, 3.0, 9.0, 9.0, 9.0]}))
    frames.append(pd.DataFrame({"unique_id": "constant", "ds": weeks, "y": 7.0}))
    frames.append(pd.DataFrame({"unique_id": "zeros", "ds": weeks, "y": 0.0}))
    return pd.concat(frames).sort_values(["unique_id", "ds"], ignore_index=True)


def at(panel: pd.DataFrame, name: str, horizon: int = 3) -> pd.DataFrame:
    return backtest(panel, {name: ALL[name]}, rolling_origins(panel, horizon, 1), horizon)


@pytest.mark.parametrize("name", ALL)
def test_every_peer_answers_for_every_series(panel: pd.DataFrame, name: str) -> None:
    frame = at(panel, name)  # backtest itself refuses gaps, negatives and wrong lengths
    assert len(frame) == 8 * 3
    values = frame.groupby("unique_id")[name].mean()
    assert values["zeros"] == pytest.approx(0.0, abs=0.2)
    assert values["constant"] == pytest.approx(7.0, abs=0.7)
    steady = frame[frame["unique_id"].str.startswith("p")]
    assert score(steady, name, ["wape"])["value"].item() < 0.6


@pytest.mark.parametrize("name", ALL)
def test_no_peer_reads_the_future(panel: pd.DataFrame, name: str) -> None:
    origin = rolling_origins(panel, 3, 1)[0]
    changed = panel.assign(y=panel["y"].where(panel["ds"] <= origin, 1000.0))
    assert list(at(changed, name)[name]) == list(at(panel, name)[name])
    past = panel.assign(y=panel["y"].where(panel["ds"] < origin, 50.0))  # the last known week does matter
    assert list(at(past, name)[name]) != list(at(panel, name)[name])


def test_simple_peers_by_hand(panel: pd.DataFrame) -> None:
    origin = rolling_origins(panel, 3, 1)[0]
    known = panel[panel["ds"] <= origin].groupby("unique_id")["y"]
    values = {
        name: at(panel, name).set_index(["unique_id", "ds"])[name]
        for name in ("naive", "seasonal_naive", "window_mean")
    }
    for item, history in known:
        assert set(values["naive"][item]) == {history.iloc[-1]}
        assert values["window_mean"][item].to_numpy() == pytest.approx(history.iloc[-8:].mean())
        expected = list(history.iloc[-52:-49]) if len(history) >= 52 else [history.iloc[-1]] * 3
        assert list(values["seasonal_naive"][item]) == expected


def test_boosting_inputs_by_hand(panel: pd.DataFrame) -> None:
    inputs = peers._inputs(panel, SMALL)
    row = panel.index[panel["unique_id"] == "p2"][70]
    y = panel.loc[panel["unique_id"] == "p2", "y"].to_numpy()
    assert inputs.loc[row, "lag1"] == y[69] and inputs.loc[row, "lag52"] == y[18]
    assert inputs.loc[row, "mean4"] == pytest.approx(y[66:70].mean())
    smooth = y[0]
    for value in y[1:70]:
        smooth = 0.3 * value + 0.7 * smooth
    assert inputs.loc[row, "ewm0.3"] == pytest.approx(smooth)
    date = panel.loc[row, "ds"]
    assert (inputs.loc[row, "week"], inputs.loc[row, "month"]) == (date.isocalendar()[1], date.month)
    first = inputs.loc[panel.index[panel["unique_id"] == "p2"][0]]
    assert first.drop(["week", "month"]).isna().all()  # nothing leaks in from the series before


def test_recursion_feeds_forecasts_back_as_lags(panel: pd.DataFrame) -> None:
    """Against a slow recursion, one series and one step at a time."""

    class SumOfLags:
        def predict(self, inputs: pd.DataFrame) -> np.ndarray:
            return (0.6 * inputs["lag1"] + 0.3 * inputs["lag2"] + 0.1 * inputs["mean4"]).to_numpy()

    origin = rolling_origins(panel, 3, 1)[0]
    known = panel[(panel["ds"] <= origin) & panel["unique_id"].str.startswith("p")]
    future = panel.loc[(panel["ds"] > origin) & panel["unique_id"].str.startswith("p"), ["unique_id", "ds"]]
    found = peers._recursive(SumOfLags(), known, future.reset_index(drop=True), 3, SMALL)
    expected: list[float] = []
    for _, series in known.groupby("unique_id"):
        history = list(series["y"])
        for _ in range(3):
            history.append(0.6 * history[-1] + 0.3 * history[-2] + 0.1 * float(np.mean(history[-4:])))
        expected += history[-3:]
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_boosting_is_repeatable_and_uses_what_is_known_ahead(panel: pd.DataFrame) -> None:
    rng = np.random.default_rng(1)
    promoted = (rng.random(len(panel)) < 0.3).astype(float)
    pushed = panel.assign(promoted=promoted, y=panel["y"] * (1 + 2 * promoted))
    pushed = pushed[pushed["unique_id"].str.startswith("p")]
    with_plan = peers.LightGBM(trees=60, lags=(1, 2, 3), windows=(4,), covariates=("promoted",))
    models = {"blind": SMALL, "again": replace(SMALL), "plan": with_plan}
    frame = backtest(pushed, models, rolling_origins(pushed, 3, 2), 3)
    assert list(frame["blind"]) == list(frame["again"])
    value = score(frame, ["blind", "plan"], ["wape"])["value"]
    assert value[1] < 0.8 * value[0]


def test_log_mean_is_the_mean_of_logs(panel: pd.DataFrame) -> None:
    models = {"a": peers.Naive(), "b": peers.WindowMean()}
    frame = backtest(
        panel, models | {"mean": Average(tuple(models.values()), "log_mean")}, rolling_origins(panel, 2, 1), 2
    )
    expected = np.expm1((np.log1p(frame["a"]) + np.log1p(frame["b"])) / 2)
    np.testing.assert_allclose(frame["mean"], expected, atol=1e-12)


def test_refusals(panel: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    origin = rolling_origins(panel, 3, 1)[0]
    train, future = panel[panel["ds"] <= origin], panel.loc[panel["ds"] > origin, ["unique_id", "ds"]]
    with pytest.raises(DataError, match="same number of periods"):
        peers.Naive().answer(None, train, future.iloc[:-1])
    with pytest.raises(DataError, match="sorted by series and date"):
        peers.Naive().answer(None, train, future.sort_values("ds", kind="stable"))
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(MissingDependencyError, match=r'pip install "ecomlib\[course\]"'):
        SMALL.fit(train, 3)


def test_boosting_inputs_equal_mlforecast(panel: pd.DataFrame) -> None:
    """Where the `peers` extra is installed: the same inputs as mlforecast's, row by row."""
    mlforecast = pytest.importorskip("mlforecast", reason="the extra 'peers' is not part of the tests' environment")
    from mlforecast.lag_transforms import ExponentiallyWeightedMean, RollingMean

    weekly = (1, 2, 3, 4, 5, 6, 7, 8, 12, 26, 51, 52, 53)  # the defaults of features.lags
    settings = peers.LightGBM(lags=weekly, windows=(4, 12, 26))
    rolling = [RollingMean(w) for w in settings.windows] + [ExponentiallyWeightedMean(a) for a in settings.exponential]
    theirs = mlforecast.MLForecast(
        models=[], freq="W-MON", lags=list(settings.lags), lag_transforms={1: rolling}, date_features=["week", "month"]
    ).preprocess(panel, dropna=False)
    ours = peers._inputs(panel, settings)
    theirs = theirs.drop(columns=["unique_id", "ds", "y"])
    assert len(ours.columns) == len(theirs.columns) == 19
    np.testing.assert_allclose(ours.to_numpy(float), theirs.to_numpy(float), rtol=0, atol=1e-9)


@pytest.mark.parametrize(("freq", "season"), [("D", 364), ("W-MON", 52), ("MS", 12)])
def test_the_season_is_a_year_of_the_panels_frequency(freq: str, season: int) -> None:
    periods = period_start(period_index(pd.Timestamp("2021-01-04"), freq) + np.arange(season + 3), freq)
    panel = pd.DataFrame({"unique_id": "a", "ds": periods, "y": np.arange(season + 3.0)})
    train, future = panel.iloc[:-2], panel.iloc[-2:]
    np.testing.assert_array_equal(peers.SeasonalNaive().answer(None, train, future), [1.0, 2.0])
    settings = peers.LightGBM(trees=2, least_rows=1)
    assert np.isfinite(settings.fit(train, 2).forecast()["lightgbm"]).all()
