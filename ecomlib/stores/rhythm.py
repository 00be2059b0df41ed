"""Recognises how a shop's orders come: by day, week or month, with gaps, in a season (lesson 00, section 6).

Lessons and service count weeks from Monday to Sunday. Whether that suits a shop is a fact of its order lines, and is
said to its owner before anything is computed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.errors import DataError
from ecomlib.periods import period_index, period_start

Floats = NDArray[np.float64]
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
CLOSED = 0.02  # of a week's units: days that hold fewer are days on which the shop is closed
_MARK = 0.1  # a time of day that so many of the lines bear is a date's mark, no moment
_MOST = 0.9  # of lines or units, where a sentence says "nearly all"
_GIANT = 10  # usual days, which a day counts for at most
_LATE = 182  # days of inventory without an order
_FEW_DAYS = 4  # order days, below which nothing is said of a rhythm


@dataclass(frozen=True)
class Rhythm:
    """Hold how a shop's orders come (lesson 00, section 6).

    Parameters
    ----------
    first, last : Timestamp
        Days of the first and the last order.
    until : Timestamp
        The last day of the books, of orders and inventory.
    order_days : int
        Days with an order.
    weeks : int
        Full weeks, from Monday to Sunday; those without an order count.
    begins_late, ends_early : bool
        Whether the first, the last week is not whole.
    cadence : str
        ``"days"``, ``"weeks"`` (one order day a week), ``"two weeks"``, ``"months"``, or ``"rarely"`` for any other
        long step.
    closed : tuple of str
        Days of the week with hardly an order, of a shop that sells on most others.
    dates_only : float
        Share of the lines whose stamp has no time of day.
    gaps : tuple of (Timestamp, int)
        Runs of whole weeks without any order: the first Monday, and how many.
    season : tuple of str
        Months that hold nearly all units, where these are half a year or less; empty without a year of orders.
    idle : float
        Share of the products that have no order in most weeks since their first.
    notes : tuple of str
        The same in sentences for the owner, with what each means.
    """

    first: pd.Timestamp
    last: pd.Timestamp
    until: pd.Timestamp
    order_days: int
    weeks: int
    begins_late: bool
    ends_early: bool
    cadence: str
    closed: tuple[str, ...]
    dates_only: float
    gaps: tuple[tuple[pd.Timestamp, int], ...]
    season: tuple[str, ...]
    idle: float
    notes: tuple[str, ...] = ()

    @property
    def weekly(self) -> bool:
        """Whether a count by week says something: not where orders come monthly or more rarely."""
        return self.cadence in ("days", "weeks", "two weeks")

    @property
    def panel_weeks(self) -> int:
        """Count the full weeks that a panel holds, which ends on a Sunday even where the shop is closed on it."""
        return self.weeks - int(self.until.dayofweek < 6 and not self.ends_early and self.weeks > 0)


def weekday_shares(orders: pd.DataFrame) -> Floats:
    """Compute the share of the units by day of the week, Monday first; one giant order counts as a good day."""
    weekday = orders["ordered_at"].dt.dayofweek
    units = np.bincount(weekday, _tempered(orders, weekday), 7)
    return np.asarray(units / max(units.sum(), 1e-9))


def first_full_week(orders: pd.DataFrame) -> int:
    """Return the number of the first week that these orders hold whole.

    A week that begins late is whole all the same where the shop is closed on the days before its first order.
    """
    first = orders["ordered_at"].min()
    missed = weekday_shares(orders)[: first.dayofweek].sum()
    return int(period_index(first, "W-MON")) + int(missed > CLOSED)


def last_full_week(orders: pd.DataFrame, until: Any = None) -> int:
    """Return the number of the last week that these orders hold whole; ``until``: a later day that the books reach.

    A week that ends early is whole all the same where the shop is closed on the days after its last order.

    Raises
    ------
    DataError
        The later day is half a year after the last order, and more: it is a mistake, or the orders are not all here.
    """
    last = orders["ordered_at"].max().normalize()
    if until is not None:
        raise_for_late_books(last, until)
        last = max(last, pd.Timestamp(until))
    missed = weekday_shares(orders)[last.dayofweek + 1 :].sum()
    return int(period_index(last, "W-MON")) - int(missed > CLOSED)


def raise_for_late_books(last: pd.Timestamp, until: Any) -> None:
    """Raise where the inventory goes on for half a year after the last order: each week would be one without sales.

    Raises
    ------
    DataError
        Names the last day of the inventory.
    """
    silent = (pd.Timestamp(until) - last).days
    if silent >= _LATE:
        raise DataError(
            f"the inventory goes on for {round(silent / 30.4)} months after the last order ({last:%Y-%m-%d}); every "
            "week between would count as one without sales",
            table="inventory",
            column="date",
            value=f"{pd.Timestamp(until):%Y-%m-%d}",
            remedy="correct the date, or add the orders that are missing.",
        )


def marked(ordered_at: pd.Series) -> NDArray[np.bool_]:
    """Find the stamps whose time of day is a mark, no moment: midnight of a date alone, noon, the last second.

    Such a time is borne by a tenth of the lines, or there are no more than two, as where midnight was moved to another
    time zone with a summer time.
    """
    moments = (ordered_at - ordered_at.dt.normalize()).to_numpy()
    code, times = pd.factorize(moments)
    if not len(code):
        return np.zeros(0, dtype=bool)
    often = np.bincount(code) >= max(2.0, _MARK * len(code))
    return np.asarray((often | (len(times) <= 2))[code])


def rhythm(orders: pd.DataFrame, until: Any = None) -> Rhythm:
    """Find how a shop's orders come (lesson 00, section 6).

    Parameters
    ----------
    orders : DataFrame
        Order lines: ``ordered_at``; ``quantity`` and ``product_id`` are used where they are there.
    until : date, optional
        A day that the books reach, such as the last one of the inventory.

    Returns
    -------
    Rhythm

    Raises
    ------
    DataError
        There is no date.

    Examples
    --------
    >>> import pandas as pd
    >>> found = rhythm(pd.DataFrame({"ordered_at": pd.date_range("2024-01-01", periods=26, freq="MS")}))
    >>> found.cadence, found.weekly
    ('months', False)
    """
    lines = orders[orders["ordered_at"].notna()] if "ordered_at" in orders else orders.head(0)
    if lines.empty:
        raise DataError("there is no order with a date", table="orders", remedy="fill the column ordered_at.")
    day = lines["ordered_at"].dt.normalize()
    first, last = day.min(), day.max()
    begin, end = first_full_week(lines), last_full_week(lines, until)
    week = period_index(day, "W-MON")
    here = np.unique(week)
    jump = np.flatnonzero(np.diff(here) > 1)
    cadence, shares = _cadence(day), weekday_shares(lines)
    shut: tuple[str, ...] = ()
    if cadence == "days" and end - begin >= 3:
        shut = tuple(name for name, share in zip(DAYS, shares, strict=True) if share < CLOSED)
    found = Rhythm(
        first=first,
        last=last,
        until=last if until is None else max(last, pd.Timestamp(until)),
        order_days=int(day.nunique()),
        weeks=max(0, end - begin + 1),
        begins_late=begin > here[0],
        ends_early=end < here[-1],
        cadence=cadence,
        closed=shut,
        dates_only=float(marked(lines["ordered_at"]).mean()),
        gaps=tuple((pd.Timestamp(period_start(here[k] + 1, "W-MON")), int(here[k + 1] - here[k] - 1)) for k in jump),
        season=_season(day, _tempered(lines, day.dt.month)),
        idle=_idle(lines, week),
    )
    weekday = DAYS[int(np.argmax(np.bincount(day.dt.dayofweek, minlength=7)))]
    return Rhythm(**{**vars(found), "notes": tuple(_sentences(found, weekday))})


def _units(lines: pd.DataFrame) -> Floats:
    """Units of each line; one, where no number stands."""
    if "quantity" not in lines:
        return np.ones(len(lines))
    return pd.to_numeric(lines["quantity"], errors="coerce").fillna(1).clip(lower=0).to_numpy(dtype=float)


def _tempered(lines: pd.DataFrame, group: pd.Series) -> Floats:
    """Units of each line, less on a day that sold more than ten usual ones of its group (weekday or month).

    One order of a hundred thousand units would make every other day of the week look closed.
    """
    units = pd.Series(_units(lines), index=lines.index)
    day = units.groupby(lines["ordered_at"].dt.normalize()).transform("sum")
    usual = day.groupby(group.to_numpy()).transform("median")
    return np.asarray(units * (_GIANT * usual / day.clip(lower=1e-9)).clip(upper=1))


def _cadence(day: pd.Series) -> str:
    """How far the order days lie apart; days that hold few of the lines are not asked."""
    lines = day.value_counts()
    main = lines[(lines.cumsum() - lines) < _MOST * lines.sum()].index.sort_values()
    if len(main) < _FEW_DAYS:
        return "days"
    step = float(np.median(np.diff(main.to_numpy("datetime64[D]").astype(np.int64))))
    if step < 5:
        return "days"
    named = {"weeks": (5, 9), "two weeks": (12, 16), "months": (26, 33)}
    return next((name for name, (low, high) in named.items() if low <= step <= high), "rarely")


def _season(day: pd.Series, units: Floats) -> tuple[str, ...]:
    """The shortest run of months that holds nearly all units of an average year, where it is half a year or less."""
    if (day.max() - day.min()).days < 360:
        return ()
    all_days = pd.date_range(day.min(), day.max())
    seen = np.bincount(all_days.month - 1, minlength=12)
    rate = np.bincount(day.dt.month - 1, units, 12) / np.maximum(seen, 1)
    if rate.sum() <= 0:
        return ()
    rate = rate / rate.sum()
    for length in range(1, 7):
        held = [rate.take(range(start, start + length), mode="wrap").sum() for start in range(12)]
        if max(held) >= _MOST:
            start = int(np.argmax(held))
            return tuple(MONTHS[(start + k) % 12] for k in range(length))
    return ()


def _idle(lines: pd.DataFrame, week: NDArray[np.int64]) -> float:
    """Share of the products without an order in most weeks from their first one to the end of the books."""
    if "product_id" not in lines:
        return 0.0
    by = pd.Series(week).groupby(lines["product_id"].to_numpy()).agg(["min", "nunique"])
    return float((by["nunique"] / (int(week.max()) - by["min"] + 1) < 0.5).mean()) if len(by) else 0.0


def _counted(weeks: int) -> str:
    return "1 week" if weeks == 1 else f"{weeks:,} weeks"


def _listed(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _sentences(found: Rhythm, weekday: str) -> Iterator[str]:
    """What the owner is told, the gravest first."""
    span = (found.last - found.first).days + 1
    if not found.weekly:
        how = "monthly" if found.cadence == "months" else "rarely"
        yield (
            f"Orders come {how}: on {found.order_days:,} days of {span:,}. Lessons and service count weeks, and most "
            "weeks would be empty: export single orders with their own dates if you can, or forecast months: "
            "ecomlib forecast --freq monthly."
        )
    elif found.cadence == "two weeks":
        yield "Orders come every two weeks: every other week is empty, and a weekly forecast can hardly tell which."
    elif found.cadence == "weeks":
        yield (
            f"Orders come on about one day a week, mostly {weekday}: weeks are whole, but a count by day says no more "
            "than one by week."
        )
    if found.closed:
        yield f"There is hardly an order on {_listed(found.closed)}: a week counts as whole without it."
    if found.dates_only > _MOST:
        yield (
            "The orders have dates without a time of day: in the running week a day counts as over as soon as its "
            "first order is told."
        )
    elif found.dates_only > _MARK:
        yield f"{found.dates_only:.0%} of the orders have the same time of day: it is read as a date without a time."
    if found.begins_late and found.weekly:
        yield f"The first week begins on {found.first:%A} ({found.first:%Y-%m-%d}): it is not whole and not counted."
    if found.ends_early and found.weekly:
        yield f"The last week ends on {found.last:%A} ({found.last:%Y-%m-%d}): it is not whole and not counted."
    if found.gaps and found.weekly and found.cadence != "two weeks":
        longest = sorted(found.gaps, key=lambda gap: (-gap[1], gap[0]))
        shown = "; ".join(f"{_counted(weeks)} from {monday:%Y-%m-%d}" for monday, weeks in longest[:3])
        more = f"; and {len(longest) - 3:,} more gaps" if len(longest) > 3 else ""
        yield (
            f"Weeks without any order: {shown}{more}. They count as zero sales: right for a closed shop, wrong where "
            "rows are missing from the file."
        )
        monday, weeks = longest[0]
        if weeks > 52:
            yield (
                f"No order for {weeks:,} weeks after {monday:%Y-%m-%d}: is a date wrong? Look at the first and the "
                "last rows by date."
            )
    if found.season:
        once = " That is one year: nobody can tell a season from an accident by it." if span < 720 else ""
        months = found.season[0] if len(found.season) == 1 else f"{found.season[0]} to {found.season[-1]}"
        yield (
            f"The shop sells in a season: {months} hold nearly all units. A mean of the last weeks is wrong when it "
            f"begins and when it ends; look at the seasonal naive line.{once}"
        )
    if found.idle > 0.5 and found.weekly:
        yield (
            f"Most weeks are empty for {found.idle:.0%} of the products: their likeliest week is zero, so a median "
            "forecast of them orders nothing. Plan slow sellers by their mean, or by the month."
        )
