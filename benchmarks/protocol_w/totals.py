"""Protocol T: do protocol W's forecasts add up to what the shop sells in a week?

    python -m benchmarks.protocol_w.totals          # the recorded forecasts of ensemble.py, added up
    python -m benchmarks.protocol_w.totals --smoke  # on an invented shop; records nothing

The forecasts are those that ``ensemble.py`` recorded, each item's median as well as it could be found. Here they are
added up to the weekly total of the 500 items and set beside two rules for the total itself: its last value, and the
mean of its last eight weeks. No model is fitted or chosen.

Expected, from the prototypes in protocol T: medians of skewed demand fall short by about a quarter when they are added
up (bias -26 % for ensemble_w), and the mean of eight weeks of the total, WAPE 0.158, is better than all of them.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd

from benchmarks.protocol_w import protocol
from benchmarks.trial import add_trial_options, log_scorings, trial_folder
from ecomlib import recorded
from ecomlib.evaluation import compare, score_intervals, wape

SCORES_TEST_PART = True  # the queue of recorded runs leaves this script out unless it is asked to
NAIVE, EIGHT = "last week of the total", "mean of 8 weeks of the total"
KEYS = ("unique_id", "ds", "cutoff", "y")


def added_up(scored: pd.DataFrame, panel: pd.DataFrame) -> pd.DataFrame:
    """The weekly totals with the sum of every model's forecasts and both rules, as the scored frame of one series."""
    models = [column for column in scored.columns if column not in KEYS]
    summed = scored.groupby(["cutoff", "ds"], as_index=False)[["y", *models]].sum().assign(unique_id="all")
    total = panel.groupby("ds")["y"].sum()
    summed[NAIVE] = summed["cutoff"].map(total)
    summed[EIGHT] = summed["cutoff"].map(total.rolling(8, min_periods=1).mean())
    return summed


def scores(forecasts: pd.DataFrame, panel: pd.DataFrame) -> pd.DataFrame:
    """By model: WAPE by item, WAPE and bias of the total, and the difference of that WAPE to the rule of eight weeks.

    A row for each origin follows, with the total's WAPE alone.
    """
    scored = pd.DataFrame(forecasts).merge(panel[["unique_id", "ds", "y"]], on=["unique_id", "ds"])
    summed = added_up(scored, panel)
    models = [column for column in summed.columns if column not in KEYS]
    board = score_intervals(summed, models, rng=np.random.default_rng(0)).drop(columns="metric")
    board = board.rename(columns={"value": "total"})
    items = {name: wape(scored, name)[name].mean() for name in models if name in scored}
    board.insert(1, "item", board["model"].map(items))
    for place, name in enumerate(board["model"]):
        if name == EIGHT:
            continue
        found = compare(summed, name, EIGHT, rng=np.random.default_rng(0), agreement=0.75)
        ends = {"against": found.relative.estimate, "against_low": found.relative.low}
        ends |= {"against_high": found.relative.high, "wins": found.wins}
        board.loc[place, list(ends)] = list(ends.values())
        board.loc[place, "word"] = found.word
    each = wape(summed, models).melt(id_vars="cutoff", value_vars=models, var_name="model", value_name="total")
    return pd.concat([board, each], ignore_index=True)


def log_scoring(board: pd.DataFrame) -> None:
    """Append what was scored on the test part: the WAPE of the total."""
    log_scorings("T", pd.DataFrame({"model": board["model"], "wape": board["total"]}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_trial_options(parser, "on an invented shop; records nothing")
    options, started = parser.parse_args(), time.perf_counter()
    if options.smoke:
        panel = protocol.smoke_panel()
        late = np.sort(panel["ds"].unique())[-4:]
        rows = panel[panel["ds"].isin(late)]
        forecasts = rows[["unique_id", "ds"]].assign(cutoff=rows["ds"] - protocol.WEEK, ensemble_w=rows["y"] + 1)
    else:
        panel, forecasts = protocol.panel(), recorded.recorded("ensemble_w_forecasts")
    table = scores(forecasts, panel)
    board = table[table["cutoff"].isna()]
    print(board.drop(columns="cutoff").round(4).to_string(index=False))
    with trial_folder(options) as folder:
        recorded.write(
            "totals_w",
            table,
            script=__file__,
            also=[protocol.__file__],
            command="python -m benchmarks.protocol_w.totals",
            protocol="T: the recorded forecasts of protocol W, added up to the weekly total of its 500 items",
            seconds=time.perf_counter() - started,
            smoke=options.smoke,
            directory=folder,
        )
    if not options.smoke:
        log_scoring(board)


if __name__ == "__main__":
    main()
