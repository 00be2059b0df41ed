"""Reads the files that a shop system writes: text in any common encoding and separator, spreadsheets, Parquet.

Unlike ``stores.folder``, which reads the tables of the schema and refuses what is not clean, this takes what comes and
says what it assumed. Every cell becomes text, or None where it is empty.
"""

from __future__ import annotations

import csv
import datetime
import gzip
import io
import re
import sys
import zipfile
import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ecomlib.errors import DataError

_TEXT = (".csv", ".tsv", ".txt", ".tab")
_SHEETS = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")
READABLE = (*_TEXT, *_SHEETS, ".parquet", ".gz", ".zip")
_SEPARATORS = (",", ";", "\t", "|")
_LOOK = 200  # lines that are looked at for the separator and the header
# What Windows-1252 makes of ł, ą, ż and their like: no Western word has these signs inside or behind it (m³ has).
_SIGN_IN_WORD = re.compile(r"[^\W\d_][¹³¿¯£¥¼¾¶±¦§](?=[^\W\d_])|[^\W\d_]{2}(?![mM])[^\W\d_][¹³¿¯£¥¼¾¶±](?![^\W\d_])")
_OURS = ("mapping.toml", "store.json")


@dataclass
class ExportTable:
    """Hold one table of an export.

    Parameters
    ----------
    name : str
        The file's name, with the sheet's where it has several.
    frame : DataFrame
        Text, None where a cell is empty; a column for each of the header.
    rows : ndarray
        The row number below the header of each row, as the owner counts them; the first is 1.
    typed : set of str
        Columns whose numbers were numbers in the file, so that a point in them is the decimal sign.
    notes : list of str
        What was assumed.
    """

    name: str
    frame: pd.DataFrame
    rows: np.ndarray
    typed: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)


def read_export(paths: Iterable[str | Path]) -> list[ExportTable]:
    """Read all tables of an export: files, or folders of them.

    Parameters
    ----------
    paths : iterable of str or Path
        Files and folders; of a folder each file that can be read.

    Returns
    -------
    list of ExportTable
        Those that hold a header and rows, in the order of the files' names.

    Raises
    ------
    DataError
        Nothing is there, or a file cannot be read.
    """
    files: list[Path] = []
    for given in paths:
        path = Path(given).expanduser()
        if path.is_dir():
            inside = sorted(
                item for item in path.iterdir() if item.is_file() and not item.name.startswith((".", "~", "_"))
            )
            files += [item for item in inside if item.suffix.lower() in READABLE and item.name not in _OURS]
        elif path.is_file():
            files.append(path)
        else:
            raise DataError("there is no such file or folder", value=str(given), remedy="check the path of the export.")
    tables = [table for file in files for table in _read_file(file) if len(table.frame)]
    if not tables:
        remedy = f"name the file that the shop system wrote ({', '.join(READABLE)})."
        raise DataError("no table was found in the export", value=", ".join(map(str, paths)), remedy=remedy)
    return tables


def _read_file(path: Path) -> list[ExportTable]:
    try:
        data = path.read_bytes()
    except OSError as fault:
        raise _unreadable(path.name, fault.strerror or fault) from None
    return _read_bytes(data, path.name)


def _read_bytes(data: bytes, name: str) -> list[ExportTable]:
    try:
        if data.startswith(b"\x1f\x8b"):
            return _read_bytes(gzip.decompress(data), name.removesuffix(".gz"))
        if data.startswith(b"PAR1"):
            return [_typed(pd.read_parquet(io.BytesIO(data)), name)]
        if data.startswith(b"PK\x03\x04") and not name.lower().endswith(_SHEETS):
            with zipfile.ZipFile(io.BytesIO(data)) as pack:
                inside = [item for item in pack.namelist() if item.lower().endswith(READABLE)]
                if inside:
                    return [table for item in inside for table in _read_bytes(pack.read(item), Path(item).name)]
        if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
            return _sheets(data, name)
    except DataError:
        raise
    except Exception as fault:
        # A damaged file makes these libraries raise nearly anything; the reader needs one sentence.
        known = (OSError, EOFError, zlib.error, zipfile.BadZipFile, ValueError)
        said = fault if isinstance(fault, known) else f"{type(fault).__name__}: {fault}"
        raise _unreadable(name, said) from None
    if data.lstrip()[:1] == b"<" or data.startswith(b"%PDF"):
        remedy = "export the table itself, as CSV."
        raise DataError("this is a web page or a PDF, not a table", value=name, remedy=remedy)
    return _text(data, name)


