"""Who gets a sold unit: by activity, by taste, and by what was bought before (lesson 00, section 1).

The market has sold its units; here they are dealt out. J customers of a region, P products, K segments.

    weight of customer j for item i = a_j exp(mailing) τ_kc exp(s x_j·b_i − s²/2) · repeat

A unit goes to a segment with probability proportional to the sum of these weights over its living customers, or to the
guests. The units of one region, day and segment are cut in random order into baskets, and a basket goes to a customer
with probability proportional to ``a_j exp(mailing)`` times the product of the other factors over its items. *Repeat* is
above one where the customer last bought the item one to two months ago, and below one where that was less than a month
ago. Without it this is the same in law as letting every customer buy independently (Kingman, *Poisson Processes*, 1993,
section 1.2); with it, who buys depends on what was bought before, and days must be dealt in their order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecomlib.stores.simulated.market import Market
from ecomlib.stores.simulated.people import People, six_digits
from ecomlib.stores.simulated.settings import Settings
from ecomlib.stores.simulated.words import MATERIALS, USES, Catalogue

_LONG_AGO = -10_000  # a day before any store's first


@dataclass(frozen=True, eq=False)
class Tastes:
    """What customers look for in items, and what items have of it, each D numbers of no unit."""

    customer: np.ndarray  # (J, D) x_j, variance one in each dimension
    item: np.ndarray  # (P, D) b_i, length one


@dataclass(frozen=True, eq=False)
class Baskets:
    """Units in baskets: U units, B baskets, one for each visit that ended in an order."""

    product: np.ndarray  # (U,)
    basket: np.ndarray  # (U,) rising
    region: np.ndarray  # (B,)
    day: np.ndarray  # (B,)
    segment: np.ndarray  # (B,) K is a guest
    customer: np.ndarray  # (B,) -1 for a guest
    expected: np.ndarray  # (J,) units, given all that was sold
    variance: np.ndarray  # (J,) of these
    appeal: np.ndarray  # (J,) baskets to be expected over those of the same activity without any taste


def draw_tastes(settings: Settings, catalogue: Catalogue, people: People, rng: np.random.Generator) -> Tastes:
    """Draw what the shop's items are like, and what its customers like.

    An item's place comes from its material and use, so that its title tells most of it, and from itself; a customer's
    half from the segment, half from himself.
    """
    s = settings
    material, use, own = (
        _unit(rng.normal(size=(n, s.taste_dimensions))) for n in (len(MATERIALS), len(USES), s.products)
    )
    item = s.item_told * (material[catalogue.material] + use[catalogue.use])
    item = _unit(item + np.sqrt(1 - 2 * s.item_told**2) * own)
    of_segment = rng.normal(size=(s.segments, s.taste_dimensions))
    customer = (of_segment[people.segment] + rng.normal(size=(len(people.segment), s.taste_dimensions))) / np.sqrt(2)
    return Tastes(np.round(customer, 6), np.round(item, 6))


def deal(
    settings: Settings,
    catalogue: Catalogue,
    people: People,
    tastes: Tastes,
    market: Market,
    rng: np.random.Generator,
) -> Baskets:
    """Deal the market's sold units to baskets of customers and guests, without the wholesale order."""
    count = len(people.region)
    expected, variance, baskets, plain = (np.zeros(count) for _ in range(4))
    parts = []
    for region in range(settings.regions):
        cell = _Region(settings, catalogue, people, tastes, market, region)
        for day, product in cell.days(market, rng):
            found, share, size = cell.buy(day, product, rng)
            parts.append(found)
            who = cell.who[share.rows]
            expected[who] += share.of @ size
            variance[who] += (share.of * (1 - share.of)) @ size**2
            baskets[who] += share.of.sum(axis=1)
            plain[who] += share.without_taste
    appeal = np.where(plain > 0, baskets / np.where(plain > 0, plain, 1.0), 1.0)
    return _joined(parts, expected, variance, appeal)


@dataclass(frozen=True, eq=False)
class _Share:
    """The probabilities of one day in one region: L living customers, B registered baskets."""

    rows: np.ndarray  # (L,) rows of the region's customers
    of: np.ndarray  # (L, B) whose basket it is
    without_taste: np.ndarray  # (L,) baskets to be expected by activity alone


