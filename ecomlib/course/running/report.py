"""Builds ``report.html``: one page with the outputs that people look at first, lifted from the executed notebooks."""

from __future__ import annotations

import datetime
import html
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata, resources
from typing import Any

import pandas as pd

from ecomlib.course import lessons, syllabus
from ecomlib.course.publishing import FIRST_COLUMNS, order_columns, table_html
from ecomlib.course.running.results import RECORDED, LessonRun, RunSettings
from ecomlib.course.running.shop_page import ORDER_LIST, shop_section
from ecomlib.files import write_whole

GROUPS = (
    ("map", "The map", "Where things are bought, and what was forecast there."),
    ("fan", "The fan", "What the forecast says may happen, and what came."),
    (
        "leaderboard",
        "The leaderboard",
        "WAPE and RMSSE are errors: lower is better. Skill is the share of the way from the naive forecast to the best "
        "attainable one. Money is a week, losses negative. A peer is a method from somebody else's library.",
    ),
    ("money", "The money", "What each forecast costs or earns once it has become an order."),
    ("figure", "More figures", "What else the lessons found."),
)
SIMULATED = "simulated store"
# The answers that matter most to a shop: what to order, what a price does, how wrong the forecast may be.
FIRST = ("00", "03", "07b")
VERSIONS = (
    "ecomlib",
    "numpy",
    "pandas",
    "scipy",
    "scikit-learn",
    "statsmodels",
    "torch",
    "transformers",
    "lightgbm",
    "statsforecast",
    "matplotlib",
)


@dataclass(frozen=True)
class Mark:
    """One output that a lesson published: kind, title, alt text, sentence, result rows, and its data by mime type.

    real: whether it stands in a Part B, and so tells of a real shop. csv: the order list that a card brings.
    """

    kind: str
    title: str
    alt: str
    text: str
    rows: list[dict[str, Any]]
    data: dict[str, Any]
    real: bool = False
    csv: str = ""


def marks(notebook: Any) -> list[Mark]:
    """What the executed notebook has published, in order; ``refused`` is what a Part B says to a shop it leaves out."""
    found = []
    real, headings = False, {section.cell: section.kind for section in lessons.sections(notebook)}
    for number, cell in enumerate(notebook.cells):
        real = headings.get(number, "Part B" if real else "") == "Part B"
        for output in cell.get("outputs", []):
            mark = output.get("metadata", {}).get("ecomlib")
            data = {k: "".join(v) if isinstance(v, list) else v for k, v in output.get("data", {}).items()}
            if mark:
                parts = (mark["kind"], mark["title"], mark.get("alt", ""), mark.get("text", ""), mark.get("rows", []))
                found.append(Mark(*parts, data, real, mark.get("csv", "")))
            elif real and (said := data.get("text/markdown", "")).startswith("**"):
                found.append(Mark("refused", "", "", said.replace("*", ""), [], data, real))
    return found


def result_rows(published: Sequence[Mark]) -> pd.DataFrame:
    """The rows that lessons added to the course's results table; known columns first, empty without rows."""
    rows = [row for mark in published for row in mark.rows]
    return order_columns(pd.DataFrame(rows)) if rows else pd.DataFrame(columns=list(FIRST_COLUMNS))


def _piece(mark: Mark, source: str, shop: str | None) -> str:
    whose = SIMULATED if not mark.real else shop or "a real shop"
    note = f'<p class="soft">From lesson {html.escape(source)} · {html.escape(whose)}</p>'
    if "image/png" in mark.data:
        picture = mark.data["image/png"].replace("\n", "")
        return (
            f"<figure><figcaption>{html.escape(mark.title)}</figcaption>"
            f'<img src="data:image/png;base64,{picture}" alt="{html.escape(mark.alt, quote=True)}">{note}</figure>'
        )
    if "text/html" in mark.data:  # only ever made by results.table_html, which escapes what it is given
        return f'<div class="table">{mark.data["text/html"]}{note}</div>'
    return f'<div class="card"><h3>{html.escape(mark.title)}</h3><p>{html.escape(mark.text)}</p>{note}</div>'


