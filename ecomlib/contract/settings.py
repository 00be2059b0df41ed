"""Checks settings by their type hints, and turns the plain values of a card back into them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from ecomlib.errors import DataError


def rebuilt(cls: type, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Give the fields of a dataclass from plain values, by their type hints.

    Parameters
    ----------
    cls : type
        The dataclass.
    settings : mapping
        By field: plain values as JSON holds them, lists for tuples, and mappings for dataclasses.

    Returns
    -------
    dict
        What ``cls(**...)`` takes.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Lags:
    ...     at: tuple[int, ...] = ()
    >>> rebuilt(Lags, {"at": [1, 52]})
    {'at': (1, 52)}
    """
    hints = _hints(cls)
    return {name: _rebuilt(hints.get(name), value) for name, value in settings.items()}


def checked_types(settings: Any) -> None:
    """Refuse a setting of a dataclass that is not what its type hint says; call it from ``__post_init__``.

    Looked at are ``int``, ``float``, ``str``, ``bool``, ``None``, ``Literal``, tuples of them, and what unites them;
    any other hint allows anything. A list does for a tuple, a whole number for a ``float``, and numpy's numbers for
    Python's.

    Parameters
    ----------
    settings : dataclass
        What was made.

    Raises
    ------
    DataError
        The first setting that does not fit, and what to write.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Mean:
    ...     window: int = 8
    ...     def __post_init__(self):
    ...         checked_types(self)
    >>> Mean("4")
    Traceback (most recent call last):
    ecomlib.errors.DataError: the setting 'window' of Mean is a whole number (found '4'). What to do: write window=4.
    """
    if not is_dataclass(settings):
        return
    hints = _hints(type(settings))
    for part in fields(settings):
        hint, value = hints.get(part.name, Any), getattr(settings, part.name)
        if not part.init or _fits(hint, value):
            continue
        default = part.default if part.default is not MISSING else None
        problem = f"the setting '{part.name}' of {type(settings).__name__} is {_words(hint)}"
        raise DataError(problem, value=value, remedy=_instead(part.name, hint, value, default))


def at_least(settings: Any, least: float, *names: str) -> None:
    """Refuse settings below ``least``; None passes."""
    for name in names:
        value = getattr(settings, name)
        if value is not None and not value >= least:
            problem = f"the setting '{name}' of {type(settings).__name__} is at least {least:g}"
            raise DataError(problem, value=value, remedy=f"write {name}={least:g}, or more.")


def rising_shares(settings: Any, name: str) -> None:
    """Put a frozen dataclass's quantiles in order, and refuse none, two alike, and those not between 0 and 1."""
    shares = tuple(sorted(getattr(settings, name)))
    if not shares or len(set(shares)) < len(shares) or not all(0 < share < 1 for share in shares):
        raise DataError(
            f"{name} of {type(settings).__name__} are shares between 0 and 1, no two alike",
            value=shares,
            remedy=f"write {name}=(0.5, 0.75, 0.9).",
        )
    object.__setattr__(settings, name, shares)


def _hints(cls: type) -> dict[str, Any]:
    try:
        return get_type_hints(cls)
    except NameError:  # a hint that only a type checker can resolve: its fields are neither checked nor rebuilt
        return {}


def _fits(hint: Any, value: Any) -> bool:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_fits(kind, value) for kind in inner)
    if origin is Literal:
        return any(type(value) is type(known) and value == known for known in inner)
    if origin is tuple:
        if isinstance(value, str | bytes | Mapping) or not (hasattr(value, "__iter__") and hasattr(value, "__len__")):
            return False
        kinds = inner[:1] * len(value) if inner[-1:] == (...,) else inner
        return len(kinds) == len(value) and all(map(_fits, kinds, value))
    if hint in (None, NoneType):
        return value is None
    if hint is bool:
        return isinstance(value, bool | np.bool_)
    if hint in (int, float):
        return isinstance(value, Integral if hint is int else Real) and not isinstance(value, bool | np.bool_)
    return isinstance(value, str) if hint is str else True


def _words(hint: Any) -> str:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return " or ".join(_words(kind) for kind in inner)
    if origin is Literal:
        return "one of " + ", ".join(map(repr, inner))
    if origin is tuple:
        return f"a tuple, each part {_words(inner[0])}" if inner[-1:] == (...,) else f"a tuple of {len(inner)} parts"
    known = {int: "a whole number", float: "a number", str: "a text", bool: "True or False", NoneType: "None"}
    return known.get(hint, getattr(hint, "__name__", str(hint)))


def _instead(name: str, hint: Any, value: Any, default: Any) -> str:
    """What to write: the value as it was meant, else the default, else what there is."""
    kinds = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    for kind in kinds:
        inner = get_args(kind)
        if get_origin(kind) is tuple and inner[-1:] == (...,) and _fits(inner[0], value):
            return f"write {name}=({value!r},)."
        if kind in (int, float) and isinstance(value, str) and value.strip().isdecimal():
            return f"write {name}={int(value)}."
        if get_origin(kind) is Literal:
            near = difflib.get_close_matches(str(value), [str(known) for known in inner], n=1)
            found = [known for known in inner if str(known) in near] or list(inner)
            return f"write {name}=" + " or ".join(map(repr, found)) + "."
    return f"write {name}={default!r}." if default is not None else f"give it {_words(hint)}."


def _rebuilt(hint: Any, value: Any) -> Any:
    inner = get_args(hint)
    if isinstance(value, Mapping):
        either = get_origin(hint) in (Union, UnionType)  # as ``TrainSettings | None``
        for kind in inner if either else (hint,):
            if isinstance(kind, type) and is_dataclass(kind):
                return kind(**rebuilt(kind, value))
        return {key: _rebuilt(inner[-1] if inner else None, part) for key, part in value.items()}
    if isinstance(value, list):
        parts = [_rebuilt(inner[0] if inner else None, part) for part in value]
        return parts if list in (hint, get_origin(hint)) else tuple(parts)
    return value
