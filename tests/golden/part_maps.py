"""Days of regions: levels, spatial measures, regressions on neighbours, and the two networks that read a map."""

from __future__ import annotations

import numpy as np
import pandas as pd
from record import sample
from shops import store

from ecomlib.spatial import (
    DayWindows,
    Levels,
    RegionDays,
    day_split,
    morans_i,
    permutation_test,
    ridge_forecast,
    spatial_lag,
)
from ecomlib.spatial.networks import ConvGRUForecaster, RegionAttention, SpaceSettings, fit_space, predict_space

HORIZON = 3


def table(values: np.ndarray, windows: DayWindows, maps: RegionDays) -> pd.DataFrame:
    """Forecasts (n, H, R, K) as rows of the record, keyed by day, step and series."""
    ids = maps.ids()
    n, steps, regions, kinds = values.shape
    keys = [
        f"{maps.days[windows.origin[k]]:%Y-%m-%d} +{h + 1} {ids[r, c]}"
        for k in range(n)
        for h in range(steps)
        for r in range(regions)
        for c in range(kinds)
    ]
    return sample(pd.DataFrame({"key": keys, "units": values.ravel()}), "key")


def part(seed: int) -> dict[str, pd.DataFrame]:
    """Forecasts of every model of maps, of regions alone and of regions by category."""
    found: dict[str, pd.DataFrame] = {}
    for label, by in (("regions", ("region_id",)), ("regions by category", ("region_id", "category"))):
        maps = RegionDays.from_store(store(seed), by)
        origins = day_split(len(maps.days), 56, HORIZON, 2)
        levels = Levels.fit(maps, int(origins[0][-1]) + HORIZON)
        train, stop, test = (levels.windows(maps, part, horizon=HORIZON) for part in origins)
        found[f"level: {label}"] = table(test.base, test, maps)
        found[f"log units over level: {label}"] = table(test.z[:, :, :, : len(maps.kinds)], test, maps)
        for reads in ("own", "neighbours", "all"):
            found[f"ridge, {reads}: {label}"] = table(ridge_forecast(train, test, maps, reads), test, maps)
        pooled = ridge_forecast(train, test, maps, "neighbours", lags=3, alpha=10.0, pooled=True)
        found[f"ridge, pooled: {label}"] = table(pooled, test, maps)
        how = SpaceSettings(hidden=4, epochs=2, seed=seed)
        networks = {"convolutional GRU": ConvGRUForecaster, "attention": RegionAttention}
        for name, make in networks.items():
            network = fit_space(make, maps, train, stop, how)
            found[f"{name}: {label}"] = table(predict_space(network, test), test, maps)
        if label == "regions":
            alone = fit_space(ConvGRUForecaster, maps, train, stop, SpaceSettings(4, 1, position=False, epochs=2))
            found["convolutional GRU, kernel 1: regions"] = table(predict_space(alone, test), test, maps)
            wrong = maps.permuted(np.random.default_rng(seed))
            other = ridge_forecast(train, test, wrong, "neighbours")
            found["ridge, neighbours, wrong map: regions"] = table(other, test, maps)
            today, weights = np.log1p(maps.units[-40:, :, 0]), maps.weights()
            real, shuffled, p = permutation_test(today, weights, np.random.default_rng(seed), 49)
            found["Moran's I"] = pd.DataFrame(
                {"value": [real, float(shuffled.mean()), float(shuffled.max()), p, *morans_i(today[:5], weights)]},
                index=["mean", "mean of wrong maps", "largest of wrong maps", "p", *(f"day {k}" for k in range(5))],
            )
            found["spatial lag"] = pd.DataFrame(spatial_lag(today[:5], weights), columns=list(maps.regions))
    return found
