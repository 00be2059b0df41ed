"""Computes metrics of forecasts, and leaves them undefined where a denominator is zero (lesson 00, section 3).

Every function reads a *scored frame*: ``unique_id, ds, cutoff, y`` and one column a model, as ``backtest`` returns it
(``cutoff`` may be absent: then there is one origin). Where utilsforecast has the metric, the numbers are the same.

Rules for all: a row whose ``y`` is missing was not observed and is not scored; a missing forecast is an error. A metric
whose denominator is zero (a series that never changed, an item that sold nothing) is *undefined*, NaN, never zero and
never infinite; averages leave undefined values out and ``score`` counts them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.contract.frame import find_interval, known_quantiles, model_columns
from ecomlib.errors import DataError, explained
from ecomlib.frames import require_panel, require_same_kind, require_scored

Floats = NDArray[np.float64]
Models = str | Sequence[str]
POINT_METRICS = ("mae", "mse", "rmse", "wape", "bias", "mase", "rmsse", "poisson_deviance")
_POOLED = ("wape", "bias")  # ratios of an origin's sums, not means over its series


def _names(models: Models) -> list[str]:
    return [models] if isinstance(models, str) else list(models)


def _checked(frame: pd.DataFrame, columns: Iterable[str], *, infinite: bool = False) -> pd.DataFrame:
    """The rows that can be scored, after the columns were found complete; ``infinite`` allows infinite values."""
    columns = list(columns)
    require_scored(frame, columns)
    frame = frame.loc[frame["y"].notna().to_numpy()]
    if frame.empty:
        raise DataError("there is no row with a known y to score", column="y", remedy="check dates and cutoffs.")
    for name in columns:
        values = frame[name].to_numpy(dtype=float)
        bad = np.isnan(values) if infinite else ~np.isfinite(values)
        if bad.any():
            first = frame.iloc[int(np.argmax(bad))]
            problem = f"{int(bad.sum())} forecasts are missing or infinite, the first for '{first['unique_id']}'"
            remedy = "mend the model or give it a fallback; a gap cannot be scored."
            raise DataError(problem, column=name, value=first[name], remedy=remedy)
    return frame


def _keys(frame: pd.DataFrame) -> list[str]:
    return ["cutoff", "unique_id"] if "cutoff" in frame.columns else ["unique_id"]


def _each(
    frame: pd.DataFrame,
    columns: Mapping[str, str] | Models,
    loss: Callable[[Floats, Floats], Floats],
    *,
    infinite: bool = False,
) -> pd.DataFrame:
    """Mean loss by origin and series, one row each, sorted; ``columns`` maps names of models to their columns."""
    columns = dict(columns) if isinstance(columns, Mapping) else {name: name for name in _names(columns)}
    frame = _checked(frame, columns.values(), infinite=infinite)
    y = frame["y"].to_numpy(dtype=float)
    table = frame[_keys(frame)].assign(**{n: loss(y, frame[c].to_numpy(dtype=float)) for n, c in columns.items()})
    return table.groupby(_keys(frame), observed=True, sort=True).mean().reset_index()


def mae(frame: pd.DataFrame, models: Models) -> pd.DataFrame:
    """Compute the mean absolute error in units, one row a series and origin (lesson 00, section 3)."""
    return _each(frame, models, lambda y, f: np.abs(y - f))


def mse(frame: pd.DataFrame, models: Models) -> pd.DataFrame:
    """Compute the mean squared error in squared units, one row a series and origin (lesson 00, section 3)."""
    return _each(frame, models, lambda y, f: (y - f) ** 2)


def rmse(frame: pd.DataFrame, models: Models) -> pd.DataFrame:
    """Compute the root mean squared error in units, one row a series and origin (lesson 00, section 3)."""
    table = mse(frame, models)
    return table.assign(**np.sqrt(table[_names(models)]))


@explained(
    "wape(frame, models)",
    y_true='metrics read a frame: wape(backtest(panel, ["naive"]), "naive").',
    y_pred='metrics read a frame: wape(backtest(panel, ["naive"]), "naive").',
)
def wape(frame: pd.DataFrame, models: Models, *, by: Sequence[str] | None = None) -> pd.DataFrame:
    """Compute the weighted absolute percentage error, ``sum|y - f| / sum|y|`` as a share (lesson 00, section 3).

    By default pooled over all series of an origin, one row an origin (a shop orders for all items at once); ``by``
    pools otherwise: ``("cutoff", "unique_id")`` gives one row a series. Undefined (NaN) where nothing was sold.
    """
    return _pooled(_absolute_sums(frame, _names(models)), _names(models), frame, by)


def bias(frame: pd.DataFrame, models: Models, *, by: Sequence[str] | None = None) -> pd.DataFrame:
    """Compute the bias, the sum of forecasts over the sum of units, less one, as a share (lesson 00, section 3).

    It stands beside WAPE: a forecast may be near each series and far off in all, since the best forecast by absolute
    error is a median, and medians of skewed sales add up to less than what comes.

    Parameters
    ----------
    frame : DataFrame
        A scored frame.
    models : str or sequence of str
        Columns of forecasts.
    by : sequence of str, optional
        Pools over these columns' groups instead of over each origin; ``()`` pools everything.

    Returns
    -------
    DataFrame
        One row an origin (or a group), one column a model: -0.2 is a fifth too low. NaN where nothing was sold.

    Examples
    --------
    >>> import pandas as pd
    >>> bias(pd.DataFrame({"unique_id": ["cup", "mug"], "y": [4.0, 6.0], "gru": [3.0, 5.0]}), "gru")
       gru
    0 -0.2
    """
    return _pooled(_signed_sums(frame, _names(models)), _names(models), frame, by)


def _pooled(sums: pd.DataFrame, names: list[str], frame: pd.DataFrame, by: Sequence[str] | None) -> pd.DataFrame:
    """Sums by origin and series as one ratio to their total a group, an origin unless ``by`` says otherwise."""
    keys = list(by) if by is not None else [k for k in ["cutoff"] if k in frame.columns]
    values = sums[[*names, "_total"]]
    pooled = values.groupby([sums[k] for k in keys], observed=True).sum() if keys else values.sum().to_frame().T
    total = pooled.pop("_total")
    table = pooled.div(total.where(total > 0), axis=0)
    return table.reset_index() if keys else table


def _absolute_sums(frame: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Sums of absolute errors, and of y as ``_total``, by origin and series."""
    return _sums(frame, names, np.abs)


