"""Features with the time at which each was known (lesson 02, section 1; lesson 03, section 1).

Every function says when its values are known, and looks only at what came before. The default is the strict past: an
event at the very moment of a row is not yet known to it. A row of a panel stands for the moment its period starts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ecomlib.errors import DataError, LeakageError
from ecomlib.panel import CALENDAR, FREQUENCIES, LAST_YEAR, check_panel, period_index, period_start

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecomlib.stores import Store

__all__ = ["as_of_join", "calendar", "counts", "customer_panel", "lags", "last_year", "recency", "return_rate"]


def as_of_join(
    left: pd.DataFrame, right: pd.DataFrame, *, on: str | tuple[str, str], by: str | Sequence[str] = (),
    known_after: Any = "0D", columns: Sequence[str] | None = None, suffix: str = "", same_moment: bool = False,
    within: Any = None,
) -> pd.DataFrame:  # fmt: skip
    """``left`` with the newest row of ``right`` that was known at each row's time (lesson 03, section 1).

    Parameters
    ----------
    on: the time column, or its two names (left, right). by: keys that must agree; none for a table without keys.
    known_after: how long after its own time a right row becomes known: "1D" for a date without a time of day, since
        the day is over only then.
    columns: which of right's columns to bring (all but keys and time); ``suffix`` is added to their names.
    same_moment: let a row see what became known at its very moment; False is the strict past.
    within: the longest age of what is brought; older is NaN.

    Returns ``left`` in its order and index, with the columns of ``right``; NaN where nothing was known.
    Known at: the row's own time, by construction. Raises ``DataError`` for absent columns, empty times, name clashes.
    """
    keys = [by] if isinstance(by, str) else list(by)
    here, there = (on, on) if isinstance(on, str) else on
    brought = [c for c in right.columns if c != there and c not in keys] if columns is None else list(columns)
    _need(left, "left", here, *keys)
    _need(right, "right", there, *keys, *brought)
    names = [column + suffix for column in brought]
    clash = [name for name in names if name in left.columns]
    if clash:
        raise DataError("left has this column already", table="left", column=clash[0], remedy="give a suffix.")
    moment = pd.to_datetime(right[there]).astype("datetime64[ns]") + pd.Timedelta(known_after)
    table = pd.concat([right[keys].assign(_known=moment), right[brought].set_axis(names, axis=1)], axis=1)
    table = table[right[keys].notna().all(axis=1)]  # an empty key agrees with nothing
    ask = left[keys].assign(_known=pd.to_datetime(left[here]).astype("datetime64[ns]"), _row=np.arange(len(left)))
    found = pd.merge_asof(
        ask.sort_values("_known", kind="stable"),
        table.sort_values("_known", kind="stable"),
        on="_known",
        by=keys or None,
        allow_exact_matches=same_moment,
        tolerance=None if within is None else pd.Timedelta(within),
    ).sort_values("_row")
    return pd.concat([left, found[names].set_axis(left.index)], axis=1)


def counts(
    events: pd.DataFrame, at: pd.DataFrame, *, by: str | Sequence[str] = ("product_id",),
    on: str | tuple[str, str] = ("ds", "ordered_at"), sums: Sequence[str] = ("quantity",), within: Any = None,
    known_after: Any = "0D",
) -> pd.DataFrame:  # fmt: skip
    """Purchases so far: events of the same key before each row's time (lesson 02, section 1).

    Returns, with ``at``'s index, float64: ``count`` events so far and ``sum_<column>`` for each of ``sums``, in that
    column's unit; those of the last ``within`` ("28D") only, if given.
    Known at: the row's time; an event counts from ``known_after`` past its own time, strictly.
    """
    past = _Past(events, at, by, on, known_after)
    columns = {"count": past.sum(None, within)} | {f"sum_{c}": past.sum(events[c], within) for c in sums}
    return pd.DataFrame(columns, index=at.index)


def recency(
    events: pd.DataFrame, at: pd.DataFrame, *, by: str | Sequence[str] = ("product_id",),
    on: str | tuple[str, str] = ("ds", "ordered_at"), known_after: Any = "0D",
) -> pd.DataFrame:  # fmt: skip
    """Days since the key's last event before each row's time; NaN where there was none (lesson 02, section 1).

    Returns column ``days_since``, float64, with ``at``'s index. Known at: the row's time, as for ``counts``.
    """
    past = _Past(events, at, by, on, known_after)
    age = (past.at - past.last()) / np.timedelta64(1, "D")
    return pd.DataFrame({"days_since": age}, index=at.index)


def return_rate(
    orders: pd.DataFrame, at: pd.DataFrame, *, by: str | Sequence[str] = ("product_id",),
    on: str | tuple[str, str] = ("ds", "ordered_at"), returns_known_after: Any = "30D",
    prior: tuple[float, float] | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Share of order lines sent back, drawn towards the shop's rate where lines are few (lesson 02, section 1).

    The rate is ``(a + returned) / (a + b + lines)``. The beta prior (a, b) is given, or fitted over the keys by the
    moments of the beta-binomial (Kleinman 1973, JASA 68), for each day anew from what was known at its midnight.

    Returns, with ``at``'s index: ``return_rate``, ``lines_known``, and the prior's ``prior_mean`` and ``prior_lines``
    (a + b: so many lines is the prior worth). NaN while no line is known in the whole shop and no prior is given.
    Known at: the row's time; a line counts from ``returns_known_after`` past its order, when nothing more should come
    back. Where ``returned_at`` says that it came back later still, it counts as kept until then. Lines whose
    ``returned`` is empty do not count.
    """
    here, there = (on, on) if isinstance(on, str) else on
    _need(orders, "orders", "returned", there)
    judged = orders[orders["returned"].notna()]
    keys, delay = [by] if isinstance(by, str) else list(by), pd.Timedelta(returns_known_after)
    line = judged[keys].assign(_known=judged[there] + delay)
    came = judged["returned"].to_numpy(dtype=bool)
    back = line[came]
    if "returned_at" in judged:
        moment = judged["returned_at"].to_numpy(dtype="datetime64[ns]")[came]
        back = back.assign(_known=back["_known"].mask(moment > back["_known"].to_numpy(dtype="datetime64[ns]"), moment))
    # Two events a line that came back: it is a line from one moment on, and returned from another.
    past = _Past(pd.concat([line, back], ignore_index=True), at, by, (here, "_known"), "0D")
    one, hit = (np.repeat(pair, (len(line), len(back))) for pair in ((1.0, 0.0), (0.0, 1.0)))
    lines, returned = past.sum(one), past.sum(hit)
    a, b = past.prior(one, hit) if prior is None else (np.full(len(at), prior[0]), np.full(len(at), prior[1]))
    columns = {"return_rate": (a + returned) / (a + b + lines), "lines_known": lines}
    return pd.DataFrame(columns | {"prior_mean": a / (a + b), "prior_lines": a + b}, index=at.index)


