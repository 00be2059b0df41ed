"""``ecomlib run`` on toy lessons: what it writes, how it fails, and that a kill leaves nothing behind."""

from __future__ import annotations

import html
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pandas as pd
import pytest
import toy_lesson
from systems import posix
from typer.testing import CliRunner

from ecomlib.cli.main import app
from ecomlib.course import lessons, publishing
from ecomlib.course.running import report
from ecomlib.course.running.run import Display, RunSettings, excerpt, plan_parameters, run_lessons
from ecomlib.errors import LessonError

pytest.importorskip("papermill")


def checkout(root: Path) -> Path:
    """A folder that looks like this project's checkout."""
    (root / "notebooks").mkdir(parents=True)
    (root / "pyproject.toml").write_text('[project]\nname = "ecomlib"\n', encoding="utf-8")
    return root / "notebooks"


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, object]:
    """A checkout with a good lesson and, before it, a failing one; both were run, two at a time."""
    root = tmp_path_factory.mktemp("two")
    where = checkout(root)
    toy_lesson.write(where, "90_toy.ipynb", exercise=False)
    toy_lesson.write(
        where, "89_bad.ipynb", exercise=False, extra="x = 1\ny = 2\nframe = {'units': 1}\n\nframe['nope']\nz = 3"
    )
    before = Path.cwd()
    os.chdir(root)
    try:
        run = CliRunner().invoke(app, ["run", "--size", "tiny", "--seed", "7", "--jobs", "2"])
    finally:
        os.chdir(before)
    return root, run


def test_a_failing_lesson_is_shown_and_the_others_go_on(two: tuple[Path, object]) -> None:
    root, run = two
    assert run.exit_code == 1
    assert "Report: build/report.html" in run.stdout
    failure = run.stderr[run.stderr.index("✗ 89") :]
    assert "section '2 · What may fail', cell 7" in failure
    assert "    > frame['nope']\n" in failure and "KeyError: 'nope'" in failure
    assert "x = 1" not in failure and "frame = {'units': 1}" in failure
    assert "Traceback" not in run.stderr
    assert re.search(r"✓ 90 Toy: \d+\.\d s", run.stderr)
    assert {p.name for p in (root / "build" / "executed").iterdir()} == {"89_bad.ipynb", "90_toy.ipynb"}


def test_an_error_without_a_line_shows_the_start_of_its_cell() -> None:
    assert excerpt("a\nb\nc\nd\ne", ["SyntaxError: no arrow here"]) == "  a\n  b\n  c\n  d"
    frames = ["File lib.py:9", "----> 1 raise KeyError", "Cell In[3], line 2", "\x1b[32m----> 2\x1b[0m b", "---> 99 c"]
    assert excerpt("a\nb", frames) == "  a\n> b"


def test_progress_names_lesson_and_section(two: tuple[Path, object]) -> None:
    lines = two[1].stderr.splitlines()
    assert "  90 Toy · 1 · What we publish" in lines
    assert "  90 Toy · 2 · What may fail" in lines


def test_parameters_are_injected_where_the_notebook_has_them(two: tuple[Path, object]) -> None:
    notebook = nbformat.read(two[0] / "build" / "executed" / "90_toy.ipynb", as_version=4)
    injected = next(c for c in notebook.cells if "injected-parameters" in c.metadata.get("tags", []))
    assert "SEED = 7" in injected.source and 'SIZE = "tiny"' in injected.source
    answers = [m.text for m in report.marks(notebook) if m.kind == "answer"]
    assert answers == ["Order 7 mugs."]


def test_the_report_stands_alone_and_can_be_read_by_everyone(two: tuple[Path, object]) -> None:
    page = (two[0] / "build" / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"(src|href)=[\"']?(https?:)?//", page) and "@import" not in page and "url(" not in page
    images = re.findall(r"<img [^>]*>", page)
    assert images and all('src="data:image/png;base64,' in i and re.search(r'alt="[^"]{5,}"', i) for i in images)
    assert 'lang="en"' in page and "viewport" in page and "prefers-color-scheme" in page
    assert "Order 7 mugs." in page and "1 of 2 lessons passed" in page
    assert 'href="executed/90_toy.ipynb"' in page
    assert "KeyError: &#x27;nope&#x27;" in page
    for part in ("The map", "The leaderboard", "Times", "Versions", "scikit-learn"):
        assert part in page


