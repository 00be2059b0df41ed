"""Recovers demand from sales where the shelf ran empty (lesson 12, section 2).

What is sold from a shelf that ends empty says only that at least so much was wanted: such a count is censored from the
right. Leaving it out keeps the slow days alone; taking it as it is reads an empty shelf as a lack of interest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.errors import DataError

Floats = NDArray[np.float64]
LAWS = ("poisson", "negative_binomial", "normal")
LEAST_MEAN = 1e-9  # units; a law with no demand at all has no tail


def expected_beyond(sold: Any, mean: Any, *, law: str = "poisson", spread: Any = 0.0) -> Floats:
    """Compute what was wanted on average where at least ``sold`` was: E[D | D >= sold] (lesson 12, section 2).

    Parameters
    ----------
    sold : array
        Units, at or above zero.
    mean : float or array
        Of demand, units.
    law : str
        ``"poisson"``, ``"negative_binomial"`` or ``"normal"``.
    spread : float or array
        φ of the variance μ + φ μ² for ``"negative_binomial"``, the standard deviation for ``"normal"``.

    Returns
    -------
    array
        Units; not below ``sold``.

    Raises
    ------
    DataError
        An unknown law, or a spread that it cannot have.

    Examples
    --------
    >>> expected_beyond([0, 1, 4], 2.0).round(3).tolist()
    [2.0, 2.313, 4.526]
    """
    from scipy.stats import nbinom, norm, poisson

    least, mu, width = (np.asarray(part, dtype=float) for part in (sold, mean, spread))
    mu = np.maximum(mu, LEAST_MEAN)
    if law not in LAWS:
        raise DataError("there is no such law", value=law, remedy=f"take one of {LAWS}.")
    if law != "poisson" and not (width > 0).all():
        raise DataError(f"the spread of a {law} law is above zero", value=spread, remedy="take law='poisson' for none.")
    if law == "normal":
        z = (least - mu) / width
        return np.asarray(mu + width * np.exp(norm.logpdf(z) - norm.logsf(z)))
    if law == "poisson":
        reach, beyond = poisson.logsf(least - 1, mu), poisson.logsf(least - 2, mu)
    else:
        size = 1 / width
        chance = size / (size + mu)
        reach, beyond = nbinom.logsf(least - 1, size, chance), nbinom.logsf(least - 2, size + 1, chance)
    with np.errstate(invalid="ignore", over="ignore"):
        found = mu * np.exp(beyond - reach)
    return np.maximum(np.where(np.isfinite(found), found, least), least)


@dataclass(frozen=True, eq=False)
class Recovered:
    """Hold demand recovered from sales, units.

    mean: (…,) a period. spread: as of ``expected_beyond``. demand: (…, T), what was sold, and more where it ran out.
    steps: of EM.
    """

    mean: Floats
    spread: Floats
    demand: Floats
    steps: int


def recover(
    sold: Any, out: Any, *, law: str = "poisson", spread: float = 0.5, tolerance: float = 1e-6, steps: int = 500
) -> Recovered:
    """Estimate mean demand and the demand of each period by expectation and maximisation (lesson 12, section 2).

    E-step: where the period ended empty, replace what was sold by what was wanted on average if at least that was. M-
    step: the mean of these numbers is the new mean (and for the normal law their spread the new spread). For known φ
    the mean of complete counts is the maximum-likelihood mean of the negative binomial too, so every step raises the
    likelihood (Dempster, Laird and Rubin, 1977; the normal case is Tobin's, 1958).

    Parameters
    ----------
    sold : array (…, T)
        Units by period, one row a series.
    out : array of bool (…, T)
        Whether the period ended with an empty shelf.
    law : str
        As of ``expected_beyond``.
    spread : float
        φ of the negative binomial law, kept as it is; the normal law finds its own.
    tolerance : float
        EM ends when no mean moves by more, in relation to one unit or to itself where that is more.
    steps : int
        It ends after so many steps in any case.

    Returns
    -------
    Recovered

    Raises
    ------
    DataError
        Other shapes, sales below zero, or no period at all.

    Examples
    --------
    >>> found = recover([3, 1, 2, 2], [False, False, True, False])
    >>> round(found.mean.item(), 2), found.demand.round(2).tolist()
    (2.27, [3.0, 1.0, 3.07, 2.0])
    """
    units, empty = np.asarray(sold, dtype=float), np.asarray(out, dtype=bool)
    if units.shape != empty.shape or not units.size or units.ndim < 1:
        raise DataError("each period needs its units and whether it ended empty", value=(units.shape, empty.shape))
    if not (np.isfinite(units) & (units >= 0)).all():
        raise DataError("units sold are finite and not below zero", column="sold", remedy="take returns out.")
    if law not in LAWS:
        raise DataError("there is no such law", value=law, remedy=f"take one of {LAWS}.")
    normal = law == "normal"
    mean = units.mean(axis=-1)
    wide = np.maximum(units.std(axis=-1), 1e-3) if normal else np.full(mean.shape, float(spread))
    full, done = units, 0
    while done < steps:
        done += 1
        known = units[empty], np.broadcast_to(mean[..., None], units.shape)[empty]
        about = np.broadcast_to(wide[..., None], units.shape)[empty]
        full = units.copy()
        full[empty] = expected_beyond(*known, law=law, spread=about)
        new = full.mean(axis=-1)
        if normal:
            z = (known[0] - known[1]) / about
            second = np.zeros_like(units)  # variance of what is beyond, given that it is
            lift = (full[empty] - known[1]) / about
            second[empty] = np.maximum(about**2 * (1 + z * lift - lift**2), 0.0)
            wide = np.maximum(np.sqrt(((full - new[..., None]) ** 2 + second).mean(axis=-1)), 1e-3)
        moved = np.abs(new - mean) / np.maximum(np.abs(mean), 1.0)
        mean = new
        if moved.max() <= tolerance:
            break
    return Recovered(np.asarray(mean), np.asarray(wide), full, done)


def recover_weeks(panel: pd.DataFrame, *, weeks: int = 8) -> pd.Series:
    """Add to each week's sales what its days without stock would have sold at the pace of the weeks so far.

    One E-step that follows a changing demand: a series' pace is what it sold in the last ``weeks``, this one included,
    over the time in which it was on the shelf. Nothing of a later week is looked at, so that a forecaster may learn
    from the result.

    Parameters
    ----------
    panel : DataFrame
        Sorted by series and date, with ``unique_id, y`` and ``unstocked``, the share of region-days that **began**
        without stock. A day that only ended empty had sales, and its share would count it twice.
    weeks : int
        How far the pace looks back.

    Returns
    -------
    Series
        Units, at or above ``y``; missing where ``y`` is.

    Raises
    ------
    DataError
        A column is missing.

    Examples
    --------
    >>> table = pd.DataFrame({"unique_id": "mug", "y": [6.0, 6.0, 3.0], "unstocked": [0.0, 0.0, 0.5]})
    >>> recover_weeks(table).tolist()
    [6.0, 6.0, 6.0]
    """
    for name in ("unique_id", "y", "unstocked"):
        if name not in panel.columns:
            remedy = "make the panel of a store with an inventory, or take ShopEnv.history()."
            raise DataError("this column is missing", table="panel", column=name, remedy=remedy)
    open_share = (1 - panel["unstocked"]).clip(lower=0.0).where(panel["y"].notna())
    sums = pd.DataFrame({"units": panel["y"], "open": open_share}).fillna(0.0).cumsum()
    # A rolling sum over each series, by differences of running sums: it starts anew with each series.
    place = panel.groupby("unique_id", observed=True, sort=False).cumcount().to_numpy()
    back = np.minimum(place + 1, weeks)
    rows = np.arange(len(panel)) - back
    before = np.vstack([np.zeros(2), sums.to_numpy()])[rows + 1]
    total = sums.to_numpy() - before
    pace = np.divide(total[:, 0], total[:, 1], out=np.zeros(len(panel)), where=total[:, 1] > 0.5)
    return panel["y"] + pace * panel["unstocked"].to_numpy()
