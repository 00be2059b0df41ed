"""Forecasts regions by ridge regression on own lags, neighbours' lags or all lags (lesson 05, section 3)."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from ecomlib.spatial.maps import Floats, RegionDays
from ecomlib.spatial.windows import HALF, DayWindows

Reads = Literal["own", "neighbours", "all"]


def lag_features(windows: DayWindows, maps: RegionDays, reads: Reads, lags: int) -> Floats:
    """The last ``lags`` days as inputs of a linear model, (n, R, F) (lesson 05, section 3).

    "own": the region's own; "neighbours": also those of its western, eastern, northern and southern neighbour (zero
    beyond the edge); "all": those of every region: a vector autoregression. Of other regions only the last channel is
    read, the total: with several kinds, theirs would be hundreds of noisy inputs.
    """
    z = np.moveaxis(windows.z[:, -lags:], 1, 2)  # (n, R, lags, C)
    own, total = z.reshape(*z.shape[:2], -1), z[..., -1]
    if reads == "own":
        return own
    if reads == "all":
        every = np.repeat(total.reshape(len(z), 1, -1), z.shape[1], axis=1)
        return every if z.shape[-1] == 1 else np.concatenate([own, every], axis=-1)
    where = {(int(row), int(column)): k for k, (row, column) in enumerate(maps.spots)}
    parts = [own]
    for down, right in ((0, -1), (0, 1), (-1, 0), (1, 0)):
        beside = np.array([where.get((r + down, c + right), -1) for r, c in maps.spots])
        parts.append(np.where((beside >= 0)[:, None], total[:, beside], 0.0))
    return np.concatenate(parts, axis=-1)


def ridge_forecast(
    train: DayWindows,
    later: DayWindows,
    maps: RegionDays,
    reads: Reads,
    *,
    lags: int = 5,
    alpha: float = 1.0,
    pooled: bool = False,
) -> Floats:
    """Forecasts in units (n, H, R, K) of a ridge regression on `lag_features` (lesson 05, section 3).

    Target: log units over level. One regression a region, or ``pooled`` one for all. What exp takes away from a mean is
    given back by one factor a series and step, from the training days (Duan, 1983). With ``reads="all"`` this is a
    vector autoregression with direct horizons (Sims, 1980; ridge: Hoerl and Kennard, 1970).
    """
    from sklearn.linear_model import Ridge

    inputs, ahead = (lag_features(windows, maps, reads, lags) for windows in (train, later))
    target = np.log((train.y + HALF) / (train.base + HALF))
    result = np.empty_like(later.base)
    regions = np.arange(len(maps.regions))
    for group in [regions] if pooled else regions[:, None]:
        flat = inputs[:, group].reshape(-1, inputs.shape[-1])
        model = Ridge(alpha).fit(flat, np.moveaxis(target[:, :, group], 2, 1).reshape(len(flat), -1))

        def units(windows: DayWindows, x: Floats, group: Any = group, model: Any = model) -> Floats:
            base = windows.base[:, :, group]
            said = model.predict(x[:, group].reshape(-1, x.shape[-1])).reshape(len(x), len(group), *base.shape[1::2])
            return base * np.exp(np.moveaxis(said, 1, 2))

        factor = train.y[:, :, group].sum(axis=0) / units(train, inputs).sum(axis=0)
        result[:, :, group] = units(later, ahead) * factor
    return result
