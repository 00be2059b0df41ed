"""Defines lesson 13b's exercises: a Bellman step and a Q-learning update; the third is in ``ips_value``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise
from ecomlib.course.exercises.ips_value import IPS

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


# --- the Bellman step ---


def _worth(stock: int, prices: Floats, wanted: Floats, ahead: Floats) -> Floats:
    """Money now and what is left next week, (A, D): for each price and number wanted."""
    sold = np.minimum(np.arange(wanted.shape[1]), stock)
    return prices[:, None] * sold + ahead[stock - sold]


def bellman_step(stock: int, prices: Floats, wanted: Floats, ahead: Floats) -> float:
    """The value of ``stock`` coats with the best price; (A,), (A, D), (M + 1,) -> money."""
    return float((wanted * _worth(stock, prices, wanted, ahead)).sum(axis=1).max())


def _bellman_stub(stock: int, prices: Floats, wanted: Floats, ahead: Floats) -> Any:
    return ...


def _bellman_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    def drawn(stock: int, places: int, most: int) -> tuple[Any, ...]:
        prices = np.sort(rng.uniform(2.0, 12.0, places))[::-1].round(1)
        pull = np.exp(0.5 * np.arange(places)[:, None] * np.arange(most) / most)
        wanted = rng.dirichlet(np.ones(most), size=places) * pull
        ahead = np.cumsum(np.append(0.5, np.sort(rng.uniform(0.5, 9.0, stock + 2))[::-1]))
        return stock, prices, wanted / wanted.sum(axis=1, keepdims=True), ahead

    hand = (2, np.array([10.0, 6.0]), np.array([[0.5, 0.5, 0.0, 0.0], [0.0, 0.4, 0.3, 0.3]]))
    return [(*hand, np.array([0.0, 6.0, 7.0])), drawn(3, 3, 6), drawn(5, 4, 8), drawn(2, 5, 7)]


def _of_prices(value: Callable[[Floats], Any]) -> Answer:
    """From the expected worth of each price to an answer."""

    def answer(stock: int, prices: Floats, wanted: Floats, ahead: Floats) -> Any:
        return value((wanted * _worth(stock, prices, wanted, ahead)).sum(axis=1))

    return answer


def _no_future(stock: int, prices: Floats, wanted: Floats, ahead: Floats) -> float:
    return bellman_step(stock, prices, wanted, np.zeros_like(ahead))


def _no_limit(stock: int, prices: Floats, wanted: Floats, ahead: Floats) -> float:
    d = np.arange(wanted.shape[1])
    worth = prices[:, None] * d + ahead[np.maximum(stock - d, 0)]
    return float((wanted * worth).sum(axis=1).max())


def _wraps(stock: int, prices: Floats, wanted: Floats, ahead: Floats) -> float:
    d = np.arange(wanted.shape[1])  # stock - d falls below zero, and numpy counts from the end
    return float((wanted * (prices[:, None] * d + ahead[stock - d])).sum(axis=1).max())


def _price_once(always: bool) -> Answer:
    """The price comes in once a week, ``always`` or when somebody buys."""

    def answer(stock: int, prices: Floats, wanted: Floats, ahead: Floats) -> float:
        sold = np.minimum(np.arange(wanted.shape[1]), stock)
        once = np.ones(len(sold)) if always else np.minimum(sold, 1)
        return float((wanted * (prices[:, None] * once + ahead[stock - sold])).sum(axis=1).max())

    return answer


def _ahead_if(after: Callable[[int, Floats, Floats], Any]) -> Answer:
    """This week's money, and another worth of what is left, from (stock, wanted, ahead)."""

    def answer(stock: int, prices: Floats, wanted: Floats, ahead: Floats) -> float:
        now = (wanted * _worth(stock, prices, wanted, np.zeros_like(ahead))).sum(axis=1)
        return float((now + after(stock, wanted, ahead)).max())

    return answer


def _with_price(worth_first: bool) -> Answer:
    def answer(stock: int, prices: Floats, wanted: Floats, ahead: Floats) -> tuple[float, float]:
        each = (wanted * _worth(stock, prices, wanted, ahead)).sum(axis=1)
        best = float(each.max()), float(prices[each.argmax()])
        return best if worth_first else (best[1], best[0])

    return answer


