"""Models of regions on a map: data, windows, linear rivals and networks (lesson 05).

Networks are trained by ``ecomlib.training``: see ``ecomlib.spatial.networks``. As forecasters of a panel the models are
``forecaster("maps")`` and ``forecaster("region_ridge")``: see ``ecomlib.spatial.forecaster``.
"""

from __future__ import annotations

from ecomlib.spatial.linear import FittedRidge, Reads, RegionRidge, lag_features
from ecomlib.spatial.maps import Floats, RegionDays, links, morans_i, permutation_test, row_normalised, spatial_lag
from ecomlib.spatial.windows import HALF, Levels, MapBatch, MapSettings, MapWindows, day_split

__all__ = [
    "HALF",
    "FittedRidge",
    "Floats",
    "Levels",
    "MapBatch",
    "MapSettings",
    "MapWindows",
    "Reads",
    "RegionDays",
    "RegionRidge",
    "day_split",
    "lag_features",
    "links",
    "morans_i",
    "permutation_test",
    "row_normalised",
    "spatial_lag",
]
