"""Defines what every forecaster is: fitted on a panel, it forecasts a frame; and how such a frame is written."""

from __future__ import annotations

from ecomlib.contract.forecaster import (
    FittedForecaster,
    Forecaster,
    ForecastFunction,
    FunctionForecaster,
    Point,
    as_forecaster,
)
from ecomlib.contract.frame import (
    find_interval,
    interval_columns,
    interval_levels,
    known_quantiles,
    mean_column,
    model_columns,
    model_of,
    point_of,
    quantile_column,
    quantile_columns,
    require_mean,
    sum_forecasts,
)
from ecomlib.contract.origins import rolling_origins
from ecomlib.contract.plugins import REGISTERED, load_plugins, register

__all__ = [
    "REGISTERED",
    "FittedForecaster",
    "ForecastFunction",
    "Forecaster",
    "FunctionForecaster",
    "Point",
    "as_forecaster",
    "find_interval",
    "interval_columns",
    "interval_levels",
    "known_quantiles",
    "load_plugins",
    "mean_column",
    "model_columns",
    "model_of",
    "point_of",
    "quantile_column",
    "quantile_columns",
    "register",
    "require_mean",
    "rolling_origins",
    "sum_forecasts",
]
