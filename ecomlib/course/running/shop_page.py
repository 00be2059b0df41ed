"""Opens a report with the reader's shop: its card, and what each lesson said of it."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ecomlib.course.running.results import LessonRun, RunSettings
from ecomlib.errors import EcomlibError

if TYPE_CHECKING:
    from ecomlib.course.running.report import Mark

ORDER_LIST = "order_list.csv"


def shop_section(
    runs: Sequence[LessonRun], settings: RunSettings, published: Mapping[str, Sequence[Mark]], shop: str
) -> str:
    """Write the section of the reader's shop: best sellers, months, what to order, and a sentence a lesson."""
    cards = [mark.data["text/html"] for found in published.values() for mark in found if _is_card(mark)]
    if cards:
        card = f'<div class="table">{cards[0]}</div><p><a href="{ORDER_LIST}">The whole list as CSV</a></p>'
    else:
        card = (
            f'<div class="table">{_card(shop)}</div>'
            f'<p class="soft">What to order next week: <code>ecomlib run 00 --store {html.escape(shop)}</code></p>'
        )
    said = "".join(
        f"<li><b>{run.lesson.number} · {html.escape(run.lesson.title)}:</b> "
        f"{_said(run, published.get(run.lesson.number, []))}</li>"
        for run in runs
    )
    return (
        f'<section><h2 id="shop">Your shop</h2><p class="soft">{html.escape(shop)}</p>{card}'
        f"<h3>What each lesson found there</h3><ul>{said}</ul></section>"
    )


def _is_card(mark: Mark) -> bool:
    return mark.kind == "shop" and not mark.text and "text/html" in mark.data


def _card(shop: str) -> str:
    """The shop's card without an order list: no lesson that was run has made one."""
    from ecomlib.evaluation.answer_card import CardSettings, answer_card
    from ecomlib.stores import load_store

    try:
        store = load_store(shop)
    except EcomlibError as problem:
        return f"<p>{html.escape(str(problem))}</p>"
    how = CardSettings(store.name, store.currency)
    return str(answer_card(store.orders, store.products, settings=how)._repr_html_())


def _said(run: LessonRun, published: Sequence[Mark]) -> str:
    """What a lesson said of the shop: its sentence, that its rows are below, or why it did not take part."""
    if not run.passed:
        return '<span class="state bad">failed</span>'
    sentences = [mark.text for mark in published if mark.kind == "shop" and mark.text]
    if sentences:
        return html.escape(" ".join(sentences))
    rows = [row for mark in published for row in mark.rows if row.get("store") not in (None, "simulated")]
    if rows:
        return f'took part: {len(rows)} rows in <a href="#leaderboard">its table</a>'
    refused = [mark.text for mark in published if mark.kind == "refused"]
    return f"did not take part. {html.escape(refused[0])}" if refused else "did not take part."
