"""A version in force that cannot be served is a sentence, and the newest before it that can be serves in its place."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("httpx")
pytest.importorskip("onnx")
import onnx
from fastapi.testclient import TestClient
from serving_help import copy_home, event

from ecomlib.errors import DataError
from ecomlib.serving.live.app import create_app
from ecomlib.serving.release.bundle import open_serving, registry


def twin(home: Path) -> Path:
    """A second version like the first; returns its folder."""

    def write(folder: Path) -> dict[str, Any]:
        first = registry(home).open(1)
        shutil.copytree(first.path, folder, ignore=shutil.ignore_patterns("card.json"), dirs_exist_ok=True)
        return dict(first.card["notes"])

    return registry(home).publish(write).path


def swap(folder: Path, name: str, content: bytes) -> None:
    """Put another file in the place of one, and its checksum into the card, as somebody who wants to would."""
    (folder / name).write_bytes(content)
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    card["files"][name] = hashlib.sha256(content).hexdigest()
    (folder / "card.json").write_text(json.dumps(card), encoding="utf-8")


def other_network(name: str = "x") -> bytes:
    """A network that opens, and takes and gives something else."""
    made = onnx.helper
    number = onnx.TensorProto.FLOAT
    taken, given = (made.make_tensor_value_info(n, number, [2, 3]) for n in (name, "y"))
    graph = made.make_graph([made.make_node("Identity", [name], ["y"])], "g", [taken], [given])
    model = made.make_model(graph, opset_imports=[made.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return copy_home(tmp_path / "home")


def test_the_last_good_one_serves_and_says_so(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = twin(home)
    registry(home).promote(2, "to be broken")
    whole = (folder / "products.parquet").read_bytes()
    (folder / "products.parquet").write_bytes(whole[:-50])
    with TestClient(create_app(home)) as client:
        assert "version 0001 serves in the place of the one in force: version 0002 was changed" in caplog.text
        ready = client.get("/ready")
        assert ready.status_code == 200 and ready.json()["version"] == 1
        assert "version 0002 was changed" in ready.json()["trouble"]
        assert "ecomlib_trouble 1.0" in client.get("/metrics").text
        assert client.get("/versions").json()["in_force"] == 1
        assert client.post("/events", json=event("a")).json()["new"] == 1
        (folder / "products.parquet").write_bytes(whole)  # restored from a copy
        end = time.monotonic() + 20
        while client.get("/ready").json()["version"] == 1:
            assert time.monotonic() < end
            time.sleep(0.1)
        assert "trouble" not in client.get("/ready").json() and "ecomlib_trouble 0.0" in client.get("/metrics").text
        assert client.get("/overview").json()["events"] == 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.onnx", b"no network"),
        ("model.onnx", other_network()),
        ("products.parquet", b"PAR1 no table"),
        ("settings.json", b"[1, 2]"),
        ("settings.json", b"{}"),
        ("weeks.parquet", b""),
    ],
)
def test_a_file_that_was_swapped_with_its_checksum_is_a_sentence(home: Path, name: str, content: bytes) -> None:
    folder = home / "registry" / "versions" / "0001"
    swap(folder, name, content)
    for path in (home / "registry" / "promotions").iterdir():  # an older ecomlib's, without the card's hash
        held = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps({key: held[key] for key in ("number", "version", "at", "why")}), encoding="utf-8")
    with pytest.raises(DataError, match=r"version 0001|no network.*roll back"):
        create_app(home)
    with pytest.raises(DataError):
        create_app(home)  # and the database was let go


def test_what_was_rolled_back_from_is_the_last_resort(home: Path) -> None:
    for number in (2, 3):
        twin(home)
        registry(home).promote(number, "a test")
    registry(home).roll_back("3 was bad")
    assert open_serving(home)[0].number == 2
    shutil.rmtree(home / "registry" / "versions" / "0002")
    assert open_serving(home)[0].number == 1, "not 3, which somebody rolled back from"
    shutil.rmtree(home / "registry" / "versions" / "0001")
    version, _, promotion, why = open_serving(home)
    assert version.number == promotion.version == 3 and "no such version" in why
    shutil.rmtree(home / "registry" / "versions" / "0003")
    with pytest.raises(DataError, match=r"no such version.*2"):
        open_serving(home)