def _price_of_the_best(stock: int, prices: Floats, wanted: Floats, ahead: Floats) -> float:
    return float(prices[(wanted * _worth(stock, prices, wanted, ahead)).sum(axis=1).argmax()])


def _stock_stays(stock: int, prices: Floats, wanted: Floats, ahead: Floats) -> float:
    return _no_future(stock, prices, wanted, ahead) + float(ahead[stock])


def _by_sold(stock: int, prices: Floats, wanted: Floats, ahead: Floats) -> float:
    sold = np.minimum(np.arange(wanted.shape[1]), stock)
    return float((wanted * (prices[:, None] * sold + ahead[sold])).sum(axis=1).max())


def _myopic(stock: int, prices: Floats, wanted: Floats, ahead: Floats) -> float:
    now = (wanted * _worth(stock, prices, wanted, np.zeros_like(ahead))).sum(axis=1)
    return float((wanted * _worth(stock, prices, wanted, ahead)).sum(axis=1)[now.argmax()])


def _tail_lost(stock: int, prices: Floats, wanted: Floats, ahead: Floats) -> float:
    return bellman_step(stock, prices, wanted[:, : stock + 1], ahead)


def _mean_demand(stock: int, prices: Floats, wanted: Floats, ahead: Floats) -> float:
    sold = np.minimum(wanted @ np.arange(wanted.shape[1]), stock)
    return float((prices * sold + np.interp(stock - sold, np.arange(len(ahead)), ahead)).max())


def _max_first(stock: int, prices: Floats, wanted: Floats, ahead: Floats) -> float:
    return float((wanted * _worth(stock, prices, wanted, ahead)).max(axis=0).sum())


def _knows_demand(stock: int, prices: Floats, wanted: Floats, ahead: Floats) -> float:
    return float(wanted.mean(axis=0) @ _worth(stock, prices, wanted, ahead).max(axis=0))


def _best_case(stock: int, prices: Floats, wanted: Floats, ahead: Floats) -> float:
    return float(_worth(stock, prices, wanted, ahead).max())


