"""Defines lesson 08's third exercise: the gate that refuses books which disagree with the live log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ecomlib.course.exercises import Exercise

Units = Mapping[str, int]


def _shared(log: Units, books: Units) -> list[str]:
    return sorted(set(log) & set(books))


def doubtful_weeks(log: Units, books: Units) -> list[str]:
    """Shared weeks in which the books differ from the log by more than a tenth of the log's units and three."""
    return [week for week in _shared(log, books) if abs(books[week] - log[week]) > 0.1 * log[week] + 3]


def _stub(log: Units, books: Units) -> Any:
    return ...


def _of_the_books(log: Units, books: Units) -> list[str]:
    return [week for week in _shared(log, books) if abs(books[week] - log[week]) > 0.1 * books[week] + 3]


def _too_many_only(log: Units, books: Units) -> list[str]:
    return [week for week in _shared(log, books) if books[week] - log[week] > 0.1 * log[week] + 3]


def _too_few_only(log: Units, books: Units) -> list[str]:
    return [week for week in _shared(log, books) if log[week] - books[week] > 0.1 * log[week] + 3]


def _sums(log: Units, books: Units) -> list[str]:
    weeks = _shared(log, books)
    known, told = sum(log[week] for week in weeks), sum(books[week] for week in weeks)
    return weeks if abs(told - known) > 0.1 * known + 3 else []


def _no_three(log: Units, books: Units) -> list[str]:
    return [week for week in _shared(log, books) if abs(books[week] - log[week]) > 0.1 * log[week]]


def _three_alone(log: Units, books: Units) -> list[str]:
    return [week for week in _shared(log, books) if abs(books[week] - log[week]) > 3]


def _larger_of_both(log: Units, books: Units) -> list[str]:
    return [week for week in _shared(log, books) if abs(books[week] - log[week]) > max(0.1 * log[week], 3)]


def _either(log: Units, books: Units) -> list[str]:
    return [week for week in _shared(log, books) if abs(books[week] - log[week]) > min(0.1 * log[week], 3)]


def _on_the_limit(log: Units, books: Units) -> list[str]:
    return [week for week in _shared(log, books) if abs(books[week] - log[week]) >= 0.1 * log[week] + 3]


def _any_difference(log: Units, books: Units) -> list[str]:
    return [week for week in _shared(log, books) if books[week] != log[week]]


def _doubled(log: Units, books: Units) -> list[str]:
    return [week for week in _shared(log, books) if books[week] >= 2 * log[week]]


def _missing_is_zero(log: Units, books: Units) -> list[str]:
    weeks = sorted(set(log) | set(books))
    return [week for week in weeks if abs(books.get(week, 0) - log.get(week, 0)) > 0.1 * log.get(week, 0) + 3]


def _missing_in_books(log: Units, books: Units) -> list[str]:
    return [week for week in sorted(log) if abs(books.get(week, 0) - log[week]) > 0.1 * log[week] + 3]


def _no_entry(log: Units, books: Units) -> list[str]:
    return [week for week in sorted(log) if abs(books[week] - log[week]) > 0.1 * log[week] + 3]


def _no_entry_in_log(log: Units, books: Units) -> list[str]:
    return [week for week in sorted(books) if abs(books[week] - log[week]) > 0.1 * log[week] + 3]


def _agreeing(log: Units, books: Units) -> list[str]:
    doubtful = doubtful_weeks(log, books)
    return [week for week in _shared(log, books) if week not in doubtful]


def _yes_no(log: Units, books: Units) -> bool:
    return bool(doubtful_weeks(log, books))


def _no_yes(log: Units, books: Units) -> bool:
    return not doubtful_weeks(log, books)


