"""Opens the simulated store as a game: orders, prices, offers and letters, week by week.

P products, S stocks (one for each region, or one for all), J customers, W weeks of play. The world beneath is the
simulator's own, replayed (``stores.simulated.world``): under the shop's own actions it is the published store, to the
unit. ``ShopEnv`` is its face for Gymnasium (Towers et al., 2024); ``play`` hands a policy what a shop sees and no more.

Money. A week earns the margin of what is sold, less the cost of holding what is left on Sunday evening, of order lines
and of letters. Goods are paid when they are sold, so neither stock left at the end nor the order that would arrive
after it is waste. The one wholesale order was bought to order: it stands in the books, and in nobody's profit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.decisions.gym import gymnasium, spaces
from ecomlib.decisions.shop_books import Books
from ecomlib.decisions.shop_game import (
    LEAST_PRICE,
    LEVERS,
    MOST_PRICE,
    MOST_UNITS,
    Action,
    Game,
    Obs,
    Policy,
    is_number,
)
from ecomlib.decisions.shop_policies import ShopRule, not_its_game
from ecomlib.errors import DataError, explained
from ecomlib.evaluation.shop_references import Knowledge, replayed
from ecomlib.stores.simulated import make_store, settings_for
from ecomlib.stores.simulated.assemble import generator
from ecomlib.stores.simulated.market import sell, smooth
from ecomlib.stores.simulated.world import Episode, World, replay
from ecomlib.stores.store import Store
from ecomlib.stores.until import tables_until

SEEN = 8  # weeks of sales in what a shop sees, and of prices for rails of a product's own
RAILS = (0.7, 1.3)  # times the list price, of a product that was hardly seen


class ShopEnv(gymnasium.Env[Obs, Any]):  # type: ignore[misc, unused-ignore]
    """Play the simulated store week by week.

    ``reset(seed=k)`` chooses the luck, the constructor's seed the world. ``step`` takes a dict with the levers that are
    played: ``order`` whole units (P,) or (P, R), ``price`` money as paid (P,), ``promote`` (P,) and ``mail`` (J,) yes
    or no. What is left out is the shop's own rule; ``{}`` is the shop as it was. The reward is the week's profit.
    ``info`` is for scoring: it holds what no shop sees.

    A store that is opened by its name leaves its truth in the cache folder, with the seed in the file's name. A game
    for people draws a seed in secret and opens ``ShopEnv.from_store(make_store(size, seed, cache=False), …)``: then
    nothing is written anywhere.

    Parameters
    ----------
    size : str
        ``"tiny"``, ``"small"`` or ``"full"``.
    seed : int
        Of the world.
    misspecified, substitution : bool
        As of ``make_store``.
    **options : Any
        Those of ``Game``.

    Raises
    ------
    DataError
        An unknown option, or weeks that the store does not have.

    Examples
    --------
    >>> env = ShopEnv(size="tiny", seed=0, weeks=2)
    >>> obs, info = env.reset(seed=1)
    >>> obs, profit, done, _, info = env.step({})  # the shop's own actions
    >>> obs["on_hand"].shape, done
    ((60, 9), False)
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012

    def __init__(
        self,
        size: str = "small",
        seed: int = 0,
        *,
        misspecified: bool = False,
        substitution: bool = False,
        **options: Any,
    ) -> None:
        game = Game(**options)
        settings = settings_for(size, misspecified=misspecified, substitution=substitution)
        world = replay(settings, seed, _first(game, settings.weeks), game.weeks)
        self._open(world, game, partial(_observed, size, seed, misspecified, substitution))

    @classmethod
    def from_store(cls, store: Store, **options: Any) -> ShopEnv:
        """Open a simulated store that is at hand, with its truth.

        Parameters
        ----------
        store : Store
            Of ``make_store``.
        **options : Any
            Those of ``Game``.

        Returns
        -------
        ShopEnv

        Raises
        ------
        DataError
            The store is not a simulated one with its truth, or was made by another version.
        """
        game, env = Game(**options), cls.__new__(cls)
        env._open(replayed(store, lambda weeks: _first(game, weeks), game.weeks), game, store.observed)
        return env

    def _open(self, world: World, game: Game, observed: Callable[[], Store]) -> None:
        self.game, self._world, self._observed = game, world, observed
        plan, first, s = world.market.plan, world.first, world.settings
        self._own = ShopRule(LEVERS, cover=s.cover, service=s.service, buffer=s.buffer)
        self._launch = world.catalogue.launch_week
        self._places = max(1, s.products // 10) if game.places is None else game.places
        self._listed, self._low, self._high = _rails(world, game)
        products, regions = len(plan.price), s.regions
        stocks = (products,) if game.pooled else (products, regions)
        levers: dict[str, Any] = {
            "order": spaces.Box(0, MOST_UNITS, stocks, np.int64),
            "price": spaces.Box(LEAST_PRICE, MOST_PRICE, (products,), np.float64),
            "promote": _Offers(products, self._places),
            "mail": spaces.MultiBinary(len(world.people.region)),
        }
        self.action_space = spaces.Dict({name: levers[name] for name in LEVERS if name in game.levers})
        self._books_before = Books(world, game.pooled)
        self._start_week = first
        obs, _ = self.reset(seed=0)
        self.observation_space = spaces.Dict({name: _space_of(name, value, game) for name, value in obs.items()})

    def under(self, **options: Any) -> ShopEnv:
        """Open the same world under other rules, without replaying it.

        Parameters
        ----------
        **options : Any
            Those of ``Game`` but ``weeks`` and ``start``, which stay; what is left out is as ``Game`` has it.

        Returns
        -------
        ShopEnv
            At the first week of play. The worlds' arrays are shared, as nobody writes into them.

        Raises
        ------
        DataError
            Other weeks are asked for.

        Examples
        --------
        >>> env = ShopEnv(size="tiny", seed=0, weeks=2)
        >>> env.under(pooled=True, holding=2.6).game.pooled
        True
        """
        weeks = {"weeks": self.game.weeks, "start": self.game.start}
        other = {name: options[name] for name in weeks if name in options and options[name] != weeks[name]}
        if other:
            raise DataError("other weeks are another world", value=other, remedy="open a new ShopEnv for them.")
        env = type(self).__new__(type(self))
        env._open(self._world, Game(**{**options, **weeks}), self._observed)
        return env

    # --- what a shop sees ---------------------------------------------------------------------------------------

    @property
    def week(self) -> int:
        """The store's week that is to be decided, counted from its first."""
        return self._week

    @property
    def places(self) -> int:
        """Places on the offers page."""
        return self._places

    @property
    def episode(self) -> Episode:
        """Who lives, and what the luck holds: for references alone."""
        return self._episode

    def knowledge(self, *, omniscient: bool) -> Knowledge:
        """Tell a reference what no shop knows.

        Parameters
        ----------
        omniscient : bool
            The shocks to come, too.

        Returns
        -------
        Knowledge
        """
        return Knowledge(self._world, pooled=self.game.pooled, omniscient=omniscient)

    @property
    def product_ids(self) -> NDArray[np.object_]:
        """Identifiers of the products, (P,), in the order of all arrays."""
        return self._world.catalogue.product_id.copy()

    @property
    def customer_ids(self) -> NDArray[np.object_]:
        """Identifiers of the customers, (J,), in the order of ``mail``; those who are not listed yet come last."""
        return self._world.people.customer_id.copy()

    def opening(self) -> Store:
        """Cut the store's tables at the first Monday of play, for fitting a model; its name and notes tell nothing.

        Returns
        -------
        Store
            Of the prices the plan of the next weeks too. Tables after that day are never used in play.
        """
        begin = self._world.market.dates[7 * self._start_week]
        return tables_until(self._observed(), begin, "the shop", self.game.ahead)

    def history(self, by: tuple[str, ...] = ("product_id",)) -> pd.DataFrame:
        """Return the panel of all weeks before this one, as the shop has recorded them under the actions of this play.

        Parameters
        ----------
        by : tuple of str
            ``("product_id",)``, or with ``"region_id"`` where regions have stocks of their own.

        Returns
        -------
        DataFrame
            As of ``make_panel``: ``unique_id, ds, product_id, y, price, promoted, depth, stockout, unstocked``, and
            ``price_test``; sales, not demand.
        """
        return self._books.panel(by)

    @property
    def shop_rule(self) -> ShopRule:
        """The shop's own rule for the levers of this game: what ``step`` takes for those left out.

        A policy may hold it: it knows nothing but ``obs``. ``env.shop_rule(obs)`` gives the shop's own action.
        """
        return replace(self._own, levers=self.game.levers)

    @property
    def substitutes(self) -> bool:
        """Whether demand moves to other products of a category: references do not think of it."""
        return self._world.settings.substitution != 0

    def _books_of_the_rule(self) -> Obs:
        """What the shop's own rule reads: copies, so that nothing hidden hangs on them."""
        world, plan, week, ahead = self._world, self._world.market.plan, self._week, self.game.ahead
        weeks = np.arange(week, week + ahead)
        there, weeks = weeks < world.settings.weeks, np.minimum(weeks, world.settings.weeks - 1)
        seen = self._launch[:, None] <= weeks
        mail = world.sent(week) if there[0] else np.zeros(len(world.people.region), dtype=bool)
        listed = world.people.signed_up_day < 7 * week
        known = (self._launch < week + ahead)[:, None]  # announced: within the plan
        return {
            "on_hand": self._stock(self._on_hand),
            "arriving": self._stock(self._arriving),
            "smoothed": self._stock(np.where(known, self._smoothed, 0.0)),
            "live": (self._launch <= week).astype(np.int8),
            "launching": (self._launch == week + 1).astype(np.int8),
            "plan_price": np.where(seen, plan.price[:, weeks], 0.0),
            "plan_promoted": np.where(seen & there, plan.promoted[:, weeks], False).astype(np.int8),
            "listed": listed.astype(np.int8),
            "weeks_since_letter": np.minimum(week - self._last_letter, 52),
            "plan_mail": (mail & listed).astype(np.int8),
        }

    def _obs(self) -> Obs:
        """What a shop sees on Monday, after unpacking."""
        week, books = self._week, self._books
        known = self._launch < week + self.game.ahead
        about = {"cost": self._world.market.cost, "list_price": self._listed}
        about |= {"price_low": self._low, "price_high": self._high}
        return {
            "week": np.int64(week - self._world.first),
            "age": np.maximum(week - self._launch, 0),
            "sold": self._stock(np.moveaxis(books.sold[week - SEEN : week], 0, 2)),
            "stockout": self._stock(books.stockout()),
            **{name: np.where(known, values, 0.0) for name, values in about.items()},
            **self._books_of_the_rule(),
        }

    def _stock(self, values: NDArray[Any]) -> NDArray[Any]:
        """A copy, without the dimension of stocks where there is one stock."""
        return np.array(values[:, 0] if self.game.pooled else values)

    # --- what happens -------------------------------------------------------------------------------------------

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Obs, dict[str, Any]]:
        """Begin again on the first Monday of play.

        Parameters
        ----------
        seed : int, optional
            The luck, of the same world; drawn unless given.
        options : dict, optional
            None are known.

        Returns
        -------
        tuple
            What the shop sees, and an empty ``info``.

        Raises
        ------
        DataError
            The luck is no whole number of zero or more.
        """
        if seed is not None and not (is_number(Integral, seed) and seed >= 0):
            raise DataError("a luck is a whole number of zero or more", value=seed, remedy="use for example luck=0.")
        super().reset(seed=None if seed is None else int(seed))
        world, market, game = self._world, self._world.market, self.game
        luck = int(self.np_random.integers(2**62)) if seed is None else int(seed)
        self._episode, self._week = Episode(world, luck), world.first
        tests, shape = generator(luck, "game price tests"), (len(self._launch), game.weeks)
        self._tested = tests.random(shape) < game.price_tests
        self._jitter = np.exp(tests.normal(0.0, world.settings.price_test_sd, shape))
        day = 7 * world.first
        start = market.opening[:, :, day], market.received[:, :, day], world.start_smoothed
        self._on_hand, self._arriving, self._smoothed = (
            part.sum(axis=1, keepdims=True) if game.pooled else part.copy() for part in start
        )
        self._on_hand, self._arriving = self._on_hand.astype(np.int64), self._arriving.astype(np.int64)
        self._last_letter = np.full(len(world.people.region), world.first - 52)
        for week in range(max(world.first - 52, 0), world.first):
            self._last_letter[world.sent(week)] = week
        self._books = self._books_before.copy()
        return self._obs(), {}

    def step(self, action: Action | None) -> tuple[Obs, float, bool, bool, dict[str, Any]]:
        """Decide for one week, and let it happen.

        Parameters
        ----------
        action : dict, optional
            Levers by name; what is missing is the shop's own.

        Returns
        -------
        tuple
            What the shop sees next, the week's profit in money, whether the game is over, False, and ``info``:
            ``demand, lost`` (P, S) units, ``expected`` (P,) units, and the parts of the profit.

        Raises
        ------
        DataError
            The game is over, or the action is none: the lever and the remedy are named.
        """
        world, game, week = self._world, self.game, self._week
        if week >= world.first + game.weeks:
            raise DataError("the game is over", value=f"{game.weeks} weeks", remedy="begin again with reset().")
        if action is not None and not isinstance(action, Mapping):
            raise DataError("an action is a dict", value=type(action).__name__, remedy='as {"order": units}; or None.')
        own = self._own(self._books_of_the_rule())
        order, price, promoted, mail, tested = self._decided(dict(action or {}), own)
        live = self._launch <= week
        potential = self._episode.potential(week, mail)
        expected = world.expected(week, world.interest(week, price, promoted), potential)
        wanted = self._episode.demand(week, expected)
        wanted = wanted.sum(axis=1, keepdims=True) if game.pooled else wanted
        available = self._on_hand + self._arriving
        gone = sell(available, wanted)
        sold = gone[:, :, -1]
        plan = {"price": price, "promoted": promoted, "price_test": tested}
        depth = np.where(own["price"] == price, world.market.depth[:, week], 0.0)  # a price of one's own is no discount
        self._books.write(available, gone, {**plan, "depth": depth}, world.wholesale(week))
        self._on_hand, self._arriving = available - sold, order
        self._smoothed = smooth(world.settings, self._smoothed, sold, live[:, None])
        self._episode.end_week(week, mail)
        self._last_letter = np.where(mail, week, self._last_letter)
        self._week += 1
        over = self._week == world.first + game.weeks
        cost, units = world.market.cost, sold.sum(axis=1)
        money = {
            "revenue": float(units @ price),
            "margin": float(units @ (price - cost)),
            "holding": game.holding / 52 * float(self._on_hand.sum(axis=1) @ cost),
            "ordering": 0.0 if over else game.order_cost * int((order > 0).sum()),  # the last one arrives after the end
            "letters": game.mailing_cost * int(mail.sum()),
        }
        profit = money["margin"] - money["holding"] - money["ordering"] - money["letters"]
        demand = wanted.sum(axis=2)
        info = {"demand": demand, "lost": demand - sold, "expected": expected.sum(axis=(1, 2)), "price": price, **money}
        return self._obs(), profit, over, False, info

    def _decided(self, action: dict[str, Any], own: dict[str, NDArray[Any]]) -> tuple[NDArray[Any], ...]:
        """Order (P, S), price, promotion, letters, and whether a price of the policy's own was tested."""
        week, number, game, world = self._week, self._week - self._world.first, self.game, self._world
        strange = sorted(set(action) - set(game.levers))
        if strange:
            raise DataError("this lever is not played", value=strange[0], remedy=f"move {game.levers}, or open it.")
        open_now = game.open_in(number)
        action = {name: value for name, value in action.items() if name in open_now}
        live, plan = self._launch <= week, world.market.plan
        given = {name: _checked(name, action[name], own[name].shape, live) for name in action}
        order = given.get("order", own["order"]).reshape(len(live), -1)
        order = np.where((self._launch <= week + 1)[:, None], order, 0).astype(np.int64)
        price, tested = own["price"], plan.price_test[:, week]
        if "price" in given:
            asked = np.round(given["price"], 2)
            mine = live & (asked != price)
            hit = mine & self._tested[:, number]
            new = np.clip(asked, self._low, self._high) * np.where(hit, self._jitter[:, number], 1.0)
            price = np.where(mine, np.maximum(np.round(new, 2), LEAST_PRICE), price)
            tested = np.where(mine, hit, tested)
        promoted = given.get("promote", own["promote"]).astype(bool) & live
        habit = plan.promoted[:, week]
        if promoted.sum() > self._places and not (promoted == habit).all():
            raise DataError(
                f"the offers page has {self._places} places",
                column="promote",
                value=int(promoted.sum()),
                remedy="promote fewer, or open the game with more places.",
            )
        mail = given.get("mail", own["mail"]).astype(bool) & (world.people.signed_up_day < 7 * week)
        if "mail" in open_now:  # else they are the shop's own, and all of them are sent
            mail &= week - self._last_letter >= game.mail_gap
        # Before launch a product has the price it will have, as the market's formula wants one.
        return order, np.where(live, price, plan.price[:, week]), promoted, mail, tested


