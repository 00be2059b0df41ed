"""Simulated stores kept on disk: made once, written whole or not at all, without pickles (lesson 00, section 1)."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from filelock import FileLock

from ecomlib.files import sweep, whole_folder
from ecomlib.stores.simulated.assemble import inventory, with_inventory
from ecomlib.stores.simulated.geography import Dynamics
from ecomlib.stores.simulated.settings import Settings
from ecomlib.stores.simulated.truth import Truth
from ecomlib.stores.store import Store

_LAW = ("transition", "innovation")
_KEY_LENGTH = 16
_STOCK = ("on_hand_start", "received", "sold")


def digits(settings: Settings) -> str:
    """Sixteen digits that change with any setting."""
    return hashlib.sha256(json.dumps(asdict(settings), sort_keys=True).encode()).hexdigest()[:_KEY_LENGTH]


def source_digits(settings: Settings) -> str:
    """Sixteen digits that change with the generator's source, with numpy, and with any setting."""
    digest = hashlib.sha256(f"{np.__version__} {digits(settings)}".encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.name.encode() + source.read_bytes())
    return digest.hexdigest()[:_KEY_LENGTH]


def cached(folder: Path, make: Callable[[], Store]) -> Store:
    """The store in ``folder``; if it is not there, or not readable, it is made and written first.

    One process makes it while others wait at a lock file, which the system frees if the maker dies. What a maker that
    was killed left behind is swept away by the next one, as is the same store made by another version of the source.
    """
    store = _try_to_load(folder)
    if store is not None:
        return store
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(folder.name + ".lock")):
        store = _try_to_load(folder)
        if store is not None:
            return store
        sweep(folder.parent, older_than=0, name=folder.name)  # we hold the lock
        if folder.exists():
            shutil.rmtree(folder)
        store = make()
        with whole_folder(folder) as unfinished:
            save(store, unfinished)
    for older in folder.parent.glob(f"{folder.name[:-_KEY_LENGTH]}*"):
        if older.is_dir() and older != folder:
            shutil.rmtree(older, ignore_errors=True)
    return store


def save(store: Store, folder: Path) -> None:
    """Write every table, the notes and the truth of a simulated store into an existing folder."""
    for table, frame in store.tables():
        if table == "inventory":
            # Millions of rows in a known order: three arrays of numbers are read five times faster than a table.
            for column in _STOCK:
                units = frame[column].to_numpy()
                np.save(folder / f"{table}_{column}.npy", units.astype(np.int16 if units.max() < 2**15 else np.int32))
        else:
            frame.to_parquet(folder / f"{table}.parquet", index=False)
    truth, law, held = store.truth, store.truth.law, []
    for name, value in [*vars(truth).items(), *((name, getattr(law, name)) for name in _LAW)]:
        if isinstance(value, pd.DataFrame):
            value.to_parquet(folder / f"truth_{name}.parquet", index=False)
        elif isinstance(value, np.ndarray):
            np.save(folder / f"truth_{name}.npy", value.astype(str) if value.dtype == object else value)
            held.append(name)
    facts = {
        "name": store.name,
        "currency": store.currency,
        "notes": dict(store.notes),
        "settings": asdict(truth.settings),
        "first_day": str(truth.dates[0].date()),
        "turn": law.turn,
        "tables": [table for table, _ in store.tables() if table != "inventory"],
        "arrays": held,
        "frames": [name for name, value in vars(truth).items() if isinstance(value, pd.DataFrame)],
    }
    (folder / "store.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")


def load(folder: Path) -> Store:
    """Read what ``save`` wrote. The large arrays of the truth stay on disk until they are looked at."""
    facts = json.loads((folder / "store.json").read_text(encoding="utf-8"))
    settings = Settings(**{name: _tuples(value) for name, value in facts["settings"].items()})
    arrays: dict[str, np.ndarray] = {}
    for array in facts["arrays"]:
        values = np.load(folder / f"truth_{array}.npy", mmap_mode="r", allow_pickle=False)
        arrays[array] = values.astype(object) if values.dtype.kind == "U" else values
    law = Dynamics(arrays.pop("transition"), arrays.pop("innovation"), facts["turn"])
    frames = {table: pd.read_parquet(folder / f"truth_{table}.parquet") for table in facts["frames"]}
    dates = pd.date_range(facts["first_day"], periods=settings.days, freq="D").as_unit("ns")
    truth = Truth(settings=settings, dates=dates, law=law, **arrays, **frames)
    tables = {table: pd.read_parquet(folder / f"{table}.parquet") for table in facts["tables"]}
    # These very tables were checked when the store was made: what could go wrong since is seen by reading them.
    store = object.__new__(Store)
    plain = {name: facts[name] for name in ("name", "currency", "notes")}
    store.__dict__.update({**{field.name: None for field in fields(Store)}, **plain, **tables, "truth": truth})
    stock = [np.load(folder / f"inventory_{column}.npy", allow_pickle=False) for column in _STOCK]
    return with_inventory(store, inventory(truth, *stock))


def _tuples(value: Any) -> Any:
    """JSON knows lists alone."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _try_to_load(folder: Path) -> Store | None:
    if not (folder / "store.json").exists():
        return None
    try:
        return load(folder)
    except (OSError, EOFError, ValueError, KeyError, TypeError):  # pyarrow's own errors are ValueErrors
        return None  # damaged: it is made anew
