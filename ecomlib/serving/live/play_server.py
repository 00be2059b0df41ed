"""Serves the page of ``ecomlib play`` alone, on loopback, with the control room's guard and headers."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack

from fastapi import FastAPI
from fastapi.responses import RedirectResponse
from fastapi.staticfiles import StaticFiles

import ecomlib
from ecomlib.serving.live.configuration import ServeSettings
from ecomlib.serving.live.play import ASSETS, Games, Scores, add_play
from ecomlib.serving.live.prometheus import Measured, Metrics
from ecomlib.serving.live.security import Guard

HOST, PORT = "127.0.0.1", 8022


def create_play(games: Games | None, room: Scores | None = None) -> FastAPI:
    """Create an application that has the page alone.

    Parameters
    ----------
    games, room : Games and Scores, optional
        As of ``add_play``.

    Returns
    -------
    FastAPI
    """
    app = FastAPI(title="ecomlib play", version=ecomlib.__version__, docs_url=None, redoc_url=None)
    app.add_middleware(Guard, settings=ServeSettings(host=HOST))
    app.add_middleware(Measured, metrics=Metrics())  # which sends the headers that shut other hosts out
    add_play(app, games, room)
    app.mount("/assets", StaticFiles(directory=ASSETS), name="assets")

    @app.get("/", include_in_schema=False)
    async def first() -> RedirectResponse:
        return RedirectResponse("play" if games is not None else "play/room")

    return app


def serve_play(
    games: Games | None,
    room: Scores | None = None,
    *,
    port: int = PORT,
    tell: Callable[[str], None] = lambda text: print(text, file=sys.stderr, flush=True),
) -> None:
    """Serve the page until Ctrl-C.

    Parameters
    ----------
    games, room : Games and Scores, optional
        As of ``add_play``.
    port : int
        On loopback; 0 is one that is free.
    tell : callable
        Is told the address.

    Raises
    ------
    DataError
        The address is taken.
    """
    from ecomlib.serving.live.serve import answer, listen

    app = create_play(games, room)
    with ExitStack() as stack:
        sockets = [stack.enter_context(one) for one in listen(HOST, port)]
        path = "play" if games is not None else "play/room"
        tell(f"http://{HOST}:{sockets[0].getsockname()[1]}/{path}")
        answer(app, sockets)
