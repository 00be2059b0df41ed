"""Measures whether chances are chances, and mends them: Brier, ECE, reliability; prior shift, temperature, Platt.

A model ranks well or badly, and apart from that its numbers are right or wrong on average. Brier (1950), Murphy (1973),
Guo, Pleiss, Sun and Weinberger (2017) for ECE and temperature, Platt (1999), Saerens, Latinne and Decaestecker (2002)
for the prior. Lesson 09 derives all of it in section 4; isotonic regression is scikit-learn's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ecomlib.errors import DataError
from ecomlib.evaluation.ranking import yes_no

Floats = NDArray[np.float64]
EDGE = 1e-7  # chances are kept so far away from 0 and 1: their log-odds must be finite


def chances(label: ArrayLike, chance: ArrayLike) -> tuple[Floats, Floats]:
    """Check labels and chances between 0 and 1, (n,).

    Raises
    ------
    DataError
        What ``ranking.yes_no`` refuses, and scores that are no chances.
    """
    y, p = yes_no(label, chance)
    _within(p)
    return y, p


def _within(p: Floats) -> None:
    bad = ~((p >= 0) & (p <= 1))
    if bad.any():
        raise DataError(
            "a chance lies between 0 and 1",
            column="chance",
            rows=(np.flatnonzero(bad)[:3] + 1).tolist(),
            value=float(p[bad][0]),
            remedy="give probabilities; turn log-odds into chances by 1 / (1 + exp(-x)).",
        )


def log_odds(chance: ArrayLike) -> Floats:
    """Turn chances into log-odds, (n,); 0 and 1 are moved by 1e-7 so that these are finite.

    Examples
    --------
    >>> log_odds([0.5]).tolist()
    [0.0]
    """
    p = np.asarray(chance, dtype=np.float64)
    _within(p)
    p = p.clip(EDGE, 1 - EDGE)
    return np.asarray(np.log(p) - np.log1p(-p))


def from_log_odds(score: ArrayLike) -> Floats:
    """Turn log-odds into chances, (n,).

    Examples
    --------
    >>> from_log_odds([0.0]).tolist()
    [0.5]
    """
    s = np.asarray(score, dtype=np.float64)
    return np.asarray(0.5 * (1 + np.tanh(0.5 * s)))  # no overflow at either end


def brier(label: ArrayLike, chance: ArrayLike) -> float:
    """Average the squared distance of chances from what came: 0 is perfect, the share of ones alone gives s(1 - s).

    Parameters
    ----------
    label, chance : array
        0 or 1, and the chance of a one, (n,).

    Examples
    --------
    >>> round(brier([1, 0, 0], [0.8, 0.4, 0.1]), 3)
    0.07
    """
    y, p = chances(label, chance)
    return float(((p - y) ** 2).mean())


def reliability(
    label: ArrayLike, chance: ArrayLike, *, bins: int = 10, by: Literal["rows", "width"] = "rows"
) -> pd.DataFrame:
    """List by bins of the chance what was said and what came.

    Parameters
    ----------
    label, chance : array
        (n,)
    bins : int
    by : {"rows", "width"}
        Bins of as many rows each (rows of one chance stay together), or of equal width from 0 to 1.

    Returns
    -------
    DataFrame
        ``said`` (mean chance), ``came`` (share of ones), ``rows``, and the Wilson interval of the share, ``low, high``
        (95 %, rows taken as independent). Empty bins are left out.

    Examples
    --------
    >>> reliability([0, 1, 0, 1], [0.1, 0.2, 0.8, 0.9], bins=2)[["said", "came", "rows"]].values.round(2).tolist()
    [[0.15, 0.5, 2.0], [0.85, 0.5, 2.0]]
    """
    y, p = chances(label, chance)
    if bins < 1 or by not in ("rows", "width"):
        raise DataError("there is no such binning", value=(bins, by), remedy='take bins=10, by="rows" or "width".')
    if by == "rows":
        edges = np.unique(np.quantile(p, np.linspace(0, 1, bins + 1)[1:-1]))
        at = np.searchsorted(edges, p, side="left")
    else:
        at = np.minimum((p * bins).astype(int), bins - 1)
    n = np.bincount(at).astype(np.float64)
    some = n > 0
    said, came = (np.bincount(at, weights=part)[some] / n[some] for part in (p, y))
    n = n[some]
    z = 1.959963984540054
    middle, half = came + z**2 / (2 * n), z * np.sqrt(came * (1 - came) / n + z**2 / (4 * n**2))
    ends = {"low": (middle - half) / (1 + z**2 / n), "high": (middle + half) / (1 + z**2 / n)}
    return pd.DataFrame({"said": said, "came": came, "rows": n.astype(int)} | ends)


def ece(label: ArrayLike, chance: ArrayLike, *, bins: int = 10, by: Literal["rows", "width"] = "rows") -> float:
    """Average |said - came| over bins by their rows: the expected calibration error.

    Above zero by chance alone, the more so the fewer rows a bin has. 0 does not mean that a model is any good: the
    share of ones, said of everybody, has an ECE of 0.

    Parameters
    ----------
    label, chance, bins, by
        As ``reliability`` takes them.

    Examples
    --------
    >>> round(ece([0, 1, 0, 1], [0.1, 0.2, 0.8, 0.9], bins=2), 2)
    0.35
    """
    table = reliability(label, chance, bins=bins, by=by)
    return float(((table["said"] - table["came"]).abs() * table["rows"]).sum() / table["rows"].sum())


def _share(share: float, name: str) -> float:
    if not 0 < share < 1:
        raise DataError("a share lies between 0 and 1", column=name, value=share, remedy="give it as 0.2, not as 20.")
    return float(np.log(share / (1 - share)))


def prior_shift(chance: ArrayLike, trained: float, now: float) -> Floats:
    """Move chances to another share of ones: their *odds* are multiplied by one factor.

    Right where the rate alone has moved, and ones and zeros look as they did in training (label shift). The factor is
    the odds of the new share over those of the old.

    Parameters
    ----------
    chance : array
        (n,)
    trained, now : float
        Share of ones in training, and where the chances are used.

    Examples
    --------
    >>> prior_shift([0.1], trained=0.1, now=0.2).round(3).tolist()
    [0.2]
    >>> prior_shift([0.5], trained=0.1, now=0.2).round(3).tolist()  # not 0.6, and not 1.0
    [0.692]
    """
    return from_log_odds(log_odds(chance) + _share(now, "now") - _share(trained, "trained"))


def share_from_chances(chance: ArrayLike, trained: float, *, steps: int = 1000) -> float:
    """Estimate the new share of ones from chances alone, without a label (Saerens and others, 2002).

    Expectation and maximisation: shift the chances, average them, and again. It rests on label shift and on a model
    that was calibrated; where customers have changed too, it is wrong without saying so.

    Parameters
    ----------
    chance : array
        Of the new rows, from the model as trained, (n,).
    trained : float
        Share of ones in training.
    steps : int
        At most so many; it ends when the share moves by less than 1e-8.

    Examples
    --------
    >>> round(share_from_chances([0.1, 0.1, 0.9, 0.9], trained=0.5), 3)
    0.5
    """
    p, now = np.asarray(chance, dtype=np.float64), trained
    for _ in range(steps):
        new = float(np.clip(prior_shift(p, trained, now).mean(), EDGE, 1 - EDGE))
        if abs(new - now) < 1e-8:
            break
        now = new
    return now


@dataclass(frozen=True)
class LogOddsLine:
    """Hold a correction ``log-odds -> slope · log-odds + shift``; temperature is 1 / slope with a shift of 0.

    Parameters
    ----------
    slope, shift : float
    """

    slope: float = 1.0
    shift: float = 0.0

    def __call__(self, chance: ArrayLike) -> Floats:
        """Correct chances, (n,)."""
        return from_log_odds(self.slope * log_odds(chance) + self.shift)


def fit_line(
    label: ArrayLike, chance: ArrayLike, kind: Literal["temperature", "shift", "platt"] = "platt"
) -> LogOddsLine:
    """Fit a correction of the log-odds by the logistic loss, on rows that the model was not trained on.

    Parameters
    ----------
    label, chance : array
        Of the rows to calibrate on, (n,).
    kind : {"temperature", "shift", "platt"}
        The slope alone, the shift alone, or both.

    Returns
    -------
    LogOddsLine
        Newton's method, at most 100 steps; where ones and zeros are separated it stops at a slope of 1e3.

    Raises
    ------
    DataError
        Another kind, or rows that are none.

    Examples
    --------
    >>> sure = from_log_odds([3.0, 3.0, 3.0, 3.0, -3.0, -3.0, -3.0, -3.0])  # said .95 and .05; right in three of four
    >>> round(fit_line([1, 1, 1, 0, 0, 0, 0, 1], sure, "temperature").slope, 3)
    0.366
    """
    y, p = chances(label, chance)
    x = log_odds(p)
    columns = {"temperature": [True, False], "shift": [False, True], "platt": [True, True]}
    if kind not in columns:
        raise DataError("there is no such correction", value=kind, remedy=f"take one of {', '.join(columns)}.")
    free = np.array(columns[kind])
    wide, beta = np.column_stack([x, np.ones_like(x)]), np.array([1.0, 0.0])

    def loss(b: Floats) -> float:
        score = wide @ b
        return float((np.logaddexp(0.0, score) - y * score).mean())

    for _ in range(100):
        said = from_log_odds(wide @ beta)
        slope = wide[:, free].T @ (said - y) / len(y)
        bend = (wide[:, free] * (said * (1 - said))[:, None]).T @ wide[:, free] / len(y)
        step = np.zeros(2)
        step[free] = np.linalg.solve(bend + 1e-12 * np.eye(int(free.sum())), slope)
        size = 1.0
        while loss(beta - size * step) > loss(beta) and size > 1e-6:
            size /= 2
        beta = beta - size * step
        if np.abs(size * step).max() < 1e-10 or abs(beta[0]) > 1e3:
            break
    return LogOddsLine(float(beta[0]), float(beta[1]))
