"""The routes: what they answer, what they refuse and how they say it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi")
pytest.importorskip("httpx")
from fastapi.testclient import TestClient
from serving_help import copy_home, event, trained_home, until

from ecomlib.errors import DataError
from ecomlib.serving import deploy
from ecomlib.serving.live.app import create_app
from ecomlib.serving.live.requests import MOST_BYTES
from ecomlib.serving.release.bundle import KEY, open_bundle


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.delenv(KEY, raising=False)
    with TestClient(create_app(trained_home(), f"sqlite:///{tmp_path / 'events.db'}")) as made:
        yield made


def faults(answer: Any) -> list[tuple[Any, ...]]:
    return [tuple(one["loc"]) for one in answer.json()["detail"]]


def test_told_once_or_twice_it_counts_once(client: TestClient) -> None:
    before = client.get("/forecast/P0001/R01").json()
    assert before["weeks"][0]["sold"] == 0 and before["version"] == 1 and before["basis"] == "network"
    assert client.post("/events", json=event("a")).json() == {"received": 1, "new": 1, "late": 0, "waiting": 0}
    again = client.post("/events", json=event("a")).json()
    assert again == {"received": 1, "new": 0, "late": 0, "waiting": 0}
    batch = {"events": [event("a"), event("b"), event("b"), event("c", at="2025-05-01")]}
    assert client.post("/events", json=batch).json() == {"received": 4, "new": 2, "late": 1, "waiting": 0}
    assert client.post("/events", json=event("d", quantity=2.0)).json()["new"] == 1, "by JSON's rules 2.0 is whole"
    for region, sold in (("R01", 8), ("R02", 0), ("all", 8)):
        week = client.get(f"/forecast/P0001/{region}").json()["weeks"][0]
        assert week["sold"] == sold and week["low"] >= sold and week["low"] <= week["forecast"] <= week["high"]
    assert client.get("/overview").json()["events"] == 4


def test_an_order_dated_weeks_ahead_waits_and_is_shown(client: TestClient) -> None:
    client.post("/events", json=event("today"))
    before = client.get("/replenish?limit=540").json()
    first = client.get("/overview").json()
    assert first["waiting"] == {"count": 0, "events": []} and sum(row["order"] for row in before["rows"]) > 50
    slip = event("slip", "P0002", "R03", at="2025-07-06T10:00:00", quantity=40)
    assert client.post("/events", json=slip).json() == {"received": 1, "new": 1, "late": 0, "waiting": 1}
    assert client.get("/replenish?limit=540").json() == before
    second = client.get("/overview").json()
    assert second["clock"] == first["clock"] and second["events"] == 2 and second["state"] > first["state"]
    assert second["newest"] == first["newest"] and second["regions"] == first["regions"]
    shown = second["waiting"]["events"][0]
    assert second["waiting"]["count"] == 1 and shown["event_key"] == "slip" and shown["kind"] == "order"
    assert shown["ordered_at"] == slip["ordered_at"] and shown["quantity"] == 40 and shown["title"]
    assert "ecomlib_events_waiting 1.0" in client.get("/metrics").text
    assert client.post("/events", json=slip).json() == {"received": 1, "new": 0, "late": 0, "waiting": 0}


def test_all_is_the_sum_of_its_regions(client: TestClient) -> None:
    whole = client.get("/forecast/P0052/all").json()["weeks"]
    parts = [client.get(f"/forecast/P0052/R{r:02d}").json()["weeks"] for r in range(1, 10)]
    for step, week in enumerate(whole):
        assert week["forecast"] == pytest.approx(sum(part[step]["forecast"] for part in parts), abs=0.01)
    assert [week["sold"] for week in whole] == [0, None, None, None]


def test_unknown_names_are_named(client: TestClient) -> None:
    for path, name in (("/forecast/P9/R01", "product_id"), ("/forecast/P0001/R77", "region_id")):
        answer = client.get(path)
        assert answer.status_code == 404 and faults(answer) == [("path", name)]
    assert faults(client.get("/replenish?region_id=R77")) == [("query", "region_id")]
    assert client.get("/nothing").status_code == 404 and client.put("/events").status_code == 405


def test_history_on_demand(client: TestClient) -> None:
    batch = [event("a", "P0002", at="2025-06-08"), event("b", at="2025-06-12T10:00:00", quantity=7)]
    client.post("/events", json={"events": batch})
    until(lambda: "stale" not in client.get("/forecast/P0001/all").json())  # a busy machine ends the week later
    answer = client.get("/forecast/P0001/all?history=5").json()
    assert [week["week"] for week in answer["history"]] == [
        f"2025-0{d}" for d in ("5-05", "5-12", "5-19", "5-26", "6-02")
    ]
    assert answer["history"][-1]["units"] == 0 and answer["weeks"][0]["sold"] == 7
    assert len(client.get("/forecast/P0001/R01?history=104").json()["history"]) == 1 + 22
    for wrong in ("x", "-1", "105", "1.5", "²"):
        assert client.get(f"/forecast/P0001/R01?history={wrong}").status_code == 422


WRONG = {
    "event_key": ["", "x" * 201, 7, None, "a\x00b", "\ud800"],
    "kind": ["gift", 1],
    "product_id": ["P9", "", 1, None, "\x00"],
    "region_id": ["R99", "all", ""],
    "ordered_at": [
        "",
        "yesterday",
        "2025-02-30",
        "2025-06-04T25:00",
        "2025-06-04T10:00:00 CET",
        20250604,
        "1969-01-01",
        "9999-12-31T23:59:59",
        "0001-01-01",
    ],
    "quantity": [0, -1, 1.5, "3", True, None, 1_000_001, 10**30],
    "unit_price": [-1, "2", None, 1e400, True],
}


@pytest.mark.parametrize("field", WRONG)
def test_every_fault_is_a_422_that_names_its_field(client: TestClient, field: str) -> None:
    for value in WRONG[field]:
        for many in (False, True):
            wrong = {**event("a"), field: value}
            body = json.dumps({"events": [event("b"), wrong]} if many else wrong)
            answer = client.post("/events", content=body.encode(), headers={"Content-Type": "application/json"})
            assert answer.status_code == 422, (field, value, answer.text)
            if "Infinity" not in body and value != "\ud800":  # these are no JSON at all
                assert faults(answer) == [("body", "events", 1, field) if many else ("body", field)], value
    assert client.get("/overview").json()["events"] == 0, "a batch with a fault is refused whole"


def test_bodies_that_are_none(client: TestClient) -> None:
    kind = {"Content-Type": "application/json"}
    for body in (
        b"",
        b"{",
        b"[]",
        b"null",
        b"3",
        b'{"events":[]}',
        b'{"events":{}}',
        b'{"events":[1]}',
        b"\xff",
        b"[" * 100_000,
        b'{"event_key":NaN}',
    ):
        assert client.post("/events", content=body, headers=kind).status_code == 422, body[:20]
    assert faults(client.post("/events", json={**event("a"), "colour": "red"})) == [("body", "colour")]
    assert faults(client.post("/events", json={k: v for k, v in event("a").items() if k != "quantity"})) == [
        ("body", "quantity")
    ]
    assert client.post("/events", content=b"{}", headers={"Content-Type": "text/plain"}).status_code == 415
    assert client.post("/events", content=b" " * (MOST_BYTES + 1), headers=kind).status_code == 413
    many = {"events": [event(str(n)) for n in range(5_001)]}
    assert client.post("/events", json=many).status_code == 413
    assert client.post("/events", json={"events": many["events"][:5_000]}).json()["new"] == 5_000


def test_the_body_limit_holds_while_it_streams(client: TestClient) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while sent < 50 * MOST_BYTES:
            sent += 65_536
            yield b" " * 65_536

    answer = client.post("/events", content=endless(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413


@pytest.fixture
def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setenv(KEY, " a longer secret ü\n")
    with TestClient(create_app(trained_home(), f"sqlite:///{tmp_path / 'events.db'}")) as made:
        yield made


def test_the_write_key(locked: TestClient) -> None:
    client = locked
    assert client.post("/events", json=event("a")).status_code == 401
    for wrong in ("Bearer a longer secret", "a longer secret ü", "Basic a longer secret ü"):
        answer = client.post("/events", json=event("a"), headers={"Authorization": wrong.encode("utf-8")})
        assert answer.status_code == 401 and "secret" not in answer.text
        assert answer.headers["www-authenticate"] == "Bearer"
    for word in ("Bearer", "bearer"):
        right = {"Authorization": f"{word} a longer secret ü".encode()}
        assert client.post("/events", json=event(word), headers=right).status_code == 200
    assert client.get("/forecast/P0001/R01").status_code == 200, "reading needs no key"


def test_what_if(client: TestClient) -> None:
    """By the category's elasticity, and nothing else."""
    product = "P0020"
    row = open_bundle(trained_home()).effects.set_index("category")
    catalogue = {p["product_id"]: p for p in client.get("/catalogue").json()["products"]}
    effect = row.loc[catalogue[product]["category"]]
    price = catalogue[product]["price"]
    now = client.post("/whatif", json={"product_id": product, "price": price, "promoted": False}).json()
    answer = client.post("/whatif", json={"product_id": product, "price": 1.1 * price, "promoted": False}).json()
    assert answer["elasticity"]["value"] == pytest.approx(effect["elasticity"], abs=1e-3)
    ratio = answer["then"]["units"] / now["then"]["units"]
    assert ratio == pytest.approx(1.1 ** effect["elasticity"], rel=2e-3)
    assert answer["then"]["units_low"] < answer["then"]["units"] < answer["then"]["units_high"]
    assert answer["then"]["revenue"] == pytest.approx(answer["then"]["price"] * answer["then"]["units"], rel=1e-3)
    seen, plain = (
        client.post("/whatif", json={"product_id": product, "price": price, "promoted": on, "region_id": "R03"}).json()
        for on in (True, False)
    )
    assert seen["then"]["units"] / plain["then"]["units"] == pytest.approx(np.exp(effect["promotion"]), rel=2e-2)
    assert answer["weeks"] == 4 and answer["says"].startswith(f"At {answer['then']['price']:.2f} instead of")
    alone = client.post("/whatif", json={"product_id": product, "promoted": True}).json()
    then = alone["then"]
    assert "instead of" not in alone["says"].partition(",")[0] and " on promotion, " in alone["says"]
    assert then["units_low"] < then["units"] < then["units_high"], "a promotion is not known to the unit either"


