"""Every baseline, in the backtest that the lessons use."""

from __future__ import annotations

import pandas as pd
from record import sample
from shops import SCORED, weekly

from ecomlib.contract import rolling_origins
from ecomlib.ensemble.average import Average
from ecomlib.forecasting import backtest
from ecomlib.models import baselines


def part(seed: int) -> dict[str, pd.DataFrame]:
    """Forecast three weeks from two origins by each baseline."""
    panel = weekly(seed)
    small = baselines.LightGBM(lags=(1, 2, 3, 4, 8), windows=(4,), trees=30)
    absolute = baselines.LightGBM(
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
        "naive": baselines.Naive(),
        "seasonal_naive_4": baselines.SeasonalNaive(4),
        "seasonal_naive_52": baselines.SeasonalNaive(),
        "window_mean_8": baselines.WindowMean(),
        "window_mean_3": baselines.WindowMean(3),
        "exponential_smoothing": baselines.ExponentialSmoothing(),
        "auto_theta": baselines.AutoTheta(),
        "auto_ets": baselines.AutoETS(),
        "auto_ets_ANN": baselines.AutoETS("ANN"),
        "croston": baselines.Statsforecast("CrostonOptimized"),
        "log_mean": Average((baselines.Naive(), baselines.WindowMean(4)), "log_mean"),
        "lightgbm": small,
        "lightgbm_absolute": absolute,
    }
    frame = backtest(panel, models, rolling_origins(panel, 3, 2), 3)
    return {f"forecast: {name}": sample(frame[[*SCORED, name]], SCORED) for name in models}
