"""Joins the game of lesson 22 and the pages that show it: ``ecomlib play --browser``, ``ecomlib serve --play``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ecomlib.cli.outputs import check_folder
from ecomlib.errors import MissingDependencyError, install_command

if TYPE_CHECKING:
    from fastapi import FastAPI

    from ecomlib.course.game.desk import RoomScores


def play_in_browser(out: Path, secret: str, size: str, port: int, room: Path | None) -> None:
    """Serve one game as a page until Ctrl-C; the folder is the terminal's.

    Parameters
    ----------
    out : Path
        The game's folder; one that holds a game goes on.
    secret, size : str
        Of the shop; with a phrase it is drawn at once, else the page asks.
    port : int
        On loopback.
    room : Path, optional
        A room's game.
    """
    from ecomlib.course.game.desk import DeskReferee
    from ecomlib.course.game.desks import Desks

    try:
        from ecomlib.serving.live.play_server import serve_play
    except ModuleNotFoundError as error:
        problem = f"the page needs the library {error.name}. What to do: {install_command('ecomlib[serve]')}"
        raise MissingDependencyError(problem) from error
    check_folder(out)
    if (out / "referee" / "game.json").is_file():
        DeskReferee(out)  # says so where it is a room's
    games = Desks(out, single=True)
    if secret:
        games.begin(secret, size)
    typer.echo("The page is on this machine alone. End it with Ctrl-C: the game is kept, and goes on there or here.")
    serve_play(games, _room(room), port=port, tell=lambda url: typer.echo(f"Play at {url}"))


def pages(play: Path | None, room: Path | None) -> Callable[[FastAPI], None]:
    """Make what adds the game's pages to the control room.

    Parameters
    ----------
    play : Path, optional
        Folder of many players' games.
    room : Path, optional
        A room's game.
    """
    from ecomlib.course.game.desks import Desks
    from ecomlib.serving.live.play import add_play

    if play is not None:
        check_folder(play)
    games, scores = None if play is None else Desks(play), _room(room)
    return lambda app: add_play(app, games, scores)


def _room(folder: Path | None) -> RoomScores | None:
    from ecomlib.course.game.desk import RoomScores

    return None if folder is None else RoomScores(folder)
