"""ONNX files say what the networks say, for any batch size, every network, head and fusion."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from at_once import skip_without_states

pytest.importorskip("onnxruntime")
from ecomlib.errors import DataError
from ecomlib.models import NETWORKS, NetworkSettings
from ecomlib.serving.release.export import open_session, parity, quantise
from ecomlib.training import make_network
from ecomlib.training.export import export_onnx
from ecomlib.windowing import WindowSettings
from ecomlib.windows import WindowSet


@pytest.fixture(scope="module")
def windows() -> WindowSet:
    rng = np.random.default_rng(0)
    weeks = pd.date_range("2021-01-04", periods=60, freq="W-MON")
    parts = [
        # Every third product is young: its windows are padded.
        pd.DataFrame({"unique_id": f"p{k:02d}", "ds": weeks, "y": rng.poisson(5 + k, 60).astype(float), "price": 1.0})[
            40 * (k % 3 == 0) :
        ]
        for k in range(12)
    ]
    settings = WindowSettings(look_back=16, horizon=4, past=("y", "price"), future=("price",))
    text = {f"p{k:02d}": rng.normal(size=8).astype(np.float32) for k in range(12)}
    return WindowSet.from_panel(pd.concat(parts, ignore_index=True), settings, text)


@pytest.mark.parametrize("kind", sorted(NETWORKS))
@pytest.mark.parametrize("fusion", ["concat", "gate", "cross_attention"])
def test_every_network_says_the_same(kind: str, fusion: str, windows: WindowSet, tmp_path: Path) -> None:
    skip_without_states(kind, fusion)
    model = make_network(kind, windows, hidden=16, head="quantile", fusion=fusion, dropout=0.1)
    session = open_session(export_onnx(model, tmp_path / "net.onnx"))
    assert parity(model, session, windows, size=100) < 1e-3
    one = windows.batch(torch.arange(5, 6))
    assert session.predict(one).shape == (1, 4, 5), "a batch of one, though two were traced"
    assert model.training, "the caller's network keeps its mode"
    assert list(tmp_path.iterdir()) == [tmp_path / "net.onnx"]


@pytest.mark.parametrize("head", ["squared", "poisson"])
def test_other_heads(head: str, windows: WindowSet, tmp_path: Path) -> None:
    from dataclasses import replace

    scaled = replace(windows, settings=replace(windows.settings, scale="mean_abs"))
    model = make_network("lstm", scaled, hidden=8, head=head)
    assert parity(model, open_session(export_onnx(model, tmp_path / "n.onnx")), scaled) < 1e-3


def test_eight_bits_are_smaller_and_not_the_same(windows: WindowSet, tmp_path: Path) -> None:
    model = make_network("lstm", windows, hidden=64)
    whole = export_onnx(model, tmp_path / "net.onnx")
    small = quantise(whole, tmp_path / "int8.onnx")
    assert small.stat().st_size < 0.5 * whole.stat().st_size
    assert 0 < parity(model, open_session(small), windows) < 5


def test_a_broken_file_is_refused(windows: WindowSet, tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"not a network")
    with pytest.raises(DataError, match="no network that can be run"):
        open_session(tmp_path / "net.onnx")
    with pytest.raises(DataError, match="two windows"):
        export_onnx(make_network("gru", windows), tmp_path / "none.onnx", windows.batch(torch.arange(1)))
    unmade = NETWORKS["gru"](NetworkSettings(past=1, horizon=2))
    with pytest.raises(DataError, match="not known how long"):
        export_onnx(unmade, tmp_path / "none.onnx")
    assert not (tmp_path / "none.onnx").exists()
