"""Reading and writing a shop's folder: how people write numbers and dates, damage, and whole-or-nothing writing."""

from __future__ import annotations

import datetime as dt
import json
import os
import random
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from own_shop import edit, put, text, write_shop

from ecomlib.errors import DataError, EcomlibError
from ecomlib.stores import Store
from ecomlib.stores.folder.read_write import check
from ecomlib.stores.folder.table_file import read_table
from ecomlib.stores.schema import SCHEMA


def read(folder: Path) -> Store:
    return Store.from_directory(folder)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return write_shop(tmp_path / "corner")


def test_types_are_those_of_the_schema(shop: Path) -> None:
    store = read(shop)
    orders = store.orders
    assert store.name == "corner" and store.currency == ""
    assert orders["order_id"].iloc[0] == "1000" and orders["product_id"].str.len().eq(5).all(), "leading zeros stay"
    assert str(orders["ordered_at"].dtype) == "datetime64[ns]" and str(orders["quantity"].dtype) == "int64"
    assert orders["customer_id"].isna().any() and orders["customer_id"].dropna().map(type).eq(str).all()
    assert str(store.products["launched_on"].dtype) == "datetime64[ns]"
    given = pd.read_csv(shop / "orders.csv")
    assert orders["quantity"].sum() == given["quantity"].sum()
    np.testing.assert_array_equal(orders["unit_price"], given["unit_price"])
    assert store.notes["files"]["orders"] == "orders.csv"


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_other_separators_and_decimal_commas(shop: Path, separator: str) -> None:
    wanted = read(shop).orders
    frame = pd.read_csv(shop / "orders.csv", dtype=str, keep_default_na=False)
    frame["unit_price"] = frame["unit_price"].str.replace(".", ",", regex=False)
    frame.to_csv(shop / "orders.csv", sep=separator, index=False)
    pd.testing.assert_frame_equal(read(shop).orders, wanted)
    notes = " ".join(check(shop).notes)
    assert "separated by" in notes and "commas were read as decimal signs" in notes


@pytest.mark.parametrize(
    ("cells", "wanted"),
    [
        (["1,234.50", "2.00"], [1234.5, 2.0]),
        (["1.234,50", "2,00"], [1234.5, 2.0]),
        (["1,234", "5.5"], [1234.0, 5.5]),
        ([" 3 ", "4e1"], [3.0, 40.0]),
        (["1,234", "5,678"], "could be a decimal sign or a separator"),
        (["3,50", "4.50"], "written in two ways"),
        (["3.50", "EUR 4"], "text where a number"),
        (["nan", "4"], "text where a number"),
        (["inf", "4"], "text where a number"),
        (["", "4"], "the value is missing"),
    ],
)
def test_numbers(shop: Path, cells: list[str], wanted: list[float] | str) -> None:
    edit("orders.csv", lambda f: f.head(len(cells)).assign(unit_price=cells))(shop)
    if isinstance(wanted, list):
        assert read(shop).orders["unit_price"].tolist() == wanted
    else:
        with pytest.raises(DataError, match=wanted) as caught:
            read(shop)
        assert caught.value.column == "unit_price" and caught.value.rows


@pytest.mark.parametrize(
    ("cells", "wanted"),
    [
        (["2024-03-01 10:00", "2024-03-02"], "2024-03-01 10:00:00"),
        (["2024-03-01T10:00:30", "2024-03-02T00:00:00"], "2024-03-01 10:00:30"),
        (["2024-03-01T10:00:00Z", "2024-03-02T00:00:00Z"], "2024-03-01 10:00:00"),
        (["2024-03-01 10:00+01:00", "2024-04-02 10:00+02:00"], "2024-03-01 10:00:00"),
        (["2024/3/1", "2024/03/02"], "2024-03-01"),
        (["2024-3-1 9:05", "2024-12-02 10:00"], "2024-03-01 09:05:00"),
        (["20240301", "20240302"], "2024-03-01"),
        (["01/03/2024", "25/03/2024"], "2024-03-01"),
        (["03/01/2024 10:00", "03/25/2024 11:00"], "2024-03-01 10:00:00"),
        (["1.3.2024", "2.3.2024 18:30"], "2024-03-01"),
        (["01/03/2024", "02/03/2024"], "order of day and month cannot be told"),
        (["25/03/2024", "03/25/2024"], "day first and month first"),
        (["2024-03-01", "01/03/2024"], "dates in two formats"),
        (["01.03.2024", "01/03/2024"], "dates in two formats"),
        (["45352", "45353"], "day number"),
        (["2024-02-30", "2024-02-01"], "no such date"),
        (["2024-02-03", "2024-13-01"], "no such date"),
        (["last Monday", "2024-02-01"], "not a date"),
        (["3/1/24", "3/25/24"], "not a date"),
        (["0024-03-01", "2024-03-01"], "outside 1900 to 2100|no such date"),
        (["9999-12-31", "2024-03-01"], "outside 1900 to 2100|no such date"),
        (["2024", "2025"], "not a date"),
    ],
)
def test_dates(shop: Path, cells: list[str], wanted: str) -> None:
    edit("orders.csv", lambda f: f.head(len(cells)).assign(ordered_at=cells))(shop)
    if wanted[0].isdigit():
        assert read(shop).orders["ordered_at"].iloc[0] == pd.Timestamp(wanted)
    else:
        with pytest.raises(DataError, match=wanted) as caught:
            read(shop)
        assert caught.value.column == "ordered_at" and caught.value.rows


