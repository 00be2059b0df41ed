"""Makes the three sets of notebooks for a workshop, all from the one source."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

from ecomlib.course import lessons
from ecomlib.course.exercises import exercises
from ecomlib.course.lessons import LessonFile
from ecomlib.files import write_whole

SETS = ("learner", "solution", "instructor")


def _without_outputs(notebook: Any) -> None:
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None


def _drop(notebook: Any, *unwanted: str) -> None:
    notebook.cells = [c for c in notebook.cells if not set(unwanted) & set(lessons.tags(c))]


def _open(notebook: Any) -> None:
    for cell in notebook.cells:
        if "solution" in lessons.tags(cell):
            cell.metadata.get("jupyter", {}).pop("source_hidden", None)


def learner(notebook: Any) -> Any:
    """What learners get: stubs and checks, no solutions, no outputs."""
    made = copy.deepcopy(notebook)
    _drop(made, "solution", "instructor")
    _without_outputs(made)
    return made


def solution(notebook: Any) -> Any:
    """The same with solutions open and the outputs of the last run."""
    made = copy.deepcopy(notebook)
    _drop(made, "instructor")
    _open(made)
    return made


def instructor(notebook: Any, lesson: LessonFile) -> Any:
    """The solution set with a note in front (how long, what waits where) and one on each exercise (mistakes, hints)."""
    nbformat = lessons.library("nbformat")
    made = copy.deepcopy(notebook)
    _open(made)
    cells: list[Any] = []
    declared = exercises(lesson.number)
    for index, cell in enumerate(made.cells):
        cells.append(cell)
        if "task" in lessons.tags(cell):
            call = re.search(r'check\("([\w.]+)"', "\n".join(c.source for c in made.cells[index + 1 : index + 3]))
            if call and call[1] in declared:
                lines = [f"- *{name}*: {hint}" for name, (_, hint) in declared[call[1]].mistakes.items()]
                note = (
                    "**For the instructor.** Allow about 10 minutes. Mistakes that the check recognises, and its hints:"
                )
                cells.append(_note(nbformat, "\n".join([note, "", *lines]), f"instructor-{cell.id}"))
    seconds = made.metadata.get("ecomlib", {}).get("seconds")
    words = sum(len(c.source.split()) for c in notebook.cells if c.cell_type == "markdown")
    count = sum("exercise" in lessons.tags(c) for c in made.cells)
    exercise_count = "1 exercise" if count == 1 else f"{count} exercises"
    reading = max(1, round(words / 180))
    timing = f"running {seconds:.0f} s on one thread, " if seconds else ""
    parts = [f"- {s.number} · {s.title} ({s.kind})" for s in lessons.sections(made) if s.number is not None]
    front = [
        f"**For the instructor.** Time: {timing}reading about {reading} min, {exercise_count} of about 10 min: "
        f"plan {reading + 10 * count + 10} min with questions. Sections:",
        "",
        *parts,
    ]
    made.cells = [cells[0], _note(nbformat, "\n".join(front), "instructor-front"), *cells[1:]]
    return made


def _note(nbformat: Any, text: str, name: str) -> Any:
    cell = nbformat.v4.new_markdown_cell(text, metadata={"tags": ["instructor"]})
    cell["id"] = name[:64]
    return cell


def fill(notebook: Any, filled: Any) -> Any:
    """``notebook`` (a learner's) with the solutions of ``filled`` (its source) pasted into the stubs."""
    made = copy.deepcopy(notebook)
    answers = [c.source for c in filled.cells if "solution" in lessons.tags(c)]
    stubs = [c for c in made.cells if "exercise" in lessons.tags(c)]
    for stub, answer in zip(stubs, answers, strict=True):
        body, _, call = answer.rstrip().rpartition("\n")
        name = re.search(r", (\w+)_solution\)$", call)
        if name is None:
            raise lessons.LessonError(f"A solution ends with its check, not with '{call}'.")
        imports = [line for line in stub.source.splitlines() if re.match(r"(from|import) ", line)]
        stub.source = "\n".join([*imports, body, f"{name[1]} = {name[1]}_solution"])
    return made


def build(where: Path, out: Path) -> list[Path]:
    """Write the sets of all lessons in ``where`` into ``out/learner``, ``out/solution`` and ``out/instructor``."""
    written = []
    for lesson in lessons.choose(where):
        source = lessons.read(lesson.path)
        made = {"learner": learner(source), "solution": solution(source), "instructor": instructor(source, lesson)}
        for name in SETS:
            path = out / name / lesson.path.name
            write_whole(path, lessons.dump(made[name]))
            written.append(path)
    return written
