"""Ranks the teams over the closed months, with the bots and lines that they are read against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from ecomlib.course.game.referee import Result
from ecomlib.course.game.rules import ORDERS, Talk, score

ABSENT = ORDERS.absent


@dataclass(frozen=True)
class Standing:
    """Hold one name's standing after the last closed month.

    Parameters
    ----------
    name, kind : str
        The kind is team, bot or line.
    scores : tuple of float or None
        One a month.
    lists : tuple of str
        Which list counted in each month.
    total : float or None
        The score of all months' money together.
    rank : int or None
        Of teams; equal totals share a place.
    change : int
        Places won (above zero) or lost since the month before.
    """

    name: str
    kind: str
    scores: tuple[float | None, ...]
    lists: tuple[str, ...]
    total: float | None
    rank: int | None = None
    change: int = 0


def standings(results: Sequence[Result], talk: Talk = ORDERS) -> list[Standing]:
    """Rank the teams by their total, best first, with bots and lines where their totals put them.

    A team that joins later is counted with zero's line, 0 points, in the turns before. The total adds up money:
    a month in which much could be lost weighs more.
    """
    if not results:
        return []
    ranks, before = _ranks(results, talk), _ranks(results[:-1], talk)
    found = []
    for name, kind in _names(results):
        rows = [result.row(name) for result in results]
        months = [None if row is None else row.score for row in rows]
        if kind == "team":
            months = [
                0.0 if row is None and _open(result, talk) else points
                for row, points, result in zip(rows, months, results, strict=True)
            ]
        rank = ranks.get(name)
        change = before[name] - rank if rank is not None and name in before else 0
        lists = tuple(talk.absent if row is None else row.list for row in rows)
        found.append(Standing(name, kind, tuple(months), lists, _total(results, name, talk), rank, change))
    return sorted(found, key=lambda s: (-(s.total if s.total is not None else float("-inf")), s.kind != "team", s.name))


def table(results: Sequence[Result]) -> pd.DataFrame:
    """Tabulate every month's rows: ``month, name, kind, list, money, score``, as they are published."""
    columns = ["month", "name", "kind", "list", "money", "score"]
    rows = [
        [result.month, row.name, row.kind, row.list, row.money, row.score] for result in results for row in result.rows
    ]
    return pd.DataFrame(rows, columns=columns)


def _names(results: Sequence[Result]) -> list[tuple[str, str]]:
    return list(dict.fromkeys((row.name, row.kind) for result in results for row in result.rows))


def _money(result: Result, name: str, talk: Talk) -> float:
    """What a name lost in a turn; zero's line where it was not there."""
    row = result.row(name) or result.row(talk.zero)
    return row.money if row is not None else float("nan")


def _open(result: Result, talk: Talk) -> bool:
    """Whether there was room between zero's line and the best one."""
    return _money(result, talk.zero, talk) > _money(result, talk.best, talk)


def _total(results: Sequence[Result], name: str, talk: Talk) -> float | None:
    sums = [sum(_money(result, who, talk) for result in results) for who in (name, talk.zero, talk.best)]
    points = score(*sums)
    return None if points is None else round(points, 2)


def _ranks(results: Sequence[Result], talk: Talk) -> dict[str, int]:
    teams = [name for name, kind in _names(results) if kind == "team"]
    totals = pd.Series({name: _total(results, name, talk) for name in teams}, dtype=float)
    return {str(name): int(rank) for name, rank in totals.rank(ascending=False, method="min").dropna().items()}
