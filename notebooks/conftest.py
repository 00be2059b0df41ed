"""What nbval has just run must say what the committed lesson says: words, and numbers within their tolerances.

A prompt to predict, change and run is tried right after its cell, at the lesson's own size: does it go as it says?
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ecomlib.course.authoring import guard, prompts, try_prompts

RECORD = Path(__file__).resolve().parents[1] / "tests" / "golden" / "published.csv"


@cache
def recorded() -> pd.DataFrame:
    """Read the tolerances of all published numbers."""
    return pd.read_csv(RECORD, dtype={"lesson": str, "cell": str, "key": str})


def answer_of(kernel: Any, code: str, seconds: float) -> str:
    """What a kernel of nbval's prints when it runs this code."""
    message, said = kernel.execute_cell_input(code, allow_stdin=False), []
    kernel.await_reply(message, timeout=seconds)
    while True:
        heard = kernel.get_message("iopub", timeout=seconds)
        if heard["parent_header"].get("msg_id") == message:
            said.append(heard["content"].get("text", "") + "\n".join(heard["content"].get("traceback", ())))
            if heard["content"].get("execution_state") == "idle":
                return "".join(said).strip()


def tried(item: Any) -> list[str]:
    """What is wrong with the prompt of a cell that has just run; nothing where it has none."""
    place = next(number for number, cell in enumerate(item.parent.nb.cells) if cell is item.cell)
    prompt = next((prompt for prompt in prompts.prompts(item.parent.nb) if prompt.cell == place), None)
    if prompt is None:
        return []
    source = prompts.change(item.parent.nb, prompt).cells[place].source
    code = try_prompts.aside(source, prompt.look)
    said = answer_of(item.parent.kernel, code, item.config.option.nbval_cell_timeout)
    try:
        before, after = map(float, said.split())
    except ValueError:
        return [f"the changed cell failed: {said}"]
    went = try_prompts.direction(before, after)
    return [] if went == prompt.direction else [f"the prompt says {prompt.direction}: {before:g} became {after:g}"]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Any:
    """Compare the outputs of a cell that nbval has run with the committed ones."""
    answer = yield
    again = getattr(item, "test_outputs", None)
    if again is not None and item.cell.execution_count is not None:  # type: ignore[attr-defined]
        number = item.path.name.partition("_")[0]
        said = guard.complaints(number, item.cell, again, recorded())  # type: ignore[attr-defined]
        if said:
            pytest.fail("\n".join(["the committed output is not what the lesson says now", *said]), pytrace=False)
        if wrong := tried(item):
            pytest.fail("\n".join(wrong), pytrace=False)
    return answer
