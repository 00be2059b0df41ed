"""Marks down a season's last stock: exact dynamic programming, and three ways of learning without a model.

A season is a Markov decision problem: the state is week and stock, the action a place on the price ladder, the reward
money. ``solve`` goes backward through its exact law (Bellman, 1957; Gallego and van Ryzin, 1994), ``evaluate`` says
what any policy earns. ``td0``, ``sarsa`` and ``q_learning`` (Sutton and Barto, 2018, chapter 6; Watkins, 1989) see only
seasons. Lesson 13b derives all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isfinite
from numbers import Integral

import numpy as np
from numpy.typing import NDArray

from ecomlib.decisions.season import Markdown, Seasons
from ecomlib.errors import DataError, explained

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
Law = tuple[Floats, Floats]


@dataclass(frozen=True)
class Plan:
    """Hold what a season is worth and what to charge.

    Parameters
    ----------
    value : array
        Money still to come, (W + 1, M + 1): by week and stock. The last row is the salvage.
    action : array
        Places on the ladder, (W, M + 1).
    """

    value: Floats
    action: Whole


def solve(transition: Law, salvage: float = 0.0) -> Plan:
    """Compute the best policy by dynamic programming, from the last week backward (lesson 13b, section 2).

    Parameters
    ----------
    transition : tuple of array
        Probabilities (W, M + 1, A, M + 1) and expected money (W, M + 1, A), as ``Markdown.transition`` returns them.
    salvage : float
        Money for each unit that is left at the end.

    Returns
    -------
    Plan
        The value of the best policy, and that policy. Of prices worth the same, the first on the ladder.

    Raises
    ------
    DataError
        Probabilities and money do not belong together.

    Examples
    --------
    >>> season = Markdown(weeks=1, stock=1, prices=(2.0, 1.0), rate=1.0, salvage=0.0)
    >>> plan = solve(season.transition(), season.salvage)
    >>> plan.action[0, 1].item(), plan.value[0, 1].round(3).item()
    (0, 1.264)
    """
    chance, money = checked_law(transition)
    weeks, states = money.shape[:2]
    value, action = _end(weeks, states, salvage), np.zeros((weeks, states), dtype=np.int64)
    for week in reversed(range(weeks)):
        worth = money[week] + chance[week] @ value[week + 1]  # (M + 1, A)
        value[week], action[week] = worth.max(axis=1), worth.argmax(axis=1)
    return Plan(value, action)


def evaluate(transition: Law, action: NDArray[np.generic], salvage: float = 0.0) -> Floats:
    """Compute exactly what a policy earns, (W + 1, M + 1): from each week and stock on.

    Parameters
    ----------
    transition : tuple of array
        As ``solve`` takes it.
    action : array
        Places on the ladder, (W, M + 1), or the probabilities of all prices, (W, M + 1, A).
    salvage : float
        Money for each unit that is left at the end.

    Raises
    ------
    DataError
        The policy does not fit the season.

    Examples
    --------
    >>> season = Markdown()
    >>> plan = solve(season.transition(), season.salvage)
    >>> bool(np.allclose(evaluate(season.transition(), plan.action, season.salvage), plan.value))
    True
    """
    chance, money = checked_law(transition)
    weeks, states, places = money.shape
    chosen = _probabilities(action, (weeks, states, places))
    value = _end(weeks, states, salvage)
    for week in reversed(range(weeks)):
        value[week] = (chosen[week] * (money[week] + chance[week] @ value[week + 1])).sum(axis=1)
    return value


def fixed_prices(transition: Law, salvage: float = 0.0) -> Floats:
    """Compute what each price earns when it is kept all season, (A,): from the full stock.

    The rival of every markdown plan: its ``argmax`` is the best fixed price.

    Parameters
    ----------
    transition : tuple of array
        As ``solve`` takes it.
    salvage : float
        Money for each unit that is left at the end.

    Examples
    --------
    >>> season = Markdown()
    >>> fixed_prices(season.transition(), season.salvage).round(1).tolist()
    [93.3, 105.0, 107.2, 88.0, 64.0]
    """
    chance, money = checked_law(transition)
    shape = money.shape[:2]
    return np.array(
        [evaluate((chance, money), np.full(shape, k), salvage)[0, -1] for k in range(money.shape[2])],
    )


@explained()
@dataclass(frozen=True)
class Learning:
    """Say how a learner learns.

    Parameters
    ----------
    seasons : int
        How many it plays.
    batch : int
        Seasons played side by side; a value moves by their mean. 1 is the textbook's way.
    power : float
        The n-th visit of a state moves its value by 1 / n ** power of the way: 1 is the plain mean, 0.5 forgets fast.
    explore : float
        The share of prices drawn at random at first. It falls to zero in a straight line.
    """

    seasons: int = 20_000
    batch: int = 50
    power: float = 0.7
    explore: float = 0.5

    def __post_init__(self) -> None:
        whole = all(isinstance(n, Integral) and not isinstance(n, bool) and n >= 1 for n in (self.seasons, self.batch))
        if not (whole and 0.5 <= self.power <= 1 and 0 <= self.explore <= 1):
            raise DataError(
                "a learner plays a season at least, and steps and exploration are shares",
                value=self,
                remedy="give whole numbers of seasons, a power from 0.5 to 1 and a share from 0 to 1.",
            )


@dataclass(frozen=True)
class Learned:
    """Hold what a learner believes a price is worth.

    Parameters
    ----------
    value : array
        Money still to come after each price, (W, M + 1, A).
    visits : array
        How often each was tried, (W, M + 1, A).
    """

    value: Floats
    visits: Whole

    @property
    def action(self) -> Whole:
        """Name the best of the prices that were tried, (W, M + 1); the first where none was."""
        tried = np.where(self.visits > 0, self.value, -np.inf)
        return np.asarray(tried.argmax(axis=2))


def td0(
    season: Markdown, action: NDArray[np.generic], rng: np.random.Generator, settings: Learning | None = None
) -> Floats:
    """Learn what a policy earns by temporal differences, TD(0), (W + 1, M + 1) (lesson 13b, section 3).

    After each week: value += step · (money + value of what is left − value). Nothing is explored; what the policy never
    reaches keeps the value zero.

    Parameters
    ----------
    season : Markdown
        The season; its law is not looked at.
    action : array
        Places on the ladder, (W, M + 1).
    rng : numpy.random.Generator
        Draws the luck.
    settings : Learning, optional
        ``explore`` has no meaning here.

    Raises
    ------
    DataError
        The policy does not fit the season.

    Examples
    --------
    >>> season = Markdown(weeks=1, stock=1, prices=(2.0,), rate=1.0)
    >>> learnt = td0(season, np.zeros((1, 2), dtype=int), np.random.default_rng(0), Learning(seasons=2000, power=1.0))
    >>> bool(abs(learnt[0, 1] - 1.448) < 0.1)  # 2.00 with a chance of 0.632, else 0.50
    True
    """
    settings = settings or Learning()
    _probabilities(action, (season.weeks, season.stock + 1, len(season.prices)))
    chosen = np.asarray(action, dtype=np.int64)
    value, visits = np.zeros((season.weeks + 1, season.stock + 1)), np.zeros((season.weeks, season.stock + 1), int)
    for seasons in _batches(season, rng, settings):
        while not seasons.over:
            week, stock = seasons.week, seasons.stock
            target = seasons.step(chosen[week][stock]) + value[week + 1][seasons.stock]
            move(value[week], visits[week], stock, target, settings.power)
    return value


def sarsa(season: Markdown, rng: np.random.Generator, settings: Learning | None = None) -> Learned:
    """Learn prices on policy: the target is the price that is really charged next (Sutton and Barto, 2018, 6.4).

    Parameters
    ----------
    season : Markdown
        The season; its law is not looked at.
    rng : numpy.random.Generator
        Draws luck and exploration.
    settings : Learning, optional
        Steps and exploration.

    Examples
    --------
    >>> season = Markdown(weeks=1, stock=1, prices=(2.0, 1.0), rate=1.0)
    >>> sarsa(season, np.random.default_rng(0), Learning(seasons=400)).action[0, 1].item()
    0
    """
    return _learn(season, rng, settings or Learning(), lambda worth, price: worth[np.arange(len(price)), price])


def q_learning(season: Markdown, rng: np.random.Generator, settings: Learning | None = None) -> Learned:
    """Learn prices off policy: the target is the best price of the next week, charged or not (Watkins, 1989).

    Parameters
    ----------
    season : Markdown
        The season; its law is not looked at.
    rng : numpy.random.Generator
        Draws luck and exploration.
    settings : Learning, optional
        Steps and exploration.

    Examples
    --------
    >>> season = Markdown(weeks=1, stock=1, prices=(2.0, 1.0), rate=1.0)
    >>> q_learning(season, np.random.default_rng(0), Learning(seasons=400)).action[0, 1].item()
    0
    """
    return _learn(season, rng, settings or Learning(), lambda worth, price: worth.max(axis=1))


def _learn(
    season: Markdown, rng: np.random.Generator, settings: Learning, ahead: Callable[[Floats, Whole], Floats]
) -> Learned:
    """Play and learn; ``ahead`` turns the worth of next week's prices (N, A) and the price charged into a target."""
    weeks, states, places = season.weeks, season.stock + 1, len(season.prices)
    value, visits = np.zeros((weeks, states, places)), np.zeros((weeks, states, places), dtype=np.int64)
    played = 0
    for seasons in _batches(season, rng, settings):
        explore = settings.explore * (1 - played / settings.seasons)
        played += len(seasons.stock)
        stock, price = seasons.stock, _charged(value[0][seasons.stock], explore, rng)
        while not seasons.over:
            week, before, target = seasons.week, (stock, price), seasons.step(price)
            stock = seasons.stock
            if not seasons.over:
                worth = value[seasons.week][stock]  # (N, A)
                price = _charged(worth, explore, rng)
                target = target + ahead(worth, price)
            flat = before[0] * places + before[1]
            move(value[week].reshape(-1), visits[week].reshape(-1), flat, target, settings.power)
    return Learned(value, visits)


