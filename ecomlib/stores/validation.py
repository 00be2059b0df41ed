"""Validates a store's tables: every broken rule becomes an error that can be acted on (lesson 00, section 1).

Column rules are run by pandera; keys and references between tables by own code, since they need several columns or
tables. Whatever several rules ask of a column is worked out once: a daily inventory has millions of rows.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial

import numpy as np
import pandas as pd

from ecomlib.errors import DataError, MissingTableError
from ecomlib.stores.schema import KIND_WORDS, SCHEMA, Column, Table

_DTYPES = {"count": "int64", "number": "float64", "flag": "bool", "day": "datetime64[ns]", "moment": "datetime64[ns]"}
_DAY = 86_400_000_000_000
_COORDINATES = (("latitude", "longitude"), ("row", "column"))


class _Look:
    """One column of one table, with what its rules share; masks are True where a rule is broken."""

    def __init__(self, values: pd.Series, kind: str) -> None:
        self.values, self.kind = values, kind

    @cached_property
    def codes(self) -> tuple[np.ndarray, pd.Index]:
        """A number for each value (-1 where it is missing), and the distinct values."""
        codes, distinct = pd.factorize(self.values)
        return codes, pd.Index(distinct, dtype=object if self.kind == "id" else None)

    def among(self, bad: np.ndarray) -> np.ndarray:
        """From a mask of distinct values to a mask of rows; missing values are never bad."""
        return np.append(bad, False)[self.codes[0]] if bad.any() else np.zeros(len(self.values), dtype=bool)

    @cached_property
    def mistyped(self) -> np.ndarray:
        if self.kind in ("id", "text"):
            if pd.api.types.infer_dtype(self.values, skipna=True) in ("string", "empty"):
                return np.zeros(len(self.values), dtype=bool)
            return np.array([not (isinstance(value, str) or value is None or value != value) for value in self.values])
        return np.full(len(self.values), self.values.dtype != _DTYPES[self.kind])

    @cached_property
    def missing(self) -> np.ndarray:
        return self.codes[0] < 0 if self.kind == "id" else self.values.isna().to_numpy()

    @property
    def blank(self) -> np.ndarray:
        """Which of the distinct values hold nothing, or blanks only."""
        return np.array([isinstance(value, str) and not value.strip() for value in self.codes[1]], dtype=bool)

    @cached_property
    def numbers(self) -> np.ndarray:
        return self.values.to_numpy()


_Mask = Callable[[_Look], np.ndarray]
# A rule: name, mask, problem, remedy.
_Rule = tuple[str, _Mask, str, str]


def _rules(column: Column) -> Iterator[_Rule]:
    words, means = KIND_WORDS[column.kind], column.means
    yield "type", lambda c: c.mistyped, f"must hold {words}", f"convert the column to {words} ({means})."
    if not column.null:
        yield "null", lambda c: c.missing, "the value is missing", f"fill it in: {means}."
    if column.kind == "id":
        problem, remedy = "the identifier is empty", "fill it in, or leave the cell without quotes if it is not known."
        yield "blank", lambda c: c.among(c.blank), problem, remedy
    if column.kind == "day":
        problem, remedy = "a day must not hold a time of day", "drop the time, for example with .dt.normalize()."
        yield "midnight", lambda c: (c.numbers.view("int64") % _DAY != 0) & ~c.missing, problem, remedy
    if column.kind == "number":
        remedy = "correct it, or leave the cell empty if it is not known."
        yield "finite", lambda c: np.isinf(c.numbers), "the number is infinite", remedy
    above, low, high = column.above, column.low, column.high
    if above is not None:
        remedy = "take cancellations and corrections out; lines that came back are marked in the column 'returned'."
        yield "above", lambda c: c.numbers <= above, f"must be above {above:g} ({means})", remedy
    if low is not None:
        problem = "must not be negative" if low == 0 else f"must be at least {low:g}"
        remedy = "correct the value, or take the row out if it is a correction in the books and not a sale."
        yield "low", lambda c: c.numbers < low, f"{problem} ({means})", remedy
    if high is not None:
        remedy = "check the unit: a share of 20 % is 0.2." if high == 1 else "correct it; is it another column's?"
        yield "high", lambda c: c.numbers > high, f"must be at most {high:g} ({means})", remedy


def value_faults(values: pd.Series, column: Column, table: str, rows: np.ndarray) -> list[DataError]:
    """List the rules of size that the numbers of one column break; ``rows`` are their numbers as the owner counts."""
    look, found = _Look(values, column.kind), []
    for name, mask, problem, remedy in _rules(column):
        bad = np.flatnonzero(mask(look)) if name in ("above", "low", "high") else np.zeros(0, dtype=int)
        if len(bad):
            value, numbers = values.iloc[bad[0]].item(), rows[bad].tolist()
            found.append(DataError(problem, table=table, column=column.name, rows=numbers, value=value, remedy=remedy))
    return found


def missing_column(table: Table, column: Column, names: Sequence[str]) -> DataError:
    """Make the error for a required column that is not there; it names a column that looks like it, if any does."""
    spare = [name for name in names if table.column(name) is None]
    near = difflib.get_close_matches(column.name, spare, n=1, cutoff=0.6)
    remedy = f"rename '{near[0]}' to '{column.name}' if that is it, or " if near else ""
    return DataError(
        f"the column is missing; it holds {KIND_WORDS[column.kind]}: {column.means}",
        table=table.name,
        column=column.name,
        remedy=f"{remedy}add the column; the table's columns are {', '.join(names) or 'none'}.",
    )


def _on_one_line(frame: pd.DataFrame, table: Table, name: str, missing: np.ndarray) -> str:
    """Which line of an order alone holds a column of orders: "first", as in Shopify's export, or "last"; or neither."""
    if table.name != "orders" or name not in ("order_id", "ordered_at"):
        return ""
    if name == "order_id":
        # Nothing else says which order a line belongs to, so its moment must be missing as well.
        other = frame.get("ordered_at")
        here = not missing[0] and other is not None and bool(other.isna().to_numpy()[missing].all())
        return "first" if here else ""
    if "order_id" not in frame:
        return ""
    order = frame["order_id"].ffill()
    for keep in ("first", "last"):
        if not missing[~order.duplicated(keep=keep).to_numpy()].any():  # type: ignore[arg-type]
            return keep
    return ""


