"""One registry of stores: what is registered is known to every loader, command and message, and nothing else is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ecomlib import load_store
from ecomlib.cli.main import app
from ecomlib.course.running.results import RECORDED, RunSettings, second_part_names
from ecomlib.course.running.run import insist_on_store
from ecomlib.errors import DataError
from ecomlib.stores import registry
from ecomlib.stores.published.download import catalogue

BAKERY = """
import pandas as pd

from ecomlib.stores import Store


def load():
    orders = {"order_id": "O1", "product_id": "P1", "ordered_at": "2024-01-02", "quantity": 2, "unit_price": 3.5}
    products = pd.DataFrame({"product_id": ["P1"], "title": ["Rye bread"]})
    return Store("bakery", products, pd.DataFrame([orders]).assign(ordered_at=pd.Timestamp("2024-01-02")))
"""


def invoke(*words: str) -> Any:
    return CliRunner().invoke(app, list(words), env={"COLUMNS": "400"})


@pytest.fixture
def bakery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> registry.StoreEntry:
    """A store in a file of its own, and its line in the registry."""
    (tmp_path / "bakery_shop.py").write_text(BAKERY, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    entry = registry.StoreEntry("bakery", "sample", "Bread and rolls", "bakery_shop:load")
    monkeypatch.setattr(registry, "STORES", (*registry.STORES, entry))
    return entry


def test_a_registered_store_is_known_everywhere(bakery: registry.StoreEntry, monkeypatch: pytest.MonkeyPatch) -> None:
    store = load_store("bakery")
    assert store.name == "bakery" and store.products["title"].tolist() == ["Rye bread"]
    assert RunSettings(store="bakery").parameters() == {"STORE": "bakery"}
    insist_on_store("bakery")
    assert "bakery" in invoke("run", "--help").output
    assert "bakery" in invoke("train", "--help").output
    listed = next(line for line in invoke("data", "list").stdout.splitlines() if "bakery" in line)
    assert listed.startswith("✓ bakery") and "Bread and rolls (comes with the package)" in listed
    asked: list[str] = []

    def read(source: dict[str, Any]) -> None:
        asked.append(source["store"])
        raise DataError("stop here")

    monkeypatch.setattr("ecomlib.serving.live.replay.store_of", read)
    assert invoke("train", "--store", "bakery", "--home", "home").exit_code == 1
    assert asked == ["bakery"]


def test_each_message_recommends_what_its_command_accepts(bakery: registry.StoreEntry) -> None:
    with pytest.raises(DataError, match=", ".join(registry.names())):
        load_store("bakry")
    with pytest.raises(DataError, match=", ".join(second_part_names())):
        RunSettings(store="bakry").parameters()
    done = invoke("train", "--store", "bakry", "--home", "home")
    assert done.exit_code == 1 and ", ".join(registry.names("train")) in done.stderr and "'bakry'" in done.stderr
    for name in registry.names("train"):
        assert registry.resolve(name, "train") == name
    for name in second_part_names():
        assert RunSettings(store=name).parameters() == {"STORE": name}


def test_a_store_serves_for_what_its_line_says_and_no_more(
    bakery: registry.StoreEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "STORES", (*registry.STORES[:-1], replace(bakery, uses=("train",))))
    with pytest.raises(DataError, match=r"cannot be used to run \(found 'bakery'\)"):
        RunSettings(store="bakery").parameters()
    assert "bakery" not in second_part_names() and "bakery" in registry.names("train")
    monkeypatch.setattr(registry, "STORES", (*registry.STORES[:-1], replace(bakery, uses=("run",))))
    with pytest.raises(DataError, match="this store cannot be used to train") as caught:
        registry.resolve("bakery", "train")
    assert "bakery" not in str(caught.value.remedy)
    done = invoke("train", "--store", "bakery", "--home", "home")
    assert done.exit_code == 1 and "cannot be used to train" in done.stderr


def test_the_recorded_run_is_no_store() -> None:
    assert RECORDED in second_part_names() and RECORDED not in registry.names()
    insist_on_store(RECORDED)
    with pytest.raises(DataError, match="neither the name of a store nor a folder"):
        load_store(RECORDED)
    assert len(registry.names("record")) == 1, "the second parts are recorded on one store"


def test_names_are_unique_and_published_stores_are_in_the_catalogue() -> None:
    assert len(set(registry.names())) == len(registry.STORES)
    published = {store.name for store in registry.STORES if store.kind == "published"}
    assert published and published <= set(catalogue())
    assert not set(catalogue()) & {store.name for store in registry.STORES if store.kind != "published"}


def test_a_bare_name_is_the_store_and_a_dotted_path_the_folder(bakery: registry.StoreEntry, tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    assert registry.resolve("tiny") == "tiny"
    assert registry.resolve("./tiny") == str((tmp_path / "tiny").resolve())
