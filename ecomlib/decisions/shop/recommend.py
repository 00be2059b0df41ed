"""Writes what to show each customer from a shop's tables: what to buy again, and what is new to them (lesson 10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ecomlib.decisions.recommendation.advice import EVERYBODY, PAGES, Tried, try_methods, write_lists
from ecomlib.decisions.recommendation.baskets import basket_lines, cut_at
from ecomlib.decisions.registry import Decision
from ecomlib.decisions.shop.weeks import weeks_of
from ecomlib.errors import DataError

if TYPE_CHECKING:
    from ecomlib.decisions.registry import Options
    from ecomlib.stores.store import Store

LEAST = 8  # full weeks
PLACES, MOST_PLACES = 10, 100
FEW = 50  # cases below which a cut decides nothing
CUTS = 2  # what is best at one cut may be the season's luck
RECENT = 365  # days in which a customer must have bought to be written to


def decide_recommend(store: Store, options: Options) -> Decision:
    """Write two lists for each customer of the last year: what to offer again, and what is new to the customer.

    Each page takes the method that ranked best at the shop's own last two cuts (90 and 180 days before the end of the
    books, or a quarter and a half of them), by a full ranking; one cut is luck. With fewer than 50 customers to try it
    on, the first cut decides, or own frequency and popularity are taken.
    Whoever has no history gets the list of *everybody else*.

    Parameters
    ----------
    store : Store
        With ``orders.customer_id``.
    options : Options
        ``places`` under ``more``: rows of a page, 10 unless given.

    Returns
    -------
    Decision
        ``customer_id, page, place, product_id, title, score, because``.

    Raises
    ------
    DataError
        Too few weeks, no customers in the orders, or a number of places out of range.
    """
    places = options.more.get("places", PLACES)
    if isinstance(places, bool) or not isinstance(places, int) or not 1 <= places <= MOST_PLACES:
        raise DataError(
            f"a page has 1 to {MOST_PLACES} places, a whole number", value=places, remedy="write places=10."
        )
    weeks = weeks_of(store, options, LEAST, "lists for customers")
    lines = basket_lines(store.orders)
    today = lines["day"].max() + pd.Timedelta(days=1)
    days = int(min(90, max(7, (today - lines["day"].min()).days // 4)))
    options.say(f"{weeks.said()}; trying the methods at {CUTS} cuts, {days} days apart …")
    tried, cuts, warnings = _tried(lines, today, days)
    methods = {page: tried.best(page) for page in PAGES}
    recent = lines.groupby("customer_id")["day"].transform("max") >= today - pd.Timedelta(days=RECENT)
    cut = cut_at(lines[recent], today, days=0, least=1, earlier=1)
    table = write_lists(cut, methods, places)
    titles = weeks.store.products.set_index("product_id")
    named = table["product_id"].map(titles["title"]) if "title" in titles else pd.Series(None, index=table.index)
    table.insert(4, "title", named)
    table["score"] = table["score"].map(lambda value: float(np.format_float_positional(value, 4, fractional=False)))
    count = int(table.loc[table["customer_id"] != EVERYBODY, "customer_id"].nunique())
    facts: dict[str, Any] = weeks.facts() | {
        "model": f"{methods['again']} and {methods['new']}",
        "interval": None,
        "methods": methods,
        "places": places,
        "customers": count,
        "days_tried": days,
        "cuts_tried": cuts,
        "tried": tried.table.round(4).to_dict("records"),
        "assumed": [
            "a day's lines of a customer are one basket",
            "what was bought without these lists was scored, not what they would add: that takes an experiment",
        ],
    }
    said = f"{weeks.said()}; {count:,} customers, {places} places a page; again by {methods['again']}, new by "
    return Decision(table, f"{said}{methods['new']}{_scored(tried, methods, cuts)}", facts, tuple(warnings))


def _tried(lines: pd.DataFrame, today: pd.Timestamp, days: int) -> tuple[Tried, list[str], list[str]]:
    """What the methods reached at the shop's own last cuts, those days, and a warning where too few came back."""
    found, at, count = [], [], 0
    for back in range(1, CUTS + 1):
        day = today - pd.Timedelta(days=back * days)
        try:
            cut = cut_at(lines, day, days=days)
        except DataError:
            break
        if len(cut.cases) < FEW:
            count = count or len(cut.cases)
            break
        found.append(try_methods(cut).table)
        at.append(f"{day:%Y-%m-%d}")
    if found:
        whole = pd.concat(found).groupby(["page", "method"], sort=False)
        mean = whole[["recall", "ndcg"]].mean().join(whole["cases"].sum()).reset_index()
        return Tried(mean), at, []
    return (
        Tried(pd.DataFrame(columns=["page", "method", "recall", "ndcg", "cases"])),
        [],
        [
            f"Only {count} customers with two earlier baskets came back in the last {days} days, too few to choose a"
            " method by: the rules were taken, own frequency and popularity."
        ],
    )


def _scored(tried: Tried, methods: dict[str, str], cuts: list[str]) -> str:
    """How well the chosen methods ranked, for the line."""
    if tried.table.empty:
        return "; not tried on the past"
    by = tried.table.set_index(["page", "method"])["ndcg"]
    parts = [f"{by[page, name]:.3f} {page}" for page, name in methods.items() if (page, name) in by.index]
    return f"; NDCG@20 of {len(cuts)} cut{'s' * (len(cuts) > 1)} {' and '.join(parts)}"
