"""A network as one function that a backtest calls at each origin (lesson 00, section 3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ecomlib.errors import DataError
from ecomlib.training.loop import fit, make_network, predict
from ecomlib.training.settings import TrainSettings
from ecomlib.windows import WindowSet, WindowSettings


def network_forecaster(
    model: str = "gru",
    window: WindowSettings | None = None,
    train: TrainSettings | None = None,
    *,
    seeds: Sequence[int] = (0,),
    text: Mapping[str, Any] | pd.DataFrame | None = None,
    text_key: str = "unique_id",
    **network: Any,
) -> Callable[[pd.DataFrame, pd.DataFrame], np.ndarray]:
    """A forecaster `(train, future) -> units` for a backtest, trained anew at each origin (lesson 00, section 3).

    `window.future` may name calendar and last year's columns that the panel lacks: they are made here, from the rows up
    to the origin alone. `network` are `ForecasterSettings` (hidden, head, ...). With several `seeds` the networks'
    medians (means, ...) are averaged: that is an ensemble, and is to be called one. A quantile head gives its middle
    quantile. A series that is too young for a window gets the mean of what it sold.
    """
    shape, how = window or WindowSettings(scale="log1p_shift"), train or TrainSettings()
    if not seeds:
        raise DataError("seeds are needed, one a network", remedy="seeds=(0,) trains one network.")

    def forecaster(past: pd.DataFrame, future: pd.DataFrame) -> np.ndarray:
        panel, cutoff = _whole(past, future, shape), past["ds"].max()
        windows = WindowSet.from_panel(panel, shape, text, text_key=text_key)
        period = pd.Index(sorted(past["ds"].unique()))
        end = period[-1 - how.valid_periods]
        fitted, valid = windows.split(end, max(how.valid_periods, 1))
        answers = []
        for seed in seeds:
            net = make_network(model, windows, **{**network, "seed": seed})
            fit(net, fitted, valid if how.valid_periods else None, replace(how, seed=seed))
            answer = predict(net, windows.at(cutoff), device=how.device).set_index(["unique_id", "ds"])
            names = net.head.names
            answers.append(answer[names[len(names) // 2]])
        rows = pd.MultiIndex.from_frame(future[["unique_id", "ds"]])
        result = sum(answers).reindex(rows).to_numpy(dtype=float) / len(answers)
        if np.isnan(result).any():
            level = future["unique_id"].map(past.groupby("unique_id", observed=True)["y"].mean()).fillna(0.0)
            result = np.where(np.isnan(result), level.to_numpy(dtype=float), result)
        return result

    return forecaster


def _whole(past: pd.DataFrame, future: pd.DataFrame, window: WindowSettings) -> pd.DataFrame:
    """Past and future rows as one panel, y missing ahead; what its calendar and last year say is filled in."""
    from ecomlib.features import calendar, last_year
    from ecomlib.panel import CALENDAR, LAST_YEAR, check_panel

    wanted = set(window.past + window.future)
    panel = pd.concat([past, future], ignore_index=True).sort_values(["unique_id", "ds"], ignore_index=True)
    for column in window.static:  # does not change within a series, so what was known stays known
        panel[column] = panel.groupby("unique_id", observed=True)[column].ffill()
    if wanted & set(CALENDAR) - set(past.columns):
        made = calendar(panel["ds"], check_panel(panel)[1])
        panel = panel.assign(**{name: made[name] for name in CALENDAR if name not in past.columns})
    if wanted & set(LAST_YEAR) - set(past.columns):
        made = last_year(panel)
        panel = panel.assign(**{name: made[name] for name in made.columns if name in LAST_YEAR})
    return panel
