"""Defines networks of maps: a convolutional GRU, one on a graph, and attention (lesson 05, section 4).

All read the windows of ``spatial.windows`` and forecast, for each region, kind and each of the next days, how far the
units will be from the usual level. Heads, training, checkpoints, precision and export are those of every network
(``ecomlib.models.heads``, ``ecomlib.training``): for a head, a region and kind of a window is a row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ecomlib.errors import DataError
from ecomlib.models.heads import DEFAULT_QUANTILES, Head, QuantileHead, make_head
from ecomlib.spatial.maps import RegionDays
from ecomlib.spatial.windows import MapBatch, MapScale, MapWindows, as_rows
from ecomlib.training import TrainSettings

__all__ = [
    "MAP_NETWORKS",
    "MAP_TRAINING",
    "MEANS",
    "ConvGRUCell",
    "ConvGRUNetwork",
    "GraphGRUNetwork",
    "MapNetwork",
    "MapNetworkSettings",
    "RegionAttention",
    "make_map_network",
]

# Small batches, as a window is a whole map; chosen on stores 1 to 3 (benchmarks/simulated/tuning/spatial.csv).
MAP_TRAINING = TrainSettings(
    epochs=25, batch_size=32, lr=2e-2, weight_decay=1e-3, patience=8, average=0.9, valid_periods=56
)
# Means are forecast as a ratio to the level, medians and quantiles, which survive a logarithm, as its logarithm.
MEANS = ("poisson", "negative_binomial", "squared")


@dataclass(frozen=True)
class MapNetworkSettings:
    """Everything that is needed to make a network of maps anew, weights aside (lesson 05, section 4).

    Parameters
    ----------
    regions, horizon, kinds : int
        R, H and K.
    places : tuple of (int, int), optional
        Row and column of each region; only a convolution needs them.
    edges : tuple of (int, int), optional
        Who looks at whom on a graph, such as ``spatial.links`` finds; by default each region at those that touch it.
    look_back : int
        T, with which an export is traced; the network itself reads any number of days.
    hidden : int
        Channels D of the state.
    kernel : int
        Side of the convolutions; 1 leaves every region alone.
    position : bool
        Give each place its row and column as two more channels (Liu et al., 2018), as convolutions cannot tell the edge
        that they are at.
    head, quantiles
        See ``ecomlib.models.heads``: ``"poisson"``, ``"negative_binomial"``, ``"squared"``, ``"absolute"`` or
        ``"quantile"``.
    seed : int
        Of the weights at the start.
    """

    regions: int
    horizon: int = 3
    kinds: int = 1
    places: tuple[tuple[int, int], ...] | None = None
    look_back: int = 10
    hidden: int = 8
    kernel: int = 3
    position: bool = True
    head: str = "poisson"
    quantiles: tuple[float, ...] = DEFAULT_QUANTILES
    seed: int = 0
    edges: tuple[tuple[int, int], ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "quantiles", tuple(self.quantiles))
        if self.edges is not None:
            object.__setattr__(self, "edges", tuple((int(who), int(whom)) for who, whom in self.edges))
            if not all(0 <= end < self.regions for edge in self.edges for end in edge):
                raise DataError(
                    "an edge joins two regions by their numbers", value=self.edges, remedy="count from zero."
                )
        if self.places is not None:
            object.__setattr__(self, "places", tuple((int(row), int(column)) for row, column in self.places))
        if self.kernel % 2 == 0 or min(self.hidden, self.kernel, self.regions, self.horizon, self.kinds) < 1:
            raise DataError(
                "sizes are at least 1, and a kernel's side is odd, so that it has a middle",
                value=self.kernel,
                remedy="kernel=3 sees the eight regions around.",
            )
        if self.head == "yes_no":
            raise DataError("a map of units has no yes or no", value=self.head, remedy='take head="poisson".')

    @property
    def scale(self) -> MapScale:
        """How the windows must be scaled: heads of means forecast ratios, those of medians and quantiles logarithms."""
        return "level" if self.head in MEANS else "log_level"


class EachStep(nn.Linear):
    """A linear layer with weights of its own for each kind and day ahead: states (N, D) -> (N K, H, P).

    It takes the place of a head's layer, which shares its weights among the steps. Its weights begin at zero, so that
    training begins at the usual level.
    """

    def __init__(self, features: int, head: Head, horizon: int, kinds: int, scale: MapScale) -> None:
        outputs = head.linear.out_features
        super().__init__(features, kinds * horizon * outputs)
        self.shape = (horizon, outputs)
        nn.init.zeros_(self.weight)
        start = torch.zeros(kinds, horizon, outputs)
        if isinstance(head, QuantileHead):  # a narrow ladder: 0.1 from one to the next, the middle one at the level
            start += torch.tensor(0.1).expm1().log()  # softplus of it is 0.1
            start[..., 0] = -0.1 * (outputs // 2)
        elif not head.exponential and scale == "level":
            start += 1.0
        with torch.no_grad():
            self.bias.copy_(start.flatten())

    def forward(self, state: Tensor) -> Tensor:
        return super().forward(state).view(-1, *self.shape)


class MapNetwork(nn.Module):
    """What the networks of maps share: head, loss, forecasts; a class gives the state of each region.

    Raw parameters are (B R K, H, P): a row a window, region and kind.
    """

    kind = ""

    def __init__(self, settings: MapNetworkSettings) -> None:
        super().__init__()
        self.settings = settings
        with torch.random.fork_rng(devices=[]):  # the caller's random state is left as it was
            torch.manual_seed(settings.seed)
            features, kinds = self.build(settings)
            self.head: Head = make_head(settings.head, features, settings.quantiles)
            self.head.linear = EachStep(features, self.head, settings.horizon, kinds, settings.scale)

    def build(self, settings: MapNetworkSettings) -> tuple[int, int]:
        """Make the layers; return the width of ``states`` and how many kinds one of its rows speaks for."""
        raise NotImplementedError

    def states(self, z: Tensor) -> Tensor:
        """Days of maps z (B, T, R, C) -> what the head reads, rows in the order of windows, regions and kinds."""
        raise NotImplementedError

    def forward(self, batch: MapBatch) -> Tensor:
        """A batch of B windows -> the head's raw parameters (B R K, H, P)."""
        raw: Tensor = self.head(self.states(batch.z))
        return raw

    def example(self) -> MapBatch:
        """A batch of two windows as the network reads them; an export is traced with it."""
        s = self.settings
        z = torch.zeros(2, s.look_back, s.regions, s.kinds + (s.kinds > 1))
        return self.batch_of({"z": z, "scale": torch.ones(2, s.horizon, s.regions, s.kinds)})

    def inputs(self, batch: MapBatch) -> dict[str, Tensor]:
        """The tensors of a batch that a forecast needs, by name."""
        return {"z": batch.z, "scale": batch.scale}

    def batch_of(self, inputs: Mapping[str, Tensor]) -> MapBatch:
        """A batch that holds these tensors alone: enough to forecast from."""
        part: dict[str, Any] = dict.fromkeys(MapBatch.__slots__) | dict(inputs)
        return MapBatch(**part)

    def weight(self, batch: MapBatch) -> Tensor:
        """What the mean of ``loss_of`` is over: counted cells, or for counts the units expected in them."""
        return (batch.scale * batch.mask).sum() if self.head.exponential else batch.mask.sum()

    def loss_of(self, raw: Tensor, batch: MapBatch) -> Tensor:
        """The head's mean loss over the counted cells; for counts per expected unit, so that no scale is large."""
        loss = self.head.loss(raw, as_rows(batch.target), as_rows(batch.mask), as_rows(batch.scale))
        if self.head.exponential:
            loss = loss * batch.mask.sum() / self.weight(batch).clamp(min=1e-9)
        return loss

    def predict(self, batch: MapBatch) -> Tensor:
        """Forecasts (B, R K, H, columns of the head), on the windows' scale; no gradient."""
        with torch.no_grad():
            rows = self.head.predict(self(batch), as_rows(batch.scale))
            return rows.unflatten(0, (-1, self.settings.regions * self.settings.kinds))

    def note_ranges(self, batches: Iterable[MapBatch]) -> None:
        """Note what training shows: a count head forecasts no ratio to the level beyond it."""
        for batch in batches if self.head.exponential else ():
            self.head.note_range(as_rows(batch.target), as_rows(batch.mask))

    def check_windows(self, windows: Any, later: Any = None) -> None:
        """Prove that these windows are maps of as many regions, kinds and days, on a scale that the head can use.

        Raises
        ------
        DataError
            They are not.
        LeakageError
            A day is a target of ``windows`` and of ``later``, the validation windows.
        """
        if not isinstance(windows, MapWindows):
            raise DataError(
                "a network of maps reads windows of maps",
                value=type(windows).__name__,
                remedy="make them with Levels.windows.",
            )
        settings = self.settings
        wants = (settings.regions, settings.kinds, settings.horizon)
        has = (*windows.ids.shape, windows.settings.horizon)
        if wants != has:
            raise DataError(
                f"the network was made for {wants} regions, kinds and days ahead, and the windows have {has}",
                remedy="make the network with make_map_network(kind, maps, horizon).",
            )
        if windows.settings.scale != settings.scale:
            raise DataError(
                f"the head '{settings.head}' cannot work with windows scaled by '{windows.settings.scale}'",
                remedy=f'make the windows with scale="{settings.scale}".',
            )
        if later is not None:
            self.check_windows(later)
            windows.check_before(later)

    def count(self) -> int:
        """Number of trainable weights."""
        return sum(weight.numel() for weight in self.parameters() if weight.requires_grad)

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in vars(self.settings).items())


