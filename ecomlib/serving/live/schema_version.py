"""Knows the versions of the events' tables, and brings an older database up: copied first, in one transaction.

The table ``ecomlib_schema`` holds one row, the version. A database without it that holds the first version's columns
is of version 1. A process that is killed in the midst leaves the old version, whole.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import sqlalchemy as sql

from ecomlib.errors import DataError
from ecomlib.files import whole_file

VERSION = 2
TABLE = "ecomlib_schema"
_EVENTS = "events"
_FIRST = frozenset({"event_key", "kind", "product_id", "region_id", "second", "quantity", "unit_price"})
_LOCK = 0x65636F6D_00000001  # "ecom": one process at a time changes the tables of a PostgreSQL database

# By the version that they lead to. Written out, for they must stay what they were when the package's tables go on.
_STEPS: dict[int, dict[str, tuple[str, ...]]] = {
    2: {
        "sqlite": (
            "ALTER TABLE events ADD COLUMN refers VARCHAR(200)",
            "ALTER TABLE events ADD COLUMN held SMALLINT DEFAULT 0 NOT NULL",
            "CREATE INDEX IF NOT EXISTS events_by_refers ON events (refers)",
        ),
        "postgresql": (
            'ALTER TABLE events ADD COLUMN refers VARCHAR(200) COLLATE "C"',
            "ALTER TABLE events ADD COLUMN held SMALLINT DEFAULT 0 NOT NULL",
            "CREATE INDEX IF NOT EXISTS events_by_refers ON events (refers)",
        ),
    }
}


def bring_up(
    engine: sql.Engine, tables: sql.MetaData, where: str, *, after: Callable[[str], None] = lambda statement: None
) -> None:
    """Make the tables, or bring those of an older ecomlib to this one's version.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        The database.
    tables : sqlalchemy.MetaData
        The tables as this package knows them.
    where : str
        The database's name in messages, without a password.
    after : callable
        Is told each statement that was run; for tests that end the process there.

    Raises
    ------
    DataError
        The database is of a newer ecomlib, or its table of events is somebody else's.
    """
    expected = set(tables.tables[_EVENTS].columns.keys())
    with engine.connect() as connection:
        found = _look(connection, expected, where)
    if found == (VERSION, True):
        return
    with _alone(engine) as connection:
        version, numbered = _look(connection, expected, where)  # another process may have been faster
        if numbered and version == VERSION:
            return
        if not version:
            tables.create_all(connection)
        elif version < VERSION:
            _copy_file(engine, f"before-v{VERSION}")
            for step in range(version + 1, VERSION + 1):
                for statement in _STEPS[step][engine.dialect.name]:
                    connection.exec_driver_sql(statement)
                    after(statement)
        for statement in (
            f"CREATE TABLE IF NOT EXISTS {TABLE} (version INTEGER NOT NULL)",
            f"DELETE FROM {TABLE}",
            f"INSERT INTO {TABLE} (version) VALUES ({VERSION})",
        ):
            connection.exec_driver_sql(statement)
            after(statement)
        _as_expected(connection, expected, where)


def _look(connection: sql.Connection, expected: set[str], where: str) -> tuple[int, bool]:
    """The version of a database's tables, 0 where it has none, and whether it is written there."""
    names = sql.inspect(connection).get_table_names()
    held = connection.exec_driver_sql(f"SELECT max(version) FROM {TABLE}").scalar() if TABLE in names else None
    if held is not None:
        if type(held) is not int or held < 1:
            raise _foreign(where)
        if held > VERSION:
            raise DataError(
                f"the database was made by a newer ecomlib: its tables are of version {held}, this one knows {VERSION}",
                value=where,
                remedy="update ecomlib, or restore a backup that this version made.",
            )
        if held == VERSION:
            _as_expected(connection, expected, where)
        return int(held), True
    if _EVENTS not in names:
        return 0, False
    there = _columns(connection)
    if there == expected:
        return VERSION, False
    if there != _FIRST:
        raise _foreign(where)
    return 1, False


def _as_expected(connection: sql.Connection, expected: set[str], where: str) -> None:
    if _columns(connection) != expected:
        raise _foreign(where)


def _columns(connection: sql.Connection) -> set[str]:
    if _EVENTS not in sql.inspect(connection).get_table_names():
        return set()
    return {column["name"] for column in sql.inspect(connection).get_columns(_EVENTS)}


def _foreign(where: str) -> DataError:
    return DataError(
        "the database was made by another version, or by somebody else",
        table=_EVENTS,
        value=where,
        remedy="name an empty database, or move this one out of the way.",
    )


@contextlib.contextmanager
def _alone(engine: sql.Engine) -> Iterator[sql.Connection]:
    """Run a transaction while no other process writes, or on PostgreSQL changes tables."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        yield connection
        connection.commit()


def _copy_file(engine: sql.Engine, mark: str) -> None:
    """Copy a SQLite database beside itself, by SQLite's own means, before its tables are changed; for its owner alone.

    The database itself becomes its owner's alone too.
    """
    name = engine.url.database
    if engine.dialect.name != "sqlite" or not name:
        return
    path = Path(name).absolute()
    for ending in ("", "-wal", "-shm"):  # the first version let everybody on the machine read them
        with contextlib.suppress(OSError):  # it is somebody else's, or not there
            path.with_name(path.name + ending).chmod(0o600)
    with whole_file(path.with_name(f"{path.stem}.{mark}{path.suffix}"), sync=True) as part:
        os.close(os.open(part, os.O_CREAT | os.O_RDWR, 0o600))
        with (
            contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as source,
            contextlib.closing(sqlite3.connect(part)) as target,
        ):
            source.backup(target)
            target.execute("PRAGMA journal_mode=DELETE")  # one file
