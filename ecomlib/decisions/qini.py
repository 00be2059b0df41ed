"""Says what a mailing list is worth: the Qini curve, unnormalised, and a policy's money against a rival's.

**Definition.** Rank customers by a score, the highest first. With the first share q of them written to,
``gain(q) = q · (mean outcome of the treated among them - mean outcome of the others among them)``, means weighted by
one over the propensity: what the letters bring a customer *of the whole list*, in the outcome's unit. ``gain(0) = 0``,
and ``gain(1)`` is the average effect, whatever the score. **The Qini is the area between this curve and the straight
line from 0 to gain(1)**, which is what a list drawn at random would gain; it is not divided by anything. Radcliffe
(2007) draws the same curve in counts of both arms: with half the customers treated his gain a customer is half of ours.
Published "Qini coefficients" divide by one thing or another, and do not compare.
Lesson 14b derives it in section 2.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ecomlib.decisions.off_policy import PolicyValue, _estimate, weights
from ecomlib.decisions.uplift import check_arms
from ecomlib.errors import DataError

__all__ = ["gain_curve", "policy_gain", "qini", "qini_table"]

Floats = NDArray[np.float64]


def _checked(score: ArrayLike, outcome: ArrayLike, treated: ArrayLike, propensity: ArrayLike | float) -> list[Floats]:
    s, y, w = (np.asarray(part, dtype=np.float64) for part in (score, outcome, treated))
    e = np.broadcast_to(np.asarray(propensity, dtype=np.float64), w.shape)
    if not s.shape == y.shape == w.shape or s.ndim != 1 or not (np.isfinite(s).all() and np.isfinite(y).all()):
        raise DataError(
            "a curve needs one finite score, outcome and letter for each customer",
            value=(s.shape, y.shape, w.shape),
            remedy="give arrays (n,).",
        )
    check_arms(w, e)
    return [s, y, w, e]


def _sums(y: Floats, w: Floats, e: Floats, order: NDArray[np.int64]) -> Floats:
    """Per customer, by rank: one, weight and weighted outcome of each arm, (5, n)."""
    y, w, e = y[order], w[order], e[order]
    here, there = w / e, (1 - w) / (1 - e)
    return np.stack([np.ones(len(y)), here, here * y, there, there * y])


def _curve(sums: Floats, counts: Floats | None = None) -> tuple[Floats, Floats]:
    """Share q and gain(q) after each rank, both (n + 1,), beginning with 0."""
    total = np.cumsum(sums if counts is None else sums * counts, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        effect = total[2] / total[1] - total[4] / total[3]
    share = total[0] / total[0, -1]
    gain = np.where((total[1] > 0) & (total[3] > 0), share * effect, 0.0)  # until both arms have somebody
    return np.append(0.0, share), np.append(0.0, gain)


def _area(sums: Floats, counts: Floats | None = None) -> float:
    share, gain = _curve(sums, counts)
    return float(np.trapezoid(gain, share) - gain[-1] / 2)


def _order(score: Floats, rng: np.random.Generator) -> NDArray[np.int64]:
    """Ranks, the highest score first; ties are drawn, so that the table's own order tells nothing."""
    return np.lexsort((rng.random(len(score)), -score))


def gain_curve(
    score: ArrayLike,
    outcome: ArrayLike,
    treated: ArrayLike,
    propensity: ArrayLike | float = 0.5,
    *,
    rng: np.random.Generator,
    points: int = 20,
) -> pd.DataFrame:
    """Compute gain(q), as defined above, at evenly spaced shares.

    Parameters
    ----------
    score, outcome, treated : array
        Of each customer, (n,). The score was made without this customer's outcome.
    propensity : array or float
        The chance to be treated.
    rng : Generator
        Draws the order of equal scores.
    points : int
        So many shares above zero.

    Returns
    -------
    DataFrame
        ``share, gain``, from 0 to 1.

    Raises
    ------
    DataError
        Arrays that do not fit, or an experiment without two arms.

    Examples
    --------
    >>> found = gain_curve([4, 3, 2, 1], [1, 0, 1, 1], [1, 0, 1, 0], rng=np.random.default_rng(0), points=2)
    >>> found["gain"].tolist()  # of two: 1/2 · (1 - 0); of all: 1 - 1/2
    [0.0, 0.5, 0.5]
    """
    s, y, w, e = _checked(score, outcome, treated, propensity)
    share, gain = _curve(_sums(y, w, e, _order(s, rng)))
    at = np.linspace(0.0, 1.0, points + 1)
    return pd.DataFrame({"share": at, "gain": np.interp(at, share, gain)})


def qini(
    score: ArrayLike,
    outcome: ArrayLike,
    treated: ArrayLike,
    propensity: ArrayLike | float = 0.5,
    *,
    rng: np.random.Generator,
) -> float:
    """Compute the Qini of one score, as defined above: an area, in the outcome's unit a customer.

    Parameters
    ----------
    score, outcome, treated : array
        As of ``gain_curve``.
    propensity, rng : array or float, Generator
        As of ``gain_curve``.

    Examples
    --------
    >>> qini([4, 3, 2, 1], [1, 0, 1, 1], [1, 0, 1, 0], rng=np.random.default_rng(0)).__round__(4)
    0.125
    """
    s, y, w, e = _checked(score, outcome, treated, propensity)
    return _area(_sums(y, w, e, _order(s, rng)))


