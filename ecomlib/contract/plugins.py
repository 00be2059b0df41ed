"""Registers forecasters and networks from outside the package: modules that the user names, never a saved file.

A saved forecaster's card holds a *registered* name. What the name stands for is decided by the modules that are
imported here: those of the package, and those the user names by ``--plugin`` or in ``ECOMLIB_PLUGINS``.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any, TypeVar

from ecomlib.errors import DataError, explained

Class = TypeVar("Class", bound=type[Any])
REGISTERED: dict[str, type[Any]] = {}  # by registered name: classes from outside the package
ENVIRONMENT = "ECOMLIB_PLUGINS"


@explained("@ecomlib.register in the line above the class")
def register(cls: Class) -> Class:
    """Register a class of your own under its ``name``: use it as a decorator above the class.

    Parameters
    ----------
    cls : type
        A ``Forecaster`` with a ``name``, or a network (``ecomlib.models.Network``) with a ``kind``.

    Returns
    -------
    type
        The same class.

    Raises
    ------
    DataError
        No name, or a name that another class has.

    Examples
    --------
    >>> from ecomlib.contract import Forecaster, register
    >>> @register
    ... class Nothing(Forecaster):
    ...     name, point = "nothing", "mean"
    ...     def answer(self, learned, past, future):
    ...         return [0.0] * len(future)
    """
    if not isinstance(cls, type):
        raise DataError(
            "what is registered is a class",
            value=cls if isinstance(cls, str) else type(cls).__name__,
            remedy="write @ecomlib.register in the line above the class; its name stands in the class.",
        )
    name = getattr(cls, "kind", None) or getattr(cls, "name", None)
    if not isinstance(name, str) or not name or "-" in name:
        raise DataError(
            "a registered class needs a name without a hyphen",
            value=name if name else cls.__name__,
            remedy='write kind = "my_network" in the class.'
            if hasattr(cls, "state_dict")
            else 'write name = "my_forecaster" in the class, a Forecaster; a network has kind = "my_network".',
        )
    other = REGISTERED.get(name)
    if other is not None and (other.__module__, other.__qualname__) != (cls.__module__, cls.__qualname__):
        raise DataError(
            "two classes are registered under one name",
            value=name,
            remedy=f"rename one of {other.__module__}.{other.__qualname__} and {cls.__module__}.{cls.__qualname__}.",
        )
    REGISTERED[name] = cls
    return cls


def require_own_name(name: str, cls: type[Any] | None = None) -> None:
    """Raise ``DataError`` where a class from outside has the name of one of the package's (``cls``)."""
    other = REGISTERED.get(name)
    if other is not None and other is not cls:
        raise DataError(
            "a class of your own has the name of one of ecomlib's",
            value=name,
            remedy=f"rename {other.__module__}.{other.__qualname__}.",
        )


def load_plugins(modules: Iterable[str] = ()) -> list[str]:
    """Import the modules named, and those of ``ECOMLIB_PLUGINS`` (commas between them); return their names.

    A module is looked for in the current folder too.

    Raises
    ------
    DataError
        There is no such module, or its import fails.
    """
    named = [name.strip() for name in [*modules, *os.environ.get(ENVIRONMENT, "").split(",")]]
    found = [name for name in dict.fromkeys(named) if name]
    for name in found:
        if name in sys.modules:
            continue
        if name.endswith(".py") or "/" in name or "\\" in name:
            module = PurePath(name.replace("\\", "/")).name.removesuffix(".py")
            remedy = f"write --plugin {module}, in the folder that holds {module}.py."
            raise DataError("a plug-in is named as a module, not as a file", value=name, remedy=remedy)
        here = os.getcwd()
        sys.path.insert(0, here)
        try:
            importlib.import_module(name)
        except Exception as fault:
            raise DataError(
                f"the plug-in '{name}' cannot be imported: {type(fault).__name__}: {fault}",
                remedy=f"name a module as Python imports it, without .py; {here} is searched too.",
            ) from fault
        finally:
            sys.path.remove(here)
    return found
