"""Collects Prometheus metrics in a thin layer around the application (lesson 08, section 2)."""

from __future__ import annotations

import contextlib
import time
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Metrics:
    """Holds the service's own registry of metrics; nothing is global."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        r = self.registry
        self.requests = Counter("ecomlib_requests", "answers by route and status", ["route", "status"], registry=r)
        self.seconds = Histogram(
            "ecomlib_request_seconds", "time to the answer's end", ["route"], buckets=_BOUNDS, registry=r
        )
        self.events = Counter("ecomlib_events", "events by what became of them", ["outcome"], registry=r)
        for outcome in ("new", "late", "known", "conflict"):  # there from the start: a rate needs a first value
            self.events.labels(outcome)
        self.waiting = Gauge(
            "ecomlib_events_waiting", "events that do not count: dated too far ahead, or to be confirmed", registry=r
        )
        self.ready = Gauge("ecomlib_ready", "1 while an order would be taken: what GET /ready says", registry=r)
        self.version = Gauge("ecomlib_model_version", "version in force", registry=r)
        self.trouble = Gauge(
            "ecomlib_trouble", "1 while the version promoted last cannot be served, and another is", registry=r
        )
        self.drift = Gauge("ecomlib_drift", "what the drift's lights measure", ["light"], registry=r)
        self.alarm = Gauge("ecomlib_drift_alarm", "1 where a light alarms", ["light"], registry=r)
        self.stale = Gauge("ecomlib_forecasts_stale", "1 while old forecasts are answered", registry=r)
        self.making = Gauge("ecomlib_forecasts_seconds", "time that making the last forecasts took", registry=r)
        self.old_lights = Gauge("ecomlib_drift_stale", "1 while the drift's lights are of an older state", registry=r)
        self.clock = Gauge(
            "ecomlib_shop_clock_timestamp_seconds", "the shop's clock: the newest event's time, as UTC", registry=r
        )
        self.arrived = Gauge(
            "ecomlib_event_arrived_timestamp_seconds", "when an event arrived last; 0: none since the start", registry=r
        )
        self.silence = Gauge(
            "ecomlib_silence_seconds", "since an event arrived, or since the service started", registry=r
        )
        self.database = Gauge("ecomlib_database_bytes", "size of the database of events", registry=r)
        ProcessCollector(registry=r)  # memory, seconds of CPU, open files; where /proc tells
        self._known: dict[tuple[str, int], Any] = {}

    def show(self, name: str, value: float | None, alarm: bool) -> None:
        """Show a light; what is not known is not zero: Prometheus gets no value."""
        if value is None or value != value:
            with contextlib.suppress(KeyError):
                self.drift.remove(name)
        else:
            self.drift.labels(name).set(value)
        self.alarm.labels(name).set(alarm)

    def count(self, route: str, status: int, seconds: float) -> None:
        """Count one answer; the labelled children are kept, because making them costs more than counting."""
        if (route, status) not in self._known:
            self._known[route, status] = self.requests.labels(route, str(status)), self.seconds.labels(route)
        answers, times = self._known[route, status]
        answers.inc()
        times.observe(seconds)


class Measured:
    """Measures time and status of every answer (ASGI), by route and not by path, which anyone can invent."""

    def __init__(self, app: Any, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def watched(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        try:
            await self.app(scope, receive, watched)
        finally:
            route = scope.get("route")
            self.metrics.count(getattr(route, "path_format", "other"), status, time.perf_counter() - began)


_POLICY = b"default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
_HEADERS = (
    (b"content-security-policy", _POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-cache"),
)
