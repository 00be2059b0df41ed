"""Reads settings as a user types them: NAME=VALUE."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Any

from ecomlib.errors import DataError


def read_settings(pairs: Iterable[str]) -> dict[str, Any]:
    """Read ``NAME=VALUE`` pairs; a value is a number, a tuple and so on as Python writes it, or else a word.

    Examples
    --------
    >>> read_settings(["look_back=26", "scale=none", "quantiles=(0.05, 0.95)"])
    {'look_back': 26, 'scale': 'none', 'quantiles': (0.05, 0.95)}
    """
    values: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name.isidentifier():
            raise DataError("--set needs NAME=VALUE", value=pair, remedy="write it without spaces: --set look_back=26.")
        try:
            values[name] = ast.literal_eval(text)
        except (ValueError, SyntaxError):  # a bare word is a string
            values[name] = text
    return values
