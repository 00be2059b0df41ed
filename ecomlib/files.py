"""Writes files and folders whole or not at all: a kill at any moment leaves the old content or the new one.

What is written gets a temporary name in the same folder, then its own by a rename, which the system does at once. A
temporary name holds the process's number and a random part, so two writers never meet in one file. What a killed
process leaves under such a name is removed an hour later by the next writer in that folder; after an error nothing is
left. ``sync=True`` also waits until the disk holds the content and the name: for whatever must survive a power cut.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = [
    "claim",
    "draft_folder",
    "is_draft",
    "put",
    "sweep",
    "whole_file",
    "whole_folder",
    "write_new",
    "write_whole",
]

STALE_SECONDS = 3600.0  # an unfinished file untouched for so long belongs to a process that was killed
_DRAFT, _ASIDE = ".part", ".old"  # new content that is not whole yet; a folder that makes room for a new one
_LONGEST = 50  # characters of the name that are kept: a name may have 255 bytes, and a character up to four
_ENDING = r"\.\w{1,20}"
_WINDOWS = os.name == "nt"
_TRIES = 20  # on Windows, where a file that is open elsewhere cannot be replaced: 0.05 s after each


def write_whole(path: str | os.PathLike[str], content: bytes | str, *, sync: bool = False) -> Path:
    """Write a file whole or not at all, in place of an older one; returns its path.

    Parameters
    ----------
    path : str or os.PathLike
        The file; its folder is made if need be.
    content : bytes or str
        All of it. Text is written as UTF-8 with its line ends as they are.
    sync : bool
        Whether to wait until the disk holds it.
    """
    with whole_file(path, sync=sync) as part:
        part.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    return Path(path)


def write_new(path: str | os.PathLike[str], content: bytes | str, *, sync: bool = False) -> Path:
    """Write a file whole under a name that nobody has taken; of several processes one succeeds.

    Raises
    ------
    FileExistsError
        The name is taken; what it stands for is untouched.
    """
    with _unfinished(Path(path)) as part:
        part.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        claim(part, path, sync=sync)
    return Path(path)


@contextlib.contextmanager
def whole_file(path: str | os.PathLike[str], *, sync: bool = False, optional: bool = False) -> Iterator[Path]:
    """Give a library a temporary path to write to; on leaving the block the file gets its own name.

    The temporary path ends like ``path``, for libraries that look at the ending. If the block raises, the old file
    stays as it was and the new one is removed.

    Parameters
    ----------
    path : str or os.PathLike
        The file; its folder is made if need be.
    sync : bool
        Whether to wait until the disk holds it.
    optional : bool
        Whether nothing may have been written: the old file stays then. Otherwise that raises ``FileNotFoundError``.

    Yields
    ------
    Path
        Where to write.
    """
    with _unfinished(Path(path)) as part:
        yield part
        if part.exists() or not optional:
            put(part, path, sync=sync)


@contextlib.contextmanager
def whole_folder(path: str | os.PathLike[str], *, overwrite: bool = False, sync: bool = False) -> Iterator[Path]:
    """Give a temporary folder to fill; on leaving the block it gets its own name, so it is there whole or not at all.

    No system replaces a full folder at once. With ``overwrite`` the old one is first moved aside, and back if the new
    one cannot take its place. A kill between the two renames leaves ``path`` absent and the old folder beside it, as
    ``.NAME.….old``, which nothing removes before ``path`` is there again.

    Parameters
    ----------
    path : str or os.PathLike
        The folder; the one above it is made if need be. An empty one is replaced.
    overwrite : bool
        Whether a folder that holds something is replaced.
    sync : bool
        Whether to wait until the disk holds everything in it.

    Yields
    ------
    Path
        An empty folder beside ``path``.

    Raises
    ------
    FileExistsError
        Something stands under this name, and ``overwrite`` is not said; it is untouched.
    """
    path = Path(path)
    with draft_folder(path) as draft:
        yield draft
        aside = _temporary(path, _ASIDE)
        if overwrite and path.is_dir():
            put(path, aside)
        try:
            claim(draft, path, sync=sync)
        except OSError:
            if aside.exists():
                put(aside, path)
            raise
        shutil.rmtree(aside, ignore_errors=True)
        _remove(path.parent, _pattern(path.name, _ASIDE), STALE_SECONDS)  # of a writer that was killed


@contextlib.contextmanager
def draft_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary folder beside ``path``, removed with all that is still in it on leaving the block.

    For what gets its name (``claim``) or is distributed (``put``) inside the block.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path.parent)
    draft = _temporary(path)
    draft.mkdir()
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def put(source: str | os.PathLike[str], target: str | os.PathLike[str], *, sync: bool = False) -> None:
    """Rename a file at once, in place of an older one; both names lie on one disk."""
    if sync:
        _flush(Path(source))
    for tried in range(1, _TRIES + 1):
        try:
            os.replace(source, target)
            break
        except PermissionError:
            if not _WINDOWS or tried == _TRIES:
                raise
            time.sleep(0.05)
    if sync:
        _flush_names(Path(target).parent)


def claim(source: str | os.PathLike[str], target: str | os.PathLike[str], *, sync: bool = False) -> None:
    """Give a finished file or folder a name that nobody has taken; of several processes one succeeds.

    Raises
    ------
    FileExistsError
        The name is taken; what it stands for is untouched. An empty folder does not take a name.
    """
    source, target = Path(source), Path(target)
    if sync:
        _flush(source)
    try:
        if source.is_dir():
            if _WINDOWS and target.is_dir():
                with contextlib.suppress(OSError):  # it is not empty
                    target.rmdir()
            os.rename(source, target)  # refuses a folder that holds something, and a file
        else:
            os.link(source, target)  # unlike a rename, refuses a name that is taken
            source.unlink()
    except OSError as error:
        if isinstance(error, FileExistsError) or error.errno in (errno.ENOTEMPTY, errno.ENOTDIR) or target.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from error
        raise
    if sync:
        _flush_names(target.parent)


def sweep(folder: str | os.PathLike[str], *, older_than: float = STALE_SECONDS, name: str | None = None) -> None:
    """Remove what killed processes left unfinished in a folder.

    Parameters
    ----------
    folder : str or os.PathLike
        Where to look; folders below it are left alone.
    older_than : float
        Seconds since anything in it was written. Zero where a lock says that nobody else can be writing.
    name : str, optional
        Only what was to get this name.
    """
    _remove(Path(folder), _pattern(name, _DRAFT), older_than)


def is_draft(path: str | os.PathLike[str]) -> bool:
    """Tell whether a name is one of this module's temporary ones, which mean nothing to a user."""
    return _pattern(None, _DRAFT).fullmatch(Path(path).name) is not None


