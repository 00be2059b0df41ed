"""Writes the folder of tables that an export became, with the mapping that made it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from ecomlib.errors import DataError
from ecomlib.files import whole_folder
from ecomlib.stores.export.build import Made
from ecomlib.stores.export.mapping import ExportMapping, write_mapping

MAPPING = "mapping.toml"
_OURS = {MAPPING, "products.csv", "orders.csv", "store.json"}


def may_write(folder: Path, overwrite: bool) -> None:
    """Check that a folder may be written: it is new or empty, holds a mapping file only, or may be replaced.

    Raises
    ------
    DataError
        It holds tables and ``overwrite`` is not said, or it holds something else.
    """
    if folder.exists() and not folder.is_dir():
        raise DataError("this is a file, not a folder", value=str(folder), remedy="choose another name.")
    held = {item.name for item in folder.iterdir()} if folder.is_dir() else set()
    strange = sorted(held - _OURS)
    if strange:
        raise DataError(
            f"the folder holds something else: {strange[0]}", value=str(folder), remedy="choose another folder."
        )
    if held - {MAPPING} and not overwrite:
        raise DataError(
            "the folder holds tables already", value=str(folder), remedy="choose another one, or say --overwrite."
        )


def write_folder(
    made: Made,
    mapping: ExportMapping,
    remarks: Mapping[tuple[str, str], str],
    path: str | Path,
    *,
    overwrite: bool = False,
) -> Path:
    """Write products.csv, orders.csv, store.json and mapping.toml, all of them or nothing.

    Parameters
    ----------
    made : Made
        The store.
    mapping : ExportMapping
        What it was made with.
    remarks : mapping of (str, str) to str
        As ``write_mapping`` takes them.
    path : str or Path
        The folder.
    overwrite : bool
        Whether tables that stand there are replaced.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    DataError
        The folder may not be written.
    """
    folder = Path(path).expanduser()
    may_write(folder, overwrite)
    with whole_folder(folder, overwrite=True) as draft:
        for table, frame in made.store.tables():
            frame.to_csv(draft / f"{table}.csv", index=False, encoding="utf-8", lineterminator="\n")
        card = {"name": made.store.name, "currency": made.store.currency}
        (draft / "store.json").write_text(json.dumps(card, ensure_ascii=False), encoding="utf-8")
        write_mapping(mapping, draft / MAPPING, remarks)
    return folder
