"""Chooses forecast origins, and parts a panel at one: what was known there, and what is to be forecast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ecomlib.errors import DataError, LeakageError, explained
from ecomlib.frames import require_panel
from ecomlib.panel import check_panel
from ecomlib.periods import parse_date, period_index, period_start


@explained()
def rolling_origins(
    panel: pd.DataFrame, horizon: int, count: int, *, step: int | None = None, end: Any = None
) -> list[pd.Timestamp]:
    """Return the last ``count`` origins that leave ``horizon`` periods to score (lesson 01, section 5).

    Parameters
    ----------
    panel : DataFrame
        With ``ds``. Periods of which no ``y`` is known, such as those of ``make_panel(ahead=4)``, are not scored.
    horizon, count : int
        Periods after each origin, and number of origins.
    step : int, optional
        Periods from one origin to the next; ``horizon`` unless given, so that no period is scored twice.
    end : date, optional
        The last period that may be scored; the last known one unless given.

    Returns
    -------
    list of Timestamp
        The last known period of each origin, rising.

    Raises
    ------
    DataError
        The panel is too short.

    Examples
    --------
    >>> import pandas as pd
    >>> weeks = pd.date_range("2024-01-01", periods=12, freq="7D")
    >>> [f"{origin:%d %b}" for origin in rolling_origins(pd.DataFrame({"ds": weeks, "y": 1.0}), 4, 2)]
    ['22 Jan', '19 Feb']
    """
    require_panel(panel, "ds")
    step = horizon if step is None else step
    for name, value in (("horizon", horizon), ("count", count), ("step", step)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            remedy = "write rolling_origins(panel, horizon=4, count=3)."
            raise DataError(f"{name} is a whole number of at least 1", value=value, remedy=remedy)
    known = panel["ds"][panel["y"].notna()] if "y" in panel.columns else panel["ds"]
    periods = np.sort(panel["ds"].unique())
    periods = periods[periods <= known.max()] if len(known) else periods[:0]
    if end is not None:
        periods = periods[periods <= np.datetime64(parse_date(end, "end"))]
    first = len(periods) - 1 - horizon - (count - 1) * step
    if first < 0:
        raise DataError(
            f"{len(periods)} periods are too few for {count} origins with {horizon} periods each",
            table="panel",
            column="ds",
            remedy="ask for fewer origins or a shorter horizon, or bring a longer history.",
        )
    return [pd.Timestamp(periods[first + k * step]) for k in range(count)]


def checked(panel: pd.DataFrame) -> pd.DataFrame:
    """Sort the panel by series and date, after proof that it is one with units."""
    require_panel(panel, "unique_id", "ds", "y")
    if panel.empty:
        raise DataError("no rows", table="panel", remedy="check start, end and by of make_panel.")
    if panel.duplicated(["unique_id", "ds"]).any():
        raise DataError("a series has two rows for one period", table="panel", remedy="build it with make_panel.")
    return panel.sort_values(["unique_id", "ds"], kind="stable", ignore_index=True)


def last_known(panel: pd.DataFrame) -> pd.Timestamp:
    """Find the last period of which any ``y`` is known."""
    known = panel["ds"][panel["y"].notna().to_numpy()]
    if known.empty:
        raise DataError("no units are known", table="panel", column="y", remedy="bring at least one period with sales.")
    return pd.Timestamp(known.max())


def known_part(panel: pd.DataFrame, until: Any = None) -> pd.DataFrame:
    """Take the rows of a checked panel up to a period, the last known one unless given."""
    origin = last_known(panel) if until is None else _period(panel, until)
    known = panel.loc[panel["ds"].to_numpy() <= np.datetime64(origin)].reset_index(drop=True)
    # Whatever else the panel's owner noted there may have been reckoned from all of its rows.
    known.attrs = {key: value for key, value in panel.attrs.items() if key == "freq"}
    return known


def _period(panel: pd.DataFrame, origin: Any) -> pd.Timestamp:
    """The origin, which must be a period of the panel."""
    moment = parse_date(origin, "the origin")
    if not (panel["ds"].to_numpy() == np.datetime64(moment)).any():
        raise DataError(
            "an origin must be a period of the panel (a week is named by its Monday)",
            table="panel",
            column="ds",
            value=f"{moment:%Y-%m-%d}",
            remedy="take origins from rolling_origins.",
        )
    return moment


def ahead_of(panel: pd.DataFrame, past: pd.DataFrame, horizon: int, known_ahead: Sequence[str]) -> pd.DataFrame:
    """Make the rows to forecast: ``unique_id, ds`` and what is known ahead, for each series of ``past``; never ``y``.

    Where the panel ends before the horizon does, its rows are made. Columns known ahead must then not be needed.
    """
    if "y" in known_ahead:
        raise LeakageError("'y' cannot be known ahead: it is what is forecast. What to do: take it out of known_ahead.")
    for column in known_ahead:
        if column not in panel.columns:
            raise DataError("this column is missing", table="panel", column=column, remedy="build it with make_panel.")
    bounds, freq = check_panel(past)
    origin = past["ds"].max()
    number = int(period_index(origin, freq))
    dates = period_start(np.arange(number + 1, number + horizon + 1), freq)
    series = past["unique_id"].to_numpy()[bounds[:-1]]
    wanted = pd.DataFrame({"unique_id": np.repeat(series, horizon), "ds": np.tile(dates, len(series))})
    if not known_ahead:
        return wanted
    found = panel.loc[panel["ds"].to_numpy() > np.datetime64(origin), ["unique_id", "ds", *known_ahead]]
    future = wanted.merge(found, on=["unique_id", "ds"], how="left", validate="one_to_one")
    future.attrs = {}
    there = wanted.merge(found[["unique_id", "ds"]], on=["unique_id", "ds"], how="left", indicator=True)["_merge"]
    absent = (there != "both").to_numpy()
    if absent.any():
        row = future.iloc[int(np.argmax(absent))]
        raise DataError(
            f"series '{row['unique_id']}' has no row at {row['ds']:%Y-%m-%d}, where '{known_ahead[0]}' must be known",
            table="panel",
            column="ds",
            value=f"{origin:%Y-%m-%d}",
            remedy=f"append those rows with y missing: make_panel(store, ahead={horizon}).",
        )
    return future