def test_what_was_told_from_the_data_is_said(shop: Path) -> None:
    edit("orders.csv", lambda f: f.head(2).assign(ordered_at=["13/03/2024 10:00", "01/03/2024 11:00"]))(shop)
    edit("products.csv", lambda f: f.assign(launched_on="2024-01-15 08:00"))(shop)
    notes = read(shop).notes["reading"]
    assert any("day first" in note for note in notes) and any("times of day were dropped" in note for note in notes)


@pytest.mark.parametrize("yes_no", [("true", "false"), ("Yes", "no"), ("1", "0"), ("T", "F")])
def test_flags(shop: Path, yes_no: tuple[str, str]) -> None:
    edit("orders.csv", lambda f: f.head(4).assign(returned=[yes_no[0], *[yes_no[1]] * 3]))(shop)
    assert read(shop).orders["returned"].tolist() == [True, False, False, False]
    edit("orders.csv", put("returned", 2, "maybe"))(shop)
    with pytest.raises(DataError, match=r"row 2: must hold true or false \(found 'maybe'\)"):
        read(shop)


def test_whole_numbers(shop: Path) -> None:
    edit("orders.csv", put("quantity", 1, "3.0"))(shop)
    assert read(shop).orders["quantity"].iloc[0] == 3
    edit("orders.csv", put("quantity", 2, "2.5"))(shop)
    with pytest.raises(DataError, match=r"row 2: must hold a whole number \(found '2.5'\)"):
        read(shop)


def test_the_way_spreadsheets_write_csv(shop: Path) -> None:
    wanted = read(shop).orders
    bom_and_crlf = text("orders.csv", lambda whole: "\ufeff" + whole.replace("\n", "\r\n"))
    bom_and_crlf(shop)
    pd.testing.assert_frame_equal(read(shop).orders, wanted)


def test_quoted_values_blank_lines_and_headers_in_capitals(shop: Path) -> None:
    def change(whole: str) -> str:
        lines = whole.splitlines()
        lines[0] = lines[0].replace("product_id", " Product ID ")
        lines[3] = '00002,"A ""large"" mug,\nin red",2024-01-15'
        return "\n".join([*lines[:8], "", *lines[8:], "", ""]) + "\n"

    text("products.csv", change)(shop)
    store = read(shop)
    assert len(store.products) == 20 and store.products["title"].iloc[2] == 'A "large" mug,\nin red'
    assert any("was read as 'product_id'" in note for note in store.notes["reading"])
    edit("products.csv", put("title", 5, ""))(shop)
    with pytest.raises(DataError, match="column 'title', row 5: the value is missing"):
        read(shop)


def test_separators_left_behind_and_blank_lines_before_the_header(shop: Path) -> None:
    wanted = read(shop).orders
    text("orders.csv", lambda whole: "\n\n" + whole.replace("\n", ",,\n"))(shop)
    pd.testing.assert_frame_equal(read(shop).orders, wanted)
    edit("products.csv", put("title", 3, ""))(shop)
    text("products.csv", lambda whole: "\n" + whole)(shop)
    with pytest.raises(DataError, match="row 3: the value is missing"):
        read(shop)


