"""One quick forecaster of every registered name, and a panel that it can be fitted on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from ecomlib.contract import Forecaster
from ecomlib.forecasting import forecaster
from ecomlib.models.registry import NETWORKS
from ecomlib.training import TrainSettings

SEASON = ("week_sin", "week_cos")
QUICK: dict[str, Callable[[], Forecaster]] = {
    "naive": lambda: forecaster("naive"),
    "seasonal_naive": lambda: forecaster("seasonal_naive", season=4),
    "window_mean": lambda: forecaster("window_mean", window=3),
    "window_quantiles": lambda: forecaster("window_quantiles", window=6, quantiles=(0.25, 0.9)),
    "exponential_smoothing": lambda: forecaster("exponential_smoothing"),
    "auto_theta": lambda: forecaster("auto_theta"),
    "auto_ets": lambda: forecaster("auto_ets", model="ANN"),
    "statsforecast": lambda: forecaster("statsforecast", model="SimpleExponentialSmoothing", options={"alpha": 0.3}),
    "lightgbm": lambda: forecaster(
        "lightgbm", trees=5, least_rows=2, lags=(1, 2, 3), windows=(4,), covariates=("price",)
    ),
    "trees": lambda: forecaster(
        "trees",
        look_back=8,
        past=("y", "price"),
        future=("price", *SEASON),
        static=("category",),
        quantiles=(0.1, 0.9),
        n_estimators=5,
        min_child_samples=5,
    ),
    "average": lambda: forecaster(
        "average",
        members=(QUICK["trees"](), forecaster("average", members=(QUICK["naive"](), QUICK["window_mean"]()))),
        weights=(0.75, 0.25),
    ),
    "conformal": lambda: forecaster("conformal", member=QUICK["trees"](), origins=4),
    "count_law": lambda: forecaster("count_law", member=QUICK["window_mean"](), window=12),
    "maps": lambda: forecaster("maps", look_back=7, level=14, hidden=4, train=TrainSettings(epochs=1, device="cpu")),
    "region_ridge": lambda: forecaster("region_ridge", lags=3, level=14),
    **{
        name: lambda name=name: forecaster(name, look_back=8, future=SEASON, epochs=1, hidden=8, device="cpu")
        for name in NETWORKS
    },
}
OF_REGIONS = ("maps", "region_ridge")


def panel_of(name: str) -> pd.DataFrame:
    """Sales of products by week, or of regions by day."""
    return regions() if name in OF_REGIONS else products()


def products() -> pd.DataFrame:
    """Six series of 40 weeks, one that starts late, and the plan of three more weeks."""
    rng = np.random.default_rng(0)
    weeks = pd.date_range("2023-01-02", periods=43, freq="W-MON")
    parts = []
    for k in range(7):
        part = pd.DataFrame({"unique_id": f"p{k}", "ds": weeks, "y": rng.poisson(5 + 3 * k, 43).astype(float)})
        part["price"] = rng.uniform(4, 6, 43).round(2)
        part["category"] = "cups" if k % 2 else "bowls"
        parts.append(part.iloc[36:] if k == 6 else part)
    panel = pd.concat(parts, ignore_index=True)
    return panel.assign(y=panel["y"].where(panel["ds"] <= weeks[39]))


def regions() -> pd.DataFrame:
    """Four regions of 70 days."""
    rng = np.random.default_rng(1)
    days = pd.date_range("2024-01-01", periods=70, freq="D")
    level = 10 + 4 * np.sin(2 * np.pi * np.arange(70) / 7)
    return pd.concat(
        [
            pd.DataFrame({"unique_id": f"R{k}", "ds": days, "y": rng.poisson(level * (1 + k)).astype(float)})
            for k in range(4)
        ],
        ignore_index=True,
    )
