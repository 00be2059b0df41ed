"""Tests how far to trust an effect: placebo, robustness value (lesson 03b, section 3)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ecomlib.causal.regression import codes, means
from ecomlib.errors import DataError


def permuted_treatment(frame: pd.DataFrame, rng: np.random.Generator, *, column: str = "log_price") -> pd.DataFrame:
    """Give each product the treatment of another product of its category (lesson 03b, section 1).

    A placebo: the same weeks, the same shape, and nothing that it could do. Its effect is zero; an estimator that says
    otherwise is broken. One that says zero may still be confounded: a stranger's price is not tied to my text.
    Weeks that the other product has not got are left out.
    """
    owner = frame[["product_id", "category"]].drop_duplicates("product_id")
    partner: dict[str, str] = {}
    for _, names in owner.groupby("category", observed=True)["product_id"]:
        ring = rng.permutation(names.to_numpy())  # each gets the next one's: none keeps its own
        if len(ring) < 2:
            raise DataError("a category with one product has no placebo", table="frame", value=ring[0])
        partner |= dict(zip(ring, np.roll(ring, 1), strict=True))
    theirs = frame[["product_id", "ds", column]].rename(columns={"product_id": "_other"})
    mine = frame.drop(columns=column).assign(_other=frame["product_id"].map(partner))
    return mine.merge(theirs, on=["_other", "ds"]).drop(columns="_other")


def robustness_value(estimate: float, se: float, dof: int, *, share: float = 1.0, critical: float = 0.0) -> float:
    """Compute how strong a hidden confounder must be to explain a regression's estimate away (lesson 03b, section 3).

    Cinelli & Hazlett (2020): a confounder that explains less than this share of what is left of both treatment and
    outcome cannot reduce the estimate by ``share`` (1: to zero); with ``critical`` (1.96) it cannot bring the interval
    so far. ``se`` is ordinary least squares' own and ``dof`` its residual degrees of freedom: only then is the squared
    t-value over ``dof`` a partial R². For any other estimator (clustered errors, counts) take the residuals:
    ``robustness_of`` their ``partial_r2``.
    Between 0 (any confounder will do) and 1. A number about strength, not about whether one exists.
    """
    f = max(share * abs(estimate) / se - critical, 0.0) / np.sqrt(dof)
    return _strength(f)


def robustness_of(partial: float) -> float:
    """Compute how strong a hidden confounder must be to explain a partial R² away (lesson 03b, section 3).

    Cinelli & Hazlett (2020): one that explains less than this share of what is left of both treatment and outcome
    cannot bring the slope to the point from which ``partial_r2`` was measured. Between 0 (any will do) and 1. Whether
    such a confounder exists, the data cannot tell.

    Raises
    ------
    DataError
        A share below 0 or above 1.
    """
    if not 0 <= partial <= 1:
        raise DataError("a partial R² lies between 0 and 1", value=partial, remedy="compute it with partial_r2.")
    return 1.0 if partial == 1 else _strength(float(np.sqrt(partial / (1 - partial))))


def partial_r2(outcome: Any, treatment: Any, *, point: float = 0.0, mean_by: Any = None) -> float:
    """Compute the share of what is left of an outcome that a treatment's rest explains (lesson 03b, section 3).

    Parameters
    ----------
    outcome, treatment : array_like, shape (N,)
        Residuals: both less what the controls foretell.
    point : float
        Measured from a slope of ``point`` instead of zero: how far is the estimate from where a decision would turn?
    mean_by : array_like, shape (N,), optional
        Average both within these keys first (products): then a confounder is meant that lasts, as a product's quality
        does. Row by row, weekly noise is left as well, a confounder must explain its share of that too, and the partial
        R² is mostly smaller.

    Raises
    ------
    DataError
        Fewer than three values, or a treatment of which nothing is left.
    """
    y, t = np.asarray(outcome, dtype=float), np.asarray(treatment, dtype=float)
    weight = np.ones(len(t))
    if mean_by is not None:
        key = codes(mean_by)
        weight = np.bincount(key).astype(float)
        y, t = means(np.column_stack([y, t]), key, np.ones(len(key))).T
    t = t - np.average(t, weights=weight)
    left = (y - np.average(y, weights=weight)) - point * t
    power = float(weight @ t**2)
    if len(t) < 3 or power <= 1e-12 * max(float(weight.sum()), 1.0):
        remedy = "bring products or weeks in which the treatment differs from what was foretold."
        raise DataError("nothing is left of the treatment to explain with", column="treatment", remedy=remedy)
    total = float(weight @ left**2)
    return min(float(weight @ (t * left)) ** 2 / power / total, 1.0) if total > 0 else 0.0


def _strength(f: float) -> float:
    return float((np.sqrt(f**4 + 4 * f**2) - f**2) / 2)
