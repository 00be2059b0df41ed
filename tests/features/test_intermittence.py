"""Classes of demand against a table counted by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ecomlib.errors import DataError
from ecomlib.features import demand_classes

WEEKS = pd.date_range("2024-01-01", periods=8, freq="7D")


def frame(**series: list[float]) -> pd.DataFrame:
    return pd.concat(
        [pd.DataFrame({"unique_id": name, "ds": WEEKS[: len(y)], "y": y}) for name, y in series.items()],
        ignore_index=True,
    )


def test_the_four_classes_and_the_numbers_behind_them() -> None:
    found = demand_classes(
        frame(
            calm=[3.0, 4, 3, 4, 3, 4, 3, 4],
            wild=[1.0, 1, 9, 1, 1, 1, 9, 1],
            seldom=[0.0, 2, 0, 0, 3, 0, 0, 2],
            lumps=[0.0, 1, 0, 0, 9, 0, 0, 1],
            never=[0.0] * 8,
        )
    ).set_index("unique_id")
    kinds = {"calm": "smooth", "wild": "erratic", "seldom": "intermittent", "lumps": "lumpy", "never": "intermittent"}
    assert found["kind"].to_dict() == kinds
    assert found.loc["lumps", "interval"] == pytest.approx(8 / 3)
    assert found.loc["lumps", "spread"] == pytest.approx(np.var([1, 9, 1]) / np.mean([1, 9, 1]) ** 2)
    assert np.isinf(found.loc["never", "interval"]) and np.isnan(found.loc["never", "spread"])


def test_nothing_after_the_date_is_read_and_unknown_weeks_do_not_count() -> None:
    panel = frame(mug=[0.0, 4, 0, 4, np.nan, np.nan, 99, 0])
    early = demand_classes(panel, at=WEEKS[4])
    assert early.loc[0, "interval"] == 2.0 and early.loc[0, "spread"] == 0.0
    with pytest.raises(DataError, match="no period is known"):
        demand_classes(panel, at="2023-01-02")
    with pytest.raises(DataError):
        demand_classes(panel.drop(columns="y"))
