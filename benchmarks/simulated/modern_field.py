"""Which of the new ones? Lesson 04c's field on ten stores, beside trees, averages and lesson 04's memories.

    python -m benchmarks.simulated.modern_field --tuning  # candidates on stores 1 and 2: writes tuning/modern_field.csv
    python -m benchmarks.simulated.modern_field           # stores of seeds 3 to 12, three seeds a network
    python -m benchmarks.simulated.modern_field --smoke   # the tiny store, two networks; records nothing

All networks read the same windows of 26 weeks, with the same plan known ahead, width, loss, batches and passes; the
learning rate and one option of each are chosen on the tuning stores, by one training a candidate and store. Each is
then trained three times a store, before the first of three origins, on sales, and scored on demand four weeks ahead.
The trees read the same windows. Records modern_field: one row a model, rival and store, and over all stores with a
paired interval.

A network's error in a cell is the mean of its three trainings' (not the error of their mean, which would be an
ensemble). `smallest` is the difference that this table would have shown in four of five repetitions: 2.8 standard
errors, of the redrawn products and origins and of the trainings.

Expected, written before the first run: all networks within 2 % of each other, none shown to be better than the averages
by more than 1 %; the linear map and attention between columns last, the convolutions and patches first; all of them 2
to 5 % ahead of the trees, and the RNN with an orthogonal start level with the plain one.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from benchmarks.simulated import common, sequence_models
from benchmarks.simulated.sequence_models import PRICES, WEEK, RNNNetwork, prepare, windows_of
from benchmarks.trial import add_trial_options, partial_folder, trial_folder
from ecomlib import load_store, recorded
from ecomlib.contract import register, rolling_origins
from ecomlib.evaluation import attainable, compare, skill_interval, wape
from ecomlib.files import write_whole
from ecomlib.models import NetworkSettings
from ecomlib.models.trees import Trees
from ecomlib.stores import Store
from ecomlib.training import TrainSettings, fit, make_network, predict
from ecomlib.windows import WindowSet

HORIZON, ORIGINS, LOOK_BACK = 4, 3, 26
TUNING, STORES, SEEDS = (1, 2), tuple(range(3, 13)), (0, 1, 2)
TUNING_LOG = Path(__file__).resolve().parent / "tuning" / "modern_field.csv"
SHAPE: dict[str, Any] = {"head": "absolute", "hidden": 24, "decoder": 32}
KEYS = ["unique_id", "ds", "cutoff"]
RATES = ({"lr": 3e-3}, {"lr": 8e-3}, {"lr": 2e-2})
# What is tried on the tuning stores: each learning rate with each of these.
OPTIONS: dict[str, tuple[dict[str, Any], ...]] = {
    "averages": ({}, {"spans": (1, 2, 4, 8, 26)}),
    "linear": ({}, {"smooth": 5}),
    "patch": ({}, {"patch": 6, "stride": 5}),
    "itransformer": ({}, {"layers": 2}),
    "tide": ({}, {"layers": 2}),
    "nhits": ({}, {"pools": (13, 4, 1)}),
    "tcn": ({"layers": 3}, {"layers": 3, "kernel": 5}),  # 29 and 57 weeks back: both read all 26
    "gru": ({}, {"layers": 2}),
    "transformer": ({}, {"layers": 2}),
    "rnn": ({}, {"layers": 2}),
    "rnn_orthogonal": ({}, {"layers": 2}),
}
OTHERS, RIVALS = ("naive", "mean of 8 weeks", "trees"), ("trees", "mean of 8 weeks", "averages", "gru", "rnn")


@register
class OrthogonalRNN(RNNNetwork):
    """The plain recurrent network from an orthogonal start (Saxe, McClelland and Ganguli, 2014): it can remember."""

    kind = "rnn_orthogonal"

    def make_encoder(self, settings: NetworkSettings) -> nn.Module:
        encoder = super().make_encoder(settings)
        for layer in range(settings.layers):
            nn.init.orthogonal_(encoder.get_parameter(f"weight_hh_l{layer}"))
        return encoder


def candidates(name: str) -> list[dict[str, Any]]:
    """All settings of a network that are tried; the first is what it has where nothing is chosen."""
    return [rate | option for option in OPTIONS[name] for rate in RATES]


def chosen(log: Path = TUNING_LOG, names: Sequence[str] = tuple(OPTIONS)) -> dict[str, dict[str, Any]]:
    """The candidate of each network with the lowest mean WAPE on the tuning stores."""
    if not log.is_file():
        raise SystemExit(f"{log.name} is not there: run this with --tuning first")
    mean = pd.read_csv(log).groupby(["network", "candidate"])["wape"].mean()
    if missing := set(names) - set(mean.index.get_level_values("network")):
        raise SystemExit(f"{log.name} does not hold {min(missing)}: run this with --tuning first")
    return {name: candidates(name)[int(mean[name].idxmin())] for name in names}


def trained(
    name: str, windows: WindowSet, origins: Sequence[pd.Timestamp], how: Mapping[str, Any], seed: int
) -> tuple[pd.DataFrame, int, float]:
    """Forecasts from all origins by one network, trained before the first; its weights, and its CPU seconds."""
    started, train = time.process_time(), windows.split(origins[0], 1)[0]
    own = {key: value for key, value in how.items() if key not in ("lr", "epochs")}
    model = make_network(name, train, seed=seed, **SHAPE, **own)
    budget = TrainSettings(epochs=how.get("epochs", 4), batch_size=512, lr=how["lr"], device="cpu", seed=seed)
    fit(model, train, None, budget)
    found = pd.concat([predict(model, windows.at(origin)) for origin in origins], ignore_index=True)
    return found[[*KEYS, "forecast"]], model.count(), time.process_time() - started


def prepared(store: Store) -> tuple[WindowSet, list[pd.Timestamp], pd.DataFrame]:
    """Windows, origins, and the scored rows: demand, sales, and the rivals that need no windows."""
    panel = prepare(store.observed())
    origins = rolling_origins(panel, HORIZON, ORIGINS)
    truth = store.truth.panel("demand").rename(columns={"value": "y"})
    scored = attainable(store, origins, HORIZON, filtered=False)[[*KEYS, "attainable_median"]]
    known = panel[["unique_id", "ds", "y"]].rename(columns={"ds": "cutoff", "y": "naive"})
    known["mean of 8 weeks"] = known.groupby("unique_id")["naive"].rolling(8, min_periods=1).mean().to_numpy()
    sales = panel[["unique_id", "ds", "y"]].rename(columns={"y": "sales"})
    scored = scored.merge(truth, on=KEYS[:2]).merge(known, on=["unique_id", "cutoff"]).merge(sales, on=KEYS[:2])
    return windows_of(panel, LOOK_BACK, PRICES + WEEK, None), origins, scored


def tuning(names: Sequence[str], stores: Sequence[int] = TUNING) -> pd.DataFrame:
    """WAPE on sales of every candidate on the tuning stores, one training each."""
    done, parts = partial_folder("modern_field"), []
    done.mkdir(parents=True, exist_ok=True)
    for store in stores:
        windows, origins, scored = prepared(load_store("simulated", size="small", seed=store))
        scored = scored.assign(y=scored["sales"])
        for name in names:
            part = done / f"{store}-{name}.csv"  # an interrupted run goes on from here
            if not part.is_file():
                rows = []
                for number, how in enumerate(candidates(name)):
                    found, weights, seconds = trained(name, windows, origins, how, seed=0)
                    error = wape(scored.merge(found, on=KEYS), "forecast")["forecast"].mean()
                    row = {"network": name, "candidate": number, "settings": str(how), "store": store}
                    rows.append(row | {"wape": error, "weights": weights, "seconds": seconds})
                write_whole(part, pd.DataFrame(rows).round({"wape": 5, "seconds": 1}).to_csv(index=False))
            parts.append(pd.read_csv(part))
            print(f"store {store}  {name}: {time.process_time():.0f} s", flush=True)
    return pd.concat(parts, ignore_index=True)


def on_one_store(
    store: Store, networks: Mapping[str, Mapping[str, Any]], seeds: Sequence[int]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scored rows with a column a model (a network's: one a seed, as `gru|0`); weights and CPU seconds."""
    windows, origins, scored = prepared(store)
    started, train = time.process_time(), windows.split(origins[0], 1)[0]
    trees = Trees(window=windows.settings).fit_windows(train)
    found = pd.concat([Trees.predict_windows(trees, windows.at(origin)) for origin in origins])
    scored = scored.merge(found.rename(columns={"forecast": "trees"})[[*KEYS, "trees"]], on=KEYS)
    spent = [{"model": "trees", "seconds": time.process_time() - started}]
    for name, how in networks.items():
        for seed in seeds:
            forecast, weights, seconds = trained(name, windows, origins, how, seed)
            scored = scored.merge(forecast.rename(columns={"forecast": f"{name}|{seed}"}), on=KEYS)
            spent.append({"model": name, "seconds": seconds, "weights": weights})
    return scored, pd.DataFrame(spent)


