"""The replayed world: the published store under the shop's own actions, the right laws under any others.

Seeds are fixed. Statistical tests use four standard errors; there are 3 of them with 13 comparisons in all.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from ecomlib.errors import DataError
from ecomlib.stores.simulated import make_store, settings_for
from ecomlib.stores.simulated.market import poisson_mean, round_six
from ecomlib.stores.simulated.people import base_logit, week_hazard
from ecomlib.stores.simulated.world import Episode, World, coupled, replay

KINDS = ({}, {"misspecified": True}, {"substitution": True})
NAMES = ("default", "misspecified", "substitution")
WEEKS = 13


@pytest.fixture(scope="module", params=range(3), ids=NAMES)
def world(request: pytest.FixtureRequest) -> World:
    return replay(settings_for("tiny", **KINDS[request.param]), 0, 13, WEEKS)


@pytest.fixture(scope="module")
def plain() -> World:
    return replay(settings_for("tiny"), 0, 13, WEEKS)


def wanted(world: World, luck: int, *, factor: float = 1.0, who: np.ndarray | None = None) -> np.ndarray:
    """Demand of all weeks, (N, P, R, 7), with the prices of these products multiplied; letters are the shop's."""
    episode, found = Episode(world, luck), []
    for week in range(world.first, world.first + world.weeks):
        price = world.market.price[:, week].copy()
        price[slice(None) if who is None else who] *= factor
        eta = world.interest(week, price, world.market.plan.promoted[:, week])
        potential = episode.potential(week, world.sent(week))
        found.append(episode.demand(week, world.expected(week, eta, potential)))
        episode.end_week(week, world.sent(week))
    return np.stack(found)


# --- exact reproduction -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "digest"),
    list(zip(KINDS, ("f3387c815b3cf9b6", "4424c3403351a517", "44326603ec4faa1d"), strict=True)),
    ids=NAMES,
)
def test_published_stores_are_what_they_were_before_the_loop_used_their_code(
    kind: dict[str, bool], digest: str
) -> None:
    store = make_store("tiny", 3, **kind)
    stock = store.inventory
    assert stock is not None and store.prices is not None
    whole = hashlib.sha256(np.ascontiguousarray(store.truth.demand, dtype=np.int32).tobytes())
    for column in ("on_hand_start", "received", "sold"):
        whole.update(stock[column].to_numpy(dtype=np.int64).tobytes())
    whole.update(np.round(100 * store.prices["unit_price"]).astype(np.int64).to_numpy().tobytes())
    left = store.truth.customers["left_on"].to_numpy(dtype="datetime64[D]").astype(np.int64)
    whole.update(left.tobytes() + "".join(store.orders["customer_id"].fillna("-")).encode())
    assert whole.hexdigest()[:16] == digest


@pytest.mark.parametrize("luck", [0, 1, 12345])
def test_the_shops_own_actions_are_the_published_store_whatever_the_luck(world: World, luck: int) -> None:
    days = slice(7 * world.first, 7 * (world.first + WEEKS))
    np.testing.assert_array_equal(wanted(world, luck), world.demand)
    published = world.market.demand[:, :, days].copy()
    product, region, day, units = world.market.wholesale
    published[product, region, day - days.start] -= units
    np.testing.assert_array_equal(np.concatenate(list(world.demand), axis=2), published)


@pytest.mark.parametrize("luck", [0, 7])
def test_everybody_lives_and_leaves_as_in_the_seeds_world(world: World, luck: int) -> None:
    episode = Episode(world, luck)
    for week in range(world.first, world.first + WEEKS):
        np.testing.assert_array_equal(episode.alive, world.people.leaving_day > 7 * week)
        episode.end_week(week, world.sent(week))
    np.testing.assert_array_equal(episode.alive, world.people.leaving_day > 7 * (world.first + WEEKS))


