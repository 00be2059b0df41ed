"""Recorded runs carry their card; a card that does not belong is refused."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ecomlib import recorded as rec
from ecomlib.errors import DataError

ROOT = Path(__file__).resolve().parents[2]
FROM_THE_TRIAL = ("commit", "date", "machine", "versions")


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame({"model": ["naive", "gru"], "wape": [0.85, 0.6]})


def record(frame: pd.DataFrame, folder: Path, **options: object) -> Path:
    keywords = {"script": __file__, "command": "python x.py --out /some/where", "protocol": "P", "seconds": 1.5}
    return rec.write("trial", frame, directory=folder, **(keywords | options))  # type: ignore[arg-type]


def test_round_trip_with_card(frame: pd.DataFrame, tmp_path: Path) -> None:
    other = Path(rec.__file__)
    record(frame, tmp_path, facts={"best": "gru"}, also=[other])
    back = rec.recorded("trial", directory=tmp_path)
    pd.testing.assert_frame_equal(pd.DataFrame(back), frame)
    card = back.attrs["card"]
    assert card["script"] == "tests/recorded/test_recorded.py"
    assert card["script_sha256"] == hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    assert card["also_sha256"] == {"ecomlib/recorded/__init__.py": hashlib.sha256(other.read_bytes()).hexdigest()}
    assert card["command"] == "python x.py --out DIR"  # no folder of the machine that ran it
    assert card["rows"] == 2 and card["seconds"] == 1.5 and card["facts"] == {"best": "gru"}
    assert {"python", "numpy", "pandas"} <= set(card["versions"])
    assert not any("+" in number for number in card["versions"].values())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["trial.json", "trial.parquet"]
    assert rec.names(tmp_path) == ["trial"]


def test_line_stands_under_the_table_and_under_its_rows(frame: pd.DataFrame, tmp_path: Path) -> None:
    record(frame, tmp_path)
    back = rec.recorded("trial", directory=tmp_path)
    line = rec.caption(back)
    assert line.startswith("recorded 20") and line.endswith("in 2 s (P).") and rec.machine() in line
    assert repr(back).endswith(line) and line in back._repr_html_()
    assert repr(back[back["wape"] < 0.7]).endswith(line)
    assert rec.caption(frame) == ""
    record(frame, tmp_path, smoke=True)
    assert rec.caption(rec.recorded("trial", directory=tmp_path)).startswith("Trial run")


def test_trial_runs_stay_out_of_the_package(frame: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="not a result"):
        rec.write("trial", frame, script=__file__, command="x", protocol="P", seconds=1, smoke=True)


def test_too_large_a_table_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    large = pd.DataFrame({"x": np.random.default_rng(0).normal(size=60_000)})
    with pytest.raises(DataError, match="300 kB"):
        record(large, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_table_without_its_own_card_is_refused(frame: pd.DataFrame, tmp_path: Path) -> None:
    table = record(frame, tmp_path)
    card = (tmp_path / "trial.json").read_text()
    record(frame.assign(wape=0.1), tmp_path)
    (tmp_path / "trial.json").write_text(card)  # as if the run had been killed between its two files
    with pytest.raises(DataError, match="not the one its card describes"):
        rec.recorded("trial", directory=tmp_path)
    table.unlink()
    with pytest.raises(DataError, match="no such run is recorded"):
        rec.recorded("trial", directory=tmp_path)


def test_a_failed_write_leaves_the_old_table(
    frame: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(frame, tmp_path)

    def broken(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("ecomlib.files.os.replace", broken)
    with pytest.raises(OSError, match="disk full"):
        record(frame.assign(wape=0.0), tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["trial.json", "trial.parquet"]
    pd.testing.assert_frame_equal(pd.DataFrame(rec.recorded("trial", directory=tmp_path)), frame)


@pytest.mark.parametrize("name", rec.names() or [pytest.param("", marks=pytest.mark.skip("nothing is recorded yet"))])
def test_every_card_in_the_package_is_whole(name: str) -> None:
    back = rec.recorded(name)  # itself refuses a table that is not the card's
    card = back.attrs["card"]
    assert (ROOT / card["script"]).is_file() and card["script"].startswith("benchmarks/")
    module = card["script"].removesuffix(".py").replace("/", ".")
    assert card["command"].startswith(f"python -m {module}")
    assert not card["smoke"] and card["rows"] == len(back)
    assert set(card["fingerprint"]) == {"sha256", "measured", "measured_rows", *FROM_THE_TRIAL, "stale_since"}
    assert set(card["fingerprint"]["measured"]) <= set(back.columns)
    assert (rec.FOLDER / f"{name}.parquet").stat().st_size <= rec.MOST_BYTES
    assert not any(mark in json.dumps(card) for mark in ("/tmp", "/work", "/root", "/home", "+" + "cpu"))
    if "forecasts" in name or {"unique_id", "ds"} <= set(back.columns):
        assert "y" not in back.columns, "recorded forecasts of real shops never hold the shop's sales"
