"""Answers what the whole shop will sell: the quarter as planned, and the weeks ahead as forecast now (lesson 11)."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from ecomlib.ensemble.sums import sum_intervals
from ecomlib.serving.live.live_state import State
from ecomlib.serving.live.requests import Problem
from ecomlib.serving.release.bundle import Bundle
from ecomlib.serving.release.inputs import monday, week_of
from ecomlib.serving.release.plan import nodes_of, spans_of, sums_by_node

INTERVAL = 0.9
MOST_ROWS = 5_000
OLDER = "this version holds no such plan: train again with this release"
Span = Literal["served", "quarter"]


class PlanIn(BaseModel):
    """Which part of the sales plan is asked for."""

    model_config = ConfigDict(frozen=True)
    span: Span = Field(
        default="served",
        description="served: the weeks ahead, as forecast now; quarter: 13 weeks from the version's cutoff, as planned "
        "when it was trained, beside what was sold since",
    )
    level: Literal["every", "total", "category", "region"] = Field(default="every", description="one level, or every")
    limit: int = Field(default=1000, ge=1, le=MOST_ROWS, description="rows of one answer")
    offset: int = Field(default=0, ge=0, le=10**9, description="rows to leave out: those that one has")


def sales_plan(state: State, asked: PlanIn) -> dict[str, Any]:
    """Answer a plan: rows of total, categories and regions by week, month and in all, each with its interval.

    Raises ``Problem`` (409) where the version holds no plan.
    """
    b = state.bundle
    table, about, why = quarter(state) if asked.span == "quarter" else served(state)
    if asked.level != "every":
        table = table[table["level"] == asked.level]
    part = table.iloc[asked.offset : asked.offset + asked.limit]
    rows = [{name: _plain(value) for name, value in row.items()} for row in part.to_dict("records")]
    return {
        "origin": f"{monday(state.shown):%Y-%m-%d}",
        "version": b.number,
        "span": asked.span,
        "coverage": INTERVAL,
        "units": str(b.settings.get("units", "gross")),
        "how": about,
        "totals": {"rows": len(rows), "of": len(table)},
        "rows": rows,
    } | ({"interval": f"unknown: {why}"} if why else {})


def quarter(state: State) -> tuple[pd.DataFrame, str, str]:
    """Set beside the version's plan what was sold so far in each row's weeks.

    Returns
    -------
    table : DataFrame
        ``level, node, span, from, weeks, mean, low, high, sold``; ``sold`` is missing where the weeks lie ahead.
    about : str
        How it was made.
    why : str
        Why the ends are not known; empty where they are.
    """
    b = state.bundle
    if b.sales_plan is None:
        raise Problem(409, OLDER, "query", "span")
    about = str(b.settings.get("sales_plan", ""))
    if b.sales_plan.empty:
        raise Problem(409, about or OLDER, "query", "span")
    table, running = b.sales_plan, state.origin + 1
    counted = {week: state.units(week) for week in range(b.cutoff + 1, running + 1)}
    masks = _masks(b)
    sold: list[int | None] = []
    for level, node, begin, weeks in zip(table["level"], table["node"], table["from"], table["weeks"], strict=True):
        first, mask = week_of(begin), masks.get((level, node))
        if first > running or mask is None:
            sold.append(None)
            continue
        mine = [counted[week] for week in range(first, min(first + weeks, running + 1)) if week in counted]
        sold.append(int(sum(units[mask].sum() for units in mine)))
    made = table.assign(sold=pd.array(sold, dtype="Int64"))
    return made, about, "too few past weeks" if made["low"].isna().any() else ""


def served(state: State) -> tuple[pd.DataFrame, str, str]:
    """Sum the forecasts of the weeks ahead, with the intervals that such sums had; of the running week what is left.

    Returns
    -------
    table : DataFrame
        As of ``quarter``; of the running week and of the whole ``mean`` counts what was sold so far.
    about : str
        How it was made.
    why : str
        Why the ends are not known; empty where they are.
    """
    b = state.bundle
    names = list(b.regions["region_id"])
    nodes, spans = nodes_of(b.books.category, names), spans_of(b.horizon)
    table = sums_by_node(state.expected, b.shares, nodes, spans)
    why = ""
    if b.sums is None:
        table, why = table.assign(low=np.nan, high=np.nan), OLDER
    else:
        table = sum_intervals(b.sums, table, INTERVAL) if len(b.sums) else table.assign(low=np.nan, high=np.nan)
        why = "the history is too short" if table["low"].isna().any() else ""
    now, masks = state.units(state.shown + 1), _masks(b)
    left = state.left
    sold = np.array([now[masks[level, node]].sum() for level, node in zip(table["level"], table["node"], strict=True)])
    ahead = table[(table["first"] == 1) & (table["last"] == 1)].set_index(["level", "node"])["mean"]
    running = ahead.reindex(pd.MultiIndex.from_frame(table[["level", "node"]])).to_numpy(dtype=float)
    begun = (table["first"] == 1).to_numpy()
    # Of the running week the part that is left is forecast; its doubt shrinks with the root of that share.
    shift = np.where(begun, sold - (1 - left) * running, 0.0)
    narrow = np.where((table["last"] == 1).to_numpy(), np.sqrt(left), 1.0)
    mean = table["mean"].to_numpy(dtype=float)
    low, high = (mean + shift + (table[end] - mean) * narrow for end in ("low", "high"))
    made = pd.DataFrame(
        {
            "level": table["level"],
            "node": table["node"],
            "span": np.where((table["last"] > table["first"]) | (b.horizon == 1), "whole", "week"),
            "from": [f"{monday(state.shown + first):%Y-%m-%d}" for first in table["first"]],
            "weeks": table["last"] - table["first"] + 1,
            "mean": (mean + shift).round(2),
            "low": np.maximum(low, np.where(begun, sold, 0.0)).round(2),
            "high": high.round(2),
            "sold": pd.array(np.where(begun, sold, 0), dtype="Int64"),
        }
    )
    made.loc[~begun, "sold"] = pd.NA
    order = pd.Series({level: k for k, level in enumerate(("total", "category", "region"))})
    made = made.assign(_level=made["level"].map(order), _span=(made["span"] != "whole").astype(int))
    made = made.sort_values(["_level", "_span", "from"], kind="stable", ignore_index=True)
    count = 0 if b.sums is None or b.sums.empty else b.sums["cutoff"].nunique()
    about = f"Sums of means by {b.forecaster.kind}; intervals of sums from {count} past origins."
    return made.drop(columns=["_level", "_span"]), about, why


def _masks(b: Bundle) -> dict[tuple[str, str], Any]:
    """What to add up of units (P, R) for each node, as an index."""
    nodes = nodes_of(b.books.category, list(b.regions["region_id"]))
    return {
        (level, node): (slice(None), column) if column is not None else slice(None) if weight is None else weight > 0
        for level, node, weight, column in nodes
    }


def _plain(value: Any) -> Any:
    if value is pd.NA or value is None:
        return None
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value
