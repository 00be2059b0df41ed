"""Referees the order-list game: keeps the secret, hands out tables, closes months, and alone knows what was wanted.

A game is a folder. ``room/`` is what everybody may have: rules, a folder of plain tables a month, answers, scores.
``handin/`` is where teams put their lists, ``board/`` the page for the projector. ``referee/`` is for the referee: the
pass-phrase, the store with its truth, the lists that counted. A month is closed by one rename, with all lists that
counted in it, and all else is made of that: whatever a crash left out, the next command writes, to the same byte.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from filelock import FileLock
from numpy.typing import NDArray

from ecomlib.course.game.bots import BOTS, bot_lists, recent_sales, weekly_sales
from ecomlib.course.game.handin import HandIn, files_of
from ecomlib.course.game.lists import read_list
from ecomlib.course.game.rules import (
    ATTAINABLE,
    AVERAGE,
    LAST_WEEK,
    ORDERS,
    WEEKS,
    Month,
    Talk,
    Units,
    make_month,
    month_of,
    score,
)
from ecomlib.course.game.rules import whole as whole_units
from ecomlib.course.game.secret import check_phrase, draw_phrase, published_hash, seed_of
from ecomlib.course.game.words import hint_text, rules_text
from ecomlib.decisions.newsvendor import order_quantities
from ecomlib.errors import DataError
from ecomlib.evaluation import attainable
from ecomlib.files import whole_folder, write_new, write_whole
from ecomlib.stores.simulated import make_store, settings_for
from ecomlib.stores.simulated.cache import cached, source_digits
from ecomlib.stores.store import Store
from ecomlib.stores.until import tables_until

LEVELS = tuple(np.round(np.arange(0.02, 0.99, 0.02), 2))  # of the attainable forecast, as in lesson 00
LEAST_HISTORY = 8  # weeks before the first month: what the bots look back on
SOLO = "you"
OWN, AGAIN, FALLEN_BACK = ORDERS.own, ORDERS.again, ORDERS.fallen
NOT_YET = "not in the game yet"


@dataclass(frozen=True)
class GameSettings:
    """Hold what a game is, as it is written down once when it begins."""

    phrase: str = ""
    months: int = 3
    size: str = "small"
    solo: bool = False
    teams: tuple[str, ...] = ()
    source: str = ""  # digits of the simulator that made the store
    kind: str = "orders"  # or "quarter"


@dataclass(frozen=True)
class Row:
    """Hold one line of a month's result: who, of which kind (team, bot, line), with which list, and what it lost."""

    name: str
    kind: str
    list: str
    money: float
    score: float | None


@dataclass(frozen=True)
class Result:
    """Hold a closed month: its weeks and a row for each team, bot and line."""

    month: int
    weeks: tuple[str, ...]
    rows: tuple[Row, ...] = field(default_factory=tuple)

    def row(self, name: str) -> Row | None:
        """Find a row by its name."""
        return next((row for row in self.rows if row.name == name), None)


def wanted(store: Store, month: Month) -> NDArray[np.float64]:
    """Read off the truth what customers wanted in a month, units, shape (P, 4)."""
    demand = store.truth.panel("demand")
    return month.grid(demand["unique_id"], demand["ds"], demand["value"])


def best_list(store: Store, month: Month) -> Units:
    """Write the best list that anybody could have written: the attainable forecast at the critical ratio, (P, 4)."""
    frame = attainable(store, [month.last_known], WEEKS, filtered=False, quantiles=LEVELS)
    at = pd.Index(month.products).get_indexer(frame["unique_id"])
    c_u, c_o = month.c_u[at, 0], month.c_o[at, 0]
    orders = order_quantities(frame, ATTAINABLE, c_u=c_u, c_o=c_o)
    return whole_units(month.grid(frame["unique_id"], frame["ds"], orders))


def begin(folder: Path, settings: GameSettings, kind: type[Referee] | None = None) -> Referee:
    """Begin a game in a new folder: draw or check the phrase, make the store, publish the rules and the hash.

    Parameters
    ----------
    folder : Path
        A folder that is not there yet, or empty.
    settings : GameSettings
        Without a phrase one is drawn.
    kind : type, optional
        Of the referee; the order-list game's unless given.

    Raises
    ------
    DataError
        The phrase is too simple, there are too many months, or the folder holds a game.
    """
    kind, sizes = kind or Referee, settings_for(settings.size)
    kind.check_length(settings)
    phrase = check_phrase(settings.phrase) if settings.phrase else draw_phrase()
    teams = (SOLO,) if settings.solo else settings.teams
    written = replace(settings, phrase=phrase, teams=teams, source=source_digits(sizes))
    for team in teams:
        if problem := kind.problem_of(team):
            raise DataError(problem, value=team, remedy="give the team another name.")
    own = folder / "referee"
    own.mkdir(parents=True, exist_ok=True)
    if os.name == "posix":
        own.chmod(0o700)
    try:
        write_new(own / "game.json", json.dumps(asdict(written), indent=1, ensure_ascii=False) + "\n", sync=True)
    except FileExistsError:
        remedy = "name another folder with --out, or go on with that game: ecomlib game board."
        raise DataError("this folder holds a game already", value=str(folder), remedy=remedy) from None
    (folder / "handin").mkdir(exist_ok=True)
    referee = kind(folder)
    _ = referee.store
    referee.publish_rules()
    return referee


