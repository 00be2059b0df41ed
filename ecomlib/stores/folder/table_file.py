"""Reads one file of a shop's folder and names every fault (lesson 00, section 6)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from ecomlib.errors import DataError
from ecomlib.stores.folder.parquet_file import cut_off, parquet, partition_keys, unreadable
from ecomlib.stores.folder.parse import parse
from ecomlib.stores.folder.sources import PARQUET, Source, lake_of, parts_of, source_of, unpacked
from ecomlib.stores.schema import Column, Table, plain_name
from ecomlib.stores.validation import value_faults

_SEPARATORS = (",", ";", "\t", "|")
_SEPARATOR_WORDS = {";": "semicolons", "\t": "tabs", "|": "bars"}
# How files begin that are not text, whatever their name says.
_DISGUISES = (
    (b"PK\x03\x04", "a spreadsheet (xlsx)", "open it in the spreadsheet and save it as 'CSV UTF-8'"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet (xls)", "open it in the spreadsheet and save it as 'CSV UTF-8'"),
    (b"PAR1", "a Parquet file", "rename it to end in .parquet"),
    (b"\x1f\x8b", "a compressed file (gzip)", "unpack it first"),
    (b"%PDF", "a PDF", "export the table as 'CSV UTF-8'"),
    (b'[{"', "JSON", "export the table as 'CSV UTF-8'"),
    (b'{"', "JSON", "export the table as 'CSV UTF-8'"),
    (b"<", "a web page", "download the table itself, as CSV"),
)


# The first line that spreadsheets write and read, which names the separator.
_NAMED_SEPARATOR = re.compile(r"""[\r\n]*"?sep=(.)"?[,;\t|]*(?:\r\n|\r|\n|$)""", re.IGNORECASE)
# How files begin that hold two or four bytes a sign; the longer mark begins like the shorter one.
_WIDE = (
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_PIECES = re.compile(r"[^\w .-]+")
_TITLES = 20  # lines above a header that are looked through
_LEADING = re.compile(r"\n[ \t]*(?:[+-]?0\d|\+)")  # zeros, or a telephone's plus
# An exponent as no computer writes it: 12E4 is an article, 1e-05 a number. And whole numbers of sixteen digits.
_EXPONENT = re.compile(r"\n(?![ \t]*[+-]?\d(?:\.\d+)?e[+-]\d\d+[ \t]*(?:\n|$))[^\neE]*[eE]")
_LONG = re.compile(r"\n[ \t]*[+-]?\d{16,}(?:\.0*)?[ \t]*(?:\n|$)")


@dataclass
class TableRead:
    """Hold what came out of one file, and what is to be said of it.

    ``frame`` is None where nothing could be read; it lacks the columns at fault, which ``columns`` names with the rest.
    """

    frame: pd.DataFrame | None = None
    rows: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    faults: list[DataError] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    columns: tuple[str, ...] = ()


def read_table(path: Path, table: Table) -> TableRead:
    """Read a CSV or Parquet file as the table that its name says; faults are collected, not raised.

    The file may be compressed, or a folder of parts. Rows are numbered as the owner counts them below the header; the
    first is 1.
    """
    found = TableRead()
    try:
        frame, found.rows = _cells(source_of(path) or Source(path, table.name, path.suffix.lower()), table, found.notes)
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
            if column:
                found.faults += _more_faults(frame[name], column, table.name, found.rows, fault)
    found.frame, found.columns = pd.DataFrame(columns, index=frame.index), tuple(names)
    return found


def _more_faults(
    values: pd.Series, column: Column, table: str, rows: np.ndarray, fault: DataError
) -> Iterator[DataError]:
    """Faults of other kinds in the rows that the first fault leaves: an owner mends a column once, not in rounds."""
    for _ in range(4):
        rest = ~np.isin(rows, fault.rows)
        if 2 * rest.sum() < len(rest):
            return  # what is left may be the smaller part, and no witness of how the column is written
        values, rows = values[rest], rows[rest]
        try:
            yield from value_faults(parse(values, column, table, rows, []), column, table, rows)
            return
        except DataError as other:
            if 2 * len(other.rows) > len(rows):
                return
            yield other
            fault = other


def _cells(source: Source, table: Table, notes: list[str]) -> tuple[pd.DataFrame, np.ndarray]:
    """The cells of a table as its file holds them, and the number of each row."""
    try:
        if source.packing == "folder":
            return _parts(source, table, notes)
        if source.kind == PARQUET and not source.packing:
            frame = parquet(source.path, source.path.name, table, notes)
            return frame, np.arange(1, len(frame) + 1, dtype=np.int64)
        data, kind = unpacked(source)
    except OSError as fault:
        raise unreadable(table.name, "file", fault.strerror or fault) from None
    if source.packing:
        notes.append(f"{table.name}: read from the compressed file {source.path.name}.")
    if kind == PARQUET:
        frame = parquet(io.BytesIO(data), source.path.name, table, notes)
        return frame, np.arange(1, len(frame) + 1, dtype=np.int64)
    return _csv(_decode(data, source.path.name, table), table, notes)


def _parts(source: Source, table: Table, notes: list[str]) -> tuple[pd.DataFrame, np.ndarray]:
    name = source.path.name
    parts = [part for part in parts_of(source.path) if source.kind in [suffix.lower() for suffix in part.suffixes]]
    lake = lake_of(source.path)
    if lake or not parts:
        problem = f"the folder '{name}' is {lake}, whose parts are of several states" if lake else ""
        remedy = f"export its present state as {table.name}.parquet or {table.name}.csv."
        problem = problem or f"the folder '{name}' holds no parts of the table (files that end in {source.kind})"
        raise DataError(problem, table=table.name, remedy=remedy)
    notes.append(f"{table.name}: read from the {len(parts)} parts in the folder {name}; rows are counted through all.")
    if source.kind == PARQUET:
        frame = parquet(source.path, name, table, notes, parts)
        return frame, np.arange(1, len(frame) + 1, dtype=np.int64)
    keys = partition_keys(source.path, parts)
    if keys:
        problem = f"folders of the folder '{name}' are named by a column ({keys[0]}=…), which the parts do not hold"
        remedy = f"write {', '.join(keys)} into the parts, or export the table as Parquet or as one file."
        raise DataError(problem, table=table.name, column=keys[0], remedy=remedy)
    whole, header = "", ""
    for part in parts:
        inner = source_of(part.with_name(f"{table.name}{''.join(part.suffixes[part.suffixes.index('.csv') :])}"))
        packing = inner.packing if inner else ""
        text = _decode(unpacked(Source(part, table.name, source.kind, packing))[0], part.name, table)
        first, _, rest = text.partition("\n")
        if not text.strip():
            continue
        if header and first.strip() != header:
            remedy = "write all parts with the same header, or export the table as one file."
            raise DataError(f"the part '{part.name}' begins with another header", table=table.name, remedy=remedy)
        whole += ("" if whole.endswith("\n") or not whole else "\n") + (rest if header else text)
        header = first.strip()
    return _csv(whole, table, notes)


def _column_names(names: Sequence[str], table: Table, notes: list[str]) -> list[str]:
    result = []
    for name in names:
        plain = plain_name(name)
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
        return values if _loses(values[values.notna()], numbers) else numbers
    lower = values.astype(str).str.lower()
    return lower.eq("true") if lower.isin(["true", "false"]).all() else values


def _loses(values: pd.Series, numbers: pd.Series) -> bool:
    """Whether text forgets something as a number: 07030 is a postcode, 12E4 an article, and 17 digits are rounded."""
    if pd.api.types.infer_dtype(values, skipna=False) != "string":
        return False
    words = "\n" + "\n".join(values)  # one search in one text is many times faster than one a cell
    fractions = {word for word in values.unique() if "." in word} if "." in words else set()
    return bool(
        _LEADING.search(words)
        or any(word.endswith("0") and _shorter(word) & fractions for word in fractions)
        or (("e" in words or "E" in words) and _EXPONENT.search(words))
        or (numbers.abs().max() >= 1e15 and _LONG.search(words))
    )


def _shorter(word: str) -> set[str]:
    """The ways to write a number with fewer zeros behind: 1.10 is a version after 1.9, and 1.1 another one."""
    bare = word.rstrip("0")
    return {bare + "0" * k for k in range(len(word) - len(bare))} - {bare if bare.endswith(".") else ""}


def _csv(text: str, table: Table, notes: list[str]) -> tuple[pd.DataFrame, np.ndarray]:
    end = text.rstrip("\r\n")
    if end.endswith("\x1a"):  # how DOS marked a file's end
        text = end.rstrip("\x1a")
        text += "" if text.endswith(("\r", "\n")) else "\n"
    if not text.strip():
        raise DataError("the file is empty", table=table.name, remedy="export it once more, with its header.")
    begin, separator = _header_at(text, table, notes)
    text = text[begin:] if begin else text
    if separator != ",":
        words = _SEPARATOR_WORDS.get(separator, f"the sign '{separator}'")
        notes.append(f"{table.name}: the columns are separated by {words}.")
    header, rows = _structure(text, separator, table.name, notes)
    if len(header) == 1 and sum(table.column(plain_name(name)) is not None for name in _PIECES.split(header[0])) > 1:
        remedy = "separate the columns by commas, and put no quotation marks around a whole line."
        problem = "all names of the header stand in one column"
        raise DataError(problem, table=table.name, value=header[0][:60], remedy=remedy)
    try:
        frame = pd.read_csv(
            io.StringIO(text), sep=separator, dtype=object, keep_default_na=False, na_values=[""], index_col=False
        )
    except (ValueError, OverflowError) as fault:
        raise unreadable(table.name, "text", fault) from None
    if len(frame) != len(rows) or len(frame.columns) != len(header):
        raise unreadable(table.name, "text", f"{len(rows)} rows were counted and {len(frame)} read")
    again, empty = _header_again(frame, header), frame.isna().all(axis=1).to_numpy()
    if again.any():
        notes.append(f"{table.name}: the header stands again in row {rows[again][0]}; it was skipped there.")
    if empty.any():
        were = "1 row without any value was" if empty.sum() == 1 else f"{empty.sum():,} rows without any value were"
        notes.append(f"{table.name}: {were} skipped (row {rows[empty][0]}).")
    if again.any() or empty.any():
        frame, rows = frame[~(again | empty)].reset_index(drop=True), rows[~(again | empty)]
    frame.columns = pd.Index(header)  # as they stand in the file: pandas renames the second of two equal names
    # Spreadsheets leave separators behind where a column was deleted: no name, no values.
    named = [bool(name.strip()) for name in header]
    kept = [name or frame.iloc[:, k].notna().any() for k, name in enumerate(named)]
    unnamed = [str(k + 1) for k, name in enumerate(named) if kept[k] and not name]
    if unnamed:
        notes.append(f"{table.name}: column {', '.join(unnamed)} of the file has no name, and is not used.")
    return frame.loc[:, kept], rows


def _header_again(frame: pd.DataFrame, header: Sequence[str]) -> np.ndarray:
    """Find the rows that are the header once more, as where two exports were joined."""
    again = np.zeros(len(frame), dtype=bool)
    if len(header) < 2:
        return again
    first = frame.iloc[:, 0].isin({header[0], header[0].lower(), header[0].upper(), plain_name(header[0])})
    names = [plain_name(name) for name in header]
    for place in np.flatnonzero(first.to_numpy())[:1000]:
        cells = [plain_name(cell) if isinstance(cell, str) else "" for cell in frame.iloc[place]]
        again[place] = cells == names
    return again


def _decode(data: bytes, name: str, table: Table) -> str:
    head = data.lstrip()[:8]
    for start, what, remedy in _DISGUISES:
        if head.startswith(start):
            raise DataError(
                f"the file '{name}' is not text with separators but {what}", table=table.name, remedy=f"{remedy}."
            )
    for mark, encoding in _WIDE:
        if data.startswith(mark):
            try:
                return data.decode(encoding).lstrip("\ufeff")
            except UnicodeDecodeError as fault:
                raise unreadable(table.name, encoding.upper(), fault) from None
    if data[1:400:2].count(0) > 0.9 * len(data[1:400:2]) or data[:400:2].count(0) > 0.9 * len(data[:400:2]):
        remedy = "save it as 'CSV UTF-8'."
        raise DataError("the file is written in UTF-16 without a mark that says so", table=table.name, remedy=remedy)
    if b"\0" in data:
        row = data.count(b"\n", 0, data.index(b"\0"))
        raise DataError(
            "the file holds zero bytes, which text never does: it is damaged, or not a CSV file",
            table=table.name,
            rows=[row] if row else [],
            remedy="export it once more as 'CSV UTF-8'.",
        )
    try:
        return data.decode("utf-8-sig").lstrip("\ufeff").replace("\n\ufeff", "\n")  # joined files have several marks
    except UnicodeDecodeError as fault:
        # The decoder counts from behind a byte order mark.
        at = fault.start + (3 if data.startswith(b"\xef\xbb\xbf") else 0)
    top, separator = _header_at(data.decode("latin-1"), table, [])
    begin, end = data.rfind(b"\n", 0, at) + 1, data.find(b"\n", at)
    header = data[top:].split(b"\n", 1)[0].decode("latin-1")
    before = data[begin:at].decode("latin-1")
    line = data[begin : end if end >= 0 else len(data)].decode("cp1252", errors="replace").rstrip("\r")
    place = before.count(separator) if '"' not in before else len(_fields(before, separator)) - 1
    names, fields = _fields(header, separator), _fields(line, separator)
    row = data.count(b"\n", top, at)
    raise DataError(
        f"the file is not written in UTF-8: byte 0x{data[at]:02x} has no meaning there; read as Windows-1252 the value"
        " would be as shown",
        table=table.name,
        column=names[place].strip() if place < len(names) and at >= top else None,
        rows=[row] if row else [],
        value=(fields[place] if place < len(fields) else line)[:60],
        remedy="save the file as 'CSV UTF-8', or run: iconv -f WINDOWS-1252 -t UTF-8 OLD > NEW.",
    )


def _fields(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return line.split(separator)


def _header_at(text: str, table: Table, notes: list[str]) -> tuple[int, str]:
    """Where the header begins, and the separator that makes most known columns of it; a comma where none makes any."""

    def known(line: str, separator: str) -> tuple[int, int]:
        names = [plain_name(name.strip('"')) for name in line.strip("\r\ufeff").split(separator)]
        return sum(table.column(name) is not None for name in names), len(names)

    def best(line: str) -> str:
        return max(separators, key=lambda separator: known(line, separator))

    begin = 0
    separators: tuple[str, ...] = _SEPARATORS
    named = _NAMED_SEPARATOR.match(text)
    if named:
        begin, separators = named.end(), (named[1], *_SEPARATORS)
        notes.append(f"{table.name}: the first line, which names the separator, was skipped.")
    begin += len(text[begin : begin + 1000]) - len(text[begin : begin + 1000].lstrip("\r\n"))
    lines = text[begin:].split("\n", _TITLES)[:_TITLES]
    if not known(lines[0], best(lines[0]))[0]:
        # Reports have titles above the table: the header is the first line that names two columns at least.
        at = next((k for k, line in enumerate(lines) if known(line, best(line))[0] > 1), 0)
        if at:
            begin += sum(len(line) + 1 for line in lines[:at])
            shown = " ".join(lines[0].split()).strip(",;")[:40]
            skipped = f"{at} lines" if at > 1 else "a line"
            notes.append(f"{table.name}: {skipped} above the header {'were' if at > 1 else 'was'} skipped ('{shown}').")
        return begin, best(lines[at])
    return begin, best(lines[0])


@contextmanager
def _long_cells() -> Iterator[None]:
    """Lift the csv module's limit of 131,072 characters a cell: a description may hold a whole picture."""
    usual = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(usual)


