"""Sold units become orders of customers, with returns (lesson 00, section 1; lesson 09, section 1).

The units are handed out after the market has sold them, so orders, inventory and panel agree to the unit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ecomlib.stores.simulated.buyers import Tastes, deal
from ecomlib.stores.simulated.market import Market
from ecomlib.stores.simulated.people import People, sigmoid, six_digits
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
    appeal: np.ndarray  # (J,) how much the shop's items are to a customer's taste: one in the mean
    mailing_orders: np.ndarray  # (J,) expected extra orders in the 28 days after a mailing, for a living customer
    mailing_orders_26w: np.ndarray  # (J,) and in the 26 weeks after it
    wholesale_order: str  # order_id of the wholesale-sized order


def hand_out(
    settings: Settings,
    catalogue: Catalogue,
    people: People,
    tastes: Tastes,
    market: Market,
    rng: np.random.Generator,
) -> HandedOut:
    """Hand the market's sold units to customers and guests, as ``buyers`` says (lesson 00, section 1)."""
    s = settings
    dealt = deal(s, catalogue, people, tastes, market, rng)

    # One more basket at the end is the wholesale order, of a customer of that region.
    whole_product, whole_region, whole_day, whole_units = market.wholesale
    there = np.flatnonzero(people.region == whole_region)
    weight = people.weights(there, s)[:, whole_day]
    buyer = there[rng.choice(len(there), p=weight / weight.sum())]
    b_region, b_day = np.append(dealt.region, whole_region), np.append(dealt.day, whole_day)
    b_segment, customer = np.append(dealt.segment, people.segment[buyer]), np.append(dealt.customer, buyer)

    # Lines: the units of one product in one basket.
    lines, quantity = np.unique(dealt.basket * s.products + dealt.product, return_counts=True)
    l_basket = np.append(lines // s.products, len(dealt.day))
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
    placed = b_segment[registered], b_region[registered]
    sessions, visit_type = make_sessions(s, people, market, *placed, customer[registered], moment[registered], rng)
    reviews = make_reviews(s, catalogue, market, orders, l_product, week, rng)
    effect = {weeks: expected_mailing_orders(s, people, *placed, dealt.appeal, weeks=weeks) for weeks in (4, 26)}
    return HandedOut(
        orders=orders,
        sessions=sessions,
        reviews=reviews,
        return_probability=probability,
        visit_type=visit_type,
        expected_units=dealt.expected,
        unit_variance=dealt.variance,
        appeal=dealt.appeal,
        mailing_orders=effect[4],
        mailing_orders_26w=effect[26],
        wholesale_order=order_id[rank[-1]],
    )


def expected_mailing_orders(
    settings: Settings,
    people: People,
    segment: np.ndarray,
    region: np.ndarray,
    appeal: np.ndarray,
    *,
    weeks: int = 4,
) -> np.ndarray:
    """Expected extra orders in ``weeks`` if a living customer is mailed once, shape (J,): the truth of the effect.

    ``segment`` and ``region`` of all registered orders give the mean pace of a customer of activity one; ``appeal``
    (J,) says by how much the shop's items are to each customer's taste. Two things change: the rate in the first week,
    and the chance to be still there in the weeks after it.
    """
    K, R = settings.segments, settings.regions
    count = np.bincount(segment * R + region, minlength=K * R).reshape(K, R)
    pace = count / people.living_mass.sum(axis=2)  # orders a day
    stays = 1 - people.hazard
    logit = np.log(people.hazard) - np.log(stays) + people.mailing_leaving
    stays_mailed = 1 - sigmoid(logit)
    later = (stays_mailed - stays) * (1 - stays ** (weeks - 1)) / people.hazard  # 1 + stays + stays² + ...
    return (
        people.activity * appeal * pace[people.segment, people.region] * 7 * (np.exp(people.mailing_effect) - 1 + later)
    )
