"""Implements the temporal convolutional network: causal, dilated, residual (Bai, Kolter and Koltun, 2018)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F

from ecomlib.models.base import Network, NetworkSettings


@dataclass(frozen=True)
class TCNSettings(NetworkSettings):
    """What a temporal convolutional network has beside the settings of all networks.

    Attributes
    ----------
    layers : int
        Blocks; the dilation doubles from one to the next, so that four with `kernel` 3 look back 61 periods.
    kernel : int
        Periods that each convolution reads.
    """

    layers: int = 4
    kernel: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least_one("kernel")


class CausalBlock(nn.Module):
    """Two convolutions that see their own period and earlier ones alone, added to what came in."""

    def __init__(self, channels: int, settings: TCNSettings, dilation: int) -> None:
        super().__init__()
        width, self.left = settings.hidden, (settings.kernel - 1) * dilation
        self.first = nn.Conv1d(channels, width, settings.kernel, dilation=dilation)
        self.second = nn.Conv1d(width, width, settings.kernel, dilation=dilation)
        self.match = nn.Conv1d(channels, width, 1) if channels != width else nn.Identity()
        self.dropout = nn.Dropout(settings.dropout)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, C, T) -> (B, D, T); zeros are put on the left alone, so nothing later is read."""
        now = self.dropout(F.relu(self.first(F.pad(x, (self.left, 0)))))
        now = self.dropout(F.relu(self.second(F.pad(now, (self.left, 0)))))
        return F.relu(now + self.match(x))


class CausalConvolutions(nn.Module):
    """Blocks whose dilations are 1, 2, 4 and so on."""

    def __init__(self, settings: TCNSettings) -> None:
        super().__init__()
        reads = [settings.past + 1, *[settings.hidden] * (settings.layers - 1)]
        self.blocks = nn.Sequential(*(CausalBlock(channels, settings, 2**k) for k, channels in enumerate(reads)))

    def forward(self, x: Tensor) -> Tensor:
        """x (B, T, C) -> states (B, T, D)."""
        return self.blocks(x.transpose(1, 2)).transpose(1, 2)  # type: ignore[no-any-return]


class TCNNetwork(Network):
    """Reads the past by dilated causal convolutions: x (B, T, C) -> forecasts (B, H, K).

    Source: Bai, Kolter and Koltun, "An Empirical Evaluation of Generic Convolutional and Recurrent Networks for
    Sequence Modeling" (2018); without their weight normalisation, which these few layers do not need.
    """

    kind = "tcn"
    Settings = TCNSettings

    def make_encoder(self, settings: TCNSettings) -> nn.Module:
        return CausalConvolutions(settings)
