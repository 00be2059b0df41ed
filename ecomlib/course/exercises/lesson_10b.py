"""Defines lesson 10b's exercises: a causal mask for baskets, and the full softmax over a basket."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
Flags = NDArray[np.bool_]


# --- the causal mask for baskets ---


def _real(basket: Whole) -> Flags:
    """Who looks and what is looked at, both no padding, (T, T)."""
    return np.asarray((basket[:, None] >= 0) & (basket[None, :] >= 0))


def basket_mask(basket: Whole) -> Flags:
    """Whether place t may look at place s, (T, T), from each place's basket, (T,); -1 is padding."""
    return np.asarray((basket[None, :] <= basket[:, None]) & _real(basket))


def _mask_stub(basket: Whole) -> Any:
    return ...


def _mask_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    def drawn(baskets: int, padding: int) -> tuple[Any, ...]:
        real = np.repeat(np.arange(baskets), rng.integers(1, 4, baskets))
        return (np.concatenate([real, np.full(padding, -1)]),)

    return [(np.array([0, 0, 1, -1]),), drawn(4, 2), drawn(3, 1), (np.array([-1, 0, 1, 1, 2]),)]


def _masked(allowed: Callable[[Whole], Flags], real: bool = True) -> Answer:
    def answer(basket: Whole) -> Flags:
        return np.asarray(allowed(basket) & _real(basket)) if real else np.asarray(allowed(basket))

    return answer


_MASK_MISTAKES: dict[str, tuple[Answer, str]] = {
    "by_place": (
        _masked(lambda basket: np.tri(len(basket), dtype=bool)),
        "Your mask goes by places: in one basket the second item sees the first, and the first does not see it. What"
        " lies in one basket was bought at once; compare the baskets' numbers.",
    ),
    "padding_is_looked_at": (
        _masked(lambda basket: basket[None, :] <= basket[:, None], real=False),
        "Padding is looked at: -1 is below every basket's number. What is padding looks at nothing, and nothing looks"
        " at it.",
    ),
    "padding_looks": (
        _masked(
            lambda basket: ((basket[None, :] <= basket[:, None]) | (basket[:, None] < 0)) & (basket >= 0), real=False
        ),
        "Padding looks at baskets. Its rows are all False too.",
    ),
    "own_basket_hidden": (
        _masked(lambda basket: basket[None, :] < basket[:, None]),
        "A place does not see its own basket. That basket is known: what is asked for is the *next* one.",
    ),
    "own_basket_alone": (
        _masked(lambda basket: basket[None, :] == basket[:, None]),
        "A place sees nothing but its own basket. Earlier ones are known too.",
    ),
    "turned_round": (
        _masked(lambda basket: basket[None, :] >= basket[:, None]),
        "Rows and columns are exchanged: your places look at later baskets. Row t looks, column s is looked at.",
    ),
    "later_ones_only": (
        _masked(lambda basket: basket[None, :] > basket[:, None]),
        "True stands where nobody may look. Torch's masks have it so; here True means that t may look at s.",
    ),
    "forbidden_for_allowed": (
        lambda basket: ~basket_mask(basket),
        "True and False are exchanged. Here True means that t may look at s; hand ~mask to torch's attention.",
    ),
    "no_order": (
        _masked(lambda basket: np.ones((len(basket), len(basket)), dtype=bool)),
        "Everybody looks at everything, the future too: the loss falls to nothing, and the shop learns nothing.",
    ),
    "itself_alone": (
        _masked(lambda basket: np.eye(len(basket), dtype=bool)),
        "Each place sees itself alone, so no history is read.",
    ),
    "counts": (
        lambda basket: basket_mask(basket).sum(axis=1),
        "You counted. Asked is the square itself: true where row t may look at column s.",
    ),
    "padding_sees_padding": (
        lambda basket: np.asarray(
            (basket[None, :] <= basket[:, None]) & ((basket[:, None] >= 0) == (basket[None, :] >= 0))
        ),
        "Padding looks at padding. It looks at nothing: its rows are all False.",
    ),
    "last_basket_alone": (
        _masked(lambda basket: (basket[None, :] <= basket[:, None]) & (basket[None, :] >= basket[:, None] - 1)),
        "A place sees its own basket and the one before. All earlier ones are known.",
    ),
    "only_itself_of_its_basket": (
        _masked(lambda basket: (basket[None, :] < basket[:, None]) | np.eye(len(basket), dtype=bool)),
        "Of its own basket a place sees itself alone. The whole basket was bought at once, so all of it is known.",
    ),
    "without_padding": (
        lambda basket: np.asarray(basket[basket >= 0][None, :] <= basket[basket >= 0][:, None]),
        "You left the padding out. Its rows and columns stay, all False: the square is (T, T).",
    ),
    "minus_infinity": (
        lambda basket: np.where(basket_mask(basket), 0.0, -np.inf),
        "This is what attention adds to its scores: zero and minus infinity. Asked is True and False.",
    ),
    "one_row": (
        lambda basket: basket >= 0,
        "This is one row, which tells what is padding. Asked is a square: who may look at whom.",
    ),
}


