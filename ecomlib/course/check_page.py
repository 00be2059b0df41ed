"""Builds the page of ``ecomlib data check --html``: what a shop's tables say, for its owner (lesson 00, section 6)."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, StrictUndefined

from ecomlib.course import syllabus
from ecomlib.course.data_check import DataCheck, encoder_reads
from ecomlib.files import write_whole
from ecomlib.stores.returns import came_back, returns_sentence
from ecomlib.stores.schema import SCHEMA

_BEST = 12  # products that are listed
_WIDTH, _HEIGHT = 720, 190  # of the bars' drawing, in its own units


@dataclass(frozen=True)
class Bar:
    """Hold one month's bar, in the drawing's units; ``net`` is the height of what was kept, where that is known."""

    x: float
    y: float
    width: float
    height: float
    net: float | None
    net_y: float
    whole: bool
    label: str
    says: str


def page(found: DataCheck) -> str:
    """Format a checked folder as one HTML text: drawings inside, nothing fetched from anywhere, all values escaped."""
    assets = resources.files("ecomlib.course") / "assets"
    template = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True).from_string(
        (assets / "shop.html.j2").read_text(encoding="utf-8")
    )
    report, name = found.report, Path(found.report.path).expanduser().resolve().name
    lines = _lines(found)
    months = _months(lines)
    returns = returns_sentence(lines) if len(lines) and "returned" in lines else ""
    language = f"Language of the titles: {report.language}; {encoder_reads(report.language)}" if report.language else ""
    whole = [sentence for sentence in found.selling if sentence != returns]
    return template.render(
        css=(assets / "report.css").read_text(encoding="utf-8"),
        name=name,
        path=report.path,
        when=datetime.datetime.now().strftime("%Y-%m-%d %H:%M"),
        lead=_lead(found),
        problems=[str(problem) for problem in report.problems],
        months=months,
        months_lead="Pale: a month that the books hold in part. Green: what was kept of it."
        if returns
        else "Pale: a month that the books hold in part.",
        chart=_chart(months, bool(returns)),
        gaps=_gaps(found),
        best=_best(found, lines),
        returns=returns,
        notes=[*report.notes, *whole, *([language] if language else [])],
        lessons=[
            {
                "number": lesson.number,
                "title": lesson.title,
                "question": lesson.question,
                "able": found.lessons[lesson.number][0],
                "why": found.lessons[lesson.number][1],
            }
            for lesson in syllabus.LESSONS
        ],
        tables=[_table(found, table) for table in SCHEMA],
    )


def write(found: DataCheck, out: Path) -> None:
    """Write the page of a checked folder, whole or not at all."""
    out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(out, page(found))


def _lead(found: DataCheck) -> str:
    if found.rhythm is None:
        return "No order with a date was read"
    words = {"products": "products", "orders": "order lines"}
    counts = ", ".join(f"{found.report.rows.get(table, 0):,} {word}" for table, word in words.items())
    return (
        f"Orders from {found.rhythm.first:%Y-%m-%d} to {found.rhythm.last:%Y-%m-%d}: {found.rhythm.weeks:,} full "
        f"weeks; {counts}"
    )


def _table(found: DataCheck, name: str) -> dict[str, Any]:
    report = found.report
    if name not in report.rows:
        return {"name": name, "rows": "–", "columns": "not there"}
    return {"name": name, "rows": f"{report.rows[name]:,}", "columns": ", ".join(report.columns[name])}


def _lines(found: DataCheck) -> pd.DataFrame:
    """Order lines with a date, their numbers as numbers; a cell that is none counts as nothing."""
    if found.rhythm is None:
        return pd.DataFrame()
    orders = found.report.tables["orders"]
    lines = orders[orders["ordered_at"].notna()]
    numbers = {
        name: pd.to_numeric(lines[name], errors="coerce").fillna(0) if name in lines else 0.0
        for name in ("quantity", "unit_price")
    }
    lines = lines.assign(**numbers)
    return lines.assign(money=lines["quantity"] * lines["unit_price"], kept=lines["quantity"] * ~came_back(lines))


def _months(lines: pd.DataFrame) -> list[dict[str, Any]]:
    if lines.empty:
        return []
    month = lines["ordered_at"].dt.to_period("M")
    by = lines.groupby(month).agg(
        lines=("quantity", "size"), units=("quantity", "sum"), net=("kept", "sum"), money=("money", "sum")
    )
    if by.index[-1].ordinal - by.index[0].ordinal < 240:  # a stray year would draw a thousand empty months
        by = by.reindex(pd.period_range(by.index[0], by.index[-1], freq="M"), fill_value=0)
    near = pd.Timedelta(days=3)  # of its first and last day: a shop need not sell on a New Year's Day
    first, last = lines["ordered_at"].min(), lines["ordered_at"].max()
    return [
        {
            "name": str(period),
            "whole": first < period.start_time + near and last > period.end_time - near,
            **{column: getattr(row, column) for column in ("lines", "units", "net", "money")},
        }
        for period, row in zip(by.index, by.itertuples(index=False), strict=True)
    ]


def _chart(months: list[dict[str, Any]], returned: bool) -> dict[str, Any]:
    """The bars of the months, and what somebody hears who cannot see them."""
    if not months:
        return {}
    most = max(max(month["units"] for month in months), 1)
    step, every = _WIDTH / len(months), -(-len(months) // 12)
    bars = []
    for number, month in enumerate(months):
        height, net = ((_HEIGHT - 20) * month[name] / most for name in ("units", "net"))
        bars.append(
            Bar(
                x=round(number * step, 1),
                y=round(_HEIGHT - height, 1),
                width=round(0.8 * step, 2),
                height=round(height, 1),
                net=round(net, 1) if returned else None,
                net_y=round(_HEIGHT - net, 1),
                whole=month["whole"],
                label=month["name"] if number % every == 0 else "",
                says=f"{month['name']}: {month['units']:,.0f} units" + (f", {month['net']:,.0f} kept" * returned),
            )
        )
    top, low = (pick(months, key=lambda month: month["units"]) for pick in (max, min))
    alt = (
        f"Units by month, {months[0]['name']} to {months[-1]['name']}: most in {top['name']} ({top['units']:,.0f}), "
        f"fewest in {low['name']} ({low['units']:,.0f})."
    )
    return {"width": _WIDTH, "height": _HEIGHT, "most": most, "bars": bars, "alt": alt}


def _gaps(found: DataCheck) -> list[str]:
    if found.rhythm is None or not found.rhythm.weekly or found.rhythm.cadence == "two weeks":
        return []
    gaps = found.rhythm.gaps
    shown = [f"{weeks:,} week{'s' if weeks > 1 else ''} from {monday:%Y-%m-%d}" for monday, weeks in gaps[:20]]
    return shown + ([f"and {len(gaps) - 20:,} more"] if len(gaps) > 20 else [])


def _best(found: DataCheck, lines: pd.DataFrame) -> list[dict[str, Any]]:
    """The products with the most units, by title."""
    if "product_id" not in lines:
        return []
    by = lines.assign(back=came_back(lines)).groupby("product_id")
    table = by.agg(
        units=("quantity", "sum"), money=("money", "sum"), back=("back", "mean"), last=("ordered_at", "max")
    ).nlargest(_BEST, "units")
    products = found.report.tables.get("products", pd.DataFrame())
    titles: dict[Any, Any] = {}
    if {"product_id", "title"} <= {*products.columns}:
        titles = dict(zip(products["product_id"], products["title"], strict=True))
    whole = max(float(lines["quantity"].sum()), 1.0)
    return [
        {
            "product": str(row.Index),
            "title": str(titles.get(row.Index, "")),
            "units": row.units,
            "share": row.units / whole,
            "money": row.money,
            "back": row.back,
            "last": f"{row.last:%Y-%m-%d}",
        }
        for row in table.itertuples()
    ]