def calendar(ds: Any, freq: str = "D", holidays: Iterable[Any] | None = None) -> pd.DataFrame:
    """Calendar columns (``panel.CALENDAR``) of periods named by their first day (lesson 02, section 1).

    ``week_sin, week_cos`` the year's circle at the period's middle, ``…2`` half a year's; ``month`` 1 to 12 and
    ``weekday`` 0 to 6 of the first day; ``to_christmas`` the share of a year until the next 25 December (0 on the day);
    ``holidays`` how many of them fall into the period: by default the bank holidays of England and Wales.
    Known at: always. Returns a frame with the index of ``ds`` if it has one.
    """
    first = pd.DatetimeIndex(ds).as_unit("ns")
    if freq not in FREQUENCIES:
        raise DataError("unknown frequency", value=freq, remedy=f"use one of {', '.join(FREQUENCIES)}.")
    span = first.days_in_month.to_numpy(float) if freq == "MS" else np.full(len(first), 7.0 if freq == "W-MON" else 1.0)
    angle = 2 * np.pi * (first.day_of_year.to_numpy() - 1 + span / 2) / 365.25
    year = first.year.to_numpy() + ((first.month == 12) & (first.day > 25)).astype(int)
    christmas = (year - 1970).astype("datetime64[Y]").astype("datetime64[M]") + 11
    until = christmas.astype("datetime64[D]") + 24 - first.to_numpy().astype("datetime64[D]")
    free = _english_holidays(first) if holidays is None else pd.DatetimeIndex(list(holidays))
    off = np.sort(free.to_numpy().astype("datetime64[D]"))
    low = first.to_numpy().astype("datetime64[D]")
    inside = np.searchsorted(off, low + span.astype("timedelta64[D]")) - np.searchsorted(off, low)
    values = (
        np.sin(angle), np.cos(angle), np.sin(2 * angle), np.cos(2 * angle), first.month.to_numpy(dtype=float),
        first.day_of_week.to_numpy(dtype=float), until.astype(float) / 366, inside.astype(float),
    )  # fmt: skip
    return pd.DataFrame(dict(zip(CALENDAR, values, strict=True)), index=ds.index if isinstance(ds, pd.Series) else None)


