"""Implements attention over patches (PatchTST, Nie et al., 2023) and over variates (iTransformer, Liu et al., 2024).

Both turn the tokens of the Transformer round: not one a period, but one for some periods together, or one for a whole
column. Nothing is masked, because all tokens lie before the origin.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ecomlib.models.at_once import AtOnceNetwork
from ecomlib.models.transformer import Block, TransformerSettings


@dataclass(frozen=True)
class PatchSettings(TransformerSettings):
    """What a network of patches has beside a Transformer's settings.

    Attributes
    ----------
    patch, stride : int
        Periods of a patch, and from the start of one to the start of the next.
    """

    patch: int = 4
    stride: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least_one("patch", "stride")


class Mixer(nn.Module):
    """Blocks in which every token attends to every other, and one linear layer that reads them all."""

    def __init__(self, settings: TransformerSettings, tokens: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(settings) for _ in range(settings.layers))
        self.norm, self.read = nn.LayerNorm(settings.hidden), nn.Linear(tokens * settings.hidden, settings.hidden)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens (B, N, D) -> state (B, D)."""
        allowed = torch.ones(1, 1, tokens.shape[1], dtype=torch.bool, device=tokens.device)
        for block in self.blocks:
            tokens = block(tokens, allowed)
        return self.read(self.norm(tokens).flatten(1))  # type: ignore[no-any-return]


class PatchEncoder(nn.Module):
    """One token for each patch of periods, with a position that is learnt."""

    places: Tensor

    def __init__(self, settings: PatchSettings) -> None:
        super().__init__()
        periods, patch, stride = settings.look_back or 1, settings.patch, settings.stride
        count = 1 + max(0, -(-(periods - patch) // stride))  # rounded up
        self.fill = max(0, patch + stride * (count - 1) - periods)  # zeros, so that the last patch ends at the origin
        places = torch.arange(count).unsqueeze(1) * stride + torch.arange(patch)  # (N, patch)
        self.register_buffer("places", places, persistent=False)
        self.embed = nn.Linear(patch * (settings.past + 1), settings.hidden)
        self.position = nn.Parameter(0.02 * torch.randn(count, settings.hidden))
        self.mix = Mixer(settings, count)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, T, C) -> state (B, D)."""
        patches = F.pad(x, (0, 0, self.fill, 0))[:, self.places]  # (B, N, patch, C)
        return self.mix(self.embed(patches.flatten(2)) + self.position)  # type: ignore[no-any-return]


class PatchNetwork(AtOnceNetwork):
    """Reads the past in patches of a few periods: x (B, T, C) -> forecasts (B, H, K).

    Source: Nie et al., "A Time Series is Worth 64 Words: Long-term Forecasting with Transformers" (2023), PatchTST. The
    paper reads each series alone, and so does a window; the columns that belong to its past stand in the same patch,
    where the paper would give each a pass of its own and could not let a price explain a sale.
    """

    kind = "patch"
    Settings = PatchSettings

    def make_encoder(self, settings: PatchSettings) -> nn.Module:
        return PatchEncoder(settings)


class VariateEncoder(nn.Module):
    """One token for each column: its whole look-back through one linear layer."""

    def __init__(self, settings: TransformerSettings) -> None:
        super().__init__()
        self.embed = nn.Linear(settings.look_back or 1, settings.hidden)
        self.mix = Mixer(settings, settings.past + 1)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, T, C) -> state (B, D)."""
        return self.mix(self.embed(x.transpose(1, 2)))  # type: ignore[no-any-return]


class ITransformerNetwork(AtOnceNetwork):
    """Reads the past by attention between columns: x (B, T, C) -> forecasts (B, H, K).

    Source: Liu et al., "iTransformer: Inverted Transformers Are Effective for Time Series Forecasting" (2024). The
    paper's tokens are the variates of one table: as a rule all series at once, which then attend to each other. A
    window here is one series, and windows of a batch must not read each other (a forecast would change with what else
    is asked), so the variates are the columns of that series: units, price, promotion, and which periods are known.
    Attention between series of one date is lesson 05's ``RegionAttention``.
    """

    kind = "itransformer"
    Settings = TransformerSettings

    def make_encoder(self, settings: TransformerSettings) -> nn.Module:
        return VariateEncoder(settings)
