"""Checks the columns that features are made of (lesson 02, section 1)."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ecomlib.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def need(frame: pd.DataFrame, table: str, *columns: str) -> None:
    """Refuse a table without these columns, or with an empty time in one of them."""
    if not isinstance(frame, pd.DataFrame):
        remedy = "hand over a frame: a panel, or a table of the store such as store.orders."
        raise DataError(f"'{table}' is a frame", value=type(frame).__name__, remedy=remedy)
    for column in columns:
        if column not in frame.columns:
            near = difflib.get_close_matches(str(column), map(str, frame.columns), n=2, cutoff=0.6)
            meant = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(map(str, frame.columns))}."
            raise DataError("the column is missing", table=table, column=column, remedy=meant)
        if pd.api.types.is_datetime64_any_dtype(frame[column]) and frame[column].isna().any():
            rows = list(np.flatnonzero(frame[column].isna())[:6] + 1)
            raise DataError("a time is empty", table=table, column=column, rows=rows, remedy="leave those rows out.")


def numbers(frame: pd.DataFrame, table: str, column: str) -> NDArray[np.float64]:
    """Take a column as float64, missing values as NaN, or refuse one that holds no numbers."""
    need(frame, table, column)
    if not pd.api.types.is_numeric_dtype(frame[column]):
        first = frame[column].iloc[0] if len(frame) else str(frame[column].dtype)
        remedy = f'make numbers of it: pd.to_numeric({table}["{column}"]).'
        raise DataError("this column holds no numbers", table=table, column=column, value=first, remedy=remedy)
    return frame[column].to_numpy(dtype=np.float64, na_value=np.nan)
