"""Checks the reader's own tables, and finds the second parts of lessons that can run on them (lesson 00, section 6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ecomlib.course import syllabus
from ecomlib.course.syllabus import Lesson, SecondPart
from ecomlib.stores.folder import read_write
from ecomlib.stores.folder.read_write import CheckReport
from ecomlib.stores.language import SMALL_WORDS
from ecomlib.stores.returns import returns_sentence
from ecomlib.stores.rhythm import Rhythm, rhythm

_OPENING = pd.Timedelta(weeks=8)  # lesson 02: a newcomer is first seen after it, and is judged by as long a time


@dataclass(frozen=True)
class DataCheck:
    """Hold the facts about a folder and what each lesson could do with it.

    Parameters
    ----------
    report : CheckReport
        What fits, what is missing, what must be mended.
    lessons : mapping of str to (bool, str)
        By a lesson's number: whether its second part would run, and what it lacks or would be better with.
    rhythm : Rhythm, optional
        How its orders come; None where no date was read.
    """

    report: CheckReport
    lessons: Mapping[str, tuple[bool, str]]
    rhythm: Rhythm | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing must be mended."""
        return self.report.ok

    @property
    def selling(self) -> tuple[str, ...]:
        """What is said of how the shop sells: its weeks, its rhythm, its returns."""
        if self.rhythm is None:
            return ()
        days = f"{self.rhythm.order_days:,} day{'s' if self.rhythm.order_days > 1 else ''}"
        weeks = f"{_weeks(self.rhythm.weeks)} from Monday to Sunday, {days} with orders."
        returned = returns_sentence(self.report.tables["orders"]) if self.ok else ""
        return (weeks, *self.rhythm.notes, *([returned] if returned else []))

    def text(self) -> str:
        """Format facts and lessons as plain text, to be printed."""
        language = self.report.language
        lines = [self.report.text(encoder_reads(language) if language else "")]
        if self.selling:
            lines += ["", "How the shop sells", *(f"  - {sentence}" for sentence in self.selling)]
        lines += ["", "What each lesson could do with these tables" + ("" if self.ok else ", once they are mended")]
        for lesson in syllabus.LESSONS:
            able, why = self.lessons[lesson.number]
            lines.append(f"  {lesson.number:<3} {lesson.title:<26} {'yes' if able else 'no ':<3} {why}".rstrip())
        return "\n".join(lines)


def check(path: str | Path) -> DataCheck:
    """Check a folder of tables and find what each lesson could do with it; raise no fault of the data."""
    report = read_write.check(path)
    found = None
    if report.period is not None:
        stock = report.tables.get("inventory", pd.DataFrame())
        dated = "date" in stock and pd.api.types.is_datetime64_any_dtype(stock["date"]) and stock["date"].notna().any()
        found = rhythm(report.tables["orders"], stock["date"].max() if dated and not report.stray else None)
    lessons = {lesson.number: able(lesson, report, found) for lesson in syllabus.LESSONS}
    return DataCheck(report, lessons, found)


def able(lesson: Lesson, report: CheckReport, found: Rhythm | None = None) -> tuple[bool, str]:
    """Decide whether a lesson's second part would run on a folder's tables, and say what it lacks.

    Parameters
    ----------
    lesson : Lesson
    report : CheckReport
    found : Rhythm, optional
        How the orders come.
    """

    def absent(names: tuple[str, ...]) -> list[str]:
        pairs = [(name, *name.partition(".")[::2]) for name in names]
        here = report.columns
        return [name for name, table, column in pairs if table not in here or (column and column not in here[table])]

    needs = lesson.needs
    lacking = absent(needs.tables)
    if report.stray:
        return False, "a date lies far from all others: see above"
    if lacking:
        return False, f"needs {', '.join(lacking)}"
    foreign = needs.english and report.language not in ("English", "unclear", "")
    words = [f"the titles seem to be {report.language}: see above"] if foreign else []
    lack = next(_lacks(needs, report, found), "")
    if lack:
        return False, "; ".join([lack, *words])
    if absent(needs.better_with):
        words.append(f"better with {', '.join(absent(needs.better_with))}")
    return True, "; ".join(words)


_STEPS = {"weeks": "one day a week", "two weeks": "every two weeks", "months": "monthly", "rarely": "rarely"}


def _lacks(needs: SecondPart, report: CheckReport, found: Rhythm | None) -> Iterator[str]:
    """What the orders lack for a second part, in the order in which it would notice."""
    if found is None:
        if needs.weeks:
            yield f"needs {_weeks(needs.weeks)} of orders, and no date was read"
        return
    if (needs.step == "weeks" and not found.weekly) or (needs.step == "days" and found.cadence != "days"):
        yield f"orders come {_STEPS[found.cadence]}, and it counts {needs.step}"
    if found.panel_weeks < needs.weeks:
        verb = "is" if found.panel_weeks == 1 else "are"
        yield f"needs {_weeks(needs.weeks)} of orders, there {verb} {found.panel_weeks}"
    orders = report.tables["orders"]
    regions = orders["region_id"].nunique() if "region_id" in orders else 0  # a column at fault may be missing
    if regions < needs.regions:
        yield f"needs orders from {needs.regions} regions, there are {regions}"
    if "product_id" not in orders:
        return
    if needs.products > 1 and "unit_price" in orders:
        prices = orders.groupby("product_id")["unit_price"].nunique()
        if len(prices) < needs.products:
            yield f"needs {needs.products} products that sold, there are {len(prices)}"
        if (prices > 1).mean() < needs.moved:
            yield f"needs prices that have moved, for {needs.moved:.0%} of the products; {(prices > 1).mean():.0%} have"
    if needs.new and "product_id" in report.tables.get("products", ()):
        old, new = _first_seen(report.tables["products"], orders)
        if new < needs.new:
            yield (
                f"needs {needs.new} products first seen after the first {_OPENING.days // 7} weeks, and as long before "
                f"the end; there are {new}"
            )
        if old < needs.old:
            yield f"needs {needs.old} products of the first {_OPENING.days // 7} weeks, there are {old}"


def _weeks(count: int) -> str:
    return "1 full week" if count == 1 else f"{count:,} full weeks"


def _first_seen(products: pd.DataFrame, orders: pd.DataFrame) -> tuple[int, int]:
    """Products of the opening weeks, and newcomers after them, as lesson 02 counts them (``text.cold_start``)."""
    lines = orders.dropna(subset=["ordered_at", "product_id"])
    opened, closed = lines["ordered_at"].min().normalize(), lines["ordered_at"].max().normalize()
    day = lines.groupby("product_id")["ordered_at"].min().dt.normalize()
    if "launched_on" in products and pd.api.types.is_datetime64_any_dtype(products["launched_on"]):
        launched = products.drop_duplicates("product_id").set_index("product_id")["launched_on"].reindex(day.index)
        day = launched.fillna(day)
    day = day.clip(lower=opened)
    day = day[day + _OPENING <= closed + pd.Timedelta(days=1)]
    later = int((day > day.min() + _OPENING).sum()) if len(day) else 0
    return len(day) - later, later


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
