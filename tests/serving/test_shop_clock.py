"""How far events may move the shop's clock: bounded by the world, or in replayed time by the shop's own silences."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

pytest.importorskip("onnxruntime")
from serving_help import START
from still_world import world

from ecomlib.errors import DataError
from ecomlib.serving.live.event_log import Event, EventLog
from ecomlib.serving.live.live_state import State
from ecomlib.serving.live.replenish import replenish
from ecomlib.serving.live.shop_clock import ClockSettings, days_of, gap_of, last_day, settings_for
from ecomlib.serving.release.bundle import Bundle
from ecomlib.serving.release.inputs import NEVER, SalesHistory


def order(key: str, days: float, quantity: int = 2, kind: str = "order", product: str = "P0020") -> Event:
    when = START + timedelta(seconds=round(days * 86_400))
    return Event(key, product, "R03", when, quantity, 1.5, kind)  # type: ignore[arg-type]


def word(key: str, kind: str, refers: str | None, days: float = 0.0) -> Event:
    return Event(key, "", "", START + timedelta(days=days), 0, None, kind, refers)  # type: ignore[arg-type]


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
    one_stock, other_stock = one.on_hand(), other.on_hand()
    assert one_stock is not None and other_stock is not None and np.array_equal(one_stock, other_stock)
    assert replenish(one, limit=540) == replenish(other, limit=540)


@pytest.mark.parametrize("days", [8.5, 20, 34, 27_000], ids=["a week", "20 days", "34 days", "the year 2099"])
def test_an_order_dated_far_ahead_leaves_the_order_list(bundle: Bundle, log: EventLog, days: float) -> None:
    for rule in (ClockSettings("events"), world(0.5)):
        state = told(State(bundle, log, rule=rule), log, order("today", 0.4))
        before, answers, origin = replenish(state, limit=540), everything(state), state.origin
        assert sum(row["order"] for row in before) > 50
        told(state, log, order("ahead", days, 900), order("delivery", days + 10, 700, "delivery"))
        assert replenish(state, limit=540) == before and everything(state) == answers
        assert state.clock == START + timedelta(days=0.4) and state.origin == origin and state.events == 3
        assert [event.event_key for event in state.waiting] == ["ahead", "delivery"]
        assert [event.event_key for event in state.newest] == ["today"], "it is not shown as if it had been sold"
        same(state, State(bundle, log, rule=rule))
        later = State(bundle, log, rule=rule)
        later.apply([order("later today", 0.45)])
        assert later.clock == START + timedelta(days=0.45), "the orders of today still move the clock"


def test_the_world_bounds_the_clock_whatever_the_silence(bundle: Bundle, log: EventLog) -> None:
    """After 300 silent days one order of now counts at once; tomorrow's does, that of the day after waits."""
    state = told(State(bundle, log, rule=world(300)), log, order("now", 300))
    assert state.clock == START + timedelta(days=300) and not state.waiting
    told(state, log, order("tomorrow", 301), order("in two days", 302.5, 3))
    assert state.clock == START + timedelta(days=301)
    assert [event.event_key for event in state.waiting] == ["in two days"] and not state.due()
    same(state, State(bundle, log, rule=world(300)))
    state.rule = world(301.5)  # its time has come near
    assert state.due()
    state.apply([])
    assert not state.waiting and state.clock == START + timedelta(days=302.5)
    same(state, State(bundle, log, rule=world(301.5)))


def test_what_waits_in_the_running_week_is_not_sold_yet(bundle: Bundle, log: EventLog) -> None:
    state = told(State(bundle, log, rule=world(1)), log, order("Tuesday", 1, 5), order("Friday", 4, 900))
    for one in (state, State(bundle, log, rule=world(1))):
        one.refresh()
        assert one.answer("P0020", "R03")["weeks"][0]["sold"] == 5  # type: ignore[index]


def test_replayed_time_follows_two_products(bundle: Bundle, log: EventLog) -> None:
    """A shop that opens again after three weeks: one product's orders are not sure yet, another's within 3 days are."""
    rule = ClockSettings("events")
    state = told(State(bundle, log, rule=rule), log, order("before", 3))
    told(state, log, order("a", 24.3, 5), order("again", 24.4, 5), order("came", 25, 50, "delivery"))
    told(state, log, order("too late", 28.5, 1, product="P0021"))
    assert state.clock == START + timedelta(days=3) and len(state.waiting) == 4
    same(state, State(bundle, log, rule=rule))
    told(state, log, order("b", 27, 5, product="P0001"))
    assert state.clock == START + timedelta(days=28.5) and not state.waiting
    assert state.answer("P0020", "R03")["weeks"][0]["sold"] is not None  # type: ignore[index]
    same(state, State(bundle, log, rule=rule))


