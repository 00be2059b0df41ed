"""Turns expected demand into whole orders by product and region (lesson 08, section 3).

An order is a quantile of demand: enough three times in four where a unit short costs three times a unit over. It lies
above the mean by what past demand missed its forecasts by, in roots of the mean, for small and large means separately.
A cell of product and region below one unit has no useful quantile (mostly nothing is sold there): such cells of a
product are pooled, what they sell together is ordered for, and dealt out unit by unit to the cell that expects most for
what it then holds. So regions add up to the product, as if a unit held in one such cell could serve the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.contract import require_mean
from ecomlib.decisions.newsvendor import newsvendor_quantile
from ecomlib.errors import DataError

Floats = NDArray[np.float64]
ALL = "all"  # the sum of all regions
LEVELS = np.round(np.arange(0.01, 1.0, 0.01), 2)  # of the errors that an order is read from
ALONE = 1.0  # units: a cell that expects fewer is pooled with the others of its product
SIZES = (0.0, 0.25, ALONE)  # lower ends of the size classes, units
LEAST = 100  # errors that a class needs to stand for itself
ALERTS = ("out", "low", None)


def quantile_names() -> list[str]:
    """Name the columns of errors' quantiles, one for each of ``LEVELS``: ``q01`` to ``q99``."""
    return [f"q{round(100 * level):02d}" for level in LEVELS]


def need_ahead(weekly: Floats, periods: float, left: float = 1.0) -> Floats:
    """Sum forecasts over the next ``periods``, from a moment at which the share ``left`` of the first is still to come.

    Parameters
    ----------
    weekly : array (P, H)
        Expected units by period, the running one first.
    periods : float
        How far to look, in periods.
    left : float
        Share of the running period's units still to come.

    Returns
    -------
    array (P,)
        Units.

    Examples
    --------
    >>> need_ahead(np.array([[8.0, 4.0, 2.0]]), periods=2, left=0.5)
    array([9.])
    """
    start, edge = 1 - left, np.arange(weekly.shape[1] + 1)
    if start + periods > weekly.shape[1]:
        raise DataError(
            "the forecast ends before the need",
            value=f"{weekly.shape[1]} periods ahead, {start + periods:g} needed",
            remedy="forecast further ahead, or order more often.",
        )
    share = np.clip(np.minimum(edge[1:], start + periods) - np.maximum(edge[:-1], start), 0.0, 1.0)
    return np.asarray(weekly @ share)


def error_quantiles(expected: Any, came: Any) -> pd.DataFrame:
    """Tabulate by how much past demand missed its expectation, by size of the expectation.

    Errors are in roots of expectation + ½. A size class with fewer than ``LEAST`` rows joins the next larger one, the
    largest the next smaller one.

    Parameters
    ----------
    expected, came : array (n,)
        Units over lead time and review, as forecast and as sold: one row a product (or product and region) and origin.

    Returns
    -------
    DataFrame
        A row a size class: ``at_least`` (units), ``rows``, ``q01`` to ``q99``; infinite where so many rows cannot
        tell.

    Examples
    --------
    >>> table = error_quantiles([0.1] * 100 + [9.0] * 200, [0] * 100 + [8, 10] * 100)
    >>> table[["at_least", "rows", "q50", "q90"]].round(2).values.tolist()
    [[0.0, 100.0, -0.13, -0.13], [0.25, 200.0, 0.0, 0.32]]
    """
    from ecomlib.ensemble import rows_needed

    mean, sold = np.asarray(expected, dtype=float).ravel(), np.asarray(came, dtype=float).ravel()
    if mean.shape != sold.shape or not (np.isfinite(mean).all() and np.isfinite(sold).all()):
        raise DataError("each expectation needs the units that came, both finite", value=(mean.shape, sold.shape))
    of = np.searchsorted(SIZES, mean, side="right") - 1
    count = np.bincount(np.maximum(of, 0), minlength=len(SIZES))
    starts = [0]
    for k in range(1, len(SIZES)):  # a class begins where those below have rows enough, and those from here on too
        if count[starts[-1] : k].sum() >= LEAST and count[k:].sum() >= LEAST:
            starts.append(k)
    rows = []
    for first, last in zip(starts, [*starts[1:], len(SIZES)], strict=True):
        mine = (of < last) & (of >= first)
        off = (sold[mine] - mean[mine]) / np.sqrt(mean[mine] + 0.5)
        enough = np.array([len(off) >= rows_needed(level) for level in LEVELS])
        values = np.where(enough, np.quantile(off, LEVELS) if len(off) else 0.0, np.inf)
        about = {"at_least": SIZES[first], "rows": len(off)}
        rows.append(about | dict(zip(quantile_names(), values, strict=True)))
    return pd.DataFrame(rows)


