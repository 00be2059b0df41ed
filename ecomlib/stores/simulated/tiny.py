"""The tiny store that comes with the package, made anew: ``python -m ecomlib.stores.simulated.tiny``.

It is the simulated store of size tiny and seed 0 without its truth (lesson 00, section 1), so that a folder of tables
can be tried where nothing may be made or fetched. Run this after any change to the generator.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ecomlib.files import write_whole
from ecomlib.stores.simulated import make_store
from ecomlib.stores.store import Store

DATA = Path(__file__).parents[1] / "data"
SEED = 0


def load() -> Store:
    """Read the store that comes with the package (lesson 00, section 1)."""
    return Store.from_directory(DATA / "tiny", name="tiny")


def make_tiny() -> Store:
    """The store as it should lie in the package, made here and now, without truth."""
    return make_store("tiny", SEED, cache=False).observed()


def write_tiny(data: Path = DATA) -> Path:
    """Write ``tiny/`` and a card with the versions that made it, each whole or not at all; returns the folder."""
    folder = make_tiny().to_directory(data / "tiny", overwrite=True)
    card = {"size": "tiny", "seed": SEED, "numpy": np.__version__}
    write_whole(data / "tiny.json", json.dumps(card, indent=1) + "\n")
    return folder


if __name__ == "__main__":
    print(f"written: {write_tiny().relative_to(Path.cwd())}")
