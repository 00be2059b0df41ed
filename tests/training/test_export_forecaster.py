"""A fitted network leaves as ONNX files with a card that is enough to feed them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("onnxruntime")
import onnxruntime

from ecomlib.contract import FittedForecaster
from ecomlib.errors import DataError
from ecomlib.forecasting.export import export
from ecomlib.forecasting.registry import forecaster
from ecomlib.forecasting.storage import load, save
from ecomlib.models import HEADS, NETWORKS
from ecomlib.training import TrainSettings
from ecomlib.windowing import WindowSettings
from ecomlib.windows import WindowSet


def make_panel() -> pd.DataFrame:
    weeks, rng = pd.date_range("2023-01-02", periods=40, freq="W-MON"), np.random.default_rng(0)
    parts = [
        pd.DataFrame({"unique_id": f"p{k}", "ds": weeks[6 * k :], "y": rng.poisson(6.0 + k, 40 - 6 * k).astype(float)})
        for k in range(4)
    ]
    panel = pd.concat(parts, ignore_index=True)
    return panel.assign(colour=np.where(panel["unique_id"] > "p1", "red", "blue"))


def fitted_on(panel: pd.DataFrame, net: str = "gru") -> FittedForecaster:
    return forecaster(net, static="colour", hidden=8, epochs=1, seeds=(0, 3), device="cpu").fit(panel, 3)


@pytest.mark.parametrize("net", sorted(NETWORKS))
def test_the_files_say_what_the_forecaster_says(net: str, tmp_path: Path) -> None:
    """Fed from the card alone, and from the panel; also after a file, when there is no panel."""
    panel = make_panel()
    fitted = fitted_on(panel, net)
    kept = load(save(fitted, tmp_path / "kept"))
    folder = export(kept, tmp_path / "out")
    card = json.loads((folder / "onnx.json").read_text(encoding="utf-8"))
    assert sorted(f.name for f in folder.iterdir()) == ["onnx.json", "seed0.onnx", "seed3.onnx"]
    assert card["horizon"] == 3 and card["point"] == "median" and card["frequency"] == "W-MON"
    assert card["inputs"]["x"] == ["windows", 26, 1] and card["levels"] == {"colour": ["blue", "red"]}
    shape = WindowSettings(**{k: tuple(v) if isinstance(v, list) else v for k, v in card["window"].items()})
    table = fitted.forecaster._panel(panel, fitted.forecast()[["unique_id", "ds"]], None)
    now = WindowSet.from_panel(table, shape, levels=card["levels"]).at(panel["ds"].max())
    batch = next(now.batches(100))
    units = []
    for file in card["files"]:
        session = onnxruntime.InferenceSession(str(folder / file), providers=["CPUExecutionProvider"])
        feed = {read.name: getattr(batch, read.name).numpy() for read in session.get_inputs()}
        assert set(feed) <= set(card["inputs"])
        said = session.run(None, feed)[0]
        units.append(np.expm1(said + batch.scale.numpy()[:, :, None]).clip(min=0))
    mean = np.mean(units, axis=0).reshape(-1, len(card["columns"]))
    expected = fitted.forecast()
    for k, column in enumerate(card["columns"]):
        np.testing.assert_allclose(mean[:, k], expected[column.replace("forecast", net)], atol=1e-3)


@pytest.mark.parametrize("head", HEADS)
def test_the_card_lists_the_inputs_of_the_file(head: str, tmp_path: Path) -> None:
    panel = make_panel()
    panel = panel.assign(y=(panel["y"] > 6).astype(float)) if head == "yes_no" else panel
    model = forecaster("gru", head=head, scale="none", hidden=8, epochs=1, look_back=8, device="cpu")
    assert_card_and_file_agree(export(model.fit(panel, 3), tmp_path / "series"))


@pytest.mark.parametrize("head", [head for head in HEADS if head != "yes_no"])
def test_the_card_of_maps_lists_the_inputs_of_the_file(head: str, tmp_path: Path) -> None:
    days, rng = pd.date_range("2023-01-02", periods=60), np.random.default_rng(0)
    parts = [
        pd.DataFrame({"unique_id": name, "ds": days, "y": rng.poisson(6.0, 60) + 0.0}) for name in ("east", "west")
    ]
    train = TrainSettings(epochs=1, device="cpu")
    model = forecaster("maps", head=head, level=28, hidden=4, train=train)
    assert_card_and_file_agree(export(model.fit(pd.concat(parts, ignore_index=True), 3), tmp_path / "maps"))


def assert_card_and_file_agree(folder: Path) -> None:
    card = json.loads((folder / "onnx.json").read_text(encoding="utf-8"))
    session = onnxruntime.InferenceSession(str(folder / card["files"][0]), providers=["CPUExecutionProvider"])
    assert {read.name: read.shape[1:] for read in session.get_inputs()} == {
        name: shape[1:] for name, shape in card["inputs"].items()
    }


def test_an_older_export_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    fitted = fitted_on(make_panel())
    export(fitted, tmp_path / "out")
    (tmp_path / "out" / "seed9.onnx").write_bytes(b"left over")
    export(fitted, tmp_path / "out")
    assert not (tmp_path / "out" / "seed9.onnx").exists()
    (tmp_path / "mine").mkdir()
    with pytest.raises(DataError, match="holds no export"):
        export(fitted, tmp_path / "mine")


def test_what_is_no_network_is_told_so(tmp_path: Path) -> None:
    panel = make_panel()
    with pytest.raises(DataError, match=r"'window_mean' holds no network.*ecomlib\.save keeps every kind"):
        export(forecaster("window_mean").fit(panel, 3), tmp_path / "out")
    with pytest.raises(DataError, match="only a fitted forecaster"):
        export(forecaster("gru"), tmp_path / "out")
    assert not (tmp_path / "out").exists()
