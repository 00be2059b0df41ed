"""Opens the database of events: with time-outs, at this package's schema, and never a file that was put in its place.

SQLite waits two seconds for a lock and PostgreSQL as long for a connection, a lock and a write: whoever sends orders
hears soon that they were not taken, and sends them again.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sqlite3
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sql
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from ecomlib.errors import DataError
from ecomlib.serving.live import schema_version

SECONDS = 2.0  # that a connection, a lock or a write is waited for
_LONG = 120.0  # seconds that PostgreSQL may take to answer a reader of all events
PROBE, BIG_PROBE = 64 * 2**10, 2 * 2**20  # bytes of a write on trial; after a failed one as much as a request may hold
_KEEPALIVE = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 2}
GONE = "the file of the events was deleted, or another was put in its place"


def address_of(url: str) -> sql.URL:
    """Parse a database's URL; ``DataError`` where it is none, or no SQLite or PostgreSQL (never with a password)."""
    try:
        address = sql.make_url(url)
    except (SQLAlchemyError, ValueError) as error:  # without the text: it may hold a password
        raise DataError("this is not the URL of a database", remedy="write one like sqlite:///events.db.") from error
    if address.get_backend_name() not in ("sqlite", "postgresql"):
        raise DataError(
            "this database is not supported",
            value=address.drivername,
            remedy="use a sqlite:/// or a postgresql+psycopg:// URL.",
        )
    return address


def file_of(address: sql.URL) -> Path | None:
    """Return the file of a SQLite database; None for one in memory, and for PostgreSQL."""
    name = address.database
    if address.get_backend_name() != "sqlite" or not name or name == ":memory:" or name.startswith("file:"):
        return None
    return Path(name).absolute()


def open_database(url: str, tables: sql.MetaData) -> sql.Engine:
    """Connect to a database and bring its tables to this package's schema.

    A SQLite file that may not be written is read: what it holds is copied to memory, and nothing can be added.

    Parameters
    ----------
    url : str
        SQLAlchemy's: ``sqlite:///events.db``, ``postgresql+psycopg://…``.
    tables : sqlalchemy.MetaData
        The tables, made where they are missing.

    Returns
    -------
    sqlalchemy.Engine
        Its SQLite connections refuse to commit into a file that is no longer the one that was opened.

    Raises
    ------
    DataError
        The database cannot be opened, is of a newer ecomlib, or holds another table of that name.
    """
    address = address_of(url)
    where, engine = address.render_as_string(hide_password=True), None
    try:
        engine = _engine(address)
        schema_version.bring_up(engine, tables, where)
        if isinstance(engine.pool, sql.StaticPool):
            with engine.connect() as connection:  # an order that only memory holds must not be acknowledged
                connection.exec_driver_sql("PRAGMA query_only=ON")
    except BaseException as error:
        if engine is not None:
            engine.dispose()
        if isinstance(error, SQLAlchemyError | ImportError | OSError | sqlite3.Error):
            raise DataError(
                f"the database cannot be opened: {reason(error, address.password)}",
                value=where,
                remedy="check the URL, the folder and, for PostgreSQL, the driver psycopg.",
            ) from error
        raise
    return engine


def reason(error: BaseException, password: str | None = None) -> str:
    """Say in one line why a database refused, without the statement, its values and any password."""
    cause = getattr(error, "orig", None) or error
    text = next(iter(str(cause).strip().splitlines()), "")
    if password:
        text = text.replace(str(password), "***")
    text = re.sub(r"(?i)(password\s*[=:]\s*)\S+|(://[^:/@\s]+:)[^@\s]+(?=@)", r"\1\2***", text)
    return f"{type(cause).__name__}: {text}" if text else type(cause).__name__


def probe(engine: sql.Engine, size: int = PROBE) -> str:
    """Try a write that is rolled back; return why it failed, empty where it would have been taken.

    On SQLite the trial is larger than its connection's memory, so that it reaches the disk: a full one is noticed.
    """
    key = f"ecomlib ready {uuid.uuid4().hex}"
    try:
        path = file_of(engine.url)
        if path is not None:
            _try_file(engine, path, key, size)
        else:
            with engine.connect() as connection:
                if engine.dialect.name == "postgresql":
                    connection.exec_driver_sql(f"SET LOCAL statement_timeout = {int(1000 * SECONDS)}")
                connection.execute(sql.text(_TRIAL), {"key": key, "size": "ready"})
                connection.rollback()
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        return reason(error, engine.url.password)
    return ""


def checkpoint(engine: sql.Engine) -> None:
    """Move what SQLite's write-ahead log holds into the file, as far as readers allow; nothing on PostgreSQL."""
    if engine.dialect.name == "sqlite":
        with contextlib.suppress(SQLAlchemyError), engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")


