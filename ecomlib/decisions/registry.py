"""Registers the decisions: one line each, from which the command, its help and its messages take their names.

A new one is its own file in ``ecomlib.decisions.shop`` with a function ``(store, options) -> Decision``, a test, and
one line in ``DECISIONS``. Such a function is glue: it reads a shop's tables, makes what a pure function of this room
takes, and says how the answer was made (the recipe stands in CONTRIBUTING.md).
"""

from __future__ import annotations

import difflib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from ecomlib.errors import DataError, explained
from ecomlib.stores.store import Store

__all__ = ["DECISIONS", "Decision", "DecisionEntry", "Options", "decide", "entry", "names"]


def _silent(text: str) -> None:
    """Say nothing."""


@dataclass(frozen=True, eq=False)
class Options:
    """Hold what the caller of a decision may choose; what is None is the decision's own default.

    Parameters
    ----------
    horizon : int, optional
        Weeks ahead (plan, price).
    model : str, optional
        Name of the forecaster, one whose point is a mean.
    ratio : float, optional
        What a unit short costs, over what a unit too many costs (stock).
    changes : int, optional
        At most so many prices are changed (price).
    returns : {"gross", "net"}
        Which units are counted.
    more : mapping
        What one decision alone reads, by name, such as ``lead`` and ``review`` (stock) or ``revenue`` (price).
    say : callable
        Is told what is being done.
    """

    horizon: int | None = None
    model: str | None = None
    ratio: float | None = None
    changes: int | None = None
    returns: str = "gross"
    more: Mapping[str, Any] = field(default_factory=dict)
    say: Callable[[str], None] = _silent


@dataclass(frozen=True, eq=False)
class Decision:
    """Hold an answer, how it was made, and what its reader has to know.

    Parameters
    ----------
    table : DataFrame
        The answer, a row a line of its CSV.
    line : str
        One line on how it was made: shop, weeks, model, date, interval, what was assumed.
    how : mapping
        The same as plain values (texts, numbers, lists), for the card beside the CSV.
    warnings : tuple of str
        Sentences, the gravest first.
    """

    table: pd.DataFrame
    line: str
    how: Mapping[str, Any]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class DecisionEntry:
    """Describe one decision without importing it.

    Parameters
    ----------
    name : str
        What the user writes: ``ecomlib decide stock``. The CSV is called so too.
    title : str
        What it answers, in one line.
    needs : str
        What it needs of a shop.
    function : str
        ``"module:function"``, called as ``function(store, options)``.
    lesson : str
        Number of the lesson that derives it.
    reads : tuple of str
        Fields of ``Options`` that it reads; others are refused when given.
    more : tuple of str
        Names in ``Options.more`` that it reads.
    """

    name: str
    title: str
    needs: str
    function: str
    lesson: str
    reads: tuple[str, ...] = ()
    more: tuple[str, ...] = ()

    def load(self) -> Callable[[Store, Options], Decision]:
        """Import the function."""
        made: Callable[[Store, Options], Decision] = pkgutil.resolve_name(self.function)
        return made


