"""Says how far coverage may lie from its promise by chance, and measures it week by week."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from ecomlib.ensemble.conformal import coverage_by
from ecomlib.errors import DataError
from ecomlib.frames import require_scored
from ecomlib.periods import period_index


@dataclass(frozen=True)
class CoverageScatter:
    """Where coverage lies, given one calibration set, if nothing but chance moves it.

    Attributes
    ----------
    mean : float
        Over all calibration sets that might have been drawn: never below what was promised.
    low, high : float
        Between which it lies with probability ``share``.
    spread : float
        Its standard deviation from one calibration set to the next.
    """

    mean: float
    low: float
    high: float
    spread: float
    share: float

    def __str__(self) -> str:
        return f"{self.low:.1%} to {self.high:.1%} in {self.share:.0%} of calibration sets, {self.mean:.1%} on average"


def coverage_scatter(
    calibration: int, coverage: float = 0.9, *, test: int | None = None, share: float = 0.95
) -> CoverageScatter:
    """Say where the coverage of a split conformal interval lies by chance.

    The promise is about the average over calibration sets. *Given* one set of n scores, what the interval covers is
    itself a draw, from the Beta distribution with ``k`` and ``n + 1 - k``, where ``k = ceil((n + 1) · coverage)`` is
    the place of the score that was taken (Vovk, 2012; Angelopoulos and Bates, 2023, section 3.2). Measured on ``test``
    rows it scatters further, as a Beta-binomial share.

    Both rest on rows that are exchangeable. Rows of one product or week are alike, so true scatter is wider: hand in
    the number of independent blocks rather than of rows, or read the range as the least that chance does.

    Parameters
    ----------
    calibration : int
        Scores in the calibration set.
    coverage : float
        The share that is promised.
    test : int, optional
        Rows on which coverage is measured; None asks for the coverage of endlessly many.
    share : float
        Probability of the range from ``low`` to ``high``.

    Examples
    --------
    >>> print(coverage_scatter(1000, 0.9))
    88.1% to 91.8% in 95% of calibration sets, 90.0% on average
    >>> print(coverage_scatter(1000, 0.9, test=100))
    83.0% to 96.0% in 95% of calibration sets, 90.0% on average
    """
    if calibration < 0 or (test is not None and test < 1) or not (0 < coverage < 1 and 0 < share < 1):
        raise DataError(
            "a scatter needs counts of rows, and a coverage and a share between 0 and 1",
            value=(calibration, test, coverage, share),
        )
    place = int(np.ceil(round((calibration + 1) * coverage, 9)))
    if place > calibration:  # too few for the promise: infinite ends cover everything
        return CoverageScatter(1.0, 1.0, 1.0, 0.0, share)
    shape = place, calibration + 1 - place
    law = stats.beta(*shape) if test is None else stats.betabinom(test, *shape)
    low, high, mean, spread = (
        float(value) / (test or 1)
        for value in (law.ppf((1 - share) / 2), law.ppf((1 + share) / 2), law.mean(), law.std())
    )
    return CoverageScatter(mean, low, high, spread, share)


def coverage_by_step(
    frame: pd.DataFrame, model: str, level: float = 90, *, freq: str = "W-MON", calibration: int | None = None
) -> pd.DataFrame:
    """Measure coverage by how far ahead was forecast: one week, two weeks, and so on.

    One quantile that serves four weeks is too wide for the first and too narrow for the last, and the average hides it.

    Parameters
    ----------
    frame : DataFrame
        A scored frame with the interval of ``model`` (``coverage_by``), ``ds`` and ``cutoff``.
    model : str
        Whose interval.
    level : float
        Its level in per cent.
    freq : str
        Frequency in which steps are counted.
    calibration : int, optional
        Scores that the interval was made from: then ``low, high`` say between which values chance alone would leave the
        coverage of so many rows, 95 times in 100, if each step held the promise (``coverage_scatter``).

    Returns
    -------
    DataFrame
        ``step, rows, coverage, width, unbounded``, and ``low, high``; one row a step, the nearest first.
    """
    require_scored(frame, keys=("ds", "cutoff", "y"))
    step = period_index(frame["ds"], freq) - period_index(frame["cutoff"], freq)
    if len(step) and step.min() < 1:
        row = int(np.argmin(step))
        raise DataError(
            "a forecast lies at its origin or before it",
            column="ds",
            rows=[row + 1],
            value=str(frame["ds"].iloc[row]),
            remedy="check freq, and that cutoff is the last known period.",
        )
    table = coverage_by(frame.assign(step=step), ["step"], model, level)
    if calibration is None:
        return table
    found = [coverage_scatter(calibration, level / 100, test=int(rows)) for rows in table["rows"]]
    return table.assign(low=[each.low for each in found], high=[each.high for each in found])