# --- the full softmax over a basket ---


def _log_softmax(scores: Floats) -> Floats:
    top = scores - scores.max()
    return np.asarray(top - np.log(np.exp(top).sum()))


def basket_loss(scores: Floats, bought: Whole) -> float:
    """Mean over what was bought (n,) of minus the log-probability under a softmax over all scores (I,)."""
    return float(-_log_softmax(scores)[bought].mean())


def _loss_stub(scores: Floats, bought: Whole) -> Any:
    return ...


def _loss_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    def drawn(items: int, count: int) -> tuple[Any, ...]:
        return rng.normal(0, 1.5, items).round(2), np.sort(rng.choice(items - 1, count, replace=False) + 1)

    return [(np.log(np.array([4.0, 2.0, 1.0, 1.0])), np.array([1, 2])), drawn(8, 3), drawn(12, 2)]


def _sigmoid(scores: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-scores)))


def _binary(scores: Floats, bought: Whole) -> float:
    wanted = np.isin(np.arange(len(scores)), bought)
    return float(-np.where(wanted, np.log(_sigmoid(scores)), np.log(1 - _sigmoid(scores))).mean())


def _one_negative(scores: Floats, bought: Whole) -> float:
    left_out = np.setdiff1d(np.arange(len(scores)), bought)[0]
    return float(np.mean(-np.log(_sigmoid(scores[bought])) - np.log(1 - _sigmoid(scores[left_out]))))


def _pairwise(scores: Floats, bought: Whole) -> float:
    left_out = np.setdiff1d(np.arange(len(scores)), bought)[0]
    return float(np.mean(-np.log(_sigmoid(scores[bought] - scores[left_out]))))


def _against_the_rest(scores: Floats, bought: Whole) -> float:
    rest = np.exp(np.delete(scores, bought)).sum()
    return float(np.mean(np.log(np.exp(scores[bought]) + rest) - scores[bought]))


