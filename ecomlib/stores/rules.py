"""The rules of a store's tables, run: every broken one becomes an error that can be acted on (lesson 00, section 1).

Column rules are run by pandera; keys and references between tables by own code, since they need several columns or
tables and must stay cheap for a million lines.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ecomlib.errors import DataError, MissingTableError
from ecomlib.stores.schema import KIND_WORDS, SCHEMA, Column, Table

_COORDINATES = (("latitude", "longitude"), ("row", "column"))


@dataclass(frozen=True)
class _Rule:
    """``fails`` maps a column's values to True where the rule is broken."""

    name: str
    fails: Callable[[pd.Series], np.ndarray]
    problem: str
    remedy: str


def _wrong_type(kind: str) -> Callable[[pd.Series], np.ndarray]:
    def fails(values: pd.Series) -> np.ndarray:
        dtype = values.dtype
        if kind in ("id", "text"):
            if pd.api.types.infer_dtype(values, skipna=True) in ("string", "empty"):
                return np.zeros(len(values), dtype=bool)
            return np.asarray([not (isinstance(value, str) or pd.isna(value)) for value in values.astype(object)])
        fits = {
            "count": dtype == "int64",
            "number": dtype == "float64",
            "flag": dtype == "bool",
            "day": dtype == "datetime64[ns]",
            "moment": dtype == "datetime64[ns]",
        }[kind]
        return np.full(len(values), not fits)

    return fails


def _rules(column: Column) -> list[_Rule]:
    wrong_type = _wrong_type(column.kind)

    def when_typed(fails: Callable[[pd.Series], np.ndarray]) -> Callable[[pd.Series], np.ndarray]:
        # A comparison with values of the wrong type would raise, or say the same thing twice.
        return lambda values: (
            np.zeros(len(values), dtype=bool) if wrong_type(values).any() else np.asarray(fails(values), dtype=bool)
        )

    words = KIND_WORDS[column.kind]
    rules = [_Rule("type", wrong_type, f"must hold {words}", f"convert the column to {words} ({column.means}).")]
    if not column.null:
        rules.append(
            _Rule("null", when_typed(lambda v: v.isna()), "the value is missing", f"fill it in: {column.means}.")
        )
    if column.kind == "id":
        rules.append(
            _Rule(
                "blank",
                when_typed(lambda v: v.isin([""])),
                "the identifier is empty",
                "fill it in, or leave the cell without quotes where nothing is known.",
            )
        )
    if column.kind == "day":
        rules.append(
            _Rule(
                "midnight",
                when_typed(lambda v: v.notna() & (v != v.dt.normalize())),
                "a day must not hold a time of day",
                "drop the time, for example with .dt.normalize().",
            )
        )
    if column.kind == "number":
        rules.append(
            _Rule(
                "finite",
                when_typed(lambda v: np.isinf(v.to_numpy())),
                "the number is infinite",
                "correct it in the source, or leave the cell empty where nothing is known.",
            )
        )
    above, low, high = column.above, column.low, column.high
    if above is not None:
        rules.append(
            _Rule(
                "above",
                when_typed(lambda v: v <= above),
                f"must be above {above:g} ({column.means})",
                "take cancellations and corrections out, and mark lines that came back in the column 'returned'.",
            )
        )
    if low is not None:
        what = "must not be negative" if low == 0 else f"must be at least {low:g}"
        rules.append(
            _Rule(
                "low",
                when_typed(lambda v: v < low),
                f"{what} ({column.means})",
                "correct the value, or take the row out if it is a correction in the books and not a sale.",
            )
        )
    if high is not None:
        rules.append(
            _Rule(
                "high",
                when_typed(lambda v: v > high),
                f"must be at most {high:g} ({column.means})",
                "check the unit: a share of 20 % is 0.2.",
            )
        )
    return rules


def _fault(table: str, column: str, rule: _Rule, values: pd.Series, rows: np.ndarray) -> DataError:
    bad = np.flatnonzero(rule.fails(values))
    first = values.iloc[bad[0]]
    value = str(first) if isinstance(first, pd.Timestamp) else getattr(first, "item", lambda: first)()
    problem = rule.problem + (f", not {values.dtype}" if rule.name == "type" and values.dtype != object else "")
    value = None if rule.name == "null" else value
    return DataError(problem, table=table, column=column, rows=rows[bad].tolist(), value=value, remedy=rule.remedy)


def missing_column(table: Table, column: Column, names: Sequence[str]) -> DataError:
    """The error for a required column that is not there; it names a column that looks like it, if any does."""
    spare = [name for name in names if table.column(name) is None]
    near = difflib.get_close_matches(column.name, spare, n=1, cutoff=0.6)
    remedy = f"rename '{near[0]}' to '{column.name}' if that is it, or " if near else ""
    return DataError(
        f"the column is missing; it holds {KIND_WORDS[column.kind]}: {column.means}",
        table=table.name,
        column=column.name,
        remedy=f"{remedy}add the column; the table's columns are {', '.join(map(str, names)) or 'none'}.",
    )


