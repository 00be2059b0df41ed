"""Turns forecasts into orders and prices their errors, by the newsvendor model (lesson 00, section 5)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

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
    """Compute the quantile of demand to order, ``c_u / (c_u + c_o)``, a share (lesson 00, section 5).

    ``c_u`` and ``c_o``: money lost by one unit too few and by one too many, numbers or arrays (one a product).
    Arrow, Harris and Marschak (1951).
    """
    under, over = _costs(c_u, c_o)
    share = under / (under + over)
    return float(share) if share.ndim == 0 else share


def newsvendor_order(samples: Any, c_u: float, c_o: float, axis: int = -1) -> NDArray[np.float64]:
    """Find the cheapest order for samples of demand along ``axis``, units (lesson 00, section 5).

    The smallest sample that reaches the critical quantile: no order between two whole units.
    """
    values = np.asarray(samples, dtype=float)
    if values.ndim == 0 or not values.shape[axis] or not np.isfinite(values).all():
        raise DataError("an order needs at least one finite sample of demand", value=values.shape)
    return np.quantile(values, newsvendor_quantile(c_u, c_o), axis=axis, method="inverted_cdf")


def order_from_quantiles(levels: Any, forecast: Any, c_u: Any, c_o: Any) -> NDArray[np.float64]:
    """Read each row's order off its forecast quantiles, units, not rounded, shape (n,) (lesson 00, section 5).

    ``levels`` (Q,) rise between 0 and 1, ``forecast`` (n, Q) holds those quantiles in units, ``c_u`` and ``c_o`` are
    numbers or (n,). Between two levels a straight line; outside them the nearest one, so an order at a ratio of 0.99
    from a forecast that ends at 0.95 is too small.
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


def newsvendor_cost(order: Any, demand: Any, c_u: Any, c_o: Any) -> NDArray[np.float64]:
    """Compute the money lost by each order at the actual demand, arrays of one shape (lesson 00, section 5).

    ``c_u`` for each unit short, ``c_o`` for each unit over: numbers, or one a row. Demand, not sales: a stock-out
    hides the loss.
    """
    under, over = _costs(c_u, c_o)
    ordered, wanted = np.asarray(order, dtype=float), np.asarray(demand, dtype=float)
    return under * np.maximum(wanted - ordered, 0.0) + over * np.maximum(ordered - wanted, 0.0)
