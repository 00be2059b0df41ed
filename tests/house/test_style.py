"""The linters and the type checker find nothing. `make lint` runs the same commands without the rest."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from run_all import STYLE

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.parametrize("command", STYLE, ids=lambda words: " ".join(words[2:]))
def test_style(command: list[str]) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
