"""Checks that what a user hands in as a panel is one, and says how to make it one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from ecomlib.errors import DataError

__all__ = ["require_panel", "require_scored"]

# What the columns are called elsewhere; the order is that in which a remedy proposes them.
_USUAL = {
    "unique_id": ("item_id", "series_id", "sku", "product_id", "id", "item", "product", "series", "store_nbr"),
    "ds": ("date", "timestamp", "time", "week", "day", "datetime", "ordered_at", "period", "month"),
    "y": ("sales", "units", "quantity", "demand", "target", "value", "qty", "units_sold"),
}
_MAKE = "make one with make_panel(store)."


def require_panel(panel: Any, *columns: str) -> None:
    """Refuse what is not a frame with these columns, dates in ``ds`` and numbers in ``y``.

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
    if "ds" in columns:
        dtype, zone = panel["ds"].dtype, getattr(panel["ds"].dtype, "tz", None)
        if zone is not None:
            remedy = 'take it away: panel["ds"] = panel["ds"].dt.tz_localize(None).'
            raise DataError("dates have a time zone", table="panel", column="ds", value=str(zone), remedy=remedy)
        if dtype.kind != "M":
            remedy = 'make dates of it: panel["ds"] = pd.to_datetime(panel["ds"]).'
            raise DataError("this is no date", table="panel", column="ds", value=_first(panel["ds"]), remedy=remedy)
    if "y" in columns and not pd.api.types.is_numeric_dtype(panel["y"]):
        remedy = 'make numbers of it: panel["y"] = pd.to_numeric(panel["y"]).'
        raise DataError("units are numbers", table="panel", column="y", value=_first(panel["y"]), remedy=remedy)


def require_scored(frame: Any, columns: Sequence[str] = (), keys: Sequence[str] = ("unique_id", "y")) -> None:
    """Refuse what is not a scored frame with these columns of forecasts.

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
        if name != "unique_id" and not pd.api.types.is_numeric_dtype(frame[name]):
            remedy = "name the models: score(frame, ['gru']). A panel is scored by backtest(panel, …) first."
            raise DataError("this column holds no forecasts", column=name, value=_first(frame[name]), remedy=remedy)


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
