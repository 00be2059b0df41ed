"""Scores the next basket as somebody would who knows the simulated store's parameters, and not its luck (lesson 10)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.errors import DataError
from ecomlib.stores.store import Store

Floats = NDArray[np.float64]


def next_basket_reference(
    store: Store, customers: NDArray[np.object_], items: NDArray[np.object_], at: pd.Timestamp, *, window: int = 28
) -> Floats:
    """Compute how often each customer would buy each item next, up to a factor of the customer (lesson 10, section 1).

    Tastes, segments, activity and the law of repeat purchases are known; what sells is read from the window before the
    cut, since momentum and shocks to come are not known. The days until the next basket follow the customer's own rate,
    so an item bought last week is partly due again by then. A segment's taste for a category is read from all sales
    before the cut.

    Parameters
    ----------
    store : Store
        With truth.
    customers, items : array of str
        Whom to serve, (N,), with what, (I,).
    at : Timestamp
        Nothing sold from this day on is read.
    window : int
        Days of sales.

    Returns
    -------
    array
        (N, I), above 0.

    Raises
    ------
    DataError
        The store has no truth.
    """
    truth = store.truth
    if truth is None:
        raise DataError("this reference knows the truth", remedy="use a simulated store.")
    s, people = truth.settings, truth.customers.set_index("customer_id")
    orders = store.orders
    past = orders[(orders["ordered_at"] < at) & orders["customer_id"].notna()]
    past = past[past["product_id"].isin(items)]
    row = people.index.get_indexer(past["customer_id"])
    column = pd.Index(items).get_indexer(past["product_id"])
    place = pd.Index(truth.product_ids).get_indexer(items)
    kinds, kind = np.unique(truth.cold_start["category"].to_numpy()[place], return_inverse=True)
    segment = people["segment"].to_numpy()
    mass = people["activity"].to_numpy() * people["appeal"].to_numpy()
    count = np.zeros((segment.max() + 1, len(kinds)))
    np.add.at(count, (segment[row], kind[column]), 1.0)
    of_segment = np.maximum(np.bincount(segment, mass), 1e-12)
    taste = (count + 1) / of_segment[:, None]
    liking = np.exp(s.taste_strength * truth.customer_taste @ truth.item_taste[place].T)  # (J, I)
    factor = taste[segment][:, kind] * liking
    alive = ~(people["left_on"].to_numpy() < np.datetime64(at))
    share = factor / np.maximum((mass * alive) @ factor, 1e-12)
    recent = past["ordered_at"].to_numpy() >= np.datetime64(at - pd.Timedelta(days=window))
    sold = np.bincount(column[recent], minlength=len(items)) + 0.5
    served = people.index.get_indexer(customers)
    days = (at.normalize() - past["ordered_at"].dt.normalize()).dt.days.to_numpy()
    last = np.full((len(people), len(items)), 10_000)
    np.minimum.at(last, (row, column), days)
    baskets = past.assign(day=days).drop_duplicates(["customer_id", "day"]).groupby("customer_id").size()
    rate = baskets.reindex(people.index).fillna(1).to_numpy() / max(int(days.max()), 1)
    found = share[served] * sold * _repeat(last[served], rate[served], s.repeat_days, (s.repeat_before, s.repeat_due))
    return np.asarray(found)


def _repeat(last: Floats, rate: Floats, edges: tuple[int, int], factors: tuple[float, float]) -> Floats:
    """The repeat factor (N, I) averaged over the days until the next basket, at most 90, at each customer's rate."""
    ahead = np.arange(90)
    weight = (1 - rate[:, None]) ** ahead * rate[:, None]
    weight /= weight.sum(axis=1, keepdims=True)
    found = np.zeros(last.shape)
    for day in ahead:
        gap = last + day
        now = np.where(gap < edges[0], factors[0], np.where(gap < edges[1], factors[1], 1.0))
        found += weight[:, [day]] * now
    return found
