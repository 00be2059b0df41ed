"""What was told wrongly is mended: voids, corrections, returns, stock-takes, the clock; idempotent, restartable."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("onnxruntime")
from serving_help import START, event, trained_home
from starlette.testclient import TestClient

from ecomlib.serving.live.app import create_app

WAIT = "2025-07-20T10:00:00"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with TestClient(create_app(trained_home(), f"sqlite:///{tmp_path / 'events.db'}")) as made:
        yield made


def tell(client: TestClient, key: str, status: int = 200, **values: Any) -> Any:
    when = values.pop("at", "2025-06-03T10:00:00")
    answer = client.post("/events", json={"event_key": key, "ordered_at": when, **values})
    assert answer.status_code == status, answer.text
    return answer.json()


def sold(client: TestClient) -> int:
    return int(client.get("/forecast/P0001/R01").json()["weeks"][0]["sold"])


def stock(client: TestClient) -> int:
    rows = client.get("/replenish", params={"limit": 540}).json()["rows"]
    return int(next(row["on_hand"] for row in rows if (row["product_id"], row["region_id"]) == ("P0001", "R01")))


def everything(client: TestClient) -> tuple[Any, ...]:
    """All that the service says; forecasts made first."""
    client.app.state.service.state.refresh()  # type: ignore[attr-defined]
    shop = client.get("/overview").json()
    names = ("clock", "origin", "events", "newest", "waiting", "regions", "alerts")
    answers = [client.get(f"/forecast/P{n:04d}/{r}").content for n in (1, 2, 20) for r in ("R01", "R03", "all")]
    return answers, {name: shop[name] for name in names}, client.get("/waiting").json()


def restarted(client: TestClient) -> tuple[Any, ...]:
    """What a service says that is started on a copy of the database."""
    path = Path(client.app.state.service.log.engine.url.database)  # type: ignore[attr-defined]
    copy = path.with_name("copy.db")
    copy.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as there, closing(sqlite3.connect(copy)) as here:
        there.backup(here)
    with TestClient(create_app(trained_home(), f"sqlite:///{copy}")) as other:
        return everything(other)


def test_an_order_is_voided_corrected_and_returned(client: TestClient) -> None:
    before = stock(client)
    client.post("/events", json={"events": [event("a", quantity=3), event("b", quantity=5)]})
    assert sold(client) == 8
    assert tell(client, "v", kind="void", refers="a") == {"received": 1, "new": 1, "late": 0, "waiting": 0}
    assert sold(client) == 5 and [row["event_key"] for row in client.get("/overview").json()["newest"]] == ["b"]
    assert tell(client, "v", kind="void", refers="a")["new"] == 0, "the same word twice is one"
    tell(client, "c", kind="correct", refers="b", quantity=2)
    assert sold(client) == 2
    lying = stock(client)
    assert lying == max(before - 2, 0)
    tell(client, "r", kind="return", product_id="P0001", region_id="R01", quantity=1, refers="b")
    assert stock(client) == max(before - 1, 0) and sold(client) == 2, "what came back was sold all the same"
    assert everything(client) == restarted(client)


def test_a_wrong_date_is_healed_by_a_void(client: TestClient) -> None:
    client.post("/events", json=event("today"))
    before = everything(client)
    client.post("/events", json=event("slip", at=WAIT))
    assert client.get("/waiting").json()["events"][0]["why"] == "date"
    tell(client, "v", kind="void", refers="slip")
    after = everything(client)
    assert after[0] == before[0] and client.get("/waiting").json()["count"] == 0
    assert after == restarted(client)


def test_absurd_quantities_wait_until_somebody_says_yes(client: TestClient) -> None:
    assert client.post("/events", json=event("slip", quantity=1_000_000)).json()["waiting"] == 1
    assert sold(client) == 0
    waits = client.get("/waiting").json()["events"]
    assert [(one["event_key"], one["why"], one["quantity"]) for one in waits] == [("slip", "quantity", 1_000_000)]
    assert everything(client) == restarted(client), "a restart sees it waiting"
    assert client.post("/settle", json={"action": "apply", "keys": ["nobody"]}).status_code == 404
    assert client.post("/settle", json={"action": "apply", "keys": ["slip"]}).json()["waiting"] == 0
    assert sold(client) == 1_000_000 and everything(client) == restarted(client)
    client.post("/events", json=event("again", quantity=900_000))
    tell(client, "c", kind="correct", refers="again", quantity=9)
    assert sold(client) == 1_000_009, "a correction lets it count"
    client.post("/events", json=event("third", quantity=900_000))
    assert client.post("/settle", json={"action": "void"}).json()["waiting"] == 0
    assert sold(client) == 1_000_009 and everything(client) == restarted(client)


def test_what_waits_is_applied_in_its_order_by_one_command(client: TestClient) -> None:
    client.post("/events", json={"events": [event("far", at="2025-08-20T10:00"), event("near", at=WAIT)]})
    assert client.post("/clock", json={"until": "2025-07-21T00:00:00"}).json()["clock"] == WAIT
    assert [one["event_key"] for one in client.get("/waiting").json()["events"]] == ["far"]
    assert client.post("/settle", json={"action": "apply"}).json() == {
        "received": 1,
        "new": 1,
        "late": 0,
        "held": 0,
        "waiting": 0,
        "clock": "2025-08-20T10:00:00",
    }
    assert everything(client) == restarted(client)


def test_a_stocktake_sets_the_stock(client: TestClient) -> None:
    count = {"product_id": "P0001", "region_id": "R01", "quantity": 40}
    client.post("/events", json=event("before", quantity=4, at="2025-06-03T09:00:00"))
    taken = {"event_key": "June", "counted_at": "2025-06-03T12:00:00", "counts": [count]}
    assert client.post("/stocktake", json=taken).json()["new"] == 1 and stock(client) == 40
    assert client.post("/stocktake", json=taken).json()["new"] == 0, "sent again, it is the same"
    client.post("/events", json={"events": [event("after", quantity=3, at="2025-06-03T13:00:00")]})
    client.post("/events", json=event("late", quantity=5, at="2025-06-03T11:00:00"))
    assert stock(client) == 37, "what was sold before the count is not on the shelf already"
    tell(client, "d", kind="delivery", product_id="P0001", region_id="R01", quantity=10, at="2025-06-03T14:00:00")
    assert stock(client) == 47 and everything(client) == restarted(client)
    tell(client, "v", kind="void", refers="after")
    assert stock(client) == 50 and everything(client) == restarted(client)
    assert client.post("/stocktake", json={**taken, "counts": [count, count]}).json()["received"] == 1
    assert client.post("/stocktake", json={**taken, "counts": [{**count, "region_id": "R99"}]}).status_code == 422
    twice = {**taken, "event_key": "July", "counts": [count, {**count, "quantity": 39}]}
    assert client.post("/stocktake", json=twice).status_code == 409
    conflict = client.post("/stocktake", json={**taken, "counts": [{**count, "quantity": 41}]})
    assert conflict.status_code == 409 and stock(client) == 50


def test_a_known_key_with_other_content_is_409_and_counted(client: TestClient) -> None:
    client.post("/events", json=event("a", quantity=1))
    for batch in ([event("b"), event("a", quantity=999)], [event("c"), event("c", quantity=9)]):
        answer = client.post("/events", json={"events": batch})
        assert answer.status_code == 409 and answer.json()["conflicts"] == 1
        assert answer.json()["keys"] == [batch[-1]["event_key"]] and "key of its own" in answer.text
    assert sold(client) == 1 and client.get("/overview").json()["events"] == 1, "nothing of the batches was taken"
    assert 'ecomlib_events_total{outcome="conflict"} 2.0' in client.get("/metrics").text


@pytest.mark.parametrize(
    ("values", "status", "field"),
    [
        ({"kind": "void"}, 422, "refers"),
        ({"kind": "void", "refers": "nobody"}, 404, "refers"),
        ({"kind": "void", "refers": "a", "quantity": 2}, 422, "quantity"),
        ({"kind": "correct", "refers": "a"}, 422, "quantity"),
        ({"kind": "correct", "refers": "a", "quantity": 2, "product_id": "P0001"}, 422, "product_id"),
        ({"kind": "return", "product_id": "P0001", "region_id": "R01"}, 422, "quantity"),
        ({"kind": "order", "product_id": "P0001", "region_id": "R01", "quantity": 1}, 422, "unit_price"),
        ({"kind": "delivery", "product_id": "P0001", "region_id": "R01", "quantity": 1, "refers": "a"}, 422, "refers"),
        ({"kind": "count", "product_id": "P0001", "region_id": "R01", "quantity": 1}, 422, "kind"),
    ],
)
def test_each_kind_has_its_fields(client: TestClient, values: dict[str, Any], status: int, field: str) -> None:
    client.post("/events", json=event("a"))
    assert tell(client, "x", status, **values)["detail"][0]["loc"] == ["body", field]
    assert client.get("/overview").json()["events"] == 1


def test_times_with_an_offset_are_the_shops(tmp_path: Path) -> None:
    from ecomlib.serving.live.shop_clock import ClockSettings

    with TestClient(create_app(trained_home(), f"sqlite:///{tmp_path / 'events.db'}")) as client:
        client.app.state.service.state.rule = ClockSettings("events", "Europe/London")  # type: ignore[attr-defined]
        for key, at in (("z", "T10:00:00Z"), ("plus", " 12:00:00 +0100"), ("utc", " 09:00:00 UTC"), ("own", "T13:00")):
            client.post("/events", json=event(key, at="2025-06-03" + at))
        rows = client.get("/overview").json()["newest"]
        assert {row["event_key"]: row["ordered_at"][11:16] for row in rows} == {
            "own": "13:00",
            "plus": "12:00",
            "z": "11:00",
            "utc": "10:00",
        }


def test_retraining_learns_what_holds(client: TestClient, tmp_path: Path) -> None:
    """The log's lines are what retraining reads: without the void, with the right quantity, without what waits."""
    client.post("/events", json={"events": [event("a"), event("b", quantity=5), event("far", at=WAIT)]})
    client.post("/events", json=event("slip", quantity=800_000))
    tell(client, "v", kind="void", refers="a")
    tell(client, "c", kind="correct", refers="b", quantity=3)
    service = client.app.state.service  # type: ignore[attr-defined]
    lines = service.log.lines(until=service.state.until)
    assert lines[["event_key", "quantity"]].to_dict("list") == {"event_key": ["b"], "quantity": [3]}
    assert START.year == 2025


