"""The small shops of the golden record, and the frames that several parts read; made once a process."""

from __future__ import annotations

from functools import cache

import pandas as pd

from ecomlib.contract import rolling_origins
from ecomlib.forecasting import backtest
from ecomlib.models import baselines
from ecomlib.panel import make_panel
from ecomlib.stores import Store
from ecomlib.stores.simulated import make_store
from ecomlib.windowing import WindowSettings
from ecomlib.windows import WindowSet

SCORED = ["unique_id", "cutoff", "ds"]
HORIZON = 3
WINDOW = WindowSettings(
    look_back=8, horizon=HORIZON, past=("y", "price"), future=("price", "promoted"), static=("category",)
)


@cache
def whole_store(seed: int) -> Store:
    """The simulated store of size tiny with its truth."""
    return make_store("tiny", seed)


@cache
def store(seed: int) -> Store:
    """The same as a shop knows it."""
    return whole_store(seed).observed()


@cache
def weekly(seed: int) -> pd.DataFrame:
    """Units by product and week, with the product's category."""
    panel = make_panel(store(seed))
    category = store(seed).products.set_index("product_id")["category"].astype(str)
    return panel.assign(category=panel["product_id"].map(category))


def windows(
    seed: int, settings: WindowSettings = WINDOW, *, binary: bool = False, **more: object
) -> tuple[WindowSet, WindowSet]:
    """Windows to train on, and those of the last origins that can be scored; ``binary``: was anything sold?"""
    panel = weekly(seed)
    if binary:
        panel = panel.assign(y=(panel["y"] > 0).astype(float))
    made = WindowSet.from_panel(panel, settings, **more)  # type: ignore[arg-type]
    weeks = sorted(panel["ds"].unique())
    return made.between(last=weeks[-2 * HORIZON - 1]), made.between(first=weeks[-2 * HORIZON])


@cache
def scored(seed: int) -> pd.DataFrame:
    """Three quick forecasts of six origins, with region-free keys: what averages and intervals are made of."""
    panel = weekly(seed)
    models = {
        "mean4": baselines.WindowMean(4),
        "mean8": baselines.WindowMean(8),
        "naive": baselines.Naive(),
        "smoothed": baselines.ExponentialSmoothing(),
    }
    frame = backtest(panel, models, rolling_origins(panel, 1, 10), 1)
    return frame.merge(panel[["unique_id", "ds", "category"]], on=["unique_id", "ds"])
