"""Forecasts of any identifier, and what the control room reads: right numbers, and no reader keeps another waiting."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
import pytest

pytest.importorskip("fastapi")
pytest.importorskip("httpx")
from fastapi import FastAPI
from fastapi.testclient import TestClient

from ecomlib.serving.live import views as module
from ecomlib.serving.live.forecast_route import add_forecast, split
from ecomlib.serving.live.live_state import State
from ecomlib.serving.live.replenish import plan
from ecomlib.serving.live.requests import Problem
from ecomlib.serving.live.routes import add_views

if TYPE_CHECKING:
    from ecomlib.serving.live.event_log import EventLog
    from ecomlib.serving.release.bundle import Bundle

NAMES = [
    "TEE/RED/M",
    "a",
    "a/b",
    "..",
    ".",
    "50% off #1?",
    "a b&c=d",
    '"quoted"',
    "杯子-01",
    "/",
    "x/",
    "+",
    "100%",
    ";",
]
PLACES = ["N/E", "b/c", "c", "..", "%", "Süd West", "all?", "#1"]


def renamed(bundle: Bundle, names: list[str], places: list[str]) -> Bundle:
    """The trained version, its first products and regions under other names."""
    products, regions = bundle.products.copy(), bundle.regions.copy()
    products["product_id"] = [*names, *products["product_id"].iloc[len(names) :]]
    regions["region_id"] = [*places, *regions["region_id"].iloc[len(places) :]]
    books = replace(bundle.books, products=tuple(products["product_id"]))
    return replace(bundle, products=products, regions=regions, books=books)


@pytest.fixture
def state(bundle: Bundle, log: EventLog) -> State:
    made = State(renamed(bundle, NAMES, PLACES), log)
    made.refresh()
    return made


@pytest.fixture
def client(state: State) -> Iterator[TestClient]:
    async def present() -> State:
        return state

    async def lights() -> dict[str, Any]:
        return {"light": "green", "says": "fine", "lights": []}

    app = FastAPI()
    service = SimpleNamespace(state=state, present=present, lights=lights, serial=1, trouble="")
    add_forecast(app, service)  # type: ignore[arg-type]
    add_views(app, service)  # type: ignore[arg-type]
    with TestClient(app) as made:
        yield made


@pytest.mark.parametrize("product", NAMES)
def test_any_identifier_has_its_forecast(client: TestClient, state: State, product: str) -> None:
    for region in ("all", *PLACES, "R09"):
        right = state.answer(product, region)
        assert right is not None and right["product_id"] == product and right["region_id"] == region
        asked = client.get("/forecast", params={"product_id": product, "region_id": region})
        assert (asked.status_code, asked.json()) == (200, right)
        if {product, region} & {"..", "."}:
            continue  # the client itself folds them in a path
        by_path = client.get(f"/forecast/{quote(product, safe='')}/{quote(region, safe='')}")
        assert (by_path.status_code, by_path.json()) == (200, right)
    whole = client.get("/forecast", params={"product_id": product, "history": 3}).json()
    assert whole["region_id"] == "all" and len(whole["history"]) == 3


def test_a_path_whose_slashes_were_decoded_is_read_by_the_catalogue(client: TestClient, state: State) -> None:
    assert client.get("/forecast/TEE/RED/M/all").json() == state.answer("TEE/RED/M", "all")
    assert client.get("/forecast/TEE/RED/M/N/E").json() == state.answer("TEE/RED/M", "N/E")
    assert client.get("/forecast/x//c").json() == state.answer("x/", "c")
    with pytest.raises(Problem) as two:
        split(state, "a/b/c")  # a in b/c, or a/b in c
    assert two.value.status_code == 409 and "product_id=" in two.value.detail[0]["msg"]  # type: ignore[index]
    assert split(state, "a/b/c", b"/forecast/a/b%2Fc") == ("a", "b/c")
    assert split(state, "a/b/c", b"/shop/forecast/a%2Fb/c") == ("a/b", "c")


@pytest.mark.parametrize(
    ("path", "status", "place"),
    [
        ("/forecast/TEE/RED/XXL/all", 404, ["path", "product_id"]),
        ("/forecast/TEE/RED/M/nowhere", 404, ["path", "region_id"]),
        ("/forecast/x//nowhere/", 404, ["path", "region_id"]),
        ("/forecast?product_id=TEE", 404, ["query", "product_id"]),
        ("/forecast?product_id=a&region_id=", 404, ["query", "region_id"]),
        ("/forecast", 422, ["query", "product_id"]),
        ("/forecast?product_id=", 422, ["query", "product_id"]),
        ("/forecast?product_id=a&history=105", 422, ["query", "history"]),
    ],
)
def test_what_has_no_forecast_is_named(client: TestClient, path: str, status: int, place: list[str]) -> None:
    answer = client.get(path)
    assert answer.status_code == status and answer.json()["detail"][0]["loc"] == place


def test_the_order_list_says_how_much_it_leaves_out(client: TestClient, state: State) -> None:
    first = client.get("/replenish?limit=7").json()
    every = client.get("/replenish?limit=5000").json()
    size = len(state.bundle.products) * len(state.bundle.regions)
    counts = {name: sum(row["alert"] == name for row in every["rows"]) for name in ("out", "low")}
    totals = {
        **counts,
        "order_units": sum(row["order"] for row in every["rows"]),
        "order_rows": sum(row["order"] > 0 for row in every["rows"]),
        "arriving_units": sum(row["arriving"] for row in every["rows"]),
    }
    assert first["totals"] == totals | {"rows": 7, "of": size}
    assert every["totals"] == totals | {"rows": size, "of": size} and totals["order_units"] > 0
    pages = [client.get(f"/replenish?limit=200&offset={start}").json()["rows"] for start in range(0, size, 200)]
    assert [row for page in pages for row in page] == every["rows"] and first["rows"] == every["rows"][:7]
    assert first["expected"] == {"weeks": 2, "from": "2025-06-02", "until": "2025-06-16"}
    assert client.get("/replenish?limit=5001").status_code == 422
    assert client.get("/replenish?by=shop").status_code == 422


def test_a_row_a_product_holds_its_regions(client: TestClient, state: State) -> None:
    """An empty shelf in one region, of a product that sells there: that product comes first, and nothing is lost."""
    b = state.bundle
    stock = np.full(state.size, 1e6)
    row = int(state.expected[:, 0].argmax())
    column = int(b.shares[row].argmax())
    stock[row, column] = 0
    state.bundle = replace(b, stock=stock)
    answer = client.get("/replenish?by=product&ratio=3").json()
    assert answer["totals"]["of"] == 1 and len(answer["rows"]) == 1 and answer["totals"]["out"] == 1
    found = answer["rows"][0]
    place = found["regions"][0]
    assert (found["product_id"], found["alert"], found["out"], found["low"]) == (b.books.products[row], "out", 1, 0)
    assert [p["region_id"] for p in found["regions"]] == [b.regions["region_id"].iat[column]]
    assert found["order"] == place["order"] == answer["totals"]["order_units"] > 0
    assert found["on_hand"] == 1e6 * (state.size[1] - 1) and place["on_hand"] == 0
    assert found["expected"] == pytest.approx(plan(state).expected[row].sum(), abs=0.01)


def test_without_a_stock_the_list_is_what_to_order(client: TestClient, state: State) -> None:
    state.bundle = replace(state.bundle, stock=None)
    answer = client.get("/replenish?by=product&limit=5000").json()
    assert {row["alert"] for row in answer["rows"]} == {None} and {row["on_hand"] for row in answer["rows"]} == {None}
    assert sum(row["order"] for row in answer["rows"]) == answer["totals"]["order_units"] > 0
    assert answer["totals"]["out"] == answer["totals"]["low"] == 0
    overview = client.get("/overview").json()
    assert overview["can"]["stock"] is False and overview["orders"]["totals"]["of"] == answer["totals"]["of"]


def test_the_overview_says_what_the_shop_can_do(client: TestClient, state: State, bundle: Bundle) -> None:
    overview = client.get("/overview").json()
    can = {"whatif": True, "price": True, "quarter": True, "stock": True, "regions": True}
    assert overview["can"] == can and overview["currency"] is None
    assert {row["whatif"] for row in client.get("/catalogue").json()["products"]} == {True}
    poor = replace(
        bundle,
        settings={**bundle.settings, "currency": "EUR"},
        effects=bundle.effects.iloc[:0],
        regions=bundle.regions.iloc[:1],
        stock=None,
    )
    none = dict.fromkeys(("whatif", "price", "quarter", "stock", "regions"), False)
    assert module.abilities(replace(poor, sales_plan=None)) == none
    assert module.currency(poor) == "EUR"
    state.bundle = replace(state.bundle, effects=bundle.effects.iloc[:1])
    answers = {row["category"]: row["whatif"] for row in module.catalogue(state)["products"]}
    assert [category for category, can in answers.items() if can] == [bundle.effects["category"].iat[0]]


def test_one_reader_keeps_no_other_waiting(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a long list is being made the loop goes on; those who ask the same get the same, made once."""
    made, go = [], threading.Event()

    def slow(state: State, *asked: Any) -> Any:
        made.append(asked)
        assert go.wait(10)
        return plan(state, *asked)

    async def present() -> State:
        return state

    async def ask() -> tuple[list[bytes], int]:
        service = SimpleNamespace(state=state, present=present, serial=1)
        views = module.Views(service)  # type: ignore[arg-type]

        def rows(state: State, number: int) -> dict[str, Any]:
            return module.order_list(views, state, module.OrdersIn())

        readers = [asyncio.create_task(views.of(module.OrdersIn(), rows)) for _ in range(3)]
        beats = 0
        while not made:
            await asyncio.sleep(0.001)
        for _ in range(20):  # the loop turns while all three wait
            await asyncio.sleep(0.001)
            beats += not any(reader.done() for reader in readers)
        go.set()
        answers = list(await asyncio.gather(*readers))
        service.serial = 2  # an event came in: what was kept is old
        answers.append(await views.of(module.OrdersIn(), rows))
        return answers, beats

    monkeypatch.setattr(module, "plan", slow)
    answers, beats = asyncio.run(ask())
    assert beats == 20 and len(set(answers)) == 1 and len(made) == 2
