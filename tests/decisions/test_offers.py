"""Whom to help in a visit: an invented shop whose chances are known, what is assumed, and what cannot be told."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ecomlib.decisions.registry import Options, decide
from ecomlib.errors import DataError
from ecomlib.stores import Store

SAID = {"margin": 20.0, "cost": 1.5, "lift": 0.5}


def shop(visits: int = 6000, seed: int = 0, moved: float = 0.0) -> tuple[Store, np.ndarray]:
    """Twenty weeks; the chance rises with pages, and from the twelfth week on ``moved`` is added to its log-odds."""
    rng = np.random.default_rng(seed)
    first = pd.Timestamp("2024-01-01")
    days = np.arange(140)
    lines = pd.DataFrame({"ordered_at": np.repeat(first + pd.to_timedelta(days, "D"), 2), "product_id": "mug"})
    lines = lines.assign(order_id=[str(k) for k in range(len(lines))], quantity=1, unit_price=30.0)
    at = np.sort(rng.uniform(0, 140, visits))
    pages, source = rng.poisson(6, visits), rng.choice(["ad", "direct"], visits)
    lift = 0.4 * (pages - 9) + 0.8 * (source == "direct") + moved * (at >= 12 * 7)
    truth = 1 / (1 + np.exp(-lift))
    made = pd.DataFrame({"session_id": [f"v{k}" for k in range(visits)], "pages": pages, "source": source})
    made = made.assign(started_at=first + pd.to_timedelta(at, "D"), converted=rng.random(visits) < truth)
    products = pd.DataFrame({"product_id": ["mug"], "title": ["red mug"], "unit_cost": [18.0]})
    return Store("invented", products, lines, sessions=made), truth


def test_chances_are_near_the_truth_and_the_band_is_kept() -> None:
    store, truth = shop(20_000)
    made = decide("offers", store, Options(more=SAID))
    known = pd.Series(truth, index=store.sessions["session_id"])
    assert (made.table["chance"] - made.table["session_id"].map(known)).abs().mean() < 0.03
    low, high = made.how["band"]
    inside = made.table["chance"].between(low, high)
    assert (made.table["help"] == inside).mean() > 0.999 and 0 < made.table["help"].sum() < len(made.table)
    assert made.table["gain"].is_monotonic_decreasing
    assert made.table["started_at"].min() >= pd.Timestamp("2024-05-13")  # the last of twenty weeks
    assert not any("guess" in word for word in made.warnings)


def test_the_four_weeks_in_between_move_the_odds_to_their_rate() -> None:
    store, _ = shop(20_000, moved=1.0)
    found = decide("offers", store, Options(more=SAID)).how["last_four_weeks"]
    assert found["ece_raw"] > 0.08 > 0.03 > found["ece"]


def test_the_last_four_weeks_do_not_reach_the_chances() -> None:
    store, _ = shop()
    late = store.sessions["started_at"] >= pd.Timestamp("2024-04-22")
    flipped = store.sessions.assign(converted=store.sessions["converted"] ^ late)
    one, two = (decide("offers", s, Options(more=SAID)).table for s in (store, store.with_parts(sessions=flipped)))
    pd.testing.assert_frame_equal(one, two)


def test_what_nobody_said_is_told_and_the_margin_is_the_mean_profit() -> None:
    store, _ = shop()
    made = decide("offers", store)
    assert (made.how["margin"], made.how["cost"], made.how["lift"]) == (12.0, 0.1, 0.2)
    assert any("is a guess" in word for word in made.warnings) and any("cost" in word for word in made.warnings)
    assert len(made.how["assumed"]) == 6
    never = decide("offers", store, Options(more=SAID | {"cost": 50.0}))
    assert never.how["band"] is None and not never.table["help"].any() and "help never pays" in never.line


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda s: s.with_parts(sessions=None), "sessions.csv"),
        (lambda s: s.with_parts(sessions=s.sessions[["session_id", "started_at", "converted"]]), "add columns such as"),
        (lambda s: s.with_parts(sessions=s.sessions.assign(converted=False)), "too few visits"),
        (lambda s: s.with_parts(products=s.products.drop(columns="unit_cost")), "margin=12.5"),
    ],
)
def test_what_cannot_be_told_has_a_remedy(change, says: str) -> None:
    with pytest.raises(DataError, match=says):
        decide("offers", change(shop()[0]))
