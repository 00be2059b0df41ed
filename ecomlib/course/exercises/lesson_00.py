"""Defines lesson 00's exercises: an order quantity from a forecast and two costs, and the list that is sent."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise

Floats = NDArray[np.float64]
Units = Mapping[str, float]


def _at(levels: Floats, forecast: Floats, ratio: float) -> Floats:
    return np.array([np.interp(ratio, levels, row) for row in forecast])


def order_quantity(levels: Floats, forecast: Floats, c_u: float, c_o: float) -> Floats:
    """The newsvendor's quantity: the forecast's quantile at the critical ratio c_u / (c_u + c_o)."""
    return _at(levels, forecast, c_u / (c_u + c_o))


def _stub(levels: Floats, forecast: Floats, c_u: float, c_o: float) -> Any:
    return ...


def _mean(levels: Floats, forecast: Floats, c_u: float, c_o: float) -> Floats:
    return np.asarray(forecast.mean(axis=1))


def _median(levels: Floats, forecast: Floats, c_u: float, c_o: float) -> Floats:
    return _at(levels, forecast, 0.5)


def _inverted(levels: Floats, forecast: Floats, c_u: float, c_o: float) -> Floats:
    return _at(levels, forecast, c_o / (c_u + c_o))


def _not_a_share(levels: Floats, forecast: Floats, c_u: float, c_o: float) -> Floats:
    return _at(levels, forecast, c_u / c_o)


def _one_less(levels: Floats, forecast: Floats, c_u: float, c_o: float) -> Floats:
    return _at(levels, forecast, 1 - c_o / c_u)


def _inverted_not_a_share(levels: Floats, forecast: Floats, c_u: float, c_o: float) -> Floats:
    return _at(levels, forecast, c_o / c_u)


def _axes_swapped(levels: Floats, forecast: Floats, c_u: float, c_o: float) -> Floats:
    return np.array([np.interp(c_u / (c_u + c_o), row, levels) for row in forecast])


def _interp_with(order: tuple[int, int, int]) -> Answer:
    """np.interp of where to read, the levels and a row, in another order."""

    def wrong(levels: Floats, forecast: Floats, c_u: float, c_o: float) -> Any:
        given: list[tuple[Any, ...]] = [(c_u / (c_u + c_o), levels, row) for row in forecast]
        return np.array([np.interp(*(parts[place] for place in order)) for parts in given])

    return wrong


def _scaled_median(levels: Floats, forecast: Floats, c_u: float, c_o: float) -> Floats:
    return _at(levels, forecast, 0.5) * c_u / c_o


def _nearest(levels: Floats, forecast: Floats, c_u: float, c_o: float) -> Floats:
    return np.asarray(forecast[:, int(np.abs(levels - c_u / (c_u + c_o)).argmin())])


def _next(levels: Floats, forecast: Floats, c_u: float, c_o: float) -> Floats:
    return np.asarray(forecast[:, int(np.searchsorted(levels, c_u / (c_u + c_o)))])


def _rounded(levels: Floats, forecast: Floats, c_u: float, c_o: float) -> Floats:
    return order_quantity(levels, forecast, c_u, c_o).round()


def _rounded_up(levels: Floats, forecast: Floats, c_u: float, c_o: float) -> Floats:
    return np.ceil(order_quantity(levels, forecast, c_u, c_o))


def _one_for_all(levels: Floats, forecast: Floats, c_u: float, c_o: float) -> Floats:
    return np.full(len(forecast), order_quantity(levels, forecast, c_u, c_o)[0])


def _quantile_of_quantiles(levels: Floats, forecast: Floats, c_u: float, c_o: float) -> Floats:
    return np.quantile(forecast, c_u / (c_u + c_o), axis=1)


def _whole_table(levels: Floats, forecast: Floats, c_u: float, c_o: float) -> Any:
    return np.interp(c_u / (c_u + c_o), levels, forecast)  # type: ignore[arg-type]


def _cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    levels = np.array([0.1, 0.25, 0.5, 0.75, 0.9])
    skewed = np.sort(rng.gamma(2.0, 10.0, (4, 5)), axis=1)
    return [
        (levels, np.array([[2.0, 5.0, 10.0, 20.0, 40.0]]), 2.0, 1.0),
        (levels, skewed, 3.0, 1.0),
        (levels, skewed, 1.0, 4.0),
        (levels, skewed, 5.0, 4.0),
    ]


def order_list(needed: Units, on_hand: Units, arriving: Units) -> dict[str, int]:
    """What is sent: each product's need without what is there or on its way, never below zero, whole units upwards."""
    return {product: max(0, math.ceil(left)) for product, left in _left(needed, on_hand, arriving).items()}


