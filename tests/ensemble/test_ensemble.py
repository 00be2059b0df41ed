"""Averages, weights and conformal intervals, against MAPIE and against what theory promises."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ecomlib.ensemble import (
    adaptive_conformal,
    combine,
    conformal_quantile,
    coverage_by,
    error_correlation,
    rows_needed,
    split_conformal,
    stacking_weights,
    too_few,
)
from ecomlib.errors import DataError, LeakageError


def scored(rng: np.random.Generator, origins: int = 4, series: int = 60, spread: float = 1.0) -> pd.DataFrame:
    """Forecasts of weekly units, four weeks from each origin; `a` and `b` err independently, `c` is a wild one."""
    parts = []
    for origin in range(origins):
        cutoff = pd.Timestamp("2024-01-01") + pd.Timedelta(weeks=4 * origin)
        for step in range(1, 5):
            mean = rng.gamma(4, 5, series)
            parts.append(
                pd.DataFrame(
                    {
                        "unique_id": [f"p{k:03d}" for k in range(series)],
                        "ds": cutoff + pd.Timedelta(weeks=step),
                        "cutoff": cutoff,
                        "y": np.maximum(mean + rng.normal(0, 3 * spread, series), 0),
                        "a": mean + rng.normal(0, 3, series),
                        "b": mean + rng.normal(0, 3, series),
                        "c": mean + rng.normal(0, 12, series),
                        "group": np.where(np.arange(series) < series // 3, "west", "east"),
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)


def mae(frame: pd.DataFrame, forecast: pd.Series) -> float:
    return float((frame["y"] - forecast).abs().mean())


def test_the_mean_beats_its_members_by_what_their_correlation_allows() -> None:
    frame = scored(np.random.default_rng(0))
    both = combine(frame, ["a", "b"])
    assert mae(frame, both) < min(mae(frame, frame["a"]), mae(frame, frame["b"]))
    errors = frame[["a", "b"]].sub(frame["y"], axis=0)
    r = float(error_correlation(frame, ["a", "b"]).loc["a", "b"])
    expected = errors.var().mean() * (r + (1 - r) / 2)
    assert (both - frame["y"]).var() == pytest.approx(expected, rel=0.02)


def test_median_and_log_mean_follow_a_wild_member_less() -> None:
    frame = scored(np.random.default_rng(1)).assign(wild=lambda f: f["a"] * 40 + 100)
    members = ["a", "b", "wild"]
    mean, log_mean, median = (mae(frame, combine(frame, members, how)) for how in ("mean", "log_mean", "median"))
    assert median < log_mean < mean
    table = frame[members].clip(lower=0)
    assert np.allclose(combine(frame, members, "log_mean"), np.expm1(np.log1p(table).mean(axis=1)))


@pytest.mark.parametrize("loss", ["absolute", "squared"])
def test_stacking_weights_are_the_constrained_optimum(loss: str) -> None:
    frame = scored(np.random.default_rng(2))
    weights = stacking_weights(frame, ["a", "b", "c"], loss)  # type: ignore[arg-type]
    assert weights.sum() == pytest.approx(1) and (weights >= 0).all() and weights["c"] < 0.1

    def cost(w: np.ndarray) -> float:
        gap = (frame["y"] - frame[["a", "b", "c"]] @ w).to_numpy()
        return float(np.abs(gap).mean() if loss == "absolute" else (gap**2).mean())

    rng = np.random.default_rng(3)
    rivals = [cost(w) for w in rng.dirichlet(np.ones(3), 2_000)]
    assert cost(weights.to_numpy()) <= min(rivals) + 1e-6
    weighed = combine(frame, ["a", "b", "c"], weights=weights.to_dict())
    assert np.allclose(weighed, frame[["a", "b", "c"]].to_numpy() @ weights.to_numpy())


def test_weights_for_other_models_are_refused() -> None:
    frame = scored(np.random.default_rng(0), 1)
    with pytest.raises(DataError, match="one number for each model"):
        combine(frame, ["a", "b"], weights={"a": 1.0})
    with pytest.raises(DataError, match="column 'd'"):
        combine(frame, ["a", "d"])
    with pytest.raises(DataError, match="known y"):
        stacking_weights(frame.assign(y=np.nan), ["a"])


def test_conformal_quantile_counts_the_new_score_too() -> None:
    scores = np.arange(1.0, 10.0)  # nine scores
    assert conformal_quantile(scores, 0.9) == 9
    assert conformal_quantile(scores, 0.8) == 8
    assert conformal_quantile(scores, 0.91) == np.inf
    assert conformal_quantile(np.arange(1.0, 100.0), 0.9) == 90
    rng = np.random.default_rng(4)
    hits = [rng.normal() <= conformal_quantile(rng.normal(size=19), 0.9) for _ in range(20_000)]
    assert np.mean(hits) == pytest.approx(18 / 20, abs=4 * np.sqrt(0.09 / 20_000))  # exact for 19 scores


LO, HI, PAIR = "a-lo-90", "a-hi-90", ("a-q0.05", "a-q0.95")


def few(rows: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Calibration rows with errors 1, 2, 3 …, half of each scale, and two rows to forecast."""
    day = pd.Timestamp("2024-01-01")
    known = pd.DataFrame({"unique_id": "p", "ds": day, "cutoff": day - pd.Timedelta(weeks=1)}, index=range(rows))
    known = known.assign(y=100.0 + np.arange(1, rows + 1), a=100.0, root=2.0, shop="x")
    known = known.assign(**{"a-q0.05": 100.0, "a-q0.95": 100.0})
    ahead = {"unique_id": "p", "ds": day + pd.Timedelta(weeks=1), "cutoff": day, "y": np.nan}
    columns = {"a": [50.0, 60.0], "a-q0.05": [49.0, 59.0], "a-q0.95": [51.0, 61.0], "root": 3.0, "shop": ["x", "new"]}
    return known, pd.DataFrame({**ahead, **columns})


