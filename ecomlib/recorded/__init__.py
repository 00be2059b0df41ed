"""Results of long runs, as small tables with cards (lesson 04, section 4).

A script in ``benchmarks/`` computes a table and hands it to ``write``; a lesson shows it with ``recorded(name)``, which
prints date and machine under the table. Each card holds the fingerprint of its script's trial run, by which a result
is known to stand or to be stale (``ecomlib.recorded.fingerprint``, ``ecomlib recorded status``).
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd

from ecomlib.errors import DataError
from ecomlib.files import write_whole
from ecomlib.recorded.fingerprint import digest

FOLDER = Path(__file__).parent
MOST_BYTES = 300_000
_LIBRARIES = ("numpy", "pandas", "torch", "statsforecast", "lightgbm", "polars", "transformers", "scikit-learn")


class RecordedFrame(pd.DataFrame):
    """Show a table with its card's line underneath for as long as pandas carries the card along (``attrs``)."""

    @property
    def _constructor(self) -> type[RecordedFrame]:
        return RecordedFrame

    def __repr__(self) -> str:
        return f"{super().__repr__()}\n{caption(self)}".rstrip("\n")

    def _repr_html_(self) -> str:
        return f"{super()._repr_html_()}<p><em>{caption(self)}</em></p>"


def caption(frame: pd.DataFrame) -> str:
    """Write the sentence to print under a table or figure made from a recorded frame; empty where there is no card."""
    card = frame.attrs.get("card")
    if not card:
        return ""
    trial = "Trial run on little data, not a result: " if card["smoke"] else ""
    return f"{trial}recorded {card['date'][:10]} on {card['machine']} in {card['seconds']:,.0f} s ({card['protocol']})."


def names(directory: Path | None = None) -> list[str]:
    """List the names of the recorded tables, in alphabetical order."""
    return sorted(path.stem for path in (directory or FOLDER).glob("*.json"))


def recorded(name: str, *, directory: Path | None = None) -> RecordedFrame:
    """Read the table of a long run, with its card in ``attrs["card"]`` and printed beneath it (lesson 04, section 4).

    Raises ``DataError`` where no such run is recorded, or where table and card are not of one run.
    """
    folder = directory or FOLDER
    table, card_file = folder / f"{name}.parquet", folder / f"{name}.json"
    if not (table.is_file() and card_file.is_file()):
        raise DataError(
            "no such run is recorded", value=name, remedy=f"recorded are: {', '.join(names(folder)) or 'none yet'}."
        )
    content, card = table.read_bytes(), json.loads(card_file.read_text(encoding="utf-8"))
    if _hash(content) != card["table_sha256"]:
        raise DataError(
            "the table is not the one its card describes", table=name, remedy=f"run {card['command']} again."
        )
    frame = RecordedFrame(pd.read_parquet(io.BytesIO(content)))
    frame.attrs["card"] = card
    return frame


