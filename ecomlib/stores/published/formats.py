"""Reads the publishers' files: workbooks, CSV, Parquet, R's own format, also zipped (lesson 00, section 6)."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from ecomlib.errors import DownloadError, MissingDependencyError, install_command

__all__ = ["read_published"]


def read_published(
    path: Path, member: str | None = None, sheet: str | int = 0, text: tuple[str, ...] = ()
) -> pd.DataFrame:
    """Read a table as its publisher wrote it; nothing is cleaned, so the word "nan" stays a word.

    Parameters
    ----------
    path : Path
        The file (zip, xlsx, csv, csv.gz, parquet, rda).
    member : str, optional
        The file inside a zip; in an rda file the object, and after a slash its part.
    sheet : str or int
        Name or number of a workbook's sheet.
    text : tuple of str
        Columns whose values become text, where a workbook holds some of them as numbers (71053 beside "85123A").

    Raises
    ------
    DownloadError
        The file does not hold what its name says (a web page, a cut-off archive, no such sheet).
    MissingDependencyError
        An rda file, and the library rdata is not installed.
    """
    try:
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                content = io.BytesIO(archive.read(str(member)))
            frame = _read(content, PurePosixPath(str(member)).name, None, sheet)
        else:
            frame = _read(io.BytesIO(path.read_bytes()), path.name, member, sheet)
        for column in text:
            frame[column] = _as_text(frame[column])
    except MissingDependencyError:
        raise
    except Exception as error:
        # Five parsers, each with errors of its own: whatever they say about a stranger's bytes, the file is not it.
        start = path.read_bytes()[:512].lstrip().lower()
        what = "a web page" if start.startswith((b"<!doctype html", b"<html")) else "not what its name says, or cut off"
        raise DownloadError(f"{path.name} is {what}") from error
    return frame


def _read(content: io.BytesIO, name: str, part: str | None, sheet: str | int) -> pd.DataFrame:
    if name.endswith(".xlsx"):
        return pd.read_excel(content, sheet_name=sheet, engine="calamine", keep_default_na=False, na_values=[""])
    if name.endswith(".parquet"):
        return pd.read_parquet(content)
    if name.endswith((".rda", ".RData")):
        return _read_r(content, part or "")
    compression = "gzip" if name.endswith(".gz") else None
    return pd.read_csv(content, compression=compression, keep_default_na=False, na_values=[""])


def _read_r(content: io.BytesIO, part: str) -> pd.DataFrame:
    try:
        import rdata
    except ImportError as error:
        raise MissingDependencyError(
            "This data set is kept in R's own format; the library that reads it is not installed. "
            f"What to do: {install_command('rdata')}"
        ) from error
    found = rdata.conversion.convert(rdata.parser.parse_data(content.getvalue()))
    for step in filter(None, part.split("/")):
        found = found[step]
    return pd.DataFrame(found).reset_index(drop=True)


def _as_text(column: pd.Series) -> pd.Series:
    codes, values = pd.factorize(column)
    words = [
        str(int(value)) if isinstance(value, float | np.floating) and float(value).is_integer() else str(value)
        for value in values
    ]
    return pd.Series(np.array([*words, None], dtype=object)[codes], index=column.index, name=column.name)
