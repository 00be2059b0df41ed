"""What a forecast's error costs when it becomes an order (lesson 00, section 5)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.errors import DataError


def _costs(c_u: float, c_o: float) -> None:
    if not (np.isfinite(c_u) and np.isfinite(c_o) and c_u >= 0 and c_o >= 0 and c_u + c_o > 0):
        remedy = "give the margin lost on one unit too few and the cost of one unit too many."
        raise DataError("costs must be at or above zero, and one above it", value=(c_u, c_o), remedy=remedy)


def newsvendor_quantile(c_u: float, c_o: float) -> float:
    """The quantile of demand to order, ``c_u / (c_u + c_o)`` (lesson 00, section 5).

    ``c_u`` and ``c_o``: money lost by one unit too few and by one too many. Arrow, Harris and Marschak (1951).
    """
    _costs(c_u, c_o)
    return c_u / (c_u + c_o)


def newsvendor_order(samples: Any, c_u: float, c_o: float, axis: int = -1) -> NDArray[np.float64]:
    """The cheapest order for samples of demand along ``axis``, units (lesson 00, section 5).

    The smallest sample that reaches the critical quantile: no order between two whole units.
    """
    values = np.asarray(samples, dtype=float)
    if values.ndim == 0 or not values.shape[axis] or not np.isfinite(values).all():
        raise DataError("an order needs at least one finite sample of demand", value=values.shape)
    return np.quantile(values, newsvendor_quantile(c_u, c_o), axis=axis, method="inverted_cdf")


def newsvendor_cost(order: Any, demand: Any, c_u: float, c_o: float) -> NDArray[np.float64]:
    """Money lost by each order against the demand that came, arrays of one shape (lesson 00, section 5).

    ``c_u`` for each unit short, ``c_o`` for each unit over. Demand, not sales: a stock-out hides the loss.
    """
    _costs(c_u, c_o)
    ordered, wanted = np.asarray(order, dtype=float), np.asarray(demand, dtype=float)
    return c_u * np.maximum(wanted - ordered, 0.0) + c_o * np.maximum(ordered - wanted, 0.0)
