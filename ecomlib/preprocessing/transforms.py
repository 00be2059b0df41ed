"""Transforms series invertibly, fitted on the training part alone (lesson 01b, section 4).

``fit(train)`` sees what it is given and nothing else; what it returns is frozen, and brings forecasts beyond the end of
training back to units. Long frames have the columns ``unique_id, ds, y``; other columns travel along untouched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import optimize, special, stats

from ecomlib.errors import DataError
from ecomlib.periods import PERIODS_PER_YEAR, infer_frequency


@dataclass(frozen=True)
class Fitted:
    """Hold a transformation and what it learnt from each series of training, for good (lesson 01b, section 4)."""

    method: Transform
    states: Mapping[str, Any]

    def transform(self, frame: pd.DataFrame, columns: Sequence[str] = ("y",)) -> pd.DataFrame:
        """Transform ``columns`` of a frame; rows may follow the training part, without a gap."""
        return self._apply(frame, columns, self.method.forward)

    def inverse(self, frame: pd.DataFrame, columns: Sequence[str] = ("y",)) -> pd.DataFrame:
        """Turn ``columns`` (units, or forecasts of any name) back into their own scale."""
        return self._apply(frame, columns, self.method.backward)

    def _apply(self, frame: pd.DataFrame, columns: Sequence[str], step: Callable[..., np.ndarray]) -> pd.DataFrame:
        moments = frame["ds"].to_numpy()
        out = {name: frame[name].to_numpy(dtype="float64", copy=True) for name in columns}
        for series, rows in _series(frame):
            if series not in self.states:
                remedy = "fit on a training part that holds it."
                raise DataError("this series was not in training", column="unique_id", value=series, remedy=remedy)
            for values in out.values():
                values[rows] = step(self.states[series], moments[rows], values[rows])
        return frame.assign(**out)


def _series(frame: pd.DataFrame) -> list[tuple[str, np.ndarray]]:
    """Each series' name and its row positions in order of time."""
    moments = frame["ds"].to_numpy()
    groups = frame.groupby("unique_id", sort=False, observed=True).indices
    return [(str(name), rows[np.argsort(moments[rows], kind="stable")]) for name, rows in groups.items()]