def _column_faults(frame: pd.DataFrame, table: Table, looks: Mapping[str, _Look], rows: np.ndarray) -> list[DataError]:
    import pandera.pandas as pa  # heavy, and needed only when a store is made

    rules = {column.name: {rule[0]: rule for rule in _rules(column)} for column in table.columns}

    def holds(name: str, rule: _Rule, _: pd.Series) -> bool:
        # Where the type is wrong, other rules would raise or say the same thing twice.
        look = looks[name]
        return (rule[0] != "type" and bool(look.mistyped.any())) or not rule[1](look).any()

    schema = pa.DataFrameSchema(
        {
            column.name: pa.Column(
                required=column.required,
                nullable=True,
                checks=[
                    pa.Check(partial(holds, column.name, rule), name=rule[0], ignore_na=False)
                    for rule in rules[column.name].values()
                ],
            )
            for column in table.columns
        }
    )
    try:
        schema.validate(frame, lazy=True, inplace=True)  # nothing is coerced, so nothing is written to
    except pa.errors.SchemaErrors as failure:
        names = [str(name) for name in frame.columns]
        absent = [column for column in table.columns if column.required and column.name not in names]
        found = [missing_column(table, column, names) for column in absent]
        for error in failure.schema_errors:
            if error.check == "column_in_dataframe":
                continue
            name = str(error.schema.name)
            rule, mask, problem, remedy = rules[name][error.check.name]
            values, bad = frame[name], np.flatnonzero(mask(looks[name]))
            if rule == "type" and values.dtype != object:
                problem += f", not {values.dtype}"
            value = values.iloc[bad[0]] if rule != "null" else None
            line = _on_one_line(frame, table, name, mask(looks[name])) if rule == "null" else ""
            if line:
                problem += f"; it stands on an order's {line} line only"
                remedy = (
                    f"copy it from the order's {line} line to its other lines, "
                    f"or let 'ecomlib data map' do so ({next(c.means for c in table.columns if c.name == name)})."
                )
            value = str(value) if isinstance(value, pd.Timestamp) else getattr(value, "item", lambda v=value: v)()
            found.append(
                DataError(problem, table=table.name, column=name, rows=rows[bad].tolist(), value=value, remedy=remedy)
            )
        return found
    return []


