"""Checks that what a user hands in as a panel is one, and says how to make it one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ecomlib.errors import DataError

__all__ = ["is_number", "require_panel", "require_same_kind", "require_scored"]

_KEYS = ("unique_id", "ds", "cutoff")

# What the columns are called elsewhere; the order is that in which a remedy proposes them.
_USUAL = {
    "unique_id": ("item_id", "series_id", "sku", "product_id", "id", "item", "product", "series", "store_nbr"),
    "ds": ("date", "timestamp", "time", "week", "day", "datetime", "ordered_at", "period", "month"),
    "y": ("sales", "units", "quantity", "demand", "target", "value", "qty", "units_sold"),
}
_MAKE = "make one with make_panel(store)."


def require_panel(panel: Any, *columns: str) -> None:
    """Refuse what is not a frame with these columns: text in ``unique_id``, dates in ``ds``, finite numbers in ``y``.

    Parameters
    ----------
    panel : object
        What the user handed in.
    *columns : str
        The columns that it must have.

    Raises
    ------
    DataError
        Anything else; the message says how to make a panel of it.

    Examples
    --------
    >>> require_panel(pd.DataFrame({"item_id": ["mug"], "date": ["2024-01-01"], "sales": [2]}), "unique_id", "ds", "y")
    Traceback (most recent call last):
    ecomlib.errors.DataError: table 'panel', column 'unique_id': the column is missing. What to do: rename yours: \
panel.rename(columns={'item_id': 'unique_id', 'date': 'ds', 'sales': 'y'}).
    """
    if not isinstance(panel, pd.DataFrame):
        kind = type(panel).__name__
        raise DataError("a panel is a frame with unique_id, ds and y", value=kind, remedy=_made_of(panel))
    absent = [column for column in columns if column not in panel.columns]
    if absent:
        raise DataError("the column is missing", table="panel", column=absent[0], remedy=_remedy(panel, absent))
    if "unique_id" in columns:
        _require_text(panel["unique_id"])
    if "ds" in columns:
        _refuse_zone(panel, "ds", "panel")
        if panel["ds"].dtype.kind != "M":
            remedy = 'make dates of it: panel["ds"] = pd.to_datetime(panel["ds"]).'
            raise DataError("this is no date", table="panel", column="ds", value=_first(panel["ds"]), remedy=remedy)
        _refuse_gaps(panel, "ds", "panel")
    if "y" in columns:
        if not is_number(panel["y"]):
            remedy = 'make numbers of it: panel["y"] = pd.to_numeric(panel["y"]).'
            raise DataError("units are numbers", table="panel", column="y", value=_first(panel["y"]), remedy=remedy)
        _refuse_infinite(panel, "panel")


def require_scored(frame: Any, columns: Sequence[str] = (), keys: Sequence[str] = ("unique_id", "y")) -> None:
    """Refuse what is not a scored frame with these columns of forecasts.

    Infinite ``y``, dates with a time zone and rows without a series or an origin are refused: they would make a score
    that is no number, or silently be left out of it.

    Parameters
    ----------
    frame : object
        What the user handed in.
    columns : sequence of str
        Columns of forecasts that it must have.
    keys : sequence of str
        What it must have beside these.

    Raises
    ------
    DataError
        Anything else; the message says how to make a scored frame.

    Examples
    --------
    >>> require_scored([1.0, 2.0])
    Traceback (most recent call last):
    ecomlib.errors.DataError: a scored frame is needed (found 'list'). What to do: hand over what backtest returned, \
or a frame with unique_id, y and a column a model.
    """
    if not isinstance(frame, pd.DataFrame):
        remedy = "hand over what backtest returned, or a frame with unique_id, y and a column a model."
        raise DataError("a scored frame is needed", value=type(frame).__name__, remedy=remedy)
    for name in (*keys, *columns):
        if name not in frame.columns:
            remedy = "score a frame that backtest returned, and name its columns."
            if name == "y" and "cutoff" in frame.columns:
                remedy = 'a forecast has no y: join it, forecast.merge(panel[["unique_id", "ds", "y"]]), or backtest.'
            raise DataError("this column is missing from the scored frame", column=str(name), remedy=remedy)
        if (name == "y" or name in columns) and not is_number(frame[name]):
            remedy = "name the models: score(frame, ['gru']). A panel is scored by backtest(panel, …) first."
            if name == "y" or _all_numbers(frame[name]):
                remedy = f'make numbers of it: frame["{name}"] = pd.to_numeric(frame["{name}"]).'
            what = "units are numbers" if name == "y" else "this column holds no forecasts"
            raise DataError(what, column=str(name), value=_first(frame[name]), remedy=remedy)
    for name in _KEYS:
        if name in frame.columns:
            _refuse_zone(frame, name, "frame")
            _refuse_gaps(frame, name, "frame")
    if "y" in keys:
        _refuse_infinite(frame, "frame")


def require_same_kind(left: pd.DataFrame, right: pd.DataFrame, keys: Sequence[str], what: str) -> None:
    """Refuse two frames that are to be joined where a key is text in one and no text in the other, or no date.

    Parameters
    ----------
    left, right : DataFrame
        Both hold the keys.
    keys : sequence of str
        The columns by which they are joined.
    what : str
        What ``right`` is to the user, such as ``"the panel handed in as train="``.
    """
    for key in keys:
        kinds = _kind(left[key]), _kind(right[key])
        if len(left) and len(right) and kinds[0] != kinds[1]:
            made = f'frame["{key}"].astype(str)' if key == "unique_id" else f'pd.to_datetime(frame["{key}"])'
            remedy = f'make the same of both, such as frame["{key}"] = {made}.'
            problem = f"the frame holds {kinds[0]} and {what} {kinds[1]}: their rows cannot be found in each other"
            raise DataError(problem, column=key, value=_first(left[key]), remedy=remedy)


def is_number(values: pd.Series) -> bool:
    """Tell whether a column is one of real numbers; numbers written as text are none."""
    return pd.api.types.is_numeric_dtype(values) and values.dtype.kind != "c"


def _all_numbers(values: pd.Series) -> bool:
    return bool(len(values)) and bool(pd.to_numeric(values, errors="coerce").notna().all())


def _kind(values: pd.Series) -> str:
    """What a key holds, as a reader would say it."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = pd.Series(values.cat.categories)
    return {"M": "dates", "i": "numbers", "u": "numbers", "f": "numbers"}.get(values.dtype.kind, "text")


