"""Defines the routes about customers, and who may ask them (lesson 08, section 2; lessons 09, 10 and 14b).

Who buys what is a matter between a customer and the shop. So these routes answer callers of this machine, or with the
read key; their answers are kept by no cache, and what is refused or logged names no customer.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.responses import Response

from ecomlib.serving.live.configuration import ServeSettings
from ecomlib.serving.live.customers import (
    OffersIn,
    RecommendIn,
    RetainIn,
    VisitIn,
    lacks,
    offer,
    offers,
    recommend,
    retain,
)
from ecomlib.serving.live.live_state import State
from ecomlib.serving.live.requests import Problem, as_bytes, body_of, checked
from ecomlib.serving.live.service import Service
from ecomlib.serving.live.views import Views
from ecomlib.serving.release.customers import TABLES

PRIVATE = (
    "who buys what is told on this machine, or with a read key: set ECOMLIB_READ_KEY to a long random text and "
    "start the service again"
)


def add_customers(app: FastAPI, service: Service) -> None:
    """Add ``/customers``, ``/recommend``, ``/retain``, ``/offers`` and ``/offer``."""
    views = Views(service)
    none: dict[int | str, Any] = {
        403: {"description": "the service has no read key, and listens beyond this machine"},
        409: {"description": "this version or shop cannot give it; the answer says why"},
    }

    def sent(body: bytes) -> Response:
        return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})

    def allowed() -> None:
        if not private(service.settings):
            raise Problem(403, PRIVATE, "header", "authorization")

    async def answered(asked: Any, make: Callable[[State, Any], dict[str, Any]]) -> Response:
        allowed()
        # Of one customer nothing is kept: it is made at once, and the next to ask is another.
        if getattr(asked, "customer_id", None) is not None:
            return sent(as_bytes(make(await service.present(), asked)))
        return sent(await views.of((make.__name__, asked), lambda state, _: make(state, asked)))

    @app.get("/customers", summary="What this version knows of customers, and why not what it lacks.")
    async def known() -> Response:
        b = (await service.present()).bundle
        why = lacks(b) if private(service.settings) else dict.fromkeys(TABLES, PRIVATE)
        return sent(as_bytes({"version": b.number, "why": why}))

    @app.get("/recommend", summary="What to show a customer: what to buy again, and what is new.", responses=none)
    async def lists(asked: Annotated[RecommendIn, Query()]) -> Response:
        return await answered(asked, recommend)

    @app.get("/retain", summary="Who is leaving, what is at stake, whom to write to.", responses={404: {}, **none})
    async def board(asked: Annotated[RetainIn, Query()]) -> Response:
        return await answered(asked, retain)

    @app.get("/offers", summary="In which visits help pays, and between which chances.", responses=none)
    async def visits(asked: Annotated[OffersIn, Query()]) -> Response:
        return await answered(asked, offers)

    body = {"requestBody": {"required": True, "content": {"application/json": {"schema": VisitIn.model_json_schema()}}}}
    refused: dict[int | str, Any] = {409: {}, 413: {}, 415: {}, 422: {}}

    @app.post("/offer", summary="Whether to offer help in this visit.", responses=refused, openapi_extra=body)
    async def visit(request: Request) -> Response:
        asked = checked(VisitIn, await body_of(request))
        return sent(as_bytes(offer(await service.present(), asked)))


def private(settings: ServeSettings) -> bool:
    """Check that only this machine, or whoever has the read key, can ask."""
    if settings.read_key:
        return True
    try:
        return ipaddress.ip_address(settings.host).is_loopback
    except ValueError:
        return settings.host == "localhost"
