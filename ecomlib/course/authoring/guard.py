"""Guards committed outputs: against a hand that changes them, and against a run that says something else.

``forged`` needs no kernel: what an output shows must be what its mark says. ``complaints`` compares a cell's committed
outputs with those of a new run, numbers within their recorded tolerances and words to the letter; nbval's run of the
lessons asks it (``notebooks/conftest.py``).
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from ecomlib.course import published_numbers
from ecomlib.course.authoring.prose import joined

IGNORED = "nbval-ignore-output"  # nbval's own tag, for a cell whose output is another one at each run
_STUCK_UNIT = re.compile(r"(?<=\d)(?=(?:x|×|k|ms|µs|s|kB|MB|GB|min|h)\b)")
_TIME = re.compile(r"\b\d{1,2}:\d{2}(?::\d{2})?(?:\.\d+)?\b")
_TAG = re.compile(r"<[^>]+>")
_CLOSE = 1e-9


def words(text: str) -> str:
    """Take a text's numbers and times of day out, and its tags; blanks count once."""
    masked = _STUCK_UNIT.sub(" ", _TIME.sub("#", published_numbers.plain(text)))
    return " ".join(published_numbers.NUMBER.sub("#", masked).split())


def forged(notebook: Any) -> list[str]:
    """Say which published outputs do not show what their marks say: sentences, captions, tables, alternative texts.

    A mark and its data are written by one call of ``publish``; a hand that changes one of them leaves the other.
    """
    said = []
    for index, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            mark = output.get("metadata", {}).get("ecomlib")
            if mark:
                data = {
                    mime: joined(value)
                    for mime, value in output.get("data", {}).items()
                    if isinstance(value, str | list)
                }
                said += [f"cell {index + 1}, '{mark['title'][:60]}': {wrong}" for wrong in _unlike(mark, data, output)]
    return said


def complaints(number: str, cell: Any, again: Sequence[Any], recorded: pd.DataFrame) -> list[str]:
    """Compare a cell's committed outputs with those of a new run: one line for each that says something else.

    Parameters
    ----------
    number : str
        The lesson's, such as ``"04b"``.
    cell : nbformat.NotebookNode
        The committed cell.
    again : sequence
        The outputs that the new run gave.
    recorded : DataFrame
        ``published_numbers.IDENTITY``, ``kind``, ``tolerance`` and ``runs`` of every recorded number. A number that no
        second run has published is not held; sentences without a mark are compared in lessons that have recorded any.
    """
    if IGNORED in cell.get("metadata", {}).get("tags", []):
        return []
    rerun = {"id": cell["id"], "outputs": list(again)}
    said = _words_differ(cell, rerun, said=bool(((recorded["lesson"] == number) & (recorded["kind"] == "said")).any()))
    if said:
        return said  # numbers have nothing to be compared with
    before, after = (
        published_numbers.known(recorded, published_numbers.table(published_numbers.numbers(_Cells([one]), number)))
        for one in (cell, rerun)
    )
    rows = recorded.loc[recorded["cell"] == cell["id"], [*published_numbers.IDENTITY, "tolerance", "runs"]]
    rows["tolerance"] = rows["tolerance"].mask(rows.pop("runs") == 0, float("inf"))  # no run has measured it yet
    held = before.merge(rows, how="left", on=published_numbers.IDENTITY)
    half = (held["step"] / 2).mask(held["clock"])  # one that the record does not know stays as it is shown
    held["tolerance"] = held["tolerance"].fillna(half) * (1 + _CLOSE)
    return published_numbers.complaints(held, after) if len(held) or len(after) else []


def differ_by_a_clock(new: Any, old: Any) -> bool:
    """Say whether two outputs differ in nothing but numbers that a clock has made."""
    if new.get("output_type") != old.get("output_type") or new.get("name") != old.get("name"):
        return False
    data = [
        {mime: joined(text) for mime, text in one.get("data", {}).items() if isinstance(text, str | list)}
        for one in (new, old)
    ]
    if data[0].keys() != data[1].keys():
        return False
    texts = [[*one.values(), joined(output.get("text", ""))] for one, output in zip(data, (new, old), strict=True)]
    if any(words(a) != words(b) for a, b in zip(*texts, strict=True)):
        return False
    tables = [published_numbers.numbers(_Cells([{"id": "", "outputs": [one]}]), "") for one in (new, old)]
    if not tables[0] or [one.key for one in tables[0]] != [one.key for one in tables[1]]:
        return False
    return all(a.value == b.value or a.clock for a, b in zip(*tables, strict=True))


class _Cells:
    """Stands in for a notebook of few cells."""

    def __init__(self, cells: Sequence[Any]) -> None:
        self.cells = cells


