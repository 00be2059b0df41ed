"""Defines lesson 13b's exercises: a Bellman step, a Q-learning update, and a policy's value from an old log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise

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


def _of_prices(value: Callable[[Floats], float]) -> Answer:
    """From the expected worth of each price to an answer."""

    def answer(stock: int, prices: Floats, wanted: Floats, ahead: Floats) -> float:
        return float(value((wanted * _worth(stock, prices, wanted, ahead)).sum(axis=1)))

    return answer


def _no_future(stock: int, prices: Floats, wanted: Floats, ahead: Floats) -> float:
    return bellman_step(stock, prices, wanted, np.zeros_like(ahead))


def _no_limit(stock: int, prices: Floats, wanted: Floats, ahead: Floats) -> float:
    d = np.arange(wanted.shape[1])
    worth = prices[:, None] * d + ahead[np.maximum(stock - d, 0)]
    return float((wanted * worth).sum(axis=1).max())


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
        "You averaged over the prices. The shop is free to take the best: the maximum.",
    ),
    "the_place_not_the_value": (
        _of_prices(lambda each: float(each.argmax())),
        "This is the place of the best price on the ladder. Asked is what the coats are worth with it.",
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
        (small, 0, 1, 0, 3.0, 1, 0.2),
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
_Q_PAIRS: dict[tuple[str, str], Answer] = {
    ("on_policy_target", "rate_on_the_wrong_term"): lambda q, week, stock, price, money, left, step: (
        step * float(q[week, stock, price]) + (1 - step) * (money + _later(q, week, lambda ahead: ahead[left, price]))
    ),
    ("on_policy_target", "no_end"): _q_with(
        lambda q, week, stock, price, left: float(q[(week + 1) % len(q), left, price])
    ),
    ("no_end", "rate_on_the_wrong_term"): lambda q, week, stock, price, money, left, step: (
        step * float(q[week, stock, price]) + (1 - step) * (money + q[(week + 1) % len(q), left].max())
    ),
}


# --- a policy's value from an old log ---


def ips_value(reward: Floats, action: Whole, logged: Floats, new: Floats) -> float:
    """The new policy's mean money from the old policy's log; (n,), (n,), (n, A), (n, A) -> money."""
    rows = np.arange(len(reward))
    return float(np.mean(new[rows, action] / logged[rows, action] * reward))


def _ips_stub(reward: Floats, action: Whole, logged: Floats, new: Floats) -> Any:
    return ...


def _ips_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    def drawn(n: int, places: int) -> tuple[Any, ...]:
        logged, new = rng.dirichlet(np.full(places, 3.0), size=n), rng.dirichlet(np.ones(places), size=n)
        action = (rng.random((n, 1)) > logged.cumsum(axis=1)).sum(axis=1)
        return rng.gamma(3.0, 4.0, n).round(2), np.minimum(action, places - 1), logged, new

    old = np.array([[0.8, 0.2], [0.8, 0.2], [0.8, 0.2], [0.5, 0.5]])
    new = np.array([[0.5, 0.5], [0.5, 0.5], [0.0, 1.0], [1.0, 0.0]])
    return [(np.array([8.0, 5.0, 6.0, 9.0]), np.array([0, 0, 1, 1]), old, new), drawn(12, 3), drawn(30, 4)]


def _weighted(weight: Callable[..., Floats]) -> Answer:
    """The mean of weight · reward, with weights from (action, logged, new, their chances of what was charged)."""

    def answer(reward: Floats, action: Whole, logged: Floats, new: Floats) -> float:
        rows = np.arange(len(reward))
        return float(np.mean(weight(action, logged, new, logged[rows, action], new[rows, action]) * reward))

    return answer


def _divided(total: Callable[[Floats, Floats], float]) -> Answer:
    """The sum of weight · reward, divided by another number, from (weights, the new policy's chances)."""

    def answer(reward: Floats, action: Whole, logged: Floats, new: Floats) -> float:
        rows = np.arange(len(reward))
        w = new[rows, action] / logged[rows, action]
        return float((w * reward).sum() / total(w, new[rows, action]))

    return answer


def _agrees(action: Whole, new: Floats) -> Floats:
    return (new.argmax(axis=1) == action).astype(np.float64)


def _that_agree(reward: Floats, action: Whole, logged: Floats, new: Floats) -> float:
    return float(np.average(reward, weights=_agrees(action, new) + 1e-300))


def _mean_propensity(action: Whole, logged: Floats, new: Floats, old: Floats, chance: Floats) -> Floats:
    """Chances of each price averaged over the rows."""
    return chance / logged.mean(axis=0)[action]


_IPS_MISTAKES: dict[str, tuple[Answer, str]] = {
    "turned_round": (
        _weighted(lambda action, logged, new, old, chance: old / np.where(chance > 0, chance, np.inf)),
        "The ratio is turned round: you divide by the new policy's probability. The propensity is the *old* one's: a"
        " price that the shop rarely charged stands for many.",
    ),
    "propensity_of_the_new_policy": (
        _weighted(lambda action, logged, new, old, chance: 1 / np.where(chance > 0, chance, np.inf)),
        "You divided by the probability of the new policy. It charged nothing in this log: divide by the probability"
        " with which the old one did, and multiply by the new one's.",
    ),
    "without_the_new_policy": (
        _weighted(lambda action, logged, new, old, chance: 1 / old),
        "1 / propensity alone is the value of charging every price at once. Multiply by the new policy's probability of"
        " the price that was charged.",
    ),
    "no_propensity": (
        _weighted(lambda action, logged, new, old, chance: chance),
        "You weighed by the new policy's probability and did not divide by the old one's. Prices that the shop liked"
        " are then counted too often.",
    ),
    "a_product": (
        _weighted(lambda action, logged, new, old, chance: old * chance),
        "You multiplied the two probabilities. The old one divides: what was rarely charged stands for more.",
    ),
    "the_log_itself": (
        _weighted(lambda action, logged, new, old, chance: np.ones(len(old))),
        "This is what the *old* policy earned. Weigh each row by new over old.",
    ),
    "rows_that_agree": (
        _that_agree,
        "You averaged the rows in which the new policy would have charged the same. Those rows are not like the others:"
        " the old policy chose them. Weigh them.",
    ),
    "agreement_over_propensity": (
        _weighted(lambda action, logged, new, old, chance: _agrees(action, new) / old),
        "You let the new policy always charge its favourite. It draws: use its probability of the price that was"
        " charged, not a yes or no.",
    ),
    "of_the_best_price": (
        _weighted(lambda action, logged, new, old, chance: chance / logged[np.arange(len(old)), new.argmax(axis=1)]),
        "You took the propensity of the new policy's favourite price. Take that of the price that *was charged* in the"
        " row.",
    ),
    "average_propensity": (
        _weighted(_mean_propensity),
        "You divided by how often a price is charged on average. The propensity belongs to the row: the shop knew its"
        " stock.",
    ),
    "clipped": (
        _weighted(lambda action, logged, new, old, chance: np.minimum(chance / old, 1.0)),
        "You clipped the weights at 1. That steadies the estimate and draws it to zero: asked is the unbiased one.",
    ),
    "not_divided": (
        _divided(lambda w, chance: 1.0),
        "This is the sum. Divide by the number of rows.",
    ),
    "self_normalised": (
        _divided(lambda w, chance: float(w.sum())),
        "This is SNIPS: divided by the sum of the weights. It is steadier and slightly biased. Asked is IPS: divide by"
        " the number of rows, all of them.",
    ),
    "divided_by_agreeing_rows": (
        _divided(lambda w, chance: float((chance > 0).sum())),
        "You divided by the rows with a weight above zero. Rows that got zero count too: the weights of the others"
        " stand for them.",
    ),
}
_IPS_ALSO: dict[str, tuple[Answer, ...]] = {
    "rows_that_agree": (
        lambda reward, action, logged, new: float(
            np.average(reward, weights=new[np.arange(len(reward)), action] + 1e-300)
        ),
    )
}
_IPS_PAIRS: dict[tuple[str, str], Answer] = {
    ("without_the_new_policy", "not_divided"): lambda reward, action, logged, new: float(
        (reward / logged[np.arange(len(reward)), action]).sum()
    ),
    ("average_propensity", "not_divided"): lambda reward, action, logged, new: float(
        (new[np.arange(len(reward)), action] / logged.mean(axis=0)[action] * reward).sum()
    ),
    ("turned_round", "not_divided"): lambda reward, action, logged, new: (
        len(reward) * _IPS_MISTAKES["turned_round"][0](reward, action, logged, new)
    ),
    ("agreement_over_propensity", "not_divided"): lambda reward, action, logged, new: (
        len(reward) * _IPS_MISTAKES["agreement_over_propensity"][0](reward, action, logged, new)
    ),
}


EXERCISES = (
    Exercise(
        "13b.bellman",
        solution=bellman_step,
        stub=_bellman_stub,
        cases=_bellman_cases,
        mistakes=_BELLMAN_MISTAKES,
        pairs=_BELLMAN_PAIRS,
        praise="Eight weeks are eight of these steps, from the last one backward.",
    ),
    Exercise(
        "13b.q_update",
        solution=q_update,
        stub=_q_stub,
        cases=_q_cases,
        mistakes=_Q_MISTAKES,
        pairs=_Q_PAIRS,
        praise="No probability stands in it: that is what makes it learning without a model.",
    ),
    Exercise(
        "13b.ips",
        solution=ips_value,
        stub=_ips_stub,
        cases=_ips_cases,
        mistakes=_IPS_MISTAKES,
        also=_IPS_ALSO,
        pairs=_IPS_PAIRS,
        praise="It is right on average over logs, whatever the money depends on. On one log, look at its interval.",
    ),
)
