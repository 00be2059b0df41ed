"""Makes the opponents of a quarter from lessons 11 to 14b: each is the rule with one lever of the course.

So a scoreboard says what each lesson earns when it comes alone. ``shop_rounds.course_policy`` joins them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ecomlib.decisions.price_policy import OptimalPrices, by_product, price_effects, reading_orders
from ecomlib.decisions.sales_plan import sales_plan
from ecomlib.decisions.shop_game import Obs, Policy
from ecomlib.decisions.shop_policies import Smoothing
from ecomlib.decisions.shop_rounds import InRounds, default_origins, default_trees, moved_letters, rule_policy
from ecomlib.decisions.stock_policy import stock_panel

if TYPE_CHECKING:
    from ecomlib.contract import Forecaster
    from ecomlib.decisions.shop_env import ShopEnv

PLANNED, FORECAST, CAUSAL, MOVED = "planned orders", "forecast orders", "causal prices", "moved letters"


@dataclass(frozen=True, eq=False)
class PlannedOrders(Smoothing):
    """Order for a plan that was made once, before the first Monday; what is launched later is smoothed.

    Parameters
    ----------
    plan : array (P, W)
        Mean units of each week of play; NaN for a product that the plan does not know. A week after the last is as it.
    """

    plan: NDArray[np.float64] | None = None

    def rates(self, obs: Obs) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the mean units of this week and the next, (P,) each."""
        smoothed, _ = super().rates(obs)
        assert self.plan is not None
        weeks = np.minimum([int(obs["week"]), int(obs["week"]) + 1], self.plan.shape[1] - 1)
        now, then = (np.where(np.isnan(self.plan[:, week]), smoothed, self.plan[:, week]) for week in weeks)
        return np.maximum(now, 1e-6), np.maximum(then, 1e-6)


def planned_policy(env: ShopEnv) -> InRounds:
    """Make lesson 11's opponent: orders for a plan of the quarter, made once; all else is the rule's.

    Parameters
    ----------
    env : ShopEnv
        The game, of one stock.

    Returns
    -------
    InRounds
    """
    env.reset(seed=0)
    books = stock_panel(env.history())[["unique_id", "ds", "y"]]
    plan = sales_plan(books, horizon=env.game.weeks, levels=[])
    weeks = plan[(plan["level"] == "series") & (plan["span"] == "week")]
    wide = weeks.pivot_table("mean", "unique_id", "period_start").reindex(env.product_ids)
    orders = PlannedOrders(env.game, plan=wide.to_numpy(dtype=float))
    return _with(env, order=orders)


def forecast_policy(env: ShopEnv, forecaster: Forecaster | None = None) -> InRounds:
    """Make lesson 12's opponent: orders from a forecast that reads the price; all else is the rule's.

    Parameters
    ----------
    env : ShopEnv
        The game.
    forecaster : Forecaster, optional
        As of ``course_policy``.

    Returns
    -------
    InRounds
    """
    env.reset(seed=0)
    books = env.history()
    model = forecaster or default_trees(books)
    return _with(env, order=reading_orders(env.game, model, books, weeks=default_origins(books)))


def price_policy(env: ShopEnv) -> InRounds:
    """Make lesson 13's opponent: prices at the optimum of text effects; all else, orders too, is the rule's.

    Parameters
    ----------
    env : ShopEnv
        The game.

    Returns
    -------
    InRounds
    """
    shop = env.opening()
    return _with(
        env, price=OptimalPrices(by_product(price_effects(shop, "text effects"), shop.products, env.product_ids))
    )


def letters_policy(env: ShopEnv) -> InRounds:
    """Make lesson 14b's opponent: letters to whom they move; all else is the rule's.

    Parameters
    ----------
    env : ShopEnv
        The game.

    Returns
    -------
    InRounds
    """
    return _with(env, mail=moved_letters(env))


def _with(env: ShopEnv, **parts: Policy) -> InRounds:
    return InRounds(env.game, {**rule_policy(env).parts, **parts})


OPPONENTS: dict[str, Callable[[ShopEnv], Policy]] = {
    PLANNED: planned_policy,
    FORECAST: forecast_policy,
    CAUSAL: price_policy,
    MOVED: letters_policy,
}

__all__ = [
    "CAUSAL",
    "FORECAST",
    "MOVED",
    "OPPONENTS",
    "PLANNED",
    "PlannedOrders",
    "forecast_policy",
    "letters_policy",
    "planned_policy",
    "price_policy",
]
