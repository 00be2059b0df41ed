"""The Transformer under protocol W: tuned on the tuning origins, then scored once on the test part beside the record.

    python -m benchmarks.protocol_w.transformer --tune NAME ...  # all without a name; appends to tuning/networks.csv
    python -m benchmarks.protocol_w.transformer --test  # the chosen one on the test origins; records transformer_w
    python -m benchmarks.protocol_w.transformer --smoke  # seconds, on an invented shop; writes nothing

It came after accuracy.py had scored the other models. Its rivals are therefore the forecasts recorded by that run
(`accuracy_w_forecasts`: the best peer, the best network, the best average), joined with the shop's sales: the same
series, origins and scores, but not the same process, so seconds are not compared. A scoring is logged in
test_scorings.csv like all others.

Chosen on the tuning origins: the gate and the smaller step tie in WAPE (0.6468), the gate is ahead in RMSSE. A
look-back of 56 weeks is not better than one of 26, two layers are not better than one. Expectation, written before the
test part was scored: level with the GRU or behind it by up to 0.01, as on the tuning origins (0.647 against 0.642).
"""

from __future__ import annotations

import argparse
import csv
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.protocol_w import accuracy, networks, protocol
from benchmarks.trial import add_trial_options, trial_folder
from ecomlib import recorded
from ecomlib.evaluation import compare, score, score_intervals
from ecomlib.forecasting import backtest

SCORES_TEST_PART = True  # the queue of recorded runs leaves this script out unless it is asked to
HERE = Path(__file__).resolve().parent
SOURCES = tuple(HERE / name for name in ("accuracy.py", "protocol.py", "networks.py"))
ATTENTIVE: dict[str, Any] = {**networks.FAST, "model": "transformer"}
SLOW: dict[str, Any] = {**networks.FAST["train"], "lr": 5e-3}
CANDIDATES: dict[str, dict[str, Any]] = {
    "transformer": ATTENTIVE,
    "transformer_slow": {**ATTENTIVE, "train": SLOW},
    "transformer_year": {**ATTENTIVE, "look_back": 56},
    "transformer_year_slow": {**ATTENTIVE, "look_back": 56, "train": SLOW},
    "transformer_wide": {**ATTENTIVE, "hidden": 64, "feed_forward": 128, "train": SLOW},
    "transformer_two_layers": {**ATTENTIVE, "layers": 2, "train": SLOW},
    "transformer_gate": {**ATTENTIVE, "fusion": "gate"},
    "transformer_short": {**ATTENTIVE, "look_back": 13},
}
CHOSEN = CANDIDATES["transformer_gate"]
SHORT: dict[str, Any] = {**networks.SHORT, "model": "transformer"}


def tune(names: list[str]) -> None:
    """Score candidates on the tuning origins; one row each in tuning/networks.csv."""
    panel = protocol.panel()
    for name in names:
        row = networks.tune(name, panel, CANDIDATES[name])
        with networks.TUNING.open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, list(row), lineterminator="\n").writerow(row)
        print(*row.values(), sep=" | ", flush=True)


def result_table(frame: pd.DataFrame, panel: pd.DataFrame, rivals: list[str]) -> pd.DataFrame:
    """Scores with intervals, by origin, and paired differences (transformer - rival) / rival; tidy as `accuracy_w`."""
    tables = []
    for metric in accuracy.METRICS:
        names = ["transformer", *rivals]
        tables.append(score_intervals(frame, names, metric, rng=np.random.default_rng(0), train=panel))
        each = score(frame, names, [metric], train=panel, by_origin=True)
        tables.append(each[["model", "metric", "cutoff", "value"]])
        for rival in rivals:
            found = compare(
                frame,
                "transformer",
                rival,
                metric,
                rng=np.random.default_rng(0),
                train=panel,
                agreement=accuracy.AGREEMENT,
            )
            print(found)
            share = {"value": found.relative.estimate, "low": found.relative.low, "high": found.relative.high}
            claim = {"rival": rival, "word": found.word, "slight": found.slight, "wins": found.wins}
            tables.append(pd.DataFrame([{"model": "transformer", "metric": f"{metric}_against", **share, **claim}]))
    return pd.concat(tables, ignore_index=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tune", nargs="*", metavar="NAME", help="candidates; all of them where none is named")
    parser.add_argument("--test", action="store_true", help="the chosen one on the test part: logged and recorded")
    add_trial_options(parser, "seconds, on an invented shop; writes nothing")
    options = parser.parse_args()
    if options.tune is not None:
        tune(options.tune or list(CANDIDATES))
        return
    if not (options.test or options.smoke):
        parser.error("nothing to do: --tune, --test or --smoke")
    started = time.perf_counter()
    panel = protocol.smoke_panel() if options.smoke else protocol.panel()
    origins = protocol.TEST_ORIGINS[: 2 if options.smoke else None]
    forecaster = networks.recipe(**(SHORT if options.smoke else CHOSEN))
    frame = backtest(panel, {"transformer": forecaster}, origins, protocol.HORIZON)
    if options.smoke:
        last = panel[["unique_id", "ds", "y"]].rename(columns={"ds": "cutoff", "y": "naive"})
        frame = frame.merge(last, on=["unique_id", "cutoff"])
    else:
        frame = frame.merge(pd.DataFrame(recorded.recorded("accuracy_w_forecasts")), on=["unique_id", "ds", "cutoff"])
        assert len(frame) == len(origins) * protocol.ITEMS * protocol.HORIZON
    rivals = [column for column in frame.columns[4:] if column != "transformer"]
    scores = score(frame, ["transformer"], accuracy.METRICS, train=panel).pivot_table(
        index="model", columns="metric", values="value"
    )
    if not options.smoke:  # first of all: once the test part has been scored, the log says so
        accuracy.log(scores.reset_index())
    table = result_table(frame, panel, rivals)
    print(table[table["cutoff"].isna()].round(4).to_string())
    with trial_folder(options) as folder:
        recorded.write(
            "transformer_w",
            table,
            script=__file__,
            also=SOURCES,
            command="python -m benchmarks.protocol_w.transformer --test",
            protocol="protocol W; rivals are the forecasts recorded as accuracy_w_forecasts",
            seconds=time.perf_counter() - started,
            smoke=options.smoke,
            directory=folder,
        )


if __name__ == "__main__":
    main()
