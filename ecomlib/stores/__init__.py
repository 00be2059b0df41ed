"""The store: its tables, their rules, and where they come from (lesson 00, section 1)."""

from __future__ import annotations

from pathlib import Path

from ecomlib.errors import DataError
from ecomlib.stores.store import TABLES, Store

__all__ = ["STORE_NAMES", "TABLES", "Store", "load_store"]

STORE_NAMES = ("simulated", "tiny", "online_retail", "complete_journey")


def load_store(name_or_path: str | Path, *, size: str = "small", seed: int = 0) -> Store:
    """One store by its name, or the reader's own from a folder of tables (lesson 00, section 1).

    Parameters
    ----------
    name_or_path: ``"simulated"`` (made here, cached), ``"tiny"`` (a small simulated store that comes with the package),
        ``"online_retail"``, ``"complete_journey"`` (real shops; ``ecomlib data fetch NAME`` brings them), or a folder
        that holds CSV or Parquet files named after the tables.
    size, seed: of the simulated store only: ``"tiny"``, ``"small"`` or ``"full"``, and a whole number.

    Raises
    ------
    DataError: neither a store's name nor a folder, or a table breaks a rule.
    DownloadError: the real shop's files are not on this machine.
    """
    name = str(name_or_path)
    # A folder called like a store is reached as ./simulated; a bare name always means the store of that name.
    if name == "simulated":
        from ecomlib.stores import simulated

        return simulated.make_store(size, seed)
    if name == "tiny":
        from ecomlib.stores import directory

        return directory.read(Path(__file__).parent / "data" / "tiny", name="tiny")
    if name == "online_retail":
        from ecomlib.stores import online_retail

        return online_retail.load()
    if name == "complete_journey":
        from ecomlib.stores import complete_journey

        return complete_journey.load()
    if not Path(name).expanduser().is_dir():
        raise DataError(
            "this is neither the name of a store nor a folder",
            value=name,
            remedy=f"use one of {', '.join(STORE_NAMES)}, or the path of a folder with products.csv and orders.csv.",
        )
    from ecomlib.stores import directory

    return directory.read(name)
