"""Logs what happens to a service as lines of JSON, for whoever has to find out later; never a key or a password."""

from __future__ import annotations

import json
import logging
import sys
import time
from datetime import UTC, datetime
from typing import Any

_log = logging.getLogger("ecomlib.serving")
_QUIET = 10.0  # seconds in which the same fault of the network is logged once


def say(event: str, *, level: int = logging.WARNING, **fields: Any) -> None:
    """Log an event with its fields; those that are None are left out."""
    _log.log(level, "%s", event, extra={"fields": {name: value for name, value in fields.items() if value is not None}})


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON: ``at, level, event`` and its fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record; what is wrong goes in as text, line ends included."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {"at": at, "level": record.levelname.lower(), "event": record.getMessage()}
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class NotAgain(logging.Filter):
    """Lets a message of a logger pass once in ten seconds: out of file handles, a loop has one a millisecond."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Decide whether a record is logged."""
        now, key = time.monotonic(), str(record.msg)[:60]
        if now - self._last.get(key, -_QUIET) < _QUIET:
            return False
        self._last[key] = now
        return True


def log_as_json() -> None:
    """Send what the service and its libraries log to stderr, as lines of JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    for name, level in (("ecomlib", logging.INFO), ("uvicorn.error", logging.WARNING), ("asyncio", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)
        if name != "ecomlib":
            logger.addFilter(NotAgain())