_BELLMAN_MISTAKES: dict[str, tuple[Answer, str]] = {
    "max_before_the_expectation": (
        _max_first,
        "The maximum comes before the sum over demand: you let the shop choose another price for each number that is"
        " wanted. It must choose first. Sum over demand for each price, then take the best price.",
    ),
    "knows_the_demand": (
        _knows_demand,
        "Here the shop sees how many are wanted, and then picks the best price. The price is set before: first the"
        " expectation for each price, with that price's own probabilities, then the maximum.",
    ),
    "best_case": (
        _best_case,
        "This is the best thing that can happen. Weigh each outcome by its probability, then take the best price.",
    ),
    "forgets_what_is_left": (
        _no_future,
        "You counted this week's money alone. What is not sold is worth ahead[left] next week (or the salvage).",
    ),
    "ignores_the_stock": (
        _no_limit,
        "More was sold than there is: from `stock` coats at most `stock` are sold, however many are wanted.",
    ),
    "stock_stays": (
        _stock_stays,
        "You added ahead[stock] whatever was sold. Sold coats are gone: the index is the stock less what was sold.",
    ),
    "by_what_was_sold": (
        _by_sold,
        "ahead is read at the number sold. It wants the number that is left: stock less sold.",
    ),
    "mean_over_prices": (
        _of_prices(lambda each: float(each.mean())),
        "You averaged or added over the prices. The shop is free to take the best: the maximum.",
    ),
    "the_place_not_the_value": (
        _of_prices(lambda each: float(each.argmax())),
        "This is the best price, or its place on the ladder. Asked is what the coats are worth with it.",
    ),
    "price_and_worth": (
        _with_price(True),
        "You return a price beside the worth, as best_price does above. Asked is the worth alone, one number.",
    ),
    "every_price": (
        _of_prices(lambda each: each),
        "These are the worths of all prices. Asked is one number: that of the best price.",
    ),
    "price_once": (
        _price_once(always=False),
        "The price comes in once a week in your sum. It is paid for each coat that is sold: price times sold.",
    ),
    "only_if_nobody_buys": (
        _ahead_if(lambda stock, wanted, ahead: wanted[:, 0] * ahead[stock]),
        "Something is left not only when nobody buys. Each number wanted leaves its own stock: put ahead[stock - sold]"
        " inside the sum.",
    ),
    "always_one_less": (
        _ahead_if(lambda stock, wanted, ahead: ahead[stock - 1]),
        "You look ahead as if exactly one coat were sold. How many are left depends on how many are wanted: put"
        " ahead[stock - sold] inside the sum.",
    ),
    "this_week_chooses": (
        _myopic,
        "The price was chosen by this week's money, and the future added afterwards. Choose by the sum of both: a"
        " coat kept may be worth more than one sold.",
    ),
    "sold_out_weeks_lost": (
        _tail_lost,
        "Weeks in which more is wanted than there is are missing from your sum. They happen: then all is sold.",
    ),
    "mean_demand": (
        _mean_demand,
        "You put in the mean demand. min(demand, stock) and ahead bend, so the mean of the worth is not the worth of"
        " the mean: sum over all numbers wanted.",
    ),
}
_BELLMAN_ALSO: dict[str, tuple[Answer, ...]] = {
    "ignores_the_stock": (_wraps,),
    "the_place_not_the_value": (_price_of_the_best,),
    "price_and_worth": (_with_price(False),),
    "price_once": (_price_once(always=True),),
    "mean_over_prices": (_of_prices(lambda each: float(each.sum())),),
}
_BELLMAN_PAIRS: dict[tuple[str, str], Answer] = {
    ("forgets_what_is_left", "mean_over_prices"): lambda stock, prices, wanted, ahead: float(
        (wanted * _worth(stock, prices, wanted, np.zeros_like(ahead))).sum(axis=1).mean()
    ),
    ("forgets_what_is_left", "ignores_the_stock"): lambda stock, prices, wanted, ahead: _no_limit(
        stock, prices, wanted, np.zeros_like(ahead)
    ),
    ("stock_stays", "ignores_the_stock"): lambda stock, prices, wanted, ahead: (
        _no_limit(stock, prices, wanted, np.zeros_like(ahead)) + float(ahead[stock])
    ),
}


# --- one Q-learning update ---


def _ahead(q: Floats, week: int, left: int) -> float:
    return float(q[week + 1, left].max()) if week + 1 < len(q) else 0.0


def q_update(q: Floats, week: int, stock: int, price: int, money: float, left: int, step: float) -> float:
    """The new value of ``q[week, stock, price]``; q is (W, M + 1, A)."""
    old = float(q[week, stock, price])
    return old + step * (money + _ahead(q, week, left) - old)


def _q_stub(q: Floats, week: int, stock: int, price: int, money: float, left: int, step: float) -> Any:
    return ...


def _q_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    def table(weeks: int, stock: int, places: int) -> Floats:
        return rng.uniform(0.0, 30.0, (weeks, stock + 1, places)).round(1)

    small = np.array([[[0.0, 0.0], [8.0, 6.0]], [[1.0, 2.0], [5.0, 4.0]]])
    return [
        (small, 0, 1, 0, 4.0, 1, 0.2),
        (table(3, 4, 3), 1, 3, 2, 14.0, 1, 0.3),
        (table(3, 4, 3), 2, 3, 1, 7.5, 2, 0.4),  # the last week
        (table(4, 2, 4), 0, 2, 3, 0.0, 2, 0.7),
        (table(4, 2, 4), 3, 2, 0, 9.0, 1, 0.1),
    ]


def _q_with(ahead: Callable[[Floats, int, int, int, int], float]) -> Answer:
    """The update with another value of what follows, from (q, week, stock, price, left)."""

    def answer(q: Floats, week: int, stock: int, price: int, money: float, left: int, step: float) -> float:
        old = float(q[week, stock, price])
        return old + step * (money + ahead(q, week, stock, price, left) - old)

    return answer


