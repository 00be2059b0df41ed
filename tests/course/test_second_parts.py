"""Every lesson, and its second part on a look-alike of the real shop, on a reader's smallest shop, on one too short.

One run proves both: on the look-alike the lesson is as its author left it, on the smallest shop as its learner has it,
with the solutions pasted in; unfilled, beside the recorded shop, in ``test_lessons_papermill.py``. All through
``ecomlib run`` at size tiny, without the publishers' data. Seconds are on one thread.
"""

from __future__ import annotations

import html
import os
from pathlib import Path

import lookalike
import nbformat
import pandas as pd
import pytest

from benchmarks.real_shop import second_parts
from ecomlib import load_store, recorded
from ecomlib.course import lessons, syllabus, workshop
from ecomlib.course.authoring import lint
from ecomlib.course.running import report
from ecomlib.course.running.run import RunSettings, run_lessons
from ecomlib.errors import LessonError
from ecomlib.files import write_whole
from ecomlib.recorded import upkeep

ROOT = Path(__file__).resolve().parents[2]
NUMBERS = [lesson.number for lesson in lessons.choose(ROOT / "notebooks")]
TINY_SECONDS = 25
# Machines that run tests are slower than a desk: more than this is a mistake, not a slow machine. They are also shared,
# so what counts is the processor's time; a wall clock is only asked whether a lesson waits for something.
PATIENCE, STANDSTILL = 3, 10

pytestmark = pytest.mark.slow


def processor_seconds() -> float:
    """Of all processes that this one has started and seen ending; kernels are among them. On Windows 0."""
    spent = os.times()
    return spent.children_user + spent.children_system


def second_rows(out: Path) -> pd.DataFrame:
    rows = pd.read_csv(out / "leaderboard.csv", dtype={"lesson": str})
    return rows[rows["store"] != "simulated"]


@pytest.mark.parametrize("number", NUMBERS)
def test_the_lesson_runs_and_reports_with_a_look_alike_of_the_real_shop(
    number: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECOMLIB_DATA_DIR", str(lookalike.write_all(tmp_path / "data")))
    settings, before = RunSettings(size="tiny", store="online_retail", out=tmp_path / "out"), processor_seconds()
    (run,) = run_lessons([number], settings, where=ROOT / "notebooks")
    assert run.passed, run.complaint()
    assert processor_seconds() - before < PATIENCE * TINY_SECONDS
    assert run.seconds < STANDSTILL * TINY_SECONDS
    executed = lessons.read(run.executed)
    assert [t for c in executed.cells for o in c.get("outputs", []) if (t := o.get("name")) == "stderr"] == []
    marks = report.marks(executed)
    assert [m.kind for m in marks].count("answer") == 1
    page = html.unescape((settings.out / "report.html").read_text(encoding="utf-8"))
    assert next(m.text for m in marks if m.kind == "answer")[:20] in page
    rows = second_rows(settings.out)
    assert len(pd.read_csv(settings.out / "leaderboard.csv")) > len(rows), "rows of the first part, too"
    assert len(rows) and set(rows["store"]) == {"online_retail"} and set(rows["lesson"]) == {number}
    # It is also the trial run of the recorded second part: is that result stale, and does its card say so?
    second_parts.record(number, second_parts.shop_rows(settings.out), 1.0, tmp_path / "trial")
    assert not upkeep.disagreements(recorded.cards(tmp_path / "trial"))
    assert "online_retail" in page


@pytest.mark.parametrize("number", NUMBERS)
def test_the_learners_set_runs_with_its_solutions_on_the_smallest_shop_of_a_reader(number: str, tmp_path: Path) -> None:
    """Two files with the columns that must be there, and no more."""
    (lesson,) = lessons.choose(ROOT / "notebooks", [number])
    source = lessons.read(lesson.path)
    filled = workshop.fill(workshop.learner(source), source)
    write_whole(tmp_path / "learner" / lesson.path.name, lessons.dump(filled))
    store, shop = load_store("tiny"), tmp_path / "shop"
    shop.mkdir()
    store.products[["product_id", "title"]].to_csv(shop / "products.csv", index=False)
    columns = ["order_id", "product_id", "ordered_at", "quantity", "unit_price"]
    new = store.products["product_id"].iloc[::6]  # ten newcomers more, after ten weeks: lesson 02 needs five
    begin = store.orders["ordered_at"].min() + pd.Timedelta(weeks=10)
    before = store.orders["product_id"].isin(new) & (store.orders["ordered_at"] < begin)
    store.orders.loc[~before, columns].to_csv(shop / "orders.csv", index=False)
    settings = RunSettings(size="tiny", store=str(shop), out=tmp_path / "out")
    (run,) = run_lessons([number], settings, where=tmp_path / "learner")
    assert run.passed, run.complaint()
    shown = lessons.read(run.executed)
    nbformat.validate(shown)
    checks = ["".join(lint.output_texts(cell)) for cell in shown.cells if "check" in lessons.tags(cell)]
    assert all(text.startswith("✓ Right") for text in checks), checks
    assert [mark.kind for mark in report.marks(shown)].count("answer") == 1
    needs = next(lesson.needs.tables for lesson in syllabus.LESSONS if lesson.number == number)
    if set(needs) <= {"products", "orders"}:
        assert len(second_rows(settings.out))
    else:  # such as lesson 05, which needs regions: it says so, and adds nothing
        assert second_rows(settings.out).empty
        said = [str(o.get("data", {}).get("text/markdown", "")) for c in shown.cells for o in c.get("outputs", [])]
        assert any(text.startswith(("**This shop cannot take part", f"**{shop.name}:**")) for text in said)


def test_a_faulty_shop_is_refused_before_anything_runs(tmp_path: Path) -> None:
    store, shop = load_store("tiny"), tmp_path / "shop"
    shop.mkdir()
    store.products[["product_id"]].to_csv(shop / "products.csv", index=False)
    store.orders.head(50).assign(quantity="many").to_csv(shop / "orders.csv", index=False)
    with pytest.raises(LessonError, match=r"has \d+ faults.*ecomlib data check"):
        run_lessons([], RunSettings(size="tiny", store=str(shop), out=tmp_path / "out"), where=ROOT / "notebooks")
    assert not (tmp_path / "out" / "report.html").exists()


@pytest.mark.parametrize("number", ["00"])
def test_a_shop_that_is_too_young_is_told_so(number: str, tmp_path: Path) -> None:
    store, shop = load_store("tiny"), tmp_path / "shop"
    shop.mkdir()
    store.products[["product_id", "title"]].to_csv(shop / "products.csv", index=False)
    early = store.orders[store.orders["ordered_at"] < store.orders["ordered_at"].min() + pd.Timedelta(weeks=6)]
    early[["order_id", "product_id", "ordered_at", "quantity", "unit_price"]].to_csv(shop / "orders.csv", index=False)
    settings = RunSettings(size="tiny", store=str(shop), out=tmp_path / "out")
    (run,) = run_lessons([number], settings, where=ROOT / "notebooks")
    assert run.passed, run.complaint()
    assert second_rows(settings.out).empty
    shown = lessons.read(run.executed)
    said = [str(o.get("data", {}).get("text/markdown", "")) for c in shown.cells for o in c.get("outputs", [])]
    assert any("cannot take part" in text and "longer history" in text for text in said)
    assert [mark.kind for mark in report.marks(shown)].count("answer") == 1, "the rest of the lesson still answers"
