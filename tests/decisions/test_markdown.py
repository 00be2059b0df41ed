"""A season's last stock: exact answers by hand, and learners that come within 2 % of them, worst of ten seeds."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from ecomlib.decisions.markdown import Learning, evaluate, fixed_prices, move, q_learning, sarsa, solve, td0
from ecomlib.decisions.season import Markdown, law
from ecomlib.errors import CallError, DataError

SEASON = Markdown()  # the best fixed price loses more than 5 % of it
LAW = SEASON.transition()
TEN = range(10)


def test_two_weeks_and_two_coats_by_hand() -> None:
    # At 10 a coat sells with a chance of ½, at 6 surely; one buyer a week at most; no salvage.
    chance, money = np.zeros((2, 3, 2, 3)), np.zeros((2, 3, 2))
    for week, stock, (place, (price, sells)) in product(range(2), range(3), enumerate(((10.0, 0.5), (6.0, 1.0)))):
        sells = sells if stock else 0.0
        chance[week, stock, place, stock] += 1 - sells
        chance[week, stock, place, stock - bool(stock)] += sells
        money[week, stock, place] = price * sells
    plan = solve((chance, money))
    assert plan.value.tolist() == [[0.0, 8.0, 12.0], [0.0, 6.0, 6.0], [0.0, 0.0, 0.0]]
    assert plan.action[:, 1:].tolist() == [[0, 1], [1, 1]]  # one coat may wait, two may not
    assert fixed_prices((chance, money)).tolist() == [10.0, 12.0]


def test_dynamic_programming_beats_every_policy_of_a_small_season() -> None:
    season = Markdown(weeks=2, stock=2, prices=(3.0, 2.0), rate=1.0, salvage=0.3)
    plan = solve(season.transition(), season.salvage)
    each = [
        evaluate(season.transition(), np.array(choice).reshape(2, 3), season.salvage)
        for choice in product(range(2), repeat=6)
    ]
    np.testing.assert_allclose(plan.value, np.max(each, axis=0))
    np.testing.assert_allclose(evaluate(season.transition(), plan.action, season.salvage), plan.value)


def test_the_instance_and_the_shape_of_its_plan() -> None:
    plan = solve(LAW, SEASON.salvage)
    assert plan.value[0, -1] == pytest.approx(113.66, abs=0.01)
    assert 0.93 < fixed_prices(LAW, SEASON.salvage).max() / plan.value[0, -1] < 0.95
    assert (np.diff(plan.value, axis=1) > 0).all() and (np.diff(plan.value[:-1], axis=0)[:, 1:] < 0).all()
    assert np.diff(plan.value[0], n=2).max() < 1e-9  # at first, another coat adds less and less
    assert (np.diff(plan.action, axis=1) >= 0).all()  # more coats, lower price


def test_a_policy_may_be_drawn() -> None:
    mixed = np.full((8, 17, 5), 0.2)
    each = [evaluate(LAW, np.full((8, 17), k), SEASON.salvage)[-2, 5] for k in range(5)]
    assert evaluate(LAW, mixed, SEASON.salvage)[-2, 5] == pytest.approx(np.mean(each))


def test_td0_is_within_two_per_cent_worst_of_ten() -> None:
    settings = Learning(seasons=4000)
    for action in (np.full((8, 17), 2), solve(LAW, SEASON.salvage).action):
        exact = evaluate(LAW, action, SEASON.salvage)[0, -1]
        learnt = [td0(SEASON, action, np.random.default_rng(seed), settings)[0, -1] for seed in TEN]
        assert np.abs(np.array(learnt) / exact - 1).max() < 0.02


@pytest.mark.parametrize("learn", [sarsa, q_learning])
def test_a_learner_is_within_two_per_cent_worst_of_ten(learn) -> None:
    best = solve(LAW, SEASON.salvage).value[0, -1]
    learnt = [learn(SEASON, np.random.default_rng(seed)) for seed in TEN]
    worth = [evaluate(LAW, found.action, SEASON.salvage)[0, -1] for found in learnt]
    assert min(worth) > 0.98 * best
    assert min(worth) > fixed_prices(LAW, SEASON.salvage).max()
    if learn is q_learning:  # SARSA believes less: it has paid for its own exploration
        assert all(abs(found.value[0, -1].max() / best - 1) < 0.02 for found in learnt)
    assert learnt[0].visits[0].sum() == Learning().seasons


def test_one_season_at_a_time_is_the_textbook() -> None:
    season, rng = Markdown(weeks=3, stock=2), np.random.default_rng(5)
    learnt = q_learning(season, rng, Learning(seasons=1, batch=1, explore=0.0))
    assert learnt.visits.sum() == 3 and (learnt.visits.sum(axis=(1, 2)) == 1).all()
    assert learnt.value[0].sum() in {0.0, *(k * p for k in (1, 2) for p in season.prices)}  # first target: money alone


def test_many_targets_at_once_move_as_their_mean() -> None:
    value, visits = np.array([1.0, 0.0]), np.array([3, 0])
    move(value, visits, np.array([0]), np.array([5.0]), power=1.0)
    assert value[0] == 2.0 and visits[0] == 4  # a quarter of the way
    assert value[1] == 0.0


def test_means_need_not_follow_the_formula() -> None:
    np.testing.assert_array_equal(law(SEASON.means(), 16, SEASON.prices)[0], LAW[0])


@pytest.mark.parametrize(
    "call",
    [
        lambda: solve((LAW[0], LAW[1][:, :-1])),
        lambda: evaluate(LAW, np.full((8, 17), 5)),
        lambda: evaluate(LAW, np.full((8, 16), 0)),
        lambda: evaluate(LAW, np.full((8, 17, 5), 0.3)),
        lambda: td0(SEASON, np.full((8, 17), -1), np.random.default_rng(0)),
        lambda: Learning(seasons=0),
        lambda: Learning(power=0.3),
        lambda: Learning(explore=1.5),
    ],
)
def test_what_does_not_fit_is_refused(call) -> None:
    with pytest.raises(DataError, match="What to do"):
        call()


def test_a_setting_that_does_not_exist() -> None:
    with pytest.raises(CallError):
        Learning(epochs=3)
