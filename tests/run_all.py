"""Every test of the project, stage by stage, with a table of what took how long. `make test` runs it.

Stages have processes of their own: papermill and nbval start kernels, which must not share a process with the package's
tests. A stage that fails does not hide the ones after it; the exit code is 1 if any failed.
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
PYTEST = [PYTHON, "-m", "pytest", "-q", "-n", "2"]
SLOW = ["tests/test_lessons_papermill.py", "tests/test_second_parts.py"]  # they start kernels
LESSONS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "notebooks").glob("*.ipynb"))

STAGES: dict[str, list[list[str]]] = {
    "style": [
        [PYTHON, "-m", "ruff", "check", "."],
        [PYTHON, "-m", "ruff", "format", "--check", "."],
        [PYTHON, "-m", "mypy"],
    ],
    # Files stay whole on one worker, so that what a file makes once (a small store, say) is made once.
    "package": [[*PYTEST, "--dist", "loadfile", "tests", *[word for file in SLOW for word in ("--ignore", file)]]],
    "papermill": [[*PYTEST, "--dist", "load", *SLOW]],
    # loadscope keeps a notebook's cells together and in order.
    "nbval": [[*PYTEST, "--dist", "loadscope", "--nbval-lax", "--nbval-cell-timeout=600", *LESSONS]],
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
    for name in names or list(STAGES):
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