def _charged(worth: Floats, explore: float, rng: np.random.Generator) -> Whole:
    """The best price, or with a chance of ``explore`` any; of prices worth the same, one drawn at random."""
    n, places = worth.shape
    best = np.where(worth == worth.max(axis=1, keepdims=True), rng.random((n, places)), -1.0).argmax(axis=1)
    return np.where(rng.random(n) < explore, rng.integers(places, size=n), best)


def move(value: Floats, visits: Whole, place: Whole, target: Floats, power: float) -> None:
    """Move each visited place towards the mean of its targets, in place; n visits at once count as n.

    Parameters
    ----------
    value, visits : array
        What is believed and how often it was visited, (K,): both are changed.
    place : array
        What was visited now, (n,).
    target : array
        Where to, (n,).
    power : float
        As in ``Learning``.

    Examples
    --------
    >>> value, visits = np.zeros(2), np.zeros(2, dtype=int)
    >>> move(value, visits, np.array([1, 1]), np.array([4.0, 6.0]), power=1.0)
    >>> value.tolist(), visits.tolist()
    ([0.0, 5.0], [0, 2])
    """
    count = np.bincount(place, minlength=len(value))
    seen = np.flatnonzero(count)
    mean = np.bincount(place, weights=target, minlength=len(value))[seen] / count[seen]
    visits[seen] += count[seen]
    step = np.minimum(1.0, count[seen] / visits[seen] ** power)
    value[seen] += step * (mean - value[seen])


