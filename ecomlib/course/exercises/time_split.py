"""Defines lesson 10's exercise on a split by time: one day for everybody, and what each line is by it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Exercise
from ecomlib.course.exercises.judge import Answer

Whole = NDArray[np.int64]


def time_split(customer: Whole, day: Whole, cut: int, days: int) -> Whole:
    """1 for history, 2 for targets, 0 for what is left out; lines (n,) of customers and days."""
    return _split(customer, day, cut, days)


def _split(
    customer: Whole,
    day: Whole,
    cut: int,
    days: int,
    *,
    earlier: int = 2,
    lines: bool = False,
    every: bool = False,
    last: bool = False,
    closed: bool = False,
) -> Whole:
    """The split, or one of its mistakes."""
    found = np.where(day < cut, 1, 0)
    ahead = (day >= cut) & ((day <= cut + days) if closed else (day < cut + days))
    for one in np.unique(customer):
        mine = customer == one
        before = day[mine & (day < cut)]
        if (len(before) if lines else len(np.unique(before))) >= earlier and (mine & ahead).any():
            choose = day[mine & ahead].max() if last else day[mine & ahead].min()
            found[mine & ahead & (every | (day == choose))] = 2
    return found


def _split_stub(customer: Whole, day: Whole, cut: int, days: int) -> Any:
    return ...


def _split_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    def drawn(people: int, lines: int, cut: int, days: int) -> tuple[Any, ...]:
        customer, day = rng.integers(0, people, lines), rng.integers(0, cut + 2 * days, lines)
        customer = np.concatenate([customer, [90, 90, 90, 91, 91, 91, 92, 92, 92, 93, 93, 94, 94, 94]])
        edge = [0, 3, cut, 1, 4, cut + days, 5, 5, cut + 1, cut + 1, cut + 2, 2, 6, cut - 1]
        return customer, np.concatenate([day, edge]), cut, days

    who = np.array([1, 1, 1, 1, 1, 2, 2, 3, 3, 3])
    when = np.array([2, 5, 10, 10, 14, 4, 12, 1, 6, 9])
    return [(who, when, 10, 10), drawn(8, 60, 30, 10), drawn(5, 40, 20, 7)]


def _leave_last_out(customer: Whole, day: Whole, cut: int, days: int) -> Whole:
    newest = {one: day[customer == one].max() for one in np.unique(customer)}
    several = {one: len(np.unique(day[customer == one])) > 2 for one in np.unique(customer)}
    return np.array(
        [2 if d == newest[c] and several[c] else 1 for c, d in zip(customer, day, strict=True)], dtype=np.int64
    )


def _all_else_is_history(customer: Whole, day: Whole, cut: int, days: int) -> Whole:
    return np.where(time_split(customer, day, cut, days) == 2, 2, 1)


def _cut_day_is_history(customer: Whole, day: Whole, cut: int, days: int) -> Whole:
    return _split(customer, day, cut + 1, days - 1)


def _only_served(customer: Whole, day: Whole, cut: int, days: int) -> Whole:
    right = time_split(customer, day, cut, days)
    return np.where(np.isin(customer, customer[right == 2]), right, 0)


def _swapped(customer: Whole, day: Whole, cut: int, days: int) -> Whole:
    return np.array([0, 2, 1])[time_split(customer, day, cut, days)]


def _one_line_each(customer: Whole, day: Whole, cut: int, days: int) -> Whole:
    found, seen = time_split(customer, day, cut, days), set()
    for row in np.flatnonzero(found == 2):
        found[row] = 0 if customer[row] in seen else 2
        seen.add(customer[row])
    return found


def _from_the_day_after(customer: Whole, day: Whole, cut: int, days: int) -> Whole:
    return _split(customer, day, cut + 1, days)


def _no_end(customer: Whole, day: Whole, cut: int, days: int) -> Whole:
    return _split(customer, day, cut, int(day.max()) + 1)


def _window_from_return(customer: Whole, day: Whole, cut: int, days: int) -> Whole:
    """All lines in so many days from each customer's return."""
    found = _no_end(customer, day, cut, days)
    for one in np.unique(customer[found == 2]):
        mine = customer == one
        first = day[mine & (found == 2)].min()
        found[mine & (day >= first) & (day < first + days)] = 2
    return found


def _first_day_of_all(customer: Whole, day: Whole, cut: int, days: int) -> Whole:
    """The shop's first day after the cut, for everybody."""
    found = time_split(customer, day, cut, days)
    return np.where((found == 2) & (day > day[day >= cut].min()), 0, found)


def _short_history(customer: Whole, day: Whole, cut: int, days: int) -> Whole:
    return np.where(day < cut - days, 0, time_split(customer, day, cut, days))


def _by_day_alone(customer: Whole, day: Whole, cut: int, days: int) -> Whole:
    return np.where(day < cut, 1, np.where(day < cut + days, 2, 0))


