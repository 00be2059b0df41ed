"""Puts a law of counts about any mean: from a rate to the quantiles that an order needs (lesson 11b, section 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd

from ecomlib.contract import Forecaster, Point
from ecomlib.contract.forecaster import declared
from ecomlib.contract.settings import at_least, rising_shares
from ecomlib.ensemble.around import Around
from ecomlib.ensemble.combine import Floats
from ecomlib.errors import DataError, explained
from ecomlib.evaluation.floors import count_quantile

_IT = "it"


@explained(
    'forecaster("count_law", member=forecaster("statsforecast", model="CrostonSBA"))',
    model="member",
    forecaster="member",
    distribution="law",
)
@dataclass(frozen=True)
class CountLaw(Around):
    """Forecast the mean as a member does, and quantiles of a law of counts about it (lesson 11b, section 3).

    Parameters
    ----------
    member : Forecaster or callable
        What forecasts a mean: Croston's method and its kin, a window mean, trees with a Tweedie loss. A function's
        answer is taken for a mean.
    law : {"negative_binomial", "poisson"}
        The negative binomial has the variance ``mean + α mean²``, Poisson's has the mean.
    quantiles : tuple of float
        Shares between 0 and 1; each adds a column, in whole units.
    window : int
        Periods of each series' own history from which its α is estimated by moments: ``(variance - mean) / mean²``,
        at least 0. A series that sold nothing there takes the median α of the others.

    Notes
    -----
    The point forecast is the member's. What a member gives beside it is left away. Method of moments: Cameron and
    Trivedi, "Regression Analysis of Count Data" (2013); NB2.

    Examples
    --------
    >>> import pandas as pd
    >>> from ecomlib.models.baselines import WindowMean
    >>> weeks = pd.date_range("2024-01-01", periods=8, freq="7D")
    >>> panel = pd.DataFrame({"unique_id": "mug", "ds": weeks, "y": [0.0, 0.0, 6.0, 0.0, 0.0, 0.0, 2.0, 0.0]})
    >>> made = CountLaw(WindowMean(8), quantiles=(0.5, 0.9)).fit(panel, horizon=1).forecast()
    >>> made.iloc[0, 3:].to_dict()
    {'count_law': 1.0, 'count_law-q0.5': 0.0, 'count_law-q0.9': 3.0}
    """

    name: ClassVar[str] = "count_law"
    law: Literal["negative_binomial", "poisson"] = "negative_binomial"
    quantiles: tuple[float, ...] = (0.5, 0.75, 0.9)
    window: int = 52

    def __post_init__(self) -> None:
        function = not isinstance(self.member, Forecaster)
        super().__post_init__()
        at_least(self, 2, "window")
        rising_shares(self, "quantiles")
        if not function and self.member.point != "mean":
            raise DataError(
                f"a law of counts stands about a mean, and '{self.member.label}' forecasts another number",
                value=self.member.point,
                remedy='take a member that forecasts a mean, such as forecaster("window_mean").',
            )

    @property
    def point(self) -> Point:  # type: ignore[override]
        return "mean"

    def learn(self, past: pd.DataFrame, horizon: int) -> dict[str, Any]:
        return {"member": self.fit_member(past, horizon)}

    def answer(self, learned: Any, past: pd.DataFrame, future: pd.DataFrame) -> pd.DataFrame:
        own = future[["unique_id", "ds", *declared(self.member)]]
        mean: Floats = np.asarray(learned["member"].answer(past, own, name=_IT, negative="clip")[_IT], dtype=float)
        alpha = future["unique_id"].map(dispersion(past, self.window)).to_numpy(dtype=float)
        variance = mean + (0.0 if self.law == "poisson" else alpha) * mean**2
        columns = {f"q{share:g}": count_quantile(mean, variance, share) for share in self.quantiles}
        return pd.DataFrame({"point": mean, **columns}, index=future.index)


def dispersion(past: pd.DataFrame, window: int = 52) -> pd.Series:
    """Estimate each series' α of ``variance = mean + α mean²`` by moments from its last ``window`` periods.

    Parameters
    ----------
    past : DataFrame
        ``unique_id, ds, y``, sorted by both; what is not known is left out.
    window : int
        Periods.

    Returns
    -------
    Series
        α by ``unique_id``, at least 0; a series that sold nothing has the median of the others, 0 where there are none.

    Examples
    --------
    >>> import pandas as pd
    >>> weeks = pd.date_range("2024-01-01", periods=4, freq="7D")
    >>> past = pd.DataFrame({"unique_id": "mug", "ds": weeks, "y": [0.0, 0.0, 4.0, 0.0]})
    >>> round(float(dispersion(past).loc["mug"]), 6)
    2.0
    """
    known = past.dropna(subset=["y"])
    last = known.groupby("unique_id", observed=True).tail(window)
    groups = last.groupby("unique_id", observed=True)["y"]
    mean, variance = groups.mean(), groups.var(ddof=0)
    alpha = ((variance - mean) / mean.where(mean > 0) ** 2).clip(lower=0.0)
    middle = float(alpha.median()) if alpha.notna().any() else 0.0
    return alpha.reindex(past["unique_id"].unique()).fillna(middle)
