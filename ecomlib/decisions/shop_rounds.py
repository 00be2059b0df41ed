"""Plays a quarter of thirteen weeks in which one lever more is handed over a round (lesson 22).

Weeks 1 to 4 are orders alone, weeks 5 to 7 prices too, then the offers page, and letters in the last three. A lever
that is not open yet is the shop's own. ``InRounds`` joins a policy for each lever and moves those that are open, so
that orders are made for the prices that will really be charged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.decisions.price_policy import (
    EarningOffers,
    Estimator,
    OptimalPrices,
    by_product,
    carried_orders,
    price_effects,
    promotion_lift,
)
from ecomlib.decisions.shop_game import LEVERS, Action, Game, Obs, Policy
from ecomlib.decisions.shop_letters import moved_by_letter
from ecomlib.decisions.shop_policies import (
    BestSellers,
    CostPlus,
    Smoothing,
    Together,
    _launch,
    _of_obs,
    _OfObs,
    _recent,
    _Rule,
    _units,
    mail_nobody,
)
from ecomlib.decisions.stock_policy import RECENT
from ecomlib.errors import DataError
from ecomlib.stores.store import Store

if TYPE_CHECKING:
    from ecomlib.contract import Forecaster
    from ecomlib.decisions.shop_env import ShopEnv

WEEKS = 13  # of a quarter
OPENS = (0, 4, 7, 10)  # week of play in which order, price, promote and mail open
TINY = {"weeks": 10, "opens": (0, 4, 6, 8)}  # of the tiny store, whose 26 weeks are few to learn from as it is
A_WEEK = 2.6  # holding costs 5 % of a unit's cost a week, as in lessons 12 and 13
JOINED = ("price", "promote", "mail", "order")  # who orders comes last, and knows what is charged
RULE, REFERENCE, LAST_WEEK = "the rule", "attainable", "last week"
RECENT_DAYS = 60
YOUNG = 52  # weeks of history: with fewer a forecaster looks back on four
WINDOW: dict[str, Any] = {  # of the forecaster of lesson 13, section 4
    "past": ("y", "rel_price", "promoted", "stockout"),
    "future": ("rel_price", "promoted", "week_sin", "week_cos"),
    "also_known": ("rel_price",),
}


def quarter_options(size: str = "small", **options: Any) -> dict[str, Any]:
    """Write down the rules of the quarter, as ``ShopEnv`` reads them.

    Parameters
    ----------
    size : str
        Of the store; on the tiny one ten weeks are played.
    **options : Any
        Others of ``Game``.

    Returns
    -------
    dict

    Examples
    --------
    >>> quarter_options()["opens"]
    (0, 4, 7, 10)
    """
    weeks = TINY if size == "tiny" else {"weeks": WEEKS, "opens": OPENS}
    return {**weeks, "levers": LEVERS, "pooled": True, "holding": A_WEEK, **options}


def rounds(game: Game) -> tuple[range, ...]:
    """Divide a game's weeks into rounds: one begins whenever a lever opens.

    Parameters
    ----------
    game : Game
        Its rules.

    Returns
    -------
    tuple of range
        Weeks of play, counted from 0.

    Examples
    --------
    >>> [len(weeks) for weeks in rounds(Game(**quarter_options()))]
    [4, 3, 3, 3]
    """
    first = sorted({0, *(game.opens or ())} & set(range(game.weeks)))
    return tuple(range(begin, end) for begin, end in zip(first, [*first[1:], game.weeks], strict=True))


@dataclass(frozen=True)
class InRounds:
    """Move the levers that are open, each by its own policy; the others stay the shop's.

    Parameters
    ----------
    game : Game
        It says when levers open.
    parts : mapping
        A policy for each of some levers: ``price``, ``promote``, ``mail``, ``order``.
    """

    game: Game
    parts: Mapping[str, Policy]

    def __post_init__(self) -> None:
        odd = sorted(set(self.parts) - set(LEVERS))
        if odd:
            raise DataError("there is no such lever", value=odd[0], remedy=f"name one of {LEVERS}.")

    @property
    def history_by(self) -> tuple[str, ...] | None:
        """The books that one of them reads, or None."""
        return Together(tuple(self.parts.values())).history_by

    def __call__(self, obs: Obs, history: Any = None) -> Action:
        """Return the levers that are open."""
        week = int(obs["week"])
        now, then = self.game.open_in(week), self.game.open_in(week + 1)
        action = dict(
            Together(tuple(self.parts[name] for name in JOINED if name in self.parts and name in now))(obs, history)
        )
        own = self.parts.get("price")
        if "order" in action and own is not None and "price" in then and "price" not in now:
            # What is ordered today is sold from next Monday on, at prices that will then be one's own.
            asked = np.asarray((own(obs, history) or {})["price"], dtype=float)
            price = asked.clip(obs["price_low"], obs["price_high"])
            plan = obs["plan_price"].copy()
            plan[:, 1:] = np.where(plan[:, 1:] > 0, price[:, None], 0.0)
            action |= self.parts["order"](obs | {"plan_price": plan}, history) or {}
        return action


@dataclass(frozen=True)
class InTurn:
    """Give a lever to one policy, and from a week of play on to another.

    Parameters
    ----------
    first, then : Policy
        Who moves it before ``week``, and from then on.
    week : int
        Of play, counted from 0.
    """

    first: Policy
    then: Policy
    week: int

    @property
    def history_by(self) -> tuple[str, ...] | None:
        """The books that one of them reads, or None."""
        return Together((self.first, self.then)).history_by

    def __call__(self, obs: Obs, history: Any = None) -> Action | None:
        """Return what the one whose turn it is does."""
        return (self.first if obs["week"] < self.week else self.then)(obs, history)


@dataclass(frozen=True)
class LastWeek(_OfObs):
    """Order what was sold last week, whatever is on the shelf; what is launched next week, as the shop does."""

    shop: Any

    def __call__(self, obs: Obs, history: Any = None) -> Action:
        """Return the orders."""
        launching = obs["launching"].astype(bool)
        return {"order": np.where(launching, self.shop(obs)["order"], obs["sold"][..., -1])}


@dataclass(frozen=True)
class CoverWeeks(_Rule):
    """Order up to so many weeks of the mean of the last eight: a rule that a person can say in one number.

    Parameters
    ----------
    game : Game
        The rules of the game.
    cover : float
        Weeks. An order arrives next Monday, so two weeks are used up before the one after it can help.
    """

    cover: float = 2.5

    def __call__(self, obs: Obs, history: Any = None) -> Action:
        """Return the orders."""
        mean, _, known = _recent(obs)
        mine = known & (self.ratio(obs) > 0)
        return {"order": _units(np.where(mine, self.cover * mean - obs["on_hand"] - obs["arriving"], _launch(obs)))}


@_of_obs
def no_offers(obs: Obs) -> Action:
    """Promote nothing."""
    return {"promote": np.zeros_like(obs["live"])}


@dataclass(frozen=True, eq=False)
class MailThose(_OfObs):
    """Write to some customers, whenever the game allows it.

    Parameters
    ----------
    chosen : array (J,)
        Who is written to.
    """

    chosen: NDArray[np.bool_]

    def __call__(self, obs: Obs, history: Any = None) -> Action:
        """Return the letters."""
        return {"mail": (self.chosen & obs["listed"].astype(bool)).astype(np.int8)}


def recent_buyers(shop: Store, customer_ids: Any, days: int = RECENT_DAYS) -> NDArray[np.bool_]:
    """Mark who bought within so many days before play: whom a shop without a model writes to, (J,).

    Parameters
    ----------
    shop : Store
        Of ``env.opening()``.
    customer_ids : array (J,)
        Of ``env.customer_ids``.
    days : int
        Counted back from the last order.

    Returns
    -------
    array (J,) of bool
    """
    since = shop.orders["ordered_at"].max() - pd.Timedelta(days=days)
    late = shop.orders.loc[shop.orders["ordered_at"] >= since, "customer_id"].dropna()
    return np.asarray(np.isin(np.asarray(customer_ids, dtype=object), late.unique()))


def days_left(game: Game) -> int:
    """Count the days of play that are left when letters open, these included: what a letter can earn in.

    Parameters
    ----------
    game : Game
        Its rules.

    Examples
    --------
    >>> days_left(Game(**quarter_options()))
    21
    """
    opens = dict(zip(game.levers, game.opens or (0,) * len(game.levers), strict=True))
    return 7 * (game.weeks - opens.get("mail", 0))


def moved_letters(env: ShopEnv, shop: Store | None = None, days: int | None = None) -> MailThose:
    """Make a policy for letters alone: to whom the DR learner says that one moves (lesson 14b).

    Parameters
    ----------
    env : ShopEnv
        The game.
    shop : Store, optional
        ``env.opening()``, where it is at hand.
    days : int, optional
        Whose orders are counted; those that are left when letters open unless given.

    Returns
    -------
    MailThose
    """
    books = env.opening() if shop is None else shop
    return MailThose(moved_by_letter(books, env.customer_ids, days or days_left(env.game), env.game.mailing_cost))


def rule_policy(env: ShopEnv, markup: float = 1.0, how: str = "lost_sales", mail: Policy | None = None) -> InRounds:
    """Make zero of the quarter's scale: the best rule without a model, chosen on stores 0 to 9 (``quarter_f``).

    Parameters
    ----------
    env : ShopEnv
        The game.
    markup : float
        On the cost.
    how : str
        ``"lost_sales"`` or ``"base_stock"``, as of ``Smoothing``.
    mail : Policy, optional
        For letters; whoever bought within 60 days unless given.

    Returns
    -------
    InRounds
        Smoothing, cost-plus prices, best sellers on the offers page, letters to recent buyers.
    """
    letters = mail or MailThose(recent_buyers(env.opening(), env.customer_ids))
    parts: dict[str, Policy] = {"order": Smoothing(env.game, how), "price": CostPlus(markup), "mail": letters}
    return InRounds(env.game, parts | {"promote": BestSellers(env.places)})


def course_policy(
    env: ShopEnv,
    *,
    forecaster: Forecaster | None = None,
    how: Estimator = "text effects",
    mail: Policy = mail_nobody,
    about: pd.DataFrame | None = None,
    weeks: int | None = None,
    shop: Store | None = None,
) -> InRounds:
    """Make the course's own policy: prices from a causal effect, orders from a forecast that it is carried into.

    Parameters
    ----------
    env : ShopEnv
        The game; its tables of the first Monday are all that anything is fitted on.
    forecaster : Forecaster, optional
        Its settings; trees on the window of lesson 13 unless given, on a shorter one where play begins early.
    how : str
        The estimator of price effects, as of ``price_effects``.
    mail : Policy
        For letters; nobody unless given.
    about : DataFrame, optional
        What else it reads of each product, as of ``stock_panel``.
    weeks : int, optional
        How many last origins the forecaster's errors are measured on; eight unless given, two where play begins early.
    shop : Store, optional
        ``env.opening()``, where it is at hand.

    Returns
    -------
    InRounds
        Lesson 13's optimal prices, its offers page, and orders from forecasts that the effect is carried into.
    """
    shop = env.opening() if shop is None else shop
    effects = price_effects(shop, how)
    slope = by_product(effects, shop.products, env.product_ids)
    try:
        lift = float(promotion_lift(shop, effects)["promotion"].iloc[0])
    except DataError:  # too few weeks in which a coin decided: the page then earns by its discount alone
        lift = 0.0
    obs, _ = env.reset(seed=0)
    books, costs = env.history(), pd.Series(obs["cost"], index=env.product_ids)
    model, origins = forecaster or default_trees(books), weeks or default_origins(books)
    orders = carried_orders(env.game, model, books, slope, costs, about=about, weeks=origins)
    parts: dict[str, Policy] = {"order": orders, "price": OptimalPrices(slope), "mail": mail}
    return InRounds(env.game, parts | {"promote": EarningOffers(env.places, lift, slope)})


def chosen_course(env: ShopEnv) -> InRounds:
    """Make the course's policy as it was chosen on stores 0 to 9 (``quarter_f``).

    Parameters
    ----------
    env : ShopEnv
        The game.

    Returns
    -------
    InRounds
        ``course_policy`` with lesson 12's network as its forecaster (trees where play begins early), which writes to
        whom lesson 14b's learner says that a letter moves, in the days that are left when letters open.
    """
    from ecomlib.forecasting.registry import forecaster

    shop = env.opening()
    env.reset(seed=0)
    model = None
    if env.history()["ds"].nunique() >= YOUNG:
        reads = {**WINDOW, "look_back": 26, "scale": "mean_abs", "head": "negative_binomial"}
        model = forecaster("gru", **reads, hidden=24, decoder=32, epochs=6, batch_size=1024, lr=8e-3, device="cpu")
    return course_policy(env, forecaster=model, mail=moved_letters(env, shop), shop=shop)


def default_trees(books: pd.DataFrame) -> Forecaster:
    """Make the forecaster of lessons 12 and 13; it looks back on fewer weeks where play begins early.

    Parameters
    ----------
    books : DataFrame
        Of ``env.history()``.
    """
    from ecomlib.forecasting.registry import forecaster

    look_back = 26 if books["ds"].nunique() >= YOUNG else 4
    return forecaster("trees", look_back=look_back, scale="mean_abs", objective="tweedie", **WINDOW)


def default_origins(books: pd.DataFrame) -> int:
    """Count the last origins that a forecaster's errors are measured on.

    Parameters
    ----------
    books : DataFrame
        Of ``env.history()``.
    """
    return RECENT if books["ds"].nunique() >= YOUNG else 2


def last_week_policy(env: ShopEnv) -> InRounds:
    """Make the rival that everybody can copy: order what was sold last week; all else is the rule's.

    Parameters
    ----------
    env : ShopEnv
        The game.

    Returns
    -------
    InRounds
        It differs from ``rule_policy`` in orders alone, so that what it lacks is theirs.
    """
    return InRounds(env.game, {**rule_policy(env).parts, "order": LastWeek(env.shop_rule)})


__all__ = [
    "OPENS",
    "WEEKS",
    "CoverWeeks",
    "InRounds",
    "InTurn",
    "LastWeek",
    "MailThose",
    "chosen_course",
    "course_policy",
    "days_left",
    "default_origins",
    "default_trees",
    "last_week_policy",
    "moved_letters",
    "no_offers",
    "quarter_options",
    "recent_buyers",
    "rounds",
    "rule_policy",
]
