"""A reader's own shop as a folder of files, and ways to break it, for the tests of reading and of the data check."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

TITLES = ("Set of %d red mugs with a café motif", "Blue lamp for the garden, size %d", "Box of %d paper stars")


def write_shop(folder: Path, lines: int = 240) -> Path:
    """Products, orders and regions as plain CSV; sixty weeks, titles in English. Made twice it is the same."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    ids = [f"{number:05d}" for number in range(20)]
    pd.DataFrame(
        {"product_id": ids, "title": [TITLES[k % 3] % k for k in range(20)], "launched_on": "2024-01-15"}
    ).to_csv(folder / "products.csv", index=False)
    pd.DataFrame({"region_id": ["N", "S"], "name": ["North", "South"], "row": [0, 1], "column": [0, 0]}).to_csv(
        folder / "regions.csv", index=False
    )
    minutes = np.sort(rng.integers(0, 60 * 7 * 24 * 60, lines))
    pd.DataFrame(
        {
            "order_id": [str(1000 + line // 2) for line in range(lines)],
            "product_id": rng.choice(ids, lines),
            "region_id": rng.choice(["N", "S"], lines),
            "customer_id": [str(number) if number else None for number in rng.integers(0, 9, lines)],
            "ordered_at": (pd.Timestamp("2024-01-01") + pd.to_timedelta(minutes, unit="min")).strftime(
                "%Y-%m-%d %H:%M"
            ),
            "quantity": rng.integers(1, 9, lines),
            "unit_price": [f"{price / 100:.2f}" for price in rng.integers(110, 900, lines)],
        }
    ).to_csv(folder / "orders.csv", index=False)
    return folder


def edit(file: str, change: Callable[[pd.DataFrame], pd.DataFrame | None]) -> Callable[[Path], None]:
    """Change a table's cells, all of them text, and write it back."""

    def apply(folder: Path) -> None:
        frame = pd.read_csv(folder / file, dtype=str, keep_default_na=False)
        changed = change(frame)
        (frame if changed is None else changed).to_csv(folder / file, index=False)

    return apply


def put(column: str, row: int, value: str) -> Callable[[pd.DataFrame], None]:
    """One cell; ``row`` as the owner counts, from 1."""

    def change(frame: pd.DataFrame) -> None:
        frame.loc[row - 1, column] = value

    return change


def text(file: str, change: Callable[[str], str], encoding: str = "utf-8") -> Callable[[Path], None]:
    """Change a file's whole text."""

    def apply(folder: Path) -> None:
        path = folder / file
        path.write_bytes(change(path.read_bytes().decode("utf-8")).encode(encoding))

    return apply
