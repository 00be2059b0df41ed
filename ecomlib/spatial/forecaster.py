"""Makes forecasters of the models of regions: maps of networks, and ridge regressions (lesson 05)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch

from ecomlib.contract import Forecaster, Point
from ecomlib.errors import DataError
from ecomlib.models.heads import DEFAULT_QUANTILES
from ecomlib.spatial.linear import FittedRidge, Reads, RegionRidge
from ecomlib.spatial.maps import RegionDays
from ecomlib.spatial.networks import MAP_TRAINING, MEANS, MapNetwork, make_map_network
from ecomlib.spatial.windows import Levels, MapScale, MapWindows
from ecomlib.training import TrainSettings, fit, predict

Places = Any  # a frame region_id, row, column; kept as a tuple of (region, row, column)
_HEAD = "forecast-"


@dataclass(frozen=True, eq=False)
class Learned:
    """What a forecaster of regions has learnt: which series there are, their levels, and the model."""

    maps: RegionDays  # without a day: regions, kinds and places
    levels: Levels
    model: Any


class _RegionForecaster(Forecaster):
    """What the forecasters of regions share: a daily panel becomes maps, and windows become a frame again."""

    regions: Places
    look_back: int
    level: int

    def _maps(self, past: pd.DataFrame) -> RegionDays:
        places = None
        if self.regions is not None:
            places = pd.DataFrame(list(self.regions), columns=["region_id", "row", "column"])
        return RegionDays.from_panel(past, places)

    def _first(self, maps: RegionDays, needed: int) -> int:
        """The first possible origin, or the sentence that there are too few days for ``needed`` after it."""
        first = max(self.look_back, self.level) - 1
        if len(maps.days) - 1 - first < needed:
            raise DataError(
                f"{len(maps.days)} days are too few for '{self.label}': it needs {first + 1 + needed}",
                table="panel",
                column="ds",
                remedy="bring a longer history, or shorten level, look_back, the horizon or train.valid_periods.",
            )
        return first

    def answer(self, learned: Learned, past: pd.DataFrame, future: pd.DataFrame) -> pd.DataFrame:
        maps, there = self._maps(past), learned.maps
        ids, known = maps.ids(), there.ids()
        if ids.shape != known.shape or (ids != known).any():
            odd = sorted(set(ids.ravel()) ^ set(known.ravel()))
            fault = "was not there when it was fitted" if odd and odd[0] in set(ids.ravel()) else "is missing"
            raise DataError(
                f"'{self.label}' forecasts the regions that it was fitted on, and this one {fault}",
                table="panel",
                column="unique_id",
                value=odd[0] if odd else "another order",
                remedy="fit it again on a panel with all regions, each with a history.",
            )
        horizon = len(future) // future["unique_id"].nunique()
        windows = learned.levels.windows(maps, [len(maps.days) - 1], self.look_back, horizon, self.scale)
        table = self.say(learned.model, windows).set_index(["unique_id", "ds"])
        rows = pd.MultiIndex.from_arrays([future["unique_id"].astype(str), future["ds"]])
        return table.reindex(rows).set_axis(future.index)

    @property
    def scale(self) -> MapScale:
        return "level"

    @abstractmethod
    def say(self, model: Any, windows: MapWindows) -> pd.DataFrame:
        """``unique_id, ds, point`` and quantiles ``q0.1`` of the windows."""

    def pack(self, learned: Learned) -> dict[str, Any]:
        """Names, levels and, by ``pack_model``, the model."""
        names = {"regions": learned.maps.regions.astype(str), "kinds": np.array(learned.maps.kinds, dtype=object)}
        levels = {"weekday": learned.levels.weekday, "level": learned.levels.window}
        return {**names, **levels, **self.pack_model(learned.model)}

    def unpack(self, packed: Mapping[str, Any]) -> Learned:
        """The inverse of ``pack``."""
        regions, kinds = np.asarray(packed["regions"], dtype=object), tuple(packed["kinds"])
        spots = None
        if self.regions is not None:
            at = {region: (row, column) for region, row, column in self.regions}
            spots = np.array([at[region] for region in regions], dtype=np.int64)
        empty = np.zeros((0, len(regions), len(kinds)))
        maps = RegionDays(pd.DatetimeIndex([]), regions, kinds, empty, spots)
        levels = Levels(np.asarray(packed["weekday"]), int(packed["level"]))
        return Learned(maps, levels, self.unpack_model(packed, maps))

    @abstractmethod
    def pack_model(self, model: Any) -> dict[str, Any]:
        """The model as arrays, tensors and plain values."""

    @abstractmethod
    def unpack_model(self, packed: Mapping[str, Any], maps: RegionDays) -> Any:
        """The inverse of ``pack_model``."""


def _places(regions: Places) -> tuple[tuple[str, int, int], ...] | None:
    """A frame ``region_id, row, column``, or rows of these, as settings hold it."""
    if regions is None:
        return None
    if isinstance(regions, pd.DataFrame):
        for column in ("region_id", "row", "column"):
            if column not in regions.columns:
                raise DataError(
                    "this column is missing",
                    table="regions",
                    column=column,
                    remedy="say where each region lies, or leave regions out.",
                )
        regions = regions[["region_id", "row", "column"]].itertuples(index=False)
    rows: Sequence[Any] = list(regions)
    return tuple((str(region), int(row), int(column)) for region, row, column in rows)


@dataclass(frozen=True)
class Maps(_RegionForecaster):
    """Forecast the regions of a daily panel together, by a network that reads maps (lesson 05, section 4).

    Parameters
    ----------
    regions : DataFrame, optional
        ``region_id, row, column``: where the regions lie, such as ``store.regions``. The panel's ``unique_id`` are
        regions, or ``region|kind``.
    network : {"auto", "conv_gru", "attention"}
        Automatic: a convolutional GRU where ``regions`` are given, else attention, which needs no map.
    look_back : int
        Days that it reads.
    level : int
        Days whose mean is the usual level.
    hidden : int
        Width of the state.
    kernel : int
        Side of the convolutions; 1 leaves every region alone.
    position : bool
        Whether a convolution is told each place's row and column.
    head : str
        ``"poisson"`` and ``"negative_binomial"`` forecast means of counts, ``"squared"`` means, ``"absolute"`` medians
        and ``"quantile"`` medians with quantiles beside.
    quantiles : tuple of float
        Of the quantile head.
    train : TrainSettings
        How it is trained; ``valid_periods`` days are kept back to tell when to stop.
    seed : int
        Of the weights at the start and of the order of days.

    Examples
    --------
    >>> import pandas as pd
    >>> places = pd.DataFrame({"region_id": ["west", "east"], "row": [0, 0], "column": [0, 1]})
    >>> Maps(places, head="quantile", quantiles=(0.1, 0.5, 0.9)).point
    'median'
    """

    name: ClassVar[str] = "maps"
    regions: Places = field(default=None, repr=False)
    network: str = "auto"
    look_back: int = 10
    level: int = 56
    hidden: int = 8
    kernel: int = 3
    position: bool = True
    head: str = "poisson"
    quantiles: tuple[float, ...] = DEFAULT_QUANTILES
    train: TrainSettings = MAP_TRAINING
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "regions", _places(self.regions))
        object.__setattr__(self, "quantiles", tuple(self.quantiles))
        if isinstance(self.train, Mapping):  # as a card holds it
            object.__setattr__(self, "train", TrainSettings(**self.train))
        if self.head == "quantile" and 0.5 not in self.quantiles:
            raise DataError(
                "a forecaster's point is its median, and 0.5 is not among the quantiles",
                value=self.quantiles,
                remedy="quantiles=(0.1, 0.5, 0.9).",
            )

    @property
    def point(self) -> Point:  # type: ignore[override]
        if self.head == "quantile" and 0.5 not in self.quantiles:
            return "neither"
        return "mean" if self.head in MEANS else "median"

    @property
    def scale(self) -> MapScale:
        return "level" if self.head in MEANS else "log_level"

    @property
    def kind(self) -> str:
        """The network that is meant."""
        return self.network if self.network != "auto" else "attention" if self.regions is None else "conv_gru"

    def _network(self, maps: RegionDays, horizon: int) -> MapNetwork:
        settings = ("look_back", "hidden", "kernel", "position", "head", "quantiles", "seed")
        return make_map_network(self.kind, maps, horizon, **{name: getattr(self, name) for name in settings})

    def learn(self, past: pd.DataFrame, horizon: int) -> Learned:
        maps = self._maps(past)
        last, kept = len(maps.days) - 1, self.train.valid_periods
        network = self._network(maps, horizon)
        first = self._first(maps, 2 * horizon + kept)
        end = last - kept  # the last day that training may see
        levels = Levels.fit(maps, end, self.level)
        origins = np.arange(first, end - horizon + 1), np.arange(end, last - horizon + 1)
        train, valid = (levels.windows(maps, part, self.look_back, horizon, self.scale) for part in origins)
        stop = valid if kept and len(valid) else None
        fit(network, train, stop, replace(self.train, seed=self.seed))
        return Learned(_emptied(maps), levels, network)

    def say(self, model: MapNetwork, windows: MapWindows) -> pd.DataFrame:
        said = predict(model, windows, device=self.train.device)
        quantiles = {c: c.removeprefix(_HEAD) for c in said.columns if c.startswith(_HEAD)}
        return said[["unique_id", "ds", "forecast", *quantiles]].rename(columns={"forecast": "point", **quantiles})

    def exported(self, learned: Learned) -> tuple[dict[str, MapNetwork], dict[str, Any]]:
        """The network for ``ecomlib.forecasting.export``, and what its windows are made with."""
        notes = {
            "unique_ids": learned.maps.ids().tolist(),
            "columns": list(learned.model.head.names),
            "scale": self.scale,
            "level": learned.levels.window,
            "weekday": learned.levels.weekday.tolist(),
        }
        return {f"seed{self.seed}": learned.model}, notes

    def pack_model(self, model: MapNetwork) -> dict[str, Any]:
        return {"horizon": model.settings.horizon} | {f"weight.{k}": v for k, v in model.state_dict().items()}

    def unpack_model(self, packed: Mapping[str, Any], maps: RegionDays) -> MapNetwork:
        model = self._network(maps, int(packed["horizon"]))
        model.load_state_dict({k.removeprefix("weight."): v for k, v in packed.items() if k.startswith("weight.")})
        return model.eval()


@dataclass(frozen=True)
class RegionRidgeForecaster(_RegionForecaster):
    """Forecast the regions of a daily panel by ridge regressions on their last days (lesson 05, section 3).

    Parameters
    ----------
    regions : DataFrame, optional
        ``region_id, row, column``; only ``reads="neighbours"`` needs it.
    reads : {"all", "own", "neighbours"}
        Whose days are read; ``"all"`` is a vector autoregression.
    lags : int
        Days that are read.
    alpha : float
        How much large coefficients cost.
    pooled : bool
        One regression for all regions, instead of one each.
    level : int
        Days whose mean is the usual level.

    Examples
    --------
    >>> RegionRidgeForecaster(reads="own", lags=7)
    RegionRidgeForecaster(reads='own', lags=7, alpha=3.0, pooled=False, level=56)
    """

    name: ClassVar[str] = "region_ridge"
    regions: Places = field(default=None, repr=False)
    reads: Reads = "all"
    lags: int = 3
    alpha: float = 3.0
    pooled: bool = False
    level: int = 56

    def __post_init__(self) -> None:
        object.__setattr__(self, "regions", _places(self.regions))

    @property
    def point(self) -> Point:  # type: ignore[override]
        return "mean"

    @property
    def look_back(self) -> int:  # type: ignore[override]
        return self.lags

    @property
    def _ridge(self) -> RegionRidge:
        return RegionRidge(self.reads, self.lags, self.alpha, self.pooled)

    def learn(self, past: pd.DataFrame, horizon: int) -> Learned:
        maps = self._maps(past)
        last = len(maps.days) - 1
        first = self._first(maps, 2 * horizon)
        levels = Levels.fit(maps, last, self.level)
        train = levels.windows(maps, np.arange(first, last - horizon + 1), self.lags, horizon)
        return Learned(_emptied(maps), levels, self._ridge.fit(train, maps))

    def say(self, model: FittedRidge, windows: MapWindows) -> pd.DataFrame:
        units = torch.from_numpy(model.predict(windows))
        return replace(windows, y=units).frame().rename(columns={"y": "point"})[["unique_id", "ds", "point"]]

    def pack_model(self, model: FittedRidge) -> dict[str, Any]:
        return {"slopes": model.slopes, "starts": model.starts, "factor": model.factor}

    def unpack_model(self, packed: Mapping[str, Any], maps: RegionDays) -> FittedRidge:
        return FittedRidge(self._ridge, maps, packed["slopes"], packed["starts"], packed["factor"])


def _emptied(maps: RegionDays) -> RegionDays:
    """Regions, kinds and places, without the days."""
    return replace(maps, days=maps.days[:0], units=maps.units[:0])
