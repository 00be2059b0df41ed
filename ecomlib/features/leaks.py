"""Looks for features that read the future, by giving the future other values (lesson 01, section 5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ecomlib.errors import DataError

if TYPE_CHECKING:
    from ecomlib.stores import Store

Features = Callable[[Any], Any]  # a frame or a store to a DataFrame or a Series

# When a row of a store's table became known.
_TIMES = {
    "orders": "ordered_at",
    "prices": "date",
    "inventory": "date",
    "sessions": "started_at",
    "mailings": "date",
    "reviews": "written_at",
    "listings": "valid_from",
}
# Numbers of a store's tables that may take any value above zero without any other table having to agree.
_FREE = ("quantity", "unit_price", "on_hand_start", "received", "sold")


def find_leaks(
    features: Features | Mapping[str, Features],
    frame: pd.DataFrame | Store,
    cuts: Sequence[Any],
    rng: np.random.Generator,
    *,
    planned: Sequence[str] = (),
    same_moment: bool = True,
) -> pd.DataFrame:
    """Give the future other values and report what moved in the past, feature by feature (lesson 01, section 5).

    At each cut ``features`` is computed three times: from the frame as it is, from one in which **every** column has
    new values after the cut, and from one that ends soon after it. To deal out the future's own values in another order
    would not do: their mean, spread, least, greatest and ranks stay what they were, and a scaler fitted on all rows
    would pass. One cut would not do either: a mean "up to" a fixed date is honest after that date and a leak before.

    What moves has read the future. What does not move has not been caught at these cuts: this finds leaks, it cannot
    show that there are none.

    Parameters
    ----------
    features : callable, or mapping of names to callables
        Takes a frame like ``frame`` and returns columns on its rows (in the same order, or with its index).
    frame : DataFrame or Store
        ``ds`` and columns; ``unique_id`` if there are several series. Facts, which never change within a series, keep
        their values. Of a whole store the events from the cut on are changed, and what ``features`` returns has ``ds``
        and ``product_id`` (or ``unique_id``).
    cuts : sequence of dates
        Rows up to and including the cut are the past; several, far apart.
    planned : sequence of str
        Columns of a frame whose future the shop knows, because it is its own plan (prices); they keep their values.
    same_moment : bool
        True: a feature may use its own row, as a mean "up to the date" does. False: only rows before it, which is right
        for a row of which the label is still to come. A store's events of the moment itself are never known.

    Returns
    -------
    A row a feature: ``feature, values`` (compared, at all cuts), ``changed`` (share of them), ``cuts`` (at how many of
    them any changed) and ``finding``, the same in words. A row of the past that comes or goes with the future counts as
    changed.

    Raises
    ------
    DataError
        A cut with nothing before or after it, or features that do not fit the frame's rows.
    """
    if isinstance(features, Mapping):
        tables = {
            name: find_leaks(one, frame, cuts, rng, planned=planned, same_moment=same_moment)
            for name, one in features.items()
        }
        for name, table in tables.items():
            table["feature"] = name if len(table) == 1 else f"{name}: " + table["feature"]
        return pd.concat(tables.values(), ignore_index=True)
    if isinstance(frame, pd.DataFrame) and (missing := {"ds", *planned} - set(frame.columns)):
        raise DataError("the column is missing", table="frame", column=", ".join(sorted(missing)))
    counts: dict[str, np.ndarray] = {}  # a feature's values compared, those that changed, and cuts at which any did
    moments = [pd.Timestamp(cut) for cut in cuts]
    if not moments:
        raise DataError("no cut to look at", value=tuple(cuts), remedy="name several dates within the frame.")
    for moment in moments:
        if isinstance(frame, pd.DataFrame):
            found = _in_frame(features, frame, moment, rng, planned, same_moment)
        else:
            found = _in_store(features, frame, moment, rng)
        for name, moved in found.items():
            one = np.array([len(moved), moved.sum(), moved.any()])
            counts[str(name)] = counts.get(str(name), np.zeros(3, dtype=int)) + one
    table = pd.DataFrame(
        [(name, values, changed / max(values, 1), at) for name, (values, changed, at) in counts.items()],
        columns=["feature", "values", "changed", "cuts"],
    )
    words = [
        f"reads the future: {share:.1%} of its values moved, at {at} of {len(moments)} cuts"
        if at
        else f"nothing found at {len(moments)} cut{'s' * (len(moments) > 1)}"
        for share, at in zip(table["changed"], table["cuts"], strict=True)
    ]
    return table.assign(finding=words)


def past_changes(
    before: pd.DataFrame | pd.Series, after: pd.DataFrame | pd.Series, moment: pd.Timestamp
) -> pd.DataFrame:
    """Mark the values up to ``moment`` that differ in two frames with ``ds`` and an id; absent rows count as changed.

    Of the very moment only rows that both have are compared: what is launched or priced in that week may come or go.
    """
    tables = []
    for table in (before, after):
        names = list(table.columns) if isinstance(table, pd.DataFrame) else []
        keys = [key for key in ("unique_id", "product_id", "region_id") if key in names]
        keys = keys[:1] if keys[:1] == ["unique_id"] else keys
        if not keys or "ds" not in names or table.duplicated([*keys, "ds"]).any():
            remedy = "let it return product_id (or unique_id) and ds beside its features, one row of each."
            raise DataError("the features of a store name no product and day", table="features", remedy=remedy)
        tables.append(table.drop(columns=[n for n in ("product_id", "region_id") if n in names and n not in keys]))
        tables[-1] = tables[-1].set_index([*keys, "ds"])
    old, new = (table[table.index.get_level_values("ds") <= moment] for table in tables)
    both = old.index.intersection(new.index)
    gone = old.index.union(new.index).difference(both)
    kept = both.append(gone[gone.get_level_values("ds") < moment])
    return _moved(old.reindex(kept), new.reindex(kept)) | np.asarray(~kept.isin(both))[:, None]


def _in_store(features: Features, store: Store, moment: pd.Timestamp, rng: np.random.Generator) -> pd.DataFrame:
    """Which past values of each feature move when the store's events from the cut on are other ones."""
    moved = past_changes(features(store), features(other_future(store, moment, rng)), moment)
    if moved.empty or not (store.orders["ordered_at"] >= moment).any():
        raise _one_sided(moment)
    return moved


