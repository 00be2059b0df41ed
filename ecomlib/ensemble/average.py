"""Averages forecasters: an average is a forecaster too (lesson 07, section 1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import pandas as pd

from ecomlib.contract import FittedForecaster, Forecaster, Point
from ecomlib.ensemble.combine import How, combine
from ecomlib.errors import DataError
from ecomlib.panel import frequency


@dataclass(frozen=True)
class Average(Forecaster):
    """Combine the forecasts of several forecasters row by row, as ``combine`` does (lesson 07, section 1).

    Parameters
    ----------
    members : sequence of Forecaster
        Two or more; each is fitted on the same rows.
    how : {"mean", "median", "log_mean"}
        See ``ecomlib.ensemble.combine``.
    weights : tuple of float, optional
        One a member, for ``mean`` and ``log_mean``; equal unless given.

    Notes
    -----
    An average of estimates of a mean estimates that mean, and one of medians that median. What mixes both, or takes
    logarithms of means, is neither.
    """

    name: ClassVar[str] = "average"
    members: tuple[Forecaster, ...]
    how: How = "mean"
    weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "members", tuple(self.members))
        if len(self.members) < 2 or not all(isinstance(member, Forecaster) for member in self.members):
            raise DataError(
                "an average needs two forecasters or more",
                value=[type(member).__name__ for member in self.members],
                remedy='hand in forecasters: members=[forecaster("naive"), forecaster("window_mean")].',
            )

    @property
    def point(self) -> Point:  # type: ignore[override]
        points = {member.point for member in self.members}
        if len(points) > 1 or (self.how == "log_mean" and points != {"median"}):
            return "neither"
        point: Point = points.pop()
        return point

    @property
    def known_ahead(self) -> tuple[str, ...]:  # type: ignore[override]
        return tuple(dict.fromkeys(column for member in self.members for column in member.known_ahead))

    @property
    def also_known(self) -> tuple[str, ...]:  # type: ignore[override]
        return tuple(dict.fromkeys(column for member in self.members for column in member.also_known))

    def learn(self, past: pd.DataFrame, horizon: int) -> dict[str, Any]:
        freq, until = frequency(past), past["ds"].max()
        return {
            f"member{k}": FittedForecaster(member, member.learn(past.copy(), horizon), horizon, freq, until)
            for k, member in enumerate(self.members)
        }

    def answer(self, learned: Any, past: pd.DataFrame, future: pd.DataFrame) -> pd.Series:
        columns: dict[str, Any] = {}
        for k, member in enumerate(self.members):
            name = f"member{k}"
            own = future[["unique_id", "ds", *member.known_ahead]]
            columns[name] = learned[name].answer(past, own, name=name, negative="clip")[name]
        names = list(columns)
        weights = None if self.weights is None else dict(zip(names, self.weights, strict=True))
        return combine(pd.DataFrame(columns, index=future.index), names, self.how, weights)
