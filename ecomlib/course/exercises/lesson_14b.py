"""Defines lesson 14b's exercises: the gain of a list, the doubly robust score, and whom to write to by money."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise

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
}


# --- the doubly robust score ---


def dr_score(outcome: Floats, treated: Floats, propensity: Floats, without: Floats, with_letter: Floats) -> Floats:
    """The models' effect, corrected by the weighted error of the arm that was seen; (n,) five times -> (n,)."""
    error = outcome - np.where(treated == 1, with_letter, without)
    weight = treated / propensity - (1 - treated) / (1 - propensity)
    return with_letter - without + weight * error


def _dr_stub(outcome: Floats, treated: Floats, propensity: Floats, without: Floats, with_letter: Floats) -> Any:
    return ...


def _dr_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    hand = (
        np.array([5.0, 2.0]),
        np.array([1.0, 0.0]),
        np.array([0.5, 0.2]),
        np.array([2.0, 1.0]),
        np.array([3.0, 4.0]),
    )
    n = 8
    treated = np.array([1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0])
    propensity = rng.uniform(0.1, 0.9, n).round(2)
    said = rng.gamma(2.0, 2.0, (2, n)).round(1)
    return [hand, (rng.gamma(2.0, 2.0, n).round(1), treated, propensity, said[0], said[1])]


def _score_with(
    weight: Callable[[Floats, Floats], Floats] | None = None,
    seen: Callable[[Floats, Floats, Floats], Floats] | None = None,
    effect: Callable[[Floats, Floats], Floats] | None = None,
) -> Answer:
    def answer(outcome: Floats, treated: Floats, propensity: Floats, without: Floats, with_letter: Floats) -> Floats:
        said = np.where(treated == 1, with_letter, without) if seen is None else seen(treated, without, with_letter)
        of = treated / propensity - (1 - treated) / (1 - propensity) if weight is None else weight(treated, propensity)
        return (with_letter - without if effect is None else effect(without, with_letter)) + of * (outcome - said)

    return answer


_DR_MISTAKES: dict[str, tuple[Answer, str]] = {
    "sign_of_the_untreated": (
        _score_with(weight=lambda w, e: w / e + (1 - w) / (1 - e)),
        "Both errors have the same sign in your score. What an untreated customer buys beyond the model makes the"
        " effect *smaller*: minus there.",
    ),
    "propensity_of_the_treated_for_all": (
        _score_with(weight=lambda w, e: w / e - (1 - w) / e),
        "The untreated are weighted by 1 / propensity in your score. Their chance to be untreated is 1 - propensity.",
    ),
    "no_weights": (
        _score_with(weight=lambda w, e: 2 * w - 1),
        "You did not weigh the errors. A row stands for more customers, the rarer its arm was: divide by the chance"
        " of what she got.",
    ),
    "model_alone": (
        _score_with(weight=lambda w, e: 0 * w),
        "This is the models' effect alone: where they are wrong, so is the score. Add the weighted error.",
    ),
    "no_model": (
        _score_with(seen=lambda w, a, b: 0 * w, effect=lambda a, b: 0 * a),
        "This is the outcome weighted by the propensity, without the models. It is right on average, and far noisier.",
    ),
    "outcome_not_error": (
        _score_with(seen=lambda w, a, b: 0 * w),
        "You weighted the outcome. Weigh the *error*, outcome minus what the model said of the arm that she was in.",
    ),
    "error_of_the_other_arm": (
        _score_with(seen=lambda w, a, b: np.where(w == 1, a, b)),
        "You compare with the model of the other arm. Who got a letter is compared with the model of the treated.",
    ),
    "error_of_the_treated_model": (
        _score_with(seen=lambda w, a, b: b),
        "Every row is compared with the model of the treated. Take the model of the arm that she was in.",
    ),
    "error_of_the_untreated_model": (
        _score_with(seen=lambda w, a, b: a),
        "Every row is compared with the model of the untreated. Take the model of the arm that she was in.",
    ),
    "treated_alone": (
        _score_with(weight=lambda w, e: w / e),
        "You correct the treated alone. The untreated tell how wrong the other model is.",
    ),
    "effect_turned_round": (
        _score_with(effect=lambda a, b: a - b),
        "The models' effect is turned round: with a letter minus without.",
    ),
    "multiplied": (
        _score_with(weight=lambda w, e: w * e - (1 - w) * (1 - e)),
        "You multiplied by the propensity. Divide: what was rarely done stands for more.",
    ),
    "the_mean": (
        lambda outcome, treated, propensity, without, with_letter: float(
            dr_score(outcome, treated, propensity, without, with_letter).mean()
        ),
        "This is the mean of the scores, the average effect. Asked is the score of each row.",
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
    "yes_and_no": (_mask, "You return yes and no for everybody. Asked are the places of those to be written to."),
    "the_gains": (
        lambda effect, margin, cost, most: (effect * margin - cost)[mailing_list(effect, margin, cost, most)],
        "You return what they bring. Asked are their places.",
    ),
}


_LIST_ALSO: dict[str, tuple[Answer, ...]] = {
    "effect_against_cost": (_chosen(lambda effect, margin, cost: (effect - cost) * margin),)
}


EXERCISES = (
    Exercise(
        "14b.gain",
        solution=list_gain,
        stub=_gain_stub,
        cases=_gain_cases,
        mistakes=_GAIN_MISTAKES,
        praise="Drawn for every share it is the Qini curve.",
    ),
    Exercise(
        "14b.dr",
        solution=dr_score,
        stub=_dr_stub,
        cases=_dr_cases,
        mistakes=_DR_MISTAKES,
        praise="Its mean is the average effect even where both models are wrong.",
    ),
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
