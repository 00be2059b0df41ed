"""Follows the terms of the glossary along a reader's path: each is in bold where it is first used, and not used before.

A reader has surely read a lesson's prerequisites, and theirs; no other lesson is taken for granted, since the paths of
the syllabus differ. A term that is in bold in one of them is known, any other is new.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ecomlib.course import glossary, lessons, syllabus

_BOLD = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*", re.S)
_NO_PROSE = re.compile(
    r"```.*?```|`[^`\n]+`|\$\$.*?\$\$|\$[^$\n]+\$|<!--.*?-->|\[\d\d[a-z]? · [^\]]*\]|\]\([^)]*\)|^#{1,6}\s[^\n]*$",
    re.S | re.M,
)
_LINK = re.compile(r"GLOSSARY\.md#([\w-]+)")
READING = re.compile(r"^#{2,6}\s+(?:Reading|Further reading)\b.*?(?=^#{1,6}\s|^\*\*Next|\Z)", re.S | re.M)
_NOT_READ = {"quiz", "instructor", "solution"}


@dataclass(frozen=True)
class Use:
    """Say where a lesson first uses a term: the cell, whether in bold there, and whether it is used before its bold."""

    term: glossary.Term
    cell: int
    bold: bool
    linked: bool
    before: bool = False


def before(number: str) -> tuple[str, ...]:
    """List the lessons that a reader of lesson ``number`` has read: prerequisites and theirs, in order."""
    known: set[str] = set()
    waiting = [number]
    while waiting:
        entry = syllabus.lesson(waiting.pop())
        for earlier in entry.prerequisites if entry else ():
            if earlier not in known:
                known.add(earlier)
                waiting.append(earlier)
    return tuple(entry.number for entry in syllabus.LESSONS if entry.number in known)


def uses(notebook: Any) -> list[Use]:
    """List the glossary's terms that a lesson's prose uses, in the order of their first use.

    Headings, code, equations, the quiz and the reading list are not looked at.
    """
    prose = [(n, _prose(cell)) for n, cell in enumerate(notebook.cells) if _is_prose(cell)]
    found = []
    for term in glossary.terms():
        first = _first(term, prose)
        if first:
            found.append(first)
    return sorted(found, key=lambda use: use.cell)


def said(notebook: Any) -> set[str]:
    """Name the terms that a lesson sets in bold."""
    return {use.term.term for use in uses(notebook) if use.bold}


def new(notebook: Any, number: str, read: Mapping[str, Any]) -> list[Use]:
    """List the uses of terms that no lesson before ``number`` has in bold, names of architectures left out.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        Lesson ``number``.
    number : str
        Such as ``"04b"``.
    read : mapping
        All lessons by their numbers.
    """
    known = set().union(*(said(read[earlier]) for earlier in before(number) if earlier in read))
    return [use for use in uses(notebook) if use.term.term not in known]


def complaints(found: list[Use]) -> Iterator[tuple[int, str]]:
    """Say what is wrong with the first uses of new terms: cell and complaint."""
    for use in found:
        name = f"'{use.term.term}'"
        if use.bold and not use.linked:
            yield use.cell, f"{name} is not linked to the glossary: [**{use.term.term}**](../{_target(use.term)})"
        if use.before or not (use.bold or use.term.note):
            yield use.cell, f"{name} is used before it is said in bold, with its plain word ({use.term.plain})"


def broken_links(notebook: Any) -> list[str]:
    """List links to the glossary that lead nowhere."""
    anchors = {term.anchor for term in glossary.terms()}
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    return sorted({link for link in _LINK.findall(text) if link not in anchors})


def _target(term: glossary.Term) -> str:
    return f"{glossary.PAGE}#{term.anchor}"


def _is_prose(cell: Any) -> bool:
    return cell.cell_type == "markdown" and not _NOT_READ & set(lessons.tags(cell))


def _prose(cell: Any) -> str:
    # What is taken out leaves as many blanks, so that places in the text stay the same.
    text = READING.sub(lambda match: " " * len(match[0]), cell.source)
    return _NO_PROSE.sub(lambda match: match[0] if "GLOSSARY.md" in match[0] else " " * len(match[0]), text)


def _first(term: glossary.Term, prose: list[tuple[int, str]]) -> Use | None:
    """Find a term's first use; of an everyday word only the bold one is a use of the term."""
    plain: int | None = None
    for cell, text in prose:
        bold = [(match.start(), match.end()) for match in _BOLD.finditer(text) if term.pattern.search(match[1])]
        for match in term.pattern.finditer(re.sub(r"\]\([^)]*\)", lambda link: " " * len(link[0]), text)):
            inside = next((span for span in bold if span[0] <= match.start() and match.end() <= span[1]), None)
            if inside:
                linked = term.anchor in _LINK.findall(text[inside[0] : inside[1] + 80])
                return Use(term, cell, True, linked, plain is not None)
            if term.note != glossary.EVERYDAY and plain is None:
                plain = cell
    return None if plain is None else Use(term, plain, False, False)
