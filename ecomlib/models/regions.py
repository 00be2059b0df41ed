"""Regions on a map, day by day: who is whose neighbour, and what a model may read of them (lesson 05, section 3).

`RegionDays` holds the units of all regions as one array; `windows` turns it into logarithms of units over the usual
level of their weekday, of which every model of the lesson forecasts the next days. A map is two columns of whole
numbers, the places of the regions; `permuted` gives the regions each other's places, and everything else stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.errors import DataError
from ecomlib.panel import make_panel

if TYPE_CHECKING:
    from ecomlib.stores import Store

Floats = NDArray[np.float64]
Reads = Literal["own", "neighbours", "all"]
HALF = 0.5  # added to counts before the logarithm, so that a day without a sale has one


@dataclass(frozen=True, eq=False)
class RegionDays:
    """Units of R regions and K kinds (categories, or one) on T days, without gaps (lesson 05, section 2).

    units (T, R, K); places (R, 2) row and column of each region on the map, or None where the store has no grid.
    """

    days: pd.DatetimeIndex
    regions: NDArray[Any]
    kinds: tuple[str, ...]
    units: Floats
    places: NDArray[np.int64] | None

    @classmethod
    def from_store(
        cls, store: Store, by: Sequence[str] = ("region_id",), *, restore: bool = True, end: Any = None
    ) -> RegionDays:
        """Daily units by region, or by ``("region_id", "category")``; regions in the order of their identifiers.

        restore: where the store keeps an inventory, divide sales by the share of products that did not run out that
        day (known when the day is over): a wave of demand empties shelves, and sales alone would hide its crest.

        Raises ``DataError`` where there is no such column, or ``MissingTableError`` without the table of regions.
        """
        store.require("regions", why="a map needs regions")
        panel = make_panel(store, freq="D", by=by, end=end)
        if restore and "stockout" in panel:
            panel["y"] = panel["y"] / (1 - panel["stockout"].fillna(0.0).clip(upper=0.5))
        kind = panel[by[1]].astype(str) if len(by) > 1 else pd.Series("", index=panel.index)
        wide = panel.assign(kind=kind).pivot_table(
            index="ds", columns=["region_id", "kind"], values="y", fill_value=0.0
        )
        regions, kinds = wide.columns.levels
        wide = wide.reindex(columns=pd.MultiIndex.from_product([regions, kinds]), fill_value=0.0).asfreq("D")
        table = store.regions.set_index("region_id").reindex(regions)  # type: ignore[union-attr]
        known = {"row", "column"} <= set(table) and bool(table[["row", "column"]].notna().all(axis=None))
        units = wide.fillna(0.0).to_numpy(float).reshape(len(wide), len(regions), len(kinds))
        places = table[["row", "column"]].to_numpy(np.int64) if known else None
        return cls(pd.DatetimeIndex(wide.index), regions.to_numpy(), tuple(kinds), units, places)

    @property
    def spots(self) -> NDArray[np.int64]:
        """The places, or the sentence that says that there are none."""
        if self.places is None:
            raise DataError("these regions have no places on a grid", table="regions", column="row",
                            remedy="add row and column, or use attention, which needs no map.")  # fmt: skip
        return self.places

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the smallest grid that holds every place."""
        rows, columns = self.spots.max(axis=0) + 1
        return int(rows), int(columns)

    def permuted(self, rng: np.random.Generator) -> RegionDays:
        """The same regions with each other's places: a wrong map (lesson 05, section 6)."""
        return replace(self, places=rng.permutation(self.spots))

    def ids(self) -> NDArray[Any]:
        """Names of the series as `make_panel` and `attainable` write them, shape (R, K)."""
        return np.array([[f"{r}|{k}" if k else str(r) for k in self.kinds] for r in self.regions], dtype=object)

    def weights(self) -> Floats:
        """Which regions touch, by edge (rook's rule), 0 or 1, shape (R, R); nobody is his own neighbour."""
        apart = np.abs(self.spots[:, None] - self.spots[None]).sum(axis=2)
        return (apart == 1).astype(float)


def row_normalised(weights: Floats) -> Floats:
    """Each row divided by its sum, so that a spatial lag is a mean; a region without neighbours keeps its zeros."""
    total = weights.sum(axis=1, keepdims=True)
    return np.divide(weights, total, out=np.zeros_like(weights, dtype=float), where=total > 0)


def spatial_lag(values: Floats, weights: Floats) -> Floats:
    """Mean over each region's neighbours: values (..., R), weights (R, R) -> (..., R) (lesson 05, section 3)."""
    return values @ row_normalised(weights).T


def morans_i(values: Floats, weights: Floats) -> Floats:
    """Moran's I of each map: values (..., R), weights (R, R) -> (...) (lesson 05, section 3).

    ``(R / Σ w) Σ_ij w_ij z_i z_j / Σ_i z_i²`` with z the deviations from the map's mean and w row-normalised, without
    its diagonal. About -1 / (R - 1) where neighbours are strangers, towards 1 where they are alike. Moran (1950). NaN
    for a constant map.
    """
    w = row_normalised(weights * (1 - np.eye(len(weights))))
    z = values - values.mean(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        result: Floats = z.shape[-1] / w.sum() * ((z @ w.T) * z).sum(axis=-1) / (z**2).sum(axis=-1)
    return result


def permutation_test(
    values: Floats, weights: Floats, rng: np.random.Generator, draws: int = 999
) -> tuple[float, Floats, float]:
    """Is the mean Moran's I of maps (T, R) more than chance? (lesson 05, section 3)

    The regions change places, the same for all days (the days stay in order): exact where, without neighbourhood, any
    arrangement were as likely. Returns the statistic, its values on wrong maps (draws,), and the p-value
    ``(1 + #{wrong >= real}) / (1 + draws)``.
    """
    real = float(np.nanmean(morans_i(values, weights)))
    wrong = np.array([np.nanmean(morans_i(values[:, rng.permutation(len(weights))], weights)) for _ in range(draws)])
    return real, wrong, float((1 + (wrong >= real).sum()) / (1 + draws))


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
            raise DataError("an origin has fewer days before it than the level and the look-back need",
                            value=str(maps.days[at.min()].date()), remedy="start later.")  # fmt: skip
        ahead, past, recent = (at[:, None] + np.arange(*ends) for ends in
                               ((1, horizon + 1), (1 - look_back, 1), (1 - self.window, 1)))  # fmt: skip
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
    train: DayWindows, later: DayWindows, maps: RegionDays, reads: Reads, *, lags: int = 5, alpha: float = 1.0,
    pooled: bool = False,
) -> Floats:  # fmt: skip
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


def day_split(days: int, first: int, horizon: int, step: int = 1) -> tuple[NDArray[np.int64], ...]:
    """Origins for training, for stopping and for the test, from day ``first`` on (lesson 05, section 2).

    The test part is the last fifth, every ``step`` days; the tenth before it tells when to stop. No day is a target of
    two parts.
    """
    test, stop = round(0.8 * days), round(0.7 * days)
    return np.arange(first, stop - horizon), np.arange(stop, test - horizon), np.arange(test, days - horizon, step)
