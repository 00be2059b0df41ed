"""Implements the LSTM network: three gates, a state and a memory cell (Hochreiter and Schmidhuber, 1997)."""

from __future__ import annotations

import torch
from torch import nn

from ecomlib.models.base import Network, NetworkSettings


class LSTMNetwork(Network):
    """Reads the past with long short-term memory: x (B, T, C) -> forecasts (B, H, K) (lesson 04, section 4).

    Sources: Hochreiter and Schmidhuber, "Long Short-Term Memory" (1997); the forget gate from Gers, Schmidhuber and
    Cummins (2000). Its bias starts at 1, so that memory is kept until there is a reason to forget (Jozefowicz,
    Zaremba and Sutskever, 2015).
    """

    kind = "lstm"

    def make_encoder(self, settings: NetworkSettings) -> nn.Module:
        encoder = nn.LSTM(settings.past + 1, settings.hidden, num_layers=settings.layers, batch_first=True)
        with torch.no_grad():
            for layer in range(settings.layers):  # torch orders the gates: input, forget, cell, output
                encoder.get_parameter(f"bias_ih_l{layer}")[settings.hidden : 2 * settings.hidden].fill_(1.0)
                encoder.get_parameter(f"bias_hh_l{layer}")[settings.hidden : 2 * settings.hidden].zero_()
        return encoder