def _one_sided(moment: pd.Timestamp) -> DataError:
    remedy = "take a date with rows up to it and rows after it."
    return DataError("nothing lies on one side of the cut", column="ds", value=moment, remedy=remedy)


def _in_frame(
    features: Features,
    frame: pd.DataFrame,
    moment: pd.Timestamp,
    rng: np.random.Generator,
    planned: Sequence[str],
    same_moment: bool,
) -> pd.DataFrame:
    """Which past values of each feature move when the frame's future has other values, or ends early."""
    past = (frame["ds"] <= moment).to_numpy()
    later = ~past if same_moment else (frame["ds"] >= moment).to_numpy()
    if past.all() or not past.any():
        raise _one_sided(moment)
    rows = pd.RangeIndex(len(frame))
    usual = _placed(features(frame), frame, rows)
    others = [(_new_values(frame, later, rng, planned), rows)]
    if not planned:  # an early end would take a known plan away as well, and call its use a leak
        days = np.unique(frame["ds"].to_numpy())
        kept = (frame["ds"] <= rng.choice(days[(days >= frame.loc[past, "ds"].max()) & (days < days[-1])])).to_numpy()
        others.append((frame[kept], rows[kept]))
    moved = pd.DataFrame(False, index=rows[past], columns=usual.columns)
    for other, place in others:
        moved |= _moved(usual.reindex(rows[past]), _placed(features(other), other, place).reindex(rows[past]))
    return moved


def _placed(made: Any, frame: pd.DataFrame, rows: pd.Index) -> pd.DataFrame:
    """The features with the place of each row in the whole frame as their index."""
    keys = ("unique_id", "ds")
    if isinstance(made, pd.Series):  # a feature made of a key keeps the key's name, and is a feature all the same
        table = made.to_frame("feature" if made.name is None or made.name in keys else made.name)
    else:
        table = made.drop(columns=[name for name in keys if name in made])
    if not len(table.columns):
        remedy = "return a column beside unique_id and ds, under a name of its own."
        raise DataError("there is no feature to look at", table="features", value=list(made.columns), remedy=remedy)
    unique = frame.index.is_unique and table.index.is_unique
    place = frame.index.get_indexer(table.index) if unique else np.array([-1])
    if (place >= 0).all():
        return table.set_axis(rows[place])
    if len(table) != len(frame):
        remedy = "return one row a row of the frame, or keep the frame's index."
        raise DataError("the features do not fit the frame's rows", table="features", value=len(table), remedy=remedy)
    return table.set_axis(rows)


