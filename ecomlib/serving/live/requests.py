"""Parses and validates requests: limits their size, and names the fault of an event (lesson 08, section 2)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
import pandas as pd
import pydantic_core
from fastapi import HTTPException, Request, Response
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError
from starlette.requests import ClientDisconnect

from ecomlib.serving.live.event_log import Event
from ecomlib.serving.live.live_state import State

M = TypeVar("M", bound=BaseModel)
Place = tuple[str | int, ...]  # of a field in the body
MOST_EVENTS, MOST_BYTES = 5_000, 2 * 2**20
_DAY, _TIME, _ZONE = (
    r"(\d{4}-\d{2}-\d{2})",
    r"(\d{2}:\d{2})(?::(\d{2})(?:[.,]\d{1,9})?)?",
    r"(Z|z|UTC|[+-]\d{2}(?::?\d{2})?)",
)
_WHEN = rf"^{_DAY}(?:[Tt ]{_TIME}(?: ?{_ZONE})?)?$"
_EXAMPLES = "write 2026-06-02T18:00:00 by the shop's own clock, or with an offset: 2026-06-02T16:00:00Z"


_BELIEVED = 50  # units of one line that are always believed
_DELIVERED = 20  # times as many may be delivered at once
_NEEDED = {
    "unit_price": "an order needs the price that was paid for a unit",
    "refers": "a {} names the event that it speaks of by its key",
    "quantity": "a {} needs its quantity, in whole units",
    "product_id": "a {} names its product",
    "region_id": "a {} names its region: GET /catalogue lists them",
}


class Problem(HTTPException):
    """Refuses a request in FastAPI's shape: what is wrong, and where."""

    def __init__(self, status: int, message: str, *loc: str | int) -> None:
        super().__init__(status, [{"loc": list(loc), "msg": message, "type": "refused"}])


def _clean(text: str) -> str:
    if "\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("text must hold neither NUL nor half a surrogate pair")
    return text


Text = Annotated[
    str,
    StringConstraints(strict=True, min_length=1, max_length=200),
    AfterValidator(_clean),
    Field(json_schema_extra={"pattern": r"^[^\x00]+$"}),
]


# JSON does not tell 3.0 from 3, and many senders write whole numbers so.
Whole = Annotated[int, BeforeValidator(lambda v: int(v) if type(v) is float and v.is_integer() else v)]


When = Annotated[str, StringConstraints(strict=True, max_length=60), Field(json_schema_extra={"pattern": _WHEN})]


class EventIn(BaseModel):
    """An order line, a delivery to the stock or a return to it; or a word on one of them: its void, its correction."""

    model_config = ConfigDict(extra="forbid", strict=True)

    event_key: Text = Field(description="what makes the event known: the same key again is the same event")
    kind: Literal["order", "delivery", "return", "void", "correct"] = "order"
    product_id: Text | None = Field(default=None, description="needed but for a void or a correction")
    region_id: Text | None = Field(default=None, description="needed but for a void or a correction")
    ordered_at: When = Field(
        description="when, by the shop's own clock (of a delivery that is on its way: when it will come); "
        "with Z or an offset it is turned into the shop's time",
        examples=["2025-06-02T18:00:00", "2025-06-02T16:00:00Z"],
    )
    quantity: Whole | None = Field(
        default=None, ge=0, le=1_000_000, description="whole units, 1 or more; of a correction the right number"
    )
    unit_price: float | None = Field(default=None, ge=0, le=1e9, allow_inf_nan=False, description="needed for orders")
    refers: Text | None = Field(
        default=None, description="key of the event that is void, corrected, or (if it is known) returned"
    )


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
    most = plausible(state)
    return [
        event_of(event, state, most, ("body", *(("events", place) if many else ())))
        for place, event in enumerate(given)
    ]


def event_of(event: EventIn, state: State, most: Sequence[int], place: Place) -> Event:
    """Turn one object into an event, ``held`` where its quantity is one to be confirmed; 422 names the field."""
    speaks = event.kind in ("void", "correct")
    needed = {"order": ("unit_price",), "void": ("refers",), "correct": ("refers", "quantity")}.get(event.kind, ())
    for field in needed if speaks else ("product_id", "region_id", "quantity", *needed):
        if getattr(event, field) is None:
            raise Problem(422, _NEEDED[field].format(event.kind), *place, field)
    unused = ("product_id", "region_id", *(("quantity", "unit_price") if event.kind == "void" else ()))
    for field in unused if speaks else () if event.kind == "return" else ("refers",):
        if getattr(event, field) is not None:
            raise Problem(422, f"{event.kind} takes no {field}: leave it out", *place, field)
    if event.quantity == 0 and event.kind != "correct":
        raise Problem(422, "a quantity is 1 or more", *place, "quantity")
    when, held = moment_of(event.ordered_at, state, (*place, "ordered_at")), 0
    if not speaks:
        row = known_place(event.product_id, event.region_id, state, place)
        held = int((event.quantity or 0) > times(event.kind) * most[row])
    elif event.kind == "correct" and when > state.furthest():
        problem = "a correction is dated when it was made: of several the last one holds, and this one would for ever"
        raise Problem(422, problem, *place, "ordered_at")
    return Event(
        event.event_key,
        event.product_id or "",
        event.region_id or "",
        when,
        event.quantity or 0,
        event.unit_price,
        event.kind,
        event.refers,
        held,
    )


