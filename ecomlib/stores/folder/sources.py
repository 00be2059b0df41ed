"""Finds what holds a table of a shop: a file, a compressed file, or a folder of parts (lesson 00, section 6)."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ecomlib.errors import DataError
from ecomlib.stores.schema import SCHEMA

CSV, PARQUET = ".csv", ".parquet"
_UNPACK: Mapping[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.decompress,
    ".bz2": bz2.decompress,
    ".xz": lzma.decompress,
}
_TEXT = (".tsv", ".tab", ".txt")  # tables of text under other names; what separates their columns is found out
_READ = (*_UNPACK, ".zip")
_PACKED = (*_READ, ".zst", ".lz4", ".7z", ".rar", ".tar", ".tgz")
# Tables of several states in one folder: all their parts together are more than the table.
_LAKES = {"_delta_log": "a Delta table", "metadata": "an Iceberg table", ".hoodie": "a Hudi table"}


@dataclass(frozen=True)
class Source:
    """Hold the place of one table: a file, a compressed file or a folder.

    Parameters
    ----------
    path : Path
    table : str
        The table's name in ``SCHEMA``.
    kind : str
        ``".csv"``, ``".parquet"``, or ``""`` where it cannot be read.
    packing : str
        Empty for a plain file, the suffix of a compressed one, ``"folder"`` for a folder of parts.
    """

    path: Path
    table: str
    kind: str
    packing: str = ""


def source_of(path: Path) -> Source | None:
    """Return the source that a path's name promises, or None where it names no table."""
    whole = Path(path.name.lower())
    if path.is_dir():
        parts = parts_of(path)
        kinds = [kind for kind in (PARQUET, CSV) if any(kind in part.suffixes for part in parts)]
        if whole.stem in SCHEMA and whole.suffix in (CSV, PARQUET):
            return Source(path, whole.stem, kinds[0] if len(kinds) == 1 else whole.suffix, "folder")
        # A folder without an ending may as well hold pictures of the products.
        if whole.name in SCHEMA and len(kinds) == 1:
            return Source(path, whole.name, kinds[0], "folder")
        return None
    packing = whole.suffix if whole.suffix in _PACKED else ""
    inner = Path(whole.stem) if packing else whole
    if inner.name.split(".")[0] in SCHEMA and packing and (inner.stem not in SCHEMA or packing not in _READ):
        return Source(path, inner.name.split(".")[0], "", packing)
    if inner.stem not in SCHEMA:
        return None
    if inner.suffix in (CSV, PARQUET):
        return Source(path, inner.stem, inner.suffix, packing)
    if inner.suffix in _TEXT:
        return Source(path, inner.stem, CSV, packing)
    return Source(path, inner.stem, CSV if packing and not inner.suffix else "", packing)


def bundle_of(path: Path) -> str:
    """Say what may hold several tables and is not read as it is: an archive, a spreadsheet; empty for other files."""
    suffix = path.suffix.lower()
    if suffix in (".xlsx", ".xls", ".xlsm", ".ods", ".numbers"):
        return "a spreadsheet"
    return "an archive" if suffix in _PACKED else ""


def parts_of(folder: Path) -> list[Path]:
    """List the parts of a table's folder, without marks such as ``_SUCCESS`` and check sums, as Spark reads them."""
    try:
        files = sorted(item for item in folder.rglob("*") if item.is_file())
    except OSError:
        return []
    hidden = ("_", ".")
    return [
        item
        for item in files
        if not any(part.startswith(hidden) for part in item.relative_to(folder).parts) and item.suffix != ".crc"
    ]


def lake_of(folder: Path) -> str:
    """Say which system's table of several states a folder holds; empty where it is a plain folder of parts."""
    return next((what for mark, what in _LAKES.items() if (folder / mark).is_dir()), "")


def unpacked(source: Source) -> tuple[bytes, str]:
    """Read the bytes of a file, compressed or not, and return them with the kind of what they hold.

    Raises
    ------
    DataError
        The file cannot be unpacked, or holds several files.
    """
    path, table = source.path, source.table
    data = path.read_bytes()
    if source.packing == ".zip":
        return _only_member(data, source)
    if not source.packing:
        return data, source.kind
    try:
        data = _UNPACK[source.packing](data)
    except EOFError:
        remedy = "copy or export the file once more; the first attempt stopped in the middle."
        raise DataError(f"the compressed file '{path.name}' is cut off", table=table, remedy=remedy) from None
    except (OSError, zlib.error, lzma.LZMAError) as fault:
        raise _damaged(source, fault) from None
    return data, PARQUET if data.startswith(b"PAR1") else source.kind


def _only_member(data: bytes, source: Source) -> tuple[bytes, str]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [
                name
                for name in archive.namelist()
                if not name.endswith("/") and not name.startswith("__MACOSX/") and not Path(name).name.startswith(".")
            ]
            kind = Path(names[0]).suffix.lower() if len(names) == 1 else ""
            if kind not in (CSV, PARQUET, *_TEXT):
                shown = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
                raise DataError(
                    f"the archive '{source.path.name}' does not hold one CSV or Parquet file"
                    + (f", but {shown}" if names else ""),
                    table=source.table,
                    remedy=f"unpack it, and name the file of this table {source.table}.csv.",
                )
            return archive.read(names[0]), PARQUET if kind == PARQUET else CSV
    except DataError:
        raise
    except Exception as fault:
        # Damaged and encrypted archives raise many kinds of error; the reader needs one sentence.
        raise _damaged(source, fault) from None


def _damaged(source: Source, fault: object) -> DataError:
    said = " ".join(str(fault).split())[:120]
    return DataError(
        f"the compressed file '{source.path.name}' cannot be unpacked: {said}",
        table=source.table,
        remedy="unpack it yourself, or export the table once more.",
    )
