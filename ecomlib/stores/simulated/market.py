"""Prices, interest, demand and stock of the simulated store (lesson 00, section 1; lesson 03, section 2).

P products, V listing versions, R regions, C categories, K segments, T days, W weeks. Prices and promotions are set from
the calendar, the listing and last week's momentum; never from the shock or from this week's momentum.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ecomlib.stores.simulated.geography import Dynamics, draw_population, draw_shock, dynamics, region_ids
from ecomlib.stores.simulated.settings import Settings

if TYPE_CHECKING:
    from ecomlib.stores.simulated.people import People
    from ecomlib.stores.simulated.words import Catalogue


@dataclass(frozen=True, eq=False)
class Plan:
    """What the shop decides, a week at a time, before it sees the week: prices and promotions. All (P, W)."""

    reference: np.ndarray  # (P,) money: where a price is centred; unit cost is below it by the usual mark-up
    price: np.ndarray  # money, as paid
    price_test: np.ndarray  # bool: the week's price was randomised
    promoted: np.ndarray  # bool
    depth: np.ndarray  # part of the price taken off
    experiment: np.ndarray  # bool: a coin decided on the promotion
    propensity: np.ndarray  # probability of a promotion
    quality: np.ndarray  # quality of the listing that is shown in that week
    live: np.ndarray  # bool: launched
    season: np.ndarray  # (C, W) log points
    momentum: np.ndarray  # log points


@dataclass(frozen=True, eq=False)
class Ground:
    """What demand stands on, whatever the shop does: appeal of products, guests, and the regions' own days."""

    alpha: np.ndarray  # (P,) log points
    guests: np.ndarray  # (C, R) potential of buyers without an account
    by_region: np.ndarray  # (C, R, T) affinity, roll-out, shock and day of the week: a factor

    def potential(self, settings: Settings, mass: np.ndarray, taste: np.ndarray, days: slice) -> np.ndarray:
        """Daily units of a product at interest zero, shape (C, R, D), when these masses (K, R, D) of customers live."""
        known = np.einsum("krt,kc->crt", mass, taste)
        return np.asarray(settings.kappa * (self.guests[:, :, None] + known) * self.by_region[:, :, days])


@dataclass(frozen=True, eq=False)
class Market:
    """What the market did.

    ``sold`` and ``demand`` hold the wholesale order, too: ``wholesale`` is (product, region, day, units). Whoever hands
    sold units out must make these units one line of one order.
    """

    dates: pd.DatetimeIndex  # (T,)
    region_ids: np.ndarray  # (R,) str
    population: np.ndarray  # (R,) people
    plan: Plan
    cost: np.ndarray  # (P,) money a unit
    ground: Ground
    rollout_week: np.ndarray  # (R,) week in which free delivery starts
    law: Dynamics
    shock: np.ndarray  # (T, R) log points
    expected: np.ndarray  # (P, R, T) float32, units: μ
    demand: np.ndarray  # (P, R, T) int32, units
    sold: np.ndarray  # (P, R, T) int32, units
    received: np.ndarray  # (P, R, T) int32, units that arrive before the doors open
    opening: np.ndarray  # (P, R, T) int32, units on hand before the day's receipt
    wholesale: tuple[int, int, int, int]

    @property
    def guests(self) -> np.ndarray:
        """Potential of buyers without an account, shape (C, R)."""
        return self.ground.guests

    @property
    def price(self) -> np.ndarray:
        """Price as paid, money, shape (P, W)."""
        return self.plan.price

    @property
    def depth(self) -> np.ndarray:
        """Part of the price taken off, shape (P, W)."""
        return self.plan.depth

    @property
    def quality(self) -> np.ndarray:
        """Quality of the listing shown in each week, shape (P, W)."""
        return self.plan.quality


def round_six(values: np.ndarray) -> np.ndarray:
    """Six significant digits, so that the last bits of a processor's arithmetic never change what is drawn."""
    with np.errstate(divide="ignore"):
        digits = 5 - np.floor(np.log10(np.abs(values)))
    scale = 10.0 ** np.where(np.isfinite(digits), digits, 0.0)
    return np.round(values * scale) / scale


def calendar(settings: Settings) -> pd.DatetimeIndex:
    """The store's days, from a Monday to the Sunday ``settings.end``: shape (T,)."""
    return pd.date_range(end=pd.Timestamp(settings.end), periods=settings.days, freq="D").as_unit("ns")


