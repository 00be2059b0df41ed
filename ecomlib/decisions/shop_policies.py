"""Plays the store by rules that need no model, and by references that know the truth.

P products, S stocks, J customers. A policy is called as ``policy(obs, history)`` and returns a dict of levers. All but
the two references hold numbers that a shop has. No policy here reads the books (``history_by`` is None).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.decisions.shop_game import LEAST_PRICE, LEVERS, MOST_PRICE, MOST_UNITS, Action, Game, Obs, Policy
from ecomlib.errors import DataError
from ecomlib.evaluation.floors import count_quantile
from ecomlib.stores.simulated.market import reorder, up_to
from ecomlib.stores.simulated.settings import Settings

if TYPE_CHECKING:
    from ecomlib.decisions.shop_env import ShopEnv

Floats = NDArray[np.float64]
NODES = (np.arange(10) + 0.5) / 10  # shares at which this week's demand is looked at
MOST_RATIO = 0.999  # of a stock that costs next to nothing to hold


def critical_ratio(price: Floats, cost: Floats, holding: float) -> Floats:
    """Compute the share of weeks in which stock should last, (P,): margin over margin and a week's holding.

    Parameters
    ----------
    price, cost : array (P,)
        Money a unit.
    holding : float
        Cost of holding for a year, as a share of the unit's cost. What is left over is held, not lost.

    Returns
    -------
    array (P,)
        Zero where the price is at or below cost: such a product is not ordered.

    Examples
    --------
    >>> critical_ratio(np.array([5.0, 3.0]), np.array([4.0, 4.0]), holding=2.6).round(3).tolist()
    [0.833, 0.0]
    """
    margin = np.maximum(price - cost, 0.0)
    over = margin + holding / 52 * cost
    return np.minimum(np.divide(margin, over, out=np.zeros_like(over), where=over > 0), MOST_RATIO)


def base_stock_order(available: Floats, mean: Floats, variance: Floats, ratio: Floats) -> NDArray[np.int64]:
    """Order up to a quantile of the demand until the next order's end: whole units, of the shape of ``available``.

    Parameters
    ----------
    available : array
        Units on hand.
    mean, variance : array
        Of the units wanted in this week and the next together; negative binomial.
    ratio : array
        Of ``critical_ratio``; broadcast.

    Returns
    -------
    array of int
        Short where sales are lost, as what this week cannot sell need not be ordered again.
    """
    level = _quantiles(mean, variance, np.broadcast_to(ratio, mean.shape))
    return _units(np.where(mean > 0, level - available, 0.0))


def lost_sales_order(
    available: Floats, this_week: tuple[Floats, Floats], next_week: tuple[Floats, Floats], ratio: Floats
) -> NDArray[np.int64]:
    """Order so that what this week leaves and what arrives last through the next one: whole units.

    The smallest Q with ``P(D' <= (A - D)⁺ + Q) >= ratio``, where A is on hand, D this week's demand and D' the next
    one's: what is lost this week is not wanted again. The model with lost sales is Karlin and Scarf's (1958); such a
    short look comes near its best (Morton, 1971). D is looked at in ten shares.

    Parameters
    ----------
    available : array
        Units on hand, A.
    this_week, next_week : pair of array
        Mean and variance of D and D', units; negative binomial.
    ratio : array
        Of ``critical_ratio``; broadcast.

    Returns
    -------
    array of int

    Examples
    --------
    >>> sure = np.array([8.0]), np.array([8.0])
    >>> lost_sales_order(np.array([0.0]), sure, sure, np.array([0.9])).tolist()
    [12]
    """
    mean, variance = next_week
    ratio = np.broadcast_to(ratio, mean.shape)
    left = np.stack([np.maximum(available - count_quantile(*this_week, share), 0.0) for share in NODES])
    high = np.where((mean > 0) & (ratio > 0), _quantiles(mean, variance, ratio), 0.0)
    low = np.full(mean.shape, -1.0)
    while (high - low > 1).any():
        middle = np.floor((low + high) / 2)
        enough = _cdf(left + middle, mean, variance).mean(axis=0) >= ratio
        open_ = high - low > 1
        high, low = np.where(open_ & enough, middle, high), np.where(open_ & ~enough, middle, low)
    return _units(high)


def expected_sales(available: Floats, mean: Floats, variance: Floats) -> Floats:
    """Compute how much of a negative-binomial demand is sold from a stock, units: E min(D, A).

    Parameters
    ----------
    available, mean, variance : array
        Units on hand, A, and the moments of the demand D.

    Returns
    -------
    array

    Examples
    --------
    >>> expected_sales(np.array([1.0, 99.0]), np.full(2, 4.0), np.full(2, 6.0)).round(3).tolist()
    [0.961, 4.0]
    """
    from scipy.special import betainc

    mean = np.maximum(mean, 1e-9)
    size = mean**2 / np.maximum(variance - mean, 1e-6 * mean)
    chance, stock = size / (size + mean), np.maximum(available, 1e-9)
    within = mean * betainc(size + 1, stock, chance)
    return np.where(available > 0, within + stock * (1 - betainc(size, stock + 1, chance)), 0.0)


def _units(values: Floats) -> NDArray[np.int64]:
    return np.clip(np.ceil(values), 0, MOST_UNITS).astype(np.int64)


def _cdf(units: Floats, mean: Floats, variance: Floats) -> Floats:
    """P(D <= units) of a negative binomial law; of a Poisson law where the variance is no larger than the mean."""
    from scipy.special import betainc

    mean = np.maximum(mean, 1e-9)
    size = mean**2 / np.maximum(variance - mean, 1e-6 * mean)
    return np.asarray(betainc(size, units + 1, size / (size + mean)))


def _quantiles(mean: Floats, variance: Floats, share: Floats) -> Floats:
    """The smallest whole number that holds this share, by a search between the mean's far ends."""
    low, high = np.full(mean.shape, -1.0), np.ceil(mean + 40 * np.sqrt(np.maximum(variance, mean)) + 1)
    while (high - low > 1).any():
        middle = np.floor((low + high) / 2)
        enough = _cdf(middle, mean, variance) >= share
        open_ = high - low > 1
        high, low = np.where(open_ & enough, middle, high), np.where(open_ & ~enough, middle, low)
    return np.where(share > 0, high, 0.0)


# --- rules that need no model ----------------------------------------------------------------------------------------


class _OfObs:
    """What all policies of this file have in common: they look at what a shop sees on Monday, not at its books."""

    history_by = None


def _of_obs(act: Callable[[Obs], Action]) -> Policy:
    """Make a policy that needs no books of a function of what is seen."""

    @wraps(act)
    def policy(obs: Obs, history: Any = None) -> Action:
        return act(obs)

    policy.history_by = None  # type: ignore[attr-defined]
    return policy


@_of_obs
def shop_policy(obs: Obs) -> Action:
    """Leave everything to the shop's own rules."""
    return {}


@dataclass(frozen=True)
class ShopRule(_OfObs):
    """Play the shop's own part: order up to some weeks of smoothed sales, charge, promote and write as planned.

    ``env.shop_rule`` is the rule of a game at hand; it is a function of ``obs`` and of these numbers, nothing else.

    Parameters
    ----------
    levers : tuple of str
        Those it moves.
    cover : float
        Weeks of smoothed sales that are ordered up to.
    service, buffer : float
        Safety stock: in roots of the units of those weeks, and in units.

    Examples
    --------
    >>> obs = {"smoothed": np.array([4.0]), "on_hand": np.array([3]), "arriving": np.array([0])}
    >>> obs |= {"live": np.ones(1), "launching": np.zeros(1)}
    >>> ShopRule(("order",))(obs)["order"].tolist()  # up to 2 · 4 + 1.5 √8 + 1 = 13.2 units
    [11]
    """

    levers: tuple[str, ...] = LEVERS
    cover: float = 2.0
    service: float = 1.5
    buffer: float = 1.0

    def __call__(self, obs: Obs, history: Any = None) -> dict[str, NDArray[Any]]:
        """Return the shop's own action."""
        return {name: getattr(self, f"_{name}")(obs) for name in self.levers}

    def _order(self, obs: Obs) -> NDArray[np.int64]:
        stock = Settings(cover=self.cover, service=self.service, buffer=self.buffer)
        smoothed, available = obs["smoothed"], obs["on_hand"] + obs["arriving"]
        live, launching = (np.reshape(obs[name] > 0, (-1, *(1,) * (smoothed.ndim - 1))) for name in _LIVE)
        order = np.where(launching, up_to(stock, smoothed), reorder(stock, smoothed, available, live))
        return np.asarray(order, dtype=np.int64)

    def _price(self, obs: Obs) -> Floats:
        return np.maximum(obs["plan_price"][:, 0], LEAST_PRICE)  # nil where there is nothing on sale

    def _promote(self, obs: Obs) -> NDArray[np.int8]:
        return np.array(obs["plan_promoted"][:, 0])

    def _mail(self, obs: Obs) -> NDArray[np.int8]:
        return np.array(obs["plan_mail"])


_LIVE = ("live", "launching")


@dataclass(frozen=True)
class NothingBelowCost(_OfObs):
    """Order as the shop does, but nothing for a week whose planned price is at or below cost.

    What is ordered today is sold from next Monday on, so the price is next week's.

    Parameters
    ----------
    shop : ShopRule
        Of ``env.shop_rule``.
    """

    shop: ShopRule = ShopRule()

    def __call__(self, obs: Obs, history: Any = None) -> Action:
        """Return the orders."""
        order = self.shop._order(obs)
        pays = obs["plan_price"][:, 1] > obs["cost"]
        return {"order": np.where(pays.reshape(-1, *(1,) * (order.ndim - 1)), order, 0)}


@dataclass(frozen=True)
class _Rule(_OfObs):
    """What rules for stock have in common: the game's rules."""

    game: Game

    def ratio(self, obs: Obs) -> Floats:
        """The critical ratio at next week's planned price, of the shape of the stock."""
        ratio = critical_ratio(obs["plan_price"][:, 1], obs["cost"], self.game.holding)
        return ratio if self.game.pooled else ratio[:, None]


@dataclass(frozen=True)
class MeanOfWeeks(_Rule):
    """Order up to two weeks of the mean of the last eight, and a safety stock of ``safety`` standard deviations."""

    safety: float = 1.65

    def __call__(self, obs: Obs, history: Any = None) -> Action:
        """Return the orders."""
        mean, variance, known = _recent(obs)
        level = 2 * mean + self.safety * np.sqrt(2 * np.maximum(variance, mean))
        mine = known & (self.ratio(obs) > 0)
        return {"order": _units(np.where(mine, level - obs["on_hand"] - obs["arriving"], _launch(obs)))}


@dataclass(frozen=True)
class Smoothing(_Rule):
    """Order by a negative-binomial quantile about smoothed sales, with the spread of all products' last eight weeks.

    ``how`` is ``"lost_sales"`` or ``"base_stock"``.
    """

    how: str = "lost_sales"

    def __call__(self, obs: Obs, history: Any = None) -> Action:
        """Return the orders."""
        mean, variance, known = _recent(obs)
        sure = known & (obs["sold"].shape[-1] <= (obs["age"] if self.game.pooled else obs["age"][:, None]))
        above = (np.maximum(variance, 0.0) - mean)[sure].sum() / max((mean[sure] ** 2).sum(), 1e-9)
        now, then = ((rate, rate + max(above, 0.05) * rate**2) for rate in self.rates(obs))
        available, ratio = obs["on_hand"] + obs["arriving"], self.ratio(obs)
        if self.how == "lost_sales":
            order = lost_sales_order(available, now, then, ratio)
        else:
            order = base_stock_order(available, now[0] + then[0], now[1] + then[1], ratio)
        return {"order": np.where(known & (ratio > 0), order, _units(_launch(obs)))}

    def rates(self, obs: Obs) -> tuple[Floats, Floats]:
        """Return the mean units of this week and the next, of the shape of the stock; smoothed sales for both."""
        rate = np.maximum(obs["smoothed"], 1e-6)
        return rate, rate


def _recent(obs: Obs) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Mean and variance of each stock's weeks since launch, eight at most, and whether there is any."""
    weeks = obs["sold"].shape[-1]
    age = obs["age"].reshape(-1, *(1,) * (obs["sold"].ndim - 1))
    seen = np.arange(weeks) >= weeks - age  # the last one at the end
    count = np.maximum(np.minimum(age[..., 0], weeks), 1)
    mean = obs["sold"].sum(axis=-1) / count
    off = np.where(seen, obs["sold"] - mean[..., None], 0.0)
    return mean, (off**2).sum(axis=-1) / np.maximum(count - 1, 1), np.broadcast_to(age[..., 0] > 0, mean.shape)


def _launch(obs: Obs) -> Floats:
    """What to lay in where nothing was ever sold: the shop's smoothed rate for four weeks, at launch alone."""
    due = (obs["launching"] > 0).reshape(-1, *(1,) * (obs["smoothed"].ndim - 1))
    return np.where(due, np.ceil(4 * obs["smoothed"]), 0.0)


@_of_obs
def list_price(obs: Obs) -> Action:
    """Charge the list price, always."""
    return {"price": np.maximum(obs["list_price"], LEAST_PRICE)}


@dataclass(frozen=True)
class CostPlus(_OfObs):
    """Charge the cost and a mark-up on it, the same for all products."""

    markup: float = 0.7

    def __call__(self, obs: Obs, history: Any = None) -> Action:
        """Return the prices."""
        return {"price": np.maximum((1 + self.markup) * obs["cost"], LEAST_PRICE)}


@dataclass(frozen=True)
class BestSellers(_OfObs):
    """Promote what has earned most in the last eight weeks at today's margin: as many as the page has places."""

    places: int

    def __call__(self, obs: Obs, history: Any = None) -> Action:
        """Return the offers page."""
        units = obs["sold"].reshape(len(obs["cost"]), -1).sum(axis=1)
        return {"promote": _top((obs["plan_price"][:, 0] - obs["cost"]) * units * obs["live"], self.places)}


def _top(gain: Floats, places: int) -> NDArray[np.int8]:
    """Mark the largest gains above zero, ``places`` at most."""
    page = np.zeros(len(gain), dtype=np.int8)
    page[np.argsort(-gain, kind="stable")[:places]] = 1
    return np.where(gain > 0, page, 0).astype(np.int8)


@_of_obs
def mail_nobody(obs: Obs) -> Action:
    """Write to nobody."""
    return {"mail": np.zeros_like(obs["listed"])}


@_of_obs
def mail_everybody(obs: Obs) -> Action:
    """Write to everybody on the list, as often as the game allows."""
    return {"mail": obs["listed"]}


@dataclass(frozen=True)
class Together:
    """Join policies that each move levers of their own; a later one has the last word.

    Who comes after a policy that sets prices finds these, inside their rails, as the plan of all weeks: so orders are
    made for the prices that will be charged, not for the shop's.
    """

    policies: tuple[Policy, ...]

    @property
    def history_by(self) -> tuple[str, ...] | None:
        """The books that one of them reads, or None."""
        asked = (getattr(policy, "history_by", ("product_id",)) for policy in self.policies)
        return next((by for by in asked if by is not None), None)

    @property
    def made_for(self) -> ShopEnv | None:
        """The game that a reference among them knows, or None."""
        games = (getattr(policy, "made_for", None) for policy in self.policies)
        return next((game for game in games if game is not None), None)

    def __call__(self, obs: Obs, history: Any = None) -> Action:
        """Return the levers of all."""
        joined: dict[str, Any] = {}
        for policy in self.policies:
            moved = policy(obs, history) or {}
            joined.update(moved)
            if "price" in moved:
                price = np.asarray(moved["price"], dtype=float).round(2).clip(obs["price_low"], obs["price_high"])
                obs = obs | {"plan_price": np.where(obs["plan_price"] > 0, price[:, None], 0.0)}
        return joined


# --- references: they know the truth ---------------------------------------------------------------------------------


class _Reference(_OfObs):
    """Plays every lever of its game with what ``Knowledge`` tells. It is no optimum: each week is decided by itself."""

    def __init__(self, env: ShopEnv, omniscient: bool) -> None:
        self.made_for, self._knows = env, env.knowledge(omniscient=omniscient)

    def __call__(self, obs: Obs, history: Any = None) -> Action:
        env, game, knows = self.made_for, self.made_for.game, self._knows
        week, episode, world = env.week, env.episode, knows.world
        if int(obs["week"]) != week - world.first:  # its game stands still while another is played
            raise not_its_game()
        last, live, plan = world.settings.weeks - 1, obs["live"].astype(bool), world.market.plan
        weeks = [min(week + ahead, last) for ahead in (0, 1)]
        prices, offers = [plan.price[:, at] for at in weeks], [plan.promoted[:, at] for at in weeks]
        letters = [world.sent(at) for at in weeks]
        may = [game.open_in(week + ahead - world.first) for ahead in (0, 1)]
        action: dict[str, Any] = {}
        known = obs["price_high"] > 0
        for ahead in (0, 1):
            if "price" in may[ahead]:
                best = np.clip(knows.best_price(weeks[ahead]), obs["price_low"], obs["price_high"])
                prices[ahead] = np.where(known, np.round(best, 2), prices[ahead])
        if "price" in may[0]:
            action["price"] = np.clip(prices[0], LEAST_PRICE, MOST_PRICE)
        if "mail" in may[1]:
            worth = knows.letter_gain(week, episode, prices[0], offers[0]) > game.mailing_cost
            rest = obs["weeks_since_letter"]
            mail = worth & (rest >= game.mail_gap) if "mail" in may[0] else letters[0]
            letters = [mail, worth & np.where(mail, game.mail_gap == 1, rest + 1 >= game.mail_gap)]
            if "mail" in may[0]:
                action["mail"] = mail.astype(np.int8)
        if "promote" in may[1]:
            nobody = [np.zeros(len(live), dtype=bool)] * 2
            bare = knows.demand(week, episode, list(zip(prices, nobody, letters, strict=True)))
            shelf = (obs["on_hand"] + obs["arriving"]).reshape(len(live), -1)
            for ahead, (mean, variance) in enumerate(bare):
                if "promote" not in may[ahead]:
                    continue
                # A place is worth what it sells of what is there; the next week's stock can still be ordered.
                there = shelf if ahead == 0 or "order" not in may[0] else np.full(shelf.shape, 1e9)
                more = knows.offer_lift * mean, knows.offer_lift**2 * variance
                units = expected_sales(there, *more) - expected_sales(there, mean, variance)
                gain = units.sum(axis=1) * (prices[ahead] - world.market.cost)
                offers[ahead] = _top(gain, env.places).astype(bool)
            if "promote" in may[0]:
                action["promote"] = offers[0].astype(np.int8)
        if "order" in may[0]:
            now, then = knows.demand(week, episode, list(zip(prices, offers, letters, strict=True)))
            ratio = critical_ratio(prices[1], world.market.cost, game.holding)[:, None]
            available = (obs["on_hand"] + obs["arriving"]).reshape(len(live), -1)
            order = lost_sales_order(available, now, then, ratio)
            action["order"] = order[:, 0] if game.pooled else order
        return action


def not_its_game() -> DataError:
    """Make the error for a reference that is played in another game than its own.

    Week, customers and luck it reads off its own game, which stands still meanwhile: it would decide for another week
    under other rules, and earn a number that means nothing.

    Returns
    -------
    DataError
        To be raised.
    """
    return DataError(
        "a reference knows the game that it was made of, and this is another one",
        remedy="make it of the game that is played, as in attainable_policy(env); after env.under(...) make it anew.",
    )


def attainable_policy(env: ShopEnv) -> Policy:
    """Make the reference that knows every parameter and nothing random that is still to come.

    Stock goes by the lost-sales rule, prices by their own elasticity inside the rails, offers and letters by what they
    earn. It stands at 1 on the scale of protocol D. Neither the cost of an order line nor substitutes are thought of:
    where lines are dear, rarer and larger orders earn more, and in the substitution store so do higher prices. So there
    is no share of the way to it there: money stands side by side (``benchmarks.simulated.played`` refuses a share).

    Parameters
    ----------
    env : ShopEnv
        The game that it will be played in; in another one it is an error.

    Returns
    -------
    callable
    """
    return _Reference(env, omniscient=False)


def omniscient_policy(env: ShopEnv) -> Policy:
    """Make the reference that knows the expected demand of the weeks to come, shocks included; not a day's luck.

    Parameters
    ----------
    env : ShopEnv
        The game that it will be played in; in another one it is an error.

    Returns
    -------
    callable
    """
    return _Reference(env, omniscient=True)
