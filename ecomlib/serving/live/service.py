"""Applies committed events to the state and switches to the promoted version (lesson 08, section 3)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Awaitable, Callable
from datetime import UTC
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from ecomlib.serving.live.audit import say
from ecomlib.serving.live.configuration import ServeSettings
from ecomlib.serving.live.drift_report import look, with_silence
from ecomlib.serving.live.event_log import MOVES, ConflictError, Event, EventLog
from ecomlib.serving.live.feed import Feed, file_bytes, server_bytes
from ecomlib.serving.live.kept import KeptForecasts
from ecomlib.serving.live.live_state import State
from ecomlib.serving.live.prometheus import Metrics
from ecomlib.serving.live.requests import doubted
from ecomlib.serving.live.shop_clock import note, settings_for
from ecomlib.serving.release import bundle as bundles

_LOOK = 1.0  # seconds between two looks at the registry
_MOMENT = 0.25  # seconds after a week's end in which a reader waits for new forecasts; then the old ones are answered
_PATIENCE = 10.0  # seconds in which whoever asks for the drift waits for it
_ROUNDS = 5  # times that a new version's forecasts are made again because late orders came in between
_log = logging.getLogger("ecomlib.serving")


class Service:
    """Holds the state, its database, and the one lock under which both change (lesson 08, section 3)."""

    def __init__(
        self,
        home: str | os.PathLike[str],
        database: str | None = None,
        *,
        clock: str = "auto",
        timezone: str = "",
    ) -> None:
        self.home = home
        self.settings = ServeSettings()  # how it is served: create_app knows
        self.registry = bundles.registry(home)
        version, bundle, self.promotion, trouble = bundles.open_serving(home)
        self.log = EventLog(database or bundles.database_url(home))
        self.metrics = Metrics()
        self.lock = asyncio.Lock()
        self.rule = settings_for(bundle.settings.get("source", {}), clock, timezone)
        note(home, bundle.settings.get("source", {}), self.rule)
        self.state = State(bundle, self.log, KeptForecasts(home, version), self.rule)
        self.coming: State | None = None  # of a version that is about to come into force: it is told all events too
        self.looked: dict[str, Any] | None = None  # the drift lights seen last
        self.metrics.version.set(self.state.bundle.number)
        self._waiting()
        self.doubtful = False  # a commit failed, or only its reply was lost: what the database holds is counted again
        self.trouble = trouble  # why the version promoted last could not be loaded
        self.feed = Feed()
        self.feed.heard(self.state.events)
        self._work: dict[str, asyncio.Task[None]] = {}  # what makes forecasts, and what looks at the drift
        self._fresh, self._seen, self._since = asyncio.Event(), asyncio.Event(), 0.0

    def doubt(self) -> None:
        """Count again what the database holds, before the next event is taken: somebody else may have written."""
        self.doubtful = True

    async def take(self, events: list[Event]) -> tuple[int, int, int]:
        """Commit, then count; return how many events were new, and how many of these are late or wait.

        What is no order, delivery or return speaks of other events, or of the stock as it was then: the state is read
        off the log anew. ``ConflictError`` and ``UnknownEventError`` are the log's.
        """
        async with self.lock:
            if self.doubtful:
                await self._recount()
            try:
                if any(event.kind == "correct" for event in events):
                    events = await run_in_threadpool(self._doubted, events)
                new = await run_in_threadpool(self.log.append, events)
            except ConflictError as error:
                self.metrics.events.labels("conflict").inc(len(error.keys))
                raise
            except SQLAlchemyError:
                self.doubtful = True
                raise
            if all(event.kind in MOVES for event in new):
                for state in (self.state, self.coming):
                    if state is not None:
                        state.apply(new)
            else:
                self.doubtful = True  # until it is counted again, whatever happens on the way
                await self._recount()
            keys = self._waiting()
        self._wake()
        late = sum(map(self.state.late, new))
        for outcome, count in (("new", len(new) - late), ("late", late), ("known", len(events) - len(new))):
            self.metrics.events.labels(outcome).inc(count)
        return len(new), late, sum(event.event_key in keys for event in new)

    def _doubted(self, events: list[Event]) -> list[Event]:
        about = [event.refers for event in events if event.kind == "correct" and event.refers]
        return doubted(events, self.log.find(about) | {event.event_key: event for event in events}, self.state)

    async def _recount(self) -> None:
        """Read the state off the log anew; the caller holds the lock."""
        s = self.state
        again = await run_in_threadpool(State, s.bundle, self.log, s.kept, self.rule)
        again.settle(self.state)  # its forecasts are shown until others are made
        self.state, self.coming, self.doubtful = again, None, False

    def _waiting(self) -> set[str]:
        keys = {event.event_key for event in self.state.unsettled()}
        self.metrics.waiting.set(len(keys))
        return keys

    async def present(self) -> State:
        """Return the state; whoever asks when a week has just ended waits for new forecasts, but only a moment."""
        if self.state.stale:
            self._wake()
            wait = self._since + _MOMENT - time.monotonic()
            if wait > 0:
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._fresh.wait(), wait)
        return self.state

    async def drift(self) -> dict[str, Any]:
        """Report the drift lights of the present state, computed once; after ``_PATIENCE`` those seen before."""
        self._wake()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._seen.wait(), None if self.looked is None else _PATIENCE)
        if self.state.drift is not None and not self.state.stale:
            return self._with_silence(self.state.drift)
        return self._with_silence({**(self.looked or {}), "stale": True})

    async def lights(self) -> dict[str, Any]:
        """Report the drift lights that are known, which may be those of the week before; wait where there are none."""
        known = self.state.drift or self.looked
        return self._with_silence(known) if known else await self.drift()

    def scraped(self) -> bytes:
        """Return all metrics as Prometheus reads them, each as it is now, whatever anybody has asked for before."""
        from prometheus_client import generate_latest

        self._wake()
        m, quiet = self.metrics, self.feed.light(self.state)
        m.show(quiet.name, quiet.value, quiet.alarm)
        m.old_lights.set(self.state.stale or self.state.drift is None)
        m.clock.set(self.state.clock.replace(tzinfo=UTC).timestamp())
        m.arrived.set(self.feed.arrived)
        m.silence.set(self.feed.waited)
        m.waiting.set(len(self.state.unsettled()))
        m.trouble.set(bool(self.trouble))
        size = file_bytes(self.log.engine)
        if size is not None:
            m.database.set(size)
        else:  # a server may be slow: what it said last is shown
            self._start(self._weigh)
        return generate_latest(m.registry)

    def _with_silence(self, drift: dict[str, Any]) -> dict[str, Any]:
        return with_silence(drift, self.feed.light(self.state))

    async def rest(self) -> None:
        """Stop making forecasts: the service ends."""
        for task in self._work.values():
            task.cancel()
        await asyncio.gather(*self._work.values(), return_exceptions=True)

    def _wake(self) -> None:
        """Note whether forecasts are stale, and see that somebody makes what is missing."""
        stale = self.state.stale
        if stale and (self._fresh.is_set() or not self._since):
            self._since = time.monotonic()
        (self._fresh.clear if stale else self._fresh.set)()
        (self._seen.clear if stale or self.state.drift is None else self._seen.set)()
        self.metrics.stale.set(stale)
        self.feed.heard(self.state.events)
        for job in (self._forecast, self._look):  # two, so that a long look keeps no forecast waiting
            self._start(job)

    def _start(self, job: Callable[[], Awaitable[bool]]) -> None:
        """See that somebody does a job, and only one."""
        if job.__name__ not in self._work or self._work[job.__name__].done():
            self._work[job.__name__] = asyncio.create_task(self._until_done(job))

    async def _until_done(self, job: Callable[[], Awaitable[bool]]) -> None:
        """Repeat a job while there is something to do; what is wrong is logged, and tried again."""
        while True:
            try:
                if not await job():
                    return
            except Exception:  # the old forecasts go on being answered, marked
                _log.exception("forecasts, or the look at their drift, cannot be made; trying again")
                await asyncio.sleep(_LOOK)

    async def _forecast(self) -> bool:
        """Make the forecasts that are stale, in a thread; False where none are."""
        state, began = self.state, time.monotonic()
        if not state.stale:
            return False
        held = state.held()
        await run_in_threadpool(held.refresh)
        self.metrics.making.set(time.monotonic() - began)
        if state is self.state:
            state.settle(held)
            self._wake()
        return True

    async def _look(self) -> bool:
        """Look at the drift of forecasts that are not stale, in a thread; False where it is known."""
        state = self.state
        if state.stale or state.drift is not None:
            return False
        held = state.held()
        held.drift = await run_in_threadpool(look, held)
        if state is self.state and state.agrees(held):
            state.settle(held)
            self.looked = held.drift
            for light in held.drift["lights"]:
                self.metrics.show(light["name"], light["value"], light["alarm"])
            self._seen.set()
        return True

    async def _weigh(self) -> bool:
        """Ask the database's server for its size; once."""
        size = await run_in_threadpool(server_bytes, self.log.engine)
        if size is not None:
            self.metrics.database.set(size)
        return False

    async def watch(self) -> None:
        """Switch to whatever version is promoted or rolled back to, without a pause."""
        while True:
            await asyncio.sleep(_LOOK)
            try:
                if self.state.due():  # the world's time has come near what waited for it
                    async with self.lock:
                        await self._recount()
                        self._waiting()
                    self._wake()
                found = await run_in_threadpool(self.registry.current)
                if found is None or found == self.promotion:
                    continue
                if found.version != self.state.bundle.number and not await self._switch(found.version):
                    continue
                self.promotion, self.trouble = found, ""
                say("promotion", level=logging.INFO, version=found.version, who=found.who, why=found.why, at=found.at)
            except Exception as error:  # whatever is wrong with it, the version in force goes on serving
                self.coming = None
                if self.trouble != str(error):
                    say("the promoted version cannot be taken", why=str(error), in_force=self.state.bundle.number)
                self.trouble = str(error)

    async def _switch(self, number: int) -> bool:
        """Put a version in the place of the present one, its forecasts made beforehand; False where that failed."""
        version = await run_in_threadpool(self.registry.open, number)
        bundle = await run_in_threadpool(bundles.read, version)
        async with self.lock:  # no event may come between what is read of the log and what is told
            coming = await run_in_threadpool(State, bundle, self.log, KeptForecasts(self.home, version), self.rule)
            self.coming = coming
        for _ in range(_ROUNDS):
            held = coming.held()
            await run_in_threadpool(held.refresh)
            coming.settle(held)
            if not coming.stale:
                break
        if self.coming is not coming:  # the database was counted again meanwhile
            return False
        self.state, self.coming = coming, None
        self._waiting()
        self.metrics.version.set(number)
        self._wake()
        return True

    @property
    def serial(self) -> int:
        """Grows with every event that is taken in and every promotion, and when new forecasts and lights are there.

        Its last digits are another number whenever the words about a silent feed are.
        """
        state = self.state
        made = 0 if state.stale else 1 if state.drift is None else 2
        grows = (self.promotion.number if self.promotion else 0) * 10**9 + 3 * state.events + made
        return grows * 1000 + self.feed.step(self.feed.light(state))
