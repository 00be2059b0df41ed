"""Which memory? Lesson 04's ladder on three stores that neither the lesson nor the choice of settings has seen.

    python -m benchmarks.simulated.sequence_models  # stores of seeds 3, 4, 5; lesson: 0, settings: 1, 2
    python -m benchmarks.simulated.sequence_models --smoke  # the tiny store, two networks; records nothing

Every network has the same inputs, width, loss and epochs, is trained once before the first of three origins on sales
(weights' seed: the store's), and scored on demand, four weeks ahead. Records sequence_models: one row a model, part of
the rows and store, and pooled over stores with a paired interval against the rival that the row names.

Expected, written before the first run: networks of equal inputs lie within a few hundredths of each other, ahead of
LightGBM; a look-back of a year brings nothing with two years of history; the plan of prices and promotions matters more
than the network, most of all in promotion weeks; text does nothing for products with a history and helps newcomers,
and shuffled text does not; the ways of fusion are level. In units, squared error wins the squared error and absolute
error the WAPE.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from benchmarks.trial import add_trial_options, trial_folder
from ecomlib import Store, load_store, recorded
from ecomlib.contract import register, rolling_origins
from ecomlib.evaluation import attainable, compare, wape
from ecomlib.features import calendar, relative_price
from ecomlib.forecasting import backtest
from ecomlib.models import Network, NetworkSettings
from ecomlib.models.baselines import LightGBM
from ecomlib.panel import make_panel
from ecomlib.text import encode
from ecomlib.training import TrainSettings, fit, make_network, predict
from ecomlib.windowing import WindowSettings
from ecomlib.windows import WindowSet

HORIZON, SEEDS = 4, (3, 4, 5)
PAST = ("y", "rel_price", "promoted", "stockout")
PRICES, WEEK = ("rel_price", "promoted", "depth"), ("week_sin", "week_cos")
TRAIN = TrainSettings(epochs=4, batch_size=512, lr=5e-3, device="cpu")
SHAPE: dict[str, Any] = {"head": "absolute", "hidden": 24, "decoder": 32}
# name -> part, network, look-back, known ahead, text, fusion
ARMS: dict[str, tuple[str, str, int, tuple[str, ...], bool, str]] = {
    "RNN": ("ladder", "rnn", 26, PRICES + WEEK, False, "concat"),
    "LSTM": ("ladder", "lstm", 26, PRICES + WEEK, False, "concat"),
    "GRU": ("ladder", "gru", 26, PRICES + WEEK, False, "concat"),
    "Transformer": ("ladder", "transformer", 26, PRICES + WEEK, False, "concat"),
    "Transformer, 60 weeks": ("ladder", "transformer", 60, PRICES + WEEK, False, "concat"),
    "GRU, nothing known ahead": ("known", "gru", 26, (), False, "concat"),
    "GRU, calendar": ("known", "gru", 26, WEEK, False, "concat"),
    "GRU, plan and text": ("known", "gru", 26, PRICES + WEEK, True, "concat"),
    "GRU, gate": ("fusion", "gru", 26, PRICES + WEEK, False, "gate"),
    "GRU, cross-attention": ("fusion", "gru", 26, PRICES + WEEK, False, "cross_attention"),
    "RNN, squared error of units": ("loss", "rnn", 26, PRICES + WEEK, False, "concat"),
    "RNN, absolute error of units": ("loss", "rnn", 26, PRICES + WEEK, False, "concat"),
}
# The losses of section 7 work on units over the window's level; all other arms on the absolute error of logarithms.
UNITS = {"RNN, squared error of units": "squared", "RNN, absolute error of units": "absolute"}
RIVAL = {
    "RNN": "LightGBM",
    "LSTM": "LightGBM",
    "GRU": "LightGBM",
    "Transformer": "LightGBM",
    "LightGBM": "naive",
    "Transformer, 60 weeks": "Transformer",
    "LightGBM, nothing known ahead": "LightGBM",
    "RNN, absolute error of units": "RNN, squared error of units",
    "RNN, squared error of units": "RNN",
}


@register
class RNNNetwork(Network):
    """The plain recurrent network (Elman, 1990), for the ladder's lowest step."""

    kind = "rnn"

    def make_encoder(self, settings: NetworkSettings) -> nn.Module:
        return nn.RNN(settings.past + 1, settings.hidden, num_layers=settings.layers, batch_first=True)


def prepare(store: Store) -> pd.DataFrame:
    """The weekly panel with relative prices, the calendar and the category."""
    panel = make_panel(store)
    panel = panel.join(relative_price(panel))
    panel["category"] = panel["unique_id"].map(store.products.set_index("product_id")["category"])
    return pd.concat([panel, calendar(panel)], axis=1)