_SHOP = "ecomlib.decisions.shop"
_USAGE = 'decide("stock", load_store("tiny"), Options(ratio=3.0))'
DECISIONS: tuple[DecisionEntry, ...] = (
    DecisionEntry(
        "plan",
        "What the shop will sell, by week, month and in all, by category and region",
        "12 full weeks of orders; 52 for a plan of a quarter",
        f"{_SHOP}.plan:decide_plan",
        "11",
        ("horizon", "model", "returns"),
        ("by", "interval"),
    ),
    DecisionEntry(
        "stock",
        "What to order now, by product and region",
        "14 full weeks of orders; stock on hand where inventory.csv has it",
        f"{_SHOP}.stock:decide_stock",
        "12",
        ("model", "ratio", "returns"),
        ("lead", "review", "on_order"),
    ),
    DecisionEntry(
        "price",
        "Which prices to change, and what that would earn",
        "26 full weeks, prices that moved, unit costs (or --set revenue=True)",
        f"{_SHOP}.price:decide_price",
        "13",
        ("horizon", "model", "changes", "returns"),
        ("revenue", "text", "least_margin", "most_move", "ladder"),
    ),
    DecisionEntry(
        "offers",
        "In which visits to offer help, and between which chances",
        "12 full weeks, sessions with what is known of a visit, unit costs (or --set margin=...)",
        f"{_SHOP}.offers:decide_offers",
        "09",
        (),
        ("margin", "cost", "lift", "gift"),
    ),
    DecisionEntry(
        "recommend",
        "What to show each customer: what to buy again, and what is new to them",
        "8 full weeks of orders with customers",
        f"{_SHOP}.recommend:decide_recommend",
        "10",
        (),
        ("places",),
    ),
    DecisionEntry(
        "retain",
        "Who is leaving, what is at stake, and whom a letter keeps",
        "12 full weeks of orders with customers; letters only where mailings tell who was left out by chance",
        f"{_SHOP}.retain:decide_retain",
        "14b",
        ("returns",),
        ("days", "cost", "most", "margin"),
    ),
)


def names() -> tuple[str, ...]:
    """List the names of all registered decisions."""
    return tuple(one.name for one in DECISIONS)


def entry(name: str) -> DecisionEntry:
    """Return the entry of the decision called ``name``.

    Raises
    ------
    DataError
        There is none; the nearest names are given.

    Examples
    --------
    >>> entry("stock").lesson
    '12'
    """
    found = next((one for one in DECISIONS if one.name == name), None)
    if found is None:
        near = difflib.get_close_matches(str(name).strip().lower(), names(), n=2, cutoff=0.5)
        meant = f"did you mean {' or '.join(near)}? " if near else ""
        raise DataError("there is no such decision", value=name, remedy=f"{meant}write one of {', '.join(names())}.")
    return found


@explained(
    _USAGE,
    **dict.fromkeys(("horizon", "model", "ratio", "changes", "returns"), f"it stands in options: {_USAGE}."),
    **dict.fromkeys(("lead", "review", "revenue", "by"), 'it stands in options: Options(more={"lead": 2}).'),
)
def decide(name: str, store: Store, options: Options | None = None) -> Decision:
    """Make a registered decision from a store's tables.

    Parameters
    ----------
    name : str
        Of ``names()``.
    store : Store
        Its truth is left away before anything is computed.
    options : Options, optional

    Returns
    -------
    Decision

    Raises
    ------
    DataError
        No such decision, an option that it does not read, or tables that cannot give it: with the remedy.
    """
    if not isinstance(store, Store):
        kind = store if isinstance(store, str) else type(store).__name__
        raise DataError("a decision is made of a store's tables", value=kind, remedy=f"write {_USAGE}.")
    if not isinstance(options, Options | None):
        raise DataError("options are an Options", value=type(options).__name__, remedy=f"write {_USAGE}.")
    one, how = entry(name), options or Options()
    for option in ("horizon", "model", "ratio", "changes"):
        if getattr(how, option) is not None and option not in one.reads:
            raise _idle(option, one)
    if how.returns != "gross" and "returns" not in one.reads:
        raise _idle("returns", one)
    for option in how.more:
        if option not in one.more:
            raise _idle(option, one)
    return one.load()(store.observed(), how)


def _idle(option: str, one: DecisionEntry) -> DataError:
    """The error for an option that a decision does not read."""
    whose = [other.name for other in DECISIONS if option in (*other.reads, *other.more)]
    mine = ", ".join((*one.reads, *one.more)) or "none"
    told = f"it is for {' and '.join(whose)}; " if whose else ""
    return DataError(
        f"'{one.name}' does not read the option {option}", value=option, remedy=f"{told}{one.name} reads {mine}."
    )
