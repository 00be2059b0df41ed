"""A PostgreSQL server of one's own for the tests: made in a temporary folder, on loopback, gone afterwards."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def _tool(name: str) -> str | None:
    found = shutil.which(name)
    return found or next(
        (str(p) for p in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)), None
    )


def _as_somebody() -> dict[str, Any]:
    """The server refuses to run as root: take the user postgres, or nobody."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:  # Windows has no such user
        return {}
    import pwd

    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    return {}


@contextlib.contextmanager
def server() -> Iterator[str | None]:
    """The URL of an empty database, or None where no server is installed. ECOMLIB_TEST_POSTGRES names another one."""
    given = os.environ.get("ECOMLIB_TEST_POSTGRES")
    initdb, postgres = _tool("initdb"), _tool("pg_ctl")
    if given or not initdb or not postgres:
        yield given
        return
    who = _as_somebody()
    folder = Path(tempfile.mkdtemp(prefix="ecomlib-postgres-"))
    try:
        if who:
            os.chown(folder, who["user"], who["group"])
        data = folder / "data"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        quiet: dict[str, Any] = {"check": True, "cwd": folder, "stdout": subprocess.DEVNULL, **who}
        subprocess.run([initdb, "-D", data, "-U", "shop", "-A", "trust", "-E", "UTF8", "--no-sync"], **quiet)
        options = f"-c listen_addresses=127.0.0.1 -p {port} -k {folder}"
        subprocess.run([postgres, "-D", data, "-w", "-o", options, "-l", folder / "log", "start"], **quiet)
        try:
            yield f"postgresql+psycopg://shop@127.0.0.1:{port}/postgres"
        finally:
            subprocess.run([postgres, "-D", data, "-m", "immediate", "stop"], **quiet)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
