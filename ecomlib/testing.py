"""Checks a forecaster of your own against the contract, and says in sentences what is missing.

The panels are invented, small and unkind: a series of one period, one that sold nothing, one with gaps, one whose name
holds a bar. What a program cannot see is left to you: whether the point forecast really is the median or mean that
``point`` says, whether the columns in ``also_known`` are known ahead, and whether the forecasts are any good.
"""

from __future__ import annotations

import itertools
import random
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ecomlib.contract import (
    FittedForecaster,
    Forecaster,
    as_forecaster,
    interval_columns,
    interval_levels,
    mean_column,
    model_columns,
    quantile_columns,
    rolling_origins,
)
from ecomlib.errors import DataError, EcomlibError
from ecomlib.forecasting import backtest, forecaster, load, save
from ecomlib.forecasting.registry import names

__all__ = ["check_forecaster"]

HORIZON = 3
ODD = {
    "young": "has one period of history",
    "zeros": "sold nothing",
    "gaps": "has periods with y missing",
    "cup|north": "has a bar in its name",
}
_CLOSE = 1e-9


def check_forecaster(given: Forecaster, panel: pd.DataFrame | None = None) -> None:
    """Check a forecaster against the contract; return nothing where it keeps it.

    Parameters
    ----------
    given : Forecaster
        With quick settings: it is fitted a dozen times.
    panel : DataFrame, optional
        What to check it on, where it needs columns or series that the invented panels lack; at least 20 periods.

    Raises
    ------
    DataError
        One report that lists everything that is missing.

    Notes
    -----
    Checked are: name, point, settings and what is known ahead; shape, columns and order of the forecasts; that they are
    finite, not negative, and inside their intervals, with quantiles that rise; that two fits agree; that nothing after
    the origin matters but what was declared; that neither the input nor a global random state changes; that the order
    of rows does not matter; and that it can be saved, loaded, backtested, averaged and given conformal intervals.

    Examples
    --------
    >>> from ecomlib import testing
    >>> from ecomlib.contract import Forecaster
    >>> class Nothing(Forecaster):
    ...     name, point = "nothing", "mean"
    ...     def answer(self, learned, past, future):
    ...         return [0.0] * len(future)
    >>> testing.check_forecaster(Nothing())
    Traceback (most recent call last):
    ecomlib.errors.DataError: 'nothing' does not keep the contract of forecasters:
    - No class is registered under the name 'nothing'. Write @ecomlib.register above the class.
    """
    checked = as_forecaster(given)
    problems = _about_settings(checked)
    if not any(isinstance(problem, _Fatal) for problem in problems):
        cases = _invented() if panel is None else {"your panel": panel}
        for name, frame in cases.items():
            problems += _Case(checked, name, frame, saved=not problems).problems()
    if problems:
        lines = "\n".join(f"- {problem}" for problem in dict.fromkeys(problems))
        raise DataError(f"'{checked.label}' does not keep the contract of forecasters:\n{lines}")


class _Fatal(str):
    """A fault that leaves nothing to run."""


def _about_settings(given: Forecaster) -> list[str]:
    """What can be said before anything is fitted."""
    kind, found = type(given), []
    if not isinstance(given.name, str) or not given.name:
        found.append('It has no name. Write name = "my_forecaster" in the class.')
    elif given.name not in names():
        found.append(f"No class is registered under the name '{given.name}'. Write @ecomlib.register above the class.")
    params = getattr(kind, "__dataclass_params__", None)
    if vars(given) and not (params is not None and params.frozen):
        found.append(
            f"Its settings can change after it was made. Write @dataclass(frozen=True) above the class {kind.__name__}."
        )
    try:
        given.check()
    except EcomlibError as fault:
        found.append(_Fatal(str(fault)))
    return found


