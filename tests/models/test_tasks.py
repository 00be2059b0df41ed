"""Two heads on one trunk: what counts in the loss, what is not known, and that the one training loop trains it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from ecomlib.errors import DataError
from ecomlib.models.tasks import TaskNetwork, TaskRows, TaskSettings
from ecomlib.training import TrainSettings, fit, predict

TWO = ("buys", "returns")
QUICK = TrainSettings(epochs=30, batch_size=256, lr=1e-2, device="cpu")


def rows(n: int = 1500, steps: int = 0, seed: int = 0) -> TaskRows:
    """Buys by the sign of the first covariate, mostly; what is bought comes back by the second."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, steps, 3) if steps else (n, 3))
    seen = x.mean(axis=1) * np.sqrt(steps) if steps else x
    buys = (rng.random(n) < 1 / (1 + np.exp(-3 * seen[:, 0]))).astype(float)
    back = (rng.random(n) < 1 / (1 + np.exp(-3 * seen[:, 1]))).astype(float)
    return TaskRows.make(x, {"buys": buys, "returns": np.where(buys == 1, back, np.nan)})


def test_a_label_that_is_not_known_does_not_count() -> None:
    network = TaskNetwork(TaskSettings(3, TWO))
    all_rows = rows(40)
    batch = all_rows.batch(torch.arange(40))
    raw = network(batch)
    each = F.binary_cross_entropy_with_logits(raw, batch.y, reduction="none")
    assert network.weight(batch) == batch.known.sum() == 40 + int(batch.y[:, 0].sum())
    torch.testing.assert_close(network.loss_of(raw, batch), each[batch.known].mean())
    other = TaskRows(all_rows.x, torch.where(all_rows.known, all_rows.y, 1 - all_rows.y), all_rows.known, TWO)
    assert network.loss_of(raw, other.batch(torch.arange(40))) == network.loss_of(raw, batch)


def test_focal_loss_and_weights_by_hand() -> None:
    batch = rows(10).batch(torch.arange(10))
    raw, y = torch.zeros(10, 2), batch.y
    half = np.log(2)
    plain = TaskNetwork(TaskSettings(3, TWO)).loss_of(raw, batch)
    focal = TaskNetwork(TaskSettings(3, TWO, gamma=2.0)).loss_of(raw, batch)
    assert float(plain) == pytest.approx(half) and float(focal) == pytest.approx(half / 4)
    ones = float(y[batch.known].mean())
    weighed = TaskNetwork(TaskSettings(3, TWO, positive_weight=5.0)).loss_of(raw, batch)
    assert float(weighed) == pytest.approx(half * (1 + 4 * ones))
    alone = TaskNetwork(TaskSettings(3, TWO, task_weights=(1.0, 0.0)))
    assert alone.weight(batch) == 10


@pytest.mark.parametrize("encoder", ["mlp", "lstm"])
def test_the_training_loop_learns_both_tasks(encoder: str) -> None:
    from ecomlib.evaluation.ranking import auc

    steps = 4 if encoder == "lstm" else 0
    network = TaskNetwork(TaskSettings(3, TWO, encoder=encoder, hidden=16, layers=1))
    fit(network, rows(steps=steps), None, QUICK)
    new = rows(steps=steps, seed=1)
    said, y, known = network.chances(new), new.y.numpy(), new.known.numpy()
    assert said.shape == (1500, 2)
    for task in (0, 1):
        assert auc(y[known[:, task], task], said[known[:, task], task]) > 0.85
    frame = predict(network, new, device="cpu")
    assert frame["returns"].to_numpy() == pytest.approx(said[:, 1], abs=1e-6)


def test_equal_seeds_give_equal_weights_and_torchs_state_is_left_alone() -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    one, two = (TaskNetwork(TaskSettings(3, TWO, seed=1)) for _ in range(2))
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.equal(one.heads.weight, two.heads.weight)
    assert not torch.equal(one.heads.weight, TaskNetwork(TaskSettings(3, TWO, seed=2)).heads.weight)


def test_what_does_not_fit_is_told() -> None:
    with pytest.raises(DataError, match="lstm"):
        TaskSettings(3, TWO, encoder="gru")
    with pytest.raises(DataError, match="weight"):
        TaskSettings(3, TWO, task_weights=(1.0,))
    with pytest.raises(DataError, match="finite"):
        TaskRows.make(np.array([[np.nan]]), {"buys": [1]})
    with pytest.raises(DataError, match="0, 1, or NaN"):
        TaskRows.make(np.zeros((1, 1)), {"buys": [2]})
    with pytest.raises(DataError, match="made for each other"):
        fit(TaskNetwork(TaskSettings(4, TWO)), rows(20), None, QUICK)
    with pytest.raises(DataError, match="TaskRows"):
        TaskNetwork(TaskSettings(3, TWO)).check_windows(np.zeros(3))
