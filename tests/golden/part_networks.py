"""The recorded networks with every head and every way in which plan and memory meet, with and without a text vector."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from record import sample
from shops import SCORED, WINDOW, weekly, windows

from ecomlib.models.base import FUSIONS
from ecomlib.models.heads import HEADS
from ecomlib.training import TrainSettings, fit, make_network, predict
from ecomlib.windowing import WindowSettings

SCALES = ("log1p_shift", "log1p_mean", "mean_abs", "none")
SMALL = {"hidden": 16, "decoder": 16, "fusion_heads": 4}
MODELS = ("gru", "lstm", "transformer")  # those that the record holds; tests/models holds the others
OWN = {"transformer": {"attention_heads": 4, "feed_forward": 16}}
TRAIN = TrainSettings(epochs=2, batch_size=128, lr=1e-2, device="cpu", precision="fp32")


def vectors(seed: int, width: int = 12) -> dict[str, np.ndarray]:
    """A made-up text vector a product: the networks' reading of text is on trial, not the encoder."""
    rng = np.random.default_rng(seed + 50)
    names = sorted(weekly(seed)["product_id"].unique())
    return {str(name): rng.normal(size=width).astype(np.float32) for name in names}


def run(
    seed: int, model: str, head: str, scale: str, *, text: bool = False, how: TrainSettings = TRAIN, **network: Any
) -> dict[str, pd.DataFrame]:
    """Train a small network for two epochs; its forecasts of the last origins, and the losses on the way."""
    shape = WindowSettings(**{**vars(WINDOW), "scale": scale})
    more = {"text": vectors(seed), "text_key": "product_id"} if text else {}
    panel_head = head == "yes_no"
    train, test = windows(seed, shape, binary=panel_head, **more)
    net = make_network(model, train, head=head, seed=seed, **{**SMALL, **OWN.get(model, {}), **network})
    history = fit(net, train, test, replace(how, seed=seed)).history
    frame = predict(net, test, device="cpu")
    losses = history.set_index("epoch")[["train_loss", "valid_loss", "lr"]]
    if head == "quantile":  # recorded by their shares, of which the point forecast is one
        frame = frame.drop(columns="forecast").rename(columns=lambda column: column.removeprefix("forecast-"))
    return {"forecast": sample(frame.drop(columns="y"), SCORED), "losses": losses}


def part(seed: int) -> dict[str, pd.DataFrame]:
    """Forecasts and losses of these networks with every head, fusion, scale, and with and without text."""
    found: dict[str, pd.DataFrame] = {}

    def add(name: str, **settings: Any) -> None:
        found.update({f"{kind}: {name}": frame for kind, frame in run(seed, **settings).items()})

    for model in MODELS:
        for head in HEADS:
            counted = head in ("poisson", "negative_binomial")
            scale = "none" if head == "yes_no" else "mean_abs" if counted else "log1p_shift"
            add(f"{model}, {head}", model=model, head=head, scale=scale)
        for fusion in FUSIONS:
            for text in (False, True):
                if fusion != "concat" or text:
                    name = f"{model}, {fusion}{', text' if text else ''}"
                    add(name, model=model, head="absolute", scale="log1p_shift", fusion=fusion, text=text)
        add(f"{model}, two layers, dropout", model=model, head="absolute", scale="log1p_shift", layers=2, dropout=0.1)
    for scale in SCALES[1:]:
        add(f"gru, scale {scale}", model="gru", head="squared", scale=scale)
    add("gru, quantiles at the ends", model="gru", head="quantile", scale="log1p_shift", quantiles=(0.05, 0.5, 0.95))
    ways = {
        "averaged weights": replace(TRAIN, average=0.9),
        "in chunks": replace(TRAIN, chunk=48),
        "constant rate": replace(TRAIN, schedule="constant"),
    }
    for name, how in ways.items():
        add(f"gru, {name}", model="gru", head="absolute", scale="log1p_shift", how=how)
    return found
