"""Reads the prompts to predict, change and run: data in the metadata of the code cell that is changed.

.. code-block:: json

    {"predict": {"line": "HORIZON = 4", "replacement": "HORIZON = 8", "look": "error", "direction": "up"}}

``line`` is one line of the cell, ``replacement`` what the reader writes instead, ``look`` an expression whose value is
compared before and after, at the end of the cell, and ``direction`` what happens to it: up, down or same. The Markdown
cell that follows says it, folded, with the reason and the wrong guess that most people make.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ecomlib.course import lessons

DIRECTIONS = ("up", "down", "same")
_FIELDS = ("line", "replacement", "look", "direction")


@dataclass(frozen=True)
class Prompt:
    """Hold one prompt: the index of its cell, the line, its replacement, what to look at, and which way it goes."""

    cell: int
    line: str
    replacement: str
    look: str
    direction: str


def prompts(notebook: Any) -> list[Prompt]:
    """List a lesson's prompts, whole ones only (``complaints`` says what is wrong with the others)."""
    found = []
    for index, cell in enumerate(notebook.cells):
        said = cell.metadata.get("predict")
        if cell.cell_type == "code" and said and all(isinstance(said.get(field), str) for field in _FIELDS):
            found.append(Prompt(index, *(said[field] for field in _FIELDS)))
    return found


def change(notebook: Any, prompt: Prompt) -> Any:
    """Return a copy of the notebook in which the prompt's line is replaced."""
    changed = copy.deepcopy(notebook)
    cell = changed.cells[prompt.cell]
    lines = cell.source.splitlines()
    place = [line.strip() for line in lines].index(prompt.line.strip())
    margin = lines[place][: len(lines[place]) - len(lines[place].lstrip())]
    lines[place] = margin + prompt.replacement.strip()
    cell.source = "\n".join(lines)
    return changed


def complaints(notebook: Any) -> Iterator[tuple[int, str]]:
    """Say what is wrong with a lesson's prompts: cell and complaint."""
    whole = {prompt.cell for prompt in prompts(notebook)}
    for index, cell in enumerate(notebook.cells):
        if "predict" in cell.metadata and index not in whole:
            yield index, f"a prompt is a code cell's, with texts for {', '.join(_FIELDS)}"
    for prompt in prompts(notebook):
        yield from ((prompt.cell, said) for said in _wrong(notebook, prompt))


def _wrong(notebook: Any, prompt: Prompt) -> Iterator[str]:
    cell = notebook.cells[prompt.cell]
    if prompt.direction not in DIRECTIONS:
        yield f"the prompt's direction is {', '.join(DIRECTIONS)}, not '{prompt.direction}'"
    if cell.metadata.get("jupyter", {}).get("source_hidden") or "hide-input" in lessons.tags(cell):
        yield "the prompt's cell is hidden: its reader cannot change it"
    if sum(line.strip() == prompt.line.strip() for line in cell.source.splitlines()) != 1:
        yield f"the prompt's line '{prompt.line}' is not one line of its cell"
        return
    if prompt.line.strip() == prompt.replacement.strip():
        yield "the prompt's replacement is the line itself"
    try:
        ast.parse(prompt.look, mode="eval")
        tree = ast.parse(change(notebook, prompt).cells[prompt.cell].source)
    except SyntaxError as error:
        yield f"the prompt's replacement or look does not parse: {error.msg}"
        return
    after = next((c for c in notebook.cells[prompt.cell + 1 :] if c.cell_type == "markdown"), None)
    if after is None or "<details>" not in after.source:
        yield "the Markdown after a prompt says, folded in <details>, what should have happened"
    number = [line.strip() for line in cell.source.splitlines()].index(prompt.line.strip()) + 1
    moved = _moved(tree, number)
    for later in notebook.cells[prompt.cell + 1 :]:
        if later.cell_type != "code" or {"setup", "solution"} & set(lessons.tags(later)):
            continue
        try:
            body = ast.parse(later.source).body
        except SyntaxError:  # the rules of sources complain of it
            continue
        for node in body:
            loaded, stored = _names(node)
            if moved & loaded:
                yield f"a later cell reads what the prompt changes: {', '.join(sorted(moved & loaded))}"
                return
            moved -= stored


def _moved(tree: ast.Module, line: int) -> set[str]:
    """Names whose values rest on the statement at ``line``: what it binds, and what later ones make of that."""
    moved: set[str] = set()
    for node in tree.body:
        loaded, stored = _names(node)
        if node.lineno <= line <= (node.end_lineno or node.lineno) or moved & loaded:
            moved |= stored
    return moved


def _names(tree: ast.AST) -> tuple[set[str], set[str]]:
    """Names that a piece of code reads, and names that it binds (a changed frame's column binds the frame)."""
    loaded: set[str] = set()
    stored: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (stored if isinstance(node.ctx, ast.Store) else loaded).add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            stored.add(node.name)
        elif isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store):
            holder: ast.AST = node
            while isinstance(holder, ast.Subscript | ast.Attribute):
                holder = holder.value
            if isinstance(holder, ast.Name):
                stored.add(holder.id)
    return loaded, stored
