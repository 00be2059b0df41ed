"""The simulated market keeps the promises of its equations.

Seeds are fixed. Statistical tests use four standard errors; there are 7 of them with 44 comparisons in all, so that a
correct generator would fail here for about one seed in 350.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from ecomlib.errors import DataError
from ecomlib.stores.simulated import make_store, settings_for
from ecomlib.stores.simulated import market as market_module
from ecomlib.stores.simulated.assemble import generator
from ecomlib.stores.simulated.geography import draw_population, draw_shock, dynamics, make_regions
from ecomlib.stores.simulated.market import Market, draw_demand, round_six, run_market, run_stock
from ecomlib.stores.simulated.people import make_people
from ecomlib.stores.simulated.settings import Settings
from ecomlib.stores.simulated.truth import Truth, whole_periods
from ecomlib.stores.simulated.words import make_catalogue
from ecomlib.stores.store import Store
from ecomlib.stores.validation import faults

FOUR = 4.0


def play(settings: Settings, seed: int = 0) -> tuple[Market, np.ndarray]:
    """The market alone, without handing anything out, and the products' launch weeks."""
    population = draw_population(settings, generator(seed, "regions"))
    catalogue = make_catalogue(settings, generator(seed, "words"), seed=seed)
    people = make_people(settings, catalogue, population, generator(seed, "people"), generator(seed, "letters"))
    return run_market(settings, catalogue, people, population, generator(seed, "market")), catalogue.launch_week


@pytest.fixture(scope="module")
def small() -> Store:
    return make_store("small", 0)


@pytest.fixture(scope="module")
def tiny() -> Store:
    return make_store("tiny", 0)


@pytest.fixture(scope="module")
def market() -> Market:
    """The market of the small store, seed 0."""
    return play(settings_for("small"))[0]


def by_week(days: np.ndarray) -> np.ndarray:
    """(…, T) to (…, W), summed."""
    return days.reshape(*days.shape[:-1], -1, 7).sum(axis=-1)


# --- shape, books, reproducibility ---------------------------------------------------------------------------------


def test_sizes_and_calendar(small: Store, tiny: Store) -> None:
    for store, products, regions, weeks in ((small, 600, 16, 104), (tiny, 60, 9, 26)):
        truth = store.truth
        assert truth.demand.shape == (products, regions, 7 * weeks) == truth.expected_demand.shape
        assert truth.dates[0].day_name() == "Monday" and truth.dates[-1] == pd.Timestamp("2025-06-29")
        assert truth.expected_demand.dtype == np.float32 and truth.demand.dtype == np.int32
    assert 350_000 < len(small.orders) < 500_000
    full = settings_for("full")
    assert (full.products, full.regions, full.weeks) == (1000, 64, 156)
    names = make_regions(full, np.ones(64))["name"]
    assert names.is_unique and names[0].startswith("West") and names[63].startswith("East")


def test_unknown_size_and_seed_are_refused() -> None:
    with pytest.raises(DataError, match="tiny, small, full"):
        make_store("huge")
    for seed in (-1, 1.5, True):
        with pytest.raises(DataError, match="whole number"):
            make_store("tiny", seed)  # type: ignore[arg-type]


def test_same_seed_same_store_and_another_seed_another(tiny: Store) -> None:
    again, other = make_store("tiny", 0, cache=False), make_store("tiny", 1, cache=False)
    for (table, frame), (_, twin) in zip(tiny.tables(), again.tables(), strict=True):
        pd.testing.assert_frame_equal(frame, twin, obj=table)
    np.testing.assert_array_equal(tiny.truth.demand, again.truth.demand)
    np.testing.assert_array_equal(tiny.truth.expected_demand, again.truth.expected_demand)
    assert not np.array_equal(tiny.truth.demand, other.truth.demand)
    assert tiny.observed().truth is None


@pytest.mark.parametrize(("seed", "misspecified"), [(0, False), (1, False), (0, True)])
def test_every_table_obeys_the_rules_of_a_store(seed: int, misspecified: bool) -> None:
    store = make_store("tiny", seed, misspecified=misspecified, cache=False)
    assert not faults(dict(store.tables())), "the inventory included, which is not checked when a store is made"


