"""Protocols S and X: what is read and what is not, the corrections, the money and the bars, where answers are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("lightgbm")
pytest.importorskip("sklearn")
from benchmarks.real_shop import online_shoppers, returns
from ecomlib.evaluation import calibration, ranking


def test_inputs_are_fitted_on_the_training_part_and_know_no_month_and_no_later_kind() -> None:
    rows = online_shoppers.invented()
    last = rows["Month"].isin(online_shoppers.LAST)
    train, test = rows[~last], rows[last]
    read = online_shoppers.Inputs(train, "without", "uniform")
    was = read(train)
    other = test.assign(ProductRelated=test["ProductRelated"] * 100, Browser=99, Month="Nov", PageValues=1e6)
    assert (online_shoppers.Inputs(pd.concat([train]), "without", "uniform")(train) == was).all()
    assert read(other).shape[1] == was.shape[1]  # a browser never seen has no column
    assert (read(other.assign(PageValues=0.0)) == read(other)).all()
    more = online_shoppers.Inputs(train, "with", "uniform")
    assert more(train).shape[1] == was.shape[1] + 1
    assert not (more(other.assign(PageValues=0.0)) == more(other)).all()


def test_corrections_mend_what_they_are_made_for() -> None:
    rng = np.random.default_rng(0)

    def made(n: int, share: float) -> tuple[np.ndarray, np.ndarray]:
        y = (rng.random(n) < share).astype(float)
        return y, calibration.from_log_odds(2 * rng.normal(2 * y, 1) - 2 + np.log(0.1 / 0.9))  # trained at a tenth

    before, now = made(20_000, 0.1), made(20_000, 0.25)
    fixed = online_shoppers.corrections(*before, now[1], 0.1, float(now[0].mean()))
    error = {words: calibration.ece(now[0], chance) for words, chance in fixed.items()}
    assert error["raw"] > 0.08 and error["Platt"] > 0.08  # the calibration part had the old share
    assert error["prior shift, share known"] < 0.01 and error["prior shift, share estimated"] < 0.015


def test_copies_made_before_the_split_are_found_again() -> None:
    made = online_shoppers.trap(online_shoppers.invented(2000), "without", True)
    before, after = (line["auc"] for line in made)
    assert before > 0.93 > after + 0.1


def test_a_line_is_labelled_by_sixty_days_and_periods_do_not_touch() -> None:
    orders = returns.invented(3000)
    orders.loc[0, ["returned", "returned_at"]] = [True, orders.loc[0, "ordered_at"] + pd.Timedelta("61D")]
    orders.loc[1, ["returned", "returned_at"]] = [True, orders.loc[1, "ordered_at"] + pd.Timedelta("59D")]
    rows = returns.prepared(orders)
    assert rows.loc[[0, 1], "y"].tolist() == [0.0, 1.0]
    for first, later in (("early", "valid"), ("train", "test")):
        ends = returns.part(rows, first)["ordered_at"].max() + returns.WITHIN
        assert ends < returns.part(rows, later)["ordered_at"].min()
    assert pd.Timestamp(returns.PERIODS["test"][1]) + returns.WITHIN <= pd.Timestamp("2011-12-09")


def test_tables_find_products_and_customers_that_send_back() -> None:
    rows = returns.prepared(returns.invented())
    train, test = returns.part(rows, "train"), returns.part(rows, "test")
    said = returns.table_product(train, test)
    assert ranking.auc(test["y"], said) > 0.68
    assert calibration.ece(test["y"], said) < 0.04
    names = [name for name in test if str(name).startswith(tuple(returns._READ))]
    assert not {"y", "value", "share", "quick"} & set(names)


def test_checks_cost_and_save_by_hand() -> None:
    money = {"value": [100.0, 100.0, 1.0, 50.0], "share": [1.0, 0.0, 0.0, 0.0], "y": [1.0, 0.0, 0.0, 0.0]}
    rows = pd.DataFrame(money | {"customer_id": "one"})
    said = {"sure": np.array([0.9, 0.001, 0.001, 0.001]), "blind": np.full(4, 1e-6)}
    lines, share = returns.money(rows, rows, said, 10)
    found = pd.DataFrame(lines).query("what == 'checks' and cost == 3.0").set_index("model")
    assert share == 1.0
    assert found.loc["sure", ["checked", "value"]].tolist() == [1, 22.0]  # a quarter of 100, less 3
    assert found.loc["blind", ["checked", "value"]].tolist() == [0, 0.0]
    assert found.loc["dear lines", "ahead"] == 0.0


@pytest.mark.parametrize(("low", "word"), [(0.01, "met"), (-0.01, "missed")])
def test_bars(low: float, word: str) -> None:
    rows = [
        {"what": "against", "arm": arm, "model": "network", "rival": "trees", "metric": "auc", "low": low}
        for arm in ("with", "without")
    ]
    assert set(online_shoppers.bars(pd.DataFrame(rows)).values()) == {word}
    rows = [
        {"what": "against", "model": "logistic", "rival": "product of tables", "metric": metric, "low": low}
        for metric in ("auc", "average_precision")
    ]
    assert set(returns.bars(pd.DataFrame(rows)).values()) == {word}


def test_advent_keeps_every_buyer_and_its_visits_know_what_came_back() -> None:
    from benchmarks.simulated import intent
    from ecomlib import load_store

    store = load_store("simulated", size="tiny", seed=0)
    rows = intent.visits(store)
    assert len(rows) == len(store.sessions)
    assert rows["returns"].notna().equals(rows["converted"].astype(bool))  # each order is found at its visit's end
    assert 0.02 < rows["returns"].mean() < 0.5
    learn, november, advent = intent.periods(rows, np.random.default_rng(0))
    assert learn["started_at"].max() < november["started_at"].min() < advent["started_at"].min()
    since = rows[rows["started_at"] >= november["started_at"].max().normalize() + pd.Timedelta("1D")]
    assert advent["buys"].sum() == since[since["started_at"] <= advent["started_at"].max()]["buys"].sum()
    assert advent["buys"].mean() > 1.5 * learn["buys"].mean()


@pytest.mark.parametrize(("error", "word"), [(0.015, "met"), (0.03, "missed")])
def test_the_bar_on_stores(error: float, word: str) -> None:
    from benchmarks.simulated import intent

    rows = pd.DataFrame({"model": "trees", "ece_shifted": [error - 0.001, error + 0.001], "store": [1, 2]})
    assert next(iter(intent.bars(rows).values())).startswith(word)


def test_earlier_visits_are_the_customers_own_and_how_they_ended() -> None:
    from benchmarks.simulated import advent

    day = pd.date_range("2025-01-01", periods=4)
    rows = pd.DataFrame({"customer_id": list("abaa"), "started_at": day, "buys": [1.0, 0.0, 0.0, 1.0]})
    wide = advent.before(np.array([[1.0], [2.0], [3.0], [4.0]]), rows, 3)
    assert wide.tolist() == [[1, 0, 0, 0, 0], [2, 0, 0, 0, 0], [3, 1, 1, 0, 0], [4, 3, 0, 1, 1]]


def test_rules_of_an_advent_help_whom_they_say() -> None:
    from benchmarks.simulated import advent

    n, rng = 400, np.random.default_rng(0)
    chance = rng.uniform(0.02, 0.6, n)
    rows = pd.DataFrame({"pages": np.arange(n) % 9, "minutes": 1.0, "searches": np.arange(n) % 2})
    rows = rows.assign(source=np.where(np.arange(n) < 100, "good", "poor"), buys=(rng.random(n) < chance).astype(float))
    learn = rows.assign(buys=np.where(rows["source"] == "good", 1.0, 0.0) * (np.arange(n) % 2))
    rules, facts = advent.rules_of(learn, (chance, rows["buys"].to_numpy()), rows, chance, chance)
    assert rules["whoever searched"].sum() == 200 and rules["best source"].sum() == 100
    assert rules["the likeliest half"].sum() == 200 and chance[rules["the likeliest half"]].min() >= np.median(chance)
    assert np.array_equal(rules[advent.REFERENCE], chance > 0.25) and np.array_equal(rules[advent.RAW], chance > 0.25)
    assert facts["ece_true"] == facts["ece_raw"] < facts["ece_known"], "moved odds are wrong where nothing has moved"


def test_zero_is_chosen_on_some_stores_and_judged_on_others() -> None:
    from benchmarks.simulated import advent

    money = {"nobody": 0.0, "whoever searched": 100.0, "the likeliest half": 140.0, advent.RAW: 60.0}
    money |= {"threshold, share known": 150.0, advent.OURS: 160.0, advent.REFERENCE: 300.0}
    rows = [
        {"what": "money", "store": store, "advent": season, "rule": rule, "value": value + store}
        for store in range(20)
        for season in ("rate", "people")
        for rule, value in money.items()
    ]
    models = {"LSTM, two heads": 0.75, "trees": 0.76, "logistic": 0.74, "recency": 0.7}
    rows += [
        {"what": "memory", "store": store, "task": task, "rule": rule, "auc": value}
        for store in range(20)
        for task in ("orders", "sends back")
        for rule, value in models.items()
    ]
    rows += [
        {"what": "memory", "store": store, "task": "visit", "rule": rule, "auc": 0.7 + 0.01 * (rule != "this visit")}
        for store in range(20)
        for rule in ("this visit", "and the two before")
    ]
    told = advent.verdicts(pd.DataFrame(rows), advent.CHOOSING, advent.STORES)
    assert told["zero"] == "whoever searched"
    assert told[f"rate: share of the way, {advent.OURS}"] == [0.3, 0.3, 0.3]
    assert told[f"people: {advent.OURS} less {advent.RAW}"] == [100.0, 100.0, 100.0]
    assert told["orders: LSTM less trees"] == [-0.01, -0.01, -0.01]
    assert told["visit: two more less one"] == [0.01, 0.01, 0.01]