def _q_moved(move: Callable[[float, float, float], float]) -> Answer:
    """Another move, from (old, target, step)."""

    def answer(q: Floats, week: int, stock: int, price: int, money: float, left: int, step: float) -> float:
        return move(float(q[week, stock, price]), money + _ahead(q, week, left), step)

    return answer


def _later(q: Floats, week: int, of: Callable[[Floats], Any]) -> float:
    return float(of(q[week + 1])) if week + 1 < len(q) else 0.0


def _no_money(q: Floats, week: int, stock: int, price: int, money: float, left: int, step: float) -> float:
    return q_update(q, week, stock, price, 0.0, left, step)


def _last_week(last: Callable[[float, float], float]) -> Answer:
    """Another rule in the last week, from (old, money)."""

    def answer(q: Floats, week: int, stock: int, price: int, money: float, left: int, step: float) -> float:
        if week + 1 == len(q):
            return last(float(q[week, stock, price]), money)
        return q_update(q, week, stock, price, money, left, step)

    return answer


def _off_the_end(q: Floats, week: int, stock: int, price: int, money: float, left: int, step: float) -> float:
    old = float(q[week, stock, price])
    return old + step * (money + float(q[week + 1, left].max()) - old)


def _from_the_best(q: Floats, week: int, stock: int, price: int, money: float, left: int, step: float) -> float:
    old = float(q[week, stock].max())
    return old + step * (money + _ahead(q, week, left) - old)


def _outside(q: Floats, week: int, stock: int, price: int, money: float, left: int, step: float) -> float:
    old = float(q[week, stock, price])
    return old + step * (money - old) + _ahead(q, week, left)


def _money_outside(q: Floats, week: int, stock: int, price: int, money: float, left: int, step: float) -> float:
    old = float(q[week, stock, price])
    return old + money + step * (_ahead(q, week, left) - old)


def _whole_table(q: Floats, week: int, stock: int, price: int, money: float, left: int, step: float) -> Floats:
    new = q.copy()
    new[week, stock, price] = q_update(q, week, stock, price, money, left, step)
    return new