def name_problem(team: str, lines: Sequence[str] = (LAST_WEEK, ATTAINABLE, AVERAGE, *BOTS)) -> str:
    """Say why a team cannot be called so, or nothing.

    Parameters
    ----------
    team : str
        The name.
    lines : sequence of str
        Names that the board needs itself.

    Examples
    --------
    >>> name_problem("the reds"), name_problem("Last Week")
    ('', 'this is the name of a line on the board')
    """
    if (
        not team.strip()
        or team != team.strip()
        or len(team) > 40
        or not team.isprintable()
        or set(team) & set('/\\:*?"<>|')
    ):
        return "a team's name has 1 to 40 characters, and its file must be able to carry it"
    taken = {name.casefold() for name in lines}
    return "this is the name of a line on the board" if team.casefold() in taken else ""


class Referee:
    """Run one game in its folder; every method may be called again after a crash.

    Parameters
    ----------
    folder : Path
        Of ``begin``.

    Raises
    ------
    DataError
        The folder holds no game.
    """

    talk: Talk = ORDERS
    lines: tuple[str, ...] = (LAST_WEEK, ATTAINABLE, AVERAGE, *BOTS)

    def __init__(self, folder: Path) -> None:
        self.folder, self.room, self.own = folder, folder / "room", folder / "referee"
        try:
            held = json.loads((self.own / "game.json").read_text(encoding="utf-8"))
            self.settings = GameSettings(**held | {"teams": tuple(held["teams"])})
        except (OSError, ValueError, TypeError, KeyError) as fault:
            remedy = "begin one with: ecomlib game new --out FOLDER; or name its folder with --game FOLDER."
            raise DataError("there is no game here", value=str(folder), remedy=remedy) from fault

    @classmethod
    def check_length(cls, settings: GameSettings) -> None:
        """Raise a DataError where a game cannot be so long."""
        most = (settings_for(settings.size).weeks - LEAST_HISTORY) // WEEKS
        if not 1 <= settings.months <= most:
            remedy = f"play 1 to {most} months of four weeks on a store of size {settings.size}."
            raise DataError("so many months cannot be played", value=settings.months, remedy=remedy)

    @classmethod
    def problem_of(cls, team: str) -> str:
        """Say why a team cannot be called so in this game, or nothing."""
        return name_problem(team, cls.lines)

    @property
    def seed(self) -> int:
        """The store's seed."""
        return seed_of(self.settings.phrase)

    @cached_property
    def store(self) -> Store:
        """The game's store with its truth, made once and then kept beside the phrase."""
        kept = self.own / f"store-{self.settings.source}"
        sizes = settings_for(self.settings.size)

        def make() -> Store:
            if source_digits(sizes) != self.settings.source:
                raise DataError(
                    "the game's store is gone or damaged, and this ecomlib (or numpy) would make another one",
                    value=str(kept),
                    remedy="go on with the versions that began the game, or begin a new one.",
                )
            return make_store(self.settings.size, self.seed, settings=sizes, cache=False)

        return cached(kept, make)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the game's lock: two commands at a time take turns."""
        with FileLock(self.own / "lock"):
            yield

    # --- what months there are ------------------------------------------------------------------------------------

    def tables(self, number: int) -> Path:
        """Name the folder of a turn's tables."""
        return self.room / f"{self.talk.turn}-{number}"

    @property
    def handed_out(self) -> int:
        """How many months have been handed out."""
        return next((n for n in range(self.settings.months) if not self.tables(n + 1).is_dir()), self.settings.months)

    @property
    def closed(self) -> int:
        """How many months are closed."""
        return next((n for n in range(self.settings.months) if not self._kept(n + 1).is_dir()), self.settings.months)

    @property
    def finished(self) -> bool:
        """Whether all months are closed."""
        return self.closed == self.settings.months

    def _kept(self, number: int) -> Path:
        return self.own / f"{self.talk.turn}-{number}"

    def _begin(self, number: int) -> pd.Timestamp:
        end = pd.Timestamp(settings_for(self.settings.size).end) + pd.Timedelta(days=1)
        return end - pd.Timedelta(weeks=WEEKS * (self.settings.months - number + 1))

    def month(self, number: int) -> Month:
        """Make a month from the store: its products are those on sale at the cut."""
        products = self.store.products
        return make_month(products[products["launched_on"] < self._begin(number)], self._begin(number), number)

    # --- handing out ----------------------------------------------------------------------------------------------

    def hand_out(self, number: int) -> Path:
        """Write a month's tables, and last week's list to begin with, for everybody; once.

        Raises
        ------
        DataError
            There is no such month, or the one before is not closed: its sales would be seen.
        """
        if not 1 <= number <= self.settings.months:
            remedy = f"the game has months 1 to {self.settings.months}."
            raise DataError("there is no such month", value=number, remedy=remedy)
        if self.closed < number - 1:
            remedy = f"close month {self.closed + 1} first: ecomlib game score. Its sales are in these tables."
            raise DataError(f"month {number} comes after month {number - 1}", value=number, remedy=remedy)
        self.publish_rules()
        month, folder = self.month(number), self.tables(number)
        cut = tables_until(self.store.observed(), month.weeks[0], f"the shop of the game, month {number}")
        start = bot_lists(recent_sales(cut.orders, cut.products, month), month)[LAST_WEEK]
        _write_list(self.room / f"month-{number}-last-week.csv", month, start)
        write_whole(self.room / f"month-{number}-hint.txt", hint_text(number))
        if not folder.is_dir():
            cut.to_directory(folder)
        return folder

    def publish_rules(self) -> None:
        """Write the rules and the phrase's hash into the room."""
        write_whole(self.room / "README.txt", rules_text(self.settings.months, published_hash(self.settings.phrase)))

    def words_of(self, number: int) -> tuple[str, Path]:
        """Say what a turn holds, and which file to begin with."""
        month = self.month(number)
        weeks = f"{month.weeks[0]:%Y-%m-%d} to {month.weeks[-1]:%Y-%m-%d}"
        return f"{len(month.products)} products, weeks from {weeks}", self.room / f"month-{number}-last-week.csv"

    # --- lists ----------------------------------------------------------------------------------------------------

    def look(self) -> list[HandIn]:
        """Read what lies in the hand-in for the open month and write each team's answer; nothing is closed."""
        number = self.handed_out
        if number == self.closed:
            return []
        month = month_of(self.tables(number), number)
        earlier = [week for n in range(1, number) for week in make_month(self.store.products, self._begin(n), n).weeks]
        known = {team.casefold(): team for team in self.teams(number)}
        found = []
        for name, paths in files_of(self.folder).items():
            team = known.get(name.casefold(), name)
            problem = self.problem_of(team)
            if problem:
                found.append(HandIn.refused(team, problem))
                continue
            if len(paths) > 1:
                names = " and ".join(str(path.relative_to(self.folder)) for path in paths)
                found.append(HandIn.refused(team, f"two lists lie there: {names}. Keep one"))
                continue
            read = read_list(paths[0], month)
            found.append(HandIn(team, None if read.only_of(earlier) else read, paths[0]))
        found += [HandIn(team) for team in sorted(set(known.values()) - {hand.team for hand in found})]
        for hand in found:
            write_whole(self.room / "answers" / f"{hand.team[:100]}.txt", hand.answer(number))
        return sorted(found, key=lambda hand: hand.team.casefold())

    def teams(self, number: int) -> list[str]:
        """List the teams that are known before a month's lists are read."""
        before = {row.name for n in range(1, number) for row in self.result(n).rows if row.kind == "team"}
        return sorted(before | set(self.settings.teams))

    # --- scoring --------------------------------------------------------------------------------------------------

    def close(self, hands: Sequence[HandIn]) -> Result:
        """Close the open month with these lists; a team without one gets last month's again, or last week's.

        Raises
        ------
        DataError
            No month is open.
        """
        number = self.handed_out
        if number == self.closed:
            nxt = f"hand out the next one: ecomlib game month {number + 1}." if not self.finished else "it is over."
            raise DataError("no month is open", remedy=nxt)
        month = self.month(number)
        cut = tables_until(self.store.observed(), month.weeks[0], "cut")
        bots = bot_lists(recent_sales(cut.orders, cut.products, month), month)
        lists: dict[str, tuple[str, Units]] = {}
        for hand in hands:
            if self.problem_of(hand.team):
                continue
            lists[hand.team] = (OWN, hand.units) if hand.units is not None else self._instead(hand.team, month, bots)
        result = self._result(month, lists, bots)
        with whole_folder(self._kept(number), sync=True) as draft:
            for team, (_, units) in lists.items():
                _write_list(draft / "lists" / f"{team}.csv", month, units)
            text = json.dumps(asdict(result), indent=1, ensure_ascii=False)
            (draft / "result.json").write_text(text + "\n", encoding="utf-8")
        return result

    def _instead(self, team: str, month: Month, bots: Mapping[str, Units]) -> tuple[str, Units]:
        """Last month's list, week by week and product by product; last week's sales where it has none."""
        units = bots[LAST_WEEK].copy()
        row = self.result(month.number - 1).row(team) if month.number > 1 else None
        if row is None or row.list not in (OWN, AGAIN):
            return FALLEN_BACK, units
        old = pd.read_csv(self._kept(month.number - 1) / "lists" / f"{team}.csv", dtype={"product_id": str})
        then = pd.to_datetime(old["week"]) + pd.Timedelta(weeks=WEEKS)
        again = month.grid(old["product_id"], then, old["units"])
        return AGAIN, np.where(np.isfinite(again), again, units).astype(np.int64)

    def _result(self, month: Month, lists: Mapping[str, tuple[str, Units]], bots: Mapping[str, Units]) -> Result:
        demand, best = wanted(self.store, month), best_list(self.store, month)
        low, high = month.cost(best, demand), month.cost(bots[LAST_WEEK], demand)

        def row(name: str, kind: str, said: str, units: NDArray[Any]) -> Row:
            money = month.cost(units, demand)
            points = score(money, high, low)
            return Row(name, kind, said, round(money, 2), None if points is None else round(points, 2))

        rows = [row(team, "team", said, units) for team, (said, units) in sorted(lists.items())]
        rows += [row(name, "bot", "a rule", bots[name]) for name in BOTS]
        rows += [row(LAST_WEEK, "line", "0 by definition", bots[LAST_WEEK])]
        if len(lists) > 1:
            mean = whole_units(np.mean([units for _, units in lists.values()], axis=0))
            rows += [row(AVERAGE, "line", "the mean of all teams' lists", mean)]
        rows += [row(ATTAINABLE, "line", "100 by definition", best)]
        return Result(month.number, tuple(month.weeks.strftime("%Y-%m-%d")), tuple(rows))

    def result(self, number: int) -> Result:
        """Read a closed month."""
        held = json.loads((self._kept(number) / "result.json").read_text(encoding="utf-8"))
        return Result(held["month"], tuple(held["weeks"]), tuple(Row(**row) for row in held["rows"]))

    def results(self) -> list[Result]:
        """Read all closed months."""
        return [self.result(number) for number in range(1, self.closed + 1)]

    def columns(self) -> list[Result]:
        """List what the board shows, a column each: the closed turns."""
        return self.results()

    def late(self) -> list[str]:
        """List the teams whose file is a list for a closed month that is not the one that counted."""
        number, found = self.closed, []
        if not number:
            return []
        month = month_of(self.tables(number), number)
        known = {team.casefold(): team for team in self.teams(number + 1)}
        for name, paths in files_of(self.folder).items():
            team, read = known.get(name.casefold(), name), read_list(paths[0], month)
            kept = self._kept(number) / "lists" / f"{team}.csv"
            counted = pd.read_csv(kept)["units"].to_numpy() if kept.is_file() else np.zeros(0)
            if read.units is not None and not np.array_equal(read.units.ravel(), counted):
                found.append(team)
        return found

    def reveal(self) -> list[Path]:
        """Write, once all months are closed, the phrase and what was sold and wanted, for everybody."""
        if not self.finished:
            return []
        frames = []
        sold = weekly_sales(self.store.orders)
        for number in range(1, self.settings.months + 1):
            month = self.month(number)
            units = np.nan_to_num(month.grid(sold["product_id"], sold["week"], sold["quantity"])).astype(np.int64)
            frame = month.frame(units).rename(columns={"units": "sold"})
            frame["wanted"] = wanted(self.store, month).ravel().astype(np.int64)
            frame["attainable"] = best_list(self.store, month).ravel()
            frames.append(frame)
        phrase = write_whole(self.room / "phrase.txt", self.settings.phrase)
        text = pd.concat(frames).to_csv(index=False, lineterminator="\n")
        return [phrase, write_whole(self.room / "what-was-wanted.csv", text)]


def _write_list(path: Path, month: Month, units: Units) -> None:
    write_whole(path, month.frame(units).to_csv(index=False, lineterminator="\n"))
