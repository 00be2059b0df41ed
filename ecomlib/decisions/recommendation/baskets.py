"""Makes baskets of order lines and cuts them in time: what was known on a day, and what was bought next (lesson 10)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from ecomlib.errors import DataError

Whole = NDArray[np.int64]
COLUMNS = ("customer_id", "ordered_at", "product_id")


def basket_lines(orders: pd.DataFrame) -> pd.DataFrame:
    """Gather what each customer bought on each day: a customer-day is a basket (lesson 10, section 1).

    The order inside an invoice says nothing of time, and two invoices of a day are one visit. Lines without a customer
    are left out: nobody can be shown anything by them.

    Parameters
    ----------
    orders : DataFrame
        ``customer_id, ordered_at, product_id``; cancellations are out already.

    Returns
    -------
    DataFrame
        ``customer_id, day, product_id``, each triple once, sorted by customer, day and product.

    Raises
    ------
    DataError
        A column is missing, or no line has a customer.

    Examples
    --------
    >>> lines = pd.DataFrame({"customer_id": ["a", "a", None], "product_id": ["mug", "mug", "cup"]})
    >>> basket_lines(lines.assign(ordered_at=pd.Timestamp("2024-01-01 10:00")))["product_id"].tolist()
    ['mug']
    """
    for column in COLUMNS:
        if column not in orders:
            remedy = "give an order table with customer_id, ordered_at and product_id."
            raise DataError("baskets need this column", table="orders", column=column, remedy=remedy)
    known = orders.loc[orders["customer_id"].notna(), list(COLUMNS)]
    if known.empty:
        raise DataError(
            "no order line has a customer",
            table="orders",
            column="customer_id",
            remedy="recommend by popularity, or write customer_id where customers log in.",
        )
    days = known.assign(day=known["ordered_at"].dt.normalize())[["customer_id", "day", "product_id"]]
    return days.drop_duplicates().sort_values(["customer_id", "day", "product_id"], ignore_index=True)


@dataclass(frozen=True, eq=False)
class Cut:
    """Hold what was known on a day, and what each customer's next basket held.

    Parameters
    ----------
    at : Timestamp
        The cut: all history is before this day, all targets are on it or later.
    items : array of str
        The catalogue, (I,), sorted.
    customers : array of str
        All who bought before the cut, (U,), sorted.
    lines : DataFrame
        ``customer`` and ``item`` (places in the two arrays) and ``age`` (days before the cut, at least 1), a row a
        customer, day and item of the catalogue; by customer, the oldest first.
    cases : array of int
        Places of the customers to be served, (N,).
    targets : csr_matrix
        Items of each case's next basket, (N, I), ones.
    facts : dict
        ``outside``, the share of target lines outside the catalogue, which are left out; ``repeated``, the share of the
        targets that the customer had bought before.
    """

    at: pd.Timestamp
    items: NDArray[np.object_]
    customers: NDArray[np.object_]
    lines: pd.DataFrame
    cases: Whole
    targets: sparse.csr_matrix
    facts: dict[str, float]

    def matrix(self, decay: float | None = None, window: int | None = None) -> sparse.csr_matrix:
        """Count the baskets of each customer that hold an item, (U, I).

        Parameters
        ----------
        decay : float, optional
            Days after which a basket counts 1/e; without it all count 1.
        window : int, optional
            Only so many days before the cut.
        """
        known = self.lines if window is None else self.lines[self.lines["age"] <= window]
        weight = np.ones(len(known)) if decay is None else np.exp(-known["age"].to_numpy() / decay)
        shape = (len(self.customers), len(self.items))
        return sparse.csr_matrix((weight, (known["customer"], known["item"])), shape=shape)

    def bought(self) -> sparse.csr_matrix:
        """Tell what each case bought before the cut, (N, I), ones."""
        return (self.matrix()[self.cases] > 0).astype(np.float64).tocsr()


def cut_at(
    lines: pd.DataFrame,
    at: str | pd.Timestamp,
    *,
    days: int = 90,
    least: int = 5,
    year: int = 365,
    earlier: int = 2,
) -> Cut:
    """Cut baskets in time, for everybody on one day (lesson 10, section 1).

    A case is a customer with at least ``earlier`` baskets before the cut and one in the ``days`` from it: its first.
    The catalogue is what was bought in at least ``least`` baskets of the last ``year`` days; nothing after the cut says
    what is in it. With ``days=0`` nothing is held back: cases are all with ``earlier`` baskets, and targets are empty.

    Parameters
    ----------
    lines : DataFrame
        Of ``basket_lines``.
    at : str or Timestamp
    days, least, year, earlier : int

    Raises
    ------
    DataError
        No history, no catalogue or nobody to be served.

    Examples
    --------
    >>> days = pd.to_datetime(["2024-01-01", "2024-01-08", "2024-01-15"])
    >>> lines = pd.DataFrame({"customer_id": "a", "day": days, "product_id": ["mug", "cup", "mug"]})
    >>> cut = cut_at(lines, "2024-01-15", least=1)
    >>> cut.items[cut.targets.indices].tolist(), cut.facts["repeated"]
    (['mug'], 1.0)
    """
    when = pd.Timestamp(at)
    past = lines[lines["day"] < when]
    recent = past.loc[past["day"] >= when - pd.Timedelta(days=year), "product_id"].value_counts()
    items = np.sort(recent.index[recent >= least].to_numpy(dtype=object))
    if not len(items):
        remedy = "choose a later cut, or a lower `least`."
        raise DataError("nothing was bought often enough before the cut", value=f"{when:%Y-%m-%d}", remedy=remedy)
    customers = np.sort(past["customer_id"].unique().astype(object))
    baskets = past.drop_duplicates(["customer_id", "day"]).groupby("customer_id").size()
    served = baskets.index[baskets >= earlier]
    ahead = lines[(lines["day"] >= when) & (lines["day"] < when + pd.Timedelta(days=days))]
    ahead = ahead[ahead["customer_id"].isin(served)]
    first = ahead[ahead["day"] == ahead.groupby("customer_id")["day"].transform("min")]
    held = first[first["product_id"].isin(items)]
    cases = np.searchsorted(customers, np.sort((held["customer_id"].unique() if days else served).astype(object)))
    if not len(cases):
        remedy = f"choose another cut: a case has {earlier} baskets before it and one in the {days} days from it."
        raise DataError("there is nobody to be served at this cut", value=f"{when:%Y-%m-%d}", remedy=remedy)
    row = np.searchsorted(customers[cases], held["customer_id"].to_numpy(dtype=object))
    column = np.searchsorted(items, held["product_id"].to_numpy(dtype=object))
    targets = sparse.csr_matrix((np.ones(len(held)), (row, column)), shape=(len(cases), len(items)))
    known = past[past["product_id"].isin(items)]
    coded = pd.DataFrame(
        {
            "customer": np.searchsorted(customers, known["customer_id"].to_numpy(dtype=object)),
            "item": np.searchsorted(items, known["product_id"].to_numpy(dtype=object)),
            "age": (when - known["day"]).dt.days.to_numpy(),
        }
    ).sort_values(["customer", "age", "item"], ascending=[True, False, True], ignore_index=True)
    made = Cut(when, items, customers, coded, cases, targets, {})
    repeated = float(targets.multiply(made.bought()).sum() / max(targets.sum(), 1))
    made.facts.update(outside=1 - len(held) / max(len(first), 1), repeated=repeated)
    return made
