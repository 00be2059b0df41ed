"""Networks against peers on real sales, under one protocol and in one process.

    python -m benchmarks.protocol_w.accuracy --protocol W --out DIR  # scores the test origins, records and logs
    python -m benchmarks.protocol_w.accuracy --protocol W --out DIR --tuning  # the tuning origins: nothing is recorded
    python -m benchmarks.protocol_w.accuracy --protocol W --out DIR --smoke  # seconds, on an invented shop

DIR receives forecasts.parquet (unique_id, ds, cutoff, y and one column a model), from which anybody can recompute
the scores, and leaderboard.csv (model, kind, wape, bias, rmsse, seconds). A run on the test origins also records its
intervals, verdicts and results by origin in the package, and appends each model's result to test_scorings.csv.
"""

from __future__ import annotations

import argparse
import importlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.protocol_w import peers, protocol
from benchmarks.trial import add_trial_options, log_scorings, trial_folder
from ecomlib import recorded
from ecomlib.contract import Forecaster, ForecastFunction
from ecomlib.decisions import newsvendor_cost, newsvendor_quantile
from ecomlib.errors import DataError
from ecomlib.evaluation import compare, score, score_intervals
from ecomlib.files import whole_file, write_whole
from ecomlib.forecasting import backtest

SCORES_TEST_PART = True  # the queue of recorded runs leaves this script out unless it is asked to
HERE = Path(__file__).resolve().parent
SOURCES = tuple(HERE / name for name in ("protocol.py", "peers.py", "networks.py"))
METRICS = ("wape", "rmsse")
AGREEMENT = 0.75  # six of eight origins: better and worse ask for it
COST_RATIOS = (1, 3, 9)  # one unit too few costs so many times one unit too many
Model = tuple[str, Callable[[], Forecaster | ForecastFunction]]
# Averages on the log1p scale of columns that are there anyway.
LOG_MEANS: dict[str, tuple[str, tuple[str, ...]]] = {
    "log_mean_of_peers": ("peer", ("lightgbm_squared", "lightgbm_absolute", "auto_theta", "window_mean"))
}


def network_models(smoke: bool) -> dict[str, Model]:
    """The networks that networks.py chose on the tuning origins; its short ones for a trial run."""
    from benchmarks.protocol_w import networks

    return dict(getattr(networks, "SMOKE_NETWORKS", {}) if smoke else networks.NETWORKS)


def log_means() -> dict[str, tuple[str, tuple[str, ...]]]:
    """The averages of peers, and those that networks.py chose, each with its kind and members."""
    from benchmarks.protocol_w import networks

    chosen = getattr(networks, "ENSEMBLES", {})
    return LOG_MEANS | {name: ("ensemble", tuple(members)) for name, members in chosen.items()}


def forecast(
    panel: pd.DataFrame, models: dict[str, Model], origins: Sequence[pd.Timestamp]
) -> tuple[pd.DataFrame, dict[str, str], dict[str, float]]:
    """Scored frame, kind and seconds of each model, log means included."""
    frame = backtest(
        panel, {name: make() for name, (_, make) in models.items()}, origins, protocol.HORIZON, progress=True
    )
    seconds: dict[str, float] = dict(frame.attrs.pop("seconds"))
    kinds = {name: kind for name, (kind, _) in models.items()}
    for name, (kind, members) in log_means().items():
        if set(members) <= set(frame.columns):
            frame[name] = np.expm1(np.mean([np.log1p(frame[member]) for member in members], axis=0))
            kinds[name], seconds[name] = kind, sum(seconds[member] for member in members)
    return frame, kinds, seconds


def money(frame: pd.DataFrame, names: Sequence[str], ratio: float) -> pd.DataFrame:
    """Newsvendor cost of each model's orders, as a frame whose WAPE is cost for each unit sold.

    A model orders its forecast moved by the quantile of its own errors (log1p scale) at all earlier origins, whose
    weeks are over by then. The first origin has none before it and is left out. One unit too many costs 1.
    """
    origins = np.sort(frame["cutoff"].unique())
    quantile = newsvendor_quantile(ratio, 1)
    blocks = []
    for origin in origins[1:]:
        before, now = frame[frame["cutoff"] < origin], frame[frame["cutoff"] == origin]
        block = now[["unique_id", "ds", "cutoff", "y"]].copy()
        for name in names:
            errors = np.log1p(before["y"]) - np.log1p(before[name])
            order = np.maximum(np.expm1(np.log1p(now[name]) + np.quantile(errors, quantile)), 0.0)
            # |y - (y + cost)| is the cost: so the one bootstrap serves errors and money.
            block[name] = now["y"] + newsvendor_cost(order, now["y"], ratio, 1)
        blocks.append(block)
    return pd.concat(blocks, ignore_index=True)


