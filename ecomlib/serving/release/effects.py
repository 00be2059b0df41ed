"""Estimates effects of prices and promotions for what-ifs (lesson 08, section 3), as ``ecomlib decide price`` does."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pandas as pd

from ecomlib.causal.shop_effects import no_effects, shop_effects

if TYPE_CHECKING:
    from ecomlib.stores import Store


def effects_of(store: Store, wanted: bool, text: bool, say: Callable[[str], None]) -> tuple[pd.DataFrame, str]:
    """Estimate effects of prices and promotions by category; empty, with the reason, where there are none."""
    if store.prices is not None and not wanted:
        return no_effects(), "what a price does was not estimated when this version was trained"
    return shop_effects(store, text=text, say=say)
