"""Executes lessons and writes their outputs into the notebooks (``make notebooks``).

``python -m ecomlib.course.authoring.execute [--check] [NN …]``. A lesson is executed from top to bottom in a fresh
kernel on one thread with its default parameters, checked against the rules, and only then written, whole. Pictures
whose pixels are the same keep their old bytes, cells keep their ids. The metadata hold the hash of what the author
wrote and of the package, and the measured seconds. ``--check`` only checks what the author wrote.
"""

from __future__ import annotations

import base64
import copy
import io
import os
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ecomlib.course import lessons, minutes, setup_cell, syllabus
from ecomlib.course.authoring import address, lint
from ecomlib.course.lessons import LessonFile
from ecomlib.course.running import report
from ecomlib.errors import EcomlibError, LessonError
from ecomlib.files import write_whole

TABLE = re.compile(r"<!-- lessons:start -->.*<!-- lessons:end -->", re.S)
RESULTS = Path("ecomlib/course/assets/results.csv")
FIGURE = Path("notebooks/figures/fan.png")


def same_pixels(left: str, right: str) -> bool:
    """Whether two PNGs (base64) show the same, whatever their bytes are."""
    from matplotlib import image

    if left == right:
        return True
    a, b = (image.imread(io.BytesIO(base64.b64decode(text)), format="png") for text in (left, right))
    return a.shape == b.shape and np.array_equal(a, b)


def keep_pictures(new: Any, old: Any) -> None:
    """Give each picture in ``new`` the bytes it has in ``old`` where cell and pixels are the same."""
    pictures = {
        cell.get("id"): [o.data["image/png"] for o in cell.get("outputs", []) if "image/png" in o.get("data", {})]
        for cell in old.cells
    }
    for cell in new.cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                picture = output.data["image/png"]
                known = (p for p in pictures.get(cell.get("id"), []) if same_pixels(p, picture))
                output.data["image/png"] = next(known, picture)


def execute(notebook: Any, folder: Path) -> float:
    """Execute ``notebook`` in place in a fresh kernel, one thread, working folder ``folder``; wall seconds."""
    nbclient = lessons.library("nbclient")
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
            cell.metadata.pop("execution", None)
    client = nbclient.NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        record_timing=False,
        extra_arguments=["--log-level=ERROR"],
    )
    started = time.monotonic()
    try:
        own = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
        client.execute(env={**own, **dict.fromkeys(lessons.ONE_THREAD, "1")})
    except nbclient.exceptions.CellExecutionError as error:
        raise LessonError(f"A cell failed: {error.ename}: {error.evalue}\n{error.traceback[-1500:]}") from None
    return time.monotonic() - started


def prepare(lesson: LessonFile) -> Any:
    """The lesson as its author left it, with the set-up cell of today; ``LessonError`` lists what breaks the rules."""
    notebook = lessons.read(lesson.path)
    for cell in notebook.cells:
        if "setup" in lessons.tags(cell):
            cell.source = setup_cell.text()
    _insist(lesson, lint.complaints(notebook, lesson.number, outputs=False))
    return notebook


def _insist(lesson: LessonFile, complaints: Sequence[str]) -> None:
    if complaints:
        raise LessonError("\n  ".join([f"{lesson.path.name} breaks {len(complaints)} rules:", *complaints]))


def make(lesson: LessonFile) -> float:
    """Execute one lesson and write it with its outputs, or raise ``LessonError`` and leave the file as it was."""
    notebook = prepare(lesson)
    old = copy.deepcopy(notebook)
    notebook.metadata["kernelspec"] = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    seconds = execute(notebook, lesson.path.parent)
    keep_pictures(notebook, old)
    notebook.metadata.pop("papermill", None)
    notebook.metadata["ecomlib"] = {
        "source_sha256": lessons.source_hash(notebook),
        "package_sha256": lessons.package_hash(),
        "seconds": round(seconds, 1),
    }
    _insist(lesson, lint.complaints(notebook, lesson.number))
    write_whole(lesson.path, lessons.dump(notebook))
    return seconds


def is_stale(notebook: Any) -> bool:
    """Whether the author has changed the notebook since it was executed."""
    noted = notebook.metadata.get("ecomlib", {}).get("source_sha256")
    return bool(noted != lessons.source_hash(notebook))


