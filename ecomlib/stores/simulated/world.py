"""The seed's own world, replayed so that a shop may act in it: coupled demand, coupled lives.

P products, R regions, N weeks of play, J customers. What a seed drew stays: momentum, shocks, the factor
that makes a cell's day busy, who would leave when. Under the shop's own actions demand and lives are the published
store's, to the last unit and whatever the luck; under others they move as little as the laws allow:

- A cell's units y came from a Poisson law of mean μg. With ``u ~ U(P(y-1), P(y))`` the new demand is ``P⁻¹(u; μ'g)``:
  the right law, and never less where μ' is more. (Common random numbers: Glasserman and Yao, 1992.)
- A customer who left in the seed's world has ``v ~ U(0, h)``, who lived through that week ``U(h, 1)``, and who was not
  alive there ``U(0, 1)``; under the new hazard he is gone if v < h'.

This room knows all that is hidden. A policy holds nothing of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ecomlib.errors import DataError
from ecomlib.stores.simulated.assemble import generator, stage
from ecomlib.stores.simulated.market import (
    Market,
    Plan,
    daily_rate,
    interest,
    poisson_mean,
    round_six,
    smooth,
)
from ecomlib.stores.simulated.people import People, base_logit, week_hazard
from ecomlib.stores.simulated.settings import Settings
from ecomlib.stores.simulated.words import Catalogue

BEFORE = 8  # weeks that a shop has lived through when play begins
NEAR = 1e-4  # rates are rounded to six digits, twice: so near to its bar a cell is looked at exactly


@dataclass(frozen=True, eq=False)
class World:
    """A replayed seed: weeks ``first`` to ``first + weeks - 1`` are played. All arrays are read-only by custom."""

    settings: Settings
    catalogue: Catalogue
    people: People
    market: Market
    first: int
    weeks: int
    start_smoothed: np.ndarray  # (P, R) the shop's smoothed weekly sales when play begins
    potential: np.ndarray  # (N, C, R, 7) daily units at interest zero, as people lived and were written to
    factor: np.ndarray  # (N, P, R, 7) g: how busy a cell's day is
    mean: np.ndarray  # (N, P, R, 7) of the Poisson law that the seed's units came from
    demand: np.ndarray  # (N, P, R, 7) int32, units, without the wholesale order: it was bought to order

    def days(self, week: int) -> slice:
        """Days of a week of the store."""
        return slice(7 * week, 7 * week + 7)

    def one_week(self, week: int, price: np.ndarray, promoted: np.ndarray) -> Plan:
        """The plan of one week with these prices and promotions (P,), as the market's formulas take it."""
        plan, only = self.market.plan, slice(week, week + 1)
        by_week = ("price_test", "depth", "experiment", "propensity", "quality", "live", "season", "momentum")
        cut = {name: getattr(plan, name)[:, only] for name in by_week}
        return replace(plan, price=price[:, None], promoted=promoted[:, None], **cut)

    def interest(self, week: int, price: np.ndarray, promoted: np.ndarray) -> np.ndarray:
        """η of each product in one week, log points, (P,): the market's own formula at these prices and promotions."""
        plan = self.one_week(week, price, promoted)
        return interest(self.settings, self.catalogue, plan, self.market.ground.alpha)[:, 0]

    def expected(self, week: int, eta: np.ndarray, potential: np.ndarray) -> np.ndarray:
        """μ of one week, units a day, (P, R, 7), before rounding; shocks and momentum of that week included."""
        return daily_rate(eta[:, None, None], potential[self.catalogue.category])

    def sent(self, week: int) -> np.ndarray:
        """To whom the seed's shop wrote in a week, (J,) bool."""
        which = np.flatnonzero(self.people.mailing_day == 7 * week)
        return np.asarray(self.people.treated[:, which].any(axis=1))

    def wholesale(self, week: int) -> tuple[int, int, int, int] | None:
        """Product, region, day of the week and units of the wholesale order, if it falls into this week."""
        product, region, day, units = self.market.wholesale
        return (product, region, day - 7 * week, units) if day // 7 == week else None


