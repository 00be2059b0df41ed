"""Turns order lines into each customer's history (lesson 09, section 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ecomlib.errors import DataError, explained
from ecomlib.features.columns import need
from ecomlib.panel import period_index, period_start
from ecomlib.periods import parse_frequency

if TYPE_CHECKING:
    from ecomlib.stores import Store

__all__ = ["customer_panel"]


_QUARTER = {"D": 91, "W-MON": 13, "MS": 3}


@explained()
def customer_panel(store: Store, freq: str = "W-MON", ahead: int | None = None) -> pd.DataFrame:
    """List each customer's history by period, with the label whether she comes back (lesson 09, section 1).

    Parameters
    ----------
    store : Store
        With ``customer_id`` in its orders. Guests, who have no history, are left out.
    freq : str
        ``"D"``, ``"W-MON"`` or ``"MS"``, or another name of theirs.
    ahead : int, optional
        Periods that the question looks at; by default a quarter of a year. 13 weeks are the 90 days of protocol C.

    Returns
    -------
    DataFrame
        One row a customer and period, from her first order to the last period whose answer is known: a panel for
        ``WindowSet``, with ``horizon=1``, ``scale="none"`` and the head "yes_no". ``unique_id`` is the customer.
        ``y`` is 1 where she orders in the ``ahead`` periods that begin with the row's, else 0; 1 - y is churn.
        ``orders``, ``units``, ``money`` of the period, ``gap``, the periods since the last order (0: in this one), and
        their ``log_...``, log(1 + value), for networks.

    Raises
    ------
    DataError
        No customers, or the books hold no ``ahead`` full periods.

    Notes
    -----
    Known at: the covariates when the row's period is over. Seen from an origin, which is the period before, ``y`` lies
    wholly in the future. **It is a label and never a covariate**: keep ``y`` out of ``past``. Targets of training must
    be over by the origin of the test: ``windows.split(origin - (ahead - 1) periods, 1, embargo=ahead - 1)``.

    An order counts when it is placed, whatever is sent back later.
    """
    freq = parse_frequency(freq)
    ahead = _QUARTER[freq] if ahead is None else ahead
    need(store.orders, "orders", "customer_id", "ordered_at")
    last = int(period_index(store.orders["ordered_at"].max() + pd.Timedelta(days=1), freq)) - 1  # the last full one
    lines = store.orders[store.orders["customer_id"].notna().to_numpy()]
    period = period_index(lines["ordered_at"], freq)
    lines, period = lines[period <= last], period[period <= last]
    if not len(lines) or ahead < 1 or period.min() + ahead > last + 1:
        raise DataError(
            f"no customer has {ahead} full periods after the first order",
            table="orders",
            column="customer_id",
            remedy="take a smaller ahead, or bring a longer history.",
        )
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
    panel = pd.DataFrame(head | cells | {f"log_{name}": np.log1p(value) for name, value in cells.items()})
    panel.attrs["freq"] = freq
    return panel
