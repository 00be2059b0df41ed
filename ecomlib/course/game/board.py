"""Draws the game's board: a page for the projector and for phones, which works offline and reads itself again."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from ecomlib.course.game.handin import HandIn
from ecomlib.course.game.referee import Referee
from ecomlib.course.game.rules import AVERAGE, Talk
from ecomlib.course.game.secret import published_hash
from ecomlib.course.game.standings import Standing, standings, table
from ecomlib.files import write_whole

REFRESH = 5  # seconds
_WIDTH, _LABEL = 300, 7.0  # of the drawing of totals; of a letter in it
_SPARK = (90, 26, 5)  # width, height and margin of the line by month


@dataclass(frozen=True)
class _Scale:
    """From points to a place: the worst score shown is at 0, the best at 1."""

    low: float
    high: float

    def __call__(self, points: float, size: float, margin: float = 0.0) -> float:
        return round(margin + (size - 2 * margin) * (points - self.low) / (self.high - self.low), 1)


def points(value: float | None) -> str:
    """Format a score as a whole number with a true minus sign.

    Examples
    --------
    >>> points(41.7), points(-3.2), points(-0.2), points(None)
    ('42', '−3', '0', '–')
    """
    return "–" if value is None else f"{round(value):d}".replace("-", "−")


def publish(referee: Referee) -> Path:
    """Write the table of scores and the board of a game, each whole or not at all; returns the board.

    Both say what lies in the folder, and nothing else: written twice, they are the same to the byte.

    Returns
    -------
    Path
        ``board/index.html``, which reads itself again every five seconds; ``still.html`` beside it does not.
    """
    hands = referee.look()
    scores = table(referee.results()).to_csv(index=False, lineterminator="\n")
    write_whole(referee.room / "scores.csv", scores)
    write_whole(referee.folder / "board" / "still.html", page(referee, hands, live=False))
    return write_whole(referee.folder / "board" / "index.html", page(referee, hands))


def page(referee: Referee, hands: Sequence[HandIn] = (), *, live: bool = True) -> str:
    """Format the board as one HTML text: nothing is fetched, every name is escaped, no clock is in it."""
    assets = resources.files("ecomlib.course") / "assets"
    template = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True).from_string(
        (assets / "game.html.j2").read_text(encoding="utf-8")
    )
    talk = referee.talk
    results = referee.columns()
    found = standings(results, talk)
    values = [value for s in found for value in (*s.scores, s.total) if value is not None]
    scale = _Scale(min([0.0, *values]), max([100.0, *values]))
    closed, months = referee.closed, referee.settings.months
    return template.render(
        css=(assets / "report.css").read_text(encoding="utf-8"),
        title="Run the shop",
        lead=_lead(referee),
        heading=f"After {talk.turn} {closed} of {months}" if closed else "Scores",
        talk=talk,
        live=live,
        seconds=REFRESH,
        hands=hands,
        open=referee.handed_out,
        faulty=any(hand.faults for hand in hands),
        months=range(1, len(results) + 1),
        rows=[_row(standing, scale, talk) for standing in found],
        chart={"width": _WIDTH, "marks": _marks(found, scale, talk)},
        phrase=referee.settings.phrase if referee.finished else "",
        quoted=shlex.quote(referee.settings.phrase) if referee.finished else "",
        digits=published_hash(referee.settings.phrase),
    )


def _lead(referee: Referee) -> str:
    closed, out, months, talk = referee.closed, referee.handed_out, referee.settings.months, referee.talk
    if referee.finished:
        return f"All {months} {talk.turn}s are played." if months > 1 else f"The {talk.turn} is played."
    if out > closed:
        return f"{talk.turn.capitalize()} {out} of {months} is open: {talk.asks}."
    return f"{talk.turn.capitalize()} {closed + 1} of {months} has not been handed out yet."


def _marks(found: Sequence[Standing], scale: _Scale, talk: Talk) -> list[dict[str, object]]:
    """The lines that totals are read against; the average is named in a row of its own, so that names do not meet."""
    marks: list[dict[str, object]] = []
    lines = {talk.zero: "zero", AVERAGE: "room", talk.best: "best"}
    for standing in found:
        if standing.name in lines and standing.total is not None:
            x = scale(standing.total, _WIDTH, 2)
            half = _LABEL * len(standing.name) / 2
            anchor = "start" if x < half else "end" if x > _WIDTH - half else "middle"
            high = 12 if standing.name == AVERAGE else 26
            mark = {"name": standing.name, "look": lines[standing.name], "x": x}
            marks.append(mark | {"label_x": x, "label_y": high, "anchor": anchor})
    return marks


def _row(standing: Standing, scale: _Scale, talk: Talk) -> dict[str, object]:
    width, height, margin = _SPARK
    step = (width - 2 * margin) / max(len(standing.scores) - 1, 1)
    spark = [
        {"x": round(margin + k * step, 1), "y": round(height - scale(value, height, margin), 1)}
        for k, value in enumerate(standing.scores)
        if value is not None
    ]
    bar = None
    if standing.total is not None:
        ends = sorted((scale(0.0, _WIDTH, 2), scale(standing.total, _WIDTH, 2)))
        bar = {"x": ends[0], "width": round(ends[1] - ends[0], 1)}
    return {
        "name": standing.name,
        "kind": standing.kind,
        "rank": standing.rank or "",
        "change": standing.change,
        "scores": [points(value) for value in standing.scores],
        "total": points(standing.total),
        "bar": bar,
        "spark": spark,
        "spark_alt": f"by {talk.column}: " + ", ".join(points(value) for value in standing.scores),
        "said": _said(standing, talk),
    }


def _said(standing: Standing, talk: Talk) -> str:
    """Which list counted, where it was not the team's own."""
    if standing.kind != "team":
        return "bot" if standing.kind == "bot" else ""
    months = {
        said: [n for n, held in enumerate(standing.lists, 1) if held == said]
        for said in (talk.absent, talk.fallen, talk.again)
    }
    return "; ".join(f"{talk.column} {', '.join(map(str, found))}: {said}" for said, found in months.items() if found)
