"""Defines lesson 04's exercise on back-propagation through time, and where the slope of tanh gets lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise

Floats = NDArray[np.float64]


def bptt(x: Floats, w: float, u: float) -> float:
    """d h_T / d u for h_t = tanh(w x_t + u h_{t-1}), h_0 = 0: from the last week back to the first."""
    states = [0.0]
    for value in x:
        states.append(float(np.tanh(w * value + u * states[-1])))
    gradient, delta = 0.0, 1.0  # delta: d h_T / d h_t
    for new, old in zip(states[:0:-1], states[-2::-1], strict=True):
        inside = delta * (1 - new**2)  # past the tanh, to the sum that stands in it
        gradient += inside * old
        delta = inside * u
    return gradient


def _stub(x: Floats, w: float, u: float) -> Any:
    return ...


def _cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    return [(np.array([1.0, -0.5, 0.8]), 0.7, 0.9), (rng.normal(size=6), 0.5, -0.8), (rng.normal(size=15), 0.4, 1.1)]


Slope = Callable[[float, float, float], float]  # of (new state, old state, what stands inside tanh)

_SLOPES: dict[str, Slope] = {
    "right": lambda new, old, inside: 1 - new**2,
    "one_minus_h": lambda new, old, inside: 1 - new,
    "sigmoid_slope": lambda new, old, inside: new * (1 - new),
    "slope_of_the_sum": lambda new, old, inside: 1 - inside**2,
    "slope_forgotten": lambda new, old, inside: 1.0,
    "slope_of_the_old_state": lambda new, old, inside: 1 - old**2,
    "tanh_twice": lambda new, old, inside: 1 - float(np.tanh(new)) ** 2,
    "square_of_the_difference": lambda new, old, inside: (1 - new) ** 2,
}
# From (slope, factor of this week, u, derivative so far) to the derivative: right is slope · (factor + u · so far).
_CHAINS: dict[str, Callable[[float, float, float, float], float]] = {
    "right": lambda slope, factor, u, d: slope * (factor + u * d),
    "one_step_only": lambda slope, factor, u, d: slope * factor,
    "slope_not_on_the_chain": lambda slope, factor, u, d: slope * factor + u * d,
    "slope_on_the_chain_only": lambda slope, factor, u, d: factor + slope * u * d,
    "chain_without_u": lambda slope, factor, u, d: slope * (factor + d),
    "chain_forgotten": lambda slope, factor, u, d: slope * factor + d,
    "chain_with_the_wrong_sign": lambda slope, factor, u, d: slope * (factor - u * d),
}
_FACTORS: dict[str, Callable[[float, float, float], float]] = {  # of (old state, new state, x)
    "right": lambda old, new, value: old,
    "state_of_the_wrong_week": lambda old, new, value: new,
    "by_the_other_weight": lambda old, new, value: value,
}


def _wrong(slope: str = "right", chain: str = "right", factor: str = "right") -> Answer:
    """The derivative with these things done differently; forwards, which gives the same numbers in fewer lines."""

    def wrong(x: Floats, w: float, u: float) -> float:
        old, gradient = 0.0, 0.0
        for value in x:
            inside = float(w * value + u * old)
            new = float(np.tanh(inside))
            steep = _SLOPES[slope](new, old, inside)
            gradient = _CHAINS[chain](steep, _FACTORS[factor](old, new, float(value)), u, gradient)
            old = new
        return gradient

    return wrong


def _back(x: Floats, w: float, u: float, how: str) -> float:
    """The way back with one thing done differently that has no like on the way forward."""
    states = [0.0]
    for value in x:
        states.append(float(np.tanh(w * value + u * states[-1])))
    pairs = list(zip(states[1:], states[:-1], strict=True))
    gradient, delta = 0.0, 1.0
    for new, old in pairs if how == "from_the_first" else pairs[::-1]:
        if how == "u_before":
            delta *= (1 - new**2) * u
            gradient += delta * old
        elif how == "old_slope":
            gradient += delta * (1 - new**2) * old
            delta *= (1 - old**2) * u
        elif how == "by_w":
            gradient += delta * (1 - new**2) * old
            delta *= (1 - new**2) * w
        else:
            gradient += delta * (1 - new**2) * old
            delta *= (1 - new**2) * u
    return gradient


def _last_before_first(x: Floats, w: float, u: float) -> float:
    """The way back over a list of T states: before the first week, h[t - 1] is h[-1], the last state."""
    states, old = [], 0.0
    for value in x:
        old = float(np.tanh(w * value + u * old))
        states.append(old)
    gradient, delta = 0.0, 1.0
    for t in reversed(range(len(x))):
        inside = delta * (1 - states[t] ** 2)
        gradient += inside * states[t - 1]
        delta = inside * u
    return gradient


_MISTAKES: dict[str, tuple[Answer, str]] = {
    "one_step_only": (
        _wrong(chain="one_step_only"),
        "You went back one step only. u was used in every week: h_{T-1} depends on it as well, and h_{T-2}, back to the"
        " first. This truncation is what makes a network forget that there was a past.",
    ),
    "one_minus_h": (
        _wrong("one_minus_h"),
        "You took 1 - h for the slope of tanh. It is 1 - h²: the slope is the same for h and -h.",
    ),
    "sigmoid_slope": (
        _wrong("sigmoid_slope"),
        "h (1 - h) is the slope of the sigmoid. This cell has a tanh, whose slope is 1 - h².",
    ),
    "slope_of_the_sum": (
        _wrong("slope_of_the_sum"),
        "You put the value *before* tanh into 1 - h². The formula wants the state itself, after tanh.",
    ),
    "slope_forgotten": (
        _wrong("slope_forgotten"),
        "The slope of tanh is missing: you differentiated the sum inside and forgot what stands around it. Each week"
        " the chain rule multiplies by the activation's slope, at that week's state.",
    ),
    "slope_of_the_old_state": (
        _wrong("slope_of_the_old_state"),
        "The slope is taken at the state of the week *before*. tanh is passed between the sum and h_t, so its slope is"
        " that of h_t: 1 - h_t².",
    ),
    "tanh_twice": (
        _wrong("tanh_twice"),
        "Your state went through tanh a second time, inside the slope. The state is tanh's value already: square it as"
        " it is.",
    ),
    "slope_not_on_the_chain": (
        _wrong(chain="slope_not_on_the_chain"),
        "The slope of tanh is in each week's own term and not on the way from week to week. That way leads through tanh"
        " as well: from h_t to h_{t-1} the derivative is multiplied by u (1 - h_t²), not by u alone.",
    ),
    "slope_on_the_chain_only": (
        _wrong(chain="slope_on_the_chain_only"),
        "The slope of tanh is on the way from week to week and not in each week's own term. That week's use of u passes"
        " the same tanh: its term is h_{t-1} (1 - h_t²), times what comes after it.",
    ),
    "square_of_the_difference": (
        _wrong("square_of_the_difference"),
        "You squared the whole of 1 - h. The square is on the state alone: first h², then one minus it.",
    ),
    "chain_without_u": (
        _wrong(chain="chain_without_u"),
        "You add up the weeks, but the way from h_{t-1} to h_t has a factor u as well as the slope.",
    ),
    "chain_forgotten": (
        _wrong(chain="chain_forgotten"),
        "You add up what each week contributes, but as if every week stood next to the last. What an early week does"
        " must pass all later ones: each of them multiplies by u (1 - h²).",
    ),
    "chain_with_the_wrong_sign": (
        _wrong(chain="chain_with_the_wrong_sign"),
        "A week's own term and what comes through the weeks before it are subtracted. The state depends on u in both"
        " ways, and the derivative of a sum is a sum.",
    ),
    "back_from_the_first_week": (
        lambda x, w, u: _back(x, w, u, "from_the_first"),
        "You start with 1 at the *first* week and multiply on from there. The derivative of h_T by h_T is 1: begin at"
        " the last week, and go back.",
    ),
    "u_before_the_term": (
        lambda x, w, u: _back(x, w, u, "u_before"),
        "Each week's term has one factor u too many: add the term of week t first, then multiply by u on the way to the"
        " week before.",
    ),
    "slope_of_the_next_step": (
        lambda x, w, u: _back(x, w, u, "old_slope"),
        "On your way from week to week the slope is that of h_{t-1}; the step from h_t back to h_{t-1} passes the tanh"
        " of h_t. (In each week's own term you have it right.)",
    ),
    "w_on_the_chain": (
        lambda x, w, u: _back(x, w, u, "by_w"),
        "On the way from week to week you multiply by w. From h_{t-1} to h_t the state passes u; w stands at the input"
        " x_t, which no earlier week has a part in.",
    ),
    "state_of_the_wrong_week": (
        _wrong(factor="state_of_the_wrong_week"),
        "In w x_t + u h_{t-1} the factor of u is the state of the week *before*; you took the new one.",
    ),
    "last_state_before_the_first": (
        _last_before_first,
        "In the first week h[t - 1] is h[-1], and that is the *last* state of your list. Before the first week stands"
        " h_0 = 0: put it into the list, or leave that week's term out.",
    ),
    "by_the_other_weight": (
        _wrong(factor="by_the_other_weight"),
        "This is the derivative with respect to w: its factor in each week is x_t. Asked is u, whose factor is the old"
        " state.",
    ),
}

_PAIRS: dict[tuple[str, str], Answer] = {
    **{
        (slope, chain): _wrong(slope, chain)
        for slope, chain in product(_SLOPES, _CHAINS)
        # Without a slope there is none to misplace, nor a chain but for u.
        if "right" not in (slope, chain)
        and not (
            slope == "slope_forgotten"
            and chain in ("slope_not_on_the_chain", "slope_on_the_chain_only", "chain_forgotten")
        )
    },
    **{(s, f): _wrong(s, factor=f) for s, f in product(_SLOPES, _FACTORS) if "right" not in (s, f)},
    **{(c, f): _wrong(chain=c, factor=f) for c, f in product(_CHAINS, _FACTORS) if "right" not in (c, f)},
}

BPTT = Exercise(
    "04.bptt",
    bptt,
    _stub,
    _cases,
    _MISTAKES,
    "You have carried a derivative through time. Look at the factor u (1 - h²): it is there once a week.",
    pairs=_PAIRS,
)
