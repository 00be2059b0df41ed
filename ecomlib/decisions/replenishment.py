"""Computes when to order and how much by the formulas of inventory theory (lesson 12, section 3).

One order for one season is the newsvendor's. Where stock lasts, a base stock is ordered up to at every review; where
each order costs something by itself, an order waits until stock has fallen to s and then fills up to S. A chain of
warehouses has a base stock at each of its stages. Unmet demand waits for the next delivery here; where it is lost, see
``shop_policies.lost_sales_order``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.decisions.newsvendor import newsvendor_quantile
from ecomlib.errors import DataError

Floats = NDArray[np.float64]
LAWS = ("normal", "count")
TAIL = 1e-12  # of a distribution of counts that is left out


def newsvendor_normal(holding: float, stockout: float, mean: float, sd: float) -> tuple[float, float]:
    """Compute the newsvendor's order and its expected cost under normal demand (lesson 12, section 3).

    Parameters
    ----------
    holding, stockout : float
        Money for each unit left over and for each unit short.
    mean, sd : float
        Of demand, units.

    Returns
    -------
    tuple of float
        Units, not rounded, and money.

    Raises
    ------
    DataError
        A cost or the standard deviation is not above zero.

    References
    ----------
    Snyder and Shen (2019), *Fundamentals of Supply Chain Theory*, example 4.3.

    Examples
    --------
    >>> [round(number, 3) for number in newsvendor_normal(0.18, 0.70, mean=50, sd=8)]
    [56.604, 1.998]
    """
    from scipy.stats import norm

    _positive(holding=holding, stockout=stockout, sd=sd)
    z = float(norm.ppf(newsvendor_quantile(stockout, holding)))
    return mean + z * sd, (holding + stockout) * sd * float(norm.pdf(z))


def newsvendor_count(holding: float, stockout: float, mean: float, variance: float | None = None) -> tuple[int, float]:
    """Compute the newsvendor's order and its expected cost for whole units (lesson 12, section 3).

    Parameters
    ----------
    holding, stockout : float
        Money for each unit left over and for each unit short.
    mean : float
        Of demand, units.
    variance : float, optional
        Above the mean the law is negative binomial; unless given it is Poisson.

    Returns
    -------
    tuple
        Whole units, the smallest number that is enough with the critical ratio's probability; and money.

    Raises
    ------
    DataError
        A cost or the mean is not above zero, or the variance is below the mean.

    Examples
    --------
    >>> order, cost = newsvendor_count(1.0, 4.0, mean=6.0)
    >>> order, round(cost, 3)
    (8, 3.57)
    """
    _positive(holding=holding, stockout=stockout, mean=mean)
    chance = count_chances(mean, variance)
    order = int(np.searchsorted(np.cumsum(chance), newsvendor_quantile(stockout, holding) - 1e-12))
    units = np.arange(len(chance))
    cost = chance @ np.where(units > order, stockout * (units - order), holding * (order - units))
    return order, float(cost)


def count_chances(mean: float, variance: float | None = None) -> Floats:
    """Tabulate the chances of 0, 1, 2, … units of a Poisson or negative-binomial law, until next to nothing is left.

    Parameters
    ----------
    mean : float
        Units.
    variance : float, optional
        Above the mean the law is negative binomial; unless given, or where it equals the mean, it is Poisson.

    Returns
    -------
    array (K,)
        They sum to one.

    Raises
    ------
    DataError
        The mean is not above zero, or the variance is below the mean.

    Examples
    --------
    >>> count_chances(0.1).round(4)[:3].tolist()
    [0.9048, 0.0905, 0.0045]
    """
    from scipy.stats import nbinom, poisson

    _positive(mean=mean)
    if variance is not None and variance < mean:
        remedy = "leave it out for a Poisson law, whose variance is its mean."
        raise DataError("the variance of counts is at least their mean", value=variance, remedy=remedy)
    wide = variance is not None and variance > mean * (1 + 1e-9)
    if wide:
        assert variance is not None
        size = mean**2 / (variance - mean)
        law = nbinom(size, size / (size + mean))
    else:
        law = poisson(mean)
    chance = np.asarray(law.pmf(np.arange(int(law.isf(TAIL)) + 2)), dtype=float)
    return chance / chance.sum()


def order_up_to(
    mean: Any, variance: Any, ratio: Any, *, lead: float = 1.0, review: float = 1.0, law: str = "count"
) -> Any:
    """Compute the level to which every review orders, counting what is on hand and on its way (lesson 12, section 3).

    What is ordered now arrives after the lead time and must last until the next review's order arrives: the demand of
    ``lead + review`` periods. Means add up, and so do variances of periods that are independent; standard deviations do
    not.

    Parameters
    ----------
    mean, variance : float or array
        Of one period's demand, units.
    ratio : float or array
        The critical ratio: the probability with which this is to be enough.
    lead, review : float
        Periods until an order arrives, and from one review to the next.
    law : str
        ``"count"``: negative binomial (Poisson where the variance is the mean), whole units. ``"normal"``: not rounded.

    Returns
    -------
    float or array
        Units.

    Raises
    ------
    DataError
        An unknown law, a ratio outside (0, 1), or times below zero.

    Examples
    --------
    >>> order_up_to(10.0, 16.0, 0.9, lead=2, review=1, law="normal").round(2).item()
    38.88
    >>> order_up_to(np.array([2.0, 0.1]), np.array([2.0, 0.1]), 0.9).tolist()
    [7.0, 1.0]
    """
    from scipy.special import ndtri

    from ecomlib.evaluation.floors import count_quantile

    if law not in LAWS:
        raise DataError("there is no such law", value=law, remedy=f"take one of {LAWS}.")
    share = np.asarray(ratio, dtype=float)
    if not ((share > 0) & (share < 1)).all():
        raise DataError("a critical ratio lies between 0 and 1", value=ratio, remedy="c_u / (c_u + c_o).")
    if min(lead, review) < 0 or lead + review <= 0:
        raise DataError("lead time and review are at least 0, and one above it", value=(lead, review))
    span = lead + review
    total, spread, share = np.broadcast_arrays(
        span * np.asarray(mean, dtype=float), span * np.asarray(variance, dtype=float), share
    )
    if law == "normal":
        level = total + ndtri(share) * np.sqrt(spread)
    else:
        flat = [np.atleast_1d(part) for part in (total, spread, share)]
        found = np.zeros(flat[0].shape)
        for one in np.unique(flat[2]):
            mine = flat[2] == one
            found[mine] = count_quantile(flat[0][mine], flat[1][mine], float(one))
        level = found.reshape(total.shape)
    return np.float64(level) if np.ndim(level) == 0 else level


@dataclass(frozen=True)
class ReorderPolicy:
    """Hold an (s, S) policy: order up to ``up_to`` as soon as stock is at or below ``reorder``; money a period."""

    reorder: int
    up_to: int
    cost: float


def reorder_cost(reorder: int, up_to: int, chance: Floats, order_cost: float, period_cost: Any) -> float:
    """Compute what an (s, S) policy costs a period in the long run, exactly (lesson 12, section 3).

    From S stock steps down by each period's demand until it is at or below s. The expected number of visits to each
    level, m(j) at S - j, follows from the first step; a cycle costs one order and the levels' costs.

    Parameters
    ----------
    reorder, up_to : int
        s and S, units; s below S.
    chance : array (K,)
        Of 0, 1, 2, … units wanted in a period.
    order_cost : float
        Money an order.
    period_cost : callable
        From a level after ordering to the money of a period.

    Returns
    -------
    float
        Money a period.

    References
    ----------
    Zheng and Federgruen (1991), *Finding Optimal (s, S) Policies Is About as Simple as Evaluating a Single Policy*.
    """
    if reorder >= up_to:
        raise DataError("s lies below S", value=(reorder, up_to), remedy="order up to more than you reorder at.")
    visits = _visits(chance, up_to - reorder)
    levels = up_to - np.arange(up_to - reorder)
    return float((order_cost + visits @ np.array([period_cost(int(level)) for level in levels])) / visits.sum())


def best_reorder(
    mean: float,
    variance: float | None = None,
    *,
    order_cost: float,
    holding: float,
    stockout: float,
    lead: int = 0,
) -> ReorderPolicy:
    """Find the (s, S) policy that costs least in the long run (lesson 12, section 3).

    Parameters
    ----------
    mean, variance : float
        Of one period's demand; Poisson unless a variance is given.
    order_cost : float
        Money an order, whatever its size.
    holding, stockout : float
        Money for each unit left at the end of a period, and for each unit that then waits.
    lead : int
        Whole periods until an order arrives; what is ordered for the running period has lead time 0.

    Returns
    -------
    ReorderPolicy

    Raises
    ------
    DataError
        A cost or the mean is not above zero; the order cost may be zero.

    References
    ----------
    Zheng and Federgruen (1991), whose table of Poisson demand has K = 64, h = 1, p = 9.

    Examples
    --------
    >>> best = best_reorder(10.0, order_cost=64.0, holding=1.0, stockout=9.0)
    >>> best.reorder, best.up_to, round(best.cost, 3)
    (6, 40, 35.022)
    """
    _positive(holding=holding, stockout=stockout, mean=mean)
    if order_cost < 0 or lead < 0 or lead != int(lead):
        raise DataError("an order costs 0 or more, and a lead time counts whole periods", value=(order_cost, lead))
    chance, total = count_chances(mean, variance), count_chances(mean, variance)
    for _ in range(int(lead)):
        total = np.convolve(total, chance)
    wanted = np.arange(len(total))
    costs: dict[int, float] = {}

    def period_cost(level: int) -> float:
        if level not in costs:
            gap = level - wanted
            costs[level] = float(total @ np.where(gap > 0, holding * gap, -stockout * gap))
        return costs[level]

    ratio = newsvendor_quantile(stockout, holding)
    middle = int(np.searchsorted(np.cumsum(total), ratio - 1e-12))  # where a period costs least
    if order_cost == 0:
        return ReorderPolicy(middle - 1, middle, reorder_cost(middle - 1, middle, chance, 0.0, period_cost))
    visits = _visits(chance, 1)

    def cost_of(low: int, high: int) -> float:
        nonlocal visits
        if len(visits) < high - low:
            visits = _visits(chance, 2 * (high - low))
        mine = visits[: high - low]
        levels = np.array([period_cost(high - j) for j in range(high - low)])
        return float((order_cost + mine @ levels) / mine.sum())

    low, best_up = middle - 1, middle
    while cost_of(low, best_up) > period_cost(low):
        low -= 1
    least, up_to = cost_of(low, best_up), middle + 1
    while period_cost(up_to) <= least:
        if cost_of(low, up_to) < least:
            best_up = up_to
            while cost_of(low, best_up) <= period_cost(low + 1):
                low += 1
            least = cost_of(low, best_up)
        up_to += 1
    return ReorderPolicy(low, best_up, least)


def _visits(chance: Floats, length: int) -> Floats:
    """Expected periods at each level below S in a cycle, (length,): m(j) = Σ_k chance(k) m(j - k)."""
    stay = 1 - chance[0]
    visits = np.zeros(length)
    visits[0] = 1 / stay
    for j in range(1, length):
        reach = min(j, len(chance) - 1)
        visits[j] = chance[1 : reach + 1] @ visits[j - reach : j][::-1] / stay
    return visits


@dataclass(frozen=True)
class Stage:
    """Hold one stage of a chain: what a unit costs there beyond the stage before, money a period; periods to it."""

    echelon_holding: float
    lead: float


def serial_system(
    stages: Sequence[Stage], stockout: float, mean: float, sd: float, *, steps: int = 4000
) -> tuple[list[float], float]:
    """Find the base stocks of a chain of warehouses and what it costs (lesson 12, section 3).

    Stage 1 serves the customers. Its best level is a newsvendor's; a stage behind it pays for its own stock and for
    what its shortage costs the next one, so the levels follow one after the other (Clark and Scarf, 1960; in the form
    of Chen and Zheng, 1994).

    Parameters
    ----------
    stages : sequence of Stage
        The customers' one first.
    stockout : float
        Money a unit and period that a customer waits.
    mean, sd : float
        Of a period's normal demand, units.
    steps : int
        Of the grid that costs are tabulated on.

    Returns
    -------
    tuple
        Echelon levels, units, a stage's own and all nearer the customer; and money a period.

    Raises
    ------
    DataError
        No stage, or a cost, a lead time or the standard deviation that is not above zero.

    Examples
    --------
    Snyder and Shen (2019), example 6.1, where the cost is 47.65.

    >>> levels, cost = serial_system([Stage(3, 1), Stage(2, 1), Stage(2, 2)], 37.12, mean=5, sd=1)
    >>> [round(level, 2) for level in levels], round(cost, 2)
    ([6.49, 12.02, 22.71], 47.66)
    """
    from scipy.optimize import minimize_scalar
    from scipy.stats import norm

    if not stages:
        raise DataError("a chain has a stage", remedy="give them, the customers' one first.")
    _positive(stockout=stockout, sd=sd)
    for stage in stages:
        _positive(echelon_holding=stage.echelon_holding, lead=stage.lead)
    z = np.linspace(-8, 8, 1601)
    weight = norm.pdf(z)
    weight /= weight.sum()
    span = sum(stage.lead for stage in stages)
    grid = np.linspace(-mean * span - 8 * sd * span**0.5, 2 * mean * span + 10 * sd * span**0.5, steps)
    penalty = stockout + sum(stage.echelon_holding for stage in stages)
    below: Floats = penalty * np.maximum(-grid, 0.0)
    levels: list[float] = []
    cost = 0.0
    for stage in stages:
        own = stage.echelon_holding * grid + below
        wanted = stage.lead * mean + sd * stage.lead**0.5 * z
        table = np.array([_beyond(level - wanted, grid, own) @ weight for level in grid])

        def of(level: float, table: Floats = table) -> float:
            return float(np.interp(level, grid, table))

        near = int(np.argmin(table))
        ends = grid[max(near - 2, 0)], grid[min(near + 2, steps - 1)]
        # The expected cost is smooth; a parabola through three points of the grid finds its least value.
        fit = np.polyfit(grid[near - 2 : near + 3], table[near - 2 : near + 3], 4)
        found = minimize_scalar(lambda level, fit=fit: np.polyval(fit, level), bounds=ends, method="bounded")
        level, cost = float(found.x), float(found.fun)
        levels.append(level)
        below = np.where(grid < level, table, cost)
    return levels, cost


def _beyond(wanted: Floats, grid: Floats, values: Floats) -> Floats:
    """Read a table at ``wanted``, straight on beyond its ends."""
    inside = np.interp(wanted, grid, values)
    first, last = ((values[k + 1] - values[k]) / (grid[1] - grid[0]) for k in (0, -2))
    inside = np.where(wanted < grid[0], values[0] + first * (wanted - grid[0]), inside)
    return np.where(wanted > grid[-1], values[-1] + last * (wanted - grid[-1]), inside)


def _positive(**numbers: float) -> None:
    for name, value in numbers.items():
        if not (np.isfinite(value) and value > 0):
            raise DataError(f"{name} must be above zero", value=value, remedy="mend it.")
