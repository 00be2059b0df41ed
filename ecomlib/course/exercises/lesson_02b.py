"""Defines lesson 02b's exercises: a join as of a time, a rate from few lines, a loss that pulls pairs together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise
from ecomlib.course.exercises.return_rate import RETURN_RATE

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Words = NDArray[np.str_]
# Which rows of the table a row that asks may see: from (key, time, row_keys, happened, wait).
Seen = Callable[[Any, Any, Words, Ints, int], NDArray[np.bool_]]


def _stub(*_: Any) -> Any:
    return ...


# --- the newest value that was known ---


def newest_known(keys: Words, times: Ints, row_keys: Words, happened: Ints, wait: int, values: Floats) -> Floats:
    """Value of the newest row of the same key that was known strictly before each time, NaN without one: (n,)."""
    return _join(_known)(keys, times, row_keys, happened, wait, values)


def _known(key: Any, time: Any, row_keys: Words, happened: Ints, wait: int) -> NDArray[np.bool_]:
    return np.asarray((row_keys == key) & (happened + wait < time))


def _newest(rows: Ints, happened: Ints) -> Any:
    return rows[np.argmax(happened[rows])]


def _join(seen: Seen, choose: Callable[[Ints, Ints], Any] = _newest, none: float = np.nan) -> Answer:
    """For each asking row the value of the chosen one among the rows that it may see; ``none`` where there is none."""

    def answer(keys: Words, times: Ints, row_keys: Words, happened: Ints, wait: int, values: Floats) -> Floats:
        found = np.full(len(keys), none)
        for n, (key, time) in enumerate(zip(keys, times, strict=True)):
            rows = np.flatnonzero(seen(key, time, row_keys, happened, wait))
            if len(rows):
                found[n] = values[choose(rows, happened)].mean()
        return found

    return answer


def _join_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    small = (
        np.array(["mug", "mug", "tray", "mug"]),
        np.array([10, 20, 20, 25]),
        np.array(["mug", "tray", "mug", "mug"]),
        np.array([14, 2, 3, 23]),  # not in the order of time
        3,
        np.array([4.0, 5.0, 1.0, 2.0]),
    )
    names = np.array(["cup", "kite", "lamp", "drum"])
    happened = rng.permutation(200)[:60]
    times = rng.integers(0, 220, 25)
    asked = rng.choice(names, 25)
    row_keys = rng.choice(names[:3], 60)  # of drums nothing is known
    times[:8], asked[:8] = happened[:8] + 5, row_keys[:8]  # known at the very moment: not yet
    return [small, (asked, times, row_keys, happened, 5, rng.normal(size=60).round(2))]


def _nearest(keys: Words, times: Ints, row_keys: Words, happened: Ints, wait: int, values: Floats) -> Floats:
    found = np.full(len(keys), np.nan)
    for n, (key, time) in enumerate(zip(keys, times, strict=True)):
        rows = np.flatnonzero(row_keys == key)
        if len(rows):
            found[n] = values[rows[np.argmin(np.abs(happened[rows] + wait - time))]]
    return found


def _largest(keys: Words, times: Ints, row_keys: Words, happened: Ints, wait: int, values: Floats) -> Floats:
    return _join(_known, lambda rows, happened: rows[np.argmax(values[rows])])(
        keys, times, row_keys, happened, wait, values
    )


def _by_time(kind: Literal["quicksort", "stable"], seen: Seen = _known) -> Answer:
    """The right values, in the order in which a join has sorted the rows that ask."""

    def answer(keys: Words, times: Ints, row_keys: Words, happened: Ints, wait: int, values: Floats) -> Floats:
        order = np.argsort(times, kind=kind)
        return np.asarray(_join(seen)(keys[order], times[order], row_keys, happened, wait, values))

    return answer


def _known_at_once(key: Any, time: Any, row_keys: Words, happened: Ints, wait: int) -> NDArray[np.bool_]:
    return np.asarray((row_keys == key) & (happened + wait <= time))


_JOIN_MISTAKES: dict[str, tuple[Answer, str]] = {
    "as_of_today": (
        _join(lambda key, time, row_keys, happened, wait: row_keys == key),
        "Every row gets the table's newest value, whenever it came: that is what the table says today, and not what it"
        " said then. Keep only rows known before the row's own time.",
    ),
    "no_wait": (
        _join(lambda key, time, row_keys, happened, wait: (row_keys == key) & (happened < time)),
        "You join by the time at which it happened. It is known `wait` later: until then nobody could have used it.",
    ),
    "the_moment_itself": (
        _join(_known_at_once),
        "A row that becomes known at the very moment is used already. The strict past is asked for: use <, and in"
        " merge_asof allow_exact_matches=False.",
    ),
    "any_key": (
        _join(lambda key, time, row_keys, happened, wait: happened + wait < time),
        "The keys do not have to agree: a mug gets what was known of a tray. Compare the keys too.",
    ),
    "oldest": (
        _join(_known, lambda rows, happened: rows[np.argmin(happened[rows])]),
        "You bring the oldest value that was known. The newest is asked for: of what was known, the latest.",
    ),
    "last_of_the_table": (
        _join(_known, lambda rows, happened: rows[-1]),
        "You take the last of the known rows in the order in which they stand in the table. The table is not sorted by"
        " time: look at `happened`.",
    ),
    "largest": (
        _largest,
        "You take the largest value of those known. The newest is asked for: the greatest `happened`, not the greatest"
        " value.",
    ),
    "order_lost": (
        _by_time("quicksort"),
        "The values are right, but they stand in the order of time: merge_asof needs sorted rows and gives them back"
        " sorted. Number the questions before you sort, and go back to that order at the end.",
    ),
    "mean_of_known": (
        _join(_known, lambda rows, happened: rows),
        "This is the mean of all that was known. One value is asked for, the newest.",
    ),
    "nearest": (
        _nearest,
        "You take the value nearest in time, on either side: half of them lie in the future. Look back only.",
    ),
    "next_one": (
        _join(
            lambda key, time, row_keys, happened, wait: (row_keys == key) & (happened + wait >= time),
            lambda rows, happened: rows[np.argmin(happened[rows])],
        ),
        "You look forward: this is the first value that became known at the row's time or after it.",
    ),
    "same_moment_only": (
        _join(lambda key, time, row_keys, happened, wait: (row_keys == key) & (happened + wait == time)),
        "You ask for rows known at exactly this time, as a plain merge does. A value holds until a newer one comes.",
    ),
    "wait_subtracted": (
        _join(lambda key, time, row_keys, happened, wait: (row_keys == key) & (happened - wait < time)),
        "The wait has the wrong sign: a row becomes known *after* it happened, at happened + wait.",
    ),
    "zero_for_nothing": (
        _join(_known, none=0.0),
        "Where nothing was known you say 0. Zero is a value like any other; nothing known is NaN.",
    ),
}
_JOIN_ALSO: dict[str, tuple[Answer, ...]] = {"order_lost": (_by_time("stable"),)}
_JOIN_PAIRS: dict[tuple[str, str], Answer] = {
    ("order_lost", "the_moment_itself"): _by_time("quicksort", _known_at_once),
    ("zero_for_nothing", "wait_subtracted"): _join(
        lambda key, time, row_keys, happened, wait: (row_keys == key) & (happened - wait < time), none=0.0
    ),
    ("no_wait", "zero_for_nothing"): _join(
        lambda key, time, row_keys, happened, wait: (row_keys == key) & (happened < time), none=0.0
    ),
    ("no_wait", "the_moment_itself"): _join(
        lambda key, time, row_keys, happened, wait: (row_keys == key) & (happened <= time)
    ),
    ("any_key", "no_wait"): _join(lambda key, time, row_keys, happened, wait: happened < time),
    ("no_wait", "last_of_the_table"): _join(
        lambda key, time, row_keys, happened, wait: (row_keys == key) & (happened < time),
        lambda rows, happened: rows[-1],
    ),
}


# --- the loss of pairs ---


def pair_loss(left: Floats, right: Floats, temperature: float) -> float:
    """Mean cross-entropy of choosing one's own partner in the batch, asked from both sides."""
    scores = left @ right.T / temperature
    return float((_entropy(scores) + _entropy(scores.T)) / 2)


