"""Orders as they come in, in a real database: committed before anybody is told that they were (lesson 08, section 4).

SQLAlchemy Core, so that one URL decides where they live: a SQLite file by default, PostgreSQL where there is a server.
An event is known by its key alone. The same key again is the same event, whatever its time or content: a sender that
got no answer sends again, and nothing is counted twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import sqlalchemy as sql
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from ecomlib.errors import DataError

_TABLES = sql.MetaData()
ORDERS = sql.Table(
    "orders",
    _TABLES,
    sql.Column("event_key", sql.String(200), primary_key=True),
    sql.Column("product_id", sql.String(200), nullable=False),
    sql.Column("region_id", sql.String(200), nullable=False),
    sql.Column("second", sql.BigInteger, nullable=False),  # of the shop's own clock since 1970, no time zone
    sql.Column("quantity", sql.Integer, nullable=False),
    sql.Column("unit_price", sql.Float, nullable=False),
    sql.Index("orders_by_second", "second"),
)
_EPOCH = datetime(1970, 1, 1)
_THURSDAY = 3  # 1970-01-01 was one; weeks begin on Monday
_CHUNK = 500  # rows a statement: SQLite takes at most 32,766 values in one


@dataclass(frozen=True, slots=True)
class Order:
    """One order line: what was bought, where, when by the shop's clock, how many units, at which price a unit."""

    event_key: str
    product_id: str
    region_id: str
    ordered_at: datetime
    quantity: int
    unit_price: float


class EventLog:
    """The orders that this service was told of (lesson 08, section 4).

    ``url`` is SQLAlchemy's: ``sqlite:///orders.db``, ``postgresql+psycopg://…``. The table is made where it is missing.
    Methods may be called from several threads. A commit is on disk before ``append`` returns: SQLite keeps a
    write-ahead log and waits for the disk (``synchronous=FULL``), so a killed process, and with an honest disk a power
    cut, lose nothing that was acknowledged.
    """

    def __init__(self, url: str = "sqlite:///orders.db") -> None:
        try:
            self.engine = sql.create_engine(url)
            if self.engine.dialect.name == "sqlite":
                sql.event.listen(self.engine, "connect", _prepare_sqlite)
            elif self.engine.dialect.name != "postgresql":
                raise DataError("this database is not supported", value=self.engine.dialect.name,
                                remedy="use a sqlite:/// or a postgresql+psycopg:// URL.")  # fmt: skip
            _TABLES.create_all(self.engine)
        except (SQLAlchemyError, ImportError) as error:
            where = sql.make_url(url).render_as_string(hide_password=True) if "://" in url else url
            raise DataError(f"the database cannot be opened: {error.__class__.__name__}", value=where,
                            remedy="check the URL, the folder and, for PostgreSQL, the driver psycopg."
                            ) from error  # fmt: skip

    def append(self, orders: Sequence[Order]) -> list[Order]:
        """Commit a batch, whole or not at all; returns the orders that were new, in their order.

        A key that is known, or stands twice in the batch, is not new the second time.
        """
        first = {order.event_key: order for order in reversed(orders)}
        rows = [_row(order) for order in first.values()]
        make = postgresql.insert if self.engine.dialect.name == "postgresql" else sqlite.insert
        new: set[str] = set()
        with self.engine.begin() as connection:
            for start in range(0, len(rows), _CHUNK):
                insert = make(ORDERS).values(rows[start : start + _CHUNK]).on_conflict_do_nothing()
                new.update(connection.execute(insert.returning(ORDERS.c.event_key)).scalars())
        return [order for order in orders if order.event_key in new and first[order.event_key] is order]

    def weekly(self, since: datetime | None = None) -> pd.DataFrame:
        """Units and money by product, region and week (its Monday): ``product_id, region_id, ds, units, money``.

        ``since`` leaves out what was ordered before it. The database adds up: what comes back is small.
        """
        week = (ORDERS.c.second // 86_400 + _THURSDAY) // 7
        query = sql.select(
            ORDERS.c.product_id, ORDERS.c.region_id, week.label("week"),
            sql.func.sum(ORDERS.c.quantity).label("units"),
            sql.func.sum(ORDERS.c.quantity * ORDERS.c.unit_price).label("money"),
        ).group_by(ORDERS.c.product_id, ORDERS.c.region_id, week)  # fmt: skip
        if since is not None:
            query = query.where(ORDERS.c.second >= _second(since))
        with self.engine.connect() as connection:
            rows: Iterable[Any] = connection.execute(query).all()
        frame = pd.DataFrame(rows, columns=["product_id", "region_id", "ds", "units", "money"])
        frame["ds"] = pd.Timestamp(_EPOCH) + pd.to_timedelta(frame["ds"].astype("int64") * 7 - _THURSDAY, unit="D")
        frame["units"], frame["money"] = frame["units"].astype("int64"), frame["money"].astype("float64")
        return frame.sort_values(["product_id", "region_id", "ds"], ignore_index=True)

    def span(self) -> tuple[int, datetime | None]:
        """Number of orders, and the latest time among them."""
        with self.engine.connect() as connection:
            count, last = connection.execute(sql.select(sql.func.count(), sql.func.max(ORDERS.c.second))).one()
        return int(count), None if last is None else _EPOCH + timedelta(seconds=int(last))

    def healthy(self) -> bool:
        """Whether the database answers."""
        try:
            with self.engine.connect() as connection:
                return bool(connection.execute(sql.select(sql.literal(1))).scalar() == 1)
        except SQLAlchemyError:
            return False

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()


def _second(when: datetime) -> int:
    return int((when - _EPOCH).total_seconds() // 1)


def _row(order: Order) -> dict[str, Any]:
    return {
        "event_key": order.event_key, "product_id": order.product_id, "region_id": order.region_id,
        "second": _second(order.ordered_at), "quantity": order.quantity, "unit_price": order.unit_price,
    }  # fmt: skip


def _prepare_sqlite(connection: Any, _: Any) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000"):
        connection.execute(f"PRAGMA {pragma}")
