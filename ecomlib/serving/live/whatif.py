"""Answers what-ifs on prices and promotions by the rule of ``ecomlib.decisions.pricing`` (lesson 08, section 3)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ecomlib.errors import DataError
from ecomlib.serving.live.live_state import State
from ecomlib.serving.live.requests import Problem, WhatIfIn
from ecomlib.serving.release.bundle import ALL


def what_if(state: State, ask: WhatIfIn) -> dict[str, Any]:
    """Compute units, revenue and profit of the weeks ahead as planned and as asked (lesson 08, section 3).

    They are sums over weeks, and so of means.

    ``price`` is what is asked before ``depth`` is taken off; without it the planned one stands. A depth above zero
    counts as promoted unless said otherwise. Raises ``Problem`` (4xx) where it cannot be told.
    """
    from ecomlib.decisions import pricing

    b = state.bundle
    row = b.row.get(ask.product_id)
    column = len(b.column) if ask.region_id == ALL else b.column.get(ask.region_id)
    if row is None or column is None:
        name = "product_id" if row is None else "region_id"
        raise Problem(404, f"this {name[:-3]} is not known: GET /catalogue lists them", "body", name)
    change = pricing.PriceChange(ask.price, ask.promoted, ask.depth)
    if change == pricing.PriceChange():
        raise Problem(422, "name at least one change: price, promoted or depth", "body")
    found, logs = b.effects[b.effects["category"] == b.books.category[row]], state.planned("log_price")
    if found.empty or logs is None:
        raise Problem(409, b.settings["effects"] or "this category's prices have no known effect", "body", "product_id")
    effect = pricing.Effect.of(found.iloc[0])
    if not effect.known:
        raise Problem(409, "this category's orders are too few to tell what a price does", "body", "product_id")
    share = 1.0 if ask.region_id == ALL else b.shares[row, column]
    price = float(b.products["reference"].iloc[row]) * np.exp(logs[row])
    plan = pd.DataFrame({"units": state.expected[row] * share, "price": price})
    for name in ("promoted", "depth"):
        table = state.planned(name)
        plan[name] = 0.0 if table is None else table[row]
    try:
        answer = pricing.what_if(plan, effect, change, float(b.products["cost"].iloc[row]))
    except DataError as error:
        raise Problem(422, error.problem, "body", error.column or "price") from error

    def money(side: pricing.Money) -> dict[str, float | None]:
        return {
            "price": round(side.price, 4),
            "units": round(side.units, 3),
            "revenue": round(side.revenue, 2),
            "profit": None if side.profit is None else round(side.profit, 2),
        }

    return {
        "elasticity": {
            "value": round(effect.elasticity, 3),
            "low": round(effect.low, 3),
            "high": round(effect.high, 3),
        },
        "weeks": len(plan),
        "now": money(answer.now),
        "then": money(answer.then)
        | {"units_low": round(answer.units_low, 3), "units_high": round(answer.units_high, 3)},
        "says": f"{answer.says()} Estimated by {b.settings['effects']}.",
    }
