"""The database's schema is brought up or refused, one server writes to it, and readiness is what a write would find."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import postgres
import pytest

pytest.importorskip("sqlalchemy")
import sqlalchemy as sql

from ecomlib.errors import DataError
from ecomlib.serving.live import database, schema_version
from ecomlib.serving.live.event_log import Event, EventLog
from ecomlib.serving.live.writer_lock import WriterLock
from ecomlib.serving.release.bundle import database_url

FIRST = """
CREATE TABLE events (event_key VARCHAR(200) NOT NULL PRIMARY KEY, kind VARCHAR(8) NOT NULL,
  product_id VARCHAR(200) NOT NULL, region_id VARCHAR(200) NOT NULL, second BIGINT NOT NULL, quantity INTEGER NOT NULL,
  unit_price FLOAT);
CREATE INDEX events_by_second ON events (second);
INSERT INTO events VALUES ('old', 'order', 'p', 'r', 1704067200, 3, 2.5), ('more', 'delivery', 'p', 'r', 0, 7, NULL);
"""


def order(key: str) -> Event:
    return Event(key, "p", "r", datetime(2024, 1, 1), 1, 1.0)


def first_version(path: Path) -> str:
    with closing(sqlite3.connect(path)) as made:
        made.executescript(FIRST)
    return f"sqlite:///{path}"


def rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as held:
        return held.execute(query).fetchall()


@pytest.fixture(scope="module")
def postgres_url() -> Iterator[str]:
    with postgres.server() as url:
        if not url:
            pytest.skip("no PostgreSQL server is installed here")
        yield url


def test_an_older_database_is_copied_and_brought_up(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    with closing(EventLog(first_version(path))) as log:
        assert log.span() == (2, datetime(2024, 1, 1))
        assert log.append([log.find(["old"])["old"], order("new")]) == [order("new")]
        assert log.newest(1)[0] == order("old") or log.newest(1)[0].event_key in ("old", "new")
    assert rows(path, "SELECT version FROM ecomlib_schema") == [(2,)]
    assert rows(path, "SELECT refers, held FROM events WHERE event_key = 'old'") == [(None, 0)]
    copy = tmp_path / "events.before-v2.db"
    assert rows(copy, "SELECT event_key, quantity, unit_price FROM events ORDER BY 1") == [
        ("more", 7, None),
        ("old", 3, 2.5),
    ]
    assert {name for (name,) in rows(copy, "SELECT name FROM sqlite_master")} >= {"events", "events_by_second"}
    assert all(one.stat().st_mode & 0o077 == 0 for one in (copy, path)) or os.name != "posix"
    plain = {tuple(row[1:]) for row in rows(path, "PRAGMA table_info(events)")}
    with closing(EventLog(f"sqlite:///{tmp_path / 'fresh.db'}")):
        made = {tuple(row[1:]) for row in rows(tmp_path / "fresh.db", "PRAGMA table_info(events)")}
    assert {row[0] for row in plain} == {row[0] for row in made}
    (tmp_path / "events.before-v2.db").unlink()
    EventLog(f"sqlite:///{path}").close()
    assert not copy.exists(), "what is up to date is not copied again"


KILLED = """
import os, signal, sys
from ecomlib.serving.live import schema_version
from ecomlib.serving.live.event_log import EventLog
plain, left = schema_version.bring_up, int(sys.argv[2])
def after(statement):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
schema_version.bring_up = lambda *given: plain(*given, after=after)
EventLog(sys.argv[1])
"""


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is a POSIX signal")
def test_killed_after_any_statement_it_is_the_old_one_whole(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    url = first_version(path)
    before = rows(path, "SELECT * FROM events ORDER BY 1"), rows(path, "PRAGMA table_info(events)")
    for statement in (1, 2, 6):
        done = subprocess.run([sys.executable, "-c", KILLED, url, str(statement)], capture_output=True)
        assert done.returncode == -9, done.stderr
        assert (rows(path, "SELECT * FROM events ORDER BY 1"), rows(path, "PRAGMA table_info(events)")) == before
    with closing(EventLog(url)) as log:
        assert log.span()[0] == 2
    assert rows(path, "SELECT version FROM ecomlib_schema") == [(2,)]


def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    EventLog(f"sqlite:///{path}").close()
    with closing(sqlite3.connect(path)) as later, later:
        later.execute("UPDATE ecomlib_schema SET version = 3")
        later.execute("ALTER TABLE events ADD COLUMN later TEXT")
    with pytest.raises(DataError, match=r"newer ecomlib.*version 3.*update ecomlib"):
        EventLog(f"sqlite:///{path}")
    assert rows(path, "SELECT version FROM ecomlib_schema") == [(3,)]


@pytest.mark.parametrize("version", [-1, 0, "abc", 2.5])
def test_a_version_that_is_none_is_a_sentence(tmp_path: Path, version: object) -> None:
    path = tmp_path / "events.db"
    EventLog(f"sqlite:///{path}").close()
    with closing(sqlite3.connect(path)) as held, held:
        held.execute("UPDATE ecomlib_schema SET version = ?", [version])
    with pytest.raises(DataError, match="another version, or by somebody else"):
        EventLog(f"sqlite:///{path}")


def test_a_lock_makes_no_folders(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such folder"):
        WriterLock(f"sqlite:///{tmp_path / 'slip' / 'events.db'}")
    assert not list(tmp_path.iterdir())


def test_one_without_a_number_gets_it_and_is_not_copied(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    EventLog(f"sqlite:///{path}").close()
    with closing(sqlite3.connect(path)) as held, held:
        held.execute("DROP TABLE ecomlib_schema")
    EventLog(f"sqlite:///{path}").close()
    assert rows(path, "SELECT version FROM ecomlib_schema") == [(2,)] and not list(tmp_path.glob("*before*"))


def test_many_open_a_new_or_an_old_database_at_once(tmp_path: Path) -> None:
    for url in (f"sqlite:///{tmp_path / 'new.db'}", first_version(tmp_path / "old.db")):
        wrong: list[BaseException] = []

        def open_it(url: str = url, wrong: list[BaseException] = wrong) -> None:
            try:
                EventLog(url).close()
            except BaseException as error:
                wrong.append(error)

        threads = [threading.Thread(target=open_it) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong


@pytest.mark.parametrize("name", ["shop?x=1", "100%25 shop", "a b#c", "Käse & Brot"])
def test_a_home_of_any_name_keeps_its_events(tmp_path: Path, name: str) -> None:
    home = tmp_path / name
    home.mkdir()
    with closing(EventLog(database_url(home))) as log:
        log.append([order("a")])
        assert database.probe(log.engine) == ""
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert rows(home / "events.db", "SELECT event_key FROM events") == [("a",)]


def test_events_are_their_owners_alone(tmp_path: Path) -> None:
    if os.name != "posix":
        pytest.skip("Windows has other rights")
    with closing(EventLog(f"sqlite:///{tmp_path / 'events.db'}")) as log:
        log.append([order("a")])
        assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("events.db*")} == {0o600}


def test_what_may_not_be_written_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also an older one, and one with events that are still in the write-ahead log; nothing can be added."""
    held = EventLog(f"sqlite:///{tmp_path / 'events.db'}")
    held.append([order("a"), order("b")])
    first_version(tmp_path / "old.db")
    before = {path.name for path in tmp_path.iterdir()}
    monkeypatch.setattr(os, "access", lambda *_: False)
    for name, count in (("events.db", 2), ("old.db", 2), ("none.db", 0)):
        with closing(EventLog(f"sqlite:///{tmp_path / name}")) as log:
            assert log.span()[0] == count and len(log.lines()) == count
            with pytest.raises(sql.exc.OperationalError):
                log.append([order("c")])
    assert {path.name for path in tmp_path.iterdir()} == before
    held.close()


