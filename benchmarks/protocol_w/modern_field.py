"""The modern field under protocol W: tuned on the tuning origins, the best three then scored once on the test part.

    python -m benchmarks.protocol_w.modern_field --tune   # two learning rates each; appends to tuning/networks.csv
    python -m benchmarks.protocol_w.modern_field --test   # the chosen on the test origins; records modern_field_w
    python -m benchmarks.protocol_w.modern_field --smoke  # seconds, on an invented shop; writes nothing

Every network has the recipe that was chosen for the GRU (networks.py): the same inputs, windows of 26 weeks, width,
passes, loss and averaged weights. The GRU's own recipe won against 30 candidates on these origins, so the field has the
smaller search. Scored are the three networks with the lowest WAPE on the tuning origins, the Transformer with a gate
that transformer.py chose there, and the GRU once more; each from three starts. A network's error in a cell is the mean
of its three trainings' (not the error of their mean, which would be an ensemble). The best peer is the one recorded as
`accuracy_w_forecasts`: another process, so its seconds are not compared.

Primary comparison: the network that is best on the tuning origins against the GRU. `smallest` is the difference that
the table would have shown in four of five repetitions, as in simulated/modern_field.py.

Expected, written before the test part was scored: the best of the field undecided against the GRU, with an estimate
inside 2 % either way; the gated Transformer behind the GRU by up to 2 %; the smallest difference near 3 %, larger than
any difference between the networks.
"""

from __future__ import annotations

import argparse
import csv
import time
from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmarks.protocol_w import accuracy, networks, protocol
from benchmarks.protocol_w.transformer import CHOSEN as GATED
from benchmarks.simulated import modern_field as simulated
from benchmarks.trial import add_trial_options, partial_folder, trial_folder
from ecomlib import recorded
from ecomlib.evaluation import compare, score, score_intervals, wape
from ecomlib.files import write_whole
from ecomlib.forecasting import backtest

SCORES_TEST_PART = True  # the queue of recorded runs leaves this script out unless it is asked to
FIELD = ("averages", "linear", "patch", "itransformer", "tide", "nhits", "tcn")
RATES = {"": 1e-2, "_slow": 5e-3}
BEST, SEEDS = 3, (0, 1, 2)
CANDIDATES: dict[str, dict[str, Any]] = {
    f"{name}{ending}": {**networks.FAST, "model": name, "train": {**networks.FAST["train"], "lr": rate}}
    for name in FIELD
    for ending, rate in RATES.items()
}
KEYS = ["unique_id", "ds", "cutoff"]


def tune() -> None:
    """Score the candidates that have no row yet on the tuning origins; one row each in tuning/networks.csv."""
    panel, known = protocol.panel(), set(pd.read_csv(networks.TUNING)["name"])
    for name in CANDIDATES:
        if name not in known:
            row = networks.tune(name, panel, CANDIDATES[name])
            with networks.TUNING.open("a", newline="", encoding="utf-8") as file:
                csv.DictWriter(file, list(row), lineterminator="\n").writerow(row)
            print(*row.values(), sep=" | ", flush=True)


def chosen() -> dict[str, dict[str, Any]]:
    """The best three of the field by WAPE on the tuning origins, best first; the gated Transformer; the GRU."""
    log = pd.read_csv(networks.TUNING).drop_duplicates("name", keep="last").set_index("name")["wape"]
    if missing := [name for name in CANDIDATES if name not in log.index]:
        raise SystemExit(f"{missing[0]} has no row in {networks.TUNING.name} yet: run this with --tune first")
    ranked = log[list(CANDIDATES)].sort_values(kind="stable").index
    best: dict[str, dict[str, Any]] = {}
    for name in ranked:
        best.setdefault(CANDIDATES[name]["model"], CANDIDATES[name])
    first = dict(list(best.items())[:BEST])
    return first | {"transformer": GATED, "gru": networks.CHOSEN["gru"][1]}


def backtested(panel: pd.DataFrame, origins: Any, settings: dict[str, Any], seed: int) -> tuple[pd.DataFrame, float]:
    """One network's forecasts from all origins, trained anew at each; CPU seconds."""
    started = time.process_time()
    frame = backtest(panel, {"it": networks.recipe(**settings, seeds=(seed,))}, origins, protocol.HORIZON)
    return frame, time.process_time() - started


def weights_of(settings: dict[str, Any]) -> int:
    """Trainable weights of a recipe's network."""
    member = networks.recipe(**settings).member
    window, kind = member.window, member.network_class
    shape: dict[str, Any] = {"past": len(window.past), "future": len(window.future), "look_back": window.look_back}
    return int(kind(kind.Settings(**shape, horizon=protocol.HORIZON, **member.options)).count())


