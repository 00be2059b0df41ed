"""Finds the lessons, and reads from a notebook what can be known without running it."""

from __future__ import annotations

import hashlib
import importlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from types import ModuleType
from typing import Any

from ecomlib.course import syllabus
from ecomlib.errors import LessonError, MissingDependencyError, install_command
from ecomlib.files import write_whole

COPY = "ecomlib-lessons"
HEADING = re.compile(r"^##\s+(?:(?P<number>\d+)\s+·\s+)?(?P<title>.+?)\s*(?:\*\((?P<kind>[^)]+)\)\*)?\s*$")
MINUTES = re.compile(r"<!-- minutes -->.*?<!-- /minutes -->", re.S)
BADGE = re.compile(r"<!-- badge -->.*?<!-- /badge -->", re.S)
# One thread for each notebook: two can then run side by side, and times are comparable.
ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@dataclass(frozen=True)
class LessonFile:
    """One lesson on disk: its number (``"04b"``), its title, and the notebook's path."""

    number: str
    title: str
    path: Path


@dataclass(frozen=True)
class Section:
    """One section of a notebook: its number (None for unnumbered ones), title, kind and the index of its first cell."""

    number: int | None
    title: str
    kind: str | None
    cell: int


def library(name: str) -> ModuleType:
    """Import an optional library, or say how to install it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        top = name.partition(".")[0]
        raise MissingDependencyError(
            f"{top} is not installed, and running lessons needs it. What to do: {install_command(top)}"
        ) from error


def _is_checkout(folder: Path) -> bool:
    project = folder / "pyproject.toml"
    if not ((folder / "notebooks").is_dir() and project.is_file()):
        return False
    return re.search(r'^name\s*=\s*"ecomlib"', project.read_text(encoding="utf-8"), re.M) is not None


def checkout(start: Path | None = None) -> Path | None:
    """The project's root when ``start`` (default: the working folder) lies in a checkout, else None."""
    here = (start or Path.cwd()).resolve()
    return next((folder for folder in (here, *here.parents) if _is_checkout(folder)), None)


def folder(start: Path | None = None, say: Callable[[str], object] | None = None) -> Path:
    """The folder that holds the lessons.

    In a checkout that is ``notebooks/``. Elsewhere the lessons that came with the package are copied to
    ``ecomlib-lessons`` in ``start``; files that are there already are the reader's and stay as they are.
    ``say`` is told when that folder is made.
    """
    root = checkout(start)
    if root:
        return root / "notebooks"
    packaged = Path(str(resources.files("ecomlib.course"))) / "lessons"
    if not packaged.is_dir():  # an editable installation, called from somewhere else
        beside = checkout(Path(__file__))
        if beside is None:
            raise LessonError("This installation of ecomlib came without its lessons. Install it from its wheel again.")
        packaged = beside / "notebooks"
    target = (start or Path.cwd()) / COPY
    if say is not None and not target.exists():
        say(f"The lessons are copied to {target}: they are yours from now on.")
    target.mkdir(exist_ok=True)
    for source in sorted(packaged.glob("*.ipynb")):
        if not (target / source.name).exists():
            write_whole(target / source.name, source.read_bytes())
    return target


def normal(number: str) -> str:
    """``"4b"`` and ``"04b"`` both name lesson ``"04b"``."""
    found = re.fullmatch(r"(\d{1,2})([a-z]?)", number.strip().lower())
    if not found:
        raise LessonError(f"'{number}' is not a lesson's number. Lessons are called 00, 01, …, 04b.")
    return f"{int(found[1]):02d}{found[2]}"


