"""Checks each lesson against the rules that a machine can test; ``make notebooks`` insists on them."""

from __future__ import annotations

import ast
import base64
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ecomlib.course import lessons, setup_cell, syllabus
from ecomlib.course.authoring import air, quiz
from ecomlib.course.exercises import exercises

MOST_CELLS, MOST_FIGURES, MOST_BYTES, MOST_ALIKE = 80, 8, 1_500_000, 2
EXERCISE = ("task", "exercise", "check", "solution")
# Left out of the count of cells: exercises and the quiz.
UNCOUNTED = {*EXERCISE, "quiz", "instructor"}
FORBIDDEN = (
    (r"clear_output", "clear_output breaks papermill's record"),
    (r"^\s*[!%]\s*(pip|conda)\b", "!pip stands in the set-up cell only"),
    (r"warnings\.(simplefilter|filterwarnings)\(\s*['\"]ignore['\"]\s*\)", "no blanket warning filter"),
    (r"read_(csv|parquet|excel)\(\s*['\"](?!https?:)", "no relative data paths"),
    (r"np\.random\.seed|torch\.manual_seed|random\.seed", "no global seeds: hand in a generator"),
)
Rule = Callable[[Any, str], Iterator[str]]


def machine_paths() -> list[str]:
    """Beginnings of paths that would tell on which machine a notebook was executed."""
    places = [Path.home(), Path.cwd(), Path(sys.prefix), Path(tempfile.gettempdir()), Path(__file__).parents[3]]
    texts = {str(p) for p in places} | {str(p.resolve()) for p in places}
    return sorted(text for text in texts if len(text) > 3)


def output_texts(cell: Any) -> Iterator[str]:
    """Every text in a cell's outputs, images aside."""
    for output in cell.get("outputs", []):
        yield output.get("text", "")
        yield "\n".join(output.get("traceback", []))
        for mime, value in output.get("data", {}).items():
            if not mime.startswith("image/") and isinstance(value, str):
                yield value


def _where(index: int) -> str:
    return f"cell {index + 1}"


def opening(nb: Any, number: str) -> Iterator[str]:
    """Title, badge line, set-up cell, parameters cell: in this order, before the first section."""
    first = nb.cells[0] if nb.cells else None
    if first is None or first.cell_type != "markdown" or not re.match(rf"# {number} · \S", first.source):
        yield f"the first cell starts with '# {number} · Title'"
        return
    if not lessons.BADGE.search(first.source):
        yield "the first cell has the badge's marks: <!-- badge --><!-- /badge -->"
    planned = syllabus.lesson(number)
    if planned and planned.rewritten and not lessons.MINUTES.search(first.source):
        yield "the first cell has the minutes' marks: <!-- minutes --><!-- /minutes -->"
    setups = [n for n, c in enumerate(nb.cells) if "setup" in lessons.tags(c)]
    params = [n for n, c in enumerate(nb.cells) if "parameters" in lessons.tags(c)]
    if len(setups) != 1 or len(params) != 1:
        yield f"one cell has the tag setup and one parameters; here {len(setups)} and {len(params)}"
        return
    if nb.cells[setups[0]].source != setup_cell.text():
        yield "the set-up cell differs from ecomlib.course.setup_cell.text()"
    hidden = nb.cells[setups[0]].metadata.get("jupyter", {}).get("source_hidden")
    if not hidden or "hide-input" not in lessons.tags(nb.cells[setups[0]]):
        yield "the set-up cell is hidden: jupyter.source_hidden, and the tag hide-input"
    first_section = min([s.cell for s in lessons.sections(nb)], default=len(nb.cells))
    if not setups[0] < params[0] < first_section:
        yield "set-up cell, parameters cell and first section come in this order"
    if [n for n, c in enumerate(nb.cells[: setups[0]]) if c.cell_type == "code"]:
        yield "no code stands before the set-up cell"


def parameters(nb: Any, number: str) -> Iterator[str]:
    """The parameters cell assigns literals to SIZE, SEED, DEVICE, STORE and nothing else."""
    for cell in nb.cells:
        if "parameters" not in lessons.tags(cell):
            continue
        for node in ast.parse(cell.source).body:
            target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
            value = getattr(node, "value", None)
            try:
                if not isinstance(target, ast.Name) or not target.id.isupper() or value is None:
                    raise ValueError
                ast.literal_eval(value)
            except ValueError:
                yield f"the parameters cell assigns literals to names in capitals, not '{ast.unparse(node)}'"