def test_orders_inventory_and_demand_agree_to_the_unit(small: Store) -> None:
    stock, truth = small.inventory, small.truth
    assert stock is not None
    bought, opening, received, sold, rows = (np.zeros(truth.demand.shape, dtype=np.int32) for _ in range(5))
    place = _place(truth, stock["product_id"], stock["region_id"], stock["date"])
    np.add.at(rows, place, 1)
    assert rows.max() == 1, "no product, region and day twice"
    orders = small.orders
    at = _place(truth, orders["product_id"], orders["region_id"], orders["ordered_at"].dt.normalize())
    np.add.at(bought, at, orders["quantity"].to_numpy())
    for table, column in ((opening, "on_hand_start"), (received, "received"), (sold, "sold")):
        table[place] = stock[column].to_numpy()
    np.testing.assert_array_equal(sold, bought)
    np.testing.assert_array_equal(sold, np.minimum(truth.demand, opening + received))
    launch = 7 * truth.cold_start["launch_week"].to_numpy()
    np.testing.assert_array_equal(rows == 1, np.broadcast_to(_since(launch, rows.shape[2]), rows.shape))
    left = opening + received - sold
    assert left.min() >= 0
    np.testing.assert_array_equal(opening[:, :, 1:], left[:, :, :-1])


def _place(truth: Truth, product: pd.Series, region: pd.Series, date: pd.Series) -> tuple[np.ndarray, ...]:
    """Indices into the truth's (P, R, T) arrays."""
    products, regions = pd.Index(truth.product_ids), pd.Index(truth.region_ids)
    return products.get_indexer(product), regions.get_indexer(region), truth.dates.get_indexer(date)


def _since(launch: np.ndarray, days: int) -> np.ndarray:
    return (np.arange(days) >= launch[:, None])[:, None, :]


def test_the_panel_agrees_to_the_unit(small: Store) -> None:
    from ecomlib.panel import make_panel

    panel = make_panel(small.observed()).set_index(["unique_id", "ds"])["y"]
    stock = small.inventory
    assert stock is not None
    monday = stock["date"] - pd.to_timedelta(stock["date"].dt.dayofweek, unit="D")
    sold = stock["sold"].groupby([stock["product_id"], monday]).sum()
    sold.index.names = panel.index.names
    pd.testing.assert_series_equal(panel.astype("int64"), sold.rename("y"), check_index=True)


def test_price_paid_is_the_price_table_s(small: Store) -> None:
    orders, prices = small.orders, small.prices
    assert prices is not None
    listed = prices.set_index(["product_id", "date"])["unit_price"]
    key = pd.MultiIndex.from_arrays([orders["product_id"], orders["ordered_at"].dt.normalize()])
    np.testing.assert_array_equal(listed.reindex(key).to_numpy(), orders["unit_price"].to_numpy())
    margin = (
        prices["unit_price"].to_numpy()
        / small.products.set_index("product_id")["unit_cost"][prices["product_id"]].to_numpy()
    )
    assert 1.4 < np.median(margin) < 2.2 and (margin < 1).mean() < 0.05


def test_the_wholesale_order_is_in_every_table(small: Store, market: Market) -> None:
    row = small.truth.wholesale.iloc[0]
    lines = small.orders[small.orders["order_id"] == row["order_id"]]
    assert len(lines) == 1 and lines["quantity"].item() == row["units"] == small.orders["quantity"].max()
    place = market.wholesale[:3]
    assert small.truth.demand[place] >= row["units"] and market.sold[place] >= row["units"]
    assert small.truth.expected_demand[place] < 10, "nobody could expect it"
    on_day = small.inventory[
        (small.inventory["product_id"] == row["product_id"]) & (small.inventory["date"] == row["date"])
    ]
    assert on_day.set_index("region_id")["received"][row["region_id"]] == row["units"], "it came in to go out"


def test_six_digits_and_nothing_else() -> None:
    values = np.array([0.0, 1.23456789e-7, 123456.789, 9.999999e3, 1.0])
    np.testing.assert_allclose(round_six(values), [0.0, 1.23457e-7, 123457.0, 10000.0, 1.0], rtol=1e-15)
    noise = values * (1 + 1e-14)
    np.testing.assert_array_equal(round_six(values), round_six(noise))


# --- prices, promotions, elasticity --------------------------------------------------------------------------------


