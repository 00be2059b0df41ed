"""Defines days, weeks and months: how a frequency is written, and which period holds a date (lesson 01b, section 1).

The package knows three frequencies: days (``"D"``), weeks from Monday to Sunday (``"W-MON"``) and calendar months
(``"MS"``). Each period is named by its first day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ecomlib.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "FREQUENCIES",
    "PERIODS_PER_YEAR",
    "infer_frequency",
    "parse_date",
    "parse_frequency",
    "period_index",
    "period_start",
]

FREQUENCIES = ("D", "W-MON", "MS")
# A year that keeps the weekday: 364 days are 52 weeks.
PERIODS_PER_YEAR = {"D": 364, "W-MON": 52, "MS": 12}

_NAMES = {
    "D": ("d", "1d", "day", "days", "daily"),
    "W-MON": ("w-mon", "1w-mon", "w", "1w", "7d", "week", "weeks", "weekly"),
    "MS": ("ms", "1ms", "m", "1m", "me", "month", "months", "monthly"),
}
_MEANING = {name: freq for freq, names in _NAMES.items() for name in names}
_CHOICE = (
    '"D" (days), "W-MON" (weeks, Monday to Sunday, named by their Monday) or "MS" (months, named by their first day)'
)


def parse_frequency(freq: Any) -> str:
    """Translate a frequency as people write it into one of ``FREQUENCIES`` (lesson 01b, section 1).

    Parameters
    ----------
    freq : str or pandas offset
        ``"D"``, ``"W-MON"`` or ``"MS"``, or what means the same here: ``"day"``, ``"daily"``, ``"W"``, ``"7D"``,
        ``"weekly"``, ``"M"``, ``"month"``, ``"monthly"``… in capitals or not; an offset such as
        ``pandas.offsets.Day()`` is read by its ``freqstr``.

    Returns
    -------
    str
        ``"D"``, ``"W-MON"`` or ``"MS"``.

    Raises
    ------
    DataError
        Any other frequency; the message says which exist.

    Examples
    --------
    >>> parse_frequency("weekly"), parse_frequency("M"), parse_frequency("1D")
    ('W-MON', 'MS', 'D')
    """
    text = getattr(freq, "freqstr", freq)
    found = _MEANING.get(text.strip().lower()) if isinstance(text, str) else None
    if found is not None:
        return found
    word = text.strip().upper() if isinstance(text, str) else ""
    if word.startswith("W-"):
        remedy = f'use "W-MON"; for other weeks add up a daily panel. The frequencies are {_CHOICE}.'
        raise DataError("weeks run from Monday to Sunday here", value=text, remedy=remedy)
    if text is None:
        raise DataError("unknown frequency: none is given", remedy=f"use {_CHOICE}.")
    if word in ("Y", "YE", "YS", "A", "Q", "QE", "QS", "YEAR", "YEARLY", "QUARTER", "QUARTERLY"):
        remedy = f'add up a monthly panel, make_panel(store, "MS"). The frequencies are {_CHOICE}.'
        raise DataError("unknown frequency: quarters and years are no periods here", value=text, remedy=remedy)
    remedy = f"use {_CHOICE}; add up a daily panel for longer steps."
    raise DataError("unknown frequency", value=text, remedy=remedy)


def parse_date(date: Any, name: str = "date") -> pd.Timestamp:
    """Read one date, without a time zone (lesson 01b, section 1).

    Parameters
    ----------
    date : str, datetime or Timestamp
        Such as ``"2024-01-29"``; a number is none.
    name : str
        What it is, for the message.

    Returns
    -------
    Timestamp

    Raises
    ------
    DataError
        Not a date, an empty one, or one with a time zone.

    Examples
    --------
    >>> parse_date("2024-01-29")
    Timestamp('2024-01-29 00:00:00')
    """
    try:
        if isinstance(date, bool | int | float | np.number):
            raise ValueError("a number is no date")
        found = pd.Timestamp(date)
    except (ValueError, TypeError) as fault:
        value = date if isinstance(date, str | int | float) else type(date).__name__
        raise DataError(f"{name} is not a date", value=value, remedy='write it as "2024-01-31".') from fault
    if found is pd.NaT:
        raise DataError(f"{name} is not a date", value=date, remedy="leave it out, or fill it.")
    if found.tz is not None:
        remedy = f'dates of the shop have no time zone: write "{found:%Y-%m-%d}", or take it away by tz_localize(None).'
        raise DataError(f"{name} has a time zone", value=str(found), remedy=remedy)
    return found


def period_index(dates: Any, freq: str) -> NDArray[np.int64]:
    """Number the periods that hold the given dates, from 1970 on (lesson 01b, section 1).

    Parameters
    ----------
    dates : datetime or sequence of datetimes
    freq : str
        See ``parse_frequency``.
    """
    freq = parse_frequency(freq)
    stamps = np.asarray(dates, dtype="datetime64[ns]")
    count = stamps.astype("datetime64[M]" if freq == "MS" else "datetime64[D]").astype(np.int64)
    return (count + 3) // 7 if freq == "W-MON" else count  # 1969-12-29 was the Monday before day zero


def period_start(index: Any, freq: str) -> NDArray[np.datetime64]:
    """Return the first day of each period, which names it; the inverse of ``period_index`` (lesson 01b, section 1).

    Returns ``datetime64[ns]`` in the shape of ``index``.
    """
    freq, number = parse_frequency(freq), np.asarray(index, dtype=np.int64)
    unit, number = ("M", number) if freq == "MS" else ("D", number if freq == "D" else number * 7 - 3)
    return number.astype(f"datetime64[{unit}]").astype("datetime64[ns]")[()]


def infer_frequency(ds: NDArray[np.datetime64], steps: NDArray[np.timedelta64], recorded: Any = None) -> str:
    """Read the frequency off the first days of periods (lesson 01b, section 1).

    Parameters
    ----------
    ds : ndarray of datetime64, shape (N,)
        First days of periods.
    steps : ndarray of timedelta64
        Differences between neighbouring rows of one series; empty where each series has a single row.
    recorded : str, optional
        What the panel says of itself (``attrs["freq"]``). It decides only where the dates fit several frequencies.

    Raises
    ------
    DataError
        The rows are neither days, weeks nor months apart, or single rows fit several frequencies and none is recorded.
    """
    if steps.size:
        step = float(np.median(steps.astype("timedelta64[D]").astype(np.int64)))
        if step <= 1:
            return "D"
        if step == 7:
            return "W-MON"
        if 28 <= step <= 31:
            return "MS"
        raise DataError(
            "the rows are not a day, a week or a month apart",
            table="panel",
            column="ds",
            value=f"{step:g} days",
            remedy="make it with make_panel, or fill the gaps first.",
        )
    fit = [freq for freq in FREQUENCIES if (period_start(period_index(ds, freq), freq) == ds).all()]
    if not fit:
        raise DataError(
            "dates with a time of day name no period",
            table="panel",
            column="ds",
            value=str(ds[0]),
            remedy="make it with make_panel, or take the first day of each period.",
        )
    if recorded is not None and parse_frequency(recorded) in fit:
        return parse_frequency(recorded)
    if len(fit) > 1:
        raise DataError(
            f"with one row a series the dates fit several frequencies: {', '.join(fit)}",
            table="panel",
            column="ds",
            value=str(ds[0])[:10],
            remedy='say which one it is, such as panel.attrs["freq"] = "W-MON".',
        )
    return fit[0]
