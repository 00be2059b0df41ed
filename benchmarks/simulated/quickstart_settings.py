"""Which ten lines? The settings of lesson 00's network, chosen on stores that the lesson does not show.

    python -m benchmarks.simulated.quickstart_settings          # stores of seeds 1 and 2; the lesson's is seed 0
    python -m benchmarks.simulated.quickstart_settings --smoke  # the tiny store, one candidate a kind; records nothing

Each candidate is trained as the lesson does it, once before the first of three origins, and scored on demand. Records
quickstart_settings: one row a candidate and store, with the naive forecast and the attainable floor beside it.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd

from benchmarks.trial import add_trial_options, trial_folder
from ecomlib import load_store, recorded
from ecomlib.contract import rolling_origins
from ecomlib.evaluation import attainable, skill, wape
from ecomlib.features import calendar, relative_price
from ecomlib.panel import make_panel
from ecomlib.training import TrainSettings, fit, make_network, predict
from ecomlib.windowing import WindowSettings
from ecomlib.windows import WindowSet

HORIZON, QUANTILES = 4, (0.05, 0.25, 0.5, 0.75, 0.95)
WEEK = ("week_sin", "week_cos")
PLAN = ("rel_price", "promoted", "depth")
# name -> look-back, past, future, epochs, lr, hidden
CANDIDATES: dict[str, tuple[int, tuple[str, ...], tuple[str, ...], int, float, int]] = {
    "log price, calendar, 26 weeks": (
        26,
        ("y", "log_price", "promoted", "stockout"),
        ("log_price", "promoted", "depth", *WEEK),
        8,
        5e-3,
        32,
    ),
    "log price, 26 weeks": (
        26,
        ("y", "log_price", "promoted", "stockout"),
        ("log_price", "promoted", "depth"),
        8,
        5e-3,
        32,
    ),
    "relative price, calendar, 26 weeks": (26, ("y", "rel_price", "promoted", "stockout"), (*PLAN, *WEEK), 8, 5e-3, 32),
    "relative price, 26 weeks": (26, ("y", "rel_price", "promoted", "stockout"), PLAN, 8, 5e-3, 32),
    "relative price, 13 weeks": (13, ("y", "rel_price", "promoted", "stockout"), PLAN, 8, 5e-3, 32),
    "relative price, 13 weeks, 4 epochs": (13, ("y", "rel_price", "promoted", "stockout"), PLAN, 4, 5e-3, 24),
    "relative price, 13 weeks, 12 epochs": (13, ("y", "rel_price", "promoted", "stockout"), PLAN, 12, 5e-3, 32),
}


def on_one_store(size: str, seed: int, names: list[str]) -> list[dict[str, object]]:
    """Scores of the candidates on one store, each over three origins."""
    store = load_store("simulated", size=size, seed=seed)
    panel = make_panel(store.observed())
    panel["log_price"] = np.log(panel["price"])
    panel = pd.concat([panel, relative_price(panel), calendar(panel)], axis=1)
    panel["category"] = panel["unique_id"].map(store.products.set_index("product_id")["category"])
    origins = rolling_origins(panel, HORIZON, 3)
    floors = attainable(store, origins, HORIZON, filtered=False)
    truth = store.truth.panel("demand").rename(columns={"value": "y"})
    scored = floors.merge(truth, on=["unique_id", "ds"])
    last = panel[["unique_id", "ds", "y"]].rename(columns={"ds": "cutoff", "y": "naive"})
    scored = scored.merge(last, on=["unique_id", "cutoff"])
    rows: list[dict[str, object]] = []
    for name in names:
        look_back, past, future, epochs, lr, hidden = CANDIDATES[name]
        settings = WindowSettings(
            look_back, HORIZON, past=past, future=future, static=("category",), also_known=("log_price",)
        )
        started = time.process_time()
        windows = WindowSet.from_panel(panel, settings)
        train, valid = windows.split(origins[0] - pd.Timedelta(weeks=6), valid_periods=6)
        model = make_network("gru", train, head="quantile", quantiles=QUANTILES, hidden=hidden)
        fit(model, train, valid, TrainSettings(epochs=epochs, lr=lr, device="cpu"))
        seconds = time.process_time() - started
        found = pd.concat([predict(model, windows.at(origin)) for origin in origins])[
            ["unique_id", "ds", "cutoff", "forecast"]
        ]
        both = scored.merge(found, on=["unique_id", "ds", "cutoff"])
        error = {column: wape(both, column)[column].mean() for column in ("naive", "forecast", "attainable_median")}
        reached = skill(error["naive"], error["forecast"], error["attainable_median"])
        rows.append({"seed": seed, "candidate": name, "wape": error["forecast"], "skill": reached, "seconds": seconds})
        print(
            f"seed {seed}  {name:<40} WAPE {error['forecast']:.3f}  skill {reached:.3f}  {seconds:.0f} s CPU",
            flush=True,
        )
    rows.append({"seed": seed, "candidate": "naive", "wape": error["naive"], "skill": 0.0})
    rows.append({"seed": seed, "candidate": "attainable", "wape": error["attainable_median"], "skill": 1.0})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_trial_options(parser, "the tiny store, two candidates; records nothing")
    options = parser.parse_args()
    smoke = options.smoke
    started = time.perf_counter()
    names = list(CANDIDATES)[-2:] if smoke else list(CANDIDATES)
    rows = [
        row for seed in ((1,) if smoke else (1, 2)) for row in on_one_store("tiny" if smoke else "small", seed, names)
    ]
    with trial_folder(options) as folder:
        recorded.write(
            "quickstart_settings",
            pd.DataFrame(rows),
            script=__file__,
            command="python -m benchmarks.simulated.quickstart_settings",
            protocol="WAPE on demand, 4 weeks ahead from 3 origins, trained once before the first; seeds 1 and 2",
            seconds=time.perf_counter() - started,
            smoke=smoke,
            directory=folder,
            measured=("seconds",),
        )


if __name__ == "__main__":
    main()
