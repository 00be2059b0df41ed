"""Day, week or month? One decision, an order for the next four weeks, from networks that read the shop at three steps.

    python -m benchmarks.simulated.time_step          # small stores of seeds 1, 2 and 3
    python -m benchmarks.simulated.time_step --smoke  # the tiny store; records nothing

The same GRU (mean of a count, the same plan of prices and promotions, the same calendar) is trained once before five
origins, four weeks apart. The daily one forecasts 28 days, which are added up; the monthly one knows full months only,
and its months are spread over the target's days evenly. Scored on demand and on sales (stock runs out), by week and on
the four weeks' total; in money as an order for the total, moved by the 75 % quantile of that model's own errors at
earlier origins, where a unit too few costs three times one too many. Products with a full month behind them.

Expectation, written before the first run: the week wins; the day is close behind (more windows, noisier ones); the
month loses by week and less so on the total, since it does not know the weeks just before the origin.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd

from benchmarks.simulated import common
from benchmarks.trial import add_trial_options, trial_folder
from ecomlib import load_store, recorded
from ecomlib.contract import rolling_origins
from ecomlib.decisions import newsvendor_cost, newsvendor_quantile
from ecomlib.panel import period_index, period_start
from ecomlib.training import TrainSettings
from ecomlib.windowing import WindowSettings

HORIZON, ORIGINS, RATIO = 4, 5, 3
DAY, WEEK = pd.Timedelta(days=1), pd.Timedelta(weeks=1)
PLAN, PAST = common.PLAN, common.PAST
YEAR = ("week_sin", "week_cos", "week_sin2", "week_cos2", "to_christmas")
STEPS = ("day", "week", "month")


def window(look_back: int, horizon: int, *more: str) -> WindowSettings:
    future = (*PLAN, *YEAR, *more)
    return WindowSettings(look_back, horizon, PAST, future, scale="mean_abs", also_known=common.OWN)


def forecasts(store: object, origins: list[pd.Timestamp], short: bool) -> dict[str, tuple[pd.DataFrame, float]]:
    """Units by product and target week from each step, `unique_id, ds, cutoff, forecast`, and CPU seconds."""
    share = 0.2 if short else 1.0
    found = {}

    def how(epochs: int, batch: int) -> TrainSettings:
        return TrainSettings(epochs=max(1, round(share * epochs)), lr=5e-3, batch_size=batch, device="cpu")

    network = {"head": "poisson", "hidden": 32}
    started = time.process_time()
    daily = common.panel(store, "D")
    sundays = [origin + 6 * DAY for origin in origins]
    shape = window(56, 28, "day_sin", "day_cos")
    frame = common.trained(daily, shape, how(4, 512), sundays, every=7, **network)
    frame = frame.assign(ds=period_start(period_index(frame["ds"], "W-MON"), "W-MON"), cutoff=frame["cutoff"] - 6 * DAY)
    day = frame.groupby(["unique_id", "ds", "cutoff"], as_index=False)["forecast"].sum()
    found["day"] = day, time.process_time() - started

    started = time.process_time()
    weekly = common.panel(store)
    week = common.trained(weekly, window(26, HORIZON), how(8, 512), origins, **network)
    found["week"] = week, time.process_time() - started

    started = time.process_time()
    monthly = common.panel(store, "MS", ahead=2)
    # The last full month: the one before the month of the first day after the origin's week.
    full = {o: (o + WEEK).to_period("M").to_timestamp() - pd.offsets.MonthBegin(1) for o in origins}
    frame = common.trained(monthly, window(6, 2), how(40, 128), sorted(set(full.values())), **network)
    frame = frame.assign(rate=frame["forecast"] / frame["ds"].dt.days_in_month)
    parts = []
    for origin, last in full.items():
        rates = frame[frame["cutoff"] == last].pivot_table(index="unique_id", columns="ds", values="rate")
        for step in range(1, HORIZON + 1):
            days = pd.date_range(origin + step * WEEK, periods=7)
            months = days.to_period("M").to_timestamp()
            units = sum(rates[month] for month in months)
            parts.append(pd.DataFrame({"forecast": units, "ds": days[0], "cutoff": origin}).reset_index())
    found["month"] = pd.concat(parts, ignore_index=True), time.process_time() - started
    return found


def on_one_store(size: str, seed: int, count: int, short: bool) -> tuple[pd.DataFrame, dict[str, float]]:
    """Scored frame with demand, sales and a column a step; and each step's seconds."""
    store = load_store("simulated", size=size, seed=seed)
    weekly = common.panel(store)
    origins = rolling_origins(weekly, HORIZON, count)
    found = forecasts(store, origins, short)
    demand = store.truth.panel("demand").rename(columns={"value": "demand"})
    scored = weekly[["unique_id", "ds", "y"]].rename(columns={"y": "sales"}).merge(demand, on=["unique_id", "ds"])
    for name, (frame, _) in found.items():
        frame = frame.rename(columns={"forecast": name})
        scored = frame.merge(scored, on=["unique_id", "ds"] + ["cutoff"] * ("cutoff" in scored))
    return scored, {name: seconds for name, (_, seconds) in found.items()}


