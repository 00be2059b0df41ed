"""Defines the contract of forecasters: ``fit`` on a panel, ``forecast`` a frame.

A forecaster is its settings, nothing else: usually a frozen dataclass. ``fit`` gives a ``FittedForecaster``, which
forecasts, from any panel, what follows any origin. Networks, boosted trees, classical methods, maps, averages,
conformal intervals and classes of one's own are reached like this, and only like this.

Looking ahead is impossible by construction: a subclass never sees the panel. It is handed the rows up to the origin,
and of the rows after it the identifiers, dates and columns that it declared as known ahead.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NoReturn

import numpy as np
import pandas as pd

from ecomlib.contract.origins import ahead_of, checked, known_part
from ecomlib.contract.settings import rebuilt
from ecomlib.errors import CallError, DataError, EcomlibError, LeakageError, explained, unknown_name
from ecomlib.panel import KNOWN_AHEAD, frequency

Point = Literal["median", "mean", "neither"]
Negative = Literal["error", "clip", "allow"]
ForecastFunction = Callable[[pd.DataFrame, pd.DataFrame], Any]
_POINTS = ("median", "mean", "neither")

_CALL = 'forecaster("naive").fit(panel, horizon=4).forecast()'
_FIT_FIRST = f"fit it first, which gives what forecasts: {_CALL}."
_HORIZON = f"the horizon is said when it is fitted: {_CALL}."
_ORIGIN = 'the origin is named: forecast(panel, at="2024-01-29"), the last period that counts as known.'
_COVARIATES = "covariates are columns of the panel; those known ahead stand in its rows after the origin."
_NAMES = "a forecast has the name that forecast(name=…) gives it; a panel's columns are unique_id, ds and y."
# What other libraries call the same, and things that are done elsewhere.
_UNFITTED = dict.fromkeys(("predict", "forecast", "transform", "fit_predict", "forecast_all"), _FIT_FIRST) | {
    "train": "it is called fit here: fit(panel, horizon=4).",
    "fit_transform": _FIT_FIRST,
    "cross_validation": "backtest(panel, [model], origins=4, horizon=4) does that.",
    "historical_forecasts": "backtest(panel, [model], origins=4, horizon=4) does that.",
    "backtest": "backtest(panel, [model], origins=4, horizon=4) does that.",
    "get_params": "its settings are its fields: model.settings().",
    "set_params": "settings do not change: make another, dataclasses.replace(model, …).",
    "save": "fit it, then save(fitted, folder).",
    "score": "score(backtest(panel, [model]), train=panel) does that.",
}
_FITTED = {
    "predict": "it is called forecast here: fitted.forecast().",
    "fit": "it is fitted; fit its settings anew: fitted.forecaster.fit(panel, horizon=4).",
    "save": "save(fitted, folder) writes it.",
    "dump": "save(fitted, folder) writes it.",
    "to_pickle": "save(fitted, folder) writes it; nothing is pickled here.",
    "plot": "plots.fan(panel, fitted.forecast(), series=…) draws it.",
    "score": "backtest(panel, [fitted.forecaster]) forecasts the past, and score scores it.",
    "backtest": "backtest(panel, [fitted.forecaster], origins=4, horizon=4) does that.",
    "historical_forecasts": "backtest(panel, [fitted.forecaster], origins=4, horizon=4) does that.",
    "cross_validation": "backtest(panel, [fitted.forecaster], origins=4, horizon=4) does that.",
    "name": "it is fitted.forecaster.name.",
    "settings": "they are fitted.forecaster.settings().",
    "model": "its settings are fitted.forecaster, what it has learnt is fitted.learned.",
}
_PERIODS = {"D": "days", "W-MON": "weeks", "MS": "months"}


class Forecaster(ABC):
    """Fit on a panel, then forecast a frame; subclass it for a forecaster of your own.

    A subclass says ``name`` (as it is registered) and ``point`` (what its forecast is: ``"median"``, ``"mean"`` or
    ``"neither"``), and writes ``answer``. It writes ``learn`` where something is fitted beforehand, and ``pack`` and
    ``unpack`` where what was learnt is not plain numbers, text and frames.

    Attributes
    ----------
    name : str
        The registered name, which cards hold and which frames take as the column's name.
    point : {"median", "mean", "neither"}
        What the column ``name`` of the forecast is.
    known_ahead : tuple of str
        Columns of the panel that it reads after the origin; each is in ``ecomlib.panel.KNOWN_AHEAD`` or ``also_known``.
    also_known : tuple of str
        Columns that the user vouches for beside these.

    Examples
    --------
    >>> import pandas as pd
    >>> from ecomlib.contract import Forecaster
    >>> class LastValue(Forecaster):
    ...     name, point = "last_value", "mean"
    ...     def answer(self, learned, past, future):
    ...         return future["unique_id"].map(past.groupby("unique_id")["y"].last())
    >>> weeks = pd.date_range("2024-01-01", periods=3, freq="7D")
    >>> panel = pd.DataFrame({"unique_id": "mug", "ds": weeks, "y": [2.0, 0.0, 5.0]})
    >>> LastValue().fit(panel, horizon=2).forecast()
      unique_id         ds     cutoff  last_value
    0       mug 2024-01-22 2024-01-15         5.0
    1       mug 2024-01-29 2024-01-15         5.0
    """

    name: ClassVar[str] = ""
    point: Any = "neither"
    known_ahead: Any = ()
    also_known: Any = ()

    if not TYPE_CHECKING:  # a type checker reports these itself

        def __new__(cls, *args, **kwargs):
            if inspect.isabstract(cls):
                remedy = f"write answer(self, learned, past, future) in {cls.__name__}, or take one: {_CALL}."
                if cls is Forecaster:
                    remedy = f"write a subclass with answer(self, learned, past, future), or take one: {_CALL}."
                raise CallError(f"{cls.__name__} does not say how it answers", remedy=remedy)
            return super().__new__(cls)

        def __getattr__(self, name: str) -> NoReturn:
            if name.startswith("_"):
                raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")
            raise unknown_name(f"{type(self).__name__}, which is not fitted,", name, dir(type(self)), _UNFITTED)

    @explained(
        "fit(panel, horizon=4)",
        h="it is called horizon here: fit(panel, horizon=4).",
        X=_COVARIATES,
        y="units are the panel's column y: fit(panel, horizon=4).",
        past_covariates=_COVARIATES,
        future_covariates=_COVARIATES,
        static_df=_COVARIATES,
        val_size="a network keeps a part of the history by itself: see ecomlib.training.TrainSettings.",
        epochs='it is a setting: forecaster("gru", epochs=20).',
        id_col=_NAMES,
        time_col=_NAMES,
        target_col=_NAMES,
    )
    def fit(self, panel: pd.DataFrame, horizon: int, *, until: Any = None) -> FittedForecaster:
        """Fit on a panel's known part, to forecast ``horizon`` periods.

        Parameters
        ----------
        panel : DataFrame
            ``unique_id, ds, y`` and covariates, as ``make_panel`` gives it.
        horizon : int
            How many periods will be forecast.
        until : date, optional
            The last period to learn from; the last known one unless given. Later rows are not looked at.

        Returns
        -------
        FittedForecaster

        Raises
        ------
        DataError
            The panel is none, or has too little history.
        LeakageError
            ``known_ahead`` names a column that is not known ahead.
        """
        check_horizon(horizon, "fit(panel, horizon=4)")
        self.check()
        whole = checked(panel)
        past = known_part(whole, until)
        learned = self.learn(past.copy(), int(horizon))
        return FittedForecaster(self, learned, int(horizon), frequency(past), past["ds"].max(), panel)

    def check(self) -> None:
        """Prove that the settings can be used: a name, a point, and nothing known ahead that is not."""
        if self.point not in _POINTS:
            raise DataError(
                f"the forecaster '{self.label}' does not say what its point forecast is",
                value=self.point,
                remedy=f"set point to one of {', '.join(_POINTS)}.",
            )
        for column in self.known_ahead:
            if column == "y" or column not in (*KNOWN_AHEAD, *self.also_known):
                raise LeakageError(
                    f"the column '{column}' is not known ahead of time, so '{self.label}' cannot read it after the "
                    "origin. What to do: leave it out of known_ahead, or list it in also_known if your shop knows it."
                )

    @property
    def label(self) -> str:
        """Name its column, unless another name is asked for."""
        return self.name or type(self).__name__

    def learn(self, past: pd.DataFrame, horizon: int) -> Any:
        """Learn from the rows up to the origin; return what ``answer`` will need (None: nothing).

        Parameters
        ----------
        past : DataFrame
            A copy of the panel's rows up to the origin, sorted by series and date, all columns.
        horizon : int
        """
        return None

    @abstractmethod
    def answer(self, learned: Any, past: pd.DataFrame, future: pd.DataFrame) -> Any:
        """Forecast each row of ``future``.

        Parameters
        ----------
        learned : object
            What ``learn`` returned, perhaps at an earlier origin.
        past : DataFrame
            Rows up to the origin, all columns.
        future : DataFrame
            ``unique_id, ds`` and the columns ``known_ahead``, the same number of periods a series, in order.

        Returns
        -------
        array, Series or DataFrame
            One number a row; or columns ``point`` and perhaps ``mean``, ``q0.75``, ``lo-90``, ``hi-90``.
        """

    def pack(self, learned: Any) -> Mapping[str, Any]:
        """Turn what was learnt into arrays, tensors, frames, texts, members and plain values, by name."""
        if learned is None:
            return {}
        if isinstance(learned, Mapping):
            return dict(learned)
        raise DataError(
            f"'{self.label}' cannot be saved: what it learnt is a {type(learned).__name__}",
            remedy="let learn return a dict of arrays, frames and texts, or write pack and unpack.",
        )

    def unpack(self, packed: Mapping[str, Any]) -> Any:
        """Turn what ``pack`` gave into what was learnt."""
        return dict(packed) or None

    def remarks(self, learned: Any) -> Mapping[str, Any]:
        """Say what a reader of its forecasts must know; ``forecast`` puts it into the frame's ``attrs``."""
        return {}

    @classmethod
    def make(cls, **settings: Any) -> Forecaster:
        """Make one from the settings that a user types; ``cls(**settings)`` unless overridden."""
        return cls(**settings)

    def settings(self) -> dict[str, Any]:
        """List the settings for the card: plain values, dataclasses of such, and forecasters; a dataclass's fields."""
        return {part.name: getattr(self, part.name) for part in fields(self) if part.init} if is_dataclass(self) else {}

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Forecaster:
        """Make one from ``settings``, which come with lists for tuples and dicts for dataclasses."""
        return cls(**rebuilt(cls, settings))


