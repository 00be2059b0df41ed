"""Fusion that cannot see ahead; promotions, roll-outs, mails and prices whose effect is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ecomlib.causal import (
    KNOWN_BEFORE,
    design,
    difference_in_means,
    event_study,
    leak_probe,
    listing_texts,
    promotion_effect,
    rollout_effect,
)
from ecomlib.errors import DataError
from ecomlib.stores import Store
from ecomlib.stores.simulated import make_store

EFFECT = 0.15


@pytest.fixture(scope="module")
def tiny() -> Store:
    return make_store("tiny", 0)


@pytest.fixture(scope="module")
def frame(tiny: Store) -> pd.DataFrame:
    return design(tiny.observed(), demand=tiny.truth.panel("demand"))


def test_the_frame_says_what_the_tables_say(tiny: Store, frame: pd.DataFrame) -> None:
    assert not frame.duplicated(["product_id", "ds"]).any() and (frame["ds"].dt.weekday == 0).all()
    assert set(KNOWN_BEFORE) <= set(frame.columns)
    row = frame.iloc[700]
    lines = tiny.orders[tiny.orders["product_id"] == row["product_id"]]
    week = lines[(lines["ordered_at"] >= row["ds"]) & (lines["ordered_at"] < row["ds"] + pd.Timedelta(weeks=1))]
    assert (row["units"], row["lines"]) == (week["quantity"].sum(), len(week))
    assert row["returns"] == week["returned"].sum()
    assert row["orders_so_far"] == (lines["ordered_at"] < row["ds"]).sum()
    cost = tiny.products.set_index("product_id").loc[row["product_id"], "unit_cost"]
    price = tiny.prices[(tiny.prices["product_id"] == row["product_id"]) & (tiny.prices["date"] == row["ds"])]
    assert row["log_price"] == pytest.approx(np.log(price["unit_price"].item() / cost))
    texts = listing_texts(tiny).iloc[row["listing"]]
    later = tiny.listings[
        (tiny.listings["product_id"] == row["product_id"]) & (tiny.listings["valid_from"] <= row["ds"])
    ]
    assert texts["title"] == later.sort_values("valid_from")["title"].iloc[-1]
    assert (frame["demand"] >= frame["units"]).all() and frame["in_stock"].between(0.05, 1).all()


def test_a_shop_with_two_tables_has_a_frame_too(tiny: Store) -> None:
    products = tiny.products[["product_id", "title"]]
    plain = design(Store(name="plain", products=products, orders=tiny.orders.drop(columns=["returned"])))
    assert (plain["category"] == "all").all() and (plain["in_stock"] == 1).all()
    first = plain[plain["log_price"].notna()].groupby("product_id").head(1)
    assert (first["log_price"] == 0).all(), "without costs a price stands against the product's first"
    assert list(listing_texts(tiny).columns) == ["product_id", "valid_from", "title", "description"]


def test_nothing_known_before_the_week_moves_with_the_future(tiny: Store) -> None:
    report = leak_probe(tiny.observed(), "2025-05-26", np.random.default_rng(0))
    assert set(report["column"]) == set(KNOWN_BEFORE)
    assert (report["rows"] > 500).all() and (report["changed"] == 0).all()


@pytest.mark.parametrize("leak", ["centred mean", "returns at once", "mean of all weeks"])
def test_the_probe_finds_leaks(tiny: Store, leak: str) -> None:
    def build(store: Store) -> pd.DataFrame:
        made = design(store)[["product_id", "ds", "units", "returns"]]
        units = made.groupby("product_id")["units"]
        made["x"] = {
            "centred mean": units.transform(lambda u: u.rolling(3, center=True, min_periods=1).mean()),
            "returns at once": made.groupby("product_id")["returns"].transform(lambda r: r.shift().fillna(0).cumsum()),
            "mean of all weeks": units.transform("mean"),
        }[leak]
        return made

    report = leak_probe(tiny.observed(), "2025-05-26", np.random.default_rng(0), build=build, columns=["x"])
    assert report["changed"].item() > 0


def test_the_probe_wants_something_to_compare(tiny: Store) -> None:
    with pytest.raises(DataError, match="nothing to compare"):
        leak_probe(tiny.observed(), "2025-05-26", np.random.default_rng(0), columns=["absent"])


def promoted_weeks(seed: int, products: int = 150, weeks: int = 60) -> pd.DataFrame:
    """Slow weeks are promoted, except where a coin decides; a promotion adds 0.25 and its discount twice."""
    rng = np.random.default_rng(seed)
    product, week = np.repeat(np.arange(products), weeks), np.tile(np.arange(weeks), products)
    mood = np.empty((products, weeks))
    mood[:, 0] = rng.normal(0, 0.2, products)
    for k in range(1, weeks):
        mood[:, k] = 0.9 * mood[:, k - 1] + rng.normal(0, 0.1, products)
    mood = mood.ravel()
    coin = rng.random(len(product)) < 0.3
    chance = np.where(coin, 0.25, 1 / (1 + np.exp(1.5 + 5 * mood)))
    promoted = rng.random(len(product)) < chance
    depth = np.where(promoted, rng.choice([0.0, 0.1, 0.2, 0.3], len(product)), 0.0)
    mean = np.exp(2 + rng.normal(0, 0.5, products)[product] + mood + 0.25 * promoted - 2 * np.log(1 - depth))
    return pd.DataFrame(
        {
            "product_id": product.astype(str),
            "ds": pd.Timestamp("2024-01-01") + pd.to_timedelta(7 * week, unit="D"),
            "category": "mugs",
            "promoted": promoted.astype(float),
            "depth": depth,
            "promo_experiment": coin,
            "promo_propensity": chance,
            "units": rng.poisson(mean).astype(float),
        }
    )


def test_a_coin_or_its_odds_find_the_promotion_and_the_shops_choice_does_not() -> None:
    truth = 0.25 - 2 * np.log(1 - np.array([0.0, 0.1, 0.2, 0.3])).mean()
    found = {how: [] for how in ("targeted", "randomised", "weighted")}
    for seed in range(3):
        table = promoted_weeks(seed)
        for how, effects in found.items():
            effects.append(promotion_effect(table, how))  # type: ignore[arg-type]
    mean = {how: np.mean([e.estimate for e in effects]) for how, effects in found.items()}
    assert mean["targeted"] < truth - 0.05
    assert all(e.high < truth for e in found["targeted"])
    assert mean["randomised"] == pytest.approx(truth, abs=0.03)
    assert mean["weighted"] == pytest.approx(truth, abs=0.03)
    with pytest.raises(DataError, match="no promotion"):
        promotion_effect(table[table["promoted"] == 0])


def regions(seed: int, effect: float = EFFECT, count: int = 16, weeks: int = 40) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Weather that four regions share, start weeks at random, a summer that all see."""
    rng = np.random.default_rng(seed)
    weather = np.repeat(np.cumsum(rng.normal(0, 0.05, (count // 4, weeks)), axis=1), 4, axis=0)
    start = rng.permutation(np.linspace(10, 34, count).round().astype(int))
    week = np.arange(weeks)
    mean = np.exp(
        6 + rng.normal(0, 0.3, (count, 1)) + weather + 0.3 * np.sin(week / 6) + effect * (week >= start[:, None])
    )
    names, dates = [f"R{k:02d}" for k in range(count)], pd.date_range("2024-01-01", periods=weeks, freq="7D")
    panel = pd.DataFrame(rng.poisson(mean), index=pd.Index(names, name="region_id"), columns=dates)
    panel = panel.reset_index().melt("region_id", var_name="ds", value_name="y")
    starts = pd.DataFrame({"region_id": names, "starts_on": dates[start], "row": np.arange(count) // 4})
    return panel, starts


def test_a_rollout_is_found_and_its_interval_covers() -> None:
    inside, widths, estimates = [], [], []
    for seed in range(20):
        panel, starts = regions(seed)
        for within in (None, "row"):
            found = rollout_effect(panel, starts, np.random.default_rng(seed), within=within, draws=99).effect
            inside.append(found.low <= EFFECT <= found.high)
            widths.append(found.high - found.low)
            estimates.append(found.estimate)
    assert np.mean(inside) >= 0.85  # nominal 0.95; 40 intervals have a standard error of 0.034
    assert np.mean(estimates) == pytest.approx(EFFECT, abs=0.04)
    assert np.mean(widths[1::2]) < 0.7 * np.mean(widths[::2]), "those who share the weather are the better comparison"


def test_nothing_is_found_where_nothing_is() -> None:
    p = [
        rollout_effect(*regions(seed, effect=0.0), np.random.default_rng(seed), draws=99).p_value for seed in range(20)
    ]
    assert np.mean(np.array(p) < 0.05) <= 0.2 and np.mean(np.array(p) < 0.5) > 0.2
    found = rollout_effect(*regions(0), np.random.default_rng(0), within="row", draws=99)
    since = found.by_week.set_index("since")["effect"]
    assert abs(since.loc[-8:-1].mean()) < 0.07 < since.loc[0:8].mean()


def test_the_pooled_estimate_comes_with_what_chance_does() -> None:
    found = rollout_effect(*regions(0), np.random.default_rng(0), within="row", draws=199)
    assert found.permuted.shape == (199,)
    beyond = int((np.abs(found.permuted) >= abs(found.effect.estimate)).sum())
    assert found.p_value == pytest.approx((1 + beyond) / 200)
    assert np.abs(np.median(found.permuted)) < 0.05 < found.effect.estimate


def test_an_event_study_shows_the_effect_and_is_calm_before() -> None:
    p, outside = [], []
    for seed in range(20):
        study = event_study(*regions(seed), np.random.default_rng(seed), within="row", draws=99)
        p.append(study.before_p)
        outside.append(study.table.loc[study.table["since"] < 0, "outside"].mean())
        assert list(study.table.columns) == ["since", "effect", "low", "high", "regions", "outside"]
        assert study.table["since"].between(-8, 12).all() and (study.table["low"] < study.table["high"]).all()
    assert np.mean(np.array(p) < 0.05) <= 0.2 and np.mean(np.array(p) < 0.5) > 0.2  # uniform where trends are parallel
    assert np.mean(outside) < 0.15
    after = study.table[study.table["since"] >= 0]["effect"].mean()
    assert after == pytest.approx(EFFECT, abs=0.07)
    assert "That is not the same as none" in str(study) or study.before_p < 0.05


def test_trends_that_were_not_parallel_are_found_together() -> None:
    found = []
    for seed in range(8):
        panel, starts = regions(seed)
        start = panel["region_id"].map(starts.set_index("region_id")["starts_on"])
        since = (pd.to_datetime(panel["ds"]) - start).dt.days / 7
        drift = 0.02 * (since.clip(-8, 0) + 8)  # a region begins to rise eight weeks before it gets the new thing
        rising = panel.assign(y=(panel["y"] * np.exp(drift)).round())
        found.append(event_study(rising, starts, np.random.default_rng(seed), within="row", draws=99))
    assert np.mean([study.before_p < 0.05 for study in found]) >= 0.75
    caught = next(study for study in found if study.before_p < 0.05)
    assert "not parallel" in str(caught)
    with pytest.raises(DataError, match="no week before"):
        event_study(*regions(0), np.random.default_rng(0), weeks=(0, 5), draws=9)


def test_a_rollout_without_noise_is_exact() -> None:
    panel, starts = regions(1)
    start = panel["region_id"].map(starts.set_index("region_id")["starts_on"])
    clean = panel.assign(y=np.exp(3 + panel["region_id"].str[1:].astype(int) / 10 + EFFECT * (panel["ds"] >= start)))
    found = rollout_effect(clean, starts, np.random.default_rng(0), draws=99)
    assert found.effect.estimate == pytest.approx(EFFECT, abs=1e-12) and found.p_value <= 0.02
    with pytest.raises(DataError, match="a row in every week"):
        rollout_effect(clean.iloc[1:], starts, np.random.default_rng(0))
    weeks = clean["ds"].unique()
    few = clean.assign(y=clean["y"].where(clean["ds"] != weeks[0], 0.0))
    half = clean.assign(y=clean["y"].where(clean["ds"] != weeks[0], 0.5))
    one, other = (rollout_effect(p, starts, np.random.default_rng(0), draws=9) for p in (few, half))
    assert one.effect == other.effect, "a week without a sale counts as half a unit"
    with pytest.raises(DataError, match="above zero in all but 10%"):
        rollout_effect(
            clean.assign(y=clean["y"].where(clean["ds"] > weeks[len(weeks) // 2], 0.0)),
            starts,
            np.random.default_rng(0),
        )


def test_difference_in_means_is_welchs() -> None:
    from scipy import stats

    rng = np.random.default_rng(0)
    on = rng.random(400) < 0.4
    y = rng.normal(size=400) * np.where(on, 2, 1) + 0.5 * on
    found = difference_in_means(y, on)
    test = stats.ttest_ind(y[on], y[~on], equal_var=False)
    assert found.estimate == pytest.approx(y[on].mean() - y[~on].mean())
    assert found.estimate / ((found.high - found.low) / 2 / 1.959964) == pytest.approx(test.statistic, rel=1e-6)


def test_known_odds_undo_who_was_mailed() -> None:
    errors, inside = [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        keen = rng.random(3000)
        chance = 0.1 + 0.8 * keen
        on = rng.random(3000) < chance
        y = 3 * keen + 0.2 * on + rng.normal(size=3000)
        assert difference_in_means(y, on).low > 0.2
        found = difference_in_means(y, on, chance)
        errors.append(found.estimate - 0.2)
        inside.append(found.low <= 0.2 <= found.high)
    assert abs(np.mean(errors)) < 0.05 and np.mean(inside) >= 0.85
    with pytest.raises(DataError, match="two in each group"):
        difference_in_means([1.0, 2.0], [True, False])
