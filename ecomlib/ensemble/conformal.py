"""Puts conformal prediction intervals around forecasts, and measures their coverage (lesson 07b, section 2).

A conformal interval is the forecast plus or minus a quantile of its own past errors. What is promised holds on average
over the rows, and only where past and future errors are alike (exchangeable): lesson 07b, section 1 shows a region for
which the promise is broken, and mends it by groups. Nothing here looks at the ``y`` of what it forecasts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ecomlib.contract.frame import find_interval, interval_columns, model_of, quantile_column
from ecomlib.ensemble.combine import Floats, forecast_column
from ecomlib.errors import DataError, LeakageError, explained
from ecomlib.frames import require_same_kind, require_scored
from ecomlib.panel import join_id


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
    """Find the score that a new one will not exceed with the given probability (lesson 07b, section 2).

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


@explained(
    'split_conformal(calibration, test, "gru", coverage=0.9)',
    alpha="it is called coverage here, 1 - alpha: split_conformal(calibration, test, model, coverage=0.9).",
    level="it is called coverage here, as a share: split_conformal(calibration, test, model, coverage=0.9).",
)
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
    floor: float = 0.0,
) -> pd.DataFrame:
    """Make intervals for ``test`` from errors of ``calibration`` (lesson 07b, section 2).

    Parameters
    ----------
    calibration, test : DataFrame
        Scored or forecast frames. A calibration row without ``y`` was not observed and is left out.
    model : str or pair of str
        A point forecast (score: absolute error), or a pair of its quantiles or ends, ``("gru-q0.05", "gru-q0.95")``
        (score: how far the truth lay outside; conformalised quantile regression, Romano, Patterson and Candès, 2019).
    coverage : float
        The share that is promised, between 0 and 1.
    by : sequence of str
        Columns: each of their groups gets a quantile of its own (Mondrian: Vovk et al., 2005; lesson 07b, section 4).
    scale : str, optional
        A column of units in which errors are counted (normalised conformal prediction, Papadopoulos et al., 2002).
    least : int
        A group with fewer calibration rows gets the quantile of all, which ``group`` says by the word ``all``.
    side : {"both", "above"}
        ``"above"`` promises the upper end alone (score: how far the truth lay above a point forecast, which may be
        negative): a quantile, and an order that is enough with probability ``coverage`` (lesson 07b, section 6).
    floor : float
        What ``y`` never falls below, where ends are cut, which then costs no coverage: zero for units sold; ``-np.inf``
        for values that may be negative, such as units less returns.

    Returns
    -------
    DataFrame
        On the rows of ``test``: ``gru-lo-90, gru-hi-90, group`` for a model called ``gru``, or ``gru-q0.9, group`` for
        ``side="above"``. No end is ever NaN.
        Where fewer rows remain than the promise needs (``rows_needed``), none included, the upper end is infinite and
        the lower one ``floor``: no finite interval keeps the promise. ``attrs["unbounded"]`` then holds the reason by
        the value of ``group``: ``{"all": "7 calibration rows, 9 needed"}``.

    Raises
    ------
    LeakageError
        A calibration row was forecast at or after the first test origin.
    DataError
        An observed row's forecast is missing, its ``y`` infinite or below ``floor``, or a pair is of two models.

    Examples
    --------
    >>> import pandas as pd
    >>> known = pd.DataFrame({"y": range(10, 19), "gru": 10.0})
    >>> split_conformal(known, pd.DataFrame({"gru": [20.0]}), "gru", 0.8)
       gru-lo-80  gru-hi-80 group
    0       13.0       27.0   all
    """
    if coverage >= 1:
        value = float(coverage)
        raise DataError("coverage is a share between 0 and 1", value=value, remedy=f"write {value / 100:g}.")
    name = _model(model)
    require_scored(calibration, keys=("y", *by))
    require_scored(test, keys=by)
    known = calibration.loc[calibration["y"].notna().to_numpy()]
    _above(known, floor)
    if "cutoff" in known and "cutoff" in test and len(test) and len(known):
        require_scored(known, keys=("ds",))
        require_same_kind(known, test.assign(ds=test["cutoff"]), ["ds"], "the origins of test")
        last, first = known["ds"].max(), test["cutoff"].min()
        if last > first:
            raise LeakageError(f"calibration reaches to {last:%Y-%m-%d}, after the first test origin {first:%Y-%m-%d}")
    scores = _scores(known, model, scale, side)
    pooled = conformal_quantile(scores, coverage)
    groups = _group(known, by)
    counts = {"all": len(scores)}
    own = {}
    for group, part in scores.groupby(groups.to_numpy()):
        if by and len(part) >= least:
            own[group], counts[group] = conformal_quantile(part, coverage), len(part)
    there = _group(test, by)
    reach = there.map(own).fillna(pooled).to_numpy(dtype=float)
    reach = reach * (_units(test, scale) if scale else 1.0)
    below, above = (model, model) if isinstance(model, str) else model
    low, high = forecast_column(test, below) - reach, forecast_column(test, above) + reach
    # Conformalised quantiles may be pulled together so far that they cross: then the interval is their middle. Infinite
    # ends have none. A quantile alone has no other end to cross.
    crossed = (low > high) & (side == "both")
    low[crossed] = high[crossed] = (low[crossed] + high[crossed]) / 2
    if side == "above":
        ends = {quantile_column(name, coverage): high}
    else:
        ends = dict(zip(interval_columns(name, round(100 * coverage, 9)), (low, high), strict=True))
    answer = pd.DataFrame({column: np.maximum(end, floor) for column, end in ends.items()}, index=test.index)
    answer["group"] = there.where(there.isin(list(own)), "all").to_numpy()
    found = {group: too_few(counts[group], coverage) for group in answer["group"].unique()}
    answer.attrs["unbounded"] = {group: why for group, why in found.items() if why}
    return answer


