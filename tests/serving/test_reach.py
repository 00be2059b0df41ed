"""Intervals by size of the forecast: the classes by hand, the promise in each, and versions of older releases."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("sqlalchemy")

from ecomlib.serving.release.bundle import read
from ecomlib.serving.release.inputs import interval
from ecomlib.serving.release.reach import LEAST, Reach, reaches
from ecomlib.serving.release.train import ReleaseSettings, train
from ecomlib.stores import Store


def test_one_class_where_the_rows_are_few() -> None:
    """Nine rows are enough for nine tenths, and for one class; eight are not."""
    table = reaches(np.arange(9.0), np.zeros(9), 0.9)
    assert table[["at_least", "rows", "reason"]].values.tolist() == [[0.0, 9, ""]]
    assert table["reach"].item() == pytest.approx(8 / np.sqrt(0.5))
    none = reaches(np.arange(8.0), np.zeros(8), 0.9)
    assert none["reach"].item() == np.inf and none["reason"].item() == "8 calibration rows, 9 needed"
    assert reaches(np.zeros(0), np.zeros(0), 0.9)["reason"].item() == "0 calibration rows, 9 needed"


def test_classes_have_rows_enough_for_what_is_promised() -> None:
    """Half and a tenth of two thousand rows: 99.9 % needs 999 of them, so no class stands for itself."""
    said = np.arange(2000.0)
    assert (reaches(said, said, 0.9)["rows"] >= LEAST).all() and len(reaches(said, said, 0.9)) > 2
    rare = reaches(said, said, 0.999)
    assert rare["rows"].tolist() == [1000, 1000] and np.isfinite(rare["reach"]).all()


def test_equal_forecasts_lie_in_one_class() -> None:
    assert reaches(np.ones(3000), np.full(3000, 2.5), 0.9)["at_least"].tolist() == [0.0]
    most_at_zero = np.r_[np.zeros(2700), np.full(300, 4.0)]
    assert reaches(most_at_zero, most_at_zero, 0.9)[["at_least", "rows"]].values.tolist() == [[0.0, 2700], [4.0, 300]]


def test_the_promise_holds_for_large_and_small_alike() -> None:
    """Nine in ten sell next to nothing, and the others are noisier than Poisson: each part holds nine tenths."""
    rng = np.random.default_rng(5)
    said = np.where(rng.random(20_000) < 0.1, rng.uniform(20, 60, 20_000), 0.1)
    came = rng.poisson(said * rng.gamma(8, 1 / 8, 20_000))
    table, large = reaches(came[::2], said[::2], 0.9), said[1::2] > 1

    def held(known: Reach) -> float:
        low, high = interval(said[1::2], known.at(said[1::2]))
        return float(((came[1::2] >= low) & (came[1::2] <= high))[large].mean())

    assert held(Reach.of(table)) == pytest.approx(0.9, abs=0.03)
    pooled = reaches(came[::2], said[::2], 0.9).assign(at_least=0.0)[:1]  # the reach of the small ones for all
    assert held(Reach.of(pooled)) < 0.6, "what one reach for all does to those that matter"


def test_an_older_release_has_one_reach_whatever_the_forecast() -> None:
    old = Reach.of(pd.DataFrame({"region_id": ["a"], "reach": [1.5]}))
    assert old.at([0.0, 3.0, 900.0]).tolist() == [1.5, 1.5, 1.5]
    assert Reach.of(pd.DataFrame({"region_id": ["a"], "reach": [np.nan]})).at(2.0) == np.inf


def test_a_shop_without_regions_has_its_sum_twice_and_each_in_order(tmp_path: Path) -> None:
    """Two hundred products of two sizes, no table of regions: `all` is its one region and the sum."""
    days = pd.date_range("2024-01-01", periods=7 * 30, freq="D")
    names = [f"p{k}" for k in range(200)]
    rng = np.random.default_rng(1)
    units = rng.poisson(np.where(np.arange(200) < 100, 0.2, 6.0), (30, 200))
    week, product = np.nonzero(units)
    lines = pd.DataFrame({"order_id": [f"o{k}" for k in range(len(week))], "product_id": np.array(names)[product]})
    lines = lines.assign(ordered_at=days[7 * week + product % 7], quantity=units[week, product], unit_price=2.0)
    store = Store("one place", pd.DataFrame({"product_id": names, "title": names}), lines)
    made = train(store, tmp_path, ReleaseSettings(hold_out=0, model="window_mean", effects=False, text=False))
    bundle = read(made.version)
    assert set(bundle.reach["region_id"]) == {"all"} and len(bundle.regions) == 1
    assert bundle.width([0.2, 6.0], 0).tolist() == bundle.width([0.2, 6.0]).tolist()
    assert len(set(bundle.width([0.2, 6.0]))) == 2 and bundle.unknown(0) == bundle.unknown(-1) == ""
