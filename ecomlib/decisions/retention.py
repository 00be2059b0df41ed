"""Tells who is leaving: a customer's history as it was known at a cut, and the churn label that lies wholly after it.

The label that scores 1.00 ("nothing bought for 90 days, seen from the end of the books") is a column of the table it is
predicted from. Here history ends before the cut, the label begins at it, and examples for training come from earlier
cuts whose label windows are over by then. Lesson 14 derives this in section 1; ``lifetimes`` counts what will be
bought, ``uplift`` asks whom a letter keeps.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ecomlib.errors import DataError

__all__ = ["HISTORY", "churn_examples", "churned", "logged", "purchase_history", "spells", "training_cuts"]

DAY = pd.Timedelta(days=1)
HISTORY = ("orders", "frequency", "recency", "age", "idle", "gap", "money", "mean_money")


def _lines(orders: pd.DataFrame) -> pd.DataFrame:
    """Registered customers' orders, one row each: customer_id, ordered_at, money; by customer and time."""
    needed = ("customer_id", "order_id", "ordered_at", "quantity", "unit_price")
    absent = [name for name in needed if name not in orders]
    if absent:
        raise DataError(
            "a history needs to know who ordered what, when, and for how much",
            table="orders",
            column=absent[0],
            remedy="add the column; guests keep customer_id empty.",
        )
    known = orders[orders["customer_id"].notna().to_numpy()]
    money = known["quantity"].to_numpy(dtype=float) * known["unit_price"].to_numpy(dtype=float)
    each = known.assign(money=money).groupby(["customer_id", "order_id"], observed=True, sort=False)
    found = each.agg(ordered_at=("ordered_at", "min"), money=("money", "sum")).reset_index()
    return found.sort_values(["customer_id", "ordered_at"], ignore_index=True)


def purchase_history(orders: pd.DataFrame, cut: pd.Timestamp | str) -> pd.DataFrame:
    """Summarise each customer's orders before a cut.

    Parameters
    ----------
    orders : DataFrame
        A store's order lines: ``customer_id, order_id, ordered_at, quantity, unit_price``. Guests are left out.
    cut : Timestamp
        Orders from this moment on are unknown.

    Returns
    -------
    DataFrame
        A row a customer who has ordered before, by ``customer_id``. ``orders``; ``frequency``, orders after the first;
        ``recency``, days from the first to the last; ``age``, days from the first to the cut; ``idle``, days from the
        last to the cut; ``gap``, mean days between orders (the age where there is one); ``money`` of all orders and
        ``mean_money`` an order.

    Raises
    ------
    DataError
        A column is missing, or nobody has ordered before the cut.

    Examples
    --------
    >>> lines = {"customer_id": ["ann"] * 3, "order_id": [1, 2, 3], "quantity": 1, "unit_price": [4.0, 8.0, 9.0]}
    >>> lines = pd.DataFrame(lines | {"ordered_at": pd.to_datetime(["2025-01-01", "2025-01-21", "2025-06-01"])})
    >>> purchase_history(lines, "2025-01-31").loc["ann", ["orders", "recency", "age", "idle", "money"]].tolist()
    [2.0, 20.0, 30.0, 10.0, 12.0]
    """
    return _history(_lines(orders), pd.Timestamp(cut))


def _history(each: pd.DataFrame, cut: pd.Timestamp) -> pd.DataFrame:
    past = each[(each["ordered_at"] < cut).to_numpy()]
    if past.empty:
        raise DataError(
            "nobody has ordered before the cut", table="orders", column="ordered_at", value=cut, remedy="cut later."
        )
    of = past.groupby("customer_id", observed=True)
    first, last = of["ordered_at"].min(), of["ordered_at"].max()
    found = pd.DataFrame({"orders": of.size().astype(float)})
    found["frequency"] = found["orders"] - 1
    found["recency"], found["age"], found["idle"] = (last - first) / DAY, (cut - first) / DAY, (cut - last) / DAY
    found["gap"] = np.where(found["frequency"] > 0, found["recency"] / found["frequency"].clip(lower=1), found["age"])
    found["money"] = of["money"].sum()
    found["mean_money"] = found["money"] / found["orders"]
    return found[list(HISTORY)]


def churned(
    orders: pd.DataFrame, cut: pd.Timestamp | str, days: int = 90, *, end: pd.Timestamp | str | None = None
) -> pd.Series:
    """Mark who, of those who had ordered before the cut, orders nothing in the days after it.

    Parameters
    ----------
    orders : DataFrame
        As of ``purchase_history``.
    cut : Timestamp
        The label's window begins here.
    days : int
        Its length.
    end : Timestamp, optional
        Until when the books go; by default to the end of the last order's day. Say so where the shop was closed then.

    Returns
    -------
    Series
        1.0 for who is gone, else 0.0, by ``customer_id``.

    Raises
    ------
    DataError
        The window is not over when the books end: a label that is not known yet is none.

    Notes
    -----
    It is a proxy: who pauses for longer counts as gone, and comes back.

    Examples
    --------
    >>> lines = {"customer_id": ["ann", "bob", "ann", "eve"], "order_id": range(4), "quantity": 1, "unit_price": 4.0}
    >>> lines["ordered_at"] = pd.to_datetime(["2025-01-01", "2025-01-02", "2025-03-01", "2025-06-01"])
    >>> churned(pd.DataFrame(lines), "2025-02-01").to_dict()  # eve is nobody's customer yet
    {'ann': 0.0, 'bob': 1.0}
    """
    return _label(_lines(orders), pd.Timestamp(cut), days, end)


