"""Rolling origins hand out what was known, and nothing else; faulty forecasters are named."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ecomlib.contract import rolling_origins
from ecomlib.errors import DataError, LeakageError
from ecomlib.evaluation import mae
from ecomlib.forecasting import backtest


@pytest.fixture
def panel() -> pd.DataFrame:
    weeks = pd.date_range("2024-01-01", periods=20, freq="W-MON")
    rng = np.random.default_rng(0)
    frames = [
        pd.DataFrame({"unique_id": u, "ds": weeks[s:], "y": rng.poisson(5, 20 - s).astype(float), "price": 2.0 + s})
        for u, s in (("b", 0), ("a", 0), ("late", 12))
    ]
    return pd.concat(frames, ignore_index=True).assign(stockout=0.1)


def last_value(train: pd.DataFrame, future: pd.DataFrame) -> pd.Series:
    return future["unique_id"].map(train.groupby("unique_id")["y"].last())


def test_frame_and_what_forecasters_see(panel: pd.DataFrame) -> None:
    seen: list[tuple[pd.DataFrame, pd.DataFrame]] = []

    def spy(train: pd.DataFrame, future: pd.DataFrame) -> np.ndarray:
        seen.append((train, future))
        return np.ones(len(future))

    origins = rolling_origins(panel, 3, 3)
    assert [f"{o:%m-%d}" for o in origins] == ["03-11", "04-01", "04-22"]
    frame = backtest(panel, {"naive": last_value, "spy": spy}, origins, 3, known_ahead=["price"])
    assert list(frame.columns) == ["unique_id", "ds", "cutoff", "y", "naive", "spy"]
    assert set(frame.attrs["seconds"]) == {"naive", "spy"}
    for origin, (train, future) in zip(origins, seen, strict=True):
        assert train["ds"].max() == origin and list(future.columns) == ["unique_id", "ds", "price"]
        assert (future["ds"] > origin).all() and (future["ds"] <= origin + pd.Timedelta(weeks=3)).all()
    # "late" starts on 03-25: no history at the first origin, so it is not forecast there
    assert frame.groupby("cutoff")["unique_id"].nunique().tolist() == [2, 3, 3]
    assert len(frame) == 8 * 3
    truth = panel.set_index(["unique_id", "ds"])["y"]
    assert list(frame["y"]) == [truth[u, d] for u, d in zip(frame["unique_id"], frame["ds"], strict=True)]
    assert list(frame["naive"]) == [truth[u, c] for u, c in zip(frame["unique_id"], frame["cutoff"], strict=True)]


def test_no_forecast_changes_when_the_future_does(panel: pd.DataFrame) -> None:
    origins = rolling_origins(panel, 2, 2)
    shuffled = panel.copy()
    later = shuffled["ds"] > origins[0]
    shuffled.loc[later, "y"] = shuffled.loc[later, "y"].sample(frac=1, random_state=1).to_numpy() + 7
    first = backtest(panel, {"m": last_value}, origins[:1], 2)
    second = backtest(shuffled, {"m": last_value}, origins[:1], 2)
    assert list(first["m"]) == list(second["m"]) and list(first["y"]) != list(second["y"])


def test_a_forecaster_cannot_spoil_its_rivals_input(panel: pd.DataFrame) -> None:
    before = panel.copy()

    def vandal(train: pd.DataFrame, future: pd.DataFrame) -> np.ndarray:
        train["y"] = 0.0
        future["unique_id"] = "x"
        return np.zeros(len(future))

    alone = backtest(panel, {"naive": last_value}, rolling_origins(panel, 2, 2), 2)
    beside = backtest(panel, {"vandal": vandal, "naive": last_value}, rolling_origins(panel, 2, 2), 2)
    assert list(alone["naive"]) == list(beside["naive"])
    pd.testing.assert_frame_equal(panel, before)


def test_series_are_matched_by_index_and_frames_give_intervals(panel: pd.DataFrame) -> None:
    def shuffled(train: pd.DataFrame, future: pd.DataFrame) -> pd.Series:
        return last_value(train, future).sample(frac=1, random_state=3)

    def band(train: pd.DataFrame, future: pd.DataFrame) -> pd.DataFrame:
        point = last_value(train, future)
        return pd.DataFrame({"point": point, "lo-80": point - 1, "hi-80": point + 1}).clip(lower=0)

    frame = backtest(panel, {"s": shuffled, "n": last_value, "band": band}, rolling_origins(panel, 2, 2), 2)
    assert list(frame["s"]) == list(frame["n"]) == list(frame["band"])
    assert {"band-lo-80", "band-hi-80"} <= set(frame.columns)
    assert mae(frame, ["s"])["s"].mean() > 0


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda f: np.where(np.arange(len(f)) == 1, np.nan, 1.0), "1 missing or infinite.*'a' at 2024-04-29"),
        (lambda f: np.full(len(f), np.inf), "missing or infinite"),
        (lambda f: np.ones(len(f) - 1), r"shape \(5,\) where `future` has 6 rows"),
        (lambda f: np.ones((len(f), 2)), r"shape \(6, 2\)"),
        (lambda f: -np.ones(len(f)), "6 forecasts below zero.*'a'.*negative='clip'"),
        (lambda f: pd.Series(1.0, index=range(50, 50 + len(f))), "index is not that of `future`"),
        (lambda f: pd.DataFrame({"lo-80": np.ones(len(f))}), "without a column 'point'"),
    ],
)
def test_faulty_forecasters_are_named(panel: pd.DataFrame, answer: Any, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        backtest(panel, {"faulty": lambda train, future: answer(future)}, [pd.Timestamp("2024-04-15")], 2)
    assert "'faulty'" in str(caught.value)


def test_negative_forecasts_by_choice(panel: pd.DataFrame) -> None:
    def minus(train: pd.DataFrame, future: pd.DataFrame) -> np.ndarray:
        return np.full(len(future), -2.0)

    origins = rolling_origins(panel, 2, 1)
    assert (backtest(panel, {"m": minus}, origins, 2, negative="clip")["m"] == 0).all()
    assert (backtest(panel, {"m": minus}, origins, 2, negative="allow")["m"] == -2).all()


def test_refusals(panel: pd.DataFrame) -> None:
    models = {"naive": last_value}
    with pytest.raises(LeakageError, match="known ahead"):
        backtest(panel, models, rolling_origins(panel, 2, 1), 2, known_ahead=["y"])
    with pytest.raises(DataError, match="'promoted'"):
        backtest(panel, models, rolling_origins(panel, 2, 1), 2, known_ahead=["promoted"])
    with pytest.raises(DataError, match="named by its Monday"):
        backtest(panel, models, ["2024-04-17"], 2)
    with pytest.raises(DataError, match="has 1 periods, 2 are to be forecast"):
        backtest(panel, models, ["2024-05-06"], 2)
    with pytest.raises(DataError, match="two rows for one period"):
        backtest(pd.concat([panel, panel.tail(1)]), models, rolling_origins(panel, 2, 1), 2)
    with pytest.raises(DataError, match="series 'a' has 1 of the 2 periods"):
        holed = panel[(panel["unique_id"] != "a") | (panel["ds"] != panel["ds"].max())]
        backtest(holed, models, rolling_origins(panel, 2, 1), 2)
    with pytest.raises(DataError, match="too few for 7 origins"):
        rolling_origins(panel, 3, 7)
    with pytest.raises(DataError, match="nothing to do"):
        backtest(panel, {}, rolling_origins(panel, 2, 1), 2)


def test_origins_do_not_overlap_and_may_end_early(panel: pd.DataFrame) -> None:
    origins = rolling_origins(panel, 4, 3)
    assert all((b - a) == pd.Timedelta(weeks=4) for a, b in itertools.pairwise(origins))
    early = rolling_origins(panel, 4, 2, end="2024-03-25", step=1)
    assert [f"{o:%m-%d}" for o in early] == ["02-19", "02-26"]
