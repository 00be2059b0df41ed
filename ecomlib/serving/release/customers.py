"""Makes what a version knows of customers: lists, the risk board, and in which visits help pays (lessons 09, 10, 14b).

It rests on the shop's tables alone: the service's events name no customer, and weeks that they alone tell would look as
if everybody had left.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ecomlib.decisions.registry import Options, decide, entry
from ecomlib.decisions.shop.offers import LEAST, learn_offers, mean_profit
from ecomlib.decisions.shop.weeks import weeks_of
from ecomlib.errors import DataError
from ecomlib.serving.release.inputs import monday
from ecomlib.serving.release.snapshot import cut

if TYPE_CHECKING:
    from ecomlib.stores import Store

TABLES = {"recommend": "lists", "retain": "board", "offers": "visits"}  # of a bundle, by the decision that they answer
WORDS = ("customer_id", "page", "product_id", "title")  # of the lists
LEFT_OUT = "this version was trained without customers: train again with `ecomlib train --customers`"
MOST_CELLS = 40_000_000  # customers times products of a list; beyond it the command makes it by itself
_LISTS_EMPTY = "lists for so many customers and products are not kept by a version: write them with ecomlib decide"


@dataclass(frozen=True, eq=False)
class Customers:
    """Holds what a version knows of customers.

    tables: ``lists``, ``board`` and ``visits``, as ``ecomlib decide recommend``, ``retain`` and ``offers`` write them
    (of visits without their money); one that could not be made is absent. about: by decision ``line``, ``how`` and
    ``warnings``, of offers the rule instead; or ``why`` there is none.
    """

    tables: Mapping[str, pd.DataFrame]
    about: dict[str, dict[str, Any]]


def customers_of(
    store: Store, cutoff: int, *, returns: str = "gross", wanted: bool = True, say: Callable[[str], None]
) -> Customers:
    """Make lists, risk board and offers from a store's tables up to the end of week ``cutoff``.

    What the tables cannot give is said in the decision's own words; it stops no version.
    """
    if not wanted:
        return Customers({}, {name: {"why": LEFT_OUT} for name in TABLES})
    tables: dict[str, pd.DataFrame] = {}
    about: dict[str, dict[str, Any]] = {}
    for name, table in TABLES.items():
        try:
            shop = _known(store, cutoff)
            made = _offers(shop) if name == "offers" else _decided(name, shop, returns)
        except DataError as error:
            about[name] = {"why": str(error)}
        except Exception as error:  # whatever is wrong with a customer's numbers, forecasts and orders go on
            about[name] = {"why": f"it could not be made: {type(error).__name__}: {error}"}
        else:
            tables[table], about[name] = made[0], plain(made[1])
        said = about[name].get("why") or about[name].get("line") or about[name]["said"]
        say(f"{name}: {said}")
    return Customers(tables, about)


def plain(value: Any) -> Any:
    """Turn facts into what JSON holds; a number that is none is null."""
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _known(store: Store, cutoff: int) -> Store:
    """The store as it was known at the end of a week, its visits too."""
    visits = store.sessions
    if visits is not None:
        visits = visits[visits["started_at"] < monday(cutoff + 1)].reset_index(drop=True)
    return cut(store.observed(), cutoff).store.with_parts(sessions=visits)


def _decided(name: str, shop: Store, returns: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    if name == "recommend" and "customer_id" in shop.orders:
        cells = shop.orders["customer_id"].nunique() * shop.orders["product_id"].nunique()
        if cells > MOST_CELLS:
            raise DataError(_LISTS_EMPTY, table="orders", value=f"{cells:,} pairs", remedy="ecomlib decide recommend.")
    made = decide(name, shop, Options(returns=returns if "returns" in entry(name).reads else "gross"))
    table = made.table
    if name == "recommend":  # held in memory: a word that stands in many rows is kept once
        often = [column for column in WORDS if table[column].notna().any()]
        table = table.astype(dict.fromkeys(often, "category"))
    return table, {"line": made.line, "how": dict(made.how), "warnings": list(made.warnings)}


def _offers(shop: Store) -> tuple[pd.DataFrame, dict[str, Any]]:
    weeks = weeks_of(shop, Options(), LEAST, "offers of help")
    learnt = learn_offers(shop, weeks)
    try:
        profit, unknown = mean_profit(weeks), ""
    except DataError as error:
        profit, unknown = None, error.problem
    return learnt.visits, {
        "rule": learnt.rule.note(),
        "found": learnt.found,
        "facts": weeks.facts(),
        "said": weeks.said(),
        "profit": profit,
        "no_profit": unknown,
    }
