"""Takes what mends the log: stock-takes, the shop's clock, and what is to become of events that wait (lesson 08,
section 4).

All of it ends in events like any others: committed, idempotent by their keys, and read off the log after a restart.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from ecomlib.serving.live.event_log import Event, EventLog, Kind
from ecomlib.serving.live.live_state import State
from ecomlib.serving.live.requests import (
    MOST_EVENTS,
    Problem,
    Text,
    When,
    Whole,
    as_json,
    body_of,
    checked,
    known_place,
    moment_of,
    most_counted,
    plausible,
)
from ecomlib.serving.live.service import Service
from ecomlib.serving.live.views import why_waits

_ID = 16  # letters of a hash that tell a shop's products and regions apart


class CountIn(BaseModel):
    """What lay on the shelf."""

    model_config = ConfigDict(extra="forbid", strict=True)
    product_id: Text
    region_id: Text
    quantity: Whole = Field(ge=0, le=100_000_000, description="whole units that were counted")


class StocktakeIn(BaseModel):
    """A count of the stock, or of a part of it: what is not named stays as it is."""

    model_config = ConfigDict(extra="forbid", strict=True)
    event_key: Annotated[Text, Field(max_length=150)] = Field(
        description="the stock-take's own name: sent again, it is the same"
    )
    counted_at: When = Field(description="when; what is sold later is taken off the count")
    counts: list[CountIn] = Field(min_length=1, max_length=MOST_EVENTS)


class ClockIn(BaseModel):
    """Up to where the shop's clock may move."""

    model_config = ConfigDict(extra="forbid", strict=True)
    until: When


class WaitingIn(BaseModel):
    """What is to become of events that wait: all of them, or those named."""

    model_config = ConfigDict(extra="forbid", strict=True)
    action: Literal["apply", "void"]
    keys: list[Text] | None = Field(
        default=None, min_length=1, max_length=MOST_EVENTS, description="without it all but deliveries on their way"
    )


def counts_of(given: StocktakeIn, state: State) -> list[Event]:
    """Turn a stock-take into events, one a product and region; 409 where the version keeps no stock, 422 otherwise."""
    if state.bundle.stock is None:
        raise Problem(409, "this shop keeps no stock here: train it on tables with an inventory", "body", "counts")
    when = moment_of(given.counted_at, state, ("body", "counted_at"))
    events: dict[tuple[str, str], Event] = {}
    most = plausible(state)
    for at, count in enumerate(given.counts):
        place = ("body", "counts", at)
        known_place(count.product_id, count.region_id, state, place)
        pair = count.product_id, count.region_id
        if pair in events and events[pair].quantity != count.quantity:
            raise Problem(409, "this product and region is counted twice, with two numbers", *place, "product_id")
        name = hashlib.sha256(json.dumps(pair).encode()).hexdigest()[:_ID]
        held = int(count.quantity > most_counted(state, most, state.bundle.row[pair[0]], state.bundle.column[pair[1]]))
        events[pair] = Event(f"{given.event_key}#{name}", *pair, when, count.quantity, kind="count", held=held)
    return list(events.values())


def words_on(waiting: Sequence[Event], unsettled: Sequence[Event], given: WaitingIn, log: EventLog) -> list[Event]:
    """Confirm or void events that wait, in their order; 404 for one that does not wait.

    Without keys those that are ``unsettled``: a delivery that is on its way is settled only by its name. What was
    settled so before, by an answer that was lost perhaps, is passed over.
    """
    there = {event.event_key: event for event in waiting}
    kind: Kind = "confirm" if given.action == "apply" else "void"
    missing = [key for key in given.keys or () if key not in there]
    said = log.find([_short(f"{kind}#{key}") for key in missing]) if missing else {}
    for key in missing:
        if _short(f"{kind}#{key}") not in said:
            place = list(given.keys or ()).index(key)
            raise Problem(404, "no event of this key waits: GET /waiting lists them", "body", "keys", place)
    chosen = unsettled if given.keys is None else [event for event in waiting if event.event_key in set(given.keys)]
    return [
        Event(_short(f"{kind}#{event.event_key}"), "", "", event.ordered_at, 0, kind=kind, refers=event.event_key)
        for event in chosen
    ]


def _short(key: str) -> str:
    """A key of at most 200 letters, as the log takes them."""
    return key if len(key) <= 200 else key[:180] + "#" + hashlib.sha256(key.encode()).hexdigest()[:_ID]


def shown(state: State) -> list[dict[str, Any]]:
    """List the events that wait, oldest first, each with why: its ``date``, its ``quantity``, or ``arriving``."""
    return [
        {
            "event_key": event.event_key,
            "kind": event.kind,
            "product_id": event.product_id,
            "region_id": event.region_id,
            "ordered_at": event.ordered_at.isoformat(),
            "quantity": event.quantity,
            "why": why_waits(event, state),
        }
        for event in state.waiting
    ]


def add_amendments(app: FastAPI, service: Service) -> None:
    """Add the routes that mend what was told."""
    refused: dict[int | str, Any] = {code: {} for code in (401, 403, 404, 408, 409, 413, 415, 422, 503)}
    turn = app.state.readiness.in_turn

    def body(model: type[BaseModel]) -> dict[str, Any]:
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        for one in schema.pop("$defs", {}).values():  # one is used once: put in its place
            schema["properties"]["counts"]["items"] = one
        return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}

    async def take(events: list[Event]) -> Response:
        new, late, held = await asyncio.shield(turn(lambda: service.take(events))) if events else (0, 0, 0)
        state = service.state
        said = {"received": len(events), "new": new, "late": late, "held": held, "waiting": len(state.unsettled())}
        return as_json(said | {"clock": state.clock.isoformat()})

    @app.post(
        "/stocktake", summary="What was counted on the shelves.", responses=refused, openapi_extra=body(StocktakeIn)
    )
    async def stocktake(request: Request) -> Response:
        return await take(counts_of(checked(StocktakeIn, await body_of(request)), service.state))

    @app.post(
        "/clock", summary="Lets the shop's clock move up to a time.", responses=refused, openapi_extra=body(ClockIn)
    )
    async def clock(request: Request) -> Response:
        until = checked(ClockIn, await body_of(request)).until
        when = moment_of(until, service.state, ("body", "until"))
        key = await run_in_threadpool(service.log.unvoided, f"clock#{when.isoformat()}")
        return await take([Event(key, "", "", when, 0, kind="clock")])

    @app.get("/waiting", summary="Events that are not counted yet, and why.")
    async def waiting() -> Response:
        state = service.state
        return as_json({"clock": state.clock.isoformat(), "count": len(state.waiting), "events": shown(state)})

    @app.post("/settle", summary="Applies or voids events that wait.", responses=refused, openapi_extra=body(WaitingIn))
    async def settle(request: Request) -> Response:
        given, state = checked(WaitingIn, await body_of(request)), service.state
        return await take(await run_in_threadpool(words_on, state.waiting, state.unsettled(), given, service.log))
