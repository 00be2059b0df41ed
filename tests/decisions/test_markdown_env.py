"""A season's last stock: its exact law, and seasons that follow it.

Seeds are fixed; statistical tests use four standard errors.
"""

from __future__ import annotations

import warnings
from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip("gymnasium", reason="the extra decide is not installed")
from gymnasium.utils.env_checker import check_env

from ecomlib.decisions.markdown_env import Markdown, MarkdownEnv, Seasons
from ecomlib.errors import CallError, DataError


def best(season: Markdown, level: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Values (W + 1, M + 1) and best actions (W, M + 1), by backward induction."""
    chance, money = season.transition(level)
    value = np.empty((season.weeks + 1, season.stock + 1))
    value[-1] = season.salvage * np.arange(season.stock + 1)
    action = np.empty((season.weeks, season.stock + 1), dtype=int)
    for week in reversed(range(season.weeks)):
        worth = money[week] + chance[week] @ value[week + 1]
        value[week], action[week] = worth.max(axis=1), worth.argmax(axis=1)
    return value, action


def earned(season: Markdown, action: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    seasons, total = Seasons(season, count, np.random.default_rng(seed)), np.zeros(count)
    while not seasons.over:
        total += seasons.step(action[seasons.week][seasons.stock])
    return total


def test_probabilities_add_up_and_stock_never_rises() -> None:
    chance, money = Markdown().transition()
    assert chance.shape == (8, 17, 5, 17) and money.shape == (8, 17, 5)
    np.testing.assert_allclose(chance.sum(axis=3), 1.0)
    np.testing.assert_array_equal(MarkdownEnv().transition()[0], chance)
    assert (chance >= -1e-12).all() and not np.triu(chance[3, :, 2], 1).any()
    assert not money[:, 0].any()


def test_one_week_by_hand() -> None:
    season = Markdown(weeks=1, stock=2, prices=(3.0,), rate=1.0, salvage=1.0)
    chance, money = season.transition()
    e = np.exp(-1)
    np.testing.assert_allclose(chance[0, 2, 0], [1 - 2 * e, e, e])
    assert money[0, 2, 0] == pytest.approx(3 * (2 * (1 - 2 * e) + e))


def test_seasons_earn_what_dynamic_programming_says() -> None:
    season = Markdown()
    value, action = best(season)
    n = 40_000
    total = earned(season, action, n)
    assert abs(total.mean() - value[0, -1]) < 4 * total.std() / np.sqrt(n)


def test_a_fixed_price_loses_a_twentieth() -> None:
    season = Markdown()
    value, _ = best(season)
    chance, money = season.transition()
    fixed = []
    for price in range(len(season.prices)):
        worth = season.salvage * np.arange(season.stock + 1)
        for week in reversed(range(season.weeks)):
            worth = money[week, :, price] + chance[week, :, price] @ worth
        fixed.append(worth[-1])
    assert max(fixed) < 0.95 * value[0, -1]


def test_luck_is_shared_and_a_lower_price_never_sells_less() -> None:
    season = Markdown()
    sold = []
    for price in range(5):
        seasons = Seasons(season, 500, np.random.default_rng(3))
        seasons.step(np.full(500, price))
        sold.append(season.stock - seasons.stock)
    assert all((low >= high).all() for high, low in pairwise(sold))
    again = earned(season, best(season)[1], 200, seed=5)
    np.testing.assert_array_equal(again, earned(season, best(season)[1], 200, seed=5))


def test_what_is_written_into_the_stock_that_is_shown_changes_nothing() -> None:
    season = Markdown()
    totals = []
    for thief in (False, True):
        seasons, total = Seasons(season, 50, np.random.default_rng(0)), 0.0
        while not seasons.over:
            shown = seasons.stock
            if thief:
                shown += 100
            total += seasons.step(np.full(50, 2)).sum()
        totals.append(total)
    assert totals[0] == totals[1]
    with pytest.raises(AttributeError):
        seasons.stock = np.full(50, 100)  # type: ignore[misc]
    with pytest.raises(AttributeError):
        seasons.week = 0  # type: ignore[misc]


def test_places_on_the_ladder_may_be_any_whole_numbers() -> None:
    earned = []
    for kind in (np.int64, np.int8, float, bool):
        seasons = Seasons(Markdown(weeks=1, prices=(9.0, 4.0)), 2, np.random.default_rng(1))
        earned.append(seasons.step(np.array([0, 1]).astype(kind)).tolist())
    assert earned[0] == earned[1] == earned[2] == earned[3]


def test_a_hidden_level_is_drawn_and_not_shown() -> None:
    season = Markdown(levels=(0.5, 2.0))
    seasons = Seasons(season, 20_000, np.random.default_rng(0))
    seasons.step(np.zeros(20_000, dtype=int))
    sold = season.stock - seasons.stock
    assert abs(sold.mean() - 1.25 * season.rate) < 4 * sold.std() / np.sqrt(20_000)
    assert sold.var() > 1.5 * sold.mean(), "two laws are mixed"
    assert MarkdownEnv(levels=(0.5, 2.0)).reset(seed=0)[0].tolist() == [0, 16]


def test_the_checker_of_gymnasium_passes() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_env(MarkdownEnv(), skip_render_check=True)


def test_the_face_earns_what_the_seasons_earn() -> None:
    env, season = MarkdownEnv(), Markdown()
    _, action = best(season)
    totals = []
    for luck in range(400):
        (week, stock), _ = env.reset(seed=luck)
        total, over = 0.0, False
        while not over:
            (week, stock), reward, over, _, _ = env.step(int(action[week][stock]))
            total += reward
        totals.append(total)
    many = earned(season, action, 20_000)
    assert abs(np.mean(totals) - many.mean()) < 4 * many.std() / np.sqrt(400)


def test_what_is_no_season_is_refused() -> None:
    sizes = ({"weeks": 0}, {"stock": 0}, {"weeks": 2.5}, {"stock": 16.5}, {"prices": ()}, {"levels": ()})
    nan, inf = float("nan"), float("inf")
    values = ({"prices": (1.0, 0.0)}, {"levels": (0.0,)}, {"levels": (1.0, nan)}, {"prices": (inf, 1.0)}, {"rate": inf})
    for wrong in (*sizes, *values, {"elasticity": nan}, {"salvage": inf}):
        with pytest.raises(DataError):
            Markdown(**wrong)
    with pytest.raises(CallError, match="price"):
        MarkdownEnv(price=(1.0,))
    seasons = Seasons(Markdown(weeks=1), 2, np.random.default_rng(0))
    for action in (np.array([0]), np.array([0, 5]), np.array([0, -1]), np.array([0.5, 1.0])):
        with pytest.raises(DataError, match="5 prices"):
            seasons.step(action)
    seasons.step(np.array([0, 1]))
    with pytest.raises(DataError, match="over"):
        seasons.step(np.array([0, 1]))
