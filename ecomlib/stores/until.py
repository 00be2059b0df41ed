"""Cuts a store's tables at a Sunday evening: what the shop knew then, and its plan for the weeks to come.

What a table says of a later day is left out, whatever stands in the same row with an earlier one: a listing that is
rewritten later, a product that is launched later, whether a line of last week will come back, and the propensity of a
planned promotion, which the simulation computes from next week's fashion.
"""

from __future__ import annotations

import pandas as pd

from ecomlib.stores.store import Store

RETURN_DAYS = 28  # a line that is younger is not known to have come back
_TIMES = {
    "products": "launched_on",
    "listings": "valid_from",
    "customers": "signed_up_on",
    "orders": "ordered_at",
    "inventory": "date",
    "sessions": "started_at",
    "mailings": "date",
    "reviews": "written_at",
}


def tables_until(store: Store, begin: pd.Timestamp, name: str, ahead: int = 4) -> Store:
    """Cut a store at the beginning of a Monday, for somebody who decides for the weeks from that day on.

    Parameters
    ----------
    store : Store
        Without its truth.
    begin : Timestamp
        The first day that is not known.
    name : str
        What the cut store calls itself; the old name may say too much.
    ahead : int
        Weeks of the plan that are known.

    Returns
    -------
    Store
        Of ``prices`` the plan of the coming weeks too.
    """
    cut: dict[str, pd.DataFrame] = {}
    for table, column in _TIMES.items():
        frame = getattr(store, table)
        if frame is not None:
            early = (frame[column] < begin) | frame[column].isna()
            cut[table] = frame[early].reset_index(drop=True)
    known = set(cut["products"]["product_id"])
    for table in ("listings", "prices"):
        frame = cut.get(table, getattr(store, table))
        if frame is not None:
            cut[table] = frame[frame["product_id"].isin(known)].reset_index(drop=True)
    if "prices" in cut:
        plan = cut["prices"][cut["prices"]["date"] < begin + pd.Timedelta(weeks=ahead)].reset_index(drop=True)
        if "promo_propensity" in plan:
            plan["promo_propensity"] = plan["promo_propensity"].where(plan["date"] < begin)
        cut["prices"] = plan
    if "returned" in cut["orders"]:
        old = cut["orders"]["ordered_at"] < begin - pd.Timedelta(days=RETURN_DAYS)
        cut["orders"] = cut["orders"].assign(returned=cut["orders"]["returned"] & old)
    return store.with_parts(name=name, notes={}, truth=None, **cut)
