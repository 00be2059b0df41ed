"""Days of regions: levels, spatial measures, regressions on neighbours, and the two networks that read a map."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from record import sample
from shops import store

from ecomlib.spatial import (
    Levels,
    MapWindows,
    RegionDays,
    RegionRidge,
    day_split,
    morans_i,
    permutation_test,
    spatial_lag,
)
from ecomlib.spatial.networks import MAP_TRAINING, make_map_network
from ecomlib.training import fit, predict

HORIZON = 3


def table(values: np.ndarray, windows: MapWindows, maps: RegionDays) -> pd.DataFrame:
    """Forecasts (n, H, R, K) as rows of the record, keyed by day, step and series."""
    ids, origin = maps.ids(), windows.origin.tolist()
    n, steps, regions, kinds = values.shape
    keys = [
        f"{maps.days[origin[k]]:%Y-%m-%d} +{h + 1} {ids[r, c]}"
        for k in range(n)
        for h in range(steps)
        for r in range(regions)
        for c in range(kinds)
    ]
    return sample(pd.DataFrame({"key": keys, "units": values.ravel()}), "key")


def network(kind: str, maps: RegionDays, windows: tuple[MapWindows, ...], seed: int, **settings: int) -> pd.DataFrame:
    """Forecasts of a network that was trained for two epochs."""
    train, stop, test = windows
    net = make_map_network(kind, maps, HORIZON, hidden=4, seed=seed, **settings)
    fit(net, train, stop, replace(MAP_TRAINING, epochs=2, seed=seed, device="cpu"))
    return table(test.array(predict(net, test, device="cpu")["forecast"]), test, maps)


def part(seed: int) -> dict[str, pd.DataFrame]:
    """Forecasts of every model of maps, of regions alone and of regions by category."""
    found: dict[str, pd.DataFrame] = {}
    for label, by in (("regions", "region_id"), ("regions by category", ("region_id", "category"))):
        maps = RegionDays.from_store(store(seed), by)
        origins = day_split(len(maps.days), 56, HORIZON, 2)
        levels = Levels.fit(maps, int(origins[0][-1]) + HORIZON)
        train, stop, test = (levels.windows(maps, part, horizon=HORIZON) for part in origins)
        found[f"level: {label}"] = table(test.base.numpy(), test, maps)
        found[f"log units over level: {label}"] = table(test.z.numpy()[:, :, :, : len(maps.kinds)], test, maps)
        for reads in ("own", "neighbours", "all"):
            found[f"ridge, {reads}: {label}"] = table(RegionRidge(reads).fit(train, maps).predict(test), test, maps)
        pooled = RegionRidge("neighbours", lags=3, alpha=10.0, pooled=True).fit(train, maps)
        found[f"ridge, pooled: {label}"] = table(pooled.predict(test), test, maps)
        windows = train, stop, test
        for name, kind in (("convolutional GRU", "conv_gru"), ("attention", "attention")):
            found[f"{name}: {label}"] = network(kind, maps, windows, seed)
        if label == "regions":
            alone = network("conv_gru", maps, windows, 0, kernel=1, position=False)
            found["convolutional GRU, kernel 1: regions"] = alone
            wrong = maps.permuted(np.random.default_rng(seed))
            other = RegionRidge("neighbours").fit(train, wrong).predict(test)
            found["ridge, neighbours, wrong map: regions"] = table(other, test, maps)
            today, weights = np.log1p(maps.units[-40:, :, 0]), maps.weights()
            real, shuffled, p = permutation_test(today, weights, np.random.default_rng(seed), 49)
            found["Moran's I"] = pd.DataFrame(
                {"value": [real, float(shuffled.mean()), float(shuffled.max()), p, *morans_i(today[:5], weights)]},
                index=["mean", "mean of wrong maps", "largest of wrong maps", "p", *(f"day {k}" for k in range(5))],
            )
            found["spatial lag"] = pd.DataFrame(spatial_lag(today[:5], weights), columns=list(maps.regions))
    return found
