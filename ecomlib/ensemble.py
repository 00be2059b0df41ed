"""Several forecasts into one, and an honest interval around it (lesson 07, section 1 and lesson 07, section 3).

All functions read scored frames: ``unique_id, ds, cutoff, y`` and one column a model (see ``evaluation``). Weights are
fitted on rows of earlier origins than those they are used on; nothing here looks at the ``y`` of what it forecasts.

A conformal interval is the forecast plus or minus a quantile of its own past errors. What is promised holds on average
over the rows, and only where past and future errors are alike (exchangeable): lesson 07, section 4 shows a region for
which the promise is broken, and mends it by groups.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ecomlib.errors import DataError, LeakageError
from ecomlib.evaluation.metrics import model_columns
from ecomlib.panel import join_id

Floats = NDArray[np.float64]
How = Literal["mean", "median", "log_mean"]
ENDS = ("low", "high")


def combine(
    frame: pd.DataFrame, models: Sequence[str], how: How = "mean", weights: Mapping[str, float] | None = None
) -> pd.Series:
    """One forecast out of several, units, aligned with the frame's rows (lesson 07, section 1).

    ``mean`` and ``median`` of the models' forecasts; ``log_mean`` is the mean of log(1 + units), which follows a single
    wild member less. ``weights`` belong to ``mean`` and ``log_mean`` and are used as they are: ``stacking_weights``
    gives such that are not negative and sum to one. Source: Bates and Granger (1969); Clemen (1989) for why the plain
    mean is hard to beat.
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
    """Weights of the models that would have erred least on these rows: none negative, sum one (lesson 07, section 2).

    Fit them on rows of a tuning part. ``absolute`` solves a linear programme (Koenker and Bassett, 1978), ``squared`` a
    quadratic one. Without the two constraints the weights of models that are alike explode, with opposite signs
    (Breiman, "Stacked Regressions", 1996, asks for the first).
    """
    from scipy import optimize, sparse

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


def rows_needed(coverage: float) -> int:
    """Count the calibration rows without which an interval of this coverage has no finite end.

    The smallest n with ``ceil((n + 1) · coverage) <= n``: 9 rows for 0.9, 19 for 0.95, 99 for 0.99.
    """
    return int(np.ceil(round(coverage / (1 - coverage), 9)))


def too_few(rows: int, coverage: float) -> str | None:
    """Say why an end is infinite, ``7 calibration rows, 9 needed``; None where the rows are enough."""
    needed = rows_needed(coverage)
    return None if rows >= needed else f"{rows} calibration row{'s' * (rows != 1)}, {needed} needed"


def conformal_quantile(scores: ArrayLike, coverage: float) -> float:
    """The score that a new one will not exceed with the given probability (lesson 07, section 3).

    The ``ceil((n + 1) · coverage)``-th smallest of n scores; infinite where n is too small for the promise. The
    ``+ 1`` counts the new score itself among its equals: Vovk, Gammerman and Shafer (2005); Lei et al. (2018).
    """
    values = np.sort(np.asarray(scores, dtype=float))
    if not 0 < coverage < 1 or np.isnan(values).any():
        raise DataError(
            "a conformal quantile needs a coverage between 0 and 1, and scores without gaps", value=coverage
        )
    # Rounded first: in floating point 0.9 · 10 may lie a hair above 9, and the interval would be one score too wide.
    place = int(np.ceil(round((len(values) + 1) * coverage, 9)))
    return float(values[place - 1]) if place <= len(values) else float("inf")