class ConvGRUCell(nn.Module):
    """One day of a convolutional GRU: x (B, C, M, N), h (B, D, M, N) -> h' (B, D, M, N) (lesson 05, section 4).

    z = σ(W_z * x + U_z * h), r = σ(W_r * x + U_r * h), n = tanh(W_n * x + U_n * (r h)), h' = (1 - z) h + z n, where *
    is a convolution whose border is padded with zeros, so that a place keeps its place. Ballas, Yao, Pal and Courville
    (2016); the idea with an LSTM: Shi et al. (2015). It is the GRU of the 2014 paper, not lesson 04's of torch: here z
    is the share of the new (in torch's it is the share of the old), and r is applied before the product with U_n.
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


class ConvGRUNetwork(MapNetwork):
    """Reads days of maps with a convolutional GRU: z (B, T, R, C) -> raw (B R K, H, P) (lesson 05, section 4).

    Regions are laid out at their places; places without a region are zero, and stay out of the answer. Several kinds
    share the weights: each is a map of its own, beside that of the total.
    """

    kind = "conv_gru"
    cell: Tensor
    position: Tensor

    def build(self, settings: MapNetworkSettings) -> tuple[int, int]:
        if settings.places is None:
            raise DataError(
                "a convolution needs the regions' places on a grid",
                table="regions",
                column="row",
                remedy='add row and column, or take "attention", which needs no map.',
            )
        spot = torch.tensor(settings.places)
        rows, columns = (int(n) + 1 for n in spot.amax(0))
        self.grid = (rows, columns)
        self.register_buffer("cell", spot[:, 0] * columns + spot[:, 1])  # (R,)
        across = [torch.linspace(-1, 1, n) for n in (rows, columns)]
        self.register_buffer("position", torch.stack(torch.meshgrid(*across, indexing="ij")) * settings.position)
        self.gru = ConvGRUCell(3 + (settings.kinds > 1), settings.hidden, settings.kernel)
        return settings.hidden, 1

    def states(self, z: Tensor) -> Tensor:
        k = self.settings.kinds
        if k > 1:  # one map a kind: its own channel and the total's
            z = torch.stack([z[..., :k], z[..., k:].expand(-1, -1, -1, k)], dim=-1).permute(0, 3, 1, 2, 4).flatten(0, 1)
        b, t, r, c = z.shape
        m, n = self.grid
        maps = z.new_zeros(b * t, c, m * n)
        maps[:, :, self.cell] = z.reshape(b * t, r, c).transpose(1, 2)
        place = self.position.expand(b * t, 2, m, n)
        read = self.gru.read(torch.cat([maps.view(b * t, c, m, n), place], dim=1)).view(b, t, -1, m, n)
        h = read.new_zeros(b, self.gru.hidden, m, n)
        for day in range(t):
            h = self.gru.step(read[:, day], h)
        state = h.flatten(2)[:, :, self.cell]  # (B K, D, R)
        return state.unflatten(0, (-1, k)).permute(0, 3, 1, 2).flatten(0, 2)


class GraphGRUNetwork(MapNetwork):
    """Reads days of regions that are joined by edges: z (B, T, R, C) -> raw (B R K, H, P) (lesson 05, section 4).

    A GRU in every region at once, like ``ConvGRUNetwork``, in which each product with a matrix reads two things: the
    region itself, and the mean of those that it looks at. No grid is needed, and no two neighbours need lie in the same
    direction. Two learned numbers say which region it is. A diffusion convolution of one hop: Li et al. (2018).
    """

    kind = "graph"
    near: Tensor

    def build(self, settings: MapNetworkSettings) -> tuple[int, int]:
        near = torch.zeros(settings.regions, settings.regions)
        if settings.edges is not None:
            for who, whom in settings.edges:
                near[who, whom] = 1.0
        elif settings.places is not None:
            spot = torch.tensor(settings.places)
            near = ((spot[:, None] - spot[None]).abs().sum(-1) == 1).float()
        else:
            raise DataError(
                "a graph needs edges, or places from which they follow",
                table="regions",
                column="row",
                remedy='find edges with spatial.links, or take "attention", which learns them.',
            )
        self.register_buffer("near", near / near.sum(1, keepdim=True).clamp(min=1))  # (R, R), rows sum to one
        width = settings.hidden
        self.who = nn.Parameter(torch.randn(settings.regions, 2) * settings.position)
        self.read = nn.Linear(2 * (3 + (settings.kinds > 1)), 3 * width)
        self.gates = nn.Linear(2 * width, 2 * width, bias=False)
        self.new = nn.Linear(2 * width, width, bias=False)
        return width, 1

    def _both(self, x: Tensor) -> Tensor:
        """Each region's own numbers and the mean of its neighbours': (..., R, C) -> (..., R, 2 C)."""
        return torch.cat([x, self.near @ x], dim=-1)

    def states(self, z: Tensor) -> Tensor:
        k = self.settings.kinds
        if k > 1:  # one row of regions a kind: its own channel and the total's
            z = torch.stack([z[..., :k], z[..., k:].expand(-1, -1, -1, k)], dim=-1).permute(0, 3, 1, 2, 4).flatten(0, 1)
        b, t, r, _ = z.shape
        read = self.read(self._both(torch.cat([z, self.who.expand(b, t, -1, -1)], dim=-1)))  # (B K, T, R, 3 D)
        h = read.new_zeros(b, r, self.settings.hidden)
        for day in range(t):
            xz, xr, xn = read[:, day].chunk(3, dim=-1)
            hz, hr = self.gates(self._both(h)).chunk(2, dim=-1)
            share, kept = torch.sigmoid(xz + hz), torch.sigmoid(xr + hr)
            h = (1 - share) * h + share * torch.tanh(xn + self.new(self._both(kept * h)))
        return h.unflatten(0, (-1, k)).transpose(1, 2).flatten(0, 2)  # rows: windows, regions, kinds


class RegionAttention(MapNetwork):
    """Reads regions without a map, each learning whom to look at (lesson 05, section 4).

    Every region's days are read alone by one GRU -> state (B, R, D). A region's query and key hold its state and a
    learned vector that says who it is; the softmax over regions of query times key is its learned neighbourhood
    (B, R, R). Vaswani et al. (2017); a learned graph of series: Wu et al. (2020).
    """

    kind = "attention"

    def build(self, settings: MapNetworkSettings) -> tuple[int, int]:
        kinds, width = settings.kinds, settings.hidden
        self.gru = nn.GRU(kinds + (kinds > 1), width, batch_first=True)
        self.who = nn.Parameter(torch.randn(settings.regions, width))
        self.query, self.key = nn.Linear(2 * width, width), nn.Linear(2 * width, width)
        return 3 * width, kinds

    def attend(self, state: Tensor) -> Tensor:
        """Weights (B, R, R) from states (B, R, D): row i says where region i looks; rows sum to one."""
        who = self.who.expand(state.shape[0], -1, -1)  # and not len: an export must take any number of windows
        both = torch.cat([state, who], dim=-1)
        score = self.query(both) @ self.key(both).transpose(1, 2) / state.shape[-1] ** 0.5
        return score.softmax(dim=-1)

    def encode(self, z: Tensor) -> Tensor:
        """Days z (B, T, R, C) -> each region's own state (B, R, D)."""
        b, t, r, c = z.shape
        return self.gru(z.transpose(1, 2).reshape(b * r, t, c))[1][0].view(b, r, -1)

    def looks(self, windows: MapWindows) -> Tensor:
        """Where each region looks, the mean over windows, (R, R): row i holds the shares of region i's attention."""
        with torch.no_grad():
            return self.attend(self.encode(windows.z.to(self.who))).mean(0)

    def states(self, z: Tensor) -> Tensor:
        state = self.encode(z)
        who = self.who.expand(state.shape[0], -1, -1)
        return torch.cat([state, self.attend(state) @ state, who], dim=-1).flatten(0, 1)


MAP_NETWORKS: dict[str, type[MapNetwork]] = {
    network.kind: network for network in (ConvGRUNetwork, GraphGRUNetwork, RegionAttention)
}


def make_map_network(kind: str, maps: RegionDays, horizon: int, **settings: Any) -> MapNetwork:
    """Make a network that fits these maps (lesson 05, section 4).

    Parameters
    ----------
    kind : {"conv_gru", "graph", "attention"}
    maps : RegionDays
        Their regions, kinds and places.
    horizon : int
        Days ahead.
    **settings
        More ``MapNetworkSettings``: ``hidden``, ``kernel``, ``position``, ``edges``, ``head``, ``quantiles``, ``seed``.

    Raises
    ------
    DataError
        No such network, or a convolution or graph on regions without places (or edges).
    """
    if kind not in MAP_NETWORKS:
        raise DataError("there is no such network of maps", value=kind, remedy=f"take {' or '.join(MAP_NETWORKS)}.")
    places = None if maps.places is None else tuple(map(tuple, maps.places.tolist()))
    shape = len(maps.regions), horizon, len(maps.kinds), places
    return MAP_NETWORKS[kind](MapNetworkSettings(*shape, **settings))