_Q_MISTAKES: dict[str, tuple[Answer, str]] = {
    "on_policy_target": (
        _q_with(lambda q, week, stock, price, left: _later(q, week, lambda ahead: ahead[left, price])),
        "Your target follows the price that was charged. That is SARSA's idea; Q-learning asks what the best price of"
        " next week would be worth: the maximum over prices.",
    ),
    "mean_of_the_next_prices": (
        _q_with(lambda q, week, stock, price, left: _later(q, week, lambda ahead: ahead[left].mean())),
        "You averaged over next week's prices, as if one were drawn at random. Q-learning takes the best.",
    ),
    "no_end": (
        _q_with(lambda q, week, stock, price, left: q[(week + 1) % len(q), left].max()),
        "After the last week your season begins again. Nothing follows it: the target is the money alone.",
    ),
    "off_the_end": (
        _off_the_end,
        "There is no q[week + 1] after the last week. Nothing follows it: the target is the money alone.",
    ),
    "last_week_replaced": (
        _last_week(lambda old, money: money),
        "In the last week you replaced the value by the money. Its target is the money alone, but the step holds there"
        " too.",
    ),
    "last_week_untouched": (
        _last_week(lambda old, money: old),
        "In the last week nothing is learnt in your version. There the target is the money alone.",
    ),
    "no_future": (
        _q_with(lambda q, week, stock, price, left: 0.0),
        "Your target is this week's money alone. What is left is worth something: the best of q at week + 1.",
    ),
    "from_the_best_price": (
        _from_the_best,
        "You moved the best price's value. What was learnt is about the price that was charged: q[week, stock, price].",
    ),
    "outside_the_step": (
        _outside,
        "A part of the target stands outside the step. First the whole target, money plus what follows; then a share of"
        " its difference from the old value.",
    ),
    "the_table": (
        _whole_table,
        "You return the whole table. Asked is one number: the new value of q[week, stock, price].",
    ),
    "by_what_was_sold": (
        _q_with(lambda q, week, stock, price, left: _later(q, week, lambda ahead: ahead[stock - left].max())),
        "You look ahead at the number sold. `left` is what next week begins with: q[week + 1, left].",
    ),
    "last_week_again": (
        _q_with(lambda q, week, stock, price, left: q[min(week + 1, len(q) - 1), left].max()),
        "In the last week you look at the last week again. Nothing follows it: the target is the money alone.",
    ),
    "same_week": (
        _q_with(lambda q, week, stock, price, left: q[week, left].max()),
        "What is left is sold next week: read q at week + 1, and nothing after the last.",
    ),
    "stock_of_before": (
        _q_with(lambda q, week, stock, price, left: _later(q, week, lambda ahead: ahead[stock].max())),
        "You look ahead with the stock of before. What was sold is gone: next week begins with `left`.",
    ),
    "best_of_all_stocks": (
        _q_with(lambda q, week, stock, price, left: _later(q, week, np.max)),
        "Your maximum runs over all stocks as well. The stock is not yours to choose: it is `left`.",
    ),
    "the_place_of_the_best": (
        _q_with(lambda q, week, stock, price, left: _later(q, week, lambda ahead: ahead[left].argmax())),
        "You added the place of the best price. Its value is wanted: max, not argmax.",
    ),
    "rate_on_the_wrong_term": (
        _q_moved(lambda old, target, step: step * old + (1 - step) * target),
        "The rate is on the wrong term: old keeps 1 - step, the target gets step. As you have it, a small step"
        " forgets nearly everything.",
    ),
    "old_not_subtracted": (
        _q_moved(lambda old, target, step: old + step * target),
        "You add a share of the target itself, so the value grows without end. Add a share of the *difference* between"
        " target and old.",
    ),
    "whole_step": (
        _q_moved(lambda old, target, step: target),
        "You replaced the old value by the target. One season is luck: move only a share `step` of the way.",
    ),
    "away_from_the_target": (
        _q_moved(lambda old, target, step: old - step * (target - old)),
        "The sign is turned round: the value moves away from its target.",
    ),
    "the_change_alone": (
        _q_moved(lambda old, target, step: step * (target - old)),
        "This is the change. Asked is the new value: old plus change.",
    ),
    "without_the_money": (
        _no_money,
        "This week's money is missing from the target: money plus what is left to come.",
    ),
}
_Q_ALSO: dict[str, tuple[Answer, ...]] = {"outside_the_step": (_money_outside,)}
_Q_PAIRS: dict[tuple[str, str], Answer] = {
    ("on_policy_target", "rate_on_the_wrong_term"): lambda q, week, stock, price, money, left, step: (
        step * float(q[week, stock, price]) + (1 - step) * (money + _later(q, week, lambda ahead: ahead[left, price]))
    ),
    ("on_policy_target", "off_the_end"): lambda q, week, stock, price, money, left, step: (
        float(q[week, stock, price]) + step * (money + float(q[week + 1, left, price]) - float(q[week, stock, price]))
    ),
    ("on_policy_target", "no_end"): _q_with(
        lambda q, week, stock, price, left: float(q[(week + 1) % len(q), left, price])
    ),
    ("no_end", "rate_on_the_wrong_term"): lambda q, week, stock, price, money, left, step: (
        step * float(q[week, stock, price]) + (1 - step) * (money + q[(week + 1) % len(q), left].max())
    ),
}


EXERCISES = (
    Exercise(
        "13b.bellman",
        solution=bellman_step,
        stub=_bellman_stub,
        cases=_bellman_cases,
        mistakes=_BELLMAN_MISTAKES,
        also=_BELLMAN_ALSO,
        pairs=_BELLMAN_PAIRS,
        praise="Eight weeks are eight of these steps, from the last one backward.",
    ),
    Exercise(
        "13b.q_update",
        solution=q_update,
        stub=_q_stub,
        cases=_q_cases,
        mistakes=_Q_MISTAKES,
        also=_Q_ALSO,
        pairs=_Q_PAIRS,
        praise="No probability stands in it: that is what makes it learning without a model.",
    ),
    IPS,
)
