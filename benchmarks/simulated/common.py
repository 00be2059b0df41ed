"""What the comparisons on simulated stores share: the panel, one training before the first origin, and paired verdicts.

A result from one store may be an accident. `time_step.py`, `season.py` and `search.py` repeat theirs on stores by seed,
none of them seed 0, which the lessons show. An interval is drawn over series and over pairs of store and origin.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ecomlib.evaluation import compare, score_intervals
from ecomlib.features import calendar, relative_price
from ecomlib.panel import make_panel
from ecomlib.stores import Store
from ecomlib.training import TrainSettings, fit, make_network, predict
from ecomlib.windowing import WindowSettings
from ecomlib.windows import WindowSet

PLAN = ("rel_price", "promoted", "depth")
PAST = ("y", "rel_price", "promoted", "stockout")
OWN = ("rel_price", "day_sin", "day_cos")  # columns made here that are known ahead


def panel(store: Store, freq: str = "W-MON", ahead: int = 0, by: Sequence[str] = ("product_id",)) -> pd.DataFrame:
    """Units with the plan, the calendar and `rel_price`, the log price against its own mean so far."""
    frame = make_panel(store.observed(), freq, by, ahead=ahead)
    made = calendar(frame["ds"], freq)
    angle = 2 * np.pi * made["weekday"] / 7
    return frame.join(relative_price(frame)).assign(day_sin=np.sin(angle), day_cos=np.cos(angle), **made)


def trained(
    frame: pd.DataFrame,
    window: WindowSettings,
    how: TrainSettings,
    origins: Sequence[pd.Timestamp],
    *,
    model: str = "gru",
    every: int = 1,
    **network: Any,
) -> pd.DataFrame:
    """Forecasts `unique_id, ds, cutoff, forecast` from all origins by one network, trained before the first of them.

    `every`: take every so many-th origin for training (a daily panel has seven times a weekly one's windows).
    """
    windows = WindowSet.from_panel(frame, window)
    train, _ = windows.split(min(origins), 1)
    if every > 1:
        last = int(train.origin().max())
        keep = (last - train.origin()) % every == 0
        train = _some(train, keep)
    net = make_network(model, train, **network)
    fit(net, train, None, how)
    found = pd.concat([predict(net, windows.at(origin)) for origin in origins], ignore_index=True)
    return found[["unique_id", "ds", "cutoff", "forecast"]]


def _some(windows: WindowSet, keep: Any) -> WindowSet:
    from dataclasses import replace

    return replace(windows, first=windows.first[keep], series=windows.series[keep])


def pooled(frames: Sequence[pd.DataFrame], seeds: Sequence[int]) -> pd.DataFrame:
    """Scored frames of several stores as one: each series and each origin belongs to its store."""
    parts = []
    for seed, frame in zip(seeds, frames, strict=True):
        cutoff = frame["cutoff"].dt.strftime(f"store {seed}, %Y-%m-%d")
        parts.append(frame.assign(unique_id=f"store {seed}|" + frame["unique_id"], cutoff=cutoff))
    return pd.concat(parts, ignore_index=True)


def verdicts(frame: pd.DataFrame, models: Sequence[str], rival: str, measure: str) -> pd.DataFrame:
    """Each model's WAPE with its interval, and the paired difference (model - rival) / rival with its word.

    The words are those of `evaluation.verdict_word`; `wins` counts pairs of store and origin at which the
    model is ahead.
    """
    rows = score_intervals(frame, models, "wape", rng=np.random.default_rng(0)).drop(columns="metric")
    rows.insert(1, "measure", measure)
    claims = []
    for name in rows["model"]:
        if name == rival:
            claims.append({})
            continue
        found = compare(frame, name, rival, "wape", rng=np.random.default_rng(0))
        difference = {"against": found.relative.estimate, "against_low": found.relative.low}
        difference |= {"against_high": found.relative.high, "word": found.word}
        claims.append(difference | {"wins": found.wins, "of": len(found.by_origin), "rival": rival})
        print(found)
    return pd.concat([rows, pd.DataFrame(claims)], axis=1)