_TRIAL = (
    "INSERT INTO events (event_key, kind, product_id, region_id, second, quantity) "
    "VALUES (:key, 'probe', :size, '', 0, 0)"
)


def _try_file(engine: sql.Engine, path: Path, key: str, size: int) -> None:
    """Write into a SQLite file beyond the connection's memory, and roll back."""
    check: Callable[[], None] | None = engine.get_execution_options().get("ecomlib_same_file")
    if check is not None:
        check()
    connection = sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=SECONDS, isolation_level=None)
    try:
        connection.execute("PRAGMA cache_size=10")  # pages: what is beyond is written at once
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(_TRIAL.replace(":size", "zeroblob(:size)"), {"key": key, "size": size})
        connection.execute("ROLLBACK")
    finally:
        connection.close()


def _engine(address: sql.URL) -> sql.Engine:
    if address.get_backend_name() == "postgresql":
        return _postgresql(address)
    path = file_of(address)
    if path is not None and _read_only(path):
        held = _in_memory(path)
        return sql.create_engine("sqlite://", creator=lambda: held, poolclass=sql.StaticPool)
    if path is None:
        engine = sql.create_engine(address)
        sql.event.listen(engine, "connect", _prepare)
        return engine
    if path.parent.is_dir() and not path.exists():
        with contextlib.suppress(FileExistsError):  # for its owner alone; SQLite gives its other files the same rights
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    same = _SameFile(path)
    engine = sql.create_engine(address, execution_options={"ecomlib_same_file": same.check})
    sql.event.listen(engine, "do_connect", lambda *_: same.check())
    sql.event.listen(engine, "connect", _prepare)
    sql.event.listen(engine, "commit", lambda connection: same.check_commit())
    return engine


def _postgresql(address: sql.URL) -> sql.Engine:
    wait = int(1000 * SECONDS)
    options = f"-c lock_timeout={wait} -c statement_timeout={int(1000 * _LONG)}"
    given = address.query.get("options")  # what the owner asks for comes last, and so wins
    more = " ".join([given] if isinstance(given, str) else given or ())
    engine = sql.create_engine(
        address.difference_update_query(["options"]),
        pool_pre_ping=True,  # a server may have been started anew
        connect_args={"connect_timeout": int(SECONDS), "options": f"{options} {more}".strip(), **_KEEPALIVE},
    )

    def hurry(_connection: Any, cursor: Any, _statement: str, _values: Any, context: Any, _many: bool) -> None:
        if context is not None and (context.isinsert or context.isupdate or context.isdelete):
            cursor.execute(f"SET LOCAL statement_timeout = {wait}")

    sql.event.listen(engine, "before_cursor_execute", hurry)
    return engine


def _prepare(connection: Any, _: Any) -> None:
    for pragma in (f"busy_timeout={int(1000 * SECONDS)}", "journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")


class _SameFile:
    """Notices that a SQLite file is no longer the one that was opened: what is committed to that one is lost."""

    def __init__(self, path: Path) -> None:
        self.path, self.log = path, path.with_name(path.name + "-wal")
        self.first = self._identity(path)
        self.logged: tuple[int, int] | None = None  # a connection stays open after the first commit, and so this file

    def check(self) -> None:
        """Raise ``sqlite3.OperationalError`` where the file has gone or changed places."""
        gone = self._identity(self.path) != self.first
        if gone or (self.logged is not None and self._identity(self.log) != self.logged):
            raise sqlite3.OperationalError(GONE)

    def check_commit(self) -> None:
        """Do the same before a commit, whose pages are in the write-ahead log: that must have its name too."""
        try:
            self.check()
            self.logged = self._identity(self.log)  # none where the disk allows no such log
        except sqlite3.OperationalError as error:
            raise OperationalError("COMMIT", None, error) from error

    @staticmethod
    def _identity(path: Path) -> tuple[int, int] | None:
        try:
            found = path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino


def _read_only(path: Path) -> bool:
    folder = path.parent
    return folder.is_dir() and (not os.access(folder, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)))


def _in_memory(path: Path) -> sqlite3.Connection:
    """Copy a SQLite file that may not be written to memory, with what is still in its write-ahead log."""
    held = sqlite3.connect(":memory:", check_same_thread=False)
    if path.exists():
        try:
            with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=SECONDS)) as source:
                source.backup(held)
        except sqlite3.OperationalError:  # the log's index is missing and cannot be made here: made in a copy
            with _copied(path) as copy, contextlib.closing(sqlite3.connect(copy)) as source:
                source.backup(held)
    return held


@contextlib.contextmanager
def _copied(path: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        for name in (path.name, f"{path.name}-wal"):
            if path.with_name(name).exists():
                shutil.copyfile(path.with_name(name), Path(folder) / name)
        yield Path(folder) / path.name
