"""Defines lesson 11's exercises: a mean from logs, forecasts of three series that add up, and an interval for a sum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from ecomlib.course.exercises import Answer, Exercise

Floats = NDArray[np.float64]


# --- a mean from logs ---


def mean_from_logs(logs: Floats, left: Floats) -> Floats:
    """Forecasts of log(1 + units) and past errors in logs -> expected units; (N,), (M,) -> (N,)."""
    mean: Floats = np.exp(logs) * np.mean(np.exp(left)) - 1
    return mean


def _logs_stub(logs: Floats, left: Floats) -> Any:
    return ...


def _logs_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    return [
        (np.array([0.7, 1.1]), np.array([-0.5, -0.2, 0.1, 1.1])),
        (rng.uniform(0.5, 3.0, 6), rng.gamma(2.0, 0.4, 40) - 0.9),
        (rng.uniform(0.5, 3.0, 4), rng.normal(0.15, 0.7, 25)),
    ]


_LOGS_MISTAKES: dict[str, tuple[Answer, str]] = {
    "median": (
        lambda logs, left: np.expm1(logs),
        "This is the exponential alone: a median. The errors in logs are what lifts it to a mean, and they are not in"
        " your answer.",
    ),
    "mean_error_inside": (
        lambda logs, left: np.expm1(logs + left.mean()),
        "You added the mean error to the logs: that moves a median. A mean of units is a mean of exponentials, so take"
        " the exponential of each error first, then the mean.",
    ),
    "median_error_inside": (
        lambda logs, left: np.expm1(logs + np.median(left)),
        "You moved the forecast by the median error: still a median. Average the exponentials of the errors.",
    ),
    "half_the_variance": (
        lambda logs, left: np.exp(logs + left.var() / 2) - 1,
        "Half the variance is right for errors that are normal and zero on average. These are neither: take the mean of"
        " their exponentials, which needs no such assumption.",
    ),
    "normal_with_its_mean": (
        lambda logs, left: np.exp(logs + left.mean() + left.var() / 2) - 1,
        "Mean plus half the variance is right where errors are normal. Smearing needs no such assumption: the mean of"
        " the exponentials of the errors.",
    ),
    "half_the_deviation": (
        lambda logs, left: np.exp(logs + left.std() / 2) - 1,
        "Half of the standard deviation is no correction; for normal errors it would be half of the variance. For any"
        " errors it is the mean of their exponentials.",
    ),
    "one_taken_too_early": (
        lambda logs, left: np.expm1(logs) * np.mean(np.exp(left)),
        "The factor belongs to 1 + units: multiply exp(logs) first, and take the 1 away at the end.",
    ),
    "one_never_taken": (
        lambda logs, left: np.exp(logs) * np.mean(np.exp(left)),
        "The logs are of 1 + units, and the 1 is still in your answer.",
    ),
    "one_taken_from_errors": (
        lambda logs, left: np.exp(logs) * np.mean(np.expm1(left)) - 1,
        "expm1 of an error takes a 1 away that was never added to it: errors in logs go back by exp.",
    ),
    "errors_turned_round": (
        lambda logs, left: np.exp(logs) * np.mean(np.exp(-left)) - 1,
        "The sign of the errors is turned round. An error is the log of what was sold less its forecast: it is added.",
    ),
    "sizes_of_errors": (
        lambda logs, left: np.exp(logs) * np.mean(np.exp(np.abs(left))) - 1,
        "You took the errors' sizes. Their signs count: some lift the forecast, some lower it.",
    ),
    "added": (
        lambda logs, left: np.exp(logs) + np.mean(np.exp(left)) - 1,
        "In logs an error is added, so in units it multiplies. You added.",
    ),
}
_LOGS_PAIRS: dict[tuple[str, str], Answer] = {
    ("one_never_taken", "errors_turned_round"): lambda logs, left: np.exp(logs) * np.mean(np.exp(-left)),
    ("one_taken_too_early", "errors_turned_round"): lambda logs, left: np.expm1(logs) * np.mean(np.exp(-left)),
    ("one_never_taken", "mean_error_inside"): lambda logs, left: np.exp(logs + left.mean()),
    ("one_never_taken", "half_the_variance"): lambda logs, left: np.exp(logs + left.var() / 2),
    ("one_never_taken", "sizes_of_errors"): lambda logs, left: np.exp(logs) * np.mean(np.exp(np.abs(left))),
}
_LOGS_ALSO: dict[str, tuple[Answer, ...]] = {
    "median_error_inside": (lambda logs, left: np.exp(logs) * np.median(np.exp(left)) - 1,),
    "half_the_variance": (lambda logs, left: np.exp(logs + left.var(ddof=1) / 2) - 1,),
    "normal_with_its_mean": (lambda logs, left: np.exp(logs + left.mean() + left.var(ddof=1) / 2) - 1,),
    "half_the_deviation": (lambda logs, left: np.exp(logs + left.std(ddof=1) / 2) - 1,),
}


# --- three series that add up ---

_S = np.array([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]])


def _closest(base: Floats, weight: Floats) -> Floats:
    """The two series b that minimise (base - S b)' weight (base - S b)."""
    return np.asarray(np.linalg.solve(_S.T @ weight @ _S, _S.T @ weight @ base), dtype=np.float64)


