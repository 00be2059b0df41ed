"""Reads quantiles off a series' own last periods: the row that a learner of quantiles must beat."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import pandas as pd

from ecomlib.contract import Forecaster, Point
from ecomlib.contract.settings import at_least, rising_shares


@dataclass(frozen=True)
class WindowQuantiles(Forecaster):
    """Forecast quantiles as those of the last ``window`` periods, or of as many as there are (lesson 11b, section 3).

    Parameters
    ----------
    window : int
        Periods.
    quantiles : tuple of float
        Shares between 0 and 1. The point forecast is the median.

    Notes
    -----
    Between two values a straight line, as numpy has it. A series without a known period gets zero.

    Examples
    --------
    >>> import pandas as pd
    >>> weeks = pd.date_range("2024-01-01", periods=5, freq="7D")
    >>> panel = pd.DataFrame({"unique_id": "mug", "ds": weeks, "y": [0.0, 0.0, 4.0, 0.0, 8.0]})
    >>> made = WindowQuantiles(quantiles=(0.75,)).fit(panel, horizon=1).forecast()
    >>> made.iloc[0, 3:].to_dict()
    {'window_quantiles': 0.0, 'window_quantiles-q0.75': 4.0}
    """

    name: ClassVar[str] = "window_quantiles"
    window: int = 26
    quantiles: tuple[float, ...] = (0.5, 0.75, 0.9)
    point: Point = field(default="median", init=False, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, 1, "window")
        rising_shares(self, "quantiles")

    def answer(self, learned: Any, past: pd.DataFrame, future: pd.DataFrame) -> pd.DataFrame:
        last = past.dropna(subset=["y"]).groupby("unique_id", observed=True).tail(self.window)
        groups = last.groupby("unique_id", observed=True)["y"]
        columns = {"point": 0.5, **{f"q{share:g}": share for share in self.quantiles}}
        found = {name: future["unique_id"].map(groups.quantile(share)) for name, share in columns.items()}
        return pd.DataFrame(found, index=future.index).astype(float).fillna(0.0).clip(lower=0.0)