@explained('Forecaster.fit makes it: forecaster("naive").fit(panel, horizon=4)')
@dataclass(frozen=True, eq=False, repr=False)
class FittedForecaster:
    """Hold a forecaster with what it has learnt; made by ``Forecaster.fit`` and by ``ecomlib.load``.

    Attributes
    ----------
    forecaster : Forecaster
        Its settings.
    learned : object
        What ``learn`` returned.
    horizon : int
        Periods that it forecasts.
    frequency : str
        Of the panel: ``"D"``, ``"W-MON"`` or ``"MS"``.
    until : Timestamp
        The last period that it has learnt from.
    panel : DataFrame or None
        The panel that it was fitted on, which ``forecast`` takes where none is handed in; it is not saved.

    Examples
    --------
    >>> import pandas as pd
    >>> from ecomlib.contract import as_forecaster
    >>> def last(past, future):
    ...     return future["unique_id"].map(past.groupby("unique_id")["y"].last())
    >>> weeks = pd.date_range("2024-01-01", periods=3, freq="7D")
    >>> as_forecaster(last).fit(pd.DataFrame({"unique_id": "mug", "ds": weeks, "y": 2.0}), horizon=4)
    <'last', fitted up to 2024-01-15, forecasts 4 weeks>
    """

    forecaster: Forecaster
    learned: Any
    horizon: int
    frequency: str
    until: pd.Timestamp
    panel: pd.DataFrame | None = None

    def __repr__(self) -> str:
        ahead = f"{self.horizon} {_PERIODS.get(self.frequency, self.frequency)}"
        return f"<'{self.forecaster.label}', fitted up to {self.until:%Y-%m-%d}, forecasts {ahead}>"

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            if name.startswith("_"):
                raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")
            raise unknown_name("a fitted forecaster", name, dir(type(self)), _FITTED)

    @property
    def point(self) -> Point:
        """Say what the column of the model is: ``"median"``, ``"mean"`` or ``"neither"``."""
        point: Point = self.forecaster.point
        return point

    @explained(
        "forecast(panel, at=…)",
        h=_HORIZON,
        n=_HORIZON,
        fh=_HORIZON,
        steps=_HORIZON,
        periods=_HORIZON,
        horizon=_HORIZON,
        X=_COVARIATES,
        X_df=_COVARIATES,
        futr_df=_COVARIATES,
        future_covariates=_COVARIATES,
        level='intervals come from forecaster("conformal", …), or a network with quantiles.',
        start=_ORIGIN,
        cutoff=_ORIGIN,
        origin=_ORIGIN,
    )
    def forecast(
        self,
        panel: pd.DataFrame | None = None,
        at: Any = None,
        *,
        name: str | None = None,
        negative: Negative = "error",
    ) -> pd.DataFrame:
        """Forecast the periods after an origin.

        Parameters
        ----------
        panel : DataFrame, optional
            The history; the one that it was fitted on unless given. Rows after the origin lend nothing but the columns
            known ahead.
        at : date, optional
            The origin, the last period that counts as known; the panel's last known one unless given.
        name : str, optional
            The model's column; its registered name unless given.
        negative : {"error", "clip", "allow"}
            What to do with forecasts below zero.

        Returns
        -------
        DataFrame
            ``unique_id, ds, cutoff``, the model's column, and its mean, quantiles and interval ends where it has them:
            see ``ecomlib.contract.frame``. ``attrs["point"]`` says what the column is.

        Raises
        ------
        DataError
            No panel, another frequency, or missing, infinite or too few forecasts.
        LeakageError
            The origin lies before periods that it has learnt from.
        """
        given = self.panel if panel is None else panel
        if given is None:
            raise DataError("a loaded forecaster has no panel", remedy="hand the history in: forecast(panel).")
        if isinstance(given, int | np.integer):
            raise DataError("forecast takes a panel, and this is a number", value=given, remedy=_HORIZON)
        if isinstance(given, str | date | np.datetime64):
            raise DataError("forecast takes a panel, and this is a date", value=str(given), remedy=_ORIGIN)
        if negative not in ("error", "clip", "allow"):
            raise DataError("unknown way with negatives", value=negative, remedy="use error, clip or allow.")
        whole = checked(given)
        past = known_part(whole, at)
        if past["ds"].max() < self.until:
            raise LeakageError(
                f"'{self.forecaster.label}' has learnt from periods up to {self.until:%Y-%m-%d}, after the origin "
                f"{past['ds'].max():%Y-%m-%d}. What to do: fit it with until=, or forecast from a later origin."
            )
        if frequency(past) != self.frequency:
            raise DataError(
                "the panel has another frequency than the one that this forecaster was fitted on",
                table="panel",
                value=f"{frequency(past)}, not {self.frequency}",
                remedy="make the panel with the same frequency, or fit again.",
            )
        future = ahead_of(whole, past, self.horizon, self.forecaster.known_ahead)
        columns = self.answer(past, future, name=name, negative=negative)
        frame = future[["unique_id", "ds"]].assign(cutoff=past["ds"].max(), **columns)
        frame.attrs = {"point": {name or self.forecaster.label: self.point}, **self.forecaster.remarks(self.learned)}
        return frame

    def answer(
        self, past: pd.DataFrame, future: pd.DataFrame, *, name: str | None = None, negative: Negative = "error"
    ) -> dict[str, np.ndarray]:
        """Give the answer as columns for the rows of ``future``; ``forecast`` and ``backtest`` stand on it."""
        # Copies: a forecaster that changes its input must not change its rivals' input.
        answer = self.forecaster.answer(self.learned, past.copy(), future.copy())
        return _columns(name or self.forecaster.label, answer, future, negative)


