"""Executes lessons and writes their outputs into the notebooks (``make notebooks``).

``python -m ecomlib.course.authoring.execute [--check | --prose | --stale] [NN …]``. A lesson is executed from top to
bottom in a fresh kernel on one thread with its default parameters, checked against the rules, and only then written,
whole. What a new run would change for nothing stays as it was: pictures of the same pixels, outputs that differ in a
clock's numbers alone, seconds that moved little; cells keep their ids. The metadata hold the hashes of the code, of the
text, of the outputs and of what the code imports, and the measured seconds.

``--check`` only checks what the author wrote, and says what is stale. ``--prose`` notes a change of the text alone,
without a kernel; it refuses where the code has changed. ``--stale`` executes those lessons only whose code, or what it
imports, has changed since their last run.
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

from ecomlib.course import lessons, minutes, reach, setup_cell, syllabus
from ecomlib.course.authoring import address, guard, lint
from ecomlib.course.lessons import LessonFile
from ecomlib.course.running import report
from ecomlib.errors import EcomlibError, LessonError
from ecomlib.files import write_whole

TABLE = re.compile(r"<!-- lessons:start -->.*<!-- lessons:end -->", re.S)
RESULTS = Path("ecomlib/course/assets/results.csv")
OPTIONS = ("--check", "--prose", "--stale")
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


def join_pieces(notebook: Any) -> None:
    """Make one output of what a cell has printed in one go: a busy kernel sends it in pieces."""
    for cell in notebook.cells:
        whole: list[Any] = []
        for output in cell.get("outputs", []):
            same = whole and output.output_type == whole[-1].output_type == "stream" and output.name == whole[-1].name
            if same:
                whole[-1].text += output.text
            else:
                whole.append(output)
        if cell.cell_type == "code":
            cell.outputs = whole


def keep_clocks(new: Any, old: Any) -> None:
    """Give ``new`` the outputs of ``old`` where a clock alone has moved, all of them or none: a page shows one run."""
    before = {cell.get("id"): cell.get("outputs", []) for cell in old.cells}
    moved: list[tuple[Any, int, Any]] = []
    for cell in new.cells:
        was, now = before.get(cell.get("id"), []), cell.get("outputs", [])
        if len(was) != len(now):
            return
        for place, output in enumerate(now):
            if output != was[place]:
                if not guard.differ_by_a_clock(output, was[place]):
                    return
                moved.append((cell, place, was[place]))
    for cell, place, output in moved:
        kept = copy.deepcopy(output)
        if "execution_count" in cell.outputs[place]:
            kept["execution_count"] = cell.outputs[place]["execution_count"]
        cell.outputs[place] = kept


def keep_seconds(seconds: float, before: float | None) -> float:
    """Whole seconds, or those of ``before`` where the new ones lie within a fifth of them, or two seconds."""
    if before is not None and abs(seconds - before) <= max(2.0, before / 5):
        return before
    return float(round(seconds))


def probed(notebook: Any, folder: Path) -> tuple[float, list[str]]:
    """Execute as ``execute`` does, and ask the kernel at its end which modules of the package it has loaded."""
    notebook.cells.append(lessons.library("nbformat").v4.new_code_cell(reach.PROBE))
    try:
        seconds = execute(notebook, folder)
        said = "".join(output.get("text", "") for output in notebook.cells[-1].outputs)
    finally:
        notebook.cells.pop()
    return seconds, said.split()


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
            cell.metadata.update(jupyter={"source_hidden": True}, tags=["hide-input", "setup"])
    _insist(lesson, lint.complaints(notebook, lesson.number, outputs=False))
    return notebook


def _insist(lesson: LessonFile, complaints: Sequence[str]) -> None:
    if complaints:
        raise LessonError("\n  ".join([f"{lesson.path.name} breaks {len(complaints)} rules:", *complaints]))


def tell_minutes(notebook: Any) -> None:
    """Write the estimated minutes between their marks in the first cell, where it has them."""
    first = notebook.cells[0]
    said = f"<!-- minutes -->about {minutes.estimate(notebook).text()}, estimated<!-- /minutes -->"
    first.source = lessons.MINUTES.sub(said, first.source)


def make(lesson: LessonFile) -> float:
    """Execute one lesson and write it with its outputs, or raise ``LessonError`` and leave the file as it was."""
    notebook = prepare(lesson)
    old = copy.deepcopy(notebook)
    notebook.metadata["kernelspec"] = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    seconds, loaded = probed(notebook, lesson.path.parent)
    join_pieces(notebook)
    keep_pictures(notebook, old)
    keep_clocks(notebook, old)
    notebook.metadata.pop("papermill", None)
    beyond = reach.loaded_beyond(notebook, lesson.number, loaded)
    taken = keep_seconds(seconds, old.metadata.get("ecomlib", {}).get("seconds"))
    notebook.metadata["ecomlib"] = {"seconds": taken}
    tell_minutes(notebook)
    notebook.metadata["ecomlib"] = {
        "code_sha256": lessons.code_hash(notebook),
        "text_sha256": lessons.text_hash(notebook),
        "outputs_sha256": lessons.outputs_hash(notebook),
        "imports_sha256": reach.imports_hash(notebook, lesson.number, beyond),
        "seconds": taken,
        **({"loaded": beyond} if beyond else {}),
    }
    _insist(lesson, [*lint.complaints(notebook, lesson.number), *guard.forged(notebook)])
    write_whole(lesson.path, lessons.dump(notebook))
    return seconds


def note_prose(lesson: LessonFile) -> bool:
    """Note that the text of a lesson has changed and its code has not; False where nothing has changed.

    No kernel runs. The rules hold as after a run, and the outputs must be those of the run that is noted.
    """
    notebook = lessons.read(lesson.path)
    noted = notebook.metadata.get("ecomlib", {})
    if "code_sha256" not in noted:
        raise LessonError(
            f"{lesson.path.name} notes no hash of its code alone, so what has changed cannot be told. "
            f"What to do: python -m ecomlib.course.authoring.execute {lesson.number}"
        )
    if code_is_stale(notebook) or noted.get("outputs_sha256") != lessons.outputs_hash(notebook):
        what = "its code has" if code_is_stale(notebook) else "its outputs have"
        raise LessonError(
            f"{lesson.path.name}: {what} changed since it was executed, not the text alone. "
            f"What to do: python -m ecomlib.course.authoring.execute {lesson.number}"
        )
    if noted["text_sha256"] == lessons.text_hash(notebook):
        return False
    tell_minutes(notebook)
    noted["text_sha256"] = lessons.text_hash(notebook)
    _insist(lesson, lint.complaints(notebook, lesson.number))
    write_whole(lesson.path, lessons.dump(notebook))
    return True


def code_is_stale(notebook: Any) -> bool:
    """Whether the code has changed since it was executed."""
    noted = notebook.metadata.get("ecomlib", {})
    if "code_sha256" in noted:
        return bool(noted["code_sha256"] != lessons.code_hash(notebook))
    return bool(noted.get("source_sha256") != lessons.source_hash(notebook))  # executed before the two were told apart


def is_stale(notebook: Any) -> bool:
    """Whether the author has changed code or text since that was noted."""
    noted = notebook.metadata.get("ecomlib", {})
    text = "code_sha256" in noted and noted.get("text_sha256") != lessons.text_hash(notebook)
    return code_is_stale(notebook) or text


def imports_are_stale(notebook: Any, number: str) -> bool:
    """Whether what the lesson imports has changed since it was executed; False where no run has noted it."""
    noted = notebook.metadata.get("ecomlib", {})
    now = reach.imports_hash(notebook, number, noted.get("loaded", ()))
    return noted.get("imports_sha256", now) != now


def _what_is_stale(notebook: Any, number: str) -> str:
    if is_stale(notebook):
        return ", but changed since it was executed"
    if imports_are_stale(notebook, number):
        return ", but what it imports has changed since it was executed"
    return ""


def readme_table(folder: Path) -> str:
    """Format the README's table of lessons, the spine first: question, estimated minutes, measured seconds."""
    with_badge = bool(setup_cell.REPOSITORY)
    lines = ["| lesson | the shop's question | takes, estimated | runs in |" + (" |" if with_badge else "")]
    lines.append("|---|---|---|---|" + ("---|" if with_badge else ""))
    shelf = False
    for entry in syllabus.in_reading_order():
        if not entry.spine and not shelf:
            shelf = True
            lines.append("| **On the shelf**, for when a question calls for it | | | |" + (" |" if with_badge else ""))
        path = folder / entry.file
        name, takes, ran, mark = f"{entry.number} · {entry.title}", "", "not yet", ""
        if path.is_file():
            notebook = lessons.read(path)
            seconds = notebook.metadata.get("ecomlib", {}).get("seconds")
            takes = minutes.estimate(notebook).text()
            name, ran = f"[{name}](notebooks/{entry.file})", f"{seconds:.0f} s" if seconds else "not measured"
            mark = address.badge(setup_cell.REPOSITORY, entry.file) if with_badge else ""
        lines.append(f"| {name} | {entry.question} | {takes} | {ran} |" + (f" {mark} |" if with_badge else ""))
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
                "What to do: add its entry to LESSONS in ecomlib/course/entries."
            )


