"""Deliveries on their way are taken off the order list as the shelf is, where somebody told them ahead."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

pytest.importorskip("onnxruntime")
from serving_help import START
from still_world import world

from ecomlib.serving.live.amendments import WaitingIn, shown, words_on
from ecomlib.serving.live.event_log import Event, EventLog
from ecomlib.serving.live.live_state import State
from ecomlib.serving.live.replenish import plan, replenish
from ecomlib.serving.live.shop_clock import ClockSettings
from ecomlib.serving.release.bundle import Bundle


def delivery(key: str, days: float, quantity: int, product: str, region: str = "R03", held: int = 0) -> Event:
    return Event(key, product, region, START + timedelta(days=days), quantity, None, "delivery", held=held)


def look(bundle: Bundle, log: EventLog, rule: ClockSettings) -> State:
    state = State(bundle, log, rule=rule)
    state.refresh()
    return state


def row_of(state: State, product: str, region: str = "all") -> dict[str, object]:
    return next(row for row in replenish(state, limit=1000, region=region) if row["product_id"] == product)


def most_wanted(state: State) -> dict[str, object]:
    return max(replenish(state, limit=1000, region="all"), key=lambda row: row["order"])


def test_what_is_on_its_way_is_not_ordered_again(bundle: Bundle, log: EventLog) -> None:
    """The right value: the order before, less the units that are due within the weeks that an order covers."""
    before = most_wanted(look(bundle, log, world(0)))
    name, order = str(before["product_id"]), int(before["order"])  # type: ignore[call-overload]
    assert order > 3 and before["arriving"] == 0
    log.append([delivery("soon", 3, order - 3, name), delivery("in time", 13, 2, name, "R01")])
    log.append([delivery("too late", 15, 500, name), delivery("absurd", 3, 900_000, name, held=1)])
    state = look(bundle, log, world(0))
    assert row_of(state, name) == before | {"order": 1, "arriving": order - 1}, "what lies there is what lay there"
    assert state.clock == START, "it moves no clock"
    assert row_of(state, name, "R03")["arriving"] == order - 3 and row_of(state, name, "R01")["arriving"] == 2
    log.append([delivery("more", 4, 70, name)])
    assert row_of(look(bundle, log, world(0)), name)["order"] == 0
    log.append([Event("v", "", "", START, 0, None, "void", "more"), Event("w", "", "", START, 0, None, "void", "soon")])
    assert row_of(look(bundle, log, world(0)), name)["order"] == order - 2, "one that does not come is voided"


def test_it_lies_on_the_shelf_when_its_time_has_come(bundle: Bundle, log: EventLog) -> None:
    name = str(most_wanted(look(bundle, log, world(0)))["product_id"])
    state = look(bundle, log, world(0))
    state.apply(log.append([delivery("came", 3, 7, name)]))
    there, stock = row_of(state, name), state.on_hand()
    assert there["arriving"] == 7 and not state.due()
    state.rule = world(2.5)
    assert state.due()
    state.apply([])
    now = state.on_hand()
    assert stock is not None and now is not None and now.sum() == stock.sum() + 7
    assert row_of(state, name)["arriving"] == 0 and not state.waiting


def test_it_asks_for_nobody_s_word(bundle: Bundle, log: EventLog) -> None:
    """A delivery told ahead is no slip; one dated a year ahead is, and so is any date ahead in replayed time."""
    log.append([delivery("soon", 3, 2, "P0020"), delivery("next year", 370, 2, "P0020")])
    state = look(bundle, log, world(0))
    assert [event.event_key for event in state.unsettled()] == ["next year"]
    assert [one["why"] for one in shown(state)] == ["arriving", "date"]
    every, named = WaitingIn(action="apply"), WaitingIn(action="apply", keys=["soon"])
    said = [words_on(state.waiting, state.unsettled(), asked, log) for asked in (every, named)]
    assert [[word.refers for word in words] for words in said] == [["next year"], ["soon"]]
    replayed = look(bundle, log, ClockSettings("events"))
    assert replayed.unsettled() == replayed.waiting and not replayed.arriving(START + timedelta(weeks=99)).any()


@pytest.mark.parametrize(("days", "alert"), [(3, None), (10, "low")], ids=["before the next order", "after it"])
def test_a_shelf_that_is_filled_in_time_is_not_low(
    bundle: Bundle, log: EventLog, days: float, alert: str | None
) -> None:
    """The shelf holds half of what the first week sells: a delivery within that week helps, a later one does not."""
    state = look(bundle, log, world(0))
    row = int(np.argmax(state.expected[:, 0]))
    name, week = bundle.books.products[row], float(state.expected[row, 0])
    stock = np.zeros(state.size)
    stock[row, 2] = np.ceil(week / 2)
    shelf = replace(bundle, stock=stock)
    assert row_of(look(shelf, log, world(0)), name)["alert"] == "low"
    log.append([delivery("a", days, int(np.ceil(week)), name)])
    assert row_of(look(shelf, log, world(0)), name)["alert"] == alert


def test_the_list_says_what_was_taken_off(bundle: Bundle, log: EventLog) -> None:
    known, unknown = (look(one, log, world(0)) for one in (bundle, replace(bundle, stock=None)))
    assert plan(known).taken_off() == (
        "What is in stock was taken off. What is on its way was not: "
        "no delivery that is due by 2025-06-16 was told ahead."
    )
    assert plan(unknown).taken_off().startswith("What is in stock is not known, and not taken off.")
    log.append([delivery("a", 3, 12, "P0020")])
    said = plan(look(bundle, log, world(0)))
    assert said.taken_off().endswith(
        "On their way are 12 units, told ahead and due by 2025-06-16: they were taken off, too."
    )
    assert said.totals()["arriving_units"] == 12
    bare = [row_of(look(replace(bundle, stock=None), log, world(0)), "P0020"), row_of(unknown, "P0020")]
    assert bare[0]["arriving"] == 12 and bare[0]["on_hand"] is None
    assert bare[0]["order"] == max(int(bare[1]["order"]) - 12, 0)  # type: ignore[call-overload]
