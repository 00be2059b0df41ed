"""Implements the linear network: a moving average, what is left of it, and one matrix each (Zeng et al., 2023)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F

from ecomlib.models.at_once import AtOnceNetwork
from ecomlib.models.base import NetworkSettings


@dataclass(frozen=True)
class LinearSettings(NetworkSettings):
    """What a linear network has beside the settings of all; `layers` says nothing here.

    Attributes
    ----------
    smooth : int
        Periods of the moving average; with 1 there is nothing to take apart, and it is the paper's plain linear map.
    """

    smooth: int = 13

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least_one("smooth")


class Decomposition(nn.Module):
    """Two matrices, for the moving average of the look-back and for the rest; no other layer."""

    def __init__(self, settings: LinearSettings) -> None:
        super().__init__()
        periods: int = settings.look_back or 1
        self.smooth, size = settings.smooth, periods * (settings.past + 1)
        self.rest = nn.Linear(size, settings.hidden)
        self.slow = nn.Linear(size, settings.hidden, bias=False) if self.smooth > 1 else None

    def forward(self, x: Tensor) -> Tensor:
        """x (B, T, C) -> state (B, D); the moving average looks both ways, inside the look-back alone."""
        if self.slow is None:
            return self.rest(x.flatten(1))  # type: ignore[no-any-return]
        left = (self.smooth - 1) // 2
        wide = F.pad(x.transpose(1, 2), (left, self.smooth - 1 - left), mode="replicate")  # the ends are repeated
        slow = F.avg_pool1d(wide, self.smooth, stride=1).transpose(1, 2)  # (B, T, C)
        return self.slow(slow.flatten(1)) + self.rest((x - slow).flatten(1))  # type: ignore[no-any-return]


class LinearNetwork(AtOnceNetwork):
    """Reads the past by a linear map: x (B, T, C) -> forecasts (B, H, K).

    Source: Zeng et al., "Are Transformers Effective for Time Series Forecasting?" (2023), DLinear. There the two maps
    give the forecast itself; here they give the state, and the decoder that all networks share adds level and plan. The
    covariates of the past are further channels of the one map.
    """

    kind = "linear"
    Settings = LinearSettings

    def make_encoder(self, settings: LinearSettings) -> nn.Module:
        return Decomposition(settings)
