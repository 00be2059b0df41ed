"""Defines the route that is asked most: a product's weeks ahead (lesson 08, section 2).

Identifiers are the shop's own, and may hold slashes, dots or anything else. In a query they are safe; in a path
programs between here and the caller may decode ``%2F`` or fold ``..``, so that a path is read by what the catalogue
knows.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

from fastapi import FastAPI, Request
from fastapi.responses import Response

from ecomlib.serving.live.live_state import State
from ecomlib.serving.live.requests import Problem, as_bytes
from ecomlib.serving.live.service import Service
from ecomlib.serving.release.bundle import ALL

_PREFIX = "/forecast/"
_MOST_WEEKS = 104
_HISTORY = {"name": "history", "in": "query", "schema": {"type": "integer", "minimum": 0, "maximum": _MOST_WEEKS}}
_NAME = {"type": "string", "minLength": 1}
_SUMMARY = "The weeks ahead, with intervals"


def add_forecast(app: FastAPI, service: Service) -> None:
    """Add ``/forecast``, by query and by path (lesson 08, section 2)."""
    refused: dict[int | str, Any] = {404: {}, 422: {}}
    by_query = [
        {"name": "product_id", "in": "query", "required": True, "schema": _NAME},
        {"name": "region_id", "in": "query", "schema": {**_NAME, "default": ALL}},
        _HISTORY,
    ]
    by_path = [{"name": name, "in": "path", "required": True, "schema": _NAME} for name in ("product_id", "region_id")]

    # Read by hand, both: this is the route that is asked most, and its answer lies ready as bytes.
    @app.get(
        "/forecast", summary=f"{_SUMMARY}: any identifier.", responses=refused, openapi_extra={"parameters": by_query}
    )
    async def asked(request: Request) -> Response:
        state = service.state if not service.state.stale else await service.present()
        product = request.query_params.get("product_id")
        if not product:
            raise Problem(422, "name a product: GET /catalogue lists them", "query", "product_id")
        return _answer(request, state, product, request.query_params.get("region_id", ALL), "query")

    @app.get(
        "/forecast/{product_id:path}/{region_id:path}",
        summary=f"{_SUMMARY}, by path.",
        responses={**refused, 409: {}},
        openapi_extra={"parameters": [*by_path, _HISTORY]},
    )
    async def forecast(request: Request) -> Response:
        state = service.state if not service.state.stale else await service.present()
        product, region = request.path_params["product_id"], request.path_params["region_id"]
        if "/" in product or not region:
            product, region = split(state, f"{product}/{region}", request.scope.get("raw_path"))
        return _answer(request, state, product, region, "path")


def _answer(request: Request, state: State, product: str, region: str, place: str) -> Response:
    body = state.answers.get((product, region)) or state.ready(product, region)
    if body is None:
        name = "region_id" if product in state.bundle.row else "product_id"
        raise Problem(404, f"this {name[:-3]} is not known: GET /catalogue lists them", place, name)
    if request.scope["query_string"]:
        back = request.query_params.get("history", "0")
        if not (back.isascii() and back.isdigit() and len(back) < 4 and int(back) <= _MOST_WEEKS):
            raise Problem(422, f"history is a number of weeks from 0 to {_MOST_WEEKS}", "query", "history")
        if int(back):
            body = as_bytes({**json.loads(body), "history": state.history(product, region, int(back))})
    return Response(body, media_type="application/json")


def split(state: State, path: str, raw: bytes | None = None) -> tuple[str, str]:
    """Split ``product/region`` of a path where identifiers hold slashes, by what the catalogue knows.

    ``raw`` is the path as it was sent: where its identifiers came encoded (``TEE%2FRED/all``) it says itself where one
    ends. Raises ``Problem`` (409) where two splits are known.
    """
    _, _, sent = (raw or b"").decode("latin-1").partition(_PREFIX)
    if sent.count("/") == 1:
        product, region = map(unquote, sent.split("/"))
        if f"{product}/{region}" == path:
            return product, region
    parts = path.split("/")
    pairs = [("/".join(parts[:at]), "/".join(parts[at:])) for at in range(len(parts) - 1, 0, -1)]
    half = [pair for pair in pairs if pair[0] in state.bundle.row]
    known = [pair for pair in half if pair[1] == ALL or pair[1] in state.bundle.column]
    if len(known) > 1:
        raise Problem(409, "this path may be read in two ways: ask /forecast?product_id=…&region_id=…", "path")
    return (known or half or pairs)[0]
