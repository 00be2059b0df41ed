"""How good is a forecast, how sure is that, and what does it cost? (lesson 00, section 3; lesson 01, section 7)"""

from ecomlib.evaluation.backtest import Forecaster, backtest, rolling_origins
from ecomlib.evaluation.metrics import (
    POINT_METRICS,
    coverage,
    mae,
    mase,
    model_columns,
    poisson_deviance,
    quantile_loss,
    rmse,
    rmsse,
    score,
    wape,
)

__all__ = [
    "POINT_METRICS",
    "Forecaster",
    "backtest",
    "coverage",
    "mae",
    "mase",
    "model_columns",
    "poisson_deviance",
    "quantile_loss",
    "rmse",
    "rmsse",
    "rolling_origins",
    "score",
    "wape",
]
