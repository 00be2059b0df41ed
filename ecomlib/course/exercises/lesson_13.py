"""Defines lesson 13's exercises: the price inside rails, what an offer adds, and an effect carried into a forecast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise

Floats = NDArray[np.float64]


# --- the best price inside rails ---


def optimal_price(elasticity: Floats, cost: Floats, low: Floats, high: Floats) -> Floats:
    """The price that earns most, inside the rails; four arrays of shape (n,) -> (n,)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        free = np.where(elasticity < -1, cost * elasticity / (1 + elasticity), np.inf)
    return np.clip(free, low, high)


def _price_stub(elasticity: Floats, cost: Floats, low: Floats, high: Floats) -> Any:
    return ...


def _price_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    def case(slopes: Sequence[float], low: float, high: float) -> tuple[Any, ...]:
        cost = np.round(rng.uniform(2.0, 9.0, len(slopes)), 2)
        return np.array(slopes), cost, np.round(low * cost, 2), np.round(high * cost, 2)

    small = np.array([-3.0, -1.5, -1.0]), np.array([6.0, 6.0, 6.0]), np.array([7.0, 7.0, 7.0]), np.array([12.0] * 3)
    return [
        small,
        case([-3.0, -2.5, -4.0, -2.2], 0.5, 2.5),  # inside; something was once sold below cost
        case([-9.0, -7.0], 1.3, 2.0),  # below the lower rail
        case([-1.2, -1.4, -1.05], 1.1, 2.4),  # beyond the upper one
        case([-0.5, -0.8, -1.0], 0.6, 1.9),  # no optimum
    ]


