"""Coverage week by week, and how far chance alone moves it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from ecomlib.ensemble import conformal_quantile, coverage_by_step, coverage_scatter, split_conformal
from ecomlib.errors import DataError


def test_nine_scores_cover_as_the_largest_of_nine_does() -> None:
    """The ninth of nine uniform scores: its distribution is x⁹, Beta(9, 1)."""
    found = coverage_scatter(9, 0.9)
    assert found.mean == pytest.approx(0.9)
    assert (found.low, found.high) == pytest.approx((0.025 ** (1 / 9), 0.975 ** (1 / 9)))
    assert found.spread == pytest.approx((9 * 1 / (10**2 * 11)) ** 0.5)
    assert str(found) == "66.4% to 99.7% in 95% of calibration sets, 90.0% on average"


def test_the_scatter_is_what_many_calibration_sets_show() -> None:
    rng = np.random.default_rng(0)
    covered = np.array([conformal_quantile(rng.random(39), 0.9) for _ in range(4000)])  # a uniform score's coverage
    found = coverage_scatter(39, 0.9)
    assert covered.mean() == pytest.approx(found.mean, abs=0.003)
    assert np.quantile(covered, [0.025, 0.975]) == pytest.approx([found.low, found.high], abs=0.01)
    hits = rng.binomial(50, covered) / 50
    measured = coverage_scatter(39, 0.9, test=50)
    assert np.quantile(hits, [0.025, 0.975]) == pytest.approx([measured.low, measured.high], abs=0.021)
    assert hits.std() == pytest.approx(measured.spread, abs=0.003) and measured.spread > found.spread


def test_more_scores_scatter_less_and_too_few_cover_everything() -> None:
    widths = [coverage_scatter(n, 0.9).high - coverage_scatter(n, 0.9).low for n in (19, 99, 999, 9999)]
    assert widths == sorted(widths, reverse=True) and widths[-1] < 0.012
    assert coverage_scatter(8, 0.9) == coverage_scatter(0, 0.9)
    assert (coverage_scatter(8, 0.9).low, coverage_scatter(8, 0.9).mean) == (1.0, 1.0)
    many = coverage_scatter(10**7, 0.9, test=200)  # the interval is as good as known: hits are binomial
    assert (many.low, many.high) == tuple(binom(200, 0.9).ppf([0.025, 0.975]) / 200)
    for wrong in ({"coverage": 90}, {"test": 0}, {"share": 1.0}, {"calibration": -1}):
        with pytest.raises(DataError, match="counts of rows"):
            coverage_scatter(**{"calibration": 50, **wrong})


def growing(seed: int, origins: int = 60, series: int = 30) -> pd.DataFrame:
    """Weekly forecasts of ten units whose error grows with the root of the step."""
    rng, parts = np.random.default_rng(seed), []
    for origin in range(origins):
        cutoff = pd.Timestamp("2022-01-03") + pd.Timedelta(weeks=4 * origin)
        for step in (1, 2, 3, 4):
            y = np.maximum(10 + rng.normal(0, step**0.5, series), 0)
            ds = cutoff + pd.Timedelta(weeks=step)
            rows = {"unique_id": [f"p{k}" for k in range(series)], "ds": ds, "cutoff": cutoff, "y": y, "gru": 10.0}
            parts.append(pd.DataFrame(rows))
    return pd.concat(parts, ignore_index=True)


def test_one_quantile_for_four_weeks_covers_the_first_too_often_and_the_last_too_seldom() -> None:
    frame = growing(0)
    early = frame["cutoff"] < frame["cutoff"].unique()[30]
    calibration, test = frame[early], frame[~early]
    table = coverage_by_step(test.join(split_conformal(calibration, test, "gru")), "gru", calibration=len(calibration))
    assert table["step"].tolist() == [1, 2, 3, 4] and (table["rows"] == 900).all()
    assert table["coverage"].is_monotonic_decreasing
    assert table["coverage"].iloc[0] > table["high"].iloc[0] and table["coverage"].iloc[3] < table["low"].iloc[3]
    assert table["coverage"].mean() == pytest.approx(0.9, abs=0.02), "the average hides it"
    own = pd.concat([calibration, test]).assign(ahead=lambda f: (f["ds"] - f["cutoff"]).dt.days // 7)
    held = split_conformal(own[early.to_numpy()], own[~early.to_numpy()], "gru", by=["ahead"])
    mended = coverage_by_step(test.join(held), "gru", calibration=len(calibration) // 4)
    assert mended["coverage"].between(mended["low"], mended["high"]).all()


def test_steps_are_counted_from_the_origin_whatever_rows_are_missing() -> None:
    frame = growing(1, origins=2, series=2).assign(**{"gru-lo-90": 0.0, "gru-hi-90": 100.0})
    gap = frame[(frame["ds"] - frame["cutoff"]).dt.days != 14]
    table = coverage_by_step(gap, "gru")
    assert table["step"].tolist() == [1, 3, 4] and table.columns.tolist()[-1] == "unbounded"
    months = frame.iloc[:2].assign(ds=pd.Timestamp("2022-04-01"), cutoff=pd.Timestamp("2022-01-01"))
    assert coverage_by_step(months, "gru", freq="MS")["step"].tolist() == [3]
    with pytest.raises(DataError, match="at its origin or before"):
        coverage_by_step(frame.assign(cutoff=frame["ds"]), "gru")