def _card(run: LessonRun, published: Sequence[Mark]) -> str:
    planned = syllabus.lesson(run.lesson.number)
    question = f'<p class="soft">{html.escape(planned.question)}</p>' if planned else ""
    # The lesson shows its answer as Markdown; here it is plain text, without the marks of emphasis.
    texts = [html.escape(m.text.replace("*", "")) for m in published if m.kind == "answer"]
    answers = "".join(f'<p class="answer"><span class="state">{SIMULATED}</span> {text}</p>' for text in texts)
    state = '<span class="state good">passed</span>' if run.passed else '<span class="state bad">failed</span>'
    link = f' · <a href="executed/{html.escape(run.executed.name)}">notebook</a>' if run.executed.exists() else ""
    failure = "" if run.passed else f"<pre>{html.escape(run.complaint())}</pre>"
    failure += f'<p class="bad">{html.escape(run.missed[0].upper() + run.missed[1:])}.</p>' if run.missed else ""
    return (
        f'<article class="card"><h3>{run.lesson.number} · {html.escape(run.lesson.title)}</h3>{question}{answers}'
        f"<p>{state} in {run.seconds:.0f} s{link}</p>{failure}</article>"
    )


def _three(published: dict[str, list[Mark]]) -> str:
    """Put the answers that matter most to a shop first, of those lessons that ran; empty where none did."""
    found = [(n, mark) for n in FIRST for mark in published.get(n, []) if mark.kind == "answer" and not mark.real]
    said = "".join(
        f'<p class="answer"><b>{html.escape(mark.title)}</b> {html.escape(mark.text.replace("*", ""))} '
        f'<span class="soft">Lesson {n}</span></p>'
        for n, mark in found
    )
    lead = f'<p class="soft">What the lessons found on the {SIMULATED}.</p>'
    return f'<section><h2 id="first">For the shop</h2>{lead}{said}</section>' if said else ""


def _times(runs: Sequence[LessonRun]) -> str:
    longest = max([run.seconds for run in runs] + [1e-9])
    rows = "".join(
        f"<tr><td>{run.lesson.number} {html.escape(run.lesson.title)}</td>"
        f'<td style="text-align:right">{run.seconds:.1f}</td>'
        f'<td style="width:50%"><span class="bar" style="width:{100 * run.seconds / longest:.0f}%"></span></td></tr>'
        for run in runs
    )
    head = '<thead><tr><th scope="col">lesson</th><th scope="col">seconds</th><th scope="col">share</th></tr></thead>'
    caption = "Wall time on this machine, one thread a lesson"
    return f'<div class="table"><table><caption>{caption}</caption>{head}<tbody>{rows}</tbody></table></div>'


def versions() -> pd.DataFrame:
    """Installed versions of what results depend on: columns ``what`` and ``version``."""
    found = [("Python", platform.python_version()), ("machine", f"{platform.system()} {platform.machine()}")]
    for name in VERSIONS:
        try:
            found.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            found.append((name, "not installed"))
    return pd.DataFrame(found, columns=["what", "version"])


def recorded_protocol() -> str:
    """Networks beside peers on the real shop under protocol W, as last recorded; empty before the first record."""
    from ecomlib.evaluation import is_slight, verdict_word
    from ecomlib.recorded import caption, names, recorded

    if "accuracy_w" not in names():
        return ""
    table = recorded("accuracy_w")
    whole = pd.DataFrame(table)[table["cutoff"].isna()]
    columns = ["model", "kind", "value", "low", "high", "bias", "seconds"]
    board = whole.loc[whole["metric"] == "wape", [name for name in columns if name in whole]]  # older records: no bias
    rmsse = whole[whole["metric"] == "rmsse"].set_index("model")["value"]
    board = board.assign(rmsse=board["model"].map(rmsse)).rename(columns={"value": "wape"}).sort_values("wape")
    by_origin = table[table["cutoff"].notna() & (table["metric"] == "wape")].pivot_table(
        index="cutoff", columns="model", values="value"
    )
    said = []
    for row in whole[(whole["metric"] == "wape_against_best_peer") & (whole["kind"] != "peer")].to_dict("records"):
        ours, theirs = by_origin[row["model"]], by_origin[row["rival"]]
        agreeing = float(((ours < theirs) if row["high"] < 0 else (ours > theirs)).mean())  # equal errors are neither
        word: str = verdict_word(row["low"], row["high"], agreeing, agreement=0.75)
        word += " by less than matters" if is_slight(word, row["low"], row["high"]) else ""
        low, middle, high = (f"{100 * row[end]:+.1f}" for end in ("low", "value", "high"))
        said.append(
            f"<li>{row['model']} ({row['kind']}) against {row['rival']}: <b>{word}</b>, "
            f"{middle} % [{low}, {high}]; ahead at {row['wins']:.0f} of 8 origins</li>"
        )
    lead = (
        "Weekly sales of Online Retail II, four weeks ahead, eight origins: WAPE with its 95 % interval, and RMSSE. "
        "Level means: the paired interval of (ours − best peer) / best peer lies within ± 1 %; better and worse need "
        "it to exclude zero, and 6 of 8 origins to agree."
    )
    return (
        f'<section><h2 id="real">On a real shop, recorded</h2><p class="soft">{lead}</p>'
        f'<div class="table">{table_html(board, "Protocol W")}</div><ul>{"".join(said)}</ul>'
        f'<p class="soft">{html.escape(caption(table))}</p></section>'
    )


