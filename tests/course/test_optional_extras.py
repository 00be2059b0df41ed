"""A lesson's cells that need a missing part are skipped, and say so; everything else runs."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

pytest.importorskip("IPython")
from IPython.core.interactiveshell import InteractiveShell

from ecomlib.course import lessons, optional_extras
from ecomlib.course.authoring import lint
from ecomlib.course.running.run import RunSettings, run_lessons

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> InteractiveShell:
    made = InteractiveShell()
    monkeypatch.setattr("IPython.core.getipython.get_ipython", lambda: made)
    return made


def test_nothing_is_skipped_where_the_part_is_there(
    shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(optional_extras.PARTS, "toy", ("json", "csv"))
    assert optional_extras.skip_without("toy")
    assert capsys.readouterr().out == ""
    assert shell.transform_cell("# needs: toy\nx = 1\n") == "# needs: toy\nx = 1\n"


def test_marked_cells_are_skipped_where_it_is_missing(
    shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(optional_extras.PARTS, "toy", ("json", "no_such_library_here"))
    assert not optional_extras.skip_without("toy")
    said = capsys.readouterr().out
    assert "no_such_library_here" in said and "json" not in said and 'python -m pip install "ecomlib[toy]"' in said
    assert shell.transform_cell("# needs: toy\nraise ValueError\n") == 'print("Skipped: needs the part toy.")\n'
    assert shell.transform_cell("# @title A title\n# needs: toy\nx = 1\n") == 'print("Skipped: needs the part toy.")\n'
    assert shell.transform_cell("# needs: other\nx = 1\n") == "# needs: other\nx = 1\n"
    assert shell.transform_cell("x = 1\n# needs: toy\n") == "x = 1\n# needs: toy\n"
    assert shell.transform_cell("") in ("", "\n")


def test_the_parts_are_those_of_the_extras() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    for part, libraries in optional_extras.PARTS.items():
        declared = {re.split(r"[<>=\[ ]", need)[0].replace("-", "_") for need in extras[part]}
        assert declared == set(libraries)


@pytest.mark.slow
def test_lesson_08_ends_cleanly_where_the_service_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a machine with the `course` extra alone: two libraries that fail stand before the real ones."""
    hidden = tmp_path / "hidden"
    for library in ("onnxruntime", "fastapi"):
        (hidden / library).mkdir(parents=True)
        (hidden / library / "__init__.py").write_text("raise ImportError('hidden by a test')\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(hidden))
    settings = RunSettings(size="tiny", out=tmp_path / "out")
    (run,) = run_lessons(["08"], settings, where=ROOT / "notebooks")
    assert run.passed, run.complaint()
    cells = lessons.read(run.executed).cells
    said = {n: "".join(lint.output_texts(cell)) for n, cell in enumerate(cells) if cell.cell_type == "code"}
    assert any(
        "Not installed here: onnxruntime, fastapi" in text and "ecomlib[serve]" in text for text in said.values()
    )
    needy = [n for n in said if "# needs: serve" in cells[n].source.splitlines()[:2]]
    assert len(needy) > 8 and all(said[n].strip() == "Skipped: needs the part serve." for n in needy)
    assert sum("✓ Right" in text for text in said.values()) == 3, "the exercises do not need the service"
