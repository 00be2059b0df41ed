"""Names the folders outside the project: data sets that are read, data sets that are fetched, and what is derived."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import platformdirs

from ecomlib.errors import EcomlibError

__all__ = ["cache_dir", "data_dir", "data_roots", "download_dir"]


def data_dir() -> Path:
    """Return the folder that data sets are read from: ``ECOMLIB_DATA_DIR`` if set, else the platform's user cache.

    It may be read-only and it may not exist yet; what ecomlib derives itself goes to :func:`cache_dir`.
    """
    chosen = os.environ.get("ECOMLIB_DATA_DIR")
    return Path(chosen).expanduser().resolve() if chosen else Path(platformdirs.user_cache_dir("ecomlib", False))


def cache_dir(part: str = "") -> Path:
    """Return a folder for what ecomlib derives (simulated stores, text vectors), made if need be.

    The first of these that can be written to: ``ECOMLIB_CACHE_DIR`` if set, else the platform's user cache; the
    temporary folder. Never :func:`data_dir`, which may be shared with others.

    Parameters
    ----------
    part : str
        Name of a folder below it, such as ``"simulated"``.
    """
    chosen = os.environ.get("ECOMLIB_CACHE_DIR")
    return _first([Path(chosen).expanduser().resolve() if chosen else _user(), _temporary()], part, "ECOMLIB_CACHE_DIR")


def download_dir(part: str = "") -> Path:
    """Return a folder for data sets that are fetched, made if need be.

    The first of these that can be written to: :func:`data_dir`, the platform's user cache, the temporary folder.

    Parameters
    ----------
    part : str
        Name of a folder below it, such as ``"online_retail"``.
    """
    return _first(data_roots(), part, "ECOMLIB_DATA_DIR")


def _first(roots: list[Path], part: str, variable: str) -> Path:
    for root in roots:
        if _writable(root / part):
            return root / part
    tried = ", ".join(str(root) for root in roots)
    raise EcomlibError(f"There is no folder to write to; tried {tried}. What to do: set {variable} to one.")


def data_roots() -> list[Path]:
    """List the folders in which a data set may lie, the reader's own first."""
    return [data_dir(), _user(), _temporary()]


def _user() -> Path:
    return Path(platformdirs.user_cache_dir("ecomlib", False))


def _temporary() -> Path:
    return Path(tempfile.gettempdir()) / f"ecomlib-{getattr(os, 'getuid', int)()}"


def _writable(folder: Path) -> bool:
    existing = folder
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    try:
        # Root may write anywhere, but a folder whose owner took every write bit away is meant to stay as it is.
        if not stat.S_IMODE(existing.stat().st_mode) & 0o222:
            return False
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
