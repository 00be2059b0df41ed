"""A service in a subprocess: ready when the block begins, gone when it ends, whatever happens in between."""

from __future__ import annotations

import http.client
import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("onnxruntime")
from serving_help import copy_home, event

from ecomlib.errors import DataError
from ecomlib.serving.live.server_process import ServerProcess, complaint, running

pytestmark = pytest.mark.slow

SERVER = """
import http.server, sys

class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200 if self.path == "/ready" else 404)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
        self.close_connection = self.path == "/ready"  # and does not say so, as after some seconds of silence

http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
"""


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    (tmp_path / "server.py").write_text(SERVER, encoding="utf-8")
    return [sys.executable, str(tmp_path / "server.py"), "{port}"]


def test_it_is_stopped_even_where_the_block_fails(command: list[str]) -> None:
    with pytest.raises(RuntimeError, match="in between"), running("", command=command) as service:
        process = service.process
        assert service.ask("GET", "/ready") == (200, b"{}") and service.get("/ready") == {}
        with pytest.raises(DataError, match="answered 404 to GET /other"):
            service.get("/other")
        raise RuntimeError("in between")
    assert process is not None and process.poll() is not None
    with pytest.raises(OSError):
        service.ask("GET", "/ready")


def test_a_line_that_the_server_ended_is_replaced(command: list[str]) -> None:
    with running("", command=command) as service:
        assert [service.ask("GET", "/ready")[0] for _ in range(3)] == [200, 200, 200]
        with pytest.raises(ConnectionError):
            service.ask("POST", "/ready", {})  # may have been taken: whoever sends it decides


def test_killed_and_started_again(command: list[str]) -> None:
    with running("", command=command) as service:
        service.kill()
        with pytest.raises((OSError, http.client.HTTPException)):
            service.ask("GET", "/ready")
        assert 0 < service.start() < 60
        assert service.ask("GET", "/ready")[0] == 200
        service.stop()
        service.stop()


def test_a_server_that_ends_says_why() -> None:
    failing = ServerProcess([sys.executable, "-c", "raise SystemExit('no disk, port {port}')"])
    with pytest.raises(DataError, match=r"did not start.*no disk"):
        failing.start()
    silent = ServerProcess([sys.executable, "-c", "import time; time.sleep(60)"], patience=0.5)
    with pytest.raises(DataError, match="did not start"):
        silent.start()
    assert silent.process is None


def test_the_service_itself(tmp_path: Path) -> None:
    home = copy_home(tmp_path / "home")
    with running(home) as service:
        assert service.post("/events", event("a")) == {"received": 1, "new": 1, "late": 0, "waiting": 0}
        service.kill()
        service.start()
        assert service.post("/events", event("a")) == {"received": 1, "new": 0, "late": 0, "waiting": 0}
        assert service.get("/ready")["ready"]
    with running(home, "--database", f"sqlite:///{tmp_path / 'other.db'}") as service:
        assert service.get("/overview")["events"] == 0


def test_a_complaint_is_a_sentence() -> None:
    faults = [{"loc": ["body", "events", 307, "quantity"], "msg": "should be at most 9", "input": 12}]
    assert (
        complaint(json.dumps({"detail": faults}).encode()) == "events, 307, quantity: should be at most 9 (found '12')"
    )
    many = complaint(json.dumps({"detail": faults * 5}).encode())
    assert many.count("events, 307") == 3 and many.endswith("; and 2 more")
    assert complaint(b'{"detail": "no such product"}') == "no such product"
    assert complaint(b"<html>gone") == "<html>gone" and complaint(b"[1]") == "[1]"
