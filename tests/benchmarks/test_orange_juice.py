"""What protocol O knows ahead, and what its cheap rival and its bars say, on a chain whose answers are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("statsforecast")
pytest.importorskip("lightgbm")
from benchmarks.real_shop import orange_juice
from ecomlib.evaluation import wape
from ecomlib.forecasting import backtest


def weekly() -> pd.DataFrame:
    """One store, two brands, weeks 40 to 103; brand 2 is half as dear, and brand 1 at half price from week 100 on."""
    rows = [(week, 1, brand) for week in range(40, 104) for brand in (1, 2)]
    frame = pd.DataFrame(rows, columns=["week", "store", "brand"]).assign(price1=0.04, price2=0.02, deal=0, feat=0.25)
    frame.loc[frame["week"] >= 100, "price1"] = 0.02
    return frame.assign(logmove=np.log(64.0 * frame["brand"]))


def test_columns_known_ahead_are_what_the_protocol_says() -> None:
    rows = orange_juice.panel(weekly()).set_index(["unique_id", "ds"])
    first, last = orange_juice.monday(40), orange_juice.monday(103)
    assert first == pd.Timestamp("1990-06-11") and (first.weekday(), last.weekday()) == (0, 0)
    one = rows.loc["001-01"]
    assert one.loc[first, ["y", "price_change", "deal", "feature"]].tolist() == [64.0, 0.0, 0.0, 0.25]
    assert one.loc[last, "price_change"] == pytest.approx(np.log(0.5))  # against its first 60 weeks, not against all
    assert one.loc[first, "price_gap"] == pytest.approx(np.log(2) / 2) and one.loc[last, "price_gap"] == 0.0
    assert rows.loc["001-02", "price_change"].eq(0).all()


def test_a_week_that_the_files_lack_is_unknown_and_not_zero() -> None:
    frame = weekly()
    rows = orange_juice.panel(frame[~((frame["week"] == 50) & (frame["brand"] == 2))])
    assert len(rows) == 2 * 64 and rows["y"].isna().sum() == 1
    assert rows.loc[rows["y"].isna(), "ds"].item() == orange_juice.monday(50)


def test_prices_after_the_first_sixty_weeks_say_nothing_of_the_usual_price() -> None:
    frame = weekly()
    other = frame.assign(price2=frame["price2"].where(frame["week"] < 100, 0.9))
    was, now = orange_juice.panel(frame), orange_juice.panel(other)
    early = was["ds"] < orange_juice.monday(100)
    pd.testing.assert_frame_equal(was[early], now[early])


def test_brand_lines_find_the_elasticity_of_an_invented_chain() -> None:
    rows = orange_juice.panel(orange_juice.invented(stores=8, brands=2, elasticity=-3.0))
    past = rows[rows["ds"] <= orange_juice.monday(124)]
    lines = orange_juice.BrandLines()
    slopes = lines.learn(past, 4)
    for brand in ("01", "02"):
        by = dict(zip(orange_juice.AHEAD, slopes[brand], strict=True))
        # Deals are price cuts here, and always of 30 %: what a cut does is spread over three columns.
        assert -0.3 * (by["price_change"] + 0.5 * by["price_gap"]) + by["deal"] == pytest.approx(0.9, abs=0.1)
    scored = backtest(rows, {"lines": lines, "level": "window_mean"}, [orange_juice.monday(124)], 4)
    error = wape(scored, ["lines", "level"]).iloc[0]
    assert error["lines"] < 0.2 < error["level"]  # noise alone: the mean of |exp(0.2 z) - 1| is 0.16


def test_without_price_no_price_is_read_and_with_price_the_future_counts() -> None:
    rows = orange_juice.panel(orange_juice.invented())
    rows = rows[rows["ds"] <= orange_juice.monday(128)]
    later = rows["ds"] > orange_juice.monday(124)
    cheaper = rows.assign(price_change=rows["price_change"] - 0.3 * later, deal=rows["deal"].where(~later, 1.0))
    for prices in (False, True):
        model = {"f": orange_juice.learner("trees", prices, n_estimators=20)}
        was, now = (backtest(frame, model, [orange_juice.monday(124)], 4)["f"] for frame in (rows, cheaper))
        assert was.equals(now) != prices
        if prices:
            assert now.sum() > was.sum()


def test_bars_are_of_protocol_o() -> None:
    rows = [
        ("GRU with price", "trees with price", "level", 0.005),
        ("log-mean with price", "trees with price", "undecided", 0.01),
        ("trees with price", "trees without price", "better", -0.2),
        ("GRU with price", "GRU without price", "better", -0.2),
        ("log-mean with price", "log-mean without price", "better", -0.2),
    ]
    table = pd.DataFrame(rows, columns=["model", "rival", "word", "high"]).assign(what="against")
    assert list(orange_juice.bars(table).values()) == ["met", "missed", "met", "met", "met"]