def structure(nb: Any, number: str) -> Iterator[str]:
    """Cell ids, tags on the right kinds of cells, numbers of cells and figures."""
    ids = [cell.get("id") for cell in nb.cells]
    if None in ids or len(set(ids)) < len(ids):
        yield "each cell has an id of its own"
    counted = [c for c in nb.cells if not UNCOUNTED & set(lessons.tags(c))]
    if len(counted) > MOST_CELLS:
        yield f"{len(counted)} cells besides exercises; at most {MOST_CELLS}"
    figures = sum("image/png" in o.get("data", {}) for c in counted for o in c.get("outputs", []))
    if figures > MOST_FIGURES:
        yield f"{figures} figures; at most {MOST_FIGURES}"
    if nb.metadata.get("kernelspec", {}).get("name") != "python3":
        yield "the kernel is called python3"


def section_kinds(nb: Any, number: str) -> Iterator[str]:
    """Numbered sections run from 1 as planned, each with its kind, no three alike in a row."""
    numbered = [s for s in lessons.sections(nb) if s.number is not None]
    if [s.number for s in numbered] != list(range(1, len(numbered) + 1)):
        yield f"sections are numbered {[s.number for s in numbered]}, not from 1 upwards"
    planned = syllabus.lesson(number)
    if planned and len(numbered) != len(planned.sections):
        yield f"{len(numbered)} numbered sections, {len(planned.sections)} in the syllabus"
    for section in numbered:
        if section.kind not in syllabus.KINDS:
            yield f"section {section.number} says its kind: *({', '.join(syllabus.KINDS)})*, not {section.kind}"
    kinds = [s.kind for s in numbered]
    for n in range(len(kinds) - MOST_ALIKE):
        if len(set(kinds[n : n + MOST_ALIKE + 1])) == 1:
            yield f"sections {n + 1} to {n + 1 + MOST_ALIKE} are all '{kinds[n]}'"


def code(nb: Any, number: str) -> Iterator[str]:
    """What breaks papermill or nbval, and code that does not parse."""
    for index, cell in enumerate(nb.cells):
        if cell.cell_type != "code" or "setup" in lessons.tags(cell):
            continue
        for pattern, why in FORBIDDEN:
            if re.search(pattern, cell.source, re.M):
                yield f"{_where(index)}: {why}"
        try:
            tree = ast.parse(cell.source)
        except SyntaxError as error:
            yield f"{_where(index)} does not parse: {error.msg}"
            continue
        if any(isinstance(node, ast.Raise) for node in tree.body):
            yield f"{_where(index)} raises on purpose"


def exercise_cells(nb: Any, number: str) -> Iterator[str]:
    """Task, stub, check, solution, in this order; the exercise is declared; no other cell reads their names."""
    tagged = [[t for t in EXERCISE if t in lessons.tags(c)] for c in nb.cells]
    declared, seen = exercises(number), set()
    for index, tag in enumerate(tagged):
        if "exercise" not in tag:
            continue
        around = [t[0] if t else "" for t in tagged[max(0, index - 1) : index + 3]]
        if around != list(EXERCISE):
            yield f"{_where(index)}: around a stub stand task, exercise, check, solution; here {around}"
            continue
        checked, solution = nb.cells[index + 1].source, nb.cells[index + 2]
        call = re.fullmatch(r'check\("([\w.]+)", (\w+)\)', checked.strip())
        if not call:
            yield f'{_where(index + 1)} is one line: check("{number}.name", name)'
            continue
        seen.add(call[1])
        if call[1] not in declared:
            yield f"{_where(index + 1)}: the exercise '{call[1]}' is not declared in exercises/lesson_{number}.py"
        if not solution.metadata.get("jupyter", {}).get("source_hidden"):
            yield f"{_where(index + 2)}: the solution's source is hidden (jupyter.source_hidden)"
        if not solution.source.startswith("# @title Solution"):
            yield f"{_where(index + 2)}: a solution starts with '# @title Solution: …'"
        if not solution.source.rstrip().endswith(f'check("{call[1]}", {call[2]}_solution)'):
            yield f'{_where(index + 2)}: a solution ends with check("{call[1]}", {call[2]}_solution)'
        for later, cell in enumerate(nb.cells):
            if later not in range(index, index + 3) and cell.cell_type == "code":
                names = set(re.findall(r"\b\w+\b", cell.source))
                if {call[2], f"{call[2]}_solution"} & names and "setup" not in lessons.tags(cell):
                    yield f"{_where(later)} uses a name of the exercise '{call[1]}'"
    if missing := sorted(set(declared) - seen):
        yield f"declared exercises that the lesson does not have: {missing}"


