"""Causal effects of what the shop does: prices, promotions, a roll-out (lesson 03, section 4).

``graph`` says what to hold constant, ``design`` joins a store's tables as they were known, ``regression`` fits counts,
``elasticity`` estimates the effect of a price, ``interference`` that of all prices at once, ``experiments`` those of a
promotion, a roll-out and a mail, ``sensitivity`` how far to trust an effect, ``shop_effects`` what decisions read.
"""

from __future__ import annotations

from ecomlib.causal.design import KNOWN_BEFORE, design, leak_probe, listing_texts, ordinary_prices, text_vectors
from ecomlib.causal.elasticity import DoubleML, Settings, double_ml, fixed_effects, naive, on_residuals
from ecomlib.causal.experiments import (
    EventStudy,
    Rollout,
    difference_in_means,
    event_study,
    promotion_effect,
    rollout_effect,
)
from ecomlib.causal.graph import back_door_fault, separated, shop_arrows, suffices
from ecomlib.causal.interference import others_price, rise_of_all_prices
from ecomlib.causal.regression import PoissonFit, poisson
from ecomlib.causal.sensitivity import partial_r2, permuted_treatment, robustness_of, robustness_value
from ecomlib.causal.shop_effects import no_effects, ordinary_effect, shop_effects

__all__ = [
    "KNOWN_BEFORE",
    "DoubleML",
    "EventStudy",
    "PoissonFit",
    "Rollout",
    "Settings",
    "back_door_fault",
    "design",
    "difference_in_means",
    "double_ml",
    "event_study",
    "fixed_effects",
    "leak_probe",
    "listing_texts",
    "naive",
    "no_effects",
    "on_residuals",
    "ordinary_effect",
    "ordinary_prices",
    "others_price",
    "partial_r2",
    "permuted_treatment",
    "poisson",
    "promotion_effect",
    "rise_of_all_prices",
    "robustness_of",
    "robustness_value",
    "rollout_effect",
    "separated",
    "shop_arrows",
    "shop_effects",
    "suffices",
    "text_vectors",
]
