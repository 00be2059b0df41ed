"""Effects for decisions: by category where there are price lists, one for all where there are none, or why not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ecomlib.causal import design, double_ml, no_effects, ordinary_effect, ordinary_prices, shop_effects
from ecomlib.causal.shop_effects import COLUMNS
from ecomlib.errors import DataError
from ecomlib.stores import load_store


def test_they_are_the_estimators_with_what_a_promotion_adds() -> None:
    store, told = load_store("tiny"), []
    table, about = shop_effects(store, text=False, say=told.append)
    by_hand = double_ml(design(store), exposure="in_stock").table
    assert list(table.columns) == ["category", *COLUMNS] == list(no_effects().columns)
    pd.testing.assert_frame_equal(
        table[["category", "elasticity", "low", "high"]], by_hand[["category", "elasticity", "low", "high"]]
    )
    assert about == told[-1] == "double machine learning without the listings' words"
    assert (table["promotion_low"] < table["promotion"]).all() and len(set(table["promotion"])) == 1


def test_without_prices_the_table_is_empty_and_says_why() -> None:
    table, about = shop_effects(load_store("tiny").with_parts(prices=None), text=False)
    assert table.empty and "hold no prices" in about
    store = load_store("tiny")
    assert store.prices is not None
    few = store.with_parts(orders=store.orders[store.orders["product_id"] == "P0001"].reset_index(drop=True))
    few = few.with_parts(products=store.products[store.products["product_id"] == "P0001"].reset_index(drop=True))
    few = few.with_parts(prices=store.prices[store.prices["product_id"] == "P0001"].reset_index(drop=True))
    table, about = shop_effects(few, text=False)
    assert table.empty and "cannot be told" in about


def test_one_elasticity_for_a_shop_without_price_lists() -> None:
    rows = ordinary_prices(load_store("tiny").with_parts(prices=None))
    table, about = ordinary_effect(rows)
    assert table["category"].tolist() == ["all"] and "ordinary prices" in about
    assert table["low"].iloc[0] < table["elasticity"].iloc[0] < table["high"].iloc[0]
    still = rows.assign(log_ordinary=np.log(5.0))
    with pytest.raises(DataError, match="hardly moved"):
        ordinary_effect(still)
