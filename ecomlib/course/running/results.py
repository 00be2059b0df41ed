"""Defines the settings of a run of lessons and the result of each lesson."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ecomlib.course.lessons import LessonFile
from ecomlib.errors import LessonError
from ecomlib.stores import registry

SIZES = ("tiny", "small", "full")
# No store: a second part with this name shows the committed table of the last recorded run and loads nothing.
RECORDED = "recorded"


def second_part_names() -> tuple[str, ...]:
    """List what a second part's ``STORE`` may be called: the recorded run, or a registered store."""
    return (RECORDED, *registry.names("run"))


@dataclass(frozen=True)
class RunSettings:
    """How to run lessons. ``None`` leaves a lesson's own default.

    size (tiny, small, full), seed: of the simulated store. device: auto, cpu, cuda. store: for Part B, a name of
    ``second_part_names()`` or a folder. out: where everything is written. jobs: lessons at a time, one thread each.
    cell_seconds: the longest that one cell may take. more: other parameters by name.
    """

    size: str | None = None
    seed: int | None = None
    device: str | None = None
    store: str | None = None
    out: Path = Path("build")
    jobs: int = 1
    cell_seconds: int = 3600
    more: Mapping[str, Any] = field(default_factory=dict)

    def parameters(self) -> dict[str, Any]:
        """Return the parameters that were set, by their names in notebooks; faulty values raise an ``EcomlibError``."""
        if self.size is not None and self.size not in SIZES:
            raise LessonError(f"There is no size '{self.size}'. Sizes are {', '.join(SIZES)}.")
        store = self.store
        if store is not None:
            store = registry.resolve(store, "run", also=(RECORDED,))
        asked = {"SIZE": self.size, "SEED": self.seed, "DEVICE": self.device, "STORE": store, **self.more}
        return {name: value for name, value in asked.items() if value is not None}


@dataclass(frozen=True)
class LessonRun:
    """Holds the result of one lesson. ``seconds`` of wall time; ``error`` is empty where it passed.

    ``absent`` is why the reader's shop did not take part in the second part; empty where it did.
    """

    lesson: LessonFile
    executed: Path
    seconds: float
    error: str = ""
    section: str = ""
    cell: int | None = None
    source: str = ""
    absent: str = ""

    @property
    def passed(self) -> bool:
        return not self.error

    @property
    def missed(self) -> str:
        """Say in words that the reader's shop did not take part; empty where it did."""
        return f"your shop did not take part: {self.absent}" if self.absent else ""

    def complaint(self) -> str:
        """Describe the failure in a few lines: lesson, section, cell, its source and the error."""
        shown = [f"    {line}" for line in self.source.splitlines()]
        where = f", in section '{self.section}'" if self.section else ""
        where += f", cell {self.cell}" if self.cell is not None else ""
        return "\n".join([f"✗ {self.lesson.number} {self.lesson.title} failed{where}:", *shown, f"    {self.error}"])


# How a second part says that it leaves the shop out: a fault by its message, or a lack in its own words.
_ABSENT = (
    re.compile(r"cannot take part[^.:]*[.:]\**\s*(.+)", re.S),
    re.compile(r"^\*\*.+?:\*\*\s*(.+ are too few for this lesson)", re.S),
)


def absence(notebook: Any) -> str:
    """Find why the second part of an executed lesson left the shop out; empty where it took part, or was not asked."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            text = output.get("data", {}).get("text/markdown", "")
            for pattern in _ABSENT:
                found = pattern.search("".join(text))
                if found:
                    return " ".join(found[1].split()).rstrip(".")
    return ""
