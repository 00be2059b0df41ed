"""Metrics are fresh whatever anybody reads; a feed that is dead is seen; the example alerts name what there is."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

pytest.importorskip("fastapi")
pytest.importorskip("httpx")
from fastapi.testclient import TestClient
from serving_help import event, trained_home

import ecomlib
from ecomlib.serving.live.app import create_app
from ecomlib.serving.live.event_log import EventLog
from ecomlib.serving.live.feed import Feed, file_bytes, server_bytes, usual_silence
from ecomlib.serving.live.live_state import State
from ecomlib.serving.live.shop_clock import ClockSettings
from ecomlib.serving.release.bundle import KEY, Bundle


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.delenv(KEY, raising=False)
    with TestClient(create_app(trained_home(), f"sqlite:///{tmp_path / 'events.db'}")) as made:
        yield made


def scrape(client: TestClient) -> dict[str, float]:
    lines = [line.rsplit(" ", 1) for line in client.get("/metrics").text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


def scrape_until(client: TestClient, name: str, seconds: float = 20.0) -> dict[str, float]:
    """Scrape, and nothing else, until a gauge is there and not zero."""
    end = time.monotonic() + seconds
    while not (found := scrape(client)).get(name):
        assert time.monotonic() < end, f"{name} never came"
        time.sleep(0.05)
    return found


def test_gauges_are_fresh_though_nobody_looks(client: TestClient) -> None:
    """A week in which a few products sell without measure: the level's alarm comes by scraping alone."""
    before = scrape(client)
    assert before['ecomlib_drift_alarm{light="silence"}'] == 0 and before["ecomlib_trouble"] == 0
    assert before["ecomlib_event_arrived_timestamp_seconds"] == 0 and before["ecomlib_database_bytes"] > 1000
    assert before["ecomlib_shop_clock_timestamp_seconds"] == pd.Timestamp("2025-06-02").timestamp()
    rows = [event(f"{n}", f"P{n:04d}", "R01", at="2025-06-04T10:00:00", quantity=60) for n in range(1, 41)]
    client.post("/events", json={"events": rows})
    client.post("/events", json=event("next", at="2025-06-10T10:00:00"))
    after = scrape_until(client, 'ecomlib_drift_alarm{light="level"}')
    assert after['ecomlib_drift{light="level"}'] > 2 and after["ecomlib_forecasts_stale"] == 0
    assert after["ecomlib_drift_stale"] == 0
    assert after["ecomlib_shop_clock_timestamp_seconds"] == pd.Timestamp("2025-06-10T10:00:00").timestamp()
    assert abs(after["ecomlib_event_arrived_timestamp_seconds"] - time.time()) < 60
    assert after["ecomlib_silence_seconds"] < 60
    assert after["process_resident_memory_bytes"] > 1e6 or not Path("/proc").exists()


def test_a_dead_feed_is_amber_everywhere(client: TestClient) -> None:
    service: Any = client.app.state.service  # type: ignore[attr-defined]
    client.post("/events", json=event("a"))
    first = client.get("/overview").json()
    assert first["drift"]["light"] == "unknown"
    assert client.get(f"/overview?since={first['state']}").status_code == 204
    service.feed.arrived -= 3 * 86_400 + 60
    second = client.get(f"/overview?since={first['state']}").json()
    assert second["drift"]["light"] == "amber" and second["drift"]["says"].startswith("last event arrived 3 days ago")
    light = client.get("/drift").json()["lights"][-1]
    assert light["name"] == "silence" and light["alarm"] and light["value"] == pytest.approx(72.0, abs=0.1)
    gauges = scrape(client)
    assert gauges['ecomlib_drift_alarm{light="silence"}'] == 1 and gauges["ecomlib_silence_seconds"] > 3 * 86_400
    assert client.get(f"/overview?since={second['state']}").status_code == 204
    service.feed.arrived -= 86_400
    assert client.get(f"/overview?since={second['state']}").json()["drift"]["says"].startswith("last event arrived 4")
    client.post("/events", json=event("b"))
    third = client.get("/overview").json()
    assert third["drift"]["light"] == "unknown" and third["state"] > second["state"]
    service.feed.arrived -= 3 * 86_400
    client.post("/events", json=event("b"))  # it was known: nobody ordered anything
    assert client.get("/overview").json()["drift"]["light"] == "amber"


def test_a_shop_of_today_is_measured_by_todays_clock(bundle: Bundle, log: EventLog) -> None:
    """Events arrive, but the newest one is years old: silent in the world, and no news where time is replayed."""
    feed = Feed()
    for bound, silent in (("world", True), ("events", False)):
        state = State(bundle, log, rule=ClockSettings(bound))  # type: ignore[arg-type]
        feed.heard(1), feed.heard(2)
        light = feed.light(state)
        assert light.alarm is silent and light.says.startswith("last order" if silent else "last event arrived")
        assert (feed.step(light) > 0) is silent
    state.clock = ClockSettings("world").now()
    state.rule = ClockSettings("world")
    assert not feed.light(state).alarm, "an order of this moment"


def test_usual_silence_is_the_historys(bundle: Bundle) -> None:
    assert usual_silence(bundle) == pytest.approx(24 * bundle.settings["silence"])
    assert usual_silence(bundle) == 24, "the shop sells every day"
    older = replace(bundle, settings={name: value for name, value in bundle.settings.items() if name != "silence"})
    assert usual_silence(older) == 24 * 7, "a week, where no week was closed"
    units = older.books.units.copy()
    units[:, 10:13] = 0
    assert usual_silence(replace(older, books=replace(older.books, units=units))) == 4 * 24 * 7


def test_example_alerts_name_metrics_that_there_are(client: TestClient) -> None:
    yaml = pytest.importorskip("yaml")
    path = Path(ecomlib.__file__).parent / "serving" / "deploy" / "alerts.yml"
    rules = [rule for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]]
    assert len(rules) >= 8 and len({rule["alert"] for rule in rules}) == len(rules)
    idle = client.get("/metrics").text  # before anybody has asked or told anything
    assert "ecomlib_ready 1.0" in idle and 'ecomlib_events_total{outcome="conflict"} 0.0' in idle
    client.post("/events", json=event("a"))
    client.get("/drift")
    text = client.get("/metrics").text
    there, lights = set(scrape(client)), set(re.findall(r'ecomlib_drift_alarm\{light="(\w+)"\}', text))
    names = {name.split("{")[0] for name in there} | {"up"}
    for rule in rules:
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"} and rule["annotations"]["summary"]
        used = rule["expr"] + " ".join(re.findall(r'query "([^"]*)"', rule["annotations"]["summary"]))
        assert set(re.findall(r"\b(up|ecomlib_\w+)\b(?!\")", used)) <= names, rule
        for match, light in re.findall(r'light(=~?)["\']([^"\']*)["\']', used):
            found = [name for name in lights if (re.fullmatch(light, name) if match == "=~" else light == name)]
            assert found, rule
    shown = set(re.findall(r"light=~?\"([^\"]*)\"", " ".join(rule["expr"] for rule in rules)))
    assert all(any(re.fullmatch(light, name) for light in shown) for name in lights), "a light without an alert"


def test_a_databases_size_is_asked_where_it_is_known(log: EventLog) -> None:
    assert (file_bytes(log.engine) or 0) > 1000 and server_bytes(log.engine) is None
    Path(str(log.engine.url.database)).unlink()
    assert file_bytes(log.engine) is None, "gone: no number is better than an old one"
