"""What lessons 04 and 04a derive by hand, against autograd and torch's own layers: gradients to 1e-8, cells to 1e-6."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from ecomlib.course import lessons  # noqa: E402
from ecomlib.course.exercises import find  # noqa: E402
from ecomlib.course.exercises.bptt import bptt  # noqa: E402
from ecomlib.course.exercises.lesson_04 import gru_cell, mse_gradient  # noqa: E402
from ecomlib.course.exercises.lesson_04a import buyer_score, causal_attention  # noqa: E402

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "04_sequence_models.ipynb"
Weights = dict[str, Any]
ByHand = Callable[[Any, Any, Weights], tuple[Any, Weights]]


@pytest.fixture(scope="module")
def written() -> dict[str, Any]:
    """The functions that the lesson's cells define, as they stand there."""
    cells = [c.source for c in lessons.read(NOTEBOOK).cells if c.cell_type == "code"]
    found: dict[str, Any] = {"torch": torch}
    exec(next(source for source in cells if "def rnn_by_hand(" in source), found)
    return found


def problem(rng: np.random.Generator, b: int = 5, t: int = 9, c: int = 3, d: int = 4) -> tuple[Any, Any, Weights]:
    def draw(*shape: int) -> Any:
        return torch.from_numpy(rng.normal(0, 0.6, shape))

    weights = {"w": draw(d, c), "u": draw(d, d), "b": draw(d), "v": draw(d)}
    return draw(b, t, c), draw(b), weights


@pytest.mark.parametrize("steps", [1, 2, 40])
def test_the_lessons_gradient_is_autograds(written: dict[str, Any], steps: int) -> None:
    by_hand: ByHand = written["rnn_by_hand"]
    for seed in range(3):
        x, y, weights = problem(np.random.default_rng(seed), t=steps)
        _, hand = by_hand(x, y, weights)
        leaves = {key: value.clone().requires_grad_() for key, value in weights.items()}
        by_hand(x, y, leaves)[0].backward()
        for key, value in leaves.items():
            assert (hand[key] - value.grad).abs().max() < 1e-8, (key, steps, seed)


def test_the_lessons_network_is_torchs(written: dict[str, Any]) -> None:
    x, y, weights = problem(np.random.default_rng(1))
    library = torch.nn.RNN(3, 4, batch_first=True).double()
    with torch.no_grad():
        library.weight_ih_l0.copy_(weights["w"])
        library.weight_hh_l0.copy_(weights["u"])
        library.bias_ih_l0.copy_(weights["b"])
        library.bias_hh_l0.zero_()
        forecast = library(x)[0][:, -1] @ weights["v"]
    loss, _ = written["rnn_by_hand"](x, y, weights)
    assert float(((forecast - y) ** 2).mean()) == pytest.approx(float(loss), abs=1e-12)


def test_the_gradient_of_a_mean_squared_error_is_autograds() -> None:
    rng = np.random.default_rng(0)
    x, y, w = rng.normal(size=(20, 3)), rng.normal(size=20), rng.normal(size=3)
    leaf = torch.tensor(w, requires_grad=True)
    ((torch.tensor(x) @ leaf - torch.tensor(y)) ** 2).mean().backward()
    assert np.abs(mse_gradient(x, y, w) - leaf.grad.numpy()).max() < 1e-8


def test_back_propagation_through_time_is_autograds() -> None:
    for case in find("04.bptt").make_cases():
        x, w, u = case
        leaf, h = torch.tensor(u, dtype=torch.float64, requires_grad=True), torch.zeros((), dtype=torch.float64)
        for value in x:
            h = torch.tanh(w * value + leaf * h)
        h.backward()
        assert bptt(x, w, u) == pytest.approx(float(leaf.grad), abs=1e-8)


def test_the_gru_cell_is_torchs() -> None:
    for x, h, w, u, b, c in find("04.gru_cell").make_cases():
        cell = torch.nn.GRUCell(len(x), len(h)).double()
        with torch.no_grad():
            for parameter, value in zip(
                (cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh), (w, u, b, c), strict=True
            ):
                parameter.copy_(torch.from_numpy(value))
            want = cell(torch.from_numpy(x)[None], torch.from_numpy(h)[None])[0].numpy()
        assert np.abs(gru_cell(x, h, w, u, b, c) - want).max() < 1e-6


def test_causal_attention_is_torchs() -> None:
    rng = np.random.default_rng(2)
    query, key, value = (torch.from_numpy(rng.normal(size=(1, 7, 4))) for _ in range(3))
    scores = (query @ key.transpose(-1, -2) / 2.0)[0].numpy()
    want = torch.nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True)[0].numpy()
    assert np.abs(causal_attention(scores) @ value[0].numpy() - want).max() < 1e-6


def test_the_numbers_in_the_exercises_tasks_are_right() -> None:
    x = np.array([[1.0, 2.0], [1.0, 3.0], [1.0, 5.0]])
    assert mse_gradient(x, np.array([2.0, 1.0, 4.0]), np.array([0.5, 1.0])).round(2).tolist() == [3.0, 10.67]
    assert bptt(np.array([1.0, -0.5, 0.8]), 0.7, 0.9) == pytest.approx(0.436, abs=5e-4)
    zero = np.zeros((6, 2))
    assert gru_cell(np.ones(2), np.array([1.0, -2.0]), zero, zero, zero[:, 0], zero[:, 0]).tolist() == [0.5, -1.0]
    assert causal_attention(np.zeros((2, 2))).tolist() == [[1.0, 0.0], [0.5, 0.5]]
    tuning, test = np.array([2.0, 3.0, 3.0, 4.0, 6.0, 7.0, 9.0, 30.0]), np.array([1.0, 2.0, 5.0, 12.0, 14.0])
    chosen, cost = buyer_score(np.arange(31.0), tuning, test, 3.0)
    assert (chosen, round(cost, 1)) == (7.0, 9.8)
