"""Lists the forecasters that a version may be made of, and fits and freezes each of them (lesson 08, section 1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ecomlib.errors import DataError
from ecomlib.serving.release.frozen import (
    Average,
    Frozen,
    LastValue,
    SeasonalNaive,
    Smoothing,
    WindowMean,
    freeze,
)
from ecomlib.serving.release.inputs import Floats, SalesHistory, monday, panel, windows_for

if TYPE_CHECKING:
    from ecomlib.contract import FittedForecaster
    from ecomlib.windowing import WindowSettings

LAST, MEAN, SEASON, SMOOTH = "naive", "window_mean", "seasonal_naive", "exponential_smoothing"
TREES, NETWORK, BOTH = "trees", "gru", "average"
NAMES = (LAST, MEAN, SEASON, SMOOTH, TREES, NETWORK, BOTH)  # from the simplest to the most complicated
WORDS = dict(
    zip(
        NAMES,
        ("last week", "mean of 8 weeks", "seasonal naive", "smoothing", "trees", "network", "trees and network"),
        strict=True,
    )
)
MEANS = "means"  # no candidate: it forecasts means beside those that forecast medians
WINDOW, YEAR = 8, 52  # weeks


@dataclass(frozen=True)
class FitSettings:
    """Sets how trees and network are fitted: rounds of the network (None: by the shop's size), and the seed."""

    epochs: int | None = None
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Learned:
    """Holds what was fitted and what it was frozen to: ``train.prove`` compares the two."""

    source: FittedForecaster
    frozen: Frozen


@dataclass(frozen=True, eq=False)
class Fitted:
    """Holds a candidate, frozen, and all that was learned for it; nothing for those that have nothing to learn.

    means: what forecasts means beside it, where its own forecast is a median. Medians do not add up: most products of a
    sparse shop have a median of zero, and their sum is far from zero.
    """

    frozen: Frozen
    learned: tuple[Learned, ...] = ()
    means: Frozen | None = None

    def mean(self, books: SalesHistory, origin: int) -> Floats:
        """Forecast means (P, H) after ``origin``: what may be summed. NaN for products without history by then."""
        return (self.means or self.frozen).forecast(books, origin)


def names_for(books: SalesHistory, *, quick: bool) -> tuple[str, ...]:
    """List the candidates for such books: networks only unless ``quick``, a seasonal naive where there is a year."""
    left_out = {NETWORK, BOTH} if quick else set()
    if books.units.shape[1] <= YEAR:
        left_out.add(SEASON)
    return tuple(name for name in NAMES if name not in left_out)


def fit(
    names: Sequence[str],
    books: SalesHistory,
    horizon: int,
    until: int,
    how: FitSettings | None = None,
    *,
    before: int | None = None,
) -> dict[str, Fitted]:
    """Fit candidates on the weeks up to ``until``, and freeze them.

    Parameters
    ----------
    names : sequence of str
        Of ``NAMES``.
    books : SalesHistory
        It may hold later weeks, which are not read.
    horizon : int
        Weeks ahead.
    until : int
        Number of the last week that they may know.
    how : FitSettings, optional
    before : int, optional
        The first origin at which candidates are tried, so that what is fitted again reads what was tried; by default
        ``until``.

    Returns
    -------
    dict of str to Fitted

    Raises
    ------
    DataError
        A name is none of the candidates.
    """
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        raise DataError(
            "this forecaster cannot be published", value=unknown[0], remedy=f"use one of {', '.join(NAMES)}."
        )
    how = how or FitSettings()
    rules: Mapping[str, Any] = {
        LAST: lambda: LastValue.freeze(horizon),
        MEAN: lambda: WindowMean.freeze(horizon, WINDOW),
        SEASON: lambda: SeasonalNaive.freeze(horizon, YEAR),
        SMOOTH: lambda: Smoothing.freeze(books, horizon, until),
    }
    learning = [name for name in (TREES, NETWORK) if name in names or BOTH in names]
    window = windows_for(books, horizon, before=until if before is None else before)
    made = {name: Fitted(rules[name]()) for name in names if name in rules}
    if learning:
        held = panel(books, window)
        means, *parts = (_learn(name, books, held, window, until, how) for name in (MEANS, *learning))
        for name, part in zip(learning, parts, strict=True):
            made[name] = Fitted(part.frozen, (part, means), means.frozen)
        if BOTH in names:
            frozen = Average.freeze([part.frozen for part in parts])
            made[BOTH] = Fitted(frozen, (*parts, means), means.frozen)
    return {name: made[name] for name in names}


def _learn(
    name: str, books: SalesHistory, held: pd.DataFrame, window: WindowSettings, until: int, how: FitSettings
) -> Learned:
    """Fit trees, network or the trees for means on windows of ``held``, the books' panel, through the one contract."""
    from ecomlib.models.trees import Trees
    from ecomlib.training import TrainSettings
    from ecomlib.training.forecaster import NetworkForecaster

    horizon = window.horizon
    model: Any
    if name == TREES:
        model = Trees(window, options={"random_state": how.seed})
    elif name == MEANS:  # a Tweedie loss, whose optimum is the mean, on units that are divided, not logged
        model = Trees(replace(window, scale="mean_abs"), options={"objective": "tweedie", "random_state": how.seed})
    else:
        # A short history needs smaller batches and more rounds.
        begin = until + 2 - horizon - max(window.least_history, 1) - books.begin
        few = np.clip(begin, 0, None)[books.begin <= until].sum() < 10_000
        rounds = TrainSettings(
            epochs=how.epochs or (12 if few else 4),
            batch_size=128 if few else 1024,
            lr=8e-3,
            device="cpu",
            seed=how.seed,
        )
        options = {"head": "absolute", "hidden": 24, "decoder": 32}
        model = NetworkForecaster("gru", window, rounds, (how.seed,), options)
    source = model.fit(held, horizon, until=monday(until))
    return Learned(source, freeze(source, books))
