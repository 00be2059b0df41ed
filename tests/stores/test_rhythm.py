"""How a shop's orders come: right answers by shops whose rhythm is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ecomlib.errors import DataError
from ecomlib.stores.rhythm import Rhythm, first_full_week, last_full_week, marked, rhythm


def daily(first: str, last: str, hours: bool = True) -> pd.DataFrame:
    """Three lines a day at changing times, of three products."""
    days = np.repeat(pd.date_range(first, last), 3)
    minutes = (np.arange(len(days)) * 397) % 1440 if hours else np.zeros(len(days), dtype=int)
    product = np.tile(["a", "b", "c"], len(days) // 3)
    return pd.DataFrame(
        {"ordered_at": days + pd.to_timedelta(minutes, unit="min"), "quantity": 2, "product_id": product}
    )


def said(found: Rhythm, words: str) -> bool:
    return any(words in note for note in found.notes)


def test_an_ordinary_shop_has_nothing_to_be_told() -> None:
    found = rhythm(daily("2024-01-01", "2024-06-30"))
    assert (found.cadence, found.weeks, found.notes) == ("days", 26, ())
    assert found.weekly and found.dates_only == 0 and found.idle == 0


def test_twenty_weeks_from_a_wednesday_are_nineteen_full_ones() -> None:
    found = rhythm(daily("2023-01-04", "2023-05-23"))  # 140 days
    assert (found.weeks, found.begins_late, found.ends_early) == (19, True, True)
    assert said(found, "The first week begins on Wednesday (2023-01-04)") and said(found, "ends on Tuesday")
    assert rhythm(daily("2023-01-04", "2023-05-23"), until="2023-05-28").weeks == 20


def test_a_shop_closed_on_sundays_ends_its_weeks_on_saturdays() -> None:
    lines = daily("2024-01-01", "2024-06-29")
    lines = lines[lines["ordered_at"].dt.dayofweek < 6]
    found = rhythm(lines)
    assert found.closed == ("Sunday",) and found.weeks == 26 and not found.ends_early
    assert last_full_week(lines) - first_full_week(lines) + 1 == 26


@pytest.mark.parametrize("quantity", [100_000, 10**12])
def test_one_giant_order_closes_no_day_and_makes_no_season(quantity: int) -> None:
    lines = daily("2023-01-04", "2024-05-21")  # from a Wednesday to a Tuesday
    lines.loc[30, "quantity"] = quantity
    found = rhythm(lines)
    assert (found.weeks, found.closed, found.season, found.begins_late, found.ends_early) == (71, (), (), True, True)


@pytest.mark.parametrize(
    ("days", "cadence", "weekly"),
    [
        (pd.date_range("2019-01-01", periods=60, freq="MS"), "months", False),
        (pd.date_range("2019-01-31", periods=24, freq="ME"), "months", False),
        (pd.date_range("2019-01-01", periods=20, freq="QS"), "rarely", False),
        (pd.date_range("2024-01-01", periods=30, freq="14D"), "two weeks", True),
        (pd.date_range("2024-01-06", periods=30, freq="7D"), "weeks", True),
        (pd.date_range("2024-01-01", periods=60, freq="2D"), "days", True),
        (pd.date_range("2024-01-01", periods=3, freq="MS"), "days", True),  # too few to tell
    ],
)
def test_how_far_apart_orders_lie(days: pd.DatetimeIndex, cadence: str, weekly: bool) -> None:
    found = rhythm(pd.DataFrame({"ordered_at": days}))
    assert (found.cadence, found.weekly, found.order_days) == (cadence, weekly, len(days))


def test_months_with_a_few_stray_lines_stay_months() -> None:
    booked = np.repeat(pd.date_range("2020-01-01", periods=36, freq="MS"), 40)
    stray = pd.date_range("2020-01-10", periods=60, freq="11D")
    found = rhythm(pd.DataFrame({"ordered_at": pd.DatetimeIndex([*booked, *stray])}))
    assert found.cadence == "months" and said(found, "Orders come monthly: on 94 days of")


def test_one_day_a_week_is_named() -> None:
    saturdays = pd.DataFrame({"ordered_at": pd.date_range("2024-01-06 10:00", periods=30, freq="7D")})
    assert said(rhythm(saturdays), "mostly Saturday")


def test_gaps_are_whole_weeks_without_an_order() -> None:
    lines = daily("2024-01-01", "2024-06-30")
    day = lines["ordered_at"].dt.normalize()
    shut = day.between("2024-02-05", "2024-02-25") | day.between("2024-04-03", "2024-04-09")
    found = rhythm(lines[~shut])  # three whole weeks; then from a Wednesday to a Tuesday, which holds no whole week
    assert found.gaps == ((pd.Timestamp("2024-02-05"), 3),)
    assert found.weeks == 26 and said(found, "3 weeks from 2024-02-05")


def test_a_stray_year_is_asked_about() -> None:
    lines = pd.concat([daily("2023-01-02", "2023-10-01"), daily("2099-12-31", "2099-12-31")])
    assert said(rhythm(lines), "is a date wrong?")
    assert not said(rhythm(daily("2023-01-02", "2023-10-01")), "is a date wrong?")


def test_a_season_is_named_by_its_months_across_the_year_s_end() -> None:
    lines = daily("2021-01-01", "2023-12-31")
    winter = lines[lines["ordered_at"].dt.month.isin([11, 12, 1])]
    assert rhythm(winter).season == ("November", "December", "January")
    assert rhythm(lines).season == ()
    short = winter[winter["ordered_at"] < "2022-02-01"]
    assert said(rhythm(short), "nobody can tell a season from an accident")


@pytest.mark.parametrize("mark", ["00:00:00", "12:00:00", "23:59:59"])
def test_a_time_that_all_bear_is_no_time(mark: str) -> None:
    days = np.repeat(pd.date_range("2024-01-01", periods=60), 3)
    stamps = pd.Series(days + pd.Timedelta(mark))
    assert marked(stamps).all()
    assert said(rhythm(pd.DataFrame({"ordered_at": stamps})), "dates without a time of day")


def test_midnight_in_another_time_zone_is_no_time_either() -> None:
    days = pd.Series(pd.date_range("2024-01-01", "2024-12-31", tz="Europe/Berlin"))
    moved = days.dt.tz_convert("UTC").dt.tz_localize(None)
    assert moved.dt.hour.nunique() == 2 and marked(moved).all()


def test_moments_stay_moments() -> None:
    lines = daily("2024-01-01", "2024-03-31")
    assert not marked(lines["ordered_at"]).any()
    half = lines["ordered_at"].where(lines.index % 2 == 0, lines["ordered_at"].dt.normalize())
    assert (marked(half) == (half == half.dt.normalize())).all()


def test_slow_sellers_are_counted() -> None:
    lines = daily("2024-01-01", "2024-06-30")
    slow = lines[(lines["product_id"] == "a") | (lines["ordered_at"].dt.day == 1)]  # b, c: one week in four
    found = rhythm(slow)
    assert found.idle == pytest.approx(2 / 3) and said(found, "67% of the products")


def test_faulty_cells_do_not_stop_it_and_no_dates_do() -> None:
    lines = daily("2024-01-01", "2024-03-31").astype({"quantity": object})
    lines.loc[3, "quantity"] = "many"
    lines.loc[4, "ordered_at"] = pd.NaT
    assert rhythm(lines).weeks == 13
    with pytest.raises(DataError, match="no order with a date"):
        rhythm(pd.DataFrame({"ordered_at": pd.to_datetime([])}))
