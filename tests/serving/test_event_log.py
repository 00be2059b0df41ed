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
from ecomlib.serving.live.event_log import EVENTS, ConflictError, Day, Event, EventLog, UnknownEventError

MONDAY = datetime(2024, 1, 1)


def event(key: str, **change: object) -> Event:
    values = {"product_id": "p1", "region_id": "r1", "ordered_at": MONDAY, "quantity": 2, "unit_price": 3.0}
    return Event(key, **{**values, **change})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def postgres_url() -> Iterator[str | None]:
    with postgres.server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def log(request: pytest.FixtureRequest, tmp_path: Path, postgres_url: str | None) -> Iterator[EventLog]:
    """A log on each database; PostgreSQL where a server is installed or ECOMLIB_TEST_POSTGRES names an empty one."""
    url: str | None = f"sqlite:///{tmp_path / 'events.db'}"
    if request.param == "postgresql":
        url = postgres_url
        if not url:
            pytest.skip("no PostgreSQL server is installed here")
    made = EventLog(str(url))
    with made.engine.begin() as connection:
        connection.execute(sql.delete(EVENTS))
    yield made
    made.close()


def test_a_key_counts_once(log: EventLog) -> None:
    assert [e.event_key for e in log.append([event("a"), event("b"), event("a")])] == ["a", "b"]
    again = log.append([event("b", held=1, ordered_at=MONDAY + timedelta(microseconds=9)), event("c"), event("a")])
    assert [e.event_key for e in again] == ["c"], "whether it waited, and parts of a second, are no content"
    assert log.span() == (3, MONDAY)
    assert log.weekly()["units"].tolist() == [6]
    assert log.append([]) == []


@pytest.mark.parametrize(
    "change", [{"quantity": 99}, {"ordered_at": MONDAY + timedelta(days=9)}, {"unit_price": None}, {"kind": "return"}]
)
def test_a_known_key_with_other_content_is_refused_with_its_batch(log: EventLog, change: dict[str, object]) -> None:
    log.append([event("a"), event("b")])
    for batch in ([event("new"), event("a", **change)], [event("c"), event("b"), event("c", **change)]):
        with pytest.raises(ConflictError) as caught:
            log.append(batch)
        assert caught.value.keys == [batch[-1].event_key] and repr(batch[-1].event_key) in str(caught.value)
    assert log.span() == (2, MONDAY) and log.weekly()["units"].tolist() == [4]


def word(key: str, kind: str, refers: str, quantity: int = 0, **change: object) -> Event:
    return event(key, kind=kind, refers=refers, quantity=quantity, unit_price=None, **change)


def test_what_was_wrong_is_mended_and_nothing_is_lost(log: EventLog) -> None:
    day = timedelta(days=1)
    log.append([event("a"), event("b", quantity=7), event("slip", quantity=900_000, held=1), event("far", held=1)])
    assert log.weekly()["units"].tolist() == [9] and [e.event_key for e in log.waiting(MONDAY)] == ["far", "slip"]
    log.append(
        [word("v", "void", "a"), word("c1", "correct", "b", 5), word("c2", "correct", "b", 6, ordered_at=MONDAY + day)]
    )
    log.append([word("c0", "correct", "b", 3, ordered_at=MONDAY - day), word("c", "correct", "slip", 9)])
    assert log.weekly()["units"].tolist() == [6 + 9] and log.weekly()["money"].tolist() == [3.0 * 15]
    assert [(e.event_key, e.quantity) for e in log.newest()] == [("slip", 9), ("b", 6)]
    assert log.lines()["event_key"].tolist() == ["b", "slip"] and log.span()[0] == 9
    assert [e.event_key for e in log.waiting(MONDAY)] == ["far"], "a correction lets it count"
    assert [e.event_key for e in log.waiting(MONDAY - day)] == ["b", "far", "slip"], "dated later"
    log.append([word("f", "confirm", "far")])
    assert log.weekly()["units"].tolist() == [17] and not log.waiting(MONDAY)
    assert log.find(["a", "slip", "none"]) == {"a": event("a"), "slip": event("slip", quantity=900_000, held=1)}


def test_what_refers_to_nothing_is_refused_with_its_batch(log: EventLog) -> None:
    log.append([event("a"), word("v", "void", "a")])
    for wrong in (word("x", "void", "nobody"), word("x", "correct", "v", 3), event("x", kind="return", refers="v")):
        with pytest.raises(UnknownEventError, match="refers"):
            log.append([event("new"), wrong])
    assert log.span()[0] == 2
    assert len(log.append([event("new"), word("x", "void", "new")])) == 2, "both in one batch"
    assert log.append([word("v", "void", "a")]) == [] and log.weekly().empty


