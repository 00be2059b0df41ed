"""Exercises of all lessons: those of lesson NN are in ``lesson_NN.py`` beside this file, in a tuple ``EXERCISES``.

One with many mistakes has a file of its own, from which ``lesson_NN.py`` takes it. The files are the list: an exercise
is known as soon as its file holds it.
"""

from __future__ import annotations

import copy
import importlib
import pkgutil
from typing import Any

from ecomlib.course.exercises.judge import Answer, Exercise, Raised, Verdict, judge, same
from ecomlib.errors import LessonError

__all__ = [
    "Answer",
    "Exercise",
    "Raised",
    "Verdict",
    "check",
    "exercises",
    "find",
    "inputs",
    "judge",
    "modules",
    "same",
]


def modules() -> list[str]:
    """Lessons that have exercises: their numbers, in order."""
    return sorted(
        m.name.removeprefix("lesson_") for m in pkgutil.iter_modules(__path__) if m.name.startswith("lesson_")
    )


def exercises(lesson: str) -> dict[str, Exercise]:
    """The exercises of one lesson by name; empty where it has none."""
    if lesson not in modules():
        return {}
    module = importlib.import_module(f"{__name__}.lesson_{lesson}")
    return {exercise.name: exercise for exercise in module.EXERCISES}


def find(name: str) -> Exercise:
    """The exercise called ``name``; ``LessonError`` lists the names there are."""
    known = exercises(name.partition(".")[0])
    if name not in known:
        listed = ", ".join(known) or "none in this lesson"
        raise LessonError(f"There is no exercise '{name}'. Known: {listed}.")
    return known[name]


def inputs(name: str) -> tuple[Any, ...]:
    """The first case's arguments, for exercises whose answer is an array instead of a function."""
    return copy.deepcopy(find(name).make_cases()[0])


def check(name: str, answer: Any) -> None:
    """Print a success line or a hint that fits; never raises for a wrong answer."""
    print(judge(find(name), answer).text)