def split_conformal(
    calibration: pd.DataFrame,
    test: pd.DataFrame,
    model: str | tuple[str, str],
    coverage: float = 0.9,
    *,
    by: Sequence[str] = (),
    scale: str | None = None,
    least: int = 100,
    side: Literal["both", "above"] = "both",
) -> pd.DataFrame:
    """Intervals for ``test`` from the errors of ``calibration``: columns ``low, high, group`` (lesson 07, section 3).

    ``model`` names a point forecast (score: absolute error, in units of the column ``scale`` where one is given:
    normalised conformal prediction, Papadopoulos et al., 2002), or a pair of quantile forecasts, low and high (score:
    how far the truth lay outside; conformalised quantile regression, Romano, Patterson and Candès, 2019). ``by`` names
    columns: each of their groups gets a quantile of its own (Mondrian: Vovk et al., 2005; lesson 07, section 4), and a
    group with fewer than ``least`` calibration rows the quantile of all, which ``group`` says by the word ``all``.
    Units are not negative, so ``low`` is cut at zero, which costs no coverage. ``side="above"`` promises the upper end
    alone (score: how far the truth lay above a point forecast, which may be negative), and ``low`` is zero: an order
    that is enough with probability ``coverage`` (lesson 07, section 6).

    A calibration row without ``y`` was not observed and is left out. Where fewer rows remain than the promise needs
    (``rows_needed``), none included, ``high`` is infinite and ``low`` zero: no finite interval keeps the promise. The
    answer's ``attrs["unbounded"]`` holds the reason by the value of ``group``: ``{"all": "7 calibration rows, 9
    needed"}``, and is empty where all ends are finite. No end is ever NaN.

    Raises ``LeakageError`` where a calibration row was forecast at or after the first test origin, and ``DataError``
    where an observed row's forecast is missing, or its ``y`` infinite.
    """
    known = calibration.loc[calibration["y"].notna().to_numpy()]
    if "cutoff" in known and "cutoff" in test and len(test) and len(known):
        last, first = known["ds"].max(), test["cutoff"].min()
        if last > first:
            raise LeakageError(f"calibration reaches to {last:%Y-%m-%d}, after the first test origin {first:%Y-%m-%d}")
    scores = _scores(known, model, scale, side)
    pooled = conformal_quantile(scores, coverage)
    groups = _group(known, by)
    counts = {"all": len(scores)}
    own = {}
    for name, part in scores.groupby(groups.to_numpy()):
        if by and len(part) >= least:
            own[name], counts[name] = conformal_quantile(part, coverage), len(part)
    there = _group(test, by)
    reach = there.map(own).fillna(pooled).to_numpy(dtype=float)
    reach = reach * (_column(test, scale) if scale else 1.0)
    below, above = (model, model) if isinstance(model, str) else model
    low, high = _column(test, below) - reach, _column(test, above) + reach
    if side == "above":  # the reach may be negative there
        low = np.zeros(len(test))
    # Conformalised quantiles may be pulled together so far that they cross: then the interval is their middle. Infinite
    # ends have none.
    crossed = low > high
    low[crossed] = high[crossed] = (low[crossed] + high[crossed]) / 2
    answer = pd.DataFrame(
        {
            "low": np.maximum(low, 0.0),
            "high": np.maximum(high, 0.0),
            "group": there.where(there.isin(list(own)), "all").to_numpy(),
        },
        index=test.index,
    )
    found = {name: too_few(counts[name], coverage) for name in answer["group"].unique()}
    answer.attrs["unbounded"] = {name: why for name, why in found.items() if why}
    return answer


def adaptive_conformal(
    frame: pd.DataFrame,
    model: str,
    coverage: float = 0.9,
    *,
    rate: float = 0.02,
    start: int = 1,
    scale: str | None = None,
) -> pd.DataFrame:
    """Intervals that learn from their own misses, origin by origin: ``low, high, level`` (lesson 07, section 3).

    Gibbs and Candès, "Adaptive Conformal Inference Under Distribution Shift" (2021). At each origin the scores known by
    then give the interval at the present ``level``; afterwards level += rate · (share missed - nominal share). A level
    that its misses have raised to one, or above what the scores so far can answer, asks for everything: the widest
    error so far stands in for infinity. Where there are fewer scores than ``coverage`` itself needs (``rows_needed``),
    none included, ``high`` is infinite and ``low`` zero, and ``attrs["unbounded"]`` holds the reason by origin. The
    first ``start`` origins only calibrate and are no forecast: their rows are empty (NaN). An origin knows a score when
    its ``ds`` is not after that origin. Where the truth arrives later than that, hand in the day of its arrival as
    ``ds``; a row whose ``y`` never arrived (NaN) neither calibrates nor moves the level.
    """
    miss = 1 - coverage
    level, answer = coverage, pd.DataFrame(np.nan, index=frame.index, columns=[*ENDS, "level"])
    scores = _scores(frame, model, scale)
    pending: list[pd.DataFrame] = []
    unbounded: dict[pd.Timestamp, str] = {}
    for number, (origin, rows) in enumerate(frame.groupby("cutoff", sort=True)):
        for earlier in [part for part in pending if part["ds"].max() <= origin]:
            hit = earlier["y"].between(answer.loc[earlier.index, "low"], answer.loc[earlier.index, "high"])
            seen = hit[earlier["y"].notna()]
            if len(seen):
                level += rate * (float(1 - seen.mean()) - miss)
        pending = [part for part in pending if part["ds"].max() > origin]
        known = scores[(frame["ds"] <= origin) & frame["y"].notna()].to_numpy()
        if number < start:
            continue
        if why := too_few(len(known), coverage):
            unbounded[origin], reach = why, np.inf
        elif level <= 0:
            reach = 0.0
        else:
            reach = float(known.max()) if level >= 1 else min(conformal_quantile(known, level), float(known.max()))
        width = reach * (_column(rows, scale) if scale else 1.0)
        answer.loc[rows.index, "low"] = np.maximum(_column(rows, model) - width, 0.0)
        answer.loc[rows.index, "high"] = _column(rows, model) + width
        answer.loc[rows.index, "level"] = level
        pending.append(rows)
    answer.attrs["unbounded"] = unbounded
    return answer


