"""Registers the stores: one line each, from which every loader, command and message takes its names.

A new store is its own file with a function that returns a :class:`~ecomlib.stores.store.Store`, a test, and one line in
``STORES``. A published one also has its entry in the catalogue (``ecomlib.stores.published.catalogue``), which says
where its files come from (lesson 00, section 1).
"""

from __future__ import annotations

import difflib
import pkgutil
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ecomlib.errors import DataError

if TYPE_CHECKING:
    from ecomlib.stores.store import Store

__all__ = ["KINDS", "STORES", "Kind", "StoreEntry", "Use", "entry", "names", "resolve"]

Kind = Literal["simulated", "sample", "published"]
Use = Literal["run", "train", "record"]

KINDS: dict[Kind, str] = {
    "simulated": "made on this machine",
    "sample": "comes with the package",
    "published": "fetched from its publisher",
}


@dataclass(frozen=True)
class StoreEntry:
    """Describe one store without loading it.

    Parameters
    ----------
    name : str
        What the user writes, such as ``load_store("tiny")`` or ``ecomlib run --store tiny``.
    kind : {"simulated", "sample", "published"}
        Where its tables come from; a published store has an entry of the same name in the catalogue.
    title : str
        One line for ``ecomlib data list``.
    loader : str
        ``"module:function"``, imported only when the store is loaded. The function returns the store.
    sized : bool
        Whether the loader takes ``size`` and ``seed``.
    uses : tuple of {"run", "train", "record"}
        What the store may serve as: a lesson's second shop (``ecomlib run``), the shop that a service is trained on
        (``ecomlib train``), and the shop on which the lessons' second parts are recorded for readers without its data.
    """

    name: str
    kind: Kind
    title: str
    loader: str
    sized: bool = False
    uses: tuple[Use, ...] = ("run", "train")

    def load(self, *, size: str = "small", seed: int = 0) -> Store:
        """Load the store; ``size`` and ``seed`` are passed on where the loader takes them."""
        make = pkgutil.resolve_name(self.loader)
        store: Store = make(size, seed) if self.sized else make()
        return store


_PUBLISHED = "ecomlib.stores.published"
STORES: tuple[StoreEntry, ...] = (
    StoreEntry("simulated", "simulated", "The course's own store", "ecomlib.stores.simulated:make_store", sized=True),
    StoreEntry("tiny", "sample", "A small simulated store, without its truth", "ecomlib.stores.simulated.tiny:load"),
    StoreEntry(
        "online_retail",
        "published",
        "A British online gift shop",
        f"{_PUBLISHED}.online_retail:load",
        uses=("run", "train", "record"),
    ),
    StoreEntry("complete_journey", "published", "A grocery chain", f"{_PUBLISHED}.complete_journey:load"),
)


def names(use: Use | None = None) -> tuple[str, ...]:
    """List the names of all registered stores, or of those that may serve as ``use``."""
    return tuple(store.name for store in STORES if use is None or use in store.uses)


def entry(name: str) -> StoreEntry | None:
    """Return the entry of the store called ``name``, or None where no store has this name."""
    return next((store for store in STORES if store.name == name), None)


def resolve(name_or_path: str | Path, use: Use | None = None, also: tuple[str, ...] = ()) -> str:
    """Return a registered name unchanged, or the absolute path of a folder of tables.

    A bare name always means the store of that name; a folder called like a store is reached as ``./simulated``.
    ``also`` are further words that the caller understands, such as a lesson's ``"recorded"``.

    Raises
    ------
    DataError
        It is neither a folder nor a store that may serve as ``use``. The message lists those that may.
    """
    known = (*also, *names(use))
    choice = f"use one of {', '.join(known)}, or the path of a folder with products.csv and orders.csv."
    if not isinstance(name_or_path, str | PathLike) or not str(name_or_path).strip():
        kind = name_or_path if isinstance(name_or_path, str) else type(name_or_path).__name__
        tables = "" if isinstance(name_or_path, str) else " Frames become a store by Store(name, products, orders)."
        raise DataError("a store is named, or its folder is", value=kind, remedy=choice + tables)
    name = str(name_or_path)
    if name in known:
        return name
    if entry(name) is not None:
        raise DataError(f"this store cannot be used to {use}", value=name, remedy=choice)
    if Path(name).expanduser().is_dir():
        return str(Path(name).expanduser().resolve())
    if Path(name).expanduser().is_file():
        remedy = "name the folder that it is in; its tables are called products.csv and orders.csv."
        raise DataError("this is a file, and a store is a folder of tables", value=name, remedy=remedy)
    near = difflib.get_close_matches(name.strip().lower(), known, n=2, cutoff=0.6)
    meant = f"did you mean {' or '.join(near)}? " if near else ""
    raise DataError("this is neither the name of a store nor a folder", value=name, remedy=meant + choice)