def titles(store: Store, until: pd.Timestamp) -> pd.DataFrame:
    """The vector of each product's title as it stood at ``until``, or at its launch where that came later."""
    rows = store.listings.sort_values(["product_id", "valid_from"])
    known = rows[rows["valid_from"] <= until].groupby("product_id").last()
    text = rows.groupby("product_id").first()["title"].to_frame().combine_first(known[["title"]])
    text.loc[known.index, "title"] = known["title"]
    return pd.DataFrame(encode(text["title"].tolist()), index=text.index)


def windows_of(
    panel: pd.DataFrame, look_back: int, known: tuple[str, ...], text: pd.DataFrame | None, in_units: bool = False
) -> WindowSet:
    shape = WindowSettings(
        look_back,
        HORIZON,
        past=PAST,
        future=known,
        static=("category",),
        also_known=("rel_price",),
        scale="mean_abs" if in_units else "log1p_shift",
    )
    return WindowSet.from_panel(panel, shape, text)


def warm(store: Store, seed: int, arms: Mapping[str, Any], trees: bool) -> tuple[pd.DataFrame, dict[str, float]]:
    """All models at three origins on one store, scored on demand; and the CPU seconds of each."""
    panel = prepare(store.observed())
    origins = rolling_origins(panel, HORIZON, 3)
    truth = store.truth.panel("demand").rename(columns={"value": "y"})
    scored = attainable(store, origins, HORIZON, filtered=False).merge(truth, on=["unique_id", "ds"])
    known = panel[["unique_id", "ds", "y"]].rename(columns={"ds": "cutoff", "y": "naive"})
    known["mean of 8 weeks"] = known.groupby("unique_id")["naive"].rolling(8, min_periods=1).mean().to_numpy()
    known["weeks known"] = known.groupby("unique_id").cumcount() + 1
    scored = scored.merge(known, on=["unique_id", "cutoff"]).merge(
        panel[["unique_id", "ds", "promoted"]], on=["unique_id", "ds"]
    )
    seconds: dict[str, float] = {}
    if trees:
        for name, plan in {"LightGBM": PRICES, "LightGBM, nothing known ahead": ()}.items():
            started = time.process_time()
            peer = {name: LightGBM(objective="absolute", covariates=plan)}
            found = backtest(panel, peer, origins, HORIZON).drop(columns="y")
            scored, seconds[name] = scored.merge(found, on=["unique_id", "ds", "cutoff"]), time.process_time() - started
    text = titles(store, origins[0]) if any(arm[4] for arm in arms.values()) else None
    for name, (_, network, look_back, plan, wants_text, fusion) in arms.items():
        started = time.process_time()
        windows = windows_of(panel, look_back, plan, text if wants_text else None, name in UNITS)
        train, _ = windows.split(origins[0], 1)
        shape = SHAPE | {"head": UNITS.get(name, "absolute"), "fusion": fusion, "seed": seed}
        model = make_network(network, train, **shape)
        fit(model, train, None, TRAIN)
        found = pd.concat([predict(model, windows.at(origin)) for origin in origins]).drop(columns="y")
        scored = scored.merge(found.rename(columns={"forecast": name}), on=["unique_id", "ds", "cutoff"])
        seconds[name] = time.process_time() - started
    return scored.assign(unique_id=f"{seed}|" + scored["unique_id"]), seconds