def lags(
    panel: pd.DataFrame, lags: Sequence[int] = (1, 2, 3, 4, 5, 6, 7, 8, 12, 26, 51, 52, 53),
    windows: Sequence[int] = (4, 12, 26), *, horizon: int = 1, aligned: Sequence[int] = (51, 52, 53),
    ewm: Sequence[float] = (), column: str = "y",
) -> pd.DataFrame:  # fmt: skip
    """Lags and rolling means for boosting (lesson 04, section 1).

    A row's newest known period, its origin, lies ``horizon`` periods before it. ``lag<k>`` is the value k - 1 periods
    before the origin: with horizon 1 the usual lag k, which also serves a recursive forecast. Lags in ``aligned`` are
    counted from the row itself, so that lag 52 is the same week last year at any horizon. ``mean<w>`` is the mean of
    the w periods up to the origin, NaN before w are there; ``ewm<a>`` the exponential mean, weight a for the newest.

    Returns float64 columns with the panel's index. Known at: the end of the origin.
    Raises ``LeakageError`` when an aligned lag is shorter than the horizon.
    """
    starts, _ = check_panel(panel)
    _need(panel, "panel", column)
    if horizon < 1 or any(k < 1 for k in (*lags, *windows)):
        raise DataError("lags, windows and horizon count periods and are at least 1", value=(tuple(lags), horizon))
    value = panel[column].to_numpy(dtype=float)
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


def last_year(panel: pd.DataFrame, periods: int = 52, column: str = "y") -> pd.DataFrame:
    """The same period last year with its neighbours (``panel.LAST_YEAR``) (lesson 04, section 6).

    ``last_year_before``, ``last_year``, ``last_year_after``: the value periods + 1, periods, periods - 1 before each
    row; 0 where it is not known, and ``last_year_known`` the share of the three that is.
    Known at: ``periods - 1`` periods ahead; so it may stand among what is known ahead for shorter horizons. A daily
    panel takes ``periods=364``, which keeps the weekday.
    """
    starts, _ = check_panel(panel)
    _need(panel, "panel", column)
    value, begin = panel[column].to_numpy(dtype=float), np.repeat(starts[:-1], np.diff(starts))
    three = np.stack([_shift(value, begin, periods + step) for step in (1, 0, -1)], axis=1)
    known = np.isfinite(three).mean(axis=1, keepdims=True)
    return pd.DataFrame(np.hstack([np.nan_to_num(three), known]), columns=list(LAST_YEAR), index=panel.index)


