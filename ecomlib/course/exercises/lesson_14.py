"""Defines lesson 14's exercises: a churn label without the leak, a chance to be alive, and Kaplan and Meier's curve."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise

Floats = NDArray[np.float64]


# --- the label ---


def churn_row(days: Floats, cut: float, window: float) -> tuple[float, int]:
    """Days since the last order before the cut, and 1 where none follows in the window; (n,) -> (idle, churned)."""
    before = days[days < cut]
    return float(cut - before.max()), int(not ((days >= cut) & (days < cut + window)).any())


def _label_stub(days: Floats, cut: float, window: float) -> Any:
    return ...


def _label_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    hand = (np.array([10.0, 70.0, 130.0, 400.0]), 100.0, 90.0)
    quiet = (np.array([10.0, 70.0, 260.0, 300.0]), 100.0, 90.0)
    edge = (np.array([20.0, 60.0, 90.0, 150.0]), 90.0, 60.0)  # one at the cut, one at the window's end
    late = (np.array([5.0, 150.0]), 60.0, 90.0)
    gone = (np.array([15.0, 40.0, 45.0]), 200.0, 90.0)
    drawn = [(np.sort(rng.integers(0, 500, 7)).astype(float), 220.0, 60.0) for _ in range(3)]
    return [hand, quiet, edge, late, gone, *drawn]


def _label_with(
    idle: Callable[[Floats, float, float], Any] | None = None, gone: Callable[[Floats, float, float], Any] | None = None
) -> Answer:
    def answer(days: Floats, cut: float, window: float) -> tuple[Any, Any]:
        right = churn_row(days, cut, window)
        first = right[0] if idle is None else float(idle(days, cut, window))
        return first, right[1] if gone is None else int(gone(days, cut, window))

    return answer


def _swapped(days: Floats, cut: float, window: float) -> tuple[Any, Any]:
    idle, gone = churn_row(days, cut, window)
    return gone, idle


def _from_the_end(days: Floats, cut: float, window: float) -> tuple[float, int]:
    return float(days.max() - days[days < cut].max()), churn_row(days, cut, window)[1]


_LABEL_MISTAKES: dict[str, tuple[Answer, str]] = {
    "the_column_itself": (
        _label_with(gone=lambda days, cut, window: cut - days[days < cut].max() > window),
        "Your label looks before the cut: it is a function of your column. A model then repeats what you told it. The"
        " label's window begins at the cut.",
    ),
    "last_order_of_all": (
        _label_with(idle=lambda days, cut, window: cut - days.max()),
        "Your last order may lie after the cut: nobody knew it then. Take the last one *before* the cut.",
    ),
    "seen_from_the_end": (
        _from_the_end,
        "You count the days up to the last order of all. History ends at the cut: count up to the cut.",
    ),
    "no_end_of_the_window": (
        _label_with(gone=lambda days, cut, window: not (days >= cut).any()),
        "You look at all that follows the cut. Who comes back after a year did not order in the window: it ends at"
        " cut + window.",
    ),
    "turned_round": (
        _label_with(gone=lambda days, cut, window: ((days >= cut) & (days < cut + window)).any()),
        "Your label is 1 for who came back. Asked is 1 for who did not.",
    ),
    "cut_counts_as_before": (
        _label_with(
            idle=lambda days, cut, window: cut - days[days <= cut].max(),
            gone=lambda days, cut, window: not ((days > cut) & (days < cut + window)).any(),
        ),
        "An order on the day of the cut counts as after it: history is days < cut, the window begins with days >= cut.",
    ),
    "window_too_long": (
        _label_with(gone=lambda days, cut, window: not ((days >= cut) & (days <= cut + window)).any()),
        "The window of `window` days ends before day cut + window: write < there.",
    ),
    "first_order": (
        _label_with(idle=lambda days, cut, window: cut - days.min()),
        "You count from the first order: that is the age. Idle counts from the last one before the cut.",
    ),
    "swapped": (_swapped, "Both are right, in the wrong order: first the days, then the label."),
    "day_of_the_last": (
        _label_with(idle=lambda days, cut, window: days[days < cut].max()),
        "You return the day of the last order. Asked is how many days lie between it and the cut.",
    ),
}
_LABEL_ALSO: dict[str, tuple[Answer, ...]] = {
    "cut_counts_as_before": (
        _label_with(idle=lambda days, cut, window: cut - days[days <= cut].max()),
        _label_with(gone=lambda days, cut, window: not ((days > cut) & (days < cut + window)).any()),
    ),
    "the_column_itself": (
        _label_with(gone=lambda days, cut, window: not ((days >= cut - window) & (days < cut)).any()),
    ),
}
_LABEL_PAIRS: dict[tuple[str, str], Answer] = {
    ("last_order_of_all", "no_end_of_the_window"): _label_with(
        idle=lambda days, cut, window: cut - days.max(), gone=lambda days, cut, window: not (days >= cut).any()
    ),
}


# --- alive ---


def alive(frequency: Floats, recency: Floats, age: Floats, r: float, alpha: float, a: float, b: float) -> Floats:
    """BG/NBD's chance that a customer is still there; (n,) three times -> (n,)."""
    odds = a / (b + np.maximum(frequency, 1) - 1) * ((alpha + age) / (alpha + recency)) ** (r + frequency)
    return np.where(frequency > 0, 1 / (1 + odds), 1.0)


