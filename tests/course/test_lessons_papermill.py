"""Every lesson at size tiny as the learner gets it, unfilled, with the changes made that its prompts ask for.

These take long, so they have a file of their own. Other things are proved by runs that there are anyhow: the lesson as
its author left it, and the learner's set with solutions, run at size tiny in ``test_second_parts.py``, on shops other
than the recorded one; at its default size a lesson's prompts are tried while nbval runs it (``notebooks/conftest.py``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest

from ecomlib.course import lessons, workshop
from ecomlib.course.authoring import lint, prompts, try_prompts
from ecomlib.course.running import report
from ecomlib.course.running.run import known_parameters

ROOT = Path(__file__).resolve().parents[2]
COMMITTED = sorted((ROOT / "notebooks").glob("*.ipynb"))
pytestmark = pytest.mark.slow


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
    marks = report.marks(executed)
    assert [mark.kind for mark in marks].count("answer") == 1
    assert [t for c in executed.cells for o in c.get("outputs", []) if (t := o.get("name")) == "stderr"] == []


@pytest.mark.parametrize("path", COMMITTED, ids=lambda p: p.stem)
def test_the_lesson_has_the_parameters_of_part_a(path: Path) -> None:
    code = "\n".join(c.source for c in lessons.read(path).cells if c.cell_type == "code")
    network = any(word in code for word in ("training.", "torch", "text.encode", '"gru"'))
    assert {"SIZE", "SEED"} <= set(known_parameters(path))
    assert "DEVICE" in known_parameters(path) or not network  # lesson 07b trains trees alone
