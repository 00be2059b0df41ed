"""Implements the network without a memory: means of the last weeks and one linear layer (lesson 04, section 1)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ecomlib.errors import DataError
from ecomlib.models.base import Network, NetworkSettings


@dataclass(frozen=True)
class AveragesSettings(NetworkSettings):
    """What averages have beside the settings of all networks; `layers` says nothing here (lesson 04, section 1).

    Attributes
    ----------
    spans : tuple of int
        How many of the last periods each average covers; where the look-back is shorter, what there is.
    """

    spans: tuple[int, ...] = (1, 2, 4, 13)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "spans", tuple(self.spans))
        if not self.spans or min(self.spans) < 1:
            raise DataError("spans count periods", value=self.spans, remedy="write spans=(1, 2, 4, 13).")


def trailing_mean(x: Tensor, periods: int) -> Tensor:
    """The mean of the last `periods` of x (B, T, C) at each period, zeros before the first -> (B, T, C)."""
    return F.avg_pool1d(F.pad(x.transpose(1, 2), (periods - 1, 0)), periods, stride=1).transpose(1, 2)


class Averages(nn.Module):
    """Means over what is known of the last periods, one for each channel and span, and a linear layer."""

    def __init__(self, settings: AveragesSettings) -> None:
        super().__init__()
        self.spans = settings.spans
        self.linear = nn.Linear(len(settings.spans) * (settings.past + 1), settings.hidden)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, T, C + 1), the last channel says what is known -> states (B, T, D)."""
        values, known = x[..., :-1] * x[..., -1:], x[..., -1:]
        means = []
        for periods in self.spans:
            share = trailing_mean(known, periods)  # (B, T, 1), of the periods that are known
            means += [trailing_mean(values, periods) / share.clamp(min=1 / periods), share]
        return self.linear(torch.cat(means, dim=-1))  # type: ignore[no-any-return]


class AveragesNetwork(Network):
    """Reads the past as means of its last 1, 2, 4 and 13 periods: x (B, T, C) -> forecasts (B, H, K) (lesson 04).

    No memory and no order but that of the spans: the rival that a network with a memory has to beat. After the question
    of Zeng et al., "Are Transformers Effective for Time Series Forecasting?" (2023).
    """

    kind = "averages"
    Settings = AveragesSettings

    def make_encoder(self, settings: AveragesSettings) -> nn.Module:
        return Averages(settings)
