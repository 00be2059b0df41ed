"""How the home in tests/golden/home was made, on 2026-11-28, by the service as it was before the house was opened.

    python tests/golden/make_home.py NEW_FOLDER

It made ``home.zip`` (the home folder), ``events.json`` (the log's rows) and ``answers.json`` (what the service said).
**Do not run it to make a test green.** The committed home stands for the homes that people have: it is what a later
version must open, or refuse with the advice to train again, without losing anything. A home made by later code proves
nothing about that. So the command writes to a new folder only, never over the record. Whoever changes the format of a
home commits one more home beside this one.

Tiny simulated store, seed 0, four weeks held out, no text encoder. Version 1 (seed 0) and version 2 (seed 1); 1 was put
in force, then 2, then 1 again by a roll-back. Then 100 events of the held-out weeks, 80 orders and 20 deliveries evenly
over their time, in four batches through ``POST /events``.
"""

from __future__ import annotations

import json
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "helpers"))

import golden_home
import numpy as np
from fastapi.testclient import TestClient

from ecomlib.serving.live.app import create_app
from ecomlib.serving.live.replay import held_out, store_of
from ecomlib.serving.release.bundle import open_bundle, registry
from ecomlib.serving.release.train import ReleaseSettings, train

SOURCE = {"store": "simulated", "size": "tiny", "seed": 0}
WHY = ("the first version", "trained with another seed", "the buyer trusts the first one more")


def evenly(rows: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """Choose ``count`` rows at even steps."""
    return [rows[k] for k in np.linspace(0, len(rows) - 1, count).round().astype(int)]


def make(home: Path) -> None:
    """Train, promote, roll back, and post the events."""
    store = store_of(SOURCE)
    for seed in (0, 1):
        plan = ReleaseSettings(hold_out=4, epochs=4, seed=seed, text=False, model="gru")
        train(store, home, plan, source=SOURCE, say=print)
    versions = registry(home)
    versions.promote(1, WHY[0])
    versions.promote(2, WHY[1])
    versions.roll_back(WHY[2])
    came = held_out(store, open_bundle(home).cutoff)
    chosen = [
        *evenly([event for event in came if event["kind"] == "order"], 80),
        *evenly([event for event in came if event["kind"] == "delivery"], 20),
    ]
    chosen.sort(key=lambda event: (event["ordered_at"], event["event_key"]))
    with TestClient(create_app(home)) as client:
        for start in range(0, 100, 25):
            answer = client.post("/events", json={"events": chosen[start : start + 25]})
            assert answer.json() == {"received": 25, "new": 25, "late": 0}, answer.text


def main(target: Path) -> None:
    """Make the three files in ``target``, which must not exist."""
    target.mkdir(parents=True)  # fails where it exists: nothing is ever written over
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        make(home)
        with zipfile.ZipFile(target / golden_home.HOME.name, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for path in sorted(path for path in home.rglob("*") if path.is_file()):
                archive.write(path, path.relative_to(home).as_posix())
        rows = golden_home.logged(home)
        text = json.dumps({"columns": golden_home.COLUMNS, "rows": rows}, ensure_ascii=False, indent=0)
        (target / golden_home.EVENTS.name).write_text(text + "\n", encoding="utf-8")
        answers: dict[str, Any] = {"machine": golden_home.machine(), "version": {}}
        for number in (1, 2):
            copied = golden_home.copy(home, Path(folder) / f"copy {number}")
            if number == 2:
                registry(copied).promote(2, "to be asked")
            said = golden_home.answers(copied)
            if number == 2:
                del said["versions"]["promotions"]  # the last one has today's date
            answers["version"][str(number)] = said
        text = json.dumps(answers, ensure_ascii=False, separators=(",", ":")).replace('},"', '},\n"')
        (target / golden_home.ANSWERS.name).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