def test_what_was_never_seen_is_said_to_be_a_guess(client: TestClient) -> None:
    """Beyond the prices that the product had, plainly; within them not; and one price of now, that of the catalogue."""
    b = open_bundle(trained_home())
    row, product = b.row["P0020"], "P0020"
    weeks = np.arange(b.books.first, b.cutoff + 1)
    held = b.books.plan["log_price"][row, : len(weeks)][weeks >= b.books.begin[row]]
    low, high = (b.products["reference"].iat[row] * np.exp(end) for end in (held.min(), held.max()))
    catalogue = {p["product_id"]: p for p in client.get("/catalogue").json()["products"]}
    for price, outside in ((1.2 * high, True), (0.9 * low, True), (high, False), (low, False)):
        answer = client.post("/whatif", json={"product_id": product, "price": price, "promoted": False}).json()
        assert answer["seen"] == {"low": round(low, 4), "high": round(high, 4), "outside": outside}
        assert (f"a guess: the product has cost {low:,.2f}" in answer["says"]) is outside
        assert answer["now"]["price_first_week"] == pytest.approx(catalogue[product]["price"], abs=1e-4)
        assert answer["then"]["price_first_week"] == pytest.approx(price, abs=1e-4)
        assert "machine learning" not in answer["says"] and "machine learning" in answer["method"]