def test_the_leaderboard_holds_the_rows_that_lessons_added(two: tuple[Path, object]) -> None:
    board = pd.read_csv(two[0] / "build" / "leaderboard.csv", dtype={"lesson": str})
    assert list(board.columns[: len(publishing.FIRST_COLUMNS)]) == list(publishing.FIRST_COLUMNS)
    good = board[board["lesson"] == "90"]
    assert good["model"].tolist()[0] == "naive" and good["wape"].tolist()[0] == 0.5


REFUSALS = {
    "**This shop cannot take part here.** There are no windows.": "There are no windows",
    "shop cannot take part: an elasticity needs at least ten products.": "an elasticity needs at least ten products",
    "**shop:** 20 days of 2 regions are too few for this lesson.": "20 days of 2 regions are too few for this lesson",
}


@pytest.mark.parametrize(("said", "why"), REFUSALS.items())
def test_a_shop_that_did_not_take_part_is_said_to(
    said: str, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = f"from IPython.display import Markdown, display\n\ndisplay(Markdown({said!r}))"
    toy_lesson.write(tmp_path / "n", exercise=False, extra=lines)
    (run,) = run_lessons(settings=RunSettings(out=tmp_path / "out"), where=tmp_path / "n")
    assert run.passed and run.absent == why
    assert f"(your shop did not take part: {why})" in capsys.readouterr().err
    assert f"Your shop did not take part: {why}." in html.unescape(
        (tmp_path / "out" / "report.html").read_text("utf-8")
    )


def test_a_shop_that_took_part_is_not_said_to_have_missed_it(two: tuple[Path, object]) -> None:
    assert "take part" not in two[1].stderr
    assert "take part" not in (two[0] / "build" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["run", "77"], "There is no lesson 77 yet. There are: 90."),
        (["run", "x"], "'x' is not a lesson's number"),
        (["run", "90", "--size", "huge"], "There is no size 'huge'. Sizes are tiny, small, full."),
        (["run", "90", "--store", "my_shop"], "this is neither the name of a store nor a folder (found 'my_shop')"),
        (
            ["run", "90", "--set", "COLOUR=red"],
            "No chosen lesson has the parameter COLOUR. Parameters by lesson: 90: SIZE",
        ),
        (["run", "90", "--set", "COLOUR"], "--set needs NAME=VALUE"),
    ],
)
def test_a_wrong_command_is_answered_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], said: str
) -> None:
    toy_lesson.write(checkout(tmp_path), exercise=False)
    monkeypatch.chdir(tmp_path)
    run = CliRunner().invoke(app, options)
    assert run.exit_code == 1
    assert said in run.stderr
    assert "Traceback" not in run.output
    assert not (tmp_path / "build" / "report.html").exists()


def test_a_parameter_goes_only_to_lessons_that_have_it(tmp_path: Path) -> None:
    notebook = toy_lesson.lesson(exercise=False)
    notebook.cells[2].source = "SEED = 3"
    nbformat.write(notebook, tmp_path / "91_seed.ipynb")
    toy_lesson.write(tmp_path, exercise=False)
    chosen = lessons.choose(tmp_path)
    given = plan_parameters(chosen, {"SEED": 1, "SIZE": "tiny"})
    assert given == {"90": {"SEED": 1, "SIZE": "tiny"}, "91": {"SEED": 1}}
    with pytest.raises(LessonError, match="parameter SIZE"):
        plan_parameters(chosen[1:], {"SIZE": "tiny"})


def test_a_folder_as_store_is_handed_on_as_a_full_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop").mkdir()
    monkeypatch.chdir(tmp_path)
    assert RunSettings(store="shop").parameters() == {"STORE": str((tmp_path / "shop").resolve())}
    assert RunSettings(store="online_retail", seed=0).parameters() == {"STORE": "online_retail", "SEED": 0}


