"""Names the columns of forecast frames, and reads them: the one spelling of points, means, quantiles and intervals.

A forecast frame holds ``unique_id, ds, cutoff`` and, for a model called ``gru``, the column ``gru`` (its point
forecast), and where the model gives them ``gru-mean``, ``gru-q0.75`` (a quantile), ``gru-lo-90`` and ``gru-hi-90`` (the
ends of a 90 % interval, as in utilsforecast). A scored frame also holds ``y``. What ``gru`` itself is, a median or a
mean, stands in ``frame.attrs["point"]``; a column that is overwritten by hand keeps what was declared of it before, and
pandas drops ``attrs`` where it joins frames whose ``attrs`` differ: ``join_frames`` keeps them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from ecomlib.errors import DataError
from ecomlib.frames import require_same_kind, require_scored

KEYS = ("unique_id", "ds", "cutoff")
_INTERVAL = re.compile(r"^(?P<model>.+)-(?P<side>lo|hi)-(?P<level>\d+(\.\d+)?)$")
_QUANTILE = re.compile(r"^(?P<model>.+)-q(?P<share>0?\.\d+)$")


def check_name(name: str) -> str:
    """Refuse a model's name that would read as another column of the frame; return it otherwise.

    Refused are ``unique_id``, ``ds``, ``cutoff``, ``y``, no name at all, and names that end as parts of a model do:
    ``-mean`` (whether or not a model of the name before it stands beside it), ``-q0.9``, ``-lo-90``, ``-hi-90``.

    Raises
    ------
    DataError
        Such a name.

    Examples
    --------
    >>> check_name("gru")
    'gru'
    """
    if not isinstance(name, str) or not name:
        raise DataError("a model's name is a text", value=name, remedy='write it so: "my_model".')
    remedy = 'take another name, such as "my_model".'
    if name in (*KEYS, "y"):
        raise DataError("a model cannot have the name of a column that every frame holds", value=name, remedy=remedy)
    if _INTERVAL.match(name) or _QUANTILE.match(name) or name.endswith("-mean"):
        problem = "a model's name cannot end as its mean, its quantiles and its intervals do (-mean, -q0.9, -lo-90)"
        remedy = f'write it without hyphens: "{re.sub(r"[^0-9a-zA-Z_]+", "_", name)}".'
        raise DataError(problem, value=name, remedy=remedy)
    return name


def quantile_column(model: str, share: float) -> str:
    """Name the column of a model's quantile.

    Examples
    --------
    >>> quantile_column("gru", 0.75)
    'gru-q0.75'
    """
    return f"{model}-q{share:g}"


def interval_columns(model: str, level: float = 90) -> tuple[str, str]:
    """Name the two ends of a model's interval; ``level`` is in per cent.

    Examples
    --------
    >>> interval_columns("gru", 90)
    ('gru-lo-90', 'gru-hi-90')
    """
    if not 0 < level < 100:
        raise DataError("the level of an interval is in per cent", value=level, remedy="write 90 for nine in ten.")
    if level < 1:
        raise DataError("the level of an interval is in per cent", value=level, remedy=f"write {100 * level:g}.")
    return f"{model}-lo-{level:g}", f"{model}-hi-{level:g}"


def mean_column(model: str) -> str:
    """Name the column of a model's mean, beside a point forecast that is none.

    Examples
    --------
    >>> mean_column("gru")
    'gru-mean'
    """
    return f"{model}-mean"


def quantile_columns(frame: pd.DataFrame, model: str) -> dict[float, str]:
    """Find the quantiles that a frame holds for a model: share to column, rising.

    Examples
    --------
    >>> import pandas as pd
    >>> quantile_columns(pd.DataFrame(columns=["gru", "gru-q0.9", "gru-q0.1"]), "gru")
    {0.1: 'gru-q0.1', 0.9: 'gru-q0.9'}
    """
    found = {}
    for column in map(str, frame.columns):
        match = _QUANTILE.match(column)
        if match and match["model"] == model:
            found[float(match["share"])] = column
    return dict(sorted(found.items()))


def interval_levels(frame: pd.DataFrame, model: str) -> list[float]:
    """Find the levels, in per cent, of the intervals that a frame holds for a model, widest first."""
    found = [match for column in map(str, frame.columns) if (match := _INTERVAL.match(column))]
    ends = {
        side: {float(m["level"]) for m in found if m["model"] == model and m["side"] == side} for side in ("lo", "hi")
    }
    return sorted(ends["lo"] & ends["hi"], reverse=True)


def model_of(column: str) -> str:
    """Name the model that a column belongs to: ``gru`` for ``gru-q0.9`` and ``gru-lo-90``, else the column itself.

    Examples
    --------
    >>> model_of("gru-q0.9"), model_of("gru-hi-90"), model_of("gru")
    ('gru', 'gru', 'gru')
    """
    match = _INTERVAL.match(column) or _QUANTILE.match(column)
    return match["model"] if match else column


def known_quantiles(frame: pd.DataFrame, model: str) -> dict[float, str]:
    """Find every quantile that a frame holds for a model, whatever its spelling: share to column, rising.

    The ends of an interval are the quantiles that they stand for, 0.05 and 0.95 for 90 %, and a point forecast that is
    a median is the quantile 0.5. The ends go before a quantile of the same share, as in ``find_interval``: where a
    frame holds both, the ends were calibrated and the quantiles are a member's own. A quantile goes before the point.

    Examples
    --------
    >>> import pandas as pd
    >>> known_quantiles(pd.DataFrame(columns=["gru", "gru-lo-90", "gru-hi-90", "gru-q0.75"]), "gru")
    {0.05: 'gru-lo-90', 0.75: 'gru-q0.75', 0.95: 'gru-hi-90'}
    """
    found = {0.5: model} if model in frame.columns and point_of(frame, model) == "median" else {}
    found |= quantile_columns(frame, model)
    for level in interval_levels(frame, model):
        for share, column in zip(_shares(level), interval_columns(model, level), strict=True):
            found[share] = column
    return dict(sorted(found.items()))


def find_interval(frame: pd.DataFrame, model: str, level: float = 90) -> tuple[str, str]:
    """Find the two columns that bound a model's interval: ``gru-lo-90, gru-hi-90``, else ``gru-q0.05, gru-q0.95``.

    Raises
    ------
    DataError
        The frame has neither.

    Examples
    --------
    >>> import pandas as pd
    >>> find_interval(pd.DataFrame(columns=["gru", "gru-q0.05", "gru-q0.95"]), "gru", 90)
    ('gru-q0.05', 'gru-q0.95')
    """
    ends = interval_columns(model, level)
    if set(ends) <= set(frame.columns):
        return ends
    own = quantile_columns(frame, model)
    low, high = _shares(level)
    if low in own and high in own:
        return own[low], own[high]
    have = [f"{known:g} %" for known in interval_levels(frame, model)] + [f"the quantile {share:g}" for share in own]
    raise DataError(
        f"there is no {level:g} % interval of '{model}' in the frame",
        column=ends[0],
        value=", ".join(have) or None,
        remedy=f"make one with split_conformal, or forecast the quantiles {low:g} and {high:g}.",
    )


def _shares(level: float) -> tuple[float, float]:
    """The quantiles that the ends of an interval of this level, in per cent, stand for."""
    return round(0.5 - level / 200, 9), round(0.5 + level / 200, 9)


def model_columns(frame: pd.DataFrame, also: Iterable[str] = ()) -> list[str]:
    """List the models in a frame: columns of numbers that are no key, no ``y``, and no part of a model.

    Parameters
    ----------
    frame : DataFrame
        A forecast or scored frame.
    also : iterable of str
        More columns that are no model, such as ``category``.

    Returns
    -------
    list of str

    Examples
    --------
    >>> import pandas as pd
    >>> model_columns(pd.DataFrame(columns=["unique_id", "ds", "cutoff", "y", "gru", "gru-mean", "gru-lo-90"]))
    ['gru']
    """
    columns = [str(column) for column in frame.columns]
    others = {*KEYS, "y", *also}
    return [
        c
        for c in columns
        if c not in others
        and not _INTERVAL.match(c)
        and not _QUANTILE.match(c)
        and not (c.endswith("-mean") and c.removesuffix("-mean") in columns)
    ]


def point_of(frame: pd.DataFrame, model: str) -> str:
    """Tell what a model's column is: ``median``, ``mean``, ``neither``, or ``unknown`` where the frame does not say."""
    return str(frame.attrs.get("point", {}).get(model, "unknown"))


