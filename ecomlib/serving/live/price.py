"""Advises prices for the running plan by the rule of ``ecomlib.decisions.price_advice`` (lesson 13)."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from ecomlib.decisions.price_advice import PriceRules
from ecomlib.decisions.shop.price import CHANGES, assumed, believable, observed, price_list, unbelieved, usable
from ecomlib.serving.live.live_state import State
from ecomlib.serving.live.requests import Problem, records
from ecomlib.serving.release.bundle import Bundle
from ecomlib.serving.release.inputs import monday

MOST_ROWS = 5_000


class PriceIn(BaseModel):
    """Which part of the price advice is asked for."""

    model_config = ConfigDict(frozen=True)
    changes: int = Field(default=CHANGES, ge=0, le=100_000, description="at most so many prices are changed")
    objective: Literal["profit", "revenue"] = Field(
        default="profit", description="revenue: for a shop that does not know what a unit costs"
    )
    limit: int = Field(default=50, ge=1, le=MOST_ROWS, description="rows of one answer, the changes first")
    offset: int = Field(default=0, ge=0, le=10**9, description="rows to leave out: those that one has")


def price_advice(state: State, asked: PriceIn) -> dict[str, Any]:
    """Advise prices: changes first, each with rails, gain a week, its interval and the reason.

    Raises ``Problem`` (409) where nothing is known of prices, their effects or unit costs.
    """
    b, revenue = state.bundle, asked.objective == "revenue"
    why = missing(b, revenue)
    if why:
        raise Problem(409, why, "query", "objective")
    effects, doubted = believable(b.effects)
    rows = products_of(state, revenue)
    products, left_out = usable(rows)
    rules = PriceRules(most_changes=asked.changes)
    table = price_list(products, effects, rules, revenue=revenue)
    moved = table["price"] != table["price_now"]
    gains = table.loc[moved, ["gain", "gain_low", "gain_high"]].sum()
    part = table.iloc[asked.offset : asked.offset + asked.limit]
    return {
        "origin": f"{monday(state.shown):%Y-%m-%d}",
        "version": b.number,
        "objective": asked.objective,
        "currency": b.settings.get("currency") or None,
        "units": str(b.settings.get("units", "gross")),
        "weeks": b.horizon,
        "coverage": 0.95,
        "method": b.settings["effects"],
        "assumed": assumed(rules, asked.objective, listed=True),
        "warnings": [
            *unbelieved(doubted),
            *(f"{n:,} products are left out: {why}." for why, n in left_out.items() if n),
        ],
        "totals": {
            "changes": int(moved.sum()),
            **{name: round(float(gains[name]), 2) for name in gains.index},
            "rows": len(part),
            "of": len(table),
        },
        "rows": records(part),
    }


def missing(b: Bundle, revenue: bool = False) -> str:
    """Say what a version lacks for price advice; empty where it lacks nothing."""
    if b.effects.empty or "log_price" not in b.books.plan:
        return str(b.settings.get("effects") or "nothing is known of this shop's prices")
    ends = believable(b.effects)[0][["elasticity", "low", "high"]].to_numpy(dtype=float)
    if not np.isfinite(ends).all(axis=1).any():
        return "no category has orders enough to tell what a price does"
    if not revenue and not np.isfinite(b.products["cost"].to_numpy(dtype=float)).any():
        return "what a unit costs is not known: ask for objective=revenue, or train on tables with unit_cost"
    return ""


def products_of(state: State, revenue: bool = False) -> pd.DataFrame:
    """Make the frame that price advice reads, of the state: the columns of ``decisions.shop.price.usable``."""
    b = state.bundle
    price, low, high = rails(b, state.shown)
    ran = state.planned("promoted")
    units = np.where(state.fitted, state.expected.mean(axis=1), np.nan)  # a launch's mean says nothing of its price
    return pd.DataFrame(
        {
            "product_id": list(b.books.products),
            "title": b.products["title"].to_numpy(),
            "category": list(b.books.category),
            "units": units,
            "price": price,
            "unit_cost": 0.0 if revenue else b.products["cost"].to_numpy(dtype=float),
            "price_low": low,
            "price_high": high,
            "promoted": 0.0 if ran is None else ran[:, 0],
        }
    )


def rails(b: Bundle, shown: int) -> tuple[Any, Any, Any]:
    """Return today's planned price, and the lowest and the highest one up to week ``shown``, (P,) each."""
    books, reference = b.books, b.products["reference"].to_numpy(dtype=float)
    plan = books.plan["log_price"]
    until = min(shown - books.first + 1, plan.shape[1])
    price = reference[:, None] * np.exp(plan)
    counted = np.arange(books.first, books.first + until) >= books.begin[:, None]
    ran = books.plan.get("promoted")
    low, high = observed(price[:, :until], counted, None if ran is None else ran[:, :until])
    return price[:, min(until, plan.shape[1] - 1)], low, high
