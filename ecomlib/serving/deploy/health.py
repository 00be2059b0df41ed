"""Asks a running service whether it is ready: exit status 0 or 1, for containers and service managers."""

from __future__ import annotations

import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

SECRETS = "/run/secrets"  # where container engines put files of secrets
_PATIENCE = 4.0  # seconds for one answer


def ready(port: int, key: str = "") -> bool:
    """Ask ``/ready`` of a service on this machine."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/ready", headers=headers)
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
    return ""


def main(seconds: float = 0.0) -> int:
    """Ask until the service is ready, at most so many seconds; return the exit status."""
    port, end = int(os.environ.get("ECOMLIB_PORT") or 8000), time.monotonic() + seconds
    while not ready(port, read_key()):
        if time.monotonic() >= end:
            return 1
        time.sleep(0.5)
    return 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 0.0))
