"""Defines the rules of the order-list game: what a list must cover, what a mistake costs, what a list scores.

The two prices of a mistake are those of lesson 00, section 2. The scale has two ends that everybody can check: last
week's list is 0, the best list that anybody could have written (``evaluation.attainable``) is 100.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.decisions.newsvendor import newsvendor_cost
from ecomlib.errors import DataError
from ecomlib.evaluation import skill

WEEKS = 4  # of a month, and the columns of a list
LEAST_MARGIN = 0.01  # money: a product sold at cost is still wanted by somebody
OVER_SHARE = 0.25  # of the unit cost: storage, markdown and tied-up money
TURN = "turn.json"  # beside the sheets of a round of the quarter
LAST_WEEK, ATTAINABLE, AVERAGE = "last week", "attainable", "the room's average"

Units = NDArray[np.int64]


@dataclass(frozen=True)
class Talk:
    """Hold the words of one kind of game: what a turn is called, and which two lines are the ends of its scale."""

    turn: str = "month"
    column: str = "month"  # of the board
    zero: str = LAST_WEEK
    best: str = ATTAINABLE
    money: str = "lost"  # of a result's rows
    scale: str = "0 is last week's list, 100 the best list that anybody could have written."
    absent: str = "not in the game yet: last week's list"
    own: str = "own list"
    again: str = "last month's list again"
    fallen: str = "last week's list"
    asks: str = "order for its four weeks"
    shows: str = "What customers wanted, week by week: room/what-was-wanted.csv."


ORDERS = Talk()


def whole(order: NDArray[np.float64]) -> Units:
    """Round an order to whole units, a half to the even neighbour, as lesson 00 does.

    Examples
    --------
    >>> whole(np.array([1.4, 1.5, 2.5])).tolist()
    [1, 2, 2]
    """
    return np.round(order).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Month:
    """Hold what a month's list must cover: P products by identifier, four weeks, and what a mistake costs.

    Parameters
    ----------
    number : int
        The first month is 1.
    products : tuple of str (P,)
        Sorted.
    weeks : DatetimeIndex (4,)
        Mondays.
    c_u, c_o : ndarray (P, 1)
        Money lost by one unit too few and by one too many.
    """

    number: int
    products: tuple[str, ...]
    weeks: pd.DatetimeIndex
    c_u: NDArray[np.float64]
    c_o: NDArray[np.float64]

    @property
    def last_known(self) -> pd.Timestamp:
        """The Monday of the last week that the tables hold."""
        return self.weeks[0] - pd.Timedelta(weeks=1)

    def cost(self, units: NDArray[np.float64] | Units, demand: NDArray[np.float64]) -> float:
        """Compute the money that a list (P, 4) loses at what was wanted (P, 4)."""
        return float(newsvendor_cost(units, demand, self.c_u, self.c_o).sum())

    def grid(self, products: Any, weeks: Any, values: Any) -> NDArray[np.float64]:
        """Lay rows out as a list, (P, 4); a pair that no row names is missing, other products and weeks are left out.

        Parameters
        ----------
        products, weeks, values : array (n,)
            Each pair of product and week once.
        """
        row, column = pd.Index(self.products).get_indexer(products), self.weeks.get_indexer(pd.DatetimeIndex(weeks))
        ours, table = (row >= 0) & (column >= 0), np.full((len(self.products), WEEKS), np.nan)
        table[row[ours], column[ours]] = np.asarray(values, dtype=float)[ours]
        return table

    def frame(self, units: Units) -> pd.DataFrame:
        """Write a list (P, 4) as it is handed in: ``product_id, week, units``."""
        return pd.DataFrame(
            {
                "product_id": np.repeat(np.array(self.products, dtype=object), WEEKS),
                "week": np.tile(self.weeks.strftime("%Y-%m-%d").to_numpy(), len(self.products)),
                "units": units.ravel(),
            }
        )


def mistake_costs(products: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Compute what one unit too few (the margin) and one too many (a quarter of the cost) cost, by product.

    Parameters
    ----------
    products : DataFrame
        ``product_id, list_price, unit_cost``.

    Returns
    -------
    tuple of Series
        c_u and c_o, money a unit, indexed by ``product_id``.

    Examples
    --------
    >>> c_u, c_o = mistake_costs(pd.DataFrame({"product_id": ["mug"], "list_price": [7.0], "unit_cost": [4.0]}))
    >>> c_u["mug"].item(), c_o["mug"].item()
    (3.0, 1.0)
    """
    frame = products.set_index("product_id")
    c_u = (frame["list_price"] - frame["unit_cost"]).clip(lower=LEAST_MARGIN)
    return c_u.rename("c_u"), (OVER_SHARE * frame["unit_cost"]).rename("c_o")


def month_of(folder: Path, number: int = 0) -> Month:
    """Read off a month's tables what its list must cover: their products, and the four weeks that the plan goes on.

    Raises
    ------
    DataError
        The folder holds no month's tables.
    """
    names = {"products": ["product_id", "list_price", "unit_cost"], "prices": ["date"]}
    try:
        products, prices = (pd.read_parquet(folder / f"{name}.parquet", columns=held) for name, held in names.items())
    except (OSError, ValueError) as fault:
        remedy = "name the folder of one month, such as room/month-1: it holds products.parquet and prices.parquet."
        raise DataError("these are not a month's tables", value=str(folder), remedy=remedy) from fault
    return make_month(products, prices["date"].max() + pd.Timedelta(days=1) - pd.Timedelta(weeks=WEEKS), number)


def make_month(products: pd.DataFrame, begin: pd.Timestamp, number: int) -> Month:
    """Make the month that begins on a Monday, of the products that are on sale then."""
    c_u, c_o = (costs.sort_index() for costs in mistake_costs(products))
    weeks = pd.date_range(begin, periods=WEEKS, freq="7D").as_unit("ns")
    return Month(number, tuple(c_u.index), weeks, c_u.to_numpy()[:, None], c_o.to_numpy()[:, None])


def score(cost: float, last_week: float, attainable: float) -> float | None:
    """Score a list: ``100 · (last week − yours) / (last week − attainable)``.

    Parameters
    ----------
    cost, last_week, attainable : float
        Money lost by the list, by last week's, and by the best one that anybody could have written.

    Returns
    -------
    float or None
        0 for last week's, 100 for the best; None where last week's list was no worse than that one by luck.

    Examples
    --------
    >>> score(700, last_week=1000, attainable=500), score(1100, 1000, 500), score(900, 1000, 1000)
    (60.0, -20.0, None)
    """
    return 100 * skill(last_week, cost, attainable) if last_week > attainable else None
