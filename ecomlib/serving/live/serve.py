"""Serves the version in force over HTTP, until SIGTERM or Ctrl-C ends the process."""

from __future__ import annotations

import argparse
import ipaddress
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from ecomlib.errors import DataError, EcomlibError


def serve(home: Path, *, host: str = "127.0.0.1", port: int = 8000, database: str | None = None) -> None:
    """Serve the version in force until the process receives the signal to end (lesson 08, section 2).

    Raises
    ------
    DataError
        Another address than loopback without a write key, or a home without a version in force.
    """
    import uvicorn

    from ecomlib.serving.live.app import create_app
    from ecomlib.serving.release.bundle import KEY

    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback and not os.environ.get(KEY):
        remedy = f"set {KEY} in the environment to a long random text, or listen on 127.0.0.1."
        raise DataError("anybody who reaches this address could write events", value=host, remedy=remedy)
    app = create_app(home, database)
    print(f"version {app.state.service.state.bundle.number:04d} at http://{host}:{port}", file=sys.stderr, flush=True)
    signal.signal(signal.SIGTERM, lambda *_: None)  # uvicorn ends in order, and then sends itself the signal once more
    settings = {"access_log": False, "server_header": False, "log_level": "warning", "timeout_graceful_shutdown": 5}
    uvicorn.run(app, host=host, port=port, **settings)  # type: ignore[arg-type]


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the options of ``ecomlib serve`` and serve; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--database")
    asked = parser.parse_args(arguments)
    try:
        serve(asked.home, host=asked.host, port=asked.port, database=asked.database)
    except EcomlibError as error:
        print(f"ecomlib: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
