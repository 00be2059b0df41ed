"""Learns to mark down from a log of seasons: a planner that estimates its model, learners, and the best fixed price.

All read the same ``SeasonLog``. The planner fits a law of demand by maximum likelihood, with a level that is
hidden in each season, and solves what it has fitted over week, stock and its belief about the level (a partially
observed decision problem; Åström, 1965). Lesson 13b, section 4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, combinations_with_replacement

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import gammaln, pdtrc

from ecomlib.decisions.markdown import Law, Learned, checked_law, move
from ecomlib.decisions.season import Markdown, Seasons, law
from ecomlib.errors import DataError

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
FORMS = ("curve", "free")
_LEAST = 1e-200  # of a probability before its logarithm is taken


@dataclass(frozen=True)
class SeasonLog:
    """Hold what a shop wrote down of its seasons.

    Parameters
    ----------
    price : array
        Places on the ladder, (N, W).
    stock : array
        Units at the beginning of each week and at the end, (N, W + 1).
    """

    price: Whole
    stock: Whole

    def __post_init__(self) -> None:
        n, weeks = self.price.shape if self.price.ndim == 2 else (0, 0)
        if not n or self.stock.shape != (n, weeks + 1) or (np.diff(self.stock, axis=1) > 0).any():
            raise DataError(
                "a log has a price for each season and week, and a stock that never rises",
                value=(self.price.shape, self.stock.shape),
                remedy="give prices (N, W) and stocks (N, W + 1).",
            )

    @property
    def sold(self) -> Whole:
        """Units sold, (N, W)."""
        return -np.diff(self.stock, axis=1)

    def first(self, count: int) -> SeasonLog:
        """Take the first seasons alone."""
        return SeasonLog(self.price[:count], self.stock[:count])

    def earned(self, season: Markdown) -> Floats:
        """Compute each season's money with its salvage, (N,)."""
        return np.asarray(
            (self.sold * np.array(season.prices)[self.price]).sum(axis=1) + season.salvage * self.stock[:, -1]
        )


# A policy that may remember: prices (N, w) and stocks (N, w + 1) of the season so far -> places (N,).
Policy = Callable[[Whole, Whole], Whole]


def play(season: Markdown, policy: Policy, count: int, rng: np.random.Generator) -> SeasonLog:
    """Play seasons by a policy that sees prices and stocks so far; the same ``rng`` gives the same luck.

    Parameters
    ----------
    season : Markdown
        The season.
    policy : callable
        From prices (N, w) and stocks (N, w + 1) of the first w weeks to places on the ladder (N,).
    count : int
        Seasons.
    rng : numpy.random.Generator
        Draws luck and hidden levels.

    Examples
    --------
    >>> log = play(Markdown(), lambda price, stock: stock[:, -1] * 0 + 2, 3, np.random.default_rng(0))
    >>> log.price.shape, log.stock[:, 0].tolist()
    ((3, 8), [16, 16, 16])
    """
    seasons = Seasons(season, count, rng)
    price = np.zeros((count, season.weeks), dtype=np.int64)
    stock = np.full((count, season.weeks + 1), season.stock, dtype=np.int64)
    while not seasons.over:
        week = seasons.week
        price[:, week] = policy(price[:, :week], stock[:, : week + 1])
        seasons.step(price[:, week])
        stock[:, week + 1] = seasons.stock
    return SeasonLog(price, stock)


def pilot(season: Markdown, count: int, rng: np.random.Generator) -> SeasonLog:
    """Play seasons to learn from: every other one keeps a price drawn at random, the rest draw one each week.

    Parameters
    ----------
    season : Markdown
        The season.
    count : int
        Seasons.
    rng : numpy.random.Generator
        Draws prices, luck and hidden levels.

    Examples
    --------
    >>> log = pilot(Markdown(), 4, np.random.default_rng(0))
    >>> [len(set(prices)) for prices in log.price[::2].tolist()]
    [1, 1]
    """
    drawn = rng.integers(len(season.prices), size=(count, season.weeks))
    drawn[::2] = drawn[::2, :1]
    return play(season, lambda price, stock: drawn[:, price.shape[1]], count, rng)


