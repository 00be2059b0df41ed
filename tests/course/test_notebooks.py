"""Rules that every committed lesson keeps; that each rule bites; and ``make notebooks`` on toy lessons."""

from __future__ import annotations

import ast
import base64
import copy
import io
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
import toy_lesson

from ecomlib import recorded
from ecomlib.course import exercises, lessons, reach, setup_cell, syllabus
from ecomlib.course.authoring import execute, guard, lint
from ecomlib.course.publishing import table_html
from ecomlib.course.running import report
from ecomlib.errors import MissingDependencyError
from ecomlib.files import write_whole

ROOT = Path(__file__).resolve().parents[2]
COMMITTED = sorted((ROOT / "notebooks").glob("*.ipynb"))
TOY = syllabus.Lesson("90", "Toy", "Why?", "90_toy.ipynb", ("What we publish", "What may fail"))
POINTER = re.compile(r"\blesson\s+(\d\d[a-z]?)(?:,\s+section\s+(\d+))?")


@pytest.fixture
def toy_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exercises, "__path__", [*exercises.__path__, str(toy_lesson.CHECKS)])


# Tables of WAPE without a bias: a lesson, a column that tells the table, and why there is none.
WITHOUT_BIAS = {
    ("00", "store"): "the recorded second part holds none",
    ("04", "store"): "the recorded second part holds none",
    ("06", "in all"): "the recorded second part holds none",
    ("06", "prevented"): "the recorded run on other stores holds none",
    ("08", "parity"): "the recorded second part holds none",
    ("04", "change"): "the recorded ladder and the recorded questions hold none",
    ("04", "against LightGBM (absolute error)"): "the recorded scoring under protocol W holds none",
    ("04c", "sd of trainings"): "the recorded run on other stores holds none",
    ("04c", "fracast against it"): "the recorded scoring under protocol Z holds none",
    ("04b", "precision"): "one network at several precisions",
    ("06", "attack on the rounding shop"): "attacks on one network",
    ("06", "mistakes a week"): "attacks on one network",
    ("08", "kB"): "one network in three forms",
    ("08", "which"): "three weeks of one service",
}
HEADING = re.compile(r'<th(?: scope="col"[^>]*)?>(.*?)</th>')


def tables_without_bias(nb: Any, number: str) -> list[str]:
    """Tables of several rows that a lesson shows with a column of WAPE and none of bias, exceptions left out.

    Of the course's results table only this lesson's own rows are looked at: the others are of the last full run.
    """
    found = []
    for output in (output for cell in nb.cells for output in cell.get("outputs", [])):
        mark = output.get("metadata", {}).get("ecomlib", {})
        text = "".join(output.get("data", {}).get("text/html", ""))
        heads = HEADING.findall(text.partition("</thead>")[0])
        if mark.get("kind") == "results":
            own = [row for row in mark["rows"] if row.get("wape") is not None]
            found += [mark["title"]] if len(own) > 1 and any(row.get("bias") is None for row in own) else []
        elif any(head.lower().startswith("wape") for head in heads) and text.count("<tr") > 2:
            excused = any((number, head) in WITHOUT_BIAS for head in heads)
            found += [] if excused or any("bias" in head for head in heads) else [" | ".join(heads)]
    return found


# The committed lessons.


def test_every_lesson_is_planned() -> None:
    assert {p.name for p in COMMITTED} <= {entry.file for entry in syllabus.LESSONS}


@pytest.mark.parametrize("path", COMMITTED, ids=lambda p: p.stem)
def test_a_committed_lesson_keeps_the_rules(path: Path) -> None:
    number = path.name.partition("_")[0]
    assert lint.complaints(lessons.read(path), number) == []


@pytest.mark.parametrize("path", COMMITTED, ids=lambda p: p.stem)
def test_bias_stands_beside_wape(path: Path) -> None:
    assert tables_without_bias(lessons.read(path), path.name.partition("_")[0]) == []


