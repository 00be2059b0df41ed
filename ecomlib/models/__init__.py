"""Sequence models, one file per network, and heads that define what the output means (lesson 04, section 4).

`models.baselines` holds the peers; it is imported by its own name, because it needs other libraries.
"""

from __future__ import annotations

from ecomlib.models.at_once import AtOnceNetwork
from ecomlib.models.averages import AveragesNetwork
from ecomlib.models.base import Network, NetworkSettings
from ecomlib.models.gru import GRUNetwork
from ecomlib.models.heads import HEADS, make_head
from ecomlib.models.linear import LinearNetwork
from ecomlib.models.lstm import LSTMNetwork
from ecomlib.models.mlp import NHitsNetwork, TideNetwork
from ecomlib.models.patch import ITransformerNetwork, PatchNetwork
from ecomlib.models.registry import NETWORKS, make_network, network_class
from ecomlib.models.tcn import TCNNetwork
from ecomlib.models.transformer import TransformerNetwork, TransformerSettings

__all__ = [
    "HEADS",
    "NETWORKS",
    "AtOnceNetwork",
    "AveragesNetwork",
    "GRUNetwork",
    "ITransformerNetwork",
    "LSTMNetwork",
    "LinearNetwork",
    "NHitsNetwork",
    "Network",
    "NetworkSettings",
    "PatchNetwork",
    "TCNNetwork",
    "TideNetwork",
    "TransformerNetwork",
    "TransformerSettings",
    "make_head",
    "make_network",
    "network_class",
]
