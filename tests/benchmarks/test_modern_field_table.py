"""The table of the modern field: errors of several trainings, the smallest difference, and what was chosen."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import torch

from ecomlib.contract import REGISTERED
from ecomlib.evaluation import wape
from ecomlib.models import Network, NetworkSettings, network_class


@pytest.fixture(autouse=True)
def field() -> Iterator[ModuleType]:
    """The script, whose two networks of its own are registered while a test runs and not for all that come after it."""
    before = dict(REGISTERED)
    script = import_module("benchmarks.simulated.modern_field")
    classes = [kind for kind in vars(script).values() if isinstance(kind, type) and issubclass(kind, Network)]
    own = {kind.kind: kind for kind in classes if kind.__module__.startswith("benchmarks.")}
    REGISTERED.update(own)
    yield script
    REGISTERED.clear()
    REGISTERED.update(before)


def test_the_error_of_a_network_is_the_mean_of_its_trainings(field: ModuleType) -> None:
    frame = pd.DataFrame({"unique_id": ["a", "b"], "ds": "2024-01-08", "cutoff": "2024-01-01", "y": [4.0, 6.0]})
    frame = frame.assign(**{"net|0": [3.0, 6.0], "net|1": [5.0, 9.0]})  # their mean would be wrong by 1.5, not by 2.5
    found = field.with_mean_errors(frame, ["net"], (0, 1))
    each = [wape(found, name)[name].mean() for name in ("net|0", "net|1")]
    assert wape(found, "net")["net"].mean() == pytest.approx(np.mean(each)) == pytest.approx(2.5 / 10)


def test_the_smallest_difference_counts_redrawing_and_trainings(field: ModuleType) -> None:
    assert field.smallest(-0.0196, 0.0196, np.zeros(3)) == pytest.approx(0.028)  # one standard error is 1 %
    trainings = np.array([-0.01, 0.0, 0.01])  # standard deviation 1 %, of their mean 0.01 / sqrt(3)
    expected = 2.8 * np.sqrt(0.01**2 + 0.01**2 / 3)
    assert field.smallest(-0.0196, 0.0196, trainings) == pytest.approx(expected)


def test_the_best_candidate_over_the_tuning_stores_is_chosen(field: ModuleType, tmp_path: Path) -> None:
    rows = [
        {"network": name, "candidate": number, "store": store, "wape": 0.4 - 0.1 * (number == 3) + 0.3 * (store == 2)}
        for name in field.OPTIONS
        for number in range(6)
        for store in (1, 2)
    ]
    rows.append({"network": "gru", "candidate": 1, "store": 1, "wape": -0.5})
    pd.DataFrame(rows).to_csv(tmp_path / "log.csv", index=False)
    best = field.chosen(tmp_path / "log.csv")
    assert best["patch"] == {"lr": 3e-3, "patch": 6, "stride": 5} and best["gru"] == {"lr": 8e-3}
    with pytest.raises(SystemExit, match="--tuning first"):
        field.chosen(tmp_path / "none.csv")


def test_every_candidate_can_be_made(field: ModuleType) -> None:
    for name in field.OPTIONS:
        kind = network_class(name)
        for how in field.candidates(name):
            own = {key: value for key, value in how.items() if key != "lr"}
            assert kind(kind.Settings(past=4, horizon=4, look_back=26, hidden=24, **own)).count() > 0


def test_the_orthogonal_start_is_orthogonal_and_the_rest_as_it_was(field: ModuleType) -> None:
    settings = NetworkSettings(past=2, horizon=2, hidden=8, layers=2)
    plain, other = (network_class(name)(settings).encoder for name in ("rnn", "rnn_orthogonal"))
    for name, weight in other.named_parameters():
        if name.startswith("weight_hh"):
            torch.testing.assert_close(weight @ weight.T, torch.eye(8), atol=1e-5, rtol=0)
            assert torch.linalg.eigvals(plain.get_parameter(name)).abs().max() < 0.95  # torch's own start forgets
        else:
            assert torch.equal(weight, plain.get_parameter(name))
