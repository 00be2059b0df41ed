"""Says how far events may move the shop's clock (lesson 08, section 3).

The clock is the time of the newest event that counts. An event dated far ahead, mostly a slip of the pen, would move
it for all products at once: the running week would be another one, and the order list empty. So it waits, uncounted,
and is shown. What bounds the clock is the world where there is one:

- **world** (a shop that is open now): what is dated up to the server's own time, in the shop's time zone, and a day
  more counts, however long the silence before it was. What is dated later waits until its time has come.
- **events** (time that is replayed or simulated, which knows no present): the clock follows an event over a gap of at
  most twice the longest silence of the shop's history, and of seven days at least. Over a wider gap it follows once
  orders of two products lie within three days of each other: a shop that opens again has them soon, a single wrong date
  never.

Somebody's word (``POST /clock``, or a waiting event that is applied) moves it in both. Events that come in only ever
move it further, so where it stands does not depend on the order in which they came in; a void may take it back.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from ecomlib.errors import DataError
from ecomlib.files import whole_file
from ecomlib.serving.live.event_log import Day, Event
from ecomlib.serving.release.inputs import SalesHistory
from ecomlib.stores import registry

Bound = Literal["world", "events"]
_NOTE = "clock.json"

GRACE = timedelta(hours=24)  # that an event may be ahead of the world: clocks differ, and so do time zones
LEAST = 7  # days of a gap over which a single event is followed; fewer, and one of the running week might wait
NEAR = 3  # days within which orders of two products confirm each other


@dataclass(frozen=True)
class ClockSettings:
    """Sets what bounds the shop's clock (lesson 08, section 3).

    Parameters
    ----------
    bound : {"world", "events"}
    timezone : str
        The shop's, a name of the IANA data base such as ``Europe/London``; the server's own where it is empty.
    """

    bound: Bound = "world"
    timezone: str = ""

    def __post_init__(self) -> None:
        if self.bound not in ("world", "events"):
            raise DataError("the clock is bounded by the world or by events", value=self.bound)
        try:
            self.zone()
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise DataError(
                "this time zone is not known", value=self.timezone, remedy="write one like Europe/London, or UTC."
            ) from error

    def zone(self) -> ZoneInfo | None:
        """Return the shop's time zone; None for the server's own."""
        return ZoneInfo(self.timezone) if self.timezone else None

    def now(self) -> datetime:
        """Return the world's time by the shop's clock, to the second."""
        return datetime.now(self.zone()).replace(tzinfo=None, microsecond=0)

    def local(self, when: datetime) -> datetime:
        """Turn a time with an offset into the shop's own; one without is the shop's already."""
        return when if when.tzinfo is None else when.astimezone(self.zone()).replace(tzinfo=None)


def settings_for(source: Mapping[str, Any], bound: str = "auto", timezone: str = "") -> ClockSettings:
    """Choose what bounds the clock: a shop's own folder lives in the world, a store that comes by name is replayed."""
    if bound == "auto":
        bound = "events" if registry.entry(str(source.get("store", ""))) is not None else "world"
    return ClockSettings(bound, timezone)  # type: ignore[arg-type]


def note(home: str | os.PathLike[str], source: Mapping[str, Any], rule: ClockSettings) -> None:
    """Write down what bounds a home's clock, where it is not what its version says: training must count the same."""
    path = Path(home) / _NOTE
    with contextlib.suppress(OSError):  # a home that may not be written
        if rule == settings_for(source):
            path.unlink(missing_ok=True)
        elif rule != noted(home, source):
            with whole_file(path) as part:
                part.write_text(json.dumps(asdict(rule)), encoding="utf-8")


def noted(home: str | os.PathLike[str], source: Mapping[str, Any]) -> ClockSettings:
    """Return what bounds a home's clock by the server that served it last."""
    try:
        return ClockSettings(**json.loads((Path(home) / _NOTE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):  # nothing is noted, or what is cannot be read
        return settings_for(source)


def gap_of(books: SalesHistory, silence: float | None) -> int:
    """Compute the days over which replayed time follows a single event: twice the longest silence, seven at least.

    ``silence``: days between two days of orders in the version's history; where an older version does not say, that of
    its closed weeks.
    """
    if silence is None:
        longest = pause = 0
        for closed in np.asarray(books.units.sum(axis=0) <= 0):
            pause = pause + 1 if closed else 0
            longest = max(longest, pause)
        silence = 7.0 * longest
    return max(LEAST, round(2 * silence))


def days_of(events: Iterable[Event]) -> dict[int, Day]:
    """Sum up events by day (``date.toordinal``), as the log does."""
    days: dict[int, Day] = {}
    for event in events:
        day = event.ordered_at.toordinal()
        was = days.get(day, Day(event.ordered_at, frozenset()))
        ordered = {*was.ordered, event.product_id} if event.kind == "order" else was.ordered
        days[day] = Day(max(was.latest, event.ordered_at), frozenset({min(ordered), max(ordered)} if ordered else ()))
    return days


def last_day(day: int, days: Mapping[int, Day], gap: int, confirmed: int = 0) -> int:
    """Find the last day whose events count, from the clock's ``day``, the days of later events, and somebody's word."""
    day = max(day, confirmed)
    for later in sorted(later for later in days if later > day):
        near = range(later - NEAR, later + NEAR + 1)
        ordered = frozenset().union(*(days[d].ordered for d in near if d in days))
        if later - day <= gap or (days[later].ordered and len(ordered) > 1):
            day = later
    return day


def limit(
    settings: ClockSettings, clock: datetime, days: Mapping[int, Day], gap: int, confirmed: datetime | None
) -> datetime:
    """Find the time up to which events count."""
    if settings.bound == "world":
        return max(settings.now() + GRACE, confirmed or datetime.min)
    day = last_day(clock.toordinal(), days, gap, confirmed.toordinal() if confirmed else 0)
    return datetime.fromordinal(day + 1) - timedelta(seconds=1)
