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
from ecomlib.evaluation import score
from ecomlib.features import calendar
from ecomlib.files import write_whole
from ecomlib.forecasting import backtest
from ecomlib.models import baselines
from ecomlib.models.baselines import BoostingSettings, ForecastFunction

TUNING = Path(__file__).resolve().parent / "tuning" / "peers.csv"
CALENDAR = ("to_christmas", "holidays")  # what the networks read beside the week of the year
SQUARED, ABSOLUTE = BoostingSettings(objective="squared"), BoostingSettings(objective="absolute")
CANDIDATES: dict[str, BoostingSettings] = {
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


def boosted(settings: BoostingSettings) -> ForecastFunction:
    """LightGBM with the calendar's columns, where it is to read them."""
    forecaster = baselines.lightgbm(settings)
    if not settings.covariates:
        return forecaster

    def forecast(train: pd.DataFrame, future: pd.DataFrame) -> np.ndarray:
        both = [rows.assign(**calendar(rows["ds"], "W-MON")[list(settings.covariates)]) for rows in (train, future)]
        return forecaster(*both)

    return forecast


def tuned() -> BoostingSettings:
    """The candidate that did best on the tuning origins."""
    return CANDIDATES[str(pd.read_csv(TUNING).sort_values("wape", kind="stable")["candidate"].iloc[0])]


def models(smoke: bool = False) -> dict[str, tuple[str, Callable[[], ForecastFunction]]]:
    """Name, kind and maker of each peer; fewer trees in a trial run."""

    def boosting(settings: BoostingSettings) -> Callable[[], ForecastFunction]:
        return lambda: boosted(replace(settings, trees=20) if smoke else settings)

    return {
        "naive": ("peer", baselines.naive),
        "seasonal_naive": ("peer", baselines.seasonal_naive),
        "window_mean": ("peer", baselines.window_mean),
        "exponential_smoothing": ("peer", baselines.exponential_smoothing),
        "auto_theta": ("peer", baselines.auto_theta),
        "auto_ets": ("peer", baselines.auto_ets),
        "lightgbm_squared": ("peer", boosting(SQUARED)),
        "lightgbm_absolute": ("peer", boosting(ABSOLUTE)),
        "lightgbm_tuned": ("peer", boosting(tuned())),
    }


def tune(panel: pd.DataFrame, candidates: dict[str, BoostingSettings]) -> pd.DataFrame:
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
