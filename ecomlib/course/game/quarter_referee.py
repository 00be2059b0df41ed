"""Referees a quarter in rounds: every team runs the same shop, drawn in secret, under the same luck (lesson 22).

The folder, the hand-in, the board and the pass-phrase are the order-list game's (``referee``). What differs: a turn is
a round (alone: a week), teams hand in sheets, and a team's shop goes on with what its own sheets have made of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from ecomlib.course.game.handin import HandIn, files_of
from ecomlib.course.game.quarter_words import quarter_hint, quarter_rules
from ecomlib.course.game.referee import GameSettings, Referee, Result, Row, name_problem
from ecomlib.course.game.rules import AVERAGE, TURN, Talk
from ecomlib.course.game.secret import LUCK_OF_QUARTER, STORE_OF_QUARTER, published_hash, seed_of
from ecomlib.course.game.sheets import LETTERS_FILE, Sheet, SheetRead, Turn, read_sheet, turn_of_quarter
from ecomlib.decisions.shop_env import ShopEnv
from ecomlib.decisions.shop_game import Game
from ecomlib.decisions.shop_policies import Smoothing
from ecomlib.decisions.shop_quarter import BOTS, PARTS, Quarter, bots, score_so_far, weekly
from ecomlib.decisions.shop_rounds import REFERENCE, RULE, InRounds, quarter_options, rounds, rule_policy
from ecomlib.errors import DataError
from ecomlib.files import whole_folder, write_whole

BOOKS = "-books"  # of a file's name: what a team's shop has recorded
_WORDS = {
    "zero": RULE,
    "best": REFERENCE,
    "money": "behind attainable",
    "scale": "0 is the best rule that needs no model, 100 the reference that knows every parameter, but not the luck.",
    "absent": "not in the game yet: the rule's points",
    "own": "own sheet",
    "again": "the last sheet again",
    "fallen": "the rule's sheet",
    "asks": "hand in a sheet",
    "shows": "What each line earned, week by week: room/weeks.csv; what customers could not have: room/lost.csv.",
}


class QuarterReferee(Referee):
    """Run one quarter in its folder; as of ``Referee``."""

    talk = Talk(turn="round", column="round", **_WORDS)
    lines = (*BOTS, AVERAGE)

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        if self.settings.solo:  # one decides week by week
            self.talk = Talk(turn="week", column="round", **_WORDS)

    @classmethod
    def check_length(cls, settings: GameSettings) -> None:
        """Raise a DataError where a game cannot be so long."""
        turns = len(cls.spans(settings))
        if settings.months != turns:
            raise DataError(
                "a quarter has as many turns as rounds, alone as weeks",
                value=settings.months,
                remedy=f"leave the number away, or say {turns}.",
            )

    @classmethod
    def problem_of(cls, team: str) -> str:
        """Say why a team cannot be called so, or nothing: some endings name its other files."""
        if team.casefold().endswith((LETTERS_FILE, BOOKS)):
            return f"a team's name does not end in {LETTERS_FILE} or {BOOKS}: its other files are called so"
        return name_problem(team, cls.lines)

    @staticmethod
    def spans(settings: GameSettings) -> tuple[range, ...]:
        """Divide the weeks of play into turns: rounds for a room, single weeks for one who plays alone."""
        game = Game(**quarter_options(settings.size))
        return tuple(range(w, w + 1) for w in range(game.weeks)) if settings.solo else rounds(game)

    @property
    def seed(self) -> int:
        """The store's seed."""
        return seed_of(self.settings.phrase, STORE_OF_QUARTER)

    @property
    def luck(self) -> int:
        """The same for all teams."""
        return seed_of(self.settings.phrase, LUCK_OF_QUARTER)

    @cached_property
    def env(self) -> ShopEnv:
        """The shop as a game."""
        return ShopEnv.from_store(self.store, **quarter_options(self.settings.size))

    @cached_property
    def rule(self) -> InRounds:
        """Zero of the scale."""
        return rule_policy(self.env)

    @cached_property
    def profits(self) -> pd.DataFrame:
        """What all bots and lines earn, a row a week: played once, and kept beside the phrase."""
        kept = self.own / "lines.json"
        if not kept.is_file():
            found = weekly(self.env, bots(self.env), self.luck)
            write_whole(kept, json.dumps(found.round(2).to_dict("list"), indent=1), sync=True)
        return pd.DataFrame(json.loads(kept.read_text(encoding="utf-8")))

    def span(self, number: int) -> range:
        """Return a turn's weeks of play, counted from 0."""
        return self.spans(self.settings)[number - 1]

    # --- a team's shop --------------------------------------------------------------------------------------------

    def shop_of(self, team: str, number: int) -> Quarter:
        """Play a team's shop up to the first Monday of a turn, by the sheets that counted."""
        quarter = Quarter(self.env, self.luck, self.rule)
        for turn in range(1, number):
            span = self.span(turn)
            quarter.play(self._kept_sheet(team, turn, quarter), weeks=len(span))
        return quarter

    def _kept_sheet(self, team: str, number: int, quarter: Quarter) -> Sheet:
        """The sheet that counted; the rule's where the team was not there yet."""
        path = self._kept(number) / "lists" / f"{team}.csv"
        if not path.is_file():
            return self.rule_sheet(quarter)
        found = read_sheet(path, self._turn(quarter, number), path.with_name(f"{team}{LETTERS_FILE}.csv"))
        if found.units is None:
            raise DataError("a sheet that counted is damaged", value=str(path), remedy="bring its file back.")
        return quarter.playable(found.units)

    def rule_sheet(self, quarter: Quarter) -> Sheet:
        """Write the sheet to begin with: the rule's own for a week; for a round its levels, which hold for longer."""
        if self.settings.solo:
            return quarter.sheet(self.rule)
        levels = {"order": Smoothing(self.env.game, "base_stock")}
        return quarter.sheet(InRounds(self.env.game, {**self.rule.parts, **levels}), exact=False)

    def _turn(self, quarter: Quarter, number: int) -> Turn:
        return turn_of_quarter(quarter, number, self.span(number))

    # --- handing out ----------------------------------------------------------------------------------------------

    def publish_rules(self) -> None:
        """Write the rules and the phrase's hash into the room."""
        options = quarter_options(self.settings.size)
        digits, size = published_hash(self.settings.phrase), self.settings.size
        write_whole(self.room / "README.txt", quarter_rules(options, digits, size))

    def hand_out(self, number: int) -> Path:
        """Write for each team its sheet to begin with, and its books; with the first turn the shop's tables too.

        Raises
        ------
        DataError
            There is no such turn, or the one before is not closed.
        """
        if not 1 <= number <= self.settings.months:
            raise DataError(
                f"there is no such {self.talk.turn}", value=number, remedy=f"there are {self.settings.months}."
            )
        if self.closed < number - 1:
            remedy = f"close {self.talk.turn} {self.closed + 1} first: ecomlib game score."
            raise DataError(f"{self.talk.turn} {number} comes later", value=number, remedy=remedy)
        self.publish_rules()
        _ = self.profits
        opening = self.room / "shop"
        if not opening.is_dir():
            self.env.opening().to_directory(opening)
        folder = self.tables(number)
        if not folder.is_dir():
            teams = self.teams(number) or ["begin"]
            with whole_folder(folder) as draft:
                for team in teams:
                    self._hand_to(draft, team, number)
                (draft / TURN).write_text(self.month(number).text(), encoding="utf-8")
                (draft / "hint.txt").write_text(quarter_hint(self.env.game.open_in(self.span(number).start)))
        return folder

    def _hand_to(self, folder: Path, team: str, number: int) -> None:
        quarter = self.shop_of(team, number)
        sheet = self.rule_sheet(quarter)
        table = sheet.frame(number).merge(quarter.see(), on="product_id")
        table.to_csv(folder / f"{team}.csv", index=False, lineterminator="\n")
        quarter.history().to_csv(folder / f"{team}{BOOKS}.csv", index=False, lineterminator="\n")

    def month(self, number: int) -> Turn:  # type: ignore[override]
        """Say what a turn's sheets must cover."""
        return self._turn(self.shop_of("", number), number)

    def words_of(self, number: int) -> tuple[str, Path]:
        """Say what a turn holds, and which file to begin with."""
        span, count = self.span(number), len(self.month(number).products)
        levers = ", ".join(PARTS[lever] for lever in self.env.game.open_in(span.start))
        return f"{count} products, weeks {span.start + 1} to {span.stop}: {levers}", self.tables(number) / "TEAM.csv"

    # --- sheets ---------------------------------------------------------------------------------------------------

    def look(self) -> list[HandIn]:
        """Read what lies in the hand-in for the open turn and write each team's answer; nothing is closed."""
        number = self.handed_out
        if number == self.closed:
            return []
        turn, known = self.month(number), {team.casefold(): team for team in self.teams(number)}
        files, found = files_of(self.folder), []
        for name, paths in files.items():
            if name.endswith(LETTERS_FILE):
                continue
            team = known.get(name.casefold(), name)
            if problem := self.problem_of(team):
                found.append(HandIn.refused(team, problem))
                continue
            letters = files.get(name + LETTERS_FILE, [None])[0]
            read = read_sheet(paths[0], turn, letters)
            old = read.turn is not None and read.turn < number
            found.append(HandIn(team, None if old else read, paths[0]))
        found += [HandIn(team) for team in sorted(set(known.values()) - {hand.team for hand in found})]
        for hand in found:
            write_whole(self.room / "answers" / f"{hand.team[:100]}.txt", hand.answer(number, self.talk.turn))
        return sorted(found, key=lambda hand: hand.team.casefold())

    def hand(self, team: str, sheet: Sheet) -> HandIn:
        """Make a hand-in of a sheet that came by no file: alone in the terminal."""
        return HandIn(team, SheetRead(sheet))

    # --- scoring --------------------------------------------------------------------------------------------------

    def close(self, hands: Sequence[HandIn]) -> Result:
        """Close the open turn with these sheets; a team without one gets its last one again, or the rule's.

        Raises
        ------
        DataError
            No turn is open.
        """
        number, span = self.handed_out, self.span(min(self.closed + 1, self.settings.months))
        if number == self.closed:
            remedy = "it is over." if self.finished else f"hand out the next one: ecomlib game month {number + 1}."
            raise DataError(f"no {self.talk.turn} is open", remedy=remedy)
        kept: dict[str, Sheet] = {}
        money: dict[str, float] = {}
        said: dict[str, str] = {}
        for hand in hands:
            if self.problem_of(hand.team):
                continue
            quarter = self.shop_of(hand.team, number)
            own = hand.units
            sheet = own if isinstance(own, Sheet) else None
            said[hand.team] = self.talk.own
            if sheet is None:
                said[hand.team], sheet = self._instead_of(hand.team, number, quarter)
            kept[hand.team] = sheet
            money[hand.team] = float(quarter.play(quarter.playable(sheet), weeks=len(span))["profit"].sum())
        result = self._of_turn(number, money, said)
        with whole_folder(self._kept(number), sync=True) as draft:
            (draft / "lists").mkdir()
            for team, sheet in kept.items():
                sheet.frame(number).to_csv(draft / "lists" / f"{team}.csv", index=False, lineterminator="\n")
                if sheet.mail is not None:
                    mail = pd.DataFrame({"customer_id": sorted(sheet.mail)})
                    mail.to_csv(draft / "lists" / f"{team}{LETTERS_FILE}.csv", index=False, lineterminator="\n")
            text = json.dumps(asdict(result), indent=1, ensure_ascii=False)
            (draft / "result.json").write_text(text + "\n", encoding="utf-8")
        return result

    def _instead_of(self, team: str, number: int, quarter: Quarter) -> tuple[str, Sheet]:
        """The last sheet again, with the rule's choice for what it did not decide; the rule's where there is none."""
        rule = self.rule_sheet(quarter)
        path = self._kept(number - 1) / "lists" / f"{team}.csv"
        if number == 1 or not path.is_file():
            return self.talk.fallen, rule
        last = pd.read_csv(path, dtype={"product_id": str}).set_index("product_id")
        held = {}
        for name in ("up_to", "price", "promote"):
            new = getattr(rule, name)
            if new is not None and name in last:
                old = last[name].reindex(list(rule.products)).to_numpy(dtype=float)
                new = np.where(np.isfinite(old), old, new).astype(new.dtype)
            held[name] = new
        return self.talk.again, Sheet(rule.products, **held, mail=rule.mail)

    def _of_turn(self, number: int, money: Mapping[str, float], said: Mapping[str, str]) -> Result:
        """A turn's rows; their money is what a name is behind the reference, so that less is better."""
        span = self.span(number)
        lines = self.profits.iloc[list(span)].sum()
        best = float(lines[REFERENCE])
        ends = {RULE: "0 by definition", REFERENCE: "100 by definition"}
        rows = [self._row(span, team, "team", said[team], best - earned) for team, earned in sorted(money.items())]
        for name in (*(name for name in BOTS if name not in ends), *ends):
            kind, words = ("line", ends[name]) if name in ends else ("bot", "a policy")
            rows.append(self._row(span, name, kind, words, best - float(lines[name])))
        return Result(number, (f"{span.start + 1}", f"{span.stop}"), tuple(rows))

    def _row(self, span: range, name: str, kind: str, words: str, behind: float) -> Row:
        """One row, with its score over some weeks."""
        turn = self.profits.iloc[list(span)].sum().to_frame().T
        points = score_so_far(turn.assign(own=turn[REFERENCE] - behind)[[RULE, REFERENCE, "own"]], "own")
        return Row(name, kind, words, round(behind, 2), None if points is None else round(points, 2))

    def columns(self) -> list[Result]:
        """List what the board shows, a column a round: alone the closed weeks of each are added up."""
        results = self.results()
        if not self.settings.solo:
            return results
        found = []
        for number, span in enumerate(rounds(self.env.game), start=1):
            weeks = [result for result in results if result.month - 1 in span]
            if weeks:
                played = range(span.start, span.start + len(weeks))
                behind: dict[str, float] = {}
                for row in (row for week in weeks for row in week.rows):
                    behind[row.name] = behind.get(row.name, 0.0) + row.money
                rows = [self._row(played, r.name, r.kind, r.list, behind[r.name]) for r in weeks[-1].rows]
                found.append(Result(number, (f"{played.start + 1}", f"{played.stop}"), tuple(rows)))
        return found

    def late(self) -> list[str]:
        """List nobody: a sheet names its turn, and an old one is no sheet for the next."""
        return []

    def reveal(self) -> list[Path]:
        """Write, once all turns are closed, the phrase, everybody's weeks, and what customers could not have."""
        if not self.finished:
            return []
        weeks, lost = self.profits.copy(), []
        for team in self.teams(self.settings.months + 1):
            quarter = self.shop_of(team, self.settings.months + 1)
            weeks[team] = quarter.weeks["profit"].round(2)
            lost.append(quarter.lost().assign(team=team))
        weeks.insert(0, "week", range(1, len(weeks) + 1))
        write_whole(self.room / "weeks.csv", weeks.to_csv(index=False, lineterminator="\n"))
        text = pd.concat(lost).to_csv(index=False, lineterminator="\n") if lost else "product_id,week,lost,team\n"
        phrase = write_whole(self.room / "phrase.txt", self.settings.phrase)
        return [phrase, write_whole(self.room / "lost.csv", text)]
