"""Checks the reader's own tables, and finds the second parts of lessons that can run on them (lesson 00, section 6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ecomlib.course import syllabus
from ecomlib.course.syllabus import Lesson
from ecomlib.stores.folder import read_write
from ecomlib.stores.folder.read_write import CheckReport
from ecomlib.stores.language import SMALL_WORDS


@dataclass(frozen=True)
class DataCheck:
    """Hold the facts about a folder and what each lesson could do with it.

    Parameters
    ----------
    report : CheckReport
        What fits, what is missing, what must be mended.
    lessons : mapping of str to (bool, str)
        By a lesson's number: whether its second part would run, and what it lacks or would be better with.
    """

    report: CheckReport
    lessons: Mapping[str, tuple[bool, str]]

    @property
    def ok(self) -> bool:
        """Whether nothing must be mended."""
        return self.report.ok

    def text(self) -> str:
        """Format facts and lessons as plain text, to be printed."""
        language = self.report.language
        lines = [self.report.text(encoder_reads(language) if language else "")]
        lines += ["", "What each lesson could do with these tables" + ("" if self.ok else ", once they are mended")]
        for lesson in syllabus.LESSONS:
            able, why = self.lessons[lesson.number]
            lines.append(f"  {lesson.number:<3} {lesson.title:<26} {'yes' if able else 'no ':<3} {why}".rstrip())
        return "\n".join(lines)


def check(path: str | Path) -> DataCheck:
    """Check a folder of tables and find what each lesson could do with it; raise no fault of the data."""
    report = read_write.check(path)
    return DataCheck(report, {lesson.number: able(lesson, report) for lesson in syllabus.LESSONS})


def able(lesson: Lesson, report: CheckReport) -> tuple[bool, str]:
    """Decide whether a lesson's second part would run on a folder's tables, and say what it lacks."""

    def absent(names: tuple[str, ...]) -> list[str]:
        pairs = [(name, *name.partition(".")[::2]) for name in names]
        here = report.columns
        return [name for name, table, column in pairs if table not in here or (column and column not in here[table])]

    needs, weeks = lesson.needs, report.weeks
    lacking = absent(needs.tables)
    if lacking:
        return False, f"needs {', '.join(lacking)}"
    if weeks < needs.weeks:
        return False, f"needs {needs.weeks} weeks of orders, there are {weeks}"
    words = [f"better with {', '.join(absent(needs.better_with))}"] if absent(needs.better_with) else []
    if needs.english and report.language not in ("English", "unclear", ""):
        words.insert(0, f"the titles seem to be {report.language}: see above")
    return True, "; ".join(words)


def encoder_reads(language: str) -> str:
    """Say in one sentence what the course's English encoder makes of titles in this language (lesson 02, section 4)."""
    if language == "English":
        return "the course's encoder was made for English and reads them."
    if language == "unclear":
        return "the course's encoder reads English only; lesson 02 shows how to tell whether it knows your words."
    if language in SMALL_WORDS:
        return (
            "the course's encoder was made for English: it cuts these words into pieces that mean little to it. "
            "Translate the titles, or expect nothing from the text."
        )
    return (
        "the course's English encoder will not read them: most words become 'unknown', and all titles look alike. "
        "Translate the titles, or leave the text out."
    )
