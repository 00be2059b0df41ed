"""Cleaning that accounts for every line, and transformations that can be undone and have never seen the future."""

from __future__ import annotations

import warnings
from dataclasses import FrozenInstanceError

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats
from statsmodels.tsa.seasonal import STL

from ecomlib.errors import DataError
from ecomlib.preprocessing import (
    BoxCox,
    Chain,
    CleaningRules,
    Deseasonalise,
    Difference,
    Log1p,
    Scale,
    Transform,
    back_from_logs,
    clean_orders,
    resample,
    robust_z,
    split_wholesale,
    stationarity,
    stationarity_table,
)

MONDAY = pd.Timestamp("2022-01-03")


# --- Cleaning ---


def lines() -> pd.DataFrame:
    """Forty lines of product a (one to four units), one of 500, a duplicate, a cancellation, a free gift; few of b."""
    rng = np.random.default_rng(0)
    usual = pd.DataFrame({"product_id": "a", "quantity": rng.integers(1, 5, 40), "unit_price": 2.0})
    odd = pd.DataFrame(
        {
            "product_id": ["a", "a", "a", "b", "b"],
            "quantity": [500, -3, 2, 1, 900],
            "unit_price": [1.5, 2.0, 0.0, 9.0, 9],
        }
    )
    orders = pd.concat([usual, odd], ignore_index=True)
    orders["order_id"] = [str(number) for number in range(len(orders))]
    return pd.concat([orders, orders.iloc[[7]]], ignore_index=True)


@pytest.mark.parametrize("wholesale", ["keep", "winsorise", "split"])
def test_the_report_accounts_for_every_line_unit_and_price(wholesale: str) -> None:
    orders = lines()
    cleaned, report = clean_orders(orders, CleaningRules(wholesale=wholesale))  # type: ignore[arg-type]
    assert list(report.columns) == ["reason", "rows_in", "rows_out", "units", "revenue"]
    assert report["rows_in"].iloc[0] == len(orders)
    assert (report["rows_in"].iloc[1:].to_numpy() == report["rows_out"].iloc[:-1].to_numpy()).all()
    assert report["units"].sum() == orders["quantity"].sum()
    assert report["revenue"].sum() == pytest.approx((orders["quantity"] * orders["unit_price"]).sum(), rel=1e-12)
    retail = cleaned[~cleaned["wholesale"]] if wholesale == "split" else cleaned
    assert report["rows_out"].iloc[-1] == len(retail)
    assert report["units"].iloc[-1] == retail["quantity"].sum()
    took = dict(zip(report["reason"], report["rows_in"] - report["rows_out"], strict=True))
    assert took["exact duplicate of another line"] == 1
    assert took["quantity not above zero"] == 1 and took["price not above zero"] == 1


def test_the_wholesale_order_is_kept_cut_or_split_off() -> None:
    orders = lines()
    kept, _ = clean_orders(orders)
    assert kept["quantity"].max() == 900 and (kept.index == kept.index.sort_values()).all()
    cut, report = clean_orders(orders, CleaningRules(wholesale="winsorise"))
    usual = orders["quantity"].iloc[:40]
    centre, spread = (
        np.log(usual).median(),
        stats.median_abs_deviation(np.log(kept.query("product_id == 'a'").quantity)),
    )
    limit = max(np.exp(centre + 5 * 1.4826 * spread), 10 * np.exp(centre))
    assert cut.loc[40, "quantity"] == pytest.approx(np.floor(limit), abs=1)
    assert str(cut["quantity"].dtype) == "int64" and len(cut) == len(kept)
    assert report["units"].iloc[3] == 500 - cut.loc[40, "quantity"]
    flagged, _ = clean_orders(orders, CleaningRules(wholesale="split"))
    retail, wholesale = split_wholesale(flagged)
    assert wholesale.index.tolist() == [40] and len(retail) + len(wholesale) == len(kept)
    assert list(retail.columns) == list(orders.columns)
    # Two lines say nothing about what is usual for b, so 900 units of it stay.
    assert 900 in retail["quantity"].tolist()
    with pytest.raises(DataError, match='wholesale="split"'):
        split_wholesale(kept)


