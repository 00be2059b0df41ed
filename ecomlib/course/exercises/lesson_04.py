"""Defines lesson 04's exercises: two gradients and a gated cell."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise
from ecomlib.course.exercises.bptt import BPTT

Floats = NDArray[np.float64]


def _sigmoid(values: Any) -> Any:
    return 1 / (1 + np.exp(-values))


# --- the gradient of a mean squared error ---


def mse_gradient(x: Floats, y: Floats, w: Floats) -> Floats:
    """Gradient of mean((x @ w - y)²) with respect to w: x (N, D), y (N,), w (D,) -> (D,)."""
    return 2 / len(y) * x.T @ (x @ w - y)


def _mse_stub(x: Floats, y: Floats, w: Floats) -> Any:
    return ...


def _mse_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    small = np.array([[1.0, 2.0], [1.0, 3.0], [1.0, 5.0]])
    return [
        (small, np.array([2.0, 1.0, 4.0]), np.array([0.5, 1.0])),
        (rng.normal(size=(7, 3)), rng.normal(size=7), rng.normal(size=3)),
        (rng.normal(size=(12, 4)), rng.normal(size=12), rng.normal(size=4)),
    ]


_MSE_MISTAKES: dict[str, tuple[Answer, str]] = {
    "missing_two_over_n": (
        lambda x, y, w: x.T @ (x @ w - y),
        "The direction is right, the length is not: 2/N is missing. Without 1/N a larger batch would take longer steps,"
        " and the learning rate would mean something else for each batch size.",
    ),
    "missing_n": (
        lambda x, y, w: 2 * x.T @ (x @ w - y),
        "This is the gradient of the *sum* of squares. The loss is their mean: divide by N.",
    ),
    "missing_two": (
        lambda x, y, w: x.T @ (x @ w - y) / len(y),
        "A factor 2 is missing: the derivative of r² is 2r. (It vanishes only where the loss is written with a half.)",
    ),
    "sign_flipped": (
        lambda x, y, w: 2 / len(y) * x.T @ (y - x @ w),
        "The sign is flipped: you took y - forecast. Following minus this vector would climb out of the bowl.",
    ),
    "n_is_three": (
        lambda x, y, w: 2 / 3 * x.T @ (x @ w - y),
        "Your N is 3, as in the example above. N is the number of rows that come in: len(y).",
    ),
    "n_times_d": (
        lambda x, y, w: 2 / x.size * x.T @ (x @ w - y),
        "You divided by the number of entries of x, N times D. The mean goes over the N rows: each has one error.",
    ),
    "absolute_error": (
        lambda x, y, w: x.T @ np.sign(x @ w - y) / len(y),
        "This is the gradient of the mean *absolute* error: each row counts by its sign alone. The loss is the mean of"
        " the squares, so a large error pulls harder.",
    ),
    "rows_not_summed": (
        lambda x, y, w: 2 / len(y) * (x @ w - y)[:, None] * x,
        "Each row has a gradient of its own with you, (N, D). All rows share the D weights: add them up over the rows,"
        " which the product with x.T does.",
    ),
    "of_the_forecasts": (
        lambda x, y, w: 2 / len(y) * (x @ w - y),
        "This is the gradient with respect to the N forecasts. One step of the chain rule is left: from the forecasts"
        " to the D weights.",
    ),
}


def _mse(*, sign: float = 1.0, two: float = 2.0, share: bool = True, weights: bool = True) -> Answer:
    """The gradient with several things done differently."""

    def wrong(x: Floats, y: Floats, w: Floats) -> Floats:
        slope = sign * two / (len(y) if share else 1) * (x @ w - y)
        return x.T @ slope if weights else slope

    return wrong


_MSE_PAIRS: dict[tuple[str, str], Answer] = {
    ("sign_flipped", "missing_two_over_n"): _mse(sign=-1, two=1, share=False),
    ("sign_flipped", "missing_n"): _mse(sign=-1, share=False),
    ("sign_flipped", "missing_two"): _mse(sign=-1, two=1),
    ("sign_flipped", "of_the_forecasts"): _mse(sign=-1, weights=False),
    ("of_the_forecasts", "missing_two_over_n"): _mse(two=1, share=False, weights=False),
    ("of_the_forecasts", "missing_n"): _mse(share=False, weights=False),
    ("of_the_forecasts", "missing_two"): _mse(two=1, weights=False),
}


# --- a gated recurrent unit, as torch and cuDNN have it ---


def gru_cell(x: Floats, h: Floats, w: Floats, u: Floats, b: Floats, c: Floats) -> Floats:
    """One step: x (C,), h (D,), w (3D, C), u (3D, D), b and c (3D,); rows in the order reset, update, new -> (D,)."""
    (xr, xz, xn), (hr, hz, hn) = np.split(w @ x + b, 3), np.split(u @ h + c, 3)
    r, z = _sigmoid(xr + hr), _sigmoid(xz + hz)
    n = np.tanh(xn + r * hn)
    return (1 - z) * n + z * h


def _gru_stub(x: Floats, h: Floats, w: Floats, u: Floats, b: Floats, c: Floats) -> Any:
    return ...


def _gru_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    small = (
        np.array([1.0]),
        np.array([0.5, -0.5]),
        np.array([[0.2], [0.4], [-0.3], [0.1], [0.5], [-0.6]]),
        np.array([[0.3, -0.2], [0.1, 0.4], [-0.5, 0.2], [0.6, 0.1], [0.7, -0.4], [0.2, 0.9]]),
        np.array([0.1, 0.0, 0.2, -0.1, 0.3, 0.0]),
        np.array([0.0, 0.1, -0.2, 0.1, 0.4, -0.3]),
    )
    d, k = 3, 2
    large = tuple(rng.normal(size=shape) for shape in (k, d, (3 * d, k), (3 * d, d), 3 * d, 3 * d))
    return [small, large]


def _gru(*changes: str) -> Answer:
    """The cell with these things done differently."""

    def wrong(x: Floats, h: Floats, w: Floats, u: Floats, b: Floats, c: Floats) -> Floats:
        b, c = b * ("no_b" not in changes), c * ("no_c" not in changes)
        (xr, xz, xn), (hr, hz, hn) = np.split(w @ x + b, 3), np.split(u @ h + c, 3)
        if "order" in changes:
            xr, xz, hr, hz = xz, xr, hz, hr
        r, z, size = _sigmoid(xr + hr), _sigmoid(xz + hz), len(h)
        if "gates_x" in changes:
            r, z = _sigmoid(xr), _sigmoid(xz)
        elif "tanh" in changes:
            r, z = np.tanh(xr + hr), np.tanh(xz + hz)
        gate = z if "z_for_r" in changes else r
        inside = gate * hn
        if "paper" in changes:
            inside = u[2 * size :] @ (gate * h) + c[2 * size :]
        elif "bias" in changes:
            inside = gate * (u[2 * size :] @ h) + c[2 * size :]
        elif "no_reset" in changes:
            inside = hn
        n = _sigmoid(xn + inside) if "sigmoid" in changes else np.tanh(xn + inside)
        return z * n + (1 - z) * h if "swapped" in changes else (1 - z) * n + z * h

    return wrong


_GRU_MISTAKES: dict[str, tuple[Answer, str]] = {
    "reset_before_the_product": (
        _gru("paper"),
        "You reset the state *before* multiplying it, U (r * h), as the paper of 2014 does. torch and cuDNN multiply"
        " first and reset the product, r * (U h + c). Both are good cells; weights of one make no sense in the other.",
    ),
    "update_gate_swapped": (
        _gru("swapped"),
        "z and 1 - z are swapped. Here z near 1 *keeps* the old state; papers differ on this, torch does not.",
    ),
    "gates_in_the_wrong_order": (
        _gru("order"),
        "You read the rows as update, reset, new. torch stacks them as reset, update, new.",
    ),
    "bias_outside_the_reset": (
        _gru("bias"),
        "Nearly: the state's bias c belongs to the product, so the reset gate scales it too: r * (U h + c).",
    ),
    "reset_forgotten": (
        _gru("no_reset"),
        "The reset gate is computed and then not used: it scales what the new value sees of the old state.",
    ),
    "sigmoid_for_the_new_value": (
        _gru("sigmoid"),
        "The new value comes from a tanh. A sigmoid gives shares between 0 and 1, for gates; a state may be negative.",
    ),
    "state_bias_forgotten": (
        _gru("no_c"),
        "The bias c is missing. The old state's part is U h + c, in both gates and in the new value.",
    ),
    "input_bias_forgotten": (
        _gru("no_b"),
        "The bias b is missing. The input's part is W x + b, in both gates and in the new value.",
    ),
    "gates_without_the_state": (
        _gru("gates_x"),
        "Your gates see the input alone. Each gate is a sigmoid of *both* sums: W x + b and U h + c.",
    ),
    "tanh_for_the_gates": (
        _gru("tanh"),
        "Your gates come from a tanh, which may be negative. A gate is a share: how much is kept, how much is let"
        " through. Only the new value comes from a tanh, r and z from a sigmoid.",
    ),
    "update_gate_resets": (
        _gru("z_for_r"),
        "The update gate z stands where the reset gate r belongs: r scales what the new value sees of the old state, z"
        " mixes old and new at the end.",
    ),
}

_GRU_CHANGES = {
    "reset_before_the_product": "paper",
    "bias_outside_the_reset": "bias",
    "reset_forgotten": "no_reset",
    "update_gate_swapped": "swapped",
    "gates_in_the_wrong_order": "order",
    "sigmoid_for_the_new_value": "sigmoid",
    "update_gate_resets": "z_for_r",
    "state_bias_forgotten": "no_c",
    "input_bias_forgotten": "no_b",
    "gates_without_the_state": "gates_x",
    "tanh_for_the_gates": "tanh",
}
# Where the reset gate stands can be wrong in one way only; without it no gate can stand there, without c no c.
_GRU_EXCLUDE = (
    {"paper", "bias"},
    {"paper", "no_reset"},
    {"bias", "no_reset"},
    {"no_reset", "z_for_r"},
    {"bias", "no_c"},
    {"gates_x", "tanh"},
)
_GRU_PAIRS = {
    (one, other): _gru(_GRU_CHANGES[one], _GRU_CHANGES[other])
    for one, other in combinations(_GRU_CHANGES, 2)
    if {_GRU_CHANGES[one], _GRU_CHANGES[other]} not in _GRU_EXCLUDE
}


EXERCISES = (
    Exercise(
        "04.mse_gradient",
        mse_gradient,
        _mse_stub,
        _mse_cases,
        _MSE_MISTAKES,
        "Three factors: 2/N, the inputs, the errors. Every network's training starts with this line.",
        pairs=_MSE_PAIRS,
    ),
    BPTT,
    Exercise(
        "04.gru_cell",
        gru_cell,
        _gru_stub,
        _gru_cases,
        _GRU_MISTAKES,
        "Your cell and torch's agree: its weights can be read by you.",
        pairs=_GRU_PAIRS,
    ),
)
