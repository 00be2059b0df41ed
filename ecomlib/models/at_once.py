"""Defines networks that read a look-back of one length all at once, and have no state for each period."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from ecomlib.models.base import Network


class AtOnceNetwork(Network):
    """Has an encoder that reads (B, T, C + 1), all T periods at once, and returns (B, D).

    T is `settings.look_back`, and the last channel says which periods are known. A young series' padding stands on the
    left as zeros: under the usual scales a zero is the window's own level. There being no state for each period, fusion
    by cross-attention is refused.
    """

    fixed_look_back: ClassVar[bool] = True

    def encode(self, x: Tensor, seen: Tensor) -> Tensor:
        """The past x (B, T, C), and `seen` (B, T), which is 1 where the period is known -> state (B, D)."""
        known = seen.unsqueeze(-1).to(x.dtype)
        state: Tensor = self.dropout(self.encoder(torch.cat([x * known, known], dim=-1)))
        return state
