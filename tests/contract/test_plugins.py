"""Own classes are registered by name, and modules are imported only where the user names them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecomlib.contract import REGISTERED, Forecaster, load_plugins, register
from ecomlib.errors import DataError
from ecomlib.forecasting import forecaster

MODULE = """
from ecomlib.contract import Forecaster, register

@register
class Nothing(Forecaster):
    name, point = "{name}", "mean"
    def answer(self, learned, past, future):
        return [0.0] * len(future)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of the user's, in which commands are typed; what was registered is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ECOMLIB_PLUGINS", raising=False)
    kept = dict(REGISTERED)
    yield tmp_path
    for name in ("plug_one", "plug_two", "plug_broken"):
        sys.modules.pop(name, None)
    REGISTERED.clear()
    REGISTERED.update(kept)


def test_named_modules_register_and_others_do_not(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "plug_one.py").write_text(MODULE.format(name="nothing_one"), encoding="utf-8")
    (folder / "plug_two.py").write_text(MODULE.format(name="nothing_two"), encoding="utf-8")
    path = list(sys.path)
    assert load_plugins(["plug_one", "plug_one"]) == ["plug_one"] and sys.path == path
    assert forecaster("nothing_one").label == "nothing_one"
    with pytest.raises(DataError, match=r"'nothing_two'.*did you mean nothing_one( or \w+)?\?.*ECOMLIB_PLUGINS"):
        forecaster("nothing_two")
    monkeypatch.setenv("ECOMLIB_PLUGINS", " plug_one, plug_two,")
    assert forecaster("nothing_two").label == "nothing_two", "the variable is read when a name is not known"
    assert load_plugins() == ["plug_one", "plug_two"]


def test_a_module_that_cannot_be_imported_is_answered(folder: Path) -> None:
    (folder / "plug_broken.py").write_text("1 / 0\n", encoding="utf-8")
    path = list(sys.path)
    with pytest.raises(DataError, match="'plug_broken' cannot be imported: ZeroDivisionError"):
        load_plugins(["plug_broken"])
    with pytest.raises(DataError, match=r"'plug_none' cannot be imported.*without \.py; .* is searched too"):
        load_plugins(["plug_none"])
    assert sys.path == path


def test_a_name_is_needed_and_is_ones_own() -> None:
    def made(called: str, qualified: str) -> type[Forecaster]:
        class Own(Forecaster):
            name, point = called, "mean"

            def answer(self, learned: object, past: object, future: object) -> list[float]:
                return []

        Own.__qualname__ = qualified
        return Own

    assert register(made("own", "Own")) is REGISTERED["own"]
    assert register(made("own", "Own")) is REGISTERED["own"], "a module that is run again registers again"
    with pytest.raises(DataError, match="two classes are registered under one name"):
        register(made("own", "Other"))
    register(made("naive", "Naive"))
    with pytest.raises(DataError, match=r"the name of one of ecomlib's \(found 'naive'\).*rename .*\.Naive"):
        forecaster("naive")
    for called in ("", "my-own"):
        with pytest.raises(DataError, match="a name without a hyphen"):
            register(made(called, "Named"))
