"""Defines lesson 04b's exercises: the work before any run, windows by index, scaling before clipping."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise

Floats = NDArray[np.float32]
Longs = NDArray[np.int64]


# --- the work of an LSTM ---


def lstm_flops(batch: int, look_back: int, inputs: int, hidden: int) -> int:
    """Floating-point operations of the products on the way forward through one LSTM layer."""
    return 2 * batch * look_back * 4 * hidden * (inputs + hidden)


def _flops_stub(batch: int, look_back: int, inputs: int, hidden: int) -> Any:
    return ...


def _flops_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    return [(1, 1, 2, 3), (512, 28, 10, 64), tuple(int(v) for v in rng.integers(2, 60, 4))]


_FLOPS_MISTAKES: dict[str, tuple[Answer, str]] = {
    "factor_two": (
        lambda batch, look_back, inputs, hidden: batch * look_back * 4 * hidden * (inputs + hidden),
        "You counted the entries of the matrices. Each of them costs a multiplication and an addition: two operations.",
    ),
    "three_gates": (
        lambda batch, look_back, inputs, hidden: 2 * batch * look_back * 3 * hidden * (inputs + hidden),
        "Three products a time step are a GRU's. An LSTM has three gates and the candidate for its memory: four.",
    ),
    "one_gate": (
        lambda batch, look_back, inputs, hidden: 2 * batch * look_back * hidden * (inputs + hidden),
        "That is a plain recurrent cell. An LSTM computes as many such products as it has gates, and its candidate.",
    ),
    "no_recurrence": (
        lambda batch, look_back, inputs, hidden: 2 * batch * look_back * 4 * hidden * inputs,
        "The state is missing: at each step the gates read the input and the state before it, so each has two"
        " products.",
    ),
    "no_inputs": (
        lambda batch, look_back, inputs, hidden: 2 * batch * look_back * 4 * hidden * hidden,
        "The input is missing: at each step the gates read the input and the state before it, so each has two"
        " products.",
    ),
    "inputs_times_hidden": (
        lambda batch, look_back, inputs, hidden: 2 * batch * look_back * 4 * hidden * (inputs * hidden),
        "You multiplied inputs by hidden inside the brackets. A gate has two products, one with the input (hidden times"
        " inputs) and one with the state (hidden times hidden): they are added, hidden * (inputs + hidden).",
    ),
    "one_step": (
        lambda batch, look_back, inputs, hidden: 2 * batch * 4 * hidden * (inputs + hidden),
        "That is one time step. The same products come again at each step of the look-back.",
    ),
    "one_window": (
        lambda batch, look_back, inputs, hidden: 2 * look_back * 4 * hidden * (inputs + hidden),
        "That is one window. The question is for the whole batch.",
    ),
    "whole_step": (
        lambda batch, look_back, inputs, hidden: 3 * lstm_flops(batch, look_back, inputs, hidden),
        "Three times the way forward is a rule of thumb for a whole training step. Here the way forward alone is"
        " asked.",
    ),
    "fewer_additions": (
        lambda batch, look_back, inputs, hidden: batch * look_back * 4 * hidden * (2 * (inputs + hidden) - 1),
        "You took 2n - 1 operations for a product of n numbers: n multiplications and n - 1 additions. The rule counts"
        " a multiplication and an addition for each entry (a device does both in one instruction): 2n.",
    ),
    "first_step_free": (
        lambda batch, look_back, inputs, hidden: 8 * batch * hidden * (look_back * inputs + (look_back - 1) * hidden),
        "You left out the state's product in the first time step, where the state is zero. A library multiplies there"
        " too: every one of the T time steps has the same products.",
    ),
}


def _flops(*, two: int = 2, gates: int = 4, x: bool = True, h: bool = True, steps: bool = True) -> Answer:
    """The count with several things done differently."""
    return lambda batch, look_back, inputs, hidden: (
        two * batch * (look_back if steps else 1) * gates * hidden * (x * inputs + h * hidden)
    )


_FLOPS_ALSO: dict[str, tuple[Answer, ...]] = {
    "fewer_additions": (  # two products for each gate, each with an addition less
        lambda batch, look_back, inputs, hidden: batch * look_back * 4 * hidden * (2 * (inputs + hidden) - 2),
    ),
    "first_step_free": (lambda batch, look_back, inputs, hidden: lstm_flops(batch, look_back - 1, inputs, hidden),),
}
_FLOPS_PAIRS: dict[tuple[str, str], Answer] = {
    ("factor_two", "three_gates"): _flops(two=1, gates=3),
    ("factor_two", "one_gate"): _flops(two=1, gates=1),
    ("factor_two", "no_recurrence"): _flops(two=1, h=False),
    ("factor_two", "no_inputs"): _flops(two=1, x=False),
    ("factor_two", "one_step"): _flops(two=1, steps=False),
    ("three_gates", "no_recurrence"): _flops(gates=3, h=False),
    ("three_gates", "no_inputs"): _flops(gates=3, x=False),
    ("three_gates", "one_step"): _flops(gates=3, steps=False),
    ("one_gate", "no_recurrence"): _flops(gates=1, h=False),
    ("one_gate", "no_inputs"): _flops(gates=1, x=False),
    ("one_gate", "one_step"): _flops(gates=1, steps=False),
    ("no_recurrence", "one_step"): _flops(h=False, steps=False),
    ("no_inputs", "one_step"): _flops(x=False, steps=False),
}


# --- windows by index ---


def gather(table: Floats, first: Longs, begin: Longs, look_back: int) -> Floats:
    """The rows before each ``first`` (B,), as (B, T, C); rows before the series' ``begin`` (B,) become zero."""
    rows = first[:, None] + np.arange(-look_back, 0)
    inside = rows >= begin[:, None]
    return table[np.where(inside, rows, 0)] * inside[..., None]


