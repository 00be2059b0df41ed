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


def outcome(notebook: Any, prompt: prompts.Prompt, folder: Path, *, size: str = "tiny") -> str:
    """Run a lesson up to a prompt's cell, then that cell once more with its line changed, in one kernel.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        The lesson; it is left as it is.
    prompt : Prompt
        One of its prompts.
    folder : Path
        Where the kernel works.
    size : str
        The size of the simulated store, where the lesson has the parameter ``SIZE``.

    Returns
    -------
    str
        Which way the prompt's ``look`` went: up, down or same.
    """
    new_cell = lessons.library("nbformat").v4.new_code_cell
    changed = prompts.change(notebook, prompt).cells[prompt.cell]
    tried = copy.deepcopy(notebook)
    tried.cells = [cell for cell in tried.cells[: prompt.cell + 1] if "solution" not in lessons.tags(cell)]
    for cell in tried.cells:
        if "parameters" in lessons.tags(cell) and "SIZE" in cell.source:
            cell.source += f'\nSIZE = "{size}"'
    look = f"print(float({prompt.look}))"
    tried.cells += [new_cell(look), new_cell(changed.source), new_cell(look)]
    execute.execute(tried, folder)
    before, after = (float(tried.cells[place].outputs[0].text) for place in (-3, -1))
    return direction(before, after)
