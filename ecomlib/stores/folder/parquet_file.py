"""Reads Parquet files of other tools without losing a digit of an identifier (lesson 00, section 6)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ecomlib.errors import DataError
from ecomlib.stores.schema import Table, plain_name

_EXACT = 2**53  # whole numbers above it are rounded in a column of floats


def parquet(
    held: Path | io.BytesIO, name: str, table: Table, notes: list[str], parts: Sequence[Path] = ()
) -> pd.DataFrame:
    """Read a Parquet file, or the parts of a folder, as columns that ``parse`` takes.

    Parameters
    ----------
    held : Path or BytesIO
        The file, its bytes, or the folder that holds the parts.
    name : str
        What messages call it.
    table : Table
        Says which columns are identifiers: these become text with every digit.
    notes : list of str
        What was noticed is appended here.
    parts : sequence of Path
        The files to read in a folder.

    Raises
    ------
    DataError
        The file cannot be read, or holds columns of other kinds than numbers, dates, flags and text.
    """
    try:
        for part in parts:
            _look_whole(part, part.name, table.name)
        if parts and isinstance(held, Path):
            columns = _of_folder(held, parts, table.name)
        else:
            _look_whole(held, name, table.name)
            columns = _of_file(held)
        columns.validate(full=True)
        fields = {}
        for column, values in zip(columns.column_names, columns.columns, strict=True):
            fields[column] = _values(values, column, table, notes)
        if len(fields) != len(columns.column_names):
            raise DataError("two columns have the same name", table=table.name, remedy="rename one of them.")
        frame = pd.DataFrame(index=pd.RangeIndex(columns.num_rows))
        return frame.assign(**fields) if fields else frame
    except DataError:
        raise
    except Exception as fault:
        # A damaged file can make the Parquet library raise nearly anything; the reader needs one sentence.
        raise unreadable(table.name, "Parquet file", fault) from None


def _look_whole(held: Path | io.BytesIO, name: str, table: str) -> None:
    with held.open("rb") if isinstance(held, Path) else io.BytesIO(held.getvalue()) as file:
        head = file.read(4)
        file.seek(-min(4, file.seek(0, io.SEEK_END)), io.SEEK_END)
        tail = file.read(4)
    if head == b"PAR1" and tail != b"PAR1":
        raise cut_off(f"the Parquet file is cut off: {name} lacks its end, which describes the columns", table)
    if head != b"PAR1":
        remedy = "if it is text with separators, rename it to end in .csv; else export it once more."
        raise DataError(f"the file '{name}' is not a Parquet file", table=table, remedy=remedy)


def _of_file(held: Path | io.BytesIO) -> Any:
    import pyarrow.parquet as pq

    return pq.ParquetFile(held, page_checksum_verification=True).read()


def _of_folder(folder: Path, parts: Sequence[Path], table: str) -> Any:
    import pyarrow as pa
    import pyarrow.dataset as ds

    # Parts that were written at different times differ in columns and types; partitions (region_id=01) become columns
    # of text: a number would forget the zero.
    keys = pa.schema([(key, pa.string()) for key in partition_keys(folder, parts)])

    def parts_as(schema: Any) -> Any:
        return ds.dataset(
            [str(part) for part in parts],
            schema=schema,
            format="parquet",
            partitioning=ds.partitioning(keys, flavor="hive"),
            partition_base_dir=str(folder),
        )

    found = parts_as(None)
    schemas = [found.schema, *(fragment.physical_schema for fragment in found.get_fragments())]
    try:
        schema = pa.unify_schemas(schemas, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as fault:
        problem = f"the parts hold a column in different types: {' '.join(str(fault).split())[:120]}"
        remedy = "write the column with one type in all parts, or export the table as one file."
        raise DataError(problem, table=table, remedy=remedy) from None
    return parts_as(schema).to_table()


def partition_keys(folder: Path, parts: Sequence[Path]) -> list[str]:
    """List the columns that the names of a folder's own folders hold, as ``region_id=01`` does."""
    names = [name for part in parts for name in part.relative_to(folder).parts[:-1]]
    return list(dict.fromkeys(name.partition("=")[0] for name in names if "=" in name))


def _values(values: Any, name: str, table: Table, notes: list[str]) -> pd.Series:
    """One column as pandas holds it; identifiers, and whole numbers too long for a float, as text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    plain = plain_name(name)
    column = table.column(name) or table.column(plain)
    words = column is not None and column.kind in ("id", "text")
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    kind = values.type
    if pa.types.is_decimal(kind):
        whole = kind.scale == 0
        long = column is None and bool((pc.max(pc.abs(values.cast(pa.float64()))).as_py() or 0) >= _EXACT)
        if whole and (words or long):
            return values.cast(pa.string()).to_pandas()
        return _written_out(values.to_pylist(), plain, table, notes) if words or long else _floats(values)
    if pa.types.is_integer(kind):
        ends = [abs(end) for end in pc.min_max(values).as_py().values() if end]
        long = column is None and values.null_count > 0 and max(ends, default=0) >= _EXACT
        return (values.cast(pa.string()) if words or long else values).to_pandas()
    if pa.types.is_date(kind):
        return values.cast(pa.timestamp("ms")).to_pandas()
    if pa.types.is_nested(kind) or _holds_bytes(kind):
        remedy = "store plain numbers, dates or text, one value a cell."
        raise DataError(f"a column of type {kind} cannot be read", table=table.name, column=name, remedy=remedy)
    return values.to_pandas()


def _floats(values: Any) -> pd.Series:
    import pyarrow as pa

    # By way of text: the plain cast multiplies by 0.000001, which rounds 15.13 away.
    return values.cast(pa.string()).cast(pa.float64()).to_pandas()


def _holds_bytes(kind: Any) -> bool:
    import pyarrow as pa

    kind = getattr(kind, "storage_type", kind)  # identifiers of sixteen bytes have a type of their own
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


def _written_out(numbers: Sequence[Any], name: str, table: Table, notes: list[str]) -> pd.Series:
    """Decimal numbers as text, without decimals where all of them are whole."""
    held = [number for number in numbers if number is not None]
    if all(number == number.to_integral_value() for number in held):
        if any(number.as_tuple().exponent < 0 for number in held):
            notes.append(f"{table.name}, {name}: whole numbers stored with decimals were read as text without them.")
        return pd.Series([None if number is None else f"{number:.0f}" for number in numbers], dtype=object)
    return pd.Series([None if number is None else f"{number:f}" for number in numbers], dtype=object)


def cut_off(problem: str, table: str, rows: Sequence[int] = (), value: object = None) -> DataError:
    """Make the error for a file whose end is missing."""
    remedy = "copy or export the file once more; the first attempt stopped in the middle."
    return DataError(problem, table=table, rows=rows, value=value, remedy=remedy)


def unreadable(table: str, what: str, fault: object) -> DataError:
    """Make the error for a file that a library could not read, with the library's own words."""
    said = " ".join(str(fault).split())[:120]
    remedy = "it is probably damaged: copy or export it once more."
    return DataError(f"the {what} cannot be read: {said}", table=table, remedy=remedy)
