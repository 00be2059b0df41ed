"""What to do about the season? Left alone, told by the calendar, taken out beforehand, or looked up a year back.

    python -m benchmarks.simulated.season          # stores of 200 products and 182 weeks, seeds 1, 2 and 3
    python -m benchmarks.simulated.season --smoke  # one store of 40 products; records nothing

The stores end in January, so that the four origins run through the rise to Christmas and the fall after it; three and a
half years, because a decomposition needs two full cycles before the first origin. The same GRU each time, trained once
before the first origin (on every second week's windows), with the plan of prices and promotions:

- none: the last 26 weeks and the plan.
- calendar: waves of the year and half the year, and the time to Christmas, known ahead.
- removed: the season of log(1 + units) is found in the training part, taken off before the network and put back on its
  forecasts (a product that is sold out of season counts as zero, not as less). By STL of each product ("STL, product"),
  by STL of its category's total ("STL, category"; after the training part the last year repeats), or by a regression of
  that total on the calendar's five columns and a trend ("waves, category").
- year: the last 60 weeks, without a calendar.
- last year: the same weeks of last year, known ahead, without a calendar.

Expectation, written before the first full run: calendar first, the waves removed close to it; STL worse than nothing,
as three noisy years cannot tell 52 numbers, least of all for each product; the year's look-back hardly better than
none.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.simulated import common
from benchmarks.trial import add_trial_options, trial_folder
from ecomlib import recorded
from ecomlib.contract import rolling_origins
from ecomlib.evaluation import attainable, skill_interval
from ecomlib.features import calendar, last_year
from ecomlib.preprocessing import Deseasonalise, Log1p
from ecomlib.stores.simulated import make_store, settings_for
from ecomlib.training import TrainSettings
from ecomlib.windowing import WindowSettings

HORIZON, ORIGINS, YEAR = 4, 4, 52
CALENDAR = ("week_sin", "week_cos", "week_sin2", "week_cos2", "to_christmas")
LAST_YEAR = ("last_year_before", "last_year", "last_year_after", "last_year_known")
# name -> look-back, more columns known ahead, how and by what the season is removed
TREATMENTS: dict[str, tuple[int, tuple[str, ...], str]] = {
    "none": (26, (), ""),
    "calendar": (26, CALENDAR, ""),
    "STL, product": (26, (), "STL unique_id"),
    "STL, category": (26, (), "STL category"),
    "waves, category": (26, (), "waves category"),
    "year": (60, (), ""),
    "last year": (26, LAST_YEAR, ""),
}


def seasons(frame: pd.DataFrame, how: str, by: str, end: pd.Timestamp) -> np.ndarray:
    """Log season of each row from what was known at `end`; 0 where a series has not seen two full years."""
    totals = frame.groupby([by, "ds"], as_index=False)["y"].sum().rename(columns={by: "unique_id"})
    known = totals[totals["ds"] <= end].groupby("unique_id")["ds"].count()
    totals = totals[totals["unique_id"].isin(known.index[known >= 2 * YEAR + 1])]
    logs = Log1p().fit(totals[totals["ds"] <= end]).transform(totals)
    past = logs[logs["ds"] <= end]
    if how == "STL":
        logs["season"] = logs["y"] - Deseasonalise((YEAR,)).fit(past).transform(logs)["y"]
    else:
        logs["season"] = np.concatenate([waves(series, end) for _, series in logs.groupby("unique_id", sort=False)])
    rows = frame[[by, "ds"]].rename(columns={by: "unique_id"})
    return rows.merge(logs[["unique_id", "ds", "season"]], how="left")["season"].fillna(0.0).to_numpy()


def waves(series: pd.DataFrame, end: pd.Timestamp) -> np.ndarray:
    """The season of one series by least squares on the calendar, beside a level and a trend."""
    told = calendar(series["ds"], "W-MON")[list(CALENDAR)].to_numpy()
    told = told - told.mean(axis=0)
    design = np.column_stack([np.ones(len(series)), np.arange(len(series)), told])
    past = (series["ds"] <= end).to_numpy()
    weights = np.linalg.lstsq(design[past], series["y"].to_numpy()[past], rcond=None)[0]
    return told @ weights[2:]


def on_one_store(seed: int, smoke: bool) -> tuple[pd.DataFrame, dict[str, float]]:
    """Scored frame (y is demand, sales beside it) with floors and a column a treatment; CPU seconds of each."""
    size = {"products": 40, "weeks": 130, "rows": 3, "columns": 3} if smoke else {"products": 200, "weeks": 182}
    settings: Any = replace(settings_for("small"), end="2025-01-26", **size)
    store = make_store("small", seed, settings=settings, cache=False)
    panel = common.panel(store)
    panel["category"] = panel["unique_id"].map(store.products.set_index("product_id")["category"])
    panel = panel.assign(**last_year(panel))
    origins = rolling_origins(panel, HORIZON, 2 if smoke else ORIGINS)
    demand = store.truth.panel("demand").rename(columns={"value": "y"})
    scored = attainable(store, origins, HORIZON, filtered=False)[["unique_id", "ds", "cutoff", "attainable_median"]]
    scored = scored.merge(demand, on=["unique_id", "ds"])
    sales = panel[["unique_id", "ds", "y"]].rename(columns={"y": "sales"})
    naive = sales.rename(columns={"ds": "cutoff", "sales": "naive"})
    scored = scored.merge(sales, on=["unique_id", "ds"]).merge(naive, on=["unique_id", "cutoff"])
    seconds = {}
    for name, (look_back, more, by) in TREATMENTS.items():
        started = time.process_time()
        frame = panel
        if by:
            season = seasons(panel, *by.split(), origins[0])
            frame = panel.assign(y=np.maximum(np.expm1(np.log1p(panel["y"]) - season), 0.0))
        window = WindowSettings(look_back, HORIZON, common.PAST, (*common.PLAN, *more), also_known=common.OWN)
        how = TrainSettings(epochs=1 if smoke else 6, lr=5e-3, average=0.99, device="cpu")
        found = common.trained(frame, window, how, origins, every=2, hidden=32)
        if by:
            back = panel[["unique_id", "ds"]].assign(season=season)
            found = found.merge(back, on=["unique_id", "ds"])
            found["forecast"] = np.maximum(np.expm1(np.log1p(found["forecast"]) + found["season"]), 0.0)
        found = found[["unique_id", "ds", "cutoff", "forecast"]].rename(columns={"forecast": name})
        scored = scored.merge(found, on=["unique_id", "ds", "cutoff"])
        seconds[name] = time.process_time() - started
        print(f"seed {seed}  {name:<20} {seconds[name]:.0f} s", flush=True)
    return scored, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_trial_options(parser, "one small store, short training; records nothing")
    options = parser.parse_args()
    smoke = options.smoke
    started, seeds = time.perf_counter(), (1,) if smoke else (1, 2, 3)
    results = [on_one_store(seed, smoke) for seed in seeds]
    frame = common.pooled([scored for scored, _ in results], seeds)
    names, tables = list(TREATMENTS), []
    for target in ("demand", "sales"):
        scored = frame if target == "demand" else frame.assign(y=frame["sales"])
        print(target)
        table = common.verdicts(scored[["unique_id", "ds", "cutoff", "y", *names]], names, "none", "WAPE")
        tables.append(table.assign(target=target))
    table = pd.concat(tables, ignore_index=True)
    for name in names:
        found = skill_interval(frame, name, rng=np.random.default_rng(0))
        here = (table["model"] == name) & (table["target"] == "demand")
        table.loc[here, ["skill", "skill_low", "skill_high"]] = found.estimate, found.low, found.high
    table["seconds_a_store"] = table["model"].map(pd.DataFrame([s for _, s in results]).mean()).round(1)
    print(table.round(3).to_string())
    with trial_folder(options) as folder:
        recorded.write(
            "season",
            table,
            script=__file__,
            also=[common.__file__],
            command="python -m benchmarks.simulated.season",
            protocol="simulated stores of seeds 1 to 3, 182 weeks, 4 origins from autumn to January, 4 weeks ahead",
            seconds=time.perf_counter() - started,
            smoke=smoke,
            directory=folder,
            measured=("seconds_a_store",),
            facts={
                "expectation": "calendar first, the waves removed close to it; STL worse than none; a year's look-back "
                "hardly better than none"
            },
        )


if __name__ == "__main__":
    main()
