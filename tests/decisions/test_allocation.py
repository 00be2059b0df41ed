"""Scarce stock divided by a linear programme, against a greedy hand and a rival that expects."""

from __future__ import annotations

import numpy as np
import pytest

from ecomlib.decisions.allocation import allocate, expected_sold, steps_of
from ecomlib.errors import DataError

LEVELS = np.array([0.1, 0.3, 0.5, 0.7, 0.9])


def _drawn(seed: int = 0, products: int = 5, regions: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    quantiles = np.sort(rng.integers(0, 12, (products, regions, len(LEVELS))), axis=2).astype(float)
    return np.floor(quantiles[..., 2].sum(axis=1)), quantiles, rng.uniform(1, 4, products)


def test_without_vans_it_is_what_a_greedy_hand_does() -> None:
    stock, quantiles, c_u = _drawn()
    widths, chance = steps_of(LEVELS, quantiles)
    sent = allocate(stock, LEVELS, quantiles, c_u)
    for product, units in enumerate(stock):
        left, value = units, 0.0
        for step in range(len(LEVELS)):  # the likeliest units first
            given = min(left, widths[product, :, step].sum())
            left, value = left - given, value + given * chance[step]
        assert expected_sold(sent, LEVELS, quantiles)[product].sum() == pytest.approx(value)
    assert (sent.sum(axis=1) <= stock).all()
    assert (sent == np.round(sent)).all()


def test_vans_bind_and_units_stay_whole() -> None:
    stock, quantiles, c_u = _drawn(1)
    capacity = np.array([7.0, 100.0, 3.9, 50.0])
    sent = allocate(stock, LEVELS, quantiles, c_u, capacity=capacity)
    assert (sent.sum(axis=0) <= np.floor(capacity)).all()
    assert (sent == np.round(sent)).all()
    free = allocate(stock, LEVELS, quantiles, c_u, capacity=capacity, whole=False)
    money = [(c_u[:, None] * expected_sold(units, LEVELS, quantiles)).sum() for units in (sent, free)]
    assert money[0] <= money[1] + 1e-9
    assert money[0] == pytest.approx(money[1], rel=0.03)


def test_what_costs_more_than_it_earns_stays() -> None:
    quantiles = np.array([[[2.0, 4.0, 6.0, 8.0, 10.0]]])
    assert allocate([99], LEVELS, quantiles, c_u=1.0, c_o=1.0).tolist() == [[6.0]]  # as long as it is likelier than not
    assert allocate([99], LEVELS, quantiles, c_u=1.0).tolist() == [[10.0]]
    assert allocate([99], LEVELS, quantiles, c_u=0.0).tolist() == [[0.0]]


def test_quantiles_serve_more_than_expectation() -> None:
    """Two regions expect four; one wants four for sure, the other none or eight."""
    quantiles = np.array([[[4.0, 4.0], [0.0, 8.0]]])
    sent = allocate([6], [0.5, 0.999], quantiles, c_u=1.0)
    assert sent.tolist() == [[4.0, 2.0]]
    wanted = np.array([[4.0, 0.0], [4.0, 8.0]])
    ours, theirs = (np.minimum(units, wanted).sum(axis=1).mean() for units in (sent, np.array([3.0, 3.0])))
    assert (ours, theirs) == (5.0, 4.5)


@pytest.mark.parametrize(
    "call",
    [
        lambda: steps_of([0.5, 0.2], [[1.0, 2.0]]),
        lambda: steps_of([0.5], [[1.0, 2.0]]),
        lambda: steps_of([0.2, 0.5], [[2.0, 1.0]]),
        lambda: allocate([[1.0]], [0.5], [[[1.0]]], 1.0),
        lambda: allocate([-1.0], [0.5], [[[1.0]]], 1.0),
        lambda: allocate([1.0], [0.5], [[[1.0]]], -1.0),
        lambda: allocate([1.0], [0.5], [[[1.0]]], 1.0, capacity=[1.0, 2.0]),
    ],
)
def test_what_cannot_be_is_said(call) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataError):
        call()
