"""Freezes fitted forecasters, and evaluates them over a sales history: nothing is fitted, and torch is not needed.

A version holds one of these. Means and naive forecasts need their settings alone; smoothing a weight for each product,
and a recursion in numpy; trees are LightGBM's text; a network is an ONNX file; an average has members. What is written
is JSON, Parquet, text and ONNX: nothing that could hold code. ``KINDS`` is their list (lesson 08, section 1).
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.ensemble.combine import How, combine
from ecomlib.errors import DataError
from ecomlib.periods import PERIODS_PER_YEAR
from ecomlib.serving.release.inputs import Floats, SalesHistory, cut_at, week_of
from ecomlib.serving.release.onnx_session import Session, library, open_session
from ecomlib.windowing import Cut, WindowSettings, tree_table

if TYPE_CHECKING:
    from ecomlib.contract import FittedForecaster
    from ecomlib.models import Network

FORMAT = 1  # of what is written; a later, incompatible one gets the next number
NOTE, MODEL, TREES, WEIGHTS = "forecaster.json", "model.onnx", "trees.txt", "weights.parquet"


class Frozen(ABC):
    """What was fitted, ready to be evaluated; a subclass is one kind, a frozen dataclass with a line in ``KINDS``.

    Attributes
    ----------
    kind : str
        The name in ``KINDS``, which the file holds.
    forecasters : tuple of str
        Registered names of the forecasters that become this kind.
    horizon : int
        H, the weeks after the origin that it forecasts.
    """

    kind: ClassVar[str]
    forecasters: ClassVar[tuple[str, ...]]
    horizon: Any

    @classmethod
    @abstractmethod
    def of(cls, fitted: FittedForecaster, books: SalesHistory) -> Frozen:
        """Freeze a fitted forecaster of the contract; ``books`` are those that its panel was made of."""

    @abstractmethod
    def forecast(self, books: SalesHistory, origin: int) -> Floats:
        """Forecast the weeks after ``origin``, units (P, H) at or above zero; NaN for products without history by then.

        ``books`` may hold later weeks, which are not read: but for the plan of prices, which is known ahead.
        """

    @abstractmethod
    def note(self, folder: Path) -> dict[str, Any]:
        """Put larger parts into the folder; return the rest as plain values."""

    @classmethod
    @abstractmethod
    def of_note(cls, note: Mapping[str, Any], folder: Path) -> Frozen:
        """The inverse of ``note``."""

    def write(self, folder: Path) -> None:
        """Write it into a folder that is there; ``read`` is the inverse."""
        text = json.dumps({"format": FORMAT, "kind": self.kind, **self.note(folder)}, indent=2, allow_nan=False)
        (folder / NOTE).write_text(text + "\n", encoding="utf-8", newline="\n")


def read(folder: Path) -> Frozen:
    """Read what ``Frozen.write`` wrote.

    Raises
    ------
    DataError
        A kind or format that this ecomlib does not know, or a file that is damaged or not there.
    MissingDependencyError
        A library that it needs is not installed; the message says which extra brings it.
    """
    try:
        note = json.loads((folder / NOTE).read_text(encoding="utf-8"))
        if note["format"] > FORMAT or note["kind"] not in KINDS:
            raise DataError(
                "this forecaster was made by a newer ecomlib",
                value=note["kind"],
                remedy="update ecomlib, or roll back.",
            )
        return KINDS[note["kind"]].of_note(note, folder)
    except (OSError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"the version's forecaster cannot be read: {error!r}",
            remedy="roll back to another version, or train again.",
        ) from error


# --- means and naive forecasts --------------------------------------------------------------------------------------


def _weeks(books: SalesHistory, origin: int) -> NDArray[np.int64]:
    """Count the weeks of history up to the origin (P,), none below zero."""
    begin = np.minimum(np.maximum(books.begin, books.first), origin + 1)
    return np.asarray(origin + 1 - begin)


def _repeated(level: Floats, books: SalesHistory, origin: int, horizon: int) -> Floats:
    """Repeat a level (P,) over the horizon; NaN where there is no history."""
    level = np.where(_weeks(books, origin) > 0, np.maximum(level, 0.0), np.nan)
    return np.repeat(level[:, None], horizon, axis=1)


@dataclass(frozen=True)
class _Plain(Frozen):
    """A kind that is its settings."""

    horizon: int

    def note(self, folder: Path) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of_note(cls, note: Mapping[str, Any], folder: Path) -> Frozen:
        return cls(**{name: value for name, value in note.items() if name not in ("format", "kind")})


@dataclass(frozen=True)
class LastValue(_Plain):
    """The last week's units, repeated: ``models.baselines.Naive``."""

    kind: ClassVar[str] = "last_value"
    forecasters: ClassVar[tuple[str, ...]] = ("naive",)

    @classmethod
    def freeze(cls, horizon: int) -> LastValue:
        return cls(horizon)

    @classmethod
    def of(cls, fitted: FittedForecaster, books: SalesHistory) -> Frozen:
        return cls.freeze(fitted.horizon)

    def forecast(self, books: SalesHistory, origin: int) -> Floats:
        return _repeated(books.units[:, origin - books.first], books, origin, self.horizon)


