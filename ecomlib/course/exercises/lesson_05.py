"""Defines lesson 05's exercises: Moran's I, one step of a ConvGRU, and a test by wrong maps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise
from ecomlib.course.exercises.map_p_value import MAP_P_VALUE

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


# --- Moran's I ---


def _touching(places: Ints) -> Floats:
    """1 where two regions share an edge (rook's rule), else 0."""
    return (np.abs(places[:, None] - places[None]).sum(axis=2) == 1).astype(float)


def _moran(values: Floats, w: Floats, power: float = 1.0) -> float:
    z = values - values.mean()
    return float((len(z) / w.sum()) ** power * (z @ w @ z) / (z @ z))


def _shares(weights: Floats) -> Floats:
    return weights / np.maximum(weights.sum(axis=1, keepdims=True), 1)


def morans_i(values: Floats, places: Ints) -> float:
    """Moran's I of one map with row-normalised weights of the regions that share an edge."""
    return _moran(values, _shares(_touching(places)))


def _moran_stub(values: Floats, places: Ints) -> Any:
    return ...


def _moran_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    def grid(rows: int, columns: int) -> Ints:
        return np.array([(r, c) for r in range(rows) for c in range(columns)])

    island = np.array([(0, 0), (0, 1), (1, 0), (1, 1), (0, 2), (4, 4)])
    return [
        (np.array([1.0, 2.0, 3.0, 4.0, 6.0]), grid(1, 5)),
        (rng.normal(size=12) + grid(3, 4)[:, 1], grid(3, 4)),
        (rng.normal(size=6), island),
    ]


def _with_self(values: Floats, places: Ints) -> float:
    return _moran(values, _shares(_touching(places) + np.eye(len(places))))


def _with_corners(values: Floats, places: Ints) -> float:
    near = np.abs(places[:, None] - places[None]).max(axis=2) == 1
    return _moran(values, _shares(near.astype(float)))


def _lonely(values: Floats, places: Ints) -> float:
    touching = _touching(places)
    with np.errstate(invalid="ignore", divide="ignore"):
        return _moran(values, touching / touching.sum(axis=1, keepdims=True))


def _not_centred(values: Floats, places: Ints) -> float:
    w = _shares(_touching(places))
    return float(len(values) / w.sum() * (values @ w @ values) / (values @ values))


_MORAN_MISTAKES: dict[str, tuple[Answer, str]] = {
    "not_row_normalised": (
        lambda values, places: _moran(values, _touching(places)),
        "Your weights are 0 and 1: a region in the middle of the map then counts four times, one in a corner twice."
        " Divide each row of the weights by its sum, so that every region looks at one mean.",
    ),
    "self_as_neighbour": (
        _with_self,
        "Every region is its own neighbour here, and nobody is more like it than itself: Moran's I is too high "
        "on any"
        " map, even a shuffled one. The diagonal of the weights is zero.",
    ),
    "self_and_not_normalised": (
        lambda values, places: _moran(values, _touching(places) + np.eye(len(places))),
        "Two things: every region is its own neighbour (the diagonal of the weights is not zero), and the rows "
        "of the"
        " weights do not sum to one.",
    ),
    "corners": (
        _with_corners,
        "You count regions that touch at a corner only (the queen's rule). Here neighbours share an edge: rows and"
        " columns together differ by exactly one.",
    ),
    "not_centred": (
        _not_centred,
        "You multiply the values themselves. All units are above zero, so any two regions look alike. Subtract the"
        " map's mean first.",
    ),
    "lonely_region": (
        _lonely,
        "A region without neighbours: you divided its row of weights by zero, and one such region makes the "
        "whole map NaN."
        " Its row stays zero.",
    ),
    "factor_forgotten": (
        lambda values, places: _moran(values, _shares(_touching(places)), power=0.0),
        "The factor R / (sum of all weights) is missing. On a full map it is one; where a region has no "
        "neighbour, it"
        " is not.",
    ),
    "factor_of_the_edges": (
        lambda values, places: float(
            morans_i(values, places) * _shares(_touching(places)).sum() / _touching(places).sum()
        ),
        "The factor R / (sum of all weights) counts the edges as they were before each row was divided. Take the sum of"
        " the weights that you use: rows that sum to one.",
    ),
    "negative": (
        lambda values, places: -morans_i(values, places),
        "The size is right and the sign is not: neighbours that are alike give a positive number.",
    ),
}


def _neighbours(*changes: str) -> Answer:
    """Moran's I with these things done differently."""

    def wrong(values: Floats, places: Ints) -> float:
        w = _touching(places)
        if "corners" in changes:
            w = (np.abs(places[:, None] - places[None]).max(axis=2) == 1).astype(float)
        if "self" in changes:
            w = w + np.eye(len(places))
        if "raw" not in changes:
            w = _shares(w)
        z = values if "not_centred" in changes else values - values.mean()
        factor = 1.0 if "factor" in changes else len(z) / w.sum()
        return float((-1 if "negative" in changes else 1) * factor * (z @ w @ z) / (z @ z))

    return wrong


_MORAN_CHANGES = {
    "not_row_normalised": "raw",
    "self_as_neighbour": "self",
    "corners": "corners",
    "not_centred": "not_centred",
    "factor_forgotten": "factor",
    "negative": "negative",
}
# The first has a hint of its own; a region that is its own neighbour has one, and then the factor is one.
_MORAN_EXCLUDE = ({"raw", "self"}, {"self", "factor"})
_MORAN_PAIRS = {
    (one, other): _neighbours(_MORAN_CHANGES[one], _MORAN_CHANGES[other])
    for one, other in combinations(_MORAN_CHANGES, 2)
    if {_MORAN_CHANGES[one], _MORAN_CHANGES[other]} not in _MORAN_EXCLUDE
}


# --- one step of a ConvGRU ---


def _conv(x: Any, weight: Any, pad: tuple[int, int, int, int] = (1, 1, 1, 1), mode: str = "constant") -> Any:
    from torch.nn import functional

    return functional.conv2d(functional.pad(x, pad, mode=mode), weight)


def _step(x: Any, h: Any, w: Any, u: Any, conv: Callable[[Any, Any], Any] = _conv, changes: Sequence[str] = ()) -> Any:
    import torch

    first, second = (1, 0) if "order" in changes else (0, 1)
    z = torch.sigmoid(conv(x, w[first]) + conv(h, u[first]))
    r = z if "shared" in changes else torch.sigmoid(conv(x, w[second]) + conv(h, u[second]))
    gate = 1.0 if "no_reset" in changes else r
    inner = conv(x, w[2]) + (gate * conv(h, u[2]) if "after" in changes else conv(gate * h, u[2]))
    new = torch.sigmoid(inner) if "squash" in changes else torch.tanh(inner)
    return z * h + (1 - z) * new if "swapped" in changes else (1 - z) * h + z * new


def convgru_step(x: Any, h: Any, w: Any, u: Any) -> Any:
    """One step: gates and candidate are convolutions padded by one on each side."""
    return _step(x, h, w, u)


def _step_stub(x: Any, h: Any, w: Any, u: Any) -> Any:
    return ...


def _step_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    import torch

    def draw(*shape: int) -> Any:
        return torch.as_tensor(rng.normal(0.0, 0.6, shape))

    return [
        (draw(1, 1, 2, 3), draw(1, 1, 2, 3), draw(3, 1, 1, 3, 3), draw(3, 1, 1, 3, 3)),
        (draw(2, 3, 4, 4), draw(2, 2, 4, 4), draw(3, 2, 3, 3, 3), draw(3, 2, 2, 3, 3)),
    ]


def _shifting(x: Any, weight: Any) -> Any:
    return _conv(x, weight, (2, 0, 2, 0))


def _shifting_back(x: Any, weight: Any) -> Any:
    return _conv(x, weight, (0, 2, 0, 2))


_STEP_MISTAKES: dict[str, tuple[Answer, str]] = {
    "padding_shifts": (
        lambda x, h, w, u: _step(x, h, w, u, _shifting),
        "The shape is right, but the whole padding lies on the north and west: each day the map slides one "
        "region to"
        " the south-east, and a region reads what happened elsewhere. Pad one row or column on every side.",
    ),
    "padding_shifts_back": (
        lambda x, h, w, u: _step(x, h, w, u, _shifting_back),
        "The whole padding lies on the south and east: each day the map slides one region to the north-west. Pad "
        "one"
        " row or column on every side.",
    ),
    "no_padding": (
        lambda x, h, w, u: _step(x, h, w, u, lambda a, k: _conv(a, k, (0, 0, 0, 0))),
        "Without padding a convolution makes the map smaller, and it no longer fits the state. padding=1: the "
        "map keeps its"
        " size.",
    ),
    "padding_wraps": (
        lambda x, h, w, u: _step(x, h, w, u, lambda a, k: _conv(a, k, mode="circular")),
        "Your map is a doughnut: the east's neighbour is the west (circular padding). Beyond the border there is"
        " nothing: pad with zeros.",
    ),
    "gates_shared": (
        lambda x, h, w, u: _step(x, h, w, u, changes=["shared"]),
        "One gate does both jobs: z and r are computed with the same weights, so a region that takes in much "
        "that is"
        " new cannot forget the old at the same time. w[0], u[0] belong to z and w[1], u[1] to r.",
    ),
    "z_swapped": (
        lambda x, h, w, u: _step(x, h, w, u, changes=["swapped"]),
        "z and 1 - z have changed places. In this lesson z is the share of what is new (in torch's GRU it is the "
        "share"
        " of the old: two conventions, one cell).",
    ),
    "reset_after": (
        lambda x, h, w, u: _step(x, h, w, u, changes=["after"]),
        "You reset after the convolution, as torch's GRU does. Here r is applied to the state first, so that a"
        " neighbour's state is forgotten before it is passed on: convolve r * h.",
    ),
    "torch_cell": (
        lambda x, h, w, u: _step(x, h, w, u, changes=["swapped", "after"]),
        "That is torch's GRU, lesson 04's, with convolutions. This lesson's differs twice: z is the share of what is "
        "new, and r is applied to the state before it is convolved.",
    ),
    "sigmoid_for_tanh": (
        lambda x, h, w, u: _step(x, h, w, u, changes=["squash"]),
        "The candidate went through a sigmoid and can only be positive: bad news could never be remembered. Use tanh.",
    ),
    "flipped": (
        lambda x, h, w, u: _step(x, h, w, u, lambda a, k: _conv(a, k.flip(-1, -2))),
        "Your kernels are turned around: west reads east. Mathematics flips a convolution's kernel, networks do not"
        " (what they compute is a correlation).",
    ),
    "reset_forgotten": (
        lambda x, h, w, u: _step(x, h, w, u, changes=["no_reset"]),
        "The reset gate is computed and then not used: it scales the state before the candidate's convolution.",
    ),
    "kernels_in_the_wrong_order": (
        lambda x, h, w, u: _step(x, h, w, u, changes=["order"]),
        "You took w[0], u[0] for the reset gate, as torch stacks them. Here they belong to z, and w[1], u[1] to r.",
    ),
}


def _changed(conv: Callable[[Any, Any], Any], *changes: str) -> Answer:
    return lambda x, h, w, u: _step(x, h, w, u, conv, changes)


_STEP_CHANGES = {
    "gates_shared": "shared",
    "z_swapped": "swapped",
    "reset_after": "after",
    "sigmoid_for_tanh": "squash",
    "reset_forgotten": "no_reset",
    "kernels_in_the_wrong_order": "order",
}
_STEP_CONVS: dict[str, Callable[[Any, Any], Any]] = {
    "padding_shifts": _shifting,
    "padding_shifts_back": _shifting_back,
    "padding_wraps": lambda a, k: _conv(a, k, mode="circular"),
    "flipped": lambda a, k: _conv(a, k.flip(-1, -2)),
}
# With one gate there is no other to take for it; an unused gate stands nowhere. The third pair is torch's cell.
_STEP_EXCLUDE = ({"shared", "no_reset"}, {"no_reset", "after"}, {"swapped", "after"})
_STEP_ALSO: dict[str, tuple[Answer, ...]] = {"torch_cell": (_changed(_conv, "swapped", "after", "order"),)}
_STEP_PAIRS: dict[tuple[str, str], Answer] = {
    **{
        (one, other): _changed(_conv, _STEP_CHANGES[one], _STEP_CHANGES[other])
        for one, other in combinations(_STEP_CHANGES, 2)
        if {_STEP_CHANGES[one], _STEP_CHANGES[other]} not in _STEP_EXCLUDE
    },
    **{
        (where, name): _changed(conv, change)
        for (where, conv), (name, change) in product(_STEP_CONVS.items(), _STEP_CHANGES.items())
    },
}


EXERCISES = (
    Exercise(
        "05.morans_i",
        solution=morans_i,
        stub=_moran_stub,
        cases=_moran_cases,
        mistakes=_MORAN_MISTAKES,
        pairs=_MORAN_PAIRS,
        praise="One number says whether neighbours are alike; the permutations will say whether that is chance.",
    ),
    Exercise(
        "05.convgru_step",
        solution=convgru_step,
        stub=_step_stub,
        cases=_step_cases,
        mistakes=_STEP_MISTAKES,
        also=_STEP_ALSO,
        pairs=_STEP_PAIRS,
        praise="A GRU in every region, and its products look one region around.",
    ),
    MAP_P_VALUE,
)
