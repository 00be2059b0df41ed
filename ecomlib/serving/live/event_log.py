"""Logs the shop's events in a database: each is committed before it is acknowledged (lesson 08, section 4).

SQLAlchemy Core, so that one URL decides where events live: a SQLite file by default, PostgreSQL where there is one.
An event is known by its key alone. The same key again is the same event, whatever its time or content: a sender that
got no answer sends again, and nothing is counted twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import pandas as pd
import sqlalchemy as sql
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from ecomlib.serving.live.database import open_database

Kind = Literal["order", "delivery", "return", "count", "void", "correct", "confirm", "clock"]

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


@dataclass(frozen=True, slots=True)
class Event:
    """Holds an order line or a delivery to the stock: what, where, how many units, when (shop's clock, no time zone).

    ``unit_price`` is the price paid for a unit; a delivery may have none. Whoever builds one has checked it: the
    database holds no number outside of int32 and PostgreSQL no text with NUL.
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

        A key that is known, or stands twice in the batch, is not new the second time. Of several senders of one key
        at the same moment exactly one learns that it was new.
        """
        first = {event.event_key: event for event in reversed(events)}
        if not first:
            return []
        rows = [
            _row(first[key]) for key in sorted(first)
        ]  # in one order for all, or two senders could block each other
        make = postgresql.insert if self.engine.dialect.name == "postgresql" else sqlite.insert
        insert = make(EVENTS).on_conflict_do_nothing().returning(EVENTS.c.event_key)
        with self.engine.begin() as connection:
            new = set(connection.execute(insert, rows).scalars())
        return [event for event in events if event.event_key in new and first[event.event_key] is event]

    def weekly(self, since: datetime | None = None) -> pd.DataFrame:
        """Sum units and money by kind, product, region, week: ``kind, product_id, region_id, ds, units, money``.

        ``ds`` is the week's Monday. ``since`` leaves out what happened before it. The database adds up: what comes back
        is small. Units are whole and exact. Money is a sum of floats, whose last digits depend on the order of adding:
        nothing that must be the same after a restart may rest on it. It is 0 where no price was given.
        """
        week = (EVENTS.c.second // 86_400 + _THURSDAY) // 7
        keys = [EVENTS.c.kind, EVENTS.c.product_id, EVENTS.c.region_id, week]
        query = sql.select(
            *keys, sql.func.sum(EVENTS.c.quantity), sql.func.sum(EVENTS.c.quantity * EVENTS.c.unit_price)
        ).group_by(*keys)
        frame = self._frame(query, since, ["kind", "product_id", "region_id", "ds", "units", "money"])
        frame["ds"] = pd.Timestamp(_EPOCH) + pd.to_timedelta(frame["ds"].astype("int64") * 7 - _THURSDAY, unit="D")
        frame["units"], frame["money"] = frame["units"].astype("int64"), frame["money"].astype("float64").fillna(0.0)
        return frame.sort_values(["kind", "product_id", "region_id", "ds"], ignore_index=True)

    def lines(self, since: datetime | None = None) -> pd.DataFrame:
        """List all events, oldest first: ``event_key, kind, product_id, region_id, ordered_at, quantity, unit_price``.

        For training anew. Two events of one second stand in the order of their keys, so it does not matter in which
        order they came in. ``unit_price`` is missing (NaN) where none was given.
        """
        query = sql.select(EVENTS).order_by(EVENTS.c.second, EVENTS.c.event_key)
        frame = self._frame(query, since, [*EVENTS.columns.keys()])
        frame["second"] = pd.to_datetime(frame["second"].astype("int64"), unit="s")
        frame["quantity"] = frame["quantity"].astype("int64")
        frame["unit_price"] = frame["unit_price"].astype("float64")
        return frame.rename(columns={"second": "ordered_at"})

    def newest(self, count: int = 8, kind: Kind = "order", *, before: datetime | None = None) -> list[Event]:
        """List the last events of a kind by the shop's clock, newest first; within one second, by key.

        ``before`` leaves out what is dated then or later.
        """
        query = sql.select(EVENTS).where(EVENTS.c.kind == kind).limit(count)
        if before is not None:
            query = query.where(EVENTS.c.second < _second(before))
        return self._events(query.order_by(EVENTS.c.second.desc(), EVENTS.c.event_key.desc()))

    def since(self, when: datetime) -> list[Event]:
        """List the events dated then or later, oldest first; within one second, by key."""
        query = sql.select(EVENTS).where(EVENTS.c.second >= _second(when))
        return self._events(query.order_by(EVENTS.c.second, EVENTS.c.event_key))

    def days(self, since: datetime) -> dict[int, tuple[int, datetime]]:
        """Count the different times of orders by day (``date.toordinal``), with the day's latest time of any event."""
        day, order = EVENTS.c.second // 86_400, sql.case((EVENTS.c.kind == "order", EVENTS.c.second))
        query = sql.select(day, sql.func.count(sql.distinct(order)), sql.func.max(EVENTS.c.second)).group_by(day)
        with self.engine.connect() as connection:
            rows = connection.execute(query.where(EVENTS.c.second >= _second(since))).all()
        start = _EPOCH.toordinal()
        return {start + int(at): (int(count), _EPOCH + timedelta(seconds=int(last))) for at, count, last in rows}

    def span(self) -> tuple[int, datetime | None]:
        """Return the number of events and the latest time among them."""
        with self.engine.connect() as connection:
            count, last = connection.execute(sql.select(sql.func.count(), sql.func.max(EVENTS.c.second))).one()
        return int(count), None if last is None else _EPOCH + timedelta(seconds=int(last))

    def healthy(self) -> bool:
        """Check whether the database answers."""
        try:
            with self.engine.connect() as connection:
                return bool(connection.execute(sql.select(sql.literal(1))).scalar() == 1)
        except SQLAlchemyError:
            return False

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _events(self, query: sql.Select[Any]) -> list[Event]:
        with self.engine.connect() as connection:
            values = [dict(row) for row in connection.execute(query).mappings().all()]
        return [Event(ordered_at=_EPOCH + timedelta(seconds=value.pop("second")), **value) for value in values]

    def _frame(self, query: sql.Select[Any], since: datetime | None, columns: list[str]) -> pd.DataFrame:
        if since is not None:
            query = query.where(EVENTS.c.second >= _second(since))
        with self.engine.connect() as connection:
            parts = connection.execute(query.execution_options(yield_per=_CHUNK)).partitions()
            frames = [pd.DataFrame(part, columns=columns) for part in parts]
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def _second(when: datetime) -> int:
    return int((when - _EPOCH).total_seconds() // 1)


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