def _alive_stub(frequency: Floats, recency: Floats, age: Floats, r: float, alpha: float, a: float, b: float) -> Any:
    return ...


def _alive_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    hand = (np.array([0.0, 2.0, 2.0, 9.0]), np.array([0.0, 30.0, 5.0, 30.0]), np.full(4, 40.0), 0.5, 5.0, 0.8, 2.5)
    x = rng.integers(0, 8, 9).astype(float)
    age = rng.uniform(20, 60, 9).round(1)
    return [hand, (x, np.where(x > 0, age * rng.uniform(0.1, 0.95, 9), 0.0), age, 0.7, 6.0, 0.9, 2.2)]


def _odds(base: Callable[..., Floats], end: Callable[[Floats, Floats], Floats]) -> Answer:
    def answer(frequency: Floats, recency: Floats, age: Floats, r: float, alpha: float, a: float, b: float) -> Floats:
        with np.errstate(all="ignore"):
            return end(base(frequency, recency, age, r, alpha, a, b), frequency)

    return answer


def _right_odds(x: Floats, t: Floats, T: Floats, r: float, alpha: float, a: float, b: float) -> Floats:
    return a / (b + np.maximum(x, 1) - 1) * ((alpha + T) / (alpha + t)) ** (r + x)


def _chance(odds: Floats, x: Floats) -> Floats:
    return np.where(x > 0, 1 / (1 + odds), 1.0)


def _alive_with(base: Callable[..., Floats]) -> Answer:
    return _odds(base, _chance)


_ALIVE_MISTAKES: dict[str, tuple[Answer, str]] = {
    "bought_once": (
        _odds(lambda x, t, T, r, alpha, a, b: _right_odds_of_all(x, t, T, r, alpha, a, b), lambda o, x: 1 / (1 + o)),
        "Who has bought once alone cannot have left yet in this model: one leaves after a purchase that is repeated."
        " Return 1 where frequency is 0.",
    ),
    "without_minus_one": (
        _alive_with(lambda x, t, T, r, alpha, a, b: a / (b + x) * ((alpha + T) / (alpha + t)) ** (r + x)),
        "Look at the denominator once more: b + frequency - 1. After the last purchase she may have left; at the others"
        " she stayed.",
    ),
    "exponent_without_r": (
        _alive_with(lambda x, t, T, r, alpha, a, b: a / (b + np.maximum(x, 1) - 1) * ((alpha + T) / (alpha + t)) ** x),
        "The exponent is r + frequency: the rate is known from her purchases *and* from everybody's.",
    ),
    "exponent_r_alone": (
        _alive_with(lambda x, t, T, r, alpha, a, b: a / (b + np.maximum(x, 1) - 1) * ((alpha + T) / (alpha + t)) ** r),
        "The exponent is r + frequency. As you have it, a silence says as much of who bought daily as of who bought"
        " twice.",
    ),
    "ratio_turned_round": (
        _alive_with(
            lambda x, t, T, r, alpha, a, b: a / (b + np.maximum(x, 1) - 1) * ((alpha + t) / (alpha + T)) ** (r + x)
        ),
        "Your ratio is turned round: a longer silence makes it smaller. Age stands above, recency below.",
    ),
    "recency_as_silence": (
        _alive_with(
            lambda x, t, T, r, alpha, a, b: a / (b + np.maximum(x, 1) - 1) * ((alpha + T) / (alpha + T - t)) ** (r + x)
        ),
        "Recency is the time from the *first* purchase to the last one, not the silence since then.",
    ),
    "without_alpha": (
        _alive_with(
            lambda x, t, T, r, alpha, a, b: a / (b + np.maximum(x, 1) - 1) * (T / np.where(t > 0, t, np.inf)) ** (r + x)
        ),
        "alpha is missing: it stands in both parts of the ratio.",
    ),
    "a_and_b_swapped": (
        _alive_with(
            lambda x, t, T, r, alpha, a, b: b / (a + np.maximum(x, 1) - 1) * ((alpha + T) / (alpha + t)) ** (r + x)
        ),
        "a and b are swapped: a counts leaving, b staying.",
    ),
    "the_odds": (
        _odds(_right_odds, lambda odds, x: np.where(x > 0, odds, 0.0)),
        "These are the odds of being gone. The chance to be there is 1 / (1 + odds).",
    ),
    "chance_to_be_gone": (
        _odds(_right_odds, lambda odds, x: np.where(x > 0, odds / (1 + odds), 0.0)),
        "This is the chance to be gone. Asked is the chance to be there.",
    ),
    "one_minus_the_odds": (
        _odds(_right_odds, lambda odds, x: np.where(x > 0, 1 - odds, 1.0)),
        "Odds are no chance: 1 - odds may be negative. Write 1 / (1 + odds).",
    ),
}


