"""The live state is a function of version and events: any order, any restart, the same bytes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("fastapi")
from serving_help import START
from serving_help import order_event as order

from ecomlib.serving.live.drift_report import look
from ecomlib.serving.live.event_log import Event, EventLog
from ecomlib.serving.live.live_state import State, week_number
from ecomlib.serving.live.replenish import plan, replenish
from ecomlib.serving.live.requests import WhatIfIn
from ecomlib.serving.live.views import overview
from ecomlib.serving.live.whatif import what_if
from ecomlib.serving.release.bundle import Bundle
from ecomlib.serving.release.frozen import WindowMean
from ecomlib.serving.release.inputs import NEVER, SalesHistory, monday


def everything(state: State) -> list[bytes | None]:
    state.refresh()
    places = [*state.bundle.regions["region_id"], "all"]
    return [state.ready(product, place) for product in state.bundle.books.products for place in places]


def many(count: int, days: float, seed: int = 0) -> list[Event]:
    rng = np.random.default_rng(seed)
    return [
        order(
            f"k{n}",
            float(rng.uniform(-200, 24 * days)),
            int(rng.integers(1, 61)),
            int(rng.integers(1, 10)),
            int(rng.integers(1, 9)),
            "order" if rng.random() < 0.8 else "delivery",
        )
        for n in range(count)
    ]


def test_week_numbers_are_those_of_the_panel(bundle: Bundle) -> None:
    for hours in range(-2000, 2000, 5):
        moment = START + timedelta(hours=hours)
        week = week_number(moment)
        assert monday(week) <= moment < monday(week + 1)


@pytest.mark.parametrize("days", [0.5, 6.9, 30])
def test_a_restart_and_another_order_change_nothing(bundle: Bundle, log: EventLog, days: float) -> None:
    """Told one by one and read now and then, told at once in another order, read from the log: the same bytes."""
    events = many(400, days)
    slowly, at_once = State(bundle, log), State(bundle, log)
    for start in range(0, 400, 40):
        slowly.apply(log.append(events[start : start + 40]))
        slowly.refresh()
        slowly.ready("P0001", "R01")
    assert log.append(events) == []
    rng = np.random.default_rng(1)
    at_once.apply([events[n] for n in rng.permutation(400)])
    again = State(bundle, log)
    answers = everything(again)
    assert everything(slowly) == answers and everything(at_once) == answers
    for one in (slowly, at_once):
        assert one.clock == again.clock and one.newest == again.newest and one.events == again.events == 400
        assert (one.on_hand() == again.on_hand()).all()
        assert look(one) == look(again) and replenish(one) == replenish(again)


def test_an_order_moves_its_product_and_no_other(bundle: Bundle, log: EventLog) -> None:
    state = State(bundle, log)
    before = everything(state)
    state.apply([order("a", 0.5, product=20, region=3, quantity=5)])  # the hour stays the same
    assert not state.stale
    after = everything(state)
    moved = [n for n, (one, other) in enumerate(zip(before, after, strict=True)) if one != other]
    assert moved == [19 * 10 + 2, 19 * 10 + 9], "the region, and the sum"
    first = state.answer("P0020", "R03")["weeks"][0]  # type: ignore[index]
    assert first["sold"] == 5 and first["low"] >= 5


def test_the_running_week_is_nowcast(bundle: Bundle, log: EventLog) -> None:
    """At the week's end what was sold is what is forecast; before, what the shop usually sells later is left."""
    before = bundle.settings["rhythm"]
    assert len(before) == 168 and before[0] == 0 and np.all(np.diff(before) >= 0) and before[-1] < 1
    state = State(bundle, log)
    state.refresh()
    row, whole = 19, 9
    start = state.numbers(row, whole)[0]
    state.apply([order("a", 84, product=20, quantity=4)])
    state.refresh()
    half = state.numbers(row, whole)[0]
    assert half[0] == pytest.approx(4 + start[0] * (1 - before[84]), abs=1e-3) and half[3] == 4
    assert half[2] - half[0] < start[2] - start[0], "less is left to go wrong"
    state.apply([order("b", 167.9, product=20, quantity=1)])
    state.refresh()
    end = state.numbers(row, whole)[0]
    assert end[0] == pytest.approx(5 + start[0] * (1 - before[167]), abs=1e-3)


def test_dates_alone_do_not_double_the_running_week(bundle: Bundle, log: EventLog) -> None:
    """All that this shop sells lies on Mondays at midnight: what has come is the week, and before it all is to come."""
    monday_shop = replace(bundle, settings=dict(bundle.settings) | {"rhythm": [1.0] * 168})
    state, row, whole = State(monday_shop, log), 19, 9
    state.refresh()
    start = state.numbers(row, whole)[0]
    assert start[0] > 0 and state.left == 1, "nothing of the week has come"
    state.apply([order("a", 0, product=20, quantity=4)])
    assert state.left == 0 and state.numbers(row, whole)[0] == (4, 4, 4, 4, 4)
    assert state.numbers(7, whole)[0][:1] == (0,), "the other products' Monday is over too"
    again = State(monday_shop, log)
    assert again.left == 1, "the log has no event"


