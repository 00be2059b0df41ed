"""Lists, risk board and offers of the service: what ``ecomlib decide`` says of the same tables, to the digit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("fastapi")
pytest.importorskip("httpx")
from fastapi import FastAPI
from fastapi.testclient import TestClient

from ecomlib.decisions.registry import Decision, Options, decide
from ecomlib.errors import DataError
from ecomlib.serving.live import customers as answers
from ecomlib.serving.live.configuration import ServeSettings
from ecomlib.serving.live.customer_routes import PRIVATE, add_customers, private
from ecomlib.serving.live.decided import decided
from ecomlib.serving.live.live_state import State
from ecomlib.serving.live.requests import Problem
from ecomlib.serving.release.bundle import open_bundle, registry
from ecomlib.serving.release.customers import LEFT_OUT, customers_of
from ecomlib.serving.release.snapshot import last_full_week
from ecomlib.serving.release.train import ReleaseSettings, train
from ecomlib.stores import load_store

if TYPE_CHECKING:
    from pathlib import Path

    from ecomlib.serving.live.event_log import EventLog
    from ecomlib.serving.release.bundle import Bundle
    from ecomlib.stores import Store

SAID = {"margin": 20.0, "cost": 1.5, "lift": 0.5}


def silent(text: str) -> None:
    """Say nothing."""


@pytest.fixture(scope="module")
def store() -> Store:
    return load_store("tiny").observed()


@pytest.fixture(scope="module")
def home(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A version of the tiny store on all its weeks."""
    place = tmp_path_factory.mktemp("home")
    how = ReleaseSettings(effects=False, model="window_mean", customers=True)
    made = train(store, place, how, source={"store": "tiny"})
    registry(place).promote(made.version.number, "a test")
    return place


@pytest.fixture(scope="module")
def whole(home: Path) -> Bundle:
    return open_bundle(home)


@pytest.fixture
def state(whole: Bundle, log: EventLog) -> State:
    return State(whole, log)


@pytest.fixture(scope="module")
def made(store: Store) -> dict[str, Decision]:
    return {name: decide(name, store, Options()) for name in ("recommend", "retain", "offers")}


@pytest.fixture
def client(state: State) -> Iterator[TestClient]:
    async def present() -> State:
        return state

    app = FastAPI()
    app.state.settings = SimpleNamespace(
        state=state, present=present, serial=1, trouble="", settings=ServeSettings(host="127.0.0.1")
    )
    add_customers(app, app.state.settings)
    with TestClient(app) as found:
        yield found


def asked(client: TestClient, path: str, **query: Any) -> dict[str, Any]:
    answer = client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def same(rows: list[dict[str, Any]], table: pd.DataFrame) -> None:
    """An answer's rows are a table's, value by value."""
    pd.testing.assert_frame_equal(
        pd.DataFrame(rows)[list(table)], table.reset_index(drop=True), check_dtype=False, check_exact=True
    )


def test_lists_are_the_commands(client: TestClient, made: dict[str, Decision]) -> None:
    table = made["recommend"].table
    for customer in table["customer_id"].unique()[[0, 1, 100, -1]]:
        answer = asked(client, "/recommend", customer_id=customer)
        same(answer["rows"], table[table["customer_id"] == customer].drop(columns="customer_id"))
    assert answer["known"] and answer["how"] == made["recommend"].line and answer["known_until"] == "2025-06-29"
    assert answer["methods"] == made["recommend"].how["methods"] and len(answer["tried"]) == 2
    again = asked(client, "/recommend", customer_id=customer, page="again", places=1)["rows"]
    assert [(row["page"], row["place"]) for row in again] == [("again", 1)]
    assert again[0]["because"].startswith("bought ")


def test_somebody_new_is_told_from_somebody_unknown(client: TestClient) -> None:
    new, unknown = asked(client, "/recommend"), asked(client, "/recommend", customer_id="<b>nobody</b>")
    assert new["rows"] == unknown["rows"] and len(new["rows"]) == 10
    assert not new["known"] and not unknown["known"]
    assert new["says"].startswith("Somebody new") and unknown["says"].startswith("Nobody who bought in the year")


def test_the_board_is_the_commands(client: TestClient, made: dict[str, Decision]) -> None:
    table, how = made["retain"].table, made["retain"].how
    pages = [asked(client, "/retain", limit=200, offset=at)["rows"] for at in (0, 200)]
    same([row for page in pages for row in page], table)
    answer = asked(client, "/retain", by="stake", limit=5)
    same(answer["rows"], table.sort_values(["at_stake", "customer_id"], ascending=[False, True]).head(5))
    assert {name: answer["totals"][name] for name in ("customers", "silent", "at_stake", "margin")} == {
        name: how[name] for name in ("customers", "silent", "at_stake", "margin")
    }
    assert answer["letters"]["write"] == how["letters"]["write"] == 0, "these past letters would not have paid"
    assert answer["letters"]["says"] == made["retain"].warnings[0]
    assert asked(client, "/retain", letters=True)["rows"] == []
    one = asked(client, "/retain", customer_id=table["customer_id"][7])
    same(one["rows"], table.iloc[[7]])
    assert client.get("/retain?customer_id=nobody").status_code == 404