def test_the_stock_is_what_was_counted_last_and_what_moved_since(log: EventLog) -> None:
    def at(hour: int, key: str, units: int, kind: str, **change: object) -> Event:
        return event(
            key, ordered_at=MONDAY + timedelta(hours=hour), quantity=units, kind=kind, unit_price=1.0, **change
        )

    def counted(hours: float) -> dict[tuple[str, str], tuple[int, int]]:
        found = log.counted(MONDAY + timedelta(hours=hours))
        return {at: (count.units, count.moved) for at, count in found.items()}

    log.append([at(1, "o1", 5, "order"), at(2, "n1", 40, "count"), at(3, "o2", 6, "order"), at(4, "d", 20, "delivery")])
    log.append([at(2, "same second", 3, "order"), at(5, "r", 2, "return", refers="o1"), at(9, "n2", 50, "count")])
    log.append([at(3, "elsewhere", 9, "order", region_id="r2"), at(3, "n3", 7, "count", product_id="p2")])
    assert counted(1) == {} and counted(2.5) == {("p1", "r1"): (40, 0)}
    assert counted(8) == {("p1", "r1"): (40, -6 + 20 + 2), ("p2", "r1"): (7, 0)}
    assert counted(9)[("p1", "r1")] == (50, 0), "the last count holds"
    log.append([word("wrong", "void", "n2"), word("less", "correct", "o2", 1)])
    assert counted(9)[("p1", "r1")] == (40, -1 + 20 + 2)


def test_a_word_on_the_clock(log: EventLog) -> None:
    day = timedelta(days=1)
    log.append([event("a"), event("far", ordered_at=MONDAY + 40 * day)])
    assert log.confirmed() is None
    log.append([event("w", kind="clock", ordered_at=MONDAY + 3 * day)])
    assert log.confirmed() == MONDAY + 3 * day
    log.append([word("apply", "confirm", "far")])
    assert log.confirmed() == MONDAY + 40 * day


def test_two_equal_orders_are_two(log: EventLog) -> None:
    """Somebody buys the same twice in one second: idempotent by content would lose one."""
    assert len(log.append([event("x"), event("y")])) == 2
    assert log.weekly()["units"].item() == 4


def test_weeks_begin_on_monday(log: EventLog) -> None:
    days = [MONDAY - timedelta(seconds=1), MONDAY, MONDAY + timedelta(days=6, hours=23), MONDAY + timedelta(days=7)]
    log.append([event(str(k), ordered_at=day, product_id=f"p{k % 2}") for k, day in enumerate(days)])
    frame = log.weekly()
    found = {(row.product_id, row.ds.date().isoformat()): row.units for row in frame.itertuples()}
    assert found == {("p0", "2023-12-25"): 2, ("p1", "2024-01-01"): 2, ("p0", "2024-01-01"): 2, ("p1", "2024-01-08"): 2}
    assert frame["money"].eq(frame["units"] * 3.0).all()
    assert len(log.weekly(since=MONDAY)) == 3
    assert log.weekly(since=MONDAY + timedelta(days=99)).empty


def test_deliveries_stand_beside_orders(log: EventLog) -> None:
    log.append([event("a"), event("b", kind="delivery", quantity=40, unit_price=None)])
    log.append([event("c", kind="delivery", quantity=2, unit_price=1.5), event("d", quantity=1)])
    frame = log.weekly().set_index("kind")
    assert frame["units"].to_dict() == {"order": 3, "delivery": 42}
    assert frame["money"].to_dict() == {"order": 9.0, "delivery": 3.0}
    assert [e.event_key for e in log.newest()] == ["d", "a"] and log.newest(kind="delivery")[1].unit_price is None
    assert log.newest(1) == [event("d", quantity=1)]


def test_days_know_their_latest_time_and_two_products(log: EventLog) -> None:
    """A delivery orders nothing, but is the day's latest; what is earlier, voided or to be confirmed is left out."""
    noon, day = MONDAY + timedelta(hours=12), timedelta(days=1)
    log.append([event(name, ordered_at=noon, product_id=name) for name in ("p1", "p2", "p3")])
    log.append([event("d", ordered_at=noon + 2 * day, kind="delivery"), event("e", ordered_at=MONDAY - day)])
    log.append([event("h", ordered_at=noon + 3 * day, held=1), event("v", ordered_at=noon + 4 * day)])
    log.append([event("one", ordered_at=noon + 5 * day), word("w", "void", "v", ordered_at=noon + 6 * day)])
    first = MONDAY.toordinal()
    assert log.days(MONDAY) == {
        first: Day(noon, frozenset({"p1", "p3"})),
        first + 2: Day(noon + 2 * day, frozenset()),
        first + 5: Day(noon + 5 * day, frozenset({"p1"})),
    }
    assert [e.event_key for e in log.newest(until=noon)] == ["p3", "p2", "p1", "e"]
    assert log.days(MONDAY + 9 * day) == {} and log.waiting(MONDAY + 9 * day)[0].event_key == "h"