def machine() -> str:
    """Describe the machine in words: processor, cores, system and GPU; never its name or address."""
    processor = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        models = [
            line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        processor = models[0] if models else processor
    words = f"{processor}, {os.cpu_count()} cores, {platform.system()}"
    try:
        import torch

        gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else ""
    except ImportError:
        gpu = ""
    return f"{words}, {gpu}" if gpu else words


def versions() -> dict[str, str]:
    """List what decides results to the last digit: versions, without build suffixes, and the processor's generation.

    Two processors of one name, such as ``AMD EPYC``, may add up in another order; a training shows it.
    """
    found = {"python": platform.python_version()}
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    known = dict(part for line in reversed(lines) if len(part := [word.strip() for word in line.split(":", 1)]) == 2)
    if {"cpu family", "model"} <= set(known):
        found["processor"] = f"family {known['cpu family']}, model {known['model']}"
    for library in _LIBRARIES:
        try:
            found[library] = version(library).split("+")[0]
        except PackageNotFoundError:
            continue
    return found


def commit(folder: Path) -> str:
    """Name the commit that is checked out there, with a mark if files were changed since; "unknown" without git."""
    try:
        asked = ["git", "describe", "--always", "--abbrev=12", "--dirty=+changes", "--exclude=*"]
        return subprocess.run(asked, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _portable(command: str) -> str:
    """The command without this machine's folders: an absolute path becomes DIR."""
    return " ".join("DIR" if Path(word).is_absolute() else word for word in shlex.split(command))


def write(
    name: str,
    frame: pd.DataFrame,
    *,
    script: str | Path,
    command: str,
    protocol: str,
    seconds: float,
    smoke: bool = False,
    directory: Path | None = None,
    also: Sequence[str | Path] = (),
    facts: Mapping[str, Any] | None = None,
    measured: Sequence[str] = (),
    measured_rows: Mapping[str, Sequence[str]] | None = None,
) -> Path:
    """Write a run's record: ``NAME.parquet`` (at most 300 kB) and ``NAME.json``, its card (lesson 04, section 4).

    ``script`` is the benchmark's ``__file__``, ``also`` further files of the project on which the result rests;
    ``command`` the line that repeats the run; ``protocol`` says how it was measured; ``facts`` are further things to
    know (JSON); ``measured`` are the columns that no run repeats, such as seconds, rates and memory, ``measured_rows``
    the same for rows (a column and its values). A trial run
    (``smoke``) never goes into the package: it needs a ``directory``, and its card holds the table's fingerprint. Each
    file is written whole or not at all, and a table without its own card is refused when read.
    """
    if smoke and directory is None:
        raise DataError("a trial run is not a result", value=name, remedy="give it a directory of its own.")
    folder, source = directory or FOLDER, Path(script).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    plain = pd.DataFrame(frame).reset_index(drop=True)
    plain.attrs = {}
    buffer = io.BytesIO()
    plain.to_parquet(buffer, compression="zstd", index=False)
    content = buffer.getvalue()
    if len(content) > MOST_BYTES:
        remedy = "record a summary, fewer columns or float32."
        raise DataError("a recorded table holds at most 300 kB", table=name, value=len(content), remedy=remedy)
    card = {
        "name": name,
        "command": _portable(command),
        "protocol": protocol,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "seconds": round(float(seconds), 2),
        "commit": commit(source.parent),
        "versions": versions(),
        "script": _place(source),
        "script_sha256": _hash(source.read_bytes()),
        "also_sha256": {_place(p): _hash(p.read_bytes()) for p in map(Path, also)},
        "table_sha256": _hash(content),
        "rows": len(plain),
        "smoke": smoke,
        "facts": dict(facts or {}),
    }
    if smoke:
        card["fingerprint"] = {
            "sha256": digest(plain, measured, measured_rows),
            "measured": list(measured),
            "measured_rows": {name: list(values) for name, values in (measured_rows or {}).items()},
        }
    write_whole(folder / f"{name}.parquet", content)
    _write_card(folder / f"{name}.json", card)
    return folder / f"{name}.parquet"


def cards(directory: Path | None = None) -> dict[str, dict[str, Any]]:
    """Return the cards by name, without reading their tables."""
    folder = directory or FOLDER
    return {name: json.loads((folder / f"{name}.json").read_text(encoding="utf-8")) for name in names(folder)}


def set_fingerprint(name: str, note: Mapping[str, Any], *, directory: Path | None = None) -> None:
    """Write a fingerprint's note into a card, and leave everything else of it as it is."""
    folder = directory or FOLDER
    _write_card(folder / f"{name}.json", cards(folder)[name] | {"fingerprint": dict(note)})


def _write_card(path: Path, card: Mapping[str, Any]) -> None:
    write_whole(path, json.dumps(card, indent=2, ensure_ascii=False) + "\n")


def _place(path: Path) -> str:
    """A file's path inside its checkout; its folder and name where there is none."""
    path = path.resolve()
    root = next((p for p in path.parents if (p / "pyproject.toml").is_file()), path.parents[1])
    return path.relative_to(root).as_posix()


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
