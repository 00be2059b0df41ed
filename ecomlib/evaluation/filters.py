"""Filters the simulated store's hidden states from its sales: what a shop that knew every parameter could know.

P products, R regions, T days, W weeks. Two states are hidden, the shock of each region and day and the momentum of each
product and week. Sales tell of both, but a shelf that ran empty only says that demand was at least what lay there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ecomlib.stores.simulated.truth import Truth
    from ecomlib.stores.store import Store

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Filtered:
    """Holds what is known at the end of each day of the shock, and of each week of the momentum; log points."""

    shock: Floats  # (T, R) mean
    shock_spread: Floats  # (T, R, R) covariance
    momentum: Floats  # (W, P) mean
    momentum_variance: Floats  # (W, P)


def noise_variance(truth: Truth) -> float:
    """Compute the variance of a day's factor of mean one: Gamma, or inverse Gamma where the tails are heavy."""
    s = truth.settings
    if s.tail_shape <= 0:
        return 1 / s.overdispersion
    return 1 / (s.tail_shape - 2) if s.tail_shape > 2 else np.inf


def filter_states(store: Store) -> Filtered:
    """Filter shock and momentum from the sales seen so far, all parameters known (lesson 00, section 5).

    An extended Kalman filter (Kalman 1960; Jazwinski 1970, chapter 8), day by day for the shock and, of each product's
    week, for the momentum. A cell's expected sales are those of a negative binomial demand cut off at what was on the
    shelf, so that an empty shelf tells little and misleads nobody.

    Parameters
    ----------
    store : Store
        A simulated store with its truth, of which the parameters are read, and neither shock nor momentum.

    Returns
    -------
    Filtered
    """
    truth = store.truth
    s, law = truth.settings, truth.law
    days, regions, products = len(truth.dates), len(truth.region_ids), len(truth.product_ids)
    sold, shelf = _shelves(store)
    calm = _calm(truth)
    noise = min(noise_variance(truth), 2.0)  # of infinite variance nothing could be learnt; two is heavy enough
    persistence, innovation = s.momentum_persistence, s.momentum_sd**2
    shock, spread = np.zeros(regions), np.eye(regions) * s.shock_sd**2
    momentum = np.zeros(products)
    variance = np.full(products, innovation / (1 - persistence**2))
    found = Filtered(
        np.empty((days, regions)),
        np.empty((days, regions, regions)),
        np.empty((days // 7, products)),
        np.empty((days // 7, products)),
    )
    for week in range(days // 7):
        momentum, variance = persistence * momentum, persistence**2 * variance + innovation
        came, told, slope, doubt = (np.zeros(products) for _ in range(4))
        for day in range(7 * week, 7 * week + 7):
            transition, shaken = law.at(day)
            shock, spread = transition @ shock, transition @ spread @ transition.T + shaken
            rate = calm[:, :, day] * np.exp(momentum + variance / 2)[:, None]
            rate = rate * np.exp(shock + np.diag(spread) / 2)
            sales, pull = _cut_off(rate, shelf[:, :, day], noise)
            total = np.maximum(sales.sum(axis=0), 1e-9)
            gain_of = pull.sum(axis=0) / total  # how sales of the region move with its shock
            known = total > 1e-6
            own = (sales + noise * sales**2).sum(axis=0) + (pull**2 * variance[:, None]).sum(axis=0)
            off = np.where(known, sold[:, :, day].sum(axis=0) / total - 1, 0.0)
            before = shock
            shock, spread = _update(shock, spread, gain_of * known, own / total**2, off)
            found.shock[day], found.shock_spread[day] = shock, spread
            # Sales that the day's shock, as it is known now, lets one expect: for the momentum's own look at the week.
            sales = sales * np.exp(pull / np.maximum(sales, 1e-9) * (shock - before))
            came += sold[:, :, day].sum(axis=1)
            told += sales.sum(axis=1)
            slope += pull.sum(axis=1)
            doubt += (sales + noise * sales**2).sum(axis=1) + np.einsum("pr,rs,ps->p", pull, spread, pull)
        live = told > 1e-9
        gain = np.where(live, slope * variance / (slope**2 * variance + doubt + 1e-12), 0.0)
        momentum = momentum + gain * (came - told)
        variance = (1 - gain * slope) * variance
        found.momentum[week], found.momentum_variance[week] = momentum, variance
    return found


def _update(mean: Floats, spread: Floats, pull: Floats, noise: Floats, off: Floats) -> tuple[Floats, Floats]:
    """One step of the filter: each region observes ``off``, its own state times ``pull`` plus noise."""
    seen = spread * pull  # P Hᵀ
    gain = np.linalg.solve(pull[:, None] * seen + np.diag(noise), seen.T).T
    spread = spread - gain @ (pull[:, None] * spread)
    return mean + gain @ off, (spread + spread.T) / 2


def _cut_off(rate: Floats, shelf: NDArray[np.int64], noise: float) -> tuple[Floats, Floats]:
    """Expected sales of each cell, and their derivative by the log rate: demand is cut off at what is on the shelf.

    Demand is negative binomial with mean μ and variance μ + noise · μ²: E min(D, a) = μ F'(a - 1) + a (1 - F(a)), with
    F' of one more in the shape, and its derivative by log μ is that of E D below the cut.
    """
    from scipy.special import betainc

    sales, pull = rate.copy(), rate.copy()
    scarce = shelf < rate + 5 * np.sqrt(rate + noise * rate**2) + 1
    mean, stock = rate[scarce], shelf[scarce].astype(float)
    shape = 1 / noise
    p = shape / (shape + np.maximum(mean, 1e-12))
    below = np.where(stock > 0, betainc(shape + 1, np.maximum(stock, 1), p), 0.0)  # F'(a - 1)
    within = mean * below
    sales[scarce] = within + stock * (1 - betainc(shape, stock + 1, p))
    step = 1e-4
    higher = np.maximum(mean, 1e-12) * np.exp(step)
    q = shape / (shape + higher)
    more = higher * np.where(stock > 0, betainc(shape + 1, np.maximum(stock, 1), q), 0.0)
    more = more + stock * (1 - betainc(shape, stock + 1, q))
    pull[scarce] = np.maximum(more - sales[scarce], 0.0) / step
    return sales, pull


def _shelves(store: Store) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Units sold, and units there to be sold, (P, R, T), without the wholesale order, which came in for itself."""
    truth, stock = store.truth, store.inventory
    assert stock is not None, "a simulated store has an inventory"
    shape = len(truth.product_ids), len(truth.region_ids), len(truth.dates)
    sold, shelf = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    launch = 7 * truth.cold_start["launch_week"].to_numpy()
    live = np.broadcast_to((np.arange(shape[2]) >= launch[:, None])[:, None], shape)
    sold[live] = stock["sold"]
    shelf[live] = stock["on_hand_start"] + stock["received"]
    order = truth.wholesale.iloc[0]
    at = (
        int(np.flatnonzero(truth.product_ids == order["product_id"])[0]),
        int(np.flatnonzero(truth.region_ids == order["region_id"])[0]),
        int(truth.dates.get_loc(order["date"])),
    )
    sold[at] -= order["units"]
    shelf[at] -= order["units"]
    return sold, shelf


def _calm(truth: Truth) -> Floats:
    """μ without shock and momentum, units a day, (P, R, T): what the parameters tell."""
    shock = np.asarray(truth.shock, dtype=float)
    momentum = np.repeat(np.asarray(truth.momentum, dtype=float), 7, axis=0)
    return truth.expected_demand * np.exp(-shock.T)[None] * np.exp(-momentum.T)[:, None]
