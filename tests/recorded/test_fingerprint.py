"""Fingerprints see what changes a result and nothing else; stale marks go both ways; the queue goes on after a kill."""

from __future__ import annotations

import copy
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from ecomlib import recorded as rec
from ecomlib.cli.main import app
from ecomlib.course import doctor
from ecomlib.errors import DataError
from ecomlib.recorded import fingerprint as fp
from ecomlib.recorded import upkeep

FRAME = pd.DataFrame(
    {
        "model": ["naive", "gru"],
        "wape": [0.123456, -0.0],
        "n": [1234567, 2],
        "mixed": ["off", 2.0],
        "day": pd.to_datetime(["2024-01-01", None]),
        "seconds": [1.0, 2.0],
    }
)


def test_the_canonical_text() -> None:
    expected = "model,wape,n,mixed,day\nnaive,0.12346,1234567,off,2024-01-01\ngru,0,2,2,\n"
    assert fp.canonical_csv(FRAME, ["seconds"]) == expected
    assert FRAME["mixed"].iloc[1] == 2.0 and "seconds" in FRAME, "the table itself is left alone"


@pytest.mark.parametrize(
    ("column", "value", "same"),
    [
        ("wape", 0.123456001, True),  # the sixth digit and less
        ("wape", 0.12347, False),
        ("wape", np.nan, False),
        ("mixed", "on", False),
        ("model", "rnn", False),
        ("n", 1234568, False),  # counts are not rounded
        ("seconds", 99.0, True),  # measured
    ],
)
def test_what_a_fingerprint_sees(column: str, value: Any, same: bool) -> None:
    other = FRAME.copy()
    other.loc[0, column] = value
    assert (fp.digest(other, ["seconds"]) == fp.digest(FRAME, ["seconds"])) == same


def test_order_and_names_of_columns_and_rows_count() -> None:
    for other in (FRAME[::-1], FRAME[FRAME.columns[::-1]], FRAME.rename(columns={"n": "count"})):
        assert fp.digest(other, ["seconds"]) != fp.digest(FRAME, ["seconds"])
    with pytest.raises(DataError, match=r"'second': a measured column is not"):
        fp.digest(FRAME, ["second"])


def test_the_fingerprint_survives_the_file(tmp_path: Path) -> None:
    trial = record(tmp_path, smoke=True)
    back = pd.DataFrame(rec.recorded("table", directory=tmp_path))
    expected = {"sha256": fp.digest(back, ["seconds"]), "measured": ["seconds"], "measured_rows": {}}
    assert trial["fingerprint"] == expected


def test_measured_rows_are_left_out(tmp_path: Path) -> None:
    frame = pd.DataFrame({"measure": ["damage", "seconds"], "value": [0.5, 3.0]})
    without = {"measure": ["seconds"]}
    assert fp.canonical_csv(frame, (), without) == "measure,value\ndamage,0.5\n"
    trial = record(tmp_path, frame, smoke=True, measured=[], measured_rows=without)
    assert trial["fingerprint"]["sha256"] == fp.digest(frame[:1]) and trial["fingerprint"]["measured_rows"] == without


TABLE = FRAME.drop(columns="mixed")  # a Parquet file holds no mixed columns


def record(folder: Path, frame: pd.DataFrame = TABLE, name: str = "table", **options: Any) -> dict[str, Any]:
    keywords: dict[str, Any] = {
        "script": __file__,
        "command": "python -m benchmarks.x.y --out /a",
        "protocol": "P",
        "seconds": 3600.0,
        "measured": ["seconds"],
    }
    rec.write(name, frame, directory=folder, **(keywords | options))
    return rec.cards(folder)[name]


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A folder with one recorded table that is stamped with the present code's fingerprint."""
    folder = tmp_path / "recorded"
    record(folder)
    upkeep.stamp({"table": record(tmp_path / "trial", smoke=True)}, directory=folder)
    return folder


