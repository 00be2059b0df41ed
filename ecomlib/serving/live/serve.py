"""Serves the version in force over HTTP, until SIGTERM or Ctrl-C ends the process."""

from __future__ import annotations

import argparse
import ipaddress
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from ecomlib.errors import DataError, EcomlibError
from ecomlib.serving.live.configuration import ServeSettings, read_settings
from ecomlib.serving.release.bundle import KEY, database_url

if TYPE_CHECKING:
    from fastapi import FastAPI

MOST_CALLERS = 500  # connections and requests at a time; more are answered 503


def serve(settings: ServeSettings, parts: Sequence[Callable[[FastAPI], None]] = ()) -> None:
    """Serve the version in force until the process receives the signal to end (lesson 08, section 2).

    ``parts`` add pages of their own to the application.

    Raises
    ------
    DataError
        Another address than loopback without a write key, an address that is taken, a home without a version in force,
        or a database that another server writes to.
    """
    from ecomlib.serving.live.app import create_app
    from ecomlib.serving.live.audit import log_as_json
    from ecomlib.serving.live.database import address_of, file_of

    if not _loopback(settings.host) and not settings.write_key:
        remedy = f"set {KEY} in the environment to a long random text, or listen on 127.0.0.1."
        raise DataError("anybody who reaches this address could write events", value=settings.host, remedy=remedy)
    address = address_of(settings.database or database_url(settings.home))
    if address.get_backend_name() == "sqlite" and file_of(address) is None:
        remedy = "name a file: sqlite:////var/lib/shop/events.db."
        raise DataError("orders would be kept in no file that one server can hold", value=str(address), remedy=remedy)
    with ExitStack() as stack:
        sockets = [stack.enter_context(one) for one in listen(settings.host, settings.port)]
        _more_handles()
        log_as_json()
        app = create_app(settings.home, settings.database, settings)
        for add in parts:
            add(app)
        port, name = sockets[0].getsockname()[1], settings.host
        place = f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
        number = app.state.service.state.bundle.number
        print(f"version {number:04d} at http://{place}", file=sys.stderr, flush=True)
        answer(app, sockets)


def answer(app: FastAPI, sockets: list[socket.socket]) -> None:
    """Answer with an application on some sockets, until SIGTERM or Ctrl-C."""
    import uvicorn

    from ecomlib.serving.live.slow_callers import Protocol

    # uvicorn ends in order, and then sends itself the signal once more.
    signal.signal(signal.SIGTERM, lambda *_: None)
    config = uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
        limit_concurrency=MOST_CALLERS,
    )
    uvicorn.Server(config).run(sockets=sockets)


def listen(host: str, port: int) -> list[socket.socket]:
    """Listen on all addresses of a host; port 0 is one that is free, the same for all.

    Raises
    ------
    DataError
        The address is taken, or is none of this machine's.
    """
    made: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, _, _, address in dict.fromkeys(found):
            # Named as TCP, or asyncio leaves Nagle's algorithm on and every answer waits for the caller's 40 ms.
            one = socket.socket(family, kind, socket.IPPROTO_TCP)
            made.append(one)
            if sys.platform != "win32":  # there it would let two servers share a port
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            chosen = made[0].getsockname()[1] if port == 0 and len(made) > 1 else port
            try:
                one.bind((address[0], chosen, *address[2:]))
                one.listen(2048)
            except OSError:
                if len(made) < 2:
                    raise
                made.pop().close()  # "localhost" may have an address of a family that this machine has not
    except (OSError, UnicodeError) as error:
        for one in made:
            one.close()
        raise DataError(
            f"this address cannot be listened on: {getattr(error, 'strerror', None) or error}",
            value=f"{host}:{port}",
            remedy="end what listens there, or take another port: --port 8001, or --port 0 for any that is free.",
        ) from error
    return made


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _more_handles() -> None:
    """Allow as many open connections as the system lets this process have."""
    try:
        import resource
    except ImportError:  # Windows
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4096 if hard == resource.RLIM_INFINITY else min(hard, 4096)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the options of ``ecomlib serve`` and serve; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--host")
    parser.add_argument("--port", type=int)
    parser.add_argument("--database")
    parser.add_argument("--config", type=Path)
    parser.add_argument("--allowed-host", action="append", dest="allowed_hosts")
    parser.add_argument("--timezone")
    parser.add_argument("--clock")
    given = vars(parser.parse_args(arguments))
    try:
        serve(read_settings(given, config=given.pop("config")))
    except EcomlibError as error:
        print(f"ecomlib: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
