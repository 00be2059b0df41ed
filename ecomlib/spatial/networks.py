"""Defines networks of maps: a convolutional GRU, and attention across regions (lesson 05, section 4).

Both read the windows of `spatial.windows` and forecast, for each region and each of the next days, how far the units
will differ from the usual level, in log points. Both are trained on the Poisson deviance by the loop at the end. (The
loop of `ecomlib.training` reads one series a window; here a window is a whole map.)
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ecomlib.errors import DataError
from ecomlib.spatial.maps import Floats, RegionDays
from ecomlib.spatial.windows import DayWindows

__all__ = ["ConvGRUCell", "ConvGRUForecaster", "RegionAttention", "SpaceSettings", "fit_space", "predict_space"]


@dataclass(frozen=True)
class SpaceSettings:
    """How a map network looks and how it is trained (lesson 05, section 4).

    hidden: channels D of the state. kernel: side of the convolutions; 1 leaves every region alone. position: give each
    place its row and column as two more channels (Liu et al., 2018), as convolutions cannot tell the edge they are at.
    epochs, batch, lr (up and down in one cycle), weight_decay, patience, average (decay of the mean of the weights): as
    in `training.TrainSettings`. seed: of weights and order. The defaults are
    within 2 % of the best that were tried on stores 1 to 3, and the quickest.
    """

    hidden: int = 8
    kernel: int = 3
    position: bool = True
    epochs: int = 25
    batch: int = 64
    lr: float = 2e-2
    weight_decay: float = 1e-3
    patience: int = 8
    average: float = 0.9
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kernel % 2 == 0 or min(self.hidden, self.kernel, self.epochs, self.batch) < 1:
            raise DataError(
                "sizes are at least 1, and a kernel's side is odd, so that it has a middle",
                value=self.kernel,
                remedy="kernel=3 sees the eight regions around.",
            )


class ConvGRUCell(nn.Module):
    """One day of a convolutional GRU: x (B, C, M, N), h (B, D, M, N) -> h' (B, D, M, N) (lesson 05, section 4).

    z = σ(W_z * x + U_z * h), r = σ(W_r * x + U_r * h), n = tanh(W_n * x + U_n * (r h)), h' = (1 - z) h + z n, where *
    is a convolution whose border is padded with zeros, so that a place keeps its place. Ballas, Yao, Pal and Courville
    (2016); the idea with an LSTM: Shi et al. (2015). Here z is the share of the new, as in the former (in torch's GRU
    it is the share of the old).
    """

    def __init__(self, channels: int, hidden: int, kernel: int = 3) -> None:
        super().__init__()
        self.hidden = hidden
        side = kernel // 2
        self.read = nn.Conv2d(channels, 3 * hidden, kernel, padding=side)  # W_z, W_r, W_n side by side
        self.gates = nn.Conv2d(hidden, 2 * hidden, kernel, padding=side, bias=False)  # U_z, U_r
        self.new = nn.Conv2d(hidden, hidden, kernel, padding=side, bias=False)  # U_n

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return self.step(self.read(x), h)

    def step(self, read: Tensor, h: Tensor) -> Tensor:
        """The same from ``read`` = W * x (B, 3D, M, N), which needs no state: all days can be read at once."""
        xz, xr, xn = read.chunk(3, dim=1)
        hz, hr = self.gates(h).chunk(2, dim=1)
        z, r = torch.sigmoid(xz + hz), torch.sigmoid(xr + hr)
        return (1 - z) * h + z * torch.tanh(xn + self.new(r * h))


class ConvGRUForecaster(nn.Module):
    """Days of maps -> log points over the usual level: z (B, T, R, C) -> (B, H, R, K) (lesson 05, section 4).

    Regions are laid out at their places; places without a region are zero, and stay out of the answer. Several kinds
    share the weights: each is a map of its own, beside that of the total.
    """

    def __init__(self, maps: RegionDays, horizon: int, settings: SpaceSettings) -> None:
        super().__init__()
        rows, columns = maps.shape
        self.horizon, self.kinds, self.grid = horizon, len(maps.kinds), (rows, columns)
        spot = torch.as_tensor(maps.spots)
        self.register_buffer("cell", spot[:, 0] * columns + spot[:, 1])  # (R,)
        across = [torch.linspace(-1, 1, n) for n in (rows, columns)]
        self.register_buffer("position", torch.stack(torch.meshgrid(*across, indexing="ij")) * settings.position)
        self.cell: Tensor
        self.position: Tensor
        self.gru = ConvGRUCell(3 + (self.kinds > 1), settings.hidden, settings.kernel)
        self.head = nn.Conv2d(settings.hidden, horizon, 1)

    def forward(self, z: Tensor) -> Tensor:
        k = self.kinds
        if k > 1:  # one map a kind: its own channel and the total's
            z = torch.stack([z[..., :k], z[..., k:].expand(-1, -1, -1, k)], dim=-1).permute(0, 3, 1, 2, 4).flatten(0, 1)
        b, t, r, c = z.shape
        m, n = self.grid
        maps = z.new_zeros(b * t, c, m * n)
        maps[:, :, self.cell] = z.reshape(b * t, r, c).transpose(1, 2)
        place = self.position.expand(b * t, 2, m, n)
        read = self.gru.read(torch.cat([maps.view(b * t, c, m, n), place], dim=1)).view(b, t, -1, m, n)
        h = z.new_zeros(b, self.gru.hidden, m, n)
        for day in range(t):
            h = self.gru.step(read[:, day], h)
        out = self.head(h).flatten(2)[:, :, self.cell]  # (B K, H, R)
        return out.view(-1, k, self.horizon, r).permute(0, 2, 3, 1)


class RegionAttention(nn.Module):
    """The same for regions without a map: each learns whom to look at (lesson 05, section 5).

    Every region's days are read alone by one GRU -> state (B, R, D). A region's query and key hold its state and a
    learned vector that says who it is; the softmax over regions of query times key is its learned neighbourhood
    (B, R, R). Vaswani et al. (2017); a learned graph of series: Wu et al. (2020).
    """

    def __init__(self, maps: RegionDays, horizon: int, settings: SpaceSettings) -> None:
        super().__init__()
        kinds, width, regions = len(maps.kinds), settings.hidden, len(maps.regions)
        self.horizon, self.kinds = horizon, kinds
        self.gru = nn.GRU(kinds + (kinds > 1), width, batch_first=True)
        self.who = nn.Parameter(torch.randn(regions, width))
        self.query, self.key = nn.Linear(2 * width, width), nn.Linear(2 * width, width)
        self.head = nn.Linear(3 * width, horizon * kinds)

    def attend(self, state: Tensor) -> Tensor:
        """Weights (B, R, R) from states (B, R, D): row i says where region i looks; rows sum to one."""
        both = torch.cat([state, self.who.expand(len(state), -1, -1)], dim=-1)
        score = self.query(both) @ self.key(both).transpose(1, 2) / state.shape[-1] ** 0.5
        return score.softmax(dim=-1)

    def encode(self, z: Tensor) -> Tensor:
        b, t, r, c = z.shape
        return self.gru(z.transpose(1, 2).reshape(b * r, t, c))[1][0].view(b, r, -1)

    def forward(self, z: Tensor) -> Tensor:
        state = self.encode(z)
        b, r, _ = state.shape
        who = self.who.expand(b, -1, -1)
        out = self.head(torch.cat([state, self.attend(state) @ state, who], dim=-1))
        return out.view(b, r, self.horizon, self.kinds).transpose(1, 2)


def _tensors(windows: DayWindows) -> tuple[Tensor, Tensor, Tensor]:
    z, base, y = (torch.as_tensor(part, dtype=torch.float32) for part in windows[:3])
    return z, base, y


def _deviance(said: Tensor, base: Tensor, y: Tensor) -> Tensor:
    """Poisson loss of known days, per unit of the base's mean: the part of the deviance that depends on the answer."""
    known = ~torch.isnan(y)
    loss = base * said.exp() - torch.nan_to_num(y) * said
    return (loss * known).sum() / (base * known).sum().clamp_min(1e-9)