def test_a_locked_database_is_said_to_be_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "SECONDS", 0.3)
    path = tmp_path / "events.db"
    with (
        closing(EventLog(f"sqlite:///{path}")) as log,
        closing(sqlite3.connect(path, isolation_level=None)) as other,
    ):
        assert database.probe(log.engine) == ""
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        assert "locked" in database.probe(log.engine)
        with pytest.raises(sql.exc.OperationalError, match="locked"):
            log.append([order("a")])
        assert log.span() == (0, None), "readers are not kept waiting"
        assert time.monotonic() - began < 2
        other.execute("ROLLBACK")
        assert database.probe(log.engine) == "" and log.append([order("a")])


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps a file that is open")
def test_a_file_that_is_gone_or_another_takes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    with closing(EventLog(f"sqlite:///{path}")) as log:
        log.append([order("a")])
        aside = path.rename(tmp_path / "aside.db")
        assert "deleted" in database.probe(log.engine)
        with pytest.raises(sql.exc.OperationalError, match="deleted"):
            log.append([order("b")])
        assert not path.exists()
        aside.rename(path)
        assert database.probe(log.engine) == "" and log.append([order("b")]) and log.span()[0] == 2

        path.rename(aside)
        path.write_bytes(aside.read_bytes())  # the same bytes in another file: what is written here is not there
        assert "deleted" in database.probe(log.engine)
        with pytest.raises(sql.exc.OperationalError, match="deleted"):
            log.append([order("c")])
        aside.replace(path)
        (tmp_path / "events.db-wal").unlink()
        for _ in range(2):
            with pytest.raises(sql.exc.OperationalError, match="deleted"):
                log.append([order("c")])
            assert "deleted" in database.probe(log.engine)