def readme_table(folder: Path) -> str:
    """Format the README's table of lessons, the spine first: question and measured seconds, or "not yet"."""
    with_badge = bool(setup_cell.REPOSITORY)
    lines = ["| lesson | the shop's question | runs in |" + (" |" if with_badge else "")]
    lines.append("|---|---|---|" + ("---|" if with_badge else ""))
    shelf = False
    for entry in syllabus.in_reading_order():
        if not entry.spine and not shelf:
            shelf = True
            lines.append("| **On the shelf**, for when a question calls for it | | |" + (" |" if with_badge else ""))
        path = folder / entry.file
        name, ran, mark = f"{entry.number} · {entry.title}", "not yet", ""
        if path.is_file():
            seconds = lessons.read(path).metadata.get("ecomlib", {}).get("seconds")
            name, ran = f"[{name}](notebooks/{entry.file})", f"{seconds:.0f} s" if seconds else "not measured"
            mark = address.badge(setup_cell.REPOSITORY, entry.file) if with_badge else ""
        lines.append(f"| {name} | {entry.question} | {ran} |" + (f" {mark} |" if with_badge else ""))
    return "\n".join(lines)


def update_readme(root: Path) -> bool:
    """Write the table of lessons between the README's two marks; False where the README has none."""
    readme = root / "README.md"
    text = readme.read_text(encoding="utf-8") if readme.is_file() else ""
    if not TABLE.search(text):
        return False
    table = f"<!-- lessons:start -->\n{readme_table(root / 'notebooks')}\n<!-- lessons:end -->"
    write_whole(readme, TABLE.sub(lambda _: table, text))
    return True


def update_figure(root: Path) -> None:
    """Keep the README's figure equal to the fan that the first lesson shows."""
    published = report.marks(lessons.read(lessons.choose(root / "notebooks")[0].path))
    pictures = [mark.data["image/png"] for mark in published if mark.kind == "fan" and "image/png" in mark.data]
    if pictures:
        write_whole(root / FIGURE, base64.b64decode(pictures[0]))


def update_results(root: Path) -> None:
    """Collect the rows of the course's results table from all executed lessons."""
    planned = [lesson for lesson in lessons.choose(root / "notebooks") if syllabus.lesson(lesson.number)]
    found = [mark for lesson in planned for mark in report.marks(lessons.read(lesson.path))]
    write_whole(
        root / RESULTS,
        report.result_rows(found).to_csv(
            index=False,
            lineterminator="\n",
        ),
    )


def insist_on_syllabus(chosen: Sequence[LessonFile]) -> None:
    """Raise ``LessonError`` before anything is executed where a notebook has no entry of its name in the syllabus."""
    for lesson in chosen:
        entry = syllabus.lesson(lesson.number)
        if entry is None or entry.file != lesson.path.name:
            raise LessonError(
                f"{lesson.path.name} is not in the syllabus, so nothing was executed. "
                "What to do: add its line to LESSONS in ecomlib/course/syllabus.py."
            )


def main(arguments: Sequence[str]) -> int:
    """The command; returns its exit code."""
    only_check = "--check" in arguments
    failed = 0
    try:
        root = lessons.checkout()
        if root is None:
            raise LessonError("This folder lies in no checkout of ecomlib.")
        chosen = lessons.choose(root / "notebooks", [a for a in arguments if a != "--check"])
        insist_on_syllabus(chosen)
        for lesson in chosen:
            try:
                if only_check:
                    stale = is_stale(prepare(lesson))
                    print(f"{lesson.path.name}: fine" + (", but changed since it was executed" if stale else ""))
                    continue
                seconds, entry = make(lesson), syllabus.lesson(lesson.number)
                over = f", over its {entry.limit_seconds} s" if entry and seconds > entry.limit_seconds else ""
                taken = minutes.estimate(lessons.read(lesson.path)).text()
                print(f"{lesson.path.name}: {seconds:.1f} s{over}; estimated {taken}")
            except EcomlibError as error:
                failed += 1
                print(f"ecomlib: {error}", file=sys.stderr)
        if not only_check:
            update_results(root)
            update_figure(root)
            if not update_readme(root):
                print("README.md has no marks <!-- lessons:start --> and <!-- lessons:end -->: no table written.")
    except EcomlibError as error:
        print(f"ecomlib: {error}", file=sys.stderr)
        return 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
