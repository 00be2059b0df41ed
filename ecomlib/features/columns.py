"""Checks the columns that features are made of."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ecomlib.errors import DataError


def need(frame: pd.DataFrame, table: str, *columns: str) -> None:
    """Refuse a table without these columns, or with an empty time in one of them."""
    for column in columns:
        if column not in frame.columns:
            raise DataError("the column is missing", table=table, column=column, remedy="check its spelling.")
        if pd.api.types.is_datetime64_any_dtype(frame[column]) and frame[column].isna().any():
            rows = list(np.flatnonzero(frame[column].isna())[:6] + 1)
            raise DataError("a time is empty", table=table, column=column, rows=rows, remedy="leave those rows out.")
