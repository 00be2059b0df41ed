"""Backtests forecasters over rolling origins (lesson 00, section 3; lesson 01, section 7)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from tqdm import tqdm

from ecomlib.errors import DataError, LeakageError

ForecastFunction = Callable[[pd.DataFrame, pd.DataFrame], Any]


def rolling_origins(
    panel: pd.DataFrame, horizon: int, count: int, *, step: int | None = None, end: Any = None
) -> list[pd.Timestamp]:
    """Return the last ``count`` origins that leave ``horizon`` periods to score (lesson 01, section 7).

    ``step`` is ``horizon`` unless given, so that no period is scored twice. ``end`` is the last period that may be
    scored (the panel's last by default). Raises ``DataError`` where the panel is too short.
    """
    periods = np.sort(panel["ds"].unique())
    if end is not None:
        periods = periods[periods <= np.datetime64(pd.Timestamp(end))]
    step = horizon if step is None else step
    if horizon < 1 or step < 1 or count < 1:
        raise DataError("horizon, step and count must each be at least 1", value=(horizon, step, count))
    first = len(periods) - 1 - horizon - (count - 1) * step
    if first < 0:
        raise DataError(
            f"{len(periods)} periods are too few for {count} origins with {horizon} periods each",
            table="panel",
            column="ds",
            remedy="ask for fewer origins or a shorter horizon, or bring a longer history.",
        )
    return [pd.Timestamp(periods[first + k * step]) for k in range(count)]


def _forecast(name: str, answer: Any, future: pd.DataFrame, negative: str) -> dict[str, np.ndarray]:
    """A forecaster's answer as columns of the scored frame, or an error that says what is wrong with it."""

    def fault(problem: str, remedy: str, value: Any = None) -> DataError:
        return DataError(f"the forecaster '{name}' returned {problem}", column=name, value=value, remedy=remedy)

    def place(wrong: np.ndarray) -> str:
        row = future.iloc[int(np.argmax(wrong))]
        return f"the first for series '{row['unique_id']}' at {row['ds']:%Y-%m-%d}"

    columns = {name: answer}
    if isinstance(answer, (pd.Series, pd.DataFrame)):
        if len(answer) == len(future) and not answer.index.equals(future.index):
            if not (answer.index.is_unique and answer.index.isin(future.index).all()):
                remedy = "keep future's index, or return a plain array in future's order."
                raise fault("rows whose index is not that of `future`", remedy)
            answer = answer.loc[future.index]
        columns = {name: answer}
        if isinstance(answer, pd.DataFrame):
            if "point" not in answer.columns:
                remedy = "name the forecast 'point' and interval ends 'lo-90', 'hi-90'."
                raise fault("a frame without a column 'point'", remedy, list(answer.columns))
            columns = {name if c == "point" else f"{name}-{c}": answer[c] for c in answer.columns}
    result = {}
    for column, values in columns.items():
        array = np.array(values, dtype=float)
        if array.shape != (len(future),):
            remedy = "return one number for each row of future, in its order."
            raise fault(f"shape {array.shape} where `future` has {len(future)} rows", remedy)
        bad, below = ~np.isfinite(array), array < 0
        if bad.any():
            remedy = "give it a fallback for short or empty histories."
            raise fault(f"{int(bad.sum())} missing or infinite values, {place(bad)}", remedy, float(array[bad][0]))
        if below.any() and negative == "error":
            remedy = "clip them in the forecaster, or call backtest(..., negative='clip')."
            raise fault(f"{int(below.sum())} forecasts below zero, {place(below)}", remedy, float(array[below][0]))
        result[column] = np.maximum(array, 0.0) if negative == "clip" else array
    return result


def backtest(
    panel: pd.DataFrame,
    forecasters: Mapping[str, ForecastFunction],
    origins: Sequence[Any],
    horizon: int,
    *,
    known_ahead: Sequence[str] = (),
    negative: Literal["error", "clip", "allow"] = "error",
    progress: bool = False,
) -> pd.DataFrame:
    """Forecast ``horizon`` periods after each origin from what was known there (lesson 01, section 7).

    Parameters
    ----------
    panel: long frame ``unique_id, ds, y`` and covariates, regular in time.
    forecasters: name -> function ``(train, future)``. ``train`` holds all rows up to the origin; ``future`` holds
        ``unique_id, ds`` and the ``known_ahead`` columns of the next periods, never ``y``. It returns one number for
        each row of ``future`` (array or Series), or a frame with ``point`` and interval ends such as ``lo-90``.
    origins: last known periods. Series that have no row up to an origin are not forecast there.
    known_ahead: columns that the shop knows beforehand (calendar, price plan); naming ``y`` is a ``LeakageError``.
    negative: what to do with forecasts below zero.

    Returns
    -------
    Scored frame ``unique_id, ds, cutoff, y``, one column a model (and ``model-lo-90`` …), by cutoff, series, date.
    ``frame.attrs["seconds"]`` holds each model's wall time. Missing, infinite or too few forecasts raise ``DataError``.
    Rolling origins: Tashman (2000).
    """
    for column in ("unique_id", "ds", "y", *known_ahead):
        if column not in panel.columns:
            raise DataError("this column is missing", table="panel", column=column, remedy="build it with make_panel.")
    if "y" in known_ahead:
        raise LeakageError("'y' cannot be known ahead: it is what is forecast. What to do: take it out of known_ahead.")
    if not forecasters or not len(origins):
        raise DataError(
            "there is nothing to do without a forecaster and an origin", remedy="name at least one of each."
        )
    if panel.duplicated(["unique_id", "ds"]).any():
        raise DataError("a series has two rows for one period", table="panel", remedy="build it with make_panel.")
    panel = panel.sort_values(["unique_id", "ds"], kind="stable", ignore_index=True)
    moments = sorted(pd.Timestamp(origin) for origin in origins)
    seconds, scored = dict.fromkeys(forecasters, 0.0), []
    with tqdm(total=len(moments) * len(forecasters), disable=not progress, leave=False) as bar:
        for origin in moments:
            train, future, block = _at(panel, origin, horizon, known_ahead)
            for name, forecaster in forecasters.items():
                bar.set_description(f"{origin:%Y-%m-%d} {name}")
                started = time.perf_counter()
                # Copies: a forecaster that changes its input must not change its rivals' input.
                answer = forecaster(train.copy(), future.copy())
                seconds[name] += time.perf_counter() - started
                block = block.assign(**_forecast(name, answer, future, negative))
                bar.update()
            scored.append(block)
    frame = pd.concat(scored, ignore_index=True)
    frame.attrs["seconds"] = seconds
    return frame


def _at(
    panel: pd.DataFrame, origin: pd.Timestamp, horizon: int, known_ahead: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Train, future and the still empty scored block of one origin."""
    dates = panel["ds"].to_numpy()
    periods = np.unique(dates)
    at = int(np.searchsorted(periods, np.datetime64(origin)))
    place: dict[str, Any] = {"table": "panel", "column": "ds", "value": f"{origin:%Y-%m-%d}"}
    if at == len(periods) or periods[at] != np.datetime64(origin):
        problem = "an origin must be a period of the panel (a week is named by its Monday)"
        raise DataError(problem, **place, remedy="take origins from rolling_origins.")
    if horizon < 1 or at + horizon >= len(periods):
        problem = f"after this origin the panel has {len(periods) - 1 - at} periods, {horizon} are to be forecast"
        raise DataError(problem, **place, remedy="choose an earlier origin or another horizon.")
    train = panel.loc[dates <= periods[at]].reset_index(drop=True)
    ahead = panel.loc[(dates > periods[at]) & (dates <= periods[at + horizon])]
    ahead = ahead.loc[ahead["unique_id"].isin(train["unique_id"].unique())].reset_index(drop=True)
    counts = ahead.groupby("unique_id", observed=True).size().reindex(train["unique_id"].unique(), fill_value=0)
    if (counts != horizon).any():
        short = counts.index[counts != horizon][0]
        problem = f"series '{short}' has {int(counts[short])} of the {horizon} periods after this origin"
        raise DataError(problem, **place, remedy="a panel is regular up to its last period: build it with make_panel.")
    block = ahead[["unique_id", "ds"]].assign(cutoff=origin, y=ahead["y"].astype(float))
    return train, ahead[["unique_id", "ds", *known_ahead]], block
