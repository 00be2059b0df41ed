"""The golden record's table: named numbers in long form, how two such tables are compared, and how one is kept.

A part computes ``dict[str, DataFrame]``: a name, and a frame whose index says what each row is and whose columns are
numbers. Here it becomes rows ``part, seed, name, key, column, value``. Names, keys and columns name what is predicted,
never the module that predicts it: a module that is renamed changes an import line of a part, and no number.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ecomlib.files import write_whole

HERE = Path(__file__).parent
TABLE, CARD = "predictions.parquet", "predictions.json"
PLACE = ["part", "seed", "name", "key", "column"]
TOLERANCE = 1e-6  # of max(1, |old|), on the machine that recorded
ELSEWHERE = 1e-3  # on another one, whose processor adds in another order
SUMS = ("(rows)", "(not finite)", "(sum)", "(weighted sum)")


@dataclass(frozen=True)
class Part:
    """One part of the golden record.

    Attributes
    ----------
    name : str
        Its name in the record.
    module : str
        Module beside this file with ``part(seed) -> dict[str, DataFrame]``. One that also has
        ``recorded(seed) -> dict[str, DataFrame]`` keeps its own record, and writes it itself.
    seeds : tuple of int
        Seeds of the simulated stores; one number where a part has no seed.
    tolerance : float
        Largest move that counts as none, as a share of ``max(1, |old|)``.
    """

    name: str
    module: str
    seeds: tuple[int, ...] = (0, 1, 2)
    tolerance: float = TOLERANCE


def sample(frame: pd.DataFrame, keys: str | Sequence[str], rows: int = 60) -> pd.DataFrame:
    """Index a frame by its key columns as text and keep evenly spaced rows of it, with sums over all of them.

    Columns that are not numbers are left out; sums are those of finite values. ``(weighted sum)`` weighs each row by
    its place in the sorted frame, so that two rows that change places show in it.
    """
    names = [keys] if isinstance(keys, str) else list(keys)
    text = [
        frame[k].dt.strftime("%Y-%m-%d") if pd.api.types.is_datetime64_any_dtype(frame[k]) else frame[k].astype(str)
        for k in names
    ]
    index = text[0].str.cat(text[1:], sep=" ") if len(text) > 1 else text[0]
    plain = frame.drop(columns=names).select_dtypes(["number", "bool"]).astype(float)
    plain = plain.set_axis(pd.Index(index, name="key"), axis=0).sort_index(kind="stable")
    place = np.unique(np.linspace(0, max(len(plain) - 1, 0), min(rows, len(plain))).round().astype(int))
    weight = 1 + np.arange(len(plain)) % 97
    known = plain.where(np.isfinite(plain), 0.0)
    sums = [
        np.full(plain.shape[1], float(len(plain))),
        (~np.isfinite(plain)).sum().to_numpy(dtype=float),
        known.sum().to_numpy(),
        (known.to_numpy() * weight[:, None] / 97).sum(axis=0),
    ]
    return pd.concat([plain.iloc[place], pd.DataFrame(sums, index=list(SUMS), columns=plain.columns)])


def flatten(part: str, seed: int, frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Turn a part's frames into rows ``part, seed, name, key, column, value``; each place is taken once."""
    pieces = []
    for name, frame in frames.items():
        piece = frame.set_axis(frame.index.astype(str), axis=0).rename_axis("key").reset_index()
        piece = piece.melt("key", var_name="column", value_name="(value)")
        pieces.append(piece.assign(part=part, seed=seed, name=name, value=piece.pop("(value)").astype("float64")))
    if not pieces:
        raise ValueError(f"the part {part} computed nothing for seed {seed}")
    table = pd.concat(pieces, ignore_index=True)[[*PLACE, "value"]]
    table["column"] = table["column"].astype(str)
    twice = table.duplicated(PLACE)
    if twice.any():
        raise ValueError(f"two values at one place of the record: {table.loc[twice, PLACE].iloc[0].to_dict()}")
    return table