def test_the_commands_that_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from ecomlib.cli.main import app
    from ecomlib.serving.live.replay import Sender

    with TestClient(create_app(trained_home(), f"sqlite:///{tmp_path / 'events.db'}")) as client:

        def ask(self: Sender, method: str, path: str, values: Any = None) -> Any:
            answer = client.request(method, path, json=values)
            assert answer.status_code == 200, answer.text
            return answer.json()

        monkeypatch.setattr(Sender, "ask", ask)

        def run(*words: str) -> str:
            done = CliRunner().invoke(app, [*words])
            assert done.exit_code == 0, done.output
            return done.output

        client.post("/events", json={"events": [event("far", at=WAIT), event("slip", quantity=700_000)]})
        said = run("waiting")
        assert "2 events wait" in said and "order of 700,000 x P0001 in R01: an absurd quantity" in said
        assert "1 voided, 1 event waits" in run("waiting", "void", "slip")
        assert "1 applied, 0 events wait; the shop's clock is at 2025-07-20T10:00:00" in run("waiting", "apply")
        counts = tmp_path / "count.csv"
        counts.write_text("product_id,region_id,quantity\nP0001,R01,33\nP0002,R01,0\n")
        assert "2 counts are new" in run("stocktake", str(counts), "--at", "2025-07-20 11:00")
        assert "0 counts are new" in run("stocktake", str(counts), "--at", "2025-07-20 11:00") and stock(client) == 33
        counts.write_text("product_id,region_id,quantity\nP0001,R01,3.5\n")
        done = CliRunner().invoke(app, ["stocktake", str(counts), "--at", "2025-07-20 11:00"])
        assert done.exit_code == 1 and "row 1" in done.stderr and "'3.5'" in done.stderr


def test_a_refusal_becomes_a_sentence() -> None:
    from ecomlib.serving.live.replay import refusal, values_at

    said = b'{"detail":[{"loc":["body","events",1,"quantity"],"msg":"a quantity is 1 or more"}]}'
    assert refusal(said) == "quantity: a quantity is 1 or more"
    assert values_at({"events": [{}, {"quantity": 0}]}, said) == 0
    assert refusal(b"<html>bad gateway") == "<html>bad gateway" and values_at({}, b"{}") is None
