"""Sorts series by how they sell: smooth, erratic, intermittent or lumpy (lesson 11b, section 1)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ecomlib.errors import DataError
from ecomlib.frames import require_panel
from ecomlib.periods import parse_date

CLASSES = ("smooth", "erratic", "intermittent", "lumpy")
LONG_INTERVAL, LARGE_SPREAD = 1.32, 0.49


def demand_classes(panel: pd.DataFrame, at: Any = None) -> pd.DataFrame:
    """Sort series by how often they sell and how much the amounts differ (lesson 11b, section 1).

    Parameters
    ----------
    panel : DataFrame
        Long frame ``unique_id, ds, y``, regular in time, with a row for each period without a sale.
    at : date, optional
        The last period that counts as known; the panel's last one unless given.

    Returns
    -------
    DataFrame
        A row a series, by ``unique_id``: ``interval``, periods over periods with a sale (infinite without any);
        ``spread``, the squared coefficient of variation of the amounts that sold (missing without any); ``kind``, one
        of ``smooth`` (short interval, small spread), ``erratic`` (short, large), ``intermittent`` (long, small) and
        ``lumpy`` (long, large). A series that never sold is intermittent.

    Raises
    ------
    DataError
        No panel, or no period at or before ``at``.

    Notes
    -----
    An interval is long from 1.32 periods on, a spread large from 0.49 on: Syntetos, Boylan and Croston, "On the
    categorization of demand patterns" (2005). The spread is that of the population: divided by n, not by n - 1.

    Examples
    --------
    >>> import pandas as pd
    >>> weeks = pd.date_range("2024-01-01", periods=6, freq="7D")
    >>> demand_classes(pd.DataFrame({"unique_id": "mug", "ds": weeks, "y": [0.0, 6.0, 0.0, 0.0, 1.0, 0.0]}))
      unique_id  interval    spread   kind
    0       mug       3.0  0.510204  lumpy
    """
    require_panel(panel, "unique_id", "ds", "y")
    known = panel.dropna(subset=["y"])
    known = known if at is None else known[known["ds"] <= parse_date(at, "the last known period")]
    if known.empty:
        raise DataError("no period is known", table="panel", column="y", remedy="choose a later date for at.")
    groups = known.groupby("unique_id", observed=True)["y"]
    periods = groups.size()
    sold = known[known["y"] > 0].groupby("unique_id", observed=True)["y"]
    count = sold.size().reindex(periods.index, fill_value=0).to_numpy(dtype=float)
    spread = ((sold.std(ddof=0) / sold.mean()) ** 2).reindex(periods.index).to_numpy(dtype=float)
    with np.errstate(divide="ignore"):
        interval = periods.to_numpy(dtype=float) / count
    place = 2 * (interval >= LONG_INTERVAL) + (spread >= LARGE_SPREAD)
    kind = np.array(CLASSES, dtype=object)[place]
    return pd.DataFrame({"unique_id": periods.index, "interval": interval, "spread": spread, "kind": kind})
