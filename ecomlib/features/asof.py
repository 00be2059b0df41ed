"""Joins and counts what was known at each row's time (lesson 02, section 1; lesson 02b, section 1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ecomlib.errors import DataError, explained
from ecomlib.features.columns import need

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["as_of_join", "counts", "recency", "return_rate"]


@explained()
def as_of_join(
    left: pd.DataFrame,
    right: pd.DataFrame,
    *,
    on: str | tuple[str, str],
    by: str | Sequence[str] = (),
    known_after: Any = "0D",
    columns: Sequence[str] | None = None,
    suffix: str = "",
    same_moment: bool = False,
    within: Any = None,
) -> pd.DataFrame:
    """Join to ``left`` the newest row of ``right`` that was known at each row's time (lesson 02b, section 1).

    Parameters
    ----------
    left : DataFrame
        The rows that ask, such as a panel.
    right : DataFrame
        What became known in the course of time, such as prices or reviews.
    on : str or tuple of str
        The time column, or its two names (left, right).
    by : str or sequence of str
        Keys that must agree; none for a table without keys.
    known_after : timedelta
        How long after its own time a right row becomes known: "1D" for a date without a time of day, since the day is
        over only then.
    columns : sequence of str, optional
        Which of right's columns to bring; all but keys and time unless given.
    suffix : str
        Added to their names.
    same_moment : bool
        Let a row see what became known at its very moment; False is the strict past.
    within : timedelta, optional
        The longest age of what is brought; older is NaN.

    Returns
    -------
    DataFrame
        ``left`` in its order and index, with the columns of ``right``; NaN where nothing was known.

    Raises
    ------
    DataError
        Absent columns, empty times, name clashes.

    Notes
    -----
    Known at: the row's own time, by construction.

    Examples
    --------
    >>> import pandas as pd
    >>> asked = pd.DataFrame({"ds": pd.to_datetime(["2024-01-01", "2024-01-08"]), "product_id": "mug"})
    >>> prices = pd.DataFrame({"ds": pd.to_datetime(["2024-01-03"]), "product_id": "mug", "price": [5.0]})
    >>> as_of_join(asked, prices, on="ds", by="product_id")["price"].tolist()
    [nan, 5.0]
    """
    keys = [by] if isinstance(by, str) else list(by)
    here, there = (on, on) if isinstance(on, str) else on
    brought = [c for c in right.columns if c != there and c not in keys] if columns is None else list(columns)
    need(left, "left", here, *keys)
    need(right, "right", there, *keys, *brought)
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


@explained()
def counts(
    events: pd.DataFrame,
    at: pd.DataFrame,
    *,
    by: str | Sequence[str] = ("product_id",),
    on: str | tuple[str, str] = ("ds", "ordered_at"),
    sums: Sequence[str] = ("quantity",),
    within: Any = None,
    known_after: Any = "0D",
) -> pd.DataFrame:
    """Count purchases so far: events of the same key before each row's time (lesson 02, section 1).

    Returns, with ``at``'s index, float64: ``count`` events so far and ``sum_<column>`` for each of ``sums``, in that
    column's unit; those of the last ``within`` ("28D") only, if given.
    Known at: the row's time; an event counts from ``known_after`` past its own time, strictly.
    """
    past = _Past(events, at, by, on, known_after)
    columns = {"count": past.sum(None, within)} | {f"sum_{c}": past.sum(events[c], within) for c in sums}
    return pd.DataFrame(columns, index=at.index)


@explained()
def recency(
    events: pd.DataFrame,
    at: pd.DataFrame,
    *,
    by: str | Sequence[str] = ("product_id",),
    on: str | tuple[str, str] = ("ds", "ordered_at"),
    known_after: Any = "0D",
) -> pd.DataFrame:
    """Count days since the key's last event before each row's time; NaN if there was none (lesson 02, section 1).

    Returns column ``days_since``, float64, with ``at``'s index. Known at: the row's time, as for ``counts``.
    """
    past = _Past(events, at, by, on, known_after)
    age = (past.at - past.last()) / np.timedelta64(1, "D")
    return pd.DataFrame({"days_since": age}, index=at.index)


@explained()
def return_rate(
    orders: pd.DataFrame,
    at: pd.DataFrame,
    *,
    by: str | Sequence[str] = ("product_id",),
    on: str | tuple[str, str] = ("ds", "ordered_at"),
    returns_known_after: Any = "30D",
    prior: tuple[float, float] | None = None,
) -> pd.DataFrame:
    """Estimate the share of order lines sent back, shrunk to the shop's where lines are few (lesson 02, section 1).

    The rate is ``(a + returned) / (a + b + lines)``. The beta prior (a, b) is given, or fitted over the keys by the
    moments of the beta-binomial (Kleinman 1973, JASA 68), for each day anew from what was known at its midnight.

    Returns, with ``at``'s index: ``return_rate``, ``lines_known``, and the prior's ``prior_mean`` and ``prior_lines``
    (a + b: so many lines is the prior worth). NaN while no line is known in the whole shop and no prior is given.
    Known at: the row's time; a line counts from ``returns_known_after`` past its order, when nothing more should come
    back. Where ``returned_at`` says that it came back later still, it counts as kept until then. Lines whose
    ``returned`` is empty do not count.
    """
    here, there = (on, on) if isinstance(on, str) else on
    need(orders, "orders", "returned", there)
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


class _Past:
    """For each row of ``at``: the events of the same key that were known strictly before it; an empty key has none."""

    def __init__(
        self, events: pd.DataFrame, at: pd.DataFrame, by: str | Sequence[str], on: str | tuple[str, str], delay: Any
    ) -> None:
        keys = [by] if isinstance(by, str) else list(by)
        here, there = (on, on) if isinstance(on, str) else on
        need(at, "at", here, *keys)
        need(events, "events", there, *keys)
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
