"""Customers: where they live, what they like, when they leave, who gets a mailing (lesson 00, section 1).

J customers, K segments, R regions, C categories, T days, N mailings. A customer buys at the rate ``a_j`` times the
segment's taste, from the day of signing up to the day of leaving. Leaving depends on segment and mailings, never on
orders: the hazard is known, whatever is bought.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ecomlib.stores.simulated.settings import Settings
from ecomlib.stores.simulated.words import CATEGORIES, Catalogue


@dataclass(frozen=True, eq=False)
class People:
    """Everybody with an account. Days count from the store's first; a day of leaving may lie after its last."""

    customer_id: np.ndarray  # (J,) str, in the order of signing up
    region: np.ndarray  # (J,)
    segment: np.ndarray  # (J,)
    activity: np.ndarray  # (J,) a_j, mean one
    signed_up_day: np.ndarray  # (J,) negative before the store's first day
    leaving_day: np.ndarray  # (J,) first day on which the customer is gone
    hazard: np.ndarray  # (J,) probability to leave in a week without a mailing
    mailing_effect: np.ndarray  # (J,) on the log rate
    mailing_leaving: np.ndarray  # (J,) on the logit of the hazard
    mailing_day: np.ndarray  # (N,)
    treated: np.ndarray  # (J, N) bool
    propensity: np.ndarray  # (J,) probability to be treated
    taste: np.ndarray  # (K, C) τ, mean one in each segment
    living_mass: np.ndarray  # (K, R, T) M, sum of a_j exp(mailing effect) over the living
    customers: pd.DataFrame
    mailings: pd.DataFrame

    def members(self, segment: int, region: int) -> np.ndarray:
        """Indices of the customers of one segment in one region."""
        return np.flatnonzero((self.segment == segment) & (self.region == region))

    def weights(self, who: np.ndarray, settings: Settings) -> np.ndarray:
        """a_j exp(mailing effect) for each day, zero where the customer is not living, shape (len(who), T)."""
        day = np.arange(settings.days)
        living = (day >= self.signed_up_day[who, None]) & (day < self.leaving_day[who, None])
        raised = self.raised(who)
        weight = np.where(living, self.activity[who, None], 0.0)
        for number, sent in enumerate(self.mailing_day):
            days = slice(sent, sent + settings.mailing_days)
            hit = self.treated[who, number, None] & living[:, days]
            weight[:, days] = np.where(hit, raised[:, None], weight[:, days])
        return weight

    def raised(self, who: np.ndarray) -> np.ndarray:
        """a_j exp(mailing effect) of customers in the days after a mailing, shape (len(who),)."""
        return six_digits(self.activity[who] * np.exp(self.mailing_effect[who]))


def six_digits(values: np.ndarray) -> np.ndarray:
    """Positive values rounded to six significant digits: a processor's last bit never changes what is drawn."""
    scale = 10.0 ** (5 - np.floor(np.log10(values)))
    return np.round(values * scale) / scale


