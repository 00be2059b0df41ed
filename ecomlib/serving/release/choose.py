"""Chooses, on a shop's own history, which forecaster a version is made of (lesson 08, section 1).

Origins lie a horizon apart, so that no week is counted twice. What learns is fitted once, before the first of them. The
last origin calibrates what was chosen, and does not choose: its errors are then those of a forecaster that was not
picked by them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ecomlib.contract import interval_columns, mean_column
from ecomlib.errors import DataError
from ecomlib.evaluation.coverage_by_size import EARLIER
from ecomlib.evaluation.rivals import coverages, errors_of, fair
from ecomlib.evaluation.shop_answer import DO_NOT_USE, ShopAnswer, shop_answer
from ecomlib.periods import period_start
from ecomlib.serving.release.candidates import MEAN, NAMES, WORDS, FitSettings, Fitted, fit, names_for
from ecomlib.serving.release.inputs import SalesHistory, interval, monday
from ecomlib.serving.release.reach import Reach, reaches
from ecomlib.serving.release.snapshot import Snapshot

MOST_ORIGINS, LEAST_ORIGINS = 4, 3
LEAST_WEEKS = 12  # before the first origin
HOLDING = 0.25  # of the unit cost: what a unit costs that is left over


@dataclass(frozen=True, eq=False)
class Choice:
    """States which candidate serves, why, and on what evidence.

    name: of ``candidates.NAMES``. trial: the candidate as it was fitted before the first origin. origins: weeks, the
    oldest first; the last one calibrates. table: a row a candidate. scores: ``unique_id, ds, cutoff, y`` and a column a
    candidate, all origins. calibrated: whether intervals may be promised.
    """

    name: str
    reason: str
    trial: Fitted
    origins: tuple[int, ...]
    table: pd.DataFrame
    scores: pd.DataFrame
    calibrated: bool


def origins_of(books: SalesHistory, horizon: int) -> tuple[int, ...]:
    """List the origins that fit, the oldest first: a horizon apart, and ``LEAST_WEEKS`` before the first of them."""
    count = min(MOST_ORIGINS, (books.units.shape[1] - LEAST_WEEKS) // horizon)
    return tuple(books.last - horizon * (count - k) for k in range(count))


def choose(
    snap: Snapshot,
    how: FitSettings,
    *,
    quick: bool = False,
    model: str | None = None,
    coverage: float = 0.9,
) -> Choice:
    """Choose among the candidates by WAPE, pooled over all origins but the last.

    The simplest candidate is taken whose WAPE lies within one standard error of the least: the standard error of the
    paired differences of absolute errors, products being drawn (Breiman et al. 1984, the rule of one standard error).

    Parameters
    ----------
    snap : Snapshot
    how : FitSettings
        Of trees and network.
    quick : bool
        Leave networks out.
    model : str, optional
        Take this candidate whatever the scores say; rules stand beside it.
    coverage : float
        What intervals promise.

    Returns
    -------
    Choice
        With fewer than three origins nothing is chosen: the mean of eight weeks serves, and no interval is promised.

    Raises
    ------
    DataError
        The history is too short for any forecast, or ``model`` is no candidate.
    """
    books, horizon = snap.books, snap.horizon
    if books.units.shape[1] < LEAST_WEEKS:
        raise DataError(
            f"{books.units.shape[1]} full weeks are too few to train on",
            table="orders",
            remedy="bring at least a quarter of a year, or hold out fewer weeks.",
        )
    origins = origins_of(books, horizon)
    names = names_for(books, quick=quick)
    enough = len(origins) >= LEAST_ORIGINS
    if model is not None:
        names = tuple(name for name in NAMES if name in (model, MEAN))
    elif not enough:
        names = tuple(name for name in names_for(books, quick=True) if name != "trees")
    until = origins[0] if origins else books.last
    fitted = fit(names if model is None or model in NAMES else [model], books, horizon, until, how)
    scores = score_at(fitted, snap, origins)
    table = tabulate(scores, snap, origins, coverage)
    if model is not None:
        return Choice(model, f"{WORDS[model]} was asked for", fitted[model], origins, table, scores, bool(origins))
    if not enough:
        weeks = books.units.shape[1]
        reason = (
            f"nothing is chosen on {weeks} full weeks, which hold {len(origins)} origin{'s' * (len(origins) != 1)} of "
            f"{horizon} weeks, {LEAST_ORIGINS} needed: the {WORDS[MEAN]} serves, and its intervals are not calibrated"
        )
        return Choice(MEAN, reason, fitted[MEAN], origins, table, scores, False)
    name, reason = pick(scores[scores["cutoff"] < monday(origins[-1])], names)
    return Choice(name, reason, fitted[name], origins, table, scores, True)


def score_at(fitted: Mapping[str, Fitted], snap: Snapshot, origins: tuple[int, ...]) -> pd.DataFrame:
    """Forecast from each origin with each candidate: ``unique_id, ds, cutoff, y`` and a column a candidate.

    Whose own forecast is a median, has a second column for its mean, ``trees-mean``.
    Scored are products for which every candidate has a forecast.
    """
    books, horizon = snap.books, snap.horizon
    products = np.array(books.products, dtype=object)
    parts = []
    for origin in origins:
        said = {name: one.frozen.forecast(books, origin) for name, one in fitted.items()}
        there = np.flatnonzero(np.isfinite([units[:, 0] for units in said.values()]).all(axis=0))
        means = next((one.means for one in fitted.values() if one.means is not None), None)  # all share one
        if means is not None:
            mean = means.forecast(books, origin)
            said |= {mean_column(name): mean for name, one in fitted.items() if one.means is not None}
        at = origin - books.first + 1
        frame = pd.DataFrame(
            {
                "unique_id": np.repeat(products[there], horizon),
                "ds": np.tile(np.array([monday(origin + 1 + h) for h in range(horizon)]), len(there)),
                "cutoff": monday(origin),
                "y": books.units[there, at : at + horizon].ravel(),
            }
        )
        parts.append(frame.assign(**{name: units[there].ravel() for name, units in said.items()}))
    if not parts:
        return pd.DataFrame(columns=["unique_id", "ds", "cutoff", "y", *fitted])
    return pd.concat(parts, ignore_index=True)


def pick(scores: pd.DataFrame, names: tuple[str, ...]) -> tuple[str, str]:
    """Pick the simplest candidate within one standard error of the best, and say why; the simplest name comes first."""
    sold = float(scores["y"].sum())
    if not sold > 0:
        return MEAN, f"nothing was sold in the weeks that were to choose: the {WORDS[MEAN]} serves"
    error = scores[list(names)].sub(scores["y"], axis=0).abs()
    table = errors_of(scores, names, pooled=True).set_index("model")
    wape, bias = table["wape"], table["bias"]
    sane = fair(bias)
    if not sane:  # the one whose sum is least off by ratio, so that a forecast of nothing is never it
        sane = [min(names, key=lambda name: abs(np.log(max(bias[name] + 1, 1e-12))))]
    best = str(wape[sane].idxmin())
    for name in sane:
        gap = (error[name] - error[best]).groupby(scores["unique_id"]).sum()
        doubt = float(np.sqrt(len(gap) * gap.var(ddof=1))) / sold if len(gap) > 1 else 0.0
        if wape[name] - wape[best] <= doubt:
            break
    said = f"{WORDS[best]} has the least error, a WAPE of {wape[best]:.3f}"
    if name != best:
        said += (
            f"; {WORDS[name]}, at {wape[name]:.3f}, is simpler and within one standard error ({doubt:.3f}): "
            f"{WORDS[name]} serves"
        )
    out = [WORDS[other] for other in names if other not in sane]
    if out:
        said += f"; left out, since it misses the sum of units by more than half: {', '.join(out)}"
    return name, said


def tabulate(scores: pd.DataFrame, snap: Snapshot, origins: tuple[int, ...], coverage: float) -> pd.DataFrame:
    """Tabulate the candidates: WAPE and bias pooled over the origins that choose, and what holds at the last one.

    ``wape``, ``bias`` (of the sum of units), ``bias_mean`` (that of the means, which is what sums are made of),
    ``money``: what the errors would cost a week, had the forecast been ordered: margin where too few, ``HOLDING`` of
    the unit cost where too many; missing where a shop has no unit costs. At the last origin, with intervals that the
    earlier ones calibrate: ``coverage`` and its columns by units and size, see ``evaluation.rivals.coverages``.
    """
    names = [name for name in NAMES if name in scores]
    choosing = scores[scores["cutoff"] < monday(origins[-1])] if len(origins) > 1 else scores
    last = scores[scores["cutoff"] == monday(origins[-1])] if origins else scores
    table = errors_of(choosing, names, _costs(snap), pooled=True)
    level = round(100 * coverage, 9)
    if len(origins) > 1:
        for name in names:
            sizes = reaches(choosing["y"].to_numpy(dtype=float), choosing[name].to_numpy(dtype=float), coverage)
            said = last[name].to_numpy(dtype=float)
            ends = interval(said, Reach.of(sizes).at(said))
            last = last.assign(**dict(zip(interval_columns(name, level), ends, strict=True)))
    return table.merge(coverages(last, names, _earlier(snap.books, origins), level))


def _costs(snap: Snapshot) -> pd.DataFrame:
    """What a unit costs that is short, and one that is over, by product."""
    price = snap.products.set_index("product_id")
    return pd.DataFrame({"short": (price["price"] - price["cost"]).clip(lower=0), "over": HOLDING * price["cost"]})


def _earlier(books: SalesHistory, origins: tuple[int, ...]) -> pd.Series:
    """Units of the eight weeks before the last origin, by cutoff and product."""
    at = origins[-1] - books.first + 1 if origins else 0
    units = books.units[:, max(at - EARLIER, 0) : at].sum(axis=1)
    days = [monday(origins[-1])] if origins else []
    keys = pd.MultiIndex.from_product([days, books.products], names=["cutoff", "unique_id"])
    return pd.Series(units[: len(keys)], index=keys)


def answer(choice: Choice, snap: Snapshot, shop: str) -> ShopAnswer:
    """Set what was chosen beside last week, the mean of eight weeks and last year, at all origins."""
    books = snap.books
    if choice.scores.empty:
        weeks = books.units.shape[1]
        said = f"{shop}: {weeks} full weeks are too few to try a forecast on, so nobody knows how good it is. "
        return ShopAnswer(shop, choice.name, choice.table, "", None, False, f"{said}{DO_NOT_USE}.")
    product, week = np.nonzero(np.arange(books.units.shape[1]) + books.first >= books.begin[:, None])
    history = pd.DataFrame(
        {
            "unique_id": np.array(books.products, dtype=object)[product],
            "ds": period_start(week + books.first, "W-MON"),
            "y": books.units[product, week],
        }
    )
    return shop_answer(choice.scores, choice.name, history, shop=shop, costs=_costs(snap))


def printed(choice: Choice) -> list[str]:
    """Write the table and the reason as lines for a terminal."""
    table = choice.table
    if not choice.origins:
        return [choice.reason]
    head = (
        f"{'':19}{'WAPE':>8}{'bias':>8}{'of means':>10}{'held':>8}{'by units':>10}{'larger':>8}{'top':>8}{'money':>10}"
    )
    lines = [f"{len(choice.origins)} origins, {choice.scores['unique_id'].nunique():,} products", head]

    def told(value: float, form: str, width: int) -> str:
        return f"{format(value, form) if np.isfinite(value) else '–':>{width}}"

    for row in table.itertuples(index=False):
        mark = "→ " if row.model == choice.name else "  "
        error = told(row.wape, ".3f", 8) + told(row.bias, "+.0%", 8) + told(row.bias_mean, "+.0%", 10)
        held = told(row.coverage, ".0%", 8) + told(row.coverage_weighted, ".0%", 10)
        held += told(row.coverage_large, ".0%", 8) + told(row.coverage_top, ".0%", 8)
        lines.append(f"{mark}{WORDS[row.model]:17}{error}{held}{told(row.money, ',.0f', 10)}")
    lines.append(
        "held: share of intervals that held at the last origin: all, weighted by the units sold before it, "
        "the half that sells more, its best tenth"
    )
    return [*lines, choice.reason]
