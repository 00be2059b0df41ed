"""Computes error floors: forecasts from the simulated store's true parameters (lesson 00, section 5).

Three degrees of knowledge at a cutoff t. *Omniscient*: the expected demand μ itself, shocks of the future included.
*Attainable*: every parameter, the calendar, the plan of prices and promotions, the potential of each region, this
week's momentum and today's shock, but nothing random after t. *Filter*: the same, except that momentum and shock have
to be inferred from the sales seen so far (``filters``): room that somebody could use. Skill is read against the
attainable floor.

The floors forecast demand. Where the shop ran out of stock, sales lie below it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ecomlib.errors import DataError
from ecomlib.evaluation.filters import Filtered, filter_states, noise_variance

if TYPE_CHECKING:
    from ecomlib.stores.simulated.truth import Truth
    from ecomlib.stores.store import Store


def attainable(
    store: Store,
    cutoffs: Iterable[Any],
    horizon: int,
    freq: str = "W-MON",
    by: str | Sequence[str] = ("product_id",),
    *,
    filtered: bool = True,
    quantiles: Sequence[float] = (),
) -> pd.DataFrame:
    """Compute the floors of a simulated store for a panel's series and periods (lesson 00, section 5).

    With V_h the variance of the shock after h days and v_k that of the momentum after k weeks, the attainable mean is
    ``μ without shock and momentum · exp((A^h s_t)_r + ½ (V_h)_rr) · exp(0.9^k u_t + ½ v_k)``, summed over the period:
    the mean of a log-normal. Its median comes from a negative binomial distribution with the exact mean and variance of
    the period's total: shock and momentum (both correlated between days), Gamma noise and Poisson. That is an
    approximation; against simulation it is off by less than a unit in a hundred of the mean.

    Parameters
    ----------
    store: a simulated store with its truth.
    cutoffs: last known periods, as a period is named in the panel (a week by its Monday, a month by its first).
    horizon: number of periods forecast from each cutoff.
    freq, by: as in ``ecomlib.panel.make_panel``: ``"D"``, ``"W-MON"`` or ``"MS"``; ``product_id`` or ``category``, and
        ``region_id``.
    filtered: add the filter floor.
    quantiles: shares between 0 and 1; each adds a column ``attainable-q0.75`` and so on, units a period, for orders.

    Returns
    -------
    A frame sorted by unique_id, cutoff, ds: ``unique_id, ds, cutoff``, then in units a period ``attainable`` (mean),
    ``attainable_median``, ``omniscient`` (mean), ``omniscient_median``, and with ``filtered`` ``filter``,
    ``filter_median``. Series that start after the cutoff are left out, as a backtest leaves them out.

    Notes
    -----
    A promotion planned for later weeks depends on momentum after t, which the formula does not use: a forecaster that
    reads the plan could lower RMSE by about 1 % (a particle filter: 3.655 to 3.617), but not WAPE. Who leaves, comes or
    is written to after t is part of the potential and counts as known; over four weeks a region's potential moves by
    4 % at size small, by 9 % at tiny.

    Raises
    ------
    DataError: the store has no truth, a cutoff is no period of it, or the horizon ends after its last whole period.
    """
    truth = store.truth
    if truth is None:
        raise DataError(
            f"the store '{store.name}' has no truth, so it has no floors",
            remedy="use a simulated store as make_store returns it, before observed().",
        )
    # Imported here: evaluation needs the simulated store only where there is one.
    from ecomlib.stores.simulated.truth import whole_periods

    starts, marks = whole_periods(truth.dates, freq)
    groups = truth.groups(by)
    names = groups.unique_ids()
    launch = np.full(groups.shape[0], len(truth.dates))
    np.minimum.at(launch, groups.of_product, 7 * truth.cold_start["launch_week"].to_numpy())
    told = filter_states(store) if filtered else None
    columns = ["attainable", "omniscient", *(["filter"] if filtered else [])]
    parts = []
    for cutoff in pd.DatetimeIndex(list(cutoffs)):
        period = _period(starts, cutoff, horizon, freq)
        last_day = int(marks[period + 1]) - 1
        known = np.flatnonzero(launch <= last_day)
        steps = int(marks[period + 1 + horizon]) - 1 - last_day
        laws: dict[str, tuple[ShockForecast, Momentum] | None] = {"omniscient": None}
        laws["attainable"] = forecast_shock(truth, last_day, steps), known_momentum(truth, last_day)
        if told is not None:
            state = told.shock[last_day], told.shock_spread[last_day]
            laws["filter"] = forecast_shock(truth, last_day, steps, *state), known_momentum(truth, last_day, told)
        for step in range(1, horizon + 1):
            days = np.arange(marks[period + step], marks[period + step + 1])
            frame = {"unique_id": names[known].ravel(), "ds": starts[period + step], "cutoff": cutoff}
            for column in columns:
                mean, variance = (
                    part[known].ravel() for part in demand_moments(truth, groups, last_day, days, laws[column])
                )
                frame[column], frame[f"{column}_median"] = mean, count_quantile(mean, variance, 0.5)
                if column == "attainable":
                    frame |= {f"attainable-q{share:g}": count_quantile(mean, variance, share) for share in quantiles}
            parts.append(pd.DataFrame(frame).astype({"ds": "datetime64[ns]", "cutoff": "datetime64[ns]"}))
    result = pd.concat(parts, ignore_index=True).sort_values(["unique_id", "cutoff", "ds"], ignore_index=True)
    order = [name for column in columns for name in (column, f"{column}_median")]
    order += [f"attainable-q{share:g}" for share in quantiles]
    return result[["unique_id", "ds", "cutoff", *order]]


@dataclass(frozen=True, eq=False)
class ShockForecast:
    """Holds the shock after a known day: normal, mean (H, R) and covariance (H, R, H, R), log points; H days."""

    first_day: int
    mean: np.ndarray
    covariance: np.ndarray


def forecast_shock(
    truth: Truth, last_day: int, steps: int, state: np.ndarray | None = None, spread: np.ndarray | None = None
) -> ShockForecast:
    """Forecast the distribution of the shock on the ``steps`` days after ``last_day`` (lesson 05, section 2).

    ``V_h = Σ_k<h A^k Q A^k'``, and the covariance of days h and h' > h is ``V_h (A^(h'-h))'``.

    Parameters
    ----------
    state, spread: mean (R,) and covariance (R, R) of the shock on the last known day; the shock itself if left out.
    """
    regions = len(truth.region_ids)
    mean = np.empty((steps, regions))
    covariance = np.zeros((steps, regions, steps, regions))
    now = np.asarray(truth.shock[last_day], dtype=float) if state is None else state
    variance = np.zeros((regions, regions)) if spread is None else spread
    for h in range(steps):
        transition, innovation = truth.law.at(last_day + 1 + h)
        now = transition @ now
        variance = transition @ variance @ transition.T + innovation
        mean[h] = now
        covariance[h, :, h, :] = variance
        if h:
            earlier = np.einsum("arb,cb->arc", covariance[:h, :, h - 1, :], transition)
            covariance[:h, :, h, :] = earlier
            covariance[h, :, :h, :] = earlier.transpose(2, 0, 1)
    return ShockForecast(last_day + 1, mean, covariance)


def _without_shock(truth: Truth, start: int, stop: int) -> np.ndarray:
    """μ of the days ``start`` to ``stop`` without the shock, units a day, shape (P, R, D)."""
    shock = np.asarray(truth.shock[start:stop], dtype=float)
    return truth.expected_demand[:, :, start:stop] * np.exp(-shock.T)


@dataclass(frozen=True, eq=False)
class Momentum:
    """Holds the momentum of the week of a known day: mean (P,), and its variance (P,), zero where it is known."""

    mean: np.ndarray
    variance: np.ndarray


def known_momentum(truth: Truth, last_day: int, told: Filtered | None = None) -> Momentum:
    """The momentum of the last day's week, as it is or as it was filtered by the end of the last whole week."""
    week = last_day // 7
    products = len(truth.product_ids)
    if told is None:
        return Momentum(np.asarray(truth.momentum[week], dtype=float), np.zeros(products))
    persistence, innovation = truth.settings.momentum_persistence, truth.settings.momentum_sd**2
    if (last_day + 1) % 7 == 0:
        return Momentum(told.momentum[week], told.momentum_variance[week])
    if week == 0:
        return Momentum(np.zeros(products), np.full(products, innovation / (1 - persistence**2)))
    mean, variance = told.momentum[week - 1], told.momentum_variance[week - 1]
    return Momentum(persistence * mean, persistence**2 * variance + innovation)


def demand_moments(
    truth: Truth, groups: Any, last_day: int, days: np.ndarray, known: tuple[ShockForecast, Momentum] | None
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of the demand of each series over these days, units, shape (G, H); exact."""
    noise = noise_variance(truth)
    start, stop = int(days[0]), int(days[-1]) + 1
    if known is None:
        weights = np.asarray(truth.expected_demand[:, :, start:stop], dtype=float)
        mean = _sum_groups(groups, weights.sum(axis=2))
        return mean, mean + noise * _sum_groups(groups, (weights**2).sum(axis=2))

    law, state = known
    persistence, innovation = truth.settings.momentum_persistence, truth.settings.momentum_sd**2
    week, now = days // 7, last_day // 7  # attainable: momentum is known for the week of the cutoff, whole or not
    ahead = week - now
    fades = persistence**ahead
    variance = innovation * (1 - persistence ** (2 * ahead)) / (1 - persistence**2)
    earlier = np.minimum.outer(ahead, ahead)
    apart = np.abs(np.subtract.outer(ahead, ahead))
    momentum_cov = persistence**apart * innovation * (1 - persistence ** (2 * earlier)) / (1 - persistence**2)
    doubt = fades[:, None] ** 2 * state.variance  # (D, P) what is not known of today's momentum
    log_factor = fades[:, None] * state.mean + 0.5 * (variance[:, None] + doubt)
    momentum_factor = np.exp(log_factor - np.asarray(truth.momentum, dtype=float)[week])

    steps = slice(start - law.first_day, stop - law.first_day)
    covariance = law.covariance[steps, :, steps, :]
    spread = np.einsum("drdr->dr", covariance)
    weights = _without_shock(truth, start, stop) * np.exp(law.mean[steps] + 0.5 * spread).T * momentum_factor.T[:, None]
    mean = _sum_groups(groups, weights.sum(axis=2))
    own = np.exp(spread.T + variance + doubt.T[:, None])  # second moment of a day's rate over its squared mean
    total = mean + noise * _sum_groups(groups, (weights**2 * own).sum(axis=2))
    for region in range(groups.shape[1]):
        inside = np.flatnonzero(groups.of_region == region)
        size = len(inside) * len(days)
        block = covariance[:, inside][:, :, :, inside].transpose(1, 0, 3, 2).reshape(size, size)
        both = np.tile(momentum_cov, (len(inside), len(inside)))
        faded = np.tile(np.outer(fades, fades), (len(inside), len(inside)))
        rates = weights[:, inside].reshape(len(weights), size)
        together = np.zeros((groups.shape[0], size))
        np.add.at(together, groups.of_product, rates)
        # Series move together by the shock; each product moves by its own momentum, too.
        total[:, region] += ((together @ np.expm1(block)) * together).sum(axis=1)
        # Products whose momentum is known alike vary alike: a few degrees of doubt, and lines between them.
        degrees = np.linspace(state.variance.min(), state.variance.max(), 6 if state.variance.any() else 1)
        kernels = (np.exp(block) * np.expm1(both + faded * degree) for degree in degrees)
        varied = np.array([((rates @ kernel) * rates).sum(axis=1) for kernel in kernels])
        alone = _between(degrees, varied, state.variance)
        np.add.at(total[:, region], groups.of_product, alone)
    return mean, total


def _between(nodes: np.ndarray, values: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Read values (K, P) at rising nodes (K,) off at one place for each column, linearly."""
    if len(nodes) == 1 or nodes[0] == nodes[-1]:
        return values[0]
    place = (where - nodes[0]) / (nodes[1] - nodes[0])
    left = np.clip(place.astype(int), 0, len(nodes) - 2)
    column = np.arange(values.shape[1])
    return values[left, column] + (place - left) * (values[left + 1, column] - values[left, column])


def _sum_groups(groups: Any, values: np.ndarray) -> np.ndarray:
    """Sum (P, R) values to (G, H) series."""
    total = np.zeros(groups.shape)
    np.add.at(total, (groups.of_product[:, None], groups.of_region[None, :]), values)
    return total


def count_quantile(mean: np.ndarray, variance: np.ndarray, share: float) -> np.ndarray:
    """A quantile of the negative binomial distribution with this mean and variance, whole units."""
    from scipy.stats import nbinom, poisson

    excess = variance - mean
    wide = (excess > 1e-9 * mean) & np.isfinite(excess) & (mean > 0)
    value = poisson.ppf(share, np.maximum(mean, 0.0))
    size = mean[wide] ** 2 / excess[wide]
    value[wide] = nbinom.ppf(share, size, size / (size + mean[wide]))
    return np.where(mean > 0, value, 0.0)


def _period(starts: pd.DatetimeIndex, cutoff: pd.Timestamp, horizon: int, freq: str) -> int:
    """The number of the cutoff's period, if the horizon fits behind it."""
    found = np.flatnonzero(starts == cutoff)
    if len(found) == 0:
        raise DataError(
            f"the cutoff does not name a whole {freq} period of this store",
            value=str(cutoff.date()),
            remedy=f"use the first day of a period between {starts[0].date()} and {starts[-1].date()}.",
        )
    if horizon < 1 or found[0] + horizon >= len(starts):
        raise DataError(
            f"{horizon} periods after the cutoff {cutoff.date()} are not all in the store",
            value=horizon,
            remedy=f"end the horizon by {starts[-1].date()}.",
        )
    return int(found[0])
