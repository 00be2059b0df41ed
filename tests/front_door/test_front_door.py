"""What ``import ecomlib`` offers, how light it is, and how stores, windows and fitted forecasters show themselves."""

from __future__ import annotations

import ast
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from test_natural_attempts import FITTED, STORE, WINDOWS

import ecomlib
from ecomlib import Store, errors
from ecomlib.errors import CallError, DataError, explained

ROOT = Path(__file__).resolve().parents[2]


def loaded_by(code: str) -> set[str]:
    """Modules that a fresh interpreter has after running some code."""
    shown = f"{code}; import sys; print(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", shown], capture_output=True, text=True, check=True).stdout.split())


def test_importing_imports_nothing_until_a_name_is_asked_for() -> None:
    found = loaded_by("import ecomlib; dir(ecomlib); ecomlib.__all__")
    assert {name for name in found if name.startswith("ecomlib")} == {"ecomlib"}
    assert not found & {"numpy", "pandas", "torch", "transformers", "matplotlib"}


def test_a_panel_needs_no_torch_and_no_plotting() -> None:
    found = loaded_by("import ecomlib; ecomlib.make_panel; ecomlib.load_store; ecomlib.calendar; ecomlib.backtest")
    assert "pandas" in found
    assert not found & {"torch", "transformers", "matplotlib", "statsforecast", "lightgbm", "sklearn"}


@pytest.mark.parametrize("name", ecomlib.__all__)
def test_every_name_is_there_and_is_the_room_s_own(name: str) -> None:
    found = getattr(ecomlib, name)
    assert name in dir(ecomlib)
    if not inspect.ismodule(found):
        assert found.__name__ == name and found.__module__.startswith("ecomlib.")


def test_the_first_hours_meet_thirty_names() -> None:
    assert len(ecomlib.__all__) == len(set(ecomlib.__all__)) <= 30


def test_a_type_checker_sees_what_a_user_gets() -> None:
    tree = ast.parse((ROOT / "ecomlib" / "__init__.py").read_text(encoding="utf-8"))
    guard = next(node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    typed = {a.name: node.module for node in guard.body if isinstance(node, ast.ImportFrom) for a in node.names}
    assert set(typed) == set(ecomlib.__all__)
    given = {name: f"ecomlib.{room}" for name, room in ecomlib._ROOM.items()}
    assert {name: room for name, room in typed.items() if room != "ecomlib"} == given


def test_foreign_names_hide_none_of_ours() -> None:
    assert not set(ecomlib._FOREIGN) & set(dir(ecomlib))


def readme_block() -> str:
    found = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
    assert len(found) == 1, "the README has one block of Python, which is run here"
    return str(found[0])


def test_the_ten_lines_of_the_readme_run(capsys: pytest.CaptureFixture[str]) -> None:
    block, names = readme_block(), dict[str, Any]()
    assert len(ast.parse(block).body) <= 10
    exec(compile(block, "README.md", "exec"), names)
    assert "exponential_smoothing" in capsys.readouterr().out
    assert set(names["table"]["cutoff"].unique()) == set(pd.date_range("2025-03-03", periods=4, freq="28D"))
    assert len(names["forecast"]) == 4 * names["panel"]["unique_id"].nunique()
    assert plt.gcf().axes
    plt.close("all")


def test_lesson_00_enters_by_the_same_door() -> None:
    cells = json.loads((ROOT / "notebooks" / "00_quickstart.ipynb").read_text(encoding="utf-8"))["cells"]
    lesson = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    written = set(re.findall(r"ecomlib\.(\w+)\(", readme_block()))
    assert {"load_store", "make_panel", "backtest", "score"} <= written
    assert written <= set(re.findall(r"ecomlib\.(\w+)\(", lesson))


def test_a_store_prints_its_summary_and_shows_a_table() -> None:
    assert repr(STORE) == str(STORE.summary()) and "corner shop" in repr(STORE) and len(repr(STORE)) < 2000
    html = STORE._repr_html_()
    assert html.startswith("<table>") and "3 products, 3 of them sold" in html


def test_a_store_s_names_are_escaped_in_notebooks() -> None:
    products = STORE.products.assign(title="<script>alert(1)</script> & co")
    html = Store("<b>mine</b>", products, STORE.orders)._repr_html_()
    assert "<script>" not in html and "&lt;script&gt;" in html and "&lt;b&gt;mine" in html


def test_windows_and_fitted_forecasters_show_themselves_on_a_line() -> None:
    assert repr(FITTED) == "<'naive', fitted up to 2024-05-13, forecasts 4 weeks>"
    assert repr(WINDOWS) == (
        "<54 windows over 3 series (W-MON), look_back 4, horizon 2, origins 2024-01-01 to 2024-04-29>"
    )
    assert repr(WINDOWS.between("2030-01-07")) == "<0 windows over 0 series (W-MON), look_back 4, horizon 2>"


@explained(h="horizon", colour="it is painted elsewhere.")
def plan(panel: Any, horizon: int, *, freq: str = "D") -> int:
    """Stand for a function of ours."""
    return int(panel + horizon)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: plan(1, h=2), "it is called horizon here. Write plan(panel, horizon, *, freq='D')"),
        (lambda: plan(1, 2, frequency="W"), "it is called freq here"),
        (lambda: plan(1, 2, frek="W"), "did you mean freq?"),
        (lambda: plan(1, 2, colour="red"), "it is painted elsewhere."),
        (lambda: plan(1, 2, time_col="week"), "unique_id, ds and y"),
        (lambda: plan(1, 2, zzz=1), "write plan(panel"),
        (lambda: plan(1, 2, 3), "at most 2 of its arguments by place, and 3 were given"),
        (lambda: plan(1, 2, horizon=3), "'horizon' twice"),
        (lambda: plan(), "needs 'panel' and 'horizon'"),
    ],
)
def test_a_call_that_does_not_fit_is_explained(call: Any, says: str) -> None:
    with pytest.raises(CallError) as caught:
        call()
    assert says in str(caught.value)
    assert isinstance(caught.value, TypeError) and isinstance(caught.value, DataError)


def test_a_fault_inside_the_function_stays_what_it_is() -> None:
    with pytest.raises(TypeError, match="concatenate") as caught:
        plan("1", 2)  # type: ignore[arg-type]
    assert not isinstance(caught.value, errors.EcomlibError)


def test_what_is_decorated_keeps_its_signature_and_its_result() -> None:
    assert plan(1, 2) == 3 and str(inspect.signature(plan)).startswith("(panel: 'Any', horizon: 'int'")
    assert plan.__doc__ == "Stand for a function of ours."
