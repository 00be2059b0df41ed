"""Defines lesson 09's fourth exercise: which order line is worth a check before it is sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def worth_checking(chance: Floats, value: Floats, cost: float, saved: float) -> Bools:
    """Check where chance · value · saved is above the cost; (n,), (n,) -> (n,)."""
    return np.asarray(chance * value * saved > cost)


def _stub(chance: Floats, value: Floats, cost: float, saved: float) -> Any:
    return ...


def _cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    first = (np.array([0.02, 0.6, 0.02]), np.array([1000.0, 3.0, 20.0]), 2.0, 0.25)
    drawn = [
        (rng.beta(1, 12, 40).round(3), rng.lognormal(4, 1.2, 40).round(2), 1.0, 0.5),
        (rng.beta(1, 4, 40).round(3), rng.lognormal(3, 1.2, 40).round(2), 3.0, 0.3),
    ]
    return [first, *drawn]


_MISTAKES: dict[str, tuple[Answer, str]] = {
    "above_a_half": (
        lambda chance, value, cost, saved: chance > 0.5,
        "You check where it is likelier than not. Nothing costs the same on both sides here: compare money with money.",
    ),
    "whole_value_saved": (
        lambda chance, value, cost, saved: chance * value > cost,
        "A check saves only the share `saved` of what comes back. Multiply by it.",
    ),
    "value_forgotten": (
        lambda chance, value, cost, saved: chance * saved > cost,
        "You compare a chance with money. What is at stake is the line's value: multiply by it.",
    ),
    "one_threshold": (
        lambda chance, value, cost, saved: chance > cost / (saved * value.mean()),
        "You have one threshold, from the mean value. A dear line is worth a check at a chance at which a cheap one is"
        " not: use each line's own value.",
    ),
    "as_if_it_came_back": (
        lambda chance, value, cost, saved: value * saved > cost,
        "You reckon as if each line came back. Most do not: multiply by the chance.",
    ),
    "cheap_ones": (
        lambda chance, value, cost, saved: chance * value * saved < cost,
        "The sign is turned round: this checks the lines where a check costs more than it saves.",
    ),
    "the_kept_too": (
        lambda chance, value, cost, saved: chance * value * saved - (1 - chance) * cost > 0,
        "You charge the check only where the line is kept. It is paid for each line that is checked, whatever comes.",
    ),
    "rest_of_the_value": (
        lambda chance, value, cost, saved: chance * value * (1 - saved) > cost,
        "1 - saved is what a check does not save.",
    ),
    "the_gain": (
        lambda chance, value, cost, saved: chance * value * saved - cost,
        "This is the expected gain of each check. Asked is whether to check: True where it is above zero.",
    ),
    "dear_lines": (
        lambda chance, value, cost, saved: value > cost,
        "You look at the value alone. What a check saves on average is chance · value · saved.",
    ),
    "mean_chance": (
        lambda chance, value, cost, saved: chance.mean() * value * saved > cost,
        "You gave all lines the mean chance. Each line has its own.",
    ),
    "cost_shrunk": (
        lambda chance, value, cost, saved: chance * value > cost * saved,
        "`saved` stands on the wrong side. A quarter saved makes a check worth less: compare chance · value · saved"
        " with the cost.",
    ),
    "cost_only_if_back": (
        lambda chance, value, cost, saved: chance * (value * saved - cost) > 0,
        "You pay for the check only where the line would have come back. It costs `cost` whatever happens.",
    ),
    "all_or_none": (
        lambda chance, value, cost, saved: np.full(len(chance), (chance * value * saved).sum() > cost * len(chance)),
        "You decided for all lines together. Each line is checked or not on its own: one True or False a line.",
    ),
    "the_places": (
        lambda chance, value, cost, saved: np.flatnonzero(chance * value * saved > cost),
        "These are the lines that are checked. Asked is True or False for each line, (n,).",
    ),
    "everything": (
        lambda chance, value, cost, saved: np.ones(len(chance), dtype=bool),
        "Everything is checked, also what costs more than it saves.",
    ),
}
_ALSO: dict[str, tuple[Answer, ...]] = {
    "dear_lines": (lambda chance, value, cost, saved: value > np.quantile(value, 0.5),),
    "the_places": (lambda chance, value, cost, saved: value[chance * value * saved > cost],),
    "all_or_none": (lambda chance, value, cost, saved: bool((chance * value * saved > cost).any()),),
    "value_forgotten": (lambda chance, value, cost, saved: chance > cost,),
    "above_a_half": (lambda chance, value, cost, saved: chance > saved,),
    "one_threshold": (
        lambda chance, value, cost, saved: chance > cost / (cost + saved * value.mean()),
        lambda chance, value, cost, saved: chance * np.median(value) * saved > cost,
    ),
    "the_gain": (lambda chance, value, cost, saved: chance * value * saved,),
}


CHECK = Exercise(
    "09.check",
    solution=worth_checking,
    stub=_stub,
    cases=_cases,
    mistakes=_MISTAKES,
    also=_ALSO,
    praise="Each line has a threshold of its own.",
)
