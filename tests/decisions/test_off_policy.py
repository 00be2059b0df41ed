"""A new price policy judged by an old log: by hand, unbiased, and intervals that hold the truth."""

from __future__ import annotations

import numpy as np
import pytest

from ecomlib.decisions.off_policy import doubly_robust, ips, predicted_table, snips, weights
from ecomlib.errors import DataError

CONTEXTS, PLACES, ROWS = 4, 3, 400
MEAN = np.array([[5.0, 6.0, 2.0], [9.0, 3.0, 4.0], [2.0, 8.0, 7.0], [4.0, 4.0, 6.0]])
NEW = MEAN.argmax(axis=1)
TRUTH = MEAN.max(axis=1).mean()
OLD = np.full((CONTEXTS, PLACES), 0.1) + 0.7 * np.eye(PLACES)[[2, 0, 0, 1]]


def log(seed: int) -> tuple[np.ndarray, ...]:
    """Context, action, propensity and money; the old policy mostly charges something else than the new one."""
    rng = np.random.default_rng(seed)
    context = rng.integers(CONTEXTS, size=ROWS)
    action = (rng.random((ROWS, 1)) > OLD[context].cumsum(axis=1)).sum(axis=1)
    money = rng.gamma(2.0, MEAN[context, action] / 2.0)
    return context, action, OLD[context, action], money


def estimates(seed: int):
    context, action, propensity, money = log(seed)
    agrees = (NEW[context] == action).astype(float)
    said = predicted_table(money, action, context, PLACES)
    policy = np.eye(PLACES)[NEW[context]]
    yield ips(money, propensity, agrees)
    yield snips(money, propensity, agrees)
    yield doubly_robust(money, action, propensity, policy, said)


def test_four_coats_by_hand() -> None:
    money, old, new = [8.0, 5.0, 6.0, 9.0], [0.8, 0.8, 0.2, 0.2], [0, 0, 1, 1]
    assert weights(old, new).tolist() == [0.0, 0.0, 5.0, 5.0]
    assert ips(money, old, new).value == 18.75  # 75 / 4: far too much, as weights of 5 fell twice in four
    assert snips(money, old, new).value == 7.5
    found = doubly_robust(money, [0, 0, 1, 1], old, [[0, 1]] * 4, [[6, 8]] * 4)
    assert found.value == 8 + (5 * -2 + 5 * 1) / 4
    assert found.effective == 2.0 and found.rows == 4 and found.mean_weight == 2.5


def test_the_interval_is_the_textbook_one() -> None:
    money, ones = np.array([1.0, 2.0, 3.0, 6.0]), np.ones(4)
    found = ips(money, ones, ones)
    half = 1.959964 * money.std(ddof=1) / 2
    assert (found.value, found.high - found.value) == (3.0, pytest.approx(half, rel=1e-6))
    assert snips(money, ones, ones).low == pytest.approx(found.low)
    twice = ips(np.repeat(money, 2), np.ones(8), np.ones(8), cluster=np.repeat(list("abcd"), 2))
    assert twice.high - twice.low == pytest.approx(found.high - found.low)  # copies are no new evidence


def test_intervals_hold_the_truth() -> None:
    found = [[(e.low <= TRUTH <= e.high, e.value, e.high - e.low) for e in estimates(seed)] for seed in range(200)]
    held, value, width = np.array(found, dtype=float).transpose(2, 1, 0)  # (3 estimators, 200 logs)
    assert (held.mean(axis=1) >= 0.91).all()  # the recorded run has the bar of .93
    error = value.mean(axis=1) - TRUTH
    assert (np.abs(error) < 4 * value.std(axis=1) / np.sqrt(200) + [0.0, 0.03, 0.0]).all()  # SNIPS: small bias
    assert width[1].mean() < width[0].mean() and width[2].mean() < width[0].mean()


def test_doubly_robust_survives_either_mistake() -> None:
    context, action, _, money = log(3)
    policy, truth = np.eye(PLACES)[NEW[context]], MEAN[context]
    lost = doubly_robust(money, action, np.full(ROWS, 1 / 3), policy, truth)
    assert lost.low < TRUTH < lost.high  # wrong propensities, right model
    many = [
        doubly_robust(m, a, p, np.eye(PLACES)[NEW[c]], np.zeros((ROWS, PLACES))) for c, a, p, m in map(log, range(60))
    ]
    assert np.mean([e.value for e in many]) == pytest.approx(TRUTH, abs=0.25)  # right propensities, no model: IPS


def test_predictions_come_from_other_rows() -> None:
    money = np.array([0.0, 0.0, 0.0, 100.0])
    found = predicted_table(money, np.zeros(4, int), np.zeros(4, int), 1)
    assert found[3, 0] == 0.0 and found[0, 0] == 50.0
    unseen = predicted_table([1.0, 3.0], [0, 0], [0, 1], places=2)
    assert unseen[:, 1].tolist() == [3.0, 1.0]  # a price nobody charged: the mean of all


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: ips([1.0], [0.0], [1.0]), "above 0"),
        (lambda: ips([1.0], [np.nan], [1.0]), "above 0"),
        (lambda: ips([1.0], [0.5], [2.0]), "between 0 and 1"),
        (lambda: ips([1.0, 2.0], [0.5], [1.0]), "one finite reward"),
        (lambda: ips([np.inf], [0.5], [1.0]), "one finite reward"),
        (lambda: weights([0.5], [1.0, 1.0]), "one propensity"),
        (lambda: snips([1.0], [0.5], [0.0]), "never agrees"),
        (lambda: doubly_robust([1.0], [2], [0.5], [[0.0, 1.0]], [[1.0, 1.0]]), "a column for each price"),
        (lambda: doubly_robust([1.0], [1], [0.5], [[1.0, 1.0]], [[1.0, 1.0]]), "add up to one"),
        (lambda: predicted_table([1.0], [0], [0], 1, folds=1), "two folds"),
    ],
)
def test_a_log_that_cannot_answer_says_so(call, word: str) -> None:
    with pytest.raises(DataError, match=word):
        call()
