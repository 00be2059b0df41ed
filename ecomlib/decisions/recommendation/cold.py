"""Scores items that nobody has bought yet, or only a few have, by their texts and by what sold so far (lesson 10b).

The state of an item is always named: *strictly cold* (no sale yet: text, price, category are all there is) or *warming
up* (a few sales). N customers, I known items, M new ones, D numbers a text.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from ecomlib.errors import DataError

Floats = NDArray[np.float64]


def text_neighbours(
    profile: sparse.csr_matrix, known: sparse.csr_matrix | Floats, new: sparse.csr_matrix | Floats, neighbours: int = 20
) -> Floats:
    """Score new items by the texts of what each customer bought, (N, M): item-kNN with a similarity that is read.

    Parameters
    ----------
    profile : csr_matrix
        How much each customer bought of each known item, (N, I).
    known, new : array or csr_matrix
        Vectors of the texts, (I, D) and (M, D), of any length; dense ones are centred on the mean of the known items,
        since the vectors of an encoder all point one way.
    neighbours : int
        Known items kept for each new one, the nearest by cosine.

    Raises
    ------
    DataError
        Vectors of different widths, or a profile of other items.

    Examples
    --------
    >>> profile = sparse.csr_matrix([[1.0, 0.0, 0.0], [0.0, 0.0, 2.0]])
    >>> known, new = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]]), np.array([[2.0, 0.1], [-1.0, -2.0]])
    >>> text_neighbours(profile, known, new, 1).round(1).tolist()
    [[1.0, 0.0], [0.0, 1.9]]
    """
    if known.shape[1] != new.shape[1] or profile.shape[1] != known.shape[0]:
        raise DataError(
            "profile and texts do not fit",
            value=(profile.shape, known.shape, new.shape),
            remedy="give (N, I), (I, D) and (M, D), texts of one encoder.",
        )
    if not sparse.issparse(known):
        middle = np.asarray(known).mean(axis=0)
        known, new = np.asarray(known) - middle, np.asarray(new) - middle
    near: Any = _unit(known) @ _unit(new).T
    near = np.asarray(near.toarray() if sparse.issparse(near) else near)  # (I, M)
    near = np.maximum(near, 0.0)
    if neighbours < len(near):
        near = np.where(near < np.partition(near, -neighbours, axis=0)[-neighbours], 0.0, near)
    return np.asarray(profile @ near)


def _unit(vectors: Any) -> Any:
    """Vectors of length one."""
    if sparse.issparse(vectors):
        length = np.sqrt(np.asarray(vectors.multiply(vectors).sum(axis=1)).ravel())
        return sparse.diags(1 / np.maximum(length, 1e-12)) @ vectors
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def price_distance(profile: sparse.csr_matrix, known: ArrayLike, new: ArrayLike) -> Floats:
    """Score new items by how near their price is to what each customer pays, (N, M): minus the distance of logarithms.

    Parameters
    ----------
    profile : csr_matrix
        (N, I).
    known, new : array
        Prices, (I,) and (M,), above zero.

    Raises
    ------
    DataError
        A price that is not above zero.

    Examples
    --------
    >>> price_distance(sparse.csr_matrix([[1.0, 0.0]]), [2.0, 9.0], [2.0, 4.0]).round(2).tolist()
    [[-0.0, -0.69]]
    """
    old, coming = np.asarray(known, dtype=np.float64), np.asarray(new, dtype=np.float64)
    if not ((old > 0).all() and (coming > 0).all()):
        raise DataError("a price is above zero", column="unit_price", remedy="leave out what is given away.")
    weight = np.asarray(profile.sum(axis=1)).ravel()
    pays = (profile @ np.log(old)) / np.maximum(weight, 1e-12)
    return np.asarray(-np.abs(pays[:, None] - np.log(coming)[None, :]))


def warming_blend(sold: ArrayLike, text: Floats, share: float = 0.5) -> Floats:
    """Combine what has sold so far with the texts' scores, (N, M): log of the one, the other in units of its spread.

    Parameters
    ----------
    sold : array
        Baskets so far, faded or not, (M,) or (N, M), zero where none.
    text : array
        Of ``text_neighbours``, (N, M).
    share : float
        Of the text, 0 to 1.

    Raises
    ------
    DataError
        A share outside 0 to 1.

    Examples
    --------
    >>> warming_blend([3.0, 0.0], np.array([[0.0, 2.0]]), share=0.0).round(2).tolist()
    [[1.0, -1.0]]
    """
    if not 0 <= share <= 1:
        raise DataError("a share lies between 0 and 1", value=share, remedy="write share=0.5.")
    popular = np.broadcast_to(np.log1p(np.asarray(sold, dtype=np.float64)), text.shape)
    return np.asarray((1 - share) * _standard(popular) + share * _standard(text))


def _standard(values: Floats) -> Floats:
    """Each row with mean zero and spread one; a row of equal values is all zeros."""
    spread = values.std(axis=1, keepdims=True)
    return np.asarray((values - values.mean(axis=1, keepdims=True)) / np.where(spread > 0, spread, 1.0))