class _Offers(spaces.MultiBinary):  # type: ignore[misc, unused-ignore]
    """Holds which products are on the offers page, at most so many."""

    def __init__(self, products: int, places: int) -> None:
        super().__init__(products)
        self.places = places

    def sample(self, *args: Any, **kwargs: Any) -> Any:
        """Draw a page that is full at most."""
        drawn = super().sample(*args, **kwargs)
        drawn[np.flatnonzero(drawn)[self.places :]] = 0
        return drawn


def _observed(size: str, seed: int, misspecified: bool, substitution: bool) -> Store:
    return make_store(size, seed, misspecified=misspecified, substitution=substitution).observed()


def _first(game: Game, weeks: int) -> int:
    return weeks - game.weeks if game.start is None else game.start


def _rails(world: World, game: Game) -> tuple[NDArray[np.float64], ...]:
    """List price, lowest and highest price of each product, money (P,): seen before play, or about the list price."""
    plan, launch = world.market.plan, world.catalogue.launch_week
    product = np.arange(len(launch))
    listed = plan.price[product, launch] / (1 - plan.depth[product, launch])
    low, high = (np.round(share * listed, 2) for share in game.rails or RAILS)
    if game.rails is None:
        before, live = plan.price[:, : world.first], plan.live[:, : world.first]
        seen = live.sum(axis=1) >= SEEN
        low = np.where(seen, np.where(live, before, np.inf).min(axis=1), low)
        high = np.where(seen, np.where(live, before, 0.0).max(axis=1), high)
    return np.round(listed, 2), np.maximum(low, LEAST_PRICE), np.maximum(high, LEAST_PRICE)


