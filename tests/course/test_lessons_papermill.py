"""Every lesson at size tiny, through ``ecomlib run``, and the learner's sets: unfilled and with solutions pasted in.

These take the longest of all tests, so they have a file of their own. Seconds are on one thread.
"""

from __future__ import annotations

import html
import os
from pathlib import Path
from typing import Any

import nbformat
import pytest

from ecomlib.course import lessons, syllabus, workshop
from ecomlib.course.authoring import execute, lint, prompts, try_prompts
from ecomlib.course.running import report
from ecomlib.course.running.run import RunSettings, known_parameters, run_lessons

ROOT = Path(__file__).resolve().parents[2]
COMMITTED = sorted((ROOT / "notebooks").glob("*.ipynb"))
REWRITTEN = [path for path in COMMITTED if any(e.rewritten and e.file == path.name for e in syllabus.LESSONS)]
TINY_SECONDS = 25
# Machines that run tests are slower than a desk: more than this is a mistake, not a slow machine. They are also shared,
# so what counts is the processor's time; a wall clock is only asked whether a lesson waits for something.
PATIENCE, STANDSTILL = 3, 10

pytestmark = pytest.mark.slow


def processor_seconds() -> float:
    """Of all processes that this one has started and seen ending; kernels are among them. On Windows 0."""
    spent = os.times()
    return spent.children_user + spent.children_system


def number(path: Path) -> str:
    return path.name.partition("_")[0]


@pytest.mark.parametrize("path", COMMITTED, ids=lambda p: p.stem)
def test_the_lesson_runs_at_tiny_and_reports(path: Path, tmp_path: Path) -> None:
    settings, before = RunSettings(size="tiny", out=tmp_path), processor_seconds()
    run = run_lessons([number(path)], settings, where=ROOT / "notebooks")[0]
    assert run.passed, run.complaint()
    assert processor_seconds() - before < PATIENCE * TINY_SECONDS
    assert run.seconds < STANDSTILL * TINY_SECONDS
    executed = lessons.read(run.executed)
    assert [t for c in executed.cells for o in c.get("outputs", []) if (t := o.get("name")) == "stderr"] == []
    marks = report.marks(executed)
    assert [m.kind for m in marks].count("answer") == 1
    page = html.unescape((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert next(m.text for m in marks if m.kind == "answer")[:20] in page
    assert len((tmp_path / "leaderboard.csv").read_text(encoding="utf-8").splitlines()) > 1


def verdicts(learner: Any) -> list[str]:
    """What the checks of exercises said."""
    return ["".join(lint.output_texts(cell)) for cell in learner.cells if "check" in lessons.tags(cell)]


def directions(notebook: Any) -> dict[int, str]:
    """Which way each prompt's value goes, as the lesson says it."""
    return {prompt.cell: prompt.direction for prompt in prompts.prompts(notebook)}


@pytest.mark.parametrize("path", COMMITTED, ids=lambda p: p.stem)
def test_the_learners_set_runs_unfilled_and_its_prompts_go_as_said(path: Path, tmp_path: Path) -> None:
    source = lessons.read(path)
    learner = workshop.learner(source)
    assert list(directions(learner).values()) == list(directions(source).values())
    executed, went = try_prompts.try_out(learner, tmp_path, size="tiny")
    nbformat.validate(executed)
    assert all(text.startswith("… Not filled in yet") for text in verdicts(executed)), verdicts(executed)
    assert went == directions(learner)


@pytest.mark.parametrize("path", COMMITTED, ids=lambda p: p.stem)
def test_the_learners_set_runs_with_its_solutions(path: Path, tmp_path: Path) -> None:
    source = lessons.read(path)
    learner = workshop.fill(workshop.learner(source), source)
    if "SIZE" in known_parameters(path):
        cell = next(c for c in learner.cells if "parameters" in lessons.tags(c))
        cell.source += '\nSIZE = "tiny"'
    execute.execute(learner, tmp_path)
    nbformat.validate(learner)
    assert all(text.startswith("✓ Right") for text in verdicts(learner)), verdicts(learner)


@pytest.mark.parametrize("path", REWRITTEN, ids=lambda p: p.stem)
def test_the_prompts_go_as_said_at_the_default_size(path: Path, tmp_path: Path) -> None:
    nb = lessons.read(path)
    assert try_prompts.outcomes(nb, tmp_path, size="small") == directions(nb)


@pytest.mark.parametrize("path", COMMITTED, ids=lambda p: p.stem)
def test_the_lesson_has_the_parameters_of_part_a(path: Path) -> None:
    code = "\n".join(c.source for c in lessons.read(path).cells if c.cell_type == "code")
    network = any(word in code for word in ("training.", "torch", "text.encode", '"gru"'))
    assert {"SIZE", "SEED"} <= set(known_parameters(path))
    assert "DEVICE" in known_parameters(path) or not network  # lesson 07b trains trees alone
