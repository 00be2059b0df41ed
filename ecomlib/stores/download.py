"""Where data sets lie, and how they are fetched from their publishers (lesson 00, section 6)."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import platformdirs

__all__ = ["cache_dir", "data_dir"]


def data_dir() -> Path:
    """The folder that data sets are read from: ``ECOMLIB_DATA_DIR`` if set, else the platform's user cache.

    It may be read-only and it may not exist yet; what ecomlib derives itself goes to :func:`cache_dir`.
    """
    chosen = os.environ.get("ECOMLIB_DATA_DIR")
    return Path(chosen).expanduser().resolve() if chosen else Path(platformdirs.user_cache_dir("ecomlib", False))


def cache_dir(part: str = "") -> Path:
    """A folder that ecomlib can write to, made if need be: for downloads, conversions and simulated stores.

    Parameters
    ----------
    part: name of a folder below it, such as ``"simulated"``.

    The first of these that can be written to: :func:`data_dir`, the platform's user cache, the temporary folder.
    """
    temporary = Path(tempfile.gettempdir()) / f"ecomlib-{getattr(os, 'getuid', int)()}"
    for root in (data_dir(), Path(platformdirs.user_cache_dir("ecomlib", False)), temporary):
        folder = root / part
        if _writable(folder):
            return folder
    raise PermissionError(f"ecomlib found no folder to write to; it tried {data_dir()} and {temporary}")


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


def table_files(name: str) -> dict[str, Path]:
    """Where the two years of Online Retail II lie, by ``"first"`` and ``"second"``."""
    folder = data_dir() / "online_retail"
    return {"first": folder / "online_retail_II_sheet1_2009-2010.parquet", "second": folder / "online_retail.parquet"}
