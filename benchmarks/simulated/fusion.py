"""What does each of a shop's tables add to next week's forecast, and what does a join that leaks promise and earn?

    python -m benchmarks.simulated.fusion  # about ten minutes on one core; continues where it was interrupted
    python -m benchmarks.simulated.fusion --smoke  # two tiny stores; records nothing

Ten simulated stores of seeds that no lesson shows. One row a product and Monday, every value as it was known then
(``causal.design``); the units of the week that begins are forecast by the same trees, with the product's own sales and
the calendar, and with the columns of one table more: the plan of prices and promotions, stock, returns, reviews,
mailings, sessions, texts (16 principal components, fitted on the training weeks), or all of them. The last twelve weeks
are tested, the twelve before tell how large misses are. Nothing is tuned; every arm has the same trees.

The join that leaks: parcels sent back, joined by the week of their order. "as tested" has the table as it stands at the
end, in training and in the test; "on the Monday" is the same model, with the same query on the test's Mondays, when
nothing of that week has come back.

Money: each product's week is ordered at the quantile of past misses that its costs ask for (a unit too few costs its
margin, one too many a quarter of its unit cost); the true demand judges.

Primary comparison: all tables less own sales, WAPE of units sold. Expected before the run, after one trial on seed 41
that had the columns but no text: the plan takes about a tenth off the error and all tables no more than that; stock,
returns, reviews, mailings, sessions and text lie within one per cent of own sales; the leak promises as much as the
plan and earns less than own sales alone.

Records fusion: ``row, wape, bias, change, low, high`` (relative change of the WAPE against own sales with Student's
interval over the stores), ``saved, saved_low, saved_high`` (share of the cost of mistakes), ``columns, stores``.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
from scipy.stats import t as student

from benchmarks.trial import add_trial_options, partial_folder, trial_folder
from ecomlib import recorded
from ecomlib.causal import design, listing_texts
from ecomlib.decisions import newsvendor_cost, newsvendor_quantile
from ecomlib.evaluation import bias, wape
from ecomlib.stores.simulated import make_store
from ecomlib.stores.store import Store
from ecomlib.text import encode

SEEDS = tuple(range(51, 61))  # no lesson and no trial shows them
TEST = 12
OWN = (
    *("units_last", "units_mean4", "units_2", "units_3", "days_since_order", "orders_so_far"),
    *("week_sin", "week_cos", "to_christmas", "kind", "unit_cost"),
)
SOURCES: Mapping[str, tuple[str, ...]] = {
    "prices and plan": ("log_price", "price_last", "promoted", "depth"),
    "stock": ("stockout_last",),
    "returns": ("return_rate",),
    "reviews": ("reviews_so_far", "rating"),
    "mailings": ("mailed_last",),
    "sessions": ("visits_last", "buys_last"),
    "text": tuple(f"text_{n}" for n in range(16)),
}
LEAK = "sent_back_of_this_week"


def fused(store: Store) -> pd.DataFrame:
    """One row a product and Monday, with every table's columns, the leak among them."""
    frame = design(store.observed(), demand=store.truth.panel("demand"))
    past = frame.groupby("product_id")["units_last"]
    frame["units_2"], frame["units_3"] = past.shift(1), past.shift(2)
    frame["kind"] = frame["category"].astype("category").cat.codes
    assert store.sessions is not None
    begun = store.sessions["started_at"].dt.to_period("W-SUN").dt.start_time
    weekly = store.sessions.groupby(begun).agg(visits=("session_id", "size"), buys=("converted", "mean"))
    before = frame["ds"] - pd.Timedelta(weeks=1)
    frame["visits_last"], frame["buys_last"] = before.map(weekly["visits"]), before.map(weekly["buys"])
    frame[LEAK] = frame["returns"]
    return frame


def text_columns(store: Store, frame: pd.DataFrame, train: np.ndarray) -> pd.DataFrame:
    """The title in force as principal components of its vector, fitted on the training rows' titles."""
    vectors = encode(listing_texts(store.observed())["title"])
    seen = vectors[np.unique(frame["listing"].to_numpy()[train])]
    width = len(SOURCES["text"])
    _, _, axes = np.linalg.svd(seen - seen.mean(axis=0), full_matrices=False)
    found = (vectors - seen.mean(axis=0)) @ axes[:width].T
    table = pd.DataFrame(np.zeros((len(vectors), width)), columns=list(SOURCES["text"]))
    table.iloc[:, : found.shape[1]] = found
    return table.iloc[frame["listing"].to_numpy()].reset_index(drop=True)


