"""Protocols H and D, letters: halves that do not meet, learners that have not seen whom they score, and truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.real_shop import letters as hillstrom
from benchmarks.real_shop import letters_why
from benchmarks.simulated import letters
from ecomlib.decisions.qini import qini
from ecomlib.stores.simulated import make_store


@pytest.fixture(scope="module")
def data() -> hillstrom._Data:
    return hillstrom._Data(hillstrom.invented(9000))


def test_the_halves_are_drawn_once_and_do_not_meet() -> None:
    first, second = hillstrom.halves(1001)
    assert len(set(first) & set(second)) == 0 and len(first) + len(second) == 1001
    np.testing.assert_array_equal(first, hillstrom.halves(1001)[0])


def test_the_covariates_hold_nothing_of_what_followed(data: hillstrom._Data) -> None:
    table = hillstrom.invented(500)
    other = table.assign(visit=1 - table["visit"], spend=9.0, segment=table["segment"].to_numpy()[::-1])
    pd.testing.assert_frame_equal(hillstrom.known_before(table), hillstrom.known_before(other))
    assert not {"visit", "conversion", "spend", "segment"} & set(data.known)


def test_scores_are_made_without_the_customer(data: hillstrom._Data) -> None:
    make = hillstrom.BASES["ridge"]
    was = hillstrom.rankings(data, None, make)
    log, within = data.against_none(hillstrom.WOMENS, "visit")
    changed = hillstrom._Data(hillstrom.invented(9000))
    out = data.fold == 0
    changed.visit = np.where(out, 1 - data.visit, data.visit)
    now = hillstrom.rankings(changed, None, make)
    mine = out[within]
    for name in ("S", "T", "X", "DR", "response, everybody"):
        np.testing.assert_allclose(was[name][mine], now[name][mine])
        assert not np.allclose(was[name][~mine], now[name][~mine])
    assert len(log) == within.sum()


def test_what_was_put_in_is_found_and_money_is_paired(data: hillstrom._Data) -> None:
    scores = hillstrom.rankings(data, None, hillstrom.BASES["ridge"])
    board = hillstrom.ranking_table(data, scores, 60).query("what == 'qini'").set_index("model")
    assert board.loc["rule: bought women's", "low"] > 0 and board.loc["DR", "low"] > 0
    money = hillstrom.money_table(data, hillstrom.learned(data, None, hillstrom.BASES["ridge"]))
    two = money[money["model"].eq("women's to all") & money["rival"].eq("men's to all")]
    assert two["value"].std() == pytest.approx(0, abs=1e-9), "both mail everybody: the cost cancels"
    nobody = money[money["model"].eq("men's to all") & money["rival"].eq("nobody")].set_index("cost")["value"]
    assert nobody[0.0] - nobody[0.5] == pytest.approx(0.5)


@pytest.fixture(scope="module")
def tiny() -> tuple:
    store = make_store("tiny", 0)
    return store, letters.shop_of(store.observed())


def test_lists_are_judged_by_the_truth_of_those_who_are_there(tiny: tuple) -> None:
    store, shop = tiny
    made = letters.lists(shop, {"all of them": np.full(len(shop.bought.customers), 9.0)}, 0.1)
    table = letters.judged(store, shop, made, 0.1, 0).set_index(["horizon", "policy"])["profit"]
    people = store.truth.customers
    here = people["left_on"].isna()
    for horizon in letters.HORIZONS:
        by_hand = shop.margin * people.loc[here, f"mailing_orders_{horizon}"].sum() - 0.1 * len(people)
        assert table[horizon, letters.EVERYBODY] == pytest.approx(by_hand)
        assert table[horizon, letters.REFERENCE] >= table[horizon].max() - 1e-9
        assert table[horizon, letters.NOBODY] == 0


def test_cells_are_group_and_recent(tiny: tuple) -> None:
    _, shop = tiny
    now = letters.columns_at(shop.bought, shop.bought.end, shop.groups, letters.RULES)
    belongs = shop.groups.belongs(shop.bought.tastes(shop.bought.end))
    recent = shop.bought.idle(shop.bought.end) < letters.RULES.recent
    np.testing.assert_array_equal(letters.cells(now), 2 * belongs.argmax(axis=1) + recent)


def test_later_outcomes_count_what_they_say(tiny: tuple) -> None:
    _, shop = tiny
    bought = shop.bought
    month, carried = letters.month(bought, 30), letters.carried_on(bought, 30)
    rest = bought.orders(58, 142)
    np.testing.assert_allclose(carried - month, rest * (182 - 28) / (112 - 28))
    assert (letters.still_buying(bought, 30) >= month).all()
    np.testing.assert_array_equal(letters.half_year(bought, 0), bought.orders(0, 182))


def test_counts_of_the_treated_by_hand_and_half_of_ours(data: hillstrom._Data) -> None:
    toy = [np.array(part, dtype=float) for part in ([4, 3, 2, 1], [1, 0, 1, 1], [1, 0, 1, 0])]
    # visits more, a customer: 1/4, 1/4, 2/4, (2 - 1)/4, and the line ends at 1/4
    assert letters_why.counted(*toy, np.random.default_rng(0)) == pytest.approx(0.28125 - 0.125)
    log, within = data.against_none(hillstrom.WOMENS, "visit")
    score = data.known["womens"].to_numpy()[within]
    ours = qini(score, log.outcome, log.treated, 0.5, rng=np.random.default_rng(0))
    assert letters_why.counted(score, log.outcome, log.treated, np.random.default_rng(0)) == pytest.approx(
        ours / 2, rel=0.15
    )


def test_shuffled_letters_rank_nobody(data: hillstrom._Data, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letters_why, "SHUFFLES", 8)
    found = letters_why.both_ways(data).set_index("score")["qini"]
    for kind in ("T", "DR"):
        drawn = found[found.index.str.startswith(f"{kind}, letters shuffled")]
        assert len(drawn) == 8 and abs(drawn.mean()) < 4 * drawn.std() / np.sqrt(8)
        assert found[kind] > drawn.max()


def test_a_list_is_paired_with_its_rivals_store_by_store() -> None:
    ours, money = letters.LIST, np.arange(10.0)
    rows = [
        {"store": k, "cost": 0.1, "horizon": "26w", "policy": name, "profit": value}
        for k, luck in enumerate(money)
        for name, value in ((ours, 100 * luck + 7), (letters.LATELY, 100 * luck + 5))
    ]
    found = letters.paired(pd.DataFrame(rows), {(0.1, "26w"): letters.LATELY}).iloc[0]
    assert (found["more"], found["low"], found["high"], found["detectable"]) == (2.0, 2.0, 2.0, 0.0)
    assert found["ahead"] == 10 and found["primary"] and found["part"] == pytest.approx(20 / 4550)