def tabular(action: Whole) -> Policy:
    """Make a policy for ``play`` from places by week and stock, (W, M + 1)."""
    return lambda price, stock: np.asarray(action[price.shape[1]][stock[:, -1]])


def best_fixed_of_log(log: SeasonLog, season: Markdown) -> int:
    """Choose the price whose own seasons earned most on average, among seasons that kept one price.

    Parameters
    ----------
    log : SeasonLog
        Seasons, some of them with one price throughout.
    season : Markdown
        Prices and salvage.

    Raises
    ------
    DataError
        No season kept its price.

    Examples
    --------
    >>> log = pilot(Markdown(), 2000, np.random.default_rng(0))
    >>> best_fixed_of_log(log, Markdown()) in (1, 2)
    True
    """
    kept = (log.price == log.price[:, :1]).all(axis=1)
    if not kept.any():
        raise DataError("no season of the log kept one price", remedy="let some seasons keep theirs.")
    places, earned = len(season.prices), log.earned(season)[kept]
    count = np.bincount(log.price[kept, 0], minlength=places)
    total = np.bincount(log.price[kept, 0], weights=earned, minlength=places)
    return int(np.where(count > 0, total / np.maximum(count, 1), -np.inf).argmax())


def prices_so_far(price: Whole, places: int, parts: int = 3) -> Whole:
    """Sum up the prices charged so far as one of a few classes, (N,): 0 is high (or nothing charged yet).

    With the stock, which says how much was sold, it tells a learner something of the hidden level.

    Parameters
    ----------
    price : array
        Places on the ladder so far, (N, w).
    places, parts : int
        Prices on the ladder, and classes.

    Examples
    --------
    >>> prices_so_far(np.array([[0, 0], [4, 4]]), places=5).tolist()
    [0, 2]
    """
    if not price.shape[1]:
        return np.zeros(len(price), dtype=np.int64)
    return np.minimum(parts - 1, (price.mean(axis=1) / places * parts).astype(np.int64))


