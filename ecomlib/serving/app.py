"""The service: events in, forecasts out (lesson 08, section 2). One process, one writer.

An event is committed, then counted, then acknowledged. Forecasts are read from memory; what the network has to say is
asked for in a thread, when somebody reads and something changed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

import ecomlib
from ecomlib.serving import bundle as bundles
from ecomlib.serving.events import Event, EventLog
from ecomlib.serving.intake import Problem, allowed, as_bytes, as_json, body_of, events_of, schema
from ecomlib.serving.metrics import Measured, Metrics
from ecomlib.serving.state import State
from ecomlib.serving.views import add_views
from ecomlib.serving.watch import look

ASSETS = Path(__file__).with_name("assets")
_LOOK = 1.0  # seconds between two looks at the registry
_log = logging.getLogger("ecomlib.serving")


class Service:
    """The state, its database, and the one lock under which both change (lesson 08, section 3)."""

    def __init__(self, home: str | os.PathLike[str], database: str | None = None) -> None:
        self.registry = bundles.registry(home)
        self.promotion = self.registry.current()
        bundle = bundles.read(self.registry.open())
        self.log = EventLog(database or bundles.database_url(home))
        self.metrics = Metrics()
        self.lock = asyncio.Lock()
        self.state = State(bundle, self.log)
        self.metrics.version.set(self.state.bundle.number)
        self.doubtful = False  # a commit failed, perhaps only its answer: what the database holds is counted anew
        self.trouble = ""  # why the version that was promoted last could not be taken

    async def take(self, events: list[Event]) -> tuple[int, int]:
        """Commit, then count; returns how many events were new, and how many of these are late."""
        async with self.lock:
            if self.doubtful:
                self.state = await run_in_threadpool(State, self.state.bundle, self.log)
                self.doubtful = False
            try:
                new = await run_in_threadpool(self.log.append, events)
            except SQLAlchemyError:
                self.doubtful = True
                raise
            self.state.apply(new)
        late = sum(map(self.state.late, new))
        for outcome, count in (("new", len(new) - late), ("late", late), ("known", len(events) - len(new))):
            self.metrics.events.labels(outcome).inc(count)
        return len(new), late

    async def fresh(self) -> State:
        """The state, with the network's forecasts for the present origin."""
        while self.state.stale:  # again, where an event came in between
            async with self.lock:
                if self.state.stale:
                    await run_in_threadpool(self.state.refresh)
        return self.state

    async def drift(self) -> dict[str, Any]:
        """What the drift's lights say of the present state, looked at once."""
        state = await self.fresh()
        if state.drift is None:
            async with self.lock:
                if state.drift is None and not state.stale:
                    state.drift = await run_in_threadpool(look, state)
            if state.drift is None:  # something has changed while this waited
                return await self.drift()
            for light in state.drift["lights"]:
                self.metrics.drift.labels(light["name"]).set(light["value"] or 0.0)
                self.metrics.alarm.labels(light["name"]).set(light["alarm"])
        return state.drift

    async def watch(self) -> None:
        """Take over what is promoted or rolled back, without a pause."""
        while True:
            await asyncio.sleep(_LOOK)
            try:
                found = await run_in_threadpool(self.registry.current)
                if found is None or found == self.promotion:
                    continue
                if found.version != self.state.bundle.number:
                    version = await run_in_threadpool(self.registry.open, found.version)
                    bundle = await run_in_threadpool(bundles.read, version)
                    async with self.lock:
                        state = await run_in_threadpool(State, bundle, self.log)
                        await run_in_threadpool(state.refresh)
                        self.state = state
                    self.metrics.version.set(found.version)
                self.promotion, self.trouble = found, ""
            except Exception as error:  # whatever is wrong with it, the version in force goes on serving
                if self.trouble != str(error):
                    _log.warning("the promoted version cannot be taken: %s", error)
                self.trouble = str(error)

    @property
    def serial(self) -> int:
        """Grows with every event that is taken in and every promotion."""
        return (self.promotion.number if self.promotion else 0) * 10**9 + self.state.events


