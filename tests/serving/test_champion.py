"""A challenger is judged by the live log: doubled tables are refused, weeks counted once, and better is promoted."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("fastapi")
pytest.importorskip("onnxruntime")
from serving_help import copy_home, order_event

from ecomlib.evaluation import Interval, Verdict, verdict_word
from ecomlib.serving.live import replay, retrain
from ecomlib.serving.live.event_log import Event, EventLog
from ecomlib.serving.live.live_state import State
from ecomlib.serving.release.bundle import Bundle, open_bundle, registry
from ecomlib.serving.release.frozen import LastValue, WindowMean
from ecomlib.serving.release.inputs import SalesHistory, monday
from ecomlib.serving.release.train import ReleaseSettings, train
from ecomlib.stores import Store, load_store


class Told(Bundle):
    """A version that knows what will come, but for an error of a given size."""

    def forecast(self, books: SalesHistory, origin: int) -> tuple[np.ndarray, np.ndarray]:
        at = origin - books.first + 1
        truth = books.units[:, at : at + self.horizon]
        truth = np.pad(truth, [(0, 0), (0, self.horizon - truth.shape[1])])
        noise = np.random.default_rng(origin).normal(0, self.settings["error"], truth.shape)
        return np.abs(truth + noise), np.ones(len(truth), bool)


def told(bundle: Bundle, error: float, number: int = 1, kept: int = 14, **more: Any) -> Told:
    parts = {name: getattr(bundle, name) for name in bundle.__dataclass_fields__}
    settings = {**bundle.settings, "error": error, "calibrated_weeks": kept}
    return Told(**{**parts, "settings": settings, "number": number, **more})


@pytest.fixture(scope="module")
def store() -> Store:
    return load_store("simulated", size="tiny", seed=0).observed()


def held_out(store: Store, cutoff: int) -> list[Event]:
    """The four weeks that the tiny home has not seen, and an order of the week after them."""
    lines = replay.held_out(store, cutoff)
    events = [Event(**{**line, "ordered_at": datetime.fromisoformat(line["ordered_at"])}) for line in lines]
    return [*events, order_event("the week after", 24 * 7 * 4 + 1)]


def test_better_is_promoted_level_only_under_an_alarm_worse_never(bundle: Bundle, log: EventLog, store: Store) -> None:
    """On forecasts made for the purpose; the newest weeks are known from the log alone."""
    log.append(held_out(store, bundle.cutoff))
    good, poor = told(bundle, 0.5, 2), told(bundle, 2.0)
    for alarm in (False, True):
        better = retrain.decide(poor, good, log, alarm=alarm)
        assert better.promote and better.verdict is not None and better.verdict.word == "better"
        worse = retrain.decide(good, poor, log, alarm=alarm)
        assert not worse.promote and worse.verdict is not None and worse.verdict.word == "worse"
        same = retrain.decide(good, good, log, alarm=alarm)
        assert same.verdict is not None and same.verdict.bearable and same.promote == alarm
    assert "version 0002 (new) against version 0001 (old)" in better.why and "drift alarms" in better.why
    assert "shown to be better" in better.why and "shown to be worse" in worse.why
    assert "60 products" in better.why and "of the live log and the history before it" in better.why
    assert better.scores["ds"].max() == monday(bundle.cutoff + 4), "what the log alone knows"
    sold = store.orders[store.orders["ordered_at"].between(monday(bundle.cutoff + 1), monday(bundle.cutoff + 5))]
    newest = better.scores[better.scores["ds"] > monday(bundle.cutoff)]
    assert newest["y"].sum() == sold["quantity"].sum()


@pytest.mark.parametrize(
    ("word", "low", "high", "calm", "alarmed"),
    [
        ("better", -0.05, -0.02, True, True),
        ("level", -0.004, 0.004, False, True),
        ("undecided", -0.03, 0.008, False, True),  # it may be better, and is no worse by as much as matters
        ("undecided", -0.03, 0.02, False, False),
        ("level", 0.002, 0.006, False, False),  # worse, by less than matters: never for nothing
        ("worse", 0.02, 0.05, False, False),
    ],
)
def test_what_a_verdict_decides(word: Any, low: float, high: float, calm: bool, alarmed: bool) -> None:
    relative = Interval((low + high) / 2, low, high, 0.95)
    verdict = Verdict("new", "old", "wape", word, relative, (0.5, 0.5), (0.0, 0.0), 2, pd.DataFrame())
    assert (retrain.may_serve(verdict, False), retrain.may_serve(verdict, True)) == (calm, alarmed)


@pytest.mark.parametrize(("low", "high"), [(-0.016, 0.184), (-0.057, 0.217), (-0.005, 0.2), (-0.2, 0.005)])
def test_worse_is_never_said_without_proof(low: float, high: float) -> None:
    """An interval with zero in it, at whatever share of the origins: neither worse nor better, and not promoted."""
    relative = Interval((low + high) / 2, low, high, 0.95)
    for agreeing in (0.5, 1.0):
        word = verdict_word(low, high, agreeing, agreement=0.75)
        assert word == "undecided"
        verdict = Verdict("new", "old", "wape", word, relative, (0.5, 0.5), (0.0, 0.0), 2, pd.DataFrame())
        assert not retrain.may_serve(verdict, False)
        assert retrain.shown(verdict) == "the new version is not shown to be better, nor to be worse"
    assert verdict_word(0.01, 0.2, 0.5, agreement=0.75) != "worse", "origins that disagree prove nothing"


def test_no_week_is_counted_twice(bundle: Bundle, log: EventLog) -> None:
    """Thirteen origins a week apart, four weeks ahead, counted most weeks four times; now each is counted once."""
    found = retrain.decide(told(bundle, 1.0), told(bundle, 1.0, 2), log, alarm=False)
    scores = found.scores
    assert not scores.duplicated(["unique_id", "ds"]).any()
    cutoffs = scores["cutoff"].drop_duplicates().sort_values()
    assert len(cutoffs) == 3 and (cutoffs.diff().dropna() == pd.Timedelta(weeks=bundle.horizon)).all()
    assert scores["ds"].max() == monday(bundle.cutoff) and cutoffs.min() >= monday(bundle.cutoff - 14)
    assert set(scores) == {"unique_id", "ds", "cutoff", "y", "old", "new"}


def test_too_few_origins_say_nothing(bundle: Bundle, log: EventLog) -> None:
    """Two origins, of which the new version was better by far at both."""
    found = retrain.decide(told(bundle, 5.0, kept=11), told(bundle, 0.1, 2, kept=11), log, alarm=True)
    assert not found.promote and found.verdict is None and found.scores.empty
    assert "2 origins of 4 weeks that neither version was trained on, 3 needed" in found.why


def test_nothing_sold_cannot_be_compared(bundle: Bundle, log: EventLog) -> None:
    books = replace(bundle.books, units=np.zeros_like(bundle.books.units))
    one, two = told(bundle, 0.5, books=books), told(bundle, 0.5, 2, books=books)
    found = retrain.decide(one, two, log, alarm=True)
    assert not found.promote and found.verdict is None and "cannot be compared" in found.why


def test_a_doubled_table_is_refused_however_good_it_looks(bundle: Bundle, log: EventLog) -> None:
    """On its own books it would be better at every origin."""
    twice = replace(bundle.books, units=2 * bundle.books.units)
    found = retrain.decide(told(bundle, 2.0), told(bundle, 0.1, 2, books=twice), log, alarm=True)
    assert not found.promote and found.verdict is None
    assert "version 0002 holds 2.00 times the units of the live log" in found.why and "of 22 shared weeks" in found.why
    first = f"{monday(bundle.books.first):%Y-%m-%d}"
    assert first in found.why and f"{monday(bundle.cutoff):%Y-%m-%d}" in found.why


def test_one_week_that_was_read_twice_is_named(bundle: Bundle, log: EventLog) -> None:
    units = bundle.books.units.copy()
    units[:, -3] *= 2
    found = retrain.decide(
        told(bundle, 1.0), told(bundle, 1.0, 2, books=replace(bundle.books, units=units)), log, alarm=True
    )
    week = f"{monday(bundle.cutoff - 2):%Y-%m-%d}"
    assert not found.promote and "2.00 times the units" in found.why
    assert f"in 1 of 22 shared weeks ({week} to {week})" in found.why


def test_late_orders_are_no_disagreement() -> None:
    weeks = pd.date_range("2024-01-01", periods=3, freq="7D")
    known = pd.Series([100.0, 2.0, 0.0], index=weeks)
    assert retrain.disagreement(known, known.add([8, 3, 2]), "the log", "version 2") is None
    assert retrain.disagreement(known, known, "the log", "version 2") is None
    assert "20 units instead of none" in (
        retrain.disagreement(known, known.add([0, 0, 20]), "the log", "version 2") or ""
    )
    thin = pd.Series(4.0, index=pd.date_range("2024-01-01", periods=30, freq="7D"))  # no week alone says it
    assert "1.50 times the units of the log in 30 of 30" in (
        retrain.disagreement(thin, 1.5 * thin, "the log", "v2") or ""
    )
    elsewhere = known.set_axis(weeks + pd.Timedelta(weeks=9))
    assert retrain.disagreement(known, 5 * elsewhere, "the log", "version 2") is None, "no week is shared"


def doubled(log: Path, copy: Path) -> None:
    """A copy of a log in which each event stands twice, under two keys."""
    with closing(sqlite3.connect(log)) as original:
        original.execute("VACUUM INTO ?", (str(copy),))
    with closing(sqlite3.connect(copy)) as changed, changed:
        columns = "kind, product_id, region_id, second, quantity, unit_price"
        changed.execute(
            f"INSERT INTO events (event_key, {columns}) SELECT 'again-' || event_key, {columns} FROM events"
        )


def test_a_doubled_copy_of_the_log_is_refused(tmp_path: Path, store: Store) -> None:
    """Trained on the copy and judged by the live log; by the copy itself, named as the database; and once in force."""
    home, copy = copy_home(tmp_path / "home"), tmp_path / "copy.db"
    bundle = open_bundle(home)
    with closing(EventLog(f"sqlite:///{home / 'events.db'}")) as log:
        log.append(held_out(store, bundle.cutoff))
    doubled(home / "events.db", copy)
    plan, url = ReleaseSettings(hold_out=0, epochs=1, effects=False), f"sqlite:///{copy}"
    made = retrain.retrain(store, home, plan, database=url)
    by_log, by_copy = retrain.judge(home, 2), retrain.judge(home, 2, database=url)
    assert not by_log.promote and "version 0002 holds 2.00 times" in by_log.why and "in 4 of 26" in by_log.why
    assert not by_copy.promote and "the database named holds 2.00 times the units of the home's own log" in by_copy.why
    registry(home).promote(made.version.number, "by hand")
    found = retrain.judge(home, 1)
    assert not found.promote and "version 0002 holds 2.00 times" in found.why, "the champion is the wrong one"
    registry(home).roll_back("doubled")
    honest = retrain.retrain(store, home, plan)
    again = retrain.judge(home, honest.version.number)
    assert again.verdict is not None and "(new) against version 0001 (old) on 60 products" in again.why
    assert [f"{week:%Y-%m-%d}" for week in again.scores["cutoff"].unique()] == [
        "2025-03-31",
        "2025-04-28",
        "2025-05-26",
    ]


def test_the_log_is_the_truth_from_the_first_cutoff_on(bundle: Bundle, log: EventLog, store: Store) -> None:
    """Also for weeks that the version in force has in its own books, as one has that was trained on the log."""
    events = held_out(store, bundle.cutoff)
    log.append(events)
    state = State(bundle, log)
    state.refresh()
    later = replace(
        bundle,
        books=replace(state.books, units=np.where(state.books.units > 0, state.books.units + 1, 0.0)),
        settings={**bundle.settings, "source": {**bundle.settings["source"], "cutoff": bundle.settings["cutoff"]}},
    )
    champion = State(later, log)
    champion.refresh()
    truth = retrain.live_books(champion, log)
    assert retrain.first_cutoff(later) == bundle.cutoff and truth.last == bundle.cutoff + 4
    assert (truth.units[:, -4:] == state.books.units[:, -4:]).all(), "of the log"
    assert (truth.units[:, :-4] == later.books.units[:, :-4]).all(), "of its own history"


def test_the_trial_answers_for_weeks_that_the_served_one_was_fitted_on(
    bundle: Bundle, log: EventLog, store: Store
) -> None:
    """A version with a trial, the last week's units, and one of the first format, without; by hand, at four origins."""
    log.append(held_out(store, bundle.cutoff))
    settings = {**bundle.settings, "calibrated_weeks": 12}
    old = replace(bundle, forecaster=WindowMean(4, 8), trial=LastValue(4), settings=settings)
    first = replace(bundle, number=2, forecaster=WindowMean(4, 8), trial=None, settings=settings)
    found = retrain.decide(old, first, log, alarm=False)
    scores, books = found.scores.set_index("cutoff"), bundle.books
    back = [monday(bundle.cutoff - weeks) for weeks in (12, 8, 4, 0)]
    assert found.verdict is not None and list(scores.index.unique()) == back
    for weeks, at in zip((12, 8, 4, 0), back, strict=True):
        end = books.units.shape[1] - weeks
        there = books.begin <= bundle.cutoff - weeks
        own = np.minimum(bundle.cutoff + 1 - weeks - np.maximum(books.begin, books.first), 8)[there]
        mean = books.units[there, max(end - 8, 0) : end].sum(axis=1) / own
        last = books.units[there, end - 1]
        assert scores.loc[at, "new"].to_numpy() == pytest.approx(np.repeat(mean, 4))
        assert scores.loc[at, "old"].to_numpy() == pytest.approx(np.repeat(last if weeks else mean, 4))


