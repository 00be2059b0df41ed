"""``ecomlib data map`` and ``data template``: what is printed, asked, written and refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from shop_exports import LAYOUTS, write
from typer.testing import CliRunner

from ecomlib.cli import export
from ecomlib.cli.main import app
from ecomlib.stores import Store

UNCLEAR = "a;b;c;d;e\n" + "".join(
    f"{n};Red mug number {n % 3};{n % 28 + 1}.1.2023;{n % 4 + 1};{n % 3},50\n" for n in range(60)
)


def invoke(*words: object, answers: str | None = None) -> Any:
    return CliRunner().invoke(app, [str(word) for word in words], input=answers)


@pytest.fixture
def shopify(tmp_path: Path) -> Path:
    return write(next(layout for layout in LAYOUTS if layout.name == "shopify"), tmp_path / "export")


def test_an_export_becomes_a_folder_that_the_check_takes(shopify: Path, tmp_path: Path) -> None:
    out = tmp_path / "shop"
    done = invoke("data", "map", shopify, "--out", out)
    assert done.exit_code == 0, done.output
    assert "Shopify's orders export" in done.stdout and f"ecomlib data check {out}" in done.stdout
    assert "1  lines of cancelled orders" in done.stdout
    assert sorted(item.name for item in out.iterdir()) == ["mapping.toml", "orders.csv", "products.csv", "store.json"]
    assert invoke("data", "check", out).exit_code == 0
    store = Store.from_directory(out)
    assert store.currency == "USD" and store.orders["returned"].tolist() == [False, False, True, False]
    assert store.orders["customer_id"].nunique() == 2 and not store.orders["customer_id"].str.contains("@").any()
    again = invoke("data", "map", shopify, "--out", out)
    assert again.exit_code == 1 and "--overwrite" in again.stderr
    assert invoke("data", "map", shopify, "--out", out, "--overwrite").exit_code == 0
    # The mapping that was written makes the same tables.
    same = invoke("data", "map", shopify, "--out", tmp_path / "same", "--mapping", out / "mapping.toml")
    assert same.exit_code == 0, same.output
    for name in ("orders.csv", "products.csv"):
        assert (tmp_path / "same" / name).read_bytes() == (out / name).read_bytes()


def test_a_dry_run_writes_nothing(shopify: Path, tmp_path: Path) -> None:
    done = invoke("data", "map", shopify, "--out", tmp_path / "shop", "--dry-run")
    assert done.exit_code == 0 and "4 order lines of 3 orders" in done.stdout
    assert not (tmp_path / "shop").exists()
    assert "--out FOLDER" in invoke("data", "map", shopify).stderr


def test_unclear_columns_are_an_error_with_a_mapping_file_to_edit(tmp_path: Path) -> None:
    (tmp_path / "export.csv").write_text(UNCLEAR, encoding="utf-8")
    out = tmp_path / "shop"
    done = invoke("data", "map", tmp_path / "export.csv", "--out", out)
    assert done.exit_code == 1 and "must be decided" in done.stderr and "order_id" in done.stderr
    file = out / "mapping.toml"
    text = file.read_text(encoding="utf-8")
    start = text.index("[lines]")
    columns = '[lines]\norder_id = "a"\ntitle = "b"\nordered_at = "c"\nquantity = "d"\nunit_price = "e"\n'
    file.write_text(text[:start] + columns, encoding="utf-8")
    mended = invoke("data", "map", tmp_path / "export.csv", "--out", out, "--mapping", file)
    assert mended.exit_code == 0, mended.output
    assert len(Store.from_directory(out).orders) == 60


def test_on_a_terminal_unclear_columns_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "export.csv").write_text(UNCLEAR, encoding="utf-8")
    asked: list[str] = []

    def prompt(text: str, default: str = "") -> str:
        asked.append(text)
        answers = {
            "order_id": "a",
            "product_id": "-",
            "title": "b",
            "ordered_at": "c",
            "quantity": "d",
            "unit_price": "e",
        }
        return answers[text.split("is ")[1].split("?")[0]]

    monkeypatch.setattr(export, "_on_a_terminal", lambda: True)
    monkeypatch.setattr(export.typer, "prompt", prompt)
    done = invoke("data", "map", tmp_path / "export.csv", "--out", tmp_path / "shop")
    assert done.exit_code == 0, done.output
    assert any("order_id" in text for text in asked)
    orders = Store.from_directory(tmp_path / "shop").orders
    assert (len(orders), orders["quantity"].sum(), orders["product_id"].nunique()) == (60, 150, 3)


def test_dates_that_do_not_tell_need_a_word(tmp_path: Path) -> None:
    rows = "order_id,sku,name,date,qty,price\nA,1,Red mug,03/04/2023,1,2.5\nB,1,Red mug,05/04/2023,2,2.5\n"
    (tmp_path / "export.csv").write_text(rows, encoding="utf-8")
    done = invoke("data", "map", tmp_path / "export.csv", "--out", tmp_path / "shop")
    assert done.exit_code == 1 and "--dates day-first" in done.stderr and "Traceback" not in done.output
    for word, first in (("day-first", "2023-04-03"), ("month-first", "2023-03-04")):
        said = invoke("data", "map", tmp_path / "export.csv", "--out", tmp_path / word, "--dates", word)
        assert said.exit_code == 0, said.output
        assert str(Store.from_directory(tmp_path / word).orders["ordered_at"].iloc[0].date()) == first


def test_orders_with_all_products_in_one_cell_need_another_export(tmp_path: Path) -> None:
    rows = "".join(f"{n},2023-01-{n % 28 + 1:02d},9.50,{n % 3 + 1},2 x Red mug; 1 x Cup {n % 4}\n" for n in range(60))
    (tmp_path / "export.csv").write_text("Order ID,Order Date,Total,Items,Details\n" + rows, encoding="utf-8")
    done = invoke("data", "map", tmp_path / "export.csv", "--out", tmp_path / "shop")
    assert done.exit_code == 1 and "column 'Details': a cell holds all products" in done.stderr
    assert "a row for each product" in done.stderr


def test_a_foreign_folder_is_left_alone(shopify: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x", encoding="utf-8")
    done = invoke("data", "map", shopify, "--out", tmp_path / "mine", "--overwrite")
    assert done.exit_code == 1 and "thesis.txt" in done.stderr
    assert (tmp_path / "mine" / "thesis.txt").exists()


def test_a_template_is_written_once(tmp_path: Path) -> None:
    done = invoke("data", "template", tmp_path / "shop")
    assert done.exit_code == 0 and (tmp_path / "shop" / "orders.csv").exists()
    assert invoke("data", "template", tmp_path / "shop").exit_code == 1