def test_what_is_usual_can_be_told_by_the_training_part_alone() -> None:
    days = pd.date_range("2024-01-01", periods=60, freq="D")
    orders = pd.DataFrame({"product_id": "a", "quantity": [1, 2, 3] * 20, "unit_price": 1.0, "ordered_at": days})
    orders.loc[orders.index[5], "quantity"] = 90
    later = orders.assign(quantity=orders["quantity"].where(days < days[30], 80))  # from then on 80 is usual
    rules = CleaningRules(wholesale="split", drop_duplicates=False)
    both = [clean_orders(frame, rules, usual_until=days[30])[0]["wholesale"] for frame in (orders, later)]
    assert both[0].iloc[:30].equals(both[1].iloc[:30]) and both[0].sum() == 1 and both[1].sum() == 31
    assert not clean_orders(later, rules)[0]["wholesale"].any(), "what came later made 90 usual"
    assert not clean_orders(orders, rules, usual_until=days[5])[0]["wholesale"].any(), "five lines say nothing"
    with pytest.raises(DataError, match="'ordered_at'"):
        clean_orders(orders.drop(columns="ordered_at"), rules, usual_until=days[30])


def test_two_units_are_no_outlier_where_most_lines_have_one() -> None:
    orders = pd.DataFrame({"product_id": "a", "quantity": [1] * 99 + [2], "unit_price": 1.0, "n": range(100)})
    flagged, _ = clean_orders(orders, CleaningRules(wholesale="split"))
    assert not flagged["wholesale"].any()


def test_rules_can_be_switched_off_and_input_is_not_changed() -> None:
    orders = lines()
    before = orders.copy()
    same, report = clean_orders(orders, CleaningRules(drop_duplicates=False, drop_non_positive=False))
    pd.testing.assert_frame_equal(same, before)
    pd.testing.assert_frame_equal(orders, before)
    assert len(report) == 2
    with pytest.raises(DataError, match="'unit_price'"):
        clean_orders(orders.drop(columns="unit_price"))


def test_robust_z_is_the_textbooks() -> None:
    values = pd.Series([1.0, 2.0, 3.0, 4.0, 100.0])
    wanted = (values - 3) / stats.median_abs_deviation(values, scale="normal")
    np.testing.assert_allclose(robust_z(values), wanted, rtol=1e-12)
    assert robust_z(values).iloc[-1] > 30 > 3 > ((values - values.mean()) / values.std()).iloc[-1]
    groups = pd.Series(["a", "b", "a", "b", "a", "b"])
    both = robust_z(pd.Series([1.0, 10, 2, 20, 3, 60]), by=groups)
    np.testing.assert_allclose(both[groups == "b"], robust_z(pd.Series([10.0, 20, 60])), rtol=1e-12)


def test_robust_z_where_more_than_half_are_equal() -> None:
    values = pd.Series([5.0, 5, 5, 5, 9])
    # The mean absolute deviation is 0.8, and 1.2533 times that stands in for the standard deviation.
    np.testing.assert_allclose(robust_z(values).iloc[-1], 4 / (0.8 * np.sqrt(np.pi / 2)), rtol=1e-12)
    assert (robust_z(pd.Series([5.0, 5, 5])) == 0).all()


# --- Stationarity ---


def test_the_four_verdicts() -> None:
    rng = np.random.default_rng(3)
    noise = rng.normal(size=400)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        calm, walk = stationarity(noise), stationarity(noise.cumsum())
        broken = stationarity(pd.Series(noise + np.where(np.arange(400) < 200, 0, 1.2)))
        short = stationarity(noise.cumsum()[:22] * 0.3 + rng.normal(size=22))
    assert calm.agree and calm.verdict.startswith("stationary")
    assert walk.agree and walk.verdict.startswith("not stationary: KPSS rejects a constant level")
    assert "cannot rule a unit root out, which is not to say that there is one" in walk.verdict
    assert not broken.agree and "no unit root, and yet no constant level" in broken.verdict
    assert not short.agree and "too short or too noisy" in short.verdict
    assert calm.adf_p < 0.05 < calm.kpss_p and "ADF p" in str(calm)


def test_a_trend_is_stationary_around_a_line() -> None:
    rng = np.random.default_rng(0)
    line = rng.normal(size=200) + 0.05 * np.arange(200)
    assert not stationarity(line).verdict.startswith("stationary")
    assert stationarity(line, trend="ct").verdict.startswith("stationary")


