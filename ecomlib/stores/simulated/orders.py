"""Sold units become baskets of customers, with returns (lesson 00, section 1; lesson 04, section 8).

Splitting Poisson counts at random gives independent Poisson counts (Kingman, *Poisson Processes*, 1993, section 1.2):
handing the sold units out is the same in law as letting every customer buy independently, and orders, inventory and
panel agree to the unit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ecomlib.stores.simulated.market import Market
from ecomlib.stores.simulated.people import People, draw_customers, sigmoid, six_digits
from ecomlib.stores.simulated.settings import Settings
from ecomlib.stores.simulated.visits import HOURS, make_reviews, make_sessions, moments
from ecomlib.stores.simulated.words import Catalogue


@dataclass(frozen=True, eq=False)
class HandedOut:
    """The tables that people leave behind, and what is hidden about them (each row-aligned with its table)."""

    orders: pd.DataFrame
    sessions: pd.DataFrame
    reviews: pd.DataFrame
    return_probability: np.ndarray  # (orders,)
    visit_type: np.ndarray  # (sessions,) index of settings.visit_types
    expected_units: np.ndarray  # (J,) given the sold units: what each customer should have bought
    unit_variance: np.ndarray  # (J,) and with which variance
    mailing_orders: np.ndarray  # (J,) expected extra orders in the 28 days after a mailing, for a living customer
    mailing_orders_26w: np.ndarray  # (J,) and in the 26 weeks after it
    wholesale_order: str  # order_id of the wholesale-sized order


def hand_out(
    settings: Settings, catalogue: Catalogue, people: People, market: Market, rng: np.random.Generator
) -> HandedOut:
    """Hand the market's sold units to customers and guests (lesson 00, section 1).

    A unit goes to a segment with probability proportional to ``M_krt τ_kc``, or to guests; the units of one region, day
    and segment are cut in random order into baskets; each basket goes to a living customer with probability
    proportional to ``a_j exp(mailing effect)``.
    """
    s = settings
    product, region, day = _units(market)
    segment = _segments(s, catalogue, people, market, product, region, day, rng)
    cell = (region * s.days + day) * (s.segments + 1) + segment
    shuffled = np.lexsort((rng.random(len(cell)), cell))
    product, region, day, segment, cell = (part[shuffled] for part in (product, region, day, segment, cell))
    opens = (np.diff(cell, prepend=-1) != 0) | (rng.random(len(cell)) < 1 / s.basket_units)
    first = np.flatnonzero(opens)
    basket, size = np.cumsum(opens) - 1, np.diff(first, append=len(cell))

    # Baskets to people: one more basket at the end is the wholesale order, of a customer of that region.
    whole_product, whole_region, whole_day, whole_units = market.wholesale
    b_region, b_day = np.append(region[first], whole_region), np.append(day[first], whole_day)
    mass = people.living_mass[:, whole_region, whole_day]
    b_segment = np.append(segment[first], rng.choice(s.segments, p=mass / mass.sum()))
    customer, expected, variance = draw_customers(s, people, b_segment, b_region, b_day, np.append(size, 0), rng)

    # Lines: the units of one product in one basket.
    lines, quantity = np.unique(basket * s.products + product, return_counts=True)
    l_basket = np.append(lines // s.products, len(first))
    l_product, quantity = np.append(lines % s.products, whole_product), np.append(quantity, whole_units)

    second = 3600 * rng.choice(24, len(b_day), p=HOURS) + rng.integers(0, 3600, len(b_day))
    moment = 86_400 * b_day + second
    rank = np.empty(len(moment), dtype=np.int64)
    rank[np.argsort(moment, kind="stable")] = np.arange(len(moment))
    by_time = np.lexsort((l_product, rank[l_basket]))
    l_basket, l_product, quantity = l_basket[by_time], l_product[by_time], quantity[by_time]
    week = b_day[l_basket] // 7
    order_id = np.array([f"O{number + 1:07d}" for number in range(len(moment))], dtype=object)
    names = np.array([*people.customer_id, None], dtype=object)  # a guest is customer number -1
    probability = sigmoid(
        s.return_intercept
        + s.return_quality * market.quality[l_product, week]
        + s.return_depth * (market.depth[l_product, week] > 0.2)
    )
    probability = six_digits(probability)
    orders = pd.DataFrame(
        {
            "order_id": order_id[rank[l_basket]],
            "product_id": catalogue.product_id[l_product],
            "region_id": market.region_ids[b_region[l_basket]],
            "customer_id": names[customer[l_basket]],
            "ordered_at": moments(market, moment[l_basket]),
            "quantity": quantity.astype(np.int64),
            "unit_price": market.price[l_product, week],
            "returned": rng.random(len(l_basket)) < probability,
        }
    )
    registered = customer >= 0
    sessions, visit_type = make_sessions(
        s, people, market, b_segment[registered], b_region[registered], customer[registered], moment[registered], rng
    )
    reviews = make_reviews(s, catalogue, market, orders, l_product, week, rng)
    return HandedOut(
        orders,
        sessions,
        reviews,
        probability,
        visit_type,
        expected,
        variance,
        *(expected_mailing_orders(s, people, b_segment[registered], b_region[registered], weeks) for weeks in (4, 26)),
        order_id[rank[-1]],
    )


def expected_mailing_orders(
    settings: Settings, people: People, segment: np.ndarray, region: np.ndarray, weeks: int = 4
) -> np.ndarray:
    """Expected extra orders in ``weeks`` if a living customer is mailed once, shape (J,): the truth of the effect.

    ``segment`` and ``region`` of all registered orders give the mean pace of a customer of activity one. Two things
    change: the rate in the first week, and the chance to be still there in the weeks after it.
    """
    K, R = settings.segments, settings.regions
    count = np.bincount(segment * R + region, minlength=K * R).reshape(K, R)
    pace = count / people.living_mass.sum(axis=2)  # orders a day
    stays = 1 - people.hazard
    logit = np.log(people.hazard) - np.log(stays) + people.mailing_leaving
    stays_mailed = 1 - sigmoid(logit)
    later = (stays_mailed - stays) * (1 - stays ** (weeks - 1)) / people.hazard  # 1 + stays + stays² + ...
    return people.activity * pace[people.segment, people.region] * 7 * (np.exp(people.mailing_effect) - 1 + later)


def _units(market: Market) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Product, region and day of every sold unit, without the wholesale order."""
    place = np.nonzero(market.sold)
    count = market.sold[place].astype(np.int64)
    whole_product, whole_region, whole_day, units = market.wholesale
    count[(place[0] == whole_product) & (place[1] == whole_region) & (place[2] == whole_day)] -= units
    product, region, day = (np.repeat(part, count) for part in place)
    return product, region, day


def _segments(
    settings: Settings,
    catalogue: Catalogue,
    people: People,
    market: Market,
    product: np.ndarray,
    region: np.ndarray,
    day: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Segment of each unit's buyer; K is a guest."""
    potential = people.living_mass[:, None] * people.taste[:, :, None, None]  # (K, C, R, T)
    everybody = potential.sum(axis=0) + market.guests[:, :, None]
    category, uniform = catalogue.category[product], rng.random(len(product))
    segment, cumulated = np.zeros(len(product), dtype=np.int64), np.zeros(everybody.shape)
    for k in range(settings.segments):
        cumulated += potential[k] / everybody
        segment += uniform >= cumulated[category, region, day]
    return segment
