"""Brings forecasts of logarithms back to units: a median, and a mean (lesson 01b, section 4)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ecomlib.errors import DataError


def back_from_logs(forecast: Any, residuals: Any, *, added: float = 1.0) -> pd.DataFrame:
    """Turn forecasts of ``log(y + added)`` into units, as a median and as a mean in two ways (lesson 01b, section 4).

    The exponential of a mean of logs is a *median* of units (where errors are symmetric), and medians do not add up:
    the sum of such forecasts is too low, the more so the noisier the series (retransformation bias). The mean needs the
    residuals too.

    Parameters
    ----------
    forecast : array_like, shape (N,)
        Expected ``log(y + added)``.
    residuals : array_like, shape (M,)
        Errors of such forecasts in logs, of rows like these: not of the training rows of a model that has learnt them
        by heart, and all of one spread. Missing ones are left out.
    added : float
        What was added before the logarithm was taken: 1 for ``log1p``, 0 for ``log``.

    Returns
    -------
    ``median``: ``exp(f)``; ``smearing``: ``exp(f)`` times the mean of ``exp(residual)`` (Duan 1983), whatever their
    distribution; ``normal``: ``exp(f)`` times ``exp(mean + variance / 2)``, right where residuals are normal. All three
    less ``added``.

    Raises
    ------
    DataError
        Fewer than two known residuals, or ``added`` below zero.
    """
    logs, errors = np.asarray(forecast, dtype=float), np.asarray(residuals, dtype=float).ravel()
    errors = errors[np.isfinite(errors)]
    if len(errors) < 2:
        remedy = "hand over the errors of a backtest, in logs."
        raise DataError("a mean needs the residuals", column="residuals", value=f"{len(errors)} known", remedy=remedy)
    if added < 0:
        raise DataError("nothing can be taken away before a logarithm", column="added", value=added, remedy="0 or 1.")
    factors = {
        "median": 1.0,
        "smearing": float(np.exp(errors).mean()),
        "normal": float(np.exp(errors.mean() + errors.var(ddof=1) / 2)),
    }
    index = forecast.index if isinstance(forecast, pd.Series) else None
    return pd.DataFrame({name: np.exp(logs) * factor - added for name, factor in factors.items()}, index=index)