@dataclass(frozen=True)
class FunctionForecaster(Forecaster):
    """Wrap a plain function ``(past, future) -> forecasts`` as a forecaster; what it is the caller says.

    Parameters
    ----------
    function : callable
        Receives the rows up to the origin, and ``unique_id, ds`` and the columns known ahead of the rows to forecast.
    known_ahead, also_known : tuple of str
        See ``Forecaster``.
    point : {"median", "mean", "neither"}
    """

    function: ForecastFunction
    known_ahead: tuple[str, ...] = ()
    also_known: tuple[str, ...] = ()
    point: Point = "neither"

    @property
    def label(self) -> str:
        return getattr(self.function, "__name__", "function").strip("<>")

    def answer(self, learned: Any, past: pd.DataFrame, future: pd.DataFrame) -> Any:
        return self.function(past, future)

    def pack(self, learned: Any) -> Mapping[str, Any]:
        raise DataError(
            f"the function '{self.label}' cannot be saved: a file holds no code",
            remedy="write it as a class with a registered name: see ecomlib.contract.Forecaster.",
        )


def check_horizon(horizon: Any, usage: str) -> None:
    """Refuse a horizon that is not a whole number of at least 1; ``usage`` shows the call."""
    if isinstance(horizon, pd.DataFrame):
        raise DataError("the panel comes first, the horizon after it", remedy=f"write {usage}.")
    if isinstance(horizon, bool) or not isinstance(horizon, int | np.integer) or horizon < 1:
        value = horizon if isinstance(horizon, str | int | float) else type(horizon).__name__
        raise DataError("horizon counts the periods to forecast, at least 1", value=value, remedy=f"write {usage}.")


