"""The leak test finds the classic leaks, which a shuffle of the label does not, and passes what is honest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from small_shop import FIRST, make_shop

from ecomlib.errors import DataError
from ecomlib.features import counts, find_leaks, lags
from ecomlib.panel import make_panel

WEEKS, SERIES = 60, 6
DAYS = pd.date_range("2024-01-01", periods=WEEKS, freq="7D")
CUTS = [DAYS[19], DAYS[31], DAYS[47]]
KNOWN = SERIES * (20 + 32 + 48)  # rows up to the cuts


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    rng, n = np.random.default_rng(0), SERIES * WEEKS
    name = np.repeat([f"P{k}" for k in range(SERIES)], WEEKS)
    return pd.DataFrame(
        {
            "unique_id": name,
            "ds": np.tile(DAYS, SERIES),
            "y": rng.poisson(9, n).astype(float),
            "price": rng.uniform(3, 9, n),
            "stockout": (rng.random(n) < 0.1).astype(float),
            "promoted": rng.random(n) < 0.2,
            "category": np.where(name < "P3", "mugs", "lamps"),
        }
    )


def each(panel: pd.DataFrame, column: str = "y") -> Any:
    return panel.groupby("unique_id")[column]


HONEST: dict[str, Callable[[pd.DataFrame], Any]] = {
    "lags and means of the package": lambda p: lags(p, (1, 2), (4,)),
    "rolling mean up to the date": lambda p: each(p).transform(lambda y: y.rolling(4).mean()),
    "scaled by the mean up to the date": lambda p: p["y"] / each(p).transform(lambda y: y.expanding().mean()).clip(1),
    "last week's stockout": lambda p: each(p, "stockout").shift(),
    "category": lambda p: p["category"],
}
LEAKS: dict[str, tuple[Callable[[pd.DataFrame], Any], float]] = {  # with the least share of values that moves
    "global standard scaler": (lambda p: (p["y"] - p["y"].mean()) / p["y"].std(), 0.999),
    "global min-max": (lambda p: (p["y"] - p["y"].min()) / (p["y"].max() - p["y"].min()), 0.95),
    "rank of all rows": (lambda p: p["y"].rank(pct=True), 0.9),
    "mean of the product's rows": (lambda p: each(p).transform("mean"), 0.999),
    "number of the product's rows": (lambda p: each(p).transform("size"), 0.5),
    "next week's price": (lambda p: each(p, "price").shift(-1), 3 * SERIES / KNOWN),  # the last week before each cut
    "next week's stockout": (lambda p: each(p, "stockout").shift(-1), 3 * SERIES / KNOWN),
    "next week's promotion": (lambda p: each(p, "promoted").shift(-1), 3 * SERIES / KNOWN),
    "filled from the next known week": (lambda p: each(p.assign(y=p["y"].where(p["y"] > 9))).bfill(), 0.001),
    "scaled by the mean up to a fixed date": (
        lambda p: p["y"] / p["unique_id"].map(each(p[p["ds"] <= DAYS[40]]).mean()),
        0.5,
    ),
}


@pytest.mark.parametrize("name", HONEST)
def test_nothing_is_found_in_honest_features(panel: pd.DataFrame, name: str) -> None:
    report = find_leaks(HONEST[name], panel, CUTS, np.random.default_rng(1))
    assert (report["values"] == KNOWN).all() and (report["changed"] == 0).all() and (report["cuts"] == 0).all()
    assert (report["finding"] == "nothing found at 3 cuts").all()


@pytest.mark.parametrize("name", LEAKS)
def test_what_reads_the_future_is_found(panel: pd.DataFrame, name: str) -> None:
    feature, least = LEAKS[name]
    report = find_leaks(feature, panel, CUTS, np.random.default_rng(1)).iloc[0]
    assert least - 1e-9 <= report["changed"] <= 1
    # A mean up to a fixed date is honest from that date on: the third cut alone would have passed it.
    assert report["cuts"] == (2 if "fixed date" in name else 3)
    assert report["finding"].startswith("reads the future: ")


def test_next_weeks_price_moves_exactly_the_week_before_each_cut(panel: pd.DataFrame) -> None:
    report = find_leaks(lambda p: each(p, "price").shift(-1), panel, CUTS, np.random.default_rng(2))
    assert report["changed"].item() == pytest.approx(3 * SERIES / KNOWN)


def test_a_feature_that_bears_a_keys_name_is_looked_at(panel: pd.DataFrame) -> None:
    to_the_end = {"days to the end": lambda p: p["ds"].max() - p["ds"], "date": lambda p: p["ds"]}
    found = find_leaks(to_the_end, panel, CUTS, np.random.default_rng(0)).set_index("feature")["cuts"]
    assert found.to_dict() == {"days to the end": 3, "date": 0}, "none is left out without a word"


def test_many_features_make_one_table(panel: pd.DataFrame) -> None:
    some = {"past": HONEST["lags and means of the package"], "scaler": LEAKS["global standard scaler"][0]}
    report = find_leaks(some, panel, CUTS, np.random.default_rng(1)).set_index("feature")
    assert report["cuts"].to_dict() == {"past: lag1": 0, "past: lag2": 0, "past: mean4": 0, "scaler": 3}


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([3, 4, 5, 3]),
        pd.Series([0, 1, 1, 0]),
        pd.Series([1.5, -2.0, np.nan, 7.25]),
        pd.Series([2.0, 5.0, 9.0, 0.0]),
        pd.Series([0.2, 0.9, 0.0, 0.4]),
        pd.Series([0.0, 1.0, 1.0, 0.0]),
        pd.Series([True, False, False, True]),
        pd.Series(["a", "b", "c", "a"]),
        pd.Series(["a", "b", "c", "a"], dtype="category"),
        pd.Series(pd.to_datetime(["2024-01-01", "2024-02-01", "2024-03-01", "2024-01-01"])),
        pd.Series([1, None, 3, 4], dtype="Int64"),
    ],
    ids=lambda c: f"{c.dtype} {c.iloc[0]}",
)
def test_every_kind_of_column_moves_and_stays_of_its_kind(column: pd.Series) -> None:
    rows = pd.DataFrame({"ds": DAYS[:4], "x": column})
    seen: list[pd.Series] = []

    def next_value(p: pd.DataFrame) -> pd.Series:
        seen.append(p["x"])
        return p["x"].shift(-1)

    report = find_leaks(next_value, rows, [DAYS[0], DAYS[2]], np.random.default_rng(3))
    assert report["cuts"].item() == 2
    for other in seen:
        assert other.dtype == column.dtype
        if column.dtype == float and column.between(0, 1).all():
            assert other.between(0, 1).all()
        if column.dtype == float and (column.dropna() % 1 == 0).all():
            assert (other.dropna() % 1 == 0).all()


def test_a_plan_is_no_leak_where_it_is_said_to_be_one(panel: pd.DataFrame) -> None:
    def ahead(p: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"price": each(p, "price").shift(-1), "stock": each(p, "stockout").shift(-1)})

    report = find_leaks(ahead, panel, CUTS, np.random.default_rng(1), planned=["price"]).set_index("feature")
    assert report["cuts"].to_dict() == {"price": 0, "stock": 3}


def test_a_feature_for_a_label_still_to_come_may_not_use_its_own_row(panel: pd.DataFrame) -> None:
    def means(p: pd.DataFrame) -> pd.DataFrame:
        with_own = each(p).transform(lambda y: y.rolling(4).mean())
        return pd.DataFrame({"own": with_own, "before": each(p).transform(lambda y: y.shift().rolling(4).mean())})

    strict = find_leaks(means, panel, CUTS, np.random.default_rng(1), same_moment=False).set_index("feature")
    assert strict["changed"].to_dict() == pytest.approx({"own": 3 * SERIES / KNOWN, "before": 0.0})


def test_rows_that_come_and_go_with_the_future_count(panel: pd.DataFrame) -> None:
    report = find_leaks(
        lambda p: p.loc[each(p).transform("sum") > 9 * WEEKS, ["y"]], panel, CUTS, np.random.default_rng(1)
    )
    assert report["cuts"].item() == 3


def test_the_callers_frame_is_not_touched_and_its_index_may_be_any(panel: pd.DataFrame) -> None:
    odd = panel.set_axis(np.arange(len(panel)) * 3 + 5)
    before = odd.copy()
    one = find_leaks(LEAKS["global min-max"][0], odd, CUTS, np.random.default_rng(4))
    pd.testing.assert_frame_equal(odd, before)
    pd.testing.assert_frame_equal(one, find_leaks(LEAKS["global min-max"][0], panel, CUTS, np.random.default_rng(4)))


def test_a_whole_store_is_looked_at_by_its_events() -> None:
    def build(store: Any) -> pd.DataFrame:
        rows = make_panel(store)[["product_id", "ds"]]
        rows["so far"] = counts(store.orders, rows)["count"]
        rows["largest order of all"] = store.orders["quantity"].max()
        return rows

    report = find_leaks(
        build, make_shop(3), [FIRST + k * pd.Timedelta(weeks=1) for k in (30, 56)], np.random.default_rng(0)
    )
    assert report.set_index("feature")["cuts"].to_dict() == {"so far": 0, "largest order of all": 2}
    with pytest.raises(DataError, match="one side of the cut"):
        find_leaks(build, make_shop(3), ["2034-01-02"], np.random.default_rng(0))


@pytest.mark.parametrize(
    ("feature", "cuts", "match"),
    [
        (HONEST["category"], [], "no cut"),
        (HONEST["category"], [DAYS[-1]], "one side of the cut"),
        (HONEST["category"], [DAYS[0] - pd.Timedelta(days=1)], "one side of the cut"),
        (lambda p: pd.Series([1.0, 2.0], index=[-1, -2]), CUTS, "do not fit"),
        (lambda p: p[["unique_id", "ds"]], CUTS, "no feature to look at"),
    ],
)
def test_faults_are_named(panel: pd.DataFrame, feature: Any, cuts: list[Any], match: str) -> None:
    with pytest.raises(DataError, match=match):
        find_leaks(feature, panel, cuts, np.random.default_rng(0))
