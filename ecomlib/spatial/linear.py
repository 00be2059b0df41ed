"""Forecasts regions by ridge regression on own lags, neighbours' lags or all lags (lesson 05, section 3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from ecomlib.errors import DataError
from ecomlib.spatial.maps import Floats, RegionDays
from ecomlib.spatial.windows import HALF, MapWindows

Reads = Literal["own", "neighbours", "all"]


def lag_features(windows: MapWindows, maps: RegionDays, reads: Reads, lags: int) -> Floats:
    """The last ``lags`` days as inputs of a linear model, (n, R, F) (lesson 05, section 3).

    "own": the region's own; "neighbours": also those of its western, eastern, northern and southern neighbour (zero
    beyond the edge); "all": those of every region: a vector autoregression. Of other regions only the last channel is
    read, the total: with several kinds, theirs would be hundreds of noisy inputs.
    """
    z: Floats = np.moveaxis(windows.z[:, -lags:].cpu().numpy(), 1, 2)  # (n, R, lags, C)
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


@dataclass(frozen=True)
class RegionRidge:
    """Regress regions on the last days of their own, of their neighbours or of all (lesson 05, section 3).

    Parameters
    ----------
    reads : {"own", "neighbours", "all"}
        See ``lag_features``; ``"all"`` makes it a vector autoregression with direct horizons.
    lags : int
        Days that are read.
    alpha : float
        How much large coefficients cost.
    pooled : bool
        One regression for all regions, instead of one each.

    Notes
    -----
    Hoerl and Kennard, "Ridge Regression" (1970); Sims, "Macroeconomics and Reality" (1980).
    """

    reads: Reads = "all"
    lags: int = 5
    alpha: float = 1.0
    pooled: bool = False

    def __post_init__(self) -> None:
        if self.reads not in get_args(Reads):
            raise DataError("reads says whose days are read", value=self.reads, remedy="own, neighbours or all.")
        if self.lags < 1 or self.alpha < 0:
            raise DataError("lags are at least 1 and alpha is not negative", value=(self.lags, self.alpha))

    def fit(self, train: MapWindows, maps: RegionDays) -> FittedRidge:
        """Fit on windows whose targets are known; ``maps`` says who neighbours whom.

        Target: log units over level. What exp takes away from a mean is given back by one factor a series and step,
        from the training days (Duan, 1983).
        """
        from sklearn.linear_model import Ridge

        if train.settings.look_back < self.lags:
            raise DataError(
                f"{self.lags} lags are more days than the windows hold",
                value=train.settings.look_back,
                remedy="lengthen look_back.",
            )
        inputs, y, base = lag_features(train, maps, self.reads, self.lags), train.y.numpy(), train.base.numpy()
        target = np.moveaxis(np.log((y + HALF) / (base + HALF)), 1, 2)  # (n, R, H, K)
        regions = np.arange(inputs.shape[1])
        models = []
        for group in [regions] if self.pooled else regions[:, None]:
            flat = inputs[:, group].reshape(-1, inputs.shape[-1])
            models.append(Ridge(self.alpha).fit(flat, target[:, group].reshape(len(flat), -1)))
        slopes = np.stack([model.coef_.reshape(-1, inputs.shape[-1]) for model in models])
        starts = np.stack([np.ravel(model.intercept_) for model in models])
        raw = FittedRidge(self, maps, slopes, starts, np.ones(base.shape[1:]))
        factor = y.sum(axis=0) / raw.predict(train).sum(axis=0)
        return FittedRidge(self, maps, slopes, starts, factor)


@dataclass(frozen=True, eq=False)
class FittedRidge:
    """A ridge regression with its coefficients; made by ``RegionRidge.fit``.

    Attributes
    ----------
    ridge : RegionRidge
        Its settings.
    maps : RegionDays
        Says who neighbours whom.
    slopes : ndarray, shape (R or 1, H K, F)
    starts : ndarray, shape (R or 1, H K)
        Intercepts.
    factor : ndarray, shape (H, R, K)
        Gives back what exp takes away from a mean.
    """

    ridge: RegionRidge
    maps: RegionDays = field(repr=False)
    slopes: Floats = field(repr=False)
    starts: Floats = field(repr=False)
    factor: Floats = field(repr=False)

    def predict(self, windows: MapWindows) -> Floats:
        """Forecast units, (n, H, R, K), which are means."""
        x = lag_features(windows, self.maps, self.ridge.reads, self.ridge.lags)  # (n, R, F)
        base = windows.base.cpu().numpy()
        said = np.einsum("nrf,rof->nro", x, np.broadcast_to(self.slopes, (x.shape[1], *self.slopes.shape[1:])))
        said = (said + self.starts).reshape(*x.shape[:2], base.shape[1], base.shape[3])
        result: Floats = base * np.exp(np.moveaxis(said, 2, 1)) * self.factor
        return result
