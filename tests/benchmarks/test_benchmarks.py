"""Every benchmark runs with --smoke and leaves the project as it was; its tables are compared with the recorded cards.

A table that differs from its card's fingerprint makes the recorded result stale. That is no failure; a card that does
not say so is one.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ecomlib.evaluation import bias, score, wape
from ecomlib.recorded import FOLDER, cards, recorded, upkeep

pytest.importorskip("statsforecast")
pytest.importorskip("lightgbm")
from benchmarks.protocol_w import accuracy, protocol

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = ROOT / "benchmarks"
SCRIPTS = sorted(
    path.relative_to(BENCHMARKS).as_posix()
    for path in BENCHMARKS.rglob("*.py")
    if "__main__" in path.read_text(encoding="utf-8")
)
ACCURACY, SECOND_PARTS = "protocol_w/accuracy.py", "real_shop/second_parts.py"


def state() -> dict[str, str]:
    """Hashes of all that a trial run must not touch: recorded tables and cards, logs of tuning and test."""
    files = [*FOLDER.glob("*.parquet"), *FOLDER.glob("*.json"), *BENCHMARKS.rglob("*.csv")]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files if path.is_file()}


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    environment.pop("ECOMLIB_DATA_DIR", None)  # a trial run needs no real data
    return subprocess.run(
        [sys.executable, "-m", f"benchmarks.{script.removesuffix('.py').replace('/', '.')}", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def check_fingerprints(script: str, tables: Path) -> None:
    """Every card of the script has its table in the trial run, and says of itself whether it is stale."""
    trial = cards(tables) if tables.is_dir() else {}
    there = {name for name, card in cards().items() if card["script"] == f"benchmarks/{script}"}
    if script == SECOND_PARTS:
        there &= {"second_part_00"}
    assert there <= set(trial), f"the trial run does not make {sorted(there - set(trial))}"
    assert not upkeep.disagreements(trial)


@pytest.mark.slow
@pytest.mark.parametrize("script", [script for script in SCRIPTS if script != ACCURACY])  # it has a test of its own
def test_every_benchmark_has_a_trial_run(script: str, tmp_path: Path) -> None:
    before = state()
    source = (BENCHMARKS / script).read_text(encoding="utf-8")
    tables = ["--tables", str(tmp_path)] if "trial_folder" in source else []
    # One lesson will do: test_second_parts.py runs them all, and compares their fingerprints.
    lesson = ["--lesson", "00"] if script == SECOND_PARTS else []
    done = run(script, "--smoke", *tables, *lesson)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip(), "a trial run says what it found"
    assert state() == before, "a trial run leaves recorded tables and logs alone"
    check_fingerprints(script, tmp_path)


@pytest.mark.slow
def test_accuracy_writes_what_others_rely_on(tmp_path: Path) -> None:
    started, before = time.perf_counter(), state()
    tables = tmp_path / "recorded"
    done = run(ACCURACY, "--protocol", "W", "--smoke", "--out", str(tmp_path), "--tables", str(tables))
    assert done.returncode == 0, done.stderr[-2000:]
    assert state() == before, "a trial run leaves recorded tables and logs alone"
    frame, board = pd.read_parquet(tmp_path / "forecasts.parquet"), pd.read_csv(tmp_path / "leaderboard.csv")
    assert list(frame.columns[:4]) == ["unique_id", "ds", "cutoff", "y"]
    assert list(board.columns) == ["model", "kind", "wape", "bias", "rmsse", "seconds"]
    assert set(board["kind"]) <= {"peer", "network", "ensemble"} and set(board["model"]) == set(frame.columns[4:])
    assert frame["unique_id"].str.fullmatch(r"\d{5}[A-Z]*").all()
    assert frame["cutoff"].nunique() == 3 and len(frame) == 3 * 12 * 4 and not frame.isna().any().any()
    assert (frame.iloc[:, 4:].to_numpy() >= 0).all() and board["wape"].is_monotonic_increasing
    for row in board.itertuples():  # anybody can recompute the scores
        assert row.wape == pytest.approx(wape(frame, row.model)[row.model].mean(), abs=1e-12)
        assert row.bias == pytest.approx(bias(frame, row.model)[row.model].mean(), abs=1e-12)
    members = np.log1p(frame[["lightgbm_squared", "lightgbm_absolute", "auto_theta", "window_mean"]])
    np.testing.assert_allclose(frame["log_mean_of_peers"], np.expm1(members.mean(axis=1)), rtol=1e-12)

    check_fingerprints(ACCURACY, tables)
    table = recorded("accuracy_w", directory=tables)
    assert table.attrs["card"]["smoke"] and table.attrs["card"]["script"] == f"benchmarks/{ACCURACY}"
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
    shown = recorded("accuracy_w_forecasts", directory=tables)
    assert "y" not in shown.columns and best in shown.columns
    assert time.perf_counter() - started < 120


def test_the_test_part_is_not_scored_piecemeal(tmp_path: Path) -> None:
    done = run(ACCURACY, "--protocol", "W", "--only", "naive", "--out", str(tmp_path))
    assert done.returncode == 2 and "--only needs --tuning" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.data
def test_protocol_w_is_the_published_panel() -> None:
    panel = protocol.panel()  # itself refuses other counts
    assert (panel["unique_id"].nunique(), len(panel)) == (500, 51_529)
    assert round(100 * (panel["y"] == 0).mean(), 1) == 14.1
    assert panel["ds"].max() == pd.Timestamp("2011-11-28") and (panel["ds"].dt.weekday == 0).all()
    assert [f"{o:%Y-%m-%d}" for o in protocol.TEST_ORIGINS] == [
        "2011-04-18",
        "2011-05-16",
        "2011-06-13",
        "2011-07-11",
        "2011-08-08",
        "2011-09-05",
        "2011-10-03",
        "2011-10-31",
    ]
    first = panel.groupby("unique_id")["ds"].min()
    assert first.max() <= pd.Timestamp("2010-04-19")  # in the books for a year at the first test origin


def test_money_orders_by_errors_that_are_known_by_then() -> None:
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


@pytest.mark.parametrize(
    "name",
    [
        "trial",
        "pictures.shock_animation",
        "protocol_w.accuracy",
        "protocol_w.ensemble",
        "protocol_w.networks",
        "protocol_w.peers",
        "protocol_w.transformer",
        "real_shop.cold_start",
        "real_shop.second_parts",
        "simulated.adversarial",
        "simulated.spatial",
    ],
)
def test_the_files_that_a_script_names_are_there(name: str) -> None:
    """Logs, tables of tuning, sources and figures, wherever the script itself was moved."""
    module = importlib.import_module(f"benchmarks.{name}")
    values = [value for value in vars(module).values() if isinstance(value, Path | tuple)]
    paths = [path for value in values for path in (value if isinstance(value, tuple) else [value])]
    paths = [path for path in paths if isinstance(path, Path)]
    assert paths and not [path for path in paths if not path.exists()]


def test_scripts_that_score_a_test_part_say_so() -> None:
    """The queue of recorded runs leaves them out: whoever can append to the log of scorings must hold the flag."""
    flagged = {script for script in SCRIPTS if upkeep.scores_test_part(BENCHMARKS / script)}
    logs = ("log_scorings", "accuracy.log(", 'recorded("accuracy_w_forecasts")')
    scoring = {
        script for script in SCRIPTS if any(word in (BENCHMARKS / script).read_text(encoding="utf-8") for word in logs)
    }
    assert (
        flagged
        == scoring
        == {
            ACCURACY,
            "protocol_w/ensemble.py",
            "protocol_w/hierarchy.py",
            "protocol_w/modern_field.py",
            "protocol_w/quick_cancellations.py",
            "protocol_w/totals.py",
            "protocol_w/transformer.py",
            "protocol_w/zero_shot.py",
            "real_shop/churn.py",
            "real_shop/cold_items.py",
            "real_shop/cold_start.py",
            "real_shop/letters.py",
            "real_shop/lumpy.py",
            "real_shop/online_shoppers.py",
            "real_shop/orange_juice.py",
            "real_shop/recommendation.py",
            "real_shop/returns.py",
            "simulated/letters.py",
            "simulated/newcomers.py",
            "simulated/price.py",
            "simulated/quarter.py",
            "simulated/recommendation.py",
            "simulated/stock.py",
        }
    )
