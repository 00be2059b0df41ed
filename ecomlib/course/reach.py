"""Follows what a lesson imports through the package, so that a change elsewhere does not make the lesson stale.

Read from the code, without running it: ``import`` statements wherever they stand; names of the front door; and every
text that is a module's name (``"ecomlib.models.trees:Trees"``), for registries import by such texts. A text that names
a package stands for all of its modules. What cannot be read (``getattr(ecomlib, name)``) stands for the whole package.
That errs towards too much. Whether it was enough is asked of the kernel that ran the lesson (``loaded_beyond``).
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import ecomlib

ROOT = Path(ecomlib.__file__).parent
PACKAGE = "ecomlib"
_TEXT = re.compile(rf"({PACKAGE}(?:\.[A-Za-z_]\w*)+)(?::[\w.]+)?")
# Their one import by a made-up name is known: exercises are imported by the lesson's number.
_EXERCISES = f"{PACKAGE}.course.exercises"
# What installs on Colab shows nothing in an output, and `make address` writes into it.
_SILENT = {f"{PACKAGE}.course.setup_cell"}
PROBE = f"""\
import sys
from pathlib import Path

import {PACKAGE}

root = Path({PACKAGE}.__file__).parent
loaded = [(name, getattr(module, "__file__", None)) for name, module in list(sys.modules.items())]
print(*sorted(name for name, file in loaded if name.startswith("{PACKAGE}") and file and root in Path(file).parents))
"""


@cache
def modules() -> dict[str, Path]:
    """List the package's modules by name, with their files."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join((PACKAGE, *(parts[:-1] if parts[-1] == "__init__" else parts)))] = path
    return found


def reached(notebook: Any, number: str) -> set[str]:
    """Name every module of the package on which lesson ``number`` may rest, the packages that hold them included."""
    waiting = set().union(*(mentioned(cell.source) for cell in notebook.cells if cell.cell_type == "code"))
    declared = f"{_EXERCISES}.lesson_{number}"
    waiting |= {declared} & set(modules())
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting |= _mentioned_in(name) - found
    return found - _SILENT


def imports_hash(notebook: Any, number: str, beyond: Iterable[str] = ()) -> str:
    """SHA-256 of code and recorded tables that lesson ``number`` reaches, and of what a run loaded ``beyond``."""
    digest = hashlib.sha256()
    for name in sorted(reached(notebook, number) | set(beyond)):
        file = modules().get(name)
        digest.update(f"{name}\0".encode() + (file.read_bytes() if file else b"gone"))
    for table in sorted((ROOT / "recorded").glob("*.parquet")):
        if any(f'"{table.stem}"' in cell.source for cell in notebook.cells if cell.cell_type == "code"):
            digest.update(f"{table.stem}\0".encode() + table.read_bytes())
    return digest.hexdigest()


def loaded_beyond(notebook: Any, number: str, loaded: Iterable[str]) -> list[str]:
    """List what a run has loaded although the code does not show it; empty as a rule."""
    return sorted((set(loaded) & set(modules())) - reached(notebook, number) - _SILENT)


def mentioned(source: str, package: str = "") -> set[str]:
    """Name the modules that a piece of code names itself; everything where it asks the front door by a variable.

    Parameters
    ----------
    source : str
        The code. What does not parse names nothing: the rules of sources complain of it.
    package : str
        The module's own name, of whose front door a text is no import; empty for a cell.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return set()
    found: set[str] = set()
    files = {id(node.args[0]) for node in ast.walk(tree) if isinstance(node, ast.Call) and _asks_for_files(node)}
    names = {PACKAGE}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found |= _with_parents(alias.name)
                names |= {alias.asname} if alias.asname and alias.name == PACKAGE else set()
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found |= _from(node.module or "", [alias.name for alias in node.names])
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in files:
            found |= _text(node.value)
    if package == PACKAGE:
        return {PACKAGE}  # the front door imports nothing until a name is asked for
    return found | _through_the_front_door(tree, names)


@cache
def _mentioned_in(name: str) -> set[str]:
    file = modules()[name]
    return mentioned(file.read_text(encoding="utf-8"), name)


def _asks_for_files(call: ast.Call) -> bool:
    """Whether a call names a package only as the folder of its data, or for its log."""
    return getattr(call.func, "attr", "") in ("files", "getLogger") and bool(call.args)


def _text(text: str) -> set[str]:
    match = _TEXT.fullmatch(text)
    if not match or match[1] not in modules():
        return set()
    below = {name for name in modules() if name.startswith(f"{match[1]}.")} if ":" not in text else set()
    return _with_parents(match[1]).union(*map(_with_parents, below))


def _from(module: str, names: list[str]) -> set[str]:
    if module == PACKAGE:
        return set().union(*map(_room, names))
    return _with_parents(module).union(*(_with_parents(f"{module}.{name}") for name in names))


def _room(name: str) -> set[str]:
    """Resolve a name of the front door: the room that holds it, or that is called so; a name of its own is none."""
    return {PACKAGE} | _with_parents(f"{PACKAGE}.{ecomlib._ROOM.get(name, name)}")


def _through_the_front_door(tree: ast.AST, names: set[str]) -> set[str]:
    found: set[str] = set()
    held = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            chain = _chain(node)
            if chain and chain[0] in names:
                held.add(id(_first(node)))
                found |= _room(chain[1])
                found |= _with_parents(".".join((PACKAGE, *chain[1:])))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in names and id(node) not in held:
            return set(modules())  # handed on whole
    return found


def _chain(node: ast.AST) -> list[str]:
    """Spell ``a.b.c`` as its names; empty where it begins with anything but a name."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return [node.id, *reversed(names)] if isinstance(node, ast.Name) else []


def _first(node: ast.AST) -> ast.AST:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node


def _with_parents(name: str) -> set[str]:
    """Name a module and the packages that hold it, as far as they are ours; of ``a.b.thing`` the module ``a.b``."""
    parts = name.split(".")
    if parts[0] != PACKAGE:
        return set()
    return {whole for n in range(1, len(parts) + 1) if (whole := ".".join(parts[:n])) in modules()}
