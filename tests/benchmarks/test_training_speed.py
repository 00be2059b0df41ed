"""What the training benchmark makes of its measurements, and that it adds up the work as the lesson does by hand."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import torch

from ecomlib import recorded
from ecomlib.windows import WindowSet

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def speed() -> ModuleType:
    from benchmarks.speed import training

    return training


def test_work_is_the_sum_by_hand(speed: ModuleType) -> None:
    windows = WindowSet.from_panel(speed.invented(3, 60), speed.SHAPE)
    flops, moved = speed.work(windows, 512)
    t, c, d, h, dec = 28, 10, 64, 7, 64
    lstm = 2 * t * 4 * d * (c + d) * 2 + 2 * (t - 1) * 4 * d * d
    rows = dec * (d + 1 + 8) + dec  # the decoder's layer and the head's, weights without biases
    assert lstm <= flops <= lstm + 3 * h * 2 * rows
    assert moved > 2 * t * 6 * d * 4


def test_a_window_at_a_time_is_the_same_window(speed: ModuleType) -> None:
    from benchmarks.speed import training_arms

    windows = WindowSet.from_panel(speed.invented(2, 60), speed.SHAPE)
    slow, fast = training_arms.OneByOne(windows, 40), windows.batch(torch.arange(40))
    for k in (0, 5, 39):
        x, seen, target, scale = slow[k]
        np.testing.assert_allclose(x, fast.x[k].numpy(), rtol=1e-5)
        np.testing.assert_array_equal(seen, fast.seen[k].numpy())
        np.testing.assert_allclose(target, fast.target[k].numpy(), rtol=1e-5)
        np.testing.assert_allclose(scale, fast.scale[k].numpy(), rtol=1e-5)


def test_repeats_become_a_median_and_its_range(speed: ModuleType) -> None:
    found = pd.DataFrame(
        [
            {"arm": "fit", "precision": "fp32", "rate": rate, "share": share}
            for rate, share in ((10.0, 0.9), (30.0, 1.0), (20.0, 0.8))
        ]
        + [{"arm": "peer", "precision": "fp32", "note": "not measured: it is not here"}]
        + [{"arm": "floor: bytes", "precision": "fp32", "rate": 5.0}]
    )
    table = speed.summary(found, {"floor: bytes": 100.0}).set_index("arm")
    assert table.loc["fit", ["rate", "rate_low", "rate_high"]].tolist() == [20, 10, 30]
    assert table.loc["fit", ["share", "share_low", "share_high"]].tolist() == [0.9, 0.8, 1.0]
    assert table.loc["peer", "note"].endswith("not here") and np.isnan(table.loc["peer", "rate"])
    assert table.loc["floor: bytes", "speed"] == 500 and table["repeats"].tolist() == [3, 0, 1]


def test_rows_of_other_devices_stay(speed: ModuleType, tmp_path: Path) -> None:
    rows = pd.DataFrame({"device": ["CPU", "NVIDIA T4"], "rate": [1.0, 2.0], "date": ["2026-01-01", "2026-01-02"]})
    recorded.write(
        speed.NAME, rows, script=speed.__file__, command="x", protocol="x", seconds=1, directory=tmp_path, smoke=True
    )
    new = pd.DataFrame({"device": ["CPU"], "rate": [3.0], "date": ["2026-02-01"]})
    table = speed.joined(new, tmp_path).set_index("device")
    assert table["rate"].to_dict() == {"CPU": 3.0, "NVIDIA T4": 2.0}
    assert table.loc["NVIDIA T4", "date"] == "2026-01-02"
    assert speed.joined(new, tmp_path / "nothing").equals(new)


def test_colab_is_asked_for_a_gpu() -> None:
    notebook = json.loads((ROOT / "notebooks" / "04b_training_on_a_gpu.ipynb").read_text(encoding="utf-8"))
    assert notebook["metadata"]["accelerator"] == "GPU"
    assert notebook["metadata"]["colab"]["gpuType"] == "T4"
