"""Protocol W without orders that were taken back at once: does the ranking stand?

    python -m benchmarks.protocol_w.quick_cancellations          # the recorded forecasts of accuracy.py, scored twice
    python -m benchmarks.protocol_w.quick_cancellations --smoke  # on an invented shop; records nothing

Some of the largest weekly sales of Online Retail II are orders that were cancelled within a day: typing errors, mostly.
The forecasts are those that accuracy.py recorded (made with these orders in the history, as the shop would have it);
here their errors are measured with and without such units in what came. No model is fitted or chosen.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd

from benchmarks.protocol_w import protocol
from benchmarks.trial import add_trial_options, trial_folder
from ecomlib import load_store, recorded
from ecomlib.evaluation import score_intervals, wape
from ecomlib.panel import period_index, period_start
from ecomlib.stores.published.online_retail import weekly_sales_lines

SCORES_TEST_PART = True  # the queue of recorded runs leaves this script out unless it is asked to
DAY = pd.Timedelta(days=1)


def cancelled_at_once(lines: pd.DataFrame) -> pd.DataFrame:
    """Units a product and week that were taken back within a day of their order: ``unique_id, ds, taken_back``."""
    quick = lines[(lines["returned_at"] - lines["ordered_at"]) <= DAY]
    week = period_start(period_index(quick["ordered_at"], "W-MON"), "W-MON")
    taken = quick.assign(unique_id=quick["product_id"], ds=week).groupby(["unique_id", "ds"])["returned_quantity"].sum()
    return taken.rename("taken_back").reset_index()


def scores(forecasts: pd.DataFrame, panel: pd.DataFrame, lines: pd.DataFrame) -> pd.DataFrame:
    """WAPE of each model with its interval, as sold and without what was taken back at once."""
    models = [c for c in forecasts.columns if c not in ("unique_id", "ds", "cutoff", "y")]
    scored = pd.DataFrame(forecasts).merge(panel[["unique_id", "ds", "y"]], on=["unique_id", "ds"])
    taken = scored.merge(cancelled_at_once(lines), on=["unique_id", "ds"], how="left")["taken_back"].fillna(0.0)
    parts = []
    for name, what_came in (("as sold", scored["y"]), ("without", (scored["y"] - taken.to_numpy()).clip(lower=0))):
        board = score_intervals(scored.assign(y=what_came), models, rng=np.random.default_rng(0))
        parts.append(board.assign(units=name))
    assert np.isclose(wape(scored, models[0])[models[0]].mean(), parts[0].set_index("model")["value"][models[0]])
    print(f"{taken.sum():,.0f} of {scored['y'].sum():,.0f} units were taken back within a day")
    return pd.concat(parts, ignore_index=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_trial_options(parser, "on an invented shop; records nothing")
    options, started = parser.parse_args(), time.perf_counter()
    smoke = options.smoke
    if smoke:
        panel = protocol.smoke_panel()
        last = panel[panel["ds"] == panel["ds"].max()]
        forecasts = last[["unique_id", "ds"]].assign(cutoff=last["ds"] - pd.Timedelta(weeks=1), model=last["y"] + 1)
        first = last.iloc[[0]]
        lines = pd.DataFrame({"product_id": first["unique_id"], "ordered_at": first["ds"], "returned_quantity": [2]})
        lines["returned_at"] = lines["ordered_at"]
    else:
        store = load_store("online_retail")
        panel, lines, forecasts = (
            protocol.panel(store),
            weekly_sales_lines(store),
            recorded.recorded("accuracy_w_forecasts"),
        )
    table = scores(forecasts, panel, lines)
    print(table.to_string(index=False))
    with trial_folder(options) as folder:
        recorded.write(
            "accuracy_w_cancelled",
            table,
            script=__file__,
            command="python -m benchmarks.protocol_w.quick_cancellations",
            protocol="W, the recorded forecasts; what came with and without units cancelled within a day",
            seconds=time.perf_counter() - started,
            smoke=smoke,
            directory=folder,
        )


if __name__ == "__main__":
    main()
