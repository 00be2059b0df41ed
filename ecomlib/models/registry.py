"""Registers the sequence models: one line each, from which training, checkpoints and export take their names.

A new network is its own file with a :class:`~ecomlib.models.base.Forecaster`, a test, and one line in ``_CLASSES``; the
tests that run over ``NETWORKS`` then prove its shapes, masks, padding, fusion and export (lesson 04, section 4).
"""

from __future__ import annotations

import pkgutil

from ecomlib.models.base import Forecaster

_CLASSES = (
    "ecomlib.models.gru:GRUForecaster",
    "ecomlib.models.lstm:LSTMForecaster",
    "ecomlib.models.transformer:TransformerForecaster",
)

# By the class's own ``kind``, which is also what a saved network's card holds.
NETWORKS: dict[str, type[Forecaster]] = {network.kind: network for network in map(pkgutil.resolve_name, _CLASSES)}