def q_from_log(
    log: SeasonLog, season: Markdown, rng: np.random.Generator, *, parts: int = 1, passes: int = 10, power: float = 0.7
) -> tuple[Learned, Policy]:
    """Learn prices from a log by Q-learning, played again and again, each season from its end (Watkins, 1989).

    Parameters
    ----------
    log : SeasonLog
        Seasons.
    season : Markdown
        Prices, stock and salvage; its demand is not looked at.
    rng : numpy.random.Generator
        Shuffles the seasons.
    parts : int
        Classes of ``prices_so_far`` in the state; 1 leaves them out: the state is week and stock.
    passes : int
        How often the log is gone through.
    power : float
        As in ``Learning``.

    Returns
    -------
    tuple
        What is believed, (W, (M + 1) · parts, A), and the policy for ``play``. Where no price was tried, the policy
        keeps the log's best fixed price.

    Examples
    --------
    >>> log = pilot(Markdown(), 200, np.random.default_rng(0))
    >>> learnt, policy = q_from_log(log, Markdown(), np.random.default_rng(0), parts=3)
    >>> learnt.value.shape
    (8, 51, 5)
    """
    places, (n, weeks) = len(season.prices), log.price.shape
    memory = np.stack([prices_so_far(log.price[:, :w], places, parts) for w in range(weeks)], axis=1)
    state = log.stock[:, :-1] * parts + memory
    money = log.sold * np.array(season.prices)[log.price]
    value = np.zeros((weeks, (season.stock + 1) * parts, places))
    visits = np.zeros(value.shape, dtype=np.int64)
    for _ in range(passes):
        order = rng.permutation(n)
        for rows in np.array_split(order, max(1, n // 50)):
            for week in reversed(range(weeks)):
                if week + 1 < weeks:
                    tried = np.where(visits[week + 1] > 0, value[week + 1], -np.inf).max(axis=1)
                    ahead = np.where(np.isfinite(tried), tried, 0.0)[state[rows, week + 1]]
                else:
                    ahead = season.salvage * log.stock[rows, -1]
                flat = state[rows, week] * places + log.price[rows, week]
                target = money[rows, week] + ahead
                move(value[week].reshape(-1), visits[week].reshape(-1), flat, target, power)
    learnt = Learned(value, visits)
    kept = (log.price == log.price[:, :1]).all(axis=1).any()
    action = np.where(visits.any(axis=2), learnt.action, best_fixed_of_log(log, season) if kept else 0)

    def policy(price: Whole, stock: Whole) -> Whole:
        place = stock[:, -1] * parts + prices_so_far(price, places, parts)
        return np.asarray(action[price.shape[1]][place])

    return learnt, policy


def fitted_q(log: SeasonLog, season: Markdown, *, degree: int = 3, penalty: float = 1.0) -> Policy:
    """Learn prices from a log by fitted Q iteration: a ridge regression a week in place of a table (section 4).

    From the last week backward, the money of the week plus the best worth of what is left is regressed on all products,
    up to ``degree``, of the stock, the mean logarithm of the prices so far, and that of the price charged (Ernst,
    Geurts and Wehenkel, 2005). What one stock has taught, its neighbours know.

    Parameters
    ----------
    log : SeasonLog
        Seasons.
    season : Markdown
        Prices, stock and salvage; its demand is not looked at.
    degree : int
        Of the polynomial: 3 makes twenty coefficients a week.
    penalty : float
        Of the ridge, above 0; the constant is free of it.

    Returns
    -------
    callable
        A policy for ``play``.

    Raises
    ------
    DataError
        The ladder has one price, or no degree or penalty.

    Examples
    --------
    >>> policy = fitted_q(pilot(Markdown(), 200, np.random.default_rng(0)), Markdown())
    >>> play(Markdown(), policy, 3, np.random.default_rng(1)).price.shape
    (3, 8)
    """
    prices, weeks = np.array(season.prices), log.price.shape[1]
    if not (len(prices) > 1 and degree >= 1 and penalty > 0):
        raise DataError(
            "a fitted Q needs a choice of prices, a degree of 1 or more and a penalty above 0",
            value=(len(prices), degree, penalty),
            remedy="give a ladder of two prices or more, degree=3 and penalty=1.0.",
        )
    logs = np.log(prices)
    scaled = 2 * (logs - logs.min()) / np.ptp(logs) - 1  # as the stock below, from -1 to 1

    def columns(price: Whole, stock: Whole, charged: Whole) -> Floats:
        so_far = scaled[price].mean(axis=1) if price.shape[1] else np.zeros(len(stock))
        known = np.stack([2 * stock[:, -1] / season.stock - 1, so_far, scaled[charged]])
        powers = (combinations_with_replacement(range(3), d) for d in range(degree + 1))
        return np.column_stack([known[list(each)].prod(axis=0) for each in chain.from_iterable(powers)])

    def worth(week: int, price: Whole, stock: Whole) -> Floats:
        each = [columns(price, stock, np.full(len(stock), k)) @ weights[week] for k in range(len(prices))]
        return np.column_stack(each)  # (N, A)

    weights: list[Floats] = [np.empty(0)] * weeks
    money, ahead = log.sold * prices[log.price], season.salvage * log.stock[:, -1]
    for week in reversed(range(weeks)):
        price, stock = log.price[:, :week], log.stock[:, : week + 1]
        seen = columns(price, stock, log.price[:, week])
        ridge = penalty * np.eye(seen.shape[1])
        ridge[0, 0] = 1e-9
        weights[week] = np.linalg.solve(seen.T @ seen + ridge, seen.T @ (money[:, week] + ahead))
        ahead = np.where(stock[:, -1] > 0, worth(week, price, stock).max(axis=1), 0.0)
    return lambda price, stock: worth(price.shape[1], price, stock).argmax(axis=1)


@dataclass(frozen=True)
class Demand:
    """Hold a fitted law of demand.

    Parameters
    ----------
    means : array
        Units wanted at level 1, (W, A).
    levels : tuple of float
        What a season's hidden level may be, all alike.
    """

    means: Floats
    levels: tuple[float, ...]

    def transitions(self, season: Markdown) -> list[Law]:
        """Compute the exact law under each level."""
        return [law(level * self.means, season.stock, season.prices) for level in self.levels]


def fit_demand(log: SeasonLog, season: Markdown, *, levels: int = 2, form: str = "curve") -> Demand:
    """Fit the law of demand to a log by maximum likelihood; a week that sold out says "at least so many" (section 4).

    Poisson(level · mean of week and price). The level is drawn once a season, one of two alike, and is integrated out.
    Every number is held by a wide normal prior (standard deviation 2 on the logarithm), or ten seasons would drive some
    to infinity.

    Parameters
    ----------
    log : SeasonLog
        Seasons.
    season : Markdown
        Prices and stock; its demand is not looked at.
    levels : int
        1 or 2: how many levels a season may have.
    form : str
        ``"curve"``: rate · fade ** week · price ** elasticity, three numbers. ``"free"``: a factor for each week and
        each price.

    Raises
    ------
    DataError
        Other levels or forms.

    Examples
    --------
    >>> log = pilot(Markdown(), 2000, np.random.default_rng(0))
    >>> bool(np.allclose(fit_demand(log, Markdown(), levels=1).means, Markdown().means(), rtol=0.15))
    True
    """
    if levels not in (1, 2) or form not in FORMS:
        raise DataError(
            "a law of demand has one or two levels and a form",
            value=(levels, form),
            remedy=f"give levels=1 or 2, and one of {', '.join(FORMS)}.",
        )
    weeks, places, most = log.price.shape[1], len(season.prices), season.stock + 1
    design = _design(weeks, np.array(season.prices), form)  # (W · A, K)
    # The log's distinct cells: week and price, units sold, and whether the shelf was empty afterwards.
    mean_of = np.arange(weeks) * places + log.price  # (N, W)
    code = (mean_of * most + log.sold) * 2 + (log.stock[:, 1:] == 0)
    cells, cell = np.unique(code, return_inverse=True)
    cell = cell.reshape(code.shape)
    empty, sold, at = cells % 2 == 1, cells // 2 % most, cells // 2 // most
    signs = np.array([-1.0, 1.0]) if levels == 2 else np.array([0.0])

    def loss(theta: Floats) -> tuple[float, Floats]:
        log_mean = (design @ theta[:-1])[at] + signs[:, None] * theta[-1]  # (L, cells)
        fits, slope = _poisson(log_mean, sold, empty)
        each = fits[:, cell].sum(axis=2)  # (L, N)
        top = each.max(axis=0)
        weight = np.exp(each - top)
        total = weight.sum(axis=0)
        weight /= total
        pull = [
            np.bincount(cell.ravel(), np.repeat(w, weeks), len(cells)) * s for w, s in zip(weight, slope, strict=True)
        ]
        to_mean = np.bincount(at, np.sum(pull, axis=0), weeks * places)
        gradient = np.append(design.T @ to_mean, signs @ np.sum(pull, axis=1))
        value = (top + np.log(total / len(signs))).sum()
        return float(-value + (theta**2).sum() / 8), -gradient + theta / 4

    start = np.append(np.zeros(design.shape[1]), 0.3 if levels == 2 else 0.0)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 200}).x
    means = np.exp(design @ found[:-1]).reshape(weeks, places)
    gap = abs(float(found[-1]))
    return Demand(means, (float(np.exp(-gap)), float(np.exp(gap))) if levels == 2 else (1.0,))


