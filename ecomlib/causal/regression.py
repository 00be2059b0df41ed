"""Fits Poisson regressions with absorbed fixed effects and clustered errors (lesson 03, section 1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.errors import DataError

Floats = NDArray[np.float64]
Z95 = 1.959963984540054  # 95 per cent of a normal lie within


@dataclass(frozen=True, eq=False)
class PoissonFit:
    """Hold slopes with their covariance, clustered as asked."""

    slope: Floats  # (K,)
    covariance: Floats  # (K, K)

    @property
    def se(self) -> Floats:
        """Standard errors, shape (K,)."""
        return np.sqrt(np.diag(self.covariance))


def codes(keys: Any) -> NDArray[np.intp]:
    """Number the distinct values 0, 1, … of one column, or of several side by side (a frame)."""
    if isinstance(keys, pd.DataFrame):
        return keys.groupby(list(keys.columns), observed=True, sort=True).ngroup().to_numpy().astype(np.intp)
    return np.asarray(pd.factorize(np.asarray(keys), sort=True)[0], dtype=np.intp)


def poisson(
    y: Any,
    X: Any,
    *,
    absorb: Sequence[Any] = (),
    exposure: Any = None,
    weights: Any = None,
    cluster: Any = None,
    tolerance: float = 1e-7,
) -> PoissonFit:
    """Fit a Poisson regression, levels absorbed: ``E[y] = exposure · exp(X slope + levels)`` (lesson 03, section 1).

    By pseudo-maximum likelihood (Gourieroux, Monfort & Trognon 1984), which needs the mean to be right and no more; the
    levels are swept out at each step of the iteration (Correia, Guimarães & Zylkin 2020).

    Parameters
    ----------
    y : array_like, shape (N,)
        Counts.
    X : array_like, shape (N, K)
        What they depend on.
    absorb : sequence of array_like
        Columns of keys, one level a distinct key; one intercept if none.
    exposure : array_like, shape (N,), optional
        What the count is proportional to, above zero.
    cluster : array_like, shape (N,), optional
        Rows with correlated errors have one key.

    Raises
    ------
    DataError
        The iteration does not converge.
    """
    y, X = np.asarray(y, dtype=float), np.asarray(X, dtype=float).reshape(len(y), -1)
    levels = [codes(key) for key in absorb] or [np.zeros(len(y), dtype=np.intp)]
    weight = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=float)
    offset = np.log(np.broadcast_to(np.asarray(1.0 if exposure is None else exposure, dtype=float), len(y)))
    keep = weight > 0
    for level in levels:  # a level without any count is at minus infinity and says nothing about the slopes
        keep &= (np.bincount(level, weight * y) > 0)[level]
    y, X, weight, offset = y[keep], X[keep], weight[keep], offset[keep]
    levels = [codes(level[keep]) for level in levels]
    eta = np.log((y + y.mean()) / 2)
    slope = np.full(X.shape[1], np.inf)
    for step_number in range(100):
        mu = np.exp(np.clip(eta, -30, 30))
        w = weight * mu
        both = sweep(np.column_stack([X, eta - offset + (y - mu) / mu]), levels, w)
        swept, answer = both[:, :-1], both[:, -1]
        inverse = np.linalg.pinv(swept.T @ (w[:, None] * swept), rcond=1e-12, hermitian=True)
        slope, before = inverse @ (swept.T @ (w * answer)), slope
        step = (y - mu) / mu - (answer - swept @ slope)
        eta = eta + np.clip(step, -5, 5)
        # Levels that hardly touch one another are swept slowly: then a hundredth of a standard error is near enough.
        enough = tolerance + 0.01 * np.sqrt(np.diag(inverse).clip(min=0)) * (step_number >= 10)
        if (np.abs(slope - before) < enough).all():
            break
    else:
        raise DataError("the Poisson regression did not converge", remedy="drop levels with hardly any counts.")
    scores = swept * (weight * (y - np.exp(eta)))[:, None]
    group = np.arange(len(y)) if cluster is None else codes(np.asarray(cluster)[keep])
    return PoissonFit(slope, inverse @ clustered(scores, group) @ inverse)


def clustered(scores: Floats, group: NDArray[np.intp]) -> Floats:
    """Sum the squares of each cluster's total score, with the factor G / (G - 1): shape (K, K)."""
    totals = means(scores, group, np.ones(len(group))) * np.bincount(group)[:, None]
    return totals.T @ totals * len(totals) / max(len(totals) - 1, 1)


def means(values: Floats, level: NDArray[np.intp], w: Floats, size: int = 0) -> Floats:
    """Average each column in each level by weight, shape (levels, K); zero where a level has no weight."""
    from scipy.sparse import csr_matrix

    size = max(size, int(level.max()) + 1)
    total = np.bincount(level, w, size)
    into = csr_matrix((w, level, np.arange(len(w) + 1)), shape=(len(w), size))  # one weight a row, in its level
    return np.asarray(into.T @ values) / np.where(total > 0, total, 1.0)[:, None]


def sweep(values: Floats, levels: Sequence[NDArray[np.intp]], w: Floats) -> Floats:
    """Subtract weighted means of every set of levels in turn until nothing moves."""
    for _ in range(1 if len(levels) == 1 else 100):
        before = values
        for level in levels:
            values = values - means(values, level, w)[level]
        if len(levels) == 1 or np.abs(values - before).max() < 1e-7:
            break
    return values
