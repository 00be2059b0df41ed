"""Lists the numbers that executed lessons publish, one row each, and compares them with the record.

``publish`` and ``results_table`` (``ecomlib.course.publishing``) mark their outputs; every number in a marked output
is a published number: the results table's rows of the lesson itself, the cells of frames, and the numbers in sentences
(titles, answers, alternative texts of figures) in the order in which they stand there. Numbers in sentences that are
shown without a mark (Markdown that code has made, printed lines, frames) are listed after them, of the kind ``said``.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from xml.etree import ElementTree

import pandas as pd

IDENTITY = ["lesson", "cell", "output", "key"]
# A number alone: not part of a name (P0001, fp16), a date (2026-11-22) or an ordinal. A minus counts where it can only
# be a sign, so that "8-12" is 8 and 12.
NUMBER = re.compile(
    r"(?<![\w.,])(?:(?<![\w)\]])[-+−])?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[-+]?\d+)?(?![\w]|[.,]\d)"
)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}|\d{1,2}:\d{2}(?::\d{2})?")  # or a time of day
# What a clock says is no finding: it is recorded, but nothing holds it to a value. A column or a sentence with one of
# these words tells wall-clock time, a rate, a ratio of times, or how far something had come at some moment.
_CLOCK_COLUMN = re.compile(r"\b(?:seconds|minutes|hours?|ms|µs|speed|p50|p99|windows a second|so far)\b|, s$", re.I)
_CLOCK_SENTENCE = re.compile(
    r"\b(?:milliseconds|microseconds|ms|p50|p99|times as fast|speed|(?:windows|operations) a second)\b", re.I
)
_CLOCK_UNIT = re.compile(r"[\s*]*(?:seconds?|minutes?|hours?|milliseconds?|microseconds?|ms|µs|s|min|h)\b(?!-)")
SAID = "said"


@dataclass(frozen=True)
class PublishedNumber:
    """One number of an executed lesson.

    Attributes
    ----------
    lesson, cell : str
        The lesson's number and the cell's id.
    output : int
        Which of the cell's published outputs it stands in, from 1.
    kind, title : str
        What ``publish`` was given.
    key : str
        ``row/column`` in a table; ``title n``, ``text n`` or ``alt n`` for the n-th number of a sentence; ``said n`` in
        what has no mark (``output`` then counts those).
    value : float
        The number as it is shown.
    step : float
        One unit of its last shown digit.
    clock : bool
        Whether it is wall-clock time, a rate or a ratio of times, which differ from run to run.
    """

    lesson: str
    cell: str
    output: int
    kind: str
    title: str
    key: str
    value: float
    step: float
    clock: bool


def numbers_in(text: str) -> list[tuple[float, float]]:
    """Find the numbers in a text, in order: their values, and one unit of the last digit of each."""
    found = []
    for match in NUMBER.finditer(_DATE.sub(lambda date: "x" * len(date[0]), text)):
        digits = match[0].replace(",", "").replace("−", "-")
        mantissa, _, exponent = digits.partition("e")
        decimals = len(mantissa.partition(".")[2])
        found.append((float(digits), 10.0 ** (int(exponent or 0) - decimals)))
    return found


def numbers(notebook: Any, lesson: str) -> list[PublishedNumber]:
    """List every number that an executed lesson has published, in order.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        The executed lesson.
    lesson : str
        Its number, such as ``"04b"``.
    """
    found = []
    for cell in notebook.cells:
        marked = [output for output in cell.get("outputs", []) if output.get("metadata", {}).get("ecomlib")]
        for place, output in enumerate(marked, start=1):
            mark = output["metadata"]["ecomlib"]
            where = (lesson, cell["id"], place, mark["kind"], mark["title"])
            found += [PublishedNumber(*where, *said) for said in _numbers_of(mark, output.get("data", {}))]
    for cell in notebook.cells:
        for place, output in enumerate(unmarked(cell), start=1):
            where = (lesson, cell["id"], place, SAID, " ".join(plain(said_text(output)).split())[:60])
            found += [PublishedNumber(*where, *one) for one in _numbers_said(said_text(output))]
    return found


def unmarked(cell: Any) -> list[Any]:
    """List a cell's outputs that say something and have no mark: Markdown, frames, reprs, and what was printed.

    What was printed in one go is one output: a busy kernel sends it in pieces, and no rule says in how many.
    """
    found: list[Any] = []
    pieces = False
    for output in cell.get("outputs", []):
        printed = output.get("name") == "stdout"
        if output.get("metadata", {}).get("ecomlib") or output.get("name") == "stderr" or not said_text(output):
            pieces = False
        elif printed and pieces:
            found[-1] = {**found[-1], "text": said_text(found[-1]) + said_text(output)}
        else:
            found.append(output)
            pieces = printed
    return found


def said_text(output: Any) -> str:
    """Read what an output shows: the richest of its texts; empty for a picture."""
    data = output.get("data", {})
    if any(mime.startswith("image/") for mime in data):
        return ""
    said = (data[mime] for mime in ("text/markdown", "text/html", "text/plain") if mime in data)
    text = output.get("text") or next(said, "")
    return text if isinstance(text, str) else "".join(text)


def plain(text: str) -> str:
    """Take tags and styles out of a text."""
    return html.unescape(re.sub(r"<style.*?</style>|<[^>]+>", " ", text, flags=re.S))


def known(recorded: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """Keep those of the found numbers that the record can know: lessons, and of each the said ones once it has any.

    A new lesson is recorded when it has settled; what the standing ones say without a mark, at their next record.
    """
    said = set(recorded.loc[recorded["kind"] == SAID, "lesson"])
    in_lesson = found["lesson"].isin(set(recorded["lesson"]))
    return found[in_lesson & ((found["kind"] != SAID) | found["lesson"].isin(said))].reset_index(drop=True)


def table(found: Sequence[PublishedNumber]) -> pd.DataFrame:
    """Put published numbers into a table: the fields of ``PublishedNumber`` as columns."""
    columns = [*PublishedNumber.__dataclass_fields__]
    return pd.DataFrame([asdict(number) for number in found], columns=columns)


def complaints(recorded: pd.DataFrame, found: pd.DataFrame) -> list[str]:
    """Compare published numbers with the record: one line for each that moved, is missing, or is new.

    Parameters
    ----------
    recorded : DataFrame
        ``IDENTITY``, ``value`` and ``tolerance``; a missing tolerance means that the value is not held (a clock's).
    found : DataFrame
        What ``table`` gives for the lessons as they are. What the record cannot know yet is left out (``known``).
    """
    found = known(recorded, found)
    both = recorded.merge(found, how="outer", on=IDENTITY, suffixes=("_recorded", "_found"), indicator=True)
    said = []
    for row in both.to_dict("records"):
        name = f"lesson {row['lesson']}, cell {row['cell']}, output {row['output']}, {row['key']}"
        if row["_merge"] == "left_only":
            said.append(f"{name}: {row['value_recorded']:g} is no longer published")
        elif row["_merge"] == "right_only":
            said.append(f"{name}: {row['value_found']:g} is published and not recorded")
        elif abs(row["value_found"] - row["value_recorded"]) > row["tolerance"]:  # never above a missing one
            said.append(f"{name}: {row['value_found']:g} instead of {row['value_recorded']:g} ± {row['tolerance']:g}")
    return said


def _numbers_of(mark: Mapping[str, Any], data: Mapping[str, Any]) -> Iterator[tuple[str, float, float, bool]]:
    for name in ("title", "text", "alt"):
        sentence = mark.get(name) or ""
        clock = _CLOCK_SENTENCE.search(sentence) is not None
        for n, (value, step) in enumerate(numbers_in(sentence), start=1):
            yield f"{name} {n}", value, step, clock
    cells: Iterator[tuple[str, str, float, float]] = iter(())
    if "rows" in mark:  # the results table: its HTML shows earlier lessons' rows too
        cells = _rows(mark["rows"])
    elif "text/html" in data:
        text = data["text/html"]
        cells = _cells(text if isinstance(text, str) else "".join(text))
    rates = _CLOCK_SENTENCE.search(mark["title"]) is not None  # then all columns are rates
    for row, column, value, step in cells:
        told = rates or _CLOCK_COLUMN.search(column.rstrip(" 0123456789")) is not None
        clock = "recorded" not in mark["title"] and told
        yield f"{row}/{column}", value, step, clock


def _numbers_said(text: str) -> Iterator[tuple[str, float, float, bool]]:
    if "<table" in text:
        try:
            cells = list(_cells(re.sub(r"<style.*?</style>", "", text, flags=re.S)))
        except (ElementTree.ParseError, ValueError):  # a page of its own, or a table with heads of several rows
            cells = []
        for row, column, value, step in cells:
            yield f"{row}/{column}", value, step, _CLOCK_COLUMN.search(column.rstrip(" 0123456789")) is not None
        if cells:
            return
    text = plain(text)
    clock = _CLOCK_SENTENCE.search(text) is not None
    masked = _DATE.sub(lambda date: "x" * len(date[0]), text)
    found = zip(NUMBER.finditer(masked), numbers_in(text), strict=True)
    for n, (match, (value, step)) in enumerate(found, start=1):
        yield f"said {n}", value, step, clock or _CLOCK_UNIT.match(masked, match.end()) is not None


def _rows(rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str, float, float]]:
    names = _distinct([f"{row.get('store', '')} {row['model']}".strip() for row in rows])
    columns = list(dict.fromkeys(column for row in rows for column in row))
    for column in columns:
        values = [row.get(column) for row in rows]
        shown = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
        if not shown or column == "lesson":
            continue
        step = 10.0 ** -max(len(repr(float(v)).partition(".")[2].rstrip("0")) for v in shown)
        for name, value in zip(names, values, strict=True):
            if isinstance(value, int | float) and not isinstance(value, bool):
                yield name, column, float(value), step


def _cells(text: str) -> Iterator[tuple[str, str, float, float]]:
    """Numbers of a table that ``results.table_html`` wrote; a row is named by its first cell where that is text."""
    page = ElementTree.fromstring(f"<div>{text}</div>")
    columns = _distinct(["".join(cell.itertext()) for cell in page.iterfind(".//thead/tr/th")])
    body = [["".join(cell.itertext()) for cell in row] for row in page.iterfind(".//tbody/tr")]
    named = bool(body) and not any(_is_number(row[0]) for row in body)
    names = _distinct([row[0] if named else f"row {n}" for n, row in enumerate(body, start=1)])
    for name, row in zip(names, body, strict=True):
        for column, text in list(zip(columns, row, strict=True))[int(named) :]:
            inside = numbers_in(text)
            for n, (value, step) in enumerate(inside, start=1):
                yield name, column + (f" {n}" if len(inside) > 1 else ""), value, step


def _is_number(text: str) -> bool:
    return bool(NUMBER.fullmatch(text.strip()) or _DATE.match(text.strip()))


def _distinct(names: Sequence[str]) -> list[str]:
    """Give the second and later ones of equal names a number."""
    seen: Counter[str] = Counter()
    answer = []
    for name in names:
        seen[name] += 1
        answer.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return answer
