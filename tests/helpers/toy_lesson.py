"""Small notebooks that obey the course's rules, for tests of the machinery."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

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


def code(source: str, *tags: str, **metadata: Any) -> Any:
    return new_code_cell(source, metadata={**({"tags": list(tags)} if tags else {}), **metadata})


def text(source: str, *tags: str) -> Any:
    return new_markdown_cell(source, metadata={"tags": list(tags)} if tags else {})


def lesson(title: str = "Toy", extra: str = "total = SEED + 1", exercise: bool = True) -> Any:
    """A lesson of two sections; ``extra`` is the code of its second section."""
    cells = [
        text(f"# 90 · {title}\n\n<!-- badge --><!-- /badge --> CPU, one minute\n\n**What is it worth?**"),
        code(setup_cell.text(), "setup"),
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
