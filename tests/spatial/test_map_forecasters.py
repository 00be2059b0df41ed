"""Models of regions behind the contract: fitted on a daily panel, they forecast a frame, are saved and back-tested."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ecomlib import load_store
from ecomlib.contract import rolling_origins
from ecomlib.errors import DataError, LeakageError
from ecomlib.forecasting import backtest, forecaster, load, save
from ecomlib.forecasting.export import export
from ecomlib.panel import make_panel
from ecomlib.spatial import Levels, RegionDays, RegionRidge
from ecomlib.spatial.forecaster import Maps, RegionRidgeForecaster
from ecomlib.spatial.networks import MAP_TRAINING, make_map_network
from ecomlib.training import fit, predict

SHOP = load_store("tiny").observed()
PANEL = make_panel(SHOP, freq="D", by="region_id")[["unique_id", "ds", "y"]]
QUICK = replace(MAP_TRAINING, epochs=2, valid_periods=21, device="cpu")
SMALL: dict[str, Any] = {"level": 28, "train": QUICK}
MODELS = {
    "map": lambda: forecaster("maps", regions=SHOP.regions, **SMALL),
    "attention": lambda: forecaster("maps", **SMALL),
    "quantiles": lambda: forecaster(
        "maps", regions=SHOP.regions, head="quantile", quantiles=(0.1, 0.5, 0.9), hidden=4, **SMALL
    ),
    "VAR": lambda: forecaster("region_ridge", level=28),
    "neighbours": lambda: forecaster("region_ridge", regions=SHOP.regions, reads="neighbours", pooled=True, level=28),
}


@pytest.mark.parametrize("name", list(MODELS))
def test_a_saved_forecaster_of_regions_forecasts_as_before(name: str, tmp_path: Path) -> None:
    model = MODELS[name]()
    fitted = model.fit(PANEL, horizon=3)
    frame = fitted.forecast()
    assert len(frame) == 3 * PANEL["unique_id"].nunique() and (frame[model.name] > 0).all()
    assert frame.attrs["point"] == {model.name: "median" if name == "quantiles" else "mean"}
    loaded = load(save(fitted, tmp_path / "kept"))
    pd.testing.assert_frame_equal(loaded.forecast(PANEL), frame)
    assert loaded.forecaster == model
    if name == "quantiles":
        ladder = frame[[f"maps-q{share}" for share in (0.1, 0.5, 0.9)]].to_numpy()
        assert (np.diff(ladder, axis=1) > 0).all()
        np.testing.assert_array_equal(ladder[:, 1], frame["maps"])


def test_a_forecaster_says_what_its_network_says() -> None:
    """The same steps by hand: maps, levels, windows, network."""
    origin, last = PANEL["ds"].max(), PANEL["ds"].nunique() - 1
    maps = RegionDays.from_panel(PANEL, SHOP.regions)
    levels = Levels.fit(maps, last - 21, 28)
    train = levels.windows(maps, range(27, last - 21 - 3 + 1))
    stop = levels.windows(maps, range(last - 21, last - 3 + 1))
    network = make_map_network("conv_gru", maps, 3)
    fit(network, train, stop, QUICK)
    by_hand = predict(network, levels.windows(maps, [last]), device="cpu")
    said = MODELS["map"]().fit(PANEL, 3).forecast()
    assert (said["unique_id"] == by_hand["unique_id"]).all() and (said["cutoff"] == origin).all()
    np.testing.assert_allclose(said["maps"], by_hand["forecast"], rtol=1e-6)


def test_a_ridge_forecaster_says_what_the_regression_says() -> None:
    maps = RegionDays.from_panel(PANEL)
    last = len(maps.days) - 1
    levels = Levels.fit(maps, last, 28)
    train = levels.windows(maps, range(27, last - 3 + 1), 3)
    by_hand = RegionRidge("all", 3, 3.0).fit(train, maps).predict(levels.windows(maps, [last], 3))
    said = MODELS["VAR"]().fit(PANEL, 3).forecast()["region_ridge"]
    np.testing.assert_allclose(said, by_hand[0, :, :, 0].T.ravel(), rtol=1e-9)


def test_regions_by_category_keep_their_rows() -> None:
    panel = make_panel(SHOP, freq="D", by=("region_id", "category"))[["unique_id", "ds", "y"]]
    frame = RegionRidgeForecaster(level=28).fit(panel, 2).forecast()
    assert frame["unique_id"].unique().tolist() == sorted(panel["unique_id"].unique())
    level = panel[panel["ds"] > panel["ds"].max() - pd.Timedelta(days=28)].groupby("unique_id")["y"].mean()
    said = frame.groupby("unique_id")["region_ridge"].mean()
    assert np.corrcoef(said, level.reindex(said.index))[0, 1] > 0.8


@pytest.mark.parametrize("name", ["map", "VAR"])
def test_what_comes_after_the_origin_cannot_be_seen(name: str) -> None:
    origin = rolling_origins(PANEL, 3, 1)[0]
    fitted = MODELS[name]().fit(PANEL, 3, until=origin)
    other = PANEL.assign(y=np.where(PANEL["ds"] > origin, 99.0, PANEL["y"]))
    pd.testing.assert_frame_equal(fitted.forecast(other, at=origin), fitted.forecast(PANEL, at=origin))
    changed = MODELS[name]().fit(other, 3, until=origin)
    pd.testing.assert_frame_equal(changed.forecast(other, at=origin), fitted.forecast(PANEL, at=origin))
    with pytest.raises(LeakageError):
        fitted.forecast(PANEL, at=origin - pd.Timedelta(days=1))


def test_regions_are_backtested_beside_any_rival() -> None:
    models = {"VAR": MODELS["VAR"](), "map": MODELS["map"](), "last": forecaster("window_mean", window=7)}
    scored = backtest(PANEL, models, horizon=3, origins=2)
    assert scored[list(models)].notna().all(axis=None) and scored["cutoff"].nunique() == 2
    assert scored.attrs["point"] == {"VAR": "mean", "map": "mean", "last": "mean"}


def test_a_region_that_was_not_there_is_named() -> None:
    fitted = MODELS["VAR"]().fit(PANEL, 3)
    newcomer = PANEL[PANEL["unique_id"] == "R05"].assign(unique_id="R99")
    with pytest.raises(DataError, match=r"was not there.*R99"):
        fitted.forecast(pd.concat([PANEL, newcomer]))
    with pytest.raises(DataError, match=r"is missing.*R05"):
        fitted.forecast(PANEL[PANEL["unique_id"] != "R05"])


def test_settings_and_panels_that_cannot_work_say_why() -> None:
    with pytest.raises(DataError, match="places on a grid"):
        Maps(network="conv_gru", **SMALL).fit(PANEL, 3)
    with pytest.raises(DataError, match="too few"):
        Maps(level=300).fit(PANEL, 3)
    with pytest.raises(DataError, match="is not among the quantiles"):
        Maps(head="quantile", quantiles=(0.1, 0.9))
    with pytest.raises(DataError, match="column 'column': this column is missing"):
        Maps(SHOP.regions.drop(columns="column"))
    assert Maps(head="absolute").point == "median" and Maps().kind == "attention"
    assert Maps(SHOP.regions).kind == "conv_gru"


def test_an_exported_map_forecaster_says_in_its_card_what_it_reads(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    folder = export(MODELS["map"]().fit(PANEL, 3), tmp_path / "out")
    card = json.loads((folder / "onnx.json").read_text(encoding="utf-8"))
    assert card["files"] == ["seed0.onnx"] and card["scale"] == "level" and card["level"] == 28
    assert card["inputs"] == {"z": ["windows", 10, 9, 1], "scale": ["windows", 3, 9, 1]}
    assert [row[0] for row in card["unique_ids"]] == sorted(PANEL["unique_id"].unique())
