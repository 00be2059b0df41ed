"""Tries the prompts to predict, change and run: makes the change as a reader would, and sees which way things go."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any

from ecomlib.course import lessons
from ecomlib.course.authoring import execute, prompts


def direction(before: float, after: float) -> str:
    """Say which way a value went: up, down, or same."""
    if math.isclose(before, after, rel_tol=1e-9, abs_tol=1e-12):
        return "same"
    return "up" if after > before else "down"


def outcomes(notebook: Any, folder: Path, *, size: str = "tiny") -> dict[int, str]:
    """Run a lesson up to its last prompt, and each prompt's cell once more with its line changed, in one kernel.

    One kernel will do for all prompts, as no later cell reads what a prompt changes.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        The lesson; it is left as it is.
    folder : Path
        Where the kernel works.
    size : str
        The size of the simulated store, where the lesson has the parameter ``SIZE``.

    Returns
    -------
    dict of int to str
        For each prompt's cell, by its index, which way the prompt's ``look`` went: up, down or same.
    """
    last = max((prompt.cell for prompt in prompts.prompts(notebook)), default=-1)
    shortened = copy.deepcopy(notebook)
    shortened.cells = shortened.cells[: last + 1]
    return try_out(shortened, folder, size=size)[1]


def try_out(notebook: Any, folder: Path, *, size: str = "tiny") -> tuple[Any, dict[int, str]]:
    """Run a whole lesson as a reader who makes every change that is asked for; otherwise like ``outcomes``.

    Returns
    -------
    (nbformat.NotebookNode, dict of int to str)
        The executed lesson, without solutions and with the cells that were tried; and what ``outcomes`` returns.
    """
    new_cell = lessons.library("nbformat").v4.new_code_cell
    found = {prompt.cell: prompt for prompt in prompts.prompts(notebook)}
    tried = copy.deepcopy(notebook)
    cells, places = [], {}
    for index, cell in enumerate(tried.cells):
        if "solution" in lessons.tags(cell):
            continue
        if "parameters" in lessons.tags(cell) and "SIZE" in cell.source:
            cell.source += f'\nSIZE = "{size}"'
        cells.append(cell)
        if index in found:
            look = f"print(float({found[index].look}))"
            changed = prompts.change(notebook, found[index]).cells[index].source
            cells += [new_cell(look), new_cell(changed), new_cell(look)]
            places[index] = len(cells)
    tried.cells = cells
    execute.execute(tried, folder)
    said = {index: [float(cells[end - back].outputs[0].text) for back in (3, 1)] for index, end in places.items()}
    return tried, {index: direction(*values) for index, values in said.items()}
