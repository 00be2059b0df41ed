"""Runs the service in a process of its own, for a notebook or a test: on a free port, silent, always shut down.

A lesson that starts a server must not leave it running, whatever happens in between (lesson 08, section 2).
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ecomlib.errors import DataError

_ATTEMPTS = 5  # another process may take the free port in the moment between


class ServerProcess:
    """Runs a web server as a subprocess on 127.0.0.1; ``running`` makes it. One connection stays open, for one caller.

    ``command`` starts it, with ``{port}`` in the place of the port; it is there when ``GET ready`` answers 200.
    """

    def __init__(self, command: Sequence[str], ready: str = "/ready", patience: float = 60.0) -> None:
        self.command, self.ready, self.patience = tuple(command), ready, patience
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None
        self._line: http.client.HTTPConnection | None = None
        keys = (os.environ.get(name, "").strip() for name in ("ECOMLIB_WRITE_KEY", "ECOMLIB_READ_KEY"))
        key = next(filter(None, keys), "")  # the server has the same environment
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    @property
    def url(self) -> str:
        """Where it listens; another port after each start."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> float:
        """Start it, wait until it is ready, return the seconds; ``DataError`` with its output if it ends first."""
        begun, said = time.perf_counter(), ""
        for _ in range(_ATTEMPTS):
            self.port = _free_port()
            command = [word.replace("{port}", str(self.port)) for word in self.command]
            with tempfile.TemporaryFile() as words:  # a pipe that nobody reads would stop the server when it is full
                self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=words, stderr=words)
                while self.process.poll() is None and time.perf_counter() - begun < self.patience:
                    if self._answers():
                        return time.perf_counter() - begun
                    time.sleep(0.02)
                words.seek(0)
                said = words.read().decode(errors="replace").strip()
            if self.process.poll() is None:
                break
        self.stop()
        raise DataError("the service did not start", value=said[-500:], remedy="start it in a terminal: ecomlib serve.")

    def stop(self) -> None:
        """Ask it to end, and end it by force if it does not within ten seconds."""
        self._hang_up()
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()
        self.process = None

    def kill(self) -> None:
        """Kill it with ``kill -9``: no clean shutdown, as in a power cut (lesson 08, section 4)."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self._hang_up()

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        """Send one request; return status and body. ``OSError`` or ``HTTPException`` where the server is gone.

        A server ends a line on which nothing was said for some seconds. What only asks is then asked once more.
        """
        if self._line is not None and method == "GET":
            with contextlib.suppress(ConnectionError):  # RemoteDisconnected is one
                return self._ask(method, path, body)
        return self._ask(method, path, body)

    def _ask(self, method: str, path: str, body: Any) -> tuple[int, bytes]:
        if self._line is None:
            self._line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            self._line.connect()
            self._line.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        content = None if body is None else json.dumps(body, allow_nan=False).encode()
        try:
            kind = {"Content-Type": "application/json"} if content else {}
            self._line.request(method, path, content, self._headers | kind)
            answer = self._line.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            self._hang_up()
            raise

    def get(self, path: str) -> Any:
        """Return the JSON that ``GET path`` answers; ``DataError`` for anything but 200."""
        return self._json("GET", path)

    def post(self, path: str, body: Any) -> Any:
        """Return the JSON that ``POST path`` answers; ``DataError`` for anything but 200."""
        return self._json("POST", path, body)

    def _json(self, method: str, path: str, body: Any = None) -> Any:
        status, content = self.ask(method, path, body)
        if status != 200:
            raise DataError(f"the service answered {status} to {method} {path}: {complaint(content)}")
        return json.loads(content)

    def _answers(self) -> bool:
        try:
            return self.ask("GET", self.ready)[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line.close()
        self._line = None


def complaint(content: bytes) -> str:
    """Say in words what an answer of the service complains about: the place, the rule and the value of each fault.

    An answer in another shape stands as it is, cut to 300 signs.
    """
    text = content.decode(errors="replace")
    try:
        detail = json.loads(text)["detail"]
        if isinstance(detail, str):
            return detail
        said = []
        for fault in detail[:3]:
            place = ", ".join(str(part) for part in fault["loc"] if part != "body")
            value = f" (found '{str(fault['input'])[:60]}')" if "input" in fault else ""
            said.append(f"{place}: {fault['msg']}{value}")
        return "; ".join(said) + (f"; and {len(detail) - 3} more" if len(detail) > 3 else "")
    except (ValueError, KeyError, TypeError):
        return text[:300]


@contextmanager
def running(
    home: str | os.PathLike[str], *more: str, command: Sequence[str] | None = None, ready: str = "/ready"
) -> Iterator[ServerProcess]:
    """Run the service of ``home`` (``ecomlib serve``) while the block lasts (lesson 08, section 2).

    ``more`` are further options of the command, such as ``"--database", URL``. Another server is started by a
    ``command`` of its own, with ``{port}`` in it.
    """
    own = [sys.executable, "-m", "ecomlib.serving.live.serve", "--home", str(Path(home)), "--port", "{port}", *more]
    service = ServerProcess(command or own, ready)
    try:
        service.start()
        yield service
    finally:
        service.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