NO = [
    ({"product_id": "P0020"}, 422, ("body",)),
    ({"product_id": "P9", "price": 3}, 404, ("body", "product_id")),
    ({"product_id": "P0020", "price": 5, "region_id": "?"}, 404, ("body", "region_id")),
    ({"product_id": "P0020", "price": 1e6}, 422, ("body", "price")),
    ({"product_id": "P0020", "price": 0}, 422, ("body", "price")),
    ({"product_id": "P0020", "depth": 1}, 422, ("body", "depth")),
    ({"product_id": "P0020", "promoted": 1}, 422, ("body", "promoted")),
    ({"price": 3}, 422, ("body", "product_id")),
]


@pytest.mark.parametrize(("ask", "status", "where"), NO)
def test_what_if_refuses(client: TestClient, ask: dict[str, Any], status: int, where: tuple[str, ...]) -> None:
    answer = client.post("/whatif", json=ask)
    assert answer.status_code == status and faults(answer) == [where]


def test_the_buyers_list(client: TestClient) -> None:
    answer = client.get("/replenish?ratio=3&limit=7&region_id=R09").json()
    assert answer["ratio"] == 3 and answer["origin"] == "2025-05-26" and len(answer["rows"]) == 7
    names = {"product_id", "title", "region_id", "on_hand", "arriving", "expected", "order", "units", "alert"}
    assert set(answer["rows"][0]) == names and answer["rows"][0]["units"] == answer["units"] == "gross"
    for wrong in ("ratio=0", "ratio=nan", "ratio=1e9", "limit=0", "limit=x"):
        assert client.get(f"/replenish?{wrong}").status_code == 422


