"""Defines the package's own errors. Each says what is wrong, where, and what to do about it."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

# What a runtime of Colab ships, as constraints for pip. The lessons' set-up cell writes it into the current folder.
CONSTRAINTS = "colab-constraints.txt"


class EcomlibError(Exception):
    """Mark every error that ecomlib raises on purpose.

    Examples
    --------
    >>> try:
    ...     raise DataError("units are numbers")
    ... except EcomlibError as fault:
    ...     print(fault)
    units are numbers
    """


class DataError(EcomlibError, ValueError):
    """Refuse a table or a value that is not what it should be.

    Parameters
    ----------
    problem : str
        One sentence that says what is wrong.
    table, column : str, optional
        The place, where they are known.
    rows : sequence of int
        Row numbers as the owner counts them in the file (the first data row is 1); at most five are printed.
    value : object, optional
        The value at fault.
    remedy : str, optional
        One sentence that says what to do.

    Examples
    --------
    >>> print(DataError("a price must be above zero", column="price", rows=[2], value=-1.0, remedy="mend the row."))
    column 'price', row 2: a price must be above zero (found -1.0). What to do: mend the row.
    """

    def __init__(
        self,
        problem: str,
        *,
        table: str | None = None,
        column: str | None = None,
        rows: Sequence[int] = (),
        value: object = None,
        remedy: str | None = None,
    ) -> None:
        self.problem, self.table, self.column = problem, table, column
        self.rows, self.value, self.remedy = list(rows), value, remedy
        place = [f"table '{table}'"] if table else []
        if column:
            place.append(f"column '{column}'")
        if self.rows:
            shown = ", ".join(str(row) for row in self.rows[:5])
            more = f" and {len(self.rows) - 5} more" if len(self.rows) > 5 else ""
            place.append(f"row{'s' if len(self.rows) > 1 else ''} {shown}{more}")
        text = (", ".join(place) + ": " if place else "") + problem
        if value is not None:
            text += f" (found {value!r})"
        if remedy:
            text += ("" if text.endswith((".", "?", "!")) else ".") + f" What to do: {remedy}"
        super().__init__(text)


class CallError(DataError, TypeError):
    """Refuse a call whose arguments do not fit the function; the message shows how it is called."""


class UnknownNameError(EcomlibError, AttributeError):
    """Refuse a name that a module or object does not have; the message names the nearest ones, or the way to go."""


class MissingTableError(DataError):
    """Refuse a store without the table that a lesson or function needs."""


class DownloadError(EcomlibError):
    """Report a data set or model that could not be fetched, or is not what its publisher published."""


class MissingDependencyError(EcomlibError, ImportError):
    """Report an optional library that is not installed; the message holds the command that installs it."""


class LeakageError(EcomlibError, ValueError):
    """Refuse to use something before it was known."""


class LessonError(EcomlibError):
    """Report a lesson that could not be found, read or run."""


def install_command(*requirements: str) -> str:
    """Write the command that installs optional libraries, as messages show it.

    On Colab it keeps what Colab ships: it names the constraints that the set-up cell wrote. Quotes are double ones, for
    they mean the same to every shell.
    """
    keeps = f"--constraint {CONSTRAINTS} " if Path(CONSTRAINTS).is_file() else ""
    return f"python -m pip install {keeps}" + " ".join(f'"{requirement}"' for requirement in requirements)


# What other libraries call an argument, and what it is called here, where the function has an argument of that name.
_FOREIGN: dict[str, tuple[str, ...]] = {
    "h": ("horizon",),
    "n": ("horizon", "count", "origins"),
    "fh": ("horizon",),
    "steps": ("horizon", "ahead"),
    "periods": ("horizon", "ahead"),
    "n_periods": ("horizon",),
    "prediction_length": ("horizon",),
    "output_chunk_length": ("horizon",),
    "forecast_horizon": ("horizon",),
    "n_windows": ("origins", "count"),
    "n_splits": ("origins", "count"),
    "cv": ("origins", "count"),
    "folds": ("origins", "count"),
    "step_size": ("step",),
    "stride": ("step",),
    "input_size": ("look_back",),
    "lookback": ("look_back",),
    "window": ("look_back", "windows"),
    "window_size": ("look_back", "windows"),
    "context_length": ("look_back",),
    "input_chunk_length": ("look_back",),
    "max_encoder_length": ("look_back",),
    "hist_exog_list": ("past",),
    "past_covariates": ("past",),
    "futr_exog_list": ("future", "known_ahead"),
    "future_covariates": ("future", "known_ahead"),
    "stat_exog_list": ("static",),
    "static_covariates": ("static",),
    "frequency": ("freq",),
    "period": ("freq",),
    "resample": ("freq",),
    "rule": ("freq",),
    "groupby": ("by",),
    "group_by": ("by",),
    "key": ("by",),
    "keys": ("by",),
    "level": ("by",),
    "df": ("panel", "frame", "left", "events"),
    "data": ("panel", "store", "frame"),
    "series": ("panel",),
    "y": ("panel",),
    "dataset": ("store", "panel"),
    "shop": ("store",),
    "model": ("forecasters", "fitted", "models"),
    "models": ("forecasters",),
    "estimator": ("forecasters",),
    "cutoff": ("at", "until"),
    "origin": ("at", "until"),
    "start_date": ("start",),
    "end_date": ("end",),
    "filename": ("path",),
    "folder": ("path", "name_or_path"),
    "path": ("name_or_path",),
    "name": ("name_or_path",),
    "metric": ("metrics",),
    "lag": ("lags",),
    "rolling": ("windows",),
    "country": ("holidays",),
}
_COLUMNS = ("id_col", "time_col", "target_col", "timestamp_column", "item_id", "time_idx", "group_ids", "value_cols")
_RENAME = "the columns of a panel are always unique_id, ds and y: rename yours first, panel.rename(columns=…)."
Target = TypeVar("Target", bound=Callable[..., Any])


def explained(usage: str = "", **foreign: str) -> Callable[[Target], Target]:
    """Decorate a function or class so that a call which does not fit is answered by an error with the remedy.

    Parameters
    ----------
    usage : str
        How it is called, for the message; the signature unless given.
    **foreign : str
        By the name that a user may try: what it is called here, or a sentence that says what to do.

    Returns
    -------
    callable
        The decorator. What it decorates keeps its signature, and costs nothing while calls fit.

    Raises
    ------
    CallError
        In place of Python's ``TypeError``, where the arguments of the decorated function's call do not fit.

    Examples
    --------
    >>> @explained()
    ... def fit(panel, horizon): ...
    >>> fit(None, h=4)
    Traceback (most recent call last):
    ecomlib.errors.CallError: fit has no argument 'h'. What to do: it is called horizon here. Write fit(panel, horizon).
    """

    def decorate(target: Target) -> Target:
        if inspect.isclass(target):
            made: Any = target
            made.__init__ = _guarded(made.__init__, target.__name__, usage, foreign)
            return target
        guarded: Target = _guarded(target, target.__name__, usage, foreign)
        return guarded

    return decorate


def _guarded(function: Any, name: str, usage: str, foreign: Mapping[str, str]) -> Any:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        try:
            return function(*args, **kwargs)
        except TypeError as fault:
            # A fault of the call itself has no frame below this one; every other is none of ours.
            if fault.__traceback__ is None or fault.__traceback__.tb_next is not None:
                raise
        refused(function, name, args, kwargs, usage, foreign)

    return call


def refused(
    function: Any,
    name: str,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    usage: str = "",
    foreign: Mapping[str, str] | None = None,
) -> NoReturn:
    """Raise the ``CallError`` that says why these arguments do not fit a function."""
    parameters = list(inspect.signature(function).parameters.values())
    if parameters and parameters[0].name in ("self", "cls"):
        parameters, args = parameters[1:], args[1:]
    plain = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    offered = [p.name for p in plain if p.kind is not p.POSITIONAL_ONLY]
    how = usage or f"{name}({_signature(parameters)})"
    unknown = [word for word in kwargs if word not in offered]
    if unknown:
        remedy = _renamed(unknown[0], offered, foreign or {})
        if " " not in (foreign or {}).get(unknown[0], "") and unknown[0] not in _COLUMNS:
            remedy += f" Write {how}." if remedy else f"write {how}."
        raise CallError(f"{name} has no argument '{unknown[0]}'", remedy=remedy)
    places = [p for p in plain if p.kind is not p.KEYWORD_ONLY]
    if len(args) > len(places):
        problem = f"{name} takes at most {len(places)} of its arguments by place, and {len(args)} were given"
        raise CallError(problem, remedy=f"name the others: {how}.")
    twice = [p.name for p in places[: len(args)] if p.name in kwargs]
    if twice:
        raise CallError(f"{name} was given '{twice[0]}' twice, by place and by name", remedy=f"write {how}.")
    filled = {p.name for p in places[: len(args)]} | set(kwargs)
    lacking = [p.name for p in plain if p.default is p.empty and p.name not in filled]
    words = " and ".join(f"'{word}'" for word in lacking[:3]) or "an argument"
    raise CallError(f"{name} needs {words}", remedy=f"write {how}.")


def _signature(parameters: Sequence[inspect.Parameter]) -> str:
    """The parameters without types, and no more of the optional ones than a line holds."""
    shown, star = [], False
    for parameter in parameters:
        if parameter.kind is parameter.KEYWORD_ONLY and not star:
            star = True
            shown.append("*")
        default = "" if parameter.default is parameter.empty else f"={_short(parameter.default)}"
        mark = {"VAR_POSITIONAL": "*", "VAR_KEYWORD": "**"}.get(parameter.kind.name, "")
        shown.append(f"{mark}{parameter.name}{default}")
    most = max(7, 1 + max((k for k, p in enumerate(parameters) if p.default is p.empty), default=0))
    return ", ".join(shown[:most]) + (", …" if len(shown) > most else "")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 24 else "…"


def _renamed(word: str, offered: Sequence[str], foreign: Mapping[str, str]) -> str:
    """What an unknown argument is called here: a sentence, or the nearest names, or nothing."""
    if word in foreign:
        said = foreign[word]
        return said if " " in said else f"it is called {said} here."
    here = [name for name in _FOREIGN.get(word.lower(), ()) if name in offered]
    if here:
        return f"it is called {here[0]} here."
    if word in _COLUMNS:
        return _RENAME
    near = difflib.get_close_matches(word.lower(), offered, n=2, cutoff=0.6)
    return f"did you mean {' or '.join(near)}?" if near else ""


def unknown_name(
    owner: str, name: str, offered: Iterable[str], foreign: Mapping[str, str] | None = None, whole: str = ""
) -> UnknownNameError:
    """Make the error for a name that ``owner`` does not have, for ``__getattr__`` to raise.

    Parameters
    ----------
    owner : str
        What was asked, such as ``"ecomlib"`` or ``"a store"``.
    name : str
        What was asked for.
    offered : iterable of str
        The names that there are.
    foreign : mapping of str to str, optional
        By names that users bring from elsewhere: what to do here.
    whole : str
        Where all names are listed.

    Returns
    -------
    UnknownNameError

    Examples
    --------
    >>> print(unknown_name("a store", "order", ["orders", "products"]))
    a store has no 'order'. What to do: did you mean orders?
    """
    foreign, names = foreign or {}, list(offered)
    said = foreign.get(name) or foreign.get(name.lower())
    if said is None:
        lower = {word.lower(): word for word in names}
        near = [lower[word] for word in difflib.get_close_matches(name.lower(), lower, n=3, cutoff=0.6)]
        said = f"did you mean {' or '.join(near)}?" if near else whole or f"it has {', '.join(names)}."
    return UnknownNameError(f"{owner} has no '{name}'. What to do: {said}", name=name)