@pytest.mark.parametrize("bound", ["events", "world"])
def test_somebodys_word_moves_the_clock_or_takes_it_back(bundle: Bundle, log: EventLog, bound: str) -> None:
    rule = ClockSettings("events") if bound == "events" else world(1)
    log.append([order("today", 0.4), order("opening", 30, 5), order("slip", 45, 5)])
    state = State(bundle, log, rule=rule)
    assert [event.event_key for event in state.waiting] == ["opening", "slip"]
    log.append([word("w", "clock", None, 30.0)])
    state = State(bundle, log, rule=rule)
    assert state.clock == START + timedelta(days=30) and [e.event_key for e in state.waiting] == ["slip"]
    log.append([word("y", "confirm", "slip", 45)])
    state = State(bundle, log, rule=rule)
    assert state.clock == START + timedelta(days=45) and not state.waiting
    log.append([word("v", "void", "slip", 45)])
    state = State(bundle, log, rule=rule)
    assert state.clock == START + timedelta(days=30), "a wrong date can be taken back"


def test_any_order_of_coming_in_gives_the_same_state(bundle: Bundle, log: EventLog) -> None:
    rng = np.random.default_rng(3)
    for draw in range(6):
        rule = ClockSettings("events") if draw % 2 else world(20)
        days = [round(float(day), 1) for day in (*rng.uniform(-5, 6, 12), *rng.uniform(6, 60, 8))]
        kinds = rng.choice(["order", "order", "delivery", "return"], len(days)).tolist()
        products, held = rng.choice(["P0001", "P0020"], len(days)).tolist(), (rng.random(len(days)) < 0.1).tolist()
        events = [
            replace(order(f"{draw}-{n}", day, 1 + n, kinds[n], products[n]), held=int(held[n]))
            for n, day in enumerate(days)
        ]
        one_by_one, backwards = State(bundle, log, rule=rule), State(bundle, log, rule=rule)
        for event in events:
            one_by_one.apply([event])
        for event in sorted(events, key=lambda event: event.ordered_at, reverse=True):
            backwards.apply([event])
        log.append(events)
        again = State(bundle, log, rule=rule)
        if draw < 2:
            same(one_by_one, again)
            same(backwards, again)
        assert one_by_one.clock == backwards.clock == again.clock
        assert one_by_one.waiting == backwards.waiting == again.waiting


def test_the_rule_of_replayed_time_by_hand() -> None:
    """Days after day 0 and the products ordered on them, with a gap of eight days."""

    def last(days: dict[int, str], gap: int = 8, confirmed: int = 0) -> int:
        made = [
            Event(f"{day}{product}", product, "r", datetime.fromordinal(1000 + day), 1, 1.0, "order")
            for day, products in days.items()
            for product in products
        ]
        empty = [
            Event("d", "x", "r", datetime.fromordinal(1000 + day), 1, kind="delivery") for day in days if not days[day]
        ]
        return last_day(1000, days_of([*made, *empty]), gap, 1000 + confirmed) - 1000

    assert last({}) == 0 and last({8: "a"}) == 8 and last({9: "a"}) == 0
    assert last({3: "a", 11: "a", 20: "a"}) == 11
    assert last({20: "aa"}) == 0 and last({20: "ab"}) == 20 and last({20: "a", 23: "b"}) == 23
    assert last({20: "a", 24: "b"}) == 0, "four days apart confirm nothing"
    assert last({12: "a", 25: "ab"}) == 25, "what lies before a day that counts has passed"
    assert last({20: "", 21: "a"}) == 0, "deliveries, which may be planned, confirm nothing"
    assert last({20: "a", 40: "b"}, confirmed=20) == 20 and last({25: "a"}, confirmed=20) == 25


def test_the_gap_is_twice_the_longest_silence() -> None:
    def books(*weeks: int) -> SalesHistory:
        return SalesHistory(("p",), ("none",), 100, np.array([NEVER]), np.array([weeks], dtype=float), {})

    assert gap_of(books(1, 2, 3), 1.0) == 7, "a shop that sells daily"
    assert gap_of(books(1, 2, 3), 7.0) == 14, "one that is open on Saturdays"
    assert gap_of(books(1, 0, 0, 3), 25.0) == 50, "one that was closed for three weeks"
    assert gap_of(books(1, 0, 3, 0, 0, 4), None) == 28, "an older version knows closed weeks only"


def test_the_history_says_how_long_the_shop_was_silent(bundle: Bundle) -> None:
    assert bundle.settings["silence"] == 1.0


def test_what_bounds_the_clock() -> None:
    assert (
        settings_for({"store": "simulated"}).bound == "events" and settings_for({"store": "/a/shop"}).bound == "world"
    )
    assert settings_for({}).bound == "world" and settings_for({"store": "/a/shop"}, "events").bound == "events"
    with pytest.raises(DataError, match="time zone is not known"):
        ClockSettings("world", "Mars/Olympus")
    with pytest.raises(DataError, match="bounded"):
        settings_for({}, "nothing")


def test_a_time_with_an_offset_becomes_the_shops() -> None:
    rule = ClockSettings("world", "Europe/London")
    assert rule.local(datetime(2025, 7, 1, 12, tzinfo=UTC)) == datetime(2025, 7, 1, 13)
    assert rule.local(datetime(2025, 7, 1, 12)) == datetime(2025, 7, 1, 12)
    assert abs((rule.now() - datetime.now(UTC).replace(tzinfo=None)).total_seconds()) < 2 * 3600