def trees(x: pd.DataFrame, y: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Forecasts of log1p units of the test rows by trees that minimise the absolute error."""
    model = lgb.LGBMRegressor(
        objective="regression_l1",
        n_estimators=200,
        learning_rate=0.07,
        num_leaves=31,
        min_child_samples=40,
        verbose=-1,
        n_jobs=1,
        random_state=0,
        deterministic=True,
    )
    return np.asarray(model.fit(x[train], np.log1p(y[train])).predict(x[test]))


def one_store(seed: int, size: str, last: int = TEST) -> pd.DataFrame:
    """WAPE, bias and the cost of mistakes of each row of the table, on one store."""
    store = make_store(size, seed)
    frame = fused(store)
    weeks = np.sort(frame["ds"].unique())
    ends = (weeks[8], weeks[-2 * last], weeks[-last], pd.Timestamp.max)
    before, between, test = (
        frame["ds"].between(first, until, inclusive="left").to_numpy() for first, until in pairwise(ends)
    )
    frame = pd.concat([frame, text_columns(store, frame, before)], axis=1)
    y, demand = frame["units"].to_numpy(float), frame["demand"].to_numpy()[test]
    c_o = 0.25 * frame["unit_cost"].to_numpy()[test]
    c_u = (frame["price"] - frame["unit_cost"]).clip(lower=0.01).to_numpy()[test]
    share = newsvendor_quantile(c_u, c_o)
    every = [name for names in SOURCES.values() for name in names]
    arms: dict[str, Sequence[str]] = {"own sales": ()} | {f"+ {name}": names for name, names in SOURCES.items()}
    arms |= {"all tables": every, "leak, as tested": (LEAK,), "leak, on the Monday": (LEAK,)}
    rows = []

    def add(name: str, forecast: np.ndarray, misses: np.ndarray, columns: int) -> None:
        order = np.expm1(np.log1p(forecast) + np.quantile(misses, share)).clip(min=0).round()
        cost = newsvendor_cost(order, demand, c_u, c_o).sum() / last
        held = frame.loc[test, ["unique_id"]].assign(y=y[test], forecast=forecast)
        errors = {"wape": wape(held, "forecast", by=()), "bias": bias(held, "forecast", by=())}
        errors = {what: float(value["forecast"].iloc[0]) for what, value in errors.items()}
        rows.append({"seed": seed, "row": name, **errors, "cost": cost, "columns": columns})

    for name, column in (("last week", "units_last"), ("mean of 4 weeks", "units_mean4")):
        there = frame[column].fillna(0).to_numpy()
        add(name, there[test], np.log1p(y[between]) - np.log1p(there[between]), 1)
    for name, more in arms.items():
        x = frame[[*OWN, *more]].astype(float)
        misses = np.log1p(y[between]) - trees(x, y, before, between)
        if name == "leak, on the Monday":
            x.loc[test, LEAK] = 0.0
        forecast = np.expm1(trees(x, y, before | between, test)).clip(min=0)
        add(name, forecast, misses, len(more))
    return pd.DataFrame(rows)


def over_stores(rows: pd.DataFrame) -> pd.DataFrame:
    """Means over the stores, and relative changes against own sales with Student's intervals, paired by store."""
    found = []
    error, cost = (rows.pivot_table(index="seed", columns="row", values=name) for name in ("wape", "cost"))
    for name, part in rows.groupby("row", sort=False):
        row = {"row": name, "wape": part["wape"].mean(), "bias": part["bias"].mean()}
        changed, saved = error[name] / error["own sales"] - 1, 1 - cost[name] / cost["own sales"]
        for ends, value in ((("change", "low", "high"), changed), (("saved", "saved_low", "saved_high"), saved)):
            half = student.ppf(0.975, len(value) - 1) * value.std() / np.sqrt(len(value))
            row |= dict(zip(ends, (value.mean(), value.mean() - half, value.mean() + half), strict=True))
        found.append(row | {"columns": part["columns"].iloc[0], "stores": len(part)})
    return pd.DataFrame(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_trial_options(parser, "two tiny stores; records nothing")
    options = parser.parse_args()
    size, seeds, last = ("tiny", SEEDS[:2], 6) if options.smoke else ("small", SEEDS, TEST)
    with tempfile.TemporaryDirectory() as trial, trial_folder(options) as tables:
        parts = Path(trial) if options.smoke else partial_folder("fusion")
        parts.mkdir(parents=True, exist_ok=True)
        stores = []
        for seed in seeds:
            file = parts / f"{seed}.parquet"
            if not file.exists():
                started = time.process_time()
                one_store(seed, size, last).assign(cpu_seconds=time.process_time() - started).to_parquet(file)
            stores.append(pd.read_parquet(file))
            print(stores[-1].round(3).to_string(), flush=True)
        rows = pd.concat(stores, ignore_index=True)
        table = over_stores(rows)
        print(table.round(3).to_string())
        recorded.write(
            "fusion",
            table,
            script=__file__,
            command="python -m benchmarks.simulated.fusion",
            protocol="ten simulated stores, the last twelve weeks, one week ahead, scored on sales",
            seconds=rows.groupby("seed")["cpu_seconds"].first().sum(),
            smoke=options.smoke,
            directory=tables,
            facts={"seeds": list(seeds)},
        )


if __name__ == "__main__":
    main()
