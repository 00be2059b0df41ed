"""Trains a team of forecasters on one simulated store, and averages it in the ways of lesson 07 (``ensembling.py``)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy import stats

from benchmarks.simulated import common
from ecomlib.contract import rolling_origins
from ecomlib.ensemble import combine, stacking_weights
from ecomlib.evaluation import bias, verdict_word, wape
from ecomlib.models.trees import Trees
from ecomlib.stores import Store
from ecomlib.training import TrainSettings, fit, make_network, predict
from ecomlib.windowing import WindowSettings
from ecomlib.windows import WindowSet

WINDOW = WindowSettings(
    26,
    4,
    past=("y", "rel_price", "promoted", "stockout"),
    future=("rel_price", "promoted", "depth", "week_sin", "week_cos"),
    static=("category",),
    also_known=("rel_price",),
)
TRAIN = TrainSettings(epochs=6, batch_size=1024, lr=8e-3, device="cpu")
GRU: dict[str, Any] = {"head": "absolute", "hidden": 24, "decoder": 32}
SEEDS = (1, 2, 3)
EIGHT = "mean of 8 weeks"
SINGLE = ("GRU", "LightGBM", "linear", EIGHT)
UNFITTED = (
    *("three seeds", "snapshots", "GRU with LightGBM", "network and trees", "one of each kind"),
    *("mean of all", "median of all"),
)
Floats = NDArray[np.float64]
Say = Callable[[WindowSet], pd.DataFrame]


def product_weeks(store: Store, size: str, counts: tuple[int, int]) -> tuple[WindowSet, WindowSet, list[pd.Timestamp]]:
    """All windows, those to train on, and the origins: first those to fit, choose or calibrate on, then the test's."""
    frame = common.panel(store)
    frame["category"] = frame["unique_id"].map(store.products.set_index("product_id")["category"])
    window = replace(WINDOW, look_back=8, horizon=2) if size == "tiny" else WINDOW
    windows = WindowSet.from_panel(frame, window)
    origins = rolling_origins(frame, window.horizon, sum(counts))
    return windows, windows.split(origins[0], 1)[0], origins


def at_origins(windows: WindowSet, origins: Sequence[pd.Timestamp], say: Say) -> pd.DataFrame:
    """What ``say`` forecasts from each of these origins, one frame."""
    return pd.concat([say(windows.at(origin)) for origin in origins], ignore_index=True)


def last_eight(now: WindowSet) -> tuple[Floats, NDArray[np.bool_]]:
    """Units of the last eight weeks known at each window, and which of them were seen."""
    batch = now.batch(torch.arange(len(now)))
    seen = batch.seen[:, -8:]
    return now.settings.units(batch.x[:, -8:, 0], batch.scale).double().numpy(), seen.bool().numpy()


