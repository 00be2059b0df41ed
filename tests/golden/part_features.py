"""Panels and features: what every model reads."""

from __future__ import annotations

import numpy as np
import pandas as pd
from record import sample
from shops import store, weekly

from ecomlib import features
from ecomlib.panel import make_panel
from ecomlib.preprocessing import BoxCox, Deseasonalise, Difference, Log1p, Scale, resample, robust_z
from ecomlib.text.cold_start import judge_arms, newcomers, predict_arms
from ecomlib.training import TrainSettings, fit, make_network, predict
from ecomlib.windowing import WindowSettings
from ecomlib.windows import WindowSet

KEY = ["unique_id", "ds"]
FEW = 12  # rows a table: the sums hold the rest


def panels(seed: int) -> dict[str, pd.DataFrame]:
    """Panels of several frequencies and keys."""
    shop = store(seed)
    made = {
        "weeks": make_panel(shop),
        "weeks ahead": make_panel(shop, ahead=4),
        "weeks by category": make_panel(shop, by=("category",)),
        "weeks by product and region": make_panel(shop, by=("product_id", "region_id")),
        "weeks from the first sale": make_panel(shop, begin="sale", fill="nan", first="drop"),
        "days by region": make_panel(shop, freq="D", by=("region_id",)),
        "days by category and region": make_panel(shop, freq="D", by=("category", "region_id"), end="2025-03-31"),
        "months": make_panel(shop, freq="MS"),
    }
    return {f"panel: {name}": sample(panel, KEY, FEW) for name, panel in made.items()}


def made_features(seed: int) -> dict[str, pd.DataFrame]:
    """Each feature beside the panel's rows."""
    shop, panel = store(seed), weekly(seed)
    half = panel.iloc[::2]
    daily = make_panel(shop, freq="D", by=("category",))
    tables = {
        "lags": (panel, features.lags(panel, (1, 2, 8, 12), (4, 12), ewm=(0.3,))),
        "lags, horizon 3": (panel, features.lags(panel, (1, 2, 4, 13), (4,), horizon=3, aligned=(4, 13))),
        "last year, 12 weeks": (panel, features.last_year(panel, 12)),
        "last year, 28 days": (daily, features.last_year(daily, 28)),
        "counts": (half, features.counts(shop.orders, half)),
        "counts, 28 days": (half, features.counts(shop.orders, half, within="28D", known_after="1D")),
        "recency": (half, features.recency(shop.orders, half)),
        "return rate": (half, features.return_rate(shop.orders, half)),
        "return rate, prior": (half, features.return_rate(shop.orders, half, prior=(1.0, 9.0))),
    }
    found = {}
    for name, (rows, made) in tables.items():
        found[f"feature: {name}"] = sample(rows[KEY].join(made), KEY, FEW)
    for freq, panel_freq in (("D", "D"), ("W-MON", "W-MON"), ("MS", "MS")):
        ds = pd.Series(pd.date_range("2023-11-27" if freq != "MS" else "2023-01-01", periods=60, freq=panel_freq))
        found[f"calendar: {freq}"] = sample(features.calendar(ds, freq).assign(ds=ds), "ds", FEW)
    assert shop.reviews is not None
    reviews = shop.reviews[["product_id", "written_at", "rating"]]
    joined = features.as_of_join(
        half[[*KEY, "product_id"]], reviews, on=("ds", "written_at"), by="product_id", known_after="1D", within="60D"
    )
    found["feature: newest review"] = sample(joined, KEY, FEW)
    return found


def customers(seed: int) -> dict[str, pd.DataFrame]:
    """Who will come back: the panel of customers, and a network that says yes or no."""
    panel = features.customer_panel(store(seed), ahead=6)
    found = {"panel: customers": sample(panel, KEY, FEW)}
    shape = WindowSettings(8, 1, past=("log_orders", "log_units", "gap"), scale="none")
    windows = WindowSet.from_panel(panel, shape)
    weeks = sorted(panel["ds"].unique())
    train, test = windows.split(weeks[-8], 1, embargo=5)
    train = train.take(torch_range(len(train), 600))
    net = make_network("gru", train, head="yes_no", hidden=8, decoder=8, seed=seed)
    fit(net, train, None, TrainSettings(epochs=2, batch_size=128, lr=1e-2, device="cpu", seed=seed))
    found["probability: coming back"] = sample(predict(net, test, device="cpu").drop(columns="y"), [*KEY, "cutoff"])
    return found


def torch_range(count: int, most: int) -> object:
    """Evenly spaced numbers of windows, at most ``most``."""
    import torch

    return torch.from_numpy(np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64)))


def newcomer_arms(seed: int) -> dict[str, pd.DataFrame]:
    """Newcomers' table, and arms with made-up blocks in place of the encoder's vectors."""
    table, rng = newcomers(store(seed)), np.random.default_rng(seed)
    y, price = table["y"].to_numpy(dtype=float), table["price"].to_numpy(dtype=float)
    blocks = {
        "bert": np.column_stack([y + rng.normal(size=len(y)), rng.normal(size=(len(y), 6))]),
        "random": rng.normal(size=(len(y), 7)),
        "constant": np.ones((len(y), 1)),
    }
    train = np.arange(len(y)) % 3 > 0
    said = predict_arms(y, np.log(price)[:, None], blocks, train, list(table["product_id"]), rng)
    judged = judge_arms(y[~train], said.reset_index(drop=True), rng)
    return {
        "newcomers": sample(table, "product_id", FEW),
        "arms: forecasts": said,
        "arms: judged": judged.set_index("arm").astype(float),
    }


def transforms(seed: int) -> dict[str, pd.DataFrame]:
    """Each transformation forward, and a constant forecast taken back."""
    panel = make_panel(store(seed), by=("category",))
    cut = sorted(panel["ds"].unique())[-5]
    train, later = panel[panel["ds"] <= cut], panel[panel["ds"] > cut].assign(forecast=0.5)
    kinds = {
        "Box-Cox": BoxCox(),
        "log1p": Log1p(),
        "scale": Scale(),
        "robust scale": Scale(robust=True),
        "difference": Difference(),
        "difference 4": Difference(4),
        "seasons": Deseasonalise((4,)),
    }
    found = {}
    for name, kind in kinds.items():
        fitted = kind.fit(train)
        forward = pd.concat([fitted.transform(train), fitted.transform(later)], ignore_index=True)
        back = fitted.inverse(later, ["forecast"])
        found[f"transformed: {name}"] = sample(forward[[*KEY, "y"]], KEY, FEW)
        found[f"taken back: {name}"] = sample(back[[*KEY, "forecast"]], KEY, FEW)
    z = robust_z(panel["y"], panel["unique_id"])
    found["robust z"] = sample(panel[KEY].assign(z=z), KEY, FEW)
    daily = make_panel(store(seed), freq="D", by=("category",))
    found["weeks of days"] = sample(resample(daily[[*KEY, "y"]], "W-MON"), KEY, FEW)
    found["months of days"] = sample(resample(daily[[*KEY, "y"]], "MS"), KEY, FEW)
    return found


def part(seed: int) -> dict[str, pd.DataFrame]:
    """Panels, features, customers, newcomers and transformations."""
    found: dict[str, pd.DataFrame] = {}
    for make in (panels, made_features, customers, newcomer_arms, transforms):
        found |= make(seed)
    return found
