"""Averages forecasters: an average is a forecaster too (lesson 07, section 1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from ecomlib.contract import FittedForecaster, Forecaster, Point
from ecomlib.ensemble.combine import How, combine
from ecomlib.errors import DataError
from ecomlib.panel import frequency

_IT = "it"


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

    Means, quantiles and interval ends that **all** members give are combined as well, by ``mean`` and ``median``: the
    combined 0.9-quantile is the average of the members' 0.9-quantiles (Lichtendahl, Grushka-Cockayne and Winkler,
    "Is It Better to Average Probabilities or Quantiles?", 2013), which is sharper than the quantile of the averaged
    distributions. So its interval is an average of intervals, no promise: ``Conformal`` around the average gives one.
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

    def answer(self, learned: Any, past: pd.DataFrame, future: pd.DataFrame) -> pd.DataFrame:
        said = []
        for k, member in enumerate(self.members):
            own = future[["unique_id", "ds", *member.known_ahead]]
            columns = learned[f"member{k}"].answer(past, own, name=_IT, negative="clip")
            parts = {column.removeprefix(f"{_IT}-"): values for column, values in columns.items() if column != _IT}
            if member.point == "mean":
                parts.setdefault("mean", columns[_IT])
            said.append({"point": columns[_IT], **parts})
        shared = [part for part in said[0] if all(part in columns for columns in said)]
        if self.how == "log_mean":  # bends means and the distance between quantiles
            shared = ["point"]
        if self.point == "mean":
            shared = [part for part in shared if part != "mean"]  # it is the point already
        combined = {part: self._combine([columns[part] for columns in said]) for part in shared}
        return pd.DataFrame(combined, index=future.index)

    def _combine(self, columns: list[Any]) -> Any:
        """One column of all members, combined; an infinite end stays infinite under a mean."""
        table = {f"member{k}": values for k, values in enumerate(columns)}
        weights = None if self.weights is None else dict(zip(table, self.weights, strict=True))
        frame = pd.DataFrame(table)
        if np.isinf(frame.to_numpy()).any():
            used = [name for name in table if weights is None or weights[name] > 0]
            return np.full(len(frame), np.inf) if self.how == "mean" else frame[used].median(axis=1).to_numpy()
        return combine(frame, list(table), self.how, weights).to_numpy()
