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


def aside(source: str, look: str) -> str:
    """Write code for a kernel that tries a prompt's change right after its cell, and leaves the kernel as it was.

    So nbval's run of a lesson tries its prompts as well, at the lesson's own size, and no later cell notices: the
    changed cell runs in a copy of the process. Where a copy would not work (on Windows, while a GPU is in use, or with
    more than one thread, as it would wait for the others for ever) it runs in the kernel itself, as with a reader.

    Parameters
    ----------
    source : str
        The changed cell.
    look : str
        The prompt's expression.

    Returns
    -------
    str
        Code that prints the value before and after, apart by a blank; or a traceback.

    Examples
    --------
    >>> width = 2
    >>> exec(aside("width = 5", "width"))
    2.0 5.0
    """
    return f"exec({_ASIDE!r}, {{'names': globals(), 'source': {source!r}, 'look': {look!r}}})"


_ASIDE = """
import contextlib, io, os, sys, traceback


def changed():
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            exec(compile(source, "the changed cell", "exec"), names)
        return repr(float(eval(look, names)))
    except BaseException:
        return traceback.format_exc()


before, torch = repr(float(eval(look, names))), sys.modules.get("torch")
alone = os.environ.get("OMP_NUM_THREADS") == "1" and not (torch is not None and torch.cuda.is_initialized())
if not (alone and hasattr(os, "fork")):
    after = changed()
else:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, changed().encode()[-60_000:])
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        after = pipe.read().decode()
    os.waitpid(child, 0)
print(before, after)
"""


def try_out(notebook: Any, folder: Path, *, size: str = "tiny") -> tuple[Any, dict[int, str]]:
    """Run a whole lesson as a reader who makes every change that is asked for.

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
    (nbformat.NotebookNode, dict of int to str)
        The executed lesson, without solutions and with the cells that were tried; and for each prompt's cell, by its
        index, which way the prompt's ``look`` went: up, down or same.
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
