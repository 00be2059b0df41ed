"""Fetches data sets from their publishers and finds their files (lesson 00, section 6)."""

from __future__ import annotations

import difflib
import json
import logging
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd

from ecomlib import folders
from ecomlib.errors import DataError, DownloadError
from ecomlib.files import draft_folder, put, sweep
from ecomlib.stores.published.catalogue import DataSet, Origin, Table, catalogue
from ecomlib.stores.published.formats import read_published

__all__ = [
    "catalogue",
    "data_sets",
    "fetch",
    "read_tables",
    "table_files",
]


def _entry(name: str) -> DataSet:
    known = catalogue()
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        remedy = f"did you mean {near[0]}?" if near else f"use one of {', '.join(known)}."
        raise DataError("there is no data set of this name", value=name, remedy=remedy)
    return known[name]


def _found(entry: DataSet) -> dict[str, Path]:
    """The tables of a data set that lie on this machine: a file is looked for in every folder that may hold it."""
    found = {}
    for key, table in entry.tables.items():
        places = (root / entry.folder / file for root in folders.data_roots() for file in table.files)
        place = next((place for place in places if place.is_file()), None)
        if place:
            found[key] = place
    return found


def table_files(name: str, *needed: str) -> dict[str, Path]:
    """Find where the tables of a data set lie on this machine, by the table's name.

    Raises
    ------
    DownloadError
        A table (of those ``needed``; of all, if none is named) is not here.
    """
    entry = _entry(name)
    found = _found(entry)
    missing = [key for key in needed or entry.tables if key not in found]
    if missing:
        place = folders.data_dir() / entry.folder
        raise DownloadError(
            f"The data set '{name}' is not on this machine (no {', '.join(missing)} in {place}). "
            f"What to do: ecomlib data fetch {name}, or set ECOMLIB_DATA_DIR to the folder that holds it."
        )
    return found


def read_tables(name: str, *needed: str) -> dict[str, pd.DataFrame]:
    """Read the tables of a data set that lies on this machine, as published.

    Raises
    ------
    DownloadError
        A table is not here, or its file is damaged.
    """
    files = table_files(name, *needed)
    try:
        return {key: read_published(files[key]) for key in needed or files}
    except DownloadError as error:
        raise DownloadError(f"{error}. What to do: delete it, then ecomlib data fetch {name}") from error


def data_sets() -> pd.DataFrame:
    """List for people: name, title, licence, use, whether it is on this machine, page (lesson 00, section 6)."""
    rows = [(e.name, e.title, e.licence, e.use, len(_found(e)) == len(e.tables), e.page) for e in catalogue().values()]
    return pd.DataFrame(rows, columns=["name", "title", "licence", "use", "here", "page"])


def fetch(
    name: str,
    progress: bool = True,
    *,
    base_url: str | None = None,
    timeout: tuple[float, float] = (10.0, 30.0),
    tries: int = 3,
) -> Path:
    """Fetch a data set from its publisher, once; return the folder that holds it (lesson 00, section 6).

    What arrived is compared with the catalogue's fingerprint, converted to Parquet, and only then put in its place:
    whole or not at all, also if this process is killed. A publisher's file that was put into the folder by hand is used
    instead of a download. ``source.json`` beside the tables records addresses, hashes and the date.

    Parameters
    ----------
    progress : bool
        Whether a bar is shown on standard error.
    base_url : str, optional
        Another server that holds files of the same names (a mirror, or a test's).
    timeout : tuple[float, float]
        Seconds to wait for the connection, and for each next piece.
    tries : int
        How often an address is tried.

    Raises
    ------
    DataError
        There is no data set of this name.
    DownloadError
        The publisher cannot be reached, or what arrived is not what was published; nothing is left behind.
    """
    from filelock import FileLock

    entry, how = _entry(name), _How(base_url, timeout, tries, progress)
    found = _found(entry)
    if len(found) == len(entry.tables):
        return next(iter(found.values())).parent
    folder = folders.download_dir(entry.folder)
    with FileLock(folder / ".lock"):
        found = _found(entry)
        sweep(folder, older_than=0)  # what a killed process left is nobody's: we hold the lock
        try:
            with draft_folder(folder / name) as work:
                brought = {
                    key: _bring(entry, table, folder, work, how)
                    for key, table in entry.tables.items()
                    if key not in found
                }
                card = {
                    "data_set": name,
                    "licence": entry.licence,
                    "page": entry.page,
                    "fetched": datetime.now(UTC).isoformat(timespec="seconds"),
                    "tables": brought,
                }
                (work / "source.json").write_text(json.dumps(card, indent=2), encoding="utf-8")
                for key in brought:
                    put(work / entry.tables[key].files[0], folder / entry.tables[key].files[0])
                put(work / "source.json", folder / "source.json")
        except OSError as error:
            raise DownloadError(f"'{name}' could not be written to {folder}: {error}") from error
    return folder


