"""What AdamW draws towards zero: all weights, or matrices only."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from ecomlib.errors import DataError
from ecomlib.models import GRUNetwork
from ecomlib.models.base import NetworkSettings
from ecomlib.training import TrainSettings, fit, loop, make_network, predict
from ecomlib.training.step import decay_groups
from ecomlib.windowing import WindowSettings
from ecomlib.windows import Batch, WindowSet


@pytest.fixture(scope="module")
def windows() -> WindowSet:
    weeks = pd.date_range("2024-01-01", periods=24, freq="W-MON")
    rng = np.random.default_rng(0)
    rows = [pd.DataFrame({"unique_id": f"p{k}", "ds": weeks, "y": rng.poisson(5.0, 24) * 1.0}) for k in range(4)]
    return WindowSet.from_panel(pd.concat(rows), WindowSettings(look_back=6, horizon=2))


class Idle(GRUNetwork):
    """A network with a vector and a matrix that change nothing: only decay moves them."""

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__(settings)
        self.vector, self.matrix = nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(2, 2))

    def forward(self, batch: Batch) -> torch.Tensor:
        return super().forward(batch) + 0 * (self.vector.sum() + self.matrix.sum())


@pytest.mark.parametrize(("decay", "vector"), [("all", 0.99**4), ("matrices", 1.0)])
def test_decay_draws_what_it_is_told_to(decay: str, vector: float, windows: WindowSet) -> None:
    model = Idle(make_network("gru", windows, hidden=4).settings)
    how = TrainSettings(2, -(-len(windows) // 2), lr=0.1, weight_decay=0.1, decay=decay, schedule="constant")
    fit(model, windows, None, how)  # four steps, each by lr · weight_decay = 0.01
    assert model.matrix.flatten().tolist() == pytest.approx([0.99**4] * 4)
    assert model.vector.tolist() == pytest.approx([vector] * 3)


@pytest.mark.parametrize("name", ["gru", "transformer"])
def test_every_weight_is_in_one_group(name: str, windows: WindowSet) -> None:
    model = make_network(name, windows, hidden=8)
    drawn, free = decay_groups(model, TrainSettings(decay="matrices", weight_decay=0.3))
    assert (drawn["weight_decay"], free["weight_decay"]) == (0.3, 0.0)
    names = {id(weight): name for name, weight in model.named_parameters()}
    one, two = ({names[id(weight)] for weight in group["params"]} for group in (drawn, free))
    assert one | two == set(names.values()) and not one & two
    norms = {id(weight) for part in model.modules() if isinstance(part, nn.LayerNorm) for weight in part.parameters()}
    assert {found for found, weight in model.named_parameters() if id(weight) in norms} <= two
    assert {found for found in names.values() if "bias" in found} <= two
    assert "step.weight" in two and "head.linear.weight" in one, "an embedding and a matrix"
    (whole,) = decay_groups(model, TrainSettings(weight_decay=0.3))
    assert [id(weight) for weight in whole["params"]] == list(names)


def test_a_run_in_two_groups_goes_on_from_its_checkpoint(
    windows: WindowSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Moments are kept by the optimizer's numbers, which are not the network's where there are groups."""
    how = TrainSettings(4, 16, lr=0.02, weight_decay=0.1, decay="matrices", device="cpu")
    whole, stopped = (make_network("gru", windows, hidden=4) for _ in range(2))
    fit(whole, windows, None, how)
    written, write = [], loop.write_checkpoint

    def break_off(*given: object) -> None:
        write(*given)  # type: ignore[arg-type]
        written.append(1)
        if len(written) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(loop, "write_checkpoint", break_off)
    with pytest.raises(KeyboardInterrupt):
        fit(stopped, windows, None, how, checkpoint=tmp_path / "run")
    again = make_network("gru", windows, hidden=4)
    fit(again, windows, None, how, checkpoint=tmp_path / "run")
    assert len(written) == 4, "two epochs were kept, two were left to do"
    pd.testing.assert_frame_equal(predict(again, windows), predict(whole, windows), check_exact=True)


def test_an_unknown_decay_is_refused() -> None:
    with pytest.raises(DataError, match="unknown decay"):
        TrainSettings(decay="biases")
