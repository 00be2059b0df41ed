"""Small and closed shops: trained, their closed weeks are zeros, and what is not known is null with a reason."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("fastapi")
pytest.importorskip("httpx")
from fastapi.testclient import TestClient

from ecomlib.cli.service import versions
from ecomlib.decisions.inventory import LEVELS, plan_orders, quantile_names
from ecomlib.errors import DataError
from ecomlib.serving.live import retrain
from ecomlib.serving.live.app import create_app
from ecomlib.serving.live.event_log import EventLog
from ecomlib.serving.release import snapshot
from ecomlib.serving.release.bundle import KEY, Bundle, errors_in, open_bundle, registry
from ecomlib.serving.release.inputs import week_of
from ecomlib.serving.release.train import ReleaseSettings, train
from ecomlib.stores import Store

FIRST = pd.Timestamp("2024-01-01")  # a Monday
FAST = ReleaseSettings(epochs=1, effects=False)
ASKED = replace(FAST, model="window_mean")  # intervals are promised on one origin, where a candidate was asked for


def shop(weeks: int, products: int, closed: tuple[int, ...] = (), *, idle: int = 0, stock: bool = False) -> Store:
    """One line a product and day at noon, 1 + day of the week units; the weeks ``closed`` (from 0) hold none.

    The last ``idle`` products are listed and never sold.
    """
    days = [day for day in range(7 * weeks) if day // 7 not in closed]
    names = [f"p{k}" for k in range(products)]
    lines = pd.DataFrame(
        [
            {"product_id": name, "ordered_at": FIRST + pd.Timedelta(days=day, hours=12), "quantity": 1 + day % 7}
            for day in days
            for name in names[: products - idle]
        ]
    )
    orders = lines.assign(order_id=[f"o{k}" for k in range(len(lines))], unit_price=2.5)
    listed = pd.DataFrame({"product_id": names, "title": names, "launched_on": FIRST})
    inventory = None
    if stock:
        dates = FIRST + pd.to_timedelta(np.arange(7 * weeks), unit="D")
        inventory = pd.MultiIndex.from_product([names, dates], names=["product_id", "date"]).to_frame(index=False)
        inventory = inventory.assign(on_hand_start=9, received=np.int64(0), sold=np.int64(0))
    return Store("closed now and then", listed, orders, inventory=inventory)


def no_constant(name: str) -> Any:
    raise AssertionError(f"{name} was sent")


def promoted(store: Store, home: Path, plan: ReleaseSettings = FAST) -> Bundle:
    made = train(store, home, plan)
    registry(home).promote(made.version.number, "a test")
    return open_bundle(home)


@pytest.mark.parametrize(
    ("closed", "hold_out", "stock"),
    [
        ((19,), 4, False),  # the week before the hold-out
        ((7,), 4, False),  # inside the history
        ((5, 6, 16, 17, 18, 19), 4, False),  # several, up to the hold-out
        ((22, 23), 0, True),  # at the end: the inventory says that the books go on
    ],
)
def test_a_closed_week_is_a_week_of_zeros(closed: tuple[int, ...], hold_out: int, stock: bool, tmp_path: Path) -> None:
    store = shop(24, 3, closed, stock=stock)
    bundle = promoted(store, tmp_path, replace(FAST, hold_out=hold_out))
    weeks = 24 - hold_out
    assert bundle.settings["cutoff"] == f"{FIRST + pd.Timedelta(weeks=weeks - 1):%Y-%m-%d}"
    expected = np.array([[0 if week in closed else 28 for week in range(weeks)]] * 3)  # 1 + 2 + … + 7 units
    assert np.array_equal(bundle.books.units, expected)
    assert np.array_equal(bundle.recent[:, 0, -weeks:], expected) and (bundle.books.begin == bundle.books.first).all()
    said = bundle.table(bundle.books, bundle.cutoff)
    assert np.isfinite(said[["forecast", "low"]].to_numpy()).all() and len(said) == 12
    assert sum(bundle.settings["rhythm"]) > 0 and np.isfinite(bundle.shares).all()


def test_a_product_launched_in_a_closed_week_begins_there() -> None:
    store = shop(24, 3, (19,))
    listed = store.products.assign(launched_on=[FIRST, FIRST, FIRST + pd.Timedelta(weeks=19)])
    orders = store.orders[store.orders["product_id"] != "p2"]
    held = snapshot.cut(store.with_parts(products=listed, orders=orders), week_of(FIRST) + 19)
    books = snapshot.books_of(held, *snapshot.catalogue(held.store), 4)[0]
    assert (books.begin - books.first).tolist() == [0, 0, 19] and books.units.shape == (3, 20)


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen weeks, two products: one origin and four steps are eight calibration rows, 0.9 needs nine."""
    home = tmp_path_factory.mktemp("few")
    promoted(shop(16, 2), home, ASKED)
    return home