def _remove(folder: Path, pattern: re.Pattern[str], older_than: float) -> None:
    limit = time.time() - older_than
    with contextlib.suppress(OSError):
        for item in list(os.scandir(folder)):
            if pattern.fullmatch(item.name) and _last_written(item) <= limit:
                if item.is_dir(follow_symlinks=False):
                    shutil.rmtree(item.path, ignore_errors=True)
                else:
                    with contextlib.suppress(OSError):
                        os.unlink(item.path)


@contextlib.contextmanager
def _unfinished(path: Path) -> Iterator[Path]:
    """A temporary path for a file; nothing is there any more when the block ends."""
    if not path.name:  # "." and "/" are folders
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path.parent)
    part = _temporary(path)
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)


def _temporary(path: Path, mark: str = _DRAFT) -> Path:
    """A name that no other writer has, in the same folder, with the same ending."""
    ending = path.suffix if re.fullmatch(_ENDING, path.suffix) else ""
    return path.with_name(f".{path.name[:_LONGEST]}.{os.getpid()}-{secrets.token_hex(6)}{mark}{ending}")


def _pattern(name: str | None, mark: str) -> re.Pattern[str]:
    """Temporary names of what is to be called ``name``; of anything for None."""
    begin = ".+" if name is None else re.escape(name[:_LONGEST])
    return re.compile(rf"\.{begin}\.\d+-[0-9a-f]{{12}}{re.escape(mark)}({_ENDING})?")


def _last_written(item: os.DirEntry[str]) -> float:
    """When a file, or the youngest thing in a folder, was written; a folder's own time says nothing of its files."""
    newest = item.stat(follow_symlinks=False).st_mtime
    if item.is_dir(follow_symlinks=False):
        for root, _, files in os.walk(item.path):
            for name in (".", *files):
                with contextlib.suppress(OSError):
                    newest = max(newest, os.stat(os.path.join(root, name), follow_symlinks=False).st_mtime)
    return newest


def _flush(path: Path) -> None:
    """Wait until the disk holds a file, or everything in a folder."""
    if path.is_dir():
        for item in path.iterdir():
            _flush(item)
        _flush_names(path)
        return
    with path.open("r+b" if _WINDOWS else "rb") as file:  # Windows flushes only what may be written
        os.fsync(file.fileno())


def _flush_names(folder: Path) -> None:
    """Wait until the disk holds the names in a folder; Windows has no such thing and needs none."""
    if _WINDOWS:
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:  # some network disks cannot
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)
