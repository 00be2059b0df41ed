"""Calibrates a version: how far its forecasts miss, by region, for intervals and for orders (lesson 08, section 2)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ecomlib.decisions.inventory import order_quantiles
from ecomlib.serving.release.bundle import ALL
from ecomlib.serving.release.choose import Choice
from ecomlib.serving.release.reach import reaches
from ecomlib.serving.release.snapshot import Snapshot, shares

NOT_CALIBRATED = "not calibrated: the history is too short"
_MOST_ROWS = 400_000  # beyond it a sample of products says the same


def calibrate(choice: Choice, snap: Snapshot, coverage: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measure the errors of what was chosen at the last origin, which did not choose it.

    Parameters
    ----------
    choice : Choice
    snap : Snapshot
    coverage : float
        What the intervals promise.

    Returns
    -------
    reach : DataFrame
        ``region_id`` (and ``all``), its ``column``, and the columns of ``reaches``: a row a class of size. ``reason``
        where a reach is infinite: the rows are too few, or the history is too short for any promise.
    order_errors : DataFrame
        Errors of two weeks' expected units, as ``decisions.order_quantiles`` gives them.
    """
    books, by_region, horizon = snap.books, snap.by_region, snap.horizon
    regions = list(snap.regions["region_id"])
    origin = choice.origins[-1] if choice.origins else books.last - horizon
    said, expected = choice.trial.frozen.forecast(books, origin), choice.trial.mean(books, origin)
    at = origin - books.first + 1
    there = np.flatnonzero(np.isfinite(said[:, 0]))
    most = max(_MOST_ROWS // (len(regions) * horizon), 50)
    some = np.sort(np.random.default_rng(0).permutation(len(there))[:most])
    there = there[some]
    came = books.units[there, at : at + horizon]
    split = shares(by_region[:, :, :at], books.category)[there]
    by_share, regional = split[:, :, None] * said[there, None], by_region[there, :, at : at + horizon]
    parts = []
    for k, name in enumerate([*regions, ALL]):
        f, y = (by_share[:, k], regional[:, k]) if k < len(regions) else (said[there], came)
        table = reaches(y, f, coverage)
        if not choice.calibrated:
            table = table[:1].assign(reach=np.inf, reason=NOT_CALIBRATED)
        parts.append(table.assign(region_id=name, column=k))  # a shop without regions has "all" twice
    two = split * expected[there, :2].sum(axis=1)[:, None]
    errors = order_quantiles(
        two, regional[..., :2].sum(axis=-1), regions, (expected[there, :2].sum(axis=1), came[:, :2].sum(axis=1))
    )
    return pd.concat(parts, ignore_index=True), errors
