"""Holds one forecaster inside another: the base of what is put around any forecaster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ecomlib.contract import FittedForecaster, Forecaster, Point, as_forecaster
from ecomlib.errors import DataError
from ecomlib.panel import frequency


@dataclass(frozen=True)
class Around(Forecaster):
    """Ask a member for its forecast, and add something of one's own: ``Conformal`` intervals, ``CountLaw`` quantiles.

    Parameters
    ----------
    member : Forecaster or callable
        What forecasts; what it wants to know ahead is what this one wants.
    """

    member: Forecaster

    def __post_init__(self) -> None:
        if isinstance(self.member, str):
            raise DataError(
                "the member is a name, not yet a forecaster",
                value=self.member,
                remedy=f'make it first: member=forecaster("{self.member}").',
            )
        object.__setattr__(self, "member", as_forecaster(self.member))
        super().__post_init__()

    @property
    def point(self) -> Point:  # type: ignore[override]
        point: Point = self.member.point
        return point

    @property
    def known_ahead(self) -> tuple[str, ...]:  # type: ignore[override]
        return tuple(self.member.known_ahead)

    @property
    def also_known(self) -> tuple[str, ...]:  # type: ignore[override]
        return tuple(self.member.also_known)

    def check(self) -> None:
        self.member.check()
        super().check()

    def fit_member(self, known: pd.DataFrame, horizon: int) -> FittedForecaster:
        """Fit the member on a history; it forecasts from the last period of it.

        Parameters
        ----------
        known : DataFrame
            A panel; it is left as it is.
        horizon : int
            Periods.
        """
        learned = self.member.learn(known.copy(), horizon)
        return FittedForecaster(self.member, learned, horizon, frequency(known), known["ds"].max())

    def remarks(self, learned: Any) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.member.remarks(learned["member"].learned)
        return found
