"""The workshop's sets: the learner's runs unfilled, and with the solutions pasted in it passes every check."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
import toy_lesson
from typer.testing import CliRunner

from ecomlib.cli.main import app
from ecomlib.course import exercises, lessons, workshop
from ecomlib.course.authoring import execute, lint
from ecomlib.course.lessons import LessonFile
from ecomlib.errors import LessonError

ROOT = Path(__file__).resolve().parents[2]
COMMITTED = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture
def toy_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exercises, "__path__", [*exercises.__path__, str(toy_lesson.CHECKS)])


def said(nb: object, tag: str) -> list[str]:
    """What the cells with ``tag`` have printed."""
    return ["".join(lint.output_texts(c)) for c in nb.cells if tag in lessons.tags(c)]  # type: ignore[attr-defined]


def test_three_sets_are_written_from_one_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, toy_checks: None
) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "ecomlib"\n', encoding="utf-8")
    source = toy_lesson.lesson()
    source.cells.insert(5, toy_lesson.text("Only for the teacher.", "instructor"))
    source.cells[5]["id"] = "teacher"
    for cell in source.cells:
        if "solution" in lessons.tags(cell):
            cell.outputs = [nbformat.v4.new_output("stream", text="✓ Right.\n")]
    source.metadata["ecomlib"] = {"seconds": 31.4}
    (tmp_path / "notebooks").mkdir()
    nbformat.write(source, tmp_path / "notebooks" / "90_toy.ipynb")
    monkeypatch.chdir(tmp_path)
    run = CliRunner().invoke(app, ["workshop", "build", "--out", "sets"])
    assert run.exit_code == 0, run.output
    made = {name: lessons.read(tmp_path / "sets" / name / "90_toy.ipynb") for name in workshop.SETS}
    for nb in made.values():
        nbformat.validate(nb)

    learner = made["learner"]
    assert not said(learner, "solution") and not said(learner, "instructor")
    assert "double_solution" not in lessons.dump(learner)
    assert all(c.execution_count is None and not c.outputs for c in learner.cells if c.cell_type == "code")
    assert len([c for c in learner.cells if "exercise" in lessons.tags(c)]) == 1

    solution = next(c for c in made["solution"].cells if "solution" in lessons.tags(c))
    assert "source_hidden" not in solution.metadata.get("jupyter", {})
    assert said(made["solution"], "solution") == ["✓ Right.\n"]
    assert "Only for the teacher" not in lessons.dump(made["solution"])

    notes = [c.source for c in made["instructor"].cells if "instructor" in lessons.tags(c)]
    assert "running 31 s on one thread" in notes[0] and "1 exercise of about" in notes[0]
    assert "- 1 · What we publish (build)" in notes[0]
    assert any("*square*: That is the square" in note for note in notes)
    assert "Only for the teacher." in notes
    # The source itself keeps its hidden solution.
    kept = next(c for c in lessons.read(tmp_path / "notebooks" / "90_toy.ipynb").cells if "solution" in lessons.tags(c))
    assert kept.metadata["jupyter"]["source_hidden"]


def test_the_toys_learner_set_runs_unfilled_and_passes_filled(tmp_path: Path, toy_checks: None) -> None:
    source = toy_lesson.lesson()
    unfilled = workshop.learner(source)
    filled = workshop.fill(unfilled, source)
    execute.execute(unfilled, tmp_path)
    assert said(unfilled, "check") == [
        "… Not filled in yet: replace the placeholder above, then run this cell again.\n"
    ]
    execute.execute(filled, tmp_path)
    assert said(filled, "check") == ["✓ Right. Twice as much.\n"]


def test_a_solution_without_its_check_cannot_be_pasted(toy_checks: None) -> None:
    source = toy_lesson.lesson()
    cell = next(c for c in source.cells if "solution" in lessons.tags(c))
    cell.source = cell.source.rpartition("\n")[0]
    with pytest.raises(LessonError, match="ends with its check"):
        workshop.fill(workshop.learner(source), source)


@pytest.mark.parametrize("path", COMMITTED, ids=lambda p: p.stem)
def test_solutions_and_hints_stay_out_of_the_learners_set(path: Path) -> None:
    source = lessons.read(path)
    learner = lessons.dump(workshop.learner(source))
    assert "_solution" not in learner
    lesson = LessonFile(path.name.partition("_")[0], "", path)
    for exercise in exercises.exercises(lesson.number).values():
        assert all(hint not in learner for _, hint in exercise.mistakes.values())
        noted = "\n".join(c.source for c in workshop.instructor(source, lesson).cells)
        assert all(hint in noted for _, hint in exercise.mistakes.values())
