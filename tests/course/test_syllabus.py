"""The syllabus: lessons build on earlier ones, paths hold what they need, notebooks say the same, minutes add up."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from ecomlib.course import lessons, minutes, syllabus
from ecomlib.course.authoring import execute
from ecomlib.course.optional_extras import PARTS
from ecomlib.course.syllabus import LESSONS, PATHS
from ecomlib.stores.published.download import catalogue

ROOT = Path(__file__).resolve().parents[2]
NUMBERS = [entry.number for entry in LESSONS]


def test_numbers_and_files_are_unique_and_in_order() -> None:
    assert sorted(set(NUMBERS)) == NUMBERS
    assert all(entry.file.startswith(f"{entry.number}_") and entry.file.endswith(".ipynb") for entry in LESSONS)


@pytest.mark.parametrize("entry", LESSONS, ids=NUMBERS)
def test_a_lesson_builds_on_earlier_ones_and_one_of_the_spine_on_the_spine_alone(entry: syllabus.Lesson) -> None:
    for number in entry.prerequisites:
        before = syllabus.lesson(number)
        assert before is not None and NUMBERS.index(number) < NUMBERS.index(entry.number)
        assert before.spine or not entry.spine, f"{entry.number} stands on the spine, {number} on the shelf"


@pytest.mark.parametrize("name", PATHS)
def test_a_path_holds_what_its_lessons_build_on_before_they_come(name: str) -> None:
    path = PATHS[name]
    assert len(set(path)) == len(path) and set(path) <= set(NUMBERS)
    for place, number in enumerate(path):
        entry = syllabus.lesson(number)
        assert entry is not None and set(entry.prerequisites) <= set(path[:place]), f"{name}: {number}"


def test_readers_meet_the_spine_first() -> None:
    spine = [entry.spine for entry in syllabus.in_reading_order()]
    assert spine == sorted(spine, reverse=True) and len(spine) == len(LESSONS) and 0 < sum(spine) < len(spine)


@pytest.mark.parametrize("entry", LESSONS, ids=NUMBERS)
def test_the_notebook_reads_the_data_sets_and_skips_the_extras_that_the_syllabus_names(entry: syllabus.Lesson) -> None:
    nb = lessons.read(ROOT / "notebooks" / entry.file)
    source = "\n".join(cell.source for cell in nb.cells if cell.cell_type == "code")
    assert set(re.findall(r"read_tables\(\s*\"(\w+)\"", source)) == set(entry.data_sets)
    assert set(entry.data_sets) <= set(catalogue())
    assert set(re.findall(r"skip_without\(\s*\"(\w+)\"", source)) == set(entry.extras)
    assert set(entry.extras) <= set(PARTS)


def test_the_readme_shows_the_syllabus() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"<!-- lessons:start -->\n{execute.readme_table(ROOT / 'notebooks')}\n<!-- lessons:end -->" in readme


def test_minutes_follow_the_formula() -> None:
    hidden = {"jupyter": {"source_hidden": True}}
    nb = new_notebook(
        cells=[
            new_markdown_cell("word " * 360),  # two minutes
            new_code_cell("a = 1\n\nb = 2\n# three visible lines"),  # one minute
            new_code_cell("c = 3\n" * 100, metadata=hidden),
            new_code_cell("d = 4\n" * 100, metadata={"tags": ["setup"]}),
            new_markdown_cell("question " * 900, metadata={"tags": ["quiz"]}),
            new_markdown_cell("task " * 180, metadata={"tags": ["task"]}),  # one minute of the exercise
            new_code_cell("def f(): ...\n# a\n# b", metadata={"tags": ["exercise"]}),  # one more, and the tries
            new_code_cell("e = 5\n" * 100, metadata={"tags": ["solution"]}),
        ],
        metadata={"ecomlib": {"seconds": 30.0}},
    )
    found = minutes.estimate(nb)
    tries = minutes.TRIES * minutes.MINUTES_A_TRY
    assert (found.reading, found.running, found.exercises) == pytest.approx((3, 0.5, 2 + tries))
    assert found.total == pytest.approx(5.5 + tries)
    assert minutes.Minutes(43, 1, 13).text() == "45 min + 15 min of exercises"
    assert minutes.Minutes(8, 1, 0).text() == "10 min"