def _signed_sums(frame: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Sums of forecast less y, and of y as ``_total``, by origin and series."""
    return _sums(frame, names, lambda values: values)


def _sums(frame: pd.DataFrame, names: list[str], size: Callable[[pd.Series], pd.Series]) -> pd.DataFrame:
    frame = _checked(frame, names)
    errors = {name: size(frame[name] - frame["y"]) for name in names}
    amounts = frame[_keys(frame)].assign(**errors, _total=size(frame["y"]))
    return amounts.groupby(_keys(frame), observed=True, sort=True).sum().reset_index()


def _scaled(
    errors: pd.DataFrame, names: list[str], train: pd.DataFrame | None, seasonality: int, power: int
) -> pd.DataFrame:
    """Errors over the mean of ``|y_t - y_{t-s}|**power`` in each series' history up to the origin."""
    if train is None:
        remedy = "hand the panel in as train=; rows after an origin are left out."
        raise DataError("a scaled error needs the history before each origin", remedy=remedy)
    if seasonality < 1:
        raise DataError(
            "the season of a scale must be at least one period", value=seasonality, remedy="give 1 or more."
        )
    require_panel(train, "unique_id", "ds", "y")
    what = "the panel handed in as train="
    require_same_kind(errors, train, ["unique_id"], what)
    if "cutoff" in errors.columns:
        require_same_kind(errors, train.assign(cutoff=train["ds"]), ["cutoff"], what)
    history = (
        train[["unique_id", "ds"]].assign(y=train["y"].astype(float)).sort_values(["unique_id", "ds"], kind="stable")
    )
    lagged = history.groupby("unique_id", observed=True)["y"].shift(seasonality)
    history = history.assign(_scale=np.abs(history["y"] - lagged) ** power)
    # Without a column of origins all of train is history.
    origins = np.sort(errors["cutoff"].unique()) if "cutoff" in errors.columns else [history["ds"].max()]
    known = [history.loc[history["ds"] <= origin].assign(cutoff=origin) for origin in origins]
    scales = pd.concat(known).groupby(_keys(errors), observed=True)["_scale"].mean().reset_index()
    table = errors.merge(scales, on=_keys(errors), how="left")
    # A history without change, or shorter than the season, has no scale: undefined, not infinite.
    scale = table.pop("_scale")
    return table.assign(**table[names].div(scale.where(scale > 0), axis=0))


def mase(frame: pd.DataFrame, models: Models, *, train: pd.DataFrame | None, seasonality: int = 1) -> pd.DataFrame:
    """Divide the mean absolute error by that of the seasonal naive forecast in the history (lesson 00, section 3).

    ``train`` holds ``unique_id, ds, y``; only rows up to each row's ``cutoff`` are read. One row a series and origin;
    undefined (NaN) where the history never changed. Hyndman and Koehler (2006).
    """
    return _scaled(mae(frame, models), _names(models), train, seasonality, 1)


def rmsse(frame: pd.DataFrame, models: Models, *, train: pd.DataFrame | None, seasonality: int = 1) -> pd.DataFrame:
    """Divide the RMSE by the root mean squared (seasonal) difference of the history (lesson 00, section 3).

    As ``mase``, for squared errors: the metric of the M5 competition, Makridakis et al. (2022).
    """
    table = _scaled(mse(frame, models), _names(models), train, seasonality, 2)
    return table.assign(**np.sqrt(table[_names(models)]))


def poisson_deviance(frame: pd.DataFrame, models: Models) -> pd.DataFrame:
    """Compute the mean Poisson deviance, ``2 (y log(y/f) - y + f)``, a row a series and origin (lesson 00, section 3).

    The metric for small counts: unlike absolute error it is not won by the forecast "nothing". Where the forecast is
    zero it is zero if nothing was sold, else infinite: a model that excludes what happened has no finite deviance.
    """

    def loss(y: Floats, f: Floats) -> Floats:
        if (f < 0).any() or (y < 0).any():
            raise DataError("Poisson deviance needs forecasts and sales at or above zero", remedy="clip them at zero.")
        with np.errstate(divide="ignore", invalid="ignore"):
            return 2 * (np.where(y > 0, y * np.log(y / f), 0.0) - y + f)

    return _each(frame, models, loss)


def quantile_loss(frame: pd.DataFrame, models: Models, q: float = 0.5) -> pd.DataFrame:
    """Compute the pinball loss of forecasts of quantile ``q``, one row a series and origin (lesson 07b, section 3).

    Of each model the end of an interval that stands for the quantile is read where the frame has one (``model-hi-80``
    for ``q=0.9``), else the column ``model-q0.9``, else ``model`` itself, whatever it forecasts: so a median can be
    scored as the order that it would be. Koenker and Bassett (1978).

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"unique_id": ["cup"], "y": [10.0], "gru": [7.0], "gru-q0.9": [9.0]})
    >>> quantile_loss(frame, "gru", 0.9)["gru"].item(), quantile_loss(frame, "gru", 0.5)["gru"].item()
    (0.9, 1.5)
    """
    if not 0 < q < 1:
        raise DataError("a quantile lies strictly between 0 and 1", value=q, remedy="give 0.9 for the 90 % quantile.")
    require_scored(frame)
    columns = {name: known_quantiles(frame, name).get(round(q, 9), name) for name in _names(models)}
    return _each(frame, columns, lambda y, f: np.maximum(q * (y - f), (q - 1) * (y - f)))


@explained('coverage(frame, "gru", level=90), of a frame with gru-lo-90 and gru-hi-90')
def coverage(frame: pd.DataFrame, models: Models, level: float = 90) -> pd.DataFrame:
    """Compute the share of values inside a model's interval, ends included, a row a series and origin (lesson 07b, 2).

    Parameters
    ----------
    frame : DataFrame
        A scored frame with ``model-lo-90, model-hi-90``, or ``model-q0.05, model-q0.95`` where a model gives quantiles.
    models : str or sequence of str
        Whose intervals.
    level : float
        Their level in per cent.

    Returns
    -------
    DataFrame
        ``cutoff`` (where the frame has it), ``unique_id`` and a column a model, shares from 0 to 1. An infinite end, as
        a conformal interval has with too few calibration rows, holds every value.

    Raises
    ------
    DataError
        A model has no interval of this level, an end is NaN, or no row has a known ``y``.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"unique_id": "cup", "y": [3.0, 9.0], "gru-lo-90": [1.0, 2.0], "gru-hi-90": [5.0, 6.0]})
    >>> coverage(frame, "gru")
      unique_id  gru
    0       cup  0.5
    """
    require_scored(frame)
    ends = {name: find_interval(frame, name, level) for name in _names(models)}
    low = _each(frame, {n: e[0] for n, e in ends.items()}, lambda y, f: (y < f).astype(float), infinite=True)
    high = _each(frame, {n: e[1] for n, e in ends.items()}, lambda y, f: (y > f).astype(float), infinite=True)
    return low.assign(**{name: 1.0 - low[name] - high[name] for name in _names(models)})


class Parts(NamedTuple):
    """Holds a metric's parts: ``sum(numerator) / sum(denominator)`` over an origin's series, averaged over origins.

    ``numerator`` (models, series, origins) and ``denominator`` (series, origins) hold zero where a series has no value.
    """

    numerator: Floats
    denominator: Floats
    models: list[str]
    series: list[str]
    origins: list[Any]


def parts(
    frame: pd.DataFrame, models: Models, metric: str, *, train: pd.DataFrame | None = None, seasonality: int = 1
) -> Parts:
    """Take one of ``POINT_METRICS`` apart by series and origin, for score and bootstrap (lesson 00, section 3)."""
    names = _names(models)
    plain: dict[str, Callable[[pd.DataFrame, list[str]], pd.DataFrame]] = {
        "mae": mae,
        "mse": mse,
        "rmse": rmse,
        "poisson_deviance": poisson_deviance,
    }
    plain |= {"wape": _absolute_sums, "bias": _signed_sums}
    if metric in ("mase", "rmsse"):
        table = (mase if metric == "mase" else rmsse)(frame, names, train=train, seasonality=seasonality)
    elif metric in plain:
        table = plain[metric](frame, names)
    else:
        raise DataError("this metric is not known", value=metric, remedy=f"choose one of {', '.join(POINT_METRICS)}.")
    # An item that sold nothing keeps its errors under WAPE and bias: only the total is pooled.
    weight = table["_total"] if metric in _POOLED else table[names].notna().all(axis=1)
    row, series = pd.factorize(table["unique_id"], sort=True)
    column, origins = pd.factorize(table.get("cutoff", pd.Series(0, index=table.index)), sort=True)
    numerator = np.zeros((len(names), len(series), len(origins)))
    denominator = np.zeros((len(series), len(origins)))
    numerator[:, row, column] = np.nan_to_num(table[names].to_numpy(dtype=float).T, posinf=np.inf)
    denominator[row, column] = weight.to_numpy(dtype=float)
    return Parts(numerator, denominator, names, [str(s) for s in series], list(origins))


@explained(
    "score(frame, train=panel)",
    y_true='it reads a frame: score(backtest(panel, ["naive"]), train=panel).',
    y_pred='it reads a frame: score(backtest(panel, ["naive"]), train=panel).',
)
def score(
    frame: pd.DataFrame,
    models: Models | None = None,
    metrics: Sequence[str] | None = None,
    *,
    train: pd.DataFrame | None = None,
    seasonality: int = 1,
    by_origin: bool = False,
) -> pd.DataFrame:
    """Score models: tidy frame ``model, metric, value, origins, series, undefined`` (lesson 00, section 3).

    A value is taken within each origin (WAPE and bias pooled over its series, the others averaged over them), then
    averaged over origins.

    Parameters
    ----------
    frame : DataFrame
        A scored frame: ``unique_id, ds, cutoff, y`` and a column a model, as ``backtest`` returns it.
    models : str or sequence of str, optional
        Columns to score; all models in the frame where it is left out.
    metrics : sequence of str, optional
        Of ``POINT_METRICS``; WAPE and bias where it is left out, and RMSSE where there is a ``train``.
    train : DataFrame, optional
        The panel, ``unique_id, ds, y``, for scaled metrics; rows after an origin are left out.
    seasonality : int
        The season of scaled metrics, in periods.
    by_origin : bool
        One row an origin, with ``cutoff`` in place of ``origins``.

    Returns
    -------
    DataFrame
        One row a metric and model. ``undefined`` counts the pairs of series and origin without a value (for WAPE and
        bias: the origins without sales).

    Raises
    ------
    DataError
        A forecast is missing, a metric unknown, or a scaled one without its history; or no row has a known ``y``.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"unique_id": ["cup", "mug"], "ds": 1, "cutoff": 0, "y": [4.0, 6.0], "gru": [3.0, 5.0]})
    >>> score(frame)[["model", "metric", "value"]]
      model metric  value
    0   gru   wape    0.2
    1   gru   bias   -0.2
    """
    require_scored(frame)
    if metrics is None:
        metrics = ("wape", "bias") if train is None else ("wape", "bias", "rmsse")
    if isinstance(metrics, str):
        raise DataError("metrics is a list", value=metrics, remedy=f'write metrics=["{metrics}"].')
    rows: list[dict[str, Any]] = []
    names = model_columns(frame) if models is None else _names(models)
    pairs = int(frame.loc[frame["y"].notna(), _keys(frame)].drop_duplicates().shape[0])
    for metric in metrics:
        p = parts(frame, names, metric, train=train, seasonality=seasonality)
        total = p.denominator.sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            values = np.where(total > 0, p.numerator.sum(axis=1) / total, np.nan)
        undefined = int((total == 0).sum()) if metric in _POOLED else pairs - int((p.denominator > 0).sum())
        for name, value in zip(names, values, strict=True):
            shared = {"model": name, "metric": metric, "series": len(p.series), "undefined": undefined}
            if by_origin:
                rows += [shared | {"cutoff": o, "value": float(v)} for o, v in zip(p.origins, value, strict=True)]
            else:
                mean = float(np.nanmean(value)) if (total > 0).any() else float("nan")
                rows.append(shared | {"value": mean, "origins": len(p.origins)})
    last = ["cutoff", "value"] if by_origin else ["value", "origins"]
    return pd.DataFrame(rows, columns=["model", "metric", *last, "series", "undefined"])
