"""Sets forecasts beside what costs nothing: last week, a mean, last year, and ordering nothing (lesson 00, section 5).

A rule is made from the history alone and needs no proof; what was learned has to be better than all of them. Whoever
forecasts nothing has a WAPE of 1: on a shop that sells seldom that is hard to beat, and it is no forecast.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ecomlib.contract.frame import find_interval, mean_column
from ecomlib.errors import DataError
from ecomlib.evaluation.coverage_by_size import SizeCoverage, coverage_by_size
from ecomlib.evaluation.metrics import bias, wape
from ecomlib.frames import require_panel, require_scored
from ecomlib.panel import frequency

NOTHING = "ordering nothing"
MOST_BIAS = 0.5  # of the units sold: what is further off is no forecast of them, whatever its WAPE
WINDOW = 8  # periods of the mean

# What a column may be called: by its registered name, or as the lessons write it.
LAST_NAMES, MEAN_NAMES = ("naive", "last week"), ("mean of 8 weeks", "window_mean")
YEAR_NAMES, NOTHING_NAMES = ("seasonal naive", "seasonal_naive", "last year"), (NOTHING, "nothing")
RULE_NAMES = (*LAST_NAMES, *MEAN_NAMES, *YEAR_NAMES, *NOTHING_NAMES)
_WORDS = (
    dict.fromkeys(LAST_NAMES, "last week")
    | dict.fromkeys(MEAN_NAMES, "the mean of 8 weeks")
    | dict.fromkeys(YEAR_NAMES, "last year")
    | dict.fromkeys(NOTHING_NAMES, NOTHING)
    | {"exponential_smoothing": "smoothing", "lightgbm": "LightGBM", "gru": "the network", "average": "the average"}
)


def word_of(name: str) -> str:
    """Say what a column of forecasts is, as a shop-keeper would.

    Examples
    --------
    >>> word_of("naive"), word_of("seasonal_naive"), word_of("GRU")
    ('last week', 'last year', 'GRU')
    """
    return _WORDS.get(name, name)


def with_rivals(frame: pd.DataFrame, history: pd.DataFrame) -> pd.DataFrame:
    """Add the rules that a scored frame lacks: last value, mean of eight, the same period of last year, and nothing.

    Parameters
    ----------
    frame : DataFrame
        ``unique_id, ds, cutoff, y`` and a column a model.
    history : DataFrame
        ``unique_id, ds, y``, of every series in ``frame``; only what lies up to a row's cutoff is read.

    Returns
    -------
    DataFrame
        With ``naive``, ``mean of 8 weeks``, ``seasonal naive`` and ``ordering nothing``, unless the frame has the rule
        by another of its names. A row without a last year has the last value; where none has one the rule is left away.

    Raises
    ------
    DataError
        A series has no history at a cutoff.

    Examples
    --------
    >>> import pandas as pd
    >>> weeks = pd.date_range("2024-01-01", periods=3, freq="7D")
    >>> history = pd.DataFrame({"unique_id": "mug", "ds": weeks, "y": [2.0, 4.0, 6.0]})
    >>> with_rivals(history.iloc[2:].assign(cutoff=weeks[1], gru=5.0), history).iloc[0, 4:].to_dict()
    {'gru': 5.0, 'naive': 4.0, 'mean of 8 weeks': 3.0, 'ordering nothing': 0.0}
    """
    require_panel(history, "unique_id", "ds", "y")
    require_scored(frame)
    known = history.loc[history["y"].notna(), ["unique_id", "ds", "y"]].sort_values(["unique_id", "ds"])
    year = pd.DateOffset(years=1) if frequency(history) == "MS" else pd.Timedelta(days=364)  # 364 keep the weekday
    place, frame = frame.index, frame.reset_index(drop=True)
    before = known.rename(columns={"ds": "_before", "y": "_year"})
    parts = []
    for cutoff, part in frame.groupby("cutoff", sort=False):
        groups = known[known["ds"] <= cutoff].groupby("unique_id", observed=True)["y"]
        last, mean = groups.last(), groups.tail(WINDOW).groupby(known["unique_id"], observed=True).mean()
        values = part[["unique_id", "ds"]].assign(_before=part["ds"] - year)
        found = values.merge(before, on=["unique_id", "_before"], how="left")["_year"].to_numpy(dtype=float)
        found = np.where(part["ds"] - year <= cutoff, found, np.nan)  # a horizon beyond a year has none yet
        naive = part["unique_id"].map(last).to_numpy(dtype=float)
        if np.isnan(naive).any():
            who = part["unique_id"].iloc[int(np.argmax(np.isnan(naive)))]
            raise DataError(
                f"the series '{who}' has no history at its cutoff",
                table="history",
                value=f"{cutoff:%Y-%m-%d}",
                remedy="hand in the panel from which the forecasts were made.",
            )
        rules: dict[tuple[str, ...], np.ndarray] = {
            LAST_NAMES: naive,
            MEAN_NAMES: part["unique_id"].map(mean).to_numpy(dtype=float),
        }
        rules |= {YEAR_NAMES: found, NOTHING_NAMES: np.zeros(len(part))}
        lacking = {names[0]: values for names, values in rules.items() if not set(names) & set(frame.columns)}
        parts.append(part.assign(**lacking, _naive=naive))
    full = pd.concat(parts).sort_index().set_axis(place) if parts else frame.assign(_naive=0.0)
    naive = full.pop("_naive")
    if YEAR_NAMES[0] in full and not set(YEAR_NAMES) & set(frame.columns):
        had = full[YEAR_NAMES[0]].notna()
        full[YEAR_NAMES[0]] = full[YEAR_NAMES[0]].fillna(naive)
        full = full if had.any() else full.drop(columns=YEAR_NAMES[0])
    full.attrs = dict(frame.attrs)
    return full


def fair(biases: pd.Series) -> list[str]:
    """List the models that forecast this shop: those whose sum misses the units sold by half at most.

    Examples
    --------
    >>> import pandas as pd
    >>> fair(pd.Series({"naive": 0.1, "gru": -0.9, "ordering nothing": -1.0}))
    ['naive']
    """
    return [str(name) for name, value in biases.items() if abs(value) <= MOST_BIAS and name not in NOTHING_NAMES]


def errors_of(
    frame: pd.DataFrame, models: Sequence[str], costs: pd.DataFrame | None = None, *, pooled: bool = False
) -> pd.DataFrame:
    """Tabulate each model's ``wape``, ``bias`` of the sum, ``bias_mean`` and ``money``; NaN where nothing was sold.

    Parameters
    ----------
    frame : DataFrame
        A scored frame.
    models : sequence of str
    costs : DataFrame, optional
        Per ``unique_id`` (its index): what a unit costs that is ``short``, and one that is ``over``.
    pooled : bool
        One ratio over all origins; without it each origin counts alike, as in ``score`` and ``compare``.

    Returns
    -------
    DataFrame
        A row a model, in order. ``bias_mean``: of its column of means, or of its own. ``money``: what the errors would
        cost a period, had the forecast been ordered; NaN unless every series has its costs.
    """
    names, columns = list(models), ["wape", "bias", "bias_mean", "money"]
    if not frame["y"].notna().any():
        return pd.DataFrame({"model": names}).assign(**dict.fromkeys(columns, np.nan))
    require_scored(frame, names)
    known = frame.loc[frame["y"].notna().to_numpy()]
    means = {name: mean_column(name) if mean_column(name) in known else name for name in names}
    by = () if pooled or "cutoff" not in known else ("cutoff",)
    error, leaning = wape(known, names, by=by), bias(known, list(dict.fromkeys([*names, *means.values()])), by=by)
    rows = []
    for name in names:
        off, money = known["y"] - known[name], np.nan
        if costs is not None:
            price = costs.reindex(known["unique_id"])
            cost = off.clip(lower=0).to_numpy() * price["short"].to_numpy(dtype=float)
            cost = cost + (-off).clip(lower=0).to_numpy() * price["over"].to_numpy(dtype=float)
            money = float(cost.sum() / known["ds"].nunique())  # NaN if one of them has no cost
        rows.append((name, float(error[name].mean()), float(leaning[name].mean()), leaning[means[name]].mean(), money))
    return pd.DataFrame(rows, columns=["model", *columns]).astype(dict.fromkeys(columns, float))


def coverages(frame: pd.DataFrame, models: Sequence[str], earlier: pd.Series, level: float = 90) -> pd.DataFrame:
    """Tabulate how many intervals held, where a model has them: plain, by units, of the larger half, of its best tenth.

    Parameters
    ----------
    frame, earlier, level
        As in ``coverage_by_size``.
    models : sequence of str

    Returns
    -------
    DataFrame
        ``model, coverage, coverage_weighted, coverage_large, coverage_top``; NaN for models without intervals.
    """
    rows = []
    for name in models:
        try:
            find_interval(frame, name, level)
        except DataError:  # it promises nothing
            found = SizeCoverage.unknown(level)
        else:
            found = coverage_by_size(frame, name, earlier, level)
        rows.append((name, found.plain, found.weighted, found.larger, found.best))
    names = ["model", "coverage", "coverage_weighted", "coverage_large", "coverage_top"]
    return pd.DataFrame(rows, columns=names).astype(dict.fromkeys(names[1:], float))