def _gather_stub(table: Floats, first: Longs, begin: Longs, look_back: int) -> Any:
    return ...


def _gather_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    small = np.arange(1.0, 9.0, dtype=np.float32)[:, None]
    large = rng.normal(5.0, 1.0, (40, 3)).astype(np.float32)
    return [
        (small, np.array([3, 6]), np.array([0, 4]), 3),  # the second series begins at row 4
        (large, np.array([4, 30, 22, 40]), np.array([0, 20, 20, 20]), 6),
        (large, np.array([2, 22, 39]), np.array([0, 20, 20]), 5),  # no window ends with the table
        (large, np.array([22, 18, 3]), np.array([20, 10, 0]), 6),  # the second needs rows before the first's begin
    ]


def _rows(*, by: int = 0, mask: str = "begin", end: str = "zero") -> Answer:
    """Windows that end ``by`` rows later, with another mask; ``end``: what becomes of a row behind the table."""

    def wrong(table: Floats, first: Longs, begin: Longs, look_back: int) -> Floats:
        rows = first[:, None] + np.arange(-look_back, 0) + by
        inside = np.ones_like(rows, dtype=bool)
        if mask in ("begin", "after_begin"):
            inside = rows > begin[:, None] if mask == "after_begin" else rows >= begin[:, None]
        elif mask == "before_the_table":
            inside = rows >= 0
        elif mask == "first_row":
            rows = np.maximum(rows, begin[:, None])
        elif mask == "row_zero":
            rows = np.maximum(rows, 0)
        if mask in ("begin", "after_begin", "before_the_table"):
            rows = np.where(inside, rows, 0)
        if end == "zero":
            table = np.concatenate([table, table[-1:] * 0])  # behind the table
        elif end == "last":
            rows = np.minimum(rows, len(table) - 1)
        return table[rows] * inside[..., None]

    return wrong


def _written(table: Floats, first: Longs, begin: Longs, look_back: int) -> Floats:
    """Zeros written into views of the table: a later window finds them there."""
    out = []
    for end, start in zip(first, begin, strict=True):
        low = max(end - look_back, 0)
        part = table[low:end]
        part[: max(start - low, 0)] = 0
        out.append(np.concatenate([np.zeros((look_back - len(part), table.shape[1])), part]))
    return np.array(out)


def _padded_right(table: Floats, first: Longs, begin: Longs, look_back: int) -> Floats:
    rows = np.maximum(first - look_back, begin)[:, None] + np.arange(look_back)
    inside = rows < first[:, None]
    return table[np.where(inside, rows, 0)] * inside[..., None]


