"""What no rule forbids and an owner should know: stray dates, doubled lines, two currencies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from own_shop import edit, put, write_shop

from ecomlib.course import data_check
from ecomlib.course.running.run import insist_on_store
from ecomlib.errors import DataError, LessonError
from ecomlib.serving.release.snapshot import snapshot
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
