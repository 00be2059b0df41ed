"""Makes features of a series' own past: lags, means, last year (lesson 04, section 1; lesson 04a, section 1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ecomlib.errors import DataError, LeakageError, explained
from ecomlib.features.columns import numbers
from ecomlib.panel import LAST_YEAR, check_panel
from ecomlib.periods import PERIODS_PER_YEAR

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["lags", "last_year"]


# What a boosting model reads by default, in periods: the last weeks, the same season a year ago with its neighbours.
_LAGS = {
    "D": (1, 2, 3, 4, 5, 6, 7, 14, 21, 28, 363, 364, 365),
    "W-MON": (1, 2, 3, 4, 5, 6, 7, 8, 12, 26, 51, 52, 53),
    "MS": (1, 2, 3, 6, 11, 12, 13),
}
_WINDOWS = {"D": (7, 28, 91), "W-MON": (4, 12, 26), "MS": (3, 6, 12)}


@explained(
    rolling="rolling means are called windows here: lags(panel, windows=(4, 12)).",
    freq="the panel knows its frequency: leave it out.",
    date_features="calendar(panel) makes them.",
)
def lags(
    panel: pd.DataFrame,
    lags: Sequence[int] | None = None,
    windows: Sequence[int] | None = None,
    *,
    horizon: int = 1,
    aligned: Sequence[int] | None = None,
    ewm: Sequence[float] = (),
    column: str = "y",
) -> pd.DataFrame:
    """Compute lags and rolling means for boosting (lesson 04, section 1).

    A row's newest known period, its origin, lies ``horizon`` periods before it. ``lag<k>`` is the value k - 1 periods
    before the origin: with horizon 1 the usual lag k, which also serves a recursive forecast.

    Parameters
    ----------
    panel : DataFrame
        As ``make_panel`` gives it.
    lags, windows : sequence of int, optional
        In periods. By default those that suit the panel's frequency: weekly up to 8, then 12, 26, 51, 52 and 53, and
        means of 4, 12 and 26 weeks.
    horizon : int
        Periods from the origin to the row.
    aligned : sequence of int, optional
        Lags that are counted from the row itself, so that lag 52 is the same week last year at any horizon. By default
        a year of the panel's frequency with its two neighbours (51, 52, 53; days: 363, 364, 365; months: 11, 12, 13).
    ewm : sequence of float
        Weights of the newest value in exponential means.
    column : str
        What is lagged.

    Returns
    -------
    DataFrame
        With the panel's index, float64: ``lag<k>``; ``mean<w>``, the mean of the w periods up to the origin, NaN
        before w are there; ``ewm<a>``.

    Raises
    ------
    LeakageError
        An aligned lag is shorter than the horizon.
    DataError
        Not a panel, the column is absent, or a count is below 1.

    Notes
    -----
    Known at: the end of the origin.

    Examples
    --------
    >>> import pandas as pd
    >>> weeks = pd.date_range("2024-01-01", periods=4, freq="7D")
    >>> lags(pd.DataFrame({"unique_id": "mug", "ds": weeks, "y": [1.0, 2.0, 4.0, 8.0]}), lags=(1, 2), windows=(2,))
       lag1  lag2  mean2
    0   NaN   NaN    NaN
    1   1.0   NaN    NaN
    2   2.0   1.0    1.5
    3   4.0   2.0    3.0
    """
    starts, freq = check_panel(panel)
    value = numbers(panel, "panel", column)
    lags, windows = _counts("lags", lags), _counts("windows", windows)
    lags = _LAGS[freq] if lags is None else lags
    windows = _WINDOWS[freq] if windows is None else windows
    year = PERIODS_PER_YEAR[freq]
    aligned = (year - 1, year, year + 1) if aligned is None else aligned
    if horizon < 1 or any(k < 1 for k in (*lags, *windows)):
        raise DataError("lags, windows and horizon count periods and are at least 1", value=(tuple(lags), horizon))
    begin = np.repeat(starts[:-1], np.diff(starts))
    columns: dict[str, NDArray[np.float64]] = {}
    for k in lags:
        if k in aligned and k < horizon:
            raise LeakageError(f"lag {k} is not known {horizon} periods ahead. What to do: leave it out of aligned.")
        columns[f"lag{k}"] = _shift(value, begin, k if k in aligned else k + horizon - 1)
    total = np.concatenate([[0.0], np.cumsum(np.nan_to_num(value))])
    gaps = np.concatenate([[0], np.cumsum(np.isnan(value))])
    end = np.arange(len(value)) - horizon + 1  # one past the origin
    for w in windows:
        low = np.clip(end - w, 0, None)
        stop = np.clip(end, 0, None)
        good = (end - w >= begin) & (gaps[stop] == gaps[low])
        columns[f"mean{w}"] = np.where(good, (total[stop] - total[low]) / w, np.nan)
    for a in ewm:
        smooth = pd.Series(value).groupby(begin).ewm(alpha=a, adjust=False).mean().to_numpy()
        columns[f"ewm{a:g}"] = _shift(smooth, begin, horizon)
    return pd.DataFrame(columns, index=panel.index)


@explained(freq="the panel knows its frequency: leave it out.")
def last_year(panel: pd.DataFrame, periods: int | None = None, column: str = "y") -> pd.DataFrame:
    """Look up the same period last year with its neighbours (``panel.LAST_YEAR``) (lesson 04a, section 1).

    Parameters
    ----------
    panel : DataFrame
        As ``make_panel`` gives it.
    periods : int, optional
        Length of the year in periods. By default that of the panel's frequency: 364 days, which keep the weekday,
        52 weeks, or 12 months.
    column : str
        What is looked up.

    Returns
    -------
    DataFrame
        With the panel's index, float64: ``last_year_before``, ``last_year``, ``last_year_after``: the value
        periods + 1, periods, periods - 1 before each row, 0 where it is not known; ``last_year_known`` the share of
        the three that is.

    Raises
    ------
    DataError
        Not a panel, the column is absent, or ``periods`` is below 2.

    Notes
    -----
    Known at: ``periods - 1`` periods ahead; so it may stand among what is known ahead for horizons below a year.

    Examples
    --------
    >>> import pandas as pd
    >>> months = pd.DataFrame({"unique_id": "mug", "ds": pd.date_range("2023-01-01", periods=13, freq="MS")})
    >>> last_year(months.assign(y=range(13))).iloc[-1].round(3).to_dict()
    {'last_year_before': 0.0, 'last_year': 0.0, 'last_year_after': 1.0, 'last_year_known': 0.667}
    """
    starts, freq = check_panel(panel)
    values = numbers(panel, "panel", column)
    periods = PERIODS_PER_YEAR[freq] if periods is None else periods
    if periods < 2:
        raise DataError("a year has at least two periods", value=periods, remedy="leave periods out.")
    begin = np.repeat(starts[:-1], np.diff(starts))
    three = np.stack([_shift(values, begin, periods + step) for step in (1, 0, -1)], axis=1)
    known = np.isfinite(three).mean(axis=1, keepdims=True)
    return pd.DataFrame(np.hstack([np.nan_to_num(three), known]), columns=list(LAST_YEAR), index=panel.index)


def _shift(value: NDArray[np.float64], begin: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    """The value k rows before, within the series that begins at ``begin``; NaN beyond it."""
    row = np.arange(len(value)) - k
    return np.where(row >= begin, value[np.maximum(row, 0)], np.nan)


def _counts(name: str, given: Any) -> Sequence[int] | None:
    """A list of counts as it is; a single number is refused with the list that was meant."""
    if isinstance(given, int | np.integer):
        some = ", ".join(str(k) for k in range(1, 4))
        raise DataError(f"{name} is a list of periods", value=given, remedy=f"write {name}=({given},), or ({some}).")
    found: Sequence[int] | None = given
    return found
