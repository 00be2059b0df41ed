"""Makes the sales plan from a shop's tables: weeks, months and the quarter, by category and region (lesson 11)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ecomlib.decisions.registry import Decision
from ecomlib.decisions.sales_plan import sales_plan
from ecomlib.decisions.shop.weeks import Weeks, weeks_of
from ecomlib.ensemble.hierarchy import SERIES
from ecomlib.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ecomlib.decisions.registry import Options
    from ecomlib.stores.store import Store

LEAST, YEAR = 12, 52  # full weeks
HORIZON, MODEL, INTERVAL = 13, "average", 0.9
APART = 0.25  # from last year's weeks with this year's growth: farther off, a plan is told to be doubted
WORDS = {"average": "trees and a mean of 8 weeks, half and half"}  # what the average of a plan is made of
NOWHERE, NO_KIND = "unknown", "none"  # the region of orders that name none, the category of products that have none
LEVELS = {"category": "category", "region_id": "region", "product_id": "product"}
COLUMNS = ("level", "node", "category", "region_id", "product_id", "span", "from", "weeks", "mean", "low", "high")


def decide_plan(store: Store, options: Options) -> Decision:
    """Plan what will be sold, by week, month and in all, for the shop, its categories and its regions.

    The series are the shop's categories in its regions, products where it has neither: their means add up to every
    level (``decisions.sales_plan.sales_plan``), and each sum has an interval of its own. ``by="product_id"`` (or
    ``"category,region_id"``) chooses other series, ``interval`` another share than nine in ten.

    Parameters
    ----------
    store : Store
    options : Options
        ``horizon, model, returns``; ``by, interval`` under ``more``.

    Returns
    -------
    Decision
        The rows of ``plan_table``.

    Raises
    ------
    DataError
        Too few weeks, a column that the shop does not have, or a model without a mean.
    """
    weeks = weeks_of(store, options, LEAST, "a sales plan")
    interval = options.more.get("interval", INTERVAL)
    if isinstance(interval, bool) or not isinstance(interval, int | float) or not 0 < interval < 1:
        raise DataError("how often an interval holds is a share", value=interval, remedy="write interval=0.9.")
    by = series_of(weeks.store, options.more.get("by"))
    options.say(f"{weeks.said()}; planning with {options.model or MODEL} by {' and '.join(by)} …")
    table = plan_table(weeks, options.horizon or HORIZON, options.model or MODEL, float(interval), by)
    whole = table.iloc[0]
    facts: dict[str, Any] = weeks.facts() | {
        "model": table.attrs["model"],
        "interval": interval,
        "origins": table.attrs["origins"],
        "weeks_ahead": sorted(set(table.loc[table["span"] == "week", "from"])),
        "series": " in ".join(by),
        "units": options.returns,
        "total": [None if pd.isna(whole[name]) else round(float(whole[name]), 1) for name in ("mean", "low", "high")],
        "assumed": [
            "a week belongs to the month of its first day, and a month of the plan holds only weeks of the plan",
            "what the plan says of prices and promotions in these weeks happens",
            "intervals hold for each row by itself: they do not add up, since errors cancel in part",
        ],
    }
    notes = [*table.attrs["notes"], *doubt(weeks, float(whole["mean"]), int(whole["weeks"]))]
    return Decision(table, said(weeks, table, interval), facts, tuple(notes))


def doubt(weeks: Weeks, planned: float, count: int) -> list[str]:
    """Say where a plan lies far from the same weeks a year ago, times the growth since: its level knows no season.

    Parameters
    ----------
    weeks : Weeks
    planned : float
        Units in all.
    count : int
        Weeks planned.

    Returns
    -------
    list of str
        Empty where the plan is near, or where the shop has no year and as many weeks more.
    """
    sold = weeks.panel(("product_id",)).groupby("ds")["y"].sum().sort_index()
    if len(sold) < YEAR + count:
        return []
    grown = float(sold.tail(count).sum() / max(sold.iloc[-YEAR - count : -YEAR].sum(), 1.0))
    year_ago = grown * float(sold.iloc[len(sold) - YEAR :].head(count).sum())
    if not year_ago or abs(planned / year_ago - 1) <= APART:
        return []
    return [
        f"Doubt this plan: it lies {planned / year_ago - 1:+.0%} from the same weeks a year ago times the growth "
        f"since, {year_ago:,.0f} units. What rests on the last weeks knows no season."
    ]


def said(weeks: Weeks, table: pd.DataFrame, interval: float) -> str:
    """Say how a plan was made, and what it says in all.

    Parameters
    ----------
    weeks : Weeks
    table : DataFrame
        Of ``plan_table``.
    interval : float
    """
    whole, count, model = table.iloc[0], table["level"].nunique(), str(table.attrs["model"])
    ends = "interval unknown" if pd.isna(whole["low"]) else f"{whole['low']:,.0f} to {whole['high']:,.0f}"
    often = "" if pd.isna(whole["low"]) else f", {interval:.0%} interval"
    return (
        f"{weeks.said()}; {whole['mean']:,.0f} units ({ends}{often}) in {int(whole['weeks'])} weeks from "
        f"{whole['from']}; {WORDS.get(model, model)}, means that add up over {count} levels; intervals of sums from "
        f"{table.attrs['origins']} past paths"
    )


def series_of(store: Store, asked: Any = None) -> tuple[str, ...]:
    """Choose what makes a series: categories in regions, what the shop has of the two, else products.

    Parameters
    ----------
    store : Store
    asked : str or sequence of str, optional
        Columns that were asked for.

    Raises
    ------
    DataError
        A column that makes no level here.
    """
    kinds, places = store.products.get("category"), store.orders.get("region_id")
    if asked:
        names = [word.strip() for word in asked.split(",")] if isinstance(asked, str) else list(asked)
        for name in names:
            if name not in LEVELS or (name == "category" and kinds is None) or (name == "region_id" and places is None):
                known = ", ".join(LEVELS)
                raise DataError("this shop has no such series", value=name, remedy=f"write some of {known}.")
        return tuple(dict.fromkeys(names))
    found = []
    if kinds is not None and len(kinds.dropna().unique()) > 1:
        found.append("category")
    if store.regions is not None and places is not None and len(places.dropna().unique()) > 1:
        found.append("region_id")
    return tuple(found or ["product_id"])


def plan_table(weeks: Weeks, horizon: int, model: str, interval: float, by: tuple[str, ...]) -> pd.DataFrame:
    """Make the plan of a shop's full weeks.

    Parameters
    ----------
    weeks : Weeks
    horizon : int
        Weeks; cut where the history is short, and ``attrs["notes"]`` says so.
    model : str
        Of ``sales_plan``.
    interval : float
    by : tuple of str
        Of ``series_of``.

    Returns
    -------
    DataFrame
        ``level`` (``total``, ``category``, ``region``, ``product``, or ``category x region``), ``node`` (its name,
        ``all`` for the total) and the columns that name it, ``span`` (``whole``, ``month``, ``week``), ``from`` (its
        first day), ``weeks``, and units ``mean, low, high``, the ends missing where nothing is known. The total's whole
        comes first. ``attrs`` are those of ``sales_plan``.
    """
    named = Weeks(_named(weeks.store), weeks.first, weeks.last)
    panel = named.panel(by, ahead=horizon)
    plan = sales_plan(panel, horizon=horizon, model=model, interval=interval)
    fine = " x ".join(LEVELS[name] for name in by)
    level = plan["level"].map(lambda word: fine if word == SERIES else LEVELS.get(word, word))
    keys = pd.DataFrame({name: plan.get(name) for name in LEVELS}, index=plan.index)
    keys = keys.astype(object).where(keys.notna(), None)
    node = [_node(word, row) for word, row in zip(level, keys.to_numpy(), strict=True)]
    made = keys.assign(
        level=level,
        node=node,
        span=plan["span"],
        weeks=plan["periods"].astype(np.int64),
        **{"from": plan["period_start"].dt.strftime("%Y-%m-%d")},
        **{name: plan[name].round(2) for name in ("mean", "low", "high")},
    )
    made = made[[name for name in COLUMNS if name not in keys or made[name].notna().any()]].reset_index(drop=True)
    made.attrs = dict(plan.attrs)
    return made


def _node(level: str, keys: Iterable[Any]) -> str:
    """The name of a node by the columns that name it."""
    return "all" if level == "total" else " x ".join(str(key) for key in keys if key is not None)


def _named(store: Store) -> Store:
    """The store with a name for the category of every product and the region of every order."""
    parts = {}
    if "category" in store.products and store.products["category"].isna().any():
        parts["products"] = store.products.assign(category=store.products["category"].fillna(NO_KIND))
    if "region_id" in store.orders and store.orders["region_id"].isna().any():
        parts["orders"] = store.orders.assign(region_id=store.orders["region_id"].fillna(NOWHERE))
    return store.with_parts(**parts) if parts else store
