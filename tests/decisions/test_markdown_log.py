"""Learning from a log of seasons: the fitted law, the plan over belief, and their rivals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import check_grad

from ecomlib.decisions import markdown_log
from ecomlib.decisions.markdown import evaluate, solve
from ecomlib.decisions.markdown_log import (
    SeasonLog,
    best_fixed_of_log,
    fit_demand,
    fitted_q,
    pilot,
    play,
    prices_so_far,
    q_from_log,
    solve_hidden,
    tabular,
)
from ecomlib.decisions.season import Markdown
from ecomlib.errors import DataError

SEASON = Markdown(levels=(0.5, 1.5))
LAWS = [SEASON.transition(level) for level in SEASON.levels]


def worth(policy, season: Markdown = SEASON, count: int = 4000) -> float:
    return float(play(season, policy, count, np.random.default_rng(99)).earned(season).mean())


def test_a_log_adds_up() -> None:
    log = pilot(SEASON, 50, np.random.default_rng(0))
    assert log.sold.sum() == 50 * 16 - log.stock[:, -1].sum()
    assert (log.price[::2] == log.price[::2, :1]).all() and log.first(3).price.shape == (3, 8)
    one = SeasonLog(np.array([[0, 2]]), np.array([[3, 2, 1]]))
    assert one.earned(Markdown(weeks=2, stock=3)).tolist() == [10.0 + 7.0 + 0.5]
    with pytest.raises(DataError, match="never rises"):
        SeasonLog(np.array([[0]]), np.array([[1, 2]]))


def test_play_earns_what_evaluation_says() -> None:
    season = Markdown()
    action = solve(season.transition(), season.salvage).action
    exact = evaluate(season.transition(), action, season.salvage)[0, -1]
    earned = play(season, tabular(action), 20_000, np.random.default_rng(1)).earned(season)
    assert abs(earned.mean() - exact) < 4 * earned.std() / np.sqrt(len(earned))


@pytest.mark.parametrize("form", markdown_log.FORMS)
def test_the_law_is_found_in_a_long_log(form: str) -> None:
    fitted = fit_demand(pilot(SEASON, 5000, np.random.default_rng(2)), SEASON, form=form)
    for level, true in zip(fitted.levels, SEASON.levels, strict=True):
        np.testing.assert_allclose(level * fitted.means[:6], SEASON.means(true)[:6], rtol=0.12)


def test_a_sold_out_week_says_at_least() -> None:
    """One coat and a mean of two: taken as 'one was wanted', the mean would be 0.86."""
    season = Markdown(weeks=1, stock=1, prices=(2.0,), rate=2.0)
    fitted = fit_demand(pilot(season, 20_000, np.random.default_rng(0)), season, levels=1, form="free")
    assert fitted.means[0, 0] == pytest.approx(2.0, rel=0.05)
    assert fitted.levels == (1.0,)


def test_the_gradient_is_the_slope_of_the_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {}
    real = markdown_log.minimize

    def caught(loss, start, **kwargs):
        seen["loss"], seen["size"] = loss, len(start)
        return real(loss, start, **kwargs)

    monkeypatch.setattr(markdown_log, "minimize", caught)
    fit_demand(pilot(SEASON, 30, np.random.default_rng(0)), SEASON, form="free")
    at = np.random.default_rng(1).normal(0, 0.3, seen["size"])
    slope = seen["loss"](at)[1]
    assert check_grad(lambda x: seen["loss"](x)[0], lambda x: seen["loss"](x)[1], at) < 1e-5 * np.linalg.norm(slope)


def test_belief_is_bayes_rule() -> None:
    plan = solve_hidden(LAWS, SEASON.salvage)
    price, stock = np.array([[0], [0]]), np.array([[16, 16], [16, 10]])
    bad, good = (chance[0, 16, 0, [16, 10]] for chance, _ in LAWS)
    np.testing.assert_allclose(plan.believed(price, stock), good / (bad + good))
    assert plan.believed(price[:, :0], stock[:, :1]).tolist() == [0.5, 0.5]


def test_two_levels_alike_are_no_secret() -> None:
    season = Markdown()
    known, hidden = solve(season.transition(), season.salvage), solve_hidden([season.transition()] * 2, season.salvage)
    np.testing.assert_allclose(hidden.value[:, :, 20], known.value, atol=1e-9)
    np.testing.assert_array_equal(hidden.action[:, :, 7], known.action)


def test_the_plan_over_belief_earns_what_it_says() -> None:
    plan = solve_hidden(LAWS, SEASON.salvage)
    earned = play(SEASON, plan, 20_000, np.random.default_rng(3)).earned(SEASON)
    assert abs(earned.mean() - plan.value[0, -1, 20]) < 4 * earned.std() / np.sqrt(len(earned))
    knows = np.mean([solve(law, SEASON.salvage).value[0, -1] for law in LAWS])
    assert plan.value[0, -1, 20] < knows


def test_from_a_hundred_seasons_the_planner_beats_the_rest() -> None:
    log = pilot(SEASON, 100, np.random.default_rng(7))
    plan = solve_hidden(fit_demand(log, SEASON).transitions(SEASON), SEASON.salvage)
    fixed = best_fixed_of_log(log, SEASON)
    always, learnt = worth(lambda price, stock: np.full(len(stock), fixed)), []
    for parts in (1, 3):
        found, policy = q_from_log(log, SEASON, np.random.default_rng(0), parts=parts, passes=3)
        assert found.visits.sum() == 3 * 100 * 8
        learnt.append(worth(policy))
    assert worth(plan) > 1.08 * max(always, *learnt)
    assert worth(plan) > 1.03 * worth(fitted_q(log, SEASON)) > 1.03 * max(learnt)  # a curve learns faster than a table


def test_a_regression_finds_what_a_season_of_one_week_is_worth() -> None:
    """At 4.00 both coats go, at 10.00 one: 8.00 against 10.50, and for the last coat 4.00 against 10.00."""
    season = Markdown(weeks=1, stock=2, prices=(10.0, 4.0), salvage=0.5)
    log = SeasonLog(np.array([[0], [1]] * 300), np.array([[2, 1], [2, 0]] * 300))
    assert fitted_q(log, season)(log.price[:1, :0], np.array([[2]])).tolist() == [0]
    clearance = SeasonLog(log.price, np.array([[2, 2], [2, 0]] * 300))  # nobody buys at 10.00: 1.00 against 8.00
    assert fitted_q(clearance, season)(log.price[:1, :0], np.array([[2]])).tolist() == [1]


def test_what_nobody_tried_is_left_at_the_fixed_price() -> None:
    log = SeasonLog(np.ones((2, 8), dtype=int), np.full((2, 9), 16))
    policy = q_from_log(log, SEASON, np.random.default_rng(0), passes=1)[1]
    assert policy(log.price[:, :3], np.full((2, 4), 4)).tolist() == [1, 1]
    assert best_fixed_of_log(log, SEASON) == 1
    with pytest.raises(DataError, match="kept one price"):
        best_fixed_of_log(SeasonLog(np.array([[0, 1]]), np.array([[2, 2, 2]])), Markdown(weeks=2, stock=2))


def test_prices_so_far_are_three_classes() -> None:
    assert prices_so_far(np.array([[0, 1], [2, 2], [4, 4], [4, 1]]), 5).tolist() == [0, 1, 2, 1]
    assert prices_so_far(np.zeros((2, 0), dtype=int), 5).tolist() == [0, 0]


def test_what_does_not_fit_is_refused() -> None:
    log = pilot(SEASON, 4, np.random.default_rng(0))
    for wrong in ({"levels": 3}, {"form": "spline"}):
        with pytest.raises(DataError, match="one or two levels"):
            fit_demand(log, SEASON, **wrong)
    for settings in ({"degree": 0}, {"penalty": 0.0}):
        with pytest.raises(DataError, match="fitted Q"):
            fitted_q(log, SEASON, **settings)
    with pytest.raises(DataError, match="fitted Q"):
        fitted_q(SeasonLog(np.array([[0]]), np.array([[1, 0]])), Markdown(weeks=1, stock=1, prices=(2.0,)))
    for laws, grid in (([LAWS[0]], 41), (LAWS, 1)):
        with pytest.raises(DataError, match="one of two"):
            solve_hidden(laws, grid=grid)
