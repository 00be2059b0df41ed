"""The contract: what a forecaster is handed, what comes of its answer, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from ecomlib.contract import FittedForecaster, Forecaster, FunctionForecaster, as_forecaster
from ecomlib.errors import DataError, LeakageError

WEEKS = pd.date_range("2024-01-01", periods=12, freq="W-MON")


@pytest.fixture
def panel() -> pd.DataFrame:
    """Two series of ten weeks, and the plan of two more."""
    rows = [
        pd.DataFrame({"unique_id": name, "ds": WEEKS, "y": start + np.arange(12.0), "price": 2.0, "sessions": 9.0})
        for name, start in (("b", 0), ("a", 100))
    ]
    frame = pd.concat(rows, ignore_index=True)
    return frame.assign(y=frame["y"].where(frame["ds"] <= WEEKS[9]))


class Spy(Forecaster):
    """Note what it is handed, and forecast the last value of each series."""

    name, point, known_ahead = "spy", "mean", ("price",)

    def __init__(self) -> None:
        self.learnt: list[pd.DataFrame] = []
        self.asked: list[tuple[pd.DataFrame, pd.DataFrame]] = []

    def learn(self, past: pd.DataFrame, horizon: int) -> Any:
        self.learnt.append(past.copy())
        past["y"] = -1.0  # a copy: nobody else sees it
        return {"horizon": horizon}

    def answer(self, learned: Any, past: pd.DataFrame, future: pd.DataFrame) -> Any:
        self.asked.append((past.copy(), future.copy()))
        last = past.groupby("unique_id")["y"].last()
        past["y"] = future["ds"] = 0
        return future["unique_id"].map(last)


def test_it_is_handed_the_past_and_what_it_declared_of_the_future(panel: pd.DataFrame) -> None:
    spy, before = Spy(), panel.copy()
    fitted = spy.fit(panel, 2, until=WEEKS[7])
    frame = fitted.forecast(at=WEEKS[8])
    assert spy.learnt[0]["ds"].max() == WEEKS[7] and set(spy.learnt[0]) == set(panel)
    past, future = spy.asked[0]
    assert past["ds"].max() == WEEKS[8] and list(future.columns) == ["unique_id", "ds", "price"]
    assert list(frame.columns) == ["unique_id", "ds", "cutoff", "spy"]
    assert frame["unique_id"].tolist() == ["a", "a", "b", "b"] and frame["spy"].tolist() == [108, 108, 8, 8]
    assert frame["ds"].tolist() == [WEEKS[9], WEEKS[10]] * 2 and (frame["cutoff"] == WEEKS[8]).all()
    assert frame.attrs["point"] == {"spy": "mean"} and fitted.point == "mean"
    pd.testing.assert_frame_equal(panel, before)


def test_the_last_known_period_is_the_origin_unless_another_is_named(panel: pd.DataFrame) -> None:
    fitted = Spy().fit(panel, 2)
    assert fitted.until == WEEKS[9] and fitted.frequency == "W-MON"
    frame = fitted.forecast(name="mine")
    assert (frame["cutoff"] == WEEKS[9]).all() and "mine" in frame.columns
    assert frame.attrs["point"] == {"mine": "mean"}


def test_rows_ahead_are_made_where_nothing_must_be_known(panel: pd.DataFrame) -> None:
    known = panel[panel["ds"] <= WEEKS[9]]

    def last(past: pd.DataFrame, future: pd.DataFrame) -> Any:
        return future["unique_id"].map(past.groupby("unique_id")["y"].last())

    frame = as_forecaster(last).fit(known, 3).forecast()
    assert frame["ds"].max() == WEEKS[9] + pd.Timedelta(weeks=3) and frame["last"].tolist() == [109.0] * 3 + [9.0] * 3
    with pytest.raises(DataError, match=r"'price' must be known.*make_panel"):
        Spy().fit(known, 2).forecast()


def test_what_looks_ahead_is_refused(panel: pd.DataFrame) -> None:
    fitted = Spy().fit(panel, 2, until=WEEKS[8])
    with pytest.raises(LeakageError, match="has learnt from periods up to 2024-02-26, after the origin 2024-02-19"):
        fitted.forecast(at=WEEKS[7])
    for column in ("sessions", "y"):
        with pytest.raises(LeakageError, match=f"'{column}' is not known ahead"):
            FunctionForecaster(lambda past, future: [], known_ahead=(column,)).fit(panel, 2)


def test_what_does_not_fit_is_refused(panel: pd.DataFrame) -> None:
    fitted = Spy().fit(panel, 2)
    days = pd.DataFrame({"unique_id": "a", "ds": pd.date_range("2024-03-04", periods=9), "y": 1.0, "price": 1.0})
    with pytest.raises(DataError, match="another frequency"):
        fitted.forecast(days)
    for horizon in (0, True, 2.5):
        with pytest.raises(DataError, match="horizon counts the periods"):
            Spy().fit(panel, horizon)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="is fitted already"):
        as_forecaster(fitted)
    with pytest.raises(DataError, match=r"Spy is a class.*make one: Spy\(\)"):
        as_forecaster(Spy)
    with pytest.raises(DataError, match="no units are known"):
        Spy().fit(panel.assign(y=np.nan), 2)
    bare = FittedForecaster(Spy(), None, 2, "W-MON", WEEKS[3])
    with pytest.raises(DataError, match="a loaded forecaster has no panel"):
        bare.forecast()


def test_intervals_may_be_infinite_above_and_negatives_are_a_choice(panel: pd.DataFrame) -> None:
    class Wide(Forecaster):
        name, point = "wide", "median"

        def answer(self, learned: Any, past: pd.DataFrame, future: pd.DataFrame) -> Any:
            return pd.DataFrame({"point": -1.0, "lo-90": -2.0, "hi-90": np.inf}, index=future.index)

    fitted = Wide().fit(panel, 1)
    with pytest.raises(DataError, match="forecasts below zero"):
        fitted.forecast()
    clipped = fitted.forecast(negative="clip")
    assert (clipped[["wide", "wide-lo-90"]] == 0).all(axis=None) and np.isinf(clipped["wide-hi-90"]).all()
    assert (fitted.forecast(negative="allow")["wide"] == -1).all()