def order_quantiles(
    expected: Floats, came: Floats, regions: Sequence[str], total: tuple[Any, Any] | None = None
) -> pd.DataFrame:
    """Tabulate errors for orders: those of the sum of all regions by size, and each region's from one unit on.

    A region with fewer than ``LEAST`` expectations of one unit or more takes those of all regions; where even these are
    too few it has no rows, and its orders are read from the sum's.

    Parameters
    ----------
    expected, came : array (n, R)
        Units over lead time and review by region, as forecast and as sold: one row a product and origin.
    regions : sequence of str
        Names of the columns.
    total : pair of array (n,), optional
        The same of all regions together, where it is more than their sum (orders without a region).

    Returns
    -------
    DataFrame
        ``region_id`` (``all`` for the sum) and the columns of ``error_quantiles``.

    Examples
    --------
    >>> weekly = np.full((300, 2), [0.2, 4.0])
    >>> order_quantiles(weekly, weekly, ["north", "south"])[["region_id", "at_least", "rows"]].values.tolist()
    [['north', 1.0, 300], ['south', 1.0, 300], ['all', 0.0, 300]]
    """
    parts, large = [], expected >= ALONE
    for column, name in enumerate(regions):
        mine = large & (np.arange(len(regions)) == column)
        mine = mine if mine.sum() >= LEAST else large
        if name != ALL and mine.sum() >= LEAST:
            parts.append(error_quantiles(expected[mine], came[mine]).assign(region_id=name, at_least=ALONE))
    mean, sold = (expected.sum(axis=1), came.sum(axis=1)) if total is None else total
    table = pd.concat([*parts, error_quantiles(mean, sold).assign(region_id=ALL)], ignore_index=True)
    return table[["region_id", "at_least", "rows", *quantile_names()]]


