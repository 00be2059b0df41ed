"""A home is backed up while orders come in, and restored: nothing acknowledged before is missing, nothing is torn."""

from __future__ import annotations

import itertools
import json
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
import zipfile
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

pytest.importorskip("fastapi")
from serving_help import copy_home, event, serving, trained_home
from systems import posix
from typer.testing import CliRunner

from ecomlib.cli.main import app
from ecomlib.errors import DataError
from ecomlib.serving.live.backup import back_up, restore
from ecomlib.serving.live.event_log import Event, EventLog
from ecomlib.serving.release.bundle import database_url, registry


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.output


def small_home(folder: Path, events: int = 3) -> Path:
    """A home whose version is no forecaster: a backup does not look into it."""
    versions = registry(folder)
    versions.publish(lambda part: (part / "model.onnx").write_text("x" * 500) and None)
    versions.promote(1, "the first version")
    with closing(EventLog(database_url(folder))) as log:
        log.append([Event(f"k{k}", "p", "r", datetime(2024, 1, 1), k + 1, 1.0) for k in range(events)])
    return folder


@posix
def test_backed_up_and_restored_under_load(tmp_path: Path) -> None:
    home, new, file = copy_home(tmp_path / "home"), tmp_path / "new", tmp_path / "backup.zip"
    acknowledged: list[str] = []
    stop = threading.Event()
    with serving(home) as server:

        def tell() -> None:
            for number in itertools.count():
                if stop.is_set():
                    return
                keys = [f"{number}-{k}" for k in range(20)]
                assert server.ask("POST", "/events", {"events": [event(key, quantity=1) for key in keys]})[0] == 200
                acknowledged.extend(keys)

        sender = threading.Thread(target=tell)
        sender.start()
        while len(acknowledged) < 100:
            time.sleep(0.01)
        before = len(acknowledged)
        code, said = run("backup", str(file), "--home", str(home))
        after = len(acknowledged)
        assert code == 0 and "1 versions" in said, said
        while len(acknowledged) < after + 100:
            time.sleep(0.01)
        stop.set()
        sender.join()
        assert server.get("/ready")["ready"]
    code, said = run("restore", str(file), "--home", str(new))
    assert code == 0 and "events" in said
    with closing(EventLog(database_url(new))) as log:
        kept = set(log.lines()["event_key"])
    assert set(acknowledged[:before]) <= kept < set(acknowledged)
    assert len(kept) % 20 == 0, "a batch is whole or not there"
    with serving(new) as server:
        assert server.get("/forecast/P0001/R01")["weeks"][0]["sold"] == len(kept)
        assert server.ask("POST", "/events", event("after"))[1]["new"] == 1


def test_it_holds_versions_promotions_and_what_is_still_in_the_write_ahead_log(tmp_path: Path) -> None:
    home = small_home(tmp_path / "home")
    held = EventLog(database_url(home))  # keeps the log from being moved into the file
    held.append([Event("last", "p", "r", datetime(2024, 1, 2), 9, 1.0)])
    (home / "registry" / "versions" / ".version.1-abc.part").mkdir()
    (home / "registry" / "versions" / ".version.1-abc.part" / "half").write_text("x")
    made = back_up(tmp_path / "b.zip", home)
    held.close()
    assert (made.versions, made.events) == (1, 4) and made.size == (tmp_path / "b.zip").stat().st_size
    assert (tmp_path / "b.zip").stat().st_mode & 0o077 == 0 or sys.platform == "win32"
    assert {path.name for path in tmp_path.iterdir()} == {"home", "b.zip"}
    (tmp_path / "new").mkdir()
    assert restore(tmp_path / "b.zip", tmp_path / "new") == made
    for name in ("registry/versions/0001/model.onnx", "registry/versions/0001/card.json"):
        assert (tmp_path / "new" / name).read_bytes() == (home / name).read_bytes()
    assert registry(tmp_path / "new").history() == registry(home).history()
    assert registry(tmp_path / "new").open().number == 1
    assert not list((tmp_path / "new" / "registry" / "versions").glob(".*"))
    with closing(EventLog(database_url(tmp_path / "new"))) as log, closing(EventLog(database_url(home))) as old:
        assert log.lines().equals(old.lines())


def test_a_home_without_events_and_one_on_postgresql(tmp_path: Path) -> None:
    home = tmp_path / "home"
    registry(home).publish(lambda part: (part / "a").write_text("a") and None)
    assert back_up(tmp_path / "b.zip", home).events == 0
    restore(tmp_path / "b.zip", tmp_path / "new")
    with closing(EventLog(database_url(tmp_path / "new"))) as log:
        assert log.span() == (0, None)
    code, said = run("backup", str(tmp_path / "p.zip"), "--home", str(home), "--database", "postgresql://me:hush@db/x")
    assert code == 0 and "pg_dump" in said and "hush" not in said
    code, said = run("restore", str(tmp_path / "p.zip"), "--home", str(tmp_path / "other"))
    assert code == 0 and "PostgreSQL" in said and not (tmp_path / "other" / "events.db").exists()