def with_mean_errors(scored: pd.DataFrame, networks: Sequence[str], seeds: Sequence[int]) -> pd.DataFrame:
    """Add a column a network that is wrong by the mean of its trainings' absolute errors in each cell.

    Its WAPE is the mean of theirs, and a redrawn product brings all its trainings along: three trainings are no three
    products.
    """
    errors = {
        name: np.mean([(scored[f"{name}|{seed}"] - scored["y"]).abs() for seed in seeds], axis=0) for name in networks
    }
    return scored.assign(**{name: scored["y"] + error for name, error in errors.items()})


def smallest(low: float, high: float, by_seed: np.ndarray) -> float:
    """The true difference that would have been shown in four of five repetitions, from interval and trainings."""
    trainings = np.var(by_seed, ddof=1) / len(by_seed)
    return float(2.8 * np.sqrt(((high - low) / 3.92) ** 2 + trainings))


def verdicts(frame: pd.DataFrame, networks: Sequence[str], seeds: Sequence[int]) -> pd.DataFrame:
    """One row a model and rival, over all stores and for each."""
    models, rows = [*OTHERS, *networks], []
    each: dict[str, np.ndarray] = {}  # of each training; what is trained once is the same in all of them
    for name in models:
        columns = [f"{name}|{seed}" if name in networks else name for seed in seeds]
        each[name] = np.array([wape(frame, column)[column].mean() for column in columns])
    store = frame["unique_id"].str.partition("|")[0]
    for name in models:
        found = skill_interval(frame, name, rng=np.random.default_rng(0)) if name != "naive" else None
        base = {"model": name, "store": "all", "wape": wape(frame, name)[name].mean()}
        base |= {"wape_sd_of_trainings": np.std(each[name], ddof=1) if name in networks else np.nan}
        if found is not None:
            base |= {"skill": found.estimate, "skill_low": found.low, "skill_high": found.high}
        rows.append(base)
        for rival in RIVALS if name != "naive" else ():
            if rival == name or rival not in models:
                continue
            verdict = compare(frame, name, rival, rng=np.random.default_rng(0))
            ends, by_seed = verdict.relative, each[name] / each[rival] - 1
            claim = {"relative": ends.estimate, "low": ends.low, "high": ends.high, "word": verdict.word}
            claim |= {"wins": verdict.wins, "of": len(verdict.by_origin)}
            rows.append({**base, "rival": rival, **claim, "smallest": smallest(ends.low, ends.high, by_seed)})
        rows += [{"model": name, "store": one, "wape": wape(f, name)[name].mean()} for one, f in frame.groupby(store)]
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tuning", action="store_true", help="candidates on the tuning stores")
    parser.add_argument("--without", nargs="*", default=[], choices=OPTIONS, help="networks to leave out")
    add_trial_options(parser, "the tiny store, two networks; records nothing")
    options = parser.parse_args()
    torch.set_num_threads(1)
    names = [name for name in OPTIONS if name not in options.without]
    if options.tuning:
        tuning(names).to_csv(TUNING_LOG, index=False)
        return
    started, smoke = time.perf_counter(), options.smoke
    settings = (
        {name: candidates(name)[0] | {"epochs": 1} for name in ("averages", "patch")} if smoke else chosen(names=names)
    )
    without = ["--without"] if options.without else []
    stores, seeds = ((1,), (0, 1)) if smoke else (STORES, SEEDS)
    frames, spent = [], []
    done = partial_folder("modern_field")
    for seed in stores:
        parts = [done / f"{what}-{seed}.parquet" for what in ("scored", "spent")]
        if not smoke and all(part.is_file() for part in parts):  # an interrupted run goes on from here
            scored, seconds = map(pd.read_parquet, parts)
        else:
            store = load_store("simulated", size="tiny" if smoke else "small", seed=seed)
            scored, seconds = on_one_store(store, settings, seeds)
        if not smoke:
            done.mkdir(parents=True, exist_ok=True)
            for part, frame in zip(parts, (scored, seconds), strict=True):
                write_whole(part, frame.to_parquet(index=False))
        frames.append(with_mean_errors(scored, list(settings), seeds))
        spent.append(seconds)
        print(f"store {seed}: {time.perf_counter() - started:.0f} s", flush=True)
    table = verdicts(common.pooled(frames, stores), list(settings), seeds)
    cost = pd.concat(spent).groupby("model")[["weights", "seconds"]].mean()
    table = table.join(cost, on="model")
    table.loc[table["store"] != "all", ["weights", "seconds"]] = np.nan
    shown = table[table["store"] == "all"].drop(columns=["store", "skill_low", "skill_high"])
    print(shown.round(4).to_string(index=False), flush=True)
    with trial_folder(options) as folder:
        recorded.write(
            "modern_field",
            table,
            script=__file__,
            also=[common.__file__, sequence_models.__file__],
            command=" ".join(["python -m benchmarks.simulated.modern_field", *without, *options.without]),
            protocol="WAPE on demand, 4 weeks ahead from 3 origins, trained once before the first; size small, stores "
            "of seeds 3 to 12, three trainings a store, settings chosen on stores 1 and 2; (ours - rival) / rival, "
            "95 % interval over products and origins",
            seconds=time.perf_counter() - started,
            smoke=smoke,
            directory=folder,
            measured=("seconds",),
            facts={"look_back": LOOK_BACK, "shape": SHAPE, "chosen": settings, "seeds": list(seeds)},
        )


if __name__ == "__main__":
    main()