@dataclass
class _Case:
    """A forecaster on one panel."""

    given: Forecaster
    title: str
    panel: pd.DataFrame
    saved: bool  # whether it can be saved at all: it has a registered name and frozen settings

    def problems(self) -> list[str]:
        """Run every check; one that fails does not hide the others."""
        missing = [column for column in self.given.known_ahead if column not in self.panel.columns]
        if missing:
            return [f"The invented panels have no column '{missing[0]}'. Hand in one that has it: panel=…"]
        try:
            self.origin = rolling_origins(self.panel, HORIZON, 1)[0]
            self.fitted, self.frame = self.run(self.panel)
        except Exception as fault:
            return [f"On {self.title} it fails{self.only_with()}: {_words(fault)}"]
        found: list[str] = []
        checks: list[Callable[[], list[str]]] = [
            self.shape,
            self.bounds,
            self.repeats,
            self.looks_ahead,
            self.input_stays,
            self.order_of_rows,
            self.in_backtest,
            self.in_average,
            self.in_conformal,
        ]
        if self.saved:
            checks.append(self.comes_back)
        for check in checks:
            try:
                found += check()
            except Exception as fault:
                found.append(f"On {self.title} it fails {_WHERE[check.__name__]}: {_words(fault)}")
        return found

    def run(self, panel: pd.DataFrame) -> tuple[FittedForecaster, pd.DataFrame]:
        own = panel.copy()  # whoever changes his input is to be found out once, not to spoil the other checks
        fitted = self.given.fit(own, HORIZON, until=self.origin)
        return fitted, fitted.forecast(own, at=self.origin)

    def only_with(self) -> str:
        """Which odd series makes it fail, if it is a single one."""
        for series, trait in ODD.items():
            rest = self.panel[self.panel["unique_id"] != series]
            if len(rest) == len(self.panel):
                continue
            try:
                self.run(rest)
            except Exception:
                continue
            return f" because of series '{series}', which {trait}"
        return ""

    @property
    def model(self) -> str:
        return self.given.label

    def differs(self, other: pd.DataFrame) -> bool:
        """Whether two forecasts are not the same to the last bit."""
        return not self.frame.equals(other)

    def shape(self) -> list[str]:
        frame, model, found = self.frame, self.model, []
        if list(frame.columns[:4]) != ["unique_id", "ds", "cutoff", model]:
            found.append(f"Its frame begins with {list(frame.columns[:4])}, not unique_id, ds, cutoff, '{model}'.")
            return found
        own = model_columns(frame)
        if own != [model]:
            odd = next(column for column in own if column != model)
            words = "Name what it returns point, mean, q0.75, lo-90 and hi-90."
            found.append(f"Its frame has a column '{odd}', which is no part of a forecast. {words}")
        known = self.panel.loc[self.panel["ds"] <= self.origin, "unique_id"].unique()
        rows = frame.sort_values(["unique_id", "ds"], ignore_index=True)[["unique_id", "ds"]]
        if len(frame) != HORIZON * len(known) or not rows.equals(frame[["unique_id", "ds"]]):
            found.append(f"Its frame is not {HORIZON} rows a series, sorted by series and date.")
        if (frame["ds"] <= self.origin).any() or (frame["cutoff"] != self.origin).any():
            found.append("Its frame holds rows that do not follow the origin.")
        return found

    def bounds(self) -> list[str]:
        frame, model, found = self.frame, self.model, []
        for level in interval_levels(frame, model):
            low, high = (frame[column] for column in interval_columns(model, level))
            if (low > frame[model] + _CLOSE).any() or (high < frame[model] - _CLOSE).any():
                found.append(f"Its point forecast lies outside its {level:g} % interval.")
        ends = {column for level in interval_levels(frame, model) for column in interval_columns(model, level)}
        lone = [c for c in frame.columns if f"{model}-lo-" in str(c) or f"{model}-hi-" in str(c)]
        if set(lone) - ends:
            found.append(f"Its interval has one end only: '{min(set(lone) - ends)}'.")
        quantiles = list(quantile_columns(frame, model).values())
        for lower, upper in itertools.pairwise(quantiles):
            if (frame[lower] > frame[upper] + _CLOSE).any():
                found.append(f"Its quantiles cross: '{lower}' is above '{upper}' in some rows. Sort them row by row.")
        if self.given.point == "mean" and mean_column(model) in frame.columns:
            found.append(f"Its point is a mean, and it gives '{mean_column(model)}' beside it. Leave one away.")
        return found

    def repeats(self) -> list[str]:
        before = _random_states()  # a first run imports libraries, which may draw numbers; this is the second
        again = self.run(self.panel)[1]
        found = [
            f"It changes the global random state of {name}. Make a generator from a seed among its settings."
            for name, state in _random_states().items()
            if before.get(name, state) != state
        ]
        if self.differs(again):
            found.append("Two fits on the same panel disagree. Seed what is random in it from a setting.")
        elif self.differs(self.fitted.forecast(self.panel, at=self.origin)):
            found.append("It forecasts otherwise when it is asked again.")
        return found

    def looks_ahead(self) -> list[str]:
        later = self.panel["ds"] > self.origin
        changed = self.panel.copy()
        for column in changed.columns.difference(["unique_id", "ds", *self.given.known_ahead]):
            if pd.api.types.is_numeric_dtype(changed[column]):
                changed[column] = changed[column].astype(float).where(~later, 7777.0)
            elif column != "ds":
                changed[column] = changed[column].astype(object).where(~later, "changed")
        if self.differs(self.run(changed)[1]):
            return [
                "It looks ahead: its forecasts change with rows after the origin that it did not declare. Read nothing "
                "but past and future in learn and answer."
            ]
        return []

    def input_stays(self) -> list[str]:
        given = self.panel.copy()
        fitted = self.given.fit(given, HORIZON, until=self.origin)
        fitted.forecast(given, at=self.origin)
        same = given.equals(self.panel) and list(given.columns) == list(self.panel.columns)
        return [] if same else ["It changes the panel that it is handed. Work on a copy."]

    def order_of_rows(self) -> list[str]:
        shuffled = self.panel.sample(frac=1, random_state=1)
        shuffled.attrs = dict(self.panel.attrs)
        if self.differs(self.run(shuffled)[1]):
            return ["Its forecasts depend on the order of the panel's rows."]
        return []

    def in_backtest(self) -> list[str]:
        frame = backtest(self.panel.copy(), {self.model: self.given}, [self.origin], HORIZON)
        columns = [column for column in self.frame.columns if column not in ("unique_id", "ds", "cutoff")]
        if not frame[columns].equals(self.frame[columns]):
            return ["In a backtest it forecasts otherwise than when fitted at the same origin."]
        return []

    def in_average(self) -> list[str]:
        average = forecaster("average", members=(self.given, forecaster("window_mean")))
        average.fit(self.panel.copy(), HORIZON, until=self.origin).forecast(at=self.origin)
        return []

    def in_conformal(self) -> list[str]:
        wrapped = forecaster("conformal", member=self.given, origins=4)
        wrapped.fit(self.panel.copy(), HORIZON, until=self.origin).forecast(at=self.origin)
        return []

    def comes_back(self) -> list[str]:
        found = []
        with tempfile.TemporaryDirectory() as folder:
            back = load(save(self.fitted, Path(folder) / "saved"))
        if _settings(back.forecaster) != _settings(self.given):
            found.append(
                f"Its settings do not come back from a saved one: {back.forecaster!r}. Write settings and "
                "from_settings."
            )
        if self.differs(back.forecast(self.panel, at=self.origin)):
            found.append("Saved and loaded, it forecasts otherwise. Let pack give all that answer reads.")
        return found


