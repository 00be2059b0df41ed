"""Holds daily units by region with each region's place on the map, and measures spatial autocorrelation.

`RegionDays` keeps the units of all regions as one array. A map is two columns of whole numbers, the regions' places;
`permuted` gives the regions each other's places and changes nothing else (lesson 05, section 3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.errors import DataError
from ecomlib.panel import make_panel

if TYPE_CHECKING:
    from ecomlib.stores import Store

Floats = NDArray[np.float64]


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
            raise DataError(
                "these regions have no places on a grid",
                table="regions",
                column="row",
                remedy="add row and column, or use attention, which needs no map.",
            )
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