def test_prices_never_depend_on_the_shock(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_for("tiny")
    stormy, _ = play(settings)
    monkeypatch.setattr(market_module, "draw_shock", lambda s, law, rng: 2 * draw_shock(s, law, rng) + 1)
    other, _ = play(settings)
    for name in ("price", "promoted", "depth", "propensity", "experiment", "price_test", "quality"):
        np.testing.assert_array_equal(getattr(stormy.plan, name), getattr(other.plan, name))
    assert not np.allclose(stormy.expected, other.expected)


def test_prices_and_promotions_do_not_know_this_week_s_momentum(market: Market) -> None:
    plan, live = market.plan, market.plan.live[:, 1:]
    news = plan.momentum[:, 1:] - 0.9 * plan.momentum[:, :-1]
    surprise = plan.promoted[:, 1:] - plan.propensity[:, 1:]
    log_price = np.log(plan.price[:, 1:]) - np.log(plan.price).mean(axis=1, keepdims=True)
    count = live.sum()
    for decided in (surprise, plan.propensity[:, 1:], plan.depth[:, 1:], log_price):
        assert abs(np.corrcoef(decided[live], news[live])[0, 1]) < FOUR / np.sqrt(count)
    targeted = live & ~plan.experiment[:, 1:]
    before = plan.momentum[:, :-1]
    assert np.corrcoef(plan.promoted[:, 1:][targeted], before[targeted])[0, 1] < -0.2, "slow movers are promoted"
    coin = live & plan.experiment[:, 1:]
    assert abs(np.corrcoef(plan.promoted[:, 1:][coin], before[coin])[0, 1]) < FOUR / np.sqrt(coin.sum())


def test_promotions_happen_as_often_as_their_propensity_says(small: Store) -> None:
    prices = small.prices
    assert prices is not None
    weeks = prices[prices["date"].dt.dayofweek == 0]
    for experiment, part in weeks.groupby("promo_experiment"):
        chance = part["promo_propensity"]
        error = np.sqrt((chance * (1 - chance)).sum())
        assert abs(part["promoted"].sum() - chance.sum()) < FOUR * error, f"experiment: {experiment}"
    assert (weeks.loc[weeks["promo_experiment"], "promo_propensity"] == 0.25).all()
    for column, share in (("promo_experiment", 0.15), ("price_test", 0.10)):
        assert abs(weeks[column].mean() - share) < FOUR * np.sqrt(share * (1 - share) / len(weeks))
    assert (weeks.loc[~weeks["promoted"], "depth"] == 0).all()
    assert set(weeks["depth"]) == {0.0, 0.1, 0.2, 0.3}
    daily = prices.assign(week=prices["date"].dt.to_period("W-SUN"))
    extremes = daily.groupby(["product_id", "week"])["unit_price"].agg(["min", "max"])
    assert (extremes["min"] == extremes["max"]).all(), "one price a week"


def _design(log_price: np.ndarray, live: np.ndarray) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Log price beside dummies of product and week, one row for each live product-week; and each row's product."""
    product, week = np.nonzero(live)
    count, rows = len(product), np.arange(len(product))
    later = week > 0  # the first week is the reference
    dummies = [
        sparse.csr_matrix((np.ones(count), (rows, product)), shape=(count, live.shape[0])),
        sparse.csr_matrix((np.ones(later.sum()), (rows[later], week[later] - 1)), shape=(count, live.shape[1] - 1)),
    ]
    return sparse.hstack([sparse.csr_matrix(log_price[live][:, None]), *dummies]).tocsr(), product


def _slope(X: sparse.csr_matrix, beta: np.ndarray, weight: np.ndarray, residual: np.ndarray, product: np.ndarray):  # type: ignore[no-untyped-def]
    """First coefficient and its standard error, clustered by product."""
    bread = np.linalg.inv((X.T @ X.multiply(weight[:, None])).toarray())
    groups = sparse.csr_matrix((np.ones(len(product)), (product, np.arange(len(product)))))
    scores = groups @ X.multiply(residual[:, None])
    return float(beta[0]), float(np.sqrt((bread @ (scores.T @ scores).toarray() @ bread)[0, 0]))


def poisson_elasticity(
    units: np.ndarray, known: np.ndarray, log_price: np.ndarray, live: np.ndarray
) -> tuple[float, float]:
    """Slope and standard error of a Poisson regression with product and week effects, by Newton's method.

    ``known`` is added to the logarithm of the mean. All inputs have the shape (products, weeks).
    """
    X, product = _design(log_price, live)
    y, offset = units[live].astype(float), known[live]
    beta = np.zeros(X.shape[1])
    beta[1 : 1 + live.shape[0]] = np.log(np.bincount(product, y + 0.5) / np.bincount(product, np.exp(offset)))
    for _ in range(60):
        mean = np.exp(X @ beta + offset)
        step = np.linalg.solve((X.T @ X.multiply(mean[:, None])).toarray(), X.T @ (y - mean))
        beta = beta + step
        if np.abs(step).max() < 1e-8:
            mean = np.exp(X @ beta + offset)
            return _slope(X, beta, mean, y - mean, product)
    raise AssertionError("Newton's method did not settle")


def log_elasticity(
    units: np.ndarray, known: np.ndarray, log_price: np.ndarray, live: np.ndarray
) -> tuple[float, float]:
    """The same by least squares on log(y + ½): what the course warns of."""
    X, product = _design(log_price, live)
    y = np.log(units[live] + 0.5) - known[live]
    beta = np.linalg.solve((X.T @ X).toarray(), X.T @ y)
    return _slope(X, beta, np.ones(len(y)), y - X @ beta, product)


def test_poisson_regression_recovers_each_elasticity_and_logs_do_not(small: Store, market: Market) -> None:
    """Told quality, promotion effect and momentum, but neither price slope, appeal, season nor shock."""
    truth, plan = small.truth, market.plan
    category = truth.cold_start["category"].to_numpy()
    known = 0.5 * plan.quality + 0.25 * plan.promoted + plan.momentum
    demand = truth.demand.copy()
    demand[market.wholesale[:3]] -= market.wholesale[3]
    units = by_week(demand[:, :4].sum(axis=1))  # four regions: small counts
    misses = []
    for name, published in truth.elasticity.set_index("category")["elasticity"].items():
        of = category == name
        given = (units[of], known[of], np.log(plan.price[of]), plan.live[of])
        slope, error = poisson_elasticity(*given)
        assert abs(slope - published) < FOUR * error, f"{name}: {slope:.3f} ± {error:.3f}, truth {published}"
        assert error < 0.15, "a test that could not miss a wrong slope would be no test"
        slope, error = log_elasticity(*given)
        misses.append(abs(slope - published) / error)
    assert max(misses) > FOUR and np.median(misses) > FOUR, f"log(y + ½) is off by {np.round(misses, 1)} errors"


# --- demand, shock, stock ------------------------------------------------------------------------------------------


def test_demand_has_the_mean_and_the_spread_that_it_should(small: Store, market: Market) -> None:
    demand = small.truth.demand.astype(float)
    demand[market.wholesale[:3]] -= market.wholesale[3]
    mean = small.truth.expected_demand.astype(float)
    variance = mean + mean**2 / 8
    category = small.truth.cold_start["category"].to_numpy()
    for name in np.unique(category):
        of = category == name
        assert abs((demand[of] - mean[of]).sum()) < FOUR * np.sqrt(variance[of].sum()), name
    for day in range(7):
        part = np.s_[:, :, day::7]
        assert abs((demand[part] - mean[part]).sum()) < FOUR * np.sqrt(variance[part].sum())
    busy = mean > 0.5
    ratio = (demand[busy] - mean[busy]) ** 2 / variance[busy]
    assert abs(ratio.mean() - 1) < FOUR * ratio.std() / np.sqrt(busy.sum())
    assert ratio.mean() * variance[busy].mean() / mean[busy].mean() > 1.05, "plain Poisson would be noticed"


def test_five_in_a_hundred_units_are_lost(small: Store) -> None:
    assert small.inventory is not None
    lost = 1 - small.inventory["sold"].sum() / small.truth.demand.sum()
    assert 0.03 < lost < 0.07, f"{lost:.3f}"
    by_product = small.inventory.groupby("product_id")["sold"].sum()
    assert by_product.min() > 0


def test_thin_stock_loses_more() -> None:
    settings = settings_for("tiny")
    lost = []
    for chosen in (settings, replace(settings, service=0.0, buffer=0.0)):
        market, _ = play(chosen)
        lost.append(1 - market.sold.sum() / market.demand.sum())
    assert lost[1] > lost[0] + 0.05


def test_stock_by_hand() -> None:
    """One product, one region, three weeks, followed with pencil: cover 2, buffer 1, service 0."""
    settings = replace(settings_for("tiny"), service=0.0, buffer=1.0, cover=2.0, smoothing=0.5, units_per_week=2.0)
    demand = np.array([1, 0, 2, 0, 0, 3, 0, 0, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 9], dtype=np.int32)
    sold, received, opening = run_stock(settings, demand.reshape(1, 1, 21), np.zeros(1, int), np.ones(1))
    # Launch: up to 2 · 2 + 1 = 5, nothing more is ordered. Five sold; smoothed 2 -> 3.5.
    assert received[0, 0, ::7].tolist() == [5, 0, 8]  # on the second Monday nothing arrives, up to 7 + 1 = 8 is ordered
    assert sold[0, 0].tolist() == [1, 0, 2, 0, 0, 2, 0] + [0] * 7 + [1, 0, 0, 0, 0, 0, 7]
    assert opening[0, 0].tolist() == [0, 4, 4, 2, 2, 2, 0] + [0] * 7 + [0, 7, 7, 7, 7, 7, 7]


def test_the_shock_comes_from_the_west(small: Store) -> None:
    counts = small.truth.demand.sum(axis=0).T.astype(float)
    level = np.log(counts + 0.5)
    level -= pd.DataFrame(level).rolling(29, center=True, min_periods=8).mean().to_numpy()
    grid = level.reshape(-1, 4, 4)

    def correlation(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])

    downwind = correlation(grid[:-1, :, :-1], grid[1:, :, 1:])
    upwind = correlation(grid[:-1, :, 1:], grid[1:, :, :-1])
    assert downwind - upwind >= 0.05, f"{downwind:.3f} against {upwind:.3f}"


