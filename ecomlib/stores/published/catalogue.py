"""Reads the catalogue of published data sets: their origins, licences and fingerprints (lesson 00, section 6)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

__all__ = ["DataSet", "Origin", "Table", "catalogue"]


@dataclass(frozen=True)
class Origin:
    """Describe one place that a table can come from.

    ``saves`` names the publisher's file; ``url`` is None where an account is needed and the file is put there by hand;
    ``member`` is the part of an archive, ``sheet`` the page of a workbook; ``text`` lists the columns that hold text
    although some of their values look like numbers. ``rows`` and ``sums`` are the fingerprint of the content.
    """

    saves: str
    url: str | None = None
    member: str | None = None
    sheet: str | int = 0
    text: tuple[str, ...] = ()
    rows: int | None = None
    sums: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """Describe a data set's table: file names it may have here (``fetch`` writes the first), and its origins."""

    files: tuple[str, ...]
    origins: tuple[Origin, ...]


@dataclass(frozen=True)
class DataSet:
    """Hold one entry of the catalogue. ``use`` is ``"course"`` or ``"tests only"``, as its licence allows."""

    name: str
    title: str
    page: str
    licence: str
    use: str
    citation: str
    folder: str
    tables: Mapping[str, Table]


@cache
def catalogue() -> Mapping[str, DataSet]:
    """Return every published data set that ecomlib knows, by name (lesson 00, section 6)."""
    text = (resources.files("ecomlib.stores.published") / "data" / "catalogue.toml").read_text(encoding="utf-8")
    entries = {}
    for name, entry in tomllib.loads(text).items():
        tables = {}
        for key, table in entry.pop("tables").items():
            origins = tuple(Origin(**{**origin, "text": tuple(origin.get("text", ()))}) for origin in table["origins"])
            tables[key] = Table(tuple(table["files"]), origins)
        folder = entry.pop("folder", name)
        entries[name] = DataSet(name=name, folder=folder, tables=tables, **entry)
    return entries
