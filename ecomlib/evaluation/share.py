"""Judges policies that were played on several stores: gain, headroom, and the share of it, as protocol D says.

A frame has a row a store, policy and luck: ``store, policy, luck, profit``. Lucks of a store are averaged first: they
are paired, and no replicates. An interval comes from redrawing stores. Sums over stores are compared, never a mean of
ratios: a store with little to gain would weigh as much as any.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.errors import DataError, explained
from ecomlib.evaluation.comparison import Interval

Floats = NDArray[np.float64]
STORES = 10  # fewer make no interval
MATTERS = 0.01  # of zero's profit
FORMULA = "leave the formula alone"


def profits(frame: pd.DataFrame, *policies: str) -> Floats:
    """Average each policy's profit over the lucks of a store.

    Parameters
    ----------
    frame : DataFrame
        ``store, policy, profit``, and ``luck`` where there are several.
    *policies : str
        Names in ``policy``.

    Returns
    -------
    array (policies, stores)
        Money.

    Raises
    ------
    DataError
        A policy was not played on every store and luck that another one was, or twice on one.
    """
    lucks = frame if "luck" in frame else frame.assign(luck=0)
    mine = lucks[lucks["policy"].isin(policies)]
    twice = mine.duplicated(["store", "luck", "policy"])
    table = mine.pivot_table("profit", ["store", "luck"], "policy").reindex(columns=list(dict.fromkeys(policies)))
    absent = [name for name in table if table[name].isna().all()]
    if absent:
        raise DataError("nobody has played this policy", column="policy", value=absent[0], remedy="play it, or rename.")
    if twice.any() or table.isna().any(axis=None):
        raise DataError(
            "policies are compared on the same stores and lucks, each played once",
            column="profit",
            value=f"{int(twice.sum())} twice, {int(table.isna().sum().sum())} missing",
            remedy="play all of them on all stores, under the same lucks.",
        )
    return table.groupby(level="store").mean()[list(policies)].to_numpy(dtype=float).T


def gain(
    frame: pd.DataFrame, policy: str, rival: str, *, rng: np.random.Generator, draws: int = 4000, level: float = 0.95
) -> Interval:
    """Compute what a policy earns more than a rival, as a share of the rival's profit: Σ(policy − rival) / Σ rival.

    Parameters
    ----------
    frame : DataFrame
        As of ``profits``.
    policy, rival : str
        Names in it.
    rng : Generator
        Redraws the stores.
    draws, level : int, float
        How often, and the interval's nominal coverage.

    Returns
    -------
    Interval
        Ends are NaN with fewer than ten stores: then the stores' values stand side by side.

    Raises
    ------
    DataError
        As ``profits`` says, or the rival does not surely earn anything.

    Examples
    --------
    >>> played = pd.DataFrame({"store": [1, 1, 2, 2], "policy": ["ours", "theirs"] * 2, "profit": [6.0, 4, 12, 8]})
    >>> gain(played, "ours", "theirs", rng=np.random.default_rng(0)).estimate
    0.5
    """
    ours, theirs = profits(frame, policy, rival)
    found = _ratio(ours - theirs, theirs, rng, draws, level)
    if found is None:
        raise DataError(
            "who earns nothing for sure is no measure",
            column=rival,
            value=float(theirs.sum()),
            remedy="show the money side by side.",
        )
    return found


def headroom(
    frame: pd.DataFrame, zero: str, reference: str, *, rng: np.random.Generator, draws: int = 4000, level: float = 0.95
) -> Interval:
    """Compute what there is to gain above the best rule that needs no model, as a share of what that rule earns.

    Parameters
    ----------
    frame : DataFrame
        As of ``profits``.
    zero, reference : str
        The best rule that needs no model, and who knows the parameters.
    rng, draws, level : Generator, int, float
        As of ``gain``.

    Returns
    -------
    Interval
        Σ(reference − zero) / Σ zero; print it first, see ``is_little``.

    Examples
    --------
    >>> played = pd.DataFrame({"store": [1, 1], "policy": ["rule", "truth"], "profit": [1000.0, 1050.0]})
    >>> headroom(played, "rule", "truth", rng=np.random.default_rng(0)).estimate
    0.05
    """
    return gain(frame, reference, zero, rng=rng, draws=draws, level=level)


def is_little(room: Interval) -> bool:
    """Tell whether a headroom's interval reaches below 1 % of zero's profit: then the sentence is ``FORMULA``.

    Parameters
    ----------
    room : Interval
        Of ``headroom``; where it has no ends the estimate decides.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_little(Interval(0.02, 0.008, 0.03)), is_little(Interval(0.02, 0.012, 0.03))
    (True, False)
    """
    low = room.low if np.isfinite(room.low) else room.estimate
    return bool(low < MATTERS)


@explained('share(frame, "gru", "smoothing", "attainable", rng=np.random.default_rng(0))')
def share(
    frame: pd.DataFrame,
    policy: str,
    zero: str,
    reference: str,
    *,
    rng: np.random.Generator,
    draws: int = 4000,
    level: float = 0.95,
) -> Interval:
    """Compute how far a policy comes from zero to the reference: Σ(policy − zero) / Σ(reference − zero) over stores.

    Parameters
    ----------
    frame : DataFrame
        As of ``profits``.
    policy, zero, reference : str
        Names in it.
    rng, draws, level : Generator, int, float
        As of ``gain``.

    Returns
    -------
    Interval
        It may be negative, or above 1, and is printed so: the reference is no optimum. Redrawing ten stores is a little
        too sure of itself: a nominal 95 % covered about 90 % in simulation (as ten of anything do).

    Raises
    ------
    DataError
        As ``profits`` says, or the reference does not surely earn more than zero: then no share is defined.

    Examples
    --------
    >>> rows = {"store": [1, 1, 1, 2, 2, 2], "policy": ["rule", "ours", "truth"] * 2}
    >>> played = pd.DataFrame(rows | {"profit": [100.0, 101, 102, 200, 209, 210]})
    >>> share(played, "ours", "rule", "truth", rng=np.random.default_rng(0)).estimate.__round__(3)  # 10 / 12
    0.833
    """
    ours, nil, one = profits(frame, policy, zero, reference)
    found = _ratio(ours - nil, one - nil, rng, draws, level)
    if found is None:
        raise DataError(
            "the reference does not surely earn more than zero, and nothing is a share of that",
            column=reference,
            value=float((one - nil).sum()),
            remedy=f"show the money side by side: {FORMULA}.",
        )
    return found


def _ratio(top: Floats, bottom: Floats, rng: np.random.Generator, draws: int, level: float) -> Interval | None:
    """Ratio of sums over stores, redrawn; None where the lower sum is not surely above zero."""
    stores = len(top)
    if bottom.sum() <= 0:
        return None
    estimate = float(top.sum() / bottom.sum())
    if stores < STORES:
        return Interval(estimate, np.nan, np.nan, level)
    weight = rng.multinomial(stores, np.full(stores, 1 / stores), size=draws)
    above, below = weight @ top, weight @ bottom
    if np.quantile(below, (1 - level) / 2) <= 0:
        return None
    fine = below > 0
    low, high = np.quantile(above[fine] / below[fine], [(1 - level) / 2, (1 + level) / 2])
    return Interval(estimate, float(low), float(high), level)