@pytest.mark.parametrize("rows", [0, 1, 8])
@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("a", {}),
        ("a", {"scale": "root"}),
        ("a", {"side": "above"}),
        (PAIR, {}),
        (PAIR, {"scale": "root"}),
        ("a", {"by": ["shop"], "least": 1}),
    ],
)
def test_too_few_rows_give_infinite_ends_and_the_reason(rows: int, model: str, options: dict[str, object]) -> None:
    """0.9 needs nine rows: with eight the ninth smallest of nine errors is not there."""
    known, test = few(rows)
    ends = split_conformal(known, test, model, 0.9, **options)  # type: ignore[arg-type]
    high = HI if options.get("side") != "above" else "a-q0.9"
    assert list(ends.columns) == ([LO, HI, "group"] if high == HI else [high, "group"])
    assert (ends[high] == np.inf).all() and (high != HI or (ends[LO] == 0).all())
    said = f"{rows} calibration row{'' if rows == 1 else 's'}, 9 needed"
    assert set(ends.attrs["unbounded"]) == set(ends["group"]) and set(ends.attrs["unbounded"].values()) == {said}


def test_nine_rows_are_enough_for_nine_tenths() -> None:
    known, test = few(9)
    ends = split_conformal(known, test, "a", 0.9)
    assert ends[HI].tolist() == [59.0, 69.0] and ends[LO].tolist() == [41.0, 51.0]
    assert ends.attrs["unbounded"] == {}
    scaled = split_conformal(known, test, "a", 0.9, scale="root")
    assert scaled[HI].tolist() == [50 + 9 * 3 / 2, 60 + 9 * 3 / 2]
    assert [rows_needed(coverage) for coverage in (0.5, 0.8, 0.9, 0.91, 0.95, 0.99)] == [1, 4, 9, 11, 19, 99]
    for coverage in (0.5, 0.8, 0.9, 0.91, 0.95, 0.99):  # what the theory says, counted
        enough = [n for n in range(200) if np.ceil(round((n + 1) * coverage, 9)) <= n]
        assert enough[0] == rows_needed(coverage)
        assert too_few(enough[0], coverage) is None and too_few(enough[0] - 1, coverage)


def test_a_group_that_is_too_small_says_so_and_an_absent_one_takes_all() -> None:
    known, test = few(20)
    known.loc[3:, "shop"] = "y"
    ends = split_conformal(known, test.assign(shop=["x", "new"]), "a", 0.9, by=["shop"], least=3)
    assert ends["group"].tolist() == ["x", "all"] and ends[HI].tolist() == [np.inf, 60.0 + 19.0]
    assert ends.attrs["unbounded"] == {"x": "3 calibration rows, 9 needed"}
    known.loc[10:, "y"] = np.nan  # not observed: ten rows are left
    ends = split_conformal(known, test, "a", 0.9)
    assert ends[HI].tolist() == [60.0, 70.0] and ends.attrs["unbounded"] == {}
    with pytest.raises(DataError, match="forecast is missing or infinite"):
        split_conformal(known.assign(a=np.nan), test, "a")
    with pytest.raises(DataError, match="an observed value is infinite"):
        split_conformal(known.assign(y=np.inf), test, "a")


