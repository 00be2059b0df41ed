"""Applies committed events to the state and switches to the promoted version (lesson 08, section 3)."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from ecomlib.serving.live.drift_report import look
from ecomlib.serving.live.event_log import Event, EventLog
from ecomlib.serving.live.live_state import State
from ecomlib.serving.live.prometheus import Metrics
from ecomlib.serving.release import bundle as bundles

_LOOK = 1.0  # seconds between two looks at the registry
_log = logging.getLogger("ecomlib.serving")


class Service:
    """Holds the state, its database, and the one lock under which both change (lesson 08, section 3)."""

    def __init__(self, home: str | os.PathLike[str], database: str | None = None) -> None:
        self.registry = bundles.registry(home)
        self.promotion = self.registry.current()
        bundle = bundles.read(self.registry.open())
        self.log = EventLog(database or bundles.database_url(home))
        self.metrics = Metrics()
        self.lock = asyncio.Lock()
        self.state = State(bundle, self.log)
        self.metrics.version.set(self.state.bundle.number)
        self.metrics.waiting.set(len(self.state.waiting))
        self.doubtful = False  # a commit failed, or only its reply was lost: what the database holds is counted again
        self.trouble = ""  # why the version promoted last could not be loaded

    async def take(self, events: list[Event]) -> tuple[int, int, int]:
        """Commit, then count; return how many events were new, and how many of these are late or wait."""
        async with self.lock:
            if self.doubtful:
                self.state = await run_in_threadpool(State, self.state.bundle, self.log)
                self.doubtful = False
            try:
                new = await run_in_threadpool(self.log.append, events)
            except SQLAlchemyError:
                self.doubtful = True
                raise
            self.state.apply(new)
            keys = {event.event_key for event in self.state.waiting}
            self.metrics.waiting.set(len(keys))
        late = sum(map(self.state.late, new))
        for outcome, count in (("new", len(new) - late), ("late", late), ("known", len(events) - len(new))):
            self.metrics.events.labels(outcome).inc(count)
        return len(new), late, sum(event.event_key in keys for event in new)

    async def fresh(self) -> State:
        """Return the state with the network's forecasts for the present origin."""
        while self.state.stale:  # again, where an event came in between
            async with self.lock:
                if self.state.stale:
                    await run_in_threadpool(self.state.refresh)
        return self.state

    async def drift(self) -> dict[str, Any]:
        """Report the drift lights of the present state, computed once."""
        state = await self.fresh()
        if state.drift is None:
            async with self.lock:
                if state.drift is None and not state.stale:
                    state.drift = await run_in_threadpool(look, state)
            if state.drift is None:  # something has changed while this waited
                return await self.drift()
            for light in state.drift["lights"]:
                if light["value"] is None:  # what is not known is not zero: Prometheus gets no value
                    self.metrics.forget(light["name"])
                else:
                    self.metrics.drift.labels(light["name"]).set(light["value"])
                self.metrics.alarm.labels(light["name"]).set(light["alarm"])
        return state.drift

    async def watch(self) -> None:
        """Switch to whatever version is promoted or rolled back to, without a pause."""
        while True:
            await asyncio.sleep(_LOOK)
            try:
                found = await run_in_threadpool(self.registry.current)
                if found is None or found == self.promotion:
                    continue
                if found.version != self.state.bundle.number:
                    version = await run_in_threadpool(self.registry.open, found.version)
                    bundle = await run_in_threadpool(bundles.read, version)
                    async with self.lock:
                        state = await run_in_threadpool(State, bundle, self.log)
                        await run_in_threadpool(state.refresh)
                        self.state = state
                        self.metrics.waiting.set(len(state.waiting))
                    self.metrics.version.set(found.version)
                self.promotion, self.trouble = found, ""
            except Exception as error:  # whatever is wrong with it, the version in force goes on serving
                if self.trouble != str(error):
                    _log.warning("the promoted version cannot be taken: %s", error)
                self.trouble = str(error)

    @property
    def serial(self) -> int:
        """Grows with every event that is taken in and every promotion."""
        return (self.promotion.number if self.promotion else 0) * 10**9 + self.state.events
