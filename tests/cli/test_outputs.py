"""Where a command cannot write, it says so in a sentence with the path, before it works for an hour."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner
from weekly_shop import weekly_shop

from ecomlib.cli.main import app
from ecomlib.cli.outputs import check_file, check_folder, sentence, write_table
from ecomlib.cli.plainly import plainly
from ecomlib.errors import DataError
from ecomlib.files import whole_file

FOLDER_NEEDED = "'taken': a file stands where a folder is needed. What to do: name another place, or move the file.\n"


def invoke(*words: str) -> Any:
    return CliRunner().invoke(app, list(words))


@pytest.fixture
def taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file called ``taken`` in the current folder."""
    monkeypatch.chdir(tmp_path)
    Path("taken").write_text("mine", encoding="utf-8")
    return Path("taken")


@pytest.mark.parametrize("below", ["", "/below"])
@pytest.mark.parametrize(
    "words",
    [
        "forecast --store tiny --model window_mean --out x.csv --save taken{}",
        "forecast --out taken{}/x.csv",
        "backtest --store tiny --models window_mean --out taken{}/x.parquet",
        "train --store tiny --home taken{}",
        "promote 1 --home taken{}",
        "rollback --why slow --home taken{}",
        "run 00 --size tiny --out taken{}",
        "workshop build --out taken{}",
    ],
)
def test_a_file_in_the_way_is_named_before_anything_is_done(taken: Path, words: str, below: str) -> None:
    done = invoke(*words.format(below).split())
    assert done.exit_code == 1 and done.stdout == "" and isinstance(done.exception, SystemExit)
    assert done.stderr.replace(f"{taken.absolute()}", "taken") == f"ecomlib: {FOLDER_NEEDED}"
    assert taken.read_text(encoding="utf-8") == "mine" and os.listdir() == ["taken"]


@pytest.mark.parametrize("words", ["forecast --out {}", "backtest --store tiny --models window_mean --out {}"])
def test_the_ending_says_what_kind_of_file_is_written(taken: Path, words: str) -> None:
    for name in ("x.xlsx", "x", "x.csv.gz"):
        done = invoke(*words.format(name).split())
        assert done.exit_code == 1 and "end its name in .csv or .parquet" in done.stderr, done.output
        assert not Path(name).exists()
    Path("here.csv").mkdir()
    done = invoke(*words.format("here.csv").split())
    assert "'here.csv': this is a folder, and a file is needed" in done.stderr
    assert "'.': this is a folder" in invoke(*words.format(".").split()).stderr


def test_a_page_into_the_folder_itself_is_refused_in_a_sentence(taken: Path) -> None:
    with pytest.raises(IsADirectoryError), whole_file("."):
        pass
    weekly_shop(np.full((1, 3), 7)).products.to_csv("products.csv", index=False)
    done = invoke("data", "check", ".", "--html", ".")
    assert done.exit_code == 1 and "'.': this is a folder, and a file is needed" in done.stderr


def test_csv_and_parquet_are_written_by_their_ending(tmp_path: Path) -> None:
    table = pd.DataFrame({"product_id": ["07"], "units": [2.5]})
    for name in ("a.csv", "b.CSV"):
        write_table(tmp_path / "new" / name, table)
        assert (tmp_path / "new" / name).read_bytes() == b"product_id,units\n07,2.5\n"
    for name in ("a.parquet", "b.pq"):
        write_table(tmp_path / "new" / name, table)
        assert pd.read_parquet(tmp_path / "new" / name).equals(table)


def test_a_place_that_may_not_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)  # root may write everywhere
    with pytest.raises(DataError, match=r"may not be read or written.*name another place"):
        check_folder(tmp_path / "a" / "b")
    with pytest.raises(DataError, match="may not be read or written"):
        check_file(tmp_path / "x.csv")
    assert not (tmp_path / "a").exists(), "a look makes nothing"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left", "/d/.x.csv.12-0123456789ab.part.csv"), "'/d': the disk is full"),
        (PermissionError(errno.EACCES, "Permission denied", "/d/x"), "'/d/x': it may not be read or written"),
        (OSError(errno.EROFS, "Read-only file system", b"/d/x"), "'/d/x': it may not be read or written"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "/q/x"), "'/q/x': there is no such place"),
        (OSError("the line is dead"), "the line is dead"),
        (OSError(errno.EIO, "Input/output error", 3), "Input/output error"),
    ],
)
def test_what_the_system_refuses_on_the_way_is_a_sentence(error: OSError, said: str, capsys: Any) -> None:
    def fails() -> None:
        raise error

    assert sentence(error).startswith(said)
    with pytest.raises(typer.Exit) as left:
        plainly(fails)()
    assert left.value.exit_code == 1 and capsys.readouterr().err.startswith(f"ecomlib: {said}")


def test_a_reader_that_has_gone_is_left_to_click() -> None:
    def fails() -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        plainly(fails)()


def test_every_command_speaks_plainly() -> None:
    """One that is registered without ``plainly`` would show its user a traceback."""

    def commands(group: typer.Typer) -> list[Any]:
        parts = [part.typer_instance for part in group.registered_groups if part.typer_instance]
        return [c.callback for c in group.registered_commands] + [c for part in parts for c in commands(part)]

    found = commands(app)
    assert len(found) > 12
    for command in found:
        assert command.__code__.co_name == "wrapped" and "stopped" in command.__code__.co_freevars, command
