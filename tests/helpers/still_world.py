"""A shop's clock bound by a world whose time stands still, for tests of what may come when."""

from __future__ import annotations

from datetime import datetime, timedelta

from serving_help import START

from ecomlib.serving.live.shop_clock import ClockSettings


class World(ClockSettings):
    """A world whose time stands still, ``days`` after the start of the week that runs."""

    def now(self) -> datetime:
        return START + timedelta(days=self.days)  # type: ignore[attr-defined]


def world(days: float) -> ClockSettings:
    """Make the settings of a clock that is bound by such a world."""
    made = World("world")
    object.__setattr__(made, "days", days)
    return made