def test_the_wholesale_order_is_taken_out_before_coupling(plain: World) -> None:
    product, region, day, units = plain.market.wholesale
    at = day // 7 - plain.first, product, region, day % 7
    assert 0 <= at[0] < WEEKS, "this store's wholesale order falls into play"
    assert plain.demand[at] == plain.market.demand[product, region, day] - units
    # Coupled with its 144 units the cell would be in the far tail of its law: no price would ever bring it down.
    assert wanted(plain, 0, factor=4.0)[at] <= plain.demand[at] < units / 4
    assert plain.wholesale(day // 7) == (product, region, day % 7, units)
    assert plain.wholesale(day // 7 + 1) is None


# --- other prices -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("luck", [0, 3])
def test_demand_never_rises_with_a_products_own_price(world: World, luck: int) -> None:
    substitution = world.settings.substitution > 0
    # Where prices move others, one product of each category alone.
    first = np.unique(world.catalogue.category, return_index=True)[1]
    who = first if substitution else np.arange(world.settings.products)
    before = None
    for factor in (0.5, 0.8, 0.97, 1.0, 1.02, 1.3, 3.0):
        now = wanted(world, luck, factor=factor, who=who)[:, who]
        assert before is None or (now <= before).all()
        if factor == 1.0:
            np.testing.assert_array_equal(now, world.demand[:, who])
        if before is not None and factor == 3.0:
            assert now.sum() < 0.6 * world.demand[:, who].sum(), "and it does fall"
        before = now


def test_substitutes_gain_what_a_product_loses_by_its_price() -> None:
    world = replay(settings_for("tiny", substitution=True), 0, 13, WEEKS)
    who = np.flatnonzero(world.catalogue.category == 0)[:3]
    others = np.setdiff1d(np.flatnonzero(world.catalogue.category == 0), who)
    elsewhere = world.catalogue.category != 0
    dearer = wanted(world, 0, factor=1.5, who=who)
    assert dearer[:, others].sum() > world.demand[:, others].sum()
    np.testing.assert_array_equal(dearer[:, elsewhere], world.demand[:, elsewhere])


@pytest.mark.parametrize(("mean", "new"), [(0.05, 0.5), (3.0, 1.0), (20.0, 26.0), (400.0, 90.0), (0.2, 900.0)])
def test_coupled_units_have_the_new_poisson_law(mean: float, new: float) -> None:
    rng, n = np.random.default_rng(1), 40_000
    units = coupled(rng.poisson(mean, n), np.full(n, mean), np.full(n, new), rng.random(n))
    assert abs(units.mean() - new) < 4 * np.sqrt(new / n)
    fourth = new + 3 * new**2
    assert abs(((units - new) ** 2).mean() - new) < 4 * np.sqrt((fourth - new**2) / n)


def test_coupled_units_stay_where_the_mean_stays_and_vanish_where_it_does() -> None:
    rng = np.random.default_rng(2)
    mean = rng.gamma(0.3, 10.0, 20_000)
    units, share = rng.poisson(mean), rng.random(20_000)
    np.testing.assert_array_equal(coupled(units, mean, mean, share), units)
    assert not coupled(units, mean, np.zeros(20_000), share).any()
    higher = coupled(units, mean, 1.7 * mean, share)
    assert (higher >= units).all()
    np.testing.assert_array_less(coupled(units, mean, 0.6 * mean, share), units + 1)


# --- letters ----------------------------------------------------------------------------------------------------------


def test_whom_one_letter_keeps_leaves_later_like_anybody() -> None:
    """Else a customer kept by a letter would live for ever, and letters would look a third too good."""
    crowded = replace(settings_for("tiny"), weeks=40, customers_per_region=8_000.0)
    week, later = 8, 25
    world = replay(crowded, 0, week, later + 1)
    people = world.people
    assert not world.sent(week).any()
    glad = np.flatnonzero((people.mailing_leaving < 0) & (people.leaving_day == 7 * (week + 1)))
    mailed = np.zeros(len(people.region), dtype=bool)
    mailed[glad] = True
    stays = 1 - week_hazard(base_logit(world.settings, people.segment), people.mailing_leaving, np.zeros_like(mailed))
    gone = expected = variance = kept = 0.0
    for luck in range(60):
        episode = Episode(world, luck)
        for now in range(world.first, week + later + 1):
            letters = mailed if now == week else np.zeros_like(mailed)
            episode.end_week(now, letters)
            if now == week:
                saved = glad[episode.alive[glad]]
        p = 1 - stays[saved] ** later
        gone, kept = gone + (~episode.alive[saved]).sum(), kept + len(saved)
        expected, variance = expected + p.sum(), variance + (p * (1 - p)).sum()
    assert kept > 300
    assert abs(gone - expected) < 4 * np.sqrt(variance)


def test_a_letter_keeps_and_drives_away_as_often_as_its_hazard_says() -> None:
    world = replay(settings_for("tiny"), 0, 8, 4)
    people, week = world.people, 8
    exposed = (people.signed_up_day <= 7 * week) & (people.leaving_day > 7 * week)
    everybody = np.ones(len(people.region), dtype=bool)
    base = base_logit(world.settings, people.segment)
    now = week_hazard(base, people.mailing_leaving, everybody & (people.signed_up_day < 7 * week))
    usual = week_hazard(base, people.mailing_leaving, world.sent(week))
    left_there = exposed & (people.leaving_day == 7 * (week + 1))
    lucks = 400
    left = np.zeros(len(everybody))
    for luck in range(lucks):
        episode = Episode(world, luck)
        episode.end_week(week, everybody)
        left += ~episode.alive & exposed
    # Given what happened in the seed's world, the chance to go is the coupled one.
    chance = np.where(left_there, np.minimum(now / usual, 1.0), np.clip((now - usual) / (1 - usual), 0.0, 1.0))[exposed]
    spread = np.sqrt((chance * (1 - chance)).sum() * lucks)
    assert abs(left[exposed].sum() - lucks * chance.sum()) < 4 * spread
    assert not left[exposed & (now <= usual) & ~left_there].any(), "whom a letter suits, it drives nobody away"


def test_a_letter_moves_demand_for_a_week_and_only_of_those_on_the_list(plain: World) -> None:
    episode, week = Episode(plain, 0), plain.first
    people = plain.people
    nobody = np.zeros(len(people.region), dtype=bool)
    assert not plain.sent(week).any()
    usual = episode.potential(week, nobody)
    glad = (people.mailing_effect > 0) & episode.alive
    assert (episode.potential(week, glad) >= usual).all()
    assert episode.potential(week, glad).sum() > usual.sum()
    late = people.signed_up_day >= 7 * week
    np.testing.assert_array_equal(episode.potential(week, late), usual)
    np.testing.assert_array_equal(episode.potential(week, ~episode.alive), usual)


def test_the_potential_is_the_markets_own_at_other_lives_and_letters(plain: World) -> None:
    """Counted from everybody anew, after weeks in which everybody was written to: some were kept, some are gone."""
    people, s, episode = plain.people, plain.settings, Episode(plain, 0)
    everybody = np.ones(len(people.region), dtype=bool)
    for week in range(plain.first, plain.first + 6):
        episode.end_week(week, everybody)
    now = plain.first + 6
    there = people.leaving_day > 7 * now
    assert (episode.alive & ~there).any() and (there & ~episode.alive).any()
    lives = replace(
        people,
        leaving_day=np.where(episode.alive, 10_000, 0),
        mailing_day=np.array([7 * now]),
        treated=(people.signed_up_day < 7 * now)[:, None],
    )
    mass = np.zeros((s.segments, s.regions, 7))
    for segment in range(s.segments):
        for region in range(s.regions):
            who = lives.members(segment, region)
            mass[segment, region] = lives.weights(who, s)[:, plain.days(now)].sum(axis=0)
    anew = plain.market.ground.potential(s, mass, people.taste, plain.days(now))
    np.testing.assert_allclose(episode.potential(now, everybody), anew, rtol=1e-12)
    assert not np.allclose(anew, plain.potential[6])


def test_no_cell_is_passed_over(world: World) -> None:
    """Cells far below their bar are not looked at; looking at all of them finds the same units."""
    episode, week = Episode(world, 5), world.first + 2
    for factor in (0.7, 1.4):
        price, promoted = factor * world.market.price[:, week], world.market.plan.promoted[:, week]
        rate = world.expected(week, world.interest(week, price, promoted), world.potential[2])
        new = poisson_mean(round_six(rate), world.factor[2])
        flat = (part.ravel() for part in (world.demand[2], world.mean[2], new, np.exp(-episode._open[2])))
        np.testing.assert_array_equal(episode.demand(week, rate).ravel(), coupled(*flat))


def test_weeks_that_the_store_does_not_have_are_refused() -> None:
    for first, weeks in ((20, 7), (0, 5), (10, 0)):
        with pytest.raises(DataError, match="26 weeks"):
            replay(settings_for("tiny"), 0, first, weeks)
