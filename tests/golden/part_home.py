"""A home that an older service made: which of its recorded answers still hold, and whether its log is whole."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "helpers"))
import golden_home

from ecomlib.errors import EcomlibError


def part(seed: int) -> dict[str, pd.DataFrame]:
    """Open a copy of the home; a refusal counts as one fault unless it says "train again"."""
    noted = json.loads(golden_home.ANSWERS.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        home = golden_home.unpack(Path(folder) / "home")
        before = golden_home.hashes(home)
        served = 1.0
        try:
            said = golden_home.answers(home)
            exact = noted["machine"] == golden_home.machine()
            faults = golden_home.differences(noted["version"]["1"], said, exact)
        except EcomlibError as error:
            served, faults = 0.0, [] if "train again" in str(error) else [str(error)]
        after = golden_home.hashes(home)
        row = {
            "served": served,
            "answers that differ": float(len(faults)),
            "events in the log": float(len(golden_home.logged(home))),
            "files lost or changed": float(sum(after.get(name) != digest for name, digest in before.items())),
        }
    return {"home of 2026-11-28": pd.DataFrame([row], index=["version 1"])}
