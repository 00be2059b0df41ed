"""The one spelling of forecast frames: what columns are called, what may be summed, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ecomlib.contract import (
    find_interval,
    interval_columns,
    interval_levels,
    known_quantiles,
    model_columns,
    model_of,
    point_of,
    quantile_columns,
    require_mean,
    sum_forecasts,
)
from ecomlib.errors import DataError


def frame(point: str | None = "median", **more: list[float]) -> pd.DataFrame:
    made = pd.DataFrame(
        {
            "unique_id": ["cup", "mug", "cup", "mug"],
            "ds": pd.to_datetime(["2024-01-08"] * 2 + ["2024-01-15"] * 2),
            "cutoff": pd.Timestamp("2024-01-01"),
            "y": [1.0, 2.0, 3.0, 4.0],
            "gru": [1.0, 1.0, 2.0, 2.0],
        }
    ).assign(**more)
    made.attrs = {"point": {"gru": point}} if point else {}
    return made


def test_columns_are_told_apart() -> None:
    made = frame(**{"gru-mean": [1.0] * 4, "gru-q0.9": [3.0] * 4, "gru-lo-80": [0.0] * 4, "gru-hi-80": [3.0] * 4})
    made["tree-q0.5"] = made["half-lo-90"] = 1.0
    assert model_columns(made) == ["gru"]
    assert quantile_columns(made, "gru") == {0.9: "gru-q0.9"} and interval_levels(made, "gru") == [80.0]
    assert interval_levels(made, "half") == [], "one end is no interval"
    assert [model_of(column) for column in made.columns[4:]] == ["gru", "gru-mean", "gru", "gru", "gru", "tree", "half"]
    assert interval_columns("gru", 99.5) == ("gru-lo-99.5", "gru-hi-99.5")
    for level in (0.9, 0, 100):
        with pytest.raises(DataError, match="in per cent"):
            interval_columns("gru", level)


def test_quantiles_are_known_in_every_spelling() -> None:
    made = frame(**{"gru-lo-80": [0.0] * 4, "gru-hi-80": [3.0] * 4, "gru-q0.9": [2.5] * 4, "gru-q0.25": [0.5] * 4})
    assert known_quantiles(made, "gru") == {0.1: "gru-lo-80", 0.25: "gru-q0.25", 0.5: "gru", 0.9: "gru-q0.9"}
    assert 0.5 not in known_quantiles(frame("mean"), "gru"), "a mean is no median"
    assert find_interval(made, "gru", 80) == ("gru-lo-80", "gru-hi-80")
    pair = frame(**{"gru-q0.1": [0.0] * 4, "gru-q0.9": [3.0] * 4})
    assert find_interval(pair, "gru", 80) == ("gru-q0.1", "gru-q0.9")
    with pytest.raises(DataError, match=r"no 90 % interval of 'gru'.*80 %"):
        find_interval(made, "gru", 90)


def test_only_means_are_summed_without_a_word() -> None:
    total = sum_forecasts(frame("mean"), "gru", by="ds")
    assert total["gru"].tolist() == [2.0, 4.0] and total["y"].tolist() == [3.0, 7.0]
    assert require_mean(total, "gru") == "gru"
    medians = sum_forecasts(frame(), "gru", by="ds")
    assert point_of(medians, "gru") == "sum of medians"
    with pytest.raises(DataError, match="sum of medians"):
        require_mean(medians, "gru")
    for point, said in (("neither", "no means"), (None, "unknown")):
        with pytest.raises(DataError, match=said):
            require_mean(sum_forecasts(frame(point), "gru", by="ds"), "gru")
        with pytest.raises(DataError):
            require_mean(frame(point), "gru")


def test_a_mean_beside_a_median_is_what_is_summed() -> None:
    both = frame(**{"gru-mean": [1.5, 2.5, 3.5, 4.5]})
    assert require_mean(both, "gru") == "gru-mean"
    total = sum_forecasts(both, ["gru"], by=("unique_id", "cutoff"))
    assert total["gru"].tolist() == [5.0, 7.0] and total.attrs["point"] == {"gru": "mean"}
    rng = np.random.default_rng(0)
    draws = rng.lognormal(0.0, 1.0, (2_000, 52))  # what the rule is for: skewed weeks
    season = np.median(draws.sum(axis=1))
    assert 52 * np.median(draws) < 0.7 * season and 52 * draws.mean() == pytest.approx(season, rel=0.05)


def test_sums_keep_what_is_unknown_unknown_and_name_what_is_missing() -> None:
    gap = frame("mean").assign(y=[np.nan, 2.0, 3.0, 4.0])
    assert np.isnan(sum_forecasts(gap, "gru", by="ds")["y"].iloc[0])
    assert "y" not in sum_forecasts(gap.drop(columns="y"), "gru", by="ds")
    assert len(sum_forecasts(frame("mean").drop(columns="cutoff"), "gru")) == 2, "without origins there is one"
    for models, by in (("lstm", "ds"), ("gru", "category")):
        with pytest.raises(DataError, match="missing from the forecast frame"):
            sum_forecasts(frame(), models, by=by)
    with pytest.raises(DataError, match="not in the frame"):
        require_mean(frame(), "lstm")
