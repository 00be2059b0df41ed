"""Chances into money: by hand, against the best rule found by trying all, and what does not fit."""

from __future__ import annotations

import numpy as np
import pytest

from ecomlib.decisions import intent
from ecomlib.errors import DataError
from ecomlib.evaluation.calibration import prior_shift


def test_the_threshold_is_the_best_of_all_thresholds() -> None:
    rng = np.random.default_rng(0)
    p = rng.beta(1, 5, 200_000)
    y = rng.random(len(p)) < p
    tried = np.linspace(0.01, 0.6, 60)
    lost = [3.0 * ((p >= t) & ~y).sum() + 12.0 * ((p < t) & y).sum() for t in tried]
    assert intent.threshold(3.0, 12.0) == 0.2
    assert tried[int(np.argmin(lost))] == pytest.approx(0.2, abs=0.02)


def test_help_is_for_the_middle() -> None:
    low, high = intent.help_band(margin=20.0, cost=0.5, lift=0.5) or (0, 0)
    inside = intent.help_gain([low, 0.5, high], margin=20.0, cost=0.5, lift=0.5)
    outside = intent.help_gain([low - 1e-3, high + 1e-3], margin=20.0, cost=0.5, lift=0.5)
    assert (inside >= 0).all() and (outside < 0).all() and inside.argmax() == 1
    # a voucher pays those who would have bought anyway: the band ends earlier
    with_gift = intent.help_band(margin=20.0, cost=0.5, lift=0.5, gift=2.0) or (0, 0)
    assert with_gift[1] < high and with_gift[0] > low


def test_help_that_does_nothing_costs_its_cost() -> None:
    assert intent.help_gain([0.1, 0.9], margin=10.0, cost=0.3, lift=0.0).tolist() == pytest.approx([-0.3, -0.3])
    assert intent.help_band(margin=10.0, cost=0.3, lift=0.0) is None


def test_help_gain_is_what_a_coupled_experiment_earns() -> None:
    rng = np.random.default_rng(1)
    p = rng.beta(2, 6, 300_000)
    luck = rng.random(len(p))
    helped = 1 / (1 + np.exp(-(np.log(p / (1 - p)) + 0.4)))
    without, with_help = luck < p, luck < helped
    money = 20.0 * (with_help.mean() - without.mean()) - 1.0 * with_help.mean() - 0.2
    said = intent.help_gain(p, margin=20.0, cost=0.2, lift=0.4, gift=1.0)
    assert said.mean() == pytest.approx(money, abs=0.02)


def test_checks_have_a_threshold_for_each_value_and_earn_what_was_expected() -> None:
    rng = np.random.default_rng(2)
    p, value = rng.beta(1, 40, 100_000), rng.lognormal(3, 1.5, 100_000)
    came = (rng.random(len(p)) < p).astype(float)
    gain = intent.check_gain(p, value=value, cost=1.0, saved=0.25)
    act = gain > 0
    assert (act == (p > 1.0 / (0.25 * value))).all()
    luck = 0.25 * np.sqrt((p * (1 - p) * value**2)[act].sum())  # one standard error of what comes back
    assert intent.earned(act, came, value=value, cost=1.0) == pytest.approx(gain[act].sum(), abs=4 * luck)
    wrong = prior_shift(p, 0.025, 0.1)  # four times too sure of returns
    badly = intent.check_gain(wrong, value=value, cost=1.0) > 0
    assert intent.check_gain(p, value=value, cost=1.0)[badly].sum() < gain[act].sum()


def test_dearest_marks_a_share() -> None:
    assert intent.dearest(np.arange(100), 0.05).nonzero()[0].tolist() == [95, 96, 97, 98, 99]
    assert intent.dearest([1.0, 1.0, 1.0], 0.34).tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: intent.threshold(-1.0, 2.0), "without a sign"),
        (lambda: intent.threshold(0.0, 0.0), "both costs"),
        (lambda: intent.help_gain([1.2], margin=1.0, cost=0.0, lift=0.1), "between 0 and 1"),
        (lambda: intent.help_gain([0.2], margin=1.0, cost=0.0, lift=float("nan")), "experiment"),
        (lambda: intent.check_gain([0.2], value=[1.0, 2.0], cost=0.0), "one value"),
        (lambda: intent.check_gain([0.2], value=[1.0], cost=0.0, saved=25), "0.25 for a quarter"),
        (lambda: intent.earned([True], [1], value=[1.0, 2.0], cost=0.0), "one decision"),
        (lambda: intent.dearest([0.1], 5), "0.05"),
    ],
)
def test_what_does_not_fit_is_told(call, words: str) -> None:
    with pytest.raises(DataError, match=words):
        call()