_GATHER_MISTAKES: dict[str, tuple[Answer, str]] = {
    "sees_the_target": (
        _rows(by=1),
        "The window ends one row too late: row `first` is the first one to be forecast, and your network would"
        " read it.",
    ),
    "off_by_one": (
        _rows(by=-1),
        "The window ends one row too early: the last known row, `first - 1`, is missing. Where does `arange(-T,"
        " 0)` end?",
    ),
    "neighbours_rows": (
        _rows(mask="row_zero"),
        "Where the series is younger than the look-back, your window goes on into the rows of the series above"
        " it in the"
        " table: another product's sales. Set rows before `begin` to zero.",
    ),
    "wrapped_around": (
        _rows(mask="none", end="error"),
        "A negative row number counts from the table's end: the oldest window of the first series now ends with rows of"
        " the last one. Set rows before `begin` to zero.",
    ),
    "first_day_lost": (
        _rows(mask="after_begin"),
        "The series' first day is missing: row `begin` belongs to the series. Only rows *before* it become zero, those"
        " with rows < begin.",
    ),
    "written_into_the_table": (
        _written,
        "A slice of the table is a view: the zeros that you write into it are written into the table, and the next"
        " window that needs those rows reads zeros. Copy the rows first, table[a:b].copy().",
    ),
    "first_row_repeated": (
        _rows(mask="first_row"),
        "You repeat the series' first row where there is none: an invented past. The task asks for zeros there;"
        " the mask"
        " says that they were not seen.",
    ),
    "padding_on_the_right": (
        _padded_right,
        "The numbers are right, but the padding stands at the end. The last row of every window is to be `first - 1`.",
    ),
    "newest_first": (
        lambda table, first, begin, look_back: gather(table, first, begin, look_back)[:, ::-1],
        "The windows run backwards: the oldest row comes first, since a recurrent network reads in the order of time.",
    ),
    "transposed": (
        lambda table, first, begin, look_back: gather(table, first, begin, look_back).swapaxes(0, 1),
        "Time and windows have changed places: the task asks for (B, T, C).",
    ),
}

_GATHER_ALSO: dict[str, tuple[Answer, ...]] = {
    "sees_the_target": (_rows(by=1, end="error"), _rows(by=1, end="last")),
    "neighbours_rows": (_rows(mask="before_the_table"),),
}
_GATHER_PAIRS: dict[tuple[str, str], Answer] = {
    (shift, young): _rows(by=by, mask=mask, end="error")
    for (shift, by), (young, mask) in product(
        {"sees_the_target": 1, "off_by_one": -1}.items(),
        {"neighbours_rows": "before_the_table", "wrapped_around": "none", "first_row_repeated": "first_row"}.items(),
    )
}


# --- loss scaling ---


def _clip(gradient: Floats, limit: float) -> Floats:
    norm = float(np.sqrt((gradient.astype(np.float64) ** 2).sum()))
    return gradient * min(1.0, limit / norm) if norm > 0 else gradient


def scaled_step(gradient: Floats, scale: float, limit: float) -> Floats:
    """The gradient that the optimiser may use: unscaled, then clipped by its norm; zeros where it has overflowed."""
    if not np.isfinite(gradient).all():
        return np.zeros_like(gradient)
    return _clip(gradient / scale, limit)


def _scaled_stub(gradient: Floats, scale: float, limit: float) -> Any:
    return ...


def _scaled_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    return [
        (np.array([192.0, 256.0]), 64.0, 1.0),  # norm 5 once it is unscaled
        (np.array([19.2, 25.6]), 64.0, 1.0),  # norm 0.5: nothing to clip
        (np.array([0.02, 0.03]), 4.0, 1.0),  # short, scaled or not
        (np.array([1.0, np.inf, 3.0]), 1024.0, 1.0),
        (rng.normal(0.0, 4e4, 6), 65536.0, 0.5),
    ]


def _scaled(*changes: str) -> Answer:
    """The step with these things done differently."""

    def wrong(gradient: Floats, scale: float, limit: float) -> Floats:
        if "no_check" not in changes:
            if "entries" in changes:
                gradient = np.where(np.isfinite(gradient), gradient, 0.0)
            elif not np.isfinite(gradient).all():
                return np.zeros_like(gradient)
        factor = 1.0 if "never" in changes else scale if "multiplied" in changes else 1 / scale
        if "late" in changes:
            return _limited(gradient, limit, changes) * factor
        return _limited(gradient * factor, limit, changes)

    return wrong


