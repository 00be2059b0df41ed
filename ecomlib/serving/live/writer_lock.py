"""Holds a database for the one server that writes to it: a second one refuses to start, and says who holds it.

A server counts in memory what it committed. Two on one database would each miss what the other was told. What only
reads the events (``train``, ``versions``, ``backup``) needs no lock. The system releases it when a process ends,
however it ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import filelock
import sqlalchemy as sql
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from ecomlib.errors import DataError
from ecomlib.serving.live.database import SECONDS, address_of, file_of, reason

_KEY = 0x65636F6D_00000002  # of PostgreSQL's advisory lock, which belongs to one database
_WORD = "ecomlib serve"
# A server whose machine is gone is noticed in half a minute, and its lock let go.
_NOTICED = "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=4"


class WriterLock:
    """Locks a database for this process until ``release``; ``DataError`` where another server holds it.

    For SQLite the lock is a file beside the database, for PostgreSQL an advisory lock of a connection of its own.
    """

    def __init__(self, url: str) -> None:
        self.address = address_of(url)
        self._file: filelock.BaseFileLock | None = None
        self._line: sql.Connection | None = None
        self._note: Path | None = None
        self._turn = threading.Lock()
        self._renewed: Callable[[], None] = lambda: None
        path = file_of(self.address)
        if path is not None:
            self._lock_file(path.resolve())
        elif self.address.get_backend_name() == "postgresql":
            self._lock_server()

    def release(self) -> None:
        """Let another server write."""
        if self._note is not None:
            self._note.unlink(missing_ok=True)
        if self._file is not None:
            self._file.release()
        self._hang_up()
        self._file = self._note = None

    def guard(self, engine: sql.Engine, renewed: Callable[[], None] = lambda: None) -> None:
        """Commit on this engine only while the lock is held: a PostgreSQL connection may be lost, and the lock with it.

        A lost lock is taken again where nobody else has it; ``renewed`` is then called, for in between somebody may
        have written.
        """
        self._renewed = renewed
        if self.address.get_backend_name() == "postgresql":
            sql.event.listen(engine, "commit", lambda connection: self.check())

    def check(self) -> None:
        """Raise SQLAlchemy's ``OperationalError`` where the lock was lost and is another server's now."""
        if self.address.get_backend_name() != "postgresql":
            return
        with self._turn:
            if self._line is not None:
                with contextlib.suppress(SQLAlchemyError):
                    self._line.exec_driver_sql("SELECT 1")
                    return
                self._hang_up()
            try:
                self._lock_server()
            except DataError as error:
                raise OperationalError("lock", None, error) from error
            self._renewed()

    def _lock_file(self, path: Path) -> None:
        lock = filelock.FileLock(f"{path}.lock", timeout=0, thread_local=False)
        note = path.with_name(f"{path.name}.server")
        if not path.parent.is_dir():  # the lock would make it
            raise DataError("there is no such folder", value=str(path.parent), remedy="make it, or name another.")
        try:
            lock.acquire()
        except filelock.Timeout as error:
            raise _held(_read(note)) from error
        except OSError as error:
            raise DataError(
                f"a server must be able to write where its events are: {error.strerror or error}",
                value=str(path.parent),
                remedy="give it the right to, or another folder with --home.",
            ) from error
        self._file, self._note = lock, note
        with contextlib.suppress(OSError):  # a full disk: the lock is held all the same
            note.write_text(json.dumps(_myself()), encoding="utf-8")

    def _lock_server(self) -> None:
        me = _myself()
        name = f"{_WORD} {me['pid']}@{me['host'][:20]} since {me['since'][:16]}"  # PostgreSQL keeps 63 characters
        engine = sql.create_engine(
            self.address,
            poolclass=sql.NullPool,
            isolation_level="AUTOCOMMIT",
            connect_args={"connect_timeout": int(SECONDS), "application_name": name, "options": _NOTICED},
        )
        end = time.monotonic() + SECONDS  # PostgreSQL notices a moment later that a killed server is gone
        try:
            line = engine.connect()
            while True:
                if line.exec_driver_sql(f"SELECT pg_try_advisory_lock({_KEY})").scalar():
                    self._line = line
                    return
                if time.monotonic() > end:
                    break
                time.sleep(0.1)
            names = "SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
            here = f"WHERE l.locktype = 'advisory' AND l.classid = {_KEY >> 32} AND l.objid = {_KEY & 0xFFFFFFFF}"
            mine = "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            holder = line.exec_driver_sql(f"{names} {here} {mine}").scalar()
            line.close()
        except (SQLAlchemyError, ImportError) as error:
            raise DataError(
                f"the database cannot be opened: {reason(error, self.address.password)}",
                value=self.address.render_as_string(hide_password=True),
                remedy="check the URL and the driver psycopg.",
            ) from error
        raise _held(str(holder or "").removeprefix(_WORD).strip())

    def _hang_up(self) -> None:
        if self._line is not None:
            with contextlib.suppress(SQLAlchemyError):
                self._line.invalidate()
                self._line.close()
        self._line = None


def _myself() -> dict[str, str]:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return {"pid": str(os.getpid()), "host": socket.gethostname(), "since": since}


def _read(note: Path) -> str:
    try:
        held = json.loads(note.read_text(encoding="utf-8"))
        return f"{held['pid']}@{held['host']} since {held['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _held(holder: str) -> DataError:
    return DataError(
        "another server writes to this database: two would each miss the orders that the other is told",
        value=f"process {holder}" if holder else "a process that has not said its name",
        remedy="end that one first, or serve another --home or --database.",
    )
