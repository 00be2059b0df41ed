"""Words on other events, in odd order: what waits, what contradicts itself, what is taken back; net of returns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("onnxruntime")
from serving_help import event, trained_home
from starlette.testclient import TestClient

from ecomlib.serving.live.app import create_app

if TYPE_CHECKING:
    from ecomlib.serving.live.event_log import EventLog
    from ecomlib.serving.release.bundle import Bundle

AT = "2025-06-03T10:00:00"
PLACE = {"product_id": "P0001", "region_id": "R01"}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with TestClient(create_app(trained_home(), f"sqlite:///{tmp_path / 'events.db'}")) as made:
        yield made


def tell(client: TestClient, key: str, kind: str, refers: str, status: int = 200, **values: Any) -> Any:
    said = {"event_key": key, "kind": kind, "refers": refers, "ordered_at": AT} | values
    answer = client.post("/events", json=said)
    assert answer.status_code == status, answer.text
    return answer.json() if status == 200 else answer.text


def sold(client: TestClient) -> int:
    return int(client.get("/forecast/P0001/R01").json()["weeks"][0]["sold"])


def stock(client: TestClient) -> int:
    rows = client.get("/replenish", params={"limit": 540}).json()["rows"]
    return int(next(row["on_hand"] for row in rows if (row["product_id"], row["region_id"]) == ("P0001", "R01")))


def count(client: TestClient, name: str, quantity: int, at: str = AT) -> Any:
    taken = {"event_key": name, "counted_at": at, "counts": [{**PLACE, "quantity": quantity}]}
    return client.post("/stocktake", json=taken).json()


def as_restarted(client: TestClient) -> None:
    """The running state is what a state made anew of the log is."""
    from ecomlib.serving.live.live_state import State

    one = client.app.state.service.state  # type: ignore[attr-defined]
    other = State(one.bundle, one.log, rule=one.rule)
    for name in ("clock", "until", "waiting", "newest", "counts", "events"):
        assert getattr(one, name) == getattr(other, name), name
    assert (one.on_hand() == other.on_hand()).all()
    for week in {*one.sold, *other.sold}:
        assert (one.units(week) == other.units(week)).all()


def test_a_correction_that_nobody_believes_waits(client: TestClient) -> None:
    client.post("/events", json=event("a", quantity=3))
    assert tell(client, "c", "correct", "a", quantity=100_000)["waiting"] == 1 and sold(client) == 3
    waits = client.get("/waiting").json()["events"]
    assert [(one["event_key"], one["kind"], one["product_id"], one["quantity"]) for one in waits] == [
        ("c", "correct", "P0001", 100_000)
    ]
    as_restarted(client)
    assert client.post("/settle", json={"action": "void", "keys": ["c"]}).json()["waiting"] == 0 and sold(client) == 3
    tell(client, "d", "correct", "a", quantity=90_000)
    assert client.post("/settle", json={"action": "apply"}).json()["waiting"] == 0 and sold(client) == 90_000
    tell(client, "v", "void", "d")
    assert sold(client) == 3, "a correction that was voided never was"
    as_restarted(client)


def test_of_two_corrections_the_one_dated_last_holds_and_rivals_are_refused(client: TestClient) -> None:
    client.post("/events", json=event("a", quantity=3))
    tell(client, "z", "correct", "a", quantity=5)
    assert "contradict" in tell(client, "y", "correct", "a", 409, quantity=7) and sold(client) == 5
    tell(client, "y", "correct", "a", quantity=7, ordered_at="2025-06-03T10:00:01")
    assert sold(client) == 7
    assert tell(client, "z", "correct", "a", quantity=5)["new"] == 0, "what is known is no rival"
    tell(client, "old", "correct", "a", quantity=9, ordered_at="2025-06-03T09:00:00")
    assert sold(client) == 7, "an older word that comes late"
    assert "would for ever" in tell(client, "far", "correct", "a", 422, quantity=8, ordered_at="2099-01-01")
    as_restarted(client)


def test_a_word_on_the_clock_is_taken_back(client: TestClient) -> None:
    client.post("/events", json=event("today"))
    client.post("/clock", json={"until": "2025-08-20T00:00:00"})
    tell(client, "v", "void", "clock#2025-08-20T00:00:00")
    client.post("/events", json=event("slip", at="2025-08-01T10:00:00"))
    assert client.get("/waiting").json()["count"] == 1
    client.post("/settle", json={"action": "apply"})
    assert client.get("/waiting").json()["clock"] == "2025-08-01T10:00:00"
    tell(client, "v2", "void", "slip")
    client.post("/events", json=event("again", at="2025-07-30T10:00:00"))
    assert client.get("/waiting").json()["count"] == 1, "what lets an event count goes with it"
    as_restarted(client)
    assert client.post("/clock", json={"until": "2025-08-20T00:00:00"}).json()["new"] == 1, "said again, it holds"
    assert client.get("/waiting").json()["count"] == 0
    as_restarted(client)


def test_more_cannot_come_back_than_was_sold_nor_another_product(client: TestClient) -> None:
    count(client, "begin", 40, "2025-06-02T00:00:00")
    client.post("/events", json=event("a", quantity=3))
    before = stock(client)
    assert before == 37
    tell(client, "r", "return", "a", quantity=2, **PLACE)
    assert "4 of 3" in tell(client, "r2", "return", "a", 409, quantity=2, **PLACE)
    assert "another product" in tell(client, "r3", "return", "a", 409, quantity=1, **PLACE | {"product_id": "P0002"})
    assert "another region" in tell(client, "r3", "return", "a", 409, quantity=1, **PLACE | {"region_id": "R02"})
    assert "leave refers out" in tell(client, "r4", "return", "nobody", 404, quantity=1, **PLACE)
    assert stock(client) == before + 2
    tell(client, "r5", "return", "a", quantity=1, **PLACE)
    assert stock(client) == before + 3
    tell(client, "v", "void", "a")
    assert stock(client) == before + 3, "a sale that never was, and so nothing came back of it"
    assert "the order is void" in tell(client, "r6", "return", "a", 409, quantity=1, **PLACE)
    assert "new key" in tell(client, "vv", "void", "v", 404)
    as_restarted(client)


def test_a_count_that_nobody_believes_waits(client: TestClient) -> None:
    assert count(client, "May", 40)["waiting"] == 0 and stock(client) == 40
    assert count(client, "June", 5_000_000, "2025-06-03T11:00:00")["waiting"] == 1 and stock(client) == 40
    as_restarted(client)
    key = client.get("/waiting").json()["events"][0]["event_key"]
    tell(client, "c", "correct", key, quantity=50, ordered_at="2025-06-03T12:00:00")
    assert stock(client) == 50
    as_restarted(client)


def test_a_version_trained_net_counts_net(tmp_path: Path, bundle: Bundle, log: EventLog) -> None:
    from ecomlib.serving.live.event_log import Event
    from ecomlib.serving.live.live_state import State
    from ecomlib.serving.release.inputs import monday

    net = replace(bundle, settings={**bundle.settings, "units": "net"})
    begin = monday(bundle.cutoff + 1)
    at = [begin.to_pydatetime() + timedelta(days=days) for days in (1, 2, 8, 9)]
    events = [
        Event("a", "P0001", "R01", at[0], 5, 1.0),
        Event("b", "P0001", "R01", at[2], 4, 1.0),
        Event("of a", "P0001", "R01", at[3], 2, kind="return", refers="a"),  # of the week before
        Event("of nothing known", "P0001", "R01", at[3], 1, kind="return"),
    ]
    running = State(net, log)
    gross = State(bundle, log)
    for one in events:
        log.append([one])
        running.apply([one])
        gross.apply([one])
    row, column = bundle.row["P0001"], bundle.column["R01"]
    weeks = bundle.cutoff + 1, bundle.cutoff + 2
    for state in (running, State(net, log)):
        assert [int(state.units(week)[row, column]) for week in weeks] == [3, 3]
        state.refresh()
        assert state.books.units[row, -1] == 3 and state.history("P0001", "R01", 1)[0]["units"] == 3
        assert state.numbers(row, column)[0][3] == 3
    assert [int(gross.units(week)[row, column]) for week in weeks] == [5, 4]
    stocks = [state.on_hand() for state in (running, gross)]
    assert stocks[0] is not None and stocks[1] is not None and (stocks[0] == stocks[1]).all(), "shelves are no opinion"


def test_lines_for_training_net_are_what_the_service_shows() -> None:
    import pandas as pd

    from ecomlib.serving.live.retrain import kept_lines, kept_units

    place = {"product_id": "a", "region_id": "r"}
    days = pd.to_datetime(["2025-06-03 10:00", "2025-06-08 23:59", "2025-06-09 00:00"])
    lines = pd.DataFrame({"order_id": ["1", "2", "3"], **place, "ordered_at": days, "quantity": [2, 3, 4]})
    mondays = pd.to_datetime(["2025-06-02", "2025-06-09", "2025-06-16"])
    back = pd.DataFrame({**place, "ds": mondays[[0, 1]], "units": [3, 9]})
    kept = kept_lines(lines, back)
    assert list(kept["order_id"]) == ["2"] and list(kept["quantity"]) == [2]
    told = pd.DataFrame({**place, "ds": mondays, "units": [5, 4, 1]})
    assert list(kept_units(told, back)["units"]) == [2, 0, 1]


def test_training_counts_by_the_clock_that_the_service_had(tmp_path: Path) -> None:
    from ecomlib.serving.live.shop_clock import ClockSettings, note, noted

    own, named = {"store": str(tmp_path)}, {"store": "simulated"}
    assert noted(tmp_path, own).bound == "world" and noted(tmp_path, named).bound == "events"
    rule = ClockSettings("events", "Europe/Berlin")
    note(tmp_path, own, rule)
    assert noted(tmp_path, own) == rule
    (tmp_path / "clock.json").write_text("{")
    assert noted(tmp_path, own) == ClockSettings("world")
    note(tmp_path, own, ClockSettings("world"))
    assert not (tmp_path / "clock.json").exists()


def test_a_count_made_before_the_cutoff_and_told_after_it_holds(bundle: Bundle, log: EventLog) -> None:
    from ecomlib.serving.live.event_log import Event
    from ecomlib.serving.live.live_state import State
    from ecomlib.serving.release.inputs import monday

    begin = monday(bundle.cutoff + 1).to_pydatetime()
    source = {**bundle.settings["source"], "cutoff": f"{monday(bundle.cutoff - 2):%Y-%m-%d}"}
    later = replace(bundle, settings={**bundle.settings, "source": source})  # trained on two weeks of the log
    place, at = ("P0001", "R01"), [begin + timedelta(days=days) for days in (-5, -4, -3, 1, -30)]
    events = [
        Event("count", *place, at[0], 40, kind="count"),
        Event("late", *place, at[1], 3, 1.0),
        Event("new", *place, at[3], 2, 1.0),
        Event("too old", *place, at[4], 9, kind="count"),
    ]
    states = [State(later, log)]
    for one in events:
        log.append([one])
        states[0].apply([one])
    states.append(State(later, log))
    for state in states:
        stock = state.on_hand()
        assert stock is not None and stock[bundle.row["P0001"], bundle.column["R01"]] == 35
        assert [state.late(one) for one in events] == [False, True, False, True]


def test_times_as_senders_write_them(bundle: Bundle, log: EventLog) -> None:
    from datetime import datetime

    from ecomlib.serving.live.live_state import State
    from ecomlib.serving.live.requests import Problem, moment_of
    from ecomlib.serving.live.shop_clock import ClockSettings

    state = State(bundle, log, rule=ClockSettings("events", "Europe/Berlin"))
    for text, right in {
        "2025-06-02": datetime(2025, 6, 2),
        "2025-06-02T24:00": datetime(2025, 6, 3),
        "2025-12-31T24:00:00Z": datetime(2026, 1, 1, 1),
        "2016-12-31T23:59:60Z": datetime(2017, 1, 1, 1),
        "2025-06-02t10:00:00.123456789z": datetime(2025, 6, 2, 12),
        "2025-06-02 10:00:00,5+02": datetime(2025, 6, 2, 10),
        "2025-10-26T00:30:00Z": datetime(2025, 10, 26, 2, 30),
        "2025-10-26T01:30:00Z": datetime(2025, 10, 26, 2, 30),
        "2025-03-30T02:30:00": datetime(2025, 3, 30, 2, 30),  # no clock showed it, but the sender says so
    }.items():
        assert moment_of(text, state, ()) == right, text
    for text in ("2025-06-02T24:01", "2025-06-02T25:00", "2025-02-29", "28.11.2025", "1764324000", "2025-W48-6", ""):
        with pytest.raises(Problem) as refused:
            moment_of(text, state, ())
        assert "this is no time" in refused.value.detail[0]["msg"]
    for text, says in {
        "2025-06-02T10:00:00+25:00": "an offset is less than a day",
        "2199-12-31T23:30:00Z": "a year is one from",
        "9999-12-31T23:30:00-12:00": "this is no time",
    }.items():
        with pytest.raises(Problem) as refused:
            moment_of(text, state, ())
        assert says in refused.value.detail[0]["msg"], text


def test_settled_twice_is_settled_once(client: TestClient) -> None:
    client.post("/events", json={"events": [event("a", quantity=900_000), event("b", quantity=900_000)]})
    for _ in range(2):  # as after an answer that was lost
        said = client.post("/settle", json={"action": "apply", "keys": ["a"]})
        assert said.status_code == 200 and said.json()["waiting"] == 1 and sold(client) == 900_000
    for _ in range(2):
        assert client.post("/settle", json={"action": "void", "keys": ["b"]}).json()["waiting"] == 0
    refused = client.post("/settle", json={"action": "apply", "keys": ["a", "b"]})
    assert refused.status_code == 404 and refused.json()["detail"][0]["loc"] == ["body", "keys", 1]
    as_restarted(client)


def test_an_identifier_that_no_order_could_bear_is_refused_at_once() -> None:
    import pandas as pd

    from ecomlib.errors import DataError
    from ecomlib.serving.release.snapshot import catalogue
    from ecomlib.stores import Store

    def shop(name: str) -> Store:
        lines = {"order_id": ["1"], "ordered_at": pd.to_datetime(["2024-01-01"]), "quantity": 1, "unit_price": 5.0}
        products = pd.DataFrame({"product_id": [name], "title": ["mug"]})
        return Store("shop", products, pd.DataFrame({**lines, "product_id": name}))

    assert len(catalogue(shop("x" * 200))[0]) == 1
    with pytest.raises(DataError, match=r"table 'products', column 'product_id'.*at most 200 characters.*'xxx"):
        catalogue(shop("x" * 201))
