"""Do the numbers add up? Bias of totals, methods of reconciling, and a quarter's intervals, on ten simulated stores.

    python -m benchmarks.simulated.totals           # stores 51 to 60; about 6 minutes of one core
    python -m benchmarks.simulated.totals --only 51 52  # these alone, kept for the run of all; records nothing
    python -m benchmarks.simulated.totals --smoke   # the tiny store, little training; records nothing

Three questions of lesson 11, on stores that no lesson shows and no choice was made on.

**Which forecast may be added up?** Four weeks ahead from four origins, each model trained once, before four earlier
origins (from which the residuals for smearing come). Scored on sales: WAPE by item, WAPE of the weekly total, and bias,
the sum of forecasts over the sum of units, less one, a store. Bar: bias within 3 % on average over the ten stores.

**What does reconciling gain?** The lesson's hierarchy on the same origins: products by Tweedie trees, categories and
total by the mean of their last 8 weeks, made to add up by every method of the package. Only products with a forecast at
all eight origins; the errors of the four earlier origins are the weights. ``against`` is a method's WAPE less that of
bottom-up on the same stores, ``gained`` less that of the base forecasts, which do not add up.

**How wrong may a quarter be?** ``decisions.sales_plan`` plans 13 weeks by category and region from two origins a store,
with what was known there. Share of sums inside the 90 % interval: the whole quarter, its months, its weeks; the total,
categories, regions, and both together. Its rivals are made of the same plan: the variances of its finest rows added up
as if they were independent, and the ends of these rows added up. Two cheap rivals of its total are kept beside it (part
"rivals"): the same weeks a year ago times the growth of the last quarter on the year before, and the mean of 8 weeks.

Expected, written before the first run on these stores, after single tries on stores 0, 100 and 101:

Bias. Median trees are short by 3 to 8 % on average, trees of logs taken back by the exponential alone by more than
that. Smearing lifts these by about 10 %, to zero on average, but carries over how the four earlier origins went: single
stores are more than 10 % off. Trees with Tweedie or squared error and the network with a Poisson head lie within 3 %
on average; single stores are up to 10 % off, since a whole shop rises and falls together and nobody sees
that coming. The mean of 8 weeks lies within 3 % and has the least error at the total (0.11 against 0.14 to 0.16); by
item it is the worst. Reconciled (items by Tweedie trees, categories and total by their means of 8 weeks, structural
weights) lies near the mean of 8 weeks at the total and errs no more than Tweedie trees by item.

Intervals. The plan's hold 16 to 20 of the 20 quarters' totals, about 0.9 of weeks, months, categories and regions, and
are wide: 25 to 40 % up and down at the total. Adding variances holds fewer than half of the totals, and adding the ends
all of them, with an interval that is twice as wide.

The methods of reconciling and the cheap rivals were added after the first recorded run of the other two, from a
reader's doubt whether what one store shows of MinT and of a plan holds on ten; nothing was expected in writing.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy import stats

from benchmarks.simulated import common
from benchmarks.trial import add_trial_options, partial_folder, trial_folder
from ecomlib import recorded
from ecomlib.contract import rolling_origins
from ecomlib.decisions import sales_plan
from ecomlib.ensemble import Hierarchy, reconcile
from ecomlib.ensemble.reconcile import Method
from ecomlib.evaluation import bias, wape
from ecomlib.forecasting import backtest, forecaster
from ecomlib.preprocessing import back_from_logs
from ecomlib.stores import Store, load_store

SEEDS = range(51, 61)
FUTURE = ("rel_price", "promoted", "depth", "week_sin", "week_cos")
READS = {"past": ("y", "rel_price", "promoted", "stockout"), "future": FUTURE, "static": ("category",)}
READS |= {"also_known": ("rel_price",)}
NETWORK = {"hidden": 24, "decoder": 32, "lr": 8e-3, "epochs": 4, "batch_size": 1024, "device": "cpu", "seeds": (1,)}
EIGHT, TWEEDIE, LOGS = "mean of 8 weeks", "trees, Tweedie", "trees of logs"
METHODS: dict[str, Method] = {
    "bottom-up": "bottom_up",
    "top-down": "proportions",
    "OLS": "ols",
    "WLS, by size": "wls_struct",
    "WLS, by variance": "wls",
    "MinT, shrunk": "shrink",
}
BASE, LEVELS = "before", ("total", "category", "series")
BAR = 0.03


def panel_of(store: Store) -> pd.DataFrame:
    """Weeks of the products with the plan and the category."""
    frame = common.panel(store)
    return frame.assign(category=frame["unique_id"].map(store.products.set_index("product_id")["category"]))


def candidates(tiny: bool) -> dict[str, object]:
    """Every way to a number that is to be added up."""
    shape = READS | {"look_back": 8 if tiny else 13}
    trees = {"n_estimators": 20 if tiny else 60, "learning_rate": 0.15, "num_leaves": 15}
    network = NETWORK | ({"epochs": 1} if tiny else {})
    units, parts = {"scale": "none"}, {"scale": "mean_abs"}
    return {
        "trees, median": forecaster("trees", **shape, **trees),
        LOGS: forecaster("trees", **shape, **trees, objective="regression"),
        TWEEDIE: forecaster("trees", **shape, **trees, **units, objective="tweedie"),
        "trees, squared": forecaster("trees", **shape, **trees, **units, objective="regression"),
        "GRU, Poisson": forecaster("gru", **shape, **network, **parts, head="poisson"),
        EIGHT: forecaster("window_mean", window=8),
    }


def reconciled(test: pd.DataFrame) -> np.ndarray:
    """Items by Tweedie trees, categories and total by their mean of 8 weeks, made to add up by structural weights."""
    out = []
    for _, rows in test.groupby("cutoff", sort=False):  # a product launched since the last origin joins the tree
        tree = Hierarchy.of(rows, [[], ["category"]])
        base = tree.add_up(rows.drop(columns="y"), [TWEEDIE, EIGHT])
        base["base"] = base[TWEEDIE].where(base["level"] == "series", base[EIGHT])
        made = reconcile(base, "base", tree, "wls_struct", nonnegative=False)
        out.append(rows[["unique_id", "ds", "cutoff"]].merge(made, on=["unique_id", "ds", "cutoff"])["base"])
    return np.maximum(pd.concat(out).to_numpy(), 0.0)


def heads(store: Store, tiny: bool) -> pd.DataFrame:
    """WAPE by item and of the total, and bias, by model, of one store."""
    panel, horizon = panel_of(store), 2 if tiny else 4
    count = 2 if tiny else 4
    origins = rolling_origins(panel, horizon, 2 * count)
    table = backtest(panel, candidates(tiny), origins, horizon, refit=False, negative="clip")
    early = (table["cutoff"] < origins[count]).to_numpy()
    logs = np.log1p(table[LOGS])
    left = (np.log1p(table["y"]) - logs)[early]
    table["trees of logs, smearing"] = back_from_logs(logs, left)["smearing"].to_numpy()
    test = table[~early].sort_values(["cutoff", "unique_id", "ds"], ignore_index=True)
    test = test.merge(panel[["unique_id", "category"]].drop_duplicates(), on="unique_id", how="left")
    test["reconciled"] = reconciled(test)
    models = [column for column in test if column not in ("unique_id", "ds", "cutoff", "y", "category")]
    total = test.groupby(["cutoff", "ds"], as_index=False)[["y", *models]].sum().assign(unique_id="all")
    pooled = test.assign(cutoff=test["cutoff"].iloc[0])  # all origins' sums as one
    return pd.DataFrame(
        {
            "model": models,
            "item": wape(test, models)[models].mean().to_numpy(),
            "total": wape(total, models)[models].mean().to_numpy(),
            "bias": bias(pooled, models)[models].iloc[0].to_numpy(),
        }
    ).assign(part="heads")


def levels(store: Store, tiny: bool) -> pd.DataFrame:
    """WAPE by level, and bias of the total, of every method of reconciling, of one store."""
    panel, horizon, count = panel_of(store), 2 if tiny else 4, 2 if tiny else 4
    origins = rolling_origins(panel, horizon, 2 * count)
    ways = {name: way for name, way in candidates(tiny).items() if name in (TWEEDIE, EIGHT)}
    table = backtest(panel, ways, origins, horizon, refit=False, negative="clip")
    table = table[table.groupby("unique_id")["cutoff"].transform("nunique") == 2 * count]
    parts = table.merge(panel[["unique_id", "category"]].drop_duplicates(), on="unique_id")
    parts.attrs = dict(table.attrs)
    tree = Hierarchy.of(parts, [[], ["category"]])
    nodes = tree.add_up(parts, [TWEEDIE, EIGHT])
    nodes[BASE] = nodes[TWEEDIE].where(nodes["level"] == "series", nodes[EIGHT])
    before = nodes[nodes["cutoff"] < origins[count]]
    missed = before[["unique_id", "ds"]].assign(error=before["y"] - before[BASE])
    after = nodes[nodes["cutoff"] >= origins[count]].reset_index(drop=True)
    for name, method in METHODS.items():
        after[name] = reconcile(after, BASE, tree, method, errors=missed)[BASE]
    models, rows = [BASE, *METHODS], []
    for level in LEVELS:
        own = after[after["level"] == level]
        errors, leaning = wape(own, models)[models].mean(), own[models].sum() / own["y"].sum() - 1
        rows.append(pd.DataFrame({"model": models, "level": level, "wape": errors, "bias": leaning}))
    return pd.concat(rows, ignore_index=True).assign(part="levels")


def quarters(store: Store, tiny: bool) -> pd.DataFrame:
    """Share of sums inside three kinds of intervals, and their width, by level and span, of two plans; and rivals."""
    horizon, rows = 4 if tiny else 13, []
    panel = common.panel(store, by=("category", "region_id"))
    weeks = np.sort(panel["ds"].unique())
    for back in (2, 1):
        origin, last = weeks[-1 - back * horizon], weeks[-1 - (back - 1) * horizon]
        young = panel.groupby("unique_id")["ds"].transform("min") > origin
        known = panel[~young & (panel["ds"] <= last)]
        plan = sales_plan(known.assign(y=known["y"].where(known["ds"] <= origin)), horizon=horizon)
        found = pd.concat([against(plan, panel).assign(part="quarters"), rivals(panel[~young], origin, horizon)])
        rows.append(found.assign(origin=pd.Timestamp(origin)))
    return pd.concat(rows, ignore_index=True)


def rivals(panel: pd.DataFrame, origin: np.datetime64, horizon: int) -> pd.DataFrame:
    """How far two cheap plans of a quarter's total are off what was sold: forecast over sales, less one."""
    weekly = panel.groupby("ds")["y"].sum()
    past, sold = weekly[weekly.index <= origin], weekly[weekly.index > origin].head(horizon).sum()
    before = weekly.shift(52)
    growth = past.tail(horizon).sum() / before[past.index].tail(horizon).sum(min_count=horizon)
    year = growth * before[weekly.index > origin].head(horizon).sum(min_count=horizon)
    off = {"last year, grown": year / sold - 1, EIGHT: past.tail(8).mean() * horizon / sold - 1}
    return pd.DataFrame({"model": off.keys(), "off": off.values(), "part": "rivals"})