def result_table(
    frame: pd.DataFrame, panel: pd.DataFrame, kinds: dict[str, str], seconds: dict[str, float]
) -> pd.DataFrame:
    """Everything that is said of the models: scores with intervals, by origin, in money, and against the best peer."""
    names = list(kinds)
    tables = []
    for metric in METRICS:
        total = score_intervals(frame, names, metric, rng=np.random.default_rng(0), train=panel)
        each = score(frame, names, [metric], train=panel, by_origin=True)[["model", "metric", "cutoff", "value"]]
        tables += [total, each, _against_best_peer(frame, panel, kinds, metric, metric)]
    for ratio in COST_RATIOS:
        costs = money(frame, names, ratio)
        total = score_intervals(costs, names, "wape", rng=np.random.default_rng(0))
        tables += [
            total.drop(columns="bias").assign(metric=f"money_{ratio}"),  # of money there is none
            _against_best_peer(costs, None, kinds, "wape", f"money_{ratio}"),
        ]
    table = pd.concat(tables, ignore_index=True)
    return table.assign(kind=table["model"].map(kinds), seconds=table["model"].map(seconds).round(1))


def _against_best_peer(
    frame: pd.DataFrame, panel: pd.DataFrame | None, kinds: dict[str, str], metric: str, label: str
) -> pd.DataFrame:
    names = list(kinds)
    value = score(frame, names, [metric], train=panel).set_index("model")["value"]
    best = str(value[[name for name in names if kinds[name] == "peer"]].idxmin())
    rows = []
    for name in names:
        if name == best:
            continue
        found = compare(frame, name, best, metric, rng=np.random.default_rng(0), train=panel, agreement=AGREEMENT)
        if kinds[name] != "peer":
            print(str(found).replace("wape", label))
        shares = {"value": found.relative.estimate, "low": found.relative.low, "high": found.relative.high}
        claims = {"rival": best, "word": found.word, "slight": found.slight, "wins": found.wins}
        rows.append({"model": name, "metric": f"{label}_against_best_peer", **shares, **claims})
    return pd.DataFrame(rows)


def record(table: pd.DataFrame, frame: pd.DataFrame, options: argparse.Namespace, seconds: float) -> None:
    """Into the package (a trial run: into its own folder). Predictions and identifiers only, never the shop's sales."""
    shared: dict[str, Any] = {
        "script": __file__,
        "also": SOURCES,
        "command": "python -m benchmarks.protocol_w.accuracy --protocol W --out DIR" + " --smoke" * options.smoke,
        "protocol": "protocol W, weekly sales of Online Retail II",
        "seconds": seconds,
        "smoke": options.smoke,
        "directory": options.tables,
    }
    recorded.write("accuracy_w", table, measured=["seconds"], **shared)
    wape = table[(table["metric"] == "wape") & table["cutoff"].isna()]
    best = list(wape.sort_values("value").groupby("kind", sort=False)["model"].first())
    shown = frame[["unique_id", "ds", "cutoff", *best]].copy()
    shown[best] = shown[best].round(1).astype("float32")
    recorded.write("accuracy_w_forecasts", shown, **shared)


def log(board: pd.DataFrame) -> None:
    """Append each model's result: the file is committed, so that every look at the test part is seen."""
    log_scorings("W", board)


def keep(out: Path, frame: pd.DataFrame, board: pd.DataFrame) -> None:
    """Write forecasts and leaderboard, each whole or not at all."""
    with whole_file(out / "forecasts.parquet") as part:
        frame.to_parquet(part, index=False)
    write_whole(out / "leaderboard.csv", board.to_csv(index=False))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--protocol", choices=["W"], default="W")
    parser.add_argument("--out", type=Path, help="folder for forecasts.parquet and leaderboard.csv")
    add_trial_options(parser, "seconds, on an invented shop; no result")
    parser.add_argument("--tuning", action="store_true", help="the tuning origins; nothing is recorded or logged")
    parser.add_argument("--only", nargs="+", metavar="MODEL", help="with --tuning: these models only")
    options = parser.parse_args()
    if options.only and not options.tuning:
        parser.error("--only needs --tuning: the test part is scored with all models at once")
    if options.out is None and not options.smoke:
        parser.error("--out DIR: the folder for forecasts.parquet and leaderboard.csv")
    started = time.perf_counter()
    importlib.import_module("statsforecast.models")  # its import takes seconds that are not the first model's
    panel = protocol.smoke_panel() if options.smoke else protocol.panel()
    origins = protocol.TUNING_ORIGINS if options.tuning else protocol.TEST_ORIGINS
    if options.smoke:
        origins = origins[:3]
    models = peers.models(options.smoke) | network_models(options.smoke)
    if options.only:
        unknown = set(options.only) - set(models)
        if unknown:
            raise DataError(
                "this model is not known", value=sorted(unknown)[0], remedy=f"choose from {', '.join(models)}."
            )
        models = {name: models[name] for name in options.only}
    frame, kinds, seconds = forecast(panel, models, origins)
    scores = score(frame, list(kinds), (*METRICS, "bias"), train=panel).pivot_table(
        index="model", columns="metric", values="value"
    )
    board = scores.reset_index().assign(kind=lambda b: b["model"].map(kinds), seconds=lambda b: b["model"].map(seconds))
    board = board[["model", "kind", "wape", "bias", "rmsse", "seconds"]].sort_values("wape", ignore_index=True)
    if options.out:
        keep(options.out, frame, board)
    print(board.round({"wape": 3, "bias": 3, "rmsse": 3, "seconds": 1}).to_string(index=False))
    if options.tuning:
        return
    if not options.smoke:  # first of all: once the test part has been scored, the log says so
        log(board)
    table = result_table(frame, panel, kinds, seconds)
    with trial_folder(options) as options.tables:
        record(table, frame, options, time.perf_counter() - started)


if __name__ == "__main__":
    main()