class _Region:
    """One region's customers, and on which day each of them last bought each item."""

    def __init__(
        self, s: Settings, catalogue: Catalogue, people: People, tastes: Tastes, market: Market, region: int
    ) -> None:
        self.settings, self.region = s, region
        self.who = np.flatnonzero(people.region == region)
        self.who = self.who[np.argsort(people.segment[self.who], kind="stable")]
        self.segment = people.segment[self.who]
        self.weight = people.weights(self.who, s)  # (J, T)
        liking = tastes.customer[self.who] @ tastes.item.T
        taste = people.taste[self.segment][:, catalogue.category]
        self.factor = six_digits(taste * np.exp(s.taste_strength * liking - s.taste_strength**2 / 2))  # (J, P)
        self.guests = market.guests[catalogue.category, region]  # (P,)
        self.last = np.full(self.factor.shape, _LONG_AGO, dtype=np.int32)

    def days(self, market: Market, rng: np.random.Generator) -> list[tuple[int, np.ndarray]]:
        """List each day on which something was sold, with the product of each unit in random order."""
        product, day = np.nonzero(market.sold[:, self.region])
        units = market.sold[product, self.region, day].astype(np.int64)
        whole_product, whole_region, whole_day, whole = market.wholesale
        if whole_region == self.region:
            units[(product == whole_product) & (day == whole_day)] -= whole
        product, day = np.repeat(product, units), np.repeat(day, units)
        order = np.lexsort((rng.random(len(day)), day))
        product, day = product[order], day[order]
        starts = np.flatnonzero(np.diff(day, prepend=-1))
        return [(int(day[first]), part) for first, part in zip(starts, np.split(product, starts[1:]), strict=True)]

    def buy(
        self, day: int, product: np.ndarray, rng: np.random.Generator
    ) -> tuple[dict[str, np.ndarray], _Share, np.ndarray]:
        """Deal one day's units: the baskets, the probabilities that they were drawn with, and the baskets' sizes."""
        s, K = self.settings, self.settings.segments
        rows = np.flatnonzero(self.weight[:, day])
        weight, segment = self.weight[rows, day], self.segment[rows]
        items, of_unit = np.unique(product, return_inverse=True)
        gap = day - self.last[np.ix_(rows, items)]
        soon, late = s.repeat_days
        repeat = np.where(gap < soon, s.repeat_before, np.where(gap < late, s.repeat_due, 1.0))
        factor = self.factor[np.ix_(rows, items)] * repeat  # (L, items)

        # To whom a unit goes: a segment, or the guests.
        ends = np.searchsorted(segment, np.arange(K + 1))
        total = np.concatenate([np.zeros((1, len(items))), np.cumsum(weight[:, None] * factor, axis=0)])
        below = total[ends[1:]] / (total[-1] + self.guests[items])  # (K, items) cumulated
        buyers = (rng.random(len(product)) >= below[:, of_unit]).sum(axis=0)

        # Units of a segment, in the random order in which they came, are cut into baskets.
        order = np.argsort(buyers, kind="stable")
        buyers, of_unit, product = buyers[order], of_unit[order], product[order]
        opens = (np.diff(buyers, prepend=-1) != 0) | (rng.random(len(buyers)) < 1 / s.basket_units)
        first = np.flatnonzero(opens)
        size, basket_segment = np.diff(first, append=len(buyers)), buyers[first]
        known = int(np.searchsorted(basket_segment, K))  # guests come last
        units = int(first[known]) if known < len(first) else len(buyers)

        # A basket's customer: each item counts once, however many units of it there are.
        basket = np.cumsum(opens) - 1
        customer = np.full(len(first), -1)
        share = np.zeros((len(rows), known))
        if known:
            again = _seen_before(basket[:units], of_unit[:units])
            columns = np.where(again, 1.0, factor[:, of_unit[:units]])
            joint = weight[:, None] * np.multiply.reduceat(columns, first[:known], axis=1)
            joint *= segment[:, None] == basket_segment[:known]
            cumulated = np.cumsum(joint, axis=0)
            share = joint / cumulated[-1]
            drawn = (cumulated <= rng.random(known) * (1 - 1e-9) * cumulated[-1]).sum(axis=0)
            customer[:known] = self.who[rows[drawn]]
            self.last[rows[drawn][basket[:units]], product[:units]] = day
        per_segment = np.bincount(basket_segment[:known], minlength=K)
        mass = np.bincount(segment, weights=weight, minlength=K)
        alone = weight * (per_segment / np.maximum(mass, 1e-12))[segment]
        found = {
            "product": product,
            "basket": basket,
            "region": np.full(len(first), self.region),
            "day": np.full(len(first), day),
            "segment": basket_segment,
            "customer": customer,
        }
        return found, _Share(rows, share, alone), size[:known].astype(float)


def _seen_before(basket: np.ndarray, item: np.ndarray) -> np.ndarray:
    """Whether an item stands earlier in the same basket, for each unit."""
    key = basket * (int(item.max()) + 1) + item
    again = np.ones(len(key), dtype=bool)
    again[np.unique(key, return_index=True)[1]] = False
    return again


def _joined(
    parts: list[dict[str, np.ndarray]], expected: np.ndarray, variance: np.ndarray, appeal: np.ndarray
) -> Baskets:
    """All days of all regions as one: baskets are counted through."""
    before = np.cumsum([0, *(len(part["region"]) for part in parts)])
    basket = np.concatenate([part["basket"] + first for part, first in zip(parts, before[:-1], strict=True)])
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0] if name != "basket"}
    return Baskets(basket=basket, expected=expected, variance=variance, appeal=six_digits(appeal), **columns)


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors of length one, in the last dimension."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))
