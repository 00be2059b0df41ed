"""Moments and numbers in the ways of other systems: read where there is one way to, else refused by name."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from own_shop import edit, text, write_shop

from ecomlib.errors import DataError
from ecomlib.stores.folder.parse import parse
from ecomlib.stores.folder.read_write import check, read
from ecomlib.stores.folder.table_file import read_table
from ecomlib.stores.schema import SCHEMA, plain_name


def column(cells: list[str | None], name: str, table: str = "orders") -> tuple[list[object], str]:
    """The parsed cells of one column, and all notes about it."""
    notes: list[str] = []
    found = SCHEMA[table].column(name)
    assert found is not None
    values = pd.Series(cells, dtype=object)
    return parse(values, found, table, np.arange(1, len(cells) + 1), notes).tolist(), " ".join(notes)


def refused(cells: list[str | None], name: str, table: str = "orders") -> DataError:
    with pytest.raises(DataError) as caught:
        column(cells, name, table)
    assert caught.value.table == table and caught.value.column == name and caught.value.remedy
    return caught.value


@pytest.mark.parametrize(
    ("cells", "wanted"),
    [
        (["01/02/2023 2:30 PM", "01/25/2023 11:05 AM"], "2023-01-02 14:30"),
        (["1/2/2023 12:00:00 AM", "1/25/2023 12:30:00 PM"], "2023-01-02"),
        (["1/2/2023 12:30:00 PM", "1/25/2023 12:30:00 AM"], "2023-01-02 12:30"),
        (["1/2/2023, 2:30:00\u202fPM", "1/25/2023, 2:30:00\u202fPM"], "2023-01-02 14:30"),
        (["2023-01-02 02:30:05 p.m."], "2023-01-02 14:30:05"),
        (["25.01.2023 2PM"], "2023-01-25 14:00"),
        (["2023-01-02 2:30PM UTC", "2023-01-03"], "2023-01-02 14:30"),
        (["2023-01-02 2:30 PM -0500", "2023-07-02 2:30 PM -0400"], "2023-01-02 14:30"),
        (["Jan 2, 2023 at 2:30 PM"], "2023-01-02 14:30"),
        (["January 2nd, 2023"], "2023-01-02"),
        (["2 Sept. 2023"], "2023-09-02"),
        (["02-MAY-2023"], "2023-05-02"),
        (["Mon, 02 Jan 2023 08:11:00 +0000"], "2023-01-02 08:11"),
        (["Monday, 2 January 2023"], "2023-01-02"),
        (["2023-W01-1", "2023W013"], "2023-01-02"),
        (["2020-W53-7"], "2021-01-03"),
        (["02.01.2023, 08:11", "25.01.2023, 08:12"], "2023-01-02 08:11"),
        (["2023-01-02\u00a008:11"], "2023-01-02 08:11"),
        (["20230102081105", "202301020811"], "2023-01-02 08:11:05"),
        (["1672647060", "1672733460"], "2023-01-02 08:11"),
        (["1672647060.25", "1672733460"], "2023-01-02 08:11"),
        (["1672647060000"], "2023-01-02 08:11"),
        (["1672647060000000"], "2023-01-02 08:11"),
        (["1672647060000000000"], "2023-01-02 08:11"),
    ],
)
def test_moments_with_one_meaning_are_read(cells: list[str | None], wanted: str) -> None:
    moments, notes = column([*cells, None, "  "], "ordered_at")
    assert moments[0] == pd.Timestamp(wanted) and all(pd.isna(moment) for moment in moments[-2:])
    assert ("since 1970, in universal time" in notes) == (cells[0] or "").startswith("167")


@pytest.mark.parametrize(
    ("cells", "problem", "rows"),
    [
        (["2023-01-02 2:30 PM", "2023-01-02 14:30 PM"], "there is no such time", [2]),
        (["2023-01-02 0:30 AM"], "there is no such time", [1]),
        (["2023-01-02 2:30 PM", "2023-01-02 3:30"], "a time without AM or PM", [2]),
        (["1/2/2023 2:30 PM", "1/3/2023 2:30 PM"], "order of day and month cannot be told", [1, 2]),
        (["02.01.23", "25.01.23"], "its year has two digits", [1, 2]),
        (["1/25/23 2:30 PM"], "its year has two digits", [1]),
        (["02-Jan-23"], "its year has two digits", [1]),
        (["2023-W01", "2023-W02"], "a week or a month without a day", [1, 2]),
        (["2023-01", "2023-02"], "a week or a month without a day", [1, 2]),
        (["2023-W54-1"], "not a date", [1]),
        (["31 Feb 2023"], "no such date", [1]),
        (["2566-01-02"], "outside 1900 to 2100", [1]),  # the Buddhist calendar
        (["1402-10-12", "1402-10-13"], "outside 1900 to 2100", [1, 2]),  # the Persian one
        (["1672647060", "1672647060000"], "not a date", [1, 2]),
        (["44928", "44929.5"], "a spreadsheet's day number", [1, 2]),
    ],
)
def test_moments_with_two_meanings_or_none_are_named(cells: list[str | None], problem: str, rows: list[int]) -> None:
    fault = refused(cells, "ordered_at")
    assert problem in fault.problem and (fault.rows, fault.value) == (rows, cells[rows[0] - 1])


@pytest.mark.parametrize(
    ("cells", "wanted", "said"),
    [
        (["1 234", "5"], [1234.0, 5.0], "blanks were read as separators"),
        (["1\u202f234,50", "2,00"], [1234.5, 2.0], "blanks were read as separators"),
        (["12\u00a0345\u00a0678.5"], [12345678.5], "blanks were read as separators"),
        (["1'234.50", "2"], [1234.5, 2.0], "apostrophes were read as separators"),
        (["1\u2019234\u2019567", "0.25"], [1234567.0, 0.25], "apostrophes were read as separators"),
        (["1,23,456.50", "12,34,567"], [123456.5, 1234567.0], "commas were read as separators"),
        (["12,-", "3,50"], [12.0, 3.5], "commas were read as decimal signs"),
        (["12.\u2013", "3.50"], [12.0, 3.5], ""),
        ([",5", "1,25"], [0.5, 1.25], "commas were read as decimal signs"),
        (["\uff11\uff12", "\u0663"], [12.0, 3.0], ""),
        (["'5", '="6.5"'], [5.0, 6.5], ""),
        (["5\u00a0", " 6"], [5.0, 6.0], ""),
        (["€12.50", "€ 3"], [12.5, 3.0], "the sign '€' was left away"),
        (["1.234,50 €", "3,00 €"], [1234.5, 3.0], "the sign '€' was left away"),
        (["$1,234.50", "$2.00", "$1e3"], None, ""),
        (["US$1,234.50", "US$2"], [1234.5, 2.0], "the sign 'US$' was left away"),
        (["R$ 1.234,50"], [1234.5], "the sign 'R$'"),
        (["CHF 1'234.50", "chf 2.--"], [1234.5, 2.0], "the sign 'CHF'"),
        (["1 234,50 kr", "2 kr."], [1234.5, 2.0], "the sign 'KR'"),
        (["1 234,50 zł", "2,00 zł"], [1234.5, 2.0], "the sign 'ZŁ'"),
    ],
)
def test_amounts_with_one_meaning_are_read(cells: list[str | None], wanted: list[float] | None, said: str) -> None:
    if wanted is None:
        assert "text where a number is needed" in refused(cells, "unit_price").problem
        return
    prices, notes = column([*cells, " "], "unit_price")
    assert prices[:-1] == wanted and pd.isna(prices[-1]) and said in notes


@pytest.mark.parametrize(
    "cell", ["(12.50)", "12.50-", "12,50-", "-12.50", "\u221212.50", "- 12.50", "($12.50)", "-$12.50"]
)
def test_ways_to_write_a_negative_amount_are_refused_as_one(tmp_path: Path, cell: str) -> None:
    decimal, sign = "," if "," in cell else ".", "$" if "$" in cell else ""
    edit("orders.csv", lambda f: f.assign(unit_price=[f"{sign}3{decimal}00", cell] * (len(f) // 2)))(
        write_shop(tmp_path)
    )
    (fault,) = check(tmp_path).problems
    assert "must not be negative" in fault.problem and fault.value == -12.5 and fault.rows[:2] == [2, 4]


@pytest.mark.parametrize(
    ("cells", "name", "problem", "rows"),
    [
        (["$5", "€4"], "unit_price", "amounts in 2 currencies ($, €)", [1, 2]),
        (["5 USD", "4 EUR", "3 USD"], "unit_price", "amounts in 2 currencies (EUR, USD)", [1, 2, 3]),
        (["£3", "5"], "unit_price", "text where a number is needed", [1]),
        (["€990", "€1.290"], "unit_price", "a point that could be", [2]),
        (["$990", "$1,290"], "unit_price", "a comma that could be", [2]),
        (["€5", "to be done"], "unit_price", "text where a number is needed", [2]),
        (["$5", "$6"], "quantity", "text where a whole number is needed", [1, 2]),
        (["3 pcs"], "unit_price", "text where a number is needed", [1]),
        (["1 23", "12 3456", "1'23"], "unit_price", "text where a number is needed", [1, 2, 3]),
        (["1 234'567"], "unit_price", "text where a number is needed", [1]),
        (["5\u00b2", "\u00bd"], "unit_price", "text where a number is needed", [1, 2]),
        (["20%"], "unit_price", "text where a number is needed", [1]),
    ],
)
def test_amounts_with_two_meanings_or_none_are_named(
    cells: list[str | None], name: str, problem: str, rows: list[int]
) -> None:
    fault = refused(cells, name)
    assert problem in fault.problem and (fault.rows, fault.value) == (rows, cells[rows[0] - 1])


@pytest.mark.parametrize(
    "name", ["Order ID", "OrderId", "orderID", "order-id", "ORDER_ID", " order.id ", "\ufefforder_id"]
)
def test_ways_to_write_a_column_s_name(tmp_path: Path, name: str) -> None:
    assert plain_name(name) == "order_id"
    edit("orders.csv", lambda f: f.rename(columns={"order_id": name}))(write_shop(tmp_path))
    assert read(tmp_path).orders["order_id"].iloc[0] == "1000"


def test_a_header_that_stands_again_is_no_product(tmp_path: Path) -> None:
    write_shop(tmp_path)
    wanted = read(tmp_path)
    for name in ("products.csv", "orders.csv"):
        text(name, lambda whole: "\n".join([*(lines := whole.splitlines())[:9], lines[0], *lines[9:]]) + "\n")(tmp_path)
    store = read(tmp_path)
    pd.testing.assert_frame_equal(store.products, wanted.products)
    pd.testing.assert_frame_equal(store.orders, wanted.orders)
    assert "products: the header stands again in row 9; it was skipped there." in store.notes["reading"]
    text("orders.csv", lambda whole: whole.rstrip() + "x\n")(tmp_path)
    assert check(tmp_path).problems[0].rows == [241], "rows are counted as in the file"


def parquet(folder: Path, name: str, values: pa.Array) -> Path:
    table = {
        "order_id": pa.array(["a", "b"]),
        "product_id": pa.array(["1", "2"]),
        "ordered_at": pa.array(["2024-01-01"] * 2),
        "quantity": pa.array([1, 2]),
        "unit_price": pa.array([1.5, 2.5]),
    }
    pq.write_table(pa.table({**table, name: values}), folder / "orders.parquet")
    return folder / "orders.parquet"


@pytest.mark.parametrize(
    ("name", "values", "wanted"),
    [
        ("ordered_at", pa.array([20230102, 20230103]), [pd.Timestamp("2023-01-02"), pd.Timestamp("2023-01-03")]),
        ("ordered_at", pa.array([1672647060, 1672647061]), [pd.Timestamp("2023-01-02 08:11:00"), None]),
        ("ordered_at", pa.array([1672647060000.0, 1672647061000.0]), [pd.Timestamp("2023-01-02 08:11:00"), None]),
        ("unit_price", pa.array([Decimal("15.13"), Decimal("0.07")]).cast(pa.decimal128(18, 6)), [15.13, 0.07]),
        ("customer_id", pa.array(["a", "b"], pa.string_view()), ["a", "b"]),
    ],
)
def test_parquet_columns_of_other_types(tmp_path: Path, name: str, values: pa.Array, wanted: list[object]) -> None:
    found = read_table(parquet(tmp_path, name, values), SCHEMA["orders"])
    assert not found.faults and found.frame is not None
    assert [cell for cell, want in zip(found.frame[name], wanted, strict=True) if want] == [w for w in wanted if w]


@pytest.mark.parametrize(
    ("name", "values", "problem"),
    [
        ("quantity", pa.array([True, False]), "true or false where a number is needed"),
        ("unit_price", pa.array([True, True]), "true or false where a number is needed"),
        ("customer_id", pa.array([b"0" * 16, b"1" * 16], pa.binary(16)), "a column of type"),
        ("customer_id", pa.array([b"0", b"1"], pa.large_binary()), "a column of type"),
        ("ordered_at", pa.array([45000, 45001]), "a spreadsheet's day number"),
        ("ordered_at", pa.array([3600, 7200], pa.duration("s")), "not a date"),
    ],
)
def test_parquet_columns_that_cannot_be_meant(tmp_path: Path, name: str, values: pa.Array, problem: str) -> None:
    (fault,) = read_table(parquet(tmp_path, name, values), SCHEMA["orders"]).faults
    assert problem in fault.problem and fault.column == name and fault.remedy


@pytest.mark.parametrize(("yes", "no"), [("WAHR", "FALSCH"), ("Vrai", "Faux"), ("ja", "nein"), ("sí", "no")])
def test_flags_of_spreadsheets_in_other_languages(yes: str, no: str) -> None:
    assert column([yes, no], "returned")[0] == [True, False]


def test_identifiers_that_a_spreadsheet_is_kept_off_are_read_without_the_signs(tmp_path: Path) -> None:
    write_shop(tmp_path)
    wanted = read(tmp_path).orders
    edit("orders.csv", lambda f: f.assign(product_id=[f'="{name}"' for name in f["product_id"]]))(tmp_path)
    pd.testing.assert_frame_equal(read(tmp_path).orders, wanted)


@pytest.mark.parametrize("suffix", [".tsv", ".txt", ".TAB"])
def test_text_under_other_names(tmp_path: Path, suffix: str) -> None:
    write_shop(tmp_path)
    wanted = read(tmp_path).orders
    text("orders.csv", lambda whole: whole.replace(",", "\t"))(tmp_path)
    (tmp_path / "orders.csv").rename(tmp_path / f"orders{suffix}")
    pd.testing.assert_frame_equal(read(tmp_path).orders, wanted)


@pytest.mark.parametrize(
    "change",
    [
        lambda whole: whole.replace(",", "~"),
        lambda whole: "".join(f'"{line}"\n' for line in whole.replace('"', '""').splitlines()),
    ],
)
def test_a_header_in_one_piece_is_named(tmp_path: Path, change: Callable[[str], str]) -> None:
    text("orders.csv", change)(write_shop(tmp_path))
    (fault,) = check(tmp_path).problems
    assert "stand in one column" in fault.problem and "commas" in str(fault.remedy)


def test_what_looks_like_a_table_and_was_not_read_is_said(tmp_path: Path) -> None:
    write_shop(tmp_path / "shop")
    (tmp_path / "shop" / "orders.csv").rename(tmp_path / "shop" / "orders_2023.csv")
    assert "orders_2023.csv: not read; should it be orders.csv?" in check(tmp_path / "shop").notes
    (tmp_path / "shop" / "orders_2024.csv").write_text("x\n")
    (said,) = check(tmp_path / "shop").notes
    assert said.startswith("orders_2023.csv, orders_2024.csv: not read; are they parts of the table orders?")
    assert "the folder shop holds tables: is it the one to give?" in check(tmp_path).notes


@pytest.mark.parametrize(
    ("cells", "name", "table", "wanted"),
    [
        (["52,520", "-9,140"], "latitude", "regions", [52.52, -9.14]),
        (["0,125", "0,250"], "depth", "prices", [0.125, 0.25]),
        (["0,125", "1,250"], "unit_price", "orders", [0.125, 1.25]),
        (["4,500", "3,000"], "rating", "reviews", [4.5, 3.0]),
    ],
)
def test_commas_that_cannot_be_thousands_are_decimal_signs(
    cells: list[str | None], name: str, table: str, wanted: list[float]
) -> None:
    assert column(cells, name, table)[0] == wanted


@pytest.mark.parametrize("nothing", ["0000-00-00", "0000-00-00 00:00:00"])
def test_a_database_s_empty_date_is_missing_where_that_is_allowed(nothing: str) -> None:
    assert pd.isna(column([nothing, "2024-01-01"], "launched_on", "products")[0][0])
    assert "outside 1900 to 2100" in refused([nothing, "2024-01-01"], "ordered_at").problem


def test_a_latitude_too_high_is_no_share(tmp_path: Path) -> None:
    write_shop(tmp_path)
    (tmp_path / "regions.csv").write_text("region_id,name,latitude,longitude\nN,North,152.5,13.4\nS,South,48.1,11.5\n")
    (fault,) = check(tmp_path).problems
    assert fault.rows == [1] and "share" not in str(fault.remedy)


def by_region(folder: Path) -> pd.DataFrame:
    """The shop's orders, of regions 01 and 02, cut by region; the folder's own file is taken away."""
    frame = pd.read_csv(write_shop(folder) / "orders.csv", dtype=str).replace({"region_id": {"N": "01", "S": "02"}})
    (folder / "orders.csv").unlink()
    (folder / "regions.csv").unlink()
    return frame


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_a_partition_s_name_is_an_identifier_with_its_zeros(tmp_path: Path, kind: str) -> None:
    for region, part in by_region(tmp_path).groupby("region_id"):
        place = tmp_path / f"orders.{kind}" / f"region_id={region}"
        place.mkdir(parents=True)
        bare = part.drop(columns="region_id")
        if kind == "parquet":
            bare.to_parquet(place / "part.parquet")
        else:
            bare.to_csv(place / "part.csv", index=False)
    if kind == "parquet":
        assert sorted(read(tmp_path).orders["region_id"].unique()) == ["01", "02"]
        return
    (fault,) = check(tmp_path).problems
    assert "are named by a column (region_id=…)" in fault.problem and fault.column == "region_id"


def test_parts_whose_columns_differ_in_type_are_not_called_damaged(tmp_path: Path) -> None:
    frame = by_region(tmp_path)
    (tmp_path / "orders.parquet").mkdir()
    frame.head(100).to_parquet(tmp_path / "orders.parquet" / "a.parquet")
    frame.tail(140).astype({"order_id": int}).to_parquet(tmp_path / "orders.parquet" / "b.parquet")
    (fault,) = check(tmp_path).problems
    assert "different types" in fault.problem and "order_id" in fault.problem and "one type" in str(fault.remedy)


def test_a_column_without_a_name_is_said(tmp_path: Path) -> None:
    text("orders.csv", lambda whole: whole.replace("customer_id", "", 1))(write_shop(tmp_path))
    assert "orders: column 4 of the file has no name, and is not used." in check(tmp_path).notes


@pytest.mark.parametrize(("name", "said"), [("export.zip", "an archive"), ("Sales.xlsx", "a spreadsheet")])
def test_what_may_hold_the_orders_is_said(tmp_path: Path, name: str, said: str) -> None:
    (write_shop(tmp_path) / name).write_bytes(b"PK")
    assert not check(tmp_path).notes
    (tmp_path / "orders.csv").unlink()
    assert any(note.startswith(f"{name}: {said}, not read") for note in check(tmp_path).notes)


def line(whole: str) -> str:
    return whole.split("\n", 1)[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda whole: whole + ",,,,,,\n" * 3, "3 rows without any value were skipped (row 241)"),
        (lambda whole: whole.replace("\n", ",\n").replace(",\n", "\n", 1), "a separator that the header lacks"),
        (lambda whole: whole.replace("\n", f"\n\ufeff{line(whole)}\n", 1), "the header stands again in row 1"),
        (lambda whole: f"{whole}{line(whole).upper()}\n", "the header stands again in row 241"),
    ],
)
def test_what_spreadsheets_and_joined_files_leave_behind_is_skipped(
    tmp_path: Path, change: Callable[[str], str], said: str
) -> None:
    wanted = read(write_shop(tmp_path)).orders
    text("orders.csv", change)(tmp_path)
    pd.testing.assert_frame_equal(read(tmp_path).orders, wanted)
    assert any(said in note for note in check(tmp_path).notes)


def test_a_row_with_a_value_behind_the_last_column_is_not_cut(tmp_path: Path) -> None:
    def change(whole: str) -> str:
        first, *rows = whole.splitlines()
        return "\n".join([first, *(f"{row}," for row in rows[:-1]), f"{rows[-1]},7"]) + "\n"

    text("orders.csv", change)(write_shop(tmp_path))
    (fault,) = check(tmp_path).problems
    assert "a row has 8 values, but the header has 7 columns" in fault.problem and len(fault.rows) == 240


@pytest.mark.parametrize(
    ("cells", "wanted"),
    [
        (["1.1", "1.10"], ["1.1", "1.10"]),
        (["1.0", "1.00"], ["1.0", "1.00"]),
        (["1.10", "2.50"], [1.1, 2.5]),
        (["5", "5.0"], [5.0, 5.0]),
    ],
)
def test_versions_are_no_numbers(tmp_path: Path, cells: list[str], wanted: list[object]) -> None:
    edit("orders.csv", lambda f: f.head(2).assign(extra=cells))(write_shop(tmp_path))
    assert read(tmp_path).orders["extra"].tolist() == wanted


@pytest.mark.parametrize("cell", ["3-Jan", "12-Dez", "1. Mai"])
def test_codes_that_became_dates_are_pointed_out(cell: str) -> None:
    assert ("took for dates" in column([cell, "4-7"], "product_id")[1]) == (cell != "1. Mai")


def test_json_is_named(tmp_path: Path) -> None:
    (write_shop(tmp_path) / "orders.csv").write_text('[{"order_id": 1}]\n')
    (fault,) = check(tmp_path).problems
    assert "not text with separators but JSON" in fault.problem


def test_order_fields_on_an_order_s_last_line_only(tmp_path: Path) -> None:
    edit(
        "orders.csv", lambda f: f.assign(ordered_at=f["ordered_at"].where(~f["order_id"].duplicated(keep="last"), ""))
    )(write_shop(tmp_path))
    (fault,) = check(tmp_path).problems
    assert fault.rows[:2] == [1, 3] and "order's last line only" in fault.problem
    assert "copy it from the order's last line" in str(fault.remedy)


def test_a_count_that_floats_would_round_is_refused() -> None:
    assert "must hold a whole number" in refused(["9007199254740993", "1"], "quantity").problem
    assert column(["9007199254740991", "1"], "quantity")[0] == [2**53 - 1, 1]