@pytest.mark.parametrize("turned", [False, True])
def test_the_shock_obeys_its_law(turned: bool) -> None:
    settings = replace(settings_for("small"), weeks=1500, wind_turns=turned)
    law = dynamics(settings)
    shock = draw_shock(settings, law, np.random.default_rng(5))
    half = slice(None, law.turn) if not turned else slice(law.turn + 200, None)
    path = shock[half].reshape(-1, 4, 4)
    path = path[:, :, ::-1] if turned else path
    variance = (path**2).mean()
    # Days are alike for about (1 + 0.93²)/(1 - 0.93²) days, and a row's columns repeat each other.
    error = 0.35**2 * np.sqrt(2 * 14 / (len(path) * 4))
    assert abs(variance - 0.35**2) < FOUR * error
    west = path[:, :, 0]
    slope = (west[1:] * west[:-1]).sum() / (west[:-1] ** 2).sum()
    assert abs(slope - 0.93) < FOUR * np.sqrt((1 - 0.93**2) / west.size)
    before = [path[:-1, 1, 1], path[:-1, 1, 0], path[:-1, 0, 1], path[:-1, 2, 1]]
    X = np.column_stack([part.ravel() for part in before])
    fit, residual, *_ = np.linalg.lstsq(X, path[1:, 1, 1], rcond=None)
    error = np.sqrt(residual[0] / len(X) * np.diag(np.linalg.inv(X.T @ X)))
    assert (np.abs(fit - [0.51, 0.42, 0.05, 0.05]) < FOUR * error).all()
    innovation = np.var(west[1:] - 0.93 * west[:-1]), residual[0] / len(X)
    assert abs(innovation[1] / innovation[0] / 0.04 - 1) < FOUR * np.sqrt(2 / len(X) * 1.25)
    lags = [np.corrcoef(path[: -9 or None, 1, 1][:-lag], path[: -9 or None, 1, 2][lag:])[0, 1] for lag in range(1, 8)]
    assert int(np.argmax(lags)) + 1 in (1, 2, 3), "a column is crossed in about two days"


