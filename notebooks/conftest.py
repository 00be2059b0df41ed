"""What nbval has just run must say what the committed lesson says: words, and numbers within their tolerances."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ecomlib.course.authoring import guard

RECORD = Path(__file__).resolve().parents[1] / "tests" / "golden" / "published.csv"


@cache
def recorded() -> pd.DataFrame:
    """Read the tolerances of all published numbers."""
    return pd.read_csv(RECORD, dtype={"lesson": str, "cell": str, "key": str})


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Any:
    """Compare the outputs of a cell that nbval has run with the committed ones."""
    answer = yield
    again = getattr(item, "test_outputs", None)
    if again is not None and item.cell.execution_count is not None:  # type: ignore[attr-defined]
        number = item.path.name.partition("_")[0]
        said = guard.complaints(number, item.cell, again, recorded())  # type: ignore[attr-defined]
        if said:
            pytest.fail("\n".join(["the committed output is not what the lesson says now", *said]), pytrace=False)
    return answer
