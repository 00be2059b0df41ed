"""The numbers in the committed lessons are those of the record: none moved beyond its tolerance, missing, or new.

Where a lesson, or what it rests on, was changed on purpose: ``make notebooks`` for its lessons, then the three commands
at the top of tests/golden/make_published.py, and the commit says which numbers moved and why.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("nbformat")
import nbformat

from ecomlib.course import lessons, published_numbers
from ecomlib.course.publishing import table_html

ROOT = Path(__file__).resolve().parents[2]
RECORD = ROOT / "tests" / "golden" / "published.csv"
AGAIN = "changed on purpose? tests/golden/make_published.py says what to run"


@pytest.fixture(scope="module")
def recorded() -> pd.DataFrame:
    return pd.read_csv(RECORD, dtype={"lesson": str, "cell": str, "key": str})


@pytest.fixture(scope="module")
def committed() -> pd.DataFrame:
    return published_numbers.table(
        [
            number
            for lesson in lessons.choose(ROOT / "notebooks")
            for number in published_numbers.numbers(lessons.read(lesson.path), lesson.number)
        ]
    )


def test_the_lessons_publish_what_is_recorded(recorded: pd.DataFrame, committed: pd.DataFrame) -> None:
    assert set(recorded["lesson"]) <= set(committed["lesson"]) and len(committed) > 2000
    found = published_numbers.complaints(recorded, committed)
    assert not found, "\n".join([f"{len(found)} published numbers differ; {AGAIN}", *found[:40]])


def test_every_number_is_held_but_those_of_a_clock(recorded: pd.DataFrame, committed: pd.DataFrame) -> None:
    both = recorded.merge(committed, on=published_numbers.IDENTITY, validate="one_to_one", suffixes=("", "_now"))
    assert (both["tolerance"].isna() == both["clock"]).all()
    held = both[~both["clock"]]
    assert (held["tolerance"] >= held["step"] / 2 - 1e-9).all()
    assert both["clock"].mean() < 0.1
    exact = np.isclose(held["tolerance"], held["step"] / 2, rtol=1e-6)
    assert exact.mean() > 0.5, "most numbers are the same whatever the number of threads"


def test_a_stale_or_forged_output_would_be_seen(recorded: pd.DataFrame, committed: pd.DataFrame) -> None:
    """Moved by three tolerances, left out, or invented: one line each, with where it stands."""
    now = published_numbers.known(recorded, committed)
    row = int(np.flatnonzero((recorded["lesson"] == "00") & recorded["key"].str.endswith("/wape"))[0])
    now.loc[row, "value"] += 3 * recorded.loc[row, "tolerance"]
    clock = int(np.flatnonzero(now["clock"])[0])
    now.loc[clock, "value"] *= 100
    gone = now.iloc[-1]
    invented = now.iloc[[0]].assign(key="title 99", value=42.0)
    now = pd.concat([now.iloc[:-1], invented], ignore_index=True)
    found = sorted(published_numbers.complaints(recorded, now))
    assert len(found) == 3, found
    assert any("/wape: " in line and " instead of " in line for line in found)
    assert any(f"{gone['key']}: {gone['value']:g} is no longer published" in line for line in found)
    assert any("title 99: 42 is published and not recorded" in line for line in found)


def test_numbers_are_found_and_names_are_not() -> None:
    def values(text: str) -> list[float]:
        return [value for value, _ in published_numbers.numbers_in(text)]

    assert values("saves 3,114 a week [-2,556, 3,804], 47% of 1.") == [3114, -2556, 3804, 47, 1]
    assert values("8-12 units, 1–2 days, −3 and +4, 1.5e-05") == [8, 12, 1, 2, -3, 4, 1.5e-05]
    assert values("P0001, R01, fp16, the 4th, recorded 2026-11-22 at 10:30:00, Q1") == []
    assert [step for _, step in published_numbers.numbers_in("0.352 and 3,114 and 1.5e-05")] == pytest.approx(
        [1e-3, 1, 1e-6]
    )


def lesson(outputs: list[dict[str, Any]]) -> Any:
    cell = nbformat.v4.new_code_cell("pass", id="a1")
    cell.outputs = [nbformat.v4.new_output("display_data", data=o["data"], metadata=o["metadata"]) for o in outputs]
    return nbformat.v4.new_notebook(cells=[cell])


def test_each_kind_of_output_gives_its_numbers_under_their_names() -> None:
    frame = pd.DataFrame(
        {"model": ["GRU", "trees < 9"], "WAPE": [0.352, 0.395], "saved": ["12 [3, 20]", "none"], "fit, s": [1.5, 2.5]}
    )
    weeks = pd.DataFrame({"week": [7, 8], "units": [1234.0, np.nan]})
    rows = [{"lesson": "90", "store": "w", "model": "GRU", "wape": 0.35, "seconds": 1.2, "money": None}]
    outputs = [
        {"data": {"text/html": table_html(frame, "t")}, "metadata": {"ecomlib": {"kind": "plain", "title": "2 of 3"}}},
        {"data": {"text/html": table_html(weeks, "t")}, "metadata": {"ecomlib": {"kind": "plain", "title": "Weeks"}}},
        {
            "data": {"text/html": "<p>7</p>"},
            "metadata": {"ecomlib": {"kind": "results", "title": "So far", "rows": rows}},
        },
        {"data": {"image/png": ""}, "metadata": {"ecomlib": {"kind": "map", "title": "M", "alt": "2 to 5.0 ms"}}},
        {"data": {"text/plain": "12"}, "metadata": {}},
    ]
    found = published_numbers.table(published_numbers.numbers(lesson(outputs), "90"))
    assert found[["output", "key", "value", "step", "clock"]].values.tolist() == [
        [1, "title 1", 2, 1, False],
        [1, "title 2", 3, 1, False],
        [1, "GRU/WAPE", 0.352, 0.001, False],
        [1, "GRU/saved 1", 12, 1, False],
        [1, "GRU/saved 2", 3, 1, False],
        [1, "GRU/saved 3", 20, 1, False],
        [1, "GRU/fit, s", 1.5, 0.1, True],
        [1, "trees < 9/WAPE", 0.395, 0.001, False],
        [1, "trees < 9/fit, s", 2.5, 0.1, True],
        [2, "row 1/week", 7, 1, False],
        [2, "row 1/units", 1234, 1, False],
        [2, "row 2/week", 8, 1, False],
        [3, "w GRU/wape", 0.35, pytest.approx(0.01), False],
        [3, "w GRU/seconds", 1.2, 0.1, True],
        [4, "alt 1", 2, 1, True],
        [4, "alt 2", 5, 0.1, True],
        [1, "said 1", 12, 1, False],
    ]


def test_the_tolerance_is_three_times_the_largest_difference_or_half_a_digit() -> None:
    sys.path.insert(0, str(ROOT / "tests" / "golden"))
    try:
        from make_published import keep_wider, with_tolerances
    finally:
        sys.path.pop(0)
    number = published_numbers.PublishedNumber("90", "a1", 1, "plain", "t", "k", 0.352, 0.001, False)
    keys = ["same", "moved", "gone", "timed"]
    rows = pd.DataFrame([vars(number) | {"key": key, "clock": key == "timed"} for key in keys])
    one = rows.assign(value=[0.352, 0.350, 0.352, 9.0])
    two = rows[rows["key"] != "gone"].assign(value=[0.352, 0.355, 8.0])
    made = with_tolerances(rows, [one, two])
    tolerance = made["tolerance"]
    assert made["runs"].tolist() == [2, 2, 1, 2]
    assert tolerance.tolist()[:3] == pytest.approx([0.0005, 0.015, 0.0005]) and np.isnan(tolerance.iloc[3])
    before = made.assign(tolerance=[0.02, 0.001, np.nan, np.nan], runs=1)
    kept = keep_wider(made, before.drop(index=3))  # "timed" was not recorded yet
    assert kept["tolerance"].tolist()[:3] == pytest.approx([0.02, 0.015, 0.0005]) and np.isnan(
        kept["tolerance"].iloc[3]
    )
    assert kept["runs"].tolist() == [2, 2, 1, 2]
