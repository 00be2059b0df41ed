"""Customers, orders, visits, returns, reviews. 19 tests, fixed seeds; where chance has a say, four standard errors."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from ecomlib.stores.simulated import make_store
from ecomlib.stores.simulated import people as people_of
from ecomlib.stores.simulated.assemble import generator
from ecomlib.stores.simulated.buyers import draw_tastes
from ecomlib.stores.simulated.geography import draw_population
from ecomlib.stores.simulated.market import run_market
from ecomlib.stores.simulated.orders import expected_mailing_orders, hand_out
from ecomlib.stores.simulated.settings import Settings, settings_for
from ecomlib.stores.simulated.words import make_catalogue


def build_people(seed: int = 0, size: str = "small") -> people_of.People:
    settings = settings_for(size)
    population = draw_population(settings, generator(seed, "regions"))
    catalogue = make_catalogue(settings, generator(seed, "words"), seed=seed)
    streams = generator(seed, "people"), generator(seed, "letters")
    return people_of.make_people(settings, catalogue, population, *streams)


def build(size: str, seed: int = 0) -> SimpleNamespace:
    settings = settings_for(size)
    population = draw_population(settings, generator(seed, "regions"))
    catalogue = make_catalogue(settings, generator(seed, "words"), seed=seed)
    people = build_people(seed, size)
    market = run_market(settings, catalogue, people, population, generator(seed, "market"))
    tastes = draw_tastes(settings, catalogue, people, generator(seed, "tastes"))
    handed = hand_out(settings, catalogue, people, tastes, market, generator(seed, "orders"))
    return SimpleNamespace(s=settings, catalogue=catalogue, people=people, tastes=tastes, market=market, handed=handed)


@pytest.fixture(scope="module")
def shop() -> SimpleNamespace:
    return build("small")


def within(observed: float, expected: float, variance: float) -> bool:
    return abs(observed - expected) <= 4 * np.sqrt(variance)


def days(shop: SimpleNamespace, moments: pd.Series) -> np.ndarray:
    return (moments.dt.normalize() - shop.market.dates[0]).dt.days.to_numpy()


def test_orders_hold_every_sold_unit(shop: SimpleNamespace) -> None:
    orders = shop.handed.orders
    product = pd.Index(shop.catalogue.product_id).get_indexer(orders["product_id"])
    region = pd.Index(shop.market.region_ids).get_indexer(orders["region_id"])
    again = np.zeros_like(shop.market.sold)
    np.add.at(again, (product, region, days(shop, orders["ordered_at"])), orders["quantity"].to_numpy())
    assert (again == shop.market.sold).all()
    week = days(shop, orders["ordered_at"]) // 7
    assert (orders["unit_price"].to_numpy() == shop.market.price[product, week]).all()


def test_an_order_is_one_basket_of_one_buyer(shop: SimpleNamespace) -> None:
    orders = shop.handed.orders
    assert orders["ordered_at"].is_monotonic_increasing and orders["order_id"].is_monotonic_increasing
    per_order = orders.groupby("order_id")
    for column in ("ordered_at", "region_id", "customer_id"):
        assert per_order[column].nunique(dropna=False).max() == 1
    assert not orders.duplicated(["order_id", "product_id"]).any()
    bought_by = orders.dropna(subset="customer_id").merge(shop.people.customers, on="customer_id")
    assert (bought_by["region_id_x"] == bought_by["region_id_y"]).all()


def test_the_wholesale_order_is_one_line(shop: SimpleNamespace) -> None:
    orders = shop.handed.orders
    product, region, day, units = shop.market.wholesale
    line = orders[orders["order_id"] == shop.handed.wholesale_order]
    assert len(line) == 1 and line["customer_id"].notna().all() and line["quantity"].item() == units
    assert line["product_id"].item() == shop.catalogue.product_id[product]
    assert line["region_id"].item() == shop.market.region_ids[region] and days(shop, line["ordered_at"])[0] == day


def test_units_by_customer_are_as_expected(shop: SimpleNamespace) -> None:
    """Chi-square per degree of freedom near one, over all customers who should have bought enough."""
    orders, people, handed = shop.handed.orders, shop.people, shop.handed
    orders = orders[orders["order_id"] != handed.wholesale_order]
    units = orders.groupby("customer_id")["quantity"].sum().reindex(people.customer_id, fill_value=0).to_numpy()
    enough = handed.unit_variance >= 3
    squares = (units - handed.expected_units)[enough] ** 2 / handed.unit_variance[enough]
    assert enough.sum() > 8_000 and abs(squares.mean() - 1) < 4 * squares.std() / np.sqrt(enough.sum())
    assert abs(squares.mean() - 1) < 0.08
    assert np.isclose(units.sum(), handed.expected_units.sum())
    # Guests get their share of the potential.
    guests = 1 - units.sum() / orders["quantity"].sum()
    assert (
        abs(guests - shop.s.guest_share) < 0.04
    )  # the shop's items are to the taste of some segments more than others


def test_people_buy_what_they_like(shop: SimpleNamespace) -> None:
    """A normal liking, tilted by itself, has mean s (here one); few customers to choose from make it less."""
    orders = shop.handed.orders.dropna(subset="customer_id")
    orders = orders[orders["order_id"] != shop.handed.wholesale_order]
    who = pd.Index(shop.people.customer_id).get_indexer(orders["customer_id"])
    item = pd.Index(shop.catalogue.product_id).get_indexer(orders["product_id"])
    liking = (shop.tastes.customer[who] * shop.tastes.item[item]).sum(axis=1)
    assert 0.65 < liking.mean() < 1.05
    by_chance = (shop.tastes.customer[who] * shop.tastes.item[np.random.default_rng(0).permutation(item)]).sum(axis=1)
    assert abs(by_chance.mean()) < 0.2
    titles = shop.tastes.item[shop.catalogue.material == shop.catalogue.material[0]]
    assert (titles @ titles.T)[np.triu_indices(len(titles), 1)].mean() > 0.25, "what is of one material is alike: 0.36"


def again_by_gap(settings: Settings, seeds: range) -> dict[str, float]:
    """Purchases a day of an item by those who bought it last so many days ago, over all customers and items."""
    again, exposed = np.zeros(3), np.zeros(3)
    for seed in seeds:
        store = make_store("tiny", seed, settings=settings, cache=False)
        truth, orders = store.truth, store.orders.dropna(subset="customer_id")
        day = (orders["ordered_at"].dt.normalize() - truth.dates[0]).dt.days
        bought = orders.assign(day=day).drop_duplicates(["customer_id", "product_id", "day"])
        bought = bought.sort_values(["customer_id", "product_id", "day"])
        later = bought.groupby(["customer_id", "product_id"])["day"].shift(-1)
        left = (truth.customers.set_index("customer_id")["left_on"] - truth.dates[0]).dt.days
        end = bought["customer_id"].map(left).fillna(len(truth.dates))
        gap = later.fillna(end) - bought["day"]
        for k, (low, high) in enumerate(((1, 28), (28, 56), (56, 112))):
            again[k] += (later.notna() & (gap >= low) & (gap < high)).sum()
            exposed[k] += np.clip(np.minimum(gap, high) - low, 0, None).sum()
    return dict(zip(("soon", "due", "later"), again / exposed, strict=True))


def test_bought_again_when_it_is_used_up() -> None:
    """Against a store without it, whose people have the same tastes: e⁻¹ in four weeks, e² in the next four."""
    settings, seeds = settings_for("tiny"), range(4)
    real = again_by_gap(settings, seeds)
    plain = again_by_gap(replace(settings, repeat_before=1.0, repeat_due=1.0), seeds)
    assert real["soon"] / plain["soon"] == pytest.approx(np.exp(-1), rel=0.2)
    assert 3 < real["due"] / plain["due"] < np.exp(2), "less than e², since it raises the sum that it is a part of"
    assert 0.6 < real["later"] / plain["later"] < 1.3


def test_who_gets_a_unit_changes_nothing_of_what_is_sold() -> None:
    """Tastes have a stream of their own: market, stock, prices and lives stay as they are to the unit."""
    dull = replace(settings_for("tiny"), taste_strength=0.0, repeat_before=1.0, repeat_due=1.0)
    one, other = make_store("tiny", 4, cache=False), make_store("tiny", 4, settings=dull, cache=False)
    for table in ("inventory", "prices", "customers", "mailings", "listings"):
        pd.testing.assert_frame_equal(getattr(one, table), getattr(other, table))
    np.testing.assert_array_equal(one.truth.demand, other.truth.demand)
    assert not one.orders["customer_id"].equals(other.orders["customer_id"])
    assert one.orders["quantity"].sum() == other.orders["quantity"].sum()


def test_nobody_buys_before_signing_up_or_after_leaving(shop: SimpleNamespace) -> None:
    people = shop.people
    for table, column in ((shop.handed.orders, "ordered_at"), (shop.handed.sessions, "started_at")):
        known = table.dropna(subset="customer_id")
        who = pd.Index(people.customer_id).get_indexer(known["customer_id"])
        # A visit that ends after midnight began on the day before.
        day = days(shop, known[column]) + (column == "started_at")
        assert (who >= 0).all() and (day >= people.signed_up_day[who]).all()
        assert (days(shop, known[column]) < people.leaving_day[who]).all()
    assert (people.leaving_day > people.signed_up_day).all()


def test_hazard_and_life_spans(shop: SimpleNamespace) -> None:
    """Leavers of each kind in each kind of week against their hazards; mean remaining life of those on board."""
    s, people = shop.s, shop.people
    week = np.arange(s.weeks)
    at_risk = (people.signed_up_day[:, None] <= 7 * week) & (people.leaving_day[:, None] > 7 * week)
    leaves = people.leaving_day[:, None] == 7 * (week + 1)
    mailed = np.zeros_like(at_risk)
    mailed[:, people.mailing_day // 7] = people.treated
    restless = people.segment >= s.segments / 2
    for slow in (False, True):
        base = s.leaving_intercept + s.leaving_segment * slow
        for effect in s.mailing_leaving:
            for hit in (False, True):
                cell = at_risk & ((restless == slow) & (people.mailing_leaving == effect))[:, None] & (mailed == hit)
                hazard = people_of.sigmoid(np.array(base + effect * hit))
                n = cell.sum()
                assert n > 500 and within(leaves[cell].sum(), n * hazard, n * hazard * (1 - hazard))
    # Without mailings the remaining life is geometric: mean (1/h) weeks.
    stay = people.leaving_day > s.days
    left = (people.leaving_day[stay] - s.days) / 7
    expected, spread = 1 / people.hazard[stay], np.sqrt(1 - people.hazard[stay]) / people.hazard[stay]
    assert within(left.sum(), expected.sum(), (spread**2).sum())
    # As many come as go: the living neither grow nor shrink by a fifth.
    mass = people.living_mass.sum(axis=(0, 1))
    assert 0.8 < mass[-28:].mean() / mass[:28].mean() < 1.25


def test_mailings_are_randomised_with_the_propensity_they_state(shop: SimpleNamespace) -> None:
    mailings, people = shop.people.mailings, shop.people
    p = mailings["propensity"].to_numpy()
    assert p.min() >= 0.1 and p.max() <= 0.9
    for tenth in np.array_split(np.argsort(p, kind="stable"), 10):
        treated = mailings["treated"].to_numpy()[tenth]
        assert within(treated.sum(), p[tenth].sum(), (p[tenth] * (1 - p[tenth])).sum())
    assert np.corrcoef(people.propensity, people.activity)[0, 1] > 0.5  # confounded on purpose
    assert not mailings.duplicated(["customer_id", "date"]).any()


def test_whom_a_letter_moves_is_told_by_the_segment(shop: SimpleNamespace) -> None:
    """Each segment has the shares of one row, each row one segment; the seed deals them, and the mean shares stay."""
    s, people = shop.s, shop.people
    assert np.allclose(np.mean(s.mailing_shares, axis=0), (0.4, 0.4, 0.2))
    effects, rows = np.array(s.mailing_effects), np.array(s.mailing_shares)

    def dealt(people: people_of.People) -> list[int]:
        found = []
        for k in range(s.segments):
            seen = (people.mailing_effect[people.segment == k][:, None] == effects).sum(axis=0)
            fits = [
                all(within(o, seen.sum() * p, seen.sum() * p * (1 - p)) for o, p in zip(seen, row, strict=True))
                for row in rows
            ]
            assert sum(fits) == 1
            found.append(fits.index(True))
        return found

    assert sorted(dealt(people)) == [0, 1, 2, 3]
    orders = {tuple(dealt(build_people(seed))) for seed in range(6)}
    assert len(orders) > 2, "in some stores the restless are glad of a letter, in some they are driven away"


def test_mailings_change_the_rate_for_a_week(shop: SimpleNamespace) -> None:
    """Orders in the week after, mailed against not, given what activity, segment and region lead one to expect."""
    s, people = shop.s, shop.people
    orders = shop.handed.orders.dropna(subset="customer_id").drop_duplicates("order_id")
    who = pd.Index(people.customer_id).get_indexer(orders["customer_id"])
    day = days(shop, orders["ordered_at"])
    seen: dict[tuple[float, bool], np.ndarray] = {}
    for number, sent in enumerate(people.mailing_day):
        here = (day >= sent) & (day < sent + 7)
        bought = np.bincount(who[here], minlength=len(people.region))
        living = (people.signed_up_day < sent) & (people.leaving_day >= sent + 7)
        pace = np.zeros((s.segments, s.regions))
        np.add.at(pace, (people.segment[who[here]], people.region[who[here]]), 1)
        pace /= people.living_mass[:, :, sent : sent + 7].sum(axis=2)
        expected = 7 * people.activity * shop.handed.appeal * pace[people.segment, people.region]
        for effect in s.mailing_effects:
            for hit in (False, True):
                group = living & (people.mailing_effect == effect) & (people.treated[:, number] == hit)
                seen.setdefault((effect, hit), np.zeros(2))[:] += bought[group].sum(), expected[group].sum()
    for effect in s.mailing_effects:
        (mailed, e_mailed), (not_mailed, e_not) = seen[effect, True], seen[effect, False]
        estimate = np.log(mailed / e_mailed) - np.log(not_mailed / e_not)
        assert within(estimate, effect, 1 / mailed + 1 / not_mailed)


@pytest.mark.parametrize("weeks", [4, 26])
def test_truth_of_a_mailing_is_the_difference_of_two_sums(shop: SimpleNamespace, weeks: int) -> None:
    s, people = shop.s, shop.people
    rng = np.random.default_rng(1)
    segment, region = rng.integers(0, s.segments, 5_000), rng.integers(0, s.regions, 5_000)
    appeal = rng.uniform(0.5, 2, len(people.region))
    truth = expected_mailing_orders(s, people, segment, region, appeal, weeks=weeks)
    for j in rng.integers(0, len(people.region), 200):
        k, r = people.segment[j], people.region[j]
        rate = people.activity[j] * appeal[j] * ((segment == k) & (region == r)).sum() / people.living_mass[k, r].sum()
        totals = []
        for mailed in (0, 1):
            alive, total = 1.0, 0.0
            for day in range(7 * weeks):
                if day and day % 7 == 0:
                    odds = people.hazard[j] / (1 - people.hazard[j])
                    odds *= np.exp(people.mailing_leaving[j] * mailed * (day == 7))
                    alive *= 1 - odds / (1 + odds)
                total += rate * alive * np.exp(people.mailing_effect[j] * mailed * (day < 7))
            totals.append(total)
        assert np.isclose(truth[j], totals[1] - totals[0], rtol=1e-9, atol=1e-12)
    assert (np.sign(truth) == np.sign(people.mailing_effect)).all()


def test_who_leaves_after_a_letter_is_lost_for_good(shop: SimpleNamespace) -> None:
    """What writing to everybody gains in a month is less in half a year than what the glad alone would gain."""
    short, long = shop.handed.mailing_orders, shop.handed.mailing_orders_26w
    harmed = shop.people.mailing_effect < 0
    assert (long[harmed] < 2 * short[harmed]).all() and (long[~harmed] >= short[~harmed]).all()
    assert (short[shop.people.mailing_effect == 0] == 0).all()


def test_conversion_is_calibrated_for_each_visit_type(shop: SimpleNamespace) -> None:
    s, sessions, kind = shop.s, shop.handed.sessions, shop.handed.visit_type
    for z, p in enumerate(s.visit_conversion):
        bought = sessions["converted"].to_numpy()[kind == z]
        assert within(bought.sum(), len(bought) * p, len(bought) * p * (1 - p))
    # One order in five of a customer has its visit in the log, and the mix of types is as set.
    baskets = shop.handed.orders.dropna(subset="customer_id")["order_id"].nunique()
    assert within(
        sessions["converted"].sum(), baskets * s.logged_share, baskets * s.logged_share * (1 - s.logged_share)
    )
    shares = np.bincount(kind) / len(kind)
    assert (abs(shares - s.visit_shares) < 4 * np.sqrt(np.array(s.visit_shares) / len(kind)) + 0.003).all()


def test_features_of_a_visit_tell_its_type_and_not_its_end(shop: SimpleNamespace) -> None:
    sessions, kind = shop.handed.sessions, shop.handed.visit_type
    assert (sessions["pages"] >= 1).all() and (sessions["minutes"] > 0).all() and (sessions["searches"] >= 0).all()
    means = [sessions["pages"][kind == z].mean() for z in range(5)]
    assert max(means) - min(means) > 5
    for z in range(5):
        here = sessions[kind == z].assign(mobile=lambda frame: frame["device"] == "mobile")
        yes, no = here[here["converted"]], here[~here["converted"]]
        for column in ("pages", "minutes", "searches", "mobile"):
            variance = yes[column].var() / len(yes) + no[column].var() / len(no)
            assert within(yes[column].mean(), no[column].mean(), variance)


def test_returns_follow_quality_and_deep_discounts(shop: SimpleNamespace) -> None:
    s, orders = shop.s, shop.handed.orders
    product = pd.Index(shop.catalogue.product_id).get_indexer(orders["product_id"])
    week = days(shop, orders["ordered_at"]) // 7
    quality, deep = shop.market.quality[product, week], shop.market.depth[product, week] > 0.2
    for level in np.unique(quality):
        for much in (False, True):
            returned = orders["returned"].to_numpy()[(quality == level) & (deep == much)]
            p = 1 / (1 + np.exp(-(s.return_intercept + s.return_quality * level + s.return_depth * much)))
            assert len(returned) > 500 and within(returned.sum(), len(returned) * p, len(returned) * p * (1 - p))
    assert np.isclose(orders["returned"].mean(), shop.handed.return_probability.mean(), atol=0.003)


def test_reviews_are_a_selection_of_buyers(shop: SimpleNamespace) -> None:
    """Five in a hundred lines; who gives one or five stars writes twice as often; only buyers, only afterwards."""
    from scipy.stats import norm

    s, orders, reviews = shop.s, shop.handed.orders, shop.handed.reviews
    product = pd.Index(shop.catalogue.product_id).get_indexer(orders["product_id"])
    day = days(shop, orders["ordered_at"])
    mean = s.review_mean + s.review_quality * shop.market.quality[product, day // 7]
    edges = np.array([-np.inf, 1.5, 2.5, 3.5, 4.5, np.inf])
    chance = np.diff(norm.cdf((edges[None, :] - mean[:, None]) / s.review_sd), axis=1)  # (lines, 5)
    eager = np.array([2.0, 1.0, 1.0, 1.0, 2.0])
    writes = chance * eager
    writes *= s.review_share / writes.sum(axis=1).mean()
    seen = np.clip(s.days - 4 - day, 0, 18) / 18  # the last orders are reviewed after the store's last day
    expected = (writes * seen[:, None]).sum(axis=0)
    stars = np.bincount(reviews["rating"], minlength=6)[1:]
    assert all(within(o, e, e) for o, e in zip(stars, expected, strict=True))
    assert stars[4] / stars.sum() > chance[:, 4].mean() + 0.05  # the selection that the lesson warns of
    first = orders.assign(day=orders["ordered_at"].dt.normalize()).fillna({"customer_id": "guest"})
    first = first.groupby(["product_id", "customer_id"])["day"].min().rename("bought").reset_index()
    matched = reviews.fillna({"customer_id": "guest"}).merge(first, on=["product_id", "customer_id"], how="left")
    assert (matched["written_at"] > matched["bought"]).all()
    assert reviews["written_at"].is_monotonic_increasing and reviews["written_at"].max() <= shop.market.dates[-1]


def test_the_same_seed_gives_the_same_people() -> None:
    first, second, other = build("tiny"), build("tiny"), build("tiny", seed=1)
    for table in ("orders", "sessions", "reviews"):
        pd.testing.assert_frame_equal(getattr(first.handed, table), getattr(second.handed, table))
    pd.testing.assert_frame_equal(first.people.mailings, second.people.mailings)
    assert not first.handed.orders["unit_price"].head(50).equals(other.handed.orders["unit_price"].head(50))
