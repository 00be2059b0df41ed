"""What a shop is told of its forecasts: the rules, coverage by size, and the sentence, by numbers made by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ecomlib.errors import DataError
from ecomlib.evaluation.coverage_by_size import SizeCoverage, coverage_by_size, earlier_units, size_classes
from ecomlib.evaluation.rivals import coverages, errors_of, fair, with_rivals
from ecomlib.evaluation.shop_answer import DO_NOT_USE, AnswerSettings, ShopAnswer, shop_answer

MONDAYS = pd.date_range("2023-01-02", periods=70, freq="7D")


def panel(units: np.ndarray) -> pd.DataFrame:
    """A panel of units (P, W), the last weeks of ``MONDAYS``."""
    count, weeks = units.shape
    names = [f"p{k:02}" for k in range(count)]
    return pd.DataFrame(
        {"unique_id": np.repeat(names, weeks), "ds": np.tile(MONDAYS[-weeks:], count), "y": units.ravel().astype(float)}
    )


def scored(history: pd.DataFrame, origins: int = 3, **models: object) -> pd.DataFrame:
    """Four weeks after each of the last origins; each model is a function of the rows."""
    parts = [
        history[(history["ds"] > day) & (history["ds"] <= day + pd.Timedelta(weeks=4))].assign(cutoff=day)
        for day in MONDAYS[-1 - 4 * origins : -1 : 4]
    ]
    frame = pd.concat(parts, ignore_index=True)
    return frame.assign(**{name: make(frame) for name, make in models.items()})


def steady(products: int = 12, weeks: int = 70, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return panel(rng.poisson(rng.uniform(20, 60, (products, 1)), (products, weeks)))


def told(history: pd.DataFrame, **models: object) -> ShopAnswer:
    return shop_answer(scored(history, **models), next(iter(models)), history, shop="Shop")


# --- the rules --------------------------------------------------------------------------------------------------------


def test_the_rules_by_hand() -> None:
    units = np.arange(70.0)[None, :] * np.array([[1.0], [2.0]])
    frame = with_rivals(scored(panel(units), origins=2), panel(units))
    first = frame[(frame["unique_id"] == "p01") & (frame["cutoff"] == MONDAYS[61])]
    assert first["naive"].tolist() == [122.0] * 4
    assert first["mean of 8 weeks"].tolist() == [115.0] * 4, "54 to 61, times two"
    assert first["seasonal naive"].tolist() == [20.0, 22.0, 24.0, 26.0], "52 weeks before 62 to 65"
    assert first["ordering nothing"].tolist() == [0.0] * 4


def test_rules_do_not_see_what_comes() -> None:
    units = steady()
    frame = scored(units)
    later = units.assign(y=units["y"].where(units["ds"] <= frame["cutoff"].min(), 999.0))
    one, other = (
        with_rivals(frame, history)[lambda f: f["cutoff"] == frame["cutoff"].min()] for history in (units, later)
    )
    pd.testing.assert_frame_equal(one, other)


def test_a_rule_that_is_there_by_another_name_is_not_made_again() -> None:
    frame = scored(steady(), window_mean=lambda f: 1.0, seasonal_naive=lambda f: 2.0)
    assert list(with_rivals(frame, steady()).columns[4:]) == [
        "window_mean",
        "seasonal_naive",
        "naive",
        "ordering nothing",
    ]


def test_a_shop_without_a_last_year_has_no_such_rule_and_a_young_product_its_last_value() -> None:
    assert "seasonal naive" not in with_rivals(scored(steady(weeks=40)), steady(weeks=40))
    old, young = steady(3), steady(1, 30).replace({"unique_id": {"p00": "young"}})
    history = pd.concat([old, young], ignore_index=True)
    frame = with_rivals(scored(history), history).set_index("unique_id")
    assert (frame.loc["young", "seasonal naive"] == frame.loc["young", "naive"]).all()
    assert (frame.loc["p00", "seasonal naive"] != frame.loc["p00", "naive"]).any()


def test_rows_keep_their_order_and_index() -> None:
    frame = scored(steady()).sample(frac=1, random_state=0)
    frame.index = np.zeros(len(frame), dtype=int)
    full = with_rivals(frame, steady())
    pd.testing.assert_frame_equal(full[frame.columns], frame)


def test_a_series_without_history_is_named() -> None:
    frame = scored(steady())
    with pytest.raises(DataError, match="the series 'p03' has no history at its cutoff"):
        with_rivals(frame, steady()[lambda f: f["unique_id"] != "p03"])


def test_monthly_and_daily_shops_have_a_last_year() -> None:
    months = pd.date_range("2022-01-01", periods=20, freq="MS")
    history = pd.DataFrame({"unique_id": "p", "ds": months, "y": np.arange(20.0)})
    frame = history.iloc[18:].assign(cutoff=months[17])
    assert with_rivals(frame, history)["seasonal naive"].tolist() == [6.0, 7.0]
    days = pd.date_range("2023-01-01", periods=400, freq="D")
    history = pd.DataFrame({"unique_id": "p", "ds": days, "y": np.arange(400.0)})
    frame = history.iloc[398:].assign(cutoff=days[397])
    assert with_rivals(frame, history)["seasonal naive"].tolist() == [34.0, 35.0], "364 days keep the weekday"


# --- coverage where the units are -------------------------------------------------------------------------------------


def test_classes_by_size() -> None:
    words = size_classes(pd.Series(range(20, 0, -1), index=[f"p{k:02}" for k in range(20)]))
    assert words[["p00", "p01", "p02", "p09", "p10"]].tolist() == ["best sellers"] * 2 + ["sold more"] * 2 + [""]
    assert size_classes(pd.Series({"one": 0.0})).tolist() == ["best sellers"]


def test_coverage_of_what_sells_is_not_plain_coverage() -> None:
    """Nine products that sell nothing, held, and one that sells all, missed: 90 % plain, 0 % by units."""
    day = MONDAYS[-1]
    frame = pd.DataFrame({"unique_id": [f"p{k}" for k in range(10)], "cutoff": day, "y": [50.0] + [0.0] * 9})
    frame = frame.assign(**{"m-lo-90": 0.0, "m-hi-90": 1.0})
    earlier = pd.Series([40.0] + [0.0] * 9, index=pd.MultiIndex.from_frame(frame[["cutoff", "unique_id"]]))
    found = coverage_by_size(frame, "m", earlier)
    assert (found.plain, found.weighted, found.larger, found.smaller, found.best) == (0.9, 0.0, 0.8, 1.0, 0.0)
    assert not found.above(0.85) and found.above(0.75)
    assert str(found) == (
        "90% of the 90 % intervals held, 0% weighted by units, 80% of the half that sells more, 0% of its best tenth"
    )
    table = coverages(frame.assign(m=0.0, other=0.0), ["m", "other"], earlier).set_index("model")
    assert table.loc["m"].tolist() == [0.9, 0.0, 0.8, 0.0] and table.loc["other"].isna().all()


def test_sizes_are_those_known_at_each_origin() -> None:
    """a sells first, b later: at each origin the larger is the one that sold before it."""
    history = panel(np.array([[9.0] * 12 + [0.0] * 8, [0.0] * 12 + [9.0] * 8]))
    cutoffs = MONDAYS[[-9, -1]]
    units = earlier_units(history, cutoffs)
    assert units.loc[cutoffs[0]].tolist() == [72.0, 0.0] and units.loc[cutoffs[1]].tolist() == [0.0, 72.0]


def test_endless_intervals_promise_nothing() -> None:
    frame = pd.DataFrame({"unique_id": ["p"], "cutoff": MONDAYS[-1], "y": [1.0], "m-lo-90": [0.0], "m-hi-90": [np.inf]})
    earlier = pd.Series([1.0], index=pd.MultiIndex.from_frame(frame[["cutoff", "unique_id"]]))
    found = coverage_by_size(frame, "m", earlier)
    assert np.isnan(found.plain) and str(found) == "no 90 % interval is promised" and not found.above(0.0)
    assert isinstance(found, SizeCoverage)


# --- the table --------------------------------------------------------------------------------------------------------


def test_the_table_by_hand() -> None:
    frame = pd.DataFrame(
        {
            "unique_id": ["a", "b"] * 2,
            "ds": MONDAYS[[1, 1, 2, 2]],
            "cutoff": MONDAYS[[0, 0, 1, 1]],
            "y": [4.0, 6.0, 0.0, 2],
        }
    ).assign(m=[2.0, 8.0, 1.0, 2.0], **{"m-mean": [5.0, 9.0, 2.0, 2.0]})
    costs = pd.DataFrame({"short": [3.0, 1.0], "over": [0.5, 2.0]}, index=["a", "b"])
    row = errors_of(frame, ["m"], costs).iloc[0]
    assert row["wape"] == pytest.approx((0.4 + 0.5) / 2) and row["bias"] == pytest.approx((0.0 + 0.5) / 2)
    assert row["bias_mean"] == pytest.approx((0.4 + 1.0) / 2)
    assert row["money"] == pytest.approx((2 * 3 + 2 * 2 + 1 * 0.5) / 2), "two weeks"
    pooled = errors_of(frame, ["m"], costs.iloc[:1], pooled=True).iloc[0]
    assert pooled["wape"] == pytest.approx(5 / 12) and np.isnan(pooled["money"]), "b has no costs"
    assert errors_of(frame.assign(y=np.nan), ["m"])["wape"].isna().all()


def test_half_is_the_most_that_a_forecast_may_miss() -> None:
    assert fair(pd.Series({"a": -0.5, "b": 0.51, "c": -0.51, "ordering nothing": -1.0, "d": 0.0})) == ["a", "d"]


# --- the sentence -----------------------------------------------------------------------------------------------------


def test_a_good_model_is_better_than_its_best_rival() -> None:
    answer = told(steady(), GRU=lambda f: f["y"] + 1)
    assert answer.best == "GRU" and answer.usable and answer.against is not None
    assert answer.against.word == "better" and DO_NOT_USE not in answer.sentence
    assert answer.sentence.startswith("Shop: 12 products, 3 origins. Best of 5 is GRU: WAPE 0.0")
    assert "is better than the mean of 8 weeks (WAPE 0." in answer.sentence


def test_the_winner_is_never_left_out() -> None:
    """Last year comes again, and nothing else knows it: the rule wins, and is named, with the advice."""
    year = np.random.default_rng(1).integers(1, 90, (12, 52))
    history = panel(np.hstack([year, year[:, :18]]))
    answer = told(history, GRU=lambda f: 40.0)
    assert answer.best == "seasonal naive" and not answer.usable
    assert "Best of 5 is last year: WAPE 0.000" in answer.sentence
    assert "GRU, WAPE 0." in answer.sentence and "is worse than last year" in answer.sentence
    assert answer.sentence.endswith(f"{DO_NOT_USE}: order by last year, which costs nothing and errs less.")


def test_a_level_model_is_not_called_better() -> None:
    history = steady()
    answer = told(history, GRU=lambda f: with_rivals(f, history)["mean of 8 weeks"] * 1.0001)
    assert answer.against is not None and answer.against.word == "level"
    assert "GRU" in answer.sentence and "is level with" in answer.sentence and answer.usable


def test_undecided_is_said_so() -> None:
    history = steady()
    rng = np.random.default_rng(3)
    answer = told(history, GRU=lambda f: with_rivals(f, history)["mean of 8 weeks"] + rng.normal(0, 0.7, len(f)))
    assert answer.against is not None and answer.against.word == "undecided"
    assert "is not shown to differ from" in answer.sentence


def sparse() -> pd.DataFrame:
    """One unit a product in one week of ten."""
    return panel((np.random.default_rng(2).random((30, 70)) < 0.1).astype(float))


def test_a_forecast_of_nothing_is_never_the_best() -> None:
    answer = told(sparse(), GRU=lambda f: 0.001)
    assert answer.table["model"].iloc[0] in ("GRU", "ordering nothing") and answer.best not in (
        "GRU",
        "ordering nothing",
    )
    assert "GRU has a WAPE of 1.0" in answer.sentence and "is no forecast of this shop" in answer.sentence
    assert "better" not in answer.sentence and not answer.usable
    assert "Ordering nothing errs less (a WAPE of 1): this shop sells too seldom" in answer.sentence
    assert "The median forecast of GRU is zero, and 9" in answer.sentence
    assert answer.sentence.endswith(f"{DO_NOT_USE}.")


def test_where_nothing_is_as_good_single_products_are_not_to_be_ordered_by_it() -> None:
    answer = told(sparse(), GRU=lambda f: 0.1)
    assert answer.sentence.endswith(f"{DO_NOT_USE} for single products.") and not answer.usable
    assert "Of those that forecast this shop the best is" in answer.sentence, "who orders nothing errs less"


def test_nothing_is_not_mentioned_where_it_is_no_rival() -> None:
    assert "rdering nothing" not in told(steady(), GRU=lambda f: f["y"] + 9).sentence


def test_no_forecast_that_adds_up_is_said_so() -> None:
    """A shop that closes: every rule orders as before, and four weeks come to almost nothing."""
    units = np.full((5, 70), 50.0)
    units[:, -12:] = 1.0
    answer = shop_answer(
        scored(panel(units), origins=3, GRU=lambda f: 50.0)[lambda f: f["cutoff"] == MONDAYS[57]],
        "GRU",
        panel(units),
        shop="Shop",
    )
    assert answer.best == "" and "None of these forecasts the shop" in answer.sentence and not answer.usable


def test_a_shop_that_sold_nothing_is_not_judged() -> None:
    history = steady()
    history.loc[history["ds"] > MONDAYS[-13], "y"] = 0.0
    answer = told(history, GRU=lambda f: 1.0)
    assert "Nothing was sold in the weeks that were scored" in answer.sentence and answer.best == ""
    assert not answer.usable and answer.against is None


def test_a_rule_may_lie_behind_another_unless_that_is_shown() -> None:
    """A simple version needs no proof: the mean of eight is taken though last week is ahead by what may be luck."""
    history = steady()
    behind = with_rivals(scored(history), history)
    behind["naive"] = behind["mean of 8 weeks"] + np.random.default_rng(5).normal(0, 0.6, len(behind))
    wape = errors_of(behind, ["naive", "mean of 8 weeks"]).set_index("model")["wape"]
    assert wape.nunique() == 2
    loser, winner = wape.idxmax(), wape.idxmin()
    answer = shop_answer(behind, str(loser), history, shop="Shop")
    assert answer.best == winner and answer.usable
    learned = behind.rename(columns={loser: "GRU"}).assign(GRU=lambda f: f["GRU"] * 1.05)
    said = shop_answer(learned.drop(columns=[c for c in learned if c == loser]), "GRU", history, shop="Shop")
    assert not said.usable


def test_coverage_stands_beside_plain_coverage_in_the_sentence() -> None:
    history = steady()
    frame = scored(history, GRU=lambda f: f["y"] + 1).assign(**{"GRU-q0.05": 0.0, "GRU-q0.95": 1000.0})
    answer = shop_answer(frame, "GRU", history, shop="Shop")
    assert (
        "100% of the 90 % intervals held, 100% weighted by units, 100% of the half that sells more" in answer.sentence
    )
    assert answer.table.set_index("model").loc["GRU", "coverage_top"] == 1.0


def test_one_product_is_compared_over_origins() -> None:
    answer = told(steady(1), GRU=lambda f: f["y"])
    assert answer.best == "GRU" and answer.usable


def test_it_shows_as_text_and_as_an_escaped_table() -> None:
    frame = scored(steady(), **{"<b>mine</b>": lambda f: f["y"] + 1})
    answer = shop_answer(frame, "<b>mine</b>", steady(), shop="Cups & <i>co</i>", settings=AnswerSettings(draws=100))
    page = answer._repr_html_()
    assert "<b>" not in page and "<i>" not in page and "&lt;i&gt;co" in page
    assert answer.sentence in str(answer) and "mean of 8 weeks" in str(answer)


def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(DataError, match="the frame has no such model"):
        shop_answer(scored(steady(), GRU=lambda f: 1.0), "LSTM", steady(), shop="Shop")
