"""Backtests forecasters over rolling origins (lesson 00, section 3; lesson 01, section 5)."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from ecomlib.contract import FittedForecaster, Forecaster, as_forecaster, rolling_origins
from ecomlib.contract.forecaster import Negative, check_horizon, declared
from ecomlib.contract.frame import check_name
from ecomlib.contract.origins import ahead_of, checked, known_part
from ecomlib.errors import DataError, explained
from ecomlib.forecasting.registry import forecaster
from ecomlib.panel import frequency
from ecomlib.periods import parse_date

_USAGE = 'backtest(panel, ["naive", "window_mean"], origins=4, horizon=4)'


@explained(
    _USAGE,
    h="it is called horizon here: " + _USAGE + ".",
    freq="the panel knows its frequency: leave it out.",
    step_size="origins are a horizon apart; for others hand dates in: origins=rolling_origins(panel, 4, 4, step=1).",
    step="origins are a horizon apart; for others hand dates in: origins=rolling_origins(panel, 4, 4, step=1).",
    metrics="score(backtest(…), train=panel) scores what it returns.",
    metric="score(backtest(…), train=panel) scores what it returns.",
)
def backtest(
    panel: pd.DataFrame,
    forecasters: Any,
    origins: int | Sequence[Any] = 4,
    horizon: int = 4,
    *,
    refit: bool = True,
    known_ahead: Sequence[str] = (),
    negative: Negative = "error",
    progress: bool = False,
) -> pd.DataFrame:
    """Forecast ``horizon`` periods after each origin from what was known there (lesson 01, section 5).

    Parameters
    ----------
    panel : DataFrame
        Long frame ``unique_id, ds, y`` and covariates, regular in time.
    forecasters : mapping, sequence, or a single one
        Registered names, forecasters, or functions ``(past, future)``; a mapping gives the columns their names, none
        of which may read as another column (``ecomlib.contract.check_name``).
    origins : int or sequence of dates
        How many origins, ``horizon`` periods apart, before the panel's end; or the last known periods themselves,
        each of which counts once.
        Series that have no row up to an origin are not forecast there.
    horizon : int
        Periods to forecast.
    refit : bool
        Fit anew at each origin; otherwise once, before the first.
    known_ahead : sequence of str
        Columns that functions get for the periods ahead, for which the caller vouches; forecasters declare their own.
    negative : {"error", "clip", "allow"}
        What to do with forecasts below zero.
    progress : bool
        Show a bar.

    Returns
    -------
    DataFrame
        Scored frame ``unique_id, ds, cutoff, y``, one column a model, and its mean, quantiles and interval ends where
        it gives them, by cutoff, series, date. ``attrs["seconds"]`` holds each model's wall time, ``attrs["point"]``
        what its column is. What a forecaster remarks, such as why an interval has no end (``attrs["unbounded"]``),
        stands by model and origin.

    Raises
    ------
    DataError
        Missing, infinite or too few forecasts, an origin outside the panel, a series that ends too early.

    Notes
    -----
    Rolling origins: Tashman (2000).

    Examples
    --------
    >>> import pandas as pd
    >>> weeks = pd.date_range("2024-01-01", periods=12, freq="7D")
    >>> panel = pd.DataFrame({"unique_id": "mug", "ds": weeks, "y": [3.0, 1.0] * 6})
    >>> backtest(panel, ["window_mean"], origins=2, horizon=2)[["ds", "cutoff", "y", "window_mean"]]
              ds     cutoff    y  window_mean
    0 2024-02-26 2024-02-19  3.0          2.0
    1 2024-03-04 2024-02-19  1.0          2.0
    2 2024-03-11 2024-03-04  3.0          2.0
    3 2024-03-18 2024-03-04  1.0          2.0
    """
    whole = checked(panel)
    models = named(forecasters, known_ahead)
    check_horizon(horizon, _USAGE)
    if isinstance(origins, bool | str) or not (isinstance(origins, int | np.integer) or hasattr(origins, "__len__")):
        value = origins if isinstance(origins, str | float) else type(origins).__name__
        remedy = 'write origins=4, or origins=["2024-01-29", "2024-02-26"].'
        raise DataError("origins are a number or a list of dates", value=value, remedy=remedy)
    if isinstance(origins, int | np.integer) and origins < 1:
        raise DataError("origins count from 1", value=int(origins), remedy="write origins=4.")
    moments = rolling_origins(whole, horizon, int(origins)) if isinstance(origins, int | np.integer) else list(origins)
    if not models or not moments:
        raise DataError(
            "there is nothing to do without a forecaster and an origin", remedy="name at least one of each."
        )
    for model in models.values():
        model.check()
    moments = sorted({parse_date(origin, "an origin") for origin in moments})
    seconds, scored = dict.fromkeys(models, 0.0), []
    fitted: dict[str, FittedForecaster] = {}
    remarks: dict[str, dict[str, dict[str, Any]]] = {}
    with tqdm(total=len(moments) * len(models), disable=not progress, leave=False) as bar:
        for origin in moments:
            past, block = _at(whole, origin, horizon)
            freq = frequency(past)
            for name, model in models.items():
                bar.set_description(f"{origin:%Y-%m-%d} {name}")
                future = ahead_of(whole, past, horizon, declared(model))
                started = time.perf_counter()
                if refit or name not in fitted:
                    fitted[name] = FittedForecaster(model, model.learn(past.copy(), horizon), horizon, freq, origin)
                columns = fitted[name].answer(past, future, name=name, negative=negative)
                for key, word in model.remarks(fitted[name].learned).items():
                    remarks.setdefault(key, {}).setdefault(name, {})[f"{origin:%Y-%m-%d}"] = word
                seconds[name] += time.perf_counter() - started
                block = block.assign(**columns)
                bar.update()
            scored.append(block)
    frame = pd.concat(scored, ignore_index=True)
    frame.attrs = {**remarks, "seconds": seconds, "point": {name: model.point for name, model in models.items()}}
    return frame


def named(forecasters: Any, known_ahead: Sequence[str] = ()) -> dict[str, Forecaster]:
    """Name forecasters by their columns, from what a user hands in."""
    if isinstance(forecasters, str | Forecaster | FittedForecaster) or callable(forecasters):
        forecasters = [forecasters]
    if isinstance(forecasters, Mapping):
        return {check_name(str(name)): _one(given, known_ahead) for name, given in forecasters.items()}
    if not isinstance(forecasters, Sequence):
        as_forecaster(forecasters)  # raises the sentence
    made = [_one(given, known_ahead) for given in forecasters]
    labels = [check_name(model.label) for model in made]
    twice = [label for k, label in enumerate(labels) if label in labels[:k]]
    if twice:
        raise DataError(
            "two forecasters have one name", value=twice[0], remedy='give them names: {"first": …, "second": …}.'
        )
    return dict(zip(labels, made, strict=True))


def _one(given: Any, known_ahead: Sequence[str]) -> Forecaster:
    return forecaster(given) if isinstance(given, str) else as_forecaster(given, known_ahead)


def _at(panel: pd.DataFrame, origin: pd.Timestamp, horizon: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What was known at an origin, and the still empty scored block."""
    past = known_part(panel, origin)
    periods = np.unique(panel["ds"].to_numpy())
    at = int(np.searchsorted(periods, np.datetime64(origin)))
    place: dict[str, Any] = {"table": "panel", "column": "ds", "value": f"{origin:%Y-%m-%d}"}
    if horizon < 1 or at + horizon >= len(periods):
        problem = f"after this origin the panel has {len(periods) - 1 - at} periods, {horizon} are to be forecast"
        raise DataError(problem, **place, remedy="choose an earlier origin or another horizon.")
    dates, series = panel["ds"].to_numpy(), past["unique_id"].unique()
    ahead = panel.loc[(dates > periods[at]) & (dates <= periods[at + horizon])]
    ahead = ahead.loc[ahead["unique_id"].isin(series)].reset_index(drop=True)
    counts = ahead.groupby("unique_id", observed=True).size().reindex(series, fill_value=0)
    if (counts != horizon).any():
        short = counts.index[counts != horizon][0]
        problem = f"series '{short}' has {int(counts[short])} of the {horizon} periods after this origin"
        raise DataError(problem, **place, remedy="a panel is regular up to its last period: build it with make_panel.")
    return past, ahead[["unique_id", "ds"]].assign(cutoff=origin, y=ahead["y"].astype(float))
