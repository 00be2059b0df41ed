"""Who may ask: by Host, Origin and key; what is refused is logged, HEAD is GET, and the slow are not waited for."""

from __future__ import annotations

import base64
import json
import logging
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("httpx")
from fastapi.testclient import TestClient
from serving_help import copy_home, event, serving, trained_home
from systems import posix

from ecomlib.serving.live import security
from ecomlib.serving.live.app import create_app
from ecomlib.serving.live.audit import JsonLines
from ecomlib.serving.live.configuration import ServeSettings
from ecomlib.serving.release.bundle import registry

WRITE, READ = "a key to write with", "a key to read with"


def asking(tmp_path: Path, **settings: Any) -> TestClient:
    made = create_app(trained_home(), f"sqlite:///{tmp_path / 'events.db'}", ServeSettings(**settings))
    return TestClient(made, base_url="http://127.0.0.1:8000", follow_redirects=False)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Listens on loopback, without a key; one more name is allowed."""
    with asking(tmp_path_factory.mktemp("open"), allowed_hosts=("shop.example",)) as made:
        yield made


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Wants a key to write and one to read."""
    with asking(tmp_path_factory.mktemp("locked"), write_key=WRITE, read_key=READ) as made:
        yield made


def bearer(key: str, word: str = "Bearer") -> dict[str, str]:
    return {"Authorization": f"{word} {key}"}


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.1.2.3:8000", "[::1]:9", "shop.example"])
def test_names_of_its_own_are_answered(client: TestClient, host: str) -> None:
    assert client.get("/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "localhost.evil.example",
        "192.168.1.9",
        "127.0.0.1@evil.example",
        "",
        "[::1",
    ],
)
def test_other_names_are_refused_whatever_is_asked(client: TestClient, host: str) -> None:
    for method, path in (("GET", "/overview"), ("GET", "/health"), ("POST", "/events"), ("GET", "/catalogue/")):
        answer = client.request(method, path, headers={"Host": host})
        assert answer.status_code == 400 and answer.json()["detail"][0]["loc"] == ["header", "host"], path
        assert "evil" not in answer.text and "location" not in answer.headers