def create_app(home: str | os.PathLike[str], database: str | None = None) -> FastAPI:
    """The application over a home folder that ``ecomlib train`` made (lesson 08, section 2).

    ``database`` is SQLAlchemy's URL; by default a SQLite file in the home folder. Raises ``DataError`` where no version
    is in force or the database cannot be opened.
    """
    service = Service(home, database)
    service.state.refresh()

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # The first look at the drift loads a library of statistics: before anybody waits for it.
        tasks = [asyncio.create_task(work) for work in (service.watch(), service.drift())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            service.log.close()

    # No pages of documentation: they would load their scripts from an outside host.
    app = FastAPI(title="ecomlib", version=ecomlib.__version__, docs_url=None, redoc_url=None, lifespan=lifespan)
    app.state.service = service
    app.add_middleware(Measured, metrics=service.metrics)

    @app.exception_handler(SQLAlchemyError)
    async def no_database(request: Request, error: SQLAlchemyError) -> JSONResponse:
        _log.warning("the database does not answer: %s", type(error).__name__)
        return JSONResponse({"detail": "the database does not answer: send again later"}, 503, {"Retry-After": "1"})

    @app.get("/health", summary="The process lives.")
    async def health() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/ready", summary="A version is loaded and the database answers.", responses={503: {}})
    async def ready() -> JSONResponse:
        answers = await run_in_threadpool(service.log.healthy)
        body = {"ready": answers, "version": service.state.bundle.number, "database": answers}
        return JSONResponse(body | ({"trouble": service.trouble} if service.trouble else {}), 200 if answers else 503)

    @app.get("/metrics", summary="For Prometheus.", response_class=Response)
    async def metrics() -> Response:
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

        return Response(generate_latest(service.metrics.registry), media_type=CONTENT_TYPE_LATEST)

    refused: dict[int | str, Any] = {401: {}, 413: {}, 415: {}, 422: {}, 503: {}}

    @app.post("/events", summary="One event or a batch: committed before it is acknowledged.", responses=refused,
              openapi_extra={"requestBody": schema()})  # fmt: skip
    async def events(request: Request) -> Response:
        allowed(request)
        taken = events_of(await body_of(request), service.state)
        # Shielded: what is committed must be counted, even if the sender has gone.
        new, late = await asyncio.shield(service.take(taken))
        return as_json({"received": len(taken), "new": new, "late": late})

    names = [{"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
             for name in ("product_id", "region_id")]  # fmt: skip
    weeks = {"name": "history", "in": "query", "schema": {"type": "integer", "minimum": 0, "maximum": 104}}

    @app.get("/forecast/{product_id}/{region_id}", summary="The next four weeks, with intervals.",
             responses={404: {}, 422: {}}, openapi_extra={"parameters": [*names, weeks]})  # fmt: skip
    async def forecast(request: Request) -> Response:
        # Read by hand: this is the route that is asked most, and its answer lies ready as bytes.
        state = service.state if not service.state.stale else await service.fresh()
        product, region = request.path_params["product_id"], request.path_params["region_id"]
        body = state.answers.get((product, region)) or state.ready(product, region)
        if body is None:
            known = product in state.bundle.row
            name = "region_id" if known else "product_id"
            raise Problem(404, f"this {name[:-3]} is not known: GET /catalogue lists them", "path", name)
        if request.scope["query_string"]:
            back = request.query_params.get("history", "0")
            if not (back.isascii() and back.isdigit() and len(back) < 4 and int(back) <= 104):
                raise Problem(422, "history is a number of weeks from 0 to 104", "query", "history")
            if int(back):
                body = as_bytes({**json.loads(body), "history": state.history(product, region, int(back))})
        return Response(body, media_type="application/json")

    add_views(app, service)
    if ASSETS.is_dir():
        app.mount("/assets", StaticFiles(directory=ASSETS), name="assets")

        @app.get("/", include_in_schema=False)
        async def control_room() -> FileResponse:
            return FileResponse(ASSETS / "control_room.html", media_type="text/html; charset=utf-8")

    return app
