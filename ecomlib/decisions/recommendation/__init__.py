"""Recommends: who bought what, cut in time, ranked in full, and judged in two tables (lessons 10 and 10b).

``baskets`` makes baskets of order lines and cuts them in time, ``neighbours`` scores the catalogue for each customer
(own frequency, popularity, item-kNN, EASE, ALS, a TIFU-kNN blend), ``networks`` does so with GRU4Rec and SASRec over
baskets, ``cold`` by the texts of what a customer bought, and ``ranking`` says how well: all items, and items new to the
customer. ``networks`` imports torch, so it is imported where it is used.
"""

from __future__ import annotations

from ecomlib.decisions.recommendation.baskets import Cut, basket_lines, cut_at
from ecomlib.decisions.recommendation.neighbours import (
    als,
    als_scores,
    ease,
    ease_scores,
    item_knn,
    own_and_popular,
    own_frequency,
    popularity,
    tifu_knn,
)
from ecomlib.decisions.recommendation.ranking import Paired, catalogue_share, paired, ranked, two_tables

__all__ = [
    "Cut",
    "Paired",
    "als",
    "als_scores",
    "basket_lines",
    "catalogue_share",
    "cut_at",
    "ease",
    "ease_scores",
    "item_knn",
    "own_and_popular",
    "own_frequency",
    "paired",
    "popularity",
    "ranked",
    "tifu_knn",
    "two_tables",
]
