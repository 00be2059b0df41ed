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
from ecomlib.panel import frequency, join_id, make_panel, split_id

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
        cls, store: Store, by: str | Sequence[str] = "region_id", *, restore: bool = True, end: Any = None
    ) -> RegionDays:
        """Count daily units by region, or by region and one more column (lesson 05, section 2).

        Parameters
        ----------
        store : Store
            With its table of regions.
        by : str or sequence of str
            ``"region_id"``, or it and a second key such as ``("region_id", "category")``.
        restore : bool
            Where the store keeps an inventory, divide sales by the share of products that did not run out that day
            (known when the day is over): a wave of demand empties shelves, and sales alone would hide its crest.
        end : date, optional
            The last day; see ``make_panel``.

        Raises
        ------
        DataError
            No such column, or the first one is not ``region_id``.
        MissingTableError
            The store has no table of regions.
        """
        keys = (by,) if isinstance(by, str) else tuple(by)
        if keys[:1] != ("region_id",) or len(keys) > 2:
            raise DataError(
                "a map counts units by region_id, and perhaps by one more key",
                value=keys,
                remedy='write by="region_id" or by=("region_id", "category").',
            )
        store.require("regions", why="a map needs regions")
        panel = make_panel(store, freq="D", by=keys, end=end)
        if restore and "stockout" in panel:
            panel["y"] = panel["y"] / (1 - panel["stockout"].fillna(0.0).clip(upper=0.5))
        kind = panel[keys[1]].astype(str) if len(keys) > 1 else pd.Series("", index=panel.index)
        return cls._laid_out(panel.assign(region=panel["region_id"], kind=kind), store.regions)

    @classmethod
    def from_panel(cls, panel: pd.DataFrame, regions: pd.DataFrame | None = None) -> RegionDays:
        """Lay a daily panel out as maps; each series is a region, or ``region|kind`` as ``join_id`` writes it.

        Parameters
        ----------
        panel : DataFrame
            ``unique_id, ds, y``, by day. Days before a series begins count as zero units.
        regions : DataFrame, optional
            ``region_id, row, column``: where the regions lie. Without it there is no map, and attention needs none.

        Raises
        ------
        DataError
            Another frequency, days whose units are unknown, or a region that ``regions`` does not hold.

        Examples
        --------
        >>> import pandas as pd
        >>> days = pd.date_range("2024-01-01", periods=3)
        >>> panel = pd.concat([pd.DataFrame({"unique_id": r, "ds": days, "y": 2.0}) for r in ("east", "west")])
        >>> places = pd.DataFrame({"region_id": ["west", "east"], "row": [0, 0], "column": [0, 1]})
        >>> maps = RegionDays.from_panel(panel, places)
        >>> maps.units.shape, maps.spots.tolist()
        ((3, 2, 1), [[0, 1], [0, 0]])
        """
        if (freq := frequency(panel)) != "D":
            raise DataError("maps are made of days", value=freq, remedy='make the panel with freq="D".')
        unknown = panel["y"].isna().to_numpy()
        if unknown.any():
            row = panel[unknown].iloc[0]
            raise DataError(
                f"the units of {int(unknown.sum())} days are unknown, and a map has no gaps",
                table="panel",
                column="y",
                value=f"{row['unique_id']}, {row['ds']:%Y-%m-%d}",
                remedy="fill them with something known at that time, or end the panel before them.",
            )
        ids = panel["unique_id"].astype(str)
        known = set() if regions is None else set(regions["region_id"].astype(str))
        if ids.str.contains("|", regex=False).any() and not set(ids) <= known:
            parts = split_id(ids, ("region", "kind"))
        else:
            parts = pd.DataFrame({"region": ids, "kind": ""})
        absent = set() if regions is None else set(parts["region"]) - known
        if absent:
            raise DataError(
                "this region has no place", table="regions", value=min(absent), remedy="add its row and column."
            )
        table = None if regions is None else regions.assign(region_id=regions["region_id"].astype(str))
        return cls._laid_out(panel[["ds", "y"]].assign(region=parts["region"], kind=parts["kind"]), table)

    @classmethod
    def _laid_out(cls, rows: pd.DataFrame, places: pd.DataFrame | None) -> RegionDays:
        """Rows ``region, kind, ds, y`` as one array, days without a row as zero; regions and kinds in order."""
        wide = rows.pivot_table(index="ds", columns=["region", "kind"], values="y", fill_value=0.0)
        regions, kinds = wide.columns.levels  # type: ignore[attr-defined]
        wide = wide.reindex(columns=pd.MultiIndex.from_product([regions, kinds]), fill_value=0.0).asfreq("D")
        units = wide.fillna(0.0).to_numpy(float).reshape(len(wide), len(regions), len(kinds))
        spots = None
        if places is not None and {"row", "column"} <= set(places):
            table = places.set_index("region_id").reindex(regions)[["row", "column"]]
            spots = table.to_numpy(np.int64) if bool(table.notna().all(axis=None)) else None
        return cls(pd.DatetimeIndex(wide.index), regions.to_numpy(), tuple(kinds), units, spots)

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
        """The same regions with each other's places: a wrong map (lesson 05, section 5)."""
        return replace(self, places=rng.permutation(self.spots))

    def ids(self) -> NDArray[Any]:
        """Names of the series as `make_panel` and `attainable` write them, shape (R, K)."""
        keys = pd.DataFrame({"region": np.repeat(self.regions, len(self.kinds))})
        if self.kinds != ("",):
            keys["kind"] = np.tile(np.array(self.kinds, dtype=object), len(self.regions))
        return join_id(keys).to_numpy(dtype=object).reshape(len(self.regions), len(self.kinds))

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
    others = weights * (1 - np.eye(len(weights)))
    z = values - values.mean(axis=-1, keepdims=True)
    share = z.shape[-1] / row_normalised(others).sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        result: Floats = share * (spatial_lag(z, others) * z).sum(axis=-1) / (z**2).sum(axis=-1)
    return result


def links(mood: Floats, most: int = 4) -> tuple[tuple[int, int], ...]:
    """Who leads whom, found in the data: edges (region, the one it looks at) for a graph (lesson 05, section 4).

    Each region looks at the ``most`` others whose yesterday goes best with what its own yesterday leaves unexplained of
    its today: mood (T, R) -> R · most pairs. Give it training days alone.

    Raises
    ------
    DataError
        There are not so many other regions, or fewer than three days.
    """
    regions = mood.shape[1]
    if not 1 <= most < regions or len(mood) < 3:
        raise DataError("a region looks at one other at least, over three days", value=(most, mood.shape))
    before = mood[:-1] - mood[:-1].mean(0)
    after = mood[1:] - mood[1:].mean(0)
    own = (before * after).sum(0) / np.maximum((before**2).sum(0), 1e-12)
    rest = after - own * before  # (T - 1, R)
    size = np.sqrt((rest**2).sum(0))[:, None] * np.sqrt((before**2).sum(0))
    together = rest.T @ before / np.maximum(size, 1e-12)  # (R, R): row i, and the yesterday of column j
    np.fill_diagonal(together, -np.inf)
    best = np.argsort(-together, axis=1, kind="stable")[:, :most]
    return tuple((who, int(whom)) for who in range(regions) for whom in best[who])


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
