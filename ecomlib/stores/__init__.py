"""The store: its tables, their rules, and where they come from (lesson 00, section 1)."""

from __future__ import annotations

from pathlib import Path

from ecomlib.errors import explained
from ecomlib.stores import registry
from ecomlib.stores.store import TABLES, Store

__all__ = ["TABLES", "Store", "load_store"]


@explained(
    url="only folders are read: download the tables first.",
    nrows="all rows are read; leave periods out by make_panel(store, start=…, end=…).",
    parse_dates="dates are found by themselves: load_store(folder).",
)
def load_store(name_or_path: str | Path, *, size: str = "small", seed: int = 0) -> Store:
    """Load one store by its name, or the reader's own from a folder of tables (lesson 00, section 1).

    Parameters
    ----------
    name_or_path : str or Path
        A name of ``ecomlib.stores.registry``: ``"simulated"`` (made here, cached), ``"tiny"`` (comes with the package),
        ``"online_retail"`` or ``"complete_journey"`` (real shops; ``ecomlib data fetch NAME`` brings them). Or a folder
        that holds CSV or Parquet files named after the tables.
    size : str
        Size of a simulated store: ``"tiny"``, ``"small"`` or ``"full"``.
    seed : int
        Seed of a simulated store.

    Returns
    -------
    Store

    Raises
    ------
    DataError
        Neither a store's name nor a folder, or a table breaks a rule.
    DownloadError
        The real shop's files are not on this machine.

    Examples
    --------
    >>> load_store("tinny")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ecomlib.errors.DataError: ...What to do: did you mean tiny? use one of simulated, tiny, ...
    """
    place = registry.resolve(name_or_path)
    entry = registry.entry(place)
    return Store.from_directory(place) if entry is None else entry.load(size=size, seed=seed)