def _formula(elasticity: Floats, cost: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return cost * elasticity / (1 + elasticity)


def _free(elasticity: Floats, cost: Floats) -> Floats:
    return np.where(elasticity < -1, _formula(elasticity, cost), np.inf)


def _divided(top: Floats, bottom: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(top / bottom)


_PRICE_MISTAKES: dict[str, tuple[Answer, str]] = {
    "fraction_turned_over": (
        lambda e, c, low, high: np.clip(np.where(e < -1, c * (1 + e) / e, np.inf), low, high),
        "Your fraction stands on its head: (1 + ε)/ε is below 1 and gives a price below cost. Set the slope of"
        " p^ε (p - c) to zero and solve for p once more.",
    ),
    "sign_lost": (
        lambda e, c, low, high: np.clip(np.where(e < -1, c * np.abs(e) / (1 + np.abs(e)), np.inf), low, high),
        "You took the elasticity without its sign in both places, and got a price below cost. With ε = -3 the bottom of"
        " the fraction is 1 + ε = -2.",
    ),
    "revenue": (
        lambda e, c, low, high: np.where(e < -1, low, high),
        "This is the lowest price wherever ε < -1. It brings most revenue; asked is profit, and each unit sold costs"
        " something. If a formula led you here, look at its signs: with ε = -3 the bottom of the fraction is -2.",
    ),
    "most_units": (
        lambda e, c, low, high: low + 0 * e,
        "This is the lowest price everywhere: it sells most units. Asked is profit. If you clipped a formula, the order"
        " is np.clip(price, low, high).",
    ),
    "highest": (
        lambda e, c, low, high: high + 0 * e,
        "This is the upper rail everywhere. Where customers answer strongly the optimum lies below it.",
    ),
    "outside_the_rails": (
        lambda e, c, low, high: np.where(e < -1, _formula(e, c), high),
        "The formula is right, and its price leaves the rails: nobody has ever been asked to pay that. Clip it to"
        " [low, high].",
    ),
    "lower_rail_only": (
        lambda e, c, low, high: np.maximum(np.where(e < -1, _formula(e, c), high), low),
        "You kept the lower rail, not the upper one. Clip to both.",
    ),
    "upper_rail_only": (
        lambda e, c, low, high: np.minimum(np.where(e < -1, _formula(e, c), high), high),
        "You kept the upper rail, not the lower one. Clip to both.",
    ),
    "formula_beyond_its_reach": (
        lambda e, c, low, high: np.clip(np.where(e == -1, np.inf, _formula(e, c)), low, high),
        "Between -1 and 0 the formula gives a negative price, which you clipped to the lower rail. There profit rises"
        " with every price: the upper rail is the answer.",
    ),
    "formula_at_minus_one": (
        lambda e, c, low, high: np.clip(np.where(e > -1, high, _formula(e, c)), low, high),
        "At exactly -1 your formula divides by zero, and the result lands on the lower rail. There too profit rises"
        " with every price: only what is *below* -1 has an optimum.",
    ),
    "no_number": (
        lambda e, c, low, high: np.where(e < -1, np.clip(_formula(e, c), low, high), np.nan),
        "Where there is no optimum you give no number. The shop has to charge something: profit rises with every price,"
        " so the upper rail is the answer.",
    ),
    "no_optimum_is_cost": (
        lambda e, c, low, high: np.clip(np.where(e < -1, _formula(e, c), c), low, high),
        "At an elasticity of -1 or weaker you fell back on a low price. There profit rises with every price: the upper"
        " rail is the answer.",
    ),
    "markup_on_cost": (
        lambda e, c, low, high: np.clip(np.where(e < -1, c * (1 - 1 / e), np.inf), low, high),
        "You put 1/|ε| on the cost. The optimum's margin is 1/|ε| of the *price*: (p - c)/p = 1/|ε|.",
    ),
    "middle_of_the_rails": (
        lambda e, c, low, high: np.where(e < -1, (low + high) / 2, high),
        "This is the middle of the rails. It knows nothing of cost and elasticity.",
    ),
}
_PRICE_ALSO: dict[str, Sequence[Answer]] = {
    "outside_the_rails": (lambda e, c, low, high: _formula(e, c), lambda e, c, low, high: _free(e, c)),
    "lower_rail_only": (lambda e, c, low, high: np.maximum(_free(e, c), low),),
    "formula_beyond_its_reach": (lambda e, c, low, high: np.clip(_formula(e, np.asarray(c)), low, high),),
    "fraction_turned_over": (lambda e, c, low, high: np.clip(c * _divided(1 + e, e), low, high),),
    "sign_lost": (lambda e, c, low, high: np.clip(c * np.abs(e) / (1 + np.abs(e)), low, high),),
}
_PRICE_PAIRS: dict[tuple[str, str], Answer] = {
    ("fraction_turned_over", "outside_the_rails"): lambda e, c, low, high: c * _divided(1 + e, e),
    ("sign_lost", "outside_the_rails"): lambda e, c, low, high: c * np.abs(e) / (1 + np.abs(e)),
    ("markup_on_cost", "outside_the_rails"): lambda e, c, low, high: np.where(e < -1, c * (1 - 1 / e), high),
}


# --- what an offer adds ---


def offer_gain(units: Floats, price: Floats, offer_price: Floats, cost: Floats, effect: Floats) -> Floats:
    """Profit with the offer less profit without it; arrays of shape (n,) -> (n,)."""
    return units * np.exp(effect) * (offer_price - cost) - units * (price - cost)


def _offer_stub(units: Floats, price: Floats, offer_price: Floats, cost: Floats, effect: Floats) -> Any:
    return ...


def _offer_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    def drawn(n: int) -> tuple[Any, ...]:
        cost = rng.uniform(2.0, 6.0, n)
        price = cost * rng.uniform(1.3, 2.2, n)
        cut = rng.choice([0.1, 0.2, 0.3], n)
        return np.round(rng.gamma(3.0, 10.0, n), 1), price, price * (1 - cut), cost, rng.uniform(0.1, 0.9, n)

    small = (np.array([100.0]), np.array([10.0]), np.array([9.0]), np.array([6.0]), np.array([np.log(1.5)]))
    return [small, drawn(4), drawn(12)]


_OFFER_MISTAKES: dict[str, tuple[Answer, str]] = {
    "all_that_is_sold": (
        lambda u, p, o, c, f: u * np.exp(f) * (o - c),
        "This is all that is earned with the offer. Most of these units would have been sold anyway: subtract what they"
        " would have earned without it.",
    ),
    "discount_on_them_forgotten": (
        lambda u, p, o, c, f: u * np.expm1(f) * (o - c),
        "You counted the additional units alone. Those that would have been sold anyway are now sold at the offer's"
        " price, too: that discount is lost.",
    ),
    "additional_units_at_full_price": (
        lambda u, p, o, c, f: u * np.expm1(f) * (p - c),
        "You counted the additional units, at the full price. With the offer every unit is sold at the offer's price.",
    ),
    "without_at_the_offers_price": (
        lambda u, p, o, c, f: u * np.exp(f) * (p - c) - u * (o - c),
        "You have the two prices the wrong way round: the offer's price goes with the units of the offer.",
    ),
    "revenue": (
        lambda u, p, o, c, f: u * np.exp(f) * o - u * p,
        "This is the gain in revenue. Each unit sold costs something: take price less cost.",
    ),
    "all_revenue": (
        lambda u, p, o, c, f: u * np.exp(f) * o,
        "This is the whole revenue of the offer. Take price less cost, and subtract what is earned without the offer.",
    ),
    "effect_not_a_factor": (
        lambda u, p, o, c, f: u * (1 + f) * (o - c) - u * (p - c),
        "The effect is one of the logarithm of units: the factor is exp(effect), not 1 + effect.",
    ),
    "effect_in_units": (
        lambda u, p, o, c, f: (u + f) * (o - c) - u * (p - c),
        "You added the effect to the units. It is a change of their logarithm: multiply by exp(effect).",
    ),
    "effect_as_the_factor": (
        lambda u, p, o, c, f: u * f * (o - c) - u * (p - c),
        "You multiplied by the effect itself. An effect of 0 leaves the units as they are: multiply by exp(effect).",
    ),
    "wrong_way_round": (
        lambda u, p, o, c, f: u * (p - c) - u * np.exp(f) * (o - c),
        "The right number with the wrong sign: asked is profit with the offer less profit without it.",
    ),
    "discount_twice": (
        lambda u, p, o, c, f: u * np.exp(f) * (o - c) - u * (p - c) - u * (p - o),
        "You subtracted the discount once more. It is already in the offer's price.",
    ),
    "a_share": (
        lambda u, p, o, c, f: np.exp(f) * (o - c) / (p - c) - 1,
        "This is the gain as a share of what is earned without the offer. Asked is money.",
    ),
    "a_unit": (
        lambda u, p, o, c, f: np.exp(f) * (o - c) - (p - c),
        "This is the gain for one unit. Multiply by the units.",
    ),
    "cost_of_additional_units_only": (
        lambda u, p, o, c, f: u * np.exp(f) * o - u * p - u * c * np.exp(f),
        "You took off the cost with the offer and not without it, so that the gain is too small by units times cost.",
    ),
    "offer_price_as_discount": (
        lambda u, p, o, c, f: u * np.exp(f) * (p - o - c) - u * (p - c),
        "You took the offer's price off the price. It is a price, not a discount: a unit of the offer earns offer_price"
        " less cost.",
    ),
    "added_up": (
        lambda u, p, o, c, f: u * np.exp(f) * (o - c) + u * (p - c),
        "You added what is earned without the offer. The two exclude each other: subtract it.",
    ),
    "one_too_many": (
        lambda u, p, o, c, f: u * (1 + np.exp(f)) * (o - c) - u * (p - c),
        "exp(effect) is the whole factor: at an effect of 0 it is 1, and the units stay as they are. You counted them"
        " once more.",
    ),
    "discount_on_all": (
        lambda u, p, o, c, f: u * np.expm1(f) * (o - c) - u * np.exp(f) * (p - o),
        "You took the discount off the additional units as well. They were never going to be sold at the full price:"
        " it is lost on those alone who would have come anyway.",
    ),
    "cost_of_one_unit": (
        lambda u, p, o, c, f: u * np.exp(f) * o - u * p - c,
        "You subtracted the cost of one unit. Each unit has its own: take price less cost, then multiply.",
    ),
    "summed": (
        lambda u, p, o, c, f: float(np.sum(offer_gain(u, p, o, c, f))),
        "You summed over the products. A page has few places: the gain of each is asked, shape (n,).",
    ),
}
_OFFER_PAIRS: dict[tuple[str, str], Answer] = {
    ("all_that_is_sold", "effect_not_a_factor"): lambda u, p, o, c, f: u * (1 + f) * (o - c),
    ("revenue", "effect_not_a_factor"): lambda u, p, o, c, f: u * (1 + f) * o - u * p,
    ("discount_on_them_forgotten", "effect_not_a_factor"): lambda u, p, o, c, f: u * f * (o - c),
}


# --- the effect carried into a forecast ---


def carried(units: Floats, planned: Floats, charged: Floats, elasticity: Floats) -> Floats:
    """Units at the price that will be charged; arrays of shape (n,) -> (n,)."""
    return units * (charged / planned) ** elasticity


def _carried_stub(units: Floats, planned: Floats, charged: Floats, elasticity: Floats) -> Any:
    return ...


def _carried_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    def drawn(n: int) -> tuple[Any, ...]:
        planned = rng.uniform(3.0, 20.0, n)
        return rng.gamma(3.0, 6.0, n), planned, planned * rng.uniform(0.7, 1.4, n), rng.uniform(-3.0, -0.8, n)

    return [(np.array([20.0]), np.array([5.0]), np.array([10.0]), np.array([-2.0])), drawn(5), drawn(12)]


def _power(base: Floats, exponent: Floats) -> Floats:
    with np.errstate(invalid="ignore"):
        return np.asarray(base**exponent)


_CARRIED_MISTAKES: dict[str, tuple[Answer, str]] = {
    "added": (
        lambda u, p, n, e: u + e * (n - p),
        "You added elasticity times the change of the price. An elasticity is per cent for per cent: it multiplies.",
    ),
    "added_percent": (
        lambda u, p, n, e: u + e * (n / p - 1),
        "You added the per cent to the units. Ten per cent fewer of 20 are 2 units, of 200 are 20: multiply.",
    ),
    "added_logs": (
        lambda u, p, n, e: u + e * np.log(n / p),
        "This is added to the logarithm of the units, not to the units. Take the logarithm first, or multiply.",
    ),
    "straight_line": (
        lambda u, p, n, e: u * (1 + e * (n / p - 1)),
        "You went on along a straight line. That is near for small changes only, and goes below zero for large ones:"
        " a constant elasticity is a power of the ratio.",
    ),
    "straight_line_in_logs": (
        lambda u, p, n, e: u * (1 + e * np.log(n / p)),
        "You have the change of the logarithm of units, and used it as a share. The factor is its exponential.",
    ),
    "exponential_of_percent": (
        lambda u, p, n, e: u * np.exp(e * (n / p - 1)),
        "You took the exponential of ε times the *per cent* of the price. It belongs to ε times the logarithm of the"
        " ratio.",
    ),
    "ratio_turned_over": (
        lambda u, p, n, e: u * (p / n) ** e,
        "A dearer product would sell more. The ratio is the price charged over the price planned.",
    ),
    "twice": (
        lambda u, p, n, e: u * (n / p) ** (2 * e),
        "You applied the effect twice. The forecast was made for the planned price: one step leads from there to the"
        " price that is charged.",
    ),
    "not_at_all": (
        lambda u, p, n, e: u * np.ones_like(e),
        "This is the forecast at the planned price. The price has moved, and customers will answer.",
    ),
    "the_change": (
        lambda u, p, n, e: u * ((n / p) ** e - 1),
        "This is the change of the units. Asked are the units.",
    ),
    "the_factor": (
        lambda u, p, n, e: (n / p) ** e,
        "This is the factor. Multiply the forecast by it.",
    ),
    "from_price_one": (
        lambda u, p, n, e: u * n**e,
        "You forgot the planned price: the forecast holds its effect already. Divide the new price by the planned one.",
    ),
    "planned_price_only": (
        lambda u, p, n, e: u * p**e,
        "The planned price alone says nothing of the change. Take the ratio of the price charged to it.",
    ),
    "difference_of_prices": (
        lambda u, p, n, e: u * np.abs(n - p) ** e,
        "You took the difference of the prices. An elasticity speaks of per cent: take their ratio.",
    ),
    "exponent_of_revenue": (
        lambda u, p, n, e: u * (n / p) ** (1 + e),
        "With the exponent 1 + ε you have how *revenue* moves. Units move with ε.",
    ),
    "one_too_many": (
        lambda u, p, n, e: u * (1 + (n / p) ** e),
        "The power is the whole factor: at an unchanged price it is 1. You counted the units once more.",
    ),
    "line_upwards": (
        lambda u, p, n, e: u * (1 - e * (n / p - 1)),
        "A dearer product would sell more: ε is negative already. And a straight line is near for small changes only;"
        " a constant elasticity is a power of the ratio.",
    ),
    "elasticity_times_ratio": (
        lambda u, p, n, e: u * e * n / p,
        "You multiplied by the elasticity. It is the exponent of the ratio.",
    ),
    "revenue": (
        lambda u, p, n, e: n * u * (n / p) ** e,
        "This is money: units times price. Asked are the units.",
    ),
}
_CARRIED_ALSO: dict[str, Sequence[Answer]] = {
    "straight_line": (lambda u, p, n, e: np.maximum(u * (1 + e * (n / p - 1)), 0.0),),
    "difference_of_prices": (lambda u, p, n, e: u * _power(n - p, e),),
}
_CARRIED_PAIRS: dict[tuple[str, str], Answer] = {
    ("ratio_turned_over", "twice"): lambda u, p, n, e: u * (p / n) ** (2 * e),
    ("straight_line", "ratio_turned_over"): lambda u, p, n, e: u * (1 + e * (p / n - 1)),
    ("twice", "the_change"): lambda u, p, n, e: u * ((n / p) ** (2 * e) - 1),
}


EXERCISES = (
    Exercise(
        "13.optimal_price",
        solution=optimal_price,
        stub=_price_stub,
        cases=_price_cases,
        mistakes=_PRICE_MISTAKES,
        also=_PRICE_ALSO,
        pairs=_PRICE_PAIRS,
        praise="A price at a rail may not be the best one; it is the best within what was tried.",
        atol=0.006,  # whole cents are fine
    ),
    Exercise(
        "13.offer_gain",
        solution=offer_gain,
        stub=_offer_stub,
        cases=_offer_cases,
        mistakes=_OFFER_MISTAKES,
        pairs=_OFFER_PAIRS,
        praise="An offer that sells half as much again can still lose money.",
    ),
    Exercise(
        "13.carried",
        solution=carried,
        stub=_carried_stub,
        cases=_carried_cases,
        mistakes=_CARRIED_MISTAKES,
        also=_CARRIED_ALSO,
        pairs=_CARRIED_PAIRS,
        praise="Whatever forecast stands at the planned price, this one line takes it to another.",
    ),
)
