"""Tests for stationarity by two tests with opposite null hypotheses (lesson 01b, section 3)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from ecomlib.errors import DataError


@dataclass(frozen=True)
class Stationarity:
    """Hold two tests with opposite null hypotheses, and what they say together (lesson 01b, section 3).

    ``kpss_p`` comes from a table that ends at 0.01 and 0.10: those two values mean "at most" and "at least".
    """

    adf_statistic: float
    adf_p: float
    kpss_statistic: float
    kpss_p: float
    agree: bool
    verdict: str

    def __str__(self) -> str:
        return f"ADF p = {self.adf_p:.3f}, KPSS p = {self.kpss_p:.3f}: {self.verdict}"


def stationarity(
    series: pd.Series | np.ndarray, *, alpha: float = 0.05, trend: Literal["c", "ct"] = "c"
) -> Stationarity:
    """Test for a unit root (augmented Dickey–Fuller) and stationarity (KPSS), with a verdict (lesson 01b, section 3).

    Dickey and Fuller (1979); Kwiatkowski, Phillips, Schmidt and Shin (1992); both as in statsmodels.

    Parameters
    ----------
    series : Series or ndarray
        Values in order of time, at least 20, not all equal.
    trend : {"c", "ct"}
        ``"c"`` tests around a level, ``"ct"`` around a straight line.

    Raises
    ------
    DataError
        Too short, constant, or values missing.
    """
    from statsmodels.tools.sm_exceptions import InterpolationWarning
    from statsmodels.tsa.stattools import adfuller, kpss

    values = np.asarray(series, dtype="float64")
    if len(values) < 20 or not np.isfinite(values).all() or np.ptp(values) == 0:
        raise DataError(
            "the tests need at least 20 known values that are not all equal",
            value=f"{len(values)} values, {int((~np.isfinite(values)).sum())} missing",
            remedy="take a longer series, or fill what is missing first.",
        )
    with warnings.catch_warnings():
        # The p-value's table is finite; the docstring says what its two ends mean.
        warnings.simplefilter("ignore", InterpolationWarning)
        # statsmodels 0.15 announces result objects; unpacking reads them and today's tuples alike.
        warnings.filterwarnings("ignore", message="(adfuller|kpss) currently returns", category=FutureWarning)
        adf_statistic, adf_p, *_ = adfuller(values, regression=trend, autolag="AIC")
        kpss_statistic, kpss_p, *_ = kpss(values, regression=trend, nlags="auto")
    no_root, not_stationary = bool(adf_p < alpha), bool(kpss_p < alpha)
    level = "level" if trend == "c" else "straight line"
    verdict = {
        (True, False): f"stationary: ADF rejects a unit root, and KPSS sees no reason against a constant {level}.",
        (False, True): f"not stationary: KPSS rejects a constant {level}. ADF cannot rule a unit root out, which is not"
        " to say that there is one. Look for a trend, a season or a step; if none explains it, take differences.",
        (True, True): f"the tests disagree: no unit root, and yet no constant {level}. Look for a trend, a season or a"
        " break, and take that out; a difference is not the cure.",
        (False, False): "the tests disagree: neither can reject. The series is too short or too noisy to tell.",
    }[no_root, not_stationary]
    agree = no_root != not_stationary
    return Stationarity(float(adf_statistic), float(adf_p), float(kpss_statistic), float(kpss_p), agree, verdict)


def stationarity_table(series: pd.Series | np.ndarray, *, alpha: float = 0.05) -> pd.DataFrame:
    """Tabulate both tests, around a level and around a straight line, each with what it says (lesson 01b, section 3).

    A test that does not reject says nothing: not rejecting a unit root is not finding one, and not rejecting a constant
    level is not showing that there is one.

    Returns
    -------
    A row a test: ``test`` (ADF, KPSS), ``around`` (level, line), ``null`` (what it tries to reject), ``p``, ``rejects``
    and ``says``. KPSS's p-values end at 0.01 ("at most") and 0.10 ("at least").

    Raises
    ------
    DataError
        As ``stationarity``.
    """
    rows = []
    places: dict[str, Literal["c", "ct"]] = {"level": "c", "line": "ct"}
    for around, trend in places.items():
        found = stationarity(series, alpha=alpha, trend=trend)
        still = "a constant level" if around == "level" else "a straight line with steady noise"
        for test, null, p in (("ADF", "a unit root", found.adf_p), ("KPSS", still, found.kpss_p)):
            says = f"not {null}" if p < alpha else f"cannot rule out {null}"
            rows.append((test, around, null, p, bool(p < alpha), says))
    return pd.DataFrame(rows, columns=["test", "around", "null", "p", "rejects", "says"])