def test_free_delivery_adds_what_the_truth_says() -> None:
    settings = settings_for("tiny")
    with_it, launch = play(settings)
    without, _ = play(replace(settings, rollout_effect=0.0))
    rate = with_it.expected.astype(float) / np.where(without.expected > 0, without.expected, 1)
    started = np.arange(settings.days) // 7 >= with_it.rollout_week[:, None]
    live = np.arange(settings.days) >= 7 * launch[:, None]
    effect = np.log(rate[np.broadcast_to(live[:, None], rate.shape)])
    expected = np.broadcast_to(0.15 * started, rate.shape)[np.broadcast_to(live[:, None], rate.shape)]
    np.testing.assert_allclose(effect, expected, atol=2e-5)
    assert with_it.rollout_week.min() > 0 and with_it.rollout_week.max() < settings.weeks
    assert len(set(with_it.rollout_week)) >= 6


def test_misspecified_breaks_what_it_says() -> None:
    usual, broken = settings_for("tiny"), settings_for("tiny", misspecified=True)
    mean = np.full(400_000, 5.0)
    plain = draw_demand(usual, mean, np.random.default_rng(1))
    heavy = draw_demand(broken, mean, np.random.default_rng(1))
    assert abs(heavy.mean() / 5 - 1) < FOUR * np.sqrt((1 / 5 + 2) / len(mean))
    assert (heavy > 40).mean() > 20 * max((plain > 40).mean(), 1e-6)
    law = dynamics(broken)
    assert law.turn == broken.days // 2 and dynamics(usual).turn == usual.days
    early, late = law.at(0)[0], law.at(law.turn)[0]
    assert early[1, 0] == 0.42 == late[0, 1] and early[0, 1] == 0 == late[1, 0]
    truth = make_store("tiny", 0, misspecified=True).truth
    assert 0.03 < (truth.quality["told"] > truth.quality["quality"]).mean() < 0.15
    assert (make_store("tiny", 0).truth.quality["told"] == make_store("tiny", 0).truth.quality["quality"]).all()


