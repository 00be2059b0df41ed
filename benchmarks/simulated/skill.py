"""How far from naive to attainable do the forecasts of lesson 00 come, and what do their order lists save?

    python -m benchmarks.simulated.skill          # small stores of seeds 31 to 40; about 10 minutes
    python -m benchmarks.simulated.skill --smoke  # one tiny store, one network; records nothing

One store proves nothing: the lesson's own is seed 0, the network's settings were chosen on seeds 1 and 2
(`quickstart_settings.py`), and none of these ten was used for any choice here. As in the lesson, all is fitted once,
before the first of three origins four weeks apart, and scored on demand by product-week: last week's sales (skill 0),
the mean of 8 weeks, exponential smoothing, LightGBM (told the same plan of prices and promotions), and the GRU of three
seeds, each judged alone. Beside them the filter floor: every parameter known, shock and momentum inferred from sales.
Skill 1 is the attainable floor, which knows both.

Money: whole units, ordered for each week by itself with an empty shelf, a unit too few at its margin, one too many at a
quarter of its unit cost. Lists: what a model says as it stands (`middle`), and the quantile at each product's critical
ratio (`ratio`), by the network's fan, by what each product sold in its last eight weeks, and by the attainable fan.

Expected, written before the run, having seen seeds 0 and 1 (skill of the GRU 0.66 and 0.67, LightGBM's 0.51 and 0.54):
the GRU's mean skill lies between 0.60 and 0.68, with a standard deviation over stores of 0.04 to 0.06; it is above
LightGBM in at least nine stores, LightGBM above smoothing in all; the mean of 8 weeks near 0.28 and smoothing near
0.32; the filter between 0.93 and 0.97. At the critical ratio the network's list saves 40 to 50 % of what last week's
list costs, that of the last eight weeks 22 to 30 %. **The primary comparison** is the GRU's error against LightGBM's,
paired by store (mean of three seeds): better, by about 8 %.

Found: the GRU's mean skill is 0.62, with a standard deviation of 0.065 over stores (0.51 to 0.72), a little wider than
expected; LightGBM's is 0.45, lower than on seeds 0 and 1; smoothing 0.33, the mean of 8 weeks 0.29, the filter 0.95.
The primary comparison: better, -9.5 % [-11.9, -7.1], in all ten stores. The network's list saves 41 % of what last
week's costs (33 to 52 % by store), that of the last eight weeks 23 % (15 to 31 %).
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd

import ecomlib
from benchmarks.trial import add_trial_options, trial_folder
from ecomlib import recorded
from ecomlib.decisions import newsvendor_cost, order_quantities
from ecomlib.evaluation import attainable, bias, skill, wape
from ecomlib.features import relative_price

SEEDS, NETWORKS = tuple(range(31, 41)), (0, 1, 2)
HORIZON, ORIGINS = 4, 3
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
FLOOR_LEVELS = tuple(float(level) for level in np.round(np.arange(0.02, 0.99, 0.02), 2))
PLAN = ("rel_price", "promoted", "depth")
RULES = {
    "naive": "naive",
    "mean of 8 weeks": "window_mean",
    "exponential smoothing": "exponential_smoothing",
}


def network(seed: int) -> ecomlib.Forecaster:
    """Make the lesson's network: 26 weeks of sales, prices and empty shelves, and the plan of four weeks."""
    return ecomlib.forecaster(
        "gru",
        look_back=26,
        past=("y", "rel_price", "promoted", "stockout"),
        future=(*PLAN, "week_sin", "week_cos"),
        static="category",
        quantiles=QUANTILES,
        epochs=8,
        valid_periods=6,
        device="cpu",
        seed=seed,
    )