def qini_table(
    scores: Mapping[str, ArrayLike],
    outcome: ArrayLike,
    treated: ArrayLike,
    propensity: ArrayLike | float = 0.5,
    *,
    rng: np.random.Generator,
    draws: int = 400,
    level: float = 0.95,
    rival: str | None = None,
) -> pd.DataFrame:
    """Compute the Qini of several scores on the same customers, with intervals by redrawing these.

    Parameters
    ----------
    scores : mapping
        Score of each customer by name, (n,).
    outcome, treated : array
        As of ``gain_curve``.
    propensity : array or float
        As of ``gain_curve``.
    rng : Generator
        Redraws customers (the same draws for all scores) and breaks ties.
    draws, level : int, float
        How often, and the interval's nominal coverage. What the draws do not show is the luck of the fit.
    rival : str, optional
        A name in ``scores``: the paired difference to it is told as well.

    Returns
    -------
    DataFrame
        ``model, qini, low, high``, and ``more, more_low, more_high`` than the rival; ``detectable``, the smallest
        difference whose interval would have left zero: half the width of that of the difference.

    Raises
    ------
    DataError
        As ``gain_curve``, or an unknown rival.
    """
    if rival is not None and rival not in scores:
        raise DataError("the rival is none of the scores", value=rival, remedy=f"name one of {', '.join(scores)}.")
    parts, ends = {}, [(1 - level) / 2, (1 + level) / 2]
    for name, score in scores.items():
        s, y, w, e = _checked(score, outcome, treated, propensity)
        order = _order(s, rng)
        parts[name] = (order, _sums(y, w, e, order))
    found = {name: _area(sums) for name, (_, sums) in parts.items()}
    n, drawn = len(next(iter(parts.values()))[0]), {name: np.zeros(draws) for name in parts}
    for k in range(draws):
        counts = np.bincount(rng.integers(n, size=n), minlength=n).astype(float)
        for name, (order, sums) in parts.items():
            drawn[name][k] = _area(sums, counts[order])
    rows = []
    for name, value in found.items():
        low, high = np.quantile(drawn[name], ends)
        row = {"model": name, "qini": value, "low": float(low), "high": float(high)}
        if rival is not None and name != rival:
            less, most = np.quantile(drawn[name] - drawn[rival], ends)
            row |= {"more": value - found[rival], "more_low": float(less), "more_high": float(most)}
            row["detectable"] = float(most - less) / 2
        rows.append(row)
    return pd.DataFrame(rows)


def policy_gain(
    reward: ArrayLike,
    action: ArrayLike,
    propensity: ArrayLike,
    policy: ArrayLike,
    rival: ArrayLike,
    predicted: ArrayLike | None = None,
    *,
    level: float = 0.95,
    cluster: ArrayLike | None = None,
) -> PolicyValue:
    """Estimate what a policy earns a customer more than its rival, paired, from an experiment.

    Parameters
    ----------
    reward, action, propensity : array
        Money that followed, what was sent (0 to A - 1), and its probability, (n,).
    policy, rival : array
        Their probabilities of all actions, (n, A); each row adds up to one. What a letter costs is taken
        off ``reward`` and off ``predicted``.
    predicted : array, optional
        A model's money for all actions, (n, A), made without the row itself: the difference is doubly robust then
        (``off_policy.doubly_robust``), and else by inverse propensities.
    level : float
        Of the interval, which is normal.
    cluster : array, optional
        Names of what belongs together, such as customers who were written to twice, (n,).

    Returns
    -------
    PolicyValue
        Where both policies do the same the difference is exactly zero, and its interval has no width: what both have
        in common cancels. ``effective`` and ``mean_weight`` are the policy's own.

    Raises
    ------
    DataError
        Arrays that do not fit, or propensities that are none.

    Examples
    --------
    >>> all_of_us, nobody = np.array([[0.0, 1.0]] * 4), np.array([[1.0, 0.0]] * 4)
    >>> policy_gain([6.0, 4.0, 1.0, 1.0], [1, 1, 0, 0], [0.5] * 4, all_of_us, nobody).value
    4.0
    """
    ours, theirs = np.asarray(policy, dtype=np.float64), np.asarray(rival, dtype=np.float64)
    money, place = np.asarray(reward, dtype=np.float64), np.asarray(action)
    said = np.zeros_like(ours) if predicted is None else np.asarray(predicted, dtype=np.float64)
    n = len(money)
    fits = ours.ndim == 2 and ours.shape == theirs.shape == said.shape and len(ours) == n and place.shape == (n,)
    if not fits or not np.isin(place, np.arange(ours.shape[1])).all() or not np.isfinite(money).all():
        raise DataError(
            "policies and predictions have a column for each action, and each action is one of them",
            value=(ours.shape, theirs.shape, said.shape, place.shape),
            remedy="give arrays (n, A).",
        )
    if not (np.allclose(ours.sum(axis=1), 1) and np.allclose(theirs.sum(axis=1), 1)):
        raise DataError("a policy's probabilities add up to one", column="policy", remedy="give whole rows.")
    rows = np.arange(n)
    w = weights(propensity, ours[rows, place])
    lead = w - weights(propensity, theirs[rows, place])
    scores = ((ours - theirs) * said).sum(axis=1) + lead * (money - said[rows, place])
    return _estimate(scores, w, level, cluster)