def test_the_table_says_what_each_test_can_say() -> None:
    rng = np.random.default_rng(0)
    line = stationarity_table(rng.normal(size=200) + 0.05 * np.arange(200)).set_index(["test", "around"])
    # KPSS is right that the level moves, and around the line nothing does.
    assert line.loc[("KPSS", "level"), "says"] == "not a constant level"
    assert line.loc[("KPSS", "line"), "says"] == "cannot rule out a straight line with steady noise"
    assert line.loc[("ADF", "line"), "says"] == "not a unit root"
    walk = stationarity_table(rng.normal(size=300).cumsum()).set_index(["test", "around"])
    assert (walk.loc["ADF", "says"] == "cannot rule out a unit root").all() and not walk.loc["ADF", "rejects"].any()
    assert walk.loc[("KPSS", "level"), "p"] == 0.01 and walk.loc[("KPSS", "level"), "rejects"]
    noise = rng.normal(size=40)
    one = stationarity(noise, trend="ct")
    table = stationarity_table(noise).set_index(["test", "around"])["p"]
    assert (table["ADF", "line"], table["KPSS", "line"]) == (one.adf_p, one.kpss_p)


def test_a_mean_comes_back_from_logs_as_a_mean_and_a_median_as_a_median() -> None:
    rng = np.random.default_rng(1)
    logs, errors = np.array([1.0, 2.0]), rng.normal(0, 0.8, 400_000)
    back = back_from_logs(logs, errors)
    np.testing.assert_allclose(back["median"], np.expm1(logs))
    np.testing.assert_allclose(back["normal"], np.exp(logs + 0.32) - 1, rtol=0.01)  # half of the variance, 0.64
    np.testing.assert_allclose(back["smearing"], back["normal"], rtol=0.01)
    # Errors that lean to one side: only smearing knows.
    leaning = rng.exponential(0.5, 400_000) - 0.5
    truth = np.exp(2.0 + leaning).mean() - 1
    lean = back_from_logs([2.0], leaning).iloc[0]
    assert lean["smearing"] == pytest.approx(truth, rel=1e-9)
    assert lean["smearing"] == pytest.approx(np.exp(2.0) * np.exp(-0.5) / (1 - 0.5) - 1, rel=0.02)  # exponential law
    assert lean["normal"] < truth - 0.3 and lean["median"] < truth - 1
    two = back_from_logs(pd.Series([0.0], index=[7]), [np.log(2.0), np.nan, np.log(4.0)], added=0.0)
    assert list(two.index) == [7] and two["smearing"].item() == pytest.approx(3.0) and two["median"].item() == 1.0
    with pytest.raises(DataError, match="a mean needs the residuals"):
        back_from_logs([1.0], [np.nan, 0.1])


@pytest.mark.parametrize("values", [np.ones(50), np.arange(5.0), np.append(np.arange(40.0), np.nan)])
def test_series_that_cannot_be_tested(values: np.ndarray) -> None:
    with pytest.raises(DataError, match="at least 20 known values"):
        stationarity(values)


# --- Transformations ---

WEEKLY: list[Transform | Chain] = [
    Log1p(),
    BoxCox(),
    Scale(),
    Scale(robust=True),
    Difference(),
    Difference(lag=13),
    Deseasonalise((13,)),
    Deseasonalise((4, 13), robust=False),
    Chain((Log1p(), Difference())),
    Chain((BoxCox(), Difference(13), Difference(), Scale())),
    Chain((Deseasonalise((13,)), Difference(), Scale(robust=True))),
]


def panel(values: np.ndarray, freq: str = "W-MON") -> pd.DataFrame:
    """One series a row of ``values``."""
    dates = pd.date_range(MONDAY, periods=values.shape[1], freq=freq)
    return pd.DataFrame(
        {
            "unique_id": np.repeat([f"s{k}" for k in range(len(values))], len(dates)),
            "ds": np.tile(dates, len(values)),
            "y": values.ravel().astype("float64"),
            "price": 1.0,
        }
    )


counts = hnp.arrays(np.int64, st.tuples(st.integers(1, 3), st.integers(34, 60)), elements=st.integers(0, 5_000))