def test_a_monday_moves_the_origin(bundle: Bundle, log: EventLog) -> None:
    state = State(bundle, log)
    state.refresh()
    old = state.forecast.copy()
    state.apply([order("a", 50, product=20, quantity=400), order("b", 24 * 7 + 1)])
    assert state.stale and state.origin == bundle.cutoff + 1
    state.refresh()
    assert f"{monday(state.origin):%Y-%m-%d}" == "2025-06-02"
    assert state.forecast[19, 0] > 2 * old[19, 1], "400 units are seen by the network"
    assert state.history("P0020", "all", 2) == [
        {"week": "2025-05-26", "units": int(bundle.books.units[19, -1])},
        {"week": "2025-06-02", "units": 400},
    ]
    state.apply([order("c", 60, product=20, quantity=400)])
    assert state.stale, "a late order of a closed week"
    more = state.forecast[19, 0]
    state.refresh()
    assert state.forecast[19, 0] > more


def test_what_the_version_knows_already_waits_for_the_next_training(bundle: Bundle, log: EventLog) -> None:
    state = State(bundle, log)
    before = everything(state)
    event = order("a", -1, product=20, quantity=900)
    assert state.late(event) and not state.late(order("b", 0))
    state.apply([event])
    assert everything(state) == before and state.events == 1


def test_deliveries_and_sales_move_the_stock(bundle: Bundle, log: EventLog) -> None:
    state = State(bundle, log)
    start = state.on_hand()
    assert start is not None and start.shape == (60, 9)
    state.apply([order("a", 5, 20, 3, 700, "delivery"), order("b", 6, 20, 3, 12), order("c", 24 * 7, 20, 3, 1)])
    now, week = state.on_hand(), state.on_hand(bundle.cutoff + 1)
    assert now is not None and week is not None
    assert now[19, 2] == start[19, 2] + 687 and week[19, 2] == start[19, 2] + 688
    now[19, 2] = start[19, 2]
    assert (now == start).all()


def test_orders_by_the_newsvendor(bundle: Bundle, log: EventLog) -> None:
    """A dearer shortage orders more; an empty shelf comes first; the list narrows; no order is negative."""
    state = State(bundle, log)
    state.refresh()
    cheap, dear = (replenish(state, ratio, 10_000) for ratio in (0.5, 20))
    by_key = {(row["product_id"], row["region_id"]): row for row in cheap}
    assert len(cheap) == len(dear) == 540
    for row in dear:
        other = by_key[row["product_id"], row["region_id"]]
        assert row["order"] >= other["order"] >= 0 and row["on_hand"] == other["on_hand"]
    assert sum(row["order"] for row in dear) > 2 * sum(row["order"] for row in cheap) > 0
    best = int(np.argmax(state.forecast[:, 0]))
    gone = int(state.on_hand()[best, 0])  # type: ignore[index]
    state.apply([order("a", 1, best + 1, 1, gone + 3)])
    state.refresh()
    first = replenish(state, limit=1, region="R01")[0]
    assert first["product_id"] == bundle.books.products[best] and first["alert"] == "out" and first["on_hand"] == 0
    whole = replenish(state, limit=60, region="all")
    assert {row["region_id"] for row in whole} == {"all"} and len(whole) == 60


def test_drift_needs_a_full_week_and_sees_a_shop_that_doubles(bundle: Bundle, log: EventLog) -> None:
    state = State(bundle, log)
    state.refresh()
    quiet = look(state)
    assert quiet["light"] == "unknown" and quiet["weeks"] == [] and quiet["lights"][0]["value"] is None
    rng = np.random.default_rng(2)
    usual = np.maximum(bundle.books.units[:, -8:].mean(axis=1), 0.5)
    rows = [
        order(f"{week}-{p}-{r}", 24 * 7 * week + 30, p + 1, r + 1, count)
        for week in range(3)
        for p in range(60)
        for r in range(9)
        if (count := int(rng.poisson(6 * usual[p] * bundle.shares[p, r])))
    ]
    state.apply([*rows, order("end", 24 * 21 + 1)])
    state.refresh()
    loud = look(state)
    assert loud["light"] == "red" and {one["name"]: one["alarm"] for one in loud["lights"]} == {
        "psi": True,
        "ks": True,
        "coverage": True,
        "coverage_large": True,
        "level": True,
    }
    assert loud["drifted"] and loud["weeks"][0]["units"] > 3 * loud["weeks"][0]["expected"]
    assert [week["week"] for week in loud["weeks"]] == ["2025-06-02", "2025-06-09", "2025-06-16"]
    assert loud["weeks"][0]["units"] == sum(row.quantity for row in rows if row.event_key.startswith("0-"))


