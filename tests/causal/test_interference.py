"""What a rise of all prices does, where products stand in for one another and where they do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ecomlib.causal import design, double_ml, others_price, rise_of_all_prices
from ecomlib.errors import DataError
from ecomlib.stores.simulated import make_store
from ecomlib.stores.simulated.settings import settings_for

OWN = {"mugs": -1.5, "lamps": -2.5, "toys": -2.0}


def made(cross: float, seed: int = 0, products: int = 60, weeks: int = 104) -> tuple[pd.DataFrame, np.ndarray]:
    """Three categories, each dear in its season; costs of a category wander; quality is told by the words."""
    rng = np.random.default_rng(seed)
    product, week = np.repeat(np.arange(products), weeks), np.tile(np.arange(weeks), products)
    kind = product % 3
    season = 0.4 * np.cos(2 * np.pi * (np.arange(weeks)[None] / 52 - np.arange(3)[:, None] / 3))  # (3, weeks)
    costs = np.cumsum(rng.normal(0, 0.02, (3, weeks)), axis=1)
    quality = rng.normal(size=products)
    log_price = 0.15 * quality[product] + (0.3 * season + costs)[kind, week] + rng.normal(0, 0.1, len(product))
    frame = pd.DataFrame(
        {
            "product_id": product.astype(str),
            "ds": pd.Timestamp("2023-01-02") + pd.to_timedelta(7 * week, unit="D"),
            "category": np.array(list(OWN))[kind],
            "listing": product,
            "log_price": log_price,
            "promoted": (rng.random(len(product)) < 0.1).astype(float),
        }
    )
    apart = frame.groupby(["category", "ds"])["log_price"]
    others = (apart.transform("sum") - log_price) / (apart.transform("size") - 1)
    eta = 2.0 + 0.5 * quality[product] + season[kind, week] + 0.2 * np.sin(week / 5) + 0.2 * frame["promoted"]
    eta = eta + frame["category"].map(OWN) * log_price + cross * others
    return frame.assign(units=rng.poisson(np.exp(eta)).astype(float)), quality[:, None]


@pytest.mark.parametrize("cross", [0.0, 0.8])
def test_own_plus_cross_is_found(cross: float) -> None:
    found, inside, gap = [], [], []
    for seed in range(4):
        frame, vectors = made(cross, seed)
        fit = double_ml(frame, vectors)
        table = rise_of_all_prices(frame, fit).set_index("category")
        truth = (pd.Series(OWN) + cross).reindex(table.index)
        found.append(table["cross"].iloc[0])
        inside += list((table["low"] < truth) & (truth < table["high"]))
        gap += list((table["own"] - truth).abs())
        np.testing.assert_array_equal(table["own"], fit.table["elasticity"])
        np.testing.assert_allclose(table["together"], table["own"] + table["cross"])
    assert np.mean(found) == pytest.approx(cross, abs=0.12)  # four stores of which one has a standard error of 0.1
    assert np.mean(inside) >= 0.8  # nominal 0.95; 12 intervals
    assert np.mean(gap) == pytest.approx(cross, abs=0.12), "compared with its neighbours, a price seems to lose more"


def test_on_a_store_with_substitution_the_sum_comes_nearer_to_the_truth_than_own_alone() -> None:
    settings = replace(settings_for("tiny", substitution=True), weeks=104)
    store = make_store("tiny", 2, settings=settings)
    frame = design(store.observed())
    words = store.truth.quality["quality"].to_numpy()[:, None]
    table = rise_of_all_prices(frame, double_ml(frame, words, exposure="in_stock"), exposure="in_stock")
    effects = store.truth.elasticity.set_index("category").reindex(table["category"])
    truth = (effects["elasticity"] + effects["substitution"]).to_numpy()
    alone, both = ((table[name] - truth).abs().mean() for name in ("own", "together"))
    assert both < 0.6 * alone
    assert table["cross"].iloc[0] == pytest.approx(0.67, abs=0.35)


def test_others_are_the_category_without_oneself_against_their_usual_price() -> None:
    frame = pd.DataFrame(
        {
            "product_id": ["a", "b", "c", "a", "b", "c", "d"],
            "ds": pd.to_datetime(["2024-01-01"] * 3 + ["2024-01-08"] * 4),
            "category": ["x", "x", "x", "x", "x", "x", "y"],
            "log_price": [1.0, 2.0, 3.0, 1.2, 2.0, 3.4, 9.0],
        }
    )
    # Against their own means: a -0.1 and 0.1, b 0 and 0, c -0.2 and 0.2.
    expected = [-0.1, -0.15, -0.05, 0.1, 0.15, 0.05, np.nan]
    np.testing.assert_allclose(others_price(frame), expected, atol=1e-12)


def test_faults_are_named() -> None:
    frame, vectors = made(0.5, products=30, weeks=60)
    fit = double_ml(frame, vectors)
    with pytest.raises(DataError, match="cannot be told apart"):
        rise_of_all_prices(frame, fit)
    with pytest.raises(DataError, match="another frame"):
        rise_of_all_prices(frame.iloc[1:], fit)
    alone = frame.assign(category=np.where(frame["product_id"] == "3", "lone", frame["category"]))
    with pytest.raises(DataError, match=r"to itself.*lone"):
        rise_of_all_prices(alone, double_ml(alone, vectors))