def as_forecaster(given: Any, known_ahead: Sequence[str] = ()) -> Forecaster:
    """Take a forecaster as it is, and a function ``(past, future)`` as one that reads the columns ``known_ahead``.

    Raises
    ------
    DataError
        Neither of the two; a class, or a fitted forecaster, is told what to hand in.

    Examples
    --------
    >>> def nothing(past, future):
    ...     return [0.0] * len(future)
    >>> as_forecaster(nothing).label
    'nothing'
    """
    if isinstance(given, Forecaster):
        return given
    if isinstance(given, FittedForecaster):
        raise DataError(
            f"'{given.forecaster.label}' is fitted already",
            remedy="hand in its settings (fitted.forecaster): a backtest fits at each origin.",
        )
    if inspect.isclass(given) and issubclass(given, Forecaster):
        raise DataError(f"{given.__name__} is a class", remedy=f"make one: {given.__name__}().")
    if hasattr(given, "state_dict"):
        remedy = 'name it, and its settings: forecaster("gru", …), which trains a network of its own at each origin.'
        raise DataError(f"{type(given).__name__} is a network, and a forecaster is needed", remedy=remedy)
    if hasattr(given, "predict") or inspect.isclass(given):
        remedy = "write a class with learn and answer around it: see help(ecomlib.Forecaster)."
        name = given.__name__ if inspect.isclass(given) else type(given).__name__
        raise DataError("a model of another library is no forecaster here", value=name, remedy=remedy)
    if callable(given):
        # The caller vouches for the columns by naming them in the call.
        return FunctionForecaster(given, tuple(known_ahead), tuple(known_ahead))
    raise DataError(
        "this is no forecaster",
        value=type(given).__name__,
        remedy='name a registered one ("window_mean"), make one (ecomlib.forecaster("gru")), or write a function '
        "(past, future) that returns one number for each row of future.",
    )


