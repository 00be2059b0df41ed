"""Keeps versions of a model on disk: published whole, promoted, rolled back; a kill -9 at any moment costs nothing.

    registry/
      versions/0001/        files of a version and card.json, made under another name and renamed: whole or not there
      promotions/000001.json   which version serves since when, why, who said so, and the SHA-256 of its card; the
                               last one that can be read is in force

There is no file that is changed in place. What serves now follows from the names of files that are there, so two
processes and a sudden end leave either the old state or the new one.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import logging
import os
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ecomlib
from ecomlib.errors import DataError
from ecomlib.files import claim, draft_folder, write_new

CARD = "card.json"
_log = logging.getLogger("ecomlib.serving")


@dataclass(frozen=True)
class Version:
    """Holds one published version: number, folder, and card (files with SHA-256, date, notes of the author)."""

    number: int
    path: Path
    card: Mapping[str, Any]


@dataclass(frozen=True)
class Promotion:
    """Records that ``version`` serves since ``at`` (UTC, ISO 8601), because of ``why``.

    ``who`` put it in force (user@host), and ``card`` is its card's SHA-256; both are empty where an older ecomlib did.
    """

    number: int
    version: int
    at: str
    why: str
    who: str = ""
    card: str = ""


class Registry:
    """Keeps versions under ``root``, which is made when the first one is published (lesson 08, section 1)."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(root)
        self._warned: set[str] = set()

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
            card, promised = self.card(number), self._promised(number)
            broken = [name for name, digest in card["files"].items() if _sha256(path / name) != digest]
            there = (p.relative_to(path) for p in sorted(path.rglob("*")) if p.is_file())
            listed = {CARD, *card["files"]}  # a file without a checksum could be any
            broken += [name.as_posix() for name in there if name.as_posix() not in listed and not _hidden(name)]
            broken += [] if card["files"] else ["files"]
            broken += [CARD] if promised and _sha256(path / CARD) != promised else []
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"version {number:04d} cannot be read: {error}", remedy="roll back to another, or train again."
            ) from error
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
        card = _sha256(self.open(number).path / CARD)
        home = self.root / "promotions"
        home.mkdir(parents=True, exist_ok=True)
        while True:
            place = max((int(path.stem) for path in self._promotions()), default=0) + 1
            made = Promotion(place, number, _now(), why, _who(), card)
            try:
                text = json.dumps(vars(made), ensure_ascii=False, allow_nan=False) + "\n"
                write_new(home / f"{place:06d}.json", text, sync=True)
            except FileExistsError:
                continue
            return made

    def history(self) -> list[Promotion]:
        """List all promotions, oldest first.

        A file that cannot be read, as a power cut may leave one, is passed over with a warning that names it, and so is
        a field that only a later ecomlib knows.
        """
        found = []
        for path in self._promotions():
            try:
                held = json.loads(path.read_text(encoding="utf-8"))
                known = {one.name: held[one.name] for one in fields(Promotion) if one.name in held}
                made = Promotion(**known | {"number": int(path.stem)})
                if not all(
                    isinstance(getattr(made, one.name), int if one.type == "int" else str) for one in fields(made)
                ):
                    raise TypeError("a field is not what it should be")
            except (ValueError, TypeError, KeyError) as error:  # not OSError: what cannot be opened now may be in force
                self._warn(path, f"cannot be read and is passed over: {str(error) or type(error).__name__}")
                continue
            if more := set(held) - set(known):
                self._warn(path, f"holds what this ecomlib does not know: {', '.join(sorted(more))}")
            found.append(made)
        return found

    def current(self) -> Promotion | None:
        """Return the promotion in force, or None."""
        return next(reversed(self.history()), None)

    def roll_back(self, why: str) -> Promotion:
        """Put the previous version back in force (lesson 08, section 6).

        Twice in a row goes back twice: versions that were rolled back from are passed over.
        """
        stack = self.standing()
        if len(stack) < 2:
            raise DataError("there is no earlier version to go back to", remedy="promote another version by number.")
        return self.promote(stack[-2].version, why)

    def standing(self) -> list[Promotion]:
        """List the promotions that stand, without what was rolled back from; the last is in force."""
        stack: list[Promotion] = []
        for promotion in self.history():
            at = next((at for at, one in enumerate(stack) if one.version == promotion.version), len(stack))
            stack = [*stack[:at], promotion]
        return stack

    def _promotions(self) -> list[Path]:
        home = self.root / "promotions"
        names = [path for path in home.iterdir() if re.fullmatch(r"\d+\.json", path.name)] if home.is_dir() else []
        return sorted(names, key=lambda path: int(path.stem))

    def _promised(self, number: int) -> str:
        """The SHA-256 that a version's card had when it was promoted; empty where nobody noted it."""
        return next((p.card for p in reversed(self.history()) if p.version == number and p.card), "")

    def _warn(self, path: Path, text: str) -> None:
        if path.name not in self._warned:
            self._warned.add(path.name)
            _log.warning("%s/%s %s", path.parent.name, path.name, text)

    def _last(self) -> int:
        return max(self.versions(), default=0)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _who() -> str:
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container's user may have no name
        user = str(os.getuid()) if hasattr(os, "getuid") else "?"
    return f"{user}@{socket.gethostname()}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
