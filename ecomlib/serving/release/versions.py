"""Keeps versions of a model on disk: published whole, promoted, rolled back; a kill -9 at any moment costs nothing.

    registry/
      versions/0001/        files of a version and card.json, made under another name and renamed: whole or not there
      promotions/000001.json   which version serves since when, and why; the last one is in force

There is no file that is changed in place. What serves now follows from the names of files that are there, so two
processes and a sudden end leave either the old state or the new one.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ecomlib
from ecomlib.errors import DataError
from ecomlib.files import claim, draft_folder, write_new

CARD = "card.json"


@dataclass(frozen=True)
class Version:
    """Holds one published version: number, folder, and card (files with SHA-256, date, notes of the author)."""

    number: int
    path: Path
    card: Mapping[str, Any]


@dataclass(frozen=True)
class Promotion:
    """Records that ``version`` serves since ``at`` (UTC, ISO 8601), because of ``why``."""

    number: int
    version: int
    at: str
    why: str


class Registry:
    """Keeps versions under ``root``, which is made when the first one is published (lesson 08, section 1)."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(root)

    def publish(self, write: Callable[[Path], Mapping[str, Any] | None]) -> Version:
        """Publish a version: ``write(folder)`` puts its files there and returns notes for the card (plain JSON).

        The folder gets its name when everything is in it. If ``write`` fails, nothing is left and its error is raised.
        A version is not in force before it is promoted.
        """
        home = self.root / "versions"
        home.mkdir(parents=True, exist_ok=True)
        with draft_folder(home / "version") as part:
            notes = dict(write(part) or {})
            files = {p.relative_to(part).as_posix(): _sha256(p) for p in sorted(part.rglob("*")) if p.is_file()}
            if not files:
                raise DataError("a version needs at least one file", remedy="write the model into the given folder.")
            card = {"created": _now(), "ecomlib": ecomlib.__version__, "files": files, "notes": notes}
            text = json.dumps(card, indent=2, ensure_ascii=False, allow_nan=False)
            (part / CARD).write_text(text + "\n", encoding="utf-8")
            for number in range(self._last() + 1, self._last() + 1000):  # another process may take the same number
                try:
                    claim(part, home / f"{number:04d}", sync=True)
                except FileExistsError:
                    continue
                return Version(number, home / f"{number:04d}", card)
            raise DataError("a thousand processes publish at once", remedy="wait, then publish again.")

    def versions(self) -> list[int]:
        """List the numbers of all complete versions, rising."""
        home = self.root / "versions"
        names = [p.name for p in home.iterdir()] if home.is_dir() else []
        return sorted(int(name) for name in names if re.fullmatch(r"\d{4,}", name))

    def open(self, number: int | None = None) -> Version:
        """Open a version, its files checked against its card; by default the one in force.

        ``DataError`` where there is none, or a file was changed or lost since it was published.
        """
        if number is None:
            promotion = self.current()
            if promotion is None:
                raise DataError("no version is in force", remedy="publish one and promote it: ecomlib train.")
            number = promotion.version
        path = self.root / "versions" / f"{number:04d}"
        if number not in self.versions():
            raise DataError("there is no such version", value=number, remedy=f"take one of {self.versions()}.")
        try:
            card = self.card(number)
            broken = [name for name, digest in card["files"].items() if _sha256(path / name) != digest]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(f"version {number:04d} cannot be read: {error}", remedy="roll back to another.") from error
        if broken:
            raise DataError(
                f"version {number:04d} was changed after it was published",
                value=broken[0],
                remedy="roll back to another version, or train again.",
            )
        return Version(number, path, card)

    def card(self, number: int) -> dict[str, Any]:
        """Read the card of a version as it was written; its files are not checked."""
        card: dict[str, Any] = json.loads((self.root / "versions" / f"{number:04d}" / CARD).read_text(encoding="utf-8"))
        return card

    def promote(self, number: int, why: str) -> Promotion:
        """Put a version in force; it is checked first (lesson 08, section 6)."""
        self.open(number)
        home = self.root / "promotions"
        home.mkdir(parents=True, exist_ok=True)
        while True:
            place = max((p.number for p in self.history()), default=0) + 1
            made = Promotion(place, number, _now(), why)
            try:
                text = json.dumps(vars(made), ensure_ascii=False, allow_nan=False) + "\n"
                write_new(home / f"{place:06d}.json", text, sync=True)
            except FileExistsError:
                continue
            return made

    def history(self) -> list[Promotion]:
        """List all promotions, oldest first."""
        home = self.root / "promotions"
        files = sorted(home.glob("[0-9]*.json")) if home.is_dir() else []
        return [Promotion(**json.loads(path.read_text(encoding="utf-8"))) for path in files]

    def current(self) -> Promotion | None:
        """Return the promotion in force, or None."""
        return next(reversed(self.history()), None)

    def roll_back(self, why: str) -> Promotion:
        """Put the previous version back in force (lesson 08, section 6).

        Twice in a row goes back twice: versions that were rolled back from are passed over.
        """
        stack: list[int] = []  # what has been in force, without what was undone
        for promotion in self.history():
            if promotion.version in stack:
                stack = stack[: stack.index(promotion.version)]
            stack.append(promotion.version)
        if len(stack) < 2:
            raise DataError("there is no earlier version to go back to", remedy="promote another version by number.")
        return self.promote(stack[-2], why)

    def _last(self) -> int:
        return max(self.versions(), default=0)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
