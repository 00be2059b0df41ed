"""Defines lesson 14's third exercise: Kaplan and Meier's share that is still silent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise

Floats = NDArray[np.float64]


def still_silent(days: Floats, back: Floats, at: float) -> float:
    """Kaplan and Meier's share that has not come back by the end of day ``at``; (n,), (n,) -> share."""
    share = 1.0
    for day in np.unique(days[(back == 1) & (days <= at)]):
        share *= 1 - ((days == day) & (back == 1)).sum() / (days >= day).sum()
    return float(share)


def _silent_stub(days: Floats, back: Floats, at: float) -> Any:
    return ...


def _silent_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    hand = (np.array([10.0, 20.0, 30.0, 40.0]), np.array([1.0, 0.0, 1.0, 0.0]), 30.0)
    days = rng.integers(1, 60, 25).astype(float)
    back = (rng.random(25) < 0.6).astype(float)
    event = float(np.median(days[back == 1]))
    event = float(days[back == 1][np.abs(days[back == 1] - event).argmin()])
    tied = (np.array([5.0, 5.0, 5.0, 8.0, 8.0, 12.0]), np.array([1.0, 1.0, 0.0, 1.0, 0.0, 0.0]), 9.0)
    return [hand, tied, (days, back, event), (days, back, 45.5)]


def _product(risk: Callable[[Floats, Floats, float], float], events: str = "back", until: str = "with") -> Answer:
    def answer(days: Floats, back: Floats, at: float) -> float:
        share = 1.0
        happened = back == 1 if events == "back" else np.ones(len(days), dtype=bool)
        within = days <= at if until == "with" else days < at
        for day in np.unique(days[happened & within]):
            left = risk(days, back, day)
            share *= 1 - (happened & (days == day)).sum() / left if left else 1.0
        return float(share)

    return answer


def _plain(value: Callable[[Floats, Floats, float], float]) -> Answer:
    return lambda days, back, at: float(value(days, back, at))


def _one_a_day(days: Floats, back: Floats, at: float) -> float:
    share = 1.0
    for day in np.unique(days[(back == 1) & (days <= at)]):
        share *= 1 - 1 / (days >= day).sum()
    return float(share)


def _last_factor(days: Floats, back: Floats, at: float) -> float:
    day = days[(back == 1) & (days <= at)].max()
    return float(1 - ((days == day) & (back == 1)).sum() / (days >= day).sum())


def _hazards_added(days: Floats, back: Floats, at: float) -> float:
    moments = np.unique(days[(back == 1) & (days <= at)])
    return float(1 - sum(((days == day) & (back == 1)).sum() / (days >= day).sum() for day in moments))


def _once_a_person(days: Floats, back: Floats, at: float) -> float:
    share = 1.0
    for day in days[(back == 1) & (days <= at)]:  # a day comes as often as people come back on it
        share *= 1 - ((days == day) & (back == 1)).sum() / (days >= day).sum()
    return float(share)


def _shares_back_multiplied(days: Floats, back: Floats, at: float) -> float:
    moments = np.unique(days[(back == 1) & (days <= at)])
    return float(np.prod([((days == day) & (back == 1)).sum() / (days >= day).sum() for day in moments]))


_SILENT_MISTAKES: dict[str, tuple[Answer, str]] = {
    "censored_left_out": (
        _plain(lambda days, back, at: (days[back == 1] > at).mean()),
        "You left out those who are not back yet. They are the silent ones: each counts as long as she was seen.",
    ),
    "censored_never_come": (
        _plain(lambda days, back, at: 1 - ((back == 1) & (days <= at)).mean()),
        "You count those who are not back yet as never coming. After her last day nothing is known of her: she leaves"
        " the count then.",
    ),
    "censored_come_back": (
        _product(lambda days, back, day: (days >= day).sum(), events="all"),
        "You let everybody come back on her last day. Only back == 1 did; the others were merely no longer seen.",
    ),
    "not_seen_long_enough_left_out": (
        _plain(lambda days, back, at: (days > at).sum() / ((back == 1) | (days > at)).sum()),
        "You dropped those not seen until that day, and kept those who came back early. Those dropped would have stayed"
        " silent more often.",
    ),
    "day_itself_left_out": (
        _product(lambda days, back, day: (days >= day).sum(), until="without"),
        "A customer who comes back on day `at` is back by the end of it: days <= at.",
    ),
    "at_risk_after_the_day": (
        _product(lambda days, back, day: (days > day).sum()),
        "At risk are all who were still silent when the day began: days >= day, those who come back on it included.",
    ),
    "all_at_risk": (
        _product(lambda days, back, day: len(days)),
        "You divide by everybody on each day. Anyone who is back, or no longer seen, is not at risk any more.",
    ),
    "one_a_day": (
        _one_a_day,
        "Several may come back on one day: count them all, not one a day.",
    ),
    "last_factor_alone": (
        _last_factor,
        "This is the last day's factor alone. The share still silent is the product of all days' factors.",
    ),
    "hazards_added": (
        _hazards_added,
        "You subtracted the sum of the daily shares. Each day takes its share of those *left*: multiply 1 - share.",
    ),
    "share_back": (
        _plain(lambda days, back, at: 1 - still_silent(days, back, at)),
        "This is the share that is back. Return the share still silent.",
    ),
    "no_end": (
        _plain(lambda days, back, at: still_silent(days, back, np.inf)),
        "You go through all days. Only those up to `at` count.",
    ),
    "a_day_for_each_person": (
        _once_a_person,
        "Where several come back on one day you take that day several times: each *different* day counts once.",
    ),
    "shares_back_multiplied": (
        _shares_back_multiplied,
        "You multiply the shares that come back. Those who stay silent on a day are 1 minus that share.",
    ),
    "back_read_the_other_way": (
        _plain(lambda days, back, at: still_silent(days, 1 - back, at)),
        "You read back the wrong way round: 1 means that she came back, 0 that she was merely no longer watched.",
    ),
    "exponential": (
        _plain(lambda days, back, at: np.exp(_hazards_added(days, back, at) - 1)),
        "This is exp(-sum of the daily shares), after Nelson and Aalen: near, where many are watched. Kaplan and Meier"
        " multiply 1 - share.",
    ),
    "a_count": (
        _plain(lambda days, back, at: ((days > at) | (back == 0)).sum()),
        "Return a share between 0 and 1, not a number of customers.",
    ),
    "at_is_not_read": (
        _plain(lambda days, back, at: 1 - back.mean()),
        "You count all who ever came back. Return what was true at the end of day `at`, of those watched until then.",
    ),
    "last_watched_that_day_left_out": (
        _product(lambda days, back, day: (days > day).sum() + ((days == day) & (back == 1)).sum()),
        "A customer watched for the last time on that day was still watched on it: days >= day, whatever back says.",
    ),
}
_SILENT_ALSO: dict[str, tuple[Answer, ...]] = {"at_is_not_read": (_plain(lambda days, back, at: back.mean()),)}


STILL_SILENT = Exercise(
    "14.silent",
    solution=still_silent,
    stub=_silent_stub,
    cases=_silent_cases,
    mistakes=_SILENT_MISTAKES,
    also=_SILENT_ALSO,
    praise="A customer who is not back yet has told you something, up to her last day and no further.",
)
