"""Splits a product's units among regions, by what it and its category sold there lately (lesson 08, section 2)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
RECENT = 26  # weeks whose regional split is the share
PRIOR = 20.0  # units that a product's own split must outweigh: so many come from its category's


def region_shares(recent: Floats, category: Sequence[str]) -> Floats:
    """Compute each region's share of a product's units, shrunk to its category's share (lesson 08, section 2).

    Parameters
    ----------
    recent : array (P, R)
        Units of the last ``RECENT`` weeks.
    category : sequence of str
        Of each product. Its units are joined by ``PRIOR`` that are split as the category's, which in turn are joined
        by as many split as the shop's.

    Returns
    -------
    array (P, R)
        Rows add up to one.

    Examples
    --------
    >>> region_shares(np.array([[30.0, 10.0], [0.0, 0.0]]), ["cups", "cups"]).round(2).tolist()
    [[0.75, 0.25], [0.75, 0.25]]
    """
    code, names = pd.factorize(np.array(category, dtype=object))
    group = np.stack([np.bincount(code, column, len(names)) for column in recent.T], axis=1)
    whole = (recent.sum(axis=0) + 1) / (recent.sum() + recent.shape[1])
    group = (group + PRIOR * whole) / (group.sum(axis=1, keepdims=True) + PRIOR)
    return np.asarray((recent + PRIOR * group[code]) / (recent.sum(axis=1, keepdims=True) + PRIOR))
