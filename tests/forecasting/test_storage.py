"""What is saved and loaded forecasts the same to the last bit, names no code, and is there whole or not at all."""

from __future__ import annotations

import json
import os
import pkgutil
import re
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from quick_forecasters import QUICK, panel_of, products

from ecomlib.contract import REGISTERED, FittedForecaster, Forecaster, as_forecaster, register
from ecomlib.errors import DataError
from ecomlib.forecasting import forecaster, load, save
from ecomlib.forecasting.registry import FORECASTERS, names
from ecomlib.windowing import WindowSettings

# How each kind of file begins; a pickle, or a zip that may hold one, begins otherwise.
MAGIC = {".parquet": b"PAR1", ".json": b"{", ".txt": b"tree\n"}


@pytest.fixture(autouse=True)
def own_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a class that a test registers be forgotten after it."""
    kept = dict(REGISTERED)
    yield
    REGISTERED.clear()
    REGISTERED.update(kept)


def fitted(name: str) -> FittedForecaster:
    return QUICK[name]().fit(panel_of(name), 3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small saved average of trees and of an average."""
    return save(fitted("average"), tmp_path / "average")


def test_every_registered_name_is_tried_here() -> None:
    own = [name for name in names() if name not in REGISTERED]
    assert set(QUICK) == set(own) and len(own) == len(set(own))


@pytest.mark.parametrize("name", QUICK)
def test_what_comes_back_forecasts_the_same_to_the_last_bit(name: str, tmp_path: Path) -> None:
    before, panel = fitted(name), panel_of(name)
    after = load(save(before, tmp_path / "kept"))
    pd.testing.assert_frame_equal(after.forecast(panel), before.forecast(panel), check_exact=True)
    assert repr(after.forecaster) == repr(before.forecaster)
    assert (after.horizon, after.frequency, after.until) == (before.horizon, before.frequency, before.until)
    assert after.point == before.point and after.forecast(panel).attrs == before.forecast(panel).attrs
    again = load(save(after, tmp_path / "again"))  # and what was loaded can be saved
    pd.testing.assert_frame_equal(again.forecast(panel), before.forecast(panel), check_exact=True)


@pytest.mark.parametrize("name", QUICK)
def test_no_file_names_code_or_is_a_pickle(name: str, tmp_path: Path) -> None:
    files = [path for path in save(fitted(name), tmp_path / "kept").rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"card.json"}
    for path in files:
        content = path.read_bytes()
        if path.suffix == ".safetensors":
            length = int.from_bytes(content[:8], "little")
            assert isinstance(json.loads(content[8 : 8 + length]), dict)
        else:
            assert content.startswith(MAGIC[path.suffix]), path.name
        assert b"ecomlib." not in content and not re.search(rb"__\w+__|import |\bbuiltins\b", content), path.name
        if path.name == "card.json":
            assert json.loads(content)["forecaster"] in names()


def test_trees_lie_as_text_and_the_members_in_folders_of_their_own(folder: Path) -> None:
    inside = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    inner = os.path.join("member1", "member0")
    assert inside == sorted(
        ["card.json"]
        + [os.path.join("member0", f"forecast-q{q}.txt") for q in ("0.1", "0.5", "0.9")]
        + [os.path.join(place, "card.json") for place in ("member0", "member1", inner, inner.replace("0", "1"))]
    )


