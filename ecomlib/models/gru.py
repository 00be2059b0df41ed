"""Implements the GRU network: two gates and one state (Cho et al., 2014; reset-after, as in cuDNN and torch)."""

from __future__ import annotations

from torch import nn

from ecomlib.models.base import Network, NetworkSettings


class GRUNetwork(Network):
    """Reads the past with gated recurrent units: x (B, T, C) -> forecasts (B, H, K) (lesson 04, section 4).

    Source: Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder" (2014). torch applies the reset gate
    after the product with the state, the paper before it; the two differ, and lesson 04 shows by how much.
    """

    kind = "gru"

    def make_encoder(self, settings: NetworkSettings) -> nn.Module:
        return nn.GRU(settings.past + 1, settings.hidden, num_layers=settings.layers, batch_first=True)
