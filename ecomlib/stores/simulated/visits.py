"""Visits to the site and reviews of what was bought (lesson 00, section 1).

A visit of type z ends in an order with probability p_z. Since the orders are already there, each of them gets its visit
(type z with probability proportional to ``w_z p_z``) and the visits without an order are added, a Poisson number of
each type in proportion ``w_z (1 - p_z)``: the share of each type's visits that convert is p_z.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ecomlib.stores.simulated.market import Market
from ecomlib.stores.simulated.people import People, draw_customers
from ecomlib.stores.simulated.settings import Settings
from ecomlib.stores.simulated.words import Catalogue, noun

# Visits by hour of the day, out of 1,000: a quiet night, a plateau from ten, a peak after supper.
HOURS = np.array([8, 4, 2, 1, 1, 3, 10, 22, 38, 52, 62, 64, 64, 60, 56, 54, 54, 56, 62, 74, 88, 84, 54, 27]) / 1000
SOURCES = ("direct", "search engine", "e-mail", "social")
DEVICES = ("mobile", "desktop", "tablet")
# Where visits of each type come from, and with which device they are made: hints, none of them a giveaway.
_SOURCE_SHARES = (
    np.array([[15, 40, 10, 35], [25, 35, 10, 30], [30, 50, 10, 10], [30, 45, 15, 10], [55, 20, 20, 5]]) / 100
)
_DEVICE_SHARES = np.array([[75, 20, 5], [65, 25, 10], [40, 50, 10], [45, 45, 10], [40, 52, 8]]) / 100
_REVIEWS = (
    (
        "Broke within a week. This {noun} is not worth the money.",
        "Nothing like the picture. I sent the {noun} back.",
        "Very disappointed with this {noun}.",
        "Avoid. The {noun} arrived damaged and nobody answered.",
    ),
    (
        "The {noun} is smaller than I thought and feels weak.",
        "Not great. The {noun} wobbles.",
        "I expected more of this {noun}.",
        "The {noun} does its job, but only just.",
    ),
    (
        "An average {noun}, neither good nor bad.",
        "The {noun} is all right for what it cost.",
        "It is what it says: a {noun}.",
        "Mixed feelings about this {noun}.",
    ),
    (
        "A good {noun}, I would buy it again.",
        "Nice {noun}, and it came on time.",
        "We are happy with the {noun}.",
        "The {noun} looks good in our house.",
    ),
    (
        "I love this {noun}!",
        "A wonderful {noun}, much admired by everybody.",
        "Perfect. The {noun} is even nicer than in the picture.",
        "Best {noun} I have ever had.",
    ),
)


def make_sessions(
    settings: Settings,
    people: People,
    market: Market,
    segment: np.ndarray,
    region: np.ndarray,
    customer: np.ndarray,
    moment: np.ndarray,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, np.ndarray]:
    """The logged sample of visits by people with an account, and the type of each (lesson 00, section 1).

    Parameters
    ----------
    segment, region, customer, moment: of each registered order; moments in seconds from the store's first midnight.
    """
    s = settings
    share, conversion = np.array(s.visit_shares), np.array(s.visit_conversion)
    buying, leaving = share * conversion, share * (1 - conversion)
    logged = np.flatnonzero(rng.random(len(moment)) < s.logged_share)
    bought_type = rng.choice(len(share), len(logged), p=buying / buying.sum())

    # Visits without an order: on each day as many as the day's orders call for, by people as active as buyers are.
    K, R, T = people.living_mass.shape
    place = segment * R + region
    pace = np.bincount(moment // 86_400, minlength=T) / people.living_mass.sum(axis=(0, 1))
    count = rng.poisson(
        np.bincount(place, minlength=K * R)[:, None] * s.logged_share * leaving[None, :] / buying.sum()
    )  # (K R, types)
    where = np.repeat(np.arange(K * R), count.sum(axis=1))
    idle_type = np.repeat(np.tile(np.arange(len(share)), K * R), count.ravel())
    chance = np.cumsum((people.living_mass * pace).reshape(K * R, T), axis=1)
    chance /= chance[:, -1:]
    day = np.empty(len(where), dtype=np.int64)
    for cell in range(K * R):
        here = np.flatnonzero(where == cell)
        day[here] = np.searchsorted(chance[cell], rng.random(len(here)), side="right")
    idle_customer = draw_customers(s, people, where // R, where % R, day, rng)
    idle_moment = 86_400 * day + 3600 * rng.choice(24, len(day), p=HOURS) + rng.integers(0, 3600, len(day))

    visit = np.concatenate([bought_type, idle_type])
    pages = 1 + rng.poisson(rng.gamma(3.0, (np.array(s.visit_pages)[visit] - 1) / 3))
    minutes = pages * np.array(s.visit_minutes)[visit] * rng.gamma(4.0, 1 / 4, len(visit))
    minutes = np.round(np.maximum(minutes, 0.1), 1)
    ended = np.concatenate([moment[logged], idle_moment])
    started = np.maximum(ended - np.round(60 * minutes).astype(np.int64), 0)
    by_time = np.argsort(started, kind="stable")
    sessions = pd.DataFrame(
        {
            "customer_id": people.customer_id[np.concatenate([customer[logged], idle_customer])],
            "started_at": moments(market, started),
            "pages": pages.astype(np.int64),
            "minutes": minutes,
            "searches": rng.poisson(np.array(s.visit_searches)[visit]).astype(np.int64),
            "source": _choose(SOURCES, _SOURCE_SHARES, visit, rng),
            "device": _choose(DEVICES, _DEVICE_SHARES, visit, rng),
            "converted": np.arange(len(visit)) < len(logged),
        }
    )
    sessions = sessions.iloc[by_time].reset_index(drop=True)
    sessions.insert(0, "session_id", np.array([f"V{n + 1:07d}" for n in range(len(sessions))], dtype=object))
    return sessions, visit[by_time]


def make_reviews(
    settings: Settings,
    catalogue: Catalogue,
    market: Market,
    orders: pd.DataFrame,
    product: np.ndarray,
    week: np.ndarray,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Reviews of some lines, by buyers only; the delighted and the angry write twice as often (lesson 00, section 1).

    ``product`` and ``week`` are the indices of each line of ``orders``.
    """
    s = settings
    opinion = (
        s.review_mean + s.review_quality * market.quality[product, week] + rng.normal(0.0, s.review_sd, len(orders))
    )
    rating = np.clip(np.round(opinion), 1, 5).astype(np.int64)
    eager = np.where((rating == 1) | (rating == 5), s.review_extreme, 1.0)
    written = orders["ordered_at"].dt.normalize() + pd.to_timedelta(rng.integers(4, 22, len(orders)), unit="D")
    writes = rng.random(len(orders)) < s.review_share * eager / eager.mean()
    line = np.flatnonzero(writes & (written <= market.dates[-1]).to_numpy())
    wording = rng.integers(0, len(_REVIEWS[0]), len(line))
    things = [noun(int(c), int(n)) for c, n in zip(catalogue.category, catalogue.noun, strict=True)]
    reviews = pd.DataFrame(
        {
            "product_id": catalogue.product_id[product[line]],
            "customer_id": orders["customer_id"].to_numpy()[line],
            "written_at": written.to_numpy()[line],
            "rating": rating[line],
            "text": [
                _REVIEWS[stars - 1][w].format(noun=things[p])
                for stars, w, p in zip(rating[line], wording, product[line], strict=True)
            ],
        }
    )
    return reviews.sort_values("written_at", kind="stable", ignore_index=True)


def _choose(names: tuple[str, ...], shares: np.ndarray, visit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One of the names for each visit, with the probabilities of its type."""
    below = rng.random(len(visit))[:, None] >= np.cumsum(shares, axis=1)[visit, :-1]
    return np.array(names, dtype=object)[below.sum(axis=1)]


def moments(market: Market, seconds: np.ndarray) -> np.ndarray:
    """Seconds since the store's first midnight as times of day."""
    return market.dates[0].to_datetime64() + seconds.astype("timedelta64[s]").astype("timedelta64[ns]")
