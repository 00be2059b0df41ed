"""A week ends: the old forecasts are answered, marked, while a thread makes the new ones; no event waits or is lost."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi")
pytest.importorskip("httpx")
pytest.importorskip("onnxruntime")
from fastapi.testclient import TestClient
from serving_help import copy_home, event, until
from serving_help import order_event as order

from ecomlib.serving.live.app import create_app
from ecomlib.serving.live.event_log import EventLog
from ecomlib.serving.live.live_state import State
from ecomlib.serving.live.service import Service
from ecomlib.serving.release.bundle import Bundle, open_bundle, registry
from ecomlib.serving.release.inputs import SalesHistory

BEFORE, AFTER = "2025-05-26", "2025-06-02"


class Gate:
    """Holds up every forecast while it is closed, and counts those that wait."""

    def __init__(self) -> None:
        self.open, self.waiting = threading.Event(), threading.Semaphore(0)
        self.open.set()

    def pass_through(self) -> None:
        if not self.open.is_set():
            self.waiting.release()
            assert self.open.wait(30)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    made, forecast = Gate(), Bundle.forecast

    def held_up(bundle: Bundle, books: SalesHistory, origin: int) -> Any:
        made.pass_through()
        return forecast(bundle, books, origin)

    monkeypatch.setattr(Bundle, "forecast", held_up)
    yield made
    made.open.set()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return copy_home(tmp_path / "home")


@pytest.fixture
def client(home: Path, gate: Gate) -> Iterator[TestClient]:
    with TestClient(create_app(home)) as made:
        made.get("/drift")
        yield made


def everything(client: TestClient) -> list[bytes]:
    names = [f"P{product:04d}" for product in range(1, 61)]
    return [client.get(f"/forecast/{name}/{place}").content for name in names for place in ("R03", "all")]


def anew(home: Path) -> list[bytes | None]:
    """The same answers from a process that was just started, with nothing kept."""
    log = EventLog(f"sqlite:///{home / 'events.db'}")
    state = State(open_bundle(home), log)
    state.refresh()
    log.close()
    return [state.ready(name, place) for name in state.bundle.books.products for place in ("R03", "all")]


def test_the_old_week_is_answered_until_the_new_one_is_there(client: TestClient, home: Path, gate: Gate) -> None:
    client.post("/events", json=event("running", "P0020", "R03", quantity=6))
    before, seen = client.get("/forecast/P0020/R03").json(), client.get("/overview").json()
    assert before["origin"] == BEFORE and "stale" not in before and "stale" not in seen
    gate.open.clear()
    began = time.monotonic()
    assert client.post("/events", json=event("monday", "P0020", "R03", at="2025-06-09T08:00:00")).json()["new"] == 1
    assert gate.waiting.acquire(timeout=10), "somebody makes forecasts"
    during = client.get("/forecast/P0020/R03").json()
    late = client.post("/events", json=event("late", "P0020", "R03", at="2025-06-08T08:00:00", quantity=40)).json()
    assert late["new"] == 1 and time.monotonic() - began < 5, (
        "nobody waits for the forecasts, which take as long as we like"
    )
    assert during["stale"] and during["origin"] == BEFORE and len(during["weeks"]) == 4
    assert during["weeks"][0]["forecast"] == during["weeks"][0]["sold"] == 6, "that week is over"
    assert during["weeks"][1] == before["weeks"][1], "an old forecast, for the week that runs now"
    assert client.get("/forecast/P0020/R03").json()["weeks"][0]["sold"] == 46, "what came late is counted meanwhile"
    for path in ("/replenish", "/overview"):
        answer = client.get(path).json()
        assert answer["stale"] and answer["origin"] == BEFORE, path
    ask = {"product_id": "P0020", "price": 9.0}
    asked = client.post("/whatif", json=ask)
    assert asked.status_code == 409 or asked.json()["stale"]
    assert client.get("/overview").json()["state"] > seen["state"]
    stale = client.get("/overview").json()["state"]
    assert "ecomlib_forecasts_stale 1.0" in client.get("/metrics").text
    gate.open.set()
    until(lambda: "ecomlib_forecasts_stale 0.0" in client.get("/metrics").text)
    after = client.get("/forecast/P0020/R03").json()
    assert after["origin"] == AFTER and "stale" not in after and after["weeks"][0]["sold"] == 3
    assert client.get(f"/overview?since={stale}").status_code == 200, "new forecasts are news, without any event"
    assert everything(client) == anew(home)
    assert client.get("/drift").json()["weeks"][0]["units"] == 46


def test_what_comes_while_forecasts_are_made_is_in_the_next_ones(client: TestClient, home: Path, gate: Gate) -> None:
    """Late orders and the end of a further week, between the worker's start and its end."""
    for week, moment in enumerate(("2025-06-09T08:00:00", "2025-06-16T08:00:00", "2025-06-23T08:00:00")):
        gate.open.clear()
        client.post("/events", json=event(f"monday {week}", "P0020", "R03", at=moment))
        assert gate.waiting.acquire(timeout=10)
        batch = [event(f"late {week} {n}", f"P{n:04d}", "R03", at="2025-06-07", quantity=n) for n in range(1, 30)]
        assert client.post("/events", json={"events": batch}).json()["new"] == 29
        gate.open.set()
    until(lambda: "stale" not in client.get("/forecast/P0001/all").json())
    assert client.get("/forecast/P0001/all").json()["origin"] == "2025-06-16"
    assert everything(client) == anew(home)