def _unreadable(name: str, fault: object) -> DataError:
    said = " ".join(str(fault).split())[:120]
    return DataError(f"the file '{name}' cannot be read: {said}", remedy="export or copy it once more.")


def _text(data: bytes, name: str) -> list[ExportTable]:
    notes: list[str] = []
    text = _decode(data, name, notes)
    if not text.strip():
        return []
    first, _, rest = text.partition("\n")
    said = first.strip().strip('"').casefold()
    skipped = 0
    if said.startswith("sep=") and len(said) <= 5:
        separator, text, skipped = first.strip().strip('"')[4:] or "\t", rest, 1
    else:
        separator = _separator(text)
    records = _records(text, separator)
    return _table(records, name, notes, skipped)


def _decode(data: bytes, name: str, notes: list[str]) -> str:
    for start, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig")):
        if data.startswith(start):
            if encoding == "utf-16":
                notes.append(f"{name}: read as UTF-16.")
            return data.decode(encoding, errors="replace")
    head = data[:2000]
    for odd, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        # Text of the Latin script in UTF-16 without its mark: every second byte is zero.
        if len(head) > 8 and head[odd::2].count(0) > 0.4 * len(head[odd::2]):
            notes.append(f"{name}: read as UTF-16.")
            return data.decode(encoding, errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        encoding, said = _eight_bit(data)
        notes.append(f"{name}: not UTF-8, read as {said}; check the words with accents in the tables.")
        return data.decode(encoding, errors="replace")


def _eight_bit(data: bytes) -> tuple[str, str]:
    """The encoding of one byte a letter: Central European where Western signs would stand inside words."""
    western = data.decode("cp1252", errors="replace")
    inside = len(_SIGN_IN_WORD.findall(western))
    letters = sum(letter.isalpha() and not letter.isascii() for letter in western)
    if inside < 2 or inside < 0.02 * letters:
        return "cp1252", "Windows-1252"
    # The Polish ś and ź lie where ISO 8859-2 has no letters.
    windows = any(byte in data for byte in b"\x8c\x8f\x9c\x9f\x8a\x9a\x8e\x9e")
    return ("cp1250", "Windows-1250") if windows else ("iso-8859-2", "ISO 8859-2")


def _records(text: str, separator: str, limit: int | None = None) -> list[list[str]]:
    old = csv.field_size_limit(min(sys.maxsize, 2**31 - 1))  # a description may be longer than the usual limit
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        return [record for _, record in zip(range(limit or sys.maxsize), reader, strict=False)]
    except csv.Error:
        # A stray quotation mark; line by line without the meaning of quotation marks is the best that is left.
        return [line.split(separator) for line in text.splitlines()[:limit]]
    finally:
        csv.field_size_limit(old)


def _separator(text: str) -> str:
    """The separator that gives most lines the same number of columns, of more than one."""
    head = "\n".join(text[:200_000].splitlines()[:_LOOK])

    def evenness(separator: str) -> tuple[float, int]:
        widths = Counter(len(record) for record in _records(head, separator) if any(map(str.strip, record)))
        wide = {width: count for width, count in widths.items() if width > 1}
        if not wide:
            return 0.0, 0
        width = max(wide, key=lambda w: (wide[w], w))
        return wide[width] / sum(widths.values()) * min(width, 12) ** 0.5, width

    return max(_SEPARATORS, key=evenness)


def _sheets(data: bytes, name: str) -> list[ExportTable]:
    from python_calamine import load_workbook

    book = load_workbook(io.BytesIO(data))
    found: list[ExportTable] = []
    for sheet in book.sheet_names:
        cells = book.get_sheet_by_name(sheet).to_python(skip_empty_area=True)
        label = name if len(book.sheet_names) == 1 else f"{name}:{sheet}"
        records = [[_word(cell) or "" for cell in row] for row in cells]
        numeric = {place for row in cells for place, cell in enumerate(row) if type(cell) in (int, float)}
        found += _table(records, label, [], 0, numeric)
    return found


def _cell(text: str) -> str | None:
    text = text.strip()
    # Exports guard leading zeros from spreadsheets: '07030, or ="07030".
    if text.startswith("'") and text[1:].isdigit():
        text = text[1:]
    elif text.startswith('="') and text.endswith('"'):
        text = text[2:-1]
    return text or None


def _word(value: Any) -> str | None:
    """A cell's value as text: dates as ISO writes them, whole numbers without decimals."""
    if value is None or value is pd.NaT or (isinstance(value, float) and value != value):
        return None
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, float | np.floating):
        number = float(value)
        return str(int(number)) if number.is_integer() and abs(number) < 2**53 else repr(number)
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ")
    return str(value).strip() or None


