"""Defines the package's own errors. Each says what is wrong, where, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

# What a runtime of Colab ships, as constraints for pip. The lessons' set-up cell writes it into the current folder.
CONSTRAINTS = "colab-constraints.txt"


class EcomlibError(Exception):
    """Base of every error that ecomlib raises on purpose."""


class DataError(EcomlibError, ValueError):
    """A table does not hold what it should.

    Parameters
    ----------
    problem: one sentence that says what is wrong.
    table, column: the place, where they are known.
    rows: row numbers as the owner counts them in the file (the first data row is 1); at most five are printed.
    value: the value at fault.
    remedy: one sentence that says what to do.
    """

    def __init__(
        self,
        problem: str,
        *,
        table: str | None = None,
        column: str | None = None,
        rows: Sequence[int] = (),
        value: object = None,
        remedy: str | None = None,
    ) -> None:
        self.problem, self.table, self.column = problem, table, column
        self.rows, self.value, self.remedy = list(rows), value, remedy
        place = [f"table '{table}'"] if table else []
        if column:
            place.append(f"column '{column}'")
        if self.rows:
            shown = ", ".join(str(row) for row in self.rows[:5])
            more = f" and {len(self.rows) - 5} more" if len(self.rows) > 5 else ""
            place.append(f"row{'s' if len(self.rows) > 1 else ''} {shown}{more}")
        text = (", ".join(place) + ": " if place else "") + problem
        if value is not None:
            text += f" (found {value!r})"
        if remedy:
            text += ("" if text.endswith((".", "?", "!")) else ".") + f" What to do: {remedy}"
        super().__init__(text)


class MissingTableError(DataError):
    """A lesson or function needs a table that this store does not have."""


class DownloadError(EcomlibError):
    """A data set or model could not be fetched, or what arrived is not what the publisher published."""


class MissingDependencyError(EcomlibError, ImportError):
    """An optional library is not installed; the message holds the command that installs it."""


class LeakageError(EcomlibError, ValueError):
    """Something would be used before it was known."""


class LessonError(EcomlibError):
    """A lesson could not be found, read or run."""


def install_command(*requirements: str) -> str:
    """Write the command that installs optional libraries, as messages show it.

    On Colab it keeps what Colab ships: it names the constraints that the set-up cell wrote. Quotes are double ones, for
    they mean the same to every shell.
    """
    keeps = f"--constraint {CONSTRAINTS} " if Path(CONSTRAINTS).is_file() else ""
    return f"python -m pip install {keeps}" + " ".join(f'"{requirement}"' for requirement in requirements)
