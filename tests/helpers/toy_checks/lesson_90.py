"""The exercise of the toy lesson (``tests/helpers/toy_lesson.py``)."""

from typing import Any

from ecomlib.course.exercises import Exercise


def double(x: float) -> float:
    return 2 * x


def double_stub(x: float) -> Any:
    return ...


def square(x: float) -> float:
    return x * x


EXERCISES = (
    Exercise(
        "90.double",
        double,
        double_stub,
        cases=lambda rng: [(3.0,), (float(rng.uniform(5, 6)),)],
        mistakes={"square": (square, "That is the square: it doubles 2 only.")},
        praise="Twice as much.",
    ),
)