def result_table(frame: pd.DataFrame, panel: pd.DataFrame, names: list[str], rivals: list[str]) -> pd.DataFrame:
    """Scores of each network with its interval and the differences to its rivals: one row a model and rival."""
    each = {
        name: np.array([wape(frame, f"{name}|{seed}")[f"{name}|{seed}"].mean() for seed in SEEDS]) for name in names
    }
    columns = [f"{name}|{seed}" for name in names for seed in SEEDS]
    scaled = score(frame, columns, ["rmsse", "bias"], train=panel).pivot_table(
        index="model", columns="metric", values="value"
    )
    rows = []
    for name in names:
        found = score_intervals(frame, [name], "wape", rng=np.random.default_rng(0)).iloc[0]
        own = scaled.loc[[f"{name}|{seed}" for seed in SEEDS]].mean()
        base = {"model": name, "wape": found["value"], "low": found["low"], "high": found["high"]}
        base |= {"rmsse": own["rmsse"], "bias": own["bias"], "wape_sd_of_trainings": np.std(each[name], ddof=1)}
        rows.append(base)
        for rival in rivals:
            if rival == name:
                continue
            verdict = compare(
                frame, name, rival, rng=np.random.default_rng(0), train=panel, agreement=accuracy.AGREEMENT
            )
            theirs = each.get(rival, wape(frame, rival)[rival].mean())
            ends = verdict.relative
            claim: dict[str, Any] = {"relative": ends.estimate, "relative_low": ends.low, "relative_high": ends.high}
            claim |= {"word": verdict.word, "wins": verdict.wins, "of": len(verdict.by_origin)}
            rows.append({**base, "rival": rival, **claim})
            rows[-1]["smallest"] = simulated.smallest(ends.low, ends.high, each[name] / theirs - 1)
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tune", action="store_true", help="the candidates on the tuning origins")
    parser.add_argument("--test", action="store_true", help="the chosen ones on the test part: logged and recorded")
    add_trial_options(parser, "seconds, on an invented shop; writes nothing")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.tune:
        tune()
        return
    if not (options.test or options.smoke):
        parser.error("nothing to do: --tune, --test or --smoke")
    started, smoke = time.perf_counter(), options.smoke
    panel = protocol.smoke_panel() if smoke else protocol.panel()
    origins = protocol.TEST_ORIGINS[: 2 if smoke else None]
    settings = {name: {**networks.SHORT, "model": name} for name in ("linear", "gru")} if smoke else chosen()
    done, frame, spent = partial_folder("modern_field_w"), None, []
    for name, how in settings.items():
        for seed in SEEDS:
            part = done / f"{name}-{seed}.parquet"
            if not smoke and part.is_file():
                found = pd.read_parquet(part)
            else:
                found, seconds = backtested(panel, origins, how, seed)
                found["seconds"] = seconds
            if not smoke:
                done.mkdir(parents=True, exist_ok=True)
                write_whole(part, found.to_parquet(index=False))
            spent.append({"model": name, "seconds": found["seconds"].iloc[0]})
            found = found.rename(columns={"it": f"{name}|{seed}"}).drop(columns="seconds")
            frame = found if frame is None else frame.merge(found.drop(columns="y"), on=KEYS)
            print(f"{name} {seed}: {time.process_time():.0f} s", flush=True)
    assert frame is not None
    frame = simulated.with_mean_errors(frame, list(settings), SEEDS)
    rivals = ["gru"]
    if not smoke:
        peer = pd.DataFrame(recorded.recorded("accuracy_w_forecasts"))[[*KEYS, "lightgbm_absolute"]]
        frame = frame.merge(peer.rename(columns={"lightgbm_absolute": "lightgbm"}), on=KEYS)
        rivals.append("lightgbm")
        assert len(frame) == len(origins) * protocol.ITEMS * protocol.HORIZON
    table = result_table(frame, panel, list(settings), rivals)
    if not smoke:  # first of all: once the test part has been scored, the log says so
        accuracy.log(table.drop_duplicates("model").assign(model=lambda t: t["model"] + " (mean of 3 trainings)"))
    cost = pd.DataFrame(spent).groupby("model")["seconds"].mean()
    table["weights"] = table["model"].map({name: weights_of(how) for name, how in settings.items()})
    table["seconds"] = table["model"].map(cost)
    print(table.round(4).to_string(index=False), flush=True)
    with trial_folder(options) as folder:
        recorded.write(
            "modern_field_w",
            table,
            script=__file__,
            also=[protocol.__file__, networks.__file__, simulated.__file__],
            command="python -m benchmarks.protocol_w.modern_field --test",
            protocol="protocol W, eight test origins, three trainings each; WAPE is the mean of theirs; (ours - rival) "
            "/ rival, 95 % interval over items and origins; lightgbm is the forecast recorded as accuracy_w_forecasts",
            seconds=time.perf_counter() - started,
            smoke=smoke,
            directory=folder,
            measured=("seconds",),
            facts={"chosen": {name: str(how) for name, how in settings.items()}, "seeds": list(SEEDS)},
        )


if __name__ == "__main__":
    main()