def against(plan: pd.DataFrame, panel: pd.DataFrame) -> pd.DataFrame:
    """Every kind of interval of a plan against what came, by level and span."""
    cells = plan[(plan["level"] == "series") & (plan["span"] == "week")]
    sold = cells.merge(
        panel[["unique_id", "ds", "y"]], left_on=["unique_id", "period_start"], right_on=["unique_id", "ds"], how="left"
    )
    assert sold["y"].notna().all(), "every planned week has come"
    z = stats.norm.ppf(0.95)
    low, high = (sold["mean"] - sold["low"]) / z, (sold["high"] - sold["mean"]) / z
    sold = sold.assign(below=low**2, above=high**2)
    rows = []
    for (level, span), nodes in plan.groupby(["level", "span"], sort=False):
        keys = {"total": [], "series": ["unique_id"]}.get(level, [level])
        for start, length in nodes[["period_start", "periods"]].drop_duplicates().itertuples(index=False):
            inside = sold["period_start"].between(start, start + pd.Timedelta(weeks=int(length) - 1))
            part = sold[inside].assign(all="all")
            sums = part.groupby(keys or ["all"])[["y", "mean", "low", "high", "below", "above"]].sum()
            own = nodes[nodes["period_start"].eq(start) & nodes["periods"].eq(length)]
            own = own.set_index(keys[0]).loc[sums.index] if keys else own.set_index(sums.index)
            kinds = {
                "paths": (own["low"], own["high"]),
                "variances added": (sums["mean"] - z * sums["below"] ** 0.5, sums["mean"] + z * sums["above"] ** 0.5),
                "ends added": (sums["low"], sums["high"]),
            }
            for kind, (lower, upper) in kinds.items():
                hit = (lower <= sums["y"]) & (sums["y"] <= upper)
                rows.append(
                    {
                        "model": kind,
                        "level": level,
                        "span": span,
                        "inside": hit.sum(),
                        "sums": len(hit),
                        "width": float((upper - lower).sum()),
                        "units": float(sums["mean"].sum()),
                        "off": float(sums["mean"].sum() / sums["y"].sum() - 1),
                    }
                )
    found = pd.DataFrame(rows).groupby(["model", "level", "span"], sort=False, as_index=False)
    return found.agg({"inside": "sum", "sums": "sum", "width": "sum", "units": "sum", "off": "mean"})


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Means over the stores with Student's intervals, and coverage with the stores' spread.

    ``against`` is a store's bias less that of Tweedie trees: the whole shop's luck is the same for both.
    """
    rows = []
    each = table[table["part"] == "heads"]
    by_store = each.pivot_table(index="seed", columns="model", values="bias")
    for model, group in each.groupby("model", sort=False):
        apart = by_store[model] - by_store[TWEEDIE]  # what all forecasts miss alike is out of it
        row = {"part": "heads", "model": model, **group[["item", "total", "bias"]].mean().to_dict()}
        row |= {"furthest": group["bias"].abs().max(), "against": apart.mean()}
        if len(group) > 1:
            factor = stats.t.ppf(0.975, len(group) - 1)
            for name, values in (("bias", by_store[model]), ("against", apart)):
                half = factor * values.sem()
                row |= {f"{name}_low": row[name] - half, f"{name}_high": row[name] + half}
        rows.append(row)
    each = table[table["part"] == "levels"]
    for level, group in each.groupby("level", sort=False):
        by_store = group.pivot_table(index="seed", columns="model", values="wape")
        for model in group["model"].unique():
            row = {"part": "levels", "model": model, "level": level, "wape": by_store[model].mean()}
            row |= {"bias": group.loc[group["model"] == model, "bias"].mean()}
            for name, rival in (("against", "bottom-up"), ("gained", BASE)):
                apart = by_store[model] - by_store[rival]
                row[name] = apart.mean()
                if len(by_store) > 1:
                    half = stats.t.ppf(0.975, len(by_store) - 1) * apart.sem()
                    row |= {f"{name}_low": row[name] - half, f"{name}_high": row[name] + half}
            rows.append(row)
    keys = ["model", "level", "span"]
    for key, group in table[table["part"] == "quarters"].groupby(keys, sort=False):
        by_store = group.groupby("seed")[["inside", "sums"]].sum()
        share = by_store["inside"] / by_store["sums"]
        rows.append(
            {"part": "quarters", **dict(zip(keys, key, strict=True)), "sums": group["sums"].sum()}
            | {"coverage": group["inside"].sum() / group["sums"].sum(), "worst": share.min(), "best": share.max()}
            | {"width": group["width"].sum() / group["units"].sum(), "off": group["off"].mean()}
        )
    return pd.DataFrame(rows).assign(seed="all")


def run(size: str, seeds: Sequence[int], out: Path) -> pd.DataFrame:
    """All parts of every store, resumed from partial files, and their summary."""
    parts = []
    for seed in seeds:
        for name, make in (("heads", heads), ("levels", levels), ("quarters", quarters)):
            path = out / f"totals_{size}_{seed}_{name}.parquet"
            if not path.is_file():
                store = load_store("simulated", size=size, seed=seed)
                started = time.process_time()
                found = make(store, size == "tiny")
                found.assign(spent=time.process_time() - started).to_parquet(path, index=False)
            parts.append(pd.read_parquet(path).assign(seed=seed))
            print(seed, name, f"{parts[-1]['spent'].iloc[0]:.0f} s", flush=True)
    table = pd.concat(parts, ignore_index=True)
    return pd.concat([summary(table), table.astype({"seed": str})], ignore_index=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_trial_options(parser, "the tiny store, little training; records nothing")
    parser.add_argument(
        "--only", type=int, nargs="+", help="these stores alone, kept for the whole run; records nothing"
    )
    parser.add_argument("--out", type=Path, default=partial_folder("totals"), help="folder of partial results")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as trial, trial_folder(options) as folder:
        out = Path(trial) if options.smoke else options.out
        out.mkdir(parents=True, exist_ok=True)
        size, seeds = ("tiny", [51]) if options.smoke else ("small", options.only or SEEDS)
        table = run(size, seeds, out)
        board = table[table["seed"] == "all"]
        print(board.dropna(axis=1, how="all").round(3).to_string(index=False))
        if options.only:
            return
        short = board[(board["part"] == "heads")].set_index("model")["bias"]
        recorded.write(
            "totals_n",
            table.drop(columns="spent"),
            script=__file__,
            also=[common.__file__],
            command="python -m benchmarks.simulated.totals",
            protocol="T on simulated stores by seed, none of which a lesson shows or a choice was made on",
            seconds=float(table.groupby(["seed", "part"])["spent"].first().sum()),
            smoke=options.smoke,
            directory=folder,
            facts={f"bias_within_bar: {name}": bool(abs(value) <= BAR) for name, value in short.items()},
        )


if __name__ == "__main__":
    main()
