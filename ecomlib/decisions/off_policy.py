"""Judges a pricing policy by an old log: inverse propensity scores, self-normalised, and doubly robust.

The log is of *one-step* decisions (contextual bandit): what was known, which price was charged, with which probability,
and the money that followed. A season's eight decisions in a row would multiply eight weights: hardly any logged season
agrees with a new plan in all of them, so seasons are left to ``markdown_log``. Horvitz and Thompson (1952), Swaminathan
and Joachims (2015), Dudík, Erhan, Langford and Li (2014). Lesson 13b derives all of it in section 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecomlib.errors import DataError

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


@dataclass(frozen=True)
class PolicyValue:
    """Hold what a policy would have earned a decision.

    Parameters
    ----------
    value, low, high : float
        Money a decision, and its interval.
    effective : float
        As how many decisions by the policy itself the log counts: (sum of weights)² over the sum of squared weights.
    rows : int
        Decisions in the log.
    mean_weight : float
        About 1 in a log that can answer. Far below: prices of the new policy that the log never charged, or wrong
        propensities.
    """

    value: float
    low: float
    high: float
    effective: float
    rows: int
    mean_weight: float


def weights(propensity: ArrayLike, target: ArrayLike) -> Floats:
    """Divide the new policy's probability of what was charged by the old one's, (n,).

    Parameters
    ----------
    propensity : array
        The probability with which the *logging* policy charged what it charged, (n,), above 0.
    target : array
        The probability with which the *new* policy would have charged the same, (n,). 0 or 1 where nothing is drawn.

    Raises
    ------
    DataError
        A propensity is missing, zero or above one: then the log cannot answer, and no formula can.

    Examples
    --------
    >>> weights([0.5, 0.25], [1.0, 0.5]).tolist()
    [2.0, 2.0]
    """
    old, new = (np.asarray(part, dtype=np.float64) for part in (propensity, target))
    if old.ndim != 1 or old.shape != new.shape or not len(old):
        raise DataError(
            "a log has one propensity and one probability for each decision",
            value=(old.shape, new.shape),
            remedy="give two arrays (n,).",
        )
    bad = ~((old > 0) & (old <= 1))
    if bad.any():
        raise DataError(
            "a propensity is above 0 and at most 1",
            column="propensity",
            rows=(np.flatnonzero(bad) + 1).tolist(),
            value=float(old[bad][0]),
            remedy="log the probability of each price when it is drawn; a log without propensities cannot be weighed.",
        )
    if not ((new >= 0) & (new <= 1)).all():
        raise DataError(
            "the new policy's probabilities lie between 0 and 1", column="target", remedy="give probabilities."
        )
    return np.asarray(new / old)


def ips(
    reward: ArrayLike,
    propensity: ArrayLike,
    target: ArrayLike,
    *,
    level: float = 0.95,
    cluster: ArrayLike | None = None,
) -> PolicyValue:
    """Estimate a policy's value by inverse propensity scores: the mean of weight · reward (Horvitz and Thompson, 1952).

    Parameters
    ----------
    reward : array
        Money after each decision, (n,).
    propensity, target : array
        As ``weights`` takes them.
    level : float
        Of the interval, which is normal.
    cluster : array, optional
        Names of what belongs together, such as products, (n,): decisions of one are not independent.

    Raises
    ------
    DataError
        Arrays that do not fit, or propensities that are none.

    Examples
    --------
    >>> found = ips([8.0, 5.0, 6.0, 9.0], [0.8, 0.8, 0.2, 0.2], [0, 0, 1, 1])
    >>> found.value, round(found.effective, 1)
    (18.75, 2.0)
    >>> found.mean_weight  # far from 1: so few rows say little
    2.5
    """
    w, money = weights(propensity, target), _rewards(reward, target)
    return _estimate(w * money, w, level, cluster)


def snips(
    reward: ArrayLike,
    propensity: ArrayLike,
    target: ArrayLike,
    *,
    level: float = 0.95,
    cluster: ArrayLike | None = None,
) -> PolicyValue:
    """Estimate a policy's value by the weighted mean: IPS divided by the mean weight (Swaminathan and Joachims, 2015).

    Slightly biased in small logs, and steadier: adding a constant to all rewards adds it to the estimate. The interval
    is from the delta method.

    Parameters
    ----------
    reward, propensity, target : array
        As ``ips`` takes them.
    level : float
        Of the interval.
    cluster : array, optional
        As ``ips`` takes it.

    Raises
    ------
    DataError
        As ``ips``; or the new policy agrees with no logged decision.

    Examples
    --------
    >>> snips([8.0, 5.0, 6.0, 9.0], [0.8, 0.8, 0.2, 0.2], [0, 0, 1, 1]).value
    7.5
    """
    w, money = weights(propensity, target), _rewards(reward, target)
    if not w.any():
        raise DataError(
            "the new policy never agrees with the log",
            remedy="there is no overlap: charge some of its prices, at random, and log the probabilities.",
        )
    value = float((w * money).sum() / w.sum())
    return _estimate(value + w * (money - value) / w.mean(), w, level, cluster)


def doubly_robust(
    reward: ArrayLike,
    action: ArrayLike,
    propensity: ArrayLike,
    policy: ArrayLike,
    predicted: ArrayLike,
    *,
    level: float = 0.95,
    cluster: ArrayLike | None = None,
) -> PolicyValue:
    """Estimate a policy's value from a model of the reward, corrected by weighted errors (Dudík and others, 2014).

    Right when the propensities are or when the model is; narrower than IPS when the model says something.

    Parameters
    ----------
    reward, action, propensity : array
        Money, the place of the price charged, and its probability, (n,).
    policy : array
        The new policy's probabilities of all prices, (n, A).
    predicted : array
        The model's money for all prices, (n, A), from rows other than the row itself (``predicted_table`` does that).
    level : float
        Of the interval.
    cluster : array, optional
        As ``ips`` takes it.

    Raises
    ------
    DataError
        Arrays that do not fit.

    Examples
    --------
    >>> policy, predicted = np.array([[0.0, 1.0]] * 4), np.array([[6.0, 8.0]] * 4)
    >>> doubly_robust([8.0, 5.0, 6.0, 9.0], [0, 0, 1, 1], [0.8, 0.8, 0.2, 0.2], policy, predicted).value
    6.75
    """
    taken, said = np.asarray(policy, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    place = np.asarray(action)
    n, places = taken.shape if taken.ndim == 2 else (0, 0)
    if not n or said.shape != taken.shape or place.shape != (n,) or not np.isin(place, np.arange(places)).all():
        raise DataError(
            "policy and predictions have a column for each price, and each action is one of them",
            value=(taken.shape, said.shape, place.shape),
            remedy="give arrays (n, A), (n, A) and (n,).",
        )
    if not np.allclose(taken.sum(axis=1), 1.0):
        raise DataError("the new policy's probabilities add up to one", column="policy", remedy="give whole rows.")
    rows = np.arange(n)
    w, money = weights(propensity, taken[rows, place]), _rewards(reward, place)
    return _estimate((taken * said).sum(axis=1) + w * (money - said[rows, place]), w, level, cluster)


def predicted_table(reward: ArrayLike, action: ArrayLike, context: ArrayLike, places: int, *, folds: int = 2) -> Floats:
    """Predict the money of every price by cross-fitted means of context and price, (n, A).

    Each row is predicted from the other folds. A mean of few rows is drawn towards the price's own mean, as if that had
    been seen three times more.

    Parameters
    ----------
    reward, action, context : array
        Money, place of the price, and what was known, as a whole number from 0, (n,).
    places : int
        Prices, A.
    folds : int
        Row i is in fold i modulo ``folds``; at least 2.

    Raises
    ------
    DataError
        Fewer than two folds, or arrays that do not fit.

    Examples
    --------
    >>> predicted_table([1.0, 2.0, 3.0, 4.0], [0, 0, 1, 1], [0, 0, 0, 0], places=2).tolist()
    [[2.0, 4.0], [1.0, 3.0], [2.0, 4.0], [1.0, 3.0]]
    """
    money, place, known = np.asarray(reward, dtype=np.float64), np.asarray(action), np.asarray(context)
    if folds < 2 or not money.shape == place.shape == known.shape or money.ndim != 1:
        raise DataError(
            "predictions need two folds and arrays of one length",
            value=(folds, money.shape, place.shape, known.shape),
            remedy="give arrays (n,), and folds=2 or more.",
        )
    found, fold = np.zeros((len(money), places)), np.arange(len(money)) % folds
    contexts = int(known.max()) + 1
    for k in range(folds):
        train = fold != k
        at = known[train] * places + place[train]
        count = np.bincount(at, minlength=contexts * places).reshape(contexts, places)
        total = np.bincount(at, money[train], contexts * places).reshape(contexts, places)
        own = total.sum(axis=0) / np.maximum(count.sum(axis=0), 1)
        own = np.where(count.sum(axis=0) > 0, own, money[train].mean())
        found[~train] = ((total + 3 * own) / (count + 3))[known[~train]]
    return found


def _rewards(reward: ArrayLike, like: ArrayLike) -> Floats:
    money = np.asarray(reward, dtype=np.float64)
    if money.shape != np.shape(like) or not np.isfinite(money).all():
        raise DataError(
            "a log has one finite reward for each decision",
            column="reward",
            value=money.shape,
            remedy="leave out decisions whose money is not known yet, whatever their price.",
        )
    return money


def _estimate(scores: Floats, w: Floats, level: float, cluster: ArrayLike | None) -> PolicyValue:
    """The mean of the scores with a normal interval, by clusters where there are any."""
    n, value = len(scores), float(scores.mean())
    centred = scores - value
    if cluster is not None:
        at = np.unique(np.asarray(cluster), return_inverse=True)[1].ravel()
        centred = np.bincount(at, weights=centred).astype(np.float64)
    groups = len(centred)
    spread = float(np.sqrt((centred**2).sum() * groups / (groups - 1)) / n) if groups > 1 else nan
    half = NormalDist().inv_cdf(0.5 + level / 2) * spread
    squares = float((w**2).sum())
    effective = float(w.sum() ** 2 / squares) if squares else 0.0
    return PolicyValue(value, value - half, value + half, effective, n, float(w.mean()))