def main(arguments: Sequence[str]) -> int:
    """The command; returns its exit code."""
    options = [a for a in arguments if a.startswith("--")]
    if unknown := [a for a in options if a not in OPTIONS] or options[1:]:
        print(f"ecomlib: {' '.join(unknown)}: one of {', '.join(OPTIONS)}, or none.", file=sys.stderr)
        return 2
    option = options[0] if options else ""
    failed = 0
    try:
        root = lessons.checkout()
        if root is None:
            raise LessonError("This folder lies in no checkout of ecomlib.")
        chosen = lessons.choose(root / "notebooks", [a for a in arguments if a not in OPTIONS])
        insist_on_syllabus(chosen)
        for lesson in chosen:
            try:
                if option == "--check":
                    print(f"{lesson.path.name}: fine{_what_is_stale(prepare(lesson), lesson.number)}")
                    continue
                if option == "--prose":
                    changed = note_prose(lesson)
                    print(f"{lesson.path.name}: " + ("the new text is noted" if changed else "nothing has changed"))
                    continue
                before = lessons.read(lesson.path)
                if option == "--stale" and not (code_is_stale(before) or imports_are_stale(before, lesson.number)):
                    print(f"{lesson.path.name}: neither its code nor what it imports has changed")
                    continue
                seconds, entry = make(lesson), syllabus.lesson(lesson.number)
                over = f", over its {entry.limit_seconds} s" if entry and seconds > entry.limit_seconds else ""
                taken = minutes.estimate(lessons.read(lesson.path)).text()
                print(f"{lesson.path.name}: {seconds:.1f} s{over}; estimated {taken}")
            except EcomlibError as error:
                failed += 1
                print(f"ecomlib: {error}", file=sys.stderr)
        if option not in ("--check", "--prose"):
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