# --- the truth as a panel ------------------------------------------------------------------------------------------


def test_truth_panel_by_hand(tiny: Store) -> None:
    truth = tiny.truth
    weekly = truth.panel("demand")
    assert list(weekly.columns) == ["unique_id", "ds", "value"] and (weekly["ds"].dt.dayofweek == 0).all()
    first = weekly[weekly["unique_id"] == truth.product_ids[0]].set_index("ds")["value"]
    np.testing.assert_array_equal(first.to_numpy(), by_week(truth.demand[0].sum(axis=0)))
    assert weekly["value"].sum() == truth.demand.sum()
    late = truth.cold_start[truth.cold_start["launch_week"] > 0].iloc[0]
    begins = weekly.loc[weekly["unique_id"] == late["product_id"], "ds"].min()
    assert begins == truth.dates[7 * late["launch_week"]]

    fine = truth.panel("expected_demand", "D", ("region_id", "category"))
    name = fine["unique_id"].iloc[0]
    region, category = name.split("|")
    of = truth.cold_start["category"].to_numpy() == category
    at = list(truth.region_ids).index(region)
    np.testing.assert_allclose(
        fine.loc[fine["unique_id"] == name, "value"], truth.expected_demand[of, at].sum(axis=0), rtol=1e-5
    )
    monthly = truth.panel("demand", "MS", ("region_id",))
    assert monthly["ds"].min() == pd.Timestamp("2025-01-01") and monthly["ds"].max() == pd.Timestamp("2025-05-01")
    inside = (truth.dates >= "2025-01-01") & (truth.dates < "2025-06-01")
    assert monthly["value"].sum() == truth.demand[:, :, inside].sum()


def test_truth_panel_refuses_what_it_does_not_know(tiny: Store) -> None:
    for keyword in (
        {"what": "sales"},
        {"freq": "Q"},
        {"by": ("colour",)},
        {"by": ("product_id", "category")},
        {"by": ()},
    ):
        with pytest.raises(DataError):
            tiny.truth.panel(**keyword)
    with pytest.raises(DataError, match="no whole period"):
        whole_periods(pd.date_range("2025-01-02", periods=20), "MS")


def test_substitutes_gain_what_others_lose_by_their_prices() -> None:
    """Log demand against the store without it: 0.67 times the others' mean log price, by hand for one product."""
    plain, other = make_store("tiny", 2, cache=False), make_store("tiny", 2, substitution=True, cache=False)
    truth, category = other.truth, other.products["category"].to_numpy()
    assert set(truth.elasticity["substitution"]) == {0.67} and set(plain.truth.elasticity["substitution"]) == {0.0}
    pd.testing.assert_frame_equal(plain.prices, other.prices)
    after, before = (each.truth.expected_demand[:, 0, ::7] for each in (other, plain))
    lift = np.log(np.where(before > 0, after, 1.0) / np.where(before > 0, before, 1.0))
    paid = other.prices[other.prices["date"].isin(truth.dates[::7])]
    paid = paid.pivot_table(index="product_id", columns="date", values="unit_price").reindex(truth.product_ids)
    price = np.log(paid.to_numpy())
    launched = np.isfinite(price).all(axis=1)
    product = int(np.flatnonzero(launched)[0])
    same = (category == category[product]) & (np.arange(len(category)) != product)
    assert launched[same].sum() >= 3
    whole = np.isfinite(price[same]).all(axis=0)  # weeks in which nobody is launched: the references cancel
    change = np.diff(np.nanmean(price[same], axis=0)[whole])
    np.testing.assert_allclose(np.diff(lift[product][whole]), 0.67 * change, atol=2e-5)
    assert np.abs(change).max() > 0.01