def test_a_table_of_wape_alone_is_found() -> None:
    def shown(*heads: str, lines: int = 2, **mark: Any) -> Any:
        frame = pd.DataFrame([dict.fromkeys(heads, 0.5)] * lines)
        output = nbformat.v4.new_output("display_data", {"text/html": table_html(frame, "A title")})
        output["metadata"] = {"ecomlib": {"kind": "plain", **mark}}
        return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("", outputs=[output])])

    assert tables_without_bias(shown("model", "WAPE on sales"), "00") == ["model | WAPE on sales"]
    assert tables_without_bias(shown("model", "wape", "bias"), "00") == []
    assert tables_without_bias(shown("model", "WAPE", lines=1), "00") == [], "one model is no comparison"
    assert tables_without_bias(shown("precision", "WAPE"), "04b") == [], "an exception"
    rows = [{"model": "a", "wape": 0.5}, {"model": "b", "wape": 0.4, "bias": 0.0}]
    assert tables_without_bias(shown("model", "wape", "bias", kind="results", title="T", rows=rows), "00") == ["T"]


def test_recorded_verdicts_say_by_how_little_and_count_equal_errors_for_neither(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    weeks = pd.date_range("2024-01-01", periods=8, freq="7D")
    shared = {"kind": "network", "seconds": 1.0}
    rows = []
    for name, each in {"peer": [0.5] * 8, "near": [0.498] * 8, "far": [0.6] * 5 + [0.5] * 3}.items():
        kind = {"kind": "peer"} if name == "peer" else {}
        total = {"model": name, "metric": "wape", "value": 0.5, "low": 0.4, "high": 0.6, "bias": -0.25}
        rows += [shared | total | kind]
        rows += [
            shared | {"model": name, "metric": "wape", "cutoff": week, "value": value} | kind
            for week, value in zip(weeks, each, strict=True)
        ]
    for name, (value, low, high), wins in (("near", (-0.004, -0.006, -0.002), 8), ("far", (0.1, 0.05, 0.2), 0)):
        verdict = {"rival": "peer", "value": value, "low": low, "high": high, "wins": wins}
        rows.append(shared | verdict | {"model": name, "metric": "wape_against_best_peer"})
    monkeypatch.setattr(recorded, "names", lambda: ["accuracy_w"])
    monkeypatch.setattr(recorded, "recorded", lambda name: pd.DataFrame(rows))
    monkeypatch.setattr(recorded, "caption", lambda table: "")
    page = report.recorded_protocol()
    assert "near (network) against peer: <b>better by less than matters</b>" in page
    assert "far (network) against peer: <b>undecided</b>" in page, "behind at 5 of 8, level at 3: no 6 agree"
    assert ">bias</th>" in page


@pytest.mark.parametrize("path", COMMITTED, ids=lambda p: p.stem)
def test_a_committed_lesson_was_executed_as_it_stands(path: Path) -> None:
    number = path.name.partition("_")[0]
    command = f"python -m ecomlib.course.authoring.execute {number}"
    mend = f"{path.name} has changed since it was executed. Mend it with: {command}"
    assert not execute.is_stale(lessons.read(path)), mend


@pytest.mark.parametrize("path", COMMITTED, ids=lambda p: p.stem)
def test_a_committed_lesson_shows_stub_and_success(path: Path) -> None:
    for cell in lessons.read(path).cells:
        if "check" in lessons.tags(cell):
            assert any("Not filled in yet" in text for text in lint.output_texts(cell))
        if "solution" in lessons.tags(cell):
            assert any("✓ Right" in text for text in lint.output_texts(cell))


@pytest.mark.parametrize("path", COMMITTED, ids=lambda p: p.stem)
def test_a_committed_lesson_publishes_its_answer(path: Path) -> None:
    kinds = [m.kind for m in report.marks(lessons.read(path))]
    assert kinds.count("answer") == 1
    assert "results" in kinds


@pytest.mark.parametrize("path", COMMITTED, ids=lambda p: p.stem)
def test_the_committed_outputs_are_what_a_run_has_written(path: Path) -> None:
    nb = lessons.read(path)
    assert guard.forged(nb) == []
    noted = nb.metadata.ecomlib
    if "code_sha256" in noted:  # executed since outputs have a hash of their own
        assert noted.outputs_sha256 == lessons.outputs_hash(nb), "an output was changed by hand; execute the lesson"


def docstrings() -> list[tuple[str, str]]:
    """Name and text of every docstring in the package."""
    found = []
    for path in sorted((ROOT / "ecomlib").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (text := ast.get_docstring(node)):
                found.append((f"{path.relative_to(ROOT)}:{getattr(node, 'name', 'module')}", text))
    return found


def test_the_pointers_from_docstrings_lead_somewhere() -> None:
    lost, followed = [], 0
    for place, text in docstrings():
        if place.startswith("ecomlib/course/"):
            continue
        for number, section in POINTER.findall(text):
            followed += 1
            planned = syllabus.lesson(number)
            if planned is None or (section and int(section) > len(planned.sections)):
                lost.append(f"{place}: lesson {number}, section {section}")
            elif section and (ROOT / "notebooks" / planned.file).exists():
                there = {s.number for s in lessons.sections(lessons.read(ROOT / "notebooks" / planned.file))}
                if int(section) not in there:
                    lost.append(f"{place}: the notebook of lesson {number} has no section {section}")
    assert followed and lost == []


# Each rule bites.


def test_the_toy_lesson_keeps_the_rules_of_sources(toy_checks: None) -> None:
    assert lint.complaints(toy_lesson.lesson(), "90", outputs=False) == []


def change(index: int, **fields: Any) -> Callable[[Any], None]:
    def apply(nb: Any) -> None:
        for name, value in fields.items():
            setattr(nb.cells[index], name, value)

    return apply


def tagged(nb: Any, tag: str) -> Any:
    return next(c for c in nb.cells if tag in lessons.tags(c))


def replace(tag: str, old: str, new: str) -> Callable[[Any], None]:
    def apply(nb: Any) -> None:
        cell = tagged(nb, tag)
        assert old in cell.source
        cell.source = cell.source.replace(old, new)

    return apply


def more(source: str, *tags: str, times: int = 1) -> Callable[[Any], None]:
    def apply(nb: Any) -> None:
        for n in range(times):
            cell = toy_lesson.code(source, *tags)
            cell["id"] = f"more-{n}"
            nb.cells.insert(7, cell)

    return apply


SOURCES = [
    (change(0, source="# Toy"), "first cell starts with"),
    (change(0, source="# 90 · Toy"), "badge's marks"),
    (change(1, source="import ecomlib"), "set-up cell differs"),
    (change(1, metadata={}), "one cell has the tag setup"),
    (change(2, source="SEED = 1 + 1"), "literals to names in capitals, not 'SEED = 1 + 1'"),
    (change(2, source="seed = 1"), "names in capitals"),
    (change(2, source="print(1)"), "names in capitals"),
    (change(3, source="## 4 · Wrong number *(build)*"), "sections are numbered"),
    (change(3, source="## 1 · No kind"), "says its kind"),
    (
        change(3, source="## 1 · A *(build)*\n\n## 2 · B *(build)*\n\n## 3 · C *(build)*"),
        "sections 1 to 3 are all 'build'",
    ),
    (change(6, source="x = ("), "does not parse"),
    (change(6, source="raise ValueError"), "raises on purpose"),
    (change(6, source="import warnings\nwarnings.filterwarnings('ignore')"), "no blanket warning filter"),
    (change(6, source="!pip install x"), "!pip stands in the set-up cell only"),
    (change(6, source="clear_output()"), "clear_output"),
    (change(6, source="pd.read_csv('shop.csv')"), "no relative data paths"),
    (change(6, source="np.random.seed(0)"), "no global seeds"),
    (change(6, id="cell-01"), "id of its own"),
    (more("x = 1", times=80), "cells besides exercises; at most 80"),
    (lambda nb: nb.metadata["kernelspec"].update(name="conda"), "the kernel is called python3"),
    (replace("check", 'check("90.double", double)', 'x = 1\ncheck("90.double", double)'), "is one line: check"),
    (replace("check", "90.double", "90.treble"), "'90.treble' is not declared"),
    (replace("check", "90.double", "90.treble"), "does not have: ['90.double']"),
    (replace("solution", "# @title Solution", "# Solution"), "starts with '# @title Solution"),
    (replace("solution", 'check("90.double", double_solution)', ""), 'ends with check("90.double", double_solution)'),
    (lambda nb: tagged(nb, "solution").metadata.pop("jupyter"), "source is hidden"),
    (lambda nb: nb.cells.remove(tagged(nb, "task")), "around a stub stand"),
    (change(6, source="print(double(2))"), "uses a name of the exercise '90.double'"),
    (replace("quiz", "**Question 1.**", "One."), "the quiz has questions"),
    (lambda nb: nb.cells.remove(tagged(nb, "quiz")), "there is no quiz"),
]


@pytest.mark.parametrize(("spoil", "said"), SOURCES, ids=[said[:40] for _, said in SOURCES])
def test_a_rule_for_sources_bites(spoil: Callable[[Any], None], said: str, toy_checks: None) -> None:
    nb = toy_lesson.lesson()
    spoil(nb)
    found = lint.complaints(nb, "90", outputs=False)
    assert any(said in complaint for complaint in found), found


def executed_toy() -> Any:
    """The toy lesson as if it had been executed."""
    nb = toy_lesson.lesson()
    for n, cell in enumerate(c for c in nb.cells if c.cell_type == "code"):
        cell.execution_count = n + 1
        cell.outputs = [] if "setup" in lessons.tags(cell) else [stream("✓ Right.\n")]
    return nb


def test_the_executed_toy_keeps_all_rules(toy_checks: None) -> None:
    assert lint.complaints(executed_toy(), "90") == []


def picture(**metadata: Any) -> Any:
    data = {"image/png": base64.b64encode(b"\x89PNG").decode()}
    return nbformat.v4.new_output("display_data", data=data, metadata=metadata)


def stream(text: str, name: str = "stdout") -> Any:
    return nbformat.v4.new_output("stream", name=name, text=text)


OUTPUTS = [
    (change(6, execution_count=7), "execution counts"),
    (change(6, outputs=[nbformat.v4.new_output("error", ename="E", evalue="", traceback=[])]), "ended in an error"),
    (change(6, outputs=[stream("FutureWarning: x", "stderr")]), "wrote to stderr: FutureWarning"),
    (change(6, outputs=[stream(f"read {Path.home()}/x")]), "path of the machine"),
    (change(6, outputs=[stream("read /home/ann/x")]), "path of the machine"),
    (change(6, outputs=[stream("<Model at 0x7f3a5c0d>")]), "object's address"),
    (change(6, outputs=[stream(" 50%|#####     | 1/2")]), "progress bar"),
    (change(6, outputs=[picture()]), "no alt text"),
    (change(6, outputs=[picture(**{"image/png": {"alt": "A line that rises"}})] * 9), "9 figures; at most 8"),
    (change(6, outputs=[stream("x" * 1_600_000)]), "MB; at most 1.5"),
    (lambda nb: setattr(tagged(nb, "setup"), "outputs", [stream("[]")]), "set-up cell shows something"),
    (lambda nb: setattr(tagged(nb, "solution"), "outputs", []), "does not pass its own check"),
]


@pytest.mark.parametrize(("spoil", "said"), OUTPUTS, ids=[said[:40] for _, said in OUTPUTS])
def test_a_rule_for_outputs_bites(spoil: Callable[[Any], None], said: str, toy_checks: None) -> None:
    nb = executed_toy()
    spoil(nb)
    found = lint.complaints(nb, "90")
    assert any(said in complaint for complaint in found), found


def test_the_section_number_and_kind_are_read_from_the_heading() -> None:
    found = lessons.sections(toy_lesson.lesson())
    assert [(s.number, s.title, s.kind) for s in found] == [
        (1, "What we publish", "build"),
        (2, "What may fail", "diagnose"),
        (None, "Quiz", None),
    ]


# ``make notebooks``.


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, toy_checks: None) -> Path:
    """A checkout with one toy lesson and a README, as working folder."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "ecomlib"\n', encoding="utf-8")
    (tmp_path / "README.md").write_text(
        "# A\n<!-- lessons:start -->\nold\n<!-- lessons:end -->\nend\n", encoding="utf-8"
    )
    toy_lesson.write(tmp_path / "notebooks")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(syllabus, "LESSONS", (*syllabus.LESSONS[:1], TOY))
    return tmp_path


def test_make_notebooks_executes_and_notes_what_it_did(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = project / "notebooks" / "90_toy.ipynb"
    nb = lessons.read(path)
    nb.cells[1].source = "an old set-up cell"
    nbformat.write(nb, path)
    ids = [c.id for c in nb.cells]
    assert execute.is_stale(lessons.read(path))

    assert execute.main(["90"]) == 0, capsys.readouterr().err
    made = lessons.read(path)
    assert [c.id for c in made.cells] == ids
    assert made.cells[1].source == setup_cell.text()
    assert lint.complaints(made, "90") == []
    assert not execute.is_stale(made)
    noted = dict(made.metadata.ecomlib)
    assert 0 < noted.pop("seconds") < 100
    assert noted == {
        "code_sha256": lessons.code_hash(made),
        "text_sha256": lessons.text_hash(made),
        "outputs_sha256": lessons.outputs_hash(made),
        "imports_sha256": reach.imports_hash(made, "90"),
    }, "and nothing was loaded that the code does not show"
    board = (project / execute.RESULTS).read_text(encoding="utf-8").splitlines()
    assert board[0].startswith("lesson,store,model") and board[1].startswith("90,simulated,naive,peer,0.5")
    readme = (project / "README.md").read_text(encoding="utf-8")
    row = r"\| \[90 · Toy\]\(notebooks/90_toy.ipynb\) \| Why\? \| 5 min \+ 15 min of exercises \| \d+ s \|"
    assert re.search(row, readme)
    assert "| 00 · Quickstart | What shall we order on Monday? |  | not yet |" in readme
    assert readme.index("00 · Quickstart") < readme.index("**On the shelf**") < readme.index("90 · Toy")
    assert readme.startswith("# A\n") and readme.endswith("end\n") and "old" not in readme

    # The same pixels in other bytes: the second run keeps the old picture.
    from PIL import Image

    cell = next(c for c in made.cells for o in c.get("outputs", []) if "image/png" in o.get("data", {}))
    output = next(o for o in cell.outputs if "image/png" in o.data)
    buffer = io.BytesIO()
    Image.open(io.BytesIO(base64.b64decode(output.data["image/png"]))).save(buffer, "PNG", compress_level=1)
    other = base64.b64encode(buffer.getvalue()).decode()
    assert other != output.data["image/png"]
    output.data["image/png"] = other
    nbformat.write(made, path)
    assert execute.main(["90"]) == 0
    assert other in path.read_text(encoding="utf-8")

    # A change of the author makes it stale, an execution count does not.
    made.cells[6].source += "\n"
    assert execute.is_stale(made)

    # Nothing has changed: nothing runs. A change of what it imports is seen, and so is one of its code.
    monkeypatch.setattr(execute, "execute", lambda *_: pytest.fail("a lesson was executed"))
    assert execute.main(["90", "--stale"]) == 0
    assert "neither its code nor what it imports" in capsys.readouterr().out
    monkeypatch.setattr(reach, "imports_hash", lambda *_: "another")
    assert execute.main(["90", "--check"]) == 0
    assert "fine, but what it imports has changed since it was executed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ("import sys\n\nprint('careful', file=sys.stderr)", "wrote to stderr: careful"),
        ("from pathlib import Path\n\nprint(Path.cwd())", "path of the machine"),
        ("1 / 0", "A cell failed: ZeroDivisionError"),
        ("object()", "object's address"),
    ],
)
def test_make_notebooks_refuses_and_leaves_the_file_as_it_was(
    project: Path, capsys: pytest.CaptureFixture[str], extra: str, said: str
) -> None:
    path = toy_lesson.write(project / "notebooks", extra=extra)
    before = path.read_bytes()
    assert execute.main([]) == 1
    assert said in capsys.readouterr().err
    assert path.read_bytes() == before
    assert not list(path.parent.glob(".*"))


@pytest.mark.parametrize("options", [[], ["99"], ["--check"]])
def test_a_lesson_without_a_line_in_the_syllabus_is_refused_before_anything_runs(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    toy_lesson.write(project / "notebooks", "99_unplanned.ipynb")
    monkeypatch.setattr(execute, "execute", lambda *_: pytest.fail("a lesson was executed"))
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    assert execute.main(options) == 1
    said = capsys.readouterr().err
    assert "99_unplanned.ipynb is not in the syllabus" in said and "ecomlib/course/entries" in said
    assert {path: path.read_bytes() for path in project.rglob("*") if path.is_file()} == before


def test_results_come_from_planned_lessons_only(project: Path) -> None:
    for number, name in (("90", "90_toy.ipynb"), ("99", "99_unplanned.ipynb")):
        nb = executed_toy()
        mark = {"kind": "results", "title": "", "rows": [{"lesson": number, "store": "simulated", "model": "naive"}]}
        nb.cells[4].outputs = [nbformat.v4.new_output("display_data", metadata={"ecomlib": mark})]
        nbformat.write(nb, project / "notebooks" / name)
    execute.update_results(project)
    rows = (project / execute.RESULTS).read_text(encoding="utf-8").splitlines()[1:]
    assert len(rows) == 1 and rows[0].startswith("90,")


def test_a_check_looks_at_the_source_only(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (project / "notebooks" / "90_toy.ipynb").read_bytes()
    assert execute.main(["--check"]) == 0
    assert "fine, but changed since it was executed" in capsys.readouterr().out
    toy_lesson.write(project / "notebooks", extra="raise ValueError")
    assert execute.main(["--check", "90"]) == 1
    assert "raises on purpose" in capsys.readouterr().err
    assert (project / "notebooks" / "90_toy.ipynb").read_bytes() != before


def test_pictures_that_differ_get_their_new_bytes() -> None:
    from matplotlib.figure import Figure

    from ecomlib.course.publishing import _figure_png

    figures = [Figure(figsize=(1, 1)) for _ in range(2)]
    figures[1].subplots()
    first, second = map(_figure_png, figures)
    assert execute.same_pixels(first, first) and not execute.same_pixels(first, second)
    old, new = executed_toy(), executed_toy()
    for nb, png in ((old, first), (new, second)):
        nb.cells[6].outputs = [nbformat.v4.new_output("display_data", data={"image/png": png})]
    execute.keep_pictures(new, old)
    assert new.cells[6].outputs[0].data["image/png"] == second


def test_the_source_hash_is_of_what_the_author_wrote() -> None:
    first, second = toy_lesson.lesson(), executed_toy()
    assert lessons.source_hash(first) == lessons.source_hash(second)
    badge = copy.deepcopy(first)
    badge.cells[0].source = badge.cells[0].source.replace("--><!--", "-->[x](y)<!--")
    badge.cells[1].source = setup_cell.text("owner/name")
    assert lessons.source_hash(badge) == lessons.source_hash(first)
    second.cells[2].metadata["tags"] = []
    assert lessons.source_hash(second) != lessons.source_hash(first)


def test_outside_a_checkout_nothing_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert execute.main([]) == 1
    assert "no checkout" in capsys.readouterr().err


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_whole(tmp_path / "a" / "x.txt", "old")

    def fail(source: object, target: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("ecomlib.files.os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_whole(tmp_path / "a" / "x.txt", "new")
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["x.txt"]
    assert (tmp_path / "a" / "x.txt").read_text(encoding="utf-8") == "old"


def test_a_missing_library_is_named_with_its_remedy() -> None:
    with pytest.raises(MissingDependencyError, match='python -m pip install "no_such_library_90"'):
        lessons.library("no_such_library_90.part")


def test_only_the_one_needless_warning_is_kept_off_the_pages() -> None:
    code = "import ecomlib.course, warnings\nwarnings.warn('IProgress not found. Update')\nwarnings.warn('another')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "another" in done.stderr and "IProgress" not in done.stderr
