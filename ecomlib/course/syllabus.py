"""Lists the lessons, one entry each: its question, its sections and its needs; and the paths through the lessons.

README, ``ecomlib run``, its report, ``ecomlib data check`` and ``make notebooks`` read it. What is not written yet says
so in the README. Docstrings of the package point here (``lesson NN, section N``); a test follows these pointers.
"""

from __future__ import annotations

from collections.abc import Mapping

from ecomlib.course.entries import part_one, part_two
from ecomlib.course.entries.entry import Lesson, SecondPart

__all__ = ["KINDS", "LESSONS", "PATHS", "Lesson", "SecondPart", "in_reading_order", "lesson"]

KINDS = ("build", "compare", "diagnose", "decide", "Part B")

LESSONS = part_one.LESSONS + part_two.LESSONS

# Ways through the course for readers who do not want all of it: each holds what its lessons build on.
PATHS: Mapping[str, tuple[str, ...]] = {
    "half a day": ("00", "01"),
    "one day": ("00", "01", "07b", "08"),
    "two days": ("00", "01", "02", "03", "04", "04a", "07b", "08", "12"),
    "evenings on Colab": ("00", "02", "04", "04a", "04b", "03"),
    "analyst": ("00", "01", "03", "03b", "11", "12", "13"),
    "platform": ("00", "01", "08"),
}


def lesson(number: str) -> Lesson | None:
    """Return lesson ``number`` (such as ``"04b"``), or None where the syllabus has none of this number."""
    return next((entry for entry in LESSONS if entry.number == number), None)


def in_reading_order() -> tuple[Lesson, ...]:
    """List the lessons as a reader meets them: the spine first, then the shelf."""
    return tuple(sorted(LESSONS, key=lambda entry: not entry.spine))
