"""Makes what the control room reads: in a thread, and once for each state (lesson 08, section 2).

A shop of many products takes long to look over. The process that counts orders must not stand still meanwhile, and
whoever else asks the same of the same state is given the same bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from ecomlib.serving.live.event_log import Event
from ecomlib.serving.live.live_state import State
from ecomlib.serving.live.price import missing
from ecomlib.serving.live.replenish import OrderPlan, plan
from ecomlib.serving.live.requests import Problem, as_bytes, records
from ecomlib.serving.live.service import Service
from ecomlib.serving.release.bundle import ALL, Bundle
from ecomlib.serving.release.inputs import monday

WAITING = 8  # of the events that wait, the ones that are shown
LISTED = 10  # rows and products of an overview
MOST_ROWS = 5_000  # of one answer: the list goes on with offset
_MOST_KEPT = 32  # different questions that are kept of one state


class Views:
    """Answers questions about the service's state as bytes, made in a thread and kept until the state changes."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._lock = asyncio.Lock()
        self._serial: tuple[int, int] | None = None
        self._kept: dict[Any, Any] = {}

    def _current(self) -> tuple[int, int]:
        serial = self.service.serial, self.service.state.bundle.number
        if serial != self._serial:
            self._serial, self._kept = serial, {}
        return serial

    async def of(self, key: Any, make: Callable[[State, int], dict[str, Any]]) -> bytes:
        """Answer what ``make`` says of the state and its number, joined by ``stale`` where its forecasts are old."""
        await self.service.present()
        self._current()
        found: bytes | None = self._kept.get(key)
        if found is None:
            async with self._lock:  # those who asked meanwhile find it made
                serial = self._current()
                found = self._kept.get(key)
                if found is None:
                    # Copied in one step with the serial: what is said of a state is never older than its number.
                    held = self.service.state.held()
                    found = await run_in_threadpool(lambda: as_bytes(make(held, serial[0]) | held.mark()))
                    self._keep(serial, key, found)
        return found

    def orders(self, state: State, ratio: float = 3.0, region: str | None = None) -> OrderPlan:
        """Plan orders, or return the plan that was made of this state for other rows of it; called by ``make``."""
        serial, key = self._serial, ("plan", ratio, region)
        found = self._kept.get(key)
        if found is None:
            found = plan(state, ratio, region)
            self._keep(serial, key, found)
        return found

    def _keep(self, serial: tuple[int, int] | None, key: Any, made: Any) -> None:
        if serial == self._serial:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[key] = made


class OrdersIn(BaseModel):
    """Which part of the order list is asked for."""

    model_config = ConfigDict(frozen=True)
    ratio: float = Field(default=3.0, ge=0.02, le=50, description="cost of a unit short over one too many")
    limit: int = Field(default=50, ge=1, le=MOST_ROWS, description="rows of one answer")
    offset: int = Field(default=0, ge=0, le=10**9, description="rows to leave out: those that one has")
    region_id: str | None = Field(default=None, description="one region, or all: the sum")
    by: Literal["region", "product"] = Field(
        default="region", description="product: a row for each one that needs somebody, its regions folded in"
    )


def order_list(views: Views, state: State, asked: OrdersIn) -> dict[str, Any]:
    """List what to order, with the totals of the whole list, of which the rows may be a part."""
    if asked.region_id is not None and asked.region_id != ALL and asked.region_id not in state.bundle.column:
        raise Problem(404, "this region is not known: GET /catalogue lists them", "query", "region_id")
    orders = views.orders(state, asked.ratio, asked.region_id)
    if asked.by == "product":
        rows, of = orders.by_product(asked.limit, asked.offset)
    else:
        rows, of = orders.rows(asked.limit, asked.offset), orders.expected.size
    return {
        "origin": f"{monday(state.shown):%Y-%m-%d}",
        "ratio": asked.ratio,
        "units": units(state.bundle),
        "currency": currency(state.bundle),
        "expected": orders.period(),
        "taken_off": orders.taken_off(),
        "totals": orders.totals() | {"rows": len(rows), "of": of},
        "rows": rows,
    }


