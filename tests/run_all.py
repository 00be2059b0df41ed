"""Every test of the project in one pool of two workers, with a table of what took how long. `make test` runs it.

    python tests/run_all.py            # everything
    python tests/run_all.py nbval      # one stage or several: style, package, papermill, nbval
    python tests/run_all.py --write-cpu   # everything, and its CPU minutes become tests/golden/cpu_minutes.csv

The limit on time is one of CPU minutes, of all children: they say the same on a busy machine as on an idle one. They
stand at the end, with the dearest files and those that moved (tests/cpu_minutes.py says what is counted where).

One pool, so that neither core waits for the other's last test: the workers take lessons first, then what is slow, then
the rest (tests/conftest.py says in which order). A failure hides nothing; the exit code is 1 if anything failed.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import cpu_minutes
from code_lines import by_room

ROOT = Path(__file__).resolve().parent.parent
CPU_MINUTES = ROOT / "tests" / "golden" / "cpu_minutes.csv"
PYTHON = sys.executable
# Files stay whole on one worker, so that what a file makes once (a small store, say) is made once.
PYTEST = [PYTHON, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile"]
NBVAL = ["--nbval-lax", "--nbval-cell-timeout=600"]
LESSONS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "notebooks").glob("*.ipynb"))
KERNELS = ["tests/course/test_lessons_papermill.py", "tests/course/test_second_parts.py"]
STYLE = [
    [PYTHON, "-m", "ruff", "check", "."],
    [PYTHON, "-m", "ruff", "format", "--check", "."],
    [PYTHON, "-m", "mypy"],
]

STAGES: dict[str, list[list[str]]] = {
    "style": STYLE,
    "package": [[*PYTEST, "tests", *(f"--ignore={file}" for file in [*KERNELS, "tests/house/test_style.py"])]],
    "papermill": [[*PYTEST, *KERNELS]],
    "nbval": [[*PYTEST, *NBVAL, *LESSONS]],
    "all tests": [[*PYTEST, *NBVAL, *LESSONS, "tests"]],
}


def children() -> float:
    """Seconds of CPU of all children that have ended, and of theirs (0 on Windows, which does not keep them)."""
    spent = os.times()
    return spent.children_user + spent.children_system


def run_stage(name: str, by_file: Counter[str]) -> tuple[bool, str, float]:
    """Run one stage and add its CPU seconds to ``by_file``; returns (passed, closing line, seconds)."""
    with tempfile.TemporaryDirectory() as folder:
        noted = Path(folder) / "cpu.json"
        answer = _run_stage(name, {**os.environ, cpu_minutes.OUT: str(noted)})
        if noted.is_file():  # style has no tests, and a run that was killed has noted nothing
            by_file.update(json.loads(noted.read_text(encoding="utf-8")))
    return answer


def _run_stage(name: str, environment: dict[str, str]) -> tuple[bool, str, float]:
    started, passed, closing = time.monotonic(), True, ""
    for command in STAGES[name]:
        print(f"\n== {name}: {' '.join(command[1:6])}{' …' if len(command) > 6 else ''}", flush=True)
        with subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                print(line, end="", flush=True)
                if re.search(r"\d+ (passed|failed|error|skipped)|no tests ran|Success|All checks|files? ", line):
                    closing = line.strip().strip("= ")
        passed &= process.returncode == 0
    return passed, closing, time.monotonic() - started


def main(arguments: list[str]) -> int:
    names = [name for name in arguments if name != "--write-cpu"] or ["all tests"]
    whole, by_file, before = names == ["all tests"], Counter[str](), children()
    os.environ.setdefault("MPLBACKEND", "agg")
    rows = (
        [("set-up", True, "", float((ROOT / ".venv/.seconds").read_text()))]
        if (ROOT / ".venv/.seconds").exists()
        else []
    )
    for name in names:
        rows.append((name, *run_stage(name, by_file)))
    print(f"\n{'stage':<12}{'minutes':>8}  result")
    for name, passed, closing, seconds in rows:
        print(f"{name:<12}{seconds / 60:>8.1f}  {'ok' if passed else 'FAILED'}  {closing}")
    print(f"{'all':<12}{sum(row[3] for row in rows) / 60:>8.1f}")
    counts = {
        word: sum(int(n) for row in rows for n in re.findall(rf"(\d+) {word}", row[2]))
        for word in ("passed", "failed", "skipped")
    }
    failed = sum(not row[1] for row in rows)
    total = children() - before
    print("", *cpu_minutes.account(by_file, total, cpu_minutes.read(CPU_MINUTES), whole), sep="\n")
    rooms = by_room(ROOT / "ecomlib")
    listed = ", ".join(f"{room} {lines:,}" for room, lines in rooms.most_common())
    print(f"\nlines of code, {rooms.total():,} in all: {listed}")
    if "--write-cpu" in arguments:
        if failed or not (whole and by_file):
            print("CPU minutes are written after a whole run that passed only: nothing was written")
            return 1
        cpu_minutes.write(CPU_MINUTES, by_file | {cpu_minutes.TOTAL: total})
    print(f"\n{counts['passed']} passed, {max(counts['failed'], failed)} failed, {counts['skipped']} skipped")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
