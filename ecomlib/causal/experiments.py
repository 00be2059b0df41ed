"""Estimates the effects of promotions, a roll-out and a mail (lesson 03, section 7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.causal.regression import Z95, Floats, codes, poisson
from ecomlib.errors import DataError
from ecomlib.evaluation import Interval


def promotion_effect(
    frame: pd.DataFrame,
    how: Literal["targeted", "randomised", "weighted"] = "randomised",
    *,
    y: str = "units",
    exposure: str | None = None,
) -> Interval:
    """Estimate the mean effect on log demand of the promotions run, discounts included (lesson 03, section 7).

    Poisson regression with a level for each week of a category, an effect of being promoted, and a slope of each
    category on ``log(1 - depth)``. The estimand is the mean of ``promotion + ε log(1 - depth)`` over the promoted rows
    that are used. Standard error clustered by product.

    Parameters
    ----------
    frame : DataFrame
        Of ``design``.
    how : {"targeted", "randomised", "weighted"}
        "targeted" compares the weeks in which the shop chose; "randomised" those in which a coin
        decided (``promo_experiment``); both with a level for each product. "weighted" takes all weeks, each by the
        known probability of what did *not* happen (``promo_propensity``): the overlap weights of Li, Morgan & Zaslavsky
        (2018), which stay bounded where inverse ones explode; a product's level would bring the momentum back that the
        weights take out.
    """
    held = frame if how == "weighted" else frame[frame["promo_experiment"].astype(bool) == (how == "randomised")]
    promoted = held["promoted"].to_numpy(dtype=float) > 0.5
    if not 0 < promoted.sum() < len(held):
        raise DataError("no promotion to compare, or nothing else", table="frame", column="promoted", value=how)
    kind, cut = codes(held["category"]), np.log(1 - held["depth"].to_numpy(dtype=float))
    X = np.column_stack([promoted, np.where(kind[:, None] == np.arange(kind.max() + 1), cut[:, None], 0.0)])
    absorb, weights = [held[["category", "ds"]], held["product_id"]], None
    if how == "weighted":
        chance = held["promo_propensity"].to_numpy(dtype=float)
        absorb, weights = absorb[:1], np.where(promoted, 1 - chance, chance)
    share = None if exposure is None else held[exposure]
    fit = poisson(
        held[y], X, absorb=absorb, weights=weights, cluster=held["product_id"], exposure=share, tolerance=1e-4
    )
    mix = X[promoted].mean(axis=0)
    return _interval(float(mix @ fit.slope), float(np.sqrt(mix @ fit.covariance @ mix)))


@dataclass(frozen=True, eq=False)
class Rollout:
    """Hold the mean effect on the treated and its interval, the p-value of "no effect", and the effect by week."""

    effect: Interval
    p_value: float
    by_week: pd.DataFrame  # since (weeks, negative: before), effect, regions


def rollout_effect(
    panel: pd.DataFrame,
    starts: pd.DataFrame,
    rng: np.random.Generator,
    *,
    y: str = "y",
    within: str | None = None,
    draws: int = 999,
) -> Rollout:
    """Estimate a staggered roll-out's effect on log units by difference in differences (lesson 03, section 7).

    Each region is compared, from its start on, with those that have not started yet (Callaway & Sant'Anna 2021), both
    against their mean over all weeks before it; a comparison with n regions weighs n / (n + 1). The interval holds the
    effects that a randomisation test (Fisher 1935) does not reject: start weeks are dealt anew to the regions ``draws``
    times. It needs that start weeks were drawn at random, and assumes nothing of shocks that neighbours share.

    Parameters
    ----------
    panel : DataFrame
        ``region_id, ds`` and counts ``y`` above zero, every region in every week.
    starts : DataFrame
        ``region_id, starts_on``.
    within : str, optional
        A column of ``starts``: compare only regions that share it, because they share their weather.
    """
    table = panel.pivot_table(y, index="region_id", columns="ds", aggfunc="sum", fill_value=0.0)
    known = starts.set_index("region_id").reindex(table.index)
    values = table.to_numpy(dtype=float)
    if not (values > 0).all() or known["starts_on"].isna().any():
        raise DataError(
            "every region needs a start and units above zero in every week",
            table="panel",
            column=y,
            remedy="leave out regions without, or use a longer period.",
        )
    first = np.searchsorted(table.columns.to_numpy(), known["starts_on"].to_numpy(dtype=table.columns.dtype))
    group = np.zeros(len(first), np.intp) if within is None else codes(known[within])
    weeks = np.arange(values.shape[1])
    both = np.stack([np.log(values), (weeks >= first[:, None]).astype(float)])
    estimate = float(_mean_after(both, first, group)[0])
    deals = np.array([_mean_after(both, rng.permutation(first), group) for _ in range(draws)])  # (draws, 2)
    guesses = estimate + np.linspace(-1, 1, 2001) * (10 * deals[:, 0].std() + 1e-6)
    beyond = np.abs(deals[:, :1] - guesses * deals[:, 1:]) >= np.abs(estimate - guesses) - 1e-12
    kept = guesses[1 + beyond.sum(axis=0) > 0.05 * (1 + draws)]
    p_value = (1 + int((np.abs(deals[:, 0]) >= abs(estimate) - 1e-12).sum())) / (1 + draws)
    effect, _ = _against_not_yet(both[:1], first, group)
    found = pd.DataFrame({"since": (weeks - first[:, None]).ravel(), "effect": effect[0].ravel()}).dropna()
    by_week = found.groupby("since", as_index=False).agg(effect=("effect", "mean"), regions=("effect", "size"))
    return Rollout(Interval(estimate, float(kept.min()), float(kept.max())), p_value, by_week)


def _against_not_yet(both: Floats, first: NDArray[np.int64], group: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """Each region less those not yet begun, both less their means before its start: (2, R, W), NaN where none is left.

    Beside it the number of regions compared with, (R, W).
    """
    waiting = (np.arange(both.shape[2]) < first[:, None]).astype(float)
    effect, others = np.full(both.shape, np.nan), np.zeros(waiting.shape)
    for region, start in enumerate(first):
        near = waiting * (group == group[region])[:, None]
        near[region] = 0.0
        others[region] = near.sum(axis=0)
        if start > 0:
            moved = both - both[:, :, :start].mean(axis=2, keepdims=True)
            gap = moved[:, region] - (near * moved).sum(axis=1) / np.maximum(others[region], 1)
            effect[:, region] = np.where(others[region] > 0, gap, np.nan)
    return effect, others


def _mean_after(both: Floats, first: NDArray[np.int64], group: NDArray[np.intp]) -> Floats:
    effect, others = _against_not_yet(both, first, group)
    after = (np.arange(both.shape[2]) >= first[:, None]) & np.isfinite(effect[0])
    return np.average(effect[:, after], axis=1, weights=(others / (others + 1))[after])


def difference_in_means(outcome: Any, treated: Any, propensity: Any = None) -> Interval:
    """Compare treated with others, with a 95 % interval for unequal variances (lesson 03, section 7).

    With ``propensity``, the known probability of treatment of each row, both means are weighted by its inverse (Hájek
    1971). One row an independent person; arrays of shape (N,).
    """
    y, on = np.asarray(outcome, dtype=float), np.asarray(treated, dtype=bool)
    if not 1 < on.sum() < len(on) - 1:
        raise DataError("two in each group are needed", value=int(on.sum()))
    chance = np.full(len(y), on.mean()) if propensity is None else np.asarray(propensity, dtype=float)
    mean, variance = [], []
    for group, weight in ((on, 1 / chance), (~on, 1 / (1 - chance))):
        w, n = weight[group] / weight[group].sum(), group.sum()
        mean.append(float(w @ y[group]))
        variance.append(float(w**2 @ (y[group] - mean[-1]) ** 2) * n / (n - 1))
    return _interval(mean[0] - mean[1], float(np.sqrt(sum(variance))))


def _interval(estimate: float, error: float) -> Interval:
    return Interval(estimate, estimate - Z95 * error, estimate + Z95 * error)
