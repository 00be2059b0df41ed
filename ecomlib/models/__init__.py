"""Sequence models, one file per network, and heads that define what the output means (lesson 04, section 4).

`models.baselines` holds the peers; it is imported by its own name, because it needs other libraries.
"""

from __future__ import annotations

from ecomlib.models.base import Forecaster, ForecasterSettings
from ecomlib.models.gru import GRUForecaster
from ecomlib.models.heads import HEADS, make_head
from ecomlib.models.lstm import LSTMForecaster
from ecomlib.models.registry import NETWORKS
from ecomlib.models.transformer import TransformerForecaster

__all__ = [
    "HEADS",
    "NETWORKS",
    "Forecaster",
    "ForecasterSettings",
    "GRUForecaster",
    "LSTMForecaster",
    "TransformerForecaster",
    "make_head",
]
