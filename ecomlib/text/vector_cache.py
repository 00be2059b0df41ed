"""Caches text vectors in one SQLite file, one row per text (lesson 02, section 2)."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from ecomlib.files import put
from ecomlib.folders import cache_dir as writable_cache

Row = tuple[bytes, int, int]  # a text's vector, its word pieces, and those that the vocabulary lacks


def remember(folder: str | Path | None, enabled: bool) -> sqlite3.Connection:
    """The cache: one SQLite file, safe under several processes and sudden ends, one row a text.

    It is in memory only where it is switched off or no file can be written: that costs time, never a result.
    """
    if enabled:
        with contextlib.suppress(OSError, sqlite3.Error):
            path = (Path(folder) if folder is not None else writable_cache("text")) / "vectors.sqlite"
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                return _table(path)
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):  # locked for long, or a folder that is read-only
                    raise
                put(path, path.with_suffix(".broken"))
                return _table(path)
    return _table(":memory:")


def _table(path: Path | str) -> sqlite3.Connection:
    memory = sqlite3.connect(path, timeout=30)
    try:
        memory.execute(
            "CREATE TABLE IF NOT EXISTS vectors "
            "(key BLOB PRIMARY KEY, vector BLOB NOT NULL, pieces INT, unknown INT) WITHOUT ROWID"
        )
        if memory.execute("PRAGMA quick_check").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("damaged")
    except sqlite3.Error:
        memory.close()
        raise
    return memory


def read(memory: sqlite3.Connection, keys: Sequence[bytes]) -> dict[bytes, Row]:
    rows = (
        memory.execute("SELECT vector, pieces, unknown FROM vectors WHERE key = ?", (key,)).fetchone() for key in keys
    )
    return {key: row for key, row in zip(keys, rows, strict=True) if row is not None}


def write(memory: sqlite3.Connection, rows: dict[bytes, Row]) -> None:
    with contextlib.suppress(sqlite3.OperationalError), memory:  # a full disk costs the cache, not the result
        memory.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?)", [(k, *v) for k, v in rows.items()])
