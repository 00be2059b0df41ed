"""Defines lesson 09's exercises: Brier by hand, copies without a leak, prior shift; the fourth is in ``line_check``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise
from ecomlib.course.exercises.line_check import CHECK

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


# --- Brier ---


def brier(label: Floats, chance: Floats) -> float:
    """The mean squared distance of chances from what came; (n,), (n,) -> number."""
    return float(((chance - label) ** 2).mean())


def _brier_stub(label: Floats, chance: Floats) -> Any:
    return ...


def _brier_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    drawn = rng.uniform(0.02, 0.95, 12).round(2)
    label = (rng.random(12) < 0.4).astype(float)
    label[:2] = 0.0, 1.0
    return [(np.array([1.0, 0.0, 0.0]), np.array([0.8, 0.4, 0.1])), (label, drawn)]


def _log_loss(label: Floats, chance: Floats) -> float:
    return float(-(label * np.log(chance) + (1 - label) * np.log(1 - chance)).mean())


_BRIER_MISTAKES: dict[str, tuple[Answer, str]] = {
    "absolute": (
        lambda label, chance: float(np.abs(chance - label).mean()),
        "You took the absolute distance. It is least when you say 0 or 1 and never what you believe: square it.",
    ),
    "sum": (
        lambda label, chance: float(((chance - label) ** 2).sum()),
        "This is the sum over the rows. A shop with twice the visits would be twice as wrong: take the mean.",
    ),
    "root": (
        lambda label, chance: float(np.sqrt(((chance - label) ** 2).mean())),
        "You took the root as well. Brier's score is the mean square itself.",
    ),
    "decided_first": (
        lambda label, chance: float(((chance > 0.5) != (label > 0.5)).mean()),
        "You rounded the chances first: that is the share of wrong decisions. The score reads the chance itself.",
    ),
    "means_first": (
        lambda label, chance: float((chance.mean() - label.mean()) ** 2),
        "You averaged before you squared. That asks only whether the rate is right, and the share said of everybody"
        " would be perfect. Square each row's distance, then average.",
    ),
    "signed": (
        lambda label, chance: float((chance - label).mean()),
        "Distances with a sign cancel. Square each of them before you average.",
    ),
    "ones_alone": (
        lambda label, chance: float(((chance - label)[label == 1] ** 2).mean()),
        "You looked at the buyers alone. Who says 0.9 to everybody would be good at it: all rows count.",
    ),
    "chances_alone": (
        lambda label, chance: float((chance * (1 - chance)).mean()),
        "This is what the score would be if the chances were right. What came must enter: compare with the label.",
    ),
    "log_loss": (
        _log_loss,
        "This is the logistic loss, another honest score. Brier squares the distance from 0 or 1.",
    ),
    "skill": (
        lambda label, chance: 1 - brier(label, chance) / float(label.mean() * (1 - label.mean())),
        "You compared it with the share said of everybody: that is a skill. Asked is the score itself.",
    ),
    "length": (
        lambda label, chance: float(np.linalg.norm(chance - label)),
        "This is the length of all distances together, the root of their sum of squares. Take the mean of the squares.",
    ),
    "one_row_less": (
        lambda label, chance: float(((chance - label) ** 2).sum() / (len(label) - 1)),
        "You divided by one row less, as for a variance. Nothing was estimated here: divide by all rows.",
    ),
    "others_alone": (
        lambda label, chance: float(((chance - label)[label == 0] ** 2).mean()),
        "You looked only at those who did not buy. Who says 0 to everybody would be perfect: all rows count.",
    ),
    "label_turned": (
        lambda label, chance: float(((1 - chance - label) ** 2).mean()),
        "You compared with the chance of *no* purchase. The label is 1 for buyers, and so is the chance.",
    ),
    "variance": (
        lambda label, chance: float(np.var(chance - label)),
        "This is the variance of the distances: it forgives whoever is wrong by the same amount everywhere. Square the"
        " distances themselves.",
    ),
    "squared_first": (
        lambda label, chance: float((chance**2 - label**2).mean()),
        "You squared before you took the difference. First the distance, then its square.",
    ),
    "factor_of_two": (
        lambda label, chance: float(((chance - label) ** 2).mean() / 2),
        "A factor of two: Brier's own score counts both answers, some losses a half. Here it is the plain mean.",
    ),
    "best_is_one": (
        lambda label, chance: 1 - brier(label, chance),
        "You turned it round, so that 1 is perfect. Here 0 is: every chance right and sure.",
    ),
    "every_row": (
        lambda label, chance: (chance - label) ** 2,
        "These are the squares of all rows. One number is asked: their mean.",
    ),
}
_BRIER_ALSO: dict[str, tuple[Answer, ...]] = {
    "length": (lambda label, chance: float(np.linalg.norm(chance - label) / len(label)),),
    "factor_of_two": (lambda label, chance: float(2 * ((chance - label) ** 2).mean()),),
    "best_is_one": (lambda label, chance: -brier(label, chance),),
    "absolute": (lambda label, chance: float(np.abs(chance - label).mean() ** 2),),
    "log_loss": (
        lambda label, chance: _log_loss(label, chance) / float(np.log(2)),
        lambda label, chance: _log_loss(label, chance) * len(label),
    ),
    "variance": (lambda label, chance: float(np.std(chance - label)),),
    "signed": (lambda label, chance: float((label - chance).mean()),),
    "sum": (lambda label, chance: float(np.abs(chance - label).sum()),),
    "means_first": (lambda label, chance: float(abs(chance.mean() - label.mean())),),
    "decided_first": (
        lambda label, chance: float(((chance > 0.5) == (label > 0.5)).mean()),
        lambda label, chance: float((chance.round() - label).mean()),
    ),
}


# --- copies without a leak ---


def copies(label: Ints, train: Bools, times: int) -> Ints:
    """How often each row is learnt from: buyers of the training part ``times`` times, its other rows once; (n,)."""
    return np.where(train, np.where(label == 1, times, 1), 0)


def _copies_stub(label: Ints, train: Bools, times: int) -> Any:
    return ...


def _copies_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    label = (rng.random(14) < 0.4).astype(int)
    train = rng.random(14) < 0.6
    label[:4], train[:4] = [1, 1, 0, 0], [True, False, True, False]
    return [(np.array([1, 0, 1, 0]), np.array([True, True, False, False]), 3), (label, train, 5)]


_COPIES_MISTAKES: dict[str, tuple[Answer, str]] = {
    "before_the_split": (
        lambda label, train, times: np.where(label == 1, np.where(train, times, times - 1), train.astype(int)),
        "Buyers of the test part are learnt from: their copies were made before the split and landed in training. The"
        " model meets them again and looks brilliant. Split first, then copy.",
    ),
    "everything_copied_everywhere": (
        lambda label, train, times: np.where(label == 1, times, 1),
        "Rows of the test part are learnt from, each of them. Where train is False the count is 0.",
    ),
    "test_copied": (
        lambda label, train, times: np.where(train, 1, np.where(label == 1, times, 1)),
        "The copies are in the test part now, and training is as it was. A test part stays as the shop is: its rate is"
        " what the chances are compared with.",
    ),
    "test_rows_kept": (
        lambda label, train, times: np.where(train & (label == 1), times, 1),
        "Rows of the test part are learnt from once. Where train is False the count is 0.",
    ),
    "others_copied": (
        lambda label, train, times: np.where(train, np.where(label == 0, times, 1), 0),
        "You copied those who did not buy. Rare are the buyers, label 1.",
    ),
    "all_of_training": (
        lambda label, train, times: np.where(train, times, 0),
        "All of training is copied: the share of buyers is what it was. Copy the buyers alone.",
    ),
    "one_too_many": (
        lambda label, train, times: np.where(train, np.where(label == 1, times + 1, 1), 0),
        "A buyer is there times + 1 times: the row itself and `times` copies. `times` counts all of them.",
    ),
    "the_copies_alone": (
        lambda label, train, times: np.where(train, np.where(label == 1, times - 1, 1), 0),
        "The row itself is missing: a buyer is there times - 1 times. `times` counts it too.",
    ),
    "others_dropped": (
        lambda label, train, times: np.where(train & (label == 1), times, 0),
        "Nobody is left who did not buy: then there is nothing to tell buyers from.",
    ),
    "nothing_copied": (
        lambda label, train, times: train.astype(int),
        "Nothing is copied yet: this is the training part as it was.",
    ),
    "buyers_of_the_test_part": (
        lambda label, train, times: np.where(label == 1, np.where(train, times, 1), train.astype(int)),
        "Buyers of the test part are still learnt from, once. Where train is False the count is 0, for buyers too.",
    ),
    "others_of_the_test_part": (
        lambda label, train, times: np.where(label == 1, times * train, 1),
        "Who did not buy in the test part is still learnt from. Where train is False the count is 0, for all.",
    ),
    "parts_swapped": (
        lambda label, train, times: np.where(train, 0, np.where(label == 1, times, 1)),
        "The parts are swapped: train is True where rows may be learnt from.",
    ),
    "training_rows_alone": (
        lambda label, train, times: np.where(label == 1, times, 1)[train],
        "These are the rows of the training part alone. The answer has one number for every row, 0 in the test part.",
    ),
    "labels_repeated": (
        lambda label, train, times: np.repeat(label[train], np.where(label == 1, times, 1)[train]),
        "These are the labels after copying. Asked is how often each row appears, one number a row, (n,).",
    ),
    "not_a_number": (
        lambda label, train, times: np.where(train, np.where(label == 1, times, 1), np.nan),
        "The test part holds something that is no count. Learnt from never is 0.",
    ),
    "shares": (
        lambda label, train, times: copies(label, train, times) / copies(label, train, times).sum(),
        "These are shares of all that is learnt from. Asked are counts: whole numbers.",
    ),
    "balanced": (
        lambda label, train, times: np.where(
            train, np.where(label == 1, (label == 0).sum() / max(1, (label == 1).sum()), 1), 0
        ),
        "You weighted buyers so that both kinds are equally many. How often a buyer counts is given: `times`.",
    ),
    "added_up": (
        lambda label, train, times: int(copies(label, train, times).sum()),
        "This is the number of rows after copying. Asked is one number a row, (n,).",
    ),
    "the_rows": (
        lambda label, train, times: np.repeat(np.arange(len(label)), copies(label, train, times)),
        "These are the numbers of the rows. Asked is how often each row appears, one number a row, (n,).",
    ),
}


_COPIES_ALSO: dict[str, tuple[Answer, ...]] = {
    "not_a_number": (lambda label, train, times: np.where(train, np.where(label == 1, times, 1), -1),),
    "others_dropped": (lambda label, train, times: label * train * times + (~train),),
}


# --- prior shift ---


def prior_shift(chance: Floats, trained: float, now: float) -> Floats:
    """Chances under another share of ones; (n,) -> (n,)."""
    odds = chance / (1 - chance) * (now / (1 - now)) / (trained / (1 - trained))
    return np.asarray(odds / (1 + odds))


def _shift_stub(chance: Floats, trained: float, now: float) -> Any:
    return ...


def _shift_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    return [
        (np.array([0.1, 0.5]), 0.1, 0.2),
        (rng.uniform(0.02, 0.98, 6).round(2), 0.12, 0.21),
        (rng.uniform(0.02, 0.98, 6).round(2), 0.4, 0.15),
    ]


def _odds(share: Any) -> Any:
    return share / (1 - share)


def _by_factor(factor: Callable[[float, float], float]) -> Answer:
    """The odds times a factor of (trained, now)."""

    def answer(chance: Floats, trained: float, now: float) -> Floats:
        odds = _odds(chance) * factor(trained, now)
        return np.asarray(odds / (1 + odds))

    return answer


_SHIFT_MISTAKES: dict[str, tuple[Answer, str]] = {
    "score_shifted": (
        lambda chance, trained, now: chance + now - trained,
        "You added the difference of the shares to each chance. 0.95 would become 1.05. What moves by one factor is the"
        " odds, chance / (1 - chance).",
    ),
    "score_scaled": (
        lambda chance, trained, now: chance * now / trained,
        "You multiplied the chance. A chance of 0.5 would be a certainty where the share doubles. Multiply the odds,"
        " chance / (1 - chance), and turn them back.",
    ),
    "ratio_of_shares": (
        _by_factor(lambda trained, now: now / trained),
        "The odds are right, the factor is not: it is the ratio of the *odds* of both shares. Non-buyers have become"
        " rarer too: now / (1 - now) over trained / (1 - trained).",
    ),
    "turned_round": (
        _by_factor(lambda trained, now: _odds(trained) / _odds(now)),
        "The factor is upside down: where more people buy, chances must rise. New odds over old odds.",
    ),
    "still_odds": (
        lambda chance, trained, now: _odds(chance) * _odds(now) / _odds(trained),
        "These are odds, and they go above 1. Turn them back: odds / (1 + odds).",
    ),
    "log_odds": (
        lambda chance, trained, now: np.log(_odds(chance) * _odds(now) / _odds(trained)),
        "These are log-odds. Turn them back into chances: 1 / (1 + exp(-x)).",
    ),
    "shift_by_shares": (
        lambda chance, trained, now: 1 / (1 + np.exp(-(np.log(_odds(chance)) + now - trained))),
        "You moved the log-odds by the difference of the shares. They move by the difference of the shares' log-odds.",
    ),
    "old_share_stays": (
        _by_factor(lambda trained, now: _odds(now)),
        "The new share came in, the old one did not go out: divide by the odds of the share in training.",
    ),
    "new_share_missing": (
        _by_factor(lambda trained, now: 1 / _odds(trained)),
        "The old share went out, the new one did not come in: multiply by the odds of the new share.",
    ),
    "own_mean": (
        lambda chance, trained, now: chance + now - chance.mean(),
        "You used the mean of these chances. The model learnt under `trained`, the share of buyers in training.",
    ),
    "chance_of_none": (
        lambda chance, trained, now: 1 - prior_shift(chance, trained, now),
        "This is the chance of *no* purchase. odds / (1 + odds) is that of one.",
    ),
    "odds_turned": (
        lambda chance, trained, now: prior_shift(1 - chance, trained, now),
        "Odds are buyers over idlers, chance / (1 - chance). Yours are the other way round: the order is reversed.",
    ),
    "back_by_minus": (
        lambda chance, trained, now: (lambda odds: odds / (1 - odds))(_odds(chance) * _odds(now) / _odds(trained)),
        "Back from odds to chances it is odds / (1 + odds), with a plus. Above odds of 1 yours are negative.",
    ),
    "brackets": (
        _by_factor(lambda trained, now: now / (1 - now) / trained / (1 - trained)),
        "a / b / c / (1 - c) divides by (1 - trained) too. Divide by (trained / (1 - trained)): mind the brackets.",
    ),
    "odds_added": (
        lambda chance, trained, now: (lambda odds: odds / (1 + odds))(_odds(chance) + _odds(now) - _odds(trained)),
        "You added a difference to the odds. They are *multiplied*, by new odds over old.",
    ),
    "averaged": (
        lambda chance, trained, now: (chance + now) / 2,
        "You went half of the way to the new share. Then nobody could be sure any more; multiply the odds instead.",
    ),
    "idlers_alone": (
        _by_factor(lambda trained, now: (1 - trained) / (1 - now)),
        "Only the idlers' share came in. The factor is the odds of both shares: buyers over idlers, new over old.",
    ),
    "all_the_new_share": (
        lambda chance, trained, now: np.full(len(chance), now),
        "Everybody gets the new share. The order of the chances must stay; only the odds move, by one factor.",
    ),
    "unchanged": (lambda chance, trained, now: chance, "The chances are as they were."),
}
_SHIFT_ALSO: dict[str, tuple[Answer, ...]] = {
    "own_mean": (
        lambda chance, trained, now: chance * now / chance.mean(),
        lambda chance, trained, now: prior_shift(chance, float(chance.mean()), now),
    ),
    "score_shifted": (lambda chance, trained, now: np.clip(chance + now - trained, 0, 1),),
    "score_scaled": (
        lambda chance, trained, now: np.clip(chance * now / trained, 0, 1),
        lambda chance, trained, now: chance * _odds(now) / _odds(trained),
    ),
    "turned_round": (_by_factor(lambda trained, now: trained / now),),
    "still_odds": (lambda chance, trained, now: _odds(chance) * now / trained,),
}


EXERCISES = (
    Exercise(
        "09.brier",
        solution=brier,
        stub=_brier_stub,
        cases=_brier_cases,
        mistakes=_BRIER_MISTAKES,
        also=_BRIER_ALSO,
        praise="Nobody can better it by saying anything but what they believe.",
    ),
    Exercise(
        "09.copies",
        solution=copies,
        stub=_copies_stub,
        cases=_copies_cases,
        mistakes=_COPIES_MISTAKES,
        also=_COPIES_ALSO,
        praise="The test part is still the shop.",
    ),
    Exercise(
        "09.prior_shift",
        solution=prior_shift,
        stub=_shift_stub,
        cases=_shift_cases,
        mistakes=_SHIFT_MISTAKES,
        also=_SHIFT_ALSO,
        praise="One factor on the odds, and the order stays.",
    ),
    CHECK,
)
