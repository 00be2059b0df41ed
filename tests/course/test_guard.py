"""Forged outputs fail, text and code are hashed apart, a re-run writes no noise, a lesson rests on its imports."""

from __future__ import annotations

import ast
import copy
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
import toy_lesson

from ecomlib.course import exercises, lessons, publishing, reach, syllabus
from ecomlib.course import published_numbers as published
from ecomlib.course.authoring import execute, guard
from ecomlib.course.publishing import publish, results_table

ROOT = Path(__file__).resolve().parents[2]
Forge = Callable[[Any], None]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What ``publish`` and ``results_table`` show, as outputs of a notebook."""
    outputs: list[Any] = []

    def show(data: dict[str, str], metadata: dict[str, Any]) -> None:
        outputs.append(nbformat.v4.new_output("display_data", data, metadata=metadata))

    monkeypatch.setattr(publishing, "_show", show)
    return outputs


@pytest.fixture
def lesson(shown: list[Any]) -> Any:
    """A lesson of one cell that publishes an answer, a table, a results table and a figure, and says two sentences."""
    from matplotlib.figure import Figure

    frame = pd.DataFrame({"model": ["GRU", "mean of 8"], "WAPE": [0.352, 0.47], "fit, seconds": [1.25, 20.5]})
    publish("answer", "Order by the fan: it saves 3,114 a week.", title="What shall we order?")
    publish("leaderboard", frame, title="Two models, 12 weeks")
    results_table("90", [{"model": "GRU", "store": "toy", "wape": 0.352, "money": -3507.0}], store="toy")
    publish("map", Figure(figsize=(1, 1)), title="16 regions", alt="A map of 16 regions")
    cell = toy_lesson.code("pass")
    cell["id"] = "a1"
    cell.outputs = [
        *shown,
        nbformat.v4.new_output("display_data", {"text/markdown": "In 12 weeks **4.3%** were lost, in 14 seconds."}),
        nbformat.v4.new_output("stream", name="stdout", text="Trained on 44,503 windows.\n"),
    ]
    return nbformat.v4.new_notebook(cells=[cell])


def record(nb: Any, tolerance: float = 0.01, said: bool = True) -> pd.DataFrame:
    table = published.table(published.numbers(nb, "90"))
    table["tolerance"] = pd.Series(tolerance, index=table.index).mask(table["clock"])
    table["runs"] = 2
    return table if said else table[table["kind"] != published.SAID]


def write(place: int, mime: str, old: str, new: str) -> Forge:
    def forge(nb: Any) -> None:
        output = nb.cells[0].outputs[place]
        holder, key = (output, "text") if mime == "text" else (output.data, mime)
        assert old in holder[key]
        holder[key] = holder[key].replace(old, new)

    return forge


def mark(place: int, name: str, old: str, new: str) -> Forge:
    def forge(nb: Any) -> None:
        marked = nb.cells[0].outputs[place].metadata["ecomlib"]
        marked[name] = marked[name].replace(old, new)

    return forge


def test_what_publish_writes_is_not_called_forged(lesson: Any) -> None:
    assert guard.forged(lesson) == []


@pytest.mark.parametrize(
    ("forge", "said"),
    [
        (write(0, "text/markdown", "3,114", "9,114"), "the sentence that is shown"),
        (write(0, "text/markdown", "saves", "costs"), "the sentence that is shown"),
        (write(0, "text/plain", "3,114", "9,114"), "the sentence that is shown"),
        (mark(0, "text", "3,114", "9,114"), "the sentence that is shown"),
        (write(1, "text/html", "0.352", "0.252"), "the table's row 'GRU | 0.252"),
        (write(1, "text/plain", "0.47", "0.37"), "the table's row 'mean of 8"),
        (write(1, "text/html", "Two models, 12", "Ten models, 12"), "the table's caption"),
        (write(1, "text/html", '<tr><td style="text-align:left">mean of 8', "<th>mean of 8"), "rows, its text 2"),
        (write(2, "text/html", "0.352", "0.252"), "GRU"),
        (lambda nb: nb.cells[0].outputs[2].metadata["ecomlib"]["rows"][0].update(money=-99.0), "as its money"),
        (lambda nb: nb.cells[0].outputs[2].metadata["ecomlib"]["rows"][0].update(model="LSTM"), "LSTM is not shown"),
        (write(3, "text/plain", "16 regions", "61 regions"), "the figure's text"),
        (lambda nb: nb.cells[0].outputs[3].metadata["image/png"].update(alt="A lie"), "the picture's alternative text"),
    ],
)
def test_an_output_that_does_not_show_what_was_published_is_forged(lesson: Any, forge: Forge, said: str) -> None:
    before = lessons.outputs_hash(lesson)
    forge(lesson)
    found = guard.forged(lesson)
    assert any(said in line for line in found), found
    assert lessons.outputs_hash(lesson) != before


def both(place: int, old: str, new: str) -> Forge:
    """A careful forger changes the mark and all that is shown."""

    def forge(nb: Any) -> None:
        output = nb.cells[0].outputs[place]
        nb.cells[0].outputs[place] = nbformat.from_dict(json.loads(json.dumps(output).replace(old, new)))

    return forge


@pytest.mark.parametrize(
    ("forge", "said"),
    [
        (both(0, "3,114", "9,114"), "text 1: 3114 instead of 9114 ± 0.01"),
        (both(0, "saves", "costs"), "it saves # a week.' instead of"),
        (both(1, "0.352", "0.252"), "GRU/WAPE: 0.352 instead of 0.252"),
        (both(1, "12 weeks", "99 weeks"), "title 1: 12 instead of 99"),
        (both(2, "0.352", "0.252"), "toy GRU/wape: 0.352 instead of 0.252"),
        (both(3, "16 regions", "61 regions"), "16 instead of 61"),
        (write(4, "text/markdown", "4.3%", "0.3%"), "said 2: 4.3 instead of 0.3"),
        (write(4, "text/markdown", "were lost", "were won"), "were lost"),
        (write(5, "text", "44,503", "99,503"), "said 1: 44503 instead of 99503"),
        (lambda nb: nb.cells[0].outputs.pop(1), "publishes answer, leaderboard"),
        (lambda nb: nb.cells[0].outputs.pop(), "says 6 things instead of 5"),
    ],
)
def test_a_run_finds_what_a_careful_forger_has_changed(lesson: Any, forge: Forge, said: str) -> None:
    again = copy.deepcopy(lesson.cells[0].outputs)
    kept = record(lesson)
    forge(lesson)
    found = guard.complaints("90", lesson.cells[0], again, kept)
    assert any(said in line for line in found), found


def test_a_run_may_differ_within_the_tolerance_and_by_the_clock(lesson: Any) -> None:
    again = copy.deepcopy(lesson)
    cell, kept = lesson.cells[0], record(lesson)
    for forge in (
        both(1, "0.352", "0.359"),
        both(1, "20.5", "99.5"),
        both(2, "0.352", "0.359"),
        write(4, "text/markdown", "14 seconds", "99 seconds"),
    ):
        forge(again)
    assert guard.complaints("90", cell, again.cells[0].outputs, kept) == []
    both(1, "0.359", "0.363")(again)
    assert guard.complaints("90", cell, again.cells[0].outputs, kept) == [
        "lesson 90, cell a1, output 2, GRU/WAPE: 0.363 instead of 0.352 ± 0.01"
    ]
    assert guard.complaints("90", cell, again.cells[0].outputs, kept.assign(runs=0)) == [], "measured by no run"
    cell.metadata["tags"] = [guard.IGNORED]
    assert guard.complaints("90", cell, [], kept) == []


def test_sentences_without_a_mark_are_held_once_they_are_recorded(lesson: Any) -> None:
    again = copy.deepcopy(lesson)
    write(4, "text/markdown", "4.3%", "0.3%")(again)
    for said in (False, True):
        kept = record(lesson, said=said)
        assert bool(guard.complaints("90", lesson.cells[0], again.cells[0].outputs, kept)) == said
        now = published.table(published.numbers(again, "90"))
        assert bool(published.complaints(kept, now)) == said
    numbers = published.table(published.numbers(lesson, "90"))
    said_ones = numbers[numbers["kind"] == published.SAID]
    assert said_ones[["output", "key", "value", "clock"]].values.tolist() == [
        [1, "said 1", 12, False],
        [1, "said 2", 4.3, False],
        [1, "said 3", 14, True],
        [2, "said 1", 44503, False],
    ]


def test_frames_and_reprs_without_a_mark_are_read_as_they_are_shown() -> None:
    frame = pd.DataFrame({"model": ["GRU", "trees < 9"], "wape": [0.352, 0.47], "seconds": [1.5, 20.0]})
    html = f"<div>\n<style scoped>\n  .x th {{ a: 1; }}\n</style>\n{frame.to_html()}\n<p>2 rows</p>\n</div>"
    cell = toy_lesson.code("pass")
    cell["id"] = "a1"
    toy_lesson.shows(cell, html, "text/html")
    toy_lesson.shows(cell, "Panel of 60 series", "text/plain")
    toy_lesson.shows(cell, "9", "image/png")
    nb = nbformat.v4.new_notebook(cells=[cell])
    found = [(n.output, n.key, n.value, n.clock) for n in published.numbers(nb, "90")]
    assert found == [
        (1, "row 1/", 0, False),
        (1, "row 1/wape", 0.352, False),
        (1, "row 1/seconds", 1.5, True),
        (1, "row 2/", 1, False),
        (1, "row 2/model", 9, False),
        (1, "row 2/wape", 0.47, False),
        (1, "row 2/seconds", 20, True),
        (2, "said 1", 60, False),
    ]
    again = copy.deepcopy(cell)
    again.outputs[0].data["text/html"] = html.replace("0.352", "0.252").replace("GRU", "LSTM")
    assert "LSTM" in guard.complaints("90", cell, again.outputs, record(nb))[0]
    again.outputs[0].data["text/html"] = html.replace("0.352", "0.252").replace("20.0", "99.0")
    assert guard.complaints("90", cell, again.outputs, record(nb)) == [
        "lesson 90, cell a1, output 1, row 1/wape: 0.252 instead of 0.352 ± 0.01"
    ]


# A re-run writes no noise.


def test_outputs_in_which_a_clock_alone_has_moved_stay(lesson: Any) -> None:
    new = copy.deepcopy(lesson)
    both(1, "20.5", "99.5")(new)
    write(4, "text/markdown", "14 seconds", "99 seconds")(new)
    execute.keep_clocks(new, lesson)
    assert lessons.outputs_hash(new) == lessons.outputs_hash(lesson)
    for forge in (both(1, "0.352", "0.353"), write(4, "text/markdown", "4.3%", "4.4%"), both(0, "saves", "costs")):
        new = copy.deepcopy(lesson)
        forge(new)
        changed = copy.deepcopy(new)
        execute.keep_clocks(new, lesson)
        assert new == changed, "a finding has moved: the new output counts"
    new = copy.deepcopy(lesson)
    both(1, "20.5", "99.5")(new)
    write(4, "text/markdown", "4.3%", "4.4%")(new)
    changed = copy.deepcopy(new)
    execute.keep_clocks(new, lesson)
    assert new == changed, "a page shows one run: with the finding come its seconds"


@pytest.mark.parametrize(
    ("seconds", "before", "kept"),
    [
        (36.4, None, 36),
        (36.4, 36.0, 36),
        (31, 36.0, 36),
        (44, 36.0, 44),
        (27.6, 36.0, 28),
        (3.9, 2.0, 2),
        (4.4, 2.0, 4),
    ],
)
def test_seconds_are_whole_and_stay_where_they_moved_little(seconds: float, before: float | None, kept: float) -> None:
    assert execute.keep_seconds(seconds, before) == kept


# Text and code are hashed apart.


def cell_of(nb: Any, source: str) -> Any:
    return next(cell for cell in nb.cells if cell.source.startswith(source))


def replaced(old: str, new: str) -> Forge:
    return lambda nb: setattr(nb.cells[0], "source", nb.cells[0].source.replace(old, new))


def one_hash(nb: Any) -> None:
    nb.metadata["ecomlib"] = {"source_sha256": lessons.source_hash(nb)}


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        (lambda nb: setattr(cell_of(nb, "x = 1"), "source", "x = 2"), True, False),
        (lambda nb: setattr(cell_of(nb, "x = 1"), "source", "x = 1\n# a word"), True, False),
        (lambda nb: nb.cells.insert(5, toy_lesson.code("more = 1")), True, True),
        (lambda nb: cell_of(nb, "SIZE").metadata.update(tags=[]), True, True),
        (lambda nb: setattr(nb.cells[0], "source", nb.cells[0].source + " More."), False, True),
        (lambda nb: nb.cells.insert(5, toy_lesson.text("More.")), False, True),
        (lambda nb: nb.cells.insert(2, nb.cells.pop(4)), False, True),
        (lambda nb: cell_of(nb, "x = 1").metadata.update(tags=["hide-input"]), False, True),
        (lambda nb: cell_of(nb, "x = 1").metadata.update(predict={"line": "x = 1"}), False, True),
        (lambda nb: nb.metadata.update(air={"exceptions": []}), False, True),
        (lambda nb: setattr(cell_of(nb, "# @title Set-up"), "source", "# Set-up of another day"), False, False),
        (
            lambda nb: setattr(nb.cells[0], "source", nb.cells[0].source.replace("--><!--", "-->[a](b)<!--")),
            False,
            False,
        ),
        (lambda nb: cell_of(nb, "x = 1").outputs.clear(), False, False),
    ],
)
def test_code_and_text_have_a_hash_each(change: Forge, code: bool, text: bool) -> None:
    nb = toy_lesson.airy()
    nb.cells.insert(2, toy_lesson.code('SIZE = "tiny"', "parameters"))
    before = lessons.code_hash(nb), lessons.text_hash(nb)
    change(nb)
    assert (lessons.code_hash(nb) != before[0], lessons.text_hash(nb) != before[1]) == (code, text)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with one toy lesson, noted as executed; no kernel may start."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "ecomlib"\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(exercises, "__path__", [*exercises.__path__, str(toy_lesson.CHECKS)])
    plan = syllabus.Lesson("90", "Toy", "Why?", "90_toy.ipynb", ("What we publish", "What may fail"))
    monkeypatch.setattr(syllabus, "LESSONS", (plan,))
    monkeypatch.setattr(execute, "execute", lambda *_: pytest.fail("a lesson was executed"))
    nb = toy_lesson.lesson()
    for n, cell in enumerate(c for c in nb.cells if c.cell_type == "code"):
        cell.execution_count = n + 1
        if "setup" not in lessons.tags(cell):
            toy_lesson.shows(cell, "✓ Right.")
    nb.metadata["ecomlib"] = {
        "code_sha256": lessons.code_hash(nb),
        "text_sha256": lessons.text_hash(nb),
        "outputs_sha256": lessons.outputs_hash(nb),
        "imports_sha256": reach.imports_hash(nb, "90"),
        "seconds": 3.0,
    }
    path = tmp_path / "notebooks" / "90_toy.ipynb"
    path.parent.mkdir()
    path.write_text(lessons.dump(nb), encoding="utf-8")
    return path


def edit(path: Path, change: Forge) -> None:
    nb = lessons.read(path)
    change(nb)
    path.write_text(lessons.dump(nb), encoding="utf-8")


def longer(nb: Any) -> None:
    nb.cells[3].source += "\n\nA better sentence."


def test_a_change_of_prose_is_noted_without_a_kernel(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = project.read_bytes()
    assert execute.main(["--prose", "90"]) == 0
    assert "nothing has changed" in capsys.readouterr().out and project.read_bytes() == before
    edit(project, longer)
    assert execute.is_stale(lessons.read(project))
    assert execute.main(["--prose", "90"]) == 0
    made = lessons.read(project)
    assert "the new text is noted" in capsys.readouterr().out and not execute.is_stale(made)
    assert made.metadata.ecomlib.outputs_sha256 == lessons.outputs_hash(made) and made.metadata.ecomlib.seconds == 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda nb: setattr(nb.cells[6], "source", "total = 2"), "its code has changed since it was executed"),
        (lambda nb: toy_lesson.shows(nb.cells[6], "It saves 9,114."), "its outputs have changed since it was executed"),
        (lambda nb: setattr(nb.cells[3], "source", "## 1 · No kind"), "says its kind"),
        (
            lambda nb: nb.metadata.update(ecomlib={"source_sha256": lessons.source_hash(nb)}),
            "no hash of its code alone",
        ),
    ],
)
def test_prose_is_not_noted_where_more_has_changed(
    project: Path, capsys: pytest.CaptureFixture[str], change: Forge, said: str
) -> None:
    edit(project, longer)
    edit(project, change)
    before = project.read_bytes()
    assert execute.main(["--prose", "90"]) == 1
    assert said in capsys.readouterr().err and project.read_bytes() == before


def test_a_lesson_of_before_is_told_by_its_one_hash(project: Path) -> None:
    edit(project, one_hash)
    assert not execute.is_stale(lessons.read(project)) and not execute.imports_are_stale(lessons.read(project), "90")
    edit(project, longer)
    assert execute.is_stale(lessons.read(project))


def test_an_unknown_option_or_two_at_once_are_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for options in (["--text"], ["--check", "--prose"]):
        assert execute.main(options) == 2
        assert "one of --check, --prose, --stale" in capsys.readouterr().err


# A lesson rests on what it imports.


@pytest.mark.parametrize(
    ("source", "named", "not_named"),
    [
        ("import ecomlib\necomlib.make_panel(1)", {"ecomlib", "ecomlib.panel"}, {"ecomlib.plots", "ecomlib.stores"}),
        ("import ecomlib as e\ne.plots.fan(1)", {"ecomlib.plots"}, {"ecomlib.panel"}),
        ("import ecomlib\ngetattr(ecomlib, name)", {"ecomlib.serving.live.app", "ecomlib.plots"}, set()),
        ("from ecomlib import load_store", {"ecomlib.stores"}, {"ecomlib.panel"}),
        (
            "from ecomlib.models.gru import GRUNetwork",
            {"ecomlib.models", "ecomlib.models.gru"},
            {"ecomlib.models.lstm"},
        ),
        ("from ecomlib.models import gru", {"ecomlib.models.gru"}, {"ecomlib.models.lstm"}),
        ("def f():\n    from ecomlib.models import gru", {"ecomlib.models.gru"}, set()),
        ('KINDS = {"gru": "ecomlib.models.gru:GRUNetwork"}', {"ecomlib.models.gru"}, {"ecomlib.models.lstm"}),
        ('run([python, "-m", "ecomlib.serving.live.serve"])', {"ecomlib.serving.live.serve"}, {"ecomlib.cli"}),
        ('HOUSE = "ecomlib.models"', {"ecomlib.models.gru", "ecomlib.models.lstm"}, {"ecomlib.panel"}),
        ('resources.files("ecomlib.models")', set(), {"ecomlib.models.gru"}),
        ('"See ecomlib.models.gru for more"', set(), {"ecomlib.models.gru"}),
        ("x = (", set(), {"ecomlib"}),
    ],
)
def test_a_piece_of_code_names_its_modules(source: str, named: set[str], not_named: set[str]) -> None:
    found = reach.mentioned(source)
    assert named <= found and not not_named & found


@pytest.fixture(scope="module")
def preprocessing() -> Any:
    return lessons.read(ROOT / "notebooks" / "01_preprocessing.ipynb")


def test_a_change_in_the_service_makes_no_lesson_of_preprocessing_stale(
    preprocessing: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = reach.imports_hash(preprocessing, "01")
    changed = tmp_path / "changed.py"
    for name, stale in (
        ("ecomlib.serving.live.app", False),
        ("ecomlib.cli.main", False),
        ("ecomlib.course.setup_cell", False),
        ("ecomlib.course.exercises.lesson_05", False),
        ("ecomlib.course.exercises.lesson_01", True),
        ("ecomlib.panel", True),
        ("ecomlib.errors", True),  # it names none of these: others do
    ):
        changed.write_text(reach.modules()[name].read_text(encoding="utf-8") + "\n# more\n", encoding="utf-8")
        files = {**reach.modules(), name: changed}
        with monkeypatch.context() as patch:
            patch.setattr(reach, "modules", lambda files=files: files)
            assert (reach.imports_hash(preprocessing, "01") != before) == stale, name
    assert reach.imports_hash(preprocessing, "01", ["ecomlib.cli.main"]) != before, "what a run has loaded counts"
    assert reach.loaded_beyond(preprocessing, "01", ["ecomlib.panel", "ecomlib.cli.main", "numpy"]) == [
        "ecomlib.cli.main"
    ]


def test_a_recorded_table_counts_as_imported(preprocessing: Any) -> None:
    nb = copy.deepcopy(preprocessing)
    nb.cells.append(toy_lesson.code("# of this one"))
    before = reach.imports_hash(nb, "01")
    nb.cells[-1].source = 'recorded("accuracy_w")'
    assert (ROOT / "ecomlib" / "recorded" / "accuracy_w.parquet").is_file() and reach.imports_hash(nb, "01") != before


@pytest.mark.parametrize("number", ["07"])
def test_what_a_lessons_imports_load_is_within_its_reach(number: str) -> None:
    entry = syllabus.lesson(number)
    assert entry is not None
    nb = lessons.read(ROOT / "notebooks" / entry.file)
    imports = "\n".join(
        line
        for cell in nb.cells
        if cell.cell_type == "code" and "setup" not in lessons.tags(cell)
        for node in ast.parse(cell.source).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for line in cell.source.splitlines()[node.lineno - 1 : node.end_lineno]
    )
    run = subprocess.run([sys.executable, "-c", f"{imports}\n{reach.PROBE}"], capture_output=True, text=True, cwd=ROOT)
    loaded = run.stdout.split()
    assert len(loaded) > 20, run.stderr
    assert reach.loaded_beyond(nb, number, loaded) == []


# nbval asks the guard.


@pytest.mark.slow
def test_nbval_fails_on_a_forged_output(tmp_path: Path, shown: list[Any]) -> None:
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "tests" / "golden").mkdir(parents=True)
    shutil.copy(ROOT / "notebooks" / "conftest.py", tmp_path / "notebooks")
    source = 'from ecomlib.course import publish\n\npublish("answer", "It saves 3,114 a week.", title="What?")'
    publish("answer", "It saves 3,114 a week.", title="What?")
    publish("answer", "It saves 9,114 a week.", title="What?")
    spec = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    nb = nbformat.v4.new_notebook(metadata={"kernelspec": spec})
    for n, output in enumerate(shown, start=1):
        nb.cells.append(nbformat.v4.new_code_cell(source, id=f"cell-{n}", execution_count=n, outputs=[output]))
    assert guard.forged(nb) == [], "only a run can tell"
    nbformat.write(nb, tmp_path / "notebooks" / "90_toy.ipynb")
    table = published.table(published.numbers(nb, "90")).assign(tolerance=0.5, runs=2)
    table.to_csv(tmp_path / "tests" / "golden" / "published.csv", index=False)
    command = [sys.executable, "-m", "pytest", "-q", "--nbval-lax", "-p", "no:cacheprovider"]
    run = subprocess.run(
        [*command, "--rootdir", str(tmp_path), "notebooks/90_toy.ipynb"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert "1 failed, 1 passed" in run.stdout, run.stdout + run.stderr
    assert "text 1: 3114 instead of 9114 ± 0.5" in run.stdout


def test_what_was_printed_in_pieces_is_one_thing() -> None:
    def out(text: str, name: str = "stdout") -> dict[str, Any]:
        return {"output_type": "stream", "name": name, "text": text}

    whole, pieces = ({"outputs": outputs} for outputs in ([out("a\nb\n")], [out("a\n"), out("b\n")]))
    assert published.unmarked(pieces) == published.unmarked(whole) == [out("a\nb\n")]
    table = {"output_type": "display_data", "data": {"text/plain": "t"}, "metadata": {}}
    apart = {"outputs": [out("a\n"), table, out("b\n"), out("!", "stderr"), out("c\n")]}
    assert [published.said_text(one) for one in published.unmarked(apart)] == ["a\n", "t", "b\n", "c\n"]
