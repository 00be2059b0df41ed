"""Turns the plain values of a card back into settings: tuples, and dataclasses inside dataclasses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints


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
    try:
        hints = get_type_hints(cls)
    except NameError:  # a hint that only a type checker can resolve: its field keeps its plain value
        hints = {}
    return {name: _rebuilt(hints.get(name), value) for name, value in settings.items()}


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