def test_a_disk_that_is_full_is_noticed_by_the_trial(tmp_path: Path) -> None:
    """A small write that is rolled back would stay in memory: the trial reaches the disk."""
    resource = pytest.importorskip("resource", reason="needs limits on the size of a file")
    import signal

    with closing(EventLog(f"sqlite:///{tmp_path / 'events.db'}")) as log:
        log.append([order("a")])
        database.checkpoint(log.engine)
        assert database.probe(log.engine) == ""
        old, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, old[1]))
            why = database.probe(log.engine)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, old)
            signal.signal(signal.SIGXFSZ, handler)
        assert "full" in why or "I/O" in why, why
        assert database.probe(log.engine) == "" and log.span()[0] == 1


def test_the_reason_holds_no_password() -> None:
    error = sql.exc.OperationalError("INSERT secret", {}, Exception("FATAL: x for hush at host\nmore"))
    assert database.reason(error, "hush") == "Exception: FATAL: x for *** at host"
    error = sql.exc.OperationalError("", {}, Exception("dsn postgresql://me:hush@host password=hush user=me"))
    assert "hush" not in database.reason(error) and "user=me" in database.reason(error)


HOLDER = """
import sys, time
from ecomlib.serving.live.writer_lock import WriterLock
lock = WriterLock(sys.argv[1])
print("held", flush=True)
time.sleep(60)
"""


def _refuses_until_killed(url: str) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, url], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        with pytest.raises(DataError, match=rf"another server writes.*process {holder.pid}@.+ since 20\d\d-"):
            WriterLock(url)
        with closing(EventLog(url)) as reader:
            reader.span()
    finally:
        holder.kill()
        holder.wait()
    end = time.monotonic() + 10
    while True:  # PostgreSQL notices a moment later that its caller is gone
        try:
            lock = WriterLock(url)
            break
        except DataError:
            assert time.monotonic() < end
            time.sleep(0.05)
    lock.release()
    WriterLock(url).release()


def test_the_second_server_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    EventLog(f"sqlite:///{tmp_path / 'events.db'}").close()
    _refuses_until_killed(f"sqlite:///{tmp_path / 'events.db'}")


def test_the_same_on_postgresql(postgres_url: str) -> None:
    EventLog(postgres_url).close()
    _refuses_until_killed(postgres_url)


def test_a_lock_that_was_lost_is_taken_again_or_missed(postgres_url: str) -> None:
    """Its connection is cut: the next commit takes it again, unless another server was faster."""
    mine, told = WriterLock(postgres_url), []
    with (
        closing(EventLog(postgres_url)) as log,
        log.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as boss,
    ):
        mine.guard(log.engine, renewed=lambda: told.append(1))
        log.append([order("before")])
        cut = sql.text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'ecomlib serve%'"
        )
        boss.execute(cut)
        log.append([order("after")])
        assert told == [1]
        boss.execute(cut)
        time.sleep(0.2)
        other = WriterLock(postgres_url)
        with pytest.raises(sql.exc.OperationalError, match="another server"):
            log.append([order("lost")])
        other.release()
        log.append([order("again")])
        assert {event.event_key for event in log.newest(9)} >= {"before", "after", "again"}
        assert "lost" not in set(log.lines()["event_key"])
    mine.release()


def test_postgresql_is_brought_up_and_does_not_wait_for_ever(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "SECONDS", 0.5)
    admin = sql.create_engine(postgres_url)
    with admin.begin() as boss:
        for table in ("events", "ecomlib_schema"):
            boss.exec_driver_sql(f"DROP TABLE IF EXISTS {table}")
        for statement in FIRST.split(";")[:-1]:
            boss.exec_driver_sql(statement)
    with closing(EventLog(postgres_url)) as log:
        assert log.span()[0] == 2 and log.append([order("new")])
        assert database.probe(log.engine) == ""
        with admin.begin() as boss:
            boss.exec_driver_sql("LOCK TABLE events IN SHARE MODE")
            began = time.monotonic()
            assert "timeout" in database.probe(log.engine)
            with pytest.raises(sql.exc.OperationalError):
                log.append([order("kept out")])
            assert log.span()[0] == 3 and time.monotonic() - began < 5
        assert database.probe(log.engine) == "" and log.span()[0] == 3
    admin.dispose()


def test_steps_lead_to_this_version() -> None:
    assert set(schema_version._STEPS) == set(range(2, schema_version.VERSION + 1))
