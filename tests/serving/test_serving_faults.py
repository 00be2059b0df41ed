"""The service when things go wrong: killed, its database gone, its disk full, its callers rude, its version broken."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import postgres
import pytest

pytest.importorskip("fastapi")
pytest.importorskip("sqlalchemy")
pytest.importorskip("psutil")
import sqlalchemy as sql
from serving_help import Server, copy_home, event, serving, trained_home

from ecomlib.serving.live.event_log import EVENTS, Event, EventLog
from ecomlib.serving.release.bundle import registry

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="kill -9 and limits are POSIX")]


@pytest.fixture
def proof() -> ModuleType:
    """The recorded benchmark's own functions: what is tested here is what was measured there."""
    from benchmarks.service import kills as benchmark

    return benchmark


@pytest.fixture(scope="module")
def postgres_url() -> Iterator[str | None]:
    with postgres.server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path, postgres_url: str | None) -> str:
    """The URL of an empty database of each kind; PostgreSQL where a server is installed."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'events.db'}"
    if not postgres_url:
        pytest.skip("no PostgreSQL server is installed here")
    log = EventLog(postgres_url)
    with log.engine.begin() as connection:
        connection.execute(sql.delete(EVENTS))
    log.close()
    return postgres_url


def test_kill_9_at_any_moment(proof: ModuleType, url: str) -> None:
    """Five of the hundred kills that are recorded; the last comes at rest, and then every forecast is as before."""
    found = proof.kills(trained_home(), url, 5)
    assert found["acknowledged"].sum() > 500 and (found["forecasts"] == 600).all()
    for fault in ("missing", "torn", "unknown", "differ_from_fresh", "differ_from_before"):
        assert found[fault].sum() == 0, found.T.to_string()
    assert found["differ_from_before"].notna().sum() == 1


def stored(url: str) -> set[str]:
    log = EventLog(url)
    with log.engine.connect() as connection:
        found = set(connection.execute(sql.select(EVENTS.c.event_key)).scalars())
    log.close()
    return found


def test_one_key_from_many_senders(url: str) -> None:
    """Eight senders tell the same 400 orders in batches that overlap: each is new exactly once and counts once."""
    new: list[int] = []
    with serving(trained_home(), "--database", url) as server:

        def send(number: int) -> None:
            for start in range(0, 400, 50):
                order = range(start, min(start + 60, 400))
                batch = [event(f"k{k}", quantity=1) for k in (order if number % 2 else reversed(order))]
                status, answer = server.ask("POST", "/events", {"events": batch})
                assert status == 200, answer
                new.append(answer["new"])

        _together([threading.Thread(target=send, args=(number,)) for number in range(8)])
        assert sum(new) == 400 and len(new) == 64
        assert server.get("/forecast/P0001/R01")["weeks"][0]["sold"] == 400
    assert len(stored(url)) == 400


def test_asked_to_end_it_ends_after_what_it_has_begun(url: str) -> None:
    """SIGTERM in the midst of orders: exit status 0, soon, and every acknowledged event is there."""
    acknowledged: set[str] = set()

    def send(server: Server, name: int) -> None:
        for number in itertools.count():
            keys = [f"{name}-{number}-{k}" for k in range(200)]
            try:
                status, _ = server.ask("POST", "/events", {"events": [event(key) for key in keys]})
            except OSError:
                return
            assert status == 200
            acknowledged.update(keys)

    with serving(trained_home(), "--database", url) as server:
        senders = [threading.Thread(target=send, args=(server, name), daemon=True) for name in range(2)]
        for sender in senders:
            sender.start()
        time.sleep(0.5)
        began = time.monotonic()
        assert server.stop() == 0 and time.monotonic() - began < 8
        for sender in senders:
            sender.join(10)
    assert acknowledged and acknowledged <= stored(url)


def test_a_database_server_that_goes_and_comes_back(postgres_url: str | None) -> None:
    """Forecasts are answered all the same, orders are refused with 503, and taken as soon as it is back."""
    if not postgres_url:
        pytest.skip("no PostgreSQL server is installed here")
    admin = sql.create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as boss:
        boss.execute(sql.text("DROP DATABASE IF EXISTS shop"))
        boss.execute(sql.text("CREATE DATABASE shop"))

        def allow(yes: bool) -> None:
            boss.execute(sql.text(f"ALTER DATABASE shop WITH ALLOW_CONNECTIONS {yes}"))
            if not yes:
                boss.execute(sql.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'shop'"))

        shop = sql.make_url(postgres_url).set(database="shop").render_as_string(hide_password=False)
        with serving(trained_home(), "--database", shop) as server:
            assert server.ask("POST", "/events", event("before"))[0] == 200
            before = server.get("/forecast/P0001/R01")
            allow(False)
            assert server.ask("POST", "/events", event("while"))[0] == 503
            assert server.ask("GET", "/ready")[0] == 503 and server.ask("GET", "/health")[0] == 200
            assert server.get("/forecast/P0001/R01") == before, "what was not committed is not counted"
            allow(True)
            assert server.ask("POST", "/events", event("while"))[1]["new"] == 1
            assert server.ask("GET", "/ready")[0] == 200
            assert server.get("/forecast/P0001/R01")["weeks"][0]["sold"] == 6
        assert stored(shop) == {"before", "while"}
        boss.execute(sql.text("DROP DATABASE shop WITH (FORCE)"))
    admin.dispose()


def test_a_full_disk(tmp_path: Path) -> None:
    """When the disk takes no more: 503, nothing half stored, nothing counted; after the mending all goes on."""
    resource = pytest.importorskip("resource", reason="needs limits on the size of a file, which Windows has not")
    if not hasattr(resource, "prlimit"):
        pytest.skip("only Linux can limit another process")
    url = f"sqlite:///{tmp_path / 'events.db'}"
    acknowledged: list[str] = []
    with serving(trained_home(), "--database", url) as server:
        most = 2 * 2**20  # bytes that any file of the server may have from now on
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
        status = 200
        for number in range(60):
            keys = [f"{number}-{k}" for k in range(1_000)]
            status, answer = server.ask("POST", "/events", {"events": [event(key, quantity=1) for key in keys]})
            if status != 200:
                break
            acknowledged += keys
        assert status == 503 and "database" in str(answer), answer
        assert acknowledged
        assert server.ask("GET", "/health")[0] == 200
        assert server.get("/forecast/P0001/R01")["weeks"][0]["sold"] == len(acknowledged)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        status, answer = server.ask("POST", "/events", {"events": [event(key, quantity=1) for key in keys]})
        assert status == 200 and answer["new"] == 1_000
        assert server.get("/forecast/P0001/R01")["weeks"][0]["sold"] == len(acknowledged) + 1_000
    assert stored(url) == {*acknowledged, *keys}


def test_rude_callers_do_not_stop_it(tmp_path: Path) -> None:
    """Half a request, noise, a body that ends too soon, a hundred idle connections: the next caller is answered."""
    half = b"POST /events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"
    noise = [
        b"",
        b"GET",
        b"\x00" * 500,
        b"GET /forecast/P0001/R01 HTTP\r\n\r\n",
        b"\x16\x03\x01\x02\x00" + b"\xff" * 300,
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 5_000,
        half,
        half[:40],
        b"GET /%00%ff/\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /forecast/" + b"A" * 100_000 + b"/R01 HTTP/1.1\r\nHost: x\r\n\r\n",
    ]
    with serving(trained_home(), "--database", f"sqlite:///{tmp_path / 'events.db'}") as server:
        idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(100)]
        for sent in noise:
            with socket.create_connection(("127.0.0.1", server.port), timeout=10) as caller:
                with contextlib.suppress(OSError):
                    caller.sendall(sent)
                if sent not in (b"", b"GET", half, half[:40]):
                    with contextlib.suppress(ConnectionResetError):
                        answer = caller.recv(1 << 16)
                        assert not answer or answer[9:10] == b"4", (sent[:40], answer[:100])
        for caller in idle:
            caller.close()
        assert server.get("/forecast/P0001/R01")["weeks"][0]["sold"] == 0
        assert server.ask("POST", "/events", event("a"))[0] == 200
        assert 'status="5' not in str(server.ask("GET", "/metrics")[1])


def test_a_clock_that_was_pushed_to_its_end(tmp_path: Path) -> None:
    """Orders that confirm each other move the clock of replayed time as far as a caller likes: to 2199, no further."""
    url = f"sqlite:///{tmp_path / 'events.db'}"
    log = EventLog(url)
    log.append([Event(f"far {day}", f"P{day:04d}", "R01", datetime(2199, 12, day), 1, 1.0) for day in (28, 29, 30)])
    log.close()
    with serving(trained_home(), "--database", url) as server:
        for path in ("/forecast/P0001/R01?history=104", "/overview", "/drift", "/replenish", "/catalogue"):
            assert server.ask("GET", path)[0] == 200, path
        assert server.ask("POST", "/events", event("next", at="2199-12-31T23:59:59"))[0] == 200
        status, answer = server.ask("POST", "/events", event("beyond", at="2200-01-01"))
        assert status == 422 and answer["detail"][0]["loc"] == ["body", "ordered_at"]


def test_versions_change_under_load_without_an_error(tmp_path: Path) -> None:
    """Promoted and rolled back while orders and questions come in: only 200s, both versions seen, no order lost."""
    home = copy_home(tmp_path / "home")
    versions = registry(home)

    def twin(folder: Path) -> dict[str, Any]:
        shutil.copytree(versions.open(1).path, folder, ignore=shutil.ignore_patterns("card.json"), dirs_exist_ok=True)
        return {}

    versions.publish(twin)
    stop, wrong, seen, sent = threading.Event(), [], set(), []
    with serving(home) as server:

        def ask() -> None:
            while not stop.is_set():
                status, answer = server.ask("GET", "/forecast/P0001/R01")
                seen.add(answer["version"]) if status == 200 else wrong.append(answer)

        def tell() -> None:
            for number in itertools.count():
                if stop.is_set():
                    return
                status, answer = server.ask("POST", "/events", event(f"k{number}", quantity=1))
                sent.append(number) if status == 200 and answer["new"] == 1 else wrong.append(answer)

        threads = [threading.Thread(target=ask), threading.Thread(target=tell)]
        for thread in threads:
            thread.start()
        for version in (2, 1, 2):
            versions.promote(version, "a test")
            _until(lambda v=version: server.get("/overview")["version"] == v)
        stop.set()
        for thread in threads:
            thread.join()
        assert not wrong and seen == {1, 2} and len(sent) > 50
        assert server.get("/forecast/P0001/R01")["weeks"][0]["sold"] == len(sent)


def test_a_broken_version_is_not_taken(tmp_path: Path) -> None:
    """Spoiled between promotion and loading: the one in force stays, and /ready says what is wrong."""
    home = copy_home(tmp_path / "home")
    versions = registry(home)
    with serving(home) as server:
        made = versions.publish(lambda folder: (folder / "model.onnx").write_bytes(b"no network") and {})
        versions.promote(made.number, "by mistake")
        _until(lambda: "trouble" in server.get("/ready"))
        assert server.get("/forecast/P0001/R01")["version"] == 1
        versions.roll_back("it was a mistake")
        _until(lambda: "trouble" not in server.get("/ready"))
        assert server.ask("POST", "/events", event("a"))[0] == 200


def _together(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _until(true: Any, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "this did not happen in time"
        time.sleep(0.05)