def page(runs: Sequence[LessonRun], settings: RunSettings, published: dict[str, list[Mark]]) -> str:
    """The report as one HTML text: images inside, nothing fetched from anywhere."""
    css = (resources.files("ecomlib.course") / "assets" / "report.css").read_text(encoding="utf-8")
    passed, total = sum(run.passed for run in runs), sum(run.seconds for run in runs)
    asked = ", ".join(f"{name} = {value}" for name, value in settings.parameters().items()) or "default parameters"
    when = datetime.datetime.now().strftime("%Y-%m-%d %H:%M")
    titles = {run.lesson.number: f"{run.lesson.number} · {run.lesson.title}" for run in runs}
    results = result_rows([mark for found in published.values() for mark in found])
    shop = settings.store if settings.store not in (None, RECORDED) else None
    blocks, links = [], []
    for kind, title, lead in GROUPS:
        pieces = [_piece(m, titles[n], shop) for n, found in published.items() for m in found if m.kind == kind]
        if kind == "leaderboard" and len(results):
            # A table for each lesson and store: errors of different tasks do not belong under each other.
            for number, store in results[["lesson", "store"]].drop_duplicates().to_numpy()[::-1]:
                own = results[(results["lesson"] == number) & (results["store"] == store)]
                shown = own.drop(columns=["lesson", "store"]).dropna(axis="columns", how="all")
                caption = f"Lesson {number} on {'the simulated store' if store == 'simulated' else store}"
                pieces.insert(0, f'<div class="table">{table_html(shown, caption)}</div>')
        if pieces:
            links.append(f'<a href="#{kind}">{title}</a>')
            blocks.append(f'<section><h2 id="{kind}">{title}</h2><p class="soft">{lead}</p>{"".join(pieces)}</section>')
    cards = "".join(_card(run, published.get(run.lesson.number, [])) for run in runs)
    state = f"{passed} of {len(runs)} lessons passed" if runs else "no lesson was run"
    own, real = "", '<a href="#real">Real shop</a>'
    if shop:  # the reader came for it: it stands first, and what is "real" is the reader's
        own = shop_section(runs, settings, published, str(shop))
        links.insert(0, '<a href="#shop">Real shop: yours</a>')
        real = '<a href="#real">Online Retail II, recorded</a>'
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>ecomlib: report of a run</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{css}</style></head><body>'
        "<header><h1>What will be bought, where, when, and what should the shop do?</h1>"
        f'<p class="soft">{state}, {total:.0f} s of lesson time · {html.escape(asked)} · {when}</p>'
        f'<nav aria-label="Parts of this page">{"".join(links)}<a href="#lessons">Lessons</a>'
        f'{real}<a href="#times">Times</a>'
        f'<a href="#versions">Versions</a></nav></header><main>{own}{_three(published)}'
        f'<section><h2 id="lessons">Questions and answers</h2><div class="cards">{cards}</div></section>'
        f"{''.join(blocks)}{recorded_protocol()}"
        f'<section><h2 id="times">Times</h2>{_times(runs)}</section>'
        f'<section><h2 id="versions">Versions</h2><div class="table">{table_html(versions(), "What this ran on")}</div>'
        "</section></main><footer>Made by <code>ecomlib run</code>. The numbers come from the executed notebooks "
        "beside this page; the rows of the results table are in <code>leaderboard.csv</code>.</footer></body></html>\n"
    )


def write(runs: Sequence[LessonRun], settings: RunSettings) -> None:
    """Write ``report.html``, ``leaderboard.csv`` and a card's ``order_list.csv`` into ``settings.out``, each whole."""
    published = {run.lesson.number: marks(lessons.read(run.executed)) if run.executed.exists() else [] for run in runs}
    results = result_rows([mark for found in published.values() for mark in found])
    write_whole(settings.out / "leaderboard.csv", results.to_csv(index=False, lineterminator="\n"))
    lists = [mark.csv for found in published.values() for mark in found if mark.csv]
    if lists:
        write_whole(settings.out / ORDER_LIST, lists[0])
    else:  # an old list must not lie beside a new report
        (settings.out / ORDER_LIST).unlink(missing_ok=True)
    write_whole(settings.out / "report.html", page(runs, settings, published))
