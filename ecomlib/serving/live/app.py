"""Builds the web application: events in, forecasts out (lesson 08, section 2). One process, one writer.

An event is committed, then counted, then acknowledged. Forecasts are read from memory. When a week ends they are made
anew in a thread; until then the old ones are answered, marked ``stale``.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

import ecomlib
from ecomlib.serving.live.amendments import add_amendments
from ecomlib.serving.live.audit import say
from ecomlib.serving.live.configuration import ServeSettings, read_settings
from ecomlib.serving.live.customer_routes import add_customers
from ecomlib.serving.live.database import checkpoint, reason
from ecomlib.serving.live.event_log import AmendmentError, ConflictError, UnknownEventError
from ecomlib.serving.live.forecast_route import add_forecast
from ecomlib.serving.live.prometheus import Measured
from ecomlib.serving.live.readiness import Readiness
from ecomlib.serving.live.requests import as_json, body_of, events_of, schema
from ecomlib.serving.live.routes import add_views
from ecomlib.serving.live.security import Guard, describe_keys
from ecomlib.serving.live.service import Service
from ecomlib.serving.live.writer_lock import WriterLock
from ecomlib.serving.release import bundle as bundles

ASSETS = Path(__file__).with_name("assets")
_TIDY = 30.0  # seconds between two moves of the write-ahead log into the file: whoever copies that has nearly all
_log = logging.getLogger("ecomlib.serving")


def create_app(
    home: str | os.PathLike[str], database: str | None = None, settings: ServeSettings | None = None
) -> FastAPI:
    """Create the application over a home folder that ``ecomlib train`` made (lesson 08, section 2).

    The application holds the database's lock from now on, until it was run and ends, or is forgotten.

    Parameters
    ----------
    home : path
        The folder.
    database : str, optional
        SQLAlchemy's URL; by default a SQLite file in the home folder.
    settings : ServeSettings, optional
        How it runs. By default the environment's keys are asked for, and no name of a host is: that is for whoever runs
        the application by other means than ``ecomlib serve``.

    Raises
    ------
    DataError
        No version is in force or can be served, the database cannot be opened, or another server writes to it.
    """
    how = settings or replace(read_settings(), allowed_hosts=("*",))
    versions = bundles.registry(home)
    if versions.current() is None:
        versions.open()  # says what to do
    lock = WriterLock(database or bundles.database_url(home))
    try:
        service = Service(home, database, clock=how.clock, timezone=how.timezone)
        service.state.refresh()
    except BaseException:
        lock.release()
        raise
    service.settings = how
    lock.guard(service.log.engine, renewed=service.doubt)
    readiness = Readiness(service, lock)

    async def tidy() -> None:
        while True:
            await asyncio.sleep(_TIDY)
            await run_in_threadpool(checkpoint, service.log.engine)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # The first look at the drift loads a library of statistics: done before anyone waits for it.
        tasks = [asyncio.create_task(work) for work in (service.watch(), service.drift(), tidy())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await service.rest()
            service.log.close()  # which ends SQLite's write-ahead log
            lock.release()

    # No pages of documentation: they would load their scripts from an outside host.
    app = FastAPI(title="ecomlib", version=ecomlib.__version__, docs_url=None, redoc_url=None, lifespan=lifespan)
    app.state.service = service
    app.state.readiness = readiness
    app.add_middleware(Guard, settings=how, admits=readiness.admits)
    app.add_middleware(Measured, metrics=service.metrics)  # outside: what is refused is counted too
    describe_keys(app, how)

    @app.exception_handler(SQLAlchemyError)
    async def no_database(request: Request, error: SQLAlchemyError) -> JSONResponse:
        why = reason(error, service.log.engine.url.password)
        say("the database does not answer", why=why)
        readiness.failed(why)
        return JSONResponse({"detail": "the database does not answer: send again later"}, 503, {"Retry-After": "1"})

    @app.exception_handler(ConflictError)
    async def conflict(request: Request, error: ConflictError) -> JSONResponse:
        one = {"loc": ["body", "event_key"], "msg": str(error), "type": "conflict"}
        return JSONResponse({"detail": [one], "conflicts": len(error.keys), "keys": error.keys[:20]}, 409)

    @app.exception_handler(AmendmentError)
    async def impossible(request: Request, error: AmendmentError) -> JSONResponse:
        one = {"loc": ["body", error.column or "refers"], "msg": str(error), "type": "impossible"}
        return JSONResponse({"detail": [one], "keys": [error.event.event_key]}, 409)

    @app.exception_handler(UnknownEventError)
    async def unknown(request: Request, error: UnknownEventError) -> JSONResponse:
        one = {"loc": ["body", "refers"], "msg": str(error), "type": "unknown"}
        return JSONResponse({"detail": [one], "keys": [error.event.event_key]}, 404)

    @app.get("/health", summary="The process lives.")
    async def health() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/ready", summary="A version is loaded, and an order would be taken.", responses={503: {}})
    async def ready() -> JSONResponse:
        why = await readiness.trouble()
        body = {"ready": not why, "version": service.state.bundle.number, "database": not why}
        said = {name: text for name, text in (("why", why), ("trouble", service.trouble)) if text}
        return JSONResponse(body | said, 503 if why else 200)

    @app.get("/metrics", summary="For Prometheus.", response_class=Response)
    async def metrics() -> Response:
        from prometheus_client import CONTENT_TYPE_LATEST

        service.metrics.ready.set(not await readiness.trouble())
        return Response(service.scraped(), media_type=CONTENT_TYPE_LATEST)

    refused: dict[int | str, Any] = {status: {} for status in (401, 403, 404, 408, 409, 413, 415, 422, 503)}

    @app.post(
        "/events",
        summary="One event or a batch: committed before it is acknowledged.",
        responses=refused,
        openapi_extra={"requestBody": schema()},
    )
    async def events(request: Request) -> Response:
        taken = events_of(await body_of(request), service.state)
        # Shielded: what is committed must be counted, even if the sender has gone.
        new, late, waiting = await asyncio.shield(readiness.in_turn(lambda: service.take(taken)))
        return as_json({"received": len(taken), "new": new, "late": late, "waiting": waiting})

    add_forecast(app, service)
    add_views(app, service)
    add_customers(app, service)
    add_amendments(app, service)
    if ASSETS.is_dir():
        app.mount("/assets", StaticFiles(directory=ASSETS), name="assets")

        @app.get("/", include_in_schema=False)
        async def control_room() -> FileResponse:
            return FileResponse(ASSETS / "control_room.html", media_type="text/html; charset=utf-8")

    return app
