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
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

import ecomlib
from ecomlib.serving.live.amendments import add_amendments
from ecomlib.serving.live.event_log import ConflictError, UnknownEventError
from ecomlib.serving.live.forecast_route import add_forecast
from ecomlib.serving.live.prometheus import Measured
from ecomlib.serving.live.requests import allowed, as_json, body_of, events_of, schema
from ecomlib.serving.live.routes import add_views
from ecomlib.serving.live.service import Service

ASSETS = Path(__file__).with_name("assets")
_log = logging.getLogger("ecomlib.serving")


def create_app(home: str | os.PathLike[str], database: str | None = None) -> FastAPI:
    """Create the application over a home folder that ``ecomlib train`` made (lesson 08, section 2).

    ``database`` is SQLAlchemy's URL; by default a SQLite file in the home folder. Raises ``DataError`` where no version
    is in force or the database cannot be opened.
    """
    service = Service(home, database)
    service.state.refresh()

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # The first look at the drift loads a library of statistics: done before anyone waits for it.
        tasks = [asyncio.create_task(work) for work in (service.watch(), service.drift())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await service.rest()
            service.log.close()

    # No pages of documentation: they would load their scripts from an outside host.
    app = FastAPI(title="ecomlib", version=ecomlib.__version__, docs_url=None, redoc_url=None, lifespan=lifespan)
    app.state.service = service
    app.add_middleware(Measured, metrics=service.metrics)

    @app.exception_handler(SQLAlchemyError)
    async def no_database(request: Request, error: SQLAlchemyError) -> JSONResponse:
        _log.warning("the database does not answer: %s", type(error).__name__)
        return JSONResponse({"detail": "the database does not answer: send again later"}, 503, {"Retry-After": "1"})

    @app.exception_handler(ConflictError)
    async def conflict(request: Request, error: ConflictError) -> JSONResponse:
        one = {"loc": ["body", "event_key"], "msg": str(error), "type": "conflict"}
        return JSONResponse({"detail": [one], "conflicts": len(error.keys), "keys": error.keys[:20]}, 409)

    @app.exception_handler(UnknownEventError)
    async def unknown(request: Request, error: UnknownEventError) -> JSONResponse:
        one = {"loc": ["body", "refers"], "msg": str(error), "type": "unknown"}
        return JSONResponse({"detail": [one], "keys": [error.event.event_key]}, 404)

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
        from prometheus_client import CONTENT_TYPE_LATEST

        return Response(service.scraped(), media_type=CONTENT_TYPE_LATEST)

    refused: dict[int | str, Any] = {401: {}, 404: {}, 409: {}, 413: {}, 415: {}, 422: {}, 503: {}}

    @app.post(
        "/events",
        summary="One event or a batch: committed before it is acknowledged.",
        responses=refused,
        openapi_extra={"requestBody": schema()},
    )
    async def events(request: Request) -> Response:
        allowed(request)
        taken = events_of(await body_of(request), service.state)
        # Shielded: what is committed must be counted, even if the sender has gone.
        new, late, waiting = await asyncio.shield(service.take(taken))
        return as_json({"received": len(taken), "new": new, "late": late, "waiting": waiting})

    add_forecast(app, service)
    add_views(app, service)
    add_amendments(app, service)
    if ASSETS.is_dir():
        app.mount("/assets", StaticFiles(directory=ASSETS), name="assets")

        @app.get("/", include_in_schema=False)
        async def control_room() -> FileResponse:
            return FileResponse(ASSETS / "control_room.html", media_type="text/html; charset=utf-8")

    return app
