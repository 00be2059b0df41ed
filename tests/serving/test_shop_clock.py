"""How far one event may move the shop's clock: what is dated weeks ahead waits, and counts once when its time comes."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

pytest.importorskip("onnxruntime")
from serving_help import START

from ecomlib.serving.live.event_log import Event, EventLog
from ecomlib.serving.live.live_state import State
from ecomlib.serving.live.replenish import replenish
from ecomlib.serving.live.shop_clock import BASE, last_day, order_times, reach_of
from ecomlib.serving.release.bundle import Bundle
from ecomlib.serving.release.inputs import NEVER, SalesHistory


def order(key: str, days: float, quantity: int = 2, kind: str = "order") -> Event:
    when = START + timedelta(seconds=round(days * 86_400))
    return Event(key, "P0020", "R03", when, quantity, 1.5, kind)  # type: ignore[arg-type]


def told(state: State, log: EventLog, *events: Event) -> State:
    state.apply(log.append(events))
    state.refresh()
    return state


def everything(state: State) -> list[bytes | None]:
    state.refresh()
    places = [*state.bundle.regions["region_id"], "all"]
    return [state.ready(product, place) for product in state.bundle.books.products for place in places]


def same(one: State, other: State) -> None:
    assert everything(one) == everything(other) and one.clock == other.clock and one.events == other.events
    assert one.waiting == other.waiting and one.newest == other.newest
    assert (one.on_hand() == other.on_hand()).all() and replenish(one, limit=540) == replenish(other, limit=540)


@pytest.mark.parametrize("days", [9.5, 20, 34.9])
def test_an_order_dated_weeks_ahead_leaves_the_order_list(bundle: Bundle, log: EventLog, days: float) -> None:
    state = told(State(bundle, log), log, order("today", 0.4))
    before, answers, origin = replenish(state, limit=540), everything(state), state.origin
    assert sum(row["order"] for row in before) > 50
    told(state, log, order("ahead", days, 900), order("delivery", days, 700, "delivery"))
    assert replenish(state, limit=540) == before and everything(state) == answers
    assert state.clock == START + timedelta(days=0.4) and state.origin == origin and state.events == 3
    assert [event.event_key for event in state.waiting] == ["ahead", "delivery"]
    assert [event.event_key for event in state.newest] == ["today"], "it is not shown as if it had been sold"
    same(state, State(bundle, log))
    told(state, log, order("later today", 0.45))
    assert state.clock == START + timedelta(days=0.45), "the orders of today still move the clock"


def test_what_waits_counts_once_when_its_time_comes(bundle: Bundle, log: EventLog) -> None:
    state = told(State(bundle, log), log, order("today", 0.4), order("ahead", 20, 900))
    start = state.on_hand()
    assert start is not None
    steps = [order(f"day {day}", day, 1) for day in range(1, 12)]
    for step in steps:
        told(state, log, step)
        assert [event.event_key for event in state.waiting] == ["ahead"], step.event_key
        same(state, State(bundle, log))
    told(state, log, order("day 12", 12, 1))  # eight days before it
    assert not state.waiting and state.clock == START + timedelta(days=20)
    now = state.on_hand()
    assert now is not None and start[19, 2] - now[19, 2] == 900 + 12
    assert state.answer("P0020", "R03")["weeks"][0]["sold"] == 900  # type: ignore[index]
    same(state, State(bundle, log))
    assert log.append([order("ahead", 20, 900)]) == []
    told(state, log, order("that Sunday", 20.5, 1))
    assert state.answer("P0020", "R03")["weeks"][0]["sold"] == 901, "once"  # type: ignore[index]


def test_a_shop_that_opens_again_after_three_weeks(bundle: Bundle, log: EventLog) -> None:
    """Two orders are not sure yet; the third at another time is, and nothing of the first two is lost."""
    state = told(State(bundle, log), log, order("before", 3))
    told(state, log, order("a", 24.3, 5), order("a, line 2", 24.3, 5))
    told(state, log, order("b", 24.4, 5), order("came", 24.2, 50, "delivery"))
    assert state.clock == START + timedelta(days=3) and len(state.waiting) == 4
    same(state, State(bundle, log))
    told(state, log, order("c", 25.1, 5))
    assert state.clock == START + timedelta(days=25.1) and not state.waiting
    assert state.answer("P0020", "R03")["weeks"][0]["sold"] == 20  # type: ignore[index]
    same(state, State(bundle, log))


def test_any_order_of_coming_in_gives_the_same_state(bundle: Bundle, log: EventLog) -> None:
    rng = np.random.default_rng(3)
    for draw in range(3):
        days = np.round(np.r_[rng.uniform(-5, 6, 12), rng.uniform(6, 60, 8)], 1)
        events = [
            order(f"{draw}-{n}", float(day), 1 + n, "order" if rng.random() < 0.7 else "delivery")
            for n, day in enumerate(days)
        ]
        one_by_one, backwards = State(bundle, log), State(bundle, log)
        for event in events:
            one_by_one.apply([event])
        for event in sorted(events, key=lambda event: event.ordered_at, reverse=True):
            backwards.apply([event])
        log.append(events)
        again = State(bundle, log)
        if draw == 0:
            same(one_by_one, again)
            same(backwards, again)
        assert one_by_one.clock == backwards.clock and one_by_one.waiting == backwards.waiting


def test_the_rule_by_hand() -> None:
    """Days of orders after day 0, with a reach of eight: a chain, a single one far off, three times far off."""
    assert last_day(0, {}, 8) == 0 and last_day(0, {8: 1}, 8) == 8 and last_day(0, {9: 1}, 8) == 0
    assert last_day(0, {3: 1, 11: 1, 20: 1}, 8) == 11
    assert last_day(0, {20: 1, 27: 1}, 8) == 0 and last_day(0, {20: 1, 27: 2}, 8) == 27
    assert last_day(0, {12: 1, 25: 3}, 8) == 25, "what lies before a day that counts has passed"
    assert last_day(0, {20: 0, 21: 0, 22: 0}, 8) == 0, "deliveries, which may be planned, confirm nothing"
    when = [order("a", 1), order("b", 1), order("c", 1.5), order("d", 2, kind="delivery")]
    first = START.toordinal()
    assert order_times(when) == {first + 1: 2, first + 2: 0}


def test_a_shop_with_long_pauses_has_a_long_reach() -> None:
    def books(*weeks: int) -> SalesHistory:
        return SalesHistory(("p",), ("none",), 100, np.array([NEVER]), np.array([weeks], dtype=float), {})

    assert reach_of(books(1, 2, 3)) == BASE == 8
    assert reach_of(books(1, 0, 3, 0, 0, 4)) == 8 + 14, "closed for two weeks once"
    assert reach_of(books(1, 0, 0, 0)) == 8 + 21