def _typed(frame: pd.DataFrame, name: str) -> ExportTable:
    words = {}
    typed = {str(column) for column in frame if pd.api.types.is_numeric_dtype(frame[column].dtype)}
    for column in frame.columns:
        words[str(column)] = frame[column].astype(object).map(_word)
    return ExportTable(name, pd.DataFrame(words).astype(object), np.arange(1, len(frame) + 1), typed)


def _header_at(records: Sequence[Sequence[str]]) -> int:
    """The header: the first line that is as wide as the table and holds words, whatever stands above it."""
    widths = [sum(bool(cell.strip()) for cell in record) for record in records[:_LOOK]]
    usual = float(np.percentile([width for width in widths if width], 75)) if any(widths) else 0
    for place, record in enumerate(records[:_LOOK]):
        cells = [cell.strip() for cell in record if cell.strip()]
        wordy = sum(any(letter.isalpha() for letter in cell) for cell in cells)
        if cells and widths[place] >= max(2, 0.6 * usual) and wordy >= 0.7 * len(cells):
            return place
    return next((place for place, width in enumerate(widths) if width), 0)


def _table(
    records: list[list[str]], name: str, notes: list[str], skipped: int, numeric: Collection[int] = ()
) -> list[ExportTable]:
    # SAP's lists draw lines of dashes between their parts.
    records = [[] if set("".join(record).strip()) <= {"-", "|"} else record for record in records]
    at = _header_at(records)
    if not records or not any(cell.strip() for cell in records[at]):
        return []
    if any(cell.strip() for record in records[:at] for cell in record):
        notes.append(f"{name}: the header is on line {at + 1 + skipped}; the lines above it were left out.")
    header = [cell.strip() for cell in records[at]]
    width = len(header)
    body, rows = [], []
    for number, record in enumerate(records[at + 1 :], start=1):
        if any(cell.strip() for cell in record):
            body.append(record)
            rows.append(number)
    long = [row for row, record in zip(rows, body, strict=True) if any(cell.strip() for cell in record[width:])]
    if long:
        notes.append(f"{name}: {len(long)} rows have more values than the header has columns, first row {long[0]}.")
    columns: dict[str, list[str | None]] = {}
    typed = set()
    for place, title in enumerate(header):
        values = [_cell(record[place]) if place < len(record) else None for record in body]
        if not title and not any(values):
            continue
        title = title or f"column {place + 1}"
        while title in columns:
            title += " (2)"
        columns[title] = values
        if place in numeric:
            typed.add(title)
    return [ExportTable(name, pd.DataFrame(columns, dtype=object), np.asarray(rows, dtype=np.int64), typed, notes)]
