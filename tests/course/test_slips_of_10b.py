"""Answers to lesson 10b's exercises as a learner wrote them, from the page alone: each gets the hint that fits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from ecomlib.course.exercises import find, judge


def shares(scores: np.ndarray) -> np.ndarray:
    """A softmax as one writes it first, without care for overflow."""
    return np.exp(scores) / np.exp(scores).sum()


def targets(scores: np.ndarray, bought: np.ndarray) -> np.ndarray:
    held = np.zeros(len(scores))
    held[bought] = 1
    return held


def item_by_item(basket: np.ndarray) -> np.ndarray:
    """Loops over places, as one writes it first, and lets padding in."""
    return np.array([[s <= t for s in basket] for t in basket])


def by_place_padded(basket: np.ndarray) -> np.ndarray:
    return np.tril(np.ones((len(basket), len(basket)), dtype=bool))


def rows_real(allowed: np.ndarray, basket: np.ndarray) -> np.ndarray:
    return allowed & (basket >= 0)[:, None]


RIGHT: list[tuple[str, Callable[..., Any]]] = [
    ("10b.basket_loss", lambda s, b: -np.log(shares(s))[b].mean()),
    ("10b.basket_loss", lambda s, b: -(targets(s, b) / len(b) * np.log(shares(s))).sum()),
    ("10b.basket_loss", lambda s, b: float(-torch.tensor(s).log_softmax(0)[torch.tensor(b)].mean())),
    ("10b.basket_loss", lambda s, b: np.log(np.exp(s).sum()) - s[b].mean()),
    ("10b.basket_mask", lambda b: (item_by_item(b) & (b >= 0)).astype(bool) & (b >= 0)[:, None]),
    ("10b.basket_mask", lambda b: (item_by_item(b) & (b >= 0) & (b >= 0)[:, None]).astype(int)),
    ("10b.basket_mask", lambda b: item_by_item(b) & (b >= 0)[None, :]),  # what is below -1 is nothing: rows are empty
]

SLIPS: list[tuple[str, Callable[..., Any], str]] = [
    ("10b.basket_loss", lambda s, b: -np.log(shares(s))[b].sum(), "sum_for_mean"),
    ("10b.basket_loss", lambda s, b: -np.log(shares(s[b])).mean(), "softmax_over_the_basket"),
    ("10b.basket_loss", lambda s, b: -np.log(shares(s)[b].mean()), "mean_of_probabilities"),
    ("10b.basket_loss", lambda s, b: -np.log(shares(s)[b].sum()), "of_the_whole_basket"),
    ("10b.basket_loss", lambda s, b: np.log(shares(s))[b].mean(), "no_minus"),
    ("10b.basket_loss", lambda s, b: -shares(s)[b].mean(), "no_logarithm"),
    ("10b.basket_loss", lambda s, b: 1 - shares(s)[b].mean(), "one_minus_the_share"),
    ("10b.basket_loss", lambda s, b: -s[b].mean(), "scores_alone"),
    ("10b.basket_loss", lambda s, b: -(targets(s, b) * np.log(shares(s))).mean(), "mean_over_the_catalogue"),
    ("10b.basket_loss", lambda s, b: -np.log2(shares(s))[b].mean(), "in_bits"),
    ("10b.basket_loss", lambda s, b: -np.log10(shares(s))[b].mean(), "base_ten"),
    ("10b.basket_loss", lambda s, b: -np.log(s / s.sum())[b].mean(), "no_exponential"),
    ("10b.basket_loss", lambda s, b: -np.log(shares(s))[b], "one_for_each_item"),
    ("10b.basket_loss", lambda s, b: -np.log(shares(s)[b].prod()), "sum_for_mean"),
    ("10b.basket_loss", lambda s, b: -np.log(shares(s)).mean(), "over_all_items"),
    ("10b.basket_loss", lambda s, b: -np.log(shares(shares(s)))[b].mean(), "softmax_twice"),
    ("10b.basket_loss", lambda s, b: -np.log(shares(s))[b - 1].mean(), "counted_from_one"),
    ("10b.basket_loss", lambda s, b: -np.log(shares(s))[b[0]], "first_item_alone"),
    ("10b.basket_loss", lambda s, b: np.log(np.exp(np.delete(s, b)).sum()) - s[b].mean(), "only_what_was_not_bought"),
    ("10b.basket_loss", lambda s, b: -(shares(s) * np.log(shares(s)))[b].mean(), "weighted_by_the_share"),
    ("10b.basket_loss", lambda s, b: shares(s)[b], "the_shares"),
    ("10b.basket_mask", by_place_padded, "by_place"),
    ("10b.basket_mask", lambda b: rows_real(by_place_padded(b), b) & (b >= 0), "by_place"),
    ("10b.basket_mask", item_by_item, "padding_is_looked_at"),
    ("10b.basket_mask", lambda b: item_by_item(b) & (b >= 0)[:, None], "padding_is_looked_at"),
    ("10b.basket_mask", lambda b: rows_real(b[None, :] < b[:, None], b) & (b >= 0), "own_basket_hidden"),
    ("10b.basket_mask", lambda b: rows_real(b[None, :] == b[:, None], b) & (b >= 0), "own_basket_alone"),
    ("10b.basket_mask", lambda b: (rows_real(b[:, None] <= b[None, :], b)) & (b >= 0), "turned_round"),
    ("10b.basket_mask", lambda b: b[:, None] <= b[None, :], "turned_round"),
    ("10b.basket_mask", lambda b: ~(rows_real(item_by_item(b), b) & (b >= 0)), "forbidden_for_allowed"),
    ("10b.basket_mask", lambda b: np.triu(np.ones((len(b), len(b)), dtype=bool), 1), "later_ones_only"),
    ("10b.basket_mask", lambda b: (rows_real(item_by_item(b), b) & (b >= 0)).sum(axis=1), "counts"),
    ("10b.basket_mask", lambda b: item_by_item(b) & ((b >= 0)[:, None] == (b >= 0)), "padding_sees_padding"),
    ("10b.basket_mask", lambda b: item_by_item(b[b >= 0]), "without_padding"),
    (
        "10b.basket_mask",
        lambda b: rows_real(item_by_item(b) & (b[:, None] - b <= 1), b) & (b >= 0),
        "last_basket_alone",
    ),
    (
        "10b.basket_mask",
        lambda b: rows_real((b < b[:, None]) | (np.eye(len(b)) > 0), b) & (b >= 0),
        "only_itself_of_its_basket",
    ),
    (
        "10b.basket_mask",
        lambda b: np.where(rows_real(item_by_item(b), b) & (b >= 0), 0, -np.inf),
        "minus_infinity",
    ),
]


@pytest.mark.parametrize(("name", "answer"), RIGHT, ids=range(len(RIGHT)))
def test_another_right_way_is_right(name: str, answer: Callable[..., Any]) -> None:
    assert judge(find(name), answer).status == "right"


@pytest.mark.parametrize(("name", "answer", "mistake"), SLIPS, ids=[f"{slip[0]}-{slip[2]}" for slip in SLIPS])
def test_a_slip_has_its_hint(name: str, answer: Callable[..., Any], mistake: str) -> None:
    with np.errstate(all="ignore"):
        verdict = judge(find(name), answer)
    assert (verdict.status, verdict.mistake) == ("mistake", mistake), verdict.text