BARE: dict[str, None] = dict.fromkeys(("trial", "means", "trial_means"))  # what stands beside the forecaster


def reaching(bundle: Bundle, horizon: int) -> Bundle:
    """The same shop, served by the mean of eight weeks and so many weeks ahead."""
    launches = {name: np.resize(units, horizon) for name, units in bundle.launches.items()}
    settings = {**bundle.settings, "horizon": horizon}
    return replace(bundle, settings=settings, launches=launches, **BARE, forecaster=WindowMean(horizon, 8))


@pytest.mark.parametrize("horizon", [1, 2, 7])
def test_the_version_says_how_far_ahead_is_forecast_and_by_what(bundle: Bundle, log: EventLog, horizon: int) -> None:
    far = reaching(bundle, horizon)
    begin = far.books.begin.copy()
    begin[7] = NEVER
    units = far.books.units.copy()
    units[7] = 0
    state = State(replace(far, books=replace(far.books, begin=begin, units=units)), log)
    state.refresh()
    answer, newcomer = state.answer("P0020", "all"), state.answer("P0008", "all")
    assert answer is not None and newcomer is not None
    assert [week["week"] for week in answer["weeks"]] == [
        f"{START + timedelta(weeks=step):%Y-%m-%d}" for step in range(horizon)
    ]
    assert answer["weeks"][0]["forecast"] == pytest.approx(bundle.books.units[19, -8:].mean(), abs=1e-3)
    assert answer["basis"] == "window_mean" and newcomer["basis"] == "category"
    plan = state.planned("log_price")
    assert plan is not None and plan.shape == (60, horizon)
    rows = replenish(state, limit=540)
    assert len(rows) == 540 and sum(row["expected"] for row in rows) == pytest.approx(
        (state.expected[:, 0] + state.expected[:, min(1, horizon - 1)]).sum(), rel=1e-2
    ), "lead time and review are two weeks, however far the forecast goes"


class Skewed(WindowMean):
    """Says a median that is two thirds of the mean, as for sparse products."""

    def forecast(self, books: SalesHistory, origin: int) -> np.ndarray:
        return np.asarray(super().forecast(books, origin) / 1.5)


def test_sums_are_of_means_and_a_single_answer_is_the_point(bundle: Bundle, log: EventLog) -> None:
    """Against the mean of eight weeks, by hand; intervals stay around the single number."""
    state = State(replace(reaching(bundle, 4), forecaster=Skewed(4, 8), means=WindowMean(4, 8)), log)
    state.refresh()
    weeks = np.clip(bundle.cutoff + 1 - bundle.books.begin, 1, 8)
    mean = bundle.books.units[:, -8:].sum(axis=1) / weeks
    assert state.expected[:, 0] == pytest.approx(mean) and state.forecast[:, 0] == pytest.approx(mean / 1.5)
    week = state.answer("P0020", "all")["weeks"][1]  # type: ignore[index]
    assert week["expected"] == pytest.approx(mean[19], abs=1e-3)
    assert week["forecast"] == pytest.approx(mean[19] / 1.5, abs=1e-3) and week["low"] <= week["forecast"]
    rows = replenish(state, limit=60, region="all")
    assert {row["product_id"]: row["expected"] for row in rows} == {
        name: pytest.approx(2 * units, abs=0.006) for name, units in zip(bundle.books.products, mean, strict=True)
    }
    effects = bundle.effects.set_index("category")["elasticity"]
    assert np.isfinite(effects[bundle.books.category[19]])
    told = what_if(state, WhatIfIn(product_id="P0020", price=1.1 * float(bundle.products["price"].iat[19])))
    assert told["now"]["units"] == pytest.approx(4 * mean[19], rel=1e-3), "a sum of four weeks"
    first, newest = order("a", 10, 20, 3, 5), order("b", 24 * 7 + 1, 20, 3, 1)
    state.apply([first, newest])
    state.refresh()
    seen = look(state)["weeks"][0]
    assert seen["units"] == 5 and seen["expected"] == pytest.approx(mean.sum(), abs=0.06)
    assert seen["wape"] == pytest.approx((mean.sum() - mean[19] + abs(5 - mean[19] / 1.5) * 1.5) / 1.5 / 5, rel=1e-3)
    shown = overview(state, plan(state), look(state), serial=1)
    assert sum(row["expected_week"] for row in shown["regions"]) == pytest.approx(state.expected[:, 0].sum(), abs=0.5)
