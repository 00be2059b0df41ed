"""Models of regions on a map: data, windows, linear rivals and networks (lesson 05).

Networks need torch: import them from ``ecomlib.spatial.networks``.
"""

from __future__ import annotations

from ecomlib.spatial.linear import Reads, lag_features, ridge_forecast
from ecomlib.spatial.maps import Floats, RegionDays, morans_i, permutation_test, row_normalised, spatial_lag
from ecomlib.spatial.windows import HALF, DayWindows, Levels, day_split

__all__ = [
    "HALF",
    "DayWindows",
    "Floats",
    "Levels",
    "Reads",
    "RegionDays",
    "day_split",
    "lag_features",
    "morans_i",
    "permutation_test",
    "ridge_forecast",
    "row_normalised",
    "spatial_lag",
]