def orders(total: pd.DataFrame) -> pd.DataFrame:
    """A frame whose WAPE is the newsvendor's cost for each unit demanded, from the second origin of each store on."""
    blocks, quantile = [], newsvendor_quantile(RATIO, 1)
    for (_, cutoff), now in total.groupby(["store", "cutoff"]):
        before = total[(total["store"] == now["store"].iloc[0]) & (total["cutoff"] < cutoff)]
        if before.empty:
            continue
        block = now.copy()
        for name in STEPS:
            move = np.quantile(np.log1p(before["y"]) - np.log1p(before[name]), quantile)
            order = np.maximum(np.expm1(np.log1p(now[name]) + move), 0)
            block[name] = now["y"] + newsvendor_cost(order, now["y"], RATIO, 1)
        blocks.append(block)
    return pd.concat(blocks, ignore_index=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_trial_options(parser, "the tiny store, short training; records nothing")
    options = parser.parse_args()
    smoke = options.smoke
    started, seeds = time.perf_counter(), (1,) if smoke else (1, 2, 3)
    results = [on_one_store("tiny" if smoke else "small", seed, 2 if smoke else ORIGINS, smoke) for seed in seeds]
    frame = common.pooled([scored for scored, _ in results], seeds).assign(store=lambda f: f["cutoff"].str[:7])
    tables = []
    for target in ("demand", "sales"):
        weeks = frame.assign(y=frame[target])
        total = weeks.groupby(["store", "unique_id", "cutoff"], as_index=False)[["y", *STEPS]].sum()
        total = total.assign(ds="four weeks")
        measures = {"WAPE by week": weeks, "WAPE of four weeks": total, "cost a unit, 3:1": orders(total)}
        for measure, scored in measures.items():
            print(f"{target}, {measure}")
            columns = ["unique_id", "ds", "cutoff", "y", *STEPS]
            table = common.verdicts(scored[columns], STEPS, "week", measure)
            tables.append(table.assign(target=target))
    table = pd.concat(tables, ignore_index=True)
    seconds = {name: sum(spent[name] for _, spent in results) / len(results) for name in STEPS}
    table["seconds_a_store"] = table["model"].map(seconds).round(1)
    print(table.round(3).to_string())
    with trial_folder(options) as folder:
        recorded.write(
            "time_step",
            table,
            script=__file__,
            also=[common.__file__],
            command="python -m benchmarks.simulated.time_step",
            protocol="simulated stores of seeds 1 to 3, 5 origins each, 4 weeks ahead; trained once before the first",
            seconds=time.perf_counter() - started,
            smoke=smoke,
            directory=folder,
            measured=("seconds_a_store",),
            facts={"expectation": "the week wins, the day close behind, the month loses by week and less on the total"},
        )


if __name__ == "__main__":
    main()
