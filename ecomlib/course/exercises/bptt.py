"""Defines lesson 04's exercise on back-propagation through time, and where the slope of tanh gets lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise

Floats = NDArray[np.float64]


def bptt(x: Floats, w: float, u: float) -> float:
    """d h_T / d u for h_t = tanh(w x_t + u h_{t-1}), h_0 = 0."""
    h, gradient = 0.0, 0.0
    for value in x:
        new = float(np.tanh(w * value + u * h))
        gradient = (1 - new**2) * (h + u * gradient)
        h = new
    return gradient


def _stub(x: Floats, w: float, u: float) -> Any:
    return ...


def _cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    return [(np.array([1.0, -0.5, 0.8]), 0.7, 0.9), (rng.normal(size=6), 0.5, -0.8), (rng.normal(size=15), 0.4, 1.1)]


def _backwards(step: Callable[[float, float, float, float, float], float]) -> Answer:
    """BPTT with another step: from (new state, old state, what stands inside tanh, u, dh_before) to dh."""

    def wrong(x: Floats, w: float, u: float) -> float:
        h, gradient = 0.0, 0.0
        for value in x:
            inside = float(w * value + u * h)
            new = float(np.tanh(inside))
            gradient = step(new, h, inside, u, gradient)
            h = new
        return gradient

    return wrong


def _one_step(x: Floats, w: float, u: float) -> float:
    h = before = 0.0
    for value in x:
        before, h = h, float(np.tanh(w * value + u * h))
    return (1 - h**2) * before


def _by_w(x: Floats, w: float, u: float) -> float:
    h, gradient = 0.0, 0.0
    for value in x:
        h = float(np.tanh(w * value + u * h))
        gradient = (1 - h**2) * (value + u * gradient)
    return gradient


_MISTAKES: dict[str, tuple[Answer, str]] = {
    "one_step_only": (
        _one_step,
        "You went back one step only. u was used in every week: h_{T-1} depends on it as well, and h_{T-2}, back to the"
        " first. This truncation is what makes a network forget that there was a past.",
    ),
    "one_minus_h": (
        _backwards(lambda h, old, inside, u, d: (1 - h) * (old + u * d)),
        "You took 1 - h for the slope of tanh. It is 1 - h²: the slope is the same for h and -h.",
    ),
    "sigmoid_slope": (
        _backwards(lambda h, old, inside, u, d: h * (1 - h) * (old + u * d)),
        "h (1 - h) is the slope of the sigmoid. This cell has a tanh, whose slope is 1 - h².",
    ),
    "slope_of_the_sum": (
        _backwards(lambda h, old, inside, u, d: (1 - inside**2) * (old + u * d)),
        "You put the value *before* tanh into 1 - h². The formula wants the state itself, after tanh.",
    ),
    "slope_forgotten": (
        _backwards(lambda h, old, inside, u, d: old + u * d),
        "The slope of tanh is missing: you differentiated the sum inside and forgot what stands around it. Each week"
        " the chain rule multiplies by the activation's slope, at that week's state.",
    ),
    "slope_of_the_old_state": (
        _backwards(lambda h, old, inside, u, d: (1 - old**2) * (old + u * d)),
        "The slope is taken at the state of the week *before*. tanh is passed on the way to h_t, so its slope is that"
        " of h_t: 1 - h_t².",
    ),
    "tanh_twice": (
        _backwards(lambda h, old, inside, u, d: (1 - np.tanh(h) ** 2) * (old + u * d)),
        "Your state went through tanh a second time, inside the slope. The state is tanh's value already: square it as"
        " it is.",
    ),
    "slope_not_on_the_chain": (
        _backwards(lambda h, old, inside, u, d: (1 - h**2) * old + u * d),
        "The slope stands on the old state only. What comes through h_{t-1} passes the same tanh: the slope multiplies"
        " both terms of the sum.",
    ),
    "slope_on_the_chain_only": (
        _backwards(lambda h, old, inside, u, d: old + (1 - h**2) * u * d),
        "The slope stands on u dh only. This week's own use of u passes the same tanh: multiply the whole bracket,"
        " h_{t-1} included.",
    ),
    "square_of_the_difference": (
        _backwards(lambda h, old, inside, u, d: (1 - h) ** 2 * (old + u * d)),
        "You squared the whole of 1 - h. The square is on the state alone: first h², then one minus it.",
    ),
    "chain_without_u": (
        _backwards(lambda h, old, inside, u, d: (1 - h**2) * (old + d)),
        "You add up the weeks, but the way from h_{t-1} to h_t has a factor u as well as the slope.",
    ),
    "state_of_the_wrong_week": (
        _backwards(lambda h, old, inside, u, d: (1 - h**2) * (h + u * d)),
        "In the sum u h_{t-1} the factor of u is the state of the week *before*; you took the new one.",
    ),
    "by_the_other_weight": (
        _by_w,
        "This is the derivative with respect to w: its factor in each week is x_t. Asked is u, whose factor is the old"
        " state.",
    ),
}

BPTT = Exercise(
    "04.bptt",
    bptt,
    _stub,
    _cases,
    _MISTAKES,
    "You have carried a derivative through time. Look at the factor u (1 - h²): it is there once a week.",
)
