"""Who is leaving: history before the cut, label after it, nothing from beyond; unfinished spells are censored."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ecomlib.decisions.retention import (
    HISTORY,
    churn_examples,
    churned,
    logged,
    purchase_history,
    spells,
    training_cuts,
)
from ecomlib.errors import DataError
from ecomlib.stores import load_store


def lines(rows: list[tuple[str | None, str, str, int, float]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["customer_id", "order_id", "ordered_at", "quantity", "unit_price"])
    return table.assign(ordered_at=pd.to_datetime(table["ordered_at"]))


SHOP = lines(
    [
        ("ann", "1", "2025-01-01 10:00", 2, 3.0),
        ("ann", "1", "2025-01-01 10:00", 1, 4.0),  # two lines, one order
        ("ann", "2", "2025-01-21 10:00", 1, 20.0),
        ("bob", "3", "2025-01-31 10:00", 1, 5.0),
        (None, "4", "2025-02-01 10:00", 9, 9.0),  # a guest
        ("ann", "5", "2025-03-02 10:00", 1, 7.0),
        ("eve", "6", "2025-06-30 10:00", 1, 7.0),
    ]
)


def test_a_history_by_hand() -> None:
    found = purchase_history(SHOP, "2025-02-10 10:00")
    assert list(found.columns) == list(HISTORY) and list(found.index) == ["ann", "bob"]
    assert found.loc["ann"].tolist() == [2, 1, 20, 40, 20, 20, 30, 15]
    assert found.loc["bob"].tolist() == [1, 0, 0, 10, 10, 10, 5, 5]
    assert np.allclose(logged(found).loc["bob", ["orders", "idle"]], np.log([2, 11]))


def test_nothing_of_what_comes_after_the_cut_is_in_a_history() -> None:
    store = load_store("tiny")
    cut = store.orders["ordered_at"].quantile(0.6)
    later = store.orders["ordered_at"] >= cut
    changed = store.orders.assign(quantity=store.orders["quantity"].where(~later, 99))
    changed = changed[~later | (np.arange(len(changed)) % 3 > 0)]
    pd.testing.assert_frame_equal(purchase_history(store.orders, cut), purchase_history(changed, cut))


def test_the_label_begins_at_the_cut_and_must_be_over() -> None:
    assert churned(SHOP, "2025-02-10", 30).to_dict() == {"ann": 0.0, "bob": 1.0}
    assert churned(SHOP, "2025-02-10", 20).to_dict() == {"ann": 1.0, "bob": 1.0}
    moment = churned(SHOP, "2025-03-02 10:00", 30)  # an order at the very cut is no history: it is what is asked about
    assert moment["ann"] == 0.0
    with pytest.raises(DataError, match="not over"):
        churned(SHOP, "2025-05-01", 90)
    assert churned(SHOP, "2025-05-01", 90, end="2025-08-01")["ann"] == 1.0  # closed in July


def test_examples_come_from_cuts_whose_windows_are_over() -> None:
    cuts = training_cuts("2025-06-30", "2025-01-25", days=40, every=30)
    assert [f"{day:%m-%d}" for day in cuts] == ["05-21", "04-21", "03-22", "02-20"]
    assert all(day + pd.Timedelta(days=40) <= pd.Timestamp("2025-06-30") for day in cuts)
    past = SHOP[SHOP["ordered_at"] < "2025-06-30"]
    with pytest.raises(DataError, match="not over"):  # the books of this past end in March
        churn_examples(past, cuts, 40)
    found = churn_examples(SHOP, cuts, 40)
    assert found.groupby("cut")["customer_id"].nunique().tolist() == [2, 2, 2, 2]
    assert found.loc[found["cut"] == "2025-02-20", "churned"].tolist() == [0.0, 1.0]
    with pytest.raises(DataError, match="no earlier cut"):
        churn_examples(SHOP, [], 40)


def test_a_spell_that_is_not_over_is_censored() -> None:
    found = spells(SHOP, ["2025-02-10 10:00", "2025-03-12 10:00"], "2025-04-01 10:00").set_index(["cut", "customer_id"])
    assert found["days"].tolist() == [20.0, 50.0, 20.0, 20.0]
    assert found["back"].tolist() == [1.0, 0.0, 0.0, 0.0]
    known = spells(SHOP[SHOP["ordered_at"] < "2025-04-01 10:00"], ["2025-02-10 10:00"], "2025-04-01 10:00")
    assert known["days"].tolist() == found["days"].tolist()[:2], "orders after the end are not read"
    with pytest.raises(DataError, match="before the end"):
        spells(SHOP, ["2025-05-01"], "2025-04-01")


def test_what_is_missing_is_named() -> None:
    with pytest.raises(DataError, match="customer_id"):
        purchase_history(SHOP.drop(columns="customer_id"), "2025-02-10")
    with pytest.raises(DataError, match="nobody"):
        purchase_history(SHOP, "2024-02-10")