def make_coherent(base: Floats, covariance: Floats) -> Floats:
    """Base forecasts of a total and its two parts, and the covariance of their errors -> MinT; (3,), (3, 3) -> (3,)."""
    return np.asarray(_S @ _closest(base, np.asarray(np.linalg.inv(covariance), dtype=np.float64)))


def _add_up_stub(base: Floats, covariance: Floats) -> Any:
    return ...


def _add_up_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    def drawn(base: Sequence[float]) -> tuple[Any, ...]:
        root = rng.normal(size=(3, 3)) + np.diag([2.0, 1.0, 3.0])
        return np.array(base), root @ root.T

    small = np.array([[4.0, 1.0, 0.0], [1.0, 2.0, 0.0], [0.0, 0.0, 1.0]])
    return [(np.array([20.0, 10.0, 6.0]), small), drawn([100.0, 70.0, 45.0]), drawn([60.0, 20.0, 30.0])]


def _gap(shares: Any) -> Answer:
    """From a share of the gap for each of the three: the total gives way by it, the parts are lifted."""

    def answer(base: Floats, covariance: Floats) -> Floats:
        gap = base[0] - base[1] - base[2]
        part = np.asarray(shares(base, covariance), dtype=float)
        return np.array([base[0] - part[0] * gap, base[1] + part[1] * gap, base[2] + part[2] * gap])

    return answer


def _by(covariance: Floats, ends: Floats) -> Floats:
    weights = ends * np.diag(covariance)
    return np.asarray(weights / weights.sum())


