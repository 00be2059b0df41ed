"""Letters from a shop's own log, and the risk board: groups of taste, columns known then, known effects."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from ecomlib.decisions.letters import LetterRules, columns_at, fit_groups, letter_log, purchases_of, write_to
from ecomlib.decisions.registry import Options, decide
from ecomlib.decisions.shop.retain import risk_board, settings_of
from ecomlib.errors import DataError
from ecomlib.stores import Store, load_store

GLAD, AWAY = 2.5, 0.2  # what a letter does to the pace of the week after it


def shop(customers: int = 900, weeks: int = 60, seed: int = 0, **more: Any) -> Store:
    """Half the customers buy tea and are glad of letters, half buy tools and stay away for a week; a coin decides."""
    rng = np.random.default_rng(seed)
    start, tea = pd.Timestamp("2024-01-01"), np.arange(customers) % 2 == 0
    dates = [start + pd.Timedelta(weeks=k) for k in range(10, weeks - 6, 5)]
    treated = rng.random((customers, len(dates))) < 0.5
    pace = np.full((customers, 7 * weeks), 0.06)
    for k, date in enumerate(dates):
        days = slice((date - start).days, (date - start).days + 28)
        pace[:, days] *= np.where(treated[:, [k]], np.where(tea[:, None], GLAD, AWAY), 1.0)
    who, day = np.nonzero(rng.random(pace.shape) < pace)
    product = np.where(rng.random(len(who)) < 0.85, tea[who], ~tea[who]).astype(int)  # 1: tea
    orders = pd.DataFrame(
        {
            "order_id": [f"O{k}" for k in range(len(who))],
            "product_id": np.where(product == 1, "tea", "tool"),
            "customer_id": [f"C{j:04d}" for j in who],
            "ordered_at": start + pd.to_timedelta(day, unit="D"),
            "quantity": 2,
            "unit_price": 5.0,
        }
    )
    pairs = [(f"C{j:04d}", date, bool(treated[j, k]), 0.5) for k, date in enumerate(dates) for j in range(customers)]
    parts: dict[str, Any] = {
        "customers": pd.DataFrame({"customer_id": [f"C{j:04d}" for j in range(customers)]}),
        "mailings": pd.DataFrame(pairs, columns=["customer_id", "date", "treated", "propensity"]),
    }
    products = pd.DataFrame({"product_id": ["tea", "tool"], "title": ["tea", "tool"], "category": ["tea", "tool"]})
    return Store("shop", products.assign(unit_cost=3.0), orders, **(parts | more))


@pytest.fixture(scope="module")
def store() -> Store:
    return shop()


def test_groups_are_found_again() -> None:
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 2, 800)
    shares = np.array([[0.7, 0.2, 0.1], [0.1, 0.2, 0.7]])
    units = np.array([rng.multinomial(12, shares[k]) for k in kind])
    found = fit_groups(units, 2, rng)
    order = np.argsort(-found.shares[:, 0])
    assert found.shares[order] == pytest.approx(shares, abs=0.05)
    said = found.belongs(units)[:, order].argmax(axis=1)
    assert (said == kind).mean() > 0.97
    assert found.belongs(np.zeros((1, 3)))[0] == pytest.approx(found.size)  # who bought nothing is anybody
    with pytest.raises(DataError, match="fewer customers"):
        fit_groups(units[:1], 2, rng)


def test_columns_know_nothing_of_what_comes_after(store: Store) -> None:
    rules, day = LetterRules(groups=2), 200
    cut = store.orders["ordered_at"].min() + pd.Timedelta(days=day)
    changed = store.orders[(store.orders["ordered_at"] < cut) | (store.orders["product_id"] == "tea")]
    whole, part = (purchases_of(o, store.products, store.customers["customer_id"]) for o in (store.orders, changed))
    groups = fit_groups(whole.tastes(whole.end), 2, np.random.default_rng(0))
    np.testing.assert_allclose(columns_at(whole, day, groups, rules), columns_at(part, day, groups, rules))


def test_the_log_holds_the_letters_whose_outcome_is_known(store: Store) -> None:
    bought, rules = purchases_of(store.orders, store.products, store.customers["customer_id"]), LetterRules(groups=2)
    groups = fit_groups(bought.tastes(bought.end), 2, np.random.default_rng(0))
    log, who = letter_log(bought, store.mailings, groups, rules)
    effect = log.outcome[log.treated == 1].mean() - log.outcome[log.treated == 0].mean()
    assert effect == pytest.approx(28 * 0.06 * ((GLAD + AWAY) / 2 - 1), abs=0.06)
    late = letter_log(bought, store.mailings, groups, LetterRules(groups=2, days=200))[0]
    assert len(late) < len(log) and len(who) == len(log)
    with pytest.raises(DataError, match="which chance"):
        letter_log(bought, store.mailings.drop(columns="propensity"), groups, rules)
    with pytest.raises(DataError, match="no letter lies"):
        letter_log(bought, store.mailings, groups, LetterRules(days=1000))


def test_effects_are_those_of_the_groups(store: Store) -> None:
    bought = purchases_of(store.orders, store.products, store.customers["customer_id"])
    found = write_to(bought, store.mailings, LetterRules(groups=2, strength=100.0))
    tea = np.arange(900) % 2 == 0
    glad, away = np.nanmean(found.effect[tea]), np.nanmean(found.effect[~tea])
    assert glad == pytest.approx(28 * 0.06 * (GLAD - 1), rel=0.15)
    assert away == pytest.approx(28 * 0.06 * (AWAY - 1), rel=0.15)
    assert ((found.effect > 0) == tea)[np.isfinite(found.effect)].mean() > 0.9
    assert np.corrcoef(found.in_log, tea[found.who])[0, 1] > 0.8


def test_the_decision_writes_to_the_glad_and_says_what_the_log_says(store: Store) -> None:
    made = decide("retain", store, Options(more={"cost": 0.5}))
    tea = made.table["customer_id"].str[1:].astype(int) % 2 == 0
    assert tea[made.table["write"]].mean() > 0.95 and made.table["write"].mean() == pytest.approx(0.5, abs=0.06)
    assert made.table["write"].iloc[0] and made.how["cost"] == 0.5
    about = made.how["letters"]
    assert about["worth_of_an_order"] == pytest.approx(2 * (5 - 3), rel=0.01)
    for rival in ("nobody", "everybody"):
        assert about["gain_a_customer"][rival][1] > 0
    few = decide("retain", store, Options(more={"cost": 0.5, "most": 10}))
    assert few.table["write"].sum() == 10
    assert decide("retain", store, Options(more={"cost": 1000.0})).table["write"].sum() == 0


def test_without_an_experiment_no_letter_is_advised(store: Store) -> None:
    for mailings in (None, store.mailings.drop(columns="propensity"), store.mailings.assign(treated=True)):
        made = decide("retain", store.with_parts(mailings=mailings))
        assert "write" not in made.table and "drawn at random" in made.warnings[0]
        assert made.line.endswith("no letter is advised")


def test_the_board_adds_up() -> None:
    tiny = load_store("tiny")
    end = pd.Timestamp("2025-06-30")
    board = risk_board(tiny.orders, end, 90)
    assert (board["at_stake"].diff().dropna() <= 0).all() and board["customer_id"].is_unique
    assert board["silent"].between(0, 1).all() and (board["silent"] >= 1 - board["alive"] - 0.002).all()
    once = board["orders"] == 1
    assert (board.loc[once, "alive"] == 1).all() and (board.loc[once, "at_stake"] == 0).all()
    with pytest.raises(DataError, match="bought twice"):
        risk_board(tiny.orders.drop_duplicates("customer_id"), end, 90)


@pytest.mark.parametrize("more", [{"days": 3}, {"cost": -1}, {"margin": 0}, {"most": "all"}, {"days": True}])
def test_settings_out_of_range_are_named(more: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=next(iter(more))):
        settings_of(Options(more=more))
