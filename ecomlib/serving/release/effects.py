"""Estimates effects of prices and promotions for what-ifs (lesson 08, section 3; derived in lesson 03, section 4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ecomlib.errors import DataError, EcomlibError

if TYPE_CHECKING:
    from ecomlib.stores import Store

COLUMNS = ("elasticity", "low", "high", "promotion", "promotion_low", "promotion_high")


def effects_of(store: Store, wanted: bool, text: bool, say: Callable[[str], None]) -> tuple[pd.DataFrame, str]:
    """Estimate effects of prices and promotions by category; empty, with the reason, where there are none."""
    from ecomlib import causal

    none = pd.DataFrame(
        {
            "category": pd.Series(dtype=object),
            **{c: pd.Series(dtype=float) for c in COLUMNS},
        }
    )
    if store.prices is None:
        return none, "this shop's tables hold no prices, so what a price does is not known"
    if not wanted:
        return none, "what a price does was not estimated when this version was trained"
    vectors, about = None, "double machine learning without the listings' words"
    try:
        frame = causal.design(store)
        if text:
            say("reading the listings' words …")
            try:
                vectors = causal.text_vectors(causal.listing_texts(store), progress=False)
                about = "double machine learning with the listings' words as the confounder"
            except EcomlibError as error:  # no encoder here, or texts that it cannot read
                say(f"the listings' words are left out: {error}")
        table = causal.double_ml(frame, vectors, exposure="in_stock").table
        promotion = _promotion(frame, table)
    except (DataError, np.linalg.LinAlgError) as error:
        return none, f"what a price does cannot be told from this shop's tables: {error}"
    say(about)
    promotions = dict(zip(COLUMNS[3:], promotion, strict=True))
    return table[["category", "elasticity", "low", "high"]].assign(**promotions), about


def _promotion(frame: pd.DataFrame, table: pd.DataFrame) -> tuple[float, float, float]:
    """Effect of being promoted on log demand beside its discount, low and high; 0 where no promotion was run.

    The interval is as wide as that of promotion and discount together, from which it is taken.
    """
    from ecomlib import causal

    promoted = frame.get("promoted", pd.Series(0.0, index=frame.index)) > 0.5
    if "depth" not in frame or not 0 < promoted.sum() < len(frame):
        return 0.0, 0.0, 0.0
    coin = "promo_experiment" in frame and (promoted & frame["promo_experiment"].astype(bool)).any()
    if "promo_experiment" not in frame:
        frame = frame.assign(promo_experiment=False)
    effect = causal.promotion_effect(frame, "randomised" if coin else "targeted", exposure="in_stock")
    used = frame[promoted & (frame["promo_experiment"].astype(bool) == coin)]
    slope = used["category"].map(table.set_index("category")["elasticity"])
    discount = float((slope * np.log(1 - used["depth"])).mean())
    return effect.estimate - discount, effect.low - discount, effect.high - discount
