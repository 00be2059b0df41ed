"""The numbers that the committed lessons publish: each within its own tolerance of published.csv, or as it is now."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ecomlib.course import lessons, published_numbers

HERE = Path(__file__).resolve().parent


def _record() -> pd.DataFrame:
    return pd.read_csv(HERE / "published.csv", dtype={"lesson": str, "cell": str, "key": str})


def _frames(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    index = table[list(published_numbers.IDENTITY)].astype(str).agg(" · ".join, axis=1)
    values = table[["value"]].set_axis(index, axis=0)
    return {f"lesson {number}": values[(table["lesson"] == number).to_numpy()] for number in table["lesson"].unique()}


def recorded(seed: int) -> dict[str, pd.DataFrame]:
    """Return the recorded numbers, without those of a clock (they have no tolerance)."""
    held = _record()
    return _frames(held[held["tolerance"].notna()].reset_index(drop=True))


def part(seed: int) -> dict[str, pd.DataFrame]:
    """Return the numbers of the committed outputs; one that lies within its tolerance counts as the recorded one."""
    found = [
        number
        for lesson in lessons.choose(HERE.parents[1] / "notebooks")
        for number in published_numbers.numbers(lessons.read(lesson.path), lesson.number)
    ]
    now = published_numbers.table(found)
    now = published_numbers.known(_record(), now)
    both = now.merge(_record(), on=list(published_numbers.IDENTITY), how="left", suffixes=("", "_then"))
    within = (both["value"] - both["value_then"]).abs() <= both["tolerance"] * (1 + 1e-9)
    both["value"] = both["value"].where(~within, both["value_then"])
    held = both["tolerance"].notna() | ~both["clock"]
    return _frames(both[held].reset_index(drop=True))
