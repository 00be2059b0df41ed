"""Judges an answer: right, or which known mistake it is, by the values that it returns.

An answer is a function, tried on inputs that the check makes (or an array made from ``inputs(name)``). So it depends on
no store, size or seed, and nothing can be copied from the page. A check knows the mistakes people make by the values
they produce.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
import linecache
import re
import traceback
import warnings
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

Answer = Callable[..., Any]
Status = Literal["right", "unfinished", "mistake", "error", "wrong"]


@dataclass(frozen=True)
class Exercise:
    """One exercise: how it is solved, how people go wrong, and what they are told.

    Parameters
    ----------
    name: ``"NN.short_name"``; NN is the lesson.
    solution: the right function. Its parameters' names are shown to the learner.
    stub: the placeholder as it stands in the notebook; its value counts as "not filled in yet".
    cases: given a generator (seeded from the name), returns the argument tuples to try, the smallest first: the
        learner sees that one when no mistake is recognised. No two mistakes may agree on all of them.
    mistakes: ``{name: (wrong function, hint)}``; the hint says what is wrong and where to look, not the solution.
    also: ``{name: wrong functions}``: other ways to write a mistake that give other values; they get its hint.
    pairs: ``{(name, name): wrong function}`` with two of the mistakes at once, which gets both hints.
    praise: one sentence printed after a right answer: what has been gained.
    rtol, atol: tolerances of numbers.
    """

    name: str
    solution: Answer
    stub: Answer
    cases: Callable[[np.random.Generator], Sequence[tuple[Any, ...]]]
    mistakes: Mapping[str, tuple[Answer, str]]
    praise: str = ""
    rtol: float = 1e-6
    atol: float = 1e-9
    also: Mapping[str, Sequence[Answer]] = field(default_factory=dict)
    pairs: Mapping[tuple[str, str], Answer] = field(default_factory=dict)

    def make_cases(self) -> list[tuple[Any, ...]]:
        """The argument tuples to try: always the same ones for this exercise."""
        return list(self.cases(np.random.default_rng(zlib.crc32(self.name.encode()))))


@dataclass(frozen=True)
class Verdict:
    """What a check thinks of an answer. ``mistake`` is the name of the recognised mistake, of two "one and other"."""

    status: Status
    text: str
    mistake: str | None = None


@dataclass(frozen=True)
class Raised:
    """The outcome of an answer that stopped with an error."""

    error: BaseException


def outcome(function: Answer, arguments: tuple[Any, ...]) -> Any:
    """What ``function`` gives for a private copy of ``arguments``; an exception becomes ``Raised``."""
    try:
        return function(*copy.deepcopy(arguments))
    except Exception as error:  # whatever a learner's code raises is explained to them, never re-raised
        return Raised(error)


def _changed(case: tuple[Any, ...], given: tuple[Any, ...]) -> list[int]:
    """Places of the arguments that no longer equal those of ``case``; what cannot be compared counts as unchanged."""

    def equal(before: Any, after: Any) -> bool:
        if isinstance(before, Mapping):
            return list(before) == list(after) and all(equal(before[k], after[k]) for k in before)
        if isinstance(before, list | tuple):
            return len(before) == len(after) and all(equal(a, b) for a, b in zip(before, after, strict=True))
        return same(before, after, 0.0, 0.0)

    places = []
    for place, (before, after) in enumerate(zip(case, given, strict=True)):
        with contextlib.suppress(Exception):
            if not equal(before, after):
                places.append(place)
    return places


def _tried(function: Answer, case: tuple[Any, ...]) -> tuple[Any, list[int]]:
    """What an answer gives for a private copy of the case, and the places of the arguments that it has changed."""
    given = copy.deepcopy(case)
    try:
        value = function(*given)
    except Exception as error:  # whatever a learner's code raises is explained to them, never re-raised
        value = Raised(error)
    return value, _changed(case, given)


def _alike(left: BaseException, right: BaseException) -> bool:
    """Whether two errors are of one kind. A ValueError says many things, so its words count, but for the numbers."""
    words = [re.sub(r"\d+", "#", str(error))[:30] for error in (left, right)]
    return type(left) is type(right) and (type(left) is not ValueError or "" in words or words[0] == words[1])


def same(left: Any, right: Any, rtol: float = 1e-6, atol: float = 1e-9) -> bool:
    """Whether two answers are equal: numbers within tolerance, NaN equal to NaN, containers part by part.

    Frames and series are compared with their labels, tensors as arrays. ``None`` and ``...`` equal only themselves.
    """
    if isinstance(left, Raised) or isinstance(right, Raised):
        return isinstance(left, Raised) and isinstance(right, Raised) and _alike(left.error, right.error)
    left, right = (v.detach().cpu().numpy() if hasattr(v, "detach") else v for v in (left, right))
    if isinstance(left, pd.DataFrame) and isinstance(right, pd.DataFrame):
        return (
            list(left.columns) == list(right.columns)
            and left.index.equals(right.index)
            and all(same(left[c].to_numpy(), right[c].to_numpy(), rtol, atol) for c in left.columns)
        )
    left, right = (str(v) if isinstance(v, np.str_) else v for v in (left, right))  # from an array of words
    if isinstance(left, pd.Series) and isinstance(right, pd.Series) and not left.index.equals(right.index):
        return False
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(same(left[k], right[k], rtol, atol) for k in left)
    if isinstance(left, str | set | frozenset) or isinstance(right, str | set | frozenset):
        return type(left) is type(right) and bool(left == right)
    if left is None or right is None or left is ... or right is ...:
        return left is right
    if isinstance(left, tuple | list) and isinstance(right, tuple | list) and (tuple in (type(left), type(right))):
        return len(left) == len(right) and all(same(a, b, rtol, atol) for a, b in zip(left, right, strict=True))
    try:
        a, b = np.asarray(left), np.asarray(right)
    except Exception:  # ragged lists and the like are no answer to a numeric question
        return False
    if a.shape != b.shape:
        return False
    if a.dtype.kind in "biufc" and b.dtype.kind in "biufc":
        return bool(np.allclose(a, b, rtol=rtol, atol=atol, equal_nan=True))
    return bool(((a == b) | (pd.isna(a) & pd.isna(b))).all())


def show(value: Any) -> str:
    """A value as a learner wants to read it: short, with four digits."""
    if isinstance(value, Raised):
        return f"{type(value.error).__name__}: {value.error}"
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    if isinstance(value, pd.DataFrame | pd.Series):
        text = value.head(8).to_string(float_format=lambda v: f"{v:.4g}")
        text = "\n" + "\n".join("    " + line for line in text.splitlines())
    elif isinstance(value, np.ndarray):
        text = np.array2string(value, precision=4, threshold=30, suppress_small=True)
        if value.ndim > 2:  # numpy sets its parts apart by empty lines, more of them the more axes there are
            text = f"shape {value.shape}\n  " + "\n  ".join(line for line in text.splitlines() if line.strip())
    elif isinstance(value, float | np.floating):
        text = f"{value:.4g}"
    else:
        text = repr(value)
    return text if len(text) <= 600 else text[:600] + " …"


def _unfinished(value: Any) -> bool:
    return value is None or value is ... or (isinstance(value, Raised) and isinstance(value.error, NotImplementedError))


def _as_asked(value: Any, want: Any) -> Any:
    """The value in the kind that was asked for.

    Members as a set, a series as a dict, a sparse matrix as an array, an array of one as a number, names in order.
    """
    if isinstance(want, set) and isinstance(value, list | tuple | frozenset | np.ndarray):
        with contextlib.suppress(TypeError):  # members that cannot stand in a set
            return set(value)
    if isinstance(want, Mapping) and isinstance(value, pd.DataFrame) and value.shape[1] == 1:
        value = value.iloc[:, 0]
    if isinstance(want, Mapping) and isinstance(value, pd.Series) and value.index.is_unique:
        return value.to_dict()
    if isinstance(want, np.ndarray) and hasattr(value, "toarray"):
        return value.toarray()
    if isinstance(want, int | float | np.number) and np.ndim(want) == 0 and not isinstance(value, str | Mapping | set):
        with contextlib.suppress(Exception):  # ragged lists and the like
            numbers = np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
            if numbers.ndim > 0 and numbers.size == 1 and numbers.dtype.kind in "biuf":
                return numbers.reshape(()).item()
    if _in_order(want) and isinstance(value, list | tuple | set | frozenset | np.ndarray | pd.Index):
        names = list(value)
        if all(isinstance(name, str) for name in names) and (
            isinstance(value, set | frozenset) or not _in_order(names)
        ):
            return sorted(names)
    return value


def _in_order(names: Any) -> bool:
    return isinstance(names, list) and all(isinstance(name, str) for name in names) and names == sorted(names)


def _other_kind(given: Any, want: Any) -> tuple[str, str]:
    """The name of what is wrong with the kind of ``given`` where ``want`` was asked for, and how to mend it."""
    kind = type(given).__name__
    if isinstance(want, Mapping):
        return "not_a_dict", f"Return them as a dict, not as a {kind}: Series.to_dict() makes it."
    if isinstance(want, np.ndarray):
        return "sparse", "They stand in a sparse matrix. Call .toarray() on it before you return it."
    if isinstance(want, set):
        return "not_a_set", f"Return them as a set, not as a {kind}: they have no order."
    if isinstance(want, list) and isinstance(given, set | frozenset):
        return "not_a_list", f"Return them as a list, not as a {kind}, and in order: sorted(…) makes it."
    if isinstance(want, list):
        return "not_in_order", "They come in the order in which you met them. Return them in order: sorted(…)."
    return "not_a_number", f"Asked is one number, not {_an(kind)} of one: take its only entry, [0]."


def _an(kind: str) -> str:
    return {"list": "a list", "tuple": "a tuple", "ndarray": "an array"}.get(kind, f"a {kind}")


def _kept(exercise: Exercise, changed: Sequence[int]) -> str:
    """What is said of an answer that changes the arguments in these places."""
    known = dict(enumerate(_names(exercise.solution)))
    names = " and ".join(f"`{known.get(place, f'argument {place + 1}')}`" for place in sorted(set(changed)))
    return (
        f"Your function changes the table it was given ({names}); make a copy. Whoever reads it afterwards would find"
        " other numbers there."
    )


def _names(function: Answer) -> list[str]:
    try:
        return list(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # some built-in functions have no signature
        return []


def _explain(exercise: Exercise, answer: Answer, arguments: tuple[Any, ...], raised: Raised) -> str:
    """Why the learner's function stopped, in words, with the line where it did."""
    try:
        inspect.signature(answer).bind(*arguments)
    except TypeError:
        given = ", ".join(_names(exercise.solution))
        return f"Your function takes ({', '.join(_names(answer))}); the check calls it with ({given}), in this order."
    except ValueError:
        pass
    place = ""
    frames = traceback.extract_tb(raised.error.__traceback__)
    code = getattr(answer, "__code__", None)
    own = [f for f in frames if code is not None and f.filename == code.co_filename]
    if own and (line := (own[-1].line or linecache.getline(own[-1].filename, own[-1].lineno or 0)).strip()):
        place = f" in the line `{line[:100]}`"
    stopped = f"Your function stopped with {type(raised.error).__name__}: {raised.error}{place}. The input:"
    return "\n".join([stopped, *_inputs(exercise, arguments)])


