"""Defines the read-only routes for the control room and the buyer (lesson 08, section 2)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from ecomlib.serving.live.live_state import State
from ecomlib.serving.live.plan import PlanIn, sales_plan
from ecomlib.serving.live.price import PriceIn, price_advice
from ecomlib.serving.live.requests import WhatIfIn, as_json, body_of, checked
from ecomlib.serving.live.service import Service
from ecomlib.serving.live.views import OrdersIn, Views, catalogue, order_list, overview
from ecomlib.serving.live.whatif import what_if


def add_views(app: FastAPI, service: Service) -> None:
    """Add the routes that only read (lesson 08, section 2)."""
    views = Views(service)
    cards: dict[int, dict[str, Any]] = {}

    def sent(body: bytes) -> Response:
        return Response(body, media_type="application/json")

    @app.get("/catalogue", summary="Products and regions.")
    async def products() -> Response:
        return sent(await views.of("catalogue", lambda state, _: catalogue(state)))

    @app.get("/replenish", summary="What to order now, the most urgent first.", responses={404: {}})
    async def orders(asked: Annotated[OrdersIn, Query()]) -> Response:
        return sent(await views.of(asked, lambda state, _: order_list(views, state, asked)))

    none: dict[int | str, Any] = {409: {"description": "this version or shop cannot give it; the answer says why"}}

    @app.get("/plan", summary="What the shop will sell, by category and region, with intervals.", responses=none)
    async def plan(asked: Annotated[PlanIn, Query()]) -> Response:
        return sent(await views.of(asked, lambda state, _: sales_plan(state, asked)))

    @app.get("/price", summary="Which prices to change, and what that would earn.", responses=none)
    async def prices(asked: Annotated[PriceIn, Query()]) -> Response:
        return sent(await views.of(asked, lambda state, _: price_advice(state, asked)))

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
            r = service.registry
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
    async def at_a_glance(
        since: Annotated[int, Query(ge=0, description="the state that you have")] = 0,
    ) -> Response:
        await service.present()
        drift = await service.lights()
        if since == service.serial:
            return Response(status_code=204)

        def made(state: State, serial: int) -> dict[str, Any]:
            pages = getattr(app.state, "pages", {})  # that were added to this room
            return overview(state, views.orders(state), drift, serial) | ({"pages": pages} if pages else {})

        return sent(await views.of("overview", made))
