"""Implements the Transformer network: each period attends to all periods before it (Vaswani et al., 2017)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ecomlib.models.attention import Attention, positions
from ecomlib.models.base import Network, NetworkSettings
from ecomlib.windows import Batch


@dataclass(frozen=True)
class TransformerSettings(NetworkSettings):
    """What a Transformer has beside the settings of all networks (lesson 04a, section 1).

    Attributes
    ----------
    attention_heads : int
        Heads of each block's attention; `hidden` is a multiple of them.
    feed_forward : int
        Width of the layer after the attention.
    """

    attention_heads: int = 4
    feed_forward: int = 64

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least_one("attention_heads", "feed_forward")
        self.multiple_of("attention_heads")


class Block(nn.Module):
    """Attention, then a small network for each period, each added to what was there; norms first (Xiong et al., 2020).

    A block that is asked for the last period alone computes only that one: T times less work than for all.
    """

    def __init__(self, settings: TransformerSettings) -> None:
        super().__init__()
        width = settings.hidden
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, width, width, settings.attention_heads)
        self.each = nn.Sequential(
            nn.Linear(width, settings.feed_forward), nn.ReLU(), nn.Linear(settings.feed_forward, width)
        )
        self.dropout = nn.Dropout(settings.dropout)

    def forward(self, x: Tensor, allowed: Tensor, last: bool = False) -> Tensor:
        """x (B, T, D), allowed (B, T, T) -> (B, T, D), or (B, 1, D) of the last period."""
        memory, begin = self.before(x), x.shape[1] - 1 if last else 0
        mixed = self.attention(memory[:, begin:], memory, allowed[:, begin:])
        x = x[:, begin:] + self.dropout(mixed)
        x = x + self.dropout(self.each(self.between(x)))
        return x


class CausalEncoder(nn.Module):
    """Embedding, positions, blocks under a causal mask, and a last norm."""

    def __init__(self, settings: TransformerSettings) -> None:
        super().__init__()
        self.embed = nn.Linear(settings.past + 1, settings.hidden)
        self.blocks = nn.ModuleList(Block(settings) for _ in range(settings.layers))
        self.norm = nn.LayerNorm(settings.hidden)

    def start(self, x: Tensor, seen: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Tokens (B, T, D), allowed (B, T, T), and which periods are no padding (B, T)."""
        steps = x.shape[1]
        tokens = self.embed(torch.cat([x, seen.unsqueeze(-1).to(x.dtype)], dim=-1))
        tokens = tokens + positions(steps, tokens.shape[-1], x.device)
        exists = seen.long().cumsum(1) > 0  # from the first known period on; gaps stay
        period = torch.arange(steps, device=x.device)
        past, itself = period.unsqueeze(1) >= period, period.unsqueeze(1) == period
        return tokens, past & exists.unsqueeze(1) | itself, exists  # itself: a row of padding must not be left empty

    def forward(self, x: Tensor, seen: Tensor, last: bool = False) -> tuple[Tensor, Tensor]:
        """x (B, T, C), seen (B, T) -> states (B, T, D), or (B, 1, D) of the last period; and what is no padding."""
        tokens, allowed, exists = self.start(x, seen)
        for k, block in enumerate(self.blocks):
            tokens = block(tokens, allowed, last and k == len(self.blocks) - 1)
        return self.norm(tokens), exists


class TransformerNetwork(Network):
    """Reads the past by causal self-attention: x (B, T, C) -> forecasts (B, H, K) (lesson 04a, section 1).

    Source: Vaswani et al., "Attention Is All You Need" (2017); norms stand before each part (Xiong et al., "On Layer
    Normalization in the Transformer Architecture", 2020). `layers` are its blocks; see `TransformerSettings` for more.
    """

    kind = "transformer"
    Settings = TransformerSettings
    settings: TransformerSettings
    encoder: CausalEncoder

    def make_encoder(self, settings: TransformerSettings) -> nn.Module:
        return CausalEncoder(settings)

    def hidden_states(self, x: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
        states, exists = self.encoder(x, seen)
        return states.masked_fill(~exists.unsqueeze(-1), 0.0), exists

    def encode(self, x: Tensor, seen: Tensor) -> Tensor:
        states, exists = self.encoder(x, seen, last=True)
        return self.dropout(states[:, 0].masked_fill(~exists[:, -1:], 0.0))  # type: ignore[no-any-return]

    def attention(self, batch: Batch) -> Tensor:
        """Where the origin looks: weights of the last block (B, heads, T), which sum to 1 (lesson 04a, section 2).

        Entry T - 1 is the origin itself, entry T - 1 - k the period k before it. Padding has weight 0; the row of a
        window that holds nothing but padding means nothing.
        """
        with self._inference_mode():
            x, allowed, _ = self.encoder.start(batch.x, batch.seen.bool())
            for block in self.encoder.blocks[:-1]:
                x = block(x, allowed)
            last: Block = self.encoder.blocks[-1]  # type: ignore[assignment]
            memory = last.before(x)
            return last.attention.weights(memory[:, -1:], memory, allowed[:, -1:])[:, :, 0]