_ADD_UP_MISTAKES: dict[str, tuple[Answer, str]] = {
    "bottom_up": (
        _gap(lambda base, covariance: [1, 0, 0]),
        "Bottom-up: the total is the parts' sum, and the forecast that was made for it is thrown away. Let all three"
        " move.",
    ),
    "top_down": (
        lambda base, covariance: (
            base[0] * np.array([1.0, base[1], base[2]]) / np.array([1.0, *2 * [base[1] + base[2]]])
        ),
        "Top-down: the total stays, and the parts keep their proportion. The total may be the one that is wrong: let"
        " all three move.",
    ),
    "all_alike": (
        lambda base, covariance: _S @ _closest(base, np.eye(3)),
        "All three move by a third of the gap (OLS): the covariance is not in your answer. The one that errs most"
        " should move most: weigh by its inverse.",
    ),
    "variances_alone": (
        lambda base, covariance: _S @ _closest(base, np.diag(1 / np.diag(covariance))),
        "You took the variances alone (WLS): two errors that move together need less correction against each other."
        " Invert the whole covariance, not its diagonal.",
    ),
    "each_entry_inverted": (
        lambda base, covariance: _S @ _closest(base, 1 / (covariance + 1e-9 * (covariance == 0))),
        "You inverted each entry. The inverse of a matrix is np.linalg.inv of the whole.",
    ),
    "not_inverted": (
        lambda base, covariance: _S @ _closest(base, covariance),
        "You weigh by the covariance, so the least certain of the three is believed most. The weight is its inverse.",
    ),
    "inverted_on_one_side": (
        lambda base, covariance: _S @ np.linalg.solve(_S.T @ _S, _S.T @ np.linalg.inv(covariance) @ base),
        "The inverse stands in the right-hand side only, so the answer is on no scale of units. Both S'W⁻¹S and S'W⁻¹y"
        " hold it.",
    ),
    "deviations": (
        lambda base, covariance: _S @ _closest(base, np.diag(np.diag(covariance) ** -0.5)),
        "You weigh by standard deviations. Squared errors are weighed by variances and covariances.",
    ),
    "total_kept": (
        _gap(lambda base, covariance: [0, 0.5, 0.5]),
        "The total stays and the parts share the gap, half and half. Nothing says that the total is right: let all"
        " three move, each as far as it errs.",
    ),
    "total_kept_by_variance": (
        _gap(lambda base, covariance: [0, *_by(covariance, np.array([0.0, 1.0, 1.0]))[1:]]),
        "The total stays, and the parts share the gap by their variances. The total has an error too: it belongs in"
        " the same sum.",
    ),
    "met_half_way": (
        _gap(lambda base, covariance: [0.5, 0.25, 0.25]),
        "You met halfway between the total and the sum of the parts. How far each moves follows from how it errs:"
        " from the covariance.",
    ),
    "parts_alone": (
        lambda base, covariance: _closest(base, np.linalg.inv(covariance)),
        "These are the two parts. Asked are all three: the total is their sum, S @ b.",
    ),
    "total_last": (
        lambda base, covariance: make_coherent(base, covariance)[[1, 2, 0]],
        "The three numbers are right and in another order: the total comes first.",
    ),
    "wrong_way": (
        lambda base, covariance: 2 * base - make_coherent(base, covariance),
        "All three moved the wrong way: the gap has doubled. Check the sign of what you add.",
    ),
}
_ADD_UP_PAIRS: dict[tuple[str, str], Answer] = {
    ("all_alike", "parts_alone"): lambda base, covariance: _closest(base, np.eye(3)),
    ("variances_alone", "parts_alone"): lambda base, covariance: _closest(base, np.diag(1 / np.diag(covariance))),
    ("not_inverted", "parts_alone"): lambda base, covariance: _closest(base, covariance),
    ("variances_alone", "not_inverted"): lambda base, covariance: _S @ _closest(base, np.diag(np.diag(covariance))),
}


# --- an interval for a sum ---


def sum_interval(sold: Floats, predicted: Floats, ahead: Floats, share: float) -> tuple[float, float]:
    """Past paths (K, n, H) of units and forecasts, a forecast (n, H) -> both ends around its sum."""
    missed = (sold - predicted).sum(axis=(1, 2))
    tail = (1 - share) / 2
    low, high = ahead.sum() + np.quantile(missed, [tail, 1 - tail])
    return float(low), float(high)


def _sum_stub(sold: Floats, predicted: Floats, ahead: Floats, share: float) -> Any:
    return ...


def _sum_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    def drawn(paths: int, items: int, weeks: int, share: float) -> tuple[Any, ...]:
        level = rng.gamma(3.0, 4.0, (1, items, 1)) + 2.0
        said = np.broadcast_to(level, (paths, items, weeks)) * rng.uniform(0.9, 1.1, (paths, items, weeks))
        common = rng.gamma(8.0, 0.13, (paths, 1, 1))  # a whole path is high or low, a little high on average
        own = rng.gamma(10.0, 0.1, (paths, items, 1))
        came = rng.poisson(said * common * own).astype(float)
        return came, said, level[0] * np.ones((items, weeks)) * 1.2, share

    said = np.full((4, 2, 2), 5.0)
    came = said + np.array([-2.0, 0.0, 1.0, 3.0])[:, None, None] + np.array([[[0.0, 1.0], [0.5, -0.5]]])
    return [(came, said, np.array([[6.0, 7.0], [8.0, 9.0]]), 0.5), drawn(40, 5, 6, 0.9), drawn(60, 3, 13, 0.8)]


def _tails(share: float) -> list[float]:
    return [(1 - share) / 2, (1 + share) / 2]


def _around(forecast: Floats, half: float) -> tuple[float, float]:
    return float(forecast.sum() - half), float(forecast.sum() + half)


