"""Reads how a service is to run: from options, the environment or a TOML file, the first that says something."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo

from ecomlib.errors import DataError
from ecomlib.serving.release.bundle import KEY

ClockKind = Literal["auto", "world", "events"]
PREFIX = "ECOMLIB_"
READ_KEY = "ECOMLIB_READ_KEY"
CONFIG = "ECOMLIB_CONFIG"
SHORTEST = 16  # characters of a key
HOME = Path("ecomlib-home")


@dataclass(frozen=True)
class ServeSettings:
    """Holds how a service runs; ``read_settings`` makes it and checks it.

    Parameters
    ----------
    home : Path
        Folder of versions and events.
    host, port : str and int
        Where it listens; port 0 is one that is free.
    database : str, optional
        SQLAlchemy's URL of the events; by default a SQLite file in the home.
    allowed_hosts : tuple of str
        Names by which callers may reach it besides those of loopback and ``host``; ``*`` is any.
    timezone : str
        The shop's time zone by its IANA name; empty for the system's.
    clock : str
        What moves the shop's clock: ``world``, ``events``, or ``auto``.
    write_key, read_key : str, optional
        What a request must bear to write, and to read.
    """

    home: Path = HOME
    host: str = "127.0.0.1"
    port: int = 8000
    database: str | None = field(default=None, repr=False)  # it may hold a password
    allowed_hosts: tuple[str, ...] = ()
    timezone: str = ""
    clock: ClockKind = "auto"
    write_key: str | None = field(default=None, repr=False)
    read_key: str | None = field(default=None, repr=False)


def read_settings(
    given: Mapping[str, Any] | None = None,
    *,
    config: str | os.PathLike[str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> ServeSettings:
    """Read the settings of a service; an option wins over the environment, that over the file, that over the default.

    Parameters
    ----------
    given : mapping, optional
        Options by the names of ``ServeSettings``; None stands for one that was not given.
    config : path, optional
        A TOML file with the same names; by default the one that ``ECOMLIB_CONFIG`` names.
    environment : mapping, optional
        Variables such as ``ECOMLIB_PORT``; by default the process's. An empty one counts as not set.

    Raises
    ------
    DataError
        A setting that is unknown, or a value that cannot be one.
    """
    variables = os.environ if environment is None else environment
    file = config or variables.get(CONFIG) or None
    values: dict[str, Any] = _of_file(Path(file)) if file else {}
    place = {name: f"{name} in '{file}'" for name in values}
    for one in fields(ServeSettings):
        text = variables.get(PREFIX + one.name.upper()) or None
        if text is None and one.name == "allowed_hosts":
            text = variables.get(f"{PREFIX}ALLOWED_HOST") or None
        if text is not None:
            values[one.name], place[one.name] = text, PREFIX + one.name.upper()
        option = (given or {}).get(one.name)
        if option is not None and option != () and option != []:
            values[one.name], place[one.name] = option, f"--{one.name.replace('_', '-').removesuffix('s')}"
    return ServeSettings(**{name: _READ[name](value, place[name]) for name, value in values.items()})


def _of_file(path: Path) -> dict[str, Any]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise DataError(f"the configuration file cannot be read: {why}", value=str(path)) from error
    names = [one.name for one in fields(ServeSettings)]
    found = {name.replace("-", "_"): value for name, value in table.items()}
    found = {"allowed_hosts" if name == "allowed_host" else name: value for name, value in found.items()}
    for name in found:
        if name not in names:
            near = difflib.get_close_matches(name, names, 1)
            remedy = f"write {near[0]}." if near else f"there are {', '.join(names)}."
            raise DataError(f"'{path}' holds a setting that is not known", value=name, remedy=remedy)
    if isinstance(found.get("home"), str):  # a path in a file means the same wherever the service is started
        found["home"] = path.absolute().parent / found["home"]
    return found


def key_of(value: Any, place: str) -> str | None:
    """Strip a key and check that it is long enough; None where it is blank. The message never holds it."""
    if not isinstance(value, str):
        raise DataError(f"{place} must be a text", remedy="write it in quotation marks.")
    key = value.strip()
    if not key:
        raise DataError(f"{place} is blank", remedy=f"set it to a random text of at least {SHORTEST} characters.")
    if len(key) < SHORTEST:
        raise DataError(
            f"{place} has {len(key)} character{'s' * (len(key) != 1)}: too easy to guess",
            remedy=f"take a random one of {SHORTEST} or more: python -c 'import secrets; print(secrets.token_hex())'.",
        )
    return key


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise DataError(f"{place} must be a text", value=value)
    return value.strip()


def _port(value: Any, place: str) -> int:
    text = str(value).strip()
    if isinstance(value, bool) or not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise DataError(f"{place} must be a number from 0 to 65535", value=value)
    return int(text)


def _hosts(value: Any, place: str) -> tuple[str, ...]:
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise DataError(f"{place} must be names of hosts", value=value)
    names = tuple(name.strip().lower() for name in names if name.strip())
    for name in names:
        if "/" in name or (name != "*" and "*" in name):
            raise DataError(
                f"{place} must be names of hosts", value=name, remedy="write shop.example, without http:// or a path."
            )
    return names


def _timezone(value: Any, place: str) -> str:
    name = _text(value, place)
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"{place} is no time zone", value=name, remedy="write one like Europe/Berlin or UTC."
        ) from error
    return name


def _clock(value: Any, place: str) -> str:
    if value not in get_args(ClockKind):
        raise DataError(f"{place} is auto, world or events", value=value)
    return str(value)


def _home(value: Any, place: str) -> Path:
    if isinstance(value, Path):
        return value
    return Path(_text(value, place))


_READ: dict[str, Callable[[Any, str], Any]] = {
    "home": _home,
    "host": _text,
    "port": _port,
    "database": _text,
    "allowed_hosts": _hosts,
    "timezone": _timezone,
    "clock": _clock,
    "write_key": key_of,
    "read_key": key_of,
}
assert f"{PREFIX}WRITE_KEY" == KEY and f"{PREFIX}READ_KEY" == READ_KEY
