"""Stuffs titles with words until the forecast rises (lesson 06, section 3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ecomlib.errors import DataError


def stuff(
    title: str,
    words: Sequence[str],
    score: Callable[[list[str]], NDArray[np.float64]],
    budget: int = 3,
    *,
    first: bool = False,
) -> tuple[str, list[float]]:
    """Add up to ``budget`` words to a title, each time the one that raises ``score`` most (lesson 06, section 3).

    Greedy search, which needs no gradient: ``score`` (n titles) -> (n,) is all that the attacker may ask, as a seller
    can who watches the shop. ``first`` puts the words in front, for a shop that reads only a title's beginning. Returns
    the title and the score after each word, the clean one first; stops where no word helps. Words that the title has
    are not repeated.
    """
    if budget < 0 or not words:
        raise DataError("a budget of words is not negative, and words are needed", value=(budget, len(words)))
    path = [float(np.asarray(score([title]), dtype=float)[0])]
    for _ in range(budget):
        used = set(title.lower().split())
        tried = [f"{w} {title}" if first else f"{title} {w}" for w in words if w.lower() not in used]
        if not tried:
            break
        found = np.asarray(score(tried), dtype=float)
        best = int(found.argmax())
        if found[best] <= path[-1]:
            break
        title = tried[best]
        path.append(float(found[best]))
    return title, path
