"""Answers a shop's owner on one card: best sellers by name, months, and what to order next week (lesson 00, section 6).

The list is for periods after the end of the books, never for one that the tables hold already; where the tables are old
the card says so before anything else.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.contract.frame import find_interval, mean_column, point_of
from ecomlib.errors import DataError
from ecomlib.evaluation.rivals import word_of
from ecomlib.files import write_whole

Floats = NDArray[np.float64]
RECENT_DAYS = 56  # in which best sellers are counted
LIST = ["product_id", "title", "week", "expected", "low", "high", "order"]


@dataclass(frozen=True)
class CardSettings:
    """Sets what a card shows: the shop's name and currency, the level of intervals in per cent, how many rows.

    today: the day on which it is read; by default that of the machine.
    """

    shop: str
    currency: str | None = None
    level: float = 90.0
    sellers: int = 10
    months: int = 12
    today: pd.Timestamp | None = None


@dataclass(frozen=True, eq=False)
class AnswerCard:
    """Holds the answer to "what shall we order next week?"; prints as text and shows as tables in a notebook.

    shop: its name. ends: the day of the last order. best_sellers: ``title, product_id, units, money`` of the last eight
    weeks. months: ``month, units, money``. order_list: all products, the largest first: ``product_id, title, week,
    expected, low, high, order``; empty where nothing was forecast. remarks: what has to be known before it is used, the
    most important first.
    """

    shop: str
    ends: pd.Timestamp
    best_sellers: pd.DataFrame
    months: pd.DataFrame
    order_list: pd.DataFrame
    remarks: tuple[str, ...]
    shown: int = 10

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The card's tables by their titles, as they are shown."""
        found = {}
        if len(self.order_list):
            first = self.order_list.iloc[: self.shown]
            week = f"{self.order_list['week'].iloc[0]:%d %B %Y}"
            words = f"What to order for the week from {week}"
            if len(self.order_list) > self.shown:
                words += f": the {self.shown} largest of {len(self.order_list):,} lines"
            ends = ["low", "high"] if first["high"].notna().any() else []
            found[words] = first[["title", "product_id", "expected", *ends, "order"]].round(1)
        found["Best sellers, the last eight weeks"] = self.best_sellers
        found["Units and money by month"] = self.months
        return found

    def __str__(self) -> str:
        lines = [f"{self.shop}, tables up to {self.ends:%d %B %Y}", *self.remarks]
        for title, table in self.tables.items():
            lines += ["", title, table.to_string(index=False)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        head = f"<p><b>{escape(self.shop)}</b>, tables up to {self.ends:%d %B %Y}</p>"
        remarks = "".join(f"<p><strong>{escape(text)}</strong></p>" for text in self.remarks)
        parts = [
            f"<p>{escape(title)}</p>{table.to_html(index=False, border=0, na_rep='')}"
            for title, table in self.tables.items()
        ]
        return head + remarks + "".join(parts)

    def to_csv(self, path: str | os.PathLike[str]) -> Path:
        """Write the whole order list as CSV, whole or not at all; refused where nothing was forecast."""
        return write_whole(path, self.csv())

    def csv(self) -> str:
        """Write the whole order list as the text of a CSV file; refused where nothing was forecast."""
        if self.order_list.empty:
            raise DataError("the card has no order list", remedy="hand a forecast to answer_card.")
        return self.order_list.round(3).to_csv(index=False, lineterminator="\n")


def answer_card(
    orders: pd.DataFrame,
    products: pd.DataFrame,
    forecast: pd.DataFrame | None = None,
    model: str = "",
    *,
    on_hand: pd.Series | None = None,
    arriving: pd.Series | None = None,
    settings: CardSettings,
) -> AnswerCard:
    """Make a shop's card from its tables and a forecast (lesson 00, section 6).

    Parameters
    ----------
    orders : DataFrame
        ``product_id, ordered_at, quantity, unit_price``.
    products : DataFrame
        ``product_id`` and, where it is known, ``title``.
    forecast : DataFrame, optional
        ``unique_id`` (a product's), ``ds``, the model's column and its interval. Its column of means is read where it
        has one. Periods that the tables hold already, in part or whole, are left out.
    model : str
        Whose forecast.
    on_hand : Series, optional
        Units that lie there by ``product_id``, which need not be ordered.
    arriving : Series, optional
        Units by ``product_id`` that were ordered before and will be there in time: they need not be ordered again.
    settings : CardSettings

    Returns
    -------
    AnswerCard

    Raises
    ------
    DataError
        There is no order, or the whole forecast lies in the past.

    Examples
    --------
    >>> import pandas as pd
    >>> orders = pd.DataFrame({"product_id": ["mug"], "ordered_at": [pd.Timestamp("2024-03-03 10:00")]})
    >>> orders = orders.assign(quantity=2, unit_price=5.0)
    >>> weeks = pd.date_range("2024-02-26", periods=2, freq="7D")
    >>> ahead = pd.DataFrame({"unique_id": "mug", "ds": weeks, "gru": [9.0, 1.4]})
    >>> products = pd.DataFrame({"product_id": ["mug"], "title": ["Blue mug"]})
    >>> how = CardSettings("Corner shop", today=pd.Timestamp("2024-03-04"))
    >>> card = answer_card(orders, products, ahead, "gru", settings=how)
    >>> card.order_list[["title", "expected", "order"]].to_dict("records")
    [{'title': 'Blue mug', 'expected': 1.4, 'order': 1}]
    """
    if orders.empty:
        raise DataError("there are no orders", table="orders", remedy="bring the table of order lines.")
    ends = orders["ordered_at"].max().normalize()
    title = dict(zip(products["product_id"], products["product_id"].astype(str), strict=True))
    if "title" in products:
        there = products["title"].notna()
        title |= dict(zip(products.loc[there, "product_id"], products.loc[there, "title"].astype(str), strict=True))
    listed, remarks = pd.DataFrame(columns=LIST), []
    if forecast is not None:
        there = [units for units in (on_hand, arriving) if units is not None]
        listed = _listed(forecast, model, ends, there, settings)
        listed.insert(1, "title", [title.get(name, str(name)) for name in listed["product_id"]])
        remarks = [*_remarks(listed, forecast, model, ends, settings), _taken_off(on_hand, arriving)]
        if listed["high"].isna().any():
            remarks.append("Where no interval stands, too few weeks were tried to promise one.")
    else:
        remarks = _old(ends, None, settings)
    sellers, months = _sellers(orders, title, ends, settings), _months(orders, ends, settings)
    return AnswerCard(settings.shop, ends, sellers, months, listed, tuple(remarks), settings.sellers)


def _listed(
    forecast: pd.DataFrame, model: str, ends: pd.Timestamp, there: list[pd.Series], settings: CardSettings
) -> pd.DataFrame:
    """The order list of the first period that begins after the books' end."""
    ahead = forecast[forecast["ds"] > ends]
    if ahead.empty:
        raise DataError(
            "the forecast lies in the past: every period of it has begun before the tables end",
            column="ds",
            value=f"{forecast['ds'].max():%Y-%m-%d}" if len(forecast) else None,
            remedy=f"forecast from the end of the tables, {ends:%Y-%m-%d}, or further ahead.",
        )
    ahead = ahead[ahead["ds"] == ahead["ds"].min()]
    expected = ahead[mean_column(model) if mean_column(model) in ahead else model].to_numpy(dtype=float)
    try:
        low, high = (ahead[name].to_numpy(dtype=float) for name in find_interval(ahead, model, settings.level))
    except DataError:  # it promises nothing
        low = high = np.full(len(ahead), np.nan)
    need = expected - sum(units.reindex(ahead["unique_id"]).fillna(0.0).to_numpy() for units in there)
    table = pd.DataFrame(
        {
            "product_id": ahead["unique_id"].to_numpy(),
            "week": ahead["ds"].to_numpy(),
            "expected": expected,
            "low": low,
            "high": np.where(np.isfinite(high), high, np.nan),
            "order": whole_units(np.maximum(need, 0.0)),
        }
    )
    return table.sort_values(["expected", "product_id"], ascending=[False, True], ignore_index=True)


def whole_units(need: Floats) -> NDArray[np.int64]:
    """Round needs to whole units that add up to the rounded sum: the largest remainders get the units that are left.

    Rounded each for itself, a thousand products of which 0.4 are needed would get none, or a thousand.

    Examples
    --------
    >>> whole_units(np.array([0.4, 0.4, 2.1, 0.3])).tolist()
    [1, 0, 2, 0]
    """
    units = np.floor(need + 1e-9)  # what a sum of halves leaves just below a whole number is that number
    left = int(np.floor(need.sum() + 0.5) - units.sum())
    units[np.argsort(units - need, kind="stable")[: max(left, 0)]] += 1
    return units.astype(np.int64)


def _old(ends: pd.Timestamp, week: pd.Timestamp | None, settings: CardSettings) -> list[str]:
    """The loud words where the tables are old."""
    today = (settings.today or pd.Timestamp.now()).normalize()
    weeks = (today - ends).days // 7
    if week is not None and week + pd.Timedelta(days=7) <= today:
        return [
            f"THESE TABLES END ON {ends:%d %B %Y}, {weeks:,} WEEKS AGO: the week from {week:%d %B %Y} is over. "
            "Bring newer tables before you order."
        ]
    if week is None and weeks >= 1:
        return [f"THESE TABLES END ON {ends:%d %B %Y}, {weeks:,} WEEK{'S' if weeks > 1 else ''} AGO."]
    return []


def _remarks(
    listed: pd.DataFrame,
    forecast: pd.DataFrame,
    model: str,
    ends: pd.Timestamp,
    settings: CardSettings,
) -> list[str]:
    """What has to be known before the list is used."""
    week = listed["week"].iloc[0]
    said = _old(ends, week, settings)
    if mean_column(model) in forecast or point_of(forecast, model) == "mean":
        said.append(f"{listed['expected'].sum():,.0f} units are expected in all in the week from {week:%d %B %Y}.")
    said.append(f"Forecast by {word_of(model)}.")
    if not listed["expected"].round().any():
        said.append("No single product is expected to sell one unit: order by what you know, not by this list.")
    return said


def _taken_off(on_hand: pd.Series | None, arriving: pd.Series | None) -> str:
    """What the list has subtracted, and what its reader still has to."""
    if on_hand is not None and arriving is not None:
        return "What lies there and what is on its way were taken off."
    if on_hand is not None:
        return (
            "What lies there was taken off. Take off what is on its way, too: these tables do not say how much it is."
        )
    if arriving is not None:
        return (
            "What is on its way was taken off. Take off what lies there, too: these tables do not say how much it is."
        )
    return "Take off what lies there and what is on its way: these tables do not say how much that is."


def _sellers(
    orders: pd.DataFrame, title: dict[object, str], ends: pd.Timestamp, settings: CardSettings
) -> pd.DataFrame:
    recent = orders[orders["ordered_at"] > ends + pd.Timedelta(days=1 - RECENT_DAYS)]
    sums = _sums(recent, recent["product_id"], settings).sort_values("units", ascending=False, kind="stable")
    table = sums.head(settings.sellers).rename_axis("product_id").reset_index()
    table.insert(0, "title", [title.get(name, str(name)) for name in table["product_id"]])
    return table


def _months(orders: pd.DataFrame, ends: pd.Timestamp, settings: CardSettings) -> pd.DataFrame:
    """Units and money of the last months; one that the tables do not hold to its end says until when."""
    table = _sums(orders, orders["ordered_at"].dt.to_period("M"), settings)
    whole = pd.period_range(table.index.min(), ends.to_period("M"), freq="M")
    table = table.reindex(whole, fill_value=0).tail(settings.months)
    names = [str(month) for month in table.index]
    if ends < table.index[-1].end_time.normalize():
        names[-1] += f" (to the {ends.day}.)"
    return table.set_axis(names).rename_axis("month").reset_index()


def _sums(orders: pd.DataFrame, by: pd.Series, settings: CardSettings) -> pd.DataFrame:
    money = f"money, {settings.currency}" if settings.currency else "money"
    paid = orders["quantity"] * orders["unit_price"]
    return pd.DataFrame({"units": orders["quantity"], money: paid}).groupby(by.to_numpy()).sum().round(0).astype(int)
