"""Holds the course's terms: the word that readers search for, the plain word beside it, and the Chinese one.

``assets/glossary.csv`` is the one place where a term is written down; ``GLOSSARY.md`` is made from it
(``python -m ecomlib.course.glossary``), and the lint of lessons knows terms by it.
"""

from __future__ import annotations

import csv
import re
import sys
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from pathlib import Path

PAGE = Path("GLOSSARY.md")
# What the column "note" may say: a word of everyday English, whose uses before the term cannot be told from the term's;
# the name of an architecture, which does not count as a new term.
EVERYDAY, ARCHITECTURE = "everyday", "architecture"


@dataclass(frozen=True)
class Term:
    """Describe one term.

    Parameters
    ----------
    term : str
        The field's own word, in the singular.
    plain : str
        The same in plain words.
    chinese : str
        The same in Chinese.
    also : tuple of str
        Other words for it.
    note : str
        Empty, ``EVERYDAY`` or ``ARCHITECTURE``.
    """

    term: str
    plain: str
    chinese: str
    also: tuple[str, ...] = ()
    note: str = ""

    @property
    def anchor(self) -> str:
        """Name the term's place on the page: ``GLOSSARY.md#anchor``."""
        return re.sub(r"[^a-z0-9]+", "-", self.term.lower()).strip("-")

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Match the term and its other words in a text, also in the plural and across the end of a line."""
        words = sorted((self.term, *self.also), key=len, reverse=True)
        either = "|".join(r"[\s-]+".join(map(re.escape, re.split(r"[\s-]+", word))) for word in words)
        return re.compile(rf"(?<![\w-])(?:{either})(?:s|es)?(?![\w-])", re.I)


@cache
def terms() -> tuple[Term, ...]:
    """Read all terms, in the order of the file."""
    file = resources.files("ecomlib.course") / "assets" / "glossary.csv"
    with file.open(encoding="utf-8") as opened:
        rows = list(csv.DictReader(opened))
    return tuple(
        Term(row["term"], row["plain"], row["chinese"], tuple(filter(None, row["also"].split("|"))), row["note"])
        for row in rows
    )


def page() -> str:
    """Write the glossary as Markdown: one table, by the alphabet, with an anchor for each term."""
    lines = [
        "# Glossary",
        "",
        "The terms of the lessons: the word to search for, what it means in plain words, and the Chinese term.",
        "A lesson sets a term in bold where it first uses it.",
        "Made from `ecomlib/course/assets/glossary.csv` by `python -m ecomlib.course.glossary`.",
        "",
        "| term | in plain words | 中文 | also |",
        "|---|---|---|---|",
    ]
    for term in sorted(terms(), key=lambda each: each.term.lower()):
        name = f'<a id="{term.anchor}"></a>**{term.term}**'
        lines.append(f"| {name} | {term.plain} | {term.chinese} | {', '.join(term.also)} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the page into the checkout; returns the command's exit code."""
    from ecomlib.course import lessons
    from ecomlib.files import write_whole

    root = lessons.checkout()
    if root is None:
        print("ecomlib: This folder lies in no checkout of ecomlib.", file=sys.stderr)
        return 1
    write_whole(root / PAGE, page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
