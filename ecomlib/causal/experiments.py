"""Promotions, a roll-out by region, a mail, and the decision on a price (lesson 03, section 7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.causal.regression import Floats, codes, poisson
from ecomlib.errors import DataError
from ecomlib.evaluation import Interval

_Z = 1.959963984540054  # 95 per cent of a normal


def promotion_effect(
    frame: pd.DataFrame, how: Literal["targeted", "randomised", "weighted"] = "randomised", *, y: str = "units",
    exposure: str | None = None, by: str = "category",
) -> Interval:  # fmt: skip
    """Effect of a promotion with its discount on log demand, mean over the promotions that were run (lesson 03,
    section 7).

    Poisson regression with a level for each product and each week of a category, and one effect for each category and
    depth; these are averaged over the promoted rows, so that the estimand is the mean of ``promotion + ε log(1 -
    depth)`` over them. Standard error clustered by product.

    Parameters
    ----------
    frame: of ``design``. how: "targeted" compares the weeks in which the shop chose; "randomised" those in which a coin
        decided (``promo_experiment``); "weighted" all weeks, each by the inverse of the probability of what happened
        (``promo_propensity``; Hirano, Imbens & Ridder 2003), cut at 20.
    """
    held = frame if how == "weighted" else frame[frame["promo_experiment"].astype(bool) == (how == "randomised")]
    promoted = held["promoted"].to_numpy(dtype=float) > 0.5
    if not 0 < promoted.sum() < len(held):
        raise DataError("no promotion to compare, or nothing else", table="frame", column="promoted", value=how)
    cell = np.where(promoted, codes(held[[by, "depth"]]) + 1, 0)
    kinds, number = np.unique(cell, return_inverse=True)
    dummies = (number[:, None] == np.arange(1, len(kinds))).astype(float)
    weights = None
    if how == "weighted":
        chance = held["promo_propensity"].to_numpy(dtype=float)
        weights = np.minimum(1 / np.where(promoted, chance, 1 - chance), 20.0)
    fit = poisson(
        held[y], dummies, absorb=[held["product_id"], held[[by, "ds"]]], weights=weights, cluster=held["product_id"],
        exposure=None if exposure is None else held[exposure],
    )  # fmt: skip
    share = dummies.mean(axis=0) / dummies.mean(axis=0).sum()
    estimate, error = float(share @ fit.slope), float(np.sqrt(share @ fit.covariance @ share))
    return Interval(estimate, estimate - _Z * error, estimate + _Z * error)


@dataclass(frozen=True, eq=False)
class Rollout:
    """Mean effect on the treated with its interval, the p-value of "no effect", and the effect by weeks since start."""

    effect: Interval
    p_value: float
    by_week: pd.DataFrame  # since (weeks, negative: before), effect, regions


def rollout_effect(
    panel: pd.DataFrame, starts: pd.DataFrame, rng: np.random.Generator, *, y: str = "y", draws: int = 999
) -> Rollout:
    """Effect of a staggered roll-out on log units, by difference in differences (lesson 03, section 7).

    Each region is compared, from its start on, with those that have not started yet (Callaway & Sant'Anna 2021), both
    against their mean over all its weeks before; all such comparisons count alike. The interval holds the effects that
    a randomisation test does not reject (Fisher 1935): start weeks are dealt anew to the regions ``draws`` times. It
    needs that start weeks were drawn at random, and no assumption about shocks that neighbours share.

    Parameters
    ----------
    panel: ``region_id, ds`` and counts ``y`` above zero, every region in every week. starts: ``region_id, starts_on``.
    """
    table = panel.pivot_table(y, index="region_id", columns="ds", aggfunc="sum", fill_value=0.0)
    began = starts.set_index("region_id")["starts_on"].reindex(table.index)
    values = table.to_numpy(dtype=float)
    if not (values > 0).all() or began.isna().any():
        raise DataError("every region needs a start and units above zero in every week", table="panel", column=y,
                        remedy="leave out regions without, or use a longer period.")  # fmt: skip
    first = np.searchsorted(table.columns.to_numpy(), began.to_numpy(dtype=table.columns.dtype))
    logs, weeks = np.log(values), np.arange(values.shape[1])
    active = (weeks >= first[:, None]).astype(float)
    estimate = float(np.nanmean(_against_not_yet(logs, first)))
    deals = [rng.permutation(first) for _ in range(draws)]
    there = np.array([np.nanmean(_against_not_yet(logs, deal)) for deal in deals])
    scale = np.array([np.nanmean(_against_not_yet(active, deal)) for deal in deals])
    spread = 6 * float(np.std(there)) + 1e-6
    guesses = estimate + np.linspace(-spread, spread, 1201)
    extreme = np.abs(there - guesses[:, None] * scale) >= np.abs(estimate - guesses)[:, None] - 1e-12
    kept = guesses[(1 + extreme.sum(axis=1)) / (1 + draws) > 0.05]
    p = (1 + int((np.abs(there) >= abs(estimate) - 1e-12).sum())) / (1 + draws)
    each = _against_not_yet(logs, first, before=True)
    since = weeks - first[:, None]
    found = pd.DataFrame({"since": since.ravel(), "effect": each.ravel()}).dropna()
    by_week = found.groupby("since", as_index=False).agg(effect=("effect", "mean"), regions=("effect", "size"))
    return Rollout(Interval(estimate, float(kept.min()), float(kept.max())), p, by_week)


def _against_not_yet(logs: Floats, first: NDArray[np.int64], before: bool = False) -> Floats:
    """Each region less those not yet begun, both less their means before its start: (R, W), NaN where none is left."""
    waiting = (np.arange(logs.shape[1]) < first[:, None]).astype(float)
    effect = np.full(logs.shape, np.nan)
    for region, start in enumerate(first):
        if start == 0:
            continue
        others = waiting.copy()
        others[region] = 0.0
        moved = logs - logs[:, :start].mean(axis=1, keepdims=True)
        left = others.sum(axis=0)
        gap = np.where(left > 0, moved[region] - (others * moved).sum(axis=0) / np.maximum(left, 1), np.nan)
        effect[region] = gap if before else np.where(np.arange(len(gap)) >= start, gap, np.nan)
    return effect


def difference_in_means(outcome: Any, treated: Any, propensity: Any = None) -> Interval:
    """Treated less others, with a 95 % interval for unequal variances (lesson 03, section 7).

    With ``propensity``, the known probability of treatment of each row, both means are weighted by its inverse (Hájek
    1971). One row an independent person; arrays of shape (N,).
    """
    y, on = np.asarray(outcome, dtype=float), np.asarray(treated, dtype=bool)
    if not 1 < on.sum() < len(on) - 1:
        raise DataError("two in each group are needed", value=int(on.sum()))
    chance = np.full(len(y), on.mean()) if propensity is None else np.asarray(propensity, dtype=float)
    parts = []
    for group, weight in ((on, 1 / chance), (~on, 1 / (1 - chance))):
        w = weight[group] / weight[group].sum()
        mean = float(w @ y[group])
        n = group.sum()
        parts.append((mean, float((w**2) @ (y[group] - mean) ** 2) * n / (n - 1)))
    estimate, error = parts[0][0] - parts[1][0], np.sqrt(parts[0][1] + parts[1][1])
    return Interval(estimate, estimate - _Z * error, estimate + _Z * error)


def price_change(
    sold: pd.DataFrame, elasticities: pd.DataFrame, change: float = 0.05, *, keys: Sequence[str] = ("category",)
) -> pd.DataFrame:
    """Units and money of raising every price by ``change``, other things equal (lesson 03, section 8).

    Parameters
    ----------
    sold: ``category, units, price, unit_cost``, a row a product or finer. elasticities: of the estimators, or the
        truth's ``category, elasticity``.

    Returns, a row a category and one named "all": ``units`` now, ``units_change`` and ``money_change`` (of units times
    price less cost), and where the elasticities have ``low`` and ``high`` the same at those ends. The ends of "all" add
    up the categories' ends: wider than 95 % if they err independently.
    """
    both = sold.merge(elasticities, on=list(keys))
    rows: dict[str, Any] = {"units": both["units"].astype(float)}
    for end, suffix in (("elasticity", ""), ("low", "_low"), ("high", "_high")):
        if end in both:
            factor = (1 + change) ** both[end]
            rows[f"units_change{suffix}"] = both["units"] * (factor - 1)
            margin = both["price"] - both["unit_cost"]
            rows[f"money_change{suffix}"] = both["units"] * ((margin + change * both["price"]) * factor - margin)
    table = pd.DataFrame(rows).groupby(both["category"], observed=True).sum()
    table.loc["all"] = table.sum()
    return table.rename_axis("category").reset_index()
