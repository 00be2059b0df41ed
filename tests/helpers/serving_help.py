"""What the tests of the service share: a trained tiny home, made once, and a server in a process of its own."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ecomlib.serving.live.event_log import Event

from filelock import FileLock

ROOT = Path(__file__).resolve().parents[2]


@cache
def trained_home() -> Path:
    """A home with version 1 in force; copy it before you write to it.

    It is a network for the tiny store of seed 0, four weeks of which are held out.
    Made once a day and checkout: it lies in the temporary folder under the hash of the package's sources.
    """
    import hashlib

    from ecomlib.serving.release.bundle import registry
    from ecomlib.serving.release.train import ReleaseSettings, train
    from ecomlib.stores import load_store

    digest = hashlib.sha256()
    for path in sorted((ROOT / "ecomlib").rglob("*.py")):
        if "course" not in path.parts:
            digest.update(path.read_bytes())
    home = Path(tempfile.gettempdir()) / f"ecomlib-tests-{getpass.getuser()}" / digest.hexdigest()[:16]
    home.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(home.parent / "lock"):
        if not (home / "done").exists():
            shutil.rmtree(home, ignore_errors=True)
            store = load_store("simulated", size="tiny", seed=0).observed()
            source = {"store": "simulated", "size": "tiny", "seed": 0}
            made = train(
                store, home, ReleaseSettings(text=False, hold_out=4, model="gru", customers=True), source=source
            )
            registry(home).promote(made.version.number, "the first version")
            (home / "done").touch()
    return home


def copy_home(target: Path) -> Path:
    """A copy of the trained home that a test may write to."""
    return Path(shutil.copytree(trained_home(), target, ignore=shutil.ignore_patterns("forecasts")))


def free_port() -> int:
    """A port on loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """``ecomlib serve`` in a process of its own; ``url``, ``process``, and two plain ways to ask."""

    def __init__(
        self,
        home: Path,
        *more: str,
        port: int | None = None,
        python: str = sys.executable,
        cwd: Path = ROOT,
        **environment: str,
    ) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [python, "-m", "ecomlib.cli", "serve", "--home", str(home), "--port", str(self.port)]
        # Not a pipe: one that nobody reads would stop the server when it is full.
        self._words = tempfile.TemporaryFile()  # noqa: SIM115
        self.process = subprocess.Popen(
            [*command, *more],
            env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
            cwd=cwd,
            stdout=subprocess.DEVNULL,
            stderr=self._words,
        )

    def wait(self, seconds: float = 60.0) -> Server:
        """Until /ready says so; RuntimeError with what the server wrote where it ended or never came."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(OSError):
                if self.ask("GET", "/ready")[0] == 200:
                    return self
            time.sleep(0.05)
        self.process.kill()
        self.process.wait()
        raise RuntimeError(f"the server did not come up: {self.said()}")

    def said(self) -> str:
        """What the server has written until now."""
        self._words.seek(0)
        return self._words.read().decode(errors="replace")

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Status and decoded JSON (or text) of one request."""
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()}
        request = urllib.request.Request(self.url + path, data, sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                status, raw = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, raw = error.code, error.read()
        with contextlib.suppress(ValueError):
            return status, json.loads(raw)
        return status, raw.decode()

    def get(self, path: str) -> Any:
        """The answer of a GET that must succeed."""
        status, answer = self.ask("GET", path)
        assert status == 200, (status, answer)
        return answer

    def kill(self) -> None:
        """kill -9 (on Windows: TerminateProcess)."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM, as a service manager does; the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        return self.process.returncode


@contextlib.contextmanager
def serving(home: Path, *more: str, **environment: str) -> Iterator[Server]:
    """A server that is ready, stopped afterwards whatever happens."""
    server = Server(home, *more, **environment)
    try:
        yield server.wait()
    finally:
        if server.process.poll() is None:
            server.kill()


def event(
    key: str,
    product: str = "P0001",
    region: str = "R01",
    at: str = "2025-06-04T10:00:00",
    quantity: int = 3,
    **more: Any,
) -> dict[str, Any]:
    """An event as a sender writes it; the tiny home's cutoff week is that of 2025-05-26."""
    return {
        "event_key": key,
        "product_id": product,
        "region_id": region,
        "ordered_at": at,
        "quantity": quantity,
        "unit_price": 2.5,
        **more,
    }


START = datetime(2025, 6, 2)  # the first Monday after the trained home's cutoff week


def order_event(
    key: str, hours: float, product: int = 1, region: int = 1, quantity: int = 2, kind: str = "order"
) -> Event:
    """An event so many hours after the cutoff week."""
    from ecomlib.serving.live.event_log import Event

    when = START + timedelta(seconds=int(hours * 3600))
    return Event(key, f"P{product:04d}", f"R{region:02d}", when, quantity, 1.5, kind)  # type: ignore[arg-type]


def until(said: Callable[[], Any], seconds: float = 20.0) -> None:
    """Wait for what a thread or a process does when it comes to it."""
    end = time.monotonic() + seconds
    while not said():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)
