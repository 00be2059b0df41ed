"""Empty tables to fill in: every column is explained, and what is filled in is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecomlib.errors import DataError
from ecomlib.stores import Store
from ecomlib.stores.folder.read_write import check
from ecomlib.stores.schema import SCHEMA
from ecomlib.stores.template import OPTIONAL, example, write_template


def append(file: Path, row: dict[str, str]) -> None:
    header = file.read_text(encoding="utf-8").strip().split(",")
    with file.open("a", encoding="utf-8") as out:
        out.write(",".join(row.get(name, "") for name in header) + "\n")


def test_every_table_and_column_is_there_and_explained(tmp_path: Path) -> None:
    folder = write_template(tmp_path / "shop")
    said = (folder / "README.txt").read_text(encoding="utf-8")
    for table in SCHEMA.values():
        place = folder if table.required else folder / OPTIONAL
        header = (place / f"{table.name}.csv").read_text(encoding="utf-8").strip().split(",")
        assert header == [column.name for column in table.columns]
        assert f"{table.name}.csv" in said
        assert all(column.means in said and example(column) in said for column in table.columns)


def test_a_template_with_only_what_is_required_is_a_shop(tmp_path: Path) -> None:
    folder = write_template(tmp_path / "shop")
    empty = check(folder)
    assert [problem.problem for problem in empty.problems] == ["the table holds no rows"] * 2
    for name in ("products", "orders"):
        needed = {c.name: example(c) for c in SCHEMA[name].columns if c.required}
        append(folder / f"{name}.csv", needed)
    store = Store.from_directory(folder)
    assert list(store.orders.columns) == ["order_id", "product_id", "ordered_at", "quantity", "unit_price"]


def test_the_examples_of_all_columns_are_read_in_all_tables(tmp_path: Path) -> None:
    folder = write_template(tmp_path / "shop")
    for table in SCHEMA.values():
        file = folder / f"{table.name}.csv"
        if not table.required:
            (folder / OPTIONAL / f"{table.name}.csv").rename(file)
        append(file, {column.name: example(column) for column in table.columns})
    assert check(folder).problems == ()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(DataError, match="name a new or an empty folder"):
        write_template(tmp_path)
    assert [item.name for item in tmp_path.iterdir()] == ["notes.txt"]