def customer_panel(store: Store, freq: str = "W-MON", ahead: int = 13) -> pd.DataFrame:
    """Each customer's history with the question whether she will come back (lesson 04, section 8).

    One row a customer and period, from her first order to the last period whose answer is known: a panel for
    ``WindowSet``, with ``horizon=1``, ``scale="none"`` and the head "yes_no". ``unique_id`` is the customer. Guests,
    who have no history, are left out.

    ``y`` is 1 where she orders in the ``ahead`` periods that begin with the row's, else 0: 13 weeks are the 90 days of
    protocol C, and 1 - y is churn. Seen from an origin, which is the period before, it lies wholly in the future. **It
    is a label and never a covariate**: keep ``y`` out of ``past``. Targets of training must be over by the origin of
    the test: ``windows.split(origin - (ahead - 1) periods, 1, embargo=ahead - 1)``.
    Past covariates, known when the row's period is over: ``orders``, ``units``, ``money`` of the period, ``gap``, the
    periods since the last order (0: in this one), and their ``log_...``, log(1 + value), for networks.

    An order counts when it is placed, whatever is sent back later. Raises ``DataError`` without customers, or where the
    books hold no ``ahead`` full periods.
    """
    _need(store.orders, "orders", "customer_id", "ordered_at")
    last = int(period_index(store.orders["ordered_at"].max() + pd.Timedelta(days=1), freq)) - 1  # the last full one
    lines = store.orders[store.orders["customer_id"].notna().to_numpy()]
    period = period_index(lines["ordered_at"], freq)
    lines, period = lines[period <= last], period[period <= last]
    if not len(lines) or ahead < 1 or period.min() + ahead > last + 1:
        raise DataError(f"no customer has {ahead} full periods after the first order", table="orders",
                        column="customer_id", remedy="take a smaller ahead, or bring a longer history.")  # fmt: skip
    who, names = pd.factorize(lines["customer_id"], sort=True)
    shape = (len(names), last - int(period.min()) + 1)
    cell = who * shape[1] + period - period.min()
    quantity = lines["quantity"].to_numpy(dtype=float)
    order, distinct = pd.factorize(lines["order_id"])
    once = pd.unique(cell * len(distinct) + order) // len(distinct)  # an order has several lines
    found = {"orders": np.bincount(once, minlength=shape[0] * shape[1])}
    found["units"] = np.bincount(cell, quantity, shape[0] * shape[1])
    found["money"] = np.bincount(cell, quantity * lines["unit_price"].to_numpy(dtype=float), shape[0] * shape[1])
    bought = found["orders"].reshape(shape) > 0
    column = np.arange(shape[1])
    newest = np.maximum.accumulate(np.where(bought, column, -1), axis=1)
    total = np.pad(bought.cumsum(axis=1), ((0, 0), (1, 0)))
    known = column[: shape[1] - ahead + 1]
    alive = newest[:, known] >= 0  # from the first order on
    cells = {name: value.reshape(shape)[:, known][alive].astype(float) for name, value in found.items()}
    cells["gap"] = (column - newest)[:, known][alive].astype(float)
    row, at = np.nonzero(alive)
    head = {"unique_id": np.asarray(names)[row], "ds": period_start(at + period.min(), freq)}
    head["y"] = (total[:, known + ahead] > total[:, known])[alive].astype(float)
    return pd.DataFrame(head | cells | {f"log_{name}": np.log1p(value) for name, value in cells.items()})


def _shift(value: NDArray[np.float64], begin: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    """The value k rows before, within the series that begins at ``begin``; NaN beyond it."""
    row = np.arange(len(value)) - k
    return np.where(row >= begin, value[np.maximum(row, 0)], np.nan)


def _need(frame: pd.DataFrame, table: str, *columns: str) -> None:
    for column in columns:
        if column not in frame.columns:
            raise DataError("the column is missing", table=table, column=column, remedy="check its spelling.")
        if pd.api.types.is_datetime64_any_dtype(frame[column]) and frame[column].isna().any():
            rows = list(np.flatnonzero(frame[column].isna())[:6] + 1)
            raise DataError("a time is empty", table=table, column=column, rows=rows, remedy="leave those rows out.")


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
        moved("New Year", 1, 1, observance=holiday.next_monday), holiday.GoodFriday, holiday.EasterMonday,
        moved("Early May", 5, 1, offset=monday(1)), moved("Spring", 5, 31, offset=monday(-1)),
        moved("Summer", 8, 31, offset=monday(-1)), moved("Christmas", 12, 25, observance=holiday.next_monday),
        moved("Boxing Day", 12, 26, observance=holiday.next_monday_or_tuesday),
    )  # fmt: skip
    calendar = type("England", (holiday.AbstractHolidayCalendar,), {"rules": list(found)})
    return calendar().holidays(days.min(), days.max() + pd.Timedelta(days=31))


