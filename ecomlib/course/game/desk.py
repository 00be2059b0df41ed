"""Plays one quarter at a desk in the browser: what a player is shown, what he decides, and what came of it (lesson 22).

The game's folder is the terminal's (``ecomlib play``): begun here it goes on there, and the other way round. What
differs is that the shop is kept in memory between two weeks, so that a week answers within a second.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from filelock import FileLock, Timeout

from ecomlib.course.game.board import publish
from ecomlib.course.game.lists import MOST
from ecomlib.course.game.quarter_referee import QuarterReferee
from ecomlib.course.game.referee import SOLO
from ecomlib.course.game.rules import TURN
from ecomlib.course.game.secret import published_hash
from ecomlib.course.game.sheets import Turn
from ecomlib.decisions.shop_quarter import BOTS, CHOICES, PARTS, Quarter, Sheet, bots, score_so_far, scoreboard, weekly
from ecomlib.decisions.shop_rounds import LAST_WEEK, REFERENCE, RULE, rounds
from ecomlib.errors import DataError
from ecomlib.files import whole_folder, write_whole

Edits = Mapping[str, Mapping[str, float]]  # by lever and product
Tell = Callable[[str, int, int], None]  # what is done, steps that are over, steps in all
DRAWING = "The shop is drawn"
WEEK = "week"  # column of the error by which a week that is over refuses to be played again
_PATIENCE = 3.0  # seconds for a terminal that plays the same game
_FAULTS = 5  # are named, the others counted
_MISSED = 5  # products


class DeskReferee(QuarterReferee):
    """Referee one player's quarter, with his shop at hand; as of ``QuarterReferee``."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        if not self.settings.solo:
            remedy = "name a folder of ecomlib play; a room's scores are shown with --room."
            raise DataError("this game is a room's", value=str(folder), remedy=remedy)
        self._held: Quarter | None = None

    def shop_of(self, team: str, number: int) -> Quarter:
        """Return the player's shop on the first Monday of a week; it is played on from where it stands."""
        held = self._held
        if held is None or held.week > number - 1:
            held = self._held = Quarter(self.env, self.luck, self.rule)
        while held.week < number - 1:
            held.play(self._kept_sheet(SOLO, held.week + 1, held))
        return held

    def month(self, number: int) -> Turn:  # type: ignore[override]
        """Say what a week's sheet must cover, as things stand in the player's own shop."""
        return self._turn(self.shop_of(SOLO, number), number)

    def forget(self) -> None:
        """Read the shop from the folder again when it is next asked for."""
        self._held = None

    def slim(self) -> None:
        """Let go of the store's tables, half a gigabyte, once what is played has been made of them.

        Whoever asks for them later (a terminal's hand-out does) has them read from the folder again.
        """
        _ = self.rule
        self.env._observed = lambda: self.store.observed()
        self.__dict__.pop("store", None)

    def hand_out(self, number: int) -> Path:
        """Write a week's sheet to begin with; the shop's tables and books are written when a terminal goes on."""
        self.publish_rules()
        _ = self.profits
        folder = self.tables(number)
        if not folder.is_dir():
            with whole_folder(folder) as draft:
                self._hand_to(draft, SOLO, number)
                (draft / TURN).write_text(self.month(number).text(), encoding="utf-8")
        return folder

    def _hand_to(self, folder: Path, team: str, number: int) -> None:
        quarter = self.shop_of(team, number)
        table = self.rule_sheet(quarter).frame(number).merge(quarter.see(), on="product_id")
        table.to_csv(folder / f"{team}.csv", index=False, lineterminator="\n")

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the game's lock; a DataError where a terminal plays the same game."""
        lock = FileLock(self.own / "lock")
        try:
            lock.acquire(timeout=_PATIENCE)
        except Timeout:
            remedy = "leave it there with q, then go on here."
            raise DataError("this game is being played in a terminal", remedy=remedy) from None
        try:
            yield
        finally:
            lock.release()

    def prepare(self, tell: Tell) -> None:
        """Draw the shop, let every opponent play it, and set out the first Monday; what is done already is kept.

        Parameters
        ----------
        tell : callable
            Is told of each step.
        """
        kept, steps = self.own / "lines.json", len(BOTS) + 2
        tell(DRAWING, 0, steps)
        env = self.env
        if not kept.is_file():
            found: dict[str, pd.Series] = {}
            for number, name in enumerate(BOTS, start=1):
                tell(f"An opponent learns and plays its quarter: {name}", number, steps)
                found[name] = weekly(env, bots(env, [name]), self.luck)[name]
            write_whole(kept, json.dumps(pd.DataFrame(found).round(2).to_dict("list"), indent=1), sync=True)
        tell("Setting out the shop", steps - 1, steps)
        self.hand_out(min(self.closed + 1, self.settings.months))