def forecasts(store: ecomlib.Store, networks: tuple[int, ...]) -> pd.DataFrame:
    """Forecast by all models and the floors, beside demand as ``y`` and each product's costs."""
    shop = store.observed()
    panel = ecomlib.make_panel(shop)
    panel = panel.join(relative_price(panel))
    products = shop.products.set_index("product_id")
    panel["category"] = panel["unique_id"].map(products["category"])
    models = RULES | {"LightGBM": ecomlib.forecaster("lightgbm", objective="absolute", covariates=PLAN)}
    models |= {f"GRU {seed}": network(seed) for seed in networks}
    found = ecomlib.backtest(panel, models, ORIGINS, HORIZON, refit=False, negative="clip")
    floors = attainable(store, found["cutoff"].unique(), HORIZON, quantiles=FLOOR_LEVELS)
    demand = store.truth.panel("demand").rename(columns={"value": "demand"})
    found = (
        found.drop(columns="y").merge(floors, on=["unique_id", "ds", "cutoff"]).merge(demand, on=["unique_id", "ds"])
    )
    recent = panel[["unique_id", "ds", "y"]].rename(columns={"ds": "cutoff"})
    rolling = recent.groupby("unique_id")["y"].rolling(8, min_periods=1)
    for level in QUANTILES:  # what each product's last eight weeks say, without any model
        recent[f"own-q{level:g}"] = rolling.quantile(level).to_numpy()
    margin = (products["list_price"] - products["unit_cost"]).clip(lower=0.01)
    return found.merge(recent.drop(columns="y"), on=["unique_id", "cutoff"]).assign(
        y=found["demand"],
        c_u=found["unique_id"].map(margin),
        c_o=found["unique_id"].map(0.25 * products["unit_cost"]),
    )


def judged(frame: pd.DataFrame, seed: int, networks: tuple[int, ...]) -> list[dict[str, object]]:
    """Score one store: a row a model, and one for the quantiles of the last eight weeks, which has money alone."""
    costs, weeks = {"c_u": frame["c_u"], "c_o": frame["c_o"]}, frame["ds"].nunique()
    floor, naive = (wape(frame, name)[name].mean() for name in ("attainable_median", "naive"))

    def money(order: pd.Series) -> float:
        return float(newsvendor_cost(np.round(order), frame["demand"], **costs).sum() / weeks)

    names = {name: name for name in (*RULES, "LightGBM")} | {f"GRU {net}": "GRU" for net in networks}
    names |= {"filter_median": "filter floor", "attainable_median": "attainable floor"}
    rows: list[dict[str, object]] = []
    for column, model in names.items():
        error = wape(frame, column)[column].mean()
        row = {"seed": seed, "model": model, "network": int(column[-1]) if model == "GRU" else 0, "wape": error}
        row |= {"bias": bias(frame, column)[column].mean(), "skill": skill(naive, error, floor)}
        fan = {"GRU": column, "attainable floor": "attainable"}.get(model)
        ratio = money(order_quantities(frame, fan, **costs)) if fan else np.nan
        rows.append(row | {"money_middle": money(frame[column]), "money_ratio": ratio})
    own = money(order_quantities(frame, "own", **costs))
    rows.append({"seed": seed, "model": "quantile of 8 weeks", "network": 0, "money_ratio": own})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_trial_options(parser, "one tiny store, one network; records nothing")
    options = parser.parse_args()
    smoke, started = options.smoke, time.perf_counter()
    networks = NETWORKS[:1] if smoke else NETWORKS
    rows: list[dict[str, object]] = []
    for seed in SEEDS[:1] if smoke else SEEDS:
        store = ecomlib.load_store("simulated", size="tiny" if smoke else "small", seed=seed)
        rows += judged(forecasts(store, networks), seed, networks)
        part = pd.DataFrame(rows).query("seed == @seed").groupby("model", sort=False)["skill"].mean()
        print(f"seed {seed}  " + "  ".join(f"{name} {value:.3f}" for name, value in part.items()), flush=True)
    with trial_folder(options) as folder:
        recorded.write(
            "skill",
            pd.DataFrame(rows),
            script=__file__,
            command="python -m benchmarks.simulated.skill",
            protocol="ten small stores, seeds 31 to 40; 4 weeks ahead from 3 origins, fitted once, on demand; "
            "three networks a store",
            seconds=time.perf_counter() - started,
            smoke=smoke,
            directory=folder,
        )


if __name__ == "__main__":
    main()