@dataclass(frozen=True)
class WindowMean(_Plain):
    """The mean of the last ``window`` weeks, or of as many as there are: ``models.baselines.WindowMean``."""

    kind: ClassVar[str] = "window_mean"
    forecasters: ClassVar[tuple[str, ...]] = ("window_mean",)
    window: int = 8

    @classmethod
    def freeze(cls, horizon: int, window: int = 8) -> WindowMean:
        return cls(horizon, window)

    @classmethod
    def of(cls, fitted: FittedForecaster, books: SalesHistory) -> Frozen:
        return cls.freeze(fitted.horizon, fitted.forecaster.window)  # type: ignore[attr-defined]

    def forecast(self, books: SalesHistory, origin: int) -> Floats:
        end = origin - books.first + 1
        total = books.units[:, max(end - self.window, 0) : end].sum(axis=1)  # units are 0 before a product's history
        there = np.clip(_weeks(books, origin), 1, self.window)
        return _repeated(total / there, books, origin, self.horizon)


@dataclass(frozen=True)
class SeasonalNaive(_Plain):
    """The units of a season before; the last week's where the history does not reach so far back.

    It is ``models.baselines.SeasonalNaive``: a history that reaches a season back for the later weeks of the horizon
    alone serves for those.
    """

    kind: ClassVar[str] = "seasonal_naive"
    forecasters: ClassVar[tuple[str, ...]] = ("seasonal_naive",)
    season: int = 52

    @classmethod
    def freeze(cls, horizon: int, season: int = 52) -> SeasonalNaive:
        return cls(horizon, season)

    @classmethod
    def of(cls, fitted: FittedForecaster, books: SalesHistory) -> Frozen:
        season = fitted.forecaster.season or PERIODS_PER_YEAR[fitted.frequency]  # type: ignore[attr-defined]
        return cls.freeze(fitted.horizon, season)

    def forecast(self, books: SalesHistory, origin: int) -> Floats:
        back = self.season - np.arange(self.horizon) % self.season  # weeks before the first week of the horizon
        at = np.maximum(origin + 1 - books.first - back, 0)
        last = books.units[:, [origin - books.first]]
        weeks = _weeks(books, origin)[:, None]
        units = np.where(weeks >= back, books.units[:, at], last)
        return np.where(weeks > 0, np.maximum(units, 0.0), np.nan)