class Desk:
    """Show one player his shop, take a week's decisions, and say what came of them.

    Parameters
    ----------
    folder : Path
        A prepared game: of ``DeskReferee.prepare``, or one that was begun in the terminal.
    """

    def __init__(self, folder: Path) -> None:
        self.referee = DeskReferee(folder)
        self.titles: dict[str, str] = dict(
            self.referee.store.products.set_index("product_id")["title"].fillna("").astype(str)
        )
        self.referee.slim()

    @property
    def quarter(self) -> Quarter:
        """The shop as it stands."""
        return self.referee.shop_of(SOLO, self.referee.closed + 1)

    # --- what is shown --------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Tell where the game stands: the week to come, the weeks that were played, and once it is over everything.

        Returns
        -------
        dict
            Plain values, which JSON can hold.
        """
        referee, quarter = self.referee, self.quarter
        game = quarter.env.game
        spans = rounds(game)
        opens = [game.open_in(span.start) for span in spans]
        state: dict[str, Any] = {
            "stage": "over" if quarter.over else "play",
            "week": quarter.week + 1,
            "weeks": game.weeks,
            "round": quarter.round,
            "rounds": [
                {"first": span.start + 1, "last": span.stop, "levers": list(now)}
                for span, now in zip(spans, opens, strict=True)
            ],
            "levers": [] if quarter.over else list(quarter.levers),
            "names": dict(PARTS),
            "choices": dict(CHOICES),
            "places": quarter.env.places,
            "hash": published_hash(referee.settings.phrase),
            "folder": referee.folder.name,
        }
        state |= self._money(quarter)
        return state | (self._end(quarter) if quarter.over else self._monday(quarter))

    def _monday(self, quarter: Quarter) -> dict[str, Any]:
        seen = quarter.see()
        seen.insert(1, "title", [self.titles.get(name, "") for name in seen["product_id"]])
        out = seen["days_out"] > 0
        sums = {name: int(seen[name].sum()) for name in ("on_hand", "arriving", "sold_last_week")}
        return {
            "sums": sums | {"ran_out": int(out.sum()), "products": len(seen)},
            "listed": int(quarter.obs["listed"].sum()),
            "products": _plain(seen),
        }

    def _money(self, quarter: Quarter) -> dict[str, Any]:
        """Each week's money beside the three lines that the scale is read against, and the score so far."""
        lines, rows = self._lines(quarter), quarter.weeks
        if rows.empty:
            return {"played": [], "profit": 0.0, "score": None, "lines": [], "scores": {}}
        shown = rows[["week", "round", "profit", "margin", "holding", "letters", "sold", "on_hand"]].round(2)
        beside = {"rule": RULE, "attainable": REFERENCE, "last_week": LAST_WEEK}
        for name, line in beside.items():
            shown[name] = lines[line].to_numpy()
        scores = {name: score_so_far(lines, name) for name in (SOLO, *beside.values())}
        sums = {name: round(float(lines[name].sum()), 2) for name in (SOLO, *beside.values())}
        lined = [{"player": name, "profit": sums[name], "score": scores[name]} for name in sums]
        return {"played": _plain(shown), "profit": round(quarter.profit, 2), "score": scores[SOLO], "lines": lined}

    def _lines(self, quarter: Quarter) -> pd.DataFrame:
        played = self.referee.profits.iloc[: quarter.week]
        return played.assign(**{SOLO: quarter.weeks["profit"].to_numpy()}) if quarter.week else played

    def _end(self, quarter: Quarter) -> dict[str, Any]:
        """The board, the phrase with its check, and what customers could not have."""
        phrase = self.referee.settings.phrase
        lost = quarter.lost().groupby("product_id", sort=True)["lost"].sum().sort_values(ascending=False, kind="stable")
        missed = [
            {"product_id": str(name), "title": self.titles.get(str(name), ""), "units": int(units)}
            for name, units in lost.head(_MISSED).items()
            if units > 0
        ]
        return {
            "board": _plain(scoreboard(self._lines(quarter))),
            "scale": self.referee.talk.scale,
            "phrase": phrase,
            "check": f"printf %s {shlex.quote(phrase)} | sha256sum",
            "lost": int(lost.sum()),
            "missed": missed,
        }

    # --- what is decided ------------------------------------------------------------------------------------------

    def suggest(self, choice: Mapping[str, str]) -> dict[str, Any]:
        """Write down what some choices would do this week: by product, in the order of the table.

        Parameters
        ----------
        choice : mapping
            A word or a number for each lever, as ``CHOICES`` says; what is left out is the rule's.

        Raises
        ------
        DataError
            There is no such choice, or its lever is not open.
        """
        quarter = self.quarter
        if quarter.over:  # the page asked while the last week was being played
            return {"week": quarter.week + 1}
        sheet = self._sheet(quarter, choice, {})
        at = quarter.known()
        stock = (quarter.obs["on_hand"] + quarter.obs["arriving"])[at]
        said: dict[str, Any] = {"week": quarter.week + 1}
        if sheet.up_to is not None:
            said["order"] = np.maximum(sheet.up_to - stock, 0).tolist()
        if sheet.price is not None:
            said["price"] = sheet.price.tolist()
        if sheet.promote is not None:
            said["promote"] = sheet.promote.tolist()
        if sheet.mail is not None:
            said["mail"] = len(sheet.mail)
        return said

    def play(self, week: int, choice: Mapping[str, str], edits: Edits | None = None) -> dict[str, Any]:
        """Play one week; what is wrong is said before anything is played, and then nothing has changed.

        Parameters
        ----------
        week : int
            The one that the player sees; a second click does not play the next one.
        choice : mapping
            As of ``suggest``.
        edits : mapping, optional
            What is to differ: units to ``order``, the ``price``, and 0 or 1 to ``promote``, by product.

        Returns
        -------
        dict
            Of ``state``.

        Raises
        ------
        DataError
            A choice or an edit is none, or the week is not the next one.
        """
        referee = self.referee
        with referee.alone():
            quarter = self.quarter
            if quarter.over or week != quarter.week + 1:
                where = "the quarter is over" if quarter.over else f"the next one is week {quarter.week + 1}"
                raise DataError(f"week {week} is not to be played: {where}", column=WEEK)
            sheet = self._sheet(quarter, choice, edits or {})
            try:
                referee.hand_out(week)
                referee.close([referee.hand(SOLO, sheet)])
                if not referee.finished:
                    referee.hand_out(week + 1)
                else:
                    referee.reveal()
                    publish(referee)
            except BaseException:
                referee.forget()  # what the folder holds counts
                raise
            return self.state()

    def _sheet(self, quarter: Quarter, choice: Mapping[str, str], edits: Edits) -> Sheet:
        """The week's sheet: the choices, with what the player changed by hand."""
        for lever in (*choice, *(name for name, changed in edits.items() if changed)):
            if lever not in PARTS:
                raise DataError("there is no such lever", value=lever, remedy=f"name one of {', '.join(PARTS)}.")
            if lever not in quarter.levers:
                first = dict(zip(quarter.env.game.levers, quarter.env.game.opens or (), strict=True))[lever] + 1
                remedy = f"leave it to the shop until week {first}."
                raise DataError(f"this lever is not open yet: {PARTS[lever]}", remedy=remedy)
        sheet = quarter.sheet(quarter.choice(**choice))
        return self._edited(quarter, sheet, edits)

    def _edited(self, quarter: Quarter, sheet: Sheet, edits: Edits) -> Sheet:
        """Put a player's own numbers into a sheet."""
        place, faults = {name: k for k, name in enumerate(sheet.products)}, []
        at = quarter.known()
        stock, low, high = (
            values[at]
            for values in (
                quarter.obs["on_hand"] + quarter.obs["arriving"],
                quarter.obs["price_low"],
                quarter.obs["price_high"],
            )
        )
        held: dict[str, Any] = {
            name: None if values is None else values.copy()
            for name, values in (("order", sheet.up_to), ("price", sheet.price), ("promote", sheet.promote))
        }
        for lever, changed in edits.items():
            if changed and lever == "mail":
                faults.append("letters are chosen by a word, not one by one")
                continue
            for name, value in changed.items():
                k = place.get(name)
                if k is None:
                    faults.append(f"{name}: there is no such product")
                elif lever == "order" and not (0 <= value <= MOST and value == int(value)):
                    faults.append(f"{name}: an order is whole units, 0 to {MOST:,}, and not {value:g}")
                elif lever == "price" and not low[k] - 0.005 <= value <= high[k] + 0.005:
                    faults.append(
                        f"{name}: its price lies between {low[k]:.2f} and {high[k]:.2f}, and {value:g} does not"
                    )
                elif lever == "promote" and value not in (0, 1):
                    faults.append(f"{name}: on the offers page is 1, not on it 0, and not {value:g}")
                elif (values := held[lever]) is not None:
                    values[k] = stock[k] + value if lever == "order" else value
        marked = 0 if held["promote"] is None else int(held["promote"].sum())
        if marked > quarter.env.places:
            faults.append(f"the offers page has {quarter.env.places} places, and {marked} are marked")
        if faults:
            more = f"; and {len(faults) - _FAULTS} more" if len(faults) > _FAULTS else ""
            raise DataError("; ".join(faults[:_FAULTS]) + more, remedy="mend it and play the week again.")
        own = Sheet(sheet.products, held["order"], held["price"], held["promote"], sheet.mail)
        return quarter.playable(own)


