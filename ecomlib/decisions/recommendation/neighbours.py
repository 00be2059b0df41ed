"""Scores the catalogue by what is bought again, by all, by the like-minded and together (lesson 10, sections 1, 2).

Each function reads the history of a ``Cut`` and gives scores (N, I), the higher the better; nothing here sees a target.
N cases, U customers, I items, F factors.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from ecomlib.decisions.recommendation.baskets import Cut
from ecomlib.errors import DataError

Floats = NDArray[np.float64]


def popularity(cut: Cut, days: int | None = 28) -> Floats:
    """Count the baskets that held each item in the last days, alike for every case, (N, I).

    Parameters
    ----------
    cut : Cut
    days : int, optional
        None counts all history.
    """
    total = np.asarray(cut.matrix(window=days).sum(axis=0)).ravel()
    return np.tile(total, (len(cut.cases), 1))


def own_frequency(cut: Cut, decay: float = 180.0, days: int | None = 28) -> Floats:
    """Count how often each case bought each item, lately more, (N, I) (lesson 10, section 1).

    Equal counts, above all the zeros, are ordered by ``popularity``: a part below every count is added.

    Parameters
    ----------
    cut : Cut
    decay : float
        Days after which a basket counts 1/e.
    days : int, optional
        Of the popularity that fills up.
    """
    return _filled(cut.matrix(decay)[cut.cases].toarray(), cut, days)


def _filled(scores: Floats, cut: Cut, days: int | None = 28) -> Floats:
    """Scores with popularity below the least score above zero: ties and zeros get its order."""
    popular = popularity(cut, days)
    above = scores[scores > 0]
    least = float(above.min()) if len(above) else 1.0
    return np.asarray(scores + 1e-3 * least * popular / max(float(popular.max()), 1.0))


def own_and_popular(cut: Cut, share: float = 0.3, *, decay: float = 180.0, days: int = 28) -> Floats:
    """Combine each case's own frequencies with everybody's, (N, I) (lesson 10, section 3): what a sceptic tries first.

    Both are shares of baskets that hold an item: of the case's own, which fade with age, and of all in the last days.

    Parameters
    ----------
    cut : Cut
    share : float
        Of the own frequencies; the rest is popularity.
    decay : float
        Days after which a basket counts 1/e.
    days : int

    Raises
    ------
    DataError
        A share outside 0 to 1.
    """
    _share(share)
    recent = cut.lines[cut.lines["age"] <= days]
    baskets = max(len(recent.drop_duplicates(["customer", "age"])), 1)
    own = _rates(cut, decay)[cut.cases].toarray()
    return np.asarray(share * own + (1 - share) * popularity(cut, days) / baskets)


def _share(share: float) -> None:
    if not 0 <= share <= 1:
        raise DataError("the own share lies between 0 and 1", value=share, remedy="write share=0.7.")


def _rates(cut: Cut, decay: float) -> sparse.csr_matrix:
    """The share of each customer's baskets that held an item, baskets fading with age, (U, I)."""
    baskets = cut.lines.drop_duplicates(["customer", "age"])
    faded = np.bincount(baskets["customer"], np.exp(-baskets["age"] / decay), minlength=len(cut.customers))
    return (sparse.diags(1 / np.maximum(faded, 1e-12)) @ cut.matrix(decay)).tocsr()


def item_knn(
    cut: Cut,
    neighbours: int = 100,
    *,
    decay: float | None = None,
    power: float = 0.5,
    own: bool = False,
) -> Floats:
    """Add up the similarity of each item to what the case bought, (N, I) (lesson 10, section 2).

    The similarity of i and j is the number of customers who bought both, over (customers of i · customers of j)^power;
    at one half that is the cosine. Each item keeps its nearest neighbours (Deshpande and Karypis, 2004).

    Parameters
    ----------
    cut : Cut
    neighbours : int
        Of each item.
    decay : float, optional
        Days after which a basket of the case counts 1/e; without it what was bought counts once.
    power : float
        The higher, the fewer best sellers.
    own : bool
        Whether an item is similar to itself; then what was bought comes first.
    """
    everybody = (cut.matrix() > 0).astype(np.float64)
    together = np.asarray((everybody.T @ everybody).toarray())  # (I, I)
    count = np.maximum(np.diag(together), 1.0) ** power
    similar = together / np.outer(count, count)
    if not own:
        np.fill_diagonal(similar, 0.0)
    if neighbours < len(similar):
        least = np.partition(similar, -neighbours, axis=0)[-neighbours]
        similar[similar < least] = 0.0
    profile = everybody[cut.cases] if decay is None else cut.matrix(decay)[cut.cases]
    return np.asarray(profile @ similar)


def ease(gram: Floats, penalty: float) -> Floats:
    """Compute EASE's item weights in closed form, (I, I) (Steck, 2019; lesson 10, section 2).

    The weights B minimise |X - X B|² + penalty |B|² with a diagonal of zero: an item may not explain itself. With
    P = (XᵀX + penalty I)⁻¹ they are B = I - P / diag(P), column by column.

    Parameters
    ----------
    gram : array
        XᵀX, (I, I).
    penalty : float
        Above 0.

    Raises
    ------
    DataError
        A penalty that is not above zero, or a matrix that is not square.

    Examples
    --------
    >>> ease(np.array([[2.0, 1.0], [1.0, 2.0]]), 1.0).round(3).tolist()
    [[0.0, 0.333], [0.333, 0.0]]
    """
    if not penalty > 0:
        raise DataError("EASE needs a penalty above zero", value=penalty, remedy="write penalty=200.0.")
    if gram.ndim != 2 or gram.shape[0] != gram.shape[1]:
        raise DataError("EASE reads a square matrix of items", value=gram.shape, remedy="give X.T @ X.")
    inverse = linalg.inv(gram + penalty * np.eye(len(gram)), check_finite=False)
    weights = np.asarray(-inverse / np.diag(inverse))
    np.fill_diagonal(weights, 0.0)
    return weights