def _structure(text: str, separator: str, table: str, notes: list[str]) -> tuple[list[str], np.ndarray]:
    """The header, and the row number of each row; an error where rows differ in length or the file ends too early."""
    header: list[str] = []
    lengths: list[int] = []  # of the rows below the header; 0 for a blank one
    open_ends = 0  # rows with one separator too many, behind the last value
    fault = ""
    try:
        with _long_cells():
            for record in csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True):
                blank = not record or (len(record) == 1 and not record[0].strip())
                if header:
                    lengths.append(0 if blank else len(record))
                    open_ends += len(record) == len(header) + 1 and not record[-1]
                elif not blank:
                    header = record
    except csv.Error as error:
        fault = str(error)
    if fault and "unexpected end" not in fault:
        remedy = 'write a quotation mark inside a value twice (""), and the value between quotation marks.'
        rows = [len(lengths) + 1] if header else []
        raise DataError("a quotation mark stands where none can", table=table, rows=rows, remedy=remedy)
    complete = text.endswith(("\n", "\r"))
    if fault or (not complete and lengths and 0 < lengths[-1] < len(header)):
        # A quotation mark that is never closed swallows the rest, so the row at fault has not been counted.
        row = len(lengths) + bool(fault and header)
        tail = text[-40:].replace("\n", " ").replace("\r", "")
        raise cut_off("the file is cut off: its last row is not whole", table, [row] if row else [], tail)
    count = np.asarray(lengths, dtype=np.int64)
    if open_ends and open_ends == (count != 0).sum():
        notes.append(f"{table}: each row ends with a separator that the header lacks; it was left away.")
        count = np.where(count != 0, len(header), 0)
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