def test_rows_are_counted_with_the_blank_ones(shop: Path) -> None:
    text("orders.csv", lambda whole: whole.replace("\n", "\n\n", 3).rstrip("\n") + "\n")(shop)
    lines = (shop / "orders.csv").read_text().splitlines()
    row = next(k for k in range(10, 30) if lines[k])
    lines[row] = lines[row].replace("2024-", "2O24-")
    (shop / "orders.csv").write_text("\n".join(lines) + "\n")
    with pytest.raises(DataError) as caught:
        read(shop)
    assert caught.value.rows == [row]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.replace("\n", ",x\n").replace(",x", "", 1), "a row has 8 values, but the header has 7 columns"),
        (lambda t: t.replace("\n1000,", '\n"1000,', 1), "cut off"),
        (lambda t: t.replace("\n1000,", '\n"1000"x,', 1), "quotation mark"),
        (lambda t: t.replace("quantity", "product_id", 1), "two columns have the same name"),
        (lambda t: "", "the file is empty"),
        (lambda t: "\n\n", "the file is empty"),
        (lambda t: t.replace(",", "\0,", 9), "zero bytes"),
        (lambda t: "<html><body>Sign in</body></html>", "a web page"),
        (lambda t: "{}", "the column is missing"),
    ],
)
def test_damaged_csv(shop: Path, change, words: str) -> None:  # type: ignore[no-untyped-def]
    text("orders.csv", change)(shop)
    with pytest.raises(DataError, match=words) as caught:
        read(shop)
    assert caught.value.table == "orders" and caught.value.remedy


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_files_with_a_mark_of_their_encoding_are_read(shop: Path, encoding: str) -> None:
    wanted = read(shop).products
    text("products.csv", lambda t: t if encoding != "utf-8-sig" else f"\ufeff{t}", encoding=encoding)(shop)
    pd.testing.assert_frame_equal(read(shop).products, wanted)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark_is_named(shop: Path, encoding: str) -> None:
    text("orders.csv", str, encoding=encoding)(shop)
    with pytest.raises(DataError, match="UTF-16"):
        read(shop)


def test_wrong_bytes_are_found_far_into_a_file(shop: Path) -> None:
    edit("products.csv", put("title", 17, "Mug, \u00e9maill\u00e9"))(shop)
    text("products.csv", lambda t: t.replace("caf\u00e9", "cafe"), encoding="cp1252")(shop)
    with pytest.raises(DataError) as caught:
        read(shop)
    fault = caught.value
    assert (fault.column, fault.rows, fault.value) == ("title", [17], "Mug, \u00e9maill\u00e9")


def test_two_files_for_one_table(shop: Path) -> None:
    read(shop).to_directory(shop.parent / "copy")
    (shop.parent / "copy" / "orders.parquet").rename(shop / "orders.parquet")
    with pytest.raises(DataError, match=r"orders\.csv and orders\.parquet"):
        read(shop)


def test_a_csv_renamed_parquet(shop: Path) -> None:
    (shop / "orders.csv").rename(shop / "orders.parquet")
    with pytest.raises(DataError, match="not a Parquet file"):
        read(shop)


def test_parquet_of_other_tools(shop: Path) -> None:
    wanted = read(shop).orders
    moments = wanted["ordered_at"].tolist()
    table = pa.table(
        {
            "order_id": pa.array([int(order) for order in wanted["order_id"]]),
            "product_id": pa.array(wanted["product_id"].tolist()).dictionary_encode(),
            "region_id": pa.array(wanted["region_id"].tolist(), pa.large_string()),
            "customer_id": pa.array([None if pd.isna(c) else float(c) for c in wanted["customer_id"]]),
            "ordered_at": pa.array(moments, pa.timestamp("us", tz="UTC")),
            "quantity": pa.array(wanted["quantity"].tolist(), pa.int16()),
            "unit_price": pa.array([Decimal(f"{price:.2f}") for price in wanted["unit_price"]]),
        }
    )
    (shop / "orders.csv").unlink()
    pq.write_table(table, shop / "orders.parquet")
    store = read(shop)
    pd.testing.assert_frame_equal(store.orders, wanted, check_dtype=False)
    assert str(store.orders["ordered_at"].dtype) == "datetime64[ns]"
    assert any("time zone" in note for note in store.notes["reading"])


def test_parquet_days_text_dates_and_nested_columns(shop: Path) -> None:
    products = read(shop).products
    (shop / "products.csv").unlink()
    days = [dt.date(2024, 1, 1 + k) for k in range(20)]
    base = {"product_id": products["product_id"].tolist(), "title": products["title"].tolist()}
    pq.write_table(pa.table({**base, "launched_on": pa.array(days)}), shop / "products.parquet")
    assert read(shop).products["launched_on"].iloc[3] == pd.Timestamp("2024-01-04")
    pq.write_table(pa.table({**base, "launched_on": [str(day) for day in days]}), shop / "products.parquet")
    assert read(shop).products["launched_on"].iloc[3] == pd.Timestamp("2024-01-04")
    pq.write_table(pa.table({**base, "list_price": [[1.0, 2.0]] * 20}), shop / "products.parquet")
    with pytest.raises(DataError, match="column of type list"):
        read(shop)
    pq.write_table(pa.table({**base, "launched_on": list(range(20))}), shop / "products.parquet")
    with pytest.raises(DataError, match="not a date that can be read"):
        read(shop)


