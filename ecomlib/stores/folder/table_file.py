"""Reads one file of a shop's folder and names every fault (lesson 00, section 6)."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from ecomlib.errors import DataError
from ecomlib.stores.folder.parse import parse
from ecomlib.stores.schema import Table

_SEPARATORS = (",", ";", "\t", "|")
_SEPARATOR_WORDS = {";": "semicolons", "\t": "tabs", "|": "bars"}
# How files begin that are not text, whatever their name says.
_DISGUISES = (
    (b"PK\x03\x04", "a spreadsheet (xlsx)", "open it in the spreadsheet and save it as 'CSV UTF-8'"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet (xls)", "open it in the spreadsheet and save it as 'CSV UTF-8'"),
    (b"PAR1", "a Parquet file", "rename it to end in .parquet"),
    (b"\x1f\x8b", "a compressed file (gzip)", "unpack it first"),
    (b"%PDF", "a PDF", "export the table as 'CSV UTF-8'"),
    (b"<", "a web page", "download the table itself, as CSV"),
)


@dataclass
class TableRead:
    """Hold what came out of one file: the frame (None where nothing could be read), and what is to be said of it."""

    frame: pd.DataFrame | None = None
    rows: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    faults: list[DataError] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_table(path: Path, table: Table) -> TableRead:
    """Read a CSV or Parquet file as the table that its name says; faults are collected, not raised.

    Rows are numbered as the owner counts them below the header; the first is 1.
    """
    found = TableRead()
    try:
        if path.suffix.lower() == ".parquet":
            frame = _parquet(path, table.name, found.notes)
            found.rows = np.arange(1, len(frame) + 1, dtype=np.int64)
        else:
            frame, found.rows = _csv(path, table, found.notes)
        names = _column_names([str(name) for name in frame.columns], table, found.notes)
    except DataError as fault:
        found.faults.append(fault)
        return found
    frame.columns = pd.Index(names)
    columns: dict[str, pd.Series] = {}
    for name in names:
        column = table.column(name)
        if column is not None and not column.required and len(frame) and frame[name].isna().all():
            # A template's column that nobody filled in is not there; a flag or a place could not be empty.
            continue
        try:
            columns[name] = (
                parse(frame[name], column, table.name, found.rows, found.notes) if column else _free(frame[name])
            )
        except DataError as fault:
            found.faults.append(fault)
    found.frame = pd.DataFrame(columns, index=frame.index)
    return found


def _column_names(names: Sequence[str], table: Table, notes: list[str]) -> list[str]:
    result = []
    for name in names:
        plain = "_".join(name.strip().lower().split())
        if plain != name and table.column(plain):
            notes.append(f"{table.name}: the column '{name}' was read as '{plain}'.")
            name = plain
        result.append(name)
    twice = sorted({name for name in result if result.count(name) > 1})
    if twice:
        remedy = "rename one of them, or take it out."
        raise DataError("two columns have the same name", table=table.name, column=twice[0], remedy=remedy)
    return result


def _free(values: pd.Series) -> pd.Series:
    """A column that no rule speaks of: a number or a flag where all its values are, else as it stands."""
    if values.dtype != object or not values.notna().any():
        return values
    numbers = pd.to_numeric(values, errors="coerce")
    if (numbers.notna() | values.isna()).all():
        return numbers
    lower = values.astype(str).str.lower()
    return lower.eq("true") if lower.isin(["true", "false"]).all() else values


def _csv(path: Path, table: Table, notes: list[str]) -> tuple[pd.DataFrame, np.ndarray]:
    text = _decode(path, table)
    if not text.strip():
        raise DataError("the file is empty", table=table.name, remedy="export it once more, with its header.")
    separator = _separator(text.lstrip("\r\n").split("\n", 1)[0], table)
    if separator != ",":
        notes.append(f"{table.name}: the columns are separated by {_SEPARATOR_WORDS[separator]}.")
    header, rows = _structure(text, separator, table.name, notes)
    try:
        frame = pd.read_csv(
            io.StringIO(text), sep=separator, dtype=object, keep_default_na=False, na_values=[""], index_col=False
        )
    except (ValueError, OverflowError) as fault:
        raise _unreadable(table.name, "text", fault) from None
    if len(frame) != len(rows) or len(frame.columns) != len(header):
        raise _unreadable(table.name, "text", f"{len(rows)} rows were counted and {len(frame)} read")
    frame.columns = pd.Index(header)  # as they stand in the file: pandas renames the second of two equal names
    # Spreadsheets leave separators behind where a column was deleted: no name, no values.
    return frame.loc[:, [bool(name.strip()) or frame.iloc[:, k].notna().any() for k, name in enumerate(header)]], rows


def _decode(path: Path, table: Table) -> str:
    try:
        data = path.read_bytes()
    except OSError as fault:
        raise _unreadable(table.name, "file", fault.strerror or fault) from None
    head = data.lstrip()[:8]
    for start, what, remedy in _DISGUISES:
        if head.startswith(start):
            raise DataError(
                f"the file '{path.name}' is not text with separators but {what}", table=table.name, remedy=f"{remedy}."
            )
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    if not wide and b"\0" in data:
        row = data.count(b"\n", 0, data.index(b"\0"))
        raise DataError(
            "the file holds zero bytes, which text never does: it is damaged, or not a CSV file",
            table=table.name,
            rows=[row] if row else [],
            remedy="export it once more as 'CSV UTF-8'.",
        )
    try:
        if wide:
            raise DataError("the file is written in UTF-16", table=table.name, remedy="save it as 'CSV UTF-8'.")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        # The decoder counts from behind a byte order mark.
        at = fault.start + (3 if data.startswith(b"\xef\xbb\xbf") else 0)
    begin, end = data.rfind(b"\n", 0, at) + 1, data.find(b"\n", at)
    header = data.split(b"\n", 1)[0].decode("latin-1")
    separator = _separator(header, table)
    before = data[begin:at].decode("latin-1")
    line = data[begin : end if end >= 0 else len(data)].decode("cp1252", errors="replace").rstrip("\r")
    place = before.count(separator) if '"' not in before else len(_fields(before, separator)) - 1
    names, fields = _fields(header, separator), _fields(line, separator)
    row = data.count(b"\n", 0, at)
    raise DataError(
        f"the file is not written in UTF-8: byte 0x{data[at]:02x} has no meaning there; read as Windows-1252 the value"
        " would be as shown",
        table=table.name,
        column=names[place].strip() if place < len(names) else None,
        rows=[row] if row else [],
        value=(fields[place] if place < len(fields) else line)[:60],
        remedy="save the file as 'CSV UTF-8', or run: iconv -f WINDOWS-1252 -t UTF-8 OLD > NEW.",
    )


def _fields(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return line.split(separator)


def _separator(header: str, table: Table) -> str:
    """The separator that makes most known columns of the header; a comma where none makes any."""

    def known(separator: str) -> tuple[int, int]:
        names = [name.strip().lower() for name in header.strip("\r\ufeff").split(separator)]
        return sum(table.column(name.strip('"')) is not None for name in names), len(names)

    return max(_SEPARATORS, key=known)


def _structure(text: str, separator: str, table: str, notes: list[str]) -> tuple[list[str], np.ndarray]:
    """The header, and the row number of each row; an error where rows differ in length or the file ends too early."""
    header: list[str] = []
    lengths: list[int] = []  # of the rows below the header; 0 for a blank one
    fault = ""
    try:
        for record in csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True):
            blank = not record or (len(record) == 1 and not record[0].strip())
            if header:
                lengths.append(0 if blank else len(record))
            elif not blank:
                header = record
    except csv.Error as error:
        fault = str(error)
    if fault and "unexpected end" not in fault and "limit" not in fault:
        remedy = 'write a quotation mark inside a value twice (""), and the value between quotation marks.'
        rows = [len(lengths) + 1] if header else []
        raise DataError("a quotation mark stands where none can", table=table, rows=rows, remedy=remedy)
    complete = text.endswith(("\n", "\r"))
    if fault or (not complete and lengths and 0 < lengths[-1] < len(header)):
        # A quotation mark that is never closed swallows the rest, so the row at fault has not been counted.
        row = len(lengths) + bool(fault and header)
        tail = text[-40:].replace("\n", " ").replace("\r", "")
        raise _cut_off("the file is cut off: its last row is not whole", table, [row] if row else [], tail)
    count = np.asarray(lengths, dtype=np.int64)
    uneven = np.flatnonzero((count != len(header)) & (count != 0))
    if len(uneven):
        raise DataError(
            f"a row has {count[uneven[0]]} values, but the header has {len(header)} columns",
            table=table,
            rows=(uneven + 1).tolist(),
            remedy="put values that hold the separator between quotation marks, and check what was lost or added.",
        )
    if not complete and lengths:
        notes.append(f"{table}: the last line has no line end; check that its last value is whole.")
    return header, np.flatnonzero(count != 0) + 1


def _cut_off(problem: str, table: str, rows: Sequence[int] = (), value: object = None) -> DataError:
    remedy = "copy or export the file once more; the first attempt stopped in the middle."
    return DataError(problem, table=table, rows=rows, value=value, remedy=remedy)


def _parquet(path: Path, table: str, notes: list[str]) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with path.open("rb") as file:
            head = file.read(4)
            file.seek(-min(4, path.stat().st_size), io.SEEK_END)
            tail = file.read(4)
        if head == b"PAR1" and tail != b"PAR1":
            raise _cut_off("the Parquet file is cut off: its end, which describes the columns, is missing", table)
        if head != b"PAR1":
            remedy = "if it is text with separators, rename it to end in .csv; else export it once more."
            raise DataError(f"the file '{path.name}' is not a Parquet file", table=table, remedy=remedy)
        columns = pq.ParquetFile(path, page_checksum_verification=True).read()
        columns.validate(full=True)
        frame = pd.DataFrame(index=pd.RangeIndex(columns.num_rows))
        fields = {}
        for name, values in zip(columns.column_names, columns.columns, strict=True):
            kind = values.type
            if pa.types.is_dictionary(kind):
                values = values.cast(kind.value_type)
            elif pa.types.is_decimal(kind):
                values = values.cast(pa.float64())
            elif pa.types.is_date(kind):
                values = values.cast(pa.timestamp("ms"))
            elif pa.types.is_nested(kind) or pa.types.is_binary(kind):
                remedy = "store plain numbers, dates or text, one value a cell."
                raise DataError(f"a column of type {kind} cannot be read", table=table, column=name, remedy=remedy)
            fields[name] = values.to_pandas()
        if len(fields) != len(columns.column_names):
            raise DataError("two columns have the same name", table=table, remedy="rename one of them.")
        return frame.assign(**fields) if fields else frame
    except DataError:
        raise
    except Exception as fault:
        # A damaged file can make the Parquet library raise nearly anything; the reader needs one sentence.
        raise _unreadable(table, "Parquet file", fault) from None


def _unreadable(table: str, what: str, fault: object) -> DataError:
    said = " ".join(str(fault).split())[:120]
    remedy = "it is probably damaged: copy or export it once more."
    return DataError(f"the {what} cannot be read: {said}", table=table, remedy=remedy)
