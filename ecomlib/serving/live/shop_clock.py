"""Limits how far one event may move the shop's clock (lesson 08, section 3).

The clock is the time of the newest event that counts. An event dated far ahead, mostly a slip of the pen, would move
it for all products at once: the running week would be another one, and the order list empty. So it waits, uncounted,
until the clock has come near it. Three sentences are the whole rule:

1. Events belong together where they lie at most a *reach* of days apart: ``BASE`` days, and seven more for each week of
   the longest pause that the version's own books show.
2. The clock follows a group of events that begins within the reach of it.
3. Over a wider gap it follows a group that holds orders at ``CONFIRM`` different times: a shop that opens again after
   a longer pause has them soon, a single wrong date never.

Both a reach and a count only grow with more events, so where the clock stands does not depend on the order in which
events came in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import numpy as np

from ecomlib.serving.live.event_log import Event
from ecomlib.serving.release.inputs import SalesHistory

BASE = 8  # days: a week and a day; at least seven, so that no event of the running week ever waits
CONFIRM = 3  # different times of orders


def reach_of(books: SalesHistory) -> int:
    """Count the days over which the clock follows a single event."""
    longest = pause = 0
    for closed in np.asarray(books.units.sum(axis=0) <= 0):
        pause = pause + 1 if closed else 0
        longest = max(longest, pause)
    return BASE + 7 * longest


def order_times(events: Iterable[Event]) -> dict[int, int]:
    """Count the different times of orders by day, a day being ``date.toordinal``; 0 for a day of deliveries alone."""
    times: dict[int, set[datetime]] = {}
    for event in events:
        kept = times.setdefault(event.ordered_at.toordinal(), set())
        if event.kind == "order":
            kept.add(event.ordered_at)
    return {day: len(kept) for day, kept in times.items()}


def last_day(day: int, times: Mapping[int, int], reach: int) -> int:
    """Find the last day whose events count, from the clock's ``day`` and the ``order_times`` of later ones."""
    groups: list[list[int]] = []
    for later in sorted(later for later in times if later > day):
        if groups and later - groups[-1][-1] <= reach:
            groups[-1].append(later)
        else:
            groups.append([later])
    for group in groups:
        if group[0] - day <= reach or sum(times[later] for later in group) >= CONFIRM:
            day = group[-1]
    return day
