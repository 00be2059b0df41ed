"""Files and folders are written whole or not at all, whoever is killed, fails or writes at the same time."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ecomlib import files
from ecomlib.files import claim, draft_folder, put, sweep, whole_file, whole_folder, write_new, write_whole

posix = pytest.mark.skipif(os.name != "posix", reason="kill -9 is a POSIX signal")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def orphan(folder: Path, name: str = "x.txt", age: float = 7200.0, ending: str = ".part.txt") -> Path:
    path = folder / f".{name}.4711-0123456789ab{ending}"
    path.write_text("half")
    os.utime(path, (time.time() - age, time.time() - age))
    return path


@pytest.mark.parametrize("sync", [False, True])
def test_text_and_bytes_are_written_as_they_are(tmp_path: Path, sync: bool) -> None:
    path = tmp_path / "new" / "x.txt"
    assert write_whole(path, "Grüße\r\n", sync=sync) == path
    assert path.read_bytes() == "Grüße\r\n".encode()
    write_whole(str(path), b"\x00\xff", sync=sync)
    assert path.read_bytes() == b"\x00\xff" and names(path.parent) == ["x.txt"]


@posix
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_others_may_read_what_the_umask_lets_them(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        write_whole(tmp_path / "x", "a")
        write_new(tmp_path / "y", "a")
    finally:
        os.umask(before)
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in "xy"} == {mode}


def test_an_error_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    write_whole(tmp_path / "x.txt", "old")
    with pytest.raises(KeyboardInterrupt), whole_file(tmp_path / "x.txt") as part:
        assert part.suffix == ".txt" and part.parent == tmp_path
        part.write_text("half")
        raise KeyboardInterrupt
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "x.txt"):
        pass  # a library that wrote nothing
    with whole_file(tmp_path / "x.txt", optional=True):
        pass
    assert (tmp_path / "x.txt").read_text() == "old" and names(tmp_path) == ["x.txt"]


@posix
def test_a_full_disk_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    """A real failure of the system's own write: the process may write no more than 1,000 bytes to a file."""
    import resource

    write_whole(tmp_path / "x", "old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError) as caught:
            write_whole(tmp_path / "x", b"n" * 5000)
        with pytest.raises(OSError), whole_folder(tmp_path / "folder") as draft:
            (draft / "a").write_bytes(b"n" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert caught.value.errno == errno.EFBIG
    assert (tmp_path / "x").read_text() == "old" and names(tmp_path) == ["x"]


KILLED = """
import sys
from pathlib import Path
from ecomlib.files import whole_folder, write_whole
home = Path(sys.argv[1])
print("ready", flush=True)
for k in range(10**9):
    write_whole(home / "x", bytes([k % 256]) * 300_000)
    with whole_folder(home / f"{sys.argv[2]}{k}") as draft:
        for name in "abcde":
            (draft / name).write_bytes(b"x" * 10_000)
"""


@posix
def test_kill_9_leaves_the_old_content_or_the_new_and_two_writers_do_not_meet(tmp_path: Path) -> None:
    write_whole(tmp_path / "x", bytes([0]) * 300_000)
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    pair = [subprocess.Popen([*command, who], stdout=subprocess.PIPE) for who in ("one", "two")]
    for process in pair:
        assert process.stdout is not None and process.stdout.readline() == b"ready\n"
    limit = time.monotonic() + 0.7
    looked = 0
    while time.monotonic() < limit:  # a reader meets whole files only
        content = (tmp_path / "x").read_bytes()
        assert len(content) == 300_000 and len(set(content)) == 1
        looked += 1
    for process in pair:
        process.kill()
        process.communicate()
    assert looked > 5
    content = (tmp_path / "x").read_bytes()
    assert len(content) == 300_000 and len(set(content)) == 1
    made = [path for path in tmp_path.iterdir() if path.is_dir() and not path.name.startswith(".")]
    assert {path.name[:3] for path in made} == {"one", "two"}
    assert all(names(path) == list("abcde") for path in made), "a folder is there whole"
    sweep(tmp_path, older_than=0)
    assert set(names(tmp_path)) == {"x", *(path.name for path in made)}


def test_a_folder_appears_whole(tmp_path: Path) -> None:
    with whole_folder(tmp_path / "a" / "folder", sync=True) as draft:
        (draft / "in").mkdir()
        (draft / "in" / "x").write_text("x")
        assert not (tmp_path / "a" / "folder").exists()
    assert (tmp_path / "a" / "folder" / "in" / "x").read_text() == "x" and names(tmp_path / "a") == ["folder"]


def test_a_folder_that_holds_something_is_replaced_on_demand_only(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    path.mkdir()
    with whole_folder(path) as draft:  # an empty one is no loss
        (draft / "old").touch()
    with pytest.raises(FileExistsError, match="folder"), whole_folder(path) as draft:
        (draft / "new").touch()
    assert names(path) == ["old"]
    with pytest.raises(KeyError), whole_folder(path, overwrite=True) as draft:
        raise KeyError
    assert names(path) == ["old"]
    with whole_folder(path, overwrite=True) as draft:
        (draft / "new").touch()
    assert names(path) == ["new"] and names(tmp_path) == ["folder"]


def test_a_folder_that_cannot_take_its_place_gives_it_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with whole_folder(tmp_path / "folder") as draft:
        (draft / "old").touch()

    def fails(source: Path, target: Path) -> None:
        raise PermissionError(errno.EACCES, "no")

    monkeypatch.setattr(files.os, "rename", fails)
    with pytest.raises(PermissionError), whole_folder(tmp_path / "folder", overwrite=True) as draft:
        (draft / "new").touch()
    assert names(tmp_path) == ["folder"] and names(tmp_path / "folder") == ["old"]


def test_a_folder_moved_aside_is_kept_until_there_is_another(tmp_path: Path) -> None:
    """Killed between the two renames: the old folder lies aside, and is the only one there is."""
    aside = tmp_path / ".folder.4711-0123456789ab.old"
    aside.mkdir()
    os.utime(aside, (0, 0))
    write_whole(tmp_path / "x", "")
    sweep(tmp_path, older_than=0)
    assert aside.is_dir()
    with whole_folder(tmp_path / "folder", overwrite=True) as draft:
        (draft / "new").touch()
    assert not aside.exists()


def test_a_name_is_claimed_once(tmp_path: Path) -> None:
    assert write_new(tmp_path / "x", "first", sync=True).read_text() == "first"
    with pytest.raises(FileExistsError):
        write_new(tmp_path / "x", "second")
    with draft_folder(tmp_path / "any") as draft:
        (draft / "a").touch()
        with pytest.raises(FileExistsError):
            claim(draft, tmp_path / "x")
        claim(draft, tmp_path / "one", sync=True)
    with draft_folder(tmp_path / "any") as draft:
        (draft / "b").touch()
        with pytest.raises(FileExistsError):
            claim(draft, tmp_path / "one")
    assert names(tmp_path) == ["one", "x"] and names(tmp_path / "one") == ["a"]
    assert (tmp_path / "x").read_text() == "first"


def test_orphans_are_removed_by_age(tmp_path: Path) -> None:
    old, young, other = orphan(tmp_path), orphan(tmp_path, "y.txt", age=60), orphan(tmp_path, "z", ending=".part")
    mine = tmp_path / ".x.txt.part"  # somebody's own
    mine.touch()
    os.utime(mine, (0, 0))
    busy = tmp_path / ".folder.4711-0123456789ab.part"
    busy.mkdir()
    (busy / "a").touch()  # written just now, though the folder itself is old
    os.utime(busy, (0, 0))
    write_whole(tmp_path / "x.txt", "new")
    assert not old.exists() and not other.exists()
    assert young.exists() and mine.exists() and busy.exists()
    sweep(tmp_path, older_than=0, name="folder")
    assert not busy.exists() and young.exists()


def test_long_names_leave_room(tmp_path: Path) -> None:
    name = "ü" * 120 + ".parquet"
    write_whole(tmp_path / name, "x")
    assert names(tmp_path) == [name]


def test_windows_waits_until_a_reader_lets_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There, a file that somebody has open cannot be replaced; elsewhere the same error means what it says."""
    real, calls = os.replace, []

    def held(source: Path, target: Path) -> None:
        calls.append(target)
        if len(calls) < 3:
            raise PermissionError(errno.EACCES, "in use")
        real(source, target)

    (tmp_path / "new").write_text("new")
    monkeypatch.setattr(files.os, "replace", held)
    monkeypatch.setattr(files, "_WINDOWS", False)
    with pytest.raises(PermissionError):
        put(tmp_path / "new", tmp_path / "x")
    monkeypatch.setattr(files, "_WINDOWS", True)
    put(tmp_path / "new", tmp_path / "x", sync=True)
    assert names(tmp_path) == ["x"] and len(calls) == 3
    monkeypatch.setattr(files, "_TRIES", 2)
    calls.clear()
    with pytest.raises(PermissionError):
        put(tmp_path / "x", tmp_path / "y")
    assert names(tmp_path) == ["x"]


@posix
def test_what_is_promised_is_on_the_disk_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order counts: content, then the name, then the folder that holds the name."""
    order: list[str] = []
    real_sync, real_replace = os.fsync, os.replace

    def fsync(handle: int) -> None:
        order.append("folder" if os.path.isdir(f"/proc/self/fd/{handle}") else "content")
        real_sync(handle)

    def replace(source: Path, target: Path) -> None:
        order.append("name")
        real_replace(source, target)

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("this system does not say what a handle stands for")
    monkeypatch.setattr(files.os, "fsync", fsync)
    monkeypatch.setattr(files.os, "replace", replace)
    write_whole(tmp_path / "x", "a", sync=True)
    assert order == ["content", "name", "folder"]
    order.clear()
    write_whole(tmp_path / "x", "a")
    assert order == ["name"]
