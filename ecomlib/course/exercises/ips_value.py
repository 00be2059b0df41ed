"""Defines lesson 13b's third exercise: what a new policy would have earned, from an old log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


def ips_value(reward: Floats, action: Whole, logged: Floats, new: Floats) -> float:
    """The new policy's mean money from the old policy's log; (n,), (n,), (n, A), (n, A) -> money."""
    rows = np.arange(len(reward))
    return float(np.mean(new[rows, action] / logged[rows, action] * reward))


def _stub(reward: Floats, action: Whole, logged: Floats, new: Floats) -> Any:
    return ...


def _cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
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


def _of_tables(value: Callable[[Floats, Floats, Floats, Whole], Any]) -> Answer:
    """An answer that does not pick the price charged in each row, from (reward, logged, new, action)."""

    def answer(reward: Floats, action: Whole, logged: Floats, new: Floats) -> Any:
        with np.errstate(all="ignore"):
            return value(reward, logged, new, action)

    return answer


def _unguarded(weight: Callable[[Floats, Floats], Floats]) -> Answer:
    """Weights from (old, new), which are infinite where the new policy's probability is zero."""

    def answer(reward: Floats, action: Whole, logged: Floats, new: Floats) -> float:
        rows = np.arange(len(reward))
        with np.errstate(all="ignore"):
            return float(np.mean(weight(logged[rows, action], new[rows, action]) * reward))

    return answer


def _mean_propensity(action: Whole, logged: Floats, new: Floats, old: Floats, chance: Floats) -> Floats:
    """Chances of each price averaged over the rows."""
    return chance / logged.mean(axis=0)[action]


_MISTAKES: dict[str, tuple[Answer, str]] = {
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
    "all_prices": (
        _of_tables(lambda reward, logged, new, action: float(np.mean((new / logged).sum(axis=1) * reward))),
        "Your weights run over all prices. One price was charged in each row: take its column alone, [rows, action].",
    ),
    "columns_not_entries": (
        _of_tables(lambda reward, logged, new, action: float(np.mean(new[:, action] / logged[:, action] * reward))),
        "new[:, action] is a table (n, n): every row with every action. Give both places, [np.arange(n), action].",
    ),
    "not_averaged": (
        _of_tables(
            lambda reward, logged, new, action: (
                new[np.arange(len(reward)), action] / logged[np.arange(len(reward)), action] * reward
            )
        ),
        "These are the weighted rewards, a row each. Asked is one number: their mean.",
    ),
    "means_first": (
        _of_tables(
            lambda reward, logged, new, action: float(
                np.mean(reward) * np.mean(new[np.arange(len(reward)), action] / logged[np.arange(len(reward)), action])
            )
        ),
        "You took means first and put them together afterwards. Each reward has a weight of its own: multiply row by"
        " row, then take the mean.",
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
_ALSO: dict[str, tuple[Answer, ...]] = {
    "rows_that_agree": (
        lambda reward, action, logged, new: float(
            np.average(reward, weights=new[np.arange(len(reward)), action] + 1e-300)
        ),
    ),
    "turned_round": (_unguarded(lambda old, chance: old / chance),),
    "propensity_of_the_new_policy": (_unguarded(lambda old, chance: 1 / chance),),
    "all_prices": (_of_tables(lambda reward, logged, new, action: float(np.mean(new / logged * reward[:, None]))),),
    "means_first": (
        lambda reward, action, logged, new: float(
            np.mean(new[np.arange(len(reward)), action] * reward) / np.mean(logged[np.arange(len(reward)), action])
        ),
    ),
}
_PAIRS: dict[tuple[str, str], Answer] = {
    ("without_the_new_policy", "not_divided"): lambda reward, action, logged, new: float(
        (reward / logged[np.arange(len(reward)), action]).sum()
    ),
    ("agreement_over_propensity", "divided_by_agreeing_rows"): lambda reward, action, logged, new: float(
        (_agrees(action, new) * reward / logged[np.arange(len(reward)), action]).sum() / _agrees(action, new).sum()
    ),
    ("average_propensity", "not_divided"): lambda reward, action, logged, new: float(
        (new[np.arange(len(reward)), action] / logged.mean(axis=0)[action] * reward).sum()
    ),
    ("turned_round", "not_divided"): lambda reward, action, logged, new: (
        len(reward) * _MISTAKES["turned_round"][0](reward, action, logged, new)
    ),
    ("agreement_over_propensity", "not_divided"): lambda reward, action, logged, new: (
        len(reward) * _MISTAKES["agreement_over_propensity"][0](reward, action, logged, new)
    ),
}


IPS = Exercise(
    "13b.ips",
    solution=ips_value,
    stub=_stub,
    cases=_cases,
    mistakes=_MISTAKES,
    also=_ALSO,
    pairs=_PAIRS,
    praise="It is right on average over logs, whatever the money depends on. On one log, look at its interval.",
)