def _checked(name: str, value: Any, shape: tuple[int, ...], live: NDArray[np.bool_]) -> NDArray[Any]:
    """One lever's array, or an error that names what is wrong with it; prices are read of what is on sale."""
    array = np.array(value)
    words = {
        "order": f"whole units from 0 to {MOST_UNITS:,}",
        "price": f"money from {LEAST_PRICE} to {MOST_PRICE:,.0f}",
        "promote": "true or false",
        "mail": "true or false",
    }
    fine = array.shape == shape and array.dtype.kind in "biuf"
    if fine and name == "price":
        array = np.where(live, array, LEAST_PRICE)
    fine = fine and bool(np.isfinite(array).all())
    if fine and name == "order":
        fine = bool(((array >= 0) & (array <= MOST_UNITS) & (array == np.round(array))).all())
    elif fine and name == "price":
        fine = bool(((array >= LEAST_PRICE) & (array <= MOST_PRICE)).all())
    elif fine:
        fine = bool(((array == 0) | (array == 1)).all())
    if not fine:
        raise DataError(
            f"'{name}' is an array of shape {shape}: {words[name]}",
            column=name,
            value=array.shape if array.shape != shape else array.dtype.name,
            remedy="round, clip or reshape it, or leave the lever out: then it is the shop's own.",
        )
    return array


