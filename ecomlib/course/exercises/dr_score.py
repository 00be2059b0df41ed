"""Defines lesson 14b's first exercise: the doubly robust score of a row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise

Floats = NDArray[np.float64]


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
    "error_turned_round": (
        _score_with(weight=lambda w, e: (1 - w) / (1 - e) - w / e),
        "The error is turned round: the outcome minus what the model said.",
    ),
    "correction_alone": (
        _score_with(effect=lambda a, b: 0 * a),
        "This is the correction alone. It is added to the models' effect.",
    ),
    "propensities_swapped": (
        _score_with(weight=lambda w, e: w / (1 - e) - (1 - w) / e),
        "The two chances are swapped: who got a letter is weighted by 1 / propensity.",
    ),
    "not_divided": (
        _score_with(weight=lambda w, e: w - e),
        "You weigh by treated - propensity. Divide: what was rarely done stands for more customers.",
    ),
    "one_chance_for_all": (
        _score_with(weight=lambda w, e: w / w.mean() - (1 - w) / (1 - w.mean())),
        "You weigh by the share of the treated. Each row has a propensity of its own.",
    ),
    "error_of_the_mean_model": (
        _score_with(seen=lambda w, a, b: (a + b) / 2),
        "Every row is compared with a mixture of both models. Take the model of the arm that she was in.",
    ),
    "error_of_the_effect": (
        lambda outcome, treated, propensity, without, with_letter: (
            with_letter
            - without
            + (treated / propensity - (1 - treated) / (1 - propensity)) * (outcome - with_letter + without)
        ),
        "You compare the outcome with the models' *effect*. Compare it with what the model said of the arm that she was"
        " in.",
    ),
    "arms_swapped": (
        _score_with(effect=lambda a, b: a - b, seen=lambda w, a, b: np.where(w == 1, a, b)),
        "The two models are swapped: `without` comes before `with_letter` among the arguments.",
    ),
    "weights_normalised": (
        lambda outcome, treated, propensity, without, with_letter: (
            with_letter
            - without
            + (
                treated / propensity / (treated / propensity).mean()
                - (1 - treated) / (1 - propensity) / ((1 - treated) / (1 - propensity)).mean()
            )
            * (outcome - np.where(treated == 1, with_letter, without))
        ),
        "You scaled the weights to a mean of one. That is done for a mean; a row's score takes the weight as it is.",
    ),
    "nothing_of_the_untreated": (
        lambda outcome, treated, propensity, without, with_letter: np.where(
            treated == 1, with_letter - without + (outcome - with_letter) / propensity, 0.0
        ),
        "The untreated have no score of their own in your answer. They have one too: the models' effect minus the"
        " weighted error.",
    ),
    "divided_by_n": (
        lambda outcome, treated, propensity, without, with_letter: (
            dr_score(outcome, treated, propensity, without, with_letter) / len(outcome)
        ),
        "You divided by the number of rows. Asked is the score of each row, not its part of the mean.",
    ),
    "the_mean": (
        lambda outcome, treated, propensity, without, with_letter: float(
            dr_score(outcome, treated, propensity, without, with_letter).mean()
        ),
        "This is the mean of the scores, the average effect. Asked is the score of each row.",
    ),
}


_DR_ALSO: dict[str, tuple[Answer, ...]] = {
    "error_of_the_mean_model": (
        lambda outcome, treated, propensity, without, with_letter: (
            with_letter
            - without
            + (treated / propensity - (1 - treated) / (1 - propensity))
            * (outcome - propensity * with_letter - (1 - propensity) * without)
        ),
    )
}


DR = Exercise(
    "14b.dr",
    solution=dr_score,
    stub=_dr_stub,
    cases=_dr_cases,
    mistakes=_DR_MISTAKES,
    also=_DR_ALSO,
    praise="Its mean is the average effect even where both models are wrong.",
)