def choose(where: Path, numbers: Sequence[str] = ()) -> list[LessonFile]:
    """The lessons in ``where``, in order: all of them, or those with the given numbers."""
    found = {}
    for path in sorted(where.glob("*.ipynb")):
        match = re.match(r"(\d{2}[a-z]?)_", path.name)
        if match:
            planned = syllabus.lesson(match[1])
            title = planned.title if planned else path.stem.partition("_")[2].replace("_", " ").capitalize()
            found[match[1]] = LessonFile(match[1], title, path)
    if not found:
        raise LessonError(f"There are no lessons in {where}.")
    wanted = list(dict.fromkeys(normal(n) for n in numbers)) or list(found)
    missing = [n for n in wanted if n not in found]
    if missing:
        raise LessonError(f"There is no lesson {', '.join(missing)} yet. There are: {', '.join(found)}.")
    return [found[n] for n in wanted]


def read(path: Path) -> Any:
    """The notebook at ``path`` as an nbformat node; ``LessonError`` where it is not a notebook."""
    nbformat = library("nbformat")
    try:
        return nbformat.read(path, as_version=4)
    except Exception as error:  # nbformat raises whatever json, validation and file access raise
        raise LessonError(f"{path.name} cannot be read as a notebook: {error}") from error


def tags(cell: Any) -> list[str]:
    """The tags of a cell."""
    return list(cell.get("metadata", {}).get("tags", []))


def sections(notebook: Any) -> list[Section]:
    """The notebook's ``##`` headings in order."""
    found = []
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            for line in cell.source.splitlines():
                match = HEADING.match(line)
                if match:
                    number = int(match["number"]) if match["number"] else None
                    found.append(Section(number, match["title"], match["kind"], index))
    return found


def section_at(notebook: Any, index: int) -> str:
    """The heading under which cell ``index`` stands, such as ``3 · Cleaning with a report``."""
    before = [s for s in sections(notebook) if s.cell <= index]
    if not before:
        return "opening"
    return f"{before[-1].number} · {before[-1].title}" if before[-1].number is not None else before[-1].title


def source_hash(notebook: Any) -> str:
    """SHA-256 of what the author wrote: cells and their tags, without outputs. Notebooks of before have this one alone.

    The set-up cell and the badge are left out: ``make address`` may change them without a new run.
    """
    cells = [
        [cell.cell_type, tags(cell), BADGE.sub("", cell.source)]
        for cell in notebook.cells
        if "setup" not in tags(cell) and cell.cell_type in ("code", "markdown")
    ]
    return hashlib.sha256(json.dumps(cells, ensure_ascii=True).encode()).hexdigest()


def code_hash(notebook: Any) -> str:
    """SHA-256 of what a kernel runs: the code in its order, and which cell takes parameters. No set-up cell.

    A change of it needs a new run. Other tags, hidden cells and prompts are no code: they change the page alone.
    """
    cells = [
        [cell.source, "parameters" in tags(cell)]
        for cell in notebook.cells
        if cell.cell_type == "code" and "setup" not in tags(cell)
    ]
    return _sha256(cells)


def text_hash(notebook: Any) -> str:
    """SHA-256 of what is read beside the code: Markdown, order of cells, tags, what is hidden; no badge, no minutes."""
    cells = []
    for cell in notebook.cells:
        own = {name: cell.metadata[name] for name in ("jupyter", "predict") if name in cell.metadata}
        text = "" if cell.cell_type == "code" else MINUTES.sub("", BADGE.sub("", cell.source))
        cells.append([cell.cell_type, sorted(tags(cell)), own, text])
    return _sha256([*cells, notebook.metadata.get("air", {})])


def outputs_hash(notebook: Any) -> str:
    """SHA-256 of every output as it is committed: whatever a hand changes in one of them changes it."""
    cells = [[cell.get("id"), cell.get("outputs", [])] for cell in notebook.cells if cell.cell_type == "code"]
    return _sha256(json.loads(json.dumps(cells)))


def _sha256(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, ensure_ascii=True, sort_keys=True).encode()).hexdigest()


def dump(notebook: Any) -> str:
    """The notebook's text as it is committed."""
    return str(library("nbformat").writes(notebook)).rstrip("\n") + "\n"
