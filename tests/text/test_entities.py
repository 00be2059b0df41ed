"""Entity embeddings: numbers of words, what is learnt from sales, and what an unknown word gets."""

from __future__ import annotations

import numpy as np
import pytest

from ecomlib.errors import DataError
from ecomlib.text.entities import EntitySettings, learn_entities, word_numbers

QUICK = EntitySettings(epochs=80, lr=0.05, seeds=(0,))


def test_words_are_numbered_from_the_training_rows_alone() -> None:
    codes, known = word_numbers([["mug", "red"], ["mug"], ["kite", "red"], []], np.array([True, True, False, False]))
    assert codes.tolist() == [[1, 2], [1, -1], [0, 2], [-1, -1]]
    assert known == 2


def test_what_a_word_is_worth_is_learnt_from_the_training_rows() -> None:
    rng = np.random.default_rng(0)
    kinds, shades = rng.integers(0, 4, 400), rng.integers(0, 3, 400)
    words = [[f"kind{a}", f"shade{b}"] for a, b in zip(kinds, shades, strict=True)]
    worth = np.linspace(-1, 1, 4)[kinds] + np.linspace(-0.5, 0.5, 3)[shades]
    train = np.arange(400) < 300
    y = worth + rng.normal(0, 0.2, 400)
    found = learn_entities(words, np.where(train, y, 1e6), train, QUICK)  # test values are not read
    assert np.corrcoef(found[~train], worth[~train])[0, 1] > 0.95
    assert np.abs(found[~train] - worth[~train]).mean() < 0.2
    same = learn_entities(words, y, train, QUICK)
    np.testing.assert_array_equal(found, same)


def test_words_that_nobody_has_seen_are_all_alike() -> None:
    words = [["mug"], ["tray"]] * 20 + [["kite"], ["drum"]]
    train = np.arange(42) < 40
    found = learn_entities(words, np.array([1.0, -1.0] * 21), train, QUICK)
    assert found[40] == found[41]
    assert abs(found[40]) < 1  # neither a mug nor a tray


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(DataError, match="too few rows"):
        learn_entities([["mug"]] * 5, np.zeros(5), np.ones(5, bool))
