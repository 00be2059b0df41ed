"""Adds series up to categories, countries and totals: which node is the sum of which series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.sparse import coo_array, csr_array

from ecomlib.contract.frame import mean_column, sum_forecasts
from ecomlib.errors import DataError
from ecomlib.frames import require_panel

Level = tuple[str, ...]
TOTAL, SERIES = "total", "series"


@dataclass(frozen=True)
class Hierarchy:
    """Hold which series add up to which nodes.

    Made by ``Hierarchy.of``. A node is the total, a category, a country, a category in a country, or a series itself.

    Parameters
    ----------
    keys : DataFrame
        One row a series, its ``unique_id`` as index, and the columns that levels are made of.
    levels : tuple of tuple of str
        The columns of each level from coarse to fine; ``()`` is the total. The series themselves are added below.

    Attributes
    ----------
    nodes : DataFrame
        ``unique_id, level`` of all N nodes, coarse ones first and the n series last, in the order of ``keys``.
    summing : csr_array of shape (N, n)
        One where a series belongs to a node: ``summing @ series`` are all nodes.

    Examples
    --------
    >>> import pandas as pd
    >>> panel = pd.DataFrame({"unique_id": ["cup", "mug", "pan"], "category": ["tea", "tea", "stove"]})
    >>> tree = Hierarchy.of(panel, [[], ["category"]])
    >>> tree.nodes["unique_id"].tolist()
    ['total', 'category=stove', 'category=tea', 'cup', 'mug', 'pan']
    >>> (tree.summing @ [1.0, 2.0, 4.0]).tolist()
    [7.0, 4.0, 3.0, 1.0, 2.0, 4.0]
    """

    keys: pd.DataFrame
    levels: tuple[Level, ...]
    nodes: pd.DataFrame = field(init=False, repr=False)
    summing: csr_array = field(init=False, repr=False)

    def __post_init__(self) -> None:
        names: list[str] = []
        level: list[str] = []
        rows: list[np.ndarray] = []
        for columns in self.levels:
            codes, labels = _labels(self.keys, columns)
            rows.append(codes + len(names))
            names += labels
            level += [" x ".join(columns) or TOTAL] * len(labels)
        rows.append(np.arange(len(self.keys)) + len(names))
        names += [str(name) for name in self.keys.index]
        level += [SERIES] * len(self.keys)
        if len(set(names)) < len(names):
            twice = pd.Series(names)[pd.Series(names).duplicated()].iloc[0]
            raise DataError("a series and a node have the same name", value=twice, remedy="rename the series.")
        series = np.tile(np.arange(len(self.keys)), len(rows))
        place = (np.ones(len(series)), (np.concatenate(rows), series))
        summing = csr_array(coo_array(place, shape=(len(names), len(self.keys))))
        object.__setattr__(self, "nodes", pd.DataFrame({"unique_id": names, "level": level}))
        object.__setattr__(self, "summing", summing)

    @classmethod
    def of(cls, panel: pd.DataFrame, levels: Sequence[Sequence[str]]) -> Hierarchy:
        """Make a hierarchy from columns of a panel.

        Parameters
        ----------
        panel : DataFrame
            ``unique_id`` and the columns of the levels, such as ``category``: one value for each series.
        levels : sequence of sequence of str
            Such as ``[[], ["country"], ["category"], ["country", "category"]]``; ``[]`` is the total.

        Raises
        ------
        DataError
            A column is missing, empty for a series or has several values for it, or a level stands there twice.
        """
        wanted = tuple(tuple(level) for level in levels)
        if len(set(wanted)) < len(wanted) or not wanted:
            raise DataError("each level once, and one at least", value=list(levels), remedy='write [[], ["category"]].')
        columns = list(dict.fromkeys(column for level in wanted for column in level))
        require_panel(panel, "unique_id", *columns)
        keys = panel[["unique_id", *columns]].drop_duplicates()
        for column in columns:
            if keys[column].isna().any():
                who = keys.loc[keys[column].isna(), "unique_id"].iloc[0]
                remedy = f'name it: panel["{column}"] = panel["{column}"].fillna("other").'
                raise DataError("a series has no value here", table="panel", column=column, value=who, remedy=remedy)
            values = keys.groupby("unique_id", observed=True)[column].nunique()
            if (values > 1).any():
                remedy = "a series lies in one node of a level: make series by product and that column."
                who = values.index[values > 1][0]
                raise DataError("a series has two values", table="panel", column=column, value=who, remedy=remedy)
        return cls(keys.drop_duplicates("unique_id").set_index("unique_id").sort_index(), wanted)

    def add_up(self, frame: pd.DataFrame, models: str | Sequence[str] = ()) -> pd.DataFrame:
        """Sum units, and forecasts of the series, to all nodes.

        Parameters
        ----------
        frame : DataFrame
            A panel (``unique_id, ds, y``), or a forecast or scored frame.
        models : str or sequence of str, optional
            The models to sum. Where a model gives ``model-mean``, that is what is summed.

        Returns
        -------
        DataFrame
            ``unique_id`` and ``level`` of the nodes, ``ds``, ``cutoff`` and ``y`` where there are such, and the models.
            A series without a row that week counts as zero. ``attrs["point"]`` says of each model what its sums are:
            ``mean``, or ``sum of medians`` and the like at nodes above the series, which no plan should be made of.

        Raises
        ------
        DataError
            The frame holds a series that the hierarchy does not know, or lacks a model.
        """
        require_panel(frame, "unique_id")
        names = [models] if isinstance(models, str) else list(models)
        own = self.keys.index.get_indexer(frame["unique_id"])
        if (own < 0).any():
            who = frame["unique_id"].to_numpy()[own < 0][0]
            raise DataError("the hierarchy does not hold this series", value=who, remedy="make it from the same panel.")
        keep = [key for key in ("ds", "cutoff") if key in frame.columns]
        read = [name for name in ("y", *names, *map(mean_column, names)) if name in frame.columns]
        place = self.summing.tocoo()
        belongs = pd.DataFrame({"node": place.row, "series": place.col})
        long = belongs.merge(frame[[*keep, *read]].assign(series=own), on="series").drop(columns="series")
        long.attrs = dict(frame.attrs)
        summed = sum_forecasts(long, names, by=["node", *keep])
        whose = self.nodes.iloc[summed["node"]].reset_index(drop=True)
        result = pd.concat([whose, summed.drop(columns="node")], axis=1)
        result.attrs["point"] = summed.attrs["point"]
        return result


def _labels(keys: pd.DataFrame, columns: Level) -> tuple[np.ndarray, list[str]]:
    """For each series the number of its node in a level; the nodes' names."""
    if not columns:
        return np.zeros(len(keys), dtype=int), [TOTAL]
    grouped = keys.groupby(list(columns), observed=True, sort=True)
    names = [key if isinstance(key, tuple) else (key,) for key in grouped.groups]
    labels = [", ".join(f"{column}={value}" for column, value in zip(columns, name, strict=True)) for name in names]
    return grouped.ngroup().to_numpy(), labels
