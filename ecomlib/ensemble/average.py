"""Averages forecasters: an average is a forecaster too (lesson 07, section 2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from ecomlib.contract import FittedForecaster, Forecaster, Point
from ecomlib.contract.forecaster import declared
from ecomlib.ensemble.combine import How, combine
from ecomlib.errors import DataError, explained
from ecomlib.panel import frequency

_IT = "it"


@explained(
    'forecaster("average", members=(forecaster("naive"), forecaster("window_mean")))',
    models="members",
    forecasters="members",
    method="how",
)
@dataclass(frozen=True)
class Average(Forecaster):
    """Combine the forecasts of several forecasters row by row, as ``combine`` does (lesson 07, section 2).

    Parameters
    ----------
    members : sequence of Forecaster
        Two or more; each is fitted on the same rows.
    how : {"mean", "median", "log_mean"}
        See ``ecomlib.ensemble.combine``.
    weights : tuple of float, optional
        One a member, for ``mean`` and ``log_mean``, with the sum one; equal unless given.

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
        if isinstance(self.members, str | Forecaster) or not hasattr(self.members, "__iter__"):
            raise DataError(
                "members are several forecasters",
                value=self.members if isinstance(self.members, str) else type(self.members).__name__,
                remedy="put them into brackets: Average((first, second)).",
            )
        object.__setattr__(self, "members", tuple(self.members))
        if len(self.members) < 2 or not all(isinstance(member, Forecaster) for member in self.members):
            raise DataError(
                "an average needs two forecasters or more",
                value=[type(member).__name__ for member in self.members],
                remedy='hand in forecasters: members=[forecaster("naive"), forecaster("window_mean")].',
            )
        if isinstance(self.weights, Mapping):
            remedy = f"write them in the order of the members: weights={tuple(self.weights.values())}."
            raise DataError("weights have no names here", value=list(self.weights), remedy=remedy)
        super().__post_init__()
        if self.weights is None:
            return
        object.__setattr__(self, "weights", tuple(float(weight) for weight in self.weights))
        if len(self.weights) != len(self.members):
            problem = f"{len(self.members)} members need as many weights"
            raise DataError(problem, value=self.weights, remedy="write one each, in their order, or leave them out.")
        if self.how == "median":
            raise DataError("a median is not weighed", value=self.weights, remedy='leave out weights, or how="median".')
        if not abs(sum(self.weights) - 1) < 1e-6:
            remedy = "divide each by their sum, or leave them out for an equal share each."
            raise DataError("weights sum to one", value=self.weights, remedy=remedy)

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

    def check(self) -> None:
        for member in self.members:  # each by itself: what one vouches for, another has not
            member.check()
        super().check()

    def learn(self, past: pd.DataFrame, horizon: int) -> dict[str, Any]:
        freq, until = frequency(past), past["ds"].max()
        return {
            f"member{k}": FittedForecaster(member, member.learn(past.copy(), horizon), horizon, freq, until)
            for k, member in enumerate(self.members)
        }

    def answer(self, learned: Any, past: pd.DataFrame, future: pd.DataFrame) -> pd.DataFrame:
        said = []
        for k, member in enumerate(self.members):
            own = future[["unique_id", "ds", *declared(member)]]
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

    def remarks(self, learned: Any) -> dict[str, Any]:
        said: dict[str, Any] = {}
        for k, member in enumerate(self.members):
            for key, word in member.remarks(learned[f"member{k}"].learned).items():
                said.setdefault(key, []).append(f"{member.label}: {word}")
        return {key: "; ".join(words) for key, words in said.items()}

    def _combine(self, columns: list[Any]) -> Any:
        """One column of all members, combined; an infinite end stays infinite under a mean."""
        table = {f"member{k}": values for k, values in enumerate(columns)}
        weights = None if self.weights is None else dict(zip(table, self.weights, strict=True))
        frame = pd.DataFrame(table)
        if np.isinf(frame.to_numpy()).any():
            used = [name for name in table if weights is None or weights[name] > 0]
            return np.full(len(frame), np.inf) if self.how == "mean" else frame[used].median(axis=1).to_numpy()
        return combine(frame, list(table), self.how, weights).to_numpy()