def _left(needed: Units, on_hand: Units, arriving: Units) -> dict[str, float]:
    """What is still needed, below zero where there is more."""
    return {p: units - on_hand.get(p, 0) - arriving.get(p, 0) for p, units in needed.items()}


def _list_stub(needed: Units, on_hand: Units, arriving: Units) -> Any:
    return ...


def _below_zero(needed: Units, on_hand: Units, arriving: Units) -> Any:
    return {product: math.ceil(left) for product, left in _left(needed, on_hand, arriving).items()}


def _known_shelves_alone(needed: Units, on_hand: Units, arriving: Units) -> Any:
    return {p: units for p, units in order_list(needed, on_hand, arriving).items() if p in on_hand}


def _shelf_forgotten(needed: Units, on_hand: Units, arriving: Units) -> Any:
    return {product: math.ceil(units) for product, units in needed.items()}


def _lorry_forgotten(needed: Units, on_hand: Units, arriving: Units) -> Any:
    return order_list(needed, on_hand, {})


def _lorry_alone(needed: Units, on_hand: Units, arriving: Units) -> Any:
    return order_list(needed, {}, arriving)


def _all_or_nothing(needed: Units, on_hand: Units, arriving: Units) -> Any:
    left = _left(needed, on_hand, arriving)
    return {p: math.ceil(units) if left[p] > 0 else 0 for p, units in needed.items()}


def _wrong_way_round(needed: Units, on_hand: Units, arriving: Units) -> Any:
    return {product: max(0, math.ceil(-left)) for product, left in _left(needed, on_hand, arriving).items()}


def _shelf_added(needed: Units, on_hand: Units, arriving: Units) -> Any:
    return {p: math.ceil(units + on_hand.get(p, 0) + arriving.get(p, 0)) for p, units in needed.items()}


def _lorry_added(needed: Units, on_hand: Units, arriving: Units) -> Any:
    return {p: max(0, math.ceil(units - on_hand.get(p, 0) + arriving.get(p, 0))) for p, units in needed.items()}


def _cut_off(needed: Units, on_hand: Units, arriving: Units) -> Any:
    return {product: max(0, int(left)) for product, left in _left(needed, on_hand, arriving).items()}


def _to_the_nearest(needed: Units, on_hand: Units, arriving: Units) -> Any:
    return {product: max(0, round(left)) for product, left in _left(needed, on_hand, arriving).items()}


def _not_whole(needed: Units, on_hand: Units, arriving: Units) -> Any:
    return {product: max(0.0, left) for product, left in _left(needed, on_hand, arriving).items()}


def _no_empty_lines(needed: Units, on_hand: Units, arriving: Units) -> Any:
    return {product: units for product, units in order_list(needed, on_hand, arriving).items() if units > 0}


def _no_entry(needed: Units, on_hand: Units, arriving: Units) -> Any:
    return {p: max(0, math.ceil(units - on_hand[p] - arriving[p])) for p, units in needed.items()}


def _not_a_number(needed: Units, on_hand: Units, arriving: Units) -> Any:
    known = order_list(needed, on_hand, arriving)
    return {product: known[product] if product in on_hand and product in arriving else np.nan for product in needed}


def _missing_size(needed: Units, on_hand: Units, arriving: Units) -> Any:
    return {product: abs(math.ceil(left)) for product, left in _left(needed, on_hand, arriving).items()}


def _one_more(needed: Units, on_hand: Units, arriving: Units) -> Any:
    return {product: max(0, int(left) + 1) for product, left in _left(needed, on_hand, arriving).items()}


def _not_needed(needed: Units, on_hand: Units, arriving: Units) -> Any:
    return {**dict.fromkeys((*on_hand, *arriving), 0), **order_list(needed, on_hand, arriving)}


def _from_the_shelves(needed: Units, on_hand: Units, arriving: Units) -> Any:
    return {p: max(0, math.ceil(needed[p] - units - arriving.get(p, 0))) for p, units in on_hand.items()}


def _nothing_with_nothing(needed: Units, on_hand: Units, arriving: Units) -> Any:
    """As two series are subtracted: every product of either, NaN where one of them lacks it."""
    return dict.fromkeys((*on_hand, *arriving), np.nan) | _not_a_number(needed, on_hand, arriving)


def _list_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    names = [f"P{k:02d}" for k in range(1, 7)]
    needed = dict(zip(names, (rng.integers(2, 40, 6) + rng.choice([0.25, 0.75], 6)).tolist(), strict=True))
    shelf = {name: int(units) for name, units in zip(reversed(names), rng.integers(0, 40, 5), strict=False)}
    return [
        ({"mug": 16.2, "lamp": 4.0, "card": 7.4}, {"mug": 5, "lamp": 9}, {"mug": 3}),
        (needed, shelf, {name: int(units) for name, units in zip(names, rng.integers(1, 9, 4), strict=False)}),
        ({"mug": 3.6, "lamp": 2.4}, {"mug": 1, "lamp": 1}, {"mug": 1, "lamp": 1}),
        # Half a mug too many, a whole number of lamps, just enough cards; trays and bowls that nobody needs.
        ({"mug": 4.5, "lamp": 6.0, "card": 3.0}, {"mug": 5, "lamp": 2, "tray": 4}, {"card": 3, "bowl": 2}),
    ]


