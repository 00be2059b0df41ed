"""Measures how much air a lesson has: lines, words, numbers, tables, terms, prompts, against the course's limits.

``python -m ecomlib.course.authoring.air [NN …]`` prints a table for each lesson; ``--places`` lists every excess,
``--write`` writes today's excess of all lessons to ``tests/golden/air.csv``, which a test keeps from growing.

Limits are read with sense: each excess is reported, and one beyond ``SLACK`` times its limit fails. What fails may be
excepted in the notebook's metadata, with a reason, at most twice a lesson (``cell`` is left out where the whole lesson
is meant)::

    {"air": {"exceptions": [{"rule": "rows a table", "cell": "4f2a81c0", "reason": "nine regions, all needed"}]}}

Only lessons that the syllabus calls rewritten are held; the others are reported.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from ecomlib.course import lessons, minutes, syllabus
from ecomlib.course.authoring import borrowed, prompts, prose, terms
from ecomlib.errors import EcomlibError, LessonError
from ecomlib.files import write_whole

SLACK = 1.3
MOST_EXCEPTIONS = 2
RECORD = Path("tests/golden/air.csv")
EXERCISE = {"task", "exercise", "check", "solution"}
_NO_PROSE = {"quiz", "instructor"}
# The words that every lesson uses; what they do is said once, in the package.
COMMON = ("Exercise", "check", "inputs", "publish", "results_table", "say")


@dataclass(frozen=True)
class Limit:
    """Hold one limit: at most, at least, or both."""

    most: float | None = None
    least: float | None = None

    def times(self, value: float) -> float:
        """Say how many times beyond the limit a value lies: 1 is on it, less is inside."""
        over = 0.0
        if self.most is not None and value > 0:
            over = value / self.most if self.most else float("inf")
        if self.least:
            over = max(over, self.least / value if value else float("inf"))
        return over

    def text(self) -> str:
        """Format as ``4 to 6``, ``at most 20`` or ``at least 2``."""
        if self.most is not None and self.least is not None:
            return f"{self.least:g} to {self.most:g}"
        return f"at most {self.most:g}" if self.least is None else f"at least {self.least:g}"


LIMITS: Mapping[str, Limit] = {
    "visible lines a cell": Limit(20),
    "visible lines": Limit(320),
    "hidden lines": Limit(250),
    "import lines": Limit(8),
    "visible import lines": Limit(0),
    "cells hidden in one place only": Limit(0),
    "names from ecomlib.course": Limit(6),
    "lines of a borrowed name": Limit(40),
    "borrowed names without a sentence": Limit(0),
    "lines of course/ for one lesson": Limit(150),
    "words": Limit(2500),
    "words a paragraph": Limit(110),
    "mean words a paragraph": Limit(60),
    "quantities a paragraph": Limit(3),
    "quantities a printed sentence": Limit(3),
    "words of the answer": Limit(35),
    "quantities of the answer": Limit(2),
    "sentences of the answer": Limit(2),
    "rows a table": Limit(8),
    "columns a table": Limit(6),
    "new terms": Limit(7),
    "terms used before they are said": Limit(0),
    "prompts": Limit(least=2),
    "faults of prompts": Limit(0),
    "exercises": Limit(4, least=2),
    "sections": Limit(6, least=4),
    "cells of Part B": Limit(6, least=3),
    "outputs checked by nbval": Limit(least=5),
}
OWN_LIMITS: Mapping[tuple[str, str], Limit] = {("00", "visible lines"): Limit(160)}


@dataclass(frozen=True)
class Measure:
    """Hold one thing that was measured: by which rule, where (a cell's index, or None for the lesson), and how much."""

    rule: str
    value: float
    cell: int | None = None
    note: str = ""


@dataclass(frozen=True)
class Excess:
    """Hold one excess: the measure, the limit, how many times beyond it, and the cell's id."""

    measure: Measure
    limit: Limit
    cell_id: str = ""
    times: float = field(default=0.0)

    @property
    def fails(self) -> bool:
        """Say whether it lies beyond what is only reported."""
        return self.times > SLACK

    def text(self) -> str:
        """Write the excess as one line."""
        where = "" if self.measure.cell is None else f"cell {self.measure.cell + 1} ({self.cell_id}): "
        note = f": {self.measure.note}" if self.measure.note else ""
        return f"{where}{self.measure.value:g} {self.measure.rule}, {self.limit.text()}{note}"


def is_hidden(cell: Any) -> bool:
    """Say whether a reader does not see a cell's code."""
    return bool(cell.metadata.get("jupyter", {}).get("source_hidden")) or "hide-input" in lessons.tags(cell)


def lines(cell: Any) -> int:
    """Count the lines of a cell that are not blank."""
    return sum(bool(line.strip()) for line in cell.source.splitlines())


def code(nb: Any) -> Iterator[Measure]:
    """Measure the code that the author wrote: visible, hidden, imported."""
    visible = hidden = 0
    for index, cell in enumerate(nb.cells):
        if cell.cell_type != "code" or {"setup", "solution"} & set(lessons.tags(cell)):
            continue
        if is_hidden(cell):
            hidden += lines(cell)
            marks = (
                cell.metadata.get("jupyter", {}).get("source_hidden"),
                "hide-input" in lessons.tags(cell),
                cell.source.startswith("# @title "),
            )
            if not all(marks):
                note = "hidden code has jupyter.source_hidden, the tag hide-input, and '# @title …' as its first line"
                yield Measure("cells hidden in one place only", 1, index, note)
        else:
            visible += lines(cell)
            yield Measure("visible lines a cell", lines(cell), index)
    yield Measure("visible lines", visible)
    yield Measure("hidden lines", hidden)
    total = 0
    for index, cell, found in borrowed.importing(nb):
        total += sum(map(borrowed.import_lines, found))
        seen = [node for node in found if _source(cell, node).strip() != "import ecomlib"]  # the front door is taught
        if seen and not is_hidden(cell) and not EXERCISE & set(lessons.tags(cell)):
            yield Measure("visible import lines", sum(map(borrowed.import_lines, seen)), index, "imports are hidden")
    yield Measure("import lines", total)


def machinery(nb: Any, number: str, read: Mapping[str, Any]) -> Iterator[Measure]:
    """Measure what the lesson borrows from ``ecomlib.course``."""
    names = borrowed.names(nb)
    yield Measure("names from ecomlib.course", len(names), None, ", ".join(name or module for module, name in names))
    told = "\n".join(cell.source for cell in nb.cells if cell.cell_type == "markdown")
    for (module, name), index in names.items():
        if not name or name in COMMON:
            continue
        yield Measure("lines of a borrowed name", borrowed.lines_of(module, name), index, name)
        if f"`{name}" not in told:
            yield Measure("borrowed names without a sentence", 1, index, f"say in the text what `{name}` does")
    others = set().union(*(borrowed.modules(other) for key, other in read.items() if key != number))
    alone = sorted(borrowed.modules(nb) - others) if len(read) > 1 else []
    yield Measure("lines of course/ for one lesson", sum(map(borrowed.lines_of, alone)), None, ", ".join(alone))


def text(nb: Any) -> Iterator[Measure]:
    """Measure the Markdown: words, paragraphs, quantities."""
    words, sizes = 0, []
    closing = _closing(nb)
    for index, cell in enumerate(nb.cells):
        tags = set(lessons.tags(cell))
        if cell.cell_type != "markdown" or tags & _NO_PROSE:
            continue
        source = terms.READING.sub("", cell.source)
        words += minutes.words(source)
        for paragraph in prose.paragraphs(source):
            size = minutes.words(paragraph.text)
            sizes += [] if paragraph.item else [size]
            yield Measure("words a paragraph", size, index, _begin(paragraph.text))
            if not (EXERCISE & tags or (paragraph.item and index >= closing)):
                count = prose.quantities(paragraph.text)
                yield Measure("quantities a paragraph", count, index, _begin(paragraph.text))
    yield Measure("words", words)
    yield Measure("mean words a paragraph", round(sum(sizes) / len(sizes), 1) if sizes else 0)


def outputs(nb: Any) -> Iterator[Measure]:
    """Measure what the lesson shows: printed sentences, tables, the answer, what nbval checks."""
    for index, cell in enumerate(nb.cells):
        if EXERCISE & set(lessons.tags(cell)):
            continue
        answers = [o for o in cell.get("outputs", []) if _kind(o) == "answer"]
        for sentence in prose.printed(cell):
            yield Measure("quantities a printed sentence", prose.quantities(sentence), index, _begin(sentence))
        for output in answers:
            said = output["metadata"]["ecomlib"].get("text", "")
            yield Measure("words of the answer", minutes.words(said), index)
            yield Measure("quantities of the answer", prose.quantities(said), index)
            yield Measure("sentences of the answer", prose.sentences(said), index)
        for rows, columns in prose.tables(cell):
            yield Measure("rows a table", rows, index)
            yield Measure("columns a table", columns, index)


def shape(nb: Any) -> Iterator[Measure]:
    """Measure the lesson's build: sections, Part B, exercises, prompts, cells that nbval checks."""
    sections = lessons.sections(nb)
    yield Measure("sections", sum(section.number is not None and section.kind != "Part B" for section in sections))
    yield Measure("exercises", sum("exercise" in lessons.tags(cell) for cell in nb.cells))
    if begins := [section.cell for section in sections if section.kind == "Part B"]:
        after = [section.cell for section in sections if section.cell > begins[0]]
        yield Measure("cells of Part B", (after[0] if after else len(nb.cells)) - begins[0])
    wrong = list(prompts.complaints(nb))
    yield from (Measure("faults of prompts", 1, index, said) for index, said in wrong)
    yield Measure("prompts", len(prompts.prompts(nb)))
    checked = [c for c in nb.cells if c.cell_type == "code" and "nbval-check-output" in lessons.tags(c)]
    yield Measure("outputs checked by nbval", len(checked))
    yield from (
        Measure("outputs checked by nbval", 0, index, "the tagged cell shows nothing")
        for index, cell in enumerate(nb.cells)
        if cell in checked and cell.execution_count and not cell.outputs
    )


def words_for_it(nb: Any, number: str, read: Mapping[str, Any]) -> Iterator[Measure]:
    """Measure the terms: how many are new, and which are used before they are said."""
    new = terms.new(nb, number, read)
    counted = [use.term.term for use in new if use.bold and use.term.note != "architecture"]
    yield Measure("new terms", len(counted), None, ", ".join(counted))
    for index, said in terms.complaints(new):
        yield Measure("terms used before they are said", 1, index, said)
    for anchor in terms.broken_links(nb):
        yield Measure("terms used before they are said", 1, None, f"GLOSSARY.md has no #{anchor}")


def measure(nb: Any, number: str, read: Mapping[str, Any] | None = None, *, shown: bool = True) -> list[Measure]:
    """Measure lesson ``number``.

    Parameters
    ----------
    nb : nbformat.NotebookNode
        The lesson.
    number : str
        Such as ``"04b"``.
    read : mapping, optional
        All lessons by their numbers: what a reader knows, and what other lessons import.
    shown : bool
        Whether outputs count; not before a lesson is executed.
    """
    read = read or {}
    found = [*code(nb), *machinery(nb, number, read), *text(nb), *shape(nb), *words_for_it(nb, number, read)]
    return found + (list(outputs(nb)) if shown else [])


def excesses(measures: Sequence[Measure], nb: Any, number: str) -> list[Excess]:
    """List what lies beyond its limit, the farthest first."""
    found = []
    for measured in measures:
        limit = OWN_LIMITS.get((number, measured.rule), LIMITS[measured.rule])
        times = limit.times(measured.value)
        if times > 1:
            cell = "" if measured.cell is None else nb.cells[measured.cell].get("id", "")
            found.append(Excess(measured, limit, cell, times))
    return sorted(found, key=lambda excess: -excess.times)


def failures(nb: Any, number: str, read: Mapping[str, Any] | None = None, *, shown: bool = True) -> list[str]:
    """Say what fails in lesson ``number``: excesses beyond ``SLACK`` times that no exception names, bad exceptions.

    Parameters
    ----------
    nb, number, read, shown
        As in ``measure``.
    """
    found = excesses(measure(nb, number, read, shown=shown), nb, number)
    stated = nb.metadata.get("air", {}).get("exceptions", [])
    said, excepted = [], set()
    if len(stated) > MOST_EXCEPTIONS:
        said.append(f"{len(stated)} exceptions from limits; at most {MOST_EXCEPTIONS}")
    for one in stated:
        if one.get("rule") not in LIMITS:
            said.append(f"an exception names the rule '{one.get('rule')}', which there is not")
        elif len(str(one.get("reason", ""))) < 10:
            said.append(f"the exception from '{one['rule']}' gives its reason")
        elif shown and not any(_names(one, excess) for excess in found):
            said.append(f"the exception from '{one['rule']}' is needed no longer: take it out")
        else:
            excepted |= {n for n, excess in enumerate(found) if _names(one, excess)}
    return said + [excess.text() for n, excess in enumerate(found) if excess.fails and n not in excepted]


def table(nb: Any, number: str, read: Mapping[str, Any] | None = None) -> pd.DataFrame:
    """Tabulate lesson ``number``: a row a rule, with the farthest value, in how many places, and times the limit."""
    found = measure(nb, number, read)
    places = Counter(excess.measure.rule for excess in excesses(found, nb, number))
    rows = []
    for rule in LIMITS:
        limit = OWN_LIMITS.get((number, rule), LIMITS[rule])
        values = [measured.value for measured in found if measured.rule == rule]
        worst = max(values, key=limit.times) if values else None
        times = round(limit.times(worst), 2) if worst is not None else None
        rows.append((number, rule, limit.text(), worst, times, places[rule]))
    return pd.DataFrame(rows, columns=["lesson", "rule", "limit", "worst", "times", "places"])


def excess_table(read: Mapping[str, Any]) -> pd.DataFrame:
    """Tabulate today's excess of all lessons: a row a lesson and rule that is exceeded somewhere."""
    whole = pd.concat([table(nb, number, read) for number, nb in read.items()], ignore_index=True)
    return whole[whole["places"] > 0].drop(columns=["limit", "times"]).reset_index(drop=True)


def grown(recorded: pd.DataFrame, now: pd.DataFrame) -> list[str]:
    """Say which excess has grown against the record, in its farthest value or in the number of places.

    Parameters
    ----------
    recorded, now : DataFrame
        What ``excess_table`` gives; lessons that the record does not know are left out.
    """
    both = now[now["lesson"].isin(set(recorded["lesson"]))].merge(
        recorded, how="left", on=["lesson", "rule"], suffixes=("", "_then")
    )
    said = []
    for row in both.to_dict("records"):
        limit = OWN_LIMITS.get((row["lesson"], row["rule"]), LIMITS[row["rule"]])
        if pd.isna(row["places_then"]):
            said.append(f"lesson {row['lesson']}: {row['worst']:g} {row['rule']}, {limit.text()}, and kept it before")
        elif limit.times(row["worst"]) > limit.times(row["worst_then"]) or row["places"] > row["places_then"]:
            said.append(
                f"lesson {row['lesson']}: {row['worst']:g} {row['rule']} in {row['places']} places; "
                f"before {row['worst_then']:g} in {row['places_then']:g}"
            )
    return said


def all_lessons(folder: Path) -> dict[str, Any]:
    """Read all lessons of a folder, by their numbers."""
    return {lesson.number: _read(lesson.path, lesson.path.stat().st_mtime_ns) for lesson in lessons.choose(folder)}


@lru_cache(maxsize=64)
def _read(path: Path, changed: int) -> Any:
    """Read a lesson once for as long as its file stays as it is."""
    return lessons.read(path)


def main(arguments: Sequence[str]) -> int:
    """The command; 1 where a rewritten lesson fails."""
    options = {"--places", "--write"}
    try:
        root = lessons.checkout()
        if root is None:
            raise LessonError("This folder lies in no checkout of ecomlib.")
        read = all_lessons(root / "notebooks")
        chosen = lessons.choose(root / "notebooks", [a for a in arguments if a not in options])
    except EcomlibError as error:
        print(f"ecomlib: {error}", file=sys.stderr)
        return 1
    if "--write" in arguments:
        write_whole(root / RECORD, excess_table(read).to_csv(index=False, lineterminator="\n"))
        return 0
    failed = 0
    for lesson in chosen:
        nb, entry = read[lesson.number], syllabus.lesson(lesson.number)
        held = bool(entry and entry.rewritten)
        print(f"\nlesson {lesson.number}: {'held to its limits' if held else 'not rewritten yet, reported only'}")
        print(table(nb, lesson.number, read).drop(columns="lesson").to_string(index=False, na_rep=""))
        if "--places" in arguments:
            found = excesses(measure(nb, lesson.number, read), nb, lesson.number)
            print(*(f"  {'FAILS' if excess.fails else 'over '} {excess.text()}" for excess in found), sep="\n")
        said = failures(nb, lesson.number, read) if held else []
        print(*(f"  {complaint}" for complaint in said), sep="\n" if said else "")
        failed += bool(said)
    return int(failed > 0)


def _names(exception: Mapping[str, str], excess: Excess) -> bool:
    return exception["rule"] == excess.measure.rule and exception.get("cell", "") == excess.cell_id


def _closing(nb: Any) -> int:
    """Index of the cell with which the closing begins: what the reader can do now."""
    last = max((s.cell for s in lessons.sections(nb) if s.number is not None or s.kind == "Part B"), default=0)
    return next((n for n, c in enumerate(nb.cells) if n >= last and "**You can now**" in c.source), len(nb.cells))


def _kind(output: Any) -> str:
    return str(output.get("metadata", {}).get("ecomlib", {}).get("kind", ""))


def _begin(said: str) -> str:
    return said if len(said) <= 60 else f"{said[:57].rstrip()}…"


def _source(cell: Any, node: Any) -> str:
    return "\n".join(cell.source.splitlines()[node.lineno - 1 : node.end_lineno])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