def ease_scores(cut: Cut, penalty: float = 200.0, *, decay: float | None = None) -> Floats:
    """Score items by EASE's weights on what the case bought, (N, I).

    Parameters
    ----------
    cut : Cut
    penalty : float
    decay : float, optional
        As ``item_knn`` takes it.
    """
    everybody = (cut.matrix() > 0).astype(np.float64)
    weights = ease(np.asarray((everybody.T @ everybody).toarray()), penalty)
    profile = everybody[cut.cases] if decay is None else cut.matrix(decay)[cut.cases]
    return np.asarray(profile @ weights)


def als(
    matrix: sparse.csr_matrix,
    rng: np.random.Generator,
    *,
    factors: int = 64,
    penalty: float = 0.01,
    rounds: int = 15,
) -> tuple[Floats, Floats]:
    """Fit factors to implicit feedback by alternating least squares (Hu, Koren and Volinsky, 2008).

    Everything is observed: what was bought as 1 with the confidence that ``matrix`` holds, all else as 0 with
    confidence 1. One side is fixed and the other solved exactly, in turn.

    Parameters
    ----------
    matrix : csr_matrix
        Confidences, (U, I), above 0 where bought; such as 1 + alpha · count.
    rng : Generator
        Of the start, uniform in ± 0.5 / factors around zero.
    factors, rounds : int
    penalty : float

    Returns
    -------
    tuple of arrays
        Factors of customers (U, F) and of items (I, F).
    """
    people = (rng.random((matrix.shape[0], factors)) - 0.5) / factors
    things = (rng.random((matrix.shape[1], factors)) - 0.5) / factors
    rows, columns = matrix.tocsr(), matrix.T.tocsr()
    for _ in range(rounds):
        people = _solve(rows, things, penalty)
        things = _solve(columns, people, penalty)
    return people, things


def _solve(confidence: sparse.csr_matrix, fixed: Floats, penalty: float) -> Floats:
    """The exact factors of one side, given the other's."""
    whole = fixed.T @ fixed + penalty * np.eye(fixed.shape[1])
    left = np.empty((confidence.shape[0], *whole.shape))
    right = np.empty((confidence.shape[0], fixed.shape[1]))
    for row in range(confidence.shape[0]):
        part = slice(confidence.indptr[row], confidence.indptr[row + 1])
        there, weight = fixed[confidence.indices[part]], confidence.data[part]
        left[row] = whole + (there.T * (weight - 1)) @ there
        right[row] = weight @ there
    return np.asarray(np.linalg.solve(left, right[..., None])[..., 0])


def confidence(cut: Cut, alpha: float, decay: float | None = None) -> sparse.csr_matrix:
    """Compute how much ALS believes each purchase, (U, I): 1 + alpha times the count, above 0 where bought.

    Parameters
    ----------
    cut : Cut
    alpha : float
    decay : float, optional
        Days after which a basket counts 1/e; without it what was bought counts once, however often.
    """
    count = (cut.matrix() > 0).astype(np.float64) if decay is None else cut.matrix(decay).tocsr()
    count.data = 1 + alpha * count.data
    return count


def als_scores(
    cut: Cut,
    rng: np.random.Generator,
    *,
    alpha: float = 10.0,
    factors: int = 64,
    penalty: float = 0.01,
    rounds: int = 15,
    decay: float | None = None,
) -> Floats:
    """Score items by the product of ALS factors, (N, I).

    Parameters
    ----------
    cut : Cut
    rng : Generator
    alpha, decay : float
        As ``confidence`` takes them.
    factors, rounds : int
    penalty : float
    """
    people, things = als(confidence(cut, alpha, decay), rng, factors=factors, penalty=penalty, rounds=rounds)
    return np.asarray(people[cut.cases] @ things.T)


def tifu_knn(
    cut: Cut, *, decay: float = 180.0, neighbours: int = 300, share: float = 0.7, days: int | None = 28
) -> Floats:
    """Average each case's own frequencies with those of customers like it, (N, I) (after Hu and others, 2020).

    Frequencies fade with age and are divided by the customer's number of (faded) baskets, so that heavy buyers and
    light ones compare; neighbours are the nearest by cosine, the case itself left out.

    Parameters
    ----------
    cut : Cut
    decay : float
        Days after which a basket counts 1/e.
    neighbours : int
    share : float
        Of the own frequencies; the rest is the neighbours' mean.
    days : int, optional
        Of the popularity that orders ties.
    """
    _share(share)
    rate = _rates(cut, decay)
    length = np.sqrt(np.asarray(rate.multiply(rate).sum(axis=1)).ravel())
    unit = sparse.diags(1 / np.maximum(length, 1e-12)) @ rate
    near = np.asarray((unit[cut.cases] @ unit.T).toarray())  # (N, U)
    near[np.arange(len(cut.cases)), cut.cases] = -1.0
    kept = min(neighbours, near.shape[1] - 1)
    who = np.argpartition(-near, kept - 1, axis=1)[:, :kept]
    row = np.repeat(np.arange(len(cut.cases)), kept)
    mean = sparse.csr_matrix((np.full(who.size, 1 / kept), (row, who.ravel())), shape=near.shape) @ rate
    return _filled(share * rate[cut.cases].toarray() + (1 - share) * mean.toarray(), cut, days)
