"""Recommends orders from the live state by the rule of ``ecomlib.decisions.inventory`` (lesson 08, section 3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.decisions.inventory import ALERTS, Orders, need_ahead, plan_orders
from ecomlib.serving.live.live_state import State
from ecomlib.serving.release.bundle import ALL
from ecomlib.serving.release.inputs import Floats, monday

LEAD = REVIEW = 1  # weeks until an order arrives, and until the next one can be placed
_LOOK = LEAD + REVIEW + 1  # weeks that the need may touch: it begins within the running one
_OUT, _LOW, _QUIET = (ALERTS.index(name) for name in ("out", "low", None))


@dataclass(frozen=True, eq=False)
class OrderPlan:
    """Holds what to order by product and region, as one state has it (lesson 08, section 3).

    products: identifiers and titles; regions: identifiers of the columns; found: orders, alerts and reasons (P, R);
    expected: mean units of the weeks to be covered (P, R); counted: whether the shop knows its stock; since: the
    moment from which demand is counted; units: "gross", or "net" of what comes back, in which demand and order are.
    """

    products: tuple[tuple[str, str], ...]
    regions: tuple[str, ...]
    found: Orders
    expected: Floats
    counted: bool
    since: datetime
    units: str = "gross"

    def totals(self) -> dict[str, int]:
        """Sum up the whole plan: pairs of product and region that are out or low, units to order, rows that order."""
        order = np.where(_missing(self.found.reason), self.found.order, 0.0)
        return {
            "out": int((self.found.urgency == _OUT).sum()),
            "low": int((self.found.urgency == _LOW).sum()),
            "order_units": int(order.sum()),
            "order_rows": int((order > 0).sum()),
            "arriving_units": int(self.found.arriving.sum()),
        }

    def period(self) -> dict[str, Any]:
        """Name the weeks whose demand ``expected`` sums, and which an order covers."""
        until = self.since + timedelta(weeks=LEAD + REVIEW)
        return {"weeks": LEAD + REVIEW, "from": f"{self.since:%Y-%m-%d}", "until": f"{until:%Y-%m-%d}"}

    def taken_off(self) -> str:
        """Say what was taken off the need, and what its reader still has to take off."""
        shelf = "What is in stock was taken off" if self.counted else "What is in stock is not known, and not taken off"
        units, until = int(self.found.arriving.sum()), self.period()["until"]
        if units:
            return (
                f"{shelf}. On their way are {units:,} units, told ahead and due by {until}: they were taken off, too."
            )
        return f"{shelf}. What is on its way was not: no delivery that is due by {until} was told ahead."

    def rows(self, limit: int | None = None, offset: int = 0) -> list[dict[str, Any]]:
        """List pairs of product and region, the most urgent first."""
        rows, columns = self.found.most_urgent(None if limit is None else offset + limit)
        return [self._row(row, column) for row, column in zip(rows[offset:], columns[offset:], strict=True)]

    def by_product(self, limit: int | None = None, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
        """List products that need somebody, the most urgent first, their regions folded in; and count all of these.

        Those are products with an alert, or, where the stock is not known, with something to order. Under ``regions``
        stand those of its regions that have an alert or an order.
        """
        rows, columns = self.found.most_urgent()
        needs = (self.found.order > 0) | ~_missing(self.found.reason)
        rings = self.found.urgency < _QUIET
        wanted = np.asarray((rings if self.counted else needs).any(axis=1))
        pairs = rows[wanted[rows]]
        first = pairs[np.sort(np.unique(pairs, return_index=True)[1])]
        part = first[offset : None if limit is None else offset + limit]
        mine = np.isin(rows, part) & (rings | needs)[rows, columns]
        places: dict[int, list[int]] = {row: [] for row in part.tolist()}
        for row, column in zip(rows[mine].tolist(), columns[mine].tolist(), strict=True):
            places[row].append(column)
        return [self._product(row, at) for row, at in places.items()], len(first)

    def _product(self, row: int, columns: list[int]) -> dict[str, Any]:
        product, title = self.products[row]
        found, known = self.found, _missing(self.found.reason[row])
        parts = [self._row(row, column) for column in columns]
        return {
            "product_id": product,
            "title": title,
            "on_hand": int(found.on_hand[row].sum()) if self.counted else None,
            "arriving": int(found.arriving[row].sum()),
            "expected": round(float(self.expected[row].sum()), 2),
            "order": int(found.order[row][known].sum()) if known.any() else None,
            "units": self.units,
            "alert": ALERTS[found.urgency[row].min()],
            "out": int((found.urgency[row] == _OUT).sum()),
            "low": int((found.urgency[row] == _LOW).sum()),
            "regions": [
                {name: value for name, value in part.items() if name not in ("product_id", "title", "units")}
                for part in parts
            ],
        } | ({} if known.all() else {"reason": f"unknown: {found.reason[row][~known][0]}"})

    def _row(self, row: int, column: int) -> dict[str, Any]:
        (product, title), reason = self.products[row], self.found.reason[row, column]
        return {
            "product_id": product,
            "title": title,
            "region_id": self.regions[column],
            "on_hand": int(self.found.on_hand[row, column]) if self.counted else None,
            "arriving": int(self.found.arriving[row, column]),
            "expected": round(float(self.expected[row, column]), 2),
            "order": None if reason else int(self.found.order[row, column]),
            "units": self.units,
            "alert": ALERTS[self.found.urgency[row, column]],
        } | ({"reason": f"unknown: {reason}"} if reason else {})


def _missing(reason: NDArray[np.object_]) -> NDArray[np.bool_]:
    return np.asarray(pd.isna(reason), dtype=bool)


def plan(state: State, ratio: float = 3.0, region: str | None = None) -> OrderPlan:
    """Plan orders by product and region from the live state (lesson 08, section 3).

    ``ratio``: what a unit short costs, over what a unit too many costs. Demand is that of the next two weeks (lead time
    and review): a sum, and so of means, for a sum of medians falls short. An alert is "out" where nothing is left of
    something that sells, "low" where the stock will not last until an order arrives. Taken off are the stock (unknown
    without an inventory, and null) and what is on its way: deliveries that were told ahead (an event of kind
    ``delivery`` that bears the day on which it will arrive) and are due within these two weeks. The log holds what the
    shop's customers order, not what the shop orders: a delivery that nobody tells ahead is not known until it is there,
    and the list would order it again. ``region`` narrows the list; "all" is the sum. Where the calibration rows
    are too few for this ratio the order is null, and ``reason`` says so.
    """
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
    # Where new forecasts are still being made the week shown is over, and the need begins with the one after it.
    since = state.clock if state.shown == state.origin else monday(state.shown + 2).to_pydatetime()
    coming, first = (state.arriving(since + timedelta(weeks=weeks)) for weeks in (LEAD + REVIEW, LEAD))
    if region == ALL:
        coming, first = coming.sum(axis=1, keepdims=True), first.sum(axis=1, keepdims=True)
    found = plan_orders(expected, b.order_errors, names, ratio, soon=soon - first, stock=stock, arriving=coming)
    if region is not None and region != ALL:
        column = b.column[region]
        found, expected, names = found.region(column), expected[:, [column]], [region]
    products = tuple(zip(b.books.products, map(str, b.products["title"]), strict=True))
    counts = b.settings.get("units", "gross")
    return OrderPlan(products, tuple(names), found, expected, stock is not None, since, counts)


def replenish(state: State, ratio: float = 3.0, limit: int = 50, region: str | None = None) -> list[dict[str, Any]]:
    """Recommend orders by product and region, the most urgent first: the rows of ``plan`` (lesson 08, section 3)."""
    return plan(state, ratio, region).rows(limit)
