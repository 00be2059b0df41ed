"""Turns forecasts into orders and prices their errors, by the newsvendor model (lesson 00, section 4)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.contract.frame import known_quantiles, point_of, quantile_columns
from ecomlib.errors import DataError


def _costs(c_u: Any, c_o: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    under, over = np.asarray(c_u, dtype=float), np.asarray(c_o, dtype=float)
    fine = np.isfinite(under) & np.isfinite(over) & (under >= 0) & (over >= 0) & (under + over > 0)
    if not fine.all():
        first = np.flatnonzero(~np.broadcast_to(fine, np.broadcast(under, over).shape).ravel())[0]
        value = tuple(float(part.ravel()[first]) for part in np.broadcast_arrays(under, over))
        remedy = "give the margin lost on one unit too few and the cost of one unit too many."
        raise DataError("costs must be at or above zero, and one above it", value=value, remedy=remedy)
    return under, over


def newsvendor_quantile(c_u: Any, c_o: Any) -> Any:
    """Compute the quantile of demand to order, ``c_u / (c_u + c_o)``, a share (lesson 00, section 4).

    Parameters
    ----------
    c_u, c_o : float or array
        Money lost by one unit too few and by one too many; numbers, or one a product.

    Returns
    -------
    float or ndarray
        Between 0 and 1: a number for numbers.

    Raises
    ------
    DataError
        A cost is below zero, or both are zero.

    References
    ----------
    Arrow, Harris and Marschak (1951), *Optimal Inventory Policy*.
    """
    under, over = _costs(c_u, c_o)
    share = under / (under + over)
    return float(share) if share.ndim == 0 else share


def order_from_quantiles(levels: Any, forecast: Any, c_u: Any, c_o: Any) -> NDArray[np.float64]:
    """Read each row's order off its forecast quantiles, units, not rounded, shape (n,) (lesson 00, section 4).

    Parameters
    ----------
    levels : array (Q,)
        Shares between 0 and 1, rising.
    forecast : array (n, Q)
        Those quantiles, units.
    c_u, c_o : float or array (n,)
        Money lost by one unit too few and by one too many.

    Returns
    -------
    ndarray of float (n,)
        Between two levels a straight line; outside them the nearest one, so an order at a ratio of 0.99 from a
        forecast that ends at 0.95 is too small.

    Raises
    ------
    DataError
        The levels do not rise, or the forecast has another number of columns.
    """
    shares, table = np.asarray(levels, dtype=float), np.asarray(forecast, dtype=float)
    if shares.ndim != 1 or table.ndim != 2 or table.shape[1] != len(shares) or (np.diff(shares) <= 0).any():
        raise DataError(
            "the forecast needs one column for each level, and levels rise",
            value=(shares.shape, table.shape),
            remedy="pass levels of shape (Q,) and a forecast of shape (n, Q).",
        )
    ratio = np.broadcast_to(newsvendor_quantile(c_u, c_o), len(table))
    return np.array([np.interp(share, shares, row) for share, row in zip(ratio, table, strict=True)])


def order_quantities(frame: pd.DataFrame, model: str, c_u: Any, c_o: Any) -> NDArray[np.float64]:
    """Order each row of a forecast frame at its critical ratio (lesson 00, section 4).

    Parameters
    ----------
    frame : DataFrame
        A forecast frame with quantiles of the model (``gru-q0.75``), or ends of its intervals, which are read as the
        quantiles that they stand for (``gru-lo-90`` as 0.05) and go before quantiles of their share; the point forecast
        too where it is a median. What contradicts the ends (a 0.99-quantile below the end at 0.95) is moved to them.
    model : str
        Whose forecast.
    c_u, c_o : float or array
        Money lost by one unit too few and by one too many; numbers, or one a row.

    Returns
    -------
    ndarray of float
        Units, not rounded, one a row. Between two quantiles a straight line; outside them the nearest one.

    Raises
    ------
    DataError
        The frame holds no two quantiles of the model, or sums of its medians; or an order would be infinite.

    Notes
    -----
    Each row is **one** period's order. A season's order is no sum of these: quantiles do not add up (the season's
    0.9-quantile lies below the sum of the weeks' unless these rise and fall together), nor do medians. Add up means
    (``sum_forecasts`` and ``require_mean`` of ``ecomlib.contract``), or forecast the season's total by itself.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"gru-q0.5": [4.0, 8.0], "gru-q0.9": [8.0, 20.0]})
    >>> order_quantities(frame, "gru", c_u=3, c_o=1)
    array([ 6.5, 15.5])
    """
    if point_of(frame, model).startswith("sum of"):
        raise DataError(
            f"these rows are sums ({point_of(frame, model)}), and neither quantiles nor medians add up",
            column=model,
            remedy="order period by period before summing, or sum a mean: sum_forecasts, then require_mean.",
        )
    columns = known_quantiles(frame, model)
    if len(columns) < 2:
        raise DataError(
            f"an order needs two quantiles of '{model}' or more, and the frame holds {len(columns) or 'none'}",
            column=model,
            remedy='forecast quantiles (a network with head="quantile"), or put an interval around the point forecast: '
            'forecaster("conformal", member=…).',
        )
    orders = order_from_quantiles(list(columns), _in_order(frame, model, columns), c_u, c_o)
    if not np.isfinite(orders).all():
        raise DataError(
            "an order is infinite or missing: the interval has no finite end",
            column=model,
            rows=[int(np.argmin(np.isfinite(orders)))],
            remedy="calibrate on more rows, or order by the point forecast until there are some.",
        )
    return orders


def _in_order(frame: pd.DataFrame, model: str, columns: dict[float, str]) -> NDArray[np.float64]:
    """The quantiles, (rows, shares), with those that cross an interval's end moved to it: the ends are calibrated."""
    table = frame[list(columns.values())].to_numpy(dtype=float, copy=True)
    own = {model, *quantile_columns(frame, model).values()}
    ends = [place for place, column in enumerate(columns.values()) if column not in own]
    for place in set(range(len(columns))) - set(ends):
        for end in ends:
            bound = np.maximum if end < place else np.minimum
            table[:, place] = bound(table[:, place], table[:, end])
    return table


def newsvendor_cost(order: Any, demand: Any, c_u: Any, c_o: Any) -> NDArray[np.float64]:
    """Compute the money lost by each order at the actual demand, arrays of one shape (lesson 00, section 4).

    Parameters
    ----------
    order, demand : array
        Units, of one shape. Demand, not sales: a stock-out hides the loss.
    c_u, c_o : float or array
        Money lost by each unit short, and by each unit over; numbers, or one a row.

    Returns
    -------
    ndarray of float
        Money, at or above zero, one an order.
    """
    under, over = _costs(c_u, c_o)
    ordered, wanted = np.asarray(order, dtype=float), np.asarray(demand, dtype=float)
    return under * np.maximum(wanted - ordered, 0.0) + over * np.maximum(ordered - wanted, 0.0)