def team(store: Store, size: str, how: TrainSettings) -> tuple[pd.DataFrame, dict[str, float], NDArray[np.bool_]]:
    """Scored rows of all members, the processor seconds of each, and which rows stand before the test part."""
    counts = (2, 2) if size == "tiny" else (5, 4)
    windows, train, origins = product_weeks(store, size, counts)
    frame, seconds = pd.DataFrame(), {}

    def add(name: str, say: Say, started: float) -> None:
        nonlocal frame
        found = at_origins(windows, origins, say)
        frame = found[["unique_id", "ds", "cutoff", "y"]].copy() if frame.empty else frame
        frame[name], seconds[name] = found["forecast"].to_numpy(), time.process_time() - started

    def eight(now: WindowSet) -> pd.DataFrame:
        units, seen = last_eight(now)
        level = (units * seen).sum(1) / np.maximum(seen.sum(1), 1)
        return now.frame().assign(forecast=level.repeat(now.settings.horizon))

    for seed in SEEDS:
        started = time.process_time()
        net = make_network("gru", train, **GRU, seed=seed)
        fit(net, train, None, replace(how, seed=seed))
        add(f"GRU|{seed}", lambda now, net=net: predict(net, now, device="cpu"), started)
    net = make_network("gru", train, **GRU, seed=4)
    started = time.process_time()
    for cycle in (0, 1, 2, 3):  # each restarts the learning rate and goes on from the same weights
        fit(net, train, None, replace(how, epochs=max(how.epochs // 3, 1), seed=10 + cycle))
        if cycle == 0:  # immature: warms up, and is not kept
            continue
        add(f"snapshot {cycle}", lambda now, net=net: predict(net, now, device="cpu"), started)
        started = time.process_time()
    started = time.process_time()
    trees = Trees().fit_windows(train)
    add("LightGBM", lambda now: Trees.predict_windows(trees, now), started)
    started = time.process_time()
    net = make_network("linear", train, **GRU, seed=1)
    fit(net, train, None, replace(how, seed=1))
    add("linear", lambda now, net=net: predict(net, now, device="cpu"), started)
    add(EIGHT, eight, time.process_time())
    return frame, seconds, frame["cutoff"].isin(origins[: counts[0]]).to_numpy()


def averaged(frame: pd.DataFrame, early: NDArray[np.bool_]) -> pd.DataFrame:
    """Add every average; ``name|seed`` where it depends on which of the three trainings was at hand.

    Weights are fitted, and members and averages chosen, on sales of the rows of ``early``, nowhere else.
    """
    made = frame.copy()
    seeds = [f"GRU|{seed}" for seed in SEEDS]
    made["three seeds"] = combine(made, seeds)
    made["snapshots"] = combine(made, [f"snapshot {k}" for k in (1, 2, 3)])
    for seed in SEEDS:
        made[f"GRU with LightGBM|{seed}"] = combine(made, [f"GRU|{seed}", "LightGBM"])
    made["network and trees"] = combine(made, ["three seeds", "LightGBM"])
    made["one of each kind"] = combine(made, ["three seeds", "LightGBM", "linear"])
    members = [*seeds, "LightGBM", "linear", EIGHT]
    made["mean of all"], made["median of all"] = combine(made, members), combine(made, members, "median")
    for name in ("GRU", *members[3:]):
        left = [other for other in members if other.partition("|")[0] != name]
        made[f"mean of all without {name}"] = combine(made, left)
    weights = stacking_weights(made[early], members)
    made["stacked"] = combine(made, members, weights=weights.to_dict())
    made["free weights for each product"] = _free_weights(made, early, members)
    for what, names in (("best single on validation", SINGLE), ("best average on validation", UNFITTED)):
        for seed in SEEDS:
            columns = [f"{name}|{seed}" if f"{name}|{seed}" in made else name for name in names]
            best = min(columns, key=lambda column: wape(made[early], column)[column].mean())
            made[f"{what}|{seed}"] = made[best]
    return made


def _free_weights(frame: pd.DataFrame, early: NDArray[np.bool_], members: list[str]) -> Floats:
    """The mistake: least squares for each product, weights free; equal shares where there are no rows to fit on."""
    said = np.full(len(frame), np.nan)
    table, y = frame[members].to_numpy(dtype=float), frame["y"].to_numpy(dtype=float)
    equal = np.full(len(members), 1 / len(members))
    for rows in frame.groupby("unique_id").indices.values():
        known = rows[early[rows] & np.isfinite(y[rows])]
        found = np.linalg.lstsq(table[known], y[known], rcond=None)[0] if len(known) else equal
        said[rows] = np.maximum(table[rows] @ found, 0.0)
    return said


def store_scores(frame: pd.DataFrame) -> pd.DataFrame:
    """``model, wape, bias, total`` of a store's test rows against demand; trainings of one kind averaged.

    ``total`` is the WAPE of the weekly sum over all products.
    """
    skip = {"unique_id", "ds", "cutoff", "y", "demand", "seed"}
    names = [name for name in frame.columns if name not in skip]
    judged = frame.assign(y=frame["demand"])
    summed = judged.groupby(["cutoff", "ds"], as_index=False)[["y", *names]].sum().assign(unique_id="all")
    table = pd.DataFrame(
        {
            "model": [name.partition("|")[0] for name in names],
            "wape": wape(judged, names)[names].mean().to_numpy(),
            "bias": bias(judged, names)[names].mean().to_numpy(),
            "total": wape(summed, names)[names].mean().to_numpy(),
        }
    )
    return table.groupby("model", sort=False, as_index=False).mean()


def over_stores(differences: Floats) -> dict[str, Any]:
    """Mean of one relative difference a store, its 95 % interval (Student's t), and the smallest that it would show.

    ``smallest`` is the true difference that so many stores would have shown in four of five repetitions.
    """
    n = len(differences)
    if n < 2:
        return {"relative": float(differences.mean()), "low": np.nan, "high": np.nan, "smallest": np.nan}
    error = float(differences.std(ddof=1) / np.sqrt(n))
    middle, reach = float(differences.mean()), float(stats.t.ppf(0.975, n - 1))
    low, high = middle - reach * error, middle + reach * error
    smallest = (reach + float(stats.t.ppf(0.8, n - 1))) * error
    found = {"relative": middle, "low": low, "high": high, "smallest": smallest}
    return found | {"word": verdict_word(low, high), "wins": int((differences < 0).sum()), "of": n}


def member_rows(each: pd.DataFrame, rivals: Sequence[str], seconds: pd.Series) -> pd.DataFrame:
    """One row a model and rival over all stores, then each store's own scores."""
    scores = each.pivot_table(["wape", "bias", "total"], "seed", "model", sort=False)
    means = each.groupby("model", sort=False)[["wape", "bias", "total"]].mean()
    rows = []
    for name in means.index:
        base = {"model": name, "store": "all", **means.loc[name], "seconds": seconds.get(name)}
        rows.append(base)
        for rival in rivals:
            if rival != name:
                gap = (scores["wape"][name] / scores["wape"][rival] - 1).to_numpy()
                rows.append({**base, "rival": rival, **over_stores(gap)})
    own = each.rename(columns={"seed": "store"}).astype({"store": str})
    return pd.concat([pd.DataFrame(rows), own[["model", "store", "wape", "bias", "total"]]], ignore_index=True)