# --- smoothing ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Smoothing(Frozen):
    """Simple exponential smoothing with a weight a product that stays as it was fitted.

    ``weights`` (P,) belong to ``products``; one that had no history then gets ``usual``, the median of all. The level
    starts with the first week and runs through all weeks up to the origin: that is evaluation, not fitting.
    ``models.baselines.ExponentialSmoothing`` fits anew at each origin, and is the same at the one that froze it.
    """

    kind: ClassVar[str] = "exponential_smoothing"
    forecasters: ClassVar[tuple[str, ...]] = ("exponential_smoothing",)
    horizon: int
    products: tuple[str, ...] = field(repr=False)
    weights: Floats = field(repr=False)
    usual: float

    @classmethod
    def freeze(cls, books: SalesHistory, horizon: int, origin: int | None = None) -> Smoothing:
        """Fit each product's weight to the weeks up to ``origin`` (the last one) with statsforecast."""
        from statsforecast.models import SimpleExponentialSmoothingOptimized

        end = books.last if origin is None else origin
        weeks = _weeks(books, end)
        fitted = np.full(len(weeks), np.nan)
        for row in np.flatnonzero(weeks > 1):
            units = books.units[row, end + 1 - weeks[row] - books.first : end + 1 - books.first]
            fitted[row] = SimpleExponentialSmoothingOptimized().fit(np.ascontiguousarray(units)).model_["alpha"]
        known = np.isfinite(fitted)
        usual = float(np.median(fitted[known])) if known.any() else 1.0
        return cls(horizon, books.products, np.where(known, fitted, usual), usual)

    @classmethod
    def of(cls, fitted: FittedForecaster, books: SalesHistory) -> Frozen:
        return cls.freeze(books, fitted.horizon, week_of(fitted.until))

    def forecast(self, books: SalesHistory, origin: int) -> Floats:
        weight = self.weights
        if books.products != self.products:
            own = pd.Series(self.weights, index=list(self.products)).reindex(list(books.products))
            weight = own.fillna(self.usual).to_numpy(dtype=float)
        first = origin + 1 - books.first - _weeks(books, origin)  # the place of each product's first week
        weeks = np.ascontiguousarray(books.units[:, : origin + 1 - books.first].T)
        level = np.zeros(len(weight))
        for week, units in enumerate(weeks):
            share = np.where(week > first, weight, week == first)  # 0 before the history, all of its first week
            level += share * (units - level)
        return _repeated(level, books, origin, self.horizon)

    def note(self, folder: Path) -> dict[str, Any]:
        table = pd.DataFrame({"product_id": np.array(self.products, dtype=object), "weight": self.weights})
        table.to_parquet(folder / WEIGHTS, index=False)
        return {"horizon": self.horizon, "usual": self.usual}

    @classmethod
    def of_note(cls, note: Mapping[str, Any], folder: Path) -> Frozen:
        table = pd.read_parquet(folder / WEIGHTS)
        products = tuple(str(name) for name in table["product_id"])
        return cls(note["horizon"], products, table["weight"].to_numpy(dtype=float), note["usual"])


# --- what reads windows ---------------------------------------------------------------------------------------------


def window_note(settings: WindowSettings, levels: Sequence[str]) -> dict[str, Any]:
    """Windows as plain values, with the categories of their static columns."""
    return {"windows": asdict(settings), "levels": list(levels)}


def windows_of_note(note: Mapping[str, Any]) -> tuple[WindowSettings, tuple[str, ...]]:
    """The inverse of ``window_note``."""
    held: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in note["windows"].items()
    }
    return WindowSettings(**held), tuple(note["levels"])


