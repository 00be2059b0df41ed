"""Makes decisions as the service answers them now: version in force, log and all, for ``ecomlib decide --home``."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pandas as pd

from ecomlib.decisions.registry import Decision, Options, entry
from ecomlib.decisions.shop.offers import MONEY
from ecomlib.errors import DataError
from ecomlib.serving.live.customers import held, offers_decision
from ecomlib.serving.live.live_state import State
from ecomlib.serving.live.plan import MOST_ROWS, PlanIn, sales_plan
from ecomlib.serving.live.price import CHANGES, PriceIn, price_advice
from ecomlib.serving.live.replenish import plan as order_plan
from ecomlib.serving.live.requests import Problem
from ecomlib.serving.live.retrain import state_of
from ecomlib.serving.release.bundle import open_bundle
from ecomlib.serving.release.inputs import monday


def decided(
    name: str, home: str | os.PathLike[str], options: Options | None = None, *, database: str | None = None
) -> Decision:
    """Make a decision from the version in force of a home and the events since: the rows of its route.

    Parameters
    ----------
    name : str
        ``plan`` (the quarter), ``stock``, ``price``, ``recommend``, ``retain`` or ``offers``.
    home : path
    options : Options, optional
        Of ``ratio``, ``changes``, ``revenue`` and the money of offers what the decision reads; what a version has
        settled is refused.
    database : str, optional
        SQLAlchemy URL of the events.

    Returns
    -------
    Decision

    Raises
    ------
    DataError
        A decision that the service does not answer, an option that the version has settled, or what it cannot give.
    """
    how = options or Options()
    name = entry(name).name
    made = _MADE.get(name)
    if made is None:
        raise DataError("the service does not answer this", value=name, remedy="name the tables: --store FOLDER.")
    settled = [one for one in ("horizon", "model") if getattr(how, one) is not None]
    settled += ["returns"] * (how.returns != "gross") + [one for one in how.more if one not in _READS.get(name, ())]
    if settled:
        raise DataError(
            f"the option {settled[0]} is for tables", value=settled[0], remedy="leave it out, or name them by --store."
        )
    state = state_of(open_bundle(home), home, database)
    try:
        table, line, facts, warnings = made(state, how)
    except Problem as refused:
        words = " ".join(str(part["msg"]) for part in cast(list[dict[str, Any]], refused.detail))
        raise DataError(words, remedy="train again on tables that say so, or name them by --store.") from refused
    b = state.bundle
    start = f"version {b.number:04d}, weeks known up to {monday(state.origin + 1) - pd.Timedelta(days=1):%Y-%m-%d}"
    known = {
        "shop": str(b.settings.get("source", {}).get("store", "")),
        "version": b.number,
        "model": b.forecaster.kind,
        "last_day": f"{monday(state.origin + 1) - pd.Timedelta(days=1):%Y-%m-%d}",
        "units": b.settings.get("units", "gross"),
        "currency": b.settings.get("currency") or None,
    }
    return Decision(table, f"{start}; {line}", known | facts, tuple(warnings))


Made = tuple[pd.DataFrame, str, dict[str, Any], list[str]]


def _stock(state: State, how: Options) -> Made:
    ratio = 3.0 if how.ratio is None else how.ratio
    plan = order_plan(state, ratio)
    rows = [row for row in plan.rows() if row["order"] is None or row["order"] > 0 or row["alert"]]
    period, totals = plan.period(), plan.totals()
    names = ["product_id", "title", "region_id", "on_hand", "arriving", "expected", "order", "alert", "reason"]
    table = pd.DataFrame(rows).reindex(columns=names)
    table.insert(6, "expected_from", period["from"])
    table.insert(7, "expected_until", period["until"])
    for name in ("on_hand", "arriving", "order"):
        table[name] = pd.array(table[name], dtype="Int64")
    line = f"orders last {period['weeks']} weeks from {period['from']}, a unit short costs {ratio:g} units over; "
    facts = {"ratio": ratio, "expected_from": period["from"], "expected_until": period["until"], **totals}
    return table, line + plan.taken_off(), facts, []


def _plan(state: State, how: Options) -> Made:
    pages = _pages(lambda limit, offset: sales_plan(state, PlanIn(span="quarter", limit=limit, offset=offset)))
    table = pd.DataFrame([row for page in pages for row in page["rows"]])
    table["sold"] = pd.array(table["sold"], dtype="Int64")
    weeks = sorted(set(table.loc[table["span"] == "week", "from"]))
    facts = {"interval": pages[0]["coverage"], "weeks_ahead": weeks, "how": pages[0]["how"]}
    return table, f"planned when it was trained: {pages[0]['how']}", facts, []


def _price(state: State, how: Options) -> Made:
    changes = CHANGES if how.changes is None else how.changes
    objective: Any = "revenue" if how.more.get("revenue") else "profit"
    pages = _pages(
        lambda limit, offset: price_advice(
            state, PriceIn(changes=changes, objective=objective, limit=limit, offset=offset)
        )
    )
    table = pd.DataFrame([row for page in pages for row in page["rows"]])
    total, first = pages[0]["totals"], pages[0]
    line = (
        f"{total['changes']} of {total['of']:,} prices change, for {total['gain']:,.0f} ({total['gain_low']:,.0f} to "
        f"{total['gain_high']:,.0f}) more {objective} a week; effects by {first['method']}"
    )
    facts = {
        "objective": objective,
        "effects": first["method"],
        "assumed": first["assumed"],
        "changes": total["changes"],
    }
    return table, line, facts, list(first["warnings"])


def _pages(ask: Callable[[int, int], dict[str, Any]]) -> list[dict[str, Any]]:
    """All pages of an answer."""
    first = ask(MOST_ROWS, 0)
    return [first, *(ask(MOST_ROWS, at) for at in np.arange(MOST_ROWS, first["totals"]["of"], MOST_ROWS).tolist())]


def _kept(name: str) -> Callable[[State, Options], Made]:
    """What a version holds of customers, as it was made when it was trained."""

    def made(state: State, how: Options) -> Made:
        table, about = held(state.bundle, name)
        table = table.astype({c: object for c in table if isinstance(table[c].dtype, pd.CategoricalDtype)})
        return table, f"made when it was trained: {about['line']}", dict(about["how"]), list(about["warnings"])

    return made


def _offers(state: State, how: Options) -> Made:
    made = offers_decision(state.bundle, how.more)
    return made.table, f"learnt when it was trained: {made.line}", dict(made.how), list(made.warnings)


_READS: dict[str, tuple[str, ...]] = {"price": ("revenue",), "offers": MONEY}
_MADE: dict[str, Callable[[State, Options], Made]] = {
    "stock": _stock,
    "plan": _plan,
    "price": _price,
    "recommend": _kept("recommend"),
    "retain": _kept("retain"),
    "offers": _offers,
}
