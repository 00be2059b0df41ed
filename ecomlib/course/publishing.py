"""Publishes a lesson's outputs: marks them for the report, and shows the course's one results table."""

from __future__ import annotations

import base64
import html
import io
import json
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any, Literal, get_args

import pandas as pd

from ecomlib.course import syllabus
from ecomlib.errors import LessonError

Kind = Literal["map", "fan", "leaderboard", "money", "figure", "answer", "shop", "plain"]
DPI = 150
DEFAULT_SIZE = "small"
FIRST_COLUMNS = ("lesson", "store", "model", "kind", "wape", "bias", "rmsse", "skill", "money", "seconds")
# What two lessons can be compared by, the first that both have; and what the page leaves to the report.
COMPARED, LOWER_IS_BETTER = ("wape", "skill"), ("wape",)
NOT_SHOWN, MOST_MEASURES = ("lesson", "store", "model", "kind"), 4


def texts(column: pd.Series) -> list[str]:
    """A column's values for a table: missing ones empty, numbers with commas and equally many decimals (at most 3)."""
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        return [
            "" if missing else str(value) for value, missing in zip(column.astype(object), column.isna(), strict=True)
        ]
    values = column.astype(float)
    largest = values.abs().max()
    most = 3 if not largest >= 10 else 1 if largest < 100 else 0
    needed = next(
        (d for d in range(most) if (values.round(d) == values.round(most)).where(values.notna(), True).all()), most
    )
    return ["" if value != value else f"{value:,.{needed}f}" for value in values]


def table_html(frame: pd.DataFrame, title: str, marked: Sequence[bool] = (), note: str = "") -> str:
    """``frame`` as an accessible HTML table: caption, column scopes, text escaped; ``marked`` rows are bold."""
    rows = list(zip(*(texts(frame.iloc[:, n]) for n in range(frame.shape[1])), strict=True))
    right = [pd.api.types.is_numeric_dtype(dtype) for dtype in frame.dtypes]
    style = [' style="text-align:right"' if numeric else ' style="text-align:left"' for numeric in right]
    head = "".join(f'<th scope="col"{s}>{html.escape(str(c))}</th>' for c, s in zip(frame.columns, style, strict=True))
    body = []
    for n, row in enumerate(rows):
        bold = bool(marked[n]) if n < len(marked) else False
        cells = "".join(
            f"<td{s}>{'<b>' if bold else ''}{html.escape(t)}{'</b>' if bold else ''}</td>"
            for t, s in zip(row, style, strict=True)
        )
        body.append(f"<tr>{cells}</tr>")
    caption = f'<caption style="text-align:left">{html.escape(title)}</caption>'
    foot = f"<p><small>{html.escape(note)}</small></p>" if note else ""
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>{foot}"


def _show(data: dict[str, str], metadata: dict[str, Any]) -> None:
    """Hand a mime bundle to the notebook, or print its plain text where there is none."""
    try:
        from IPython.core.getipython import get_ipython
        from IPython.display import display
    except ImportError:  # IPython comes with the `course` extra
        print(data["text/plain"])
        return
    if get_ipython() is None:
        print(data["text/plain"])
    else:
        display(data, raw=True, metadata=metadata)


def _figure_png(figure: Any) -> str:
    import matplotlib.pyplot as plt

    buffer = io.BytesIO()
    # No software name in the file: the same pixels then give the same bytes with every release.
    figure.savefig(buffer, format="png", dpi=DPI, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)  # else the notebook would show it a second time at the end of the cell
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def publish(kind: Kind, obj: Any, *, title: str, alt: str | None = None) -> None:
    """Show ``obj`` in the lesson and mark it for the report.

    Parameters
    ----------
    kind: ``map``, ``fan``, ``leaderboard``, ``money``, ``figure``, ``answer`` (the lesson's one sentence on the
        simulated store), ``shop`` (what the reader's own shop is told), or ``plain`` for a figure that only the lesson
        shows.
    obj: a matplotlib figure or axes, a frame (its index is not shown), a sentence, or for ``shop`` a ``ShopAnswer`` or
        an ``AnswerCard``.
    title: the finding in one sentence. It stands above a table; a figure carries its own title as well.
    alt: what a figure shows, for people who do not see it. Required for figures.

    Raises
    ------
    LessonError: for an unknown kind, a figure without ``alt``, an object that cannot be shown, an answer of two lines.
    """
    if kind not in get_args(Kind):
        raise LessonError(f"publish knows no kind '{kind}'. Use one of: {', '.join(get_args(Kind))}.")
    figure = obj.get_figure() if hasattr(obj, "get_figure") else obj
    mark: dict[str, Any] = {"kind": kind, "title": title}
    metadata: dict[str, Any] = {"ecomlib": mark}
    if hasattr(figure, "savefig"):
        if not alt:
            raise LessonError(f"The figure '{title}' has no alt text. Pass alt=\"what it shows\".")
        mark["alt"] = alt
        data = {"image/png": _figure_png(figure), "text/plain": f"Figure: {title}. {alt}"}
        metadata["image/png"] = {"alt": alt}
    elif kind == "shop" and hasattr(obj, "_repr_html_") and not isinstance(obj, pd.DataFrame):
        data = {"text/html": f"<p>{html.escape(title)}</p>{obj._repr_html_()}", "text/plain": f"{title}\n{obj}"}
        mark["text"] = getattr(obj, "sentence", "")
        if len(getattr(obj, "order_list", ())):
            mark["csv"] = obj.csv()
    elif isinstance(obj, pd.DataFrame):
        data = {"text/html": table_html(obj, title), "text/plain": f"{title}\n{obj.to_string(index=False)}"}
    elif isinstance(obj, str) and kind != "plain":
        if "\n" in obj.strip():
            raise LessonError(f"'{title}' must be one sentence on one line.")
        label = "*(simulated store)* " if kind == "answer" else ""
        data = {"text/markdown": f"> **{title}** {label}{obj.strip()}", "text/plain": f"{title} {obj.strip()}"}
        mark["text"] = obj.strip()
    else:
        raise LessonError(f"publish shows figures, frames and sentences; '{title}' is a {type(obj).__name__}.")
    _show(data, metadata)