def _categories(settings: WindowSettings, levels: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The categories among the levels of windows; the books know no other static column."""
    if settings.static not in ((), ("category",)):
        raise DataError(
            "the service's windows hold no static column but the category",
            value=settings.static,
            remedy='fit with static=("category",), or without.',
        )
    return tuple(levels.get("category", ()))


@dataclass(frozen=True, eq=False)
class _Windowed(Frozen):
    """A kind that reads windows: what these hold, and the categories of ``z`` in order."""

    windows: WindowSettings
    levels: tuple[str, ...]

    @property
    def horizon(self) -> int:  # type: ignore[override]
        return self.windows.horizon

    @abstractmethod
    def scaled(self, cut: Cut) -> NDArray[Any]:
        """Forecast windows on their own scale, (B, H)."""

    def forecast(self, books: SalesHistory, origin: int) -> Floats:
        answer = np.full((len(books.products), self.horizon), np.nan)
        rows, cut = cut_at(books, self.windows, self.levels, origin)
        if len(rows):
            scaled = self.scaled(cut).astype(float)
            answer[rows] = np.maximum(self.windows.units(scaled, cut.scale.astype(float)), 0.0)
        return answer


@dataclass(frozen=True, eq=False)
class Trees(_Windowed):
    """LightGBM's trees on windows, as its own text; evaluated on one thread."""

    kind: ClassVar[str] = "trees"
    forecasters: ClassVar[tuple[str, ...]] = ("trees",)
    text: str = field(repr=False)

    @classmethod
    def freeze(
        cls,
        model: Any,
        settings: WindowSettings,
        levels: Mapping[str, Sequence[str]],
    ) -> Trees:
        """Take the trees of a ``LGBMRegressor`` or ``Booster`` that reads such windows."""
        booster = getattr(model, "booster_", model)
        return cls(settings, _categories(settings, levels), booster.model_to_string())

    @classmethod
    def of(cls, fitted: FittedForecaster, books: SalesHistory) -> Frozen:
        settings = replace(fitted.forecaster.window, horizon=fitted.horizon)  # type: ignore[attr-defined]
        return cls.freeze(fitted.learned["models"]["forecast"], settings, fitted.learned["levels"])

    @cached_property
    def booster(self) -> Any:
        """The trees, ready to be asked."""
        lightgbm = library("lightgbm")
        try:
            made = lightgbm.Booster(model_str=self.text)
        except lightgbm.basic.LightGBMError as error:
            raise DataError(f"the version's trees cannot be read: {error}", remedy="train again.") from error
        if made.num_trees() < 1:
            raise DataError("the version's trees are none", remedy="train again.")
        return made

    def scaled(self, cut: Cut) -> NDArray[Any]:
        table = tree_table(self.windows, cut)
        return np.asarray(self.booster.predict(table, num_threads=1)).reshape(len(cut.x), self.horizon)

    def note(self, folder: Path) -> dict[str, Any]:
        (folder / TREES).write_text(self.text, encoding="utf-8", newline="\n")
        return window_note(self.windows, self.levels)

    @classmethod
    def of_note(cls, note: Mapping[str, Any], folder: Path) -> Frozen:
        text = (folder / TREES).read_text(encoding="utf-8")
        made = cls(*windows_of_note(note), text)
        _ = made.booster  # what is wrong with file or library is told now, not at the first question
        return made


@dataclass(frozen=True, eq=False)
class OnnxNetwork(_Windowed):
    """A network as what an ONNX file holds; of several quantiles the middle one is its forecast."""

    kind: ClassVar[str] = "network"
    forecasters: ClassVar[tuple[str, ...]] = ()  # all that learnt networks
    content: bytes = field(repr=False)

    @classmethod
    def freeze(cls, model: Network, settings: WindowSettings, levels: Mapping[str, Sequence[str]]) -> OnnxNetwork:
        """Export a network that reads such windows."""
        from tempfile import TemporaryDirectory

        from ecomlib.training.export import export_onnx

        with TemporaryDirectory() as folder:
            content = export_onnx(model, Path(folder) / MODEL).read_bytes()
        return cls(settings, _categories(settings, levels), content)

    @classmethod
    def of(cls, fitted: FittedForecaster, books: SalesHistory) -> Frozen:
        settings = replace(fitted.forecaster.window, horizon=fitted.horizon)  # type: ignore[attr-defined]
        made = [cls.freeze(network, settings, fitted.learned["levels"]) for network in fitted.learned["networks"]]
        return made[0] if len(made) == 1 else Average.freeze(made)

    @cached_property
    def session(self) -> Session:
        """The network, ready to run."""
        made = open_session(self.content)
        if not set(made.names) <= set(Cut.__slots__):
            raise DataError(
                "the version's network reads inputs that the service does not have",
                value=list(made.names),
                remedy="train it without text.",
            )
        return made

    def scaled(self, cut: Cut) -> NDArray[Any]:
        said = self.session.predict(cut)
        return np.asarray(said[:, :, said.shape[2] // 2])

    def note(self, folder: Path) -> dict[str, Any]:
        (folder / MODEL).write_bytes(self.content)
        return window_note(self.windows, self.levels)

    @classmethod
    def of_note(cls, note: Mapping[str, Any], folder: Path) -> Frozen:
        made = cls(*windows_of_note(note), (folder / MODEL).read_bytes())
        _ = made.session
        return made


# --- averages -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Average(Frozen):
    """The combination of several: ``ensemble.Average``."""

    kind: ClassVar[str] = "average"
    forecasters: ClassVar[tuple[str, ...]] = ("average",)
    members: tuple[Frozen, ...]
    how: How = "mean"
    weights: tuple[float, ...] | None = None

    @classmethod
    def freeze(cls, members: Sequence[Frozen], how: How = "mean", weights: Sequence[float] | None = None) -> Average:
        """Combine what was frozen; ``how`` and ``weights`` as ``ensemble.combine`` takes them."""
        if len(members) < 2 or len({member.horizon for member in members}) > 1:
            raise DataError("an average needs two members or more, of one horizon", value=[m.horizon for m in members])
        return cls(tuple(members), how, None if weights is None else tuple(float(weight) for weight in weights))

    @classmethod
    def of(cls, fitted: FittedForecaster, books: SalesHistory) -> Frozen:
        average: Any = fitted.forecaster
        members = [freeze(fitted.learned[f"member{k}"], books) for k in range(len(average.members))]
        return cls.freeze(members, average.how, average.weights)

    @property
    def horizon(self) -> int:  # type: ignore[override]
        return int(self.members[0].horizon)

    def forecast(self, books: SalesHistory, origin: int) -> Floats:
        said = np.stack([member.forecast(books, origin).ravel() for member in self.members], axis=1)
        names = [f"member{k}" for k in range(len(self.members))]
        there = np.isfinite(said).all(axis=1)
        weights = None if self.weights is None else dict(zip(names, self.weights, strict=True))
        answer = np.full(len(said), np.nan)
        answer[there] = combine(pd.DataFrame(said[there], columns=names), names, self.how, weights)
        return np.maximum(answer, 0.0).reshape(-1, self.horizon)

    def note(self, folder: Path) -> dict[str, Any]:
        for k, member in enumerate(self.members):
            (folder / f"member{k}").mkdir()
            member.write(folder / f"member{k}")
        return {"members": len(self.members), "how": self.how, "weights": self.weights}

    @classmethod
    def of_note(cls, note: Mapping[str, Any], folder: Path) -> Frozen:
        members = [read(folder / f"member{k}") for k in range(note["members"])]
        return cls.freeze(members, cast(How, note["how"]), note["weights"])


# One line a kind.
_KINDS: tuple[type[Frozen], ...] = (LastValue, WindowMean, SeasonalNaive, Smoothing, Trees, OnnxNetwork, Average)
KINDS: dict[str, type[Frozen]] = {kind.kind: kind for kind in _KINDS}


def freeze(fitted: FittedForecaster, books: SalesHistory) -> Frozen:
    """Freeze a fitted forecaster, so that a server can evaluate it without fitting anything.

    Parameters
    ----------
    fitted : FittedForecaster
        Fitted on ``inputs.panel(books, …)``.
    books : SalesHistory

    Returns
    -------
    Frozen

    Raises
    ------
    DataError
        This kind of forecaster cannot be frozen; those that can are named.
    """
    name = fitted.forecaster.name
    if isinstance(fitted.learned, Mapping) and "networks" in fitted.learned:
        return OnnxNetwork.of(fitted, books)
    for kind in _KINDS:
        if name in kind.forecasters:
            return kind.of(fitted, books)
    names = [own for kind in _KINDS for own in kind.forecasters]
    raise DataError(
        f"the forecaster '{fitted.forecaster.label}' cannot be served: it would have to be fitted in the server",
        remedy=f"publish one of {', '.join(names)}, or a network.",
    )