def replay(settings: Settings, seed: int, first: int, weeks: int) -> World:
    """Replay a seed for a game of ``weeks`` weeks from week ``first`` on.

    Raises
    ------
    DataError: the store has no such weeks, or too few before the first.
    """
    if weeks < 1 or first < BEFORE or first + weeks > settings.weeks:
        raise DataError(
            f"a game needs {BEFORE} weeks before it and ends with the store, which has {settings.weeks} weeks",
            value=f"{weeks} weeks from week {first} on",
            remedy="play fewer weeks, or begin earlier.",
        )
    days = slice(7 * first, 7 * (first + weeks))
    factor = np.empty((weeks, settings.products, settings.regions, 7))

    def keep(product: int, noise: np.ndarray) -> None:
        factor[:, product] = _by_week(noise[:, days])

    population, catalogue, people, market = stage(settings, seed, keep)
    s, ground = settings, market.ground
    potential = _by_week(ground.potential(s, people.living_mass[:, :, days], people.taste, days))
    mean, demand = np.empty_like(factor), _by_week(market.demand[:, :, days])
    eta = interest(s, catalogue, market.plan, ground.alpha)[:, first : first + weeks]
    for week in range(weeks):  # one week at a time: the full store would not fit into memory twice
        rate = daily_rate(eta[:, week, None, None], potential[week][catalogue.category])
        mean[week] = poisson_mean(round_six(rate), factor[week])
    product, region, day, units = market.wholesale
    if days.start <= day < days.stop:
        week, of_week = divmod(day - days.start, 7)
        demand[week, product, region, of_week] -= units
    opening = s.units_per_week * np.broadcast_to(population / population.mean(), (s.products, s.regions))
    return World(
        settings=s,
        catalogue=catalogue,
        people=people,
        market=market,
        first=first,
        weeks=weeks,
        start_smoothed=_smoothed(s, market, opening, catalogue.launch_week, first),
        potential=potential,
        factor=factor,
        mean=mean,
        demand=demand,
    )


def _by_week(daily: np.ndarray) -> np.ndarray:
    """(…, D) to (N, …, 7), in one piece."""
    by_week = daily.reshape(*daily.shape[:-1], -1, 7)
    return np.ascontiguousarray(np.moveaxis(by_week, -2, 0))