def _z(share: float) -> float:
    return float(norm.ppf((1 + share) / 2))


def _variances(axis: tuple[int, ...]) -> Answer:
    """Variances of the errors summed over ``axis``, added up over what is left as if independent."""

    def answer(came: Floats, said: Floats, forecast: Floats, share: float) -> tuple[float, float]:
        missed = (came - said).sum(axis=axis) if axis else came - said
        return _around(forecast, _z(share) * float(np.sqrt(missed.var(axis=0).sum())))

    return answer


def _quantiles(axis: tuple[int, ...]) -> Answer:
    """Quantiles of the errors summed over ``axis``, added up over what is left."""

    def answer(came: Floats, said: Floats, forecast: Floats, share: float) -> tuple[float, float]:
        missed = (came - said).sum(axis=axis) if axis else came - said
        low, high = (np.quantile(missed, tail, axis=0).sum() for tail in _tails(share))
        return float(forecast.sum() + low), float(forecast.sum() + high)

    return answer


def _from_errors(change: Any) -> Answer:
    """As the solution, with the errors (K, n, H) turned into K numbers in another way."""

    def answer(came: Floats, said: Floats, forecast: Floats, share: float) -> tuple[float, float]:
        low, high = forecast.sum() + np.quantile(change(came, said), _tails(share))
        return float(low), float(high)

    return answer


def _summed(came: Floats, said: Floats) -> Floats:
    return np.asarray((came - said).sum(axis=(1, 2)))


