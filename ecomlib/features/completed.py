"""Joins past and future rows to one panel and fills in what the calendar and last year say of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ecomlib.errors import DataError
from ecomlib.features.calendar import calendar
from ecomlib.features.history import last_year
from ecomlib.panel import CALENDAR, LAST_YEAR


def completed(
    past: pd.DataFrame, future: pd.DataFrame, columns: Sequence[str], static: Sequence[str] = ()
) -> pd.DataFrame:
    """Join the rows up to an origin and those after it, with the calendar and last year's columns that are asked for.

    Parameters
    ----------
    past : DataFrame
        Rows up to the origin, all columns.
    future : DataFrame
        ``unique_id, ds`` and what is known ahead; may be empty.
    columns : sequence of str
        Those that will be read. Calendar and last year's columns among them that ``past`` lacks are made here, from the
        rows up to the origin alone.
    static : sequence of str
        Columns that do not change within a series: what was known stays known.

    Returns
    -------
    DataFrame
        Sorted by series and date; ``y`` is missing after the origin.
    """
    wanted = set(columns)
    panel = pd.concat([past, future], ignore_index=True).sort_values(["unique_id", "ds"], ignore_index=True)
    for column in static:
        panel[column] = panel.groupby("unique_id", observed=True)[column].ffill()
    if wanted & set(CALENDAR) - set(past.columns):
        made = calendar(panel)
        panel = panel.assign(**{name: made[name] for name in CALENDAR if name not in past.columns})
    if wanted & set(LAST_YEAR) - set(past.columns):
        made = last_year(panel)
        panel = panel.assign(**{name: made[name] for name in made.columns if name in LAST_YEAR})
    return panel


def without_made(past: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Drop calendar and last year's columns, after proof that they are what ``completed`` makes in their place.

    Parameters
    ----------
    past : DataFrame
        Rows up to the origin, all columns.
    columns : sequence of str
        Those that will be made for past and future rows alike.

    Returns
    -------
    DataFrame

    Raises
    ------
    DataError
        The panel's own column differs, such as the holidays of another country: it cannot be made for the periods
        ahead.
    """
    brought = [column for column in columns if column in past.columns]
    bare = past.drop(columns=brought)
    if brought:
        made = completed(bare, past.iloc[:0][["unique_id", "ds"]], brought)
        own = past.sort_values(["unique_id", "ds"], ignore_index=True)
        for column in brought:
            if not np.allclose(own[column].to_numpy(dtype=float), made[column].to_numpy(dtype=float), atol=1e-6):
                raise DataError(
                    f"the panel's '{column}' is not what ecomlib makes, so it cannot be made for the periods ahead",
                    table="panel",
                    column=column,
                    remedy=f'say that the panel knows it ahead: also_known=("{column}",).',
                )
    return bare
