"""Defines lesson 03's exercise on the back-door set: which variables to hold constant, read off a graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ecomlib.course.exercises import Answer, Exercise

Arrows = list[tuple[str, str]]


def _before(node: str, arrows: Arrows) -> set[str]:
    """All variables from which a directed path leads to ``node``."""
    found: set[str] = set()
    ahead = {cause for cause, effect in arrows if effect == node}
    while ahead:
        found |= ahead
        ahead = {cause for cause, effect in arrows if effect in ahead} - found
    return found


def _without(node: str, arrows: Arrows) -> Arrows:
    return [arrow for arrow in arrows if node not in arrow]


def _after(node: str, arrows: Arrows) -> set[str]:
    return _before(node, [(effect, cause) for cause, effect in arrows])


def back_door(arrows: Arrows, treatment: str, outcome: str) -> set[str]:
    """Variables that move the treatment, and the outcome by a way that does not pass the treatment."""
    return _before(treatment, arrows) & _before(outcome, _without(treatment, arrows))


def _stub(arrows: Arrows, treatment: str, outcome: str) -> Any:
    return ...


def _parents(node: str, arrows: Arrows) -> set[str]:
    return {cause for cause, effect in arrows if effect == node}


def _parents_of_both(arrows: Arrows, treatment: str, outcome: str) -> set[str]:
    return _parents(treatment, arrows) & _parents(outcome, arrows)


def _parents_that_reach(arrows: Arrows, treatment: str, outcome: str) -> set[str]:
    return _parents(treatment, arrows) & _before(outcome, _without(treatment, arrows))


def _everything(arrows: Arrows, treatment: str, outcome: str) -> set[str]:
    return {name for arrow in arrows for name in arrow} - {treatment, outcome}


def _plus(extra: Callable[[Arrows, str, str], set[str]]) -> Answer:
    """The right set with what does not belong there."""
    return lambda arrows, treatment, outcome: back_door(arrows, treatment, outcome) | extra(arrows, treatment, outcome)


def _mediators(arrows: Arrows, treatment: str, outcome: str) -> set[str]:
    return _after(treatment, arrows) & _before(outcome, arrows)


def _colliders(arrows: Arrows, treatment: str, outcome: str) -> set[str]:
    return (_after(treatment, arrows) & _after(outcome, arrows)) - {treatment, outcome}


def _cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    shop = [("words", "price"), ("words", "units"), ("cost", "price"), ("price", "units")]
    shop += [("price", "revenue"), ("units", "revenue"), ("price", "buyers"), ("buyers", "units"), ("rain", "units")]
    # A cause of both that works through others on either side, and one that reaches the outcome by the treatment only.
    far = [("fashion", "plan"), ("plan", "t"), ("fashion", "mood"), ("mood", "y"), ("far", "near"), ("near", "t")]
    far += [("t", "m"), ("m", "y"), ("t", "k"), ("y", "k"), ("x", "mood"), ("k", "late"), ("origin", "fashion")]
    # Two confounders: s is a parent of the treatment, r of the outcome, neither is one of both.
    half = [("s", "t"), ("s", "q"), ("q", "y"), ("r", "p"), ("p", "t"), ("r", "y"), ("t", "y")]
    return [(shop, "price", "units"), (far, "t", "y"), (half, "t", "y")]


_MISTAKES: dict[str, tuple[Answer, str]] = {
    "collider": (
        _plus(_colliders),
        "Something in your set is moved by both treatment and outcome (revenue, in the shop's graph): a collider. Its"
        " path is closed as long as you leave it alone; to control for it opens it.",
    ),
    "mediator": (
        _plus(_mediators),
        "Something in your set lies on the way from the treatment to the outcome: a mediator. Holding it still blocks"
        " the very effect you want. An arrow into the treatment must come first.",
    ),
    "both": (
        _plus(lambda *given: _mediators(*given) | _colliders(*given)),
        "Your set holds the confounders, and also what comes after the treatment: mediators and colliders. Nothing that"
        " the treatment moves belongs there.",
    ),
    "everything": (
        _everything,
        "You took all there is. Among it are mediators, which block the effect, and colliders, which make one up. What"
        " the treatment moves must stay out.",
    ),
    "all_causes_of_treatment": (
        lambda arrows, treatment, outcome: _before(treatment, arrows),
        "These are all causes of the treatment. Some of them move the outcome through the treatment only, like the"
        " cost: no confounders. Cut the treatment out of the graph before you look for the outcome's causes.",
    ),
    "all_causes_of_outcome": (
        lambda arrows, treatment, outcome: _before(outcome, arrows) - {treatment},
        "These are all causes of the outcome: mediators are among them, and causes that do not touch the treatment.",
    ),
    "all_other_causes_of_outcome": (
        lambda arrows, treatment, outcome: _before(outcome, _without(treatment, arrows)),
        "These are all that move the outcome without the treatment. Some of them do not touch the treatment (rain, in"
        " the shop's graph) and open no back door; others may come after it. Keep those that move the treatment, too.",
    ),
    "treatment_itself": (
        _plus(lambda arrows, treatment, outcome: {treatment}),
        "The treatment itself stands in your set. It moves the outcome, but it cannot be held constant: begin with its"
        " causes, and cut its arrows *out* before you look for the outcome's.",
    ),
    "arrows_backwards": (
        lambda arrows, treatment, outcome: _after(treatment, arrows) & _after(outcome, arrows),
        "You followed the arrows the wrong way: these are *effects* of both, colliders. An arrow is (cause, effect):"
        " look for arrows whose second name is the one you have, and take the first.",
    ),
    "parents_of_treatment": (
        lambda arrows, treatment, outcome: _parents(treatment, arrows),
        "These are all that have an arrow *into* the treatment. The cost is among them: it moves the outcome through"
        " the treatment only. And a cause may stand further back than one arrow: follow the arrows all the way.",
    ),
    "parents_of_outcome": (
        lambda arrows, treatment, outcome: _parents(outcome, arrows) - {treatment},
        "These are all that have an arrow into the outcome. Some do not move the treatment, others come after it: keep"
        " those that also lead to the treatment, however far back they stand.",
    ),
    "parents_that_reach_the_outcome": (
        _parents_that_reach,
        "Nearly: each of these is a confounder with an arrow straight into the treatment. One that gets there"
        " through others opens a back door as well: causes of causes count.",
    ),
    "parents_of_outcome_that_reach": (
        lambda arrows, treatment, outcome: _parents(outcome, arrows) & _before(treatment, arrows),
        "You ask for an arrow straight into the outcome. A confounder may reach it through others: look for a path"
        " there, as you do for the treatment.",
    ),
    "parents_only": (
        _parents_of_both,
        "These have an arrow to the treatment and one to the outcome. A variable may also work through others, on"
        " either side: follow the arrows back all the way.",
    ),
}

BACK_DOOR = Exercise(
    "03.back_door",
    back_door,
    _stub,
    _cases,
    _MISTAKES,
    also={
        "treatment_itself": (_plus(lambda arrows, treatment, outcome: {treatment, outcome}),),
        "arrows_backwards": (
            lambda arrows, treatment, outcome: _after(treatment, arrows) & _after(outcome, _without(treatment, arrows)),
            lambda arrows, treatment, outcome: _after(treatment, arrows),
        ),
    },
    praise="You can now say what to hold constant, and what to leave alone.",
)
