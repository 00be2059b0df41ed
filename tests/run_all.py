"""Every test of the project in one pool of two workers, with a table of what took how long. `make test` runs it.

    python tests/run_all.py            # everything
    python tests/run_all.py nbval      # one stage or several: style, package, papermill, nbval

One pool, so that neither core waits for the other's last test: the workers take lessons first, then what is slow, then
the rest (tests/conftest.py says in which order). A failure hides nothing; the exit code is 1 if anything failed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
# Files stay whole on one worker, so that what a file makes once (a small store, say) is made once.
PYTEST = [PYTHON, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile"]
NBVAL = ["--nbval-lax", "--nbval-cell-timeout=600"]
LESSONS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "notebooks").glob("*.ipynb"))
KERNELS = ["tests/test_lessons_papermill.py", "tests/test_second_parts.py"]
STYLE = [
    [PYTHON, "-m", "ruff", "check", "."],
    [PYTHON, "-m", "ruff", "format", "--check", "."],
    [PYTHON, "-m", "mypy"],
]

STAGES: dict[str, list[list[str]]] = {
    "style": STYLE,
    "package": [[*PYTEST, "tests", *(f"--ignore={file}" for file in [*KERNELS, "tests/test_style.py"])]],
    "papermill": [[*PYTEST, *KERNELS]],
    "nbval": [[*PYTEST, *NBVAL, *LESSONS]],
    "all tests": [[*PYTEST, *NBVAL, *LESSONS, "tests"]],
}


def run_stage(name: str) -> tuple[bool, str, float]:
    """Run one stage; returns (passed, closing line, seconds)."""
    started, passed, closing = time.monotonic(), True, ""
    for command in STAGES[name]:
        print(f"\n== {name}: {' '.join(command[1:6])}{' …' if len(command) > 6 else ''}", flush=True)
        with subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                print(line, end="", flush=True)
                if re.search(r"\d+ (passed|failed|error|skipped)|no tests ran|Success|All checks|files? ", line):
                    closing = line.strip().strip("= ")
        passed &= process.returncode == 0
    return passed, closing, time.monotonic() - started


def main(names: list[str]) -> int:
    os.environ.setdefault("MPLBACKEND", "agg")
    rows = (
        [("set-up", True, "", float((ROOT / ".venv/.seconds").read_text()))]
        if (ROOT / ".venv/.seconds").exists()
        else []
    )
    for name in names or ["all tests"]:
        rows.append((name, *run_stage(name)))
    print(f"\n{'stage':<12}{'minutes':>8}  result")
    for name, passed, closing, seconds in rows:
        print(f"{name:<12}{seconds / 60:>8.1f}  {'ok' if passed else 'FAILED'}  {closing}")
    print(f"{'all':<12}{sum(row[3] for row in rows) / 60:>8.1f}")
    counts = {
        word: sum(int(n) for row in rows for n in re.findall(rf"(\d+) {word}", row[2]))
        for word in ("passed", "failed", "skipped")
    }
    failed = sum(not row[1] for row in rows)
    print(f"\n{counts['passed']} passed, {max(counts['failed'], failed)} failed, {counts['skipped']} skipped")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
