"""Fingerprints recorded tables, and finds out whether a recorded result is stale (lesson 04, section 4).

A card's fingerprint is that of the table which its script makes with ``--smoke``: the same code on little data. As long
as the trial run gives the same fingerprint, the recorded result stands, however the code was edited, moved or renamed.
Another fingerprint marks the card ``stale_since`` the commit at which the difference was noticed.

Values are rounded to 5 significant digits. A training may still differ by more on another processor or with another
version of a library. So a *different* fingerprint counts only where processor, system and versions are those noted
beside the card's fingerprint; the *same* fingerprint counts everywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from ecomlib.errors import DataError

DIGITS = 5
Finding = Literal["same", "different", "not comparable"]


def _text(value: Any) -> Any:
    """A cell of a mixed column as its text: floats rounded like those of a numeric column."""
    if isinstance(value, float):
        return "" if value != value else f"{value + 0.0:.{DIGITS}g}"
    return value


Rows = Mapping[str, Collection[str]]


def canonical_csv(frame: pd.DataFrame, measured: Collection[str] = (), measured_rows: Rows | None = None) -> str:
    """Return the text whose hash is the fingerprint: all columns in order but the measured ones, floats rounded.

    Parameters
    ----------
    frame : pandas.DataFrame
    measured : collection of str
        Columns that depend on the clock or the machine, such as seconds, rates and memory. No run repeats them, so
        they are left out.
    measured_rows : mapping of str to collection of str, optional
        The same for tables with a row for each measure: a column, and those of its values whose rows are left out.
    """
    missing = sorted({*measured, *(measured_rows or {})} - set(frame.columns))
    if missing:
        raise DataError("a measured column is not in the table", column=missing[0], remedy="name columns that it has.")
    kept = frame.drop(columns=list(measured))
    for name, values in (measured_rows or {}).items():
        kept = kept[~kept[name].isin(list(values))]
    for name in kept.columns:
        if pd.api.types.is_float_dtype(kept[name]):
            kept[name] = kept[name] + 0.0  # -0 becomes 0
        elif kept[name].dtype == object:
            kept[name] = kept[name].map(_text)
    return kept.to_csv(index=False, float_format=f"%.{DIGITS}g", lineterminator="\n")


def digest(frame: pd.DataFrame, measured: Collection[str] = (), measured_rows: Rows | None = None) -> str:
    """Return the SHA-256 of a table's canonical text."""
    return hashlib.sha256(canonical_csv(frame, measured, measured_rows).encode()).hexdigest()


def note(trial: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a card keeps of a trial run's card: fingerprint, columns left out, and where and when it was made."""
    if not trial["smoke"]:
        raise DataError("a fingerprint is that of a trial run", table=trial["name"], remedy="run it with --smoke.")
    kept = {name: trial[name] for name in ("commit", "date", "machine", "versions")}
    return {**trial["fingerprint"], **kept, "stale_since": None}


def _environment(card: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """Processor and system (the cores do not matter: a trial run has one thread) and versions, of Python its minor."""
    processor, *rest = str(card["machine"]).split(", ")
    system = [word for word in rest if not word.endswith(" cores")]
    versions = dict(card["versions"])
    versions["python"] = ".".join(versions["python"].split(".")[:2])
    return ", ".join([processor, *system]), versions


def compare(card: Mapping[str, Any], trial: Mapping[str, Any]) -> Finding:
    """Compare a card's fingerprint with a trial run's, made now."""
    if "fingerprint" not in card:
        raise DataError(
            "the card has no fingerprint", table=card["name"], remedy=f"run ecomlib recorded stamp {card['name']}."
        )
    if card["fingerprint"]["sha256"] == trial["fingerprint"]["sha256"]:
        return "same"
    return "different" if _environment(card["fingerprint"]) == _environment(trial) else "not comparable"


def checked_note(card: Mapping[str, Any], trial: Mapping[str, Any]) -> dict[str, Any]:
    """Return the card's fingerprint note with the mark that a trial run gives it; a mark is set once and kept."""
    old: dict[str, Any] = dict(card["fingerprint"])
    finding = compare(card, trial)
    if finding == "same":
        return old | {"stale_since": None}
    if finding == "different" and not old["stale_since"]:
        return old | {"stale_since": trial["commit"]}
    return old


@dataclass(frozen=True)
class Status:
    """Describe one recorded table: when it was made, what runs it again, and whether it stands.

    ``stale_since`` is a commit for a stale card and None for a fresh one; ``stamped`` is False for a card without a
    fingerprint, of which nothing is known.
    """

    name: str
    date: str
    seconds: float
    script: str
    command: str
    stamped: bool
    stale_since: str | None

    @property
    def words(self) -> str:
        """The state in words."""
        if not self.stamped:
            return "no fingerprint"
        return f"stale since {self.stale_since}" if self.stale_since else "fresh"


def status(card: Mapping[str, Any]) -> Status:
    """Read a card's status."""
    mark = card.get("fingerprint")
    return Status(
        card["name"],
        card["date"][:10],
        float(card["seconds"]),
        card["script"],
        card["command"],
        mark is not None,
        mark["stale_since"] if mark else None,
    )


def hours(states: Iterable[Status]) -> float:
    """Return the hours to run these again: a command that writes several tables counts once, at its longest."""
    longest: dict[str, float] = {}
    for state in states:
        longest[state.command] = max(state.seconds, longest.get(state.command, 0.0))
    return sum(longest.values()) / 3600


def text(states: Iterable[Status]) -> str:
    """Return a line for each table, and the hours that the stale ones take."""
    states = sorted(states, key=lambda state: (state.words == "fresh", state.name))
    width = max((len(state.name) for state in states), default=0)
    script = max((len(state.script) for state in states), default=0)
    lines = [
        f"{state.name:<{width}}  {state.date}  {state.seconds:6,.0f} s  {state.script:<{script}}  {state.words}"
        for state in states
    ]
    return "\n".join([*lines, summary(states)])


def summary(states: Iterable[Status]) -> str:
    """Return the state of all in one sentence."""
    states = list(states)
    stale = [state for state in states if state.stale_since]
    said = (
        f"{len(states)} recorded tables, none stale"
        if not stale
        else (f"{len(stale)} of {len(states)} recorded tables are stale, {hours(stale):.1f} hours to run again")
    )
    bare = sum(not state.stamped for state in states)
    return said + (f"; {bare} without a fingerprint" if bare else "")


def changed_cards(cards: Iterable[Mapping[str, Any]], trials: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the names of the cards whose trial run gives another fingerprint on a comparable machine."""
    return [
        card["name"] for card in cards if card["name"] in trials and compare(card, trials[card["name"]]) == "different"
    ]
