"""Finds the files that teams hand in, and answers each in words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ecomlib.course.game.lists import Fault, ListRead
from ecomlib.course.game.rules import Units
from ecomlib.files import is_draft

FILE = "orders.csv"
_OWN = ("room", "referee", "board", "handin")
_TABLES = (".csv", ".tsv", ".txt", ".parquet", ".xlsx", ".xls", ".ods", ".numbers", ".zip", ".gz")


@dataclass(frozen=True, eq=False)
class HandIn:
    """Hold what one team handed in for the open month; ``read`` is None where nothing is there yet."""

    team: str
    read: ListRead | None = None
    path: Path | None = None

    @staticmethod
    def refused(team: str, problem: str) -> HandIn:
        """Make the hand-in of a file that is not looked into."""
        return HandIn(team, ListRead(faults=(Fault(f"{problem}."),)))

    @property
    def units(self) -> Units | None:
        """The list, (P, 4), where there is one without faults."""
        return None if self.read is None else self.read.units

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What is wrong with it."""
        return () if self.read is None else self.read.faults

    @property
    def state(self) -> str:
        """Where the team stands, in two or three words."""
        if self.units is not None:
            return "handed in"
        count = len(self.faults)
        return f"{count} fault{'s' * (count > 1)} to mend" if count else "nothing yet"

    def answer(self, number: int, turn: str = "month") -> str:
        """Format the team's answer: every fault with every place, or that the list is complete."""
        head = f"{turn.capitalize()} {number}, {self.team}: "
        if self.read is not None and self.units is not None:
            return f"{head}your list is complete: {self.read.complete}.\n"
        if self.faults:
            lines = [f"{k}. {fault.full()}" for k, fault in enumerate(self.faults, start=1)]
            return "\n".join([f"{head}your list has {self.state}. Rows are counted below the header.", *lines, ""])
        return f"{head}there is no list of yours for this {turn} yet.\n"


def files_of(folder: Path) -> dict[str, list[Path]]:
    """Find the teams' files in a game's folder: ``handin/TEAM.csv``, ``handin/TEAM/orders.csv``, ``TEAM/orders.csv``.

    Returns
    -------
    dict of str to list of Path
        By team, sorted; names that differ in capitals only are one team. Files of other kinds that look like a table
        are listed too: their team is told, instead of waiting for nothing.
    """
    found: dict[str, tuple[str, list[Path]]] = {}
    handin = folder / "handin"
    places = [path for path in handin.glob("*") if path.is_file() and path.suffix.lower() in _TABLES]
    places += [path for path in handin.glob(f"*/{FILE}") if path.is_file()]
    places += [path for path in folder.glob(f"*/{FILE}") if path.is_file() and path.parent.name not in _OWN]
    for path in sorted(places):
        team = path.parent.name if path.name == FILE and path.parent != handin else path.stem
        if team.startswith((".", "~")) or team.casefold() == "readme" or is_draft(path):
            continue
        found.setdefault(team.casefold(), (team, []))[1].append(path)
    return {name: paths for _, (name, paths) in sorted(found.items())}