def recorded_results() -> pd.DataFrame:
    """Rows of the course's results table from the last full run (``make notebooks``); empty before the first."""
    file = resources.files("ecomlib.course") / "assets" / "results.csv"
    if not file.is_file():
        return pd.DataFrame(columns=list(FIRST_COLUMNS)).astype({"lesson": object, "model": object})
    with resources.as_file(file) as path:
        return pd.read_csv(path, dtype={"lesson": str, "store": str, "model": str, "kind": str})


def _size() -> str:
    """The size of the store that the notebook was run with; the default one outside a notebook."""
    try:
        from IPython.core.getipython import get_ipython
    except ImportError:
        return DEFAULT_SIZE
    shell = get_ipython()
    return str(shell.user_ns.get("SIZE", DEFAULT_SIZE)) if shell is not None else DEFAULT_SIZE


def order_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """The known columns first (all of them, empty where nothing is known), then the lesson's own."""
    extra = [c for c in frame.columns if c not in FIRST_COLUMNS]
    return frame.reindex(columns=[*FIRST_COLUMNS, *extra])


def _two_before(lesson: str, own: pd.DataFrame, store: str) -> pd.DataFrame:
    """Pick the best row of the two lessons of the spine before that measured what this one's first measure is."""
    earlier = recorded_results()
    way = [entry.number for entry in syllabus.LESSONS if entry.spine]  # the shelf's tasks are others
    earlier = earlier[(earlier["lesson"] < lesson) & (earlier["store"] == store) & earlier["lesson"].isin(way)]
    measure = next((name for name in COMPARED if name in own and own[name].notna().any()), None)
    if measure is None or measure not in earlier:
        return earlier.iloc[:0]
    earlier = earlier[earlier[measure].notna() & (earlier["kind"] != "floor")]
    best = earlier.sort_values(measure, ascending=measure in LOWER_IS_BETTER, kind="stable").groupby("lesson").head(1)
    return best.sort_values("lesson").tail(2)


def results_table(
    lesson: str,
    rows: pd.DataFrame | Sequence[Mapping[str, Any]],
    *,
    store: str = "simulated",
    title: str = "This lesson's rows of the course's results",
) -> None:
    """Show this lesson's rows (bold) under the best of each of the two lessons before that measured the same.

    Earlier rows come from the last full run at the default size; they are left out where this run is of another size
    (the notebook's ``SIZE``): their errors are of another shop. The report has all rows and columns.

    Parameters
    ----------
    lesson: its number, such as ``"00"``.
    rows: ``model`` and any of ``kind`` (peer, network, ensemble, floor), ``wape``, ``bias`` and ``rmsse`` (no unit),
        ``skill`` (share of the way from naive to attainable), ``money`` (a week), ``seconds``; more columns are kept.
        The page shows the first four columns that have values.
    store: the store they were measured on.
    """
    own = pd.DataFrame(rows).copy()
    if "model" not in own.columns or own.empty:
        raise LessonError(f"Lesson {lesson}: each row of the results table needs a 'model'.")
    own.insert(0, "lesson", lesson)
    if "store" not in own.columns:
        own.insert(1, "store", store)
    earlier = _two_before(lesson, own, store)
    other = store == "simulated" and _size() != DEFAULT_SIZE and len(earlier) > 0
    if other:
        earlier = earlier.iloc[:0]
    measured = [
        name for name in order_columns(own) if name not in NOT_SHOWN and name in own and own[name].notna().any()
    ]
    columns = ["lesson", "model", *measured[:MOST_MEASURES]]
    parts = [part for part in (earlier, own) if len(part)]
    shown = pd.concat(parts, ignore_index=True).reindex(columns=columns)
    marked = [False] * len(earlier) + [True] * len(own)
    note = "Bold: this run. Other rows: the last full run at the default size." if len(earlier) else ""
    if other:
        note = f"Size {_size()}: earlier lessons' rows are of {DEFAULT_SIZE}, another shop, and are not shown."
    records = json.loads(own.to_json(orient="records", double_precision=6))
    _show(
        {
            "text/html": table_html(shown, title, marked, note),
            "text/plain": f"{title}\n{shown.apply(texts).to_string(index=False)}\n{note if other else ''}",
        },
        {"ecomlib": {"kind": "results", "title": title, "rows": records}},
    )


def say(text: str) -> None:
    """Show a sentence whose numbers were just computed.

    Parameters
    ----------
    text : str
        Markdown, with at most three measured quantities a paragraph.
    """
    _show({"text/markdown": text, "text/plain": text}, {})
