"""What the report says of closed weeks, by hand: which products, which intervals, which weeks the noise comes from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("sqlalchemy")
from serving_help import order_event

from ecomlib.serving.live.drift import log_ratio
from ecomlib.serving.live.drift_report import LARGE, TOP, WEIGHTED, look, measure, unseen_weeks, usual_swings
from ecomlib.serving.live.event_log import EventLog
from ecomlib.serving.live.live_state import State
from ecomlib.serving.release.bundle import Bundle
from ecomlib.serving.release.inputs import interval


def test_a_week_before_the_cutoff_is_the_trials(bundle: Bundle, log: EventLog) -> None:
    """Units from the books, forecasts from the trial; shares of intervals counted one by one."""
    state = State(bundle, log)
    state.refresh()
    weeks = unseen_weeks(state)
    assert weeks[-1] == bundle.cutoff and len(weeks) == bundle.settings["calibrated_weeks"] >= 8
    week = weeks[-2]
    found = measure(state, week)
    said, mean, fitted = state.made(week - 1)
    assert bundle.trial is not None
    np.testing.assert_array_equal(said[fitted], bundle.trial.forecast(bundle.books, week - 1)[fitted])
    at = week - bundle.books.first
    assert found.sold == bundle.books.units[fitted, at].sum() and found.expected == mean[fitted, 0].sum()
    held, large, top, weighted, weight = [], [], [], 0.0, 0.0
    before = bundle.books.units[:, at - 8 : at].sum(axis=1)
    ranks = {int(row): rank for rank, row in enumerate(np.argsort(-before[fitted], kind="stable"))}
    for number, row in enumerate(np.flatnonzero(fitted)):
        for column in range(len(bundle.regions)):
            cell = said[row, 0] * bundle.shares[row, column]
            low, high = interval(cell, bundle.width(cell, column))
            hit = low <= bundle.recent[row, column, week - bundle.cutoff - 1] <= high
            held.append(hit)
            large += [hit] * int(ranks[number] < np.ceil(fitted.sum() / 2))
            top += [hit] * int(ranks[number] < np.ceil(fitted.sum() / 10))
            weighted += hit * before[row] * bundle.shares[row, column]
            weight += before[row] * bundle.shares[row, column]
    assert found.shares == pytest.approx(
        {"": np.mean(held), LARGE: np.mean(large), TOP: np.mean(top), WEIGHTED: weighted / weight}
    )
    assert found.pairs[""] == len(held) and found.pairs[TOP] == len(top) and found.pairs[WEIGHTED] < len(held)


def test_swings_of_the_history_by_hand(bundle: Bundle, log: EventLog) -> None:
    totals = bundle.books.units.sum(axis=0)
    swings = usual_swings(State(bundle, log))
    assert swings[-1] == pytest.approx(log_ratio(totals[-1], totals[-9:-1].mean()))
    assert len(swings) == min(len(totals) - 8, 52)


def test_the_report_of_a_week_in_which_nothing_came(bundle: Bundle, log: EventLog) -> None:
    """One order opens the second week after the cutoff: the first one sold nothing."""
    state = State(bundle, log)
    state.apply([order_event("a", 24 * 7 + 1)])
    held = state.held()  # as the service does: forecasts are made by a copy, and the look is another's
    held.refresh()
    state.settle(held)
    found = look(state.held())
    names = ["psi", "ks", "coverage", "coverage_large", "level"]
    assert [one["name"] for one in found["lights"]] == names and set(found) == {
        "light",
        "says",
        "drifted",
        "lights",
        "weeks",
    }
    week = found["weeks"][0]
    assert week["units"] == 0 and week["expected"] > 100 and week["wape"] > 100
    assert {"coverage", "coverage_large", "coverage_top", "coverage_weighted", "pairs"} <= set(week)
    level = found["lights"][-1]
    assert level["alarm"] and level["value"] < -0.99 and "0 units sold" in level["says"]


def test_a_version_that_holds_no_week_back_is_judged_by_its_history(bundle: Bundle, log: EventLog) -> None:
    """An older version may name none: then the level knows its noise, and the coverage of one week does not."""
    old = replace(bundle, settings={**bundle.settings, "calibrated_weeks": 0})
    state = State(old, log)
    state.apply([order_event("a", 24 * 7 + 1)])
    state.refresh()
    lights = {one["name"]: one for one in look(state)["lights"]}
    assert lights["level"]["alarm"] and "usual error is" in lights["level"]["says"]
    assert lights["coverage"]["value"] is None and "not known" in lights["coverage"]["says"]
