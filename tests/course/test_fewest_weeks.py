"""The weeks that the syllabus says a second part needs are those it needs: its own code runs on shops of so many weeks.

The code stands in the notebooks. It runs to its first network's first epoch, or to its first table of forecasts: what a
shop lacks is found by then.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path
from symtable import SymbolTable, symtable
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import pytest

import ecomlib
from ecomlib import forecasting, training
from ecomlib.course import data_check, syllabus
from ecomlib.errors import EcomlibError
from ecomlib.stores import Store

ROOT = Path(__file__).resolve().parents[2]
SECOND_PARTS = {
    "00": "ten_lines",
    "04": "small_protocol",
    "05": "several_regions",
    "06": "under_budget",
    "07": "small_team",
    "07b": "small_widths",
}


class ReachedError(Exception):
    """A network has been trained, for an epoch."""


def shop(weeks: int) -> Store:
    """Twelve products in four regions, a line of each product on each day from a Monday on."""
    days = pd.date_range("2023-01-02", periods=7 * weeks)
    ids = [f"p{k:02d}" for k in range(12)]
    lines = pd.MultiIndex.from_product([days, ids], names=["ordered_at", "product_id"]).to_frame(index=False)
    number = np.arange(len(lines))
    lines = lines.assign(
        ordered_at=lines["ordered_at"] + pd.to_timedelta(number * 97 % 1440, unit="min"),
        order_id=[f"o{k}" for k in number],
        region_id=np.array(["a", "b", "c", "d"])[number % 4],
        quantity=1 + number * 7 % 5,
        unit_price=2.5 + number % 3,
    )
    regions = pd.DataFrame({"region_id": list("abcd"), "name": list("ABCD"), "row": [0, 0, 1, 1]})
    products = pd.DataFrame({"product_id": ids, "title": [f"red mug {k}" for k in ids]})
    return Store("young", products, lines, regions=regions.assign(column=[0, 1, 0, 1]))


def run_one(statement: ast.stmt, place: dict[str, Any]) -> None:
    exec(compile(ast.Module([statement], []), "notebook", "exec"), place)


def globals_of(scope: SymbolTable) -> set[str]:
    """The names that a statement, or a function in it, takes from around it."""
    inside = scope.get_type() != "module"
    here = {symbol.get_name() for symbol in scope.get_symbols() if symbol.is_referenced()}
    if inside:
        here = {name for name in here if scope.lookup(name).is_global()}
    return here.union(*(globals_of(child) for child in scope.get_children()))


def second_part(number: str, name: str = "") -> Any:
    """The function of a lesson's second part, with the notebook's imports and plain settings around it."""
    entry, name = syllabus.lesson(number), name or SECOND_PARTS[number]
    assert entry is not None
    notebook = nbformat.read(ROOT / "notebooks" / entry.file, as_version=4)
    place: dict[str, Any] = {}
    statements = [
        statement
        for cell in notebook.cells
        if cell.cell_type == "code" and "import" not in cell.metadata.get("tags", []) and "%" not in cell.source[:1]
        for statement in ast.parse(cell.source).body
    ]
    made: dict[str, ast.stmt] = {}
    for statement in statements:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            run_one(statement, place)
        elif isinstance(statement, ast.FunctionDef | ast.ClassDef):
            made.setdefault(statement.name, statement)
        elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name | ast.Tuple):
            for target in ast.walk(statement.targets[0]):
                if isinstance(target, ast.Name):
                    made.setdefault(target.id, statement)

    def define(wanted: str, known: set[str]) -> None:
        """What a name stands for, after all that it is made of."""
        known.add(wanted)
        for other in globals_of(symtable(ast.unparse(made[wanted]), "notebook", "exec")):
            if other in made.keys() - known:
                define(other, known)
        run_one(made[wanted], place)

    define(name, set())
    return place[name]


@pytest.fixture(autouse=True)
def only_as_far_as_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a training end after one epoch, and all end there: with the training, or with a backtest's forecasts."""
    whole, by_front_door = training.fit, ecomlib.backtest

    def once(model: Any, train: Any, valid: Any = None, settings: Any = None, **options: Any) -> None:
        whole(model, train, valid, replace(settings or training.TrainSettings(), epochs=1), **options)
        raise ReachedError

    def tested(*arguments: Any, **options: Any) -> None:
        by_front_door(*arguments, **options)
        raise ReachedError

    monkeypatch.setattr(training, "fit", once)
    for room in (ecomlib, forecasting):
        monkeypatch.setattr(room, "backtest", tested)


@pytest.mark.parametrize("number", SECOND_PARTS)
def test_so_many_weeks_are_enough_and_one_less_is_not(number: str, tmp_path: Path) -> None:
    entry = syllabus.lesson(number)
    assert entry is not None
    needed, run = entry.needs.weeks, second_part(number)
    with pytest.raises(ReachedError):
        run(shop(needed))
    if number == "05":  # it answers with a table that holds the problem
        assert "are too few for this lesson" in run(shop(needed - 1))["problem"].iloc[0]
    else:
        with pytest.raises(EcomlibError):
            run(shop(needed - 1))
    for weeks, enough in ((needed, True), (needed - 1, False)):
        folder = shop(weeks).to_directory(tmp_path / str(weeks))
        assert data_check.check(folder).lessons[number][0] == enough


def test_returns_are_judged_on_so_many_weeks_and_each_missing_table_is_named(tmp_path: Path) -> None:
    """Lesson 09 trains no network in its second part: 60 days to wait, 120 to judge, and a week to learn from."""
    entry, run = syllabus.lesson("09"), second_part("09", "what_comes_back")
    assert entry is not None
    with pytest.raises(EcomlibError, match=r"orders.*returned.*nothing is known of returns"):
        run(shop(entry.needs.weeks))
    for weeks, enough in ((entry.needs.weeks, True), (entry.needs.weeks - 1, False)):
        young = shop(weeks)
        back = pd.Series(np.arange(len(young.orders)) % 7 == 0)
        came = (young.orders["ordered_at"] + pd.Timedelta("10D")).where(back, pd.NaT)
        young = replace(young, orders=young.orders.assign(returned=back, returned_at=came))
        folder = young.to_directory(tmp_path / str(weeks))
        if enough:
            table = run(Store.from_directory(folder))
            assert set(table["model"]) == {"returns: product of tables", "returns: dear lines"}
            assert table["AUC"].between(0.3, 0.7).all(), "what comes back was dealt by number"
        else:
            with pytest.raises(EcomlibError, match="27 full weeks"):
                run(young)
        assert data_check.check(folder).lessons["09"][0] == enough
    with pytest.raises(EcomlibError, match="sessions"):
        second_part("09", "who_buys")(shop(30))


def test_visits_of_a_shop_are_asked_where_it_has_them() -> None:
    from ecomlib import load_store

    table = second_part("09", "who_buys")(load_store("tiny"))
    assert set(table["model"]) == {"visits: logistic on ranks", "visits: trees"}
    assert table["AUC"].between(0.55, 0.85).all() and table["ECE"].between(0, 0.1).all()