_WHERE = {
    "shape": "when its frame is read",
    "bounds": "when its intervals are read",
    "repeats": "when it is fitted again",
    "looks_ahead": "when rows after the origin are changed",
    "input_stays": "when it is fitted again",
    "order_of_rows": "when the panel's rows stand in another order",
    "in_backtest": "in a backtest",
    "in_average": "in an average",
    "in_conformal": "under conformal intervals",
    "comes_back": "when it is saved and loaded",
}


def _settings(given: Forecaster) -> Any:
    """What is compared after saving: all fields of a dataclass, whether or not ``settings`` names them."""
    return type(given), repr(given) if is_dataclass(given) else given.settings()


def _words(fault: Exception) -> str:
    text = " ".join(str(fault).split("\n")) if isinstance(fault, EcomlibError) else str(fault).partition("\n")[0]
    return text if isinstance(fault, EcomlibError) else f"{type(fault).__name__}: {text}"


def _random_states() -> dict[str, Any]:
    """The global random states, in a form that can be compared."""
    states: dict[str, Any] = {"Python": random.getstate()}
    kind, keys, *rest = np.random.get_state()  # noqa: NPY002 - it is read to prove that nobody touched it
    states["numpy"] = (kind, bytes(np.asarray(keys)), *rest)
    torch = sys.modules.get("torch")
    if torch is not None:
        states["torch"] = bytes(torch.get_rng_state().numpy())
    return states


def _invented() -> dict[str, pd.DataFrame]:
    """Two small panels with kind and unkind series; three periods follow the origin."""
    return {"the weekly panel": _panel("W-MON", 60, 0), "the daily panel": _panel("D", 70, 1)}


def _panel(freq: str, count: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    periods = pd.date_range("2023-01-02", periods=count + HORIZON, freq=freq)
    wave = 6 + 4 * np.sin(2 * np.pi * np.arange(len(periods)) / (7 if freq == "D" else 26))
    parts = []
    for k, name in enumerate(("mug", "bowl", *ODD)):
        y = rng.poisson(wave * (1 + k % 3)).astype(float)
        if name == "zeros":
            y[:] = 0.0
        if name == "gaps":
            y[rng.random(len(y)) < 0.15] = np.nan
        price = np.round(rng.uniform(4, 6, len(periods)), 2)
        part = pd.DataFrame({"unique_id": name, "ds": periods, "y": y, "price": price})
        part["promoted"] = (rng.random(len(part)) < 0.2).astype(float)
        part["depth"] = 0.2 * part["promoted"]
        part["category"] = "cups" if k % 2 else "bowls"
        part["sessions"] = rng.poisson(50, len(part)).astype(float)
        parts.append(part.iloc[count - 1 :] if name == "young" else part)
    panel = pd.concat(parts, ignore_index=True)
    panel.attrs["freq"] = freq
    return panel
