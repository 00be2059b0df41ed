"""Rolling origins: forecast, wait, score, move on (lesson 00, section 3; lesson 01, section 7)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from ecomlib.errors import DataError, LeakageError

Forecaster = Callable[[pd.DataFrame, pd.DataFrame], Any]


def rolling_origins(
    panel: pd.DataFrame, horizon: int, count: int, *, step: int | None = None, end: Any = None
) -> list[pd.Timestamp]:
    """The last ``count`` origins that leave ``horizon`` periods to score, ``step`` apart (lesson 01, section 7).

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

    def fault(problem: str, **where: Any) -> DataError:
        return DataError(f"the forecaster '{name}' {problem}", column=name, **where)

    if isinstance(answer, (pd.Series, pd.DataFrame)):
        if len(answer) == len(future) and not answer.index.equals(future.index):
            if not (answer.index.is_unique and answer.index.isin(future.index).all()):
                raise fault(
                    "returned rows whose index is not that of `future`",
                    remedy="keep future's index, or return a plain array in future's order.",
                )
            answer = answer.loc[future.index]
        if isinstance(answer, pd.DataFrame):
            if "point" not in answer.columns:
                raise fault(
                    "returned a frame without a column 'point'",
                    value=list(answer.columns),
                    remedy="name the forecast 'point' and interval ends 'lo-90', 'hi-90'.",
                )
            columns = {name if c == "point" else f"{name}-{c}": answer[c] for c in answer.columns}
        else:
            columns = {name: answer}
    else:
        columns = {name: answer}
    result = {}
    for column, values in columns.items():
        array = np.array(values, dtype=float)
        if array.shape != (len(future),):
            raise fault(
                f"returned shape {array.shape} where `future` has {len(future)} rows",
                remedy="return one number for each row of future, in its order.",
            )
        bad = ~np.isfinite(array)
        if bad.any():
            row = future.iloc[int(np.argmax(bad))]
            raise fault(
                f"returned {int(bad.sum())} missing or infinite values, the first for series '{row['unique_id']}'"
                f" at {row['ds']:%Y-%m-%d}",
                value=float(array[bad][0]),
                remedy="give it a fallback for short or empty histories.",
            )
        below = array < 0
        if below.any() and negative == "error":
            row = future.iloc[int(np.argmax(below))]
            raise fault(
                f"returned {int(below.sum())} forecasts below zero, the first for series '{row['unique_id']}'"
                f" at {row['ds']:%Y-%m-%d}",
                value=float(array[below][0]),
                remedy="clip them in the forecaster, or call backtest(..., negative='clip').",
            )
        result[column] = np.maximum(array, 0.0) if negative == "clip" else array
    return result


def backtest(
    panel: pd.DataFrame,
    forecasters: Mapping[str, Forecaster],
    origins: Sequence[Any],
    horizon: int,
    *,
    known_ahead: Sequence[str] = (),
    negative: Literal["error", "clip", "allow"] = "error",
    progress: bool = False,
) -> pd.DataFrame:
    """Forecast ``horizon`` periods after each origin, with what was known there (lesson 01, section 7).

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
    dates = panel["ds"].to_numpy()
    periods = np.sort(panel["ds"].unique())
    seconds = dict.fromkeys(forecasters, 0.0)
    scored = []
    steps = [
        (pd.Timestamp(origin), name) for origin in sorted(pd.Timestamp(o) for o in origins) for name in forecasters
    ]
    bar = _bar(len(steps)) if progress else None
    block: pd.DataFrame | None = None
    for origin, name in steps:
        if block is None or block["cutoff"].iloc[0] != origin:
            train, future, block = _at(panel, dates, periods, origin, horizon, known_ahead)
            scored.append(block)
        if bar is not None:
            bar.set_description(f"{origin:%Y-%m-%d} {name}")
        started = time.perf_counter()
        # Copies: a forecaster that changes its input must not change its rivals' input.
        answer = forecasters[name](train.copy(), future.copy())
        seconds[name] += time.perf_counter() - started
        for column, values in _forecast(name, answer, future, negative).items():
            block[column] = values
        if bar is not None:
            bar.update()
    if bar is not None:
        bar.close()
    frame = pd.concat(scored, ignore_index=True)
    frame.attrs["seconds"] = seconds
    return frame


def _at(
    panel: pd.DataFrame,
    dates: np.ndarray,
    periods: np.ndarray,
    origin: pd.Timestamp,
    horizon: int,
    known: Sequence[str],
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Train, future and the empty scored block of one origin."""
    at = int(np.searchsorted(periods, np.datetime64(origin)))
    if at == len(periods) or periods[at] != np.datetime64(origin):
        raise DataError(
            "an origin must be a period of the panel (a week is named by its Monday)",
            table="panel",
            column="ds",
            value=f"{origin:%Y-%m-%d}",
            remedy="take origins from rolling_origins.",
        )
    if horizon < 1 or at + horizon >= len(periods):
        raise DataError(
            f"after this origin the panel has {len(periods) - 1 - at} periods, {horizon} are to be forecast",
            table="panel",
            value=f"{origin:%Y-%m-%d}",
            remedy="choose an earlier origin or another horizon.",
        )
    train = panel.loc[dates <= periods[at]]
    ahead = panel.loc[(dates > periods[at]) & (dates <= periods[at + horizon])]
    ahead = ahead.loc[ahead["unique_id"].isin(train["unique_id"].unique())]
    counts = ahead.groupby("unique_id", observed=True).size()
    if (counts != horizon).any():
        short = counts.index[counts != horizon][0]
        raise DataError(
            f"series '{short}' has {int(counts[short])} of the {horizon} periods after {origin:%Y-%m-%d}",
            table="panel",
            column="ds",
            remedy="a panel is regular up to its last period: build it with make_panel.",
        )
    ahead = ahead.reset_index(drop=True)
    block = ahead[["unique_id", "ds"]].assign(cutoff=origin, y=ahead["y"].to_numpy(dtype=float))
    return train.reset_index(drop=True), ahead[["unique_id", "ds", *known]], block


def _bar(total: int) -> Any:
    from tqdm.auto import tqdm

    return tqdm(total=total, leave=False)
