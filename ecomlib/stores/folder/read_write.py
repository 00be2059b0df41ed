"""Reads, checks and writes the reader's own shop, a folder of tables (lesson 00, section 6)."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from ecomlib.errors import DataError
from ecomlib.files import whole_folder
from ecomlib.stores.folder.place import CARD, may_write, write_card
from ecomlib.stores.folder.sources import bundle_of, source_of
from ecomlib.stores.folder.table_file import read_table
from ecomlib.stores.language import guess_language
from ecomlib.stores.oddities import oddities, raise_for_wrong_dates
from ecomlib.stores.returns import cleaning_of
from ecomlib.stores.schema import SCHEMA, conform
from ecomlib.stores.store import TABLES, Store
from ecomlib.stores.validation import faults

_READABLE = (".csv", ".parquet")


@dataclass
class _Scan:
    """All that a folder holds, and all that is to be said about it."""

    frames: dict[str, pd.DataFrame] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    faulty: dict[str, tuple[str, ...]] = field(default_factory=dict)  # columns that a frame lacks for their faults
    problems: list[DataError] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    card: dict[str, str] = field(default_factory=dict)


def _scan(path: str | Path) -> _Scan:
    folder, found = Path(path).expanduser(), _Scan()
    try:
        paths = sorted(item for item in folder.iterdir() if not item.name.startswith("."))
    except OSError as fault:
        what = "there is no such folder" if not folder.exists() else f"this is not a folder: {fault.strerror}"
        remedy = "give the path of a folder that holds products.csv and orders.csv."
        found.problems.append(DataError(what, value=str(path), remedy=remedy))
        return found
    rows: dict[str, np.ndarray] = {}
    spoilt: set[str | None] = set()
    failed: set[tuple[str | None, str | None]] = set()
    # Plain files come first: a compressed copy or a folder beside one is not another table.
    sources = sorted((source for source in map(source_of, paths) if source), key=lambda source: bool(source.packing))
    for source in sources:
        name, item = source.table, source.path
        if source.packing and name in found.files:
            found.notes.append(f"{item.name}: not read, for {found.files[name]} holds this table.")
        elif not source.kind:
            problem = f"a file of this kind cannot be read: {item.name}"
            found.problems.append(DataError(problem, table=name, remedy="save it as 'CSV UTF-8' or as Parquet."))
            spoilt.add(name)
        elif name in found.files:
            problem = f"two files hold this table: {found.files[name]} and {item.name}"
            found.problems.append(DataError(problem, table=name, remedy="keep one of them."))
        else:
            found.files[name] = item.name
            read = read_table(item, SCHEMA[name])
            found.problems += read.faults
            found.notes += read.notes
            if read.frame is None:
                spoilt.add(name)
            else:
                found.frames[name], rows[name] = conform(read.frame, SCHEMA[name]), read.rows
                found.faulty[name] = tuple(column for column in read.columns if column not in read.frame)
                failed |= {(fault.table, fault.column) for fault in read.faults}
    for item in paths:
        if item.name == CARD:
            found.card = _card(item, found)
    found.notes += _not_read(paths, found.files)
    # A column or file that could not be read has been named already: it is not missing as well.
    found.problems += [
        fault
        for fault in faults(found.frames, rows)
        if fault.table not in spoilt and (fault.table, fault.column) not in failed
    ]
    found.notes += oddities(found.frames, rows)
    late = _stray(found.frames.get("orders"), found.frames.get("inventory"))
    found.notes += [late] if late.startswith("table 'inventory'") else []
    return found


def _not_read(paths: list[Path], read: Mapping[str, str]) -> Iterator[str]:
    """Sentences on what looks like a table and was not read: misnamed files, parts of a table, a folder below."""
    files = [item for item in paths if item.is_file() and item.suffix.lower() in _READABLE and source_of(item) is None]
    named = {item: next((name for name in SCHEMA if item.stem.lower().startswith(name)), "") for item in files}
    for name in dict.fromkeys(named.values()):
        parts = [item.name for item in files if named[item] == name]
        if name and (len(parts) > 1 or name in read):
            are = "is it a part" if len(parts) == 1 else "are they parts"
            yield (
                f"{', '.join(parts)}: not read; {are} of the table {name}? Put all its parts, and nothing else, into a "
                f"folder that is called {name}.csv."
            )
            continue
        for item in (item for item in files if named[item] == name):
            near = [name] if name else difflib.get_close_matches(item.stem.lower(), SCHEMA, n=1)
            hint = f"; should it be {near[0]}{item.suffix.lower()}?" if near else "."
            yield f"{item.name}: not read{hint}"
    if "orders" in read:
        return
    for item in paths:
        what = "" if source_of(item) else bundle_of(item)
        if what:
            remedy = "unpack it here" if what == "an archive" else "'ecomlib data map' reads it"
            yield f"{item.name}: {what}, not read; {remedy}, if it holds the orders."
        elif item.is_dir() and any(map(source_of, item.iterdir())):
            yield f"the folder {item.name} holds tables: is it the one to give?"


def _card(path: Path, found: _Scan) -> dict[str, str]:
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        return {key: str(card[key]) for key in ("name", "currency") if key in card}
    except (OSError, ValueError, TypeError) as fault:
        found.notes.append(f"{path.name}: could not be read and was left out ({fault}).")
        return {}


def read(path: str | Path, *, name: str | None = None, currency: str | None = None) -> Store:
    """Read the store in a folder of CSV or Parquet files named after the tables (lesson 00, section 6).

    Parameters
    ----------
    path : str or Path
        The folder. CSV files are UTF-8 with a header; columns as in ``ecomlib.stores.schema``, more are kept. A table
        may be compressed (``orders.csv.gz``), or a folder of parts (``orders.parquet/``).
    name, currency : str, optional
        Default to what ``write`` left there, else to the folder's name and nothing.

    Raises
    ------
    DataError
        The first thing that does not fit; the others are its notes (``__notes__``).
    """
    found = _scan(path)
    if found.problems:
        first, *others = found.problems
        if others:
            first.add_note(f"And {len(others)} more: 'ecomlib data check {path}' lists them.")
        for other in others:
            first.add_note(str(other))
        raise first
    notes = {"source": "folder", "files": dict(found.files), "reading": tuple(found.notes)}
    returned = cleaning_of(found.frames["orders"])
    return Store(
        name=name or found.card.get("name") or Path(path).expanduser().resolve().name,
        currency=currency if currency is not None else found.card.get("currency", ""),
        notes=notes if returned is None else notes | {"cleaning": returned},
        **found.frames,
    )


def write(store: Store, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write each table as Parquet into a folder, whole or not at all (lesson 00, section 6).

    Name and currency go into ``store.json``; the notes and the truth stay behind. An existing folder is replaced only
    with ``overwrite=True``, and only if it holds nothing but a store.

    Raises
    ------
    DataError
        The folder holds something and may not be replaced.
    """
    folder = Path(path).expanduser()
    may_write(folder, lambda name: name == CARD or Path(name).stem in TABLES, "overwrite=True", overwrite=overwrite)
    with whole_folder(folder, overwrite=True) as draft:
        for table, frame in store.tables():
            frame.to_parquet(draft / f"{table}.parquet", index=False, write_page_checksum=True)
        write_card(store, draft)
    return folder