def test_letters_that_pay_are_listed(client: TestClient, state: State, whole: Bundle) -> None:
    board = whole.board.assign(write=np.arange(len(whole.board)) < 3)
    about = json.loads(json.dumps(whole.settings["customers"]))
    about["retain"]["how"]["letters"]["write"] = 3
    state.bundle = replace(whole, board=board, settings={**whole.settings, "customers": about})
    answer = asked(client, "/retain", letters=True)
    assert len(answer["rows"]) == answer["totals"]["of"] == 3 and answer["letters"]["says"].startswith("Write to 3 ")


@pytest.mark.parametrize("said", [{}, SAID, {"lift": 0.0}])
def test_offers_are_the_commands_at_any_money(client: TestClient, store: Store, said: dict[str, float]) -> None:
    found = decide("offers", store, Options(more=said))
    answer = asked(client, "/offers", limit=5000, **said)
    table = found.table.assign(started_at=found.table["started_at"].dt.strftime("%Y-%m-%dT%H:%M:%S"))
    same(answer["rows"], table)
    assert answer["band"] == found.how["band"] and answer["how"] == found.line
    assert answer["warnings"] == list(found.warnings) and answer["said"] == sorted(said)
    assert sum(answer["counts"]) == len(table) and sum(answer["helped"]) == table["help"].sum()
    assert answer["totals"]["gain"] == round(table.loc[table["help"], "gain"].sum(), 2)


def visit_of(row: Any, reads: list[str]) -> dict[str, Any]:
    """What a caller would tell of a visit of the table."""
    values = {name: None if pd.isna(row[name]) else row[name] for name in reads}
    plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in values.items()}
    return {"started_at": f"{row['started_at']:%Y-%m-%dT%H:%M:%S}", "features": plain}


def test_one_visit_is_told_what_the_table_says(client: TestClient, store: Store, made: dict[str, Decision]) -> None:
    reads = asked(client, "/offers")["reads"]
    rows = store.sessions.set_index("session_id")
    for one in made["offers"].table.iloc[[0, 50, 120, -1]].itertuples():
        answer = client.post("/offer", json=visit_of(rows.loc[one.session_id], reads)).json()
        assert answer["chance"] == pytest.approx(one.chance, abs=1e-15)
        assert answer["gain"] == pytest.approx(one.gain, abs=1e-14) and answer["help"] == one.help
        assert answer["says"].startswith("Offer help" if one.help else "Offer none") and answer["unseen"] == []
    body = visit_of(rows.loc[one.session_id], reads) | SAID
    body["features"]["source"] = "a new one"
    answer = client.post("/offer", json=body).json()
    assert answer["unseen"] == ["source"] and answer["money"]["margin"] == 20.0


@pytest.mark.parametrize(
    ("change", "status", "says"),
    [
        ({"features": {}}, 422, "null where one is not known"),
        ({"features": {"pages": "many", "minutes": 1, "searches": 0, "source": "ad", "device": "x"}}, 422, "a number"),
        ({"features": {"pages": 3, "minutes": 1, "searches": 0, "source": 2, "device": "x"}}, 422, "a word"),
        (
            {"features": {"pages": 3, "minutes": 1, "searches": 0, "source": "ad", "device": "x", "age": 3}},
            422,
            "does not read",
        ),
        ({"started_at": "yesterday"}, 422, "started_at"),
        ({"customer_id": "C1"}, 422, "customer_id"),
        ({"cost": -1}, 422, "cost"),
    ],
)
def test_a_visit_that_cannot_be_judged_is_refused(
    client: TestClient, change: dict[str, Any], status: int, says: str
) -> None:
    good = {"pages": 3, "minutes": 1.5, "searches": None, "source": "ad", "device": "phone"}
    body = {"started_at": "2025-06-28T10:00:00", "features": good}
    assert client.post("/offer", json=body).status_code == 200
    answer = client.post("/offer", json=body | change)
    assert answer.status_code == status and says in answer.text


def test_the_command_without_tables_gives_the_same(home: Path, made: dict[str, Decision], store: Store) -> None:
    for name, one in made.items():
        found = decided(name, home)
        pd.testing.assert_frame_equal(found.table, one.table, check_dtype=name != "retain", check_exact=True)
        assert found.line.endswith(one.line) and found.warnings == one.warnings
        json.dumps(dict(found.how), allow_nan=False)
    said = decided("offers", home, Options(more=SAID))
    pd.testing.assert_frame_equal(said.table, decide("offers", store, Options(more=SAID)).table, check_exact=True)
    for name, option in (("retain", "days"), ("recommend", "places"), ("offers", "revenue")):
        with pytest.raises(DataError, match=option):
            decided(name, home, Options(more={option: 30}))