def _columns(name: str, answer: Any, future: pd.DataFrame, negative: Negative) -> dict[str, np.ndarray]:
    """A forecaster's answer as columns of the frame, or an error that says what is wrong with it."""

    def fault(problem: str, remedy: str, value: Any = None) -> EcomlibError:
        return DataError(f"the forecaster '{name}' returned {problem}", column=name, value=value, remedy=remedy)

    def place(wrong: np.ndarray) -> str:
        row = future.iloc[int(np.argmax(wrong))]
        return f"the first for series '{row['unique_id']}' at {row['ds']:%Y-%m-%d}"

    columns = {name: answer}
    if isinstance(answer, (pd.Series, pd.DataFrame)):
        if len(answer) == len(future) and not answer.index.equals(future.index):
            if not (answer.index.is_unique and answer.index.isin(future.index).all()):
                remedy = "keep future's index, or return a plain array in future's order."
                raise fault("rows whose index is not that of `future`", remedy)
            answer = answer.loc[future.index]
        columns = {name: answer}
        if isinstance(answer, pd.DataFrame):
            if "point" not in answer.columns:
                remedy = "name the forecast 'point', interval ends 'lo-90', 'hi-90', quantiles 'q0.75', a mean 'mean'."
                raise fault("a frame without a column 'point'", remedy, list(answer.columns))
            columns = {name if c == "point" else f"{name}-{c}": answer[c] for c in answer.columns}
    result = {}
    for column, values in columns.items():
        try:
            array = np.array(values, dtype=float)
        except (TypeError, ValueError) as error:
            raise fault(
                "something that is not numbers", "return an array, a Series or a frame.", type(values).__name__
            ) from error
        if array.shape != (len(future),):
            remedy = "return one number for each row of future, in its order."
            raise fault(f"shape {array.shape} where `future` has {len(future)} rows", remedy)
        # An interval's end may be infinite: with too few calibration rows no finite one keeps the promise.
        bad, below = np.isnan(array) if "-hi-" in column else ~np.isfinite(array), array < 0
        if bad.any():
            remedy = "give it a fallback for short or empty histories."
            raise fault(f"{int(bad.sum())} missing or infinite values, {place(bad)}", remedy, float(array[bad][0]))
        if below.any() and negative == "error":
            remedy = "clip them in the forecaster, or call with negative='clip'."
            raise fault(f"{int(below.sum())} forecasts below zero, {place(below)}", remedy, float(array[below][0]))
        result[column] = np.maximum(array, 0.0) if negative == "clip" else array
    return result
