"""Defines the read-only routes for the control room and the buyer (lesson 08, section 2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from fastapi import FastAPI, Query, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from ecomlib.serving.live.amendments import why_waits
from ecomlib.serving.live.event_log import Event
from ecomlib.serving.live.live_state import State
from ecomlib.serving.live.replenish import replenish
from ecomlib.serving.live.requests import Problem, WhatIfIn, as_json, body_of, checked, records
from ecomlib.serving.live.service import Service
from ecomlib.serving.live.whatif import what_if
from ecomlib.serving.release.bundle import ALL, Bundle
from ecomlib.serving.release.inputs import monday

_WAITING = 8  # of the events that wait, the ones that are shown


def add_views(app: FastAPI, service: Service) -> None:
    """Add the routes that only read (lesson 08, section 2)."""
    kept: dict[str, Any] = {"serial": None, "body": None, "cards": {}}

    @app.get("/catalogue", summary="Products and regions.")
    async def catalogue() -> Response:
        state = service.state
        b, plan = state.bundle, state.planned("log_price")
        shown = b.products[["product_id", "title", "category", "price"]]
        if plan is not None:  # the running week's; without a plan the price that was paid last
            shown = shown.assign(price=(b.products["reference"] * np.exp(plan[:, 0])).round(4))
        return as_json({"products": records(shown), "regions": records(b.regions)})

    @app.get("/replenish", summary="What to order now, the most urgent first.", responses={404: {}})
    async def orders(
        ratio: Annotated[float, Query(ge=0.02, le=50, description="cost of a unit short over one too many")] = 3.0,
        limit: Annotated[int, Query(ge=1, le=100_000)] = 50,
        region_id: str | None = None,
    ) -> Response:
        state = await service.present()
        if region_id is not None and region_id != ALL and region_id not in state.bundle.column:
            raise Problem(404, "this region is not known: GET /catalogue lists them", "query", "region_id")
        rows = replenish(state, ratio, limit, region_id)
        return as_json({"origin": f"{monday(state.shown):%Y-%m-%d}", "ratio": ratio, "rows": rows, **state.mark()})

    ask = WhatIfIn.model_json_schema()
    body = {"requestBody": {"required": True, "content": {"application/json": {"schema": ask}}}}
    refused: dict[int | str, Any] = {404: {}, 409: {}, 413: {}, 415: {}, 422: {}}

    @app.post("/whatif", summary="What another price or promotion would do.", responses=refused, openapi_extra=body)
    async def whatif(request: Request) -> Response:
        asked = checked(WhatIfIn, await body_of(request))
        state = await service.present()
        return as_json(what_if(state, asked) | state.mark())

    @app.get("/drift", summary="Has the world changed?")
    async def lights() -> Response:
        return as_json(await service.drift())

    @app.get("/versions", summary="Versions, promotions, and what is in force.")
    async def versions() -> Response:
        def read() -> dict[str, Any]:
            r, cards = service.registry, kept["cards"]
            for number in r.versions():
                cards[number] = cards.get(number) or r.card(number)
            shown = [
                {"version": n, "created": card.get("created"), **card.get("notes", {})} for n, card in cards.items()
            ]
            for one in shown:
                one.pop("source", None)  # may name a folder of this machine
            return {"versions": shown, "promotions": [vars(p) for p in r.history()]}

        in_force = {"in_force": service.state.bundle.number, "trouble": service.trouble or None}
        return as_json(in_force | await run_in_threadpool(read))

    @app.get("/overview", summary="The shop at a glance.", responses={204: {"description": "nothing has changed"}})
    async def at_a_glance(since: Annotated[int, Query(ge=0, description="the state that you have")] = 0) -> Response:
        state = await service.present()
        drift = await service.lights()
        if since == service.serial:
            return Response(status_code=204)
        serial = service.serial, state.bundle.number
        if kept["serial"] != serial:
            kept.update(serial=serial, body=as_json(overview(service, state, drift)).body)
        return Response(kept["body"], media_type="application/json")


def overview(service: Service, state: State, drift: dict[str, Any]) -> dict[str, Any]:
    """Sum up the shop for the control room: regions, alerts, drift, newest orders."""
    b = state.bundle
    sold = state.sold.get(state.shown + 1, np.zeros(state.size)).sum(axis=0)
    expected = (state.expected[:, :1] * b.shares).sum(axis=0)
    first = state.waiting[:_WAITING]
    waiting = [
        shown | {"kind": event.kind, "why": why_waits(event)}
        for event, shown in zip(first, _shown(b, first), strict=True)
    ]
    regions = [
        row | {"sold_week": int(units), "expected_week": round(float(mean), 1)}
        for row, units, mean in zip(records(b.regions), sold, expected, strict=True)
    ]
    return {
        "version": b.number,
        "origin": f"{monday(state.shown):%Y-%m-%d}",
        "clock": state.clock.isoformat(),
        "elapsed": round(1 - state.left, 4),
        "events": state.events,
        "state": service.serial,
        "regions": regions,
        "alerts": [row for row in replenish(state, limit=10) if row["alert"] or b.stock is None],
        "drift": {"light": drift["light"], "says": drift["says"]},
        "newest": _shown(b, state.newest),
        "waiting": {"count": len(state.waiting), "events": waiting},
        **state.mark(),
    }


def _shown(b: Bundle, events: Sequence[Event]) -> list[dict[str, Any]]:
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