def seasons(settings: Settings, dates: pd.DatetimeIndex, categories: int) -> np.ndarray:
    """Season of each category by week, log points, shape (C, W): a peak before Christmas and a summer wave."""
    thursday = np.asarray(dates[3::7].dayofyear, dtype=float)
    distance = (thursday - settings.christmas_centre + 182.5) % 365 - 182.5
    width = np.where(distance < 0, settings.christmas_rise, settings.christmas_fall)
    peak = np.exp(-0.5 * (distance / width) ** 2)
    wave = np.cos(2 * np.pi * (thursday - 196) / 365.25)
    which = np.arange(categories)
    christmas = np.array(settings.christmas)[which % len(settings.christmas)]
    summer = np.array(settings.summer)[which % len(settings.summer)]
    return christmas[:, None] * peak + summer[:, None] * wave


def elasticities(settings: Settings, categories: int) -> np.ndarray:
    """Price elasticity ε of each category, shape (C,)."""
    return np.array(settings.elasticities)[np.arange(categories) % len(settings.elasticities)]


def draw_plan(settings: Settings, catalogue: Catalogue, rng: np.random.Generator) -> Plan:
    """Prices and promotions of every product and week, and the momentum of which the shop sees last week's."""
    s, products, weeks = settings, settings.products, settings.weeks
    categories = int(catalogue.category.max()) + 1
    season = seasons(s, calendar(s), categories)
    week = np.arange(weeks)
    live = week >= catalogue.launch_week[:, None]
    version = (catalogue.version_start_week[:, None, :] <= week[None, :, None]).sum(axis=2) - 1
    version = np.maximum(version, 0)
    quality = np.take_along_axis(catalogue.quality, version, axis=1)

    # One column more than weeks: momentum[:, w] before week w is known when week w is planned.
    innovations = rng.normal(0.0, s.momentum_sd, (products, weeks + 1))
    momentum = np.empty((products, weeks + 1))
    momentum[:, 0] = innovations[:, 0] / np.sqrt(1 - s.momentum_persistence**2)
    for step in range(1, weeks + 1):
        momentum[:, step] = s.momentum_persistence * momentum[:, step - 1] + innovations[:, step]

    reference = np.exp(rng.normal(np.log(s.cost_median) + s.markup, s.cost_sd, products))
    own = rng.normal(0.0, s.price_product_sd, products)
    of_version = rng.normal(0.0, s.price_version_sd, catalogue.quality.shape)
    price_test = rng.random((products, weeks)) < s.price_test_share
    jitter = np.where(price_test, rng.normal(0.0, s.price_test_sd, (products, weeks)), 0.0)
    log_price = (
        np.log(reference)[:, None]
        + s.price_quality * quality
        + own[:, None]
        + np.take_along_axis(of_version, version, axis=1)
        + s.price_season * season[catalogue.category]
        + jitter
    )
    experiment = rng.random((products, weeks)) < s.promo_experiment_share
    logit = s.promo_intercept + s.promo_momentum * momentum[:, :-1] + season[catalogue.category]
    propensity = round_six(np.where(experiment, s.promo_experiment_probability, 1 / (1 + np.exp(-logit))))
    promoted = rng.random((products, weeks)) < propensity
    depth = np.where(promoted, rng.choice(np.array(s.depths), (products, weeks)), 0.0)
    price = np.maximum(np.round(np.exp(log_price) * (1 - depth), 2), 0.05)
    return Plan(
        reference=reference,
        price=price,
        price_test=price_test & live,
        promoted=promoted & live,
        depth=np.where(live, depth, 0.0),
        experiment=experiment & live,
        propensity=propensity,
        quality=quality,
        live=live,
        season=season,
        momentum=momentum[:, 1:],
    )


def appeal(settings: Settings, catalogue: Catalogue, rng: np.random.Generator) -> np.ndarray:
    """α of each product, log points, shape (P,): what category, material and use tell, and what nothing tells.

    The effects of few categories, materials and uses are standardised, so that every seed's shop is equally hard.
    """
    total = rng.normal(0.0, settings.alpha_sd, settings.products)
    for index, spread in (
        (catalogue.category, settings.alpha_category_sd),
        (catalogue.material, settings.alpha_material_sd),
        (catalogue.use, settings.alpha_use_sd),
    ):
        effect = rng.normal(size=int(index.max()) + 1)
        effect = (effect - effect.mean()) / effect.std() if len(effect) > 1 else np.zeros(1)
        total += spread * effect[index]
    return total


