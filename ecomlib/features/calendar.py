"""Describes periods by the calendar: the year's circle, Christmas, bank holidays (lesson 02, section 1)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from ecomlib.errors import DataError, explained
from ecomlib.panel import CALENDAR, check_panel, period_index, period_start
from ecomlib.periods import parse_frequency

__all__ = ["calendar"]


@explained(
    panel="the panel comes first, without a name: calendar(panel).",
    country='those of England and Wales are the default; hand others in: calendar(panel, holidays=["2024-10-03"]).',
)
def calendar(dates: Any, freq: str | None = None, holidays: Iterable[Any] | None = None) -> pd.DataFrame:
    """Describe each period by the calendar columns of ``panel.CALENDAR`` (lesson 02, section 1).

    Parameters
    ----------
    dates : DataFrame, or sequence of dates
        A panel, whose frequency is read off it; or the first days of periods, and then ``freq`` says how long these
        are: dates alone cannot tell a Monday from its week.
    freq : str, optional
        Required for dates without a panel. ``"D"``, ``"W-MON"``, ``"MS"``, or another name of theirs.
    holidays : iterable of dates, optional
        Days off. By default the bank holidays of England and Wales.

    Returns
    -------
    DataFrame
        With the index of ``dates`` if it has one, float64: ``week_sin, week_cos`` the year's circle at the period's
        middle, ``…2`` half a year's; ``month`` 1 to 12 and ``weekday`` 0 to 6 of the first day; ``to_christmas`` the
        share of a year until the next 25 December (0 on the day); ``holidays`` how many fall into the period.

    Raises
    ------
    DataError
        Dates without ``freq``, an unknown frequency, a date that is not the first day of its period, or a table that
        is no panel of this frequency.

    Notes
    -----
    Known at: always.

    Examples
    --------
    >>> import pandas as pd
    >>> weeks = pd.DataFrame({"unique_id": "mug", "ds": pd.date_range("2023-12-18", periods=3, freq="7D")})
    >>> calendar(weeks)[["month", "holidays"]]
       month  holidays
    0   12.0       0.0
    1   12.0       2.0
    2    1.0       1.0
    >>> calendar(weeks["ds"], "D")["holidays"].tolist()
    [0.0, 1.0, 1.0]
    """
    if isinstance(dates, pd.DataFrame):
        freq, ds = check_panel(dates, freq)[1], dates["ds"]
    elif isinstance(dates, str | date) or not hasattr(dates, "__len__"):
        store = hasattr(dates, "orders")
        way = "make its panel first: calendar(make_panel(store))" if store else 'calendar(["2024-01-01"], "D")'
        raise DataError(
            "calendar describes a panel, or a list of first days",
            value=str(dates) if isinstance(dates, str | date) else type(dates).__name__,
            remedy=f"hand over the panel, calendar(panel), or such a list: {way}." if not store else f"{way}.",
        )
    elif freq is None:
        raise DataError(
            "dates alone do not say how long their periods are",
            column="ds",
            remedy='hand over the panel itself, or say it: calendar(dates, "W-MON") for weeks, "D" or "MS".',
        )
    else:
        freq, ds = parse_frequency(freq), dates
    try:
        first = pd.DatetimeIndex(ds).as_unit("ns")
    except (ValueError, TypeError) as fault:
        raise DataError(f"these are no dates: {fault}", column="ds", remedy="pd.to_datetime makes dates.") from fault
    if first.tz is not None:
        raise DataError(
            "dates have a time zone", column="ds", value=str(first.tz), remedy="take it away: tz_localize(None)."
        )
    day = first.to_numpy().astype("datetime64[D]")
    wrong = np.flatnonzero(period_start(period_index(day, freq), freq) != day)  # an empty date is wrong too
    if wrong.size:
        raise DataError(
            f"not the first day of a period at frequency {freq}",
            column="ds",
            rows=list(wrong[:6] + 1),
            value=str(day[wrong[0]]),
            remedy="name each period by its first day, as make_panel does.",
        )
    span = first.days_in_month.to_numpy(float) if freq == "MS" else np.full(len(first), 7.0 if freq == "W-MON" else 1.0)
    angle = 2 * np.pi * (first.day_of_year.to_numpy() - 1 + span / 2) / 365.25
    year = first.year.to_numpy() + ((first.month == 12) & (first.day > 25)).astype(int)
    christmas = (year - 1970).astype("datetime64[Y]").astype("datetime64[M]") + 11
    until = christmas.astype("datetime64[D]") + 24 - day
    free = _english_holidays(first) if holidays is None else pd.DatetimeIndex(list(holidays))
    off = np.sort(free.to_numpy().astype("datetime64[D]"))
    inside = np.searchsorted(off, day + span.astype("timedelta64[D]")) - np.searchsorted(off, day)
    values = (
        np.sin(angle),
        np.cos(angle),
        np.sin(2 * angle),
        np.cos(2 * angle),
        first.month.to_numpy(dtype=float),
        first.day_of_week.to_numpy(dtype=float),
        until.astype(float) / 366,
        inside.astype(float),
    )
    return pd.DataFrame(dict(zip(CALENDAR, values, strict=True)), index=ds.index if isinstance(ds, pd.Series) else None)


def _english_holidays(days: pd.DatetimeIndex) -> pd.DatetimeIndex:
    if not len(days):
        return days
    from pandas.tseries import holiday
    from pandas.tseries.offsets import DateOffset

    def moved(name: str, month: int, day: int, **rule: Any) -> holiday.Holiday:
        return holiday.Holiday(name, month=month, day=day, **rule)

    def monday(nth: int) -> DateOffset:
        return DateOffset(weekday=holiday.MO(nth))  # type: ignore[attr-defined]

    found = (
        moved("New Year", 1, 1, observance=holiday.next_monday),
        holiday.GoodFriday,
        holiday.EasterMonday,
        moved("Early May", 5, 1, offset=monday(1)),
        moved("Spring", 5, 31, offset=monday(-1)),
        moved("Summer", 8, 31, offset=monday(-1)),
        moved("Christmas", 12, 25, observance=holiday.next_monday),
        moved("Boxing Day", 12, 26, observance=holiday.next_monday_or_tuesday),
    )
    calendar = type("England", (holiday.AbstractHolidayCalendar,), {"rules": list(found)})
    return calendar().holidays(days.min(), days.max() + pd.Timedelta(days=31))
