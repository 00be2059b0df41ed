"""The report opens with the reader's shop, and says of everything else whose it is."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from ecomlib.course import publishing
from ecomlib.course.lessons import LessonFile
from ecomlib.course.running import report
from ecomlib.course.running.report import Mark
from ecomlib.course.running.results import LessonRun, RunSettings
from ecomlib.evaluation.answer_card import CardSettings, answer_card
from ecomlib.evaluation.shop_answer import ShopAnswer

SENTENCE = "Cups & co: 5 products, 3 origins. Best of 6 is last year."


def run(number: str, out: Path) -> LessonRun:
    return LessonRun(LessonFile(number, "Toy", Path(f"{number}_toy.ipynb")), out / "executed" / f"{number}.ipynb", 1.0)


def mark(kind: str, text: str = "", **more: object) -> Mark:
    parts = {"title": "T", "alt": "", "rows": [], "data": {}} | more
    return Mark(kind=kind, text=text, **parts)  # type: ignore[arg-type]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder of two tables; one title would be markup if it were not escaped."""
    folder = tmp_path / "shop"
    folder.mkdir()
    titles = {"product_id": ["a", "b"], "title": ["Blue <b>mug</b>", "Red jug"]}
    pd.DataFrame(titles).to_csv(folder / "products.csv", index=False)
    lines = {"order_id": ["1", "2"], "product_id": ["a", "b"], "ordered_at": ["2024-02-27 10:00", "2024-03-01 09:00"]}
    pd.DataFrame(lines).assign(quantity=[5, 2], unit_price=3.0).to_csv(folder / "orders.csv", index=False)
    return folder


def page(shop: Path | None, **published: list[Mark]) -> str:
    runs = [run(number.removeprefix("n"), Path("out")) for number in published]
    settings = RunSettings(store=None if shop is None else str(shop))
    return report.page(runs, settings, {number.removeprefix("n"): found for number, found in published.items()})


def test_it_opens_with_the_readers_shop(shop: Path) -> None:
    card = mark("shop", data={"text/html": "<p>THE CARD</p>"})
    simulated = [mark("answer", "Order 7 mugs."), mark("fan", data={"text/html": "<p>ours</p>"})]
    real = mark("fan", data={"text/html": "<p>theirs</p>"}, real=True)
    rows = mark("results", rows=[{"lesson": "04", "store": "shop", "model": "naive", "wape": 0.5}])
    no_map = [mark("refused", "Ours is best."), mark("refused", "This shop cannot take part: no map.")]
    first = [mark("shop", SENTENCE), card, *simulated, real]
    said = page(shop, n00=first, n04=[rows], n05=no_map, n06=[])
    body = said[said.index("<main>") :]
    assert body.index('id="shop"') < body.index('id="first"') < body.index("Order 7 mugs.") < body.index('id="lessons"')
    assert "THE CARD" in body and 'href="order_list.csv"' in body
    assert "<b>00 · Toy:</b> Cups &amp; co: 5 products" in body
    assert "<b>04 · Toy:</b> took part: 1 rows" in body and "<b>06 · Toy:</b> it did not take part." in body
    assert "<b>05 · Toy:</b> This shop cannot take part: no map." in body
    assert '<span class="state">simulated store</span> Order 7 mugs.' in body
    assert 'ours</p><p class="soft">From lesson 00 · Toy · simulated store' in body
    assert f'theirs</p><p class="soft">From lesson 00 · Toy · {shop}' in body
    head = said[: said.index("<main>")]
    assert '<a href="#shop">Real shop: yours</a>' in head and "recorded</a>" in head


def test_without_lesson_00_it_shows_best_sellers_and_months(shop: Path) -> None:
    said = page(shop, n04=[])
    assert "Blue &lt;b&gt;mug&lt;/b&gt;" in said and "2024-03 (to the 1.)" in said and "<b>mug" not in said
    assert "THESE TABLES END ON 01 March 2024" in said and "ecomlib run 00 --store" in said


def test_without_a_shop_nothing_is_said_of_one() -> None:
    said = page(None, n00=[mark("answer", "Order 7 mugs.")])
    assert 'id="shop"' not in said and '<a href="#real">Real shop</a>' in said
    assert '<span class="state">simulated store</span> Order 7 mugs.' in said


def test_what_stands_in_a_part_b_is_of_a_real_shop() -> None:
    def shown(text: str, kind: str = "") -> object:
        about = {"ecomlib": {"kind": kind, "title": "T"}} if kind else {}
        return new_code_cell(outputs=[new_output("display_data", {"text/markdown": text}, metadata=about)])

    cells = [
        new_markdown_cell("## 1 · Build *(build)*"),
        shown("**Skill** of it", ""),
        shown("x", "fan"),
        new_markdown_cell("## Your shop *(Part B)*"),
        new_markdown_cell("Words."),
        shown("y", "fan"),
        shown("**This shop cannot take part here.** Too young."),
        new_markdown_cell("## The answer"),
        shown("z", "answer"),
    ]
    found = report.marks(new_notebook(cells=cells))
    assert [(m.kind, m.real) for m in found] == [("fan", False), ("fan", True), ("refused", True), ("answer", False)]
    assert found[2].text == "This shop cannot take part here. Too young."


def test_a_card_brings_its_list_and_an_old_one_does_not_stay(tmp_path: Path) -> None:
    cell = new_code_cell(outputs=[])
    about = {"kind": "shop", "title": "T", "csv": "product_id,order\na,7\n"}
    cell.outputs = [new_output("display_data", {"text/html": "<p>c</p>"}, metadata={"ecomlib": about})]
    (tmp_path / "executed").mkdir()
    one = run("00", tmp_path)
    for outputs, there in ((cell.outputs, True), ([], False)):
        nbformat.write(new_notebook(cells=[new_code_cell(outputs=outputs)]), one.executed)
        report.write([one], RunSettings(out=tmp_path))
        assert (tmp_path / "order_list.csv").exists() == there
        if there:
            assert (tmp_path / "order_list.csv").read_text() == "product_id,order\na,7\n"


def test_lessons_publish_what_their_shop_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tuple[dict, dict]] = []
    monkeypatch.setattr(publishing, "_show", lambda data, metadata: shown.append((data, metadata)))
    table = pd.DataFrame({"model": ["naive"], "what": ["last week"], "wape": [0.5]})
    publishing.publish("shop", ShopAnswer("Shop", "naive", table, "naive", None, True, SENTENCE), title="A & B")
    data, about = shown[0]
    assert about["ecomlib"] == {"kind": "shop", "title": "A & B", "text": SENTENCE}
    assert "A &amp; B" in data["text/html"] and "Cups &amp; co" in data["text/html"] and SENTENCE in data["text/plain"]
    orders = pd.DataFrame(
        {"product_id": ["a"], "ordered_at": [pd.Timestamp("2024-03-03")], "quantity": 1, "unit_price": 1}
    )
    ahead = pd.DataFrame({"unique_id": ["a"], "ds": [pd.Timestamp("2024-03-04")], "naive": [2.0]})
    card = answer_card(orders, orders[["product_id"]], ahead, "naive", settings=CardSettings("Shop"))
    publishing.publish("shop", card, title="T")
    about = shown[1][1]["ecomlib"]
    assert about["text"] == "" and about["csv"].splitlines()[1].startswith("a,a,2024-03-04,2.0")
    publishing.publish("answer", "Order 7.", title="What?")
    assert shown[2][0]["text/markdown"] == "> **What?** *(simulated store)* Order 7."