def interest(settings: Settings, catalogue: Catalogue, plan: Plan, alpha: np.ndarray) -> np.ndarray:
    """η of each product and week, log points, shape (P, W); minus infinity before launch."""
    slope = elasticities(settings, len(plan.season))[catalogue.category][:, None]
    slope = slope + settings.elasticity_quality * plan.quality
    eta = (
        alpha[:, None]
        + settings.quality_effect * plan.quality
        + slope * (np.log(plan.price) - np.log(plan.reference)[:, None])
        + settings.promotion_effect * plan.promoted
        + plan.season[catalogue.category]
        + plan.momentum
    )
    if settings.substitution:
        eta += settings.substitution * others_prices(catalogue, plan)
    return np.where(plan.live, eta, -np.inf)


def others_prices(catalogue: Catalogue, plan: Plan) -> np.ndarray:
    """Mean log price, against their references, of the other live products of each product's category, shape (P, W)."""
    apart = np.where(plan.live, np.log(plan.price) - np.log(plan.reference)[:, None], 0.0)
    member = catalogue.category[:, None] == np.arange(int(catalogue.category.max()) + 1)  # (P, C)
    total, count = (member.T @ part for part in (apart, plan.live.astype(float)))
    others = count[catalogue.category] - plan.live
    return (total[catalogue.category] - apart) / np.maximum(others, 1.0)


def daily_rate(eta: np.ndarray, potential: np.ndarray) -> np.ndarray:
    """μ of cells, units a day: interest (log points) and potential of shapes that fit, before any rounding."""
    return np.asarray(np.exp(eta) * potential)


