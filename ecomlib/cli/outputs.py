"""Looks at where a command is to write before it works: what cannot be written is said at once, not after an hour."""

from __future__ import annotations

import errno
import functools
import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ecomlib.errors import DataError
from ecomlib.files import is_draft, whole_file

if TYPE_CHECKING:
    import pandas as pd

Command = TypeVar("Command", bound=Callable[..., Any])
_PARQUET = (".parquet", ".pq")
_SAYS = {
    "there is no such place, and it cannot be made. What to do: check the path.": (errno.ENOENT,),
    "a file stands where a folder is needed. What to do: name another place, or move the file.": (
        errno.EEXIST,
        errno.ENOTDIR,
    ),
    "this is a folder, and a file is needed. What to do: name a file in it.": (errno.EISDIR,),
    "it may not be read or written. What to do: name another place, or have its permissions changed.": (
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
    ),
    "the disk is full. What to do: make room, then run the command again.": (errno.ENOSPC, errno.EDQUOT),
    "the name is too long. What to do: write a shorter one.": (errno.ENAMETOOLONG,),
}


def sentence(error: OSError) -> str:
    """Say in one sentence what the operating system refused, and where.

    Examples
    --------
    >>> sentence(NotADirectoryError(errno.ENOTDIR, "Not a directory", "notes.txt/home"))
    "'notes.txt/home': a file stands where a folder is needed. What to do: name another place, or move the file."
    """
    said = next((text for text, numbers in _SAYS.items() if error.errno in numbers), error.strerror or str(error))
    if not isinstance(error.filename, str | bytes | os.PathLike):
        return said
    path = Path(os.fsdecode(error.filename))
    return f"'{path.parent if is_draft(path) else path}': {said}"


def check_folder(folder: Path) -> Path:
    """Return a folder in which a command is to write, after a look whether it is one, or can be made.

    Raises
    ------
    DataError
        A file stands there or above it, or the nearest folder that there is may not be written to.
    """
    there = next(path for path in (folder, *folder.absolute().parents) if os.path.lexists(path))
    if not there.is_dir():
        raise DataError(sentence(NotADirectoryError(errno.ENOTDIR, "", str(there))))
    if not os.access(there, os.W_OK | os.X_OK):
        raise DataError(sentence(PermissionError(errno.EACCES, "", str(there))))
    return folder


def writes(option: str) -> Callable[[Command], Command]:
    """Decorate a command that writes into the folder that one of its options names: that is looked at first."""

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def wrapped(*arguments: Any, **options: Any) -> Any:
            given = inspect.signature(command).bind(*arguments, **options)
            given.apply_defaults()
            check_folder(given.arguments[option])
            return command(*arguments, **options)

        return wrapped  # type: ignore[return-value]

    return decorate


def check_file(out: Path) -> Path:
    """Return a file that a command is to write: CSV or Parquet by its ending, in a folder that can be written to.

    Raises
    ------
    DataError
        Another ending, a folder of this name, or a place that cannot be written to.
    """
    if out.is_dir():
        raise DataError(sentence(IsADirectoryError(errno.EISDIR, "", str(out))))
    if out.suffix.lower() not in (".csv", *_PARQUET):
        remedy = f"end its name in .csv or .parquet: --out {out.with_suffix('.csv').name}."
        raise DataError("what kind of file is to be written its ending says", value=out.name, remedy=remedy)
    check_folder(out.parent)
    return out


def write_table(out: Path, table: pd.DataFrame) -> None:
    """Write a table whole or not at all, as CSV or as Parquet by the ending of its name."""
    with whole_file(check_file(out)) as part:
        if out.suffix.lower() == ".csv":
            table.to_csv(part, index=False, lineterminator="\n")
        else:
            table.to_parquet(part, index=False)


def printable(text: str) -> str:
    """Write out control characters of a text: a terminal would obey them."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)