class RoomScores:
    """Tell who stands where in a room's quarter: what its board shows, and nothing that is not public.

    Parameters
    ----------
    folder : Path
        Of ``ecomlib game new --quarter``.
    """

    def __init__(self, folder: Path) -> None:
        self.referee = QuarterReferee(folder)
        if self.referee.settings.kind != "quarter" or self.referee.settings.solo:
            remedy = "name the folder of: ecomlib game new --quarter."
            raise DataError("this folder holds no room's quarter", value=str(folder), remedy=remedy)

    @cached_property
    def digits(self) -> str:
        """The hash that was published."""
        return published_hash(self.referee.settings.phrase)

    def scores(self) -> dict[str, Any]:
        """Tell the standings after the last closed round, best first.

        Returns
        -------
        dict
            Plain values.
        """
        from ecomlib.course.game.board import _said
        from ecomlib.course.game.standings import standings

        referee = self.referee
        rows = [
            {
                "rank": s.rank,
                "name": s.name,
                "kind": s.kind,
                "total": s.total,
                "scores": list(s.scores),
                "change": s.change,
                "said": _said(s, referee.talk),
            }
            for s in standings(referee.columns(), referee.talk)
        ]
        told = {
            "closed": referee.closed,
            "turns": referee.settings.months,
            "open": referee.handed_out if referee.handed_out > referee.closed else None,
            "scale": referee.talk.scale,
            "rows": rows,
            "hash": self.digits,
        }
        phrase = referee.settings.phrase
        shown = {"phrase": phrase, "check": f"printf %s {shlex.quote(phrase)} | sha256sum"}
        return told | (shown if referee.finished else {})


def _plain(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain values; what is missing is None."""
    rows = json.loads(frame.to_json(orient="records", double_precision=6))
    return list(rows)


__all__ = ["DRAWING", "WEEK", "Desk", "DeskReferee", "RoomScores"]
