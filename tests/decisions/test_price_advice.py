"""The price list and the offers page: optimum, rails, ladder, k changes, and what an offer adds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from ecomlib.decisions import PriceRules, advise_prices, best_price, offers_page
from ecomlib.decisions.price_advice import ADVICE, OFFERS
from ecomlib.errors import DataError

SURE = pd.DataFrame({"category": ["a", "b"], "elasticity": [-3.0, -0.8], "low": [-3.0, -0.8], "high": [-3.0, -0.8]})


def shelf(**more: Any) -> pd.DataFrame:
    rows = pd.DataFrame({"product_id": ["p"], "category": "a", "units": 100.0, "price": 8.0, "unit_cost": 6.0})
    return rows.assign(**{"price_low": 7.0, "price_high": 12.0, **more})


def one(products: pd.DataFrame, effects: pd.DataFrame = SURE, **rules: Any) -> pd.Series:
    return advise_prices(products, effects, PriceRules(**rules)).iloc[0]


def test_the_best_price_beats_every_other_inside_the_rails() -> None:
    tried = np.linspace(7.0, 12.0, 5001)
    for slope in (-6.0, -3.0, -2.2, -1.5, -1.0, -0.4, 0.5):
        found = best_price(np.array([slope]), np.array([6.0]), np.array([7.0]), np.array([12.0]))[0]
        assert found == pytest.approx(tried[np.argmax(tried**slope * (tried - 6.0))], abs=1e-3), slope


def test_the_optimum_inside_the_rails() -> None:
    row = one(shelf())
    assert tuple(advise_prices(shelf(), SURE).columns) == ADVICE
    assert (row["price"], row["reason"]) == (9.0, "optimum inside the rails")
    assert row["units"] == pytest.approx(100 * (9 / 8) ** -3) and row["profit"] == pytest.approx(3 * row["units"])
    assert row["gain"] == pytest.approx(row["profit"] - 200) and row["gain"] == row["gain_low"] == row["gain_high"]


@pytest.mark.parametrize(
    ("more", "rules", "price", "reason"),
    [
        ({"price_high": 8.5}, {}, 8.5, "at the upper rail"),
        ({"category": "b"}, {}, 12.0, "no optimum: at the upper rail"),
        ({"unit_cost": 4.0}, {}, 7.0, "at the lower rail"),
        ({}, {"most_move": 0.05}, 8.4, "as far as one change may go"),
        ({"price": 11.0}, {"most_move": 0.1}, 9.9, "as far as one change may go"),
        ({"price": 11.0}, {"least_margin": 0.4}, 10.0, "at the least margin"),
        ({}, {"ladder": (0.49, 0.99)}, 8.99, "optimum, on the ladder"),
        ({"price_high": 8.5}, {"ladder": (0.49, 0.99)}, 8.49, "at the upper rail"),
        ({"price_low": 8.0, "price_high": 8.4}, {"ladder": (0.49, 0.99)}, 8.0, "no price of the ladder"),
        ({"price_high": 7.0}, {"least_margin": 0.3}, 8.0, "no price inside the rails keeps the rules"),
        ({"price": 9.0}, {}, 9.0, "stays: this is the best price there is"),
        ({"units": 0.1}, {"least_gain": 5.0}, 8.0, "stays: not worth a change"),
        ({"units": 0.0}, {}, 8.0, "nothing is expected to sell"),
        ({"category": "c"}, {}, 8.0, "effect unknown"),
    ],
)
def test_each_price_has_its_reason(more: dict[str, Any], rules: dict[str, Any], price: float, reason: str) -> None:
    row = one(shelf().assign(**more), **rules)
    assert row["price"] == pytest.approx(price) and row["reason"].startswith(reason)
    if reason.startswith(("stays", "no price", "effect", "nothing")):
        assert row["gain"] == 0 and row["profit"] == row["profit_now"] and row["units"] == row["units_now"]


def test_a_ladder_takes_the_better_neighbour() -> None:
    found = one(shelf(), ladder=(0.2, 0.9))
    neighbours = {price: price**-3 * (price - 6) for price in (8.9, 9.2)}
    assert found["price"] == max(neighbours, key=lambda price: neighbours[price])


def test_the_gain_has_the_ends_of_its_effect_and_the_careful_rule_reads_the_lower_one() -> None:
    wide = SURE.assign(low=[-4.5, -0.8], high=[-2.0, -0.8])
    careful, bold = one(shelf(), wide), one(shelf(), wide, careful=False)
    assert careful["reason"] == "stays: the gain is not certain" and careful["gain"] == 0
    assert bold["price"] == 9.0 and bold["gain_low"] < 0 < bold["gain"] < bold["gain_high"]
    ends = [100 * (9 / 8) ** slope * 3 - 200 for slope in (-4.5, -2.0)]
    assert [bold["gain_low"], bold["gain_high"]] == pytest.approx(ends)


def test_the_changes_with_the_largest_gain_are_made() -> None:
    rows = pd.concat([shelf().assign(product_id=str(k), units=10.0 * k) for k in range(1, 6)])
    table = advise_prices(rows, SURE, PriceRules(most_changes=2))
    assert table.loc[table["price"] != table["price_now"], "product_id"].tolist() == ["4", "5"]
    assert (table["reason"] == "waits: others gain more this week").sum() == 3
    assert (advise_prices(rows, SURE, PriceRules(most_changes=0))["gain"] == 0).all()


def test_the_effect_of_all_serves_where_there_is_none() -> None:
    effects = pd.DataFrame({"category": ["a", "all"], "elasticity": [np.nan, -3.0], "low": -3.0, "high": -3.0})
    assert one(shelf(), effects)["price"] == 9.0 and one(shelf(category="c"), effects)["price"] == 9.0
    assert one(shelf(), effects.iloc[:1])["reason"] == one(shelf(), effects.iloc[:0])["reason"] == "effect unknown"


LIFT = pd.DataFrame({"category": ["all"], "promotion": [0.25], "promotion_low": [0.2], "promotion_high": [0.3]})


def test_an_offer_is_worth_what_it_adds() -> None:
    row = offers_page(shelf(), LIFT, places=1).iloc[0]
    assert tuple(row.index) == OFFERS and bool(row["promote"])
    assert row["gain"] == pytest.approx(200 * np.expm1(0.25))
    assert [row["gain_low"], row["gain_high"]] == pytest.approx([200 * np.expm1(0.2), 200 * np.expm1(0.3)])


def test_the_discount_is_paid_for_units_that_sold_anyway() -> None:
    lift = LIFT.assign(elasticity=-3.0, low=-3.2, high=-2.8)
    row = offers_page(shelf(offer_price=7.2), lift, places=1).iloc[0]
    sold = 100 * np.exp(0.25) * 0.9**-3
    assert row["units"] == pytest.approx(sold) and row["gain"] == pytest.approx(sold * 1.2 - 200)
    assert row["gain_low"] == pytest.approx(100 * np.exp(0.2) * 0.9**-2.8 * 1.2 - 200)
    below = offers_page(shelf(offer_price=5.0), lift, places=1).iloc[0]
    assert not below["promote"] and below["reason"] == "sold at a loss" and below["gain"] < 0


def test_what_is_not_there_cannot_be_sold_and_the_page_has_its_places() -> None:
    rows = pd.concat([shelf().assign(product_id=str(k), available=float(k)) for k in (0, 90, 110, 200)])
    page = offers_page(rows, LIFT, places=1)
    assert page["product_id"][page["promote"]].tolist() == ["200"]
    assert page["gain"].round(2).tolist() == [0.0, 0.0, 20.0, 56.81]
    assert page["reason"].tolist() == [
        "gains nothing",
        "gains nothing",
        "others gain more",
        "earns more by being there",
    ]
    assert offers_page(shelf(category="c"), LIFT.assign(category="a"), 1)["reason"].item() == "effect unknown"


@pytest.mark.parametrize(
    ("products", "effects", "words"),
    [
        (shelf().drop(columns="price_low"), SURE, "price_low"),
        (shelf(), SURE.drop(columns="low"), "column 'low'"),
        (shelf(units=np.nan), SURE, "no number of zero or more"),
        (shelf(price=0.0), SURE, "a price is above zero"),
        (shelf(price_high=6.5), SURE, "the lower rail lies above"),
        (shelf(), pd.concat([SURE, SURE]), "a category stands twice"),
    ],
)
def test_what_is_refused(products: pd.DataFrame, effects: pd.DataFrame, words: str) -> None:
    with pytest.raises(DataError, match=words):
        advise_prices(products, effects)


@pytest.mark.parametrize(
    "rule",
    [{"least_margin": 1.0}, {"ladder": (1.5,)}, {"most_changes": -1}, {"most_move": 0.0}, {"least_gain": -1.0}],
)
def test_rules_that_no_shop_means(rule: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="this is no rule for prices"):
        PriceRules(**rule)