def _right_odds_of_all(x: Floats, t: Floats, T: Floats, r: float, alpha: float, a: float, b: float) -> Floats:
    return a / (b + x - 1) * ((alpha + T) / (alpha + t)) ** (r + x)


# --- survival ---


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


_SILENT_MISTAKES: dict[str, tuple[Answer, str]] = {
    "censored_left_out": (
        _plain(lambda days, back, at: (days[back == 1] > at).mean()),
        "You left out those who are not back yet. They are the silent ones: each counts as long as she was seen.",
    ),
    "censored_never_come": (
        _plain(lambda days, back, at: 1 - ((back == 1) & (days <= at)).mean()),
        "You count who is not back yet as never coming. After her last day nothing is known of her: she leaves the"
        " count then.",
    ),
    "censored_come_back": (
        _product(lambda days, back, day: (days >= day).sum(), events="all"),
        "You let everybody come back on her last day. Only back == 1 did; the others were merely no longer seen.",
    ),
    "not_seen_long_enough_left_out": (
        _plain(lambda days, back, at: (days > at).sum() / ((back == 1) | (days > at)).sum()),
        "You dropped who was not seen until that day, and kept who came back early. Those dropped would have stayed"
        " silent more often.",
    ),
    "day_itself_left_out": (
        _product(lambda days, back, day: (days >= day).sum(), until="without"),
        "Who comes back on day `at` is back by the end of it: days <= at.",
    ),
    "at_risk_after_the_day": (
        _product(lambda days, back, day: (days > day).sum()),
        "At risk are all who were still silent when the day began: days >= day, those who come back on it included.",
    ),
    "all_at_risk": (
        _product(lambda days, back, day: len(days)),
        "You divide by everybody on each day. Who is back, or no longer seen, is not at risk any more.",
    ),
    "one_a_day": (
        _one_a_day,
        "Several may come back on one day: count them, do not take one a day.",
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
        "This is the share that is back. Asked is the share still silent.",
    ),
}


EXERCISES = (
    Exercise(
        "14.label",
        solution=churn_row,
        stub=_label_stub,
        cases=_label_cases,
        mistakes=_LABEL_MISTAKES,
        also=_LABEL_ALSO,
        pairs=_LABEL_PAIRS,
        praise="History ends where the label begins. No column can know what it is asked.",
    ),
    Exercise(
        "14.alive",
        solution=alive,
        stub=_alive_stub,
        cases=_alive_cases,
        mistakes=_ALIVE_MISTAKES,
        praise="The same silence says more of who bought often than of who bought twice.",
    ),
    Exercise(
        "14.silent",
        solution=still_silent,
        stub=_silent_stub,
        cases=_silent_cases,
        mistakes=_SILENT_MISTAKES,
        praise="Who is not back yet has told you something, up to her last day and no further.",
    ),
)
