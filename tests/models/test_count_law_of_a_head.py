"""Quantiles of a count head: scipy's, and of the right height on series with seven zeros in ten."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import nbinom, poisson

from ecomlib.errors import DataError
from ecomlib.forecasting import forecaster
from ecomlib.models import make_head
from ecomlib.models.registry import make_network
from ecomlib.training import predict
from ecomlib.windowing import WindowSettings
from ecomlib.windows import WindowSet

WEEKS = pd.date_range("2022-01-03", periods=130, freq="7D")
ALPHA = 3.0


def sparse(series: int = 150) -> tuple[pd.DataFrame, np.ndarray]:
    """Negative-binomial weeks with α 3 and means from 0.3 to 2: 45 to 80 % zeros; and their means."""
    rng = np.random.default_rng(1)
    mean, size = np.exp(rng.uniform(np.log(0.3), np.log(2.0), series)), 1 / ALPHA
    units = rng.negative_binomial(size, (size / (size + mean))[:, None], (series, len(WEEKS))).astype(float)
    names = np.repeat([f"p{k:03d}" for k in range(series)], len(WEEKS))
    return pd.DataFrame({"unique_id": names, "ds": np.tile(WEEKS, series), "y": units.ravel()}), mean


def test_they_are_scipys() -> None:
    head = make_head("negative_binomial", 4)
    raw, scale = torch.tensor([[[0.3, 0.9], [-1.0, -0.4]]]), torch.tensor([[2.0]])
    mean, alpha = 2.0 * np.exp([0.3, -1.0]), np.exp([0.9, -0.4])
    found = head.law(raw, scale, (0.5, 0.9)).numpy()
    assert found.shape == (1, 2, 2)
    for k, share in enumerate((0.5, 0.9)):
        assert found[0, :, k].tolist() == nbinom.ppf(share, 1 / alpha, 1 / (1 + alpha * mean)).tolist()
    poissons = make_head("poisson", 4).law(raw[..., :1], scale, (0.9,)).numpy()
    assert poissons[0, :, 0].tolist() == poisson.ppf(0.9, mean).tolist()


def test_mean_and_quantiles_of_sparse_series_are_right() -> None:
    """Bias of the mean within 4 % of the truth; shares below the quantiles within 2 points of the law's own."""
    panel, mean = sparse()
    shape = {"look_back": 26, "future": (), "scale": "mean_abs", "hidden": 16, "batch_size": 512, "device": "cpu"}
    model = forecaster("gru", head="negative_binomial", quantiles=(0.75, 0.9), epochs=4, lr=1e-2, **shape)
    assert model.point == "mean"
    made = model.fit(panel, horizon=4).forecast()
    assert made["gru"].mean() == pytest.approx(mean.mean(), rel=0.04)
    truth = made["unique_id"].map(dict(zip(panel["unique_id"].unique(), mean, strict=True))).to_numpy()
    for share in (0.75, 0.9):
        reached = nbinom.cdf(made[f"gru-q{share:g}"], 1 / ALPHA, 1 / (1 + ALPHA * truth)).mean()
        own = nbinom.cdf(nbinom.ppf(share, 1 / ALPHA, 1 / (1 + ALPHA * truth)), 1 / ALPHA, 1 / (1 + ALPHA * truth))
        assert reached == pytest.approx(own.mean(), abs=0.02)


def test_only_a_count_head_has_a_law() -> None:
    panel, _ = sparse(3)
    windows = WindowSet.from_panel(panel, WindowSettings(look_back=4, horizon=1, scale="mean_abs"))
    with pytest.raises(DataError, match="only a count head"):
        predict(make_network("gru", windows, hidden=4, head="squared"), windows, quantiles=(0.9,))
