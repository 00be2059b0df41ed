"""Implements two networks of dense layers alone: TiDE (Das et al., 2023) and N-HiTS (Challu et al., 2023)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ecomlib.errors import DataError
from ecomlib.models.at_once import AtOnceNetwork
from ecomlib.models.base import NetworkSettings


@dataclass(frozen=True)
class TideSettings(NetworkSettings):
    """What TiDE has beside the settings of all networks; `layers` are its dense blocks.

    Attributes
    ----------
    projection : int
        Numbers that each period's channels are pressed into before the look-back is laid flat.
    """

    projection: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least_one("projection")


class Residual(nn.Module):
    """Two layers beside one straight linear map, and a norm: TiDE's only part."""

    def __init__(self, reads: int, width: int, gives: int, dropout: float) -> None:
        super().__init__()
        self.bent = nn.Sequential(nn.Linear(reads, width), nn.ReLU(), nn.Linear(width, gives), nn.Dropout(dropout))
        self.straight, self.norm = nn.Linear(reads, gives), nn.LayerNorm(gives)

    def forward(self, x: Tensor) -> Tensor:
        """x (..., reads) -> (..., gives)."""
        return self.norm(self.bent(x) + self.straight(x))  # type: ignore[no-any-return]


class DenseEncoder(nn.Module):
    """Each period pressed together, the look-back laid flat, dense blocks, and a linear map past all of them."""

    def __init__(self, settings: TideSettings) -> None:
        super().__init__()
        periods, channels, width = settings.look_back or 1, settings.past + 1, settings.hidden
        self.each = Residual(channels, width, settings.projection, settings.dropout)
        sizes = [periods * settings.projection, *[width] * settings.layers]
        self.deep = nn.Sequential(
            *(Residual(reads, width, width, settings.dropout) for reads in sizes[: settings.layers])
        )
        self.past_it = nn.Linear(periods * channels, width)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, T, C) -> state (B, D)."""
        pressed = self.each(x)  # (B, T, projection)
        return self.deep(pressed.flatten(1)) + self.past_it(x.flatten(1))  # type: ignore[no-any-return]


class TideNetwork(AtOnceNetwork):
    """Reads the past by dense blocks: x (B, T, C) -> forecasts (B, H, K).

    Source: Das et al., "Long-term Forecasting with TiDE: Time-series Dense Encoder" (2023). Its decoder, which gives
    each step of the horizon its own plan, is the one that all networks share here.
    """

    kind = "tide"
    Settings = TideSettings

    def make_encoder(self, settings: TideSettings) -> nn.Module:
        return DenseEncoder(settings)


@dataclass(frozen=True)
class NHitsSettings(NetworkSettings):
    """What N-HiTS has beside the settings of all networks.

    `layers` are those of each block's network, and `hidden` is their width.

    Attributes
    ----------
    pools : tuple of int
        One block each, in order: how many periods it sees as one, and how many its answers have one number for.
    """

    pools: tuple[int, ...] = (8, 4, 1)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "pools", tuple(self.pools))
        if not self.pools or min(self.pools) < 1:
            raise DataError("pools count periods", value=self.pools, remedy="write pools=(8, 4, 1).")


class Ramp(nn.Module):
    """Linear interpolation from a few knots to all steps, as a matrix: (..., knots) -> (..., steps)."""

    matrix: Tensor

    def __init__(self, knots: int, steps: int) -> None:
        super().__init__()
        hats = F.interpolate(torch.eye(knots).unsqueeze(0), size=steps, mode="linear", align_corners=True)[0]
        self.register_buffer("matrix", hats, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """x (..., knots) -> (..., steps)."""
        return x @ self.matrix


class HitsBlock(nn.Module):
    """Sees the past at one resolution; says what it explains of it, and its share of the forecast."""

    def __init__(self, settings: NHitsSettings, pool: int, last: bool) -> None:
        super().__init__()
        periods, channels, width = settings.look_back or 1, settings.past + 1, settings.hidden
        few, ahead = -(-periods // pool), -(-settings.horizon // pool)  # rounded up
        self.pool = nn.MaxPool1d(pool, ceil_mode=True)
        sizes = [few * channels, *[width] * settings.layers]
        dense = [[nn.Linear(reads, width), nn.ReLU()] for reads in sizes[: settings.layers]]
        self.dense = nn.Sequential(*(layer for pair in dense for layer in pair))
        self.ahead = nn.Sequential(nn.Linear(width, ahead), Ramp(ahead, settings.horizon))
        self.back: nn.Module | None = None  # nobody reads what the last block leaves
        if not last:
            self.back = nn.Sequential(
                nn.Linear(width, few * channels), nn.Unflatten(1, (channels, few)), Ramp(few, periods)
            )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x (B, C, T) -> what is left of it (B, C, T), and the forecast's share (B, H)."""
        seen = self.dense(self.pool(x).flatten(1))  # (B, width)
        return (x if self.back is None else x - self.back(seen)), self.ahead(seen)


class HitsEncoder(nn.Module):
    """Blocks from coarse to fine, each on what those before it left; the sum of their forecasts, as a state."""

    def __init__(self, settings: NHitsSettings) -> None:
        super().__init__()
        last = len(settings.pools) - 1
        self.blocks = nn.ModuleList(HitsBlock(settings, pool, k == last) for k, pool in enumerate(settings.pools))
        self.state = nn.Linear(settings.horizon, settings.hidden)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, T, C) -> state (B, D)."""
        left, shares = x.transpose(1, 2), []
        for block in self.blocks:
            left, share = block(left)
            shares.append(share)
        return self.state(torch.stack(shares).sum(0))  # type: ignore[no-any-return]


class NHitsNetwork(AtOnceNetwork):
    """Reads the past at several resolutions: x (B, T, C) -> forecasts (B, H, K).

    Source: Challu et al., "N-HiTS: Neural Hierarchical Interpolation for Time Series Forecasting" (2023). There the sum
    of the blocks is the forecast; here its H numbers go through one linear layer into the state, and the decoder that
    all networks share adds level and plan. The covariates of the past are pooled and explained like the units.
    """

    kind = "nhits"
    Settings = NHitsSettings

    def make_encoder(self, settings: NHitsSettings) -> nn.Module:
        return HitsEncoder(settings)
