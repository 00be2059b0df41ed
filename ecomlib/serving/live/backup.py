"""Backs up a home while it is served, and restores it: one archive, whole or not there (lesson 08, section 4).

The archive is a ZIP of ``events.db``, copied by SQLite's own means, so that orders may come in meanwhile, of the
registry of versions and promotions, and of ``backup.json`` with the SHA-256 of each. Copying ``events.db`` by itself
would miss what is still in the write-ahead log beside it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

import ecomlib
from ecomlib.errors import DataError
from ecomlib.files import draft_folder, whole_file, whole_folder
from ecomlib.serving.live.database import SECONDS, address_of, file_of
from ecomlib.serving.release.bundle import EVENTS_FILE, database_url

_LIST, _REGISTRY, _FORMAT = "backup.json", "registry", 1
_PLACES = (EVENTS_FILE, _REGISTRY)
_PIECE = 2**20


@dataclass(frozen=True)
class BackedUp:
    """States what a backup holds: versions, events (None where they are in PostgreSQL), and its bytes."""

    versions: int
    events: int | None
    size: int


def back_up(file: str | os.PathLike[str], home: str | os.PathLike[str], database: str | None = None) -> BackedUp:
    """Write a home's events and registry into one archive; a server may be running.

    Parameters
    ----------
    file : path
        The archive. An older one of that name is replaced when the new one is whole.
    home : path
        The home folder.
    database : str, optional
        SQLAlchemy's URL of the events, if they are not in the home. PostgreSQL's are left to ``pg_dump``.

    Returns
    -------
    BackedUp
        What is in it.

    Raises
    ------
    DataError
        The home has no versions, or the archive would lie where the home is.
    """
    home, file = Path(home), Path(file)
    registry = home / _REGISTRY
    if not registry.is_dir():
        raise DataError("this is not a home: it has no versions", value=str(home), remedy="name one with --home.")
    if file.is_dir() or file.resolve().is_relative_to(registry.resolve()):
        raise DataError("a backup is a file outside of the home's registry", value=str(file))
    events = file_of(address_of(database or database_url(home)))
    listed: dict[str, Any] = {}
    with whole_file(file, sync=True) as part, draft_folder(file) as draft:
        os.close(os.open(part, os.O_CREAT | os.O_RDWR, 0o600))
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
            # The registry first: a version may rest on events, and these are copied later, so none is missing.
            for path in _files(registry):
                _add(archive, path, f"{_REGISTRY}/{path.relative_to(registry).as_posix()}", listed)
            count = None
            if events is not None:
                count = _copy(events, draft / EVENTS_FILE)
                _add(archive, draft / EVENTS_FILE, EVENTS_FILE, listed)
            made = datetime.now(UTC).isoformat(timespec="seconds")
            head = {"format": _FORMAT, "ecomlib": ecomlib.__version__, "made": made, "events": count, "files": listed}
            archive.writestr(_LIST, json.dumps(head, indent=2, ensure_ascii=False))
    versions = {name.split("/")[2] for name in listed if name.startswith(f"{_REGISTRY}/versions/")}
    return BackedUp(len(versions), count, file.stat().st_size)


def restore(file: str | os.PathLike[str], home: str | os.PathLike[str]) -> BackedUp:
    """Make a home from a backup: all of it, or nothing.

    Parameters
    ----------
    file : path
        An archive that ``back_up`` wrote.
    home : path
        The new home: a folder that is empty, or not there yet.

    Returns
    -------
    BackedUp
        What was in it.

    Raises
    ------
    DataError
        The home holds something, or the archive is no backup, is damaged, or is of a newer ecomlib.
    """
    file, home = Path(file), Path(home)
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise DataError("a backup is restored into an empty folder", value=str(home), remedy="name a new --home.")
    try:
        with zipfile.ZipFile(file) as archive, whole_folder(home, sync=True) as draft:
            head = _head(archive)
            for name, digest in head["files"].items():
                _extract(archive, name, draft / _safe(name), digest)
            count = head["events"]
            if count is not None and (found := _count(draft / EVENTS_FILE)) != count:
                raise DataError(f"the backup holds {found:,} events, and says that it holds {count:,}", value=str(file))
            versions = len(list((draft / _REGISTRY / "versions").iterdir()))
    except FileExistsError as error:
        raise DataError("another process made this home meanwhile", value=str(home)) from error
    except (zipfile.BadZipFile, KeyError, TypeError, AttributeError, ValueError, EOFError, sqlite3.Error) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"this is not a backup, or it is damaged: {error}", value=str(file)) from error
    return BackedUp(versions, count, file.stat().st_size)


def _head(archive: zipfile.ZipFile) -> dict[str, Any]:
    head: dict[str, Any] = json.loads(archive.read(_LIST))
    if head["format"] > _FORMAT:
        raise DataError("this backup was made by a newer ecomlib", value=head["ecomlib"], remedy="update ecomlib.")
    if not head["files"]:
        raise DataError("this backup lists no files", value=archive.filename)
    if more := set(archive.namelist()) - set(head["files"]) - {_LIST}:
        raise DataError("this backup holds files that it does not list", value=min(more))
    return head


def _safe(name: str) -> Path:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or path.parts[0] not in _PLACES:
        raise DataError("this backup holds a file that no home has", value=name)
    return Path(*path.parts)


def _files(folder: Path) -> list[Path]:
    """Files of versions and promotions that are whole: what is being written has a name that begins with a dot."""
    found = [path for path in folder.rglob("*") if path.is_file()]
    return sorted(p for p in found if not any(part.startswith(".") for part in p.relative_to(folder).parts))


def _add(archive: zipfile.ZipFile, path: Path, name: str, listed: dict[str, Any]) -> None:
    digest = hashlib.sha256()
    with path.open("rb") as source, archive.open(name, "w", force_zip64=True) as target:
        while piece := source.read(_PIECE):
            digest.update(piece)
            target.write(piece)
    listed[name] = digest.hexdigest()


def _extract(archive: zipfile.ZipFile, name: str, path: Path, digest: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    found, mode = hashlib.sha256(), 0o600 if name == EVENTS_FILE else 0o666
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    with archive.open(name) as source, os.fdopen(handle, "wb") as target:
        while piece := source.read(_PIECE):
            found.update(piece)
            target.write(piece)
    if found.hexdigest() != digest:
        raise DataError("a file of this backup was changed after it was made", value=name)


def _copy(path: Path, target: Path) -> int:
    """Copy a SQLite database as it is at one moment; return how many events are in it."""
    if not path.exists():  # no server has run yet
        with contextlib.closing(sqlite3.connect(target)) as empty:
            empty.execute("VACUUM")  # writes the file
        return 0
    try:
        with (
            contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=SECONDS)) as source,
            contextlib.closing(sqlite3.connect(target)) as made,
        ):
            source.backup(made)  # in one step: writers of a write-ahead log are not kept waiting
            made.execute("PRAGMA journal_mode=DELETE")  # one file
        return _count(target)
    except sqlite3.Error as error:
        raise DataError(f"the database cannot be copied, or is damaged: {error}", value=str(path)) from error


def _count(path: Path) -> int:
    with contextlib.closing(sqlite3.connect(path)) as held:
        if (said := held.execute("PRAGMA quick_check").fetchone()[0]) != "ok":
            raise DataError(f"the database is damaged: {said}", value=path.name)
        there = held.execute("SELECT count(*) FROM sqlite_master WHERE name = 'events'").fetchone()[0]
        return int(held.execute("SELECT count(*) FROM events").fetchone()[0]) if there else 0