@dataclass(frozen=True)
class CheckReport:
    """Hold what the data check found (lesson 00, section 6).

    ``rows`` and ``columns`` are by table, ``problems`` must be mended, ``notes`` are worth knowing. ``period`` is
    from the first order to the last, ``language`` that of the titles; both are empty where no such column was read.
    ``tables`` are those that could be read, with whatever faults they have. ``faulty`` are columns that are there and
    could not be read, by table. ``stray`` says which dates lie so far from all others that nothing can be learnt from
    the tables.
    """

    path: str
    rows: Mapping[str, int]
    columns: Mapping[str, tuple[str, ...]]
    problems: tuple[DataError, ...]
    notes: tuple[str, ...]
    period: tuple[pd.Timestamp, pd.Timestamp] | None
    language: str
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict, repr=False)
    faulty: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    stray: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing must be mended."""
        return not self.problems

    def text(self, language_note: str = "") -> str:
        """Format the report as plain text; ``language_note`` is appended to the line on the titles' language."""
        lines = [f"The shop in {self.path}", "", "What fits"]
        for table, count in self.rows.items():
            there = (*self.columns[table], *self.faulty.get(table, ()))
            faulty = {fault.column for fault in self.problems if fault.table == table}
            fit = [name for name in there if name not in faulty]
            lines.append(f"  {table:<10} {count:>9,} rows   {', '.join(fit)}")
            if len(fit) < len(there):
                lines.append(f"  {'':<10} {'':>9}        to mend: {', '.join(n for n in there if n in faulty)}")
            absent = [column.name for column in SCHEMA[table].columns if column.name not in there]
            if absent:
                lines.append(f"  {'':<10} {'':>9}        not there: {', '.join(absent)}")
        if not self.rows:
            lines.append("  nothing yet")
        if self.period:
            lines.append(f"  orders from {self.period[0]:%Y-%m-%d} to {self.period[1]:%Y-%m-%d}")
        absent = [table for table in TABLES if table not in self.rows]
        lines += ["", "What is missing", f"  tables: {', '.join(absent) or 'none'}"]
        if self.problems:
            lines += ["", f"What must be mended ({len(self.problems)}; rows are counted below the header)"]
            lines += [f"  {number}. {problem}" for number, problem in enumerate(self.problems, start=1)]
        if self.notes:
            lines += ["", "What was noticed", *(f"  - {note}" for note in self.notes)]
        if self.language:
            lines += ["", f"Language of the titles: {self.language}" + (f"; {language_note}" if language_note else "")]
        return "\n".join(lines)


def check(path: str | Path) -> CheckReport:
    """Read a folder and report what fits, what is missing and what must be mended.

    Lists every problem, and raises none of them (lesson 00, section 6).
    """
    found = _scan(path)
    period, language = None, ""
    orders, products = found.frames.get("orders"), found.frames.get("products")
    if orders is not None and "ordered_at" in orders and orders["ordered_at"].notna().any():
        period = (orders["ordered_at"].min(), orders["ordered_at"].max())
    if products is not None and "title" in products:
        titles = products["title"].dropna()
        language = guess_language(titles) if len(titles) else ""
    here = {table: tuple(map(str, frame.columns)) for table, frame in found.frames.items()}
    return CheckReport(
        path=str(path),
        rows={table: len(found.frames[table]) for table in TABLES if table in found.frames},
        columns=here,
        problems=tuple(found.problems),
        notes=tuple(found.notes),
        period=period,
        language=language,
        tables=dict(found.frames),
        faulty=dict(found.faulty),
        stray=_stray(orders, found.frames.get("inventory")),
    )


def _stray(orders: pd.DataFrame | None, stock: pd.DataFrame | None) -> str:
    def dated(frame: pd.DataFrame | None, name: str) -> bool:
        return frame is not None and name in frame and pd.api.types.is_datetime64_dtype(frame[name])

    if orders is None or not dated(orders, "ordered_at"):
        return ""
    try:
        raise_for_wrong_dates(orders, stock if dated(stock, "date") else None)
    except DataError as fault:
        return str(fault)
    return ""


__all__ = ["CheckReport", "check", "read", "write"]