def _batches(season: Markdown, rng: np.random.Generator, settings: Learning) -> Iterator[Seasons]:
    """Yield seasons to be played side by side, ``settings.seasons`` in all."""
    for start in range(0, settings.seasons, settings.batch):
        yield Seasons(season, min(settings.batch, settings.seasons - start), rng)


def _end(weeks: int, states: int, salvage: float) -> Floats:
    value = np.zeros((weeks + 1, states))
    value[-1] = salvage * np.arange(states)
    return value


def checked_law(transition: Law) -> Law:
    """Return a season's law as arrays of numbers, or say that its two parts do not belong together.

    Raises
    ------
    DataError
        They do not.

    Examples
    --------
    >>> checked_law(Markdown(weeks=1, stock=1).transition())[1].shape
    (1, 2, 5)
    """
    chance, money = (np.asarray(part, dtype=np.float64) for part in transition)
    if money.ndim != 3 or chance.shape != (*money.shape, money.shape[1]):
        raise DataError(
            "probabilities are (W, M + 1, A, M + 1), money is (W, M + 1, A)",
            value=(chance.shape, money.shape),
            remedy="give what Markdown.transition() returns.",
        )
    return chance, money


def _probabilities(action: NDArray[np.generic], shape: tuple[int, int, int]) -> Floats:
    """A policy as the probabilities of all prices, (W, M + 1, A)."""
    given = np.asarray(action)
    if given.shape == shape:
        fine = isfinite(given.sum()) and (given >= 0).all() and np.allclose(given.sum(axis=2), 1.0)
        chosen = given.astype(np.float64)
    else:
        fine = given.shape == shape[:2] and bool(np.isin(given, np.arange(shape[2])).all())
        chosen = np.eye(shape[2])[given.astype(np.int64)] if fine else np.empty(0)
    if not fine:
        raise DataError(
            f"a policy names one of {shape[2]} prices for each of {shape[0]} weeks and {shape[1]} stocks",
            value=given.shape,
            remedy="give places on the ladder (W, M + 1), or probabilities (W, M + 1, A) that add up to one.",
        )
    return chosen
