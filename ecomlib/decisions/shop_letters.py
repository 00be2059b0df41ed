"""Chooses whom to write to in the store as a game, by what the shop's own letters teach (lessons 14b and 22).

The books of the first Monday hold letters to customers drawn with a known propensity. A letter's effect is learnt from
orders within the horizon that the game scores: what comes later is worth nothing to a quarter's profit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.decisions.letters import LetterRules, purchases_of, write_to
from ecomlib.stores.store import Store

__all__ = ["moved_by_letter"]

HUGE = 100  # units of a line that no household buys: the wholesale order is nobody's habit


def moved_by_letter(shop: Store, customer_ids: Any, days: int, cost: float) -> NDArray[np.bool_]:
    """Mark whom one letter is expected to move to orders worth more than it costs, (J,), by the DR learner.

    Parameters
    ----------
    shop : Store
        Of ``env.opening()``: its orders, products and mailings.
    customer_ids : array (J,)
        Of ``env.customer_ids``.
    days : int
        An effect is counted in orders of so many days after a letter.
    cost : float
        Money a letter; an order is worth the mean margin of the books' orders.

    Returns
    -------
    array (J,) of bool
        False for who has been silent for half a year, or has never ordered.

    Raises
    ------
    DataError
        No letter in the books lies so many days before their end, or nobody wrote down its propensity.
    """
    lines = shop.orders[shop.orders["customer_id"].notna().to_numpy() & (shop.orders["quantity"] < HUGE).to_numpy()]
    end = shop.orders["ordered_at"].max().normalize() + pd.Timedelta(days=1)
    bought = purchases_of(lines, shop.products, np.asarray(customer_ids, dtype=object), end)
    unit_cost = lines["product_id"].map(shop.products.set_index("product_id")["unit_cost"]).to_numpy(dtype=float)
    margin = (lines["quantity"].to_numpy() * (lines["unit_price"].to_numpy(dtype=float) - unit_cost)).sum()
    an_order = float(margin / lines["order_id"].nunique())
    effect = write_to(bought, shop.mailings, LetterRules(days=days)).effect
    return np.asarray(np.nan_to_num(effect, nan=-np.inf) > cost / an_order)
