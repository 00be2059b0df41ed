"""Opens a game's folder, whichever game it holds: the order-list game of lesson 00, or the quarter of lesson 22."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ecomlib.course.game.referee import GameSettings, Referee, begin

QUARTER = "quarter"


def open_game(folder: Path) -> Referee:
    """Open a game that has begun.

    Parameters
    ----------
    folder : Path
        Of ``begin`` or ``begin_quarter``.

    Raises
    ------
    DataError
        It holds no game.
    """
    found = Referee(folder)
    if found.settings.kind != QUARTER:
        return found
    from ecomlib.course.game.quarter_referee import QuarterReferee  # needs gymnasium, which the other game does not

    return QuarterReferee(folder)


def begin_quarter(folder: Path, settings: GameSettings) -> Referee:
    """Begin a quarter in a new folder; as ``begin``, with as many turns as it has rounds, alone weeks.

    Parameters
    ----------
    folder : Path
        A folder that is not there yet, or empty.
    settings : GameSettings
        ``months`` is not read.
    """
    from ecomlib.course.game.quarter_referee import QuarterReferee

    turns = len(QuarterReferee.spans(settings))
    return begin(folder, replace(settings, kind=QUARTER, months=turns), QuarterReferee)