def test_a_dead_kernel_is_a_failure_like_any_other(tmp_path: Path) -> None:
    toy_lesson.write(tmp_path / "n", exercise=False, extra="import os\n\nos._exit(1)")
    runs = run_lessons(settings=RunSettings(out=tmp_path / "out"), where=tmp_path / "n")
    assert not runs[0].passed and "DeadKernelError" in runs[0].error
    assert "failed" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_a_killed_run_leaves_nothing_that_the_next_one_trips_over(tmp_path: Path) -> None:
    where = checkout(tmp_path)
    started = tmp_path / "started"
    slow = f"import pathlib, time\n\npathlib.Path({str(started)!r}).touch()\ntime.sleep(120)"
    toy_lesson.write(where, exercise=False, extra=slow)
    process = subprocess.Popen(
        [sys.executable, "-m", "ecomlib.cli", "run", "90"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(600):
            if started.exists():
                break
            assert process.poll() is None, "the run ended before its slow cell"
            time.sleep(0.1)
        # While it works, a second run into the same folder is turned away.
        with pytest.raises(LessonError, match="Another run is writing"):
            run_lessons(settings=RunSettings(out=tmp_path / "build"), where=where)
    finally:
        process.kill()
        process.wait()
    assert list((tmp_path / "build" / "executed").glob(".*.part.ipynb")), "the kill was meant to leave a torn file"
    toy_lesson.write(where, exercise=False)
    runs = run_lessons(settings=RunSettings(out=tmp_path / "build"), where=where)
    assert runs[0].passed
    assert [p.name for p in (tmp_path / "build" / "executed").iterdir()] == ["90_toy.ipynb"]
    assert not list((tmp_path / "build").glob(".*.part"))


@posix
def test_ctrl_c_stops_at_once(tmp_path: Path) -> None:
    where = checkout(tmp_path)
    started = tmp_path / "started"
    toy_lesson.write(
        where, exercise=False, extra=f"import pathlib, time\n\npathlib.Path({str(started)!r}).touch()\ntime.sleep(120)"
    )
    command = [sys.executable, "-m", "ecomlib.cli", "run"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for _ in range(600):
        if started.exists():
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "ecomlib: stopped." in said and "Traceback" not in said


def test_outside_a_checkout_the_lessons_are_copied_and_the_readers_files_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "package"
    toy_lesson.write(package / "lessons", exercise=False)
    toy_lesson.write(package / "lessons", "91_more.ipynb", exercise=False)
    monkeypatch.setattr(lessons.resources, "files", lambda name: package)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    said: list[str] = []
    where = lessons.folder(say=said.append)
    lessons.folder(say=said.append)
    assert where == work / "ecomlib-lessons"
    assert said == [f"The lessons are copied to {where}: they are yours from now on."]
    assert sorted(p.name for p in where.iterdir()) == ["90_toy.ipynb", "91_more.ipynb"]
    (where / "90_toy.ipynb").write_text("mine", encoding="utf-8")
    (where / "91_more.ipynb").unlink()
    lessons.folder()
    assert (where / "90_toy.ipynb").read_text(encoding="utf-8") == "mine"
    assert (where / "91_more.ipynb").exists()
    with pytest.raises(LessonError, match=r"90_toy.ipynb cannot be read as a notebook"):
        lessons.read(where / "90_toy.ipynb")


def test_in_a_checkout_its_own_notebooks_are_used(tmp_path: Path) -> None:
    where = checkout(tmp_path)
    (where / "deep").mkdir()
    assert lessons.folder(where / "deep") == where.resolve()
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "another"\n', encoding="utf-8")
    assert lessons.checkout(where) is None


def test_on_a_terminal_the_bar_names_lesson_and_section(tmp_path: Path) -> None:
    import io

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    display = Display(screen)
    lesson = lessons.LessonFile("90", "Toy", tmp_path)
    for cell in range(4):
        display(lesson, cell, 4, "1 · What we publish")
    display.bars["90"].refresh()
    assert "90 Toy · 1 · What we publish" in screen.getvalue()
    assert "4/4" in screen.getvalue()


def test_tables_escape_what_a_shop_calls_its_products() -> None:
    table = publishing.table_html(pd.DataFrame({"title": ["<script>alert(1)</script>"], "units": [1234.5]}), "A & B")
    assert "<script>" not in table and "&lt;script&gt;" in table and "A &amp; B" in table
    assert '<th scope="col"' in table and "<caption" in table and "1,234" in table


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([0.5623, 0.6, None], ["0.562", "0.600", ""]),
        ([12345.6, 0.0], ["12,346", "0"]),
        ([3.2, 10.25], ["3.2", "10.2"]),
        ([3, 1200], ["3", "1,200"]),
        (["mug", None], ["mug", ""]),
        ([True, False], ["True", "False"]),
        ([None, None], ["", ""]),
        ([float("nan")], [""]),
        (pd.array(["mug", None], dtype="string"), ["mug", ""]),
        (pd.array([3, None], dtype="Int64"), ["3", ""]),
    ],
)
def test_numbers_are_written_to_be_read(values: list[object], texts: list[str]) -> None:
    assert publishing.texts(pd.Series(values)) == texts


def test_publish_says_what_it_cannot_show() -> None:
    from matplotlib.figure import Figure

    with pytest.raises(LessonError, match="no alt text"):
        publishing.publish("map", Figure(), title="A map")
    with pytest.raises(LessonError, match="no kind 'poster'"):
        publishing.publish("poster", "x", title="y")  # type: ignore[arg-type]
    with pytest.raises(LessonError, match="one sentence"):
        publishing.publish("answer", "two\nlines", title="y")
    with pytest.raises(LessonError, match="is a int"):
        publishing.publish("map", 3, title="y")
    with pytest.raises(LessonError, match="needs a 'model'"):
        publishing.results_table("00", [{"wape": 0.5}])


def test_a_table_without_rows_is_read_back_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "assets").mkdir()
    empty = report.result_rows([])
    empty.to_csv(tmp_path / "assets" / "results.csv", index=False)
    monkeypatch.setattr(publishing.resources, "files", lambda name: tmp_path)
    assert publishing.recorded_results().empty
    assert list(publishing.recorded_results().columns) == list(publishing.FIRST_COLUMNS)
    publishing.results_table("00", [{"model": "naive", "wape": 0.5}])


