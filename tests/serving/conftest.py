"""Fixtures that several tests of the service share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ecomlib.serving.live.event_log import EventLog
    from ecomlib.serving.release.bundle import Bundle


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    """The version in force of the trained tiny home."""
    from serving_help import trained_home

    from ecomlib.serving.release.bundle import open_bundle

    return open_bundle(trained_home())


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    """An empty event log on SQLite."""
    from ecomlib.serving.live.event_log import EventLog

    made = EventLog(f"sqlite:///{tmp_path / 'events.db'}")
    yield made
    made.close()