def _logs(scores: Floats) -> Floats:
    return np.asarray(scores - np.log(np.exp(scores).sum(axis=1, keepdims=True)))


def _entropy(scores: Floats) -> float:
    return float(-np.diag(_logs(scores)).mean())


def _loss_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    small = (np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]]), np.array([[0.8, 0.6], [0.6, 0.8], [0.0, 1.0]]), 0.5)
    wide = rng.normal(size=(2, 6, 4))
    left, right = wide / np.linalg.norm(wide, axis=2, keepdims=True)
    return [small, (left.round(3), right.round(3), 0.2)]


def _others_only(scores: Floats) -> float:
    own = np.diag(scores)
    others = np.where(np.eye(len(scores), dtype=bool), -np.inf, scores)
    return float((np.log(np.exp(others).sum(axis=1)) - own).mean())


_LOSS_MISTAKES: dict[str, tuple[Answer, str]] = {
    "one_side": (
        lambda left, right, temperature: _entropy(left @ right.T / temperature),
        "Only the left texts choose. Ask the right ones too (the transposed scores), and take the mean of both.",
    ),
    "other_side": (
        lambda left, right, temperature: _entropy((left @ right.T / temperature).T),
        "Your softmax runs down the columns: only the right texts choose. Ask from both sides, and take the mean.",
    ),
    "sides_added": (
        lambda left, right, temperature: 2 * pair_loss(left, right, temperature),
        "You added the two sides. Take their mean.",
    ),
    "summed": (
        lambda left, right, temperature: len(left) * pair_loss(left, right, temperature),
        "This is the sum over the batch: a larger batch would look worse. Take the mean over the pairs.",
    ),
    "sign": (
        lambda left, right, temperature: -pair_loss(left, right, temperature),
        "The sign is missing: the log of a chance is negative, and a loss is what is to be made small.",
    ),
    "no_temperature": (
        lambda left, right, temperature: pair_loss(left, right, 1.0),
        "The temperature is missing: divide the scores by it before the softmax.",
    ),
    "temperature_multiplied": (
        lambda left, right, temperature: pair_loss(left, right, 1 / temperature),
        "You multiplied by the temperature. Divide: a low temperature makes the choice sharper.",
    ),
    "chance": (
        lambda left, right, temperature: float(
            sum(np.exp(np.diag(_logs(s))).mean() for s in (left @ right.T / temperature, right @ left.T / temperature))
            / 2
        ),
        "This is the mean chance of the right partner. The loss is the mean of minus its logarithm.",
    ),
    "log_of_the_mean": (
        lambda left, right, temperature: float(
            np.mean(
                [
                    -np.log(np.exp(np.diag(_logs(s))).mean())
                    for s in (left @ right.T / temperature, right @ left.T / temperature)
                ]
            )
        ),
        "You took the logarithm of the mean chance. First the logarithm of each, then the mean.",
    ),
    "others_only": (
        lambda left, right, temperature: (
            (_others_only(left @ right.T / temperature) + _others_only(right @ left.T / temperature)) / 2
        ),
        "Below the bar you left out the own partner. The softmax runs over all of the batch, the right one included:"
        " then the loss cannot fall below zero.",
    ),
    "cosines_only": (
        lambda left, right, temperature: float(-np.diag(left @ right.T / temperature).mean()),
        "You only pull the pairs together. Without the softmax over the others, one vector for all texts would be"
        " best.",
    ),
    "softmax_over_the_matrix": (
        lambda left, right, temperature: float(
            np.log(np.exp(s := left @ right.T / temperature).sum()) - np.trace(s) / len(s)
        ),
        "Your softmax runs over the whole matrix: all pairs compete at once. Each text chooses among the partners in"
        " its own row: the sum below the bar runs along one axis, and each row of chances adds up to one.",
    ),
    "whole_matrix": (
        lambda left, right, temperature: float(-_logs(left @ right.T / temperature).mean()),
        "You averaged the whole matrix. Only its diagonal holds the right partners.",
    ),
}
_LOSS_PAIRS: dict[tuple[str, str], Answer] = {
    ("one_side", "temperature_multiplied"): lambda left, right, temperature: _entropy(left @ right.T * temperature),
    ("one_side", "no_temperature"): lambda left, right, temperature: _entropy(left @ right.T),
    ("one_side", "summed"): lambda left, right, temperature: len(left) * _entropy(left @ right.T / temperature),
    ("one_side", "sign"): lambda left, right, temperature: -_entropy(left @ right.T / temperature),
}


EXERCISES = (
    Exercise(
        "02b.newest_known",
        newest_known,
        _stub,
        _join_cases,
        _JOIN_MISTAKES,
        "A mug sees what was known of mugs, before that day. The same rows as the package's as_of_join.",
        also=_JOIN_ALSO,
        pairs=_JOIN_PAIRS,
    ),
    RETURN_RATE,
    Exercise(
        "02b.pair_loss",
        pair_loss,
        _stub,
        _loss_cases,
        _LOSS_MISTAKES,
        "Together with one's own, apart from the others. It is the loss by which the encoder was trained further.",
        pairs=_LOSS_PAIRS,
    ),
)
