"""Sales plan and price advice of the service: what ``ecomlib decide`` says of the same books, by one function."""

from __future__ import annotations

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

from ecomlib.decisions.inventory import need_ahead, plan_orders
from ecomlib.decisions.price_advice import PriceRules, advise_prices
from ecomlib.decisions.registry import Decision, Options, decide
from ecomlib.ensemble.sums import sum_intervals
from ecomlib.serving.live import plan as plans
from ecomlib.serving.live import price as prices
from ecomlib.serving.live.event_log import Event
from ecomlib.serving.live.live_state import State
from ecomlib.serving.live.replenish import plan as order_plan
from ecomlib.serving.live.requests import Problem
from ecomlib.serving.live.routes import add_views
from ecomlib.serving.release.bundle import open_bundle, read, registry
from ecomlib.serving.release.inputs import monday
from ecomlib.serving.release.train import ReleaseSettings, train
from ecomlib.stores import load_store

if TYPE_CHECKING:
    from pathlib import Path

    from ecomlib.serving.live.event_log import EventLog
    from ecomlib.serving.release.bundle import Bundle

MODEL = "exponential_smoothing"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A version of the tiny store on all its weeks, by a forecaster that the command can fit as well."""
    place = tmp_path_factory.mktemp("home")
    made = train(load_store("tiny"), place, ReleaseSettings(text=False, model=MODEL), source={"store": "tiny"})
    registry(place).promote(made.version.number, "a test")
    return place


@pytest.fixture(scope="module")
def whole(home: Path) -> Bundle:
    return open_bundle(home)


@pytest.fixture
def state(whole: Bundle, log: EventLog) -> State:
    made = State(whole, log)
    made.refresh()
    return made


def decided(name: str, **more: Any) -> Decision:
    return decide(name, load_store("tiny"), Options(model=None if name == "plan" else MODEL, more=more))


def ask(answer: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(answer["rows"])


def test_the_quarter_is_the_commands(state: State) -> None:
    answer = plans.sales_plan(state, plans.PlanIn(span="quarter", limit=5000))
    made = decided("plan")
    rows = made.table[made.table["level"].isin(["total", "category", "region"])].reset_index(drop=True)
    columns = ["level", "node", "span", "from", "weeks", "mean", "low", "high"]
    pd.testing.assert_frame_equal(ask(answer)[columns], rows[columns], check_dtype=False)
    assert made.line in answer["how"] and answer["coverage"] == made.how["interval"]


def test_prices_are_the_commands(state: State) -> None:
    answer = prices.price_advice(state, prices.PriceIn(limit=5000))
    made = decided("price", text=False)
    pd.testing.assert_frame_equal(ask(answer), made.table)
    assert answer["totals"]["changes"] == made.how["changes"] > 0
    totals = [answer["totals"][name] for name in ("gain", "gain_low", "gain_high")]
    assert totals == made.how["gain_a_week"] and answer["method"] == made.how["effects"]


def test_orders_expect_what_the_commands_do(state: State) -> None:
    """The command tries the forecaster on more origins, so that its quantiles differ; the need does not."""
    plan, made = order_plan(state), decided("stock").table
    ours = {(p, r): plan.expected[i, j] for i, (p, _) in enumerate(plan.products) for j, r in enumerate(plan.regions)}
    keys = zip(made["product_id"], made["region_id"], strict=True)
    assert [round(ours[key], 2) for key in keys] == made["expected"].tolist() and len(made) > 20
    b = state.bundle
    need = need_ahead(state.expected, 2)[:, None] * b.shares
    soon = need_ahead(state.expected, 1)[:, None] * b.shares
    by_hand = plan_orders(need, b.order_errors, list(b.regions["region_id"]), soon=soon, stock=np.maximum(b.stock, 0))
    assert (by_hand.order == plan.found.order).all() and (by_hand.urgency == plan.found.urgency).all()


def test_sums_of_the_weeks_ahead_add_up(state: State) -> None:
    b = state.bundle
    rows = ask(plans.sales_plan(state, plans.PlanIn(limit=5000)))
    of = rows[rows["span"] == "whole"].groupby("level")["mean"].sum()
    assert of["category"] == pytest.approx(of["total"], abs=0.1) == of["region"]
    total = rows[rows["level"] == "total"]
    assert total["mean"].iloc[0] == pytest.approx(state.expected.sum(), abs=0.01)
    weekly = total[total["span"] == "week"]["mean"].to_numpy()
    assert weekly == pytest.approx(state.expected.sum(axis=0), abs=0.01)
    frame = pd.DataFrame({"level": ["total"], "node": ["all"], "first": [1], "last": [4], "mean": state.expected.sum()})
    ends = sum_intervals(b.sums, frame, plans.INTERVAL).iloc[0]
    assert total.iloc[0][["low", "high"]].tolist() == pytest.approx([ends["low"], ends["high"]], abs=0.006)
    assert (rows["low"] <= rows["mean"]).all() and (rows["mean"] <= rows["high"]).all()


def test_what_is_sold_counts_and_narrows(state: State, log: EventLog) -> None:
    """Orders of the running week join plan and forecast; what is left of the week is all that is doubted."""
    b, first = state.bundle, monday(state.origin + 1)
    product, region = b.books.products[0], str(b.regions["region_id"].iloc[0])
    before = ask(plans.sales_plan(state, plans.PlanIn(limit=5000)))
    moment = (first + pd.Timedelta(days=4)).to_pydatetime()
    state.apply([Event("k1", product, region, moment, 9, 4.0)])
    after = ask(plans.sales_plan(state, plans.PlanIn(limit=5000)))
    where = (after["level"] == "total") & (after["span"] == "week")
    now, then = before[where].iloc[0], after[where].iloc[0]
    assert 0 < state.left < 1 and then["sold"] == 9
    assert then["mean"] == pytest.approx(9 + state.left * now["mean"], abs=0.02)
    assert then["high"] - then["mean"] == pytest.approx((now["high"] - now["mean"]) * state.left**0.5, abs=0.02)
    quarter = ask(plans.sales_plan(state, plans.PlanIn(span="quarter", limit=5000)))
    kind, sold = b.books.category[0], quarter["sold"]
    of = quarter[(quarter["from"] == f"{first:%Y-%m-%d}") & (sold == 9)]
    assert set(of["node"]) == {"all", kind, region} and set(of["span"]) == {"whole", "month", "week"}
    assert sold[quarter["from"] > f"{first:%Y-%m-%d}"].isna().all()


def test_an_older_version_says_what_it_lacks(state: State, whole: Bundle) -> None:
    state.bundle = replace(whole, sales_plan=None, sums=None)
    answer = plans.sales_plan(state, plans.PlanIn(level="total"))
    assert answer["interval"].startswith("unknown: ") and ask(answer)["low"].isna().all()
    with pytest.raises(Problem) as refused:
        plans.sales_plan(state, plans.PlanIn(span="quarter"))
    assert refused.value.status_code == 409 and "train again" in str(refused.value.detail)
    state.bundle = replace(whole, sales_plan=whole.sales_plan.iloc[:0], settings={**whole.settings, "sales_plan": "no"})
    with pytest.raises(Problem) as none:
        plans.sales_plan(state, plans.PlanIn(span="quarter"))
    assert "no" in str(none.value.detail)


def test_a_version_without_the_later_tables_opens(home: Path, tmp_path: Path) -> None:
    import shutil

    version = registry(home).open()
    old = tmp_path / "0001"
    shutil.copytree(version.path, old)
    for name in ("sales_plan", "sums"):
        (old / f"{name}.parquet").unlink()
    made = read(replace(version, path=old))
    assert made.sales_plan is None and made.sums is None


def test_prices_are_the_pure_functions(state: State) -> None:
    rows = prices.products_of(state)
    rows = rows[~(rows["promoted"] > 0)]
    advice = advise_prices(rows, state.bundle.effects, PriceRules(most_changes=3)).set_index("product_id")
    answer = prices.price_advice(state, prices.PriceIn(changes=3, limit=5000))
    made = ask(answer).set_index("product_id")
    assert answer["totals"]["changes"] == 3 == (made["price"] != made["price_now"]).sum()
    assert (made["price"] != made["price_now"]).iloc[:3].all(), "changes come first"
    for name in ("price", "gain", "gain_low", "gain_high"):
        assert made[name].to_numpy() == pytest.approx(advice[name].reindex(made.index).to_numpy(), abs=0.006)
    assert (made["price"] >= made["price_low"] - 0.006).all() and (made["price"] <= made["price_high"] + 0.006).all()


@pytest.mark.parametrize(
    ("lacks", "says"),
    [
        ("effects", "not estimated"),
        ("plan", "prices"),
        ("belief", "too few"),
        ("cost", "objective=revenue"),
    ],
)
def test_what_a_shop_cannot_give_is_said(state: State, whole: Bundle, lacks: str, says: str) -> None:
    b = {
        "effects": replace(
            whole, effects=whole.effects.iloc[:0], settings={**whole.settings, "effects": "not estimated"}
        ),
        "plan": replace(
            whole, books=replace(whole.books, plan={}), settings={**whole.settings, "effects": "no prices known"}
        ),
        "belief": replace(whole, effects=whole.effects.assign(elasticity=0.4)),
        "cost": replace(whole, products=whole.products.assign(cost=np.nan)),
    }[lacks]
    state.bundle = b
    with pytest.raises(Problem) as refused:
        prices.price_advice(state, prices.PriceIn())
    told = str(refused.value.detail)
    assert refused.value.status_code == 409 and (says in told or (lacks == "belief" and "orders enough" in told))
    if lacks == "cost":
        answer = prices.price_advice(state, prices.PriceIn(objective="revenue"))
        assert {"revenue_now", "revenue"} <= set(ask(answer)) and "profit" not in ask(answer)


@pytest.fixture
def client(state: State) -> Iterator[TestClient]:
    async def present() -> State:
        return state

    app = FastAPI()
    service = SimpleNamespace(state=state, present=present, serial=1, trouble="")
    add_views(app, service)  # type: ignore[arg-type]
    with TestClient(app) as made:
        yield made


def test_both_routes_answer_in_pages_and_within_bounds(client: TestClient, state: State) -> None:
    for path in ("/plan?span=served", "/plan?span=quarter", "/price"):
        more = "&" if "?" in path else "?"
        every = client.get(f"{path}{more}limit=5000").json()
        pages = [
            client.get(f"{path}{more}limit=50&offset={k}").json()["rows"] for k in range(0, every["totals"]["of"], 50)
        ]
        assert [row for page in pages for row in page] == every["rows"] and every["totals"]["of"] == len(every["rows"])
        assert (
            client.get(f"{path}{more}limit=0").status_code == client.get(f"{path}{more}limit=5001").status_code == 422
        )
    assert {row["level"] for row in client.get("/plan?level=region").json()["rows"]} == {"region"}
    for wrong in (
        "/plan?span=year",
        "/plan?level=shop",
        "/price?changes=-1",
        "/price?objective=fame",
        "/price?offset=-1",
    ):
        assert client.get(wrong).status_code == 422, wrong
    described = client.get("/openapi.json").json()["paths"]
    assert {"/plan", "/price"} <= set(described)
    named = {p["name"]: p for p in described["/plan"]["get"]["parameters"]}
    assert "13 weeks" in str(named["span"]) and "409" in described["/price"]["get"]["responses"]


def test_the_recorded_home_of_an_older_release_answers(tmp_path: Path) -> None:
    """It was made before there were plans: the weeks ahead are summed, and why nothing is known of the ends is said."""
    import golden_home

    from ecomlib.serving.live.retrain import state_of

    home = golden_home.unpack(tmp_path / "home")
    old = state_of(open_bundle(home), home, None)
    answer = plans.sales_plan(old, plans.PlanIn(limit=5000))
    assert "train again" in answer["interval"] and ask(answer)["mean"].gt(0).any()
    try:
        assert len(prices.price_advice(old, prices.PriceIn())["rows"]) > 0
    except Problem as refused:
        assert refused.status_code == 409