def test_a_stamp_changes_nothing_else_of_a_card(tmp_path: Path) -> None:
    card, trial = record(tmp_path / "recorded"), record(tmp_path / "trial", smoke=True)
    assert "fingerprint" not in card, "a run of its own has no trial run's fingerprint"
    upkeep.stamp({"table": trial}, directory=tmp_path / "recorded")
    after = rec.cards(tmp_path / "recorded")["table"]
    note = after.pop("fingerprint")
    assert after == card and note["sha256"] == trial["fingerprint"]["sha256"] and note["stale_since"] is None
    assert {name: note[name] for name in ("commit", "date", "machine", "versions")} == {
        name: trial[name] for name in ("commit", "date", "machine", "versions")
    }
    rec.recorded("table", directory=tmp_path / "recorded")
    with pytest.raises(DataError, match="trial run"):
        upkeep.stamp({"table": card}, directory=tmp_path / "recorded")


def test_stale_marks_go_both_ways(shelf: Path, tmp_path: Path) -> None:
    same = {"table": record(tmp_path / "trial", smoke=True)}
    other = {"table": record(tmp_path / "trial", TABLE.assign(wape=0.5), smoke=True) | {"commit": "0123abc"}}
    assert not upkeep.disagreements(same, directory=shelf) and not upkeep.mark(same, directory=shelf)
    (said,) = upkeep.disagreements(other, directory=shelf)
    assert "differs" in said and "ecomlib recorded status --check table" in said
    assert upkeep.mark(other, directory=shelf) == {"table": "0123abc"}
    assert fp.status(rec.cards(shelf)["table"]).words == "stale since 0123abc"
    assert not upkeep.disagreements(other, directory=shelf), "marked, so it is no failure"
    later = {"table": other["table"] | {"commit": "ffff"}}
    assert not upkeep.mark(later, directory=shelf), "the first commit stays"
    (said,) = upkeep.disagreements(same, directory=shelf)
    assert "is again" in said
    assert upkeep.mark(same, directory=shelf) == {"table": None}
    assert fp.status(rec.cards(shelf)["table"]).words == "fresh"


def test_another_machine_can_confirm_and_not_accuse(shelf: Path, tmp_path: Path) -> None:
    card = rec.cards(shelf)["table"]
    other = record(tmp_path / "trial", TABLE.assign(wape=0.5), smoke=True)
    assert fp.compare(card, other) == "different"
    elsewhere = [
        {"machine": f"Another processor, {rec.machine().split(', ', 1)[1]}"},
        {"versions": other["versions"] | {"numpy": "0.1"}},
        {"versions": other["versions"] | {"processor": "family 25, model 1"}},  # of the same name: AMD EPYC, say
    ]
    for change in elsewhere:
        assert fp.compare(card, other | change) == "not comparable"
        assert not upkeep.disagreements({"table": other | change}, directory=shelf)
        assert fp.compare(card, record(tmp_path / "trial", smoke=True) | change) == "same"
    words = rec.machine().split(", ")
    cores = ", ".join("64 cores" if word.endswith(" cores") else word for word in words)
    micro = {"versions": other["versions"] | {"python": other["versions"]["python"] + "9"}, "machine": cores}
    assert fp.compare(card, other | micro) == "different", "cores and Python's micro version do not matter"
    assert fp.changed_cards([card], {"table": other}) == ["table"]
    assert fp.changed_cards([card], {"table": other | elsewhere[0]}) == []


def test_status_lists_hours_and_commits(shelf: Path) -> None:
    states = []
    for name, seconds, since in (("b", 7200.0, "abc"), ("c", 60.0, "abc"), ("a", 9.0, None)):
        card = copy.deepcopy(rec.cards(shelf)["table"]) | {"name": name, "seconds": seconds}
        card["fingerprint"]["stale_since"] = since
        states.append(fp.status(card))
    lines = fp.text(states).splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["b", "c", "a"]  # what is stale comes first
    assert "7,200 s" in lines[0] and lines[0].endswith("stale since abc") and lines[2].endswith("fresh")
    # b and c are of one command: it runs once.
    assert lines[3] == "2 of 3 recorded tables are stale, 2.0 hours to run again"
    bare = {name: part for name, part in rec.cards(shelf)["table"].items() if name != "fingerprint"}
    assert fp.summary([fp.status(bare)]) == "1 recorded tables, none stale; 1 without a fingerprint"
    finding = doctor.recorded_results([card | {"fingerprint": card["fingerprint"] | {"stale_since": "abc"}}])
    assert finding.state == "missing" and "1 of 1" in finding.detail and "recorded run --stale" in finding.mend
    assert doctor.recorded_results([card]).state == "ok"


