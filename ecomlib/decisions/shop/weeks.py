"""Counts a shop's full weeks, the same way for every decision: which panel, up to when, and what is said of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from ecomlib.contract import require_mean
from ecomlib.errors import DataError
from ecomlib.panel import make_panel
from ecomlib.periods import period_start
from ecomlib.stores import rhythm
from ecomlib.stores.oddities import raise_for_wrong_dates
from ecomlib.stores.returns import sold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecomlib.contract import Forecaster
    from ecomlib.decisions.registry import Options
    from ecomlib.stores.store import Store

WEEK = "W-MON"


@dataclass(frozen=True, eq=False)
class Weeks:
    """Hold a shop's full weeks, and where they end.

    Parameters
    ----------
    store : Store
        Without its truth, its units gross or net as was asked.
    first, last : int
        Numbers of the first and the last full week.
    """

    store: Store
    first: int
    last: int

    @property
    def count(self) -> int:
        """How many full weeks there are."""
        return self.last - self.first + 1

    @property
    def begins(self) -> pd.Timestamp:
        """The first day."""
        return monday(self.first)

    @property
    def ends(self) -> pd.Timestamp:
        """The last day, a Sunday."""
        return monday(self.last + 1) - pd.Timedelta(days=1)

    def panel(self, by: Sequence[str] = ("product_id",), ahead: int = 0) -> pd.DataFrame:
        """Count units by series and full week; a week without orders was a closed one, and holds zeros.

        Parameters
        ----------
        by : sequence of str
            What makes a series.
        ahead : int
            Weeks that are appended with the shop's plan alone.
        """
        start, end = monday(self.first), monday(self.last)
        return make_panel(self.store, WEEK, by, start=start, end=end, ahead=ahead, books_end=end)

    def facts(self) -> dict[str, Any]:
        """List what a card says of them."""
        return {
            "shop": self.store.name,
            "weeks": self.count,
            "first_day": f"{self.begins:%Y-%m-%d}",
            "last_day": f"{self.ends:%Y-%m-%d}",
            "currency": self.store.currency or None,
        }

    def said(self) -> str:
        """Say shop, weeks and the last day, as every line begins."""
        return f"{self.store.name}: {self.count} full weeks up to {self.ends:%Y-%m-%d}"


def monday(week: int) -> pd.Timestamp:
    """Return the first day of a week by its number."""
    return pd.Timestamp(period_start(week, WEEK))


def weeks_of(store: Store, options: Options, least: int, what: str) -> Weeks:
    """Find a shop's full weeks, or refuse.

    Parameters
    ----------
    store : Store
    options : Options
        Says which units are counted.
    least : int
        Full weeks without which ``what`` cannot be told.
    what : str
        The decision in words, for the message.

    Raises
    ------
    DataError
        Dates that are wrong, orders that come monthly, or too few weeks.
    """
    shop = sold(store.observed(), options.returns)
    raise_for_wrong_dates(shop.orders, shop.inventory)
    if len(shop.orders) == 0:
        raise DataError("there are no orders", table="orders", remedy="bring the table of order lines.")
    until = None if shop.inventory is None or shop.inventory.empty else shop.inventory["date"].max()
    found = Weeks(shop, rhythm.first_full_week(shop.orders), rhythm.last_full_week(shop.orders, until))
    if not rhythm.rhythm(shop.orders, until).weekly and found.count > 0:
        raise DataError(
            f"these orders come by the month or more rarely, and {what} counts weeks",
            table="orders",
            column="ordered_at",
            remedy="bring the day of each order, or forecast months: ecomlib forecast --freq monthly.",
        )
    if found.count < least:
        raise DataError(
            f"{what} needs {least} full weeks of orders, from Monday to Sunday",
            table="orders",
            value=max(found.count, 0),
            remedy="bring a longer history.",
        )
    return found


def ahead(model: Forecaster, panel: pd.DataFrame, horizon: int) -> pd.DataFrame:
    """Fit on the whole panel and forecast means: a row a series, a column a week, units.

    Parameters
    ----------
    model : Forecaster
        One that gives means.
    panel : DataFrame
    horizon : int
        Weeks.
    """
    frame = model.fit(panel, horizon).forecast(panel, negative="clip")
    return frame.pivot_table(require_mean(frame, model.label), "unique_id", "ds", observed=True)
