"""Makes the sales plan of a version, and the errors that sums of its forecasts had (lesson 11; decided on in 08)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ecomlib.decisions.shop.plan import HORIZON, INTERVAL, LEAST, MODEL, plan_table, said, series_of
from ecomlib.decisions.shop.weeks import Weeks
from ecomlib.errors import DataError
from ecomlib.serving.release.inputs import Floats, monday
from ecomlib.serving.release.snapshot import shares

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecomlib.serving.release.choose import Choice
    from ecomlib.serving.release.snapshot import Snapshot

NODES = ("total", "category", "region")  # levels that a version answers for


@dataclass(frozen=True, eq=False)
class Planned:
    """Holds a version's plan.

    table: ``level, node, span, from, weeks, mean, low, high`` of the quarter after the cutoff, as ``ecomlib decide
    plan`` writes it, or empty; about: how it was made, or why there is none; sums: what sums of the served
    forecasts missed.
    """

    table: pd.DataFrame
    about: str
    sums: pd.DataFrame


def plan_of(snap: Snapshot, choice: Choice) -> Planned:
    """Plan the quarter after the cutoff, and sum up what the served forecaster missed before it."""
    sums = past_sums(snap, choice)
    columns = ["level", "node", "span", "from", "weeks", "mean", "low", "high"]
    books = snap.books
    store = snap.held.store.with_parts(prices=snap.held.prices)
    weeks = Weeks(store, books.first, books.last)
    try:
        if weeks.count < LEAST:
            raise DataError(f"a sales plan needs {LEAST} full weeks", value=weeks.count)
        table = plan_table(weeks, HORIZON, MODEL, INTERVAL, series_of(store))
    except DataError as error:
        return Planned(pd.DataFrame(columns=columns), f"this shop's tables give no sales plan: {error}", sums)
    about = " ".join([f"{said(weeks, table, INTERVAL)}.", *table.attrs["notes"]])
    kept = table.loc[table["level"].isin(NODES), columns].reset_index(drop=True)
    kept.attrs = {}
    return Planned(kept, about, sums)


def nodes_of(category: Sequence[str], regions: Sequence[str]) -> list[tuple[str, str, Floats | None, int | None]]:
    """List what sums are told of: the total, each of several categories (its products), each of several regions.

    Returns
    -------
    list of tuple
        Level, node, the products' weights (P,) or None for all, the region's column or None for all.
    """
    kinds = np.array(category, dtype=object)
    found: list[tuple[str, str, Floats | None, int | None]] = [("total", "all", None, None)]
    names = sorted(set(category))
    if len(names) > 1:
        found += [("category", name, (kinds == name).astype(float), None) for name in names]
    if len(regions) > 1:
        found += [("region", name, None, column) for column, name in enumerate(regions)]
    return found


def sums_by_node(
    units: Floats, split: Floats, nodes: Sequence[tuple[str, str, Floats | None, int | None]], spans: Any
) -> pd.DataFrame:
    """Sum units (P, H), of which regions have the shares ``split`` (P, R), over nodes and spans of weeks.

    Returns
    -------
    DataFrame
        ``level, node, first, last, mean``, as ``ensemble.sum_intervals`` reads it.
    """
    rows = []
    for level, node, weight, column in nodes:
        of = np.ones(len(units)) if weight is None else weight
        weekly = (of if column is None else of * split[:, column]) @ units
        rows += [(level, node, first, last, float(weekly[first - 1 : last].sum())) for first, last in spans]
    return pd.DataFrame(rows, columns=["level", "node", "first", "last", "mean"])


def spans_of(horizon: int) -> list[tuple[int, int]]:
    """List the spans of a served horizon: each week, and all of them."""
    weeks = [(step, step) for step in range(1, horizon + 1)]
    return weeks if horizon == 1 else [*weeks, (1, horizon)]


def past_sums(snap: Snapshot, choice: Choice) -> pd.DataFrame:
    """Sum what the trial expected and what came, from each week after its fit: ``level, node, …, mean, y``.

    The trial knows none of those weeks. Origins overlap; ``sum_intervals`` counts them as the weeks that they cover.
    """
    books, horizon = snap.books, snap.horizon
    first = choice.origins[0] if choice.origins else books.last
    nodes, spans = nodes_of(books.category, list(snap.regions["region_id"])), spans_of(horizon)
    parts = []
    for origin in range(first, books.last - horizon + 1):
        at = origin - books.first + 1
        expected = choice.trial.mean(books, origin)
        there = np.isfinite(expected[:, :1])
        split = shares(snap.by_region[:, :, :at], books.category)
        said_of = sums_by_node(np.where(there, expected, 0.0), split, nodes, spans)
        regional = snap.by_region[:, :, at : at + horizon]
        came = [
            float(
                (books.units[:, at + a - 1 : at + b] if column is None else regional[:, column, a - 1 : b])[
                    there[:, 0] & (True if weight is None else weight > 0)
                ].sum()
            )
            for _, _, weight, column in nodes
            for a, b in spans
        ]
        parts.append(said_of.assign(y=came, cutoff=monday(origin), origin=origin - first))
    if not parts:
        columns = ["level", "node", "first", "last", "mean", "y", "cutoff", "origin"]
        return pd.DataFrame(columns=columns)
    return pd.concat(parts, ignore_index=True)