_LOSS_MISTAKES: dict[str, tuple[Answer, str]] = {
    "one_negative": (
        _one_negative,
        "One item that was not bought stands for all others. It is hardly ever one that matters, so each step"
        " teaches little: let the softmax run over the whole catalogue.",
    ),
    "pair_by_pair": (
        _pairwise,
        "You compare each bought item with one other (that is BPR). The softmax compares with the whole catalogue.",
    ),
    "yes_or_no_for_each_item": (
        _binary,
        "Each item has a probability of its own here (a sigmoid). In a softmax they share one: more for this is less"
        " for that, which is what a ranking is about.",
    ),
    "softmax_over_the_basket": (
        lambda scores, bought: float(-_log_softmax(scores[bought]).mean()),
        "Your softmax runs over the basket alone, so it cannot tell what was bought from what was not. Run it over"
        " all scores.",
    ),
    "softmax_without_the_others_bought": (
        _against_the_rest,
        "The rest of the basket is missing below the line. The plain softmax has all items there.",
    ),
    "sum_for_mean": (
        lambda scores, bought: float(-_log_softmax(scores)[bought].sum()),
        "You added up. With the mean a basket of thirty weighs as much as a basket of two.",
    ),
    "mean_of_probabilities": (
        lambda scores, bought: float(-np.log(np.exp(_log_softmax(scores))[bought].mean())),
        "You took the logarithm of the mean probability. The mean of the logarithms is asked for: it punishes each"
        " item that is forgotten.",
    ),
    "of_the_whole_basket": (
        lambda scores, bought: float(-np.log(np.exp(_log_softmax(scores))[bought].sum())),
        "This is the probability that the next item is *any* of them. One found is enough for that; each is to count.",
    ),
    "no_minus": (
        lambda scores, bought: float(_log_softmax(scores)[bought].mean()),
        "The minus is missing: a loss falls when the probability rises.",
    ),
    "no_logarithm": (
        lambda scores, bought: float(-np.exp(_log_softmax(scores))[bought].mean()),
        "The logarithm is missing: these are probabilities.",
    ),
    "scores_alone": (
        lambda scores, bought: float(-scores[bought].mean()),
        "Scores alone can grow without end. Subtract the logarithm of the sum of exponentials.",
    ),
    "mean_over_the_catalogue": (
        lambda scores, bought: float(-_log_softmax(scores)[bought].sum() / len(scores)),
        "You divided by the size of the catalogue. Divide by how many were bought.",
    ),
    "in_bits": (
        lambda scores, bought: float(-_log_softmax(scores)[bought].mean() / np.log(2)),
        "Your logarithm has base 2. Here it is the natural one, as in torch.",
    ),
    "base_ten": (
        lambda scores, bought: float(-_log_softmax(scores)[bought].mean() / np.log(10)),
        "Your logarithm has base 10. Here it is the natural one, as in torch.",
    ),
    "one_minus_the_share": (
        lambda scores, bought: float(1 - np.exp(_log_softmax(scores))[bought].mean()),
        "This is one minus the mean share. A forgotten item costs at most one then; minus the logarithm has no end.",
    ),
    "no_exponential": (
        lambda scores, bought: float(-np.log(scores / scores.sum())[bought].mean()),
        "You divided the scores by their sum. Scores may be negative: take the exponential of each first.",
    ),
    "one_for_each_item": (
        lambda scores, bought: np.asarray(-_log_softmax(scores)[bought]),
        "These are the losses of the items, one each. Return their mean.",
    ),
    "softmax_twice": (
        lambda scores, bought: float(-_log_softmax(np.exp(_log_softmax(scores)))[bought].mean()),
        "The softmax ran twice. Functions such as torch's cross_entropy and log_softmax want scores, not shares.",
    ),
    "counted_from_one": (
        lambda scores, bought: float(-_log_softmax(scores)[bought - 1].mean()),
        "You took one off the items' numbers. They count from 0, as numpy does.",
    ),
    "first_item_alone": (
        lambda scores, bought: float(-_log_softmax(scores)[bought[0]]),
        "Only the first item of the basket counts here. Take the mean over all of them.",
    ),
    "only_what_was_not_bought": (
        lambda scores, bought: float(np.log(np.exp(np.delete(scores, bought)).sum()) - scores[bought].mean()),
        "Below the line stands only what was not bought. All items stand there, the bought ones too.",
    ),
    "weighted_by_the_share": (
        lambda scores, bought: float(-(_log_softmax(scores) * np.exp(_log_softmax(scores)))[bought].mean()),
        "You weighted each logarithm by its share, as an entropy does. Each bought item counts alike.",
    ),
    "the_shares": (
        lambda scores, bought: np.exp(_log_softmax(scores))[bought],
        "These are the shares. Take minus the logarithm of each, then the mean.",
    ),
    "over_all_items": (
        lambda scores, bought: float(-_log_softmax(scores).mean()),
        "You averaged over the whole catalogue. The sum below the line runs over all items, the mean over what was"
        " bought.",
    ),
}


EXERCISES = (
    Exercise(
        "10b.basket_mask",
        solution=basket_mask,
        stub=_mask_stub,
        cases=_mask_cases,
        mistakes=_MASK_MISTAKES,
        also={
            "by_place": (lambda basket: np.tri(len(basket), dtype=bool),),
            "padding_is_looked_at": (
                lambda basket: (basket[None, :] <= basket[:, None]) & (basket >= 0)[:, None],
                lambda basket: (basket[None, :] <= basket[:, None]) | (basket < 0)[None, :],
            ),
            "turned_round": (
                lambda basket: basket[None, :] >= basket[:, None],
                lambda basket: (basket[None, :] >= basket[:, None]) & (basket >= 0)[None, :],
            ),
            "later_ones_only": (
                lambda basket: ~np.tri(len(basket), dtype=bool),
                lambda basket: basket[None, :] > basket[:, None],
            ),
            "own_basket_hidden": (lambda basket: basket[None, :] < basket[:, None],),
            "own_basket_alone": (lambda basket: basket[None, :] == basket[:, None],),
        },
        praise="Nothing in it asks for the order inside an invoice, which says nothing.",
    ),
    Exercise(
        "10b.basket_loss",
        solution=basket_loss,
        stub=_loss_stub,
        cases=_loss_cases,
        mistakes=_LOSS_MISTAKES,
        praise="Every item of the catalogue stands below the line: that is all that “full softmax” means.",
    ),
)
