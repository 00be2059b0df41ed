"""Reads a lesson's prose as its reader does: paragraphs, printed sentences, measured quantities, tables.

A measured quantity is a number in digits. An estimate with its interval is one, a range is one, and so is "6 of 8".
What names or dates something is none: equations, code, shapes, years and dates, numbers of lessons and sections, seeds,
and the level of an interval or a quantile ("90 % interval").
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ecomlib.course import published_numbers

_MONTH = (
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December"
    r"|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\.?"
)
_NAMED = (
    r"lessons?|sections?|chapters?|parts?|figures?|tables?|exercises?|questions?|cells?|steps?|seeds?|versions?"
    r"|protocols?|ideas?"
)
_LEVEL_OF = r"intervals?|quantiles?|percentiles?|fans?|bands?|level|reach|confidence|CI"
# In this order: what is no measured quantity is taken out before numbers are looked for.
_NO_QUANTITY = tuple(
    re.compile(pattern, re.I | re.S)
    for pattern in (
        r"```.*?```|\$\$.*?\$\$|\$[^$\n]+\$|\\\(.*?\\\)|\\\[.*?\\\]|`[^`\n]+`",  # code and equations
        r"<!--.*?-->|<[^>]+>|\]\([^)]*\)",  # comments, tags, targets of links
        rf"\b\d{{1,2}}(?:st|nd|rd|th)?\s+{_MONTH}(?:\s+\d{{4}})?\b|\b{_MONTH}\s+\d{{1,2}}(?:,?\s+\d{{4}})?\b(?!\s*%)",
        r"\d{4}-\d{2}-\d{2}|\b\d{1,2}:\d{2}(?::\d{2})?\b",
        rf"\b(?:{_NAMED})\s+\d+[a-z]?(?:(?:\s*(?:,|–|-|and|to|or)\s*)+\d+[a-z]?\b)*",
        r"(?<![\w.,])0\d[a-z]?\b(?![.,]\d)",  # a lesson's number alone
        r"\b[A-Za-z]+-\d+[a-z]?\b",  # a name: GPT-2
        r"(?<![\w.,])(?:19|20)\d{2}\b(?![.,]\d|\s*(?:%|units?|rows?|products?|orders?|series|a\b))",  # a year
        r"\((?:\s*(?:\d+|[A-Z])\s*,){2,}\s*(?:\d+|[A-Z])?\s*\)|\([A-Z]\s*,\s*(?:\d+|[A-Z])\)|\(\d+\s*,\s*[A-Z]\)",
        r"(?<![\w.,])\d+(?:\s*[x×]\s*\d+)+\b",  # shapes
        rf"(?<![\w.,])\d+(?:\.\d+)?\s*(?:%|per\s?cent)[\s-]*(?:\w+\s+)?(?:{_LEVEL_OF})\b",
    )
)
_STUCK_UNIT = re.compile(r"(?<=\d)(?=(?:x|×|k|ms|s|kB|MB|GB|kg|km|h)\b)")
_NUMBER = "\x00"
_GAP = r"[^.;\[\]()\x00]{0,30}"
# An estimate with its interval, a spread, a range: one quantity each.
_ONE = (
    re.compile(
        rf"{_NUMBER}{_GAP}[\[(][^\[\]()\x00]{{0,30}}{_NUMBER}[^\[\]()\x00]{{1,8}}{_NUMBER}[^\[\]()\x00]{{0,20}}[\])]"
    ),
    re.compile(rf"[\[(][^\[\]()\x00]{{0,30}}{_NUMBER}[^\[\]()\x00]{{1,8}}{_NUMBER}\s*%?[\])]"),
    re.compile(rf"{_NUMBER}\s*%?\s*(?:±|\+/-)\s*{_NUMBER}"),
    re.compile(rf"{_NUMBER}\s+of\s+(?:the\s+|all\s+)?{_NUMBER}"),
    re.compile(rf"(?i:between)\s+{_NUMBER}\s*%?\s*and\s+{_NUMBER}"),
    re.compile(rf"(?<!from ){_NUMBER}\s*%?\s*(?:to|–|-)\s*{_NUMBER}"),
)
_ITEM = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+")
_SKIPPED_LINE = re.compile(r"^\s*(?:#{1,6}\s|\||<!--|<img|!\[|-{3,}\s*$|={3,}\s*$)")


@dataclass(frozen=True)
class Paragraph:
    """Hold one paragraph of a Markdown text: its lines joined, and whether it is an item of a list."""

    text: str
    item: bool = False


def paragraphs(markdown: str) -> list[Paragraph]:
    """Split a Markdown text into paragraphs and items of lists; headings, tables and code in fences are none."""
    text = re.sub(r"```.*?```|~~~.*?~~~|\$\$.*?\$\$|<!--.*?-->", "\n\n", markdown, flags=re.S)
    text = re.sub(r"</?(?:details|summary|p|div|br)[^>]*>", "\n\n", text)
    found: list[Paragraph] = []
    lines: list[str] = []
    item = False

    def end() -> None:
        if joined := " ".join(lines).strip():
            found.append(Paragraph(joined, item))
        lines.clear()

    for line in text.splitlines():
        line = re.sub(r"^\s*>\s?", "", line)
        starts_item = _ITEM.match(line)
        if not line.strip() or starts_item or _SKIPPED_LINE.match(line):
            end()
            item = bool(starts_item)
            if not starts_item:
                continue
        lines.append(_ITEM.sub("", line).strip())
    end()
    return found


def quantities(text: str) -> int:
    """Count the measured quantities of a paragraph or a sentence."""
    for pattern in _NO_QUANTITY:
        text = pattern.sub(" ", text)
    text = published_numbers.NUMBER.sub(_NUMBER, _STUCK_UNIT.sub(" ", text))
    for pattern in _ONE:
        text = pattern.sub(_NUMBER, text)
    return text.count(_NUMBER)


def sentences(text: str) -> int:
    """Count sentences: ends of them, or one where a text has no end."""
    return max(1, len(re.findall(r"[.!?](?=[\s*)”\"]|$)", re.sub(r"\be\.g\.|\bi\.e\.|\bcf\.", "", text.strip()))))


def joined(value: Any) -> str:
    """Join what nbformat may keep as a list of lines."""
    return value if isinstance(value, str) else "".join(value)


def printed(cell: Any) -> Iterator[str]:
    """List what the cell's code says in sentences: Markdown and printed lines, paragraphs and captions of HTML.

    Lines of columns (two gaps of two spaces or more) are a table and no sentence; neither are reprs of objects.
    """
    for output in cell.get("outputs", []):
        for line in joined(output.get("text", "")).splitlines() if output.get("name") != "stderr" else []:
            if len(re.findall(r"\S(?:\s{2,}|\t)(?=\S)", line)) < 2 and re.search(r"[A-Za-z]{2}", line):
                yield line.strip()
        data = output.get("data", {})
        page = joined(data.get("text/html", ""))
        for tag in ("p", "li", "caption"):
            for inside in re.findall(rf"<{tag}\b[^>]*>(.*?)</{tag}>", page, re.S):
                if said := html.unescape(re.sub(r"<[^>]+>", " ", inside)).strip():
                    yield said
        for paragraph in paragraphs(joined(data.get("text/markdown", ""))):
            yield paragraph.text
        if set(data) == {"text/plain"} and joined(data["text/plain"])[:1] in "'\"":
            yield joined(data["text/plain"]).strip("'\"")


def tables(cell: Any) -> Iterator[tuple[int, int]]:
    """Measure the tables that a reader sees in a cell, in its Markdown or its outputs: rows and columns of the body."""
    if cell.cell_type == "markdown":
        yield from _markdown_tables(cell.source)
    for output in cell.get("outputs", []):
        yield from _markdown_tables(joined(output.get("data", {}).get("text/markdown", "")))
        for table in re.findall(r"<table\b.*?</table>", joined(output.get("data", {}).get("text/html", "")), re.S):
            body = re.sub(r"<thead\b.*?</thead>", "", table, flags=re.S)
            rows = [row for row in re.findall(r"<tr\b.*?</tr>", body, re.S) if "<td" in row]
            if rows:
                yield len(rows), max(map(_columns, rows))


def _columns(row: str) -> int:
    """Columns of one row: its cells, without the running number that pandas writes before a row."""
    heads = re.findall(r"<th\b[^>]*>(.*?)</th>", row, re.S)
    return row.count("<td") + sum(not head.strip().isdigit() for head in heads)


def _markdown_tables(markdown: str) -> Iterator[tuple[int, int]]:
    for block in re.findall(r"(?:^[ \t]*\|.*\n?)+", markdown, re.M):
        lines = block.strip().splitlines()
        if len(lines) > 2 and re.fullmatch(r"[\s|:-]+", lines[1]):
            yield len(lines) - 2, len(lines[0].strip().strip("|").split("|"))
