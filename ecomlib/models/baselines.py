"""Defines the classical forecasters and the recursive LightGBM: the peers of every network (lesson 04, section 1).

Forecasts are in units, at or above zero. A series too short for a method gets its last value, so that every model is
scored on the same rows. The classical methods learn nothing beforehand: each series is fitted at the origin.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.contract import Forecaster, Point
from ecomlib.contract.settings import at_least
from ecomlib.errors import DataError, MissingDependencyError, install_command
from ecomlib.features import lags as lag_features
from ecomlib.panel import frequency
from ecomlib.periods import PERIODS_PER_YEAR

Floats = NDArray[np.float64]


def library(name: str) -> Any:
    """Import a library of the ``course`` extra, or say how to install it."""
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


@dataclass(frozen=True)
class Statsforecast(Forecaster):
    """Any model of statsforecast, fitted to each series at the origin (lesson 04, section 1).

    Parameters
    ----------
    model : str
        The name of a class of ``statsforecast.models``, such as ``"AutoCES"``.
    options : mapping
        Its arguments; ``season_length="year"`` stands for the periods of a year at the panel's frequency.
    point : {"mean", "median", "neither"}
        What the method forecasts; exponential smoothing, Theta and ARIMA forecast means.

    Notes
    -----
    Garza et al. (2022), StatsForecast.
    """

    name: ClassVar[str] = "statsforecast"
    model: str = "AutoCES"
    options: Mapping[str, Any] = field(default_factory=dict)
    point: Point = "mean"

    def answer(self, learned: Any, past: pd.DataFrame, future: pd.DataFrame) -> Floats:
        freq = frequency(past)
        year = PERIODS_PER_YEAR[freq]
        return _by_statsforecast(
            self.model, {k: year if v == "year" else v for k, v in self.options.items()}, past, future, freq
        )

    @property
    def label(self) -> str:
        return self.model


def _by_statsforecast(
    model: str, options: Mapping[str, Any], past: pd.DataFrame, future: pd.DataFrame, freq: str
) -> Floats:
    """Forecasts of a model of statsforecast, aligned to the rows of ``future``."""
    models, engine = library("statsforecast.models"), library("statsforecast")
    if not hasattr(models, model):
        raise DataError(
            "statsforecast has no such model", value=model, remedy='name a class of its, such as "AutoCES".'
        )
    series, horizon = _by_series(future)
    known = past.loc[past["unique_id"].isin(series), ["unique_id", "ds", "y"]].dropna(subset=["y"])
    last = known.groupby("unique_id", observed=True)["y"].last().reindex(series, fill_value=0.0)
    with warnings.catch_warnings():
        # Constant and short series make the library warn; what it cannot forecast is replaced below.
        warnings.simplefilter("ignore", RuntimeWarning)
        warnings.filterwarnings("ignore", message="Historical data", category=UserWarning)
        fitted = engine.StatsForecast(
            models=[getattr(models, model)(**options)], freq=freq, n_jobs=1, fallback_model=models.Naive()
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


class _Classical(Forecaster):
    """A classical method with a registered name of its own."""

    point: Point = "mean"

    def method(self, year: int) -> tuple[str, dict[str, Any]]:
        """The class of ``statsforecast.models`` and its arguments; ``year`` is the number of periods in one."""
        raise NotImplementedError

    def answer(self, learned: Any, past: pd.DataFrame, future: pd.DataFrame) -> Floats:
        freq = frequency(past)
        return _by_statsforecast(*self.method(PERIODS_PER_YEAR[freq]), past, future, freq)


@dataclass(frozen=True)
class Naive(_Classical):
    """The last value, repeated (lesson 00, section 2)."""

    name: ClassVar[str] = "naive"

    def method(self, year: int) -> tuple[str, dict[str, Any]]:
        return "Naive", {}


@dataclass(frozen=True)
class SeasonalNaive(_Classical):
    """The value of the same period a season ago; the last value where the history is shorter (lesson 04, section 1).

    Without ``season`` it is a year of the panel's frequency: 364 days, which keep the weekday, 52 weeks or 12 months.
    """

    name: ClassVar[str] = "seasonal_naive"
    season: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, 1, "season")

    def method(self, year: int) -> tuple[str, dict[str, Any]]:
        return "SeasonalNaive", {"season_length": self.season or year}


@dataclass(frozen=True)
class WindowMean(Forecaster):
    """Mean of the last ``window`` periods, or of as many as there are (lesson 00, section 2)."""

    name: ClassVar[str] = "window_mean"
    window: int = 8
    point: Point = field(default="mean", init=False, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, 1, "window")

    def answer(self, learned: Any, past: pd.DataFrame, future: pd.DataFrame) -> Floats:
        last = past.dropna(subset=["y"]).groupby("unique_id", observed=True).tail(self.window)
        means = last.groupby("unique_id", observed=True)["y"].mean()
        return np.maximum(future["unique_id"].map(means).astype(float).fillna(0.0), 0.0)


@dataclass(frozen=True)
class ExponentialSmoothing(_Classical):
    """Simple exponential smoothing with its weight fitted to each series (lesson 04, section 1)."""

    name: ClassVar[str] = "exponential_smoothing"

    def method(self, year: int) -> tuple[str, dict[str, Any]]:
        return "SimpleExponentialSmoothingOptimized", {}


@dataclass(frozen=True)
class AutoTheta(_Classical):
    """The best of the Theta methods by in-sample error: Assimakopoulos, Nikolopoulos (2000) (lesson 04, section 1)."""

    name: ClassVar[str] = "auto_theta"
    season: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, 1, "season")

    def method(self, year: int) -> tuple[str, dict[str, Any]]:
        return "AutoTheta", {"season_length": self.season}


@dataclass(frozen=True)
class AutoETS(_Classical):
    """Exponential smoothing chosen by information criterion: Hyndman et al. (2002) (lesson 04, section 1)."""

    name: ClassVar[str] = "auto_ets"
    model: str = "ZZN"
    season: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, 1, "season")

    def method(self, year: int) -> tuple[str, dict[str, Any]]:
        return "AutoETS", {"season_length": self.season, "model": self.model}


@dataclass(frozen=True)
class LightGBM(Forecaster):
    """One LightGBM for all series, one step ahead, applied recursively (lesson 04, section 1).

    Target and lags are log1p of units; besides lags: rolling and exponential means, week of year, month, and any
    ``covariates`` known ahead. Rows with too short a history keep their missing lags, which trees can read. The
    defaults are protocol W's; what it leaves open was chosen on its tuning origins.

    Parameters
    ----------
    objective : {"squared", "absolute"}
        With the second the forecast is a median; the first gives a mean of logarithms, which is neither.
    lags, windows : tuple of int, optional
        Those that suit the panel's frequency, as ``features.lags`` has them, unless given.
    exponential : tuple of float
        Weights of exponential means.
    trees, leaves, least_rows : int
        Trees; leaves of each; rows in a leaf at least.
    rate, row_share, column_share : float
        Learning rate; shares of rows and inputs drawn for each tree.
    covariates : tuple of str
        Columns known ahead.
    seed : int

    Notes
    -----
    Ke et al. (2017); the recursive form is that of mlforecast, with which ``benchmarks.protocol_w`` was compared.
    """

    name: ClassVar[str] = "lightgbm"
    objective: Literal["squared", "absolute"] = "squared"
    lags: tuple[int, ...] | None = None
    windows: tuple[int, ...] | None = None
    exponential: tuple[float, ...] = (0.3,)
    trees: int = 300
    rate: float = 0.05
    leaves: int = 31
    least_rows: int = 20
    row_share: float = 1.0
    column_share: float = 1.0
    covariates: tuple[str, ...] = ()
    also_known: tuple[str, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, 1, "trees", "least_rows")
        at_least(self, 2, "leaves")
        for name in ("rate", "row_share", "column_share"):
            if not 0 < getattr(self, name) <= 1:
                problem = f"the setting '{name}' of LightGBM lies above 0, and at most at 1"
                raise DataError(problem, value=getattr(self, name), remedy=f"write {name}=0.5.")

    @property
    def point(self) -> Point:  # type: ignore[override]
        return "median" if self.objective == "absolute" else "neither"

    @property
    def known_ahead(self) -> tuple[str, ...]:  # type: ignore[override]
        return self.covariates

    def learn(self, past: pd.DataFrame, horizon: int) -> dict[str, Any]:
        lightgbm = library("lightgbm")
        known = past[["unique_id", "ds", "y", *self.covariates]]
        known = known.assign(y=np.log1p(known["y"].to_numpy(dtype=float)))
        inputs, target = _inputs(known, self), known["y"].to_numpy()
        usable = np.isfinite(target) & inputs["lag1"].notna().to_numpy()
        model = lightgbm.LGBMRegressor(
            objective={"squared": "regression", "absolute": "regression_l1"}[self.objective],
            n_estimators=self.trees,
            learning_rate=self.rate,
            num_leaves=self.leaves,
            min_child_samples=self.least_rows,
            subsample=self.row_share,
            subsample_freq=1,
            colsample_bytree=self.column_share,
            random_state=self.seed,
            deterministic=True,
            force_row_wise=True,
            n_jobs=1,
            verbosity=-1,
        ).fit(inputs[usable], target[usable])
        return {"trees": model.booster_.model_to_string()}

    def answer(self, learned: Any, past: pd.DataFrame, future: pd.DataFrame) -> Floats:
        model = library("lightgbm").Booster(model_str=learned["trees"])
        series, horizon = _by_series(future)
        columns = ["unique_id", "ds", "y", *self.covariates]
        known = past.loc[past["unique_id"].isin(series), columns]
        known = known.assign(y=np.log1p(known["y"].to_numpy(dtype=float)))
        return np.maximum(np.expm1(_recursive(model, known, future, horizon, self)), 0.0)


def _inputs(panel: pd.DataFrame, settings: LightGBM) -> pd.DataFrame:
    """One row a period: what is known at its start. Lags as of the row before it; the calendar of the period itself."""
    inputs = lag_features(panel, settings.lags, settings.windows, horizon=1, ewm=settings.exponential)
    dates = panel["ds"].dt
    inputs["week"] = dates.isocalendar().week.to_numpy(dtype=float)
    inputs["month"] = dates.month.to_numpy(dtype=float)
    for column in settings.covariates:
        inputs[column] = panel[column].to_numpy(dtype=float)
    return inputs


def _recursive(model: Any, known: pd.DataFrame, future: pd.DataFrame, horizon: int, settings: LightGBM) -> Floats:
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
