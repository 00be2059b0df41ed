"""The networks that run under protocol W, and how their settings were chosen: on the four tuning origins alone.

    python -m benchmarks.protocol_w.networks --tune  # every candidate; appends its result to tuning/networks.csv
    python -m benchmarks.protocol_w.networks --tune NAME ...  # these candidates only
    python -m benchmarks.protocol_w.networks --smoke  # a few epochs on a made-up panel, writes nothing

`NETWORKS` maps a name to its kind and to a function that makes the forecaster; `accuracy.py` scores them on
the test origins. "network" is one architecture trained once from one seed; an average over seeds is an "ensemble".
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.protocol_w import protocol
from ecomlib.contract import Forecaster, Point
from ecomlib.evaluation import rmsse, wape
from ecomlib.forecasting import backtest
from ecomlib.panel import LAST_YEAR as PANEL_LAST_YEAR
from ecomlib.training import NetworkForecaster, TrainSettings
from ecomlib.windowing import WindowSettings

HERE = Path(__file__).resolve().parent
TUNING = HERE / "tuning" / "networks.csv"
HORIZON = protocol.HORIZON

CALENDAR = ("week_sin", "week_cos", "week_sin2", "week_cos2", "to_christmas", "holidays")
LAST_YEAR = ("last_year", "last_year_known")


@dataclass(frozen=True)
class WithShop(Forecaster):
    """Give each week the pulse of the whole shop: log of the mean units of a series against its half-year mean.

    Weeks in which the shop is closed look like a collapse of each single item; the pulse says that they are not. It is
    made from the rows up to the origin alone and is a past covariate: known when its week is over.
    """

    member: NetworkForecaster

    @property
    def point(self) -> Point:
        return self.member.point

    @property
    def known_ahead(self) -> tuple[str, ...]:
        return self.member.known_ahead

    def learn(self, past: pd.DataFrame, horizon: int) -> Any:
        return self.member.learn(with_pulse(past), horizon)

    def answer(self, learned: Any, past: pd.DataFrame, future: pd.DataFrame) -> Any:
        return self.member.answer(learned, with_pulse(past), future)


def with_pulse(past: pd.DataFrame) -> pd.DataFrame:
    """The columns `shop` and, where the panel counts orders, `log_orders`."""
    pulse = np.log1p(past.groupby("ds")["y"].mean())
    pulse = pulse - pulse.rolling(26, min_periods=1).mean()
    behind = np.log1p(past["orders"]) if "orders" in past else 0.0
    return past.assign(shop=past["ds"].map(pulse), log_orders=behind)


def recipe(
    *,
    model: str = "gru",
    look_back: int = 26,
    scale: str = "log1p_shift",
    past: tuple[str, ...] = ("y", "shop", "week_sin", "week_cos"),
    future: tuple[str, ...] = (*CALENDAR, *LAST_YEAR),
    seeds: tuple[int, ...] = (0,),
    train: dict[str, Any] | None = None,
    **network: Any,
) -> WithShop:
    """One candidate; its arguments are what `tuning/networks.csv` records."""
    window = WindowSettings(look_back, HORIZON, past=past, future=future, scale=scale, least_history=2)  # type: ignore[arg-type]
    how = TrainSettings(**{"epochs": 12, "device": "cpu", **(train or {})})
    return WithShop(NetworkForecaster(model, window, how, seeds, network))


# What was tried on the tuning origins; tuning/networks.csv holds the results, in the order of their time.
SMALL: dict[str, Any] = {"hidden": 32, "train": {"epochs": 8, "lr": 5e-3}}
AVERAGED: dict[str, Any] = {**SMALL, "train": {**SMALL["train"], "average": 0.99}}
LONG: dict[str, Any] = {**SMALL, "train": {"epochs": 16, "lr": 5e-3, "average": 0.99}}
FAST: dict[str, Any] = {**SMALL, "dropout": 0.2, "train": {"epochs": 12, "lr": 1e-2, "average": 0.99}}
CANDIDATES: dict[str, dict[str, Any]] = {
    "gru": {},
    "gru_small": {"look_back": 13, "hidden": 32, "train": {"epochs": 8}},
    "gru_32": SMALL,
    "gru_32_averaged": AVERAGED,
    "gru_32_divided": {**SMALL, "scale": "log1p_mean"},
    "gru_32_orders": {**SMALL, "past": ("y", "shop", "week_sin", "week_cos", "log_orders")},
    "gru_32_no_pulse": {**SMALL, "past": ("y", "week_sin", "week_cos")},
    "gru_32_neighbours": {**SMALL, "future": (*CALENDAR, *PANEL_LAST_YEAR)},
    "gru_32_past_plain": {**AVERAGED, "past": ("y", "shop")},
    "gru_32_one_wave": {**AVERAGED, "past": ("y", "shop"), "future": ("week_sin", "week_cos", *LAST_YEAR)},
    "gru_32_no_calendar": {**AVERAGED, "past": ("y", "shop"), "future": ("holidays", *LAST_YEAR)},
    "gru_32_to_christmas": {**AVERAGED, "past": ("y", "shop"), "future": ("to_christmas", "holidays", *LAST_YEAR)},
    "gru_32_seed_1": {**AVERAGED, "seeds": (1,)},
    "gru_32_seed_2": {**AVERAGED, "seeds": (2,)},
    "gru_32_level_lr": {**SMALL, "train": {"epochs": 8, "lr": 2e-3, "average": 0.99}},
    "gru_32_short": {**SMALL, "train": {"epochs": 4, "lr": 5e-3, "average": 0.99}},
    "gru_32_dropout": {**AVERAGED, "dropout": 0.2},
    "gru_32_decay": {**SMALL, "train": {**AVERAGED["train"], "weight_decay": 0.05}},
    "gru_32_long": LONG,
    "gru_32_fast": {**SMALL, "train": {**AVERAGED["train"], "lr": 1e-2}},
    "gru_32_fast_dropout": FAST,
    "gru_32_fast_dropout_seed_1": {**FAST, "seeds": (1,)},
    "gru_32_fast_dropout_seed_2": {**FAST, "seeds": (2,)},
    "gru_32_fast_seed_1": {**SMALL, "train": {**AVERAGED["train"], "lr": 1e-2}, "seeds": (1,)},
    "lstm_32_fast_dropout": {**FAST, "model": "lstm"},
    "gru_32_fast_dropout_three_seeds": {**FAST, "seeds": (0, 1, 2)},
    "gru_32_long_dropout": {**LONG, "dropout": 0.2},
    "gru_32_small_batches": {**SMALL, "train": {**AVERAGED["train"], "batch_size": 256}},
    "lstm_32_long": {**LONG, "model": "lstm"},
    "lstm_32_long_dropout": {**LONG, "model": "lstm", "dropout": 0.2},
    "lstm_32": {**SMALL, "model": "lstm"},
    "gru_32_squared": {**SMALL, "head": "squared"},
}

SHORT: dict[str, Any] = {"hidden": 8, "look_back": 8, "train": {"epochs": 1}}

# What accuracy.py scores on the test origins, once.
CHOSEN: dict[str, tuple[str, dict[str, Any]]] = {
    "gru": ("network", CANDIDATES["gru_32_fast_dropout"]),
    "lstm": ("network", CANDIDATES["lstm_32_fast_dropout"]),
    "gru_three_seeds": ("ensemble", CANDIDATES["gru_32_fast_dropout_three_seeds"]),
}
# Averages on the log1p scale of columns that are there anyway.
ENSEMBLES: dict[str, tuple[str, ...]] = {
    "gru_and_lightgbm": ("gru_three_seeds", "lightgbm_squared", "lightgbm_absolute"),
}
NETWORKS: dict[str, tuple[str, Callable[[], WithShop]]] = {
    name: (kind, partial(recipe, **settings)) for name, (kind, settings) in CHOSEN.items()
}
SMOKE_NETWORKS: dict[str, tuple[str, Callable[[], WithShop]]] = {"gru": ("network", partial(recipe, **SHORT))}


def tune(name: str, panel: pd.DataFrame, settings: dict[str, Any]) -> dict[str, Any]:
    """Score one candidate on the tuning origins; nothing after them is looked at."""
    panel = panel[panel["ds"] <= protocol.TUNING_ORIGINS[-1] + HORIZON * protocol.WEEK]
    started = time.perf_counter()
    scored = backtest(panel, {name: recipe(**settings)}, protocol.TUNING_ORIGINS, HORIZON)
    seconds = time.perf_counter() - started
    by_origin = wape(scored, [name])[name]
    scaled = rmsse(scored, [name], train=panel).groupby("cutoff")[name].mean()
    return {
        "at": dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M"),
        "name": name,
        "wape": round(float(np.mean(by_origin)), 4),
        "rmsse": round(float(np.mean(scaled)), 4),
        "wape_by_origin": " ".join(f"{value:.3f}" for value in by_origin),
        "seconds": round(seconds),
        "settings": json.dumps(settings),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tune", nargs="*", metavar="NAME", help="candidates; all of them where none is named")
    parser.add_argument("--smoke", action="store_true", help="seconds, made-up panel, nothing written")
    arguments = parser.parse_args()
    if arguments.smoke:
        print(tune("gru", protocol.smoke_panel(), SHORT))
        return
    if arguments.tune is None:
        parser.error("nothing to do: --tune or --smoke")
    panel = protocol.panel()
    for name in arguments.tune or CANDIDATES:
        row = tune(name, panel, CANDIDATES[name])
        new = not TUNING.exists()
        with TUNING.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(row), lineterminator="\n")
            if new:
                writer.writeheader()
            writer.writerow(row)
        print(*row.values(), sep=" | ", flush=True)


if __name__ == "__main__":
    main()