def test_the_command_lists_every_card() -> None:
    done = CliRunner().invoke(app, ["recorded", "status"])
    assert done.exit_code == 0, done.output
    assert {line.split()[0] for line in done.output.splitlines()[:-1]} == set(rec.names())
    wrong = CliRunner().invoke(app, ["recorded", "status", "nothing"])
    assert wrong.exit_code == 1 and "no such run is recorded" in wrong.output
    assert CliRunner().invoke(app, ["recorded", "run"]).exit_code == 1
    dry = CliRunner().invoke(app, ["recorded", "run", "--stale", "--dry-run"])
    assert dry.exit_code == 0, dry.output


SCRIPT = """
import argparse, os, time
from pathlib import Path
import pandas as pd
from ecomlib import recorded
HERE = Path(__file__).resolve().parents[1]
parser = argparse.ArgumentParser()
parser.add_argument("--smoke", action="store_true")
parser.add_argument("--tables", type=Path)
parser.add_argument("--out", type=Path)
given = parser.parse_args()
with (HERE / "runs.txt").open("a") as file:
    file.write("{name}" + " smoke" * given.smoke + " with data" * ("ECOMLIB_DATA_DIR" in os.environ) + chr(10))
while (HERE / "wait {name}").exists() and not given.smoke:
    time.sleep(0.05)
recorded.write(
    "{name}", pd.DataFrame({{"x": [2]}}), script=__file__, command="python -m benchmarks.{name} --out DIR",
    protocol="P", seconds={seconds}, smoke=given.smoke, directory=given.tables or HERE / "recorded",
)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout with three scripts whose cards are stale; ``c`` scores a test part."""
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "__init__.py").touch()
    for name, seconds in (("a", 30), ("b", 20), ("c", 10)):
        text = SCRIPT.format(name=name, seconds=seconds) + "SCORES_TEST_PART = True\n" * (name == "c")
        (tmp_path / "benchmarks" / f"{name}.py").write_text(text, encoding="utf-8")
        keywords: dict[str, Any] = {
            "script": tmp_path / "benchmarks" / f"{name}.py",
            "seconds": float(seconds),
            "measured": [],
            "command": f"python -m benchmarks.{name} --out /somewhere",
        }
        old = pd.DataFrame({"x": [1]})
        card = record(tmp_path / "recorded", old, name, **keywords)
        note = fp.note(record(tmp_path / "trial", old, name, smoke=True, **keywords))
        rec.set_fingerprint(name, note | {"stale_since": "abc"}, directory=tmp_path / "recorded")
        os.utime(tmp_path / "recorded" / f"{name}.json")
        # Dates have whole seconds: an old run is from another day.
        path = tmp_path / "recorded" / f"{name}.json"
        path.write_text(path.read_text().replace(card["date"], "2024-01-01T00:00:00+00:00"), encoding="utf-8")
    return tmp_path


def runs(project: Path) -> list[str]:
    path = project / "runs.txt"
    return path.read_text().splitlines() if path.is_file() else []


def run(project: Path, score_test: bool = False) -> list[upkeep.Job]:
    folder = project / "recorded"
    jobs = upkeep.queue(root=project, directory=folder)
    return upkeep.run_queue(jobs, root=project, directory=folder, score_test=score_test, say=lambda _: None)


@pytest.fixture(autouse=True)
def no_real_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ECOMLIB_DATA_DIR", raising=False)


