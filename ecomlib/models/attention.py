"""Implements attention and positional encodings for the Transformer and for fusion by cross-attention."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SHORTEST, LONGEST = 4.0, 400.0  # periods: from a month of weeks to some years; waves much longer would say nothing


def positions(steps: int, width: int, device: torch.device | None = None) -> Tensor:
    """Waves of each period's age (0 = the origin), shape (steps, width), entries in [-1, 1] (lesson 04a, section 1).

    After Vaswani et al., "Attention Is All You Need" (2017), with wave lengths from 4 to 400 periods, in geometric
    order. Ages are counted back from the origin: a young series' periods have the same positions as any other's.
    """
    age = torch.arange(steps - 1, -1, -1, device=device, dtype=torch.float32)
    waves = (width + 1) // 2
    share = torch.arange(waves, device=device, dtype=torch.float32) / max(1, waves - 1)
    angle = 2 * math.pi * age.unsqueeze(1) / (SHORTEST * (LONGEST / SHORTEST) ** share)
    return torch.cat([angle.sin(), angle.cos()], dim=1)[:, :width]


class Attention(nn.Module):
    """Multi-head attention: each query takes a weighted mean of the memory's values (lesson 04a, section 1).

    Source: Vaswani et al. (2017). Keys have no bias, because a softmax takes no notice of one.
    """

    def __init__(self, query: int, memory: int, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key = nn.Linear(query, width), nn.Linear(memory, width, bias=False)
        self.value, self.out = nn.Linear(memory, width), nn.Linear(width, width)

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, heads, T, D / heads)

    def forward(self, query: Tensor, memory: Tensor, allowed: Tensor) -> Tensor:
        """Query (B, L, Q), memory (B, T, M), allowed (B, 1 or L, T) bool -> (B, L, width)."""
        q, k, v = self._split(self.query(query)), self._split(self.key(memory)), self._split(self.value(memory))
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=allowed.unsqueeze(1))
        return self.out(mixed.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]

    def weights(self, query: Tensor, memory: Tensor, allowed: Tensor) -> Tensor:
        """The weights themselves (B, heads, L, T): not negative, sum 1 over T, 0 where not allowed."""
        q, k = self._split(self.query(query)), self._split(self.key(memory))
        score = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        return score.masked_fill(~allowed.unsqueeze(1), -math.inf).softmax(-1)
