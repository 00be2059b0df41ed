"""The page of ``ecomlib data check --html``: right numbers, everything inside it, and nothing that a title could do."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pandas as pd
import pytest
from own_shop import edit, put, write_shop
from typer.testing import CliRunner

from ecomlib.cli.main import app
from ecomlib.course import check_page, data_check, syllabus

TITLES = ["<script>alert(1)</script>", 'Mug & "saucer"', "Plain mug"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """From 10 January to 31 March, closed from 5 to 25 February: 3 units of a, 2 of b, 1 of c a day; a comes back."""
    days = pd.date_range("2024-01-10", "2024-03-31")
    days = days[(days < "2024-02-05") | (days > "2024-02-25")]
    lines = pd.DataFrame({"ordered_at": days.repeat(3), "product_id": ["<a>", "b", "c"] * len(days)})
    lines["quantity"] = [3, 2, 1] * len(days)
    lines["returned"] = lines["product_id"] == "<a>"
    lines.assign(order_id=range(len(lines)), unit_price=2.0).to_csv(tmp_path / "orders.csv", index=False)
    products = pd.DataFrame({"product_id": ["<a>", "b", "c"], "title": TITLES})
    products.to_csv(tmp_path / "products.csv", index=False)
    return tmp_path


def words(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_the_page_says_months_gaps_best_sellers_returns_and_lessons(folder: Path) -> None:
    page = check_page.page(data_check.check(folder))
    text = words(page)
    # 22 days in January, 8 in February, 31 in March, six units a day, half of them kept.
    for said in ("2024-01 (in part) 66 132 66 264", "2024-02 24 48 24 96", "2024-03 93 186 93 372"):
        assert said in text, said
    assert "3 weeks from 2024-02-05" in text
    assert f"<a> {TITLES[0]} 183 50.0% 366 100% 2024-03-31 b {TITLES[1]} 122" in text
    assert "183 lines, 33.3% of them came back: 366 units gross, 183 net; 732 gross, 366 net." in text
    for lesson in syllabus.LESSONS:
        assert f"{lesson.number} · {lesson.title}" in text
    assert "needs 23 full weeks of orders, there are 11" in text and "dates without a time of day" in text
    bars = re.findall(r'<rect x="[\d.]+" y="[\d.]+" width="[\d.]+" height="([\d.]+)"', page)
    assert [float(height) for height in bars] == pytest.approx([170 * 132 / 186, 170 * 48 / 186, 170], abs=0.1)


def test_it_stands_alone_and_no_title_can_do_a_thing(folder: Path) -> None:
    page = check_page.page(data_check.check(folder))
    assert "<script" not in page and "<a>" not in page and "&lt;script&gt;" in page
    assert not re.search(r'(src|href)="[^#]', page) and "@import" not in page and "url(" not in page
    assert (
        'lang="en"' in page and 'role="img"' in page and "Units by month, 2024-01 to 2024-03: most in 2024-03" in page
    )


@pytest.mark.parametrize("fault", ["quantity", "ordered_at", "returned", "nothing"])
def test_a_faulty_shop_has_a_page_too(fault: str, tmp_path: Path) -> None:
    if fault != "nothing":
        edit("orders.csv", lambda f: f.assign(returned="0"))(write_shop(tmp_path))
        edit("orders.csv", put(fault, 3, "many"))(tmp_path)
    run = CliRunner().invoke(app, ["data", "check", str(tmp_path), "--html", str(tmp_path / "out" / "page.html")])
    assert run.exit_code == 1 and "Page: " in run.stdout
    text = words((tmp_path / "out" / "page.html").read_text(encoding="utf-8"))
    assert "must be mended before a lesson can run" in text
    assert ("found 'many'" in text) == (fault != "nothing")


def test_a_stray_century_does_not_draw_a_thousand_months(folder: Path) -> None:
    edit("orders.csv", put("ordered_at", 1, "2099-12-31"))(folder)
    assert len(re.findall("<rect", check_page.page(data_check.check(folder)))) == 2 * 4
