"""Parses and validates requests: limits their size, and names the fault of an event (lesson 08, section 2)."""

from __future__ import annotations

import hmac
import json
import os
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, TypeVar

import pandas as pd
import pydantic_core
from fastapi import HTTPException, Request, Response
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError
from starlette.requests import ClientDisconnect

from ecomlib.serving.live.event_log import Event
from ecomlib.serving.live.live_state import AHEAD, State
from ecomlib.serving.release.bundle import KEY

M = TypeVar("M", bound=BaseModel)
MOST_EVENTS, MOST_BYTES = 5_000, 2 * 2**20
_WHEN = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?)?$"


class Problem(HTTPException):
    """Refuses a request in FastAPI's shape: what is wrong, and where."""

    def __init__(self, status: int, message: str, *loc: str | int) -> None:
        super().__init__(status, [{"loc": list(loc), "msg": message, "type": "refused"}])


def _clean(text: str) -> str:
    if "\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("text must hold neither NUL nor half a surrogate pair")
    return text


Text = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=200), AfterValidator(_clean)]


# JSON does not tell 3.0 from 3, and many senders write whole numbers so.
Whole = Annotated[int, BeforeValidator(lambda v: int(v) if type(v) is float and v.is_integer() else v)]


class EventIn(BaseModel):
    """An order line, or a delivery to the stock."""

    model_config = ConfigDict(extra="forbid", strict=True)

    event_key: Text = Field(description="what makes the event known: the same key again is the same event")
    kind: Literal["order", "delivery"] = "order"
    product_id: Text
    region_id: Text
    ordered_at: Annotated[str, StringConstraints(pattern=_WHEN)] = Field(
        description="when, by the shop's own clock, without a time zone", examples=["2025-06-02T18:00:00"]
    )
    quantity: Whole = Field(ge=1, le=1_000_000, description="whole units")
    unit_price: float | None = Field(default=None, ge=0, le=1e9, allow_inf_nan=False, description="needed for orders")


class EventsIn(BaseModel):
    """Many events at once: all are taken, or none."""

    model_config = ConfigDict(extra="forbid", strict=True)
    events: list[EventIn] = Field(min_length=1, max_length=MOST_EVENTS)


class WhatIfIn(BaseModel):
    """Another price, or another promotion, for the weeks ahead."""

    model_config = ConfigDict(extra="forbid", strict=True)
    product_id: Text
    region_id: Text = "all"
    price: float | None = Field(default=None, gt=0, le=1e9, allow_inf_nan=False)
    promoted: bool | None = None
    depth: float | None = Field(
        default=None, ge=0, le=0.9, allow_inf_nan=False, description="discount, a share of the price"
    )


def allowed(request: Request) -> None:
    """Raise 401 where a write key is set in the environment and this request does not bear it."""
    key = os.environ.get(KEY)
    if not key:
        return
    given = request.headers.get("authorization", "")
    if not hmac.compare_digest(given.encode("latin-1", "replace"), f"Bearer {key}".encode()):
        refusal = Problem(401, "the write key is missing or wrong", "header", "authorization")
        refusal.headers = {"WWW-Authenticate": "Bearer"}
        raise refusal


async def body_of(request: Request) -> Any:
    """Parse the body into plain values: 415 unless it says JSON, 413 beyond the limit, 422 where it is not JSON.

    A page of another site can send a body of plain text without asking first; JSON it cannot.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Problem(415, "send JSON, with the header Content-Type: application/json", "header", "content-type")
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > MOST_BYTES:
                raise Problem(413, f"a body may have {MOST_BYTES:,} bytes: send smaller batches", "body")
    except ClientDisconnect:
        raise Problem(400, "the body ended too soon", "body") from None
    try:
        return pydantic_core.from_json(bytes(body), allow_inf_nan=False)
    except ValueError as error:
        raise Problem(422, f"this is not JSON: {error}", "body") from None


def checked(model: type[M], values: Any) -> M:
    """Validate values as a model; 422 that names the first fields at fault."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)[:20]
        raise HTTPException(422, [{**one, "loc": ["body", *one["loc"]]} for one in found]) from None


def events_of(values: Any, state: State) -> list[Event]:
    """Turn one object or a batch into events that this shop can take; 413 or 422 otherwise."""
    many = isinstance(values, dict) and "events" in values
    if many and isinstance(values["events"], list) and len(values["events"]) > MOST_EVENTS:
        raise Problem(413, f"a batch may have {MOST_EVENTS:,} events", "body", "events")
    given: list[EventIn] = checked(EventsIn, values).events if many else [checked(EventIn, values)]
    row, column = state.bundle.row, state.bundle.column
    latest = state.clock + timedelta(days=AHEAD)
    answer = []
    for place, event in enumerate(given):

        def refuse(field: str, message: str, place: int = place) -> Problem:
            return Problem(422, message, "body", *(("events", place) if many else ()), field)

        if event.product_id not in row:
            raise refuse("product_id", "this product is not in the catalogue")
        if event.region_id not in column:
            raise refuse("region_id", "this region is not known: GET /catalogue lists them")
        if event.unit_price is None and event.kind == "order":
            raise refuse("unit_price", "an order needs the price that was paid for a unit")
        try:
            when = datetime.fromisoformat(event.ordered_at)
        except ValueError as error:
            raise refuse("ordered_at", f"this is no time: {error}") from None
        if not 1971 <= when.year < 2200:  # pandas' timestamps end in 2262
            raise refuse("ordered_at", "a year is one from 1971 to 2199")
        if when > latest:
            raise refuse(
                "ordered_at",
                f"this lies more than {AHEAD} days ahead of the shop's clock, {state.clock:%Y-%m-%d %H:%M}",
            )
        when = when.replace(microsecond=0)  # what the log keeps
        answer.append(
            Event(
                event.event_key, event.product_id, event.region_id, when, event.quantity, event.unit_price, event.kind
            )
        )
    return answer


def schema() -> dict[str, Any]:
    """Describe what ``POST /events`` takes, for OpenAPI."""
    one = EventIn.model_json_schema()
    fields = one["properties"]
    for name in ("product_id", "region_id", "event_key"):
        fields[name]["pattern"] = r"^[^\x00]+$"
    price = {**fields["unit_price"]["anyOf"][0], "description": "of one unit"}
    order = {"properties": {"kind": {"const": "order"}, "unit_price": price}, "required": ["unit_price"]}
    one["anyOf"] = [order, {"properties": {"kind": {"const": "delivery"}}, "required": ["kind"]}]
    batch = {"type": "array", "items": one, "minItems": 1, "maxItems": MOST_EVENTS}
    many = {"type": "object", "properties": {"events": batch}, "required": ["events"], "additionalProperties": False}
    return {"required": True, "content": {"application/json": {"schema": {"oneOf": [one, many]}}}}


def as_bytes(body: Any) -> bytes:
    """Encode compact JSON."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def as_json(body: Any) -> Response:
    """Answer in JSON."""
    return Response(as_bytes(body), media_type="application/json")


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Turn rows into plain values; missing ones are null."""
    rows = frame.to_dict("records")
    return [{name: None if value is None or value != value else value for name, value in row.items()} for row in rows]
