"""A network of one's own that reads windows of one length alone: a perceptron on patches (Nie et al., 2023).

As a plug-in of pytest (``-p patch_network``) it stands in ``NETWORKS`` of that session, as its line in the registry
would put it there, and every test over ``NETWORKS`` runs on it too.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from ecomlib.models import NETWORKS, Network, NetworkSettings

PATCH = 3  # periods


class PatchNetwork(Network):
    """Reads patches of periods side by side, all at once: no encoder of states."""

    kind = "patches"
    fixed_look_back = True

    def make_encoder(self, settings: NetworkSettings) -> nn.Module:
        patches, channels = -(-settings.look_back // PATCH), settings.past + 1
        return nn.Sequential(
            nn.Linear(PATCH * channels, settings.hidden),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(patches * settings.hidden, settings.hidden),
        )

    def encode(self, x: Tensor, seen: Tensor) -> Tensor:
        known = seen.unsqueeze(-1).to(x.dtype)
        both = nn.functional.pad(torch.cat([x * known, known], dim=-1), (0, 0, -x.shape[1] % PATCH, 0))
        return self.dropout(self.encoder(both.unflatten(1, (-1, PATCH)).flatten(2)))


def skip_without_states(kind: str, fusion: str) -> None:
    """Skip what asks for cross-attention where a network has no state for each period."""
    network = NETWORKS[kind]
    own = network.encode is not Network.encode and network.hidden_states is Network.hidden_states
    if fusion == "cross_attention" and own:
        pytest.skip(f"{network.__name__} has no hidden_states, which cross-attention asks")


def skip_other_lengths(kind: str) -> None:
    """Skip what reads windows of another length where a network reads one alone."""
    if NETWORKS[kind].fixed_look_back:
        pytest.skip(f"{NETWORKS[kind].__name__} has a fixed look-back and reads no shorter window")


def pytest_configure(config: pytest.Config) -> None:
    NETWORKS[PatchNetwork.kind] = PatchNetwork