def quizzes(nb: Any, number: str) -> Iterator[str]:
    """Four to eight questions, each wrong choice with its own explanation."""
    cells = [c for c in nb.cells if "quiz" in lessons.tags(c)]
    if not cells:
        yield "there is no quiz"
    else:
        yield from quiz.complaints(quiz.parse("\n\n".join(c.source for c in cells)))


SOURCE_RULES: tuple[Rule, ...] = (
    opening,
    parameters,
    structure,
    section_kinds,
    code,
    exercise_cells,
    quizzes,
)


def executed(nb: Any, number: str) -> Iterator[str]:
    """Executed from top to bottom: counts rise by one from 1, nothing failed."""
    counts = [c.execution_count for c in nb.cells if c.cell_type == "code" and c.source.strip()]
    if counts != list(range(1, len(counts) + 1)):
        yield "execution counts do not rise by one from 1"
    for index, cell in enumerate(nb.cells):
        if any(o.output_type == "error" for o in cell.get("outputs", [])):
            yield f"{_where(index)} ended in an error"


def clean_outputs(nb: Any, number: str) -> Iterator[str]:
    """No stderr, addresses, machine's paths or progress bars; a silent set-up cell; the solutions' checks succeed."""
    paths = [*machine_paths(), "/home/", "/Users/", "C:\\Users"]
    for index, cell in enumerate(nb.cells):
        if any(o.get("name") == "stderr" for o in cell.get("outputs", [])):
            first = next(o.text for o in cell.outputs if o.get("name") == "stderr").strip().splitlines()
            yield f"{_where(index)} wrote to stderr: {first[0] if first else ''}"
        for text in output_texts(cell):
            if found := [p for p in paths if p in text]:
                yield f"{_where(index)}: an output holds a path of the machine ({found[0]})"
            if re.search(r" at 0x[0-9a-f]{6,}", text):
                yield f"{_where(index)}: an output shows an object's address"
            if re.search(r"\d+%\|.*\|", text) or "\r" in text:
                yield f"{_where(index)}: an output holds a progress bar"
        if "setup" in lessons.tags(cell) and cell.get("outputs"):
            yield f"{_where(index)}: the set-up cell shows something where ecomlib is installed"
        if "solution" in lessons.tags(cell) and not any("✓" in t for t in output_texts(cell)):
            yield f"{_where(index)}: the solution does not pass its own check"


def figures(nb: Any, number: str) -> Iterator[str]:
    """Each picture has its alt text."""
    for index, cell in enumerate(nb.cells):
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                alt = output.get("metadata", {}).get("image/png", {}).get("alt", "")
                if len(alt) < 10:
                    yield f"{_where(index)}: a figure has no alt text; show it with publish(…, alt=…)"
                if not base64.b64decode(output.data["image/png"]).startswith(b"\x89PNG"):
                    yield f"{_where(index)}: a figure is not a PNG"


def size(nb: Any, number: str) -> Iterator[str]:
    """The file is small enough to be read on a phone."""
    length = len(lessons.dump(nb).encode())
    if length > MOST_BYTES:
        yield f"{length / 1e6:.2f} MB; at most {MOST_BYTES / 1e6:.1f}"


OUTPUT_RULES: tuple[Rule, ...] = (executed, clean_outputs, figures, size)


def complaints(nb: Any, number: str, *, outputs: bool = True) -> list[str]:
    """Everything that is wrong with lesson ``number``; ``outputs=False`` looks at what the author wrote only."""
    rules = SOURCE_RULES + (OUTPUT_RULES if outputs else ())
    found = [complaint for rule in rules for complaint in rule(nb, number)]
    planned = syllabus.lesson(number)
    if planned and planned.rewritten:
        root = lessons.checkout()
        found += air.failures(nb, number, air.all_lessons(root / "notebooks") if root else {}, shown=outputs)
    return found
