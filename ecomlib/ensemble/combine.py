"""Combines several forecasts into one, and weighs them (lesson 07, section 2).

All functions read scored frames: ``unique_id, ds, cutoff, y`` and one column a model (see ``evaluation``). Weights are
fitted on rows of earlier origins than those they are used on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.contract.frame import model_columns
from ecomlib.errors import DataError, explained
from ecomlib.frames import require_scored

Floats = NDArray[np.float64]
How = Literal["mean", "median", "log_mean"]


@explained(
    'combine(frame, ["naive", "gru"], "mean")', method='it is called how here: combine(frame, models, how="median").'
)
def combine(
    frame: pd.DataFrame, models: Sequence[str], how: How = "mean", weights: Mapping[str, float] | None = None
) -> pd.Series:
    """Combine several forecasts into one, units, aligned with the frame's rows (lesson 07, section 2).

    Parameters
    ----------
    frame : DataFrame
        A forecast or scored frame with a column for each model.
    models : sequence of str
        The columns to combine.
    how : {"mean", "median", "log_mean"}
        ``log_mean`` is the mean of log(1 + units), which follows a single wild member less.
    weights : mapping of str to float, optional
        One number a model, for ``mean`` and ``log_mean``, used as they are: ``stacking_weights`` gives such that are
        not negative and sum to one. Without them all count alike.

    Returns
    -------
    Series of float
        One forecast a row, on the frame's index, named ``how``.

    Raises
    ------
    DataError
        A model is missing from the frame or has gaps, the weights are not for exactly these models or for a median, or
        there is no such way to combine.

    Notes
    -----
    Bates and Granger (1969); Clemen (1989) for why the plain mean is hard to beat.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"unique_id": ["cup", "mug"], "y": [5.0, 2.0], "naive": [4.0, 2.0], "gru": [6.0, 3.0]})
    >>> combine(frame, ["naive", "gru"]).tolist()
    [5.0, 2.5]
    >>> combine(frame, ["naive", "gru"], weights={"naive": 0.25, "gru": 0.75}).tolist()
    [5.5, 2.75]
    """
    table = _forecasts(frame, models)
    if weights is not None and (how == "median" or set(weights) != set(models)):
        raise DataError(
            "weights need one number for each model, and a mean to weigh",
            value=sorted(weights),
            remedy="give weights for exactly these models, with how='mean' or 'log_mean'.",
        )
    share = (
        np.array([weights[name] for name in models]) if weights is not None else np.full(len(models), 1 / len(models))
    )
    if how == "mean":
        result = table @ share
    elif how == "log_mean":
        result = np.expm1(np.log1p(np.maximum(table, 0.0)) @ share)
    elif how == "median":
        result = np.median(table, axis=1)
    else:
        raise DataError("there is no such way to combine", value=how, remedy="take mean, median or log_mean.")
    return pd.Series(result, index=frame.index, name=how)


def stacking_weights(
    frame: pd.DataFrame, models: Sequence[str], loss: Literal["absolute", "squared"] = "absolute"
) -> pd.Series:
    """Find the weights that would have erred least on these rows: none negative, sum one (lesson 07, section 4).

    Fit them on rows of a tuning part. ``absolute`` solves a linear programme (Koenker and Bassett, 1978), ``squared`` a
    quadratic one. Without the two constraints the weights of models that are alike explode, with opposite signs
    (Breiman, "Stacked Regressions", 1996, asks for the first).
    """
    from scipy import optimize, sparse

    require_scored(frame, keys=("y",))
    known = frame.loc[frame["y"].notna().to_numpy()]
    if known.empty:
        raise DataError("there is no row with a known y to fit weights on", column="y", remedy="hand in tuning rows.")
    table, y = _forecasts(known, models), known["y"].to_numpy(dtype=float)
    rows, members = table.shape
    if loss == "absolute":  # minimise the sum of over + under, where forecast - over + under = y
        eye = sparse.identity(rows, format="csr")
        equal = sparse.vstack(
            [
                sparse.hstack([sparse.csr_matrix(table), -eye, eye]),
                sparse.csr_matrix(np.r_[np.ones(members), np.zeros(2 * rows)]),
            ]
        )
        cost = np.r_[np.zeros(members), np.ones(2 * rows)]
        solved = optimize.linprog(cost, A_eq=equal, b_eq=np.r_[y, 1.0], bounds=(0, None), method="highs")
        found = solved.x[:members] if solved.success else None
    elif loss == "squared":  # the sum as one more row that is weighed so heavily that it holds to nine digits
        heavy = 1e5 * max(float(np.abs(table).max()), 1.0) * np.sqrt(rows)
        found = optimize.nnls(np.vstack([table, np.full(members, heavy)]), np.r_[y, heavy])[0]
    else:
        raise DataError("there is no such loss", value=loss, remedy="take absolute or squared.")
    if found is None or not found.sum() > 0:
        raise DataError("no weights were found", value=solved.message, remedy="look for extreme forecasts.")
    return pd.Series(found / found.sum(), index=list(models), name="weight")


def error_correlation(frame: pd.DataFrame, models: Sequence[str] | None = None) -> pd.DataFrame:
    """Correlate the models' errors, (models, models): what averaging can remove (lesson 07, section 2).

    With m members of variance s² and mean correlation r the mean's error has variance s² (r + (1 - r) / m).
    """
    require_scored(frame, keys=("y",))
    names = list(models or model_columns(frame))
    errors = pd.DataFrame(_forecasts(frame, names), columns=names).sub(frame["y"].to_numpy(dtype=float), axis=0)
    return errors.corr()


def _forecasts(frame: pd.DataFrame, models: Sequence[str]) -> Floats:
    if isinstance(models, str):
        raise DataError("several models are combined", value=models, remedy=f'write a list: ["{models}", …].')
    require_scored(frame, list(models), keys=())
    if not len(models):
        raise DataError("no model was named", remedy="name the columns that hold forecasts.")
    return np.column_stack([forecast_column(frame, name) for name in models])


def forecast_column(frame: pd.DataFrame, name: str) -> Floats:
    """Return the values of one model's column, which must be there and finite."""
    require_scored(frame, [name], keys=())
    values = frame[name].to_numpy(dtype=float, na_value=np.nan)
    if not np.isfinite(values).all():
        bad = int(np.argmin(np.isfinite(values)))
        raise DataError("a forecast is missing or infinite", column=name, rows=[bad], remedy="mend that model first.")
    return values
