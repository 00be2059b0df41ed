"""Every benchmark runs with --smoke, leaves the project as it was, and writes what others rely on."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ecomlib.evaluation import wape
from ecomlib.recorded import FOLDER, recorded

pytest.importorskip("statsforecast")
pytest.importorskip("lightgbm")
ROOT = Path(__file__).parents[1]
BENCHMARKS = ROOT / "benchmarks"
SCRIPTS = sorted(path.name for path in BENCHMARKS.glob("*.py") if "__main__" in path.read_text(encoding="utf-8"))
SCRIPTS.remove("accuracy.py")  # it has a test of its own below


def state() -> dict[str, str]:
    """Hashes of all that a trial run must not touch: recorded tables and cards, logs of tuning and test."""
    files = [*FOLDER.glob("*.parquet"), *FOLDER.glob("*.json"), *BENCHMARKS.glob("*.csv")]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files if path.is_file()}


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    environment.pop("ECOMLIB_DATA_DIR", None)  # a trial run needs no real data
    return subprocess.run(
        [sys.executable, str(BENCHMARKS / script), *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS)
def test_every_benchmark_has_a_trial_run(script: str, tmp_path: Path) -> None:
    before = state()
    out = ["--out", str(tmp_path)] if '"--out"' in (BENCHMARKS / script).read_text(encoding="utf-8") else []
    if script == "second_parts.py":  # one lesson will do: test_second_parts.py runs them all
        out = ["--lesson", "00"]
    done = run(script, "--smoke", *out)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip(), "a trial run says what it found"
    assert state() == before, "a trial run leaves recorded tables and logs alone"


@pytest.mark.slow
def test_accuracy_writes_what_others_rely_on(tmp_path: Path) -> None:
    started, before = time.perf_counter(), state()
    done = run("accuracy.py", "--protocol", "W", "--smoke", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr[-2000:]
    assert state() == before, "a trial run leaves recorded tables and logs alone"
    frame, board = pd.read_parquet(tmp_path / "forecasts.parquet"), pd.read_csv(tmp_path / "leaderboard.csv")
    assert list(frame.columns[:4]) == ["unique_id", "ds", "cutoff", "y"]
    assert list(board.columns) == ["model", "kind", "wape", "rmsse", "seconds"]
    assert set(board["kind"]) <= {"peer", "network", "ensemble"} and set(board["model"]) == set(frame.columns[4:])
    assert frame["unique_id"].str.fullmatch(r"\d{5}[A-Z]*").all()
    assert frame["cutoff"].nunique() == 3 and len(frame) == 3 * 12 * 4 and not frame.isna().any().any()
    assert (frame.iloc[:, 4:].to_numpy() >= 0).all() and board["wape"].is_monotonic_increasing
    for row in board.itertuples():  # anybody can recompute the scores
        assert row.wape == pytest.approx(wape(frame, row.model)[row.model].mean(), abs=1e-12)
    members = np.log1p(frame[["lightgbm_squared", "lightgbm_absolute", "auto_theta", "window_mean"]])
    np.testing.assert_allclose(frame["log_mean_of_peers"], np.expm1(members.mean(axis=1)), rtol=1e-12)

    table = recorded("accuracy_w", directory=tmp_path / "recorded")
    assert table.attrs["card"]["smoke"] and table.attrs["card"]["script"] == "benchmarks/accuracy.py"
    total = table[(table["metric"] == "wape") & table["cutoff"].isna()].set_index("model")
    assert total["value"].to_dict() == pytest.approx(board.set_index("model")["wape"].to_dict())
    assert (total["low"] <= total["value"]).all() and (total["value"] <= total["high"]).all()
    assert (table["metric"] == "wape").sum() == len(board) * 4  # all origins, and each of three
    assert {"money_1", "money_3", "money_9", "wape_against_best_peer", "rmsse_against_best_peer"} <= set(
        table["metric"]
    )
    best = board.loc[board["kind"] == "peer", "model"].iloc[0]
    against = table[table["metric"] == "wape_against_best_peer"]
    assert set(against["rival"]) == {best} and set(against["model"]) == set(board["model"]) - {best}
    shown = recorded("accuracy_w_forecasts", directory=tmp_path / "recorded")
    assert "y" not in shown.columns and best in shown.columns
    assert time.perf_counter() - started < 120


def test_the_test_part_is_not_scored_piecemeal(tmp_path: Path) -> None:
    done = run("accuracy.py", "--protocol", "W", "--only", "naive", "--out", str(tmp_path))
    assert done.returncode == 2 and "--only needs --tuning" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.data
def test_protocol_w_is_the_published_panel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import protocol_w

    panel = protocol_w.panel()  # itself refuses other counts
    assert (panel["unique_id"].nunique(), len(panel)) == (500, 51_529)
    assert round(100 * (panel["y"] == 0).mean(), 1) == 14.1
    assert panel["ds"].max() == pd.Timestamp("2011-11-28") and (panel["ds"].dt.weekday == 0).all()
    assert [f"{o:%Y-%m-%d}" for o in protocol_w.TEST_ORIGINS] == [
        "2011-04-18", "2011-05-16", "2011-06-13", "2011-07-11", "2011-08-08", "2011-09-05", "2011-10-03", "2011-10-31",
    ]  # fmt: skip
    first = panel.groupby("unique_id")["ds"].min()
    assert first.max() <= pd.Timestamp("2010-04-19")  # in the books for a year at the first test origin


def test_money_orders_by_errors_that_are_known_by_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import accuracy

    from ecomlib.evaluation import score

    weeks = pd.to_datetime(["2024-01-01", "2024-01-29"])
    frame = pd.DataFrame({"unique_id": ["a", "b", "c", "d"] * 2, "cutoff": weeks.repeat(4)})
    frame["ds"] = frame["cutoff"] + pd.Timedelta(weeks=1)
    frame["m"] = 9.0
    frame["y"] = [9.0, 19.0, 4.0, 9.0, 30.0, 9.0, 0.0, 9.0]
    costs = accuracy.money(frame, ["m"], 3)
    # Past errors, log scale: 0, log 2, -log 2, 0; at 3:1 the 75 % quantile lies a quarter of the way from 0 to log 2.
    order = 10 * 2**0.25 - 1
    expected = [3 * (30 - order), order - 9, order, order - 9]
    assert list(costs["cutoff"].unique()) == [weeks[1]]
    np.testing.assert_allclose(costs["m"] - costs["y"], expected)
    assert score(costs, "m", ["wape"])["value"].item() == pytest.approx(sum(expected) / 48)
    later = frame.assign(y=frame["y"].where(frame["cutoff"] == weeks[0], 5.0))  # its own weeks do not move the order
    np.testing.assert_allclose(accuracy.money(later, ["m"], 3)["m"] - 5, order - 5)