def newcomers(store: Store, seed: int) -> pd.DataFrame:
    """Products launched after the training's end, forecast when they are one week old: without text, with, shuffled.

    The end is the day after which two thirds of the late products come. All other products train the network; nothing
    of a newcomer does.
    """
    panel = prepare(store.observed())
    start = panel.groupby("unique_id")["ds"].min()
    late = np.sort(start[start > panel["ds"].min()])
    end = pd.Timestamp(late[len(late) // 3])
    text = titles(store, end)
    category = store.products.set_index("product_id")["category"].reindex(text.index)
    rng, order = np.random.default_rng(seed), np.arange(len(text))
    for name in category.unique():
        here = np.flatnonzero(category == name)
        order[here] = rng.permutation(here)
    shuffled = pd.DataFrame(text.to_numpy()[order], index=text.index)
    truth, scored = store.truth.panel("demand").rename(columns={"value": "demand"}), None
    for name, vectors in {"no text": None, "text": text, "shuffled text": shuffled}.items():
        windows = windows_of(panel, 26, PRICES + WEEK, vectors)
        train, _ = windows.split(end, 1)
        model = make_network("gru", train, seed=seed, **SHAPE)
        fit(model, train, None, TRAIN)
        young = start[(start > end) & (start <= panel["ds"].max() - pd.Timedelta(weeks=HORIZON))]
        found = pd.concat([predict(model, windows.at(monday)) for monday in sorted(young.unique())])
        found = found[found["cutoff"] == found["unique_id"].map(young)].rename(columns={"forecast": name})
        columns = ["unique_id", "ds", "cutoff", name]
        scored = found[columns] if scored is None else scored.merge(found[columns], on=columns[:3])
    scored = scored.merge(truth, on=["unique_id", "ds"]).rename(columns={"demand": "y"})
    last = panel.rename(columns={"ds": "cutoff", "y": "naive"})[["unique_id", "cutoff", "naive"]]
    scored = scored.merge(last, on=["unique_id", "cutoff"])
    # One origin: newcomers come one by one, so whole products are redrawn.
    return scored.assign(unique_id=f"{seed}|" + scored["unique_id"], cutoff=pd.Timestamp(end))


def rows_of(scored: pd.DataFrame, part: str, name: str, rival: str, rows: str, by_store: bool = True) -> list[dict]:
    """Score, skill and the paired interval of one model on some of the rows: each store, and all of them."""
    out = []
    error = {column: wape(scored, column)[column].mean() for column in {name, rival, "naive"}}
    base = {"part": part, "model": name, "rows": rows, "rival": rival}
    pooled = {**base, "store": "all", "wape": error[name], "products": scored["unique_id"].nunique()}
    if "attainable_median" in scored:
        floor = wape(scored, "attainable_median")["attainable_median"].mean()
        pooled |= {"attainable": floor, "skill": (error["naive"] - error[name]) / (error["naive"] - floor)}
    pooled["rmse"] = float(np.sqrt(((scored["y"] - scored[name]) ** 2).mean()))
    if name != rival:
        squares = compare(scored, name, rival, "mse", rng=np.random.default_rng(0)).relative
        pooled |= {"mse_relative": squares.estimate, "mse_low": squares.low, "mse_high": squares.high}
        verdict = compare(scored, name, rival, rng=np.random.default_rng(0))
        ends = verdict.relative
        pooled |= {"relative": ends.estimate, "low": ends.low, "high": ends.high, "word": verdict.word}
    out.append(pooled)
    stores = scored["unique_id"].str.partition("|")[0]
    for seed, own in scored.groupby(stores) if by_store else ():
        score = {column: wape(own, column)[column].mean() for column in {name, rival}}
        out.append({**base, "store": seed, "wape": score[name], "relative": score[name] / score[rival] - 1})
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_trial_options(parser, "the tiny store, two networks; records nothing")
    options = parser.parse_args()
    smoke = options.smoke
    torch.set_num_threads(1)
    started = time.perf_counter()
    arms = {name: ARMS[name] for name in ("RNN", "GRU, gate")} if smoke else ARMS
    parts, fresh, seconds = [], [], []
    for seed in (1,) if smoke else SEEDS:
        store = load_store("simulated", size="tiny" if smoke else "small", seed=seed)
        scored, spent = warm(store, seed, arms, trees=not smoke)
        parts.append(scored)
        seconds.append(spent)
        fresh.append(newcomers(store, seed))
        print(f"seed {seed}: {time.perf_counter() - started:.0f} s", flush=True)
    warm_rows = pd.concat(parts, ignore_index=True)
    names = ["naive", "mean of 8 weeks", *seconds[0]]
    rows: list[dict] = []
    for name in names:
        part, rival = arms[name][0] if name in arms else "ladder", RIVAL.get(name, "naive")
        if part in ("known", "fusion"):
            rival = "GRU"
        rival = rival if rival in names else "naive"
        rows += rows_of(warm_rows, part, name, rival, "all weeks")
        rows += rows_of(warm_rows[warm_rows["promoted"] >= 0.5], part, name, rival, "promotion weeks", by_store=False)
    if fresh:
        cold = pd.concat(fresh, ignore_index=True)
        for name, rival in {
            "naive": "naive",
            "no text": "naive",
            "text": "no text",
            "shuffled text": "no text",
        }.items():
            rows += rows_of(cold, "newcomers", name, rival, "newcomers of one week")
    table = pd.DataFrame(rows)
    table["seconds"] = table["model"].map(pd.DataFrame(seconds).mean()).where(table["store"] == "all")
    shown = table[table["store"] == "all"].drop(columns=["store", "rival"])
    print(shown.round(3).to_string(index=False), flush=True)
    with trial_folder(options) as folder:
        recorded.write(
            "sequence_models",
            table,
            script=__file__,
            command="python -m benchmarks.simulated.sequence_models",
            protocol="WAPE on demand, 4 weeks ahead from 3 origins, trained once before the first; size small, stores "
            "of seeds 3, 4, 5, one training a store; (ours - rival) / rival, 95 % interval over products and origins",
            seconds=time.perf_counter() - started,
            smoke=smoke,
            directory=folder,
            measured=("seconds",),
            facts={"look_back": 26, "train": str(TRAIN), "shape": SHAPE},
        )


if __name__ == "__main__":
    main()
