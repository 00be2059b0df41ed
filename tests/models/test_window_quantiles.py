"""Quantiles of a series' own last weeks: numpy's, of the window alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ecomlib.errors import DataError
from ecomlib.forecasting import forecaster

WEEKS = pd.date_range("2024-01-01", periods=6, freq="7D")


def test_they_are_numpys_and_of_the_window_alone() -> None:
    panel = pd.DataFrame({"unique_id": "mug", "ds": WEEKS, "y": [50.0, 0, 2, 0, 7, 1]})
    made = forecaster("window_quantiles", window=5, quantiles=(0.9, 0.75)).fit(panel, horizon=2).forecast()
    for share in (0.75, 0.9):
        assert made[f"window_quantiles-q{share:g}"].tolist() == pytest.approx([np.quantile([0, 2, 0, 7, 1], share)] * 2)
    assert made["window_quantiles"].tolist() == [1.0, 1.0]
    assert made.attrs["point"] == {"window_quantiles": "median"}


@pytest.mark.parametrize(
    "wrong", [{"quantiles": ()}, {"quantiles": (0.5, 1.0)}, {"quantiles": (0.5, 0.5)}, {"window": 0}]
)
def test_what_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(DataError):
        forecaster("window_quantiles", **wrong)