EXERCISES = (
    Exercise(
        "00.order_quantity",
        solution=order_quantity,
        stub=_stub,
        cases=_cases,
        mistakes={
            "mean": (
                _mean,
                "This is the mean of the quantiles, and it ignores both costs: with a shortage that costs three times"
                " as much it runs out too often. Which quantile makes the two expected costs equal?",
            ),
            "median": (
                _median,
                "This is the median, which is right only when both mistakes cost the same. Let c_u and c_o choose the"
                " quantile.",
            ),
            "inverted": (
                _inverted,
                "The ratio is the wrong way round: the dearer a shortage is, the more you should order; yours"
                " falls. The unit too few stands in the numerator.",
            ),
            "not_a_share": (
                _not_a_share,
                "c_u / c_o is not a share: it can be above one, and no quantile is. Divide by the sum of both costs.",
            ),
            "one_less_ratio": (
                _one_less,
                "1 - c_o / c_u falls below zero as soon as a unit too many costs more than one too few, and no quantile"
                " does. Divide by the sum of both costs.",
            ),
            "inverted_not_a_share": (
                _inverted_not_a_share,
                "Two things: c_o / c_u falls when a shortage grows dearer, and it can be above one. What is"
                " short stands in the numerator, the sum of both costs below.",
            ),
            "axes_swapped": (
                _axes_swapped,
                "np.interp got its arguments in the wrong order: first where to read, then the levels, then the"
                " quantities at these levels. In another order it stops, or returns a level, a share between 0 and 1.",
            ),
            "scaled": (
                _scaled_median,
                "Multiplying the median by the ratio of the costs forgets how uncertain the product is: a steady seller"
                " needs almost no reserve. Read the forecast at another quantile instead.",
            ),
            "nearest": (
                _nearest,
                "You take the nearest level that is there. The critical ratio mostly lies between two levels: go there"
                " in a straight line, with np.interp.",
            ),
            "next": (
                _next,
                "You take the next level above. The critical ratio mostly lies between two levels: go there in a"
                " straight line, with np.interp.",
            ),
            "rounded": (_rounded, "Right, but rounded: return the quantities as they are; the shop rounds at the end."),
            "rounded_up": (
                _rounded_up,
                "Right, but rounded up to whole units. Here the quantities are asked for as they are; whole units come"
                " once, at the end, in the list that is sent.",
            ),
            "one_for_all": (
                _one_for_all,
                "Every product gets the first one's quantity: you read one row of forecast. Each row is a product of"
                " its own; read them all.",
            ),
            "quantile_of_quantiles": (
                _quantile_of_quantiles,
                "np.quantile treats a row as five observations. It holds quantiles already, at the levels given: read"
                " it at the critical ratio with np.interp.",
            ),
            "whole_table": (
                _whole_table,
                "np.interp reads one row at a time, and forecast has n of them: loop over the rows and collect"
                " the results.",
            ),
        },
        also={
            "axes_swapped": tuple(_interp_with(order) for order in ((1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))),
        },
        pairs={
            ("inverted", "rounded"): lambda levels, forecast, c_u, c_o: _inverted(levels, forecast, c_u, c_o).round(),
            ("inverted", "rounded_up"): lambda levels, forecast, c_u, c_o: np.ceil(
                _inverted(levels, forecast, c_u, c_o)
            ),
        },
        praise="This is the newsvendor's rule (Arrow, Harris and Marschak, 1951): the costs choose the quantile.",
    ),
    Exercise(
        "00.order_list",
        solution=order_list,
        stub=_list_stub,
        cases=_list_cases,
        mistakes={
            "below_zero": (
                _below_zero,
                "A supplier takes nothing back: where more lies on the shelf than is needed, order 0, not less.",
            ),
            "known_shelves_alone": (
                _known_shelves_alone,
                "A product that is missing from on_hand has an empty shelf, and it needs the order most: yours leaves"
                " it out. What does on_hand.get(product, 0) return?",
            ),
            "shelf_forgotten": (
                _shelf_forgotten,
                "This is what is needed. What already lies on the shelf need not be ordered again, nor what is on its"
                " way.",
            ),
            "lorry_forgotten": (
                _lorry_forgotten,
                "The shelf is subtracted, and the lorry is not: what was ordered before and arrives in time would come"
                " a second time. Subtract arriving, too.",
            ),
            "lorry_alone": (
                _lorry_alone,
                "What is on its way is subtracted, and what lies on the shelf is not. Subtract both.",
            ),
            "all_or_nothing": (
                _all_or_nothing,
                "Where shelf and lorry do not suffice, you order all that is needed, as if both were empty. Order the"
                " rest.",
            ),
            "wrong_way_round": (
                _wrong_way_round,
                "The difference is the wrong way round: you order where the shelf is full, nothing where it is short.",
            ),
            "shelf_added": (_shelf_added, "What is there or on its way makes the order smaller. You add it."),
            "lorry_added": (_lorry_added, "What is on its way makes the order smaller, as the shelf does. You add it."),
            "cut_off": (
                _cut_off,
                "int() cuts off what is behind the point: 8.2 more units are needed, and 8 do not suffice."
                " Round up, with math.ceil.",
            ),
            "one_more": (
                _one_more,
                "int() + 1 is not rounding up: four lamps that are short become five, and half a mug too many on the"
                " shelf becomes an order of one. math.ceil leaves a whole number as it is.",
            ),
            "not_needed": (
                _not_needed,
                "Your list has products that nobody asked for: they lie on the shelf or are on their way, but do not"
                " stand in needed. Loop over the products of needed.",
            ),
            "to_the_nearest": (
                _to_the_nearest,
                "round() goes to the nearest whole number, down as often as up. The task rounds up, with math.ceil.",
            ),
            "not_whole": (_not_whole, "Right, but nobody delivers a fifth of a mug: round up to whole units."),
            "no_empty_lines": (
                _no_empty_lines,
                "The orders are right, but a product of which nothing is ordered has left the list. Keep it, with a 0.",
            ),
            "no_entry": (
                _no_entry,
                "A KeyError: not every product stands in on_hand and in arriving. One that does not has nothing there:"
                " on_hand.get(product, 0), and arriving.get(product, 0).",
            ),
            "not_a_number": (
                _not_a_number,
                "A product that is missing from on_hand or from arriving came out as NaN. It has nothing there: fill in"
                " 0 before you subtract (Series.reindex(…, fill_value=0), or on_hand.get(product, 0)).",
            ),
            "missing_size": (
                _missing_size,
                "abs() turns a surplus into an order: where too much lies on the shelf, you order that much again."
                " Nothing is to be ordered there.",
            ),
        },
        also={
            "one_more": (
                lambda needed, on_hand, arriving: {
                    p: int(units) + 1 if units > 0 else 0 for p, units in _left(needed, on_hand, arriving).items()
                },
                lambda needed, on_hand, arriving: {
                    p: int(max(0, units)) + 1 for p, units in _left(needed, on_hand, arriving).items()
                },
            ),
            "not_needed": (
                lambda needed, on_hand, arriving: dict.fromkeys(on_hand, 0) | order_list(needed, on_hand, arriving),
            ),
            "known_shelves_alone": (_from_the_shelves,),
            "not_a_number": (_nothing_with_nothing,),
            "no_entry": (
                lambda needed, on_hand, arriving: {
                    p: max(0, round(units - on_hand[p] - arriving[p])) for p, units in needed.items()
                },
                lambda needed, on_hand, arriving: {
                    p: math.ceil(units - on_hand[p] - arriving[p]) for p, units in needed.items()
                },
                lambda needed, on_hand, arriving: {
                    p: max(0, units - on_hand[p] - arriving[p]) for p, units in needed.items()
                },
                lambda needed, on_hand, arriving: {
                    p: max(0, math.ceil(units - on_hand[p] - arriving.get(p, 0))) for p, units in needed.items()
                },
                lambda needed, on_hand, arriving: {
                    p: max(0, math.ceil(units - on_hand.get(p, 0) - arriving[p])) for p, units in needed.items()
                },
            ),
        },
        pairs={
            ("below_zero", "known_shelves_alone"): lambda needed, on_hand, arriving: {
                p: math.ceil(units) for p, units in _left(needed, on_hand, arriving).items() if p in on_hand
            },
            ("below_zero", "not_whole"): _left,
            ("below_zero", "lorry_forgotten"): lambda needed, on_hand, arriving: _below_zero(needed, on_hand, {}),
            ("lorry_added", "cut_off"): lambda needed, on_hand, arriving: {
                p: max(0, int(units - on_hand.get(p, 0) + arriving.get(p, 0))) for p, units in needed.items()
            },
            ("lorry_forgotten", "to_the_nearest"): lambda needed, on_hand, arriving: {
                p: max(0, round(units - on_hand.get(p, 0))) for p, units in needed.items()
            },
        },
        praise="That is the list that goes out: what is needed, less what is there or on its way.",
    ),
)
