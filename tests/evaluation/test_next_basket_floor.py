"""The reference of the next basket knows tastes and habits, reads nothing after the cut, and is ahead of every rule."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ecomlib.decisions import recommendation as rec
from ecomlib.errors import DataError
from ecomlib.evaluation.next_basket_floor import next_basket_reference
from ecomlib.stores.simulated import make_store


@pytest.fixture(scope="module")
def store():  # type: ignore[no-untyped-def]
    return make_store("tiny", 0)


def test_it_is_ahead_of_the_rules_in_both_tables(store) -> None:  # type: ignore[no-untyped-def]
    lines = rec.basket_lines(store.orders)
    cut = rec.cut_at(lines, lines["day"].max() - pd.Timedelta(days=60), days=61)
    found = next_basket_reference(store, cut.customers[cut.cases], cut.items, cut.at)
    assert found.shape == cut.targets.shape and (found > 0).all()
    ours, rule, own = (
        rec.two_tables(scores, cut, 5).groupby("table")["ndcg"].mean()
        for scores in (found, rec.popularity(cut), rec.own_frequency(cut))
    )
    assert (ours > rule).all() and (ours > own).all()


def test_nothing_after_the_cut_is_read(store) -> None:  # type: ignore[no-untyped-def]
    at = store.orders["ordered_at"].max().normalize() - pd.Timedelta(days=60)
    who = store.truth.customers["customer_id"].to_numpy(dtype=object)[:50]
    items = store.products["product_id"].to_numpy(dtype=object)[:20]
    later = store.orders["ordered_at"] >= at
    moved = store.orders.assign(product_id=store.orders["product_id"].where(~later, items[0]))
    one, two = (next_basket_reference(s, who, items, at) for s in (store, store.with_parts(orders=moved)))
    np.testing.assert_array_equal(one, two)


def test_a_shop_without_truth_has_none(store) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataError, match="truth"):
        next_basket_reference(store.observed(), np.array(["a"]), np.array(["b"]), pd.Timestamp("2025-01-01"))
