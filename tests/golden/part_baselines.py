"""Every baseline, in the backtest that the lessons use."""

from __future__ import annotations

import pandas as pd
from record import sample
from shops import SCORED, weekly

from ecomlib.evaluation import backtest, rolling_origins
from ecomlib.models import baselines


def part(seed: int) -> dict[str, pd.DataFrame]:
    """Forecast three weeks from two origins by each baseline."""
    panel = weekly(seed)
    small = baselines.BoostingSettings(lags=(1, 2, 3, 4, 8), windows=(4,), trees=30)
    absolute = baselines.BoostingSettings(
        objective="absolute",
        lags=(1, 2, 4),
        windows=(4,),
        trees=30,
        row_share=0.8,
        column_share=0.8,
        covariates=("price", "promoted"),
        seed=seed,
    )
    models = {
        "naive": baselines.naive(),
        "seasonal_naive_4": baselines.seasonal_naive(4),
        "seasonal_naive_52": baselines.seasonal_naive(),
        "window_mean_8": baselines.window_mean(),
        "window_mean_3": baselines.window_mean(3),
        "exponential_smoothing": baselines.exponential_smoothing(),
        "auto_theta": baselines.auto_theta(),
        "auto_ets": baselines.auto_ets(),
        "auto_ets_ANN": baselines.auto_ets("ANN"),
        "croston": baselines.statsforecast_model(lambda models, freq: models.CrostonOptimized()),
        "log_mean": baselines.log_mean([baselines.naive(), baselines.window_mean(4)]),
        "lightgbm": baselines.lightgbm(small),
        "lightgbm_absolute": baselines.lightgbm(absolute),
    }
    frame = backtest(panel, models, rolling_origins(panel, 3, 2), 3, known_ahead=("price", "promoted"))
    return {f"forecast: {name}": sample(frame[[*SCORED, name]], SCORED) for name in models}
