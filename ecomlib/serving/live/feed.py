"""Watches the feed of events: when the last one arrived, and whether that is too long ago (lesson 08, section 5)."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ecomlib.serving.live.drift import Light, silence

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from ecomlib.serving.live.live_state import State
    from ecomlib.serving.release.bundle import Bundle

_STEPS = 999  # of ``Feed.step``: hours of two days, then days


class Feed:
    """Notes when events arrive; the log does not, so after a restart it is not known until one comes."""

    def __init__(self) -> None:
        self.started, self.arrived = time.time(), 0.0
        self._counted: int | None = None

    def heard(self, events: int) -> None:
        """Note the number of events that there are: where it has grown, one has just arrived."""
        if self._counted is not None and events > self._counted:
            self.arrived = time.time()
        self._counted = events

    @property
    def waited(self) -> float:
        """Seconds since an event arrived, or since the service started."""
        return max(time.time() - (self.arrived or self.started), 0.0)

    def light(self, state: State) -> Light:
        """Judge how long the feed has been silent.

        Where the shop lives in the world (its clock's ``rule`` says so) its clock must not lie behind either; where
        time is replayed only arrivals tell.
        """
        rule: Any = getattr(state, "rule", None)
        world = rule is not None and rule.bound == "world"
        now = rule.now() if rule is not None else datetime.now()
        began = now - timedelta(seconds=self.waited)
        last, started = (began, None) if self.arrived else (None, began)
        return silence(now, last, usual_silence(state.bundle), state.clock if world else None, started)

    def step(self, light: Light) -> int:
        """Number a silence that is too long, so that a page learns that its words have changed; 0 where it is not."""
        if not light.alarm:
            return 0
        return min(int(light.value) if light.value < 48 else 46 + int(light.value / 24), _STEPS)


def usual_silence(bundle: Bundle) -> float:
    """Return the longest silence of a version's history, in hours.

    A version of an older release does not say it: then it is that of its closed weeks, and a week.
    """
    days = bundle.settings.get("silence")
    if days is not None:
        return 24.0 * float(days)
    longest = pause = 0
    for closed in np.asarray(bundle.books.units.sum(axis=0) <= 0):
        pause = pause + 1 if closed else 0
        longest = max(longest, pause)
    return 24.0 * 7 * (1 + longest)


def file_bytes(engine: Engine) -> int | None:
    """Return the size of a SQLite database with its write-ahead log; None for another, or one that is gone."""
    name = engine.url.database
    if engine.dialect.name != "sqlite" or not name or not Path(name).exists():
        return None
    return sum(path.stat().st_size for end in ("", "-wal") if (path := Path(name + end)).exists())


def server_bytes(engine: Engine) -> int | None:
    """Ask a PostgreSQL server for its database's size; None for another, or where it does not answer."""
    import sqlalchemy as sql

    if engine.dialect.name != "postgresql":
        return None
    try:
        with engine.connect() as connection:
            found = connection.execute(sql.text("SELECT pg_database_size(current_database())")).scalar()
    except sql.exc.SQLAlchemyError:
        return None
    return None if found is None else int(found)
