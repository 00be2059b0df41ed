"""Scores yes-or-no models by how they rank, with paired intervals over what belongs together (lesson 09, section 3).

AUC and average precision from one ordering and any weights, so that a bootstrap over customers costs one pass a draw:
a customer drawn twice has rows of weight two. Hanley and McNeil (1982); Davis and Goadrich (2006); scikit-learn's
values are met exactly (ties included).
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecomlib.errors import DataError
from ecomlib.evaluation.comparison import Interval

Floats = NDArray[np.float64]
Measure = Literal["auc", "average_precision"]


def yes_no(label: ArrayLike, score: ArrayLike) -> tuple[Floats, Floats]:
    """Check labels and scores of equal length, (n,): 0 or 1, and finite numbers; at least one of each label.

    Raises
    ------
    DataError
        Other labels, missing scores, arrays that do not fit, or one kind of label alone.
    """
    y, s = np.asarray(label, dtype=np.float64), np.asarray(score, dtype=np.float64)
    if y.ndim != 1 or y.shape != s.shape or not len(y):
        raise DataError(
            "each row has one label and one score", value=(y.shape, s.shape), remedy="give two arrays (n,)."
        )
    if not np.isin(y, (0.0, 1.0)).all() or not np.isfinite(s).all():
        raise DataError(
            "labels are 0 or 1 and scores are finite", column="label", remedy="leave out rows that are not known yet."
        )
    if not 0 < y.mean() < 1:
        raise DataError("all labels are alike", column="label", value=float(y[0]), remedy="take a longer period.")
    return y, s


class Ranking:
    """Hold rows ordered by falling score, so that measures under many weights need no further sorting.

    Parameters
    ----------
    label, score : array
        0 or 1, and any number that rises with the chance of a one, (n,).
    """

    def __init__(self, label: ArrayLike, score: ArrayLike) -> None:
        y, s = yes_no(label, score)
        self.order = np.argsort(-s, kind="stable")
        self.yes = y[self.order]
        falling = s[self.order]
        self.ends = np.append(np.flatnonzero(np.diff(falling) != 0), len(s) - 1)  # the last row of each tie

    def measure(self, name: Measure, weight: ArrayLike | None = None) -> float:
        """Compute AUC or average precision; ``weight`` is one a row, (n,), in the rows' own order."""
        w = np.ones(len(self.yes)) if weight is None else np.asarray(weight, dtype=np.float64)[self.order]
        hits, all_rows = np.cumsum(w * self.yes)[self.ends], np.cumsum(w)[self.ends]
        if hits[-1] == 0 or hits[-1] == all_rows[-1]:
            return float("nan")
        gained = np.diff(hits, prepend=0.0)  # ones in each tie
        if name == "average_precision":
            with np.errstate(invalid="ignore", divide="ignore"):
                return float(np.nansum(gained * hits / all_rows) / hits[-1])
        misses = all_rows - hits
        below = misses[-1] - misses + 0.5 * np.diff(misses, prepend=0.0)  # zeros ranked lower; ties count half
        return float((gained * below).sum() / (hits[-1] * misses[-1]))


def auc(label: ArrayLike, score: ArrayLike) -> float:
    """Measure the chance that a one is ranked above a zero, ties counting half.

    Parameters
    ----------
    label, score : array
        As ``Ranking`` takes them.

    Examples
    --------
    >>> auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    return Ranking(label, score).measure("auc")


def average_precision(label: ArrayLike, score: ArrayLike) -> float:
    """Measure the area under precision and recall by its steps; a ranking at random has the share of ones.

    Parameters
    ----------
    label, score : array
        As ``Ranking`` takes them.

    Examples
    --------
    >>> round(average_precision([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), 3)
    0.833
    """
    return Ranking(label, score).measure("average_precision")


def interval(
    label: ArrayLike,
    score: ArrayLike,
    rival: ArrayLike | None = None,
    *,
    measure: Measure = "auc",
    cluster: ArrayLike | None = None,
    rng: np.random.Generator,
    draws: int = 500,
    level: float = 0.95,
) -> Interval:
    """Draw rows or clusters anew: a measure's interval, or that of its paired difference to a rival's.

    Parameters
    ----------
    label, score, rival : array
        (n,); with ``rival`` the estimate is score's measure less the rival's, on the same draws.
    measure : {"auc", "average_precision"}
    cluster : array, optional
        Names of what belongs together, such as customers, (n,): drawn whole. Rows without it.
    rng : Generator
    draws : int
    level : float

    Returns
    -------
    Interval
        Percentiles of the bootstrap; draws without both labels are left out.
    """
    ours = Ranking(label, score)
    theirs = None if rival is None else Ranking(label, rival)

    def value(weight: NDArray[Any] | None) -> float:
        return ours.measure(measure, weight) - (0.0 if theirs is None else theirs.measure(measure, weight))

    n = len(ours.yes)
    at = np.arange(n) if cluster is None else np.unique(np.asarray(cluster), return_inverse=True)[1].ravel()
    if at.shape != (n,):
        raise DataError("each row has one cluster", value=at.shape, remedy="give an array (n,).")
    groups = int(at.max()) + 1
    made = np.array([value(np.bincount(rng.integers(groups, size=groups), minlength=groups)[at]) for _ in range(draws)])
    low, high = np.nanquantile(made, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value(None), float(low), float(high), level)