@pytest.fixture
def client(few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.delenv(KEY, raising=False)
    with TestClient(create_app(few, f"sqlite:///{tmp_path / 'events.db'}")) as made:
        yield made


def test_too_few_calibration_rows_are_said(few: Path) -> None:
    reach = open_bundle(few).reach.set_index("region_id")
    assert (reach["reach"] == np.inf).all() and set(reach["reason"]) == {"8 calibration rows, 9 needed"}
    errors = open_bundle(few).order_errors
    assert errors[["region_id", "at_least", "rows"]].values.tolist() == [["all", 0.0, 2]]
    known = np.isfinite(errors[quantile_names()].iloc[-1].to_numpy(dtype=float))
    assert known.tolist() == (LEVELS < 0.67).tolist(), "two errors say nothing above two thirds"
    assert json.loads((few / "registry/versions/0001/settings.json").read_text(), parse_constant=no_constant)


def test_a_version_of_an_older_release_with_nan_is_not_known_either(few: Path) -> None:
    """It held NaN in the place of infinity, no reason, and one reach whatever the forecast."""
    bundle = open_bundle(few)
    old = bundle.reach[["region_id"]].assign(reach=np.nan)
    bundle = replace(bundle, reach=old)
    assert (bundle.width([0.0, 50.0]) == np.inf).all()
    assert bundle.unknown(0) == bundle.unknown(1) == "too few calibration rows"


def test_orders_of_an_older_release_are_read_off_its_reach() -> None:
    """It held one class a region there, and not always how many rows it came from: its orders stay what they were."""
    said = {name: [0.5, np.nan, 1.0] for name in quantile_names()}
    reach = pd.DataFrame({"region_id": ["a", "b", "all"], "reach": 1.0, "reason": ""} | said)
    mean = np.array([[4.0, 0.25], [0.25, 4.0]])
    found = plan_orders(mean, errors_in(reach), ["a", "b"], soon=mean / 2)
    assert found.order[:, 0].tolist() == [5.0, 1.0], "each cell stands alone: 4 + √4.5 / 2, and ¼ + √¾ / 2"
    assert found.reason.tolist() == [[None, "too few calibration rows"]] * 2
    counted = plan_orders(mean, errors_in(reach.assign(two_week_rows=[90, 2, 90])), ["a", "b"])
    assert counted.reason[0, 1] == "2 calibration rows, 3 needed"


def test_one_row_more_is_enough(tmp_path: Path) -> None:
    bundle = promoted(shop(16, 3), tmp_path, ASKED)
    assert (
        np.isfinite(bundle.width([0.0, 50.0])).all()
        and (bundle.reach["reason"] == "").all()
        and bundle.unknown(0) == ""
    )


def sent(client: TestClient, path: str, body: Any = None) -> Any:
    """The answer, in which no NaN and no infinity was sent."""
    answer = client.get(path) if body is None else client.post(path, json=body)
    assert answer.status_code in (200, 409), (path, answer.text)
    return json.loads(answer.text, parse_constant=no_constant)


def line(key: str, day: str) -> dict[str, Any]:
    return {
        "event_key": key,
        "product_id": "p0",
        "region_id": "all",
        "ordered_at": day,
        "quantity": 3,
        "unit_price": 2.0,
    }


def test_an_end_that_is_not_known_is_null_with_a_reason(few: Path, client: TestClient) -> None:
    for day in (22, 25):
        client.post("/events", json=line(f"a{day}", f"2024-04-{day}"))
        answer = sent(client, "/forecast/p0/all?history=9")
        assert answer["interval"] == "unknown: 8 calibration rows, 9 needed"
        for week in answer["weeks"]:
            assert week["low"] is None and week["high"] is None and week["forecast"] >= 0
    orders = sent(client, "/replenish")["rows"]
    assert orders[0]["order"] is None and orders[0]["reason"] == "unknown: 2 calibration rows, 3 needed"
    bold = sent(client, "/replenish?ratio=1")["rows"]  # half: two rows are enough
    assert bold[0]["order"] >= 0 and "reason" not in bold[0]
    client.post("/events", json=line("next week", "2024-04-30"))
    drift = sent(client, "/drift")
    light = drift["lights"][2]
    assert light["value"] is None and not light["alarm"] and drift["light"] != "green"
    assert light["says"] == "the intervals' ends are not known: 8 calibration rows, 9 needed"
    assert drift["weeks"][0]["coverage"] is None and drift["weeks"][0]["units"] == 6
    for path in ("/overview", "/catalogue", "/versions", "/ready", "/openapi.json"):
        sent(client, path)
    sent(client, "/whatif", {"product_id": "p0", "price": 3.0})
    text = client.get("/metrics").text
    assert 'ecomlib_drift{light="coverage"}' not in text and "NaN" not in text and "Inf" not in text.replace("+Inf", "")


def test_every_route_answers_and_what_is_json_can_be_read(client: TestClient) -> None:
    """Whatever routes there are, with a version whose intervals have no ends."""
    client.post("/events", json=line("first", "2024-04-22"))
    asked = []
    for route in client.app.routes:  # type: ignore[attr-defined]
        path = re.sub(r"{product_id(:\w+)?}", "p0", re.sub(r"{region_id(:\w+)?}", "all", route.path))
        for method in getattr(route, "methods", None) or ():
            answer = client.request(method, path, json={} if method in ("POST", "PUT") else None)
            assert answer.status_code < 500, (method, path, answer.text)
            if "json" in answer.headers.get("content-type", "") and answer.text:
                json.loads(answer.text, parse_constant=no_constant)
            asked.append(f"{method} {path}")
    assert {"GET /forecast/p0/all", "GET /replenish", "GET /overview", "POST /whatif", "GET /metrics"} <= set(asked)


def test_the_batch_says_so_too(few: Path, tmp_path: Path) -> None:
    frame = retrain.forecast_catalogue(few, database=f"sqlite:///{tmp_path / 'events.db'}")
    assert frame[["low", "high"]].isna().all(axis=None) and np.isfinite(frame["forecast"]).all()
    assert set(frame["interval"]) == {"unknown: 8 calibration rows, 9 needed"}


@pytest.mark.parametrize(("weeks", "products", "idle"), [(16, 3, 1), (20, 2, 0)])
def test_small_shops_send_numbers_or_null(weeks: int, products: int, idle: int, tmp_path: Path) -> None:
    """With a product that never sold, through three weeks of which one is closed."""
    promoted(shop(weeks, products, (weeks - 1,), idle=idle, stock=True), tmp_path)
    with TestClient(create_app(tmp_path)) as client:
        start = FIRST + pd.Timedelta(weeks=weeks)
        for day in (0, 1, 14, 15, 16):
            client.post("/events", json=line(f"d{day}", f"{start + pd.Timedelta(days=day):%Y-%m-%dT%H:%M:%S}"))
            for product in range(products):
                sent(client, f"/forecast/p{product}/all?history=30")
            for path in ("/overview", "/drift", "/replenish?ratio=50", "/versions", "/catalogue"):
                sent(client, path)


def test_nothing_sold_has_no_wape_and_no_winner(few: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The weeks that choose were closed: WAPE is not a number, so it is null in the card, and nobody is better."""
    bundle = promoted(shop(24, 2, tuple(range(12, 24)), stock=True), tmp_path, replace(FAST, quick=True))
    card = json.loads((tmp_path / "registry/versions/0001/card.json").read_text(), parse_constant=no_constant)
    assert card["notes"]["wape"] == {"model": None, "naive": None}
    assert {row["wape"] for row in card["notes"]["candidates"]} == {None} and card["notes"]["model"] == "window_mean"
    assert card["notes"]["reason"] == "nothing was sold in the weeks that were to choose: the mean of 8 weeks serves"
    with closing(EventLog(f"sqlite:///{tmp_path / 'none.db'}")) as log:
        found = retrain.decide(bundle, bundle, log, alarm=True)
    assert not found.promote and found.verdict is None and "cannot be compared" in found.why
    versions(tmp_path)
    assert "mean of 8 weeks, WAPE undefined (mean of 8 undefined)" in capsys.readouterr().out


def test_a_version_whose_numbers_are_not_finite_is_not_written(tmp_path: Path) -> None:
    def put(folder: Path) -> dict[str, float]:
        (folder / "x").write_text("x")
        return {"wape": float("nan")}

    with pytest.raises(ValueError, match="not JSON compliant"):
        registry(tmp_path).publish(put)
    assert registry(tmp_path).versions() == []


def test_too_short_is_still_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="too few to train on"):
        train(shop(9, 2), tmp_path, FAST)


def test_net_units_are_learned_and_said(tmp_path: Path) -> None:
    """Each Sunday's seven units come back: of 28 a week 21 are kept; the card, the settings and the answer say so."""
    whole = shop(16, 2)
    back = whole.with_parts(orders=whole.orders.assign(returned=whole.orders["ordered_at"].dt.dayofweek == 6))
    gross, net = (train(back, tmp_path / word, replace(ASKED, returns=word)) for word in ("gross", "net"))
    assert (gross.books.units == 28).all() and (net.books.units == 21).all() and gross.books.units.shape == (2, 16)
    assert net.version.card["notes"]["units"] == net.version.card["notes"]["plan"]["returns"] == "net"
    registry(tmp_path / "net").promote(1, "the first")
    assert open_bundle(tmp_path / "net").settings["units"] == "net"
    assert open_bundle(tmp_path / "net").settings["rhythm"][-1] > 0.99
    with TestClient(create_app(tmp_path / "net")) as client:
        assert client.get("/overview").json()["units"] == "net"
        assert client.get("/forecast/p0/all").json()["weeks"][0]["forecast"] == 21
    with pytest.raises(DataError, match="nothing is known of returns"):
        train(whole, tmp_path / "none", replace(ASKED, returns="net"))


def test_training_says_the_rhythm_and_what_was_held_back(tmp_path: Path) -> None:
    """A week without orders and a mark at noon are noted; a version that does not know the last weeks says so."""
    said: list[str] = []
    train(shop(16, 2, closed=(9,)), tmp_path / "held", replace(ASKED, hold_out=2), say=said.append)
    assert said[0].startswith("2 products, 14 full weeks up to 2024-04-08")
    assert any(line.startswith("note: Weeks without any order: 1 week from 2024-03-04") for line in said)
    assert said[-1].startswith("2 full weeks were held back, and its forecasts begin before them: replay them")
    said.clear()
    train(shop(16, 2), tmp_path / "all", ASKED, say=said.append)
    assert not any("held back" in line or "without any order" in line for line in said)


def test_one_order_day_a_week_with_dates_alone_is_not_doubled(tmp_path: Path) -> None:
    """Ten units each Monday at midnight: before Monday's order ten are to come, after it ten have come, and no more."""
    days = FIRST + pd.to_timedelta(7 * np.arange(20), unit="D")
    lines = pd.DataFrame({"order_id": [f"o{k}" for k in range(20)], "product_id": "p0", "ordered_at": days})
    listed = pd.DataFrame({"product_id": ["p0"], "title": ["p0"]})
    mondays = Store("mondays", listed, lines.assign(quantity=10, unit_price=2.5))
    made = train(mondays, tmp_path, replace(ASKED, hold_out=2))
    assert (made.books.units == 10).all() and made.books.units.shape == (1, 18)
    registry(tmp_path).promote(1, "the first")
    event = {"event_key": "o18#0", "product_id": "p0", "region_id": "all", "ordered_at": str(days[18].isoformat())}
    with TestClient(create_app(tmp_path)) as client:
        first = client.get("/forecast/p0/all").json()["weeks"][0]
        assert (first["week"], first["sold"], first["forecast"]) == (str(days[18].date()), 0, 10)
        told = client.post("/events", json={"events": [event | {"kind": "order", "quantity": 10, "unit_price": 2.5}]})
        assert told.status_code == 200 and client.get("/overview").json()["elapsed"] > 0.99
        first = client.get("/forecast/p0/all").json()["weeks"][0]
        assert first["sold"] == 10 and first["forecast"] == pytest.approx(10, abs=0.1)
