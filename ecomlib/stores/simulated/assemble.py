"""The simulated store's parts put together: its ten tables and its truth (lesson 00, section 1)."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np
import pandas as pd

from ecomlib.stores.simulated.buyers import Tastes, draw_tastes
from ecomlib.stores.simulated.geography import draw_population, make_regions
from ecomlib.stores.simulated.market import Market, elasticities, run_market
from ecomlib.stores.simulated.orders import HandedOut, hand_out
from ecomlib.stores.simulated.people import People, make_people
from ecomlib.stores.simulated.settings import Settings
from ecomlib.stores.simulated.truth import Truth
from ecomlib.stores.simulated.words import CATEGORIES, Catalogue, make_catalogue
from ecomlib.stores.store import Store


def generator(seed: int, part: str) -> np.random.Generator:
    """A stream of random numbers of its own for each part, so that a change in one leaves the others as they were."""
    return np.random.default_rng([seed, zlib.crc32(part.encode())])


def stage(
    settings: Settings, seed: int, watch: Callable[[int, np.ndarray], None] | None = None
) -> tuple[np.ndarray, Catalogue, People, Market]:
    """What happens before units are handed out: population (R,), words, people and market; ``watch`` as the market's.

    Whoever replays a seed's world starts here, too.
    """
    population = draw_population(settings, generator(seed, "regions"))
    catalogue = make_catalogue(settings, generator(seed, "words"), seed=seed)
    people = make_people(settings, catalogue, population, generator(seed, "people"), generator(seed, "letters"))
    market = run_market(settings, catalogue, people, population, generator(seed, "market"), watch)
    return population, catalogue, people, market


def assemble(settings: Settings, seed: int, name: str) -> Store:
    """Make one store from its settings and its seed: words, people, market, and who bought what."""
    population, catalogue, people, market = stage(settings, seed)
    tastes = draw_tastes(settings, catalogue, people, generator(seed, "tastes"))
    handed = hand_out(settings, catalogue, people, tastes, market, generator(seed, "orders"))
    store = Store(
        name=name,
        products=_products(catalogue, market),
        listings=catalogue.listings,
        regions=make_regions(settings, population),
        customers=people.customers,
        orders=handed.orders,
        prices=_prices(catalogue, market),
        sessions=handed.sessions,
        mailings=people.mailings,
        reviews=handed.reviews,
        notes={"seed": seed, "first_day": str(market.dates[0].date()), "last_day": str(market.dates[-1].date())},
        truth=_truth(settings, catalogue, people, tastes, market, handed),
    )
    live = np.broadcast_to(np.repeat(market.plan.live, 7, axis=1)[:, None, :], market.sold.shape)
    counts = [table[live] for table in (market.opening, market.received, market.sold)]
    return with_inventory(store, inventory(store.truth, *counts))


def with_inventory(store: Store, table: pd.DataFrame) -> Store:
    """The same store with its inventory, which is by far its longest table and right by construction.

    To check its millions of rows again whenever a store is made or read would take seconds; a test does it instead.
    """
    full = object.__new__(Store)
    full.__dict__.update({**store.__dict__, "inventory": table})
    return full


def inventory(truth: Truth, on_hand: np.ndarray, received: np.ndarray, sold: np.ndarray) -> pd.DataFrame:
    """The table ``inventory``: one row a product, region and day since launch, in this order.

    Units on hand when the day begins, then received, then sold: the next day begins with the first two less the third.
    """
    launch = 7 * truth.cold_start["launch_week"].to_numpy()
    length, regions = len(truth.dates) - launch, len(truth.region_ids)
    dates = truth.dates.to_numpy()
    return pd.DataFrame(
        {
            "product_id": np.repeat(truth.product_ids, length * regions),
            "region_id": np.repeat(np.tile(truth.region_ids, len(length)), np.repeat(length, regions)),
            "date": np.concatenate([np.tile(dates[first:], regions) for first in launch]),
            "on_hand_start": on_hand.astype(np.int64),
            "received": received.astype(np.int64),
            "sold": sold.astype(np.int64),
        },
        copy=False,  # one block for all numbers would cost a second copy of 150 MB
    )


def _products(catalogue: Catalogue, market: Market) -> pd.DataFrame:
    """Products as they were launched: the list price is that of the first text, before any promotion."""
    product = np.arange(len(catalogue.product_id))
    listed = market.price / (1 - market.depth)
    frame = catalogue.products.copy()
    frame["list_price"] = listed[product, catalogue.launch_week].round(2)
    frame["unit_cost"] = market.cost
    return frame[["product_id", "title", "description", "category", "list_price", "unit_cost", "launched_on"]]


def _prices(catalogue: Catalogue, market: Market) -> pd.DataFrame:
    """One row a product and day since its launch. One price holds in all regions, so there is no region."""
    plan, days = market.plan, len(market.dates)
    week = np.arange(days) // 7
    product, day = np.nonzero(plan.live[:, week])
    at = product, week[day]
    return pd.DataFrame(
        {
            "product_id": catalogue.product_id[product],
            "date": market.dates.to_numpy()[day],
            "unit_price": plan.price[at],
            "promoted": plan.promoted[at],
            "depth": plan.depth[at],
            "price_test": plan.price_test[at],
            "promo_experiment": plan.experiment[at],
            "promo_propensity": plan.propensity[at],
        }
    )


def _truth(
    settings: Settings, catalogue: Catalogue, people: People, tastes: Tastes, market: Market, handed: HandedOut
) -> Truth:
    s, listings = settings, catalogue.listings
    product, region, day, units = market.wholesale
    left = market.dates[0] + pd.to_timedelta(people.leaving_day, unit="D")
    return Truth(
        settings=s,
        dates=market.dates,
        product_ids=catalogue.product_id,
        region_ids=market.region_ids,
        expected_demand=market.expected,
        demand=market.demand,
        shock=market.shock,
        momentum=np.ascontiguousarray(market.plan.momentum.T),
        law=market.law,
        return_probability=handed.return_probability,
        visit_type=handed.visit_type,
        customer_taste=tastes.customer,
        item_taste=tastes.item,
        quality=pd.DataFrame(
            {
                **{column: listings[column] for column in ("product_id", "version", "valid_from")},
                "quality": catalogue.quality.ravel(),
                "told": catalogue.told.ravel(),
            }
        ),
        elasticity=pd.DataFrame(
            {
                "category": np.array(CATEGORIES, dtype=object),
                "elasticity": elasticities(s, len(CATEGORIES)),
                "promotion": s.promotion_effect,
                "substitution": s.substitution,
            }
        ),
        rollout=pd.DataFrame(
            {
                "region_id": market.region_ids,
                "starts_on": market.dates[7 * market.rollout_week],
                "effect": s.rollout_effect,
            }
        ),
        cold_start=pd.DataFrame(
            {
                "product_id": catalogue.product_id,
                "category": np.array(CATEGORIES, dtype=object)[catalogue.category],
                "launch_week": catalogue.launch_week,
                "cold": catalogue.cold,
                "unseen_share": catalogue.unseen_share,
            }
        ),
        customers=pd.DataFrame(
            {
                "customer_id": people.customer_id,
                "segment": people.segment,
                "activity": people.activity,
                "appeal": handed.appeal,
                "hazard": people.hazard,
                "left_on": left.where(people.leaving_day < s.days).as_unit("ns"),
                "mailing_effect": people.mailing_effect,
                "mailing_leaving": people.mailing_leaving,
                "mailing_orders_28d": handed.mailing_orders,
                "mailing_orders_26w": handed.mailing_orders_26w,
                "expected_units": handed.expected_units,
                "unit_variance": handed.unit_variance,
            }
        ),
        conversion=pd.DataFrame({"visit_type": list(s.visit_types), "probability": list(s.visit_conversion)}),
        wholesale=pd.DataFrame(
            {
                "order_id": [handed.wholesale_order],
                "product_id": [catalogue.product_id[product]],
                "region_id": [market.region_ids[region]],
                "date": [market.dates[day]],
                "units": [units],
            }
        ),
    )