def moves(old: pd.DataFrame, new: pd.DataFrame, tolerance: float = TOLERANCE) -> pd.DataFrame:
    """Set two tables side by side: ``old``, ``new``, ``move`` and ``state`` of each place.

    ``state`` is same, moved, missing (recorded, no longer computed) or new. ``move`` is ``|new - old|`` as a share of
    ``max(1, |old|)``; a number that became NaN or infinite, or the reverse, has moved by infinity.
    """
    both = old.rename(columns={"value": "old"}).merge(
        new.rename(columns={"value": "new"}), on=PLACE, how="outer", indicator="side"
    )
    a, b = both["old"].to_numpy(dtype=float), both["new"].to_numpy(dtype=float)
    alike = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore"):
        move = np.abs(b - a) / np.maximum(1.0, np.abs(a))
    move = np.where(alike, 0.0, np.where(np.isfinite(a) & np.isfinite(b), move, np.inf))
    side = both.pop("side").astype(str).to_numpy()
    state = np.select(
        [side == "left_only", side == "right_only", move > tolerance], ["missing", "new", "moved"], "same"
    )
    return both.assign(move=np.where(side == "both", move, np.nan), state=state)


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Count by part and name what ``moves`` found: ``values, same, moved, missing, new, largest``."""
    counted = pd.crosstab([table["part"], table["name"]], table["state"])
    counted = counted.reindex(columns=["same", "moved", "missing", "new"], fill_value=0)
    largest = table.groupby(["part", "name"])["move"].max()
    return counted.assign(values=counted[["same", "moved"]].sum(axis=1), largest=largest)


def lines(table: pd.DataFrame, examples: int = 3, every: bool = False) -> list[str]:
    """Say in words what ``moves`` found: a line a name, and under one that moved its largest moves.

    Names without a move are summed up part by part unless ``every`` is asked for.
    """
    found, said = summary(table), []
    said.append(f"{'part':<14}{'name':<44}{'values':>8}{'moved':>7}{'missing':>9}{'new':>6}{'largest move':>14}")

    def row(part: str, name: str, counts: Any) -> str:
        numbers = f"{counts['values']:>8,.0f}{counts['moved']:>7,.0f}{counts['missing']:>9,.0f}{counts['new']:>6,.0f}"
        return f"{part:<14}{name:<44}{numbers}{counts['largest']:>14.2g}"

    for part, names in found.groupby(level="part"):
        quiet = names[["moved", "missing", "new"]].sum(axis=1) == 0
        if quiet.any() and not every:
            calm = names[quiet]
            together = {**calm.sum().to_dict(), "largest": calm["largest"].max()}
            said.append(row(str(part), f"{len(calm)} names as recorded", together))
        for (_, name), counts in names.iterrows():
            if quiet[(part, name)] and not every:
                continue
            said.append(row(str(part), str(name), counts))
            own = table[(table["part"] == part) & (table["name"] == name)]
            for _, far in own[own["state"] == "moved"].nlargest(examples, "move", keep="first").iterrows():
                where = f"seed {far['seed']}, {far['key']}, {far['column']}"
                said.append(f"    {where}: {far['old']:.9g} -> {far['new']:.9g} (by {far['move']:.2g})")
            for state in ("missing", "new"):
                these = own[own["state"] == state]
                if len(these) == len(own):
                    said.append(f"    {state}: the whole name")
                elif len(these):
                    first = these.iloc[0]
                    said.append(f"    {state}, the first: seed {first['seed']}, {first['key']}, {first['column']}")
    return said


def read(folder: Path = HERE) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Read the record and its card; both empty where nothing is recorded yet.

    Raises ``ValueError`` where table and card are not of one recording.
    """
    if not (folder / TABLE).is_file():
        return pd.DataFrame(columns=[*PLACE, "value"]), {"parts": {}}
    content, card = (folder / TABLE).read_bytes(), json.loads((folder / CARD).read_text(encoding="utf-8"))
    if hashlib.sha256(content).hexdigest() != card["table_sha256"]:
        raise ValueError(f"{TABLE} is not the table that {CARD} describes: take both from one commit")
    table = pd.read_parquet(io.BytesIO(content))
    return table.astype(dict.fromkeys(("part", "name", "key", "column"), str) | {"seed": int}), card


def write(table: pd.DataFrame, card: Mapping[str, Any], folder: Path = HERE) -> None:
    """Write table and card, each whole or not at all; a pair that is not of one recording is refused when read."""
    ordered = table.sort_values(PLACE, ignore_index=True)[[*PLACE, "value"]]
    ordered = ordered.astype(dict.fromkeys(["part", "name", "key", "column"], "category"))
    buffer = io.BytesIO()
    ordered.to_parquet(buffer, compression="zstd", index=False)
    whole = dict(card) | {"rows": len(ordered), "table_sha256": hashlib.sha256(buffer.getvalue()).hexdigest()}
    write_whole(folder / TABLE, buffer.getvalue())
    write_whole(folder / CARD, json.dumps(whole, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