def test_the_results_table_shows_the_best_of_the_two_lessons_before(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded = pd.DataFrame(
        {
            "lesson": ["00", "01", "01", "01", "02", "02b", "04"],
            "store": ["simulated"] * 7,
            "model": ["first", "worse", "second", "perfect", "third", "shelf", "later"],
            "kind": ["peer", "peer", "network", "floor", "network", "peer", "network"],
            "wape": [0.6, 0.6, 0.5, 0.1, 0.45, 0.2, 0.4],
        }
    )
    monkeypatch.setattr(publishing, "recorded_results", lambda: recorded)
    rows = [{"model": "new", "wape": 0.44, "bias": 0.0, "skill": 0.5, "money": 7.0, "a": 1.0, "left out": 2.0}]
    publishing.results_table("03", rows)
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("second", "third", "new", "money"))
    assert not any(name in shown for name in ("first", "worse", "perfect", "shelf", "later", "left out", "simulated"))
    publishing.results_table("03", [{"model": "new", "seconds": 1.0}])  # measures nothing that the others did
    assert "third" not in capsys.readouterr().out
    # A run of another size is another shop: nothing stands beside it.
    monkeypatch.setattr("IPython.core.getipython.get_ipython", lambda: SimpleNamespace(user_ns={"SIZE": "tiny"}))
    monkeypatch.setattr(publishing, "_show", lambda data, metadata: print(data["text/plain"]))
    publishing.results_table("03", [{"model": "new", "wape": 0.45}])
    shown = capsys.readouterr().out
    assert "new" in shown and "third" not in shown and "Size tiny" in shown


def test_the_report_opens_with_the_answers_that_matter_most_to_a_shop() -> None:
    def answer(text: str, *, real: bool = False) -> report.Mark:
        return report.Mark("answer", "What then?", "", text, [], {}, real)

    published = {
        "02": [answer("Two.")],
        "03": [answer("Three & more.")],
        "00": [answer("None."), answer("Own", real=True)],
    }
    page = report.page([], RunSettings(), published)
    first = page[page.index('id="first"') : page.index('id="lessons"')]
    assert first.index("None.") < first.index("Three &amp; more.") and "Two." not in first and "Own" not in first
    assert 'id="first"' not in report.page([], RunSettings(), {"02": [answer("Two.")]})