def _limited(gradient: Floats, limit: float, changes: Sequence[str]) -> Floats:
    if "not_clipped" in changes:
        return gradient
    if "each" in changes:
        return np.clip(gradient, -limit, limit)
    if "always" in changes:
        return gradient * limit / np.sqrt((gradient**2).sum())
    return _clip(gradient, limit)


_SCALED_MISTAKES: dict[str, tuple[Answer, str]] = {
    "unscaled_after_clipping": (
        _scaled("late"),
        "You clip first and unscale afterwards. The scaled gradient is thousands of times too long, so nearly"
        " every one is"
        " clipped, and then divided by the scale: the network hardly moves. Unscale first.",
    ),
    "never_unscaled": (
        _scaled("never"),
        "The scale is still in the gradient: clipping hides it, and every step has full length. Divide by the"
        " scale first.",
    ),
    "no_check": (
        _scaled("no_check"),
        "With an infinite entry the norm is infinite and clipping makes 0 or NaN of the entries: one such step destroys"
        " the weights. Look for entries that are not finite first, and return zeros: the step is skipped.",
    ),
    "infinite_entries_zeroed": (
        _scaled("entries"),
        "You set the entries that overflowed to zero and use the rest: the largest entries of all are missing, so the"
        " direction is wrong. Skip the whole step.",
    ),
    "each_entry_clipped": (
        _scaled("each"),
        "You limit each entry, which turns the gradient's direction. Clipping by the norm shortens it: every"
        " entry times"
        " limit / norm.",
    ),
    "always_to_the_limit": (
        _scaled("always"),
        "Short gradients are stretched to the limit as well. A limit only shortens: multiply by at most 1.",
    ),
    "not_clipped": (
        _scaled("not_clipped"),
        "Unscaled and checked, but not clipped: its norm may be above the limit.",
    ),
    "multiplied": (
        _scaled("multiplied"),
        "The loss was multiplied by the scale, so the gradient was too. Undo it by division.",
    ),
}

_SCALED_CHANGES = {
    "unscaled_after_clipping": "late",
    "never_unscaled": "never",
    "multiplied": "multiplied",
    "no_check": "no_check",
    "infinite_entries_zeroed": "entries",
    "each_entry_clipped": "each",
    "always_to_the_limit": "always",
    "not_clipped": "not_clipped",
}
# One way of unscaling, of checking and of clipping each; who does not clip can do nothing before or after it.
_SCALED_EXCLUDE = (
    *({"never", "late"}, {"never", "multiplied"}, {"late", "multiplied"}, {"no_check", "entries"}),
    *({"each", "always"}, {"each", "not_clipped"}, {"always", "not_clipped"}, {"late", "not_clipped"}),
    *({"never", "always"}, {"multiplied", "always"}),  # what is stretched to the limit has lost its scale
)
_SCALED_PAIRS = {
    (one, other): _scaled(_SCALED_CHANGES[one], _SCALED_CHANGES[other])
    for one, other in combinations(_SCALED_CHANGES, 2)
    if {_SCALED_CHANGES[one], _SCALED_CHANGES[other]} not in _SCALED_EXCLUDE
}


EXERCISES = (
    Exercise(
        "04b.lstm_flops",
        solution=lstm_flops,
        stub=_flops_stub,
        cases=_flops_cases,
        mistakes=_FLOPS_MISTAKES,
        also=_FLOPS_ALSO,
        pairs=_FLOPS_PAIRS,
        praise="You can tell how long a network must take at least before anybody has run it.",
    ),
    Exercise(
        "04b.gather",
        solution=gather,
        stub=_gather_stub,
        cases=_gather_cases,
        mistakes=_GATHER_MISTAKES,
        also=_GATHER_ALSO,
        pairs=_GATHER_PAIRS,
        praise="A whole batch in one indexing call, and nobody sees a neighbour's past or tomorrow's sales.",
    ),
    Exercise(
        "04b.scaled_step",
        solution=scaled_step,
        stub=_scaled_stub,
        cases=_scaled_cases,
        mistakes=_SCALED_MISTAKES,
        pairs=_SCALED_PAIRS,
        praise="Unscale, check, clip, step: the order in which `fit` does it.",
    ),
)
