"""Fits gradient boosting on the windows that the networks read: medians and quantiles (lesson 07, section 1).

A network and a table of trees that read the same past, the same plan and the same categories err differently, which is
what an average needs. One table serves all series and steps; ``baselines.LightGBM``, the peer of protocol W, forecasts
one step and applies itself to its own forecasts.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, Protocol

import numpy as np
import pandas as pd
import torch

from ecomlib.contract import Forecaster, Point, quantile_column
from ecomlib.errors import DataError
from ecomlib.features.completed import completed, without_made
from ecomlib.models.baselines import library
from ecomlib.panel import CALENDAR, LAST_YEAR
from ecomlib.windowing import Cut, WindowSettings, tree_table
from ecomlib.windows import WindowSet

DEFAULT = {"n_estimators": 200, "learning_rate": 0.05, "num_leaves": 31, "min_child_samples": 50}
# The same trees from the same rows, in every run.
_FIXED = {"n_jobs": 1, "verbose": -1, "random_state": 0, "deterministic": True, "force_row_wise": True}
_MEDIANS = ("regression_l1", "l1", "mae", "mean_absolute_error")
_MEANS = ("regression", "regression_l2", "l2", "mse", "mean_squared_error", "poisson", "tweedie")
_MODEL = "forecast"  # the column of the point forecast, as ``training.predict`` names it


class Predicts(Protocol):
    """What forecasts from a table of windows: a LightGBM, or a regression of scikit-learn."""

    def predict(self, table: Any) -> Any: ...


def window_table(windows: WindowSet, last: int = 8) -> pd.DataFrame:
    """One row a window and step of its horizon, in the order of ``windows.frame()``: see ``windowing.tree_table``."""
    batch = windows.batch(torch.arange(len(windows)))
    return tree_table(windows.settings, Cut(*(getattr(batch, part.name).cpu().numpy() for part in fields(Cut))), last)


@dataclass(frozen=True)
class Trees(Forecaster):
    """LightGBM on the windows that the networks read, for all series and steps together (lesson 07, section 1).

    Parameters
    ----------
    window : WindowSettings
        What a window holds; its horizon is the one of ``fit``. Calendar and last year's columns in ``future`` are made
        here, unless ``also_known`` says that the panel's own are to be read.
    quantiles : tuple of float
        Shares between 0 and 1, each given beside the median. Each takes a LightGBM of its own.
    options : mapping
        Arguments of ``lightgbm.LGBMRegressor``. An ``objective`` among them decides what the point forecast is.

    Notes
    -----
    The target is scaled as the windows scale it. Medians and quantiles keep their meaning in units under every scale, a
    mean only where units are divided (lesson 07, section 5). A series too young for a window gets the mean of what it
    sold. Ke et al. (2017), LightGBM.

    Examples
    --------
    >>> Trees.make(look_back=12, n_estimators=50).window.look_back
    12
    """

    name: ClassVar[str] = "trees"
    window: WindowSettings = field(default_factory=WindowSettings)
    quantiles: tuple[float, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "quantiles", tuple(sorted(self.quantiles)))
        if not all(0 < share < 1 for share in self.quantiles):
            raise DataError(
                "quantiles are shares between 0 and 1", value=self.quantiles, remedy="write quantiles=(0.05, 0.95)."
            )
        if self.quantiles and "objective" in self.options:
            raise DataError(
                "quantiles have an objective of their own",
                value=self.options["objective"],
                remedy="leave out objective, or quantiles.",
            )

    def check(self) -> None:
        super().check()
        self._check_options()

    def _check_options(self) -> None:
        """Refuse an option that LightGBM does not have; it would warn, and train without it."""
        lightgbm = library("lightgbm")
        aliases = lightgbm.basic._ConfigAliases._get_all_param_aliases()  # as LightGBM's own documentation lists them
        known = {
            *lightgbm.LGBMRegressor().get_params(),
            *aliases,
            *(name for more in aliases.values() for name in more),
        }
        for name in self.options:
            if name not in known:
                near = difflib.get_close_matches(name, [*lightgbm.LGBMRegressor().get_params(), *sorted(known)], n=1)
                remedy = f"did you mean {near[0]}?" if near else "see the parameters of lightgbm.LGBMRegressor."
                raise DataError("LightGBM has no such parameter", value=name, remedy=remedy)

    @property
    def point(self) -> Point:  # type: ignore[override]
        objective = self.options.get("objective", _MEDIANS[0])
        if objective in _MEDIANS:
            return "median"
        return "mean" if objective in _MEANS and self.window.scale in ("none", "mean_abs") else "neither"

    @property
    def known_ahead(self) -> tuple[str, ...]:  # type: ignore[override]
        return tuple(column for column in self.window.future if column not in self._made())

    @property
    def also_known(self) -> tuple[str, ...]:  # type: ignore[override]
        return self.window.also_known

    def _made(self) -> set[str]:
        """Columns of ``future`` that follow from dates and past sales."""
        return set(self.window.future) & {*CALENDAR, *LAST_YEAR} - set(self.window.also_known)

    @classmethod
    def make(cls, **settings: Any) -> Trees:
        """Make trees from plain keywords: those of ``WindowSettings``, ``window``, ``quantiles``, and LightGBM's."""
        own = {key: settings.pop(key) for key in ("window", "quantiles", "options") if key in settings}
        names = [part.name for part in fields(WindowSettings)]
        shape = {key: settings.pop(key) for key in names if key in settings}
        for key in settings:
            near = difflib.get_close_matches(key, names, n=1, cutoff=0.8)
            if near:
                raise DataError("trees have no such setting", value=key, remedy=f"did you mean {near[0]}?")
        plain = {key: tuple(value) if isinstance(value, list) else value for key, value in shape.items()}
        window = replace(own.pop("window", WindowSettings()), **plain)
        return cls(window, own.pop("quantiles", ()), {**own.pop("options", {}), **settings})

    def fit_windows(self, windows: WindowSet) -> dict[str, Predicts]:
        """Fit one LightGBM a column on windows.

        Parameters
        ----------
        windows : WindowSet
            Those to learn from, such as the first part of ``WindowSet.split``.

        Returns
        -------
        dict of str to Booster
            By column: ``forecast`` alone, or with quantiles ``forecast-q0.5`` and one for each of them.

        Raises
        ------
        DataError
            Where there are no windows.
        """
        lightgbm = library("lightgbm")
        self._check_options()
        if not len(windows):
            raise DataError(
                "there are no windows to learn from",
                table="panel",
                remedy="bring a longer history, or look back and ahead over fewer periods.",
            )
        batch = windows.batch(torch.arange(len(windows)))
        counted = batch.mask.cpu().numpy().ravel()
        table, target = window_table(windows)[counted], batch.target.cpu().numpy().ravel()[counted]
        shares = sorted({*self.quantiles, 0.5}) if self.quantiles else []
        goals: dict[str, dict[str, Any]] = {
            quantile_column(_MODEL, share): {"objective": "quantile", "alpha": share} for share in shares
        }
        fitted: dict[str, Predicts] = {}
        for name, goal in (goals or {_MODEL: {"objective": _MEDIANS[0]}}).items():
            model = lightgbm.LGBMRegressor(**{**DEFAULT, **_FIXED, **goal, **self.options}).fit(table, target)
            # As text and back: a saved and loaded model is then the same to the last bit.
            fitted[name] = lightgbm.Booster(model_str=model.booster_.model_to_string())
        return fitted

    @staticmethod
    def predict_windows(
        models: Mapping[str, Predicts], windows: WindowSet, table: pd.DataFrame | None = None
    ) -> pd.DataFrame:
        """Forecast windows by models of their table, in units at or above zero.

        Parameters
        ----------
        models : mapping of str to model
            By column, quantiles rising, as ``fit_windows`` returns them; any regression of the table will do.
        windows : WindowSet
            What to forecast.
        table : DataFrame, optional
            Stands in for ``window_table(windows)``, for instance with columns shuffled.

        Returns
        -------
        DataFrame
            ``unique_id, ds, cutoff, y``, ``forecast`` (with quantiles: the median), ``forecast-q0.05`` and so on.

        Notes
        -----
        Quantiles are put in order row by row, so that they do not cross (Chernozhukov, Fernández-Val and Galichon,
        2010).
        """
        table = window_table(windows) if table is None else table
        scale = windows.batch(torch.arange(len(windows))).scale.repeat_interleave(windows.settings.horizon, dim=0)
        scaled = np.column_stack([model.predict(table) for model in models.values()])
        units = windows.settings.units(torch.from_numpy(np.sort(scaled, axis=1)), scale.cpu().double()).clamp(min=0)
        columns = dict(zip(models, units.numpy().T, strict=True))
        median = quantile_column(_MODEL, 0.5)
        if _MODEL not in columns and median in columns:
            columns = {_MODEL: columns[median], **columns}
        return windows.frame().assign(**columns)

    def _windows(
        self,
        past: pd.DataFrame,
        future: pd.DataFrame,
        horizon: int,
        levels: Mapping[str, tuple[str, ...]] | None = None,
    ) -> WindowSet:
        """Windows over past and future rows; what the calendar and last year say is made from the past alone."""
        window = replace(self.window, horizon=horizon)
        bare = without_made(past, [column for column in window.future if column in self._made()])
        panel = completed(bare, future, (*window.past, *window.future), window.static)
        return WindowSet.from_panel(panel, window, levels=levels)

    def learn(self, past: pd.DataFrame, horizon: int) -> dict[str, Any]:
        windows = self._windows(past, past.iloc[:0][["unique_id", "ds"]], horizon)
        return {"levels": dict(windows.levels), "models": self.fit_windows(windows) if len(windows) else {}}

    def answer(self, learned: Any, past: pd.DataFrame, future: pd.DataFrame) -> pd.DataFrame:
        level = past.groupby("unique_id", observed=True)["y"].mean()
        mean = future["unique_id"].map(level).fillna(0.0).clip(lower=0.0).to_numpy(dtype=float)
        given = {f"q{share:g}": quantile_column(_MODEL, share) for share in self.quantiles}
        if not learned["models"]:
            return pd.DataFrame(dict.fromkeys(["point", *given], mean), index=future.index)
        horizon = int(future.groupby("unique_id", observed=True).size().max())
        windows = self._windows(past, future, horizon, learned["levels"]).at(past["ds"].max())
        found = self.predict_windows(learned["models"], windows).set_index(["unique_id", "ds"])
        rows = found.reindex(pd.MultiIndex.from_frame(future[["unique_id", "ds"]]))
        columns = {"point": _MODEL, **given}
        return pd.DataFrame(
            {name: np.where(rows[column].isna(), mean, rows[column]) for name, column in columns.items()},
            index=future.index,
        )

    def pack(self, learned: Any) -> dict[str, Any]:
        levels = {name: list(values) for name, values in learned["levels"].items()}
        return {"levels": levels} | {name: model.model_to_string() for name, model in learned["models"].items()}

    def unpack(self, packed: Mapping[str, Any]) -> dict[str, Any]:
        booster = library("lightgbm").Booster
        return {
            "levels": {name: tuple(values) for name, values in packed["levels"].items()},
            "models": {name: booster(model_str=text) for name, text in packed.items() if name != "levels"},
        }
