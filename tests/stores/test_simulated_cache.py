"""A simulated store is made once, whole or not at all, whoever else makes it and whoever is killed meanwhile."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ecomlib.stores import load_store
from ecomlib.stores.simulated import cache as cache_module
from ecomlib.stores.simulated import make_store, settings_for
from ecomlib.stores.simulated.tiny import DATA, SEED, make_tiny, write_tiny
from ecomlib.stores.store import Store

posix = pytest.mark.skipif(os.name != "posix", reason="kill -9 is a POSIX signal")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache; the folder in which simulated stores will lie."""
    monkeypatch.setenv("ECOMLIB_CACHE_DIR", str(tmp_path))
    return tmp_path / "simulated"


def folders(home: Path) -> list[Path]:
    return sorted(path for path in home.iterdir() if path.is_dir())


def same(one: Store, other: Store) -> None:
    for (table, frame), (name, twin) in zip(one.tables(), other.tables(), strict=True):
        assert table == name
        pd.testing.assert_frame_equal(frame, twin, obj=table)
    assert (one.name, one.currency, dict(one.notes)) == (other.name, other.currency, dict(other.notes))
    if one.truth is None:
        assert other.truth is None
        return
    for field in one.truth.__dataclass_fields__:
        mine, theirs = getattr(one.truth, field), getattr(other.truth, field)
        if isinstance(mine, pd.DataFrame):
            pd.testing.assert_frame_equal(mine, theirs, obj=field)
        elif field == "law":
            np.testing.assert_array_equal(mine.transition, theirs.transition)
            np.testing.assert_array_equal(mine.innovation, theirs.innovation)
            assert mine.turn == theirs.turn
        elif field == "settings":
            assert mine == theirs
        else:
            np.testing.assert_array_equal(np.asarray(mine), np.asarray(theirs), err_msg=field)
            assert np.asarray(mine).dtype == np.asarray(theirs).dtype, field


@pytest.mark.parametrize("misspecified", [False, True])
def test_what_is_read_is_what_was_made(home: Path, misspecified: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_store("tiny", 3, misspecified=misspecified)
    monkeypatch.setattr("ecomlib.stores.simulated.assemble.assemble", None)  # to make it again would fail
    same(made, make_store("tiny", 3, misspecified=misspecified))
    assert len(folders(home)) == 1
    files = {path.suffix for path in folders(home)[0].iterdir()}
    assert files == {".parquet", ".npy", ".json"}, "no pickles"


def test_each_store_has_a_place_of_its_own(home: Path) -> None:
    settings = settings_for("tiny")
    stores = [
        make_store("tiny", 0),
        make_store("tiny", 1),
        make_store("tiny", 0, misspecified=True),
        make_store("tiny", 0, settings=replace(settings, rollout_effect=0.3)),
        make_store("tiny", 0, settings=replace(settings, rollout_effect=0.5)),
    ]
    assert len(folders(home)) == len(stores)
    assert len({store.truth.demand.tobytes() for store in stores}) == len(stores)
    make_store("tiny", 0, settings=settings)
    assert len(folders(home)) == len(stores), "the usual settings are the usual store"


def test_another_source_makes_the_store_anew(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_store("tiny", 0)
    make_store("tiny", 1)
    before = folders(home)
    monkeypatch.setattr(cache_module.np, "__version__", "0.0")
    make_store("tiny", 0)
    after = folders(home)
    assert len(after) == 2 and before[1] in after and before[0] not in after, "the outdated one is swept away"


def test_source_is_part_of_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_for("tiny")
    for source in Path(cache_module.__file__).parent.glob("*.py"):
        (tmp_path / source.name).write_bytes(source.read_bytes())
    usual = cache_module.source_digits(settings)
    monkeypatch.setattr(cache_module, "__file__", str(tmp_path / "cache.py"))
    assert cache_module.source_digits(settings) == usual
    (tmp_path / "market.py").write_bytes((tmp_path / "market.py").read_bytes() + b"\n")
    assert cache_module.source_digits(settings) != usual


@pytest.mark.parametrize("victim", ["orders.parquet", "truth_demand.npy", "store.json", "inventory_sold.npy"])
@pytest.mark.parametrize("damage", ["cut", "empty", "gone"])
def test_a_damaged_store_is_made_anew(home: Path, victim: str, damage: str) -> None:
    made = make_store("tiny", 0)
    path = folders(home)[0] / victim
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] if damage == "cut" else b"")
    same(made, make_store("tiny", 0))
    assert path.stat().st_size > 100 and len(folders(home)) == 1


