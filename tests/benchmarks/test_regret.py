"""Regret is counted by hand: which weeks, which products, which rows, and what stands over what."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("statsforecast")
pytest.importorskip("lightgbm")
from benchmarks.service.regret import measured, outcome, regrets
from ecomlib.serving.release.candidates import Fitted
from ecomlib.serving.release.frozen import LastValue, WindowMean
from ecomlib.serving.release.inputs import NEVER, SalesHistory


def history(units: dict[str, list[float]], first: int = 100) -> SalesHistory:
    """Books of these units; a product without any has not begun."""
    table = np.array(list(units.values()), dtype=float)
    begin = np.where(table.any(axis=1), first + (table > 0).argmax(axis=1), NEVER)
    return SalesHistory(tuple(units), ("none",) * len(units), first, begin, table, {})


def test_an_outcome_is_that_of_the_weeks_after_the_books_in_products_that_have_begun() -> None:
    books = history({"b": [2, 4], "c": [0, 10], "new": [0, 0]})
    # The later tables begin a week earlier, and know a product more, ahead of the others.
    later = history(
        {"a": [9] * 7, "b": [7, 2, 4, 4, 6, 2, 4], "c": [7, 0, 10, 8, 0, 16, 10], "new": [0, 0, 0, 50, 50, 50, 50]},
        first=99,
    )
    found = outcome(Fitted(LastValue.freeze(4), means=WindowMean.freeze(4, 8)), books, later)
    sold = (4 + 6 + 2 + 4) + (8 + 0 + 16 + 10)
    assert found["wape"] == pytest.approx((0 + 2 + 2 + 0 + 2 + 10 + 6 + 0) / sold)
    assert found["bias"] == pytest.approx(4 * (4 + 10) / sold - 1)
    assert found["bias_mean"] == pytest.approx(4 * (3 + 10) / sold - 1), "c has one week of history, not two"


def test_regret_is_what_is_in_force_over_what_would_be_without_the_network() -> None:
    table = pd.DataFrame(
        [
            ("one", "trees", 0.50, False, True),
            ("one", "gru", 0.45, True, False),
            ("one", "network alone, as before", 0.60, False, False),
            ("two", "trees", 0.40, True, True),  # no network as before: the shop is too young
        ],
        columns=["shop", "model", "wape", "in_force", "without_network"],
    ).assign(bias=0.1, bias_mean=0.0, seconds=2.0)
    found = regrets(table)
    assert list(found.index) == ["one", "two"]
    assert found["regret"].to_list() == pytest.approx([-0.1, 0.0])
    assert found.loc["one", ["in force", "without network", "wape before"]].to_list() == ["gru", "trees", 0.60]
    assert np.isnan(found.loc["two", "wape before"])


def test_a_shop_on_which_nothing_is_chosen_has_no_regret() -> None:
    table = measured("young", "tiny")
    assert table.loc[table["in_force"], "model"].to_list() == ["window_mean"]
    assert table.loc[table["without_network"], "model"].to_list() == ["window_mean"]
    assert regrets(table)["regret"].to_list() == [0.0]
