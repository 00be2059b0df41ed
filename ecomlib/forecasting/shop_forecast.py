"""Forecasts a shop by every rival, and its next order by the best of them (lesson 00, section 6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ecomlib.contract.frame import interval_columns
from ecomlib.ensemble.conformal import split_conformal
from ecomlib.evaluation.answer_card import AnswerCard, CardSettings, answer_card
from ecomlib.evaluation.rivals import MEAN_NAMES, with_rivals
from ecomlib.evaluation.shop_answer import ShopAnswer
from ecomlib.forecasting.backtest import backtest
from ecomlib.forecasting.registry import forecaster

if TYPE_CHECKING:
    from ecomlib.stores.store import Store

LEARNED = {"smoothing": "exponential_smoothing", "LightGBM": "lightgbm"}
REGISTERED = {"naive": "naive", "mean of 8 weeks": "window_mean", "seasonal naive": "seasonal_naive"} | LEARNED


def rival_forecasts(panel: pd.DataFrame, origins: int | Sequence[Any], horizon: int) -> pd.DataFrame:
    """Backtest every rival: last week, mean of 8, last year, smoothing, LightGBM, and ordering nothing.

    Parameters
    ----------
    panel : DataFrame
    origins : int or sequence of dates
    horizon : int
        As in ``backtest``.

    Returns
    -------
    DataFrame
        Scored frame, with a column a rival.
    """
    frame = backtest(
        panel, {name: forecaster(kind) for name, kind in LEARNED.items()}, origins, horizon, negative="clip"
    )
    return with_rivals(frame, panel)


def next_order(
    store: Store,
    panel: pd.DataFrame,
    answer: ShopAnswer,
    scored: pd.DataFrame,
    own: pd.DataFrame | None = None,
    *,
    arriving: pd.Series | None = None,
    today: pd.Timestamp | None = None,
) -> AnswerCard:
    """Make the card of what to order next, by the best forecaster of an answer (lesson 00, section 6).

    Parameters
    ----------
    store : Store
    panel : DataFrame
        Weekly, a series a product, up to the end of the books.
    answer : ShopAnswer
        Its best forecasts the list; the mean of eight weeks where none forecasts the shop.
    scored : DataFrame
        What was scored, whose errors give the intervals.
    own : DataFrame, optional
        Forecasts after the panel's end by a model of the caller's, should it be the best.
    arriving : Series, optional
        Units by ``product_id`` that were ordered before the tables end and arrive for the week of the list.
    today : Timestamp, optional
        See ``CardSettings``.

    Returns
    -------
    AnswerCard
    """
    name = answer.best or MEAN_NAMES[0]
    if own is not None and name in own:
        ahead = own[["unique_id", "ds", "cutoff", name]].reset_index(drop=True)
    else:  # four weeks, so that one of them begins after the books' end whatever day that is
        fitted = forecaster(REGISTERED[name]).fit(panel, 4)
        ahead = fitted.forecast(panel, negative="clip").rename(columns={fitted.forecaster.label: name})
        ahead.attrs = {"point": {name: fitted.point}}
    known = scored.loc[scored["y"].notna(), ["unique_id", "ds", "cutoff", "y", name]].assign(
        root=lambda rows: np.sqrt(rows[name] + 0.5)
    )
    ends = split_conformal(known, ahead.assign(root=np.sqrt(ahead[name] + 0.5)), name, 0.9, scale="root")
    low, high = interval_columns(name, 90)
    ahead = ahead.assign(**{low: np.floor(ends[low]), high: ends[high]})
    how = CardSettings(answer.shop, store.currency, today=today)
    there = {"on_hand": stock_of(store), "arriving": arriving}
    return answer_card(store.orders, store.products, ahead, name, **there, settings=how)


def stock_of(store: Store) -> pd.Series | None:
    """Sum what lay there by product at the end of the last day of the inventory; None without such a table."""
    if store.inventory is None:
        return None
    last = store.inventory[store.inventory["date"] == store.inventory["date"].max()]
    left = last["on_hand_start"] + last["received"] - last["sold"]
    return left.groupby(last["product_id"].to_numpy()).sum().astype(float)
