"""Wraps the peers, statsforecast and LightGBM, as forecasters for ``backtest`` (lesson 04, section 1).

Each function here returns a forecaster ``(train, future) -> array`` aligned to ``future``'s rows, in units, at or above
zero. A series too short for a method gets its last value, so that every model is scored on the same rows.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.errors import DataError, MissingDependencyError, install_command
from ecomlib.evaluation.backtest import ForecastFunction
from ecomlib.features import lags as lag_features
from ecomlib.panel import frequency
from ecomlib.periods import PERIODS_PER_YEAR

Floats = NDArray[np.float64]


def _library(name: str) -> Any:
    """A library of the ``course`` extra, or the sentence that says how to install it."""
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError as fault:
        package = name.split(".")[0]
        raise MissingDependencyError(
            f"this peer needs {package}, which is not installed. What to do: {install_command('ecomlib[course]')}"
        ) from fault


def _by_series(future: pd.DataFrame) -> tuple[NDArray[Any], int]:
    """The series of ``future`` in order, and its horizon; its rows are sorted by series and date."""
    series, counts = np.unique(future["unique_id"].to_numpy(dtype=str), return_counts=True)
    horizon = int(counts[0])
    in_order = np.array_equal(np.repeat(series, horizon), future["unique_id"].to_numpy(dtype=str))
    if (counts != horizon).any() or not in_order:
        raise DataError(
            "future must hold the same number of periods for each series, sorted by series and date",
            table="future",
            remedy="hand it in as backtest does.",
        )
    return series, horizon


def statsforecast_model(make: Callable[[Any, str], Any]) -> ForecastFunction:
    """Any model of statsforecast as a forecaster (lesson 04, section 1). Garza et al. (2022), StatsForecast.

    ``make`` receives ``statsforecast.models`` and the frequency of the panel that is forecast:
    ``statsforecast_model(lambda models, freq: models.AutoCES(season_length=PERIODS_PER_YEAR[freq]))``.
    """

    def forecast(train: pd.DataFrame, future: pd.DataFrame) -> Floats:
        models, engine = _library("statsforecast.models"), _library("statsforecast")
        series, horizon = _by_series(future)
        known = train.loc[train["unique_id"].isin(series), ["unique_id", "ds", "y"]].dropna(subset=["y"])
        last = known.groupby("unique_id", observed=True)["y"].last().reindex(series, fill_value=0.0)
        freq = frequency(train)
        with warnings.catch_warnings():
            # Constant and short series make the library warn; what it cannot forecast is replaced below.
            warnings.simplefilter("ignore", RuntimeWarning)
            warnings.filterwarnings("ignore", message="Historical data", category=UserWarning)
            fitted = engine.StatsForecast(
                models=[make(models, freq)], freq=freq, n_jobs=1, fallback_model=models.Naive()
            )
            table = fitted.forecast(df=known, h=horizon)
        name = next(c for c in table.columns if c not in ("unique_id", "ds"))
        wide = np.repeat(last.to_numpy(dtype=float)[:, None], horizon, axis=1)
        rows = pd.Index(series).get_indexer(table["unique_id"].astype(str))
        found = table[name].to_numpy(dtype=float)
        step = table.groupby("unique_id", observed=True).cumcount().to_numpy()
        good = np.isfinite(found)
        wide[rows[good], step[good]] = found[good]
        return np.maximum(wide, 0.0).ravel()

    return forecast


def naive() -> ForecastFunction:
    """The last value, repeated (lesson 00, section 2)."""
    return statsforecast_model(lambda models, freq: models.Naive())


def seasonal_naive(season: int | None = None) -> ForecastFunction:
    """The value of the same period a season ago; the last value where the history is shorter (lesson 04, section 1).

    Without ``season`` it is a year of the panel's frequency: 364 days, which keep the weekday, 52 weeks or 12 months.
    """
    return statsforecast_model(
        lambda models, freq: models.SeasonalNaive(season_length=season or PERIODS_PER_YEAR[freq])
    )


def window_mean(window: int = 8) -> ForecastFunction:
    """Mean of the last ``window`` periods, or of as many as there are (lesson 00, section 2)."""

    def forecast(train: pd.DataFrame, future: pd.DataFrame) -> Floats:
        last = train.dropna(subset=["y"]).groupby("unique_id", observed=True).tail(window)
        means = last.groupby("unique_id", observed=True)["y"].mean()
        return np.maximum(future["unique_id"].map(means).fillna(0.0).to_numpy(dtype=float), 0.0)

    return forecast


def exponential_smoothing() -> ForecastFunction:
    """Simple exponential smoothing with its weight fitted to each series (lesson 04, section 1)."""
    return statsforecast_model(lambda models, freq: models.SimpleExponentialSmoothingOptimized())


def auto_theta(season: int = 1) -> ForecastFunction:
    """The best of the Theta methods by in-sample error: Assimakopoulos, Nikolopoulos (2000) (lesson 04, section 1)."""
    return statsforecast_model(lambda models, freq: models.AutoTheta(season_length=season))


def auto_ets(model: str = "ZZN", season: int = 1) -> ForecastFunction:
    """Exponential smoothing chosen by information criterion: Hyndman et al. (2002) (lesson 04, section 1)."""
    return statsforecast_model(lambda models, freq: models.AutoETS(season_length=season, model=model))


@dataclass(frozen=True)
class BoostingSettings:
    """Protocol W's LightGBM on log1p units; what it leaves open was chosen on its tuning origins."""

    objective: Literal["squared", "absolute"] = "squared"
    lags: tuple[int, ...] | None = None  # None: those that suit the panel's frequency, as `features.lags` has them
    windows: tuple[int, ...] | None = None
    exponential: tuple[float, ...] = (0.3,)
    trees: int = 300
    rate: float = 0.05
    leaves: int = 31
    least_rows: int = 20  # in a leaf
    row_share: float = 1.0  # of rows drawn for each tree
    column_share: float = 1.0  # of inputs drawn for each tree
    covariates: tuple[str, ...] = ()  # columns known ahead, handed in by backtest(known_ahead=…)
    seed: int = 0


