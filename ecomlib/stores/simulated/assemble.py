"""The simulated store's parts put together: its ten tables and its truth (lesson 00, section 1)."""

from __future__ import annotations

import zlib

import numpy as np
import pandas as pd

from ecomlib.stores.simulated.geography import draw_population, make_regions
from ecomlib.stores.simulated.market import Market, elasticities, run_market
from ecomlib.stores.simulated.people import HandedOut, People, hand_out, make_people
from ecomlib.stores.simulated.settings import Settings
from ecomlib.stores.simulated.truth import Truth
from ecomlib.stores.simulated.words import CATEGORIES, Catalogue, make_catalogue
from ecomlib.stores.store import Store


def generator(seed: int, part: str) -> np.random.Generator:
    """A stream of random numbers of its own for each part, so that a change in one leaves the others as they were."""
    return np.random.default_rng([seed, zlib.crc32(part.encode())])


def assemble(settings: Settings, seed: int, name: str) -> Store:
    """Make one store from its settings and its seed: words, people, market, and who bought what."""
    population = draw_population(settings, generator(seed, "regions"))
    catalogue = make_catalogue(settings, generator(seed, "words"), seed=seed)
    people = make_people(settings, catalogue, population, generator(seed, "people"))
    market = run_market(settings, catalogue, people, population, generator(seed, "market"))
    handed = hand_out(settings, catalogue, people, market, generator(seed, "orders"))
    return Store(
        name=name,
        products=_products(catalogue, market),
        listings=catalogue.listings,
        regions=make_regions(settings, population),
        customers=people.customers,
        orders=handed.orders,
        prices=_prices(catalogue, market),
        inventory=_inventory(catalogue, market),
        sessions=handed.sessions,
        mailings=people.mailings,
        reviews=handed.reviews,
        notes={"seed": seed, "first_day": str(market.dates[0].date()), "last_day": str(market.dates[-1].date())},
        truth=_truth(settings, catalogue, people, market, handed),
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


def _inventory(catalogue: Catalogue, market: Market) -> pd.DataFrame:
    """One row a product, region and day since launch: units on hand, then received, then sold."""
    products, regions, days = market.sold.shape
    launch = 7 * catalogue.launch_week
    live = np.broadcast_to((np.arange(days) >= launch[:, None])[:, None, :], market.sold.shape)
    length = days - launch
    region = np.broadcast_to(market.region_ids, (products, regions)).ravel()
    dates = market.dates.to_numpy()
    return pd.DataFrame(
        {
            "product_id": np.repeat(catalogue.product_id, length * regions),
            "region_id": np.repeat(region, np.repeat(length, regions)),
            "date": np.broadcast_to(dates, market.sold.shape)[live],
            "on_hand_start": market.opening[live].astype(np.int64),
            "received": market.received[live].astype(np.int64),
            "sold": market.sold[live].astype(np.int64),
        }
    )


def _truth(settings: Settings, catalogue: Catalogue, people: People, market: Market, handed: HandedOut) -> Truth:
    s, listings = settings, catalogue.listings
    product, region, day, units = market.wholesale
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
        customers=people.customer_truth,
        conversion=handed.conversion,
        wholesale=pd.DataFrame(
            {
                "product_id": [catalogue.product_id[product]],
                "region_id": [market.region_ids[region]],
                "date": [market.dates[day]],
                "units": [units],
            }
        ),
    )
