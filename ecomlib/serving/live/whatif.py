"""Answers what-ifs on prices and promotions by the rule of ``ecomlib.decisions.pricing`` (lesson 08, section 3)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ecomlib.errors import DataError
from ecomlib.serving.live.live_state import State
from ecomlib.serving.live.requests import Problem, WhatIfIn
from ecomlib.serving.live.views import currency
from ecomlib.serving.release.bundle import ALL, Bundle

_ROOM = 0.005  # a price is as seen where it is that near: cents are rounded


def what_if(state: State, ask: WhatIfIn) -> dict[str, Any]:
    """Compute units, revenue and profit of the weeks ahead as planned and as asked (lesson 08, section 3).

    They are sums over weeks, and so of means. ``price`` of an answer is the mean that is paid, ``price_first_week``
    that of the running week, which the catalogue shows. ``seen``: the product's prices so far, and whether the question
    lies outside of them.

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

    seen, coin = seen_prices(b, row), currency(b)
    says = [answer.says(currency=coin or "")]
    outside = seen is not None and not all(
        seen[0] * (1 - _ROOM) <= price <= seen[1] * (1 + _ROOM) for price in answer.new_prices
    )
    if seen is not None and outside:
        before = f"{seen[0]:,.2f} to {seen[1]:,.2f}" if f"{seen[0]:.2f}" != f"{seen[1]:.2f}" else f"{seen[0]:,.2f}"
        says.append(
            f"Take this as a guess: the product has cost {before}{f' {coin}' if coin else ''} in all weeks that are "
            "known, and nobody has seen what a price beyond that does."
        )
    says.append("Learnt from how orders of its category followed earlier prices.")

    def money(side: pricing.Money, prices: tuple[float, ...]) -> dict[str, float | None]:
        return {
            "price": round(side.price, 4),
            "price_first_week": round(prices[0], 4),
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
        "currency": coin,
        "now": money(answer.now, answer.prices),
        "then": money(answer.then, answer.new_prices)
        | {"units_low": round(answer.units_low, 3), "units_high": round(answer.units_high, 3)},
        "seen": None if seen is None else {"low": round(seen[0], 4), "high": round(seen[1], 4), "outside": outside},
        "says": " ".join(says),
        "method": b.settings["effects"],
    }


def seen_prices(b: Bundle, row: int) -> tuple[float, float] | None:
    """Return the lowest and the highest price of a product up to the cutoff; None where it had not begun, or none is
    known."""
    books = b.books
    logs, weeks = books.plan.get("log_price"), np.arange(books.first, books.last + 1)
    if logs is None or books.begin[row] > books.last:
        return None
    held = logs[row, : len(weeks)][weeks >= books.begin[row]]
    reference = float(b.products["reference"].iloc[row])
    return reference * float(np.exp(held.min())), reference * float(np.exp(held.max()))
