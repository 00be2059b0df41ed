"""Writes the folder of tables that an export became, with the mapping that made it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ecomlib.files import whole_folder
from ecomlib.stores.export.build import Made
from ecomlib.stores.export.mapping import ExportMapping, write_mapping
from ecomlib.stores.folder import place

MAPPING = "mapping.toml"
_OURS = {MAPPING, "products.csv", "orders.csv", place.CARD}


def may_write(folder: Path, overwrite: bool) -> None:
    """Check that a folder may be written: it is new or empty, holds a mapping file only, or may be replaced.

    Raises
    ------
    DataError
        It holds tables and ``overwrite`` is not said, or it holds something else.
    """
    # A mapping file that stands there alone is what an earlier run asked to be edited.
    alone = folder.is_dir() and [item.name for item in folder.iterdir()] == [MAPPING]
    place.may_write(folder, _OURS.__contains__, "--overwrite", overwrite=overwrite or alone)


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
        place.write_card(made.store, draft)
        write_mapping(mapping, draft / MAPPING, remarks)
    return folder
