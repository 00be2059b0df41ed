"""Reads from a lesson's code what it imports from the course's own machinery, and how long that is."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import ecomlib
from ecomlib.course import lessons

ROOM = "ecomlib.course"


def importing(notebook: Any) -> Iterator[tuple[int, Any, tuple[ast.Import | ast.ImportFrom, ...]]]:
    """Read the code cells that the author wrote (no set-up, no solutions): index, cell, and what it imports."""
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" and not {"setup", "solution"} & set(lessons.tags(cell)):
            yield index, cell, imports(cell.source)


@cache
def imports(source: str) -> tuple[ast.Import | ast.ImportFrom, ...]:
    """List the import statements of a cell; none where it does not parse, of which the rules of sources complain."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return ()
    return tuple(node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom))


def import_lines(node: ast.stmt) -> int:
    """Count the lines of one import statement: a name a line in brackets is a line each."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def names(notebook: Any) -> dict[tuple[str, str], int]:
    """List what a lesson imports from ``ecomlib.course``: (module, name), and the first cell that does."""
    found: dict[tuple[str, str], int] = {}
    for index, _, nodes in importing(notebook):
        for node in nodes:
            if isinstance(node, ast.ImportFrom) and _inside(node.module or ""):
                for alias in node.names:
                    found.setdefault((node.module or "", alias.name), index)
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    if _inside(alias.name):
                        found.setdefault((alias.name, ""), index)
    return found


def modules(notebook: Any) -> set[str]:
    """Name the modules of ``ecomlib.course`` that hold what the lesson imports, declared exercises left out."""
    found = set()
    for module, name in names(notebook):
        holder = f"{module}.{name}" if name and _file(f"{module}.{name}") else _holder(module, name)
        if not holder.startswith(f"{ROOM}.exercises") and holder != ROOM:
            found.add(holder)
    return found


@cache
def lines_of(module: str, name: str = "") -> int:
    """Count lines of code of a function or class (without a name, of a module): no docstrings, comments, blanks."""
    file = _file(_holder(module, name))
    if file is None:
        return 0
    source = file.read_text(encoding="utf-8")
    tree = ast.parse(source)
    places: list[ast.AST] = [tree] if not name else [node for node in tree.body if getattr(node, "name", "") == name]
    written = source.splitlines()
    documented = {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None
        for line in range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)
    }
    lines = {
        line
        for place in places
        for line in range(getattr(place, "lineno", 1), getattr(place, "end_lineno", len(written)) + 1)
    }
    texts = (written[line - 1].strip() for line in lines - documented)
    return sum(bool(text) and not text.startswith("#") for text in texts)


def _inside(module: str) -> bool:
    return module == ROOM or module.startswith(f"{ROOM}.")


def _file(module: str) -> Path | None:
    """Find a module's file, or a package's ``__init__.py``."""
    base = Path(ecomlib.__file__).parent.joinpath(*module.split(".")[1:])
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)


def _holder(module: str, name: str) -> str:
    """Name the module that defines ``name``, where ``module`` only passes it on."""
    file = _file(module)
    for node in ast.parse(file.read_text(encoding="utf-8")).body if file and name else []:
        if isinstance(node, ast.ImportFrom) and any((alias.asname or alias.name) == name for alias in node.names):
            return _holder(node.module or "", name)
    return module