def adaptive_conformal(
    frame: pd.DataFrame,
    model: str,
    coverage: float = 0.9,
    *,
    rate: float = 0.02,
    start: int = 1,
    scale: str | None = None,
    floor: float = 0.0,
) -> pd.DataFrame:
    """Make intervals that learn from their misses, origin by origin (lesson 07b, section 5).

    At each origin the scores known by then give the interval at the present level; when truths arrive, for each of
    their origins level += rate · (share missed - nominal share).

    Parameters
    ----------
    frame : DataFrame
        A scored frame. An origin knows a score when its ``ds`` is not after that origin: where the truth arrives later,
        hand in the day of its arrival as ``ds``. A row whose ``y`` never arrived (NaN) neither calibrates nor moves the
        level.
    model : str
        A point forecast.
    coverage : float
        The share that is promised, where the level starts.
    rate : float
        How fast the level moves.
    start : int
        The first origins, which only calibrate and are no forecast: their rows are empty (NaN).
    scale : str, optional
        A column of units in which errors are counted.
    floor : float
        What ``y`` never falls below, where the lower end is cut: zero for units sold; ``-np.inf`` for values that may
        be negative, such as units less returns.

    Returns
    -------
    DataFrame
        ``gru-lo-90, gru-hi-90, level`` for a model called ``gru``. ``attrs["unbounded"]`` holds, by origin, why an end
        is infinite: fewer scores than ``coverage`` itself needs (``rows_needed``), or a level of one.

    Raises
    ------
    DataError
        A ``y`` lies below ``floor``: the cut would cost coverage.

    Notes
    -----
    Whatever the world does, the share missed, averaged over T origins (each counts alike, however many rows it has),
    lies above the nominal one by at most ``(1 - coverage + rate) / (rate · T)``, and each origin by which truths come
    late adds ``1 / T`` at most. Gibbs and Candès, "Adaptive Conformal Inference Under Distribution Shift" (2021),
    Proposition 4.1. The proof needs that a level of one or more asks for everything, and so it does: **the ends are
    infinite** until the level is below one again. That also keeps the level from winding up: nothing is missed, so it
    rises no further. The promise has one side: the level is stopped at zero, where the interval is the point, and
    forecasts that always hit cover everything for ever, more than was promised.

    Infinite ends are the price where errors grow without end, since the errors of the past cannot say how large the
    next ones are. Read their share beside the width (``coverage_by``). Where it is large, hand in as ``scale`` the mean
    size of recent errors: scores in that unit stay alike while the noise grows.
    """
    miss = 1 - coverage
    lower, upper = interval_columns(_model(model), round(100 * coverage, 9))
    require_scored(frame, [model], keys=("ds", "cutoff", "y"))
    require_same_kind(frame, frame.assign(ds=frame["cutoff"]), ["ds"], "its cutoff")
    index, frame = frame.index, frame.reset_index(drop=True)  # frames that were joined may hold a label twice
    level, answer = coverage, pd.DataFrame(np.nan, index=frame.index, columns=[lower, upper, "level"])
    scores = _scores(frame, model, scale)
    _above(frame, floor)
    pending: list[pd.DataFrame] = []
    unbounded: dict[pd.Timestamp, str] = {}
    for number, (origin, rows) in enumerate(frame.groupby("cutoff", sort=True)):
        for earlier in [part for part in pending if part["ds"].max() <= origin]:
            hit = earlier["y"].between(answer.loc[earlier.index, lower], answer.loc[earlier.index, upper])
            seen = hit[earlier["y"].notna()]
            if len(seen):
                level = max(level + rate * (float(1 - seen.mean()) - miss), 0.0)
        pending = [part for part in pending if part["ds"].max() > origin]
        known = scores[(frame["ds"] <= origin) & frame["y"].notna()].to_numpy()
        if number < start:
            continue
        everything = f"the level is {level:.3f}, which asks for everything" if level >= 1 else None
        if why := too_few(len(known), coverage) or everything:
            unbounded[origin], reach = why, np.inf
        elif level <= 0:
            reach = 0.0
        else:  # between what the scores can answer and one, the widest error so far
            reach = min(conformal_quantile(known, level), float(known.max()))
        width = reach * (_units(rows, scale) if scale else 1.0)
        answer.loc[rows.index, lower] = np.maximum(forecast_column(rows, model) - width, floor)
        answer.loc[rows.index, upper] = forecast_column(rows, model) + width
        answer.loc[rows.index, "level"] = level
        pending.append(rows)
    answer.index = index
    answer.attrs["unbounded"] = unbounded
    return answer