def _key_faults(frame: pd.DataFrame, table: Table, looks: Mapping[str, _Look], rows: np.ndarray) -> list[DataError]:
    key = [name for name in table.key if name in frame.columns]
    if not len(frame) or not {*table.key} - {"region_id"} <= {*key} or not key:
        return []
    # One integer a row: comparing tuples of strings would be ten times slower on a daily inventory.
    code = np.zeros(len(frame), dtype=np.int64)
    for name in key:
        codes, distinct = looks[name].codes
        code = code * (len(distinct) + 1) + codes + 1
    if code.max() < 8 * len(code) and np.bincount(code).max() == 1:
        return []
    again = np.flatnonzero(pd.Series(code).duplicated().to_numpy())
    if not len(again):
        return []
    row = frame.iloc[again[0]]
    values = [str(row[name].date()) if isinstance(row[name], pd.Timestamp) else str(row[name]) for name in key]
    return [
        DataError(
            f"each row must have its own {' and '.join(key)}; "
            f"row {rows[int(np.argmax(code == code[again[0]]))]} has this one already",
            table=table.name,
            column=" + ".join(key),
            rows=rows[again].tolist(),
            value=", ".join(values),
            remedy="keep one of the rows that share the key, or join them into one.",
        )
    ]


def _reference_faults(looks: Mapping[str, Mapping[str, _Look]], rows: Mapping[str, np.ndarray]) -> Iterator[DataError]:
    for table in SCHEMA.values():
        for column, parent in table.refers:
            child, known = looks.get(table.name, {}).get(column), looks.get(parent, {}).get(column)
            if child is None or known is None:
                continue
            bad = np.flatnonzero(child.among(~child.codes[1].isin(known.codes[1])))
            if len(bad):
                yield DataError(
                    f"unknown {column}: the table '{parent}' has no such row",
                    table=table.name,
                    column=column,
                    rows=rows[table.name][bad].tolist(),
                    value=str(child.values.iloc[bad[0]]),
                    remedy=_correct(parent, str(child.values.iloc[bad[0]]), known.codes[1]),
                )


def _correct(parent: str, value: str, known: pd.Index) -> str:
    """What to do about an identifier that the table ``parent`` lacks; it names a known one that differs in writing."""
    bare, names = value.strip(), {str(name).strip() for name in known}
    other = bare.removesuffix(".0") if bare.endswith(".0") else f"{bare}.0"
    if other in names:
        why = "a column of numbers with gaps became one with decimals"
        return f"{parent} has {other!r}: {why}. Take '.0' away, and write identifiers alike in both tables."
    near = next((name for name in names if name.casefold().lstrip("0") == bare.casefold().lstrip("0")), None)
    if near is not None:
        return f"{parent} has {near!r}: spaces, leading zeros and capitals count. Write it alike in both tables."
    return f"add it to {parent}, or correct the identifier (spaces and leading zeros count)."


def faults(frames: Mapping[str, pd.DataFrame], rows: Mapping[str, np.ndarray] | None = None) -> list[DataError]:
    """List every broken rule of these tables, one error each; an empty list where all is well (lesson 00, section 1).

    Parameters
    ----------
    frames : mapping of str to DataFrame
        Frame by table name, already passed through ``schema.conform``.
    rows : mapping of str to ndarray, optional
        Row numbers as the owner counts them, by table; the position + 1 where they are not given.
    """
    numbers = {name: (rows or {}).get(name, np.arange(1, len(frame) + 1)) for name, frame in frames.items()}
    found: list[DataError] = []
    looks: dict[str, dict[str, _Look]] = {}
    for name, table in SCHEMA.items():
        frame = frames.get(name)
        if frame is None:
            if table.required:
                columns = ", ".join(column.name for column in table.columns if column.required)
                remedy = f"add {name}.csv or {name}.parquet with the columns {columns}."
                found.append(MissingTableError("every store needs this table", table=name, remedy=remedy))
            continue
        looks[name] = {c.name: _Look(frame[c.name], c.kind) for c in table.columns if c.name in frame.columns}
        found += _column_faults(frame, table, looks[name], numbers[name])
        if not len(frame):
            remedy = "fill it." if table.required else "fill it, or leave the table out."
            found.append(DataError("the table holds no rows", table=name, remedy=remedy))
        found += _key_faults(frame, table, looks[name], numbers[name])
        if name == "regions" and not any({*pair} <= {*frame.columns} for pair in _COORDINATES):
            remedy = "add latitude and longitude (degrees), or row and column (cells of a map)."
            problem = "a region needs a place on the map"
            found.append(DataError(problem, table=name, column="latitude", remedy=remedy))
    return found + list(_reference_faults(looks, numbers))