def test_a_restart_says_the_same_bytes(
    client: TestClient, home: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.post("/events", json=event("monday", "P0020", "R03", at="2025-06-09T08:00:00"))
    until(lambda: "stale" not in client.get("/forecast/P0001/all").json())
    before = everything(client)
    assert len(list((home / "forecasts").glob("0001-2025-06-02-*.npz"))) == 1
    gate.open.clear()  # whoever made a forecast now would wait for ever
    monkeypatch.setattr("ecomlib.serving.release.bundle.try_out", lambda bundle: None)  # it makes one of a few products
    copy = shutil.copytree(home, home.with_name("copy"))  # two on one database are refused
    with TestClient(create_app(copy)) as again:
        assert everything(again) == before


def test_what_fails_is_tried_again(client: TestClient, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, failed = State.refresh, []

    def fails_once(state: State) -> None:
        if not failed:
            failed.append(True)
            raise MemoryError
        made(state)

    monkeypatch.setattr(State, "refresh", fails_once)
    client.post("/events", json=event("monday", "P0020", "R03", at="2025-06-09T08:00:00"))
    assert client.get("/forecast/P0001/all").json()["stale"] and failed
    until(lambda: "stale" not in client.get("/forecast/P0001/all").json())
    assert everything(client) == anew(home)


def test_events_that_come_while_a_version_is_switched_count(client: TestClient, home: Path, gate: Gate) -> None:
    from shutil import copytree

    source = home / "registry" / "versions" / "0001"

    def same(folder: Path) -> None:
        for path in source.iterdir():
            if path.name != "card.json":
                (copytree if path.is_dir() else lambda a, b: b.write_bytes(a.read_bytes()))(path, folder / path.name)

    registry(home).publish(same)
    gate.open.clear()
    registry(home).promote(2, "the same again")
    assert gate.waiting.acquire(timeout=10), "its forecasts are being made"
    assert client.post("/events", json=event("between", "P0020", "R03", quantity=7)).json()["new"] == 1
    now = client.get("/forecast/P0020/R03").json()
    assert now["version"] == 1 and now["weeks"][0]["sold"] == 7 and "stale" not in now
    gate.open.set()
    until(lambda: client.get("/forecast/P0020/R03").json()["version"] == 2)
    assert client.get("/forecast/P0020/R03").json()["weeks"][0]["sold"] == 7
    service: Service = client.app.state.service  # type: ignore[attr-defined]
    assert service.coming is None and everything(client) == anew(home)


def test_a_copy_stands_still(bundle: Bundle, log: EventLog) -> None:
    """Late orders, closed weeks and new ones do not reach a copy; a copy of other weeks leaves the state stale."""
    state = State(bundle, log)
    state.refresh()
    state.apply([order("monday", 24 * 7 + 1, 20, 3, 1)])
    held = state.held()
    weeks = {week: units.copy() for week, units in held.sold.items() if week <= held.origin}
    state.apply([order("late", 10, 20, 3, 90), order("a week on", 24 * 14 + 1, 20, 3, 2)])
    assert all((held.sold[week] == units).all() for week, units in weeks.items())
    held.refresh()
    first = State(replace(bundle), log)
    first.apply([order("monday", 24 * 7 + 1, 20, 3, 1)])
    first.refresh()
    assert (held.forecast == first.forecast).all() and not state.agrees(held)
    state.settle(held)
    assert state.stale and state.shown == bundle.cutoff + 1 and state.origin == bundle.cutoff + 2
    last = state.held()
    last.refresh()
    state.settle(last)
    assert not state.stale and state.shown == state.origin
    assert not np.array_equal(state.forecast[19], held.forecast[19])