def lightgbm(settings: BoostingSettings | None = None) -> ForecastFunction:
    """One LightGBM for all series, one step ahead, applied recursively (lesson 04, section 1).

    Target and lags are log1p of units; besides lags: rolling and exponential means, week of year, month, and any
    ``settings.covariates`` known ahead. Rows with too short a history keep their missing lags, which trees can read.
    Ke et al. (2017); its recursive form is that of mlforecast, with which ``benchmarks.protocol_w`` was compared.
    """
    chosen = settings or BoostingSettings()

    def forecast(train: pd.DataFrame, future: pd.DataFrame) -> Floats:
        library = _library("lightgbm")
        series, horizon = _by_series(future)
        columns = ["unique_id", "ds", "y", *chosen.covariates]
        known = train.loc[train["unique_id"].isin(series), columns]
        known = known.assign(y=np.log1p(known["y"].to_numpy(dtype=float)))
        inputs, target = _inputs(known, chosen), known["y"].to_numpy()
        usable = np.isfinite(target) & inputs["lag1"].notna().to_numpy()
        model = library.LGBMRegressor(
            objective={"squared": "regression", "absolute": "regression_l1"}[chosen.objective],
            n_estimators=chosen.trees,
            learning_rate=chosen.rate,
            num_leaves=chosen.leaves,
            min_child_samples=chosen.least_rows,
            subsample=chosen.row_share,
            subsample_freq=1,
            colsample_bytree=chosen.column_share,
            random_state=chosen.seed,
            deterministic=True,
            force_row_wise=True,
            n_jobs=1,
            verbosity=-1,
        ).fit(inputs[usable], target[usable])
        return np.maximum(np.expm1(_recursive(model, known, future, horizon, chosen)), 0.0)

    return forecast


def _inputs(panel: pd.DataFrame, settings: BoostingSettings) -> pd.DataFrame:
    """One row a period: what is known at its start. Lags as of the row before it; the calendar of the period itself."""
    inputs = lag_features(panel, settings.lags, settings.windows, horizon=1, ewm=settings.exponential)
    dates = panel["ds"].dt
    inputs["week"] = dates.isocalendar().week.to_numpy(dtype=float)
    inputs["month"] = dates.month.to_numpy(dtype=float)
    for column in settings.covariates:
        inputs[column] = panel[column].to_numpy(dtype=float)
    return inputs


def _recursive(
    model: Any, known: pd.DataFrame, future: pd.DataFrame, horizon: int, settings: BoostingSettings
) -> Floats:
    """Forecast step by step; each step's forecast is the next step's lag."""
    ahead = future[["unique_id", "ds", *settings.covariates]].assign(
        y=np.nan, _step=np.tile(np.arange(horizon), len(future) // horizon)
    )
    panel = pd.concat([known.assign(_step=-1), ahead], ignore_index=True)
    panel = panel.sort_values(["unique_id", "ds"], kind="stable", ignore_index=True)
    step, y = panel["_step"].to_numpy(), panel["y"].to_numpy(dtype=float).copy()
    for k in range(horizon):
        now = step == k
        rows = panel[step <= k].assign(y=y[step <= k])
        y[now] = model.predict(_inputs(rows, settings)[rows["_step"].to_numpy() == k])
    return y[step >= 0]


def log_mean(members: Mapping[str, ForecastFunction] | Sequence[ForecastFunction]) -> ForecastFunction:
    """Mean of several forecasters on the log1p scale: a simple ensemble, hard to beat (lesson 07, section 1)."""
    parts = list(members.values()) if isinstance(members, Mapping) else list(members)

    def forecast(train: pd.DataFrame, future: pd.DataFrame) -> Floats:
        return np.expm1(np.mean([np.log1p(part(train.copy(), future.copy())) for part in parts], axis=0))

    return forecast