def draw_noise(settings: Settings, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Factors of mean one that make a cell's day busier or quieter."""
    if settings.tail_shape > 0:
        return np.asarray((settings.tail_shape - 1) / rng.standard_gamma(settings.tail_shape, shape))
    return np.asarray(rng.standard_gamma(settings.overdispersion, shape) / settings.overdispersion)


def poisson_mean(expected: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Mean of the Poisson law that a cell's units come from, given its expected demand and its factor."""
    return round_six(expected * noise)


def draw_demand(settings: Settings, expected: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Daily units demanded, same shape as ``expected``: Poisson, made busier or quieter by a factor of mean one."""
    return _units(expected, draw_noise(settings, expected.shape, rng), rng)


def _units(expected: np.ndarray, noise: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return rng.poisson(poisson_mean(expected, noise)).astype(np.int32)


def up_to(settings: Settings, rate: np.ndarray) -> np.ndarray:
    """Units that the shop wants to hold of what sells at this rate a week: the cover and a buffer."""
    over_cover = settings.cover * rate
    return np.ceil(over_cover + settings.service * np.sqrt(over_cover) + settings.buffer).astype(np.int32)


def reorder(settings: Settings, smoothed: np.ndarray, available: np.ndarray, live: np.ndarray) -> np.ndarray:
    """Units that the shop orders on a Monday, of one shape with ``available``; nothing of what is not on sale."""
    return np.where(live, np.maximum(up_to(settings, round_six(smoothed)) - available, 0), 0).astype(np.int32)


def sell(available: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Units gone by the end of each day, shape (…, 7), of what was there (…) on Monday morning."""
    return np.asarray(np.minimum(np.cumsum(wanted, axis=-1), available[..., None]))


def smooth(settings: Settings, smoothed: np.ndarray, sold: np.ndarray, live: np.ndarray) -> np.ndarray:
    """Smoothed weekly sales after one more week of sales; what is not on sale stays as it was."""
    return np.asarray(smoothed + np.where(live, settings.smoothing * (sold - smoothed), 0.0))


def run_stock(
    settings: Settings, demand: np.ndarray, launch_week: np.ndarray, share: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weekly review and its consequences: units sold, received and on hand before receipt, all (P, R, T) int32.

    Every Monday, after the week's delivery is unpacked, the buyer orders up to ``cover`` weeks of smoothed sales and a
    buffer; what is ordered arrives on the next Monday. Smoothed are sales, not demand: the buyer does not know what
    nobody could buy. The order-up-to rule is that of Silver, Pyke & Peterson (1998), chapter 7.
    """
    products, regions, days = demand.shape
    weeks = days // 7
    by_week = demand.reshape(products, regions, weeks, 7)
    sold, received, opening = (np.zeros_like(by_week) for _ in range(3))
    smoothed = np.broadcast_to(settings.units_per_week * share, (products, regions)).copy()
    on_hand = np.zeros((products, regions), dtype=np.int32)
    arriving = np.zeros_like(on_hand)

    for week in range(weeks):
        first = (launch_week == week)[:, None]
        arriving = np.where(first, up_to(settings, smoothed), arriving).astype(np.int32)
        received[:, :, week, 0] = arriving
        available = on_hand + arriving
        live = (launch_week <= week)[:, None]
        arriving = reorder(settings, smoothed, available, live)
        gone = sell(available, by_week[:, :, week])
        sold[:, :, week] = np.diff(gone, axis=2, prepend=0)
        opening[:, :, week, 0] = on_hand
        opening[:, :, week, 1:] = available[:, :, None] - gone[:, :, :-1]
        on_hand = (available - gone[:, :, -1]).astype(np.int32)
        smoothed = smooth(settings, smoothed, gone[:, :, -1], live)
    shape = demand.shape
    return sold.reshape(shape), received.reshape(shape), opening.reshape(shape)


def run_market(
    settings: Settings,
    catalogue: Catalogue,
    people: People,
    population: np.ndarray,
    rng: np.random.Generator,
    watch: Callable[[int, np.ndarray], None] | None = None,
) -> Market:
    """Let the market happen, once the catalogue and the people are there.

    ``watch`` is told each product's index and its factors of demand, shape (R, T), which nobody keeps otherwise.
    """
    s = settings
    dates = calendar(s)
    plan = draw_plan(s, catalogue, rng)
    alpha = appeal(s, catalogue, rng)
    eta = interest(s, catalogue, plan, alpha)
    categories = len(plan.season)
    affinity = rng.normal(0.0, s.affinity_sd, (categories, s.regions))
    low, high = (int(part * s.weeks) for part in s.rollout_window)
    rollout_week = rng.permutation(np.linspace(low, high, s.regions).round().astype(np.int64))
    law = dynamics(s)
    shock = draw_shock(s, law, rng)

    known = np.einsum("krt,kc->crt", people.living_mass, people.taste)
    guests = known.mean(axis=2) * s.guest_share / (1 - s.guest_share)
    day = np.arange(s.days)
    log_region = shock.T + s.rollout_effect * (day // 7 >= rollout_week[:, None])
    by_region = np.exp(affinity[:, :, None] + log_region) * np.array(s.day_of_week)[day % 7]
    ground = Ground(alpha, guests, by_region)
    potential = ground.potential(s, people.living_mass, people.taste, slice(None))

    shape = (s.products, s.regions, s.days)
    expected, demand = np.empty(shape, np.float32), np.empty(shape, np.int32)
    for product in range(s.products):  # one product at a time: the full store would not fit into memory twice
        rate = round_six(daily_rate(eta[product][day // 7], potential[catalogue.category[product]]))
        noise = draw_noise(s, rate.shape, rng)
        expected[product] = rate
        demand[product] = _units(rate, noise, rng)
        if watch is not None:
            watch(product, noise)
    sold, received, opening = run_stock(s, demand, catalogue.launch_week, population / population.mean())
    wholesale = _place_wholesale(s, plan, population, expected)
    for table in (demand, sold, received):  # bought to order: it comes in and goes out on the same day
        table[wholesale[:3]] += wholesale[3]
    return Market(
        dates=dates,
        region_ids=region_ids(s),
        population=population,
        plan=plan,
        cost=np.round(plan.reference * np.exp(-s.markup), 2),
        ground=ground,
        rollout_week=rollout_week,
        law=law,
        shock=shock,
        expected=expected,
        demand=demand,
        sold=sold,
        received=received,
        opening=opening,
        wholesale=wholesale,
    )


def _place_wholesale(
    settings: Settings, plan: Plan, population: np.ndarray, expected: np.ndarray
) -> tuple[int, int, int, int]:
    """Product, region, day and units of the wholesale order: a good seller in the largest region, on a Wednesday."""
    week = int(settings.wholesale_week * settings.weeks)
    rank = np.argsort(-np.where(plan.live[:, 0], expected.mean(axis=(1, 2)), -1.0), kind="stable")
    return int(rank[settings.products // 20]), int(population.argmax()), 7 * week + 2, settings.wholesale_units


__all__ = ["Market", "Plan", "calendar", "draw_population", "round_six", "run_market", "run_stock"]