def _inputs(exercise: Exercise, arguments: tuple[Any, ...]) -> list[str]:
    names = _names(exercise.solution) or [f"argument {n + 1}" for n in range(len(arguments))]
    return [f"  {name} = {show(value)}" for name, value in zip(names, arguments, strict=False)]


def _difference(exercise: Exercise, arguments: tuple[Any, ...], want: Any, got: Any) -> str:
    lines = ["Not yet, and not in a way that this check knows. The first input on which the answer differs:"]
    lines += _inputs(exercise, arguments)
    lines += [f"  expected: {show(want)}", f"  got:      {show(got)}"]
    shapes = [np.shape(v) if isinstance(v, np.ndarray | pd.DataFrame | pd.Series) else None for v in (want, got)]
    if shapes[0] != shapes[1] and None not in shapes:
        lines.append(f"  The shapes differ: expected {shapes[0]}, got {shapes[1]}.")
    return "\n".join(lines)


def judge(exercise: Exercise, answer: Any) -> Verdict:
    """What to think of ``answer``: a function of the case's arguments, or a value for the first case's arguments.

    A function that changes its arguments is told so, whatever else it does; with right values that is its mistake.
    """
    cases = exercise.make_cases()
    changed: list[int] = []
    if callable(answer):
        tried = [_tried(answer, case) for case in cases]
        got, changed = [value for value, _ in tried], [place for _, places in tried for place in places]
    else:
        cases, got = cases[:1], [answer]
    verdict, kind = _judged(exercise, answer, cases, got)
    notes = [kind] if kind and verdict.status == "mistake" else []
    notes += [_kept(exercise, changed)] if changed and verdict.status != "unfinished" else []
    if verdict.status == "right" and notes:
        return Verdict("mistake", f"✗ Nearly: the answer is right, but one thing is not. {notes[0]}", "input_changed")
    return Verdict(verdict.status, "\n  Also: ".join([verdict.text, *notes]), verdict.mistake)


