"""Opens lesson 00 with a small game: twenty weeks of three products, an order list by hand, and what it scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.course.game.bots import MEAN, QUANTILE, bot_lists, recent_sales, weekly_sales
from ecomlib.course.game.referee import best_list, wanted
from ecomlib.course.game.rules import ATTAINABLE, LAST_WEEK, WEEKS, Month, make_month, score, whole
from ecomlib.errors import DataError
from ecomlib.stores.store import Store

Orders = Mapping[str, Any] | Sequence[Any] | None


@dataclass(frozen=True, eq=False)
class OpeningGame:
    """Hold the opening game of lesson 00: what is known of three products, and what their next four weeks ask.

    Parameters
    ----------
    past : DataFrame (weeks, 3)
        Units sold, a row a week.
    plan : DataFrame (weeks + 4, 3)
        The planned discount as a share of the price, a row a week: of the weeks that are shown and of those to come.
    month : Month
        The three products and the four weeks to order for.
    demand : ndarray (3, 4)
        What was wanted; do not look before you have ordered.
    lists : dict of str to ndarray (3, 4)
        Last week's, the rules' and the best one.
    """

    past: pd.DataFrame
    plan: pd.DataFrame
    month: Month
    demand: NDArray[np.float64]
    lists: dict[str, NDArray[np.int64]]

    def scores(self, **orders: Orders) -> pd.DataFrame:
        """Score order lists on the lesson's scale: a row a list, best first.

        Parameters
        ----------
        **orders : dict or list
            By the player's name: for each product one number for all four weeks, or four. A player who wrote none,
            ``None``, has no row.

        Returns
        -------
        DataFrame
            ``list``, then the money that each week's mistakes cost, their sum, and the ``score``: 0 for last week's
            list, 100 for the best that anybody could have written.

        Raises
        ------
        DataError
            Another number of products or weeks, an unknown product, or what is no number at or above zero.
        """
        mine = {name: self._units(order) for name, order in orders.items() if order is not None}
        best, last = (self.month.cost(self.lists[name], self.demand) for name in (ATTAINABLE, LAST_WEEK))
        rows = []
        for name, units in (self.lists | mine).items():
            weeks = [self.month.cost(units[:, [k]], self.demand[:, [k]]) for k in range(WEEKS)]
            points = score(sum(weeks), last, best)
            rows.append([name, *np.round(weeks, 1), round(sum(weeks), 1), np.nan if points is None else round(points)])
        names = [f"week {k}" for k in range(1, WEEKS + 1)]
        table = pd.DataFrame(rows, columns=["list", *names, "money", "score"])
        return table.sort_values("money", kind="stable", ignore_index=True)

    def answer(self) -> pd.DataFrame:
        """Tabulate what was wanted, a row a week: to be looked at after the order."""
        return pd.DataFrame(self.demand.T, index=self.month.weeks, columns=list(self.month.products)).astype(int)

    def _units(self, orders: Mapping[str, Any] | Sequence[Any]) -> NDArray[np.int64]:
        products = self.month.products
        if not isinstance(orders, Mapping):
            if len(orders) != len(products):
                remedy = f"write {len(products)} numbers, in this order: {', '.join(products)}."
                raise DataError("the list has another number of products", value=list(orders), remedy=remedy)
            orders = dict(zip(products, orders, strict=True))
        if odd := sorted(set(map(str, orders)) ^ set(products)):
            remedy = f"write a number for each of {', '.join(products)}, and for no other."
            raise DataError("a product is missing, or not one of the three", value=odd[0], remedy=remedy)
        return np.stack([_weeks(orders[product], product) for product in products])


def _weeks(order: Any, product: str) -> NDArray[np.int64]:
    """One product's four orders, of one number or of four."""
    try:
        values = np.asarray(order, dtype=float)
    except (TypeError, ValueError):
        values = np.array([np.nan, np.nan])
    if values.shape not in ((), (1,), (WEEKS,)) or not np.isfinite(values).all() or (values < 0).any():
        remedy = f"write one number of units for all {WEEKS} weeks, or a list of {WEEKS}; none below zero."
        raise DataError(f"this is no order for {product}", value=order, remedy=remedy)
    return np.broadcast_to(whole(values), (WEEKS,))


def opening_game(store: Store, products: Sequence[str] | None = None, *, weeks: int = 20) -> OpeningGame:
    """Deal the opening game of lesson 00 from a simulated store: the last four weeks are to be ordered for.

    Parameters
    ----------
    store : Store
        With its truth, by which lists are scored.
    products : sequence of str, optional
        Three or any other number. Unless given: the tenth, the thirtieth and the hundredth best seller of those weeks
        at size small, and the same places in a smaller or larger catalogue.
    weeks : int
        Of the past, that are shown.

    Returns
    -------
    OpeningGame
        ``game.past`` to look at, ``game.scores(you={…})`` to play, ``game.answer()`` afterwards.
    """
    begin = store.orders["ordered_at"].max().normalize() + pd.Timedelta(days=1) - pd.Timedelta(weeks=WEEKS)
    begin -= pd.Timedelta(days=begin.dayofweek)
    orders = store.orders[store.orders["ordered_at"] < begin]
    first = begin - pd.Timedelta(weeks=weeks)
    recent = orders[orders["ordered_at"] >= first]
    old = store.products[~(store.products["launched_on"] > first)]
    if products is None:
        sold = recent.groupby("product_id")["quantity"].sum().reindex(old["product_id"], fill_value=0)
        ranked = sold.sort_values(ascending=False, kind="stable").index
        products = [ranked[int(len(ranked) * place)] for place in (10 / 600, 30 / 600, 100 / 600)]
    if odd := sorted(set(products) - set(old["product_id"])):
        remedy = f"choose products that were on sale {weeks} weeks before {begin:%Y-%m-%d}."
        raise DataError("the shop did not sell this product then", value=odd[0], remedy=remedy)
    three = store.products[store.products["product_id"].isin(list(products))]
    month = make_month(three, begin, 1)
    lists = bot_lists(recent_sales(orders, three, month), month)
    chosen = {name: lists[name] for name in (LAST_WEEK, MEAN, QUANTILE)} | {ATTAINABLE: best_list(store, month)}
    past = _past(recent, month, weeks)
    return OpeningGame(past, _plan(store, past, month), month, wanted(store, month), chosen)


def _past(orders: pd.DataFrame, month: Month, weeks: int) -> pd.DataFrame:
    sold = weekly_sales(orders)
    table = sold.pivot_table(index="week", columns="product_id", values="quantity", aggfunc="sum")
    index = pd.date_range(end=month.last_known, periods=weeks, freq="7D", name="week")
    return table.reindex(index=index, columns=list(month.products)).fillna(0).astype(int).rename_axis(columns=None)


def _plan(store: Store, past: pd.DataFrame, month: Month) -> pd.DataFrame:
    """The week's mean discount, which a shop plans itself and so knows ahead; 0 where no price says so."""
    index = past.index.append(month.weeks)
    if store.prices is None:
        return pd.DataFrame(0.0, index=index, columns=past.columns)
    monday = store.prices["date"] - pd.to_timedelta(store.prices["date"].dt.dayofweek, unit="D")
    table = store.prices.assign(week=monday).pivot_table(index="week", columns="product_id", values="depth")
    return table.reindex(index=index, columns=past.columns).fillna(0.0).rename_axis(columns=None)
