"""New items by their texts, their prices and their first sales: against answers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from ecomlib.decisions.recommendation.cold import price_distance, text_neighbours, warming_blend
from ecomlib.errors import DataError

KNOWN = ["red mug of clay", "blue mug of clay", "oak lamp", "brass lamp"]
NEW = ["green mug of clay", "iron lamp"]


def test_who_bought_mugs_is_shown_the_new_mug_by_words() -> None:
    words = TfidfVectorizer().fit(KNOWN)
    profile = sparse.csr_matrix([[1.0, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 0]])
    scores = text_neighbours(profile, words.transform(KNOWN), words.transform(NEW), 2)
    assert scores.shape == (3, 2) and scores[0, 0] > scores[0, 1] == 0 and scores[1, 1] > scores[1, 0] == 0
    assert (scores[2] == 0).all()  # who has bought nothing has no neighbours
    dense = text_neighbours(profile, words.transform(KNOWN).toarray(), words.transform(NEW).toarray(), 2)
    assert (dense.argmax(axis=1)[:2] == [0, 1]).all()


def test_vectors_that_all_point_one_way_are_centred() -> None:
    rng = np.random.default_rng(0)
    known, new = rng.normal(size=(30, 8)), rng.normal(size=(4, 8))
    profile = sparse.csr_matrix(rng.random((5, 30)))
    shifted = text_neighbours(profile, known + 50, new + 50)
    np.testing.assert_allclose(shifted, text_neighbours(profile, known, new), atol=1e-8)
    few = text_neighbours(profile, known, new, 3)
    assert (few <= text_neighbours(profile, known, new, 30) + 1e-12).all()


def test_prices_are_compared_as_ratios() -> None:
    scores = price_distance(sparse.csr_matrix([[1.0, 1.0]]), [1.0, 4.0], [2.0, 1.0, 4.0])
    np.testing.assert_allclose(scores, [[0.0, -np.log(2), -np.log(2)]], atol=1e-12)
    with pytest.raises(DataError, match="above zero"):
        price_distance(sparse.csr_matrix([[1.0]]), [0.0], [1.0])


def test_the_blend_goes_from_sales_to_texts_and_a_row_without_either_is_level() -> None:
    text = np.array([[0.1, 0.9, 0.2], [0.0, 0.0, 0.0]])
    sold = np.array([5.0, 0.0, 1.0])
    assert warming_blend(sold, text, 0.0).argmax(axis=1).tolist() == [0, 0]
    assert warming_blend(sold, text, 1.0).argmax(axis=1).tolist()[0] == 1
    assert (warming_blend(np.zeros(3), text, 0.5)[1] == 0).all()
    with pytest.raises(DataError, match="share"):
        warming_blend(sold, text, 1.5)
    with pytest.raises(DataError, match="fit"):
        text_neighbours(sparse.csr_matrix((2, 3)), np.ones((4, 2)), np.ones((1, 2)))