def times(kind: str) -> int:
    """Return how many times as much as one order line may hold is believed of an event."""
    return 1 if kind in ("order", "return") else _DELIVERED


def known_place(product: str | None, region: str | None, state: State, place: Place) -> int:
    """Return the row of a product; 422 where it or the region is not known."""
    if product not in state.bundle.row:
        raise Problem(422, "this product is not in the catalogue", *place, "product_id")
    if region not in state.bundle.column:
        raise Problem(422, "this region is not known: GET /catalogue lists them", *place, "region_id")
    return int(state.bundle.row[product])


def moment_of(text: str, state: State, place: Place) -> datetime:
    """Read a time by the shop's clock, to the second; with an offset it is turned into the shop's time zone.

    A day may end at 24:00, and a leap second is the one after it.
    """
    found = re.fullmatch(_WHEN, text, re.ASCII)
    if found is None:
        raise Problem(422, f"this is no time: {_EXAMPLES}", *place)
    day, minute, second, zone = (part or "" for part in found.groups())
    late = timedelta(days=minute == "24:00" and second in ("", "00"), seconds=second == "60")
    minute, second = "00:00" if late.days else minute or "00:00", "59" if late.seconds else second or "00"
    try:
        when = datetime.fromisoformat(f"{day}T{minute}:{second}{zone.upper().replace('UTC', 'Z')}") + late
        when = state.rule.local(when)
    except (ValueError, OverflowError) as error:
        said = "an offset is less than a day" if "offset" in str(error) else str(error)
        raise Problem(422, f"this is no time: {said}", *place) from None
    if not 1971 <= when.year < 2200:  # pandas' timestamps end in 2262
        raise Problem(422, "a year is one from 1971 to 2199", *place)
    return when  # to the second: what the log keeps


def plausible(state: State) -> list[int]:
    """Return the units of one order line that are believed, by product's row: ten times its largest week.

    A slip of the keyboard is a thousand times what sells. A product with little history is judged by the shop's others:
    at least ten times what the median product sold in its largest week, and never fewer than ``_BELIEVED``.
    """
    largest = state.bundle.books.units.max(axis=1, initial=0.0)
    usual = float(np.median(largest[largest > 0])) if (largest > 0).any() else 0.0
    return [max(_BELIEVED, int(10 * max(own, usual))) for own in largest]


def most_counted(state: State, most: Sequence[int], row: int, column: int) -> int:
    """Return the units that are believed to lie on the shelf: as many as a delivery brings, or ten times the stock."""
    stock = state.on_hand()
    known = 0 if stock is None else 10 * int(max(stock[row, column], 0))
    return max(_DELIVERED * most[row], known)


def doubted(events: Sequence[Event], known: Mapping[str, Event], state: State) -> list[Event]:
    """Mark the corrections that are to be confirmed as ``held``: of quantities that nobody believes of their event."""
    most: list[int] = []
    answer = []
    for event in events:
        there = known.get(event.refers or "") if event.kind == "correct" else None
        if there is not None and there.product_id in state.bundle.row and there.region_id in state.bundle.column:
            most = most or plausible(state)
            row, column = state.bundle.row[there.product_id], state.bundle.column[there.region_id]
            count = there.kind == "count"
            limit = most_counted(state, most, row, column) if count else times(there.kind) * most[row]
            event = replace(event, held=int(event.quantity > limit))
        answer.append(event)
    return answer


def schema() -> dict[str, Any]:
    """Describe what ``POST /events`` takes, for OpenAPI."""
    one = EventIn.model_json_schema()
    some = {"type": "integer", "minimum": 0, "maximum": 1_000_000}
    one["properties"]["quantity"]["anyOf"][0] = some
    something = {"product_id": "string", "region_id": "string", "refers": "string", "unit_price": "number"}
    what = ("product_id", "region_id", "quantity")

    def kind(name: str, needs: tuple[str, ...], without: tuple[str, ...]) -> dict[str, Any]:
        """A kind of event: what it needs is no null, what it has not is absent or null."""
        shape: dict[str, Any] = {"kind": {"const": name}, **{field: {"type": "null"} for field in without}}
        shape |= {field: {"type": something[field]} for field in needs if field != "quantity"}
        if "quantity" in needs:
            shape["quantity"] = {**some, "minimum": 0 if name == "correct" else 1}
        return {"properties": shape, "required": [*(("kind",) if name != "order" else ()), *needs]}

    one["anyOf"] = [
        kind("order", (*what, "unit_price"), ("refers",)),
        kind("delivery", what, ("refers",)),
        kind("return", what, ()),
        kind("void", ("refers",), (*what, "unit_price")),
        kind("correct", ("refers", "quantity"), ("product_id", "region_id")),
    ]
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
