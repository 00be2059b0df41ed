"""Answers what-ifs on prices and promotions by causal effects, never by the forecaster (lesson 08, section 3).

A forecaster has learnt from weeks in which the price rose because demand would rise. Its response to another price is
not that of customers (lesson 03, section 2).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ecomlib.serving.live.live_state import State
from ecomlib.serving.live.requests import Problem, WhatIfIn
from ecomlib.serving.release.bundle import ALL
from ecomlib.serving.release.inputs import HORIZON, Floats

_FARTHEST = 4.0  # times the planned price, up or down: beyond it an elasticity says nothing


def what_if(state: State, ask: WhatIfIn) -> dict[str, Any]:
    """Compute units, revenue and profit of the next four weeks as planned and as asked (lesson 08, section 3).

    ``price`` is what is asked before ``depth`` is taken off; without it the planned one stands. A depth above zero
    counts as promoted unless said otherwise. Units change by (new price / planned price) ** elasticity, and by the
    promotion's effect in the weeks whose promotion changes. ``units_low`` and ``units_high`` hold what is not known of
    these two effects (95 %, as if their errors were independent), not what else may happen in four weeks. Raises
    ``Problem`` (4xx) where it cannot be told.
    """
    b = state.bundle
    row = b.row.get(ask.product_id)
    column = len(b.column) if ask.region_id == ALL else b.column.get(ask.region_id)
    if row is None or column is None:
        name = "product_id" if row is None else "region_id"
        raise Problem(404, f"this {name[:-3]} is not known: GET /catalogue lists them", "body", name)
    if ask.price is None and ask.promoted is None and ask.depth is None:
        raise Problem(422, "name at least one change: price, promoted or depth", "body")
    found = b.effects[b.effects["category"] == b.books.category[row]]
    if found.empty or "log_price" not in b.books.plan:
        raise Problem(409, b.settings["effects"] or "this category's prices have no known effect", "body", "product_id")
    effect = found.iloc[0]
    if not np.isfinite(effect.drop("category").to_numpy(dtype=float)).all():
        raise Problem(409, "this category's orders are too few to tell what a price does", "body", "product_id")
    share = 1.0 if ask.region_id == ALL else b.shares[row, column]
    units = state.forecast[row] * share
    off_now, promoted, logs = (
        np.zeros(HORIZON) if (table := state.planned(name)) is None else table[row]
        for name in ("depth", "promoted", "log_price")
    )
    price = float(b.products["reference"].iat[row]) * np.exp(logs)
    full = np.full(HORIZON, ask.price) if ask.price is not None else price / (1 - off_now)
    off = off_now if ask.depth is None and ask.price is None and ask.promoted is not False else (ask.depth or 0.0)
    new = full * (1 - off)
    if not ((new < _FARTHEST * price) & (new > price / _FARTHEST)).all():
        message = f"nothing is known beyond {_FARTHEST:g} times the planned price of {price.mean():.2f}, up or down"
        raise Problem(422, message, "body", "price" if ask.price else "depth")
    runs = float(ask.promoted) if ask.promoted is not None else 1.0 if ask.depth else promoted
    ratio, change = np.log(new / price), runs - promoted
    moved = float(effect["elasticity"]) * ratio + float(effect["promotion"]) * change
    slack = [float(effect[f"{name}high"] - effect[f"{name}low"]) for name in ("", "promotion_")]
    wide = np.hypot(slack[0] * ratio, slack[1] * change)
    then = units * np.exp(moved)
    sums = [float((units * np.exp(moved + side * wide / 2)).sum()) for side in (-1, 1)]
    cost = b.products["cost"].iat[row]

    def money(units: Floats, price: Floats) -> dict[str, float | None]:
        total = float(units.sum())
        mean = float((units * price).sum() / total) if total > 0 else float(price.mean())
        profit = float((units * (price - cost)).sum()) if np.isfinite(cost) else None
        return {
            "price": round(mean, 4),
            "units": round(total, 3),
            "revenue": round(float((units * price).sum()), 2),
            "profit": None if profit is None else round(profit, 2),
        }

    now, after = money(units, price), money(then, new)
    old_price, new_price = (f"{side['price']:.2f}" for side in (now, after))
    at = f"At {new_price}" + f" instead of {old_price}" * (old_price != new_price)
    if change.any():
        at += " on promotion" if change.sum() > 0 else " without promotion"
    says = (
        f"{at}, {after['units']:.0f} units ({sums[0]:.0f} to "
        f"{sums[1]:.0f}) instead of {now['units']:.0f} would be sold in {HORIZON} weeks"
    )
    if now["profit"] is not None and after["profit"] is not None:
        moves = "rise" if after["profit"] > now["profit"] else "fall"
        says += f", and profit would {moves} from {now['profit']:.2f} to {after['profit']:.2f}"
    says += f". Estimated by {b.settings['effects']}."
    ends = {"value": "elasticity", "low": "low", "high": "high"}
    return {
        "elasticity": {key: round(float(effect[name]), 3) for key, name in ends.items()},
        "weeks": HORIZON,
        "now": now,
        "then": after | {"units_low": round(sums[0], 3), "units_high": round(sums[1], 3)},
        "says": says,
    }
