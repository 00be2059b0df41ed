"""Logs the shop's events in a database: each is committed before it is acknowledged (lesson 08, section 4).

SQLAlchemy Core, so that one URL decides where events live: a SQLite file by default, PostgreSQL where there is one.
An event is known by its key. The same key with the same content is the same event: a sender that got no answer sends
again, and nothing is counted twice. The same key with other content is refused, for one of the two would be lost.

Nothing is ever changed or deleted. What was wrong is mended by further events, which refer to the first one by its
key: ``void`` takes it away, ``correct`` gives it another quantity, ``confirm`` lets it count where it had to wait (and
so does a correction). A correction may wait itself, and may be voided; of several the one dated last holds. With an
order its returns are void. What holds is read off the log by one query (``_holding``), so that a restart sees what the
running service saw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

import pandas as pd
import sqlalchemy as sql
from sqlalchemy.dialects import postgresql, sqlite

from ecomlib.errors import DataError
from ecomlib.serving.live.database import open_database

Kind = Literal["order", "delivery", "return", "count", "void", "correct", "confirm", "clock"]
FACTS: tuple[Kind, ...] = ("order", "delivery", "return", "count")  # what happened in the shop; the others speak of it
MOVES: tuple[Kind, ...] = ("order", "delivery", "return")  # the facts that move units, one after the other

_KEY = sql.String(200).with_variant(postgresql.VARCHAR(200, collation="C"), "postgresql")  # sorted as Python sorts
_TABLES = sql.MetaData()
EVENTS = sql.Table(
    "events",
    _TABLES,
    sql.Column("event_key", _KEY, primary_key=True),
    sql.Column("kind", sql.String(8), nullable=False),
    sql.Column("product_id", sql.String(200), nullable=False),
    sql.Column("region_id", sql.String(200), nullable=False),
    sql.Column("second", sql.BigInteger, nullable=False),  # of the shop's own clock since 1970, no time zone
    sql.Column("quantity", sql.Integer, nullable=False),
    sql.Column("unit_price", sql.Float),  # a delivery may come without one
    sql.Column("refers", _KEY),  # the key of the event that this one voids, corrects, confirms or returns
    sql.Column("held", sql.SmallInteger, nullable=False, server_default="0"),  # 1: waits until it is confirmed
    sql.Index("events_by_second", "second"),
    sql.Index("events_by_refers", "refers"),
)
_EPOCH = datetime(1970, 1, 1)
_THURSDAY = 3  # 1970-01-01 was one; weeks begin on Monday
_CHUNK = 50_000  # rows that are Python objects at one time while many are read
_MOST_KEYS = 5_000  # that one query names
SPEAKS_OF: dict[Kind, tuple[Kind, ...]] = {
    "void": (*FACTS, "correct", "clock"),
    "correct": FACTS,
    "confirm": (*FACTS, "correct"),
    "return": ("order",),
}


@dataclass(frozen=True, slots=True)
class Event:
    """Holds one event: what, where, how many units, when (shop's clock, no time zone).

    An order line, a delivery to the stock, a return to it, a count of it; or a word on another event (``refers``): its
    ``void``, its other quantity (``correct``), its confirmation (``confirm``); or ``clock``, up to where the shop's
    clock may move. ``unit_price`` is the price paid for a unit; only an order needs one. ``held``: 1 where the event
    waits to be confirmed. Whoever builds one has checked it: the database holds no number outside of int32 and
    PostgreSQL no text with NUL.
    """

    event_key: str
    product_id: str
    region_id: str
    ordered_at: datetime
    quantity: int
    unit_price: float | None = None
    kind: Kind = "order"
    refers: str | None = None
    held: int = 0


@dataclass(frozen=True, slots=True)
class Day:
    """Sums up one day: the latest time of any event, and up to two products that were ordered."""

    latest: datetime
    ordered: frozenset[str]


@dataclass(frozen=True, slots=True)
class Count:
    """Holds a count of the stock: when, how many units, and what has moved since: deliveries, returns, less sales."""

    at: datetime
    units: int
    moved: int


class ConflictError(DataError):
    """Refuses a key that is known with other content: one of the two would be lost."""

    def __init__(self, keys: Sequence[str]) -> None:
        self.keys = list(dict.fromkeys(keys))
        super().__init__(
            "this key is known with other content",
            table=EVENTS.name,
            column="event_key",
            value=self.keys[0],
            remedy="give each event a key of its own (an order's line needs its number), or send a correction.",
        )


class AmendmentError(DataError):
    """Refuses what cannot be true of the event that it refers to: more returned than sold, two rival corrections."""

    def __init__(self, event: Event, problem: str, remedy: str, column: str = "refers") -> None:
        self.event = event
        value = event.refers if column == "refers" else getattr(event, column)
        super().__init__(problem, table=EVENTS.name, column=column, value=value, remedy=remedy)


class UnknownEventError(DataError):
    """Refuses an event that refers to none, or to one that it cannot speak of."""

    def __init__(self, event: Event, there: Event | None) -> None:
        self.event = event
        what = "no event has this key" if there is None else f"a {event.kind} cannot refer to a {there.kind}"
        kinds = " or ".join(SPEAKS_OF[event.kind])
        remedy = f"name the key of a known {kinds}{', or leave refers out' if event.kind == 'return' else ''}."
        if there is not None and there.kind == "void":
            remedy = "what was voided is told again under a new key."
        super().__init__(what, table=EVENTS.name, column="refers", value=event.refers, remedy=remedy)


class EventLog:
    """Stores the orders and deliveries this service received (lesson 08, section 4).

    ``url`` is SQLAlchemy's: ``sqlite:///events.db``, ``postgresql+psycopg://…``. The table is made where it is missing;
    ``DataError`` where the database cannot be opened or holds another table of that name.
    Methods may be called from several threads and processes. A commit is on disk before ``append`` returns: SQLite
    keeps a write-ahead log and waits for the disk (``synchronous=FULL``), so a killed process, and with an honest disk
    a power cut, lose nothing that was acknowledged.
    """

    def __init__(self, url: str = "sqlite:///events.db") -> None:
        self.engine = open_database(url, _TABLES)

    def append(self, events: Sequence[Event]) -> list[Event]:
        """Commit a batch, whole or not at all; return the events that were new, in their order.

        A key that is known with the same content, or stands twice in the batch, is not new the second time. Of several
        senders of one key at the same moment exactly one learns that it was new. ``held`` is no content.

        Raises
        ------
        ConflictError
            A key is known with other content.
        UnknownEventError
            An event refers to a key that is not in the log, or not one that it can speak of.
        AmendmentError
            A return is of another product or region than its order, or more comes back than was sold; or two
            corrections of one event are dated the same second, and differ.
        """
        first = {event.event_key: event for event in reversed(events)}
        if not first:
            return []
        if again := [event.event_key for event in events if _content(event) != _content(first[event.event_key])]:
            raise ConflictError(again)
        rows = [
            _row(first[key]) for key in sorted(first)
        ]  # in one order for all, or two senders could block each other
        make = postgresql.insert if self.engine.dialect.name == "postgresql" else sqlite.insert
        insert = make(EVENTS).on_conflict_do_nothing().returning(EVENTS.c.event_key)
        with self.engine.begin() as connection:
            new = set(connection.execute(insert, rows).scalars())
            known = _read(connection, [key for key in first if key not in new])
            if other := [key for key, event in known.items() if _content(event) != _content(first[key])]:
                raise ConflictError(other)
            speaking = [event for key, event in first.items() if event.refers is not None and key in new]
            spoken_of = _read(connection, [str(event.refers) for event in speaking])
            for event in speaking:
                there = spoken_of.get(str(event.refers))
                if there is None or there.kind not in SPEAKS_OF[event.kind]:
                    raise UnknownEventError(event, there)
            _check_corrections(connection, [event for event in speaking if event.kind == "correct"])
            _check_returns(connection, [event for event in speaking if event.kind == "return"], spoken_of)
        return [event for event in events if event.event_key in new and first[event.event_key] is event]

    def weekly(self, since: datetime | None = None, until: datetime | None = None) -> pd.DataFrame:
        """Sum units and money by kind, product, region, week: ``kind, product_id, region_id, ds, units, money``.

        Orders, deliveries and returns that hold: without what was voided or waits to be confirmed, and corrected.
        ``ds`` is the week's Monday. ``since`` leaves out what happened before it, ``until`` what happened after it. The
        database adds up: what comes back is small. Units are whole and exact. Money is a sum of floats, whose last
        digits depend on the order of adding: nothing that must be the same after a restart may rest on it. It is 0
        where no price was given.
        """
        now = _holding(MOVES)
        week = (now.c.second // 86_400 + _THURSDAY) // 7
        keys = [now.c.kind, now.c.product_id, now.c.region_id, week]
        query = sql.select(
            *keys, sql.func.sum(now.c.quantity), sql.func.sum(now.c.quantity * now.c.unit_price)
        ).group_by(*keys)
        columns = ["kind", "product_id", "region_id", "ds", "units", "money"]
        frame = self._frame(_between(query, now, since, until), columns)
        frame["ds"] = pd.Timestamp(_EPOCH) + pd.to_timedelta(frame["ds"].astype("int64") * 7 - _THURSDAY, unit="D")
        frame["units"], frame["money"] = frame["units"].astype("int64"), frame["money"].astype("float64").fillna(0.0)
        return frame.sort_values(["kind", "product_id", "region_id", "ds"], ignore_index=True)

    def returned(self, since: datetime | None = None, until: datetime | None = None) -> pd.DataFrame:
        """Sum what came back up to ``until`` by the week that it was sold in: ``product_id, region_id, ds, units``.

        That is the week of its order. Where it names none, and nobody knows when it was sold, it is its own. ``since``
        leaves out what was sold before it.
        """
        back, order = _holding(("return",)), _holding(("order",))
        query = sql.select(back.c.product_id, back.c.region_id, sql.func.coalesce(order.c.second, back.c.second))
        query = query.add_columns(back.c.quantity)
        query = query.select_from(back.outerjoin(order, order.c.event_key == back.c.refers))
        if until is not None:  # of an order that does not count yet nothing can come back
            query = query.where(back.c.second <= _second(until))
            query = query.where(sql.or_(back.c.refers.is_(None), order.c.second <= _second(until)))
        frame = self._frame(query, ["product_id", "region_id", "second", "units"])
        if since is not None:
            frame = frame[frame["second"].astype("int64") >= _second(since)]
        week = (frame.pop("second").astype("int64") // 86_400 + _THURSDAY) // 7
        frame["ds"] = pd.Timestamp(_EPOCH) + pd.to_timedelta(week * 7 - _THURSDAY, unit="D")
        frame["units"] = frame["units"].astype("int64")
        return frame.groupby(["product_id", "region_id", "ds"], as_index=False)["units"].sum()

    def lines(self, since: datetime | None = None, until: datetime | None = None) -> pd.DataFrame:
        """List what holds, oldest first: ``event_key, kind, product_id, region_id, ordered_at, quantity, unit_price``.

        For training anew. Two events of one second stand in the order of their keys, so it does not matter in which
        order they came in. ``unit_price`` is missing (NaN) where none was given.
        """
        now = _holding(FACTS)
        columns = ["event_key", "kind", "product_id", "region_id", "second", "quantity", "unit_price"]
        query = sql.select(*(now.c[name] for name in columns)).order_by(now.c.second, now.c.event_key)
        frame = self._frame(_between(query, now, since, until), columns)
        frame["second"] = pd.to_datetime(frame["second"].astype("int64"), unit="s")
        frame["quantity"] = frame["quantity"].astype("int64")
        frame["unit_price"] = frame["unit_price"].astype("float64")
        return frame.rename(columns={"second": "ordered_at"})

    def newest(self, count: int = 8, kind: Kind = "order", *, until: datetime | None = None) -> list[Event]:
        """List the last events of a kind that hold, by the shop's clock, newest first; within one second, by key.

        ``until`` leaves out what is dated later.
        """
        now = _holding((kind,))
        query = _between(sql.select(now).limit(count), now, None, until)
        return self._events(query.order_by(now.c.second.desc(), now.c.event_key.desc()))

    def waiting(self, until: datetime) -> list[Event]:
        """List what does not count: dated after ``until``, or to be confirmed; oldest first, within a second by key."""
        now = _holding(FACTS, waiting=True)
        facts = sql.select(now).where((now.c.second > _second(until)) | (now.c.held == 1))
        word, about = EVENTS.alias("word"), EVENTS.alias("about")
        names = list(EVENTS.c.keys())
        spoken = [about.c[name] if name in ("product_id", "region_id") else word.c[name] for name in names]
        words = sql.select(*spoken).join_from(word, about, word.c.refers == about.c.event_key)
        words = words.where(word.c.kind == "correct", word.c.held == 1, _stands(word), _stands(about))
        words = words.where(~_confirmed(word))
        return sorted([*self._events(facts), *self._events(words)], key=lambda e: (e.ordered_at, e.event_key))

    def find(self, keys: Sequence[str]) -> dict[str, Event]:
        """Return the events of these keys as they were sent, by key; those that are not known are missing."""
        with self.engine.connect() as connection:
            return _read(connection, keys)

    def unvoided(self, key: str) -> str:
        """Return a key whose event nobody has voided: this one, or it with a sign behind it."""
        with self.engine.connect() as connection:
            while connection.execute(
                sql.select(EVENTS.c.kind).where(EVENTS.c.event_key == key, ~_stands(EVENTS))
            ).first():
                key += "'"
        return key

    def days(self, since: datetime) -> dict[int, Day]:
        """Sum up each day (``date.toordinal``) of what holds: its latest time, and two products that were ordered."""
        now = _holding(FACTS)
        day, ordered = now.c.second // 86_400, sql.case((now.c.kind == "order", now.c.product_id))
        query = sql.select(day, sql.func.max(now.c.second), sql.func.min(ordered), sql.func.max(ordered)).group_by(day)
        with self.engine.connect() as connection:
            rows = connection.execute(query.where(now.c.second >= _second(since))).all()
        start = _EPOCH.toordinal()
        return {
            start + int(row[0]): Day(_moment(row[1]), frozenset(name for name in row[2:] if name is not None))
            for row in rows
        }

    def confirmed(self) -> datetime | None:
        """Return the latest time up to which the shop's clock may move by somebody's word; None without such a word."""
        fact = EVENTS.c.kind.in_(FACTS) & _confirmed(EVENTS)
        query = sql.select(sql.func.max(EVENTS.c.second)).where((EVENTS.c.kind == "clock") | fact, _stands(EVENTS))
        with self.engine.connect() as connection:
            last = connection.execute(query).scalar()
        return None if last is None else _moment(last)

    def counted(self, until: datetime) -> dict[tuple[str, str], Count]:
        """Find the last count of each product and region up to ``until``, with what has moved between both times."""
        counts, moves = _holding(("count",)), _holding(MOVES)
        place = sql.func.row_number().over(
            partition_by=[counts.c.product_id, counts.c.region_id],
            order_by=[counts.c.second.desc(), counts.c.event_key.desc()],
        )
        ranked = sql.select(counts, place.label("place")).where(counts.c.second <= _second(until)).subquery()
        last = sql.select(ranked).where(ranked.c.place == 1).subquery()
        signed = sql.case((moves.c.kind == "order", -moves.c.quantity), else_=moves.c.quantity)
        same = [moves.c[name] == last.c[name] for name in ("product_id", "region_id")]
        within = sql.and_(*same, moves.c.second > last.c.second, moves.c.second <= _second(until))
        keys = [last.c.product_id, last.c.region_id, last.c.second, last.c.quantity]
        query = sql.select(*keys, sql.func.coalesce(sql.func.sum(signed), 0))
        query = query.select_from(last.outerjoin(moves, within)).group_by(*keys)
        with self.engine.connect() as connection:
            rows = connection.execute(query).all()
        return {(row[0], row[1]): Count(_moment(row[2]), int(row[3]), int(row[4])) for row in rows}

    def span(self) -> tuple[int, datetime | None]:
        """Return the number of events and the latest time among them."""
        with self.engine.connect() as connection:
            count, last = connection.execute(sql.select(sql.func.count(), sql.func.max(EVENTS.c.second))).one()
        return int(count), None if last is None else _EPOCH + timedelta(seconds=int(last))

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _events(self, query: sql.Select[Any]) -> list[Event]:
        with self.engine.connect() as connection:
            return [_event(row) for row in connection.execute(query).mappings().all()]

    def _frame(self, query: sql.Select[Any], columns: list[str]) -> pd.DataFrame:
        with self.engine.connect() as connection:
            parts = connection.execute(query.execution_options(yield_per=_CHUNK)).partitions()
            frames = [pd.DataFrame(part, columns=columns) for part in parts]
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def _holding(kinds: Sequence[Kind], *, waiting: bool = False) -> sql.Subquery:
    """Select what holds of these kinds: not voided, corrected; what waits to be confirmed only where it is asked for.

    ``held`` is 1 of what still waits.
    """
    correct = EVENTS.alias("correct")
    amended = sql.and_(
        correct.c.kind == "correct",
        correct.c.refers == EVENTS.c.event_key,
        (correct.c.held == 0) | _confirmed(correct),
        _stands(correct),
    )
    confirmed = _confirmed(EVENTS) | sql.exists().where(amended)

    def last(name: str) -> Any:
        found = sql.select(correct.c[name]).where(amended, correct.c[name].is_not(None))
        found = found.order_by(correct.c.second.desc(), correct.c.event_key.desc()).limit(1)
        return sql.func.coalesce(found.scalar_subquery(), EVENTS.c[name]).label(name)

    columns = [EVENTS.c[name] for name in ("event_key", "kind", "product_id", "region_id", "second")]
    held = sql.case(((EVENTS.c.held == 1) & ~confirmed, 1), else_=0).label("held")
    query = sql.select(*columns, last("quantity"), last("unit_price"), EVENTS.c.refers, held)
    query = query.where(EVENTS.c.kind.in_(kinds), _stands(EVENTS))
    return (query if waiting else query.where((EVENTS.c.held == 0) | confirmed)).subquery()


def _stands(event: Any) -> sql.ColumnElement[bool]:
    """Nobody has voided the event; nor, where it is a return, its order."""
    void = EVENTS.alias()
    order = EVENTS.alias()
    gone = sql.exists().where(void.c.kind == "void", void.c.refers == event.c.event_key)
    sold = sql.exists().where(order.c.kind == "void", order.c.refers == event.c.refers)
    return sql.and_(~gone, sql.or_(event.c.kind != "return", ~sold))


def _confirmed(event: Any) -> sql.ColumnElement[bool]:
    """Somebody has said that the event may count."""
    word = EVENTS.alias()
    return sql.exists().where(word.c.kind == "confirm", word.c.refers == event.c.event_key)


def _check_corrections(connection: sql.Connection, events: Sequence[Event]) -> None:
    """Refuse a correction where another of the same event and second says otherwise: neither would be the last."""
    for start in range(0, len(events), _MOST_KEYS):
        part = events[start : start + _MOST_KEYS]
        query = sql.select(EVENTS).where(EVENTS.c.kind == "correct", EVENTS.c.refers.in_({e.refers for e in part}))
        said: dict[tuple[str | None, datetime], set[tuple[Any, ...]]] = {}
        for row in connection.execute(query.where(_stands(EVENTS))).mappings():
            one = _event(row)
            said.setdefault((one.refers, one.ordered_at), set()).add((one.quantity, one.unit_price))
        for event in part:
            if len(said[event.refers, event.ordered_at.replace(microsecond=0)]) > 1:
                remedy = "date the one that holds later, or void the other."
                raise AmendmentError(event, "two corrections of one second contradict each other", remedy)


def _check_returns(connection: sql.Connection, events: Sequence[Event], orders: Mapping[str, Event]) -> None:
    """Refuse a return that is not of its order's product and region, or of more units than the order still has."""
    for event in events:
        order = orders[str(event.refers)]
        for column in ("product_id", "region_id"):
            if getattr(event, column) != getattr(order, column):
                remedy = f"it was {getattr(order, column)}: name that, or leave refers out."
                raise AmendmentError(event, f"the order was of another {column[:-3]}", remedy, column)
    sold, back = _holding(("order",), waiting=True), _holding(("return",), waiting=True)
    names = list(dict.fromkeys(str(event.refers) for event in events))
    was: dict[str, int] = {}
    left: dict[str, int] = {}
    for start in range(0, len(names), _MOST_KEYS):
        some = names[start : start + _MOST_KEYS]
        query = sql.select(sold.c.event_key, sold.c.quantity).where(sold.c.event_key.in_(some))
        was |= {row[0]: int(row[1]) for row in connection.execute(query)}
        query = sql.select(back.c.refers, sql.func.sum(back.c.quantity)).where(back.c.refers.in_(some))
        for row in connection.execute(query.group_by(back.c.refers)):
            left[row[0]] = was[row[0]] - int(row[1])
    for event in events:
        if str(event.refers) not in was:
            remedy = "leave refers out where units came back all the same."
            raise AmendmentError(event, "the order is void, so nothing of it comes back", remedy)
        if left.get(name := str(event.refers), 0) < 0:
            problem = f"more comes back than was sold: {was[name] - left[name]:,} of {was[name]:,}"
            remedy = "correct the return, or first the order; or leave refers out."
            raise AmendmentError(event, problem, remedy, "quantity")


def _between(
    query: sql.Select[Any], now: sql.Subquery, since: datetime | None, until: datetime | None
) -> sql.Select[Any]:
    if since is not None:
        query = query.where(now.c.second >= _second(since))
    return query if until is None else query.where(now.c.second <= _second(until))


def _read(connection: sql.Connection, keys: Sequence[str]) -> dict[str, Event]:
    found: dict[str, Event] = {}
    for start in range(0, len(keys), _MOST_KEYS):
        query = sql.select(EVENTS).where(EVENTS.c.event_key.in_(keys[start : start + _MOST_KEYS]))
        found |= {row["event_key"]: _event(row) for row in connection.execute(query).mappings()}
    return found


def _event(row: Any) -> Event:
    values = dict(row)
    return Event(ordered_at=_moment(values.pop("second")), **values)


def _content(event: Event) -> Event:
    """What makes two events of one key the same."""
    return replace(event, held=0, ordered_at=event.ordered_at.replace(microsecond=0))


def _second(when: datetime) -> int:
    return int((when - _EPOCH).total_seconds() // 1)


def _moment(second: Any) -> datetime:
    return _EPOCH + timedelta(seconds=int(second))


def _row(event: Event) -> dict[str, Any]:
    return {
        "event_key": event.event_key,
        "kind": event.kind,
        "product_id": event.product_id,
        "region_id": event.region_id,
        "second": _second(event.ordered_at),
        "quantity": event.quantity,
        "unit_price": event.unit_price,
        "refers": event.refers,
        "held": event.held,
    }