def make_people(
    settings: Settings,
    catalogue: Catalogue,
    population: np.ndarray,
    rng: np.random.Generator,
    letters: np.random.Generator,
) -> People:
    """Draw the customers' lives and the mailings (lesson 00, section 1).

    Parameters
    ----------
    population: people in each region, shape (R,); customers live where people live.
    letters: a stream of its own, which deals the rows of ``mailing_shares`` to the segments: in some stores the
        restless are glad of a letter, in some they are driven away.
    """
    s = settings
    region, segment, signed_up = _arrivals(s, population, rng)
    count = len(region)
    base = base_logit(s, segment)
    activity = six_digits(np.maximum(rng.gamma(s.activity_shape, 1 / s.activity_shape, count), 1e-3))
    shares = np.array(s.mailing_shares)[letters.permutation(len(s.mailing_shares))]
    cumulated = np.cumsum(shares, axis=1)[np.arange(s.segments) % len(shares)]
    kind = (rng.random(count)[:, None] >= cumulated[segment, :-1]).sum(axis=1)
    effect, leaving_effect = np.array(s.mailing_effects)[kind], np.array(s.mailing_leaving)[kind]

    # The shop mails its good customers more often: without the propensity the mailing looks better than it is.
    low, high = s.mailing_propensity
    propensity = np.round(low + (high - low) * sigmoid(0.8 * np.log(activity) - 0.6 * restless(s)[segment]), 3)
    mailing_day = 7 * np.arange(s.mailing_weeks // 2, s.weeks - 4, s.mailing_weeks)
    listed = signed_up[:, None] < mailing_day
    treated = listed & (rng.random((count, len(mailing_day))) < propensity[:, None])

    taste = np.exp(rng.normal(0.0, s.taste_sd, (s.segments, len(CATEGORIES))))
    taste = six_digits(taste / taste.mean(axis=1, keepdims=True))
    leaving_day = _lives(s, base, leaving_effect, signed_up, mailing_day, treated, rng)
    customer_id = np.array([f"C{j + 1:05d}" for j in range(count)], dtype=object)
    first_day = pd.Timestamp(s.end) - pd.Timedelta(days=s.days - 1)
    customers = pd.DataFrame(
        {
            "customer_id": customer_id,
            "region_id": np.array([f"R{r + 1:02d}" for r in range(s.regions)], dtype=object)[region],
            "signed_up_on": (first_day + pd.to_timedelta(signed_up, unit="D")).to_numpy().astype("datetime64[ns]"),
        }
    )
    which, number = np.nonzero(listed)  # the shop does not know who has left: they stay on the list
    mailings = pd.DataFrame(
        {
            "customer_id": customer_id[which],
            "date": (first_day + pd.to_timedelta(mailing_day[number], unit="D")).to_numpy().astype("datetime64[ns]"),
            "treated": treated[which, number],
            "propensity": propensity[which],
        }
    )
    mailings = mailings.sort_values(["date", "customer_id"], ignore_index=True)
    mass = np.zeros((s.segments, s.regions, s.days))
    people = People(
        customer_id,
        region,
        segment,
        activity,
        signed_up,
        leaving_day,
        six_digits(sigmoid(base)),
        effect,
        leaving_effect,
        mailing_day,
        treated,
        propensity,
        taste,
        mass,
        customers,
        mailings,
    )
    for k in range(s.segments):
        for r in range(s.regions):
            mass[k, r] = people.weights(people.members(k, r), s).sum(axis=0)
    return people


def draw_customers(
    settings: Settings,
    people: People,
    segment: np.ndarray,
    region: np.ndarray,
    day: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """A living customer for each visit, by activity alone: index."""
    T, K = settings.days, settings.segments
    customer = np.full(len(day), -1)
    place = region * K + segment
    for cell in np.unique(place):
        here = np.flatnonzero(place == cell)
        who = people.members(int(cell % K), int(cell // K))
        weight = people.weights(who, settings)
        share = weight / np.maximum(weight.sum(axis=0), 1e-12)
        # One sorted row of numbers for all days: customers' shares, cumulated, each day one unit further on.
        cumulated = (np.cumsum(share, axis=0) + np.arange(T)).T.ravel()
        drawn = np.searchsorted(cumulated, day[here] + rng.random(len(here)) * (1 - 1e-9), side="right")
        customer[here] = who[drawn - day[here] * len(who)]
    return customer


def restless(settings: Settings) -> np.ndarray:
    """1 for the segments that leave sooner (the second half of them), else 0, shape (K,)."""
    return (np.arange(settings.segments) >= settings.segments / 2).astype(float)


def base_logit(settings: Settings, segment: np.ndarray) -> np.ndarray:
    """Logit of the weekly hazard of customers of these segments, without a mailing."""
    return np.asarray(settings.leaving_intercept + settings.leaving_segment * restless(settings)[segment])


def week_hazard(base: np.ndarray, effect: np.ndarray, mailed: np.ndarray) -> np.ndarray:
    """Probability to leave at the end of a week; ``effect`` is a mailing's on the logit, ``mailed`` bool."""
    return np.round(sigmoid(base + effect * mailed), 6)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Probability that belongs to a logit."""
    return 1 / (1 + np.exp(-x))


def _arrivals(
    s: Settings, population: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Region, segment and day of signing up, sorted by day: those who are there on day 0, and those who come later.

    As many come in a week as leave on average, so that their number neither grows nor shrinks.
    """
    hazard = sigmoid(s.leaving_intercept + s.leaving_segment * restless(s))
    living = np.full(s.segments, s.living_per_region * s.regions / s.segments)
    old = np.repeat(np.arange(s.segments), living.round().astype(int))
    new = np.repeat(np.arange(s.segments), rng.poisson(living * hazard * s.weeks))
    weeks_ago = rng.geometric(hazard[old])
    signed_up = np.concatenate([-7 * weeks_ago + rng.integers(0, 7, len(old)), rng.integers(0, s.days, len(new))])
    region = rng.choice(len(population), len(signed_up), p=population / population.sum())
    by_day = np.argsort(signed_up, kind="stable")
    return region[by_day], np.concatenate([old, new])[by_day], signed_up[by_day]


def _lives(
    s: Settings,
    base: np.ndarray,
    leaving_effect: np.ndarray,
    signed_up: np.ndarray,
    mailing_day: np.ndarray,
    treated: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Day of leaving: at the end of each whole week with an account a customer goes with the week's hazard."""
    leaving_day = np.full(len(base), -1)
    sent = {int(day) // 7: treated[:, number] for number, day in enumerate(mailing_day)}
    for week in range(s.weeks):
        chance = week_hazard(base, leaving_effect, sent.get(week, np.zeros(len(base), dtype=bool)))
        goes = (rng.random(len(base)) < chance) & (signed_up <= 7 * week) & (leaving_day < 0)
        leaving_day[goes] = 7 * (week + 1)
    stay = leaving_day < 0
    leaving_day[stay] = s.days + 7 * rng.geometric(np.round(sigmoid(base[stay]), 6))
    return leaving_day