def test_a_class_of_ones_own_with_all_that_can_be_kept(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Shape:
        lags: tuple[int, ...] = (1,)
        window: WindowSettings | None = None

    @register
    @dataclass(frozen=True)
    class Chest(Forecaster):
        name: ClassVar[str] = "chest"
        point: ClassVar[str] = "mean"
        shape: Any = field(default_factory=WindowSettings)
        text: str = "plain"

        def learn(self, past: pd.DataFrame, horizon: int) -> dict[str, Any]:
            import torch

            means = past.groupby("unique_id")["y"].mean()
            return {
                "array": means.to_numpy(),
                "ids": np.array(means.index, dtype=object),
                "frame": means.reset_index(),
                "tensor": torch.arange(3),
                "long": "word " * 100,
                "short": "word",
                "number": np.float64(0.5),
                "nested": {"list": [1, 2]},
                "naive": forecaster("window_mean").fit(past, horizon),
            }

        def answer(self, learned: Any, past: pd.DataFrame, future: pd.DataFrame) -> Any:
            return future["unique_id"].map(dict(zip(learned["ids"], learned["array"], strict=True))) * learned["number"]

    before = Chest().fit(products(), 2)
    after = load(save(before, tmp_path / "chest"))
    pd.testing.assert_frame_equal(after.forecast(products()), before.forecast())
    pd.testing.assert_frame_equal(after.learned["frame"], before.learned["frame"])
    assert after.learned["tensor"].tolist() == [0, 1, 2] and after.learned["long"] == "word " * 100
    assert after.learned["nested"] == {"list": [1, 2]} and isinstance(after.learned["naive"], FittedForecaster)


def test_what_cannot_be_saved_is_refused(tmp_path: Path) -> None:
    panel, target = products(), tmp_path / "kept"

    def keeps(learned: Any, called: str = "keeper", registered: bool = True) -> FittedForecaster:
        class Keeper(Forecaster):
            name, point = called, "mean"

            def learn(self, past: pd.DataFrame, horizon: int) -> Any:
                return learned

            def answer(self, learned: Any, past: pd.DataFrame, future: pd.DataFrame) -> Any:
                return np.zeros(len(future))

        if registered:
            REGISTERED[called] = Keeper
        return Keeper().fit(panel, 1)

    cases = [
        (lambda: as_forecaster(lambda past, future: np.zeros(len(future))).fit(panel, 1), "no registered name"),
        (lambda: keeps(None, "stranger", registered=False), "is not registered as 'stranger'.*@ecomlib.register"),
        (lambda: keeps(object()), "what it learnt is a object"),
        (lambda: keeps({"set": {1, 2}}), "a set is no plain value"),
        (lambda: keeps({"objects": np.array([{}], dtype=object)}), "'objects' is an array of objects"),
        (lambda: keeps({"../x": np.ones(2)}), "no name of a file.*'../x'"),
        (lambda: forecaster("naive"), "only a fitted forecaster can be saved"),
    ]
    for made, words in cases:
        with pytest.raises(DataError, match=words):
            save(made(), target)
        assert not target.exists() and list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_one_of_a_forecaster_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"sea")
    with pytest.raises(DataError, match="not one of a forecaster"):
        save(fitted("naive"), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


def test_saving_again_replaces_the_folder_whole(folder: Path) -> None:
    save(fitted("naive"), folder)
    assert [path.name for path in folder.iterdir()] == ["card.json"] and load(folder).forecaster == forecaster("naive")


KILLED = """
import os, signal, sys
import numpy as np
from ecomlib.contract import Forecaster, register
from ecomlib.forecasting import forecaster, save
sys.path.insert(0, sys.argv[2])
from quick_forecasters import products

@register
class Doomed(Forecaster):
    name, point = "doomed", "mean"
    def answer(self, learned, past, future):
        return np.zeros(len(future))
    def pack(self, learned):
        return Parts()

class Parts(dict):
    def items(self):
        yield "text", "a long text " * 50  # is written, and then the process ends
        print("written", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

save(Doomed().fit(products(), 1), sys.argv[1])
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no kill -9")
def test_killed_half_way_the_old_one_stays_whole(folder: Path, tmp_path: Path) -> None:
    before = load(folder).forecast(products())
    helpers = str(Path(__file__).parents[1] / "helpers")
    done = subprocess.run([sys.executable, "-c", KILLED, str(folder), helpers], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL and done.stdout == "written\n", done.stderr
    pd.testing.assert_frame_equal(load(folder).forecast(products()), before, check_exact=True)
    save(fitted("naive"), folder)  # what the killed one left behind is in nobody's way
    assert load(folder).forecaster == forecaster("naive")


def damage(card: Path, change: Any) -> None:
    content = json.loads(card.read_text(encoding="utf-8"))
    change(content)
    card.write_text(json.dumps(content), encoding="utf-8")


def test_damage_is_said_in_a_sentence(folder: Path) -> None:
    card = folder / "card.json"
    whole = card.read_text(encoding="utf-8")
    changes = {
        "settings": lambda c: c.pop("settings"),
        "horizon": lambda c: c.pop("horizon"),
        "kept": lambda c: c["kept"].update(other="array"),
        "until": lambda c: c.update(until="yesterday, about"),
        "no name of a file": lambda c: c["kept"].update({"../../x": "text"}),
        "sha256": lambda c: c.update(sha256=None),
    }
    for change in changes.values():
        damage(card, change)
        with pytest.raises(DataError, match=r"'average' is damaged.*What to do: save the forecaster again"):
            load(folder)
        card.write_text(whole, encoding="utf-8")
    card.write_text(whole[:100], encoding="utf-8")
    with pytest.raises(DataError, match="'average' holds no forecaster"):
        load(folder)
    card.write_text("[]", encoding="utf-8")
    with pytest.raises(DataError, match="says no format"):
        load(folder)
    with pytest.raises(DataError, match=r"'nowhere' holds no forecaster.*the folder that ecomlib.save wrote"):
        load(folder / "nowhere")


def test_a_changed_or_shortened_file_is_found(folder: Path) -> None:
    trees = folder / "member0" / "forecast-q0.5.txt"
    whole = trees.read_bytes()
    for content in (whole[: len(whole) // 2], whole.replace(b"0", b"1", 1), b""):
        trees.write_bytes(content)
        with pytest.raises(DataError, match=r"'member0' is damaged.*forecast-q0.5.txt is not the file that was saved"):
            load(folder)
    trees.unlink()
    with pytest.raises(DataError, match="'member0' is damaged"):
        load(folder)


def test_a_name_that_nobody_registered_is_answered_with_where_to_register(folder: Path) -> None:
    damage(folder / "card.json", lambda card: card.update(forecaster="my_own"))
    with pytest.raises(
        DataError, match=r"'s, and its class is not registered here \(found 'my_own'\).*--plugin my"
    ) as told:
        load(folder)
    assert "ECOMLIB_PLUGINS=" in str(told.value) and "window_mean" not in str(told.value)
    damage(folder / "card.json", lambda card: card.update(forecaster="os:system"))
    with pytest.raises(DataError, match="its class is not registered here"):
        load(folder)


def test_settings_that_this_version_does_not_know(folder: Path) -> None:
    damage(folder / "member0" / "card.json", lambda card: card["settings"].update(colour="red"))
    with pytest.raises(DataError, match="'trees' does not take these settings"):
        load(folder)


def test_a_newer_format(folder: Path) -> None:
    damage(folder / "card.json", lambda card: card.update(format=99))
    with pytest.raises(DataError, match=r"saved by a newer ecomlib.*update ecomlib"):
        load(folder)


def test_a_loaded_one_needs_a_panel(folder: Path) -> None:
    with pytest.raises(DataError, match="a loaded forecaster has no panel"):
        load(folder).forecast()


def test_the_registry_holds_classes_by_their_own_names() -> None:
    assert all(pkgutil.resolve_name(place).name == name for name, place in FORECASTERS.items())
