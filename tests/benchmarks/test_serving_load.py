"""Half a minute of the half hour that is recorded: mixed load at half the top rate, no error, flat memory."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

pytest.importorskip("fastapi")
pytest.importorskip("sqlalchemy")
pytest.importorskip("psutil")
from serving_help import trained_home

from benchmarks.service import proof as benchmark


@pytest.mark.slow
def test_mixed_load_without_an_error_and_with_flat_memory(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'events.db'}"
    found = benchmark.soak(trained_home(), url, 30.0, top_seconds=3.0, slot=3.0, clock=100_000.0)  # five weeks
    assert found["errors"].sum() == 0 and found.attrs["errors_at_top"] == 0, found.to_string()
    assert set(found["kind"]) == {"forecast", "events", "whatif", "replenish", "overview"}
    assert found["requests"].sum() >= int(15 * found.attrs["top_per_second"]) - 3 > 500
    assert found.attrs["events_stored"] == found.attrs["events_acknowledged"] > 0
    memory = benchmark.flat(found.groupby("slot")["memory_mb"].first())
    assert memory["flat"] and memory["mean_mb"] < 400, memory


def test_growing_memory_is_not_called_flat() -> None:
    start, level, leak = [120.0, 180.0, 200.0], [200.5, 199.5, 200.0], [201.0, 210.0, 219.0]
    assert benchmark.flat(pd.Series(start + level))["flat"]
    assert not benchmark.flat(pd.Series(start + leak))["flat"]
