"""Holds a season's last stock: one product, a price a week, nothing is ordered again.

W weeks, stock 0 … M, A prices. Small enough for exact dynamic programming (``transition``), fast enough for thousands
of seasons side by side (``Seasons``). Gallego and van Ryzin (1994) solved its continuous form. ``markdown_env`` opens
it for Gymnasium; nothing here needs that.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite
from numbers import Integral

import numpy as np
from numpy.typing import NDArray

from ecomlib.errors import DataError, explained

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


@explained()
@dataclass(frozen=True)
class Markdown:
    """Hold one season: in week w Poisson(level · rate · fade^w · (price / first price)^elasticity) units are wanted.

    Parameters
    ----------
    weeks, stock : int
        Weeks to the season's end, and units at its beginning.
    prices : tuple of float
        The ladder, money, the highest first; any step may be taken in any week.
    rate, fade, elasticity : float
        Units a week at the first price, what is left of them a week later, and how they answer to the price.
    salvage : float
        Money for each unit that is left at the end.
    levels : tuple of float
        Each season draws one of these, all alike; nobody sees which. ``(1.0,)`` hides nothing.
    """

    weeks: int = 8
    stock: int = 16
    prices: tuple[float, ...] = (10.0, 8.5, 7.0, 5.5, 4.0)
    rate: float = 2.5
    fade: float = 0.75
    elasticity: float = -2.0
    salvage: float = 0.5
    levels: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        whole = all(isinstance(n, Integral) and not isinstance(n, bool) and n >= 1 for n in (self.weeks, self.stock))
        above = (self.rate, self.fade, *self.prices, *self.levels)
        fine = len(self.prices) and len(self.levels) and all(0 < value < inf for value in above)
        if not (whole and fine and 0 <= self.salvage < inf and isfinite(self.elasticity)):
            raise DataError(
                "a season has a week, a unit and a price at least, and what is wanted is above zero",
                value=self,
                remedy="give whole weeks and stock of 1 or more, and prices, rate, fade and levels above 0.",
            )

    def means(self, level: float = 1.0) -> Floats:
        """Compute the units wanted, (W, A): by week and price."""
        price = (np.array(self.prices) / self.prices[0]) ** self.elasticity
        return np.asarray(level * self.rate * self.fade ** np.arange(self.weeks)[:, None] * price)

    def transition(self, level: float = 1.0) -> tuple[Floats, Floats]:
        """Compute the season's exact law, for dynamic programming.

        Parameters
        ----------
        level : float
            Of demand; in a season that hides it, one of ``levels``.

        Returns
        -------
        tuple of array
            The probability (W, M + 1, A, M + 1) that a stock becomes another one in a week at a price, and the expected
            money (W, M + 1, A) of that week. What is left after the last week is worth ``salvage`` a unit.

        Examples
        --------
        >>> chance, money = Markdown(weeks=1, stock=1, prices=(2.0,), rate=1.0).transition()
        >>> chance[0, 1, 0].round(3).tolist(), money[0, 1, 0].round(3).item()
        ([0.632, 0.368], 1.264)
        """
        return law(self.means(level), self.stock, self.prices)

    def _below(self, level: float) -> Floats:
        return _below(self.means(level), self.stock)


def law(means: Floats, stock: int, prices: tuple[float, ...]) -> tuple[Floats, Floats]:
    """Compute the exact law of a season in which Poisson(``means``) units are wanted, as ``Markdown.transition`` does.

    Parameters
    ----------
    means : array
        Units wanted, (W, A): by week and price. They need not follow the formula of ``Markdown``.
    stock : int
        Units at the beginning, M.
    prices : tuple of float
        The ladder, money, (A,).

    Returns
    -------
    tuple of array
        Probabilities (W, M + 1, A, M + 1) and expected money (W, M + 1, A).

    Examples
    --------
    >>> law(np.array([[1.0]]), 1, (2.0,))[1][0, 1].round(3).tolist()
    [1.264]
    """
    below = _below(means, stock)
    exactly = np.diff(below, axis=2, prepend=0.0)  # (W, A, M): P(D = d), d < M
    weeks, places = below.shape[:2]
    chance = np.zeros((weeks, stock + 1, places, stock + 1))
    for left in range(stock + 1):
        chance[:, left, :, 1 : left + 1] = exactly[:, :, :left][:, :, ::-1]
        chance[:, left, :, 0] = 1 - exactly[:, :, :left].sum(axis=2)
    sold = np.arange(stock + 1)[:, None, None] - np.arange(stock + 1)
    return chance, (chance * sold).sum(axis=3) * np.array(prices)


def _below(means: Floats, stock: int) -> Floats:
    """P(D <= d), (W, A, M), for d = 0 … M - 1."""
    from scipy.special import pdtr

    return np.asarray(pdtr(np.arange(stock), means[:, :, None]))


class Seasons:
    """Play many seasons side by side, each with a luck of its own.

    Two policies that play the same seed meet the same luck: in each season and week one number u decides, and at a
    lower price never less is wanted.

    Parameters
    ----------
    settings : Markdown
        The season.
    count : int
        How many.
    rng : numpy.random.Generator
        Draws the luck, and the hidden levels.

    Examples
    --------
    >>> seasons = Seasons(Markdown(weeks=2), 3, np.random.default_rng(0))
    >>> earned = seasons.step(np.zeros(3, dtype=int)) + seasons.step(np.ones(3, dtype=int))
    >>> earned.shape, seasons.over
    ((3,), True)
    """

    def __init__(self, settings: Markdown, count: int, rng: np.random.Generator) -> None:
        self.settings, self._week = settings, 0
        self._stock: Whole = np.full(count, settings.stock, dtype=np.int64)
        self._level = rng.integers(len(settings.levels), size=count)
        self._luck = rng.random((count, settings.weeks))
        self._below = np.stack([settings._below(level) for level in settings.levels])  # (L, W, A, M)

    @property
    def week(self) -> int:
        """The week that is sold next, counted from 0."""
        return self._week

    @property
    def stock(self) -> Whole:
        """Units that are left, (N,): a copy, so that nobody writes himself more."""
        return self._stock.copy()

    @property
    def over(self) -> bool:
        """Whether the last week has been played."""
        return self.week >= self.settings.weeks

    def step(self, action: Whole) -> Floats:
        """Sell for one week at these prices, (N,) as places on the ladder; returns the money earned, (N,).

        Raises
        ------
        DataError
            The season is over, or there is no such price.
        """
        s, chosen = self.settings, np.asarray(action)
        if self.over or chosen.shape != self._stock.shape or not np.isin(chosen, np.arange(len(s.prices))).all():
            raise DataError(
                f"a week is sold at one of {len(s.prices)} prices, in each season that is not over",
                value=(self.week, chosen.shape),
                remedy="give an array of whole numbers, one a season; begin again after the last week.",
            )
        chosen = chosen.astype(np.int64)
        wanted = (self._luck[:, self.week, None] > self._below[self._level, self.week, chosen]).sum(axis=1)
        sold = np.minimum(wanted, self._stock)
        self._stock = self._stock - sold
        self._week += 1
        return np.asarray(sold * np.array(s.prices)[chosen] + (s.salvage * self._stock if self.over else 0.0))
