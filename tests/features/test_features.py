"""Features against slow references. That none of them sees the future is proved in test_leakage.py."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_shop import FIRST, make_shop

from ecomlib.errors import DataError, LeakageError
from ecomlib.features import (
    as_of_join,
    calendar,
    counts,
    lags,
    last_year,
    recency,
    relative_price,
    return_rate,
    usual_price,
)
from ecomlib.panel import CALENDAR, KNOWN_AHEAD, LAST_YEAR, make_panel
from ecomlib.stores import Store
from ecomlib.windowing import WindowSettings


@pytest.fixture(scope="module")
def shop() -> Store:
    return make_shop(lines=600)


@pytest.fixture(scope="module")
def panel(shop: Store) -> pd.DataFrame:
    return make_panel(shop)


@pytest.fixture(scope="module")
def asked(panel: pd.DataFrame) -> pd.DataFrame:
    """Some rows of the panel, out of order, under an index of their own."""
    return panel.sample(60, random_state=1).rename(index=lambda row: f"row {row}")


def slow_past(shop: Store, row: pd.Series, delay: str = "0D") -> pd.DataFrame:
    lines = shop.orders
    known = lines["ordered_at"] + pd.Timedelta(delay)
    return lines[(lines["product_id"] == row["product_id"]) & (known < row["ds"])]


@pytest.mark.parametrize("within", [None, "28D"])
@pytest.mark.parametrize("delay", ["0D", "3D"])
def test_counts(shop: Store, asked: pd.DataFrame, within: str | None, delay: str) -> None:
    found = counts(shop.orders, asked, sums=("quantity", "unit_price"), within=within, known_after=delay)
    assert found.index.equals(asked.index)
    for name, row in asked.iterrows():
        past = slow_past(shop, row, delay)
        if within is not None:
            past = past[past["ordered_at"] + pd.Timedelta(delay) >= row["ds"] - pd.Timedelta(within)]
        expected = [len(past), past["quantity"].sum(), past["unit_price"].sum()]
        np.testing.assert_allclose(found.loc[name], expected, rtol=1e-12, atol=1e-9)
    assert found["count"].max() > 0


def test_the_moment_itself_is_not_the_past() -> None:
    events = pd.DataFrame({"product_id": "a", "ordered_at": [FIRST, FIRST + pd.Timedelta("1ns")], "quantity": [5, 7]})
    at = pd.DataFrame({"product_id": "a", "ds": [FIRST, FIRST + pd.Timedelta("1ns"), FIRST + pd.Timedelta("1D")]})
    assert counts(events, at)["sum_quantity"].tolist() == [0, 5, 12]
    assert counts(events, at, known_after="1D")["sum_quantity"].tolist() == [0, 0, 0]
    assert recency(events, at)["days_since"].isna().tolist() == [True, False, False]


def test_recency(shop: Store, asked: pd.DataFrame) -> None:
    for delay in ("0D", "2D"):
        found = recency(shop.orders, asked, known_after=delay)["days_since"]
        for name, row in asked.iterrows():
            past = slow_past(shop, row, delay)
            expected = (row["ds"] - past["ordered_at"].max()) / pd.Timedelta("1D")
            np.testing.assert_allclose(found[name], expected, rtol=1e-12)
    assert found.notna().any() and found.isna().any()


def test_an_empty_key_has_no_past(shop: Store) -> None:
    guests = shop.orders[shop.orders["customer_id"].isna()]
    on = ("ordered_at", "ordered_at")
    assert len(guests) and (counts(shop.orders, guests, by="customer_id", on=on)["count"] == 0).all()
    known = shop.orders[shop.orders["customer_id"].notna()]
    rank = known.groupby("customer_id")["ordered_at"].rank(method="min") - 1
    found = counts(shop.orders, known, by="customer_id", on=on)["count"]
    pd.testing.assert_series_equal(found, rank, check_names=False)


def test_two_keys(shop: Store) -> None:
    both = make_panel(shop, by=("product_id", "region_id"))
    found = counts(shop.orders, both, by=("product_id", "region_id"))["sum_quantity"]
    before = both.groupby("unique_id")["y"].cumsum() - both["y"]
    np.testing.assert_array_equal(found, before)


def test_return_rate_with_a_given_prior(shop: Store, asked: pd.DataFrame) -> None:
    found = return_rate(shop.orders, asked, prior=(1.0, 9.0))
    for name, row in asked.iterrows():
        past = slow_past(shop, row, "30D")
        expected = (1 + past["returned"].sum()) / (10 + len(past))
        assert found.loc[name, "return_rate"] == pytest.approx(expected, rel=1e-12)
        assert found.loc[name, "lines_known"] == len(past)


def test_prior_is_that_of_the_day(shop: Store, asked: pd.DataFrame) -> None:
    found = return_rate(shop.orders, asked)
    for name, row in asked.iterrows():
        lines = shop.orders[shop.orders["ordered_at"] + pd.Timedelta("30D") < row["ds"]]
        if lines.empty:
            assert np.isnan(found.loc[name, "return_rate"])
            continue
        n, k = lines.groupby("product_id")["returned"].count(), lines.groupby("product_id")["returned"].sum()
        mean, total = k.sum() / n.sum(), n.sum()
        assert found.loc[name, "prior_mean"] == pytest.approx(mean, rel=1e-9)
        # The moment equation that the strength must solve, wherever it is not at its bounds.
        rho = 1 / (found.loc[name, "prior_lines"] + 1)
        if 1.1e-4 < rho < 0.49:
            spread = (n * (k / n - mean) ** 2).sum()
            explained = mean * (1 - mean) * ((1 - n / total) * (1 + (n - 1) * rho)).sum()
            assert spread == pytest.approx(explained, rel=1e-9)


def test_prior_finds_the_truth() -> None:
    """2,000 products drawn from a beta of mean 0.2 worth 20 lines: the fit comes close; so the shrinkage is right."""
    rng = np.random.default_rng(0)
    size = 2_000
    n = rng.integers(1, 40, size)
    rate = rng.beta(4, 16, size)
    lines = pd.DataFrame({"product_id": np.repeat(np.arange(size), n).astype(str), "ordered_at": FIRST})
    lines["returned"] = rng.random(len(lines)) < np.repeat(rate, n)
    at = pd.DataFrame({"product_id": np.arange(size).astype(str), "ds": FIRST + pd.Timedelta("40D")})
    found = return_rate(lines, at)
    assert found["prior_mean"].iloc[0] == pytest.approx(0.2, abs=0.01)
    assert found["prior_lines"].iloc[0] == pytest.approx(20, rel=0.15)
    raw = lines.groupby("product_id")["returned"].mean().loc[at["product_id"]].to_numpy()
    assert ((found["return_rate"] - rate) ** 2).mean() < 0.5 * ((raw - rate) ** 2).mean()


def test_a_late_return_is_not_known_before_it_came() -> None:
    """Real shops take goods back after months: such a line is a kept one until ``returned_at``, in rate and prior."""
    day = pd.Timedelta("1D")
    lines = pd.DataFrame({"product_id": list("aaab"), "ordered_at": FIRST, "returned": [True, True, False, False]})
    lines["returned_at"] = [FIRST + 5 * day, FIRST + 90 * day, pd.NaT, pd.NaT]
    lines.index = [0, 0, 1, 1]  # an index that says nothing
    at = pd.DataFrame({"product_id": "a", "ds": [FIRST + k * day for k in (30, 31, 90, 91)]})
    given = return_rate(lines, at, prior=(1, 1))
    np.testing.assert_allclose(given["lines_known"], [0, 3, 3, 3])
    np.testing.assert_allclose(given["return_rate"], [1 / 2, 2 / 5, 2 / 5, 3 / 5])
    np.testing.assert_allclose(return_rate(lines, at)["prior_mean"], [np.nan, 1 / 4, 1 / 4, 2 / 4])
    # Whatever comes back after a row's time changes nothing in that row.
    kept = return_rate(lines.assign(returned=[True, False, False, False]), at)
    pd.testing.assert_frame_equal(return_rate(lines, at).iloc[:3], kept.iloc[:3])


def test_return_rate_where_nothing_is_known() -> None:
    at = pd.DataFrame({"product_id": ["a"], "ds": [FIRST]})
    none = pd.DataFrame({"product_id": ["a"], "ordered_at": [FIRST], "returned": [False]})
    assert return_rate(none, at)["return_rate"].isna().all()
    assert return_rate(none, at, prior=(1, 3))["return_rate"].tolist() == [0.25]
    later = at.assign(ds=FIRST + pd.Timedelta("31D"))
    assert return_rate(none, later)["return_rate"].tolist() == [0.0]
    with pytest.raises(DataError, match="returned"):
        return_rate(none.drop(columns="returned"), at)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_as_of_join_equals_slow_reference(data: st.DataObject) -> None:
    day = st.integers(0, 12)
    left = pd.DataFrame(data.draw(st.lists(st.tuples(day, st.sampled_from("ab")), min_size=1)), columns=["t", "k"])
    right = pd.DataFrame(data.draw(st.lists(st.tuples(day, st.sampled_from("abc")))), columns=["s", "k"])
    left["t"], right["s"] = FIRST + pd.to_timedelta(left["t"], "D"), FIRST + pd.to_timedelta(right["s"], "D")
    left["k"], right["k"] = left["k"].astype(object), right["k"].astype(object)
    right["v"] = np.arange(len(right), dtype=float)
    delay, same = pd.Timedelta(data.draw(st.integers(0, 3)), "D"), data.draw(st.booleans())
    within = data.draw(st.sampled_from([None, pd.Timedelta("4D")]))
    keyed = data.draw(st.booleans())
    how = {"known_after": delay, "columns": ["v"], "same_moment": same, "within": within}
    found = as_of_join(left, right, on=("t", "s"), by="k" if keyed else (), **how)
    pd.testing.assert_frame_equal(found[["t", "k"]], left)
    for row in range(len(left)):
        known = right["s"] + delay
        now = left["t"][row]
        fits = (known <= now) if same else (known < now)
        if keyed:
            fits &= right["k"] == left["k"][row]
        if within is not None:
            fits &= known >= now - within
        ordered = right.assign(known=known)[fits].sort_values("known", kind="stable")
        assert found["v"].iloc[row : row + 1].tolist() == ordered["v"].tail(1).tolist() or (
            ordered.empty and np.isnan(found["v"].iloc[row])
        )


def test_as_of_join_keeps_order_index_and_names(shop: Store, asked: pd.DataFrame) -> None:
    reviews = shop.reviews
    found = as_of_join(asked, reviews, on=("ds", "written_at"), by="product_id", known_after="1D", columns=["rating"])
    assert found.index.equals(asked.index) and list(found.columns) == [*asked.columns, "rating"]
    for name, row in asked.iterrows():
        mine = reviews[
            (reviews["product_id"] == row["product_id"]) & (reviews["written_at"] + pd.Timedelta("1D") < row["ds"])
        ]
        newest = mine.loc[mine["written_at"] == mine["written_at"].max(), "rating"]
        assert found.loc[name, "rating"] in set(newest) or (newest.empty and np.isnan(found.loc[name, "rating"]))
    with pytest.raises(DataError, match="suffix"):
        as_of_join(found, reviews, on=("ds", "written_at"), by="product_id", columns=["rating"])
    again = as_of_join(found, reviews, on=("ds", "written_at"), by="product_id", columns=["rating"], suffix="_2")
    assert "rating_2" in again
    with pytest.raises(DataError, match="when"):
        as_of_join(asked, reviews, on="when", by="product_id")
    holes = reviews.assign(written_at=reviews["written_at"].where(reviews.index != 3))
    with pytest.raises(DataError, match="row 4"):
        as_of_join(asked, holes, on=("ds", "written_at"), by="product_id")


def test_calendar_against_dates() -> None:
    days = pd.date_range("2010-01-01", "2012-12-31")
    daily = calendar(days, "D")
    assert tuple(daily.columns) == CALENDAR
    for day in ("2010-04-02", "2010-04-05", "2010-08-30", "2010-12-27", "2010-12-28", "2011-01-03", "2011-05-02"):
        assert daily["holidays"].to_numpy()[days == day] == 1, day
    assert daily["holidays"].to_numpy()[days == "2011-05-03"] == 0
    assert daily["to_christmas"].to_numpy()[days == "2010-12-25"] == 0
    assert daily["to_christmas"].to_numpy()[days == "2010-12-26"] * 366 == pytest.approx(364)
    assert (daily["weekday"] == days.day_of_week).all() and (daily["month"] == days.month).all()
    mondays = pd.Series(pd.date_range("2010-01-04", "2012-12-24", freq="W-MON"), name="ds").rename(lambda k: k + 50)
    weekly = calendar(mondays, "W-MON")
    assert weekly.index.equals(mondays.index)
    by_day = daily.set_index(days)["holidays"]
    assert weekly["holidays"].tolist() == [by_day[m : m + pd.Timedelta(days=6)].sum() for m in mondays]
    monthly = calendar(pd.date_range("2010-01-01", "2012-12-01", freq="MS"), "MS")
    assert monthly["holidays"].sum() == by_day.sum()
    assert np.allclose(weekly["week_sin"] ** 2 + weekly["week_cos"] ** 2, 1)
    # The same circle place a year later, and no two weeks of a year at the same place.
    assert np.allclose(daily["week_sin"].to_numpy()[:365], daily["week_sin"].to_numpy()[365:730], atol=1e-12)
    assert len(np.unique(np.round(weekly[["week_sin", "week_cos"]].to_numpy()[:52], 6), axis=0)) == 52
    own = calendar(mondays, "W-MON", holidays=["2010-01-06", "2010-01-10"])
    assert own["holidays"].tolist()[:2] == [2, 0]
    with pytest.raises(DataError, match="frequency"):
        calendar(days, "Q")


@pytest.mark.parametrize("horizon", [1, 4])
def test_lags_against_pandas(panel: pd.DataFrame, horizon: int) -> None:
    found = lags(panel, lags=(1, 5, 51, 52), windows=(4, 12), horizon=horizon, aligned=(51, 52), ewm=(0.3,))
    grouped = panel.groupby("unique_id")["y"]
    expected = pd.DataFrame(
        {
            "lag1": grouped.shift(horizon),
            "lag5": grouped.shift(4 + horizon),
            "lag51": grouped.shift(51),
            "lag52": grouped.shift(52),
            "mean4": grouped.transform(lambda y: y.shift(horizon).rolling(4).mean()),
            "mean12": grouped.transform(lambda y: y.shift(horizon).rolling(12).mean()),
            "ewm0.3": grouped.transform(lambda y: y.ewm(alpha=0.3, adjust=False).mean().shift(horizon)),
        }
    )
    pd.testing.assert_frame_equal(found, expected, rtol=1e-9, atol=1e-9)


def test_lags_with_unknown_periods(panel: pd.DataFrame) -> None:
    holed = panel.assign(y=panel["y"].where(panel.index % 17 != 3))
    grouped = holed.groupby("unique_id")["y"]
    found = lags(holed, lags=(1,), windows=(4,))
    pd.testing.assert_series_equal(found["lag1"], grouped.shift(1), check_names=False)
    expected = grouped.transform(lambda y: y.shift(1).rolling(4).mean())
    pd.testing.assert_series_equal(found["mean4"], expected, check_names=False, rtol=1e-9)


def test_lags_refuse_what_is_not_known(panel: pd.DataFrame) -> None:
    with pytest.raises(LeakageError, match="lag 3"):
        lags(panel, lags=(3,), aligned=(3,), horizon=4)
    with pytest.raises(DataError, match="at least 1"):
        lags(panel, lags=(0,))
    with pytest.raises(DataError, match="sorted"):
        lags(panel.iloc[::-1].reset_index(drop=True))


def test_last_year(panel: pd.DataFrame) -> None:
    found = last_year(panel)
    assert tuple(found.columns) == LAST_YEAR
    shifts = pd.concat([panel.groupby("unique_id")["y"].shift(k) for k in (53, 52, 51)], axis=1)
    np.testing.assert_array_equal(found.iloc[:, :3], shifts.fillna(0))
    np.testing.assert_allclose(found["last_year_known"], shifts.notna().mean(axis=1))
    assert found["last_year"].max() > 0


def series(freq: str, rows: int) -> pd.DataFrame:
    """Two series of ``rows`` periods with units 0, 1, 2…"""
    ds = pd.date_range("2021-02-01", periods=rows, freq={"D": "D", "W-MON": "7D", "MS": "MS"}[freq])
    parts = [pd.DataFrame({"unique_id": name, "ds": ds, "y": np.arange(rows, dtype=float)}) for name in ("a", "b")]
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize(("freq", "days"), [("D", 1), ("W-MON", 7), ("MS", 28)])
def test_the_calendar_of_a_panel_is_that_of_its_frequency(freq: str, days: int) -> None:
    panel = series(freq, 60)
    assert "freq" not in panel.attrs
    made = calendar(panel)
    pd.testing.assert_frame_equal(made, calendar(panel["ds"], freq))
    pd.testing.assert_frame_equal(made, calendar(panel, freq))
    middle = 2 * np.pi * (31 + days / 2) / 365.25  # 1 February is day 31, counted from 0
    assert made["week_sin"].iloc[0] == pytest.approx(np.sin(middle), rel=1e-12)


def test_a_calendar_without_a_frequency_is_refused() -> None:
    weeks = series("W-MON", 8)
    for dates in (weeks["ds"], weeks["ds"].to_numpy(), pd.DatetimeIndex(weeks["ds"])):
        with pytest.raises(DataError, match="hand over the panel itself"):
            calendar(dates)
    with pytest.raises(DataError, match="not a regular panel at frequency D"):
        calendar(weeks, "daily")
    with pytest.raises(DataError, match="not the first day of a period") as caught:
        calendar(weeks["ds"] + pd.Timedelta(days=1), "weekly")
    assert caught.value.rows[0] == 1
    with pytest.raises(DataError, match="not the first day"):
        calendar([pd.Timestamp("2024-01-01"), pd.NaT], "D")
    with pytest.raises(DataError, match="unique_id"):
        calendar(weeks[["ds"]])


@pytest.mark.parametrize(("freq", "year"), [("D", 364), ("W-MON", 52), ("MS", 12)])
def test_a_year_is_as_long_as_the_frequency_says(freq: str, year: int) -> None:
    panel = series(freq, year + 3)
    found = last_year(panel).iloc[[year, year + 2]]
    assert found["last_year"].tolist() == [0, 2] and found["last_year_after"].tolist() == [1, 3]
    assert found["last_year_known"].tolist() == [pytest.approx(2 / 3), 1]
    assert last_year(panel, 5)["last_year"].iloc[7] == 2, "an own length overrides it"
    with pytest.raises(DataError, match="at least two"):
        last_year(panel, 0)
    made = lags(panel, horizon=3)
    assert made[f"lag{year}"].iloc[year + 2] == 2, "a year's lag counts from the row itself at any horizon"
    assert made["lag1"].iloc[5] == 2


def test_default_lags_of_weeks_stay() -> None:
    panel = series("W-MON", 60)
    old = lags(panel, (1, 2, 3, 4, 5, 6, 7, 8, 12, 26, 51, 52, 53), (4, 12, 26), aligned=(51, 52, 53), horizon=2)
    pd.testing.assert_frame_equal(lags(panel, horizon=2), old)


def test_relative_price_is_that_of_the_lessons(panel: pd.DataFrame) -> None:
    logs = np.log(panel["price"])
    lesson = logs - logs.groupby(panel["unique_id"]).expanding().mean().to_numpy()  # as lessons 00, 04, 06, 07 write it
    found = relative_price(panel)
    assert list(found.columns) == ["rel_price"] and found.index.equals(panel.index)
    np.testing.assert_allclose(found["rel_price"], lesson, rtol=0, atol=1e-12)
    assert (found["rel_price"] != 0).any()
    usual = usual_price(panel)
    np.testing.assert_allclose(np.log(panel["price"] / usual["usual_price"]), lesson, rtol=0, atol=1e-12)
    for name in (*found.columns, *usual.columns):
        assert name in KNOWN_AHEAD and WindowSettings(future=(name,)).also_known == ()
    assert relative_price(panel, "price_paid").columns[0] not in KNOWN_AHEAD


def test_prices_by_hand_missing_and_impossible() -> None:
    frame = series("W-MON", 4).assign(price=[4.0, 9.0, np.nan, 6.0, 5.0, 5.0, 5.0, 10.0])
    np.testing.assert_allclose(usual_price(frame)["usual_price"][:4], [4, 6, 6, 6], rtol=1e-12)
    relative = relative_price(frame)["rel_price"]
    np.testing.assert_allclose(relative[:4], [0, np.log(1.5), np.nan, 0], atol=1e-12)
    assert relative[4] == 0, "the next series starts anew"
    with pytest.raises(DataError, match="above zero") as caught:
        relative_price(frame.assign(price=frame["price"].mask(frame.index == 6, 0.0)))
    assert caught.value.rows == [7]
    with pytest.raises(DataError, match="did you mean price"):
        usual_price(frame, "prize")