def test_a_new_version_looks_as_far_ahead_as_the_one_in_force(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two horizons could not be compared; versions that differ all the same are compared on the weeks of both."""
    home = tmp_path / "home"
    plan = ReleaseSettings(hold_out=4, horizon=3, model="window_mean", effects=False)
    made = train(store, home, plan, source={"store": "simulated", "size": "tiny", "seed": 0})
    registry(home).promote(made.version.number, "three weeks ahead")
    old = open_bundle(home)
    with closing(EventLog(f"sqlite:///{home / 'events.db'}")) as log:
        log.append(held_out(store, old.cutoff))
        retrain.retrain(store, home, replace(plan, hold_out=0, horizon=4))
        new = open_bundle(home, 2)
        assert old.horizon == new.horizon == 3
        settings, launches = {**old.settings, "horizon": 5}, {name: np.zeros(5) for name in old.launches}
        wider = replace(old, number=3, forecaster=WindowMean(5, 8), trial=None, settings=settings, launches=launches)
        scores = retrain.decide(old, wider, log, alarm=False).scores
        assert (scores.groupby(["cutoff", "unique_id"]).size() == 3).all() and scores["cutoff"].nunique() >= 3
        assert (scores["old"] == scores["new"]).all(), "both are the mean of eight weeks"
