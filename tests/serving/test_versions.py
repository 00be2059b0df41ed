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


def test_who_promoted_it_and_the_cards_hash_are_kept(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    version = registry.publish(write("a"))
    made = registry.promote(1, "why")
    assert "@" in made.who and registry.history() == [made]
    card = version.path / "card.json"
    text = card.read_text(encoding="utf-8")
    card.write_text(text.replace('"data": "a"', '"data": "better"'), encoding="utf-8")
    for again in (registry.open, lambda: registry.promote(1, "again")):
        with pytest.raises(DataError, match=r"changed after it was published.*card\.json"):
            again()
    card.write_text(text, encoding="utf-8")
    assert registry.open().card["notes"] == {"data": "a"}


@pytest.mark.parametrize("files", [{}, {"more/shop.csv": None}, [], None, "model.onnx"])
def test_a_card_cannot_forget_a_file(tmp_path: Path, files: object) -> None:
    """Also before anybody promoted it; hidden files, which some systems put into folders, are no part of it."""
    registry = Registry(tmp_path)
    version = registry.publish(write("a"))
    (version.path / ".DS_Store").write_text("x")
    assert registry.open(1).number == 1
    card = json.loads((version.path / "card.json").read_text(encoding="utf-8"))
    if isinstance(files, dict):
        files = {name: card["files"][name] for name in files}
    (version.path / "card.json").write_text(json.dumps({**card, "files": files}), encoding="utf-8")
    with pytest.raises(DataError, match=r"changed after it was published|cannot be read"):
        registry.open(1)


DAMAGED = ["", "{", "[]", "null", '{"version": 1}', '{"version": "1", "at": "x", "why": "y"}', "\x00" * 50, "\udcff"]


@pytest.mark.parametrize("content", DAMAGED)
def test_a_promotion_that_cannot_be_read_is_passed_over_by_name(
    tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    registry = Registry(tmp_path)
    for text in "ab":
        registry.promote(registry.publish(write(text)).number, text)
    (tmp_path / "promotions" / "000003.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    assert [p.number for p in registry.history()] == [1, 2] and registry.open().number == 2
    registry.history()
    assert caplog.text.count("promotions/000003.json cannot be read and is passed over") == 1
    assert registry.promote(1, "goes on").number == 4, "the name is taken"
    assert registry.current().version == 1  # type: ignore[union-attr]


def test_a_promotion_of_a_later_ecomlib_counts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    registry = Registry(tmp_path)
    registry.publish(write("a"))
    registry.promote(1, "now")
    path = tmp_path / "promotions" / "000001.json"
    held = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**held, "approved_by": "two"}), encoding="utf-8")
    assert registry.open().number == 1 and "does not know: approved_by" in caplog.text
    old = {name: held[name] for name in ("number", "version", "at", "why")}
    path.write_text(json.dumps(old), encoding="utf-8")
    assert registry.current().who == "" and registry.open().number == 1  # type: ignore[union-attr]


def test_a_promotion_that_cannot_be_opened_for_the_moment_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Out of file handles, a server must not go back to an older version."""
    registry = Registry(tmp_path)
    for text in "ab":
        registry.promote(registry.publish(write(text)).number, text)
    plain = Path.read_text

    def few(path: Path, *given: object, **more: object) -> str:
        if path.name == "000002.json":
            raise OSError(24, "Too many open files")
        return plain(path, *given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "read_text", few)
    with pytest.raises(OSError, match="Too many open files"):
        registry.current()
