"""Scales daily maps of units and cuts them into windows for the models of regions (lesson 05, section 2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from ecomlib.errors import DataError, LeakageError
from ecomlib.spatial.maps import Floats, RegionDays

HALF = 0.5  # added to counts before the logarithm, so that a day without a sale has one
MapScale = Literal["level", "log_level"]


def as_rows(values: Tensor) -> Tensor:
    """Lay maps (B, H, R, K) out as the rows of the heads, one a window, region and kind: (B R K, H)."""
    return values.permute(0, 2, 3, 1).flatten(0, 2)


@dataclass(frozen=True)
class MapSettings:
    """What a window of maps holds (lesson 05, section 2).

    Parameters
    ----------
    look_back : int
        T, days up to the origin that a model reads.
    horizon : int
        H, days after it.
    level : int
        Days whose mean is the usual level.
    scale : {"level", "log_level"}
        What a model forecasts: units over the usual level (``"level"``, for counts and means), or the logarithm of
        that, with half a unit added to both (``"log_level"``, for medians and quantiles, which survive a logarithm).
    """

    look_back: int = 10
    horizon: int = 3
    level: int = 56
    scale: MapScale = "level"

    def __post_init__(self) -> None:
        if min(self.look_back, self.horizon, self.level) < 1:
            sizes = (self.look_back, self.horizon, self.level)
            raise DataError("look_back, horizon and level count days and are at least 1", value=sizes)
        if self.scale not in ("level", "log_level"):
            raise DataError("unknown scale of maps", value=self.scale, remedy="use level or log_level.")

    def scaled(self, units: Tensor, base: Tensor) -> Tensor:
        """Units as the model is to forecast them, beside the usual level ``base`` of the same shape."""
        return units / base if self.scale == "level" else torch.log((units + HALF) / (base + HALF))

    def units(self, scaled: Tensor, base: Tensor) -> Tensor:
        """The inverse of ``scaled``, for forecasts."""
        return scaled * base if self.scale == "level" else (base + HALF) * scaled.exp() - HALF


@dataclass(frozen=True, slots=True, eq=False)
class MapBatch:
    """B windows of maps on one device, float32; what is not known is 0 where its mask is False.

    z (B, T, R, C) log units over level; scale (B, H, R, K) expected units at that level; y units and target the same
    scaled, both (B, H, R, K); mask (B, H, R, K) bool, the units are known; index (B,) numbers of the windows.
    """

    z: Tensor
    scale: Tensor
    y: Tensor
    target: Tensor
    mask: Tensor
    index: Tensor


@dataclass(frozen=True, eq=False)
class MapWindows:
    """Windows of maps at n origins; make them with ``Levels.windows`` (lesson 05, section 2).

    Attributes
    ----------
    settings : MapSettings
    days : DatetimeIndex
        Of the maps that they were cut from.
    ids : ndarray of str, shape (R, K)
        Names of the series, as ``RegionDays.ids`` writes them.
    z : Tensor, shape (n, T, R, C)
        Log units over the usual level. C is K, and with several kinds one channel more: the region's total.
    base : Tensor, shape (n, H, R, K)
        Units expected at the usual level.
    y : Tensor, shape (n, H, R, K)
        Units that came; NaN after the last day.
    origin : Tensor, shape (n,)
        Numbers of the last known days.
    """

    settings: MapSettings
    days: pd.DatetimeIndex = field(repr=False)
    ids: NDArray[Any] = field(repr=False)
    z: Tensor = field(repr=False)
    base: Tensor = field(repr=False)
    y: Tensor = field(repr=False)
    origin: Tensor = field(repr=False)

    def __len__(self) -> int:
        return len(self.origin)

    @property
    def device(self) -> torch.device:
        return self.z.device

    def to(self, device: str | torch.device) -> MapWindows:
        """The same windows on another device."""
        tensors = {part.name: getattr(self, part.name) for part in fields(self)[3:]}
        return replace(self, **{name: tensor.to(device) for name, tensor in tensors.items()})

    def take(self, which: Any) -> MapWindows:
        """Those of the windows that a slice, a mask or numbers choose."""
        return replace(self, **{part.name: getattr(self, part.name)[which] for part in fields(self)[3:]})

    def batch(self, index: Tensor) -> MapBatch:
        """The windows with these numbers (B,), gathered at once."""
        index = index.to(self.device)
        base, came = self.base[index].float(), self.y[index].float()
        mask = ~came.isnan()
        y = torch.where(mask, came, torch.zeros_like(came))
        return MapBatch(self.z[index].float(), base, y, self.settings.scaled(y, base) * mask, mask, index)

    def batches(self, size: int) -> Iterator[MapBatch]:
        """Every window once, in order, ``size`` at a time."""
        for numbers in torch.arange(len(self), device=self.device).split(size):
            yield self.batch(numbers)

    def to_units(self, values: Tensor, batch: MapBatch) -> Tensor:
        """Forecasts (B, R K, H, P) on the scale of the windows as units."""
        return self.settings.units(values, batch.scale.flatten(2).transpose(1, 2).unsqueeze(-1))

    def frame(self) -> pd.DataFrame:
        """``unique_id, ds, cutoff, y``: H rows a window, region and kind, in this order; unknown ``y`` is NaN."""
        steps = pd.to_timedelta(np.arange(1, self.settings.horizon + 1), "D")
        cutoff = self.days[self.origin.cpu().numpy()].repeat(self.ids.size * len(steps))
        return pd.DataFrame(
            {
                "unique_id": np.tile(self.ids.ravel().repeat(len(steps)), len(self)),
                "ds": cutoff + pd.TimedeltaIndex(np.tile(steps, len(self) * self.ids.size)),
                "cutoff": cutoff,
                "y": as_rows(self.y).flatten().cpu().numpy(),
            }
        )

    def array(self, column: Any) -> Floats:
        """Lay a column in the order of ``frame`` out as maps (n, H, R, K)."""
        laid = np.asarray(column, dtype=np.float64).reshape(len(self), *self.ids.shape, self.settings.horizon)
        return np.moveaxis(laid, 3, 1)

    def check_before(self, later: MapWindows) -> None:
        """Prove that these windows' targets end before those of ``later`` begin.

        Raises
        ------
        LeakageError
            A day is a target of both.
        """
        if len(self) and len(later) and int(self.origin.max()) + self.settings.horizon > int(later.origin.min()):
            raise LeakageError(
                "training targets overlap the validation part. What to do: leave the horizon between them, as "
                "day_split does."
            )


@dataclass(frozen=True, eq=False)
class Levels:
    """The scale of each series: factors of the weekdays, fitted on training days, and the mean of recent days.

    weekday (7, K), mean one; window: days of the mean. A forecast is ``level * weekday * exp(what the model says)``.
    """

    weekday: Floats
    window: int = 56

    @classmethod
    def fit(cls, maps: RegionDays, last: int, window: int = 56) -> Levels:
        """Factors from the days up to number ``last``; later days are not looked at (lesson 05, section 2)."""
        total = pd.DataFrame(maps.units[: last + 1].sum(axis=1))
        mean = total.groupby(maps.days[: last + 1].dayofweek).mean().reindex(range(7), fill_value=0.0).to_numpy()
        return cls(mean / np.maximum(mean.mean(axis=0), 1e-9), window)

    def windows(
        self,
        maps: RegionDays,
        origins: Sequence[int] | NDArray[np.int64],
        look_back: int = 10,
        horizon: int = 3,
        scale: MapScale = "level",
    ) -> MapWindows:
        """What is known at each origin, and what came (lesson 05, section 2).

        Parameters
        ----------
        maps : RegionDays
        origins : sequence of int
            Numbers of the last known days.
        look_back, horizon, scale
            See ``MapSettings``.

        Raises
        ------
        DataError
            An origin has fewer days before it than the level and the look-back need.
        """
        settings = MapSettings(look_back, horizon, self.window, scale)
        at = np.asarray(origins, dtype=np.int64)
        if len(at) and at.min() < max(look_back, self.window) - 1:
            raise DataError(
                "an origin has fewer days before it than the level and the look-back need",
                value=str(maps.days[at.min()].date()),
                remedy="start later.",
            )
        ahead, past, recent = (
            at[:, None] + np.arange(*ends) for ends in ((1, horizon + 1), (1 - look_back, 1), (1 - self.window, 1))
        )
        factor = self.weekday[maps.days.dayofweek]  # (T, K)
        y = np.concatenate([maps.units, np.full((horizon, *maps.units.shape[1:]), np.nan)])[ahead]
        level = maps.units[recent].sum(axis=1) / factor[recent].sum(axis=1)[:, None]  # (n, R, K)
        usual = level[:, None] * factor[past][:, :, None]
        units = maps.units[past]
        z = np.log((units + HALF) / (usual + HALF))
        if len(maps.kinds) > 1:  # the total is less noisy than its parts
            whole = np.log((units.sum(-1, keepdims=True) + HALF) / (usual.sum(-1, keepdims=True) + HALF))
            z = np.concatenate([z, whole], axis=-1)
        weekday = (maps.days.dayofweek.to_numpy()[at][:, None] + ahead - at[:, None]) % 7
        base = np.maximum(level[:, None] * self.weekday[weekday][:, :, None], 0.05)
        # 64 bits here, for the linear models; a batch of a network is cast to 32.
        tensors = (torch.from_numpy(np.ascontiguousarray(part)) for part in (z, base, y, at))
        return MapWindows(settings, maps.days, maps.ids(), *tensors)


def day_split(days: int, first: int, horizon: int, step: int = 1) -> tuple[NDArray[np.int64], ...]:
    """Origins for training, for stopping and for the test, from day ``first`` on (lesson 05, section 2).

    The test part is the last fifth, every ``step`` days; the tenth before it tells when to stop. No day is a target of
    two parts.
    """
    test, stop = round(0.8 * days), round(0.7 * days)
    return np.arange(first, stop - horizon), np.arange(stop, test - horizon), np.arange(test, days - horizon, step)