def coverage_by(frame: pd.DataFrame, by: Sequence[str], model: str, level: float = 90) -> pd.DataFrame:
    """Measure the share of rows inside a model's interval and its mean width, by group (lesson 07b, section 4).

    Parameters
    ----------
    frame : DataFrame
        ``y``, the columns ``by``, and ``model-lo-90, model-hi-90`` or the two quantiles that they stand for.
    by : sequence of str
        Columns to group by.
    model : str
        Whose interval.
    level : float
        Its level in per cent.

    Returns
    -------
    DataFrame
        Columns ``by``, ``rows, coverage, width, unbounded``. ``unbounded`` is the share of rows whose interval has an
        infinite end, ``width`` the mean of the others (NaN where there is none). Coverage alone can be had by infinite
        intervals: read all three.
    """
    require_scored(frame, keys=("y", *by))
    low, high = find_interval(frame, model, level)
    require_scored(frame, [low, high], keys=())
    known = frame.loc[frame["y"].notna().to_numpy()]
    inside = known["y"].between(known[low], known[high])
    width = known[high] - known[low]
    endless = np.isinf(width)
    table = known[list(by)].assign(
        rows=1, coverage=inside.astype(float), width=width.where(~endless), unbounded=endless.astype(float)
    )
    return (
        table.groupby(list(by), observed=True)
        .agg(
            rows=("rows", "sum"),
            coverage=("coverage", "mean"),
            width=("width", "mean"),
            unbounded=("unbounded", "mean"),
        )
        .reset_index()
    )


def _model(model: str | tuple[str, str]) -> str:
    """The name that an interval's columns begin with."""
    names = {model_of(model)} if isinstance(model, str) else {model_of(column) for column in model}
    if len(names) > 1:
        raise DataError(
            "an interval needs a pair of columns of one model",
            value=model,
            remedy='name its quantiles, ("gru-q0.05", "gru-q0.95"), or its ends, ("gru-lo-90", "gru-hi-90").',
        )
    return names.pop()


def _above(frame: pd.DataFrame, floor: float) -> None:
    """Refuse values below the floor at which lower ends are cut."""
    y = frame["y"].to_numpy(dtype=float, na_value=np.nan)
    if (y < floor).any():
        row = int(np.argmax(y < floor))
        raise DataError(
            f"a value lies below {floor:g}, where the lower end is cut",
            column="y",
            rows=[row + 1],
            value=float(y[row]),
            remedy="hand in floor=-np.inf for values that may be negative.",
        )


def _scores(frame: pd.DataFrame, model: str | tuple[str, str], scale: str | None, side: str = "both") -> pd.Series:
    y = frame["y"].to_numpy(dtype=float, na_value=np.nan)
    if isinstance(model, str):
        gap = y - forecast_column(frame, model)
        score = gap if side == "above" else np.abs(gap)
    elif side == "above":
        raise DataError("one side needs a point forecast", value=model, remedy="name one column, such as the quantile.")
    else:
        score = np.maximum(forecast_column(frame, model[0]) - y, y - forecast_column(frame, model[1]))
    if scale is not None:
        score = score / _units(frame, scale)
    return pd.Series(score, index=frame.index)


def _units(frame: pd.DataFrame, scale: str) -> Floats:
    """The units in which errors are counted; zero times an infinite reach would be no number."""
    unit = forecast_column(frame, scale)
    if (unit <= 0).any():
        rows = (np.flatnonzero(unit <= 0) + 1).tolist()
        remedy = "add something, as in the root of the forecast + 1."
        raise DataError("a scale must be above zero", column=scale, rows=rows, value=float(unit.min()), remedy=remedy)
    return unit


def _group(frame: pd.DataFrame, by: Sequence[str]) -> pd.Series:
    if not by:
        return pd.Series("all", index=frame.index)
    return join_id(frame[list(by)])  # values that hold a bar must not merge two groups
