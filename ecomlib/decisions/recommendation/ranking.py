"""Ranks the whole catalogue and says how well: recall and NDCG, all items and new ones, in pairs (lesson 10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from ecomlib.errors import DataError
from ecomlib.evaluation.comparison import Word, verdict_word

if TYPE_CHECKING:
    from ecomlib.decisions.recommendation.baskets import Cut

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
TABLES = ("all", "new")  # all items; items that the customer had not bought before
PLACES = 20


def ranked(scores: Floats, places: int = PLACES, *, leave_out: sparse.csr_matrix | None = None) -> Whole:
    """Order the catalogue by score and keep the first places, (N, places); of equal scores the earlier item is first.

    Parameters
    ----------
    scores : array
        (N, I); the higher the better.
    places : int
    leave_out : csr_matrix, optional
        What is not shown, (N, I), such as items bought before: it is ranked last.

    Raises
    ------
    DataError
        A score is not a number: then its rank would be an accident.

    Examples
    --------
    >>> ranked(np.array([[0.1, 0.9, 0.5]]), 2).tolist()
    [[1, 2]]
    """
    values = np.array(scores, dtype=np.float64)
    if np.isnan(values).any():
        raise DataError("a score is missing", column="scores", remedy="give every item of the catalogue a number.")
    if leave_out is not None:
        values[leave_out.toarray() > 0] = -np.inf
    return np.argsort(-values, axis=1, kind="stable")[:, :places]


def two_tables(scores: Floats, cut: Cut, places: int = PLACES) -> pd.DataFrame:
    """Score a full ranking for each case, in both tables (lesson 10, section 1).

    Recall is the share of the targets among the first places. NDCG weighs a hit at place r by 1 / log2(r + 1) and
    divides by what the best possible list of so many places would get (Järvelin and Kekäläinen, 2002). In the table
    "new" neither list nor targets hold what the customer had bought; a case without a new target is not in it.

    Parameters
    ----------
    scores : array
        (N, I), a row a case of the cut.
    cut : Cut
    places : int

    Returns
    -------
    DataFrame
        ``table, case, recall, ndcg``.

    Raises
    ------
    DataError
        Scores of another shape than cases and catalogue.
    """
    if scores.shape != cut.targets.shape:
        remedy = "give a row a case and a column an item of the catalogue: no sampled lists."
        raise DataError("scores do not fit the cut", value=(scores.shape, cut.targets.shape), remedy=remedy)
    bought, wanted = cut.bought(), cut.targets.toarray() > 0
    new = wanted & ~(bought.toarray() > 0)
    parts = []
    for table, goal, leave_out in (("all", wanted, None), ("new", new, bought)):
        hits = np.take_along_axis(goal, ranked(scores, places, leave_out=leave_out), axis=1)
        made = pd.DataFrame({"table": table, "case": cut.cases, **_measures(hits, goal.sum(axis=1))})
        parts.append(made[goal.any(axis=1)])
    return pd.concat(parts, ignore_index=True)


def _measures(hits: NDArray[np.bool_], count: Whole) -> dict[str, Floats]:
    """Recall and NDCG of hits (N, places) when each case has so many targets."""
    discount = 1 / np.log2(np.arange(hits.shape[1]) + 2)
    best = np.concatenate([[0.0], np.cumsum(discount)])[np.minimum(count, hits.shape[1])]
    return {"recall": hits.sum(axis=1) / np.maximum(count, 1), "ndcg": (hits @ discount) / np.maximum(best, 1e-12)}


@dataclass(frozen=True)
class Paired:
    """Hold two models' means over the same cases, their difference and its interval.

    Parameters
    ----------
    ours, rival : float
        Means of the measure; more is better.
    difference, low, high : float
        Ours less the rival's, and its 95 % interval.
    word : str
        By (ours - rival) / rival with a margin of 1 %: *better*, *worse*, *level* or *undecided*.
    cases : int
    """

    ours: float
    rival: float
    difference: float
    low: float
    high: float
    word: Word
    cases: int


def paired(ours: Floats, rival: Floats, rng: np.random.Generator, *, draws: int = 2000) -> Paired:
    """Compare two models on the same customers by a paired bootstrap (lesson 10, section 1).

    Parameters
    ----------
    ours, rival : array
        A measure of each case, (N,), in the same order.
    rng : Generator
    draws : int
        Customers are drawn anew with replacement so often.

    Raises
    ------
    DataError
        Two different sets of cases.

    Examples
    --------
    >>> found = paired(np.full(50, 0.3), np.full(50, 0.2), np.random.default_rng(0))
    >>> round(found.difference, 3), found.word
    (0.1, 'better')
    """
    ours, rival = (np.asarray(values, dtype=np.float64) for values in (ours, rival))
    if ours.shape != rival.shape or ours.ndim != 1 or not len(ours):
        raise DataError("a pair has the same cases", value=(ours.shape, rival.shape), remedy="score both on one cut.")
    n = len(ours)
    again = rng.multinomial(n, np.full(n, 1 / n), size=draws) / n  # (draws, N)
    gap, base = again @ (ours - rival), again @ rival
    low, high = np.quantile(gap, [0.025, 0.975])
    with np.errstate(divide="ignore", invalid="ignore"):
        less, more = np.quantile(-gap / base, [0.025, 0.975])  # an error falls where a gain rises
    word = verdict_word(float(less), float(more))
    means = float(ours.mean()), float(rival.mean()), float((ours - rival).mean())
    return Paired(*means, float(low), float(high), word, n)


def catalogue_share(shown: Whole, items: int) -> float:
    """Compute the share of the catalogue that somebody is shown.

    Parameters
    ----------
    shown : array
        Of ``ranked``, (N, places).
    items : int
        Of the catalogue.

    Examples
    --------
    >>> catalogue_share(np.array([[0, 1], [0, 2]]), 6)
    0.5
    """
    return len(np.unique(shown)) / items