def test_adaptive_intervals_of_a_young_shop_are_infinite_and_survive_a_week_that_was_not_observed() -> None:
    frame = scored(np.random.default_rng(13), origins=30, series=1).groupby("cutoff", as_index=False).head(1)
    frame = frame.assign(ds=frame["cutoff"] + pd.Timedelta(weeks=4)).reset_index(drop=True)
    frame.loc[15, "y"] = np.nan
    ends = adaptive_conformal(frame, "a", 0.9, rate=0.05, start=3)
    assert ends[LO][:3].isna().all(), "the first three only calibrate"
    assert (ends[HI][3:9] == np.inf).all() and (ends[LO][3:9] == 0).all()
    assert np.isfinite(ends.loc[9:]).all(axis=None) and (ends.loc[9:, HI] > ends.loc[9:, LO]).all()
    reasons = ends.attrs["unbounded"]
    assert len(reasons) == 6 and reasons[frame["cutoff"][8]] == "8 calibration rows, 9 needed"
    never = adaptive_conformal(frame.assign(y=np.nan), "a", start=0)
    assert (never[LO] == 0).all() and (never[HI] == np.inf).all()


def test_split_conformal_equals_mapie() -> None:
    mapie = pytest.importorskip("mapie.regression")
    from sklearn.base import BaseEstimator, RegressorMixin

    class Column(RegressorMixin, BaseEstimator):
        """A fitted model whose forecast stands in a column of its input."""

        def __init__(self, place: int = 0) -> None:
            self.place = place
            self.fitted_ = True

        def fit(self, X: np.ndarray, y: np.ndarray) -> Column:
            return self

        def predict(self, X: np.ndarray) -> np.ndarray:
            return np.asarray(X)[:, self.place]

    frame = scored(np.random.default_rng(5), origins=6)
    frame = frame.assign(y=frame["y"] + 100, a=frame["a"] + 100, b=frame["b"] + 100)  # far from zero: nothing is cut
    frame = frame.assign(**{"a-q0.05": frame["a"] - 3.0, "a-q0.95": frame["a"] + 5.0})
    early = frame["cutoff"] < frame["cutoff"].unique()[3]
    calibration, test = frame[early], frame[~early]
    ours = split_conformal(calibration, test, "a", 0.9)
    theirs = mapie.SplitConformalRegressor(Column(), confidence_level=0.9, prefit=True)
    theirs.conformalize(calibration[["a"]].to_numpy(), calibration["y"].to_numpy())
    ends = theirs.predict_interval(test[["a"]].to_numpy())[1][:, :, 0]
    assert np.allclose(ours[[LO, HI]], ends, atol=1e-9)

    ours = split_conformal(calibration, test, PAIR, 0.9)
    columns = [*PAIR, "a"]
    quantiles = mapie.ConformalizedQuantileRegressor(
        [Column(0), Column(1), Column(2)], confidence_level=0.9, prefit=True
    )
    quantiles.conformalize(calibration[columns].to_numpy(), calibration["y"].to_numpy())
    ends = quantiles.predict_interval(test[columns].to_numpy(), symmetric_correction=True)[1][:, :, 0]
    assert np.allclose(ours[[LO, HI]], ends, atol=1e-9)


def test_pooled_coverage_hides_the_west_and_groups_mend_it() -> None:
    rng = np.random.default_rng(6)
    frame = scored(rng, origins=24)
    wild = frame["group"].eq("west").to_numpy()
    frame["y"] = np.maximum(frame["a"] + rng.normal(0, np.where(wild, 6.0, 1.0)), 0)
    early = frame["cutoff"] < frame["cutoff"].unique()[12]
    calibration, test = frame[early], frame[~early]
    pooled = test.assign(**split_conformal(calibration, test, "a"))
    table = coverage_by(pooled.assign(area=test["group"]), ["area"], "a").set_index("area")
    assert coverage_by(pooled.assign(all=1), ["all"], "a")["coverage"].item() == pytest.approx(0.9, abs=0.02)
    assert table.loc["west", "coverage"] < 0.8 < 0.94 < table.loc["east", "coverage"]
    own = (
        test.assign(area=test["group"])
        .drop(columns="group")
        .join(split_conformal(calibration, test, "a", by=["group"]))
    )
    mended = coverage_by(own, ["area"], "a").set_index("area")
    assert (mended["coverage"] - 0.9).abs().max() < 0.03
    assert mended.loc["west", "width"] > mended.loc["east", "width"]
    assert set(own["group"]) == {"west", "east"}
    few = split_conformal(calibration, test, "a", by=["group"], least=10**6)
    assert set(few["group"]) == {"all"} and np.allclose(few[[LO, HI]], pooled[[LO, HI]])


