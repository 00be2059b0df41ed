"""Measures how far intervals reach, by size of the forecast (lesson 08, section 2).

Products that sell little are many, and zero lies in nearly every interval of theirs. One reach for all keeps its
promise on average by holding too many of these and too few of those that matter. So each size has a reach of its own
(Mondrian conformal prediction: Vovk, Gammerman and Shafer, 2005): the class is read off the forecast, which is known
beforehand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ecomlib.contract import interval_columns
from ecomlib.ensemble import rows_needed, split_conformal
from ecomlib.serving.release.inputs import Floats

PARTS = (0.5, 0.75, 0.9, 0.97)  # of the calibration rows, by forecast: where a class may begin
LEAST = 100  # rows that a class needs to stand for itself


def reaches(y: Floats, f: Floats, coverage: float) -> pd.DataFrame:
    """Compute half the width of intervals, in roots of forecast + ½, by split conformal prediction in classes of size.

    Whole units: the low end is rounded down, so what counts as below begins one unit lower.

    Parameters
    ----------
    y, f : array
        Units as they came and as they were forecast, of the same shape.
    coverage : float
        What the intervals promise.

    Returns
    -------
    DataFrame
        A row a class, the smallest forecasts first: ``at_least`` (units), ``rows``, ``reach``, ``reason``. A class has
        as many rows as the promise needs, and ``LEAST`` at least; where all rows together are too few there is one
        class, whose reach is infinite, with its reason.

    Examples
    --------
    >>> table = reaches(np.r_[np.zeros(200), np.full(200, 13.0)], np.r_[np.zeros(200), np.full(200, 8.5)], 0.9)
    >>> table[["at_least", "rows", "reach"]].values.tolist()
    [[0.0, 200.0, 0.0], [8.5, 200.0, 1.5]]
    >>> Reach.of(table).at([2.0, 9.0]).tolist()
    [0.0, 1.5]
    """
    low, high = "units-lo-0", "units-hi-0"  # about the forecast, promising nothing yet
    said, came = np.asarray(f, dtype=float).ravel(), np.asarray(y, dtype=float).ravel()
    rows = pd.DataFrame({"y": came, low: said - 1, high: said, "root": np.sqrt(said + 0.5)})
    edges = _edges(said, max(LEAST, rows_needed(coverage)))
    rows["size"] = np.searchsorted(edges, said, side="right") - 1
    at_zero = pd.DataFrame({low: 0.0, high: 0.0, "root": 1.0, "size": np.arange(len(edges))})
    ends = split_conformal(rows, at_zero, (low, high), coverage, by=["size"], scale="root", least=1)
    end = interval_columns("units", round(100 * coverage, 9))[1]
    reason = next(iter(ends.attrs["unbounded"].values()), "")
    counts = np.bincount(rows["size"], minlength=len(edges))
    return pd.DataFrame({"at_least": edges, "rows": counts, "reach": ends[end].to_numpy(dtype=float), "reason": reason})


def _edges(said: Floats, least: int) -> Floats:
    """The lower ends of the classes: zero, and such quantiles of the forecasts that leave rows enough on both sides."""
    sizes = np.sort(said)
    edges, starts = [0.0], [0]
    for part in PARTS:
        equal = sizes[int(part * len(sizes)) : int(part * len(sizes)) + 1]
        # Many forecasts are equal, often at zero: a class begins with the first of them, or else behind the last.
        for start in (*np.searchsorted(sizes, equal), *np.searchsorted(sizes, equal, side="right")):
            if min(start - starts[-1], len(sizes) - start) >= least:
                edges.append(float(sizes[start]))
                starts.append(int(start))
                break
    return np.array(edges)


@dataclass(frozen=True, eq=False)
class Reach:
    """Holds the reach by size: ``at_least`` (K,), the lower ends of the classes in units, and ``reach`` (K,)."""

    at_least: Floats
    reach: Floats

    @classmethod
    def of(cls, table: pd.DataFrame) -> Reach:
        """Read it off the table of one region; that of an older release has one class, and NaN for infinity."""
        known = np.nan_to_num(table["reach"].to_numpy(dtype=float), nan=np.inf, posinf=np.inf)
        return cls(table["at_least"].to_numpy(dtype=float) if "at_least" in table else np.zeros(len(known)), known)

    def at(self, forecast: Any) -> Floats:
        """Look up the reach of forecasts of whole weeks; infinite where it is not known."""
        of = np.searchsorted(self.at_least, forecast, side="right") - 1
        return np.asarray(self.reach[np.maximum(of, 0)])