def _design(weeks: int, prices: Floats, form: str) -> Floats:
    """The columns of the logarithm of the mean, (W · A, K)."""
    week, price = (part.ravel() for part in np.indices((weeks, len(prices))))
    if form == "curve":
        return np.column_stack([np.ones(len(week)), week, np.log(prices / prices[0])[price]])
    return np.column_stack([np.eye(weeks)[week], np.eye(len(prices))[price][:, 1:]])


def _poisson(log_mean: Floats, sold: Whole, empty: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Log probability of each cell, and its slope in the log of the mean; an empty shelf means "at least"."""
    log_mean = np.clip(log_mean, -20.0, 10.0)
    mean = np.exp(log_mean)
    exactly = sold * log_mean - mean - gammaln(sold + 1)
    tail = np.where(sold > 0, pdtrc(np.maximum(sold - 1, 0), mean), 1.0)
    tail = np.maximum(tail, _LEAST)
    density = np.exp((sold - 1) * log_mean - mean - gammaln(np.maximum(sold, 1)))
    rises = np.where(sold > 0, mean * density / tail, 0.0)
    return np.where(empty, np.log(tail), exactly), np.where(empty, rises, sold - mean)


@dataclass(frozen=True)
class BeliefPlan:
    """Hold a plan over week, stock and the belief that the season is a good one.

    Parameters
    ----------
    laws : sequence of tuple
        Probabilities and money under the lower and the higher level.
    belief : array
        Its grid, (G,), from 0 to 1.
    value, action : array
        Money still to come (W + 1, M + 1, G), and places on the ladder (W, M + 1, G).
    """

    laws: tuple[Law, Law]
    belief: Floats
    value: Floats
    action: Whole

    def believed(self, price: Whole, stock: Whole) -> Floats:
        """Compute the belief that a season is a good one, (N,).

        Parameters
        ----------
        price : array
            Places on the ladder so far, (N, w).
        stock : array
            Units at the beginning of each week, and now, (N, w + 1).
        """
        odds = np.full(len(stock), 0.5)
        for week in range(price.shape[1]):
            at = (week, stock[:, week], price[:, week], stock[:, week + 1])
            odds = _bayes(odds, self.laws[0][0][at], self.laws[1][0][at])
        return odds

    def __call__(self, price: Whole, stock: Whole) -> Whole:
        """Charge for the next week: a policy for ``play``."""
        nearest = np.rint(self.believed(price, stock) * (len(self.belief) - 1)).astype(np.int64)
        return np.asarray(self.action[price.shape[1], stock[:, -1], nearest])


def solve_hidden(laws: Sequence[Law], salvage: float = 0.0, grid: int = 41) -> BeliefPlan:
    """Compute the best policy where a level is hidden: one of two, learnt from what is sold (section 4).

    The state is week, stock and belief; Bayes' rule moves the belief, which lies on a grid and is interpolated.

    Parameters
    ----------
    laws : sequence of tuple
        The two exact laws, the lower level first, from ``Markdown.transition(level)`` or ``Demand.transitions``.
    salvage : float
        Money for each unit that is left at the end.
    grid : int
        Points of belief, at least 2.

    Raises
    ------
    DataError
        There are not two laws of one shape, or no grid.

    Examples
    --------
    >>> season = Markdown(levels=(0.5, 1.5))
    >>> plan = solve_hidden([season.transition(level) for level in season.levels], season.salvage)
    >>> plan.action.shape
    (8, 17, 41)
    """
    checked = [checked_law(each) for each in laws]
    if len(checked) != 2 or checked[0][1].shape != checked[1][1].shape or grid < 2:
        raise DataError(
            "a hidden level is one of two",
            value=(len(checked), grid),
            remedy="give the laws of two levels, and a grid of two points or more.",
        )
    (bad, poor), (good, rich) = checked
    weeks, states, places = poor.shape
    belief = np.linspace(0.0, 1.0, grid)
    value, action = np.zeros((weeks + 1, states, grid)), np.zeros((weeks, states, grid), dtype=np.int64)
    value[-1] = salvage * np.arange(states)[:, None]
    stocks = np.arange(states)
    for week in reversed(range(weeks)):
        worth = np.zeros((states, places, grid))
        for g, b in enumerate(belief):
            odds = _bayes(np.full(bad[week].shape, b), bad[week], good[week])  # (M + 1, A, M + 1)
            place = odds * (grid - 1)
            low = np.minimum(place.astype(np.int64), grid - 2)
            part = place - low
            ahead = (1 - part) * value[week + 1][stocks, low] + part * value[week + 1][stocks, low + 1]
            chance = (1 - b) * bad[week] + b * good[week]
            worth[:, :, g] = (1 - b) * poor[week] + b * rich[week] + (chance * ahead).sum(axis=2)
        value[week], action[week] = worth.max(axis=1), worth.argmax(axis=1)
    return BeliefPlan((checked[0], checked[1]), belief, value, action)


def _bayes(odds: Floats, bad: Floats, good: Floats) -> Floats:
    """The belief after what was seen; where neither level allows it, as before."""
    bad, good = np.maximum(bad, 0.0), np.maximum(good, 0.0)
    total = odds * good + (1 - odds) * bad
    return np.where(total > 0, odds * good / np.where(total > 0, total, 1.0), odds)