def _require_text(ids: pd.Series) -> None:
    """Names of series are text: numbers sort otherwise than their text, and categories name series without a row."""
    plain = ids.dtype == object
    if plain and pd.api.types.infer_dtype(ids, skipna=False) in ("string", "empty"):
        return
    _refuse_gaps(ids.to_frame(), "unique_id", "panel")
    if isinstance(ids.dtype, pd.StringDtype) or not len(ids):
        return
    wrong = next(name for name in ids if not isinstance(name, str)) if plain else ids.iloc[0]
    raise DataError(
        "the names of series must be text",
        table="panel",
        column="unique_id",
        value=f"{wrong}, {type(wrong).__name__ if plain else ids.dtype}",
        remedy='make text of them: panel["unique_id"] = panel["unique_id"].astype(str).',
    )


def _refuse_zone(frame: pd.DataFrame, column: str, name: str) -> None:
    zone = getattr(frame[column].dtype, "tz", None)
    if zone is not None:
        remedy = f'take it away: {name}["{column}"] = {name}["{column}"].dt.tz_localize(None).'
        raise DataError("dates have a time zone", table=name, column=column, value=str(zone), remedy=remedy)


def _refuse_gaps(frame: pd.DataFrame, column: str, name: str) -> None:
    gaps = frame[column].isna().to_numpy()
    if gaps.any():
        remedy = f'leave these rows out, {name}.dropna(subset="{column}"), or fill them.'
        rows = (np.flatnonzero(gaps) + 1).tolist()
        raise DataError("a row is empty here", table=name, column=column, rows=rows, remedy=remedy)


def _refuse_infinite(frame: pd.DataFrame, name: str) -> None:
    y = frame["y"].to_numpy(dtype=float, na_value=np.nan)
    rows = np.flatnonzero(np.isinf(y)).tolist()
    if rows:
        remedy = "mend the table, or leave y empty where it was not observed."
        place: dict[str, Any] = {"table": name, "column": "y", "rows": [row + 1 for row in rows]}
        raise DataError("an observed value is infinite", **place, value=float(y[rows[0]]), remedy=remedy)


def _first(values: pd.Series) -> object:
    return values.iloc[0] if len(values) else str(values.dtype)


def _made_of(given: Any) -> str:
    """The way from something else to a panel."""
    if hasattr(given, "orders") and hasattr(given, "products"):
        return "this is a store: panel = make_panel(store)."
    if hasattr(given, "to_pandas"):
        return f"hand over a pandas frame, {type(given).__name__.lower()}.to_pandas(), with unique_id, ds and y."
    if isinstance(given, pd.Series):
        return (
            'one series is a panel too: pd.DataFrame({"unique_id": "mug", "ds": series.index, "y": series.to_numpy()}).'
        )
    if isinstance(given, str) or hasattr(given, "forecaster") or hasattr(given, "fit"):
        return f"the panel comes first, then the rest; {_MAKE}"
    return f'{_MAKE} From arrays: pd.DataFrame({{"unique_id": names, "ds": dates, "y": units}}).'


def _remedy(panel: pd.DataFrame, absent: list[str]) -> str:
    """The way to the absent columns: out of the index, by another name, or from wide to long."""
    if "unique_id" in absent and panel.index.nlevels == 1 and isinstance(panel.index, pd.DatetimeIndex):
        return "a panel is long, a row a series and period: stack your columns (melt), with the dates as ds."
    if set(absent) & set(panel.index.names):
        return "it is in the index: panel.reset_index()."
    lower = {str(column).lower(): column for column in reversed(panel.columns)}
    names = {
        lower[word]: column
        for column in absent
        for word in next(([w] for w in (column, *_USUAL.get(column, ())) if w in lower), [])
    }
    if names:
        rest = [column for column in absent if column not in names.values()]
        more = f" Then add {', '.join(rest)}." if rest else ""
        return f"rename yours: panel.rename(columns={names}).{more}"
    return "make it with make_panel(store), or name the columns of yours unique_id, ds and y."
