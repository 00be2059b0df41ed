"""What another price would do: by the effect alone, in a notebook as in the service; and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ecomlib.decisions import Effect, PriceChange, price_change, what_if
from ecomlib.errors import DataError

EFFECT = Effect(-2.0, -2.4, -1.6, 0.3, 0.1, 0.5)


def plan(**more: object) -> pd.DataFrame:
    return pd.DataFrame({"units": [8.0, 12.0], "price": [5.0, 4.0]}).assign(**more)


def test_units_follow_the_elasticity_and_money_the_units() -> None:
    answer = what_if(plan(), EFFECT, PriceChange(price=6.0), 3.0)
    units = np.array([8 * (6 / 5) ** -2.0, 12 * (6 / 4) ** -2.0])
    assert answer.now.units == 20 and answer.now.profit == pytest.approx(8 * 2 + 12)
    assert answer.then.units == pytest.approx(units.sum()) and answer.then.revenue == pytest.approx(6 * units.sum())
    assert answer.then.profit == pytest.approx(3 * units.sum()) and answer.then.price == pytest.approx(6.0)
    sides = [(np.array([8, 12]) * np.array([6 / 5, 6 / 4]) ** slope).sum() for slope in (-2.4, -1.6)]
    assert [answer.units_low, answer.units_high] == pytest.approx(sides), "the ends of the elasticity"
    assert answer.promotion == 0 and answer.periods == 2 and "promotion" not in answer.says()


def test_a_promotion_counts_where_it_was_not_planned() -> None:
    mixed = plan(promoted=[1.0, 0.0], depth=[0.2, 0.0])
    on = what_if(mixed, EFFECT, PriceChange(promoted=True))
    assert on.then.units == pytest.approx(8 + 12 * np.exp(0.3)) and on.promotion == 1 and "on promotion" in on.says()
    assert on.then.price == pytest.approx((8 * 5 + 12 * np.exp(0.3) * 4) / on.then.units), "the planned discount stays"
    assert on.now.profit is None and "profit" not in on.says()
    off = what_if(mixed, EFFECT, PriceChange(promoted=False))
    full = np.array([5 / 0.8, 4.0])
    assert off.then.units == pytest.approx(8 * np.exp(-0.3) * (1 / 0.8) ** -2.0 + 12) and off.promotion == -1
    assert off.then.revenue == pytest.approx(full @ [8 * np.exp(-0.3) * 0.8**2.0, 12])
    cut = what_if(plan(), EFFECT, PriceChange(depth=0.1))
    assert cut.then.units == pytest.approx(20 * np.exp(0.3) * 0.9**-2.0), "a discount is a promotion"
    quiet = what_if(plan(), EFFECT, PriceChange(depth=0.1, promoted=False))
    assert quiet.then.units == pytest.approx(20 * 0.9**-2.0), "unless said otherwise"


def test_the_interval_widens_with_the_change() -> None:
    near, far = (what_if(plan(), EFFECT, PriceChange(price=price)) for price in (4.6, 9.0))
    assert far.units_high / far.units_low > near.units_high / near.units_low > 1


@pytest.mark.parametrize(
    ("effect", "change", "words"),
    [
        (EFFECT, PriceChange(), "no change is named"),
        (EFFECT, PriceChange(price=20.0), "nothing is known beyond 4 times the planned price of 4.50"),
        (EFFECT, PriceChange(depth=0.9), "nothing is known beyond 4 times"),
        (Effect(np.nan, -1.0, 0.0), PriceChange(price=5.0), "this effect is not known"),
    ],
)
def test_what_it_refuses(effect: Effect, change: PriceChange, words: str) -> None:
    with pytest.raises(DataError, match=words):
        what_if(plan(), effect, change)


@pytest.mark.parametrize(
    ("units", "price", "cost", "words"),
    [
        (
            36.0,
            10.5,
            4.0,
            "At 10.50 EUR instead of 10.00 EUR, 33 units (32 to 33) instead of 36 would be sold in 1 weeks, "
            "and profit would fall from 216.00 to 212.24 EUR.",
        ),
        (
            0.2,
            10.01,
            None,
            "At 10.01 EUR instead of 10.00 EUR, about as many units as planned would be sold in 1 weeks: 0.2.",
        ),
        (0.02, 10.1, 4.0, "and profit would stay at 0.12 EUR."),
        (1.1, 10.5, None, "1 unit instead of 1.1 would be sold"),
        (12_345.5, 10.0, None, "about as many units as planned would be sold in 1 weeks: 12,346."),
    ],
)
def test_numbers_that_look_alike_are_not_set_against_each_other(
    units: float, price: float, cost: float | None, words: str
) -> None:
    one = pd.DataFrame({"units": [units], "price": [10.0]})
    answer = what_if(one, Effect(-2.0, -2.2, -1.8), PriceChange(price=price), cost)
    assert words in answer.says(currency="EUR")


def test_the_price_of_now_is_the_first_periods() -> None:
    answer = what_if(plan(), EFFECT, PriceChange(price=6.0))
    assert (answer.prices, answer.new_prices) == ((5.0, 4.0), (6.0, 6.0))
    assert answer.says().startswith("At 6.00 instead of 5.00 (planned: 4.00 to 5.00), ")


def test_an_effect_is_read_off_a_table_of_estimates() -> None:
    row = pd.DataFrame({"category": ["a"], "elasticity": [-1.0], "low": [-2.0], "high": [0.0]}).iloc[0]
    assert Effect.of(row) == Effect(-1.0, -2.0, 0.0)


def test_five_per_cent_in_units_and_money() -> None:
    sold = pd.DataFrame({"category": ["a", "b"], "units": [100, 10], "price": [10.0, 20.0], "unit_cost": [6.0, 5.0]})
    slopes = pd.DataFrame(
        {"category": ["a", "b"], "elasticity": [-2.0, -1.0], "low": [-3.0, -1.0], "high": [-1.0, -1.0]}
    )
    table = price_change(sold, slopes, 0.05).set_index("category")
    assert table.loc["a", "units_change"] == pytest.approx(100 * (1.05**-2 - 1))
    assert table.loc["a", "money_change"] == pytest.approx(100 * 1.05**-2 * 4.5 - 400)
    assert table.loc["a", "units_change_low"] < table.loc["a", "units_change"] < table.loc["a", "units_change_high"]
    assert table.loc["all", "units_change"] == pytest.approx(table.loc[["a", "b"], "units_change"].sum())
    assert table.loc["b", "money_change"] == pytest.approx(10 / 1.05 * 16 - 150)
    assert "units_change_low" not in price_change(sold, slopes[["category", "elasticity"]])
