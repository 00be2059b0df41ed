"""Ten shops of different kinds, invented or simulated, on which `ecomlib train` is judged, and one real shop.

    shop("fashion", seed=3)                # a `Store`; the same bytes for the same name, seed and size
    shop("fashion", seed=3, size="tiny")   # the same traits in a fraction of a second, for tests

Units of a product and week are negative binomial (Poisson given a Gamma) around a rate that is built from parts: a
heavy-tailed level, a wave of the year with a peak of its category, growth, a walk of its own, a shock that the whole
shop shares, a life (launch, rise, decay, end), and promotions. Regions take shares of it that differ by product; a cell
of product, region and week is Poisson, so most cells of a sparse shop are empty. Order lines spread a week's units over
its days and hours.

None of the levels was fitted to a model of the package. `fashion` follows the shape of a real shop that a reader
brought: 2,656 items in 16 regions, one year, 48 % of the lines returned, a week of one day at its beginning.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.errors import DataError
from ecomlib.stores import Store, load_store

Floats = NDArray[np.float64]
Size = Literal["full", "tiny"]
YEAR = 52
GOODS = ("cups", "lamps", "bags", "scarves", "clocks", "toys", "vases", "frames", "candles", "rugs", "books", "games")


@dataclass(frozen=True)
class Recipe:
    """What a shop is made of; rates are units a week of one product over all regions.

    products, weeks, regions (0: no table of regions), categories: how many. begin: its first day. median, spread: of
    the log-normal level. dispersion: variance = mean + dispersion · mean². wave: height of the yearly wave, in logs;
    christmas: of the weeks before Christmas. growth: of the log rate, a year. walk, shock: standard deviation of a
    week's step of a product's own log level, and of a week of the whole shop. returned: share of lines that come back.
    weekdays: weights from Monday on. life: what happens to a product; promoted: share of its weeks.
    """

    products: int
    weeks: int
    regions: int = 0
    categories: int = 6
    begin: str = "2022-01-03"
    median: float = 4.0
    spread: float = 0.8
    dispersion: float = 0.3
    wave: float = 0.2
    christmas: float = 0.3
    growth: float = 0.0
    walk: float = 0.03
    shock: float = 0.06
    returned: float = 0.05
    weekdays: tuple[float, ...] = (1.0, 0.9, 0.95, 1.0, 1.2, 1.3, 0.8)
    life: Literal["whole", "collections", "arrivals", "steps"] = "whole"
    promoted: float = 0.0


RECIPES: dict[str, Recipe] = {
    "dense": Recipe(200, 104, 5, begin="2021-10-04", median=45.0, spread=0.7, dispersion=0.08, wave=0.25),
    "sparse": Recipe(1_000, 104, 4, categories=10, begin="2022-03-07", median=0.25, spread=1.2, dispersion=0.8),
    "fashion": Recipe(
        2_656,
        53,  # the first holds one day
        16,
        categories=12,
        begin="2022-09-25",
        median=0.7,
        spread=1.45,
        dispersion=0.12,
        wave=0.1,
        christmas=0.25,
        walk=0.06,
        shock=0.12,
        returned=0.48,
        life="collections",
    ),
    "young": Recipe(
        95, 23, categories=8, begin="2024-03-10", median=11.0, spread=0.8, dispersion=0.06, wave=0.15, christmas=0.0
    ),
    "seasonal": Recipe(250, 156, categories=5, begin="2020-09-07", median=7.0, wave=1.1, dispersion=0.25),
    "returned": Recipe(400, 104, 6, begin="2022-05-02", median=3.0, spread=1.0, dispersion=0.5, returned=0.35),
    "promoted": Recipe(150, 104, 3, begin="2021-06-28", median=14.0, dispersion=0.15, promoted=0.12),
    "steps": Recipe(
        25,
        208,
        58,
        categories=4,
        begin="2020-01-06",
        median=900.0,
        spread=0.9,
        wave=0.25,
        christmas=0.0,
        returned=0.0,
        weekdays=(1.0, 0, 0, 0, 0, 0, 0),
        life="steps",
    ),
    "growing": Recipe(300, 104, 4, begin="2022-02-28", median=5.0, growth=0.7, dispersion=0.3, life="arrivals"),
}
KINDS: dict[str, str] = {
    "dense": "every product sells every week",
    "sparse": "many items, most of them far below one unit a week",
    "fashion": "collections start and end, half comes back, most item-region cells are empty",
    "young": "a bakery of 23 weeks, the first of which has one day",
    "seasonal": "three years with a strong wave",
    "returned": "a third of the lines come back, more in some categories",
    "promoted": "price promotions, planned ahead",
    "steps": "a wholesaler: flat months, 58 regions, all orders on Mondays",
    "growing": "twice the size each year, with newcomers each month",
    "simulated": "the course's simulated store, size small",
    "online_retail": "Online Retail II, real",
}
_TINY: dict[str, tuple[int, int, int]] = {  # products, weeks, regions
    "dense": (12, 40, 2),
    "sparse": (120, 40, 2),
    "fashion": (240, 53, 4),
    "young": (20, 23, 0),
    "seasonal": (20, 110, 0),
    "returned": (40, 40, 2),
    "promoted": (15, 40, 2),
    "steps": (4, 60, 5),
    "growing": (40, 60, 2),
}


def shop(name: str, seed: int = 0, size: Size = "full") -> Store:
    """Make the shop of that name, one of `KINDS`.

    `seed` changes all but the kind; the real shop is the same for every seed, and needs its data
    (`ECOMLIB_DATA_DIR`).

    Raises `DataError` where there is no such shop.
    """
    if name == "simulated":
        return load_store("simulated", size="tiny" if size == "tiny" else "small", seed=seed).observed()
    if name == "online_retail":
        return load_store("online_retail").observed()
    recipe, rng = _recipe(name, size), _generator(name, seed)
    return _store(f"{name} {seed}", KINDS[name], recipe, rng)


def expected(name: str, seed: int = 0, size: Size = "full") -> tuple[Floats, float]:
    """Return the truth of an invented shop: expected units (P, W) without promotions, and the dispersion around them.

    Rows are products in order, columns calendar weeks. `shop` does not hand it out: it is what a forecast would be
    that knew each product's life and the shop's shocks.
    """
    recipe, rng = _recipe(name, size), _generator(name, seed)
    return _rates(recipe, rng.integers(0, recipe.categories, recipe.products), rng), recipe.dispersion


def _recipe(name: str, size: Size) -> Recipe:
    if name not in RECIPES:
        raise DataError("there is no such shop", value=name, remedy=f"take one of {', '.join(KINDS)}.")
    if size == "full":
        return RECIPES[name]
    products, weeks, regions = _TINY[name]
    return replace(RECIPES[name], products=products, weeks=weeks, regions=regions)


def _generator(name: str, seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, *name.encode()])


# --- rates -----------------------------------------------------------------------------------------------------------


def _rates(recipe: Recipe, category: NDArray[np.int64], rng: np.random.Generator) -> Floats:
    """Expected units (P, W) without promotions."""
    count, weeks = recipe.products, np.arange(recipe.weeks)
    mondays = _monday(recipe) + pd.to_timedelta(7 * weeks, unit="D")
    turn = 2 * np.pi * mondays.dayofyear.to_numpy() / 365.25
    level = recipe.median * np.exp(recipe.spread * rng.standard_normal(count))
    peak = rng.uniform(0, 2 * np.pi, recipe.categories)[category]
    height = recipe.wave * rng.uniform(0.6, 1.4, count)
    logs = height[:, None] * np.cos(turn[None, :] - peak[:, None])
    left = (359 - mondays.dayofyear.to_numpy()) / 7  # weeks until Christmas
    logs += recipe.christmas * np.where((left >= 0) & (left < 6), 1 - left / 6, 0.0)
    logs += recipe.growth * weeks / YEAR
    walk = np.cumsum(recipe.walk * rng.standard_normal((count, recipe.weeks)), axis=1)
    logs += walk - walk.mean(axis=1, keepdims=True)
    logs += recipe.shock * rng.standard_normal(recipe.weeks)
    rates = level[:, None] * np.exp(logs)
    if recipe.life == "steps":  # every week of a month is as its first one, and months leap
        month = (mondays.year * 12 + mondays.month).to_numpy() - (mondays[0].year * 12 + mondays[0].month)
        leap = 0.12 * rng.standard_normal((count, month.max() + 1))
        return rates[:, np.searchsorted(month, month)] * np.exp(leap[:, month])
    life = {"collections": _collections, "arrivals": _arrivals}.get(recipe.life)
    return rates * life(recipe, mondays, rng) if life else rates


def _collections(recipe: Recipe, mondays: pd.DatetimeIndex, rng: np.random.Generator) -> Floats:
    """Lives (P, W) of a fashion shop: one item in six is a basic, the others come with a collection and end.

    Collections come out from July, October, February and May on, within eight weeks; an item takes weeks to be
    known, decays, sells better in January's and July's sale, and is withdrawn.
    """
    weeks = len(mondays)
    dates = [f"{year}-{day}" for year in (2022, 2023) for day in ("02-06", "05-01", "07-10", "10-31")]
    drops = ((pd.DatetimeIndex(dates) - mondays[0]).days // 7).to_numpy()
    drops = drops[(drops > -16) & (drops < weeks - 2)]
    share = np.where(drops < 0, 0.6, 1.0)
    share[-1] = 2.6  # the autumn's collection is the largest
    begin = rng.choice(drops, recipe.products, p=share / share.sum()) + rng.triangular(0, 1, 8, recipe.products)
    age = np.arange(weeks)[None, :] - begin.astype(int)[:, None]
    decay, last = rng.uniform(12, 30, recipe.products), rng.integers(14, 46, recipe.products)
    curve = (1 - np.exp(-(age + 1) / 5)) * np.exp(-age / decay[:, None])
    sale = mondays.month.isin([1, 7]).astype(float)[None, :]
    curve = np.where((age >= 0) & (age < last[:, None]), 2.5 * curve * (1 + 0.5 * sale * (age > 6)), 0.0)
    basic = rng.random(recipe.products) < 1 / 6
    return np.where(basic[:, None], 0.7, curve)


def _arrivals(recipe: Recipe, mondays: pd.DatetimeIndex, rng: np.random.Generator) -> Floats:
    """Lives (P, W) of a shop whose catalogue grows: four in ten products come later, and take six weeks to be known."""
    weeks = len(mondays)
    late = rng.random(recipe.products) < 0.4
    begin = np.where(late, rng.integers(4, weeks - 2, recipe.products), -YEAR)
    age = np.arange(weeks)[None, :] - begin[:, None]
    return np.where(age >= 0, 1 - np.exp(-(age + 1) / 3), 0.0)


# --- tables ----------------------------------------------------------------------------------------------------------


def _monday(recipe: Recipe) -> pd.Timestamp:
    begin = pd.Timestamp(recipe.begin)
    return begin - pd.Timedelta(days=begin.dayofweek)


def _store(name: str, kind: str, recipe: Recipe, rng: np.random.Generator) -> Store:
    category = rng.integers(0, recipe.categories, recipe.products)
    rates = _rates(recipe, category, rng)
    price = np.round(np.exp(rng.normal(2.6, 0.6, recipe.products)), 2).astype(np.float64)
    depth = np.zeros_like(rates)
    if recipe.promoted:
        depth = np.where(rng.random(rates.shape) < recipe.promoted, rng.choice([0.1, 0.2, 0.3, 0.4], rates.shape), 0.0)
        elastic = rng.uniform(1.5, 3.0, recipe.products)[:, None]
        rates = rates * (1 - depth) ** -elastic * np.where(depth > 0, 1.15, 1.0)
    identifiers = np.array([f"P{number:04d}" for number in range(recipe.products)], dtype=object)
    words = [GOODS[number % len(GOODS)] for number in range(recipe.categories)]
    products = pd.DataFrame(
        {
            "product_id": identifiers,
            "title": [f"{words[c].capitalize()}, article {number}" for number, c in enumerate(category)],
            "category": [words[c] for c in category],
            "list_price": price,
            "unit_cost": np.round(0.55 * price, 2),
        }
    )
    shares = np.ones((recipe.products, 1))
    regions = None
    if recipe.regions:
        places = [f"R{number:02d}" for number in range(recipe.regions)]
        regions = pd.DataFrame({"region_id": places, "name": [f"Region {place}" for place in places]})
        regions[["row", "column"]] = np.column_stack(np.divmod(np.arange(recipe.regions), 8)).astype(float)
        size = np.sort(rng.gamma(1.5, 1.0, recipe.regions) + 0.15)[::-1]
        shares = rng.gamma(8.0 * size / size.mean(), 1.0, (recipe.products, recipe.regions)) + 1e-3
        shares /= shares.sum(axis=1, keepdims=True)
    orders = _orders(recipe, rates, shares, category, rng)
    orders["unit_price"] = np.round(
        price[orders["product_id"]] * (1 - depth[orders["product_id"], orders.pop("week")]), 2
    )
    orders["product_id"] = identifiers[orders["product_id"]]
    if regions is None:
        orders = orders.drop(columns="region_id")
    else:
        orders["region_id"] = regions["region_id"].to_numpy(dtype=object)[orders["region_id"]]
    return Store(
        name,
        products,
        orders,
        regions=regions,
        prices=_prices(recipe, identifiers, price, depth) if recipe.promoted else None,
        currency="EUR",
        notes={"kind": kind},
    )


def _orders(
    recipe: Recipe, rates: Floats, shares: Floats, category: NDArray[np.int64], rng: np.random.Generator
) -> pd.DataFrame:
    """Order lines, products and regions by their numbers, with the week's number in `week`."""
    if recipe.life == "steps":  # a contract's monthly amount in equal parts, the same in each of its weeks
        units = np.round(rates[:, None, :] * shares[:, :, None]).astype(np.int64)
    else:
        size = 1 / recipe.dispersion
        lumps = rng.gamma(size, recipe.dispersion, rates.shape)
        units = rng.poisson((rates * lumps)[:, None, :] * shares[:, :, None])
    product, region, week = np.nonzero(units)
    weekdays = np.array(recipe.weekdays) / np.sum(recipe.weekdays)
    by_day = rng.multinomial(units[product, region, week], weekdays)
    line, day = np.nonzero(by_day)
    date = _monday(recipe) + pd.to_timedelta(7 * week[line] + day, unit="D")
    kept = date >= pd.Timestamp(recipe.begin)
    line, date, quantity = line[kept], date[kept], by_day[line, day][kept]
    minutes = np.zeros(len(line)) if recipe.life == "steps" else rng.triangular(7 * 60, 15 * 60, 23 * 60, len(line))
    orders = pd.DataFrame(
        {
            "product_id": product[line],
            "region_id": region[line],
            "ordered_at": date + pd.to_timedelta(minutes.astype(int), unit="min"),
            "quantity": quantity,
            "week": week[line],
        }
    )
    usual = recipe.returned * np.linspace(0.7, 1.3, recipe.categories)[category[product[line]]]
    orders["returned"] = rng.random(len(orders)) < usual
    orders = orders.sort_values("ordered_at", kind="stable", ignore_index=True)
    orders.insert(0, "order_id", [f"o{number}" for number in range(len(orders))])
    return orders


def _prices(recipe: Recipe, identifiers: NDArray[np.object_], price: Floats, depth: Floats) -> pd.DataFrame:
    """The plan of prices: a row a product and day."""
    days = _monday(recipe) + pd.to_timedelta(np.arange(7 * recipe.weeks), unit="D")
    daily = np.repeat(depth, 7, axis=1)
    return pd.DataFrame(
        {
            "product_id": np.repeat(identifiers, len(days)),
            "date": np.tile(days, len(identifiers)),
            "unit_price": np.round(price[:, None] * (1 - daily), 2).ravel(),
            "promoted": (daily > 0).ravel(),
            "depth": daily.ravel(),
        }
    )