@settings(max_examples=25, deadline=None)
@given(values=counts, horizon=st.integers(1, 8), which=st.integers(0, len(WEEKLY) - 1), seed=st.integers(0, 99))
def test_inverse_undoes_transform_in_training_beyond_it_and_in_any_row_order(
    values: np.ndarray, horizon: int, which: int, seed: int
) -> None:
    whole = panel(values)
    cut = whole["ds"].unique()[-horizon - 1]
    train, future = whole[whole["ds"] <= cut], whole[whole["ds"] > cut]
    fitted = WEEKLY[which].fit(train)
    for part in (train, future, whole, future.sample(frac=1, random_state=seed), whole.iloc[::-1]):
        there = fitted.transform(part)
        back = fitted.inverse(there)
        assert list(back.columns) == list(part.columns) and back.index.equals(part.index)
        np.testing.assert_allclose(back["y"], part["y"], rtol=1e-7, atol=1e-5)
        assert (back["price"] == 1).all()


@pytest.mark.parametrize("which", range(len(WEEKLY)))
def test_nothing_after_training_is_learnt(which: int) -> None:
    rng = np.random.default_rng(1)
    whole = panel(rng.poisson(30, (2, 60)))
    cut = whole["ds"].unique()[47]
    later = (whole["ds"] > cut).to_numpy()
    shuffled = whole.copy()
    shuffled.loc[later, "y"] = rng.permutation(shuffled.loc[later, "y"].to_numpy()) * 7
    one = WEEKLY[which].fit(whole[~later]).transform(whole)
    two = WEEKLY[which].fit(shuffled[~later]).transform(shuffled)
    np.testing.assert_array_equal(one.loc[~later, "y"], two.loc[~later, "y"])
    assert not np.allclose(one.loc[later, "y"], two.loc[later, "y"])


def test_forecasts_of_a_difference_add_up_from_the_last_known_value() -> None:
    train = panel(np.array([[5.0, 7.0, 4.0], [50.0, 70.0, 40.0]]))
    fitted = Difference().fit(train)
    dates = pd.date_range(train["ds"].max() + pd.Timedelta(weeks=1), periods=3, freq="W-MON")
    future = pd.DataFrame({"unique_id": ["s0"] * 3 + ["s1"] * 3, "ds": [*dates, *dates]})
    future["net"], future["low"] = [1.0, 2.0, -3.0, 10, 20, -30], 0.0
    back = fitted.inverse(future, columns=("net", "low"))
    assert back["net"].tolist() == [5.0, 7.0, 4.0, 50.0, 70.0, 40.0]
    assert back["low"].tolist() == [4.0] * 3 + [40.0] * 3
    seasonal = Difference(lag=2).fit(train)
    assert seasonal.inverse(future.assign(net=0.0), columns=("net",))["net"].tolist()[:3] == [7.0, 4.0, 7.0]


def test_the_first_differences_are_missing_and_not_invented() -> None:
    there = Difference(lag=2).fit(panel(np.arange(12.0).reshape(2, 6))).transform(panel(np.arange(12.0).reshape(2, 6)))
    assert there.groupby("unique_id")["y"].apply(lambda y: y.isna().sum()).tolist() == [2, 2]
    assert there["y"].dropna().eq(2).all()


def test_a_missing_forecast_stays_missing() -> None:
    train = panel(np.arange(1.0, 9.0).reshape(1, 8))
    fitted = Difference().fit(train)
    middle = train.iloc[4:].assign(net=np.nan)
    assert fitted.inverse(middle, columns=("net",))["net"].isna().all()


def test_the_order_of_a_chain_is_undone_backwards() -> None:
    train = panel(np.array([[1.0, 3.0, 7.0, 15.0, 31.0]]))
    fitted = Chain((Log1p(), Difference())).fit(train)
    there = fitted.transform(train)
    np.testing.assert_allclose(there["y"].iloc[1:], np.log(2), rtol=1e-12)
    next_week = pd.DataFrame({"unique_id": ["s0"], "ds": [train["ds"].max() + pd.Timedelta(weeks=1)], "y": [np.log(2)]})
    assert fitted.inverse(next_week)["y"].iloc[0] == pytest.approx(63)