def _judged(
    exercise: Exercise, answer: Any, cases: Sequence[tuple[Any, ...]], got: Sequence[Any]
) -> tuple[Verdict, str | None]:
    """The verdict on the values, and what else there is to say of the kind in which they came."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # the wrong functions divide by zero and the like, on purpose
        want = [outcome(exercise.solution, case) for case in cases]

        def fits(function: Answer) -> bool:
            values = (outcome(function, case) for case in cases)
            return all(same(g, v, exercise.rtol, exercise.atol) for g, v in zip(got, values, strict=True))

        given, got = got, [_as_asked(g, w) for g, w in zip(got, want, strict=True)]
        turned = [_other_kind(raw, w) for raw, g, w in zip(given, got, want, strict=True) if raw is not g]
        name, kind = turned[0] if turned else (None, None)
        if all(same(g, w, exercise.rtol, exercise.atol) for g, w in zip(got, want, strict=True)):
            if kind:
                return Verdict("mistake", f"✗ Nearly: the values are right. {kind}", name), None
            return Verdict("right", f"✓ Right. {exercise.praise}".rstrip()), None
        if all(g is None for g in got) and outcome(exercise.stub, cases[0]) is not None:
            text = "… Your function returns nothing: does its last line begin with `return`?"
            return Verdict("unfinished", text), None
        if any(_unfinished(g) for g in got) or fits(exercise.stub):
            text = "… Not filled in yet: replace the placeholder above, then run this cell again."
            return Verdict("unfinished", text), None
        for name, (wrong, hint) in exercise.mistakes.items():
            if any(fits(way) for way in (wrong, *exercise.also.get(name, ()))):
                return Verdict("mistake", f"✗ Not yet. {hint}", name), kind
        for names, both in exercise.pairs.items():
            if fits(both):
                first, second = (exercise.mistakes[name][1] for name in names)
                text = f"✗ Not yet. Two things at once.\n  1. {first}\n  2. {second}"
                return Verdict("mistake", text, " and ".join(names)), kind
    for case, w, g, raw in zip(cases, want, got, given, strict=True):
        if isinstance(g, Raised):
            return Verdict("error", "✗ " + _explain(exercise, answer, case, g)), None
        if not same(g, w, exercise.rtol, exercise.atol):
            return Verdict("wrong", "✗ " + _difference(exercise, case, w, raw)), None
    raise AssertionError("an answer is either right or differs somewhere")  # pragma: no cover
