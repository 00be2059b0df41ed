"""Estimates how long a lesson takes, by one formula, from its notebook.

Reading is 180 words a minute and 20 seconds a visible line of code (not blank, not hidden, no set-up, no solution; the
quiz is not counted); running is what the last execution took; an exercise is its text, its stub and ``TRIES`` tries of
``MINUTES_A_TRY`` minutes each. The estimate stands until a person has measured.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ecomlib.course import lessons

WORDS_A_MINUTE = 180
SECONDS_A_LINE = 20
TRIES = 4
MINUTES_A_TRY = 3
_EXERCISE = {"task", "exercise", "check"}
_NOT_READ = {"setup", "solution", "instructor", "quiz"}


@dataclass(frozen=True)
class Minutes:
    """Hold the estimated minutes of one lesson: reading, running, and doing its exercises."""

    reading: float
    running: float
    exercises: float

    @property
    def total(self) -> float:
        """Sum all three."""
        return self.reading + self.running + self.exercises

    def text(self) -> str:
        """Format as minutes of reading and running, then of exercises, each rounded to five."""
        first, second = (5 * max(1, round(part / 5)) for part in (self.reading + self.running, self.exercises))
        return f"{first} min" + (f" + {second} min of exercises" if self.exercises else "")


def estimate(notebook: Any) -> Minutes:
    """Estimate a lesson's minutes from its text, its visible code, its exercises and its last run."""
    read = practise = 0.0
    for cell in notebook.cells:
        tags = set(lessons.tags(cell))
        if tags & _NOT_READ:
            continue
        taken = words(cell.source) / WORDS_A_MINUTE if cell.cell_type == "markdown" else _code(cell)
        if tags & _EXERCISE:
            practise += taken + (TRIES * MINUTES_A_TRY if "exercise" in tags else 0)
        else:
            read += taken
    return Minutes(read, notebook.metadata.get("ecomlib", {}).get("seconds", 0) / 60, practise)


def words(text: str) -> int:
    """Count the words of a Markdown text, without HTML tags and the targets of links."""
    return len(re.findall(r"\w[\w'’.-]*", re.sub(r"<[^>]+>|\]\([^)]*\)", " ", text)))


def _code(cell: Any) -> float:
    if cell.metadata.get("jupyter", {}).get("source_hidden"):
        return 0.0
    return sum(bool(line.strip()) for line in cell.source.splitlines()) * SECONDS_A_LINE / 60
