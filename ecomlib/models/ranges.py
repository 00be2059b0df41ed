"""Holds values within the range that training has shown, for heads with an exponential link (lesson 04, section 5)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

MARGIN = 0.1  # of the range: a price a little above all earlier ones is still read, one ten times as high is not


class TrainingRange(nn.Module):
    """Clamp values to the range of training, with a small margin, channel by channel.

    A covariate that was constant throughout training never moved its weights: they stay as they were drawn. Should it
    vary later, they would speak all the same, and an exponential link multiplies what they say. Clamped, the covariate
    stays at its constant, and the network forecasts as if it were not there, which is what it has learnt. The limits
    are buffers: they are saved, restored, averaged and moved between devices with the weights. Until the first training
    they are infinite.

    Parameters
    ----------
    channels : int
        Number of covariates, each with limits of its own.
    """

    lowest: Tensor
    highest: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("lowest", torch.full((channels,), -torch.inf))
        self.register_buffer("highest", torch.full((channels,), torch.inf))

    def forward(self, values: Tensor) -> Tensor:
        """Clamp values (..., C); a tenth of the range beyond it is let through."""
        margin = torch.nan_to_num(self.highest - self.lowest) * MARGIN
        return torch.minimum(torch.maximum(values, self.lowest - margin), self.highest + margin)

    def widen(self, values: Tensor, counted: Tensor) -> None:
        """Widen the limits to those values (..., C) where `counted` (...) is true; the first ones set them."""
        left_out = ~counted.bool().unsqueeze(-1)
        low = values.masked_fill(left_out, torch.inf).flatten(0, -2).amin(0)
        high = values.masked_fill(left_out, -torch.inf).flatten(0, -2).amax(0)
        first, found = self.lowest.isinf(), low <= high  # nothing found where nothing counted
        low = torch.where(first, low, torch.minimum(low, self.lowest))
        high = torch.where(first, high, torch.maximum(high, self.highest))
        self.lowest.copy_(torch.where(found, low, self.lowest))
        self.highest.copy_(torch.where(found, high, self.highest))