MAKE = "from ecomlib.stores.simulated import make_store; print(make_store('tiny', 0).truth.demand.sum())"
# Each child kills itself at another moment: while it makes the store, while it writes it, just before it renames it.
DIE = """
import os, signal, sys
import numpy as np
from ecomlib import files
from ecomlib.stores.simulated import assemble
kill = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)
moment = sys.argv[1]
if moment == 'making':
    assemble.run_market = kill
elif moment == 'writing':
    real, calls = np.save, []
    def save(*args, **kwargs):
        real(*args, **kwargs)
        calls.append(1)
        if len(calls) == 4:
            kill()
    np.save = save
elif moment == 'renaming':
    files.os.rename = kill
from ecomlib.stores.simulated import make_store
make_store('tiny', 0)
"""


def start(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@posix
@pytest.mark.parametrize("moment", ["making", "writing", "renaming"])
def test_kill_9_leaves_nothing_that_a_second_run_trips_over(home: Path, moment: str) -> None:
    killed = start(DIE, moment)
    _, complaint = killed.communicate(timeout=120)
    assert killed.returncode == -9, complaint
    assert all(path.name.startswith(".") for path in folders(home)), "nothing that looks like a store"
    assert len(folders(home)) == (moment != "making")
    store = make_store("tiny", 0)
    same(store, make_store("tiny", 0, cache=False))
    assert [path.name.startswith(".") for path in folders(home)] == [False], "the rest is swept away"


@posix
def test_three_processes_at_once_do_not_harm_each_other(home: Path) -> None:
    children = [start(MAKE) for _ in range(3)]
    answers = [child.communicate(timeout=240) for child in children]
    assert [child.returncode for child in children] == [0, 0, 0], answers
    units = {answer for answer, _ in answers}
    assert units == {f"{make_store('tiny', 0).truth.demand.sum()}\n"}
    assert len(folders(home)) == 1


def test_one_makes_while_the_other_waits(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waited at the lock reads what the other made instead of making it again."""
    made = make_store("tiny", 0)
    folder = folders(home)[0]
    asked: list[Path] = []
    real = cache_module._try_to_load

    def not_yet(path: Path) -> Store | None:
        asked.append(path)
        return None if len(asked) == 1 else real(path)

    monkeypatch.setattr(cache_module, "_try_to_load", not_yet)

    def make() -> Store:
        raise AssertionError("made twice")

    same(made, cache_module.cached(folder, make))
    assert len(asked) == 2


def test_the_package_s_tiny_store_is_what_the_generator_makes(tmp_path: Path) -> None:
    """Exactly under the numpy that made it; with another one only in its size and its units."""
    card = json.loads((DATA / "tiny.json").read_text())
    assert (card["size"], card["seed"]) == ("tiny", SEED)
    kept, made = load_store("tiny"), make_tiny()
    if card["numpy"] == np.__version__:
        for (table, frame), (_, twin) in zip(kept.tables(), made.tables(), strict=True):
            pd.testing.assert_frame_equal(frame, twin, obj=table)
    for (table, frame), (name, twin) in zip(kept.tables(), made.tables(), strict=True):
        assert table == name and list(frame.columns) == list(twin.columns)
        assert abs(len(frame) - len(twin)) <= 6 * np.sqrt(len(twin))
    assert kept.truth is None
    written = write_tiny(tmp_path)
    size = sum(path.stat().st_size for path in written.iterdir())
    assert size < 600_000, "package data: a few hundred kB"
    for path in sorted(written.glob("*.parquet")):
        pd.testing.assert_frame_equal(pd.read_parquet(path), getattr(made, path.stem), obj=path.stem)