def test_box_cox_is_scipys_and_every_forecast_has_an_inverse() -> None:
    rng = np.random.default_rng(0)
    train = panel(rng.negative_binomial(2, 0.05, (1, 300)))
    fitted = BoxCox().fit(train)
    lmbda = fitted.states["s0"]
    best = stats.boxcox_normmax(train["y"] + 1, method="mle")
    assert 0 < best < 1 and lmbda == pytest.approx(best, abs=1e-3)
    np.testing.assert_allclose(fitted.transform(train)["y"], stats.boxcox(train["y"] + 1, lmbda=lmbda), rtol=1e-9)
    wild = train.head(3).assign(y=[-1e6, 0.0, 50.0])
    back = fitted.inverse(wild)["y"]
    assert np.isfinite(back).all() and back.iloc[0] == -1 and back.is_monotonic_increasing
    np.testing.assert_allclose(Log1p().fit(train).transform(train)["y"], np.log1p(train["y"]), rtol=1e-12)
    with pytest.raises(DataError, match="above -1"):
        BoxCox().fit(train.assign(y=-1.0))
    with pytest.raises(DataError, match="above -1"):
        Log1p().fit(train).transform(train.assign(y=-5.0))


def test_scaling_is_by_the_training_part() -> None:
    train = panel(np.array([[1.0, 2.0, 3.0, 4.0, 100.0], [7.0] * 5]))
    plain, robust = Scale().fit(train), Scale(robust=True).fit(train)
    assert plain.states["s0"] == (22.0, pytest.approx(np.std([1, 2, 3, 4, 100])))
    assert robust.states["s0"] == (3.0, pytest.approx(1.4826, abs=1e-4))
    assert plain.states["s1"] == (7.0, 1.0) and (plain.transform(train)["y"].iloc[5:] == 0).all()


