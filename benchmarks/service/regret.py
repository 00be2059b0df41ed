"""Does `ecomlib train` lose by having a network among its candidates?

    python -m benchmarks.service.regret          # ten shops, and Online Retail II where its data are; about 8 minutes
    python -m benchmarks.service.regret --smoke  # two small shops; records nothing

Each shop keeps its last four full weeks back. On what lies before, the stages of `train` choose among all candidates,
and once more among those without the network, on the same scores. Whatever either puts in force is fitted again on all
weeks that are not kept back, and scored on those that are: WAPE of product-weeks. Regret is the first WAPE over the
second, less one. Bars, set beforehand: at most 0 on average, at most +3 % on any shop.

Beside them: every candidate, fitted again; the network alone as `train` made it before there was a choice, without the
newest weeks; and seconds.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.service.shops import KINDS, Size, shop
from benchmarks.trial import add_trial_options, trial_folder
from ecomlib import recorded
from ecomlib.errors import EcomlibError
from ecomlib.serving.release.candidates import MEAN, NETWORK, FitSettings, Fitted, fit, names_for
from ecomlib.serving.release.choose import choose, pick
from ecomlib.serving.release.inputs import SalesHistory, monday
from ecomlib.serving.release.snapshot import Snapshot, last_full_week, snapshot

HORIZON, SEED = 4, 1
MEAN_BAR, WORST_BAR = 0.0, 0.03


def outcome(one: Fitted, books: SalesHistory, later: SalesHistory) -> dict[str, float]:
    """WAPE of the weeks after the books, bias of the forecast and of its means, in products that have begun."""
    said, means = one.frozen.forecast(books, books.last), one.mean(books, books.last)
    row = {name: k for k, name in enumerate(later.products)}
    lines = [row[name] for name in books.products]
    at = books.last + 1 - later.first
    came = later.units[lines, at : at + HORIZON]
    there = np.isfinite(said[:, 0])
    sold = came[there].sum()
    return {
        "wape": float(np.abs(said - came)[there].sum() / sold),
        "bias": float(said[there].sum() / sold - 1),
        "bias_mean": float(means[there].sum() / sold - 1),
    }


def before(snap: Snapshot) -> tuple[Fitted, float]:
    """The network alone as it was made before: without the newest weeks, which calibrated. And its seconds."""
    began = time.perf_counter()
    weeks = snap.books.units.shape[1]
    kept = max(HORIZON + 1, min(16, weeks // 5))
    made = fit([NETWORK], snap.books, HORIZON, snap.books.last - kept, FitSettings(seed=SEED))[NETWORK]
    return made, time.perf_counter() - began


def measured(name: str, size: Size) -> pd.DataFrame:
    """Rows of a shop: ``shop, model, in_force, without_network, wape, bias, bias_mean, seconds``."""
    store = shop(name, seed=SEED, size=size)
    last = last_full_week(store)
    snap, whole = snapshot(store, HORIZON, last - HORIZON), snapshot(store, HORIZON, last)
    books, how = snap.books, FitSettings(seed=SEED)
    began = time.perf_counter()
    choice = choose(snap, how)
    chosen_in = time.perf_counter() - began
    without = MEAN
    if choice.calibrated:
        scores = choice.scores[choice.scores["cutoff"] < monday(choice.origins[-1])]
        without = pick(scores, names_for(books, quick=True))[0]
    first = choice.origins[0] if choice.origins else None
    names = names_for(books, quick=False) if choice.calibrated else tuple(choice.table["model"])
    rows = []
    for model in names:
        began = time.perf_counter()
        again = fit([model], books, HORIZON, books.last, how, before=first)[model]
        seconds = time.perf_counter() - began + chosen_in * (model == choice.name)
        rows.append({"model": model, **outcome(again, books, whole.books), "seconds": seconds})
    try:
        old, seconds = before(snap)
        rows.append({"model": "network alone, as before", **outcome(old, books, whole.books), "seconds": seconds})
    except EcomlibError as error:  # a shop that is too young for it had none
        print(f"{name}: no network as before: {error}")
    table = pd.DataFrame(rows)
    in_force = {"in_force": table["model"] == choice.name, "without_network": table["model"] == without}
    return table.assign(shop=name, origins=len(choice.origins), **in_force)


def regrets(table: pd.DataFrame) -> pd.DataFrame:
    """A row a shop: what is in force, what would be without the network, both WAPE, and the regret."""
    ours = table[table["in_force"]].set_index("shop")
    other = table[table["without_network"]].set_index("shop")
    old = table[table["model"] == "network alone, as before"].set_index("shop")
    return pd.DataFrame(
        {
            "in force": ours["model"],
            "without network": other["model"],
            "wape": ours["wape"],
            "wape without": other["wape"],
            "regret": ours["wape"] / other["wape"] - 1,
            "bias": ours["bias"],
            "bias of means": ours["bias_mean"],
            "wape before": old["wape"],
            "bias before": old["bias"],
            "seconds": ours["seconds"],
            "seconds before": old["seconds"],
        }
    ).loc[ours.index]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_trial_options(parser, "two small shops; records nothing")
    options = parser.parse_args()
    began = time.perf_counter()
    size: Size = "tiny" if options.smoke else "full"
    tables = []
    for name in ("dense", "fashion") if options.smoke else KINDS:
        try:
            tables.append(measured(name, size))
        except EcomlibError as error:
            if name != "online_retail":
                raise
            print(f"{name} is left out: {error}")
            continue
        print(regrets(tables[-1]).round(3).to_string(), flush=True)
    table = pd.concat(tables, ignore_index=True)
    found = regrets(table)
    with pd.option_context("display.width", 200, "display.max_columns", None):
        print(found.round(3).to_string())
    mean, worst = float(found["regret"].mean()), float(found["regret"].max())
    met = mean <= MEAN_BAR and worst <= WORST_BAR
    print(f"regret: {mean:+.1%} on average, {worst:+.1%} at worst ({found['regret'].idxmax()}); bars met: {met}")
    with trial_folder(options) as folder:
        recorded.write(
            "service_regret",
            table,
            script=__file__,
            command="python -m benchmarks.service.regret",
            protocol="benchmarks/service/shops.py, seed 1; the last four full weeks kept back; WAPE of product-weeks",
            seconds=time.perf_counter() - began,
            also=[Path(__file__).with_name("shops.py")],
            measured=["seconds"],
            smoke=options.smoke,
            directory=folder,
        )


if __name__ == "__main__":
    main()
