"""Recommends orders from the live state by the rule of ``ecomlib.decisions.inventory`` (lesson 08, section 3)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ecomlib.serving.live.live_state import State
from ecomlib.serving.release.bundle import ALL

LEAD = REVIEW = 1  # weeks until an order arrives, and until the next one can be placed
_LOOK = LEAD + REVIEW + 1  # weeks that the need may touch: it begins within the running one


def replenish(state: State, ratio: float = 3.0, limit: int = 50, region: str | None = None) -> list[dict[str, Any]]:
    """Recommend orders by product and region, the most urgent first (lesson 08, section 3).

    ``ratio``: what a unit short costs, over what a unit too many costs. Demand is that of the next two weeks (lead time
    and review): a sum, and so of means, for a sum of medians falls short. ``alert``: "out" where nothing is left of
    something that sells, "low" where the stock will not last until an order arrives. Without an inventory the stock is
    null and the order is the quantile itself. ``region`` narrows the list; "all" is the sum. Where the calibration rows
    are too few for this ratio the order is null, and ``reason`` says so.
    """
    from ecomlib.decisions.inventory import ALERTS, need_ahead, plan_orders

    b, stock = state.bundle, state.on_hand()
    names, share = list(b.regions["region_id"]), b.shares
    if stock is not None:
        stock = np.maximum(stock, 0.0)
    if region == ALL:
        names, share = [ALL], np.ones((len(share), 1))
        stock = None if stock is None else stock.sum(axis=1, keepdims=True)
    weekly = state.expected
    if weekly.shape[1] < _LOOK:  # a version that looks less far ahead: its last week goes on
        weekly = np.pad(weekly, [(0, 0), (0, _LOOK - weekly.shape[1])], mode="edge")
    expected, soon = (need_ahead(weekly, weeks, state.left)[:, None] * share for weeks in (LEAD + REVIEW, LEAD))
    found = plan_orders(expected, b.order_errors, names, ratio, soon=soon, stock=stock)
    if region is not None and region != ALL:
        column = b.column[region]
        found, expected, names = found.region(column), expected[:, [column]], [region]
    answer = []
    for row, column in zip(*found.most_urgent(limit), strict=True):
        reason = found.reason[row, column]
        answer.append(
            {
                "product_id": b.books.products[row],
                "title": str(b.products["title"].iat[row]),
                "region_id": names[column],
                "on_hand": None if stock is None else int(found.on_hand[row, column]),
                "expected": round(float(expected[row, column]), 2),
                "order": None if reason else int(found.order[row, column]),
                "alert": ALERTS[found.urgency[row, column]],
            }
            | ({"reason": f"unknown: {reason}"} if reason else {})
        )
    return answer
