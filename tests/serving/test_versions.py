"""Versions on disk: whole, checked, promoted, rolled back; processes that are killed or race."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ecomlib.errors import DataError
from ecomlib.serving.release.versions import Registry


def write(text: str):  # type: ignore[no-untyped-def]
    def into(folder: Path) -> dict[str, str]:
        (folder / "model.onnx").write_text(text)
        (folder / "more").mkdir()
        (folder / "more" / "shop.csv").write_text(text * 3)
        return {"data": text}

    return into


def test_published_promoted_rolled_back(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "models")
    assert registry.versions() == [] and registry.current() is None
    with pytest.raises(DataError, match="no version is in force"):
        registry.open()
    for text in "abc":
        version = registry.publish(write(text))
        registry.promote(version.number, f"trained on {text}")
    assert registry.versions() == [1, 2, 3] and registry.open().number == 3
    assert registry.open().card["notes"] == {"data": "c"}
    assert set(registry.open().card["files"]) == {"model.onnx", "more/shop.csv"}
    assert registry.roll_back("errors rose").version == 2
    assert registry.roll_back("still").version == 1, "twice goes back twice"
    with pytest.raises(DataError, match="no earlier version"):
        registry.roll_back("again")
    registry.promote(3, "mended")
    assert registry.roll_back("no").version == 1
    assert [p.version for p in registry.history()] == [1, 2, 3, 2, 1, 3, 1]


def test_a_failed_author_leaves_nothing(tmp_path: Path) -> None:
    registry = Registry(tmp_path)

    def fail(folder: Path) -> None:
        (folder / "half").write_text("x")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        registry.publish(fail)
    with pytest.raises(DataError, match="at least one file"):
        registry.publish(lambda folder: None)
    assert registry.versions() == [] and list((tmp_path / "versions").iterdir()) == []


def test_changed_files_are_noticed(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    first = registry.publish(write("a"))
    (first.path / "model.onnx").write_text("b")
    with pytest.raises(DataError, match="was changed after it was published"):
        registry.promote(1, "?")
    (first.path / "card.json").write_text("{")
    with pytest.raises(DataError, match="cannot be read"):
        registry.open(1)
    with pytest.raises(DataError, match="no such version"):
        registry.open(7)
    assert registry.current() is None


LOOP = """
import sys
from pathlib import Path
from ecomlib.serving.release.versions import Registry
registry = Registry(sys.argv[1])
def write(folder):
    for k in range(20):
        (folder / f"part{k}").write_bytes(b"x" * 20_000)
print("ready", flush=True)
while True:
    registry.promote(registry.publish(write).number, "next")
"""


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is a POSIX signal")
def test_kill_9_at_random_moments_and_two_at_once(tmp_path: Path) -> None:
    script, home = tmp_path / "loop.py", tmp_path / "models"
    script.write_text(LOOP)
    rng = np.random.default_rng(0)
    seen = 0
    for _ in range(4):
        pair = [
            subprocess.Popen([sys.executable, str(script), str(home)], stdout=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        for process in pair:
            assert process.stdout is not None and process.stdout.readline().strip() == "ready"
        time.sleep(float(rng.uniform(0.05, 0.4)))
        for process in pair:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        registry = Registry(home)
        versions, history = registry.versions(), registry.history()
        assert versions == list(range(1, len(versions) + 1)), "no number twice, none lost"
        assert [p.number for p in history] == list(range(1, len(history) + 1))
        for number in versions:
            assert len(registry.open(number).card["files"]) == 20
        if history:
            assert registry.open().number == history[-1].version
        assert len(versions) >= seen
        seen = len(versions)
    assert seen > 4
    for orphan in [*(home / "versions").rglob("*"), *(home / "versions").glob(".*.part")]:
        os.utime(orphan, (0, 0))
    Registry(home).publish(lambda folder: (folder / "a").write_text("a") and None)
    assert not list((home / "versions").glob(".*.part")), "what the killed left is swept away"


def test_promotions_are_plain_json(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    registry.publish(write("ü"))
    registry.promote(1, "Grüße")
    kept = json.loads(next((tmp_path / "promotions").glob("*.json")).read_text(encoding="utf-8"))
    assert kept["version"] == 1 and kept["why"] == "Grüße" and kept["at"].endswith("+00:00")
