"""A law of counts about a mean: scipy's quantiles, moments' α, and what cannot be."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import nbinom, poisson

from ecomlib.ensemble.count_law import dispersion
from ecomlib.errors import DataError
from ecomlib.forecasting import backtest, forecaster

WEEKS = pd.date_range("2022-01-03", periods=120, freq="7D")


def drawn(series: int = 60, mean: float = 1.2, alpha: float = 2.0) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    size = 1 / alpha
    units = rng.negative_binomial(size, size / (size + mean), (series, len(WEEKS))).astype(float)
    names = np.repeat([f"p{k:02d}" for k in range(series)], len(WEEKS))
    return pd.DataFrame({"unique_id": names, "ds": np.tile(WEEKS, series), "y": units.ravel()})


def test_its_quantiles_are_scipys_at_the_members_mean_and_the_moments_alpha() -> None:
    panel = drawn(3)
    member = forecaster("window_mean", window=26)
    made = forecaster("count_law", member=member, window=40).fit(panel, horizon=2).forecast()
    plain = member.fit(panel, horizon=2).forecast()
    assert made["count_law"].tolist() == plain["window_mean"].tolist() and made.attrs["point"]["count_law"] == "mean"
    for name, part in panel.groupby("unique_id"):
        y, row = part["y"].to_numpy()[-40:], made[made["unique_id"] == name].iloc[0]
        size = y.mean() ** 2 / (y.var() - y.mean())
        for share in (0.5, 0.75, 0.9):
            mean = row["count_law"]
            assert row[f"count_law-q{share:g}"] == nbinom.ppf(share, size, size / (size + mean))
    law = forecaster("count_law", member=member, law="poisson", quantiles=(0.9,)).fit(panel, horizon=1).forecast()
    assert law["count_law-q0.9"].tolist() == poisson.ppf(0.9, law["count_law"]).tolist()


def test_on_counts_of_that_law_the_shares_are_kept() -> None:
    panel = drawn()
    found = backtest(panel, {"law": forecaster("count_law", member=forecaster("window_mean", window=52))}, 4, 4)
    for share in (0.75, 0.9):
        truth = nbinom.cdf(nbinom.ppf(share, 0.5, 0.5 / 1.7), 0.5, 0.5 / 1.7)
        assert (found["y"] <= found[f"law-q{share:g}"]).mean() == pytest.approx(truth, abs=0.03)


def test_moments_and_a_series_that_sold_nothing() -> None:
    panel = drawn(40)
    assert dispersion(panel, 120).mean() == pytest.approx(2.0, abs=0.3)
    silent = panel[panel["unique_id"].isin(["p00", "p01", "p02"])].copy()
    silent.loc[silent["unique_id"] == "p02", "y"] = 0.0
    alpha = dispersion(silent, 120)
    assert alpha["p02"] == np.median(alpha[["p00", "p01"]])
    assert dispersion(silent.assign(y=0.0)).tolist() == [0.0] * 3
    even = silent.assign(y=3.0)
    assert dispersion(even).tolist() == [0.0] * 3, "less than Poisson's spread is Poisson"


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(DataError, match="not yet a forecaster"):
        forecaster("count_law", member="naive")
    with pytest.raises(DataError, match="stands about a mean"):
        forecaster("count_law", member=forecaster("window_quantiles"))
    with pytest.raises(DataError):
        forecaster("count_law", member=forecaster("naive"), quantiles=(1.5,))
    with pytest.raises(DataError):
        forecaster("count_law", member=forecaster("naive"), window=1)
