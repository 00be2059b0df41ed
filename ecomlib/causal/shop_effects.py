"""Estimates what a shop's prices and promotions do, by category: one place for the service and ``ecomlib decide``
(lesson 08, section 3; derived in lesson 03, section 4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ecomlib.causal.design import design, listing_texts, text_vectors
from ecomlib.causal.elasticity import double_ml, fixed_effects
from ecomlib.causal.experiments import promotion_effect
from ecomlib.errors import DataError, EcomlibError

if TYPE_CHECKING:
    from ecomlib.stores import Store

COLUMNS = ("elasticity", "low", "high", "promotion", "promotion_low", "promotion_high")
MOVED = 0.005  # of a price's log: less is rounding


def no_effects() -> pd.DataFrame:
    """Make the table of estimates without a row."""
    empty = {name: pd.Series(dtype=float) for name in COLUMNS}
    return pd.DataFrame({"category": pd.Series(dtype=object), **empty})


def shop_effects(
    store: Store, *, text: bool = True, say: Callable[[str], None] = lambda words: None
) -> tuple[pd.DataFrame, str]:
    """Estimate effects of prices and promotions by category, by double machine learning.

    Parameters
    ----------
    store : Store
    text : bool
        Take the listings' words for the confounder; without an encoder here they are left out.
    say : callable
        Is told what is being done.

    Returns
    -------
    table : DataFrame
        ``category, elasticity, low, high, promotion, promotion_low, promotion_high`` (95 %), a row a category; empty
        where nothing can be told.
    about : str
        How it was estimated, or why nothing can be told.
    """
    if store.prices is None:
        return no_effects(), "this shop's tables hold no prices, so what a price does is not known"
    vectors, about = None, "double machine learning without the listings' words"
    try:
        frame = design(store)
        if text:
            say("reading the listings' words …")
            try:
                vectors = text_vectors(listing_texts(store), progress=False)
                about = "double machine learning with the listings' words as the confounder"
            except EcomlibError as error:  # no encoder here, or texts that it cannot read
                say(f"the listings' words are left out: {error}")
        table = double_ml(frame, vectors, exposure="in_stock").table
        promotion = _promotion(frame, table)
    except (DataError, np.linalg.LinAlgError) as error:
        return no_effects(), f"what a price does cannot be told from this shop's tables: {error}"
    say(about)
    promotions = dict(zip(COLUMNS[3:], promotion, strict=True))
    return table[["category", "elasticity", "low", "high"]].assign(**promotions), about


def ordinary_effect(rows: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Estimate one elasticity for a shop without price lists, from what ordinary lines paid (lesson 03, Part B).

    Parameters
    ----------
    rows : DataFrame
        Of ``ordinary_prices``.

    Returns
    -------
    table : DataFrame
        One row, of the category ``all``: ``elasticity, low, high``.
    about : str
        How it was estimated.

    Raises
    ------
    DataError
        No row is left, or the estimate is not finite: the prices hardly moved.
    """
    table = fixed_effects(rows, treatment="log_ordinary")
    span = rows.groupby("product_id")["log_ordinary"].agg(["min", "max"])
    still = not (span["max"] - span["min"] > MOVED).any()
    if still or not np.isfinite(table[["elasticity", "low", "high"]].to_numpy(dtype=float)).all():
        raise DataError(
            "what a price does cannot be told: ordinary prices hardly moved",
            table="orders",
            column="unit_price",
            remedy="change some prices at random for some weeks (lesson 03b), then ask again.",
        )
    return table[["category", "elasticity", "low", "high"]], "fixed effects of products and weeks on ordinary prices"


def _promotion(frame: pd.DataFrame, table: pd.DataFrame) -> tuple[float, float, float]:
    """Effect of being promoted on log demand beside its discount, low and high; 0 where no promotion was run.

    The interval is as wide as that of promotion and discount together, from which it is taken.
    """
    promoted = frame.get("promoted", pd.Series(0.0, index=frame.index)) > 0.5
    if "depth" not in frame or not 0 < promoted.sum() < len(frame):
        return 0.0, 0.0, 0.0
    coin = "promo_experiment" in frame and (promoted & frame["promo_experiment"].astype(bool)).any()
    if "promo_experiment" not in frame:
        frame = frame.assign(promo_experiment=False)
    effect = promotion_effect(frame, "randomised" if coin else "targeted", exposure="in_stock")
    used = frame[promoted & (frame["promo_experiment"].astype(bool) == coin)]
    slope = used["category"].map(table.set_index("category")["elasticity"])
    discount = float((slope * np.log(1 - used["depth"])).mean())
    return effect.estimate - discount, effect.low - discount, effect.high - discount
