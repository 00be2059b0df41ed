"""Recommends orders: the newsvendor's quantile of the weeks ahead, less the stock on hand (lesson 08, section 3)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ecomlib.serving.live.live_state import State
from ecomlib.serving.release.bundle import ALL, LEVELS, quantile_names

LEAD, REVIEW = 7, 7  # days until an order arrives, and until the next one can be placed


def replenish(state: State, ratio: float = 3.0, limit: int = 50, region: str | None = None) -> list[dict[str, Any]]:
    """Recommend orders by product and region, the most urgent first (lesson 08, section 3).

    ``ratio``: what a unit short costs, over what a unit too many costs. The demand of the next two weeks (lead time and
    review) is the forecast plus that quantile of the errors that the calibration weeks left at this region
    (``newsvendor_quantile``, lesson 00, section 5); the order is its whole number less the stock, not below zero.
    ``alert``: "out" where nothing is left of something that sells, "low" where the stock will not last until an order
    arrives. Without an inventory the stock is null and the order is the quantile itself. ``region`` narrows the list;
    "all" is the sum. Where the calibration rows are too few for this ratio the order is null, and ``reason`` says so.
    """
    from ecomlib.ensemble import too_few
    from ecomlib.evaluation import newsvendor_quantile

    b, left, f = state.bundle, state.left, state.forecast
    two = left * f[:, 0] + f[:, 1] + (1 - left) * f[:, 2]
    until = left * f[:, 0] + (1 - left) * f[:, 1]
    stock, names = state.on_hand(), list(b.regions["region_id"])
    some = list(range(len(names))) if region is None else [len(names) if region == ALL else b.column[region]]
    share = np.hstack([b.shares, np.ones((len(two), 1))])[:, some]
    expected, soon = two[:, None] * share, until[:, None] * share
    quantile = newsvendor_quantile(ratio, 1.0)
    reach = b.reach.iloc[some]
    z = np.array([np.interp(quantile, LEVELS, row) for row in reach[quantile_names()].to_numpy(dtype=float)])
    z = np.nan_to_num(z, nan=np.inf, posinf=np.inf)
    rows = reach.get("two_week_rows", [None] * len(reach))  # a version of an older release does not say
    reasons = [
        None if known else (count is not None and too_few(count, quantile)) or "too few calibration rows"
        for known, count in zip(np.isfinite(z), rows, strict=True)
    ]
    level = np.maximum(expected + z * np.sqrt(expected + 0.5), 0.0)
    there = np.zeros_like(level)
    if stock is not None:
        stock = np.maximum(stock, 0.0)
        there = np.hstack([stock, stock.sum(axis=1, keepdims=True)])[:, some]
    order = np.maximum(np.floor(level - there + 0.5), 0.0)
    rank = np.full(level.shape, 2)
    if stock is not None:
        rank[(there < soon) & (order > 0)] = 1
        rank[(there <= 0) & (expected >= 0.5)] = 0
    first = np.lexsort((-(level - there).ravel(), rank.ravel()))[:limit]  # ties stay in the catalogue's order
    answer = []
    for row, column in zip(*np.unravel_index(first, level.shape), strict=True):
        answer.append(
            {
                "product_id": b.books.products[row],
                "title": str(b.products["title"].iat[row]),
                "region_id": [*names, ALL][some[column]],
                "on_hand": None if stock is None else int(there[row, column]),
                "expected": round(float(expected[row, column]), 2),
                "order": None if reasons[column] else int(order[row, column]),
                "alert": ("out", "low", None)[rank[row, column]],
            }
            | ({"reason": f"unknown: {reasons[column]}"} if reasons[column] else {})
        )
    return answer
