"""Finds out whether an order would be taken now, and remembers it for a second (lesson 08, section 5)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from fastapi import HTTPException
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from ecomlib.serving.live.audit import say
from ecomlib.serving.live.database import BIG_PROBE, PROBE, probe, reason
from ecomlib.serving.live.service import Service
from ecomlib.serving.live.writer_lock import WriterLock

T = TypeVar("T")
_KEPT = 1.0  # seconds for which an answer stands: whoever asks in between costs nothing


class Readiness:
    """Tries a write that is rolled back, at most once a second, and after a failed commit a large one.

    Whoever asks while one is on trial waits for it. A commit that failed is remembered for a second, and until a trial
    succeeds.
    """

    def __init__(self, service: Service, lock: WriterLock | None = None) -> None:
        self.service, self.lock = service, lock
        self._tried, self._failed = ("", 0.0), ("", 0.0)  # what was found, and until when it stands
        self._trial: asyncio.Task[str] | None = None
        self._said = False
        self._turn = asyncio.Lock()

    async def in_turn(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do work that commits, one after another; 503 at once for who waited while the one before found no database.

        Otherwise each of many waiting senders would find that out by a time-out of its own.
        """
        async with self._turn:
            if await self.admits():
                raise HTTPException(503, "the database does not answer: send again later", {"Retry-After": "1"})
            done = await work()
            self.committed()
            return done

    async def trouble(self) -> str:
        """Say why no order would be taken now; empty where it would be."""
        why, until = self._failed
        return self._log(why if time.monotonic() < until else await self._latest())

    async def admits(self) -> str:
        """Say the same, without a look where the last commit succeeded."""
        return self._log(await self._latest()) if self.service.doubtful else ""

    def committed(self) -> None:
        """Take note that a commit succeeded."""
        self._failed = "", 0.0
        if self._tried[0]:
            self._tried = "", 0.0
        self._log("")

    def failed(self, why: str) -> None:
        """Take note that a commit failed."""
        self._failed, self._tried = (why, time.monotonic() + _KEPT), ("", 0.0)
        self._log(why)

    async def _latest(self) -> str:
        why, until = self._tried
        if time.monotonic() < until:
            return why
        if self._trial is None or self._trial.done():
            size = BIG_PROBE if self.service.doubtful or self._said else PROBE
            self._trial = asyncio.create_task(self._try(size))
        return await asyncio.shield(self._trial)

    async def _try(self, size: int) -> str:
        why = await run_in_threadpool(self._look, size)
        self._tried = why, time.monotonic() + _KEPT
        return why

    def _look(self, size: int) -> str:
        try:
            if self.lock is not None:
                self.lock.check()
        except SQLAlchemyError as error:
            return reason(error)
        return probe(self.service.log.engine, size)

    def _log(self, why: str) -> str:
        if bool(why) != self._said:
            self._said = bool(why)
            say("no order can be taken" if why else "orders are taken again", why=why or None)
        return why
