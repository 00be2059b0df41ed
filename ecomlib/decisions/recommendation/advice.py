"""Chooses a list for each of two pages on a shop's own past, and writes it with its reasons (lesson 10, section 6).

The page *again* holds what the customer has bought, the page *new* what not. Each page takes the method that was best
at the shop's own last cut: a rule is kept wherever nothing beats it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from ecomlib.decisions.recommendation.baskets import Cut
from ecomlib.decisions.recommendation.neighbours import (
    ease,
    ease_scores,
    item_knn,
    own_and_popular,
    own_frequency,
    popularity,
    tifu_knn,
)
from ecomlib.decisions.recommendation.ranking import PLACES, ranked, two_tables

Floats = NDArray[np.float64]
POPULAR, OWN, KNN, EASE, TIFU = "popularity, 28 days", "own frequency", "item-kNN", "EASE", "TIFU-kNN"
BOTH = "own frequency and popularity"
METHODS: dict[str, Callable[[Cut], Floats]] = {
    POPULAR: popularity,
    OWN: own_frequency,
    BOTH: own_and_popular,
    KNN: lambda cut: item_knn(cut, 100, decay=180.0),
    EASE: lambda cut: ease_scores(cut, 200.0, decay=180.0),
    TIFU: lambda cut: tifu_knn(cut, neighbours=300, share=0.3),
}
PAGES = {"again": ("all", (OWN, BOTH, TIFU)), "new": ("new", (POPULAR, KNN, EASE, TIFU))}
EVERYBODY = "everybody else"  # who has no history: one list for all of them
COLUMNS = ("customer_id", "page", "place", "product_id", "score", "because")


@dataclass(frozen=True, eq=False)
class Tried:
    """Hold what each method reached at a shop's own last cut.

    Parameters
    ----------
    table : DataFrame
        ``page, method, recall, ndcg, cases``, means over cases.
    """

    table: pd.DataFrame

    def best(self, page: str) -> str:
        """Name the method with the highest NDCG on a page, of equal ones the simplest; the rule where none was tried.

        Parameters
        ----------
        page : {"again", "new"}
        """
        mine = self.table[self.table["page"] == page]
        return PAGES[page][1][0] if mine.empty else str(mine.loc[mine["ndcg"].idxmax(), "method"])


def try_methods(cut: Cut, places: int = PLACES) -> Tried:
    """Score the methods of both pages at a cut whose next baskets are known.

    Parameters
    ----------
    cut : Cut
        With targets.
    places : int
    """
    found = {name: two_tables(made(cut), cut, places) for name, made in METHODS.items()}
    rows = []
    for page, (table, methods) in PAGES.items():
        for name in methods:
            part = found[name][found[name]["table"] == table]
            if len(part):
                mean = part[["recall", "ndcg"]].mean()
                rows.append({"page": page, "method": name, **mean.to_dict(), "cases": len(part)})
    return Tried(pd.DataFrame(rows, columns=["page", "method", "recall", "ndcg", "cases"]))


def write_lists(cut: Cut, methods: dict[str, str], places: int = 10) -> pd.DataFrame:
    """Write the lists of both pages for every case of a cut, and one for whoever has no history.

    Parameters
    ----------
    cut : Cut
        Made with ``days=0``: today, nothing held back.
    methods : dict
        The method of each page.
    places : int

    Returns
    -------
    DataFrame
        ``customer_id, page, place`` (from 1), ``product_id, score`` (of its method, no unit), ``because``. A customer
        who bought fewer products than there are places has a shorter page *again*.
    """
    parts = [_page(cut, page, METHODS[name](cut), name, places) for page, name in methods.items()]
    now = popularity(cut)[:1]
    first = ranked(now, places)[0]
    baskets = now[0, first].astype(int)
    rest = pd.DataFrame(
        {
            "customer_id": EVERYBODY,
            "page": "new",
            "place": np.arange(1, len(first) + 1),
            "product_id": cut.items[first],
            "score": baskets.astype(float),
            "because": [f"in {count} baskets of the last 28 days" for count in baskets],
        }
    )
    whole = pd.concat([rest, *parts], ignore_index=True)[list(COLUMNS)]
    first_of_all = whole["customer_id"].ne(EVERYBODY)
    whole = whole.assign(_first=first_of_all).sort_values(["_first", "customer_id", "page", "place"], kind="stable")
    return whole.drop(columns="_first").reset_index(drop=True)


def _page(cut: Cut, page: str, scores: Floats, method: str, places: int) -> pd.DataFrame:
    """One page of every case, with reasons."""
    bought = cut.bought().toarray() > 0
    hidden = ~bought if page == "again" else bought
    shown = ranked(scores, places, leave_out=sparse.csr_matrix(hidden.astype(float)))
    row = np.repeat(np.arange(len(shown)), shown.shape[1])
    item = shown.ravel()
    there = ~hidden[row, item]
    row, item = row[there], item[there]
    place = np.tile(np.arange(1, shown.shape[1] + 1), len(shown))[there]
    because = _again(cut, row, item) if page == "again" else _why(cut, method, row, item)
    return pd.DataFrame(
        {
            "customer_id": cut.customers[cut.cases[row]],
            "page": page,
            "place": place,
            "product_id": cut.items[item],
            "score": scores[row, item],
            "because": because,
        }
    )


def _again(cut: Cut, row: NDArray[np.int64], item: NDArray[np.int64]) -> list[str]:
    """How often each was bought, and when last."""
    per = cut.lines.groupby(["customer", "item"])["age"].agg(["size", "min"])
    found = per.reindex(pd.MultiIndex.from_arrays([cut.cases[row], item]))
    days = (cut.at - pd.to_timedelta(found["min"].to_numpy(), unit="D")).strftime("%Y-%m-%d")
    return [
        f"bought {int(times)} time{'s' * (times != 1)}, last on {day}"
        for times, day in zip(found["size"], days, strict=True)
    ]


def _why(cut: Cut, method: str, row: NDArray[np.int64], item: NDArray[np.int64]) -> list[str]:
    """What counts most for each new item: what was bought with it, how much it sells, or who else buys it."""
    if method in (KNN, EASE):
        everybody = (cut.matrix() > 0).astype(np.float64)
        together = np.asarray((everybody.T @ everybody).toarray())
        buyers = np.sqrt(np.maximum(np.diag(together), 1.0))
        weights = ease(together, 200.0) if method == EASE else together / np.outer(buyers, buyers)
        profile = cut.matrix(180.0)[cut.cases]
        reasons = []
        for case, what in zip(row, item, strict=True):
            mine = slice(profile.indptr[case], profile.indptr[case + 1])
            most = int(np.argmax(profile.data[mine] * weights[profile.indices[mine], what]))
            reasons.append(f"goes with {cut.items[profile.indices[mine][most]]}, bought before")
        return reasons
    if method == POPULAR:
        baskets = popularity(cut)[0].astype(int)
        return [f"in {baskets[what]} baskets of the last 28 days" for what in item]
    return ["bought by customers like this one"] * len(item)
