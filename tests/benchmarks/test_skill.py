"""The skill of ten stores is computed as lesson 00 computes its own, on stores of which nothing was chosen."""

from __future__ import annotations

import pandas as pd
import pytest

from benchmarks.simulated import quickstart_settings, skill


def frame() -> pd.DataFrame:
    """One product, two weeks, six wanted in each; a unit too few costs 3, one too many 1."""
    rows = dict.fromkeys(("GRU 0", "GRU 1", "LightGBM", "filter_median", "exponential smoothing"), 6.0)
    rows |= {"naive": 2.0, "mean of 8 weeks": 4.0, "attainable_median": 6.0, "attainable": 6.0}
    for fan in ("GRU 0", "GRU 1", "own", "attainable"):
        rows |= {f"{fan}-q0.5": 5.0, f"{fan}-q0.75": 8.0}
    weeks = pd.DataFrame({"unique_id": "a", "ds": pd.to_datetime(["2025-01-06", "2025-01-13"])})
    costs = {"c_u": 3.0, "c_o": 1.0, "y": 6.0, "demand": 6.0}
    return weeks.assign(cutoff=pd.Timestamp("2024-12-30"), **costs, **rows)


def test_skill_and_money_of_a_store_by_hand() -> None:
    found = pd.DataFrame(skill.judged(frame(), 31, (0, 1)))
    table = found[found["network"] == 0].set_index("model")
    assert (found["model"] == "GRU").sum() == 2
    # 4 of 6 too few, then 2, then none; the floor makes no mistake.
    assert table.loc[["naive", "mean of 8 weeks", "GRU"], "wape"].tolist() == pytest.approx([4 / 6, 2 / 6, 0])
    assert table.loc[["naive", "mean of 8 weeks", "GRU"], "skill"].tolist() == pytest.approx([0, 0.5, 1])
    assert table.loc["naive", "money_middle"] == 4 * 3.0
    # The critical ratio is 3 / 4: eight are ordered, two too many.
    assert table.loc[["GRU", "quantile of 8 weeks", "attainable floor"], "money_ratio"].tolist() == [2.0, 2.0, 2.0]


def test_nothing_was_chosen_on_these_stores() -> None:
    window = skill.network(0).window  # type: ignore[attr-defined]
    chosen = [part for part in quickstart_settings.CANDIDATES.values() if part[0] == window.look_back]
    assert any(window.past == part[1] and window.future == part[2] for part in chosen)
    assert not set(skill.SEEDS) & {0, 1, 2}
    assert len(skill.SEEDS) == 10
