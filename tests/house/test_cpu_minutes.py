"""The accounting of CPU minutes: whose they are, that none is lost, and what `make test` says of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cpu_minutes
import pytest
import run_all

HERE = Path(__file__).resolve().parents[1]
BURN = "import time; end = time.process_time() + {seconds}\nwhile time.process_time() < end: pass"
ROOM = 0.6  # a Python that starts and ends, on a slow machine


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """Three files: one burns in a child, one in a child of its module's fixture, one does nothing."""
    child = f"import subprocess, sys\nBURN = {BURN.format(seconds=1.0)!r}\nrun = [sys.executable, '-c', BURN]\n"
    (tmp_path / "conftest.py").write_text(
        f"import sys\nsys.path.insert(0, {str(HERE)!r})\nfrom cpu_minutes import CpuMinutes\n"
        "def pytest_configure(config):\n    config.pluginmanager.register(CpuMinutes(config))\n"
        f"def pytest_unconfigure(config):\n    pass\n{BURN.format(seconds=0.5)}\n",
        encoding="utf-8",
    )
    (tmp_path / "test_child.py").write_text(
        child + "def test_one(): subprocess.run(run, check=True)\n", encoding="utf-8"
    )
    (tmp_path / "test_fixture.py").write_text(
        f"{child}import pytest\n@pytest.fixture(scope='module')\ndef server():\n"
        "    with subprocess.Popen(run) as process:\n        yield process\n"
        "def test_one(server): pass\ndef test_two(server): pass\n",
        encoding="utf-8",
    )
    (tmp_path / "test_idle.py").write_text("def test_one(): pass\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("workers", [[], ["-n", "2", "--dist", "loadfile"]], ids=["one process", "two workers"])
def test_children_are_put_to_the_file_that_started_them(suite: Path, workers: list[str]) -> None:
    noted = suite / "cpu.json"
    own = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    own["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # others' plugins take seconds to load
    before = run_all.children()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "xdist", *workers, "."],
        cwd=suite,
        env={**own, cpu_minutes.OUT: str(noted)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    spent = run_all.children() - before
    assert done.returncode == 0, done.stdout + done.stderr
    seconds = json.loads(noted.read_text(encoding="utf-8"))
    assert set(seconds) == {"test_child.py", "test_fixture.py", "test_idle.py", "other"}
    for name in ("test_child.py", "test_fixture.py"):
        assert 1.0 <= seconds[name] <= 1.0 + ROOM, name
    assert seconds["test_idle.py"] <= ROOM
    # Half a second in each process's conftest is nobody's, and no second is counted twice.
    assert seconds["other"] >= 0.5 * max(len(workers) // 2, 1)
    assert sum(seconds.values()) <= spent + 0.05
    if not workers:  # else the leader's own time comes on top
        assert spent - sum(seconds.values()) <= ROOM, "files and other are all that the process has used"


def test_what_moved_is_what_moved_by_a_fifth_and_five_seconds() -> None:
    before = {"a": 100.0, "b": 100.0, "c": 4.0, "gone": 30.0, "total": 500.0}
    now = {"a": 119.0, "b": 121.0, "c": 8.9, "new": 5.1, "other": 4.0}
    assert cpu_minutes.moved(now, before) == [("gone", 30.0, 0.0), ("b", 100.0, 121.0), ("new", 0.0, 5.1)]


def test_the_account_says_total_limit_dearest_and_moves() -> None:
    now = {f"tests/test_{n}.py": float(n) for n in range(40)}
    said = "\n".join(cpu_minutes.account(now, 1800.0, {}, whole=True))
    assert f"30.0 CPU minutes of all children, of {cpu_minutes.LIMIT_MINUTES:g}" in said
    assert "WARNING" not in said and "moved" not in said
    assert "tests/test_39.py" in said and "tests/test_25.py" in said and "tests/test_24.py" not in said
    over = cpu_minutes.account(now, 60 * cpu_minutes.LIMIT_MINUTES + 90, now | {"tests/test_39.py": 12.0}, whole=True)
    assert over[1].startswith("WARNING: 1.5 CPU minutes over the limit")
    assert over[-1].split() == ["12.0", "->", "39.0", "tests/test_39.py"]
    part = cpu_minutes.account({"tests/test_39.py": 39.0, "other": 90.0}, 60.0, now | {"other": 5.0}, whole=False)
    assert "no file moved" in part[-1], "files that did not run have not gone"


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "cpu.csv"
    assert cpu_minutes.read(path) == {}
    cpu_minutes.write(path, {"tests/test_a.py": 1.25, "notebooks/00.ipynb": 70.0, "total": 80.0})
    assert cpu_minutes.read(path) == {"total": 80.0, "notebooks/00.ipynb": 70.0, "tests/test_a.py": 1.2}
    assert path.read_text(encoding="utf-8").startswith("file,cpu_seconds,date,machine\ntotal,80.0,20")
    assert [p.name for p in tmp_path.iterdir()] == ["cpu.csv"]


def test_the_committed_minutes_stay_under_the_limit() -> None:
    committed = cpu_minutes.read(run_all.CPU_MINUTES)
    if not committed:
        pytest.skip("nothing has been measured yet: python tests/run_all.py --write-cpu")
    assert any(name.endswith(".ipynb") for name in committed) and any(name.startswith("tests/") for name in committed)
    parts = sum(seconds for name, seconds in committed.items() if name != cpu_minutes.TOTAL)
    assert 0.9 * parts <= committed[cpu_minutes.TOTAL] <= 60 * cpu_minutes.LIMIT_MINUTES


def test_minutes_of_a_part_of_the_tests_are_not_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(run_all, "CPU_MINUTES", tmp_path / "cpu.csv")
    monkeypatch.setitem(run_all.STAGES, "style", [[sys.executable, "-c", BURN.format(seconds=0.3)]])
    spent = run_all.children()
    assert run_all.main(["style", "--write-cpu"]) == 1
    assert run_all.children() - spent >= 0.3
    assert list(tmp_path.iterdir()) == []
