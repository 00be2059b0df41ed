"""Divides scarce stock among regions by a linear programme (lesson 12, section 5)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.errors import DataError

Floats = NDArray[np.float64]


def steps_of(levels: Any, quantiles: Any) -> tuple[Floats, Floats]:
    """Cut demand into steps: how wide each is, and how likely its units are wanted.

    Between two quantiles a unit is wanted with a probability that falls from one less the lower level to one less the
    upper; the middle stands for the step. The first step ends at the lowest quantile.

    Parameters
    ----------
    levels : array (K,)
        Shares between 0 and 1, rising.
    quantiles : array (…, K)
        Units, rising along the last axis.

    Returns
    -------
    tuple of array
        Widths (…, K), units, and chances (K,).

    Raises
    ------
    DataError
        Levels or quantiles that do not rise, or shapes that do not fit.

    Examples
    --------
    >>> widths, chance = steps_of([0.2, 0.6], [[3.0, 5.0]])
    >>> widths.tolist(), chance.tolist()
    ([[3.0, 2.0]], [0.9, 0.6])
    """
    shares, table = np.asarray(levels, dtype=float), np.asarray(quantiles, dtype=float)
    if shares.ndim != 1 or table.ndim < 1 or table.shape[-1:] != shares.shape or not len(shares):
        raise DataError("quantiles need one column for each level", value=(shares.shape, table.shape))
    edges = np.concatenate([[0.0], shares])
    if not ((np.diff(edges) > 0).all() and shares[-1] < 1):
        raise DataError("levels are shares between 0 and 1, rising", value=shares.tolist())
    widths = np.diff(table, axis=-1, prepend=0.0)
    if not (np.isfinite(table).all() and (widths >= 0).all()):
        raise DataError("quantiles are finite, not below zero, and rise", remedy="sort them along the last axis.")
    return widths, 1 - (edges[:-1] + edges[1:]) / 2


def allocate(
    stock: Any,
    levels: Any,
    quantiles: Any,
    c_u: Any,
    c_o: Any = 0.0,
    *,
    capacity: Any = None,
    whole: bool = True,
) -> Floats:
    """Divide each product's stock among regions so that it is expected to earn most (lesson 12, section 5).

    A unit in a region earns ``c_u`` if it is wanted there and costs ``c_o`` if it is not. How likely it is wanted falls
    with every unit already there, so what a region earns is concave in what it gets: steps whose slopes fall, and the
    best division is a linear programme. What would cost more than it earns is left in the central warehouse. Each unit
    counts against one product's stock and one region's capacity, as in a transport problem: from whole numbers follows
    a whole answer, without integer programming (Dantzig, 1951).

    Parameters
    ----------
    stock : array (P,)
        Units to divide.
    levels : array (K,)
        Shares between 0 and 1, rising.
    quantiles : array (P, R, K)
        Demand by product and region at these shares, units. What lies above the last is not served.
    c_u, c_o : float or array (P,)
        Money lost by a unit too few and by one too many.
    capacity : array (R,), optional
        Most units that a region can take of all products together (a van).
    whole : bool
        Whether stock and capacity are rounded down and quantiles to the nearest, so that whole units come out.

    Returns
    -------
    array (P, R)
        Units.

    Raises
    ------
    DataError
        Shapes that do not fit, stock, costs or capacity below zero, or a programme that was not solved.

    Examples
    --------
    A region that sells for certain goes before one that expects as much and may sell nothing.

    >>> sure_and_unsure = [[[4.0, 4.0], [0.0, 8.0]]]
    >>> allocate([6], [0.5, 0.9], sure_and_unsure, c_u=3.0).tolist()
    [[4.0, 2.0]]
    """
    from scipy.optimize import linprog
    from scipy.sparse import csr_array, eye_array, kron, vstack

    held, table = np.asarray(stock, dtype=float), np.asarray(quantiles, dtype=float)
    if held.ndim != 1 or table.ndim != 3 or len(table) != len(held):
        raise DataError(
            "stock has one number a product, quantiles a row for each product, region and level",
            value=(held.shape, table.shape),
            remedy="pass stock (P,) and quantiles (P, R, K).",
        )
    if whole:
        held, table = np.floor(held), np.round(table)
    widths, chance = steps_of(levels, table)
    products, regions, steps = table.shape
    under, over = (np.broadcast_to(np.asarray(cost, dtype=float), (products,)) for cost in (c_u, c_o))
    for name, values in (("stock", held), ("c_u", under), ("c_o", over)):
        if not (np.isfinite(values) & (values >= 0)).all():
            raise DataError(f"{name} is finite and not below zero", column=name, remedy="mend it.")
    gain = under[:, None] * chance - over[:, None] * (1 - chance)  # (P, K)
    # Variables: units of each product, region and step, (P R K,).
    value = np.broadcast_to(gain[:, None], widths.shape).ravel()
    rows, most = [kron(eye_array(products), csr_array(np.ones((1, regions * steps))))], [held]
    if capacity is not None:
        room = np.asarray(capacity, dtype=float)
        if room.shape != (regions,) or not (room >= 0).all():
            raise DataError("capacity has one number a region, not below zero", column="capacity", value=room.shape)
        by_region = kron(eye_array(regions), csr_array(np.ones((1, steps))))
        rows.append(kron(csr_array(np.ones((1, products))), by_region))
        most.append(np.floor(room) if whole else room)
    # A unit that earns nothing stays where it is: a hair's breadth decides. The simplex method ends in a corner.
    found = linprog(
        1e-9 - value,
        A_ub=vstack(rows).tocsr(),
        b_ub=np.concatenate(most),
        bounds=np.stack([np.zeros(widths.size), widths.ravel()], axis=1),
        method="highs-ds",
    )
    if not found.success:
        raise DataError(f"the division was not solved: {found.message}", remedy="check stock and capacity.")
    units = found.x.reshape(products, regions, steps).sum(axis=2)
    return np.asarray(np.round(units) if whole else np.maximum(units, 0.0), dtype=float)


def expected_sold(units: Any, levels: Any, quantiles: Any) -> Floats:
    """Compute how much of demand a division is expected to serve, by the same steps: units, of its shape.

    Parameters
    ----------
    units : array (P, R)
        As of ``allocate``.
    levels, quantiles : array (K,), (P, R, K)
        As of ``allocate``.

    Returns
    -------
    array (P, R)

    Examples
    --------
    >>> expected_sold([[4.0, 2.0]], [0.5, 0.9], [[[4.0, 4.0], [0.0, 8.0]]]).round(2).tolist()
    [[3.0, 0.6]]
    """
    widths, chance = steps_of(levels, quantiles)
    before = np.cumsum(widths, axis=-1) - widths
    inside = np.clip(np.asarray(units, dtype=float)[..., None] - before, 0.0, widths)
    return np.asarray(inside @ chance)