def test_what_a_shop_lacks_is_named_with_the_remedy(store: Store) -> None:
    bare = store.with_parts(
        sessions=None, mailings=None, orders=store.orders.drop(columns="customer_id"), customers=None
    )
    about = customers_of(bare, last_full_week(bare), say=silent).about
    assert "table 'sessions'" in about["offers"]["why"] and "add sessions.csv" in about["offers"]["why"]
    assert all("customer_id" in about[name]["why"] for name in ("recommend", "retain")), about
    few = store.with_parts(mailings=None, products=store.products.drop(columns="unit_cost"))
    made = customers_of(few, last_full_week(few), say=silent)
    assert made.about["retain"]["warnings"][0].startswith("There are no past letters. No letter is advised")
    assert made.about["offers"]["profit"] is None and made.about["offers"]["no_profit"]


def test_nothing_after_the_cutoff_is_read(store: Store) -> None:
    """What a version that held weeks back knows of customers is what the shorter tables give."""
    week = last_full_week(store) - 4
    end = pd.Timestamp("2025-06-02")
    short = store.with_parts(
        orders=store.orders[store.orders["ordered_at"] < end],
        sessions=store.sessions[store.sessions["started_at"] < end],
        mailings=store.mailings[store.mailings["date"] < end],
        inventory=store.inventory[store.inventory["date"] < end],
    )
    one, two = customers_of(store, week, say=silent), customers_of(short, week, say=silent)
    assert one.about["recommend"]["how"]["last_day"] == "2025-06-01" and one.about == two.about
    for name in ("lists", "board", "visits"):
        pd.testing.assert_frame_equal(one.tables[name], two.tables[name])


def test_the_last_week_of_events_makes_nobody_look_gone(store: Store, whole: Bundle) -> None:
    """Events name no customer: a version trained on them later answers of customers what its tables know."""
    late = customers_of(store, last_full_week(store) + 8, say=silent)
    found = json.loads(json.dumps(late.about))
    assert found["retain"]["how"] | {"shop": ""} == whole.settings["customers"]["retain"]["how"] | {"shop": ""}
    pd.testing.assert_frame_equal(late.tables["board"], whole.board)


def test_a_version_without_customers_says_so(client: TestClient, state: State, whole: Bundle) -> None:
    left_out = {name: {"why": LEFT_OUT} for name in ("recommend", "retain", "offers")}
    for customers, says in ((left_out, "ecomlib train --customers"), (None, "train again with this release")):
        settings = {**whole.settings, "customers": customers}
        state.bundle = replace(whole, settings=settings, lists=None, board=None, visits=None)
        for path in ("/recommend", "/retain", "/offers"):
            answer = client.get(path)
            assert answer.status_code == 409 and says in answer.json()["detail"][0]["msg"]
        assert all(says in why for why in asked(client, "/customers")["why"].values())
    with pytest.raises(Problem):
        answers.recommend(state, answers.RecommendIn())


def test_a_margin_that_is_not_known_is_asked_for(client: TestClient, state: State, whole: Bundle) -> None:
    about = json.loads(json.dumps(whole.settings["customers"]))
    about["offers"] |= {"profit": None, "no_profit": "it is not known what an order earns"}
    state.bundle = replace(whole, settings={**whole.settings, "customers": about})
    refused = client.get("/offers")
    assert refused.status_code == 409 and "margin=12.5" in refused.text
    assert asked(client, "/offers", margin=12.5)["money"]["margin"] == 12.5


def test_customers_are_told_on_this_machine_or_with_a_read_key(client: TestClient) -> None:
    answer = client.get("/retain")
    assert "no-store" in answer.headers["cache-control"]
    service: Any = client.app.state.settings  # type: ignore[attr-defined]
    service.settings = ServeSettings(host="0.0.0.0", write_key="k" * 16)
    for path in ("/recommend", "/retain?customer_id=C1", "/offers"):
        assert client.get(path).status_code == 403 and PRIVATE in client.get(path).text
    assert set(asked(client, "/customers")["why"].values()) == {PRIVATE}
    body = {"started_at": "2025-06-28", "features": dict.fromkeys(["pages", "minutes", "searches", "source", "device"])}
    assert client.post("/offer", json=body).status_code == 200, "a visit without a name is nobody's secret"
    assert private(ServeSettings(host="0.0.0.0", read_key="k" * 16)) and private(ServeSettings(host="localhost"))
    assert not private(ServeSettings(host="shop.example"))


def test_routes_answer_within_bounds_and_are_described(client: TestClient) -> None:
    for wrong in (
        "/recommend?places=11",
        "/recommend?page=old",
        "/recommend?customer_id=",
        f"/recommend?customer_id={'x' * 201}",
        "/retain?limit=0",
        "/retain?by=name",
        "/offers?margin=-1",
        "/offers?lift=nan",
        "/offers?limit=5001",
    ):
        assert client.get(wrong).status_code == 422, wrong
    paths = client.get("/openapi.json").json()["paths"]
    assert set(paths) == {"/customers", "/recommend", "/retain", "/offers", "/offer"}
    assert all("409" in paths[path]["get"]["responses"] for path in ("/recommend", "/retain", "/offers"))
    assert "features" in str(paths["/offer"]["post"]["requestBody"])
