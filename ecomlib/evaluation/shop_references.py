"""Knows what no shop knows, for the references in ``decisions.shop_policies``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from ecomlib.errors import DataError
from ecomlib.evaluation.floors import demand_moments, forecast_shock, known_momentum
from ecomlib.stores.simulated.market import elasticities
from ecomlib.stores.simulated.people import base_logit, week_hazard
from ecomlib.stores.simulated.truth import Groups
from ecomlib.stores.simulated.world import Episode, World, replay
from ecomlib.stores.store import Store


def replayed(store: Store, first: Callable[[int], int], weeks: int) -> World:
    """Replay a simulated store that is at hand, and prove that it is that very store.

    Parameters
    ----------
    store : Store
        With its truth.
    first : callable
        The first week of play, given the store's number of weeks.
    weeks : int
        How many are played.

    Raises
    ------
    DataError
        It has no truth, or its seed makes another store: it was made by another version.
    """
    truth, seed = store.truth, store.notes.get("seed")
    if truth is None or seed is None:
        raise DataError(
            f"the store '{store.name}' cannot be played: only a simulated one with its truth can",
            remedy="pass what make_store returns, before observed().",
        )
    start = first(truth.settings.weeks)
    world = replay(truth.settings, int(seed), start, weeks)
    if not np.array_equal(world.market.demand, truth.demand):
        raise DataError(
            f"seed {seed} does not make the store '{store.name}': it was made by another version",
            remedy="make it again with make_store(…, cache=False).",
        )
    return world


class Knowledge:
    """Holds what a reference of the closed loop knows: every parameter, and the world as it is under these actions.

    *Attainable* knows nothing random after this Monday: last week's momentum, last night's shock, who is alive now.
    *Omniscient* knows μ of the weeks to come too, and neither the luck of a day nor who will leave.
    """

    def __init__(self, world: World, *, pooled: bool, omniscient: bool = False) -> None:
        market, s = world.market, world.settings
        self.world, self.omniscient = world, omniscient
        stocks = 1 if pooled else s.regions
        of_region = np.zeros(s.regions, dtype=int) if pooled else np.arange(s.regions)
        labels: list[tuple[dict[str, str], ...]] = [({},) * s.products, ({},) * stocks]
        self._groups = Groups(np.arange(s.products), of_region, labels, ())
        self._truth: Any = SimpleNamespace(
            settings=s,
            expected_demand=market.expected.astype(float),
            shock=market.shock,
            momentum=market.plan.momentum.T,
            law=market.law,
            region_ids=market.region_ids,
            product_ids=world.catalogue.product_id,
        )
        slope = elasticities(s, len(market.plan.season))[world.catalogue.category][:, None]
        self._slope = slope + s.elasticity_quality * market.plan.quality  # (P, W)

    def demand(
        self, week: int, episode: Episode, plans: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Compute mean and variance of the demand of each stock, units a week, (P, S), for this week and the next ones.

        Parameters
        ----------
        week : int
            Of the store; its demand is not known yet.
        episode : Episode
            Who is alive.
        plans : sequence of triples
            Prices (P,), promotions (P,) and letters (J,) of this week and the next ones.
        """
        world, truth, last_day = self.world, self._truth, 7 * week - 1
        known = None
        if not self.omniscient:
            known = forecast_shock(truth, last_day, 7 * len(plans)), known_momentum(truth, last_day)
        found: list[tuple[np.ndarray, np.ndarray]] = []
        if week + len(plans) > world.first + world.weeks:  # nobody needs to know what is wanted after the end
            nothing = np.zeros(self._groups.shape)
            plans, found = plans[:-1], [(nothing, nothing)]
        for ahead, (price, promoted, letters) in enumerate(plans):
            potential = episode.potential(week + ahead, letters)
            days = np.arange(7 * (week + ahead), 7 * (week + ahead) + 7)
            rates = world.expected(week + ahead, world.interest(week + ahead, price, promoted), potential)
            truth.expected_demand[:, :, days[0] : days[-1] + 1] = rates
            found.insert(ahead, demand_moments(truth, self._groups, last_day, days, known))
        return found

    def best_price(self, week: int) -> np.ndarray:
        """Compute the price that earns most by a product's own elasticity ε: cost · ε / (1 + ε), money, (P,).

        Infinite where ε is -1 or weaker: there only the rails hold a price. Substitutes are not thought of.
        """
        slope = self._slope[:, week]
        with np.errstate(divide="ignore"):
            return np.where(slope < -1, self.world.market.cost * slope / (1 + slope), np.inf)

    @property
    def offer_lift(self) -> float:
        """Factor by which a place on the offers page multiplies demand, whatever the price."""
        return float(np.exp(self.world.settings.promotion_effect))

    def letter_gain(self, week: int, episode: Episode, price: np.ndarray, promoted: np.ndarray) -> np.ndarray:
        """Compute the margin that a letter earns until the end of play, money, (J,); zero for those who are gone.

        A letter moves the rate for a week and the chance to be there in the weeks after it (``expected_mailing_orders``
        counts orders in the same way). Nothing is thought to run out.
        """
        world, s, market, people = self.world, self.world.settings, self.world.market, self.world.people
        margin = np.exp(world.interest(week, price, promoted)) * (price - market.cost)
        margin *= np.exp(market.plan.momentum[:, week - 1] - market.plan.momentum[:, week])  # this week's is not known
        by_category = np.bincount(world.catalogue.category, margin, len(market.plan.season))
        last = slice(7 * week - 7, 7 * week)
        calm = (market.ground.by_region[:, :, last] * np.exp(-market.shock[last].T)).mean(axis=2)
        pace = 7 * s.kappa * np.exp(s.shock_sd**2 / 2) * (people.taste * by_category) @ calm  # (K, R) money a week
        stays = 1 - people.hazard
        stays_mailed = 1 - week_hazard(
            base_logit(s, people.segment), people.mailing_leaving, np.ones(len(stays), dtype=bool)
        )
        left = world.first + world.weeks - week
        later = (stays_mailed - stays) * (1 - stays ** (left - 1)) / people.hazard
        gain = people.activity * pace[people.segment, people.region] * (np.expm1(people.mailing_effect) + later)
        return np.where(episode.alive & (people.signed_up_day < 7 * week), gain, 0.0)
