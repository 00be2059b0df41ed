"""Scales daily maps of units and cuts them into windows for the models of regions (lesson 05, section 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.errors import DataError
from ecomlib.spatial.maps import Floats, RegionDays

HALF = 0.5  # added to counts before the logarithm, so that a day without a sale has one


class DayWindows(NamedTuple):
    """n origins: ``z`` (n, T, R, C) log units over level, ``base`` (n, H, R, K) expected units at that level, ``y``
    (n, H, R, K) units that came (NaN after the last day), ``origin`` (n,) numbers of the last known days."""

    z: Floats
    base: Floats
    y: Floats
    origin: NDArray[np.int64]


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

    def windows(self, maps: RegionDays, origins: Sequence[int], look_back: int = 10, horizon: int = 3) -> DayWindows:
        """What is known at each origin, and what came (lesson 05, section 2).

        C is K, and with several kinds one channel more: the region's total, which is less noisy than its parts.
        """
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
        if len(maps.kinds) > 1:
            whole = np.log((units.sum(-1, keepdims=True) + HALF) / (usual.sum(-1, keepdims=True) + HALF))
            z = np.concatenate([z, whole], axis=-1)
        weekday = (maps.days.dayofweek.to_numpy()[at][:, None] + ahead - at[:, None]) % 7
        base = np.maximum(level[:, None] * self.weekday[weekday][:, :, None], 0.05)
        return DayWindows(z, base, y, at)


def day_split(days: int, first: int, horizon: int, step: int = 1) -> tuple[NDArray[np.int64], ...]:
    """Origins for training, for stopping and for the test, from day ``first`` on (lesson 05, section 2).

    The test part is the last fifth, every ``step`` days; the tenth before it tells when to stop. No day is a target of
    two parts.
    """
    test, stop = round(0.8 * days), round(0.7 * days)
    return np.arange(first, stop - horizon), np.arange(stop, test - horizon), np.arange(test, days - horizon, step)