@pytest.mark.parametrize(
    ("listens", "host", "known"),
    [
        ("0.0.0.0", "192.168.1.9:8000", True),
        ("0.0.0.0", "evil.example", False),
        ("::", "[fd00::1]:8000", True),
        ("192.168.1.9", "192.168.1.9", True),
        ("192.168.1.9", "192.168.1.10", False),
        ("shop.lan", "shop.lan:8000", True),
        ("shop.lan", "evil.lan", False),
    ],
)
def test_what_it_listens_on_is_its_own_name(listens: str, host: str, known: bool) -> None:
    assert security.known_host(host, ServeSettings(host=listens)) is known


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "https://shop.example"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:3000"}, 403),
        ({"Origin": "http://127.0.0.1"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://[::"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
def test_only_its_own_pages_write(client: TestClient, headers: dict[str, str], status: int) -> None:
    before = client.get("/overview").json()["events"]
    answer = client.post("/events", json=event(f"{headers}"), headers=headers)
    assert answer.status_code == status
    assert client.get("/overview").json()["events"] == before + (status == 200)
    asked = client.post("/whatif", json={"product_id": "P0001", "promoted": True}, headers=headers)
    assert asked.status_code == status
    assert client.get("/ready", headers=headers).status_code == 200, "whoever reads only gets what CORS lets it see"


def test_the_keys(locked: TestClient) -> None:
    assert locked.get("/health").status_code == 200
    for path in ("/", "/overview", "/ready", "/metrics", "/forecast/P0001/R01", "/openapi.json", "/nowhere"):
        answer = locked.get(path)
        assert answer.status_code == 401 and "Basic" in answer.headers["www-authenticate"], path
        for key in (READ, WRITE):
            assert locked.get(path, headers=bearer(key)).status_code in (200, 404)
        assert locked.get(path, headers=bearer("wrong")).status_code == 401
    typed = base64.b64encode(f"anybody:{READ}".encode()).decode()
    assert locked.get("/", headers=bearer(typed, "Basic")).status_code == 200, "a browser asks for it"
    asked = {"product_id": "P0001", "promoted": True}
    assert locked.post("/whatif", json=asked).status_code == 401
    assert locked.post("/whatif", json=asked, headers=bearer(READ)).status_code == 200, "a question, nothing is written"
    for wrong in ({}, bearer(READ), bearer(WRITE, "Basic"), bearer(typed, "Basic"), bearer(""), bearer(WRITE + "x")):
        assert locked.post("/events", json=event("no"), headers=wrong).status_code == 401
        assert locked.post("/nowhere", headers=wrong).status_code == 401, "whatever may be written there one day"
    for word in ("Bearer", "bearer", "BEARER"):
        assert locked.post("/events", json=event(word), headers=bearer(WRITE, word)).status_code == 200


def test_the_description_names_the_keys(client: TestClient, locked: TestClient) -> None:
    described = locked.get("/openapi.json", headers=bearer(READ)).json()
    assert described["components"]["securitySchemes"] == {
        "write_key": {"type": "http", "scheme": "bearer"},
        "read_key": {"type": "http", "scheme": "bearer"},
    }
    paths = described["paths"]
    assert paths["/events"]["post"]["security"] == [{"write_key": []}]
    assert paths["/whatif"]["post"]["security"] == paths["/overview"]["get"]["security"] == [{"read_key": []}]
    assert "security" not in paths["/health"]["get"]
    assert "security" not in json.dumps(client.get("/openapi.json").json()["paths"])


def test_head_is_get_without_a_body(client: TestClient) -> None:
    for path in ("/", "/forecast/P0001/R01", "/overview", "/ready", "/assets/control_room.js", "/nowhere"):
        head, get = client.head(path), client.get(path)
        assert head.status_code == get.status_code and head.content == b"", path
        assert head.headers.get("content-length") == get.headers.get("content-length")
    assert 'route="/overview"' in client.get("/metrics").text
    assert client.head("/events").status_code == 405


def test_a_refused_write_is_one_line_with_who_and_no_key(locked: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="ecomlib.serving")
    locked.post("/events", json=event("a"), headers={**bearer("a hush key that is wrong"), "X-Request-ID": "order-7"})
    answer = locked.post("/events", json={"x": 1}, headers=bearer(WRITE))
    assert answer.status_code == 422
    locked.get("/overview")
    lines = [json.loads(JsonLines().format(record)) for record in caplog.records]
    refused = [line for line in lines if line["event"] == "refused write"]
    assert [(line["status"], line["path"]) for line in refused] == [(401, "/events"), (422, "/events")]
    assert refused[0]["request_id"] == "order-7" and refused[0]["client"].startswith("testclient")
    assert refused[1]["request_id"] == answer.headers["x-request-id"] and "event_key" in refused[1]["why"]
    assert "hush" not in str(lines) and WRITE not in str(lines) and refused[0]["at"].endswith("+00:00")


def test_an_id_that_would_break_the_log_is_replaced(client: TestClient) -> None:
    answer = client.post("/events", json={}, headers={"X-Request-ID": "a b\tc" + "x" * 200})
    assert len(answer.headers["x-request-id"]) == 32


@posix
def test_a_promotion_is_logged_and_the_slow_are_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the server itself: its log is JSON, half a request is closed, and SIGTERM answers whoever still sends."""
    home = copy_home(tmp_path / "home")
    registry(home).publish(lambda folder: _twin(home, folder))
    with serving(home) as server:
        registry(home).promote(2, "a test\nof lines")
        half = socket.create_connection(("127.0.0.1", server.port), timeout=30)
        half.sendall(b"GET /ready HTTP/1.1\r\nHost: loc")
        body = socket.create_connection(("127.0.0.1", server.port), timeout=30)
        body.sendall(
            b"POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n{"
        )
        began = time.monotonic()
        assert half.recv(100) == b"" and body.recv(100).startswith(b"HTTP/1.1 408")
        assert 5 < time.monotonic() - began < 25
        late = socket.create_connection(("127.0.0.1", server.port), timeout=30)
        late.sendall(
            b"POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n{"
        )
        time.sleep(0.3)
        server.process.terminate()
        assert late.recv(100).startswith(b"HTTP/1.1 503")
        server.process.wait(30)
        said = server.said()
    assert server.process.returncode == 0 and "Traceback" not in said
    first, *rest = said.splitlines()
    assert first == f"version 0001 at {server.url}"
    lines = [json.loads(line) for line in rest]
    promoted = next(line for line in lines if line["event"] == "promotion")
    assert promoted["version"] == 2 and promoted["why"] == "a test\nof lines" and "@" in promoted["who"]
    assert {line["status"] for line in lines if line["event"] == "refused write"} == {408, 503}


def _twin(home: Path, folder: Path) -> dict[str, Any]:
    import shutil

    first = registry(home).open(1)
    shutil.copytree(first.path, folder, ignore=shutil.ignore_patterns("card.json"), dirs_exist_ok=True)
    return dict(first.card["notes"])
