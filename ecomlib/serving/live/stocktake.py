"""Reads a stock-take from a file, as ``POST /stocktake`` takes it (lesson 08, section 4)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from ecomlib.errors import DataError
from ecomlib.serving.release.bundle import ALL

_BATCH = 5_000  # counts that the service takes at once


def batches_of(file: Path, at: str, name: str) -> Iterator[dict[str, Any]]:
    """Yield the counts in a CSV file in batches; a shop without regions is the region ``all``.

    Raises
    ------
    DataError
        The file cannot be read, a column is missing, or a quantity is no whole number of units.
    """
    try:
        table = pd.read_csv(file, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise DataError(f"the file cannot be read: {error}", value=str(file), remedy="give a CSV file.") from error
    for column in ("product_id", "quantity"):
        if column not in table:
            remedy = "give a CSV file with product_id, region_id (if the shop has regions) and quantity."
            raise DataError("the column is missing", table=file.name, column=column, remedy=remedy)
    bad = ~table["quantity"].str.strip().str.fullmatch(r"\d{1,9}")
    if bad.any():
        rows = [int(row) + 1 for row in table.index[bad]]
        raise DataError(
            "a count is a whole number of units, 0 or more",
            table=file.name,
            column="quantity",
            rows=rows,
            value=table["quantity"][bad].iloc[0],
            remedy="correct the row, or leave it out: what is not named keeps its stock.",
        )
    table["quantity"] = table["quantity"].astype(int)
    table = table.assign(region_id=table.get("region_id", ALL))
    counts = table[["product_id", "region_id", "quantity"]].to_dict("records")
    for start in range(0, len(counts), _BATCH):
        yield {"event_key": name[:150], "counted_at": at, "counts": counts[start : start + _BATCH]}
