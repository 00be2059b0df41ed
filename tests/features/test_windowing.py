"""One cut: arrays and tensors give the same windows, and numpy alone suffices for the former."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ecomlib.errors import DataError
from ecomlib.windowing import Cut, WindowSettings, gather, tree_table

SCALES = ("none", "mean_abs", "log1p_mean", "log1p_shift")


def flat(seed: int = 0) -> SimpleNamespace:
    """Five series of 1 to 40 rows as flat tables; some units are not known."""
    rng = np.random.default_rng(seed)
    length = np.array([40, 1, 7, 13, 26])
    stop = np.cumsum(length)
    rows = int(stop[-1])
    known = rng.random(rows) < 0.8
    units = (rng.poisson(4, rows) * known).astype(np.float32)
    past = np.stack([units, rng.normal(size=rows).astype(np.float32)], axis=1)
    return SimpleNamespace(
        begin=stop - length,
        stop=stop,
        known=known,
        units=units,
        past=past,
        future=rng.normal(size=(rows, 2)).astype(np.float32),
        static=np.eye(5, dtype=np.float32),
    )


def as_tensors(tables: SimpleNamespace) -> SimpleNamespace:
    return SimpleNamespace(**{name: torch.from_numpy(value) for name, value in vars(tables).items()})


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("look_back", [1, 8, 60])
def test_arrays_and_tensors_are_cut_alike(scale: str, look_back: int) -> None:
    """Every origin of every series, also those before its first row and those whose horizon leaves it."""
    s = WindowSettings(look_back, 3, ("y", "price"), ("price", "last_year"), also_known=("price",), scale=scale)  # type: ignore[arg-type]
    tables = flat()
    series = np.repeat(np.arange(5), tables.stop - tables.begin + 1)
    first = np.concatenate([np.arange(b, e + 1) for b, e in zip(tables.begin, tables.stop, strict=True)])
    ours = gather(s, tables, first, series)
    theirs = gather(s, as_tensors(tables), torch.from_numpy(first), torch.from_numpy(series))
    for part in fields(Cut):
        array, tensor = getattr(ours, part.name), getattr(theirs, part.name)
        assert isinstance(array, np.ndarray) and isinstance(tensor, torch.Tensor)
        assert array.dtype == tensor.numpy().dtype and array.dtype in (np.float32, bool), part.name
        np.testing.assert_allclose(array, tensor.numpy(), rtol=0, atol=2e-6, err_msg=part.name)
    assert ours.x.shape == (len(first), look_back, 2) and ours.f.shape == (len(first), 3, 2)
    np.testing.assert_allclose(s.units(ours.target, ours.scale) * ours.mask, ours.y, rtol=1e-5, atol=1e-5)


def test_windows_are_cut_where_the_tables_lie() -> None:
    """On torch's device without memory any step that left it would raise."""
    s = WindowSettings(8, 3, ("y", "price"), ("price", "last_year"), also_known=("price",))
    there = SimpleNamespace(**{name: value.to("meta") for name, value in vars(as_tensors(flat())).items()})
    rows = torch.arange(4, device="meta")
    cut = gather(s, there, rows, rows)
    assert {getattr(cut, part.name).device.type for part in fields(Cut)} == {"meta"}


def test_gradients_pass_through_the_scale() -> None:
    """Attacks differentiate a window by the units in it."""
    s = WindowSettings(4, 1)
    units = torch.tensor([[1.0, 2.0, 3.0, 0.0]], requires_grad=True)
    scale = s.scale_of(units, torch.ones((1, 4), dtype=torch.bool))
    s.units(s.scaled(units, scale), scale).sum().backward()
    assert units.grad is not None and torch.allclose(units.grad, torch.ones(1, 4), atol=1e-5)


def test_trees_split_on_no_rounding() -> None:
    """Under the default scale the mean of all known periods is zero, to the last bit."""
    s, tables = WindowSettings(8, 2), flat()
    series = np.zeros(20, dtype=np.int64)
    cut = gather(s, tables, np.arange(12, 32), series)
    assert (tree_table(s, cut)["y mean 8"] == 0).all() and (tree_table(s, cut)["y -1"] != 0).any()
    with pytest.raises(DataError, match="no past units"):
        tree_table(WindowSettings(8, 2, past=("price",)), cut)


def test_windowing_does_not_load_torch() -> None:
    code = "import sys, ecomlib.windowing, ecomlib.serving.release.inputs as i; print('torch' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"
