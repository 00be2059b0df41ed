"""Defines lesson 14b's exercises: the gain of a list and whom to write to by money; another is in ``dr_score``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise
from ecomlib.course.exercises.dr_score import DR

Floats = NDArray[np.float64]


# --- the gain of a list ---


def list_gain(score: Floats, outcome: Floats, treated: Floats, share: float) -> float:
    """What letters to the top share bring a customer of the whole list; (n,) three times -> outcome's unit."""
    top = np.argsort(-score)[: round(share * len(score))]
    y, w = outcome[top], treated[top] == 1
    return float(share * (y[w].mean() - y[~w].mean()))


def _gain_stub(score: Floats, outcome: Floats, treated: Floats, share: float) -> Any:
    return ...


def _gain_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    hand = (
        np.array([9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0]),
        np.array([4.0, 1.0, 2.0, 2.0, 3.0, 0.0, 5.0, 1.0]),
        np.array([1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0]),
        0.5,
    )

    def drawn(n: int, share: float) -> tuple[Any, ...]:
        treated = np.ones(n)
        treated[rng.permutation(n)[: n // 3]] = 0.0
        return rng.permutation(n).astype(float), rng.gamma(2.0, 3.0, n).round(1), treated, share

    return [hand, drawn(40, 0.25), drawn(60, 0.6)]


def _top(score: Floats, share: float) -> NDArray[np.int64]:
    return np.argsort(-score)[: round(share * len(score))]


def _gain_with(value: Callable[[Floats, Floats, Floats, float], Any]) -> Answer:
    def answer(score: Floats, outcome: Floats, treated: Floats, share: float) -> float:
        with np.errstate(all="ignore"):
            return float(value(score, outcome, treated, share))

    return answer


def _of_top(value: Callable[[Floats, NDArray[np.bool_], float], Any]) -> Answer:
    """From the outcomes of the top share, who of them was treated, and the share."""
    return _gain_with(lambda s, y, w, q: value(y[_top(s, q)], w[_top(s, q)] == 1, q))


def _difference(y: Floats, w: NDArray[np.bool_]) -> Any:
    return y[w].mean() - y[~w].mean()


_GAIN_MISTAKES: dict[str, tuple[Answer, str]] = {
    "without_the_share": (
        _of_top(lambda y, w, q: _difference(y, w)),
        "This is the effect *in* the list. A customer of the whole list gains less, since only a share is written to:"
        " multiply by the share.",
    ),
    "lowest_first": (
        _gain_with(
            lambda s, y, w, q: (
                q * _difference(y[np.argsort(s)[: round(q * len(s))]], w[np.argsort(s)[: round(q * len(s))]] == 1)
            )
        ),
        "You wrote to those with the lowest score. The highest come first.",
    ),
    "treated_alone": (
        _of_top(lambda y, w, q: q * y[w].mean()),
        "This is what the treated did. What they would have done anyway is not the letter's: take off the mean of those"
        " without one.",
    ),
    "everybody": (
        _gain_with(lambda s, y, w, q: q * _difference(y, w == 1)),
        "You compare the arms in the whole list. Only the top share counts.",
    ),
    "sums": (
        _of_top(lambda y, w, q: q * (y[w].sum() - y[~w].sum())),
        "You took sums. The arms are not of one size: compare means.",
    ),
    "sums_over_the_list": (
        _gain_with(
            lambda s, y, w, q: (
                ((y[_top(s, q)] * w[_top(s, q)]).sum() - (y[_top(s, q)] * (1 - w[_top(s, q)])).sum()) / len(s)
            )
        ),
        "You took the difference of the sums. The arms are not of one size: compare means, then multiply by the share.",
    ),
    "against_all_others": (
        _gain_with(lambda s, y, w, q: q * (y[_top(s, q)][w[_top(s, q)] == 1].mean() - y[w == 0].mean())),
        "Your controls come from the whole list. Compare with the untreated *in the top share*.",
    ),
    "against_the_rest": (
        _gain_with(lambda s, y, w, q: q * (y[_top(s, q)].mean() - np.delete(y, _top(s, q)).mean())),
        "You compare the top with the rest. Compare treated and untreated *in the top*.",
    ),
    "turned_round": (
        _of_top(lambda y, w, q: -q * _difference(y, w)),
        "The sign is turned round: treated minus untreated.",
    ),
    "top_of_the_treated": (
        _gain_with(lambda s, y, w, q: q * (y[w == 1][_top(s[w == 1], q)].mean() - y[w == 0].mean())),
        "You ranked the treated alone. Rank everybody, then split the top by who was treated.",
    ),
    "a_ratio": (
        _of_top(lambda y, w, q: q * (y[w].mean() / y[~w].mean() - 1)),
        "You return a ratio. Money is a difference.",
    ),
    "per_arm": (
        _gain_with(
            lambda s, y, w, q: (
                (y * w)[_top(s, q)].sum() / (w == 1).sum() - (y * (1 - w))[_top(s, q)].sum() / (w == 0).sum()
            )
        ),
        "You divide by the whole arms, which are right only if they are as frequent in the top share as elsewhere."
        " Take means in the top share, then multiply by the share.",
    ),
    "of_the_treated": (
        _gain_with(lambda s, y, w, q: w[_top(s, q)].sum() / len(s) * _difference(y[_top(s, q)], w[_top(s, q)] == 1)),
        "You count what the *treated* gained, as Radcliffe does. Asked is what the list gains when all of the top share"
        " are written to: its effect times the share.",
    ),
    "in_all": (
        _of_top(lambda y, w, q: len(y) * _difference(y, w)),
        "This is the gain of all of them together. Asked is the gain a customer of the whole list.",
    ),
    "divided_by_the_share": (
        _of_top(lambda y, w, q: _difference(y, w) / q),
        "You divide by the share. Only a share of the list is written to: multiply.",
    ),
    "beyond_chance": (
        _gain_with(lambda s, y, w, q: q * (_difference(y[_top(s, q)], w[_top(s, q)] == 1) - _difference(y, w == 1))),
        "You took off what a list at random gains. That comes with the area; the curve is the gain itself.",
    ),
    "in_the_order_of_the_table": (
        _gain_with(lambda s, y, w, q: q * _difference(y[: round(q * len(s))], w[: round(q * len(s))] == 1)),
        "You took the first rows of the table. Rank by score first.",
    ),
    "each_arm_ranked_alone": (
        _gain_with(
            lambda s, y, w, q: q * (y[w == 1][_top(s[w == 1], q)].mean() - y[w == 0][_top(s[w == 0], q)].mean())
        ),
        "You ranked each arm by itself. Rank everybody, then split the top by who was treated.",
    ),
    "one_half_assumed": (
        _of_top(lambda y, w, q: 2 * q * ((y * w).mean() - (y * ~w).mean())),
        "You divide each arm's sum by half of the top. The arms are not of one size: take the mean of each.",
    ),
    "against_the_mean": (
        _of_top(lambda y, w, q: q * (y[w].mean() - y.mean())),
        "You compare the treated with everybody in the top, who hold the treated as well. Compare with the untreated.",
    ),
    "top_against_all": (
        _gain_with(lambda s, y, w, q: q * (y[_top(s, q)].mean() - y.mean())),
        "You compare the top with everybody. Compare treated and untreated *in the top*.",
    ),
    "the_score_as_a_share": (
        _gain_with(lambda s, y, w, q: q * _difference(y[s > q], (w == 1)[s > q])),
        "You compare the score with the share. The top share are the first `round(share * n)` by score.",
    ),
}

_GAIN_ALSO: dict[str, tuple[Answer, ...]] = {
    "one_half_assumed": (_of_top(lambda y, w, q: 2 * ((y * w).mean() - (y * ~w).mean())),),
    "of_the_treated": (_of_top(lambda y, w, q: w.sum() * _difference(y, w)),),
    "in_the_order_of_the_table": (
        _gain_with(lambda s, y, w, q: _difference(y[: round(q * len(s))], w[: round(q * len(s))] == 1)),
    ),
}


# --- whom to write to ---


def mailing_list(effect: Floats, margin: float, cost: float, most: int) -> NDArray[np.int64]:
    """Places of those to be written to, the most gainful first; (n,) -> (k,)."""
    gain = effect * margin - cost
    order = np.argsort(-gain, kind="stable")[:most]
    return np.asarray(order[gain[order] > 0], dtype=np.int64)


def _list_stub(effect: Floats, margin: float, cost: float, most: int) -> Any:
    return ...


def _list_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    hand = (np.array([0.10, -0.30, 0.50, 0.04, 0.30]), 5.0, 0.4, 2)
    few = (np.array([0.10, -0.30, 0.50, 0.04, 0.30]), 5.0, 0.4, 5)
    return [
        hand,
        few,
        (rng.normal(0.05, 0.2, 12).round(3), 6.0, 0.5, 4),
        (rng.normal(-0.1, 0.1, 9).round(3), 4.0, 0.3, 9),
    ]


def _chosen(gain: Callable[[Floats, float, float], Floats], least: float = 0.0, sort: bool = True) -> Answer:
    def answer(effect: Floats, margin: float, cost: float, most: int) -> Any:
        worth = gain(effect, margin, cost)
        order = np.argsort(-worth, kind="stable") if sort else np.arange(len(worth))
        return order[:most][worth[order[:most]] > least]

    return answer


def _full(effect: Floats, margin: float, cost: float, most: int) -> Any:
    return np.argsort(-effect, kind="stable")[:most]


def _mask(effect: Floats, margin: float, cost: float, most: int) -> Any:
    found = np.zeros(len(effect), dtype=bool)
    found[mailing_list(effect, margin, cost, most)] = True
    return found


_LIST_MISTAKES: dict[str, tuple[Answer, str]] = {
    "the_cost_forgotten": (
        _chosen(lambda effect, margin, cost: effect * margin),
        "You write to everybody whom a letter moves. It must bring more than it costs: effect times margin, less cost.",
    ),
    "the_list_filled": (
        _full,
        "You filled the list. `most` is a limit, not an order: leave out those whose letter brings less than it costs.",
    ),
    "effect_against_cost": (
        _chosen(lambda effect, margin, cost: effect - cost),
        "You compare orders with money. An order is worth its margin.",
    ),
    "no_limit": (
        lambda effect, margin, cost, most: mailing_list(effect, margin, cost, len(effect)),
        "There are more than `most` in your list.",
    ),
    "in_the_order_of_the_table": (
        _chosen(lambda effect, margin, cost: effect * margin - cost, sort=False),
        "You took the first of the table. Rank by gain, then cut.",
    ),
    "strongest_either_way": (
        lambda effect, margin, cost, most: np.argsort(-np.abs(effect * margin), kind="stable")[:most][
            np.abs(effect * margin)[np.argsort(-np.abs(effect * margin), kind="stable")[:most]] > cost
        ],
        "You rank by the size of the effect, whatever its sign: the sleeping dogs are on your list.",
    ),
    "least_gainful_first": (
        lambda effect, margin, cost, most: mailing_list(effect, margin, cost, len(effect))[::-1][:most],
        "You begin with the least gainful. The most gainful come first.",
    ),
    "places_among_the_gainful": (
        lambda effect, margin, cost, most: np.argsort(-(effect * margin - cost)[effect * margin > cost], kind="stable")[
            :most
        ],
        "These are places among those who are left after the cut, not in the table. Rank everybody, then cut.",
    ),
    "first_of_the_gainful": (
        lambda effect, margin, cost, most: np.flatnonzero(effect * margin > cost)[:most],
        "You took the first of the table that bring more than they cost. Rank by gain, then cut.",
    ),
    "not_ranked": (
        lambda effect, margin, cost, most: np.sort(mailing_list(effect, margin, cost, most)),
        "These are the right customers, in the order of the table. Asked are the most gainful first.",
    ),
    "ranked_the_other_way": (
        lambda effect, margin, cost, most: mailing_list(effect, margin, cost, most)[::-1],
        "These are the right customers, the least gainful first. Turn them round.",
    ),
    "counted_from_one": (
        lambda effect, margin, cost, most: mailing_list(effect, margin, cost, most) + 1,
        "Your places count from 1. The first customer of the table is at place 0.",
    ),
    "lowest_first": (
        lambda effect, margin, cost, most: np.argsort(effect * margin - cost, kind="stable")[:most],
        "You began with those whom a letter moves away. The most gainful come first.",
    ),
    "ranks": (
        lambda effect, margin, cost, most: np.argsort(np.argsort(-(effect * margin - cost), kind="stable")),
        "You return everybody's rank. Asked are the places of those to be written to.",
    ),
    "cost_added": (
        _chosen(lambda effect, margin, cost: effect * margin + cost),
        "You add the cost. It is taken off what a letter brings.",
    ),
    "in_all": (
        lambda effect, margin, cost, most: float(
            (effect * margin - cost)[mailing_list(effect, margin, cost, most)].sum()
        ),
        "This is what the list brings. Asked are the places of those on it.",
    ),
    "yes_and_no": (_mask, "You return yes and no for everybody. Asked are the places of those to be written to."),
    "the_gains": (
        lambda effect, margin, cost, most: (effect * margin - cost)[mailing_list(effect, margin, cost, most)],
        "You return what they bring. Asked are their places.",
    ),
}


_LIST_ALSO: dict[str, tuple[Answer, ...]] = {
    "effect_against_cost": (_chosen(lambda effect, margin, cost: (effect - cost) * margin),),
    "the_gains": (lambda effect, margin, cost, most: effect[mailing_list(effect, margin, cost, most)],),
    "lowest_first": (
        lambda effect, margin, cost, most: np.array(
            [k for k in np.argsort(effect * margin - cost)[:most] if effect[k] * margin > cost], dtype=np.int64
        ),
        lambda effect, margin, cost, most: np.argsort(effect, kind="stable")[-most:],
    ),
}


EXERCISES = (
    Exercise(
        "14b.gain",
        solution=list_gain,
        stub=_gain_stub,
        cases=_gain_cases,
        mistakes=_GAIN_MISTAKES,
        also=_GAIN_ALSO,
        praise="Drawn for every share it is the Qini curve.",
    ),
    DR,
    Exercise(
        "14b.list",
        solution=mailing_list,
        stub=_list_stub,
        cases=_list_cases,
        mistakes=_LIST_MISTAKES,
        also=_LIST_ALSO,
        praise="A list by money stops where a letter costs more than it brings.",
    ),
)