def test_what_is_no_home_or_no_empty_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not a home"):
        back_up(tmp_path / "b.zip", tmp_path)
    home = small_home(tmp_path / "home")
    with pytest.raises(DataError, match="outside"):
        back_up(home / "registry" / "versions" / "b.zip", home)
    back_up(tmp_path / "b.zip", home)
    before = sorted(path.name for path in home.rglob("*"))
    for there in (home, tmp_path / "b.zip"):
        with pytest.raises(DataError, match="empty folder"):
            restore(tmp_path / "b.zip", there)
    assert sorted(path.name for path in home.rglob("*")) == before
    code, said = run("restore", str(tmp_path / "none.zip"), "--home", str(tmp_path / "new"))
    assert code == 1 and "no such place" in said and not (tmp_path / "new").exists()


def _changed(path: Path, target: Path, name: str, content: bytes) -> None:
    """An archive in which one file is another; its checksum in the list stays."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as made:
        for one in old.namelist():
            made.writestr(one, content if one == name else old.read(one))


def test_a_backup_that_was_changed_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    small_home(tmp_path / "home")
    good, bad = tmp_path / "b.zip", tmp_path / "bad.zip"
    back_up(good, tmp_path / "home")
    listed = json.loads(zipfile.ZipFile(good).read("backup.json"))

    def refuse(says: str) -> None:
        with pytest.raises(DataError, match=says):
            restore(bad, tmp_path / "new")
        assert not (tmp_path / "new").exists() and not list(tmp_path.glob(".new*"))

    _changed(good, bad, "registry/versions/0001/model.onnx", b"another")
    refuse("changed after it was made.*model.onnx")
    _changed(good, bad, "events.db", b"no database")
    refuse("changed after it was made.*events.db")
    for name in ("../evil", "/evil", "registry/../../evil", "C:/evil", "bin/evil"):
        files = {**listed["files"], name: listed["files"]["registry/versions/0001/model.onnx"]}
        text = json.dumps({**listed, "files": files}).encode()
        _changed(good, tmp_path / "half.zip", "backup.json", text)
        with zipfile.ZipFile(tmp_path / "half.zip", "a") as more:
            more.writestr(name, "x" * 500)
        shutil.move(tmp_path / "half.zip", bad)
        refuse("that no home has")
    _changed(good, bad, "backup.json", json.dumps({**listed, "format": 2}).encode())
    refuse("newer ecomlib")
    _changed(good, bad, "backup.json", json.dumps({**listed, "files": {}}).encode())
    refuse("lists no files")
    _changed(good, bad, "backup.json", json.dumps({**listed, "events": 7}).encode())
    refuse("holds 3 events, and says that it holds 7")
    _changed(good, bad, "backup.json", b"[]")
    refuse("not a backup, or it is damaged")
    bad.write_bytes(good.read_bytes()[:-200])
    refuse("not a backup, or it is damaged")
    bad.write_bytes(b"a shopping list")
    refuse("not a backup, or it is damaged")


KILLED = """
import os, signal, sys
from ecomlib.serving.live import backup
plain, left = backup._add, int(sys.argv[3])
def add(*given):
    global left
    plain(*given)
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
backup._add = add
backup.back_up(sys.argv[1], sys.argv[2])
"""


@posix
def test_killed_in_the_midst_the_older_backup_stays(tmp_path: Path) -> None:
    home, file = small_home(tmp_path / "home"), tmp_path / "b.zip"
    back_up(file, home)
    before = file.read_bytes()
    with closing(EventLog(database_url(home))) as log:
        log.append([Event("more", "p", "r", datetime(2024, 1, 1), 1, 1.0)])
    for number in (1, 4):
        done = subprocess.run([sys.executable, "-c", KILLED, str(file), str(home), str(number)], capture_output=True)
        assert done.returncode == -9, done.stderr
        assert file.read_bytes() == before
    assert back_up(file, home).events == 4


def test_a_damaged_database_is_no_backup(tmp_path: Path) -> None:
    home = small_home(tmp_path / "home", events=2_000)
    with closing(sqlite3.connect(home / "events.db")) as held:
        held.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with (home / "events.db").open("r+b") as file:
        file.seek(3 * 4096)
        file.write(b"\xff" * 3 * 4096)
    code, said = run("backup", str(tmp_path / "b.zip"), "--home", str(home))
    assert code == 1 and ("damaged" in said or "malformed" in said), said
    assert not (tmp_path / "b.zip").exists()


def test_the_trained_home_comes_back(tmp_path: Path) -> None:
    back_up(tmp_path / "b.zip", trained_home())
    restore(tmp_path / "b.zip", tmp_path / "new")
    assert registry(tmp_path / "new").open().card == registry(trained_home()).open().card
