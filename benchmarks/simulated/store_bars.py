"""What does a change of the simulated store change? The bars of protocol N on three stores, before and after.

    python -m benchmarks.simulated.store_bars                  # stores 31, 32, 33; about 6 minutes
    python -m benchmarks.simulated.store_bars --out FILE.csv   # and keeps the table, to be compared with another one
    python -m benchmarks.simulated.store_bars --smoke          # the tiny store

A change of the store is one commit, whose message shows this table before and after. Nothing is chosen here, so nothing
is recorded: the bars themselves are held by the recordings (`causal`, `spatial`, `coverage_n`, `adversarial`).

Market: weekly units of products, four weeks ahead from four origins, against demand. Causal: mean absolute error over
the categories. Map: share of the way from lags of a region's own to the attainable floor, by lags of all regions, in
Poisson deviance. Intervals: coverage of the pooled 90 % of region-days. Letters: the true effect over 28 days of
writing to all, to those who bought within 60 days, and to the segments for which it pays, over that of writing to
exactly those whom it moves. Items: share of what a customer buys for the first time in the last 90 days that is among
twenty items, by popularity in the 28 days before, by what the buyers of the same items buy, and by popularity times
what the customer truly likes.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.simulated import causal, ensembling, spatial
from ecomlib.contract import rolling_origins
from ecomlib.ensemble import coverage_by, split_conformal
from ecomlib.evaluation import attainable
from ecomlib.panel import make_panel
from ecomlib.spatial import Levels, RegionDays, day_split
from ecomlib.stores import Store
from ecomlib.stores.simulated import make_store

SEEDS, AHEAD, LIST, BEFORE, RECENT = (31, 32, 33), 4, 20, 90, 60


def market(store: Store) -> dict[str, float]:
    """WAPE of naive, mean of eight and the floors against demand, at product-weeks; and the share of units lost."""
    panel = make_panel(store.observed())[["unique_id", "ds", "y"]]
    demand = store.truth.panel("demand").rename(columns={"value": "demand"})
    origins = rolling_origins(panel, AHEAD, count=4)
    floors = attainable(store, origins, AHEAD)
    wide = panel.pivot_table(index="ds", columns="unique_id", values="y")
    parts = []
    for origin in origins:
        past = wide[wide.index <= origin]
        rules = {"naive": past.iloc[-1], "mean of 8": past.tail(8).mean()}
        parts.append(pd.DataFrame(rules).rename_axis("unique_id").reset_index().assign(cutoff=origin))
    frame = floors.merge(pd.concat(parts), on=["unique_id", "cutoff"]).merge(demand, on=["unique_id", "ds"]).dropna()
    names = {"naive": "naive", "mean of 8": "mean of 8", "attainable_median": "attainable", "filter_median": "filter"}
    names |= {"omniscient_median": "omniscient"}
    found = {
        f"WAPE {word}": float((frame[column] - frame["demand"]).abs().sum() / frame["demand"].sum())
        for column, word in names.items()
    }
    return found | {"units lost": 1 - float(panel["y"].sum() / demand["demand"].sum())}


def effects(size: str, seed: int, smoke: bool) -> dict[str, float]:
    """Elasticities, promotions and their truth, by the estimators of `causal.py`."""
    tables = causal.on_one_store(size, causal.Case(seed), smoke)
    table, found = tables["causal_elasticity"], {}
    for outcome in ("demand", "sales"):
        for estimator in ("naive", "DML with text"):
            part = table[(table["outcome"] == outcome) & (table["estimator"] == estimator)]
            found[f"elasticity off, {estimator}, {outcome}"] = float((part["elasticity"] - part["truth"]).abs().mean())
    part = tables["causal_promotion"].query("outcome == 'demand'").set_index("comparison")
    return found | {f"promotion, {how}": float(part["estimate"][how]) for how in ("randomised", "targeted")}


def space(store: Store) -> dict[str, float]:
    """What the map is worth, and whether the pooled interval of region-days covers."""
    maps = RegionDays.from_store(store.observed())
    origins = day_split(len(maps.days), Levels(np.ones((7, 1))).window, spatial.HORIZON)
    levels = Levels.fit(maps, int(origins[0][-1]) + spatial.HORIZON)
    train, _, test = (levels.windows(maps, part, spatial.LOOK_BACK, spatial.HORIZON) for part in origins)
    alone = spatial.ridge(train, [test], maps, "own")[0]
    mapped = spatial.ridge(train, [test], maps, "all", lags=3, alpha=10.0)[0]
    days = maps.days[test.origin.numpy()]
    floor = attainable(store, days, spatial.HORIZON, "D", ("region_id",), filtered=False)
    truth = store.truth.panel("demand", "D", ("region_id",)).rename(columns={"value": "demand"})
    floor = floor.merge(truth, on=["unique_id", "ds"]).sort_values(["cutoff", "ds", "unique_id"])
    shape = (len(days), spatial.HORIZON, len(maps.regions))
    best, came = (floor[name].to_numpy().reshape(shape)[:, 1:] for name in ("attainable", "demand"))
    gap = [float(spatial.deviance(came, said[:, 1:, :, 0]).mean()) for said in (alone, mapped)]
    least = float(spatial.deviance(came, best).mean())
    calibration, scored = ensembling.regions(store)
    ends = split_conformal(calibration, scored, "forecast", scale="root")
    covered = coverage_by(scored.assign(**ends, all="all"), ["all"], "forecast")["coverage"].item()
    return {"map, share of the way": (gap[0] - gap[1]) / (gap[0] - least), "covered, region-days": float(covered)}


def letters(store: Store) -> dict[str, float]:
    """Shares of the effect of writing to those alone whom it moves, of the living customers at the end."""
    people = store.truth.customers
    there = people[people["left_on"].isna()]
    effect = there["mailing_orders_28d"].to_numpy()
    last = store.orders.groupby("customer_id")["ordered_at"].max().reindex(there["customer_id"])
    recent = (store.truth.dates[-1] - last).dt.days.to_numpy() < RECENT
    pays = there.groupby("segment")["mailing_orders_28d"].transform("mean").to_numpy() > 0
    most = np.maximum(effect, 0).sum()
    found = {"all": np.ones(len(effect), bool), "who bought lately": recent, "segments that pay": pays}
    return {f"letters, {word}": float(effect[chosen].sum() / most) for word, chosen in found.items()}


def items(store: Store) -> dict[str, float]:
    """Recall of first purchases among ``LIST`` items: what sells, and what goes with what a customer has bought."""
    lines = store.orders.dropna(subset="customer_id")
    lines = lines[lines["quantity"] < 100]
    customer, who = pd.factorize(lines["customer_id"])
    names = pd.Index(store.products["product_id"])
    product = names.get_indexer(lines["product_id"])
    cut = store.truth.dates[-1] - pd.Timedelta(days=BEFORE)
    past = (lines["ordered_at"] < cut).to_numpy()
    lately = past & (lines["ordered_at"] >= cut - pd.Timedelta(days=28)).to_numpy()
    owned = np.zeros((len(who), len(names)), dtype=np.float32)
    owned[customer[past], product[past]] = 1
    new = np.zeros_like(owned)
    new[customer[~past], product[~past]] = 1
    new *= 1 - owned
    norm = np.sqrt(np.maximum(owned.sum(axis=0), 1))
    alike = owned.T @ owned / norm[:, None] / norm
    np.fill_diagonal(alike, 0)
    popular = np.bincount(product[lately], minlength=len(names))
    cases = (owned.sum(axis=1) >= 2) & (new.sum(axis=1) > 0)
    scores = {"popularity": np.tile(popular, (cases.sum(), 1)), "neighbours": owned[cases] @ alike}
    row = pd.Index(store.truth.customers["customer_id"]).get_indexer(who[cases])
    scores["true taste"] = popular * np.exp(store.truth.customer_taste[row] @ store.truth.item_taste.T)
    found = {}
    for word, score in scores.items():
        best = np.argsort(-np.where(owned[cases] > 0, -1, score), axis=1, kind="stable")[:, :LIST]
        hits = np.take_along_axis(new[cases], best, axis=1).sum(axis=1)
        found[f"items, {word}"] = float((hits / np.minimum(new[cases].sum(axis=1), LIST)).mean())
    return found


def bars(size: str, seed: int, smoke: bool) -> dict[str, Any]:
    """All bars of one store."""
    store = make_store(size, seed)
    found = market(store) | effects(size, seed, smoke) | letters(store) | items(store)
    return found if smoke else found | space(store)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="the tiny store, without the map")
    parser.add_argument("--out", type=Path, help="a CSV file for the table")
    options = parser.parse_args()
    began = time.perf_counter()
    table = pd.DataFrame(
        {
            f"store {seed}": bars("tiny" if options.smoke else "small", seed, options.smoke)
            for seed in (SEEDS[:1] if options.smoke else SEEDS)
        }
    )
    print(table.round(3).to_string())
    print(f"{time.perf_counter() - began:,.0f} s")
    if options.out:
        table.to_csv(options.out)


if __name__ == "__main__":
    main()