def _before_and_after(customer: Whole, day: Whole, cut: int, days: int) -> Whole:
    return np.where(day < cut, 1, 2)


def _history_of_regulars(customer: Whole, day: Whole, cut: int, days: int) -> Whole:
    regular = [len(np.unique(day[(customer == one) & (day < cut)])) >= 2 for one in customer]
    return np.where(regular, time_split(customer, day, cut, days), 0)


def _in_words(customer: Whole, day: Whole, cut: int, days: int) -> Any:
    return np.array(["left out", "history", "target"])[time_split(customer, day, cut, days)]


def _as_mask(customer: Whole, day: Whole, cut: int, days: int) -> Any:
    return time_split(customer, day, cut, days) == 2


_SPLIT_MISTAKES: dict[str, tuple[Answer, str]] = {
    "leave_last_out": (
        _leave_last_out,
        "Each customer's last basket is held out, whenever it was. Then what others bought *after* it is in the"
        " history: the model knows next month's best sellers. One day cuts for everybody.",
    ),
    "everything_else_is_history": (
        _all_else_is_history,
        "All that is no target became history, what was bought after the cut too. Only days before the cut are known.",
    ),
    "cut_day_in_the_history": (
        _cut_day_is_history,
        "The day of the cut is in your history. History is before the cut, targets are on it or later.",
    ),
    "every_basket_after_it": (
        lambda customer, day, cut, days: _split(customer, day, cut, days, every=True),
        "You took all baskets of the window. The target is the *next* basket, the first day on which the customer"
        " comes back.",
    ),
    "the_last_basket_after_it": (
        lambda customer, day, cut, days: _split(customer, day, cut, days, last=True),
        "You took the window's last basket. The next one is the first.",
    ),
    "window_closed": (
        lambda customer, day, cut, days: _split(customer, day, cut, days, closed=True),
        "Your window is a day too long: from the cut on, so many days, the cut's own among them.",
    ),
    "newcomers_served": (
        lambda customer, day, cut, days: _split(customer, day, cut, days, earlier=0),
        "Customers without two earlier baskets are among your targets. They are another question: a cold start.",
    ),
    "one_basket_is_enough": (
        lambda customer, day, cut, days: _split(customer, day, cut, days, earlier=1),
        "You serve customers with a single earlier basket. Two are asked for.",
    ),
    "lines_for_baskets": (
        lambda customer, day, cut, days: _split(customer, day, cut, days, lines=True),
        "You counted lines. Two lines of a day are one basket: count a customer's different days.",
    ),
    "history_of_the_served_alone": (
        _only_served,
        "You threw away the history of those who are not served. A model learns from everybody.",
    ),
    "history_of_regulars_alone": (
        _history_of_regulars,
        "You threw away the history of customers with a single earlier basket. They are not served, and what they"
        " bought still tells something: a model learns from everybody.",
    ),
    "three_baskets_before": (
        lambda customer, day, cut, days: _split(customer, day, cut, days, earlier=3),
        "You ask for more than two earlier baskets. Two are enough: at least two.",
    ),
    "one_line_of_the_basket": (
        _one_line_each,
        "You marked one line a customer. A basket is all that was bought on that day: every line of it is a target.",
    ),
    "from_the_day_after": (
        _from_the_day_after,
        "Your cut is a day late. History is before the cut; its own day is the first on which a target can lie.",
    ),
    "window_without_an_end": (
        _no_end,
        "Your window has no end: customers who come back months later are targets too. Only `days` days from the cut"
        " on count.",
    ),
    "window_from_the_return": (
        _window_from_return,
        "You counted the days from each customer's return, and took all baskets in them. The window begins at the"
        " cut, and the target is the first day in it.",
    ),
    "the_shops_first_day": (
        _first_day_of_all,
        "You took the first day on which *anybody* bought. Each customer has a first day of his own.",
    ),
    "history_as_long_as_the_window": (
        _short_history,
        "Your history is only as long as the window. All that was before the cut is known.",
    ),
    "by_day_alone": (
        _by_day_alone,
        "You split by the day alone. Of the window, targets are only the lines of a served customer's first day.",
    ),
    "before_and_after": (
        _before_and_after,
        "You split into before and after. Of what came after, most is left out: only the first day in the window of a"
        " customer with two earlier baskets is a target.",
    ),
    "targets_and_history_swapped": (
        _swapped,
        "The numbers are swapped: 1 is history, 2 is a target.",
    ),
    "in_words": (
        _in_words,
        "The split is right. Write it in numbers: 1 for history, 2 for targets, 0 for what is left out.",
    ),
    "targets_alone": (
        _as_mask,
        "This only tells the targets. Asked are three numbers: 1 for history, 2 for targets, 0 for what is left out.",
    ),
}


SPLIT = Exercise(
    "10.time_split",
    solution=time_split,
    stub=_split_stub,
    cases=_split_cases,
    mistakes=_SPLIT_MISTAKES,
    praise="One day for everybody: what a customer may be shown rests on what the shop knew that morning.",
)
