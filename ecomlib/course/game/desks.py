"""Keeps the games of many players in one folder: each its own, none disturbs another (lesson 22).

A game is begun in a thread, one after another, and tells how far it is. Of those that are played only the newest are
in memory; any other is opened from its folder when its player comes back.
"""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ecomlib.course.game.desk import DRAWING, Desk, DeskReferee, Edits
from ecomlib.course.game.kinds import begin_quarter
from ecomlib.course.game.referee import GameSettings
from ecomlib.course.game.secret import check_phrase
from ecomlib.decisions.shop_quarter import BOTS
from ecomlib.errors import DataError

OPEN = 4  # games in memory: one takes some hundred megabytes
MOST = 40  # games in a folder: one takes some hundred megabytes there
WAITING = 4  # that may wait to be drawn
IDLE = 2 * 3600.0  # seconds after which a game leaves the memory
SIZES = ("small", "tiny")
_ONE = "here"  # the only game's identifier
_ID = re.compile(r"[0-9a-f]{16}")


@dataclass
class _Seat:
    """One game in memory: its lock, how far its beginning is, and the desk once there is one."""

    folder: Path
    lock: threading.Lock = field(default_factory=threading.Lock)
    stage: str = "drawing"
    doing: tuple[str, int, int] = ("Waiting for another shop to be drawn", 0, 1)
    why: str = ""
    desk: Desk | None = None
    used: float = 0.0


class Desks:
    """Begin games, find them again, and play them, by their identifiers.

    Parameters
    ----------
    folder : Path
        Each game is a folder in it, which ``ecomlib play --out`` can go on with.
    single : bool
        The folder is itself the only game.
    clock : callable
        Seconds; a test's own.
    """

    def __init__(self, folder: Path, *, single: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self.folder, self.single, self._clock = folder, single, clock
        self._seats: OrderedDict[str, _Seat] = OrderedDict()
        self._lock = threading.Lock()
        self._turn = threading.Lock()  # shops are drawn one after another

    @property
    def only(self) -> str | None:
        """Identifier of the only game, where there is one and it has begun."""
        return _ONE if self.single and self._begun(self.folder) else None

    # --- asked by the page ----------------------------------------------------------------------------------------

    def begin(self, phrase: str = "", size: str = "small") -> str:
        """Begin a game, whose shop is drawn in a thread; returns its identifier.

        Parameters
        ----------
        phrase : str
            That the shop is drawn from; unless given, one is made up.
        size : str
            Of the shop.

        Raises
        ------
        DataError
            The phrase is too simple, or too many games are there.
        """
        phrase = check_phrase(phrase) if phrase.strip() else ""
        if size not in SIZES:
            raise DataError("there is no shop of this size", value=size, remedy=f"name one of {', '.join(SIZES)}.")
        with self._lock:
            if self.single and self._begun(self.folder):
                raise DataError("this folder holds a game already", remedy="go on with it, or name another with --out.")
            if not self.single and self.folder.is_dir() and sum(1 for _ in self.folder.iterdir()) >= MOST:
                raise DataError(f"{MOST} games are kept here, and no more", remedy="ask who runs this to tidy up.")
            waiting = sum(seat.stage == "drawing" for seat in self._seats.values())
            if waiting >= WAITING:
                raise DataError("other shops are being drawn", remedy="try again in a minute.")
            name = _ONE if self.single else secrets.token_hex(8)
            seat = self._take(name, self.folder if self.single else self.folder / name)
        self._open(seat, GameSettings(phrase=phrase, size=size, solo=True))
        return name

    def state(self, name: str) -> dict[str, Any]:
        """Tell where a game stands; as of ``Desk.state``, or how far its beginning is.

        Raises
        ------
        KeyError
            There is no such game.
        """
        seat = self._seat(name)
        if seat.desk is None:
            if seat.stage == "failed":  # told once: whoever asks again has it tried again
                with self._lock:
                    self._seats.pop(name, None)
            return self._beginning(seat)
        with seat.lock:
            return seat.desk.state()

    def suggest(self, name: str, choice: Mapping[str, str]) -> dict[str, Any]:
        """Write down what some choices would do; as of ``Desk.suggest``."""
        seat = self._seat(name)
        with seat.lock:
            return self._ready(seat).suggest(choice)

    def play(self, name: str, week: int, choice: Mapping[str, str], edits: Edits) -> dict[str, Any]:
        """Play one week of a game; as of ``Desk.play``."""
        seat = self._seat(name)
        with seat.lock:
            return self._ready(seat).play(week, choice, edits)

    # --- what is kept ---------------------------------------------------------------------------------------------

    def _seat(self, name: str) -> _Seat:
        """A game in memory, opened from its folder where it is not."""
        if not (name == _ONE if self.single else _ID.fullmatch(name)):
            raise KeyError(name)
        folder = self.folder if self.single else self.folder / name
        with self._lock:
            seat = self._seats.get(name)
            if seat is not None:
                seat.used = self._clock()
                self._seats.move_to_end(name)
                return seat
            if not self._begun(folder):
                raise KeyError(name)
            seat = self._take(name, folder)
        self._open(seat, None)
        return seat

    def _take(self, name: str, folder: Path) -> _Seat:
        """Make room in memory, and a seat; what leaves it lies in its folder."""
        now = self._clock()
        for other, held in list(self._seats.items()):
            resting = held.stage != "drawing" and not held.lock.locked()
            if resting and (now - held.used > IDLE or len(self._seats) >= OPEN):
                del self._seats[other]
        seat = self._seats[name] = _Seat(folder, used=now)
        return seat

    def _open(self, seat: _Seat, settings: GameSettings | None) -> None:
        """Begin a game, or open one, in a thread that does not keep the server from ending: files are written whole."""
        threading.Thread(target=self._draw, args=(seat, settings), name="drawing", daemon=True).start()

    def _draw(self, seat: _Seat, settings: GameSettings | None) -> None:
        with self._turn:
            self._drawn(seat, settings)

    @staticmethod
    def _drawn(seat: _Seat, settings: GameSettings | None) -> None:
        def tell(doing: str, done: int, of: int) -> None:
            seat.doing = (doing, done, of)

        try:
            if settings is not None:
                tell(DRAWING, 0, len(BOTS) + 2)
                begin_quarter(seat.folder, settings)
            referee = DeskReferee(seat.folder)
            with referee.alone():
                referee.prepare(tell)
            desk = Desk(seat.folder)
            desk.state()
            seat.desk, seat.stage = desk, "ready"
        except Exception as error:  # the player is told, whatever it was
            known = isinstance(error, (DataError, OSError))
            seat.why = str(error) if known else f"the shop could not be drawn: {type(error).__name__}"
            seat.stage = "failed"

    @staticmethod
    def _begun(folder: Path) -> bool:
        return (folder / "referee" / "game.json").is_file()

    @staticmethod
    def _beginning(seat: _Seat) -> dict[str, Any]:
        if seat.stage == "failed":
            return {"stage": "failed", "why": seat.why}
        doing, done, of = seat.doing
        return {"stage": "drawing", "doing": doing, "done": done, "of": of}

    @staticmethod
    def _ready(seat: _Seat) -> Desk:
        if seat.desk is None:
            raise DataError("the shop is still being drawn", remedy="wait until it is there.")
        return seat.desk


__all__ = ["Desks"]
