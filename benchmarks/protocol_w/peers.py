"""The peers of protocol W, and the tuning of the strongest of them: the same budget as the networks', the same origins.

    python -m benchmarks.protocol_w.peers --tune   # every candidate on the tuning origins; writes tuning/peers.csv
    python -m benchmarks.protocol_w.peers --smoke  # seconds, on an invented shop, writes nothing

`models` holds the protocol's own list, LightGBM with the settings that it names, and `lightgbm_tuned`: the candidate
with the lowest WAPE on the tuning origins, as found in the file that the tuning wrote.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.protocol_w import protocol
from ecomlib.contract import Forecaster, ForecastFunction
from ecomlib.evaluation import score
from ecomlib.features import calendar
from ecomlib.files import write_whole
from ecomlib.forecasting import backtest
from ecomlib.models import baselines
from ecomlib.models.baselines import LightGBM

TUNING = Path(__file__).resolve().parent / "tuning" / "peers.csv"
CALENDAR = ("to_christmas", "holidays")  # what the networks read beside the week of the year
SQUARED, ABSOLUTE = LightGBM(objective="squared"), LightGBM(objective="absolute")
CANDIDATES: dict[str, LightGBM] = {
    "squared": SQUARED,
    "absolute": ABSOLUTE,
    "absolute_memory_0.1": replace(ABSOLUTE, exponential=(0.1,)),
    "absolute_memory_0.5": replace(ABSOLUTE, exponential=(0.5,)),
    "absolute_memories": replace(ABSOLUTE, exponential=(0.1, 0.3, 0.5)),
    "absolute_slow": replace(ABSOLUTE, rate=0.03),
    "absolute_fast": replace(ABSOLUTE, rate=0.1),
    "absolute_small_trees": replace(ABSOLUTE, leaves=15),
    "absolute_large_trees": replace(ABSOLUTE, leaves=63),
    "absolute_tiny_trees": replace(ABSOLUTE, leaves=7),
    "absolute_small_trees_memory_0.5": replace(ABSOLUTE, leaves=15, exponential=(0.5,)),
    "absolute_small_trees_fast": replace(ABSOLUTE, leaves=15, rate=0.1),
    "absolute_small_trees_slow": replace(ABSOLUTE, leaves=15, rate=0.03),
    "absolute_small_trees_long": replace(ABSOLUTE, leaves=15, rate=0.03, trees=600),
    "absolute_large_leaves": replace(ABSOLUTE, least_rows=100),
    "absolute_rows": replace(ABSOLUTE, row_share=0.7),
    "absolute_columns": replace(ABSOLUTE, column_share=0.5),
    "absolute_both_shares": replace(ABSOLUTE, row_share=0.7, column_share=0.5),
    "absolute_small_trees_both_shares": replace(ABSOLUTE, leaves=15, row_share=0.7, column_share=0.5),
    "absolute_calendar": replace(ABSOLUTE, covariates=CALENDAR),
    "absolute_small_trees_calendar": replace(ABSOLUTE, leaves=15, covariates=CALENDAR),
    "absolute_calendar_both_shares": replace(ABSOLUTE, row_share=0.7, column_share=0.5, covariates=CALENDAR),
    "squared_small_trees": replace(SQUARED, leaves=15),
    "squared_both_shares": replace(SQUARED, row_share=0.7, column_share=0.5),
    "absolute_no_year": replace(ABSOLUTE, lags=(1, 2, 3, 4, 5, 6, 7, 8, 12, 26)),
}


def boosted(settings: LightGBM) -> Forecaster | ForecastFunction:
    """LightGBM; the calendar's columns, where it is to read them, are made here, for the panel has none."""
    if not settings.covariates:
        return settings

    def forecast(past: pd.DataFrame, future: pd.DataFrame) -> np.ndarray:
        past, future = (
            rows.assign(**calendar(rows["ds"], "W-MON")[list(settings.covariates)]) for rows in (past, future)
        )
        return settings.answer(settings.learn(past, protocol.HORIZON), past, future)

    return forecast


def tuned() -> LightGBM:
    """The candidate that did best on the tuning origins."""
    return CANDIDATES[str(pd.read_csv(TUNING).sort_values("wape", kind="stable")["candidate"].iloc[0])]


def models(smoke: bool = False) -> dict[str, tuple[str, Callable[[], Forecaster | ForecastFunction]]]:
    """Name, kind and maker of each peer; fewer trees in a trial run."""

    def boosting(settings: LightGBM) -> Callable[[], Forecaster | ForecastFunction]:
        return lambda: boosted(replace(settings, trees=20) if smoke else settings)

    return {
        "naive": ("peer", baselines.Naive),
        "seasonal_naive": ("peer", baselines.SeasonalNaive),
        "window_mean": ("peer", baselines.WindowMean),
        "exponential_smoothing": ("peer", baselines.ExponentialSmoothing),
        "auto_theta": ("peer", baselines.AutoTheta),
        "auto_ets": ("peer", baselines.AutoETS),
        "lightgbm_squared": ("peer", boosting(SQUARED)),
        "lightgbm_absolute": ("peer", boosting(ABSOLUTE)),
        "lightgbm_tuned": ("peer", boosting(tuned())),
    }


def tune(panel: pd.DataFrame, candidates: dict[str, LightGBM]) -> pd.DataFrame:
    """Scores of the candidates on the tuning origins, best first; nothing later is in the panel that they see."""
    panel = panel[panel["ds"] <= protocol.TUNING_ORIGINS[-1] + protocol.HORIZON * protocol.WEEK]
    rows = []
    for name, settings in candidates.items():
        started = time.perf_counter()
        frame = backtest(panel, {name: boosted(settings)}, protocol.TUNING_ORIGINS, protocol.HORIZON)
        value = score(frame, name, ("wape", "rmsse"), train=panel).set_index("metric")["value"]
        rows.append({"candidate": name, "wape": value["wape"], "rmsse": value["rmsse"], "settings": repr(settings)})
        print(
            f"{name}: WAPE {value['wape']:.4f}, RMSSE {value['rmsse']:.4f}, {time.perf_counter() - started:.0f} s",
            flush=True,
        )
    return pd.DataFrame(rows).sort_values("wape", kind="stable").round(4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tune", action="store_true", help="score every candidate and write tuning/peers.csv")
    parser.add_argument("--smoke", action="store_true", help="seconds, on an invented shop; writes nothing")
    options = parser.parse_args()
    if options.smoke:
        tune(protocol.smoke_panel(), {"squared": replace(SQUARED, trees=10)})
    elif options.tune:
        write_whole(TUNING, tune(protocol.panel(), CANDIDATES).to_csv(index=False))
    else:
        parser.error("nothing to do: --tune or --smoke")


if __name__ == "__main__":
    main()