def _cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    names = [f"2025-{month:02d}-03" for month in range(1, 9)]
    units = rng.integers(200, 900, 8)
    told = units.copy()
    told[[1, 2]] *= 2
    told[4] -= units[4] // 2
    return [
        ({"w1": 100, "w2": 120, "w3": 110}, {"w0": 90, "w1": 102, "w2": 240, "w3": 220}),
        # Few units, on the limit, just over it, too few, none, and weeks that only one of them has.
        (
            {"w1": 10, "w2": 100, "w3": 100, "w4": 100, "w5": 0, "w6": 50, "w8": 80, "w9": 200, "x0": 300, "x1": 100},
            {"w1": 13, "w2": 113, "w3": 114, "w4": 85, "w5": 3, "w6": 56, "w7": 70, "w9": 224, "x0": 320, "x1": 111},
        ),
        ({"w1": 100, "w2": 100, "w3": 100}, {"w1": 80, "w2": 120, "w3": 114}),
        ({"w3": 100, "w1": 40, "w2": 100, "w0": 100}, {"w2": 300, "w3": 150, "w1": 49, "w0": 40}),  # not in order
        (dict(zip(names, units.tolist(), strict=True)), dict(zip(names, told.tolist(), strict=True))),
    ]


BOOKS = Exercise(
    name="08.books",
    solution=doubtful_weeks,
    stub=_stub,
    cases=_cases,
    mistakes={
        "sums": (
            _sums,
            "You compare the sums of all weeks. A week that is doubled and one that is halved cancel out, and a sum"
            " does not say where to look. Compare week by week.",
        ),
        "too_many_only": (
            _too_many_only,
            "You look at books that hold too much. A copy that broke off holds too little, and its forecast empties the"
            " shelves: take the size of the difference, abs().",
        ),
        "too_few_only": (
            _too_few_only,
            "The difference has the wrong sign, or one sign only: doubled books hold more than the log. Take its size,"
            " abs().",
        ),
        "of_the_books": (
            _of_the_books,
            "Your tenth is one of the books' units. The books are in doubt: doubled ones would double what they are"
            " allowed. The log is the yardstick.",
        ),
        "no_three": (
            _no_three,
            "A tenth of ten units is one: in a week that sold little, a single late order would stop you. Allow three"
            " units more.",
        ),
        "three_alone": (
            _three_alone,
            "Three units are nothing in a week of a thousand: late orders alone are more. Allow a tenth of the log's"
            " units besides.",
        ),
        "larger_of_both": (
            _larger_of_both,
            "You allow a tenth or three units, whichever is more. The task allows both: 0.1 * log + 3.",
        ),
        "either": (
            _either,
            "You stop at a tenth *or* at three units, whichever is passed first. One limit is asked for, the sum of"
            " both: more than 0.1 * log + 3.",
        ),
        "on_the_limit": (_on_the_limit, "More than the limit is in doubt; a difference on it is not: > and not >=."),
        "any_difference": (
            _any_difference,
            "Every difference stops you. Late orders and corrections make small ones in every shop: allow a tenth of"
            " the log's units and three.",
        ),
        "doubled": (
            _doubled,
            "You look for doubled weeks alone. The next broken job will lose a third, or add a half.",
        ),
        "missing_is_zero": (
            _missing_is_zero,
            "A week that only one of them has counts as zero in yours. A version's books end where it was trained, and"
            " begin before the log: compare shared weeks only.",
        ),
        "no_entry": (
            _no_entry,
            "A KeyError: not every week of the one stands in the other. Compare shared weeks: set(log) & set(books).",
        ),
        "agreeing": (_agreeing, "These are the weeks that agree. Asked are those in doubt."),
        "yes_no": (
            _yes_no,
            "The decision is right, but nobody can look into a True. Return the weeks in doubt, a list; an empty one"
            " opens the gate.",
        ),
    },
    also={
        "missing_is_zero": (_missing_in_books,),
        "no_entry": (_no_entry_in_log,),
        "yes_no": (_no_yes,),
    },
    pairs={
        ("too_many_only", "no_three"): lambda log, books: [
            week for week in _shared(log, books) if books[week] > 1.1 * log[week]
        ],
        ("of_the_books", "no_three"): lambda log, books: [
            week for week in _shared(log, books) if abs(books[week] - log[week]) > 0.1 * books[week]
        ],
    },
    praise="A table in doubt makes no version, however good its card looks.",
)