@dataclass(frozen=True)
class _How:
    base_url: str | None
    timeout: tuple[float, float]
    tries: int
    progress: bool


def _bring(entry: DataSet, table: Table, folder: Path, work: Path, how: _How) -> dict[str, object]:
    """Write one table as Parquet into ``work`` from the first origin that yields it; return its card."""
    import pooch

    problems: list[str] = []
    # A file on this machine is better than any download, whichever origin it belongs to.
    for origin in sorted(table.origins, key=lambda origin: not _by_hand(origin, entry)):
        try:
            source = _by_hand(origin, entry)
            if source is None:
                if origin.url is None:
                    raise DownloadError(f"{origin.saves} cannot be downloaded without an account")
                url = f"{how.base_url.rstrip('/')}/{origin.saves}" if how.base_url else origin.url
                source = _download(url, origin.saves, work, how)
            if how.progress and source.suffix in (".zip", ".xlsx"):
                print(f"{origin.saves}: converting (a large workbook takes a minute)", file=sys.stderr)
            frame = read_published(source, origin.member, origin.sheet, origin.text)
            _check_fingerprint(frame, origin)
        except DownloadError as error:
            problems.append(str(error))
            continue
        file = work / table.files[0]
        # A publisher's own Parquet is kept under another name first, so that source and result never mix.
        frame.to_parquet(work / "converted", index=False)
        card = {"url": origin.url, "file": origin.saves, "sha256": pooch.file_hash(str(source)), "rows": len(frame)}
        put(work / "converted", file)
        return {**card, "parquet_sha256": pooch.file_hash(str(file))}
    raise DownloadError(
        f"'{entry.name}' was not fetched: {'; '.join(dict.fromkeys(problems))}. What to do: try again later, or "
        f"download {table.origins[0].saves} from {entry.page} with a browser, put it into {folder}, and fetch again."
    )


def _by_hand(origin: Origin, entry: DataSet) -> Path | None:
    names = (origin.saves, origin.member or origin.saves)
    places = (root / entry.folder / name for root in folders.data_roots() for name in names)
    return next((place for place in places if place.is_file()), None)


def _download(url: str, saves: str, work: Path, how: _How) -> Path:
    import pooch
    import requests

    if (work / saves).is_file():
        return work / saves
    host = urlsplit(url).hostname
    store = pooch.create(work, base_url="", registry={saves: None}, urls={saves: url}, retry_if_failed=how.tries - 1)
    getter = pooch.HTTPDownloader(progressbar=how.progress, timeout=how.timeout, chunk_size=2**16)
    level = pooch.get_logger().level
    pooch.get_logger().setLevel(logging.ERROR)
    try:
        return Path(store.fetch(saves, downloader=getter))
    except requests.exceptions.HTTPError as error:
        status = error.response.status_code if error.response is not None else "an error"
        raise DownloadError(f"{host} answered {status} for {saves}") from error
    except requests.exceptions.ConnectTimeout as error:
        raise DownloadError(f"{host} did not answer; is this machine online?") from error
    except requests.exceptions.Timeout as error:
        raise DownloadError(f"{host} stopped sending {saves}") from error
    except requests.exceptions.ChunkedEncodingError as error:
        raise DownloadError(f"the connection to {host} broke off before {saves} was whole") from error
    except requests.exceptions.ConnectionError as error:
        stalled = "timed out" in str(error).lower()
        raise DownloadError(
            f"{host} stopped sending {saves}" if stalled else f"{host} could not be reached; is this machine online?"
        ) from error
    except (requests.exceptions.RequestException, OSError, ValueError) as error:
        raise DownloadError(f"{saves} could not be fetched from {host} ({error})") from error
    finally:
        pooch.get_logger().setLevel(level)


def _check_fingerprint(frame: pd.DataFrame, origin: Origin) -> None:
    if origin.rows is not None and len(frame) != origin.rows:
        raise DownloadError(f"{origin.saves} holds {len(frame):,} rows where the publisher's has {origin.rows:,}")
    for columns, expected in origin.sums.items():
        parts = columns.split("*")
        missing = [part for part in parts if part not in frame.columns]
        if missing:
            raise DownloadError(f"{origin.saves} has no column {missing[0]}")
        total = float(frame[parts].astype("float64").prod(axis=1).sum())
        if abs(total - expected) > 0.01:
            raise DownloadError(
                f"{origin.saves}: the sum of {columns} is {total:,.3f}, the publisher's is {expected:,.3f}"
            )
