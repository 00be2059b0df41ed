"""Small notebooks that obey the course's rules, for tests of the machinery."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from ecomlib.course import setup_cell

QUIZ = "\n\n".join(
    f"**Question {n}.** What is {n} + 1?\n\n"
    f"<details><summary>{n + 1}</summary>\n\n**Right.** One more than {n}.\n\n</details>\n"
    f"<details><summary>{n}</summary>\n\n**Wrong.** Nothing was added: this is {n} itself.\n\n</details>\n"
    f"<details><summary>{n + 2}</summary>\n\n**Wrong.** You have counted the one twice over.\n\n</details>"
    for n in range(1, 6)
)
CHECKS = Path(__file__).with_name("toy_checks")
PUBLISH = """\
import pandas as pd
from matplotlib.figure import Figure

from ecomlib.course import publish, results_table

figure = Figure(figsize=(2, 1))
figure.subplots().plot([SEED, 1, 2])
publish("map", figure, title="Units rise from west to east", alt="A line that rises")
publish("leaderboard", pd.DataFrame({"model": ["naive"], "wape": [0.5]}), title="One model")
publish("answer", f"Order {SEED} mugs.", title="Answer:")
results_table("90", [{"model": "naive", "kind": "peer", "wape": 0.5, "money": 12.0}])
"""
SOLUTION = """\
# @title Solution: the double
def double_solution(x: float) -> float:
    return 2 * x


check("90.double", double_solution)"""


IMPORTS = """\
# @title Imports
from ecomlib.course import check, publish
from ecomlib.course.cast import find_cast"""
PROSE = """\
## 1 · One *(build)*

The mean is drawn again and again: the [**bootstrap**](../GLOSSARY.md#bootstrap). It says 12 [3, 20] units, 11 to 13 by
hand, and 95 % intervals hold $1 + 2 + 3 = 6$ in 2024. `find_cast` finds the cast. The bootstrap needs no formula."""
WORTH = "It earns 3 [1, 5] a week, and 4 are lost."


def code(source: str, *tags: str, **metadata: Any) -> Any:
    return new_code_cell(source, metadata={**({"tags": list(tags)} if tags else {}), **metadata})


def text(source: str, *tags: str) -> Any:
    return new_markdown_cell(source, metadata={"tags": list(tags)} if tags else {})


def lesson(title: str = "Toy", extra: str = "total = SEED + 1", exercise: bool = True) -> Any:
    """A lesson of two sections; ``extra`` is the code of its second section."""
    cells = [
        text(f"# 90 · {title}\n\n<!-- badge --><!-- /badge --> CPU, one minute\n\n**What is it worth?**"),
        code(setup_cell.text(), "setup", "hide-input", jupyter={"source_hidden": True}),
        code('SIZE = "tiny"\nSEED = 0\nDEVICE = "cpu"\nSTORE = "recorded"', "parameters"),
        text("## 1 · What we publish *(build)*"),
        code(PUBLISH),
        text("## 2 · What may fail *(diagnose)*"),
        code(extra),
    ]
    if exercise:
        # The toy's exercise is no part of the package: its kernel is told where the declaration lies.
        cells += [code(f"import ecomlib.course.exercises\n\necomlib.course.exercises.__path__.append({str(CHECKS)!r})")]
        cells += [
            text("**Exercise.** Write `double`. Expected: `double(3)` is 6.", "task"),
            code("from ecomlib.course import check\n\n\ndef double(x: float) -> float:\n    return ...", "exercise"),
            code('check("90.double", double)', "check"),
            code(SOLUTION, "solution", jupyter={"source_hidden": True}),
        ]
    cells += [text("## Quiz"), text(QUIZ, "quiz")]
    spec = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    notebook = new_notebook(cells=cells, metadata={"kernelspec": spec, "language_info": {"name": "python"}})
    for n, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{n:02d}"
    return notebook


def write(folder: Path, name: str = "90_toy.ipynb", **options: Any) -> Path:
    """Write a toy lesson into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    nbformat.write(lesson(**options), path)
    return path


def table(rows: int = 2, columns: int = 2) -> str:
    """A table as pandas shows it, with the running numbers of its rows."""
    cells = "<td>1</td>" * columns
    return (
        f"<table><thead><tr>{'<th></th>' * (columns + 1)}</tr></thead><tbody>"
        + "".join(f"<tr><th>{n}</th>{cells}</tr>" for n in range(rows))
        + "</tbody></table>"
    )


def shows(cell: Any, text: str, mime: str = "text/markdown", /, **mark: Any) -> Any:
    """Give a cell an output."""
    metadata = {"ecomlib": mark} if mark else {}
    cell.outputs = [*cell.outputs, new_output("display_data", {mime: text}, metadata=metadata)]
    return cell


def airy() -> Any:
    """A lesson that keeps every limit of ``ecomlib.course.authoring.air``, as if it had been executed."""
    hidden = {"jupyter": {"source_hidden": True}}
    prompt = {"line": "share = 0.5", "replacement": "share = 0.9", "look": "left", "direction": "down"}
    task = [
        text("**Exercise.** Write `double`: 1, 2, 3, 4 become 2, 4, 6, 8.", "task"),
        code("def double(x: float) -> float:\n    return ...", "exercise"),
        code('check("90.double", double)', "check"),
        code(SOLUTION, "solution", jupyter={"source_hidden": True}),
    ]
    fold = text("<details><summary>And?</summary>\n\nDown: less is left. Most people guess up.\n\n</details>")
    guess = code("share = 0.5\nleft = 1 - share", "nbval-check-output", predict=prompt)
    cells = [
        text("# 90 · Toy\n\n<!-- badge --><!-- /badge --> CPU, one minute\n\n**What is it worth?**"),
        code(setup_cell.text(), "setup", "hide-input", jupyter={"source_hidden": True}),
        code(
            IMPORTS,
            "hide-input",
            **hidden,
        ),
        text(PROSE),
        shows(shows(code("x = 1", "nbval-check-output"), "In lesson 04 it is 1, 2 and 3."), table(8, 6), "text/html"),
        text("## 2 · Two *(compare)*"),
        guess,
        fold,
        text("## 3 · Three *(build)*"),
        copy.deepcopy(guess),
        fold,
        shows(code("y = 2", "nbval-check-output"), "It is **3** [1, 5]."),
        text("## 4 · Four *(decide)*"),
        shows(
            code("z = 3", "nbval-check-output"),
            f"> **Worth?** {WORTH}",
            kind="answer",
            title="Worth?",
            text=WORTH,
        ),
        *task,
        *copy.deepcopy(task),
        text("## Your shop *(Part B)*"),
        code("a = 1"),
        code("b = 2"),
        text("## The end\n\n**You can now** say it.\n\n1. First 1, 2, 3, 4 and 5."),
        text(QUIZ, "quiz"),
        text("### Reading\n\n- A. Author (1951), *A book of 1, 2, 3, 4, 5 stories*.\n\n**Next:** nothing."),
    ]
    notebook = lesson()
    notebook.cells = [copy.deepcopy(cell) for cell in cells]  # one by one: some stand here twice
    for n, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{n:02d}"
    for n, cell in enumerate(c for c in notebook.cells if c.cell_type == "code"):
        cell.execution_count = n + 1
        if "nbval-check-output" in cell.metadata.get("tags", []) and not cell.outputs:
            shows(cell, "Fine.")
    return notebook