def _space_of(name: str, value: Any, game: Game) -> Any:
    if name == "week":
        return spaces.Discrete(game.weeks + 1)
    if value.dtype == np.int8:
        return spaces.MultiBinary(value.shape)
    return spaces.Box(0, 2**53 if value.dtype == np.int64 else np.inf, value.shape, value.dtype.type)


@dataclass(frozen=True, eq=False)
class Played:
    """Hold what a policy made of one game: ``weeks``, a row a week with its money and units."""

    weeks: pd.DataFrame = field(repr=False)

    @property
    def profit(self) -> float:
        """Money over all weeks."""
        return float(self.weeks["profit"].sum())


@explained()
def play(env: ShopEnv, policy: Policy, luck: int = 0) -> Played:
    """Play one game from reset to its end, and keep the score.

    *What is scored* is the profit of the game under the same luck for all policies, in money: averaged over lucks where
    luck matters (prices, offers, letters are played), from one luck where orders alone are played. There all lucks are
    one: whatever is ordered, the same is wanted, to the unit, so several lucks are no replicates. An interval comes
    from other worlds, by redrawing stores (``ecomlib.evaluation.share``).

    A luck is no new world: shocks and momentum are the seed's. A policy that learns by playing does so in worlds of
    other seeds; one that has played this world before knows what comes, and is no rival of those that do not.

    Who bought what is not dealt out in play: a policy sees units a product and stock. A mailing list is made of the
    customers of ``env.opening()``, and of who is listed and when he was last written to.

    Parameters
    ----------
    env : ShopEnv
        The game.
    policy : callable
        Called each week as ``policy(obs, history)``; returns a dict of levers, or None. It gets neither the env nor
        ``info``. ``history`` is the panel by product; a policy with an attribute ``history_by`` gets that panel, and
        None for None.
    luck : int
        Two policies that play the same luck can be compared week by week.

    Returns
    -------
    Played
        ``weeks``: ``week, ds``, money ``profit, revenue, margin, holding, ordering, letters``, units ``demand, sold,
        lost``, and ``margin_if_in_stock``: of the demand that was to be expected at these prices, shocks included, had
        nothing run out. It pays for no stock and no letter: it is not an expected profit.

    Raises
    ------
    DataError
        The policy is a reference that was made of another game.
    """
    if getattr(policy, "made_for", env) not in (env, None):  # of a reference, alone or in ``Together``
        raise not_its_game()
    obs, _ = env.reset(seed=luck)
    by, rows, over = getattr(policy, "history_by", ("product_id",)), [], False
    start = env.week
    cost, dates = env._world.market.cost, env._world.market.dates
    while not over:
        number = env.week - start  # counted here: what a policy holds it may have written into
        action = policy(obs, None if by is None else env.history(by))
        obs, profit, over, _, info = env.step(action)
        wanted, lost = int(info["demand"].sum()), int(info["lost"].sum())
        rows.append(
            {
                "week": number,
                "ds": dates[7 * (env._world.first + number)],
                "profit": profit,
                **{name: info[name] for name in ("revenue", "margin", "holding", "ordering", "letters")},
                "demand": wanted,
                "sold": wanted - lost,
                "lost": lost,
                "margin_if_in_stock": float(info["expected"] @ (info["price"] - cost)),
            }
        )
    return Played(pd.DataFrame(rows))