class _Past:
    """For each row of ``at``: the events of the same key that were known strictly before it; an empty key has none."""

    def __init__(
        self, events: pd.DataFrame, at: pd.DataFrame, by: str | Sequence[str], on: str | tuple[str, str], delay: Any
    ) -> None:
        keys = [by] if isinstance(by, str) else list(by)
        here, there = (on, on) if isinstance(on, str) else on
        _need(at, "at", here, *keys)
        _need(events, "events", there, *keys)
        self.at, self.delay = at[here].to_numpy(dtype="datetime64[ns]"), pd.Timedelta(delay).to_timedelta64()
        known = events[there].to_numpy(dtype="datetime64[ns]") + self.delay
        code = np.zeros(len(events) + len(at), dtype=np.int64)
        empty = np.zeros(len(code), dtype=bool)
        for column in keys:
            part, values = pd.factorize(pd.concat([events[column], at[column]], ignore_index=True))
            empty |= part < 0
            code = code * len(values) + part
        code = np.where(empty, -1, pd.factorize(code)[0])
        key, self._asked = code[: len(events)], code[len(events) :]
        # Events in order of key and time: a row's past is then a slice, found by binary search.
        self._order = np.lexsort((known, key))
        self._known, self._key = known[self._order], key[self._order]
        self._low = np.searchsorted(self._key, self._asked, side="left")
        self._high = np.where(self._asked < 0, self._low, self._before(self.at))

    def _before(self, moment: NDArray[np.datetime64]) -> NDArray[np.int64]:
        """How many events, in order, come before (asked key, moment)."""
        times, rank = np.unique(np.concatenate([self._known, moment]), return_inverse=True)
        both = np.concatenate([self._key, self._asked]) * len(times) + rank
        return np.searchsorted(both[: len(self._known)], both[len(self._known) :], side="left")

    def sum(self, values: Any, within: Any = None) -> NDArray[np.float64]:
        """Sum of ``values`` (one an event; None counts events) over each row's past, or its last ``within``."""
        ordered = np.ones(len(self._order)) if values is None else np.asarray(values, dtype=float)[self._order]
        total = np.concatenate([[0.0], np.cumsum(ordered)])
        low = self._low
        if within is not None:
            low = np.clip(self._before(self.at - pd.Timedelta(within).to_timedelta64()), self._low, self._high)
        return total[self._high] - total[low]

    def last(self) -> NDArray[np.datetime64]:
        """The own time of the newest event known; NaT without one."""
        some = self._high > self._low
        newest = np.full(len(self.at), np.datetime64("NaT"), dtype="datetime64[ns]")
        newest[some] = self._known[self._high[some] - 1] - self.delay
        return newest

    def prior(
        self, trial: NDArray[np.float64], success: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Beta prior (a, b) for each row, from all keys' trials and successes known before its day began."""
        days, which = np.unique(self.at.astype("datetime64[D]"), return_inverse=True)
        by_time = np.argsort(self._known, kind="stable")
        by_time = by_time[self._key[by_time] >= 0]
        key = self._key[by_time]
        tried, hit = (values[self._order][by_time] for values in (trial, success))
        stop = np.searchsorted(self._known[by_time], days.astype("datetime64[ns]"), side="left")
        n, k = np.zeros(key.max(initial=0) + 1), np.zeros(key.max(initial=0) + 1)
        found, done = np.full((len(days), 2), np.nan), 0
        for row, end in enumerate(stop):
            np.add.at(n, key[done:end], tried[done:end])
            np.add.at(k, key[done:end], hit[done:end])
            done = end
            if end:
                found[row] = _beta_moments(n[n > 0], k[n > 0])
        return found[which, 0], found[which, 1]


def _beta_moments(n: NDArray[np.float64], k: NDArray[np.float64]) -> tuple[float, float]:
    """Prior from trials n and successes k of several keys: the weighted spread of k / n, less what chance explains."""
    total, mean = n.sum(), k.sum() / n.sum()
    chance, slack = mean * (1 - mean), ((1 - n / total) * (n - 1)).sum()
    rho = 0.0
    if chance > 0 and slack > 0:
        spread = (n * (k / n - mean) ** 2).sum()
        rho = (spread / chance - (1 - n / total).sum()) / slack
    strength = 1 / min(max(rho, 1e-4), 0.5) - 1  # no visible difference between keys: the prior is worth 10,000 lines
    return mean * strength, (1 - mean) * strength
