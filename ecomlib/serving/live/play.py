"""Serves the quarter of lesson 22 as a page: a shop is run for thirteen weeks, and a room sees who stands where.

What is played, and how it is kept, is not known here: whoever starts the server hands over the games (``Games``) and
the room's scores (``Scores``). Nothing of it touches the shop that the control room shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

from fastapi import FastAPI, Query, Request
from fastapi.responses import FileResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from ecomlib.errors import DataError
from ecomlib.serving.live.requests import Problem, as_json, body_of, checked

ASSETS = Path(__file__).with_name("assets")
Lever = Literal["order", "price", "promote", "mail"]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Word = Annotated[str, Field(max_length=40)]
_REFUSED: dict[int | str, Any] = {404: {}, 409: {}, 413: {}, 415: {}, 422: {}}


class Games(Protocol):
    """Hold many players' games; a DataError is what a player is told, a KeyError says that there is no such game."""

    @property
    def only(self) -> str | None:
        """The only game, where there is one."""

    @property
    def single(self) -> bool:
        """Whether there can be only one."""

    def begin(self, phrase: str = "", size: str = "small") -> str:
        """Begin a game; returns its identifier."""

    def state(self, name: str) -> dict[str, Any]:
        """Tell where a game stands."""

    def suggest(self, name: str, choice: Mapping[Any, str]) -> dict[str, Any]:
        """Write down what choices would do."""

    def play(
        self, name: str, week: int, choice: Mapping[Any, str], edits: Mapping[Any, Mapping[str, float]]
    ) -> dict[str, Any]:
        """Play a week."""


class Scores(Protocol):
    """Tell who stands where in a room's game."""

    def scores(self) -> dict[str, Any]:
        """Tell the standings."""


class BeginIn(BaseModel):
    """A new game."""

    model_config = ConfigDict(extra="forbid", strict=True)
    phrase: str = Field(default="", max_length=200, description="that the shop is drawn from; one is made up without")
    size: Word = "small"


class ChoiceIn(BaseModel):
    """A word or a number for each open lever; what is left out is the rule's."""

    model_config = ConfigDict(extra="forbid", strict=True)
    game: Name
    choice: dict[Lever, Word] = Field(default_factory=dict)


class WeekIn(ChoiceIn):
    """A week's decisions: the choices, and what differs from them by product."""

    week: int = Field(ge=1, le=100, description="the week that the player sees: a second click plays nothing")
    edits: dict[Lever, dict[Name, float]] = Field(
        default_factory=dict, description="units to order, the price, 1 or 0 on the offers page"
    )


def add_play(app: FastAPI, games: Games | None, room: Scores | None = None) -> None:
    """Add the page, its questions, and the room's scoreboard to an application.

    Parameters
    ----------
    app : FastAPI
        Its ``/assets`` are served already.
    games : Games, optional
        Without them there is the scoreboard alone.
    room : Scores, optional
        Of a room's game.
    """
    app.state.pages = {"play": games is not None, "room": room is not None}

    @app.get("/play/what", summary="Which games and scores there are here.")
    async def what() -> Response:
        single = {} if games is None else {"single": games.single, "only": games.only}
        return as_json({"play": games is not None, "room": room is not None} | single)

    if games is not None:
        _add_games(app, games)
    if room is not None:

        @app.get("/play/scores", summary="Who stands where in the room's game.")
        async def scores() -> Response:
            return as_json(await _told(room.scores))

        @app.get("/play/room", include_in_schema=False)
        async def board() -> FileResponse:
            return FileResponse(ASSETS / "play_room.html", media_type="text/html; charset=utf-8")


def _add_games(app: FastAPI, games: Games) -> None:
    @app.get("/play", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(ASSETS / "play.html", media_type="text/html; charset=utf-8")

    @app.get("/play/game", summary="Where a game stands, or how far its shop is drawn.", responses=_REFUSED)
    async def game(game: Annotated[str, Query(min_length=1, max_length=200)]) -> Response:
        return as_json(await _told(lambda: games.state(game)))

    @app.post("/play/begin", summary="Begin a game.", responses=_REFUSED, openapi_extra=_body(BeginIn))
    async def begin(request: Request) -> Response:
        asked = checked(BeginIn, await body_of(request))
        return as_json({"game": await _told(lambda: games.begin(asked.phrase, asked.size))})

    @app.post("/play/suggest", summary="What choices would do.", responses=_REFUSED, openapi_extra=_body(ChoiceIn))
    async def suggest(request: Request) -> Response:
        asked = checked(ChoiceIn, await body_of(request))
        return as_json(await _told(lambda: games.suggest(asked.game, dict(asked.choice))))

    @app.post("/play/week", summary="Play one week.", responses=_REFUSED, openapi_extra=_body(WeekIn))
    async def week(request: Request) -> Response:
        asked = checked(WeekIn, await body_of(request))
        choice, edits = dict(asked.choice), dict(asked.edits)
        return as_json(await _told(lambda: games.play(asked.game, asked.week, choice, edits)))


def _body(model: type[BaseModel]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": model.model_json_schema()}}}}


async def _told(ask: Any) -> Any:
    """Answer in a thread; what a player is told is 422, 409 where his page is behind, 404 where there is no game."""
    try:
        return await run_in_threadpool(ask)
    except KeyError:
        raise Problem(404, "there is no such game here: begin a new one", "body", "game") from None
    except DataError as error:
        raise Problem(409 if error.column == "week" else 422, _sentence(error), "body") from None
    except OSError as error:
        raise Problem(422, f"the game cannot be kept: {error.strerror or error}. Nothing was played", "body") from None


def _sentence(error: DataError) -> str:
    """The error as a player reads it: without the name of a column that no page has."""
    found = "" if error.value is None else f" (found {error.value!r})"
    what = f"{error.problem}{found}"
    return what[:1].upper() + what[1:] + (f". {error.remedy[:1].upper()}{error.remedy[1:]}" if error.remedy else ".")
