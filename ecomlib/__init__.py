"""ecomlib: forecasts for online stores: what they will sell, to whom, where and when.

The front door offers what the first hours need, and imports nothing until a name is asked for (PEP 562): torch,
transformers, pandas and pandera are imported by the names that use them. All else is in the rooms, such as
``ecomlib.features`` and ``ecomlib.causal``. ``dir(ecomlib)`` lists both.

Examples
--------
>>> import ecomlib
>>> "make_panel" in dir(ecomlib), "features" in dir(ecomlib)
(True, True)
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ecomlib import errors, evaluation, features, models, plots, stores
    from ecomlib.contract import FittedForecaster, Forecaster, register, rolling_origins
    from ecomlib.ensemble import combine, split_conformal
    from ecomlib.errors import DataError, EcomlibError
    from ecomlib.evaluation import compare, coverage, score
    from ecomlib.features import calendar, lags, last_year, relative_price
    from ecomlib.forecasting import backtest, forecaster, load, save
    from ecomlib.panel import make_panel
    from ecomlib.stores import Store, load_store
    from ecomlib.windowing import WindowSettings
    from ecomlib.windows import WindowSet

__all__ = [
    "DataError",
    "EcomlibError",
    "FittedForecaster",
    "Forecaster",
    "Store",
    "WindowSet",
    "WindowSettings",
    "backtest",
    "calendar",
    "combine",
    "compare",
    "coverage",
    "errors",
    "evaluation",
    "features",
    "forecaster",
    "lags",
    "last_year",
    "load",
    "load_store",
    "make_panel",
    "models",
    "plots",
    "register",
    "relative_price",
    "rolling_origins",
    "save",
    "score",
    "split_conformal",
    "stores",
]
__version__ = "0.1.0"

# The room of each name; a test compares the list with the imports above.
_ROOM = {
    "Store": "stores",
    "load_store": "stores",
    "make_panel": "panel",
    "calendar": "features",
    "lags": "features",
    "last_year": "features",
    "relative_price": "features",
    "WindowSet": "windows",
    "WindowSettings": "windowing",
    "FittedForecaster": "contract",
    "Forecaster": "contract",
    "register": "contract",
    "rolling_origins": "contract",
    "backtest": "forecasting",
    "forecaster": "forecasting",
    "load": "forecasting",
    "save": "forecasting",
    "compare": "evaluation",
    "coverage": "evaluation",
    "score": "evaluation",
    "combine": "ensemble",
    "split_conformal": "ensemble",
    "DataError": "errors",
    "EcomlibError": "errors",
}
_FIT = 'make a forecaster and fit it: ecomlib.forecaster("gru").fit(panel, horizon=4).'
_FORECAST = 'a fitted forecaster forecasts: ecomlib.forecaster("naive").fit(panel, horizon=4).forecast().'
_MAKE = 'name it: ecomlib.forecaster("{}").'
_READ = 'read a folder of tables with ecomlib.load_store("folder"), or make ecomlib.Store(name, products, orders).'
_PANEL = "series are a panel, a pandas frame with unique_id, ds and y: ecomlib.make_panel(store) makes it."
# What users of other libraries type first, and what they do here.
_FOREIGN = {
    "fit": _FIT,
    "train": _FIT,
    "make_network": _FIT,
    "NeuralForecast": _FIT,
    "StatsForecast": _FIT,
    "MLForecast": _FIT,
    "TimeSeriesPredictor": _FIT,
    "Prophet": _FIT,
    "AutoARIMA": _FIT,
    "predict": _FORECAST,
    "forecast": _FORECAST,
    "GRU": _MAKE.format("gru"),
    "LSTM": _MAKE.format("lstm"),
    "Transformer": _MAKE.format("transformer"),
    "DLinear": _MAKE.format("linear"),
    "PatchTST": _MAKE.format("patch"),
    "iTransformer": _MAKE.format("itransformer"),
    "TiDE": _MAKE.format("tide"),
    "NHITS": _MAKE.format("nhits"),
    "TCN": _MAKE.format("tcn"),
    "Naive": _MAKE.format("naive"),
    "SeasonalNaive": _MAKE.format("seasonal_naive"),
    "NaiveSeasonal": _MAKE.format("seasonal_naive"),
    "ExponentialSmoothing": _MAKE.format("exponential_smoothing"),
    "AutoETS": _MAKE.format("auto_ets"),
    "LightGBM": _MAKE.format("lightgbm"),
    "LightGBMModel": _MAKE.format("lightgbm"),
    "read_csv": _READ,
    "read_parquet": _READ,
    "load_dataset": _READ,
    "load_data": _READ,
    "DataFrame": _READ,
    "TimeSeries": _PANEL,
    "TimeSeriesDataSet": _PANEL,
    "TimeSeriesDataFrame": _PANEL,
    "Dataset": _PANEL,
    "cross_validation": 'ecomlib.backtest(panel, ["naive", "gru"], origins=4, horizon=4) fits and forecasts at each.',
    "cross_validate": 'ecomlib.backtest(panel, ["naive", "gru"], origins=4, horizon=4) fits and forecasts at each.',
    "historical_forecasts": "ecomlib.backtest(panel, forecasters, origins=4, horizon=4) does that.",
    "evaluate": "ecomlib.score(frame, train=panel) scores what ecomlib.backtest returns.",
    "accuracy": "ecomlib.score(frame, train=panel) scores what ecomlib.backtest returns.",
    "train_test_split": "ecomlib.windows.split(panel, train_end, valid_periods) splits in time.",
    "temporal_train_test_split": "ecomlib.windows.split(panel, train_end, valid_periods) splits in time.",
    "plot": "ecomlib.plots.fan(panel, forecast, series=…) draws a forecast.",
    "plot_series": "ecomlib.plots.fan(panel, forecast, series=…) draws a forecast.",
    "frequency": "ecomlib.panel.frequency(panel) reads it off the dates.",
    "as_of_join": "ecomlib.features.as_of_join joins what was known at each row's time.",
    "TrainSettings": "ecomlib.training.TrainSettings holds them.",
    "mae": 'ecomlib.score(frame, metrics=["mae"]), or ecomlib.evaluation.mae.',
    "rmse": 'ecomlib.score(frame, metrics=["rmse"]), or ecomlib.evaluation.rmse.',
    "wape": 'ecomlib.score(frame, metrics=["wape"]), or ecomlib.evaluation.wape.',
    "mape": 'ecomlib.score(frame, metrics=["wape"]): a share of zero sales is not defined.',
    "Average": 'name it: ecomlib.forecaster("average", members=(first, second)), or ecomlib.ensemble.Average.',
    "Conformal": 'name it: ecomlib.forecaster("conformal", member=first), or ecomlib.ensemble.Conformal.',
    "export": "ecomlib.forecasting.export.export(fitted, folder) writes a network as ONNX.",
    "open": "ecomlib.load reads what ecomlib.save wrote; ecomlib.load_store reads a store.",
}

if not TYPE_CHECKING:  # a type checker reads the imports above, and reports every other name

    def __getattr__(name: str) -> Any:
        if name in _ROOM:
            found = getattr(importlib.import_module(f"ecomlib.{_ROOM[name]}"), name)
        elif name in _rooms():
            found = importlib.import_module(f"ecomlib.{name}")
        elif name.startswith("__"):
            raise AttributeError(f"module 'ecomlib' has no attribute '{name}'")
        else:
            from ecomlib.errors import unknown_name

            raise unknown_name("ecomlib", name, __dir__(), _FOREIGN, "dir(ecomlib) lists what there is.")
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted({*_ROOM, *_rooms(), "__version__"})


def _rooms() -> list[str]:
    return [room.name for room in pkgutil.iter_modules(__path__)]