def test_a_trial_run_finds_no_real_data(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECOMLIB_DATA_DIR", str(project))
    (job,) = upkeep.queue(root=project, directory=project / "recorded", names=["b"])
    upkeep.run_queue([job], root=project, directory=project / "recorded", say=lambda _: None)
    assert runs(project) == ["b with data", "b smoke"]


def test_the_queue_runs_what_is_stale_and_no_test_part_unasked(project: Path) -> None:
    jobs = upkeep.queue(root=project, directory=project / "recorded")
    assert [job.names for job in jobs] == [("c",), ("b",), ("a",)]  # the shortest first
    assert "left out without --score-test" in upkeep.words(jobs[0])
    assert "left out" not in upkeep.words(jobs[0], score_test=True) and "1 minutes" not in upkeep.words(jobs[1])
    assert [job.names for job in run(project)] == [("c",)]
    assert runs(project) == ["b", "b smoke", "a", "a smoke"]
    states = {name: fp.status(card) for name, card in rec.cards(project / "recorded").items()}
    assert {name: state.words for name, state in states.items()} == {"a": "fresh", "b": "fresh", "c": "stale since abc"}
    assert rec.recorded("a", directory=project / "recorded")["x"].tolist() == [2]
    assert not run(project, score_test=True)
    assert runs(project)[4:] == ["c", "c smoke"]
    assert upkeep.queue(root=project, directory=project / "recorded") == []


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is POSIX")
def test_the_queue_goes_on_after_a_kill(project: Path) -> None:
    (project / "wait a").touch()  # the second run hangs until it is killed
    code = (
        "import sys; from pathlib import Path; from ecomlib.recorded import upkeep; root = Path(sys.argv[1])\n"
        "folder = root / 'recorded'\n"
        "upkeep.run_queue(upkeep.queue(root=root, directory=folder), root=root, directory=folder)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(project)], start_new_session=True)
    try:
        limit = time.monotonic() + 120
        while "a" not in runs(project):
            assert process.poll() is None and time.monotonic() < limit
            time.sleep(0.1)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert runs(project) == ["b", "b smoke", "a"]
    assert fp.status(rec.cards(project / "recorded")["a"]).stale_since == "abc", "nothing half done"
    (project / "wait a").unlink()
    run(project)
    assert runs(project)[3:] == ["a", "a smoke"], "what was finished is not run again"


def test_a_run_killed_before_its_fingerprint_is_only_stamped(project: Path) -> None:
    card = rec.cards(project / "recorded")["a"]
    del card["fingerprint"]
    (project / "recorded" / "a.json").write_text(json.dumps(card), encoding="utf-8")
    first = upkeep.queue(root=project, directory=project / "recorded")[0]
    assert first.names == ("a",) and first.only_stamp and upkeep.words(first) == "fingerprint only: a"
    upkeep.run_queue([first], root=project, directory=project / "recorded", say=lambda _: None)
    assert runs(project) == ["a smoke"] and fp.status(rec.cards(project / "recorded")["a"]).words == "fresh"


def test_a_failed_run_stops_the_queue(project: Path) -> None:
    (project / "benchmarks" / "b.py").write_text("raise SystemExit(3)\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"a run failed.*python -m benchmarks\.b"):
        run(project)
    assert fp.status(rec.cards(project / "recorded")["b"]).stale_since == "abc"
    (project / "benchmarks" / "b.py").write_text("", encoding="utf-8")  # succeeds, and writes nothing
    with pytest.raises(DataError, match="did not write this table"):
        run(project)


def test_partial_results_belong_to_one_state_of_the_code(project: Path) -> None:
    before = upkeep.code_state(project)
    (project / "README.md").write_text("words\n", encoding="utf-8")
    assert upkeep.code_state(project) == before
    (project / "benchmarks" / "a.py").write_text("x = 1\n", encoding="utf-8")
    assert upkeep.code_state(project) != before


def test_outside_a_checkout_there_is_nothing_to_run(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="benchmarks are not here"):
        upkeep.checkout(tmp_path)
