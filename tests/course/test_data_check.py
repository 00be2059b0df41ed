"""``ecomlib data check``: ten broken copies of a shop give ten different, helpful errors and never a traceback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from own_shop import edit, put, text, write_shop

from ecomlib.course import data_check
from ecomlib.course.data_check import encoder_reads
from ecomlib.course.syllabus import LESSONS
from ecomlib.errors import DataError
from ecomlib.panel import make_panel
from ecomlib.serving.release.snapshot import first_full_week, last_full_week
from ecomlib.stores import Store
from ecomlib.stores.folder.read_write import CheckReport, check
from ecomlib.stores.language import guess_language
from ecomlib.stores.schema import SCHEMA
from ecomlib.text.cold_start import newcomers


def cut_parquet(folder: Path) -> None:
    orders = pd.read_csv(folder / "orders.csv", dtype={"product_id": str})
    orders.to_parquet(folder / "orders.parquet")
    (folder / "orders.csv").unlink()
    whole = (folder / "orders.parquet").read_bytes()
    (folder / "orders.parquet").write_bytes(whole[: len(whole) // 2])


def spreadsheet(folder: Path) -> None:
    # An xlsx file is a zip archive; its first bytes are all that a reader needs to see.
    (folder / "orders.csv").write_bytes(b"PK\x03\x04\x14\x00\x06\x00" + bytes(range(256)) * 20)


def day_first(folder: Path) -> None:
    edit("orders.csv", put("ordered_at", 7, "24/05/2024 18:24"))(folder)


BROKEN: dict[str, tuple[Callable[[Path], None], str, str | None, list[int], str | None, str, str]] = {
    # name: how to break it, table, column, rows, value, words of the problem, words of the remedy
    "missing column": (
        edit("orders.csv", lambda f: f.rename(columns={"quantity": "quantities"})),
        "orders",
        "quantity",
        [],
        None,
        "the column is missing",
        "rename 'quantities' to 'quantity'",
    ),
    "text in a number": (
        edit("orders.csv", put("unit_price", 12, "£3.50")),
        "orders",
        "unit_price",
        [12],
        "£3.50",
        "text where a number",
        "digits only",
    ),
    "dates in two formats": (
        day_first,
        "orders",
        "ordered_at",
        [7],
        "24/05/2024 18:24",
        "dates in two formats",
        "YYYY-MM-DD",
    ),
    "negative prices": (
        edit("orders.csv", put("unit_price", 30, "-2.50")),
        "orders",
        "unit_price",
        [30],
        "-2.5",
        "must not be negative",
        "take the row out",
    ),
    "unknown product in orders": (
        edit("orders.csv", put("product_id", 5, "99999")),
        "orders",
        "product_id",
        [5],
        "99999",
        "unknown product_id",
        "add it to products",
    ),
    "empty table": (
        edit("orders.csv", lambda f: f.head(0)),
        "orders",
        None,
        [],
        None,
        "holds no rows",
        "fill it",
    ),
    "duplicate keys": (
        edit("products.csv", put("product_id", 9, "00002")),
        "products",
        "product_id",
        [9],
        "00002",
        "row 3 has this one already",
        "keep one",
    ),
    "wrong encoding": (
        text("products.csv", str, encoding="cp1252"),
        "products",
        "title",
        [1],
        "Set of 0 red mugs with a café motif",
        "not written in UTF-8",
        "iconv",
    ),
    "file cut off in the middle": (
        text("orders.csv", lambda whole: whole[: whole.index("\n", len(whole) // 2) + 20]),
        "orders",
        None,
        [119],
        None,
        "the file is cut off",
        "once more",
    ),
    "spreadsheet renamed .csv": (
        spreadsheet,
        "orders",
        None,
        [],
        None,
        "a spreadsheet (xlsx)",
        "CSV UTF-8",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_copy_names_table_column_row_value_and_remedy(name: str, tmp_path: Path) -> None:
    break_it, table, column, rows, value, problem, remedy = BROKEN[name]
    break_it(write_shop(tmp_path))
    report = check(tmp_path)
    assert not report.ok
    faults = [fault for fault in report.problems if problem in fault.problem]
    assert len(faults) == 1, report.text()
    fault = faults[0]
    assert fault.table == table and fault.column == column
    if name != "file cut off in the middle":
        assert fault.rows == rows
    else:
        # The row that is not whole is the last one that the file still holds.
        assert fault.rows == [(tmp_path / "orders.csv").read_text().count("\n")]
    if value is not None:
        assert str(fault.value) == value
    assert fault.remedy and remedy in fault.remedy
    # What is wrong is wrong once: nothing else is reported but what follows from it.
    consequences = [other for other in report.problems if other is not fault]
    allowed = {"duplicate keys": "unknown product_id"}.get(name)
    assert all(allowed and allowed in other.problem for other in consequences), report.text()
    assert str(fault) in report.text()
    with pytest.raises(DataError):
        Store.from_directory(tmp_path)


def test_a_cut_off_parquet_file_says_so(tmp_path: Path) -> None:
    cut_parquet(write_shop(tmp_path))
    (fault,) = check(tmp_path).problems
    assert fault.table == "orders" and "Parquet file is cut off" in fault.problem and "once more" in str(fault.remedy)


def test_ten_faults_give_ten_different_sentences(tmp_path: Path) -> None:
    said = set()
    for name, (break_it, *_, problem, _) in BROKEN.items():
        folder = write_shop(tmp_path / name.replace(" ", "_"))
        break_it(folder)
        said.add(next(fault.problem for fault in check(folder).problems if problem in fault.problem))
    assert len(said) == len(BROKEN) == 10


def test_all_problems_are_listed_not_just_the_first(tmp_path: Path) -> None:
    write_shop(tmp_path)
    for change in (put("unit_price", 30, "-2.50"), put("quantity", 3, "many"), put("product_id", 5, "99999")):
        edit("orders.csv", change)(tmp_path)
    edit("products.csv", put("launched_on", 4, "2024-02-30"))(tmp_path)
    edit("regions.csv", lambda f: f.drop(columns="name"))(tmp_path)
    problems = check(tmp_path).problems
    assert {(fault.table, fault.column) for fault in problems} == {
        ("orders", "unit_price"),
        ("orders", "quantity"),
        ("orders", "product_id"),
        ("products", "launched_on"),
        ("regions", "name"),
    }
    with pytest.raises(DataError) as caught:
        Store.from_directory(tmp_path)
    assert len(caught.value.__notes__) == len(problems), "the others, and one line that says how to list them"


def test_a_whole_shop_is_ok_and_the_report_says_what_it_can_do(tmp_path: Path) -> None:
    report = check(write_shop(tmp_path))
    assert isinstance(report, CheckReport) and report.ok and report.problems == ()
    assert report.rows == {"products": 20, "regions": 2, "orders": 240}
    assert report.language == "English"
    assert report.period is not None and report.period[0] >= pd.Timestamp("2024-01-01")
    text = data_check.check(tmp_path).text()
    for words in (
        "products          20 rows",
        "not there: description, category",
        "tables: listings, customers, prices",
        "Language of the titles: English",
        "05  Space and time             no  needs orders from 3 regions, there are 2",
    ):
        assert words in text
    assert [line.split()[0] for line in text.splitlines()[-len(LESSONS) :]] == [lesson.number for lesson in LESSONS]


def test_a_lesson_that_lacks_a_table_or_weeks_says_which(tmp_path: Path) -> None:
    write_shop(tmp_path)
    (tmp_path / "regions.csv").unlink()
    assert data_check.check(tmp_path).lessons["05"] == (False, "needs regions")
    edit("orders.csv", lambda f: f[f["ordered_at"] < "2024-03-01"])(tmp_path)
    able, why = data_check.check(tmp_path).lessons["04"]
    assert not able and why == "needs 13 full weeks of orders, there are 7"


def shop_of_days(folder: Path, days: pd.DatetimeIndex, products: int = 4, **columns: object) -> data_check.DataCheck:
    """Check a shop that sells each of its products on each of these days."""
    folder.mkdir(exist_ok=True)
    ids = [f"p{number:02d}" for number in range(products)]
    pd.DataFrame({"product_id": ids, "title": "red mug"}).to_csv(folder / "products.csv", index=False)
    lines = pd.MultiIndex.from_product([days, ids], names=["ordered_at", "product_id"]).to_frame(index=False)
    lines = lines.assign(order_id=[f"o{n}" for n in range(len(lines))], quantity=2, unit_price=2.5, **columns)
    lines.to_csv(folder / "orders.csv", index=False)
    return data_check.check(folder)


def test_weeks_are_counted_whole_as_a_panel_holds_them(tmp_path: Path) -> None:
    """140 days from a Wednesday on are 19 full weeks, and a week that ends on a Saturday is none in a panel."""
    found = shop_of_days(tmp_path / "a", pd.date_range("2023-01-04", periods=140))
    assert found.lessons["00"] == (False, "needs 23 full weeks of orders, there are 19")
    assert "19 full weeks from Monday to Sunday, 140 days with orders." in found.text()
    days = pd.date_range("2023-01-02", periods=7 * 13 - 1)
    found = shop_of_days(tmp_path / "b", days[days.dayofweek < 6])
    assert found.rhythm is not None and (found.rhythm.weeks, found.rhythm.panel_weeks) == (13, 12)
    store = Store.from_directory(tmp_path / "b")
    assert make_panel(store)["ds"].nunique() == 12 and last_full_week(store) - first_full_week(store) + 1 == 13
    assert found.lessons["04"] == (False, "needs 13 full weeks of orders, there are 12")


def test_monthly_orders_are_named_and_no_weekly_lesson_takes_them(tmp_path: Path) -> None:
    found = shop_of_days(tmp_path, pd.date_range("2019-01-01", periods=60, freq="MS"), products=30)
    able = {number for number, (able, _) in found.lessons.items() if able}
    assert able == {"01"} and found.lessons["00"][1] == "orders come monthly, and it counts weeks"
    assert "Orders come monthly: on 60 days of" in found.text()


def test_a_daily_lesson_refuses_one_order_day_a_week(tmp_path: Path) -> None:
    write_shop(tmp_path)
    edit("orders.csv", lambda f: f.assign(ordered_at=pd.to_datetime(f["ordered_at"]).dt.to_period("W").dt.start_time))(
        tmp_path
    )
    found = data_check.check(tmp_path)
    assert found.lessons["05"] == (False, "orders come one day a week, and it counts days")
    assert found.lessons["00"][0] and "dates without a time of day" in found.text()


def test_a_lack_of_products_is_said_as_such(tmp_path: Path) -> None:
    """As lessons 02 and 03 count them: five newcomers after the opening weeks, ten products, prices that have moved."""
    days = pd.date_range("2023-01-02", periods=7 * 60)
    found = shop_of_days(tmp_path / "few", days, products=4)
    assert found.lessons["02"][1].endswith("as long before the end; there are 0")
    assert found.lessons["03"] == (False, "needs 10 products that sold, there are 4")
    found = shop_of_days(tmp_path / "many", days, products=30)
    assert found.lessons["03"] == (False, "needs prices that have moved, for 10% of the products; 0% have")
    orders = pd.read_csv(tmp_path / "many" / "orders.csv")
    late = orders["product_id"].isin([f"p{n:02d}" for n in range(5)]) & (orders["ordered_at"] < "2023-06-01")
    orders[~late].to_csv(tmp_path / "many" / "orders.csv", index=False)
    assert data_check.check(tmp_path / "many").lessons["02"][0]
    late |= orders["product_id"] > "p23"
    orders[~late].to_csv(tmp_path / "many" / "orders.csv", index=False)
    found = data_check.check(tmp_path / "many")
    assert found.lessons["02"] == (False, "needs 20 products of the first 8 weeks, there are 19")


def test_newcomers_are_counted_as_lesson_02_counts_them(tmp_path: Path) -> None:
    write_shop(tmp_path)
    edit("products.csv", lambda f: f.assign(launched_on=["2024-01-15"] * 5 + ["2024-05-01"] * 9 + [""] * 6))(tmp_path)
    store = Store.from_directory(tmp_path)
    table = newcomers(store)
    later = int((table["first_day"] > table["first_day"].min() + pd.Timedelta(weeks=8)).sum())
    assert later >= 9 and data_check._first_seen(store.products, store.orders) == (len(table) - later, later)


def test_returns_are_seen_gross_and_net(tmp_path: Path) -> None:
    """Four lines a day, 2 units at 2.50 each, of which one comes back: 40 lines, 80 units gross and 60 net."""
    back = [n % 4 == 0 for n in range(40)]
    found = shop_of_days(tmp_path, pd.date_range("2024-01-01", periods=10), returned=back)
    said = "40 lines, 25.0% of them came back: 80 units gross, 60 net; 200 gross, 150 net."
    assert said in found.text()
    store = Store.from_directory(tmp_path)
    assert said in str(store.summary())
    cleaning = store.notes["cleaning"].set_index("reason")
    assert cleaning.loc["of these: came back"].tolist() == [10, 20, 50.0]
    assert cleaning.loc["of these: net of returns"].tolist() == [30, 60, 150.0]
    assert cleaning.loc["kept"].tolist() == [40, 80, 200.0]


def test_lessons_ask_only_for_tables_and_columns_that_exist() -> None:
    for lesson in LESSONS:
        for name in (*lesson.needs.tables, *lesson.needs.better_with):
            table, _, column = name.partition(".")
            assert table in SCHEMA and (not column or SCHEMA[table].column(column)), f"{lesson.number}: {name}"


@pytest.mark.parametrize(
    ("path", "words"),
    [("nowhere", "there is no such folder"), ("file.csv", "not a folder"), ("empty", "every store needs this table")],
)
def test_a_path_that_holds_no_shop(path: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.csv").write_text("a,b\n1,2\n")
    report = check(tmp_path / path)
    assert not report.ok and words in report.text()


def test_a_file_with_a_wrong_name_is_pointed_out(tmp_path: Path) -> None:
    write_shop(tmp_path)
    (tmp_path / "products.csv").rename(tmp_path / "product.csv")
    report = check(tmp_path)
    assert "product.csv: not read; should it be products.csv?" in report.notes
    assert [fault.table for fault in report.problems] == ["products"]
    (tmp_path / "product.csv").rename(tmp_path / "products.xlsx")
    (fault,) = check(tmp_path).problems
    assert "cannot be read: products.xlsx" in fault.problem


CHINESE = ["红色陶瓷咖啡杯 大号", "手工编织篮子", "儿童木制玩具火车", "不锈钢保温杯 500ml", "花园太阳能灯"]


@pytest.mark.parametrize(
    ("language", "titles"),
    [
        ("English", ["SET OF 6 RED MUGS", "Lamp for the garden", "BOX OF STARS WITH HEART", "BAG OF BUTTONS"]),
        ("German", ["Tasse mit Henkel aus Steingut", "Lampe für den Garten", "Kerze von der Manufaktur, klein"]),
        ("French", ["Boîte de rangement pour la cuisine", "Lot de six tasses avec anse", "Sac en toile, petit"]),
        ("Spanish", ["Juego de tazas con asa", "Bolsa de tela para el jardín", "Caja pequeña del taller, azul"]),
        ("Chinese", CHINESE),
        ("Japanese", ["赤いマグカップ", "庭のためのランプ", "木のおもちゃ"]),
        ("Korean", ["빨간 머그컵", "정원 램프"]),
        ("a language in Cyrillic letters", ["Красная кружка", "Лампа для сада"]),
        ("unclear", ["XK-200", "ZT-9 Pro", "12345", "QX4 Ultra"]),
        ("unclear", ["Unit 1, kind e, group a", "Unit 2, kind a, group o", "Unit 3, kind o, group e"]),
        ("unclear", [f"Item {k} of brand {k % 7}" for k in range(40)]),
        ("Portuguese", ["Caneca de porcelana com tampa", "Bolsa para o jardim", "Caixa pequeno do ateliê, azul"]),
        ("unclear", []),
        ("unclear", ["LA 3 DE 4", "DE 12 EN 4", "EL 4 DE 9", "LA 8"]),
        ("unclear", ["Model ET DE 5", "Model DE ET 7", "Model UN 9"]),
        ("unclear", ["LE-01 LA-02", "LA-07 LES-3", "DU-1 LA-4"]),
        ("a language in Tamil letters", ["\u0b9a\u0bbf\u0bb5\u0baa\u0bcd\u0baa\u0bc1 1"]),
        ("a language in Georgian letters", ["\u10ec\u10d8\u10d7\u10d4\u10da\u10d8"]),
    ],
)
def test_the_language_of_titles(language: str, titles: list[str]) -> None:
    assert guess_language(titles) == language


def test_the_owner_of_a_chinese_shop_is_told_that_the_encoder_cannot_read_it(tmp_path: Path) -> None:
    write_shop(tmp_path)
    edit("products.csv", lambda f: f.assign(title=[CHINESE[k % 5] for k in range(len(f))]))(tmp_path)
    report = check(tmp_path)
    assert report.ok and report.language == "Chinese"
    assert report.text().endswith("Language of the titles: Chinese"), "the folder's report knows no encoder"
    found = data_check.check(tmp_path)
    assert "Language of the titles: Chinese; the course's English encoder will not read them" in found.text()
    assert "Chinese" in found.lessons["02"][1]
    assert "Chinese" not in found.lessons["00"][1]
    assert encoder_reads("English") != encoder_reads("German") != encoder_reads("Chinese")