def fit_space(
    make: Any, maps: RegionDays, train: DayWindows, valid: DayWindows, settings: SpaceSettings | None = None
) -> nn.Module:
    """A trained network; ``make`` is `ConvGRUForecaster` or `RegionAttention` (lesson 05, section 4).

    Stops when the deviance of ``valid``, whose days must lie later, has not improved for ``patience`` epochs, and
    returns the weights of the best one. torch's random state is left as it was.
    """
    settings = settings or SpaceSettings()
    if train.origin.max() + train.y.shape[1] > valid.origin.min():
        raise DataError("training targets overlap the validation part", remedy="leave the horizon between them.")
    (z, base, y), later = _tensors(train), _tensors(valid)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        model = make(maps, train.y.shape[1], settings)
        nn.init.zeros_(model.head.weight)  # begins at the usual level
        nn.init.zeros_(model.head.bias)
        optimizer = torch.optim.AdamW(model.parameters(), lr=settings.lr, weight_decay=settings.weight_decay)
        mean = copy.deepcopy(model)
        best, least, wait = copy.deepcopy(model.state_dict()), float("inf"), 0
        steps = settings.epochs * -(-len(z) // settings.batch)
        rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.lr, steps, pct_start=0.15, div_factor=10)
        for _ in range(settings.epochs):
            model.train()
            for rows in torch.randperm(len(z)).split(settings.batch):
                optimizer.zero_grad(set_to_none=True)
                _deviance(model(z[rows]), base[rows], y[rows]).backward()
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                rate.step()
                with torch.no_grad():
                    for old, weight in zip(mean.parameters(), model.parameters(), strict=True):
                        old.lerp_(weight, 1 - settings.average)
            with torch.no_grad():
                score = float(_deviance(mean(later[0]), *later[1:]))
            wait = 0 if score < least else wait + 1
            if score < least:
                best, least = copy.deepcopy(mean.state_dict()), score
            if wait >= settings.patience:
                break
        model.load_state_dict(best)
    return model.eval()


def predict_space(model: nn.Module, windows: DayWindows) -> Floats:
    """Forecasts in units, (n, H, R, K) (lesson 05, section 4)."""
    z, base, _ = _tensors(windows)
    with torch.no_grad():
        result: Floats = (base * model(z).exp()).numpy().astype(np.float64)
    return result