_SUM_MISTAKES: dict[str, tuple[Answer, str]] = {
    "variances_added": (
        _variances(()),
        "You added the variances of all weeks and items, which is right for independent errors."
        " A path that starts too low stays too low: add up each path's errors first, then look at their spread.",
    ),
    "variances_of_items_added": (
        _variances((2,)),
        "You summed over the weeks first, which is right, and then added the items' variances. Items err together too:"
        " sum over both before you look at the spread.",
    ),
    "variances_of_weeks_added": (
        _variances((1,)),
        "You summed over the items first, which is right, and then added the weeks' variances. Weeks of one path err"
        " together: sum over both before you look at the spread.",
    ),
    "deviations_added": (
        lambda came, said, forecast, share: _around(forecast, _z(share) * float((came - said).std(axis=0).sum())),
        "You added standard deviations: right only if all errors were one and the same. Part of them cancels: add up"
        " each path's errors, then look.",
    ),
    "quantiles_added": (
        _quantiles(()),
        "You added the quantiles of all weeks and items. Not everything goes wrong in one quarter: quantiles do not add"
        " up. Sum each path first, then take the quantile of the sums.",
    ),
    "quantiles_of_items_added": (
        _quantiles((2,)),
        "You took each item's quantile over its summed weeks, and added these. Sum over the items too, path by path,"
        " before you take a quantile.",
    ),
    "quantiles_of_weeks_added": (
        _quantiles((1,)),
        "You took each week's quantile over the summed items, and added these. Sum over the weeks too, path by path,"
        " before you take a quantile.",
    ),
    "errors_turned_round": (
        _from_errors(lambda came, said: -_summed(came, said)),
        "The sign is turned round: an error is what was sold less its forecast, since it is added to the next one.",
    ),
    "tails_of_the_whole_rest": (
        lambda came, said, forecast, share: tuple(
            float(forecast.sum() + end) for end in np.quantile(_summed(came, said), [1 - share, share])
        ),
        "You left the whole of 1 - share outside at each end. Half of it belongs below, half above.",
    ),
    "errors_alone": (
        lambda came, said, forecast, share: tuple(map(float, np.quantile(_summed(came, said), _tails(share)))),
        "These are the ends of the errors. Put them around the sum of the forecast.",
    ),
    "quantiles_of_what_came": (
        lambda came, said, forecast, share: tuple(map(float, np.quantile(came.sum(axis=(1, 2)), _tails(share)))),
        "These are quantiles of what was sold, as if nothing had been forecast. Take those of the errors, and put them"
        " around the sum of the forecast.",
    ),
    "mean_error_taken_out": (
        _from_errors(lambda came, said: _summed(came, said) - _summed(came, said).mean()),
        "You took the mean error out. If past sums were too low on average, the next one will be too: keep it.",
    ),
    "as_large_on_both_sides": (
        lambda came, said, forecast, share: _around(forecast, float(np.quantile(np.abs(_summed(came, said)), share))),
        "The same width on both sides: the sizes of the errors, without their signs. Asked are two ends, each from"
        " its own tail.",
    ),
    "normal": (
        lambda came, said, forecast, share: _around(forecast, _z(share) * float(_summed(came, said).std())),
        "The right sums, and then a normal curve around the forecast, which ignores the errors' own shape and mean."
        " Take their quantiles.",
    ),
    "ends_swapped": (
        lambda came, said, forecast, share: sum_interval(came, said, forecast, share)[::-1],
        "The right ends in the wrong order: the lower one first.",
    ),
    "share_halved": (
        lambda came, said, forecast, share: tuple(
            float(forecast.sum() + end) for end in np.quantile(_summed(came, said), [share / 2, 1 - share / 2])
        ),
        "You left half of share outside at each end. What lies outside is 1 - share, and half of that at each end.",
    ),
    "percentiles": (
        lambda came, said, forecast, share: tuple(
            float(forecast.sum() + end) for end in np.percentile(_summed(came, said), _tails(share))
        ),
        "np.percentile counts from 0 to 100, so both ends came from the smallest errors. np.quantile counts from 0 to"
        " 1.",
    ),
    "single_errors": (
        lambda came, said, forecast, share: tuple(
            float(forecast.sum() + end) for end in np.quantile(came - said, _tails(share))
        ),
        "These are quantiles of the errors of single items in single weeks. Sum each path's errors first.",
    ),
    "in_per_cent": (
        lambda came, said, forecast, share: tuple(
            float(forecast.sum() * (1 + end))
            for end in np.quantile(_summed(came, said) / said.sum(axis=(1, 2)), _tails(share))
        ),
        "You took the errors in per cent of their forecasts. That can be sensible where levels differ; asked are"
        " errors in units.",
    ),
    "means_for_sums": (
        _from_errors(lambda came, said: (came - said).mean(axis=(1, 2))),
        "You averaged each path's errors. The forecast is a sum: sum them.",
    ),
}
_SUM_ALSO: dict[str, tuple[Answer, ...]] = {
    "normal": (
        lambda came, said, forecast, share: _around(forecast, _z(share) * float(_summed(came, said).std(ddof=1))),
    ),
    "variances_added": (
        lambda came, said, forecast, share: _around(
            forecast, _z(share) * float(np.sqrt((came - said).var(axis=0, ddof=1).sum()))
        ),
    ),
}
_SUM_PAIRS: dict[tuple[str, str], Answer] = {
    ("errors_turned_round", "tails_of_the_whole_rest"): lambda came, said, forecast, share: tuple(
        float(forecast.sum() + end) for end in np.quantile(-_summed(came, said), [1 - share, share])
    ),
    ("errors_turned_round", "errors_alone"): lambda came, said, forecast, share: tuple(
        map(float, np.quantile(-_summed(came, said), _tails(share)))
    ),
    ("errors_turned_round", "means_for_sums"): _from_errors(lambda came, said: -(came - said).mean(axis=(1, 2))),
}


EXERCISES = (
    Exercise(
        "11.mean_from_logs",
        solution=mean_from_logs,
        stub=_logs_stub,
        cases=_logs_cases,
        mistakes=_LOGS_MISTAKES,
        also=_LOGS_ALSO,
        pairs=_LOGS_PAIRS,
        praise="One factor for all rows is right where all err alike; where they do not, take one for each group.",
    ),
    Exercise(
        "11.make_coherent",
        solution=make_coherent,
        stub=_add_up_stub,
        cases=_add_up_cases,
        mistakes=_ADD_UP_MISTAKES,
        pairs=_ADD_UP_PAIRS,
        praise="With more series only S grows; the line stays.",
    ),
    Exercise(
        "11.sum_interval",
        solution=sum_interval,
        stub=_sum_stub,
        cases=_sum_cases,
        mistakes=_SUM_MISTAKES,
        also=_SUM_ALSO,
        pairs=_SUM_PAIRS,
        praise="The order is everything: first the sum, then the quantile.",
    ),
)