def test_a_scale_makes_small_series_narrow() -> None:
    rng = np.random.default_rng(7)
    frame = scored(rng, origins=20).assign(size=lambda f: f["a"].clip(lower=1))
    frame["y"] = np.maximum(frame["a"] + frame["size"] * rng.normal(0, 0.3, len(frame)), 0)
    early = frame["cutoff"] < frame["cutoff"].unique()[10]
    test = frame[~early].assign(big=lambda f: f["size"] > f["size"].median())
    plain = coverage_by(test.join(split_conformal(frame[early], test, "a").drop(columns="group")), ["big"], "a")
    scaled = coverage_by(
        test.join(split_conformal(frame[early], test, "a", scale="size").drop(columns="group")), ["big"], "a"
    )
    assert np.ptp(plain["coverage"]) > 0.05 > np.ptp(scaled["coverage"])


def test_an_upper_end_alone_is_promised_on_its_side() -> None:
    """An order at the critical ratio 0.75 is enough three times in four, also where errors lean to one side."""
    rng = np.random.default_rng(12)
    frame = scored(rng, origins=40).assign(
        y=lambda f: f["a"] + 50 + rng.exponential(4.0, len(f)), a=lambda f: f["a"] + 50
    )
    early = frame["cutoff"] < frame["cutoff"].unique()[20]
    calibration, test = frame[early], frame[~early]
    for share in (0.1, 0.75, 0.9):
        ends = split_conformal(calibration, test, "a", share, side="above")
        assert list(ends.columns) == [f"a-q{share:g}", "group"]
        assert (test["y"] <= ends[f"a-q{share:g}"]).mean() == pytest.approx(share, abs=0.02)
    high = split_conformal(calibration, test.assign(y=np.nan), "a", 0.75, side="above")["a-q0.75"]
    reach = conformal_quantile(calibration["y"] - calibration["a"], 0.75)  # errors with their sign
    assert np.allclose(high, test["a"] + reach)
    late = calibration.assign(y=calibration["a"] - 9.0)  # forecasts too high: the order goes below them, not below zero
    ends = split_conformal(late, test.assign(a=5.0), "a", 0.9, side="above")
    assert (ends["a-q0.9"] == 0).all()
    head = calibration.rename(columns={"a": "net-q0.9"}), test.rename(columns={"a": "net-q0.9"})
    assert list(split_conformal(*head, "net-q0.9", 0.9, side="above").columns) == ["net-q0.9", "group"]
    with pytest.raises(DataError, match="one side needs a point forecast"):
        split_conformal(calibration, test, ("a", "a-q0.9"), side="above")
    with pytest.raises(DataError, match="columns of one model"):
        split_conformal(calibration, test, ("a", "b"))


def test_calibration_may_not_reach_into_the_test_part() -> None:
    frame = scored(np.random.default_rng(8), origins=3)
    origins = frame["cutoff"].unique()
    with pytest.raises(LeakageError, match="after the first test origin"):
        split_conformal(frame, frame[frame["cutoff"] == origins[1]], "a")
    assert len(split_conformal(frame[frame["cutoff"] == origins[0]], frame[frame["cutoff"] == origins[1]], "a"))


def test_adaptive_intervals_recover_after_the_world_changes() -> None:
    rng = np.random.default_rng(9)
    frame = scored(rng, origins=60)
    late = (frame["cutoff"] >= frame["cutoff"].unique()[30]).to_numpy()
    frame["y"] = np.maximum(frame["a"] + 100 + rng.normal(0, np.where(late, 4.0, 1.0)), 0)
    frame["a"] += 100
    fixed = adaptive_conformal(frame, "a", rate=0.0)
    moving = adaptive_conformal(frame, "a", rate=0.2)
    after = late & (frame["cutoff"] < frame["cutoff"].unique()[45]).to_numpy()

    def covered(answer: pd.DataFrame) -> float:
        return float(frame["y"].between(answer[LO], answer[HI])[after].mean())

    assert covered(fixed) < 0.8 and abs(covered(moving) - 0.9) < 0.03
    assert moving["level"].iloc[0:1].isna().all(), "the first origin only calibrates"


