"""The glossary: whole, without two of one name, on its page as it is in the data, and found in texts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ecomlib.course import glossary

ROOT = Path(__file__).resolve().parents[2]
TERMS = {term.term: term for term in glossary.terms()}


def test_the_page_is_made_from_the_data_and_the_readme_links_it() -> None:
    page = (ROOT / glossary.PAGE).read_text(encoding="utf-8")
    assert page == glossary.page(), "mend it with: python -m ecomlib.course.glossary"
    assert all(f'<a id="{term.anchor}"></a>**{term.term}**' in page and term.chinese in page for term in TERMS.values())
    assert "(GLOSSARY.md)" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_each_term_has_all_three_words_and_a_place_of_its_own() -> None:
    assert len(TERMS) == len(glossary.terms()) == len({term.anchor for term in TERMS.values()}) >= 60
    for term in TERMS.values():
        assert len(term.plain) > 4 and re.search(r"[\u4e00-\u9fff]", term.chinese), term
        assert term.plain.lower() != term.term.lower() and "|" not in term.plain, term
        assert term.note in ("", glossary.EVERYDAY, glossary.ARCHITECTURE), term
        assert all(term.pattern.fullmatch(word) for word in (term.term, *term.also)), term


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("bootstrap", "Two Bootstraps are drawn", "Bootstraps"),
        ("bootstrap", "by bootstrapping", "bootstrapping"),
        ("bootstrap", "a bootstrapped mean, no-bootstrap", None),
        ("backtest with a rolling origin", "a backtest with a\nrolling origin", "backtest with a\nrolling origin"),
        ("back-propagation through time", "backpropagation through time", "backpropagation through time"),
        ("point-in-time (as-of) join", "an as-of join", "as-of join"),
        ("stockout", "days of stock-outs", "stock-outs"),
        ("gate", "delegates", None),
        ("SLO", "slow", None),
    ],
)
def test_a_term_is_found_in_the_plural_and_across_lines_and_not_in_other_words(
    name: str, text: str, found: str | None
) -> None:
    match = TERMS[name].pattern.search(text)
    assert (match and match[0]) == found
