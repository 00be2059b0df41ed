"""Fits gradient boosting on the windows that the networks read: medians and quantiles (lesson 07, section 1).

A network and a table of trees that read the same past, the same plan and the same categories err differently, which is
what an average needs. Trees here are trained once, for all series and steps, as a network is; ``baselines.lightgbm`` is
the recursive peer of protocol W, trained anew at each origin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import pandas as pd
import torch

from ecomlib.windowing import Cut, tree_table
from ecomlib.windows import WindowSet

DEFAULT = {"n_estimators": 200, "learning_rate": 0.05, "num_leaves": 31, "min_child_samples": 50}


def window_table(windows: WindowSet, last: int = 8, decimals: int | None = None) -> pd.DataFrame:
    """One row a window and step of its horizon, in the order of ``windows.frame()``: see ``windowing.tree_table``."""
    batch = windows.batch(torch.arange(len(windows)))
    return tree_table(
        windows.settings, Cut(*(getattr(batch, f.name).cpu().numpy() for f in fields(Cut))), last, decimals
    )


def fit_trees(windows: WindowSet, quantiles: Sequence[float] = (), **settings: Any) -> dict[str, Any]:
    """LightGBM models by the name of their column: ``forecast`` (the median), or ``q0.05`` and so on, one a quantile.

    The target is scaled as the windows scale it, so medians and quantiles keep their meaning in units (lesson 07,
    section 3). ``settings`` are those of ``lightgbm.LGBMRegressor``. Ke et al. (2017).
    """
    from lightgbm import LGBMRegressor

    batch = windows.batch(torch.arange(len(windows)))
    counted = batch.mask.cpu().numpy().ravel()
    table, target = window_table(windows)[counted], batch.target.cpu().numpy().ravel()[counted]
    fixed = {"n_jobs": 1, "verbose": -1, "random_state": 0, "deterministic": True, "force_row_wise": True}
    wanted: dict[str, dict[str, Any]] = {f"q{q:g}": {"objective": "quantile", "alpha": q} for q in quantiles}
    return {
        name: LGBMRegressor(**{**DEFAULT, **fixed, **goal, **settings}).fit(table, target)
        for name, goal in (wanted or {"forecast": {"objective": "regression_l1"}}).items()
    }


def predict_trees(models: Mapping[str, Any], windows: WindowSet, table: pd.DataFrame | None = None) -> pd.DataFrame:
    """``unique_id, ds, cutoff, y`` and one column a model, units at or above zero (lesson 07, section 1).

    Quantiles are put in order row by row, so that they do not cross (Chernozhukov, Fernández-Val and Galichon, 2010).
    ``table`` stands in for ``window_table(windows)``, for instance with columns shuffled.
    """
    table = window_table(windows) if table is None else table
    scale = windows.batch(torch.arange(len(windows))).scale.repeat_interleave(windows.settings.horizon, dim=0)
    scaled = np.column_stack([model.predict(table) for model in models.values()])
    units = windows.settings.units(torch.from_numpy(np.sort(scaled, axis=1)), scale.cpu().double()).clamp(min=0)
    return windows.frame().assign(**dict(zip(models, units.numpy().T, strict=True)))