def _smoothed(s: Settings, market: Market, opening: np.ndarray, launch_week: np.ndarray, first: int) -> np.ndarray:
    """The shop's smoothed sales at the beginning of week ``first``; the wholesale order is none of them."""
    sold = market.sold[:, :, : 7 * first].reshape(*market.sold.shape[:2], first, 7).sum(axis=3)
    product, region, day, units = market.wholesale
    if day < 7 * first:
        sold[product, region, day // 7] -= units
    smoothed = opening
    for week in range(first):
        smoothed = smooth(s, smoothed, sold[:, :, week], (launch_week <= week)[:, None])
    return smoothed


class Episode:
    """One play of a world under one luck: who is alive, and what the luck decides that the seed left open."""

    def __init__(self, world: World, luck: int) -> None:
        self.world, people = world, world.people
        self._open = generator(luck, "game demand").standard_exponential(world.demand.shape)  # -log of a uniform
        uniform = generator(luck, "game lives").random((world.weeks, len(people.region)))
        self._base = base_logit(world.settings, people.segment)
        self.alive = people.leaving_day > 7 * world.first  # (J,) also of those who have not signed up yet
        for number in range(world.weeks):
            week = world.first + number
            exposed = (people.signed_up_day <= 7 * week) & (people.leaving_day > 7 * week)
            hazard = week_hazard(self._base, people.mailing_leaving, world.sent(week))
            left = exposed & (people.leaving_day == 7 * (week + 1))
            uniform[number] = np.where(
                left,
                hazard * uniform[number],
                np.where(exposed, hazard + (1 - hazard) * uniform[number], uniform[number]),
            )
        self._leaving = uniform  # (weeks, J) v

    def potential(self, week: int, mailed: np.ndarray) -> np.ndarray:
        """Daily units at interest zero, (C, R, 7), among those who live now, when these (J,) are written to."""
        world, people = self.world, self.world.people
        listed = people.signed_up_day < 7 * week
        alive_there = people.leaving_day > 7 * week
        sent, sent_there = mailed & listed, world.sent(week)
        other = (self.alive != alive_there) | ((sent != sent_there) & self.alive)
        who = np.flatnonzero(other & (people.signed_up_day < 7 * week + 7))
        if not len(who):
            return np.asarray(world.potential[week - world.first])
        there = people.signed_up_day[who, None] <= np.arange(7 * week, 7 * week + 7)
        plain, raised = people.activity[who], people.raised(who)
        now = self.alive[who] * np.where(sent[who], raised, plain)
        then = alive_there[who] * np.where(sent_there[who], raised, plain)
        mass = people.living_mass[:, :, world.days(week)].copy()
        np.add.at(mass, (people.segment[who], people.region[who]), (now - then)[:, None] * there)
        return world.market.ground.potential(world.settings, np.maximum(mass, 0.0), people.taste, world.days(week))

    def demand(self, week: int, expected: np.ndarray) -> np.ndarray:
        """Units wanted in one week, (P, R, 7) int32, when this is expected, units a day before rounding."""
        world, number = self.world, week - self.world.first
        own, mean, factor, opened = (
            part[number].ravel() for part in (world.demand, world.mean, world.factor, self._open)
        )
        rate = expected.ravel()
        # Where the seed's demand is nil, u = exp(-mean - opened): something is wanted once the new mean exceeds -log u.
        cells = np.flatnonzero((own > 0) | (rate * factor > (1 - NEAR) * (mean + opened)))
        was, new, units = mean[cells], poisson_mean(round_six(rate[cells]), factor[cells]), own[cells]
        moved = np.flatnonzero(new != was)
        units[moved] = coupled(units[moved], was[moved], new[moved], np.exp(-opened[cells[moved]]))
        wanted = np.zeros(len(own), dtype=np.int32)
        wanted[cells] = units
        return wanted.reshape(expected.shape)

    def end_week(self, week: int, mailed: np.ndarray) -> None:
        """Let those go who leave at the end of a week in which these (J,) were written to."""
        people = self.world.people
        sent = mailed & (people.signed_up_day < 7 * week)
        hazard = week_hazard(self._base, people.mailing_leaving, sent)
        goes = self._leaving[week - self.world.first] < hazard
        self.alive = self.alive & ~(goes & (people.signed_up_day <= 7 * week))


def coupled(units: np.ndarray, mean: np.ndarray, new: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Poisson units of mean ``new`` by the luck of ``units`` of mean ``mean``; all (N,).

    ``share`` (0 to 1) says where between ``P(units - 1)`` and ``P(units)`` the luck u lies.
    """
    from scipy.special import pdtr

    below = np.where(units > 0, pdtr(np.maximum(units - 1, 0), mean), 0.0)
    u = below + share * (pdtr(units, mean) - below)

    def enough(count: np.ndarray, which: np.ndarray) -> np.ndarray:
        return np.where(count < 0, False, pdtr(np.maximum(count, 0), new[which]) >= u[which])

    # The answer lies in (low, high]: from the seed's units on in steps of 1, 2, 4, …, then halved.
    high = units.astype(np.int64)
    low = high - 1
    rising = ~enough(high, np.arange(len(high)))
    for up in (True, False):
        which, step = np.flatnonzero(rising == up), 1
        while len(which):
            if up:
                low[which] = high[which]
                high[which] += step
                which = which[~enough(high[which], which)]
            else:
                which = which[enough(low[which], which)]
                high[which] = low[which]
                low[which] = np.maximum(low[which] - step, -1)
            step *= 2
    which = np.flatnonzero(high - low > 1)
    while len(which):
        middle = (low[which] + high[which]) // 2
        fits = enough(middle, which)
        high[which], low[which] = np.where(fits, middle, high[which]), np.where(fits, low[which], middle)
        which = which[high[which] - low[which] > 1]
    return high.astype(np.int32)