def test_written_and_read_again_it_is_the_same(shop: Path, tmp_path: Path) -> None:
    first = read(shop)
    named = Store(name="Ecke", currency="EUR", **dict(first.tables()))
    folder = named.to_directory(tmp_path / "deep" / "copy")
    again = read(folder)
    assert (again.name, again.currency) == ("Ecke", "EUR")
    assert [name for name, _ in again.tables()] == [name for name, _ in named.tables()]
    for name, frame in named.tables():
        pd.testing.assert_frame_equal(dict(again.tables())[name], frame)
    assert Store.from_directory(folder, name="other", currency="GBP").name == "other"


def test_writing_replaces_nothing_by_accident(shop: Path, tmp_path: Path) -> None:
    store = read(shop)
    folder = store.to_directory(tmp_path / "copy")
    with pytest.raises(DataError, match="overwrite=True"):
        store.to_directory(folder)
    less = Store(name="less", products=store.products, orders=store.orders.head(5).drop(columns="region_id"))
    less.to_directory(folder, overwrite=True)
    assert sorted(path.name for path in folder.iterdir()) == ["orders.parquet", "products.parquet", "store.json"]
    assert len(read(folder).orders) == 5
    (folder / "thesis.docx").write_text("years of work")
    with pytest.raises(DataError, match="choose another folder"):
        store.to_directory(folder, overwrite=True)
    assert (folder / "thesis.docx").exists()
    (tmp_path / "note").write_text("x")
    with pytest.raises(DataError, match="a file, not a folder"):
        store.to_directory(tmp_path / "note", overwrite=True)


def test_a_failure_while_writing_leaves_the_old_store(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = read(shop)
    folder = store.to_directory(tmp_path / "copy")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    real = pd.DataFrame.to_parquet

    def fails(frame: pd.DataFrame, path: os.PathLike[str], **options: object) -> None:
        if Path(path).name.startswith("orders"):
            raise OSError("no space left on device")
        real(frame, path, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(pd.DataFrame, "to_parquet", fails)
    for target in (folder, tmp_path / "new"):
        with pytest.raises(OSError, match="no space"):
            store.to_directory(target, overwrite=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "corner"]


def test_a_broken_card_is_left_out(shop: Path) -> None:
    (shop / "store.json").write_text("{")
    store = read(shop)
    assert store.name == "corner" and any("store.json" in note for note in store.notes["reading"])
    (shop / "store.json").write_text(json.dumps(["name"]))
    assert read(shop).name == "corner"


# --- Damage by chance: whatever happens to the bytes, the reader answers with a frame or with its own errors. ---

CLEAN: dict[str, bytes] = {}


def clean(file: str, tmp: Path) -> bytes:
    if not CLEAN:
        folder = write_shop(tmp / "clean", lines=40)
        CLEAN["orders.csv"] = (folder / "orders.csv").read_bytes()
        CLEAN["products.csv"] = (folder / "products.csv").read_bytes()
        read(folder).to_directory(tmp / "parquet")
        CLEAN["orders.parquet"] = (tmp / "parquet" / "orders.parquet").read_bytes()
    return CLEAN[file]


def damage(data: bytes, seed: int, hits: int, how: str) -> bytes:
    rng = random.Random(seed)
    broken = bytearray(data)
    for _ in range(hits):
        at = rng.randrange(len(broken)) if broken else 0
        if how == "change" and broken:
            broken[at] = rng.choice([rng.randrange(256), *b'",;\n\r\0-.09T'])
        elif how == "insert":
            broken[at:at] = bytes(rng.choices(b'",;\n\r-.09\xff\xc3', k=rng.randrange(1, 6)))
        elif how == "remove" and broken:
            del broken[at : at + rng.randrange(1, 40)]
        elif how == "cut":
            del broken[at:]
    return bytes(broken)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    file=st.sampled_from(["orders.csv", "products.csv", "orders.parquet"]),
    seed=st.integers(0, 10**9),
    hits=st.integers(1, 12),
    how=st.sampled_from(["change", "insert", "remove", "cut"]),
)
def test_random_damage_never_gives_a_foreign_error(tmp_path: Path, file: str, seed: int, hits: int, how: str) -> None:
    path = tmp_path / file
    path.write_bytes(damage(clean(file, tmp_path), seed, hits, how))
    table = SCHEMA[path.stem]
    found = read_table(path, table)
    assert found.frame is not None or found.faults
    for fault in found.faults:
        assert isinstance(fault, EcomlibError) and fault.table == table.name and fault.remedy
    folder = tmp_path / "folder"
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    path.rename(folder / file)
    assert check(folder).text()
    with pytest.raises(EcomlibError):  # products or orders is missing at the least
        read(folder)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=400), suffix=st.sampled_from([".csv", ".parquet"]))
def test_random_bytes_never_give_a_foreign_error(tmp_path: Path, data: bytes, suffix: str) -> None:
    path = tmp_path / f"orders{suffix}"
    path.write_bytes(data)
    found = read_table(path, SCHEMA["orders"])
    assert found.faults or found.frame is not None
    path.unlink()
