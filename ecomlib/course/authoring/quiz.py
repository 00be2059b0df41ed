"""Parses the quiz of a lesson: four to eight questions in Markdown, one ``<details>`` per choice.

.. code-block:: markdown

    **Question 1.** Which split leaks?

    <details><summary>By week</summary>

    **Wrong.** Weeks keep the order of time: nothing later is used for anything earlier.

    </details>
    <details><summary>By row, at random</summary>

    **Right.** A row's neighbours in time stand on the other side.

    </details>
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

FEWEST, MOST = 4, 8
_QUESTION = re.compile(r"^\*\*Question (\d+)\.\*\*\s*", re.M)
_CHOICE = re.compile(r"<details>\s*<summary>(.*?)</summary>(.*?)</details>", re.S)
_ANSWER = re.compile(r"\*\*(Right|Wrong)\.\*\*\s*(.*)", re.S)


@dataclass(frozen=True)
class Choice:
    """One choice: its text, whether it is right (None where it does not say), and its explanation."""

    text: str
    right: bool | None
    why: str


@dataclass(frozen=True)
class Question:
    """One question with its choices."""

    number: int
    text: str
    choices: tuple[Choice, ...]


def parse(markdown: str) -> list[Question]:
    """The questions in a quiz cell's source."""
    pieces = _QUESTION.split(markdown)[1:]
    questions = []
    for number, body in zip(pieces[::2], pieces[1::2], strict=True):
        choices = []
        for text, inside in _CHOICE.findall(body):
            found = _ANSWER.match(inside.strip())
            right = found[1] == "Right" if found else None
            choices.append(Choice(text.strip(), right, (found[2] if found else inside).strip()))
        questions.append(Question(int(number), body.partition("<details>")[0].strip(), tuple(choices)))
    return questions


def complaints(questions: Sequence[Question]) -> list[str]:
    """What is wrong with a quiz; empty for a good one."""
    found = []
    numbers = [q.number for q in questions]
    if numbers != list(range(1, len(numbers) + 1)) or not FEWEST <= len(numbers) <= MOST:
        found.append(f"the quiz has questions {numbers}, not {FEWEST} to {MOST} of them, numbered from 1")
    for q in questions:
        said = f"quiz question {q.number}"
        if not q.text:
            found.append(f"{said} has no text")
        if len(q.choices) < 3:
            found.append(f"{said} has {len(q.choices)} choices, fewer than 3")
        if any(c.right is None for c in q.choices):
            found.append(f"{said}: each explanation starts with **Right.** or **Wrong.**")
        if sum(c.right is True for c in q.choices) != 1:
            found.append(f"{said} needs exactly one right choice")
        if len({c.text for c in q.choices}) < len(q.choices) or len({c.why for c in q.choices}) < len(q.choices):
            found.append(f"{said} has two choices or two explanations alike")
        if any(len(c.why) < 15 for c in q.choices):
            found.append(f"{said} has a choice without an explanation of its own")
    return found
