"""Measures coverage where the units are: weighted by units, and of the products that sell most (lesson 07b, section 4).

Plain coverage counts every product alike. In most shops most products sell next to nothing, and an interval from 0 to 1
holds them; an interval that misses what sells can so still hold "96 % of the weeks".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ecomlib.contract.frame import find_interval
from ecomlib.errors import DataError
from ecomlib.frames import require_panel

LARGE = "sold more"  # half of the products, by what they sold before the origin
TOP = "best sellers"  # a tenth of them
EARLIER = 8  # periods before an origin that say how much a product sells


def earlier_units(history: pd.DataFrame, cutoffs: Iterable[Any], periods: int = EARLIER) -> pd.Series:
    """Sum each series' units over the last ``periods`` up to each cutoff: who sells well later is not known yet.

    Parameters
    ----------
    history : DataFrame
        ``unique_id, ds, y``.
    cutoffs : iterable of dates
        Last known periods.
    periods : int

    Returns
    -------
    Series
        By ``cutoff`` and ``unique_id``.

    Examples
    --------
    >>> import pandas as pd
    >>> weeks = pd.date_range("2024-01-01", periods=4, freq="7D")
    >>> earlier_units(pd.DataFrame({"unique_id": "mug", "ds": weeks, "y": [5.0, 1.0, 2.0, 9.0]}), weeks[2:3], 2).item()
    3.0
    """
    require_panel(history, "unique_id", "ds", "y")
    dates = np.sort(history["ds"].unique())
    found = {}
    for cutoff in pd.DatetimeIndex(list(cutoffs)).unique():
        near = dates[dates <= cutoff.to_datetime64()][-periods:]
        part = history[history["ds"].isin(near)]
        found[cutoff] = part.groupby("unique_id", observed=True)["y"].sum()
    if not found:
        index = pd.MultiIndex.from_arrays([[], []], names=["cutoff", "unique_id"])
        return pd.Series([], index=index, dtype=float, name="y")
    return pd.concat(found, names=["cutoff"])


def size_classes(units: pd.Series) -> pd.Series:
    """Put series into classes by units: ``TOP`` for the best tenth, ``LARGE`` for the rest of the half that sells more.

    The others get an empty word. Of equal ones the first goes first; both parts are rounded up.

    Examples
    --------
    >>> import pandas as pd
    >>> size_classes(pd.Series({"cup": 1.0, "mug": 9.0, "jug": 5.0})).to_dict()
    {'mug': 'best sellers', 'jug': 'sold more', 'cup': ''}
    """
    sorted_units = units.sort_values(ascending=False, kind="stable")
    words = pd.Series("", index=sorted_units.index, dtype=object)
    words.iloc[: -(-len(words) // 2)] = LARGE
    words.iloc[: -(-len(words) // 10)] = TOP
    return words


@dataclass(frozen=True)
class SizeCoverage:
    """Holds the share of intervals that held: plain, weighted by earlier units, and by size; NaN where there is none.

    larger and smaller are the halves of the products that sold more and less before the origin, best the best tenth.
    """

    plain: float
    weighted: float
    larger: float
    smaller: float
    best: float
    level: float = 90.0

    @classmethod
    def unknown(cls, level: float = 90.0) -> SizeCoverage:
        """Make the one of a model that promises nothing."""
        return cls(np.nan, np.nan, np.nan, np.nan, np.nan, level)

    def __str__(self) -> str:
        if not np.isfinite(self.plain):
            return f"no {self.level:g} % interval is promised"
        parts = [f"{self.plain:.0%} of the {self.level:g} % intervals held"]
        named = (
            (self.weighted, "weighted by units"),
            (self.larger, "of the half that sells more"),
            (self.best, "of its best tenth"),
        )
        parts += [f"{share:.0%} {words}" for share, words in named if np.isfinite(share)]
        return ", ".join(parts)

    def above(self, share: float) -> bool:
        """Tell whether both halves hold more than ``share``: plain coverage alone says nothing of what sells."""
        return bool(self.larger > share and self.smaller > share)


def coverage_by_size(frame: pd.DataFrame, model: str, earlier: pd.Series, level: float = 90) -> SizeCoverage:
    """Measure how many of a model's intervals held, and how many where the units are (lesson 07b, section 4).

    Parameters
    ----------
    frame : DataFrame
        ``unique_id, cutoff, y`` and the model's interval of this level, or the two quantiles that it stands for.
    model : str
    earlier : Series
        What ``earlier_units`` gives; a series without a value has sold nothing before.
    level : float
        In per cent.

    Returns
    -------
    SizeCoverage
        Infinite ends promise nothing: with them, and without a row, all shares are NaN.

    Raises
    ------
    DataError
        The model has no such interval.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"unique_id": ["cup", "mug"], "cutoff": pd.Timestamp("2024-01-01"), "y": [0.0, 9.0]})
    >>> frame = frame.assign(**{"gru-lo-90": 0.0, "gru-hi-90": 5.0})
    >>> earlier = pd.Series([1.0, 3.0], pd.MultiIndex.from_frame(frame[["cutoff", "unique_id"]]))
    >>> print(coverage_by_size(frame, "gru", earlier))
    50% of the 90 % intervals held, 25% weighted by units, 0% of the half that sells more, 0% of its best tenth
    """
    low, high = find_interval(frame, model, level)
    for name in ("unique_id", "cutoff", "y"):
        if name not in frame:
            raise DataError("coverage by size needs this column", column=name, remedy="score what backtest returns.")
    known = frame.loc[frame["y"].notna().to_numpy()]
    if known.empty or not np.isfinite(known[[low, high]].to_numpy(dtype=float)).all():
        return SizeCoverage.unknown(level)
    held = known["y"].between(known[low], known[high]).to_numpy(dtype=float)
    keys = pd.MultiIndex.from_frame(known[["cutoff", "unique_id"]])
    units = earlier.reindex(keys.unique()).fillna(0.0)
    words = pd.concat([size_classes(part) for _, part in units.groupby(level="cutoff", sort=False)]).reindex(keys)
    weight, large = units.reindex(keys).to_numpy(dtype=float), (words != "").to_numpy()

    def share(rows: np.ndarray) -> float:
        return float(held[rows].mean()) if rows.any() else np.nan

    weighted = float(np.average(held, weights=weight)) if weight.sum() > 0 else np.nan
    return SizeCoverage(
        float(held.mean()), weighted, share(large), share(~large), share((words == TOP).to_numpy()), level
    )