@dataclass(frozen=True, eq=False)
class Orders:
    """Hold what to order by product and region, arrays (P, R).

    order: whole units, as floats. level: what the shelf should hold, units. on_hand: what it holds, 0 where unknown.
    urgency: index into ``ALERTS``: 0 where nothing is left of something that sells, 1 where the stock will not last
    until an order arrives, else 2. reason: why no order can be told, or None. arriving: units on their way, which were
    taken off too.
    """

    order: Floats
    level: Floats
    on_hand: Floats
    urgency: NDArray[np.intp]
    reason: NDArray[np.object_]
    arriving: Floats

    def region(self, column: int) -> Orders:
        """Narrow to one region."""
        return Orders(*(getattr(self, name)[:, [column]] for name in self.__dataclass_fields__))

    def most_urgent(self, limit: int | None = None) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return rows and columns, the most urgent first; ties stay in the order of the products."""
        first = np.lexsort((-(self.level - self.on_hand - self.arriving).ravel(), self.urgency.ravel()))[:limit]
        row, column = np.unravel_index(first, self.level.shape)
        return row, column


def plan_orders(
    expected: Floats,
    quantiles: pd.DataFrame,
    regions: Sequence[str],
    ratio: float = 3.0,
    *,
    soon: Floats | None = None,
    stock: Floats | None = None,
    arriving: Floats | None = None,
) -> Orders:
    """Compute whole orders by product and region from dense arrays; ``order_list`` does it for frames.

    Parameters
    ----------
    expected : array (P, R)
        Mean units over lead time and review.
    quantiles : DataFrame
        Of ``order_quantiles``, or of ``error_quantiles`` for every region alike. A cell below the smallest class of its
        region is pooled; below ``ALONE`` where the region has no rows.
    regions : sequence of str
        Names of the columns; ``all`` for the sum.
    ratio : float
        What a unit short costs, over what a unit too many costs.
    soon : array (P, R), optional
        Mean units until an order arrives, less what arrives before it; only alerts need it.
    stock : array (P, R), optional
        Units on hand; what lies in a pooled cell counts for the whole pool.
    arriving : array (P, R), optional
        Units that were ordered before and arrive in time: they are taken off like those on hand.

    Returns
    -------
    Orders
    """
    q = newsvendor_quantile(ratio, 1.0)
    if "region_id" not in quantiles:
        quantiles = quantiles.assign(region_id=ALL)
    whole = quantiles[quantiles["region_id"] == ALL]
    if whole.empty:
        raise DataError(
            "the errors of the sum of all regions are missing",
            table="quantiles",
            column="region_id",
            remedy=f"take the table of order_quantiles, which has rows of '{ALL}'.",
        )
    on_hand = np.zeros_like(expected) if stock is None else np.maximum(stock, 0.0)
    coming = np.zeros_like(expected) if arriving is None else arriving
    there = on_hand + coming
    level, reason = np.zeros_like(expected), np.full(expected.shape, None, dtype=object)
    alone = np.empty(expected.shape, dtype=bool)
    for column, name in enumerate(regions):
        own = quantiles[quantiles["region_id"] == name]
        alone[:, column] = expected[:, column] >= (ALONE if own.empty else own["at_least"].min())
        level[:, column], reason[:, column] = _levels(expected[:, column], whole if own.empty else own, q)
    order = np.maximum(np.floor(level - there + 0.5), 0.0)
    if not alone.all():
        mean = np.where(alone, 0.0, expected)
        pool = mean.sum(axis=1)
        of_pool, why = _levels(pool, whole, q)
        lies = np.where(alone, 0.0, there)
        units = np.maximum(np.floor(of_pool - lies.sum(axis=1) + 0.5), 0.0)
        # A cell that expects nothing still takes its place where all expect nothing; one that stands alone never does.
        weight = np.where(alone, -1.0, mean + 1e-9)
        share = weight / np.where(alone, 0.0, weight).sum(axis=1, keepdims=True).clip(1e-9)
        order = np.where(alone, order, _deal(np.where(np.isfinite(units), units, 0.0), weight, lies))
        level = np.where(alone, level, share * of_pool[:, None])
        reason = np.where(alone, reason, why[:, None])
    urgency = np.full(expected.shape, 2, dtype=np.intp)
    if stock is not None:
        if soon is not None:
            urgency[(on_hand < soon) & (order > 0)] = 1
        urgency[(on_hand <= 0) & (expected >= 0.5)] = 0
    return Orders(order, level, on_hand, urgency, reason, coming)


def _levels(expected: Floats, table: pd.DataFrame, q: float) -> tuple[Floats, NDArray[np.object_]]:
    """The quantile ``q`` of demand around each expectation (n,), and why it is not known, or None (n,)."""
    from ecomlib.ensemble import too_few

    values = table[quantile_names()].to_numpy(dtype=float)
    z = np.nan_to_num([np.interp(q, LEVELS, row) for row in values], nan=np.inf, posinf=np.inf)
    counts = table["rows"].astype(object).where(table["rows"].notna(), None)  # an older release does not say
    words = np.array(
        [
            None if known else (count is not None and too_few(int(count), q)) or "too few calibration rows"
            for known, count in zip(np.isfinite(z), counts, strict=True)
        ],
        dtype=object,
    )
    of = np.maximum(np.searchsorted(table["at_least"].to_numpy(dtype=float), expected, side="right") - 1, 0)
    return np.maximum(expected + z[of] * np.sqrt(expected + 0.5), 0.0), words[of]


def _deal(units: Floats, weight: Floats, held: Floats) -> Floats:
    """Deal out each row's ``units`` (P,) one by one to the column with the most weight for what it would then hold.

    Webster's method. Largest remainders would add up too, but may take a unit away from a column when there is one
    more to deal; here a dearer shortage never lowers a region's order.
    """
    dealt = np.zeros_like(weight)
    for step in range(int(units.max(initial=0.0))):
        rows = np.flatnonzero(units > step)
        best = (weight[rows] / (held[rows] + dealt[rows] + 0.5)).argmax(axis=1)
        dealt[rows, best] += 1
    return dealt


def _wide(frame: pd.DataFrame, row: str, column: str, value: str, rows: pd.Index | None = None) -> pd.DataFrame:
    """The column ``value`` as a table, in which no cell may be missing or given twice."""
    twice = frame.duplicated([row, column])
    if twice.any():
        raise DataError(
            f"a {column} is given twice for one {row}",
            column=value,
            value=tuple(frame.loc[twice, [row, column]].iloc[0]),
            remedy="take the forecasts of one origin, and one share a product and region.",
        )
    table = frame.pivot_table(value, row, column, observed=True)
    table = table if rows is None else table.reindex(rows)
    if table.empty or table.isna().any(axis=None):
        gap = table.index[table.isna().any(axis=1)]
        raise DataError(
            f"each {row} needs a value for each {column}",
            column=value,
            value=gap[0] if len(gap) else "no rows",
            remedy="forecast the same periods of all products, and give a share of 0 where nothing is sold.",
        )
    return table


@dataclass(frozen=True)
class OrderSettings:
    """Set what an order list is for.

    Parameters
    ----------
    ratio : float
        What a unit short costs, over what a unit too many costs.
    lead, review : float
        Periods until an order arrives, and until the next one can be placed.
    left : float
        Share of the running period's units still to come.
    """

    ratio: float = 3.0
    lead: float = 1.0
    review: float = 1.0
    left: float = 1.0


def order_list(
    forecast: pd.DataFrame,
    model: str,
    quantiles: pd.DataFrame,
    *,
    shares: pd.DataFrame | None = None,
    stock: pd.DataFrame | None = None,
    settings: OrderSettings | None = None,
) -> pd.DataFrame:
    """Recommend orders by product and region, the most urgent first (lesson 08, section 3).

    Parameters
    ----------
    forecast : DataFrame
        ``unique_id`` (a product), ``ds`` and the model's columns, from one origin: at least lead time and review.
    model : str
        Its name; its mean is used, and a model that gives none is refused, for quantiles stand around a mean.
    quantiles : DataFrame
        Of ``order_quantiles`` (or ``error_quantiles``): how far past demand over lead time and review missed.
    shares : DataFrame, optional
        ``product_id, region_id, share``: each region's share of a product's units. Without it the sum is ordered for.
    stock : DataFrame, optional
        ``product_id, on_hand``, and ``region_id`` beside ``shares``: units; what is not in it is not on hand. Several
        rows of one product and region are added up: append what was ordered before and is on its way.
    settings : OrderSettings, optional
        The cost ratio, lead time and review.

    Returns
    -------
    DataFrame
        ``product_id, region_id, on_hand, expected, order, alert, reason``; ``order`` is missing where ``reason`` says
        why it cannot be told.

    Examples
    --------
    >>> import pandas as pd
    >>> weeks = pd.to_datetime(["2024-01-01", "2024-01-08"])
    >>> ahead = pd.DataFrame({"unique_id": "cup", "ds": weeks, "cutoff": weeks[0], "gru": [0.7, 0.5]})
    >>> ahead.attrs["point"] = {"gru": "mean"}
    >>> split = pd.DataFrame({"product_id": "cup", "region_id": ["a", "b", "c"], "share": [0.5, 0.3, 0.2]})
    >>> past = np.full((120, 3), [0.6, 0.4, 0.2])
    >>> table = order_quantiles(past, np.tile([[1, 0, 0], [1, 1, 0], [0, 0, 0]], (40, 1)), ["a", "b", "c"])
    >>> order_list(ahead, "gru", table, shares=split)[["region_id", "expected", "order"]].round(2).values.tolist()
    [['a', 0.6, 1], ['b', 0.36, 1], ['c', 0.24, 0]]
    """
    how = settings or OrderSettings()
    wide = _wide(forecast, "unique_id", "ds", require_mean(forecast, model))
    weekly, products = wide.to_numpy(dtype=float), wide.index
    if shares is None:
        split = pd.DataFrame({ALL: 1.0}, index=products)
    else:
        split = _wide(shares[shares["product_id"].isin(products)], "product_id", "region_id", "share", products)
    regions = [str(name) for name in split.columns]
    held = None
    if stock is not None:
        lying = stock if shares is not None else stock.assign(region_id=ALL)
        table = lying.pivot_table("on_hand", "product_id", "region_id", "sum")
        held = table.reindex(index=products, columns=split.columns).fillna(0.0).to_numpy(dtype=float)
    part = split.to_numpy(dtype=float)
    expected, soon = (
        need_ahead(weekly, periods, how.left)[:, None] * part for periods in (how.lead + how.review, how.lead)
    )
    found = plan_orders(expected, quantiles, regions, how.ratio, soon=soon, stock=held)
    row, column = found.most_urgent()
    reason = found.reason[row, column]
    order = pd.array(np.where(pd.isna(reason), found.order[row, column], np.nan)).astype("Int64")
    return pd.DataFrame(
        {
            "product_id": products.to_numpy()[row],
            "region_id": np.array(regions, dtype=object)[column],
            "on_hand": np.nan if held is None else found.on_hand[row, column],
            "expected": expected[row, column],
            "order": order,
            "alert": np.array(ALERTS, dtype=object)[found.urgency[row, column]],
            "reason": reason,
        }
    )
