"""Puts tables of one form on top of each other, such as the exports of twelve months."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ecomlib.errors import DataError
from ecomlib.stores.export.mapping import ExportMapping
from ecomlib.stores.export.read_export import ExportTable
from ecomlib.stores.export.role import plain


@dataclass
class Stack:
    """Hold tables with the same columns as one: its rows know the file and the row that they come from."""

    names: tuple[str, ...]
    frame: pd.DataFrame
    files: np.ndarray
    rows: np.ndarray
    typed: set[str] = field(default_factory=set)

    def fault(self, problem: str, column: str, bad: pd.Series, remedy: str) -> DataError:
        """Make the error that names file, column, rows and the first value of the rows where ``bad`` is True.

        Parameters
        ----------
        bad : Series of bool
            Over rows of ``frame``, or some of them.
        """
        at = np.asarray(bad.index[bad.to_numpy()])
        file = self.files[at[0]]
        rows = [int(row) for row, from_file in zip(self.rows[at], self.files[at], strict=True) if from_file == file]
        value = self.frame[column].iloc[at[0]] if column in self.frame else None
        value = value if value is None or len(str(value)) <= 60 else str(value)[:57] + "…"
        return DataError(problem, table=self.names[file], column=column, rows=rows, value=value, remedy=remedy)


def stack(tables: Sequence[ExportTable]) -> list[Stack]:
    """Join the tables that have the same columns, whatever their order, case and accents."""
    groups: dict[frozenset[str], list[ExportTable]] = {}
    for table in tables:
        groups.setdefault(frozenset(map(plain, table.frame.columns)), []).append(table)
    return [_joined(group) for group in groups.values()]


def _joined(group: Sequence[ExportTable]) -> Stack:
    first = list(group[0].frame.columns)
    frames, typed = [], set(first)
    for table in group:
        known = {plain(column): column for column in reversed(list(table.frame.columns))}
        same = {known[plain(column)]: column for column in first if table is not group[0]}
        frames.append(table.frame.rename(columns=same)[first])
        typed &= {same.get(column, column) for column in table.typed}
    return Stack(
        tuple(table.name for table in group),
        pd.concat(frames, ignore_index=True),
        np.repeat(np.arange(len(group)), [len(table.frame) for table in group]),
        np.concatenate([table.rows for table in group]),
        typed,
    )


def idle(stacks: Iterable[Stack], mapping: ExportMapping) -> dict[str, list[str]]:
    """List the columns that a mapping reads nothing from, by the part whose files hold them; empty ones are no news."""
    found = {}
    for name, part in mapping.parts().items():
        home = find(stacks, part.files, [part.key, *part.columns.values()])
        if home is not None:
            read = {part.key, *part.columns.values(), *(mapping.keep if name == "lines" else ())}
            found[name] = [str(c) for c in home.frame if c not in read and home.frame[c].notna().any()]
    return found


def find(stacks: Iterable[Stack], files: Sequence[str], columns: Iterable[str]) -> Stack | None:
    """Find the stack that a part of a mapping means: by its files' names, else by the columns that it must have."""
    wanted = {column for column in columns if column}
    fit = [one for one in stacks if wanted <= set(one.frame.columns)]
    return next((one for one in fit if set(one.names) & set(files)), fit[0] if fit else None)
