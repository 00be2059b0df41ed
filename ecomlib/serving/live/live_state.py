"""Holds the current state of the shop: a version and the events since its cutoff (lesson 08, section 3).

The state is a function of these two alone: units are whole numbers, whose sums do not depend on the order in which
events came in, so that after a restart every forecast is the same, byte for byte. What follows from them (the
forecasts of past and present origins, answers as bytes) is made on demand, and kept until something changes.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from ecomlib.serving.live.event_log import Count, Event, EventLog
from ecomlib.serving.live.kept import KeptForecasts, Made, make
from ecomlib.serving.live.shop_clock import GRACE, ClockSettings, days_of, gap_of, limit, settings_for
from ecomlib.serving.release.bundle import ALL, Bundle
from ecomlib.serving.release.inputs import NEVER, Floats, interval, monday, week_of

_NEWEST = 8
_MOST_ANSWERS = 50_000  # about 30 MB
_AHEAD = timedelta(weeks=13)  # a delivery that is dated further ahead is taken for a slip


class State:
    """Holds a bundle and what has happened since (lesson 08, section 3).

    The shop's clock is the time of the newest event that counts, or the end of the cutoff week. The week in which it
    stands is the running one; the week before is the origin of all forecasts. In ``waiting``, the oldest first, is what
    does not count: events dated after ``until`` (``shop_clock``), and those that somebody must confirm. ``kept`` is
    where forecasts lie on disk; without it they are made each time. ``rule`` says what bounds the clock.

    When a week ends, or a late order comes for one that was closed, the forecasts that there are become ``stale``: they
    are still shown, from the origin ``shown``, until others are made. Not safe for several threads: another one works
    on what ``held`` gives, and this one takes that over with ``settle``.
    """

    def __init__(
        self, bundle: Bundle, log: EventLog, kept: KeptForecasts | None = None, rule: ClockSettings | None = None
    ) -> None:
        self.bundle, self.kept, self.log = bundle, kept, log
        self.rule = rule or settings_for(bundle.settings.get("source", {}))
        end = monday(bundle.cutoff + 1)
        self.size = (len(bundle.books.products), len(bundle.regions))
        self.sold: dict[int, np.ndarray] = {}  # week -> units (P, R)
        self.received: dict[int, np.ndarray] = {}  # the same of deliveries and returns: what came into the stock
        self.begins = first_cutoff(bundle)
        self.net = bundle.settings.get("units", "gross") == "net"  # its history leaves out what came back
        self.back: dict[int, np.ndarray] = {}  # week of sale -> units that came back; kept where the version is net
        self.gap = gap_of(bundle.books, bundle.settings.get("silence"))
        self.events = log.span()[0]
        self.clock = end.to_pydatetime()
        self.confirmed, days = log.confirmed(), log.days(self.clock)
        self.until = limit(self.rule, self.clock, days, self.gap, self.confirmed)
        self.clock = self._latest(day.latest for day in days.values())
        self.waiting = log.waiting(self.until)
        table = log.weekly(end.to_pydatetime(), self.until)
        rows, columns = table["product_id"].map(bundle.row), table["region_id"].map(bundle.column)
        known = (rows.notna() & columns.notna()).to_numpy()  # a version made of other tables may not know them
        table = table[known].reset_index(drop=True)
        rows, columns = (values[known].astype(int).reset_index(drop=True) for values in (rows, columns))
        for (kind, week), part in table.groupby(["kind", "ds"]):
            units = self._week(week_of(week), kind)
            np.add.at(units, (rows[part.index], columns[part.index]), part["units"])
        self.back = self._returned(self.until)
        self.counts = self._counted(self.until)
        self.newest = log.newest(_NEWEST, until=self.until)
        self.answers: dict[tuple[str, str], bytes] = {}
        self._made: dict[int, Made] = {}  # by origin
        self.books = bundle.books
        self.drift: dict[str, Any] | None = None  # what ``drift_report.look`` said of this state
        self._move()
        self.shown = self.origin

    # --- what changes it -------------------------------------------------------------------------------------------

    def late(self, event: Event) -> bool:
        """Check whether an event lies in a week that the version knows as closed: kept for the next training.

        A count is late where it is older than the log: what moved since is not known.
        """
        return week_number(event.ordered_at) <= (self.begins if event.kind == "count" else self.bundle.cutoff)

    def _latest(self, times: Iterable[datetime]) -> datetime:
        return max([self.clock, *(time for time in times if time <= self.until)])

    def _counted(self, until: datetime) -> dict[tuple[int, int], Count]:
        """Read the last counts of the stock off the log, by row and column; none where the version keeps no stock."""
        if self.bundle.stock is None:
            return {}
        row, column, end = self.bundle.row, self.bundle.column, monday(self.begins + 1).to_pydatetime()
        found = {(row.get(p), column.get(r)): count for (p, r), count in self.log.counted(until).items()}
        # What was counted before the log began is in the stock of the tables. What came since then the log knows whole,
        # and so a count that is told after a training, and was made before its cutoff, still holds.
        return {at: count for at, count in found.items() if None not in at and count.at >= end}  # type: ignore[misc]

    def _returned(self, until: datetime) -> dict[int, np.ndarray]:
        """Read what came back off the log, by the week that it was sold in; nothing where the version is gross."""
        found: dict[int, np.ndarray] = {}
        if not self.net:
            return found
        table = self.log.returned(monday(self.bundle.cutoff + 1).to_pydatetime(), until)
        for product, region, week, units in table.itertuples(index=False):
            at = self.bundle.row.get(product), self.bundle.column.get(region)
            if None not in at:
                found.setdefault(week_of(week), np.zeros(self.size, dtype=np.int64))[at] += units
        return found

    def furthest(self) -> datetime:
        """Return the latest time at which a word on an event may be dated: where the next event may move the clock."""
        return self.until + (timedelta(days=self.gap) if self.rule.bound == "events" else timedelta(0))

    def due(self) -> bool:
        """Check whether the world's time has come near an event that waits for it."""
        return self.rule.bound == "world" and any(
            not event.held and event.ordered_at <= self.rule.now() + GRACE for event in self.waiting
        )

    def on_its_way(self, event: Event) -> bool:
        """Check whether an event that waits is a delivery told ahead, which counts by itself when its time has come.

        Only the world's time knows what lies ahead. In replayed time such a date is a gap, or a slip.
        """
        ahead = self.rule.bound == "world" and event.ordered_at <= self.until + _AHEAD
        return ahead and event.kind == "delivery" and not event.held

    def unsettled(self) -> list[Event]:
        """Return what waits for somebody's word, or for the world to come near its date: all but deliveries ahead."""
        return [event for event in self.waiting if not self.on_its_way(event)]

    def arriving(self, until: datetime) -> Floats:
        """Sum the deliveries that were told ahead and are dated up to ``until`` (P, R); none in replayed time."""
        units = np.zeros(self.size)
        for event in self.waiting:
            at = self.bundle.row.get(event.product_id), self.bundle.column.get(event.region_id)
            if self.on_its_way(event) and event.ordered_at <= until and None not in at:
                units[at] += event.quantity
        return units

    def apply(self, events: Sequence[Event]) -> None:
        """Take in facts that are committed and new; what is dated too far ahead, or is to be confirmed, waits.

        For what speaks of other events (a void, a correction) the state is made anew.
        """
        self.events += len(events)
        waited = len(self.waiting)
        events = [*self.waiting, *events]
        free = [event for event in events if not event.held]
        self.until = limit(self.rule, self.clock, days_of(free), self.gap, self.confirmed)
        later = [event for event in events if event.held or event.ordered_at > self.until]
        self.waiting = sorted(later, key=lambda e: (e.ordered_at, e.event_key))
        events = [event for event in free if event.ordered_at <= self.until]
        renewed: set[int] = set()
        b, moved = self.bundle, self._latest(event.ordered_at for event in events)
        for event in events:
            week = week_number(event.ordered_at)
            at = b.row.get(event.product_id), b.column.get(event.region_id)
            if at[0] is None or at[1] is None:  # another version has come into force since they were checked
                continue
            if event.kind == "count":
                continue
            if (count := self.counts.get(at)) and event.ordered_at > count.at:  # type: ignore[arg-type]
                signed = -event.quantity if event.kind == "order" else event.quantity
                self.counts[at] = replace(count, moved=count.moved + signed)  # type: ignore[index]
            if week <= b.cutoff:
                continue
            closed = week <= self.origin and event.kind == "order"
            if closed and week not in renewed:  # forecasts from its end on read it, perhaps in a thread at this moment
                self.sold[week] = self._week(week).copy()
                self._made = {origin: made for origin, made in self._made.items() if origin < week}
                renewed.add(week)
            self._week(week, event.kind)[at] += event.quantity
            if event.kind != "order":
                continue
            self.answers.pop((event.product_id, event.region_id), None)
            self.answers.pop((event.product_id, ALL), None)
        if any(event.kind == "count" for event in events):  # it had waited; what has moved since is in the log
            self.counts = self._counted(self.until)
        if self.net and (len(self.waiting) != waited or any(event.kind == "return" for event in events)):
            was, self.back = self.back, self._returned(self.until)
            changed = [
                week for week in {*was, *self.back} if not np.array_equal(was.get(week, 0), self.back.get(week, 0))
            ]
            closed_ones = [week for week in changed if week <= self.origin]
            self._made = {
                origin: made for origin, made in self._made.items() if origin < min(closed_ones, default=NEVER)
            }
            renewed.update(closed_ones)
            self.answers.clear()
        if renewed:
            self._outdate()
        orders = [event for event in events if event.kind == "order"]
        self.newest = sorted([*self.newest, *orders], key=lambda e: (e.ordered_at, e.event_key), reverse=True)[:_NEWEST]
        self.clock = max(self.clock, moved)
        self._move()

    def refresh(self) -> None:
        """Run the forecaster for the present origin if its forecasts are missing."""
        closed = [self.units(week) for week in range(self.bundle.cutoff + 1, self.origin + 1)]
        self.books = self.bundle.books.followed_by([week.sum(axis=1) for week in closed])
        self.forecast, self.expected, self.fitted = self.made(self.origin)
        self.shown = self.origin
        self.answers.clear()
        self.drift = None
        self.stale = False

    def held(self) -> State:
        """Return a copy whose closed weeks stand still: another thread may refresh it while this one takes events."""
        one = copy.copy(self)
        one.sold, one.received, one.answers, one._made = dict(self.sold), dict(self.received), {}, dict(self._made)
        one.counts = dict(self.counts)
        return one

    def agrees(self, held: State) -> bool:
        """Check whether the closed weeks are still those of a ``held`` copy."""
        return held._mark is self._mark

    def settle(self, held: State) -> None:
        """Show the forecasts of a ``held`` copy; they are stale where the closed weeks have changed since."""
        self.books, self.shown = held.books, held.shown
        self.forecast, self.expected, self.fitted = held.forecast, held.expected, held.fitted
        self.answers.clear()
        if self.agrees(held):
            self._made, self.drift, self.stale = dict(held._made), held.drift, held.stale

    def _outdate(self) -> None:
        """What was made of the closed weeks holds no longer."""
        self.stale, self._mark = True, object()
        self.answers.clear()

    def made(self, origin: int) -> Made:
        """Return the forecasts from a past or the present origin."""
        if origin not in self._made:
            made = self.kept.made if self.kept else make
            self._made[origin] = made(self.bundle, self.books, origin)
        return self._made[origin]

    def _move(self) -> None:
        """The clock has moved: another origin, or another hour of the running week."""
        origin, hour = week_of(self.clock) - 1, int((self.clock - monday(week_of(self.clock))) / timedelta(hours=1))
        if origin != getattr(self, "origin", None):
            self.origin = origin
            self._outdate()
        # Orders with dates alone are told at hour 0: until the first one is, the whole week is to come.
        begun = hour > 0 or bool(self._week(origin + 1).any())
        if (hour, begun) != getattr(self, "_at", None):
            self._at, self.hour = (hour, begun), hour
            self._left = 1 - self.bundle.settings["rhythm"][hour] if begun else 1.0
            self.answers.clear()

    def _week(self, week: int, kind: str = "order") -> np.ndarray:
        table = self.sold if kind == "order" else self.received
        if week not in table:
            table[week] = np.zeros(self.size, dtype=np.int64)
        return table[week]

    def units(self, week: int) -> np.ndarray:
        """Return the units sold in a week after the cutoff (P, R), in the version's own: gross, or net of returns.

        More may have come back in a cell than the log knows as sold there, where a return names no order: then it is 0.
        """
        sold = self.sold.get(week)
        if sold is None:
            return np.zeros(self.size, dtype=np.int64)
        return np.maximum(sold - self.back[week], 0) if week in self.back else sold

    @property
    def left(self) -> float:
        """Share of the units of the first week shown that is still to come; none where that week is over."""
        return float(self._left) if self.shown == self.origin else 0.0

    # --- what is read from it --------------------------------------------------------------------------------------

    def numbers(self, row: int, column: int) -> list[tuple[float, float, float, int | None, float]]:
        """Return forecast, low, high, units sold so far and mean of the weeks after the origin; column R: all regions.

        ``forecast`` is the best single number, often a median; the mean is what may be summed. Of the running week the
        part that is left is forecast: sold so far + forecast · share of a week's units that the shop usually sells from
        this hour on (its rhythm in the last half year). The interval narrows with the root of
        that share. Where too few calibration rows say how wide it is, ``high`` is infinite (``Bundle.unknown``).
        """
        b = self.bundle
        whole = column == self.size[1]
        share = 1.0 if whole else b.shares[row, column]
        reach = b.width(self.forecast[row] * share, column)
        now = self.units(self.shown + 1)[row]
        sold = int(now.sum() if whole else now[column])
        answer: list[tuple[float, float, float, int | None, float]] = []
        for step in range(b.horizon):
            left = self.left if step == 0 else 1.0
            there = sold if step == 0 else 0
            more, mean = (float(units[row, step]) * share * left for units in (self.forecast, self.expected))
            low, high = interval(more, reach[step], left) if left else (0.0, 0.0)
            ends = round(there + more, 3), round(float(there + low), 3), round(float(there + high), 3)
            answer.append((*ends, sold if step == 0 else None, round(there + mean, 3)))
        return answer

    def answer(self, product: str, region: str) -> dict[str, Any] | None:
        """Return the forecast of a product and region as it is sent; None where one of them is not known."""
        b = self.bundle
        row, column = b.row.get(product), self.size[1] if region == ALL else b.column.get(region)
        if row is None or column is None:
            return None
        names = ("forecast", "low", "high", "sold", "expected")
        weeks: list[dict[str, Any]] = [
            {"week": f"{monday(self.shown + 1 + step):%Y-%m-%d}", **dict(zip(names, values, strict=True))}
            for step, values in enumerate(self.numbers(row, column))
        ]
        unknown = b.unknown(column)
        if unknown:  # JSON has no infinity, and an interval from nothing to infinity says nothing
            weeks = [week | {"low": None, "high": None} for week in weeks]
        return {
            "product_id": product,
            "title": str(b.products["title"].iat[row]),
            "region_id": region,
            "version": b.number,
            "origin": f"{monday(self.shown):%Y-%m-%d}",
            "coverage": b.settings["coverage"],
            "basis": self.basis(row),
            "weeks": weeks,
            **self.mark(),
        } | ({"interval": f"unknown: {unknown}"} if unknown else {})

    def mark(self) -> dict[str, bool]:
        """Mark what is answered from old forecasts, while others are being made."""
        return {"stale": True} if self.stale else {}

    def basis(self, row: int) -> str:
        """Name what made a product's forecast: the kind of forecaster, or ``category``, the mean of its launches."""
        return self.bundle.forecaster.kind if self.fitted[row] else "category"

    def ready(self, product: str, region: str) -> bytes | None:
        """Return the answer as bytes, made once and kept until something changes."""
        made = self.answer(product, region)
        if made is None:
            return None
        if len(self.answers) >= _MOST_ANSWERS:  # a client reads the whole of a large catalogue
            self.answers.clear()
        text = json.dumps(made, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        body = self.answers[product, region] = text.encode()
        return body

    def history(self, product: str, region: str, weeks: int) -> list[dict[str, Any]]:
        """Return the units of the last full weeks up to the origin, oldest first."""
        b, row = self.bundle, self.bundle.row[product]
        column = slice(None) if region == ALL else b.column[region]
        answer = []
        for week in range(self.shown - weeks + 1, self.shown + 1):
            back = b.recent.shape[2] - 1 - (b.cutoff - week)
            if week > b.cutoff:
                units = int(self.units(week)[row, column].sum())
            elif back >= 0 and week >= b.books.first:
                units = int(b.recent[row, column, back].sum())
            else:
                continue
            answer.append({"week": f"{monday(week):%Y-%m-%d}", "units": units})
        return answer

    def planned(self, name: str) -> Floats | None:
        """Return ``log_price``, ``promoted`` or ``depth`` planned for the weeks ahead (P, H); None without a plan."""
        table = self.bundle.books.plan.get(name)
        weeks = np.arange(self.shown + 1, self.shown + self.bundle.horizon + 1) - self.bundle.books.first
        return None if table is None else table[:, np.minimum(weeks, table.shape[1] - 1)]

    def on_hand(self, week: int = NEVER) -> Floats | None:
        """Compute stock (P, R) at the end of ``week`` or now.

        Units of the last count, plus deliveries and returns, less sales since; where nothing was counted, from the
        stock at the cutoff on. None without an inventory. Below zero where more was sold than was in stock: a delivery
        was not recorded.
        """
        if self.bundle.stock is None:
            return None
        stock = self.bundle.stock.copy()
        for sign, table in ((1, self.received), (-1, self.sold)):
            for at, units in table.items():
                stock += sign * units * (at <= week)
        counts = self.counts
        if week < week_number(self.until):
            counts = self._counted(monday(week + 1).to_pydatetime() - timedelta(seconds=1))
        for place, count in counts.items():
            stock[place] = count.units + count.moved
        return stock


def first_cutoff(bundle: Bundle) -> int:
    """Return the last week that comes from the store's tables; what came after it, the log was told."""
    return week_of(bundle.settings.get("source", {}).get("cutoff", bundle.settings["cutoff"]))


_EPOCH = datetime(1970, 1, 5)  # a Monday, the first day of week 1


def week_number(moment: datetime) -> int:
    """Return ``week_of`` of a plain datetime, fifty times as fast."""
    return (moment - _EPOCH).days // 7 + 1