def test_lines_come_back_as_they_were_whatever_their_order(log: EventLog) -> None:
    made = [
        event("ü", ordered_at=MONDAY + timedelta(seconds=5), unit_price=0.1),
        event("b", ordered_at=MONDAY + timedelta(seconds=5), kind="delivery", unit_price=None, quantity=1_000_000),
        event("Z", ordered_at=MONDAY + timedelta(seconds=5), product_id="a 'quoted' one"),
        event("x", ordered_at=datetime(1969, 12, 31, 23, 59, 59)),
    ]
    log.append(made)
    frame = log.lines()
    assert frame["event_key"].tolist() == ["x", "Z", "b", "ü"], "sorted as Python sorts, on every database"
    assert [e.event_key for e in log.newest()] == ["ü", "Z", "x"]
    back = [Event(**row) for row in frame.astype(object).where(frame.notna(), None).to_dict("records")]
    assert sorted(back, key=lambda e: e.event_key) == sorted(made, key=lambda e: e.event_key)
    assert frame["ordered_at"].dtype.kind == "M" and frame["quantity"].dtype == "int64"
    assert log.lines(since=MONDAY)["event_key"].tolist() == ["Z", "b", "ü"]
    assert log.lines(since=MONDAY + timedelta(days=1)).columns.tolist() == frame.columns.tolist()


def test_many_lines_are_read_in_pieces(log: EventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecomlib.serving.live.event_log._CHUNK", 300)
    log.append([event(f"{k:04d}", quantity=k + 1) for k in range(1_000)])
    assert log.lines()["quantity"].tolist() == list(range(1, 1_001))


def test_a_batch_is_whole_or_nothing(log: EventLog) -> None:
    bad = [event("a"), event("b", product_id=None)]
    with pytest.raises(sql.exc.IntegrityError):
        log.append(bad)
    assert log.span() == (0, None)


def test_many_senders_of_the_same_keys(log: EventLog) -> None:
    """Each key is new to exactly one of them, and those who send in opposite orders do not block each other."""
    new: list[str] = []

    def send(sender: int) -> None:
        for part in range(0, 3_000, 600):
            batch = [event(f"same-{k}") for k in range(part, part + 600)] + [event(f"{sender}-{part}")]
            new.extend(e.event_key for e in log.append(batch[::-1] if sender % 2 else batch))

    threads = [threading.Thread(target=send, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(new) == len(set(new)) == 3_000 + 4 * 5 == log.span()[0]


def test_a_table_of_another_version_is_refused_with_a_sentence(log: EventLog) -> None:
    log.append([event("kept")])
    with log.engine.begin() as connection:
        connection.execute(sql.text("ALTER TABLE events DROP COLUMN kind"))
    url = log.engine.url.render_as_string(hide_password=False)
    with pytest.raises(DataError, match="another version"):
        EventLog(url)
    with log.engine.begin() as connection:  # nothing was lost; and the next test finds the table as it should be
        assert connection.execute(sql.text("SELECT count(*) FROM events")).scalar() == 1
        connection.execute(sql.text("DROP TABLE events"))


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "events.db").write_text("a shopping list, not a database " * 40)
    with pytest.raises(DataError, match="cannot be opened"):
        EventLog(f"sqlite:///{tmp_path / 'events.db'}")


def test_what_cannot_be_opened_says_so_without_the_password(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be opened") as caught:
        EventLog(f"sqlite:///{tmp_path}/no/such/folder/events.db")
    assert "psycopg" in str(caught.value)
    with pytest.raises(DataError) as caught:
        EventLog("postgresql+psycopg://somebody:secret@127.0.0.1:1/none")
    assert "secret" not in str(caught.value)
    for wrong in ("nonsense", "postgresql://somebody:secret@host:no-port/none", "mysql://somebody:secret@host/none"):
        with pytest.raises(DataError) as caught:
            EventLog(wrong)
        assert "secret" not in str(caught.value)


SENDER = """
import sys
from datetime import datetime
from ecomlib.serving.live.event_log import Event, EventLog
log = EventLog(sys.argv[1])
number = 0
while True:
    batch = [Event(f"{sys.argv[2]}-{number + k}", "p", "r", datetime(2024, 1, 1), 1, 1.0) for k in range(50)]
    log.append(batch)
    number += 50
    print(number, flush=True)   # the acknowledgement: only after the commit
"""


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is a POSIX signal")
def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'events.db'}"
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
        keys = set(connection.execute(sql.select(EVENTS.c.event_key)).scalars())
    for life, count in acknowledged.items():
        assert {f"{life}-{k}" for k in range(count)} <= keys
        rest = sum(key.startswith(f"{life}-") for key in keys) - count
        assert rest in (0, 50), "a batch that was not acknowledged is there whole or not at all"
    assert sum(acknowledged.values()) > 500
