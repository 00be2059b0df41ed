"""Defines lesson 14's exercises: a churn label without the leak, a chance to be alive, and Kaplan and Meier's curve."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise
from ecomlib.course.exercises.still_silent import STILL_SILENT

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
    ends = [(np.array([20.0, 90.0]), 90.0, 60.0), (np.array([20.0, 150.0]), 90.0, 60.0)]  # each of the two alone
    gone = (np.array([15.0, 40.0, 45.0]), 200.0, 90.0)
    drawn = [(np.sort(rng.integers(0, 500, 7)).astype(float), 220.0, 60.0) for _ in range(3)]
    return [hand, quiet, edge, late, gone, *ends, *drawn]


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


def _gap_to_the_next(days: Floats, cut: float, window: float) -> bool:
    later = days[days >= cut]
    return not len(later) or bool(later.min() - days[days < cut].max() > window)


def _within_of_the_last(days: Floats, cut: float, window: float) -> bool:
    last = days[days < cut].max()
    return not ((days > last) & (days < last + window)).any()


def _mean_gap(days: Floats, cut: float, window: float) -> float:
    gaps = np.diff(days[days < cut])
    return float(gaps.mean()) if len(gaps) else 0.0


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
        "You look at all that follows the cut. A customer who comes back after a year did not order in the window: it"
        " ends at cut + window.",
    ),
    "turned_round": (
        _label_with(gone=lambda days, cut, window: ((days >= cut) & (days < cut + window)).any()),
        "Your label is 1 for a customer who came back. It should be 1 for a customer who did not.",
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
        "You return the day of the last order. Return how many days lie between it and the cut.",
    ),
    "sign": (
        _label_with(idle=lambda days, cut, window: days[days < cut].max() - cut),
        "Your days are negative: take the last order from the cut, not the cut from it.",
    ),
    "how_many_came": (
        _label_with(gone=lambda days, cut, window: ((days >= cut) & (days < cut + window)).sum()),
        "You count the orders in the window. The label is 1 where there is none, else 0.",
    ),
    "window_from_the_last_order": (
        _label_with(gone=_within_of_the_last),
        "Your window begins at her last order. It begins at the cut for everybody: a silence before it is the column.",
    ),
    "gap_between_orders": (
        _label_with(idle=_mean_gap),
        "You return a gap between her orders. Return the silence, from the last one before the cut to the cut.",
    ),
    "up_to_the_next_order": (
        _label_with(
            idle=lambda days, cut, window: (
                (days[days >= cut].min() if (days >= cut).any() else cut + window) - days[days < cut].max()
            )
        ),
        "You count up to her next order, which nobody knew at the cut. Count up to the cut.",
    ),
    "window_as_a_day": (
        _label_with(gone=lambda days, cut, window: not ((days >= cut) & (days < window)).any()),
        "window is a length, not a day: it ends before day cut + window.",
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
    "window_from_the_last_order": (_label_with(gone=_gap_to_the_next),),
    "gap_between_orders": (
        _label_with(idle=lambda days, cut, window: np.diff(days[days < cut], prepend=days[days < cut].max())[-1]),
    ),
}
_LABEL_PAIRS: dict[tuple[str, str], Answer] = {
    ("cut_counts_as_before", "no_end_of_the_window"): _label_with(
        gone=lambda days, cut, window: not (days > cut).any()
    ),
    ("cut_counts_as_before", "window_too_long"): _label_with(
        gone=lambda days, cut, window: not ((days > cut) & (days <= cut + window)).any()
    ),
    ("last_order_of_all", "no_end_of_the_window"): _label_with(
        idle=lambda days, cut, window: cut - days.max(), gone=lambda days, cut, window: not (days >= cut).any()
    ),
}


# --- alive ---


def still_there(frequency: Floats, recency: Floats, age: Floats, r: float, alpha: float, a: float, b: float) -> Floats:
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


def _base(share: Callable[..., Any], power: Callable[..., Any] | None = None) -> Answer:
    """The chance with another first factor of the odds, or another power of the ratio."""

    def base(x: Floats, t: Floats, T: Floats, r: float, alpha: float, a: float, b: float) -> Floats:
        ratio = (alpha + T) / (alpha + t)
        return np.asarray(share(np.maximum(x, 1), a, b) * ratio ** (r + x if power is None else power(r, x)))

    return _alive_with(base)


def _plain_share(x: Floats, a: float, b: float) -> Floats:
    return a / (b + x - 1)


_ALIVE_MISTAKES: dict[str, tuple[Answer, str]] = {
    "bought_once": (
        _odds(lambda x, t, T, r, alpha, a, b: _right_odds_of_all(x, t, T, r, alpha, a, b), lambda o, x: 1 / (1 + o)),
        "A customer who has bought only once cannot have left in this model: people leave after a repeat purchase."
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
        "The exponent is r + frequency. As you have it, a silence says as much about a daily buyer as about somebody"
        " who bought twice.",
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
        "These are the odds of being gone. The chance of being there is 1 / (1 + odds).",
    ),
    "chance_to_be_gone": (
        _odds(_right_odds, lambda odds, x: np.where(x > 0, odds / (1 + odds), 0.0)),
        "This is the chance of being gone. Return the chance of being there.",
    ),
    "one_minus_the_odds": (
        _odds(_right_odds, lambda odds, x: np.where(x > 0, 1 - odds, 1.0)),
        "Odds are not a chance: 1 - odds may be negative. Write 1 / (1 + odds).",
    ),
    "zero_for_those_who_bought_once": (
        _odds(_right_odds, lambda odds, x: np.where(x > 0, 1 / (1 + odds), 0.0)),
        "A customer who has bought only once gets 1 in this model, not 0 and not NaN: nobody leaves after the first"
        " order.",
    ),
    "one_repeat_taken_for_none": (
        _odds(_right_odds, lambda odds, x: np.where(x > 1, 1 / (1 + odds), 1.0)),
        "frequency counts the orders *after* the first: a customer with 1 has bought twice. The special case is"
        " frequency 0.",
    ),
    "first_order_counted": (
        _base(lambda x, a, b: a / (b + x), lambda r, x: r + x + 1),
        "You added the first order once more. frequency is already what the formulas call x.",
    ),
    "exponent_multiplied": (
        _base(_plain_share, lambda r, x: r * x),
        "The exponent is the sum r + frequency, not the product.",
    ),
    "no_exponent": (
        _base(_plain_share, lambda r, x: 1.0),
        "The ratio has an exponent, r + frequency: it makes silence say more about those who used to buy often.",
    ),
    "mean_of_the_beta": (
        _base(lambda x, a, b: a / (a + b + x - 1)),
        "a / (a + b + ...) is the mean chance to leave. These are odds: a over b + frequency - 1.",
    ),
    "orders_missing_in_the_odds": (
        _base(lambda x, a, b: a / b + 0 * x),
        "b + frequency - 1 stands below a: each order after which she stayed counts for staying.",
    ),
    "a_missing": (
        _base(lambda x, a, b: 1 / (b + x - 1)),
        "a is missing: it stands above b + frequency - 1.",
    ),
    "fraction_without_brackets": (
        _base(lambda x, a, b: a / b + x - 1),
        "Mind the brackets: a / (b + frequency - 1), and (alpha + age) / (alpha + recency).",
    ),
    "silence_over_alpha": (
        _alive_with(
            lambda x, t, T, r, alpha, a, b: _plain_share(np.maximum(x, 1), a, b) * (1 + (T - t) / alpha) ** (r + x)
        ),
        "You compare the silence with alpha. The formula compares all her time with that until her last order.",
    ),
    "bracket_around_both": (
        _odds(
            lambda x, t, T, r, alpha, a, b: (1 + _plain_share(np.maximum(x, 1), a, b)) * _ratio(x, t, T, r, alpha),
            lambda whole, x: np.where(x > 0, 1 / whole, 1.0),
        ),
        "The 1 stands alone: 1 + a / (...) * ratio, not (1 + a / (...)) * ratio.",
    ),
}
_ALIVE_ALSO: dict[str, tuple[Answer, ...]] = {
    "zero_for_those_who_bought_once": (_odds(_right_odds, lambda odds, x: np.where(x > 0, 1 / (1 + odds), np.nan)),),
    "without_minus_one": (_base(lambda x, a, b: a / (b + x + 1)),),
    "fraction_without_brackets": (
        _alive_with(
            lambda x, t, T, r, alpha, a, b: _plain_share(np.maximum(x, 1), a, b) * (alpha + T / (alpha + t)) ** (r + x)
        ),
        _alive_with(
            lambda x, t, T, r, alpha, a, b: _plain_share(np.maximum(x, 1), a, b) * (alpha + T / alpha + t) ** (r + x)
        ),
    ),
}


def _ratio(x: Floats, t: Floats, T: Floats, r: float, alpha: float) -> Floats:
    return ((alpha + T) / (alpha + t)) ** (r + x)


def _right_odds_of_all(x: Floats, t: Floats, T: Floats, r: float, alpha: float, a: float, b: float) -> Floats:
    return a / (b + x - 1) * ((alpha + T) / (alpha + t)) ** (r + x)


EXERCISES = (
    Exercise(
        "14.label",
        solution=churn_row,
        stub=_label_stub,
        cases=_label_cases,
        mistakes=_LABEL_MISTAKES,
        also=_LABEL_ALSO,
        pairs=_LABEL_PAIRS,
        praise="History ends where the label begins. No column can know the answer.",
    ),
    Exercise(
        "14.alive",
        solution=still_there,
        stub=_alive_stub,
        cases=_alive_cases,
        mistakes=_ALIVE_MISTAKES,
        also=_ALIVE_ALSO,
        praise="The same silence says more about a frequent buyer than about one who bought twice.",
    ),
    STILL_SILENT,
)