def test_the_season_is_stls_and_repeats_after_training() -> None:
    weeks = np.arange(150)
    values = 50 + 0.1 * weeks + 20 * np.sin(2 * np.pi * weeks / 52) + np.random.default_rng(0).normal(size=150)
    whole = panel(values[None, :])
    train, future = whole.iloc[:130], whole.iloc[130:]
    fitted = Deseasonalise((52,)).fit(train)
    wanted = STL(train["y"].to_numpy(), period=52, robust=True).fit().seasonal
    np.testing.assert_allclose(train["y"] - fitted.transform(train)["y"], wanted, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(future["y"] - fitted.transform(future)["y"], wanted[78:98], rtol=1e-12, atol=1e-12)
    assert fitted.transform(future)["y"].std() < 0.4 * future["y"].std()
    with pytest.raises(DataError, match="two full cycles"):
        Deseasonalise((52,)).fit(whole.iloc[:100])


@pytest.mark.parametrize("gap", [slice(60, 80), slice(125, 130), slice(0, 10)])
def test_weeks_without_stock_do_not_shift_the_season(gap: slice) -> None:
    whole = panel((50 + 20 * np.sin(2 * np.pi * np.arange(160) / 52))[None, :])
    train, future = whole.iloc[:130].copy(), whole.iloc[130:]
    train.loc[train.index[gap], "y"] = np.nan
    left = Deseasonalise((52,)).fit(train).transform(future)["y"]
    assert np.abs(left - 50).max() < 3, "with time cut out the season would come weeks too late, and leave up to 20"


def test_two_seasons_at_once() -> None:
    days = np.arange(140)
    whole = panel((30 + 8 * np.sin(2 * np.pi * days / 7) + 5 * np.sin(2 * np.pi * days / 28))[None, :], freq="D")
    left = Deseasonalise((28, 7)).fit(whole).transform(whole)["y"]
    assert left.iloc[28:-28].std() < 0.15 * whole["y"].std()


@pytest.mark.parametrize("method", [Difference(), Deseasonalise((4,)), Chain((Log1p(), Difference()))])
def test_a_gap_after_training_is_an_error(method: Transform | Chain) -> None:
    whole = panel(np.random.default_rng(0).poisson(9, (1, 30)))
    fitted = method.fit(whole.iloc[:20])
    for rows in (whole.iloc[21:], whole.drop(index=24).iloc[20:]):
        with pytest.raises(DataError, match="without a gap"):
            fitted.transform(rows)
    months = whole.iloc[:14].assign(ds=pd.date_range("2023-01-01", periods=14, freq="MS"))
    method.fit(months.iloc[:12]).transform(months.iloc[12:])


def test_an_unknown_series_is_an_error_and_what_was_learnt_is_frozen() -> None:
    train = panel(np.arange(1.0, 13.0).reshape(1, 12))
    fitted = Scale().fit(train)
    with pytest.raises(DataError, match="was not in training"):
        fitted.transform(train.assign(unique_id="new"))
    with pytest.raises(FrozenInstanceError):
        fitted.states = {}  # type: ignore[misc]


# --- Time step ---


def test_weeks_and_months_from_days() -> None:
    days = pd.date_range("2024-01-10", "2024-03-20", freq="D")  # a Wednesday to a Wednesday
    daily = pd.DataFrame({"unique_id": "a", "ds": days, "y": 1.0, "orders": 2.0, "price": np.arange(len(days)) * 1.0})
    daily = pd.concat([daily, daily.assign(unique_id="b", y=3.0)], ignore_index=True)
    daily["customers"], daily["product_id"] = 5, daily["unique_id"]
    weekly = resample(daily, "W-MON")
    assert (weekly["ds"].dt.day_of_week == 0).all() and weekly["ds"].min() == pd.Timestamp("2024-01-15")
    assert weekly["ds"].max() == pd.Timestamp("2024-03-11"), "the week from 03-18 has three days and is left out"
    assert weekly.groupby("unique_id")["y"].unique().map(list).to_dict() == {"a": [7.0], "b": [21.0]}
    assert (weekly["orders"] == 14).all() and weekly["price"].iloc[0] == np.mean(np.arange(5, 12))
    assert "customers" not in weekly and (weekly["product_id"] == weekly["unique_id"]).all()
    monthly = resample(daily, "MS")
    assert monthly["ds"].unique().tolist() == [pd.Timestamp("2024-02-01")] and monthly["y"].tolist() == [29.0, 87.0]
    for wrong in (weekly, daily.drop(index=5)):
        with pytest.raises(DataError, match="only a daily panel"):
            resample(wrong, "MS")


def test_a_period_of_which_no_day_is_known_is_missing_and_not_zero() -> None:
    days = pd.date_range("2024-01-01", periods=21, freq="D")
    daily = pd.DataFrame({"unique_id": "a", "ds": days, "y": 1.0, "orders": 1.0})
    daily.loc[daily.index[3:14], "y"] = np.nan
    weekly = resample(daily, "W-MON")
    np.testing.assert_array_equal(weekly["y"], [3.0, np.nan, 7.0])
    assert weekly["orders"].tolist() == [7.0, 7.0, 7.0]


def test_single_days_are_added_up_only_where_they_are_days() -> None:
    one = pd.DataFrame({"unique_id": ["a", "b"], "ds": pd.Timestamp("2024-01-01"), "y": 1.0})  # a Monday and a first
    with pytest.raises(DataError, match="several frequencies"):
        resample(one, "weekly")
    one.attrs["freq"] = "W-MON"
    with pytest.raises(DataError, match="only a daily panel"):
        resample(one, "MS")
    one.attrs["freq"] = "D"
    assert resample(one, "MS").empty, "one day is no full month"
    with pytest.raises(DataError, match="only a daily panel"):
        resample(one, "D")
    with pytest.raises(DataError, match="Monday to Sunday"):
        resample(one, "W-SUN")


def test_a_spoken_time_step_is_recorded() -> None:
    days = pd.date_range("2024-01-01", periods=14)
    weekly = resample(pd.DataFrame({"unique_id": "a", "ds": days, "y": 1.0}), "weekly")
    assert weekly["y"].tolist() == [7, 7] and weekly.attrs["freq"] == "W-MON"


@pytest.mark.parametrize(("freq", "year"), [("D", 364), ("W-MON", 52), ("MS", 12)])
def test_the_season_is_a_year_of_the_panels_frequency(freq: str, year: int) -> None:
    values = 50 + 20 * np.sin(2 * np.pi * np.arange(2 * year + 3) / year)
    whole = panel(values[None, :], freq)
    left = Deseasonalise(robust=False).fit(whole).transform(whole)["y"]
    wanted = Deseasonalise((year,), robust=False).fit(whole).transform(whole)["y"]
    np.testing.assert_array_equal(left, wanted)
    with pytest.raises(DataError, match=f"season of {year} periods"):
        Deseasonalise().fit(whole.iloc[: 2 * year - 1])
