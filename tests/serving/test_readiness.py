"""A served database that is locked, deleted, mended: what senders, readers and /ready are told, and how soon."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

pytest.importorskip("fastapi")
from serving_help import Server, event, serving, trained_home
from systems import posix


def until_ready(server: Server) -> None:
    end = time.monotonic() + 20
    while server.ask("GET", "/ready")[0] != 200:
        assert time.monotonic() < end
        time.sleep(0.1)


@posix
def test_locked_deleted_and_mended(tmp_path: Path) -> None:
    path, answers = tmp_path / "events.db", []
    with serving(trained_home(), "--database", f"sqlite:///{path}") as server:
        assert server.ask("POST", "/events", event("before"))[0] == 200

        def tell(key: str) -> None:
            began = time.monotonic()
            answers.append((server.ask("POST", "/events", event(key))[0], time.monotonic() - began))

        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            senders = [threading.Thread(target=tell, args=(f"locked {k}",)) for k in range(8)]
            for sender in senders:
                sender.start()
            began = time.monotonic()
            for question in ("/forecast/P0001/R01", "/overview", "/health"):
                assert server.ask("GET", question)[0] == 200
            assert time.monotonic() - began < 2, "whoever reads is not kept waiting"
            for sender in senders:
                sender.join()
            assert {status for status, _ in answers} == {503}
            assert max(seconds for _, seconds in answers) < 9, "not two seconds one after another"
            status, said = server.ask("GET", "/ready")
            assert status == 503 and "locked" in said["why"] and not said["ready"] and not said["database"]
            other.execute("ROLLBACK")
        until_ready(server)
        assert server.ask("POST", "/events", event("locked 1"))[1]["new"] == 1

        aside = path.rename(tmp_path / "aside.db")
        status, said = server.ask("GET", "/ready")
        assert status == 200 or "deleted" in said["why"], "an answer stands for a second"
        assert server.ask("POST", "/events", event("lost"))[0] == 503
        status, said = server.ask("GET", "/ready")
        assert status == 503 and "deleted" in said["why"]
        aside.rename(path)
        until_ready(server)
        assert server.ask("POST", "/events", event("lost"))[1]["new"] == 1
        assert server.get("/forecast/P0001/R01")["weeks"][0]["sold"] == 9
        assert server.stop() == 0
    with closing(sqlite3.connect(path)) as held:
        assert {key for (key,) in held.execute("SELECT event_key FROM events")} == {"before", "locked 1", "lost"}
    assert not path.with_name("events.db-wal").exists(), "ended in order, all is in one file"
