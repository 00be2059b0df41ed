"""What no rule forbids and an owner should know: stray dates, doubled lines, two currencies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from own_shop import edit, put, write_shop
from typer.testing import CliRunner

from ecomlib.cli.main import app
from ecomlib.course import data_check
from ecomlib.course.running.run import insist_on_store
from ecomlib.errors import DataError, LessonError
from ecomlib.serving.release.snapshot import last_full_week, snapshot
from ecomlib.stores import Store
from ecomlib.stores.folder.read_write import check
from ecomlib.stores.oddities import raise_for_stray_dates, stray_dates


def moments(*odd: str, days: int = 200, step: int = 1) -> pd.Series:
    """An order every ``step`` days of 2023, and then the odd ones."""
    usual = pd.Timestamp("2023-01-02") + pd.to_timedelta(np.arange(0, days, step), unit="D")
    return pd.Series([*usual, *map(pd.Timestamp, odd)])


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        (["2099-12-31"], "1 of 201 lines lies 76 years after all others"),
        (["1900-01-01"], "1 of 201 lines lies 123 years before all others"),
        (["2024-07-19", "2024-07-20"], "2 of 202 lines lie 12 months after all others"),
        (["1970-01-01", "1970-01-01", "1970-01-01"], "3 of 203 lines lie 53 years before all others"),
    ],
)
def test_few_dates_far_from_all_others(odd: list[str], said: str) -> None:
    when = moments(*odd)
    (stray,) = stray_dates(when)
    assert stray.said() == said and stray.places.tolist() == list(range(200, len(when)))
    with pytest.raises(DataError, match=said) as caught:
        raise_for_stray_dates(pd.DataFrame({"ordered_at": when}))
    assert caught.value.rows == list(range(201, len(when) + 1)) and caught.value.value == odd[0]


@pytest.mark.parametrize(
    ("odd", "count", "stray"),
    [
        ("1970-01-01", 20, True),  # an empty date that a system writes as its first day: a tenth of the lines
        ("1970-01-01", 90, True),  # nearly half of them
        ("2033-12-01", 90, True),
        ("2025-12-01", 20, True),
        ("2025-12-01", 60, False),  # a quarter of the lines after two years: the shop is open again
    ],
)
def test_many_lines_of_a_wrong_year_stray_too(odd: str, count: int, stray: bool) -> None:
    found = stray_dates(moments(*[odd] * count))
    assert [len(one.places) for one in found] == [count] * stray


def test_dates_on_both_sides() -> None:
    assert [stray.later for stray in stray_dates(moments("2099-12-31", "1900-01-01"))] == [False, True]


@pytest.mark.parametrize(
    "when",
    [
        moments(),
        moments(step=30, days=1800),  # one order a month
        moments(step=364, days=364 * 12),  # one a year
        moments("2023-08-20"),  # a month without orders
        moments(*[f"2024-07-{day:02d}" for day in range(1, 29)]),  # closed for a year, and open again
        moments("2099-12-31", days=3),  # too few to tell who strays
        pd.Series([pd.NaT] * 30),
    ],
)
def test_rare_orders_and_long_holidays_are_not_stray(when: pd.Series) -> None:
    assert stray_dates(when) == []


def test_a_half_year_stops_and_two_months_are_noted_only() -> None:
    raise_for_stray_dates(pd.DataFrame({"ordered_at": moments("2023-10-01")}))
    assert len(stray_dates(moments("2023-10-01"))) == 1


def noted(folder: Path) -> str:
    report = check(folder)
    assert report.ok, report.text()
    return " ".join(report.notes)


def test_a_usual_shop_has_nothing_odd(tmp_path: Path) -> None:
    assert noted(write_shop(tmp_path)) == "" and check(tmp_path).stray == ""


def test_a_stray_date_is_noted_by_the_check_and_stops_run_and_train(tmp_path: Path) -> None:
    edit("orders.csv", put("ordered_at", 240, "2099-12-31 10:00"))(write_shop(tmp_path))
    said = noted(tmp_path)
    assert "1 of 240 lines lies 75 years after all others: row 240 (2099-12-31)" in said
    assert "1 line is dated after today: row 240" in said
    assert not any(able for able, _ in data_check.check(tmp_path).lessons.values()), "run would stop"
    with pytest.raises(LessonError, match="75 years after all others"):
        insist_on_store(str(tmp_path))
    with pytest.raises(DataError, match="75 years after all others"):
        snapshot(Store.from_directory(tmp_path), 4, 6783)


def test_lines_without_a_price_that_repeat_a_priced_one(tmp_path: Path) -> None:
    def twins(orders: pd.DataFrame) -> pd.DataFrame:
        return pd.concat([orders, orders.head(30).assign(unit_price="0.00")])

    edit("orders.csv", twins)(write_shop(tmp_path))
    assert "orders: 30 lines have a price of 0 and repeat a priced line of the same order" in noted(tmp_path)
    edit("orders.csv", lambda orders: orders.iloc[30:])(tmp_path)  # free samples, without the lines that were paid
    assert "have a price of 0" not in noted(tmp_path)


def test_doubled_lines(tmp_path: Path) -> None:
    edit("orders.csv", lambda f: pd.concat([f, f]))(write_shop(tmp_path))
    assert "orders: every line stands twice (240 of 480), alike in every column" in noted(tmp_path)
    edit("orders.csv", lambda f: f.iloc[:250])(tmp_path)
    assert "10 of 250 lines stand twice" in noted(tmp_path)
    edit("orders.csv", lambda f: f.iloc[:241])(tmp_path)
    assert noted(tmp_path) == "", "one line may be a customer who took the same twice"


@pytest.mark.parametrize("name", ["currency", "Währung", "order_currency", "iso"])
def test_two_currencies(tmp_path: Path, name: str) -> None:
    edit("orders.csv", lambda f: f.assign(**{name: ["USD", "JPY", "usd "] * 80}))(write_shop(tmp_path))
    assert f"orders, {name}: there are 2 currencies (USD on 160 lines, JPY on 80 lines)" in noted(tmp_path)
    edit("orders.csv", lambda f: f.assign(**{name: "EUR"}))(tmp_path)
    assert noted(tmp_path) == ""


def test_a_code_beside_currencies_is_none(tmp_path: Path) -> None:
    edit("orders.csv", lambda f: f.assign(iso=["TRY", "NOW"] * 120))(write_shop(tmp_path))
    assert noted(tmp_path) == ""


def test_a_customer_on_an_orders_first_line_only(tmp_path: Path) -> None:
    edit("orders.csv", lambda f: f.assign(customer_id=["7", ""] * 120))(write_shop(tmp_path))
    assert "customer_id: it stands on an order's first line only, and 120 other lines lack it" in noted(tmp_path)
    edit("orders.csv", lambda f: f.assign(customer_id=["7", "7", "", ""] * 60))(tmp_path)
    assert noted(tmp_path) == "", "guests lack it on every line"


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["North", "north"], "('North' and 'north')"),
        (["North", "North "], "('North' and 'North ')"),
        (["North", "No\u00a0rth"], "2 identifiers differ"),
        (["North", "\u200bNorth"], "2 identifiers differ"),
        (["007", "7"], "('007' and '7')"),
        (["7.0", "7"], "('7.0' and '7')"),
        (["caf\u00e9", "cafe\u0301"], "2 identifiers differ"),
        (["A0", "A"], ""),
        (["0A", "A"], ""),
        (["1.5", "1,5"], ""),
    ],
)
def test_identifiers_that_differ_in_writing_only(tmp_path: Path, names: list[str], said: str) -> None:
    edit("orders.csv", lambda f: f.assign(region_id=names * (len(f) // 2)))(write_shop(tmp_path))
    (tmp_path / "regions.csv").unlink(missing_ok=True)
    notes = noted(tmp_path)
    assert (said in notes) if said else "identifiers differ" not in notes


def test_lines_that_a_number_tells_apart_and_nothing_else_stand_twice(tmp_path: Path) -> None:
    write_shop(tmp_path)
    edit("orders.csv", lambda f: pd.concat([f, f]).assign(line=np.arange(2 * len(f))))(tmp_path)
    assert "every line stands twice (240 of 480), alike in every column of the schema" in noted(tmp_path)


def test_one_line_and_one_customer_that_hold_most(tmp_path: Path) -> None:
    edit("orders.csv", put("quantity", 7, "90000"))(write_shop(tmp_path))
    edit("orders.csv", put("unit_price", 8, "9e9"))(tmp_path)
    edit("orders.csv", lambda f: f.assign(customer_id=["-" if k % 2 else f"C{k}" for k in range(len(f))]))(tmp_path)
    notes = noted(tmp_path)
    assert "row 7 alone holds 99% of all units (90,000)" in notes and "row 8 has 9e+09" in notes
    assert "customer_id: '-' has 50% of the lines" in notes
    edit("orders.csv", lambda f: f.assign(quantity=str(2**53 - 1)))(tmp_path)
    assert "of all units" not in noted(tmp_path), "a sum beyond 64 bits"
    write_shop(tmp_path / "plain")
    assert not any(words in noted(tmp_path / "plain") for words in ("alone holds", "Is it right", "of the lines"))


@pytest.mark.parametrize("word", ["cancelled", "Canceled", "refunded", "storniert", "annulé", "cancelado", "voided"])
def test_lines_of_a_status_that_sold_nothing(tmp_path: Path, word: str) -> None:
    edit("orders.csv", lambda f: f.assign(state=[word, *["paid"] * (len(f) - 1)]))(write_shop(tmp_path))
    assert f"state: 1 line of '{word}' counts as sold" in noted(tmp_path)
    edit("orders.csv", lambda f: f.assign(state=["shipped", *["paid"] * (len(f) - 1)]))(tmp_path)
    assert "as sold" not in noted(tmp_path)


@pytest.mark.parametrize("signs", [["€", "$"], ["US$", "£"], [None, "EUR", "CHF"]])
def test_currency_signs_in_a_column_of_any_name(tmp_path: Path, signs: list[str | None]) -> None:
    edit("orders.csv", lambda f: f.assign(waers=(signs * len(f))[: len(f)]))(write_shop(tmp_path))
    assert "waers: there are 2 currencies" in noted(tmp_path)


def test_lines_without_a_region_and_a_region_called_all(tmp_path: Path) -> None:
    edit("orders.csv", lambda f: f.assign(region_id=f["region_id"].where(f.index % 3 > 0, "")))(write_shop(tmp_path))
    assert "region_id: 80 of 240 lines have no region" in noted(tmp_path)
    for name in ("orders.csv", "regions.csv"):
        edit(name, lambda f: f.assign(region_id=f["region_id"].replace({"N": "all", "": "S"})))(tmp_path)
    assert noted(tmp_path).startswith("regions, region_id: 'all' stands for the sum of all regions")


@pytest.mark.parametrize(
    "title", ["Tasse gr\u00c3\u00bcn", "caf\u00c3\u00a9 mug", "Tom\u00e2\u20ac\u2122s mug", "caf\ufffd mug"]
)
def test_letters_of_another_encoding(tmp_path: Path, title: str) -> None:
    edit("products.csv", put("title", 4, title))(write_shop(tmp_path))
    assert f"title: 1 text holds signs of another encoding (such as '{title}')" in noted(tmp_path)


@pytest.mark.parametrize(("until", "stops"), [("2025-02-20", False), ("2033-01-01", True), ("2025-10-01", True)])
def test_an_inventory_that_goes_on_without_orders(tmp_path: Path, until: str, stops: bool) -> None:
    write_shop(tmp_path)
    days = pd.DataFrame({"product_id": "00003", "date": ["2025-02-01", until]})
    days.assign(on_hand_start=1, received=0, sold=0).to_csv(tmp_path / "inventory.csv", index=False)
    assert ("the inventory goes on for" in noted(tmp_path)) == stops
    found = data_check.check(tmp_path)
    assert found.rhythm is not None and found.rhythm.weeks == 58
    assert any(able for able, _ in found.lessons.values()) != stops
    if stops:
        with pytest.raises(DataError, match="the inventory goes on for") as caught:
            last_full_week(Store.from_directory(tmp_path))
        assert caught.value.table == "inventory" and caught.value.value == until


@pytest.mark.parametrize("command", [["forecast", "--model"], ["backtest", "--models"]])
def test_no_forecast_is_made_after_a_stray_date(tmp_path: Path, command: list[str]) -> None:
    edit("orders.csv", put("ordered_at", 240, "2099-12-31 10:00"))(write_shop(tmp_path))
    told = [*command, "naive", "--store", str(tmp_path), "--out", str(tmp_path / "f.csv")]
    found = CliRunner().invoke(app, told)
    assert found.exit_code == 1 and "75 years after all others" in str(found.output) + str(found.exception)
    assert not (tmp_path / "f.csv").exists()