def test_the_overview_is_sent_when_something_changed(client: TestClient) -> None:
    first = client.get("/overview").json()
    assert client.get(f"/overview?since={first['state']}").status_code == 204
    client.post("/events", json=event("a", region="R05"))
    second = client.get(f"/overview?since={first['state']}").json()
    assert second["state"] > first["state"] and second["newest"][0]["event_key"] == "a"
    assert second["newest"][0]["title"] and 0 < second["elapsed"] < 1 and second["clock"] == "2025-06-04T10:00:00"
    sold = {region["region_id"]: region["sold_week"] for region in second["regions"]}
    assert sold["R05"] == 3 and sum(sold.values()) == 3
    assert all(region["expected_week"] > 0 for region in second["regions"])
    client.post("/events", json=event("a"))
    assert client.get(f"/overview?since={second['state']}").status_code == 204, "a known event changes nothing"


def test_the_rest(client: TestClient) -> None:
    assert client.get("/health").json() == {"status": "alive"}
    assert client.get("/ready").json() == {"ready": True, "version": 1, "database": True}
    assert client.get("/versions").json()["in_force"] == 1
    catalogue = client.get("/catalogue").json()
    assert len(catalogue["products"]) == 60 and {"row", "column"} <= set(catalogue["regions"][0])
    assert client.get("/drift").json()["light"] == "unknown"
    assert client.get("/docs").status_code == 404, "its scripts would come from an outside host"
    client.get("/forecast/P0001/R01"), client.get("/forecast/P9/R01"), client.post("/events", json=event("a"))
    text = client.get("/metrics").text
    lines = (
        'route="/forecast/{product_id}/{region_id}",status="200"} 1.0',
        'status="404"} 1.0',
        'ecomlib_events_total{outcome="new"} 1.0',
        "ecomlib_model_version 1.0",
        'ecomlib_drift_alarm{light="psi"} 0.0',
    )
    for line in lines:
        assert line in text, text
    answer = client.get("/forecast/P0001/R01")
    assert answer.headers["content-security-policy"].startswith("default-src 'self'")
    paths = client.get("/openapi.json").json()["paths"]
    proxy = (Path(deploy.__file__).parent / "Caddyfile.example").read_text(encoding="utf-8")
    writes = {path for path, methods in paths.items() if "post" in methods} - {"/whatif", "/offer"}
    assert f"path {' '.join(sorted(writes))}" in proxy, "shops that send have a write key, not the proxy's password"
    assert {
        "/events",
        "/forecast",
        "/forecast/{product_id}/{region_id}",
        "/whatif",
        "/replenish",
        "/plan",
        "/price",
        "/customers",
        "/recommend",
        "/retain",
        "/offers",
        "/offer",
        "/overview",
        "/catalogue",
        "/drift",
        "/versions",
        "/health",
        "/ready",
        "/metrics",
        "/stocktake",
        "/clock",
        "/waiting",
        "/settle",
    } == set(paths)


def test_a_database_that_is_gone_is_a_503(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy.exc import OperationalError

    log = client.app.state.service.log  # type: ignore[attr-defined]

    def fail(*_: Any) -> None:
        raise OperationalError("insert", {}, Exception("password=hush"))

    monkeypatch.setattr(log, "append", fail)
    answer = client.post("/events", json=event("a"))
    assert answer.status_code == 503 and "hush" not in answer.text
    assert client.get("/ready").status_code == 503 and client.get("/health").status_code == 200
    assert client.get("/forecast/P0001/R01").status_code == 200, "reading goes on"


def test_a_commit_whose_answer_was_lost_is_counted(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy.exc import OperationalError

    log = client.app.state.service.log  # type: ignore[attr-defined]

    def commit_and_fail(events: Any) -> None:
        type(log).append(log, events)
        raise OperationalError("insert", {}, Exception("the line went dead"))

    with monkeypatch.context() as broken:
        broken.setattr(log, "append", commit_and_fail)
        assert client.post("/events", json=event("a")).status_code == 503
    assert client.post("/events", json=event("a")).json()["new"] == 0
    assert client.get("/forecast/P0001/R01").json()["weeks"][0]["sold"] == 3


def test_an_empty_home_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="ecomlib train"):
        create_app(tmp_path)
    home = copy_home(tmp_path / "home")
    (home / "registry" / "versions" / "0001" / "settings.json").write_text("{}")
    with pytest.raises(DataError, match="roll back"):
        create_app(home)