def _label(each: pd.DataFrame, cut: pd.Timestamp, days: int, known: pd.Timestamp | str | None) -> pd.Series:
    end = cut + days * DAY
    books = each["ordered_at"].max().normalize() + DAY if known is None else pd.Timestamp(known)
    if end.normalize() > books:
        raise DataError(
            "the label's window is not over when the books end",
            table="orders",
            column="ordered_at",
            value=f"{end:%Y-%m-%d}, books before {books:%Y-%m-%d}",
            remedy="cut earlier, or take fewer days.",
        )
    who = each.loc[(each["ordered_at"] < cut).to_numpy(), "customer_id"].unique()
    later = each["ordered_at"].between(cut, end, inclusive="left").to_numpy()
    came = np.isin(who, each.loc[later, "customer_id"].unique())
    return pd.Series(1.0 - came, index=pd.Index(who, name="customer_id"), name="churned")


def training_cuts(
    cut: pd.Timestamp | str, first: pd.Timestamp | str, days: int = 90, every: int = 30
) -> list[pd.Timestamp]:
    """List the earlier cuts whose label windows are over by a cut, the latest first.

    Parameters
    ----------
    cut : Timestamp
        When the model is fitted.
    first : Timestamp
        No cut lies before it: the first order plus as much history as examples should have.
    days, every : int
        Length of the label's window, and days from one cut to the next.

    Returns
    -------
    list of Timestamp
        It may be empty.

    Examples
    --------
    >>> [f"{day:%m-%d}" for day in training_cuts("2025-06-30", "2025-02-01")]
    ['04-01', '03-02']
    """
    latest, found = pd.Timestamp(cut) - days * DAY, []
    while latest >= pd.Timestamp(first):
        found.append(latest)
        latest = latest - every * DAY
    return found


def churn_examples(
    orders: pd.DataFrame,
    cuts: Sequence[pd.Timestamp | str],
    days: int = 90,
    *,
    end: pd.Timestamp | str | None = None,
) -> pd.DataFrame:
    """Stack histories and labels of several cuts: what a churn model is fitted on.

    Parameters
    ----------
    orders : DataFrame
        As of ``purchase_history``.
    cuts : sequence of Timestamp
        Of ``training_cuts``, so that every label was known at the time of fitting.
    days : int
        Of the label's window.
    end : Timestamp, optional
        As of ``churned``.

    Returns
    -------
    DataFrame
        ``cut, customer_id``, the columns ``HISTORY`` and ``churned``. A customer stands in it once a cut: folds and
        intervals are by customer.

    Raises
    ------
    DataError
        No cuts, or as ``purchase_history`` and ``churned`` say.
    """
    if not len(cuts):
        raise DataError(
            "there is no earlier cut whose label is known", value=len(cuts), remedy="cut later, or take fewer days."
        )
    each, parts = _lines(orders), []
    for day in cuts:
        at = pd.Timestamp(day)
        part = _history(each, at).assign(churned=_label(each, at, days, end)).reset_index()
        parts.append(part.assign(cut=at))
    found = pd.concat(parts, ignore_index=True)
    return found[["cut", "customer_id", *HISTORY, "churned"]]


def spells(orders: pd.DataFrame, cuts: Sequence[pd.Timestamp | str], end: pd.Timestamp | str) -> pd.DataFrame:
    """Stack histories of several cuts with the days until the next order, as far as it is known at the end.

    Survival models read these: a cut of last month teaches something too, although its label's window is not over.

    Parameters
    ----------
    orders : DataFrame
        As of ``purchase_history``.
    cuts : sequence of Timestamp
        Each before ``end``.
    end : Timestamp
        When the model is fitted: orders from then on are unknown.

    Returns
    -------
    DataFrame
        ``cut, customer_id``, the columns ``HISTORY``, ``days`` and ``back``: 1 where the next order came after so many
        days, 0 where until the end, so many days, none had come (censored).

    Raises
    ------
    DataError
        No cuts, or one that does not lie before the end.

    Examples
    --------
    >>> lines = {"customer_id": ["ann", "bob", "ann"], "order_id": range(3), "quantity": 1, "unit_price": 4.0}
    >>> lines["ordered_at"] = pd.to_datetime(["2025-01-01", "2025-01-02", "2025-03-01"])
    >>> spells(pd.DataFrame(lines), ["2025-02-01"], "2025-04-02")[["customer_id", "days", "back"]].to_numpy().tolist()
    [['ann', 28.0, 1.0], ['bob', 60.0, 0.0]]
    """
    until = pd.Timestamp(end)
    if not len(cuts) or max(pd.Timestamp(day) for day in cuts) >= until:
        raise DataError("a spell begins at a cut before the end", value=until, remedy="give earlier cuts.")
    each, parts = _lines(orders), []
    each = each[(each["ordered_at"] < until).to_numpy()]
    for day in cuts:
        at = pd.Timestamp(day)
        part = _history(each, at)
        later = each[(each["ordered_at"] >= at).to_numpy()].groupby("customer_id", observed=True)["ordered_at"].min()
        came = later.reindex(part.index)
        part["days"] = (came.fillna(until) - at) / DAY
        parts.append(part.assign(back=came.notna().astype(float)).reset_index().assign(cut=at))
    found = pd.concat(parts, ignore_index=True)
    return found[["cut", "customer_id", *HISTORY, "days", "back"]]


def logged(history: pd.DataFrame) -> pd.DataFrame:
    """Take log(1 + value) of the columns of a history, for models that are linear.

    Parameters
    ----------
    history : DataFrame
        Of ``purchase_history`` or ``churn_examples``.

    Returns
    -------
    DataFrame
        The columns ``HISTORY`` alone.
    """
    return np.log1p(history[list(HISTORY)].clip(lower=0.0))
