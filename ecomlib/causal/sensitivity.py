"""Tests how far to trust an effect: placebo, robustness value (lesson 03, section 6)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ecomlib.errors import DataError


def permuted_treatment(frame: pd.DataFrame, rng: np.random.Generator, *, column: str = "log_price") -> pd.DataFrame:
    """Give each product the treatment of another product of its category (lesson 03, section 6).

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
    """Compute how strong a hidden confounder must be to explain an effect away (lesson 03, section 6).

    Cinelli & Hazlett (2020): a confounder that explains less than this share of what is left of both treatment and
    outcome cannot reduce the estimate by ``share`` (1: to zero); with ``critical`` (1.96) it cannot bring the interval
    so far. ``dof``: residual degrees of freedom; with clustered errors give the clusters, which is stricter.
    Between 0 (any confounder will do) and 1. A number about strength, not about whether one exists.
    """
    f = max(share * abs(estimate) / se - critical, 0.0) / np.sqrt(dof)
    return float((np.sqrt(f**4 + 4 * f**2) - f**2) / 2)
