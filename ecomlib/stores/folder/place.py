"""Looks whether a folder may take a store's tables, and writes the card that names the store."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from ecomlib.errors import DataError
from ecomlib.stores.store import Store

CARD = "store.json"


def may_write(folder: Path, ours: Callable[[str], bool], how: str, *, overwrite: bool) -> None:
    """Check that a folder may be written: it is new or empty, or holds what may be replaced and nothing else.

    Parameters
    ----------
    folder : Path
        The folder.
    ours : callable
        Tells of a file's name whether it may be replaced.
    how : str
        The words by which it is allowed to replace tables.
    overwrite : bool
        Whether it is.

    Raises
    ------
    DataError
        Tables stand there and ``overwrite`` is not said, or something else does.
    """
    if folder.exists() and not folder.is_dir():
        raise DataError("this is a file, not a folder", value=str(folder), remedy="choose another name.")
    held = sorted(item.name for item in folder.iterdir()) if folder.is_dir() else []
    strange = [name for name in held if not ours(name)]
    if strange:
        raise DataError(
            f"the folder holds something else: {strange[0]}", value=str(folder), remedy="choose another folder."
        )
    if held and not overwrite:
        remedy = f"choose another one, or say {how}."
        raise DataError("the folder is not empty: it holds tables already", value=str(folder), remedy=remedy)


def write_card(store: Store, folder: Path) -> None:
    """Write a store's name and currency into a folder."""
    card = {"name": store.name, "currency": store.currency}
    (folder / CARD).write_text(json.dumps(card, ensure_ascii=False), encoding="utf-8")
