"""Metrics of forecasts, and what is done when a denominator is zero (lesson 00, section 3).

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

from ecomlib.errors import DataError

Floats = NDArray[np.float64]
IDENTIFIERS = ("unique_id", "ds", "cutoff", "y")
POINT_METRICS = ("mae", "mse", "rmse", "wape", "mase", "rmsse", "poisson_deviance")


def model_columns(frame: pd.DataFrame) -> list[str]:
    """Names of the point forecasts in a scored frame: all columns but identifiers, ``y`` and interval ends."""
    return [c for c in frame.columns if c not in IDENTIFIERS and "-lo-" not in c and "-hi-" not in c]


def _names(models: str | Sequence[str]) -> list[str]:
    return [models] if isinstance(models, str) else list(models)


def _checked(frame: pd.DataFrame, columns: Iterable[str]) -> pd.DataFrame:
    """The rows that can be scored, after the columns were found complete."""
    columns = list(columns)
    for name in ["unique_id", "y", *columns]:
        if name not in frame.columns:
            raise DataError(
                "this column is missing from the scored frame",
                column=name,
                remedy="score a frame that backtest returned, and name its columns.",
            )
    frame = frame.loc[frame["y"].notna().to_numpy()]
    if frame.empty:
        raise DataError("there is no row with a known y to score", column="y", remedy="check dates and cutoffs.")
    for name in columns:
        bad = ~np.isfinite(frame[name].to_numpy(dtype=float))
        if bad.any():
            first = frame.iloc[int(np.argmax(bad))]
            raise DataError(
                f"{int(bad.sum())} forecasts are missing or infinite, the first for '{first['unique_id']}'",
                column=name,
                value=first[name],
                remedy="mend the model or give it a fallback; a gap cannot be scored.",
            )
    return frame


def _keys(frame: pd.DataFrame) -> list[str]:
    return ["cutoff", "unique_id"] if "cutoff" in frame.columns else ["unique_id"]


def _per_series(frame: pd.DataFrame, losses: Mapping[str, Floats]) -> pd.DataFrame:
    """Mean of each loss by origin and series: one row each, sorted."""
    keys = _keys(frame)
    table = frame[keys].assign(**losses)
    return table.groupby(keys, observed=True, sort=True).mean().reset_index()


def _arrays(frame: pd.DataFrame, model: str) -> tuple[Floats, Floats]:
    return frame["y"].to_numpy(dtype=float), frame[model].to_numpy(dtype=float)


def _point(frame: pd.DataFrame, models: str | Sequence[str], loss: Callable[[Floats, Floats], Floats]) -> pd.DataFrame:
    names = _names(models)
    frame = _checked(frame, names)
    return _per_series(frame, {name: loss(*_arrays(frame, name)) for name in names})


def mae(frame: pd.DataFrame, models: str | Sequence[str]) -> pd.DataFrame:
    """Mean absolute error in units, one row a series and origin (lesson 00, section 3)."""
    return _point(frame, models, lambda y, f: np.abs(y - f))


def mse(frame: pd.DataFrame, models: str | Sequence[str]) -> pd.DataFrame:
    """Mean squared error in squared units, one row a series and origin (lesson 00, section 3)."""
    return _point(frame, models, lambda y, f: (y - f) ** 2)


def rmse(frame: pd.DataFrame, models: str | Sequence[str]) -> pd.DataFrame:
    """Root of the mean squared error in units, one row a series and origin (lesson 00, section 3)."""
    table = mse(frame, models)
    table[_names(models)] = np.sqrt(table[_names(models)])
    return table


def wape(frame: pd.DataFrame, models: str | Sequence[str], *, by: Sequence[str] | None = None) -> pd.DataFrame:
    """Weighted absolute percentage error, ``sum|y - f| / sum|y|`` as a share (lesson 00, section 3).

    By default pooled over all series of an origin, one row an origin (a shop orders for all items at once); ``by``
    pools otherwise: ``("cutoff", "unique_id")`` gives one row a series. Undefined (NaN) where nothing was sold.
    """
    names = _names(models)
    frame = _checked(frame, names)
    keys = list(by) if by is not None else [k for k in ["cutoff"] if k in frame.columns]
    sums = pd.DataFrame({name: np.abs(np.subtract(*_arrays(frame, name))) for name in names})
    sums["_total"] = np.abs(frame["y"].to_numpy(dtype=float))
    for key in keys:
        sums[key] = frame[key].to_numpy()
    pooled = sums.groupby(keys, observed=True, sort=True).sum() if keys else sums.sum().to_frame().T
    total = pooled["_total"].where(pooled["_total"] > 0)
    table = pooled[names].div(total, axis=0)
    return table.reset_index() if keys else table


def _history_scale(frame: pd.DataFrame, train: pd.DataFrame, seasonality: int, power: int) -> pd.DataFrame:
    """Mean of ``|y_t - y_{t-s}|**power`` in the history up to each origin, for each series."""
    if seasonality < 1:
        raise DataError(
            "the season of a scale must be at least one period", value=seasonality, remedy="give 1 or more."
        )
    history = train[["unique_id", "ds", "y"]].sort_values(["unique_id", "ds"], kind="stable")
    lagged = history.groupby("unique_id", observed=True)["y"].shift(seasonality)
    history = history.assign(_scale=np.abs(history["y"] - lagged) ** power)
    if "cutoff" not in frame.columns:
        return history.groupby("unique_id", observed=True)["_scale"].mean().reset_index()
    scales = []
    for cutoff in np.sort(frame["cutoff"].unique()):
        known = history.loc[history["ds"] <= cutoff]
        scales.append(known.groupby("unique_id", observed=True)["_scale"].mean().reset_index().assign(cutoff=cutoff))
    return pd.concat(scales, ignore_index=True)


def _scaled(
    errors: pd.DataFrame,
    names: list[str],
    frame: pd.DataFrame,
    train: pd.DataFrame | None,
    seasonality: int,
    power: int,
) -> pd.DataFrame:
    if train is None:
        raise DataError(
            "a scaled error needs the history before each origin",
            remedy="hand the panel in as train=; later rows are cut.",
        )
    table = errors.merge(_history_scale(frame, train, seasonality, power), on=_keys(frame), how="left")
    # A history without change, or shorter than the season, has no scale: undefined, not infinite.
    scale = table.pop("_scale")
    table[names] = table[names].div(scale.where(scale > 0), axis=0)
    return table


def mase(
    frame: pd.DataFrame, models: str | Sequence[str], *, train: pd.DataFrame | None, seasonality: int = 1
) -> pd.DataFrame:
    """Mean absolute error over that of the seasonal naive forecast in the history (lesson 00, section 3).

    ``train`` holds ``unique_id, ds, y``; only rows up to each row's ``cutoff`` are read. One row a series and origin;
    undefined (NaN) where the history never changed. Hyndman and Koehler (2006).
    """
    return _scaled(mae(frame, models), _names(models), frame, train, seasonality, 1)


def rmsse(
    frame: pd.DataFrame, models: str | Sequence[str], *, train: pd.DataFrame | None, seasonality: int = 1
) -> pd.DataFrame:
    """Root mean squared error over the root mean squared (seasonal) difference of the history (lesson 00, section 3).

    As ``mase``, for squared errors: the metric of the M5 competition, Makridakis et al. (2022).
    """
    names = _names(models)
    table = _scaled(mse(frame, names), names, frame, train, seasonality, 2)
    table[names] = np.sqrt(table[names])
    return table


def poisson_deviance(frame: pd.DataFrame, models: str | Sequence[str]) -> pd.DataFrame:
    """Mean Poisson deviance, ``2 (y log(y/f) - y + f)``, one row a series and origin (lesson 00, section 3).

    The metric for small counts: unlike absolute error it is not won by the forecast "nothing". Where the forecast is
    zero it is zero if nothing was sold, else infinite: a model that excludes what happened has no finite deviance.
    """

    def loss(y: Floats, f: Floats) -> Floats:
        if (f < 0).any() or (y < 0).any():
            raise DataError("Poisson deviance needs forecasts and sales at or above zero", remedy="clip them at zero.")
        with np.errstate(divide="ignore", invalid="ignore"):
            log_part = np.where(y > 0, y * np.log(y / f), 0.0)
        return 2 * (log_part - y + f)

    return _point(frame, models, loss)


def quantile_loss(frame: pd.DataFrame, models: str | Sequence[str] | Mapping[str, str], q: float = 0.5) -> pd.DataFrame:
    """Pinball loss of a forecast of quantile ``q``, one row a series and origin (lesson 07, section 6).

    ``models`` are columns, or a mapping from a model's name to its column for this quantile. Koenker, Bassett (1978).
    """
    if not 0 < q < 1:
        raise DataError("a quantile lies strictly between 0 and 1", value=q, remedy="give 0.9 for the 90 % quantile.")
    columns = dict(models) if isinstance(models, Mapping) else {name: name for name in _names(models)}
    frame = _checked(frame, columns.values())
    losses = {}
    for name, column in columns.items():
        y, f = _arrays(frame, column)
        losses[name] = np.maximum(q * (y - f), (q - 1) * (y - f))
    return _per_series(frame, losses)


def coverage(frame: pd.DataFrame, models: str | Sequence[str], level: int = 90) -> pd.DataFrame:
    """Share of values inside ``model-lo-LEVEL`` and ``model-hi-LEVEL``, ends included (lesson 07, section 3)."""
    names = _names(models)
    frame = _checked(frame, [f"{name}-{end}-{level}" for name in names for end in ("lo", "hi")])
    y = frame["y"].to_numpy(dtype=float)
    inside = {
        name: (
            (y >= frame[f"{name}-lo-{level}"].to_numpy(dtype=float))
            & (y <= frame[f"{name}-hi-{level}"].to_numpy(dtype=float))
        ).astype(float)
        for name in names
    }
    return _per_series(frame, inside)


class Parts(NamedTuple):
    """A metric taken apart: ``sum(numerator) / sum(denominator)`` over an origin's series, averaged over origins.

    ``numerator`` (models, series, origins) and ``denominator`` (series, origins) hold zero where a series has no value.
    """

    numerator: Floats
    denominator: Floats
    models: list[str]
    series: list[str]
    origins: list[Any]


def parts(
    frame: pd.DataFrame,
    models: str | Sequence[str],
    metric: str,
    *,
    train: pd.DataFrame | None = None,
    seasonality: int = 1,
) -> Parts:
    """Take one of ``POINT_METRICS`` apart by series and origin, for score and bootstrap (lesson 00, section 3)."""
    names = _names(models)
    if metric == "wape":
        checked = _checked(frame, names)
        totals = {name: np.abs(np.subtract(*_arrays(checked, name))) for name in names}
        keys = _keys(checked)
        amounts = checked[keys].assign(**totals, _total=np.abs(checked["y"].to_numpy(dtype=float)))
        table = amounts.groupby(keys, observed=True, sort=True).sum().reset_index()
        weight = table["_total"].to_numpy(dtype=float)
    else:
        if metric in ("mase", "rmsse"):
            scaled = mase if metric == "mase" else rmsse
            table = scaled(frame, names, train=train, seasonality=seasonality)
        elif metric in POINT_METRICS:
            plain = {"mae": mae, "mse": mse, "rmse": rmse, "poisson_deviance": poisson_deviance}[metric]
            table = plain(frame, names)
        else:
            raise DataError(
                "this metric is not known", value=metric, remedy=f"choose one of {', '.join(POINT_METRICS)}."
            )
        weight = table[names].notna().all(axis=1).to_numpy(dtype=float)
    series, series_names = pd.factorize(table["unique_id"], sort=True)
    origin = table["cutoff"] if "cutoff" in table.columns else pd.Series(0, index=table.index)
    column, origins = pd.factorize(origin, sort=True)
    shape = (len(series_names), len(origins))
    numerator = np.zeros((len(names), *shape))
    denominator = np.zeros(shape)
    denominator[series, column] = weight
    for k, name in enumerate(names):
        numerator[k, series, column] = np.where(weight > 0, table[name].to_numpy(dtype=float), 0.0)
        if metric == "wape":  # errors on items that sold nothing count: only the denominator is pooled
            numerator[k, series, column] = table[name].to_numpy(dtype=float)
    return Parts(numerator, denominator, names, [str(s) for s in series_names], list(origins))


def score(
    frame: pd.DataFrame,
    models: str | Sequence[str] | None = None,
    metrics: Sequence[str] = ("wape", "rmsse"),
    *,
    train: pd.DataFrame | None = None,
    seasonality: int = 1,
    by_origin: bool = False,
) -> pd.DataFrame:
    """Score models: tidy frame ``model, metric, value, series, origins, undefined`` (lesson 00, section 3).

    A value is taken within each origin (WAPE pooled over its series, the others averaged over them), then averaged over
    origins. ``undefined`` counts the pairs of series and origin that have no value (see the module's rules).
    ``by_origin=True`` adds a column ``cutoff`` and gives one row an origin instead.
    """
    rows: list[dict[str, Any]] = []
    names = model_columns(frame) if models is None else _names(models)
    pairs = int(frame.loc[frame["y"].notna(), _keys(frame)].drop_duplicates().shape[0])
    for metric in metrics:
        p = parts(frame, names, metric, train=train, seasonality=seasonality)
        total = p.denominator.sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            values = np.where(total > 0, p.numerator.sum(axis=1) / total, np.nan)
        undefined = pairs - int((p.denominator > 0).sum()) if metric != "wape" else int((total == 0).sum())
        for name, value in zip(names, values, strict=True):
            shared = {"model": name, "metric": metric, "series": len(p.series), "undefined": undefined}
            if by_origin:
                rows += [shared | {"cutoff": o, "value": float(v)} for o, v in zip(p.origins, value, strict=True)]
            else:
                known = value[~np.isnan(value)]
                mean = float(known.mean()) if known.size else float("nan")
                rows.append(shared | {"value": mean, "origins": len(p.origins)})
    last = ["cutoff", "value"] if by_origin else ["value", "origins"]
    return pd.DataFrame(rows, columns=["model", "metric", *last, "series", "undefined"])
