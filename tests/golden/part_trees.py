"""Trees on the networks' windows, networks and trees as forecasters in a backtest."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
from record import sample
from shops import HORIZON, SCORED, WINDOW, store, weekly, windows

from ecomlib.contract import rolling_origins
from ecomlib.forecasting import backtest
from ecomlib.models.trees import Trees, window_table
from ecomlib.panel import make_panel
from ecomlib.training import NetworkForecaster, TrainSettings
from ecomlib.windowing import WindowSettings

FEW = {"n_estimators": 40, "min_child_samples": 20}


def part(seed: int) -> dict[str, pd.DataFrame]:
    """Forecasts of trees (median, quantiles), of networks trained anew at each origin, and the trees' inputs."""
    train, test = windows(seed)
    table = window_table(test).assign(row=[f"{k:06d}" for k in range(len(test) * HORIZON)])
    found = {"inputs of trees": sample(table, "row", 20)}
    for name, quantiles in (("median", ()), ("quantiles", (0.05, 0.5, 0.95))):
        trees = Trees(quantiles=quantiles, options=FEW)
        answer = trees.predict_windows(trees.fit_windows(train), test)
        # The record keeps its names: "forecast" alone, or the quantiles without it.
        answer = answer.drop(columns=["y", "forecast"] if quantiles else "y")
        found[f"forecast: trees, {name}"] = sample(answer.rename(columns=lambda c: c.replace("forecast-", "")), SCORED)
    panel = weekly(seed)
    calendar = WindowSettings(
        8,
        HORIZON,
        past=("y", "price"),
        future=("price", "promoted", "week_sin", "week_cos", "holidays"),
        static=("category",),
    )
    quick = TrainSettings(epochs=2, batch_size=256, lr=1e-2, device="cpu", precision="fp32", valid_periods=3)
    small = {"hidden": 8, "decoder": 8}
    attentive = {**small, "attention_heads": 2, "feed_forward": 8, "head": "quantile"}
    models = {
        "gru": NetworkForecaster("gru", calendar, quick, (seed,), small),
        "lstm, two seeds": NetworkForecaster("lstm", WINDOW, quick, (seed, seed + 1), small),
        "transformer, quantiles": NetworkForecaster("transformer", WINDOW, quick, (seed,), attentive),
    }
    scored = backtest(panel, models, rolling_origins(panel, HORIZON, 2), HORIZON)
    for name in models:
        found[f"backtest: {name}"] = sample(scored[[*SCORED, name]], SCORED)
    daily = make_panel(store(seed), freq="D", by=("category",))
    daily_quick = replace(quick, valid_periods=14)
    answer = backtest(
        daily,
        {"gru": NetworkForecaster("gru", WindowSettings(14, 7, future=("weekday",)), daily_quick, options=small)},
        rolling_origins(daily, 7, 1),
        7,
    )
    found["backtest: gru, days"] = sample(answer[[*SCORED, "gru"]], SCORED)
    return found