def join_frames(frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Join forecast or scored frames, and keep what they declare of their models' columns.

    Frames with the same columns are put beneath each other, as back-tests of other origins; frames with other models
    are put side by side, and must then hold the same rows.

    Parameters
    ----------
    frames : iterable of DataFrame
        Each with ``unique_id, ds, cutoff``. Columns that several frames hold must hold the same there.

    Returns
    -------
    DataFrame
        In the order of the first frame. ``attrs["point"]`` holds what the frames agree on, ``attrs["seconds"]`` the sum
        of theirs.

    Raises
    ------
    DataError
        A row stands in two frames of the same models, rows differ, or a column of two frames does.

    Examples
    --------
    >>> import pandas as pd
    >>> keys = {"unique_id": ["cup"], "ds": [pd.Timestamp("2024-01-08")], "cutoff": [pd.Timestamp("2024-01-01")]}
    >>> first, second = pd.DataFrame({**keys, "gru": 2.0}), pd.DataFrame({**keys, "trees": 3.0})
    >>> first.attrs["point"], second.attrs["point"] = {"gru": "median"}, {"trees": "mean"}
    >>> join_frames([first, second]).attrs["point"]
    {'gru': 'median', 'trees': 'mean'}
    """
    parts = [frames] if isinstance(frames, pd.DataFrame) else list(frames)
    for part in parts:
        if not isinstance(part, pd.DataFrame) or not set(KEYS) <= set(part.columns):
            remedy = "hand in what backtest or forecast returned, with unique_id, ds and cutoff."
            raise DataError("only forecast frames can be joined", value=type(part).__name__, remedy=remedy)
        require_scored(part, keys=KEYS)
        if part.duplicated([*KEYS]).any():
            raise DataError("a frame holds a row twice", remedy="drop the rows that stand there twice.")
    if not parts:
        raise DataError("there is no frame to join", remedy="write join_frames([first, second]).")
    whole = parts[0].copy()
    for part in parts[1:]:
        whole = _beneath(whole, part) if set(whole.columns) == set(part.columns) else _beside(whole, part)
    whole.attrs = {}
    words: dict[str, set[str]] = {}
    seconds: dict[str, float] = {}
    for part in parts:
        for model in {name for other in parts for name in other.attrs.get("point", {})} & set(part.columns):
            words.setdefault(model, set()).add(point_of(part, model))
        for model, spent in part.attrs.get("seconds", {}).items():
            seconds[model] = seconds.get(model, 0.0) + spent
    known = {model: next(iter(word)) for model, word in words.items() if len(word) == 1}
    whole.attrs["point"] = {name: known[name] for name in map(str, whole.columns) if name in known}
    if seconds:
        whole.attrs["seconds"] = seconds
    return whole


def _beneath(upper: pd.DataFrame, lower: pd.DataFrame) -> pd.DataFrame:
    whole = pd.concat([upper, lower[upper.columns]], ignore_index=True)
    if whole.duplicated([*KEYS]).any():
        row = whole.loc[whole.duplicated([*KEYS])].iloc[0]
        raise DataError(
            "two frames hold the same models at the same row",
            value=f"{row['unique_id']}, {row['ds']:%Y-%m-%d}, from {row['cutoff']:%Y-%m-%d}",
            remedy="join frames of other origins, or give the models other names.",
        )
    return whole


def _beside(left: pd.DataFrame, right: pd.DataFrame) -> pd.DataFrame:
    both = [column for column in left.columns if column in right.columns and column not in KEYS]
    require_same_kind(left, right, KEYS, "another one")
    there = left[[*KEYS]].merge(right, on=[*KEYS], how="left", indicator="_there")
    if len(left) != len(right) or (there["_there"] != "both").any():
        raise DataError(
            f"frames of other models must hold the same rows, and these hold {len(left)} and {len(right)}",
            remedy="backtest the models at the same origins with the same horizon.",
        )
    for column in both:
        if not there[column].equals(left[column].reset_index(drop=True)):
            raise DataError(
                "a column that two frames hold is not the same in both",
                column=column,
                remedy="leave it out of one of them, or give the model another name.",
            )
    own = there.drop(columns=[*KEYS, *both, "_there"]).set_axis(left.index)
    return pd.concat([left, own], axis=1)


def _summable(frame: pd.DataFrame, model: str) -> str:
    """The column of a model that may be summed: its mean, if it gives one, else the model itself."""
    return mean_column(model) if mean_column(model) in frame.columns else model


def sum_forecasts(
    frame: pd.DataFrame, models: str | Sequence[str], by: str | Sequence[str] = ("ds", "cutoff")
) -> pd.DataFrame:
    """Sum forecasts over series, and say what the sums are.

    Only means add up: a sum of medians of skewed sales lies below the median of the sum, and further below its mean.
    Where a model gives ``model-mean``, that is what is summed.

    Parameters
    ----------
    frame : DataFrame
        A forecast or scored frame; ``y`` is summed too (unknown where one of its rows is).
    models : str or sequence of str
        The models to sum.
    by : str or sequence of str
        The columns that stay, such as ``ds`` or ``category``.

    Returns
    -------
    DataFrame
        Columns ``by``, ``y`` where there is one, and one a model. ``attrs["point"]`` says of each model ``mean``, or
        ``sum of medians`` and the like, which ``require_mean`` refuses.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"ds": pd.Timestamp("2024-01-01"), "unique_id": ["cup", "mug"], "gru": [1.0, 2.0]})
    >>> frame.attrs["point"] = {"gru": "median"}
    >>> total = sum_forecasts(frame, "gru", by="ds")
    >>> total["gru"].tolist(), total.attrs["point"]
    ([3.0], {'gru': 'sum of medians'})
    """
    names = [models] if isinstance(models, str) else list(models)
    require_scored(frame, keys=())
    keys = [by] if isinstance(by, str) else [key for key in by if key in frame.columns or key != "cutoff"]
    for column in [*keys, *names]:
        if column not in frame.columns:
            raise DataError("this column is missing from the forecast frame", column=column, remedy="name its columns.")
    require_scored(frame, [_summable(frame, name) for name in names], keys=())
    table = frame[keys].assign(**{name: frame[_summable(frame, name)].to_numpy(dtype=float) for name in names})
    if "y" in frame.columns:
        table.insert(len(keys), "y", frame["y"].to_numpy(dtype=float))
    groups = table.groupby(keys, observed=True, sort=True)
    total = groups.agg(lambda values: values.sum(skipna=False)).reset_index() if len(table) else table
    plural = {"median": "sum of medians", "neither": "sum of points that are no means", "unknown": "unknown"}
    words = {name: "mean" if mean_column(name) in frame.columns else point_of(frame, name) for name in names}
    total.attrs["point"] = {name: plural.get(word, word) for name, word in words.items()}
    return total


def require_mean(frame: pd.DataFrame, model: str) -> str:
    """Return the column that holds a model's mean, or refuse.

    Decisions that add forecasts up (a season's order, a budget, a plan) need means.

    Raises
    ------
    DataError
        The frame holds no mean of this model, or does not say what its column is.
    """
    if model not in frame.columns:
        raise DataError("this model is not in the frame", column=model, remedy="name one of its columns.")
    column = _summable(frame, model)
    word: Any = "mean" if column != model else point_of(frame, model)
    if word != "mean":
        raise DataError(
            f"a mean is needed here, and this column is: {word}",
            column=model,
            remedy="take a forecaster whose point is a mean, such as one trained on squared error or counts.",
        )
    return column
