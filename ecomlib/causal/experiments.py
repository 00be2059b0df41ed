"""Estimates the effects of promotions, a roll-out and a mail (lesson 03b, section 6)."""

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
    """Estimate the mean effect on log demand of the promotions run, discounts included (lesson 03b, section 5).

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


_MOST_EMPTY = 0.1  # weeks of a region without a sale: more of them, and a log of units says little


@dataclass(frozen=True, eq=False)
class Rollout:
    """Hold the mean effect on the treated and its interval, the p-value of "no effect", and the effect by week."""

    effect: Interval
    p_value: float
    by_week: pd.DataFrame  # since (weeks, negative: before), effect, regions
    permuted: Floats  # (draws,) pooled estimates with the start weeks dealt anew: what chance alone does


@dataclass(frozen=True, eq=False)
class EventStudy:
    """Hold the effect by week since the start, with what chance does, and a joint test of the weeks before."""

    table: pd.DataFrame  # since, effect, low, high (95 % of the deals without an effect), regions, outside
    before_p: float  # p-value of "no week before the start differs"

    def __str__(self) -> str:
        before = int((self.table["since"] < 0).sum())
        said = (
            "the regions already went apart: their trends were not parallel."
            if self.before_p < 0.05
            else "no difference is shown. That is not the same as none: the test may be too weak to see one."
        )
        return f"{before} weeks before the start, together: p = {self.before_p:.3f}; {said}"


def rollout_effect(
    panel: pd.DataFrame,
    starts: pd.DataFrame,
    rng: np.random.Generator,
    *,
    y: str = "y",
    within: str | None = None,
    draws: int = 999,
) -> Rollout:
    """Estimate a staggered roll-out's effect on log units by difference in differences (lesson 03b, section 6).

    Each region is compared, from its start on, with those that have not started yet (Callaway & Sant'Anna 2021), both
    against their mean over all weeks before it; a comparison with n regions weighs n / (n + 1). The interval holds the
    effects that a randomisation test (Fisher 1935) does not reject: start weeks are dealt anew to the regions ``draws``
    times. It needs that start weeks were drawn at random, and assumes nothing of shocks that neighbours share.

    Parameters
    ----------
    panel : DataFrame
        ``region_id, ds`` and counts ``y``, every region in every week; a week without a sale counts as half a unit.
    starts : DataFrame
        ``region_id, starts_on``.
    within : str, optional
        A column of ``starts``: compare only regions that share it, because they share their weather.
    """
    values, first, group = _by_region(panel, starts, y, within)
    weeks = np.arange(values.shape[1])
    both = np.stack([values, (weeks >= first[:, None]).astype(float)])
    estimate = float(_mean_after(both, first, group)[0])
    deals = np.array([_mean_after(both, rng.permutation(first), group) for _ in range(draws)])  # (draws, 2)
    guesses = estimate + np.linspace(-1, 1, 2001) * (10 * deals[:, 0].std() + 1e-6)
    beyond = np.abs(deals[:, :1] - guesses * deals[:, 1:]) >= np.abs(estimate - guesses) - 1e-12
    kept = guesses[1 + beyond.sum(axis=0) > 0.05 * (1 + draws)]
    p_value = (1 + int((np.abs(deals[:, 0]) >= abs(estimate) - 1e-12).sum())) / (1 + draws)
    by_week = _by_week(values, first, group)
    return Rollout(Interval(estimate, float(kept.min()), float(kept.max())), p_value, by_week, deals[:, 0])


def event_study(
    panel: pd.DataFrame,
    starts: pd.DataFrame,
    rng: np.random.Generator,
    *,
    within: str | None = None,
    weeks: tuple[int, int] = (-8, 12),
    draws: int = 999,
) -> EventStudy:
    """Show a roll-out's effect week by week since the start, and test the weeks before jointly (lesson 03b, section 6).

    Difference in differences rests on **parallel trends**: without the roll-out the regions would have moved alike. The
    weeks before the start can speak against it. Looked at one by one, one in twenty lies outside its band by chance
    alone; so they are tested together: the sum of squares of their effects, each over its spread by chance, against the
    same sum with the start weeks dealt anew ``draws`` times (a permutation test), the pooled effect taken out first.

    Parameters
    ----------
    panel : DataFrame
        As in ``rollout_effect``, with counts in the column ``y``; so are ``starts`` and ``within``.
    weeks : tuple of int
        First and last week since the start that are shown; a week that fewer than two regions have is left out.

    Raises
    ------
    DataError
        No week before the start can be compared.
    """
    values, first, group = _by_region(panel, starts, "y", within)
    begun = (np.arange(values.shape[1]) >= first[:, None]).astype(float)
    pooled = float(_mean_after(np.stack([values, begun]), first, group)[0])
    found = _by_week(values, first, group)
    found = found[found["since"].between(*weeks) & (found["regions"] > 1)].reset_index(drop=True)
    shown = found["since"].to_numpy() + values.shape[1]
    without = values - pooled * begun  # what there would have been, if the effect is the same in every week
    real = _week_means(without, first, group)[0][shown]
    deals = np.array([_week_means(without, rng.permutation(first), group)[0][shown] for _ in range(draws)])
    before = (found["since"] < 0).to_numpy()
    if not before.any():
        remedy = "take regions that start later, or let weeks begin before 0."
        raise DataError("no week before the start can be compared", table="starts", column="starts_on", remedy=remedy)
    spread = np.nanstd(deals[:, before], axis=0)
    size, chance = (np.nansum((part / spread) ** 2, axis=-1) for part in (real[before], deals[:, before]))
    low, high = np.nanquantile(deals, [0.025, 0.975], axis=0)
    table = found.assign(low=low, high=high)[["since", "effect", "low", "high", "regions"]]
    table["outside"] = (table["effect"] < low) | (table["effect"] > high)
    return EventStudy(table, (1 + int((chance >= size - 1e-12).sum())) / (1 + draws))


def _by_region(
    panel: pd.DataFrame, starts: pd.DataFrame, y: str, within: str | None
) -> tuple[Floats, NDArray[np.int64], NDArray[np.intp]]:
    """Log units of each region and week (R, W), the week of each region's start (R,), and its group (R,)."""
    table = panel.pivot_table(y, index="region_id", columns="ds", aggfunc="sum")
    known = starts.set_index("region_id").reindex(table.index)
    values = table.to_numpy(dtype=float)
    empty = np.isnan(values).any(axis=1) | ((values <= 0).mean(axis=1) > _MOST_EMPTY)
    if empty.any() or known["starts_on"].isna().any():
        raise DataError(
            f"every region needs a start, a row in every week, and units above zero in all but {_MOST_EMPTY:.0%}",
            table="panel",
            column=y,
            value=str(table.index[empty | known["starts_on"].isna().to_numpy()][0]),
            remedy="leave out regions without, or use a longer period.",
        )
    first = np.searchsorted(table.columns.to_numpy(), known["starts_on"].to_numpy(dtype=table.columns.dtype))
    group = np.zeros(len(first), np.intp) if within is None else codes(known[within])
    return np.log(np.maximum(values, 0.5)), first, group  # a week without a sale counts as half a unit


def _by_week(values: Floats, first: NDArray[np.int64], group: NDArray[np.intp]) -> pd.DataFrame:
    """Mean effect in each week since the start that any region has: since, effect, regions."""
    effect, regions = _week_means(values, first, group)
    since = np.arange(len(effect)) - values.shape[1]
    return pd.DataFrame({"since": since, "effect": effect, "regions": regions})[regions > 0].reset_index(drop=True)


def _week_means(values: Floats, first: NDArray[np.int64], group: NDArray[np.intp]) -> tuple[Floats, NDArray[np.int64]]:
    """Mean effect and number of regions by weeks since the start, from -W to W; NaN where there is none."""
    effect = _against_not_yet(values[None], first, group)[0][0]
    weeks = values.shape[1]
    place, known = np.arange(weeks) - first[:, None] + weeks, np.isfinite(effect)
    count = np.bincount(place[known], minlength=2 * weeks + 1)
    total = np.bincount(place[known], effect[known], minlength=2 * weeks + 1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan), count


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
    """Compare treated with others, with a 95 % interval for unequal variances (lesson 03b, section 5).

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