def _unlike(mark: Mapping[str, Any], data: Mapping[str, str], output: Any) -> Iterator[str]:
    title, text, plain = mark["title"], mark.get("text", ""), data.get("text/plain", "")
    if "image/png" in data:
        if plain != f"Figure: {title}. {mark.get('alt', '')}":
            yield "the figure's text is not its title and alternative text"
        if output["metadata"].get("image/png", {}).get("alt") != mark.get("alt"):
            yield "the picture's alternative text is not the one that was published"
    elif "text/markdown" in data:
        label = "*(simulated store)* " if mark["kind"] == "answer" else ""
        if data["text/markdown"] != f"> **{title}** {label}{text}" or plain != f"{title} {text}":
            yield f"the sentence that is shown is not the one that was published ({text[:60]})"
    elif "text/html" in data and mark["kind"] != "shop":
        page = data["text/html"]
        caption = re.search(r"<caption[^>]*>(.*?)</caption>", page, re.S)
        if html.unescape(caption[1] if caption else "") != title or not plain.startswith(f"{title}\n"):
            yield "the table's caption is not its title"
        body = [_cell_texts(row) for row in re.findall(r"<tr>.*?</tr>", page.partition("<tbody>")[2], re.S)]
        shown = plain.partition("\n")[2].splitlines()[1:]
        below = html.unescape(_TAG.sub("", page))  # a remark under the table stands in both, and is no row
        while len(shown) > len(body) and shown[-1] in below:
            shown.pop()
        if len(body) != len(shown):
            yield f"the table has {len(body)} rows, its text {len(shown)}"
        for row, line in zip(body, shown, strict=False):
            if not _same_numbers(" | ".join(row), line):
                yield f"the table's row '{' | '.join(row)[:80]}' is not the text's '{' '.join(line.split())[:80]}'"
        for own in mark.get("rows", []):
            if wrong := _not_in(own, page):
                yield wrong


def _cell_texts(row: str) -> list[str]:
    return [html.unescape(_TAG.sub("", cell)) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.S)]


def _same_numbers(left: str, right: str) -> bool:
    """Whether two texts hold the same numbers, each as far as the coarser of the two shows it."""
    if "..." in right:  # pandas cuts long texts
        return True
    pair = [published_numbers.numbers_in(text) for text in (left, right)]
    return len(pair[0]) == len(pair[1]) and all(
        abs(a - b) <= max(s, t) / 2 * (1 + 1e-6) + 1e-12 for (a, s), (b, t) in zip(*pair, strict=True)
    )


def _not_in(own: Mapping[str, Any], page: str) -> str:
    """Say which number of a results table's own row its page shows otherwise."""
    heads = [html.unescape(_TAG.sub("", head)) for head in re.findall(r"<th[^>]*>(.*?)</th>", page, re.S)]
    rows = [_cell_texts(row) for row in re.findall(r"<tr>.*?</tr>", page.partition("<tbody>")[2], re.S) if "<b>" in row]
    for row in rows:
        shown = dict(zip(heads, row, strict=False))
        if shown.get("model") == own["model"] and shown.get("store", own.get("store")) == own.get("store"):
            for name, value in own.items():
                text = shown.get(name, "")
                if isinstance(value, int | float) and not _same_numbers(f"{value:.6f}", text or "none"):
                    return f"the row of {own['model']} shows '{text}' as its {name}, {value:g} was published"
            return ""
    return f"the row of {own['model']} is not shown"


def _words_differ(cell: Any, rerun: Any, *, said: bool) -> list[str]:
    """Compare the words of published outputs, and of sentences without a mark where ``said``."""
    found = []
    pairs = [_marked(cell), _marked(rerun)]
    if [name for name, _ in pairs[0]] != [name for name, _ in pairs[1]]:
        lists = [", ".join(name for name, _ in pair) or "nothing" for pair in pairs]
        return [f"cell {cell['id']} publishes {lists[1]} instead of {lists[0]}"]
    if said:
        pairs = [pair + _said(one) for pair, one in zip(pairs, (cell, rerun), strict=True)]
        if len(pairs[0]) != len(pairs[1]):
            return [f"cell {cell['id']} says {len(pairs[1])} things instead of {len(pairs[0])}"]
    for (name, before), (_, after) in zip(*pairs, strict=True):
        if words(before) != words(after):
            found.append(f"cell {cell['id']}, {name}: {_where_they_part(before, after)}")
    return found


def _where_they_part(before: str, after: str) -> str:
    """Show two texts from a little before the place where their words begin to differ."""
    texts = [words(text) for text in (before, after)]
    place = next((n for n, (a, b) in enumerate(zip(*texts, strict=False)) if a != b), min(map(len, texts)))
    begin = max(0, place - 40)
    return "'{1}' instead of '{0}'".format(*(text[begin : begin + 160] for text in texts))


def _marked(cell: Any) -> list[tuple[str, str]]:
    marks = [m for output in cell["outputs"] if (m := output.get("metadata", {}).get("ecomlib"))]
    return [(m["kind"], "\n".join([m["title"], m.get("text", "") or "", m.get("alt", "") or ""])) for m in marks]


def _said(cell: Any) -> list[tuple[str, str]]:
    return [("said", published_numbers.said_text(output)) for output in published_numbers.unmarked(cell)]
