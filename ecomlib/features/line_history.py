"""Lists what was known of an order line when its order came in, to ask whether it comes back (lesson 09, section 6).

Everything is counted strictly before the line's moment; a return counts from the day it came, not from the day of its
order: on the day a line is sold nobody knows what will become of last week's.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ecomlib.errors import DataError, explained
from ecomlib.features.asof import counts, recency
from ecomlib.features.columns import need

__all__ = ["line_history", "table_rate"]

_KEYS = {"product": "product_id", "customer": "customer_id", "region": "region_id"}


@explained()
def line_history(orders: pd.DataFrame) -> pd.DataFrame:
    """List for each order line what was known at its moment of product, customer, region and order.

    Parameters
    ----------
    orders : DataFrame
        ``order_id, product_id, ordered_at, quantity, unit_price, returned, returned_at``; ``customer_id`` and
        ``region_id`` where the shop has them.

    Returns
    -------
    DataFrame
        With the index of ``orders``, float64. For ``product``, ``customer`` and ``region``: ``…_lines`` and
        ``…_returns`` so far, and ``…_since``, days since the last line (NaN without one). ``shop_lines`` and
        ``shop_returns`` of the 180 days before. Of the line: ``log_quantity``, ``log_price``, ``log_value``;
        ``log_of_usual``, its log quantity less the mean of the product's so far (0 for the first). Of the order, all of
        which is known when it comes in: ``order_lines``, ``log_order``, its value;
        lines of it that are dated later are not counted. ``hour``.

    Raises
    ------
    DataError
        Columns are missing, or a line came back without a date.

    Notes
    -----
    Known at: the moment of the order. A partial return counts as a return.
    """
    need(orders, "orders", "order_id", "product_id", "ordered_at", "quantity", "unit_price", "returned")
    if "returned_at" not in orders:
        raise DataError(
            "it is not known when lines came back",
            table="orders",
            column="returned_at",
            remedy="add the column; the day on which the money was paid back will do.",
        )
    back = orders[orders["returned"].eq(True).to_numpy()]
    if back["returned_at"].isna().any():
        raise DataError(
            "it is not known when a line came back",
            table="orders",
            column="returned_at",
            rows=(np.flatnonzero(back["returned_at"].isna())[:3] + 1).tolist(),
            remedy="fill it; the day on which the money was paid back will do.",
        )
    moment, came = ("ordered_at", "ordered_at"), ("ordered_at", "returned_at")
    logs = orders.assign(_units=np.log(orders["quantity"].to_numpy(dtype=float).clip(1e-9)))
    found: dict[str, object] = {}
    for name, key in _KEYS.items():
        if key not in orders:
            continue
        so_far = counts(logs, logs, by=key, on=moment, sums=("_units",) if name == "product" else ())
        found[f"{name}_lines"] = so_far["count"]
        found[f"{name}_returns"] = counts(back, orders, by=key, on=came, sums=())["count"]
        found[f"{name}_since"] = recency(orders, orders, by=key, on=moment)["days_since"]
        if name == "product":
            usual = so_far["sum__units"] / so_far["count"].where(so_far["count"] > 0)
            found["log_of_usual"] = (logs["_units"] - usual).fillna(0.0)
    found["shop_lines"] = counts(orders, orders, by=(), on=moment, sums=(), within="180D")["count"]
    found["shop_returns"] = counts(back, orders, by=(), on=came, sums=(), within="180D")["count"]
    price = orders["unit_price"].to_numpy(dtype=float).clip(1e-9)
    value = orders["quantity"].to_numpy(dtype=float) * price
    whole = pd.Series(value, index=orders.index).groupby(
        [orders["order_id"].to_numpy(), orders["ordered_at"].to_numpy()]  # a later line of it is not known yet
    )
    found |= {"log_quantity": logs["_units"], "log_price": np.log(price), "log_value": np.log(value.clip(1e-9))}
    found |= {"order_lines": whole.transform("size"), "log_order": np.log(whole.transform("sum").clip(lower=1e-9))}
    found["hour"] = orders["ordered_at"].dt.hour
    return pd.DataFrame(found, index=orders.index).astype(float)


def table_rate(lines: pd.Series, returns: pd.Series, usual: pd.Series, strength: float) -> pd.Series:
    """Estimate the rate of a key from its counts so far, drawn to the shop's: (returns + s · usual) / (lines + s).

    Parameters
    ----------
    lines, returns : Series
        So far, (n,).
    usual : Series
        The shop's rate at the same moment, (n,).
    strength : float
        As many lines as the shop's rate is worth.

    Examples
    --------
    >>> import pandas as pd
    >>> table_rate(pd.Series([0.0, 90.0]), pd.Series([0.0, 9.0]), pd.Series([0.02, 0.02]), 10.0).tolist()
    [0.02, 0.092]
    """
    return (returns + strength * usual) / (lines + strength)
