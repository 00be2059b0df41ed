"""The event log: idempotent by key, summed by week, nothing acknowledged is lost to kill -9, SQLite and PostgreSQL."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import postgres
import pytest

pytest.importorskip("sqlalchemy")
import sqlalchemy as sql

from ecomlib.errors import DataError
from ecomlib.serving.events import ORDERS, EventLog, Order

MONDAY = datetime(2024, 1, 1)


def order(key: str, **change: object) -> Order:
    values = {"product_id": "p1", "region_id": "r1", "ordered_at": MONDAY, "quantity": 2, "unit_price": 3.0}
    return Order(key, **{**values, **change})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def postgres_url() -> Iterator[str | None]:
    with postgres.server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def log(request: pytest.FixtureRequest, tmp_path: Path, postgres_url: str | None) -> Iterator[EventLog]:
    """A log on each database; PostgreSQL where a server is installed or ECOMLIB_TEST_POSTGRES names an empty one."""
    url: str | None = f"sqlite:///{tmp_path / 'orders.db'}"
    if request.param == "postgresql":
        url = postgres_url
        if not url:
            pytest.skip("no PostgreSQL server is installed here")
    made = EventLog(str(url))
    with made.engine.begin() as connection:
        connection.execute(sql.delete(ORDERS))
    yield made
    made.close()


def test_a_key_counts_once(log: EventLog) -> None:
    assert [o.event_key for o in log.append([order("a"), order("b"), order("a", quantity=99)])] == ["a", "b"]
    again = log.append([order("b", ordered_at=MONDAY + timedelta(days=9)), order("c"), order("a")])
    assert [o.event_key for o in again] == ["c"], "another time or quantity does not make another event"
    assert log.span() == (3, MONDAY)
    assert log.weekly()["units"].tolist() == [6]
    assert log.append([]) == []


def test_two_equal_orders_are_two(log: EventLog) -> None:
    """Somebody buys the same twice in one second: idempotent by content would lose one."""
    assert len(log.append([order("x"), order("y")])) == 2
    assert log.weekly()["units"].item() == 4


def test_weeks_begin_on_monday(log: EventLog) -> None:
    days = [MONDAY - timedelta(seconds=1), MONDAY, MONDAY + timedelta(days=6, hours=23), MONDAY + timedelta(days=7)]
    log.append([order(str(k), ordered_at=day, product_id=f"p{k % 2}") for k, day in enumerate(days)])
    frame = log.weekly()
    found = {(row.product_id, row.ds.date().isoformat()): row.units for row in frame.itertuples()}
    assert found == {
        ("p0", "2023-12-25"): 2, ("p1", "2024-01-01"): 2, ("p0", "2024-01-01"): 2, ("p1", "2024-01-08"): 2
    }  # fmt: skip
    assert frame["money"].eq(frame["units"] * 3.0).all()
    assert len(log.weekly(since=MONDAY)) == 3
    assert log.weekly(since=MONDAY + timedelta(days=99)).empty


def test_a_batch_is_whole_or_nothing(log: EventLog) -> None:
    bad = [order("a"), order("b", product_id=None)]
    with pytest.raises(sql.exc.IntegrityError):
        log.append(bad)
    assert log.span() == (0, None)


def test_many_threads_and_long_batches(log: EventLog) -> None:
    batches = [[order(f"{t}-{k}") for k in range(1_300)] + [order("same")] for t in range(4)]
    new: list[int] = []
    threads = [threading.Thread(target=lambda b=b: new.append(len(log.append(b)))) for b in batches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(new) == 4 * 1_300 + 1 == log.span()[0]


def test_what_cannot_be_opened_says_so_without_the_password(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be opened") as caught:
        EventLog(f"sqlite:///{tmp_path}/no/such/folder/orders.db")
    assert "psycopg" in str(caught.value)
    with pytest.raises(DataError) as caught:
        EventLog("postgresql+psycopg://somebody:secret@127.0.0.1:1/none")
    assert "secret" not in str(caught.value)
    with pytest.raises(DataError):
        EventLog("nonsense")


SENDER = """
import sys
from datetime import datetime
from ecomlib.serving.events import EventLog, Order
log = EventLog(sys.argv[1])
number = 0
while True:
    batch = [Order(f"{sys.argv[2]}-{number + k}", "p", "r", datetime(2024, 1, 1), 1, 1.0) for k in range(50)]
    log.append(batch)
    number += 50
    print(number, flush=True)   # the acknowledgement: only after the commit
"""


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is a POSIX signal")
def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'orders.db'}"
    script, rng = tmp_path / "sender.py", np.random.default_rng(0)
    script.write_text(SENDER)
    acknowledged = {}
    for life in range(5):
        sender = subprocess.Popen([sys.executable, str(script), url, str(life)], stdout=subprocess.PIPE, text=True)
        assert sender.stdout is not None
        first = sender.stdout.readline()
        time.sleep(float(rng.uniform(0, 0.3)))
        os.kill(sender.pid, signal.SIGKILL)
        heard = [first, *sender.stdout.read().splitlines()]
        sender.wait()
        acknowledged[life] = max(int(line) for line in heard if line.strip())
    log = EventLog(url)
    with log.engine.connect() as connection:
        keys = set(connection.execute(sql.select(ORDERS.c.event_key)).scalars())
    for life, count in acknowledged.items():
        assert {f"{life}-{k}" for k in range(count)} <= keys
        rest = sum(key.startswith(f"{life}-") for key in keys) - count
        assert rest in (0, 50), "a batch that was not acknowledged is there whole or not at all"
    assert sum(acknowledged.values()) > 500
