"""How other systems write moments, numbers, identifiers and blanks: right values, or a message that helps."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from own_shop import edit, put, text, write_shop

from ecomlib.errors import DataError
from ecomlib.stores.folder.parse import parse
from ecomlib.stores.folder.read_write import check, read
from ecomlib.stores.folder.table_file import read_table
from ecomlib.stores.schema import SCHEMA


def column(cells: list[str | None], name: str, table: str = "orders") -> tuple[pd.Series, str]:
    """The parsed cells of one column, and all notes about it."""
    notes: list[str] = []
    found = SCHEMA[table].column(name)
    assert found is not None
    values = pd.Series(cells, dtype=object)
    return parse(values, found, table, np.arange(1, len(cells) + 1), notes), " ".join(notes)


def refused(cells: list[str | None], name: str, table: str = "orders") -> DataError:
    with pytest.raises(DataError) as caught:
        column(cells, name, table)
    assert caught.value.table == table and caught.value.column == name and caught.value.remedy
    return caught.value


WINTER, SUMMER = "2023-01-02 08:11:00", "2023-07-30 12:55:09"


@pytest.mark.parametrize(
    ("winter", "summer"),
    [
        (" -0500", " -0400"),
        ("-0500", "-0400"),
        (" +01:00", " +02:00"),
        ("+01", "+02"),
        (" -05", " -04"),
        (" UTC", " UTC"),
        ("UTC", "UTC"),
        (" GMT", " GMT"),
        ("Z", "Z"),
        (" Z", " Z"),
        (" CET", " CEST"),
        (" NZST", " NZDT"),
        (" SGT", " MSK"),
        (" America/New_York", " America/New_York"),
        (" America/Argentina/Buenos_Aires", " Asia/Ho_Chi_Minh"),
        (" GMT+01:00", " GMT+02:00"),
        ("+01:00[Europe/Berlin]", "+02:00[Europe/Berlin]"),
        (" -0500", ""),
        ("", " -0400"),
    ],
)
@pytest.mark.parametrize("between", [" ", "T"])
def test_offsets_are_dropped_and_the_wall_clock_kept(winter: str, summer: str, between: str) -> None:
    cells: list[str | None] = [
        (clock + zone).replace(" ", between, 1) for clock, zone in ((WINTER, winter), (SUMMER, summer))
    ]
    moments, notes = column([*cells, None], "ordered_at")
    assert moments.tolist()[:2] == [pd.Timestamp(WINTER), pd.Timestamp(SUMMER)] and pd.isna(moments[2])
    assert notes.count("the time zone was dropped; the clock's time was kept") == 1


@pytest.mark.parametrize(
    ("cells", "wanted"),
    [
        (["02.01.2023 08:11 +0100", "30.07.2023 12:55 +0200"], "2023-01-02 08:11"),
        (["20230102T081100Z", "20230730T125500Z"], "2023-01-02 08:11"),
        (["20230102T081100-0500", "20230730T125500-0400"], "2023-01-02 08:11"),
        (["2023-01-02 UTC", "2023-01-03 UTC"], "2023-01-02"),
        (["2023-01-02+01:00", "2023-07-03+02:00"], "2023-01-02"),
        (["2023-01-02-0530", "2023-01-03-0530"], "2023-01-02"),
        (["2023-01-02 08:11:00.25 -0500", "2023-07-03 10:00:00.5 -0400"], "2023-01-02 08:11:00.25"),
    ],
)
def test_offsets_behind_other_ways_to_write_a_moment(cells: list[str | None], wanted: str) -> None:
    moments, notes = column(cells, "ordered_at")
    assert moments[0] == pd.Timestamp(wanted) and "time zone" in notes


def test_the_end_of_a_date_is_no_offset() -> None:
    moments, notes = column(["2023-01-05", "2023-12-05"], "ordered_at")
    assert moments.tolist() == [pd.Timestamp("2023-01-05"), pd.Timestamp("2023-12-05")] and not notes
    assert "not a date" in refused(["2023-01-02-05"] * 2, "ordered_at").problem


@pytest.mark.parametrize(
    ("odd", "usual"),
    [
        ("05.01.2023 25:75", "02.01.2023 08:11"),
        ("05.01.2023 24:00", "02.01.2023 08:11"),
        ("2023-01-05 25:75:00", "2023-01-02 08:11:00"),
        ("2023-01-05 24:00:00", "2023-01-02 08:11:00"),
        ("2023-01-05T23:59:60", "2023-01-02T08:11:00"),
        ("2023-01-05 10:60", "2023-01-02 08:11"),
        ("2023-01-05 10:00:61 UTC", "2023-01-02 08:11:00 UTC"),
        ("20230105T256000", "20230102T081100"),
    ],
)
def test_there_is_no_such_time(odd: str, usual: str) -> None:
    fault = refused([usual, odd, usual], "ordered_at")
    assert (fault.problem, fault.rows, fault.value) == ("there is no such time", [2], odd)


@pytest.mark.parametrize(
    ("name", "cells", "rows"),
    [
        ("unit_price", ["990", "1.290", "12.990"], [2, 3]),
        ("unit_price", [" 1.290 ", "5"], [1]),
        ("unit_price", ["-1.290", "+2.500"], [1, 2]),
        ("quantity", ["1", "2.000"], [2]),
        ("quantity", ["3.0", "12.000"], [2]),
    ],
)
def test_a_point_before_three_digits_is_not_guessed(name: str, cells: list[str | None], rows: list[int]) -> None:
    fault = refused(cells, name)
    assert "a point that could be a decimal sign or a separator of thousands" in fault.problem and fault.rows == rows


@pytest.mark.parametrize(
    ("table", "name", "cells", "wanted"),
    [
        ("orders", "unit_price", ["1.5", "12.990"], [1.5, 12.99]),
        ("orders", "unit_price", ["0.125", "1.250"], [0.125, 1.25]),
        ("orders", "unit_price", ["1234.500", "1.250"], [1234.5, 1.25]),
        ("orders", "unit_price", ["1.2900", "990"], [1.29, 990.0]),
        ("orders", "unit_price", ["1.234.567", "1.290"], [1234567.0, 1290.0]),
        ("orders", "quantity", ["1.000.000", "2"], [1_000_000, 2]),
        ("regions", "latitude", ["52.520", "-9.140"], [52.52, -9.14]),
        ("prices", "depth", ["0.125", "0.250"], [0.125, 0.25]),
    ],
)
def test_what_a_column_of_points_settles(table: str, name: str, cells: list[str | None], wanted: list[float]) -> None:
    values, notes = column(cells, name, table)
    assert values.tolist() == wanted
    assert ("points were read as separators of thousands" in notes) == (max(wanted) >= 1_000_000)


def test_commas_and_points_before_three_digits_do_not_settle_each_other() -> None:
    assert "a comma that could be" in refused(["1,234", "1.290"], "unit_price").problem
    assert "as decimal signs and as separators" in refused(["1.234.567", "1.29"], "unit_price").problem


def test_words_for_nothing_are_missing_where_that_is_allowed() -> None:
    words = ["NULL", "null", "None", "N/A", "NaN", "nil", r"\N", "  "]
    values, notes = column([*words, "NA", "C1"], "customer_id")
    assert values.isna().tolist() == [True] * 8 + [False, False] and values.tolist()[8:] == ["NA", "C1"]
    assert "7 cells hold the word NULL or null" in notes and "1 cell holds blanks only" in notes
    prices, notes = column(["N/A", "5.5"], "list_price", "products")
    assert prices.isna().tolist() == [True, False] and "1 cell holds the word N/A; read as missing" in notes
    titles, notes = column(["NULL", "red mug"], "title", "products")
    assert titles.tolist() == ["NULL", "red mug"] and "kept as text" in notes
    fault = refused(["1", "NULL"], "order_id")
    assert "the word NULL stands where an identifier is needed" in fault.problem and fault.rows == [2]


def test_a_shop_whose_guests_are_called_null(tmp_path: Path) -> None:
    edit("orders.csv", lambda f: f.assign(customer_id=["NULL", "C1"] * 120))(write_shop(tmp_path))
    store = read(tmp_path)
    assert store.orders["customer_id"].isna().sum() == 120
    assert any("customer_id: 120 cells hold the word NULL" in note for note in store.notes["reading"])


def test_blank_flags_and_blank_identifiers_are_called_so(tmp_path: Path) -> None:
    for blank in (None, "  "):
        fault = refused(["yes", blank], "returned")
        assert "the cell is blank" in fault.problem and fault.rows == [2] and "nan" not in str(fault)
    edit("products.csv", put("product_id", 3, "  "))(write_shop(tmp_path))
    found = [fault for fault in check(tmp_path).problems if fault.table == "products"]
    assert [(fault.problem, fault.rows) for fault in found] == [("the identifier is empty", [3])]


LONG = 1_700_000_000_000_000_000  # beyond 2^53, where floats hold only each 256th


def parquet(folder: Path, name: str, values: pa.Array) -> Path:
    table = {
        "order_id": pa.array(["a", "b", "c"]),
        "product_id": pa.array(["1", "2", "3"]),
        "ordered_at": pa.array(["2024-01-01"] * 3),
        "quantity": pa.array([1, 2, 3]),
        "unit_price": pa.array([1.5, 2.5, 3.5]),
    }
    path = folder / "orders.parquet"
    pq.write_table(pa.table({**table, name: values}), path)
    return path


@pytest.mark.parametrize("name", ["order_id", "customer_id", "voucher"])
@pytest.mark.parametrize(
    "kind", [pa.decimal128(38, 0), pa.decimal128(38, 4), pa.decimal256(50, 0), pa.int64(), pa.uint64()]
)
def test_long_identifiers_of_parquet_keep_every_digit(tmp_path: Path, name: str, kind: pa.DataType) -> None:
    given: list[int | None] = [LONG + 1, LONG + 2, None if name != "order_id" else LONG + 3]
    cells = (
        pa.array([None if n is None else Decimal(n) for n in given]) if pa.types.is_decimal(kind) else pa.array(given)
    )
    found = read_table(parquet(tmp_path, name, cells.cast(kind)), SCHEMA["orders"])
    assert not found.faults and found.frame is not None
    assert [None if pd.isna(n) else str(n) for n in found.frame[name]] == [None if n is None else str(n) for n in given]


def test_decimals_of_parquet_that_are_no_identifiers_stay_numbers(tmp_path: Path) -> None:
    found = read_table(
        parquet(tmp_path, "weight", pa.array([Decimal("1.50"), None, Decimal("2.25")])), SCHEMA["orders"]
    )
    assert found.frame is not None and found.frame["weight"].tolist()[::2] == [1.5, 2.25]


@pytest.mark.parametrize(("kind", "last"), [(pa.float64(), 2**53), (pa.float32(), 2**24)])
def test_floats_that_have_lost_digits_are_no_identifiers(tmp_path: Path, kind: pa.DataType, last: int) -> None:
    path = parquet(tmp_path, "order_id", pa.array([1.0, last, 3.0], kind))
    (fault,) = read_table(path, SCHEMA["orders"]).faults
    assert fault.rows == [2] and "as text" in str(fault.remedy) and "long number" in fault.problem
    found = read_table(parquet(tmp_path, "order_id", pa.array([1.0, last - 1, 3.0], kind)), SCHEMA["orders"])
    assert found.frame is not None and found.frame["order_id"].tolist() == ["1", str(last - 1), "3"]


def test_identifiers_that_a_spreadsheet_has_rounded_are_pointed_out() -> None:
    assert "a spreadsheet has rounded" in column(["1.7E+18", "1.8E+18"], "order_id")[1]
    assert not column(["12E4", "13E5"], "order_id")[1]


@pytest.mark.parametrize(
    ("cells", "wanted"),
    [
        (["07030", "10001"], ["07030", "10001"]),
        (["12E4", "13E5"], ["12E4", "13E5"]),
        (["12e4", "5"], ["12e4", "5"]),
        (["12345678901234567", "1"], ["12345678901234567", "1"]),
        (["+4930123456", "1"], ["+4930123456", "1"]),
        (["007", ""], ["007", None]),
        (["10001", "7030"], [10001, 7030]),
        (["0", "-0.5"], [0.0, -0.5]),
        (["1e-05", "0.25"], [1e-05, 0.25]),
        (["TRUE", "false"], [True, False]),
    ],
)
def test_further_columns_lose_nothing(tmp_path: Path, cells: list[str], wanted: list[object]) -> None:
    edit("orders.csv", lambda f: f.head(2).assign(extra=cells))(write_shop(tmp_path))
    assert [None if pd.isna(value) else value for value in read(tmp_path).orders["extra"]] == wanted


def test_identifiers_that_differ_in_writing_only_are_told_apart(tmp_path: Path) -> None:
    write_shop(tmp_path)
    (tmp_path / "customers.csv").write_text("customer_id\n" + "".join(f"{k}\n" for k in range(9)))
    edit("orders.csv", put("customer_id", 1, "7.0"))(tmp_path)
    (fault,) = check(tmp_path).problems
    assert fault.value == "7.0" and "customers has '7'" in str(fault.remedy) and "'.0'" in str(fault.remedy)
    edit("orders.csv", put("customer_id", 1, "007"))(tmp_path)
    (fault,) = check(tmp_path).problems
    assert "leading zeros" in str(fault.remedy) and "'7'" in str(fault.remedy)


def test_all_faults_of_a_column_are_found_in_one_round(tmp_path: Path) -> None:
    write_shop(tmp_path)
    for row, cell in ((2, "2.5"), (3, "0"), (4, "many"), (5, "")):
        edit("orders.csv", put("quantity", row, cell))(tmp_path)
    for row, cell in ((6, "2024-02-30"), (7, "2024-02-01 25:00"), (8, "1066-10-14"), (9, "soon")):
        edit("orders.csv", put("ordered_at", row, cell))(tmp_path)
    report = check(tmp_path)
    assert sorted(row for fault in report.problems for row in fault.rows) == list(range(2, 10))
    assert "to mend: ordered_at, quantity" in report.text()
    gone = next(line for line in report.text().splitlines() if "returned" in line)
    assert "quantity" not in gone and "ordered_at" not in gone, "a column at fault is there"
    fraction = next(fault for fault in report.problems if fault.rows == [2])
    assert "smaller unit" in str(fraction.remedy)


def test_order_fields_on_an_orders_first_line_only(tmp_path: Path) -> None:
    def bare(frame: pd.DataFrame) -> None:
        frame.loc[frame["order_id"].duplicated(), "ordered_at"] = ""

    edit("orders.csv", bare)(write_shop(tmp_path))
    (fault,) = check(tmp_path).problems
    assert len(fault.rows) == 120 and "order's first line only" in fault.problem
    assert "copy it from the order's first line" in str(fault.remedy) and "ecomlib data map" in str(fault.remedy)
    edit("orders.csv", lambda f: f.assign(order_id=f["order_id"].where(f["ordered_at"] != "", "")))(tmp_path)
    found = check(tmp_path).problems
    assert {fault.column for fault in found} == {"order_id", "ordered_at"}
    assert all("first line only" in fault.problem for fault in found)
    edit("orders.csv", put("ordered_at", 1, ""))(write_shop(tmp_path))
    edit("orders.csv", put("ordered_at", 2, ""))(tmp_path)
    (fault,) = check(tmp_path).problems
    assert "first line" not in fault.problem, "an order that has no moment anywhere"


def test_a_cell_may_hold_a_whole_picture(tmp_path: Path) -> None:
    limit = csv.field_size_limit()
    edit("products.csv", lambda f: f.assign(description=["x" * 200_000, *["y"] * 19]))(write_shop(tmp_path))
    assert len(read(tmp_path).products["description"].iloc[0]) == 200_000
    assert csv.field_size_limit() == limit
    text("products.csv", lambda whole: whole.replace('"', "").replace("x" * 200_000, '"' + "x" * 200_000))(tmp_path)
    assert any("cut off" in fault.problem for fault in check(tmp_path).problems)