class Transform:
    """Define one transformation: what it learns from a series, and both directions (lesson 01b, section 4)."""

    def fit(self, train: pd.DataFrame, column: str = "y") -> Fitted:
        """Learn from the training part alone; missing values at a series' start are left out."""
        moments, values = train["ds"].to_numpy(), train[column].to_numpy(dtype="float64")
        return Fitted(self, {name: self.learn(name, moments[rows], values[rows]) for name, rows in _series(train)})

    def learn(self, name: str, ds: np.ndarray, y: np.ndarray) -> Any:
        """Learn what is kept of one series of the training part."""
        raise NotImplementedError

    def forward(self, state: Any, ds: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Turn one series into the transformed scale."""
        raise NotImplementedError

    def backward(self, state: Any, ds: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Turn one series back into its own scale."""
        raise NotImplementedError


@dataclass(frozen=True)
class BoxCox(Transform):
    """Take ``((y + 1)^λ - 1) / λ``, λ in [0, 1] by likelihood; 0 is log1p; Box and Cox (1964) (lesson 01b, section 4).

    The one added makes room for weeks without sales. Within [0, 1] every forecast has an inverse; one below the range
    becomes -1. ``lmbda`` fixes λ instead of fitting it.
    """

    lmbda: float | None = None

    def learn(self, name: str, ds: np.ndarray, y: np.ndarray) -> float:
        known = y[np.isfinite(y)] + 1
        if (known <= 0).any():
            raise DataError("values must be above -1", column="y", value=float(known.min() - 1), remedy="clean first.")
        if self.lmbda is not None:
            return self.lmbda
        if len(known) < 3 or np.ptp(known) == 0:
            return 1.0  # Nothing to learn from equal values: they are left as they are.
        best = optimize.minimize_scalar(lambda lmbda: -stats.boxcox_llf(lmbda, known), bounds=(0, 1), method="bounded")
        return float(best.x)

    def forward(self, state: float, ds: np.ndarray, y: np.ndarray) -> np.ndarray:
        if (y <= -1).any():
            raise DataError("values must be above -1", column="y", value=float(np.nanmin(y)), remedy="clean first.")
        return np.asarray(special.boxcox1p(y, state))

    def backward(self, state: float, ds: np.ndarray, y: np.ndarray) -> np.ndarray:
        lowest = -1 / state if state > 0 else -np.inf
        return np.asarray(special.inv_boxcox1p(np.where(y < lowest, lowest, y), state))


@dataclass(frozen=True)
class Log1p(BoxCox):
    """Take ``log(1 + y)`` (lesson 01b, section 4)."""

    lmbda: float | None = 0.0


@dataclass(frozen=True)
class Scale(Transform):
    """Scale to centre 0, spread 1: by mean and standard deviation, or median and 1.4826 · MAD with ``robust``.

    A spread of zero counts as one (lesson 01, section 2).
    """

    robust: bool = False

    def learn(self, name: str, ds: np.ndarray, y: np.ndarray) -> tuple[float, float]:
        known = y[np.isfinite(y)]
        centre = float(np.median(known) if self.robust else known.mean()) if len(known) else 0.0
        spread = float(stats.median_abs_deviation(known, scale="normal") if self.robust else known.std())
        return centre, spread if len(known) and spread > 0 else 1.0

    def forward(self, state: tuple[float, float], ds: np.ndarray, y: np.ndarray) -> np.ndarray:
        return (y - state[0]) / state[1]

    def backward(self, state: tuple[float, float], ds: np.ndarray, y: np.ndarray) -> np.ndarray:
        return y * state[1] + state[0]


@dataclass(frozen=True)
class _Past:
    """The training part of one series, to which later rows are joined."""

    name: str
    ds: np.ndarray
    values: np.ndarray

    def position(self, ds: np.ndarray) -> int:
        """Where ``ds`` begins, counted in periods from the first of training; an error where a period is missing."""
        after = ds[0] > self.ds[-1]
        steps = np.diff(np.append(self.ds[-1:], ds) if after else ds)
        # 1.5 steps tell a missing period from months of 28 and 31 days.
        if ds[0] < self.ds[0] or (len(self.ds) > 1 and (steps > 1.5 * np.diff(self.ds).max()).any()):
            raise DataError(
                "the rows must follow the training part, or lie in it, without a gap",
                column="ds",
                value=f"{self.name}: {pd.Timestamp(ds[0]):%Y-%m-%d}",
                remedy="hand over every period from the end of training on, or fit on a longer training part.",
            )
        return len(self.ds) if after else int(np.searchsorted(self.ds, ds[0]))


@dataclass(frozen=True)
class Difference(Transform):
    """Subtract, ``y_t - y_{t-lag}``; the first ``lag`` values of a series become missing (lesson 01b, section 4).

    The inverse adds up from the last known values, through training and on into any horizon.
    """

    lag: int = 1

    def learn(self, name: str, ds: np.ndarray, y: np.ndarray) -> _Past:
        return _Past(name, ds, y)

    def _before(self, state: _Past, ds: np.ndarray) -> np.ndarray:
        start = state.position(ds)
        return np.append(np.full(self.lag, np.nan), state.values[:start])[-self.lag :]

    def forward(self, state: _Past, ds: np.ndarray, y: np.ndarray) -> np.ndarray:
        return y - np.append(self._before(state, ds), y)[: len(y)]

    def backward(self, state: _Past, ds: np.ndarray, y: np.ndarray) -> np.ndarray:
        rows = slice(state.position(ds), state.position(ds) + len(y))
        known, earlier = state.values[rows], np.append(np.full(self.lag, np.nan), state.values)[rows]
        level = np.append(self._before(state, ds), np.zeros(len(y)))
        for step, change in enumerate(y):
            # Where training has no value a lag ago the series had just begun: its own value is all there is.
            begins = step < len(known) and np.isnan(earlier[step])
            level[self.lag + step] = known[step] if begins else level[step] + change
        return level[self.lag :]


@dataclass(frozen=True)
class Deseasonalise(Transform):
    """Subtract seasons found by STL, or by MSTL where there are several periods (lesson 01b, section 2).

    ``periods`` are the lengths of the seasons, counted in rows. Left out, it is the year of each series' frequency:
    364 days, 52 weeks or 12 months.

    Cleveland and others (1990); Bandara, Hyndman and Bergmeir (2021); both as in statsmodels. The seasons are found in
    the training part; after its end the last cycle repeats. Needs two full cycles of the longest period. Values missing
    in between (weeks without stock) are joined by a straight line while the seasons are found, so that time runs on.
    """

    periods: tuple[int, ...] | None = None
    robust: bool = True

    def learn(self, name: str, ds: np.ndarray, y: np.ndarray) -> _Past:
        from statsmodels.tsa.seasonal import MSTL, STL

        known, periods = np.isfinite(y), self.periods or (_year(ds),)
        if known.sum() < 2 * max(periods):
            raise DataError(
                f"a season of {max(periods)} periods needs two full cycles",
                column="y",
                value=f"{name}: {known.sum()} values",
                remedy="take a longer training part, a coarser time step or a shorter season.",
            )
        first, at = int(known.argmax()), np.arange(len(y))
        whole = np.interp(at, at[known], y[known])[first:]
        if len(periods) == 1:
            found = STL(whole, period=periods[0], robust=self.robust).fit().seasonal
        else:
            found = MSTL(whole, periods=periods, stl_kwargs={"robust": self.robust}).fit().seasonal
        seasons = np.zeros((len(y), len(periods)))
        seasons[first:] = np.asarray(found).reshape(-1, len(periods))
        return _Past(name, ds, seasons)

    def _season(self, state: _Past, ds: np.ndarray) -> np.ndarray:
        at, end = state.position(ds) + np.arange(len(ds)), len(state.ds)
        total = np.zeros(len(ds))
        # MSTL orders its columns by period.
        for column, period in enumerate(sorted(self.periods or (_year(state.ds),))):
            total += state.values[np.where(at < end, at, end - period + (at - end) % period), column]
        return total

    def forward(self, state: _Past, ds: np.ndarray, y: np.ndarray) -> np.ndarray:
        return y - self._season(state, ds)

    def backward(self, state: _Past, ds: np.ndarray, y: np.ndarray) -> np.ndarray:
        return y + self._season(state, ds)


def _year(ds: np.ndarray) -> int:
    """Periods in a year at the frequency of one series' dates."""
    moments = ds.astype("datetime64[ns]")
    return PERIODS_PER_YEAR[infer_frequency(moments, np.diff(moments))]


@dataclass(frozen=True)
class Chain:
    """Apply several, one after the other; each learns from what those before it left (lesson 01b, section 4)."""

    steps: tuple[Transform, ...]

    def fit(self, train: pd.DataFrame, column: str = "y") -> FittedChain:
        """Learn from the training part alone."""
        fitted = []
        for step in self.steps:
            fitted.append(step.fit(train, column))
            train = fitted[-1].transform(train, (column,))
        return FittedChain(tuple(fitted))


@dataclass(frozen=True)
class FittedChain:
    """Hold a chain with what it learnt (lesson 01b, section 4)."""

    steps: tuple[Fitted, ...]

    def transform(self, frame: pd.DataFrame, columns: Sequence[str] = ("y",)) -> pd.DataFrame:
        """Transform, first step first."""
        for step in self.steps:
            frame = step.transform(frame, columns)
        return frame

    def inverse(self, frame: pd.DataFrame, columns: Sequence[str] = ("y",)) -> pd.DataFrame:
        """Turn back, last step first."""
        for step in reversed(self.steps):
            frame = step.inverse(frame, columns)
        return frame
