"""What all benchmarks share: the log of test scorings has one form."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd

from benchmarks.trial import MEASURES, SCORINGS, log_scorings


def test_a_scoring_is_a_row_of_the_log_and_what_was_not_measured_stays_empty(tmp_path: Path) -> None:
    file = tmp_path / "scorings.csv"
    file.write_text("what stood there\n", encoding="utf-8")
    log_scorings(
        "T", pd.DataFrame({"model": ["ours, best", "naive"], "wape": [0.15804, 0.2], "rmsse": [0.5, None]}), file
    )
    log_scorings("K", pd.DataFrame({"model": ["bert"], "rank_correlation": [0.446]}, index=[7]), file)
    first, *rows = csv.reader(file.open(encoding="utf-8"))
    assert first == ["what stood there"]
    assert [row[3:] for row in rows] == [
        ["ours, best", "T", "0.1580", "0.5000", ""],
        ["naive", "T", "0.2000", "", ""],
        ["bert", "K", "", "", "0.4460"],
    ]


def test_the_committed_logs_header_names_these_columns() -> None:
    header = SCORINGS.open(encoding="utf-8").readline().strip().split(",")
    assert header == ["date", "commit", "machine", "model", "protocol", *MEASURES]