def coverage_by(frame: pd.DataFrame, by: Sequence[str], low: str = "low", high: str = "high") -> pd.DataFrame:
    """Share of rows inside their interval and its mean width in units, by group (lesson 07, section 4).

    Columns ``by``, ``rows, coverage, width``. Coverage alone can be had by infinite intervals: read both.
    """
    known = frame.loc[frame["y"].notna().to_numpy()]
    inside = known["y"].between(known[low], known[high])
    table = known[list(by)].assign(coverage=inside.astype(float), width=known[high] - known[low], rows=1)
    return table.groupby(list(by), observed=True).agg(
        rows=("rows", "sum"), coverage=("coverage", "mean"), width=("width", "mean")
    ).reset_index()  # fmt: skip


def error_correlation(frame: pd.DataFrame, models: Sequence[str] | None = None) -> pd.DataFrame:
    """Correlation of the models' errors, (models, models): what averaging can remove (lesson 07, section 1).

    With m members of variance s² and mean correlation r the mean's error has variance s² (r + (1 - r) / m).
    """
    names = list(models or model_columns(frame))
    errors = pd.DataFrame(_forecasts(frame, names), columns=names).sub(frame["y"].to_numpy(dtype=float), axis=0)
    return errors.corr()


def _forecasts(frame: pd.DataFrame, models: Sequence[str]) -> Floats:
    if not len(models):
        raise DataError("no model was named", remedy="name the columns that hold forecasts.")
    return np.column_stack([_column(frame, name) for name in models])


def _column(frame: pd.DataFrame, name: str) -> Floats:
    if name not in frame.columns:
        raise DataError("this column is missing from the scored frame", column=name, remedy="name a model's column.")
    values = frame[name].to_numpy(dtype=float)
    if not np.isfinite(values).all():
        bad = int(np.argmin(np.isfinite(values)))
        raise DataError("a forecast is missing or infinite", column=name, rows=[bad], remedy="mend that model first.")
    return values


def _scores(frame: pd.DataFrame, model: str | tuple[str, str], scale: str | None, side: str = "both") -> pd.Series:
    y = frame["y"].to_numpy(dtype=float)
    if np.isinf(y).any():
        remedy = "mend the table, or leave y empty where it was not observed."
        raise DataError("an observed value is infinite", column="y", rows=[int(np.argmax(np.isinf(y)))], remedy=remedy)
    if isinstance(model, str):
        gap = y - _column(frame, model)
        score = gap if side == "above" else np.abs(gap)
    elif side == "above":
        raise DataError("one side needs a point forecast", value=model, remedy="name one column, such as the quantile.")
    else:
        score = np.maximum(_column(frame, model[0]) - y, y - _column(frame, model[1]))
    if scale is not None:
        unit = _column(frame, scale)
        if (unit <= 0).any():
            raise DataError("a scale must be above zero", column=scale, value=float(unit.min()))
        score = score / unit
    return pd.Series(score, index=frame.index)


def _group(frame: pd.DataFrame, by: Sequence[str]) -> pd.Series:
    if not by:
        return pd.Series("all", index=frame.index)
    return join_id(frame[list(by)])  # values that hold a bar must not merge two groups