def _moved(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Where two frames of the same rows differ; numbers by more than rounding."""
    moved = pd.DataFrame(True, index=old.index, columns=old.columns)
    for name in old.columns.intersection(new.columns):
        a, b = old[name], new[name]
        if pd.api.types.is_numeric_dtype(a) and pd.api.types.is_numeric_dtype(b):
            left, right = (v.to_numpy(dtype="float64", na_value=np.nan) for v in (a, b))
            moved[name] = ~np.isclose(left, right, rtol=1e-7, atol=1e-12, equal_nan=True)
        else:
            left, right = a.astype(object), b.astype(object)
            moved[name] = ~((left == right) | (left.isna() & right.isna())).to_numpy()
    return moved


def _new_values(
    frame: pd.DataFrame, later: np.ndarray, rng: np.random.Generator, planned: Sequence[str]
) -> pd.DataFrame:
    """The frame with new values in every column of the rows ``later``; names, dates and facts stay."""
    series = frame["unique_id"] if "unique_id" in frame else pd.Series(0, index=frame.index)
    out = frame.copy()
    for name in frame.columns.difference(["ds", "unique_id", *planned], sort=False):
        if frame[name].groupby(series.to_numpy(), observed=True).nunique(dropna=False).le(1).all():
            continue  # a fact about the product: its category, its size
        values = frame[name].copy()
        values.iloc[np.flatnonzero(later)] = other_values(values[later], values, rng).to_numpy()
        out[name] = values
    return out


def other_values(some: pd.Series, column: pd.Series, rng: np.random.Generator) -> pd.Series:
    """Make new values of the same kind as ``some``, of which ``column`` shows what is possible.

    Truth values are turned round, shares stay between 0 and 1, counts stay whole and above zero, names are another of
    the column's names.
    """
    dealt = some.sample(frac=1, random_state=rng).set_axis(some.index)
    if pd.api.types.is_bool_dtype(column.dtype):
        return ~some
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return dealt + pd.to_timedelta(rng.integers(1, 400, len(some)), unit="D")
    if not pd.api.types.is_numeric_dtype(column.dtype):
        names = pd.Index(column.dropna().unique())
        where = names.get_indexer(pd.Index(some))
        step = rng.integers(1, max(len(names), 2), len(some))  # at least one further: none keeps its own
        return pd.Series(names.take((where + step) % len(names)), index=some.index) if len(names) else some
    if pd.api.types.is_integer_dtype(column.dtype):
        known = column.dropna()
        if known.isin([0, 1]).all():
            return 1 - some
        return dealt * rng.integers(2, 5, len(some)) + rng.integers(1, 9, len(some))
    known = column.dropna()
    if known.isin([0.0, 1.0]).all():
        return 1.0 - some
    if known.between(0, 1).all():
        return (dealt * 0 + rng.random(len(some))).astype(column.dtype)
    whole = bool((known % 1 == 0).all())
    factor = rng.integers(2, 5, len(some)) if whole else rng.uniform(1.5, 4.0, len(some))
    more = rng.integers(1, 9, len(some)) if whole else rng.uniform(0.1, 1.0, len(some)) * float(known.std() or 1.0)
    return (dealt * factor + more).astype(column.dtype)


def other_future(store: Store, moment: pd.Timestamp, rng: np.random.Generator) -> Store:
    """Return the same store up to ``moment`` and another after it, unchecked: its tables no longer agree.

    A third of every table's later rows is lost, the rest is dealt anew, and amounts are other ones. Returns of orders
    from the thirty days before, which are not known yet, are turned round.
    """
    tables = dict(store.tables())
    fresh = rng.spawn(1)[0]
    for table, time in ((name, time) for name, time in _TIMES.items() if name in tables):
        frame = tables[table]
        later = (frame[time] > moment if table == "listings" else frame[time] >= moment).to_numpy()
        if table == "orders" and "returned" in frame:
            recent = later | (frame[time] >= moment - pd.Timedelta(days=30)).to_numpy()
            frame = frame.assign(returned=frame["returned"].mask(recent, ~frame["returned"].fillna(False).astype(bool)))
        rows = np.flatnonzero(later)
        left = len(rows) if table == "listings" else 2 * len(rows) // 3  # listings are numbered: none is lost
        kept, source = frame.drop(index=frame.index[rows]), frame.iloc[rng.permutation(rows)[:left]]
        other = frame.iloc[rows[: len(source)]].copy()
        for column in other.columns.difference([time]):
            other[column] = source[column].to_numpy()
        for column in other.columns.intersection(_FREE):
            other[column] = other_values(other[column], frame[column], fresh)
        tables[table] = pd.concat([kept, other]).sort_index()
    changed = object.__new__(type(store))
    changed.__dict__.update({**store.__dict__, **tables})
    return changed
