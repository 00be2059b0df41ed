"""Defines lesson 04c's exercises: patches that end at the origin, one window by hand, a layer that fades."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise

Floats = NDArray[np.float64]


# --- patches ---


def patches(x: Floats, patch: int, stride: int) -> Floats:
    """Patches (N, patch, C) of x (T, C), oldest first; the last one ends with the last week."""
    count = 1 + max(0, -(-(len(x) - patch) // stride))  # rounded up
    fill = max(0, patch + stride * (count - 1) - len(x))
    filled = np.concatenate([np.zeros((fill, x.shape[1])), x])
    return filled[np.arange(count)[:, None] * stride + np.arange(patch)]


def _patches_stub(x: Floats, patch: int, stride: int) -> Any:
    return ...


def _patches_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    column = np.arange(1.0, 8.0)[:, None]
    return [
        (column, 4, 2),
        (rng.normal(5.0, 1.0, (11, 2)), 3, 3),
        (rng.normal(5.0, 1.0, (26, 3)), 6, 5),
        (rng.normal(5.0, 1.0, (8, 2)), 4, 2),  # the patches fit without zeros
        (rng.normal(5.0, 1.0, (3, 2)), 6, 2),  # shorter than a patch, by more than a stride
    ]


def _patched(*, fill: str = "front", down: bool = False, step: str = "stride", order: int = 1) -> Answer:
    """Patches with zeros elsewhere, fewer of them, another step, or the newest first."""

    def wrong(x: Floats, patch: int, stride: int) -> Floats:
        stride = patch if step == "patch" else 1 if step == "one" else stride
        over = len(x) - patch
        count = 1 + max(0, over // stride if down else -(-over // stride))
        zeros = np.zeros((max(0, patch + stride * (count - 1) - len(x)), x.shape[1]))
        if fill == "edge":
            zeros = zeros + x[:1]
        rows = np.concatenate([x, zeros] if fill == "back" else [zeros, x])
        if fill == "newest":  # counted back from the last week, what does not fit is left out
            rows = rows[len(rows) - (patch + stride * (count - 1)) :]
        return rows[np.arange(count)[:, None] * stride + np.arange(patch)][::order]

    return wrong


def _nothing(x: Floats, patch: int) -> Floats:
    return np.array([])


def _no_patch(x: Floats, patch: int) -> Floats:
    return np.empty((0, patch, x.shape[1]))


def _stacked(x: Floats, patch: int) -> Floats:
    return np.stack([x[:0] for _ in range(0)])


def _windows(x: Floats, patch: int) -> Floats:
    return np.lib.stride_tricks.sliding_window_view(x, patch, axis=0)


def _torch_windows(x: Floats, patch: int) -> Floats:
    raise RuntimeError("maximum size for tensor at dimension 0 is smaller than the patch")


_SHORTS = (_nothing, _no_patch, _stacked, _windows, _torch_windows)


def _too_short(long: Answer, short: Callable[[Floats, int], Floats]) -> Answer:
    """Patches that ``long`` makes, and where the history is shorter than a patch what comes out by accident."""
    return lambda x, patch, stride: short(x, patch) if len(x) < patch else long(x, patch, stride)


def _one_too_many(x: Floats, patch: int, stride: int) -> Floats:
    count = max(0, (len(x) - patch) // stride + 1) + 1
    filled = np.concatenate([np.zeros((patch + stride * (count - 1) - len(x), x.shape[1])), x])
    return filled[np.arange(count)[:, None] * stride + np.arange(patch)]


def _columns_first(x: Floats, patch: int, stride: int) -> Floats:
    return patches(x, patch, stride).swapaxes(1, 2)


def _flat(x: Floats, patch: int, stride: int) -> Floats:
    made = patches(x, patch, stride)
    return made.reshape(len(made), -1)


_PATCHES_MISTAKES: dict[str, tuple[Answer, str]] = {
    "last_weeks_lost": (
        _patched(down=True),
        "You begin at the first week and stop where no whole patch is left: the last weeks, the ones that matter most, "
        "are in no patch. Fill with zeros in front, so that the last patch ends at the last week.",
    ),
    "filled_behind": (
        _patched(fill="back"),
        "The zeros stand behind the last week: the network would read an empty shop just before the origin. "
        "Put them in front.",
    ),
    "first_weeks_lost": (
        _patched(fill="newest", down=True),
        "The last patch ends where it should, but the first weeks are in no patch. One more patch, filled with zeros "
        "in front, takes them in.",
    ),
    "first_week_repeated": (
        _patched(fill="edge"),
        "You repeat the first week where there is none: an invented past. The task asks for zeros.",
    ),
    "short_history": (
        _too_short(patches, _nothing),
        "Right, but for a history shorter than a patch: with it your number of patches is none or fewer. One patch is"
        " needed at the least, filled with zeros in front: max(1, …).",
    ),
    "one_too_many": (
        _one_too_many,
        "Where the patches fit exactly there is one too many, and it begins with zeros that no week needed. Round up"
        " (T - patch) / stride; do not round down and add one.",
    ),
    "no_overlap": (
        _patched(step="patch"),
        "Your patches begin `patch` weeks apart. The task lets them begin `stride` weeks apart, so they may overlap.",
    ),
    "every_week": (
        _patched(step="one"),
        "A patch begins at every week: `stride` is not used. It says how far the next patch begins from this one.",
    ),
    "newest_first": (
        _patched(order=-1),
        "The patches run backwards: the oldest comes first, because a position is learnt for each place.",
    ),
    "columns_before_weeks": (
        _columns_first,
        "Weeks and columns have changed places, as `unfold` leaves them: the task asks for (N, patch, C).",
    ),
    "laid_flat": (
        _flat,
        "Each patch is laid flat already. That is the next step; the task asks for (N, patch, C).",
    ),
}
_PATCHES_ALSO: dict[str, tuple[Answer, ...]] = {
    "short_history": tuple(_too_short(patches, short) for short in _SHORTS),
    **{
        name: tuple(_too_short(_PATCHES_MISTAKES[name][0], short) for short in _SHORTS)
        for name in ("last_weeks_lost", "first_weeks_lost", "filled_behind", "newest_first", "columns_before_weeks")
    },
}
_PATCHES_PAIRS: dict[tuple[str, str], Answer] = {
    ("last_weeks_lost", "newest_first"): _patched(down=True, order=-1),
    ("last_weeks_lost", "no_overlap"): _patched(down=True, step="patch"),
    ("first_week_repeated", "newest_first"): _patched(fill="edge", order=-1),
    ("filled_behind", "newest_first"): _patched(fill="back", order=-1),
    ("filled_behind", "no_overlap"): _patched(fill="back", step="patch"),
}


# --- one window ---


def one_window(y: Floats, w: Floats) -> Floats:
    """Forecast in units (H,) of a linear network w (T, H) that reads the first T of y (T + H,)."""
    known = np.log1p(y[: len(w)])
    level = known.mean()
    return np.maximum(np.expm1((known - level) @ w + level), 0.0)


def _window_stub(y: Floats, w: Floats) -> Any:
    return ...


def _window_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    return [
        (np.array([2.0, 4.0, 9.0, 5.0]), np.array([[0.0], [0.0], [1.0]])),
        (rng.poisson(6.0, 12).astype(float), rng.normal(0.1, 0.2, (8, 4))),
        (np.array([1.0, 0.0, 3.0, 2.0]), np.array([[1.0], [6.0]])),  # below zero until it is clipped
    ]


def _window(
    *,
    reads: str = "past",
    level_of: str = "past",
    back: float = 1.0,
    less: float = 1.0,
    logs: str = "log1p",
    out: str = "expm1",
    clip: bool = True,
    mean: str = "logs",
) -> Answer:
    """One window with another part read, another level, or another way there and back."""

    def wrong(y: Floats, w: Floats) -> Floats:
        into: dict[str, Callable[[Floats], Floats]] = {
            "log1p": np.log1p,
            "twice": lambda v: np.log1p(np.log1p(v)),
            "none": lambda v: v,
            "log": np.log,
        }
        there = into[logs]
        known = there(y[-len(w) :] if reads == "last" else y[: len(w)])
        level = there(y).mean() if level_of == "all" else known.mean()
        if mean == "units":
            level = np.log1p(y[: len(w)].mean())
        elif mean == "median":
            level = np.median(known)
        elif mean == "last":
            level = known[-1]
        found = (known - less * level) @ w + back * level
        ways: dict[str, Callable[[Floats], Floats]] = {
            "expm1": np.expm1,
            "exp": np.exp,
            "twice": lambda v: np.expm1(np.expm1(v)),
            "none": lambda v: v,
        }
        found = ways[out](found)
        return np.maximum(found, 0.0) if clip else found

    return wrong


_LOOKS = (
    "You read weeks that are to be forecast. Only the first `len(w)` weeks are known at the origin; everything, the "
    "level too, comes from them."
)
_TWICE = "The level is added or the scale applied twice: what was taken away once is put back once."
_WINDOW_MISTAKES: dict[str, tuple[Answer, str]] = {
    "looks_ahead": (_window(level_of="all"), _LOOKS),
    "forgets_the_level": (
        _window(back=0.0),
        "The level is not put back: your network says how far the product departs from its usual week, and the usual "
        "week is missing. Every forecast is near zero.",
    ),
    "scales_twice": (_window(back=2.0), _TWICE),
    "never_scaled": (
        _window(less=0.0, back=0.0),
        "The level was not subtracted at all: the network reads how large the product is instead of how it moves.",
    ),
    "level_kept": (
        _window(less=0.0),
        "You put the level back without having taken it away: subtract it from what the network reads.",
    ),
    "logs_left": (
        _window(out="none"),
        "The forecast is still a logarithm. Return to units with `expm1`.",
    ),
    "exp_for_log1p": (
        _window(out="exp"),
        "`exp` undoes `log`. What undoes `log1p` is `expm1`: your forecast is one unit too high.",
    ),
    "log_for_log1p": (
        _window(logs="log", out="exp"),
        "`log` makes minus infinity of a week without a sale, and such weeks are many. Take `log1p`, which adds one"
        " before, and return with `expm1`.",
    ),
    "rounded": (
        lambda y, w: np.round(one_window(y, w)),
        "Right, but rounded. A forecast is a mean, and means are no whole units; the shop rounds when it orders.",
    ),
    "not_clipped": (
        _window(clip=False),
        "A forecast below zero units came out. A shop sells nothing at the least.",
    ),
    "no_logarithm": (
        _window(logs="none", out="none"),
        "You scaled the units themselves. Take `log1p` first, and `expm1` at the end.",
    ),
    "level_in_units": (
        _window(mean="units"),
        "The level is the logarithm of the mean. It is to be the mean of the logarithms; the two differ.",
    ),
    "last_week_as_level": (
        _window(mean="last"),
        "Your level is the last week alone. The window is scaled by the mean of its weeks.",
    ),
}
_WINDOW_ALSO: dict[str, tuple[Answer, ...]] = {
    "looks_ahead": (_window(reads="last"), _window(reads="last", level_of="all")),
    "scales_twice": (
        _window(less=2.0),
        _window(less=2.0, back=2.0),
        _window(logs="twice"),
        _window(out="twice"),
        _window(logs="twice", out="twice"),
    ),
}
_WINDOW_PAIRS: dict[tuple[str, str], Answer] = {
    ("looks_ahead", "forgets_the_level"): _window(level_of="all", back=0.0),
    ("looks_ahead", "scales_twice"): _window(level_of="all", back=2.0),
    ("looks_ahead", "not_clipped"): _window(level_of="all", clip=False),
    ("forgets_the_level", "not_clipped"): _window(back=0.0, clip=False),
    ("forgets_the_level", "logs_left"): _window(back=0.0, out="none"),
    ("scales_twice", "not_clipped"): _window(back=2.0, clip=False),
    ("exp_for_log1p", "level_kept"): _window(out="exp", less=0.0),
}


# --- a layer that fades ---


def fading(x: Floats, a: Floats) -> Floats:
    """States (T, D) of a layer that keeps the share a (D,) and writes the share 1 - a of x (T, D)."""
    states, state = np.empty(np.shape(x)), np.zeros(np.shape(x)[1])
    for t in range(len(x)):
        state = a * state + (1 - a) * x[t]
        states[t] = state
    return states


def _fading_stub(x: Floats, a: Floats) -> Any:
    return ...


def _fading_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    return [
        (np.array([[4.0], [0.0], [0.0]]), np.array([0.5])),
        (rng.normal(0.0, 1.0, (6, 3)), np.array([0.1, 0.5, 0.9])),
        (rng.normal(0.0, 1.0, (3, 3)), np.array([0.2, 0.3, 0.8])),  # as many weeks as entries: axes show
    ]


def _faded(
    *,
    keep: str = "a",
    write: str = "1-a",
    start: str = "zero",
    order: int = 1,
    give: str = "new",
    only_last: bool = False,
) -> Answer:
    """The layer with another share kept or written, another start, the other direction, or the state before."""

    def wrong(x: Floats, a: Floats) -> Floats:
        kept = 1 - a if keep == "1-a" else a
        written = {"1-a": 1 - a, "a": a, "one": np.ones_like(a)}[write]
        rows, states = x[::order], []
        state = rows[0] if start == "first" else np.zeros(x.shape[1])
        for week in rows:
            before, state = state, kept * state + written * week
            states.append(before if give == "old" else state)
        made = np.array(states)[::order]
        return made[-1] if only_last else made

    return wrong


def _adjusted(x: Floats, a: Floats) -> Floats:
    made = fading(x, a)
    return made / (1 - np.power.outer(a, np.arange(1, len(x) + 1)).T)


_FADING_MISTAKES: dict[str, tuple[Answer, str]] = {
    "looks_ahead": (
        _faded(order=-1),
        "Your state runs from the last week to the first: the state of a week knows the weeks after it. Begin with the "
        "first week.",
    ),
    "shares_swapped": (
        _faded(keep="1-a", write="a"),
        "`a` is the share of the old state that is kept, and 1 - a the share of the new week. You have them the other "
        "way round.",
    ),
    "written_whole": (
        _faded(write="one"),
        "The new week is written whole, so the state grows to 1 / (1 - a) times the level of x: the scale is "
        "forgotten. Write the share 1 - a.",
    ),
    "written_with_a": (
        _faded(write="a"),
        "The new week is multiplied by `a` as well. Its share is 1 - a.",
    ),
    "starts_at_first_week": (
        _faded(start="first"),
        "Your state begins as the first week. The task begins at zero: nothing is known before it.",
    ),
    "state_before": (
        _faded(give="old"),
        "You return the state before each week. The state of a week contains the week itself.",
    ),
    "last_state_only": (
        _faded(only_last=True),
        "That is the last state alone. An encoder of the house returns one state a week: (T, D).",
    ),
    "not_carried": (
        lambda x, a: (1 - a) * x,
        "Nothing is carried from week to week: the old state, times `a`, is missing.",
    ),
    "weights_that_sum_to_one": (
        _adjusted,
        "You divide by the sum of the weights so far, as pandas' `ewm` does by itself (adjust=True). The layer begins"
        " at zero and divides by nothing: its first state is (1 - a) times the first week.",
    ),
    "running_mean": (
        lambda x, a: np.cumsum(x, axis=0) / np.arange(1, len(x) + 1)[:, None],
        "That is the mean of all weeks so far. Here older weeks fade: each step multiplies them by `a`.",
    ),
}
_FADING_PAIRS: dict[tuple[str, str], Answer] = {
    ("looks_ahead", "shares_swapped"): _faded(order=-1, keep="1-a", write="a"),
    ("looks_ahead", "written_whole"): _faded(order=-1, write="one"),
    ("shares_swapped", "starts_at_first_week"): _faded(keep="1-a", write="a", start="first"),
    ("written_whole", "starts_at_first_week"): _faded(write="one", start="first"),
    ("shares_swapped", "state_before"): _faded(keep="1-a", write="a", give="old"),
}


EXERCISES = (
    Exercise(
        "04c.patches",
        patches,
        _patches_stub,
        _patches_cases,
        _PATCHES_MISTAKES,
        praise="The newest weeks are in a patch of their own, and no week is lost.",
        also=_PATCHES_ALSO,
        pairs=_PATCHES_PAIRS,
    ),
    Exercise(
        "04c.one_window",
        one_window,
        _window_stub,
        _window_cases,
        _WINDOW_MISTAKES,
        praise="Scaled by what was known, and the level put back once: that is all of a forecast but the network.",
        also=_WINDOW_ALSO,
        pairs=_WINDOW_PAIRS,
    ),
    Exercise(
        "04c.fading",
        fading,
        _fading_stub,
        _fading_cases,
        _FADING_MISTAKES,
        praise="A state-space layer in one line. With a weight for each entry it is a network.",
        pairs=_FADING_PAIRS,
    ),
)
