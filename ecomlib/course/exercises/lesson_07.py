"""Defines lesson 07's exercises: what a member is worth, and the weight of a member."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


# --- which members earn their place ---


def _error(said: Floats, y: Floats) -> float:
    return float(np.mean(np.abs(said - y)))


def worth_of_each(said: Floats, y: Floats) -> Floats:
    """How much larger the mean absolute error of the mean is without each member; (n, m), (n,) -> (m,)."""
    whole = _error(said.mean(axis=1), y)
    return np.array([_error(np.delete(said, k, axis=1).mean(axis=1), y) - whole for k in range(said.shape[1])])


def _worth_stub(said: Floats, y: Floats) -> Any:
    return ...


def _worth_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    def drawn(n: int, biases: Sequence[float], noises: Sequence[float]) -> tuple[Any, ...]:
        y = rng.gamma(4.0, 5.0, n)
        common = rng.normal(0.0, 1.0, n)  # what all members miss
        said = [y + bias + common + rng.normal(0.0, noise, n) for bias, noise in zip(biases, noises, strict=True)]
        return np.column_stack(said), y

    small = (np.array([[12.0, 10.0, 2.0], [8.0, 7.0, 12.0], [5.0, 8.0, 20.0], [11.0, 13.0, 6.0]]),)
    return [
        (*small, np.array([10.0, 9.0, 7.0, 12.0])),
        drawn(30, (0.0, 1.0, -2.0), (1.0, 2.0, 3.0)),
        drawn(50, (0.0, 0.5, 6.0, -1.0), (2.0, 2.0, 1.0, 4.0)),
    ]


def _each(wrong: Answer) -> Answer:
    """From (the mean without member k, the mean of all, its own forecast, y) to a number, for every member."""

    def answer(said: Floats, y: Floats) -> Floats:
        return np.array(
            [
                wrong(np.delete(said, k, axis=1).mean(axis=1), said.mean(axis=1), said[:, k], y)
                for k in range(said.shape[1])
            ]
        )

    return answer


def _squared(said: Floats, y: Floats) -> float:
    return float(np.mean((said - y) ** 2))


def _own_errors(said: Floats, y: Floats) -> Floats:
    each: Floats = np.abs(said - y[:, None]).mean(axis=0)
    return each


def _of_errors(said: Floats, y: Floats) -> Floats:
    """The errors averaged, where the forecasts should be."""
    each = _own_errors(said, y)
    return np.array([np.delete(each, k).mean() - each.mean() for k in range(len(each))])


def _divided_by_all(said: Floats, y: Floats) -> Floats:
    m = said.shape[1]
    whole = _error(said.mean(axis=1), y)
    return np.array([_error((said.sum(axis=1) - said[:, k]) / m, y) - whole for k in range(m)])


def _of_medians(said: Floats, y: Floats) -> Floats:
    whole = _error(np.median(said, axis=1), y)
    return np.array([_error(np.median(np.delete(said, k, axis=1), axis=1), y) - whole for k in range(said.shape[1])])


_WORTH_MISTAKES: dict[str, tuple[Answer, str]] = {
    "wrong_way_round": (
        _each(lambda rest, whole, own, y: _error(whole, y) - _error(rest, y)),
        "The right numbers with the wrong sign. Asked is how much the error rises when the member is taken out: error"
        " without it minus error with all.",
    ),
    "only_the_error_without": (
        _each(lambda rest, whole, own, y: _error(rest, y)),
        "This is the error of the mean without each member. Subtract the error of the mean of all.",
    ),
    "its_own_error": (
        _each(lambda rest, whole, own, y: _error(own, y)),
        "This is how wrong each member is when it stands alone. A weak member can still earn its place, if it is wrong"
        " where the others are not: look at the mean without it.",
    ),
    "its_own_error_less_all": (
        _each(lambda rest, whole, own, y: _error(own, y) - _error(whole, y)),
        "You compared the member alone with the mean of all. It is the other way: compare the mean of the others, the"
        " member left out, with the mean of all.",
    ),
    "mean_error_less_its_own": (
        lambda said, y: _own_errors(said, y).mean() - _own_errors(said, y),
        "You compared each member's own error with the members' mean error: how good it is alone. A weak member can"
        " still earn its place. Take it out, average the others' forecasts, and take the error of that mean.",
    ),
    "mean_of_the_errors": (
        _of_errors,
        "You averaged the members' errors. Average their forecasts first, and take the error of that: errors of"
        " opposite sign then cancel, which is why averages are made.",
    ),
    "divided_by_all": (
        _divided_by_all,
        "Without one member, m - 1 are left, and their sum is divided by m - 1. Yours is divided by m, so every mean is"
        " too low.",
    ),
    "median_for_mean": (
        _of_medians,
        "These are medians of the members. Asked is the mean.",
    ),
    "squared_error": (
        _each(lambda rest, whole, own, y: _squared(rest, y) - _squared(whole, y)),
        "These are squared errors. Asked is the mean absolute error.",
    ),
    "no_absolute_value": (
        _each(lambda rest, whole, own, y: float(np.mean(rest - y) - np.mean(whole - y))),
        "Without the absolute value, too high and too low cancel: this is the change of the bias. Take np.abs of the"
        " differences before the mean.",
    ),
    "relative": (
        _each(lambda rest, whole, own, y: _error(rest, y) / _error(whole, y) - 1),
        "Right, but as a share of the error of all. Asked is the difference, in units.",
    ),
    "summed": (
        _each(lambda rest, whole, own, y: len(y) * (_error(rest, y) - _error(whole, y))),
        "You summed over the rows. Take the mean over the rows.",
    ),
}


def _minus(how: Answer) -> Answer:
    return lambda said, y: -how(said, y)


_WORTH_ALSO: dict[str, tuple[Answer, ...]] = {
    "its_own_error_less_all": (_minus(_WORTH_MISTAKES["its_own_error_less_all"][0]),),
    "mean_error_less_its_own": (_minus(_WORTH_MISTAKES["mean_error_less_its_own"][0]),),
}
_WORTH_PAIRS: dict[tuple[str, str], Answer] = {
    ("wrong_way_round", other): _minus(_WORTH_MISTAKES[other][0])
    for other in (
        *("mean_of_the_errors", "divided_by_all", "median_for_mean", "squared_error", "no_absolute_value"),
        *("relative", "summed"),
    )
}


# --- one weight for two members ---


def _weight(first: Floats, second: Floats, y: Floats) -> float:
    """The weight of ``first`` with the least squared error when the two weights sum to one; free to leave [0, 1]."""
    gap = first - second
    return float(np.sum((y - second) * gap) / np.sum(gap**2))


def stacking_weight(first: Floats, second: Floats, y: Floats, valid: Flags) -> float:
    """The weight of the first of two members, fitted on the rows of the validation part, between 0 and 1."""
    return float(np.clip(_weight(first[valid], second[valid], y[valid]), 0.0, 1.0))


def _weight_stub(first: Floats, second: Floats, y: Floats, valid: Flags) -> Any:
    return ...


def _weight_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    def drawn(n: int, first: tuple[float, float], second: tuple[float, float], swapped: bool = True) -> tuple[Any, ...]:
        """Members as (bias, noise); the second part of the rows is the test, where the two change places."""
        y = rng.gamma(4.0, 5.0, n)
        valid = np.arange(n) < n // 2
        one, two = (bias + rng.normal(0.0, noise, n) for bias, noise in (first, second))
        stay = valid | (not swapped)
        swap = np.where(stay, one, two), np.where(stay, two, one)
        return y + swap[0], y + swap[1], y, valid

    small = (np.array([10.5, 12.0, 8.0, 11.0, 20.0, 6.0]), np.array([14.0, 9.0, 13.0, 15.0, 9.0, 12.0]))
    y = np.array([11.0, 11.0, 10.0, 12.0, 10.0, 11.0])
    return [
        (*small, y, np.array([True, True, True, True, False, False])),
        drawn(40, (0.0, 2.0), (1.0, 3.0)),
        drawn(60, (-1.0, 1.0), (-4.0, 1.5)),  # the best weight lies above one
        drawn(60, (5.0, 1.5), (1.0, 1.0)),  # below zero
        drawn(60, (-1.0, 1.0), (-4.0, 1.5), swapped=False),  # above one, on the test as well
    ]


def _inverse_errors(first: Floats, second: Floats, y: Floats, valid: Flags) -> float:
    one, two = (float(np.mean((said[valid] - y[valid]) ** 2)) for said in (first, second))
    return two / (one + two)


def _free(first: Floats, second: Floats, y: Floats, valid: Flags) -> Floats:
    both = np.column_stack([first, second])[valid]
    return np.asarray(np.linalg.lstsq(both, y[valid], rcond=None)[0], dtype=np.float64)


def _with_intercept(first: Floats, second: Floats, y: Floats, valid: Flags) -> float:
    gap, left = (first - second)[valid], (y - second)[valid]
    return float(np.clip(np.polyfit(gap, left, 1)[0], 0.0, 1.0))


def _absolute(first: Floats, second: Floats, y: Floats, valid: Flags) -> float:
    """The weight with the least absolute error: a weighted median of the weights that would hit each row."""
    gap, left = (first - second)[valid], (y - second)[valid]
    order = np.argsort(left / gap)
    reached = np.cumsum(np.abs(gap)[order])
    place = int(np.searchsorted(reached, reached[-1] / 2))
    return float(np.clip((left / gap)[order][place], 0.0, 1.0))


_WEIGHT_MISTAKES: dict[str, tuple[Answer, str]] = {
    "fitted_on_test": (
        lambda first, second, y, valid: stacking_weight(first, second, y, ~valid),
        "You fitted on the rows where valid is False: those are the test. A weight that has seen the answers looks"
        " best on them and nowhere else. Use first[valid], second[valid], y[valid].",
    ),
    "fitted_on_all": (
        lambda first, second, y, valid: stacking_weight(first, second, y, np.ones_like(valid)),
        "You fitted on all rows, the test among them. The weight then knows part of what it will be judged by. Take the"
        " rows where valid is True.",
    ),
    "unconstrained": (
        lambda first, second, y, valid: _weight(first[valid], second[valid], y[valid]),
        "The sum is right and the rows are, but the weight may leave [0, 1]: here it does. Then one member is taken"
        " more than once and the other subtracted, which pays on these rows and rarely on the next. Clip it.",
    ),
    "two_free_weights": (
        lambda first, second, y, valid: float(_free(first, second, y, valid)[0]),
        "Two free weights (ordinary least squares): they need not sum to one, nor lie above zero. Write the second"
        " weight as 1 - w first; then one number is left to find.",
    ),
    "two_free_weights_normalised": (
        lambda first, second, y, valid: float(_free(first, second, y, valid)[0] / _free(first, second, y, valid).sum()),
        "Two free weights, divided by their sum afterwards: they add up to one, but no longer err least. Write the"
        " second weight as 1 - w before you minimise.",
    ),
    "two_free_weights_clipped": (
        lambda first, second, y, valid: float(np.clip(_free(first, second, y, valid)[0], 0.0, 1.0)),
        "Two free weights, the first of them clipped: the second is not 1 minus it, so together they were fitted for"
        " another average. Write the second weight as 1 - w first, and clip at the end.",
    ),
    "with_an_intercept": (
        _with_intercept,
        "Your line has an intercept, as np.polyfit and LinearRegression give it by themselves: it mends a bias that the"
        " average of two members keeps. Fit without one: the slope is sum(gap * left) / sum(gap²).",
    ),
    "least_absolute_error": (
        _absolute,
        "This is the weight with the least absolute error, as stacking_weights finds it. Asked is the least squared"
        " error, for which a formula does.",
    ),
    "weight_of_second": (
        lambda first, second, y, valid: 1 - stacking_weight(first, second, y, valid),
        "This is the weight of the second member. Return that of the first.",
    ),
    "inverse_errors": (
        _inverse_errors,
        "You weighed each member by the other's squared error. That would be right if their errors had nothing in"
        " common; mostly they do. Minimise the error of the average itself.",
    ),
    "winner_takes_all": (
        lambda first, second, y, valid: float(
            np.mean((first[valid] - y[valid]) ** 2) < np.mean((second[valid] - y[valid]) ** 2)
        ),
        "You chose the better member. An average of both may err less than either: look for the best w from 0 to 1.",
    ),
}


def _second(how: Answer) -> Answer:
    return lambda first, second, y, valid: how(second, first, y, valid)


def _everywhere(how: Answer) -> Answer:
    return lambda first, second, y, valid: how(first, second, y, np.ones_like(valid))


def _on_test(how: Answer) -> Answer:
    return lambda first, second, y, valid: how(first, second, y, ~valid)


_WEIGHT_PLACES = {"fitted_on_test": _on_test, "fitted_on_all": _everywhere, "weight_of_second": _second}
_WEIGHT_WAYS = (
    *("unconstrained", "two_free_weights", "two_free_weights_normalised", "two_free_weights_clipped"),
    *("with_an_intercept", "least_absolute_error", "inverse_errors", "winner_takes_all"),
)
_WEIGHT_EXCLUDE = (  # whose values are those of one mistake, or of another pair
    ("fitted_on_all", "two_free_weights_clipped"),
    ("weight_of_second", "winner_takes_all"),
)
_WEIGHT_PAIRS: dict[tuple[str, str], Answer] = {
    **{
        (p, way): place(_WEIGHT_MISTAKES[way][0])
        for p, place in _WEIGHT_PLACES.items()
        for way in _WEIGHT_WAYS
        if (p, way) not in _WEIGHT_EXCLUDE
    },
    ("fitted_on_test", "weight_of_second"): _on_test(_second(stacking_weight)),
    ("fitted_on_all", "weight_of_second"): _everywhere(_second(stacking_weight)),
}


EXERCISES = (
    Exercise(
        "07.worth_of_each",
        solution=worth_of_each,
        stub=_worth_stub,
        cases=_worth_cases,
        mistakes=_WORTH_MISTAKES,
        also=_WORTH_ALSO,
        pairs=_WORTH_PAIRS,
        praise="Do it on rows that nothing was fitted on, and draw an interval before you send anybody home.",
        rtol=1e-4,
        atol=1e-6,
    ),
    Exercise(
        "07.stacking_weight",
        solution=stacking_weight,
        stub=_weight_stub,
        cases=_weight_cases,
        mistakes=_WEIGHT_MISTAKES,
        pairs=_WEIGHT_PAIRS,
        praise="With more than two members the same sum is a small optimisation; the two fences stay.",
        rtol=1e-3,
        atol=2e-3,  # somebody may search on a fine grid
    ),
)