def units(b: Bundle) -> str:
    """Name what a version's quantities count: ``gross``, or ``net`` of what came back."""
    return str(b.settings.get("units", "gross"))


def currency(b: Bundle) -> str | None:
    """Name the money of the shop's prices; None where its tables do not say."""
    return b.settings.get("currency") or None


def catalogue(state: State) -> dict[str, Any]:
    """List products with the price planned for the running week, and regions."""
    b, planned = state.bundle, state.planned("log_price")
    shown = b.products[["product_id", "title", "category", "price"]]
    if planned is not None:  # without a plan the price that was paid last
        shown = shown.assign(price=(b.products["reference"] * np.exp(planned[:, 0])).round(4))
    answerable = set(b.effects["category"][np.isfinite(b.effects.drop(columns="category").astype(float)).all(axis=1)])
    asked = (shown["category"].isin(answerable) & (planned is not None)).tolist()
    products = [row | {"whatif": can} for row, can in zip(records(shown), asked, strict=True)]
    return {"products": products, "regions": records(b.regions), "currency": currency(b)}


def abilities(b: Bundle) -> dict[str, bool]:
    """Say what this shop's tables allow: what cannot work need not be shown."""
    known = np.isfinite(b.effects.drop(columns="category").astype(float)).all(axis=1).any()
    return {
        "whatif": bool(known) and "log_price" in b.books.plan,
        "price": not missing(b),
        "quarter": b.sales_plan is not None and not b.sales_plan.empty,
        "stock": b.stock is not None,
        "regions": len(b.regions) > 1,
    }


def overview(state: State, orders: OrderPlan, drift: dict[str, Any], serial: int) -> dict[str, Any]:
    """Sum up the shop for the control room: orders, regions, alerts, drift, newest orders."""
    b = state.bundle
    sold = state.units(state.shown + 1).sum(axis=0)
    expected = (state.expected[:, :1] * b.shares).sum(axis=0)
    unsettled = state.unsettled()
    first = unsettled[:WAITING]
    waiting = [
        row | {"kind": event.kind, "why": why_waits(event, state)}
        for event, row in zip(first, shown(b, first), strict=True)
    ]
    regions = [
        row | {"sold_week": int(units), "expected_week": round(float(mean), 1)}
        for row, units, mean in zip(records(b.regions), sold, expected, strict=True)
    ]
    products, of = orders.by_product(LISTED)
    return {
        "version": b.number,
        "origin": f"{monday(state.shown):%Y-%m-%d}",
        "clock": state.clock.isoformat(),
        "elapsed": round(1 - state.left, 4),
        "events": state.events,
        "units": units(b),
        "state": serial,
        "currency": currency(b),
        "can": abilities(b),
        "regions": regions,
        "alerts": [row for row in orders.rows(LISTED) if row["alert"] or b.stock is None],
        "orders": {
            "totals": orders.totals() | {"rows": len(products), "of": of},
            "expected": orders.period(),
            "taken_off": orders.taken_off(),
            "rows": products,
        },
        "drift": {
            "light": drift["light"],
            "says": drift["says"],
            "lights": [{name: one.get(name) for name in ("name", "alarm", "says")} for one in drift.get("lights", [])],
        },
        "newest": shown(b, state.newest),
        "waiting": {"count": len(unsettled), "events": waiting},
    }


def why_waits(event: Event, state: State) -> str:
    """Say why an event waits: its quantity, its date, or that it is a delivery on its way."""
    return "arriving" if state.on_its_way(event) else "quantity" if event.held else "date"


def shown(b: Bundle, events: Sequence[Event]) -> list[dict[str, Any]]:
    """Turn events into what the control room shows of them."""
    title = b.products["title"]
    return [
        {
            "event_key": e.event_key,
            "product_id": e.product_id,
            "region_id": e.region_id,
            "quantity": e.quantity,
            "title": str(title.iat[b.row[e.product_id]]) if e.product_id in b.row else "",
            "unit_price": e.unit_price,
            "ordered_at": e.ordered_at.isoformat(),
        }
        for e in events
    ]