def test_adaptive_intervals_see_nothing_of_the_future() -> None:
    frame = scored(np.random.default_rng(10), origins=10)
    cut = frame["cutoff"].unique()[6]
    changed = frame.assign(y=np.where(frame["ds"] > cut, frame["y"] * 50 + 9, frame["y"]))
    before = (frame["cutoff"] <= cut).to_numpy()
    ends = [adaptive_conformal(part, "a", rate=0.1).loc[before] for part in (frame, changed)]
    pd.testing.assert_frame_equal(*ends)


def test_adaptive_steps_follow_the_paper() -> None:
    """One series, one step ahead: level moves by rate · (missed - nominal) after each origin."""
    frame = scored(np.random.default_rng(11), origins=80, series=1).groupby("cutoff", as_index=False).head(1)
    frame = frame.assign(ds=frame["cutoff"] + pd.Timedelta(weeks=4)).reset_index(drop=True)
    answer = adaptive_conformal(frame, "a", 0.9, rate=0.05, start=20)
    level = 0.9
    for k in range(20, 80):
        assert answer.loc[k, "level"] == pytest.approx(level)
        missed = not answer.loc[k, LO] <= frame.loc[k, "y"] <= answer.loc[k, HI]
        level += 0.05 * (float(missed) - 0.1)


def growing(rng: np.random.Generator, days: int, calm_from: int | None = None, daily: float = 0.02) -> pd.DataFrame:
    """One forecast a day whose errors grow by a share a day, and from some day on are as small as at first."""
    cutoff = pd.date_range("2023-01-01", periods=days)
    size = (1 + daily) ** np.arange(days)
    if calm_from is not None:
        size[calm_from:] = 1.0
    frame = pd.DataFrame({"unique_id": "p", "cutoff": cutoff, "ds": cutoff + pd.Timedelta(days=1), "a": 1e6})
    return frame.assign(y=frame["a"] + size * rng.normal(size=days))


@pytest.mark.parametrize("rate", [0.02, 0.1])
@pytest.mark.parametrize("late", [0, 6])
def test_adaptive_coverage_is_guaranteed_while_noise_grows(rate: float, late: int) -> None:
    start, days = 30, 430
    for seed in range(5):
        frame = growing(np.random.default_rng(seed), days)
        frame["ds"] += pd.Timedelta(days=late)
        ends = adaptive_conformal(frame, "a", 0.9, rate=rate, start=start)
        covered = frame["y"].between(ends[LO], ends[HI])[start:].mean()
        bound = (0.9 + rate) / (rate * (days - start)) + (late + 1) / (days - start)  # the last truths are not counted
        assert abs(covered - 0.9) <= bound, "Gibbs and Candès, Proposition 4.1"
        assert ends["level"].max() <= 1 + rate * (1 + late) + 1e-9 and ends["level"].min() >= 0, "no wind-up"
        assert set(ends.attrs["unbounded"]) == set(frame["cutoff"][ends[HI] == np.inf]), "each has its reason"
        assert "asks for everything" in next(iter(ends.attrs["unbounded"].values()))


@pytest.mark.parametrize("rate", [0.02, 0.1])
def test_adaptive_intervals_come_back_when_the_noise_stops(rate: float) -> None:
    frame = growing(np.random.default_rng(0), 700, calm_from=300)
    ends = adaptive_conformal(frame, "a", 0.9, rate=rate, start=30)
    assert np.isinf(ends[HI][30:300]).any() and np.isfinite(ends[HI][301 + round(1 / rate) :]).all()
    level = ends["level"].to_numpy()
    assert level[300] > 0.95 and level[300 + round(10 / rate) if rate > 0.05 else 699] < 0.9


def test_a_scale_of_recent_errors_spares_infinite_ends() -> None:
    frame = growing(np.random.default_rng(1), 430)
    recent = (frame["y"] - frame["a"]).abs().shift(1).rolling(20, min_periods=1).mean()
    plain = adaptive_conformal(frame, "a", rate=0.1, start=30)
    scaled = adaptive_conformal(frame.assign(size=recent.fillna(1.0)), "a", rate=0.1, start=30, scale="size")
    endless = [float(np.isinf(ends[HI][30:]).mean()) for ends in (plain, scaled)]
    assert endless[0] > 0.2 > 0.1 > endless[1]
    table = coverage_by(frame.assign(all=1).join(scaled)[30:], ["all"], "a")
    assert table["coverage"].item() == pytest.approx(0.9, abs=0.05)
    assert table["unbounded"].item() == endless[1] and np.isfinite(table["width"]).all()