def _column_faults(frame: pd.DataFrame, table: Table, rows: np.ndarray) -> list[DataError]:
    import pandera.pandas as pa  # heavy, and needed only when a store is made

    rules = {column.name: {rule.name: rule for rule in _rules(column)} for column in table.columns}

    def passes(rule: _Rule) -> Callable[[pd.Series], pd.Series]:
        return lambda values: pd.Series(~np.asarray(rule.fails(values)), index=values.index)

    schema = pa.DataFrameSchema(
        {
            column.name: pa.Column(
                required=column.required,
                nullable=True,
                checks=[
                    pa.Check(passes(rule), name=rule.name, ignore_na=False, n_failure_cases=1)
                    for rule in rules[column.name].values()
                ],
            )
            for column in table.columns
        }
    )
    try:
        schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as failure:
        found = []
        cases = failure.failure_cases
        for place, rule, case in zip(cases["column"], cases["check"], cases["failure_case"], strict=True):
            if rule == "column_in_dataframe":
                column = table.column(str(case))
                assert column is not None
                found.append(missing_column(table, column, list(map(str, frame.columns))))
            else:
                found.append(_fault(table.name, place, rules[place][rule], frame[place], rows))
        return found
    return []


def _key_faults(frame: pd.DataFrame, table: Table, rows: np.ndarray) -> list[DataError]:
    key = [name for name in table.key if name in frame.columns]
    if not key or key != [name for name in table.key if name in frame.columns or name != "region_id"]:
        return []
    # One integer a row: comparing tuples of strings would be ten times slower on a daily inventory.
    code = np.zeros(len(frame), dtype=np.int64)
    for name in key:
        codes, uniques = pd.factorize(frame[name], use_na_sentinel=False)
        code = code * max(len(uniques), 1) + codes
    again = np.flatnonzero(pd.Series(code).duplicated().to_numpy())
    if not len(again):
        return []
    first = frame.iloc[again[0]]
    value = ", ".join(str(first[name].date()) if name in ("date",) else str(first[name]) for name in key)
    earlier = rows[int(np.flatnonzero(code == code[again[0]])[0])]
    return [
        DataError(
            f"each row must have its own {' and '.join(key)}; this one stands in row {earlier} already",
            table=table.name,
            column=" + ".join(key),
            rows=rows[again].tolist(),
            value=value,
            remedy="keep one of the rows that share the key, or join them into one.",
        )
    ]


def _reference_faults(frames: Mapping[str, pd.DataFrame], rows: Mapping[str, np.ndarray]) -> list[DataError]:
    found = []
    for table in SCHEMA.values():
        for column, parent in table.refers:
            if table.name not in frames or parent not in frames or column not in frames[table.name].columns:
                continue
            if column not in frames[parent].columns:
                continue
            codes, uniques = pd.factorize(frames[table.name][column])
            known = pd.Index(uniques).isin(frames[parent][column])
            # Missing values have code -1 and refer to nobody.
            bad = np.flatnonzero((codes >= 0) & ~np.append(known, True)[codes])
            if len(bad):
                found.append(
                    DataError(
                        f"unknown {column}: the table '{parent}' has no such row",
                        table=table.name,
                        column=column,
                        rows=rows[table.name][bad].tolist(),
                        value=str(uniques[codes[bad[0]]]),
                        remedy=f"add it to {parent}, or correct the identifier (spaces and leading zeros count).",
                    )
                )
    return found


def faults(frames: Mapping[str, pd.DataFrame], rows: Mapping[str, np.ndarray] | None = None) -> list[DataError]:
    """Every broken rule of these tables, one error each; an empty list where all is well.

    Parameters
    ----------
    frames: frame by table name, already passed through ``conform``.
    rows: row numbers as the owner counts them, by table; the position + 1 where they are not given.
    """
    numbers = {
        name: (rows or {}).get(name, np.arange(1, len(frame) + 1, dtype=np.int64)) for name, frame in frames.items()
    }
    found: list[DataError] = []
    for table in SCHEMA.values():
        frame = frames.get(table.name)
        if frame is None:
            if table.required:
                found.append(
                    MissingTableError(
                        "every store needs this table",
                        table=table.name,
                        remedy=f"add {table.name}.csv or {table.name}.parquet with the columns "
                        f"{', '.join(column.name for column in table.columns if column.required)}.",
                    )
                )
            continue
        found += _column_faults(frame, table, numbers[table.name])
        if not len(frame):
            remedy = "fill it" if table.required else "fill it, or take the file away"
            found.append(DataError("the table holds no rows", table=table.name, remedy=f"{remedy}."))
        found += _key_faults(frame, table, numbers[table.name])
        if table.name == "regions" and not any({*pair} <= {*frame.columns} for pair in _COORDINATES):
            found.append(
                DataError(
                    "a region needs a place on the map",
                    table="regions",
                    column="latitude",
                    remedy="add latitude and longitude (degrees), or row and column (cells of a map).",
                )
            )
    return found + _reference_faults(frames, numbers)
