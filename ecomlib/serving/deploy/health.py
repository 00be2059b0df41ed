"""Asks a running service whether it is ready: exit status 0 or 1, for containers and service managers."""

from __future__ import annotations

import contextlib
import os
import sys
import time
import tomllib
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

SECRETS = "/run/secrets"  # where container engines put files of secrets
_PATIENCE = 4.0  # seconds for one answer


def settings() -> dict[str, Any]:
    """Return what the service's TOML file says; nothing where there is none, or the service will complain of it."""
    file = os.environ.get("ECOMLIB_CONFIG")
    with contextlib.suppress(OSError, ValueError):
        return tomllib.loads(Path(file).read_text(encoding="utf-8-sig")) if file else {}
    return {}


def address() -> str:
    """Name host and port of the service, as it reads them itself: of the environment, then of its file."""
    said = settings()
    host = str(os.environ.get("ECOMLIB_HOST") or said.get("host") or "127.0.0.1").strip()
    port = str(os.environ.get("ECOMLIB_PORT") or said.get("port") or 8000).strip()
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # all addresses: this machine's is one
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def ready(place: str, key: str = "") -> bool:
    """Ask ``/ready`` of a service at a host and port."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    request = urllib.request.Request(f"http://{place}/ready", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:
            return bool(answer.status == 200)
    except (OSError, ValueError):  # an answer of 4xx or 5xx is an OSError too
        return False


def read_key() -> str:
    """Return the key that reading needs: of the environment, of systemd's credential or of a container's secret."""
    if found := os.environ.get("ECOMLIB_READ_KEY", "").strip():
        return found
    for folder, name in ((os.environ.get("CREDENTIALS_DIRECTORY", ""), "read_key"), (SECRETS, "ecomlib_read_key")):
        if folder and (path := Path(folder) / name).is_file():
            return path.read_text(encoding="utf-8").strip()
    return str(settings().get("read_key", "")).strip()


def main(seconds: float = 0.0) -> int:
    """Ask until the service is ready, at most so many seconds; return the exit status."""
    end = time.monotonic() + seconds
    while not ready(address(), read_key()):
        if time.monotonic() >= end:
            return 1
        time.sleep(0.5)
    return 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 0.0))
